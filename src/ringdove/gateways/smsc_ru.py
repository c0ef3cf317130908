"""SMSC.ru (SMS-центр), HTTP API: https://smsc.ru/api/http/

A text is known by our reference, so a status finds it even where the answer was lost; the same
reference again is a second text all the same. A status call carries md5 and sha1 of
"id:phone:status:secret". How SMSC.ru signs a person's text is not written anywhere that we could
read, so texts are taken only with the secret in the address, and status calls with either.
Pure: no socket, no clock.
"""

import hashlib
from typing import Final
from urllib.parse import urlencode

from pydantic import Field, SecretStr, model_validator

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

TITLE: Final = "SMSC.ru"
HELP: Final = "Russia and its neighbours. You need an account at smsc.ru and an API key of it."
CHANNEL: Final = "sms"
TRANSPORT: Final = "http"
CALLBACKS: Final = (
    "At smsc.ru open Settings → API and enter, both for message statuses and for incoming messages,"
    " the address below with ?secret= and the callback secret behind it. Where a password for"
    " signatures is asked, enter the callback secret again."
)
GUARDS_DOUBLES: Final = False

SEND_URL: Final = "https://smsc.ru/sys/send.php"
VALIDITY_S_MAX: Final = 86_400
SAME_REQUEST_PAUSE_S: Final = 60.0


class Settings(edge.Settings):
    """What a merchant fills in: a key, or a name and a password."""

    api_key: SecretStr = Field(
        SecretStr(""),
        max_length=200,
        title="API key",
        description="At smsc.ru under Settings → API. Kept sealed, never shown.",
    )
    callback_secret: SecretStr = Field(
        SecretStr(""),
        max_length=200,
        title="Callback secret",
        description="A word of your own that only SMSC.ru is told: it proves receipts and answers.",
        json_schema_extra={"generate": True},
    )
    login: str = Field(
        "", max_length=100, title="Login", description="Only where you have no API key."
    )
    password: SecretStr = Field(
        SecretStr(""),
        max_length=200,
        title="Password",
        description="Only where you have no API key: the one for API access, if you set one.",
    )

    @model_validator(mode="after")
    def _has_a_key(self) -> "Settings":
        if not (self.api_key.get_secret_value() or (self.login and self.password)):
            raise ValueError("enter the API key, or the login and its password")
        return self


# ── Sending ──────────────────────────────────────────────────────────────────


def request(settings: Settings, outgoing: Outgoing) -> Request:
    fields = _login(settings) | {
        "phones": outgoing.recipient.removeprefix("+"),
        "mes": outgoing.text,
        "id": outgoing.reference,
        "sender": outgoing.sender.removeprefix("+"),
        "charset": "utf-8",
        "fmt": "3",  # JSON
        "valid": _validity(outgoing),
    }
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    body = urlencode({name: value for name, value in fields.items() if value})
    return Request("POST", SEND_URL, headers, body.encode())


def _login(settings: Settings) -> dict[str, str]:
    if key := settings.api_key.get_secret_value():
        return {"apikey": key}
    return {"login": settings.login, "psw": settings.password.get_secret_value()}


def _validity(outgoing: Outgoing) -> str:
    """hh:mm, from 00:01 to 24:00, rounded down: an offer that ended must not arrive (R18)."""
    hours, minutes = divmod(values.seconds_left(outgoing, 60, VALIDITY_S_MAX) // 60, 60)
    return f"{hours:02}:{minutes:02}"


ACCOUNT: Final = frozenset({"2", "3", "4"})  # wrong key, no money, our address is blocked
PERMANENT: Final = frozenset({"1", "5", "6", "7", "8"})
TOO_FAST: Final = "9"  # the same twice in a minute, or too many requests at once


def outcome(settings: Settings, outgoing: Outgoing, reply: Reply) -> Outcome:
    told = edge.tree(reply.body)
    code = edge.word(edge.at(told, "error_code"))
    why = edge.reason(code, edge.at(told, "error"))
    if reply.status >= 500:
        return values.refused(reply, outgoing, why)
    if code == TOO_FAST:
        return Refused(why, "throttled", retry_after_s=SAME_REQUEST_PAUSE_S)
    if code in ACCOUNT:
        return Refused(why, "later", account=True)
    if code in PERMANENT:
        return Refused(why, "permanent")
    if not 200 <= reply.status < 300:
        return values.refused(reply, outgoing, why)
    if code:
        return Refused(why, "later")
    provider_id = edge.word(edge.at(told, "id"))
    return Sent((provider_id,)) if provider_id else Unclear("SMSC.ru's answer names no message")


# ── What SMSC.ru tells ───────────────────────────────────────────────────────

STATES: Final[dict[str, State]] = {
    "-3": "unknown",  # not found
    "-2": "deleted",  # stopped
    "-1": "accepted",  # waits to be sent
    "0": "enroute",  # handed to the network
    "1": "delivered",
    "2": "delivered",  # read
    "3": "expired",
    "4": "delivered",  # its link was opened
    "20": "undeliverable",
    "22": "undeliverable",  # wrong number
    "23": "rejected",  # forbidden
    "24": "rejected",  # no money
    "25": "undeliverable",  # number cannot be reached
}


def hear(settings: Settings, call: Call) -> Heard:
    """A status or a person's text, each in a call of its own, as a form or in the address."""
    given = edge.query(call)
    fields = given | edge.form(call)
    is_status = "status" in fields and "id" in fields
    if is_status and "secret" not in given:
        _demand_signature(settings.callback_secret, fields)
    else:
        edge.demand_secret(settings.callback_secret, call)
    if is_status:
        return Heard(receipts=(_receipt(fields),) if fields["id"] else (), answer=b"OK")
    text = _text(fields)
    is_text = bool(text.sender) and "mes" in fields
    return Heard(texts=(text,) if is_text else (), answer=b"OK")


def _demand_signature(secret: SecretStr, fields: dict[str, str]) -> None:
    """Each signature that came must fit, and one must have come."""
    word = secret.get_secret_value()
    if not word:
        raise CallWrong("This gateway has no callback secret: enter one, then tell SMSC.ru.")
    signed = ":".join((fields["id"], fields.get("phone", ""), fields["status"], word)).encode()
    given = [
        (fields[name].lower(), hashlib.new(name, signed, usedforsecurity=False).hexdigest())
        for name in ("md5", "sha1")
        if fields.get(name)
    ]
    if not given:
        raise CallWrong("SMSC.ru did not sign this call, and no secret stands in the address.")
    if not all(values.same(one, wanted) for one, wanted in given):
        raise CallWrong("SMSC.ru's signature does not fit: enter the callback secret there again.")


def _receipt(fields: dict[str, str]) -> ReceiptHeard:
    status, error = fields["status"].strip(), fields.get("err", "").strip()
    state = STATES.get(status, "unknown")
    is_well = state in ("accepted", "enroute", "delivered")
    why = "" if is_well else error if error not in ("", "0") else status
    return ReceiptHeard(fields["id"], state, edge.reason(why), at=edge.moment(fields.get("ts")))


def _text(fields: dict[str, str]) -> TextHeard:
    sender, body = edge.international(fields.get("phone")), fields.get("mes", "")
    recipient, seconds = edge.international(fields.get("to")), fields.get("time", "")
    id_ = edge.digest(fields.get("id", ""), sender, recipient, body, seconds) if seconds else ""
    return TextHeard(id_, sender, recipient, body)
