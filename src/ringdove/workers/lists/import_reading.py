"""Reads a list ahead of who writes it: in a thread, or for a long list in processes of its own.

Making rows ready is three quarters of an import's work, and needs neither the loop nor the
database. Each of `of` readers takes every `of`-th chunk. A reader begins a chunk when it is lent
ids for it, AHEAD chunks before it is wanted, so memory does not grow with the file. It knows the
file, and nothing of what is being written: whether a chunk is still ours to write is asked by who
writes it, in the chunk's own transaction.

A process of ours ends when its pipe ends: it never outlives us, however we die. It yields to
everything else on the machine, so that texts leave meanwhile.
"""

import asyncio
import os
import pickle
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Lock
from typing import Protocol

import psycopg

from ringdove.kit.buckets import Ids, LentIds
from ringdove.kit.crypto import Hasher
from ringdove.records.lists import import_chunks, imports
from ringdove.records.lists.import_chunks import CHUNK_ROWS, Chunk, Ground
from ringdove.records.lists.imports import Import
from ringdove.rules.lists.people_rows import Known
from ringdove.rules.scenes import Store

AHEAD = 2  # chunks that a reader may be ahead
LONG_OCTETS = 4_000_000  # below, a process would have read it before it had begun
READERS_MAX = 2
NICER_BY = 5


class Gone(Exception):
    """A reader has ended in the midst of the list: it was killed, or memory was short."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a reader needs to know; it goes to a process of ours, over a pipe."""

    database_url: str
    hash_key: bytes
    store: Store
    one: Import
    known: Known
    now: datetime
    is_dry: bool
    is_found_later: bool
    after: int  # the row behind which it begins
    nth: int = 0
    of: int = 1

    def ground(self, ids: Ids | LentIds) -> Ground:
        """What its chunks are made with."""
        ground = Ground(
            self.store, self.one, self.one.plan, Hasher(self.hash_key).keyed, ids, self.now,
            self.store.languages[0], self.known, self.is_found_later,
        )  # fmt: skip
        ground.chain.is_dry = self.is_dry
        return ground

    @property
    def ids_of_chunk(self) -> int:
        """Two a row; four where topics may each get a row of the ledger."""
        return CHUNK_ROWS * (4 if "topics" in self.one.plan.columns else 2) + 100


class Reader(Protocol):
    """One that reads: is lent ids, gives chunks."""

    def lend(self, ids: LentIds) -> None: ...
    def take(self) -> Chunk | None: ...
    def end(self) -> None: ...


@asynccontextmanager
async def ahead(task: Task, ids: Ids) -> AsyncIterator[AsyncIterator[Chunk]]:
    """The file's chunks in their order, each made ready while those before are being written."""
    is_long = task.one.octets >= LONG_OCTETS
    of = min(READERS_MAX, os.cpu_count() or 1) if is_long else 1
    make = InProcess if is_long else InThread
    readers: list[Reader] = [make(replace(task, nth=n, of=of)) for n in range(of)]
    try:
        yield _in_order(task, readers, ids)
    finally:
        for reader in readers:
            await asyncio.to_thread(reader.end)


async def _in_order(task: Task, readers: list[Reader], ids: Ids) -> AsyncIterator[Chunk]:
    for _ in range(AHEAD):
        for reader in readers:
            reader.lend(ids.lend(task.ids_of_chunk))
    while True:
        for reader in readers:
            chunk = await asyncio.to_thread(reader.take)
            if chunk is None:
                return
            reader.lend(ids.lend(task.ids_of_chunk))
            yield chunk


def _read(task: Task, lend: "partial[LentIds]") -> Generator[Chunk, None, None]:
    ground = task.ground(LentIds())
    with psycopg.connect(task.database_url, autocommit=True, application_name="ringdove") as link:
        pieces = imports.pieces(link, task.store, task.one.id)
        yield from import_chunks.chunks(pieces, ground, lend, task.after, task.nth, task.of)


class InThread:
    """For a short list: what `take` does is done here, in the thread that asks."""

    def __init__(self, task: Task) -> None:
        self._lent: SimpleQueue[LentIds] = SimpleQueue()
        self._chunks = _read(task, partial(self._lent.get))
        self._lock = Lock()

    def lend(self, ids: LentIds) -> None:
        """For one chunk more."""
        self._lent.put(ids)

    def take(self) -> Chunk | None:
        """The next chunk; None after the last."""
        with self._lock:
            return next(self._chunks, None)

    def end(self) -> None:
        """Closes its connection."""
        with self._lock:  # a chunk at hand that nobody wants any more
            self._chunks.close()


class InProcess:
    """For a long list."""

    def __init__(self, task: Task) -> None:
        # Spawned: a fork would share the locks and connections of a process that has a loop.
        processes = get_context("spawn")
        self._link, theirs = processes.Pipe()
        self._process = processes.Process(target=_process, args=(theirs, task), daemon=True)
        self._process.start()
        theirs.close()

    def lend(self, ids: LentIds) -> None:
        """For one chunk more."""
        with suppress(OSError):  # it has ended: `take` says how
            self._link.send(ids)

    def take(self) -> Chunk | None:
        """The next chunk; None after the last. Raises what broke there, or Gone."""
        try:
            told = pickle.loads(self._link.recv_bytes())
        except (EOFError, OSError) as error:
            raise Gone("The process that reads the list has ended.") from error
        if isinstance(told, Exception):
            raise told
        return told  # type: ignore[no-any-return]

    def end(self) -> None:
        """Ends it where it stands: it holds nothing that must be put in order."""
        self._process.kill()
        self._process.join()
        self._link.close()


def _process(link: Connection, task: Task) -> None:
    with suppress(EOFError, OSError, KeyboardInterrupt):  # whom it reads for has ended
        os.nice(NICER_BY)
        try:
            for chunk in _read(task, partial(link.recv)):
                link.send_bytes(pickle.dumps(chunk, pickle.HIGHEST_PROTOCOL))
            link.send(None)
        except (psycopg.Error, ValueError) as error:
            link.send(error)
