"""Telnyx, Messaging API v2: https://developers.telnyx.com/docs/messaging

Calls are signed with Ed25519 over "timestamp|body"; the key is public, so nothing secret is needed
to check them. Telnyx has no duplicate protection and takes no
end of validity; a text that nobody fetched in time is dropped by us before it is sent.
Pure: no socket, no clock.
"""

import base64
import binascii
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
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

TITLE: Final = "Telnyx"
HELP: Final = (
    "Numbers and routes in most countries. You need an account at telnyx.com, a messaging profile"
    " and an API key."
)
CHANNEL: Final = "sms"
TRANSPORT: Final = "http"
CALLBACKS: Final = (
    "Receipts come by themselves. For answers open Messaging → your profile in the Telnyx portal"
    " and enter the address below as Webhook URL, API version 2. Without the public key no call is"
    " taken."
)
GUARDS_DOUBLES: Final = False

KEY_OCTETS: Final = 32  # RFC 8032 §5.1.5
KEY_WRONG: Final = "this is no public key: copy the 44 signs from the Telnyx portal"
WRONGS: Final = (KEY_WRONG,)

MESSAGES_URL: Final = "https://api.telnyx.com/v2/messages"


class Settings(edge.Settings):
    """What a merchant fills in."""

    api_key: SecretStr = Field(
        min_length=1,
        max_length=200,
        title="API key",
        description="KEY…: in the Telnyx portal under API Keys. Kept sealed, never shown.",
    )
    public_key: str = Field(
        "",
        max_length=200,
        title="Public key",
        description="In the Telnyx portal under Keys & Credentials → Public Key. It proves that"
        " receipts and answers come from Telnyx.",
    )
    messaging_profile_id: str = Field(
        "",
        max_length=60,
        title="Messaging profile",
        description="Its id. Needed where the sender is a name or comes from a pool of numbers.",
    )

    @field_validator("public_key")
    @classmethod
    def _is_a_key(cls, value: str) -> str:
        try:
            octets = base64.b64decode(value, validate=True)
        except (ValueError, binascii.Error):
            raise ValueError(KEY_WRONG) from None
        if value and len(octets) != KEY_OCTETS:
            raise ValueError(KEY_WRONG)
        return value


# ── Sending ──────────────────────────────────────────────────────────────────


def request(settings: Settings, outgoing: Outgoing) -> Request:
    fields = {
        "from": edge.international(outgoing.sender),
        "messaging_profile_id": settings.messaging_profile_id,
        "to": outgoing.recipient,
        "text": outgoing.text,
        "type": "SMS",
        "webhook_url": outgoing.callback_url,
    }
    body = values.json_body({name: value for name, value in fields.items() if value})
    return Request("POST", MESSAGES_URL, _headers(settings), body)


def _headers(settings: Settings) -> dict[str, str]:
    return {
        "authorization": f"Bearer {settings.api_key.get_secret_value()}",
        "content-type": "application/json",
        "accept": "application/json",
    }


STOPPED: Final = "40300"
THROTTLED: Final = frozenset({"10011", "40011", "40018", "40318"})
LATER: Final = frozenset({"10007", "40002", "40006", "40016", "40151", "40320", "40321"})
ACCOUNT: Final = frozenset(
    {"10009", "10010", "20002", "20006", "20012", "20013", "20014", "20015", "20016", "20017"}
    | {"20100", "40311", "40312", "40313", "40314"}
)
PERMANENT: Final = frozenset(
    {"10001", "10002", "10004", "10015", "10016", "40001", "40003", "40004", "40008", "40009"}
    | {"40010", "40012", "40013", "40015", "40017", "40100", "40150", "40300", "40301", "40302"}
    | {"40304", "40305", "40306", "40308", "40309", "40310", "40315", "40316", "40317", "40319"}
    | {"40322", "40328", "40329"}
)
"""https://support.telnyx.com/en/articles/6505121; the rest goes by the HTTP status."""


