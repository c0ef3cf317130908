"""Infobip's SMS API v3: one request, one message, one destination.

    outcome of one request
    ├── Sent(messageId)
    ├── Refused(…)     by the name of Infobip's status (REJECTED_…) or by HTTP status
    └── Unclear(…)     Infobip broke while it answered

An id of ours could be sent along, and a second message with it would be rejected; but so would a
repetition of one that was rejected itself (no credit), so none is sent and doubles are not guarded.
Infobip signs nothing: the secret is in our address. Pure: no socket, no clock.
"""

from typing import Any, Final

from pydantic import Field, SecretStr

from ringdove.gateways import edge, values
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

TITLE: Final = "Infobip"
HELP: Final = (
    "Sends and receives through an account at Infobip. The base URL and the API key stand on the"
    " first page of its portal."
)
CHANNEL: Final = "sms"
TRANSPORT: Final = "http"
GUARDS_DOUBLES: Final = False
CALLBACKS: Final = (
    "Receipts come by themselves. For answers: Infobip portal, Channels and Numbers, Numbers, your"
    " number, SMS, Keywords, forward to HTTP: our address, and behind it ?secret= and the callback"
    " secret that you entered here; renderer MO_JSON_2."
)

VALIDITY_S_MAX: Final = 48 * 3600  # what validityPeriod takes

REJECTED: Final[dict[str, Again]] = {
    "REJECTED_FLOODING_FILTER": "later",  # too many to one number within an hour
    "REJECTED_SYSTEM_ERROR": "later",
    "REJECTED_NETWORK": "permanent",
    "REJECTED_PREFIX_MISSING": "permanent",
    "REJECTED_DND": "permanent",  # the country's list of who wants no advertising
    "REJECTED_SOURCE": "permanent",
    "REJECTED_SENDER": "permanent",
    "REJECTED_DESTINATION": "permanent",
    "REJECTED_INVALID_DESTINATION": "permanent",
    "REJECTED_DESTINATION_NOT_REGISTERED": "permanent",  # a trial account
    "REJECTED_ROUTE_NOT_AVAILABLE": "permanent",
    "REJECTED_MESSAGE_TOO_LONG": "permanent",
    "REJECTED_INVALID_UDH": "permanent",
    "MISSING_TO": "permanent",
}
"""Names of statuses in the group REJECTED. What is not here is permanent too."""

ACCOUNT: Final = {"REJECTED_NOT_ENOUGH_CREDITS", "REJECTED_PREPAID_PACKAGE_EXPIRED"}

STATES: Final[dict[str, State]] = {
    "ACCEPTED": "accepted",
    "PENDING": "enroute",
    "DELIVERED": "delivered",
    "UNDELIVERABLE": "undeliverable",
    "EXPIRED": "expired",
    "REJECTED": "rejected",
}
"""Groups of statuses."""

NAMES: Final[dict[str, State]] = {
    "PENDING_ACCEPTED": "accepted",
    "EXPIRED_DLR_UNKNOWN": "unknown",  # the operator never said what became of it
}
"""Statuses that mean something else than their group."""

TAKEN: Final = {"ACCEPTED", "PENDING", "DELIVERED"}


class Settings(edge.Settings):
    """What a merchant fills in."""

    base_url: str = Field(
        pattern=r"^(https://)?[a-z0-9-]+(\.[a-z0-9-]+)+/?$",
        title="Base URL",
        description="Infobip portal, first page: your own, such as k3xyz1.api.infobip.com.",
    )
    api_key: SecretStr = Field(
        min_length=1,
        max_length=200,
        title="API key",
        description="Infobip portal, Developer tools, API keys: one with the scope sms.",
    )
    callback_secret: SecretStr = Field(
        SecretStr(""),
        max_length=200,
        title="Callback secret",
        description="A long word that you make up. Only who says it may tell us receipts and"
        " answers.",
        json_schema_extra={"generate": True},
    )


# ------------------------------------------------------------------ sending


