"""People as a table and as an audience: who may, what leaves, and that no cell is a formula."""

import csv
import io
from collections.abc import Callable
from hashlib import sha256

import pytest

from ringdove.kit.sheets import harmless
from tests.web.conftest import Looker, Site, Visitor
from tests.web.test_imports import bring, work

LIST = (
    "phone;name;email;consent\n+375291112233;=cmd|' /C calc'!A0;anna@example.com;yes\n"
    "+375337654321;@SUM(A1);;\n+375447654321;-2+3;o@example.com;no\n"
)


def people(site: Site) -> tuple[Visitor, str]:
    owner = site.set_up()
    here = bring(owner, LIST.encode()).headers["location"]
    form = {
        "c0": "phone", "c1": "name", "c2": "email", "c3": "consent", "has_header": "yes",
        "country": "BY", "encoding": "utf-8", "delimiter": ";", "do": "check",
        "whence": "agreed", "provenance": "Till", "words": "Yes", "agreed_on": "2026-01-15",
    }  # fmt: skip
    assert owner.post(f"{here}/plan", form).status == 303
    work(site)
    owner.post(f"{here}/run")
    work(site)
    return owner, here


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_that_a_spreadsheet_would_carry_out_is_harmless(text: str) -> None:
    """What a customer calls themselves is never carried out on the merchant's machine."""
    assert harmless(text) == "'" + text
    assert harmless("+375291112233") == "+375291112233"
    assert harmless("Anna") == "Anna"


def test_people_leave_as_a_table_with_the_columns_chosen(site: Site) -> None:
    """P10, P12. CSV and XLSX; nothing in it is a formula; the audit knows."""
    owner, _ = people(site)
    assert "3 people: everybody" in owner.get("/stores/1/exports").text
    form = {"columns": ["phone", "name", "marketing"], "kind": "csv"}
    answer = owner.post("/stores/1/exports/people", form)
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("﻿"))))
    assert rows[0] == ["Phone", "Name", "Offers"]
    assert ["+375291112233", "'=cmd|' /C calc'!A0", "in"] in rows and len(rows) == 4
    some = owner.post("/stores/1/exports/people?offers=in", form).text
    assert some.count("\n") == 2 and "+375291112233" in some
    assert owner.post("/stores/1/exports/people", {}).status == 422
    assert "Exported people" in owner.get("/stores/1/audit").text


def test_an_audience_holds_hashes_of_those_who_may_be_in_it(site: Site) -> None:
    """R52. Only who agreed; ads are shown to nobody else; nothing readable leaves."""
    owner, _ = people(site)
    form = {"network": "google", "use": "exclude", "who": "not_bought", "do": "file"}
    answer = owner.post("/stores/1/exports/audience", form)
    first = [sha256(one).hexdigest() for one in (b"anna@example.com", b"+375291112233")]
    assert answer.text == "Email,Phone\r\n" + ",".join(first) + "\r\n"
    all_of_them = owner.post("/stores/1/exports/audience", form | {"whose": "all"})
    assert all_of_them.text.count("\r\n") == 4
    refused = owner.post("/stores/1/exports/audience", form | {"whose": "all", "use": "include"})
    assert refused.status == 422 and "only who agreed" in refused.text
    counted = owner.post("/stores/1/exports/audience", form | {"do": "count"}).text
    assert "1 person would be in it" in counted and "lists from 100 people" in counted


def test_who_sees_no_numbers_exports_none(site: Site) -> None:
    """P10."""
    owner, _ = people(site)
    viewer = site.add_member(owner, "viewer")
    support = site.add_member(owner, "support")
    assert viewer.get("/stores/1/exports").status == 403
    assert viewer.post("/stores/1/exports/people", {"columns": ["phone"]}).status == 403
    assert support.post("/stores/1/exports/people", {"columns": ["phone"]}).status == 200
    assert support.post("/stores/1/exports/audience", {"network": "meta"}).status == 403


@pytest.mark.browser
def test_the_page_is_for_everybody(site: Site, look: Callable[..., Looker]) -> None:
    """R52, R115."""
    people(site)
    somebody = look(phone=True, dark=True)
    somebody.sign_in()
    somebody.go("/stores/1/exports")
    somebody.page.get_by_role("button", name="Count them").press("Enter")
    somebody.page.wait_for_load_state()
    somebody.assert_clean()
