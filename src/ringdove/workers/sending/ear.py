"""What a link told us, until it is written: answers, receipts, people's texts.

Answers are settled and receipts and texts written in one transaction, gathered for a moment; only
after its commit are receipts and texts acknowledged to the SMSC, which else would forget them. What
is poison stops nothing but itself (P11).
"""

import asyncio
import hashlib
from collections import ChainMap, defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Final, TypeAlias

import psycopg
import structlog

from ringdove.gateways import smpp
from ringdove.kit import db
from ringdove.records import facts
from ringdove.records.sending import gateways, messages, receipts, wire
from ringdove.records.sending.receipts import Found, Receipt
from ringdove.rules.facts import TextReceived
from ringdove.runtime import Runtime
from ringdove.smpp import ids, statuses, tlvs
from ringdove.smpp.parts import WAIT_S, Joined, Joiner
from ringdove.smpp.session import Asked, Told
from ringdove.workers.sending.accounts import Account
from ringdove.workers.sending.links import Link
from ringdove.workers.sending.packets import Packets, Taken

log = structlog.get_logger(__name__)

_Settled: TypeAlias = list[messages.Settled]
_Told: TypeAlias = list[tuple[Link, Asked | int, Receipt]]
_Texts: TypeAlias = list[tuple[list[tuple[Link, Asked]], TextReceived]]

GATHER_S: Final = 0.1
MUCH: Final = 500
WRITES_MAX: Final = 2
AGAIN_S: Final = 1.0
LAST_WRITE_S_MAX: Final = 300.0
DELIVERED_TWICE_S: Final = 60
SENDERS_MAX: Final = 10_000
STRANGE_MAX: Final = 200
KNOWN_ASKED_MAX: Final = 2_000


