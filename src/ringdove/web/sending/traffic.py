"""Gateways at work: what each does now, what went wrong today, what arrives where.

The figures of now are the workers' pulses, passed on as they come (web/live.py, js/pulses.js) and
kept nowhere; all else is read from the roll-ups. Settings and secrets are not here: they are behind
each gateway on the page Connections, for owners.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from ringdove.records.sending import gateways, traffic
from ringdove.records.sending.gateways import Gateway
from ringdove.records.sending.traffic import Traffic
from ringdove.web.sending import route_words
from ringdove.web.store import edges
from ringdove.web.store.connections import way_state
from ringdove.web.views import StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/gateways", include_in_schema=False)

SPANS = (1, 7, 30)
NETWORKS_SHOWN = 12
ERRORS_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Row:
    """One network: its name, what was sent there, and how much of it arrived."""

    name: str
    sent: int
    delivered: int
    undelivered: int
    rate: float | None
    tone: str


@dataclass(frozen=True, slots=True)
class Card:
    """One gateway as the page shows it."""

    way: Gateway
    kind: str
    state: tuple[str, str]
    binds: int
    held: int
    window: int
    per_s: float
    waiting: int
    under_way: int
    total: traffic.Network
    rows: list[Row]
    errors: list[tuple[str, int]]
    errors_more: int
    calls_refused: int
    labels: list[str]
    series: list[list[int]]
    has_others: bool


@router.get("")
async def show(page: ViewerPage, days: Annotated[int, Query(ge=1, le=30)] = 1) -> Response:
    """Each gateway with its figures of a day, a week or a month."""
    days = days if days in SPANS else 1
    now = page.runtime.clock()
    starts = _starts(page, now, days)
    today = datetime.combine(now.astimezone(page.say.zone).date(), time(), page.say.zone)
    async with page.transaction() as tx:
        ways = await gateways.of_store(tx, page.store.id)
        since = starts[0].replace(minute=0)  # hours of the roll-ups are whole in UTC
        seen = await traffic.by_gateway(tx, page.store, since, now + timedelta(hours=1))
        day = await traffic.by_gateway(tx, page.store, today, now + timedelta(hours=1))
        cards = []
        for way in ways:
            counts = (
                await traffic.waiting(tx, page.store, way.id),
                await traffic.under_way(tx, page.store, way.id),
                await traffic.binds_held(tx, way.id, now),
            )
            went, its_day = seen.get(way.id, Traffic()), day.get(way.id, Traffic())
            cards.append(_card(page, way, ways, counts, went, its_day, starts, days))
    return page.render(
        "sending/gateways.html",
        cards=cards,
        days=days,
        spans=[(f"{page.home}/gateways?days={one}", _span(page, one)) for one in SPANS],
        most=traffic.WAITING_MOST,
    )


def _span(page: StorePage, days: int) -> str:
    _ = page.say.gettext
    return {1: _("Today"), 7: _("7 days"), 30: _("30 days")}[days]


def _starts(page: StorePage, now: datetime, days: int) -> list[datetime]:
    """When each column of the chart begins: hours of the store's own day, or its days."""
    zone = page.say.zone
    today = now.astimezone(zone).date()
    if days == 1:
        begins = datetime.combine(today, time(), zone).astimezone(now.tzinfo)
        ends = datetime.combine(today + timedelta(days=1), time(), zone).astimezone(now.tzinfo)
        hours = int((ends - begins) / timedelta(hours=1))
        return [begins + timedelta(hours=n) for n in range(hours)]
    first = today - timedelta(days=days - 1)
    return [
        datetime.combine(first + timedelta(days=n), time(), zone).astimezone(now.tzinfo)
        for n in range(days)
    ]


def _card(
    page: StorePage,
    way: Gateway,
    ways: Sequence[Gateway],
    counts: tuple[int, int, int],
    went: Traffic,
    its_day: Traffic,
    starts: Sequence[datetime],
    days: int,
) -> Card:
    known = edges.model_of(way.kind)
    settings = {**_defaults(known), **way.settings}
    errors = its_day.errors
    most = errors.most_common(ERRORS_SHOWN)
    labels = [
        one.astimezone(page.say.zone).strftime("%H" if days == 1 else "%d.%m") for one in starts
    ]
    return Card(
        way,
        edges.title(page.say, way.kind),
        way_state(page.say, way),
        int(settings.get("binds") or 1),
        counts[2],
        int(settings.get("window") or settings.get("connections") or 0),
        float(settings.get("throughput_per_s") or 0),
        counts[0],
        counts[1],
        went.total,
        _rows(page, went),
        [(reason, n) for reason, n in most],
        sum(errors.values()) - sum(n for _, n in most),
        its_day.calls_refused,
        labels,
        _series(went, starts),
        any(one.channel == way.channel and one.id != way.id for one in ways),
    )


def _defaults(model: Any) -> dict[str, Any]:
    if model is None:
        return {}
    return {
        name: about.default
        for name, about in model.model_fields.items()
        if name in ("binds", "window", "connections", "throughput_per_s")
    }


def _rows(page: StorePage, went: Traffic) -> list[Row]:
    """Networks, the busiest first; the rest as one."""
    every = sorted(went.networks.items(), key=lambda item: -item[1].sent)
    rows = [_row(network_words(page, name), one) for name, one in every[:NETWORKS_SHOWN]]
    if rest := [one for _, one in every[NETWORKS_SHOWN:]]:
        others = Traffic({str(n): one for n, one in enumerate(rest)}).total
        rows.append(_row(page.say.gettext("the others"), others))
    return rows


def _row(name: str, one: traffic.Network) -> Row:
    rate = one.rate
    tone = "" if rate is None else "ok" if rate >= 0.9 else "wait" if rate >= 0.7 else "bad"
    return Row(name, one.sent, one.delivered, one.undelivered, rate, tone)


def network_words(page: StorePage, network: str) -> str:
    """Belarus, MTS."""
    country, _, operator = network.partition("/")
    if not country:
        return page.say.gettext("not known")
    name = route_words.country(page.say, country)
    return f"{name}, {operator}" if operator else name


def _series(went: Traffic, starts: Sequence[datetime]) -> list[list[int]]:
    """Delivered, sent without a receipt so far, failed: together they are what was sent."""
    columns: list[Counter[str]] = [Counter() for _ in starts]
    for hour, counts in went.hours.items():
        place = sum(start <= hour for start in starts) - 1
        if place >= 0:
            columns[place].update(counts)
    delivered = [column["delivered"] for column in columns]
    failed = [column["undelivered"] for column in columns]
    open_ = [
        max(0, column["sent"] - column["delivered"] - column["undelivered"]) for column in columns
    ]
    return [delivered, open_, failed]