def request(settings: Settings, outgoing: Outgoing) -> Request:
    """One POST with one message."""
    message: dict[str, object] = {
        "destinations": [{"to": outgoing.recipient.removeprefix("+")}],
        "content": {"text": outgoing.text},
        "options": {
            "validityPeriod": {
                "amount": values.seconds_left(outgoing, 1, VALIDITY_S_MAX),
                "timeUnit": "SECONDS",
            }
        },
    }
    if outgoing.sender:
        message["sender"] = outgoing.sender.removeprefix("+")
    webhooks: dict[str, object] = {"callbackData": outgoing.reference}
    if outgoing.callback_url:
        url = values.with_secret(outgoing.callback_url, settings.callback_secret)
        webhooks |= {"delivery": {"url": url}, "contentType": "application/json"}
    body = {"messages": [{**message, "webhooks": webhooks}]}
    headers = {**_headers(settings), "Content-Type": "application/json"}
    return Request("POST", f"{_host(settings)}/sms/3/messages", headers, values.json_body(body))


def _host(settings: Settings) -> str:
    return "https://" + settings.base_url.removeprefix("https://").rstrip("/")


def _headers(settings: Settings) -> dict[str, str]:
    return {
        "Authorization": f"App {settings.api_key.get_secret_value()}",
        "Accept": "application/json",
    }


def outcome(settings: Settings, outgoing: Outgoing, reply: Reply) -> Outcome:
    """200 with a status for the message, or an error."""
    told = tree(reply.body)
    if 200 <= reply.status < 300:
        return _of_message(at(told, "messages", 0))
    old = at(told, "requestError", "serviceException")  # how errors looked before v3
    code = word(at(told, "errorCode")) or word(at(old, "messageId"))
    return values.refused(reply, outgoing, code, at(told, "description") or at(old, "text"))


def _of_message(message: Any) -> Outcome:
    group, name = word(at(message, "status", "groupName")), word(at(message, "status", "name"))
    id_ = word(at(message, "messageId"))
    if group in TAKEN and id_:
        return Sent((id_,))
    why = edge.reason(name, at(message, "status", "description"))
    if name in ACCOUNT:
        return Refused(why, "later", account=True)
    if group in ("REJECTED", "UNDELIVERABLE"):
        again = REJECTED.get(name, "permanent")
        return Refused(why, again, opted_out=values.is_stopped(why))
    return Unclear(why or "Infobip's answer names no message")


# ------------------------------------------------------------------ hearing


def hear(settings: Settings, call: Call) -> Heard:
    """Receipts, or people's texts; many of them may come in one call."""
    values.demand_password(call, settings.callback_secret)
    found = at(tree(call.body), "results")
    if not isinstance(found, list):
        raise CallWrong("The call has no results: the renderer must be MO_JSON_2.", 400)
    lines = found[: edge.FIELDS_MAX]
    receipts = [_receipt(one) for one in lines if at(one, "status") is not None]
    texts = [_text(one) for one in lines if at(one, "status") is None]
    return Heard(
        receipts=tuple(one for one in receipts if one),
        texts=tuple(one for one in texts if one),
    )


def _receipt(line: Any) -> ReceiptHeard | None:
    id_, group = word(at(line, "messageId")), word(at(line, "status", "groupName")).upper()
    name, error = word(at(line, "status", "name")), word(at(line, "error", "name"))
    if not id_:
        return None
    state = NAMES.get(name) or STATES.get(group, "unknown")
    error = "" if error == "NO_ERROR" else error
    if state not in ("accepted", "enroute", "delivered"):
        error = error or name or group
    said = f"{error} {word(at(line, 'error', 'description'))}"
    times = at(line, "messageCount") or at(line, "smsCount")
    return ReceiptHeard(
        id_,
        state,
        error,
        edge.moment(at(line, "doneAt")),
        opted_out=values.is_stopped(said),
        price=values.price(
            at(line, "price", "pricePerMessage"), at(line, "price", "currency"), times
        ),
    )


def _text(line: Any) -> TextHeard | None:
    sender = edge.international(at(line, "from"))
    if not sender:
        return None
    return TextHeard(
        word(at(line, "messageId")),
        sender,
        edge.international(at(line, "to")),
        word(at(line, "text"), edge.TEXT_LETTERS_MAX),  # cleanText lacks the keyword
        edge.moment(at(line, "receivedAt")),
    )


# ------------------------------------------------------------------ asking


def ask(settings: Settings, provider_id: str) -> Request:
    """What became of it, by Infobip's log; its reports are given out once only."""
    url = f"{_host(settings)}/sms/3/logs?messageId={values.segment(provider_id)}"
    return Request("GET", url, _headers(settings))


def told(settings: Settings, reply: Reply) -> ReceiptHeard | None:
    """The line of the log; None: Infobip does not say."""
    line = at(tree(reply.body), "results", 0)
    return _receipt(line) if reply.status == 200 and at(line, "status") is not None else None
