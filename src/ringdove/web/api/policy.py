"""Rules of sending and what they say of people: the same as on the pages."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from ringdove.records.consent import deciding
from ringdove.records.people import people
from ringdove.records.people.lookups import NO_END
from ringdove.records.store import policies
from ringdove.rules.consent import hours, rehearsal
from ringdove.rules.consent.consent import Draft
from ringdove.rules.consent.holidays import CALENDARS
from ringdove.rules.consent.hours import EVERY_DAY
from ringdove.rules.policy import Gap, Hours, Policy, Topic
from ringdove.web.api.callers import MarketerKey, OwnerKey, ViewerKey
from ringdove.web.people.decision import AHEAD_MAX, explain, thought_of
from ringdove.web.store.policy import (
    CAP_MAX,
    CATEGORIES_MAX,
    COUNTRIES_MAX,
    DAYS_MAX,
    MONTHS_MAX,
    TALK_HOURS_MAX,
    TOPICS_MAX,
)

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Rules of sending"])

Cap = Annotated[int, Field(ge=0, le=CAP_MAX, description="0: no limit.")]
Day = Annotated[int, Field(ge=0, le=6)]
Days = Annotated[int, Field(ge=0, le=DAYS_MAX)]
Line = Annotated[str, Field(max_length=200, pattern="^[^\\x00]*$")]
Asked = Annotated[str, Query(max_length=200, pattern="^[^\\x00]*$")]


class Told(BaseModel):
    """Unknown fields are refused, so that typos are seen."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class CountryHours(Told):
    """When marketing is silent in a country, by the recipient's clock."""

    quiet_from: time
    quiet_until: time
    weekdays: list[Day] = Field(list(range(7)), min_length=1, description="Allowed; Monday is 0.")
    holidays: bool = Field(True, description="false: silent on public holidays.")


class CategoryGap(Told):
    """Days without an offer of a category."""

    days: Days = Field(0, description="Between two offers of it.")
    after_purchase_days: Days = Field(0, description="After somebody bought from it.")


class ATopic(Told):
    """A kind of offers that a person can leave alone."""

    key: str = Field(pattern="^[a-z0-9_]{1,40}$")
    names: dict[Annotated[str, Field(pattern="^[a-z]{2}$")], Line] = Field(
        {}, max_length=20, description="By language; without, the ready name."
    )
    code: str = Field("", pattern="^[0-9]{0,3}$", description="`STOP 3` leaves it.")


class ThePolicy(Told):
    """How often, when and about what offers may go. News about an order is outside of it."""

    cap_day: Cap = 1
    cap_week: Cap = 3
    cap_month: Cap = 8
    weekdays: list[Day] = Field(list(range(7)), min_length=1)
    countries: dict[Annotated[str, Field(pattern="^[A-Z]{2}$")], CountryHours] = Field(
        {},
        max_length=COUNTRIES_MAX,
        description="In place of a country's own rule and the store's quiet hours.",
    )
    categories: dict[Line, CategoryGap] = Field({}, max_length=CATEGORIES_MAX)
    topics: list[ATopic] = Field(max_length=TOPICS_MAX)
    occasion: Literal["demand", "warn"] = "demand"
    double_opt_in: bool = True
    reconfirm_months: int = Field(0, ge=0, le=MONTHS_MAX)
    talk_hours: int | None = Field(
        None, ge=0, le=TALK_HOURS_MAX,
        description="No offers for so long after somebody answered a customer by hand; 0: they go"
        " on. Left out: as it was.",
    )  # fmt: skip
    staff_by_night: bool | None = Field(
        None, description="Alerts by text may wake the staff. Left out: as it was."
    )
    approval_above: int | None = Field(
        None, ge=0, le=10**9,
        description="A campaign that may cost more, in the store's currency, is approved by a"
        " second person; 0: none is. Left out: as it was.",
    )  # fmt: skip


class PolicyTold(BaseModel):
    """The policy, and what each rule would have done to the offers of the last 30 days."""

    policy: ThePolicy
    sent: int = Field(description="Marketing texts of the last 30 days.")
    held_back: dict[str, int] = Field(description="By rule; each rule alone.")
    country_defaults: dict[str, CountryHours] = Field(description="What countries demand.")


@router.get("/policy", summary="Rules of sending")
async def get_policy(caller: MarketerKey) -> PolicyTold:
    """As they are now."""
    async with caller.transaction() as tx:
        sent = await policies.last_month(tx, caller.store, caller.now)
    held = rehearsal.held_back(caller.store, caller.store.policy, sent)
    defaults = {code: _hours(one) for code, one in hours.COUNTRIES.items()}
    return PolicyTold(
        policy=_told(caller.store.policy), sent=len(sent), held_back=dict(held),
        country_defaults=defaults,
    )  # fmt: skip


@router.put("/policy", summary="Replace the rules of sending")
async def put_policy(wish: ThePolicy, caller: OwnerKey) -> ThePolicy:
    """These instead of those that were there; what is left out is as it comes (but for
    approval_above, talk_hours and staff_by_night, which stay). Offers that wait are decided anew
    when they are due."""
    if twice := _twice([one.key for one in wish.topics]):
        raise HTTPException(422, f"topics: {twice} stands there twice.")
    if twice := _twice([one.code for one in wish.topics if one.code]):
        raise HTTPException(422, f"topics: two have the code {twice}.")
    for code, one in wish.countries.items():
        if not one.holidays and code not in CALENDARS:
            raise HTTPException(422, f"countries.{code}.holidays: we know no calendar of {code}.")
    async with caller.transaction() as tx:
        before, after = await policies.change(
            tx, caller.store, lambda known: _meant(wish, known), caller.now
        )
        if before != after:
            await caller.audit(tx, "policy.changed", caller.store.name)
    return _told(after)


