"""What the cases of operators over HTTP share: a text on its way, answers, calls, and garbage."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from hypothesis import given, settings
from hypothesis import strategies as st

from ringdove.gateways.edge import (
    Call,
    CallWrong,
    Heard,
    Outgoing,
    ReceiptHeard,
    Refused,
    Reply,
    Request,
    Sent,
    Unclear,
)

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
DOOR = "https://shop.example/doors/texts/5f3c9e"
CYRILLIC = "Ваш заказ 42 отправлен 🕊 {€}"
LONG = "ё" * 670  # ten parts


def outgoing(**changes: Any) -> Outgoing:
    """One text to one person, good for two hours."""
    usual = {
        "reference": "0a1b2c3d4e5f6",
        "recipient": "+375291234567",
        "sender": "Linden",
        "text": "Your order 42 is on its way & soon there",
        "encoding": "GSM-7",
        "parts": 1,
        "klass": "service",
        "not_after": NOW + timedelta(hours=2),
        "now": NOW,
        "callback_url": DOOR,
    }
    return Outgoing(**{**usual, **changes})


def reply(status: int, body: Any = b"", **headers: str) -> Reply:
    """An operator's answer; what is no octets is JSON."""
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, octets)


def form_of(request: Request) -> dict[str, str]:
    """A request's form."""
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


def jwt(claims: Mapping[str, Any], secret: str, algorithm: str = "HS256") -> str:
    """Signed as RFC 7519 says."""

    def wrapped(octets: bytes) -> str:
        return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()

    head = wrapped(json.dumps({"typ": "JWT", "alg": algorithm}).encode())
    body = wrapped(json.dumps(claims).encode())
    digest = hmac.digest(secret.encode(), f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{wrapped(digest) if algorithm == 'HS256' else ''}"


def sha256(octets: bytes) -> str:
    """In hex."""
    return hashlib.sha256(octets).hexdigest()


def refuses(module: Any, its: Any, call: Call) -> CallWrong:
    """The call is not taken; why."""
    try:
        heard = module.hear(its, call)
    except CallWrong as wrong:
        return wrong
    raise AssertionError(f"taken: {heard}")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=8,
)


def bodies(*names: str) -> Any:
    """Any octets, any JSON, and JSON that looks almost as it should."""
    almost = st.dictionaries(st.sampled_from(names), JSON, max_size=6) if names else JSON
    told = st.one_of(JSON, almost, st.lists(almost, max_size=2)).map(lambda one: json.dumps(one))
    return st.one_of(st.binary(max_size=200), told.map(str.encode))


def never_raises(module: Any, its: Any, sign: Any, *names: str) -> None:
    """Any answer gives an outcome; any call, signed (`sign(body) -> Call`) or not, gives what was
    heard or CallWrong; what is heard can be stored."""

    @settings(max_examples=100, deadline=None)
    @given(status=st.integers(100, 599), body=bodies(*names), headers=st.sampled_from([{}, {
        "retry-after": "Ⅻ"}, {"retry-after": "5"}]))  # fmt: skip
    def answers(status: int, body: bytes, headers: dict[str, str]) -> None:
        got = module.outcome(its, outgoing(), Reply(status, headers, body))
        assert isinstance(got, Sent | Refused | Unclear)
        if isinstance(got, Sent):
            assert 200 <= status < 300 and all(got.provider_ids)
        if status >= 500:
            assert not isinstance(got, Refused) or got.again != "permanent"
        if hasattr(module, "told"):
            assert isinstance(module.told(its, Reply(status, headers, body)), ReceiptHeard | None)

    @settings(max_examples=100, deadline=None)
    @given(
        body=bodies(*names),
        method=st.sampled_from(["GET", "POST", "PUT"]),
        url=st.sampled_from([DOOR, "", "https://[", "//:x", DOOR + "?key=1&sig=&x=%ff"]),
        headers=st.dictionaries(
            st.sampled_from(["authorization", "content-type", "x-twilio-signature"]),
            st.text(max_size=30),
        ),
    )
    def calls(body: bytes, method: str, url: str, headers: dict[str, str]) -> None:
        refuses(module, its, Call(method, url, headers, body, NOW))
        try:
            heard = module.hear(its, sign(body))
        except CallWrong as wrong:
            assert wrong.status in (400, 401)
            return
        assert isinstance(heard, Heard)
        for one in [*heard.receipts, *heard.texts]:
            assert "\0" not in repr(one).replace("\\x00", "\0")
            str(one).encode()

    answers()
    calls()


def keeps_secrets(module: Any, its: Any, *secrets: str) -> None:
    """Secrets are in no repr and no error; forms are drawn from titles and descriptions."""
    request = module.request(its, outgoing())
    shown = repr(its) + repr(request)
    if hasattr(module, "ask"):
        shown += repr(module.ask(its, "id/1"))
    for secret in secrets:
        assert secret not in shown, secret
        assert base64.b64encode(secret.encode()).decode() not in shown
    for name, about in module.Settings.model_fields.items():
        assert about.title and about.description, name
    assert module.TITLE and module.HELP and module.CALLBACKS
    assert (module.CHANNEL, module.TRANSPORT) == ("sms", "http")
