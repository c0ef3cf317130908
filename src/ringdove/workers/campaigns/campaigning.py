"""One campaign's work: gathers its people, decides, writes their texts into the outbox.

It runs in a process of its own (workers/campaigns/campaigns.py). Of each bucket people are read and
decided on one connection while the page before is written on another, so that PostgreSQL and Python
work side by side; two buckets are under way at once. Behind every page stands a checkpoint: whoever
begins anew goes on there. What one page holds is all that is in memory.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from ringdove.kit import db
from ringdove.kit.db import Tx
from ringdove.records.campaigns import audiences, campaign_runs
from ringdove.records.campaigns.campaign_lines import Lines
from ringdove.records.campaigns.campaign_runs import Overtaken
from ringdove.records.offers import codes, rewards
from ringdove.records.segments import segments as segment_records
from ringdove.records.sending import routes
from ringdove.records.store import stores
from ringdove.records.surveys import surveys
from ringdove.rules.campaigns.campaign_decisions import Decider, Wish
from ringdove.rules.campaigns.campaign_texts import Writer
from ringdove.rules.campaigns.campaigns import Campaign
from ringdove.rules.campaigns.lots import Lots
from ringdove.rules.campaigns.schedules import Schedule
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.scenes import Store
from ringdove.rules.segments import segments
from ringdove.runtime import Runtime

log = structlog.get_logger(__name__)

TRACKS = 2  # buckets at once


# Gives codes of the offer to those who are spoken to: by person.
Giving = Callable[[Tx, Sequence[Wish]], Awaitable[dict[int, str]]]


@dataclass(slots=True)
class Ground:
    """All that the pages of one campaign share."""

    runtime: Runtime
    store: Store
    campaign: Campaign
    decider: Decider
    writer: Writer
    condition: segment_records.Condition | None
    offer: Reward | None
    giving: Giving | None = None  # in a rehearsal: of codes that nobody gets

    async def codes(self, tx: Tx, wishes: Sequence[Wish]) -> dict[int, str]:
        """Of the offer, for those who are spoken to; given now, the same again when asked again."""
        if self.offer is None or not self.writer.asks_code:
            return {}
        if self.giving:
            return await self.giving(tx, wishes)
        people = list({wish.person.id: None for wish in wishes if wish.is_said})
        found = await codes.for_page(
            tx, self.store, self.offer, people, self.campaign.clock,
            partial(self.runtime.keyed, self.store.id), self.runtime.ids,
        )  # fmt: skip
        return dict(zip(people, found, strict=True))


async def prepare(runtime: Runtime, tx: Tx, store: Store, campaign: Campaign) -> Ground:
    """Reads what all pages need."""
    plan, clock = campaign.plan, campaign.clock
    keyed = partial(runtime.keyed, store.id)
    offer = await rewards.find(tx, store.id, plan.offer) if plan.offer else None
    writer = Writer(
        store,
        plan,
        runtime.settings.outside_url,
        runtime.link_key,
        keyed,
        offer,
        clock,
        (await surveys.load(tx, store.id)).get(plan.survey) if plan.survey else None,
    )
    shop_hour = (
        await audiences.shop_hour(tx, store, clock) if plan.when.mode == "own_hour" else None
    )
    decider = Decider(
        store, plan,
        Schedule(
            plan.when, store.time_zone, clock, shop_hour, offer.ends(clock) if offer else None
        ),
        lots_of(runtime, store, campaign),
        await routes.load(tx, store, runtime.clock()), clock, frozenset(writer.words),
    )  # fmt: skip
    return Ground(
        runtime, store, campaign, decider, writer, await condition_of(tx, store, campaign), offer
    )


def lots_of(runtime: Runtime, store: Store, campaign: Campaign) -> Lots:
    """Who is held out, and who gets which variant."""
    keys = [
        bytes.fromhex(runtime.keyed(store.id, what)[:64])
        for what in ("holdout", f"campaign/{campaign.id}")
    ]
    shares = [one.share for one in campaign.plan.variants]
    return Lots(keys[0], keys[1], campaign.plan.holdout_percent, shares)


async def condition_of(
    tx: Tx, store: Store, campaign: Campaign
) -> segment_records.Condition | None:
    """Who is meant, at the moment when it began; None: everybody."""
    plan = campaign.plan
    if plan.audience == segments.EVERYBODY and plan.without is None:
        return None
    tree: segments.Node = plan.audience
    if plan.without is not None:
        tree = segments.All(of=(plan.audience, segments.Not(of=plan.without)))
    began_at = campaign.began_at or campaign.clock
    return await segment_records.condition(tx, store, tree, began_at)


# ------------------------------------------------------------------ gathering


@dataclass(slots=True)
class Decided:
    """A page whose people are decided and whose codes are given; its texts are to be written."""

    first: int
    next_id: int | None
    seen: int
    wishes: list[Wish]
    codes: Mapping[int, str]


async def gather(runtime: Runtime, store: Store, campaign: Campaign) -> bool:
    """Goes on with a running campaign until all its people were gone through; False: somebody else
    does, or it may not go on. Its lease is the caller's."""
    async with db.transaction(runtime.pool) as tx:
        ground = await prepare(runtime, tx, store, campaign)
        runs = await campaign_runs.of_campaign(tx, store, campaign.id)
    left = [one for one in stores.buckets(store) if one not in runs or not runs[one].is_done]
    is_ours = True
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(TRACKS, len(left))):
                group.create_task(_track(ground, left))
    except* Overtaken:
        is_ours = False
    return is_ours


