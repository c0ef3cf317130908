"""The doors of operators: what they tell, right and wrong, against a real database."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ringdove.kit import db
from ringdove.records.sending import gateways, messages
from ringdove.records.sending.messages import Settled
from ringdove.runtime import GATEWAYS
from ringdove.web.app import create_app
from ringdove.web.sending import gateway_doors
from ringdove.workers import react
from tests.flows.conftest import NOON, Shop, open_shop
from tests.workers import paper
from tests.workers.test_binds import queue
from tests.workers.test_speak import add

TOKEN = "t" * 32


@dataclass
class Heard:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Site:
    """A shop with a gateway of paper, and the web application over it."""

    shop: Shop
    gateway_id: int
    app: Any = field(repr=False)

    async def tell(
        self, told: Any, key: str = "geheim", token: str = TOKEN, method: str = "POST",
        query: bytes = b"", chunks: int = 1, **headers: str,
    ) -> Heard:  # fmt: skip
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        path = f"/in/gateways/{token}"
        given = {"x-key": key, **headers}
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(),
            "root_path": "", "scheme": "http", "query_string": query, "http_version": "1.1",
            "server": ("inside", 80),
            "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in given.items()],
        }  # fmt: skip
        step = max(1, -(-len(body) // chunks))
        waiting = [body[n : n + step] for n in range(0, len(body), step)] or [b""]
        said: list[Any] = []

        async def receive() -> Any:
            piece = waiting.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

        async def send(message: Any) -> None:
            said.append(message)

        await self.app(scope, receive, send)
        text = b"".join(message.get("body", b"") for message in said)
        raw = said[0]["headers"]
        return Heard(said[0]["status"], {k.decode(): v.decode() for k, v in raw}, text)


Story = Callable[[Site], Coroutine[Any, Any, None]]


@pytest.fixture
def play(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Story], None]:
    monkeypatch.setitem(GATEWAYS, "paper", paper)

    def run(story: Story) -> None:
        async def whole() -> None:
            async with open_shop(database_url, tmp_path) as shop:
                gateway_id = await add(shop, "http://127.0.0.1:1")
                await shop.rows(
                    "UPDATE gateway SET token = %(t)s WHERE id = %(g)s RETURNING id",
                    t=TOKEN, g=gateway_id,
                )  # fmt: skip
                await story(Site(shop, gateway_id, create_app(shop.runtime)))

        asyncio.run(whole())

    return run


async def sent(site: Site) -> dict[str, Any]:
    """One message whose part the operator calls p-1."""
    shop = site.shop
    await queue(shop, ("+375291112233", "Hi"), gateway_id=site.gateway_id)
    await shop.rows(
        "INSERT INTO contact_ref SELECT bucket, store_id, 'phone', phone, id FROM contact"
        " RETURNING bucket"
    )
    (row,) = await shop.messages()
    async with db.transaction(shop.runtime.pool) as tx:
        bucket = row["bucket"]
        await messages.take(tx, shop.store, bucket, site.gateway_id, NOON, "me", 1)
        done = [Settled(row["id"], "sent", "", ("p-1",))]
        await messages.settle(tx, shop.store, site.gateway_id, done, NOON)
    return row


async def state(site: Site) -> tuple[str, str]:
    (row,) = await site.shop.messages()
    return row["state"], row["reason"]


def test_a_receipt_settles_its_message_and_twice_is_once(play: Callable[[Story], None]) -> None:
    """R100, P8: the operator's own answer is given, after the commit."""

    async def story(site: Site) -> None:
        await sent(site)
        told = {"receipts": [{"provider_id": "p-1", "state": "delivered"}]}
        for _ in range(3):
            answer = await site.tell(told)
            assert (answer.status, answer.body) == (200, b"<thanks/>")
            assert answer.headers["content-type"].startswith("text/xml")
        assert await state(site) == ("delivered", "")
        (row,) = await site.shop.rows("SELECT parts_delivered FROM message")
        assert row == {"parts_delivered": 1}
        assert len(await site.shop.rows("SELECT FROM receipt WHERE message_id <> 0")) == 1

    play(story)


def test_words_that_nobody_knows_change_nothing_and_are_kept(
    play: Callable[[Story], None],
) -> None:
    async def story(site: Site) -> None:
        await sent(site)
        told = {"receipts": [{"provider_id": "p-1", "state": "unknown", "error": "mislaid\0"}]}
        assert (await site.tell(told)).status == 200
        assert await state(site) == ("sent", "")
        (row,) = await site.shop.rows("SELECT state, error FROM receipt")
        assert row == {"state": "unknown", "error": "mislaid "}

    play(story)


def test_a_receipt_for_nobody_waits_for_its_answer(play: Callable[[Story], None]) -> None:
    async def story(site: Site) -> None:
        told = {"receipts": [{"provider_id": "p-1", "state": "delivered"}]}
        assert (await site.tell(told)).status == 200
        await sent(site)
        assert await state(site) == ("delivered", "")

    play(story)


def test_a_persons_text_becomes_a_fact_once(play: Callable[[Story], None]) -> None:
    """R79, P8."""

    async def story(site: Site) -> None:
        shop, text = site.shop, {"sender": "+375291112233", "recipient": "+375296660000"}
        for _ in range(2):
            for named in ({"id": "m1", "body": "Стоп"}, {"id": "", "body": "Hello"}):
                assert (await site.tell({"texts": [named | text]})).status == 200
        shop.later(minutes=2)
        await site.tell({"texts": [{"id": "", "body": "Hello", **text}]})
        await site.tell({"texts": [{"id": "m2", "body": "Hello", **text}]})
        rows = await shop.rows("SELECT body FROM fact WHERE kind = 'text.received' ORDER BY id")
        assert [row["body"]["body"] for row in rows] == ["Стоп", "Hello", "Hello", "Hello"]
        assert {row["body"]["gateway"] for row in rows} == {site.gateway_id}
        await react.answer_due(shop.runtime)
        (row,) = await shop.rows("SELECT marketing FROM contact")
        assert row == {"marketing": "out"}

    play(story)


