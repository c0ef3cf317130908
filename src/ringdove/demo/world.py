"""Puts the pretend shops into an empty database: people, stores, ways in and out, and the past.

Everything is one transaction: a world is there whole or not at all. It must never touch a database
in which somebody has an account already.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from decimal import Decimal

from ringdove.demo import contesting, reminding
from ringdove.demo.joining import name_segments, open_ways_in
from ringdove.demo.past import Plan, make_past
from ringdove.demo.people import ABROAD, HOME
from ringdove.demo.purchases import CONSENT_WORDS
from ringdove.demo.rows import COLUMNS, SHOP_NUMBER
from ringdove.kit import db
from ringdove.kit.crypto import hash_password, new_token
from ringdove.records import bulk, partitions
from ringdove.records.automations import automations
from ringdove.records.people import search_fill
from ringdove.records.segments import figure_fill, rhythms
from ringdove.records.sending import gateways, prices, spending
from ringdove.records.store import connections, policies, stores, users
from ringdove.records.store.stores import StoreSettings
from ringdove.rules.automations.journeys import AnyStep
from ringdove.rules.automations.plans import Automation
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.policy import Friends, Policy
from ringdove.rules.scenes import Store
from ringdove.rules.sending.prices import Price, PriceList
from ringdove.rules.sending.spending import Limit
from ringdove.rules.steps.ask import Ask
from ringdove.runtime import Runtime

EMAIL, PASSWORD = "demo@ringdove.local", "linden tree"
HELPER_EMAIL = "support@ringdove.local"
SHOP_NAME = "Linden & Co"
SITE_NAME = "Linden & Co site"
YEAR = 365
MONTHS_BEFORE = 12

LINDEN = StoreSettings(
    name=SHOP_NAME,
    country="BY",
    time_zone="Europe/Minsk",
    languages=["en", "ru", "be", "it", "es"],
    currency="BYN",
    quiet_from=time(21),
    quiet_until=time(9),
    website="https://linden.example",
    phone="+375 17 200 00 00",
    email="hello@linden.example",
)
FOXGLOVE = StoreSettings(
    name="Foxglove Garden",
    country="GB",
    time_zone="Europe/London",
    languages=["en"],
    currency="GBP",
    quiet_from=time(20),
    quiet_until=time(9),
    website="https://foxglove.example",
    email="hello@foxglove.example",
)
PRICED_IN = "EUR"
# What an operator might ask: by country, and dearer or cheaper by prefix.
PRICES = [
    Price("375", Decimal("0.032"), "BY"),
    Price("37529", Decimal("0.029"), "BY", "MTS"),
    Price("37525", Decimal("0.027"), "BY", "life:)"),
    Price("7", Decimal("0.048"), "RU"),
    Price("48", Decimal("0.019"), "PL"),
    Price("39", Decimal("0.041"), "IT"),
    Price("34", Decimal("0.036"), "ES"),
    Price("370", Decimal("0.025"), "LT"),
    Price("49", Decimal("0.065"), "DE"),
    Price("44", Decimal("0.034"), "GB"),
]
A_MONTH = Limit("month", "all", PRICED_IN, Decimal(500))
LINDEN_PAST = Plan(
    "linden",
    people=5_000,
    orders=12_000,
    visits=78_000,
    carts=4_000,
    homes=HOME,
    parks_one=True,
    ways_in=True,
)
FOXGLOVE_PAST = Plan(
    "foxglove", people=40, orders=70, visits=300, carts=8, homes=ABROAD, goods=45, days=60
)
# With the number of buckets: more than one, so that the demo shows what a bigger shop would.
ON = (reminding.RECIPE, "survey", "review_request", "thanks", "birthday", "win_back",
      "back_in_stock")  # fmt: skip
EASING = "parcel_in_transit"  # on since demo/purchases.EASED
SOONER = {reminding.RECIPE: 120, "survey": 30}  # seconds
SHOPS = ((LINDEN, LINDEN_PAST, 4), (FOXGLOVE, FOXGLOVE_PAST, 1))


@dataclass(frozen=True, slots=True)
class Ways:
    """How a demo store is reached and speaks: ids of its connection and gateways."""

    connection: int
    sms: int
    email: int
    site: int = 0  # where its site tells visits and carts


async def is_there(runtime: Runtime) -> bool:
    """Whether somebody has made themselves at home in this database."""
    async with db.transaction(runtime.pool) as tx:
        return await users.any_exists(tx)


async def make_world(runtime: Runtime, say: Callable[[str], None]) -> None:
    """Both shops with their past."""
    now = runtime.clock()
    tables: set[str] = set()
    async with db.transaction(runtime.pool) as tx:
        await partitions.ensure(tx, now, MONTHS_BEFORE)
        owner = await _user(tx, EMAIL, "Demo", now - timedelta(days=YEAR))
        helper = await _user(tx, HELPER_EMAIL, "Vera", now - timedelta(days=90))
        for settings, plan, span in SHOPS:
            say(f"{settings.name}: {plan.people} customers and {plan.orders} orders of the past …")
            store, ways = await open_shop(tx, runtime, settings, span, owner)
            if settings is LINDEN:
                ways = replace(ways, site=await open_site(tx, runtime, store))
                await open_ways_in(tx, store, now - timedelta(days=200))
                await switch_on(tx, store, owner, now - timedelta(days=60))
                await name_segments(tx, store, now - timedelta(days=150))
                await policies.change(tx, store, _with_friends, now)
                await users.set_role(tx, helper, store.id, "support")
            with _uncollected():
                past = make_past(
                    plan, store, runtime.keyed, connection=ways.connection, sms=ways.sms,
                    email=ways.email, site=ways.site, now=now, prices=PriceList(PRICES, PRICED_IN),
                    link_key=runtime.link_key, address=runtime.settings.outside_url,
                    staff=(helper, owner) if settings is LINDEN else (owner, owner),
                )  # fmt: skip
            for table, rows in past.items():
                await bulk.copy(tx, table, COLUMNS[table], rows)
            if settings is LINDEN:
                await contesting.hold(tx, runtime, store, past["contact"], now)
            await search_fill.ask(tx, store)
            while await search_fill.step(tx, store):
                pass
            await figure_fill.ask(tx, store)
            while await figure_fill.step(tx, store):
                pass
            await rhythms.learn(tx, store, now)
            tables |= {*past, "contact_search", "contact_figure", "contact_category"}
        await bulk.analyze(tx, sorted(tables))


@contextmanager
def _uncollected() -> Iterator[None]:
    """A million rows that all stay: looking for garbage among them costs a third of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def _user(tx: db.Tx, email: str, name: str, at: datetime) -> int:
    password_hash = hash_password(PASSWORD)
    return await users.create(
        tx, email=email, name=name, password_hash=password_hash, language="en", now=at
    )


