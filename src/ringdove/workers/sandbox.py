"""The sandbox SMSC: a real SMPP server on 127.0.0.1 behind which virtual phones live (N11).

A gateway of kind `sandbox` binds here as `sandbox-<id>` with its password. What it submits appears
on the phones and is receipted a moment later; what the page writes on a phone is delivered to the
gateway. To our own client it is an operator like any other: nothing is passed behind SMPP's back.

What phones do, by their last two digits: 00 cannot be reached (UNDELIV), 01 never sends a receipt,
all others receive (DELIVRD) after half a second to two seconds.
"""

import asyncio
import hmac
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zlib import crc32

import structlog

from ringdove.gateways import smpp
from ringdove.kit import db
from ringdove.kit.crypto import SealBroken
from ringdove.records.sending import gateways, phones
from ringdove.records.store import stores
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.smpp import tlvs
from ringdove.smpp.parts import Joiner
from ringdove.smpp.pdu import BindReceiver, BindTransmitter, DataSm, DeliverSm, SubmitSm
from ringdove.smpp.session import Answered, Asked, BindAsked, Closed, Event, Overdue, Timers
from ringdove.smpp.statuses import ESME_RBINDFAIL, ESME_RSYSERR
from ringdove.workers.sending.links import Link

log = structlog.get_logger(__name__)

HOST: Final = "127.0.0.1"
TIMERS: Final = Timers(window=2_000, enquire_link_s=120, response_timeout_s=30)
UNREACHABLE: Final = "00"
SILENT: Final = "01"
RECEIPT_AFTER_S: Final = (0.5, 2.0)
RECEIPTS_WAITING_MAX: Final = 20_000
SUBMITS_WAITING_MAX: Final = 5_000
AGAIN_S: Final = 1.0


@dataclass(eq=False, slots=True)
class Delivery:
    """A deliver_sm for the gateway. `row`: the phone's text that it is a part of."""

    body: DeliverSm
    row: int | None = None


@dataclass(eq=False)
class Account:
    """One sandbox gateway: its links, what they submitted and what they are to be told."""

    gateway_id: int
    store: Store
    settings: smpp.Settings
    links: list[Link] = field(default_factory=list)
    joiner: Joiner[Asked] = field(default_factory=Joiner)
    submitted: deque[tuple[Link, Asked]] = field(default_factory=deque)
    deliveries: deque[Delivery] = field(default_factory=deque)
    unacknowledged: dict[int, int] = field(default_factory=dict)
    """Parts of a phone's text that the gateway has not acknowledged, by row."""
    acknowledged: list[int] = field(default_factory=list)
    work: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def opened(runtime: Runtime, port: int | None = None) -> AsyncIterator["Sandbox"]:
    """The sandbox, listening; `port` None: that of the settings, 0: any free one."""
    sandbox = Sandbox(runtime)
    await sandbox.open(runtime.settings.sandbox_port if port is None else port)
    try:
        yield sandbox
    finally:
        await sandbox.close()


