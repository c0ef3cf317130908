"""Kannel's own HTTP page, sendsms: for whoever runs a Kannel in front of an operator.

    outcome of one request
    ├── Sent(our reference)   202 "0: Accepted for delivery", "3: Queued for later delivery"
    ├── Refused(…)            400, 404 for ever; 403 the account; 503 slow down
    └── Unclear(…)            what nobody can read

Kannel gives no id: our reference stands in the dlr-url and comes back with every receipt. It signs
nothing: a secret stands in the addresses. The parts of a long text and their headers are left to
Kannel. It has one answer of ours to give to a person's text: none, so it is told max-messages = 0.
Pure: no socket, no clock.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from pydantic import Field, SecretStr, field_validator

from ringdove.gateways import edge, values
from ringdove.gateways.edge import (
    Call,
    CallWrong,
    Heard,
    Outcome,
    Outgoing,
    ReceiptHeard,
    Refused,
    Reply,
    Request,
    Sent,
    State,
    TextHeard,
    Unclear,
)
from ringdove.smpp import receipts

TITLE: Final = "Kannel (HTTP)"
HELP: Final = (
    "A Kannel of your own or of your provider, over its sendsms page. You need its address and a"
    " sendsms-user of it."
)
CHANNEL: Final = "sms"
TRANSPORT: Final = "http"
GUARDS_DOUBLES: Final = False
CALLBACKS: Final = (
    "Receipts come by themselves once the callback secret is set. For answers write in Kannel's"
    " configuration, in group = sms-service: keyword = default, max-messages = 0, and get-url ="
    ' "…?secret=…&from=%q&to=%Q&id=%I&at=%T&coding=%c&charset=%C&body=%b" with the address below'
    " and the callback secret."
)

DLR_ALL: Final = 31  # delivered, not delivered, buffered, taken by the SMSC, refused by it
STATES: Final[dict[str, State]] = {
    "1": "delivered",
    "2": "undeliverable",
    "4": "enroute",
    "8": "accepted",
    "16": "rejected",
    "32": "enroute",
}
VALIDITY_MINUTES: Final = (1, 10_080)


class Settings(edge.Settings):
    """What a merchant fills in."""

    url: str = Field(
        max_length=500,
        title="Address of sendsms",
        description="Such as http://127.0.0.1:13013/cgi-bin/sendsms.",
    )
    username: str = Field(
        min_length=1,
        max_length=100,
        title="User name",
        description="username of a group = sendsms-user in Kannel's configuration.",
    )
    password: SecretStr = Field(
        SecretStr(""),
        max_length=200,
        title="Password",
        description="Its password. Kept sealed, never shown.",
    )
    smsc: str = Field(
        "",
        max_length=100,
        title="SMSC",
        description="smsc-id over which texts go; empty: Kannel chooses.",
    )
    callback_secret: SecretStr = Field(
        SecretStr(""),
        max_length=200,
        title="Callback secret",
        description="A word of your own that only Kannel is told: it stands in the address of"
        " receipts and answers and proves them.",
        json_schema_extra={"generate": True},
    )

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")) or "?" in url:
            raise ValueError("write an address such as http://127.0.0.1:13013/cgi-bin/sendsms")
        return url


# ------------------------------------------------------------------ sending


def request(settings: Settings, outgoing: Outgoing) -> Request:
    """One GET; the text in UTF-8, which Kannel turns into what the SMSC wants."""
    told = {
        "username": settings.username,
        "password": settings.password.get_secret_value(),
        "smsc": settings.smsc,
        "from": outgoing.sender,
        "to": outgoing.recipient,
        "coding": "0" if outgoing.encoding == "GSM-7" else "2",
        "charset": "UTF-8",
        "validity": str(_minutes_left(outgoing)),
        "text": outgoing.text,
    }
    known = values.with_secret(outgoing.callback_url, settings.callback_secret)
    if known and settings.callback_secret.get_secret_value():
        told["dlr-mask"] = str(DLR_ALL)
        # Kannel fills in %d (what happened) and %A (in the SMSC's words), encoded for an address.
        told["dlr-url"] = f"{known}&ref={outgoing.reference}&dlr=%d&said=%A"
    query = urlencode({name: value for name, value in told.items() if value}, quote_via=quote)
    return Request("GET", f"{settings.url}?{query}")


def _minutes_left(outgoing: Outgoing) -> int:
    left = int((outgoing.not_after - outgoing.now).total_seconds() // 60)
    return min(max(left, VALIDITY_MINUTES[0]), VALIDITY_MINUTES[1])


def outcome(settings: Settings, outgoing: Outgoing, reply: Reply) -> Outcome:
    """A number and words; the HTTP status says the same."""
    said = edge.word(reply.body.decode("utf-8", "replace")).strip()
    why = edge.reason(f"HTTP {reply.status}", said)
    if 200 <= reply.status < 300:
        is_taken = said.startswith(("0:", "3:", "Sent"))
        return Sent((outgoing.reference,)) if is_taken else Unclear(why)
    if reply.status == 503:  # "Temporal failure, try again later": its queue is full, or no SMSC
        return Refused(why, "throttled", retry_after_s=edge.retry_after_s(reply, outgoing.now))
    if reply.status == 404 and "routable" in said.lower():
        return Refused(why, "permanent")
    return values.refused(reply, outgoing, said)


# ------------------------------------------------------------------ hearing


def hear(settings: Settings, call: Call) -> Heard:
    """A dlr-url that Kannel opened, or a person's text by get-url or post-url."""
    edge.demand_secret(settings.callback_secret, call)
    fields = _fields(call)
    if "dlr" in fields:
        reference = edge.word(_words(fields["ref"])) if "ref" in fields else ""
        if not reference:
            raise CallWrong("The receipt names no message.", 400)
        said = edge.word(_words(fields.get("said", b"")), 2_000)
        return Heard(receipts=(_receipt(reference, _words(fields["dlr"]).strip(), said),))
    if "from" in fields:
        return Heard(texts=(_text(fields),))
    raise CallWrong("The call is neither a receipt nor a text.", 400)


