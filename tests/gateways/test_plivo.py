"""Plivo: requests to the octet, answers and calls as its documentation gives them."""

import base64
import hmac
import json
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from ringdove.gateways import plivo
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

ID = "MAXXXXXXXXXXXXXXXXXX"
TOKEN = "my_auth_token_of_forty_signs"
UUID = "db3ce55a-7f1d-11e1-8ea7-1231380bc196"
ITS = plivo.Settings(auth_id=ID, auth_token=TOKEN, sender="Linden")
NONCE = "05429567804466091622"


def mac(message, token=TOKEN):
    return base64.b64encode(hmac.digest(token.encode(), message.encode(), "sha256")).decode()


def signed(fields, url=DOOR, token=TOKEN):
    """A call as Plivo makes it, V3: the address, "?" and the sorted fields, the nonce."""
    bare, _, query = url.partition("?")
    told = "".join(name + fields[name] for name in sorted(fields))
    asked = "&".join(sorted(query.split("&"))) if query else ""
    spoken = f"{bare}?{asked}.{told}" if asked else f"{bare}?{told}"
    headers = {
        "x-plivo-signature-v3": mac(f"{spoken}.{NONCE}", token),
        "x-plivo-signature-v3-nonce": NONCE,
        "content-type": "application/x-www-form-urlencoded",
    }
    return Call("POST", url, headers, urlencode(fields).encode(), NOW)


STATUS = {
    "MessageUUID": UUID, "ParentMessageUUID": UUID, "PartInfo": "1 of 1", "Status": "delivered",
    "To": "375291234567", "From": "Linden", "Type": "sms", "Units": "2", "TotalRate": "0.00500",
    "TotalAmount": "0.01000", "MCC": "257", "MNC": "02", "ErrorCode": "", "Sequence": "2",
    "MessageTime": "2026-11-18 11:59:58.123456",
}  # fmt: skip
INBOUND = {
    "From": "14155551212", "To": "14155550100", "Text": "Спасибо & пока", "Type": "sms",
    "MessageUUID": UUID, "TotalRate": "0", "TotalAmount": "0", "Units": "1",
}  # fmt: skip


def test_a_request_is_one_message_in_json():
    """R113, R18."""
    made = plivo.request(ITS, outgoing())
    assert (made.method, made.url) == ("POST", f"https://api.plivo.com/v1/Account/{ID}/Message/")
    assert made.headers["Authorization"] == (
        "Basic " + base64.b64encode(f"{ID}:{TOKEN}".encode()).decode()
    )
    assert made.headers["Content-Type"] == "application/json"
    assert made.body.decode() == (
        '{"dst":"+375291234567","text":"Your order 42 is on its way & soon there","type":"sms",'
        '"src":"Linden","message_expiry":7200,"url":"https://shop.example/doors/texts/5f3c9e",'
        '"method":"POST"}'
    )


def test_a_powerpack_stands_for_the_sender():
    its = ITS.model_copy(update={"powerpack_uuid": "5ec4c8c9"})
    told = json.loads(plivo.request(its, outgoing(callback_url="")).body)
    assert told["powerpack_uuid"] == "5ec4c8c9"
    assert "src" not in told and "url" not in told


@pytest.mark.parametrize("text", [CYRILLIC, LONG, "a\nb"])
def test_letters_of_all_scripts_and_long_texts_arrive_whole(text):
    assert json.loads(plivo.request(ITS, outgoing(text=text)).body)["text"] == text


@pytest.mark.parametrize(("day", "expiry"), [(22, 14_400), (17, 5)])
def test_validity_stays_within_what_plivo_takes(day, expiry):
    made = plivo.request(ITS, outgoing(not_after=NOW.replace(day=day)))
    assert json.loads(made.body)["message_expiry"] == expiry


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(202, {"api_id": "x", "message": "message(s) queued", "message_uuid": [UUID]}),
         Sent((UUID,))),
        (reply(202, {"message_uuid": [], "invalid_number": ["12"]}),
         Refused("Plivo takes this number for wrong", "permanent")),
        (reply(202, b"{}"), Unclear("Plivo's answer names no message")),
        (reply(400, {"api_id": "x", "error": "dst parameter is invalid"}),
         Refused("HTTP 400 dst parameter is invalid", "permanent")),
        (reply(400, {"error": "insufficient credit"}),
         Refused("HTTP 400 insufficient credit", "later", account=True)),
        (reply(401, b"Could not verify your access level"),
         Refused("HTTP 401", "later", account=True)),
        (reply(429, {"error": "slow"}, retry_after="7"),
         Refused("HTTP 429 slow", "throttled", retry_after_s=7.0)),
        (reply(500, b""), Unclear("HTTP 500")),
    ],
)  # fmt: skip
def test_answers_are_read_by_status(answer, expected):
    assert plivo.outcome(ITS, outgoing(), answer) == expected


@pytest.mark.parametrize("word", sorted(plivo.STATES))
def test_each_status_word_has_its_state(word):
    """R100."""
    heard = plivo.hear(ITS, signed({**STATUS, "Status": word}))
    assert heard.receipts == (ReceiptHeard(UUID, plivo.STATES[word], price="0.01000 USD"),)


