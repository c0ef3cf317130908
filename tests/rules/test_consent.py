"""The decision: send, wait or drop, in every zone, on every day of the year."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringdove.rules import policy
from ringdove.rules.consent import hours
from ringdove.rules.consent.consent import Draft, Drop, Send, Wait, decide
from ringdove.rules.consent.holidays import easter, is_holiday, orthodox_easter
from ringdove.rules.consent.hours import Limits, Part, part_of
from ringdove.rules.policy import Gap, Hours, Policy
from ringdove.rules.scenes import NO_HISTORY, Contact, History, Touch
from tests.rules.scene import NOON, store

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ANNA = Contact(1, "+375291112233", "anna@example.by", NOON, zones=("Europe/Minsk",), marketing="in")
OFFER = Draft("sms", "marketing", "offers", NOON, NOON + 2 * DAY, occasion="sale")
NEWS = Draft("sms", "service", "order", NOON, NOON + 2 * DAY)
RUSSIA = ("Europe/Kaliningrad", "Europe/Moscow", "Asia/Yekaterinburg", "Asia/Kamchatka")
NIGHT_OFF = Limits(((time(21), time(9)),))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _first(at: datetime, zones: tuple[str, ...], limits: Limits = NIGHT_OFF) -> object:
    return hours.first(limits, zones, at, at + 3 * DAY)


@pytest.mark.parametrize(
    ("person", "draft", "now", "expected"),
    [
        (ANNA, OFFER, NOON, Send),
        (replace(ANNA, marketing="none"), OFFER, NOON, "no_consent"),
        (replace(ANNA, marketing="asked"), OFFER, NOON, "unconfirmed"),
        (replace(ANNA, marketing="out"), OFFER, NOON, "stopped"),
        (  # joined after the stop, or the stop had ended it
            replace(ANNA, marketing="out", scopes={"topic/offers": ["in", ""]}), OFFER, NOON, Send,
        ),
        (
            replace(ANNA, marketing="out", scopes={"topic/loyalty": ["in", ""]}), OFFER, NOON,
            "stopped",
        ),
        (replace(ANNA, scopes={"topic/offers": ["out", ""]}), OFFER, NOON, "topic_left"),
        (replace(ANNA, scopes={"topic/loyalty": ["out", ""]}), OFFER, NOON, Send),
        (
            replace(ANNA, marketing="none", scopes={"topic/offers": ["in", ""]}), OFFER, NOON, Send,
        ),
        (
            replace(ANNA, scopes={"category/shoes": ["out", ""]}),
            replace(OFFER, category="shoes"), NOON, "category_left",
        ),
        (ANNA, replace(OFFER, occasion=""), NOON, "no_occasion"),
        (replace(ANNA, marketing="out"), NEWS, NOON, Send),
        (replace(ANNA, service="out"), NEWS, NOON, "stopped"),
        (replace(ANNA, service="out"), OFFER, NOON, "stopped"),
        (replace(ANNA, service="out"), replace(NEWS, topic="stop_confirmation"), NOON, Send),
        (replace(ANNA, phone=None), NEWS, NOON, "no_phone"),
        (replace(ANNA, phone=None, phone_doubt="12"), NEWS, NOON, "phone_doubtful"),
        (replace(ANNA, email=None), replace(NEWS, channel="email"), NOON, "no_email"),
        (ANNA, NEWS, NOON + 3 * DAY, "too_late"),
        (ANNA, OFFER, _at("2026-11-18T19:30"), Wait),  # 22:30 in Minsk
        (ANNA, NEWS, _at("2026-11-18T19:30"), Send),  # an urgent service text
        (ANNA, replace(NEWS, in_daytime=True), _at("2026-11-18T19:30"), Wait),
        (ANNA, replace(OFFER, channel="email"), _at("2026-11-18T19:30"), Send),
        (ANNA, replace(OFFER, not_before=NOON + HOUR), NOON, Wait),
        (replace(ANNA, paused_until=NOON + DAY), OFFER, NOON, Wait),
        (replace(ANNA, paused_until=NOON + 30 * DAY), OFFER, NOON, "paused"),
        (replace(ANNA, paused_until=NOON + 30 * DAY), NEWS, NOON, Send),
        (replace(ANNA, talking_until=NOON + 3 * HOUR), OFFER, NOON, Wait),
        (replace(ANNA, talking_until=NOON - HOUR), OFFER, NOON, Send),
        (replace(ANNA, talking_until=NOON + 30 * DAY), OFFER, NOON, "talking"),
        (replace(ANNA, talking_until=NOON + 30 * DAY), NEWS, NOON, Send),
    ],
)  # fmt: skip
def test_the_decision_gives_one_answer_with_one_reason(person, draft, now, expected):
    """P1, P4, R1, R12, R13, R17, R44: class, permission, topic, address, occasion, time."""
    verdict = decide(store(), person, draft, NO_HISTORY, now)
    if isinstance(expected, str):
        assert verdict == Drop(expected)
    else:
        assert isinstance(verdict, expected)


def test_a_missing_occasion_only_warns_where_the_owner_says_so():
    """R13: blocked or warned."""
    lenient = store(policy=Policy(occasion="warn"))
    no_occasion = replace(OFFER, occasion="")
    assert isinstance(decide(lenient, ANNA, no_occasion, NO_HISTORY, NOON), Send)


# ------------------------------------------------------------------ how often


def _past(*ago: timedelta, category: str = "") -> History:
    touches = [Touch(n, NOON - span, "offers", category) for n, span in enumerate(sorted(ago))]
    return History(tuple(touches))


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (NO_HISTORY, None),
        (_past(25 * HOUR), None),
        (_past(24 * HOUR), None),  # rolling: a day after the last one it may go
        (_past(23 * HOUR), ("cap_day", NOON + HOUR)),
        (_past(25 * HOUR, 3 * DAY, 6 * DAY), ("cap_week", NOON + DAY)),
        (_past(2 * HOUR, 3 * DAY, 6 * DAY), ("cap_week", NOON + DAY)),  # the later of two
        (_past(20 * HOUR, 3 * DAY, 7 * DAY - HOUR), ("cap_day", NOON + 4 * HOUR)),
    ],
)
def test_offers_to_one_person_are_capped_in_rolling_spans(history, expected):
    """R12: one in 24 hours, three in 7 days; service texts are outside."""
    verdict = decide(store(), ANNA, OFFER, history, NOON)
    if expected is None:
        assert isinstance(verdict, Send)
    else:
        assert isinstance(verdict, Wait)
        assert (verdict.reason, verdict.until) == expected
    assert isinstance(decide(store(), ANNA, NEWS, history, NOON), Send)


def test_a_cap_that_lasts_longer_than_the_message_drops_it():
    """R12, R18: eight a month are full until after its end."""
    full = _past(*(timedelta(days=5 + n) for n in range(8)))
    assert decide(store(), ANNA, OFFER, full, NOON) == Drop("cap_month")
    no_caps = store(policy=Policy(cap_day=0, cap_week=0, cap_month=0))
    assert isinstance(decide(no_caps, ANNA, OFFER, full, NOON), Send)


def test_a_category_has_its_own_gap_and_a_purchase_silences_it_while_accessories_may_go():
    """R14, R15: fridges rarely; after buying one none for months, its accessories at once."""
    rare = store(policy=Policy(categories={"fridges": Gap(30, 180)}))
    fridge = replace(OFFER, category="fridges", not_after=NOON + 400 * DAY)
    offered = _past(10 * DAY, category="fridges")
    verdict = decide(rare, ANNA, fridge, offered, NOON)
    assert isinstance(verdict, Wait)
    assert (verdict.reason, verdict.until) == ("category_gap", NOON + 20 * DAY)
    bought = History((), {"fridges": NOON - 100 * DAY})
    verdict = decide(rare, ANNA, fridge, bought, NOON)
    assert isinstance(verdict, Wait)
    assert (verdict.reason, verdict.until) == ("bought_lately", NOON + 80 * DAY)
    assert decide(rare, ANNA, replace(fridge, not_after=NOON + DAY), bought, NOON) == Drop(
        "bought_lately"
    )
    assert isinstance(decide(rare, ANNA, replace(fridge, category="filters"), bought, NOON), Send)


def test_a_message_never_stands_in_its_own_way():
    """R12: what is tried again counts once."""
    mine = _past(HOUR)
    assert isinstance(decide(store(), ANNA, OFFER, mine.without(0), NOON), Send)


# ------------------------------------------------------------------ when


def test_what_is_due_at_night_waits_for_the_morning_or_is_dropped():
    """R17, R18: 22:30 in Minsk waits until 9:00; an offer that ends before is dropped."""
    night = _at("2026-11-18T19:30")
    verdict = decide(store(), ANNA, OFFER, NO_HISTORY, night)
    assert verdict == Wait(_at("2026-11-19T06:00"), _at("2026-11-19T18:00"), "quiet_hours")
    ends_first = replace(OFFER, not_after=_at("2026-11-19T05:00"))
    assert decide(store(), ANNA, ends_first, NO_HISTORY, night) == Drop("no_hour_left")


def test_where_several_zones_are_possible_the_hour_is_safe_in_all_of_them():
    """P4: a Russian mobile may be anywhere from Kaliningrad to Kamchatka."""
    assert _first(NOON, RUSSIA) == (_at("2026-11-19T07:00"), _at("2026-11-19T09:00"))


def test_no_hour_is_safe_around_the_whole_world():
    """P4: then nothing is sent, and the reason says so."""
    everywhere = ("Pacific/Honolulu", "Europe/London", "Asia/Tokyo")
    person = replace(ANNA, zones=everywhere)
    assert decide(store(), person, OFFER, NO_HISTORY, NOON) == Drop("no_allowed_hour")


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
    found = _first(_at(at), ("Europe/Rome",))
    assert isinstance(found, tuple) and found[0] == _at(opens)


@pytest.mark.parametrize(
    ("limits", "day", "expected"),
    [
        # 02:30 comes twice on 25 October: the hours open at the second and close at the first.
        (Limits(((time(22), time(2, 30)),)), "2026-10-25", ("01:30", None)),
        (Limits(((time(2, 30), time(12)),)), "2026-10-25", (None, "00:30")),
        # 02:30 never comes on 29 March (01:00 UTC is 03:00): both ends keep off the missing hour.
        (Limits(((time(22), time(2, 30)),)), "2026-03-29", ("01:30", None)),
        (Limits(((time(2, 30), time(12)),)), "2026-03-29", (None, "00:30")),
    ],
)
def test_an_hour_that_comes_twice_or_never_is_read_the_safe_way(limits, day, expected):
    """P4: whichever of the two was meant."""
    opens, closes = expected
    found = hours.day_windows(limits, ("Europe/Rome",), date.fromisoformat(day))
    if opens:
        assert found[0][0] == _at(f"{day}T{opens}")
    else:
        assert found[0][1] == _at(f"{day}T{closes}")


def test_equal_ends_mean_no_quiet_hours():
    none = Limits(((time(0), time(0)),))
    assert _first(NOON, ("Europe/Minsk",), none) == (NOON, NOON + hours.FAR)


FRENCH = replace(ANNA, country="FR", zones=("Europe/Paris",), phone="+33612345678")


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-07-13T10:00", None),  # a Monday
        ("2026-07-13T20:30", "2026-07-15T07:00"),  # 22:30; the next day is the national holiday
        ("2026-07-18T20:30", "2026-07-20T07:00"),  # Saturday night: Sunday is silent
        ("2026-05-25T10:00", "2026-05-26T07:00"),  # Whit Monday
        ("2026-07-13T06:30", "2026-07-13T07:00"),  # 8:30: France says 8, the shop itself says 9
    ],
)
def test_france_is_silent_at_night_on_sundays_and_on_public_holidays(now, until):
    """R17: by law of the recipient's country; the stricter of it and the shop's own hours."""
    draft = replace(OFFER, not_before=_at(now), not_after=_at(now) + 5 * DAY)
    verdict = decide(store(), FRENCH, draft, NO_HISTORY, _at(now))
    if until is None:
        assert isinstance(verdict, Send)
    else:
        assert isinstance(verdict, Wait)
        assert (verdict.until, verdict.reason) == (_at(until), "quiet_hours")


def test_the_merchant_can_say_another_rule_for_a_country():
    """R17: it stands in place of ours; a weekday that the whole store leaves out stays out."""
    own = Hours(time(20), time(10), frozenset({0, 1, 2, 3, 4, 5, 6}))
    bold = store(policy=Policy(countries={"FR": own}, weekdays=frozenset({0, 1, 2, 3, 4, 6})))
    sunday = _at("2026-07-19T08:30")
    draft = replace(OFFER, not_before=sunday, not_after=sunday + 5 * DAY)
    assert isinstance(decide(bold, FRENCH, draft, NO_HISTORY, sunday), Send)
    saturday = sunday - DAY
    draft = replace(draft, not_before=saturday)
    verdict = decide(bold, FRENCH, draft, NO_HISTORY, saturday)
    assert isinstance(verdict, Wait) and verdict.until == _at("2026-07-19T08:00")


def test_a_message_can_name_its_own_weekdays_and_part_of_the_day():
    """R19: sushi on weekday afternoons."""
    sushi = replace(OFFER, part=Part(frozenset(range(5)), time(14), time(17)))
    friday = _at("2026-11-20T15:00")  # 18:00 in Minsk
    draft = replace(sushi, not_before=friday, not_after=friday + 7 * DAY)
    verdict = decide(store(), ANNA, draft, NO_HISTORY, friday)
    assert verdict == Wait(_at("2026-11-23T11:00"), _at("2026-11-23T14:00"), "own_hours")
    assert part_of(str(sushi.part)) == sushi.part


ZONES = st.lists(
    st.sampled_from([*RUSSIA, "Europe/Rome", "Europe/London", "America/New_York", "Asia/Tokyo"]),
    min_size=1, max_size=3, unique=True,
).map(tuple)  # fmt: skip
HOURS = st.times().map(lambda t: t.replace(second=0, microsecond=0))


@settings(max_examples=300, deadline=None)
@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    ZONES, HOURS, HOURS,
)  # fmt: skip
def test_an_allowed_moment_is_outside_quiet_hours_in_every_zone(at, zones, begins, ends):
    """P4, R17: whatever the zones, the hours and the day, the days of clock changes included."""
    found = _first(at, zones, Limits(((begins, ends),)))
    if not isinstance(found, tuple) or begins == ends:
        return
    opens, closes = found
    assert at <= opens < closes
    for moment in (opens, closes - timedelta(seconds=1), opens + (closes - opens) / 2):
        for zone in zones:
            local = moment.astimezone(ZoneInfo(zone)).time()
            assert not (
                begins <= local < ends if begins < ends else local >= begins or local < ends
            )


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    ZONES, HOURS, HOURS, st.integers(0, 6),
)  # fmt: skip
def test_the_list_of_windows_and_the_first_of_them_say_the_same(at, zones, begins, ends, days):
    """N2: the decision takes the first, the set form joins the list."""
    limits = Limits(((begins, ends),), frozenset({0, 2, 3, 6}))
    until = at + (days + 1) * DAY
    found = hours.first(limits, zones, at, until)
    listed = hours.windows(limits, zones, at - days * DAY, until)
    later = [(max(a, at), b) for a, b in listed if b > at]
    assert (later[0] if later else None) == found
    assert all(a < b for a, b in listed) and listed == sorted(listed)
    assert all(one[1] < other[0] for one, other in pairwise(listed))


@pytest.mark.parametrize(
    ("country", "day"),
    [
        ("FR", "2026-07-14"), ("FR", "2027-03-29"), ("IT", "2027-04-25"), ("IT", "2026-10-04"),
        ("ES", "2027-03-26"), ("PL", "2026-06-04"), ("DE", "2026-05-14"), ("BY", "2026-04-21"),
        ("BY", "2027-05-11"), ("RU", "2026-06-12"),
    ],
)  # fmt: skip
def test_public_holidays_fall_where_calendars_have_them(country, day):
    assert is_holiday(country, date.fromisoformat(day))
    assert not is_holiday(country, date(2026, 9, 15))


def test_easter_by_both_calendars():
    """Against printed tables."""
    assert [easter(y) for y in (2024, 2025, 2026, 2027, 2038)] == [
        date(2024, 3, 31), date(2025, 4, 20), date(2026, 4, 5), date(2027, 3, 28),
        date(2038, 4, 25),
    ]  # fmt: skip
    assert [orthodox_easter(y) for y in (2024, 2025, 2026, 2027)] == [
        date(2024, 5, 5), date(2025, 4, 20), date(2026, 4, 12), date(2027, 5, 2),
    ]  # fmt: skip


def test_a_policy_is_read_as_it_was_written():
    said = Policy(
        cap_day=2, weekdays=frozenset({1, 2}), categories={"shoes": Gap(7, 30)},
        countries={"FR": Hours(time(20), time(9, 30), frozenset({0}), False)},
        topics=(policy.Topic("sushi", {"en": "Sushi"}, "3"),), keep_days={"visits": 90},
    )  # fmt: skip
    assert policy.read(policy.write(said)) == said
    assert policy.read(policy.write(policy.DEFAULT)) == policy.DEFAULT == policy.read({})


def test_a_policy_that_another_version_wrote_breaks_no_store():
    """A new rule may stand in the document while the old version is still running, or again."""
    told = {
        "cap_day": 2, "rule_of_next_year": [1], "topics": [{"key": "tea", "colour": "red"}],
        "categories": {"shoes": {"days": 3, "hours": 4}},
    }  # fmt: skip
    said = policy.read(told)
    assert (said.cap_day, said.categories) == (2, {"shoes": Gap(3)})
    assert said.topics == (policy.Topic("tea"),)
