"""Gateways on the page Connections: add, change, order, pause, remove, test.

A change is told to the workers in the transaction that makes it (channel `gateways`), so that a
bind follows within a second. Only owners come here; secrets are sealed and never shown again.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import StringConstraints, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit import db, mail
from ringdove.kit.crypto import SealBroken
from ringdove.kit.db import Tx
from ringdove.records.sending import gateways, prices, traffic
from ringdove.records.sending.gateways import Gateway
from ringdove.rules import facts
from ringdove.runtime import GATEWAYS, callback_url, door_of_gateway
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.reasons import reason_words
from ringdove.web.sending import handwork, operator_requests
from ringdove.web.store import edges
from ringdove.web.store.connections import Tried, way_state
from ringdove.web.views import OwnerPage, StorePage

router = APIRouter(prefix="/stores/{store_id}/connections/gateways", include_in_schema=False)

RANK_STEP = 10
Back = Annotated[str, Query(max_length=20)]
MAIL_ANSWERS_S_MAX = 15.0


@router.get("/new")
async def choose(page: OwnerPage, kind: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Which kind of gateway, then its form."""
    async with page.transaction() as tx:
        taken = {one.name for one in await gateways.of_store(tx, page.store.id)}
    return edges.choice(page, "gateways", GATEWAYS, kind, taken=taken)


@router.post("")
async def add(page: OwnerPage, kind: Annotated[str, Query(max_length=40)] = "") -> Response:
    """A new gateway, used after those that are there."""
    if kind not in GATEWAYS:
        raise HTTPException(404)
    form, kept, made = await edges.read(page.request, kind, page.say, {})
    if kept is None:
        return edges.choice(page, "gateways", GATEWAYS, kind, form)
    channel = getattr(GATEWAYS[kind], "CHANNEL", "sms")
    async with page.transaction() as tx:
        others = await gateways.of_store(tx, page.store.id)
        gateway_id = await gateways.create(
            tx,
            store_id=page.store.id,
            kind=kind,
            channel=channel,
            name=kept.name,
            settings=kept.plain,
            secrets=page.runtime.sealer.seal(kept.secrets),
            now=page.runtime.clock(),
            rank=max((one.rank for one in others), default=100 - RANK_STEP) + RANK_STEP,
        )
        await gateways.take_over(tx, page.store, channel)
        await page.audit(tx, "gateway.created", kept.name, kind=kind)
        await _tell_workers(tx)
    if made:  # on this answer and nowhere else
        return await _render(page, gateway_id, shown_once=made)
    return page.go(f"{page.home}/connections/gateways/{gateway_id}", page.say.gettext("Added."))


async def _tell_workers(tx: Tx) -> None:
    await db.notify(tx, "gateways")
    await db.notify(tx, "outbox")


async def _find(tx: Tx, page: StorePage, gateway_id: int) -> Gateway:
    way = await gateways.find(tx, page.store.id, gateway_id) if gateway_id < 2**31 else None
    if way is None:
        raise HTTPException(404)
    return way


@router.get("/{gateway_id}")
async def show(page: OwnerPage, gateway_id: int) -> Response:
    """Its state, a test, and its settings."""
    return await _render(page, gateway_id)


async def _render(
    page: StorePage,
    gateway_id: int,
    status: int = 200,
    *,
    form: Form[Any] | None = None,
    text: Form[Any] | None = None,
    tried: Tried | None = None,
    shown_once: Mapping[str, str] | None = None,
    shows_secret: bool = False,
) -> Response:
    async with page.transaction() as tx:
        way = await _find(tx, page, gateway_id)
        ways = await gateways.of_store(tx, page.store.id)
        listed = (await prices.of_store(tx, page.store.id)).get(gateway_id)
        refused = await _calls_refused_today(tx, page, gateway_id)
    same = [one.id for one in ways if one.channel == way.channel and not one.paused_at]
    secrets = _secrets(page, way)
    words = page.say.gettext("A test text of %s.") % page.store.name
    module, settings = GATEWAYS.get(way.kind), page.runtime.settings
    told = callback_url(settings, way.token)
    return page.render(
        "sending/gateway.html",
        status,
        way=way,
        listed=listed,
        kind=edges.title(page.say, way.kind),
        state=way_state(page.say, way),
        is_first=same[:1] == [way.id],
        has_others=len([one for one in ways if one.channel == way.channel]) > 1,
        form=form or edges.typed(way.kind, way.name, way.settings),
        fields=edges.fields(page.say, way.kind, frozenset(secrets)),
        shown_first=edges.shown_first(way.kind),
        text=text or Form({"text": words}),
        tried=tried,
        door=door_of_gateway(settings, way.token) if hasattr(module, "hear") else "",
        calls_refused=refused,
        is_public=bool(settings.public_url),
        callbacks=edges.callbacks(page.say, way.kind),
        shown_once=shown_once or {},
        callback_secret=str(secrets.get("callback_secret", "")),
        shows_secret=shows_secret,
        preview=operator_requests.preview(
            way, secrets, told, page.store.country, words, page.runtime.clock()
        ),
    )


