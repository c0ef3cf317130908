"""Bird and MessageBird: three APIs; requests to the octet, answers and calls as documented."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from ringdove.gateways import bird
from ringdove.gateways.bird import channels, messagebird, platform
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

KEY = b"0123456789abcdef"
WORKSPACE = "11111111-1111-4111-8111-111111111111"
CHANNEL = "22222222-2222-4222-8222-222222222222"
ID = "sms_01krdgeqcxet5s7t44vh8rt9mg"
NEW = bird.Settings(
    access_key="bk_eu1_s3cr3t", signing_key="whsec_" + base64.b64encode(KEY).decode()
)
MIDDLE = bird.Settings(
    access_key="acc3ss", signing_key="s1gning", workspace_id=WORKSPACE, channel_id=CHANNEL
)
OLD = bird.Settings(access_key="live_acc3ss", signing_key="s1gning")
ALL = [NEW, MIDDLE, OLD]
AT = datetime(2026, 11, 18, 11, 59, tzinfo=UTC)
SECONDS = str(int(NOW.timestamp()))


# ------------------------------------------------------------------ requests


def test_a_request_of_the_new_api_says_its_reference_as_idempotency_key():
    """R113, P5: the same key again is not a second text."""
    made = bird.request(NEW, outgoing())
    assert (made.method, made.url) == ("POST", "https://eu1.platform.bird.com/v1/sms/messages")
    assert made.headers["Authorization"] == "Bearer bk_eu1_s3cr3t"
    assert made.headers["Idempotency-Key"] == "0a1b2c3d4e5f6"
    assert made.body.decode() == (
        '{"to":"+375291234567","from":"Linden","text":"Your order 42 is on its way & soon there",'
        '"category":"transactional","metadata":{"reference":"0a1b2c3d4e5f6"}}'
    )
    offer = json.loads(bird.request(NEW, outgoing(klass="marketing")).body)
    assert offer["category"] == "marketing"


def test_a_request_of_the_channels_api():
    made = bird.request(MIDDLE, outgoing())
    assert made.url == (f"https://api.bird.com/workspaces/{WORKSPACE}/channels/{CHANNEL}/messages")
    assert made.headers["Authorization"] == "AccessKey acc3ss"
    assert made.body.decode() == (
        '{"receiver":{"contacts":[{"identifierKey":"phonenumber","identifierValue":'
        '"+375291234567"}]},"body":{"type":"text","text":{"text":"Your order 42 is on its way &'
        ' soon there"}},"reference":"0a1b2c3d4e5f6"}'
    )


def test_a_request_of_messagebird():
    """R18."""
    made = bird.request(OLD, outgoing())
    assert (made.method, made.url) == ("POST", "https://rest.messagebird.com/messages")
    assert made.headers["Authorization"] == "AccessKey live_acc3ss"
    assert made.body.decode() == (
        '{"originator":"Linden","recipients":["375291234567"],"body":"Your order 42 is on its way'
        ' & soon there","datacoding":"plain","reference":"0a1b2c3d4e5f6","validity":7200,'
        '"reportUrl":"https://shop.example/doors/texts/5f3c9e"}'
    )
    late = json.loads(bird.request(OLD, outgoing(not_after=NOW, callback_url="")).body)
    assert late["validity"] == 1 and "reportUrl" not in late


@pytest.mark.parametrize("text", [CYRILLIC, LONG, "a\nb"])
@pytest.mark.parametrize(
    ("its", "path"), [(NEW, "text"), (MIDDLE, "body.text.text"), (OLD, "body")]
)
def test_letters_of_all_scripts_and_long_texts_arrive_whole(its, path, text):
    told = json.loads(bird.request(its, outgoing(text=text, encoding="UCS-2")).body)
    for step in path.split("."):
        told = told[step]
    assert told == text


# ------------------------------------------------------------------ outcomes


def new_error(status, name, **headers):
    told = {"type": "validation_error", "name": name, "message": "words", "request_id": "r"}
    return reply(status, {"error": told}, **headers)


def old_error(status, code, said="words"):
    errors = [{"code": code, "description": said, "parameter": None}]
    return reply(status, {"errors": errors})


@pytest.mark.parametrize(
    ("its", "answer", "expected"),
    [
        (NEW, reply(202, {"id": ID, "status": "accepted"}), Sent((ID,))),
        (NEW, reply(202, b"{}"), Unclear("Bird's answer names no message")),
        (NEW, new_error(422, "SMSInvalidRecipient"),
         Refused("HTTP 422 SMSInvalidRecipient words", "permanent")),
        (NEW, new_error(422, "recipient_opted_out"),
         Refused("recipient_opted_out words", "permanent", opted_out=True)),
        (NEW, new_error(422, "SMSNoEligibleSender"),
         Refused("SMSNoEligibleSender words", "later", account=True)),
        (NEW, new_error(402, "low"), Refused("HTTP 402 low words", "later", account=True)),
        (NEW, new_error(409, "busy"), Unclear("busy words")),
        (NEW, new_error(429, "slow", retry_after="4"),
         Refused("HTTP 429 slow words", "throttled", retry_after_s=4.0)),
        (NEW, new_error(503, "down"), Unclear("HTTP 503 down words")),
        (MIDDLE, reply(202, {"id": ID, "status": "accepted"}), Sent((ID,))),
        (MIDDLE, reply(422, {"code": "InvalidPayload", "message": "words"}),
         Refused("HTTP 422 InvalidPayload words", "permanent")),
        (MIDDLE, reply(401, {"code": "Unauthorized", "message": "words"}),
         Refused("HTTP 401 Unauthorized words", "later", account=True)),
        (MIDDLE, reply(500, b""), Unclear("HTTP 500")),
        (OLD, reply(201, {"id": "e8077d80", "recipients": {"totalCount": 1}}),
         Sent(("e8077d80",))),
        (OLD, old_error(401, 2), Refused("2 words", "later", account=True)),
        (OLD, old_error(422, 9), Refused("9 words", "permanent")),
        (OLD, old_error(422, 21, "Recipient has opted out"),
         Refused("21 Recipient has opted out", "permanent", opted_out=True)),
        (OLD, old_error(402, 25), Refused("25 words", "later", account=True)),
        (OLD, old_error(500, 99), Unclear("HTTP 500 99 words")),
        (OLD, reply(429, b""), Refused("HTTP 429", "throttled")),
        (OLD, reply(200, b"[]"), Unclear("MessageBird's answer names no message")),
    ],
)  # fmt: skip
def test_answers_are_read_by_each_apis_codes(its, answer, expected):
    assert bird.outcome(its, outgoing(), answer) == expected


# ------------------------------------------------------------------ the new API: calls


def event(kind, data, at=SECONDS, key=KEY, **changes):
    body = json.dumps({"type": kind, "timestamp": "2026-11-18 11:59:00+00:00", "data": data})
    spoken = f"msg_1.{at}.{body}".encode()
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": at,
        "webhook-signature": "v1,AAAA v1," + mac(key, spoken),
    }
    return Call("POST", DOOR, {**headers, **changes}, body.encode(), NOW)


def mac(key, spoken):
    return base64.b64encode(hmac.digest(key, spoken, "sha256")).decode()


DATA = {
    "sms_id": ID, "workspace_id": "ws_1", "to": "+375291234567", "from": "Linden", "tags": None,
    "metadata": {"reference": "0a1b2c3d4e5f6"},
    "cost": {"amount": "0.00990", "currency_code": "USD"},
}  # fmt: skip


@pytest.mark.parametrize("word", sorted(platform.STATES))
def test_each_event_has_its_state(word):
    """R100."""
    assert bird.hear(NEW, event(f"sms.{word}", DATA)).receipts == (
        ReceiptHeard(ID, platform.STATES[word], "", AT, price="0.00990 USD"),
    )


@pytest.mark.parametrize(
    ("kind", "code", "state", "error", "opted_out"),
    [
        ("sms.rejected", "recipient_opted_out", "rejected", "recipient_opted_out", True),
        ("sms.undelivered", "unreachable", "undeliverable", "unreachable", False),
        ("sms.polished", "", "unknown", "polished", False),
    ],
)
def test_codes_and_unknown_events_are_kept(kind, code, state, error, opted_out):
    data = {**DATA, "error": {"code": code, "description": "words"} if code else None}
    (heard,) = bird.hear(NEW, event(kind, data)).receipts
    assert (heard.state, heard.error, heard.opted_out) == (state, error, opted_out)


def test_a_persons_text_of_the_new_api():
    """R79: STOP is heard, though Bird heard it too."""
    data = {**DATA, "from": "+15551234567", "to": "+15557654321", "text": "Стоп 🙏"}
    assert bird.hear(NEW, event("sms.received", data)).texts == (
        TextHeard(ID, "+15551234567", "+15557654321", "Стоп 🙏", AT),
    )
    for other in [event("email.opened", {}), event("sms.opted_out", {"from": "+1555"})]:
        heard = bird.hear(NEW, other)
        assert (heard.receipts, heard.texts, heard.status) == ((), (), 200)


def test_a_call_of_the_new_api_that_is_not_as_it_was_signed_is_refused():
    """P8."""
    good = event("sms.sent", DATA)
    bird.hear(NEW, good)
    for call in [
        replace(good, body=good.body + b" "),
        event("sms.sent", DATA, key=b"another"),
        event("sms.sent", DATA, **{"webhook-id": "msg_2"}),
        event("sms.sent", DATA, **{"webhook-id": ""}),
        event("sms.sent", DATA, **{"webhook-timestamp": str(int(SECONDS) - 1)}),
        event("sms.sent", DATA, **{"webhook-signature": ""}),
        event("sms.sent", DATA, **{"webhook-signature": mac(KEY, b"")}),
        replace(good, headers={}),
    ]:
        assert refuses(bird, NEW, call).status == 401
    its = NEW.model_copy(update={"signing_key": platform.SecretStr("")})
    assert refuses(bird, its, event("sms.sent", DATA, key=b"")).status == 401


def test_an_old_event_is_not_believed_again():
    """P8: replay."""
    late = event("sms.sent", DATA, at=str(int(SECONDS) - 3600))
    assert "too old" in str(refuses(bird, NEW, late))
    assert bird.hear(NEW, replace(late, now=None)).receipts


# ------------------------------------------------------------------ the Channels API: calls


def notice(event, payload, key=b"s1gning", at=SECONDS, url=DOOR, **changes):
    told = {"service": "channels", "event": event, "payload": payload}
    body = json.dumps(told).encode()
    spoken = at.encode() + b"\n" + url.encode() + b"\n" + hashlib.sha256(body).digest()
    headers = {
        "messagebird-signature": mac(key, spoken),
        "messagebird-request-timestamp": at,
    }
    return Call("POST", DOOR, {**headers, **changes}, body, NOW)


OUTBOUND = {
    "id": ID, "channelId": CHANNEL, "status": "delivered", "reason": "", "direction": "outgoing",
    "reference": "0a1b2c3d4e5f6", "lastStatusAt": "2026-11-18T11:59:00Z",
}  # fmt: skip
INBOUND = {
    "id": ID, "channelId": CHANNEL, "status": "delivered", "direction": "incoming",
    "sender": {"contact": {"identifierKey": "phonenumber", "identifierValue": "+31612345678"}},
    "receiver": {"connectors": [{"id": "x", "identifierValue": "+31687654321"}]},
    "body": {"type": "text", "text": {"text": "Да!"}}, "createdAt": "2026-11-18T11:59:00Z",
}  # fmt: skip


@pytest.mark.parametrize("word", sorted(channels.STATES))
def test_each_status_of_the_channels_api_has_its_state(word):
    heard = bird.hear(MIDDLE, notice("sms.outbound", {**OUTBOUND, "status": word}))
    assert heard.receipts == (ReceiptHeard(ID, channels.STATES[word], "", AT),)


def test_reasons_and_unknown_words_of_the_channels_api_are_kept():
    bad = {**OUTBOUND, "status": "rejected", "reason": "Recipient opted out"}
    assert bird.hear(MIDDLE, notice("sms.outbound", bad)).receipts == (
        ReceiptHeard(ID, "rejected", "Recipient opted out", AT, opted_out=True),
    )
    failed = {**OUTBOUND, "status": "delivery_failed", "failure": {"code": 27004}}
    (heard,) = bird.hear(MIDDLE, notice("sms.outbound", failed)).receipts
    assert (heard.state, heard.error) == ("undeliverable", "27004")
    odd = {**OUTBOUND, "status": "hatched"}
    (heard,) = bird.hear(MIDDLE, notice("sms.outbound", odd)).receipts
    assert (heard.state, heard.error) == ("unknown", "hatched")


def test_a_persons_text_of_the_channels_api():
    assert bird.hear(MIDDLE, notice("sms.inbound", INBOUND)).texts == (
        TextHeard(ID, "+31612345678", "+31687654321", "Да!", AT),
    )
    picture = {**INBOUND, "body": {"type": "image", "image": {}}}
    assert bird.hear(MIDDLE, notice("sms.inbound", picture)).texts == ()
    assert bird.hear(MIDDLE, notice("email.outbound", {})).status == 200
    assert refuses(bird, MIDDLE, notice("sms.outbound", {})).status == 400


def test_a_call_of_the_channels_api_that_is_not_as_it_was_signed_is_refused():
    """P8."""
    good = notice("sms.outbound", OUTBOUND)
    bird.hear(MIDDLE, good)
    for call in [
        replace(good, body=good.body + b" "),
        replace(good, url=DOOR + "?x=1"),
        notice("sms.outbound", OUTBOUND, key=b"another"),
        notice("sms.outbound", OUTBOUND, url="https://other.example"),
        notice("sms.outbound", OUTBOUND, **{"messagebird-signature": ""}),
        notice("sms.outbound", OUTBOUND, **{"messagebird-request-timestamp": "1"}),
        notice("sms.outbound", OUTBOUND, at=""),
        notice("sms.outbound", OUTBOUND, at=str(int(SECONDS) - 3600)),
        replace(good, headers={"messagebird-request-timestamp": SECONDS}),
    ]:
        assert refuses(bird, MIDDLE, call).status == 401


# ------------------------------------------------------------------ MessageBird: calls

REPORT = {
    "id": "e8077d80", "reference": "0a1b2c3d4e5f6", "recipient": "375291234567",
    "status": "delivered", "statusReason": "successfully delivered", "statusErrorCode": "0",
    "statusDatetime": "2026-11-18T11:59:00+00:00", "mccmnc": "25702", "messagePartCount": "1",
    "price[amount]": "0.073", "price[currency]": "EUR",
}  # fmt: skip


def token(url, body=b"", secret="s1gning", algorithm="HS256", **changes):
    now = int(NOW.timestamp())
    claims = {"iss": "MessageBird", "nbf": now - 5, "exp": now + 55, "jti": "j",
              "url_hash": sha256(url.encode())}  # fmt: skip
    if body:
        claims["payload_hash"] = sha256(body)
    claims = {name: told for name, told in {**claims, **changes}.items() if told is not None}
    return {"messagebird-signature-jwt": jwt(claims, secret, algorithm)}


def report(**changes):
    url = f"{DOOR}?{urlencode({**REPORT, **changes})}"
    return Call("GET", url, token(url), b"", NOW)


@pytest.mark.parametrize("word", sorted(messagebird.STATES))
def test_each_status_of_messagebird_has_its_state(word):
    (heard,) = bird.hear(OLD, report(status=word)).receipts
    assert (heard.provider_id, heard.state) == ("e8077d80", messagebird.STATES[word])
    assert (heard.at, heard.price) == (AT, "0.073 EUR")


def test_reasons_and_unknown_words_of_messagebird_are_kept():
    told = {"status": "delivery_failed", "statusReason": "opted out", "statusErrorCode": "108"}
    (heard,) = bird.hear(OLD, report(**told)).receipts
    assert (heard.state, heard.error, heard.opted_out) == ("undeliverable", "108 opted out", True)
    (heard,) = bird.hear(OLD, report(status="moulted")).receipts
    assert (heard.state, heard.error) == ("unknown", "moulted")


def test_a_persons_text_of_messagebird():
    told = {"id": "m1", "originator": "31612345678", "recipient": "31687654321", "body": "Ок & да",
            "createdDatetime": "2026-11-18T11:59:00Z"}  # fmt: skip
    expected = (TextHeard("m1", "+31612345678", "+31687654321", "Ок & да", AT),)
    for body in [urlencode(told).encode(), json.dumps(told).encode()]:
        call = Call("POST", DOOR, token(DOOR, body), body, NOW)
        assert bird.hear(OLD, call).texts == expected


def test_a_token_of_messagebirds_own_tests_is_believed():
    """From the cases that MessageBird gives out with its libraries."""
    secret = "36efdd1aace2e26cd490f0d951138253bef2f7c6d34d18981da781555cc4cebb"
    given = (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJNZXNzYWdlQmlyZCIsIm5iZiI6MTYyNTQ3OTIwMCwi"
        "ZXhwIjoxNjI1NDc5MjYwLCJqdGkiOiI1OWEyNDRkYy1lOWFkLTRlMjMtOTc3OC0zNzFmYWEyMzhmNzIiLCJ1cmxfaG"
        "FzaCI6IjBmMTE1ZGIwNjJiN2MwZGQwMzBiMTY4NzhjOTlkZWE1YzM1NGI0OWRjMzdiMzhlYjg4NDYxNzljNzc4M2U5"
        "ZDcifQ.6Fp0rVOsRr1fj9S2GidXAfkmPVofKr8_RTffC6G6r2E"
    )
    its = OLD.model_copy(update={"signing_key": platform.SecretStr(secret)})
    now = datetime(2021, 7, 5, 10, 0, tzinfo=UTC)
    call = Call("GET", "https://example.com/", {"messagebird-signature-jwt": given}, b"", now)
    assert refuses(bird, its, call).status == 400  # believed, but it tells nothing
    assert refuses(bird, its, replace(call, now=NOW)).status == 401
    assert refuses(bird, its, replace(call, url="https://example.com/x")).status == 401


def test_a_call_of_messagebird_that_is_not_as_it_was_signed_is_refused():
    """P8, replay too."""
    body = b"id=1&originator=31612345678&body=a"
    good = Call("POST", DOOR, token(DOOR, body), body, NOW)
    bird.hear(OLD, good)
    now = int(NOW.timestamp())
    for call in [
        replace(good, body=body + b"b"),
        replace(good, body=b""),
        replace(good, url=DOOR + "?x=1"),
        replace(good, headers=token(DOOR)),
        replace(good, headers=token(DOOR, body, secret="another")),
        replace(good, headers=token(DOOR, body, algorithm="none")),
        replace(good, headers=token(DOOR, body, iss="Another")),
        replace(good, headers=token(DOOR, body, url_hash=None)),
        replace(good, headers=token(DOOR, body, exp=None)),
        replace(good, headers=token(DOOR, body, nbf=None)),
        replace(good, headers=token(DOOR, body, exp=now - 3600)),
        replace(good, headers=token(DOOR, body, nbf=now + 3600)),
        replace(good, headers={"messagebird-signature-jwt": "x.y"}),
        replace(good, now=NOW + timedelta(minutes=5)),
    ]:
        assert refuses(bird, OLD, call).status == 401


# ------------------------------------------------------------------ asking, garbage, secrets


def test_all_three_can_be_asked():
    assert bird.ask(NEW, ID).url == f"https://eu1.platform.bird.com/v1/sms/messages/{ID}"
    new = {"id": ID, "status": "rejected", "last_error": {"code": "recipient_opted_out"},
           "cost": {"amount": "0.01", "currency_code": "USD"}}  # fmt: skip
    assert bird.told(NEW, reply(200, new)) == ReceiptHeard(
        ID, "rejected", "recipient_opted_out", opted_out=True, price="0.01 USD"
    )
    assert bird.ask(MIDDLE, ID).url.endswith(f"/channels/{CHANNEL}/messages/{ID}")
    assert bird.told(MIDDLE, reply(200, OUTBOUND)) == ReceiptHeard(ID, "delivered", "", AT)
    assert bird.ask(OLD, "e8").url == "https://rest.messagebird.com/messages/e8"
    line = {"recipient": 375291234567, "status": "delivered",
            "statusDatetime": "2026-11-18T11:59:00+00:00",
            "price": {"amount": 0.073, "currency": "EUR"}}  # fmt: skip
    old = {"id": "e8", "recipients": {"items": [line]}}
    assert bird.told(OLD, reply(200, old)) == ReceiptHeard(
        "e8", "delivered", "", AT, price="0.073 EUR"
    )
    assert all(bird.told(its, reply(404, {})) is None for its in ALL)


@pytest.mark.slow
def test_garbage_never_raises():
    def new(body):
        spoken = f"1.{SECONDS}.".encode() + body
        headers = {"webhook-id": "1", "webhook-timestamp": SECONDS,
                   "webhook-signature": "v1," + mac(KEY, spoken)}  # fmt: skip
        return Call("POST", DOOR, headers, body, NOW)

    def middle(body):
        spoken = f"{SECONDS}\n{DOOR}\n".encode() + hashlib.sha256(body).digest()
        headers = {"messagebird-signature": mac(b"s1gning", spoken),
                   "messagebird-request-timestamp": SECONDS}  # fmt: skip
        return Call("POST", DOOR, headers, body, NOW)

    def old(body):
        return Call("POST", DOOR, token(DOOR, body), body, NOW)

    never_raises(bird, NEW, new, "type", "data", "id", "status", "error", "cost", "timestamp")
    never_raises(bird, MIDDLE, middle, "event", "payload", "id", "status", "code", "failure")
    never_raises(bird, OLD, old, "id", "status", "errors", "recipients", "originator", "body")


def test_secrets_are_in_no_repr():
    for its in ALL:
        assert its.signing_key.get_secret_value() not in repr(its)
        keeps_secrets(bird, its, its.access_key.get_secret_value())
