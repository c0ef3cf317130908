"""SMSAPI (smsapi.com, .pl, .se, .bg), sms.do: https://www.smsapi.com/docs

Its `idx` is our reference and, with check_idx=1, guards against doubles: the same again is error 53
and means that the first was taken. That answer names no id and receipts bring `idx` back, so `idx`
is the id by which we know a text here.
Calls are not signed: a secret stands in the address, and the answer must be the two letters OK.
Pure: no socket, no clock.
"""

import re
from datetime import timedelta
from typing import Final, Literal
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

TITLE: Final = "SMSAPI"
HELP: Final = (
    "Poland and the rest of Europe. You need an account at smsapi.com, smsapi.pl, smsapi.se or"
    " smsapi.bg and a token."
)
CHANNEL: Final = "sms"
TRANSPORT: Final = "http"
CALLBACKS: Final = (
    "Receipts come by themselves once the callback secret is set. For answers open API → Callbacks"
    " in the SMSAPI panel and enter for received messages (SMS MO) the address below with"
    " ?secret= and the callback secret behind it."
)
GUARDS_DOUBLES: Final = True

# Docs, error 56: no less than 1 and no more than 72 hours. A minute each way for slow clocks.
VALIDITY_MIN: Final = timedelta(hours=1, minutes=1)
VALIDITY_MAX: Final = timedelta(hours=71, minutes=59)
SAME_NUMBER_PAUSE_S: Final = 60.0  # error 52: ten texts to one number within a minute


class Settings(edge.Settings):
    """What a merchant fills in."""

    token: SecretStr = Field(
        min_length=1,
        max_length=200,
        title="Token",
        description="In the SMSAPI panel under API → Tokens (OAuth), with the right to send SMS."
        " Kept sealed, never shown.",
    )
    service: Literal["smsapi.com", "smsapi.pl", "smsapi.se", "smsapi.bg"] = Field(
        "smsapi.com", title="Where your account is", description="The site on which you log in."
    )
    callback_secret: SecretStr = Field(
        SecretStr(""),
        max_length=200,
        title="Callback secret",
        description="A word of your own that only SMSAPI is told: it stands in the address of"
        " receipts and answers and proves them.",
        json_schema_extra={"generate": True},
    )


# ── Sending ──────────────────────────────────────────────────────────────────


def request(settings: Settings, outgoing: Outgoing) -> Request:
    fields = {
        "to": outgoing.recipient.removeprefix("+"),
        "from": outgoing.sender.removeprefix("+"),
        "message": outgoing.text,
        "encoding": "utf-8",
        "format": "json",
        "idx": outgoing.reference,
        "check_idx": "1",
        "notify_url": values.with_secret(outgoing.callback_url, settings.callback_secret),
        "expiration_date": _expiry(outgoing),
    }
    headers = {
        "authorization": f"Bearer {settings.token.get_secret_value()}",
        "content-type": "application/x-www-form-urlencoded",
        "accept": "application/json",
    }
    body = urlencode({name: value for name, value in fields.items() if value})
    return Request("POST", f"https://api.{settings.service}/sms.do", headers, body.encode())


def _expiry(outgoing: Outgoing) -> str:
    """Seconds since 1970. A shorter validity than SMSAPI takes cannot be told and is not."""
    left = outgoing.not_after - outgoing.now
    if left < VALIDITY_MIN:
        return ""
    return str(int((outgoing.now + min(left, VALIDITY_MAX)).timestamp()))


TAKEN_BEFORE: Final = "53"
OPTED_OUT: Final = frozenset({"57", "59"})
THROTTLED: Final = frozenset({"52", "202", "203"})
ACCOUNT: Final = frozenset({"98", "101", "102", "103", "105", "110", "401", "997", "1000"})
PERMANENT: Final = OPTED_OUT | frozenset(
    {"11", "12", "13", "14", "17", "18", "19", "20", "25", "27", "30", "54", "56", "70", "76"}
    | {"94", "104", "112"}
)
"""Docs, «Error codes»; the rest is "later"."""

