"""What a gateway says: takes what is due, cuts it into parts, submits them over the window.

Only what `messages.take` marked is put on the wire, never faster than the account allows, and never
twice without the SMSC having refused it (P5). What each answer means for its message is decided in
`submissions.py`.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable
from typing import Final

import psycopg
import structlog

from ringdove.gateways import smpp
from ringdove.kit import db
from ringdove.records import messages
from ringdove.rules.scenes import Store
from ringdove.rules.texts import TextTooLong
from ringdove.runtime import Runtime
from ringdove.workers import submissions
from ringdove.workers.ear import Ear
from ringdove.workers.links import Link
from ringdove.workers.pace import Allowance
from ringdove.workers.submissions import Part, Submission

log = structlog.get_logger(__name__)

AGAIN_S: Final = 1.0
WINDOWS_AHEAD: Final = 2


def _most(settings: smpp.Settings) -> int:
    """How many are taken at once. Whatever is taken and not yet answered when the process is killed
    becomes unknown, so no more than what will be said within a second or two windows."""
    ahead = min(settings.window * WINDOWS_AHEAD, int(settings.throughput_per_s))
    return max(1, min(messages.TAKE_MOST, ahead))


class Mouth:
    """`run` it until `close`; it speaks while it has a bound `link`."""

    def __init__(
        self,
        runtime: Runtime,
        gateway_id: int,
        store: Store,
        settings: smpp.Settings,
        ear: Ear,
        hungry: Callable[[], None],
    ) -> None:
        """`hungry` is called whenever more could be said than is known of."""
        self.link: Link | None = None
        self.owner = ""
        self._runtime = runtime
        self._gateway_id = gateway_id
        self._store = store
        self._settings = settings
        self._ear = ear
        self._ask_for_more = hungry
        self._due: set[int] = set()
        self._work = asyncio.Event()
        self._queue: deque[Part] = deque()
        self._most = _most(settings)
        self._allowance = Allowance(settings.throughput_per_s)
        self._pump_soon: asyncio.Handle | None = None
        self._is_closing = False

    def wake(self, buckets: set[int]) -> None:
        """Messages are due in these buckets."""
        self._due |= buckets
        self._work.set()

    @property
    def is_dry(self) -> bool:
        """Able to speak, and with nothing left of what it was last woken for."""
        return self._may_speak and not self._due

    @property
    def _may_speak(self) -> bool:
        return self.link is not None and self.link.is_bound and not self._is_closing

    # ── taking ───────────────────────────────────────────────────────────────

    async def run(self) -> None:
        while not self._is_closing:
            await self._work.wait()
            self._work.clear()
            while self._due and self._may_speak and len(self._queue) < self._most:
                await self._take_some()

    def close(self) -> None:
        """Says nothing new. `run` ends by itself: what it is marking must first be put back."""
        self._is_closing = True
        self._work.set()
        self.put_back()

    async def _take_some(self) -> None:
        bucket = next(iter(self._due))
        self._due.discard(bucket)
        now, owner, most = self._runtime.clock(), self.owner, self._most
        try:
            taken = await db.retried(
                self._runtime.pool,
                lambda tx: messages.take(
                    tx, self._store, bucket, self._gateway_id, now, owner, most
                ),
            )
        except psycopg.Error as error:
            log.warning("mouth.take_failed", gateway=self._gateway_id, error=repr(error))
            await asyncio.sleep(AGAIN_S)
            self._due.add(bucket)
            return
        if len(taken) == most:
            self._due.add(bucket)
        for one in taken:
            self._enqueue(one)
        if not self._may_speak:
            self.put_back()
        self.pump()
        if not self._due:
            self._ask_for_more()

    def _enqueue(self, taken: messages.Taken) -> None:
        try:
            packets = smpp.request(
                self._settings,
                text=taken.body,
                recipient=taken.recipient,
                sender=taken.sender,
                not_after=taken.not_after,
                # The low bits of ids are mostly the same; a phone needs differing references.
                reference=int.from_bytes(hashlib.blake2b(b"%d" % taken.message_id).digest()[:2]),
            )
        except (TextTooLong, ValueError) as error:
            self._ear.settled(
                messages.Settled(taken.message_id, "failed", f"unsayable: {error}"[:200])
            )
            return
        self._queue.extend(submissions.make(taken, packets).parts)

    # ── saying ───────────────────────────────────────────────────────────────

    def pump(self) -> None:
        """Says what is queued, as far as the window and the account's pace allow."""
        link, now = self.link, asyncio.get_running_loop().time()
        while self._queue and link is not None and link.room > 0:
            part = self._queue[0]
            if part.state != "queued":
                self._queue.popleft()  # refused together with another part
            elif (wait_s := self._allowance.wait_s(now)) > 0:
                self._pump_later(wait_s)
                break
            else:
                self._queue.popleft()
                self._submit(link, part)
        if len(self._queue) * 2 < self._most:
            self._work.set()

    def _pump_later(self, seconds: float) -> None:
        # Its time is not asked: uvloop gives no TimerHandle for less than half a millisecond.
        if self._pump_soon is None:
            self._pump_soon = asyncio.get_running_loop().call_later(seconds, self._pump_again)

    def _pump_again(self) -> None:
        self._pump_soon = None
        self.pump()

    def _submit(self, link: Link, part: Part) -> None:
        now = self._runtime.clock()
        if part.of.is_untouched and part.of.taken.not_after < now:
            for other in part.of.parts:
                other.state = "refused"
            self._ear.settled(submissions.put_back(part.of, now))  # take() will drop it as too late
            return
        try:
            link.ask(part.packet, part)
        except ValueError as error:  # a sender or number that no SMPP field can hold
            submissions.hear(part, smpp.Refused(f"unsayable: {error}"[:200], "permanent"))
            self._settle_if_done(part.of)
            return
        part.state = "said"
        self._allowance.spend()

    def put_back(self) -> None:
        """Nothing more will be said on this link: what is untouched may be taken again."""
        now, queue = self._runtime.clock(), self._queue
        self._queue = deque()
        for part in queue:
            if part.state == "queued":
                if part.of.is_untouched:
                    for other in part.of.parts:
                        other.state = "refused"
                    self._ear.settled(submissions.put_back(part.of, now))
                else:
                    submissions.give_up(part, "link_lost")
                    self._settle_if_done(part.of)

    # ── what the SMSC answers ────────────────────────────────────────────────

    def answered(self, part: Part, status: int, message_id: str, late: bool) -> None:
        outcome = smpp.outcome(self._settings, status, message_id)
        if late and isinstance(outcome, smpp.Refused):
            outcome = smpp.Refused(outcome.reason, "permanent")  # it has left the outbox
        submissions.hear(part, outcome)
        if part.state == "queued":
            self._queue.appendleft(part)
            self._allowance.slow_down(asyncio.get_running_loop().time())
        elif isinstance(outcome, smpp.Sent):
            self._allowance.went_well()
        self._settle_if_done(part.of)

    def lost(self, part: Part) -> None:
        """Said, and never answered."""
        submissions.give_up(part, "no_answer")
        self._settle_if_done(part.of)

    def _settle_if_done(self, submission: Submission) -> None:
        if not submission.is_open:
            self._ear.settled(submissions.settle(submission, self._runtime.clock()))
