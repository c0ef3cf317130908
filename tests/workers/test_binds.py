"""Binds against real PostgreSQL and real sockets: the sandbox SMSC, and one that misbehaves."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from ringdove.gateways import smpp
from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, buckets_of_store
from ringdove.records import leases
from ringdove.records.sending import gateways, messages, phones
from ringdove.rules import texts
from ringdove.smpp.pdu import DeliverSm
from ringdove.smpp.session import Answered, Asked, BindAsked, Closed, Event, Timers
from ringdove.workers import sandbox
from ringdove.workers.sending import bind as binding
from ringdove.workers.sending import binds, ear, pace
from ringdove.workers.sending.accounts import Account
from ringdove.workers.sending.links import Link
from tests.flows.conftest import NOON, Shop, open_shop, order
from tests.smpp.test_interop import Server
from tests.smpp.test_interop import server as server

WAIT_S = 20.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binding, "AGAIN_S", (0.05, 0.2))
    monkeypatch.setattr(binding, "LEASE_AGAIN_S", 0.1)
    monkeypatch.setattr(pace, "SLOWER_S", (0.05, 0.1))
    monkeypatch.setattr(sandbox, "RECEIPT_AFTER_S", (0.01, 0.05))


Story = Callable[[Shop], Coroutine[Any, Any, None]]


@pytest.fixture
def play(database_url: str, tmp_path: Path) -> Callable[..., None]:
    def run(story: Story, **changes: Any) -> None:
        async def whole() -> None:
            async with open_shop(database_url, tmp_path, **changes) as shop:
                await story(shop)

        asyncio.run(whole())

    return run


MESSAGE = """
INSERT INTO message (bucket, store_id, id, contact_id, channel, class, topic, cause, gateway_id,
  recipient, body, parts, not_before, not_after, created_at, why, state)
SELECT r.bucket, %(store_id)s, r.id, r.contact_id, 'sms', 'service', 'order', 'automation',
  %(gateway_id)s, r.phone, r.body, r.parts, %(now)s, %(not_after)s, %(now)s, '', 'waiting'
FROM jsonb_to_recordset(%(rows)s) AS r(
  bucket integer, id bigint, contact_id bigint, phone text, body text, parts smallint)
"""
OUTBOX = """
INSERT INTO outbox (bucket, store_id, message_id, gateway_id, contact_id, urgency, class, topic,
  due_at, window_until, not_after)
SELECT bucket, store_id, id, gateway_id, contact_id, 0, class, topic, not_before, not_after,
  not_after
