"""The doors: everything a shop may send, right and wrong, against a real database."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.types import Message

from ringdove.kit import db
from ringdove.kit.crypto import new_key
from ringdove.records.store import connections, stores
from ringdove.runtime import Runtime, open_runtime
from ringdove.settings import Settings
from ringdove.stores import events, woocommerce
from ringdove.stores.edge import divided, united
from ringdove.web import doors

PAYLOADS = Path(__file__).parent.parent / "stores" / "woocommerce"
ORDER = (PAYLOADS / "order_completed.json").read_bytes()
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
SECRET = "geheim"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: dict[str, Any]


class House:
    """A store with one connection of each kind, and its doors without a socket."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.now = NOW
        self.app = Starlette(routes=doors.ROUTES)
        self.app.state.runtime = replace(runtime, clock=lambda: self.now)

    async def build(self) -> None:
        quiet = {"quiet_from": time(22), "quiet_until": time(9)}
        told = stores.StoreSettings("Утро", "BY", "Europe/Minsk", ["ru"], "BYN", **quiet)
        async with db.transaction(self.runtime.pool) as tx:
            self.store = await stores.create(tx, told, NOW)
            for kind in ("woocommerce", "events"):
                await connections.create(
                    tx,
                    store_id=self.store.id,
                    kind=kind,
                    name=kind,
                    token=f"token-{kind}",
                    settings={},
                    secrets=self.runtime.sealer.seal({"webhook_secret": SECRET}),
                    now=NOW,
                )

    async def post(
        self,
        token: str,
        body: bytes,
        headers: dict[str, str] | None = None,
        chunks: list[bytes] | None = None,
    ) -> Answer:
        given = {"content-length": str(len(body))} if chunks is None else {}
        scope = {
            "type": "http",
            "method": "POST",
            "path": f"/in/{token}",
            "raw_path": f"/in/{token}".encode(),
            "root_path": "",
            "scheme": "http",
            "query_string": b"",
            "http_version": "1.1",
            "server": ("test", 80),
            "headers": [
                (k.lower().encode(), v.encode("latin-1"))
                for k, v in {**given, **(headers or {})}.items()
            ],
        }
        waiting = list(chunks if chunks is not None else [body])
        said: list[Message] = []

        async def receive() -> Message:
            piece = waiting.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

        async def send(message: Message) -> None:
            said.append(message)

        await self.app(scope, receive, send)
        text = b"".join(message.get("body", b"") for message in said)
        raw = said[0]["headers"]
        return Answer(
            said[0]["status"], {k.decode(): v.decode() for k, v in raw}, json.loads(text or "{}")
        )

    async def woo(self, body: bytes, topic: str = "order.updated", **more: str) -> Answer:
        signature = woocommerce.sign(body, SECRET)
        headers = {"X-WC-Webhook-Signature": signature, "X-WC-Webhook-Topic": topic, **more}
        return await self.post("token-woocommerce", body, headers)

    async def events(self, told: Any) -> Answer:
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        headers = {"Ringdove-Signature": events.sign(body, SECRET, self.now)}
        return await self.post("token-events", body, headers)

    async def rows(self, statement: str) -> list[dict[str, Any]]:
        async with db.transaction(self.runtime.pool) as tx:
            return list(await (await tx.execute(statement)).fetchall())  # type: ignore[arg-type]

    async def facts(self) -> list[str]:
        return [row["source_key"] for row in await self.rows("SELECT source_key FROM fact")]


@asynccontextmanager
async def a_house(url: str) -> AsyncIterator[House]:
    settings = Settings(database_url=url, secrets_key=new_key())
    async with open_runtime(settings) as runtime:
        house = House(runtime)
        await house.build()
        yield house


@pytest.fixture
def visit(database_url: str) -> Callable[[Callable[[House], Awaitable[None]]], None]:
    def _visit(story: Callable[[House], Awaitable[None]]) -> None:
        async def tell() -> None:
            async with a_house(database_url) as house:
                await story(house)

        asyncio.run(tell())

    return _visit


Visit = Callable[[Callable[[House], Awaitable[None]]], None]


def event(n: int) -> dict[str, Any]:
    return {"kind": "payment.received", "id": f"p{n}", "at": "2026-03-20T10:00:00Z", "order": "9"}


