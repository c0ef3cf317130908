"""Signed events of self-written shops: all of a request or none, and words for what is wrong."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules import facts
from ringdove.stores import events
from ringdove.stores.edge import BodyUnreadable, FactWrong, Nothing, SignatureWrong

NOW = datetime(2026, 3, 20, tzinfo=UTC)
SECRETS = {"webhook_secret": "geheim"}
PLACED = {
    "kind": "order.placed",
    "id": "order/1001/placed",
    "at": "2026-03-20T09:00:00+03:00",
    "order": {
        "key": "1001",
        "placed_at": "2026-03-20T09:00:00+03:00",
        "total": "59.90",
        "currency": "BYN",
        "customer": {"phone": "8 029 111-22-33", "name": "Анна", "language": "ru"},
        "lines": [{"name": "Чайник", "price": 59.9}],
    },
}
PAID = {"kind": "payment.received", "id": "p1", "at": "2026-03-20T06:01:00Z", "order": "1001"}


def heard(told: Any) -> Any:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return events.read({}, body, events.Settings(), "BY", NOW)


@pytest.mark.parametrize("told", [[PLACED, PAID], {"events": [PLACED, PAID]}])
def test_events_come_alone_in_a_list_or_in_an_envelope(told: Any) -> None:
    """R111."""
    assert [fact.kind for fact in heard(told)] == ["order.placed", "payment.received"]
    (placed,) = heard(PLACED)
    assert str(placed.order.total) == "59.90" and placed.subject() == "order/1001"


def test_one_bad_event_refuses_all_and_names_itself() -> None:
    answer = heard([PAID, {**PLACED, "order": {**PLACED["order"], "total": "many"}}])  # type: ignore[dict-item]
    assert isinstance(answer, FactWrong)
    assert answer.errors[0]["index"] == 1 and answer.errors[0]["field"] == "order.total"
    assert "Event 1, field `order.total`" in answer.detail and "again" in answer.detail


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({}, "kind"),
        ({**PAID, "kind": "order.eaten"}, "kind"),
        ({**PAID, "kind": "text.received"}, "kind"),
        ({**PAID, "ordr": "1"}, "ordr"),
        ({**PAID, "at": "2026-03-20T06:01:00"}, "at"),
        ({**PAID, "id": ""}, "id"),
        ({**PAID, "amount": "NaN"}, "amount"),
        (5, "kind"),
    ],
)
def test_what_is_wrong_is_named_by_its_field(told: Any, field: str) -> None:
    answer = heard([told])
    assert isinstance(answer, FactWrong)
    assert answer.errors[0]["field"] == field


def test_too_many_none_and_garbage() -> None:
    assert isinstance(heard([PAID] * 1001), BodyUnreadable)
    assert isinstance(heard([]), Nothing)
    for body in (b"", b"{", b"3", b'"x"', b'{"events": 4}', b"\xff", b"[" * 100_000):
        assert isinstance(heard(body), BodyUnreadable)


def test_signs_that_a_database_cannot_keep_are_taken_out() -> None:
    (fact,) = heard({**PLACED, "id": "a\x00b\ud83d"})
    assert fact.id == "a b"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner),
    max_leaves=20,
)


@pytest.mark.slow
@given(st.sampled_from(sorted(facts.kinds())), st.dictionaries(st.text(max_size=8), JSON))
def test_any_json_is_read_or_refused(kind: str, rest: dict[str, Any]) -> None:
    """P11."""
    assert isinstance(heard(rest), list | Nothing | BodyUnreadable | FactWrong)
    assert isinstance(heard({**PLACED, "kind": kind, **rest}), list | Nothing | FactWrong)


# ------------------------------------------------------------------ who says it


def signed(body: bytes, at: datetime = NOW, secret: str = "geheim") -> dict[str, str]:
    return {"ringdove-signature": events.sign(body, secret, at)}


def test_the_signature_is_over_time_and_body() -> None:
    """P8."""
    assert events.verify(signed(b"{}"), b"{}", SECRETS, NOW) is None
    assert events.verify(signed(b"{}"), b"{}", SECRETS, NOW + timedelta(minutes=5)) is None
    # printf '1774000000.{}' | openssl dgst -sha256 -hmac geheim
    assert events.sign(b"{}", "geheim", datetime.fromtimestamp(1774000000, UTC)) == EXPECTED


EXPECTED = "t=1774000000,v1=f84eb7ebd8849d24618c544531a687672ac3e349a6f755abbd38d7ecec102a05"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"ringdove-signature": ""},
        {"ringdove-signature": "t=x,v1=y"},
        {"ringdove-signature": "t=1774000000"},
        {"ringdove-signature": "v1=00"},
        {"ringdove-signature": "t=²,v1=é"},
        signed(b"{} "),
        signed(b"{}", secret="other"),
        signed(b"{}", NOW - timedelta(minutes=6)),
        signed(b"{}", NOW + timedelta(minutes=6)),
    ],
)
def test_all_else_is_refused(headers: dict[str, str]) -> None:
    answer = events.verify(headers, b"{}", SECRETS, NOW)
    assert isinstance(answer, SignatureWrong) and answer.detail.endswith(".")


def test_two_secrets_may_be_valid_while_one_is_changed() -> None:
    header = signed(b"{}", secret="old")["ringdove-signature"]
    both = header + "," + signed(b"{}")["ringdove-signature"].partition(",")[2]
    assert events.verify({"ringdove-signature": both}, b"{}", SECRETS, NOW) is None
    assert isinstance(events.verify({"ringdove-signature": both}, b"{}", {}, NOW), SignatureWrong)
