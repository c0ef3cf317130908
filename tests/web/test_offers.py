"""Offers: typed, listed, told to the shop, asked about at the checkout, opened by link."""

import io
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from xlsxwriter import Workbook

from ringdove.kit import db
from ringdove.records.offers import codes, offers, rewards
from ringdove.records.store import stores
from ringdove.rules.consent.ways_in import DayGood, Reward
from ringdove.rules.links.links import OFFER_NUMBER
from ringdove.rules.offers import rewards as rules
from tests.web import linked
from tests.web.conftest import Answer, Looker, Site
from tests.web.test_imports import bring
from tests.web.test_sign_up import given, rows, store_speaks_english

HOME = "/stores/1/offers"


def test_a_list_of_codes_is_read_and_known_ones_are_left_out(site: Site) -> None:
    owner = site.set_up()
    told = {"kind": "code", "name": "Ten", "source": "pool"}
    address = owner.post(HOME, told).headers["location"]

    def add(codes: str) -> Answer:
        return owner.post(f"{address}/codes", {"codes": codes})

    assert add("one-1\nTWO 2;three3").status == 303
    assert add("ONE-1, four4").status == 303
    assert add("жёлтый").status == 422
    found = rows(site, "SELECT code FROM free_code ORDER BY code")
    assert [row["code"] for row in found] == ["FOUR4", "ONE-1", "THREE3", "TWO2"]


def test_a_file_of_codes_is_read_and_every_line_accounted_for(site: Site) -> None:
    """R34. CSV of any dialect or XLSX, by the column's title, else the first; twice is once."""
    owner = site.set_up()
    address = owner.post(HOME, {"kind": "code", "name": "Ten", "source": "pool"}).headers[
        "location"
    ]
    sheet = io.BytesIO()
    with Workbook(sheet, {"in_memory": True}) as book:
        page = book.add_worksheet()
        for n, code in enumerate(("Промокод", "AAA-1", "BBB-2", "aaa-1", "ж", 4711)):
            page.write_row(n, 0, (f"row {n}", code))
    first = bring(owner, sheet.getvalue(), "codes.xlsx", path=f"{address}/codes")
    assert first.status == 200 and "Line 5:" in first.text
    assert "3 codes are new. 1 stood there once more. 1 cannot be a code" in first.text
    table = "no;Code\n1;CCC-3\n2;AAA-1\n".encode("utf-16")
    again = bring(owner, table, "codes.csv", path=f"{address}/codes")
    assert again.status == 303
    assert "1 code is new. 1 was on a list or given already." in owner.get(address).text
    wrong = bring(owner, b"%PDF-1.7", "codes.pdf", path=f"{address}/codes")
    assert wrong.status == 422 and "This is no list" in wrong.text
    found = rows(site, "SELECT code FROM free_code ORDER BY code")
    assert [row["code"] for row in found] == ["4711", "AAA-1", "BBB-2", "CCC-3"]


def kept(site: Site, offer: Reward) -> int:
    async def make() -> int:
        async with db.transaction(site.runtime.pool) as tx:
            store = await stores.find(tx, 1)
            assert store is not None
            return await offers.save(tx, store, offer, site.runtime.clock())

    return site.run(make())


def link_of(site: Site, offer: int) -> str:
    """The personal link of the first person, as a campaign says it."""
    (person,) = rows(site, "SELECT id FROM contact ORDER BY id LIMIT 1")
    return rules.link_of("", 1, offer, person["id"], partial(site.runtime.keyed, 1))


def subscriber(site: Site) -> None:
    """Somebody who gets our texts."""
    given(site, Reward(0, "w", "Welcome", "code", code="WELCOME"))
    store_speaks_english(site)


WHOLE = {
    "kind": "code", "name": "Black Friday", "source": "own", "prefix": "tea", "discount": "percent",
    "worth": "7,5", "goods_of": "categories", "goods": "Green tea\nCups, Teapots\n",
    "channel": "App",
    "subscribers_only": "yes", "frees": "yes", "valid_from": "2026-11-27",
    "valid_until": "2026-11-30", "early_from": "2026-11-26", "uses_each": "2", "uses_total": "500",
}  # fmt: skip


