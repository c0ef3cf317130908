"""The decision: send, wait or drop, in every zone, on every day of the year."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringdove.rules import consent
from ringdove.rules.consent import Draft, Drop, Send, Wait, allowed_from, decide
from ringdove.rules.scenes import Contact
from tests.rules.scene import NOON, store

ANNA = Contact(1, "+375291112233", "anna@example.by", NOON, zones=("Europe/Minsk",), marketing="in")
OFFER = Draft("sms", "marketing", "offers", NOON, NOON + timedelta(days=2))
NEWS = Draft("sms", "service", "order", NOON, NOON + timedelta(days=2))
RUSSIA = ("Europe/Kaliningrad", "Europe/Moscow", "Asia/Yekaterinburg", "Asia/Kamchatka")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("person", "draft", "now", "expected"),
    [
        (ANNA, OFFER, NOON, Send),
        (replace(ANNA, marketing="none"), OFFER, NOON, "no_consent"),
        (replace(ANNA, marketing="out"), OFFER, NOON, "stopped"),
        (replace(ANNA, marketing="out"), NEWS, NOON, Send),
        (replace(ANNA, service="out"), NEWS, NOON, "stopped"),
        (replace(ANNA, service="out"), OFFER, NOON, "stopped"),
        (replace(ANNA, service="out"), replace(NEWS, topic="stop_confirmation"), NOON, Send),
        (replace(ANNA, phone=None), NEWS, NOON, "no_phone"),
        (replace(ANNA, phone=None, phone_doubt="12"), NEWS, NOON, "phone_doubtful"),
        (replace(ANNA, email=None), replace(NEWS, channel="email"), NOON, "no_email"),
        (ANNA, NEWS, NOON + timedelta(days=3), "too_late"),
        (ANNA, OFFER, _at("2026-11-18T19:30"), Wait),  # 22:30 in Minsk
        (ANNA, NEWS, _at("2026-11-18T19:30"), Send),  # an urgent service text
        (ANNA, replace(NEWS, in_daytime=True), _at("2026-11-18T19:30"), Wait),
        (ANNA, replace(OFFER, channel="email"), _at("2026-11-18T19:30"), Send),
        (ANNA, replace(OFFER, not_before=NOON + timedelta(hours=1)), NOON, Wait),
    ],
)
def test_the_decision_gives_one_answer_with_one_reason(person, draft, now, expected):
    """P1, P4, R1, R12, R17: class, permission, address, time."""
    verdict = decide(store(), person, draft, now)
    if isinstance(expected, str):
        assert verdict == Drop(expected)
    else:
        assert isinstance(verdict, expected)


def test_what_is_due_at_night_waits_for_the_morning_or_is_dropped():
    """R17, R18: 22:30 in Minsk waits until 9:00; an offer that ends before is dropped."""
    night = _at("2026-11-18T19:30")
    verdict = decide(store(), ANNA, OFFER, night)
    assert verdict == Wait(_at("2026-11-19T06:00"), _at("2026-11-19T18:00"), "quiet_hours")
    ends_first = replace(OFFER, not_after=_at("2026-11-19T05:00"))
    assert decide(store(), ANNA, ends_first, night) == Drop("too_late")


def test_where_several_zones_are_possible_the_hour_is_safe_in_all_of_them():
    """P4: a Russian mobile may be anywhere from Kaliningrad to Kamchatka."""
    opens, closes = allowed_from(NOON, RUSSIA, time(21), time(9))
    assert (opens, closes) == (_at("2026-11-19T07:00"), _at("2026-11-19T09:00"))


def test_no_hour_is_safe_around_the_whole_world():
    """P4: then nothing is sent, and the reason says so."""
    everywhere = ("Pacific/Honolulu", "Europe/London", "Asia/Tokyo")
    person = replace(ANNA, zones=everywhere)
    assert decide(store(), person, OFFER, NOON) == Drop("no_allowed_hour")


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        # Clocks go forward at 01:00 UTC on 2026-03-29 and back on 2026-10-25.
        ("2026-03-28T23:00", "2026-03-29T07:00"),
        ("2026-03-27T23:00", "2026-03-28T08:00"),
        ("2026-10-24T22:00", "2026-10-25T08:00"),
        ("2026-10-23T22:00", "2026-10-24T07:00"),
    ],
)
def test_quiet_hours_on_the_days_that_clocks_change(at, opens):
    """P4: nine o'clock is nine o'clock by the recipient's own clock."""
    assert allowed_from(_at(at), ("Europe/Rome",), time(21), time(9))[0] == _at(opens)


def test_equal_ends_mean_no_quiet_hours():
    assert allowed_from(NOON, ("Europe/Minsk",), time(0), time(0)) == (NOON, NOON + consent.FAR)


ZONES = st.lists(
    st.sampled_from([*RUSSIA, "Europe/Rome", "Europe/London", "America/New_York", "Asia/Tokyo"]),
    min_size=1, max_size=3, unique=True,
)  # fmt: skip
HOURS = st.times().map(lambda t: t.replace(second=0, microsecond=0))


@settings(max_examples=300, deadline=None)
@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    ZONES, HOURS, HOURS,
)  # fmt: skip
def test_an_allowed_moment_is_outside_quiet_hours_in_every_zone(at, zones, begins, ends):
    """P4, R17: whatever the zones, the hours and the day."""
    opens, closes = allowed_from(at, zones, begins, ends)
    if opens is None or begins == ends:
        return
    assert at <= opens < closes
    for moment in (opens, closes - timedelta(seconds=1)):
        for zone in zones:
            local = moment.astimezone(ZoneInfo(zone)).time()
            quiet = begins <= local < ends if begins < ends else local >= begins or local < ends
            # In the hour that is shown twice or never, a wall time has no single answer.
            offsets = {
                (moment + timedelta(hours=h)).astimezone(ZoneInfo(zone)).utcoffset()
                for h in (-2, 2)
            }
            assert not quiet or len(offsets) > 1
