"""What still waits of a campaign is said anew after its plan was changed: other words, links, time.

The message keeps its id, so its links stay, and a person keeps the code that they have. Whom the
new plan leaves out gets the reason. Page by page behind a checkpoint; only then what was held is
let go, and people who were not gathered yet get the new plan. What is on its way to a gateway when
this begins leaves as it is; a bucket waits until it has, since it may come back.
"""

import structlog

from ringdove.kit import db
from ringdove.kit.db import Tx
from ringdove.records.campaigns import campaign_remaking, campaign_runs
from ringdove.records.surveys import survey_askings
from ringdove.rules.campaigns.campaign_texts import Made
from ringdove.rules.campaigns.campaigns import Campaign
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.workers.campaigns import campaigning
from ringdove.workers.campaigns.campaigning import Ground

log = structlog.get_logger(__name__)


async def remake(runtime: Runtime, store: Store, campaign: Campaign) -> None:
    """All that waits gets the words of the campaign's version. Its lease is the caller's."""
    async with db.transaction(runtime.pool) as tx:
        runs = await campaign_runs.of_campaign(tx, store, campaign.id)
        old = [run for run in runs.values() if run.version != campaign.version]
        if not old:
            return
        ground = await campaigning.prepare(runtime, tx, store, campaign)
        free = [
            run.bucket
            for run in old
            if not await campaign_remaking.is_being_said(tx, store, campaign, run.bucket)
        ]
    for bucket in free:
        while True:
            async with db.transaction(runtime.pool) as tx:
                if not await _page(tx, ground, bucket):
                    break
    log.info("campaign.remade", store=store.id, campaign=campaign.id, version=campaign.version)


async def _page(tx: Tx, ground: Ground, bucket: int) -> bool:
    """A page of what waits; False: that was all, and the bucket goes on by the new version."""
    store, campaign = ground.store, ground.campaign
    waiting = await campaign_remaking.some(tx, store, campaign, bucket)
    if not waiting:
        await campaign_remaking.done(tx, store, campaign, bucket, ground.runtime.clock())
        return False
    audience = campaigning.audience_of(ground, bucket)
    people = await audience.people(tx, sorted({one.contact_id for one in waiting}))
    wishes = {(wish.person.id, wish.channel): wish for wish in ground.decider.decide(people)}
    there = [one for one in waiting if (one.contact_id, one.channel) in wishes]
    of_each = [wishes[one.contact_id, one.channel] for one in there]
    codes = await ground.codes(tx, of_each)
    made: list[Made] = list(ground.writer.made(of_each, [one.id for one in there], codes))
    gone = [one.id for one in waiting if (one.contact_id, one.channel) not in wishes]
    await campaign_remaking.put(
        tx, store, campaign, bucket, made, gone, waiting[-1].id, ground.runtime.clock(),
        str(ground.decider.part or ""),
    )  # fmt: skip
    ends = (waiting[0].id, waiting[-1].id)
    await survey_askings.of_page(tx, store, campaign.id, bucket, ends, ground.writer)
    return True
