"""The last look before a campaign begins: a rehearsal, a second person's yes, and the start (N2).

The rehearsal is made by a worker with the very code of the run. What is shown is of one version of
the plan; a change makes it old, and an approval is never carried over to another version.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, StringConstraints
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records import clicks
from ringdove.records.campaigns import campaigns, rehearsals
from ringdove.records.campaigns.campaigns import CampaignRefused
from ringdove.records.campaigns.rehearsals import Rehearsal
from ringdove.records.offers import offers, rewards
from ringdove.records.people import own_fields, people
from ringdove.records.reports import report_sums
from ringdove.records.segments import segments
from ringdove.records.sending import gateways
from ringdove.records.surveys import surveys
from ringdove.rules import texts
from ringdove.rules.campaigns import approving, campaign_problems
from ringdove.rules.campaigns.campaign_problems import Problem
from ringdove.rules.campaigns.campaigns import Campaign, Plan, channels_of, skus_in
from ringdove.rules.facts import Customer
from ringdove.rules.scenes import Store
from ringdove.web.campaigns import campaign_audience
from ringdove.web.campaigns import campaign_words as words
from ringdove.web.campaigns.campaign_previews import values_of
from ringdove.web.campaigns.campaigns_found import CampaignId, find
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.offers.offer_words import PROBLEMS as OFFER_PROBLEMS
from ringdove.web.reasons import reason_words
from ringdove.web.reports import report_words
from ringdove.web.segments.segment_names import names_of
from ringdove.web.segments.segment_words import say as segment_said
from ringdove.web.sending import handwork
from ringdove.web.views import MarketerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/campaigns", include_in_schema=False)

REVIEWED = ("draft", "waiting")
NOTE_MAX = 300
SAMPLES_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Share:
    """A line of a drawing: how many by what."""

    said: str
    people: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A text of the rehearsal and who would get it."""

    name: str
    contact_id: int
    channel: str
    subject: str
    text: str
    parts: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Outlook:
    """A finished rehearsal as the page shows it."""

    people: int
    queued: int
    money: Sequence[tuple[Decimal, str]]  # by currency
    worst: Sequence[tuple[Decimal, str]]
    unpriced: int
    hours: tuple[list[str], list[int]]
    reasons: list[Share]
    gateways: list[Share]
    parts: list[Share]
    languages: list[Share]
    samples: list[Sample]

    @property
    def left_out(self) -> int:
        """Who gets nothing."""
        return sum(one.people for one in self.reasons)


@router.get("/{campaign_id}/review")
async def show(page: ViewerPage, campaign_id: CampaignId) -> Response:
    """What it will do, and the button that starts it."""
    async with page.transaction() as tx:
        found = await find(tx, page, campaign_id)
    if found.state not in REVIEWED:
        return page.go(f"{page.home}/campaigns/{campaign_id}")
    return await render(page, found)


async def render(
    page: StorePage, found: Campaign, status: int = 200, *, refused: str = "",
    tried: Form[Any] | None = None,
) -> Response:  # fmt: skip
    """The page; `tried`: a test that came back."""
    say = page.say
    async with page.transaction() as tx:
        rehearsal = await rehearsals.find(tx, page.store, found.id)
        wrong = await problems(tx, page, found.plan)
        needs = await campaigns.needs_approval(tx, page.store, found)
        names = await names_of(tx, page.store, say)
        outlook = None
        is_fresh = rehearsal is not None and rehearsal.version == found.version
        if rehearsal and rehearsal.state == "done":
            outlook = await _outlook(tx, page, rehearsal)
        usual = await report_sums.usual_rate(tx, page.store, say.now) if outlook else None
    plan = found.plan
    held = plan.holdout_percent
    to_compare = round(outlook.queued / (1 - held / 100)) if outlook else 0
    return page.render(
        "campaigns/campaign_review.html",
        status,
        campaign=found,
        rehearsal=rehearsal,
        trouble=rehearsal and reason_words(say, rehearsal.error),
        is_fresh=is_fresh,
        outlook=outlook,
        blocking=_once(words.problem(say, one) for one in wrong if one.blocks),
        hints=_once(words.problem(say, one) for one in wrong if not one.blocks),
        sees=report_words.sees(say, to_compare, held, usual) if outlook else "",
        needs=words.refusal(say, CampaignRefused(needs)) if needs else "",
        above=page.store.policy.approval_above,
        against=_against(page, found),
        audience=segment_said(plan.audience, say, names),
        without=segment_said(plan.without, say, names) if plan.without else "",
        words=words,
        channels=channels_of(plan),
        refused=refused,
        tried=tried or Form[Any]({"phone": "", "language": page.store.languages[0]}),
        languages=words.languages_of(page.store.languages),
    )