def _fields(call: Call) -> dict[str, bytes]:
    """As octets: %b is a text in whichever charset it came in. With post-url the body is the text
    and headers say the rest."""
    try:
        query = urlsplit(call.url).query
        pairs = parse_qsl(
            query, keep_blank_values=True, encoding="latin-1", max_num_fields=edge.FIELDS_MAX
        )
    except ValueError:
        raise CallWrong("The address of the call cannot be read.", 400) from None
    found = {name: value.encode("latin-1", "replace") for name, value in reversed(pairs)}
    sender = call.headers.get("x-kannel-from")
    if call.method.upper() == "POST" and sender and "dlr" not in found:
        found |= {
            "from": sender.encode(),
            "to": call.headers.get("x-kannel-to", "").encode(),
            "id": call.headers.get("x-kannel-id", "").encode(),
            "charset": _charset(call.headers).encode(),
            "body": call.body,
        }
    return found


def _charset(headers: Mapping[str, str]) -> str:
    kind = headers.get("content-type", "")
    return kind.partition("charset=")[2].strip("\"' ;") or "UTF-8"


def _receipt(reference: str, what: str, said: str) -> ReceiptHeard:
    state = STATES.get(what, "unknown")
    if state == "unknown":
        return ReceiptHeard(reference, state, edge.reason(what, said))
    if state not in ("undeliverable", "rejected"):
        return ReceiptHeard(reference, state)
    # %A is the SMSC's receipt where there is one: its word is finer than "not delivered".
    found = receipts.understand(said.encode("latin-1", "replace"), ())
    if state == "undeliverable" and found.state in ("expired", "rejected", "deleted", "failed"):
        state = found.state
    return ReceiptHeard(reference, state, edge.reason(found.error or said))


def _text(fields: Mapping[str, bytes]) -> TextHeard:
    charset = _words(fields.get("charset", b"")) or "UTF-8"
    if fields.get("coding", b"").strip() == b"2" and charset.upper() not in ("UTF-8", "UTF8"):
        charset = "UTF-16BE"
    body = _decoded(fields.get("body", b""), charset)
    id_ = edge.word(_words(fields.get("id", b"")), 100)
    return TextHeard(
        id_ if id_ and not id_.startswith("%") else "",
        edge.international(_words(fields["from"])),
        edge.international(_words(fields.get("to", b""))),
        edge.word(body, edge.TEXT_LETTERS_MAX),
        edge.moment(_words(fields.get("at", b""))),
    )


def _words(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _decoded(octets: bytes, charset: str) -> str:
    """Kannel calls what it has turned from GSM letters already "GSM" or by its true name."""
    try:
        name = "utf-8" if charset.upper() in ("GSM", "GSM-7", "BINARY") else charset
        return octets.decode(name, "replace")
    except (LookupError, ValueError):
        return octets.decode("utf-8", "replace")