def _twice(words: list[str]) -> str:
    return next((word for word in words if words.count(word) > 1), "")


def _told(rule: Policy) -> ThePolicy:
    return ThePolicy(
        cap_day=rule.cap_day, cap_week=rule.cap_week, cap_month=rule.cap_month,
        weekdays=sorted(rule.weekdays),
        countries={code: _hours(one) for code, one in rule.countries.items()},
        categories={
            key: CategoryGap(days=one.days, after_purchase_days=one.after_purchase_days)
            for key, one in rule.categories.items()
        },
        topics=[ATopic(key=t.key, names=dict(t.names), code=t.code) for t in rule.topics],
        occasion="warn" if rule.occasion == "warn" else "demand",
        double_opt_in=rule.double_opt_in, reconfirm_months=rule.reconfirm_months,
        talk_hours=rule.talk_hours, staff_by_night=rule.staff_by_night,
        approval_above=rule.approval_above,
    )  # fmt: skip


def _hours(one: Hours) -> CountryHours:
    return CountryHours(
        quiet_from=one.quiet_from, quiet_until=one.quiet_until, weekdays=sorted(one.weekdays),
        holidays=one.holidays,
    )  # fmt: skip


def _meant(wish: ThePolicy, known: Policy) -> Policy:
    return replace(
        known,
        cap_day=wish.cap_day,
        cap_week=wish.cap_week,
        cap_month=wish.cap_month,
        weekdays=frozenset(wish.weekdays),
        countries={
            code: Hours(
                one.quiet_from.replace(second=0, microsecond=0, tzinfo=None),
                one.quiet_until.replace(second=0, microsecond=0, tzinfo=None),
                frozenset(one.weekdays) & EVERY_DAY,
                holidays=one.holidays,
            )
            for code, one in wish.countries.items()
        },
        categories={
            key: Gap(one.days, one.after_purchase_days) for key, one in wish.categories.items()
        },
        topics=tuple(Topic(one.key, one.names, one.code) for one in wish.topics),
        occasion=wish.occasion,
        double_opt_in=wish.double_opt_in,
        reconfirm_months=wish.reconfirm_months,
        talk_hours=known.talk_hours if wish.talk_hours is None else wish.talk_hours,
        staff_by_night=(
            known.staff_by_night if wish.staff_by_night is None else wish.staff_by_night
        ),
        approval_above=(
            known.approval_above if wish.approval_above is None else wish.approval_above
        ),
    )


# ------------------------------------------------------------------ what they say of people


class SoMany(BaseModel):
    """How many people get the same answer."""

    verdict: Literal["send", "wait", "drop"]
    reason: str
    people: int


class Rehearsal(BaseModel):
    """Everybody, asked about one offer by text that would go now."""

    total: int
    answers: list[SoMany]


@router.get("/policy/rehearsal", summary="What if an offer went to everybody now")
async def rehearse(
    caller: MarketerKey, topic: Asked = "offers", category: Asked = "",
    occasion: Asked = "rehearsal",
) -> Rehearsal:  # fmt: skip
    """Nothing is sent: everybody is asked about, and counted by what the rules say."""
    until = caller.now + timedelta(days=1)
    draft = Draft(
        "sms", "marketing", topic, caller.now, until, category=category, occasion=occasion
    )
    async with caller.transaction() as tx:
        question = await deciding.ask(tx, caller.store, draft, caller.now)
    counts = await deciding.counts(caller.runtime.pool, question)
    answers = [
        SoMany(verdict=verdict, reason=reason, people=n)
        for (verdict, reason), n in sorted(counts.items(), key=lambda item: -item[1])
    ]
    return Rehearsal(total=sum(counts.values()), answers=answers)


class AStep(BaseModel):
    """What one rule says."""

    rule: str
    state: Literal["ok", "waits", "no", "off"] = Field(description="off: it does not concern this.")
    reason: str = ""
    until: datetime | None = None
    texts: list[str] = Field([], description="Messages that fill a cap or begin a gap.")
    bought_at: datetime | None = None
    zones: list[str] = Field([], description="In which it is quiet at that moment.")


class ADecision(BaseModel):
    """What would become of a text to this person at that moment."""

    verdict: Literal["send", "wait", "drop"]
    reason: str
    at: datetime | None = Field(description="When it could go, if it waits.")
    steps: list[AStep]


ContactId = Annotated[int, Path(ge=1, le=NO_END)]


@router.get("/people/{contact}/decision", summary="Why, and what if")
async def decision(
    contact: ContactId, caller: ViewerKey,
    klass: Annotated[Literal["service", "marketing"], Query(alias="class")] = "marketing",
    topic: Asked = "offers", category: Asked = "", occasion: Asked = "",
    at: Annotated[AwareDatetime | None, Query(description="Empty: now.")] = None,
) -> ADecision:  # fmt: skip
    """Each rule about a text to this person, with the facts behind it. Nothing is sent."""
    moment = at or caller.now
    if abs(moment - caller.now) > AHEAD_MAX:
        raise HTTPException(422, "at: ask about a moment within 400 days.")
    async with caller.transaction() as tx:
        who = await people.find(tx, caller.store, contact)
        if who is None:
            raise HTTPException(404, "Nobody here has this id.")
        draft = thought_of(klass, topic, category, occasion, moment)
        found = await explain(tx, caller.store, who, draft, moment)
    steps = [
        AStep(
            rule=step.rule, state=step.state, reason=step.reason, until=step.until,
            texts=[str(touch.message_id) for touch in step.touches], bought_at=step.bought_at,
            zones=list(step.zones),
        )
        for step in found.steps
    ]  # fmt: skip
    return ADecision(
        verdict=found.word, reason=found.reason, at=found.at, steps=steps,
    )  # fmt: skip
