"""What programs tell over the API: events, a text to one phone, a change of consent, a retry."""

from datetime import datetime
from typing import Annotated, Any, Literal

import psycopg
from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ringdove.kit.crypto import new_token
from ringdove.kit.db import Tx
from ringdove.records import facts
from ringdove.records.sending import handwork as handwork_records
from ringdove.records.store import connections
from ringdove.rules.facts import ConsentChanged, Customer, Scope
from ringdove.stores import events
from ringdove.stores.edge import Nothing, Refusal
from ringdove.web import doors
from ringdove.web.api.callers import Caller, MarketerKey, SupportKey
from ringdove.web.sending import handwork

router = APIRouter(prefix="/api/stores/{store_id}")

ID_MAX = 2**63 - 1
RowId = Annotated[int, Path(ge=1, le=ID_MAX, description="A 64-bit number; keep it as text.")]


def _storable(value: Any) -> Any:
    """PostgreSQL keeps no NUL; line breaks of a text stay."""
    return value.replace("\x00", " ") if isinstance(value, str) else value


class Told(BaseModel):
    """Base of what programs send: unknown fields are refused, so that typos are seen."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    _clean = field_validator("*", mode="before")(_storable)


class Heard(BaseModel):
    """What became of a request's events."""

    accepted: int = Field(description="New ones, now written.")
    repeated: int = Field(description="Known before: nothing was changed.")
    reason: str | None = None


@router.post("/events", response_model=Heard, tags=["Tell"], summary="Tell events")
async def tell_events(request: Request, caller: SupportKey) -> Response:
    """One event, an array, or {"events": […]} of at most 1,000: all are taken or none.

    The same as the signed door `/in/{token}`, for programs that hold an API key.
    """
    body = await doors.body_of(request, caller.runtime.settings.fact_body_bytes_max)
    if body is None:
        raise HTTPException(413, "The body is too large: send the events in smaller groups.")
    country = caller.store.country
    answer = events.read({}, body, events.Settings(), country, caller.now)
    if isinstance(answer, Refusal):
        return doors.refused(answer)
    if isinstance(answer, Nothing):
        return JSONResponse({"accepted": 0, "repeated": 0, "reason": answer.reason})
    try:
        async with caller.transaction() as tx:
            connection_id = await _own_connection(tx, caller)
        return await doors.take(caller.runtime, caller.store, connection_id, answer)
    except psycopg.OperationalError:
        return doors.not_now()


async def _own_connection(tx: Tx, caller: Caller) -> int:
    """Events of the API belong to the store's first connection for events, made when there is
    none: an event's id is unique within it, whichever way it comes."""
    for connection in await connections.of_store(tx, caller.store.id):
        if connection.kind == "events":
            return connection.id
    return await connections.create(
        tx,
        store_id=caller.store.id,
        kind="events",
        name="API",
        token=new_token(),
        settings={},
        secrets=caller.runtime.sealer.seal({"webhook_secret": new_token()}),
        now=caller.now,
    )


class TextWish(Told):
    """A text to one phone."""

    phone: str = Field(min_length=3, max_length=60, examples=["+375291112233"])
    text: str = Field(min_length=1, max_length=handwork.TEXT_CHARS_MAX)
    id: str = Field(
        "",
        max_length=100,
        description="Yours. The same id to the same phone again sends nothing new.",
    )
    klass: Literal["service", "marketing"] = Field(
        "service", alias="class", description="Marketing leaves only with a stored consent."
    )
    country: str = Field(
        "", max_length=2, description="Reads a national number. Empty: the store's."
    )
    name: str = Field("", max_length=200)
    topic: str = Field(
        "offers",
        min_length=1,
        max_length=80,
        description="Of marketing: a person can leave one topic and keep the others.",
    )
    category: str = Field(
        "",
        max_length=200,
        description="Of marketing: the goods it offers, for the gap between"
        " two offers of them and after a purchase.",
    )
    occasion: str = Field(
        "",
        max_length=200,
        description='Of marketing: why now, such as "Black Friday". Without'
        " one it is not sent, unless the store's policy only warns.",
    )
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = Field(
        None, description="Later it is dropped, never sent late. Empty: a day after not_before."
    )


class TextMade(BaseModel):
    """The text, or the silence with its reason."""

    message: str = Field(description="Its id.")
    state: str = Field(description="waiting: it goes out; dropped: it does not, see reason.")
    reason: str
    parts: int
    encoding: str
    not_before: datetime
    not_after: datetime
    repeated: bool