class Ear:
    """`run` it until `close`; what is left is then written a last time."""

    def __init__(self, runtime: Runtime, account: Account) -> None:
        self._runtime = runtime
        self._account = account
        self._gateway_id = account.gateway_id
        self._store = account.store
        self._settled: _Settled = []
        self._receipts: _Told = []
        self._texts: _Texts = []
        self._turns: dict[str, tuple[bytes, int]] = {}
        self._joiner: Joiner[tuple[Link, Asked]] = Joiner()
        self._news = asyncio.Event()
        self._much = asyncio.Event()
        self._being_written = 0
        self.on_written: Callable[[], None] = lambda: None
        self._begun = asyncio.Semaphore(WRITES_MAX)
        self._may_begin = asyncio.Event()
        self._may_begin.set()
        self._writes: set[asyncio.Task[bool]] = set()
        self._strange: list[Receipt] = []
        self._is_closing = False
        self.packets = Packets(runtime.clock) if account.keeps_packets else None

    @property
    def unwritten(self) -> int:
        """Answers and receipts that are known here only."""
        return len(self._settled) + len(self._receipts) + self._being_written

    def weigh(self) -> None:
        """Called after each arrival: much that was heard is written at once, since the SMSC tells
        no more receipts than its window before we acknowledge some."""
        if len(self._settled) + len(self._receipts) >= MUCH:
            self._much.set()

    # ── hearing ──────────────────────────────────────────────────────────────

    def settled(self, settled: messages.Settled) -> None:
        """What became of a message. Its receipt may come, and be written, before this is."""
        self._settled.append(settled)
        for part, provider_id in enumerate(settled.provider_ids):
            self._account.known[provider_id] = Found(settled.message_id, part)
        self._news.set()

    def told(self, link: Link, told: Told) -> None:
        """A receipt of the plain kind."""
        provider_id = self._account.receipt_id(told.provider_id)[: ids.CHARS_MAX]
        receipt = Receipt(provider_id, told.state, told.complaint[:200])
        self._receipts.append((link, told.sequence, receipt))
        self._news.set()

    def asked(self, link: Link, asked: Asked) -> None:
        """A deliver_sm: a receipt, or a text or a part of one."""
        read = smpp.read(self._account.settings, asked.body)
        if isinstance(read, smpp.ReceiptRead):
            receipt = Receipt(read.provider_id[: ids.CHARS_MAX], read.state, read.error[:200])
            self._receipts.append((link, asked, receipt))
            if self.packets is not None:
                self.packets.told(receipt.provider_id, asked)
        elif isinstance(read, smpp.TextRead):
            self._hear_text(link, asked, read)
        else:
            log.warning("ear.receipt_for_nobody", gateway=self._gateway_id)
            link.answer(asked)
        self._news.set()

    def _hear_text(self, link: Link, asked: Asked, read: smpp.TextRead) -> None:
        if read.part is None:
            self._text(read.octets, [(link, asked)])
            return
        loop = asyncio.get_running_loop()
        who = (read.sender, read.recipient, read.coding)
        for joined in self._joiner.add(who, read.part, read.octets, (link, asked), loop.time()):
            self._joined(joined)
        loop.call_later(WAIT_S + 0.1, self._news.set)

    def _joined(self, joined: Joined[tuple[Link, Asked]]) -> None:
        self._text(joined.octets, list(joined.packets))

    def _text(self, octets: bytes, packets: list[tuple[Link, Asked]]) -> None:
        body = packets[0][1].body
        read = smpp.read(self._account.settings, body)
        assert isinstance(read, smpp.TextRead)
        now = self._runtime.clock()
        text = TextReceived(
            id=self._name_of_text(
                read, octets, now, tlvs.find(body.tlvs, "user_message_reference")
            ),
            at=now,
            gateway=self._gateway_id,
            sender=read.sender[:500],
            recipient=read.recipient[:500],
            body=smpp.decode(self._account.settings, read.coding, octets)[:40_000],
        )
        self._texts.append((packets, text))

    def _name_of_text(
        self, read: smpp.TextRead, octets: bytes, now: datetime, reference: bytes | None
    ) -> str:
        """SMPP gives people's texts no id. The same words from the same phone within a minute are
        the same text delivered twice, unless the phone's own reference differs."""
        minute = int(now.timestamp()) // DELIVERED_TWICE_S
        turn = self._turn_of(read.sender, octets)
        said = repr(
            (self._gateway_id, read.sender, read.recipient, octets, reference, minute, turn)
        )
        return f"sms/{hashlib.blake2b(said.encode(), digest_size=16).hexdigest()}"

    def _turn_of(self, sender: str, octets: bytes) -> int:
        """Other words in between make the same words new: the second STOP of STOP, START, STOP."""
        last, turn = self._turns.pop(sender, (octets, 0))
        turn += octets != last
        self._turns[sender] = (octets, turn)
        if len(self._turns) > SENDERS_MAX:
            del self._turns[next(iter(self._turns))]
        return turn

    # ── writing ──────────────────────────────────────────────────────────────

    async def run(self) -> None:
        while not self._is_closing:
            await self._news.wait()
            if not self._is_closing:
                with suppress(TimeoutError):
                    async with asyncio.timeout(GATHER_S):
                        await self._much.wait()
            self._news.clear()
            self._much.clear()
            await self._begin_write()
        # Nobody else knows what was answered: without it, all that was said becomes unknown, and
        # what was put back unsaid is never said (P5). The database may be away for minutes.
        loop = asyncio.get_running_loop()
        until = loop.time() + LAST_WRITE_S_MAX
        while not await self.write() and loop.time() < until:
            await asyncio.sleep(AGAIN_S)

    def close(self) -> None:
        """`run` ends after a last writing; it is never cancelled with answers in its hands."""
        self._is_closing = True
        self._news.set()

    async def _begin_write(self) -> None:
        """Begins to write what there is, beside at most one other write: the SMSC holds back its
        next receipts until these are acknowledged, which waits for the disk. People's texts go
        alone, so that a START never overtakes a STOP."""
        await self._begun.acquire()
        await self._may_begin.wait()
        has_texts = bool(self._texts)
        if has_texts and self._writes:
            await asyncio.wait(self._writes)
        task = asyncio.create_task(self._write())
        self._writes.add(task)
        task.add_done_callback(self._ended)
        if has_texts:
            await asyncio.wait([task])

    def _ended(self, task: "asyncio.Task[bool]") -> None:
        self._writes.discard(task)
        self._begun.release()
        self.on_written()
        if task.cancelled() or task.exception() is not None or not task.result():
            asyncio.get_running_loop().call_later(AGAIN_S, self._news.set)

    async def write(self) -> bool:
        """Everything heard so far, and then its acknowledgements; False: not now, it is kept."""
        while self._writes:
            await asyncio.wait(self._writes)
        while await self._write():
            if not (self._settled or self._receipts or self._texts):
                return True
        return False

    async def _write(self) -> bool:
        for joined in self._joiner.expire(asyncio.get_running_loop().time()):
            self._joined(joined)
        settled, self._settled = self._settled, []
        told, self._receipts = self._receipts, []
        texts, self._texts = self._texts, []
        if not (settled or told or texts):
            return True
        packets = self.packets.take() if self.packets is not None else None
        self._being_written += len(settled) + len(told)
        try:
            await self._write_all(settled, told, texts, packets)
        except Exception as error:  # whatever it is: answers are known to nobody else
            log.error("ear.write_failed", gateway=self._gateway_id, error=repr(error))
            if not db.may_pass(error):
                await self._write_each(settled, told, texts)
                return True
            self._settled = settled + self._settled
            self._receipts = told + self._receipts
            self._texts = texts + self._texts
            if self.packets is not None and packets is not None:
                self.packets.put_back(packets)
            return False
        finally:
            self._being_written -= len(settled) + len(told)
        return True

    async def _write_each(self, settled: _Settled, told: _Told, texts: _Texts) -> None:
        """Something in the batch is poison (P11): it must stop nothing but itself. What cannot be
        written is refused for now, so that the SMSC keeps it; an answer becomes unknown."""
        for one in settled:
            unknown = messages.Settled(one.message_id, "unknown", "the answer cannot be kept")
            if not await self._is_written([one], [], []):
                await self._is_written([unknown], [], [])
        for receipt in told:
            if not await self._is_written([], [receipt], []):
                receipt[0].refuse_asked(receipt[1], statuses.ESME_RX_T_APPN)
        for text in texts:
            if not await self._is_written([], [], [text]):
                for link, asked in text[0]:
                    link.refuse_asked(asked, statuses.ESME_RX_T_APPN)

    async def _is_written(self, settled: _Settled, told: _Told, texts: _Texts) -> bool:
        try:
            await self._write_all(settled, told, texts)
        except Exception as error:
            log.error("ear.poison", gateway=self._gateway_id, error=repr(error))
            return False
        return True

    async def _write_all(
        self, settled: _Settled, told: _Told, texts: _Texts, packets: Taken | None = None
    ) -> None:
        store, make_id = self._store, self._runtime.ids
        # A late answer follows "unknown", in whichever order two writes have put them back.
        last = {one.message_id: one for one in settled if one.state == "unknown"}
        last |= {one.message_id: one for one in settled if one.state != "unknown"}
        said = [receipt for _, _, receipt in told]
        # Where others have binds too, only the database knows who had an id last.
        known = self._account.known if self._account.is_ours else {}

        async def work(tx: db.Tx) -> list[Receipt]:
            # Of each attempt: what one of before has written after all is not counted again.
            now = self._runtime.clock()
            strange = await messages.write(
                tx, store, self._gateway_id, list(last.values()), said, now, known
            )
            if texts:
                await facts.write(tx, store, 0, [text for _, text in texts], now, make_id)
            if packets is not None:
                kept = packets.with_messages(ChainMap(known, self._account.known))
                await wire.keep(tx, store, self._gateway_id, kept, make_id)
            return strange

        strange = await db.retried(self._runtime.pool, work)
        if not self._account.is_ours:
            self._account.known.update(known)
        self._account.forget_old()
        self._acknowledge(told, texts)
        if any(one.state == "retry" for one in settled):
            self._account.hungry()  # it waits in the outbox again, and may be due at once
        if strange and self._account.settings.id_rule == "learn":
            try:
                await self._learn(strange)
            except psycopg.Error as error:  # what was heard is written; the next ones teach it
                log.warning("ear.learning_failed", gateway=self._gateway_id, error=repr(error))

    def _acknowledge(self, told: _Told, texts: _Texts) -> None:
        plain: dict[Link, list[int]] = defaultdict(list)
        for link, asked, _ in told:
            if isinstance(asked, int):
                plain[link].append(asked)
            else:
                link.answer(asked)
        for link, sequences in plain.items():
            link.acknowledge(sequences)
        for packets, _ in texts:
            for link, asked in packets:
                link.answer(asked)

    async def _learn(self, strange: list[Receipt]) -> None:
        """Receipts that are nobody's may show how this operator writes its ids otherwise there."""
        self._strange = [*self._strange, *strange][-STRANGE_MAX:]
        lately = islice(reversed(dict(self._account.known)), KNOWN_ASKED_MAX)
        rule = ids.learn(lately, [receipt.provider_id for receipt in self._strange])
        if rule is None or rule == "exact" or not self._may_begin.is_set():
            return
        self._may_begin.clear()  # what is written meanwhile would be kept by the old rule
        try:
            while others := self._writes - {asyncio.current_task()}:
                await asyncio.wait(others)
            await self._go_by(rule)
        finally:
            self._may_begin.set()

    async def _go_by(self, rule: ids.Rule) -> None:
        sent, received = ids.sent_form(rule), ids.receipt_form(rule)
        known = self._account.known
        found = {sent(provider_id): whose for provider_id, whose in known.items()}

        async def work(tx: db.Tx) -> None:
            now = self._runtime.clock()
            kept = await receipts.take_strange(tx, self._store, self._gateway_id, now)
            said = [one._replace(provider_id=received(one.provider_id)) for one in kept]
            await receipts.map_ids(tx, self._store, self._gateway_id, found, known, now)
            await messages.write(tx, self._store, self._gateway_id, [], said, now, known)
            await gateways.set_id_rule(tx, self._store.id, self._gateway_id, rule)
            await db.notify(tx, "gateways")  # the bind begins again with the rule

        await db.retried(self._runtime.pool, work)
        self._account.learned(rule)
        for settled in self._settled:
            settled.provider_ids = tuple(map(sent, settled.provider_ids))
        self._receipts = [
            (link, asked, one._replace(provider_id=received(one.provider_id)))
            for link, asked, one in self._receipts
        ]
        log.info("ear.id_rule_learned", gateway=self._gateway_id, rule=rule)
