"""Sinch's SMS REST API (XMS): one text is a batch of one.

    outcome of one request
    ├── Sent(batch id)
    ├── Refused(…)     by Sinch's error code or the HTTP status
    └── Unclear(…)     Sinch broke while it answered

Sinch has no guard against doubles. Its calls carry a secret in one of three ways: signed (HMAC over
body, nonce and time, where Sinch switched that on), as a Basic password, or in our address. One of
them is always demanded. Pure: no socket, no clock.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

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

TITLE: Final = "Sinch"
HELP: Final = (
    "Sends and receives through a service plan of Sinch's SMS API. Its ID and API token stand in"
    " the Sinch dashboard under SMS, APIs."
)
CHANNEL: Final = "sms"
TRANSPORT: Final = "http"
GUARDS_DOUBLES: Final = False
CALLBACKS: Final = (
    "Receipts come by themselves. For answers: Sinch dashboard, SMS, APIs, your service plan,"
    " Callback URLs: our address, and behind it ?secret= and the callback secret that you entered"
    " here."
)

VALIDITY_MAX: Final = timedelta(days=3)  # what expire_at takes
VALIDITY_MIN: Final = timedelta(seconds=1)

ACCOUNT: Final = {"blocked_account", "missing_callback_url"}
"""Error codes of 403 after which nothing goes until somebody puts the account right."""

STATES: Final[dict[str, State]] = {
    "queued": "accepted",
    "dispatched": "enroute",
    "delivered": "delivered",
    "aborted": "failed",  # before it reached an operator
    "failed": "failed",
    "cancelled": "deleted",
    "deleted": "deleted",
    "rejected": "rejected",
    "expired": "expired",
    "unknown": "unknown",  # no receipt came, or none that Sinch could read
}
EXPIRED: Final = {"406"}  # "Internal Expiry", told as aborted
NO_ERROR: Final = {"", "0", "400", "401"}  # delivered, queued, dispatched


class Settings(edge.Settings):
    """What a merchant fills in."""

    service_plan_id: str = Field(
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        title="Service plan ID",
        description="Sinch dashboard, SMS, APIs.",
    )
    api_token: SecretStr = Field(
        min_length=1,
        max_length=200,
        title="API token",
        description="Beside the service plan ID.",
    )
    region: Literal["eu", "us", "br", "au", "ca"] = Field(
        "eu", title="Region", description="Where the service plan lies: it stands beside its ID."
    )
    callback_secret: SecretStr = Field(
        SecretStr(""),
        max_length=200,
        title="Callback secret",
        description="A long word that you make up. Only who says it may tell us receipts and"
        " answers; if Sinch signs its calls, the secret that you agreed on with Sinch.",
        json_schema_extra={"generate": True},
    )


# ------------------------------------------------------------------ sending


def request(settings: Settings, outgoing: Outgoing) -> Request:
    """One POST that makes a batch of one text."""
    told: dict[str, object] = {"to": [outgoing.recipient], "body": outgoing.text}
    if outgoing.sender:  # else the service plan's default originator
        told["from"] = outgoing.sender
    told |= {
        "type": "mt_text",
        "delivery_report": "per_recipient_final",
        "expire_at": _until(outgoing).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "client_reference": outgoing.reference,
    }
    if outgoing.callback_url:
        told["callback_url"] = values.with_secret(outgoing.callback_url, settings.callback_secret)
    headers = {**_headers(settings), "Content-Type": "application/json"}
    return Request("POST", _batches(settings), headers, values.json_body(told))


def _until(outgoing: Outgoing) -> datetime:
    soonest, latest = outgoing.now + VALIDITY_MIN, outgoing.now + VALIDITY_MAX
    return min(max(outgoing.not_after, soonest), latest).astimezone(UTC)


def _batches(settings: Settings) -> str:
    plan = settings.service_plan_id
    return f"https://{settings.region}.sms.api.sinch.com/xms/v1/{plan}/batches"


def _headers(settings: Settings) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {settings.api_token.get_secret_value()}",
        "Accept": "application/json",
    }


def outcome(settings: Settings, outgoing: Outgoing, reply: Reply) -> Outcome:
    """201 with the batch, or an error with a code and a text."""
    told = tree(reply.body)
    if 200 <= reply.status < 300:
        batch = word(at(told, "id"))
        return Sent((batch,)) if batch else Unclear("Sinch's answer names no batch")
    code, said = word(at(told, "code")), at(told, "text")
    if reply.status < 500 and code in ACCOUNT:
        return Refused(edge.reason(code, said), "later", account=True)
    if reply.status == 403 and code:  # "cannot send to this number", not "unknown plan"
        why = edge.reason("HTTP 403", code, said)
        return Refused(why, "permanent", opted_out=values.is_stopped(why))
    return values.refused(reply, outgoing, code, said)


# ------------------------------------------------------------------ hearing


def hear(settings: Settings, call: Call) -> Heard:
    """A receipt of a recipient, a receipt of a batch, or a person's text."""
    _demand_secret(settings, call)
    told = tree(call.body)
    kind = word(at(told, "type"))
    if kind.startswith("recipient_delivery_report"):
        return Heard(receipts=(_receipt(at(told, "batch_id"), told),))
    if kind.startswith("delivery_report"):
        return Heard(receipts=_receipts(told))
    if kind == "mo_text":
        return Heard(texts=(_text(told),))
    if kind.startswith("mo_"):  # pictures and octets: nothing that we can read
        return Heard()
    raise CallWrong("The call is neither a receipt nor a text.", 400)


