"""Routes and money: which gateway carries what, under which sender, and how much may be spent.

One page with three lists; everybody of the store reads it, owners change it. A number can be tried:
the answer is asked of the same function that every text is asked of (rules/sending/routes.py).
"""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.sending import gateways, prices, routes, senders, spending
from ringdove.rules.facts import Customer
from ringdove.rules.people import networks, people, phones
from ringdove.rules.sending import price_files
from ringdove.rules.sending.routes import Route, Way, Ways
from ringdove.rules.sending.spending import first_day, today
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.sending import route_words
from ringdove.web.store import places
from ringdove.web.views import OwnerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/routes", include_in_schema=False)

ROUTES_MAX = 200
PLACES = ("first", "second", "third")  # of gateways in the form


@router.get("")
async def show(
    page: ViewerPage, phone: Annotated[str, Query(max_length=60)] = "", klass: str = "service"
) -> Response:
    """Routes, senders, limits, price lists; and which way a number would go."""
    tried = Form[Any]({"phone": phone, "klass": klass}) if phone else None
    return await render(page, tried=tried)


async def render(
    page: StorePage,
    status: int = 200,
    *,
    tried: Form[Any] | None = None,
    sender: Form[Any] | None = None,
    limit: Form[Any] | None = None,
) -> Response:
    """The page, with a form that came back where there is one."""
    now = page.runtime.clock()
    down_before = now - timedelta(seconds=page.runtime.settings.reroute_after_s)
    day = today(now, page.store.time_zone)
    async with page.transaction() as tx:
        named = {one.id: one.name for one in await gateways.of_store(tx, page.store.id)}
        ways = await routes.load(tx, page.store, down_before)
        listed = await prices.of_store(tx, page.store.id)
        own = await senders.of_store(tx, page.store.id)
        limits = await spending.limits(tx, page.store.id)
        spent = await spending.spent(tx, page.store, first_day("month", day))
        is_held = any(one.held_until and one.held_until > now for one in limits)
        waiting = await spending.waiting(tx, page.store, now) if is_held else 0
    there = ways.of_channel("sms")
    return page.render(
        "sending/routes.html",
        status,
        words=route_words,
        ways=ways,
        there=there,
        named=named,
        everything_else=[one.id for one in there],
        over=[(one.id, named[one.id]) for one in there],
        listed=listed,
        senders=own,
        limits=[(one, _spent(one, spent, day)) for one in limits],
        currencies_listed=sorted({one.currency for one in listed.values()}),
        waiting=waiting,
        now=now,
        today=day,
        tried=tried or Form({"klass": "service"}),
        found=_try(page, ways, tried) if tried else None,
        sender_form=sender or Form({"state": "ready"}),
        limit_form=limit or Form({"period": "month", "currency": _currency(page, listed)}),
        countries=places.countries(page.say.language),
        currencies=places.currencies(page.say.language),
        may_change=page.may("owner"),
    )


def _currency(page: StorePage, listed: dict[int, prices.Listed]) -> str:
    """That of the price lists, since limits count in it."""
    return next((one.currency for one in listed.values()), page.store.currency)


def _spent(limit: Any, spent: spending.ByDay, day: Any) -> int:
    return sum(
        amount
        for (at, klass, currency), amount in spent.items()
        if limit.covers(klass, currency) and first_day(limit.period, day) <= at <= day
    )


def _try(page: StorePage, ways: Ways, form: Form[Any]) -> dict[str, Any] | None:
    """Which way a number would go."""
    typed = str(form.values["phone"])
    phone = people.read_phone(Customer(phone=typed), page.store.country)
    if isinstance(phone, phones.Doubtful):
        form.refuse("phone", page.say.gettext("This number cannot be read."))
        return None
    klass = "marketing" if form.values["klass"] == "marketing" else "service"
    day = page.runtime.clock().date()
    way = ways.find("sms", phone.e164, klass, day)
    cost = ways.cost(way.gateway.id, phone.e164, 1) if isinstance(way, Way) else None
    return {"phone": phone.e164, "way": way if isinstance(way, Way) else None, "cost": cost,
            "why": route_words.why_way(page.say, way, ways.routes)}  # fmt: skip


# ------------------------------------------------------------------ one route


class RouteForm(Filled):
    countries: Annotated[str, StringConstraints(max_length=1_000)] = ""
    networks: Annotated[str, StringConstraints(max_length=500)] = ""
    klass: Literal["", "service", "marketing"] = ""
    first: int
    second: int = 0
    third: int = 0
    pick: Literal["order", "price", "delivery"] = "order"
    sender: Literal["", "number", "name"] = ""


@router.get("/new")
async def write_new(page: OwnerPage) -> Response:
    """An empty form."""
    return await _form(page, Form({}), 0)


@router.get("/{route_id}")
async def show_one(page: OwnerPage, route_id: int) -> Response:
    """The form of a route as it stands."""
    async with page.transaction() as tx:
        route = _find(await routes.of_store(tx, page.store.id), route_id)
    return await _form(page, Form(_typed(page, route)), route_id)


async def _form(page: StorePage, form: Form[Any], route_id: int, status: int = 200) -> Response:
    async with page.transaction() as tx:
        ways = [one for one in await gateways.of_store(tx, page.store.id) if one.channel == "sms"]
    return page.render(
        "sending/route.html",
        status,
        form=form,
        route_id=route_id,
        gateways=[(one.id, one.name) for one in ways],
        words=route_words,
    )


