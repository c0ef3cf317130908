"""The figures of one campaign, counted from its rows when somebody asks (R100, R101, N3).

How it is counted stands in report_counts.py. What was counted is kept for twenty times as long as
it took, so that a page that many look at costs the database a twentieth of its time at most.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakKeyDictionary

from ringdove.kit import db
from ringdove.kit.db import Pool, Tx
from ringdove.records.reports.attribution import Row
from ringdove.records.reports.report_counts import Counting
from ringdove.rules.campaigns.campaigns import Campaign
from ringdove.rules.reports.reports import Report
from ringdove.rules.scenes import Store

STATEMENT_S_MAX = 120
KEPT_MAX = 500  # reports in memory
KEPT_TIMES, KEPT_S_MAX = 20, 600.0

ROOM = """
SELECT set_config('statement_timeout', %(ms)s, true), set_config('jit', 'off', true),
  set_config('work_mem', '64MB', true)
"""


@dataclass(frozen=True, slots=True)
class _Kept:
    report: Report
    until: float  # by time.monotonic


_Key = tuple[int, int, str, str, int, int]
_kept: WeakKeyDictionary[Pool, OrderedDict[_Key, _Kept]] = WeakKeyDictionary()


async def of_campaign(
    pool: Pool, store: Store, campaign: Campaign, now: datetime, segment: int = 0
) -> Report | None:
    """The campaign's figures, of those people of it who are now in a segment (0: all). None: it has
    not begun. Raises NoSegment."""
    if campaign.began_at is None:
        return None
    rule = store.policy
    key = (store.id, campaign.id, campaign.state, rule.attribution, rule.attribution_days, segment)
    kept = _kept.setdefault(pool, OrderedDict())
    if (known := kept.get(key)) and time.monotonic() < known.until:
        return known.report
    began = time.monotonic()
    async with db.transaction(pool) as tx:
        await tx.execute(ROOM, {"ms": str(STATEMENT_S_MAX * 1000)})
        counted = await Counting.begin(tx, store, campaign, campaign.began_at, now, segment)
        report = await counted.report(began)
    kept[key] = _Kept(report, time.monotonic() + min(KEPT_S_MAX, report.took_s * KEPT_TIMES))
    while len(kept) > KEPT_MAX:
        kept.popitem(last=False)
    return report


async def sales(tx: Tx, store: Store, campaign: Campaign, now: datetime) -> list[Row]:
    """The orders that the campaign claims, the newest first, with the text and why."""
    if campaign.began_at is None:
        return []
    counted = await Counting.begin(tx, store, campaign, campaign.began_at, now, 0)
    await counted.texts()
    await counted.sold()
    return counted.claimed
