"""What went over each gateway: figures from the roll-ups, and what waits for it now.

Counters are named sent/<gateway>/<network>, delivered/…, undelivered/…, error/<gateway>/<reason>,
and door_refused/<gateway> for calls to its door that were not believed.
Nothing here counts rows of a big table without a bound.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records import counters
from ringdove.rules.scenes import Store

WAITING_MOST: Final = 10_000
COUNTED: Final = ("sent", "delivered", "undelivered")


@dataclass(slots=True)
class Network:
    """What went to one operator's network and what is known of it."""

    sent: int = 0
    delivered: int = 0
    undelivered: int = 0

    @property
    def rate(self) -> float | None:
        """Of what is settled, the share that was delivered; None: nothing is."""
        settled = self.delivered + self.undelivered
        return self.delivered / settled if settled else None


@dataclass(slots=True)
class Traffic:
    """Of one gateway in a span of time."""

    networks: dict[str, Network] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    hours: dict[datetime, Counter[str]] = field(default_factory=dict)
    calls_refused: int = 0

    @property
    def total(self) -> Network:
        """All networks together."""
        every = self.networks.values()
        return Network(
            sum(one.sent for one in every),
            sum(one.delivered for one in every),
            sum(one.undelivered for one in every),
        )


async def by_gateway(tx: Tx, store: Store, since: datetime, until: datetime) -> dict[int, Traffic]:
    """What went over each gateway; one that was silent is missing."""
    return read(await counters.by_hour(tx, store, since, until))


def read(rows: Sequence[Mapping[str, Any]]) -> dict[int, Traffic]:
    """Counters as traffic; those that are of no gateway are passed over."""
    found: dict[int, Traffic] = {}
    for row in rows:
        name, _, rest = row["name"].partition("/")
        gateway, _, about = rest.partition("/")
        if not gateway.isdecimal() or name not in (*COUNTED, "error", "door_refused"):
            continue
        traffic = found.setdefault(int(gateway), Traffic())
        if name == "door_refused":
            traffic.calls_refused += row["n"]
            continue
        hour = traffic.hours.setdefault(row["hour"], Counter())
        hour[name] += row["n"]
        if name == "error":
            traffic.errors[about] += row["n"]
        else:
            network = traffic.networks.setdefault(about, Network())
            setattr(network, name, getattr(network, name) + row["n"])
    return found


# Urgency is named, so that the index of what is due is read and no more rows than are counted.
WAITING = """
SELECT count(*) AS n FROM (
  SELECT FROM outbox o
  WHERE o.bucket = ANY(%(buckets)s) AND o.store_id = %(store_id)s
    AND o.gateway_id = %(gateway_id)s AND o.urgency IN (0, 1)
  LIMIT %(most)s) AS found
"""
UNDER_WAY = """
SELECT coalesce(sum(cardinality(s.message_ids)), 0)::bigint AS n FROM submission s
WHERE s.bucket = ANY(%(buckets)s) AND s.store_id = %(store_id)s AND s.gateway_id = %(gateway_id)s
"""


async def waiting(tx: Tx, store: Store, gateway_id: int) -> int:
    """What waits in the outbox for a gateway: exact up to WAITING_MOST, one more means more."""
    return await _count(tx, WAITING, store, gateway_id)


async def under_way(tx: Tx, store: Store, gateway_id: int) -> int:
    """What was taken and has no answer yet."""
    return await _count(tx, UNDER_WAY, store, gateway_id)


async def _count(tx: Tx, statement: str, store: Store, gateway_id: int) -> int:
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "gateway_id": gateway_id,
        "most": WAITING_MOST + 1,
    }
    row = await (await tx.execute(statement, given)).fetchone()
    return int(row["n"]) if row else 0


# A lease row exists while somebody holds it; past its end nobody does.
BINDS_HELD = """
SELECT count(*) AS n FROM lease l
WHERE l.until > %(now)s AND (l.name = %(name)s OR l.name LIKE %(more)s)
"""


async def binds_held(tx: Tx, gateway_id: int, now: datetime) -> int:
    """How many of a gateway's connections some process holds now."""
    name = f"bind/{gateway_id}"
    row = await (
        await tx.execute(BINDS_HELD, {"now": now, "name": name, "more": f"{name}/%"})
    ).fetchone()
    return int(row["n"]) if row else 0
