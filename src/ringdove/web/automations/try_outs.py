"""The test run of an automation on one person with a pretend clock: its steps, their times, the
texts and their price. Nothing is sent, given or kept (N2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BeforeValidator, Field, StringConstraints
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.automations import try_outs
from ringdove.records.automations.try_outs import TryOut
from ringdove.records.people import lookups
from ringdove.rules.automations.journeys import Journey
from ringdove.rules.automations.plans import Plan
from ringdove.rules.automations.pretending import KINDS, Pretend
from ringdove.rules.automations.rehearsing import Happened
from ringdove.rules.people import phones
from ringdove.rules.scenes import Store
from ringdove.web.automations import fact_words, recipe_words, step_words
from ringdove.web.automations.automations_found import find
from ringdove.web.automations.editor import named_of
from ringdove.web.automations.spans import DAY_S, HOUR_S, MINUTE_S, units
from ringdove.web.automations.step_words import Named
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.reasons import reason_words
from ringdove.web.views import StorePage, SupportPage

router = APIRouter(prefix="/stores/{store_id}/automations", include_in_schema=False)

ALWAYS = ("order.placed", "payment.received", "order.cancelled", "cart.changed/emptied",
          "parcel.moved/delivered", "text.received")  # fmt: skip
ROWS = 2  # of what happens then
AFTER_MAX = 400
CONTACT_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of what would happen. `tone`: ok said, wait waits, bad not said, "" the rest."""

    at: datetime
    icon: str
    tone: str
    title: str
    note: str = ""
    subject: str = ""
    text: str = ""


class Tried(Filled):
    who: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    at: Annotated[datetime | None, BeforeValidator(lambda typed: typed or None)] = None
    then0: Annotated[str, StringConstraints(max_length=60)] = ""
    after0: Annotated[int, Field(ge=0, le=AFTER_MAX)] = 1
    unit0: Annotated[int, Field(ge=MINUTE_S, le=DAY_S)] = HOUR_S
    said0: Annotated[str, StringConstraints(max_length=300)] = ""
    then1: Annotated[str, StringConstraints(max_length=60)] = ""
    after1: Annotated[int, Field(ge=0, le=AFTER_MAX)] = 1
    unit1: Annotated[int, Field(ge=MINUTE_S, le=DAY_S)] = DAY_S
    said1: Annotated[str, StringConstraints(max_length=300)] = ""

    @property
    def then(self) -> list[Pretend]:
        """What happens after the beginning."""
        rows = (
            (self.then0, self.after0, self.unit0, self.said0),
            (self.then1, self.after1, self.unit1, self.said1),
        )
        return [
            Pretend(timedelta(seconds=after * unit), *_divided(word), said)
            for word, after, unit, said in rows
            if word
        ]


def _divided(word: str) -> tuple[str, str]:
    kind, _, state = word.partition("/")
    return kind, state


@router.get("/{key}/try")
async def show(page: SupportPage, key: str, person: int = 0) -> Response:
    """Whom to try it on, and what they do then."""
    who = str(person) if 0 < person <= CONTACT_MAX else ""
    async with page.transaction() as tx:
        plan = await find(tx, page, key)
    values = {"who": who, "after0": 1, "unit0": HOUR_S, "after1": 1, "unit1": DAY_S}
    return await _render(page, plan, Form[Tried](values))


@router.post("/{key}/try")
async def try_it(page: SupportPage, key: str) -> Response:
    """What would happen to this person."""
    form, _ = await read_form(page.request, Tried, page.say), page.say.gettext
    async with page.transaction() as tx:
        plan = await find(tx, page, key)
        given = form.filled
        contact_id = await behind(tx, page.store, given.who) if given else None
    if given is None:
        return await _render(page, plan, form, 422)
    if contact_id is None:
        form.refuse("who", _("Nobody has this phone, e-mail or number of a customer."))
        return await _render(page, plan, form, 422)
    at = page.runtime.clock()
    if given.at:
        at = given.at if given.at.tzinfo else given.at.replace(tzinfo=page.say.zone)
    try:
        found = await tried(page, plan, contact_id, at, given.then)
    except ValueError:
        form.refuse("then0", _("Choose one of the list."))
        return await _render(page, plan, form, 422)
    if found is None:
        form.refuse("who", _("This person was erased."))
        return await _render(page, plan, form, 422)
    return await _render(page, plan, form, found=found)


