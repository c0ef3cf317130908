"""What becomes of a text that was asked of an operator over HTTP; no socket and no clock here.

    outcome of one request                     the message                the gateway
    ├── Sent                                   sent                       bound
    ├── Refused permanent                      failed                     bound
    ├── Refused later                          retry, at most 5 times     bound
    ├── Refused throttled                      retry after the pause      slower
    ├── Refused account (or 401, 403)          retry after the rest       refused, rests
    ├── NotSent: no connection was made        retry after the rest       lost, rests
    └── Unclear: it may have been sent         unknown                    bound, or lost

Unknown is final here (P5), but for two cases, and never for marketing: an operator that knows a
reference again is asked again for a service text, some times; and where the merchant said so
(repeat_unknown) a service text waits to be said again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from ringdove.gateways.edge import Outcome, Refused, Sent, Unclear
from ringdove.kit.buckets import token_of
from ringdove.records.sending.messages import Settled, Taken
from ringdove.rules.sending import routes
from ringdove.workers.sending.submissions import ATTEMPTS_MAX, RETRY_AFTER

GUARDED_AGAIN_S: Final = (0.5, 2.0, 5.0)
"""Pauses before the same reference is asked again. Short: the decision is not asked in between."""

REASON_CHARS_MAX: Final = 300
PROVIDER_ID_CHARS_MAX: Final = 200
PROVIDER_IDS_MAX: Final = 255
RETRY_AFTER_S_MAX: Final = 3600.0


@dataclass(frozen=True, slots=True)
class NotSent:
    """No connection was made: nothing left this machine."""

    reason: str


Came: TypeAlias = Outcome | NotSent
Mood: TypeAlias = Literal["good", "slower", "refused", "lost"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to write of the message (None: ask the same again after `again_s`), and what it tells
    of the gateway: its `mood`, and for how long it wants to rest."""

    settled: Settled | None
    mood: Mood
    detail: str = ""
    again_s: float = 0.0
    rest_s: float = 0.0
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A text, and how often the same was asked again since it was taken."""

    taken: Taken
    repeats: int = 0


def judge(
    asked: Asked, came: Came, *, status: int, guards_doubles: bool, rest_s: float, now: datetime,
    repeats_unknown: bool = False,
) -> Verdict:  # fmt: skip
    """`status`: of the HTTP answer, 0 without one. `rest_s`: what a gateway in trouble rests.
    `repeats_unknown`: the merchant would rather have a service text arrive twice than not at
    all."""
    verdict = _judged(asked, came, status, guards_doubles, rest_s, now)
    taken, settled = asked.taken, verdict.settled
    if not repeats_unknown or settled is None or settled.state != "unknown":
        return verdict
    if taken.klass != "service" or taken.attempts >= ATTEMPTS_MAX:
        return verdict
    after_s = RETRY_AFTER[max(0, min(taken.attempts, len(RETRY_AFTER)) - 1)].total_seconds()
    return replace(verdict, settled=_later(asked, settled.reason or "no_answer", after_s, now))


def _judged(
    asked: Asked, came: Came, status: int, guards_doubles: bool, rest_s: float, now: datetime
) -> Verdict:
    message_id = asked.taken.message_id
    if asked.repeats and not isinstance(came, Sent):
        # What was asked before may have been heard: no refusal of the repetition undoes that.
        return _unclear(asked, tidy(came.reason), status, guards_doubles)
    match came:
        case Sent(ids):
            clean = tuple(tidy(one, PROVIDER_ID_CHARS_MAX) for one in ids[:PROVIDER_IDS_MAX])
            return Verdict(Settled(message_id, "sent", "", clean), "good")
        case NotSent(reason):
            return Verdict(_later(asked, "", rest_s, now), "lost", tidy(reason), rest_s=rest_s)
        case Unclear(reason):
            return _unclear(asked, tidy(reason), status, guards_doubles)
        case Refused():
            return _refused(asked, came, status, rest_s, now)


def _unclear(asked: Asked, reason: str, status: int, guards_doubles: bool) -> Verdict:
    mood: Mood = "good" if status else "lost"
    is_repeated = guards_doubles and asked.taken.klass == "service"
    if is_repeated and asked.repeats < len(GUARDED_AGAIN_S):
        return Verdict(None, mood, reason, again_s=GUARDED_AGAIN_S[asked.repeats])
    return Verdict(unknown(asked.taken.message_id, reason), mood, reason)


def unknown(message_id: int, reason: str) -> Settled:
    """Some operators name our reference in their receipts: those still tell what became of it."""
    return Settled(message_id, "unknown", reason, (token_of(message_id),))


def _refused(asked: Asked, refused: Refused, status: int, rest_s: float, now: datetime) -> Verdict:
    reason, message_id = tidy(refused.reason), asked.taken.message_id
    if refused.again == "throttled":
        pause_s = min(max(refused.retry_after_s, 0.0), RETRY_AFTER_S_MAX)
        return Verdict(_later(asked, "", pause_s, now), "slower", reason, rest_s=pause_s)
    if refused.account or status == 401 or (status == 403 and refused.again == "later"):
        return Verdict(_later(asked, "", rest_s, now), "refused", reason, rest_s=rest_s)
    attempts = asked.taken.attempts
    if refused.again == "permanent" or attempts >= ATTEMPTS_MAX:
        failed = Settled(
            message_id, "failed", reason, refused=_told(asked, refused, reason),
            mark=asked.taken.mark,
        )  # fmt: skip
        return Verdict(failed, "good", opted_out=refused.opted_out)
    after_s = RETRY_AFTER[max(0, min(attempts, len(RETRY_AFTER)) - 1)].total_seconds()
    after_s = max(after_s, min(refused.retry_after_s, RETRY_AFTER_S_MAX))
    later = _later(asked, reason, after_s, now)
    later.refused = _told(asked, refused, reason)
    return Verdict(later, "good")


def put_back(taken: Taken, now: datetime) -> Settled:
    """For one that was not asked: due again at once."""
    return Settled(taken.message_id, "retry", retry_at=now, mark=taken.mark)


def _told(asked: Asked, refused: Refused, reason: str) -> routes.Refusal:
    return routes.Refusal(reason, refused.again, asked.taken.attempts, refused.opted_out)


def _later(asked: Asked, reason: str, after_s: float, now: datetime) -> Settled:
    """Without a reason it was no fault of the text, and is none of its attempts."""
    retry_at = now + timedelta(seconds=after_s)
    taken = asked.taken
    return Settled(taken.message_id, "retry", tidy(reason), retry_at=retry_at, mark=taken.mark)


def tidy(words: str, chars_max: int = REASON_CHARS_MAX) -> str:
    """Foreign words as one line that the database can keep."""
    return " ".join(words.replace("\0", " ").split())[:chars_max]