def test_a_webhook_is_written_once_whatever_is_repeated(visit: Visit) -> None:
    """P8: repeats, and the delivery id that WooCommerce uses twice for different orders."""

    async def story(house: House) -> None:
        first = await house.woo(ORDER, **{"X-WC-Webhook-Delivery-ID": "7f3a"})
        assert (first.status, first.body["repeated"]) == (200, 0)
        assert first.body["accepted"] == 6 == len(await house.facts())
        again = await house.woo(ORDER, "order.created")
        assert again.body == {"accepted": 0, "repeated": 6}
        other = json.dumps({**json.loads(ORDER), "id": 4242}).encode()
        second = await house.woo(other, **{"X-WC-Webhook-Delivery-ID": "7f3a"})
        assert second.body["accepted"] == 6
        assert len(await house.rows("SELECT FROM pending_fact")) == 12

    visit(story)


def test_order_42_of_another_shop_is_another_order(visit: Visit) -> None:
    """R98, P8: a brand with two shops, each of which counts from 1; a second connection to the
    address of the first is the same shop; one made after the first was removed goes on with it."""

    async def story(house: House) -> None:
        made = {"kind": "woocommerce", "store_id": house.store.id, "name": "x", "now": NOW}
        made["secrets"] = house.runtime.sealer.seal({"webhook_secret": SECRET})
        signed = {"X-WC-Webhook-Signature": woocommerce.sign(ORDER, SECRET)}

        async def key_over(token: str, address: str = "") -> str:
            async with db.transaction(house.runtime.pool) as tx:
                address_of = {"store_url": address} if address else {}
                await connections.create(tx, token=token, settings=address_of, **made)
            told = await house.post(f"{token}", ORDER, signed)
            assert told.status == 200
            rows = await house.rows(
                "SELECT body->'order'->>'key' AS key, body->'order'->>'number' AS number FROM fact"
                " WHERE kind = 'order.placed' ORDER BY id DESC LIMIT 1"
            )
            assert rows[0]["number"] == json.loads(ORDER)["number"], "what people see stays"
            return str(rows[0]["key"])

        await house.woo(ORDER)
        own = str(json.loads(ORDER)["id"])
        other = await key_over("by", "https://shop.example.by")
        assert other.endswith(f"-{own}") and other != own
        assert await key_over("by-again", "http://SHOP.example.by/") == other
        assert await key_over("ru", "https://shop.example.ru") not in (own, other)
        subjects = await house.rows("SELECT DISTINCT body->>'order' AS o FROM fact"
                                    " WHERE kind = 'payment.received'")  # fmt: skip
        assert len(subjects) == 3
        await house.rows("UPDATE connection SET removed_at = created_at + interval '1 hour'"
                         " WHERE kind = 'woocommerce' RETURNING 1")  # fmt: skip
        made["now"] = NOW + timedelta(days=1)
        assert await key_over("successor") == own

    visit(story)


def test_events_are_taken_all_or_none(visit: Visit) -> None:
    async def story(house: House) -> None:
        assert (await house.events([event(1), event(2)])).body == {"accepted": 2, "repeated": 0}
        assert (await house.events([event(2), event(3), event(3)])).body == {
            "accepted": 1, "repeated": 2,
        }  # fmt: skip
        bad = await house.events({"events": [event(4), {**event(5), "at": "yesterday"}]})
        assert bad.status == 422
        assert bad.headers["content-type"] == "application/problem+json"
        assert bad.body["type"] == "/problems/event-wrong"
        assert (bad.body["index"], bad.body["field"]) == (1, "at")
        assert "correct it" in bad.body["detail"]
        assert sorted(await house.facts()) == ["p1", "p2", "p3"]

    visit(story)


def test_a_ping_and_a_draft_are_answered_and_write_nothing(visit: Visit) -> None:
    async def story(house: House) -> None:
        ping = await house.post("token-woocommerce", b"webhook_id=3")
        assert (ping.status, ping.body["accepted"]) == (200, 0)
        draft = await house.woo((PAYLOADS / "order_draft.json").read_bytes())
        assert (draft.status, draft.body["accepted"]) == (200, 0)
        assert await house.facts() == []

    visit(story)


