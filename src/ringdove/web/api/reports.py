"""Figures of campaigns and of all offers, and the rule by which orders count: as on the pages."""

from dataclasses import asdict, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from ringdove.records.automations import automations
from ringdove.records.campaigns import campaigns
from ringdove.records.reports import reports
from ringdove.records.store import policies
from ringdove.rules.policy import Policy
from ringdove.rules.reports import trials
from ringdove.rules.reports.reports import Lift, Line, Report
from ringdove.rules.reports.revenue import DAYS_MAX, MARGIN_MAX
from ringdove.rules.reports.trials import Contest, Difference, Group
from ringdove.web.api.callers import Caller, OwnerKey, ViewerKey
from ringdove.web.automations.automation_reports import counted
from ringdove.web.reports.reports import NUMBER_MAX, SPANS, load, overview, rehearsed, taps_from

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Reports"])

ORDERS_MOST = 1_000
CampaignId = Annotated[int, Path(ge=1, le=NUMBER_MAX)]


class Figures(BaseModel):
    """Messages that were to go and what became of them; people who tapped, replied, stopped and
    bought; money in the store's currency."""

    queued: int
    waiting: int
    sent: int
    delivered: int
    failed: int
    unknown: int
    dropped: int = Field(description="At the last moment.")
    clicked: int
    replied: int
    stopped: int
    bought: int
    orders: int
    revenue: Decimal
    cost: Decimal
    other_cost: dict[str, Decimal] = Field(description="In other currencies, by code.")
    unpriced: int = Field(description="Texts whose price is not known.")
    profit: Decimal
    roi: Decimal | None = Field(description="Profit for each 1 that the texts cost.")


class AGroup(BaseModel):
    """People whom chance put together, and all that they bought."""

    people: int
    buyers: int
    total: float


class ADifference(BaseModel):
    """Per person: 0.01 is one more of 100 people, or 0.01 of the money. `low` and `high` hold the
    truth at all looks together with chance 0.95; null while nothing can be said."""

    value: float
    low: float | None
    high: float | None
    p: float = Field(description="Always valid: true however often one looks.")
    is_sure: bool
    weeks_to_wait: float | None


class ALift(BaseModel):
    """Those who were to get it, less those whom chance left alone."""

    written: AGroup
    alone: AGroup
    buyers: ADifference
    money: ADifference


class AContest(BaseModel):
    """Which text does best, by its place in the plan."""

    leader: int | None
    is_sure: bool


class ADay(BaseModel):
    day: date
    sent: int
    clicked: int
    orders: int
    revenue: Decimal


class ACampaignReport(BaseModel):
    """Every figure of a campaign. `lift` is null where nobody was left alone, and for a
    segment in which people may be because of what they did since."""

    campaign_id: int
    counted_at: datetime
    since: datetime
    until: datetime = Field(description="What happens later does not count.")
    is_final: bool
    people: int
    alone: int
    left_out: int
    reasons: dict[str, int]
    total: Figures
    variants: list[Figures]
    channels: dict[str, Figures]
    languages: dict[str, Figures]
    countries: dict[str, Figures]
    hours: dict[int, Figures]
    days: list[ADay]
    lift: ALift | None
    best_by_clicks: AContest | None
    best_by_orders: AContest | None
    orders_in_other_currencies: int
    taps_from: datetime | None = Field(description="Who tapped before is forgotten.")


@router.get("/campaigns/{campaign_id}/report", summary="What became of a campaign")
async def campaign_report(
    campaign_id: CampaignId,
    caller: ViewerKey,
    segment: Annotated[int, Query(ge=0, le=NUMBER_MAX, description="0: all its people.")] = 0,
) -> ACampaignReport:
    """Counted when it is asked, then kept for a time that grows with what counting cost."""
    _, found = await load(caller, campaign_id, segment)
    if found is None:
        raise HTTPException(404, "It has not begun: there is nothing to count.")
    return _report(caller, found)


def _report(caller: Caller, found: Report) -> ACampaignReport:
    def figures(line: Line) -> Figures:
        return _figures(line, caller.store.policy.margin_percent)

    return ACampaignReport(
        campaign_id=found.campaign_id,
        counted_at=found.at,
        since=found.since,
        until=found.until,
        is_final=found.is_final,
        people=found.people,
        alone=found.alone,
        left_out=found.left_out,
        reasons=dict(found.reasons),
        total=figures(found.total),
        variants=[figures(one) for one in found.variants],
        channels={key: figures(one) for key, one in found.channels.items()},
        languages={key: figures(one) for key, one in found.languages.items()},
        countries={key: figures(one) for key, one in found.countries.items()},
        hours={key: figures(one) for key, one in found.hours.items()},
        days=[ADay(**asdict(one)) for one in found.days],
        lift=_lift(found.lift) if found.lift else None,
        best_by_clicks=_contest(found.best_by_clicks),
        best_by_orders=_contest(found.best_by_orders),
        orders_in_other_currencies=found.foreign,
        taps_from=taps_from(caller),
    )


