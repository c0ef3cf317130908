"""Speakers against real PostgreSQL and an operator of paper that misbehaves in every way."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest

from ringdove.kit import db
from ringdove.records.sending import gateways, messages
from ringdove.records.sending.receipts import Receipt
from ringdove.runtime import GATEWAYS
from ringdove.workers import react
from ringdove.workers.sending import attempts, pace, results, speak, speaker
from tests.flows.conftest import NOON, Shop, open_shop
from tests.workers import paper
from tests.workers.paper import Paper, Play, garbage, hang, hang_up, says, served
from tests.workers.test_binds import Story, queue, states, until

WAIT_S = 20.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaker, "LEASE_AGAIN_S", 0.1)
    monkeypatch.setattr(speaker, "REST_S", (0.05, 0.2))
    monkeypatch.setattr(speaker, "REFUSED_REST_S", 0.1)
    monkeypatch.setattr(attempts, "GUARDED_AGAIN_S", (0.02, 0.05))
    monkeypatch.setattr(pace, "SLOWER_S", (0.05, 0.1))
    monkeypatch.setitem(GATEWAYS, "paper", paper)


@pytest.fixture
def play(database_url: str, tmp_path: Path) -> Callable[..., None]:
    def run(story: Story, **changes: Any) -> None:
        async def whole() -> None:
            async with open_shop(database_url, tmp_path, **changes) as shop:
                await story(shop)

        asyncio.run(whole())

    return run


async def add(shop: Shop, url: str, kind: str = "paper", **settings: Any) -> int:
    """A gateway of paper."""
    sealed = shop.runtime.sealer.seal({"key": "geheim"})
    known = {"url": url, "sender": "Linden", "throughput_per_s": 10_000} | settings
    async with db.transaction(shop.runtime.pool) as tx:
        return await gateways.create(
            tx, store_id=shop.store.id, kind=kind, channel="sms", name="Paper", settings=known,
            secrets=sealed, now=NOON,
        )  # fmt: skip


@asynccontextmanager
async def speaking(shop: Shop) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(speak.run(shop.runtime, stop))
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(task, WAIT_S)


@asynccontextmanager
async def operator(
    shop: Shop, plays: Iterable[Play] = (), slow_s: float = 0.0, **settings: Any
) -> AsyncIterator[tuple[Paper, int]]:
    async with served(plays, slow_s) as server:
        yield server, await add(shop, server.url, **settings)


async def state_of(shop: Shop, gateway_id: int) -> tuple[str, str]:
    rows = await shop.rows(
        "SELECT state, detail FROM gateway_state WHERE gateway_id = %(g)s", g=gateway_id
    )
    return (rows[0]["state"], rows[0]["detail"]) if rows else ("", "")


async def comes_to(shop: Shop, gateway_id: int, state: str) -> str:
    async with asyncio.timeout(WAIT_S):
        while (found := await state_of(shop, gateway_id))[0] != state:
            await asyncio.sleep(0.03)
    return found[1]


async def pass_time(shop: Shop, seconds: float) -> None:
    """The clock of these tests stands still unless somebody moves it, and then says so."""
    shop.later(seconds=seconds)
    async with db.transaction(shop.runtime.pool) as tx:
        await db.notify(tx, "outbox")
    await asyncio.sleep(0.05)


def numbered(count: int) -> list[tuple[str, str]]:
    return [(f"+37529111{n:04}", f"No {n}") for n in range(count)]


# ── what goes well ───────────────────────────────────────────────────────────


def test_texts_go_out_over_http_and_their_ids_are_kept(play: Callable[..., None]) -> None:
    """R113, R100."""

    async def story(shop: Shop) -> None:
        async with operator(shop) as (server, gateway_id), speaking(shop):
            await queue(shop, *numbered(40), gateway_id=gateway_id)
            rows = await until(shop, lambda rows: states(rows) == ["sent"] * 40)
            assert Counter(server.texts) == Counter(text for _, text in numbered(40))
            assert {one["from"] for one in server.heard} == {"Linden"}
            refs = {one["ref"] for one in server.heard}
            assert len(refs) == 40 and all(len(ref) == 13 for ref in refs)
            known = await shop.rows("SELECT provider_id, message_id FROM provider_ref")
            assert {row["message_id"] for row in known} == {row["id"] for row in rows}
            assert {row["provider_id"] for row in known} == set(server.known.values())
            assert await state_of(shop, gateway_id) == ("bound", "")
        assert await state_of(shop, gateway_id) == ("stopped", "")
        assert await shop.rows("SELECT FROM outbox") == []

    play(story)


@pytest.mark.slow
def test_connections_are_the_most_at_once_and_the_pace_is_kept(play: Callable[..., None]) -> None:
    async def story(shop: Shop) -> None:
        async with (
            operator(shop, slow_s=0.05, connections=4) as (server, first),
            operator(shop, connections=50, throughput_per_s=20) as (paced, second),
        ):
            await queue(shop, *numbered(54), gateway_id=first)
            async with db.transaction(shop.runtime.pool) as tx:
                await tx.execute(
                    "UPDATE outbox SET gateway_id = %s WHERE message_id IN"
                    " (SELECT message_id FROM outbox ORDER BY message_id LIMIT 24)",
                    [second],
                )
            async with speaking(shop):
                await until(shop, lambda rows: states(rows) == ["sent"] * 54)
            assert server.busy_most == 4
            # A fifth of a second's worth may go at once; the rest at its pace.
            assert paced.times[-1] - paced.times[0] >= (24 - 1 - 20 * pace.BURST_S) / 20 - 0.05

    play(story)


@pytest.mark.slow
def test_a_slow_operator_holds_back_nobody_else(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaker, "DRAIN_S_MAX", 0.2)

    async def story(shop: Shop) -> None:
        async with (
            operator(shop, [hang] * 50, connections=2) as (slow, first),
            operator(shop) as (_, second),
            speaking(shop),
        ):
            await queue(shop, *numbered(20), gateway_id=first)
            async with asyncio.timeout(WAIT_S):
                while len(slow.heard) < 2:
                    await asyncio.sleep(0.02)
            async with db.transaction(shop.runtime.pool) as tx:
                await tx.execute("UPDATE outbox SET gateway_id = %s", [second])
                await db.notify(tx, "outbox")
            await until(shop, lambda rows: states(rows).count("sent") >= 12)

    play(story)


# ── what does not ────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_each_answer_has_its_end(play: Callable[..., None]) -> None:
    """P5: what was surely not taken is tried again, what may have been taken never."""
    plays = [
        says(400, code="number wrong"), says(400, code="busy"), says(500), garbage, hang_up, hang,
    ]  # fmt: skip

    async def story(shop: Shop) -> None:
        # One after the other, so that each text meets its own play.
        async with operator(shop, plays, connections=1, response_timeout_s=1) as (server, gateway):
            await queue(shop, *numbered(7), ("+375291119999", "unsayable"), gateway_id=gateway)
            async with speaking(shop):
                rows = await until(shop, lambda rows: states(rows).count("waiting") == 1)
                by_text = {row["body"]: (row["state"], row["reason"]) for row in rows}
                ends = [by_text[text] for text in server.texts]
                assert ends == [
                    ("failed", "number wrong"),
                    ("waiting", ""),
                    ("unknown", "broke 500"),
                    ("unknown", "unreadable answer 200"),
                    ("unknown", "link broke: ServerDisconnectedError"),
                    ("unknown", "no_answer"),
                    ("sent", ""),
                ]
                assert by_text["unsayable"] == ("failed", "unsayable: no such letters on paper")
                again = await shop.rows("SELECT due_at, attempts FROM outbox")
                assert again == [{"due_at": NOON + attempts.RETRY_AFTER[0], "attempts": 1}]
                await pass_time(shop, 60)
                await until(shop, lambda rows: states(rows).count("sent") == 2)
            assert max(Counter(server.texts).values()) == 2  # the busy one

    play(story)


def test_a_receipt_by_our_reference_tells_what_an_unknown_text_became(
    play: Callable[..., None],
) -> None:
    """P5, R100: where the answer was lost and the operator names our reference."""

    async def story(shop: Shop) -> None:
        async with operator(shop, [hang_up]) as (server, gateway_id), speaking(shop):
            await queue(shop, *numbered(1), gateway_id=gateway_id)
            await until(shop, lambda rows: states(rows) == ["unknown"])
            told = [Receipt(server.heard[0]["ref"], "delivered")]
            async with db.transaction(shop.runtime.pool) as tx:
                await messages.write(tx, shop.store, gateway_id, [], told, NOON)
            assert states(await shop.messages()) == ["delivered"]

    play(story)


@pytest.mark.slow
def test_a_throttled_text_waits_as_long_as_the_operator_asks(play: Callable[..., None]) -> None:
    async def story(shop: Shop) -> None:
        plays = [says(429, after=0.3)] + [says(429)] * 8
        async with operator(shop, plays, connections=2) as (server, gateway_id), speaking(shop):
            await queue(shop, *numbered(6), gateway_id=gateway_id)
            async with asyncio.timeout(WAIT_S):
                while len(server.times) < 4:
                    await pass_time(shop, 0.1)
                while states(await shop.messages()) != ["sent"] * 6:
                    await pass_time(shop, 1)
            gaps = [b - a for a, b in zip(server.times, server.times[1:], strict=False)]
            assert max(gaps[:3]) >= 0.28
            assert len(server.heard) == 6 + 9

    play(story)


@pytest.mark.slow
def test_a_refused_key_loses_no_text_and_is_shown(play: Callable[..., None]) -> None:
    """However often it is refused: the account is at fault, not the text."""

    async def story(shop: Shop) -> None:
        async with (
            operator(shop, [says(401)] * 9, connections=3) as (server, gateway_id),
            speaking(shop),
        ):
            await queue(shop, *numbered(5), gateway_id=gateway_id)
            assert await comes_to(shop, gateway_id, "refused") == "key unknown"
            async with asyncio.timeout(WAIT_S):
                while states(await shop.messages()) != ["sent"] * 5:
                    await pass_time(shop, 1)
            await comes_to(shop, gateway_id, "bound")
            assert len(server.heard) == 9 + 5

    play(story)


def test_nobody_there_means_surely_not_sent(play: Callable[..., None]) -> None:
    async def story(shop: Shop) -> None:
        async with served() as server:
            gone = server.url
        gateway_id = await add(shop, gone)
        async with speaking(shop):
            await queue(shop, *numbered(3), gateway_id=gateway_id)
            assert await comes_to(shop, gateway_id, "lost")
            assert states(await shop.messages()) == ["waiting"] * 3
            await asyncio.sleep(0.3)
        left = await shop.rows("SELECT attempts FROM outbox")
        assert left == [{"attempts": 0}] * 3  # it counts as no attempt

    play(story)


@pytest.mark.parametrize(("klass", "asked"), [("service", 3), ("marketing", 1)])
def test_an_operator_that_guards_against_doubles_is_asked_again_for_service_texts(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch, klass: str, asked: int
) -> None:
    """P5: marketing is never repeated."""
    guarding = ModuleType("guarding")
    vars(guarding).update({k: v for k, v in vars(paper).items() if not k.startswith("__")})
    guarding.GUARDS_DOUBLES = True  # type: ignore[attr-defined]
    monkeypatch.setitem(GATEWAYS, "guarding", guarding)

    async def story(shop: Shop) -> None:
        plays = [hang_up, says(503)]
        async with operator(shop, plays, kind="guarding") as (server, gateway_id):
            await queue(shop, *numbered(1), gateway_id=gateway_id)
            async with db.transaction(shop.runtime.pool) as tx:
                await tx.execute("UPDATE message SET class = %s", [klass])
                await tx.execute("UPDATE contact SET marketing = 'in'")
            async with speaking(shop):
                await until(shop, lambda rows: states(rows)[0] in ("sent", "unknown"))
            assert len(server.heard) == asked
            assert len({one["ref"] for one in server.heard}) == 1
            assert states(await shop.messages()) == ["sent" if asked == 3 else "unknown"]

    play(story)


def test_a_stop_at_the_operator_stops_our_offers_too(play: Callable[..., None]) -> None:
    """P1, R4: the ledger says who told it; service texts stay."""

    async def story(shop: Shop) -> None:
        async with operator(shop, [says(400, code="stopped")]) as (_, gateway_id), speaking(shop):
            await queue(shop, *numbered(1), gateway_id=gateway_id)
            await shop.rows(
                "INSERT INTO contact_ref SELECT bucket, store_id, 'phone', phone, id FROM contact"
                " RETURNING bucket"
            )
            await until(shop, lambda rows: states(rows) == ["failed"])
            async with asyncio.timeout(WAIT_S):
                while not (known := await shop.rows("SELECT * FROM consent_event")):
                    await react.answer_due(shop.runtime)
                    await asyncio.sleep(0.02)
        assert [(row["scope"], row["change"], row["source"], row["words"]) for row in known] == [
            ("marketing", "out", "operator", "stopped")
        ]
        people = await shop.rows("SELECT marketing, service FROM contact")
        assert people == [{"marketing": "out", "service": "in"}]

    play(story)


# ── how it ends ──────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_a_stop_waits_for_what_is_under_way_and_puts_the_rest_back(
    play: Callable[..., None],
) -> None:
    async def story(shop: Shop) -> None:
        async with operator(shop, slow_s=0.3, connections=3) as (server, gateway_id):
            await queue(shop, *numbered(20), gateway_id=gateway_id)
            async with speaking(shop) as stop:
                async with asyncio.timeout(WAIT_S):
                    while len(server.heard) < 3:
                        await asyncio.sleep(0.01)
                stop.set()
            assert Counter(states(await shop.messages())) == {"sent": 3, "waiting": 17}
            assert len(await shop.rows("SELECT FROM outbox")) == 17
            assert await shop.rows("SELECT FROM submission") == []
            async with speaking(shop):
                await until(shop, lambda rows: states(rows) == ["sent"] * 20)
            assert max(Counter(server.texts).values()) == 1

    play(story)


def test_what_does_not_answer_in_time_is_unknown_when_it_stops(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaker, "DRAIN_S_MAX", 0.2)

    async def story(shop: Shop) -> None:
        async with operator(shop, [hang]) as (server, gateway_id):
            await queue(shop, *numbered(1), gateway_id=gateway_id)
            async with speaking(shop):
                async with asyncio.timeout(WAIT_S):
                    while not server.heard:
                        await asyncio.sleep(0.01)
            (row,) = await shop.messages()
            assert (row["state"], row["reason"]) == ("unknown", "stopped")

    play(story)


def test_answers_outlive_a_database_that_is_away(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "AGAIN_S", 0.05)
    broken = [True, True]

    async def settle(*given: Any) -> None:
        if broken:
            broken.pop()
            raise psycopg.OperationalError("away")
        await real(*given)

    real = results.messages.settle
    monkeypatch.setattr(results.messages, "settle", settle)
    monkeypatch.setattr(db, "ATTEMPTS_MAX", 1)

    async def story(shop: Shop) -> None:
        async with operator(shop) as (server, gateway_id), speaking(shop):
            await queue(shop, *numbered(2), gateway_id=gateway_id)
            await until(shop, lambda rows: states(rows) == ["sent"] * 2)
            assert len(server.heard) == 2

    play(story)


WORKER = """
import asyncio, sys
from pathlib import Path
from ringdove.runtime import GATEWAYS, open_runtime
from ringdove.settings import Settings
from ringdove.workers.sending import speak
from tests.flows.conftest import NOON
from tests.workers import paper

