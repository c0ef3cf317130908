"""The doors through which shops tell facts: POST /in/{token}.

Plain Starlette routes, since every order of every shop passes here. The connection's kind decides
how the body is verified and read (runtime.STORES). The answer is 200 only after the facts are
committed; everything else is an RFC 9457 problem that says what to do:

    404 connection-unknown   413 body-too-large     422 event-wrong, topic-unknown
    410 connection-closed    400 body-unreadable    503 not-now (with Retry-After)
    401 signature-wrong      500 connection-broken (its settings or secrets cannot be opened)
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import psycopg
import structlog
from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ringdove.kit import db
from ringdove.kit.crypto import SealBroken
from ringdove.records import counters, facts
from ringdove.records.store import connections, stores
from ringdove.records.store.connections import Connection
from ringdove.rules.facts import Fact, scoped
from ringdove.rules.scenes import Store
from ringdove.runtime import STORES, Runtime
from ringdove.stores.edge import FactWrong, Nothing, Refusal, united
from ringdove.web.errors import problem
from ringdove.web.views import runtime_of

log = structlog.get_logger()

REMEMBERED_FOR = timedelta(seconds=5)  # a changed secret or a pause is seen after this long
REMEMBERED_MAX = 2_000
COUNTED_EVERY = timedelta(seconds=5)
RETRY_AFTER_S = 30
PROBLEMS = "/problems/"  # what the stable `type` of a problem begins with


@dataclass(frozen=True, slots=True)
class Closed:
    """There is no open door behind a token."""

    status: int
    slug: str
    title: str
    detail: str


UNKNOWN = Closed(
    404,
    "connection-unknown",
    "No connection has this address",
    "Copy the address again from the page Connections.",
)
REMOVED = Closed(
    410,
    "connection-closed",
    "This connection was removed",
    "Delete the webhook in the shop, or make a new connection and use its address.",
)
PAUSED = Closed(
    410,
    "connection-closed",
    "This connection is paused",
    "Switch it on again on the page Connections; catch-up then fetches what was missed.",
)
BROKEN = Closed(
    500,
    "connection-broken",
    "The settings of this connection cannot be opened",
    "Enter its secrets again on the page Connections.",
)


@dataclass(slots=True)
class Door:
    """A connection that is ready to hear."""

    connection: Connection
    store: Store
    module: ModuleType
    settings: Any
    secrets: Mapping[str, str]
    scope: str = ""  # sets this shop's keys apart from those of the store's other shops
    refused: int = 0  # not yet counted in the database
    counted_at: datetime | None = None


@dataclass(slots=True)
class Doors:
    """The doors that this process opened lately; unknown tokens are remembered too."""

    _known: OrderedDict[str, tuple[datetime, Door | Closed]] = field(default_factory=OrderedDict)

    async def at(self, runtime: Runtime, token: str) -> Door | Closed:
        """The door behind a token, or why there is none."""
        now = runtime.clock()
        known = self._known.get(token)
        if known and now - known[0] < REMEMBERED_FOR:
            return known[1]
        door = await _open(runtime, token)
        if known and isinstance(door, Door) and isinstance(known[1], Door):
            door.refused, door.counted_at = known[1].refused, known[1].counted_at
        self._known[token] = (now, door)
        self._known.move_to_end(token)
        while len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)
        return door

    def forget(self) -> None:
        """Look at every connection anew."""
        self._known.clear()


async def _open(runtime: Runtime, token: str) -> Door | Closed:
    async with db.transaction(runtime.pool) as tx:
        connection = await connections.by_token(tx, token)
        if connection is None:
            return UNKNOWN
        store = await stores.find(tx, connection.store_id)
        own_keys = getattr(STORES.get(connection.kind), "OWN_KEYS", False)
        scope = await connections.scope(tx, connection) if own_keys else ""
    if store is None:
        return UNKNOWN
    if connection.removed_at:
        return REMOVED
    if connection.paused_at:
        return PAUSED
    try:
        secrets = runtime.sealer.open(connection.secrets)
        module = STORES[connection.kind]
        settings = united(module.Settings, connection.settings, secrets, store.time_zone)
    except (SealBroken, ValidationError, KeyError) as error:
        log.error("door.broken", connection=connection.id, error=type(error).__name__)
        return BROKEN
    return Door(connection, store, module, settings, secrets, scope)


# ------------------------------------------------------------------ what a shop sends


async def hear(request: Request) -> Response:
    """A shop's webhook or a program's events."""
    try:
        return await _hear(request, runtime_of(request))
    except psycopg.OperationalError as error:
        log.error("door.database_away", error=type(error).__name__)
        return not_now()
    except ClientDisconnect:
        return Response(status_code=400)


async def _hear(request: Request, runtime: Runtime) -> Response:
    door = await _doors(request).at(runtime, request.path_params["token"])
    if isinstance(door, Closed):
        return _closed(door)
    body = await body_of(request, runtime.settings.fact_body_bytes_max)
    if body is None:
        return _too_large(runtime)
    headers = {name.lower(): value for name, value in request.headers.items()}
    now = runtime.clock()
    refusal = door.module.verify(headers, body, door.secrets, now)
    if refusal is None:
        answer = door.module.read(headers, body, door.settings, door.store.country, now)
        if isinstance(answer, Nothing):
            return JSONResponse({"accepted": 0, "repeated": 0, "reason": answer.reason})
        if not isinstance(answer, Refusal):
            told = [scoped(fact, door.scope) for fact in answer]
            return await take(runtime, door.store, door.connection.id, told)
        refusal = answer
    log.info("door.refused", connection=door.connection.id, why=refusal.slug)
    await _count(runtime, door)
    return refused(refusal)


async def body_of(request: Request, bytes_max: int) -> bytes | None:
    """The body, or None as soon as it is too large, whatever Content-Length says."""
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > bytes_max:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            return None
    return bytes(body)


async def take(
    runtime: Runtime, store: Store, connection_id: int, told: Sequence[Fact]
) -> Response:
    """Writes facts and says how many were new. Nothing is accepted that is not committed."""
    now = runtime.clock()

    async def work(tx: db.Tx) -> int:
        return await facts.write(tx, store, connection_id, told, now, runtime.ids)

    new = await db.retried(runtime.pool, work)
    return JSONResponse({"accepted": new, "repeated": len(told) - new})


async def _count(runtime: Runtime, door: Door) -> None:
    """Lets the merchant see refusals, without a write for each of a flood."""
    now = runtime.clock()
    door.refused += 1
    if door.counted_at and now - door.counted_at < COUNTED_EVERY:
        return
    door.counted_at, n, door.refused = now, door.refused, 0
    async with db.transaction(runtime.pool) as tx:
        await counters.add(tx, door.store, now, {"door_refused": n})


def _doors(request: Request) -> Doors:
    state = request.app.state
    if not hasattr(state, "doors"):
        state.doors = Doors()
    doors: Doors = state.doors
    return doors


# ------------------------------------------------------------------ what it is answered


def refused(refusal: Refusal) -> Response:
    """A refusal of a shop's file as a problem; a wrong event names its index and field."""
    more: dict[str, Any] = {"type": PROBLEMS + refusal.slug}
    if isinstance(refusal, FactWrong) and refusal.errors:
        more |= {"errors": list(refusal.errors), "index": refusal.errors[0]["index"]}
        more["field"] = refusal.errors[0]["field"]
    return problem(refusal.status, refusal.detail, title=refusal.title, **more)


def not_now() -> Response:
    """The database is away: whoever sends again loses nothing."""
    return problem(
        503,
        "Nothing was taken. Send the same again later: nothing is counted twice.",
        title="Not now",
        headers={"retry-after": str(RETRY_AFTER_S)},
        type=PROBLEMS + "not-now",
    )


def _closed(door: Closed) -> Response:
    return problem(door.status, door.detail, title=door.title, type=PROBLEMS + door.slug)


def _too_large(runtime: Runtime) -> Response:
    most = runtime.settings.fact_body_bytes_max
    return problem(
        413,
        f"At most {most} bytes at once: send the events in smaller groups.",
        title="The body is too large",
        type=PROBLEMS + "body-too-large",
    )


ROUTES: list[BaseRoute] = [Route("/in/{token}", hear, methods=["POST"])]
