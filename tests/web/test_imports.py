"""Pages of imports: the whole way by keyboard, wrong people, files that are none."""

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records.lists import imports
from ringdove.workers.lists import importing
from tests.web.conftest import Looker, Site, Visitor

LIST = (
    "Телефон;Имя;Согласие\n8 (029) 111-22-33;Анна;да\n+375 33 765-43-21;Олег;нет\n12;Ира;да\n;;да\n"
)


def bring(visitor: Visitor, octets: bytes, name: str = "people.csv", path: str = "") -> Any:
    """Uploads a file as a browser does."""
    edge = "ringdove-edge"
    head = (
        f'--{edge}\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n'
        "content-type: text/csv\r\n\r\n"
    )
    body = head.encode() + octets + f"\r\n--{edge}--\r\n".encode()
    headers = {
        "content-type": f"multipart/form-data; boundary={edge}", "sec-fetch-site": "same-origin",
    }  # fmt: skip
    return visitor.ask("POST", path or "/stores/1/imports", body, headers)  # type: ignore[arg-type]


def work(site: Site) -> None:
    """What the worker's own process does."""

    async def all_of_them() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            due = await imports.due(tx)
        for store_id, import_id in due:
            await importing.work_through(site.runtime, store_id, import_id)

    site.run(all_of_them())


def test_a_list_comes_in_step_by_step_and_goes_out_again(site: Site) -> None:
    """R11, P12. Over the pages: bring, decide, count, run, rejected rows, undo."""
    owner = site.set_up()
    answer = bring(owner, LIST.encode("cp1251"))
    assert answer.status == 303, answer.text
    here = answer.headers["location"]
    page = owner.get(here).text
    assert "Анна" in page and "8 (029) 111-22-33" in page
    form = {"c0": "phone", "c1": "name", "c2": "consent", "has_header": "yes", "country": "BY",
            "doubtful": "reject", "encoding": "cp1251", "delimiter": ";"}  # fmt: skip
    agreed = form | {"whence": "agreed", "do": "check"}
    wrong = owner.post(f"{here}/plan", agreed)
    assert wrong.status == 422 and "exact words" in wrong.text
    assert owner.post(f"{here}/plan", form | {"c1": "phone", "do": "look"}).status == 422
    agreed |= {"provenance": "Till", "words": "Да", "agreed_on": "2026-01-15"}
    assert owner.post(f"{here}/plan", agreed).status == 303
    assert "being counted" in owner.get(here).text
    work(site)
    checked = owner.get(here).text
    assert "What would happen" in checked and "the phone cannot be read" in checked
    assert owner.post(f"{here}/run").status == 303
    work(site)
    done = owner.get(here).text
    assert "What came of it" in done and "Undo this import" in done
    rejected = owner.get(f"{here}/rejected.csv").text
    assert "12,Ира,да,the phone cannot be read" in rejected.replace(";", ",")
    assert owner.post(f"{here}/run").headers["location"] == here  # a second press changes nothing
    assert owner.post(f"{here}/undo").status == 303
    work(site)
    assert "undone" in owner.get(here).text
    audit = owner.get("/stores/1/audit").text
    assert "Imported a list of people" in audit and "Undid an import" in audit


def test_a_file_that_is_no_list_is_refused_in_words(site: Site) -> None:
    """A clear error that says what to do."""
    owner = site.set_up()
    for octets, says in (
        (b"", "empty"), (b"%PDF-1.7 ...", "no list"), (b"\xd0\xcf\x11\xe0old", "xls"),
        (b"PK\x03\x04broken", "spreadsheet"), (b"\x00\x01\x02" * 500, "no list"),
    ):  # fmt: skip
        answer = bring(owner, octets)
        assert answer.status == 422, says
        assert says in answer.text.partition('role="alert"')[2][:400]


def test_a_spreadsheet_is_a_list(site: Site) -> None:
    """R91. XLSX with numbers as numbers and dates as dates."""
    from datetime import datetime

    from xlsxwriter import Workbook

    octets = io.BytesIO()
    book = Workbook(octets, {"default_date_format": "dd.mm.yyyy"})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["Phone", "Name", "Birthday"])
    sheet.write(1, 0, 375291112233)
    sheet.write(1, 1, "Anna")
    sheet.write_datetime(1, 2, datetime(1990, 2, 14))
    book.close()
    owner = site.set_up()
    answer = bring(owner, octets.getvalue(), "people.xlsx")
    page = owner.get(answer.headers["location"]).text
    assert "+375 29 111-22-33" in page and "1990-02-14" in page


def test_only_who_may_change_offers_brings_lists(site: Site) -> None:
    """P10. Viewers and support see no page of it."""
    owner = site.set_up()
    here = bring(owner, LIST.encode()).headers["location"]
    for role in ("viewer", "support"):
        member = site.add_member(owner, role)
        assert member.get("/stores/1/imports").status == 403
        assert member.get(here).status == 403
        assert bring(member, LIST.encode()).status == 403
        assert member.get(f"{here}/rejected.csv").status == 403
    assert site.add_member(owner, "marketer").get(here).status == 200
    assert owner.get("/stores/1/imports/127").status == 404


@pytest.mark.browser
def test_the_whole_way_by_keyboard(site: Site, look: Callable[..., Looker], tmp_path: Path) -> None:
    """R11, R115. From the empty page to the people, without a mouse; each page is for everybody."""
    site.set_up()
    somebody = look()
    somebody.sign_in()
    somebody.go("/stores/1/imports")
    page = somebody.page
    assert page.get_by_text("No list was brought yet").is_visible()
    somebody.assert_clean()
    file = tmp_path / "people.csv"
    file.write_text(LIST, encoding="utf-16")
    page.set_input_files("#f-file", file)
    page.get_by_role("button", name="Bring the file").press("Enter")
    page.wait_for_url("**/imports/*")
    somebody.assert_clean()
    first = page.get_by_label("Телефон")
    assert first.input_value() == "phone"
    page.get_by_label("Согласие").focus()
    assert page.get_by_label("Согласие").input_value() == "consent"
    page.keyboard.press("Tab")
    page.get_by_label("agreed to offers by text").focus()
    page.keyboard.press("Space")
    page.get_by_label("Where and how they agreed").focus()
    page.keyboard.type("Paper form at the till")
    page.keyboard.press("Tab")
    page.keyboard.type("Да, присылайте мне предложения")
    page.get_by_label("Day they agreed").fill("2026-01-15")
    page.get_by_role("button", name="Look again").press("Enter")
    page.wait_for_load_state()
    assert page.get_by_text("to be settled").count() == 1
    somebody.assert_clean()
    page.get_by_role("button", name="Count the whole file").press("Enter")
    page.get_by_text("being counted").wait_for()
    somebody.assert_clean()
    work(site)
    page.get_by_role("button", name="Import 3 rows").wait_for()
    somebody.assert_clean()
    page.get_by_role("button", name="Import 3 rows").press("Enter")
    page.get_by_text("running").wait_for()
    work(site)
    page.get_by_text("What came of it").wait_for()
    somebody.assert_clean()
    page.get_by_role("button", name="Undo this import").press("Enter")
    page.get_by_role("button", name="Undo", exact=True).press("Enter")
    page.wait_for_load_state()
    work(site)
    page.locator(".pill", has_text="undone").wait_for()


_ = (asyncio, json)
