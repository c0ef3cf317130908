"""Sees that campaigns begin, go on and end: by one process at a time, a look every second.

Beginning, holding, letting go, taking back and stopping are small and done here; people are
gathered in a process of their own (`ringdove campaigns`), so that a million of them take no time
from the texts that leave meanwhile. Killed, that process is begun again by the next look.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg
import structlog

from ringdove.kit import db
from ringdove.kit.children import Child
from ringdove.records import leases
from ringdove.records.campaigns import (
    campaign_runs,
    campaign_stops,
    campaign_tries,
    campaign_waiting,
    rehearsals,
)
from ringdove.records.campaigns import campaigns as records
from ringdove.records.campaigns.campaign_runs import Checkpoint
from ringdove.records.store import stores
from ringdove.rules.campaigns.campaigns import TRIES_MAX, Campaign, may_be_tried
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.workers.campaigns import campaigning, campaigns_remade, rehearsing

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
STOPS_EVERY = 5  # looks: whether goods are sold out
AGAIN_AFTER = 3  # looks, when the process of its own has ended

Row = Mapping[str, Any]


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Looks until told to stop."""
    child = _Gatherer(runtime)
    try:
        async with db.Bell(runtime.database_url, ["campaigns"]) as bell:
            while not stop.is_set():
                async with leases.leased(runtime.pool, "campaigns", runtime.name) as lost:
                    if lost is not None:
                        await _lead(runtime, child, bell, stop, lost)
                await _rung_or_told(bell, stop)
    finally:
        await child.end()


async def _lead(
    runtime: Runtime, child: "_Gatherer", bell: db.Bell, stop: asyncio.Event, lost: asyncio.Event
) -> None:
    """Looks while the lease is ours."""
    looks = 0
    while not (stop.is_set() or lost.is_set()):
        looks += 1
        await child.see(await look(runtime, with_stops=looks % STOPS_EVERY == 0))
        await _rung_or_told(bell, stop)


