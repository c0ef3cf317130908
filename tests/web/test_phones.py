"""Virtual phones (N11): read, answered and ordered from, without a shop and without a real text."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import expect

from ringdove.kit import db
from ringdove.records.sending import gateways, tries
from ringdove.records.store import stores
from ringdove.rules.scenes import Store
from ringdove.web.sending.trying import DEEDS, deeds_of
from ringdove.workers import react, sandbox
from ringdove.workers.sending import binds
from tests.web.conftest import Looker, Site, Visitor

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
ANNA = {"name": "Anna Lind", "phone": "+375 29 111-22-33", "language": "ru"}


@contextmanager
def working(site: Site) -> Iterator[None]:
    """The workers that a text needs: answers, a bind, and the sandbox behind it."""
    stop = asyncio.Event()

    async def work() -> None:
        async with sandbox.opened(site.runtime, 0) as smsc:
            await asyncio.gather(
                react.run(site.runtime, stop), binds.run(site.runtime, stop, smsc.port)
            )

    task = asyncio.run_coroutine_threadsafe(work(), site.loop)
    try:
        yield
    finally:
        site.loop.call_soon_threadsafe(stop.set)
        task.result(30)


async def _store(site: Site) -> Store:
    async with db.transaction(site.runtime.pool) as tx:
        store = await stores.find(tx, 1)
    assert store is not None
    return store


async def _rows(site: Site, statement: str) -> list[dict[str, Any]]:
    async with db.transaction(site.runtime.pool) as tx:
        return list(await (await tx.execute(statement)).fetchall())  # type: ignore[arg-type]


async def _until(site: Site, statement: str, count: int) -> list[dict[str, Any]]:
    for _ in range(200):
        rows = await _rows(site, statement)
        if len(rows) >= count:
            return rows
        await asyncio.sleep(0.05)
    raise AssertionError(f"{len(rows)} of {count} rows: {rows}")


def _first_text(site: Site, owner: Visitor) -> int:
    """Anna orders and receives her first text; its id."""
    assert owner.post("/stores/1/phones/orders", ANNA).status == 303
    return int(site.run(_until(site, "SELECT id FROM sandbox_text", 1))[0]["id"])


def test_a_merchant_without_a_shop_tries_everything(site: Site) -> None:
    """N11. Order, pay and ship on a virtual phone; STOP from it is heard and confirmed."""
    owner = site.set_up()
    assert "No phone has received anything yet" in owner.get("/stores/1/phones").text
    with working(site):
        text_id = _first_text(site, owner)
        here = f"/stores/1/phones/{text_id}"
        page = owner.get(here).text
        assert "Anna Lind" in page and "+375 29 111-22-33" in page and ">placed<" in page
        key = site.run(_rows(site, "SELECT key FROM purchase_order"))[0]["key"]
        for n, deed in enumerate(("paid", "shipped", "delivered"), 2):
            assert owner.post(f"{here}/orders/{key}/events", {"deed": deed}).status == 303
            site.run(_until(site, "SELECT FROM sandbox_text", n))
        assert ">delivered<" in owner.get(here).text
        # What cannot happen to a delivered order changes nothing.
        owner.post(f"{here}/orders/{key}/events", {"deed": "cancelled"})
        assert owner.post(f"{here}/texts", {"body": "STOP ALL"}).status == 303
        texts = site.run(_until(site, "SELECT body FROM sandbox_text ORDER BY id", 6))
        assert texts[4]["body"] == "STOP ALL" and "СТАРТ" in texts[5]["body"]
        contact = site.run(_rows(site, "SELECT marketing, service FROM contact"))[0]
        assert contact == {"marketing": "out", "service": "out"}
        states = site.run(_rows(site, "SELECT state FROM purchase_order"))
        assert states == [{"state": "delivered"}]


def test_nothing_is_ordered_while_texts_go_to_real_phones(site: Site) -> None:
    """An order here would text whoever has that number: refused once another gateway leads."""
    owner = site.set_up()
    with working(site):
        text_id = _first_text(site, owner)

    async def add_real() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            await gateways.create(
                tx, store_id=1, kind="smpp", channel="sms", name="Operator", settings={},
                secrets=site.runtime.sealer.seal({}), rank=1, now=NOW,
            )  # fmt: skip

    site.run(add_real())
    page = owner.get(f"/stores/1/phones/{text_id}").text
    assert "leave over Operator now" in page and "Order something" not in page
    assert owner.post("/stores/1/phones/orders", ANNA).status == 409
    assert owner.post(f"/stores/1/phones/{text_id}/orders").status == 409
    key = site.run(_rows(site, "SELECT key FROM purchase_order"))[0]["key"]
    paid = owner.post(f"/stores/1/phones/{text_id}/orders/{key}/events", {"deed": "paid"})
    assert paid.status == 409
    told = site.run(_rows(site, "SELECT kind FROM fact WHERE kind <> 'automation.woken'"))
    assert [one["kind"] for one in told] == ["order.placed"]


def test_only_tried_orders_of_this_phone_can_go_on(site: Site) -> None:
    """A shop's own order is never paid from here, nor somebody else's."""
    owner = site.set_up()
    with working(site):
        text_id = _first_text(site, owner)
    here = f"/stores/1/phones/{text_id}"
    assert owner.post(f"{here}/orders/42/events", {"deed": "paid"}).status == 404
    assert owner.post(f"{here}/orders/try-0/events", {"deed": "paid"}).status == 404
    assert owner.get("/stores/1/phones/999999").status == 404
    assert owner.post(f"{here}/texts", {"body": ""}).status == 422
    viewer = site.add_member(owner, "viewer")
    seen = viewer.get(here).text
    assert "•" in seen and "111-22-33" not in seen and "Answer as the customer" not in seen
    assert viewer.post(f"{here}/texts", {"body": "STOP"}).status == 403
    wrong = owner.post("/stores/1/phones/orders", ANNA | {"phone": "12"})
    assert wrong.status == 422 and "cannot be read as a number" in wrong.text


def test_every_deed_is_a_fact_that_can_be_written() -> None:
    """Each button tells a fact about its order, and has a state in which it is offered."""
    for word, deed in DEEDS.items():
        fact = deed.fact(f"{tries.KEY_PREFIX}1", "T-1000", NOW)
        assert fact.subject() == f"order/{tries.KEY_PREFIX}1"
        for state in deed.states:
            order = {"state": state, "paid_at": None}
            assert word in dict(deeds_of(order))
    told = [deed.fact("try-1", "T-1000", NOW).id for deed in DEEDS.values()]
    assert len(set(told)) == len(told)  # the same id twice is the same event, and is not answered
    assert not deeds_of({"state": "cancelled", "paid_at": None})
    assert "paid" not in dict(deeds_of({"state": "placed", "paid_at": NOW}))


@pytest.mark.browser
def test_phones_in_a_browser(look: Callable[..., Looker], site: Site) -> None:
    """Order as somebody new, see the text come by itself, answer HELP and read the answer."""
    site.set_up()
    looker = look(phone=True, dark=True)
    page = looker.page
    looker.sign_in()
    with working(site):
        looker.go("/stores/1/phones")
        looker.assert_clean()
        page.get_by_role("button", name="Order as somebody new").first.click()
        page.fill("dialog #f-name", "Anna Lind")
        page.fill("dialog #f-phone", ANNA["phone"])
        page.select_option("dialog #f-language", "ru")
        page.click("dialog form button[type=submit]")
        page.locator("#phone-list a").first.click()  # the first phone comes by itself
        thread = page.locator("#thread .bubble")
        expect(thread).to_have_count(1)
        page.get_by_role("button", name="HELP", exact=True).click()
        expect(thread).to_have_count(3)  # the answer comes without a reload
        looker.assert_clean()
