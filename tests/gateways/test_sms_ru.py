"""SMS.ru: requests to the octet, answers and signed calls as its documentation gives them."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from ringdove.gateways import sms_ru
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

API_ID = "F4B1D6C2-0000-1111-2222-333344445555"
ITS = sms_ru.Settings(api_id=API_ID)
ID = "000000-10000000"
SEEN = datetime(2026, 11, 18, 12, 0, 9, tzinfo=UTC)
SECOND = str(int(SEEN.timestamp()))


def signed(*records: str, api_id: str = API_ID) -> Call:
    """A call as SMS.ru makes it: records in data[], a SHA-256 over the key and all of them."""
    told = {f"data[{place}]": record for place, record in enumerate(records)}
    told["hash"] = hashlib.sha256((api_id + "".join(records)).encode()).hexdigest()
    return Call("POST", DOOR, {}, urlencode(told).encode(), NOW)


def status(number: str, id_: str = ID) -> str:
    return f"sms_status\n{id_}\n{number}\n{SECOND}"


# ------------------------------------------------------------------ request


def test_a_request_is_one_message_in_a_form():
    """R113, R18: `ttl` ends an offer, in minutes."""
    made = sms_ru.request(ITS, outgoing())
    assert (made.method, made.url) == ("POST", "https://sms.ru/sms/send")
    assert (
        made.body
        == (
            f"api_id={API_ID}&to=375291234567&msg=Your+order+42+is+on+its+way+%26+soon+there"
            "&from=Linden&ttl=120&json=1"
        ).encode()
    )


@pytest.mark.parametrize(
    ("left", "minutes"),
    [(timedelta(seconds=9), "1"), (timedelta(seconds=359), "5"), (timedelta(days=9), "1440")],
)
def test_the_validity_is_rounded_down_within_what_is_taken(left, minutes):
    """R18."""
    assert form_of(sms_ru.request(ITS, outgoing(not_after=NOW + left)))["ttl"] == minutes


@pytest.mark.parametrize("text", [CYRILLIC, LONG])
def test_letters_of_all_scripts_and_long_texts_are_sent_whole(text):
    """R33."""
    fields = form_of(sms_ru.request(ITS, outgoing(text=text, sender="")))
    assert fields["msg"] == text and "from" not in fields


# ------------------------------------------------------------------ outcome


def told(code: Any, **more: Any) -> dict[str, Any]:
    """One text's part of an answer."""
    sms = {"status": "OK" if code == 100 else "ERROR", "status_code": code, **more}
    return {"status": "OK", "status_code": 100, "sms": {"375291234567": sms}, "balance": 4122.56}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(200, told(100, sms_id=ID)), Sent((ID,))),
        (reply(200, told(100)), Unclear("SMS.ru's answer names no message")),
        (reply(200, told(202, status_text="w")), Refused("202 w", "permanent")),
        (reply(200, told(204, status_text="w")), Refused("204 w", "permanent")),
        (reply(200, told(209, status_text="w")), Refused("209 w", "permanent", opted_out=True)),
        (reply(200, told(215, status_text="w")), Refused("215 w", "permanent", opted_out=True)),
        (reply(200, told(231, status_text="w")), Refused("231 w", "throttled", retry_after_s=60)),
        (reply(200, told(230, status_text="w")), Refused("230 w", "later")),
        (reply(200, told(201, status_text="w")), Refused("201 w", "later", account=True)),
        (
            reply(200, {"status": "ERROR", "status_code": 301, "status_text": "w"}),
            Refused("301 w", "later", account=True),
        ),
        (
            reply(200, {"status": "ERROR", "status_code": 220, "status_text": "w"}),
            Refused("220 w", "later"),
        ),
        (reply(429, b"", retry_after="3"), Refused("HTTP 429", "throttled", retry_after_s=3)),
        (reply(502, b"<html>"), Unclear("HTTP 502")),
        (reply(200, b"100"), Unclear("SMS.ru's answer has no code")),
        (reply(200, b"<html>"), Unclear("SMS.ru's answer has no code")),
    ],
)
def test_an_answer_is_understood(answer, expected):
    assert sms_ru.outcome(ITS, outgoing(), answer) == expected


