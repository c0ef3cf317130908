"""What an automation would have done: rehearsed over the facts of last month, before it is switched
on (N2). Worked on elsewhere (workers/automations/rehearsing.py); the page shows how far it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.automations import automation_rehearsals as records
from ringdove.records.automations.automation_rehearsals import SPAN_MAX, AutomationRehearsal
from ringdove.records.people import people
from ringdove.rules.automations import rehearsing
from ringdove.rules.automations.plans import Plan
from ringdove.web.automations import recipe_words, step_words
from ringdove.web.automations.automations_found import find
from ringdove.web.automations.editor import named_of
from ringdove.web.automations.step_words import Named
from ringdove.web.forms import Filled, read_form
from ringdove.web.reasons import reason_words
from ringdove.web.views import MarketerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/automations", include_in_schema=False)

SPANS = (7, 30, 90)
SAMPLES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Counted:
    """A line of a list: how many of what."""

    said: str
    n: int


@dataclass(frozen=True, slots=True)
class StepTold:
    """What would have become of runs at a step."""

    said: str
    passed: int
    texts: int
    silent: int
    left: Sequence[Counted]


@dataclass(frozen=True, slots=True)
class Sample:
    """A text that would have gone, and to whom."""

    name: str
    contact_id: int
    at: datetime
    channel: str
    subject: str
    text: str
    parts: int
    cost: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """A finished rehearsal as the page shows it."""

    told: Mapping[str, Any]
    money: str
    days: tuple[list[str], list[int]]
    silent: list[Counted]
    left: list[Counted]
    steps: list[StepTold]
    samples: list[Sample]

    @property
    def left_out(self) -> int:
        """Texts that would not have gone."""
        return sum(one.n for one in self.silent)


@router.get("/{key}/rehearsal")
async def show(page: ViewerPage, key: str) -> Response:
    """What it would have done, as far as that is worked out."""
    async with page.transaction() as tx:
        plan = await find(tx, page, key)
        rehearsal = await records.find(tx, page.store, key)
        named = await named_of(tx, page)
        outlook = None
        if rehearsal and rehearsal.state == "done":
            outlook = await _outlook(tx, page, plan, rehearsal, named)
    return page.render(
        "automations/rehearsal.html",
        plan=plan,
        key=key,
        title=recipe_words.named(page.say, plan.journey)[0],
        rehearsal=rehearsal,
        trouble=rehearsal and reason_words(page.say, rehearsal.error),
        is_fresh=rehearsal is not None and rehearsal.version == plan.own.version,
        outlook=outlook,
        spans=[(n, page.say.ngettext("%(num)s day", "%(num)s days", n)) for n in SPANS],
        is_wish=not rehearsing.may_be_rehearsed(plan),
    )


class Asked(Filled):
    days: Annotated[int, Field(ge=1, le=SPAN_MAX.days)] = 30


@router.post("/{key}/rehearsal")
async def ask(page: MarketerPage, key: str) -> Response:
    """A worker works out what the version that is kept now would have done."""
    form = await read_form(page.request, Asked, page.say)
    days = form.filled.days if form.filled else 30
    async with page.transaction() as tx:
        plan = await find(tx, page, key)
        await ask_for(tx, page, plan, days)
        await page.audit(tx, "automation.rehearsed", key, version=plan.own.version)
    return page.go(f"{page.home}/automations/{key}/rehearsal")


async def ask_for(tx: Tx, page: Any, plan: Plan, days: int) -> None:
    """Asks for a rehearsal of so many days up to now. `page`: also a Caller."""
    now = page.runtime.clock()
    since = now - min(SPAN_MAX, timedelta(days=days))
    await records.ask(tx, page.store, plan.journey.key, plan.own.version, since, now, now)


async def _outlook(
    tx: Tx, page: StorePage, plan: Plan, rehearsal: AutomationRehearsal, named: Named
) -> Outlook:
    told, say = rehearsal.result, page.say
    left: dict[str, int] = {}
    for step in told["steps"].values():
        for reason, n in step["left"].items():
            left[reason] = left.get(reason, 0) + n
    return Outlook(
        told,
        " + ".join(say.money(Decimal(amount), name) for name, amount in told["money"].items()),
        _days(page, told["days"]),
        _counted(page, told["silent"]),
        _counted(page, left),
        _steps(page, plan, told["steps"], named),
        # They hold names, orders and codes: nothing for who only looks.
        await _samples(tx, page, told["samples"]) if page.may("support") else [],
    )


def _counted(page: StorePage, counts: Mapping[str, int]) -> list[Counted]:
    found = [Counted(reason_words(page.say, reason), n) for reason, n in counts.items()]
    return sorted(found, key=lambda one: -one.n)


def _days(page: StorePage, told: Mapping[str, int]) -> tuple[list[str], list[int]]:
    days = [date.fromisoformat(one) for one in told]
    return [f"{one:%d.%m}" for one in days], list(told.values())


def _steps(
    page: StorePage, plan: Plan, told: Mapping[str, Any], named: Named
) -> list[StepTold]:  # fmt: skip
    found = []
    for place, where in plan.journey.course.items():
        if numbers := told.get(place):
            found.append(StepTold(
                step_words.title(page.say, where.step, named), numbers["passed"], numbers["said"],
                numbers["silent"], _counted(page, numbers["left"]),
            ))  # fmt: skip
    return found


async def _samples(
    tx: Tx, page: StorePage, told: Sequence[Mapping[str, Any]]
) -> list[Sample]:  # fmt: skip
    found = []
    for one in told[:SAMPLES_SHOWN]:
        person = await people.find(tx, page.store, one["contact_id"])
        name = person.name if person else ""
        if not name and person and person.phone:
            name = page.say.phone(person.phone)
        cost = page.say.price(Decimal(one["cost"]), one["currency"]) if one["cost"] else ""
        found.append(Sample(
            name, one["contact_id"], datetime.fromisoformat(one["at"]), one["channel"],
            one["subject"], one["text"], one["parts"], cost,
        ))  # fmt: skip
    return found
