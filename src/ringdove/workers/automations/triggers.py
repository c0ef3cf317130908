"""Tells automations that their time has come: dates of people, a clock, purchases that are due, new
goods, a segment that somebody came into.

Once a minute, by one process at a time, all stores; what it tells are facts (`automation.due`),
answered like any other. What was missed while no worker ran is told late, as long as anybody wants
to hear it. Told twice, it is the same fact: a process may die anywhere. Switched on, an automation
counts from then.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import structlog

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records import leases
from ringdove.records.automations import automations
from ringdove.records.automations import triggers as records
from ringdove.records.automations.triggers import Mark
from ringdove.records.segments import segments as segment_records
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.rules.automations import triggers
from ringdove.rules.automations.journeys import ClockStrikes, Enters, Journey
from ringdove.rules.automations.plans import Plan, Plans
from ringdove.rules.automations.triggers import LOOKED, TIMED, Strike
from ringdove.rules.scenes import Store
from ringdove.rules.segments import segments
from ringdove.runtime import Runtime

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 60.0
# Who is in a segment is asked anew as often as it costs little: at most so much of the time.
ENTERS_SHARE: Final = 1 / 40


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Looks until told to stop, a moment after each full minute: times are told in minutes."""
    rests = Rests()
    while not stop.is_set():
        try:
            async with leases.leased(runtime.pool, "triggers", runtime.name) as lost:
                while lost is not None and not (stop.is_set() or lost.is_set()):
                    await look(runtime, rests)
                    await _next_minute(runtime, stop)
        except Exception:
            log.exception("triggers.failed")
        await _next_minute(runtime, stop)


async def _next_minute(runtime: Runtime, stop: asyncio.Event) -> None:
    wait_s = LOOK_EVERY_S - runtime.clock().timestamp() % LOOK_EVERY_S
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), wait_s)


@dataclass(slots=True)
class Rests:
    """Until when a store's segment is not asked again, by automation and bucket."""

    until: dict[tuple[int, str, int], datetime] = field(default_factory=dict)


# ------------------------------------------------------------------ one look


async def look(runtime: Runtime, rests: Rests | None = None) -> int:
    """One round over all stores; how many facts were told. A store or an automation that cannot be
    looked at stops no other (P11)."""
    told = 0
    async with db.transaction(runtime.pool) as tx:
        every = await stores.every(tx)
    for store in every:
        try:
            works = await _works(runtime, store)
        except Exception:
            log.exception("triggers.store_failed", store=store.id)
            continue
        for work in works:
            try:
                told += await _look_at(runtime, store, work, rests or Rests())
            except Exception:
                log.exception("trigger.failed", store=store.id, automation=work.journey.key)
    if told:
        log.info("triggers.told", facts=told)
    return told


class Work(NamedTuple):
    """A bucket of a store and an automation whose time may have come there."""

    journey: Journey
    bucket: int
    mark: Mark
    is_begun: bool  # the mark is kept


async def _works(runtime: Runtime, store: Store) -> list[Work]:
    async with db.transaction(runtime.pool) as tx:
        plans = await automations.plans(tx, store.id)
        on = [plan for plan in plans.newest.values() if _is_looked_after(plan)]
        if not on:
            return []
        marks, made = await records.marks(tx, store), await records.made(tx, store)
    now, found = runtime.clock(), []
    for plan in on:
        key = plan.journey.key
        since = triggers.counts_from(_history(plans, key, made.get(key, ())))
        for bucket in stores.buckets(store):
            mark = marks.get((key, bucket))
            is_begun = mark is not None and since in (None, mark.since)
            if mark is None or not is_begun:
                mark = Mark(since or now, since or now)
            found.append(Work(plan.journey, bucket, mark, is_begun))
    return found


def _is_looked_after(plan: Plan) -> bool:
    is_timed = isinstance(plan.journey.trigger, LOOKED)
    return is_timed and plan.own.is_on and not plan.own.is_gone


def _history(
    plans: Plans, key: str, made: Iterable[tuple[int, datetime]]
) -> Iterator[tuple[Plan, datetime]]:
    for version, at in made:
        if plan := plans.of(key, version):
            yield plan, at