def _typed(page: StorePage, route: Route) -> dict[str, Any]:
    say = page.say
    given = dict(zip(PLACES, route.gateway_ids, strict=False))
    return given | {
        "countries": ", ".join(sorted(route_words.country(say, one) for one in route.countries)),
        "networks": ", ".join(sorted(one.partition("/")[2] for one in route.networks)),
        "klass": next(iter(route.classes)) if len(route.classes) == 1 else "",
        "pick": route.pick,
        "sender": route.sender,
    }


def _find(known: list[Route], route_id: int) -> Route:
    found = next((one for one in known if one.id == route_id), None)
    if found is None:
        raise HTTPException(404)
    return found


@router.post("")
async def add(page: OwnerPage) -> Response:
    """A new route, asked after those that are there."""
    return await _save(page, 0)


@router.post("/{route_id}")
async def change(page: OwnerPage, route_id: int) -> Response:
    """Another meaning for a route; it keeps its place."""
    async with page.transaction() as tx:
        _find(await routes.of_store(tx, page.store.id), route_id)
    return await _save(page, route_id)


async def _save(page: StorePage, route_id: int) -> Response:
    form = await read_form(page.request, RouteForm, page.say)
    async with page.transaction() as tx:
        await routes.lock(tx, page.store.id)
        known = await routes.of_store(tx, page.store.id)
        before = next((one for one in known if one.id == route_id), None)
        made = await _understood(tx, page, form, route_id or _next_id(known), before)
        if made is not None and not route_id and len(known) >= ROUTES_MAX:
            form.refuse("", page.say.gettext("There are too many rules already."))
            made = None
        if made is not None:
            kept = [made if one.id == route_id else one for one in known]
            await routes.save(tx, page.store.id, kept if route_id else [*known, made])
            what = route_words.whom(page.say, made)
            await page.audit(tx, "route.saved", what)
    if made is None:
        return await _form(page, form, route_id, 422)
    return page.go(f"{page.home}/routes", page.say.gettext("Saved."))


def _next_id(known: list[Route]) -> int:
    return max((one.id for one in known), default=0) + 1


async def _understood(
    tx: Tx, page: StorePage, form: Form[RouteForm], route_id: int, before: Route | None
) -> Route | None:
    given = form.filled
    if given is None:
        return None
    _ = page.say.gettext
    own = {one.id for one in await gateways.of_store(tx, page.store.id) if one.channel == "sms"}
    chosen = [one for one in (given.first, given.second, given.third) if one]
    if not given.first or not set(chosen) <= own:
        form.refuse("first", _("Choose one of the list."))
        return None
    rest = before.gateway_ids[len(PLACES) :] if before else ()  # told over the API
    chosen = list(dict.fromkeys((*chosen, *rest)))
    countries = set()
    for name in _pieces(given.countries):
        code = price_files.country_named(name)
        if not code:
            form.refuse("countries", _("No country is called “%(name)s”.", name=name))
            return None
        countries.add(code)
    wanted = _pieces(given.networks)
    if wanted and len(countries) != 1:
        form.refuse("networks", _("Name one country above: operators are known by country."))
        return None
    found = _networks(next(iter(countries), ""), wanted)
    if found is None:
        known = ", ".join(networks.operators_in(next(iter(countries)))) or "–"
        form.refuse("networks", _("Known there: %(names)s.", names=known))
        return None
    return Route(
        route_id, 0, tuple(chosen), frozenset(countries), frozenset(found),
        frozenset({given.klass} if given.klass else ()), given.pick, given.sender,
    )  # fmt: skip


def _pieces(typed: str) -> list[str]:
    return [piece.strip() for piece in typed.replace(";", ",").split(",") if piece.strip()]


def _networks(country: str, wanted: list[str]) -> list[str] | None:
    """The operators by their own spelling; None: one of them is unknown."""
    if not wanted:
        return []
    known = {name.casefold(): name for name in networks.operators_in(country)}
    if any(name.casefold() not in known for name in wanted):
        return None
    return [networks.network_of(country, known[name.casefold()]) for name in wanted]


@router.post("/{route_id}/up")
async def move_up(page: OwnerPage, route_id: int) -> Response:
    """Asked before the one that stands above it."""
    async with page.transaction() as tx:
        await routes.lock(tx, page.store.id)
        known = await routes.of_store(tx, page.store.id)
        place = known.index(_find(known, route_id))
        if place:
            known[place - 1], known[place] = known[place], known[place - 1]
            await routes.save(tx, page.store.id, known)
            await page.audit(tx, "route.saved", route_words.whom(page.say, known[place - 1]))
    return page.go(f"{page.home}/routes")


@router.post("/{route_id}/end")
async def remove(page: OwnerPage, route_id: int) -> Response:
    """Its texts go as the rules below it say."""
    async with page.transaction() as tx:
        await routes.lock(tx, page.store.id)
        known = await routes.of_store(tx, page.store.id)
        gone = _find(known, route_id)
        await routes.save(tx, page.store.id, [one for one in known if one.id != route_id])
        await page.audit(tx, "route.removed", route_words.whom(page.say, gone))
    return page.go(f"{page.home}/routes", page.say.gettext("The rule is removed."))
