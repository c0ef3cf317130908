"""The page of connections: shops and gateways, their secrets, tests, pauses and rights."""

import asyncio
import html
import re
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records.sending import gateways
from ringdove.records.sending.gateways import Gateway
from ringdove.records.store import connections
from ringdove.records.store.connections import Connection
from tests.web.conftest import Looker, Site, Visitor

PAGE = "/stores/1/connections"
OPERATOR = {
    "name": "Operator",
    "host": "127.0.0.1",
    "port": "1",
    "system_id": "volk",
    "password": "opensesame",
}


def shops(site: Site) -> list[Connection]:
    async def ask() -> list[Connection]:
        async with db.transaction(site.runtime.pool) as tx:
            return await connections.of_store(tx, 1)

    return site.run(ask())


def ways(site: Site) -> list[Gateway]:
    async def ask() -> list[Gateway]:
        async with db.transaction(site.runtime.pool) as tx:
            return await gateways.of_store(tx, 1)

    return site.run(ask())


def add_shop(owner: Visitor, kind: str = "events", **more: str) -> str:
    answer = owner.post(f"{PAGE}/shops?kind={kind}", {"name": "My shop"} | more)
    assert answer.status == 200, answer.text
    return answer.text


def the_secret(page: str) -> str:
    found = re.search(r'<code id="secret">([^<]+)<', page)
    assert found
    return found[1]


def test_a_secret_is_made_sealed_and_shown_once(site: Site) -> None:
    owner = site.set_up()
    secret = the_secret(add_shop(owner))
    (shop,) = shops(site)
    assert site.runtime.sealer.open(shop.secrets) == {"webhook_secret": secret}
    assert secret.encode() not in shop.secrets and shop.settings == {}
    page = owner.get(f"{PAGE}/shops/{shop.id}").text
    assert secret not in page and f"/in/{shop.token}" in page
    assert owner.post(f"{PAGE}/shops/{shop.id}", {"name": "Renamed"}).status == 303
    assert site.runtime.sealer.open(shops(site)[0].secrets) == {"webhook_secret": secret}
    renewed = the_secret(owner.post(f"{PAGE}/shops/{shop.id}/secret").text)
    assert renewed != secret
    assert site.runtime.sealer.open(shops(site)[0].secrets) == {"webhook_secret": renewed}
    assert secret not in owner.get("/stores/1/audit").text


@pytest.mark.skipif(not shutil.which("openssl"), reason="the example signs with openssl")
def test_the_example_on_the_page_works_as_it_stands(site: Site) -> None:
    """R111. Copied into a shell, it is accepted; again, it is a repetition (P8)."""
    owner = site.set_up()
    page = add_shop(owner)
    example = re.search(r'<pre class="pretty" id="example"[^>]*>(.*?)</pre>', page, re.S)
    assert example
    script = html.unescape(example[1])
    address = f"{site.runtime.settings.outside_url}/in/"
    assert address in script
    script = script.replace(address, f"{site.url}/in/")
    for answer in ('{"accepted":1,"repeated":0', '{"accepted":0,"repeated":1'):
        told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=20)
        assert told.stdout.replace(" ", "").startswith(answer), told.stdout + told.stderr
    assert "Connected" in owner.get(PAGE).text


def test_a_shop_is_paused_resumed_and_removed(site: Site) -> None:
    owner = site.set_up()
    add_shop(owner)
    here = f"{PAGE}/shops/1"
    owner.post(f"{here}/pause")
    assert shops(site)[0].paused_at and "Paused" in owner.get(PAGE).text
    owner.post(f"{here}/pause/end")
    assert not shops(site)[0].paused_at
    owner.post(f"{here}/end")
    assert shops(site) == [] and owner.get(here).status == 404
    audit = owner.get("/stores/1/audit").text
    for deed in ("Connected a shop", "Paused a shop", "Resumed a shop", "Removed a shop"):
        assert deed in audit


