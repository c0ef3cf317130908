"""What a gateway says: takes what is due, cuts it into parts, submits them over the window.

Only what `outbox.take` marked is put on the wire, never faster than the account allows, and never
twice without the SMSC having refused it (P5). What each answer means for its message is decided in
`submissions.py`.
"""

import asyncio
from collections import deque
from datetime import datetime
from typing import Final

import psycopg
import structlog

from ringdove.gateways import smpp
from ringdove.records.sending.messages import Settled
from ringdove.records.sending.outbox import Place, Taken
from ringdove.rules.texts import TextTooLong
from ringdove.runtime import Runtime
from ringdove.smpp import ids
from ringdove.workers.sending import submissions
from ringdove.workers.sending.accounts import Account
from ringdove.workers.sending.ear import Ear
from ringdove.workers.sending.links import Link
from ringdove.workers.sending.submissions import Part, Submission
from ringdove.workers.sending.taking import Taker

log = structlog.get_logger(__name__)

AGAIN_S: Final = 1.0
WINDOWS_AHEAD: Final = 2
TAKE_MOST: Final = 2_000
UNWRITTEN_MAX: Final = 4_000
"""Answers and receipts that may wait to be written: what is lost with the process is unknown."""
DECIDED_S_MAX: Final = 5.0
"""What was not said so long after it was taken, since the SMSC asks for pauses or does not answer,
is asked anew whether it may go: a stop may have come meanwhile (P1)."""
SPREAD: Final = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio: neighbours become far apart."""
FROM_THE_START_S: Final = 2.0
"""So often a queue is looked through from its start, for what came to be due before its place."""


def _most(settings: smpp.Settings, throughput_per_s: float) -> int:
    """How many are taken at once. Whatever is taken and not yet answered when the process is killed
    becomes unknown, so no more than what will be said within a second or two windows."""
    ahead = min(settings.window * WINDOWS_AHEAD, int(throughput_per_s))
    return max(1, min(TAKE_MOST, ahead))


class Mouth:
    """`run` it until `close`; it speaks while it has a bound `link`."""

    def __init__(
        self,
        runtime: Runtime,
        account: Account,
        number: int,
        ear: Ear,
    ) -> None:
        self.link: Link | None = None
        self.owner = ""
        self.said = 0
        self._runtime = runtime
        self._account = account
        self._taker = Taker(runtime, account.store, account.gateway_id)
        self._gateway_id = account.gateway_id
        self._number = number
        self._ear = ear
        self._due: set[int] = set()
        self._places: dict[int, Place] = {}
        self._from_start_at = 0.0
        self._work = asyncio.Event()
        self._queue: deque[Part] = deque()
        self._submitter = smpp.Submitter(account.settings)
        self._packets = ear.packets
        self._repeats = account.settings.repeat_unknown
        self._most = _most(account.settings, account.throughput_per_s)
        self._allowance = account.allowance
        self._pump_soon: asyncio.Handle | None = None
        self._is_closing = False
        ear.on_written = self._work.set

    def wake(self, buckets: set[int]) -> None:
        """Messages are due in these buckets."""
        self._due |= buckets
        self._work.set()

    @property
    def is_dry(self) -> bool:
        """Able to speak, and with nothing left of what it was last woken for."""
        return self._may_speak and not self._due

    @property
    def queued(self) -> int:
        """Taken, and not said yet."""
        return len(self._queue)

    @property
    def _may_speak(self) -> bool:
        return self.link is not None and self.link.is_bound and not self._is_closing

    # ── taking ───────────────────────────────────────────────────────────────

    @property
    def _may_take(self) -> bool:
        """Nothing is taken that runs ahead: of what is to be said, or of what is to be written."""
        is_behind = self._ear.unwritten >= UNWRITTEN_MAX
        return self._may_speak and len(self._queue) < self._most and not is_behind

    async def run(self) -> None:
        while not self._is_closing:
            await self._work.wait()
            self._work.clear()
            while self._due and self._may_take:
                await self._take_some()

    def close(self) -> None:
        """Says nothing new. `run` ends by itself: what it is marking must first be put back."""
        self._is_closing = True
        self._work.set()
        self.put_back()

    async def _take_some(self) -> None:
        bucket = next(iter(self._due))
        self._due.discard(bucket)
        now, most = self._runtime.clock(), self._most
        place = self._place_in(bucket)
        try:
            taken, onwards = await self._taker.take(
                bucket, self.owner, most, bind=self._number, after=place
            )
        except psycopg.Error as error:
            log.warning("mouth.take_failed", gateway=self._gateway_id, error=repr(error))
            await asyncio.sleep(AGAIN_S)
            self._due.add(bucket)
            return
        if onwards is not None:
            self._places[bucket] = onwards
        else:
            self._places.pop(bucket, None)
        if onwards is not None or place is not None or len(taken) == most:
            self._due.add(bucket)
        for one in taken:
            self._enqueue(one, now)
        if not self._may_speak:
            self.put_back()
        self.pump()
        if not self._due:
            self._account.hungry()

    def _place_in(self, bucket: int) -> Place | None:
        """Where this queue goes on: rows that were taken lie dead before it, and walking through
        a million of them would cost more than all the rest."""
        now = asyncio.get_running_loop().time()
        if now >= self._from_start_at:
            self._from_start_at = now + FROM_THE_START_S
            self._places.clear()
        return self._places.get(bucket)

    def _enqueue(self, taken: Taken, now: datetime) -> None:
        try:
            packets = self._submitter.every(
                taken.recipient,
                taken.sender,
                taken.body,
                taken.not_after,
                # The low bits of ids are mostly the same; a phone needs differing references.
                taken.message_id * SPREAD >> 48 & 0xFFFF,
                now,
            )
        except (TextTooLong, ValueError) as error:
            self._ear.settled(Settled(taken.message_id, "failed", f"unsayable: {error}"[:200]))
            return
        stale_at = asyncio.get_running_loop().time() + DECIDED_S_MAX
        self._queue.extend(submissions.make(taken, packets, stale_at).parts)

    # ── saying ───────────────────────────────────────────────────────────────

    def pump(self) -> None:
        """Says what is queued, as far as the window and the account's pace allow."""
        link, queue = self.link, self._queue
        if link is not None and queue and (room := link.room) > 0:
            self._say_some(link, room)
        if len(queue) < self._most:
            self._work.set()

    def _say_some(self, link: Link, room: int) -> None:
        queue, loop_now = self._queue, asyncio.get_running_loop().time()
        now, allowed = self._runtime.clock(), self._allowance.room(loop_now)
        said, packets = 0, self._packets
        while queue and said < room:
            if said >= allowed:
                self._pump_later(self._allowance.wait_s(loop_now))
                break
            part = queue.popleft()
            if part.state != "queued":
                continue  # refused together with another part
            if (part.of.taken.not_after < now or part.of.stale_at < loop_now) and (
                part.of.is_untouched
            ):
                self._give_back(part.of, now)  # take() asks anew: too late, stopped, paid?
                continue
            part.state = "said"
            packet = link.say(part.packet, part)
            if packets is not None:
                packets.said(part, packet)
            said += 1
        self._allowance.spend(said)
        self.said += said

    def _pump_later(self, seconds: float) -> None:
        # Its time is not asked: uvloop gives no TimerHandle for less than half a millisecond.
        if self._pump_soon is None:
            self._pump_soon = asyncio.get_running_loop().call_later(seconds, self._pump_again)

    def _pump_again(self) -> None:
        self._pump_soon = None
        self.pump()

    def _give_back(self, submission: Submission, now: datetime) -> None:
        for part in submission.parts:
            part.state = "refused"
        self._ear.settled(submissions.put_back(submission, now))

    def put_back(self) -> None:
        """Nothing more will be said on this link: what is untouched may be taken again."""
        now, queue = self._runtime.clock(), self._queue
        self._queue = deque()
        for part in queue:
            if part.state == "queued":
                if part.of.is_untouched:
                    self._give_back(part.of, now)
                else:
                    submissions.give_up(part, "link_lost")
                    self._settle_if_done(part.of)

    # ── what the SMSC answers ────────────────────────────────────────────────

    def answered(self, part: Part, status: int, message_id: str, late: bool) -> None:
        if self._packets is not None:
            self._packets.answered(part, status, message_id)
        if status == 0 and not part.of.is_long:  # nearly all that is ever answered
            part.state = "sent"
            self._allowance.went_well()
            provider_id = self._account.sent_id(message_id)[: ids.CHARS_MAX]
            taken = part.of.taken
            sent = Settled(taken.message_id, "sent", "", (provider_id,), mark=taken.mark)
            self._ear.settled(sent)
            return
        outcome = smpp.outcome(self._account.settings, status, message_id)
        if late and isinstance(outcome, smpp.Refused):
            if self._repeats and part.of.taken.klass == "service":
                return  # it waits again already, or was never unknown
            outcome = smpp.Refused(outcome.reason, "permanent")  # it has left the outbox
        submissions.hear(part, outcome)
        if part.state == "queued":
            self._queue.appendleft(part)
            self._allowance.slow_down(asyncio.get_running_loop().time())
        elif isinstance(outcome, smpp.Sent):
            self._allowance.went_well()
        self._settle_if_done(part.of, late)

    def lost(self, part: Part, why: str = "no_answer") -> None:
        """Said, and never answered."""
        submissions.give_up(part, why)
        if self._packets is not None:
            self._packets.lost(part)
        self._settle_if_done(part.of)

    def _settle_if_done(self, submission: Submission, late: bool = False) -> None:
        if not submission.is_open:
            now = self._runtime.clock()
            settled = submissions.settle(submission, now, self._repeats)
            settled.mark = submission.taken.mark
            if late:
                settled.refused = None  # another gateway may only be asked from under the mark
            self._ear.settled(settled)