async def _look_at(runtime: Runtime, store: Store, work: Work, rests: Rests) -> int:
    if isinstance(work.journey.trigger, Enters):
        return await _look_who_enters(runtime, store, work, work.journey.trigger, rests)
    return await _tell_times(runtime, store, work)


# ------------------------------------------------------------------ times


async def _tell_times(runtime: Runtime, store: Store, work: Work) -> int:
    journey, mark, now, told = work.journey, work.mark, runtime.clock(), 0
    trigger = journey.trigger
    assert isinstance(trigger, TIMED)
    after = triggers.looks_after(journey, mark.until, now)
    came = triggers.strikes(trigger, ZoneInfo(store.time_zone), after, now)
    for strike in came:
        told += await _tell_strike(runtime, store, work, strike)
    if came or not work.is_begun:
        until = came[-1].at if came else mark.until
        await _keep_mark(runtime, store, work, Mark(mark.since, until))
    return told


async def _tell_strike(runtime: Runtime, store: Store, work: Work, strike: Strike) -> int:
    journey, told = work.journey, 0
    async with db.transaction(runtime.pool) as reading:
        narrow = await segment_records.condition(
            reading, store, _meant(journey), runtime.clock(), "meant_"
        )
        asked = await records.ask(reading, store, journey, strike, work.mark.since)
        async for some in records.meet(reading, store, work.bucket, asked, narrow):
            batch = [
                triggers.fact_of(journey, one.contact_id, strike, one.occasion, one.category)
                for one in some
            ]
            told += await _tell(runtime, store, batch)
    return told


def _meant(journey: Journey) -> segments.Node:
    """Of whom it is told: whom the engine would turn away is not even told of."""
    asked = [journey.when or segments.EVERYBODY]
    if isinstance(journey.trigger, ClockStrikes):
        asked.append(journey.trigger.who)
    return segments.All(of=tuple(asked))


async def _tell(runtime: Runtime, store: Store, batch: Sequence[facts.Fact]) -> int:
    return await db.retried(
        runtime.pool,
        lambda tx: fact_records.write(tx, store, 0, batch, runtime.clock(), runtime.ids),
    )


async def _keep_mark(runtime: Runtime, store: Store, work: Work, mark: Mark) -> None:
    async with db.transaction(runtime.pool) as tx:
        await records.put_mark(tx, store, work.journey.key, work.bucket, mark)


# ------------------------------------------------------------------ segments


async def _look_who_enters(
    runtime: Runtime, store: Store, work: Work, trigger: Enters, rests: Rests
) -> int:
    journey, now = work.journey, runtime.clock()
    place = (store.id, journey.key, work.bucket)
    if work.is_begun and now < rests.until.get(place, now):
        return 0
    began_s = time.perf_counter()
    told = await _let_in(runtime, store, work, trigger)
    spent = timedelta(seconds=(time.perf_counter() - began_s) / ENTERS_SHARE)
    rests.until[place] = now + spent
    return told


async def _let_in(runtime: Runtime, store: Store, work: Work, trigger: Enters) -> int:
    """Who is in it when it begins is only taken note of, unless they are meant too."""
    key, now, told = work.journey.key, runtime.clock(), 0
    is_told = work.is_begun or trigger.also_now
    if not work.is_begun:
        async with db.transaction(runtime.pool) as tx:
            await records.forget_members(tx, store, key, work.bucket)
    strike = Strike(now, now.astimezone(ZoneInfo(store.time_zone)).date())
    # Begun again after a process died, it tells of the same people the same fact.
    occasion = f"{(now if work.is_begun else work.mark.since).astimezone(UTC):%Y%m%dT%H%M%S}"

    async def some(tx: db.Tx) -> int:
        meant = await segment_records.condition(tx, store, trigger.who, now, "meant_")
        came = await records.enter(tx, store, key, work.bucket, meant)
        if is_told:
            batch = [triggers.fact_of(work.journey, one, strike, occasion) for one in came]
            await fact_records.write(tx, store, 0, batch, now, runtime.ids)
        return len(came)

    while came := await db.retried(runtime.pool, some):
        told += came
        if came < records.ENTER_MAX:
            break
    if not work.is_begun:
        await _keep_mark(runtime, store, work, Mark(work.mark.since, now))
    return told if is_told else 0