def test_a_woocommerce_shop_is_asked_and_wrong_settings_are_named(site: Site) -> None:
    owner = site.set_up()
    bad = {"name": "Woo", "statuses": "odd = nonsense", "time_zone": "Mars/Base"}
    answer = owner.post(f"{PAGE}/shops?kind=woocommerce", bad)
    assert answer.status == 422
    assert "this meaning is not known" in answer.text
    assert "this time zone is not known" in answer.text
    add_shop(owner, "woocommerce", statuses="odd = parcel:delivered")
    assert shops(site)[0].settings == {"statuses": {"odd": "parcel:delivered"}}
    here = f"{PAGE}/shops/1"
    assert "there is nothing to ask" in owner.post(f"{here}/test").text
    keys = {"name": "Woo", "rest_key": "ck_1", "rest_secret": "cs_1"}

    async def shop(reader: Any, writer: Any) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        status = b"200 OK" if b"oauth_consumer_key=ck_1" in asked else b"401 Unauthorized"
        head = b"HTTP/1.1 " + status + b"\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]"
        writer.write(head)
        await writer.drain()
        writer.close()

    async def open_shop() -> Any:
        return await asyncio.start_server(shop, "127.0.0.1", 0)

    server = site.run(open_shop())
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    owner.post(here, keys | {"store_url": url})
    assert "The shop answers, and the keys fit." in owner.post(f"{here}/test").text
    owner.post(here, {"name": "Woo", "store_url": url, "rest_key": "ck_2"})
    assert "refused the REST keys" in owner.post(f"{here}/test").text
    site.loop.call_soon_threadsafe(server.close)
    owner.post(here, keys | {"store_url": "http://127.0.0.1:1"})
    assert "does not answer" in owner.post(f"{here}/test").text
    assert "cs_1" not in owner.get(here).text


def test_a_gateway_is_added_ordered_paused_and_removed(site: Site) -> None:
    """R113. Operators are switched without code; the workers hear of each change."""
    owner = site.set_up()
    (sandbox,) = ways(site)
    bell: list[db.Notice] = []

    async def listen() -> None:
        async with db.Bell(site.runtime.database_url, ["gateways"]) as heard:
            ready.set()
            for _ in range(4):
                bell.extend(await heard.wait(5))

    async def begin() -> "asyncio.Task[None]":
        task = asyncio.create_task(listen())
        await ready.wait()
        return task

    ready = asyncio.Event()
    listening = site.run(begin())
    answer = owner.post(f"{PAGE}/gateways?kind=smpp", OPERATOR | {"tls": "yes", "window": "20"})
    assert answer.status == 303
    sandbox, operator = ways(site)
    expected = {
        "host": "127.0.0.1", "port": 1, "tls": True, "system_id": "volk", "window": 20,
        "keep_packets": False,
    }  # fmt: skip
    assert operator.settings == expected
    assert site.runtime.sealer.open(operator.secrets) == {"password": "opensesame"}
    here = f"{PAGE}/gateways/{operator.id}"
    assert "opensesame" not in owner.get(here).text
    owner.post(here, OPERATOR | {"password": "", "port": "2775"})
    assert site.runtime.sealer.open(ways(site)[1].secrets) == {"password": "opensesame"}
    owner.post(f"{here}/first")
    assert [one.id for one in ways(site)] == [operator.id, sandbox.id]
    owner.post(f"{here}/pause")
    assert ways(site)[0].paused_at
    owner.post(f"{here}/pause/end")
    owner.post(f"{here}/end")
    assert [one.id for one in ways(site)] == [sandbox.id]
    listening.cancel()
    assert bell, "nobody rang"
    answer = owner.post(f"{PAGE}/gateways?kind=smpp", OPERATOR | {"port": "70000", "host": ""})
    assert answer.status == 422
    assert "At most 65535, please." in answer.text and "Please fill this in." in answer.text


def test_what_waits_for_a_removed_gateway_goes_over_the_next(site: Site) -> None:
    """P5. No accepted message is lost when its operator leaves."""
    owner = site.set_up()
    (sandbox,) = ways(site)
    text = {"phone": "+375 29 111-22-33", "text": "Hello"}
    answer = owner.post(f"{PAGE}/gateways/{sandbox.id}/text", text)
    assert "It is on its way" in answer.text
    owner.post(f"{PAGE}/gateways/{sandbox.id}/end")
    assert "nothing can be sent" in owner.get(PAGE).text.lower() or ways(site) == []
    owner.post(f"{PAGE}/gateways?kind=smpp", OPERATOR)
    (operator,) = ways(site)

    async def waiting() -> list[int]:
        async with db.transaction(site.runtime.pool) as tx:
            rows = await (await tx.execute("SELECT gateway_id FROM outbox")).fetchall()
            return [row["gateway_id"] for row in rows]

    assert site.run(waiting()) == [operator.id]


def test_a_test_text_says_what_becomes_of_it(site: Site) -> None:
    """P1. The test text asks the same decision as every text."""
    owner = site.set_up()
    here = f"{PAGE}/gateways/{ways(site)[0].id}/text"
    assert owner.post(here, {"phone": "12", "text": "Hello"}).status == 422
    assert owner.post(here, {"phone": "+375291112233", "text": ""}).status == 422
    assert "on its way" in owner.post(here, {"phone": "+375291112233", "text": "Hi"}).text


