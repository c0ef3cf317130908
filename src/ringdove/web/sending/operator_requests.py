"""What an operator over HTTP would be asked, shown to the owner before anything is sent.

Secrets are put out of sight before the request is made, so that nothing that is built of them
(a signature, a login in base64) gives them away.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any, Final

import phonenumbers
from pydantic import BaseModel, SecretStr, ValidationError

from ringdove.gateways.edge import Outgoing
from ringdove.records.sending.gateways import Gateway
from ringdove.rules import texts
from ringdove.runtime import GATEWAYS

HIDDEN: Final = "hidden"
SHOWN_CHARS_MAX: Final = 4_000
REFERENCE: Final = "0a1b2c3d4e5f6"


@dataclass(frozen=True, slots=True)
class Preview:
    """A request as a person reads it."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str


def preview(
    way: Gateway, secrets: dict[str, Any], callback_url: str, country: str, words: str,
    now: datetime,
) -> Preview | None:  # fmt: skip
    """What a text of these words would be; None: its settings make no request."""
    module = GATEWAYS.get(way.kind)
    if module is None or getattr(module, "TRANSPORT", "") != "http":
        return None
    try:
        settings = hidden(module.Settings.model_validate(way.settings | secrets))
        return _made(module, settings, callback_url, country, words, now)
    except (ValidationError, ValueError):
        return None


def hidden(settings: BaseModel) -> BaseModel:
    """The settings with every secret that is there replaced."""
    secrets = {
        name: SecretStr(HIDDEN if value.get_secret_value() else "")
        for name in type(settings).model_fields
        if isinstance(value := getattr(settings, name), SecretStr)
    }
    return settings.model_copy(update=secrets)


def _made(
    module: ModuleType, settings: Any, callback_url: str, country: str, words: str, now: datetime
) -> Preview:
    size = texts.measure(words)
    outgoing = Outgoing(
        reference=REFERENCE,
        recipient=example_phone(country),
        sender=settings.sender,
        text=words,
        encoding=size.encoding,
        parts=size.parts,
        klass="service",
        not_after=now + timedelta(days=1),
        now=now,
        callback_url=callback_url,
    )
    request = module.request(settings, outgoing)
    body = request.body.decode("utf-8", "replace")
    headers = tuple((name, value[:SHOWN_CHARS_MAX]) for name, value in request.headers.items())
    return Preview(request.method, request.url[:SHOWN_CHARS_MAX], headers, body[:SHOWN_CHARS_MAX])


def example_phone(country: str) -> str:
    """A number of the store's country that nobody has."""
    found = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    return phonenumbers.format_number(found, 0) if found else "+375291112233"
