"""The consent ledger from the command line: is it whole, and its proof as a file (N1)."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from ringdove.kit import db
from ringdove.records.consent import ledger, proof
from ringdove.records.store import stores
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.workers.consent import seal

MEANS = {
    "changed": "it says something else than when it was written",
    "gap": "the row before it is missing or was changed",
    "tail": "the person's last rows are missing",
    "gone": "all rows of this person are missing",
    "sealed": "rows under this seal are missing or were added",
    "seal": "the seal was changed, or the one before it is missing",
}


async def check(runtime: Runtime) -> list[tuple[Store, ledger.Found]]:
    """Looks at the ledger of every store now; the pages show what was found."""
    async with db.transaction(runtime.pool) as tx:
        every = await stores.every(tx)
    return [(store, await seal.check(runtime, store)) for store in every]


def says(store: Store, found: ledger.Found) -> str:
    """What was found, in one line."""
    if found.broken:
        means = MEANS[found.broken.kind]
        return f"Store {store.id}, {store.name}: BROKEN at {found.broken.place}: {means}."
    return (
        f"Store {store.id}, {store.name}: {found.rows} rows about {found.people} people under"
        f" {found.seals} seals are as they were written. Fingerprint: {found.fingerprint or '-'}"
    )


async def write_proof(
    runtime: Runtime, store_id: int, file: Path, contacts: Sequence[int],
    since: datetime | None, until: datetime | None,
) -> int | None:  # fmt: skip
    """Writes a proof of a store, or of some of its customers; how many bytes. None: no such
    store."""
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, store_id)
    if store is None:
        return None
    now, size = runtime.clock(), 0
    newest_id = runtime.ids.make(ledger.bucket_of_store(store))
    wish = proof.Wish(tuple(contacts), since, until)
    with file.open("wb") as out:
        async for piece in proof.pack(
            runtime.pool, store, wish, keyed=runtime.keyed, now=now, newest_id=newest_id,
            readme=proof.readme_of(store, now),
        ):  # fmt: skip
            size += out.write(piece)
    return size
