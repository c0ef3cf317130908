"""One taken message on its way out: its parts, and what their answers make of the whole.

    a part: queued → said → sent | refused | unknown      (throttled: said → queued)

The whole is settled once no part is queued or said. Any part unknown makes it unknown (P5), or said
again where the merchant chose that for service texts (repeat_unknown). Of what is refused only
what was surely not accepted at all is tried again; a message of which some parts left is never
repeated, it failed. No socket and no clock here.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import Final, Literal, TypeAlias

from ringdove.gateways.smpp import Outcome, Refused, Sent
from ringdove.records.sending.messages import Settled, Taken
from ringdove.rules.sending import routes

PartState: TypeAlias = Literal["queued", "said", "sent", "refused", "unknown"]

ATTEMPTS_MAX: Final = 5
RETRY_AFTER: Final = tuple(timedelta(seconds=s) for s in (30, 120, 600, 3600))
THROTTLED_MAX: Final = 100
"""Times that one part is put back for "slow down"; then it counts as refused for now."""


@dataclass(eq=False, slots=True)
class Part:
    of: "Submission"
    packet: bytes
    state: PartState = "queued"
    provider_id: str = ""
    throttled: int = 0


@dataclass(eq=False, slots=True)
class Submission:
    taken: Taken
    parts: list[Part] = field(default_factory=list)
    refusal: Refused | None = None
    stale_at: float = inf  # seconds of the loop: the decision to say it is old then
    doubt: str = "no_answer"  # why the outcome of a part that was said is unknown

    @property
    def is_long(self) -> bool:
        """Of several parts: what becomes of one does not settle the whole."""
        return len(self.parts) > 1

    @property
    def is_untouched(self) -> bool:
        """Nothing of it can be on its way: it may go back to the queue."""
        return all(part.state == "queued" for part in self.parts)

    @property
    def is_open(self) -> bool:
        return any(part.state in ("queued", "said") for part in self.parts)


def make(taken: Taken, packets: list[bytes], stale_at: float = inf) -> Submission:
    submission = Submission(taken, stale_at=stale_at)
    submission.parts = [Part(submission, packet) for packet in packets]
    return submission


def hear(part: Part, outcome: Outcome) -> None:
    """An answer to a part that was said, or the late one to a part that was given up."""
    if isinstance(outcome, Sent):
        part.state, part.provider_id = "sent", outcome.provider_id
    elif outcome.again == "throttled" and part.throttled < THROTTLED_MAX:
        part.state = "queued"
        part.throttled += 1
    else:
        part.state = "refused"
        _refuse_rest(part.of, outcome)


def give_up(part: Part, reason: str) -> None:
    """The link went: what was said is unknown, what was queued is surely not sent."""
    if part.state == "said":
        part.state = "unknown"
        part.of.doubt = reason
    elif part.state == "queued":
        part.state = "refused"
        _refuse_rest(part.of, Refused(reason, "later"))


def _refuse_rest(submission: Submission, refusal: Refused) -> None:
    """Without one part the others are of no use to anybody."""
    if submission.refusal is None or refusal.again == "permanent":
        submission.refusal = refusal
    for part in submission.parts:
        if part.state == "queued":
            part.state = "refused"


def settle(submission: Submission, now: datetime, repeats: bool = False) -> Settled:
    """What becomes of a message that is no longer open. `repeats`: the merchant would rather have a
    service text arrive twice than not at all."""
    taken, refusal = submission.taken, submission.refusal
    states = {part.state for part in submission.parts}
    ids = tuple(part.provider_id for part in submission.parts)
    if "unknown" in states:
        if repeats and taken.klass == "service" and taken.attempts < ATTEMPTS_MAX:
            retry_at = now + _pause(taken)
            return Settled(
                taken.message_id, "retry", submission.doubt, retry_at=retry_at, mark=taken.mark
            )
        return Settled(taken.message_id, "unknown", submission.doubt, ids)
    if refusal is None:
        return Settled(taken.message_id, "sent", "", ids)
    if "sent" in states:
        return Settled(taken.message_id, "failed", f"in part: {refusal.reason}", ids)
    refused = routes.Refusal(refusal.reason, refusal.again, taken.attempts)
    if refusal.again == "permanent" or taken.attempts >= ATTEMPTS_MAX:
        return Settled(taken.message_id, "failed", refusal.reason, refused=refused, mark=taken.mark)
    retry_at = now + _pause(taken)
    return Settled(
        taken.message_id, "retry", refusal.reason, retry_at=retry_at, refused=refused,
        mark=taken.mark,
    )  # fmt: skip


def _pause(taken: Taken) -> timedelta:
    return RETRY_AFTER[max(0, min(taken.attempts, len(RETRY_AFTER)) - 1)]


def put_back(submission: Submission, now: datetime) -> Settled:
    """For one that is untouched: due again at once, and asked anew whether it may go."""
    taken = submission.taken
    return Settled(taken.message_id, "retry", retry_at=now, mark=taken.mark)
