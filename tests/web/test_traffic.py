"""Gateways at work: figures of now and of the day, by network and by kind of error."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from ringdove.kit import db
from ringdove.records import counters
from ringdove.records.sending import gateways, traffic
from ringdove.records.store import stores
from tests.web.conftest import Looker, Site
from tests.web.test_api import key
from tests.web.test_unknown import lose

HERE = "/stores/1/gateways"


async def went(site: Site, networks: dict[str, tuple[int, int, int]], gateway_id: int = 1) -> None:
    """What the workers counted: sent, delivered, undelivered by network, some hours ago and now."""
    now = site.runtime.clock()
    async with db.transaction(site.runtime.pool) as tx:
        store = await stores.find(tx, 1)
        assert store is not None
        for hours in (0, 1, 30):
            counts: dict[str, int] = {f"error/{gateway_id}/ESME_RTHROTTLED": 4}
            counts[f"error/{gateway_id}/undeliverable 001"] = 2
            for network, some in networks.items():
                for name, n in zip(traffic.COUNTED, some, strict=True):
                    counts[f"{name}/{gateway_id}/{network}"] = n
            await counters.add(tx, store, now - timedelta(hours=hours), counts)
        await gateways.say_state(tx, gateway_id, "bound", "", now)


NETWORKS = {"BY/MTS": (900, 850, 20), "BY/life:)": (400, 200, 180), "PL": (30, 0, 0), "": (1, 1, 0)}


def test_each_gateway_says_what_went_over_it(site: Site) -> None:
    """N7, R100. By country and operator, and what went wrong in words."""
    owner = site.set_up()
    assert "Nothing was sent over it in this time." in owner.get(HERE).text
    site.run(went(site, NETWORKS))
    page = owner.get(f"{HERE}?days=7").text
    assert "Belarus, MTS" in page and "Poland" in page and "not known" in page
    assert "98 %" in page and "53 %" in page and "no receipt yet" in page
    assert "was asked for too much at once" in page
    assert "messages by time</caption>" in page


def test_refused_calls_stand_at_their_own_gateway(site: Site) -> None:
    """A wrong secret at one operator is looked for at that one."""
    owner = site.set_up()

    async def refuse() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            store = await stores.find(tx, 1)
            assert store is not None
            counts = {"door_refused": 9, "door_refused/1": 4, "door_refused/7": 5}
            await counters.add(tx, store, site.runtime.clock(), counts)

    site.run(refuse())
    assert "4 calls of the operator were refused today" in owner.get(HERE).text


def test_a_mailbox_has_no_networks(site: Site) -> None:
    owner = site.set_up()
    mail = {"name": "Mail", "host": "127.0.0.1", "port": "1", "security": "none"}
    owner.post("/stores/1/connections/gateways?kind=smtp", mail | {"sender": "a@shop.example"})
    site.run(went(site, {"": (5, 4, 0)}, gateway_id=2))
    page = owner.get(HERE).text
    assert "What arrives" in page and "not known" not in page and "Since" in page


def test_what_waits_is_counted_exactly_up_to_a_bound(site: Site) -> None:
    owner = site.set_up()
    made = site.run(lose(site, 3))
    owner.post("/stores/1/unknown/again", {"message": made})

    async def count() -> tuple[int, int]:
        async with db.transaction(site.runtime.pool) as tx:
            store = await stores.find(tx, 1)
            assert store is not None
            return await traffic.waiting(tx, store, 1), await traffic.under_way(tx, store, 1)

    assert site.run(count()) == (3, 0)
    assert "<dd>3</dd>" in owner.get(HERE).text


def test_only_owners_pause_and_see_what_a_gateway_complained_of(site: Site) -> None:
    """P10. Who may see connections may see figures; owners are told what a pause will do."""
    owner = site.set_up()
    site.run(went(site, NETWORKS))
    viewer = site.add_member(owner, "viewer")
    page = viewer.get(HERE).text
    assert "Belarus, MTS" in page and "Pause" not in page and "/connections/gateways/1" not in page
    assert "texts wait until you resume" in owner.get(HERE).text
    answer = owner.post("/stores/1/connections/gateways/1/pause?back=gateways")
    assert answer.headers["location"] == HERE
    assert "what waits for it waits on" in owner.get(HERE).text


@pytest.mark.browser
def test_the_pulse_is_shown_and_falls_quiet(site: Site, look: Callable[..., Looker]) -> None:
    """What a worker tells stands on the page within a second; without it the gateway is quiet."""
    owner = site.set_up()
    owner.post("/me/language", {"language": "ru"})
    site.run(went(site, NETWORKS))
    looker = look(phone=True, language="ru", dark=True)
    looker.sign_in()
    page = looker.page
    page.clock.install()
    looker.go(HERE)
    looker.assert_clean()
    told = {"gateway": 1, "bind": 0, "per_s": 41, "unanswered": 7, "window": 10, "queued": 3}

    async def tell() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            for bind in (0, 1):
                words = json.dumps(told | {"bind": bind})
                await db.notify(tx, "live", f"1 pulse {words}")

    page.wait_for_timeout(300)
    site.run(tell())
    page.locator("[data-per-s]", has_text="82").wait_for()
    assert page.locator("[data-unanswered]").first.inner_text() == "14"
    quiet = page.locator("[data-gateway]").first.get_attribute("data-quiet")
    page.clock.fast_forward(6000)
    page.locator("[data-gateway='1'] [data-per-s]", has_text=quiet).wait_for()
    assert not looker.trouble


def test_programs_ask_and_pause_over_the_api(site: Site) -> None:
    """R114. The same figures; a pause needs an owner's key."""
    site.set_up()
    site.run(went(site, NETWORKS))
    program, viewer = key(site, "owner"), key(site, "viewer")
    first = viewer.ask("GET", "/api/stores/1/gateways?hours=2").json()[0]
    assert first["networks"]["BY/MTS"] == {"sent": 1800, "delivered": 1700, "undelivered": 40}
    assert first["errors"]["ESME_RTHROTTLED"] == 8 and first["waiting"] == 0
    here = "/api/stores/1/gateways/1"
    assert viewer.ask("POST", f"{here}/pause", {}).status == 403
    assert program.ask("POST", f"{here}/pause", {}).json() == {"is_paused": True}
    assert program.ask("POST", f"{here}/resume", {}).json() == {"is_paused": False}
    assert program.ask("POST", "/api/stores/1/gateways/99/pause", {}).status == 404


def test_today_says_that_texts_wait_for_a_gateway_that_is_away(site: Site) -> None:
    owner = site.set_up()
    made = site.run(lose(site, 3))
    owner.post("/stores/1/unknown/again", {"message": made})

    async def say(state: str) -> None:
        async with db.transaction(site.runtime.pool) as tx:
            await gateways.say_state(tx, 1, state, "server_away", site.runtime.clock())

    for state, words in (
        ("lost", "is not connected: Nobody answers"),
        ("refused", "is not connected: Nobody answers"),
        ("stopped", "Nothing speaks for Virtual phones"),
        ("bound", ""),
    ):
        site.run(say(state))
        page = owner.get("/stores/1/today").text
        assert ("3 messages wait for it." in page) == bool(words), state
        assert words in page and ("/stores/1/gateways" in page), state
