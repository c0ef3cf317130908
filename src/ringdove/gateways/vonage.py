"""Vonage's Messages API: one text is one message of the channel sms.

    outcome of one request
    ├── Sent(message_uuid)
    ├── Refused(…)     by Vonage's error code (api-errors/messages#1050) or by HTTP status
    └── Unclear(…)     Vonage broke while it answered

The Messages API and not the older SMS API: its receipts always come signed (a JWT that holds the
body's hash), answers come joined, and a refusal has an HTTP status. What the SMS API tells is heard
too (signed with `sig`), since an account may still have its numbers there. Basic authentication
does: a JWT of our own would need an application and a private key and give nothing more.
No guard against doubles. Pure: no socket, no clock.
"""

from typing import Any, Final, Literal

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

TITLE: Final = "Vonage"
HELP: Final = (
    "Sends and receives through an account at Vonage (once Nexmo). The API key, the API secret and"
    " the signature secret stand in its dashboard under API settings."
)
CHANNEL: Final = "sms"
TRANSPORT: Final = "http"
GUARDS_DOUBLES: Final = False
CALLBACKS: Final = (
    "Receipts come by themselves. For answers: Vonage dashboard, Applications, add one with"
    " Messages switched on and our address as Inbound URL and Status URL, then link your number to"
    " it. If API settings say SMS API: our address as both webhooks, POST-JSON, signed with"
    " SHA-256 HMAC."
)

HOSTS: Final = {
    "any": "api.nexmo.com",
    "eu": "api-eu.vonage.com",
    "us": "api-us.vonage.com",
    "ap": "api-ap.vonage.com",
}
TEXT_LETTERS_MAX: Final = 1_000
VALIDITY_S_MIN: Final = 20
VALIDITY_S_MAX: Final = 259_200  # three days: how long Vonage tries

CODES: Final[dict[str, Again]] = {
    "1000": "throttled",
    "throttled": "throttled",
    "1100": "later",  # communication failed
    "1020": "permanent",  # parameters
    "1021": "permanent",
    "1022": "permanent",
    "1040": "permanent",  # cannot be processed
    "1050": "permanent",  # the number is barred
    "1090": "permanent",  # too long
    "1120": "permanent",  # this sender is not allowed there
    "1130": "permanent",
    "1150": "permanent",
    "1160": "permanent",  # a trial account may only text to its own numbers
    "1170": "permanent",  # no number
}
"""Error codes of the Messages API that are about one text or about speed."""

ACCOUNT: Final = {
    "1060", "1070", "1080", "1140",  # barred, no credit, not enabled
    "low-balance", "unauthorized", "forbidden", "unprovisioned", "account-suspended",
}  # fmt: skip

STATES: Final[dict[str, State]] = {
    "submitted": "enroute",
    "delivered": "delivered",
    "read": "delivered",
    "rejected": "rejected",
    "undeliverable": "undeliverable",
}
"""The words of the Messages API."""

OLD_STATES: Final[dict[str, State]] = {
    "accepted": "enroute",
    "buffered": "enroute",
    "delivered": "delivered",
    "expired": "expired",
    "failed": "failed",
    "rejected": "rejected",
    "deleted": "deleted",
    "unknown": "unknown",
}
"""The words of the SMS API."""


class Settings(edge.Settings):
    """What a merchant fills in."""

    api_key: str = Field(
        pattern=r"^[0-9a-zA-Z]{1,32}$",
        title="API key",
        description="Vonage dashboard, first page: eight signs.",
    )
    api_secret: SecretStr = Field(
        min_length=1, max_length=100, title="API secret", description="Beside the API key."
    )
    signature_secret: SecretStr = Field(
        min_length=1,
        max_length=200,
        title="Signature secret",
        description="Vonage dashboard, API settings. Vonage signs with it what it tells us.",
    )
    region: Literal["any", "eu", "us", "ap"] = Field(
        "any",
        title="Region",
        description="Where texts may be handled: any is right unless your contract says where.",
    )


# ------------------------------------------------------------------ sending


def request(settings: Settings, outgoing: Outgoing) -> Request:
    """One POST that makes one message. Raises ValueError for a text that Vonage would refuse."""
    if len(outgoing.text) > TEXT_LETTERS_MAX:
        raise ValueError(f"Vonage takes at most {TEXT_LETTERS_MAX} letters in a text")
    told: dict[str, object] = {
        "message_type": "text",
        "channel": "sms",
        "to": outgoing.recipient.removeprefix("+"),
        "from": outgoing.sender.removeprefix("+"),
        "text": outgoing.text,
        "client_ref": outgoing.reference,
        "ttl": values.seconds_left(outgoing, VALIDITY_S_MIN, VALIDITY_S_MAX),
        "sms": {"encoding_type": "unicode" if outgoing.encoding == "UCS-2" else "text"},
    }
    if outgoing.callback_url:
        told |= {"webhook_url": outgoing.callback_url, "webhook_version": "v1"}
    headers = {
        "Authorization": values.basic(settings.api_key, settings.api_secret),
        "Accept": "application/json",
        "Content-Type": "application/json",
    }
    url = f"https://{HOSTS[settings.region]}/v1/messages"
    return Request("POST", url, headers, values.json_body(told))