def _once(told: Iterable[str]) -> list[str]:
    """What is wrong in five languages alike is said once; the composer has it beside each."""
    return list(dict.fromkeys(told))


def _against(page: StorePage, found: Campaign) -> str:
    why = approving.against(found, page.user.id)
    return words.refusal(page.say, CampaignRefused(why)) if why else ""


async def problems(tx: Tx, page: Any, plan: Plan) -> list[Problem]:
    """All that is wrong with a plan of this store. `page`: also a Caller."""
    store: Store = page.store
    known = {one.id for one in await segments.of_store(tx, store)}
    every = {one.id: one for one in await rewards.of_store(tx, store.id) if not one.retired}
    fields = await own_fields.of_store(tx, store)
    now = page.runtime.clock()
    found = campaign_problems.problems(
        plan, store, now, known_segments=known, known_offers=every.keys(),
        known_fields=fields.keys(), known_goods=await clicks.products(tx, store, skus_in(plan)),
        known_surveys=await surveys.load(tx, store.id),
    )  # fmt: skip
    if offer := every.get(plan.offer):
        # Codes that the shop does not know yet would be refused at the checkout.
        against = await offers.problems(tx, store, offer, 1, now)
        found += [Problem("offer", "offer", _said(page, OFFER_PROBLEMS[one])) for one in against]
    return found


def _said(page: Any, text: str) -> str:
    return str(page.say.gettext(text)) if hasattr(page, "say") else text


async def _outlook(tx: Tx, page: StorePage, rehearsal: Rehearsal) -> Outlook:
    told, say = rehearsal.result, page.say
    ways = {str(one.id): one.name for one in await gateways.of_store(tx, page.store.id)}
    languages = dict(words.languages_of(page.store.languages))
    by_language = {
        languages.get(code, code): counts.get("queued", 0)
        for code, counts in told["languages"].items()
    }
    return Outlook(
        told["people"], told["queued"], _money(told["money"]), _money(told["money_worst"]),
        told["unpriced"], _hours(page, told["hours"]),
        _shares({reason_words(say, one): n for one, n in told["reasons"].items()}),
        _shares({ways.get(one, one): n for one, n in told["gateways"].items()}),
        [
            Share(say.ngettext("%(num)s part", "%(num)s parts", int(parts)), n)
            for parts, n in sorted(told["parts"].items(), key=lambda one: int(one[0]))
        ],
        _shares(by_language),
        await _samples(tx, page, told["samples"]),
    )  # fmt: skip


def _money(told: Mapping[str, str]) -> list[tuple[Decimal, str]]:
    return [(Decimal(amount), currency) for currency, amount in told.items()]


def _shares(counts: Mapping[str, int]) -> list[Share]:
    found = [Share(said, n) for said, n in counts.items() if n]
    return sorted(found, key=lambda one: -one.people)


def _hours(page: StorePage, told: Mapping[str, int]) -> tuple[list[str], list[int]]:
    """Labels and numbers for the drawing: by the hour, by the day where there are many."""
    at = {datetime.fromisoformat(one): n for one, n in told.items()}
    if len(at) > 48:
        by_day: dict[str, int] = {}
        for moment, n in at.items():
            day = page.say.day(moment)
            by_day[day] = by_day.get(day, 0) + n
        return list(by_day), list(by_day.values())
    labels = [f"{page.say.day(one)}, {page.say.clock(one)}" for one in at]
    return labels, list(at.values())


