"""Reports: what a campaign did, earned and changed, on the page, over the API and as a file."""

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records.store import stores
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.web.reports import report_words
from ringdove.web.speech import plain_speech
from tests.records import test_reports as made_by_hand
from tests.records.test_reports import Sale
from tests.web.conftest import Looker, Site
from tests.web.test_api import key

HERE = "/stores/1/campaigns/1/report"


@dataclass
class Stand:
    """What the sale of the records' tests writes to, on a site."""

    runtime: Runtime
    store: Store

    async def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        async with db.transaction(self.runtime.pool) as tx:
            cursor = await tx.execute(statement, values)  # type: ignore[arg-type]
            return list(await cursor.fetchall())


def fill(site: Site, monkeypatch: pytest.MonkeyPatch, *, times: int, lift: int = 1) -> None:
    """A campaign that began two days ago: 40 people `times` times, of whom two bought a time, and
    `lift` more of those who were written to."""
    began = site.runtime.clock().replace(minute=0, second=0, microsecond=0) - timedelta(days=2)
    monkeypatch.setattr(made_by_hand, "BEGAN", began)

    async def write() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            store = await stores.find(tx, 1)
        assert store is not None
        sale = Sale(Stand(site.runtime, store))  # type: ignore[arg-type]
        for _ in range(times):
            _forty(sale, began, lift)
        await sale.write({"variants": [{"name": "Sale now"}, {"name": "Last days"}]}, "running")

    site.run(write())


def _forty(sale: Sale, began: datetime, lift: int) -> None:
    first = len(sale.people)
    for n in range(30):
        sale.somebody("delivered", n % 2)
    for _ in range(8):
        sale.somebody("dropped", 0, "holdout")
    sale.somebody("dropped", 0, "no_consent")
    sale.somebody("failed", 1)
    for n in range(lift + 1):
        sale.click(first + n, 2)
        sale.order(first + n, 5, "59.90")
    sale.order(first + 31, 7, "80")
    sale.click(first + 9, 3)


def test_before_it_begins_the_report_says_so(site: Site) -> None:
    """R100."""
    owner = site.set_up()

    async def draft() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            await tx.execute(
                "INSERT INTO campaign (store_id, id, name, state, plan, created_at, changed_at)"
                " VALUES (1, 1, 'Sale', 'draft', '{}', now(), now())"
            )

    site.run(draft())
    assert "It has not begun" in owner.get(HERE).text
    assert owner.get("/stores/1/campaigns/7/report").status == 404
    assert owner.get(f"{HERE}?segment=9").status in (200, 404)
    assert "No offers in this time" in owner.get("/stores/1/reports").text
    program = key(site, "viewer")
    assert program.ask("GET", "/api/stores/1/campaigns/1/report").status == 404