def test_all_that_is_typed_is_kept_and_shown_again(site: Site) -> None:
    """R34, R35, R36, R42: by the clock of the store; a last day is over at its end."""
    owner = site.set_up()
    address = owner.post(HOME, WHOLE).headers["location"]
    (row,) = rows(site, "SELECT settings FROM reward")
    told = row["settings"]
    assert told["goods"] == ["Green tea", "Cups", "Teapots"] and told["worth"] == "7.5"
    assert (told["channel"], told["prefix"], told["uses_total"]) == ("app", "TEA", 500)
    assert told["early_from"] == "2026-11-26T00:00:00+03:00"
    assert told["valid_until"] == "2026-11-30T23:59:59+03:00"
    shown = owner.get(address).text
    assert (
        'value="2026-11-26"' in shown and "Teapots</textarea>" in shown and 'value="7.5"' in shown
    )
    assert owner.post(address, WHOLE | {"name": "Cyber Monday"}).status == 303
    listed = owner.get(HOME).text
    assert "Cyber Monday" in listed and "7.5 % off" in listed and "early access" in listed
    assert owner.post(f"{address}/retire").status == 303
    assert "retired" in owner.get(HOME).text
    assert "No campaign can begin" in owner.get(address).text


def test_an_offer_that_cannot_be_is_refused(site: Site) -> None:
    owner = site.set_up()
    for told, field in (
        ({"kind": "code", "source": "common", "code": "!"}, "code"),
        ({"kind": "points", "points": ""}, "points"), ({"kind": "page"}, "text"),
        ({"kind": "page", "text": "x", "url": "javascript:alert(1)"}, "url"),
        ({"kind": "page", "text": "x", "valid_from": "2026-12-02", "valid_until": "2026-12-01"},
         "valid_until"),
        ({"kind": "page", "daily": "Kettle | 59.90\nCup 9.90"}, "daily"),
        ({"discount": "percent", "worth": "101"}, "worth"), ({"discount": "amount"}, "worth"),
        ({"discount": "gift"}, "gift"), ({"goods_of": "skus"}, "goods"), ({"goods": "x"}, "goods"),
        ({"channel": "!"}, "channel"), ({"early_from": "2026-11-26"}, "early_from"),
        ({"shop": "coupons", "discount": "gift", "gift": "x"}, "shop"),
        ({"shop": "file", "source": "pool"}, "shop"), ({"worth": "much"}, "worth"),
        ({"uses_each": "-1"}, "uses_each"),
    ):  # fmt: skip
        own = {} if "kind" in told else {"source": "own"}
        answer = owner.post(HOME, {"name": "Ten"} | own | told)
        assert answer.status == 422 and f'id="f-{field}-wrong"' in answer.text, told
        assert "Ten" in answer.text, told
        said = "“Cup 9.90” has no “|”: write each line as Title" in answer.text
        assert said == (field == "daily"), told
    assert not rows(site, "SELECT FROM reward")


def test_codes_for_a_shop_that_does_not_ask(site: Site) -> None:
    """R34: made ahead, taken as a file, and given only after the merchant says that it has them."""
    owner = site.set_up()
    told = WHOLE | {"shop": "file", "uses_each": "0", "goods": "Cups", "valid_from": ""}
    told |= {"early_from": "", "channel": ""}
    address = owner.post(HOME, told).headers["location"]
    assert owner.post(f"{address}/made", {"count": "3"}).status == 303
    shown = owner.get(address).text
    assert "Codes still wait to be told to the shop" in shown and "The shop has them now" in shown
    sheet = owner.get(f"{address}/codes.csv")
    first, *lines = sheet.text.split()[0:1] + sheet.text.splitlines()[1:]
    assert first.startswith("code,discount_type,amount") and len(lines) == 3
    assert ",percent,7.5,no,2026-11-30,yes,1,,,Cups,Black Friday" in lines[0]
    assert owner.post(f"{address}/shop", {"deed": "known"}).status == 303
    assert {row["shop"] for row in rows(site, "SELECT shop FROM free_code")} == {"knows"}
    assert "No campaign can begin" not in owner.get(address).text


