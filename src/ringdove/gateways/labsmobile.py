"""LabsMobile, JSON API: https://apidocs.labsmobile.com

The `subid` of a text is our reference; confirmations (ACK) bring it back, so a text whose answer
was lost is still known. LabsMobile signs nothing: a secret stands in the address of calls. It takes
no end of validity. Its times name no zone, so they are not taken.
Pure: no socket, no clock.
"""

from collections.abc import Mapping
from typing import Any, Final

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
)

TITLE: Final = "LabsMobile"
HELP: Final = (
    "Spain and Latin America. You need an account at labsmobile.com and an API token of it."
)
CHANNEL: Final = "sms"
TRANSPORT: Final = "http"
CALLBACKS: Final = (
    "Receipts come by themselves once the callback secret is set. For answers open API settings in"
    " your LabsMobile account and enter for incoming messages the address below with ?secret= and"
    " the callback secret behind it."
)
GUARDS_DOUBLES: Final = False

SEND_URL: Final = "https://api.labsmobile.com/json/send"


class Settings(edge.Settings):
    """What a merchant fills in."""

    username: str = Field(
        min_length=1,
        max_length=100,
        title="User name",
        description="The e-mail address with which you log in at LabsMobile.",
    )
    token: SecretStr = Field(
        min_length=1,
        max_length=200,
        title="API token",
        description="In your LabsMobile account under API settings → API tokens. Kept sealed,"
        " never shown.",
    )
    callback_secret: SecretStr = Field(
        SecretStr(""),
        max_length=200,
        title="Callback secret",
        description="A word of your own that only LabsMobile is told: it stands in the address of"
        " receipts and answers and proves them.",
        json_schema_extra={"generate": True},
    )


# ── Sending ──────────────────────────────────────────────────────────────────


def request(settings: Settings, outgoing: Outgoing) -> Request:
    fields: dict[str, Any] = {
        "message": outgoing.text,
        "tpoa": outgoing.sender.removeprefix("+"),
        "recipient": [{"msisdn": outgoing.recipient.removeprefix("+")}],
        "subid": outgoing.reference,
        "long": int(outgoing.parts > 1),
        "ucs2": int(outgoing.encoding == "UCS-2"),
        "ackurl": values.with_secret(outgoing.callback_url, settings.callback_secret),
    }
    headers = {
        "authorization": values.basic(settings.username, settings.token),
        "content-type": "application/json",
        "accept": "application/json",
    }
    body = values.json_body({name: value for name, value in fields.items() if value})
    return Request("POST", SEND_URL, headers, body)


ACCOUNT: Final = frozenset({"35", "401", "403"})
PERMANENT: Final = frozenset(
    {"10", "11", "20", "21", "22", "23", "24", "27", "28", "39", "40", "41"}
)
"""«Results and errors»; the rest is "later", 30 too: an error while sending."""


def outcome(settings: Settings, outgoing: Outgoing, reply: Reply) -> Outcome:
    told = edge.tree(reply.body)
    code = edge.word(edge.at(told, "code")).strip()
    why = edge.reason(code, edge.at(told, "message"))
    if reply.status >= 500:
        return values.refused(reply, outgoing, why)
    if code == "0" and 200 <= reply.status < 300:
        return Sent((edge.word(edge.at(told, "subid")) or outgoing.reference,))
    if code in ACCOUNT:
        return Refused(why, "later", account=True)
    if code in PERMANENT:
        return Refused(why, "permanent")
    if code and 200 <= reply.status < 300:
        return Refused(why, "later")
    return values.refused(reply, outgoing, why)


# ── What LabsMobile tells ────────────────────────────────────────────────────

STATES: Final[dict[str, State]] = {
    "DELIVRD": "delivered",
    "READ": "delivered",
    "REJECTD": "rejected",
    "BLOCKED": "rejected",
    "UNDELIV": "undeliverable",
    "EXPIRED": "expired",
    "DELETED": "deleted",
}
LEVELS: Final[dict[str, State]] = {
    "processed": "accepted",
    "gateway": "accepted",
    "operator": "enroute",
    "handset": "delivered",
    "error": "failed",
}
"""How far a text has come; `desc` says it better where it is known."""


def hear(settings: Settings, call: Call) -> Heard:
    """A confirmation comes as GET, a person's text as JSON or as a form."""
    edge.demand_secret(settings.callback_secret, call)
    told = edge.tree(call.body)
    fields: Mapping[str, Any] = told if isinstance(told, Mapping) else edge.form(call)
    fields = {**edge.query(call), **fields}
    if edge.word(fields.get("acklevel")):
        receipt = _receipt(fields)
        return Heard(receipts=(receipt,) if receipt.provider_id else (), answer=b"OK")
    sender = edge.international(fields.get("msisdn"))
    if not (sender and "message" in fields):
        return Heard(answer=b"OK")
    return Heard(texts=(_text(sender, fields),), answer=b"OK")


def _text(sender: str, fields: Mapping[str, Any]) -> TextHeard:
    body = edge.word(fields["message"], edge.TEXT_LETTERS_MAX)
    recipient = edge.international(fields.get("service_number") or fields.get("inbound_number"))
    seconds = edge.word(fields.get("timestamp"))
    id_ = edge.digest(sender, recipient, body, seconds) if seconds else ""
    return TextHeard(id_, sender, recipient, body)


def _receipt(fields: Mapping[str, Any]) -> ReceiptHeard:
    level = edge.word(fields["acklevel"]).strip().lower()
    status, why = edge.word(fields.get("status")).lower(), edge.reason(fields.get("desc"))
    state = STATES.get(why.upper()) or LEVELS.get(level, "unknown")
    if status == "ko" and state in ("accepted", "enroute", "delivered"):
        state = "failed"
    is_well = state in ("accepted", "enroute", "delivered")
    return ReceiptHeard(
        provider_id=edge.word(fields.get("subid")),
        state=state,
        error="" if is_well else why or edge.reason(level, status),
    )
