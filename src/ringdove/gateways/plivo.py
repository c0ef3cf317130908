"""Plivo's Message API: one text is one Message.

    outcome of one request
    ├── Sent(message_uuid)
    ├── Refused(…)     by HTTP status: its refusals have words and no codes
    └── Unclear(…)     Plivo broke while it answered

Plivo has no reference of ours and no guard against doubles. Its calls are signed with the auth
token: V3 (address, fields and nonce) is asked for where it came; V2 signs the address and a nonce
only, so it is believed only where Plivo sent no V3. Pure: no socket, no clock.
"""

from typing import Final
from urllib.parse import parse_qs

from pydantic import Field, SecretStr

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
    at,
    tree,
    word,
)

TITLE: Final = "Plivo"
HELP: Final = (
    "Sends and receives through an account at Plivo. The auth ID and the auth token stand on the"
    " first page of its console."
)
CHANNEL: Final = "sms"
TRANSPORT: Final = "http"
GUARDS_DOUBLES: Final = False
CALLBACKS: Final = (
    "Receipts come by themselves. For answers: Plivo console, Messaging, Applications, add one with"
    " our address as Message URL and POST as method, then give your number this application."
)

API: Final = "https://api.plivo.com/v1/Account"
EXPIRY_S_MIN: Final = 5
EXPIRY_S_MAX: Final = 14_400  # what message_expiry takes

OPTED_OUT: Final = {"200"}  # "Source Number Blocked by STOP from Destination Number"
EXPIRED: Final = {"420"}

STATES: Final[dict[str, State]] = {
    "queued": "accepted",
    "sent": "enroute",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "undeliverable",
    "failed": "failed",
    "rejected": "rejected",
}


class Settings(edge.Settings):
    """What a merchant fills in."""

    auth_id: str = Field(
        pattern=r"^[A-Z0-9]{20}$",
        title="Auth ID",
        description="Plivo console, first page: MA or SA and 18 signs.",
    )
    auth_token: SecretStr = Field(
        min_length=1,
        max_length=100,
        title="Auth token",
        description="Beside the auth ID. Plivo signs with it what it tells us.",
    )
    powerpack_uuid: str = Field(
        "",
        pattern=r"^[0-9a-fA-F-]{0,36}$",
        title="Powerpack",
        description="Empty: texts go from the sender. Else the UUID of a Powerpack: Plivo console,"
        " Messaging, Powerpacks.",
    )


# ------------------------------------------------------------------ sending


def request(settings: Settings, outgoing: Outgoing) -> Request:
    """One POST that makes one Message."""
    told: dict[str, object] = {"dst": outgoing.recipient, "text": outgoing.text, "type": "sms"}
    if settings.powerpack_uuid:  # Plivo takes the one or the other
        told["powerpack_uuid"] = settings.powerpack_uuid
    else:
        told["src"] = outgoing.sender
    told["message_expiry"] = values.seconds_left(outgoing, EXPIRY_S_MIN, EXPIRY_S_MAX)
    if outgoing.callback_url:
        told |= {"url": outgoing.callback_url, "method": "POST"}
    headers = {**_headers(settings), "Content-Type": "application/json"}
    return Request("POST", f"{API}/{settings.auth_id}/Message/", headers, values.json_body(told))


def _headers(settings: Settings) -> dict[str, str]:
    return {
        "Authorization": values.basic(settings.auth_id, settings.auth_token),
        "Accept": "application/json",
    }


def outcome(settings: Settings, outgoing: Outgoing, reply: Reply) -> Outcome:
    """202 with the message's UUID, or words why not."""
    told = tree(reply.body)
    if 200 <= reply.status < 300:
        uuid = word(at(told, "message_uuid", 0)) or word(at(told, "message_uuid"))
        if not uuid and at(told, "invalid_number"):
            return Refused("Plivo takes this number for wrong", "permanent")
        return Sent((uuid,)) if uuid else Unclear("Plivo's answer names no message")
    said = word(at(told, "error")) or word(at(told, "error", "error"))
    if reply.status == 400 and "credit" in said.lower():
        return Refused(edge.reason("HTTP 400", said), "later", account=True)
    return values.refused(reply, outgoing, said)