async def _samples(tx: Tx, page: StorePage, told: Sequence[Mapping[str, Any]]) -> list[Sample]:
    found = []
    for one in told[:SAMPLES_SHOWN]:
        person = await people.find(tx, page.store, one["contact_id"])
        name = person.name if person else ""
        if not name and person and person.phone:
            name = page.say.phone(person.phone)
        found.append(Sample(
            name, one["contact_id"], one["channel"], one["subject"], one["text"], one["parts"],
            datetime.fromisoformat(one["due_at"]),
        ))  # fmt: skip
    return found


# ------------------------------------------------------------------ rehearse and try


@router.post("/{campaign_id}/rehearsal")
async def rehearse(page: MarketerPage, campaign_id: CampaignId) -> Response:
    """A worker works out what it would do, as if it began now."""
    here = f"{page.home}/campaigns/{campaign_id}/review"
    async with page.transaction() as tx:
        found = await find(tx, page, campaign_id)
        if found.state not in REVIEWED:
            return page.go(f"{page.home}/campaigns/{campaign_id}")
        await ask_rehearsal(tx, page, found)
        await page.audit(tx, "campaign.rehearsed", found.name)
    return page.go(here)


async def ask_rehearsal(tx: Tx, page: Any, found: Campaign) -> None:
    """Asks for one of the version that is kept now. `page`: also a Caller."""
    now = page.runtime.clock()
    await rehearsals.ask(tx, page.store, found.id, found.version, now, now)


class Try(Filled):
    phone: Annotated[str, StringConstraints(min_length=3, max_length=60)]
    language: Annotated[str, StringConstraints(max_length=12)] = ""
    variant: Annotated[int, Field(ge=0, le=9)] = 0


@router.post("/{campaign_id}/test")
async def try_out(page: MarketerPage, campaign_id: CampaignId) -> Response:
    """One text of it to a phone of one's own, or a virtual one."""
    _ = page.say.gettext
    form = await read_form(page.request, Try, page.say)
    async with page.transaction() as tx:
        found = await find(tx, page, campaign_id)
    if form.filled is None:
        return await render(page, found, 422, tried=form)
    given = form.filled
    try:
        state = await send_test(
            page, found, given.phone, given.language, given.variant, f"page/{page.user.name}"
        )
    except handwork.PhoneDoubtful:
        form.refuse("phone", _("This cannot be read as a number that receives texts."))
        return await render(page, found, 422, tried=form)
    except texts.TemplateBroken as error:
        form.refuse("language", error.message)
        return await render(page, found, 422, tried=form)
    if not state:
        form.refuse("language", _("Nothing is said in this language yet."))
        return await render(page, found, 422, tried=form)
    async with page.transaction() as tx:
        await page.audit(tx, "campaign.tested", found.name)
    here = f"{page.home}/campaigns/{campaign_id}/review"
    if state == "dropped":
        return page.go(here, _("It was not sent: this number has stopped all texts."))
    return page.go(here, _("The test is on its way. Its links are samples."))


async def send_test(
    page: Any, found: Campaign, phone: str, language: str, variant: int, why: str
) -> str:
    """The state of one text that was made; "": there are no words. Raises PhoneDoubtful and
    TemplateBroken. `page`: also a Caller."""
    plan = found.plan
    chosen = plan.variants[variant if variant < len(plan.variants) else 0]
    language = language if language in page.store.languages else page.store.languages[0]
    said = chosen.words.get(language)
    if said is None or not said.sms:
        return ""
    async with page.transaction() as tx:
        offer = await rewards.find(tx, page.store.id, plan.offer) if plan.offer else None
        reader, _place = await campaign_audience.reader(tx, page, plan, 0)
        survey = (await surveys.load(tx, page.store.id)).get(plan.survey)
    text = texts.render(said.sms, values_of(page, plan, offer, reader, language, survey))
    wish = handwork.Wish(Customer(phone=phone), text, "service", why, origin="test")
    answer = await handwork.send(page.runtime, page.store, wish)
    return str(answer["state"])