def _demand_secret(settings: Settings, call: Call) -> None:
    given = call.headers.get("x-sinch-webhook-signature")
    if given is None:
        values.demand_password(call, settings.callback_secret)
        return
    nonce = call.headers.get("x-sinch-webhook-signature-nonce", "")
    signed_at = call.headers.get("x-sinch-webhook-signature-timestamp", "")
    spoken = b".".join([call.body, values.octets(nonce), values.octets(signed_at)])
    wanted = values.mac_base64(settings.callback_secret, spoken)
    if not nonce or not signed_at or not values.same(given, wanted):
        raise CallWrong("The signature does not fit: enter the secret agreed with Sinch again.")
    values.demand_fresh(call, signed_at)


def _receipt(batch: Any, told: Any) -> ReceiptHeard:
    """`told` is a recipient's report, or a line of a batch's."""
    state, code = word(at(told, "status")).lower(), word(at(told, "code"))
    if not word(batch) or not state:
        raise CallWrong("The receipt names no batch or no state.", 400)
    found = "expired" if code in EXPIRED else STATES.get(state, "unknown")
    return ReceiptHeard(
        word(batch),
        found,
        state if state not in STATES else "" if code in NO_ERROR else code,
        edge.moment(at(told, "operator_status_at")) or edge.moment(at(told, "at")),
    )


def _receipts(told: Any) -> tuple[ReceiptHeard, ...]:
    lines = at(told, "statuses")
    found = lines if isinstance(lines, list) else []
    return tuple(_receipt(at(told, "batch_id"), line) for line in found[: edge.FIELDS_MAX])


def _text(told: Any) -> TextHeard:
    return TextHeard(
        word(at(told, "id")),
        edge.international(at(told, "from")),
        edge.international(at(told, "to")),
        word(at(told, "body"), edge.TEXT_LETTERS_MAX),
        edge.moment(at(told, "received_at")),
    )


# ------------------------------------------------------------------ asking


def ask(settings: Settings, provider_id: str) -> Request:
    """What became of it."""
    url = f"{_batches(settings)}/{values.segment(provider_id)}/delivery_report?type=full"
    return Request("GET", url, _headers(settings))


def told(settings: Settings, reply: Reply) -> ReceiptHeard | None:
    """The batch's report; None: Sinch does not say."""
    if reply.status != 200:
        return None
    try:
        found = _receipts(tree(reply.body))
    except CallWrong:
        return None
    return found[0] if found else None
