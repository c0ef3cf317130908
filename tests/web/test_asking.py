"""Asking an operator what became of a message: its answer is a receipt, and nothing is sent."""

import json
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web

from ringdove.gateways import edge
from ringdove.kit import db
from ringdove.records.sending import messages
from ringdove.records.sending.receipts import Receipt
from ringdove.records.store import stores
from ringdove.runtime import GATEWAYS
from tests.web.conftest import Site
from tests.web.test_unknown import lose, states
from tests.workers import paper


def operator(url: str) -> ModuleType:
    """The operator of paper, as one that can be asked."""
    module = ModuleType("asked")
    module.__dict__.update(vars(paper))

    def ask(settings: Any, provider_id: str) -> edge.Request:
        return edge.Request("GET", f"{url}/status?id={provider_id}")

    def told(settings: Any, reply: edge.Reply) -> edge.ReceiptHeard | None:
        state = json.loads(reply.body).get("state")
        return edge.ReceiptHeard("p-1", state) if state else None

    module.__dict__.update(ask=ask, told=told)
    return module


def test_the_operators_answer_settles_the_message(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P5. Unknown until the operator says it; asked for by a person, written as a receipt."""
    owner = site.set_up()
    (one,) = site.run(lose(site, 1))
    here = f"/stores/1/messages/{one}"
    answers = [{"state": ""}, {"state": "undeliverable"}]
    heard: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.query_string)
        return web.json_response(answers.pop(0))

    async def begin() -> tuple[web.AppRunner, str]:
        app = web.Application()
        app.router.add_get("/status", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        place = web.TCPSite(runner, "127.0.0.1", 0)
        await place.start()
        port = place._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        async with db.transaction(site.runtime.pool) as tx:
            store = await stores.find(tx, 1)
            assert store is not None
            await tx.execute("UPDATE gateway SET kind = 'asked', settings = '{}' WHERE id = 1")
            await tx.execute(
                "INSERT INTO provider_ref (bucket, store_id, gateway_id, provider_id, message_id,"
                " part) VALUES (%s, 1, 1, 'p-1', %s, 0)",
                [stores.buckets(store)[0], one],
            )
            early = [Receipt("p-1", "enroute")]
            await messages.write(tx, store, 1, [], early, site.runtime.clock())
        return runner, f"http://127.0.0.1:{port}"

    runner, url = site.run(begin())
    monkeypatch.setitem(GATEWAYS, "asked", operator(url))
    try:
        assert "Ask the operator" in owner.get(here).text
        owner.post(f"{here}/ask")
        assert "does not say what became of it" in owner.get(here).text
        owner.post(f"{here}/ask")
        assert states(site)[one][0] == "failed"
        assert heard == ["id=p-1"] * 2
        assert "Ask the operator" not in owner.get(here).text
        assert owner.post(f"{here}/ask").status == 303 and len(heard) == 2
        assert site.add_member(owner, "viewer").post(f"{here}/ask").status == 403
        assert "Asked the operator" in owner.get("/stores/1/audit").text
    finally:
        site.run(runner.cleanup())
