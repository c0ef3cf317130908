"""Africa's Talking: requests to the octet, answers and calls as its documentation gives them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from ringdove.gateways import africas_talking
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

KEY = "atsk_0123456789abcdef"
WORD = "a-word-of-ours"
ITS = africas_talking.Settings(username="linden", api_key=KEY, callback_secret=WORD)
ID = "ATXid_fbff1d1a9a2c0d1f5b9a0a1b2c3d4e5f"


def call(fields: Any, secret: str = WORD) -> Call:
    """All that Africa's Talking tells is a form."""
    octets = fields if isinstance(fields, bytes) else urlencode(fields).encode()
    return Call("POST", f"{DOOR}?{urlencode({'secret': secret})}", {}, octets, NOW)


# ------------------------------------------------------------------ request


def test_a_request_is_one_message_in_a_form():
    """R113."""
    made = africas_talking.request(ITS, outgoing(recipient="+254711000111"))
    assert (made.method, made.url) == ("POST", "https://api.africastalking.com/version1/messaging")
    assert made.headers["apikey"] == KEY and made.headers["accept"] == "application/json"
    assert made.body == (
        b"username=linden&to=%2B254711000111&message=Your+order+42+is+on+its+way+%26+soon+there"
        b"&from=Linden&bulkSMSMode=1"
    )


def test_the_sandbox_is_another_server():
    its = ITS.model_copy(update={"username": "sandbox"})
    made = africas_talking.request(its, outgoing(sender=""))
    assert made.url == "https://api.sandbox.africastalking.com/version1/messaging"
    assert "from" not in form_of(made)


@pytest.mark.parametrize("text", [CYRILLIC, LONG])
def test_letters_of_all_scripts_and_long_texts_are_sent_whole(text):
    """R33."""
    assert form_of(africas_talking.request(ITS, outgoing(text=text)))["message"] == text


# ------------------------------------------------------------------ outcome


def told(code: int, status: str = "w", id_: str = ID) -> dict[str, Any]:
    person = {
        "statusCode": code, "number": "+254711000111", "status": status, "cost": "KES 0.8000",
        "messageId": id_,
    }  # fmt: skip
    return {"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": [person]}}


def nobody(message: str) -> dict[str, Any]:
    return {"SMSMessageData": {"Message": message, "Recipients": []}}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(201, told(100)), Sent((ID,))),
        (reply(201, told(101, "Success")), Sent((ID,))),
        (reply(201, told(102)), Sent((ID,))),
        (reply(201, told(101, id_="None")), Unclear("Africa's Talking names no message")),
        (reply(201, told(401)), Refused("401 w", "later")),
        (reply(201, told(402)), Refused("402 w", "permanent")),
        (reply(201, told(403)), Refused("403 w", "permanent")),
        (reply(201, told(404)), Refused("404 w", "permanent")),
        (reply(201, told(405)), Refused("405 w", "later", account=True)),
        (
            reply(201, told(406, "UserInBlacklist", "None")),
            Refused("406 UserInBlacklist", "permanent", opted_out=True),
        ),
        (reply(201, told(407)), Refused("407 w", "permanent")),
        (reply(409, told(409)), Refused("409 w", "later")),
        (reply(201, told(500)), Refused("500 w", "later")),
        (reply(201, told(501)), Refused("501 w", "later")),
        (reply(201, told(502)), Refused("502 w", "permanent")),
        (reply(201, told(999)), Refused("999 w", "later")),
        (reply(201, nobody("InvalidSenderId")), Refused("402 InvalidSenderId", "permanent")),
        (reply(201, nobody("Hm")), Unclear("HTTP 201 Hm")),
        (reply(401, b"The supplied authentication is invalid"),
         Refused("HTTP 401", "later", account=True)),
        (reply(400, b"Request is missing required form field 'to'"),
         Refused("HTTP 400", "permanent")),
        (reply(429, b"", retry_after="3"), Refused("HTTP 429", "throttled", retry_after_s=3)),
        (reply(503, told(101)), Unclear("HTTP 503 101 w")),
        (reply(201, b"<html>"), Unclear("HTTP 201")),
    ],
)  # fmt: skip
def test_an_answer_is_understood(answer, expected):
    assert africas_talking.outcome(ITS, outgoing(), answer) == expected


