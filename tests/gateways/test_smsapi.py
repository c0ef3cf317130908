"""SMSAPI: requests to the octet, answers and calls as its documentation gives them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from ringdove.gateways import smsapi
from ringdove.gateways.edge import Call, Heard, ReceiptHeard, Refused, Sent, TextHeard, Unclear
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

TOKEN = "token-0123456789"
WORD = "a word of ours & more"
ITS = smsapi.Settings(token=TOKEN, callback_secret=WORD)
REFERENCE = outgoing().reference
DONE = datetime(2026, 11, 18, 12, 0, 9, tzinfo=UTC)


def receipt_call(secret: str = WORD, **fields: str) -> Call:
    """SMSAPI tells receipts with GET."""
    return Call("GET", f"{DOOR}?{urlencode({'secret': secret, **fields})}", {}, b"", NOW)


def text_call(body: Any) -> Call:
    """And texts with POST."""
    octets = body if isinstance(body, bytes) else urlencode(body).encode()
    return Call("POST", f"{DOOR}?{urlencode({'secret': WORD})}", {}, octets, NOW)


TAKEN = {
    "count": 1,
    "list": [
        {
            "id": "613F1B14346335B944450980", "points": 0.16, "number": "375291234567",
            "date_sent": 1763467200, "submitted_number": "375291234567", "status": "QUEUE",
            "error": None, "idx": REFERENCE, "parts": 1,
        }
    ],
}  # fmt: skip


# ------------------------------------------------------------------ request


def test_a_request_names_its_reference_and_asks_for_no_double():
    """R113, R18, P5: idx and check_idx guard, expiration_date ends an offer."""
    made = smsapi.request(ITS, outgoing())
    assert (made.method, made.url) == ("POST", "https://api.smsapi.com/sms.do")
    assert made.headers["authorization"] == f"Bearer {TOKEN}"
    assert made.body == (
        b"to=375291234567&from=Linden&message=Your+order+42+is+on+its+way+%26+soon+there"
        b"&encoding=utf-8&format=json&idx=0a1b2c3d4e5f6&check_idx=1"
        b"&notify_url=https%3A%2F%2Fshop.example%2Fdoors%2Ftexts%2F5f3c9e%3Fsecret%3D"
        b"a%2520word%2520of%2520ours%2520%2526%2520more&expiration_date="
        + str(int((NOW + timedelta(hours=2)).timestamp())).encode()
    )
    assert smsapi.GUARDS_DOUBLES


@pytest.mark.parametrize("text", [CYRILLIC, LONG])
def test_letters_of_all_scripts_and_long_texts_are_sent_whole(text):
    """R33."""
    assert form_of(smsapi.request(ITS, outgoing(text=text)))["message"] == text


def test_a_validity_that_smsapi_does_not_take_is_not_told():
    """Error 56: no less than 1 and no more than 72 hours."""
    soon = outgoing(not_after=NOW + timedelta(minutes=40))
    assert "expiration_date" not in form_of(smsapi.request(ITS, soon))
    far = form_of(smsapi.request(ITS, outgoing(not_after=NOW + timedelta(days=9))))
    assert int(far["expiration_date"]) - NOW.timestamp() < 72 * 3600


def test_an_account_elsewhere_is_asked_there():
    its = ITS.model_copy(update={"service": "smsapi.pl"})
    made = smsapi.request(its, outgoing(sender="+48500000000", callback_url=""))
    assert made.url == "https://api.smsapi.pl/sms.do"
    assert form_of(made)["from"] == "48500000000" and "notify_url" not in form_of(made)


# ------------------------------------------------------------------ outcome


def error(code: Any, message: str = "m") -> dict[str, Any]:
    return {"invalid_numbers": [], "error": code, "message": message}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(200, TAKEN), Sent((REFERENCE,))),
        (reply(200, error(53, "Not unique idx")), Sent((REFERENCE,))),
        (reply(400, error(53, "Not unique idx")), Sent((REFERENCE,))),
        (reply(200, error(13)), Refused("13 m", "permanent")),
        (reply(200, error(14)), Refused("14 m", "permanent")),
        (reply(200, error(57)), Refused("57 m", "permanent", opted_out=True)),
        (reply(200, error(59)), Refused("59 m", "permanent", opted_out=True)),
        (reply(200, error(52)), Refused("52 m", "throttled", retry_after_s=60)),
        (reply(200, error(202)), Refused("202 m", "throttled")),
        (reply(200, error(101)), Refused("101 m", "later", account=True)),
        (reply(200, error(103)), Refused("103 m", "later", account=True)),
        (reply(200, error(201)), Refused("201 m", "later")),
        (reply(200, error(9999)), Refused("9999 m", "later")),
        (reply(200, b"ERROR:103"), Refused("103", "later", account=True)),
        (
            reply(401, error("authorization_failed", "Authorization failed")),
            Refused("HTTP 401 authorization_failed Authorization failed", "later", account=True),
        ),
        (reply(429, b"", retry_after="9"), Refused("HTTP 429", "throttled", retry_after_s=9)),
        (reply(503, error(53)), Unclear("HTTP 503 53 m")),
        (reply(200, b"<html>"), Unclear("SMSAPI's answer names no message")),
        (reply(200, {"count": 0, "list": []}), Unclear("SMSAPI's answer names no message")),
    ],
)
def test_an_answer_is_understood(answer, expected):
    """P5: 53 says that the same was taken before: it is sent, once."""
    assert smsapi.outcome(ITS, outgoing(), answer) == expected


# ------------------------------------------------------------------ calls


@pytest.mark.parametrize(
    ("number", "name", "state", "why"),
    [
        ("401", "NOT_FOUND", "unknown", "NOT_FOUND"), ("402", "EXPIRED", "expired", "EXPIRED"),
        ("403", "SENT", "enroute", ""), ("404", "DELIVERED", "delivered", ""),
        ("405", "UNDELIVERED", "undeliverable", "UNDELIVERED"),
        ("406", "FAILED", "failed", "FAILED"), ("407", "REJECTED", "rejected", "REJECTED"),
        ("408", "UNKNOWN", "unknown", "UNKNOWN"), ("409", "QUEUE", "accepted", ""),
        ("410", "ACCEPTED", "enroute", ""), ("411", "RENEWAL", "enroute", ""),
        ("412", "STOP", "deleted", "STOP"), ("499", "BEAMED", "unknown", "BEAMED"),
    ],
)  # fmt: skip
def test_each_status_has_its_state(number, name, state, why):
    """R100: by its number and by its name; what nobody knows is kept and breaks nothing."""
    expected = (ReceiptHeard(REFERENCE, state, why, at=DONE),)
    told = {"MsgId": "613F", "idx": REFERENCE, "donedate": str(int(DONE.timestamp()))}
    both = receipt_call(**told, status=number, status_name=name)
    assert smsapi.hear(ITS, both) == Heard(receipts=expected, answer=b"OK")
    assert smsapi.hear(ITS, receipt_call(**told, status_name=name)).receipts == expected
    by_number = smsapi.hear(ITS, receipt_call(**told, status=number)).receipts
    assert [one.state for one in by_number] == [state]


def test_several_receipts_come_in_one_call():
    """P8: side by side with commas; one without idx is known by SMSAPI's own id."""
    call = receipt_call(
        MsgId="A1,B2,C3", status="404,405,409", idx="ref1,,ref3", donedate="1763467209,,1763467210"
    )
    assert [(one.provider_id, one.state) for one in smsapi.hear(ITS, call).receipts] == [
        ("ref1", "delivered"), ("B2", "undeliverable"), ("ref3", "accepted"),
    ]  # fmt: skip