def test_wrong_signatures_are_refused_and_counted(visit: Visit) -> None:
    """P8: fails closed. Counted at once, then in groups."""

    async def story(house: House) -> None:
        for headers in ({}, {"X-WC-Webhook-Signature": "AAAA"}):
            answer = await house.post("token-woocommerce", ORDER, headers)
            assert answer.status == 401 and answer.body["type"] == "/problems/signature-wrong"
        counted = "SELECT sum(n)::int AS n FROM counter WHERE name = 'door_refused'"
        assert await house.rows(counted) == [{"n": 1}]
        house.now += timedelta(seconds=6)
        await house.post("token-woocommerce", ORDER)
        assert await house.rows(counted) == [{"n": 3}]
        assert await house.facts() == []

    visit(story)


def test_unknown_paused_and_removed_connections(visit: Visit) -> None:
    async def story(house: House) -> None:
        unknown = await house.post("nobody", ORDER)
        assert (unknown.status, unknown.body["type"]) == (404, "/problems/connection-unknown")
        assert (await house.woo(ORDER)).status == 200
        async with db.transaction(house.runtime.pool) as tx:
            await connections.pause(tx, house.store.id, 1, NOW)
            await connections.remove(tx, house.store.id, 2, NOW)
        house.now += timedelta(seconds=6)  # doors are remembered for five
        paused, removed = await house.woo(ORDER), await house.events([event(1)])
        assert (paused.status, removed.status) == (410, 410)
        assert "paused" in paused.body["title"] and "removed" in removed.body["title"]

    visit(story)


def test_garbage_is_refused_in_words(visit: Visit) -> None:
    async def story(house: House) -> None:
        for body in (b"{", b"\xff", b"[" * 50_000, b'{"id": 1}'):
            answer = await house.woo(body)
            assert (answer.status, answer.body["type"]) == (400, "/problems/body-unreadable")
            answer = await house.events(body)
            assert answer.status in (400, 422) and answer.body["detail"]
        assert await house.facts() == []

    visit(story)


def test_a_body_may_be_large_and_not_larger(visit: Visit) -> None:
    async def story(house: House) -> None:
        most = house.runtime.settings.fact_body_bytes_max
        told = await house.post("token-events", b"x" * (most + 1))
        chunked = await house.post("token-events", b"", chunks=[b"x" * 400_000] * 3 + [b""])
        liar = await house.post(
            "token-events", b"", {"content-length": "3"}, chunks=[b"x" * 400_000] * 3 + [b""]
        )
        assert [one.status for one in (told, chunked, liar)] == [413, 413, 413]
        assert told.body["type"] == "/problems/body-too-large"
        fits = await house.post("token-events", b"x" * most)
        assert fits.status == 401

    visit(story)


def test_without_a_database_nothing_is_accepted(visit: Visit) -> None:
    """P5: what is answered by 200 is committed; all else is to be sent again."""

    async def story(house: House) -> None:
        assert (await house.events([event(1)])).status == 200
        away = await db.open_pool(house.runtime.database_url)
        await away.close()
        house.app.state.runtime = replace(house.app.state.runtime, pool=away)
        for answer in (await house.events([event(2)]), await house.post("new", b"{}")):
            assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
            assert answer.body["type"] == "/problems/not-now"

    visit(story)


def test_a_broken_seal_says_what_to_do(visit: Visit) -> None:
    async def story(house: House) -> None:
        async with db.transaction(house.runtime.pool) as tx:
            await tx.execute("UPDATE connection SET secrets = 'junk' WHERE id = 1")
        answer = await house.woo(ORDER)
        assert answer.status == 500 and "Enter its secrets again" in answer.body["detail"]

    visit(story)


def test_the_same_bodies_at_the_same_time_are_written_once(visit: Visit) -> None:
    """P8: two deliveries of one change race."""

    async def story(house: House) -> None:
        answers = await asyncio.gather(*(house.woo(ORDER) for _ in range(8)))
        assert sum(one.body["accepted"] for one in answers) == 6
        assert len(await house.facts()) == 6

    visit(story)


def test_every_shape_of_a_settings_form_survives_the_database() -> None:
    """What is kept plain and what is sealed come together again."""
    settings = woocommerce.Settings(
        store_url="https://a.example", webhook_secret="s", rest_key="k", rest_secret="r",
        statuses={"gone": "parcel:accepted"}, pay_on_delivery=("cod", "pod"),
    )  # fmt: skip
    plain, secret = divided(settings)
    assert secret == {"webhook_secret": "s", "rest_key": "k", "rest_secret": "r"}
    together = united(woocommerce.Settings, json.loads(json.dumps(plain)), secret, "Europe/Minsk")
    assert together == settings.model_copy(update={"time_zone": "Europe/Minsk"})
