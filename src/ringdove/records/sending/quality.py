"""What each gateway delivered where, from the roll-ups of a week; kept in memory for some minutes.

Only asked for a store that has a route which picks by delivery: a sum over a week of hours is too
much for every batch of facts.
"""

from collections import defaultdict
from datetime import datetime, timedelta

from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store
from ringdove.rules.sending.quality import Seen
from ringdove.rules.sending.quality import shares as shares_of

LOOKED_BACK = timedelta(days=7)
KEPT_FOR = timedelta(minutes=5)
KEPT_MAX = 1_000  # stores

Shares = dict[tuple[int, str], float]

# sent/3/BY, delivered/3/BY/MTS: written by records/sending/messages.py with what became of texts.
COUNTED = """
SELECT c.name, sum(c.n)::bigint AS n FROM counter c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s
  AND c.hour >= %(since)s AND c.hour < %(until)s
  AND (c.name LIKE 'sent/%%' OR c.name LIKE 'delivered/%%' OR c.name LIKE 'undelivered/%%')
GROUP BY c.name
"""
_kept: dict[tuple[str, int], tuple[datetime, Shares]] = {}


async def shares(tx: Tx, store: Store, now: datetime) -> Shares:
    """By gateway and country; some minutes old at most."""
    place = (f"{tx.info.host}:{tx.info.port}/{tx.info.dbname}", store.id)
    known = _kept.get(place)
    if known and abs(now - known[0]) < KEPT_FOR:
        return known[1]
    found = shares_of(await seen(tx, store, now))
    if len(_kept) >= KEPT_MAX:
        _kept.clear()
    _kept[place] = (now, found)
    return found


async def seen(tx: Tx, store: Store, now: datetime) -> dict[tuple[int, str], Seen]:
    """What was counted in a week, without the hour whose receipts are still on their way."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "since": now - LOOKED_BACK,
        "until": now - timedelta(hours=1),
    }
    counts: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    for row in await (await tx.execute(COUNTED, given)).fetchall():
        what, gateway_id, network = row["name"].split("/", 2)
        own = counts[int(gateway_id), network.partition("/")[0]]
        own[what] = own.get(what, 0) + row["n"]
    return {place: Seen(**own) for place, own in counts.items()}
