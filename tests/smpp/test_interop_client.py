"""An ESME that we did not write, npm's `smpp`, against both of our servers' ends.

First against the bare session as SMSC, where every packet can be looked at; then against the
sandbox, where its texts must appear on virtual phones and its receipts be true (N11).
"""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from ringdove.gateways import smpp as gateway
from ringdove.kit import db
from ringdove.records.sending import phones
from ringdove.smpp import tlvs
from ringdove.smpp.parts import Joiner
from ringdove.smpp.pdu import DeliverSm, SubmitSm
from ringdove.smpp.session import Answered, Asked, BindAsked, Closed
from ringdove.workers import sandbox
from tests.flows.conftest import NOON, Shop, open_shop
from tests.smpp.interop import Link, Program, answered, listening, script

pytestmark = pytest.mark.slow  # a process of its own
SETTINGS = gateway.Settings.model_validate({"host": "h", "system_id": "smsc"})
SAID = [
    "Hi [€5]",
    "Привет, где заказ?",
    "A long text in one piece. " * 12,
    "Ваш заказ в пути",
    "one, two",
]


def texts_of(asked: list[Asked]) -> list[str]:
    joiner: Joiner[Asked] = Joiner()
    found = []
    for one in asked:
        read = gateway.read(SETTINGS, one.body)
        assert isinstance(read, gateway.TextRead) and read.recipient == "+375291112233"
        whole = [read.octets]
        if read.part:
            whole = [j.octets for j in joiner.add("", read.part, read.octets, one, 0.0)]
        found += [gateway.decode(SETTINGS, read.coding, octets, read.shift) for octets in whole]
    return found


def receipt(message_id: str) -> DeliverSm:
    return DeliverSm(
        esm_class=4,
        short_message=f"id:{message_id} stat:DELIVRD err:000 text:".encode(),
        tlvs=(tlvs.make("receipted_message_id", message_id), tlvs.make("message_state", 2)),
    )


def tell(us: Link, body: DeliverSm) -> None:
    us.say(us.session.ask(body, body, time.monotonic()))
    (answer,) = us.wait(Answered)
    assert answer.status == 0


def test_a_client_that_we_did_not_write() -> None:
    with listening() as door:
        arguments = door.getsockname()[1], "shop", "secret"
        with script("interop_client.js", *arguments) as client, answered(door) as us:
            (asked,) = us.wait(BindAsked)
            assert (asked.bind.system_id, asked.bind.password) == ("shop", "secret")
            us.say(us.session.accept("ringdove", time.monotonic()))
            assert client.says("bound") == {"bound": 0, "smsc": "ringdove"}

            submitted: list[Asked] = us.wait(Asked, 7)
            assert texts_of(submitted) == SAID
            for number, one in enumerate(submitted):
                assert isinstance(one.body, SubmitSm) and one.body.registered_delivery == 1
                us.say(us.session.answer(one, f"id-{number}"))
            assert client.says("enquired") == {"enquired": 0}
            assert client.says("submitted") == {"submitted": 0, "id": "id-0"}

            tell(us, receipt("id-0"))
            heard = client.says("receipt")
            assert (heard["receipt"], heard["state"]) == ("id-0", 2)
            written = gateway.request(
                SETTINGS, text="чай?", recipient="1234", sender="375291112233",
                not_after=None, reference=1,
            )  # fmt: skip
            tell(us, DeliverSm(source_addr="375291112233", data_coding=8,
                               short_message=written[0].short_message))  # fmt: skip
            assert client.says("text")["text"] == "чай?"
            assert us.wait(Closed) == [Closed("the peer unbound")]
            assert client.says("unbound") == {"unbound": 0}


def test_a_wrong_password() -> None:
    with listening() as door:
        arguments = door.getsockname()[1], "shop", "wrong"
        with script("interop_client.js", *arguments) as client, answered(door) as us:
            us.wait(BindAsked)
            us.say(us.session.refuse(0x0E))
            assert client.says("bound")["bound"] == 0x0E


def test_a_client_that_we_did_not_write_and_the_sandbox(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N11: to anybody's client the sandbox is an operator like any other."""
    monkeypatch.setattr(sandbox, "RECEIPT_AFTER_S", (0.01, 0.05))

    def converse(client: Program) -> list[dict[str, Any]]:
        assert client.says("bound") == {"bound": 0, "smsc": "ringdove"}
        heard = [client.says("receipt") for _ in range(7)]
        client.says("receipted")
        return heard

    async def story(shop: Shop) -> None:
        async with sandbox.opened(shop.runtime, 0) as smsc:
            who = f"sandbox-{shop.sms}", "sandbox"
            with script("interop_client.js", smsc.port, *who) as client:
                receipts = await asyncio.to_thread(converse, client)
                assert {receipt["state"] for receipt in receipts} == {2}
                assert len({receipt["receipt"] for receipt in receipts}) == 7
                async with db.transaction(shop.runtime.pool) as tx:
                    shown = await phones.texts(tx, shop.store, "+375291112233")
                    assert sorted(text.body for text in shown) == sorted(SAID)
                    await phones.write(
                        tx, shop.store, shop.sms, phone="+375291112233", shop_number="1234",
                        body="Спасибо", now=NOON, ids=shop.runtime.ids,
                    )  # fmt: skip
                assert (await asyncio.to_thread(client.says, "text"))["text"] == "Спасибо"
                assert await asyncio.to_thread(client.says, "unbound") == {"unbound": 0}

    async def whole() -> None:
        async with open_shop(database_url, tmp_path) as shop:
            await story(shop)

    asyncio.run(whole())
