"""A store's surveys as rows: what it changed of the ready ones, or made itself. A small table."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from pydantic import ValidationError

from ringdove.kit.db import Tx
from ringdove.rules.surveys import surveys
from ringdove.rules.surveys.surveys import Survey

OF_STORE = """
SELECT key, settings, retired_at FROM survey
WHERE store_id = %(store_id)s ORDER BY created_at, key
"""
SAVE = """
INSERT INTO survey (store_id, key, settings, created_at, changed_at)
VALUES (%(store_id)s, %(key)s, %(settings)s, %(now)s, %(now)s)
ON CONFLICT (store_id, key) DO UPDATE SET settings = EXCLUDED.settings,
  changed_at = EXCLUDED.changed_at, retired_at = NULL
"""
RETIRE = """
UPDATE survey SET retired_at = %(now)s, changed_at = %(now)s
WHERE store_id = %(store_id)s AND key = %(key)s AND retired_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A survey as it is stored. Answers to one that is retired are still heard."""

    survey: Survey
    retired_at: datetime | None = None


async def load(tx: Tx, store_id: int) -> dict[str, Survey]:
    """All surveys of a store by key, ready ones too; also those that are retired, whose answers may
    still come."""
    return surveys.all_of({key: one.survey for key, one in (await kept(tx, store_id)).items()})


async def kept(tx: Tx, store_id: int) -> dict[str, Kept]:
    """Those that the store changed or made, by key, the oldest first."""
    rows = await (await tx.execute(OF_STORE, {"store_id": store_id})).fetchall()
    found = {}
    for row in rows:
        if (survey := _read(row)) is not None:
            found[row["key"]] = Kept(survey, row["retired_at"])
    return found


def _read(row: Mapping[str, Any]) -> Survey | None:
    """None: of a later version of the program, which this one cannot read."""
    try:
        return surveys.read(row["key"], row["settings"])
    except ValidationError:
        return None


async def save(tx: Tx, store_id: int, survey: Survey, now: datetime) -> None:
    """From now on it is so, also where it was retired."""
    settings = Jsonb(surveys.plain(survey))
    given = {"store_id": store_id, "key": survey.key, "settings": settings, "now": now}
    await tx.execute(SAVE, given)


async def retire(tx: Tx, store_id: int, key: str, now: datetime) -> bool:
    """It is asked no more; False: the store has none of its own by this key."""
    given = {"store_id": store_id, "key": key, "now": now}
    return (await tx.execute(RETIRE, given)).rowcount > 0