async def _calls_refused_today(tx: Tx, page: StorePage, gateway_id: int) -> int:
    now, zone = page.runtime.clock(), page.say.zone
    today = datetime.combine(now.astimezone(zone).date(), time(), zone)
    day = await traffic.by_gateway(tx, page.store, today, now + timedelta(hours=1))
    return day.get(gateway_id, traffic.Traffic()).calls_refused


def _secrets(page: StorePage, way: Gateway) -> dict[str, Any]:
    try:
        found: dict[str, Any] = page.runtime.sealer.open(way.secrets) if way.secrets else {}
        return found
    except SealBroken:
        return {}


@router.post("/{gateway_id}")
async def change(page: OwnerPage, gateway_id: int) -> Response:
    """Other settings; a bind that runs is ended and begun anew."""
    async with page.transaction() as tx:
        way = await _find(tx, page, gateway_id)
    form, kept, made = await edges.read(page.request, way.kind, page.say, _secrets(page, way))
    if kept is None:
        return await _render(page, gateway_id, 422, form=form)
    async with page.transaction() as tx:
        await gateways.change(
            tx,
            store_id=page.store.id,
            gateway_id=gateway_id,
            name=kept.name,
            settings=kept.plain,
            rank=way.rank,
            secrets=page.runtime.sealer.seal(kept.secrets),
        )
        await page.audit(tx, "gateway.changed", kept.name)
        await _tell_workers(tx)
    if made:
        return await _render(page, gateway_id, shown_once=made)
    return page.go(f"{page.home}/connections/gateways/{gateway_id}", page.say.gettext("Saved."))


@router.post("/{gateway_id}/first")
async def put_first(page: OwnerPage, gateway_id: int) -> Response:
    """New texts of its channel go over it; the others follow in their order."""
    async with page.transaction() as tx:
        way = await _find(tx, page, gateway_id)
        ways = await gateways.of_store(tx, page.store.id)
        same = sorted(
            (one for one in ways if one.channel == way.channel),
            key=lambda one: (one.id != gateway_id, one.rank, one.id),
        )
        for place, one in enumerate(same, 1):
            await gateways.change(
                tx,
                store_id=page.store.id,
                gateway_id=one.id,
                name=one.name,
                settings=one.settings,
                rank=place * RANK_STEP,
            )
        await page.audit(tx, "gateway.changed", way.name, first=True)
    said = page.say.gettext("New texts go over “%(name)s” first.", name=way.name)
    return page.go(f"{page.home}/connections", said)


@router.post("/{gateway_id}/pause")
async def pause(page: OwnerPage, gateway_id: int, back: Back = "") -> Response:
    """It is not used until it is resumed."""
    return await _paused(page, gateway_id, page.runtime.clock(), "gateway.paused", back)


@router.post("/{gateway_id}/pause/end")
async def resume(page: OwnerPage, gateway_id: int, back: Back = "") -> Response:
    """It is used again."""
    return await _paused(page, gateway_id, None, "gateway.resumed", back)


