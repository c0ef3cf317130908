"""How fast the inbox draws among many conversations: `ringdove bench inbox`.

Each list as its page asks for it, a page far behind too, the counts of its tabs and of the menu,
people found by what is typed, and one talk with all that stands beside it. What is measured is the
SQL of a page with reading its rows; drawing it is not.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from ringdove.bench import ground, people_ground
from ringdove.bench.people import Times
from ringdove.kit import db
from ringdove.records.conversations import beside, inbox, talk
from ringdove.records.conversations.inbox import WHICH, Asked
from ringdove.workers.people import finding

TIMES = 25  # each
WARM = 5
# Of a hundred: so many wait, were answered, are put off; the rest is closed.
WAITING, ANSWERED, SNOOZED = 30, 10, 5

TALKS = """
INSERT INTO conversation (bucket, store_id, contact_id, state, owner, snoozed_until, waiting_since,
  unread, last_at, last_by, last_said, intent)
SELECT c.bucket, c.store_id, c.id,
  CASE WHEN n.n < %(waiting)s + %(answered)s THEN 'open'
    WHEN n.n < %(waiting)s + %(answered)s + %(snoozed)s THEN 'snoozed' ELSE 'closed' END,
  CASE WHEN n.n %% 10 = 0 THEN 1 END,
  CASE WHEN n.n BETWEEN %(waiting)s + %(answered)s AND %(waiting)s + %(answered)s + %(snoozed)s - 1
    THEN %(now)s + interval '1 day' END,
  CASE WHEN n.n < %(waiting)s THEN c.created_at END,
  CASE WHEN n.n < %(waiting)s THEN 1 ELSE 0 END, c.created_at, 'them', 'Когда приедет курьер?',
  'unsure'
FROM contact c CROSS JOIN LATERAL (SELECT abs(hashint8(c.id)) %% 100 AS n) n
WHERE c.store_id = %(store_id)s
"""
TEXTS = """
INSERT INTO inbound (bucket, store_id, id, contact_id, gateway_id, sender, body, at, intent)
SELECT c.bucket, c.store_id, c.id + k * (1::bigint << 22), c.id, 1, c.phone,
  'Когда приедет курьер?', c.created_at + k * interval '1 minute', 'unsure'
FROM contact c CROSS JOIN generate_series(1, %(each)s) k WHERE c.store_id = %(store_id)s
"""
FRESH = "VACUUM (ANALYZE) conversation, inbound, contact, contact_search"


@dataclass(frozen=True, slots=True)
class Wish:
    """How many conversations, in how many buckets, of how many texts each."""

    talks: int
    span: int
    texts: int = 5


async def measure(home: Path, wish: Wish) -> dict[str, Any]:
    """All figures of a store that is made for it, in milliseconds."""
    async with ground.open_shop(home, f"inbox {wish.span}", wish.span) as shop:
        await _fill(shop, wish)
        found: dict[str, Any] = {"talks": wish.talks, "span": wish.span}
        found["took"] = {name: (await _timed(shop, work)).told() for name, work in WORKS.items()}
    return found


async def _fill(shop: ground.Shop, wish: Wish) -> None:
    runtime, store = shop.runtime, shop.store
    now = people_ground.now()
    await people_ground.fill(runtime.database_url, store, wish.talks, now)
    await finding.fill(runtime, store)
    given = {
        "store_id": store.id, "now": now, "each": wish.texts, "waiting": WAITING,
        "answered": ANSWERED, "snoozed": SNOOZED,
    }  # fmt: skip
    async with db.transaction(runtime.pool) as tx:
        await tx.execute(TALKS, given)
        await tx.execute(TEXTS, given)
    async with runtime.pool.connection() as link:
        await link.set_autocommit(True)
        await link.execute(FRESH)
        await link.set_autocommit(False)


Work = Callable[[db.Tx, ground.Shop], Awaitable[Any]]


async def _timed(shop: ground.Shop, work: Work) -> Times:
    times = Times()
    for n in range(WARM + TIMES):
        began, ours = time.perf_counter(), time.thread_time()
        async with db.transaction(shop.runtime.pool) as tx:
            stat = Path(f"/proc/{tx.info.backend_pid}/schedstat")
            theirs = int(stat.read_text("ascii").split()[0])
            await work(tx, shop)
            ran_s = (int(stat.read_text("ascii").split()[0]) - theirs) / 1e9
        took, cpu_s = time.perf_counter() - began, time.thread_time() - ours + ran_s
        if n >= WARM:
            times.took.append((took * 1000, cpu_s * 1000))
    return times


# ------------------------------------------------------------------ what a page asks


def _first(which: inbox.Which) -> Work:
    async def ask(tx: db.Tx, shop: ground.Shop) -> Any:
        return await inbox.listed(tx, shop.store, Asked(which, 1))

    return ask


async def _far(tx: db.Tx, shop: ground.Shop) -> Any:
    at = people_ground.now() - people_ground.BEGINS / 2
    return await inbox.listed(tx, shop.store, Asked("all", 1, (at, 0)))


def _found(typed: str) -> Work:
    async def ask(tx: db.Tx, shop: ground.Shop) -> Any:
        now = shop.runtime.clock()
        return await inbox.found(tx, shop.store, typed, now, masked=False)

    return ask


async def _counts(tx: db.Tx, shop: ground.Shop) -> Any:
    return await inbox.counts(tx, shop.store, 1)


async def _unread(tx: db.Tx, shop: ground.Shop) -> Any:
    return await inbox.unread(tx, shop.store)


async def _wake(tx: db.Tx, shop: ground.Shop) -> Any:
    return await inbox.wake(tx, shop.store, shop.runtime.clock() - timedelta(days=3))


async def _times(tx: db.Tx, shop: ground.Shop) -> Any:
    return await inbox.waited(tx, shop.store, shop.runtime.clock() - timedelta(days=30))


async def _talk(tx: db.Tx, shop: ground.Shop) -> Any:
    line = (await inbox.listed(tx, shop.store, Asked("waiting", 1), 1))[0]
    names = (line.contact_id,)
    await talk.before(tx, shop.store, names)
    await beside.orders(tx, shop.store, names)
    await beside.complaints(tx, shop.store, names)
    return await beside.askings(tx, shop.store, names, shop.runtime.clock())


WORKS: dict[str, Work] = {
    **{f"list: {which}": _first(which) for which in WHICH},
    "list: all, from its middle": _far,
    "tabs": _counts,
    "menu": _unread,
    "waking": _wake,
    "times of answers": _times,
    "typed: anna": _found("anna"),
    "typed: a rare name": _found("кузьменко ярослава"),
    "typed: digits": _found("4321"),
    "typed: nobody": _found("zzyx"),
    "one talk": _talk,
}


def table(found: dict[str, Any]) -> str:
    """As docs/benchmarks.md shows it."""
    title = f"{found['talks']:,} conversations, {found['span']} bucket(s)"
    lines = [f"| milliseconds, p50 / p99 / CPU p50 | {title} |", "| --- | --- |"]
    for name, one in found["took"].items():
        lines.append(f"| {name} | {one['p50_ms']} / {one['p99_ms']} / {one['p50_cpu_ms']} |")
    return "\n".join(lines)
