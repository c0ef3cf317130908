"""Bird, once MessageBird: three APIs under one name, since all three are in use.

    a key bk_…               platform.py      the API of 2026; the same reference goes once
    workspace and channel    channels.py      Bird's Channels API (api.bird.com)
    else                     messagebird.py   the old REST API (rest.messagebird.com)

    outcome of one request
    ├── Sent(id)
    ├── Refused(…)     by Bird's code or the HTTP status
    └── Unclear(…)     Bird broke while it answered

Which API signed a call is seen by its headers; each way of signing is checked with the one signing
key of the settings, and what is not signed is not taken. Pure: no socket, no clock.
"""

import re
from types import ModuleType
from typing import Final

from ringdove.gateways.bird import channels, messagebird, platform
from ringdove.gateways.bird.settings import Settings as Settings
from ringdove.gateways.edge import (
    Call,
    CallWrong,
    Heard,
    Outcome,
    Outgoing,
    ReceiptHeard,
    Reply,
    Request,
)

TITLE: Final = "Bird (MessageBird)"
HELP: Final = (
    "Sends and receives through an account at Bird or MessageBird. An access key is enough; which"
    " of Bird's interfaces it belongs to is seen by itself."
)
CHANNEL: Final = "sms"
TRANSPORT: Final = "http"
GUARDS_DOUBLES: Final = False  # only platform.py does, and a form does not tell which it is
CALLBACKS: Final = (
    "With a key bk_…: Bird dashboard, Developers, Webhooks, add our address with all events"
    " sms.…, and copy its signing secret here. With a workspace: add a webhook subscription for"
    " sms.outbound and sms.inbound with our address and a signing key of yours. MessageBird:"
    " receipts come by themselves; for answers, Flow Builder: SMS, then Call HTTP endpoint, POST,"
    " our address."
)


def _api(settings: Settings) -> ModuleType:
    if re.match(r"bk_[a-z0-9]+_", settings.access_key.get_secret_value()):
        return platform
    return channels if settings.workspace_id and settings.channel_id else messagebird


def request(settings: Settings, outgoing: Outgoing) -> Request:
    """One POST with one text."""
    made: Request = _api(settings).request(settings, outgoing)
    return made


def outcome(settings: Settings, outgoing: Outgoing, reply: Reply) -> Outcome:
    """An id, or a code."""
    meant: Outcome = _api(settings).outcome(settings, outgoing, reply)
    return meant


def hear(settings: Settings, call: Call) -> Heard:
    """A receipt, or a person's text."""
    if "webhook-signature" in call.headers:
        return platform.hear(settings, call)
    if "messagebird-signature-jwt" in call.headers:
        return messagebird.hear(settings, call)
    if "messagebird-signature" in call.headers:
        return channels.hear(settings, call)
    raise CallWrong("The call is not signed: give the webhook at Bird a signing key.")


def ask(settings: Settings, provider_id: str) -> Request:
    """What became of it."""
    made: Request = _api(settings).ask(settings, provider_id)
    return made


def told(settings: Settings, reply: Reply) -> ReceiptHeard | None:
    """The message as it stands; None: Bird does not say."""
    found: ReceiptHeard | None = _api(settings).told(settings, reply)
    return found
