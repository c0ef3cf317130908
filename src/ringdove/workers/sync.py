"""Catch-up: asks shops for what their webhooks missed.

A shop's file says what to ask and what the answers mean; here are only the socket, the lease (one
process at a time looks at a shop) and the cursor. What a webhook already told has the same id and
is not written twice. A shop that does not answer is asked ever more rarely, up to once an hour.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from pydantic import ValidationError

from ringdove.kit import db, http
from ringdove.kit.crypto import SealBroken
from ringdove.records import facts, leases
from ringdove.records.store import connections, stores
from ringdove.records.store.connections import Connection
from ringdove.rules.facts import scoped
from ringdove.rules.scenes import Store
from ringdove.runtime import STORES, Runtime
from ringdove.stores.edge import Caught, Refusal, Request, Response, StoreBusy, StoreRefused, united

log = structlog.get_logger()

LOOK_EVERY = timedelta(minutes=5)
WAKE_EVERY_S = 60.0
OVERLAP = timedelta(minutes=10)  # an order saved while we asked may carry an earlier time
PAUSE_MAX = timedelta(hours=1)
RUNS_MAX = 50  # of one shop in one turn; the next turn goes on where this one stopped

Ask = Callable[[Request], Awaitable[Response]]
FETCHED = tuple(kind for kind, module in STORES.items() if hasattr(module, "history"))


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Looks at every shop that can be asked, every few minutes, until told to stop."""
    failures: dict[int, int] = {}
    while not stop.is_set():
        try:
            await look_at_all(runtime, failures)
        except Exception:
            log.exception("sync.failed")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), WAKE_EVERY_S)


async def look_at_all(
    runtime: Runtime, failures: dict[int, int], ask: Ask | None = None
) -> list[str]:
    """One turn: the errors of the shops that were looked at ("" where it went well)."""
    now = runtime.clock()
    async with db.transaction(runtime.pool) as tx:
        due = await connections.to_check(tx, FETCHED, now - LOOK_EVERY)
    due = [one for one in due if _is_due(one, failures.get(one.id, 0), now)]
    if not due:
        return []
    async with contextlib.AsyncExitStack() as stack:
        if ask is None:
            ask = await stack.enter_async_context(asker())
        said = [await look_at(runtime, one, ask) for one in due]
    for one, error in zip(due, said, strict=True):
        failures[one.id] = failures.get(one.id, 0) + 1 if error else 0
    return [error for error in said if error is not None]


def _is_due(connection: Connection, failed: int, now: datetime) -> bool:
    pause = min(LOOK_EVERY * 2 ** min(failed, 10), PAUSE_MAX)
    return connection.checked_at is None or now - connection.checked_at >= pause


async def look_at(runtime: Runtime, connection: Connection, ask: Ask) -> str | None:
    """Catches up with one shop: the error, "" when it went well, None when nothing was to do."""
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, connection.store_id)
    if store is None:
        return None
    try:
        secrets = runtime.sealer.open(connection.secrets)
        module = STORES[connection.kind]
        settings = united(module.Settings, connection.settings, secrets, store.time_zone)
    except (SealBroken, ValidationError) as error:
        return await _note(runtime, connection, f"The settings cannot be read: {error}")
    if not settings.can_catch_up:
        return None
    name = f"sync/{connection.id}"
    async with leases.leased(runtime.pool, name, runtime.name) as lost:
        if lost is None:
            return None
        return await _catch_up(runtime, connection, store, settings, ask, lost)


async def _catch_up(
    runtime: Runtime,
    connection: Connection,
    store: Store,
    settings: Any,
    ask: Ask,
    lost: asyncio.Event,
) -> str | None:
    since = max((connection.seen_until or connection.created_at) - OVERLAP, connection.created_at)
    for _ in range(RUNS_MAX):
        talk = STORES[connection.kind].history(settings, since, store.country, runtime.clock())
        answer: Caught | Refusal | None = await converse(talk, ask, lost)
        if answer is None:
            return None
        if isinstance(answer, Refusal):
            log.warning("sync.refused", connection=connection.id, why=answer.slug)
            return await _note(runtime, connection, answer.detail)
        await _write(runtime, connection, store, answer)
        since = answer.seen_until
        if not answer.more:
            break
    return ""


async def converse(talk: Any, ask: Ask, lost: asyncio.Event) -> Any:
    """Carries requests and responses between a shop's file and the shop: what its file made of
    them, or a Refusal. None: lost the lease."""
    try:
        request = next(talk)
        while not lost.is_set():
            request = talk.send(await ask(request))
    except StopIteration as end:
        return end.value
    except http.TROUBLES as error:
        return StoreBusy(f"The shop does not answer ({type(error).__name__}): asked again later.")
    except ValueError:
        return StoreRefused("This is no address of a shop: correct it on the connection's page.")
    return None


async def _write(runtime: Runtime, connection: Connection, store: Store, caught: Caught) -> None:
    now = runtime.clock()
    own_keys = getattr(STORES[connection.kind], "OWN_KEYS", False)

    async def work(tx: db.Tx) -> int:
        scope = await connections.scope(tx, connection) if own_keys else ""
        told = [scoped(fact, scope) for fact in caught.facts]
        new = await facts.write(tx, store, connection.id, told, now, runtime.ids)
        error = f"{caught.unreadable} orders could not be read" if caught.unreadable else ""
        await connections.checked(tx, connection.id, caught.seen_until, now, error)
        return new

    new = await db.retried(runtime.pool, work)
    if new:
        log.info("sync.caught_up", connection=connection.id, facts=new)


async def _note(runtime: Runtime, connection: Connection, error: str) -> str:
    seen_until = connection.seen_until or connection.created_at
    async with db.transaction(runtime.pool) as tx:
        await connections.checked(tx, connection.id, seen_until, runtime.clock(), error)
    return error


@contextlib.asynccontextmanager
async def asker() -> AsyncIterator[Ask]:
    """Sends requests to shops."""
    async with http.opened() as send:

        async def ask(request: Request) -> Response:
            reply = await send(request.method, request.url, request.headers, request.body)
            return Response(reply.status, reply.headers, reply.body)

        yield ask
