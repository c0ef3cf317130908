"""The main job from end to end: a signed shop body over HTTP, a text over a real SMPP socket, the
phone, the receipt, and a STOP that comes back."""

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
import uvicorn

from ringdove.kit import db
from ringdove.records.sending import phones
from ringdove.records.store import connections
from ringdove.stores import woocommerce
from ringdove.web.app import create_app
from ringdove.workers import react, sandbox
from ringdove.workers.sending import binds
from tests.flows.conftest import NOON, Shop

BODY: dict[str, Any] = {
    "id": 727, "number": "727", "status": "processing", "currency": "BYN", "total": "59.90",
    "date_created_gmt": "2026-11-18T11:59:00", "date_modified_gmt": "2026-11-18T11:59:30",
    "date_paid_gmt": "2026-11-18T11:59:20", "payment_method": "card", "needs_payment": False,
    "billing": {"first_name": "Анна", "last_name": "Коваль", "country": "BY",
                "phone": "8 (029) 111-22-33", "email": "anna@example.by"},
    "line_items": [{"name": "Чайник", "quantity": 1, "total": "59.90", "total_tax": "0.00"}],
}  # fmt: skip


async def _until(condition: Any, seconds: float = 15.0) -> None:
    end = asyncio.get_running_loop().time() + seconds
    while not await condition():
        assert asyncio.get_running_loop().time() < end, "it did not happen in time"
        await asyncio.sleep(0.05)


async def _serve(shop: Shop) -> tuple[uvicorn.Server, asyncio.Task[None], str]:
    config = uvicorn.Config(
        create_app(shop.runtime), host="127.0.0.1", port=0, log_level="warning", lifespan="on"
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    return server, task, f"http://127.0.0.1:{port}"


@pytest.mark.slow
def test_a_signed_order_becomes_a_text_on_a_phone_and_its_receipt_comes_back(play):
    """R56, R79, R100, P1, P8: the main job over real HTTP and SMPP sockets."""

    async def story(shop: Shop) -> None:
        runtime, stop = shop.runtime, asyncio.Event()
        async with db.transaction(runtime.pool) as tx:
            await connections.create(
                tx, store_id=shop.store.id, kind="woocommerce", name="Shop", token="tok-en",
                settings={}, secrets=runtime.sealer.seal({"webhook_secret": "s3cret"}), now=NOON,
            )  # fmt: skip
        server, serving, url = await _serve(shop)
        async with AsyncExitStack() as open_things:
            smsc = await open_things.enter_async_context(sandbox.opened(runtime, 0))
            crew = [
                asyncio.create_task(react.run(runtime, stop)),
                asyncio.create_task(binds.run(runtime, stop, sandbox_port=smsc.port)),
            ]

            async def end() -> None:
                stop.set()
                server.should_exit = True
                await asyncio.gather(*crew, serving)

            open_things.push_async_callback(end)
            raw = json.dumps(BODY).encode()
            headers = {
                "X-WC-Webhook-Topic": "order.updated",
                "X-WC-Webhook-Signature": woocommerce.sign(raw, "s3cret"),
            }
            door = f"{url}/in/tok-en"
            async with aiohttp.ClientSession() as client:
                for _ in range(3):  # repeated on purpose
                    answer = await client.post(door, data=raw, headers=headers)
                    assert answer.status == 200, await answer.text()
                bad = await client.post(door, data=raw, headers=headers | {
                    "X-WC-Webhook-Signature": woocommerce.sign(raw, "other")})  # fmt: skip
                assert bad.status == 401
                assert bad.content_type == "application/problem+json"

            async def two_delivered() -> bool:
                made = [m for m in await shop.messages() if m["channel"] == "sms"]
                return len(made) == 2 and {m["state"] for m in made} == {"delivered"}

            await _until(two_delivered)
            seen = await shop.rows("SELECT * FROM sandbox_text ORDER BY id")
            assert len(seen) == 2 and all("727" in row["body"] for row in seen)

            async with db.transaction(runtime.pool) as tx:
                await phones.write(
                    tx, shop.store, shop.sms, phone="+375291112233", shop_number="",
                    body="СТОП!", now=NOON, ids=runtime.ids,
                )  # fmt: skip

            async def confirmed() -> bool:
                made = {m["topic"]: m["state"] for m in await shop.messages()}
                return made.get("stop_confirmation") == "delivered"

            await _until(confirmed)
            assert (await shop.rows("SELECT marketing FROM contact"))[0]["marketing"] == "out"

    play(story)
