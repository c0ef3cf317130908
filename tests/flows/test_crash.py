"""P5: kill -9 at any moment. Real `ringdove work` processes, killed while they work; what they
leave in the database must be enough for the next one.
"""

import asyncio
import os
import random
import signal
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import pytest

from ringdove.bench import mix, smsc
from ringdove.kit import db
from ringdove.kit.children import Child
from ringdove.records.sending import gateways
from tests.flows.conftest import Shop, open_shop, order

pytestmark = pytest.mark.slow

LIVES_S = 25.0


@asynccontextmanager
async def worker(shop: Shop, log: IO[bytes]) -> AsyncIterator[Child]:
    """A worker process on the shop's database."""
    settings = shop.runtime.settings
    child = Child(
        "work",
        {
            "RINGDOVE_HOME": str(settings.home),
            "RINGDOVE_DATABASE_URL": settings.database_url,
            "RINGDOVE_SANDBOX": "false",
        },
        log,
    )
    try:
        yield child
    finally:
        await asyncio.to_thread(child.end)


async def kill(child: Child) -> None:
    os.kill(child.pid, signal.SIGKILL)
    while child.ended is None:
        await asyncio.sleep(0.01)


async def until(condition: Callable[[], Awaitable[bool]], log: IO[bytes]) -> None:
    end = asyncio.get_running_loop().time() + LIVES_S
    while not await condition():
        if asyncio.get_running_loop().time() > end:
            log.seek(0)
            raise AssertionError("not in time; the workers said:\n" + log.read().decode()[-4000:])
        await asyncio.sleep(0.05)


async def at_real_time(shop: Shop) -> None:
    """Real processes have a real clock."""
    shop.at = datetime.now(UTC)


async def gateway(shop: Shop, **settings: object) -> int:
    """An SMPP gateway in front of all others; as few as possible are taken at once."""
    async with db.transaction(shop.runtime.pool) as tx:
        return await gateways.create(
            tx, store_id=shop.store.id, kind="smpp", channel="sms", name="Operator", rank=1,
            settings={"host": "127.0.0.1", "system_id": "x", "window": 1, "throughput_per_s": 200}
            | settings,
            secrets=shop.runtime.sealer.seal({"password": "x"}), now=shop.at,
        )  # fmt: skip


async def states(shop: Shop) -> Counter[tuple[str, str]]:
    return Counter((m["state"], m["reason"]) for m in await shop.messages())


def test_a_worker_killed_between_submit_and_answer_loses_nothing_and_repeats_nothing(
    database_url: str, tmp_path: Path
) -> None:
    """P5: what was on the wire is unknown, with its reason, and never said again; what had not
    been taken is said once by the next worker."""

    async def story(log: IO[bytes]) -> None:
        operator = smsc.Smsc(silent=True)
        async with open_shop(database_url, tmp_path) as shop, smsc.opened(operator) as port:
            await at_real_time(shop)
            await gateway(shop, port=port)
            people = [{"phone": f"+3752911122{n:02}"} for n in range(12)]
            await shop.hear(*(order(p["phone"], at=shop.at, customer=p) for p in people))
            await shop.answer()
            async with worker(shop, log) as child:

                async def one_is_on_the_wire() -> bool:
                    return bool(operator.heard)

                await until(one_is_on_the_wire, log)
                await kill(child)
            marked = await shop.rows("SELECT unnest(message_ids) AS message_id FROM submission")
            assert 1 <= len(marked) <= 3, "no more are taken than the window can say"
            assert await states(shop) == {("waiting", ""): 12}
            operator.silent = False
            await shop.rows("UPDATE lease SET until = now() - interval '1 s' RETURNING 1")
            async with worker(shop, log):

                async def outbox_is_empty() -> bool:
                    return not await shop.rows("SELECT FROM outbox")

                await until(outbox_is_empty, log)
            unknown = ("unknown", "process_lost")
            assert await states(shop) == {unknown: len(marked), ("sent", ""): 12 - len(marked)}
            said = Counter((part.phone, part.text) for part in operator.heard)
            assert set(said.values()) == {1}, "a text was said twice"
            assert len({phone for phone, _ in said}) >= 12 - len(marked) + 1

    with tempfile.TemporaryFile() as log:
        asyncio.run(story(log))


