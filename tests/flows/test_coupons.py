"""Codes made ahead become coupons in a shop, through its being busy, deaf and half way gone."""

import json
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from ringdove.kit import db
from ringdove.records.offers import code_lists, offers, rewards
from ringdove.records.store import connections
from ringdove.rules.consent.ways_in import Reward
from ringdove.stores.edge import Request, Response
from ringdove.workers.campaigns import coupons
from tests.flows.conftest import Shop
from tests.records.test_offer_codes import given, people_of

OFFER = Reward(
    0, "o1", "Teas", "code", source="own", prefix="TEA", discount="percent", worth=Decimal(10),
    shop="coupons",
)  # fmt: skip


class Woo:
    """A shop that keeps its coupons in memory; `answers` are said first instead."""

    def __init__(self) -> None:
        self.coupons: dict[str, dict[str, Any]] = {}
        self.answers: list[Response | Exception] = []
        self.asked = 0

    async def __call__(self, request: Request) -> Response:
        self.asked += 1
        made = [self.make(one) for one in json.loads(request.body)["create"]]
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        return Response(200, {}, json.dumps({"create": made}).encode())

    def make(self, told: dict[str, Any]) -> dict[str, Any]:
        code = told["code"].lower()
        if code in self.coupons:
            why = {"code": "woocommerce_rest_coupon_code_already_exists", "message": "Exists."}
            return {"id": 0, "error": why}
        self.coupons[code] = told
        return {"id": len(self.coupons), "code": code}


async def opened(shop: Shop, offer: Reward) -> Reward:
    """The offer, with a shop that makes its coupons."""
    sealed = shop.runtime.sealer.seal({"rest_key": "ck", "rest_secret": "cs"})
    async with db.transaction(shop.runtime.pool) as tx:
        connection = await connections.create(
            tx, store_id=shop.store.id, kind="woocommerce", name="Shop", token="t1",
            settings={"store_url": "https://tea.example"}, secrets=sealed, now=shop.at,
        )  # fmt: skip
        offer = replace(offer, connection=connection)
        made = await offers.save(tx, shop.store, offer, shop.at)
    return replace(offer, id=made)


async def make(shop: Shop, offer: Reward, n: int) -> int:
    runtime = shop.runtime
    keyed = partial(runtime.keyed, shop.store.id)
    async with db.transaction(runtime.pool) as tx:
        return await code_lists.make(tx, shop.store, offer, n, keyed, runtime.ids, [])


async def problems(shop: Shop, offer: Reward, people: int) -> list[str]:
    async with db.transaction(shop.runtime.pool) as tx:
        return list(await offers.problems(tx, shop.store, offer, people, shop.at))


def test_nobody_gets_a_code_before_the_shop_knows_it(play: Any) -> None:
    """R34: made in batches; a batch that was cut off after the shop took it is told again."""

    async def story(shop: Shop) -> None:
        offer, woo = await opened(shop, OFFER), Woo()
        people = people_of(shop, 120)
        assert await make(shop, offer, 250) == 250
        assert await given(shop, offer, people[:1]) == [""]
        assert await problems(shop, offer, 120) == ["waiting", "few"]
        failures: coupons.Failures = {}
        woo.answers = [TimeoutError()]  # the shop took the first batch, we never learnt it
        assert await coupons.tell_all(shop.runtime, failures, woo) == 0
        assert len(woo.coupons) == 100 and len(failures) == 1
        async with db.transaction(shop.runtime.pool) as tx:
            (why,) = await code_lists.why_not(tx, shop.store, offer.id)
        assert "does not answer" in why
        assert await coupons.tell_all(shop.runtime, failures, woo) == 0 and woo.asked == 1
        shop.later(minutes=2)
        assert await coupons.tell_all(shop.runtime, failures, woo) == 250
        assert len(woo.coupons) == 250 and not failures
        assert await problems(shop, offer, 120) == []
        found = await given(shop, offer, people)
        assert len(set(found)) == 120 and {code.lower() for code in found} <= woo.coupons.keys()
        assert await given(shop, offer, people) == found

    play(story)


def test_the_one_code_that_all_share_is_told_too(play: Any) -> None:
    """R34: again when it changes; no campaign begins before the shop has it."""

    async def story(shop: Shop) -> None:
        common = replace(OFFER, source="common", code="HELLO10")
        offer, woo = await opened(shop, common), Woo()
        assert await problems(shop, offer, 9) == ["waiting"]
        assert await coupons.tell_all(shop.runtime, {}, woo) == 1
        assert await problems(shop, offer, 9) == []
        offer = replace(offer, code="HELLO11")
        async with db.transaction(shop.runtime.pool) as tx:
            await offers.save(tx, shop.store, offer, shop.at)
        assert await problems(shop, offer, 9) == ["waiting"]
        assert await coupons.tell_all(shop.runtime, {}, woo) == 1
        assert sorted(woo.coupons) == ["hello10", "hello11"]
        async with db.transaction(shop.runtime.pool) as tx:
            await rewards.retire(tx, shop.store.id, offer.id, shop.at)

    play(story)


def test_a_shop_that_went_away_is_named_on_the_page(play: Any) -> None:
    async def story(shop: Shop) -> None:
        offer, woo = await opened(shop, OFFER), Woo()
        await make(shop, offer, 3)
        async with db.transaction(shop.runtime.pool) as tx:
            await connections.remove(tx, shop.store.id, offer.connection, shop.at)
        assert await coupons.tell_all(shop.runtime, {}, woo) == 0 and not woo.asked
        async with db.transaction(shop.runtime.pool) as tx:
            (why,) = await code_lists.why_not(tx, shop.store, offer.id)
        assert "not connected" in why

    play(story)
