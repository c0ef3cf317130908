"""Customers write and are answered, whole ways: over a real SMPP socket, and over two operators'
HTTP with their own bodies and signatures in, real requests out (R79, R80, R86, R87, P2)."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from aiohttp import web

from ringdove.gateways import twilio, vonage
from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.records.sending import gateways, phones
from ringdove.records.surveys import survey_answers
from ringdove.rules.effects import SaveAnswer
from ringdove.rules.scenes import SurveyAnswer
from ringdove.web.app import create_app
from ringdove.workers import sandbox
from ringdove.workers.sending import bind as binding
from ringdove.workers.sending import binds, speak, speaker
from tests.flows.conftest import NOON, Shop, order, parcel
from tests.gateways import operators, test_twilio, test_vonage

pytestmark = pytest.mark.slow
ANNA = "+375291112233"
WAIT_S = 20.0
TOKEN = "t" * 32


class Line(Protocol):
    """A way to a phone and back."""

    async def write(self, body: str) -> None:
        """The phone sends a text."""

    async def shown(self) -> list[str]:
        """All that came to the phone, in its order."""


@dataclass
class Talk:
    """Anna at her phone."""

    shop: Shop
    line: Line
    seen: int = 0
    written: int = 0

    async def say(self, body: str, answers: int = 1) -> list[str]:
        """What comes back; so many texts are waited for, and no more may come."""
        await self.line.write(body)
        self.written += 1
        await self._until(self._heard)
        self.shop.later(seconds=1)
        await self.shop.answer()
        await self._until(lambda: self._came(answers))
        await asyncio.sleep(0.05)
        shown = await self.line.shown()
        new, self.seen = shown[self.seen :], len(shown)
        assert len(new) == answers, new
        return new

    async def rest(self) -> None:
        """What came until now was read."""
        await self.shop.answer()
        await self._until(self._all_gone)
        self.seen = len(await self.line.shown())

    async def _heard(self) -> bool:
        rows = await self.shop.rows("SELECT FROM fact WHERE kind = 'text.received'")
        return len(rows) >= self.written

    async def _came(self, answers: int) -> bool:
        return len(await self.line.shown()) >= self.seen + answers

    async def _all_gone(self) -> bool:
        return not await self.shop.rows("SELECT FROM message WHERE state = 'waiting'")

    async def _until(self, holds: Callable[[], Any]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not await holds():
                await asyncio.sleep(0.03)

    async def state(self) -> str:
        """Of the conversation."""
        (row,) = await self.shop.rows("SELECT state FROM conversation")
        return str(row["state"])


# ------------------------------------------------------------------ the lines


@dataclass
class OverSmpp:
    """The sandbox SMSC: deliver_sm in, submit_sm out, over a socket."""

    shop: Shop

    async def write(self, body: str) -> None:
        async with db.transaction(self.shop.runtime.pool) as tx:
            await phones.write(
                tx, self.shop.store, self.shop.sms, phone=ANNA, shop_number="+375296660000",
                body=body, now=self.shop.at, ids=self.shop.runtime.ids,
            )  # fmt: skip

    async def shown(self) -> list[str]:
        async with db.transaction(self.shop.runtime.pool) as tx:
            found = await phones.texts(tx, self.shop.store, ANNA)
        return [one.body for one in found if one.direction == "to_phone"]


@asynccontextmanager
async def over_smpp(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OverSmpp]:
    monkeypatch.setattr(binding, "LEASE_AGAIN_S", 0.1)
    stop = asyncio.Event()
    async with sandbox.opened(shop.runtime, 0) as smsc:
        task = asyncio.create_task(binds.run(shop.runtime, stop, smsc.port))
        try:
            yield OverSmpp(shop)
        finally:
            stop.set()
            await asyncio.wait_for(task, WAIT_S)


@dataclass
class OverHttp:
    """An operator's server, and its calls to our door."""

    shop: Shop
    kind: str
    app: Any = field(repr=False)
    texts: list[str] = field(default_factory=list)
    told: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        """As the operator answers a request to send."""
        body = await request.read()
        if self.kind == "twilio":
            self.texts.append(dict(parse_qsl(body.decode()))["Body"])
            sid = f"SM{len(self.texts):032x}"
            return web.json_response({"sid": sid, "status": "queued"}, status=201)
        self.texts.append(json.loads(body)["text"])
        return web.json_response({"message_uuid": f"{len(self.texts)}"}, status=202)

    async def shown(self) -> list[str]:
        return list(self.texts)

    async def write(self, body: str) -> None:
        self.told += 1
        url = f"http://inside/in/gateways/{TOKEN}"
        call = self._twilio(url, body) if self.kind == "twilio" else self._vonage(body)
        octets, headers = call
        for _ in range(2):
            assert await self._tell(octets, headers) == 200, "P8: told twice, heard once"
        spoilt = {name: value[:-6] + "AAAAAA" for name, value in headers.items()}
        spoilt["content-type"] = headers["content-type"]
        assert await self._tell(octets, spoilt) in (401, 403), "P8: it fails closed"

    def _twilio(self, url: str, body: str) -> tuple[bytes, dict[str, str]]:
        told = test_twilio.INBOUND | {
            "MessageSid": f"SM{self.told:032d}", "From": ANNA, "To": "+375296660000", "Body": body,
        }  # fmt: skip
        told.pop("OptOutType", None)
        spoken = url + "".join(f"{name}{told[name]}" for name in sorted(told))
        digest = hmac.digest(test_twilio.TOKEN.encode(), spoken.encode(), "sha1")
        kind = "application/x-www-form-urlencoded"
        signature = base64.b64encode(digest).decode()
        return urlencode(told).encode(), {"x-twilio-signature": signature, "content-type": kind}

    def _vonage(self, body: str) -> tuple[bytes, dict[str, str]]:
        told = test_vonage.INBOUND | {
            "message_uuid": f"{self.told:032d}", "from": ANNA[1:], "to": "375296660000",
            "text": body, "timestamp": self.shop.at.isoformat().replace("+00:00", "Z"),
        }  # fmt: skip
        octets = json.dumps(told, ensure_ascii=False).encode()
        claims = test_vonage.claims(octets, iat=int(self.shop.at.timestamp()))
        token = operators.jwt(claims, test_vonage.SIGN)
        return octets, {"authorization": f"Bearer {token}", "content-type": "application/json"}

    async def _tell(self, body: bytes, headers: dict[str, str]) -> int:
        path, waiting, said = f"/in/gateways/{TOKEN}", [body], []
        scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
            "root_path": "", "scheme": "http", "query_string": b"", "http_version": "1.1",
            "server": ("inside", 80),
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        }  # fmt: skip

        async def receive() -> Any:
            piece = waiting.pop() if waiting else b""
            return {"type": "http.request", "body": piece, "more_body": False}

        async def send(message: Any) -> None:
            said.append(message)

        await self.app(scope, receive, send)
        return int(said[0]["status"])


