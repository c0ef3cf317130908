"""Complaints on their pages and over the API, and the rules told by text (R71, R87, R32)."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records.complaints import complaint_lists
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.workers import react
from tests.web.conftest import Looker, Site
from tests.web.test_api import key

HERE = "/stores/1/complaints"
API = "/api/stores/1"


async def told(site: Site, *more: facts.Fact) -> None:
    """Anna's order, and what else was heard."""
    runtime, now = site.runtime, site.runtime.clock()
    order = facts.OrderPlaced(
        id="1042", at=now, order={
            "key": "1042", "number": "1042", "placed_at": now, "total": "59.90", "currency": "BYN",
            "customer": {"phone": "+375291112233", "name": "Анна Коваль", "country": "BY"},
            "lines": [{"name": "Чайник", "price": "59.90"}],
        },
    )  # fmt: skip
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, 1)
        assert store is not None
        await fact_records.write(tx, store, 0, [order, *more], now, runtime.ids)
    await react.answer_due(runtime)


async def rows(site: Site, query: str) -> list[dict[str, Any]]:
    async with db.transaction(site.runtime.pool) as tx:
        return await (await tx.execute(query)).fetchall()  # type: ignore[arg-type]


def test_a_complaint_is_written_down_moved_and_told_of(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R71, R87: from a page; each move is told by the automation, notes are told to nobody."""
    owner = site.set_up()
    assert "No complaint waits" in owner.get(HERE).text
    site.run(told(site))
    owner.post("/stores/1/automations/complaint_opened/switch", {"is_on": "yes", "version": "0"})
    (anna,) = site.run(rows(site, "SELECT id FROM contact"))
    (order,) = site.run(rows(site, "SELECT id FROM purchase_order"))
    assert "About no order" in owner.get(f"{HERE}?about={anna['id']}").text
    wrong = {"who": "+375290000000", "said": "Broken lid"}
    page = owner.post(HERE, wrong)
    assert page.status == 422 and "No customer has this number" in page.text
    assert "Broken lid" in page.text, "nothing typed is lost"
    assert owner.post(HERE, {"who": "1042", "said": ""}).status == 422
    empty = owner.post(HERE, {"contact": str(anna["id"]), "reason": "damaged", "said": ""})
    assert empty.status == 422 and f'name="contact" value="{anna["id"]}"' in empty.text
    assert owner.post(HERE, {"contact": "9" * 30, "said": ""}).status == 422
    assert owner.post(HERE, {"contact": "5", "said": "Broken"}).status == 404
    given = {"contact": str(anna["id"]), "order": str(order["id"]), "reason": "damaged",
             "said": "Broken lid"}  # fmt: skip
    assert owner.post(HERE, given).status == 303
    (row,) = site.run(rows(site, "SELECT * FROM complaint"))
    assert (row["state"], row["owner"], row["order_id"]) == ("opened", 1, order["id"])
    listed = owner.get(HERE).text
    assert "Broken lid" in listed and "Damaged" in listed and "Order 1042" in listed
    here = f"{HERE}/{row['id']}"
    for form in ({"state": ""}, {"state": "", "said": "x"}, {"state": "answered"}):
        assert owner.post(f"{here}/moves", form).status == 422, form
    assert owner.post(f"{here}/moves", {"note": "Ask the stock"}).status == 303
    answer = {"state": "accepted", "said": "A new one comes on Friday.", "note": "two in stock"}
    moved = owner.post(f"{here}/moves", answer)
    assert moved.status == 303
    page = owner.get(here).text
    assert "The customer is told by text." in page
    late = owner.post(f"{here}/moves", {"state": "refused", "was": "opened", "said": "No."})
    assert late.status == 422 and "look again" in late.text and ">No.</textarea>" in late.text
    assert "Ask the stock" in page and "two in stock" in page
    (_, text) = site.run(rows(site, "SELECT * FROM message WHERE topic = 'complaint' ORDER BY id"))
    (task,) = site.run(rows(site, "SELECT * FROM task"))
    assert task["result"] == "done", "who has answered it has nothing more to do"
    assert "A new one comes on Friday." in text["body"] and "stock" not in text["body"]
    monkeypatch.setattr(complaint_lists, "ORDERS_MOST", 0)  # as of one who orders much
    assert f'value="{order["id"]}" selected>1042' in owner.get(here).text
    change = {"owner": "0", "reason": "quality", "order": "0", "due_at": "2030-01-01T10:00"}
    assert owner.post(here, change).status == 422
    assert owner.post(here, change | {"due_at": ""}).status == 303
    (row,) = site.run(rows(site, "SELECT * FROM complaint"))
    assert (row["owner"], row["order_id"], row["reason"]) == (None, None, "quality")
    assert "Broken lid" in owner.get(f"{HERE}?which=decided").text
    assert "Broken lid" not in owner.get(f"{HERE}?which=closed").text
    viewer = site.add_member(owner, "viewer")
    assert viewer.get(HERE).status == 403


def test_a_long_list_of_complaints_is_read_page_by_page(site: Site) -> None:
    """Late ones are shown, each stands on one page."""
    owner = site.set_up()
    site.run(told(site))
    (anna,) = site.run(rows(site, "SELECT id, bucket FROM contact"))

    async def many() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            await tx.execute(
                """INSERT INTO complaint (bucket, store_id, id, contact_id, number, state,
                     opened_at, changed_at, due_at, said)
                   SELECT %(bucket)s, 1, n * 128 + %(bucket)s, %(id)s, n::text, 'opened',
                     %(now)s, %(now)s, %(now)s + (n - 2.5) * interval '1 minute', 'Said ' || n
                   FROM generate_series(1, 52) n""",
                anna | {"now": site.runtime.clock()},
            )

    site.run(many())
    first = owner.get(HERE).text
    more = first.partition("after=")[2].partition('"')[0]
    second = owner.get(f"{HERE}?after={more}").text
    assert ">Said 50<" in first and ">Said 51<" not in first
    assert ">Said 52<" in second and ">Said 50<" not in second
    assert "2 should have been answered by now" in first
    late = owner.get(f"{HERE}?late=yes").text
    assert ">Said 2<" in late and ">Said 4<" not in late


def test_rules_are_told_in_ones_own_words(site: Site) -> None:
    """R32."""
    owner = site.set_up()
    page = owner.get("/stores/1/rules-told").text
    assert "How to order" in page and "How to complain" in page
    languages = site.run(rows(site, "SELECT languages FROM store"))[0]["languages"]
    words = ["Привезите за {{ shop.nam }} год."] + [""] * (len(languages) - 1)
    wrong = owner.post("/stores/1/rules-told", {"complaint": words, "order": [""] * len(languages)})
    assert wrong.status == 422 and "shop.nam" in wrong.text
    words[0] = "{{ shop.name }}: привезите в течение года."
    right = {"complaint": words, "order": [""] * len(languages)}
    assert owner.post("/stores/1/rules-told", right).status == 303
    (row,) = site.run(rows(site, "SELECT policy FROM store"))
    assert row["policy"]["rules_told"] == {"complaint": {languages[0]: words[0]}}


def test_programs_handle_complaints(site: Site) -> None:
    """R71, R87: what the page can do, a program can."""
    site.set_up()
    site.run(told(site))
    (anna,) = site.run(rows(site, "SELECT id FROM contact"))
    (order,) = site.run(rows(site, "SELECT id FROM purchase_order"))
    program = key(site, "support")
    wish = {"customer": anna["id"], "said": "Broken", "order": order["id"], "reason": "damaged",
            "key": "crm-7"}  # fmt: skip
    made = program.ask("POST", f"{API}/complaints", wish)
    assert made.status == 201 and made.json()["order_number"] == "1042"
    again = program.ask("POST", f"{API}/complaints", wish)
    assert again.json()["id"] == made.json()["id"]
    here = f"{API}/complaints/{made.json()['id']}"
    for wrong in (
        {"customer": 5}, {"order": 5}, {"reason": "bad luck"}, {"owner": 77},
        {"due_at": "2036-01-01T00:00:00Z"},
    ):  # fmt: skip
        assert program.ask("POST", f"{API}/complaints", wish | wrong).status in (404, 422), wrong
    assert program.ask("POST", f"{here}/moves", {"said": "Hello"}).status == 422
    moved = program.ask("POST", f"{here}/moves", {"state": "refused", "said": "No receipt."})
    assert moved.json()["complaint"]["state"] == "refused"
    assert [one["state"] for one in moved.json()["history"]] == ["opened", "refused"]
    due = (site.runtime.clock() + timedelta(days=3)).isoformat()
    changed = program.ask("PUT", here, {"owner": 1, "due_at": due, "order": 0}).json()["complaint"]
    assert (changed["owner_name"], changed["order"]) == ("Anna Volk", None)
    assert program.ask("GET", f"{API}/complaints").json()["items"] == []
    found = program.ask("GET", f"{API}/complaints?which=all&customer={anna['id']}&owner=1").json()[
        "items"
    ]
    assert [one["reason"] for one in found] == ["damaged"]
    marketer = key(site, "marketer")
    own = {"order": {"en": "{{ shop.name }}: call us."}, "complaint": {}}
    assert marketer.ask("PUT", f"{API}/rules-told", own).json() == {"accepted": True}
    assert marketer.ask("GET", f"{API}/rules-told").json() == own
    assert marketer.ask("PUT", f"{API}/rules-told", {"order": {"en": "{{ x }}"}}).status == 422


@pytest.mark.browser
def test_complaints_in_a_browser(look: Callable[..., Looker], site: Site) -> None:
    """R71. Empty, filled, one with its history, the rules told: both widths, light and dark."""
    owner = site.set_up()
    looker = look(phone=True, dark=True)
    looker.sign_in()
    page = looker.page
    looker.go(HERE)
    looker.assert_clean()
    site.run(told(site))
    (anna,) = site.run(rows(site, "SELECT id FROM contact"))
    owner.post(HERE, {"contact": str(anna["id"]), "reason": "damaged", "said": "Чайник течёт"})
    looker.go(f"{HERE}?about={anna['id']}")
    page.get_by_role("dialog").get_by_label("In their words").fill("Broken lid")
    looker.assert_clean()
    page.get_by_role("button", name="Put it on the list").click()
    page.get_by_text("Broken lid").wait_for()
    looker.assert_clean()
    page.get_by_role("link", name=re.compile(r"Complaint \d")).first.click()
    page.get_by_label("What you do").select_option("accepted")
    page.get_by_label("To the customer").fill("A new one comes on Friday.")
    page.get_by_label("Among colleagues").fill("Two in stock")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("The customer is told by text.").wait_for()
    looker.assert_clean()
    looker.go("/stores/1/rules-told")
    looker.assert_clean()
