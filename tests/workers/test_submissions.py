"""What the answers to the parts make of a message, as a table. P5, P6."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ringdove.gateways.smpp import Outcome, Refused, Sent
from ringdove.records.sending.messages import Settled, Taken
from ringdove.workers.sending import submissions
from ringdove.workers.sending.pace import Allowance
from ringdove.workers.sending.submissions import Submission

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
LATER, NEVER, SLOWER = (Refused("WHY", again) for again in ("later", "permanent", "throttled"))
LOST = None


def submission(parts: int, attempts: int = 1) -> Submission:
    taken = Taken(
        7, 1, 2, "sms", "service", "+375291112233", "", "", "Hi", "", "GSM-7", parts, NOW,
        attempts, "BY", None, "",
    )  # fmt: skip
    return submissions.make(taken, [b""] * parts)


def play(one: Submission, answers: list[Outcome | None]) -> Submission:
    for part, answer in zip(one.parts, answers, strict=False):
        if part.state == "queued":
            part.state = "said"
            if answer is None:
                submissions.give_up(part, "no_answer")
            else:
                submissions.hear(part, answer)
    return one


@pytest.mark.parametrize(
    ("answers", "attempts", "expected"),
    [
        ([Sent("a")], 1, Settled(7, "sent", "", ("a",))),
        ([Sent("a"), Sent("b")], 1, Settled(7, "sent", "", ("a", "b"))),
        ([Sent("")], 1, Settled(7, "sent", "", ("",))),
        ([LOST], 1, Settled(7, "unknown", "no_answer", ("",))),
        ([Sent("a"), LOST], 1, Settled(7, "unknown", "no_answer", ("a", ""))),
        ([LOST, NEVER], 1, Settled(7, "unknown", "no_answer", ("", ""))),
        ([NEVER], 1, Settled(7, "failed", "WHY")),
        ([LATER], 1, Settled(7, "retry", "WHY", (), NOW + timedelta(seconds=30))),
        ([LATER], 2, Settled(7, "retry", "WHY", (), NOW + timedelta(seconds=120))),
        ([LATER], 4, Settled(7, "retry", "WHY", (), NOW + timedelta(hours=1))),
        ([LATER], 5, Settled(7, "failed", "WHY")),
        ([NEVER, Sent("b")], 1, Settled(7, "failed", "WHY")),  # the second is not said any more
        ([Sent("a"), LATER], 1, Settled(7, "failed", "in part: WHY", ("a", ""))),
        ([Sent("a"), NEVER, Sent("c")], 1, Settled(7, "failed", "in part: WHY", ("a", "", ""))),
    ],
)
def test_the_whole(answers: list[Outcome | None], attempts: int, expected: Settled) -> None:
    one = play(submission(len(answers), attempts), answers)
    assert not one.is_open
    settled = submissions.settle(one, NOW)
    is_refused = one.refusal is not None and not settled.provider_ids
    assert (settled.refused is not None) == (is_refused and settled.state != "unknown")
    assert replace(settled, refused=None) == expected


def test_a_broken_link_is_not_a_silent_operator() -> None:
    """The reason says whom to ask: the network between, or the operator."""
    for klass, repeats, state in (("service", False, "unknown"), ("service", True, "retry")):
        one = submission(1)
        one.taken = one.taken._replace(klass=klass)
        one.parts[0].state = "said"
        submissions.give_up(one.parts[0], "link_broke")
        settled = submissions.settle(one, NOW, repeats)
        assert (settled.state, settled.reason) == (state, "link_broke")


def test_throttled_waits_in_the_queue_and_not_for_ever() -> None:
    one = submission(1)
    for _ in range(submissions.THROTTLED_MAX):
        play(one, [SLOWER])
        assert one.is_open and one.is_untouched
    play(one, [SLOWER])
    assert submissions.settle(one, NOW).state == "retry"


def test_a_late_answer_settles_the_unknown() -> None:
    one = play(submission(1), [LOST])
    submissions.hear(one.parts[0], Sent("late"))
    assert submissions.settle(one, NOW) == Settled(7, "sent", "", ("late",))


def test_an_account_never_speaks_faster_than_it_may() -> None:
    allowance, said, now = Allowance(10), 0, 0.0
    while now < 10:
        if (wait_s := allowance.wait_s(now)) > 0:
            now += wait_s + 1e-9
        else:
            allowance.spend()
            said += 1
    assert 98 <= said <= 103


def test_slower_each_time_and_faster_again() -> None:
    allowance = Allowance(1000)
    allowance.wait_s(0.0)
    for _ in range(50):  # a whole window is throttled at once: one pause
        allowance.slow_down(0.0)
    assert allowance.wait_s(0.0) == 0.5
    assert allowance.wait_s(0.5) == 0.0
    allowance.slow_down(0.5)
    assert allowance.wait_s(0.5) == 1.0
    for _ in range(20):
        allowance.went_well()
    allowance.slow_down(9.0)
    assert allowance.wait_s(9.0) == 0.5
