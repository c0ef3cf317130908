"""Bird's API of 2026 (<region>.platform.bird.com): one text is one SMS message.

The reference goes along as Idempotency-Key: for 24 hours the same key gives the same answer and no
second text. Validity is announced by Bird and refused for now, so a text that is late is stopped by
us alone. Calls are signed as standardwebhooks.com has it.
"""

import base64
import re
from typing import Any, Final

from pydantic import SecretStr

from ringdove.gateways import edge, values
from ringdove.gateways.bird.settings import Settings
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

CATEGORIES: Final = {"service": "transactional", "marketing": "marketing"}
OPTED_OUT: Final = {"recipient_opted_out"}
ACCOUNT: Final = {"insufficient_balance", "SMSNoEligibleSender", "sender_unregistered"}

STATES: Final[dict[str, State]] = {
    "scheduled": "accepted",
    "accepted": "accepted",
    "sent": "enroute",
    "delivered": "delivered",
    "undelivered": "undeliverable",
    "failed": "failed",
    "rejected": "rejected",
    "canceled": "deleted",
    "expired": "expired",
}


def request(settings: Settings, outgoing: Outgoing) -> Request:
    """One POST with one text."""
    told = {
        "to": outgoing.recipient,
        "from": outgoing.sender,
        "text": outgoing.text,
        "category": CATEGORIES.get(outgoing.klass, "transactional"),
        "metadata": {"reference": outgoing.reference},
    }
    headers = {
        **_headers(settings),
        "Content-Type": "application/json",
        "Idempotency-Key": outgoing.reference,
    }
    return Request("POST", _messages(settings), headers, values.json_body(told))


def _messages(settings: Settings) -> str:
    hit = re.match(r"bk_([a-z0-9]+)_", settings.access_key.get_secret_value())
    return f"https://{hit[1] if hit else 'us1'}.platform.bird.com/v1/sms/messages"


def _headers(settings: Settings) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {settings.access_key.get_secret_value()}",
        "Accept": "application/json",
    }


def outcome(settings: Settings, outgoing: Outgoing, reply: Reply) -> Outcome:
    """The message, or {"error": {…}}."""
    told = tree(reply.body)
    if 200 <= reply.status < 300:
        id_ = word(at(told, "id"))
        return Sent((id_,)) if id_ else Unclear("Bird's answer names no message")
    error = at(told, "error") if isinstance(at(told, "error"), dict) else told
    names = [word(at(error, name)) for name in ("name", "code", "type")]
    why = edge.reason(names[0] or names[1] or names[2], at(error, "message"))
    if reply.status < 500 and ACCOUNT.intersection(names):
        return Refused(why, "later", account=True)
    if reply.status < 500 and OPTED_OUT.intersection(names):
        return Refused(why, "permanent", opted_out=True)
    if reply.status == 409:  # the first request with this key is not answered yet
        return Unclear(why)
    return values.refused(reply, outgoing, why)


def hear(settings: Settings, call: Call) -> Heard:
    """An event: sms.received, or what became of a text."""
    _demand_signature(settings, call)
    told = tree(call.body)
    kind, data = word(at(told, "type")), at(told, "data")
    if not kind.startswith("sms."):
        return Heard()  # other events of the same webhook
    id_, moment = word(at(data, "sms_id")), edge.moment(at(told, "timestamp"))
    if not id_:
        return Heard()  # sms.opted_out and what is to come: about no text of ours
    if kind == "sms.received":
        body = word(at(data, "text"), edge.TEXT_LETTERS_MAX)
        ends = [edge.international(at(data, end)) for end in ("from", "to")]
        return Heard(texts=(TextHeard(id_, ends[0], ends[1], body, moment),))
    state = kind.removeprefix("sms.")
    return Heard(receipts=(_receipt(id_, state, at(data, "error"), moment, at(data, "cost")),))


def _demand_signature(settings: Settings, call: Call) -> None:
    id_ = call.headers.get("webhook-id", "")
    signed_at = call.headers.get("webhook-timestamp", "")
    spoken = b".".join([values.octets(id_), values.octets(signed_at), call.body])
    wanted = base64.b64encode(values.mac(_key(settings.signing_key), spoken)).decode()
    given = [one.partition(",") for one in call.headers.get("webhook-signature", "").split()]
    # Several, while a secret is being changed.
    if not id_ or not any(kind == "v1" and values.same(sign, wanted) for kind, _, sign in given):
        raise CallWrong("The signature does not fit: copy the webhook's signing secret again.")
    values.demand_fresh(call, signed_at)


def _key(secret: SecretStr) -> bytes:
    return values.unwrapped(secret.get_secret_value().removeprefix("whsec_"))


def _receipt(id_: str, state: str, error: Any, moment: Any, cost: Any) -> ReceiptHeard:
    code = word(at(error, "code"))
    return ReceiptHeard(
        id_,
        STATES.get(state, "unknown"),
        code or ("" if state in STATES else state),
        moment,
        opted_out=code in OPTED_OUT,
        price=values.price(at(cost, "amount"), at(cost, "currency_code")),
    )


def ask(settings: Settings, provider_id: str) -> Request:
    """What became of it."""
    url = f"{_messages(settings)}/{values.segment(provider_id)}"
    return Request("GET", url, _headers(settings))


def told(settings: Settings, reply: Reply) -> ReceiptHeard | None:
    """The message as it stands; None: Bird does not say."""
    found = tree(reply.body)
    id_, state = word(at(found, "id")), word(at(found, "status"))
    if reply.status != 200 or not id_ or not state:
        return None
    moment = edge.moment(at(found, "delivered_at")) or edge.moment(at(found, "sent_at"))
    return _receipt(id_, state, at(found, "last_error"), moment, at(found, "cost"))
