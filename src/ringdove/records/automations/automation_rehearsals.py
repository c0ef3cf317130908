"""Rehearsals of automations: asked for by a page, made by a worker, shown as they go on (N2).

One row an automation: another one that is asked for takes the place of the one before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

SPAN_MAX = timedelta(days=92)  # of the past that is rehearsed


@dataclass(frozen=True, slots=True)
class AutomationRehearsal:
    """What an automation would have done, as far as it was worked out."""

    recipe: str
    version: int  # that was rehearsed
    since: datetime
    until: datetime
    asked_at: datetime
    state: str  # asked, running, done, failed
    seen: int  # facts gone through so far
    of_all: int  # facts in all; 0 while they are gathered
    result: Mapping[str, Any]  # see rules/automations/rehearsal_sums.py
    error: str = ""

    @property
    def share(self) -> float:
        """How far it is, from 0 to 1."""
        if self.state == "done":
            return 1.0
        return min(1.0, self.seen / self.of_all) if self.of_all else 0.0


ASK = """
INSERT INTO automation_rehearsal AS r
  (bucket, store_id, recipe, version, since, until, asked_at, state)
SELECT %(bucket)s, %(store_id)s, %(recipe)s, %(version)s, %(since)s, %(until)s, %(now)s, 'asked'
ON CONFLICT (bucket, store_id, recipe) DO UPDATE SET version = EXCLUDED.version,
  since = EXCLUDED.since, until = EXCLUDED.until, asked_at = EXCLUDED.asked_at, state = 'asked',
  seen = 0, of_all = 0, result = '{}', error = ''
"""
FIND = """
SELECT r.recipe, r.version, r.since, r.until, r.asked_at, r.state, r.seen, r.of_all, r.result,
  r.error
FROM automation_rehearsal r
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.recipe = %(recipe)s
"""
OF_STORE = """
SELECT r.recipe, r.version, r.since, r.until, r.asked_at, r.state, r.seen, r.of_all,
  r.result - 'samples' AS result, r.error
FROM automation_rehearsal r
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
"""
# Over all stores on purpose: a worker asks what is asked for anywhere. One row an automation.
ASKED = """
SELECT r.store_id, r.recipe FROM automation_rehearsal r WHERE r.state IN ('asked', 'running')
ORDER BY r.asked_at LIMIT 100
"""
TELL = """
UPDATE automation_rehearsal r SET state = %(state)s, seen = %(seen)s, of_all = %(of_all)s,
  result = %(result)s, error = %(error)s
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.recipe = %(recipe)s
  AND r.asked_at = %(asked_at)s
"""


async def ask(
    tx: Tx, store: Store, recipe: str, version: int, since: datetime, until: datetime, now: datetime
) -> None:
    """A worker is to rehearse this version over the facts of this time."""
    given = _key(store, recipe) | {
        "version": version, "since": since, "until": until, "now": now
    }  # fmt: skip
    await tx.execute(ASK, given)
    await db.notify(tx, "rehearsals", str(store.id))


async def find(tx: Tx, store: Store, recipe: str) -> AutomationRehearsal | None:
    """The newest one of an automation."""
    row = await (await tx.execute(FIND, _key(store, recipe))).fetchone()
    return AutomationRehearsal(**row) if row else None


async def of_store(tx: Tx, store: Store) -> dict[str, AutomationRehearsal]:
    """The newest one of every automation that was rehearsed, by its key, without samples."""
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    given = {"buckets": buckets, "store_id": store.id}
    rows = await (await tx.execute(OF_STORE, given)).fetchall()
    return {row["recipe"]: AutomationRehearsal(**row) for row in rows}


async def asked(tx: Tx) -> list[tuple[int, str]]:
    """Store and automation of those that are not finished, the oldest first."""
    rows = await (await tx.execute(ASKED)).fetchall()
    return [(row["store_id"], row["recipe"]) for row in rows]


async def tell(
    tx: Tx, store: Store, one: AutomationRehearsal, state: str, seen: int, of_all: int,
    result: Mapping[str, Any] | None = None, error: str = "",
) -> bool:  # fmt: skip
    """How far it is; False: another one was asked for meanwhile."""
    given = _key(store, one.recipe) | {
        "asked_at": one.asked_at, "state": state, "seen": seen, "of_all": of_all, "error": error,
        "result": db.document(dict(result or {})),
    }  # fmt: skip
    await db.notify(tx, "live", str(store.id))
    return (await tx.execute(TELL, given)).rowcount > 0


# Samples are texts to people: with a person goes what was to be said to them (P12).
FORGET = """
UPDATE automation_rehearsal r SET result = jsonb_set(r.result, '{samples}', (
  SELECT coalesce(jsonb_agg(s.one), '[]') FROM jsonb_array_elements(r.result -> 'samples') AS s(one)
  WHERE (s.one ->> 'contact_id')::bigint <> ALL(%(people)s::bigint[])))
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s AND r.result ? 'samples'
"""


async def forget(tx: Tx, store: Store, people: Sequence[int]) -> None:
    """No rehearsal shows a text to these people any more."""
    buckets = buckets_of_store(store.bucket_base, store.bucket_span)
    given = {"buckets": buckets, "store_id": store.id, "people": db.numbers(people)}
    await tx.execute(FORGET, given)


def _key(store: Store, recipe: str) -> dict[str, Any]:
    bucket = bucket_of(store.bucket_base, store.bucket_span, f"automation/{recipe}")
    return {"bucket": bucket, "store_id": store.id, "recipe": recipe}
