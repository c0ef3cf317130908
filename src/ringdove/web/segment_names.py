"""What a store calls the things that a segment names by number or key."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ringdove.rules.own_fields import OwnField


@dataclass(frozen=True, slots=True)
class Names:
    """What a store calls the things that a tree names by number or key."""

    currency: str = ""
    segments: Mapping[int, str] = field(default_factory=dict)
    campaigns: Mapping[int, str] = field(default_factory=dict)
    offers: Mapping[int, str] = field(default_factory=dict)
    topics: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, OwnField] = field(default_factory=dict)
