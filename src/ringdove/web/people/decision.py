"""Why did Anna not get it, and what would happen if I sent now? (N2)

Every rule of the decision with its tick or cross, in its order, and the facts behind it: which
earlier texts fill a cap, in which zones it is night. Asked about a message or about an offer that
is only thought of. Nothing is kept and nothing is sent.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.people import people
from ringdove.records.segments import histories
from ringdove.records.sending import message_story
from ringdove.records.store import policies
from ringdove.rules.consent import explaining
from ringdove.rules.consent.consent import Draft
from ringdove.rules.consent.explaining import Explained
from ringdove.rules.consent.hours import part_of
from ringdove.rules.scenes import Contact, History, Store
from ringdove.web.forms import Form
from ringdove.web.people.customers import ContactId
from ringdove.web.reasons import reason_words
from ringdove.web.store import policy_words
from ringdove.web.views import ViewerPage

router = APIRouter(prefix="/stores/{store_id}/customers/{contact_id}", include_in_schema=False)

VALID_FOR = timedelta(days=1)
AHEAD_MAX = timedelta(days=400)
ID_MAX = 2**63 - 1

Text = Annotated[str, Query(max_length=200)]


@router.get("/decision")
async def show(
    page: ViewerPage, contact_id: ContactId, klass: Literal["service", "marketing"] = "marketing",
    topic: Text = "offers", category: Text = "", occasion: Text | None = None, at: Text = "",
    message: Annotated[int, Query(ge=0, le=ID_MAX)] = 0,
) -> Response:  # fmt: skip
    """The steps of the decision about a message of theirs, or about a text that is thought of."""
    now = page.runtime.clock()
    moment = _moment(page.say.zone, at, now)
    async with page.transaction() as tx:
        who = await people.find(tx, page.store, contact_id)
        if who is None:
            raise HTTPException(404)
        story = await message_story.story(tx, page.store, message) if message else None
        if message and (story is None or story[0]["contact_id"] != contact_id):
            raise HTTPException(404)
        about = dict(story[0]) if story else None
        if about:
            draft, moment = draft_of(about), about["created_at"]
        else:
            # Nobody has asked about an occasion yet: the first look is about the person.
            why_now = page.say.gettext("Sale") if occasion is None else occasion
            draft = thought_of(klass, topic, category, why_now, moment)
        explained = await explain(tx, page.store, who, draft, moment, message)
        categories = await policies.categories(tx, page.store)
    typed = {
        "klass": draft.klass, "topic": draft.topic, "category": draft.category,
        "occasion": draft.occasion,
        "at": moment.astimezone(page.say.zone).strftime("%Y-%m-%dT%H:%M"),
    }  # fmt: skip
    return page.render(
        "people/decision.html",
        who=who,
        name=who.name or page.say.phone(who.phone) or page.say.gettext("no name"),
        about=about,
        explained=explained,
        moment=moment,
        is_now=not about and not at,
        form=Form[Any](typed),
        words=policy_words,
        reason_words=reason_words,
        topics=policy_words.topics(page.say, page.store),
        category_options=[("", page.say.gettext("none")), *((one, one) for one in categories)],
    )


def _moment(zone: Any, at: str, now: datetime) -> datetime:
    """What was typed, by the store's clock; an hour that is none is now."""
    try:
        typed = datetime.fromisoformat(at).replace(tzinfo=zone) if at else now
    except ValueError:
        return now
    return typed if abs(typed - now) < AHEAD_MAX else now


def thought_of(klass: str, topic: str, category: str, occasion: str, at: datetime) -> Draft:
    """A text that nobody has written yet."""
    is_offer = klass == "marketing"
    return Draft(
        "sms", klass, topic if is_offer else "by_hand", at, at + VALID_FOR,
        category=category if is_offer else "", occasion=occasion if is_offer else "",
    )  # fmt: skip


def draft_of(message: dict[str, Any]) -> Draft:
    """A message, as the decision was asked of it."""
    return Draft(
        message["channel"], message["class"], message["topic"], message["not_before"],
        message["not_after"], category=message.get("category", ""),
        occasion=message.get("occasion", ""), part=part_of(message.get("own_hours", "")),
    )  # fmt: skip


async def explain(
    tx: Tx, store: Store, person: Contact, draft: Draft, at: datetime, message_id: int = 0
) -> Explained:
    """Each rule about it at that moment: with the texts that had gone by then, and with what the
    person allows today."""
    pasts = await histories.load(tx, store, [person], at)
    past = pasts.get(person.id, History()).without(message_id)
    gone = tuple(touch for touch in past.touches if touch.at <= at)
    return explaining.explain(store, person, draft, replace(past, touches=gone), at)
