"""The life that goes on while one looks: orders come, are paid, ship, arrive; people answer.

Everything comes in as it would in earnest: the shop posts signed webhooks to the store's door, and
customers write on their phones, which the sandbox hands over by SMPP. There is no other way in.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
import structlog

from ringdove.demo import reminding, selling, world
from ringdove.demo.chance import Chance, Weighed
from ringdove.demo.contesting import WORD
from ringdove.demo.goods import catalogue
from ringdove.demo.people import HOME, Person, everybody, somebody
from ringdove.demo.purchases import ANSWERS, FIRST_KEY, QUESTION
from ringdove.demo.repliers import Repliers
from ringdove.demo.rows import SHOP_NUMBER
from ringdove.demo.shop import ShopOrder, Webhooks
from ringdove.demo.visitors import Visitors
from ringdove.kit import db
from ringdove.records.sending import gateways, phones
from ringdove.records.store import connections, stores
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime

log = structlog.get_logger(__name__)

DAY = timedelta(days=1)
ORDER_EVERY_S = (5.0, 10.0)
ORDERS_AT_ONCE_MAX = 60
NEW_CUSTOMERS = 0.35
REPEATED = 0.3  # WooCommerce tells one change twice so often
KINDS = Weighed(
    {
        "courier": 34.0, "pickup": 28.0, "moved": 9.0, "missed": 6.0, "returned": 7.0,
        "cancelled": 7.0, "unpaid": 5.0, "back": 4.0,
    }
)  # fmt: skip
Step = tuple[float, Callable[[ShopOrder, datetime], None]]
THANKS = (0, 1)  # places in ANSWERS
WISHES = Weighed({"STOP": 5.0, "START": 2.0, "HELP": 2.0, "СТОП": 4.0, "Stop. Thank you": 1.0,
                  WORD: 4.0})  # fmt: skip


@dataclass
class Life:
    """One shop and its customers."""

    runtime: Runtime
    store: Store
    sms: int
    door: Webhooks
    book: Path  # where the shop keeps the number of its next order
    stop: asyncio.Event
    chance: Chance = field(init=False)
    living: set["asyncio.Task[None]"] = field(default_factory=set)
    met: int = 0

    def __post_init__(self) -> None:
        self.chance = Chance("life", self.runtime.clock())  # another life each time

    async def go_on(self) -> None:
        """Until told to stop."""
        while not self.stop.is_set():
            if len(self.living) < ORDERS_AT_ONCE_MAX:
                task = asyncio.create_task(self._order())
                self.living.add(task)
                task.add_done_callback(self._ended)
            await self._pause(self.chance.between(*ORDER_EVERY_S))
        for task in list(self.living):
            task.cancel()
        await asyncio.gather(*self.living, return_exceptions=True)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), seconds)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self.living.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("life.order_ended", error=repr(error))

    # ------------------------------------------------------------------ the shop

    async def _order(self) -> None:
        """One order from the checkout to its end."""
        person = self._customer()
        goods = [
            (self.chance.one_of(catalogue()), 1 + self.chance.below(2))
            for _ in range(1 + self.chance.below(3))
        ]
        order = ShopOrder(
            _next_number(self.book), person, goods, self.runtime.clock(), self.store.website,
            ZoneInfo(self.store.time_zone), self.store.currency,
            on_delivery=self.chance.happens(0.15), agrees=self.chance.happens(0.45),
        )  # fmt: skip
        await self.door.tell("order.created", order)
        for after_s, change in self._steps(order):
            await asyncio.sleep(after_s)
            change(order, self.runtime.clock())
            await self.door.tell("order.updated", order)
            if self.chance.happens(REPEATED):
                await self.door.tell("order.updated", order)
            await self._maybe_answer(person, order)

    def _customer(self) -> Person:
        known = everybody("linden", world.LINDEN_PAST.people, HOME)
        if not self.chance.happens(NEW_CUSTOMERS):
            return known[int(self.chance.random() ** 2 * len(known))]
        self.met += 1
        seed = f"{self.runtime.clock():%Y%m%d%H%M%S}"
        return somebody(Chance("new", seed, self.met), 90_000 + self.met, self.chance.weighed(HOME))

    def _steps(self, order: ShopOrder) -> list[Step]:
        between, kind = self.chance.between, self.chance.weighed(KINDS)
        now = self.runtime.clock()
        paid: list[Step] = [] if order.on_delivery else [(between(3, 9), ShopOrder.is_paid)]
        if kind == "cancelled":
            return [*paid, (between(8, 25), _becomes("cancelled"))]
        if kind == "unpaid":
            return [(between(200, 400), ShopOrder.is_paid)]
        if self.chance.happens(0.35):
            paid.append((between(2, 5), ShopOrder.has_invoice))
        if kind == "pickup":
            point = f"№ {self.chance.below(40) + 1}, {order.person.city}"
            waits: Step = (between(20, 45), lambda o, at: o.waits_at(point, at))
            return [*paid, (between(10, 25), ShopOrder.is_shipped), waits,
                    (between(25, 60), _becomes("picked-up"))]  # fmt: skip
        paid.append((between(3, 8), lambda o, at: o.is_promised(now + 2 * DAY, at)))
        if kind == "moved":
            paid.append((between(12, 25), lambda o, at: o.is_promised(now + 3 * DAY, at)))
        paid += [(between(10, 25), ShopOrder.is_shipped),
                 (between(20, 40), _becomes("out-for-delivery"))]  # fmt: skip
        if kind in ("missed", "back"):
            paid.append((between(10, 30), _becomes("delivery-failed")))
        if kind == "back":
            return [*paid, (between(15, 40), _becomes("returning"))]
        paid.append((between(15, 40), _becomes("delivered")))
        if kind == "returned":
            paid += [(between(15, 30), _becomes("return-requested")),
                     (between(15, 30), _becomes("return-approved")),
                     (between(10, 20), ShopOrder.is_refunded)]  # fmt: skip
        return paid

    # ------------------------------------------------------------------ the customers

    async def _maybe_answer(self, person: Person, order: ShopOrder) -> None:
        if not person.phone:
            return
        said = ANSWERS.get(person.language, ANSWERS["en"])
        if order.status in ("delivered", "picked-up") and self.chance.happens(0.05):
            await self._write(person, said[-1])  # broken
        elif order.status in ("delivered", "picked-up") and self.chance.happens(0.2):
            await self._write(person, said[self.chance.one_of(THANKS)])
        elif order.status in ("processing", "shipped") and self.chance.happens(0.12):
            await self._write(person, said[QUESTION])
        elif self.chance.happens(0.025):
            await self._write(person, self.chance.weighed(WISHES))

    async def _write(self, person: Person, body: str) -> None:
        """A text from the person's phone, some seconds after what made them write."""
        await asyncio.sleep(self.chance.between(2, 6))
        async with db.transaction(self.runtime.pool) as tx:
            await phones.write(
                tx, self.store, self.sms, phone=person.phone, shop_number=SHOP_NUMBER, body=body,
                now=self.runtime.clock(), ids=self.runtime.ids,
            )  # fmt: skip


