"""An operator described by a form: what is filled in stays where it stands (R113)."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ringdove.gateways import template
from ringdove.gateways.edge import Call, ReceiptHeard, Refused, Sent, TextHeard, Unclear
from ringdove.gateways.template import filling, places
from tests.gateways.operators import (
    CYRILLIC,
    DOOR,
    NOW,
    keeps_secrets,
    never_raises,
    outgoing,
    refuses,
    reply,
)

WORD, KEY = "a-word-of-ours", "key-0123456789"
JSON_BODY = """{"to": "{{ to | digits }}", "from": "{{ from }}", "text": "{{ text }}",
 "ref": "{{ reference }}", "unicode": {{ unicode }}, "validity": {{ minutes }},
 "hook": "{{ callback }}"}"""
MORE = {
    "headers": "Authorization = Bearer {{ key }}\nX-Class = {{ class }}",
    "id_at": "messages.0.id", "error_at": "error.code",
    "errors": "21 = permanent\nLOW = account\nSLOW = throttled\n9 = stopped\n502 = later",
    "list_at": "events", "receipt_id": "id", "receipt_state": "state", "receipt_error": "why",
    "states": "Arrived = delivered\nNO_ROUTE = undeliverable",
    "text_from": "from", "text_to": "to", "text_body": "text", "text_id": "id",
}  # fmt: skip


def its(**changes: Any) -> template.Settings:
    usual = {"url": "https://sms.example/v1/{{ user }}/send", "user": "a b/c", "body": JSON_BODY,
             "key": KEY, "callback_secret": WORD, **MORE}  # fmt: skip
    return template.Settings.model_validate(usual | changes)


# ------------------------------------------------------------------ sending


def test_a_request_is_the_form_filled_in() -> None:
    made = template.request(its(), outgoing())
    assert (made.method, made.url) == ("POST", "https://sms.example/v1/a%20b%2Fc/send")
    assert made.headers == {
        "Authorization": f"Bearer {KEY}", "X-Class": "service", "Content-Type": "application/json",
    }  # fmt: skip
    assert json.loads(made.body) == {
        "to": "375291234567", "from": "Linden", "text": outgoing().text,
        "ref": "0a1b2c3d4e5f6", "unicode": False, "validity": 120,
        "hook": f"{DOOR}?secret={WORD}",
    }  # fmt: skip


NASTY = ['"}, {"to": "1', "a & b=c + d%", "</t><x>", "\\ \n \t", CYRILLIC, "{{ key }}", "\x00\x07"]


@pytest.mark.parametrize("text", NASTY)
def test_no_text_breaks_out_of_where_it_stands(text: str) -> None:
    out = outgoing(text=text)
    made = template.request(its(), out)
    assert json.loads(made.body)["text"] == text
    form = its(content_type="form", body="to={{ to }}&text={{ text }}&k={{ key }}")
    fields = dict(parse_qsl(template.request(form, out).body.decode(), strict_parsing=True))
    assert fields == {"to": "+375291234567", "text": text, "k": KEY}
    get = its(method="GET", body="", url="http://x/?t={{ text }}&u={{ text | url }}")
    url = urlsplit(template.request(get, out).url)
    assert parse_qsl(url.query, strict_parsing=True) == [("t", text), ("u", text)]
    xml = its(content_type="xml", body='<m k="{{ text }}"><t>{{ text }}</t></m>')
    found = ElementTree.fromstring(template.request(xml, out).body)
    clean = "".join(one for one in text if one >= " " or one in "\t\n")
    assert found.findtext("t") == clean
    header = template.request(its(headers="X-T = {{ text }}."), out).headers["X-T"]
    assert "\n" not in header and "\0" not in header


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_text_comes_out_of_json_as_it_went_in(text: str) -> None:
    clean = text.encode("utf-8", "replace").decode()
    assert json.loads(template.request(its(), outgoing(text=clean)).body)["text"] == clean


def test_filters_change_a_value_before_it_is_written() -> None:
    body = "{{ text | ucs2_hex }} {{ text | base64 }} {{ to | digits | md5 }} {{ text | raw }}"
    made = template.request(its(content_type="text", body=body), outgoing(text="Hé&"))
    assert made.body.decode() == "004800e90026 SMOpJg== 0260d6b6b157fe8bb8f01c5440217179 Hé&"
    choice = its(content_type="text", body="{% if unicode %}u{% else %}g{% endif %}")
    assert template.request(choice, outgoing()).body == b"g"
    assert template.request(choice, outgoing(encoding="UCS-2")).body == b"u"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"url": "ftp://x"}, "begins with"),
        ({"url": "https://x/{{ phone }}"}, "{{ phone }} is not known"),
        ({"body": '{"to": {{ text }}}'}, "no JSON"),
        ({"body": "{% if %}"}, ""),
        ({"body": "{{ text | shout }}"}, "shout"),
        ({"headers": "no meaning"}, "name = value"),
        ({"headers": "Bad Name: = x"}, "no name of a header"),
        ({"headers": "A = {{ nobody }}"}, "not known"),
        ({"errors": "5 = perhaps"}, "write one of"),
        ({"states": "x = arrived"}, "write one of"),
        ({"id_at": "/ID: .*/"}, "brackets"),
        ({"id_at": "/(ID/"}, "regular expression"),
        ({"id_at": "/((a+)+)b/"}, "never end"),
        ({"id_at": r"/((\w+\s?)+)$/"}, "never end"),
        ({"success_words": "(a|a)*b"}, "never end"),
        ({"success_words": ".*.*.*.*.*.*x"}, "never end"),
        ({"success_status": "2xx"}, "pattern"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_saved(changes: dict[str, str], why: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        its(**changes)
    assert why in str(wrong.value) and KEY not in str(wrong.value)


@pytest.mark.parametrize(
    ("status", "body", "wanted"),
    [
        (200, {"messages": [{"id": 77}]}, Sent(("77",))),
        (201, {"messages": [{"id": "a-1"}], "error": {"code": ""}}, Sent(("a-1",))),
        (200, {"messages": []}, Unclear("the answer names no id where the form says")),
        (200, {"error": {"code": "21"}}, Refused("HTTP 200 21", "permanent")),
        (400, {"error": {"code": "low"}}, Refused("HTTP 400 low", "later", account=True)),
        (400, {"error": {"code": "SLOW"}}, Refused("HTTP 400 SLOW", "throttled")),
        (200, {"error": {"code": 9}}, Refused("HTTP 200 9", "permanent", opted_out=True)),
        (200, {"error": {"code": "strange"}}, Refused("HTTP 200 strange", "later")),
        (502, b"", Refused("HTTP 502", "later")),
        (500, b"<html>", Unclear("HTTP 500")),
        (401, {}, Refused("HTTP 401", "later", account=True)),
        (429, {}, Refused("HTTP 429", "throttled")),
    ],
)
def test_answers_mean_what_the_form_says(status: int, body: Any, wanted: object) -> None:
    assert template.outcome(its(), outgoing(), reply(status, body)) == wanted


def test_answers_in_words_and_operators_without_ids() -> None:
    words = its(id_at=r"/^OK: (\w+)/", error_at=r"/^ERR: (\w+)/", success_words="^OK")
    assert template.outcome(words, outgoing(), reply(200, b"OK: x9")) == Sent(("x9",))
    assert template.outcome(words, outgoing(), reply(200, b"ERR: 21")) == Refused(
        "HTTP 200 21", "permanent"
    )
    assert template.outcome(words, outgoing(), reply(200, b"Hm")) == Unclear("HTTP 200")
    bare = its(id_at="", success_words="accepted", error_at="")
    assert template.outcome(bare, outgoing(), reply(202, b"accepted")) == Sent(
        (outgoing().reference,)
    )


# ------------------------------------------------------------------ hearing


def call(body: Any = b"", query: str = f"secret={WORD}", **headers: str) -> Call:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    known = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("POST", f"{DOOR}?{query}", known, octets, NOW)


def test_receipts_and_texts_stand_where_the_form_says() -> None:
    """R79, R100."""
    told = {"events": [
        {"id": "1", "state": "ARRIVED"}, {"id": 2, "state": "no_route", "why": "E5"},
        {"id": "3", "state": "Expired"}, {"id": "4", "state": "pondering"}, {"id": "5"}, 7,
        {"id": "6", "from": "375291112233", "to": 1234, "text": "Стоп"},
    ]}  # fmt: skip
    heard = template.hear(its(), call(told))
    assert heard.receipts == (
        ReceiptHeard("1", "delivered"),
        ReceiptHeard("2", "undeliverable", "E5"),
        ReceiptHeard("3", "expired"),
        ReceiptHeard("4", "unknown", "pondering"),
    )
    assert heard.texts == (TextHeard("6", "+375291112233", "1234", "Стоп"),)
    assert heard.answer == b"OK"


def test_calls_as_forms_and_addresses() -> None:
    flat = its(list_at="")
    assert template.hear(flat, call(b"id=1&state=Arrived")).receipts[0].state == "delivered"
    asked = call(b"", f"secret={WORD}&from=%2B375291112233&text=Hi&to=1")
    assert template.hear(flat, asked).texts[0].body == "Hi"
    assert template.hear(flat, call(b"x=1")) == template.Heard(answer=b"OK")


def test_without_the_secret_nothing_is_heard() -> None:
    """P8: fails closed."""
    body = {"events": [{"id": "1", "state": "Arrived"}]}
    assert refuses(template, its(), call(body, "secret=guess")).status == 401
    assert refuses(template, its(callback_secret=""), call(body, "secret=")).status == 401
    headed = its(secret_header="X-Secret")
    assert refuses(template, headed, call(body)).status == 401
    assert refuses(template, headed, call(body, x_secret="x")).status == 401
    assert refuses(
        template, its(secret_header="X-Secret", callback_secret=""), call(body, x_secret="")
    )
    assert template.hear(headed, call(body, "", x_secret=WORD)).receipts
    assert template.hear(headed, call(body, "", x_secret=f"Bearer {WORD}")).receipts
    assert f"secret={WORD}" not in template.request(headed, outgoing()).body.decode()


@pytest.mark.slow
def test_it_takes_anything() -> None:
    never_raises(template, its(errors=""), call, "events", "id", "state", "messages", "error")
    never_raises(template, its(list_at="", errors=""), call, "id", "state", "from", "text")


def test_secrets_are_kept() -> None:
    keeps_secrets(template, its(), KEY, WORD)


def test_places() -> None:
    tree = {"a": {"0": {"b": 1}}, "x": [{"y": "z"}], "p.q": 5, "": 1}
    assert places.find("a.0.b", tree, "") == "1"
    assert places.find("x.0.y", tree, "") == "z"
    assert places.find("p.q", tree, "") == "5"
    assert places.find("x.1.y", tree, "") == places.find("", tree, "") == ""
    assert places.find(r"/n=(\d+)/", None, "n=12 " + "x" * 10_000) == "12"
    with pytest.raises(filling.Wrong):
        filling.check("{{ a }", "text", frozenset({"a"}))
