"""Routes, senders, limits and price lists: the same as on the page Routes and money."""

from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from ringdove.kit.db import Tx
from ringdove.records.sending import gateways, prices, routes, spending
from ringdove.records.sending import senders as sender_records
from ringdove.records.store import stores
from ringdove.rules.facts import Customer
from ringdove.rules.people import people, phones
from ringdove.rules.sending.prices import Price, PriceWrong
from ringdove.rules.sending.routes import Route, Way
from ringdove.rules.sending.senders import NoSender, Own, SenderWrong, kind_of
from ringdove.rules.sending.spending import Limit, first_day, today
from ringdove.web.api.callers import Caller, OwnerKey, SupportKey, ViewerKey

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Routes and money"])

ROUTES_MAX, GATEWAYS_MAX, SENDERS_MAX, LIMITS_MAX, LINES_MAX = 200, 8, 500, 40, 50_000

GatewayId = Annotated[int, Path(ge=1, lt=2**31)]
Country = Annotated[str, Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2.")]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Klass = Literal["service", "marketing"]
Line = Annotated[str, Field(max_length=100, pattern="^[^\\x00]*$")]


class Told(BaseModel):
    """Unknown fields are refused, so that typos are seen."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


# ------------------------------------------------------------------ routes


class ARoute(Told):
    """One rule. What is left out fits everything."""

    gateways: list[Annotated[int, Field(ge=1, lt=2**31)]] = Field(
        min_length=1,
        max_length=GATEWAYS_MAX,
        description="The first is used, the rest when those before refuse or are away.",
    )
    countries: list[Country] = Field([], max_length=300)
    networks: list[Line] = Field([], max_length=100, description="As BY/MTS.")
    classes: list[Klass] = Field([], max_length=2)
    pick: Literal["order", "price", "delivery"] = Field(
        "order", description="price: the cheapest first; delivery: the one that delivers best."
    )
    sender: Literal["", "number", "name"] = Field("", description="Only under such a sender.")

    def route(self, number: int) -> Route:
        return Route(
            number, number, tuple(dict.fromkeys(self.gateways)), frozenset(self.countries),
            frozenset(self.networks), frozenset(self.classes), self.pick, self.sender,
        )  # fmt: skip


class Routes(Told):
    """The first that fits a text decides; without any, the gateways' own order."""

    routes: list[ARoute] = Field(max_length=ROUTES_MAX)


@router.get("/routes", summary="Routes")
async def all_routes(caller: ViewerKey) -> Routes:
    """In the order in which they are asked."""
    async with caller.transaction() as tx:
        known = await routes.of_store(tx, caller.store.id)
    return Routes(
        routes=[
            ARoute(
                gateways=list(one.gateway_ids), countries=sorted(one.countries),
                networks=sorted(one.networks),
                classes=[name for name in ("service", "marketing") if name in one.classes],
                pick=one.pick, sender=one.sender,
            )
            for one in known
        ]
    )  # fmt: skip


@router.put("/routes", summary="Replace all routes")
async def put_routes(wish: Routes, caller: OwnerKey) -> Routes:
    """These, in this order, instead of all that were there."""
    async with caller.transaction() as tx:
        own = await _gateways(tx, caller)
        for n, one in enumerate(wish.routes):
            if strange := set(one.gateways) - own:
                raise HTTPException(422, f"routes.{n}.gateways: no gateway is {min(strange)}.")
        await routes.lock(tx, caller.store.id)
        made = [one.route(n) for n, one in enumerate(wish.routes, 1)]
        await routes.save(tx, caller.store.id, made)
        await caller.audit(tx, "route.saved", "", routes=len(made))
    return wish


async def _gateways(tx: Tx, caller: Caller) -> set[int]:
    known = await gateways.of_store(tx, caller.store.id)
    return {one.id for one in known if one.channel == "sms"}


class AWay(BaseModel):
    """Which way a text would go now, and what one part of it costs."""

    goes: bool
    reason: str = Field(description="route/N, rank, or why there is no way.")
    gateways: list[int] = Field([], description="The failover included.")
    sender: str = ""
    country: str = ""
    network: str = ""
    cost_per_part: Decimal | None = Field(None, description="null: no price list says.")
    currency: str = ""


@router.get("/routes/way", summary="Which way a text would go")
async def way(
    caller: SupportKey,
    phone: Annotated[str, Query(min_length=3, max_length=60)],
    klass: Annotated[Klass, Query(alias="class")] = "service",
) -> AWay:
    """Nothing is sent."""
    read = people.read_phone(Customer(phone=phone), caller.store.country)
    if isinstance(read, phones.Doubtful):
        raise HTTPException(422, f"This phone cannot be read: {read.reason}.")
    async with caller.transaction() as tx:
        ways = await routes.load(tx, caller.store)
    found = ways.find("sms", read.e164, klass, caller.now.date())
    if not isinstance(found, Way):
        reason = found.reason if isinstance(found, NoSender) else "no_gateway_sms"
        return AWay(goes=False, reason=reason)
    cost = ways.cost(found.gateway.id, read.e164, 1)
    return AWay(
        goes=True, reason=found.reason, gateways=list(found.order), sender=found.sender,
        country=found.country, network=found.network,
        cost_per_part=cost.amount if cost else None, currency=cost.currency if cost else "",
    )  # fmt: skip


# ------------------------------------------------------------------ senders


class ASender(Told):
    """A number or name under which texts leave."""

    sender: Annotated[str, Field(min_length=1, max_length=20)]
    country: Country | Literal[""] = Field("", description="Empty: everywhere else.")
    gateway: int = Field(0, ge=0, lt=2**31, description="0: over every gateway.")
    state: Literal["ready", "asked", "refused"] = "ready"


class Senders(Told):
    """All senders of a store, beside those of its gateways."""

    senders: list[ASender] = Field(max_length=SENDERS_MAX)


@router.get("/senders", summary="Senders")
async def all_senders(caller: ViewerKey) -> Senders:
    """By country and gateway."""
    async with caller.transaction() as tx:
        known = await sender_records.of_store(tx, caller.store.id)
    return Senders(
        senders=[
            ASender(
                sender=one.sender, country=one.country, gateway=one.gateway_id,
                state=one.state,
            )
            for one in known
        ]
    )  # fmt: skip


@router.put("/senders", summary="Replace all senders")
async def put_senders(wish: Senders, caller: OwnerKey) -> Senders:
    """These instead of all that were there."""
    for n, one in enumerate(wish.senders):
        try:
            kind_of(one.sender)
        except SenderWrong as error:
            raise HTTPException(422, f"senders.{n}.sender: {error}") from None
    async with caller.transaction() as tx:
        own = await _gateways(tx, caller) | {0}
        for n, one in enumerate(wish.senders):
            if one.gateway not in own:
                raise HTTPException(422, f"senders.{n}.gateway: no gateway is {one.gateway}.")
        for known in await sender_records.of_store(tx, caller.store.id):
            await sender_records.remove(tx, caller.store.id, known)
        for one in wish.senders:
            made = Own(one.sender, one.country, one.gateway, one.state)
            await sender_records.put(tx, caller.store.id, made)
        await caller.audit(tx, "sender.saved", "", senders=len(wish.senders))
    return wish


# ------------------------------------------------------------------ limits


class ALimit(Told):
    """How much may be spent. What does not fit waits for the next day or month."""

    period: Literal["day", "month"]
    classes: Literal["marketing", "all"]
    currency: Currency
    amount: Decimal = Field(ge=0, le=10**9, decimal_places=2, max_digits=12)


class Limits(Told):
    """All limits of a store."""

    limits: list[ALimit] = Field(max_length=LIMITS_MAX)


class Spent(BaseModel):
    """What went out, by class and currency."""

    klass: str = Field(alias="class")
    currency: str
    today: Decimal
    this_month: Decimal


class LimitNow(ALimit):
    """A limit as it stands."""

    reached: bool


class Spending(BaseModel):
    """Limits, what was spent, and what waits for money."""

    limits: list[LimitNow]
    spent: list[Spent]
    waiting: int = Field(description="Texts that wait for money.")


@router.get("/spending", summary="What was spent, and the limits")
async def what_was_spent(caller: ViewerKey) -> Spending:
    """By the days of the store's own time zone."""
    day = today(caller.now, caller.store.time_zone)
    async with caller.transaction() as tx:
        known = await spending.limits(tx, caller.store.id)
        by_day = await spending.spent(tx, caller.store, first_day("month", day))
        waiting = await spending.waiting(tx, caller.store, caller.now)
    kinds = sorted({(klass, currency) for _, klass, currency in by_day})
    micro = Decimal(1_000_000)
    return Spending(
        limits=[
            LimitNow(
                period=one.period, classes=one.classes, currency=one.currency, amount=one.amount,
                reached=bool(one.held_until and one.held_until > caller.now),
            )
            for one in known
        ],
        spent=[
            Spent.model_validate({
                "class": klass, "currency": currency,
                "today": by_day.get((day, klass, currency), 0) / micro,
                "this_month": sum(
                    amount for (_, a, b), amount in by_day.items() if (a, b) == (klass, currency)
                ) / micro,
            })
            for klass, currency in kinds
        ],
        waiting=waiting,
    )  # fmt: skip


@router.put("/spending/limits", summary="Replace all limits")
async def put_limits(wish: Limits, caller: OwnerKey) -> Limits:
    """These instead of all that were there; what waited is asked again at once."""
    wanted = {
        (one.period, one.classes, one.currency): Limit(
            one.period, one.classes, one.currency, one.amount
        )
        for one in wish.limits
    }
    async with caller.transaction() as tx:
        for known in await spending.limits(tx, caller.store.id):
            if (known.period, known.classes, known.currency) not in wanted:
                await spending.remove(tx, caller.store, known, caller.now)
        for limit in wanted.values():
            await spending.put(tx, caller.store, limit, caller.now)
        await caller.audit(tx, "limit.saved", "", limits=len(wanted))
    return wish


# ------------------------------------------------------------------ price lists


class APrice(Told):
    """Of one part. Without a prefix it is the price of the whole country."""

    price: Decimal = Field(ge=0, le=1_000, decimal_places=6, max_digits=12)
    prefix: str = Field("", pattern="^[0-9]{0,15}$", description="Digits without a plus.")
    country: Country | Literal[""] = ""
    network: Line = ""


class Prices(Told):
    """The price list of a gateway; the longest prefix that fits a number counts."""

    currency: Currency
    prices: list[APrice] = Field(max_length=LINES_MAX)


@router.get("/gateways/{gateway_id}/prices", summary="The price list of a gateway")
async def price_list(gateway_id: GatewayId, caller: ViewerKey) -> Prices:
    """404 where it has none."""
    async with caller.transaction() as tx:
        listed = (await prices.of_store(tx, caller.store.id)).get(gateway_id)
        if listed is None:
            raise HTTPException(404, "This gateway has no price list.")
        found = [one async for one in prices.lines(tx, gateway_id)]
    return Prices(
        currency=listed.currency,
        prices=[
            APrice.model_construct(
                price=one.per_part, prefix=one.prefix, country=one.country, network=one.network
            )
            for one in found
        ],
    )


class Loaded(BaseModel):
    """How many prices are in use now."""

    prices: int


@router.put("/gateways/{gateway_id}/prices", summary="Replace the price list of a gateway")
async def put_prices(gateway_id: GatewayId, wish: Prices, caller: OwnerKey) -> Loaded:
    """All at once or not at all. An empty list makes the cost of its texts unknown."""
    lines: dict[tuple[str, str, str], Price] = {}
    for n, one in enumerate(wish.prices):
        try:
            made = Price(one.prefix, one.price, one.country, one.network)
        except PriceWrong as error:
            raise HTTPException(422, f"prices.{n}: {error}") from None
        if lines.setdefault((made.prefix, made.country, made.network), made) != made:
            raise HTTPException(422, f"prices.{n}: another price for the same stands above.")
    async with caller.transaction() as tx:
        if gateway_id not in await _gateways(tx, caller):
            raise HTTPException(404, "No gateway for texts has this number.")
        if not lines:
            await prices.forget(tx, caller.store.id, gateway_id)
        else:
            version = caller.runtime.ids.make(stores.buckets(caller.store)[0])
            await prices.replace(
                tx, caller.store.id, gateway_id, wish.currency, list(lines.values()), version,
                caller.now,
            )  # fmt: skip
        await caller.audit(tx, "prices.loaded", str(gateway_id), lines=len(lines))
    return Loaded(prices=len(lines))