class Sandbox:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._accounts: dict[int, Account] = {}
        self._of_link: dict[Link, Account] = {}
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._ids = 0

    # ── coming and going ─────────────────────────────────────────────────────

    async def open(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._new_link, HOST, port)
        self._spawn(self._watch_phones())

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        await asyncio.gather(*(link.unbind(1.0) for link in list(self._links)))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _new_link(self) -> Link:
        link = Link("smsc", TIMERS, self._hear)
        self._links.add(link)
        return link

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("sandbox_task_failed", error=repr(error))

    # ── what gateways say ────────────────────────────────────────────────────

    def _hear(self, link: Link, events: list[Event]) -> None:
        account = self._of_link.get(link)
        for event in events:
            match event:
                case BindAsked(bind):
                    self._spawn(self._decide_bind(link, bind))
                case Asked() if account:
                    if len(account.submitted) < SUBMITS_WAITING_MAX:
                        account.submitted.append((link, event))
                    else:
                        link.answer(event, status=ESME_RSYSERR)
                case Answered(Delivery() as delivery, status, _, late=False) if account:
                    self._delivered(account, delivery, status)
                case Overdue(Delivery() as delivery) if account:
                    self._deliver_again(account, delivery)
                case Closed():
                    self._forget(link, event)
        if account is not None:
            account.work.set()

    async def _decide_bind(self, link: Link, bind: BindReceiver) -> None:
        account = await self._account_of(bind)
        if account is None or type(bind) in (BindReceiver, BindTransmitter):
            link.refuse(ESME_RBINDFAIL)
            return
        self._of_link[link] = account
        account.links.append(link)
        link.accept("ringdove")
        await self._fetch(account)

    async def _account_of(self, bind: BindReceiver) -> Account | None:
        async with db.transaction(self._runtime.pool) as tx:
            speaking = [row for row in await gateways.speaking(tx) if row.kind == "sandbox"]
            for row in speaking:
                # Only the one that is meant is opened: another's broken seal is not its fault.
                if bind.system_id != smpp.sandbox(row.id, {}, port=1).system_id:
                    continue
                try:
                    secrets = self._runtime.sealer.open(row.secrets) if row.secrets else {}
                except SealBroken:
                    return None
                settings = smpp.sandbox(row.id, row.settings | secrets, port=1)
                password = settings.password.get_secret_value().encode()
                store = await stores.find(tx, row.store_id)
                if store and hmac.compare_digest(password, bind.password.encode()):
                    return self._account(row.id, store, settings)
        return None

    def _account(self, gateway_id: int, store: Store, settings: smpp.Settings) -> Account:
        account = self._accounts.get(gateway_id)
        if account is None:
            account = self._accounts[gateway_id] = Account(gateway_id, store, settings)
            self._spawn(self._serve(account))
        return account

    def _forget(self, link: Link, closed: Closed) -> None:
        self._links.discard(link)
        account = self._of_link.pop(link, None)
        if account is not None:
            account.links.remove(link)
            for delivery in reversed(closed.unanswered):
                assert isinstance(delivery, Delivery)
                account.deliveries.appendleft(delivery)

    # ── texts to the phones ──────────────────────────────────────────────────

    async def _serve(self, account: Account) -> None:
        """Everything of one account that touches the database, a batch at a time."""
        while True:
            await account.work.wait()
            account.work.clear()
            self._pump(account)
            submitted = [account.submitted.popleft() for _ in range(len(account.submitted))]
            acknowledged, account.acknowledged = account.acknowledged, []
            if not submitted and not acknowledged:
                continue
            try:
                await self._write(account, submitted, acknowledged)
            except Exception as error:  # whatever the database has: the link must say so, and live
                log.error("sandbox_write_failed", gateway=account.gateway_id, error=repr(error))
                account.acknowledged += acknowledged
                for link, asked in submitted:
                    link.answer(asked, status=ESME_RSYSERR)
                await asyncio.sleep(AGAIN_S)
                account.work.set()

    async def _write(
        self, account: Account, submitted: list[tuple[Link, Asked]], acknowledged: list[int]
    ) -> None:
        now = self._runtime.clock()
        texts = [text for _, asked in submitted for text in self._read(account, asked)]
        async with db.transaction(self._runtime.pool) as tx:
            if texts:
                ids = self._runtime.ids
                await phones.receive(tx, account.store, account.gateway_id, texts, now, ids)
            if acknowledged:
                await phones.hand_over(tx, account.store, acknowledged)
        for row in acknowledged:
            account.unacknowledged.pop(row, None)
        for link, asked in submitted:
            message_id = self._new_id(now)
            link.answer(asked, message_id)
            self._schedule_receipt(account, asked.body, message_id)

    def _read(self, account: Account, asked: Asked) -> list[tuple[str, str, str]]:
        """The texts (phone, sender, body) that a submit makes whole."""
        body, settings = asked.body, account.settings
        said = smpp.read(settings, body)
        if not isinstance(said, smpp.TextRead):
            return []
        phone, octets = said.recipient, [said.octets]
        if said.part is not None:
            now = asyncio.get_running_loop().time()
            who = (phone, said.sender, said.coding)
            done = account.joiner.expire(now)
            done += account.joiner.add(who, said.part, said.octets, asked, now)
            octets = [joined.octets for joined in done]
        words = [smpp.decode(settings, said.coding, one, said.shift) for one in octets]
        return [(phone, said.sender, one) for one in words]

    def _new_id(self, now: datetime) -> str:
        """Unlike any of another start: receipts must never find the wrong message."""
        self._ids += 1
        return f"{int(now.timestamp() * 1000):x}-{self._ids:x}"

    # ── receipts, and what phones write ──────────────────────────────────────

    def _schedule_receipt(self, account: Account, body: SubmitSm | DataSm, message_id: str) -> None:
        phone = body.destination_addr
        if phone.endswith(SILENT) or not body.registered_delivery & 1:
            return
        state = (5, "UNDELIV") if phone.endswith(UNREACHABLE) else (2, "DELIVRD")
        receipt = _receipt(body, message_id, *state)
        first, last = RECEIPT_AFTER_S
        # Spread, yet the same each time: a test and a demo must be repeatable.
        after_s = first + crc32(phone.encode()) % 1000 / 1000 * (last - first)
        loop = asyncio.get_running_loop()
        loop.call_later(after_s, self._deliver, account, Delivery(receipt))

    def _deliver(self, account: Account, delivery: Delivery) -> None:
        if delivery.row is None and len(account.deliveries) >= RECEIPTS_WAITING_MAX:
            return  # operators lose receipts too; rows of phones are never lost
        account.deliveries.append(delivery)
        account.work.set()

    def _pump(self, account: Account) -> None:
        """Says what waits, as far as the windows have room."""
        for link in account.links:
            while account.deliveries and link.room > 0:
                delivery = account.deliveries.popleft()
                link.ask(delivery.body, delivery)

    def _delivered(self, account: Account, delivery: Delivery, status: int) -> None:
        if status:
            self._deliver_again(account, delivery)
        elif delivery.row is not None and delivery.row in account.unacknowledged:
            account.unacknowledged[delivery.row] -= 1
            if account.unacknowledged[delivery.row] == 0:
                account.acknowledged.append(delivery.row)

    def _deliver_again(self, account: Account, delivery: Delivery) -> None:
        asyncio.get_running_loop().call_later(AGAIN_S, self._deliver, account, delivery)

    async def _watch_phones(self) -> None:
        """Woken by the page, and looking by itself now and then."""
        async with db.Bell(self._runtime.database_url, [phones.BELL]) as bell:
            while True:
                await bell.wait(self._runtime.settings.idle_poll_s)
                for account in list(self._accounts.values()):
                    if account.links:
                        try:
                            await self._fetch(account)
                        except Exception as error:  # the next look finds the same rows
                            log.error("sandbox_fetch_failed", error=repr(error))

    async def _fetch(self, account: Account) -> None:
        async with db.transaction(self._runtime.pool) as tx:
            rows = await phones.waiting(tx, account.store, account.gateway_id)
        for row in rows:
            if row.id not in account.unacknowledged:
                bodies = _texts_of(account.settings, row)
                account.unacknowledged[row.id] = len(bodies)
                for body in bodies:
                    self._deliver(account, Delivery(body, row.id))


