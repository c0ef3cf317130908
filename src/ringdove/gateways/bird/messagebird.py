"""MessageBird's REST API (rest.messagebird.com): one text is one message with one recipient.

Receipts come as a GET whose query tells all; calls are signed with a JWT that holds the hashes of
address and body and is good for a minute.
"""

from typing import Any, Final

from ringdove.gateways import edge, values
from ringdove.gateways.bird.settings import Settings, key_headers
from ringdove.gateways.edge import (
    Again,
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
    at,
    tree,
    word,
)

API: Final = "https://rest.messagebird.com/messages"
VALIDITY_S_MAX: Final = 172_800
LEEWAY_S: Final = 60.0  # between their clock and ours

CODES: Final[dict[str, Again]] = {
    "9": "permanent",  # a parameter is missing, or there is no recipient
    "10": "permanent",  # a parameter is wrong
    "21": "permanent",  # bad request
}
ACCOUNT: Final = {"2", "20", "25", "98"}  # key, not found, no money, no such API

STATES: Final[dict[str, State]] = {
    "scheduled": "accepted",
    "sent": "enroute",
    "buffered": "enroute",
    "delivered": "delivered",
    "expired": "expired",
    "delivery_failed": "undeliverable",
}


def request(settings: Settings, outgoing: Outgoing) -> Request:
    """One POST with one text."""
    told: dict[str, object] = {
        "originator": outgoing.sender.removeprefix("+"),
        "recipients": [outgoing.recipient.removeprefix("+")],
        "body": outgoing.text,
        "datacoding": "unicode" if outgoing.encoding == "UCS-2" else "plain",
        "reference": outgoing.reference,
        "validity": values.seconds_left(outgoing, 1, VALIDITY_S_MAX),
    }
    if outgoing.callback_url:
        told["reportUrl"] = outgoing.callback_url
    headers = {**key_headers(settings), "Content-Type": "application/json"}
    return Request("POST", API, headers, values.json_body(told))


def outcome(settings: Settings, outgoing: Outgoing, reply: Reply) -> Outcome:
    """201 with the message, or {"errors": […]}."""
    told = tree(reply.body)
    if 200 <= reply.status < 300:
        id_ = word(at(told, "id"))
        return Sent((id_,)) if id_ else Unclear("MessageBird's answer names no message")
    code, said = word(at(told, "errors", 0, "code")), at(told, "errors", 0, "description")
    if reply.status < 500 and code in ACCOUNT:
        return Refused(edge.reason(code, said), "later", account=True)
    if reply.status < 500 and code in CODES:
        why = edge.reason(code, said)
        return Refused(why, CODES[code], opted_out=values.is_stopped(why))
    return values.refused(reply, outgoing, code, said)


def hear(settings: Settings, call: Call) -> Heard:
    """A receipt, or a person's text."""
    _demand_token(settings, call)
    fields: dict[str, Any] = dict(edge.query(call))
    told = tree(call.body)
    fields |= told if isinstance(told, dict) else edge.form(call)
    id_, state = word(fields.get("id")), word(fields.get("status")).lower()
    if state and "body" not in fields:
        if not id_:
            raise CallWrong("The receipt names no message.", 400)
        return Heard(receipts=(_receipt(id_, state, fields),))
    sender = edge.international(fields.get("originator") or fields.get("sender"))
    if not sender:
        raise CallWrong("The call is neither a receipt nor a text.", 400)
    return Heard(texts=(_text(id_ or word(fields.get("message_id")), sender, fields),))


def _demand_token(settings: Settings, call: Call) -> None:
    said = values.claims(call.headers.get("messagebird-signature-jwt", ""), settings.signing_key)
    if said.get("iss") != "MessageBird":
        raise CallWrong("The signature is not MessageBird's.")
    if not values.same(word(said.get("url_hash")).lower(), values.sha256(call.url)):
        raise CallWrong("The address is not the one that was signed: see our public address.")
    hash_ = word(said.get("payload_hash")).lower()
    if (call.body or hash_) and not values.same(hash_, values.sha256(call.body)):
        raise CallWrong("The body is not the one that was signed.")
    begins, ends = edge.moment(said.get("nbf")), edge.moment(said.get("exp"))
    if begins is None or ends is None:
        raise CallWrong("The signature does not say how long it is good.")
    if call.now is not None and not (
        (begins - call.now).total_seconds() <= LEEWAY_S
        and (call.now - ends).total_seconds() <= LEEWAY_S
    ):
        raise CallWrong("The signature is too old, or the clock of this machine is wrong.")


def _receipt(id_: str, state: str, fields: dict[str, Any]) -> ReceiptHeard:
    found = STATES.get(state, "unknown")
    code, said = word(fields.get("statusErrorCode")), word(fields.get("statusReason"))
    is_bad = found not in ("accepted", "enroute", "delivered")
    error = edge.reason("" if code == "0" else code, said) if is_bad else ""
    return ReceiptHeard(
        id_,
        found,
        error if state in STATES else state,
        edge.moment(fields.get("statusDatetime")),
        opted_out=values.is_stopped(said),
        price=values.price(fields.get("price[amount]"), fields.get("price[currency]")),
    )


def _text(id_: str, sender: str, fields: dict[str, Any]) -> TextHeard:
    """Flow Builder names the fields so; a number forwarded to a URL calls them by other names."""
    body = next((fields[one] for one in ("body", "payload", "message") if one in fields), "")
    return TextHeard(
        id_,
        sender,
        edge.international(fields.get("recipient") or fields.get("receiver")),
        word(body, edge.TEXT_LETTERS_MAX),
        edge.moment(fields.get("createdDatetime") or fields.get("receivedSMSDateTime")),
    )


def ask(settings: Settings, provider_id: str) -> Request:
    """What became of it."""
    return Request("GET", f"{API}/{values.segment(provider_id)}", key_headers(settings))


def told(settings: Settings, reply: Reply) -> ReceiptHeard | None:
    """The message as it stands; None: MessageBird does not say."""
    found = tree(reply.body)
    line = at(found, "recipients", "items", 0)
    id_, state = word(at(found, "id")), word(at(line, "status")).lower()
    if reply.status != 200 or not id_ or not state:
        return None
    amount, currency = at(line, "price", "amount"), at(line, "price", "currency")
    return _receipt(id_, state, {**line, "price[amount]": amount, "price[currency]": currency})