FROM message WHERE store_id = %(store_id)s
"""
CONTACT = """
INSERT INTO contact (bucket, store_id, id, phone, created_at)
SELECT r.bucket, %(store_id)s, r.contact_id, r.phone, %(now)s
FROM jsonb_to_recordset(%(rows)s) AS r(bucket integer, contact_id bigint, phone text)
"""


async def queue(shop: Shop, *wanted: tuple[str, str], gateway_id: int = 0) -> None:
    """Messages (phone, body), due now."""
    ids, store, rows = shop.runtime.ids, shop.store, []
    for phone, body in wanted:
        bucket = bucket_of(store.bucket_base, store.bucket_span, f"phone/{phone}")
        rows.append(
            {
                "bucket": bucket, "id": ids.make(bucket), "contact_id": ids.make(bucket),
                "phone": phone, "body": body, "parts": texts.measure(body).parts,
            }
        )  # fmt: skip
    given = {
        "store_id": store.id,
        "gateway_id": gateway_id or shop.sms,
        "now": NOON,
        "not_after": NOON + timedelta(days=1),
        "rows": Jsonb(rows),
    }
    async with db.transaction(shop.runtime.pool) as tx:
        for statement in (CONTACT, MESSAGE, OUTBOX):
            await tx.execute(statement, given)
        await db.notify(tx, "outbox", str(gateway_id or shop.sms))


@asynccontextmanager
async def speaking(shop: Shop, port: int) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(binds.run(shop.runtime, stop, port))
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(task, WAIT_S)


async def until(
    shop: Shop, holds: Callable[[list[dict[str, Any]]], object]
) -> list[dict[str, Any]]:
    """The messages, once they are as wished."""
    with suppress(TimeoutError):
        async with asyncio.timeout(WAIT_S):
            while not holds(rows := await shop.messages()):
                await asyncio.sleep(0.03)
            return rows
    raise AssertionError([(row["state"], row["reason"]) for row in await shop.messages()])


def states(rows: list[dict[str, Any]]) -> list[str]:
    return [row["state"] for row in rows]


# ── over the sandbox ─────────────────────────────────────────────────────────


def test_an_order_becomes_a_text_on_a_virtual_phone_and_its_receipt_comes_back(
    play: Callable[..., None],
) -> None:
    """R56, R100, N11: the first way, over a socket, and an answer from the phone."""

    async def story(shop: Shop) -> None:
        await shop.hear(order(customer={"phone": "+375291112233", "country": "BY"}))
        await shop.answer()
        async with sandbox.opened(shop.runtime, 0) as smsc, speaking(shop, smsc.port):
            await until(shop, lambda rows: "delivered" in states(rows))
            async with db.transaction(shop.runtime.pool) as tx:
                (shown,) = await phones.texts(tx, shop.store, "+375291112233")
                assert shown.direction == "to_phone" and "42" in shown.body
                await phones.write(
                    tx, shop.store, shop.sms, phone="+375291112233",
                    shop_number=shown.shop_number, body="Где заказ? " * 12,
                    now=NOON, ids=shop.runtime.ids,
                )  # fmt: skip
            heard = await facts_of(shop, 1)
            assert heard[0]["sender"] == "+375291112233"
            assert heard[0]["body"] == ("Где заказ? " * 12).strip()
            assert heard[0]["recipient"] == "+375296660000"
            await handed_over(shop)
        (state,) = await shop.rows("SELECT state FROM gateway_state")
        assert state == {"state": "stopped"}

    play(story)


async def facts_of(shop: Shop, count: int, kind: str = "text.received") -> list[dict[str, Any]]:
    async with asyncio.timeout(WAIT_S):
        while True:
            rows = await shop.rows("SELECT body FROM fact WHERE kind = %(kind)s", kind=kind)
            if len(rows) >= count:
                return [row["body"] for row in rows]
            await asyncio.sleep(0.03)


async def handed_over(shop: Shop) -> None:
    async with asyncio.timeout(WAIT_S):
        while await shop.rows("SELECT FROM sandbox_text WHERE NOT handed_over"):
            await asyncio.sleep(0.03)


def test_long_texts_unreachable_phones_and_silent_ones(play: Callable[..., None]) -> None:
    """P6, R33: each part has its receipt; the phone shows one text."""
    long = "Ваш заказ принят и собирается. " * 6

    async def story(shop: Shop) -> None:
        await queue(shop, ("+375291112233", long), ("+375291112200", "Hi"), ("+375291112201", "Hi"))
        async with sandbox.opened(shop.runtime, 0) as smsc, speaking(shop, smsc.port):
            rows = await until(
                shop, lambda rows: sorted(states(rows)) == ["delivered", "failed", "sent"]
            )
            by_phone = {row["recipient"][-2:]: row for row in rows}
            assert by_phone["33"]["parts_delivered"] == by_phone["33"]["parts"] == 3
            assert by_phone["00"]["reason"].startswith("undeliverable")
            async with db.transaction(shop.runtime.pool) as tx:
                (shown,) = await phones.texts(tx, shop.store, "+375291112233")
                assert shown.body == long
        assert await shop.rows("SELECT FROM outbox") == []

    play(story)


def test_what_a_phone_wrote_waits_for_the_gateway(play: Callable[..., None]) -> None:
    """Nothing is lost while nobody is bound, and twice the same words are two texts."""

    async def story(shop: Shop) -> None:
        async with sandbox.opened(shop.runtime, 0) as smsc:
            async with db.transaction(shop.runtime.pool) as tx:
                for body in ("STOP", "Да", "Да"):
                    await phones.write(
                        tx, shop.store, shop.sms, phone="+375291112233", shop_number="1234",
                        body=body, now=NOON, ids=shop.runtime.ids,
                    )  # fmt: skip
            async with speaking(shop, smsc.port):
                heard = await facts_of(shop, 3)
                assert sorted(body["body"] for body in heard) == ["STOP", "Да", "Да"]
                await handed_over(shop)

    play(story)


def test_over_an_smsc_that_we_did_not_write(play: Callable[..., None], server: Server) -> None:
    """npm's smpp: text out, receipt and a text in two parts back."""

    async def story(shop: Shop) -> None:
        gateway_id = await smpp_gateway(shop, server.port, password="secret")
        await queue(shop, ("+375291112233", "ping"), gateway_id=gateway_id)
        async with speaking(shop, 1):
            await until(shop, lambda rows: states(rows) == ["delivered"])
            (heard,) = await facts_of(shop, 1)
            assert heard["body"] == "Привет, где заказ?"

    play(story)


