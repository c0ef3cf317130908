"""Tells automations whose wishes can be granted: goods that are there again, or cost less (R62).

A few times a minute, by one process at a time. Nobody is told more than once for one wish, and no
more people than there are pieces: what is granted and the facts that say so (`automation.due`) are
one transaction. While no automation that would say it is on, wishes wait.
"""

import asyncio
import contextlib
from datetime import datetime, timedelta
from typing import Final

import structlog

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records import leases
from ringdove.records.automations import automations, wishes
from ringdove.records.automations.wishes import GRANT_MAX, Granted
from ringdove.records.store import stores
from ringdove.rules.automations.journeys import WishGranted
from ringdove.rules.automations.plans import Plans
from ringdove.rules.facts import DueCame
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 20.0
FORGET_EVERY: Final = timedelta(hours=1)
ROUNDS_MAX: Final = 50  # of one store in one look


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Looks until told to stop."""
    while not stop.is_set():
        try:
            async with leases.leased(runtime.pool, "wishes", runtime.name) as lost:
                forget_at = runtime.clock()
                while lost is not None and not (stop.is_set() or lost.is_set()):
                    is_time = runtime.clock() >= forget_at
                    forget_at += FORGET_EVERY if is_time else timedelta(0)
                    await look(runtime, forget=is_time)
                    await _rest(stop)
        except Exception:
            log.exception("wishes.failed")
        await _rest(stop)


async def _rest(stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)


async def look(runtime: Runtime, *, forget: bool = False) -> int:
    """One round over all stores; how many wishes were granted. A store that cannot be looked at
    stops no other (P11)."""
    granted = 0
    async with db.transaction(runtime.pool) as tx:
        every = await stores.every(tx)
    for store in every:
        try:
            granted += await _grant_all(runtime, store)
            if forget:
                async with db.transaction(runtime.pool) as tx:
                    await wishes.forget_old(tx, store, runtime.clock())
        except Exception:
            log.exception("wishes.store_failed", store=store.id)
    if granted:
        log.info("wishes.granted", wishes=granted)
    return granted


async def _grant_all(runtime: Runtime, store: Store) -> int:
    granted = 0
    for _ in range(ROUNDS_MAX):
        found, is_done = await db.retried(runtime.pool, lambda tx: _grant(runtime, store, tx))
        granted += found
        if is_done:
            break
    return granted


async def _grant(runtime: Runtime, store: Store, tx: db.Tx) -> tuple[int, bool]:
    """Some of them; and whether that was all."""
    now = runtime.clock()
    by_kind = told_by(await automations.plans(tx, store.id))
    kinds = sorted(by_kind)
    if not kinds:
        return 0, True
    rooms = await wishes.grantable(tx, store, kinds, now)
    some = await wishes.first(tx, store, rooms, kinds, now)
    over = await wishes.bought(tx, store, some)
    granted = await wishes.grant(tx, store, [one for one in some if one.id not in over], now)
    told = [_fact(key, one, now) for one in granted for key in by_kind[one.kind]]
    await fact_records.write(tx, store, 0, told, now, runtime.ids)
    return len(granted), not over and len(some) < GRANT_MAX


def told_by(plans: Plans) -> dict[str, list[str]]:
    """By kind of wish, the automations that are on and say that it is granted."""
    found: dict[str, list[str]] = {}
    for key, plan in plans.newest.items():
        trigger = plan.journey.trigger
        if isinstance(trigger, WishGranted) and plan.own.is_on and not plan.own.is_gone:
            found.setdefault(trigger.wish, []).append(key)
    return found


def _fact(key: str, one: Granted, now: datetime) -> DueCame:
    return DueCame(
        id=f"due/{key}/{one.occasion}", at=now, automation=key, contact=one.contact_id,
        occasion=one.occasion, sku=one.sku, category=one.category,
    )  # fmt: skip
