"""Links in a browser, end to end against a shop's page: the cart is filled, desktops see a code to
scan, and what ended says so, in five languages (R9, R31, N5)."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page

from ringdove.kit import db
from ringdove.kit.crypto import new_token
from ringdove.records.store import connections
from ringdove.rules.campaigns.campaigns import CartLine, Link
from tests.web.conftest import DESKTOP, PHONE, Looker, Site, assert_sound
from tests.web.linked import DESKTOP_AGENT, PHONE_AGENT, clicks, send

pytestmark = pytest.mark.browser

CART_PAGE = """<!doctype html><html lang="en"><title>Cart</title><h1>Your cart</h1>
<ul>{lines}</ul><p id="code">{code}</p><p id="from">{source}</p>"""


@pytest.fixture
def shop() -> Iterator[int]:
    """A self-written shop whose /cart takes what the documented address says; its port."""

    class Cart(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = parse_qs(urlsplit(self.path).query)
            lines = [one.rpartition(":") for one in told.get("add", [""])[0].split(",")]
            page = CART_PAGE.format(
                lines="".join(f"<li>{sku} × {count}</li>" for sku, _, count in lines),
                code=told.get("code", [""])[0], source=told.get("utm_source", [""])[0],
            ).encode()  # fmt: skip
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *said: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Cart)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """visit(path, phone=True): a page in a fresh profile, as a person's browser says it."""
    opened = []

    def go(path: str, *, phone: bool = False) -> Page:
        context = browser.new_context(
            viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type]
            user_agent=PHONE_AGENT if phone else DESKTOP_AGENT,
            locale="en-GB", is_mobile=phone,
        )  # fmt: skip
        opened.append(context)
        page = context.new_page()
        page.goto(site.url + path)
        return page

    yield go
    for context in opened:
        context.close()


ENDED = {
    "ru": "Предложение закончилось", "be": "Прапанова скончылася", "en": "This offer has ended",
    "it": "Questa offerta è terminata", "es": "Esta oferta ha terminado",
}  # fmt: skip


def test_a_cart_link_fills_the_shops_cart_and_a_desktop_is_shown_a_code_to_scan(
    site: Site, shop: int, visit: Callable[..., Page], look: Callable[..., Looker]
) -> None:
    """R31, R9, N5. The link of a text, opened in Chromium."""
    site.set_up()
    runtime = site.runtime

    async def prepare() -> None:
        async with db.transaction(runtime.pool) as tx:
            await connections.create(
                tx, store_id=1, kind="events", name="Shop", token=new_token(),
                settings={"cart_template":
                          f"http://127.0.0.1:{shop}/cart?add={{lines}}&code={{code}}"},
                secrets=runtime.sealer.seal({}), now=runtime.clock(),
            )  # fmt: skip
            await tx.execute(
                "INSERT INTO reward (store_id, id, token, name, kind, settings, created_at)"
                " VALUES (1, 3, 'r', 'Tea', 'code', '{\"source\": \"common\", \"code\":"
                ' "TEA-77"}\', now())'
            )
            await tx.execute(
                "UPDATE store SET languages = '{ru,be,en,it,es}', website = 'https://linden.example'"
            )

    site.run(prepare())
    over = datetime.now(UTC) - timedelta(days=1)
    cart = Link(kind="cart", lines=(CartLine(sku="TEA-1"), CartLine(sku="CUP", quantity=2)))
    told = [cart, cart.model_copy(update={"phones_only": True}), Link(ends_at=over)]
    sent = site.run(send(site, told, offer=3))

    page = visit(f"/l/{sent.token(0)}", phone=True)
    assert page.locator("li").all_inner_texts() == ["TEA-1 × 1", "CUP × 2"]
    assert page.inner_text("#code") == "TEA-77" and page.inner_text("#from") == "ringdove"

    page = visit(f"/l/{sent.token(1)}", phone=True)
    assert page.inner_text("h1") == "Your cart"
    page = visit(f"/l/{sent.token(1)}")
    assert page.inner_text("h1") == "Откройте это на телефоне"
    assert page.locator("img.qr").evaluate("image => image.naturalWidth") > 50
    assert_sound(page)
    for language, words in ENDED.items():
        page = visit(f"/l/{sent.token(2)}?lang={language}", phone=language != "it")
        assert page.inner_text("h1") == words
        assert page.get_attribute("html", "lang") == language
    assert_sound(page)

    site.run(_removed(site))
    site.app.state.links.book = type(site.app.state.links.book)(runtime)
    page = visit(f"/l/{sent.token(0)}", phone=True)  # a shop that cannot: the goods one by one
    assert page.inner_text(".code") == "TEA-77" and page.locator("ul.goods li").count() == 2
    assert_sound(page)
    site.run(site.app.state.links.clicks.close())
    seen = {(one["kind"], one["device"]) for one in site.run(clicks(site, sent))}
    assert seen == {("person", "phone"), ("person", "desktop")}

    owner = look()
    owner.sign_in()
    owner.go("/stores/1/settings/links")
    owner.assert_clean()


async def _removed(site: Site) -> None:
    async with db.transaction(site.runtime.pool) as tx:
        await tx.execute("UPDATE connection SET removed_at = now()")
