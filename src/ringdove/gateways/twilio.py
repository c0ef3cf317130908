"""Twilio's Programmable Messaging: one text is one Message resource.

    outcome of one request
    ├── Sent(sid)
    ├── Refused(…)     by Twilio's error code: CODES; 21610 means that the recipient stopped us
    └── Unclear(…)     Twilio broke while it answered

Twilio has no reference of ours and no guard against doubles: a repeated request is a second text.
Its calls are signed with the account's token (HMAC-SHA1 over address and form), which is why the
token is asked for even where an API key sends. Pure: no socket, no clock.
"""

from typing import Final, Literal
from urllib.parse import urlencode

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

TITLE: Final = "Twilio"
HELP: Final = (
    "Sends and receives through an account at Twilio. The account SID and the auth token stand on"
    " the first page of its console."
)
CHANNEL: Final = "sms"
TRANSPORT: Final = "http"
GUARDS_DOUBLES: Final = False
CALLBACKS: Final = (
    "Receipts come by themselves. For answers: Twilio console, Phone Numbers, your number,"
    " Messaging, “A message comes in”: Webhook, our address, HTTP POST. With a Messaging Service:"
    " its page, Integration, “Send a webhook”, our address."
)

HOSTS: Final = {
    "us1": "api.twilio.com",
    "ie1": "api.dublin.ie1.twilio.com",
    "au1": "api.sydney.au1.twilio.com",
}
VALIDITY_S_MAX: Final = 36_000  # what ValidityPeriod takes

OPTED_OUT: Final = {"21610"}
EXPIRED: Final = {"30036"}  # "Validity Period Expired"

CODES: Final[dict[str, Again]] = {
    "20429": "throttled",  # too many requests
    "21611": "throttled",  # the sender's queue is full
    "30001": "throttled",  # queue overflow
    "20503": "later",  # service unavailable
    "21211": "permanent",  # To is no number
    "21214": "permanent",  # To cannot be reached
    "21217": "permanent",
    "21265": "permanent",  # To is a short code
    "21408": "permanent",  # that country is not switched on
    "21602": "permanent",  # no text
    "21604": "permanent",  # no To
    "21608": "permanent",  # a trial account may only text to its own numbers
    "21610": "permanent",  # the recipient stopped us
    "21612": "permanent",  # no way from this sender to this number
    "21614": "permanent",  # To is no mobile number
    "21617": "permanent",  # more than 1,600 letters
    "21635": "permanent",  # To is a landline
    "30003": "permanent",
    "30004": "permanent",
    "30005": "permanent",
    "30006": "permanent",
    "30007": "permanent",
}
"""Error codes of the Messages resource that are about one text or about speed."""

ACCOUNT: Final = {
    "20003", "20004", "20005", "20006", "20008", "20404",  # key, rights, a closed account
    "21603", "21606", "21659", "21660", "21661",  # the sender is not ours or cannot text
    "21701", "21703", "21704", "21705", "21712",  # the Messaging Service
    "30002", "63038",  # suspended; the day's limit
}  # fmt: skip
"""Nothing goes until somebody puts the account right."""

STATES: Final[dict[str, State]] = {
    "accepted": "accepted",
    "scheduled": "accepted",
    "queued": "accepted",
    "sending": "enroute",
    "sent": "enroute",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "undeliverable",
    "failed": "failed",
    "partially_delivered": "failed",  # one part is missing: nobody can read it (P6)
    "canceled": "deleted",
}


class Settings(edge.Settings):
    """What a merchant fills in."""

    account_sid: str = Field(
        pattern=r"^AC[0-9a-fA-F]{32}$",
        title="Account SID",
        description="Twilio console, first page, Account Info: AC and 32 signs.",
    )
    auth_token: SecretStr = Field(
        min_length=1,
        max_length=100,
        title="Auth token",
        description="Beside the account SID. Twilio signs with it what it tells us.",
    )
    messaging_service_sid: str = Field(
        "",
        pattern=r"^(MG[0-9a-fA-F]{32})?$",
        title="Messaging Service SID",
        description="Empty: texts go from the sender. Else MG and 32 signs: Twilio console,"
        " Messaging, Services.",
    )
    api_key_sid: str = Field(
        "",
        pattern=r"^(SK[0-9a-fA-F]{32})?$",
        title="API key SID",
        description="Empty: the auth token sends. Else SK and 32 signs: Account, API keys.",
    )
    api_key_secret: SecretStr = Field(
        SecretStr(""),
        max_length=100,
        title="API key secret",
        description="Shown by Twilio once, when the key is made.",
    )
    region: Literal["us1", "ie1", "au1"] = Field(
        "us1",
        title="Region",
        description="Where the account's data lie: us1 unless you chose Ireland (ie1) or"
        " Australia (au1).",
    )


# ------------------------------------------------------------------ sending


def request(settings: Settings, outgoing: Outgoing) -> Request:
    """One POST that makes one Message."""
    fields = {"To": outgoing.recipient, "Body": outgoing.text}
    if outgoing.sender:
        fields["From"] = outgoing.sender
    if settings.messaging_service_sid:
        fields["MessagingServiceSid"] = settings.messaging_service_sid
    fields["ValidityPeriod"] = str(values.seconds_left(outgoing, 1, VALIDITY_S_MAX))
    if outgoing.callback_url:
        fields["StatusCallback"] = outgoing.callback_url
    return Request(
        "POST",
        f"{_messages(settings)}.json",
        {
            "Authorization": _authorization(settings),
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            "Accept": "application/json",
        },
        urlencode(fields, errors="replace").encode(),
    )


