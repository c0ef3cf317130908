"""Refusals, erasure, one person's data, and how long data is kept: pages and API (P12)."""

import io
import json
import zipfile
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records.keeping import person_export
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.workers import react, retention
from tests.flows.conftest import order, text
from tests.records.test_erasure import EMAIL, HER, NAME, PHONE
from tests.web.conftest import Answer, Looker, Site, Visitor
from tests.web.test_api import key

HERE = "/stores/1/suppression"


async def hear(site: Site, *told: facts.Fact) -> None:
    runtime = site.runtime
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, 1)
        assert store is not None
        await fact_records.write(tx, store, 0, told, runtime.clock(), runtime.ids)
    await react.answer_due(runtime)


def rows(site: Site, statement: str, **values: Any) -> list[dict[str, Any]]:
    async def ask() -> Any:
        async with db.transaction(site.runtime.pool) as tx:
            return await (await tx.execute(statement, values)).fetchall()  # type: ignore[arg-type]

    found: list[dict[str, Any]] = site.run(ask())
    return found


def her(site: Site) -> int:
    """Zinaida, who ordered and wrote."""
    now = site.runtime.clock()
    site.run(hear(site, order("zx-1", at=now, customer=HER), text("hello", PHONE, now)))
    (row,) = rows(site, "SELECT id FROM contact WHERE phone = %(p)s", p=PHONE)
    return int(row["id"])


def upload(owner: Visitor, path: str, content: bytes, **fields: str) -> Answer:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts += [
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="n.csv"\r\n'
        b"Content-Type: text/csv\r\n\r\n" + content + b"\r\n--b--\r\n"
    ]
    headers = {
        "content-type": "multipart/form-data; boundary=b", "sec-fetch-site": "same-origin",
    }  # fmt: skip
    return owner.ask("POST", path, b"".join(parts), headers)  # type: ignore[arg-type]


def test_a_number_is_refused_asked_and_lifted_with_a_reason(site: Site) -> None:
    """P12, R5. Only who types the whole number finds it, and lifting says why in the audit."""
    owner = site.set_up()
    contact = her(site)
    assert "Nobody is refused" in owner.get(HERE).text
    answer = owner.post(f"{HERE}/add", {"list": "8 (029) 111-97-53", "scope": "marketing"})
    assert "1 number is refused from now on." in answer.text
    assert "1 customer of yours is among them" in answer.text
    site.run(hear(site))
    (row,) = rows(site, "SELECT marketing, service FROM contact WHERE id = %(c)s", c=contact)
    assert row == {"marketing": "out", "service": "in"}
    assert "Added by hand" in owner.get(f"{HERE}?q=%2B375291119753").text
    assert "is not on the list" in owner.get(f"{HERE}?q=%2B375291119754").text
    assert "type all of it" in owner.get(f"{HERE}?q=1119753").text
    assert "Say why" in owner.post(f"{HERE}/lift", {"number": PHONE, "why": " "}).text
    assert owner.post(f"{HERE}/lift", {"number": PHONE, "why": "his wish"}).status == 303
    assert "is not on the list" in owner.get(f"{HERE}?q=%2B375291119753").text
    (said,) = rows(site, "SELECT * FROM audit WHERE action = 'suppression.lifted'")
    assert said["detail"]["why"] == "his wish" and "9753" not in said["subject"][:-2]


def test_a_list_is_taken_and_what_cannot_be_read_is_named_by_its_line(site: Site) -> None:
    """P12. A hundred thousand lines at once; other columns do no harm."""
    owner = site.set_up()
    lines = ["phone;name", "+375291112233;Anna", "no number", "Anna@Shop.example", "", "+3752911"]
    answer = upload(owner, f"{HERE}/add", "\n".join(lines).encode(), scope="all", list="")
    assert "2 numbers are refused" in answer.text
    for line in ("phone;name", "no number"):
        assert line in answer.text
    held = rows(site, "SELECT scope, reason FROM suppression")
    assert held == [{"scope": "all", "reason": "by_hand"}] * 2
    assert "At most 100,000" in upload(owner, f"{HERE}/add", b"x\n" * 100_001, list="").text
    assert "No number and no address" in owner.post(f"{HERE}/add", {"list": "hello"}).text
    site.run(hear(site, order("9", customer={"phone": "+375291112233"}, at=site.runtime.clock())))
    (row,) = rows(site, "SELECT marketing, service FROM contact")
    assert row == {"marketing": "out", "service": "out"}


