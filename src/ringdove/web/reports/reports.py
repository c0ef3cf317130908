"""Reports: what all offers brought, what one campaign did and changed, and by what rule an order
counts for a text (R100, R101, R107, N3).

Figures come from records/reports/reports.py and report_sums.py as they are; what may be said of
them is decided in rules/reports/trials.py and put into words in report_words.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.campaigns import campaigns
from ringdove.records.reports import attribution, report_sums, reports
from ringdove.records.reports.attribution import Row
from ringdove.records.reports.report_sums import Overview
from ringdove.records.segments import segments
from ringdove.records.store import policies
from ringdove.rules.campaigns.campaigns import Campaign
from ringdove.rules.keeping import retention
from ringdove.rules.policy import Policy
from ringdove.rules.reports.reports import Line, Report
from ringdove.rules.reports.revenue import DAYS_MAX, MARGIN_MAX, RULES
from ringdove.rules.segments.segments import NoSegment
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.lists.imports import csv_line
from ringdove.web.reasons import reason_words
from ringdove.web.reports import report_words as words
from ringdove.web.store.places import LANGUAGE_NAMES
from ringdove.web.store.policy_words import country
from ringdove.web.views import MarketerPage, OwnerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}", include_in_schema=False)

SPANS = (30, 90, 365)
REHEARSED_FOR = timedelta(days=30)
SUBJECTS_SHOWN = 50
NUMBER_MAX = 2**31 - 1
CampaignId = Annotated[int, Path(ge=1, le=NUMBER_MAX)]


# ------------------------------------------------------------------ all offers


@router.get("/reports")
async def show(page: ViewerPage, days: Annotated[int, Query(ge=1, le=365)] = 30) -> Response:
    """What offers brought in a month, a quarter or a year."""
    days = days if days in SPANS else SPANS[0]
    found = await overview(page, days)
    async with page.transaction() as tx:
        names = await campaign_names(tx, page, found)
    return page.render(
        "reports/reports.html",
        found=found,
        days=days,
        spans=[(n, page.say.ngettext("%(num)s day", "%(num)s days", n)) for n in SPANS],
        subjects=found.subjects[:SUBJECTS_SHOWN],
        subjects_more=max(0, len(found.subjects) - SUBJECTS_SHOWN),
        months=_months(page, found),
        won=_won(page, found),
        channels=[
            (page.say.gettext(name), found.channels[key])
            for key, name in words.CHANNELS.items()
            if key in found.channels
        ],
        named=lambda one: words.subject(page.say, names, one.campaign_id, one.recipe),
        words=words,
        policy=page.store.policy,
        taps_from=taps_from(page),
    )


def taps_from(page: Any) -> datetime | None:
    """Openings of links before this are forgotten; `page`: also a Caller."""
    return retention.before(page.store.policy, "clicks", page.runtime.clock())


async def overview(page: Any, days: int) -> Overview:
    """All offers of so many days up to now (whole days of the store); `page`: also a Caller."""
    now = page.runtime.clock()
    zone = ZoneInfo(page.store.time_zone)
    until = datetime.combine(now.astimezone(zone).date() + timedelta(days=1), time(), zone)
    since = until - timedelta(days=days)
    return await report_sums.overview(page.runtime.pool, page.store, since, until)


async def campaign_names(tx: Tx, page: Any, found: Overview) -> dict[int, str]:
    """Of the campaigns in it."""
    wanted = [one.campaign_id for one in found.subjects if one.campaign_id]
    known = [await campaigns.find(tx, page.store.id, one) for one in wanted[:SUBJECTS_SHOWN]]
    return {one.id: one.name for one in known if one}


def _months(page: StorePage, found: Overview) -> dict[str, list[Any]]:
    margin = page.store.policy.margin_percent
    lines = list(found.months.values())
    return {
        "labels": [f"{month:%m.%Y}" for month in found.months],
        "revenue": [[float(line.revenue) for line in lines]],
        "sent": [[line.sent for line in lines]],
        "rows": [(month, line, line.earned.profit(margin)) for month, line in found.months.items()],
    }


def _won(page: StorePage, found: Overview) -> list[tuple[str, int, bool]]:
    """How, how many, and whether by text; the most first."""
    counted: dict[str, int] = {}
    for of_month in found.won.values():
        for source, n in of_month.items():
            counted[source] = counted.get(source, 0) + n
    return [
        (page.say.gettext(words.SOURCES.get(source, source)), n, source in words.SENT_BY_TEXT)
        for source, n in sorted(counted.items(), key=lambda one: -one[1])
    ]


# ------------------------------------------------------------------ one campaign


async def load(page: Any, campaign_id: int, segment: int = 0) -> tuple[Campaign, Report | None]:
    """A campaign with its figures, or no such page; `page`: also a Caller."""
    async with page.transaction() as tx:
        campaign = await campaigns.find(tx, page.store.id, campaign_id)
    if campaign is None:
        raise HTTPException(404)
    try:
        found = await reports.of_campaign(
            page.runtime.pool, page.store, campaign, page.runtime.clock(), segment
        )
    except NoSegment:
        raise HTTPException(404) from None
    return campaign, found


@router.get("/campaigns/{campaign_id}/report")
async def show_campaign(
    page: ViewerPage,
    campaign_id: CampaignId,
    segment: Annotated[int, Query(ge=0, le=NUMBER_MAX)] = 0,
) -> Response:
    """What became of it, what it earned, and what it changed."""
    campaign, found = await load(page, campaign_id, segment)
    async with page.transaction() as tx:
        known = await segments.of_store(tx, page.store)
    told: dict[str, Any] = {}
    if found is not None:
        told = _told(page, campaign, found)
    return page.render(
        "reports/report.html",
        campaign=campaign,
        found=found,
        segment=segment,
        segments=[(one.id, one.name) for one in known if one.retired_at is None],
        words=words,
        policy=page.store.policy,
        reason_words=reason_words,
        taps_from=taps_from(page),
        **told,
    )


def _told(page: StorePage, campaign: Campaign, found: Report) -> dict[str, Any]:
    say = page.say
    names = [one.name or f"{n + 1}" for n, one in enumerate(campaign.plan.variants)]
    contests = [
        (title, words.contest(say, found, names, one))
        for title, one in (
            (say.gettext("By who tapped"), found.best_by_clicks),
            (say.gettext("By who bought"), found.best_by_orders),
        )
        if one
    ]
    return {
        "names": names,
        "texts": list(zip(names, found.variants, strict=True)),
        "funnel": _funnel(page, found),
        "lift": found.lift and words.lift(say, found, found.lift),
        "contests": contests,
        "parts": list(_parts(page, found)),
        "days_drawn": {
            "labels": [f"{one.day:%d.%m}" for one in found.days],
            "series": [[one.clicked for one in found.days], [one.orders for one in found.days]],
        },
        "reasons": sorted(
            ((why, n) for why, n in found.reasons.items() if why != "holdout"),
            key=lambda one: -one[1],
        ),
    }


def _funnel(page: StorePage, found: Report) -> list[tuple[str, int, float]]:
    """Steps from the audience to buyers: what, how many, which part of the largest."""
    _, total = page.say.gettext, found.total
    steps = [
        (_("In the audience"), found.people),
        (_("Were to get it"), total.queued),
        (_("Sent"), total.sent),
        (_("Delivered"), total.delivered),
        (_("Tapped"), total.clicked),
        (_("Bought"), total.bought),
    ]
    most = max(n for _, n in steps) or 1
    return [(name, n, round(n / most * 100, 2)) for name, n in steps]


def _parts(page: StorePage, found: Report) -> Iterator[tuple[str, list[tuple[str, Line]]]]:
    """The same figures by what the texts differed in; only where there is more than one."""
    _, say = page.say.gettext, page.say
    tables: Sequence[tuple[str, Mapping[Any, Line], Any]] = (
        (_("Channel"), found.channels, lambda key: _(words.CHANNELS.get(key, key))),
        (_("Language"), found.languages, lambda key: LANGUAGE_NAMES.get(key, key or "–")),
        (_("Country"), found.countries, lambda key: country(say, key) if key else "–"),
        (_("Hour of sending"), found.hours, lambda key: f"{key:02}:00"),
    )
    for title, lines, name in tables:
        known = [(key, line) for key, line in lines.items() if line.queued]
        if lines is not found.hours:
            known.sort(key=lambda one: -one[1].queued)
        rows = [(name(key), line) for key, line in known]
        if len(rows) > 1:
            yield title, rows


@router.get("/campaigns/{campaign_id}/report/orders.csv")
async def orders(page: ViewerPage, campaign_id: CampaignId) -> Response:
    """Every order that counts for it, with the reason, as a table."""
    async with page.transaction() as tx:
        campaign = await campaigns.find(tx, page.store.id, campaign_id)
        if campaign is None:
            raise HTTPException(404)
        found = await reports.sales(tx, page.store, campaign, page.runtime.clock())
    _ = page.say.gettext
    lines = [csv_line([
        _("Order"), _("Placed"), _("Sum"), _("Currency"), _("Customer"), _("Text"), _("Why"),
    ])]  # fmt: skip
    lines += [csv_line(_cells(page, campaign, row)) for row in found]
    return Response(
        "\ufeff" + "".join(lines),
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f'attachment; filename="campaign-{campaign_id}-orders.csv"'
        },
    )


def _cells(page: StorePage, campaign: Campaign, row: Row) -> list[Any]:
    variants = campaign.plan.variants
    name = variants[min(row["variant"], len(variants) - 1)].name
    placed = row["placed_at"].astimezone(page.say.zone).isoformat(timespec="seconds")
    why = words.why(page.say, row)
    return [
        row["number"], placed, row["amount"], row["currency"], row["contact_id"], name, why,
    ]  # fmt: skip


# ------------------------------------------------------------------ the rule


class RuleForm(Filled):
    """By what an order counts for a text, and what is earned with it."""

    rule: Literal["last_click", "last_text"]
    days: Annotated[int, Field(ge=1, le=DAYS_MAX)]
    margin: Annotated[int, Field(ge=0, le=MARGIN_MAX)]


@router.get("/reports/rule")
async def show_rule(
    page: MarketerPage,
    rule: Annotated[str, Query(max_length=20)] = "",
    days: Annotated[int, Query(ge=0, le=DAYS_MAX)] = 0,
    margin: Annotated[int, Query(ge=-1, le=MARGIN_MAX)] = -1,
) -> Response:
    """The rule as it is, and what another would have said of the last 30 days."""
    known = page.store.policy
    asked = replace(
        known,
        attribution=rule if rule in RULES else known.attribution,
        attribution_days=days or known.attribution_days,
        margin_percent=known.margin_percent if margin < 0 else margin,
    )
    return await _render_rule(page, asked, is_asked=bool(rule))


async def _render_rule(
    page: StorePage, asked: Policy, form: Form[Any] | None = None, *, is_asked: bool = False
) -> Response:
    compared = []
    if is_asked and form is None:
        compared = [
            (page.say.gettext("As it is"), *await rehearsed(page, page.store.policy)),
            (page.say.gettext("As chosen"), *await rehearsed(page, asked)),
        ]
    typed = {
        "rule": asked.attribution, "days": asked.attribution_days, "margin": asked.margin_percent,
    }  # fmt: skip
    return page.render(
        "reports/report_rule.html",
        422 if form else 200,
        form=form or Form[Any](typed),
        rules=[(key, page.say.gettext(words.RULES[key])) for key in RULES],
        compared=compared,
        words=words,
        policy=page.store.policy,
        may_change=page.may("owner"),
        days_max=DAYS_MAX,
    )


async def rehearsed(page: Any, policy: Policy) -> tuple[int, Decimal, Decimal]:
    """Orders, their sum and the profit of the last 30 days by a rule; `page`: also a Caller."""
    store = replace(page.store, policy=policy)
    now = page.runtime.clock()
    async with page.transaction() as tx:
        rows = await attribution.sums(tx, store, now - REHEARSED_FOR, now)
    ours = [row for row in rows if row["currency"] in ("", store.currency)]
    revenue = sum((row["amount"] for row in ours), Decimal(0))
    return sum(row["orders"] for row in rows), revenue, revenue * policy.margin_percent / 100


@router.post("/reports/rule")
async def save_rule(page: OwnerPage) -> Response:
    """All reports are counted by it from now on, those of the past too."""
    form = await read_form(page.request, RuleForm, page.say)
    if form.filled is None:
        return await _render_rule(page, page.store.policy, form)
    given = form.filled
    async with page.transaction() as tx:
        before, after = await policies.change(
            tx,
            page.store,
            lambda known: replace(
                known,
                attribution=given.rule,
                attribution_days=given.days,
                margin_percent=given.margin,
            ),
            page.runtime.clock(),
        )
        if before != after:
            await page.audit(tx, "policy.changed", page.store.name, what="attribution")
    return page.go(f"{page.home}/reports/rule", page.say.gettext("Saved."))