def test_a_mail_worker_killed_before_the_answer_leaves_unknown(
    database_url: str, tmp_path: Path
) -> None:
    """P5: the same over SMTP: a server that takes the letter and never says so."""
    letters: list[str] = []
    is_silent = True

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 stand-in\r\n")
        in_data, body = False, ""
        with_end = asyncio.IncompleteReadError, ConnectionError
        try:
            while line := (await reader.readuntil(b"\r\n")).decode():
                if in_data:
                    body += line
                    if line == ".\r\n":
                        in_data = False
                        letters.append(body)
                        if not is_silent:
                            writer.write(b"250 taken\r\n")
                elif line.upper().startswith("DATA"):
                    in_data, body = True, ""
                    writer.write(b"354 go on\r\n")
                elif line.upper().startswith("QUIT"):
                    writer.write(b"221 bye\r\n")
                    break
                else:
                    writer.write(b"250 yes\r\n")
        except with_end:
            pass
        finally:
            writer.close()

    async def story(log: IO[bytes]) -> None:
        nonlocal is_silent
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with open_shop(database_url, tmp_path) as shop, server:
            await at_real_time(shop)
            await shop.rows(
                """UPDATE gateway SET settings = settings || jsonb_build_object('port', %(p)s::int)
                   WHERE kind = 'smtp' RETURNING 1""",
                p=port,
            )
            await shop.rows(
                "UPDATE gateway SET paused_at = now() WHERE channel = 'sms' RETURNING 1"
            )
            for n in range(14):
                customer = {"email": f"anna{n}@linden.example", "name": "Анна"}
                await shop.hear(order(str(n), at=shop.at, customer=customer))
            await shop.answer()
            mails = [m for m in await shop.messages() if m["channel"] == "email"]
            assert {m["state"] for m in mails} == {"waiting"} and len(mails) == 14
            async with worker(shop, log) as child:

                async def one_is_on_the_wire() -> bool:
                    return bool(letters)

                await until(one_is_on_the_wire, log)
                await kill(child)
            marked = await shop.rows("SELECT unnest(message_ids) AS message_id FROM submission")
            assert 1 <= len(marked) <= 10
            is_silent = False
            await shop.rows("UPDATE lease SET until = now() - interval '1 s' RETURNING 1")
            async with worker(shop, log):

                async def outbox_is_empty() -> bool:
                    return not await shop.rows("SELECT FROM outbox")

                await until(outbox_is_empty, log)
            mails = [m for m in await shop.messages() if m["channel"] == "email"]
            found = Counter(m["state"] for m in mails)
            assert found == {"unknown": len(marked), "sent": 14 - len(marked)}
            named = [
                next(x for x in letter.splitlines() if x.startswith("To:")) for letter in letters
            ]
            assert len(named) == len(set(named)), "a letter was sent twice"

    with tempfile.TemporaryFile() as log:
        asyncio.run(story(log))


def test_a_worker_killed_again_and_again_answers_every_fact_once(
    database_url: str, tmp_path: Path
) -> None:
    """P5, P8: four kills at random moments while 3,000 facts are answered; at the end each fact has
    one answer and each state of an order its one text."""

    async def story(log: IO[bytes]) -> None:
        chance = random.Random(1)
        async with open_shop(database_url, tmp_path, span=8) as shop:
            await at_real_time(shop)
            await shop.rows("UPDATE gateway SET paused_at = now() RETURNING 1")
            told = mix.told(3_000, shop.at)
            for start in range(0, len(told), 300):
                await shop.hear(*told[start : start + 300])

            async def facts_left() -> int:
                (row,) = await shop.rows(
                    """SELECT count(*) AS n FROM pending_fact
                       WHERE due_at <= now() AND parked_at IS NULL AND waits_for IS NULL"""
                )
                return int(row["n"])

            kills = 0
            for _ in range(4):
                before = await facts_left()
                async with worker(shop, log) as child:

                    async def has_begun(before: int = before) -> bool:
                        return await facts_left() < before or not before

                    await until(has_begun, log)
                    await asyncio.sleep(chance.uniform(0, 0.15))
                    await kill(child)
                kills += bool(await facts_left())
            assert kills >= 2, "the work was over before it could be killed"
            async with worker(shop, log):

                async def all_answered() -> bool:
                    return await facts_left() == 0

                await until(all_answered, log)
            await at_real_time(shop)
            assert not await shop.rows("SELECT FROM pending_fact WHERE parked_at IS NOT NULL")
            waiting = await shop.rows("SELECT FROM pending_fact WHERE waits_for IS NOT NULL")
            (row,) = await shop.rows("SELECT sum(n) AS n FROM counter WHERE name = 'facts'")
            assert row["n"] == len(told) - len(waiting)
            texts = Counter(
                (m["order_id"], m["recipe"], m["channel"], m["enrollment_id"])
                for m in await shop.messages()
            )
            assert set(texts.values()) == {1}
            (row,) = await shop.rows("SELECT sum(n) AS n FROM counter WHERE name = 'queued'")
            queued = [m for m in await shop.messages() if m["state"] != "dropped"]
            assert row["n"] == len(queued)

    with tempfile.TemporaryFile() as log:
        asyncio.run(story(log))