async def work():
    GATEWAYS["paper"] = paper
    settings = Settings(home=Path(sys.argv[1]), database_url=sys.argv[2])
    async with open_runtime(settings, clock=lambda: NOON) as runtime:
        await speak.run(runtime, asyncio.Event())

asyncio.run(work())
"""


@pytest.mark.slow
def test_killed_between_request_and_answer(database_url: str, tmp_path: Path) -> None:
    """P5: kill -9: what was asked and not answered is unknown, and nothing is said twice."""
    count = 120

    async def whole() -> None:
        async with open_shop(database_url, tmp_path) as shop:
            async with operator(shop, slow_s=0.05, connections=10) as (server, gateway_id):
                await queue(shop, *numbered(count), gateway_id=gateway_id)
                with subprocess.Popen(
                    [sys.executable, "-c", WORKER, str(tmp_path), database_url],
                    cwd=Path(__file__).parents[2],
                ) as worker:
                    try:
                        async with asyncio.timeout(WAIT_S):
                            while len(server.heard) < 25:
                                await asyncio.sleep(0.005)
                    finally:
                        os.kill(worker.pid, signal.SIGKILL)
                await asyncio.sleep(0.2)
                async with db.transaction(shop.runtime.pool) as tx:
                    await tx.execute("DELETE FROM lease")  # as fifteen seconds would do
                async with speaking(shop):
                    rows = await until(shop, lambda rows: "waiting" not in states(rows))
                ends = Counter(states(rows))
                assert set(ends) == {"sent", "unknown"}
                # Asked, queued, and answered within the moment in which answers are gathered.
                assert ends["unknown"] <= 10 + 10 + 60
                assert set(Counter(server.texts).values()) == {1}
                said = set(server.texts)
                assert all(row["body"] in said for row in rows if row["state"] == "sent")

    asyncio.run(whole())


# ── what is never told ───────────────────────────────────────────────────────


def test_no_key_in_any_log_or_reason(
    play: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    """Addresses hold keys at some operators; aiohttp's errors hold addresses."""
    plays = [says(500), garbage, hang_up, says(401), says(400, code="x")]

    async def story(shop: Shop) -> None:
        async with operator(shop, plays, connections=1) as (server, gateway_id):
            for url in (
                "http://127.0.0.1:1",
                "nonsense://x",
                "http://[broken",
            ):
                await add(shop, url)
            every = await shop.rows("SELECT id FROM gateway WHERE kind = 'paper' ORDER BY id")
            await queue(shop, *numbered(10), gateway_id=gateway_id)
            others = [row["id"] for row in every if row["id"] != gateway_id]
            async with db.transaction(shop.runtime.pool) as tx:
                await tx.execute(
                    "UPDATE outbox SET gateway_id = (%s::int[])[1 + message_id / 128 %% 3]"
                    " WHERE message_id IN (SELECT message_id FROM outbox ORDER BY message_id"
                    " DESC LIMIT 4)",
                    [others],
                )
            async with speaking(shop):
                await until(shop, lambda rows: len(server.heard) >= 6)
                for other in others:
                    async with asyncio.timeout(WAIT_S):
                        while (await state_of(shop, other))[0] not in ("lost", "refused", ""):
                            await asyncio.sleep(0.03)
            written = repr(await shop.messages()) + repr(await shop.rows("SELECT * FROM audit"))
            written += repr(await shop.rows("SELECT * FROM gateway_state"))
            written += repr(await shop.rows("SELECT * FROM gateway"))
            assert "geheim" not in written

    play(story)
    out, err = capfd.readouterr()
    assert "geheim" not in out + err


def test_it_takes_little_time(play: Callable[..., None]) -> None:
    """Not a benchmark: a bound that a mistake (a look at each message, a lost wake) would break."""

    async def story(shop: Shop) -> None:
        async with operator(shop, connections=50) as (_, gateway_id), speaking(shop):
            await queue(shop, *numbered(500), gateway_id=gateway_id)
            began = time.monotonic()
            await until(shop, lambda rows: states(rows) == ["sent"] * 500)
            assert time.monotonic() - began < 15

    play(story)
