"""Tasks and orders to call: what is to be done by somebody, and what came of it (R84, R116)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records.store import stores
from ringdove.records.tasks import tasks
from ringdove.rules import facts
from ringdove.rules.effects import SaveTask
from ringdove.workers import react
from tests.web.conftest import Looker, Site
from tests.web.test_api import key

HERE = "/stores/1/tasks"
CALLS = "/stores/1/calls"


async def orders(site: Site, count: int) -> list[int]:
    """So many fresh orders; the ids of the orders, the newest first."""
    runtime, now = site.runtime, site.runtime.clock()
    told: list[facts.Fact] = [
        facts.OrderPlaced(
            id=f"order/{n}", at=now - timedelta(hours=n + 1),
            order={
                "key": str(n), "number": f"A-{n}", "placed_at": now - timedelta(hours=n + 1),
                "total": "59.90", "currency": "BYN",
                "customer": {"phone": f"+37529111{n:04d}", "name": f"Анна {n}", "country": "BY"},
                "lines": [{"name": "Чайник", "price": "59.90"}],
            },
        )
        for n in range(count)
    ]  # fmt: skip
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, 1)
        assert store is not None
        await fact_records.write(tx, store, 0, told, now, runtime.ids)
    await react.answer_due(runtime)
    return [row["id"] for row in await rows(site, "SELECT id FROM purchase_order ORDER BY key")]


async def rows(site: Site, query: str) -> list[dict[str, Any]]:
    async with db.transaction(site.runtime.pool) as tx:
        return await (await tx.execute(query)).fetchall()  # type: ignore[arg-type]


async def asked(site: Site, said: str, *, tell: str = "task", hours: int = 4) -> int:
    """A task as an automation asks for it, about the first order's customer."""
    runtime, now = site.runtime, site.runtime.clock()
    (order,) = await rows(site, "SELECT id, contact_id FROM purchase_order ORDER BY key LIMIT 1")
    task_id = runtime.ids.make(tasks.bucket_of_task(None, order["contact_id"]))  # type: ignore[arg-type]
    wish = SaveTask(
        task_id, order["contact_id"], order["id"], "order_unpaid", 1, said, 0,
        now + timedelta(hours=hours), now, tell,
    )  # fmt: skip
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, 1)
        assert store is not None
        await tasks.write(tx, store, [wish])
    return task_id


def test_a_task_is_made_given_to_somebody_done_and_opened_again(site: Site) -> None:
    """R84. What an automation asked for stands on the list until somebody says what came of it."""
    owner = site.set_up()
    assert "Nothing is to be done" in owner.get(HERE).text
    site.run(orders(site, 1))
    task = site.run(asked(site, "Call about the low score"))
    assert owner.post(HERE, {"said": "", "owner": "0"}).status == 422
    made = owner.post(HERE, {"said": "Order boxes", "owner": "1", "due_at": "2030-01-01T10:00"})
    assert made.status == 422 and "within a year" in made.text and "Order boxes" in made.text
    assert owner.post(HERE, {"said": "Order boxes", "owner": "1"}).status == 303
    page = owner.get(HERE).text
    assert page.index("Call about the low score") < page.index("Order boxes"), "first due first"
    assert "Анна 0" in page and "Order A-0" in page and "for whoever comes first" in page
    mine = owner.get(f"{HERE}?whose=mine").text
    assert "Order boxes" in mine and "Call about the low score" not in mine
    assert "Call about the low score" in owner.get(f"{HERE}?whose=nobody").text
    change = {"said": "Call her", "owner": "1", "due_at": "", "note": "asked twice"}
    assert owner.post(f"{HERE}/{task}", change).status == 303
    assert "Call her" in owner.get(f"{HERE}?whose=mine").text
    assert owner.post(f"{HERE}/{task}/done", {"result": "saved"}).status == 422
    done = {"result": "done", "note": "She is glad"}
    assert owner.post(f"{HERE}/{task}/done", done).status == 303
    assert "Call her" not in owner.get(HERE).text
    page = owner.get(f"{HERE}?done=yes").text
    assert "Call her" in page and "She is glad" in page and "done by Anna Volk" in page
    again = owner.post(f"{HERE}/{task}/done", {"result": "failed"})
    assert again.status == 303 and "She is glad" in owner.get(f"{HERE}?done=yes").text
    assert owner.post(f"{HERE}/{task}/open").status == 303
    assert "Call her" in owner.get(HERE).text
    (anna,) = site.run(rows(site, "SELECT id FROM contact"))
    begun = owner.get(f"{HERE}?about={anna['id']}").text
    assert "About Анна 0" in begun and "data-open-now" in begun
    about = {"said": "Thank her", "contact": str(anna["id"])}
    assert owner.post(HERE, about).status == 303
    assert owner.post(HERE, about | {"contact": "5"}).status == 404
    past = owner.get(f"/stores/1/customers/{anna['id']}").text
    assert "Call her" in past and "Thank her" in past and "A task" in past
    assert "Call her" not in owner.get(f"/stores/1/customers/{anna['id']}?stage=delivery").text