def test_early_access_opens_to_subscribers_first(site: Site) -> None:
    """R36: by their sealed link before the public start, by the bare address after it."""
    site.set_up()
    subscriber(site)
    now = site.runtime.clock()
    offer = Reward(
        0, "early", "Sale", "page", title="Winter sale", text="All of it", subscribers_only=False,
        early_from=now - timedelta(hours=1), valid_from=now + timedelta(days=2),
    )  # fmt: skip
    link, visitor = link_of(site, kept(site, offer)), site.visitor()
    assert "All of it" in visitor.get(link).text
    stranger = visitor.get("/only/early?lang=en")
    assert stranger.status == 403 and "People who get our texts enter earlier" in stranger.text
    assert "All of it" not in stranger.text
    assert visitor.get(link[:-1] + ("a" if link[-1] != "a" else "b")).status == 404
    assert rows(site, "SELECT opened_at FROM reward_given WHERE NOT is_welcome")[0]["opened_at"]
    (row,) = rows(site, "SELECT n FROM way_count WHERE name LIKE '%/opened'")
    visitor.get(link)
    assert rows(site, "SELECT n FROM way_count WHERE name LIKE '%/opened'") == [row] == [{"n": 1}]
    _change(site, "UPDATE reward SET settings = settings || jsonb_build_object('valid_from',"
                  " settings ->> 'early_from')")  # fmt: skip
    assert "All of it" in visitor.get("/only/early").text


def test_early_access_tells_subscribers_when_it_begins(site: Site) -> None:
    site.set_up()
    subscriber(site)
    now = site.runtime.clock()
    offer = Reward(
        0, "early", "Sale", "page", text="All of it", early_from=now + timedelta(days=1),
        valid_from=now + timedelta(days=2),
    )  # fmt: skip
    shown = site.visitor().get(f"{link_of(site, kept(site, offer))}?lang=en")
    assert shown.status == 403 and "All of it" not in shown.text and "opens for you" in shown.text


def test_a_code_of_ones_own_stands_behind_the_link_of_a_campaign(site: Site) -> None:
    """R9, R34: a campaign notes no more than the code itself; the link finds it."""
    site.set_up()
    subscriber(site)
    number = kept(site, Reward(0, "own", "Teas", "code", source="own", prefix="TEA"))
    link = link_of(site, number)
    assert site.visitor().get(link).status == 403  # no campaign has given them one

    async def give() -> str:
        runtime = site.runtime
        async with db.transaction(runtime.pool) as tx:
            store, offer = await stores.find(tx, 1), await rewards.find(tx, 1, number)
            assert store is not None and offer is not None
            (person,) = await (await tx.execute("SELECT id FROM contact LIMIT 1")).fetchall()
            (code,) = await codes.for_page(
                tx, store, offer, [person["id"]], runtime.clock(), partial(runtime.keyed, 1),
                runtime.ids,
            )  # fmt: skip
        return code

    code = site.run(give())
    assert code in site.visitor().get(link).text
    _change(site, "UPDATE contact SET marketing = 'out'")
    assert code not in site.visitor().get(link).text


def test_what_few_offers_need_is_folded_until_it_is_said_or_wrong(site: Site) -> None:
    owner = site.set_up()
    empty = owner.get(f"{HOME}/new?kind=code").text
    assert empty.count('<details class="unusual">') == 3
    wrong = owner.post(HOME, {"name": "Ten", "source": "own", "channel": "!"}).text
    assert wrong.count('<details class="unusual" open>') == 1
    typed = owner.get(owner.post(HOME, WHOLE).headers["location"]).text
    assert typed.count('<details class="unusual" open>') == 2