async def _paused(
    page: StorePage, gateway_id: int, at: datetime | None, action: str, back: str
) -> Response:
    async with page.transaction() as tx:
        way = await _find(tx, page, gateway_id)
        await gateways.pause(tx, page.store.id, gateway_id, at)
        await page.audit(tx, action, way.name)
        await _tell_workers(tx)
    _ = page.say.gettext
    said = _("It is paused.") if at else _("It is used again.")
    here = "gateways" if back == "gateways" else f"connections/gateways/{gateway_id}"
    return page.go(f"{page.home}/{here}", said)


@router.post("/{gateway_id}/end")
async def remove(page: OwnerPage, gateway_id: int) -> Response:
    """Its secrets are forgotten; what still waits for it goes over the next one."""
    async with page.transaction() as tx:
        way = await _find(tx, page, gateway_id)
        await gateways.remove(tx, page.store.id, gateway_id, page.runtime.clock())
        moved = await gateways.take_over(tx, page.store, way.channel)
        await page.audit(tx, "gateway.removed", way.name, moved=moved)
        await _tell_workers(tx)
    said = page.say.gettext("“%(name)s” is removed.", name=way.name)
    return page.go(f"{page.home}/connections", said)


@router.post("/{gateway_id}/address")
async def show_address(page: OwnerPage, gateway_id: int) -> Response:
    """Our address for the operator with its secret, on this answer only; that somebody looked is
    remembered."""
    async with page.transaction() as tx:
        way = await _find(tx, page, gateway_id)
        await page.audit(tx, "gateway.address_shown", way.name)
    return await _render(page, gateway_id, shows_secret=True)


# ------------------------------------------------------------------ tests


@router.post("/{gateway_id}/test")
async def test(page: OwnerPage, gateway_id: int) -> Response:
    """Signs in at the mail server and out again; nothing is sent."""
    async with page.transaction() as tx:
        way = await _find(tx, page, gateway_id)
    if way.channel != "email":
        raise HTTPException(404)
    _ = page.say.gettext
    try:
        settings = GATEWAYS[way.kind].Settings.model_validate(way.settings | _secrets(page, way))
    except ValidationError:
        tried = Tried("bad", _("The settings cannot be read: enter them again."))
        return await _render(page, gateway_id, tried=tried)
    server = mail.server(
        settings.host,
        settings.port,
        settings.security,
        settings.username,
        settings.password.get_secret_value(),
        MAIL_ANSWERS_S_MAX,
    )
    trouble = await mail.trouble_with(server)
    tried = Tried("ok", _("The server answers and lets in."))
    if trouble:
        tried = Tried("bad", reason_words(page.say, trouble))
    return await _render(page, gateway_id, tried=tried)


class TestText(Filled):
    phone: Annotated[str, StringConstraints(min_length=3, max_length=60)]
    text: Annotated[str, StringConstraints(min_length=1, max_length=300)]


@router.post("/{gateway_id}/text")
async def send_text(page: OwnerPage, gateway_id: int) -> Response:
    """One text through the decision, like every text (P1), but over this gateway and no other."""
    async with page.transaction() as tx:
        way = await _find(tx, page, gateway_id)
    form = await read_form(page.request, TestText, page.say)
    if form.filled is None:
        return await _render(page, gateway_id, 422, text=form)
    _ = page.say.gettext
    if way.paused_at:
        tried = Tried("wait", _("It is paused: resume it to send a test text."))
        return await _render(page, gateway_id, 422, text=form, tried=tried)
    wish = handwork.Wish(
        facts.Customer(phone=form.filled.phone),
        form.filled.text.replace("\0", ""),
        "service",
        f"page/{page.user.name}",
        topic="test",
        gateway_id=way.id,
    )
    try:
        made = await handwork.send(page.runtime, page.store, wish)
    except handwork.PhoneDoubtful:
        form.refuse("phone", _("This number cannot be read."))
        return await _render(page, gateway_id, 422, text=form)
    async with page.transaction() as tx:
        await page.audit(tx, "message.sent", str(made["id"]), test=True)
    if made["state"] == "dropped":
        why = reason_words(page.say, made["reason"])
        tried = Tried("wait", _("It is not sent. %(why)s", why=why))
    else:
        tried = Tried("ok", _("It is on its way."), f"{page.home}/messages/{made['id']}")
    return await _render(page, gateway_id, text=form, tried=tried)