def test_a_long_list_is_read_page_by_page(site: Site) -> None:
    """Each task stands on one page, in the order in which it is due."""
    owner = site.set_up()
    for n in range(tasks.PAGE + 3):
        assert owner.post(HERE, {"said": f"Task {n:03d}"}).status == 303
    first = owner.get(HERE).text
    more = first.partition("after=")[2].partition('"')[0]
    second = owner.get(f"{HERE}?whose=all&after={more}").text
    shown = [n for n in range(tasks.PAGE + 3) if f'">Task {n:03d}<' in first]
    assert shown == list(range(tasks.PAGE))
    assert [n for n in range(tasks.PAGE + 3) if f'">Task {n:03d}<' in second] == [50, 51, 52]
    assert owner.get(f"{HERE}?after=nonsense").status == 200


def test_where_alerts_go_is_the_owners_and_its_secret_is_shown_once(site: Site) -> None:
    owner = site.set_up()
    support = site.add_member(owner, "support")
    assert support.post(f"{HERE}/address", {"url": "https://crm.example/in"}).status == 403
    for wrong in ("ftp://crm.example", "http://crm.example/in", "http://8.8.8.8/", "/in",
                  "http://169.254.169.254/"):  # fmt: skip
        assert owner.post(f"{HERE}/address", {"url": wrong}).status == 422, wrong
    for near in ("http://localhost:9000/in", "http://10.0.0.5/in", "http://crm:8080/in"):
        assert owner.post(f"{HERE}/address", {"url": near}).status == 200, near
    page = owner.post(f"{HERE}/address", {"url": "https://crm.example/in"})
    secret = page.text.partition('<code id="secret">')[2].partition("<")[0]
    assert len(secret) > 20 and secret not in owner.get(HERE).text
    (row,) = site.run(rows(site, "SELECT * FROM alert_address"))
    assert site.runtime.sealer.open(row["secret"]) == secret
    assert owner.post(f"{HERE}/address", {"url": ""}).status == 303
    assert site.run(rows(site, "SELECT * FROM alert_address")) == []


def test_fresh_orders_are_called_and_stay_until_something_was_said(site: Site) -> None:
    """R116. Nobody answered: it comes back after the hour; confirmed: it is off the list."""
    owner = site.set_up()
    assert "No order waits for a call" in owner.get(CALLS).text
    first, second, third = site.run(orders(site, 3))
    page = owner.get(CALLS).text
    assert "tel:+375291110000" in page and "Чайник" in page and "their first order" in page
    assert owner.post(f"{CALLS}/{first}", {"result": "confirmed", "note": "Да"}).status == 303
    assert owner.post(f"{CALLS}/{second}", {"result": "no_answer", "again": "hour"}).status == 303
    page = owner.get(CALLS).text
    assert "A-0" not in page and "A-1" not in page and "A-2" in page
    called = owner.get(f"{CALLS}?which=called").text
    assert "Да" in called and "Nobody answered" in called and "A-2" not in called
    assert owner.post(f"{CALLS}/{second}", {"result": "sold"}).status == 422
    assert owner.post(f"{CALLS}/999999", {"result": "confirmed"}).status == 404
    back = "UPDATE order_call SET again_at = now() - interval '1 minute' RETURNING id"
    site.run(rows(site, back))
    page = owner.get(CALLS).text
    assert "A-1" in page and "1 call, the last by Anna Volk" in page and "A-0" not in page
    (anna,) = site.run(
        rows(site, f"SELECT contact_id AS id FROM purchase_order WHERE id = {first}")
    )
    past = owner.get(f"/stores/1/customers/{anna['id']}").text
    assert "A call" in past and "Confirmed" in past and third


def test_the_page_says_when_calls_by_hand_are_too_many(site: Site) -> None:
    """R116. From about 300 visits a day."""
    owner = site.set_up()
    (_,) = site.run(orders(site, 1))
    assert "outgrown" not in owner.get(CALLS).text
    visits = """INSERT INTO visit (bucket, store_id, id, contact_id, at)
      SELECT c.bucket, 1, c.id + n * 128, c.id, now() FROM contact c, generate_series(1, 2100) n
      RETURNING id"""
    site.run(rows(site, visits))
    page = owner.get(CALLS).text
    assert "Your shop has outgrown calls by hand" in page and "300 visits" in page