def test_a_report_says_what_was_sent_and_earned_and_why_each_order_counts(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R100, R101. Page, API and file say the same."""
    owner = site.set_up()
    fill(site, monkeypatch, times=1)
    page = owner.get(HERE).text
    assert "119.80" in page and "Sale now" in page and "Last days" in page
    assert "The link was tapped on" in page and "3 hours before the order" in page
    assert "Not enough data yet" in page and "below 20 nothing can be said" in page
    assert "whose link its customer tapped last" in page
    # The list of campaigns asks for the same, row by row.
    assert "/stores/1/campaigns/1/result" in owner.get("/stores/1/campaigns").text
    cells = owner.get("/stores/1/campaigns/1/result").text
    assert re.findall(r"num end\">(\d+)<", cells) == ["31", "3", "2"]
    program = key(site, "viewer")
    told = program.ask("GET", "/api/stores/1/campaigns/1/report").json()
    assert (told["people"], told["alone"], told["left_out"]) == (40, 8, 1)
    total = told["total"]
    assert (total["sent"], total["delivered"], total["orders"]) == (31, 30, 2)
    assert float(total["revenue"]) == 119.80 and float(total["cost"]) == 1.55
    assert float(total["profit"]) == pytest.approx(119.80 * 0.3 - 1.55)
    assert told["lift"]["buyers"]["low"] is None and not told["lift"]["buyers"]["is_sure"]
    listed = program.ask("GET", "/api/stores/1/campaigns/1/report/orders").json()
    assert [one["why"] for one in listed] == ["click", "click"]
    person = owner.get(f"/stores/1/customers/{listed[0]['contact_id']}").text
    assert "Counts for “Sale”." in person and "3 hours before the order" in person
    answer = owner.get(f"{HERE}/orders.csv")
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(rows) == 3 and {row[2] for row in rows[1:]} == {"59.90"}
    assert all("tapped" in row[6] for row in rows[1:])


def test_the_overview_names_campaigns_and_the_rule_can_be_tried_before_it_is_changed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R101, R107. What another rule says is told first; only the owner changes it."""
    owner = site.set_up()
    fill(site, monkeypatch, times=1)
    page = owner.get("/stores/1/reports").text
    assert "119.80" in page and ">Sale</a>" in page
    tried = owner.get("/stores/1/reports/rule?rule=last_text&days=2&margin=50").text
    assert "As it is" in tried and "As chosen" in tried and "119.80" in tried
    assert owner.post("/stores/1/reports/rule", {"rule": "x", "days": 3, "margin": 1}).status == 422
    marketer = site.add_member(owner, "marketer")
    assert marketer.post("/stores/1/reports/rule", {}).status == 403
    form = {"rule": "last_text", "days": "2", "margin": "50"}
    assert owner.post("/stores/1/reports/rule", form).status == 303
    told = key(site, "viewer").ask("GET", "/api/stores/1/reports").json()
    assert told["subjects"][0]["campaign_id"] == 1
    assert float(told["total"]["profit"]) == pytest.approx(119.80 * 0.5 - 1.55)
    program = key(site, "owner")
    rule = {"rule": "last_click", "days": 7, "margin_percent": 40}
    here = "/api/stores/1/reports/rule"
    body = {"content-type": "application/json"}
    assert program.ask("POST", f"{here}/rehearsal", rule).json()["orders"] == 2
    assert program.ask("GET", here).json()["rule"] == "last_text"
    assert program.ask("PUT", here, rule).json() == rule, json.dumps(body)
    assert program.ask("GET", here).json() == rule
    # P12. What is forgotten by now is said, not counted as if nobody had tapped.
    for days, is_said in ((90, True), (365, False)):
        answer = program.ask("PUT", "/api/stores/1/retention", {"days": {"clicks": days}})
        assert answer.status == 200, answer.text
        page = owner.get("/stores/1/reports?days=365").text
        assert ("is forgotten, as the store" in page) == is_said


def test_a_plan_is_told_what_it_will_be_able_to_see(site: Site) -> None:
    """N3."""
    site.set_up()
    program = key(site, "viewer")
    here = "/api/stores/1/reports/planned"
    told = program.ask("GET", f"{here}?people=20000&holdout_percent=10&buy_percent=3").json()
    assert 0 < told["lift"] < 0.03 and told["times"] > 1
    none = program.ask("GET", f"{here}?people=20").json()
    assert none == {"lift": None, "times": None}


def test_what_can_be_seen_is_said_before_a_campaign() -> None:
    """N3."""
    say = plain_speech("en")
    said = report_words.sees(say, 20_000, 10, 0.03)
    assert said.startswith("With 20,000 people you will see lifts above 1.") and "3 of 100" in said
    assert "Too few people" in report_words.sees(say, 30, 10, 0.03)
    assert "Nobody is left alone" in report_words.sees(say, 20_000, 0, 0.03)
    assert "Too little is bought" in report_words.sees(say, 20_000, 10, None)


@pytest.mark.browser
def test_reports_are_readable_everywhere(
    site: Site, look: Callable[..., Looker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """R101, N3. Much data: an interval is drawn and said; nothing: the overview says so."""
    owner = site.set_up()
    owner.post("/me/language", {"language": "ru"})
    looker = look(phone=True, language="ru", dark=True)
    looker.sign_in()
    looker.go("/stores/1/reports")
    looker.assert_clean()
    fill(site, monkeypatch, times=30, lift=9)
    for path in ("/stores/1/reports?days=90", HERE, "/stores/1/reports/rule?rule=last_text&days=9"):
        looker.go(path)
        looker.assert_clean()
    owner.post("/me/language", {"language": "en"})
    looker.go(HERE)
    assert looker.page.locator("svg.interval").count() == 2
    said = looker.page.locator("#report .lift").first.inner_text()
    assert "It made people buy" in said and "of 100 people" in said
