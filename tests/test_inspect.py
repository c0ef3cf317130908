"""`ringdove inspect`: one answer a line, whatever the line is."""

import base64
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove import inspect
from ringdove.smpp import codec
from ringdove.smpp.pdu import Address, Pdu, SubmitMulti
from ringdove.stores import events, woocommerce

ORDER = (Path(__file__).parent / "stores/woocommerce/order_processing.json").read_bytes()


def line(body: bytes, headers: dict[str, str], **more: str) -> str:
    told = {"headers": headers, "body_base64": base64.b64encode(body).decode(), **more}
    return json.dumps(told)


def webhook(*lines: str, store: str = "woocommerce") -> list[dict[str, Any]]:
    return list(inspect.webhook(lines, store, "geheim", "by"))


def signed(body: bytes, secret: str = "geheim") -> dict[str, str]:
    return {
        "X-WC-Webhook-Topic": "order.updated",
        "X-WC-Webhook-Signature": woocommerce.sign(body, secret),
    }


def test_a_signed_body_is_shown_as_facts() -> None:
    right, wrong, ping = webhook(
        line(ORDER, signed(ORDER)), line(ORDER, signed(ORDER, "other")), line(b"webhook_id=7", {})
    )
    assert right["accepted"] is True and right["reason"] is None
    assert [fact["kind"] for fact in right["facts"]] == [
        "order.placed", "order.changed", "payment.received",
    ]  # fmt: skip
    assert json.loads(json.dumps(right)) == right
    assert wrong["accepted"] is False and wrong["reason"].startswith("signature-wrong: ")
    assert wrong["facts"] == []
    assert ping["accepted"] is True and ping["facts"] == [] and "ping" in ping["reason"]


def test_events_are_checked_at_the_time_that_the_line_names() -> None:
    at = datetime(2026, 3, 20, tzinfo=UTC)
    body = b'{"kind": "payment.received", "id": "1", "at": "2026-03-20T00:00:00Z", "order": "9"}'
    headers = {"Ringdove-Signature": events.sign(body, "geheim", at)}
    then, now = webhook(
        line(body, headers, heard_at="2026-03-20T00:01:00"), line(body, headers), store="events"
    )
    assert then["facts"][0]["kind"] == "payment.received"
    assert now["accepted"] is False


@pytest.mark.parametrize(
    "bad",
    ["{", "[]", "5", "{}", '{"headers": 4, "body_base64": ""}', '{"body_base64": "é"}',
     '{"body_base64": 4}', '{"body_base64": "", "heard_at": 5}', "[" * 100_000],
)  # fmt: skip
def test_a_bad_line_is_answered_and_the_next_one_read(bad: str) -> None:
    first, second = webhook(bad, line(ORDER, signed(ORDER)))
    assert set(first) == {"error"} and first["error"]
    assert second["accepted"] is True


def test_an_unknown_store_names_those_that_are_known() -> None:
    with pytest.raises(inspect.LineWrong, match=r"events, woocommerce"):
        webhook("{}", store="magento")


@given(st.text() | st.builds(lambda raw: line(raw, {}), st.binary(max_size=200)))
def test_no_line_breaks_it(text: str) -> None:
    """P11."""
    for kind in ("woocommerce", "events"):
        for answer in webhook(text, store=kind):
            assert "accepted" in answer or "error" in answer
    for answer in inspect.pdu([text]):
        assert "error" in answer


def test_octets_that_are_no_text_end_nothing() -> None:
    stream = io.TextIOWrapper(
        io.BytesIO(b'\xff\xfe\n\n{"hex": "%s"}\n' % ENQUIRE.encode()), "utf-8"
    )
    first, second = inspect.pdu(stream)
    assert "error" in first and second["command"] == "enquire_link"


# ------------------------------------------------------------------ text


def text(*lines: dict[str, Any]) -> list[dict[str, Any]]:
    return list(inspect.text(json.dumps(line) for line in lines))


def test_a_text_is_measured_and_cut() -> None:
    """R33."""
    short, dear, long, turkish = text(
        {"text": "Ciao €"},
        {"text": "я😀"},
        {"text": "a" * 152 + "€b"},
        {"text": "ş", "shift": "tr"},
    )
    assert short == {"encoding": "GSM-7", "units": 7, "segments": 1, "parts": ["Ciao €"]}
    assert dear == {"encoding": "UCS-2", "units": 3, "segments": 1, "parts": ["я😀"]}
    assert long == {"encoding": "GSM-7", "units": 155, "segments": 1, "parts": ["a" * 152 + "€b"]}
    assert turkish["encoding"] == "GSM-7" and turkish["units"] == 2
    (cut,) = text({"text": "a" * 152 + "€" + "b" * 9})
    assert cut["units"] == 163 and cut["parts"] == ["a" * 152, "€" + "b" * 9]


@pytest.mark.parametrize(
    "bad", [{}, {"text": 5}, {"text": "a" * 40_000}, {"text": "a", "shift": "xx"}, {"shift": []}]
)
def test_a_text_that_cannot_be_sent_is_an_error(bad: dict[str, Any]) -> None:
    broken, whole = text(bad, {"text": ""})
    assert set(broken) == {"error"}
    assert whole == {"encoding": "GSM-7", "units": 0, "segments": 1, "parts": [""]}


@given(st.text())
def test_any_line_is_a_text_or_an_error(words: str) -> None:
    (answer,) = text({"text": words})
    assert "".join(answer["parts"]) == words and len(answer["parts"]) == answer["segments"]
    for answer in inspect.text([words]):
        assert set(answer) == {"error"}


# ------------------------------------------------------------------ reply


def reply(*lines: dict[str, Any]) -> list[dict[str, Any]]:
    return list(inspect.reply(json.dumps(line) for line in lines))


