"""The step that waits for a time; the engine makes a wake-up fact of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for `delay` before the next step."""

    delay: timedelta
    is_on: bool = True

    def changed(self, own: Mapping[str, Any]) -> "Wait":
        """The step with the store's own values: {"delay_s": 7200}, {"is_on": false}."""
        delay = timedelta(seconds=int(own["delay_s"])) if "delay_s" in own else self.delay
        return replace(self, delay=delay, is_on=bool(own.get("is_on", self.is_on)))