# ------------------------------------------------------------------ hearing


def hear(settings: Settings, call: Call) -> Heard:
    """A message's new state, or a person's text."""
    _demand_signature(settings, call)
    fields = edge.query(call) if call.method.upper() == "GET" else edge.form(call)
    uuid, state = word(fields.get("MessageUUID")), word(fields.get("Status")).lower()
    if not uuid:
        raise CallWrong("The call names no message.", 400)
    if state:
        return Heard(receipts=(_receipt(uuid, state, fields.get("ErrorCode"), fields.get(
            "TotalAmount")),))  # fmt: skip
    text = TextHeard(
        uuid,
        edge.international(fields.get("From")),
        edge.international(fields.get("To")),
        fields.get("Text", ""),
    )
    return Heard(texts=(text,), answer=b"<Response></Response>", content_type="text/xml")


def _demand_signature(settings: Settings, call: Call) -> None:
    headers = call.headers
    # -ma-: signed with the main account's token where a subaccount sends.
    v3 = [headers.get("x-plivo-signature-v3", ""), headers.get("x-plivo-signature-ma-v3", "")]
    if any(v3):
        nonce = headers.get("x-plivo-signature-v3-nonce", "")
        wanted = values.mac_base64(settings.auth_token, f"{_spoken(call)}.{nonce}")
        given = ",".join(v3).split(",")  # one for each token while two are valid
    else:
        nonce = headers.get("x-plivo-signature-v2-nonce", "")
        bare = values.join(*values.split(call.url)[:3])
        wanted = values.mac_base64(settings.auth_token, bare + nonce)
        v2 = [headers.get("x-plivo-signature-v2", ""), headers.get("x-plivo-signature-ma-v2", "")]
        given = ",".join(v2).split(",")
    if not nonce or not any(values.same(one.strip(), wanted) for one in given):
        raise CallWrong(
            "The signature does not fit: copy the auth token again, and see that our public"
            " address is the one that Plivo calls."
        )


def _spoken(call: Call) -> str:
    """What V3 signs: the address with its query sorted, then the form's fields sorted."""
    scheme, host, path, query = values.split(call.url)
    asked = "&".join(f"{name}={value}" for name, value in _sorted(query))
    url = values.join(scheme, host, path)
    if call.method.upper() == "GET":
        return f"{url}?{asked}" if asked else url
    told = "".join(name + value for name, value in _sorted(call.body.decode("utf-8", "replace")))
    if not told:
        return f"{url}?{asked}" if asked else url
    return f"{url}?{asked}.{told}" if asked else f"{url}?{told}"


def _sorted(encoded: str) -> list[tuple[str, str]]:
    try:
        found = parse_qs(encoded, keep_blank_values=True, max_num_fields=edge.FIELDS_MAX)
    except ValueError:
        raise CallWrong("The call has too many fields.", 400) from None
    return [(name, value) for name in sorted(found) for value in sorted(found[name])]


def _receipt(uuid: str, state: str, code: object, amount: object) -> ReceiptHeard:
    error = word(code).strip()
    error = "" if error in ("", "0", "000", "None") else error
    found = "expired" if error in EXPIRED else STATES.get(state, "unknown")
    return ReceiptHeard(
        uuid,
        found,
        error or ("" if state in STATES else state),
        opted_out=error in OPTED_OUT,
        price=values.price(amount, "USD"),  # Plivo bills in dollars only
    )


# ------------------------------------------------------------------ asking


def ask(settings: Settings, provider_id: str) -> Request:
    """What became of it."""
    url = f"{API}/{settings.auth_id}/Message/{values.segment(provider_id)}/"
    return Request("GET", url, _headers(settings))


def told(settings: Settings, reply: Reply) -> ReceiptHeard | None:
    """The Message as it stands; None: Plivo does not say."""
    found = tree(reply.body)
    uuid, state = word(at(found, "message_uuid")), word(at(found, "message_state")).lower()
    if reply.status != 200 or not uuid or not state:
        return None
    return _receipt(uuid, state, at(found, "error_code"), at(found, "total_amount"))
