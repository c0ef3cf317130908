"""One import, worked through: read, judge, write, chunk by chunk, until it is done or stopped.

Chunks are read and made ready ahead (import_reading.py) while the one before is being written;
memory is that of some chunks, whatever the file's size. What a page says meanwhile (pause, cancel)
is read in every chunk's transaction: a chunk that finds another state, or another row than it
expects, is not written. So a killed process, or two at once, double nothing.
"""

import asyncio
from array import array
from collections import Counter
from collections.abc import Sequence

import psycopg
import structlog
from psycopg import errors

from ringdove.kit import db
from ringdove.records import leases
from ringdove.records.lists import import_rows, import_undo, imports
from ringdove.records.lists.import_chunks import Chunk, Ground, Key, sign_of
from ringdove.records.lists.imports import Import
from ringdove.records.people import search_fill
from ringdove.records.store import stores
from ringdove.rules.lists.people_joins import Person
from ringdove.rules.lists.people_rows import Row
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.workers.lists import import_reading
from ringdove.workers.lists.import_reading import Task

log = structlog.get_logger(__name__)

ROWS_MAX = 1_000_000
FOUND_AT_ONCE_MAX = 20_000  # rows; the inverted index of more would cost more than all the rest


class TooLong(Exception):
    """More rows than an import takes."""


async def work_through(runtime: Runtime, store_id: int, import_id: int) -> None:
    """Brings one import as far as it can go. Another process at the same import: nothing."""
    async with leases.leased(runtime.pool, f"import/{import_id}", runtime.name) as lost:
        if lost is None:
            return
        async with db.transaction(runtime.pool) as tx:
            store = await stores.find(tx, store_id)
            one = await imports.find(tx, store, import_id) if store else None
        if store is None or one is None:
            return
        try:
            match one.state:
                case "checking":
                    await _check(runtime, store, one, lost)
                case "running":
                    await _run(runtime, store, one, lost)
                case "undoing":
                    ground = await _ground(runtime, store, one)
                    await import_undo.all_of_it(runtime.pool, ground, lost)
        except TooLong:
            words = f"The list has more than {ROWS_MAX:,} rows: divide it into several files."
            await _fail(runtime, store, one, words)
        except (psycopg.Error, OSError, ValueError) as error:
            if isinstance(error, psycopg.Error) and db.may_pass(error):
                raise  # the database was away: looked at again in a while
            log.exception("import.broke", import_id=import_id)
            await _fail(runtime, store, one, f"{type(error).__name__}: {error}"[:300])


async def _fail(runtime: Runtime, store: Store, one: Import, words: str) -> None:
    async with db.transaction(runtime.pool) as tx:
        await imports.end(tx, store, one.id, "failed", runtime.clock(), words)


async def _ground(runtime: Runtime, store: Store, one: Import) -> Ground:
    async with db.transaction(runtime.pool) as tx:
        known = await import_rows.known(tx, store)
    return Ground(
        store, one, one.plan, runtime.keyed, runtime.ids, runtime.clock(), store.languages[0],
        known, is_found_later=one.row_count > FOUND_AT_ONCE_MAX,
    )  # fmt: skip


# ------------------------------------------------------------------ counting without writing


async def _check(runtime: Runtime, store: Store, one: Import, lost: asyncio.Event) -> None:
    ground, counts = await _ground(runtime, store, one), Counter[str]()
    ground.chain.is_dry = True
    seen, row_at = Seen(one.octets), 0
    task = _task(runtime, ground, 0, is_dry=True)
    async with import_reading.ahead(task, runtime.ids) as chunks:
        async for chunk in chunks:
            row_at = chunk.row_at
            if row_at > ROWS_MAX + 1:
                raise TooLong
            async with db.transaction(runtime.pool) as tx:
                counts += await import_rows.count(tx, ground, chunk, seen)
                now = await imports.find(tx, store, one.id, lock=True)
                if lost.is_set() or now is None or now.state != "checking":
                    return
                await imports.progress(tx, store, one.id, row_at, counts)
    async with db.transaction(runtime.pool) as tx:
        await imports.checked(tx, store, one.id, row_at, counts)