def _receipt(body: SubmitSm | DataSm, message_id: str, state: int, word: str) -> DeliverSm:
    text = f"id:{message_id} sub:001 dlvrd:{int(state == 2):03} stat:{word} err:000 text:"
    return DeliverSm(
        source_addr_ton=body.dest_addr_ton,
        source_addr_npi=body.dest_addr_npi,
        source_addr=body.destination_addr,
        dest_addr_ton=body.source_addr_ton,
        dest_addr_npi=body.source_addr_npi,
        destination_addr=body.source_addr,
        esm_class=0x04,
        short_message=text.encode(),
        tlvs=(
            tlvs.make("receipted_message_id", message_id),
            tlvs.make("message_state", state),
        ),
    )


def _texts_of(settings: smpp.Settings, row: phones.Text) -> list[DeliverSm]:
    """A phone's text as an SMSC delivers it: the submit of the same text, turned round."""
    mark = crc32(str(row.id).encode())  # the low bits of ids are mostly the same
    submits = smpp.request(
        settings,
        text=row.body,
        recipient=row.shop_number or settings.sender,
        sender=row.phone,
        not_after=None,
        reference=mark,
    )
    # As a phone's own reference does, it tells the same text repeated from a new one.
    reference = tlvs.make("user_message_reference", mark & 0xFFFF)
    return [
        DeliverSm(
            source_addr_ton=submit.source_addr_ton,
            source_addr_npi=submit.source_addr_npi,
            source_addr=submit.source_addr,
            dest_addr_ton=submit.dest_addr_ton,
            dest_addr_npi=submit.dest_addr_npi,
            destination_addr=submit.destination_addr,
            esm_class=submit.esm_class,
            data_coding=submit.data_coding,
            short_message=submit.short_message,
            tlvs=(*submit.tlvs, reference),
        )
        for submit in submits
    ]
