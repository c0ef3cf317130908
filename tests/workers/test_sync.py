"""Catch-up against a shop that is played: what it finds, keeps, and says when it fails."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from ringdove.kit import db
from ringdove.kit.crypto import new_key
from ringdove.records import leases
from ringdove.records.store import connections, stores
from ringdove.runtime import Runtime, open_runtime
from ringdove.settings import Settings
from ringdove.stores.edge import Request, Response
from ringdove.workers import sync

MADE = datetime(2026, 3, 20, 10, tzinfo=UTC)
KEYS = {"webhook_secret": "s", "rest_key": "ck_1", "rest_secret": "cs_2"}


class Shop:
    """A store with one WooCommerce connection, and the shop behind it."""

    def __init__(self, runtime: Runtime) -> None:
        self.now = MADE + timedelta(hours=1)
        self.runtime = replace(runtime, clock=lambda: self.now)
        self.orders: list[dict[str, Any]] = []
        self.asked: list[dict[str, list[str]]] = []
        self.status = 200
        self.failures: dict[int, int] = {}

    async def build(self, url: str = "https://shop.example", **secrets: str) -> None:
        told = stores.StoreSettings(
            "Утро", "BY", "Europe/Minsk", ["ru"], "BYN", time(22), time(9)
        )  # fmt: skip
        async with db.transaction(self.runtime.pool) as tx:
            self.store = await stores.create(tx, told, MADE)
            await connections.create(
                tx,
                store_id=self.store.id,
                kind="woocommerce",
                name="Утро",
                token="t",
                settings={"store_url": url},
                secrets=self.runtime.sealer.seal(KEYS | secrets),
                now=MADE,
            )

    def order(self, number: int, changed_at: datetime) -> None:
        self.orders.append(
            {
                "id": number,
                "status": "pending",
                "date_created_gmt": "2026-03-20T09:00:00",
                "date_modified_gmt": f"{changed_at:%Y-%m-%dT%H:%M:%S}",
            }
        )

    async def ask(self, request: Request) -> Response:
        query = parse_qs(urlsplit(request.url).query)
        self.asked.append(query)
        since, page = query["modified_after"][0], int(query["page"][0])
        found = [one for one in self.orders if one["date_modified_gmt"] > since]
        found.sort(key=lambda one: one["date_modified_gmt"])
        return Response(self.status, {}, json.dumps(found[page * 100 - 100 : page * 100]).encode())

    async def look(self) -> list[str]:
        return await sync.look_at_all(self.runtime, self.failures, self.ask)

    async def cursor(self) -> connections.Connection:
        async with db.transaction(self.runtime.pool) as tx:
            found = await connections.find(tx, self.store.id, 1)
        assert found is not None
        return found

    async def facts(self) -> int:
        async with db.transaction(self.runtime.pool) as tx:
            row = await (await tx.execute("SELECT count(*) AS n FROM fact")).fetchone()
        assert row is not None
        return int(row["n"])


@asynccontextmanager
async def a_shop(url: str) -> AsyncIterator[Shop]:
    async with open_runtime(Settings(database_url=url, secrets_key=new_key())) as runtime:
        yield Shop(runtime)


Visit = Callable[[Callable[[Shop], Awaitable[None]]], None]


@pytest.fixture
def visit(database_url: str) -> Visit:
    def _visit(story: Callable[[Shop], Awaitable[None]]) -> None:
        async def tell() -> None:
            async with a_shop(database_url) as shop:
                await story(shop)

        asyncio.run(tell())

    return _visit


def test_what_webhooks_missed_is_found_once_and_nothing_older(visit: Visit) -> None:
    """P8: the cursor moves, the overlap repeats, the facts do not."""

    async def story(shop: Shop) -> None:
        await shop.build()
        shop.order(1, MADE - timedelta(minutes=1))
        shop.order(2, MADE + timedelta(minutes=20))
        assert await shop.look() == [""]
        assert await shop.facts() == 2
        assert (await shop.cursor()).seen_until == MADE + timedelta(minutes=20)
        assert await shop.look() == [] and len(shop.asked) == 1
        shop.now += timedelta(minutes=5)
        shop.order(3, MADE + timedelta(minutes=15))  # saved late, with an earlier time
        assert await shop.look() == [""]
        assert await shop.facts() == 4

    visit(story)


def test_a_long_history_is_taken_in_runs(visit: Visit) -> None:
    async def story(shop: Shop) -> None:
        await shop.build()
        for number in range(2_350):
            shop.order(number + 1, MADE + timedelta(seconds=number + 1))
        assert await shop.look() == [""]
        assert await shop.facts() == 2_350 * 2
        assert (await shop.cursor()).seen_until == MADE + timedelta(seconds=2_350)

    visit(story)


def test_a_shop_that_fails_is_said_and_asked_more_rarely(visit: Visit) -> None:
    async def story(shop: Shop) -> None:
        await shop.build()
        shop.status = 401
        assert "make new ones" in (await shop.look())[0]
        connection = await shop.cursor()
        assert connection.error and connection.seen_until == MADE
        shop.now += timedelta(minutes=5)
        assert await shop.look() == []
        shop.now += timedelta(minutes=5)
        shop.status = 200
        assert await shop.look() == [""]
        assert (await shop.cursor()).error == ""

    visit(story)


def test_without_keys_or_lease_nobody_is_asked(visit: Visit) -> None:
    async def story(shop: Shop) -> None:
        await shop.build(rest_secret="")
        assert await shop.look() == []
        async with db.transaction(shop.runtime.pool) as tx:
            sealed = shop.runtime.sealer.seal(KEYS)
            await connections.change(
                tx, store_id=shop.store.id, connection_id=1, name="x",
                settings={"store_url": "https://shop.example"}, secrets=sealed,
            )  # fmt: skip
        async with leases.leased(shop.runtime.pool, "sync/1", "somebody else"):
            assert await shop.look() == []
        assert shop.asked == []
        assert await shop.look() == [""]

    visit(story)


def test_over_a_socket(visit: Visit) -> None:
    """The asker itself: headers go out, nothing follows a redirect, a dead shop is one sentence."""

    async def story(shop: Shop) -> None:
        async def orders(request: web.Request) -> web.StreamResponse:
            assert "oauth_signature" in request.query
            return web.json_response([{"id": 5, "status": "on-hold", "date_modified_gmt": "x"}])

        async def moved(request: web.Request) -> web.StreamResponse:
            raise web.HTTPMovedPermanently("https://other.example/")

        app = web.Application()
        app.router.add_get("/wp-json/wc/v3/orders", orders)
        app.router.add_get("/old/wp-json/wc/v3/orders", moved)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        url = f"http://127.0.0.1:{port}"
        try:
            await shop.build(url)
            connection = await shop.cursor()
            async with sync.asker() as ask:
                assert await sync.look_at(shop.runtime, connection, ask) == ""
                assert await shop.facts() == 1
                there = replace(connection, settings={"store_url": f"{url}/old"})
                said = await sync.look_at(shop.runtime, there, ask)
                assert said and "https://other.example/" in said
        finally:
            await runner.cleanup()
        async with sync.asker() as ask:
            for dead in (url, "http://", "not an address", "ftp://x"):
                gone = replace(connection, settings={"store_url": dead})
                said = await sync.look_at(shop.runtime, gone, ask)
                assert said and said.endswith("."), dead

    visit(story)
