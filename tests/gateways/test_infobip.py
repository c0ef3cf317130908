"""Infobip: requests to the octet, answers and calls as its documentation gives them."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from ringdove.gateways import infobip
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

SECRET = "birches_and_aspens"
ITS = infobip.Settings(base_url="k3xyz1.api.infobip.com", api_key="appkey1", callback_secret=SECRET)
ID = "12db39c3-7822-4e72-a3ec-c87442c0ffc5"
RESULT = {
    "bulkId": "B", "messageId": ID, "to": "375291234567", "sender": "Linden",
    "sentAt": "2026-11-18T11:58:00.000+0000", "doneAt": "2026-11-18T13:59:00.000+0200",
    "messageCount": 2, "mccMnc": "25702", "callbackData": "0a1b2c3d4e5f6",
    "price": {"pricePerMessage": 0.01, "currency": "EUR"},
    "status": {"groupId": 3, "groupName": "DELIVERED", "id": 5, "name": "DELIVERED_TO_HANDSET",
               "description": "Message delivered to handset"},
    "error": {"groupId": 0, "groupName": "OK", "id": 0, "name": "NO_ERROR",
              "description": "No Error", "permanent": False},
}  # fmt: skip
INBOUND = {
    "messageId": "817790313235066447", "from": "385916242493", "to": "385921004026",
    "text": "QUIZ Ответ: Париж", "cleanText": "Ответ: Париж", "keyword": "QUIZ",
    "receivedAt": "2026-11-18T11:28:39.220+0000", "smsCount": 1,
    "price": {"pricePerMessage": 0, "currency": "EUR"}, "callbackData": "x",
}  # fmt: skip


def call(told, url=f"{DOOR}?secret={SECRET}", **headers):
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return Call("POST", url, {"content-type": "application/json", **headers}, body, NOW)


def results(*lines):
    return call({"results": list(lines)})


def test_a_request_is_one_message_to_one_destination():
    """R113, R18."""
    made = infobip.request(ITS, outgoing())
    assert (made.method, made.url) == ("POST", "https://k3xyz1.api.infobip.com/sms/3/messages")
    assert made.headers["Authorization"] == "App appkey1"
    assert made.body.decode() == (
        '{"messages":[{"destinations":[{"to":"375291234567"}],"content":{"text":"Your order 42 is'
        ' on its way & soon there"},"options":{"validityPeriod":{"amount":7200,"timeUnit":'
        '"SECONDS"}},"sender":"Linden","webhooks":{"callbackData":"0a1b2c3d4e5f6","delivery":'
        '{"url":"https://shop.example/doors/texts/5f3c9e?secret=birches_and_aspens"},'
        '"contentType":"application/json"}}]}'
    )


@pytest.mark.parametrize("base", ["https://k3xyz1.api.infobip.com/", "k3xyz1.api.infobip.com"])
def test_the_base_url_is_taken_as_it_is_copied(base):
    its = infobip.Settings(base_url=base, api_key="k")
    made = infobip.request(its, outgoing(sender="", callback_url=""))
    assert made.url == "https://k3xyz1.api.infobip.com/sms/3/messages"
    (told,) = json.loads(made.body)["messages"]
    assert "sender" not in told and told["webhooks"] == {"callbackData": "0a1b2c3d4e5f6"}


@pytest.mark.parametrize("base", ["http://x.example", "x.example/path", "x.example:80", "a b", ""])
def test_a_base_url_that_would_send_elsewhere_is_refused_by_the_form(base):
    with pytest.raises(ValueError):
        infobip.Settings(base_url=base, api_key="k")


@pytest.mark.parametrize("text", [CYRILLIC, LONG, "a\nb"])
def test_letters_of_all_scripts_and_long_texts_arrive_whole(text):
    (told,) = json.loads(infobip.request(ITS, outgoing(text=text)).body)["messages"]
    assert told["content"]["text"] == text


@pytest.mark.parametrize(("until", "amount"), [(timedelta(days=9), 172_800), (-NOW.resolution, 1)])
def test_validity_stays_within_what_infobip_takes(until, amount):
    (told,) = json.loads(infobip.request(ITS, outgoing(not_after=NOW + until)).body)["messages"]
    assert told["options"]["validityPeriod"]["amount"] == amount


def answer(group, name, said="words"):
    status = {"groupName": group, "name": name, "description": said}
    told = {"messageId": ID, "status": status, "destination": "1", "details": {"messageCount": 1}}
    return reply(200, {"bulkId": "B", "messages": [told]})


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        (answer("PENDING", "PENDING_ACCEPTED"), Sent((ID,))),
        (answer("REJECTED", "REJECTED_DESTINATION"),
         Refused("REJECTED_DESTINATION words", "permanent")),
        (answer("REJECTED", "REJECTED_DESTINATION", "User opted out"),
         Refused("REJECTED_DESTINATION User opted out", "permanent", opted_out=True)),
        (answer("REJECTED", "REJECTED_NOT_ENOUGH_CREDITS"),
         Refused("REJECTED_NOT_ENOUGH_CREDITS words", "later", account=True)),
        (answer("REJECTED", "REJECTED_FLOODING_FILTER"),
         Refused("REJECTED_FLOODING_FILTER words", "later")),
        (answer("REJECTED", "REJECTED_OF_TOMORROW"),
         Refused("REJECTED_OF_TOMORROW words", "permanent")),
        (answer("SOMETHING", "ELSE"), Unclear("ELSE words")),
        (reply(200, b""), Unclear("Infobip's answer names no message")),
        (reply(401, {"requestError": {"serviceException": {
            "messageId": "UNAUTHORIZED", "text": "Invalid login details"}}}),
         Refused("HTTP 401 UNAUTHORIZED Invalid login details", "later", account=True)),
        (reply(400, {"errorCode": "E400", "description": "bad request"}),
         Refused("HTTP 400 E400 bad request", "permanent")),
        (reply(429, {"errorCode": "E429"}), Refused("HTTP 429 E429", "throttled")),
        (reply(500, b"{}"), Unclear("HTTP 500")),
    ],
)  # fmt: skip
def test_answers_are_read_by_the_names_of_statuses(heard, expected):
    assert infobip.outcome(ITS, outgoing(), heard) == expected


@pytest.mark.parametrize("name", sorted(infobip.REJECTED))
def test_each_rejection_has_its_meaning(name):
    got = infobip.outcome(ITS, outgoing(), answer("REJECTED", name))
    assert got == Refused(f"{name} words", infobip.REJECTED[name])


@pytest.mark.parametrize("group", sorted(infobip.STATES))
def test_each_group_of_statuses_has_its_state(group):
    """R100."""
    status = {"groupName": group, "name": f"{group}_X"}
    (heard,) = infobip.hear(ITS, results({**RESULT, "status": status})).receipts
    assert heard.state == infobip.STATES[group]


def test_a_receipt_tells_its_time_and_the_price_of_all_parts():
    """N6; many receipts come in one call."""
    one = ReceiptHeard(
        ID, "delivered", "", datetime(2026, 11, 18, 11, 59, tzinfo=UTC), price="0.02 EUR"
    )
    heard = infobip.hear(ITS, results(RESULT, {**RESULT, "messageId": "2"}, "junk", None))
    assert heard.receipts[0] == one
    assert [got.provider_id for got in heard.receipts] == [ID, "2"]


@pytest.mark.parametrize(
    ("status", "error", "state", "told", "opted_out"),
    [
        (("UNDELIVERABLE", "UNDELIVERABLE_NOT_DELIVERED"), "EC_ABSENT_SUBSCRIBER",
         "undeliverable", "EC_ABSENT_SUBSCRIBER", False),
        (("EXPIRED", "EXPIRED_DLR_UNKNOWN"), "NO_ERROR", "unknown", "EXPIRED_DLR_UNKNOWN", False),
        (("REJECTED", "REJECTED_DESTINATION"), "EC_OPTED_OUT",
         "rejected", "EC_OPTED_OUT", True),
        (("PENDING", "PENDING_ACCEPTED"), "NO_ERROR", "accepted", "", False),
        (("MELTED", ""), "NO_ERROR", "unknown", "MELTED", False),
    ],
)  # fmt: skip
def test_errors_and_unknown_words_are_kept(status, error, state, told, opted_out):
    line = {**RESULT, "status": dict(zip(("groupName", "name"), status, strict=True)),
            "error": {"name": error}}  # fmt: skip
    (heard,) = infobip.hear(ITS, results(line)).receipts
    assert (heard.state, heard.error, heard.opted_out) == (state, told, opted_out)


def test_a_persons_text_comes_with_its_keyword():
    """R79, R85: cleanText lacks the word of a contest."""
    heard = infobip.hear(ITS, results(INBOUND))
    assert heard.texts == (
        TextHeard("817790313235066447", "+385916242493", "+385921004026", "QUIZ Ответ: Париж",
                  datetime(2026, 11, 18, 11, 28, 39, 220_000, tzinfo=UTC)),
    )  # fmt: skip


def test_a_secret_is_always_demanded():
    """P8."""
    told = {"results": [RESULT]}
    password = base64.b64encode(f"infobip:{SECRET}".encode()).decode()
    assert infobip.hear(ITS, call(told, DOOR, authorization=f"Basic {password}")).receipts
    wrong = base64.b64encode(b"infobip:birches").decode()
    for one in [
        call(told, DOOR),
        call(told, f"{DOOR}?secret={SECRET}x"),
        call(told, f"{DOOR}?secret="),
        call(told, f"{DOOR}?x={SECRET}"),
        call(told, DOOR, authorization=f"Basic {wrong}"),
        call(told, authorization=f"Basic {wrong}"),
    ]:
        assert refuses(infobip, ITS, one).status == 401
    its = infobip.Settings(base_url="k3xyz1.api.infobip.com", api_key="k")
    for one in [call(told, f"{DOOR}?secret="), call(told, DOOR, authorization="Basic Og==")]:
        assert refuses(infobip, its, one).status == 401


@pytest.mark.parametrize("told", [b"", b"[]", b"{}", {"results": {}}])
def test_what_holds_no_results_is_said_to_be_unreadable(told):
    assert refuses(infobip, ITS, call(told)).status == 400


def test_infobip_can_be_asked():
    made = infobip.ask(ITS, "a b")
    assert made.url == "https://k3xyz1.api.infobip.com/sms/3/logs?messageId=a%20b"
    told = infobip.told(ITS, reply(200, {"results": [RESULT]}))
    assert told and (told.provider_id, told.state) == (ID, "delivered")
    assert infobip.told(ITS, reply(200, {"results": []})) is None


@pytest.mark.slow
def test_garbage_never_raises():
    never_raises(infobip, ITS, lambda body: call(b'{"results":[%s]}' % body), "messages", "status",
                 "messageId", "price", "from", "text", "error")  # fmt: skip


def test_secrets_are_in_no_repr():
    assert SECRET not in repr(ITS)
    keeps_secrets(infobip, ITS, "appkey1")
