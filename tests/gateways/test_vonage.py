"""Vonage: requests to the octet, answers and calls as its documentation gives them."""

import base64
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from ringdove.gateways import vonage
from ringdove.gateways.edge import Call, ReceiptHeard, Refused, Sent, TextHeard, Unclear
from tests.gateways.operators import (
    CYRILLIC,
    DOOR,
    LONG,
    NOW,
    jwt,
    keeps_secrets,
    never_raises,
    outgoing,
    refuses,
    reply,
    sha256,
)

KEY, SECRET, SIGN = "a1b2c3d4", "s3cr3t0f16letters", "signature-secret-of-the-account"
ITS = vonage.Settings(api_key=KEY, api_secret=SECRET, signature_secret=SIGN)
UUID = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
STATUS = {
    "message_uuid": UUID, "to": "375291234567", "from": "Linden",
    "timestamp": "2026-11-18T11:59:00.000Z", "status": "delivered",
    "usage": {"currency": "EUR", "price": "0.0333"}, "client_ref": "0a1b2c3d4e5f6",
    "channel": "sms", "destination": {"network_code": "25702"}, "sms": {"count_total": "2"},
}  # fmt: skip
INBOUND = {
    "channel": "sms", "message_uuid": UUID, "to": "447700900000", "from": "447700900001",
    "timestamp": "2026-11-18T11:59:00.000Z", "text": "Привет, когда?", "message_type": "text",
    "sms": {"num_messages": "2", "keyword": "ПРИВЕТ"}, "origin": {"network_code": "23410"},
    "usage": {"currency": "EUR", "price": "0.0057"},
}  # fmt: skip
AT = datetime(2026, 11, 18, 11, 59, tzinfo=UTC)


def claims(body, **changes):
    usual = {
        "iat": int(NOW.timestamp()), "jti": "c5ba8f24", "iss": "Vonage", "api_key": KEY,
        "payload_hash": sha256(body), "application_id": "aaaa",
    }  # fmt: skip
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def signed(told, secret=SIGN, algorithm="HS256", **changes):
    """A call as the Messages API makes it."""
    body = told if isinstance(told, bytes) else json.dumps(told, ensure_ascii=False).encode()
    token = jwt(claims(body, **changes), secret, algorithm)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    return Call("POST", DOOR, headers, body, NOW)


def old(fields, digest="sha256", secret=SIGN, method="POST"):
    """A call as the SMS API makes it."""
    fields = {"timestamp": str(int(NOW.timestamp())), "nonce": "abc", **fields}
    spoken = "".join(
        f"&{name}={fields[name].replace('&', '_').replace('=', '_')}" for name in sorted(fields)
    )
    told = {**fields, "sig": hmac.digest(secret.encode(), spoken.encode(), digest).hex()}
    if method == "GET":
        return Call("GET", f"{DOOR}?{urlencode(told)}", {}, b"", NOW)
    return Call("POST", DOOR, {"content-type": "application/json"}, json.dumps(told).encode(), NOW)


OLD_STATUS = {
    "msisdn": "375291234567", "to": "Linden", "network-code": "25702",
    "messageId": "0A0000001234567B", "price": "0.03330000", "status": "delivered",
    "scts": "2611181159", "err-code": "0", "message-timestamp": "2026-11-18 11:59:00",
}  # fmt: skip
OLD_TEXT = {
    "msisdn": "447700900001", "to": "447700900000", "messageId": "0A0000000123ABCD",
    "text": "a&b=c", "type": "text", "keyword": "A&B=C", "message-timestamp": "2026-11-18 11:59:00",
}  # fmt: skip


# ------------------------------------------------------------------ request


