"""Twilio: requests to the octet, answers and calls as its documentation gives them."""

import base64
import hmac
import json
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from ringdove.gateways import twilio
from ringdove.gateways.edge import Call, ReceiptHeard, Refused, Sent, TextHeard, Unclear
from tests.gateways.operators import (
    CYRILLIC,
    DOOR,
    LONG,
    NOW,
    form_of,
    keeps_secrets,
    never_raises,
    outgoing,
    refuses,
    reply,
    sha256,
)

SID = "AC" + "0" * 31 + "1"
TOKEN = "12345678901234567890123456789012"
MESSAGE = "SM" + "a" * 32
ITS = twilio.Settings(account_sid=SID, auth_token=TOKEN, sender="Linden")


def signed(fields, url=DOOR, token=TOKEN, **headers):
    """A call as Twilio makes it: HMAC-SHA1 over the address and the sorted fields."""
    spoken = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    signature = base64.b64encode(hmac.digest(token.encode(), spoken.encode(), "sha1")).decode()
    given = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"}
    return Call("POST", url, {**given, **headers}, urlencode(fields).encode(), NOW)


STATUS = {
    "SmsSid": MESSAGE, "SmsStatus": "delivered", "MessageStatus": "delivered",
    "To": "+375291234567", "MessageSid": MESSAGE, "AccountSid": SID, "From": "Linden",
    "ApiVersion": "2010-04-01", "RawDlrDoneDate": "2611181155",
}  # fmt: skip
INBOUND = {
    "ToCountry": "US", "MessageSid": MESSAGE, "SmsMessageSid": MESSAGE, "SmsSid": MESSAGE,
    "SmsStatus": "received", "NumMedia": "0", "NumSegments": "1", "From": "+14155551212",
    "To": "+14155550100", "Body": "Стоп, please 🙏", "AccountSid": SID, "OptOutType": "STOP",
    "ApiVersion": "2010-04-01",
}  # fmt: skip


# ------------------------------------------------------------------ request


def test_a_request_is_one_message_in_a_form():
    """R113, R18: the end of an offer is Twilio's validity."""
    made = twilio.request(ITS, outgoing())
    assert made.method == "POST"
    assert made.url == f"https://api.twilio.com/2010-04-01/Accounts/{SID}/Messages.json"
    assert made.headers["Authorization"] == (
        "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
    )
    assert made.body == (
        b"To=%2B375291234567&Body=Your+order+42+is+on+its+way+%26+soon+there&From=Linden"
        b"&ValidityPeriod=7200&StatusCallback=https%3A%2F%2Fshop.example%2Fdoors%2Ftexts%2F5f3c9e"
    )


def test_a_messaging_service_an_api_key_and_a_region_change_the_request():
    its = ITS.model_copy(update={
        "messaging_service_sid": "MG1", "api_key_sid": "SK1", "region": "ie1",
        "api_key_secret": twilio.SecretStr("s3"),
    })  # fmt: skip
    made = twilio.request(its, outgoing(sender="", callback_url=""))
    assert made.url.startswith("https://api.dublin.ie1.twilio.com/2010-04-01/")
    assert made.headers["Authorization"] == "Basic " + base64.b64encode(b"SK1:s3").decode()
    fields = form_of(made)
    assert fields["MessagingServiceSid"] == "MG1"
    assert "From" not in fields and "StatusCallback" not in fields


@pytest.mark.parametrize("text", [CYRILLIC, LONG, "a\nb\r\nc"])
def test_letters_of_all_scripts_and_long_texts_arrive_whole(text):
    assert form_of(twilio.request(ITS, outgoing(text=text)))["Body"] == text


@pytest.mark.parametrize(("hours", "validity"), [(100, "36000"), (-1, "1")])
def test_validity_stays_within_what_twilio_takes(hours, validity):
    late = NOW.replace(hour=0) if hours < 0 else NOW.replace(day=22)
    assert form_of(twilio.request(ITS, outgoing(not_after=late)))["ValidityPeriod"] == validity


# ------------------------------------------------------------------ outcome


def error(code, status=400, message="words", **headers):
    told = {"code": code, "message": message, "more_info": "https://x", "status": status}
    return reply(status, told, **headers)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(201, {"sid": MESSAGE, "status": "queued", "error_code": None}), Sent((MESSAGE,))),
        (error(21211), Refused("21211 words", "permanent")),
        (error(21610), Refused("21610 words", "permanent", opted_out=True)),
        (error(21408, 403), Refused("21408 words", "permanent")),
        (error(20003, 401), Refused("20003 words", "later", account=True)),
        (error(21606), Refused("21606 words", "later", account=True)),
        (error(20429, 429, retry_after="3"),
         Refused("20429 words", "throttled", retry_after_s=3.0)),
        (error(30001), Refused("30001 words", "throttled")),
        (error(20503, 503), Refused("20503 words", "later")),
        (error(29999), Refused("HTTP 400 29999 words", "permanent")),
        (reply(429, b"slow"), Refused("HTTP 429", "throttled")),
        (reply(401, b""), Refused("HTTP 401", "later", account=True)),
        (reply(500, b"<html>"), Unclear("HTTP 500")),
        (reply(201, b"{"), Unclear("Twilio's answer names no message")),
        (reply(201, {"sid": MESSAGE, "error_code": 30006, "error_message": "landline"}),
         Refused("30006 landline", "permanent")),
    ],
)  # fmt: skip
def test_answers_are_read_by_twilios_codes(answer, expected):
    """Field notes: 21610 is an opt-out."""
    assert twilio.outcome(ITS, outgoing(), answer) == expected


def test_a_reason_holds_no_whole_number():
    got = twilio.outcome(ITS, outgoing(), error(21211, message="To +375291234567 is wrong"))
    assert got.reason == "21211 To +•••67 is wrong"


