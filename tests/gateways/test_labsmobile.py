"""LabsMobile: requests to the octet, answers and calls as its documentation gives them."""

import base64
import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from ringdove.gateways import labsmobile
from ringdove.gateways.edge import Call, Heard, ReceiptHeard, Refused, Sent, Unclear
from tests.gateways.operators import (
    CYRILLIC,
    DOOR,
    LONG,
    NOW,
    keeps_secrets,
    never_raises,
    outgoing,
    refuses,
    reply,
)

TOKEN = "token-0123456789"
WORD = "a-word-of-ours"
ITS = labsmobile.Settings(username="shop@linden.example", token=TOKEN, callback_secret=WORD)
REFERENCE = outgoing().reference


def ack(secret: str = WORD, **fields: str) -> Call:
    """A confirmation comes with GET."""
    return Call("GET", f"{DOOR}?{urlencode({'secret': secret, **fields})}", {}, b"", NOW)


def text_call(body: Any) -> Call:
    """A person's text comes as JSON."""
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Call("POST", f"{DOOR}?secret={WORD}", {"content-type": "application/json"}, octets, NOW)


TEXT = {
    "inbound_number": "12015576234", "service_number": "12015576234", "msisdn": "34600111222",
    "message": "Baja 🙏", "timestamp": "2026-11-18 12:00:00",
}  # fmt: skip


# ------------------------------------------------------------------ request


def test_a_request_is_one_message_as_json_and_carries_our_reference():
    """R113."""
    made = labsmobile.request(ITS, outgoing())
    assert (made.method, made.url) == ("POST", "https://api.labsmobile.com/json/send")
    login = base64.b64encode(f"shop@linden.example:{TOKEN}".encode()).decode()
    assert made.headers["authorization"] == f"Basic {login}"
    assert made.body == (
        b'{"message":"Your order 42 is on its way & soon there","tpoa":"Linden",'
        b'"recipient":[{"msisdn":"375291234567"}],"subid":"0a1b2c3d4e5f6",'
        b'"ackurl":"https://shop.example/doors/texts/5f3c9e?secret=a-word-of-ours"}'
    )


def test_letters_of_all_scripts_and_long_texts_are_announced():
    """R33."""
    short = outgoing(text=CYRILLIC, encoding="UCS-2")
    fields = json.loads(labsmobile.request(ITS, short).body)
    assert fields["message"] == CYRILLIC and fields["ucs2"] == 1 and "long" not in fields
    long = outgoing(text=LONG, encoding="UCS-2", parts=10, sender="", callback_url="")
    fields = json.loads(labsmobile.request(ITS, long).body)
    assert fields["message"] == LONG and (fields["ucs2"], fields["long"]) == (1, 1)
    assert "tpoa" not in fields and "ackurl" not in fields


# ------------------------------------------------------------------ outcome


def told(code: Any, message: str = "m", **more: str) -> dict[str, Any]:
    return {"code": code, "message": message, **more}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(200, told("0", subid=REFERENCE)), Sent((REFERENCE,))),
        (reply(200, told(0, subid="56fbab0586192")), Sent(("56fbab0586192",))),
        (reply(200, told("0")), Sent((REFERENCE,))),
        (reply(400, told(35)), Refused("35 m", "later", account=True)),
        (reply(401, told("401")), Refused("401 m", "later", account=True)),
        (reply(400, told("27")), Refused("27 m", "permanent")),
        (reply(200, told("23")), Refused("23 m", "permanent")),
        (reply(200, told("30")), Refused("30 m", "later")),
        (reply(401, b""), Refused("HTTP 401", "later", account=True)),
        (reply(429, b"", retry_after="3"), Refused("HTTP 429", "throttled", retry_after_s=3)),
        (reply(500, told("30")), Unclear("HTTP 500 30 m")),
        (reply(500, told("0")), Unclear("HTTP 500 0 m")),
        (reply(200, b"<html>"), Unclear("HTTP 200")),
    ],
)
def test_an_answer_is_understood(answer, expected):
    assert labsmobile.outcome(ITS, outgoing(), answer) == expected


# ------------------------------------------------------------------ calls


@pytest.mark.parametrize(
    ("level", "status", "desc", "state", "why"),
    [
        ("gateway", "ok", "", "accepted", ""), ("operator", "ok", "", "enroute", ""),
        ("processed", "ok", "", "accepted", ""), ("handset", "ok", "", "delivered", ""),
        ("handset", "ok", "DELIVRD", "delivered", ""), ("handset", "ok", "READ", "delivered", ""),
        ("error", "ko", "UNDELIV", "undeliverable", "UNDELIV"),
        ("error", "ko", "REJECTD", "rejected", "REJECTD"),
        ("error", "ko", "BLOCKED", "rejected", "BLOCKED"),
        ("error", "ko", "EXPIRED", "expired", "EXPIRED"),
        ("error", "ko", "UNKNOWN", "failed", "UNKNOWN"), ("error", "ko", "", "failed", "error ko"),
        ("handset", "ko", "UNKNOWN", "failed", "UNKNOWN"),
        ("operator", "ko", "", "failed", "operator ko"), ("orbit", "", "", "unknown", "orbit"),
        ("orbit", "ok", "BEAMED", "unknown", "BEAMED"),
    ],
)  # fmt: skip
def test_each_confirmation_has_its_state(level, status, desc, state, why):
    """R100: a word nobody knows is kept and breaks nothing."""
    call = ack(
        acklevel=level, msisdn="34600111222", status=status, desc=desc, subid=REFERENCE,
        timestamp="2026-11-18 12:00:00",
    )  # fmt: skip
    expected = Heard(receipts=(ReceiptHeard(REFERENCE, state, why),), answer=b"OK")
    assert labsmobile.hear(ITS, call) == expected


def test_a_persons_text_is_heard_and_twice_is_once():
    """R79, P8: it has no id, so what it says and when makes one."""
    (text,) = labsmobile.hear(ITS, text_call(TEXT)).texts
    assert (text.sender, text.recipient, text.body) == ("+34600111222", "+12015576234", "Baja 🙏")
    assert text.id and labsmobile.hear(ITS, text_call(TEXT)).texts == (text,)
    later = labsmobile.hear(ITS, text_call({**TEXT, "timestamp": "2026-11-18 12:00:09"}))
    assert later.texts[0].id != text.id
    assert labsmobile.hear(ITS, text_call(urlencode(TEXT).encode())).texts == (text,)


def test_only_the_secret_opens_the_door():
    """P8."""
    assert labsmobile.hear(ITS, ack(acklevel="handset", status="ok", subid="a")).receipts
    assert refuses(labsmobile, ITS, ack(secret=WORD + "x", acklevel="handset")).status == 401
    refuses(labsmobile, ITS, replace(text_call(TEXT), url=DOOR))
    bare = labsmobile.Settings(username="u", token=TOKEN)
    refuses(labsmobile, bare, ack(secret=""))


@pytest.mark.slow
def test_anything_is_answered_and_nothing_is_told():
    never_raises(
        labsmobile, ITS, text_call, "code", "message", "subid", "acklevel", "status", "desc",
        "msisdn", "timestamp",
    )  # fmt: skip
    keeps_secrets(labsmobile, ITS, TOKEN, WORD)