def test_a_request_is_one_message_in_json():
    """R113, R18."""
    made = vonage.request(ITS, outgoing())
    assert (made.method, made.url) == ("POST", "https://api.nexmo.com/v1/messages")
    assert made.headers["Authorization"] == (
        "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    )
    assert made.body.decode() == (
        '{"message_type":"text","channel":"sms","to":"375291234567","from":"Linden","text":"Your'
        ' order 42 is on its way & soon there","client_ref":"0a1b2c3d4e5f6","ttl":7200,"sms":'
        '{"encoding_type":"text"},"webhook_url":"https://shop.example/doors/texts/5f3c9e",'
        '"webhook_version":"v1"}'
    )


@pytest.mark.parametrize("text", [CYRILLIC, LONG, "a\nb"])
def test_letters_of_all_scripts_and_long_texts_arrive_whole(text):
    made = vonage.request(ITS, outgoing(text=text, encoding="UCS-2", callback_url=""))
    told = json.loads(made.body)
    assert told["text"] == text and told["sms"] == {"encoding_type": "unicode"}
    assert "webhook_url" not in told


def test_a_text_that_vonage_would_refuse_is_not_sent():
    with pytest.raises(ValueError, match="1000 letters"):
        vonage.request(ITS, outgoing(text="x" * 1001))


def test_a_region_is_a_host():
    its = ITS.model_copy(update={"region": "eu"})
    assert vonage.request(its, outgoing()).url == "https://api-eu.vonage.com/v1/messages"


@pytest.mark.parametrize(("until", "ttl"), [(timedelta(days=9), 259_200), (-NOW.resolution, 20)])
def test_validity_stays_within_what_vonage_takes(until, ttl):
    made = vonage.request(ITS, outgoing(not_after=NOW + until))
    assert json.loads(made.body)["ttl"] == ttl


# ------------------------------------------------------------------ outcome


def problem(status, code, detail="words", **headers):
    told = {
        "type": f"https://developer.vonage.com/api-errors/messages#{code}",
        "title": "Title", "detail": detail, "instance": "bf0ca0bf",
    }  # fmt: skip
    return reply(status, told, **headers)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(202, {"message_uuid": UUID}), Sent((UUID,))),
        (reply(202, b""), Unclear("Vonage's answer names no message")),
        (problem(422, 1050), Refused("1050 words", "permanent")),
        (problem(422, 1120), Refused("1120 words", "permanent")),
        (problem(422, 1999), Refused("HTTP 422 1999 words", "permanent")),
        (problem(429, 1000, retry_after="1"),
         Refused("1000 words", "throttled", retry_after_s=1.0)),
        (problem(402, "low-balance"), Refused("low-balance words", "later", account=True)),
        (problem(401, "unauthorized"), Refused("unauthorized words", "later", account=True)),
        (problem(422, 1070), Refused("1070 words", "later", account=True)),
        (problem(500, 1030), Unclear("HTTP 500 1030 words")),
        (problem(500, 1050), Unclear("HTTP 500 1050 words")),
        (reply(429, b""), Refused("HTTP 429", "throttled")),
    ],
)  # fmt: skip
def test_answers_are_read_by_vonages_codes(answer, expected):
    assert vonage.outcome(ITS, outgoing(), answer) == expected


def test_every_code_is_in_one_list():
    assert not set(vonage.CODES) & vonage.ACCOUNT


# ------------------------------------------------------------------ receipts and texts


@pytest.mark.parametrize("word", sorted(vonage.STATES))
def test_each_status_word_has_its_state(word):
    """R100."""
    assert vonage.hear(ITS, signed({**STATUS, "status": word})).receipts == (
        ReceiptHeard(UUID, vonage.STATES[word], "", AT, price="0.0333 EUR"),
    )


@pytest.mark.parametrize(
    ("word", "error", "state", "told", "opted_out"),
    [
        ("rejected", {"type": "https://x/api-errors/messages#1240", "title": 1240,
                      "detail": "Illegal Number"}, "rejected", "1240", False),
        ("rejected", {"title": "1050", "detail": "The recipient has opted out"},
         "rejected", "1050", True),
        ("pondered", None, "unknown", "pondered", False),
    ],
)  # fmt: skip
def test_errors_and_unknown_words_are_kept(word, error, state, told, opted_out):
    (heard,) = vonage.hear(ITS, signed({**STATUS, "status": word, "error": error})).receipts
    assert (heard.state, heard.error, heard.opted_out) == (state, told, opted_out)


def test_a_persons_text():
    """R79."""
    assert vonage.hear(ITS, signed(INBOUND)).texts == (
        TextHeard(UUID, "+447700900001", "+447700900000", "Привет, когда?", AT),
    )
    picture = vonage.hear(ITS, signed({**INBOUND, "channel": "mms", "message_type": "image"}))
    assert (picture.texts, picture.receipts) == ((), ())


