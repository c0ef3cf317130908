"""Adding to the list of refusals and taking from it: the same for the page and for programs.

A number that leads to somebody already is refused for them at once, with a row in the ledger; one
that leads to nobody waits for whoever will have it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records.consent import suppression
from ringdove.records.consent.suppression import Key
from ringdove.rules.facts import ConsentChanged
from ringdove.rules.people import number_lists
from ringdove.rules.people.number_lists import Reading
from ringdove.rules.scenes import Held, Store
from ringdove.runtime import Runtime

Scope = Literal["marketing", "all"]
WORDS = "Added to the list of refusals."


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a list."""

    new: int
    known: int  # refused before
    people: int  # who are refused at once


async def read(text: str, country: str) -> Reading:
    """A pasted list; a hundred thousand lines take a while, so beside the loop."""
    return await asyncio.to_thread(number_lists.read, text, country)


async def add(
    runtime: Runtime, store: Store, keys: Sequence[Key], scope: Scope, source: str,
    reason: str = "by_hand",
) -> Added:  # fmt: skip
    """Refuses these, some thousands a transaction."""
    new = people = 0
    for first in range(0, len(keys), suppression.ASKED_MOST):
        some = keys[first : first + suppression.ASKED_MOST]

        async def work(tx: db.Tx, some: Sequence[Key] = some) -> tuple[int, int]:
            now = runtime.clock()
            rows = (
                suppression.Row(
                    suppression.hash_of(store, runtime.keyed, *key), scope, reason, now
                )
                for key in some
            )  # fmt: skip
            written = await suppression.put(tx, store, rows)
            return written, await _refuse_known(tx, runtime, store, some, scope, source, now)

        one = await db.retried(runtime.pool, work)
        new, people = new + one[0], people + one[1]
    return Added(new, len(keys) - new, people)


async def _refuse_known(
    tx: db.Tx, runtime: Runtime, store: Store, keys: Sequence[Key], scope: Scope, source: str,
    now: datetime,
) -> int:  # fmt: skip
    found = await suppression.known(tx, store, keys)
    phones = set(await suppression.known(tx, store, [key for key in keys if key[0] == "phone"]))
    told = [
        ConsentChanged(
            id=f"refusal/{contact_id}/{one}/{now:%Y%m%dT%H%M%S%f}", at=now, contact=contact_id,
            scope=one, change="out", words=WORDS, source=source,
        )
        for contact_id in found
        for one in ("marketing", "service")
        if one == "marketing" or (scope == "all" and contact_id in phones)
    ]  # fmt: skip
    await fact_records.write(tx, store, 0, told, now, runtime.ids)
    return len(found)


async def check(tx: db.Tx, runtime: Runtime, store: Store, keys: Sequence[Key]) -> dict[Key, Held]:
    """Which of these are refused."""
    return await suppression.held_of(tx, store, runtime.keyed, keys)


async def lift(tx: db.Tx, runtime: Runtime, store: Store, key: Key) -> bool:
    """This one is refused no more, for whoever is met under it from now on."""
    digest = suppression.hash_of(store, runtime.keyed, *key)
    return await suppression.lift(tx, store, [digest]) > 0