class _Gatherer:
    """The process that gathers people; at most one."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._child: Child | None = None
        self._rest = 0  # looks until another one may be begun

    async def see(self, is_busy: bool) -> None:
        """Begins it when there is work and none is under way."""
        self._rest = max(0, self._rest - 1)
        if self._child and self._child.ended is not None:
            await self.end()
            self._rest = AGAIN_AFTER
        if self._child is None and is_busy and not self._rest:
            self._child = Child("campaigns", _environ(self._runtime))
            log.info("campaigns.begun", pid=self._child.pid)

    async def end(self) -> None:
        """Waits until it has finished what it holds."""
        if self._child:
            await asyncio.to_thread(self._child.end)
            self._child = None


def _environ(runtime: Runtime) -> dict[str, str]:
    settings = runtime.settings
    return {"RINGDOVE_DATABASE_URL": runtime.database_url, "RINGDOVE_HOME": str(settings.home)}


async def _rung_or_told(bell: db.Bell, stop: asyncio.Event) -> None:
    waits = [asyncio.create_task(bell.wait(LOOK_EVERY_S)), asyncio.create_task(stop.wait())]
    _, late = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for one in late:
        one.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await one


# ------------------------------------------------------------------ one look


async def look(runtime: Runtime, with_stops: bool = True) -> bool:
    """One round over all campaigns that are under way: whether people are to be gathered, or a
    rehearsal is asked for."""
    now = runtime.clock()
    async with db.transaction(runtime.pool) as tx:
        rows = await campaign_runs.under_way(tx, now)
        is_busy = bool(await rehearsals.asked(tx))
    for row in rows:
        if not _may_go_on(row, now):
            continue
        try:
            is_busy |= await _look_at(runtime, row, with_stops)
        except Exception as error:  # the others go on
            log.exception("campaign.look_failed", store=row["store_id"], campaign=row["id"])
            await _look_failed(runtime, row, error)
    return is_busy


def _may_go_on(row: Row, now: datetime) -> bool:
    """Whether it does not rest after a try that came to nothing; a pause and an end never do."""
    is_ahead = row["state"] in ("scheduled", "running")
    return not is_ahead or may_be_tried(row["tries"], row["tried_at"], now)


async def _look_failed(runtime: Runtime, row: Row, error: Exception) -> None:
    if row["state"] not in ("scheduled", "running"):
        return
    with contextlib.suppress(psycopg.Error, records.CampaignRefused):  # the next look comes
        async with db.transaction(runtime.pool) as tx:
            store, now = await stores.find(tx, row["store_id"]), runtime.clock()
            if store is None:
                return
            tries = await campaign_tries.begin(tx, store, row["id"], now)
            if tries >= TRIES_MAX and row["state"] == "scheduled":
                await records.move(tx, store.id, row["id"], "running", now)
            await _tried(tx, store, row["id"], tries, campaign_tries.trouble_of(error), now)


async def _tried(
    tx: db.Tx, store: Store, campaign_id: int, tries: int, trouble: str, now: datetime
) -> bool:
    """A try came to nothing: whether it may be tried again. Else it is paused and says why."""
    if tries < TRIES_MAX:
        await campaign_tries.failed(tx, store, campaign_id, trouble)
        return True
    await records.pause(tx, store.id, campaign_id, now, f"no_headway: {trouble}")
    log.error("campaign.no_headway", store=store.id, campaign=campaign_id, trouble=trouble)
    return False


async def _look_at(runtime: Runtime, row: Row, with_stops: bool) -> bool:
    now = runtime.clock()
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, row["store_id"])
        campaign = await records.find(tx, row["store_id"], row["id"])
        if store is None or campaign is None:
            return False
        if campaign.state == "scheduled":
            if campaign.begin_at and campaign.begin_at <= now:
                await records.move(tx, store.id, campaign.id, "running", now)
                log.info("campaign.began", store=store.id, campaign=campaign.id)
                begun = await records.find(tx, store.id, campaign.id)
                if begun and (why := await campaign_stops.reached(tx, store, begun)):
                    await records.move(tx, store.id, campaign.id, "sold_out", now, why)
                    return False
                return True
            return False
        if with_stops and campaign.state in ("running", "paused") and campaign.plan.stop:
            if why := await campaign_stops.reached(tx, store, campaign):
                await records.move(tx, store.id, campaign.id, "sold_out", now, why)
                return False
        runs = await campaign_runs.of_campaign(tx, store, campaign.id)
    match campaign.state:
        case "running":
            return await _go_on(runtime, store, campaign, runs)
        case "paused":
            await _hold(runtime, store, campaign, runs)
        case "cancelled" | "sold_out":
            await _take_back(runtime, store, campaign, runs)
    return False


async def _go_on(
    runtime: Runtime, store: Store, campaign: Campaign, runs: Mapping[int, Checkpoint]
) -> bool:
    """Whether people are still to be gathered, or texts to be made anew."""
    if any(run.version != campaign.version for run in runs.values()):
        return True
    for run in runs.values():
        if run.is_held:
            await _let_go(runtime, store, campaign, run)
    if len(runs) < len(stores.buckets(store)) or not all(run.is_done for run in runs.values()):
        return True
    async with db.transaction(runtime.pool) as tx:
        for run in runs.values():
            if await campaign_waiting.is_left(tx, _stretch(store, campaign, run)):
                return False
        await records.move(tx, store.id, campaign.id, "done", runtime.clock())
    log.info("campaign.done", store=store.id, campaign=campaign.id)
    return False


async def _hold(
    runtime: Runtime, store: Store, campaign: Campaign, runs: Mapping[int, Checkpoint]
) -> None:
    for run in runs.values():
        while not run.is_held:
            async with db.transaction(runtime.pool) as tx:
                if not await _is_still(tx, store, campaign):
                    return
                where = _stretch(store, campaign, run)
                if not await campaign_waiting.hold(tx, where, runtime.clock()):
                    await campaign_runs.say_held(tx, store, campaign.id, run.bucket, True)
                    break


async def _let_go(runtime: Runtime, store: Store, campaign: Campaign, run: Checkpoint) -> None:
    while True:
        async with db.transaction(runtime.pool) as tx:
            if not await _is_still(tx, store, campaign):
                return
            where = _stretch(store, campaign, run)
            if not await campaign_waiting.let_go(tx, where, runtime.clock()):
                await campaign_runs.say_held(tx, store, campaign.id, run.bucket, False)
                return


async def _is_still(tx: db.Tx, store: Store, campaign: Campaign) -> bool:
    """Whether its state is what we go by; until the transaction ends it stays so."""
    return await records.is_in(tx, store.id, campaign.id, campaign.state)


async def _take_back(
    runtime: Runtime, store: Store, campaign: Campaign, runs: Mapping[int, Checkpoint]
) -> None:
    reason = campaign_waiting.ENDED[campaign.state]
    for run in runs.values():
        if run.is_taken_back:
            continue
        async with db.transaction(runtime.pool) as tx:
            await campaign_runs.end(tx, store, campaign.id, run.bucket)
            runs_now = await campaign_runs.of_campaign(tx, store, campaign.id)
        where = _stretch(store, campaign, runs_now[run.bucket])
        while True:
            async with db.transaction(runtime.pool) as tx:
                now = runtime.clock()
                if not await campaign_waiting.take_back(tx, store, where, reason, now):
                    await campaign_runs.say_taken_back(tx, store, campaign.id, run.bucket, now)
                    break


def _stretch(store: Store, campaign: Campaign, run: Checkpoint) -> dict[str, Any]:
    return campaign_waiting.stretch(
        store, campaign.id, run.bucket, run.first_message, run.last_message
    )


# ------------------------------------------------------------------ the process of its own


async def all_due(runtime: Runtime, stop: asyncio.Event) -> None:
    """What the process of its own does: rehearsals first, since somebody waits for them, then all
    campaigns that gather, until nothing is left to do."""
    tried: set[tuple[int, int]] = set()
    while not stop.is_set():
        if await rehearsing.next_asked(runtime, stop):
            continue
        now = runtime.clock()
        async with db.transaction(runtime.pool) as tx:
            rows = await campaign_runs.under_way(tx, now)
        due = [
            (row["store_id"], row["id"])
            for row in rows
            if row["state"] == "running" and _may_go_on(row, now)
            and (row["store_id"], row["id"]) not in tried
        ]  # fmt: skip
        if not due:
            return
        tried.add(due[0])
        working = asyncio.create_task(work_on(runtime, *due[0]))
        ending = asyncio.create_task(stop.wait())
        await asyncio.wait([working, ending], return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not working.done():  # the page at hand is not written: it comes again
            working.cancel()
        try:
            await working
        except asyncio.CancelledError:
            pass
        except Exception:  # it may pass, and comes again; the others go on (P11)
            log.exception("campaign.work_failed", store=due[0][0], campaign=due[0][1])


async def work_on(runtime: Runtime, store_id: int, campaign_id: int) -> None:
    """One campaign, as far as it goes now; by one process at a time. What is wrong with itself
    pauses it and stops nothing else (P11)."""
    async with leases.leased(
        runtime.pool, f"campaign/{store_id}/{campaign_id}", runtime.name
    ) as at:
        if at is None:
            return
        async with db.transaction(runtime.pool) as tx:
            store = await stores.find(tx, store_id)
            campaign = await records.find(tx, store_id, campaign_id)
        if store is None or campaign is None or campaign.state != "running":
            return
        working = asyncio.create_task(_work(runtime, store, campaign))
        losing = asyncio.create_task(at.wait())
        await asyncio.wait([working, losing], return_when=asyncio.FIRST_COMPLETED)
        losing.cancel()
        if not working.done():
            working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working


async def _work(runtime: Runtime, store: Store, campaign: Campaign) -> None:
    now = runtime.clock()
    async with db.transaction(runtime.pool) as tx:
        tries = await campaign_tries.begin(tx, store, campaign.id, now)
        if tries > TRIES_MAX:  # the processes that tried it are gone, and said nothing
            trouble = campaign.trouble or "process_ended"
            with contextlib.suppress(records.CampaignRefused):
                await _tried(tx, store, campaign.id, tries, trouble, now)
            return
    try:
        await campaigns_remade.remake(runtime, store, campaign)
        await campaigning.gather(runtime, store, campaign)
    except Exception as error:
        if await _stumbled(runtime, store, campaign, tries, error):
            raise
    else:
        async with db.transaction(runtime.pool) as tx:
            await campaign_tries.went(tx, store, campaign.id)


async def _stumbled(
    runtime: Runtime, store: Store, campaign: Campaign, tries: int, error: Exception
) -> bool:
    """Whether it is tried again; what is wrong by itself pauses it at once."""
    trouble, now = campaign_tries.trouble_of(error), runtime.clock()
    async with db.transaction(runtime.pool) as tx:
        with contextlib.suppress(records.CampaignRefused):
            if _may_pass(error):
                return await _tried(tx, store, campaign.id, tries, trouble, now)
            log.error("campaign.broke", store=store.id, campaign=campaign.id, exc_info=error)
            await records.pause(tx, store.id, campaign.id, now, f"broke: {trouble}")
    return False


def _may_pass(error: Exception) -> bool:
    """Whether the same may succeed later: the database was away; also of what tasks raised."""
    if isinstance(error, ExceptionGroup):
        return all(_may_pass(one) for one in error.exceptions)
    return db.may_pass(error)
