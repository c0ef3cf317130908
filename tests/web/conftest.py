"""A site to look at: the application on a free port of this machine, on a cloned database.

`site` serves it from a thread of its own; `visitor` asks it without a browser, the way an older
program would; `browser` is Debian's Chromium, one a worker. Signing in goes through the page.
"""

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import pytest
from argon2 import PasswordHasher
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from ringdove.kit import crypto
from ringdove.runtime import Runtime, open_runtime
from ringdove.settings import Settings
from ringdove.web.app import SHUTDOWN_S, Server, create_app

T = TypeVar("T")

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
OWNER = {"name": "Anna Volk", "email": "anna@example.com", "password": "a quiet morning"}
STORE = {
    "name": "Volk & Sons",
    "country": "BY",
    "time_zone": "Europe/Minsk",
    "languages": ["ru", "be"],
    "currency": "BYN",
    "quiet_from": "21:00",
    "quiet_until": "09:00",
}


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str
    raw: bytes = b""

    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(slots=True)
class Visitor:
    """Asks the site over HTTP and keeps its cookies; a change says where it comes from."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, None, headers)

    def post(self, path: str, form: dict[str, Any] | None = None, **headers: str) -> Answer:
        body = urlencode(form or {}, doseq=True)
        sent = {
            "content-type": "application/x-www-form-urlencoded",
            "sec-fetch-site": "same-origin",
        }
        return self.ask(
            "POST", path, body, sent | {k.replace("_", "-"): v for k, v in headers.items()}
        )

    def ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            link.request(method, path, body, headers | ({"cookie": cookie} if cookie else {}))
            response = link.getresponse()
            for line in response.headers.get_all("set-cookie") or ():
                name, _, value = line.partition(";")[0].partition("=")
                gone = "max-age=0" in line.lower()
                self.cookies.pop(name, None) if gone else self.cookies.update({name: value})
            kept = {name.lower(): value for name, value in response.headers.items()}
            raw = response.read()
            return Answer(response.status, kept, raw.decode("utf-8", "replace"), raw)
        finally:
            link.close()

    def sign_in(self, email: str = OWNER["email"], password: str = OWNER["password"]) -> "Visitor":
        answer = self.post("/login", {"email": email, "password": password})
        assert answer.status == 303, answer.text
        return self


@dataclass(slots=True)
class Site:
    """A running site; `run` does something on its Runtime, in its own event loop."""

    port: int
    runtime: Runtime
    loop: asyncio.AbstractEventLoop
    app: Any

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def visitor(self) -> Visitor:
        return Visitor(self.port)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def set_up(self) -> Visitor:
        """An owner and a store, made through the pages; its id is 1."""
        visitor = self.visitor()
        assert visitor.post("/setup", OWNER).status == 303
        assert visitor.post("/setup/store", STORE).status == 303
        return visitor

    def add_member(self, owner: Visitor, role: str, store_id: int = 1) -> Visitor:
        """Somebody with this role, signed in."""
        email = f"{role}@example.com"
        form = {"name": role.title(), "email": email, "role": role}
        answer = owner.post(f"/stores/{store_id}/team", form)
        assert answer.status == 200, answer.text
        password = answer.text.partition('<code id="secret">')[2].partition("<")[0]
        return self.visitor().sign_in(email, password)


class QuickServer(Server):
    """Ends when told to: uvicorn looks ten times a second and gives its callers a tenth more."""

    async def main_loop(self) -> None:
        await self.on_tick(0)
        while not self.should_exit:
            await asyncio.sleep(0.01)

    async def shutdown(self, sockets: list[object] | None = None) -> None:
        self._streams.close()
        for listener in self.servers:
            listener.close()
        until = time.monotonic() + SHUTDOWN_S
        while self.server_state.connections and time.monotonic() < until:
            for connection in list(self.server_state.connections):
                connection.shutdown()
            await asyncio.sleep(0.005)
        for task in self.server_state.tasks:
            task.cancel()
        await self.lifespan.shutdown()


@pytest.fixture(scope="package", autouse=True)
def passwords_in_no_time() -> Iterator[None]:
    """Argon2 as cheap as it gets: almost every test signs somebody in."""
    with pytest.MonkeyPatch.context() as patch:
        cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(crypto, "_HASHER", cheap)
        yield


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    """The site of a new installation: nobody has an account yet."""
    yield from serve(Settings(home=tmp_path, database_url=database_url))


def serve(settings: Settings, kind: type[Server] = QuickServer) -> Iterator[Site]:
    """A site on these settings, until the generator is closed."""
    ready: list[Site] = []
    troubles: list[BaseException] = []
    holder: list[Server] = []

    async def main() -> None:
        async with open_runtime(settings) as runtime:
            app = create_app(runtime)
            server = kind(app, "127.0.0.1", 0, "127.0.0.1")
            holder.append(server)
            serving = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            ready.append(Site(port, runtime, asyncio.get_running_loop(), app))
            await serving

    def thread() -> None:
        try:
            asyncio.run(main())
        except BaseException as trouble:
            troubles.append(trouble)

    running = threading.Thread(target=thread)
    running.start()
    until = time.monotonic() + 30
    while not ready and not troubles and time.monotonic() < until:
        time.sleep(0.01)
    if troubles or not ready:
        raise RuntimeError("the site did not start") from (troubles or [None])[0]
    try:
        yield ready[0]
    finally:
        holder[0].should_exit = True
        running.join(20)
        waiting = "\n".join(map(repr, asyncio.all_tasks(ready[0].loop)))
        assert not running.is_alive(), f"the site did not stop:\n{waiting}"
        if troubles:
            raise troubles[0]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium a worker."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield started
        started.close()


RULES = "{preload: false, resultTypes: ['violations']}"
# Of a long table three rows show all of its colours.
CONTRAST = """[{exclude: ['tbody tr:nth-child(n+4)']},
    {preload: false, resultTypes: ['violations'], runOnly: ['color-contrast']}]"""
# No colour is on its way while it is measured.
AT_ONCE = """{ const sheet = new CSSStyleSheet();
    sheet.replaceSync('* { transition: none !important }');
    document.adoptedStyleSheets.push(sheet); }"""
TOO_WIDE = "document.documentElement.scrollWidth - innerWidth"


def assert_sound(page: Page) -> None:
    """No accessibility violation (axe) and nothing wider than the screen: as the page is open now,
    its contrast also in the other theme, its width also on the other device."""
    page.wait_for_load_state("load")
    page.evaluate(f"window.axe || (() => {{{AXE_SCRIPT}}})()")
    page.evaluate(AT_ONCE)
    _axe(page, f"[document, {RULES}]", "as it is")
    assert page.evaluate(TOO_WIDE) <= 0, "wider than the screen"
    is_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    page.emulate_media(color_scheme="light" if is_dark else "dark")
    _axe(page, CONTRAST, "in the other theme")
    page.emulate_media(color_scheme="dark" if is_dark else "light")
    here = page.viewport_size
    assert here
    there = DESKTOP if here["width"] == PHONE["width"] else PHONE
    # Playwright's own set_viewport_size() waits for a painted frame: several times as long.
    devtools = page.context.new_cdp_session(page)
    for size in (there, here):
        screen = {**size, "deviceScaleFactor": 1, "mobile": False}
        devtools.send("Emulation.setDeviceMetricsOverride", screen)
        assert page.evaluate("innerWidth") == size["width"]
        assert page.evaluate(TOO_WIDE) <= 0, f"wider than {size['width']} px"


def _axe(page: Page, told: str, where: str) -> None:
    found = page.evaluate(f"axe.run(...{told}).then(found => found.violations)")
    lines = [
        f"{one['id']}: {one['help']}\n  {node['html']}\n  {node['failureSummary']}"
        for one in found
        for node in one["nodes"]
    ]
    assert not lines, f"{page.url}, {where}:\n" + "\n".join(lines)


@dataclass(slots=True)
class Looker:
    """Somebody at a browser. `trouble` holds what the console complained of."""

    page: Page
    context: BrowserContext
    site: Site
    trouble: list[str]

    def go(self, path: str) -> None:
        self.page.goto(self.site.url + path)

    def sign_in(self, email: str = OWNER["email"], password: str = OWNER["password"]) -> None:
        """Without the form, which test_login.py fills in."""
        cookies = self.site.visitor().sign_in(email, password).cookies
        self.context.add_cookies(
            [
                {"name": name, "value": value, "url": self.site.url}
                for name, value in cookies.items()
            ]
        )

    def assert_clean(self) -> None:
        """A sound page and a silent console."""
        assert_sound(self.page)
        assert not self.trouble, self.trouble


@pytest.fixture
def look(browser: Browser, site: Site) -> Iterator[Callable[..., Looker]]:
    """look(): a new browser profile; phone, dark, language change the device."""
    opened: list[BrowserContext] = []

    def start(*, phone: bool = False, dark: bool = False, language: str = "en") -> Looker:
        context = browser.new_context(
            viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type]
            color_scheme="dark" if dark else "light",
            locale="ru-BY" if language == "ru" else "en-GB",
            has_touch=phone,
            reduced_motion="reduce",
        )
        opened.append(context)
        trouble: list[str] = []
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda said: said.type == "error" and trouble.append(said.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        return Looker(page, context, site, trouble)

    yield start
    for context in opened:
        context.close()
