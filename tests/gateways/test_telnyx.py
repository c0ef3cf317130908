"""Telnyx: requests to the octet, answers and signed calls as its documentation gives them."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from ringdove.gateways import telnyx
from ringdove.gateways.edge import Call, Heard, ReceiptHeard, Refused, Sent, TextHeard, Unclear
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

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
SECRET = "KEY0123456789_secret"
ITS = telnyx.Settings(api_key=SECRET, public_key=PUBLIC)
ID = "40385f64-5717-4562-b3fc-2c963f66afa6"


def signed(body: Any, at: datetime = NOW, key: Ed25519PrivateKey = KEY) -> Call:
    """A call as Telnyx makes it: Ed25519 over the second, a bar and the body."""
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    second = str(int(at.timestamp()))
    signature = base64.b64encode(key.sign(second.encode() + b"|" + octets)).decode()
    headers = {"telnyx-signature-ed25519": signature, "telnyx-timestamp": second}
    return Call("POST", DOOR, {**headers, "content-type": "application/json"}, octets, NOW)


def finalized(status: str, errors: Any = (), kind: str = "message.finalized") -> dict[str, Any]:
    return {
        "data": {
            "event_type": kind,
            "id": "4ee8c3a6-4995-4309-a3c6-38e3db9ea4be",
            "occurred_at": "2026-11-18T12:00:09.148+00:00",
            "payload": {
                "completed_at": "2026-11-18T12:00:08.148+00:00",
                "cost": {"amount": "0.0051", "currency": "USD"},
                "direction": "outbound",
                "encoding": "GSM-7",
                "errors": list(errors),
                "from": {"phone_number": "+13125550101"},
                "id": ID,
                "parts": 1,
                "record_type": "message",
                "sent_at": "2026-11-18T12:00:02.000+00:00",
                "to": [{"phone_number": "+13125550102", "status": status}],
                "type": "SMS",
            },
            "record_type": "event",
        },
        "meta": {"attempt": 1, "delivered_to": DOOR},
    }


RECEIVED = {
    "data": {
        "event_type": "message.received",
        "payload": {
            "direction": "inbound",
            "from": {"phone_number": "+13125550102", "carrier": "T-Mobile USA"},
            "id": "84cca175-9755-4859-b67f-4730d7f58aa3",
            "received_at": "2026-11-18T11:59:58.000+00:00",
            "text": "Стоп, please 🙏",
            "to": [{"phone_number": "+13125550101", "status": "webhook_delivered"}],
            "type": "SMS",
        },
    }
}


# ------------------------------------------------------------------ request


def test_a_request_is_one_message_as_json():
    """R113."""
    made = telnyx.request(ITS, outgoing())
    assert (made.method, made.url) == ("POST", "https://api.telnyx.com/v2/messages")
    assert made.headers["authorization"] == f"Bearer {SECRET}"
    assert made.body == (
        b'{"from":"Linden","to":"+375291234567",'
        b'"text":"Your order 42 is on its way & soon there","type":"SMS",'
        b'"webhook_url":"https://shop.example/doors/texts/5f3c9e"}'
    )


@pytest.mark.parametrize("text", [CYRILLIC, LONG])
def test_letters_of_all_scripts_and_long_texts_are_sent_whole(text):
    """R33."""
    assert json.loads(telnyx.request(ITS, outgoing(text=text)).body)["text"] == text


def test_a_pool_of_numbers_is_named_by_its_profile():
    its = ITS.model_copy(update={"messaging_profile_id": "4000eba1"})
    fields = json.loads(telnyx.request(its, outgoing(sender="", callback_url="")).body)
    assert fields["messaging_profile_id"] == "4000eba1"
    assert "from" not in fields and "webhook_url" not in fields


def test_a_number_as_sender_has_its_plus():
    fields = json.loads(telnyx.request(ITS, outgoing(sender="13125550101")).body)
    assert fields["from"] == "+13125550101"


# ------------------------------------------------------------------ outcome


def error(code: str, title: str = "t", detail: str = "d") -> dict[str, Any]:
    return {"errors": [{"code": code, "title": title, "detail": detail}]}


STOP = error(
    "40300",
    "Blocked due to STOP message",
    "Messages cannot be sent from +13125550101 to +13125550102 due to an existing block rule.",
)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(200, {"data": {"id": ID, "to": [{"status": "queued"}]}}), Sent((ID,))),
        (reply(200, {"data": {}}), Unclear("Telnyx's answer names no message")),
        (reply(400, error("40310")), Refused("40310 t d", "permanent")),
        (reply(429, error("10011")), Refused("10011 t d", "throttled")),
        (reply(429, b"", retry_after="7"), Refused("HTTP 429", "throttled", retry_after_s=7)),
        (reply(403, error("20100")), Refused("20100 t d", "later", account=True)),
        (reply(401, error("10009")), Refused("10009 t d", "later", account=True)),
        (reply(400, error("40320")), Refused("40320 t d", "later")),
        (reply(422, error("49999")), Refused("HTTP 422 49999 t d", "permanent")),
        (reply(500, error("10007")), Unclear("HTTP 500 10007 t d")),
        (reply(502, b"<html>"), Unclear("HTTP 502")),
    ],
)
def test_an_answer_is_understood(answer, expected):
    assert telnyx.outcome(ITS, outgoing(), answer) == expected


def test_a_stop_at_telnyx_is_an_opt_out_and_shows_no_numbers():
    got = telnyx.outcome(ITS, outgoing(), reply(400, STOP))
    assert isinstance(got, Refused) and got.opted_out and got.again == "permanent"
    assert "1312555" not in got.reason and "•••02" in got.reason


def test_the_same_code_without_a_stop_is_none():
    """40300 is also told of a number that belongs to no profile."""
    got = telnyx.outcome(ITS, outgoing(), reply(403, error("40300", "Number not assigned")))
    assert isinstance(got, Refused) and not got.opted_out


# ------------------------------------------------------------------ calls


@pytest.mark.parametrize(
    ("word", "state", "why"),
    [
        ("scheduled", "accepted", ""), ("queued", "accepted", ""), ("sending", "enroute", ""),
        ("sent", "enroute", ""), ("delivered", "delivered", ""), ("sending_failed", "failed", ""),
        ("delivery_failed", "undeliverable", ""), ("expired", "expired", ""),
        ("cancelled", "deleted", ""), ("delivery_unconfirmed", "unknown", "delivery_unconfirmed"),
        ("beamed_up", "unknown", "beamed_up"),
    ],
)  # fmt: skip
def test_each_status_word_has_its_state(word, state, why):
    """R100: a word nobody knows is kept and breaks nothing."""
    seen_at = datetime(2026, 11, 18, 12, 0, 8, 148000, tzinfo=UTC)
    receipt = ReceiptHeard(ID, state, why, at=seen_at, price="0.0051 USD")
    assert telnyx.hear(ITS, signed(finalized(word))) == Heard(receipts=(receipt,))


def test_an_error_of_a_receipt_is_kept_and_a_stop_in_it_is_an_opt_out():
    heard = telnyx.hear(ITS, signed(finalized("delivery_failed", STOP["errors"])))
    assert heard.receipts[0].error.startswith("40300 Blocked due to STOP")
    assert heard.receipts[0].opted_out
    heard = telnyx.hear(ITS, signed(finalized("delivery_failed", error("40300")["errors"])))
    assert not heard.receipts[0].opted_out


def test_a_persons_text_is_heard():
    """R79."""
    assert telnyx.hear(ITS, signed(RECEIVED)).texts == (
        TextHeard(
            "84cca175-9755-4859-b67f-4730d7f58aa3", "+13125550102", "+13125550101",
            "Стоп, please 🙏", datetime(2026, 11, 18, 11, 59, 58, tzinfo=UTC),
        ),
    )  # fmt: skip


def test_other_events_are_taken_and_say_nothing():
    assert telnyx.hear(ITS, signed({"data": {"event_type": "call.initiated"}})) == Heard()


def test_one_octet_changed_no_signature_or_another_key_is_not_taken():
    """P8."""
    call = signed(RECEIVED)
    changed = replace(call, body=call.body.replace(b"please", b"pleasf"))
    bare = replace(call, headers={})
    later = {**call.headers, "telnyx-timestamp": str(int(NOW.timestamp()) + 1)}
    other = signed(RECEIVED, key=Ed25519PrivateKey.from_private_bytes(bytes(32)))
    for wrong in (changed, bare, replace(call, headers=later), other):
        assert refuses(telnyx, ITS, wrong).status == 401
    for key in ("", "not a key", PUBLIC[:-8]):
        refuses(telnyx, ITS.model_copy(update={"public_key": key}), call)


def test_a_call_caught_on_its_way_is_not_believed_for_ever():
    """P8."""
    refuses(telnyx, ITS, signed(RECEIVED, at=NOW - timedelta(minutes=30)))
    refuses(telnyx, ITS, signed(RECEIVED, at=NOW + timedelta(minutes=30)))
    assert telnyx.hear(ITS, signed(RECEIVED, at=NOW - timedelta(minutes=4))).texts
    old = replace(signed(RECEIVED, at=NOW - timedelta(days=9)), now=None)
    assert telnyx.hear(ITS, old).texts


# ------------------------------------------------------------------ asking


def test_telnyx_can_be_asked():
    made = telnyx.ask(ITS, ID)
    assert (made.method, made.url) == ("GET", f"https://api.telnyx.com/v2/messages/{ID}")
    payload = finalized("delivered")["data"]["payload"]
    found = telnyx.told(ITS, reply(200, {"data": payload}))
    assert found is not None and (found.provider_id, found.state) == (ID, "delivered")
    assert telnyx.told(ITS, reply(404, {"data": payload})) is None
    assert telnyx.told(ITS, reply(200, {"data": RECEIVED["data"]["payload"]})) is None


@pytest.mark.slow
def test_anything_is_answered_and_nothing_is_told():
    never_raises(telnyx, ITS, signed, "data", "errors", "event_type", "payload", "id", "to")
    keeps_secrets(telnyx, ITS, SECRET)


@pytest.mark.parametrize("key", ["nonsense", "bm9uc2Vuc2U=", PUBLIC[:-4], "ключ"])
def test_what_is_no_key_is_not_kept(key: str) -> None:
    """P8: with it no receipt and no STOP would ever be believed, and nobody would know."""
    with pytest.raises(ValidationError, match="this is no public key"):
        telnyx.Settings(api_key=SECRET, public_key=key)
    assert telnyx.Settings(api_key=SECRET, public_key="").public_key == ""
