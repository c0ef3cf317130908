"""What an SMSC's answer means for a text: it was taken, or it was refused and how finally.

Closed lists, which an operator's own numbers in the settings go before. The rest is "later",
operators' own numbers too: a refusal is no delivery, so that asking again cannot double a text, and
attempts are bounded; taking a passing trouble for final loses one.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from ringdove.gateways.smpp.settings import Settings
from ringdove.smpp import ids, statuses

Again: TypeAlias = Literal["permanent", "later", "throttled"]


@dataclass(frozen=True, slots=True)
class Sent:
    provider_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    reason: str
    again: Again


Outcome: TypeAlias = Sent | Refused

THROTTLED: Final = frozenset({0x14, 0x58})
PERMANENT: Final = frozenset(
    {0x01, 0x06, 0x07, 0x0A, 0x0B, 0x15, 0x33, 0x34, 0x40, 0x42, 0x43, 0x48, 0x49, 0x50, 0x51}
    | {0x54, 0x55, 0x61, 0x62, 0x63, 0x65, 0x66, 0xC0, 0xC1, 0xC2, 0xC3, 0xC4}
)


def outcome(settings: Settings, status: int, message_id: str) -> Outcome:
    if status == 0:
        return Sent(ids.sent_form(settings.id_rule)(message_id)[: ids.CHARS_MAX])
    return Refused(statuses.name(status), _again(settings, status))


def _again(settings: Settings, status: int) -> Again:
    if status in settings.throttle_errors:
        return "throttled"
    if status in settings.later_errors:
        return "later"
    if status in settings.permanent_errors:
        return "permanent"
    if status in THROTTLED:
        return "throttled"
    return "permanent" if status in PERMANENT else "later"


BIND_HOPELESS: Final = frozenset({0x0D, 0x0E, 0x0F, 0x53})
"""Refused binds that a person must look at: asked again slowly, so as not to be locked out."""