# ------------------------------------------------------------------ calls


@pytest.mark.parametrize(
    ("word", "state", "why"),
    [
        ("Sent", "enroute", ""), ("Submitted", "enroute", ""), ("Buffered", "enroute", ""),
        ("Success", "delivered", ""), ("Delivered", "delivered", ""),
        ("Rejected", "rejected", "Rejected"), ("Failed", "failed", "Failed"),
        ("AbsentSubscriber", "undeliverable", "AbsentSubscriber"),
        ("Expired", "expired", "Expired"), ("BeamedUp", "unknown", "BeamedUp"),
    ],
)  # fmt: skip
def test_each_status_word_has_its_state(word, state, why):
    """R100: a word nobody knows is kept and breaks nothing."""
    fields = {"id": ID, "status": word, "phoneNumber": "+254711000111", "networkCode": "63902"}
    receipt = ReceiptHeard(ID, state, why)
    assert africas_talking.hear(ITS, call(fields)) == Heard(receipts=(receipt,))


def test_the_reason_of_a_failure_is_kept_and_a_stop_is_an_opt_out():
    fields = {"id": ID, "status": "Failed", "failureReason": "UserInBlackList", "retryCount": "0"}
    receipt = ReceiptHeard(ID, "failed", "UserInBlackList", opted_out=True)
    assert africas_talking.hear(ITS, call(fields)).receipts == (receipt,)
    gone = africas_talking.hear(ITS, call({**fields, "failureReason": "DeliveryFailure"}))
    assert gone.receipts[0].error == "DeliveryFailure" and not gone.receipts[0].opted_out


def test_a_persons_text_is_heard():
    """R79."""
    fields = {
        "date": "2026-11-18T12:00:09Z", "from": "+254711000111", "id": "bb2f-1", "linkId": "x",
        "text": "Acha 🙏", "to": "22384", "cost": "KES 1.00", "networkCode": "63902",
    }  # fmt: skip
    seen_at = datetime(2026, 11, 18, 12, 0, 9, tzinfo=UTC)
    text = TextHeard("bb2f-1", "+254711000111", "22384", "Acha 🙏", seen_at)
    assert africas_talking.hear(ITS, call(fields)) == Heard(texts=(text,))


def test_who_leaves_by_their_instructions_says_stop():
    """R4: told in a call of its own, without a text."""
    heard = africas_talking.hear(ITS, call({"senderId": "Linden", "phoneNumber": "254711000111"}))
    assert heard.texts == (TextHeard("", "+254711000111", "Linden", "STOP"),)


def test_other_calls_are_taken_and_say_nothing():
    fields = {"phoneNumber": "+254711000111", "shortCode": "22384", "updateType": "addition"}
    assert africas_talking.hear(ITS, call(fields)) == Heard()


def test_only_the_secret_opens_the_door():
    """P8."""
    good = call({"id": ID, "status": "Success"})
    assert africas_talking.hear(ITS, good).receipts
    assert refuses(africas_talking, ITS, call({"id": ID}, secret=WORD + "x")).status == 401
    refuses(africas_talking, ITS, replace(good, url=DOOR))
    bare = africas_talking.Settings(username="linden", api_key=KEY)
    refuses(africas_talking, bare, call({"id": ID}, secret=""))


@pytest.mark.slow
def test_anything_is_answered_and_nothing_is_told():
    never_raises(
        africas_talking, ITS, call, "SMSMessageData", "Recipients", "Message", "statusCode",
        "messageId", "status",
    )  # fmt: skip
    keeps_secrets(africas_talking, ITS, KEY, WORD)
