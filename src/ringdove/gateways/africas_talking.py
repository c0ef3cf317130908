"""Africa's Talking, bulk SMS: https://developers.africastalking.com/docs/sms

It signs nothing: a secret stands in the address of calls. It takes no reference of ours, no end of
validity and no address for receipts; those are entered at Africa's Talking. A subscriber who leaves
by its own instructions is told in a call of its own and is heard here as the text STOP.
Pure: no socket, no clock.
"""

from typing import Final
from urllib.parse import urlencode

from pydantic import Field, SecretStr

from ringdove.gateways import edge, values
from ringdove.gateways.edge import (
    Call,
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

TITLE: Final = "Africa's Talking"
HELP: Final = (
    "Kenya, Uganda, Tanzania, Rwanda, Nigeria and more. You need an app at africastalking.com with"
    " its API key and a sender ID; the user name sandbox sends to its simulator."
)
CHANNEL: Final = "sms"
TRANSPORT: Final = "http"
CALLBACKS: Final = (
    "In the app's dashboard open SMS → SMS Callback URLs and enter the address below with ?secret="
    " and the callback secret behind it three times: for Delivery Reports, Incoming Messages and"
    " Bulk SMS Opt Out."
)
GUARDS_DOUBLES: Final = False

LIVE_URL: Final = "https://api.africastalking.com/version1/messaging"
SANDBOX_URL: Final = "https://api.sandbox.africastalking.com/version1/messaging"


class Settings(edge.Settings):
    """What a merchant fills in."""

    username: str = Field(
        min_length=1,
        max_length=100,
        title="User name",
        description="The name of your app at Africa's Talking, not of your person.",
    )
    api_key: SecretStr = Field(
        min_length=1,
        max_length=200,
        title="API key",
        description="In the app's dashboard under Settings → API Key. Kept sealed, never shown.",
    )
    callback_secret: SecretStr = Field(
        SecretStr(""),
        max_length=200,
        title="Callback secret",
        description="A word of your own that only Africa's Talking is told: it stands in the"
        " address of receipts and answers and proves them.",
        json_schema_extra={"generate": True},
    )


# ── Sending ──────────────────────────────────────────────────────────────────


def request(settings: Settings, outgoing: Outgoing) -> Request:
    fields = {
        "username": settings.username,
        "to": outgoing.recipient,
        "message": outgoing.text,
        "from": outgoing.sender,
        "bulkSMSMode": "1",  # the sender pays
    }
    headers = {
        "apikey": settings.api_key.get_secret_value(),
        "content-type": "application/x-www-form-urlencoded",
        "accept": "application/json",
    }
    url = SANDBOX_URL if settings.username == "sandbox" else LIVE_URL
    body = urlencode({name: value for name, value in fields.items() if value})
    return Request("POST", url, headers, body.encode())


TAKEN: Final = frozenset({"100", "101", "102"})  # processed, sent, queued
OPTED_OUT: Final = "406"
NO_MONEY: Final = "405"
PERMANENT: Final = frozenset({"402", "403", "404", OPTED_OUT, "407", "502"})
"""The rest is "later": 409 is a promotional sender in the hours in which Nigeria forbids it."""

WORDS: Final[dict[str, str]] = {
    "InvalidSenderId": "402",
    "InvalidPhoneNumber": "403",
    "InsufficientBalance": NO_MONEY,
    "UserInBlacklist": OPTED_OUT,
}
"""Where nobody is named, only these words tell why."""


def outcome(settings: Settings, outgoing: Outgoing, reply: Reply) -> Outcome:
    told = edge.at(edge.tree(reply.body), "SMSMessageData")
    person, message = edge.at(told, "Recipients", 0), edge.word(edge.at(told, "Message"))
    code = edge.word(edge.at(person, "statusCode")) or WORDS.get(message.strip(), "")
    why = edge.reason(code, edge.at(person, "status") or message)
    provider_id = edge.word(edge.at(person, "messageId")).strip()
    if reply.status >= 500:
        return values.refused(reply, outgoing, why)
    if code in TAKEN and 200 <= reply.status < 300:
        is_id = provider_id not in ("", "None")
        return Sent((provider_id,)) if is_id else Unclear("Africa's Talking names no message")
    if code == NO_MONEY:
        return Refused(why, "later", account=True)
    if code in PERMANENT:
        return Refused(why, "permanent", opted_out=code == OPTED_OUT)
    return Refused(why, "later") if code else values.refused(reply, outgoing, why)


# ── What Africa's Talking tells ──────────────────────────────────────────────

STATES: Final[dict[str, State]] = {
    "Sent": "enroute",
    "Submitted": "enroute",
    "Buffered": "enroute",
    "Success": "delivered",
    "Delivered": "delivered",
    "Rejected": "rejected",
    "Failed": "failed",
    "AbsentSubscriber": "undeliverable",
    "Expired": "expired",
}


def hear(settings: Settings, call: Call) -> Heard:
    """Receipts, texts and departures come to one address and differ in their fields."""
    edge.demand_secret(settings.callback_secret, call)
    fields = edge.form(call)
    if fields.get("id") and "status" in fields:
        return Heard(receipts=(_receipt(fields),))
    if fields.get("from") and "text" in fields:
        return Heard(texts=(_text(fields),))
    if fields.get("senderId") and fields.get("phoneNumber"):
        return Heard(texts=(_departure(fields),))
    return Heard()


def _receipt(fields: dict[str, str]) -> ReceiptHeard:
    status, why = fields["status"].strip(), fields.get("failureReason", "").strip()
    state = STATES.get(status, "unknown")
    is_well = state in ("enroute", "delivered")
    return ReceiptHeard(
        fields["id"],
        state,
        error="" if is_well else edge.reason(why or status),
        opted_out="userinblacklist" in (why.lower(), status.lower()),
    )


def _text(fields: dict[str, str]) -> TextHeard:
    return TextHeard(
        id=fields.get("id", ""),
        sender=edge.international(fields["from"]),
        recipient=edge.international(fields.get("to")),
        body=fields["text"],
        at=edge.moment(fields.get("date")),
    )


def _departure(fields: dict[str, str]) -> TextHeard:
    """«Bulk SMS Opt Out»: the person did what the first text said; STOP is what we understand."""
    sender = edge.international(fields["phoneNumber"])
    return TextHeard("", sender, edge.international(fields["senderId"]), "STOP")
