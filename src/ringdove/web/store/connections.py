"""Connections: the shops that tell a store facts, and the gateways over which it speaks.

Only owners see settings. Secrets are sealed as they come in and never shown again; one that is
made here is shown once. Gateways have their own file, web/sending/gateways.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import phonenumbers
from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit import http
from ringdove.kit.crypto import SealBroken, new_token
from ringdove.kit.db import Tx
from ringdove.records import counters, facts
from ringdove.records.sending import gateways
from ringdove.records.store import connections
from ringdove.records.store.connections import Connection
from ringdove.runtime import GATEWAYS, STORES
from ringdove.stores import edge
from ringdove.web.forms import Form
from ringdove.web.speech import Speech
from ringdove.web.store import edges
from ringdove.web.views import OwnerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/connections", include_in_schema=False)

SHOP_ANSWERS_S_MAX = 15.0
DAY = timedelta(days=1)


@router.get("")
async def show(page: ViewerPage) -> Response:
    """Shops and gateways with what they last said; settings only behind each."""
    now = page.runtime.clock()
    async with page.transaction() as tx:
        shops = await connections.of_store(tx, page.store.id)
        heard = await connections.heard_lately(tx, page.store)
        ways = await gateways.of_store(tx, page.store.id)
        counted = await counters.by_hour(tx, page.store, now - DAY, now + DAY)
        parked = len(await facts.parked(tx, page.store))
    return page.render(
        "store/connections.html",
        shops=shops,
        heard=heard,
        ways=ways,
        refused=sum(row["n"] for row in counted if row["name"] == "door_refused"),
        parked=parked,
        title=lambda kind: edges.title(page.say, kind),
        shop_state=lambda shop: shop_state(page.say, shop, heard.get(shop.id)),
        way_state=lambda way: way_state(page.say, way),
        order=_order(ways),
    )


def _order(ways: list[gateways.Gateway]) -> Mapping[int, int]:
    """Which place each gateway in use has on its channel, from 1."""
    places: dict[int, int] = {}
    for channel in ("sms", "email"):
        used = [way for way in ways if way.channel == channel and not way.paused_at]
        places |= {way.id: place for place, way in enumerate(used, 1)}
    return places


def shop_state(say: Speech, shop: Connection, heard_at: datetime | None) -> tuple[str, str]:
    """A word and its tone."""
    _ = say.gettext
    if shop.paused_at:
        return _("Paused"), "wait"
    if shop.error:
        return _("Catch-up fails"), "bad"
    return (_("Connected"), "ok") if heard_at else (_("Nothing heard yet"), "wait")


def way_state(say: Speech, way: gateways.Gateway) -> tuple[str, str]:
    """A word and its tone."""
    _ = say.gettext
    if way.paused_at:
        return _("Paused"), "wait"
    if way.state == "connecting" and getattr(GATEWAYS.get(way.kind), "TRANSPORT", "") == "http":
        return _("Ready"), ""  # the first text is what connects it
    return {
        "connecting": (_("Connecting"), "wait"),
        "bound": (_("Connected"), "ok"),
        "refused": (_("Refused"), "bad"),
        "lost": (_("Connection lost"), "bad"),
        "stopped": (_("Stopped"), "wait"),
    }.get(way.state or "", (_("Not used yet"), ""))


# ------------------------------------------------------------------ a shop


@router.get("/shops/new")
async def choose_shop(page: OwnerPage, kind: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Which kind of shop, then its form."""
    async with page.transaction() as tx:
        taken = {one.name for one in await connections.of_store(tx, page.store.id)}
    return edges.choice(page, "shops", STORES, kind, taken=taken)


@router.post("/shops")
async def add_shop(page: OwnerPage, kind: Annotated[str, Query(max_length=40)] = "") -> Response:
    """A new connection; a secret that was made for it is on the answer, and nowhere else."""
    if kind not in STORES:
        raise HTTPException(404)
    form, kept, made = await edges.read(page.request, kind, page.say, {})
    if kept is None:
        return edges.choice(page, "shops", STORES, kind, form)
    async with page.transaction() as tx:
        shop_id = await connections.create(
            tx,
            store_id=page.store.id,
            kind=kind,
            name=kept.name,
            token=new_token(),
            settings=kept.plain,
            secrets=page.runtime.sealer.seal(kept.secrets),
            now=page.runtime.clock(),
        )
        await page.audit(tx, "connection.created", kept.name, kind=kind)
    return await _shop(page, shop_id, shown_once=made)


@router.get("/shops/{shop_id}")
async def show_shop(page: OwnerPage, shop_id: int) -> Response:
    """Its steps, its example, its settings."""
    return await _shop(page, shop_id)


@dataclass(frozen=True, slots=True)
class Tried:
    """What a test found."""

    tone: str
    text: str
    href: str = ""  # where more of it is seen


async def _shop(
    page: StorePage,
    shop_id: int,
    status: int = 200,
    *,
    form: Form[Any] | None = None,
    shown_once: Mapping[str, str] | None = None,
    tried: Tried | None = None,
) -> Response:
    async with page.transaction() as tx:
        shop = await find_shop(tx, page, shop_id)
        heard = await connections.heard_lately(tx, page.store)
    say, module = page.say, STORES[shop.kind]
    url = f"{page.runtime.settings.outside_url}/in/{shop.token}"
    secret = next(iter((shown_once or {}).values()), say.gettext("your signing secret"))
    phone = phonenumbers.example_number_for_type(
        page.store.country, phonenumbers.PhoneNumberType.MOBILE
    )
    number = phonenumbers.format_number(phone, 0) if phone else "+375291112233"
    now = page.runtime.clock()
    return page.render(
        "store/shop.html",
        status,
        shop=shop,
        kind=edges.title(say, shop.kind),
        state=shop_state(say, shop, heard.get(shop.id)),
        heard_at=heard.get(shop.id),
        url=url,
        steps=[say.gettext(step, url=url) for step in module.steps("%(url)s")],
        example=module.example(url, secret, number, now) if hasattr(module, "example") else "",
        form=form or edges.typed(shop.kind, shop.name, shop.settings),
        fields=edges.fields(say, shop.kind, frozenset(_secrets(page, shop))),
        shown_first=edges.shown_first(shop.kind),
        shown_once=shown_once or {},
        can_test=hasattr(module, "history"),
        tried=tried,
    )