@pytest.mark.parametrize(
    ("word", "code", "expected"),
    [
        ("failed", "200", ReceiptHeard(UUID, "failed", "200", None, True, "0.01000 USD")),
        ("failed", "420", ReceiptHeard(UUID, "expired", "420", price="0.01000 USD")),
        ("undelivered", "80", ReceiptHeard(UUID, "undeliverable", "80", price="0.01000 USD")),
        ("beamed", "", ReceiptHeard(UUID, "unknown", "beamed", price="0.01000 USD")),
    ],
)
def test_codes_and_unknown_words_are_kept(word, code, expected):
    """Plivo's 200: the recipient sent STOP."""
    heard = plivo.hear(ITS, signed({**STATUS, "Status": word, "ErrorCode": code}))
    assert heard.receipts == (expected,)


def test_a_persons_text():
    """R79."""
    heard = plivo.hear(ITS, signed(INBOUND))
    assert heard.texts == (TextHeard(UUID, "+14155551212", "+14155550100", "Спасибо & пока"),)
    assert (heard.answer, heard.content_type) == (b"<Response></Response>", "text/xml")


def test_a_call_that_is_not_as_it_was_signed_is_refused():
    """P8."""
    good = signed(STATUS)
    plivo.hear(ITS, good)
    for call in [
        replace(good, body=good.body.replace(b"delivered", b"delivereD")),
        replace(good, body=good.body + b"&a=b"),
        replace(good, url=DOOR + "?x=1"),
        replace(good, url=DOOR + "/"),
        replace(good, headers={}),
        replace(good, headers={**good.headers, "x-plivo-signature-v3-nonce": "1"}),
        replace(good, headers={**good.headers, "x-plivo-signature-v3-nonce": ""}),
        replace(good, headers={**good.headers, "x-plivo-signature-v3": mac("x")}),
        replace(good, method="GET"),
        signed(STATUS, token="another"),
    ]:
        assert refuses(plivo, ITS, call).status == 401


def test_one_of_several_signatures_is_enough():
    good = signed(STATUS, f"{DOOR}?b=2&a=1")
    both = f"{mac('x')},{good.headers['x-plivo-signature-v3']}"
    plivo.hear(ITS, replace(good, headers={**good.headers, "x-plivo-signature-v3": both}))
    main = {"x-plivo-signature-ma-v3": both, "x-plivo-signature-v3-nonce": NONCE}
    plivo.hear(ITS, replace(good, headers=main))


def test_v2_is_believed_only_without_v3():
    """The signature of the example in Plivo's own library."""
    its = ITS.model_copy(update={"auth_token": plivo.SecretStr("my_auth_token")})
    v2 = {
        "x-plivo-signature-v2": "ehV3IKhLysWBxC1sy8INm0qGoQYdYsHwuoKjsX7FsXc=",
        "x-plivo-signature-v2-nonce": "12345",
    }
    call = Call("POST", "https://answer.url", v2, urlencode(STATUS).encode(), NOW)
    assert plivo.hear(its, call).receipts
    plivo.hear(its, replace(call, url="https://answer.url?x=1"))
    assert refuses(plivo, ITS, call).status == 401
    assert refuses(plivo, its, replace(call, url="https://answer.url/x")).status == 401
    broken = {**v2, "x-plivo-signature-v3": "AA==", "x-plivo-signature-v3-nonce": "1"}
    assert refuses(plivo, its, replace(call, headers=broken)).status == 401


def test_a_get_is_signed_by_its_sorted_query():
    query = urlencode(STATUS)
    spoken = DOOR + "?" + "&".join(f"{name}={STATUS[name]}" for name in sorted(STATUS))
    headers = {
        "x-plivo-signature-v3": mac(f"{spoken}.{NONCE}"),
        "x-plivo-signature-v3-nonce": NONCE,
    }
    call = Call("GET", f"{DOOR}?{query}", headers, b"", NOW)
    assert plivo.hear(ITS, call).receipts[0].state == "delivered"


def test_without_a_token_nothing_is_believed():
    its = ITS.model_copy(update={"auth_token": plivo.SecretStr("")})
    assert refuses(plivo, its, signed(STATUS, token="")).status == 401


def test_plivo_can_be_asked():
    made = plivo.ask(ITS, UUID)
    assert made.url == f"https://api.plivo.com/v1/Account/{ID}/Message/{UUID}/"
    told = {
        "api_id": "x", "message_uuid": UUID, "message_state": "undelivered", "error_code": "30",
        "total_amount": "0.00500",
    }  # fmt: skip
    assert plivo.told(ITS, reply(200, told)) == ReceiptHeard(
        UUID, "undeliverable", "30", price="0.00500 USD"
    )
    assert plivo.told(ITS, reply(404, {"error": "not found"})) is None


@pytest.mark.slow
def test_garbage_never_raises():
    def sign(body):
        words = body.decode("utf-8", "replace")
        headers = {
            "x-plivo-signature-v2": mac(DOOR + NONCE),
            "x-plivo-signature-v2-nonce": NONCE,
        }
        fields = urlencode({"MessageUUID": words, "Status": words[3:], "Text": words})
        return Call("POST", DOOR, headers, fields.encode() if words[:1] < "a" else body, NOW)

    never_raises(plivo, ITS, sign, "message_uuid", "error", "message_state", "invalid_number",
                 "total_amount")  # fmt: skip


def test_secrets_are_in_no_repr():
    keeps_secrets(plivo, ITS, TOKEN)
