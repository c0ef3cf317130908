"""Automations: what a store made of each recipe, a row a version; the newest one counts.

A version is never changed: runs that began with it finish with it. Two people who save at once make
one version, and the second is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from psycopg.types.json import Jsonb
from pydantic import ValidationError

from ringdove.kit.buckets import buckets_of_store, id_floor
from ringdove.kit.db import Tx
from ringdove.rules.automations.journeys import JOURNEY, plain
from ringdove.rules.automations.plans import Automation, Plans
from ringdove.rules.scenes import Store

log = structlog.get_logger()

VERSIONS_SHOWN = 30
STORES_KEPT = 2_000  # whose plans are in memory: some 10 KB for each version


@dataclass(frozen=True, slots=True)
class Version:
    """One version, and who made it (None: a program)."""

    own: Automation
    changed_at: datetime
    changed_by: str | None


COLUMNS = "recipe, is_on, version, steps, texts, plan, is_gone"
NEWEST = f"""
SELECT DISTINCT ON (recipe) {COLUMNS}
  FROM automation WHERE store_id = %(store_id)s
 ORDER BY recipe, version DESC
"""


async def newest(tx: Tx, store_id: int) -> dict[str, Automation]:
    """What counts now, by recipe; a recipe that is as it came is not there."""
    rows = await (await tx.execute(NEWEST, {"store_id": store_id})).fetchall()
    return {row["recipe"]: _own(row) for row in rows}


def _own(row: Mapping[str, Any]) -> Automation:
    """One that another Ringdove wrote and this one cannot read is off: it must not stop all other
    automations of its store (P11)."""
    try:
        plan = JOURNEY.validate_python(row["plan"]) if row["plan"] is not None else None
        is_on = row["is_on"]
    except ValidationError as error:
        log.error(
            "automation.unreadable", automation=row["recipe"], version=row["version"],
            why=str(error),
        )  # fmt: skip
        plan, is_on = None, False
    return Automation(
        is_on, row["version"], row["steps"], row["texts"], plan, row["is_gone"]
    )  # fmt: skip


STAMP = (
    "SELECT recipe, version FROM automation WHERE store_id = %(store_id)s ORDER BY recipe, version"
)
ALL = f"""
SELECT {COLUMNS} FROM automation WHERE store_id = %(store_id)s ORDER BY recipe, version DESC
"""


async def plans(tx: Tx, store_id: int) -> Plans:
    """All automations of a store, as the engine asks for them. A version is never changed, so what
    was worked out once counts until there is another."""
    rows = await (await tx.execute(STAMP, {"store_id": store_id})).fetchall()
    stamp = tuple((row["recipe"], row["version"]) for row in rows)
    whose = (tx.info.dbname, store_id)
    known = _PLANS.get(whose)
    if known is None or known[0] != stamp:
        found: dict[str, list[Automation]] = {}
        for row in await (await tx.execute(ALL, {"store_id": store_id})).fetchall():
            found.setdefault(row["recipe"], []).append(_own(row))
        _PLANS.pop(whose, None)
        while len(_PLANS) >= STORES_KEPT:
            del _PLANS[next(iter(_PLANS))]  # the one that was worked out first
        known = _PLANS[whose] = (stamp, Plans(found))
    return known[1]


_PLANS: dict[tuple[str, int], tuple[tuple[tuple[str, int], ...], Plans]] = {}


NAMES = """
SELECT DISTINCT ON (recipe) recipe, plan ->> 'name' AS name
  FROM automation WHERE store_id = %(store_id)s AND starts_with(recipe, 'own_')
 ORDER BY recipe, version DESC
"""


async def names(tx: Tx, store_id: int) -> dict[str, str]:
    """What the store calls its own automations, those off the list too, by key."""
    rows = await (await tx.execute(NAMES, {"store_id": store_id})).fetchall()
    return {row["recipe"]: row["name"] for row in rows if row["name"]}


VERSIONS = f"""
SELECT {", ".join(f"a.{name.strip()}" for name in COLUMNS.split(","))}, a.changed_at,
  u.name AS changed_by
  FROM automation a LEFT JOIN app_user u ON u.id = a.changed_by
 WHERE a.store_id = %(store_id)s AND a.recipe = %(recipe)s
 ORDER BY a.version DESC LIMIT %(most)s
"""


async def versions(tx: Tx, store_id: int, recipe: str, most: int = VERSIONS_SHOWN) -> list[Version]:
    """The versions of a recipe, newest first."""
    given = {"store_id": store_id, "recipe": recipe, "most": most}
    rows = await (await tx.execute(VERSIONS, given)).fetchall()
    return [Version(_own(row), row["changed_at"], row["changed_by"]) for row in rows]


SAVE = """
INSERT INTO automation
  (store_id, recipe, is_on, version, steps, texts, plan, is_gone, changed_at, changed_by)
VALUES (%(store_id)s, %(recipe)s, %(is_on)s, %(version)s, %(steps)s, %(texts)s, %(plan)s,
  %(is_gone)s, %(now)s, %(by)s)
ON CONFLICT (store_id, recipe, version) DO NOTHING
"""


async def save(
    tx: Tx, store_id: int, recipe: str, own: Automation, now: datetime, user_id: int | None
) -> bool:
    """Writes a new version; False: somebody has just made the version of this number."""
    cursor = await tx.execute(
        SAVE,
        {
            "store_id": store_id,
            "recipe": recipe,
            "is_on": own.is_on,
            "version": own.version,
            "steps": Jsonb(own.steps),
            "texts": Jsonb(own.texts),
            "plan": Jsonb(plain(own.plan)) if own.plan else None,
            "is_gone": own.is_gone,
            "now": now,
            "by": user_id,
        },
    )
    return cursor.rowcount > 0


# Ids are made in the order of time, so a span of time is a range of the primary key.
TEXTS_SINCE = """
SELECT m.recipe, count(*)::bigint AS n FROM message m
 WHERE m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s AND m.id >= %(first)s
   AND m.recipe <> '' AND m.state <> 'dropped'
 GROUP BY m.recipe
"""


async def texts_since(tx: Tx, store: Store, since: datetime) -> dict[str, int]:
    """How many texts each recipe has made since then; silences are not counted."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "first": id_floor(since),
    }
    rows = await (await tx.execute(TEXTS_SINCE, given)).fetchall()
    return {row["recipe"]: int(row["n"]) for row in rows}
