"""What known customers do on the shop's site while one looks: they look at goods, fill a cart,
leave it or come back. The site tells it as any self-written shop would: signed events at a door.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
import structlog

from ringdove.demo.chance import Chance
from ringdove.demo.goods import Good, catalogue
from ringdove.demo.people import Person
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.stores.events import SIGNATURE_HEADER, sign

log = structlog.get_logger(__name__)

COMES_EVERY_S = (3.0, 8.0)
LOOKS_MAX = 4
FILLS_A_CART = 0.35
EMPTIES_IT = 0.25
AT_ONCE_MAX = 20
TIMEOUT_S = 15.0


@dataclass
class Visitors:
    """The people on one shop's site. `door`: http://127.0.0.1:8000/in/<token>"""

    runtime: Runtime
    store: Store
    session: aiohttp.ClientSession
    door: str
    secret: str
    people: Sequence[Person]
    stop: asyncio.Event
    chance: Chance = field(init=False)
    here: set["asyncio.Task[None]"] = field(default_factory=set)
    told: int = 0

    def __post_init__(self) -> None:
        self.chance = Chance("visitors", self.runtime.clock())

    async def go_on(self) -> None:
        """Until told to stop."""
        while not self.stop.is_set():
            if len(self.here) < AT_ONCE_MAX:
                task = asyncio.create_task(self._visit())
                self.here.add(task)
                task.add_done_callback(self._left)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stop.wait(), self.chance.between(*COMES_EVERY_S))
        for task in list(self.here):
            task.cancel()
        await asyncio.gather(*self.here, return_exceptions=True)

    def _left(self, task: "asyncio.Task[None]") -> None:
        self.here.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.warning("visitors.visit_ended", error=repr(error))

    async def _visit(self) -> None:
        """Some pages, perhaps a cart, perhaps second thoughts."""
        person = self.people[int(self.chance.random() ** 2 * len(self.people))]
        seen = []
        for _ in range(1 + self.chance.below(LOOKS_MAX)):
            good = self.chance.one_of(catalogue())
            seen.append(good)
            await self._tell("visit.made", person, sku=good.sku, page=f"/p/{good.product_id}")
            await asyncio.sleep(self.chance.between(1, 4))
        if not self.chance.happens(FILLS_A_CART):
            return
        cart = f"site-{self.runtime.clock():%m%d%H%M%S}-{person.number}"
        await self._tell("cart.changed", person, **self._cart(cart, person, seen[:3]))
        if self.chance.happens(EMPTIES_IT):
            await asyncio.sleep(self.chance.between(10, 40))
            await self._tell("cart.changed", person, cart=cart)

    def _cart(self, key: str, person: Person, goods: Sequence[Good]) -> dict[str, Any]:
        lines = [
            {"name": good.name(person.language), "quantity": "1", "price": str(good.price),
             "sku": good.sku}
            for good in goods
        ]  # fmt: skip
        total = str(sum(good.price for good in goods))
        return {
            "cart": key, "lines": lines, "total": total, "currency": self.store.currency,
            "url": f"{self.store.website}/cart/{key}",
        }  # fmt: skip

    async def _tell(self, kind: str, person: Person, **more: Any) -> None:
        now: datetime = self.runtime.clock()
        self.told += 1
        customer = {
            "phone": person.typed_phone, "email": person.email, "country": person.country,
            "language": person.language,
        }  # fmt: skip
        event = {"id": f"site/{now:%Y%m%d%H%M%S%f}/{self.told}", "kind": kind, "customer": customer}
        body = json.dumps(event | {"at": now.isoformat()} | more, ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json", SIGNATURE_HEADER: sign(body, self.secret, now),
        }  # fmt: skip
        timeout = aiohttp.ClientTimeout(TIMEOUT_S)
        # Nobody answered: a site does not try again either.
        with suppress(aiohttp.ClientError, TimeoutError):
            async with self.session.post(self.door, data=body, headers=headers, timeout=timeout):
                pass
