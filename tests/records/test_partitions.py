"""Partitions are there before they are needed, and rows find them by the time in their id."""

import asyncio
from datetime import UTC, datetime

from ringdove.kit import db
from ringdove.kit.buckets import BUCKETS, INDEX_OF, id_floor
from ringdove.records import partitions

NOW = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
VISIT = """
INSERT INTO visit (bucket, store_id, id, contact_id, at) VALUES (%(bucket)s, 1, %(id)s, 1, %(at)s)
RETURNING tableoid::regclass::text AS found
"""
OPTIONS = "SELECT reloptions FROM pg_class WHERE relname = 'message_2026_12'"


async def visit(tx: db.Tx, at: datetime) -> str:
    bucket = BUCKETS[5]
    row = {"bucket": bucket, "id": id_floor(at) | INDEX_OF[bucket], "at": at}
    found = await (await tx.execute(VISIT, row)).fetchone()
    assert found
    return str(found["found"])


def test_this_month_and_two_more_are_made_once(database_url: str) -> None:
    async def look() -> None:
        pool = await db.open_pool(database_url, size_max=1)
        async with db.transaction(pool) as tx:
            made = await partitions.ensure(tx, NOW)
            assert made == [
                "message_2026_11", "message_2026_12", "message_2027_01",
                "visit_2026_11", "visit_2026_12", "visit_2027_01",
            ]  # fmt: skip
            assert await partitions.ensure(tx, NOW) == []
            assert await visit(tx, NOW) == "visit_2026_11"
            assert await visit(tx, datetime(2026, 12, 1, tzinfo=UTC)) == "visit_2026_12"
            assert await visit(tx, datetime(2026, 7, 1, tzinfo=UTC)) == "visit_rest"
            options = await (await tx.execute(OPTIONS)).fetchone()
            assert options and options["reloptions"] == ["fillfactor=50"]
        await pool.close()

    asyncio.run(look())


def test_a_month_whose_rows_lie_in_the_default_stays_there(database_url: str) -> None:
    """Whoever starts for the first time in mid-month, or slept for three, must not fail."""

    async def look() -> None:
        pool = await db.open_pool(database_url, size_max=1)
        async with db.transaction(pool) as tx:
            await visit(tx, NOW)
            made = await partitions.ensure(tx, NOW)
            assert "visit_2026_11" not in made and "visit_2026_12" in made
        await pool.close()

    asyncio.run(look())


def test_months_go_over_the_year() -> None:
    spans = list(partitions.months(datetime(2026, 1, 5, tzinfo=UTC), 1, 1))
    assert [first.strftime("%Y_%m") for first, _ in spans] == ["2025_12", "2026_01", "2026_02"]
    assert [after for _, after in spans[:-1]] == [first for first, _ in spans[1:]]
