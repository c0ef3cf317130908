"""Self-written shops: signed JSON events in the very words of rules/facts.py.

One event, an array, or {"events": […]} of at most a thousand; all are taken or none. The signature
covers the time and the raw body, so that a copied request is worthless five minutes later. The same
`id` again is the same event: senders may repeat whatever they are not sure of.
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, field_validator

from ringdove.rules.facts import Fact, OutsideFact
from ringdove.rules.links.link_targets import Goods, web_address
from ringdove.stores.edge import (
    Answer,
    BodyUnreadable,
    FactWrong,
    Nothing,
    Refusal,
    SignatureWrong,
    clean,
    parse,
)

TITLE = "Your own shop"
HELP = "Any shop or program that can send JSON: signed events, documented under /api/docs."
ICON = "world"

SIGNATURE_HEADER = "ringdove-signature"
TOLERANCE_S = 300
EVENTS_MAX = 1_000
ERRORS_SHOWN = 20

_EVENTS: TypeAdapter[list[OutsideFact]] = TypeAdapter(list[OutsideFact])


class Settings(BaseModel):
    """What the merchant enters."""

    webhook_secret: str = Field(
        "",
        title="Signing secret",
        description="Both sides know it. Your program signs every request with it.",
        max_length=200,
        json_schema_extra={"secret": True, "generate": True},
    )
    cart_template: str = Field(
        "",
        title="Address that fills a cart",
        description="https://shop.example/cart?add={lines}&code={code}: {lines} becomes"
        " SKU:pieces,SKU:pieces and {code} the customer's promo code, or nothing. Empty: a page of"
        " ours shows the goods one by one.",
        max_length=500,
    )

    @field_validator("cart_template")
    @classmethod
    def _usable(cls, template: str) -> str:
        if template and ("{lines}" not in template or not web_address(template)):
            raise ValueError("write an address that begins with https:// and holds {lines}")
        return template


def cart_url(settings: Settings, lines: Sequence[Goods], code: str) -> str:
    """The shop's address that opens this cart; "": it has none. Signs of a stock keeping unit that
    the list itself needs are escaped once more."""
    if not settings.cart_template or not lines:
        return ""
    told = ",".join(f"{quote(line.sku, safe='')}:{line.quantity.normalize():f}" for line in lines)
    filled = settings.cart_template.replace("{lines}", quote(told, safe=":,"))
    return filled.replace("{code}", quote(code, safe=""))


def sign(body: bytes, secret: str, at: datetime) -> str:
    """The value of the Ringdove-Signature header for this body."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={_digest(seconds, body, secret)}"


def verify(
    headers: Mapping[str, str], body: bytes, secrets: Mapping[str, str], now: datetime
) -> Refusal | None:
    """None when the request is from who knows the secret, and fresh."""
    secret = secrets.get("webhook_secret", "")
    if not secret:
        return SignatureWrong("This connection has no signing secret: set one on its page.")
    stamp, digests = _taken_apart(headers.get(SIGNATURE_HEADER, ""))
    if stamp is None or not digests:
        return SignatureWrong(
            "Send the header `Ringdove-Signature: t=<unix time>,v1=<hex HMAC-SHA256>`."
        )
    if abs(now.timestamp() - stamp) > TOLERANCE_S:
        return SignatureWrong(
            "The signature's time is more than five minutes off: set the clock and sign anew."
        )
    expected = _digest(stamp, body, secret)
    if any(hmac.compare_digest(expected, given) for given in digests):
        return None
    return SignatureWrong(
        "The signature does not fit: sign `<t>.<raw body>` with the secret of this connection."
    )


def _digest(stamp: int, body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), b"%d.%s" % (stamp, body), sha256).hexdigest()


def _taken_apart(header: str) -> tuple[int | None, list[str]]:
    stamp, digests = None, []
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t" and value.isascii() and value.isdigit() and len(value) <= 12:
            stamp = int(value)
        elif name == "v1" and value.isascii():  # two while a secret is being changed
            digests.append(value.lower())
    return stamp, digests


def read(
    headers: Mapping[str, str], body: bytes, settings: Settings, country: str, heard_at: datetime
) -> Answer:
    """The facts of a body: all of them, or the reason why none."""
    told = parse(body)
    if isinstance(told, Refusal):
        return told
    events = told.get("events") if isinstance(told, dict) and "events" in told else told
    if isinstance(events, dict):
        events = [events]
    if not isinstance(events, list):
        return BodyUnreadable('Send one event, an array of events, or {"events": […]}.')
    if len(events) > EVENTS_MAX:
        return BodyUnreadable(f"{len(events)} events at once; send at most {EVENTS_MAX}.")
    if not events:
        return Nothing("no events")
    try:
        return list[Fact](_EVENTS.validate_python(_cleaned(events)))
    except ValidationError as wrong:
        return _refusal(wrong)
    except (RecursionError, OverflowError):
        return BodyUnreadable("A value is nested too deeply or too large.")


def _cleaned(told: Any) -> Any:
    """Without what PostgreSQL cannot keep; line breaks inside a text become spaces."""
    if isinstance(told, str):
        return clean(told)
    if isinstance(told, list):
        return [_cleaned(each) for each in told]
    if isinstance(told, dict):
        return {key: _cleaned(value) for key, value in told.items()}
    return told


def _refusal(wrong: ValidationError) -> FactWrong:
    errors = []
    for error in wrong.errors(include_url=False, include_input=False, include_context=False):
        index, *path = error["loc"]
        # The union's tag stands behind the index ("order.placed"): it is no field of the event.
        names = [str(name) for name in path if "." not in str(name)]
        errors.append({"index": index, "field": ".".join(names) or "kind", "detail": error["msg"]})
    first = errors[0]
    return FactWrong(
        f"Event {first['index']}, field `{first['field']}`: {first['detail']}. "
        "Nothing of this request was taken: correct it and send all of it again.",
        tuple(errors[:ERRORS_SHOWN]),
    )


def steps(url: str) -> list[str]:
    """What is to be done on the shop's side."""
    return [
        "Write down the signing secret: it is shown once.",
        f"Send every event as JSON by POST to {url}",
        "Sign it: header Ringdove-Signature with t=<unix time> and v1=<hex HMAC-SHA256 of "
        '"<t>.<body>" with the secret>. Examples in curl and Python: docs/shops/events.md.',
        "Repeat a request until the answer is 200: an event is never counted twice.",
        "Try it in the sandbox: place an order and look at the virtual phones.",
    ]


EXAMPLE = """\
URL='{url}'
SECRET='{secret}'
BODY='{{"kind": "order.placed", "id": "order/test-1/placed", "at": "{at}",
  "order": {{"key": "test-1", "placed_at": "{at}", "total": "59.90",
    "customer": {{"phone": "{phone}", "name": "Anna Volk"}},
    "lines": [{{"name": "Teapot", "price": "59.90"}}]}}}}'
T=$(date +%s)
V1=$(printf '%s.%s' "$T" "$BODY" | openssl dgst -sha256 -hmac "$SECRET" | sed 's/.*= //')
curl -sS "$URL" -H "Ringdove-Signature: t=$T,v1=$V1" -d "$BODY"
"""


def example(url: str, secret: str, phone: str, at: datetime) -> str:
    """A first event, to be pasted into a shell."""
    return EXAMPLE.format(url=url, secret=secret, phone=phone, at=f"{at:%Y-%m-%dT%H:%M:%SZ}")