@pytest.mark.slow
def test_a_hundred_thousand_are_taken_and_the_page_stays_quick(site: Site) -> None:
    """P12. The newest page reads forty rows of a bucket, however many there are."""
    owner = site.set_up()
    text_ = "\n".join(f"+37529{n:07d}" for n in range(1_000_000, 1_100_000))
    answer = upload(owner, f"{HERE}/add", text_.encode(), list="")
    assert "100,000 numbers are refused" in answer.text
    page = owner.get(HERE)
    assert page.text.count('data-name="Mark"') == 40 and "before=" in page.text
    assert "100,000" in owner.get(f"{HERE}/counts").text


def test_erasing_takes_two_steps_and_says_what_goes_and_stays(site: Site) -> None:
    """P12. Nothing happens without the tick; afterwards the page of the person is gone."""
    owner = site.set_up()
    contact = her(site)
    here = f"/stores/1/customers/{contact}"
    assert f"{here}/erase" in owner.get(here).text
    page = owner.get(f"{here}/erase").text
    assert "1 text from them" in page and "What stays, and why" in page
    assert owner.post(f"{here}/erase", {"scope": "all"}).status == 422
    assert rows(site, "SELECT FROM erasure") == []
    answer = owner.post(f"{here}/erase", {"scope": "all", "sure": "yes"})
    assert answer.headers["location"] == "/stores/1/erased"
    site.run(retention.erase(site.runtime))
    page = owner.get("/stores/1/erased").text
    assert "Anna Volk" in page and "Nothing at all" in page
    assert owner.get(f"{here}/erase").status == 404
    for path in ("/customers", "/audit", "/messages", "/today", f"/customers?q={NAME[:7]}"):
        shown = owner.get(f"/stores/1{path}".replace(NAME[:7], "%D0%97%D0%B8%D0%BD")).text
        assert NAME not in shown and EMAIL not in shown and PHONE not in shown, path


def test_one_persons_data_is_a_page_for_them_and_json_for_machines(site: Site) -> None:
    """P12. In their language, whole, and readable without us."""
    owner = site.set_up()
    contact = her(site)
    link = HTTPConnection("127.0.0.1", site.port, timeout=20)
    cookie = "; ".join(f"{name}={value}" for name, value in owner.cookies.items())
    link.request("GET", f"/stores/1/customers/{contact}/data", headers={"cookie": cookie})
    answer = link.getresponse()
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.read())) as packed:
        page = packed.read("person.html").decode()
        told = json.loads(packed.read("person.json"))
    link.close()
    assert "Что мы о вас знаем" in page and NAME in page and "hello" in page and "zx-1" in page
    assert told["person"][0]["email"] == EMAIL and len(told["messages"]) >= 1
    assert told["orders"][0]["lines"][0]["name"] == "Чайник"
    assert "<script" not in page and "bucket" not in told["person"][0]
    assert rows(site, "SELECT FROM audit WHERE action = 'customer.exported'")


WITH_CONTACT = """
SELECT DISTINCT c.table_name AS t FROM information_schema.columns c
JOIN pg_class p ON p.relname = c.table_name AND NOT p.relispartition
WHERE c.table_schema = 'public' AND c.column_name = 'contact_id'
"""


def test_every_table_about_a_person_is_in_their_data_or_left_out_for_a_reason(site: Site) -> None:
    """P12. A new table belongs into records/keeping/person_export.py."""
    tables = {row["t"] for row in rows(site, WITH_CONTACT)} | {"contact"}
    shown = {table for table, _ in person_export.KINDS.values()}
    assert tables == shown | set(person_export.LEFT_OUT)
    assert not shown & set(person_export.LEFT_OUT)


def test_days_are_looked_at_before_they_are_saved(site: Site) -> None:
    """P12. The page says what would go; days out of bounds are refused with the bounds."""
    owner = site.set_up()
    here = "/stores/1/retention"
    page = owner.get(here).text
    assert 'value="400"' in page and "400 by itself" in page
    days = {"visits": "400", "carts": "400", "messages": "730", "inbound": "730", "facts": "13",
            "receipts": "400", "packets": "30", "people": "0", "clicks": "730"}  # fmt: skip
    answer = owner.post(here, days)
    assert answer.status == 422 and "Between 14 and 730 days." in answer.text
    looked = owner.post(f"{here}/look", days | {"facts": "60"})
    assert looked.status == 200 and "no data is that old" in looked.text
    assert owner.post(here, days | {"facts": "60"}).status == 303
    (row,) = rows(site, "SELECT policy FROM store")
    assert row["policy"]["keep_days"] == {"facts": 60}