def _figures(line: Line, margin: int) -> Figures:
    earned = line.earned
    return Figures(**asdict(line), profit=earned.profit(margin), roi=earned.roi(margin))


def _lift(one: Lift) -> ALift:
    return ALift(
        written=_group(one.written), alone=_group(one.alone), buyers=_difference(one.hits),
        money=_difference(one.money),
    )  # fmt: skip


def _group(one: Group) -> AGroup:
    return AGroup(people=one.people, buyers=one.hits, total=one.total)


def _difference(one: Difference) -> ADifference:
    return ADifference(
        value=one.value, low=one.low, high=one.high, p=one.p, is_sure=one.is_sure,
        weeks_to_wait=one.wait.weeks if one.wait else None,
    )  # fmt: skip


def _contest(one: Contest | None) -> AContest | None:
    return AContest(leader=one.leader, is_sure=one.is_sure) if one else None


class AClaimedOrder(BaseModel):
    """An order that counts for a campaign. why: click (a link was tapped at `because_at`), code
    (it was paid with the text's code), text (it was the last text before it)."""

    order: str = Field(description="Its number, as the customer sees it.")
    key: str = Field(description="The shop's own.")
    contact_id: str
    placed_at: datetime
    amount: Decimal
    currency: str
    message_id: str
    variant: int
    why: Literal["click", "code", "text"]
    because_at: datetime


@router.get("/campaigns/{campaign_id}/report/orders", summary="Orders that count for a campaign")
async def campaign_orders(
    campaign_id: CampaignId,
    caller: ViewerKey,
    skip: Annotated[int, Query(ge=0, le=NUMBER_MAX)] = 0,
    most: Annotated[int, Query(ge=1, le=ORDERS_MOST)] = 100,
) -> list[AClaimedOrder]:
    """The newest first, each with the reason."""
    async with caller.transaction() as tx:
        campaign = await campaigns.find(tx, caller.store.id, campaign_id)
        if campaign is None:
            raise HTTPException(404, "No campaign has this number.")
        rows = await reports.sales(tx, caller.store, campaign, caller.now)
    return [
        AClaimedOrder(
            order=row["number"], key=row["key"], contact_id=str(row["contact_id"]),
            placed_at=row["placed_at"], amount=row["amount"], currency=row["currency"],
            message_id=str(row["message_id"]), variant=row["variant"], why=row["why"],
            because_at=row["claimed_at"],
        )
        for row in rows[skip : skip + most]
    ]  # fmt: skip


class AnAutomationReport(BaseModel):
    """Every figure of an automation over some days. `began` and `alone` are people: whom it was
    begun for, and whom chance left alone. `lift` is null where nobody was."""

    recipe: str
    counted_at: datetime
    since: datetime
    began: int
    alone: int
    reasons: dict[str, int]
    total: Figures
    steps: dict[str, Figures] = Field(description="By their ids.")
    channels: dict[str, Figures]
    languages: dict[str, Figures]
    days: list[ADay]
    lift: ALift | None
    orders_in_other_currencies: int
    taps_from: datetime | None = Field(description="Who tapped before is forgotten.")


@router.get("/automations/{recipe}/report", summary="What an automation did and earned")
async def automation_report(
    recipe: Annotated[str, Path(pattern=r"^[a-z0-9_]{1,60}$")],
    caller: ViewerKey,
    days: Annotated[int, Query(description="So far back: 30, 90 or 365.")] = 30,
) -> AnAutomationReport:
    """Counted when it is asked, then kept for a time that grows with what counting cost."""
    if days not in SPANS:
        raise HTTPException(422, "days: 30, 90 or 365.")
    async with caller.transaction() as tx:
        if recipe not in (await automations.plans(tx, caller.store.id)).newest:
            raise HTTPException(404, "No automation has this key.")
    found = await counted(caller, recipe, days)
    margin = caller.store.policy.margin_percent
    return AnAutomationReport(
        recipe=found.recipe,
        counted_at=found.at,
        since=found.since,
        began=found.began,
        alone=found.alone,
        reasons=dict(found.reasons),
        total=_figures(found.total, margin),
        steps={key: _figures(one, margin) for key, one in found.steps.items()},
        channels={key: _figures(one, margin) for key, one in found.channels.items()},
        languages={key: _figures(one, margin) for key, one in found.languages.items()},
        days=[ADay(**asdict(one)) for one in found.days],
        lift=_lift(found.lift) if found.lift else None,
        orders_in_other_currencies=found.foreign,
        taps_from=taps_from(caller),
    )


