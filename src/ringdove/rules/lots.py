"""Chance that can be repeated: who is held out, which variant, which place in a spread (N3).

A lot is a keyed hash, so that whoever asks again gets the same answer, nobody outside can foretell
it, and a campaign that goes on after a crash deals as before. The holdout hangs on the store and
the person only: who is left alone is left alone by every campaign with the same share, and a larger
share leaves the same people alone and others beside them.
"""

from collections.abc import Sequence
from hashlib import blake2b
from itertools import accumulate

FULL = 1 << 64


class Lots:
    """The lots of one campaign. Keys: 16 to 64 octets that only this installation knows, one of
    the store and one of the campaign."""

    __slots__ = ("_bounds", "_campaign", "_held_below", "_store")

    def __init__(
        self, store_key: bytes, campaign_key: bytes, holdout_percent: int, shares: Sequence[int]
    ) -> None:
        # Begun with the key once, and copied for each person: half the time.
        self._store = blake2b(key=store_key, digest_size=8)
        self._campaign = blake2b(key=campaign_key, digest_size=16)
        self._held_below = FULL * holdout_percent // 100
        total = sum(shares)
        self._bounds = [FULL * upto // total for upto in accumulate(shares)][:-1]

    def is_held(self, contact_id: int) -> bool:
        """Whether the person is left alone, to see what the campaign earned."""
        if not self._held_below:
            return False
        lot = self._store.copy()
        lot.update(contact_id.to_bytes(8, "little"))
        return int.from_bytes(lot.digest(), "little") < self._held_below

    def deal(self, contact_id: int) -> tuple[int, float]:
        """The person's variant, and their place in a spread from 0 to below 1."""
        lot = self._campaign.copy()
        lot.update(contact_id.to_bytes(8, "little"))
        said = lot.digest()
        chance = int.from_bytes(said[:8], "little")
        place = (int.from_bytes(said[8:], "little") >> 11) / (1 << 53)
        for variant, bound in enumerate(self._bounds):
            if chance < bound:
                return variant, place
        return len(self._bounds), place
