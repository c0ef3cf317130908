"""What protects the pages: rights on every route (P10), forged requests, headers, crashes."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from ringdove.kit import db
from ringdove.records.store.users import ROLES, Role
from ringdove.settings import Settings
from ringdove.web.app import PAGES, SHUTDOWN_S, Server
from ringdove.web.security import TRIES_KEYS_MAX, Throttle, is_forged
from ringdove.web.views import Needs, signed_in
from tests.web.conftest import STORE, Looker, Site, Visitor, serve

PUBLIC = {"/", "/login", "/logout", "/language", "/setup"}


def routes() -> Iterator[tuple[str, str, Role | None, bool]]:
    """Every page: method, address, the role it needs, whether it needs somebody at all."""
    for router in PAGES:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            calls = [one.call for one in route.dependant.dependencies]
            role = next((call.role for call in calls if isinstance(call, Needs)), None)
            for method in sorted(route.methods):
                yield method, route.path, role, role is not None or signed_in in calls


def ask(visitor: Visitor, method: str, path: str) -> int:
    """The status of a page, with numbers put into its address; an open stream is left at once."""
    filled = re.sub(r"\{store_id\}", "1", path)
    filled = re.sub(r"\{\w+\}", "999999", filled)
    if filled.endswith("/live"):
        return open_stream(visitor, filled)
    return (visitor.get if method == "GET" else visitor.post)(filled).status


def open_stream(visitor: Visitor, path: str) -> int:
    link = HTTPConnection("127.0.0.1", visitor.port, timeout=10)
    cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    link.request("GET", path, headers={"cookie": cookie})
    status = link.getresponse().status
    link.close()
    return status


def test_every_page_says_who_may_see_it() -> None:
    """P10. A page of a store names the role it needs; the public ones are these and no others."""
    for method, path, role, needs_somebody in routes():
        if path.startswith("/stores/{store_id}"):
            assert role is not None, f"{method} {path} names no role"
        elif path not in PUBLIC:
            assert needs_somebody, f"{method} {path} is open to everybody"


def test_no_page_of_a_store_opens_to_a_stranger_or_a_neighbour(site: Site) -> None:
    """P10. The wrong store is as if it did not exist, for every page and every method."""
    site.set_up()
    neighbour = site.visitor()
    neighbour.cookies = _neighbour(site)
    for method, path, role, _ in routes():
        if role is None:
            continue
        stranger = ask(site.visitor(), method, path)
        assert stranger in (303, 401), f"{method} {path}: {stranger} for a stranger"
        assert ask(neighbour, method, path) == 404, f"{method} {path} shows itself to a neighbour"


def _neighbour(site: Site) -> dict[str, str]:
    """The owner of another store of the same installation."""
    object.__setattr__(site.runtime.settings, "signup_open", True)
    other = site.visitor()
    form = {"name": "Ben", "email": "ben@example.com", "password": "a loud evening"}
    assert other.post("/setup", form).status == 303
    assert other.post("/setup/store", STORE | {"name": "Ben's"}).headers["location"] == "/stores/2"
    return other.cookies


def test_no_page_opens_to_a_role_that_is_not_enough(site: Site) -> None:
    """P10. Every role is refused by what needs a higher one, and only by that."""
    owner = site.set_up()
    people = {role: site.add_member(owner, role) for role in ROLES if role != "owner"}
    for method, path, needed, _ in routes():
        for role, visitor in people.items():
            if needed is None:
                continue
            is_refused = ask(visitor, method, path) == 403
            is_too_low = ROLES.index(role) < ROLES.index(needed)
            assert is_refused == is_too_low, f"{method} {path} as {role}"


def test_other_stores_of_the_installation_stay_shut_to_an_owner(site: Site) -> None:
    """P10. Ids of another store's people and keys mean nothing here."""
    owner = site.set_up()
    neighbour = site.visitor()
    neighbour.cookies = _neighbour(site)
    key = {"name": "Theirs", "role": "owner"}
    assert neighbour.post("/stores/2/team/keys", key).status == 200
    assert owner.post("/stores/1/team/keys/1/end").status == 404
    assert owner.post("/stores/1/team/2/access/end").status == 404
    assert owner.post("/stores/1/team/2/password").status == 404
    assert "Theirs" not in owner.get("/stores/1/team").text


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://desk.example"}, False),
        ({"origin": "http://desk.example"}, True),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "http://desk.example:81"}, False),
        ({"origin": "null"}, False),
        ({}, False),
    ],
)
def test_a_change_comes_from_our_own_pages(headers: dict[str, str], is_ours: bool) -> None:
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/logout",
        "scheme": "http",
        "query_string": b"",
        "headers": [
            (b"host", b"desk.example"),
            *((name.encode(), value.encode()) for name, value in headers.items()),
        ],
    }
    assert is_forged(scope) is not is_ours
    assert not is_forged(scope | {"method": "GET"})
    assert not is_forged(scope | {"path": "/in/token"})
    assert not is_forged(scope | {"path": "/api/stores/1/facts"})


