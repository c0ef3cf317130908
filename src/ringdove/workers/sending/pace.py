"""How fast an account may speak: its messages per second, and the pauses that its SMSC asks for.

Time is an argument. Each bind of an account is leased to one process and brings its share of the
account's pace with it, so no row is written for this.
"""

import math
from typing import Final

BURST_S: Final = 0.2
SLOWER_S: Final = (0.5, 30.0)


class Allowance:
    """Messages per second that the account may say, and the pauses that the SMSC asks for."""

    def __init__(self, per_s: float) -> None:
        self._left = math.inf
        self.pace(per_s)
        self._seen_at: float | None = None
        self._not_before = 0.0
        self._slower_s = SLOWER_S[0]

    def pace(self, per_s: float) -> None:
        """So many messages per second from now on."""
        self._per_s = per_s
        self._most = max(1.0, per_s * BURST_S)
        self._left = min(self._left, self._most)

    def room(self, now: float) -> int:
        """How many may be said now."""
        if self._seen_at is not None:
            gained = (now - self._seen_at) * self._per_s
            self._left = min(self._most, self._left + gained)
        self._seen_at = now
        return 0 if now < self._not_before else int(self._left)

    def wait_s(self, now: float) -> float:
        """0: one may be said now."""
        if self.room(now) >= 1:
            return 0.0
        return max(self._not_before - now, (1 - self._left) / self._per_s)

    def spend(self, count: int = 1) -> None:
        self._left -= count

    def slow_down(self, now: float, least_s: float = 0.0) -> None:
        """ESME_RTHROTTLED, 429: a pause, twice as long each time; a whole window asks at once.
        `least_s`: the pause that the operator asks for."""
        if now >= self._not_before:
            self._not_before = now + self._slower_s
            self._slower_s = min(self._slower_s * 2, SLOWER_S[1])
        self._not_before = max(self._not_before, now + least_s)

    def went_well(self) -> None:
        self._slower_s = max(SLOWER_S[0], self._slower_s * 0.9)
