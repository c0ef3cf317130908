"""The step that sends a text; rules/messages.speak decides and makes the message."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Send:
    """Send the text with this key of locales/<language>/phrases.toml, or the store's own."""

    text: str
    channel: str = "sms"
    klass: str = "service"
    guard: str = ""  # unpaid: asked again in the transaction that takes the message
    in_daytime: bool = False
    is_on: bool = True

    def changed(self, own: Mapping[str, Any]) -> "Send":
        """The step with the store's own values: {"is_on": false}."""
        return replace(self, is_on=bool(own.get("is_on", self.is_on)))
