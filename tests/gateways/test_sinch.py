"""Sinch: requests to the octet, answers and calls as its documentation gives them."""

import base64
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ringdove.gateways import sinch
from ringdove.gateways.edge import Call, ReceiptHeard, Refused, Sent, TextHeard, Unclear
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

SECRET = "birches and aspens"
ITS = sinch.Settings(service_plan_id="plan1", api_token="t0ken", callback_secret=SECRET)
BATCH = "01FC66621XXXXX119Z8PMV1QPQ"
RECEIPT = {
    "type": "recipient_delivery_report_sms", "batch_id": BATCH, "recipient": "+375291234567",
    "code": 0, "status": "Delivered", "at": "2026-11-18T11:59:02.123Z",
    "operator_status_at": "2026-11-18T11:59:00Z", "client_reference": "0a1b2c3d4e5f6",
}  # fmt: skip
INBOUND = {
    "type": "mo_text", "id": "01XXXXX21XXXXX119Z8P1XXXXX", "from": "16051234567",
    "to": "13185551234", "body": "Да, беру 🙂", "operator_id": "35000",
    "received_at": "2026-11-18T11:58:00.100Z",
}  # fmt: skip


def call(told, url=f"{DOOR}?secret=birches%20and%20aspens", **headers):
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return Call("POST", url, {"content-type": "application/json", **headers}, body, NOW)


def signed(told, secret=SECRET, at=NOW, nonce="01FJA8B4A7BM43YGWSG9GBV067"):
    """A call as Sinch signs it: body, nonce and seconds, with dots between."""
    made, seconds = call(told, DOOR), str(int(at.timestamp()))
    spoken = made.body + f".{nonce}.{seconds}".encode()
    headers = {
        "x-sinch-webhook-signature": base64.b64encode(
            hmac.digest(secret.encode(), spoken, "sha256")
        ).decode(),
        "x-sinch-webhook-signature-nonce": nonce,
        "x-sinch-webhook-signature-timestamp": seconds,
        "x-sinch-webhook-signature-algorithm": "HmacSHA256",
    }
    return replace(made, headers=headers)


def test_a_request_is_a_batch_of_one():
    """R113, R18: the end of an offer is the batch's."""
    made = sinch.request(ITS, outgoing())
    assert made.method == "POST"
    assert made.url == "https://eu.sms.api.sinch.com/xms/v1/plan1/batches"
    assert made.headers["Authorization"] == "Bearer t0ken"
    assert made.body.decode() == (
        '{"to":["+375291234567"],"body":"Your order 42 is on its way & soon there",'
        '"from":"Linden","type":"mt_text","delivery_report":"per_recipient_final",'
        '"expire_at":"2026-11-18T14:00:00.000Z","client_reference":"0a1b2c3d4e5f6",'
        '"callback_url":"https://shop.example/doors/texts/5f3c9e?secret=birches%20and%20aspens"}'
    )


def test_without_a_sender_the_plans_own_is_used():
    told = json.loads(sinch.request(ITS, outgoing(sender="", callback_url="")).body)
    assert "from" not in told and "callback_url" not in told


@pytest.mark.parametrize("text", [CYRILLIC, LONG, "a\nb"])
def test_letters_of_all_scripts_and_long_texts_arrive_whole(text):
    assert json.loads(sinch.request(ITS, outgoing(text=text)).body)["body"] == text


@pytest.mark.parametrize(
    ("until", "told"),
    [(timedelta(days=9), "2026-11-21T12:00:00.000Z"),
     (timedelta(hours=-1), "2026-11-18T12:00:01.000Z")],
)  # fmt: skip
def test_validity_stays_within_what_sinch_takes(until, told):
    made = sinch.request(ITS, outgoing(not_after=NOW + until))
    assert json.loads(made.body)["expire_at"] == told


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(201, {"id": BATCH, "to": ["375291234567"], "canceled": False}), Sent((BATCH,))),
        (reply(201, b"[]"), Unclear("Sinch's answer names no batch")),
        (reply(400, {"code": "syntax_invalid_parameter_format", "text": "bad"}),
         Refused("HTTP 400 syntax_invalid_parameter_format bad", "permanent")),
        (reply(403, {"code": "illegal_number_type", "text": "bad"}),
         Refused("HTTP 403 illegal_number_type bad", "permanent")),
        (reply(403, {"code": "blocked_account", "text": "call us"}),
         Refused("blocked_account call us", "later", account=True)),
        (reply(403, b""), Refused("HTTP 403", "later", account=True)),
        (reply(401, b"Unauthorized"), Refused("HTTP 401", "later", account=True)),
        (reply(429, b"", retry_after="2"),
         Refused("HTTP 429", "throttled", retry_after_s=2.0)),
        (reply(500, b""), Unclear("HTTP 500")),
    ],
)  # fmt: skip
def test_answers_are_read_by_code_and_status(answer, expected):
    assert sinch.outcome(ITS, outgoing(), answer) == expected