async def find_shop(tx: Tx, page: StorePage, shop_id: int) -> Connection:
    """One of this store's, or no such page."""
    shop = await connections.find(tx, page.store.id, shop_id) if shop_id < 2**31 else None
    if shop is None:
        raise HTTPException(404)
    return shop


def _secrets(page: StorePage, shop: Connection) -> dict[str, str]:
    """What is sealed; nothing when the key of this installation is another by now."""
    try:
        found: dict[str, str] = page.runtime.sealer.open(shop.secrets)
        return found
    except SealBroken:
        return {}


@router.post("/shops/{shop_id}")
async def change_shop(page: OwnerPage, shop_id: int) -> Response:
    """Other settings from now on."""
    async with page.transaction() as tx:
        shop = await find_shop(tx, page, shop_id)
    form, kept, made = await edges.read(page.request, shop.kind, page.say, _secrets(page, shop))
    if kept is None:
        return await _shop(page, shop_id, 422, form=form)
    await _keep(page, shop, kept)
    if made:
        return await _shop(page, shop_id, shown_once=made)
    return page.go(f"{page.home}/connections/shops/{shop_id}", page.say.gettext("Saved."))


async def _keep(page: StorePage, shop: Connection, kept: edges.Kept) -> None:
    async with page.transaction() as tx:
        await connections.change(
            tx,
            store_id=page.store.id,
            connection_id=shop.id,
            name=kept.name,
            settings=kept.plain,
            secrets=page.runtime.sealer.seal(kept.secrets),
        )
        await page.audit(tx, "connection.changed", kept.name)


@router.post("/shops/{shop_id}/secret")
async def renew_secret(page: OwnerPage, shop_id: int) -> Response:
    """A new signing secret; the old one is refused within seconds."""
    async with page.transaction() as tx:
        shop = await find_shop(tx, page, shop_id)
    fresh = {"webhook_secret": new_token()}
    await _keep(page, shop, edges.Kept(shop.name, shop.settings, _secrets(page, shop) | fresh))
    return await _shop(page, shop_id, shown_once=fresh)


@router.post("/shops/{shop_id}/test")
async def test_shop(page: OwnerPage, shop_id: int) -> Response:
    """Asks the shop for its newest orders, as catch-up does, and keeps nothing of the answer."""
    async with page.transaction() as tx:
        shop = await find_shop(tx, page, shop_id)
    return await _shop(page, shop_id, tried=await _tried(page, shop))


async def _tried(page: StorePage, shop: Connection) -> Tried:
    _ = page.say.gettext
    module = STORES[shop.kind]
    try:
        settings = edge.united(
            module.Settings, shop.settings, _secrets(page, shop), page.store.time_zone
        )
    except ValidationError:
        return Tried("bad", _("The settings cannot be read: enter them again."))
    if not hasattr(module, "history") or not settings.can_catch_up:
        return Tried("wait", _("Without the address and both REST keys there is nothing to ask."))
    now = page.runtime.clock()
    talk = module.history(settings, now, page.store.country, now)
    try:
        first = next(talk)
        async with http.opened(SHOP_ANSWERS_S_MAX) as ask:
            reply = await ask(first.method, first.url, first.headers)
        talk.send(edge.Response(reply.status, reply.headers, reply.body))
    except StopIteration as end:
        if isinstance(end.value, edge.Refusal):
            return Tried("bad", end.value.detail)
    except http.TROUBLES as error:
        return Tried("bad", _("The shop does not answer (%(why)s).", why=type(error).__name__))
    except ValueError:
        return Tried("bad", _("This is no address of a shop."))
    return Tried("ok", _("The shop answers, and the keys fit."))


@router.post("/shops/{shop_id}/pause")
async def pause_shop(page: OwnerPage, shop_id: int) -> Response:
    """Its door closes."""
    return await _paused(page, shop_id, page.runtime.clock(), "connection.paused")


@router.post("/shops/{shop_id}/pause/end")
async def resume_shop(page: OwnerPage, shop_id: int) -> Response:
    """Its door opens again."""
    return await _paused(page, shop_id, None, "connection.resumed")


async def _paused(page: StorePage, shop_id: int, at: datetime | None, action: str) -> Response:
    async with page.transaction() as tx:
        shop = await find_shop(tx, page, shop_id)
        await connections.pause(tx, page.store.id, shop_id, at)
        await page.audit(tx, action, shop.name)
    _ = page.say.gettext
    said = _("It is paused.") if at else _("It hears again.")
    return page.go(f"{page.home}/connections/shops/{shop_id}", said)


@router.post("/shops/{shop_id}/end")
async def remove_shop(page: OwnerPage, shop_id: int) -> Response:
    """Its door closes for good, its secrets are forgotten."""
    async with page.transaction() as tx:
        shop = await find_shop(tx, page, shop_id)
        await connections.remove(tx, page.store.id, shop_id, page.runtime.clock())
        await page.audit(tx, "connection.removed", shop.name)
    said = page.say.gettext("“%(name)s” is removed.", name=shop.name)
    return page.go(f"{page.home}/connections", said)