async def _track(ground: Ground, left: list[int]) -> None:
    while left:
        await _bucket(ground, left.pop())


async def _bucket(ground: Ground, bucket: int) -> None:
    runtime, store, campaign = ground.runtime, ground.store, ground.campaign
    audience = audience_of(ground, bucket)
    async with db.transaction(runtime.pool) as tx:
        runs = await campaign_runs.of_campaign(tx, store, campaign.id)
        if bucket not in runs:
            total = await audience.total(tx)
            await campaign_runs.start(tx, store, campaign, bucket, total, runtime.clock())
    first = runs[bucket].next_id if bucket in runs else 0
    own_hours = str(ground.decider.part or "")
    lines = Lines(store, campaign, bucket, own_hours, campaign.clock)
    # The next page is read while this one is written. Whatever ends the writing waits for that
    # page: a task that sits in a statement can miss its cancel (wait_for of Python 3.11).
    pages = decided(ground, audience, first)
    ahead = asyncio.create_task(_next(pages))
    try:
        while page := await ahead:
            ahead = asyncio.create_task(_next(pages))
            await _write(ground, lines, page)
    finally:
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)


async def _next(pages: AsyncIterator[Decided]) -> Decided | None:
    return await anext(pages, None)


def audience_of(ground: Ground, bucket: int) -> audiences.Audience:
    """The campaign's people in a bucket."""
    campaign = ground.campaign
    return audiences.Audience(
        ground.store, campaign.plan, bucket, campaign.began_at or campaign.clock, campaign.clock,
        ground.condition, ground.writer.asks_fields,
    )  # fmt: skip


async def decided(
    ground: Ground, audience: audiences.Audience, first: int
) -> AsyncIterator[Decided]:
    """Page by page from an id on: people, the decision, codes."""
    runtime, next_id = ground.runtime, first
    while True:
        async with db.transaction(runtime.pool) as tx:
            page = await audience.page(tx, next_id, runtime.settings.campaign_page)
            wishes: list[Wish] = []
            for begin in range(0, len(page.people), campaign_runs.SLICE):
                wishes += ground.decider.decide(page.people[begin : begin + campaign_runs.SLICE])
                await asyncio.sleep(0)  # what is written meanwhile goes on
            given = await ground.codes(tx, wishes)
        yield Decided(next_id, page.next_id, page.seen, wishes, given)
        if page.next_id is None:
            return
        next_id = page.next_id


async def _write(ground: Ground, lines: Lines, page: Decided) -> None:
    runtime = ground.runtime
    ids = runtime.ids.make_many(lines.bucket, len(page.wishes))

    async def work(tx: Tx) -> None:
        await campaign_runs.hold(tx, ground.store, ground.campaign, lines.bucket, page.first)
        await campaign_runs.put(
            tx, lines, ground.writer, page.wishes, ids, page.codes, page.seen, page.next_id,
            runtime.clock(),
        )  # fmt: skip

    await db.retried(runtime.pool, work)