@pytest.mark.parametrize("word", sorted(sinch.STATES))
@pytest.mark.parametrize("spelt", [str.upper, str.title])
def test_each_status_word_has_its_state(word, spelt):
    """R100."""
    heard = sinch.hear(ITS, call({**RECEIPT, "status": spelt(word)}))
    at = datetime(2026, 11, 18, 11, 59, tzinfo=UTC)
    assert heard.receipts == (ReceiptHeard(BATCH, sinch.STATES[word], "", at),)


@pytest.mark.parametrize(
    ("word", "code", "state", "error"),
    [
        ("Aborted", 406, "expired", "406"),
        ("Failed", 60, "failed", "60"),
        ("Sublimated", 3, "unknown", "sublimated"),
    ],
)
def test_codes_and_unknown_words_are_kept(word, code, state, error):
    (heard,) = sinch.hear(ITS, call({**RECEIPT, "status": word, "code": code})).receipts
    assert (heard.state, heard.error) == (state, error)


def test_a_batchs_own_report_is_read_too():
    lines = [{"code": 402, "status": "Aborted", "count": 1}]
    told = {"type": "delivery_report_sms", "batch_id": BATCH, "statuses": lines}
    assert sinch.hear(ITS, call(told)).receipts == (ReceiptHeard(BATCH, "failed", "402"),)


def test_a_persons_text():
    """R79."""
    assert sinch.hear(ITS, call(INBOUND)).texts == (
        TextHeard(
            INBOUND["id"], "+16051234567", "+13185551234", "Да, беру 🙂",
            datetime(2026, 11, 18, 11, 58, 0, 100_000, tzinfo=UTC),
        ),
    )  # fmt: skip
    picture = sinch.hear(ITS, call({**INBOUND, "type": "mo_media"}))
    assert (picture.texts, picture.status) == ((), 200)


def test_a_secret_is_always_demanded():
    """P8."""
    sinch.hear(ITS, call(RECEIPT))
    password = base64.b64encode(f"sinch:{SECRET}".encode()).decode()
    sinch.hear(ITS, call(RECEIPT, DOOR, authorization=f"Basic {password}"))
    for wrong in [
        call(RECEIPT, DOOR),
        call(RECEIPT, f"{DOOR}?secret=birches"),
        call(RECEIPT, f"{DOOR}?secret="),
        call(RECEIPT, DOOR, authorization="Basic c2luY2g6"),
        call(RECEIPT, DOOR, authorization="Bearer x"),
    ]:
        assert refuses(sinch, ITS, wrong).status == 401
    open_ = ITS.model_copy(update={"callback_secret": sinch.SecretStr("")})
    for wrong in [call(RECEIPT, f"{DOOR}?secret="), signed(RECEIPT, "")]:
        assert refuses(sinch, open_, wrong).status == 401


def test_a_signed_call_is_believed_by_its_signature_alone():
    """P8: a secret in the address does not make a wrong signature good."""
    good = signed(RECEIPT)
    assert sinch.hear(ITS, good).receipts
    name = "x-sinch-webhook-signature"
    for wrong in [
        replace(good, body=good.body + b" "),
        replace(good, url=f"{DOOR}?secret=birches%20and%20aspens", body=b"{}"),
        replace(good, headers={**good.headers, name: ""}),
        replace(good, headers={**good.headers, f"{name}-nonce": "2"}),
        replace(good, headers={**good.headers, f"{name}-timestamp": "1700000000"}),
        signed(RECEIPT, "another"),
        signed(RECEIPT, nonce=""),
    ]:
        assert refuses(sinch, ITS, wrong).status == 401


def test_an_old_signature_is_not_believed_again():
    """P8: replay."""
    old = signed(RECEIPT, at=NOW - timedelta(hours=1))
    assert "too old" in str(refuses(sinch, ITS, old))
    assert refuses(sinch, ITS, signed(RECEIPT, at=NOW + timedelta(hours=1)))
    assert sinch.hear(ITS, replace(old, now=None)).receipts


@pytest.mark.parametrize("told", [b"", b"[]", b"{}", {"type": "x"}, {**RECEIPT, "batch_id": None}])
def test_what_is_neither_is_said_to_be_unreadable(told):
    assert refuses(sinch, ITS, call(told)).status == 400


def test_sinch_can_be_asked():
    made = sinch.ask(ITS, BATCH)
    assert made.url == (
        f"https://eu.sms.api.sinch.com/xms/v1/plan1/batches/{BATCH}/delivery_report?type=full"
    )
    lines = [{"code": 0, "status": "Delivered", "count": 1, "recipients": ["375291234567"]}]
    told = {"type": "delivery_report_sms", "batch_id": BATCH, "statuses": lines}
    assert sinch.told(ITS, reply(200, told)) == ReceiptHeard(BATCH, "delivered")
    assert sinch.told(ITS, reply(404, told)) is None


@pytest.mark.slow
def test_garbage_never_raises():
    never_raises(sinch, ITS, lambda body: call(body), "type", "id", "batch_id", "statuses", "code",
                 "status", "body", "at")  # fmt: skip


def test_secrets_are_in_no_repr():
    assert SECRET not in repr(ITS) and "t0ken" not in repr(ITS)
    keeps_secrets(sinch, ITS, "t0ken")
