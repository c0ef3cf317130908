"""Answers facts: take a batch, decide, commit, in one transaction.

A fact that breaks its batch is answered alone; what still fails is tried again a few times and then
parked with its error (P11). A notice wakes the loop; without one it looks every few seconds, so
that polling alone suffices.
"""

import asyncio
import contextlib
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from pydantic import ValidationError

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.records import counters, scenes, wants
from ringdove.records import facts as fact_records
from ringdove.records.store import stores
from ringdove.rules import answers, facts
from ringdove.rules.effects import WaitFor
from ringdove.rules.scenes import Scene, Store
from ringdove.runtime import Runtime

log = structlog.get_logger()
Rows = Sequence[Mapping[str, Any]]
BATCHES = tuple(fact_records.BATCH >> n for n in range(7))  # facts of a bucket, try after try


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Answers facts until told to stop."""
    async with db.Bell(runtime.database_url, ["facts"]) as bell:
        while not stop.is_set():
            try:
                sleep_s = await answer_due(runtime)
            except Exception:
                log.exception("react.failed")
                sleep_s = 1.0
            with contextlib.suppress(TimeoutError):
                await _notice_or_stop(bell, stop, min(sleep_s, runtime.settings.idle_poll_s))


async def _notice_or_stop(bell: db.Bell, stop: asyncio.Event, timeout_s: float) -> None:
    waits = [asyncio.create_task(bell.wait(timeout_s)), asyncio.create_task(stop.wait())]
    _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()


async def answer_due(runtime: Runtime) -> float:
    """Answers all that is due; the seconds until the next fact will be."""
    horizon = timedelta(seconds=runtime.settings.idle_poll_s)
    while True:
        now = runtime.clock()
        async with db.transaction(runtime.pool) as tx:
            due = await fact_records.due(tx, now + horizon)
        batches = _round([one for one in due if one.due_at <= now])
        answered = 0
        for buckets in batches:
            answered += await answer_batch(runtime, buckets)
        if not answered:
            later = [(one.due_at - now).total_seconds() for one in due if one.due_at > now]
            return max(0.01, min(later, default=3600.0)) if not batches else 0.05


def _round(due: Sequence[fact_records.Due]) -> list[list[int]]:
    """All that happened outside, and one batch of our own timers; then it is time to look again:
    a crowd of timers in many buckets must not keep an order waiting in another."""
    outside = [one for one in due if one.urgency == 0]
    timers = [one for one in due if one.urgency > 0]
    return [*_batches(outside), *itertools.islice(_batches(timers), 1)]


def _batches(due: Iterable[fact_records.Due]) -> Iterator[list[int]]:
    """Buckets that are answered together: as many as make a batch."""
    buckets: list[int] = []
    waiting = 0
    for one in due:
        if buckets and waiting + one.facts > fact_records.BATCH:
            yield buckets
            buckets, waiting = [], 0
        buckets.append(one.bucket)
        waiting += one.facts
    if buckets:
        yield buckets


async def answer_batch(runtime: Runtime, buckets: Sequence[int]) -> int:
    """Answers one batch of these buckets; how many facts were taken. One that met the same new
    person as another process begins again with half as many: the fewer it meets, the sooner it is
    through."""
    for most in BATCHES:
        try:
            return await db.retried(
                runtime.pool, partial(_answer_together, runtime, buckets=buckets, most=most)
            )
        except _Poison as poison:
            rows = poison.rows
            break
        except UniqueViolation:
            continue
    else:  # again and again: no race of two batches, but poison like any other
        async with db.transaction(runtime.pool) as tx:
            rows = await fact_records.take_from(tx, buckets, runtime.clock(), BATCHES[-1])
    for row in rows:
        await _answer_alone(runtime, row)
    return len(rows)


class _Poison(Exception):
    """Some fact of this batch breaks it: all of them are answered one by one."""

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        self.rows = rows


async def _answer_together(
    runtime: Runtime, tx: AsyncConnection[Any], *, buckets: Sequence[int], most: int
) -> int:
    rows = await fact_records.take_from(tx, buckets, runtime.clock(), most)
    by_store: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_store[row["store_id"]].append(row)
    for store_id, some in by_store.items():
        store = await stores.find(tx, store_id)
        if store is None:
            raise _Poison(rows)
        try:
            waiting = await _answer(runtime, tx, store, some)
        except (UniqueViolation, _Poison):
            raise
        except Exception as error:
            if isinstance(error, psycopg.Error) and db.is_curable(error):
                raise
            log.warning("react.batch_broken", buckets=buckets, facts=len(rows), error=repr(error))
            raise _Poison(rows) from error
        done = [row["fact_id"] for row in some if row["fact_id"] not in waiting]
        await fact_records.done(tx, store_id, done)
        for row in some:
            if subject := waiting.get(row["fact_id"]):
                await fact_records.postpone(
                    tx, row, runtime.clock(), f"waits for {subject}", subject
                )
    return len(rows)


async def _answer(
    runtime: Runtime, tx: AsyncConnection[Any], store: Store, rows: Rows
) -> dict[int, str]:
    """Answers facts of one store; those that wait for something are left out: {fact id: what}."""
    now = runtime.clock()
    read = {id(fact): (fact, row) for fact, row in ((facts.read(r["body"]), r) for r in rows)}
    batch = answers.in_order([fact for fact, _ in read.values()])
    down_before = now - timedelta(seconds=runtime.settings.reroute_after_s)
    loaded = await scenes.load(
        tx, store, batch, runtime.ids, runtime.keyed, down_before,
        address=runtime.settings.outside_url, link_key=runtime.link_key,
    )  # fmt: skip
    await wants.foresee(tx, loaded, batch)
    scene, waiting = await wants.decided(
        tx, loaded, lambda scene: _answered(scene, batch, read, now), now, runtime.ids
    )
    await scenes.commit(tx, scene, now, runtime.ids)
    return waiting


def _answered(
    scene: Scene,
    batch: Sequence[facts.Fact],
    read: Mapping[int, tuple[facts.Fact, Mapping[str, Any]]],
    now: datetime,
) -> dict[int, str]:
    waiting: dict[int, str] = {}
    for fact in batch:
        scene.told_by = read[id(fact)][1]["connection_id"]
        try:
            answers.answer(scene, fact, now)
        except WaitFor as wait:
            waiting[read[id(fact)][1]["fact_id"]] = wait.subject
    return waiting


async def _answer_alone(runtime: Runtime, taken: Mapping[str, Any]) -> None:
    """One fact in a transaction of its own; its error is written down where a person sees it."""

    async def work(tx: AsyncConnection[Any]) -> None:
        row = await fact_records.take_one(tx, taken["store_id"], taken["fact_id"])
        store = await stores.find(tx, taken["store_id"])
        if row is None:
            return
        if store is None:
            raise LookupError(f"store {taken['store_id']} is gone")
        waiting = await _answer(runtime, tx, store, [row])
        if subject := waiting.get(row["fact_id"]):
            await fact_records.postpone(tx, row, runtime.clock(), f"waits for {subject}", subject)
        else:
            await fact_records.done(tx, store.id, [row["fact_id"]])

    try:
        await db.retried(runtime.pool, work, also=(UniqueViolation,))
    except Exception as error:
        await _put_aside(runtime, taken, _in_words(error))


async def _put_aside(runtime: Runtime, taken: Mapping[str, Any], error: str) -> None:
    now = runtime.clock()
    async with db.transaction(runtime.pool) as tx:
        parked = await fact_records.postpone(tx, taken, now, error)
        store = await stores.find(tx, taken["store_id"])
        if parked and store:
            await counters.add(tx, store, now, {"parked": 1}, bucket_of_id(taken["fact_id"]))
            await db.notify(tx, "live", str(store.id))
    log.warning("react.fact_set_aside", fact=taken["fact_id"], parked=parked, error=error)


def _in_words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(str(step) for step in e['loc'])}: {e['msg']}" for e in error.errors()[:5]
        )
    return f"{type(error).__name__}: {error}"