_PLAIN = re.compile(rb"\s*ERROR:\s*(\d{1,5})")  # where format=json was not heeded


def outcome(settings: Settings, outgoing: Outgoing, reply: Reply) -> Outcome:
    told = edge.tree(reply.body)
    sms = edge.at(told, "list", 0)
    plain = _PLAIN.match(reply.body)
    code = edge.word(edge.at(told, "error") or edge.at(sms, "error"))
    code = plain.group(1).decode() if plain else code
    why = edge.reason(code, edge.at(told, "message"))
    if reply.status >= 500:
        return values.refused(reply, outgoing, why)
    if code == TAKEN_BEFORE:
        return Sent((outgoing.reference,))
    if code in THROTTLED:
        pause_s = SAME_NUMBER_PAUSE_S if code == "52" else edge.retry_after_s(reply, outgoing.now)
        return Refused(why, "throttled", retry_after_s=pause_s)
    if code in ACCOUNT:
        return Refused(why, "later", account=True)
    if code in PERMANENT:
        return Refused(why, "permanent", opted_out=code in OPTED_OUT)
    if not 200 <= reply.status < 300:
        return values.refused(reply, outgoing, why)
    if code:
        return Refused(why, "later")
    if edge.word(edge.at(sms, "id")):
        return Sent((outgoing.reference,))
    return Unclear("SMSAPI's answer names no message")


# ── What SMSAPI tells ────────────────────────────────────────────────────────

STATES: Final[dict[str, State]] = {
    "401": "unknown", "NOT_FOUND": "unknown",
    "402": "expired", "EXPIRED": "expired",
    "403": "enroute", "SENT": "enroute",
    "404": "delivered", "DELIVERED": "delivered",
    "405": "undeliverable", "UNDELIVERED": "undeliverable",
    "406": "failed", "FAILED": "failed",
    "407": "rejected", "REJECTED": "rejected", "REJECTD": "rejected",
    "408": "unknown", "UNKNOWN": "unknown",
    "409": "accepted", "QUEUE": "accepted",
    "410": "enroute", "ACCEPTED": "enroute", "ACCEPTD": "enroute",
    "411": "enroute", "RENEWAL": "enroute",
    "412": "deleted", "STOP": "deleted",
}  # fmt: skip
"""Docs, «Delivery statuses»: 410 is accepted by the network, not by SMSAPI."""


def hear(settings: Settings, call: Call) -> Heard:
    """Up to five receipts in one call, values side by side with commas; or a person's text."""
    edge.demand_secret(settings.callback_secret, call)
    fields = edge.form(call) | edge.query(call)
    if fields.get("sms_from"):
        return Heard(texts=(_text(fields),), answer=b"OK")
    columns = {name: fields.get(name, "").split(",") for name in COLUMNS}
    rows = (
        {name: values[row] if row < len(values) else "" for name, values in columns.items()}
        for row in range(len(columns["MsgId"]))
    )
    return Heard(receipts=tuple(_receipt(row) for row in rows if _id(row)), answer=b"OK")


COLUMNS: Final = ("MsgId", "idx", "status", "status_name", "donedate")


def _id(row: dict[str, str]) -> str:
    return (row["idx"] or row["MsgId"]).strip()


def _receipt(row: dict[str, str]) -> ReceiptHeard:
    status, name = row["status"].strip(), row["status_name"].strip()
    state = STATES.get(status) or STATES.get(name.upper(), "unknown")
    error = "" if state in ("delivered", "accepted", "enroute") else edge.reason(name or status)
    return ReceiptHeard(_id(row), state, error, at=edge.moment(row["donedate"]))


def _text(fields: dict[str, str]) -> TextHeard:
    """MsgId may be that of our text to which this is an answer: it alone tells no two apart."""
    sender, recipient = edge.international(fields["sms_from"]), fields.get("sms_to", "")
    body, seconds = fields.get("sms_text", ""), fields.get("sms_date", "")
    id_ = edge.digest(fields.get("MsgId", ""), sender, recipient, body, seconds) if seconds else ""
    return TextHeard(id_, sender, edge.international(recipient), body, edge.moment(seconds))
