"""Rehearses automations: what each would have done with facts of the past, by the very engine (N2).

Worked on in a process of its own (`ringdove rehearsals`), so that a million facts take no time from
the texts that leave meanwhile. Facts are first put into drawers by person, on disk; then drawer
after drawer is told to the engine, some people at a time. Nothing is written but how far it is and
what came of it; what codes it would give is taken back with each page.
"""

import asyncio
import contextlib
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from ringdove.kit import db
from ringdove.kit.children import Child
from ringdove.records import leases, wants
from ringdove.records.automations import automation_rehearsals as records
from ringdove.records.automations import automations, past_facts, rehearsal_scenes
from ringdove.records.automations.automation_rehearsals import AutomationRehearsal
from ringdove.records.automations.past_facts import Past
from ringdove.records.campaigns.campaign_tries import trouble_of
from ringdove.records.segments import segments
from ringdove.records.sending import routes
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.rules.automations import rehearsal_times, rehearsing
from ringdove.rules.automations.journeys import GoodsNew
from ringdove.rules.automations.plans import Plan
from ringdove.rules.automations.rehearsal_sums import Sums
from ringdove.rules.automations.rehearsing import Happened, Rehearsal, Told
from ringdove.rules.scenes import Scene, Store
from ringdove.runtime import Runtime
from ringdove.workers.automations.drawers import Drawers

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 2.0
TELL_EVERY_S = 0.5
PEOPLE_AT_ONCE = 400
FACTS_AT_ONCE = 4_000


