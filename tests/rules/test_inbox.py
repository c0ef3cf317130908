"""What people do with a conversation, and how long others waited for it (R79)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from ringdove.rules.conversations import care, waits
from ringdove.rules.scenes import Conversation

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@given(some.lists(some.integers(1, 20_000_000), min_size=1, max_size=60))
def test_times_are_right_to_five_per_cent(seconds: list[int]) -> None:
    """R79. The median and the nine tenths of what was counted, without keeping who it was."""
    counts: dict[str, int] = {}
    for one in seconds:
        name = waits.name_of("reply", timedelta(seconds=one))
        counts[name] = counts.get(name, 0) + 1
    found = waits.figures(counts | {"waited/first/3": 7, "sent": 9}, "reply")
    assert found and found.n == len(seconds)
    ordered = sorted(seconds)
    for share, told in ((0.5, found.median), (0.9, found.ninety)):
        real = next(s for n, s in enumerate(ordered, 1) if n >= len(ordered) * share)
        # Whole seconds are told, so the shortest are right to one.
        assert abs(told.total_seconds() - real) <= max(1, real * 0.051)


def test_nobody_answered_is_no_time() -> None:
    assert waits.figures({"waited/first/3": 1}, "reply") is None


def test_each_deed_leaves_a_conversation_as_it_says() -> None:
    """R79. Table of deeds."""
    waiting = Conversation(
        1, state="open", owner=3, waiting_since=NOW - HOUR, new_since=NOW - HOUR, unread=2,
        last_at=NOW - HOUR, last_said="?", asking={"orders": [1]},
    )  # fmt: skip
    assert care.seen(waiting) == replace(waiting, unread=0)
    assert care.unseen(care.seen(waiting)).unread == 1
    closed = care.closed(waiting)
    assert (closed.state, closed.waiting_since, closed.new_since) == ("closed", None, None)
    assert not closed.asking and closed.owner == 3
    again = care.opened(closed, NOW)
    assert (again.state, again.waiting_since) == ("open", NOW)
    asleep = care.put_off(waiting, NOW + HOUR)
    assert (asleep.state, asleep.snoozed_until) == ("snoozed", NOW + HOUR)
    assert asleep.waiting_since == waiting.waiting_since, "they wait all the same"
    assert care.opened(asleep, NOW).waiting_since == waiting.waiting_since


def test_of_two_that_become_one_whoever_waits_is_not_forgotten() -> None:
    """R79. Merging: open counts before put off, put off before closed; the earlier wait stays."""
    waiting = Conversation(
        1, state="open", waiting_since=NOW - 3 * HOUR, unread=1, last_at=NOW - 3 * HOUR,
        last_said="Where?",
    )  # fmt: skip
    asleep = Conversation(
        2, state="snoozed", owner=5, snoozed_until=NOW + HOUR, last_at=NOW, last_said="Bye"
    )
    one = care.folded(2, asleep, waiting)
    assert (one.contact_id, one.state, one.owner, one.unread) == (2, "open", 5, 1)
    assert one.waiting_since == NOW - 3 * HOUR and one.snoozed_until is None
    assert one.last_said == "Bye", "the later text"
    assert care.folded(9, None, waiting) == replace(waiting, contact_id=9)
    closed = care.folded(1, Conversation(1, last_at=NOW - HOUR), asleep)
    assert (closed.state, closed.snoozed_until) == ("snoozed", NOW + HOUR)
    day = NOW.date()
    some, more = (Conversation(n, machine_day=day, machine_said=4, last_at=NOW) for n in (1, 2))
    assert care.folded(1, some, more).machine_said == 8, "answered enough today"
    old = replace(more, machine_day=day - timedelta(days=1))
    assert care.folded(1, replace(some, last_at=NOW + HOUR), old).machine_said == 4
