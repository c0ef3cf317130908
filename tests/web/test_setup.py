"""First-run set-up: who owns it, what the store is, and that it is open once only."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from ringdove.kit import db
from ringdove.records.sending import gateways
from ringdove.records.store import stores
from ringdove.rules.scenes import Store
from tests.web.conftest import OWNER, STORE, Looker, Site


def test_first_visit_leads_to_a_store_with_virtual_phones(site: Site) -> None:
    visitor = site.visitor()
    assert visitor.get("/").headers["location"] == "/setup"
    assert visitor.post("/setup", OWNER).headers["location"] == "/setup/store"
    assert visitor.post("/setup/store", STORE).headers["location"] == "/stores/1"
    assert visitor.get("/").headers["location"] == "/stores/1"

    async def made() -> tuple[Store | None, list[gateways.Gateway]]:
        async with db.transaction(site.runtime.pool) as tx:
            return await stores.find(tx, 1), await gateways.of_store(tx, 1)

    store, speaking = site.run(made())
    assert store is not None
    assert (store.name, store.languages, store.bucket_span) == ("Volk & Sons", ("ru", "be"), 1)
    assert [(g.kind, g.channel) for g in speaking] == [("sandbox", "sms")]


def test_set_up_is_over_once_somebody_has_an_account(site: Site) -> None:
    site.set_up()
    stranger = site.visitor()
    assert stranger.get("/setup").status == 404
    assert stranger.post("/setup", OWNER | {"email": "eve@example.com"}).status == 404
    assert stranger.get("/setup/store").headers["location"] == "/login?next=/setup/store"


def test_of_set_ups_at_once_one_wins(site: Site) -> None:
    """All are held at the same door and let in together: whoever checked before it would win."""

    def try_it(name: str) -> int:
        return site.visitor().post("/setup", OWNER | {"email": f"{name}@example.com"}).status

    with psycopg.connect(site.runtime.database_url) as door, ThreadPoolExecutor(3) as people:
        door.execute("LOCK TABLE app_user IN SHARE ROW EXCLUSIVE MODE")
        trying = [people.submit(try_it, name) for name in "abc"]
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while door.execute(waiting).fetchone() != (3,):
            time.sleep(0.02)
        door.rollback()
        assert sorted(one.result() for one in trying) == [303, 404, 404]


def test_what_is_wrong_is_said_and_nothing_is_lost(site: Site) -> None:
    for change, said in (
        ({"password": "short"}, "At least 10 characters"),
        ({"password": "aaaaaaaaaaaa"}, "Too easy to guess"),
        ({"email": "alexandra@example.com", "password": "alexandra1"}, "Too easy to guess"),
        ({"email": "nobody"}, "This does not look right"),
        ({"name": " "}, "Please fill this in"),
    ):
        answer = site.visitor().post("/setup", OWNER | change)
        assert answer.status == 422 and said in answer.text, change
        assert (OWNER | change)["email"] in answer.text, change
        assert OWNER["password"] not in answer.text, change


def test_a_store_that_cannot_be_is_refused(site: Site) -> None:
    visitor = site.visitor()
    visitor.post("/setup", OWNER)
    wrong: tuple[dict[str, Any], ...] = (
        {"country": "XX"}, {"time_zone": "Moon/Sea"}, {"languages": []}, {"quiet_from": "late"},
    )  # fmt: skip
    for change in wrong:
        answer = visitor.post("/setup/store", STORE | change)
        assert answer.status == 422, change
        assert STORE["name"].replace("&", "&amp;") in answer.text, change


@pytest.mark.browser
def test_set_up_in_a_browser(look: Callable[..., Looker]) -> None:
    looker = look()
    page = looker.page
    looker.go("/")
    looker.assert_clean()
    page.fill("#f-name", OWNER["name"])
    page.fill("#f-email", OWNER["email"])
    page.fill("#f-password", OWNER["password"])
    page.click("main form button[type=submit]")
    page.wait_for_url("**/setup/store")
    looker.assert_clean()
    page.fill("#f-name", "Libreria Volpe")
    with page.expect_response("**/setup/guesses*"):
        page.select_option("#f-country", "IT")
    page.locator("#f-time_zone").and_(page.locator('[name="time_zone"]')).wait_for()
    page.wait_for_timeout(300)
    assert page.input_value("#f-time_zone") == "Europe/Rome"
    assert page.input_value("#f-currency") == "EUR"
    page.check('input[value="en"]')
    chosen = page.eval_on_selector_all(
        "input[name=languages]:checked", "all => all.map(one => one.value)"
    )
    assert chosen == ["it", "en"]
    page.click("main form.stack > button[type=submit]")
    page.wait_for_url("**/stores/1/**")
