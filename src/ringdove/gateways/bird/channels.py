"""Bird's Channels API (api.bird.com): one text is one message of an SMS channel.

The channel has its sender; a text's own sender is not sent along. Validity cannot be given, so a
text that is late is stopped by us alone. Calls are signed with HMAC-SHA256 over time, address and
the body's hash.
"""

import hashlib
from typing import Any, Final

from ringdove.gateways import edge, values
from ringdove.gateways.bird.settings import Settings, key_headers
from ringdove.gateways.edge import (
    Call,
    CallWrong,
    Heard,
    Outcome,
    Outgoing,
    ReceiptHeard,
    Reply,
    Request,
    Sent,
    State,
    TextHeard,
    Unclear,
    at,
    tree,
    word,
)

STATES: Final[dict[str, State]] = {
    "accepted": "accepted",
    "scheduled": "accepted",
    "processing": "accepted",
    "sent": "enroute",
    "delivered": "delivered",
    "sending_failed": "failed",
    "delivery_failed": "undeliverable",
    "rejected": "rejected",
    "skipped": "rejected",
    "deleted": "deleted",
    "expired": "expired",
}


def request(settings: Settings, outgoing: Outgoing) -> Request:
    """One POST with one text."""
    told = {
        "receiver": {
            "contacts": [
                {"identifierKey": "phonenumber", "identifierValue": outgoing.recipient},
            ]
        },
        "body": {"type": "text", "text": {"text": outgoing.text}},
        "reference": outgoing.reference,
    }
    headers = {**key_headers(settings), "Content-Type": "application/json"}
    return Request("POST", _messages(settings), headers, values.json_body(told))


def _messages(settings: Settings) -> str:
    where = f"workspaces/{settings.workspace_id}/channels/{settings.channel_id}"
    return f"https://api.bird.com/{where}/messages"


def outcome(settings: Settings, outgoing: Outgoing, reply: Reply) -> Outcome:
    """202 with the message, or a code and words."""
    told = tree(reply.body)
    if 200 <= reply.status < 300:
        id_ = word(at(told, "id"))
        return Sent((id_,)) if id_ else Unclear("Bird's answer names no message")
    return values.refused(reply, outgoing, word(at(told, "code")), at(told, "message"))


def hear(settings: Settings, call: Call) -> Heard:
    """sms.outbound or sms.inbound."""
    _demand_signature(settings, call)
    told = tree(call.body)
    kind, message = word(at(told, "event")), at(told, "payload")
    if kind not in ("sms.outbound", "sms.inbound"):
        return Heard()  # other events of the same subscription
    if not word(at(message, "id")):
        raise CallWrong("The call names no message.", 400)
    if kind == "sms.outbound":
        return Heard(receipts=(_receipt(message),))
    return Heard(texts=_text(message))


def _demand_signature(settings: Settings, call: Call) -> None:
    signed_at = call.headers.get("messagebird-request-timestamp", "")
    hash_ = hashlib.sha256(call.body).digest()
    spoken = b"\n".join([values.octets(signed_at), values.octets(call.url), hash_])
    given = values.unwrapped(call.headers.get("messagebird-signature", ""))
    if not signed_at or not values.same(given, values.mac(settings.signing_key, spoken)):
        raise CallWrong("The signature does not fit: enter the webhook's signing key again.")
    values.demand_fresh(call, signed_at)


def _receipt(message: Any) -> ReceiptHeard:
    state = word(at(message, "status")).lower()
    failure = at(message, "failure")
    code = word(at(failure, "code"))
    said = f"{word(at(message, 'reason'))} {word(at(failure, 'description'))}"
    found = STATES.get(state, "unknown")
    is_bad = found not in ("accepted", "enroute", "delivered")
    error = code or (edge.reason(said) if is_bad else "")
    return ReceiptHeard(
        word(at(message, "id")),
        found,
        error or ("" if state in STATES else state),
        edge.moment(at(message, "lastStatusAt")) or edge.moment(at(message, "updatedAt")),
        opted_out=values.is_stopped(said),
    )


def _text(message: Any) -> tuple[TextHeard, ...]:
    """Pictures and the like are taken and forgotten."""
    body = at(message, "body", "text", "text")
    if body is None:
        return ()
    sender = at(message, "sender", "contact", "identifierValue")
    recipient = at(message, "receiver", "connectors", 0, "identifierValue")
    return (
        TextHeard(
            word(at(message, "id")),
            edge.international(sender),
            edge.international(recipient),
            word(body, edge.TEXT_LETTERS_MAX),
            edge.moment(at(message, "createdAt")),
        ),
    )


def ask(settings: Settings, provider_id: str) -> Request:
    """What became of it."""
    url = f"{_messages(settings)}/{values.segment(provider_id)}"
    return Request("GET", url, key_headers(settings))


def told(settings: Settings, reply: Reply) -> ReceiptHeard | None:
    """The message as it stands; None: Bird does not say."""
    found = tree(reply.body)
    if reply.status != 200 or not word(at(found, "id")) or not word(at(found, "status")):
        return None
    return _receipt(found)