def test_every_code_is_in_one_list():
    assert not set(twilio.CODES) & twilio.ACCOUNT


# ------------------------------------------------------------------ receipts


@pytest.mark.parametrize("word", sorted(twilio.STATES))
def test_each_status_word_has_its_state(word):
    """R100."""
    heard = twilio.hear(ITS, signed({**STATUS, "MessageStatus": word}))
    assert heard.receipts == (ReceiptHeard(MESSAGE, twilio.STATES[word]),)
    assert (heard.texts, heard.status) == ((), 200)


@pytest.mark.parametrize(
    ("word", "code", "expected"),
    [
        ("failed", "21610", ReceiptHeard(MESSAGE, "failed", "21610", opted_out=True)),
        ("undelivered", "30003", ReceiptHeard(MESSAGE, "undeliverable", "30003")),
        ("undelivered", "30036", ReceiptHeard(MESSAGE, "expired", "30036")),
        ("teleported", "", ReceiptHeard(MESSAGE, "unknown", "teleported")),
    ],
)
def test_codes_and_unknown_words_are_kept(word, code, expected):
    heard = twilio.hear(ITS, signed({**STATUS, "MessageStatus": word, "ErrorCode": code}))
    assert heard.receipts == (expected,)


# ------------------------------------------------------------------ texts


def test_a_persons_text_comes_whole_even_when_twilio_took_the_stop():
    """R79: OptOutType says that Twilio heard STOP; we hear it too."""
    heard = twilio.hear(ITS, signed(INBOUND))
    assert heard.texts == (TextHeard(MESSAGE, "+14155551212", "+14155550100", "Стоп, please 🙏"),)
    assert (heard.receipts, heard.answer, heard.content_type) == ((), b"<Response/>", "text/xml")


# ------------------------------------------------------------------ signature


def test_twilios_own_example_is_believed():
    """The signature of the example in Twilio's security documentation."""
    fields = {
        "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234",
        "From": "+14158675309", "To": "+18005551212",
    }  # fmt: skip
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    call = signed(fields, url, "12345")
    assert call.headers["x-twilio-signature"] == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    its = ITS.model_copy(update={"auth_token": twilio.SecretStr("12345")})
    assert refuses(twilio, its, call).status == 400  # believed, but no message


def test_a_call_that_is_not_as_it_was_signed_is_refused():
    """P8."""
    good = signed(STATUS)
    twilio.hear(ITS, good)
    other = bytes([good.body[0] ^ 1]) + good.body[1:]
    signature = good.headers["x-twilio-signature"]
    changed = "A" if signature[0] != "A" else "B"
    for call in [
        replace(good, body=other),
        replace(good, body=good.body + b"&a=b"),
        replace(good, url=DOOR + "?x=1"),
        replace(good, url=DOOR.replace("https", "http")),
        replace(good, headers={}),
        replace(good, headers={"x-twilio-signature": ""}),
        replace(good, headers={"x-twilio-signature": changed + signature[1:]}),
        replace(good, method="GET"),
        signed(STATUS, token="another"),
    ]:
        assert refuses(twilio, ITS, call).status == 401


def test_without_a_token_nothing_is_believed():
    its = ITS.model_copy(update={"auth_token": twilio.SecretStr("")})
    assert refuses(twilio, its, signed(STATUS, token="")).status == 401


def test_the_port_may_be_signed_or_not():
    there = DOOR.replace("shop.example", "shop.example:443")
    twilio.hear(ITS, replace(signed(STATUS, there), url=DOOR))
    twilio.hear(ITS, replace(signed(STATUS), url=there))


def test_a_json_body_is_signed_by_its_hash_in_the_address():
    body = json.dumps({"MessageSid": MESSAGE, "MessageStatus": "sent"}).encode()
    url = f"{DOOR}?bodySHA256={sha256(body)}"
    good = replace(signed({}, url), body=body)
    assert twilio.hear(ITS, good).receipts == (ReceiptHeard(MESSAGE, "enroute"),)
    assert refuses(twilio, ITS, replace(good, body=body + b" ")).status == 401
    assert refuses(twilio, ITS, replace(good, url=DOOR)).status == 401


def test_a_get_is_signed_by_its_address():
    url = f"{DOOR}?{urlencode(STATUS)}"
    call = replace(signed({}, url), method="GET")
    assert twilio.hear(ITS, call).receipts == (ReceiptHeard(MESSAGE, "delivered"),)


# ------------------------------------------------------------------ asking


def test_twilio_can_be_asked():
    """P5: an unknown outcome of a message with an id can be cleared."""
    made = twilio.ask(ITS, MESSAGE)
    assert (made.method, made.body) == ("GET", b"")
    assert made.url == (f"https://api.twilio.com/2010-04-01/Accounts/{SID}/Messages/{MESSAGE}.json")
    told = {"sid": MESSAGE, "status": "delivered", "error_code": None, "price": "-0.00750",
            "price_unit": "USD"}  # fmt: skip
    assert twilio.told(ITS, reply(200, told)) == ReceiptHeard(
        MESSAGE, "delivered", price="0.00750 USD"
    )
    assert twilio.told(ITS, reply(404, {"code": 20404})) is None


@pytest.mark.slow
def test_garbage_never_raises():
    def sign(body):
        return replace(signed({}, f"{DOOR}?bodySHA256={sha256(body)}"), body=body)

    never_raises(twilio, ITS, sign, "sid", "error_code", "code", "MessageSid", "MessageStatus",
                 "status", "price", "Body", "From")  # fmt: skip


def test_secrets_are_in_no_repr():
    keeps_secrets(twilio, ITS, TOKEN)
