"""The doors through which operators tell receipts and people's texts: /in/gateways/{token}.

Any method, since operators use all of them. The gateway's kind decides whether a call is believed
and how it is read (gateways/<kind>.py:hear); it fails closed. The answer is given only after what
was heard is committed; told again, it changes nothing (P8). All else is a problem (RFC 9457):

    404 gateway-unknown   401 call-wrong    413 body-too-large   503 not-now (with Retry-After)
    410 gateway-closed    400 call-wrong    500 gateway-broken (settings cannot be opened)
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any, Final

import psycopg
import structlog
from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringdove.gateways.edge import Call, CallWrong, Heard, TextHeard
from ringdove.kit import db
from ringdove.kit.buckets import id_of, token_of
from ringdove.kit.crypto import SealBroken
from ringdove.records import counters, facts
from ringdove.records.consent import complaints
from ringdove.records.sending import gateways, messages, recipients
from ringdove.records.sending.gateways import Gateway
from ringdove.records.sending.receipts import Receipt
from ringdove.records.store import stores
from ringdove.rules.facts import Fact, StoppedAtOperator, TextReceived
from ringdove.rules.scenes import Store
from ringdove.runtime import GATEWAYS, Runtime
from ringdove.web.doors import COUNTED_EVERY, PROBLEMS, REMEMBERED_FOR, body_of, not_now
from ringdove.web.errors import problem
from ringdove.web.views import runtime_of

log = structlog.get_logger()

REMEMBERED_MAX: Final = 2_000
HEARD_MAX: Final = 10_000  # receipts and texts in one call
METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
DELIVERED_TWICE: Final = timedelta(minutes=1)
AGE_MAX: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Closed:
    """There is no open door behind a token."""

    status: int
    slug: str
    title: str
    detail: str


UNKNOWN = Closed(
    404,
    "gateway-unknown",
    "No gateway has this address",
    "Copy the address again from the gateway's page.",
)
REMOVED = Closed(
    410,
    "gateway-closed",
    "This gateway was removed",
    "Take the address out of the operator's settings.",
)
BROKEN = Closed(
    500,
    "gateway-broken",
    "The settings of this gateway cannot be opened",
    "Enter its secrets again on its page.",
)


@dataclass(slots=True)
class Door:
    """A gateway that is ready to hear."""

    gateway: Gateway
    store: Store
    module: ModuleType
    settings: Any
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
        """Look at every gateway anew."""
        self._known.clear()


async def _open(runtime: Runtime, token: str) -> Door | Closed:
    async with db.transaction(runtime.pool) as tx:
        gateway = await gateways.by_token(tx, token)
        store = await stores.find(tx, gateway.store_id) if gateway else None
    if gateway is None or store is None:
        return UNKNOWN
    module = GATEWAYS.get(gateway.kind)
    if module is None or not hasattr(module, "hear"):
        return UNKNOWN
    if gateway.removed_at:
        return REMOVED
    # A paused one still hears: what it sent before has receipts and answers to come.
    try:
        secrets = runtime.sealer.open(gateway.secrets) if gateway.secrets else {}
        settings = module.Settings.model_validate(gateway.settings | secrets)
    except (SealBroken, ValidationError) as error:
        log.error("door.broken", gateway=gateway.id, error=type(error).__name__)
        return BROKEN
    return Door(gateway, store, module, settings)


# ------------------------------------------------------------------ what an operator says


async def hear(request: Request) -> Response:
    """Receipts and texts, told by an operator."""
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
        return problem(door.status, door.detail, title=door.title, type=PROBLEMS + door.slug)
    bytes_max = runtime.settings.fact_body_bytes_max
    body = await body_of(request, bytes_max)
    if body is None:
        why = f"At most {bytes_max} bytes at once."
        return problem(413, why, type=PROBLEMS + "body-too-large")
    try:
        heard = read(door, _call(request, runtime, body))
    except CallWrong as wrong:
        # Neither the address nor the body: a secret may stand there.
        log.info("door.refused", gateway=door.gateway.id, why=str(wrong)[:200])
        await _count(runtime, door)
        return problem(wrong.status, str(wrong), title="Not taken", type=PROBLEMS + "call-wrong")
    if heard.receipts or heard.texts:
        await _write(runtime, door, heard)
    return Response(heard.answer, heard.status, media_type=heard.content_type)


def read(door: Door, call: Call) -> Heard:
    """What a call tells. Raises CallWrong, also for what an operator's file trips over."""
    try:
        heard: Heard = door.module.hear(door.settings, call)
    except CallWrong:
        raise
    except Exception as error:
        log.error("door.unreadable", gateway=door.gateway.id, error=type(error).__name__)
        raise CallWrong("The call cannot be read.", 400) from None
    if len(heard.receipts) + len(heard.texts) > HEARD_MAX:
        raise CallWrong(f"At most {HEARD_MAX} receipts and texts in one call.", 400)
    return heard