def test_many_messages_over_all_buckets(play: Callable[..., None]) -> None:
    async def story(shop: Shop) -> None:
        await queue(shop, *((f"+37529111{n:04}7", f"No {n}") for n in range(700)))
        async with sandbox.opened(shop.runtime, 0) as smsc, speaking(shop, smsc.port):
            await until(shop, lambda rows: set(states(rows)) == {"delivered"})
        shown = await shop.rows("SELECT body FROM sandbox_text")
        assert sorted(row["body"] for row in shown) == sorted(f"No {n}" for n in range(700))

    play(story, span=16)


def test_a_wrong_password_is_shown(play: Callable[..., None]) -> None:
    async def story(shop: Shop) -> None:
        async with sandbox.opened(shop.runtime, 0) as smsc:
            gateway_id = await smpp_gateway(shop, smsc.port, system_id=f"sandbox-{shop.sms}")
            async with speaking(shop, smsc.port):
                async with asyncio.timeout(WAIT_S):
                    while True:
                        found = {g.id: g for g in await speaking_gateways(shop)}[gateway_id]
                        if found.state == "refused":
                            break
                        await asyncio.sleep(0.03)
                assert found.state_detail == "ESME_RBINDFAIL"

    play(story)


async def speaking_gateways(shop: Shop) -> list[gateways.Gateway]:
    async with db.transaction(shop.runtime.pool) as tx:
        return await gateways.speaking(tx)


async def smpp_gateway(shop: Shop, port: int, password: str = "wrong", **settings: Any) -> int:
    async with db.transaction(shop.runtime.pool) as tx:
        return await gateways.create(
            tx, store_id=shop.store.id, kind="smpp", channel="sms", name="Operator",
            settings={"host": "127.0.0.1", "port": port, "system_id": "shop", "sender": "Linden",
                      "throughput_per_s": 1000} | settings,
            secrets=shop.runtime.sealer.seal({"password": password}), now=NOON, rank=1,
        )  # fmt: skip


# ── over an SMSC that misbehaves ─────────────────────────────────────────────


@dataclass
class Smsc:
    """Accepts every bind; each submit is handled by the next of `script`, then by `accept`."""

    script: list[Callable[["Smsc", Link, Asked], None]]
    heard: list[str] = field(default_factory=list)
    answered: list[Any] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    ids: Any = field(default_factory=lambda: itertools.count(1))

    def hear(self, link: Link, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, BindAsked):
                self.links.append(link)
                link.accept("smsc")
            elif isinstance(event, Asked):
                self.heard.append(event.body.destination_addr)
                (self.script.pop(0) if self.script else accept)(self, link, event)
            elif isinstance(event, Answered):
                self.answered.append((event.token, event.status))
            elif isinstance(event, Closed) and link in self.links:
                self.links.remove(link)


def accept(smsc: Smsc, link: Link, asked: Asked) -> None:
    link.answer(asked, f"id-{next(smsc.ids)}")


def refuse(status: int) -> Callable[[Smsc, Link, Asked], None]:
    return lambda smsc, link, asked: link.answer(asked, status=status)


def ignore(smsc: Smsc, link: Link, asked: Asked) -> None:
    pass


def hang_up(smsc: Smsc, link: Link, asked: Asked) -> None:
    link.close()


def receipt_first(smsc: Smsc, link: Link, asked: Asked) -> None:
    deliver(link, "id-1", "DELIVRD")
    asyncio.get_running_loop().call_later(0.5, accept, smsc, link, asked)


def deliver(link: Link, message_id: str, word: str) -> None:
    text = f"id:{message_id} stat:{word} err:000 text:"
    link.ask(DeliverSm(esm_class=4, short_message=text.encode()), f"{message_id} {word}")


