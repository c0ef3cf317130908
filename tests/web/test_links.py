"""Links as phones, robots and desktops open them, over HTTP (R28 to R31, N5)."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.kit.crypto import new_token
from ringdove.records.campaigns import campaigns
from ringdove.records.store import connections, stores
from ringdove.rules.campaigns.campaigns import CartLine, Link, Plan
from ringdove.rules.links import links
from ringdove.web.links import link_book, link_clicks
from tests.web.conftest import Answer, Site
from tests.web.linked import DESKTOP, PHONE, Sent, clicks, rows, send

UTM = "utm_source=ringdove&utm_medium=sms&utm_campaign=Black%20Friday"


def opened(site: Site, path: str, method: str = "GET", **headers: str) -> Answer:
    return site.visitor().ask(method, path, None, PHONE | headers)


def written(site: Site, sent: Sent, count: int, within_s: float = 3.0) -> list[dict[str, Any]]:
    """The clicks, as soon as there are so many."""
    until = time.monotonic() + within_s
    while len(found := site.run(clicks(site, sent))) < count and time.monotonic() < until:
        time.sleep(0.02)
    assert len(found) == count, found
    return found


def test_a_link_opens_its_page_and_the_person_is_seen(site: Site) -> None:
    """R29, R30, R100: a personal link leads to an exact page; the click is the customer's, within
    200 ms in the database, and once a fact."""
    site.set_up()
    sent = site.run(send(site, [Link(url="https://linden.example/sale?x=1#red"), Link(url="/b")]))
    answer = opened(site, f"/l/{sent.token()}")
    assert answer.status == 302
    assert answer.headers["location"] == f"https://linden.example/sale?x=1&{UTM}#red"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    (click,) = written(site, sent, 1, within_s=0.2 + 1.0)
    assert (click["kind"], click["device"], click["number"]) == ("person", "phone", 0)
    assert click["contact_id"] == sent.contact_id
    opened(site, f"/l/{sent.token()}")
    opened(site, f"/{sent.token()}")  # at the root as well
    time.sleep(2)
    told = site.run(rows(site, "SELECT source_key, body FROM fact WHERE kind = 'link.opened'"))
    assert [one["source_key"] for one in told] == [f"link/{sent.message_id}/0"]
    assert len(site.run(clicks(site, sent))) == 3


def test_robots_previews_and_head_are_answered_and_are_nobodys_click(site: Site) -> None:
    """N5: told from people, and people are asked nothing."""
    site.set_up()
    sent = site.run(send(site, [Link(url="https://linden.example/")]))
    path = f"/l/{sent.token()}"
    answer = opened(site, path, "HEAD")
    assert answer.status == 302 and not answer.text and answer.headers["location"]
    assert opened(site, path, **{"user-agent": "WhatsApp/2.23.20.0 A"}).status == 302
    assert opened(site, path, **{"user-agent": "curl/8.5.0", "accept": "*/*"}).status == 302
    assert opened(site, path, **{"sec-purpose": "prefetch"}).status == 302
    kinds = [one["kind"] for one in written(site, sent, 3)]
    assert kinds == ["preview", "robot", "preview"]
    time.sleep(1.6)
    assert not site.run(rows(site, "SELECT 1 AS n FROM fact WHERE kind = 'link.opened'"))
    fresh = site.run(send(site, [Link()], phone="+375291112244", ago=timedelta(0)))
    assert opened(site, f"/l/{fresh.token()}").status in (302, 404)
    assert [one["kind"] for one in written(site, fresh, 1)] == ["robot"]  # before it was read


def test_two_addresses_within_a_second_are_machines(site: Site) -> None:
    """field-notes, "Links": several addresses within a second. What was written is put right."""
    site.set_up()
    sent = site.run(send(site, [Link(url="https://linden.example/")]))
    path = f"/l/{sent.token()}"
    opened(site, path, **{"x-forwarded-for": "198.51.100.7"})
    time.sleep(0.5)
    assert [one["kind"] for one in written(site, sent, 1)] == ["person"]
    opened(site, path, **{"x-forwarded-for": "203.0.113.9"})
    time.sleep(0.5)
    assert [one["kind"] for one in written(site, sent, 2)] == ["robot", "robot"]
    time.sleep(1.5)
    assert not site.run(rows(site, "SELECT 1 AS n FROM fact WHERE kind = 'link.opened'"))
    opened(site, path, **{"x-forwarded-for": "203.0.113.9"})
    time.sleep(1.6)
    assert site.run(rows(site, "SELECT 1 AS n FROM fact WHERE kind = 'link.opened'"))


def test_a_link_that_is_opened_without_end_fills_no_disk(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N5: whoever has one link writes so many clicks a minute; they are led on all the same."""
    monkeypatch.setattr(link_clicks, "NOTED_MAX", 3)
    site.set_up()
    sent = site.run(send(site, [Link(url="https://linden.example/")] * 2))
    assert {opened(site, f"/l/{sent.token()}").status for _ in range(6)} == {302}
    assert opened(site, f"/l/{sent.token(1)}").status == 302
    assert [one["number"] for one in written(site, sent, 4)] == [0, 0, 0, 1]


