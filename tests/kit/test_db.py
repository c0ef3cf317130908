"""Pool, transaction, retry and bell on a real PostgreSQL."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from psycopg import errors

from ringdove.kit import db

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def test_a_transaction_is_whole_or_nothing(empty_database_url: str, run: Run) -> None:
    async def story() -> None:
        pool = await db.open_pool(empty_database_url)
        async with db.transaction(pool) as tx:
            await tx.execute("CREATE TABLE t (n integer PRIMARY KEY)")
        with suppress(RuntimeError):
            async with db.transaction(pool) as tx:
                await tx.execute("INSERT INTO t VALUES (1)")
                raise RuntimeError
        assert await count(pool) == 0
        async with db.transaction(pool) as tx:
            await tx.execute("INSERT INTO t VALUES (1)")
        assert await count(pool) == 1
        await pool.close()

    run(story())


async def count(pool: db.Pool) -> int:
    async with db.transaction(pool) as tx:
        row = await (await tx.execute("SELECT count(*) AS n FROM t")).fetchone()
    assert row is not None
    return int(row["n"])


def test_connections_are_bounded_and_in_utc(empty_database_url: str, run: Run) -> None:
    async def story() -> None:
        pool = await db.open_pool(empty_database_url, size_max=2, statement_s_max=7)
        async with db.transaction(pool) as tx:
            for name, wanted in {"statement_timeout": "7s", "TimeZone": "UTC"}.items():
                row = await (await tx.execute("SELECT current_setting(%s) AS v", [name])).fetchone()
                assert row == {"v": wanted}
        assert pool.max_size == 2
        await pool.close()

    run(story())


def test_a_server_that_is_not_there_fails_soon_and_in_words(run: Run) -> None:
    async def story() -> None:
        with pytest.raises(psycopg.OperationalError, match=r"127\.0\.0\.1"):
            await db.open_pool("postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=1")

    run(asyncio.wait_for(story(), 5))


@pytest.mark.parametrize(
    ("error", "also", "attempts"),
    [
        (errors.SerializationFailure("40001"), (), 3),
        (errors.DeadlockDetected("40P01"), (), 3),
        (psycopg.OperationalError("the connection is lost"), (), 3),
        (errors.UniqueViolation("23505"), (errors.UniqueViolation,), 3),
    ],
)
def test_what_another_attempt_can_cure_is_tried_again(
    empty_database_url: str,
    run: Run,
    error: psycopg.Error,
    also: tuple[type[psycopg.Error], ...],
    attempts: int,
) -> None:
    seen: list[int] = []

    async def work(tx: db.Tx) -> str:
        seen.append(1)
        if len(seen) < attempts:
            raise error
        return "done"

    assert run(with_pool(empty_database_url, lambda pool: db.retried(pool, work, also=also)))
    assert len(seen) == attempts


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "attempts"),
    [(errors.UniqueViolation("23505"), 1), (errors.SerializationFailure("40001"), db.ATTEMPTS_MAX)],
)
def test_the_rest_is_raised_and_nothing_is_tried_for_ever(
    empty_database_url: str, run: Run, error: psycopg.Error, attempts: int
) -> None:
    seen: list[int] = []

    async def work(tx: db.Tx) -> None:
        seen.append(1)
        raise error

    with pytest.raises(type(error)):
        run(with_pool(empty_database_url, lambda pool: db.retried(pool, work)))
    assert len(seen) == attempts


def test_a_connection_cut_by_the_server_is_replaced(empty_database_url: str, run: Run) -> None:
    seen: list[int] = []

    async def work(tx: db.Tx) -> int:
        seen.append(1)
        if len(seen) == 1:
            cut_all(empty_database_url)
        row = await (await tx.execute("SELECT 42 AS n")).fetchone()
        assert row is not None
        return int(row["n"])

    assert run(with_pool(empty_database_url, lambda pool: db.retried(pool, work))) == 42
    assert len(seen) == 2


async def with_pool(url: str, act: Callable[[db.Pool], Coroutine[Any, Any, Any]]) -> Any:
    pool = await db.open_pool(url)
    try:
        return await act(pool)
    finally:
        await pool.close()


def cut_all(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as link:
        link.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def ring(url: str, channel: str, payload: str) -> None:
    async with await psycopg.AsyncConnection.connect(url) as link:
        await db.notify(link, channel, payload)  # type: ignore[arg-type]


def test_a_bell_hears_its_channels_and_nothing_twice(empty_database_url: str, run: Run) -> None:
    async def story() -> None:
        async with db.Bell(empty_database_url, ["facts", "outbox"]) as bell:
            assert await bell.wait(0.05) == []
            await ring(empty_database_url, "other", "no")
            await ring(empty_database_url, "facts", "7")
            assert await bell.wait(5) == [("facts", "7")]
            assert await bell.wait(0.05) == []
            bell.ring("facts", "8")
            bell.ring("facts", "8")
            assert await bell.wait(5) == [("facts", "8")]

    run(story())


def test_a_rolled_back_transaction_rings_nothing(empty_database_url: str, run: Run) -> None:
    async def story() -> None:
        pool = await db.open_pool(empty_database_url)
        async with db.Bell(empty_database_url, ["facts"]) as bell:
            with suppress(RuntimeError):
                async with db.transaction(pool) as tx:
                    await db.notify(tx, "facts", "1")
                    raise RuntimeError
            assert await bell.wait(0.1) == []
        await pool.close()

    run(story())


def test_a_bell_is_rung_after_the_commit_and_once(empty_database_url: str, run: Run) -> None:
    """Whoever hears it finds what was written; no lock of notifying is held over the commit."""

    async def story() -> None:
        pool = await db.open_pool(empty_database_url)
        async with db.transaction(pool) as tx:
            await tx.execute("CREATE TABLE told (n integer)")
        async with db.Bell(empty_database_url, ["facts"]) as bell:
            async with db.transaction(pool) as tx:
                await tx.execute("INSERT INTO told VALUES (1)")
                await db.notify(tx, "facts", "1")
                await db.notify(tx, "facts", "1")
                (locks,) = await (await tx.execute(
                    "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'object'"
                )).fetchall()  # fmt: skip
                assert locks["n"] == 0
            assert await bell.wait(5) == [("facts", "1")]
            assert await bell.wait(0.05) == []
            async with db.transaction(pool) as tx:
                cursor = await tx.execute("SELECT n FROM told")
                assert await cursor.fetchall() == [{"n": 1}]
        await pool.close()

    run(story())


def test_a_bell_that_lost_its_connection_says_so_and_hears_again(
    empty_database_url: str, run: Run
) -> None:
    async def story() -> None:
        async with db.Bell(empty_database_url, ["facts"]) as bell:
            cut_all(empty_database_url)
            assert await bell.wait(5) == [("", "")]
            await ring(empty_database_url, "facts", "9")
            assert await bell.wait(5) == [("facts", "9")]

    run(story())
