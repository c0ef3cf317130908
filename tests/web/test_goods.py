"""The page that shows what goes with what, and the same over the API."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from ringdove.kit import db
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.workers import goods
from tests.web.conftest import Looker, Site
from tests.web.test_api import key
from tests.web.test_customers import tell

KINDS = {"Bicycle": "bikes", "Racer": "bikes", "Tube": "parts", "Pump <big>": "parts"}


def stocked(site: Site) -> None:
    """Who bought a bicycle bought a tube ten days later; then it was learnt."""
    now = site.runtime.clock()
    tell(site, *(
        facts.ProductChanged(id=f"p{n}", at=now, sku=f"S{n}", name=name, category=kind)
        for n, (name, kind) in enumerate(KINDS.items())
    ))  # fmt: skip
    told = []
    for n in range(12):
        who = facts.Customer(phone=f"+37529{3_000_000 + n}", country="BY")
        for sku, ago in (("S0", 40), ("S2", 30)):
            at = now - timedelta(days=ago)
            kind = "bikes" if sku == "S0" else "parts"
            line = {"name": sku, "sku": sku, "price": "9", "category": kind}
            order = facts.Order(key=f"{n}{sku}", placed_at=at, customer=who, lines=[line])
            told.append(facts.OrderPlaced(id=f"o{n}{sku}", at=at, order=order))
    tell(site, *told)

    async def learn() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            store = await stores.find(tx, 1)
        assert store and await goods.learn(site.runtime, store)

    site.run(learn())


@pytest.mark.browser
@pytest.mark.slow
def test_what_goes_with_what(site: Site, look: Callable[..., Looker]) -> None:
    """R53, R49: the surest first, then as one types, on the page and over the API; nothing of what
    nobody sells."""
    site.set_up()
    program = key(site, "viewer")
    assert program.ask("GET", "/api/stores/1/goods").json() == {"learnt_at": None, "goods": []}
    mine = look()
    mine.sign_in()
    mine.go("/stores/1/goods")
    mine.page.get_by_text("Nothing is learnt yet").wait_for()
    mine.assert_clean()
    stocked(site)
    told = program.ask("GET", "/api/stores/1/goods").json()
    first = told["goods"][0]
    assert told["learnt_at"] and first["sku"] == "S0"
    assert [one["name"] for one in first["accessories"]] == ["Tube"]
    assert [one["name"] for one in first["similar"]] == ["Racer"]
    assert program.ask("GET", "/api/stores/1/goods?q=kettle").json()["goods"] == []
    mine.go("/stores/1/goods")
    rows = mine.page.locator("tbody tr")
    assert [rows.first.locator("td").nth(n).inner_text() for n in (0, 1)] == ["Tube", "Racer"]
    mine.assert_clean()
    mine.page.locator("#f-q").focus()
    mine.page.keyboard.type("PUMP")
    mine.page.get_by_text("Pump <big>").wait_for()
    mine.page.wait_for_function("document.querySelectorAll('tbody tr').length === 1")
    mine.page.keyboard.type("less")
    mine.page.get_by_text("No such goods").wait_for()
    mine.assert_clean()