async def open_shop(
    tx: db.Tx,
    runtime: Runtime,
    settings: StoreSettings,
    span: int,
    owner: int,
    mail_port: int = 2525,
) -> tuple[Store, Ways]:
    """A store with its owner, a WooCommerce connection, virtual phones and a mailbox on this
    machine."""
    opened_at = runtime.clock() - timedelta(days=YEAR)
    store = await stores.create(tx, settings, opened_at, span)
    await users.set_role(tx, owner, store.id, "owner")
    sms = await gateways.create(
        tx, store_id=store.id, kind="sandbox", channel="sms", name="Virtual phones",
        settings={"sender": SHOP_NUMBER}, secrets=runtime.sealer.seal({}), now=opened_at,
    )  # fmt: skip
    email = await gateways.create(
        tx, store_id=store.id, kind="smtp", channel="email", name="Demo mailbox",
        settings=mail_settings(settings, mail_port), secrets=runtime.sealer.seal({}), now=opened_at,
    )  # fmt: skip
    connection = await connections.create(
        tx, store_id=store.id, kind="woocommerce", name=f"{settings.name} shop", token=new_token(),
        settings={"store_url": settings.website, "consent_words": CONSENT_WORDS},
        secrets=runtime.sealer.seal({"webhook_secret": new_token()}), now=opened_at,
    )  # fmt: skip
    version = runtime.ids.make(stores.buckets(store)[0])
    await prices.replace(tx, store.id, sms, PRICED_IN, PRICES, version, opened_at)
    await spending.put(tx, store, A_MONTH, opened_at)
    return store, Ways(connection, sms, email)


async def open_site(tx: db.Tx, runtime: Runtime, store: Store) -> int:
    """The connection by which the shop's own site tells visits and carts."""
    return await connections.create(
        tx, store_id=store.id, kind="events", name=SITE_NAME, token=new_token(), settings={},
        secrets=runtime.sealer.seal({"webhook_secret": new_token()}),
        now=runtime.clock() - timedelta(days=YEAR),
    )  # fmt: skip


async def switch_on(tx: db.Tx, store: Store, owner: int, at: datetime) -> None:
    """Some automations are on; some wait for minutes only, to be seen at work."""
    for key in ON:
        await automations.save(tx, store.id, key, Automation(is_on=True, version=1), at, owner)
    told = Automation(is_on=True, version=1)
    await automations.save(tx, store.id, EASING, told, at - timedelta(days=10), owner)
    for key, seconds in SOONER.items():
        ready = RECIPES[key]
        steps = tuple(_at_once(step, seconds) for step in ready.steps)
        sooner = Automation(is_on=True, version=2, plan=ready.with_steps(steps))
        await automations.save(tx, store.id, key, sooner, at + timedelta(days=59), owner)


def _with_friends(policy: Policy) -> Policy:
    return replace(policy, friends=Friends(is_on=True))


def _at_once(step: AnyStep, seconds: int) -> AnyStep:
    if step.id == "pause":
        return step.model_copy(update={"seconds": seconds})
    return step.model_copy(update={"own_hour": False}) if isinstance(step, Ask) else step


def mail_settings(settings: StoreSettings, port: int) -> dict[str, object]:
    """The demo's own mailbox on this machine as an SMTP gateway."""
    sender = f"{settings.name.replace('&', 'and')} <{settings.email}>"
    return {"host": "127.0.0.1", "port": port, "security": "none", "sender": sender}