# ------------------------------------------------------------------ seeing to it


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Sees that the process is there when a rehearsal is asked for, until told to stop."""
    child: Child | None = None
    try:
        async with db.Bell(runtime.database_url, ["rehearsals"]) as bell:
            while not stop.is_set():
                if child and child.ended is not None:
                    child = None
                if child is None and await _is_asked(runtime):
                    environ = {
                        "RINGDOVE_DATABASE_URL": runtime.database_url,
                        "RINGDOVE_HOME": str(runtime.settings.home),
                    }
                    child = Child("rehearsals", environ)
                    log.info("rehearsals.begun", pid=child.pid)
                await _rung_or_told(bell, stop)
    finally:
        if child:
            await asyncio.to_thread(child.end)


async def _is_asked(runtime: Runtime) -> bool:
    async with db.transaction(runtime.pool) as tx:
        return bool(await records.asked(tx))


async def _rung_or_told(bell: db.Bell, stop: asyncio.Event) -> None:
    waits = [asyncio.create_task(bell.wait(LOOK_EVERY_S)), asyncio.create_task(stop.wait())]
    _, late = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for one in late:
        one.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await one


# ------------------------------------------------------------------ the process of its own


class Replaced(Exception):
    """Another rehearsal of the automation was asked for meanwhile."""


async def all_asked(runtime: Runtime, stop: asyncio.Event) -> None:
    """What the process does: all rehearsals that are asked for, one after the other; one process
    of all at a time."""
    async with leases.leased(runtime.pool, "rehearsals", runtime.name) as lost:
        while lost is not None and not (stop.is_set() or lost.is_set()):
            async with db.transaction(runtime.pool) as tx:
                waiting = await records.asked(tx)
            if not waiting:
                return
            working = asyncio.create_task(_work_on(runtime, *waiting[0]))
            ending = [asyncio.create_task(one.wait()) for one in (stop, lost)]
            await asyncio.wait([working, *ending], return_when=asyncio.FIRST_COMPLETED)
            for one in ending:
                one.cancel()
            if not working.done():  # nothing of it counts; the next process begins it anew
                working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working


async def _work_on(runtime: Runtime, store_id: int, recipe: str) -> None:
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, store_id)
        one = await records.find(tx, store, recipe) if store else None
        plans = await automations.plans(tx, store_id)
    if store is None or one is None:
        return
    telling = Telling(runtime, store, one)
    plan = plans.of(recipe, one.version)
    try:
        if plan is None:
            await telling.tell("failed", error="gone")
            return
        sums = await rehearse(runtime, store, plan, one.since, one.until, telling)
        await telling.tell("done", sums)
    except Replaced:
        pass
    except Exception as error:
        log.exception("rehearsal.broke", store=store_id, automation=recipe)
        with contextlib.suppress(Replaced):
            await telling.tell("failed", error=trouble_of(error))


class Telling:
    """How far a rehearsal is, told not too often."""

    def __init__(self, runtime: Runtime, store: Store, one: AutomationRehearsal) -> None:
        self._runtime, self._store, self._one = runtime, store, one
        self._told_at = 0.0
        self.seen = self.of_all = 0

    async def on(self, facts_seen: int) -> None:
        """So many more were gone through. Raises Replaced."""
        self.seen += facts_seen
        now = asyncio.get_running_loop().time()
        if now - self._told_at > TELL_EVERY_S:
            self._told_at = now
            await self.tell("running")

    async def tell(self, state: str, sums: Sums | None = None, error: str = "") -> None:
        """Writes how far it is. Raises Replaced."""
        result = sums.document() if sums else None
        async with db.transaction(self._runtime.pool) as tx:
            if not await records.tell(
                tx, self._store, self._one, state, self.seen, self.of_all, result, error
            ):
                raise Replaced


# ------------------------------------------------------------------ one rehearsal


async def rehearse(
    runtime: Runtime, store: Store, plan: Plan, since: datetime, until: datetime,
    telling: Telling | None = None,
) -> Sums:  # fmt: skip
    """What the automation would have done from `since` to `until`, if it had been on. Raises
    Replaced."""
    async with db.transaction(runtime.pool) as tx:
        ways = await routes.load(tx, store)
    ground = rehearsal_scenes.Ground(
        store,
        plan,
        since,
        runtime.ids,
        runtime.keyed,
        runtime.settings.outside_url,
        runtime.link_key,
        ways,
    )
    sums = Sums(store.time_zone)
    with tempfile.TemporaryDirectory(prefix="ringdove-rehearsal-") as folder:
        with Drawers(Path(folder)) as drawers:
            await _gather(runtime, store, plan, since, until, drawers, telling)
            if rehearsal_times.is_timed(plan.journey):
                await _gather_times(runtime, store, plan, since, until, drawers)
        for some in drawers.in_turn():
            for page in _pages(some):
                for one in await _told(runtime, ground, page, until, sums):
                    sums.add(one)
                if telling:
                    await telling.on(len(page))
                await asyncio.sleep(0)
    return sums


async def _gather(
    runtime: Runtime, store: Store, plan: Plan, since: datetime, until: datetime,
    drawers: Drawers, telling: Telling | None,
) -> None:  # fmt: skip
    reading = past_facts.Reading(store, rehearsing.listens_to(plan), since, until)
    if telling:
        async with db.transaction(runtime.pool) as tx:
            telling.of_all = 2 * sum([await reading.count(tx, one) for one in reading.buckets])
    for bucket in reading.buckets:
        after = 0
        while True:
            async with db.transaction(runtime.pool) as tx:
                page, n, after = await reading.page(tx, bucket, after)
            if not n:
                break
            drawers.put(page)
            if telling:
                await telling.on(2 * n - len(page))  # who is nobody's is not told to anybody
            await asyncio.sleep(0)


async def _gather_times(
    runtime: Runtime, store: Store, plan: Plan, since: datetime, until: datetime,
    drawers: Drawers,
) -> None:  # fmt: skip
    """When its time would have come for whom: what no fact of the past tells."""
    journey = plan.journey
    times = rehearsal_times.of(journey, store.time_zone, since, until)
    async with db.transaction(runtime.pool) as tx:
        trees = await segments.trees(tx, store)
        if isinstance(journey.trigger, GoodsNew):
            back = timedelta(days=journey.trigger.every_days)
            news = await past_facts.news(tx, store, since - back, until)
            times = replace(times, news=news)
    for bucket in stores.buckets(store):
        after = 0
        while True:
            async with db.transaction(runtime.pool) as tx:
                some = await past_facts.living(
                    tx, store, bucket, journey.trigger, after, PEOPLE_AT_ONCE
                )
                if not some:
                    break
                drawers.put(await past_facts.told_by_time(tx, store, times, some, trees))
            after = some[-1]
            await asyncio.sleep(0)


async def _told(
    runtime: Runtime, ground: rehearsal_scenes.Ground, page: Sequence[Past], until: datetime,
    sums: Sums,
) -> list[Happened]:  # fmt: skip
    """What would have happened to these people."""
    told = in_order(page)
    async with db.transaction(runtime.pool) as tx, tx.transaction(force_rollback=True):
        scene = await rehearsal_scenes.load(tx, ground, page, told)
        telling = _ToPeople(ground.plan, until, [o for o in told if o.person in scene.contacts])
        scene, found = await wants.decided(tx, scene, telling.tell, until, runtime.ids)
    rehearsal_scenes.learn(ground, scene)
    sums.facts += telling.heard
    sums.broken += telling.broken
    sums.people += telling.people
    return found


class _ToPeople:
    """Facts told to the engine as often as it finds something missing; only of those people for
    whom it was missing."""

    def __init__(self, plan: Plan, until: datetime, told: list[Told]) -> None:
        self._plan, self._until, self._told = plan, until, told
        self._settled: list[Happened] = []
        self.people = len({one.person for one in told})
        self.heard, self.broken = len(told), 0

    def tell(self, scene: Scene) -> list[Happened]:
        """What happened to all of them, as far as nothing is missing. Raises Wanted."""
        rehearsal = Rehearsal(scene, self._plan, self._until)
        found = list(rehearsal.tell(self._told))
        chosen, self.broken = scene.chosen, max(self.broken, rehearsal.broken)
        if not chosen.is_wanting:
            return self._settled + found
        if not chosen.offers_wanted:
            wanting = {wish.contact_id for wish in chosen.goods_wanted}
            wanting |= {wish.contact_id for wish in chosen.codes_wanted}
            self._settled += [
                one for one in found if scene.person(one.contact_id).id not in wanting
            ]
            self._told = [one for one in self._told if one.person in wanting]
        return found


def in_order(page: Iterable[Past]) -> list[Told]:
    """As they happened; an order comes before all that is said of it in the same second."""
    read = [Told(one.person, facts.read(one.body)) for one in page]
    read.sort(key=lambda one: (one.fact.at, not isinstance(one.fact, facts.OrderPlaced)))
    return read


def _pages(drawer: Iterable[Past]) -> Iterator[list[Past]]:
    """A drawer's people, some at a time, each with all of their facts."""
    of_people: dict[int, list[Past]] = defaultdict(list)
    for one in drawer:
        of_people[one.person].append(one)
    page: list[Past] = []
    people = 0
    for _, some in sorted(of_people.items()):
        page += some
        people += 1
        if people >= PEOPLE_AT_ONCE or len(page) >= FACTS_AT_ONCE:
            yield page
            page, people = [], 0
    if page:
        yield page