def _messages(settings: Settings) -> str:
    return f"https://{HOSTS[settings.region]}/2010-04-01/Accounts/{settings.account_sid}/Messages"


def _authorization(settings: Settings) -> str:
    if settings.api_key_sid:
        return values.basic(settings.api_key_sid, settings.api_key_secret)
    return values.basic(settings.account_sid, settings.auth_token)


def outcome(settings: Settings, outgoing: Outgoing, reply: Reply) -> Outcome:
    """201 with a sid, or an error with a code of its own."""
    told = tree(reply.body)
    if 200 <= reply.status < 300:
        sid, code = word(at(told, "sid")), word(at(told, "error_code"))
        if code:
            return _refused(reply, outgoing, code, at(told, "error_message"))
        return Sent((sid,)) if sid else Unclear(edge.reason("Twilio's answer names no message"))
    return _refused(reply, outgoing, word(at(told, "code")), at(told, "message"))


def _refused(reply: Reply, outgoing: Outgoing, code: str, said: object) -> Refused | Unclear:
    why = edge.reason(code, said)
    if code in ACCOUNT:
        return Refused(why, "later", account=True)
    if code in CODES:
        return Refused(
            why,
            CODES[code],
            opted_out=code in OPTED_OUT,
            retry_after_s=edge.retry_after_s(reply, outgoing.now),
        )
    if 200 <= reply.status < 300:  # made and failed at once
        return Refused(why, "permanent")
    return values.refused(reply, outgoing, code, said)


# ------------------------------------------------------------------ hearing


def hear(settings: Settings, call: Call) -> Heard:
    """A status callback, or a person's text."""
    fields = _signed(settings, call)
    sid = word(fields.get("MessageSid") or fields.get("SmsSid"))
    state = word(fields.get("MessageStatus") or fields.get("SmsStatus")).lower()
    if not sid:
        raise CallWrong("The call names no message.", 400)
    if state in ("received", "receiving") or (not state and "Body" in fields):
        return Heard(
            texts=(
                TextHeard(
                    sid,
                    edge.international(fields.get("From")),
                    edge.international(fields.get("To")),
                    fields.get("Body", ""),
                ),
            ),
            answer=b"<Response/>",  # TwiML: we answer by sending, not here
            content_type="text/xml",
        )
    return Heard(receipts=(_receipt(sid, state, word(fields.get("ErrorCode"))),))


def _signed(settings: Settings, call: Call) -> dict[str, str]:
    """The fields of a call whose signature fits. A form is signed with the address; for JSON the
    address holds the body's hash (bodySHA256) and is signed alone."""
    asked = edge.query(call)
    signed: list[tuple[str, str]] = []
    if "bodySHA256" in asked:
        if not values.same(values.sha256(call.body), asked["bodySHA256"].lower()):
            raise CallWrong("The body is not the one that was signed.")
        fields = _of_json(call)
    elif call.method.upper() == "GET":
        fields = asked
    else:
        signed, fields = values.pairs(call.body), edge.form(call)
    # A set: Twilio signs a field that comes twice with the same value once.
    spoken = "".join(name + value for name, value in sorted(set(signed)))
    given = call.headers.get("x-twilio-signature", "")
    for url in _addresses(call.url):
        if values.same(values.mac_base64(settings.auth_token, url + spoken, "sha1"), given):
            return fields
    raise CallWrong(
        "The signature does not fit: copy the auth token again, and see that our public address"
        " is the one that Twilio calls."
    )


def _of_json(call: Call) -> dict[str, str]:
    found = tree(call.body)
    if not isinstance(found, dict):
        raise CallWrong("The body is no JSON object.", 400)
    return {name: word(value, edge.TEXT_LETTERS_MAX) for name, value in found.items()}


def _addresses(url: str) -> tuple[str, ...]:
    """Twilio signs the address with its port or without it, by its own mind."""
    scheme, host, _, _ = values.split(url)
    name, _, port = host.partition(":")
    usual = "443" if scheme == "https" else "80"
    hosts = {host, name, f"{name}:{port or usual}"}
    return tuple(url.replace(f"://{host}", f"://{one}", 1) for one in sorted(hosts))


def _receipt(sid: str, state: str, code: str, price: str = "") -> ReceiptHeard:
    found = STATES.get(state, "unknown")
    if code in EXPIRED:
        found = "expired"
    return ReceiptHeard(
        sid,
        found,
        code if code not in ("", "0") else "" if state in STATES else state,
        opted_out=code in OPTED_OUT,
        price=price,
    )


# ------------------------------------------------------------------ asking


def ask(settings: Settings, provider_id: str) -> Request:
    """What became of it."""
    return Request(
        "GET",
        f"{_messages(settings)}/{values.segment(provider_id)}.json",
        {"Authorization": _authorization(settings), "Accept": "application/json"},
    )


def told(settings: Settings, reply: Reply) -> ReceiptHeard | None:
    """The Message resource as it stands; None: Twilio does not say."""
    found = tree(reply.body)
    sid, state = word(at(found, "sid")), word(at(found, "status")).lower()
    if reply.status != 200 or not sid or not state:
        return None
    cost = values.price(at(found, "price"), at(found, "price_unit"))
    return _receipt(sid, state, word(at(found, "error_code")), cost)