def _call(request: Request, runtime: Runtime, body: bytes) -> Call:
    """The call under the address that the operator knows, which is what it signed: behind a proxy
    our own name for it is another one."""
    path = request.scope.get("raw_path", b"").decode("latin-1") or request.url.path
    query = request.scope.get("query_string", b"").decode("latin-1")
    public = runtime.settings.public_url.rstrip("/")
    url = (public or str(request.base_url).rstrip("/")) + path.partition("?")[0]
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known}, {value}"
    full = f"{url}?{query}" if query else url
    return Call(request.method, full, headers, body, runtime.clock())


async def _write(runtime: Runtime, door: Door, heard: Heard) -> None:
    """All that was told, in one transaction: it is acknowledged only after its commit."""
    now, store, gateway_id = runtime.clock(), door.store, door.gateway.id
    told = [
        Receipt(_kept(one.provider_id, 200), one.state, _kept(one.error, 200), one.at)
        for one in heard.receipts
    ]
    texts: list[Fact] = [text_received(gateway_id, one, now) for one in heard.texts]
    stops = {_kept(one.provider_id, 200): one.error for one in heard.receipts if one.opted_out}
    by_letter = door.gateway.channel == "email"
    dead = [
        letter
        for one in heard.receipts
        if complaints.is_hard(one.error) and (letter := id_of(one.provider_id))
    ]

    async def work(tx: db.Tx) -> None:
        if told:
            await messages.write(tx, store, gateway_id, [], told, now)
        if by_letter:  # there is no phone that could have stopped anybody
            await complaints.write(tx, store, stops, now, runtime.ids)
            await complaints.write_dead(tx, store, dead, now, runtime.ids)
            return
        known = await recipients.of_provider_ids(tx, store, gateway_id, list(stops))
        stopped = [
            StoppedAtOperator(
                id=f"stopped/{token_of(message_id)}",
                at=now,
                gateway=gateway_id,
                phone=phone[:500],
                words=_kept(stops[provider_id], 500) or "stopped",
            )
            for provider_id, (message_id, phone) in known.items()
        ]
        if texts or stopped:
            await facts.write(tx, store, 0, [*texts, *stopped], now, runtime.ids)

    await db.retried(runtime.pool, work)


def text_received(gateway_id: int, text: TextHeard, now: datetime) -> TextReceived:
    """A person's text as the fact that it is. Without an id of the operator's, the same words from
    the same phone within a minute are the same text told twice."""
    if text.id:
        key = f"{gateway_id}/{text.id}"
    else:
        moment = text.at or datetime.fromtimestamp(
            now.timestamp() // DELIVERED_TWICE.total_seconds(), now.tzinfo
        )
        key = repr((gateway_id, text.sender, text.recipient, text.body, moment))
    return TextReceived(
        id=f"sms/{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}",
        at=_in_our_times(text.at, now),
        gateway=gateway_id,
        sender=_kept(text.sender, 500),
        recipient=_kept(text.recipient, 500),
        body=_kept(text.body, 40_000),
    )


def _in_our_times(at: datetime | None, now: datetime) -> datetime:
    """An operator's clock may be wrong; a text of the future would be answered in the future."""
    if at is None or at.tzinfo is None:
        return now
    return at if now - AGE_MAX < at < now else now


def _kept(words: str, chars_max: int) -> str:
    """PostgreSQL keeps neither a NUL nor half a surrogate pair."""
    clean = words.replace("\0", " ").encode("utf-8", "replace").decode()
    return clean[:chars_max]


async def _count(runtime: Runtime, door: Door) -> None:
    """Lets the merchant see refusals, without a write for each of a flood."""
    now = runtime.clock()
    door.refused += 1
    if door.counted_at and now - door.counted_at < COUNTED_EVERY:
        return
    door.counted_at, n, door.refused = now, door.refused, 0
    async with db.transaction(runtime.pool) as tx:
        its = f"door_refused/{door.gateway.id}"
        await counters.add(tx, door.store, now, {"door_refused": n, its: n})


def _doors(request: Request) -> Doors:
    state = request.app.state
    if not hasattr(state, "gateway_doors"):
        state.gateway_doors = Doors()
    doors: Doors = state.gateway_doors
    return doors


ROUTES: list[BaseRoute] = [Route("/in/gateways/{token}", hear, methods=METHODS)]