MODULES = {"twilio": twilio, "vonage": vonage}
SETTINGS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "twilio": ({"account_sid": test_twilio.SID}, {"auth_token": test_twilio.TOKEN}),
    "vonage": (
        {"api_key": test_vonage.KEY},
        {"api_secret": test_vonage.SECRET, "signature_secret": test_vonage.SIGN},
    ),
}


@asynccontextmanager
async def over_http(
    shop: Shop, kind: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[OverHttp]:
    monkeypatch.setattr(speaker, "LEASE_AGAIN_S", 0.1)
    open_settings, secrets = SETTINGS[kind]
    async with db.transaction(shop.runtime.pool) as tx:
        await tx.execute("UPDATE gateway SET paused_at = created_at WHERE channel = 'sms'")
        gateway_id = await gateways.create(
            tx, store_id=shop.store.id, kind=kind, channel="sms", name=kind, rank=1,
            settings=open_settings | {"sender": "+375296660000"},
            secrets=shop.runtime.sealer.seal(secrets), now=NOON,
        )  # fmt: skip
        await tx.execute(
            "UPDATE gateway SET token = %(t)s WHERE id = %(g)s", {"t": TOKEN, "g": gateway_id}
        )
    line = OverHttp(shop, kind, create_app(shop.runtime))
    server = web.Application()
    server.router.add_post("/{path:.*}", line.answer)
    runner = web.AppRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    real = MODULES[kind].request

    def near(settings: Any, outgoing: Any) -> Any:
        """The operator's own request, to the server beside us."""
        made = real(settings, outgoing)
        return replace(made, url=f"http://127.0.0.1:{port}{urlsplit(made.url).path}")

    monkeypatch.setattr(MODULES[kind], "request", near)
    stop = asyncio.Event()
    task = asyncio.create_task(speak.run(shop.runtime, stop))
    try:
        yield line
    finally:
        stop.set()
        await asyncio.wait_for(task, WAIT_S)
        await runner.cleanup()


# ------------------------------------------------------------------ the story


async def ask_survey(shop: Shop) -> None:
    """Anna was asked how the delivery was, from 1 to 6."""
    (anna,) = await shop.rows("SELECT id FROM contact")
    row_id = shop.runtime.ids.make(bucket_of_id(anna["id"]))
    asked = SurveyAnswer(
        row_id, anna["id"], "delivery", shop.at, shop.at + timedelta(days=3), language="ru"
    )
    async with db.transaction(shop.runtime.pool) as tx:
        await survey_answers.write(tx, shop.store, [SaveAnswer(asked)])


async def scores(shop: Shop) -> list[tuple[int | None, str]]:
    rows = await shop.rows("SELECT score, comment FROM survey_answer ORDER BY asked_at, id")
    return [(row["score"], row["comment"]) for row in rows]


@pytest.mark.parametrize("way", ["smpp", "twilio", "vonage"])
def test_a_customer_writes_and_is_answered(
    way: str, play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """R79, R86, R87, R80, P2: where is my order, which one, a complaint, scores in every form, a
    stop inside a running survey: over each line the same."""

    async def story(shop: Shop) -> None:
        async with AsyncExitStack() as stack:
            line: Any
            if way == "smpp":
                line = await stack.enter_async_context(over_smpp(shop, monkeypatch))
            else:
                line = await stack.enter_async_context(over_http(shop, way, monkeypatch))
            talk = Talk(shop, line)
            await shop.hear(order("1042"), parcel("in_transit", "1042", carrier="DPD", number="X7"))
            await talk.rest()
            await orders(talk)
            await complaint(talk)
            await surveys(talk)
            await stop(talk)

    play(story)


async def orders(talk: Talk) -> None:
    (said,) = await talk.say("Где мой заказ?")
    assert "заказ 1042 в пути (DPD X7)" in said
    assert await talk.state() == "closed"
    (said,) = await talk.say("где заказ 7777")
    assert "заказа 7777" in said and "не нашли" in said
    assert await talk.state() == "open", "a person is to look"
    await talk.shop.hear(
        order("1043", at=NOON - timedelta(days=1), lines=[{"name": "Плед", "price": "9"}])
    )
    await talk.rest()
    (said,) = await talk.say("где моя посылка??")
    assert "1: 1042 (Чайник); 2: 1043 (Плед)" in said
    (said,) = await talk.say("2")
    assert "заказ 1043 принят" in said


async def complaint(talk: Talk) -> None:
    (said,) = await talk.say("Чайник 1042 пришёл разбитый!")
    (row,) = await talk.shop.rows("SELECT * FROM complaint")
    assert row["number"] in said and row["state"] == "opened"
    (said,) = await talk.say("что с моей жалобой?")
    assert f"жалоба {row['number']} рассматривается" in said


async def surveys(talk: Talk) -> None:
    shop = talk.shop
    shop.later(days=1)
    await ask_survey(shop)
    (said,) = await talk.say("10")
    assert "1" in said and "6" in said, "asked once more, with the scale"
    assert await scores(shop) == [(None, "")]
    await talk.say("5")
    await talk.say("ой, 4, долго везли", answers=0)
    ((score, comment),) = await scores(shop)
    assert score == 4, "two ratings: the last counts"
    assert "долго везли" in comment
    shop.later(days=10)
    await talk.say("3", answers=0)
    assert (await scores(shop))[0][0] == 4, "far too late: a person reads it"


async def stop(talk: Talk) -> None:
    shop = talk.shop
    shop.later(days=1)
    await ask_survey(shop)
    (said,) = await talk.say("стоп")
    assert "START" in said or "СТАРТ" in said
    assert (await scores(shop))[1][0] is None, "P2: a stop outranks a running survey"
    (anna,) = await shop.rows("SELECT marketing FROM contact")
    assert anna["marketing"] == "out"
