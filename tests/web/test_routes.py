"""Routes and money on the page: rules in words, senders with countries' rules, limits, prices.

R113, N6: everything a text's way and cost depend on can be read and changed without a programmer.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records.sending import gateways, routes, senders, spending
from ringdove.records.store import stores
from ringdove.rules.sending.routes import Route
from ringdove.rules.sending.senders import Own
from ringdove.rules.sending.spending import Limit
from ringdove.web.sending import money
from tests.web.conftest import Looker, Site, Visitor

CSV = "Country;Operator;Prefix;Price, EUR\nBelarus;MTS;37529;0,0125\nBelarus;;375;0,02\n;;;free\n"
RULE = {"countries": "Belarus", "networks": "mts", "klass": "", "first": "1", "second": "2"}


async def _gateway(site: Site, name: str = "Second") -> int:
    async with db.transaction(site.runtime.pool) as tx:
        return await gateways.create(
            tx, store_id=1, kind="smpp", channel="sms", name=name,
            settings={"host": "127.0.0.1", "system_id": "x", "sender": "LINDEN"},
            secrets=site.runtime.sealer.seal({}), now=site.runtime.clock(), rank=200,
        )  # fmt: skip


async def _kept(site: Site) -> tuple[list[Route], list[Own], list[Limit]]:
    async with db.transaction(site.runtime.pool) as tx:
        return (
            await routes.of_store(tx, 1),
            await senders.of_store(tx, 1),
            await spending.limits(tx, 1),
        )


def upload(visitor: Visitor, path: str, **fields: str) -> Any:
    """A multipart form, the way a browser sends one with a file."""
    pieces = []
    for name, value in fields.items():
        about = f'name="{name}"' + ('; filename="prices.csv"' if name == "file" else "")
        pieces.append(f"--ring\r\ncontent-disposition: form-data; {about}\r\n\r\n{value}\r\n")
    body = "".join(pieces) + "--ring--\r\n"
    headers = {
        "content-type": "multipart/form-data; boundary=ring",
        "content-length": str(len(body.encode())),
        "sec-fetch-site": "same-origin",
    }
    return visitor.ask("POST", path, body, headers)


def load_prices(visitor: Visitor, gateway_id: int = 1, text: str = CSV) -> Any:
    here = f"/stores/1/connections/gateways/{gateway_id}/prices"
    return upload(visitor, here, list=text, currency="EUR")


def test_a_rule_is_read_back_in_words_and_tried_with_a_number(site: Site) -> None:
    """R113: “Belarus: MTS” goes over the first, then the second; the rest by rank."""
    owner = site.set_up()
    site.run(_gateway(site))
    assert owner.post("/stores/1/routes", RULE | {"second": "2"}).status == 303
    assert owner.post("/stores/1/routes", {"countries": "IT, Spain", "first": "2"}).status == 303
    (mts, south), _, _ = site.run(_kept(site))
    assert (mts.networks, mts.gateway_ids) == ({"BY/MTS"}, (1, 2))
    assert (south.countries, south.gateway_ids) == ({"IT", "ES"}, (2,))
    page = owner.get("/stores/1/routes").text
    assert "1. Belarus: MTS" in page and "Virtual phones, then Second" in page
    assert "2. Italy, Spain" in page and "Everything else" in page
    tried = owner.get("/stores/1/routes?phone=%2B375292112233").text
    assert "Rule 1 says so." in tried and "unknown: no price list says" in tried
    assert "No rule speaks of it" in owner.get("/stores/1/routes?phone=%2B375291112233").text
    assert "cannot be read" in owner.get("/stores/1/routes?phone=hello").text
    assert owner.post("/stores/1/routes/2/up").status == 303
    assert [one.id for one in site.run(_kept(site))[0]] == [2, 1]
    form = owner.get("/stores/1/routes/1").text
    assert 'value="Belarus"' in form and 'value="MTS"' in form
    changed = {"countries": "Belarus", "first": "2", "pick": "price", "klass": "marketing"}
    assert owner.post("/stores/1/routes/1", changed).status == 303
    route = next(one for one in site.run(_kept(site))[0] if one.id == 1)
    assert (route.gateway_ids, route.classes, route.pick) == ((2,), {"marketing"}, "price")
    assert owner.post("/stores/1/routes/2/end").status == 303
    assert len(site.run(_kept(site))[0]) == 1
    assert "Changed a rule of routes" in owner.get("/stores/1/audit").text


def test_a_rule_that_cannot_be_is_said_why(site: Site) -> None:
    owner = site.set_up()
    for wrong, said in (
        ({"first": "99"}, "Choose one of the list."),
        ({"first": ""}, "A whole number, please."),
        ({"countries": "Narnia"}, "No country is called"),
        ({"countries": "", "networks": "MTS"}, "Name one country above"),
        ({"networks": "Vodafone"}, "Known there: "),
    ):
        answer = owner.post("/stores/1/routes", RULE | {"second": "0"} | wrong)
        assert answer.status == 422 and said in answer.text, wrong
    assert site.run(_kept(site))[0] == []


def test_senders_say_what_their_country_asks(site: Site) -> None:
    """R113: by country and gateway, with the registration's state."""
    owner = site.set_up()
    form = {"sender": "LINDEN", "country": "ES", "gateway": "0", "state": "asked"}
    assert owner.post("/stores/1/senders", form).status == 303
    page = owner.get("/stores/1/routes").text
    assert "LINDEN" in page and "registration asked" in page
    assert "country&#39;s register" in page and "cannot be answered" in page
    assert owner.post("/stores/1/senders", form | {"state": "ready"}).status == 303
    assert site.run(_kept(site))[1] == [Own("LINDEN", "ES")]
    for wrong in ({"sender": "Чайник и чай"}, {"country": "XX"}, {"gateway": "77"}):
        assert owner.post("/stores/1/senders", form | wrong).status == 422
    assert owner.post("/stores/1/senders/end", form).status == 303
    assert site.run(_kept(site))[1] == []


