"""How fast a selection of people is counted: `ringdove bench segments`.

Each question goes through records/segments/segments.count as the page's live count does, on two
connections; the middle of several goes is told, by the clock and by CPU. Beside it stands the floor
of the same run, a plain count of the store's people; and what the same two questions cost when
they are asked of orders and visits instead of what is kept.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

from ringdove.bench import ground, segments_ground
from ringdove.bench.segments_ground import Size
from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.records.segments import figure_fill, rhythms, segments
from ringdove.rules.segments.segments import TREE
from ringdove.workers.people import figuring

GOES: Final = 5
DAYS_90, DAYS_30, DAYS_14 = ({"within_days": n} for n in (90, 30, 14))
TEA: Final = {"categories": ["category 3"]}

# What merchants ask: kept says that the answer stands in what is kept of each person.
ASKED: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "regulars who fell silent": ("kept", {
        "leaf": "orders", "times": {"at_least": 3}, "last": {"before_days": 90}}),
    "at risk or lost": ("kept", {"leaf": "rfm", "classes": ["at_risk", "lost"]}),
    "never bought": ("kept", {"leaf": "rfm", "classes": ["never_bought"]}),
    "a cart of 30 and more waits": ("kept", {"leaf": "cart", "total": {"at_least": 30}}),
    "bought of a category": ("kept", {"leaf": "bought", "goods": TEA}),
    "not of it for 90 days": ("kept", {"leaf": "all", "of": [
        {"leaf": "bought", "goods": TEA},
        {"leaf": "not", "of": {"leaf": "bought", "goods": TEA, "when": DAYS_90}}]}),
    "due in a category in 14 days": ("kept", {
        "leaf": "due", "category": "category 3", "in_days": {"at_least": 0, "at_most": 14}}),
    "looked lately, never bought of it": ("kept", {"leaf": "all", "of": [
        {"leaf": "visited", "goods": TEA, "when": DAYS_30},
        {"leaf": "not", "of": {"leaf": "bought", "goods": TEA}}]}),
    "women of Minsk, 25 to 45": ("people", {"leaf": "all", "of": [
        {"leaf": "place", "cities": ["Minsk"]}, {"leaf": "sex", "sex": "f"},
        {"leaf": "age", "years": {"at_least": 25, "at_most": 45}}]}),
    "twice of a category in 90 days": ("rows", {
        "leaf": "bought", "goods": TEA, "when": DAYS_90, "times": {"at_least": 2}}),
    "any of three goods": ("rows", {
        "leaf": "bought", "goods": {"skus": ["sku-3", "sku-33", "sku-333"]}}),
    "a brand in 90 days": ("rows", {
        "leaf": "bought", "goods": {"brands": ["brand 7"]}, "when": DAYS_90}),
    "looked thrice at a category in 30 days": ("rows", {
        "leaf": "visited", "goods": TEA, "when": DAYS_30, "times": {"at_least": 3}}),
    "on /sale in 14 days": ("rows", {"leaf": "visited", "pages": ["/sale"], "when": DAYS_14}),
    "all of it together": ("rows", {"leaf": "all", "of": [
        {"leaf": "permission", "scope": "marketing", "states": ["in"]},
        {"leaf": "any", "of": [
            {"leaf": "bought", "goods": TEA, "when": DAYS_90, "times": {"at_least": 2}},
            {"leaf": "visited", "goods": TEA, "when": DAYS_30, "times": {"at_least": 3}}]},
        {"leaf": "not", "of": {"leaf": "rfm", "classes": ["lost"]}},
        {"leaf": "not", "of": {"leaf": "bought", "when": DAYS_14}}]}),
}  # fmt: skip

FLOOR = """
SELECT count(*) AS n FROM contact c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s
"""
# The same as kept figures say, worked out of the rows each time.
FROM_ROWS: Final = {
    "regulars who fell silent": """
        SELECT count(*) AS n FROM (
          SELECT FROM purchase_order o
          WHERE o.bucket = ANY(%(buckets)s) AND o.store_id = %(store_id)s
            AND o.state NOT IN ('cancelled', 'returned', 'removed')
          GROUP BY o.bucket, o.contact_id
          HAVING count(*) >= 3 AND max(o.placed_at) < %(now)s - interval '90 days') x""",
    "came ten times": """
        SELECT count(*) AS n FROM (
          SELECT FROM visit v WHERE v.bucket = ANY(%(buckets)s) AND v.store_id = %(store_id)s
          GROUP BY v.bucket, v.contact_id HAVING count(*) >= 10) x""",
}
CAME_TEN_TIMES: Final = {"leaf": "visited", "times": {"at_least": 10}}


@dataclass(frozen=True, slots=True)
class Wish:
    """The store that is made."""

    size: Size
    span: int


async def measure(home: Path, wish: Wish) -> dict[str, Any]:
    """All figures of a store that is made for it."""
    size = wish.size
    found: dict[str, Any] = {
        "people": size.people, "lines": size.lines, "visits": size.visits, "span": wish.span,
    }  # fmt: skip
    async with ground.open_shop(home, "segments", wish.span) as shop:
        now = datetime.now(UTC)
        began = time.perf_counter()
        async with db.transaction(shop.runtime.pool) as tx:
            await segments_ground.fill(tx, shop, size, now)
            await figure_fill.ask(tx, shop.store)
        await vacuum(shop, segments_ground.TABLES)
        found["made_s"] = round(time.perf_counter() - began, 1)
        with ground.meter(home) as spent:
            await figuring.fill(shop.runtime, shop.store)
        found["counted_per_s"] = round(size.people / spent.wall_s)
        found["counted_us"] = {
            "ours": round(spent.ours_s / size.people * 1e6, 1),
            "postgres": round(spent.postgres_s / size.people * 1e6, 1),
        }
        await vacuum(shop, "contact_figure, contact_category")
        found["learnt"] = await _learning(shop, home, now)
        asks = _Asks(shop, home, now)
        found["floor"] = await asks.text(FLOOR)
        found["asked"] = {
            name: {"of": kind} | await asks.tree(tree) for name, (kind, tree) in ASKED.items()
        }
        kept = {
            "regulars who fell silent": found["asked"]["regulars who fell silent"],
            "came ten times": await asks.tree(CAME_TEN_TIMES),
        }
        found["from_rows"] = {
            name: {"kept": kept[name], "rows": await asks.text(text)}
            for name, text in FROM_ROWS.items()
        }
    return found


async def vacuum(shop: ground.Shop, tables: str) -> None:
    """As the server does it by itself a minute after much was written."""
    async with shop.runtime.pool.connection() as link:
        await link.set_autocommit(True)
        await link.execute("SET statement_timeout = 0")
        await link.execute(f"VACUUM (ANALYZE) {tables}".encode())
        await link.execute("RESET statement_timeout")
        await link.set_autocommit(False)


async def _learning(shop: ground.Shop, home: Path, now: datetime) -> dict[str, float]:
    with ground.meter(home) as spent:
        async with db.transaction(shop.runtime.pool) as tx:
            await rhythms.learn(tx, shop.store, now + timedelta(days=2))
    return {"wall_s": round(spent.wall_s, 2), "postgres_s": round(spent.postgres_s, 2)}


class _Asks:
    """Asks one thing several times; the first go warms and is not counted."""

    def __init__(self, shop: ground.Shop, home: Path, now: datetime) -> None:
        self._shop, self._home, self._now = shop, home, now
        base, span = shop.store.bucket_base, shop.store.bucket_span
        self._given = {
            "store_id": shop.store.id, "now": now,
            "buckets": buckets_of_store(base, span),
        }  # fmt: skip

    async def tree(self, tree: dict[str, Any]) -> dict[str, Any]:
        runtime, node = self._shop.runtime, TREE.validate_python(tree)

        async def go() -> int:
            found = await segments.count(runtime.pool, self._shop.store, node, self._now)
            return found.people

        return await self._times(go)

    async def text(self, statement: str) -> dict[str, Any]:
        async def go() -> int:
            async with db.transaction(self._shop.runtime.pool) as tx:
                row = await (await tx.execute(statement.encode(), self._given)).fetchone()
                assert row is not None
                return int(row["n"])

        return await self._times(go)

    async def _times(self, go: Any) -> dict[str, Any]:
        n = await go()
        took, ours, theirs = [], [], []
        for _ in range(GOES):
            with ground.meter(self._home) as spent:
                n = await go()
            took.append(spent.wall_s)
            ours.append(spent.ours_s)
            theirs.append(spent.postgres_s)
        return {
            "n": n, "ms": round(median(took) * 1000), "ours_ms": round(median(ours) * 1000),
            "postgres_ms": round(sum(theirs) / GOES * 1000),
        }  # fmt: skip


def table(found: dict[str, Any]) -> str:
    """The same for people."""
    counted, floor = found["counted_us"], found["floor"]
    lines = [
        ground.machine_line(found["machine"]),
        f"{found['people']:,} people, {found['lines']:,} order lines, {found['visits']:,} visits in"
        f" {found['span']} bucket(s), made in {found['made_s']} s",
        f"figures counted from rows: {found['counted_per_s']:,} people a second"
        f" (CPU a person: ours {counted['ours']} µs, PostgreSQL's {counted['postgres']} µs);"
        f" rhythm learnt in {found['learnt']['wall_s']} s",
        "",
        f"{'':44}{'people':>10}{'ms':>8}{'CPU ms':>8}{'× floor':>9}",
        _line("floor: count(*) of all people", floor, floor),
    ]
    for kind in ("kept", "people", "rows"):
        lines.append(f"of {kind}:" if kind != "kept" else "of what is kept:")
        lines += [
            _line(f"  {name}", one, floor)
            for name, one in found["asked"].items()
            if one["of"] == kind
        ]
    lines.append("the same of rows each time:")
    for name, both in found["from_rows"].items():
        lines += [
            _line(f"  {name}, kept", both["kept"], floor),
            _line(f"  {name}, of rows", both["rows"], floor),
        ]
    return "\n".join(lines)


def _line(name: str, one: dict[str, Any], floor: dict[str, Any]) -> str:
    cpu = one["ours_ms"] + one["postgres_ms"]
    times = cpu / max(1, floor["ours_ms"] + floor["postgres_ms"])
    return f"{name:44}{one['n']:>10,}{one['ms']:>8,}{cpu:>8,}{times:>9.1f}"