def test_an_address_with_nul_finds_nothing_and_breaks_nothing(site: Site) -> None:
    """PostgreSQL keeps no NUL; whoever types one is told so by an empty list, and no crash."""
    owner = site.set_up()
    for path in (
        "/surveys/answers?reason=%00", "/surveys/answers?sku=a%00", "/complaints?reason=%00",
        "/inbox?q=%00", "/surveys/answers/file?carrier=%00",
    ):  # fmt: skip
        answer = owner.get(f"/stores/1{path}")
        assert answer.status == 200, path
    assert owner.get("/stores/1/surveys/%00delivery").status == 200
    assert owner.get("/stores/1/surveys/%00").status in (303, 307, 404)


def test_a_forged_sign_out_changes_nothing(site: Site) -> None:
    owner = site.set_up()
    answer = owner.post("/logout", **{"sec-fetch-site": "cross-site"})
    assert answer.status == 403
    assert owner.get("/stores/1/team").status == 200


def test_every_answer_carries_the_headers(site: Site) -> None:
    visitor = site.visitor()
    for path in ("/setup", "/nothing-here", "/static/app.css", "/login"):
        headers = visitor.get(path).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
    assert visitor.get("/setup").headers["cache-control"] == "no-store"
    assert "immutable" in visitor.get("/static/app.css?v=1").headers["cache-control"]


def test_a_cookie_is_strict_over_https(site: Site) -> None:
    visitor = site.visitor()
    secure = {"x-forwarded-proto": "https"}
    form = {"name": "Anna", "email": "anna@example.com", "password": "a quiet morning"}
    answer = visitor.post("/setup", form, **secure)
    assert answer.status == 303
    assert "__Host-ringdove_session" in visitor.cookies
    cookie = answer.headers["set-cookie"].lower()
    assert "secure" in cookie and "httponly" in cookie and "samesite=lax" in cookie
    assert visitor.get("/setup/store", **secure).headers["strict-transport-security"]


def test_a_crash_is_told_by_a_reference_and_nothing_else(site: Site) -> None:
    site.set_up()

    async def break_it() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            await tx.execute("ALTER TABLE audit RENAME TO audit_away")

    owner = site.visitor().sign_in()
    site.run(break_it())
    answer = owner.get("/stores/1/audit")
    assert answer.status == 500
    assert "audit_away" not in answer.text and "relation" not in answer.text
    assert re.search(r"<code class=\"mono\">[0-9a-f]{8}</code>", answer.text)
    assert "content-security-policy" in answer.headers


def test_tries_are_forgotten_in_time_and_memory_is_bounded() -> None:
    throttle = Throttle(tries_max=2, window_s=60)
    throttle.failed("anna", 0)
    assert not throttle.is_closed("anna", 1)
    throttle.failed("anna", 1)
    assert throttle.is_closed("anna", 2)
    assert not throttle.is_closed("anna", 62)
    for n in range(TRIES_KEYS_MAX + 5):
        throttle.failed(f"{n}", 2)
    assert len(throttle._tries) == TRIES_KEYS_MAX


def test_an_open_stream_hears_news_and_does_not_hold_the_server(site: Site) -> None:
    owner = site.set_up()
    link = HTTPConnection("127.0.0.1", site.port, timeout=10)
    link.request("GET", "/stores/1/live", headers={"cookie": _cookie(owner)})
    stream = link.getresponse()
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.readline() == b"retry: 3000\n"

    async def ring(payload: str) -> None:
        async with db.transaction(site.runtime.pool) as tx:
            await db.notify(tx, "live", payload)

    site.run(ring("2"))
    site.run(ring("1 messages"))
    assert _next(stream) == b"data: messages\n"
    site.run(ring("1"))
    assert _next(stream) == b"data: *\n"
    with ThreadPoolExecutor(1) as pool:
        rest = pool.submit(stream.read)
        began = time.monotonic()
        site.loop.call_soon_threadsafe(site.app.state.streams.close)
        rest.result(5)
    assert time.monotonic() - began < 2
    link.close()


def test_stopping_does_not_wait_for_open_pages(database_url: str, tmp_path: Path) -> None:
    served = serve(Settings(home=tmp_path, database_url=database_url), Server)
    site = next(served)
    link = HTTPConnection("127.0.0.1", site.port, timeout=10)
    link.request("GET", "/stores/1/live", headers={"cookie": _cookie(site.set_up())})
    assert link.getresponse().readline() == b"retry: 3000\n"
    began = time.monotonic()
    next(served, None)
    assert time.monotonic() - began < SHUTDOWN_S - 1
    link.close()


def _cookie(visitor: Visitor) -> str:
    return "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())


def _next(stream: object) -> bytes:
    while True:
        line: bytes = stream.readline()  # type: ignore[attr-defined]
        if line.startswith(b"data:"):
            return line


@pytest.mark.browser
def test_nothing_inline_runs(look: Callable[..., Looker], site: Site) -> None:
    looker = look()
    looker.go("/setup")
    looker.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "document.title = 'ran'";
            document.body.append(script);
        }"""
    )
    assert looker.page.title() != "ran"
    assert any("Content Security Policy" in one for one in looker.trouble)