def test_a_cart_link_opens_the_shops_own_filled_cart_with_the_persons_code(site: Site) -> None:
    """R31, P7: lines, quantity and the code that this person was given, in one address."""
    site.set_up()
    runtime = site.runtime
    link = Link(kind="cart", lines=(CartLine(sku="TEA-1"), CartLine(sku="CUP", quantity=2)))
    sent = site.run(send(site, [link], offer=7))

    async def fill() -> None:
        async with db.transaction(runtime.pool) as tx:
            for sku, key in (("TEA-1", "123"), ("CUP", "456")):
                bucket = stores.of_key(sent.store, f"product/{sku}")
                await tx.execute(
                    "INSERT INTO product (bucket, store_id, sku, name, key, url, changed_at)"
                    " VALUES (%s, 1, %s, %s, %s, %s, now())",
                    [bucket, sku, sku.title(), key, f"https://linden.example/{sku}"],
                )
            await tx.execute(
                "INSERT INTO reward (store_id, id, token, name, kind, settings, created_at)"
                " VALUES (1, 7, 'r', 'Tea', 'code', '{\"source\": \"own\"}', now())"
            )
            await tx.execute(
                "INSERT INTO reward_given (bucket, store_id, id, contact_id, reward_id, at, code)"
                " VALUES (%s, 1, %s, %s, 7, now(), 'TEA-77')",
                [runtime.ids and stores.of_key(sent.store, "phone/+375291112233"),
                 runtime.ids.make(stores.of_key(sent.store, "phone/+375291112233")),
                 sent.contact_id],
            )  # fmt: skip

    site.run(fill())
    page = opened(site, f"/l/{sent.token()}")  # no shop is connected yet: the goods one by one
    assert page.status == 200 and "TEA-77" in page.text and "Cup × 2" in page.text
    assert "https://linden.example/TEA-1" in page.text

    async def connect() -> None:
        async with db.transaction(runtime.pool) as tx:
            await connections.create(
                tx, store_id=1, kind="woocommerce", name="Shop", token=new_token(),
                settings={"store_url": "https://linden.example"},
                secrets=runtime.sealer.seal({}), now=runtime.clock(),
            )  # fmt: skip

    site.run(connect())
    _forget(site)
    answer = opened(site, f"/l/{sent.token()}")
    wanted = "https://linden.example/checkout-link/?products=123:1,456:2&coupon=TEA-77"
    assert answer.headers["location"] == f"{wanted}&{UTM}"


def test_a_persons_own_cart_opens_also_after_a_merge(site: Site) -> None:
    """R48: the cart that this person left, under whichever name it lies."""
    site.set_up()
    sent = site.run(send(site, [Link(kind="own_cart", utm=False)]))
    bucket = stores.of_key(sent.store, "phone/+375291112233")
    other = site.runtime.ids.make(bucket)

    async def merged() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            await tx.execute(
                "INSERT INTO contact (bucket, store_id, id, created_at, also)"
                " VALUES (%s, 1, %s, now(), %s)", [bucket, other, [sent.contact_id]],
            )  # fmt: skip
            await tx.execute(
                "UPDATE contact SET merged_into = %s WHERE id = %s", [other, sent.contact_id]
            )
            await tx.execute(
                "INSERT INTO cart (bucket, store_id, id, contact_id, key, state, changed_at, url)"
                " VALUES (%s, 1, %s, %s, 'c', 'open', now(), 'https://linden.example/cart/9')",
                [bucket, other + 128, other],
            )

    site.run(merged())
    answer = opened(site, f"/l/{sent.token()}")
    assert answer.headers["location"] == "https://linden.example/cart/9"