def test_a_limit_that_is_there_is_changed_when_no_other_fits(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N6: a merchant at the most must still be able to raise one."""
    monkeypatch.setattr(money, "LIMITS_MAX", 1)
    owner = site.set_up()
    limit = {"period": "day", "classes": "all", "currency": "EUR", "amount": "1"}
    assert owner.post("/stores/1/limits", limit).status == 303
    assert owner.post("/stores/1/limits", limit | {"amount": "5"}).status == 303
    assert owner.post("/stores/1/limits", limit | {"period": "month"}).status == 422
    assert [one.amount for one in site.run(_kept(site))[2]] == [5]


def test_a_reached_limit_is_a_clear_notice_and_raising_it_lets_texts_go(site: Site) -> None:
    """N6: on the page and on Today, with what waits and the deed."""
    owner = site.set_up()
    assert load_prices(owner).status == 303
    limit = {"period": "day", "classes": "all", "currency": "EUR", "amount": "0,01"}
    assert owner.post("/stores/1/limits", limit).status == 303
    text = {"phone": "+375291112233", "text": "Hello"}
    assert owner.post("/stores/1/connections/gateways/1/text", text).status == 200
    site.run(_charge(site))
    page = owner.get("/stores/1/routes").text
    assert "A limit is reached" in page and "1 text waits for money" in page
    assert "Raise it" in owner.get("/stores/1/today").text
    answer = owner.post("/stores/1/limits", limit | {"amount": "5"})
    assert answer.status == 303 and "1%20text%20goes%20on" in answer.headers["set-cookie"]
    assert "A limit is reached" not in owner.get("/stores/1/routes").text
    site.run(_charge(site))
    assert "€0.01" in owner.get("/stores/1/routes").text
    for wrong in ({"amount": "much"}, {"amount": "-1"}, {"amount": "1.234"}, {"currency": "€"}):
        assert owner.post("/stores/1/limits", limit | wrong).status == 422
    assert owner.post("/stores/1/limits/end", limit).status == 303
    assert site.run(_kept(site))[2] == []


async def _charge(site: Site) -> None:
    """As a sender does that takes everything now."""
    async with db.transaction(site.runtime.pool) as tx:
        store = await stores.find(tx, 1)
        assert store is not None
        cursor = await tx.execute(
            "SELECT o.bucket, m.id AS message_id, m.class AS klass, m.cost, m.cost_currency,"
            " 1 AS attempts FROM outbox o JOIN message m ON m.id = o.message_id"
        )
        for row in await cursor.fetchall():
            leaving = type("Leaving", (), dict(row))()
            now = site.runtime.clock() + timedelta(seconds=1)
            await spending.charge(tx, store, row["bucket"], [leaving], now)


def test_a_price_list_is_looked_at_first_then_replaces_all(site: Site) -> None:
    """N6: columns guessed, rejected rows with their reasons, replaced at once, exported."""
    owner = site.set_up()
    here = "/stores/1/connections/gateways/1/prices"
    look = upload(owner, f"{here}/look", file=CSV, currency="USD")
    assert look.status == 200, look.text
    assert "2 prices in EUR" in look.text and "1 row is not taken" in look.text
    assert "The price is no number." in look.text and "€0.0125" in look.text
    assert owner.get(f"{here}/export.csv").status == 404, "nothing is kept by looking"
    other = upload(owner, f"{here}/look", list=CSV, currency="EUR", **{"column-price": "2"})
    assert "0 prices" in other.text
    assert load_prices(owner).status == 303
    page = owner.get(here).text
    assert "2 prices in EUR" in page and "Belarus" in page
    exported = owner.get(f"{here}/export.csv")
    assert exported.text.splitlines() == [
        "prefix,country,network,price,currency", "375,BY,,0.02,EUR", "37529,BY,MTS,0.0125,EUR",
    ]  # fmt: skip
    assert load_prices(owner, text="prefix,price\n39,0.07\n").status == 303
    assert owner.get(f"{here}/export.csv").text.splitlines()[1:] == ["39,,,0.07,EUR"]
    assert load_prices(owner, text="nothing\n").status == 422
    assert upload(owner, f"{here}/look", file="PK\x03\x04", currency="EUR").status == 422
    assert owner.post(f"{here}/end").status == 303
    assert owner.get(f"{here}/export.csv").status == 404


def test_the_cost_is_shown_where_texts_are_written_and_where_they_are_told(site: Site) -> None:
    """N6: what a text costs, before it is sent and after."""
    owner = site.set_up()
    assert load_prices(owner).status == 303
    page = owner.get("/stores/1/automations/order_paid").text
    assert "about €0.0" in page
    text = {"phone": "+375291112233", "text": "Hello"}
    owner.post("/stores/1/connections/gateways/1/text", text)
    listed = owner.get("/stores/1/messages").text
    message = listed.partition("/stores/1/messages/")[2].partition('"')[0]
    assert "€0.0125" in owner.get(f"/stores/1/messages/{message}").text


def test_a_viewer_reads_and_cannot_change(site: Site) -> None:
    """P10."""
    owner = site.set_up()
    owner.post("/stores/1/routes", RULE | {"second": "0"})
    viewer = site.add_member(owner, "viewer")
    page = viewer.get("/stores/1/routes").text
    assert "Belarus: MTS" in page and '<form method="post" action="/stores/1/routes' not in page
    assert viewer.post("/stores/1/routes", RULE).status == 403
    assert "29 211-22-33" not in viewer.get("/stores/1/routes?phone=%2B375292112233").text


@pytest.mark.browser
def test_the_pages_are_sound(site: Site, look: Callable[..., Looker]) -> None:
    """Axe, width and console."""
    owner = site.set_up()
    owner.post("/me/language", {"language": "ru"})
    site.run(_gateway(site, "A second gateway with a rather long name"))
    owner.post("/stores/1/routes", RULE)
    owner.post("/stores/1/routes", {"countries": "IT", "first": "2", "klass": "marketing"})
    for country in ("ES", "US", ""):
        owner.post("/stores/1/senders", {"sender": "LINDEN", "country": country})
    limit = {"period": "day", "classes": "all", "currency": "EUR", "amount": "0"}
    owner.post("/stores/1/limits", limit)
    owner.post("/stores/1/limits", limit | {"period": "month", "currency": "USD", "amount": "99"})
    load_prices(owner)
    owner.post("/stores/1/connections/gateways/1/text", {"phone": "+375291112233", "text": "Hi"})
    site.run(_charge(site))
    looker = look(phone=True, language="ru", dark=True)
    looker.sign_in()
    for path in (
        "routes?phone=%2B375292112233", "routes/1", "routes/new",
        "connections/gateways/1/prices", "connections/gateways/1",
    ):  # fmt: skip
        looker.page.goto(f"{site.url}/stores/1/{path}")
        looker.assert_clean()
    looker.page.goto(f"{site.url}/stores/1/connections/gateways/1/prices")
    looker.page.set_input_files(
        "#f-file", {"name": "p.csv", "mimeType": "text/csv", "buffer": CSV.encode()}
    )
    looker.page.click(".card form button[type=submit]")
    looker.page.wait_for_selector("textarea[name=list]", state="attached")
    looker.assert_clean()
    looker.page.click("main .actions button.btn-primary")
    looker.page.wait_for_url("**/prices")
    assert Decimal("0.0125") in site.run(_amounts(site))


async def _amounts(site: Site) -> list[Decimal]:
    async with db.transaction(site.runtime.pool) as tx:
        rows = await (await tx.execute("SELECT price FROM price")).fetchall()
        return [row["price"] for row in rows]