async def tried(
    page: Any, plan: Plan, contact_id: int, at: datetime, then: Sequence[Pretend]
) -> TryOut | None:
    """The test run. `page`: also a Caller. Raises ValueError for what cannot be pretended."""
    runtime = page.runtime
    return await try_outs.try_out(
        runtime.pool, page.store, plan, contact_id, at, then, runtime.ids, runtime.keyed,
        runtime.settings.outside_url, runtime.link_key,
    )  # fmt: skip


async def behind(tx: Tx, store: Store, who: str) -> int | None:
    """The contact with this phone, e-mail or number; None: there is none."""
    if "@" in who:
        found = await lookups.customer_behind(tx, store, "email", who.lower())
    elif who.isascii() and who.isdigit() and len(who) > 15 and int(who) <= CONTACT_MAX:
        found = await lookups.customer(tx, store, int(who))
    else:
        read = phones.parse(who, store.country)
        if not isinstance(read, phones.Phone):
            return None
        found = await lookups.customer_behind(tx, store, "phone", read.e164)
    return found["id"] if found else None


async def _render(
    page: StorePage, plan: Plan, form: Form[Tried], status: int = 200,
    found: TryOut | None = None,
) -> Response:  # fmt: skip
    say = page.say
    async with page.transaction() as tx:
        named = await named_of(tx, page)
    money: dict[str, Decimal] = {}
    for one in found.happened if found else ():
        if one.what == "said" and one.message and one.message.cost is not None:
            was = money.get(one.message.cost_currency, Decimal(0))
            money[one.message.cost_currency] = was + one.message.cost
    return page.render(
        "automations/try_out.html",
        status,
        plan=plan,
        key=plan.journey.key,
        title=recipe_words.named(say, plan.journey)[0],
        began=fact_words.began(say, plan.journey.trigger, named.names),
        form=form,
        found=found,
        shown=shown(page, plan, found.happened, named) if found else [],
        texts=sum(one.what == "said" for one in found.happened) if found else 0,
        money=" + ".join(say.money(amount, name) for name, amount in money.items()),
        choices=_choices(page, plan.journey),
        units=units(say),
        rows=range(ROWS),
    )


def _choices(page: StorePage, journey: Journey) -> list[tuple[str, str]]:
    """What can happen then: what it listens to first."""
    words = dict.fromkeys((*sorted(journey.noticed), *ALWAYS))
    known = {**fact_words.FACTS, **fact_words.STATES}
    return [
        (word, page.say.gettext(known[word][1]))
        for word in words
        if word in known and _divided(word)[0] in KINDS
    ]


def shown(
    page: StorePage, plan: Plan, happened: Sequence[Happened], named: Named
) -> list[Shown]:  # fmt: skip
    """Line by line, in the order of time."""

    # What is said at once is said before the wait that follows; a text that waits for its hour
    # leaves when all steps are done, and is not missed behind their end.
    def rank(one: Happened) -> tuple[bool, datetime, int]:
        is_end = one.what == "ended" and not one.reason
        return is_end, one.at, {"waits": 1, "ended": 2}.get(one.what, 0)

    in_order = sorted(happened, key=rank)
    return [line for one in in_order if (line := _line(page, plan, one, named))]


def _line(page: StorePage, plan: Plan, one: Happened, named: Named) -> Shown | None:
    _, say = page.say.gettext, page.say
    course = plan.journey.course
    step = course[one.place].step if one.place in course else None
    title = step_words.title(say, step, named) if step else ""
    match one.what:
        case "began":
            return Shown(one.at, "bolt", "", _("It begins."))
        case "waits" if one.until:
            until = f"{say.day(one.until)}, {say.clock(one.until)}"
            return Shown(one.at, "clock", "", title, _("Until %(when)s.", when=until))
        case "said" | "silent" if one.message:
            message = one.message
            parts = say.ngettext("%(num)s part", "%(num)s parts", message.parts)
            cost = say.price(message.cost, message.cost_currency) if message.cost else ""
            price = " · ".join(part for part in (parts, cost) if part and message.channel == "sms")
            if one.what == "silent":
                why = _("Nothing is said: %(why)s", why=reason_words(say, one.reason))
                return Shown(one.at, "x", "bad", title, why, message.subject, message.body)
            return Shown(one.at, "message", "ok", title, price, message.subject, message.body)
        case "gave":
            return Shown(one.at, "gift", "ok", title)
        case "task" if one.task:
            return Shown(one.at, "bell", "", title, one.task.said)
        case "ended" if one.reason:
            why = _("It ends here: %(why)s", why=reason_words(say, one.reason))
            return Shown(one.at, "logout", "wait", why)
        case "ended":
            return Shown(one.at, "check", "", _("The end."))
    return None