def test_a_stop_told_with_a_receipt_reaches_the_ledger_once(play: Callable[[Story], None]) -> None:
    """P1, R4."""

    async def story(site: Site) -> None:
        await sent(site)
        one = {"provider_id": "p-1", "state": "undeliverable", "error": "21610", "opted_out": True}
        strange = {**one, "provider_id": "p-9"}
        for _ in range(2):
            assert (await site.tell({"receipts": [one, strange]})).status == 200
            await react.answer_due(site.shop.runtime)
        rows = await site.shop.rows("SELECT scope, change, source, words FROM consent_event")
        assert [tuple(row.values()) for row in rows] == [("marketing", "out", "operator", "21610")]
        assert await state(site) == ("failed", "undeliverable 21610")

    play(story)


def test_a_call_that_is_not_authentic_writes_nothing_and_is_counted(
    play: Callable[[Story], None],
) -> None:
    """P8: fails closed."""

    async def story(site: Site) -> None:
        await sent(site)
        told = {"receipts": [{"provider_id": "p-1", "state": "delivered"}]}
        answer = await site.tell(told, key="guessed")
        assert answer.status == 401
        assert json.loads(answer.body)["type"] == "/problems/call-wrong"
        for body in (b"", b"{", b"[]", b'{"receipts": 5}', b'{"receipts": [{"state": 1}]}'):
            assert (await site.tell(body)).status == 400
        assert await state(site) == ("sent", "")
        assert await site.shop.rows("SELECT FROM receipt") == []
        (row,) = await site.shop.rows("SELECT n FROM counter WHERE name = 'door_refused'")
        assert row["n"] == 1  # a flood is not written one by one
        site.shop.later(seconds=6)
        await site.tell(told, key="guessed")
        rows = await site.shop.rows("SELECT sum(n) AS n FROM counter WHERE name = 'door_refused'")
        assert rows[0]["n"] == 7
        (its,) = await site.shop.rows(
            "SELECT sum(n) AS n FROM counter WHERE name LIKE 'door_refused/%%'"
        )
        assert its["n"] == 7  # of this gateway

    play(story)


def test_doors_that_are_not_open(play: Callable[[Story], None]) -> None:
    async def story(site: Site) -> None:
        shop = site.shop
        assert (await site.tell({}, token="nobody")).status == 404
        rows = await shop.rows("SELECT token FROM gateway WHERE kind = 'sandbox'")
        assert (await site.tell({}, token=rows[0]["token"])).status == 404  # it hears nothing here
        async with db.transaction(shop.runtime.pool) as tx:
            await gateways.pause(tx, shop.store.id, site.gateway_id, NOON)
        assert (await site.tell({})).status == 200  # receipts of what was sent before still come
        async with db.transaction(shop.runtime.pool) as tx:
            await gateways.remove(tx, shop.store.id, site.gateway_id, NOON)
        shop.later(seconds=6)
        assert (await site.tell({})).status == 410

    play(story)


def test_settings_that_cannot_be_opened_say_so(play: Callable[[Story], None]) -> None:
    async def story(site: Site) -> None:
        await site.shop.rows("UPDATE gateway SET secrets = 'broken' RETURNING id")
        assert (await site.tell({})).status == 500

    play(story)


def test_a_body_is_bounded(play: Callable[[Story], None]) -> None:
    async def story(site: Site) -> None:
        most = site.shop.runtime.settings.fact_body_bytes_max
        assert (await site.tell(b"x" * (most + 1), chunks=5)).status == 413

    play(story)


def test_the_address_is_the_public_one_as_it_was_called(
    play: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an operator signs is what it called; a proxy in between calls us otherwise."""
    calls: list[Any] = []

    def hear(settings: Any, call: Any) -> Any:
        calls.append(call)
        return paper.edge.Heard()

    monkeypatch.setattr(paper, "hear", hear)

    async def story(site: Site) -> None:
        object.__setattr__(site.shop.runtime.settings, "public_url", "https://desk.example/sms/")
        for method in ("GET", "POST", "PUT"):
            answer = await site.tell(b"a=1", method=method, query=b"b=%2B1&b=+2", X_Key="k")
            assert answer.status == 200
        assert {call.url for call in calls} == {
            f"https://desk.example/sms/in/gateways/{TOKEN}?b=%2B1&b=+2"
        }
        assert [call.method for call in calls] == ["GET", "POST", "PUT"]
        assert all(call.headers["x-key"] and call.now == NOON for call in calls)

    play(story)


def test_while_the_database_is_away_nothing_is_acknowledged(
    play: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(site: Site) -> None:
        async def away(*given: Any) -> None:
            raise psycopg.OperationalError("away")

        monkeypatch.setattr(gateway_doors.messages, "write", away)
        monkeypatch.setattr(db, "ATTEMPTS_MAX", 1)
        told = {"receipts": [{"provider_id": "p-1", "state": "delivered"}]}
        answer = await site.tell(told)
        assert answer.status == 503 and answer.headers["retry-after"]

    play(story)


def test_a_clock_that_is_wrong_makes_no_text_of_the_future() -> None:
    heard = paper.edge.TextHeard("1", "+375291112233", "", "Hi", NOON + timedelta(days=1))
    assert gateway_doors.text_received(1, heard, NOON).at == NOON
