"""When times come: by the store's clock, over changes of clocks, after any pause of the workers."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringdove.rules.automations import triggers
from ringdove.rules.automations.journeys import (
    ClockStrikes,
    DateComes,
    GoodsNew,
    Journey,
    PurchaseDue,
)
from ringdove.rules.automations.plans import Automation, Plan
from ringdove.rules.steps.leave import Leave

MINSK, ROME = ZoneInfo("Europe/Minsk"), ZoneInfo("Europe/Rome")
DAY = timedelta(days=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


TABLE: list[tuple[Any, ZoneInfo, datetime, datetime, list[tuple[datetime, date]]]] = [
    # Ten o'clock in Minsk; not again in the minute after it.
    (DateComes(), MINSK, utc(2026, 11, 18, 6, 59), utc(2026, 11, 18, 7),
     [(utc(2026, 11, 18, 7), date(2026, 11, 18))]),
    (DateComes(), MINSK, utc(2026, 11, 18, 7), utc(2026, 11, 18, 7, 1), []),
    # A week before, and three days after.
    (DateComes(days=-7), MINSK, utc(2026, 12, 28), utc(2026, 12, 28, 12),
     [(utc(2026, 12, 28, 7), date(2027, 1, 4))]),
    (DateComes(what="last_order", days=90), MINSK, utc(2026, 3, 1), utc(2026, 3, 1, 12),
     [(utc(2026, 3, 1, 7), date(2025, 12, 1))]),
    # Nobody worked for two days: both are told.
    (PurchaseDue(), MINSK, utc(2026, 11, 18, 7), utc(2026, 11, 20, 8),
     [(utc(2026, 11, 19, 7), date(2026, 11, 19)), (utc(2026, 11, 20, 7), date(2026, 11, 20))]),
    # A clock that struck three times meanwhile is heard once.
    (ClockStrikes(every="day", at=time(9)), MINSK, utc(2026, 11, 15), utc(2026, 11, 18, 12),
     [(utc(2026, 11, 18, 6), date(2026, 11, 18))]),
    (GoodsNew(), MINSK, utc(2026, 11, 15), utc(2026, 11, 18, 12),
     [(utc(2026, 11, 18, 7), date(2026, 11, 18))]),
    # Fridays; the 28th.
    (ClockStrikes(weekday=4), MINSK, utc(2026, 11, 14), utc(2026, 11, 20, 6), []),
    (ClockStrikes(weekday=4), MINSK, utc(2026, 11, 14), utc(2026, 11, 20, 7),
     [(utc(2026, 11, 20, 7), date(2026, 11, 20))]),
    (ClockStrikes(every="month", day=28), MINSK, utc(2026, 2, 1), utc(2026, 3, 1),
     [(utc(2026, 2, 28, 7), date(2026, 2, 28))]),
    # An hour that does not exist counts as the one after it; one that comes twice, as the first.
    (DateComes(at=time(2, 30)), ROME, utc(2026, 3, 28, 12), utc(2026, 3, 29, 12),
     [(utc(2026, 3, 29, 1, 30), date(2026, 3, 29))]),
    (DateComes(at=time(2, 30)), ROME, utc(2026, 10, 24, 12), utc(2026, 10, 25, 12),
     [(utc(2026, 10, 25, 0, 30), date(2026, 10, 25))]),
]  # fmt: skip


@pytest.mark.parametrize(("trigger", "zone", "after", "until", "wanted"), TABLE)
def test_a_time_comes_by_the_stores_clock(
    trigger: Any, zone: ZoneInfo, after: datetime, until: datetime, wanted: list[Any]
) -> None:
    assert triggers.strikes(trigger, zone, after, until) == wanted


@given(
    st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 30)),
    st.lists(st.integers(0, 4_000), max_size=12),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.integers(-20, 400),
    st.sampled_from([MINSK, ROME, ZoneInfo("America/New_York")]),
)
@settings(deadline=None, max_examples=150)
def test_no_day_is_missed_and_none_comes_twice_however_often_workers_look(
    begins: datetime, minutes: list[int], at: time, days: int, zone: ZoneInfo
) -> None:
    """R117: looks at whatever moments find what one look finds."""
    trigger, after = DateComes(days=days, at=at), begins.replace(tzinfo=UTC)
    moments = [after]
    for some in minutes:
        moments.append(moments[-1] + timedelta(minutes=some))
    piecewise = [
        strike
        for one, two in itertools.pairwise(moments)
        for strike in triggers.strikes(trigger, zone, one, two)
    ]
    assert piecewise == triggers.strikes(trigger, zone, after, moments[-1])
    found = [strike.day for strike in piecewise]
    assert found == [found[0] + n * DAY for n in range(len(found))]


def journey(**more: Any) -> Journey:
    told = {"key": "own_1", "trigger": DateComes(), "topic": "birthday"} | more
    return Journey.model_validate(told | {"steps": (Leave(id="end"),)})


def plan(version: int, *, is_on: bool = True, **more: Any) -> Plan:
    return Plan(journey(**more), Automation(is_on, version))


def test_an_automation_counts_from_when_it_was_switched_on_with_its_trigger() -> None:
    """Other texts, another wait: nothing begins anew. Off and on again, another hour: it does."""
    at = utc(2026, 11, 1)
    assert triggers.counts_from([]) is None
    on = [(plan(3, topic="dates"), at + 2 * DAY), (plan(2), at + DAY), (plan(1), at)]
    assert triggers.counts_from(on) == at
    again = [on[0], (plan(2, is_on=False), at + DAY), on[2]]
    assert triggers.counts_from(again) == at + 2 * DAY
    earlier = [on[0], (plan(2, trigger=DateComes(days=-1)), at + DAY), on[2]]
    assert triggers.counts_from(earlier) == at + 2 * DAY


def test_what_nobody_wants_to_hear_any_more_is_not_begun() -> None:
    """P4."""
    now = utc(2026, 11, 18)
    short = journey(valid_for=86_400)
    assert triggers.looks_after(short, now - 9 * DAY, now) == now - DAY
    assert triggers.looks_after(short, now - timedelta(hours=1), now) == now - timedelta(hours=1)
