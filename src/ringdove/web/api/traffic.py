"""What programs ask and do about sending: gateways at work, a message's whole story, the unknown.

Packets hold whole numbers, so they are for keys that may read those.
"""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from ringdove.kit import db
from ringdove.records.sending import gateways, message_story, traffic, unknown, wire
from ringdove.smpp import shown
from ringdove.web.api.callers import Caller, MarketerKey, OwnerKey, SupportKey, ViewerKey
from ringdove.web.sending import asking

router = APIRouter(prefix="/api/stores/{store_id}")

ID_MAX = 2**63 - 1
GATEWAY_MAX = 2**31 - 1
MessageId = Annotated[int, Path(ge=1, le=ID_MAX, description="As text or number.")]
GatewayId = Annotated[int, Path(ge=1, le=GATEWAY_MAX)]
Shown = dict[str, Any]


# ------------------------------------------------------------------ gateways


@router.get("/gateways", tags=["Ask"], summary="Gateways at work")
async def all_gateways(
    caller: ViewerKey,
    hours: Annotated[int, Query(ge=1, le=720, description="Figures of so many hours.")] = 24,
) -> list[Shown]:
    """Each gateway with its state, what waits for it (exact up to 10,000; one more means more), and
    by network what was sent and delivered, and its errors."""
    now = caller.now
    async with caller.transaction() as tx:
        ways = await gateways.of_store(tx, caller.store.id)
        since = (now - timedelta(hours=hours)).replace(minute=0, second=0, microsecond=0)
        went = await traffic.by_gateway(tx, caller.store, since, now + timedelta(hours=1))
        waits = {way.id: await traffic.waiting(tx, caller.store, way.id) for way in ways}
        taken = {way.id: await traffic.under_way(tx, caller.store, way.id) for way in ways}
    return [
        {
            "id": way.id,
            "name": way.name,
            "kind": way.kind,
            "channel": way.channel,
            "state": way.state,
            "state_at": way.state_at,
            "paused_at": way.paused_at,
            "waiting": waits[way.id],
            "under_way": taken[way.id],
            "since": since,
            "networks": _networks(went.get(way.id)),
            "errors": dict(went[way.id].errors) if way.id in went else {},
        }
        for way in ways
    ]


def _networks(went: traffic.Traffic | None) -> Shown:
    every = went.networks.items() if went else ()
    return {
        name: {"sent": one.sent, "delivered": one.delivered, "undelivered": one.undelivered}
        for name, one in every
    }


class Paused(BaseModel):
    """How the gateway stands now."""

    is_paused: bool


@router.post("/gateways/{gateway_id}/pause", tags=["Tell"], summary="Pause a gateway")
async def pause(gateway_id: GatewayId, caller: OwnerKey) -> Paused:
    """New texts go over the next one of its kind; what waits for it waits until it is resumed, and
    what becomes too late meanwhile is dropped."""
    return await _paused(gateway_id, caller, True)


@router.post("/gateways/{gateway_id}/resume", tags=["Tell"], summary="Resume a gateway")
async def resume(gateway_id: GatewayId, caller: OwnerKey) -> Paused:
    """It is used again, and what waited for it goes out."""
    return await _paused(gateway_id, caller, False)


async def _paused(gateway_id: int, caller: Caller, is_paused: bool) -> Paused:
    async with caller.transaction() as tx:
        way = await gateways.find(tx, caller.store.id, gateway_id)
        if way is None:
            raise HTTPException(404, "No gateway has this id.")
        await gateways.pause(tx, caller.store.id, gateway_id, caller.now if is_paused else None)
        await caller.audit(tx, "gateway.paused" if is_paused else "gateway.resumed", way.name)
        await db.notify(tx, "gateways")
        await db.notify(tx, "outbox")
    return Paused(is_paused=is_paused)


# ------------------------------------------------------------------ a message's story


@router.get("/messages/{message_id}/story", tags=["Ask"], summary="A message's whole story")
async def story(message_id: MessageId, caller: SupportKey) -> Shown:
    """Its receipts part by part, and the packets that went over the wire of it where they are kept:
    octets in hex, and of SMPP their fields by name."""
    async with caller.transaction() as tx:
        found = await message_story.story(tx, caller.store, message_id)
        packets = await wire.of_message(tx, caller.store, message_id) if found else []
    if found is None:
        raise HTTPException(404, "No message has this id.")
    message, receipts = found
    return {
        "id": str(message_id),
        "state": message["state"],
        "reason": message["reason"],
        "gateway_id": message["gateway_id"] or None,
        "network": message["network"],
        "created_at": message["created_at"],
        "sent_at": message["sent_at"],
        "done_at": message["done_at"],
        "receipts": [dict(one) for one in receipts],
        "packets": [_packet(one) for one in packets],
    }