class Seen:
    """Who stood in the file already, as hashes in a table of a fixed size: a check of a million
    rows needs no more memory than this."""

    def __init__(self, octets: int) -> None:
        size = 1 << 16
        while size < octets // 8 and size < 1 << 23:  # a row has two keys and rarely 16 octets
            size *= 2
        self._mask = size - 1
        self._slots = array("Q", bytes(8 * size))

    def has(self, person: Person, row: Row, keys: Sequence[Key]) -> bool:
        """Whether the row's person stood there before, and something came of it."""
        if not person.is_new:
            return self._mark(f"id/{person.values['id']}") is not None
        return self.has_keys(sign_of(row), keys)

    def has_keys(self, sign: int, keys: Sequence[Key]) -> bool:
        """The same of somebody who is new, by the sign of the phone."""
        for kind, value in keys:
            known = self._mark(f"{kind}/{value}")
            # As people_joins.is_same: by an e-mail only whose phone is not another.
            if known is not None and (
                kind in ("phone", "doubt") or sign == 0 or known in (0, sign)
            ):
                return True
        return False

    def remember(self, person: Person, row: Row, keys: Sequence[Key]) -> None:
        """They stand there from now on."""
        if not person.is_new:
            if person.is_changed:
                self._mark(f"id/{person.values['id']}", 1)
            return
        self.remember_keys(sign_of(row), keys)

    def remember_keys(self, sign: int, keys: Sequence[Key]) -> None:
        """The same of somebody who is new."""
        for kind, value in keys:
            self._mark(f"{kind}/{value}", sign)

    def _mark(self, key: str, new: int | None = None) -> int | None:
        """What is known of a key; remembers `new` where it was not known."""
        digest = hash(key) & 0xFFFFFFFFFFFF0000 or 1 << 16
        place = (digest >> 16) & self._mask
        for _ in range(1_000):
            slot = self._slots[place]
            if slot == 0:
                if new is not None:
                    self._slots[place] = digest | new
                return None
            if slot & 0xFFFFFFFFFFFF0000 == digest:
                return slot & 0xFFFF
            place = (place + 1) & self._mask
        return None


# ------------------------------------------------------------------ writing


async def _run(runtime: Runtime, store: Store, one: Import, lost: asyncio.Event) -> None:
    ground = await _ground(runtime, store, one)
    task = _task(runtime, ground, one.row_at, is_dry=False)
    at, is_whole = one.row_at, True
    async with import_reading.ahead(task, runtime.ids) as chunks:
        async for chunk in chunks:
            is_whole = not lost.is_set() and await _write(runtime, ground, chunk, at)
            if not is_whole:
                break
            at = chunk.row_at
    async with db.transaction(runtime.pool) as tx:
        if ground.is_found_later:
            await search_fill.ask(tx, store, one.id)
        if is_whole:
            await imports.end(tx, store, one.id, "done", runtime.clock())
        await db.notify(tx, "live", f"{store.id} customers")
    log.info("import.run", import_id=one.id, rows=at, is_whole=is_whole)


async def _write(runtime: Runtime, ground: Ground, chunk: Chunk, at: int) -> bool:
    """One chunk in one transaction; False: it is not ours to write any more."""
    store = ground.store

    async def work(tx: db.Tx) -> bool:
        one = await imports.find(tx, store, ground.one.id, lock=True)
        if one is None or one.state != "running":
            return False
        if one.row_at >= chunk.row_at:
            return True  # an attempt whose answer was lost has written it
        if one.row_at != at:
            return False
        counts = Counter(one.counts)
        counts += await import_rows.write(tx, ground, chunk)
        await imports.progress(tx, store, one.id, chunk.row_at, counts)
        return True

    # A shop's fact may meet the same new person at the same moment: the second looks anew.
    return await db.retried(runtime.pool, work, also=(errors.UniqueViolation,))


# ------------------------------------------------------------------ reading ahead


def _task(runtime: Runtime, ground: Ground, after: int, *, is_dry: bool) -> Task:
    return Task(
        runtime.database_url, runtime.hash_key, ground.store, ground.one, ground.known,
        ground.now,
        is_dry, ground.is_found_later, after,
    )  # fmt: skip
