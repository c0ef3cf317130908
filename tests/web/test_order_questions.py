"""The page and the call that say how often customers ask where their order is (R67)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ringdove.kit import db
from ringdove.records.automations import automations
from ringdove.rules import facts
from ringdove.rules.automations.plans import Automation
from tests.web.conftest import Site
from tests.web.test_api import key
from tests.web.test_inbox import told

HERE = "/stores/1/reports/order-questions"


def _order(n: int, at: datetime) -> facts.OrderPlaced:
    order = {
        "key": f"{n}", "number": f"{n}", "placed_at": at, "total": "10",
        "customer": {"phone": f"+37529111{n:04}"}, "lines": [{"name": "x", "price": "10"}],
    }  # fmt: skip
    return facts.OrderPlaced(id=f"order/{n}", at=at, order=order)


def _asks(n: int, at: datetime) -> facts.TextReceived:
    return facts.TextReceived(
        id=f"asks/{n}/{at}", at=at, gateway=1, sender=f"+37529111{n:04}", body="где мой заказ?"
    )


def test_questions_for_each_hundred_orders_fall_after_an_automation(site: Site) -> None:
    """R67. By week; who asks twice a day counts once; drawn, told as text, and over the API."""
    owner = site.set_up()
    assert "Nobody has asked" in owner.get(HERE).text
    zone = ZoneInfo("Europe/Minsk")
    now = site.runtime.clock().astimezone(zone)
    noon = now.replace(hour=12, minute=0) - timedelta(days=now.weekday())
    before, after = noon - timedelta(days=28), noon - timedelta(days=7)
    switched = noon - timedelta(days=14)
    life: list[facts.Fact] = [_order(n, before) for n in range(20)]
    life += [_order(n, after) for n in range(20, 60)]
    life += [_asks(n, before + timedelta(hours=1)) for n in range(14)]
    life += [_asks(0, before + timedelta(hours=2)), _asks(0, before + timedelta(days=1))]
    life += [_asks(n, after + timedelta(hours=1)) for n in range(20, 23)]

    async def live() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            own = Automation(is_on=True, version=1)
            for one in ("parcel_in_transit", "birthday"):  # one of them has to do with orders
                await automations.save(tx, 1, one, own, switched, None)

    site.run(live())
    site.run(told(site, *life))
    text = owner.get(HERE).text
    for said in ("75", "7.5", "Asked less", "×0.1", "For each 100 orders"):
        assert said in text, said
    found = key(site, "viewer").ask("GET", "/api/stores/1/reports/order-questions?weeks=12").json()
    assert len(found["weeks"]) == 12 and found["automation"] == "parcel_in_transit"
    assert (found["before"]["asked"], found["before"]["rate"]) == (15, 75.0)
    assert (found["after"]["orders"], found["after"]["rate"]) == (40, 7.5)
    assert found["change"]["is_sure"] and round(found["change"]["times"], 2) == 0.1
    wrong = "/api/stores/1/reports/order-questions?automation=order_paid"
    assert key(site, "support").ask("GET", wrong).status == 404