@asynccontextmanager
async def operator(
    shop: Shop, *script: Callable[[Smsc, Link, Asked], None], **settings: Any
) -> AsyncIterator[tuple[Smsc, int]]:
    smsc = Smsc(list(script))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Link("smsc", Timers(), smsc.hear), "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield smsc, await smpp_gateway(shop, port, **settings)
    finally:
        server.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "settings", "state", "reason", "tries"),
    [
        ([refuse(0x58), refuse(0x14)], {}, "sent", "", 3),
        ([refuse(0x01)], {}, "failed", "ESME_RINVMSGLEN", 1),
        ([ignore], {"response_timeout_s": 1}, "unknown", "no_answer", 1),
        ([hang_up], {}, "unknown", "link_broke", 1),
        ([receipt_first], {}, "delivered", "", 1),
    ],
    ids=["throttled", "refused", "ignored", "hung up", "receipt first"],
)
def test_answers_and_their_absence(
    play: Callable[..., None],
    script: list[Any],
    settings: dict[str, Any],
    state: str,
    reason: str,
    tries: int,
) -> None:
    """P5: what has no answer is unknown and is never said again."""

    async def story(shop: Shop) -> None:
        async with operator(shop, *script, **settings) as (smsc, gateway_id):
            await queue(shop, ("+375291112233", "Hi"), gateway_id=gateway_id)
            async with speaking(shop, 1):
                (row,) = await until(shop, lambda rows: states(rows) == [state])
                assert row["reason"] == reason
                await asyncio.sleep(0.4)
            assert len(smsc.heard) == tries
        assert states(await shop.messages()) == [state]
        assert await shop.rows("SELECT FROM outbox") == []

    play(story)


def test_the_second_stop_is_heard_and_a_stop_that_is_delivered_twice_is_one(
    play: Callable[..., None],
) -> None:
    """P1, P2: within one minute, from an operator that gives texts no id."""

    async def story(shop: Shop) -> None:
        async with operator(shop) as (smsc, _), speaking(shop, 1):
            await eventually(lambda: smsc.links)
            for words in (b"STOP", b"STOP", b"START", b"STOP", b"STOP"):
                body = DeliverSm(source_addr="375291112233", source_addr_ton=1, short_message=words)
                smsc.links[0].ask(body, words)
            heard = await facts_of(shop, 3)
            assert len(heard) == 3
            await eventually(lambda: len(smsc.answered) == 5)
            assert {status for _, status in smsc.answered} == {0}

    play(story)