def test_programs_do_the_same_over_the_api(site: Site) -> None:
    """R84, R116: asked for, listed page by page, changed, done, called; and where alerts go."""
    site.set_up()
    first, second = site.run(orders(site, 2))
    program = key(site, "owner")
    base = "/api/stores/1"
    about = int(program.ask("GET", f"{base}/customers").json()["items"][0]["id"])
    wish = {"said": "Call back", "owner": 1, "customer": about}
    made = program.ask("POST", f"{base}/tasks", wish)
    assert made.status == 201, made.text
    one = made.json()
    assert (one["owner_name"], one["created_by"]) == ("Anna Volk", "api/owner")
    for n in range(3):
        assert program.ask("POST", f"{base}/tasks", {"said": f"Task {n}"}).status == 201
    page = program.ask("GET", f"{base}/tasks?most=3").json()
    rest = program.ask("GET", f"{base}/tasks?most=3&after={quote(page['next'])}").json()
    said = [row["said"] for row in page["items"] + rest["items"]]
    assert said == ["Call back", "Task 0", "Task 1", "Task 2"] and rest["next"] is None
    assert len(program.ask("GET", f"{base}/tasks?owner=0").json()["items"]) == 3
    assert len(program.ask("GET", f"{base}/tasks?customer={about}").json()["items"]) == 1
    path = f"{base}/tasks/{one['id']}"
    changed = program.ask("PUT", path, {"note": "twice", "owner": 0}).json()
    assert (changed["note"], changed["owner"], changed["said"]) == ("twice", 0, "Call back")
    assert program.ask("PUT", path, {"owner": 99}).status == 422
    assert program.ask("POST", f"{path}/done", {"note": "glad"}).json() == {"accepted": True}
    assert program.ask("POST", f"{path}/done", {}).json() == {"accepted": False}
    (done,) = program.ask("GET", f"{base}/tasks?done=true").json()["items"]
    assert (done["result"], done["note"], done["done_by"]) == ("done", "glad", "api/owner")
    assert program.ask("POST", f"{path}/open").json() == {"accepted": True}
    assert program.ask("POST", f"{path}/alert").json() == {"accepted": False}
    assert program.ask("GET", f"{base}/tasks/5").status == 404
    assert program.ask("GET", f"{base}/alerts/address").json()["url"] == ""
    url = {"url": "https://crm.example/in"}
    assert len(program.ask("PUT", f"{base}/alerts/address", url).json()["secret"]) > 20
    assert program.ask("GET", f"{base}/alerts/address").json()["secret"] == ""
    assert program.ask("PUT", f"{base}/alerts/address", {"url": "nowhere"}).status == 422
    listed = program.ask("GET", f"{base}/calls?most=1").json()
    assert listed["items"][0]["order_id"] == listed["next"] == str(first)
    call = {"result": "confirmed", "note": "at noon"}
    assert program.ask("POST", f"{base}/calls/{first}", call).status == 201
    (noted,) = program.ask("GET", f"{base}/calls/{first}").json()
    assert (noted["note"], noted["by"]) == ("at noon", "api/owner")
    assert program.ask("POST", f"{base}/calls/5", call).status == 404
    waiting = program.ask("GET", f"{base}/calls").json()["items"]
    assert [row["order_id"] for row in waiting] == [str(second)]


@pytest.mark.browser
def test_tasks_and_calls_in_a_browser(look: Callable[..., Looker], site: Site) -> None:
    """R84, R116. Both lists empty, filled and worked through, on a phone in the dark."""
    site.set_up()
    looker = look(phone=True, dark=True)
    looker.sign_in()
    page = looker.page
    for path in (HERE, CALLS):
        looker.go(path)
        looker.assert_clean()
    site.run(orders(site, 3))
    site.run(asked(site, "Call about the low score, before anybody else does", hours=-1))
    looker.go(HERE)
    page.get_by_text("Change it").click()
    looker.assert_clean()
    page.get_by_role("button", name="New task").click()
    page.get_by_role("dialog").get_by_label("What is to be done").fill("Order boxes")
    looker.assert_clean()
    page.get_by_role("button", name="Put it on the list").click()
    page.get_by_text("Order boxes").first.wait_for()
    page.get_by_role("button", name="Where alerts go").click()
    page.get_by_label("Address of your program").fill("https://crm.example/in")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    page.get_by_text("Copy it now").wait_for()
    looker.assert_clean()
    page.get_by_role("button", name="Take it off the list: Call about").click()
    page.get_by_text("It is done.").wait_for()
    looker.go(f"{HERE}?done=yes")
    looker.assert_clean()
    looker.go(CALLS)
    looker.assert_clean()
    page.get_by_label("What the call came to").first.select_option("no_answer")
    page.get_by_role("button", name="Note the call about order A-0").click()
    page.get_by_text("The call is noted.").wait_for()
    looker.go(f"{CALLS}?which=called")
    looker.assert_clean()