class ASubject(BaseModel):
    """A campaign (by its number) or an automation (by its recipe)."""

    campaign_id: int | None
    recipe: str
    figures: Figures


class AnOverview(BaseModel):
    """All offers of a time. `bought` counts orders here."""

    since: datetime
    until: datetime
    total: Figures
    months: dict[date, Figures]
    channels: dict[str, Figures]
    subjects: list[ASubject]
    won: dict[date, dict[str, int]] = Field(
        description="People who said yes to offers, by month and where."
    )
    orders_in_other_currencies: int
    taps_from: datetime | None = Field(description="Who tapped before is forgotten.")


@router.get("/reports", summary="What offers brought")
async def offers(caller: ViewerKey, days: Annotated[int, Query(ge=1, le=365)] = 30) -> AnOverview:
    """Campaigns and automations of so many days, today among them."""
    found = await overview(caller, days)
    margin = caller.store.policy.margin_percent
    return AnOverview(
        since=found.since,
        until=found.until,
        total=_figures(found.total, margin),
        months={month: _figures(line, margin) for month, line in found.months.items()},
        channels={key: _figures(line, margin) for key, line in found.channels.items()},
        subjects=[
            ASubject(
                campaign_id=one.campaign_id or None,
                recipe=one.recipe,
                figures=_figures(one.line, margin),
            )
            for one in found.subjects
        ],
        won={month: dict(sources) for month, sources in found.won.items()},
        orders_in_other_currencies=found.foreign,
        taps_from=taps_from(caller),
    )


# ------------------------------------------------------------------ the rule, and before a campaign


class TheRule(BaseModel):
    """By what an order counts for a text, and what part of its sum is earned."""

    model_config = ConfigDict(extra="forbid")

    rule: Literal["last_click", "last_text"]
    days: Annotated[int, Field(ge=1, le=DAYS_MAX)]
    margin_percent: Annotated[int, Field(ge=0, le=MARGIN_MAX)]


@router.get("/reports/rule", summary="The rule by which orders count")
async def rule(caller: ViewerKey) -> TheRule:
    known = caller.store.policy
    return _rule(known)


def _rule(known: Policy) -> TheRule:
    return TheRule(
        rule=known.attribution, days=known.attribution_days, margin_percent=known.margin_percent
    )


@router.put("/reports/rule", summary="Change the rule by which orders count")
async def put_rule(given: TheRule, caller: OwnerKey) -> TheRule:
    """All reports are counted by it from now on, those of the past too."""
    async with caller.transaction() as tx:
        before, after = await policies.change(
            tx, caller.store,
            lambda known: replace(
                known, attribution=given.rule, attribution_days=given.days,
                margin_percent=given.margin_percent,
            ),
            caller.now,
        )  # fmt: skip
        if before != after:
            await caller.audit(tx, "policy.changed", caller.store.name, what="attribution")
    return _rule(after)


class ByARule(BaseModel):
    """Of the last 30 days."""

    orders: int
    revenue: Decimal
    kept: Decimal = Field(description="After the goods, before texts are paid.")


@router.post("/reports/rule/rehearsal", summary="What another rule would say")
async def rehearse_rule(given: TheRule, caller: ViewerKey) -> ByARule:
    """Nothing is changed."""
    policy = replace(
        caller.store.policy, attribution=given.rule, attribution_days=given.days,
        margin_percent=given.margin_percent,
    )  # fmt: skip
    orders, revenue, kept = await rehearsed(caller, policy)
    return ByARule(orders=orders, revenue=revenue, kept=kept)


class WillSee(BaseModel):
    """The least lift that a campaign would see in four of five cases. null: none, however large."""

    lift: float | None = Field(description="Per person: 0.02 is 2 more buyers of 100.")
    times: float | None = Field(description="As many buyers as among those left alone.")


@router.get("/reports/planned", summary="What a planned campaign will be able to see")
async def planned(
    caller: ViewerKey,
    people: Annotated[int, Query(ge=1, le=100_000_000)],
    holdout_percent: Annotated[int, Query(ge=0, le=50)] = 10,
    buy_percent: Annotated[
        float, Query(gt=0, lt=100, description="Of 100 people left alone, so many buy meanwhile.")
    ] = 2.0,
) -> WillSee:
    """Before it begins: whether leaving people alone will tell anything."""
    found = trials.smallest_lift(people, holdout_percent / 100, buy_percent / 100)
    return WillSee(lift=found.lift, times=found.times)