@router.post("/texts", status_code=201, tags=["Tell"], summary="Send one text")
async def send_text(wish: TextWish, caller: SupportKey) -> TextMade:
    """Sends a text to one phone, through the same decision as every text: consent, quiet hours,
    stops. The answer says whether it goes out and, if not, why."""
    customer = Customer(phone=wish.phone, name=wish.name, country=wish.country.upper())
    not_before = max(wish.not_before or caller.now, caller.now)
    if wish.not_after and wish.not_after <= not_before:
        raise HTTPException(422, "not_after lies before not_before or has passed.")
    if max(not_before, wish.not_after or not_before) - caller.now > handwork.VALID_FOR_MAX:
        raise HTTPException(422, "A text can wait seven days at most.")
    try:
        made = await handwork.send(
            caller.runtime,
            caller.store,
            handwork.Wish(
                customer, wish.text, wish.klass, f"api/{caller.key_name}", wish.id,
                topic=wish.topic if wish.klass == "marketing" else "by_hand",
                category=wish.category, occasion=wish.occasion,
                not_before=wish.not_before, not_after=wish.not_after,
            ),
        )  # fmt: skip
    except handwork.PhoneDoubtful as doubt:
        raise HTTPException(422, f"This phone cannot be read: {doubt}.") from None
    if not made["repeated"]:
        async with caller.transaction() as tx:
            await caller.audit(tx, "message.sent", str(made["id"]))
    return TextMade(message=str(made["id"]), **{k: v for k, v in made.items() if k != "id"})


class ConsentChange(Told):
    """What a person said, and where."""

    change: Literal["in", "out", "paused"]
    words: str = Field(
        min_length=1, max_length=2000, description="The sentence that was agreed to, or the reason."
    )
    scope: Scope = Field(
        "marketing", description="marketing, service, topic/<key> or category/<name>"
    )
    until: AwareDatetime | None = Field(None, description="Of a pause: no marketing before.")
    language: str = Field("", max_length=12, description="Of the words.")
    source: str = Field("", max_length=40, description="Where it was said: a page, a phone call.")
    ip: str = Field("", max_length=60, description="Of the customer, where there was one.")
    device: str = Field("", max_length=300)
    id: str = Field("", max_length=100, description="Yours. The same id again changes nothing.")


class Taken(BaseModel):
    """It is written and is answered within a second."""

    accepted: bool = Field(description="false: this id was told before.")


@router.post(
    "/customers/{contact_id}/consent", status_code=202, tags=["Tell"], summary="Change a consent"
)
async def change_consent(contact_id: RowId, change: ConsentChange, caller: SupportKey) -> Taken:
    """Writes a yes or a no into the consent ledger, with its words. A no takes back what waits."""
    if (change.change == "paused") != (change.until is not None):
        raise HTTPException(422, "until belongs to change `paused`, and only to it.")
    if change.change == "paused" and change.scope != "marketing":
        raise HTTPException(422, "Only marketing can be paused: choose in or out for a part of it.")
    key = change.id or f"{caller.now:%Y%m%dT%H%M%S%f}"
    fact = ConsentChanged(
        id=f"api/consent/{contact_id}/{key}"[:120],
        at=caller.now,
        contact=contact_id,
        scope=change.scope,
        change=change.change,
        words=change.words,
        source=f"api/{change.source}" if change.source else "api",
        until=change.until,
        language=change.language,
        ip=change.ip,
        device=change.device,
    )
    async with caller.transaction() as tx:
        if not await handwork_records.knows(tx, caller.store, contact_id):
            raise HTTPException(404, "No customer has this id.")
        new = await facts.write(tx, caller.store, 0, [fact], caller.now, caller.runtime.ids)
        await caller.audit(tx, "consent.changed", str(contact_id), change=change.change)
    return Taken(accepted=new > 0)


@router.get("/events/parked", tags=["Ask"], summary="Events that could not be answered")
async def parked_events(caller: SupportKey) -> list[dict[str, Any]]:
    """Poison events: parked with their error, so that they stop nothing but themselves."""
    async with caller.transaction() as tx:
        rows = await facts.parked(tx, caller.store)
    return [
        {name: value for name, value in row.items() if name != "bucket"}
        | {"fact_id": str(row["fact_id"])}
        for row in rows
    ]


@router.post("/events/parked/{fact_id}/retry", status_code=202, tags=["Tell"], summary="Try again")
async def retry_event(fact_id: RowId, caller: MarketerKey) -> Taken:
    """Puts a parked event back into the queue."""
    async with caller.transaction() as tx:
        if not await facts.retry(tx, caller.store, fact_id, caller.now):
            raise HTTPException(404, "No parked event has this id.")
        await caller.audit(tx, "fact.retried", str(fact_id))
    return Taken(accepted=True)
