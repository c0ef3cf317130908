"""How well a gateway delivers to a country: what was seen, like the others while that is little.

A gateway that has sent ten texts is not yet better or worse than one that has sent ten thousand, so
its share begins at that of all and moves away as texts add up. One that never tells receipts is not
known to fail: it keeps the share of all.
"""

from collections.abc import Mapping
from dataclasses import dataclass

BEFORE = 30.0  # so many texts' worth of belief that a gateway is like the others
UNSEEN = 0.9  # the share where nobody knows anything


@dataclass(frozen=True, slots=True)
class Seen:
    """Of one gateway in one country, over some days."""

    sent: int = 0
    delivered: int = 0
    undelivered: int = 0

    @property
    def tells(self) -> bool:
        """Whether its operator gives receipts at all."""
        return self.delivered + self.undelivered > 0


def shares(seen: Mapping[tuple[int, str], Seen]) -> dict[tuple[int, str], float]:
    """The share of texts that is delivered, by gateway and country."""
    found = {}
    for (gateway_id, country), own in seen.items():
        told = [one for (_, place), one in seen.items() if place == country and one.tells]
        out_of = sum(_out_of(one) for one in told)
        all_of_them = sum(one.delivered for one in told) / out_of if out_of else UNSEEN
        n = _out_of(own) if own.tells else 0
        found[gateway_id, country] = (own.delivered + BEFORE * all_of_them) / (n + BEFORE)
    return found


def _out_of(one: Seen) -> int:
    """What has no receipt yet counts as not delivered, but receipts may outrun what was counted."""
    return max(one.sent, one.delivered + one.undelivered)