def _packet(row: Any) -> Shown:
    octets = bytes(row["octets"])
    told: Shown = {"at": row["at"], "direction": row["direction"], "what": row["what"]}
    packet = shown.read(octets) if "_" in row["what"] else None
    if packet is None:
        return told | {"words": octets.decode("utf-8", "replace")}
    return told | {"hex": octets.hex()} | shown.packet(packet)


class Asked(BaseModel):
    """told: it is among the receipts now. not_known: the operator does not say, or there is no id
    of its own to ask about. away: no answer in time. settings: its keys cannot be used."""

    answer: asking.Answer


@router.post("/messages/{message_id}/ask", tags=["Ask"], summary="Ask the operator about a message")
async def ask(message_id: MessageId, caller: SupportKey) -> Asked:
    """Asks what became of it, where the operator can be asked; nothing is sent."""
    async with caller.transaction() as tx:
        found = await message_story.story(tx, caller.store, message_id)
        way = found and await gateways.find(tx, caller.store.id, found[0]["gateway_id"])
    if found is None:
        raise HTTPException(404, "No message has this id.")
    ids = asking.ids_to_ask(*found)
    if not way or not ids:
        return Asked(answer="not_known")
    answer = await asking.ask(caller.runtime, caller.store, way, ids)
    async with caller.transaction() as tx:
        await caller.audit(tx, "message.asked", str(message_id), answer=answer)
    return Asked(answer=answer)


# ------------------------------------------------------------------ unknown outcomes


class Chosen(BaseModel):
    """Messages of unknown outcome."""

    model_config = ConfigDict(extra="forbid")

    ids: list[int] = Field(
        min_length=1, max_length=unknown.AT_ONCE_MOST, description="As text or numbers."
    )


class ChosenAgain(Chosen):
    """The same, and whether marketing is among what is said again."""

    also_marketing: bool = Field(
        False, description="Without it marketing is left alone: it may have arrived."
    )


class SaidAgain(BaseModel):
    """How many wait to be said again, and how many were left."""

    again: int
    marketing_left: int
    too_late: int


class Left(BaseModel):
    """How many are off the list."""

    left: int


@router.get("/unknown", tags=["Ask"], summary="Messages of unknown outcome")
async def unknown_ones(
    caller: ViewerKey,
    before: Annotated[int, Query(ge=1, le=ID_MAX)] = ID_MAX,
    most: Annotated[int, Query(ge=1, le=unknown.AT_ONCE_MOST)] = unknown.SHOWN_MOST,
) -> list[Shown]:
    """They may or may not have been sent, and nobody has decided about them; newest first."""
    async with caller.transaction() as tx:
        rows = await unknown.listed(tx, caller.store, caller.now, before, most)
    return [
        {
            "id": str(row["id"]),
            "contact_id": str(row["contact_id"]),
            "channel": row["channel"],
            "class": row["class"],
            "recipient": _recipient(row, caller),
            "gateway_id": row["gateway_id"],
            "reason": row["reason"],
            "since": row["sent_at"] or row["created_at"],
            "not_after": row["not_after"],
        }
        for row in rows
    ]


def _recipient(row: Any, caller: Caller) -> str | None:
    if row["channel"] == "sms":
        return caller.phone(row["recipient"])
    return None if caller.role == "viewer" else row["recipient"]


@router.post("/unknown/again", tags=["Tell"], summary="Have messages said again")
async def say_again(chosen: ChosenAgain, caller: MarketerKey) -> SaidAgain:
    """They may arrive twice. Each is asked anew whether it may go; what is too late stays as it
    is."""
    async with caller.transaction() as tx:
        again, marketing, late = await unknown.say_again(
            tx, caller.store, _ids(chosen), caller.now, also_marketing=chosen.also_marketing
        )
        if again:
            await caller.audit(tx, "unknown.said_again", str(again))
    return SaidAgain(again=again, marketing_left=marketing, too_late=late)


@router.post("/unknown/left", tags=["Tell"], summary="Leave messages as they are")
async def leave(chosen: Chosen, caller: SupportKey) -> Left:
    """They stay unknown and leave the list; a receipt that still comes settles them."""
    async with caller.transaction() as tx:
        left = await unknown.leave(tx, caller.store, _ids(chosen), caller.now)
        if left:
            await caller.audit(tx, "unknown.left", str(left))
    return Left(left=left)


def _ids(chosen: Chosen) -> list[int]:
    return [one for one in chosen.ids if 0 < one <= ID_MAX]