def outcome(settings: Settings, outgoing: Outgoing, reply: Reply) -> Outcome:
    """202 with the message's UUID, or a problem document (RFC 9457)."""
    told = tree(reply.body)
    if 200 <= reply.status < 300:
        uuid = word(at(told, "message_uuid"))
        return Sent((uuid,)) if uuid else Unclear("Vonage's answer names no message")
    code, said = _code(told), at(told, "detail") or at(told, "title")
    why = edge.reason(code, said)
    if code in ACCOUNT and reply.status < 500:
        return Refused(why, "later", account=True)
    if code in CODES and reply.status < 500:
        wait = edge.retry_after_s(reply, outgoing.now)
        return Refused(why, CODES[code], values.is_stopped(why), retry_after_s=wait)
    return values.refused(reply, outgoing, code, said)


def _code(problem: Any) -> str:
    """`1050` of https://developer.vonage.com/api-errors/messages#1050."""
    return word(at(problem, "type")).partition("#")[2] or word(at(problem, "title"))


# ------------------------------------------------------------------ hearing


def hear(settings: Settings, call: Call) -> Heard:
    """A receipt or a person's text, of the Messages API or of the SMS API."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        _demand_token(settings, call, token)
        told = tree(call.body)
        told = told if isinstance(told, dict) and told else edge.query(call)
    else:
        told = _demand_sig(settings, call)
    if word(at(told, "messageId")):
        return _heard_old(told)
    if not word(at(told, "message_uuid")):
        raise CallWrong("The call names no message.", 400)
    if word(at(told, "status")):
        return Heard(receipts=(_receipt(told),))
    return Heard(texts=_text(told))


def _demand_token(settings: Settings, call: Call, token: str) -> None:
    said = values.claims(token, settings.signature_secret)
    hash_ = word(said.get("payload_hash"))
    if (call.body or hash_) and not values.same(values.sha256(call.body), hash_.lower()):
        raise CallWrong("The body is not the one that was signed.")
    if not call.body and not hash_:
        raise CallWrong("The signature is for no body: Vonage's webhook must be POST.")
    if word(said.get("api_key")) not in ("", settings.api_key):
        raise CallWrong("The call is of another account.")
    values.demand_fresh(call, said.get("iat"))


def _demand_sig(settings: Settings, call: Call) -> dict[str, str]:
    """The fields of a call of the SMS API: all of them sorted, &name=value, HMAC in hex."""
    fields = edge.query(call) | _fields(call)
    given = fields.pop("sig", "").lower()
    spoken = "".join(
        f"&{name}={fields[name].replace('&', '_').replace('=', '_')}" for name in sorted(fields)
    )
    digest = "sha512" if len(given) == 128 else "sha256"  # MD5 and SHA-1 are not believed
    if not values.same(values.mac(settings.signature_secret, spoken, digest).hex(), given):
        raise CallWrong(
            "The call is not signed, or its signature does not fit: copy the signature secret"
            " again, and choose SHA-256 HMAC."
        )
    values.demand_fresh(call, fields.get("timestamp"))
    return fields


def _fields(call: Call) -> dict[str, str]:
    if call.method.upper() == "GET":
        return {}
    told = tree(call.body)
    if isinstance(told, dict):
        return {name: word(value, edge.TEXT_LETTERS_MAX) for name, value in told.items()}
    return edge.form(call)


def _receipt(told: Any) -> ReceiptHeard:
    state = word(at(told, "status")).lower()
    problem = at(told, "error")
    error = edge.reason(word(at(problem, "title")) or _code(problem)) if problem else ""
    said = f"{error} {word(at(problem, 'detail'))}"
    return ReceiptHeard(
        word(at(told, "message_uuid")),
        STATES.get(state, "unknown"),
        error or ("" if state in STATES else state),
        edge.moment(at(told, "timestamp")),
        opted_out=values.is_stopped(said),
        price=values.price(at(told, "usage", "price"), at(told, "usage", "currency")),
    )


def _text(told: Any) -> tuple[TextHeard, ...]:
    """Other channels and pictures are no texts; they are taken and forgotten."""
    kind = word(at(told, "message_type")) or "text"
    if word(at(told, "channel")) not in ("", "sms") or kind not in ("text", "unsupported"):
        return ()
    return (
        TextHeard(
            word(at(told, "message_uuid")),
            edge.international(at(told, "from")),
            edge.international(at(told, "to")),
            word(at(told, "text"), edge.TEXT_LETTERS_MAX),
            edge.moment(at(told, "timestamp")),
        ),
    )


def _heard_old(told: Any) -> Heard:
    id_, state = word(at(told, "messageId")), word(at(told, "status")).lower()
    moment = edge.moment(at(told, "message-timestamp"))
    if not state:
        sender, recipient = (edge.international(at(told, end)) for end in ("msisdn", "to"))
        body = word(at(told, "text"), edge.TEXT_LETTERS_MAX)
        return Heard(texts=(TextHeard(id_, sender, recipient, body, moment),))
    code = word(at(told, "err-code"))
    error = state if state not in OLD_STATES else "" if code in ("", "0") else code
    cost = values.price(at(told, "price"), "EUR")  # the SMS API bills in euros only
    found = OLD_STATES.get(state, "unknown")
    return Heard(receipts=(ReceiptHeard(id_, found, error, moment, price=cost),))
