"""Messages: what was said, what was not and why, and the whole story of each (N2)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.records import clicks
from ringdove.records.campaigns import campaigns
from ringdove.records.sending import gateways, message_story
from ringdove.records.sending import wire as wire_records
from ringdove.records.sending.message_story import ROWS, Wish
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.messages import LIFE
from ringdove.web.reasons import state_words, title
from ringdove.web.sending import asking, route_words, wire
from ringdove.web.store.places import LANGUAGE_NAMES
from ringdove.web.views import StorePage, SupportPage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/messages", include_in_schema=False)

ID_MAX = 2**63 - 1
Id = Annotated[int, Query(ge=0, le=ID_MAX)]
Word = Annotated[str, Query(max_length=40)]


@router.get("")
async def show(
    page: ViewerPage,
    state: Word = "",
    channel: Word = "",
    recipe: Word = "",
    day: Word = "",
    campaign: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    before: Id = ID_MAX,
) -> Response:
    """Messages and silences, newest first, filtered."""
    wish = _wish(page, state, channel, recipe, day)
    async with page.transaction() as tx:
        of_campaign = await campaigns.find(tx, page.store.id, campaign) if campaign else None
        if of_campaign:
            wish = replace(wish, campaign=campaign, since=wish.since or of_campaign.began_at)
        rows = await message_story.newest(tx, page.store, wish, page.runtime.clock(), before)
    kept: dict[str, str | int] = {
        "state": state, "channel": channel, "recipe": recipe, "day": day,
        "campaign": campaign if of_campaign else "",
    }  # fmt: skip
    return page.render(
        "sending/messages.html",
        rows=rows,
        kept=kept,
        more=rows[-1]["id"] if len(rows) == ROWS else None,
        states=[(word, state_words(page.say, word)) for word in LIFE],
        recipes=[
            (key, title(key, page.say.language, page.say.own)) for key in (*RECIPES, *page.say.own)
        ],
        is_filtered=any(kept.values()),
        campaign=of_campaign,
    )


def _wish(page: StorePage, state: str, channel: str, recipe: str, day: str) -> Wish:
    try:
        asked = date.fromisoformat(day) if day else None
    except ValueError:
        asked = None
    since = datetime.combine(asked, time(), page.say.zone) if asked else None
    return Wish(
        state=state,
        channel=channel,
        recipe=recipe,
        since=since,
        until=since + timedelta(days=1) if since else None,
    )


@router.get("/{message_id}")
async def story(page: ViewerPage, message_id: int) -> Response:
    """The whole life of one message."""
    if not 0 <= message_id <= ID_MAX:
        raise HTTPException(404)
    async with page.transaction() as tx:
        found = await message_story.story(tx, page.store, message_id)
        if found is None:
            raise HTTPException(404)
        message, receipts = found
        packets = await wire_records.of_message(tx, page.store, message_id)
        bind = await message_story.taken_by(tx, page.store, message)
        opened = await clicks.of_message(tx, page.store, message_id)
    kept = wire.shown_packets(page.say, packets)
    return page.render(
        "sending/message.html",
        message=message,
        receipts=receipts,
        clicks=opened,
        packets=kept if page.may("support") else [],
        are_hidden=bool(kept) and not page.may("support"),
        why_none=_why_no_packets(page, message),
        bind=bind,
        network=_network(page, message["network"]),
        text_language=LANGUAGE_NAMES.get(message["language"], message["language"]),
        can_ask=bool(asking.ids_to_ask(message, receipts)),
    )


@router.post("/{message_id}/ask")
async def ask(page: SupportPage, message_id: int) -> Response:
    """Asks the operator what became of it."""
    if not 0 <= message_id <= ID_MAX:
        raise HTTPException(404)
    async with page.transaction() as tx:
        found = await message_story.story(tx, page.store, message_id)
        way = found and await gateways.find(tx, page.store.id, found[0]["gateway_id"])
    if found is None:
        raise HTTPException(404)
    ids = asking.ids_to_ask(*found)
    answer = await asking.ask(page.runtime, page.store, way, ids) if way and ids else "not_known"
    async with page.transaction() as tx:
        await page.audit(tx, "message.asked", str(message_id), answer=answer)
    _ = page.say.gettext
    said = {
        "told": _("The operator answered: look at the receipts."),
        "not_known": _("The operator does not say what became of it."),
        "away": _("The operator does not answer now."),
        "settings": _("The settings of this gateway cannot be read: enter them again."),
    }[answer]
    return page.go(f"{page.home}/messages/{message_id}", said)


def _why_no_packets(page: StorePage, message: Mapping[str, Any]) -> str:
    """Why nothing is kept of the wire; "" where there is nothing to say."""
    _, settings = page.say.gettext, message["gateway_settings"] or {}
    if not message["sent_at"] or message["gateway_kind"] is None:
        return ""
    if message["gateway_kind"] == "sandbox" or float(settings.get("throughput_per_s", 0)) > 200:
        return _("This gateway is too fast to keep packets: more than 200 messages per second.")
    if settings.get("keep_packets") is False:
        return _("“Keep packets” is switched off in the settings of this gateway.")
    return _("None are kept of this message. Packets are kept for 30 days.")


def _network(page: StorePage, network: str) -> str:
    country, _, operator = network.partition("/")
    name = route_words.country(page.say, country) if country else ""
    return f"{name}, {operator}" if operator else name
