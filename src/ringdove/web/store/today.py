"""Today: what came in, what went out, what went wrong, and what waits for a person.

The first page of a store. It is read often and at a glance, so it shows figures and a drawn day,
and names only what somebody should do something about.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from ringdove.records.sending import gateways, message_story, spending, traffic
from ringdove.records.sending.gateways import Gateway
from ringdove.records.sending.message_story import Wish
from ringdove.records.store import today as records
from ringdove.rules.sending.spending import Limit
from ringdove.web.reasons import reason_words
from ringdove.web.sending import route_words
from ringdove.web.views import StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}", include_in_schema=False)

NEWEST = 8
AWAY = ("refused", "lost")  # states of a gateway that cannot speak
MUTE = "stopped"  # no process speaks for it now
DRAWN = (("sent",), ("dropped",), ("failed", "unknown", "undelivered"))


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the day, beside yesterday's at the same hour."""

    name: str
    value: int
    before: int


@dataclass(frozen=True, slots=True)
class Worry:
    """Something that waits for a person, and where it is mended."""

    icon: str
    text: str
    path: str
    action: str


@router.get("/today")
async def show(page: ViewerPage) -> Response:
    """The day so far."""
    now = page.runtime.clock()
    begins = datetime.combine(now.astimezone(page.say.zone).date(), time(), page.say.zone)
    async with page.transaction() as tx:
        counted = await records.hours(
            tx, page.store, begins - timedelta(days=1), begins + timedelta(days=1, hours=1)
        )
        waiting = await records.waiting(tx, page.store, now)
        shops = await records.shops(tx, page.store)
        ways = await gateways.of_store(tx, page.store.id)
        limits = await spending.limits(tx, page.store.id)
        newest = await message_story.newest(tx, page.store, Wish(), now, most=NEWEST)
        held = {
            way.id: await traffic.waiting(tx, page.store, way.id)
            for way in ways
            if way.paused_at or way.state in (*AWAY, MUTE)
        }
    labels, series = _day(counted, begins, now)
    return page.render(
        "store/today.html",
        figures=_figures(page, counted, begins, now),
        labels=labels,
        series=series,
        worries=list(_worries(page, waiting, ways, shops, limits, held)),
        newest=newest,
        shops=shops,
        begins=begins,
    )


def _sum(counted: records.Hours, since: datetime, until: datetime) -> Counter[str]:
    total: Counter[str] = Counter()
    for hour, counts in counted.items():
        if since <= hour < until:
            total.update(counts)
    return total


def _figures(
    page: StorePage, counted: records.Hours, begins: datetime, now: datetime
) -> list[Figure]:
    _ = page.say.gettext
    day = timedelta(days=1)
    today = _sum(counted, begins, now + timedelta(hours=1))
    before = _sum(counted, begins - day, now - day)
    wanted: tuple[tuple[str, tuple[str, ...]], ...] = (
        (_("Came in"), ("facts",)),
        (_("Went out"), ("sent",)),
        (_("Delivered"), ("delivered",)),
        (_("Failed or unknown"), ("failed", "unknown", "undelivered")),
        (_("Silences"), ("dropped",)),
        (_("Stops"), ("stops",)),
    )
    return [
        Figure(name, sum(today[word] for word in words), sum(before[word] for word in words))
        for name, words in wanted
    ]


def _day(
    counted: records.Hours, begins: datetime, now: datetime
) -> tuple[list[str], list[list[int]]]:
    """24 columns of the store's own day; a day that clocks change has 23 or 25 hours."""
    starts, labels = [], []
    moment = begins.astimezone(now.tzinfo)
    ends = (begins + timedelta(days=1)).astimezone(now.tzinfo)
    while moment < ends:
        starts.append(moment)
        labels.append(moment.astimezone(begins.tzinfo).strftime("%H"))
        moment += timedelta(hours=1)
    series = [
        [sum(_sum(counted, at, at + timedelta(hours=1))[word] for word in words) for at in starts]
        for words in DRAWN
    ]
    return labels, series


def _held_up(page: StorePage, n: int) -> str:
    """What waits for a gateway that is away."""
    if n > traffic.WAITING_MOST:
        most = page.say.number(traffic.WAITING_MOST)
        return page.say.gettext("More than %(num)s messages wait for it.", num=most)
    words = page.say.ngettext("%(num)s message waits for it.", "%(num)s messages wait for it.", n)
    return words if n else ""


def _worries(
    page: StorePage,
    waiting: Mapping[str, int],
    ways: Sequence[Gateway],
    shops: Sequence[Mapping[str, Any]],
    limits: Sequence[Limit],
    held: Mapping[int, int],
) -> Iterable[Worry]:
    _, n_ = page.say.gettext, page.say.ngettext
    if n := waiting["parked"]:
        text = n_(
            "%(num)s event could not be answered.", "%(num)s events could not be answered.", n
        )
        yield Worry("alert-triangle", text, "/parked", _("Look at it"))
    if n := waiting["doubtful"]:
        text = n_(
            "%(num)s phone number cannot be read.", "%(num)s phone numbers cannot be read.", n
        )
        yield Worry("phone", text, "/customers?doubtful=1", _("Settle it"))
    if n := waiting["unknown"]:
        text = n_(
            "%(num)s message may or may not have been sent.",
            "%(num)s messages may or may not have been sent.",
            n,
        )
        yield Worry("alert-circle", text, "/unknown", _("Look at it"))
    if not any(way.channel == "sms" for way in ways):
        yield Worry("plug", _("No gateway for texts."), "/connections", _("Add one"))
    for way in ways:
        if way.paused_at:
            text = _("%(name)s is paused: its messages wait.", name=way.name)
            words = f"{text} {_held_up(page, held[way.id])}".strip()
            yield Worry("player-pause", words, "/gateways", _("Go on"))
        elif way.state in AWAY:
            why = reason_words(page.say, way.state_detail or "")
            text = _("%(name)s is not connected: %(why)s", name=way.name, why=why)
            words = f"{text} {_held_up(page, held[way.id])}".strip()
            yield Worry("plug", words, "/gateways", _("Look at it"))
        elif way.state == MUTE and held[way.id]:
            text = _("Nothing speaks for %(name)s: start `ringdove work`.", name=way.name)
            words = f"{text} {_held_up(page, held[way.id])}"
            yield Worry("plug", words, "/gateways", _("Look at it"))
    for limit in limits:
        if limit.held_until and limit.held_until > page.runtime.clock():
            text = _("A limit is reached: %(limit)s.", limit=route_words.limit(page.say, limit))
            yield Worry("credit-card", text, "/routes", _("Raise it"))
    for shop in shops:
        if shop["error"]:
            text = _("%(name)s: %(why)s", name=shop["name"], why=shop["error"])
            yield Worry("building-store", text, "/connections", _("Look at it"))
