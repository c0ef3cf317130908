"""An operator that exists in tests only: its file, as the merchant's side knows it, and its server,
which answers as it is told to (accept, throttle, break, hang, hang up, refuse).

"Paper" takes {"to", "text", "ref"} and answers {"id"}; what it refuses has {"code"}.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import Field, SecretStr

from ringdove.gateways import edge

TITLE = "Paper"
HELP = "Made of paper."
CHANNEL = "sms"
TRANSPORT = "http"
CALLBACKS = "Nothing."
GUARDS_DOUBLES = False


class Settings(edge.Settings):
    url: str = ""
    key: SecretStr = Field(SecretStr(""), title="Key")


def request(settings: Settings, outgoing: edge.Outgoing) -> edge.Request:
    if outgoing.text == "unsayable":
        raise ValueError("no such letters on paper")
    told = {
        "to": outgoing.recipient, "from": outgoing.sender, "text": outgoing.text,
        "ref": outgoing.reference, "callback": outgoing.callback_url,
    }  # fmt: skip
    return edge.Request(
        "POST",
        f"{settings.url}/send?key={settings.key.get_secret_value()}",
        {"content-type": "application/json"},
        json.dumps(told).encode(),
    )


def outcome(settings: Settings, outgoing: edge.Outgoing, reply: edge.Reply) -> edge.Outcome:
    if reply.status >= 500:
        return edge.Unclear(f"broke {reply.status}")
    told = json.loads(reply.body)
    if reply.status == 200:
        return edge.Sent((told["id"],))
    if reply.status == 429:
        return edge.Refused("slower", "throttled", retry_after_s=float(told.get("after", 0)))
    if reply.status == 401:
        return edge.Refused("key unknown", "later")
    again: edge.Again = "later" if told["code"] == "busy" else "permanent"
    return edge.Refused(told["code"], again, opted_out=told["code"] == "stopped")


def hear(settings: Settings, call: edge.Call) -> edge.Heard:
    if call.headers.get("x-key") != settings.key.get_secret_value():
        raise edge.CallWrong("the key is not ours")
    told = json.loads(call.body)
    return edge.Heard(
        tuple(edge.ReceiptHeard(**one) for one in told.get("receipts", ())),
        tuple(edge.TextHeard(**one) for one in told.get("texts", ())),
        answer=b"<thanks/>",
        content_type="text/xml",
    )


# ── its server ───────────────────────────────────────────────────────────────

Play = Callable[["Paper", web.Request, dict[str, Any]], Any]


@dataclass
class Paper:
    """Plays `plays` one after the other, then accepts. `heard`: all that was asked."""

    plays: list[Play] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    url: str = ""
    busy: int = 0
    busy_most: int = 0
    slow_s: float = 0.0
    known: dict[str, str] = field(default_factory=dict)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.busy += 1
        self.busy_most = max(self.busy_most, self.busy)
        try:
            told = json.loads(await request.read())
            self.heard.append(told)
            self.times.append(asyncio.get_running_loop().time())
            await asyncio.sleep(self.slow_s)
            play = self.plays.pop(0) if self.plays else accept
            answer = play(self, request, told)
            if asyncio.iscoroutine(answer):
                answer = await answer
            assert isinstance(answer, web.StreamResponse)
            return answer
        finally:
            self.busy -= 1

    @property
    def texts(self) -> list[str]:
        return [one["text"] for one in self.heard]


def accept(paper: Paper, request: web.Request, told: dict[str, Any]) -> web.Response:
    known = paper.known.setdefault(told["ref"], f"p-{len(paper.known)}")
    return web.json_response({"id": known})


def says(status: int, **told: Any) -> Play:
    return lambda paper, request, heard: web.json_response(told, status=status)


def garbage(paper: Paper, request: web.Request, told: dict[str, Any]) -> web.Response:
    return web.Response(text="<html>down for maintenance</html>")


def hang_up(paper: Paper, request: web.Request, told: dict[str, Any]) -> web.Response:
    """It has read everything, and closes without a word."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def hang(paper: Paper, request: web.Request, told: dict[str, Any]) -> web.Response:
    await asyncio.sleep(60)
    return web.Response()


@asynccontextmanager
async def served(plays: Iterable[Play] = (), slow_s: float = 0.0) -> AsyncIterator[Paper]:
    paper = Paper(list(plays), slow_s=slow_s)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", paper.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        paper.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield paper
    finally:
        await runner.cleanup()