@pytest.mark.parametrize("word", sorted(vonage.OLD_STATES))
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_sms_apis_words_are_read_too(word, method):
    heard = vonage.hear(ITS, old({**OLD_STATUS, "status": word}, method=method))
    assert heard.receipts == (
        ReceiptHeard("0A0000001234567B", vonage.OLD_STATES[word], "", AT, price="0.03330000 EUR"),
    )


def test_the_sms_apis_codes_unknown_words_and_texts_are_read_too():
    (heard,) = vonage.hear(ITS, old({**OLD_STATUS, "status": "failed", "err-code": "9"})).receipts
    assert (heard.state, heard.error) == ("failed", "9")
    (heard,) = vonage.hear(ITS, old({**OLD_STATUS, "status": "fried"})).receipts
    assert (heard.state, heard.error) == ("unknown", "fried")
    assert vonage.hear(ITS, old(OLD_TEXT)).texts == (
        TextHeard("0A0000000123ABCD", "+447700900001", "+447700900000", "a&b=c", AT),
    )


# ------------------------------------------------------------------ signature


def test_a_call_that_is_not_as_it_was_signed_is_refused():
    """P8."""
    good = signed(STATUS)
    vonage.hear(ITS, good)
    token = good.headers["authorization"]
    for call in [
        replace(good, body=good.body + b" "),
        replace(good, body=b""),
        replace(good, headers={}),
        replace(good, headers={"authorization": "Bearer "}),
        replace(good, headers={"authorization": token[:-3] + "AAA"}),
        replace(good, headers={"authorization": "Basic " + token[7:]}),
        signed(STATUS, secret="another"),
        signed(STATUS, algorithm="none"),
        signed(STATUS, algorithm="HS512"),
        signed(STATUS, payload_hash=None),
        signed(STATUS, payload_hash=sha256(b"")),
        signed(STATUS, api_key="another"),
        signed(b"", payload_hash=None),
    ]:
        assert refuses(vonage, ITS, call).status == 401


@pytest.mark.parametrize("iat", [NOW - timedelta(hours=1), NOW + timedelta(hours=1), None])
def test_an_old_signature_is_not_believed_again(iat):
    """P8: replay."""
    call = signed(STATUS, iat=iat and int(iat.timestamp()))
    assert "too old" in str(refuses(vonage, ITS, call))
    assert vonage.hear(ITS, replace(call, now=None)).receipts


def test_the_sms_apis_signature_is_demanded_too():
    """P8: MD5 is not believed."""
    assert vonage.hear(ITS, old(OLD_STATUS, "sha512")).receipts
    good = old(OLD_STATUS)
    late = str(int((NOW - timedelta(hours=1)).timestamp()))
    unsigned = {name: value for name, value in json.loads(good.body).items() if name != "sig"}
    for call in [
        replace(good, body=good.body.replace(b"delivered", b"deliverex")),
        replace(good, body=json.dumps(unsigned).encode()),
        replace(good, body=json.dumps({**unsigned, "sig": ""}).encode()),
        replace(good, url=f"{DOOR}?status=failed&a=b"),
        old(OLD_STATUS, "md5"),
        old(OLD_STATUS, "sha1"),
        old(OLD_STATUS, secret="another"),
        old({**OLD_STATUS, "timestamp": late}),
        old({**OLD_STATUS, "timestamp": ""}),
    ]:
        assert refuses(vonage, ITS, call).status == 401


def test_without_a_secret_nothing_is_believed():
    its = ITS.model_copy(update={"signature_secret": vonage.SecretStr("")})
    for call in [signed(STATUS, secret=""), old(OLD_STATUS, secret="x")]:
        assert refuses(vonage, its, call).status == 401


@pytest.mark.slow
def test_garbage_never_raises():
    never_raises(vonage, ITS, signed, "message_uuid", "type", "status", "error", "usage", "text",
                 "messageId", "timestamp", "title")  # fmt: skip


def test_secrets_are_in_no_repr():
    assert SIGN not in repr(ITS)
    keeps_secrets(vonage, ITS, SECRET)