# ------------------------------------------------------------------ calls


@pytest.mark.parametrize(
    ("number", "state"),
    [
        ("-1", "unknown"), ("100", "accepted"), ("101", "enroute"), ("102", "enroute"),
        ("103", "delivered"), ("104", "expired"), ("105", "deleted"), ("106", "undeliverable"),
        ("107", "undeliverable"), ("108", "rejected"), ("110", "delivered"), ("130", "rejected"),
        ("131", "rejected"), ("132", "rejected"), ("150", "undeliverable"), ("199", "unknown"),
    ],
)  # fmt: skip
def test_each_status_has_its_state(number, state):
    """R100: a number nobody knows is kept and breaks nothing."""
    why = "" if state in ("accepted", "enroute", "delivered") else number
    expected = Heard(receipts=(ReceiptHeard(ID, state, why, at=SEEN),), answer=b"100")
    assert sms_ru.hear(ITS, signed(status(number))) == expected


def test_several_records_come_in_one_call_and_others_are_not_for_us():
    """P8."""
    heard = sms_ru.hear(
        ITS,
        signed(
            status("103", "a-1"), f"callcheck_status\n77\n401\n{SECOND}", status("104", "a-2"),
            "sms_status\na-3", "", "sms_status\n\n103\n1",
        ),
    )  # fmt: skip
    assert [(one.provider_id, one.state) for one in heard.receipts] == [
        ("a-1", "delivered"), ("a-2", "expired"),
    ]  # fmt: skip
    assert heard.answer == b"100"


def test_one_letter_changed_no_hash_or_another_key_is_not_taken():
    """P8: an order of records that was not signed neither."""
    good = signed(status("103"), status("104", "b-2"))
    assert len(sms_ru.hear(ITS, good).receipts) == 2
    for wrong in (
        replace(good, body=good.body.replace(b"103", b"104")),
        replace(good, body=good.body.partition(b"&hash")[0]),
        replace(good, body=b""),
        signed(status("103"), api_id=API_ID[:-1]),
        replace(good, body=b"&".join(reversed(good.body.split(b"&")))),
    ):
        assert refuses(sms_ru, ITS, wrong).status == 401


def test_records_in_any_octets_are_signed_as_they_are():
    octets = bytes(range(256)).replace(b"\n", b"")
    record = b"sms_status\n" + octets + b"\n103\n1"
    digest = hashlib.sha256(API_ID.encode() + record).hexdigest()
    body = urlencode({"data[]": record, "hash": digest}).encode()
    assert len(sms_ru.hear(ITS, Call("POST", DOOR, {}, body, NOW)).receipts) == 1


# ------------------------------------------------------------------ asking


def test_sms_ru_can_be_asked():
    made = sms_ru.ask(ITS, ID)
    assert (made.method, made.url) == ("POST", "https://sms.ru/sms/status")
    assert form_of(made) == {"api_id": API_ID, "sms_id": ID, "json": "1"}

    def answer(code: Any, word: str = "OK") -> Any:
        sms = {"status": word, "status_code": code, "cost": "0.50", "status_text": "w"}
        return reply(200, {"status": "OK", "status_code": 100, "sms": {ID: sms}})

    assert sms_ru.told(ITS, answer(103)) == ReceiptHeard(ID, "delivered")
    assert sms_ru.told(ITS, answer(104)) == ReceiptHeard(ID, "expired", "104")
    assert sms_ru.told(ITS, answer(202, "ERROR")) is None
    assert sms_ru.told(ITS, reply(200, {"status": "ERROR", "status_code": 301})) is None


@pytest.mark.slow
def test_anything_is_answered_and_nothing_is_told():
    def any_body(body: bytes) -> Call:
        return signed(body.decode("latin-1").encode("ascii", "replace").decode())

    never_raises(sms_ru, ITS, any_body, "status", "status_code", "sms", "sms_id")
    keeps_secrets(sms_ru, ITS, API_ID)
