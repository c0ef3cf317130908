"""SMSC.ru: requests to the octet, answers and signed calls as its documentation gives them."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from ringdove.gateways import smsc_ru
from ringdove.gateways.edge import Call, Heard, ReceiptHeard, Refused, Sent, Unclear
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
)

KEY = "key-0123456789"
WORD = "слово-of-ours"
ITS = smsc_ru.Settings(api_key=KEY, callback_secret=WORD)
SEEN = datetime(2026, 11, 18, 12, 0, 9, tzinfo=UTC)


def signed(status: str = "1", word: str = WORD, **fields: str) -> Call:
    """A status as SMSC.ru tells it: md5 and sha1 over id:phone:status:word."""
    told = {
        "id": "106", "phone": "375291234567", "status": status, "time": "18.11.2026 15:00:09",
        "ts": str(int(SEEN.timestamp())), "err": "0", "cnt": "1", "type": "0", "flag": "0",
    }  # fmt: skip
    octets = f"106:375291234567:{status}:{word}".encode()
    told["md5"] = hashlib.md5(octets, usedforsecurity=False).hexdigest()
    told["sha1"] = hashlib.sha1(octets, usedforsecurity=False).hexdigest().upper()
    return Call("POST", DOOR, {}, urlencode({**told, **fields}).encode(), NOW)


def secret_call(body: Any) -> Call:
    """A call with the secret in its address."""
    octets = body if isinstance(body, bytes) else urlencode(body).encode()
    return Call("POST", f"{DOOR}?{urlencode({'secret': WORD})}", {}, octets, NOW)


TEXT = {
    "id": "77", "sms_id": "106", "phone": "375291234567", "to": "79037672215", "mes": "СТОП 🙏",
    "time": "18.11.2026 15:01:00",
}  # fmt: skip


# ------------------------------------------------------------------ request


def test_a_request_is_one_message_in_a_form():
    """R113, R18: `valid` ends an offer."""
    made = smsc_ru.request(ITS, outgoing())
    assert (made.method, made.url) == ("POST", "https://smsc.ru/sys/send.php")
    assert made.body == (
        b"apikey=key-0123456789&phones=375291234567"
        b"&mes=Your+order+42+is+on+its+way+%26+soon+there&id=0a1b2c3d4e5f6&sender=Linden"
        b"&charset=utf-8&fmt=3&valid=02%3A00"
    )


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (timedelta(seconds=-5), "00:01"), (timedelta(seconds=59), "00:01"),
        (timedelta(minutes=89, seconds=59), "01:29"), (timedelta(hours=24), "24:00"),
        (timedelta(days=9), "24:00"),
    ],
)  # fmt: skip
def test_the_validity_is_rounded_down_within_what_is_taken(left, told):
    """R18."""
    assert form_of(smsc_ru.request(ITS, outgoing(not_after=NOW + left)))["valid"] == told


@pytest.mark.parametrize("text", [CYRILLIC, LONG])
def test_letters_of_all_scripts_and_long_texts_are_sent_whole(text):
    """R33."""
    assert form_of(smsc_ru.request(ITS, outgoing(text=text)))["mes"] == text


def test_a_login_with_its_password_is_as_good_as_a_key():
    its = smsc_ru.Settings(login="linden", password="s3cret-word")
    fields = form_of(smsc_ru.request(its, outgoing(sender="")))
    assert (fields["login"], fields["psw"]) == ("linden", "s3cret-word")
    assert "apikey" not in fields and "sender" not in fields
    keeps_secrets(smsc_ru, its, "s3cret-word")
    with pytest.raises(ValueError, match="enter the API key, or the login"):
        smsc_ru.Settings(login="linden")


# ------------------------------------------------------------------ outcome


def error(code: Any) -> dict[str, Any]:
    return {"error": "words", "error_code": code, "id": "106"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(200, {"id": 106, "cnt": 1}), Sent(("106",))),
        (reply(200, {"id": "106", "cnt": 3}), Sent(("106",))),
        (reply(200, error(1)), Refused("1 words", "permanent")),
        (reply(200, error(6)), Refused("6 words", "permanent")),
        (reply(200, error(7)), Refused("7 words", "permanent")),
        (reply(200, error("8")), Refused("8 words", "permanent")),
        (reply(200, error(2)), Refused("2 words", "later", account=True)),
        (reply(200, error(3)), Refused("3 words", "later", account=True)),
        (reply(200, error(4)), Refused("4 words", "later", account=True)),
        (reply(200, error(9)), Refused("9 words", "throttled", retry_after_s=60)),
        (reply(200, error(77)), Refused("77 words", "later")),
        (reply(429, b"", retry_after="3"), Refused("HTTP 429", "throttled", retry_after_s=3)),
        (reply(502, b"<html>"), Unclear("HTTP 502")),
        (reply(200, b"<html>"), Unclear("SMSC.ru's answer names no message")),
    ],
)
def test_an_answer_is_understood(answer, expected):
    assert smsc_ru.outcome(ITS, outgoing(), answer) == expected


# ------------------------------------------------------------------ calls


@pytest.mark.parametrize(
    ("number", "state", "why"),
    [
        ("-3", "unknown", "-3"), ("-2", "deleted", "-2"), ("-1", "accepted", ""),
        ("0", "enroute", ""), ("1", "delivered", ""), ("2", "delivered", ""),
        ("3", "expired", "3"), ("4", "delivered", ""), ("20", "undeliverable", "20"),
        ("22", "undeliverable", "22"), ("23", "rejected", "23"), ("24", "rejected", "24"),
        ("25", "undeliverable", "25"), ("99", "unknown", "99"),
    ],
)  # fmt: skip
def test_each_status_has_its_state(number, state, why):
    """R100: a number nobody knows is kept and breaks nothing."""
    expected = Heard(receipts=(ReceiptHeard("106", state, why, at=SEEN),), answer=b"OK")
    assert smsc_ru.hear(ITS, signed(number)) == expected


def test_the_networks_error_is_told_where_there_is_one():
    assert smsc_ru.hear(ITS, signed("20", err="13")).receipts[0].error == "13"
    assert smsc_ru.hear(ITS, signed("1", err="13")).receipts[0].error == ""


def test_a_signature_must_fit_and_one_must_have_come():
    """P8: one letter changed anywhere, none, or of another word."""
    good = signed()
    assert smsc_ru.hear(ITS, good).receipts
    for wrong in (
        signed(id="107"), signed(phone="375291234568"), signed("20", md5="0" * 32),
        signed(sha1="0" * 40), signed(md5="", sha1=""), signed(word="another"),
        replace(good, body=good.body.replace(b"status=1", b"status=2")),
    ):  # fmt: skip
        assert refuses(smsc_ru, ITS, wrong).status == 401
    one = signed(sha1="")
    assert smsc_ru.hear(ITS, one).receipts, "an account that signs with md5 alone"
    refuses(smsc_ru, smsc_ru.Settings(api_key=KEY), signed(word=""))


def test_with_the_secret_in_the_address_no_signature_is_needed():
    call = replace(signed(md5="", sha1=""), url=f"{DOOR}?{urlencode({'secret': WORD})}")
    assert smsc_ru.hear(ITS, call).receipts
    refuses(smsc_ru, ITS, replace(call, url=f"{DOOR}?secret=wrong"))


def test_a_persons_text_is_heard_with_the_secret_only():
    """R79, P8."""
    (text,) = smsc_ru.hear(ITS, secret_call(TEXT)).texts
    assert (text.sender, text.recipient) == ("+375291234567", "+79037672215")
    assert text.body == "СТОП 🙏"
    refuses(smsc_ru, ITS, replace(secret_call(TEXT), url=DOOR))
    assert text.id and smsc_ru.hear(ITS, secret_call(TEXT)).texts == (text,)
    later = smsc_ru.hear(ITS, secret_call({**TEXT, "time": "18.11.2026 15:01:09"}))
    assert later.texts[0].id != text.id


@pytest.mark.slow
def test_anything_is_answered_and_nothing_is_told():
    never_raises(smsc_ru, ITS, secret_call, "id", "error_code", "error", "cnt")
    keeps_secrets(smsc_ru, ITS, KEY, WORD)
