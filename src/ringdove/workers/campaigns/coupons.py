"""Tells shops our codes before anybody gets them: coupons are made in batches, again until known.

A shop's file says what to ask and what the answers mean; here are only the socket, the lease (one
process at a time talks to a shop) and the pauses. A batch that was cut off is told again: what the
shop made of it is known to it already. A shop that refuses is asked ever more rarely, and the page
of the offer says why.
"""

import asyncio
import contextlib
from datetime import datetime, timedelta

import structlog
from pydantic import ValidationError

from ringdove.kit import db
from ringdove.kit.crypto import SealBroken
from ringdove.records import leases
from ringdove.records.offers import code_lists, rewards
from ringdove.records.store import connections, stores
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.scenes import Store
from ringdove.runtime import STORES, Runtime
from ringdove.stores.edge import Refusal, StoreRefused, Told, united
from ringdove.workers import sync
from ringdove.workers.sync import Ask

log = structlog.get_logger()

WAKE_EVERY_S = 10.0
PAUSE_FIRST = timedelta(seconds=30)
PAUSE_MAX = timedelta(hours=1)
BATCH_MAX = 100
BATCHES_MAX = 200  # of one offer in one turn; the next turn goes on

Failures = dict[tuple[int, int], tuple[int, datetime]]  # offer → how often, when last


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Makes coupons wherever some wait, until told to stop."""
    failures: Failures = {}
    while not stop.is_set():
        try:
            await tell_all(runtime, failures)
        except Exception:
            log.exception("coupons.failed")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), WAKE_EVERY_S)


async def tell_all(runtime: Runtime, failures: Failures, ask: Ask | None = None) -> int:
    """One turn: how many codes shops learnt."""
    now = runtime.clock()
    async with db.transaction(runtime.pool) as tx:
        due = await rewards.told_to_shops(tx)
    due = [(store_id, one) for store_id, one in due if _is_due(failures, store_id, one, now)]
    if not due:
        return 0
    learnt = 0
    async with contextlib.AsyncExitStack() as stack:
        if ask is None:
            ask = await stack.enter_async_context(sync.asker())
        for store_id, offer in due:
            n, error = await _tell(runtime, store_id, offer, ask)
            learnt += n
            times, _ = failures.pop((store_id, offer.id), (0, now))
            if error:
                failures[store_id, offer.id] = (times + 1, now)
    return learnt


def _is_due(failures: Failures, store_id: int, offer: Reward, now: datetime) -> bool:
    times, last = failures.get((store_id, offer.id), (0, now))
    return not times or now - last >= min(PAUSE_FIRST * 2 ** min(times, 10), PAUSE_MAX)


async def _tell(runtime: Runtime, store_id: int, offer: Reward, ask: Ask) -> tuple[int, str]:
    """How many codes of this offer its shop learnt, and why not all; "": all that waited."""
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, store_id)
        if store is None or not await code_lists.waiting(tx, store, offer.id, 1):
            return 0, ""
    name = f"coupons/{store_id}/{offer.connection}"
    learnt = 0
    async with leases.leased(runtime.pool, name, runtime.name) as lost:
        for _ in range(BATCHES_MAX):
            if lost is None or lost.is_set():
                return learnt, ""
            async with db.transaction(runtime.pool) as tx:
                waiting = await code_lists.waiting(tx, store, offer.id, BATCH_MAX)
            if not waiting:
                return learnt, ""
            answer = await _talk(runtime, store, offer, waiting, ask, lost)
            if answer is None:
                return learnt, ""
            async with db.transaction(runtime.pool) as tx:
                if isinstance(answer, Refusal):
                    await code_lists.delayed(tx, store, offer.id, waiting, answer.detail)
                    log.warning("coupons.refused", offer=offer.id, why=answer.slug)
                    return learnt, answer.detail
                await code_lists.told(tx, store, offer.id, answer.said)
            learnt += sum(not why for why in answer.said.values())
    return learnt, ""


async def _talk(
    runtime: Runtime, store: Store, offer: Reward, waiting: list[str], ask: Ask,
    lost: asyncio.Event,
) -> Told | Refusal | None:  # fmt: skip
    async with db.transaction(runtime.pool) as tx:
        connection = await connections.find(tx, store.id, offer.connection)
    module = STORES.get(connection.kind) if connection else None
    if connection is None or connection.paused_at or not hasattr(module, "coupons"):
        return StoreRefused("The shop is not connected any more: choose another on this page.")
    assert module is not None
    try:
        secrets = runtime.sealer.open(connection.secrets)
        settings = united(module.Settings, connection.settings, secrets, store.time_zone)
    except (SealBroken, ValidationError):
        return StoreRefused("The settings of this connection cannot be read: save them again.")
    if not settings.can_catch_up:
        return StoreRefused("The connection has no REST keys: enter keys with Read/Write.")
    talk = module.coupons(settings, offer, waiting, runtime.clock())
    answer: Told | Refusal | None = await sync.converse(talk, ask, lost)
    return answer