def _becomes(status: str) -> Callable[[ShopOrder, datetime], None]:
    return lambda order, at: order.becomes(status, at)


def _next_number(book: Path) -> int:
    """The shop counts its orders on, also after a restart."""
    try:
        number = int(json.loads(book.read_text())["next"])
    except (OSError, ValueError, KeyError):
        number = FIRST_KEY + world.LINDEN_PAST.orders + selling.ORDERS_MAX + reminding.ORDERS_MAX
    book.write_text(json.dumps({"next": number + 1}))
    return number


@dataclass(frozen=True, slots=True)
class Shop:
    """The pretend shop of this database. A door is the token of its address and a secret."""

    store: Store
    sms: int  # its virtual phones
    shop: tuple[str, str]  # WooCommerce's door
    site: tuple[str, str] | None  # where its site tells visits; None: an older demo has none


async def find_shop(runtime: Runtime) -> Shop | None:
    """The pretend shop; None: there is none."""
    async with db.transaction(runtime.pool) as tx:
        for store in await stores.every(tx):
            if store.name != world.SHOP_NAME:
                continue
            ways = [g for g in await gateways.of_store(tx, store.id) if g.kind == "sandbox"]
            doors = {
                one.kind: (one.token, runtime.sealer.open(one.secrets)["webhook_secret"])
                for one in await connections.of_store(tx, store.id)
                if one.kind == "woocommerce" or one.name == world.SITE_NAME
            }
            if ways and "woocommerce" in doors:
                return Shop(store, ways[0].id, doors["woocommerce"], doors.get("events"))
    return None


async def live(runtime: Runtime, book: Path, stop: asyncio.Event) -> None:
    """Lets the pretend shop of this database live until told to stop; does nothing without one."""
    found = await find_shop(runtime)
    if found is None:
        return
    settings = runtime.settings
    address = f"http://{settings.listen_host}:{settings.listen_port}/in/"
    async with aiohttp.ClientSession() as session:
        token, secret = found.shop
        door = Webhooks(session, address + token, secret, found.store.website)
        lives = [
            Life(runtime, found.store, found.sms, door, book, stop).go_on(),
            Repliers(runtime, found.store, found.sms, stop).go_on(),
        ]
        if found.site:
            token, secret = found.site
            people = everybody("linden", world.LINDEN_PAST.people, HOME)
            visitors = Visitors(
                runtime, found.store, session, address + token, secret, people, stop
            )  # fmt: skip
            lives.append(visitors.go_on())
        await asyncio.gather(*lives)
