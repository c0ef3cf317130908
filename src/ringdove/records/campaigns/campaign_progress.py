"""How far a campaign is, from its checkpoints and the outbox: sending itself counts nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records.campaigns.campaign_waiting import ENDED, FAR
from ringdove.rules.campaigns.campaigns import Campaign
from ringdove.rules.scenes import Store

RUNS = """
SELECT r.bucket, r.first_message, r.last_message, r.is_done, r.total, r.counts, r.changed_at
FROM campaign_run r
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
  AND r.campaign_id = %(campaign_id)s
"""
# What waits is counted, what went is what was queued and waits no more: sending counts nothing.
WAITING = """
SELECT count(*)::integer AS n, min(o.due_at) AS next_at FROM outbox o
WHERE o.bucket = %(bucket)s AND o.store_id = %(store_id)s
  AND o.message_id >= %(first)s AND o.message_id <= %(last)s AND o.campaign_id = %(campaign_id)s
"""
# Only of a campaign that was ended: it reads all of its messages.
TAKEN_BACK = """
SELECT count(*)::integer AS n FROM message m
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.campaign_id = %(campaign_id)s
  AND m.id >= %(first)s AND m.id <= %(last)s
  AND m.state = 'dropped' AND m.reason = ANY(%(ended)s::text[])
"""
QUEUED = "queued"  # in counts: variant/queued, variant/<reason of a silence>


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a campaign is. People: of the whole store, as they are gone through."""

    people_total: int
    people_done: int
    is_gathered: bool  # all of them were gone through
    queued: int  # texts and letters made so far
    waiting: int  # of them not yet sent
    left_out: int  # silences with a reason
    reasons: dict[str, int]  # of the silences
    per_second: float  # people gone through while gathering, then texts gone
    next_at: datetime | None = None  # when the first of those that wait is due; None: held
    taken_back: int = 0  # of those queued, when the campaign was ended before they left

    @property
    def gone(self) -> int:
        """Sent, or dropped at the last moment."""
        return self.queued - self.waiting - self.taken_back


async def of(tx: Tx, store: Store, campaign: Campaign) -> Progress:
    """How far it is, from its checkpoints and the outbox."""
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    given = {"buckets": buckets, "store_id": store.id, "campaign_id": campaign.id}
    runs = await (await tx.execute(RUNS, given)).fetchall()
    waiting = queued = done = taken_back = 0
    reasons: dict[str, int] = {}
    due: list[datetime] = []
    for run in runs:
        done += run["counts"].get("people", 0)
        for name, n in run["counts"].items():
            _, _, what = name.partition("/")
            if what == QUEUED:
                queued += n
            elif what:
                reasons[what] = reasons.get(what, 0) + n
        if run["first_message"] is not None:
            about = given | {
                "bucket": run["bucket"], "first": run["first_message"],
                "last": run["last_message"],
            }  # fmt: skip
            row = await (await tx.execute(WAITING, about)).fetchone()
            waiting += row["n"] if row else 0
            due += [row["next_at"]] if row and row["next_at"] else []
            if campaign.state in ENDED:
                about["ended"] = db.words(list(ENDED.values()))
                row = await (await tx.execute(TAKEN_BACK, about)).fetchone()
                taken_back += row["n"] if row else 0
    is_gathered = len(runs) == len(buckets) and all(run["is_done"] for run in runs)
    spans = [run["changed_at"] - campaign.began_at for run in runs if campaign.began_at]
    longest = max(spans, default=timedelta()).total_seconds()
    return Progress(
        sum(run["total"] for run in runs), done, is_gathered, queued, waiting,
        sum(reasons.values()), reasons, done / longest if longest > 0 else 0.0,
        _not_held(campaign, due), taken_back,
    )  # fmt: skip


def _not_held(campaign: Campaign, due: Sequence[datetime]) -> datetime | None:
    first = min(due, default=None)
    is_held = first and campaign.began_at and first > campaign.began_at + FAR
    return None if is_held else first
