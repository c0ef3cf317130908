"""Numbers on the steps of automations: how many wait, passed, and left where and why.

Passed and left are roll-ups that the engine adds to per batch (records/counters.py), so they cost
nothing to keep. Waiting is counted from the runs themselves by an index of those that wait; what
was counted is kept for twenty times as long as it took, so that a page which a shop leaves open on
a million waiting costs the database a twentieth of its time.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from weakref import WeakKeyDictionary

from ringdove.kit import db
from ringdove.kit.buckets import buckets_of_store
from ringdove.kit.db import Pool, Tx
from ringdove.rules.scenes import Store

KEPT_TIMES, KEPT_S_MAX, KEPT_MAX = 20, 60.0, 1_000


@dataclass(slots=True)
class StepNumbers:
    """Of one step: runs that wait there now; that went past it, and that ended there by reason, in
    the time that was asked for."""

    waiting: int = 0
    passed: int = 0
    left: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Numbers:
    """Of one automation. `held_out`: left alone by chance. `steps` by id: also those of steps that
    are gone, which runs of an older version still take."""

    began: int = 0
    held_out: int = 0
    steps: dict[str, StepNumbers] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        """Runs that are under way."""
        return sum(one.waiting for one in self.steps.values())

    def of(self, step: str) -> StepNumbers:
        """Of a step; zeros where nobody was yet."""
        return self.steps.get(step) or StepNumbers()


async def of_one(
    pool: Pool, store: Store, recipe: str, since: datetime, until: datetime
) -> Numbers:
    """The numbers of one automation between two full hours, and who waits now."""
    return (await of_all(pool, store, since, until, recipe)).get(recipe) or Numbers()


async def of_all(
    pool: Pool, store: Store, since: datetime, until: datetime, recipe: str = ""
) -> dict[str, Numbers]:
    """The same of all automations of a store that were ever begun, by key."""
    waits = await _waiting(pool, store, recipe)
    async with db.transaction(pool) as tx:
        counted = await _counted(tx, store, recipe, since, until)
    found: dict[str, Numbers] = {}
    for name, n in counted.items():
        _, key, place, what = name.split("/", 3)
        one = found.setdefault(key, Numbers())
        if place:
            step = one.steps.setdefault(place, StepNumbers())
            if what == "passed":
                step.passed += n
            else:
                step.left[what] = step.left.get(what, 0) + n
        elif what == "began":
            one.began += n
        elif what == "holdout":
            one.held_out += n
    for (key, place), n in waits.items():
        steps = found.setdefault(key, Numbers()).steps
        steps.setdefault(place, StepNumbers()).waiting = n
    return found


# The names of an automation's roll-ups begin with it; "0" comes right behind "/".
COUNTED = """
SELECT c.name, sum(c.n)::bigint AS n FROM counter c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s
  AND c.hour >= %(since)s AND c.hour < %(until)s
  AND c.name COLLATE "C" >= %(first)s AND c.name COLLATE "C" < %(last)s
GROUP BY c.name
"""


async def _counted(
    tx: Tx, store: Store, recipe: str, since: datetime, until: datetime
) -> dict[str, int]:
    start = f"step/{recipe}" if recipe else "step"
    given = _of(store) | {
        "since": since, "until": until, "first": f"{start}/", "last": f"{start}0"
    }  # fmt: skip
    rows = await (await tx.execute(COUNTED, given)).fetchall()
    return {row["name"]: int(row["n"]) for row in rows}


WAITING = """
SELECT e.recipe, e.place, count(*)::bigint AS n FROM enrollment e
WHERE e.bucket = ANY(%(buckets)s) AND e.store_id = %(store_id)s AND e.recipe = %(recipe)s
  AND e.state = 'waiting'
GROUP BY e.recipe, e.place
"""
WAITING_ALL = """
SELECT e.recipe, e.place, count(*)::bigint AS n FROM enrollment e
WHERE e.bucket = ANY(%(buckets)s) AND e.store_id = %(store_id)s AND e.state = 'waiting'
GROUP BY e.recipe, e.place
"""
_Waits = Mapping[tuple[str, str], int]
_kept: WeakKeyDictionary[Pool, dict[tuple[int, str], tuple[float, _Waits]]] = WeakKeyDictionary()


async def _waiting(pool: Pool, store: Store, recipe: str) -> _Waits:
    """Runs that wait, by automation and step; as of some seconds ago where there are many."""
    kept = _kept.setdefault(pool, {})
    known = kept.get((store.id, recipe))
    if known and time.monotonic() < known[0]:
        return known[1]
    began = time.monotonic()
    async with db.transaction(pool) as tx:
        statement = WAITING if recipe else WAITING_ALL
        cursor = await tx.execute(statement, _of(store) | {"recipe": recipe})
        found = {(row["recipe"], row["place"]): int(row["n"]) for row in await cursor.fetchall()}
    ended = time.monotonic()
    if len(kept) >= KEPT_MAX:
        kept.clear()
    kept[store.id, recipe] = (ended + min(KEPT_S_MAX, (ended - began) * KEPT_TIMES), found)
    return found


def _of(store: Store) -> dict[str, object]:
    return {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id
    }  # fmt: skip
