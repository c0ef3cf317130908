"""What an automation would have done, what it would do to one person, what it did: the pages."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from ringdove.rules import facts
from ringdove.rules.automations.plans import Automation, Plan
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.automations.rehearsing import Happened
from ringdove.web.automations.step_words import Named
from ringdove.web.automations.try_outs import shown
from ringdove.web.speech import plain_speech
from ringdove.web.views import StorePage
from ringdove.workers.automations import rehearsing
from tests.web.conftest import Looker, Site
from tests.web.test_api import key
from tests.web.test_customers import tell

HERE = "/stores/1/automations"
UNPAID = f"{HERE}/order_unpaid"
FIXED = datetime(2026, 11, 22, 12, tzinfo=UTC)


def past(site: Site, count: int = 9) -> None:
    """Orders of the last days that wait for their money; every third is paid."""
    now = site.runtime.clock()
    told: list[facts.Fact] = []
    for n in range(count):
        at = now - timedelta(days=1 + n, hours=n)
        order = {
            "key": str(n), "number": f"N-{n}", "placed_at": at, "total": "59.90",
            "customer": {"phone": f"+37529111{n:04}", "name": f"Анна {n}", "country": "BY"},
            "lines": [{"name": "Чайник", "price": "59.90"}],
            "payment_url": f"https://linden.example/pay/{n}",
        }  # fmt: skip
        told.append(facts.OrderPlaced(id=f"o{n}", at=at, order=order))
        if n % 3 == 0:
            told.append(facts.PaymentReceived(id=f"p{n}", at=at + timedelta(hours=1), order=str(n)))
    tell(site, *told)


def past_order(site: Site) -> facts.OrderPlaced:
    """One that was placed just now."""
    at = site.runtime.clock()
    customer = {"phone": "+375291110001", "country": "BY"}
    order = {"key": "1", "placed_at": at, "total": "59.90", "customer": customer}
    return facts.OrderPlaced(id="o1", at=at, order=order)


def work(site: Site) -> None:
    """The process of its own does what is asked for."""
    site.run(rehearsing.all_asked(site.runtime, asyncio.Event()))


@pytest.mark.browser
def test_an_automation_is_rehearsed_tried_out_and_counted(
    site: Site, look: Callable[..., Looker]
) -> None:
    """N2, R101: before it is switched on the page says who would have got what, and for how much;
    a test run on one person says step by step what it would do to them."""
    owner = site.set_up()
    past(site)
    one = look()
    one.sign_in()
    one.go(f"{UNPAID}/rehearsal")
    assert "Not rehearsed yet" in one.page.inner_text("main")
    one.assert_clean()
    one.page.click("text=Rehearse >> nth=-1")
    one.page.wait_for_selector("text=It begins in a moment")
    work(site)
    one.page.wait_for_selector("text=Some of the texts")
    said = one.page.inner_text("main")
    assert re.search(r"Began\s+9", said, re.I) and re.search(r"Texts and letters\s+6", said, re.I)
    assert "paid" in said
    one.assert_clean()
    looks = site.add_member(owner, "viewer").get(f"{UNPAID}/rehearsal").text
    assert "Began" in looks and "Some of the texts" not in looks, "they hold names and codes"

    one.go(f"{UNPAID}/try")
    one.page.fill("[name=who]", "+37529 111 00 01")
    one.page.click("button:has-text('Try it')")
    one.page.get_by_text("The end.").first.wait_for()
    told = one.page.inner_text("#try")
    assert "1 text or letter" in told and "N-1" not in told and "The end." in told
    one.assert_clean()
    one.page.select_option("[name=then0]", "payment.received")
    one.page.click("button:has-text('Try it')")
    one.page.get_by_text("Nothing would be said.").first.wait_for()
    assert "It ends here" in one.page.inner_text("#try")

    one.go(f"{UNPAID}/report")
    assert "What it changed" in one.page.inner_text("main")
    one.assert_clean()


def test_a_report_of_nothing_says_so(site: Site) -> None:
    """R101: an automation that never was on has an empty report, not noughts."""
    owner = site.set_up()
    answer = owner.get(f"{HERE}/cart_left/report?days=90")
    assert answer.status == 200 and "Nothing began in this time" in answer.text
    assert owner.get(f"{HERE}/cart_left/report?days=91").status == 200
    assert owner.get(f"{HERE}/no_such/report").status == 404
    assert owner.get(f"{HERE}/no_such/rehearsal").status == 404
    for who, said in (("nobody@example.com", "Nobody has this phone"), ("", "Please fill")):
        refused = owner.post(f"{UNPAID}/try", {"who": who})
        assert refused.status == 422 and said in refused.text
    assert "cannot be rehearsed" in owner.get(f"{HERE}/back_in_stock/rehearsal").text


def test_a_program_reads_what_an_automation_did(site: Site) -> None:
    """R101: the figures of the page, over the API."""
    site.set_up()
    tell(site, past_order(site))
    program, here = key(site, "viewer"), "/api/stores/1/automations"
    found = program.ask("GET", f"{here}/order_accepted/report?days=90").json()
    assert (found["began"], found["alone"], found["lift"]) == (1, 0, None)
    assert found["total"]["queued"] == found["channels"]["sms"]["queued"] == 1
    assert found["steps"]["s1"]["waiting"] == 1
    assert program.ask("GET", f"{here}/no_such/report").status == 404
    assert program.ask("GET", f"{here}/order_accepted/report?days=31").status == 422


def test_a_test_run_is_told_in_the_order_of_life() -> None:
    """What is said at once stands before the wait for what follows, and the end behind a text that
    had to wait for its hour."""
    at, later = FIXED, FIXED + timedelta(hours=5)
    plan = Plan(RECIPES["survey"], Automation(is_on=True))
    happened = [
        Happened(at, "waits", 1, 1, "ask", until=later),
        Happened(at, "gave", 1, 1, "ask"),
        Happened(at, "ended", 1, 1, ""),
        Happened(later, "gave", 1, 1, "ask"),
    ]
    page = cast(StorePage, SimpleNamespace(say=plain_speech("en")))
    told = [one.icon for one in shown(page, plan, happened, Named())]
    assert told == ["gift", "clock", "gift", "check"]
