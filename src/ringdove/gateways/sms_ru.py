"""SMS.ru: https://sms.ru/api/send and https://sms.ru/api/callback

Calls bring up to a hundred records and are signed with SHA-256 over the api_id and all records, so
nothing more is to be configured; the answer must be 100. It is a sending service: people's texts do
not come back through it.
Pure: no socket, no clock.
"""

from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

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
    Unclear,
)

TITLE: Final = "SMS.ru"
HELP: Final = (
    "Russia. You need an account at sms.ru and its api_id. Customers cannot answer through it."
)
CHANNEL: Final = "sms"
TRANSPORT: Final = "http"
CALLBACKS: Final = (
    "At sms.ru open API → Callback and add the address below. Calls are signed with your api_id:"
    " nothing else is to be entered."
)
GUARDS_DOUBLES: Final = False

SEND_URL: Final = "https://sms.ru/sms/send"
STATUS_URL: Final = "https://sms.ru/sms/status"
VALIDITY_S_MAX: Final = 86_400


class Settings(edge.Settings):
    """What a merchant fills in."""

    api_id: SecretStr = Field(
        min_length=1,
        max_length=100,
        title="api_id",
        description="On the first page of your account at sms.ru. Kept sealed, never shown.",
    )


# ── Sending ──────────────────────────────────────────────────────────────────

HEADERS: Final = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}


def request(settings: Settings, outgoing: Outgoing) -> Request:
    fields = {
        "api_id": settings.api_id.get_secret_value(),
        "to": outgoing.recipient.removeprefix("+"),
        "msg": outgoing.text,
        "from": outgoing.sender.removeprefix("+"),
        "ttl": _validity(outgoing),
        "json": "1",
    }
    body = urlencode({name: value for name, value in fields.items() if value})
    return Request("POST", SEND_URL, HEADERS, body.encode())


def _validity(outgoing: Outgoing) -> str:
    """Minutes, rounded down: an offer that ended must not arrive (R18)."""
    return str(values.seconds_left(outgoing, 60, VALIDITY_S_MAX) // 60)


TAKEN: Final = "100"
OPTED_OUT: Final = frozenset({"209", "215"})  # on your stop list, on SMS.ru's after a complaint
THROTTLED: Final = frozenset({"231", "501", "502", "503"})
ACCOUNT: Final = frozenset({"200", "201", "206", "300", "301", "302"})
PERMANENT: Final = OPTED_OUT | frozenset(
    {"202", "203", "204", "205", "207", "208", "210", "211", "212", "213", "214", "216", "217"}
    | {"221", "232"}
)
"""https://sms.ru/api/status; the rest is "later": 220 and 500 ask to be repeated."""
SAME_TEXT_PAUSE_S: Final = 60.0


def outcome(settings: Settings, outgoing: Outgoing, reply: Reply) -> Outcome:
    told = edge.tree(reply.body)
    texts = edge.at(told, "sms")
    # Named by the number as SMS.ru writes it; only one was sent.
    sms = next(iter(texts.values()), None) if isinstance(texts, dict) else None
    code = edge.word(edge.at(sms if sms is not None else told, "status_code"))
    why = edge.reason(code, edge.at(sms if sms is not None else told, "status_text"))
    provider_id = edge.word(edge.at(sms, "sms_id"))
    if not 200 <= reply.status < 300:
        return values.refused(reply, outgoing, why)
    if code == TAKEN:
        return Sent((provider_id,)) if provider_id else Unclear("SMS.ru's answer names no message")
    if code in THROTTLED:
        return Refused(why, "throttled", retry_after_s=SAME_TEXT_PAUSE_S if code == "231" else 0.0)
    if code in ACCOUNT:
        return Refused(why, "later", account=True)
    if code in PERMANENT:
        return Refused(why, "permanent", opted_out=code in OPTED_OUT)
    return Refused(why, "later") if code else Unclear("SMS.ru's answer has no code")


# ── What SMS.ru tells ────────────────────────────────────────────────────────

STATES: Final[dict[str, State]] = {
    "-1": "unknown",  # not found
    "100": "accepted",
    "101": "enroute",  # is being handed to the network
    "102": "enroute",
    "103": "delivered",
    "104": "expired",
    "105": "deleted",  # by the network
    "106": "undeliverable",  # a fault of the phone
    "107": "undeliverable",  # nobody knows why
    "108": "rejected",
    "110": "delivered",  # read
    "130": "rejected",  # too many to this number today
    "131": "rejected",  # too many alike within a minute
    "132": "rejected",  # too many alike today
    "150": "undeliverable",  # no route
}


def hear(settings: Settings, call: Call) -> Heard:
    """Records of lines: sms_status, id, status, seconds since 1970. Others are not for us."""
    pairs = _pairs(call)
    records = [value for name, value in pairs if name.startswith("data[")]
    given = next((value for name, value in pairs if name == "hash"), b"")
    signed = settings.api_id.get_secret_value().encode() + b"".join(records)
    if not values.same(given.lower(), values.sha256(signed)):
        raise CallWrong("The hash of SMS.ru does not fit: enter the api_id again.")
    lines = (record.decode("utf-8", "replace").split("\n") for record in records)
    receipts = (_receipt(line) for line in lines if len(line) > 2 and line[0] == "sms_status")
    return Heard(receipts=tuple(one for one in receipts if one.provider_id), answer=b"100")


def _pairs(call: Call) -> list[tuple[str, bytes]]:
    """In their order and to the octet: all of it is signed."""
    try:
        pairs = parse_qsl(
            call.body.decode("latin-1"),
            keep_blank_values=True,
            encoding="latin-1",
            max_num_fields=edge.FIELDS_MAX,
        )
    except ValueError:
        raise CallWrong("The call has too many fields.", 400) from None
    return [(name, value.encode("latin-1")) for name, value in pairs]


def _receipt(line: list[str]) -> ReceiptHeard:
    status = edge.word(line[2]).strip()
    state = STATES.get(status, "unknown")
    error = "" if state in ("accepted", "enroute", "delivered") else edge.reason(status)
    seen_at = edge.moment(line[3]) if len(line) > 3 else None
    return ReceiptHeard(edge.word(line[1]).strip(), state, error, at=seen_at)


# ── Asking SMS.ru ────────────────────────────────────────────────────────────


def ask(settings: Settings, provider_id: str) -> Request:
    api_id = settings.api_id.get_secret_value()
    body = urlencode({"api_id": api_id, "sms_id": provider_id, "json": "1"})
    return Request("POST", STATUS_URL, HEADERS, body.encode())


def told(settings: Settings, reply: Reply) -> ReceiptHeard | None:
    answer: Any = edge.tree(reply.body)
    texts = edge.at(answer, "sms") if edge.word(edge.at(answer, "status_code")) == TAKEN else None
    if not isinstance(texts, dict) or not texts:
        return None
    provider_id, sms = next(iter(texts.items()))
    status = edge.word(edge.at(sms, "status_code"))
    if edge.at(sms, "status") != "OK" or status not in STATES:
        return None
    receipt = _receipt(["sms_status", provider_id, status])
    return receipt if receipt.provider_id else None
