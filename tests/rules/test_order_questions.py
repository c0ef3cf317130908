"""How often customers ask where their order is, before and after (R67)."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ringdove.rules.reports.order_questions import Switch, Week, compare, monday, switches

FIRST = date(2026, 8, 31)
AT = datetime(2026, 10, 1, 12, tzinfo=UTC)


def weeks(*counts: tuple[int, int]) -> list[Week]:
    return [Week(FIRST + timedelta(days=7 * n), *one) for n, one in enumerate(counts)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # Half as often, and sure of it: orders alone would have told "less" without a change.
        ((1_000, 100), (500, 25), (0.5, True)),
        ((1_000, 100), (2_000, 190), (0.95, False)),
        ((1_000, 20), (1_000, 60), (3.0, True)),
        ((1_000, 5), (1_000, 4), None),  # too few to say anything
        ((0, 20), (1_000, 20), None),
        ((1_000, 0), (1_000, 20), None),  # as a multiple of nothing
        ((1_000, 20), (1_000, 0), (0.0, True)),
    ],
)
def test_two_rates_are_compared_with_what_is_known_for_certain(before, after, expected):
    """R67. The week of the change and the one that runs are in neither side."""
    noise = (10, 500)
    found = compare(weeks(before, noise, after, noise), FIRST + timedelta(days=7),
                    FIRST + timedelta(days=21))  # fmt: skip
    assert (found.before.orders, found.after.asked) == (before[0], after[1])
    if expected is None:
        assert found.change is None
    else:
        change = found.change
        assert (round(change.times, 2), change.is_sure) == expected
        assert change.low <= change.times <= (change.high or change.times)


def test_the_interval_keeps_its_word():
    """R67. With nothing changed it says so in 19 of 20 cases."""
    chance, wrong = random.Random(67), 0
    for _ in range(400):
        before = sum(chance.random() < 0.05 for _ in range(800))
        after = sum(chance.random() < 0.05 for _ in range(400))
        told = weeks((800, before), (0, 0), (400, after), (0, 0))
        found = compare(told, FIRST + timedelta(days=7), FIRST + timedelta(days=21))
        assert found.change
        wrong += found.change.is_sure
    assert wrong <= 400 * 0.08


def test_a_switch_is_from_off_to_on():
    """What is saved again was on before; what begins as on was never switched on."""
    later, off = AT + timedelta(days=9), AT + timedelta(days=5)
    versions = {
        "a": [(True, AT), (True, later)], "b": [(True, AT)], "c": [(False, AT), (True, later)],
        "d": [(True, AT), (False, off), (True, later)], "e": [(False, AT)],
    }  # fmt: skip
    assert switches(versions, {"b": True}) == [
        Switch("c", later), Switch("d", later), Switch("a", AT),
    ]  # fmt: skip
    late = datetime(2026, 11, 22, 22, tzinfo=UTC)  # Monday in Minsk
    assert monday(late, ZoneInfo("Europe/Minsk")) == date(2026, 11, 23)