def test_programs_do_all_of_it(site: Site) -> None:
    """P12, R114. Refuse, ask, lift, export, erase once however often asked, and days."""
    site.set_up()
    contact = her(site)
    owner, viewer, support = key(site, "owner"), key(site, "viewer"), key(site, "support")
    base = "/api/stores/1"
    told = {"numbers": ["+375291112233", "nothing", "a@b.example"], "reason": "imported"}
    answer = owner.ask("POST", f"{base}/suppression", told).json()
    assert answer == {"new": 2, "known": 0, "people": 0, "unread": [1]}
    asked = support.ask("POST", f"{base}/suppression/check", {"numbers": told["numbers"]}).json()
    assert [one["scope"] for one in asked] == ["marketing", None, "marketing"]
    listed = viewer.ask("GET", f"{base}/suppression").json()
    assert len(listed["rows"]) == 2 and "+375" not in json.dumps(listed)
    assert viewer.ask("GET", f"{base}/suppression/counts").json()[0]["reason"] == "imported"
    lifted = {"number": "+375291112233", "why": "a mistake"}
    assert owner.ask("POST", f"{base}/suppression/lift", lifted).json() == {"lifted": True}
    assert viewer.ask("POST", f"{base}/suppression/check", {"numbers": ["1"]}).status == 403
    assert viewer.ask("GET", f"{base}/customers/{contact}/data").status == 403
    assert support.ask("DELETE", f"{base}/customers/{contact}").status == 403
    first = owner.ask("DELETE", f"{base}/customers/{contact}", None, **{"idempotency-key": "k"})
    assert first.status == 200 and first.json()["repeated"] is False
    assert first.json()["went"]["people"] == 1
    again = owner.ask("DELETE", f"{base}/customers/{contact}", None, **{"idempotency-key": "k"})
    assert again.json()["repeated"] is True
    site.run(retention.erase(site.runtime))
    state = owner.ask("GET", f"{base}/customers/{contact}/erasure").json()
    assert state["state"] == "late" and state["went"]["facts"] >= 2
    assert owner.ask("GET", f"{base}/customers/{contact}/data").status == 404
    assert owner.ask("DELETE", f"{base}/customers/77").status == 404
    kinds = {one["kind"]: one for one in owner.ask("GET", f"{base}/retention").json()}
    assert kinds["people"]["may_never"] and kinds["facts"]["days"] == 90
    days = {"days": {"facts": 30}}
    assert owner.ask("POST", f"{base}/retention/look", days).json()["facts"] == 0
    assert owner.ask("PUT", f"{base}/retention", days).json() == {"facts": 30}
    wrong = owner.ask("PUT", f"{base}/retention", {"days": {"facts": 1}})
    assert wrong.status == 422 and "between 14 and 730" in wrong.text
    unknown = owner.ask("PUT", f"{base}/retention", {"days": {"dreams": 1}})
    assert unknown.status == 422 and "visits" in unknown.text


@pytest.mark.browser
def test_the_pages_are_sound_and_work_by_keyboard(site: Site, look: Callable[..., Looker]) -> None:
    """P12."""
    owner = site.set_up()
    owner.post("/me/language", {"language": "ru"})
    contact = her(site)
    owner.post(f"{HERE}/add", {"list": "+375291112233\nno number", "scope": "all"})
    looker = look(phone=True, language="ru", dark=True)
    looker.sign_in()
    page = looker.page
    person = f"/stores/1/customers/{contact}"
    for path in (
        HERE, f"{HERE}?q=%2B375291112233", "/stores/1/erased", "/stores/1/retention", person,
        f"{person}/erase",
    ):  # fmt: skip
        looker.go(path)
        looker.assert_clean()
    looker.go(HERE)
    page.locator("[data-opens=add-dialog]").focus()
    page.keyboard.press("Enter")
    page.locator("#add-dialog[open]").wait_for()
    looker.assert_clean()
    page.fill("#f-list", "+375291112299\nmistake")
    page.locator("#add-dialog .btn-primary").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "mistake" in page.content()
    looker.go(f"/stores/1/customers/{contact}/erase")
    page.locator("input[name=sure]").focus()
    page.keyboard.press("Space")
    page.locator(".btn-danger").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/erased")  # not any navigation: axe must not meet the next one
    looker.assert_clean()