def test_for_phones_only_an_end_and_a_changed_plan(site: Site) -> None:
    """R9, N5: a desktop sees a QR code; a link works for ever unless it was given an end, and a
    mended link leads where it should also in texts that went before."""
    site.set_up()
    soon = datetime.now(UTC) - timedelta(minutes=1)
    sent = site.run(
        send(
            site,
            [
                Link(url="https://linden.example/app", phones_only=True, utm=False),
                Link(url="https://linden.example/old", ends_at=soon),
                Link(url="javascript:alert(1)"),
            ],
        )
    )
    assert opened(site, f"/l/{sent.token(0)}").headers["location"].endswith("/app")
    page = opened(site, f"/l/{sent.token(0)}", **DESKTOP)
    assert page.status == 200 and "data:image/svg+xml" in page.text
    assert "Откройте это на телефоне" in page.text
    assert "location" not in page.headers and "linden.example/app" not in page.text
    over = opened(site, f"/l/{sent.token(1)}")
    assert over.status == 410 and "закончилось" in over.text
    assert "linden.example/old" not in over.text
    assert opened(site, f"/l/{sent.token(2)}").status == 404  # the store has no website
    assert opened(site, f"/l/{sent.token(3)}").status == 404

    async def mend() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            plan = Plan(links=(Link(url="https://linden.example/new", utm=False),))
            await campaigns.change(tx, 1, sent.campaign_id, "X", plan, None, site.runtime.clock())

    site.run(mend())
    _forget(site)
    assert opened(site, f"/l/{sent.token(0)}").headers["location"].endswith("/new")


def test_an_erased_persons_link_still_leads_and_nothing_is_noted(site: Site) -> None:
    """P12, N5."""
    site.set_up()
    sent = site.run(send(site, [Link(url="https://linden.example/")]))
    site.run(rows(site, "UPDATE message SET recipient = '', body = '' RETURNING id"))
    assert opened(site, f"/l/{sent.token()}").status == 302
    time.sleep(0.4)
    assert not site.run(clicks(site, sent))


def test_guesses_lead_nowhere_and_are_throttled(site: Site) -> None:
    """No open redirect, no header of a stranger's, no counting up."""
    site.set_up()
    sent = site.run(send(site, [Link(url="https://linden.example/")]))
    other = links.token_of(1, sent.message_id + 128, 0, sent.key)
    for path in (f"/l/{other}", "/l/zzzzzzzzzzzz", "/l/x", f"/{other}", "/l/000000000000"):
        answer = opened(site, path, **{"accept-language": "it"})
        assert answer.status == 404 and "non porta da nessuna parte" in answer.text, path
        assert "content-security-policy" in answer.headers
    path = f"/l/{sent.token()}?to=https://evil.example&lang=%0d%0aX:1"
    assert opened(site, path).headers["location"] == f"https://linden.example/?{UTM}"
    assert opened(site, f"/l/{sent.token()}", "POST").status in (403, 405)
    for _ in range(60):
        answer = opened(site, "/l/AAAAAAAAAAAA")
    assert answer.status == 429
    assert opened(site, f"/l/{sent.token()}").status == 302  # a right link always works


def test_a_short_domain_opens_its_stores_links_and_nothing_else(site: Site) -> None:
    """R28: the store's own short domain; no page of ours is seen there, no other store's link."""
    site.set_up()
    sent = site.run(send(site, [Link(url="https://linden.example/")]))

    async def host(store_id: int, name: str) -> None:
        async with db.transaction(site.runtime.pool) as tx:
            await stores.set_link_host(tx, store_id, name)

    site.run(host(1, "go.linden.example"))
    _forget(site)
    at = {"host": "go.linden.example"}
    assert opened(site, f"/{sent.token()}", **at).status == 302
    assert opened(site, f"/{sent.token()}", **{"host": "go.linden.example:443"}).status == 302
    assert opened(site, "/login", **at).status == 404
    assert opened(site, "/login", **{"host": "go.linden.example.:443"}).status == 404
    assert opened(site, "/robots.txt", **at).text.startswith("User-agent: *")
    assert opened(site, "/static/public.css", **at).status == 200
    site.run(host(1, ""))
    site.run(_another(site, "go.linden.example"))
    _forget(site)
    assert opened(site, f"/{sent.token()}", **at).status == 404  # the domain is another's now
    assert opened(site, f"/{sent.token()}").status == 302
    assert opened(site, f"/{sent.token()}", **at).status == 404  # also when it was opened lately


async def _another(site: Site, host: str) -> None:
    """A second store with this short domain."""
    async with db.transaction(site.runtime.pool) as tx:
        await tx.execute(
            "INSERT INTO store (id, name, country, time_zone, languages, currency, quiet_from,"
            " quiet_until, bucket_base, bucket_span, created_at, link_host)"
            " SELECT 2, 'Other', country, time_zone, languages, currency, quiet_from,"
            " quiet_until, bucket_base, bucket_span, created_at, %s FROM store WHERE id = 1",
            [host],
        )


def test_no_page_of_ours_looks_like_a_token(site: Site) -> None:
    """Tokens are heard at the root of every domain."""
    paths = [getattr(route, "path", "") for route in site.app.router.routes]
    assert not [one for one in paths if re.fullmatch(r"/([A-Za-z0-9]{12}|[A-Za-z0-9]{17})", one)]


def _forget(site: Site) -> None:
    """The next opening reads everything anew."""
    site.app.state.links.book = link_book.LinkBook(site.runtime)