@pytest.mark.slow
def test_what_was_answered_is_written_when_the_database_is_back(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """P5: it went away for minutes, so the lease and the link were given up meanwhile."""
    monkeypatch.setattr(ear, "AGAIN_S", 0.01)
    write, tries = messages.write, []

    async def away(*told: Any) -> Any:
        tries.append(told)
        if len(tries) < 12:
            raise psycopg.OperationalError("the server is away")
        return await write(*told)

    async def story(shop: Shop) -> None:
        await queue(shop, ("+375291112233", "One"))
        (row,) = await shop.messages()
        monkeypatch.setattr(messages, "write", away)
        there = smpp.sandbox(shop.sms, {"password": "x"}, 1)
        heard = ear.Ear(shop.runtime, Account(shop.sms, shop.store, there, lambda: None))
        heard.settled(messages.Settled(row["id"], "sent", "", ("id-1",)))
        heard.close()
        await heard.run()
        assert states(await shop.messages()) == ["sent"]

    play(story)


@pytest.mark.slow
def test_refused_for_now_is_due_again_later(play: Callable[..., None]) -> None:
    async def story(shop: Shop) -> None:
        async with operator(shop, refuse(0x08)) as (smsc, gateway_id):
            await queue(shop, ("+375291112233", "Hi"), gateway_id=gateway_id)
            async with speaking(shop, 1):
                async with asyncio.timeout(WAIT_S):
                    while not (
                        due := await shop.rows("SELECT due_at FROM outbox WHERE due_at > %(at)s",
                                               at=NOON)
                    ):  # fmt: skip
                        await asyncio.sleep(0.03)
                assert due[0]["due_at"] == NOON + timedelta(seconds=30)
                shop.later(seconds=31)
                async with db.transaction(shop.runtime.pool) as tx:  # its clock does not run
                    await db.notify(tx, "outbox")
                await until(shop, lambda rows: states(rows) == ["sent"])
            assert len(smsc.heard) == 2

    play(story)


def test_a_part_that_fails_is_not_hidden_by_the_others(play: Callable[..., None]) -> None:
    """P6."""
    long = "Ваш заказ принят и собирается. " * 6

    async def story(shop: Shop) -> None:
        async with operator(shop, window=1) as (smsc, gateway_id):
            await queue(shop, ("+375291112233", long), gateway_id=gateway_id)
            async with speaking(shop, 1):
                await until(shop, lambda rows: states(rows) == ["sent"])
                (link,) = smsc.links
                deliver(link, "id-1", "UNDELIV")
                await until(shop, lambda rows: states(rows) == ["failed"])
                for message_id in ("id-2", "id-3", "id-3", "id-1"):
                    deliver(link, message_id, "DELIVRD")
                (row,) = await until(shop, lambda rows: rows[0]["parts_delivered"] >= 2)
                assert (row["state"], row["parts_failed"]) == ("failed", 1)
                deliver(link, "never-seen", "DELIVRD")
                async with asyncio.timeout(WAIT_S):
                    while len(smsc.answered) < 6:
                        await asyncio.sleep(0.02)
                assert {status for _, status in smsc.answered} == {0}

    play(story)


@pytest.mark.slow
def test_receipts_are_acknowledged_only_once_written(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(shop: Shop) -> None:
        async with operator(shop) as (smsc, gateway_id):
            await queue(shop, ("+375291112233", "Hi"), gateway_id=gateway_id)
            async with speaking(shop, 1):
                await until(shop, lambda rows: states(rows) == ["sent"])
                real = ear.messages.write

                async def broken(*args: Any) -> None:
                    raise db.psycopg.OperationalError("no disk")

                monkeypatch.setattr(ear.messages, "write", broken)
                deliver(smsc.links[0], "id-1", "DELIVRD")
                await asyncio.sleep(1.0)
                assert smsc.answered == []
                monkeypatch.setattr(ear.messages, "write", real)
                await until(shop, lambda rows: states(rows) == ["delivered"])

    play(story)


def test_what_a_dead_process_was_submitting_is_unknown(play: Callable[..., None]) -> None:
    """P5: killed between take and settle; the next holder shows it and does not repeat it."""

    async def story(shop: Shop) -> None:
        async with operator(shop, ignore) as (smsc, gateway_id):
            await queue(shop, ("+375291112233", "Hi"), gateway_id=gateway_id)
            async with db.transaction(shop.runtime.pool) as tx:
                (bucket,) = buckets_of_store(shop.store.bucket_base, 1)
                owner = "a process that was killed"
                (taken,) = await messages.take(tx, shop.store, bucket, gateway_id, NOON, owner)
            assert taken.recipient == "+375291112233"
            async with speaking(shop, 1):
                (found,) = await until(shop, lambda rows: states(rows) == ["unknown"])
                assert found["reason"] == "process_lost"
                await asyncio.sleep(0.3)
            assert smsc.heard == []

    play(story)


def test_a_stop_drains(play: Callable[..., None]) -> None:
    """What is under way is waited for, what is queued goes back, and all is written."""

    async def story(shop: Shop) -> None:
        def slowly(smsc: Smsc, link: Link, asked: Asked) -> None:
            asyncio.get_running_loop().call_later(0.3, accept, smsc, link, asked)

        async with operator(shop, *[slowly] * 50, window=5) as (smsc, gateway_id):
            wanted = ((f"+3752911122{n:02}", "Hi") for n in range(20))
            await queue(shop, *wanted, gateway_id=gateway_id)
            async with speaking(shop, 1):
                async with asyncio.timeout(WAIT_S):
                    while len(smsc.heard) < 7:
                        await asyncio.sleep(0.01)
            rows = await shop.messages()
            sent = len(smsc.heard)
            assert states(rows).count("sent") == sent < 20
            assert states(rows).count("waiting") == 20 - sent
            assert len(await shop.rows("SELECT FROM outbox")) == 20 - sent
            assert not await shop.rows("SELECT FROM submission")

    play(story)


def test_one_holder_at_a_time(play: Callable[..., None]) -> None:
    async def story(shop: Shop) -> None:
        async with operator(shop) as (smsc, gateway_id):
            name = f"bind/{gateway_id}"
            async with leases.leased(shop.runtime.pool, name, "another process") as held:
                assert held is not None
                async with speaking(shop, 1):
                    await asyncio.sleep(0.6)
                    assert smsc.links == []
            async with speaking(shop, 1):
                await eventually(lambda: len(smsc.links) == 1)

    play(story)


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not holds():
            await asyncio.sleep(0.02)


def test_a_lost_link_is_made_again_and_settings_can_change(play: Callable[..., None]) -> None:
    async def story(shop: Shop) -> None:
        async with operator(shop) as (smsc, gateway_id), speaking(shop, 1):
            await eventually(lambda: len(smsc.links) == 1)
            first = smsc.links[0]
            first.close()
            await eventually(lambda: len(smsc.links) == 1 and smsc.links[0] is not first)
            await queue(shop, ("+375291112233", "Hi"), gateway_id=gateway_id)
            await until(shop, lambda rows: states(rows) == ["sent"])
            second = smsc.links[0]
            async with db.transaction(shop.runtime.pool) as tx:
                await gateways.pause(tx, shop.store.id, gateway_id, NOON)
                await db.notify(tx, "gateways")
            await eventually(lambda: second not in smsc.links)

    play(story)