def test_a_link_to_an_offer_is_a_tap_of_the_text_that_said_it(site: Site) -> None:
    """R100: of the last text with it. Previews are told apart; HEAD and a change of the language
    count no more than at other links."""
    site.set_up()
    sent = site.run(linked.send(site, []))
    offer = kept(site, Reward(0, "e", "Sale", "page", text="All of it"))
    keyed = partial(site.runtime.keyed, 1)
    path, visitor = rules.link_of("", 1, offer, sent.contact_id, keyed), site.visitor()
    visitor.ask("GET", path, None, linked.PHONE)  # nobody was sent it
    _change(site, f"UPDATE message SET body = 'Look: https://s.example{path} .'")
    visitor.ask("HEAD", path, None, linked.PHONE)
    assert "All of it" in visitor.ask("GET", path, None, linked.PHONE).text
    visitor.ask("GET", f"{path}?lang=en", None, linked.PHONE)
    visitor.ask("GET", path, None, linked.PHONE | {"user-agent": "WhatsApp/2.23"})
    time.sleep(0.5)
    told = [(one["kind"], one["number"]) for one in site.run(linked.clicks(site, sent))]
    assert told == [("person", OFFER_NUMBER), ("preview", OFFER_NUMBER)]


def test_a_product_a_day_is_shown_to_everybody(site: Site) -> None:
    """R37: unless it is for subscribers only; after its last day the page says so."""
    site.set_up()
    subscriber(site)
    goods = (DayGood("Kettle", "https://tea.example/kettle", "59.90 BYN"), DayGood("Cup"))
    offer = Reward(0, "day", "Day", "page", daily=goods, valid_from=site.runtime.clock())
    number = kept(site, offer)
    shown = site.visitor().get("/only/day?lang=en").text
    assert "Kettle" in shown and "59.90 BYN" in shown and "tea.example/kettle" in shown
    assert "Cup" not in shown and "another one tomorrow" in shown
    begins = (site.runtime.clock() - timedelta(days=1)).isoformat()
    _change(site, f'UPDATE reward SET settings = settings || \'{{"valid_from": "{begins}"}}\'')
    assert "Cup" in site.visitor().get("/only/day").text
    begins = (site.runtime.clock() - timedelta(days=2)).isoformat()
    _change(site, f'UPDATE reward SET settings = settings || \'{{"valid_from": "{begins}"}}\'')
    assert site.visitor().get("/only/day").status == 410
    _change(site, "UPDATE reward SET settings = settings || '{\"subscribers_only\": true}'")
    assert site.visitor().get("/only/day").status == 403
    assert site.visitor().get(link_of(site, number)).status == 410


def _change(site: Site, statement: str) -> None:
    async def run() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            await tx.execute(statement)  # type: ignore[arg-type]

    site.run(run())


@pytest.mark.browser
@pytest.mark.slow
def test_the_pages_are_clean(site: Site, look: Callable[..., Looker]) -> None:
    """Empty and full."""
    owner = site.set_up()
    owner.post("/me/language", {"language": "ru"})
    eye = look(phone=True, dark=True, language="ru")
    eye.sign_in()

    def assert_clean(*paths: str) -> None:
        for path in paths:
            eye.go(path)
            eye.assert_clean()

    assert_clean(HOME, *(f"{HOME}/new?kind={kind}" for kind in ("code", "page", "points")))
    whole = owner.post(HOME, WHOLE | {"shop": "file", "uses_each": "0"}).headers["location"]
    owner.post(f"{whole}/made", {"count": "30"})
    owner.post(HOME, {"kind": "code", "name": "Of a list", "source": "pool"})
    daily = "Kettle | 59.90 BYN | https://tea.example/k\nCup |"
    owner.post(HOME, {"kind": "page", "name": "A day", "daily": daily})
    subscriber(site)
    _change(site, USED)
    (day,) = rows(site, "SELECT token FROM reward WHERE name = 'A day'")
    assert_clean(HOME, whole, f"{HOME}/2", f"/only/{day['token']}")


USED = """
WITH o AS (
  INSERT INTO purchase_order (bucket, store_id, id, contact_id, key, number, state, placed_at,
    changed_at, total, currency)
  SELECT c.bucket, 1, c.id + 128 * n, c.id, 'k' || n, 'k' || n, 'placed', c.created_at,
    c.created_at, 59.90, 'BYN'
  FROM contact c CROSS JOIN generate_series(1, 40) n RETURNING *)
INSERT INTO offer_use (bucket, store_id, reward_id, order_id, contact_id, code, at)
SELECT bucket, 1, 1, id, contact_id, key, placed_at - (id % 9) * interval '30 hours' FROM o
"""