def test_a_reply_is_read_as_one_of_eleven_intents() -> None:
    """P2, N8."""
    said = [
        ("Stop. Thank you", {}, "stop", "marketing"),
        ("СТОП ВСЕ", {"language": "ru"}, "stop", "all"),
        ("STOP 12345", {}, "stop", "12345"),
        ("stop points", {}, "stop", "loyalty"),
        ("пауза", {}, "stop", "pause"),
        ("STOP", {"awaiting": "rating", "scale": 6}, "stop", "marketing"),
        ("START", {}, "start", "marketing"),
        ("start surveys", {}, "start", "surveys"),
        ("yes", {}, "start", "marketing"),
        ("yes", {"awaiting": "rating", "scale": 6}, "other", None),
        ("help", {}, "help", None),
        ("please cancel my order", {}, "other", None),
        ("5", {"awaiting": "rating", "scale": 6}, "rating", 5),
        ("cinque, ma lento", {"awaiting": "rating"}, "rating", 5),
        ("10", {"awaiting": "rating", "scale": 6}, "unsure", None),
        ("10", {"awaiting": "rating", "scale": 10}, "rating", 10),
        ("4-5", {"awaiting": "rating", "scale": 6}, "unsure", None),
        ("where is my order", {"awaiting": "rating"}, "order_status", None),
        ("5", {}, "other", None),
        ("Где заказ №1042?", {}, "order_status", "1042"),
        ("the cup is broken", {}, "complaint", None),
        ("How do I return this?", {}, "rules", "complaint"),
        ("Win, Anna", {"contests": ["WIN"]}, "contest", "WIN"),
        ("Win, Anna", {}, "other", None),
        ("thank you!", {}, "thanks", None),
        ("", {}, "other", None),
        ("STOP 3", {"topics": [{"key": "vip", "code": "3"}]}, "stop", "vip"),
    ]
    answers = reply(*({"text": text, **more} for text, more, _, _ in said))
    assert [(one["intent"], one["value"]) for one in answers] == [
        (intent, value) for _, _, intent, value in said
    ]


@pytest.mark.parametrize(
    "bad",
    [{}, {"text": 5}, {"text": "a", "awaiting": "tea"}, {"text": "a", "scale": "6"},
     {"text": "a", "scale": True}, {"text": "a", "language": 1}, {"text": "a", "topics": [1]},
     {"text": "a", "topics": 5}, {"text": "a", "contests": "WIN"}, {"text": "a", "contests": [1]}],
)  # fmt: skip
def test_a_reply_that_is_none_is_an_error(bad: dict[str, Any]) -> None:
    broken, whole = reply(bad, {"text": "STOP"})
    assert set(broken) == {"error"}
    assert whole == {"intent": "stop", "value": "marketing"}


@given(st.text())
def test_any_reply_has_an_answer(words: str) -> None:
    (answer,) = reply({"text": words})
    assert set(answer) == {"intent", "value"}
    for answer in inspect.reply([words]):
        assert set(answer) == {"error"}


# ------------------------------------------------------------------ pdu

ENQUIRE = "00000010000000150000000000000007"


def pdu(*texts: str) -> list[dict[str, Any]]:
    return list(inspect.pdu(json.dumps({"hex": text}) for text in texts))


def test_a_packet_is_taken_apart_and_put_together_again() -> None:
    (enquire,) = pdu(ENQUIRE)
    assert enquire == {
        "command": "enquire_link",
        "status": 0,
        "status_name": "ESME_ROK",
        "sequence": 7,
        "fields": {},
        "tlvs": {},
        "encoded": ENQUIRE,
    }
    receipt = (
        "0000004c 00000005 00000000 00000002 00 0000 34343400 0000 35353500 04 00 00 00 00 00 00 00"
        "00 02 6869 001e 0004 61623100 0427 0001 02 1401 0002 beef 1401 0001 01"
    ).replace(" ", "")
    receipt = f"{len(receipt) // 2:08x}" + receipt[8:]
    (shown,) = pdu(receipt)
    assert shown["command"] == "deliver_sm"
    assert shown["fields"]["source_addr"] == "444" and shown["fields"]["short_message"] == "6869"
    assert shown["tlvs"] == {
        "receipted_message_id": "ab1", "message_state": 2, "0x1401": "beef", "0x1401#2": "01",
    }  # fmt: skip
    assert shown["encoded"] == receipt


def test_lists_and_what_we_may_not_write() -> None:
    many = codec.encode(Pdu(SubmitMulti(destinations=(Address(1, 1, "37529"), "friends")), 1))
    (shown,) = pdu(many.hex())
    assert shown["fields"]["destinations"] == [
        {"ton": 1, "npi": 1, "address": "37529"},
        "friends",
    ]
    assert shown["encoded"] == many.hex()
    long = b"\0\0\0" + b"3" * 30 + b"\0" + b"\0" * 13
    (shown,) = pdu(
        (len(long) + 16).to_bytes(4, "big").hex() + "000000040000000000000001" + long.hex()
    )
    assert shown["fields"]["source_addr"] == "3" * 30 and shown["encoded"] is None


@pytest.mark.parametrize("text", ["", "00", "zz", ENQUIRE + "00", "ffffffff" + ENQUIRE[8:]])
def test_a_packet_that_is_none_is_an_error(text: str) -> None:
    assert set(pdu(text)[0]) == {"error"}
    assert set(next(inspect.pdu(["{}"]))) == {"error"}


@given(st.binary(max_size=120))
def test_any_octets_are_a_packet_or_an_error(octets: bytes) -> None:
    framed = (len(octets) + 4).to_bytes(4, "big") + octets
    for raw in (octets, framed):
        answer = pdu(raw.hex())[0]
        assert "error" in answer or json.dumps(answer)