def test_fewer_words_than_ids_are_unknown_and_break_nothing():
    found = smsapi.hear(ITS, receipt_call(MsgId="A1,B2", status="404")).receipts
    assert [one.state for one in found] == ["delivered", "unknown"]


def test_a_persons_text_is_heard():
    """R79, P8: twice is once, and two answers to one text are two."""
    told = {
        "sms_to": "48500000001", "sms_from": "375291234567", "sms_text": "Стоп 🙏",
        "sms_date": int(DONE.timestamp()), "username": "linden", "MsgId": "77AF",
    }  # fmt: skip
    heard = smsapi.hear(ITS, text_call(told))
    (text,) = heard.texts
    assert text == TextHeard(text.id, "+375291234567", "+48500000001", "Стоп 🙏", DONE)
    assert text.id and heard == Heard(texts=(text,), answer=b"OK")
    assert smsapi.hear(ITS, text_call(told)) == heard
    other = smsapi.hear(ITS, text_call({**told, "sms_text": "no, go on"})).texts[0]
    assert other.id != text.id


def test_only_the_secret_opens_the_door():
    """P8: one letter changed, none at all, or none of ours."""
    call = receipt_call(MsgId="A1", status="404")
    assert smsapi.hear(ITS, call).receipts
    assert refuses(smsapi, ITS, receipt_call(secret=WORD[:-1], MsgId="A1")).status == 401
    refuses(smsapi, ITS, receipt_call(secret=""))
    refuses(smsapi, ITS, replace(call, url=DOOR))
    refuses(smsapi, smsapi.Settings(token=TOKEN), receipt_call(secret=""))


def test_a_call_that_tells_nothing_is_answered():
    assert smsapi.hear(ITS, receipt_call()) == Heard(answer=b"OK")


@pytest.mark.slow
def test_anything_is_answered_and_nothing_is_told():
    never_raises(smsapi, ITS, text_call, "list", "message", "count", "id")
    keeps_secrets(smsapi, ITS, TOKEN, WORD)