def test_a_second_one_of_a_kind_is_offered_a_name_of_its_own(site: Site) -> None:
    owner = site.set_up()
    form = f"{PAGE}/gateways/new?kind=smpp"
    assert 'value="SMPP"' in owner.get(form).text
    owner.post(f"{PAGE}/gateways?kind=smpp", OPERATOR | {"name": "SMPP"})
    assert 'value="SMPP 2"' in owner.get(form).text


def test_a_gateways_test_text_goes_over_that_gateway_and_no_other(site: Site) -> None:
    """One that is not first is tried before texts rely on it; a paused one says that it is."""
    owner = site.set_up()
    owner.post(f"{PAGE}/gateways?kind=smpp", OPERATOR)
    second = ways(site)[-1]
    here, text = f"{PAGE}/gateways/{second.id}", {"phone": "+375291112233", "text": "Hi"}
    answer = owner.post(f"{here}/text", text)
    link = re.search(r'href="(/stores/1/messages/\d+)"', answer.text)
    assert link and second.name in owner.get(link[1]).text

    async def waiting() -> list[int]:
        async with db.transaction(site.runtime.pool) as tx:
            rows = await (await tx.execute("SELECT gateway_id FROM outbox")).fetchall()
            return [row["gateway_id"] for row in rows]

    assert site.run(waiting()) == [second.id]
    owner.post(f"{here}/pause")
    refused = owner.post(f"{here}/text", text)
    assert refused.status == 422 and "resume it to send a test text" in refused.text
    assert site.run(waiting()) == [second.id]


def test_a_mail_server_is_tried(site: Site) -> None:
    owner = site.set_up()
    form = {"name": "Mail", "host": "127.0.0.1", "port": "1", "security": "none"}
    wrong = owner.post(f"{PAGE}/gateways?kind=smtp", form | {"sender": "nobody"})
    assert wrong.status == 422 and "Write an address such as" in wrong.text
    owner.post(f"{PAGE}/gateways?kind=smtp", form | {"sender": "Shop <a@shop.example>"})
    way = next(one for one in ways(site) if one.channel == "email")
    answer = owner.post(f"{PAGE}/gateways/{way.id}/test")
    assert answer.status == 200 and 'class="alert bad"' in answer.text


def test_viewers_see_states_and_no_settings(site: Site) -> None:
    """P10. Changes are the owner's; marketers too only see the states."""
    owner = site.set_up()
    add_shop(owner, "woocommerce", store_url="https://secret-address.example")
    for role in ("viewer", "support", "marketer"):
        person = site.add_member(owner, role)
        page = person.get(PAGE)
        assert page.status == 200 and "My shop" in page.text
        assert "secret-address" not in page.text and "/shops/1" not in page.text
        for path in ("/shops/1", "/gateways/1", "/shops/new", "/gateways/new"):
            assert person.get(PAGE + path).status == 403
        for path in ("/shops/1/pause", "/gateways/1/end", "/shops/1/secret", "/gateways/1/first"):
            assert person.post(PAGE + path).status == 403
    assert owner.get(f"{PAGE}/shops/new?kind=nothing").status == 404
    assert owner.get(f"{PAGE}/gateways/999999999999").status == 404


@pytest.mark.browser
def test_connections_in_a_browser(look: Callable[..., Looker], site: Site) -> None:
    site.set_up()
    looker = look()
    looker.sign_in()
    looker.go(PAGE)
    looker.trouble.clear()
    looker.assert_clean()
    page = looker.page
    page.get_by_role("link", name="Connect a shop").click()
    page.get_by_role("heading", name="Connect a shop").wait_for()
    looker.assert_clean()
    page.get_by_role("link", name="Your own shop").click()
    looker.assert_clean()
    page.get_by_role("button", name="Connect").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Copy it now").wait_for()
    looker.assert_clean()
    page.get_by_role("button", name="Remove").click()
    looker.assert_clean()
    page.keyboard.press("Escape")
    looker.go(f"{PAGE}/shops/new?kind=woocommerce")
    page.get_by_text("More settings").click()
    looker.assert_clean()
    looker.go(f"{PAGE}/gateways/new?kind=smpp")
    page.get_by_text("More settings").click()
    looker.assert_clean()
    looker.go(f"{PAGE}/gateways/1")
    looker.assert_clean()
    page.get_by_label("To this phone").fill("+375291112233")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("It is on its way").wait_for()
    looker.assert_clean()
    looker.go(PAGE)
    looker.assert_clean()