def outcome(settings: Settings, outgoing: Outgoing, reply: Reply) -> Outcome:
    told = edge.tree(reply.body)
    if 200 <= reply.status < 300:
        provider_id = edge.word(edge.at(told, "data", "id"))
        return Sent((provider_id,)) if provider_id else Unclear("Telnyx's answer names no message")
    code, why = _error(edge.at(told, "errors"))
    if reply.status >= 500:
        return values.refused(reply, outgoing, why)
    if code in THROTTLED:
        pause_s = edge.retry_after_s(reply, outgoing.now)
        return Refused(why, "throttled", retry_after_s=pause_s)
    if code in ACCOUNT:
        return Refused(why, "later", account=True)
    if code in PERMANENT:
        return Refused(why, "permanent", opted_out=_stopped(code, why))
    return Refused(why, "later") if code in LATER else values.refused(reply, outgoing, why)


def _error(errors: Any) -> tuple[str, str]:
    """The first error's code, and what to show of it."""
    first = edge.at(errors, 0)
    code = edge.word(edge.at(first, "code"))
    return code, edge.reason(code, edge.at(first, "title"), edge.at(first, "detail"))


def _stopped(code: str, why: str) -> bool:
    """40300 also means a number without a profile: only its words tell a stop."""
    return code == STOPPED and ("STOP" in why or "block rule" in why)


# ── What Telnyx tells ────────────────────────────────────────────────────────

STATES: Final[dict[str, State]] = {
    "scheduled": "accepted",
    "queued": "accepted",
    "sending": "enroute",
    "sent": "enroute",
    "delivered": "delivered",
    "sending_failed": "failed",
    "delivery_failed": "undeliverable",
    "expired": "expired",
    "cancelled": "deleted",
    "delivery_unconfirmed": "unknown",
}


def hear(settings: Settings, call: Call) -> Heard:
    _demand_signature(settings.public_key, call)
    event = edge.at(edge.tree(call.body), "data")
    payload = edge.at(event, "payload")
    match edge.word(edge.at(event, "event_type")):
        case "message.received":
            text = _text(payload)
            return Heard(texts=(text,) if text.sender else ())
        case "message.sent" | "message.finalized":
            receipt = _receipt(payload)
            return Heard(receipts=(receipt,) if receipt else ())
        case _:
            return Heard()


def _demand_signature(public_key: str, call: Call) -> None:
    """https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks"""
    sent_at = call.headers.get("telnyx-timestamp", "")
    try:
        octets = base64.b64decode(public_key.strip(), validate=True)
        key = Ed25519PublicKey.from_public_bytes(octets)
    except (ValueError, binascii.Error):
        raise CallWrong("This gateway has no public key of Telnyx: enter it.") from None
    try:
        signature = base64.b64decode(call.headers.get("telnyx-signature-ed25519", ""))
        key.verify(signature, sent_at.encode() + b"|" + call.body)
    except (InvalidSignature, ValueError):
        raise CallWrong("Telnyx's signature does not fit: copy the public key again.") from None
    values.demand_fresh(call, sent_at)


def _text(payload: Any) -> TextHeard:
    return TextHeard(
        id=edge.word(edge.at(payload, "id")),
        sender=edge.international(edge.at(payload, "from", "phone_number")),
        recipient=edge.international(edge.at(payload, "to", 0, "phone_number")),
        body=edge.word(edge.at(payload, "text"), edge.TEXT_LETTERS_MAX),
        at=edge.moment(edge.at(payload, "received_at")),
    )


def _receipt(payload: Any) -> ReceiptHeard | None:
    provider_id = edge.word(edge.at(payload, "id"))
    status = edge.word(edge.at(payload, "to", 0, "status"))
    if not provider_id:
        return None
    code, why = _error(edge.at(payload, "errors"))
    state = STATES.get(status, "unknown")
    return ReceiptHeard(
        provider_id,
        state,
        error=why or (status if state == "unknown" else ""),
        at=edge.moment(edge.at(payload, "completed_at") or edge.at(payload, "sent_at")),
        opted_out=_stopped(code, why),
        price=values.price(
            edge.at(payload, "cost", "amount"), edge.at(payload, "cost", "currency")
        ),
    )


# ── Asking Telnyx ────────────────────────────────────────────────────────────


def ask(settings: Settings, provider_id: str) -> Request:
    return Request("GET", f"{MESSAGES_URL}/{values.segment(provider_id)}", _headers(settings))


def told(settings: Settings, reply: Reply) -> ReceiptHeard | None:
    payload = edge.at(edge.tree(reply.body), "data") if reply.status == 200 else None
    return _receipt(payload) if edge.at(payload, "direction") != "inbound" else None
