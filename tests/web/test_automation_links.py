"""Links in the texts of automations: the cart of the reminder, the product it is about, the goods
that it named (R48, R49, N5)."""

import re
from datetime import timedelta
from typing import Any

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records.automations import automations
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.rules.automations.plans import Automation
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.campaigns.campaigns import Link
from ringdove.rules.links import links
from ringdove.web.links import link_book
from ringdove.workers import react
from tests.web.conftest import Site
from tests.web.linked import rows
from tests.web.test_links import opened

ANNA = {"phone": "+375291112233", "name": "Anna", "country": "BY", "language": "en"}
YES = facts.Consent(marketing=True, words="Yes, offers.", language="en")
UTM = "utm_source=ringdove&utm_medium=sms&utm_campaign="
SKUS = ("K1", "K2", "K3")


async def told(site: Site, *some: facts.Fact) -> None:
    runtime = site.runtime
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, 1)
        assert store is not None
        await fact_records.write(tx, store, 1, some, runtime.clock(), runtime.ids)
    await react.answer_due(runtime)


async def switch_on(site: Site, key: str, link: Link | None, version: int = 1) -> None:
    """The recipe's text, said at once."""
    say = next(one for one in RECIPES[key].sends()).model_copy(
        update={"link": link, "guard": "", "own_hour": False, "valid_for": 0, "goods": ""}
    )
    plan = RECIPES[key].model_copy(
        update={"holdout_percent": 0, "steps": (say,), "again_after": 0, "restarts": True}
    )
    async with db.transaction(site.runtime.pool) as tx:
        own = Automation(True, version, plan=plan, texts={"en": {say.text: {"sms": "{{ link }}"}}})
        assert await automations.save(tx, 1, key, own, site.runtime.clock(), None)


def forget(site: Site) -> None:
    """What a process keeps for some seconds."""
    site.app.state.links.book = link_book.LinkBook(site.runtime)


def leads(site: Site, token: str) -> str:
    forget(site)
    answer = opened(site, f"/l/{token}")
    return answer.headers.get("location", "") if answer.status == 302 else answer.text


def texts(site: Site, recipe: str) -> list[dict[str, Any]]:
    found = rows(site, "SELECT * FROM message WHERE recipe = %(r)s ORDER BY id", r=recipe)
    return list(site.run(found))


def test_a_reminder_opens_the_very_cart_and_a_mended_link_leads_elsewhere(site: Site) -> None:
    """R48: the cart of the reminder, though there is a newer one; where it is emptied, the one that
    is left; then the shop. R100: the click is the customer's. A step that says another link changes
    what is out already."""
    site.set_up()
    now = site.runtime.clock()

    def cart(key: str, ago: int, filled: bool = True) -> facts.CartChanged:
        line = {"name": "Kettle", "price": "59.90", "sku": "K1"}
        return facts.CartChanged(
            id=f"{key}/{ago}", at=now - timedelta(minutes=ago), cart=key, customer=ANNA,
            lines=[line] if filled else [], url=f"https://linden.example/cart/{key}",
        )  # fmt: skip

    order = {"key": "1", "placed_at": now - timedelta(days=9), "customer": ANNA, "consent": YES}
    site.run(switch_on(site, "cart_left", Link(kind="own_cart")))
    site.run(told(site, facts.OrderPlaced(id="o", at=now - timedelta(days=9), order=order)))
    site.run(told(site, cart("first", 50)))
    site.run(told(site, cart("second", 40)))
    one, two = texts(site, "cart_left")
    tokens = [match[1] for text in (one, two) if (match := re.search(r"/l/(\w+)", text["body"]))]
    urls = [f"https://linden.example/cart/{key}?{UTM}cart_left" for key in ("first", "second")]
    assert [leads(site, token) for token in tokens] == urls
    site.run(told(site, cart("first", 30, filled=False)))
    assert leads(site, tokens[0]) == urls[1]
    site.run(told(site, cart("second", 20, filled=False)))
    site.run(told(site, cart("third", 19)))
    bought = order | {"key": "2", "placed_at": now - timedelta(minutes=10), "cart": "third"}
    site.run(told(site, facts.OrderPlaced(id="o2", at=now, order=bought)))
    assert "/cart/" not in leads(site, tokens[0])
    site.run(switch_on(site, "cart_left", Link(url="https://linden.example/sale", utm=False), 2))
    assert leads(site, tokens[0]) == "https://linden.example/sale"
    clicked = site.run(rows(site, "SELECT message_id, contact_id, number FROM link_click"))
    assert {(row["contact_id"], row["number"]) for row in clicked} <= {(one["contact_id"], 0)}
    assert links.read(tokens[0], site.runtime.link_key).message_id == one["id"]  # type: ignore[union-attr]


def test_a_text_leads_to_the_product_it_is_about_and_to_the_goods_it_named(site: Site) -> None:
    """R49, R50, R62: one product's page at once; of several goods all, each with its page; what is
    gone from the catalogue is left out."""
    site.set_up()
    now = site.runtime.clock()
    site.run(told(site, *(
        facts.ProductChanged(
            id=f"p{sku}", at=now, sku=sku, name=f"Kettle {sku}", price="10", stock=3,
            url=f"https://linden.example/{sku}",
        ) for sku in SKUS
    )))  # fmt: skip
    site.run(switch_on(site, "browse_left", Link(kind="product")))
    who = facts.CustomerChanged(id="c", at=now, customer=ANNA, consent=YES)
    seen = facts.VisitMade(id="v", at=now, customer=ANNA, sku="K2")
    site.run(told(site, who, seen))
    (text,) = texts(site, "browse_left")
    key = site.runtime.link_key
    token = links.token_of(1, text["id"], links.OF_STEP, key)
    assert leads(site, token) == f"https://linden.example/K2?{UTM}browse_left"

    async def named(skus: list[str]) -> None:
        await rows(site, "UPDATE message SET goods = %(g)s WHERE id = %(i)s RETURNING 1",
                   g=skus, i=text["id"])  # fmt: skip

    goods = links.token_of(1, text["id"], links.OF_GOODS, key)
    site.run(named(["K3", "gone"]))
    assert leads(site, goods) == f"https://linden.example/K3?{UTM}browse_left"
    site.run(named(["K3", "K1"]))
    page = leads(site, goods)
    assert page.index("Kettle K3") < page.index("Kettle K1") and "linden.example/K1" in page
