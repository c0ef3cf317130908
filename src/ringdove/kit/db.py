"""Talking to PostgreSQL: a pool, a transaction, a bounded retry, and the bell.

One request, one job, one batch is one transaction, committed at its end only. The bell (LISTEN)
is a hint that something may be due; whoever waits for it must also look without it.

It must never retry outside a whole transaction, and never without a limit.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg
from psycopg import AsyncConnection, AsyncCursor, errors, sql
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb, set_json_loads
from psycopg_pool import AsyncConnectionPool
from pydantic_core import from_json, to_json

T = TypeVar("T")
Pool = AsyncConnectionPool[AsyncConnection[DictRow]]
Tx = AsyncConnection[DictRow]

CONNECT_S_MAX = 10
STATEMENT_S_MAX = 30
IDLE_IN_TRANSACTION_S_MAX = 60
PREPARE_AFTER = 3  # executions; each connection then keeps the plan
PREPARED_MAX = 300
ATTEMPTS_MAX = 5
PAUSE_S_FIRST = 0.02
BELL_RETRY_S_MAX = 5.0
NOTICES_MAX = 1_000  # waiting in one bell; more are folded, since they are only hints

# What another attempt can cure: two transactions crossed, or the connection went away.
CURABLE: tuple[type[Exception], ...] = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
)


async def open_pool(
    url: str,
    *,
    size_max: int = 10,
    statement_s_max: int = STATEMENT_S_MAX,
    plans_once: bool = False,
) -> Pool:
    """A pool that is ready: the first connection is made before it returns. `plans_once`: for who
    says the same few statements again and again; a plan for two thousand ids costs ten times what
    carrying it out does, and is the same as that for any ids.

    Raises psycopg.OperationalError at once, with the server's own words.
    """
    # The pool would try for its whole time-out and then not say what was wrong.
    async with await AsyncConnection.connect(url, connect_timeout=CONNECT_S_MAX):
        pass
    pool = AsyncConnectionPool(
        url,
        connection_class=AsyncConnection[DictRow],
        kwargs=_parameters(statement_s_max, plans_once),
        configure=_configure,
        min_size=1,
        max_size=size_max,
        timeout=CONNECT_S_MAX,
        check=AsyncConnectionPool.check_connection,
        open=False,
    )
    try:
        await pool.open(wait=True, timeout=CONNECT_S_MAX)
    except BaseException:
        await pool.close()
        raise
    return pool


def _parameters(statement_s_max: int, plans_once: bool) -> dict[str, Any]:
    options = (
        f"-c statement_timeout={statement_s_max}s"
        f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_S_MAX}s"
        " -c TimeZone=UTC"
    )
    if plans_once:
        # Made while a table was empty, a plan that reads all of it would be kept while it grows.
        options += " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off"
    return {
        "row_factory": dict_row,
        "autocommit": False,
        "prepare_threshold": PREPARE_AFTER,
        "connect_timeout": CONNECT_S_MAX,
        "application_name": "ringdove",
        "options": options,
    }


async def _configure(link: Tx) -> None:
    link.prepared_max = PREPARED_MAX
    set_json_loads(from_json, link)  # in a third of the time of the standard library


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Tx]:
    """A connection in a transaction: committed at the end, rolled back by any exception. Bells are
    rung after the commit."""
    async with pool.connection() as link:
        hints = _hints[id(link)] = dict[tuple[str, str], None]()
        try:
            async with link.transaction():
                yield link
        finally:
            del _hints[id(link)]
        if hints:
            with suppress(psycopg.Error):  # what was committed stands, heard or not
                async with link.pipeline():
                    await link.execute(NEED_NOT_LAST)
                    await _ring(link, hints)


_hints: dict[int, dict[tuple[str, str], None]] = {}  # by connection, while its transaction lasts


async def retried(
    pool: Pool,
    work: Callable[[Tx], Awaitable[T]],
    *,
    also: tuple[type[psycopg.Error], ...] = (),
) -> T:
    """work(tx) in a transaction, from its beginning again when another attempt can cure it.

    work may run several times: what it does outside the database must bear that. `also` names
    further errors to retry, `psycopg.errors.UniqueViolation` for a race of two inserts.
    """
    pause_s = PAUSE_S_FIRST
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            async with transaction(pool) as tx:
                return await work(tx)
        except psycopg.Error as error:
            if attempt == ATTEMPTS_MAX or not (isinstance(error, also) or is_curable(error)):
                raise
        # Spread, so that the two that crossed do not meet again.
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))
        pause_s *= 3
    raise AssertionError("unreachable")


def is_curable(error: psycopg.Error) -> bool:
    """Whether the same transaction may succeed when it is tried again."""
    if isinstance(error, CURABLE):
        return True
    # Without a code it never reached the server, or the connection broke under it.
    return isinstance(error, psycopg.OperationalError) and error.sqlstate is None


def may_pass(error: Exception) -> bool:
    """Whether the same statement may succeed some time later: the server is away, busy, full, or
    only to be read just now. What else fails is wrong by itself, and will be tomorrow."""
    if isinstance(error, errors.ReadOnlySqlTransaction):
        return True  # a standby that is about to take over
    is_too_large = (getattr(error, "sqlstate", "") or "").startswith("54")
    return isinstance(error, (psycopg.OperationalError, *CURABLE)) and not is_too_large


def document(rows: Any) -> Jsonb:
    """A batch as one JSON document; times, decimals and tuples as JSON has them. pydantic-core
    writes it in a sixth of the time that the standard library takes with default=str."""
    return Jsonb(rows, dumps=to_json)


def numbers(values: Iterable[int]) -> str:
    """Whole numbers as PostgreSQL writes an array of them, for `%(ids)s::bigint[]`. A list given as
    it is costs fifty times as much: psycopg looks at each element on its own."""
    return f"{{{','.join(map(str, values))}}}"


def words(values: Sequence[str]) -> str:
    """Texts as PostgreSQL writes an array of them, for `%(names)s::text[]`."""
    if not values:
        return "{}"
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') != 2 * len(values) - 2:
        joined = '","'.join(one.replace("\\", r"\\").replace('"', r"\"") for one in values)
    return f'{{"{joined}"}}'


def moments(values: Iterable[datetime | None]) -> str:
    """Times, or none, as PostgreSQL writes an array of them, for `%(ats)s::timestamptz[]`."""
    return f"{{{','.join('NULL' if at is None else at.isoformat() for at in values)}}}"


async def execute_each(
    tx: Tx, statement: str, given: Sequence[Mapping[str, Any]]
) -> list[AsyncCursor[DictRow]]:
    """A statement once for each of some parameters (a bucket each), without waiting in between."""
    if len(given) < 2:
        return [await tx.execute(statement, one) for one in given]
    async with tx.pipeline():
        return [await tx.execute(statement, one) for one in given]


# A transaction that notifies holds a lock of the whole server until it has reached the disk, so
# that all that do so commit one after another. Hence apart, and without waiting for the disk.
NEED_NOT_LAST = "SET LOCAL synchronous_commit = off"
NOTIFY = """
SELECT pg_notify(r.channel, r.payload)
FROM jsonb_to_recordset(%(rows)s) AS r(channel text, payload text)
"""


async def notify(tx: Tx, channel: str, payload: str = "") -> None:
    """Ring a bell when this transaction has committed. A hint only: nothing may depend on it."""
    hints = _hints.get(id(tx))
    if hints is None:  # not from transaction()
        await _ring(tx, {(channel, payload): None})
    else:
        hints[channel, payload] = None


async def _ring(link: Tx, hints: Iterable[tuple[str, str]]) -> None:
    rows = [{"channel": channel, "payload": payload} for channel, payload in hints]
    await link.execute(NOTIFY, {"rows": document(rows)})


Notice = tuple[str, str]


class Bell:
    """Hears NOTIFY on its channels, on a connection of its own that is made again when lost.

    `async with Bell(url, ["facts"]) as bell: await bell.wait(5)` returns what was rung, or an
    empty list after that time. After a lost connection it rings ("", "") once: look yourself.
    """

    def __init__(self, url: str, channels: Sequence[str]) -> None:
        self._url = url
        self._channels = tuple(channels)
        self._notices: dict[Notice, None] = {}
        self._rung = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen_forever())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._listening.wait(), CONNECT_S_MAX)
        self._take()  # the first connection is no news
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def wait(self, timeout_s: float) -> list[Notice]:
        """What was rung since the last call: at once if there is any, else within timeout_s."""
        if not self._notices:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._rung.wait(), timeout_s)
        return self._take()

    def ring(self, channel: str, payload: str = "") -> None:
        """The same, from within this process and without the database."""
        if len(self._notices) < NOTICES_MAX:
            self._notices[channel, payload] = None
        self._rung.set()

    def _take(self) -> list[Notice]:
        notices, self._notices = list(self._notices), {}
        self._rung.clear()
        return notices

    async def _listen_forever(self) -> None:
        pause_s = PAUSE_S_FIRST
        while True:
            began = time.monotonic()
            with suppress(psycopg.Error, OSError):
                await self._listen()
            if time.monotonic() - began > BELL_RETRY_S_MAX:
                pause_s = PAUSE_S_FIRST
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, BELL_RETRY_S_MAX)

    async def _listen(self) -> None:
        async with await AsyncConnection.connect(
            self._url, autocommit=True, connect_timeout=CONNECT_S_MAX, application_name="bell"
        ) as link:
            for channel in self._channels:
                await link.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            self._listening.set()
            self.ring("")  # something may have been rung while nobody listened
            async for notice in link.notifies():
                self.ring(notice.channel, notice.payload)
