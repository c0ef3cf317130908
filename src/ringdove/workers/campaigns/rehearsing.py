"""Rehearses a campaign: the very same people, decision and words as the run, only counted (N2).

Nothing is written but how far it is and what came out of it; no code is given to anybody.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from ringdove.kit import db
from ringdove.kit.buckets import INDEX_OF, id_floor
from ringdove.kit.db import Tx
from ringdove.records.campaigns import campaign_tries, rehearsals
from ringdove.records.campaigns import campaigns as records
from ringdove.records.campaigns.campaign_runs import SLICE
from ringdove.records.campaigns.rehearsals import Rehearsal
from ringdove.records.store import stores
from ringdove.rules.campaigns.campaign_decisions import Wish
from ringdove.rules.campaigns.campaign_sums import Sums
from ringdove.rules.campaigns.campaigns import Campaign
from ringdove.rules.offers import offers, rewards
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.workers.campaigns import campaigning
from ringdove.workers.campaigns.campaigning import Ground

log = structlog.get_logger(__name__)

TELL_EVERY_S = 0.5


class Replaced(Exception):
    """Another rehearsal of the campaign was asked for meanwhile."""


async def next_asked(runtime: Runtime, stop: asyncio.Event) -> bool:
    """Makes the oldest rehearsal that is asked for; False: none is."""
    async with db.transaction(runtime.pool) as tx:
        waiting = await rehearsals.asked(tx)
        if not waiting or stop.is_set():
            return False
        store_id, campaign_id = waiting[0]
        store = await stores.find(tx, store_id)
        campaign = await records.find(tx, store_id, campaign_id)
        one = await rehearsals.find(tx, store, campaign_id) if store else None
    if store is None or one is None:
        return False
    if campaign is None or campaign.version != one.version:
        await _tell(runtime, store, one, "failed", 0, error="It was changed meanwhile.")
        return True
    try:
        sums = await rehearse(runtime, store, campaign, one.clock, one)
        await _tell(runtime, store, one, "done", sums.people, sums.document(store.currency))
    except Replaced:
        pass
    except Exception as error:
        log.exception("rehearsal.broke", store=store_id, campaign=campaign_id)
        await _tell(runtime, store, one, "failed", 0, error=campaign_tries.trouble_of(error))
    return True


async def rehearse(
    runtime: Runtime, store: Store, campaign: Campaign, clock: datetime,
    told: Rehearsal | None = None,
) -> Sums:  # fmt: skip
    """What the campaign would do if it began at `clock`. `told`: the one whose progress is kept."""
    began = replace(campaign, began_at=clock, changed_at=clock)
    async with db.transaction(runtime.pool) as tx:
        ground = await campaigning.prepare(runtime, tx, store, began)
        supply = await _supply(tx, ground)
    ground.giving = supply
    sums, at = Sums(), asyncio.get_running_loop().time()
    for bucket in stores.buckets(store):
        number = id_floor(clock) | INDEX_OF[bucket]
        async for page in campaigning.decided(ground, campaigning.audience_of(ground, bucket), 0):
            ids = [number + (n << 7) for n in range(len(page.wishes))]
            for begin in range(0, len(ids), SLICE):
                some = slice(begin, begin + SLICE)
                sums.add(ground.writer.made(page.wishes[some], ids[some], page.codes))
                await asyncio.sleep(0)
            sums.people += page.seen
            if told and asyncio.get_running_loop().time() - at > TELL_EVERY_S:
                at = asyncio.get_running_loop().time()
                if not await _tell(runtime, store, told, "running", sums.people):
                    raise Replaced
    return sums


async def _tell(
    runtime: Runtime, store: Store, one: Rehearsal, state: str, seen: int,
    result: dict[str, object] | None = None, error: str = "",
) -> bool:  # fmt: skip
    async with db.transaction(runtime.pool) as tx:
        return await rehearsals.tell(tx, store, one, state, seen, result, error)


# ------------------------------------------------------------------ codes that nobody gets


async def _supply(tx: Tx, ground: Ground) -> campaigning.Giving:
    """Codes as long as those that people would get, and as many as there are."""
    offer, store, clock = ground.offer, ground.store, ground.campaign.clock
    left, listed = 0, ""
    if offer and offer.kind == "code" and offer.from_list:
        left, listed = await rehearsals.listed(tx, store, offer.id)

    async def give(_: Tx, wishes: Sequence[Wish]) -> dict[int, str]:
        nonlocal left
        if offer is None or offer.kind != "code" or not rewards.may_be_given(offer, clock):
            return {}
        people = list({wish.person.id: None for wish in wishes if wish.is_said})
        if offer.source == "common":
            return dict.fromkeys(people, offer.code)
        if not offer.from_list:
            secret = ground.runtime.keyed(store.id, f"offer/{offer.id}")
            return dict(zip(people, offers.own_codes(offer.prefix, secret, people, 0), strict=True))
        some, left = people[:left], max(0, left - len(people))
        return dict.fromkeys(some, listed)

    return give
