"""Chance that can be repeated: who is held out, which variant, which place in a spread (N3).

A lot is a block enciphered with a key, so that whoever asks again gets the same answer, nobody
outside can foretell it, and a campaign that goes on after a crash deals as before. The holdout
hangs on the store and the person only: who is left alone is left alone by every campaign with the
same share, and a larger share leaves the same people alone and others beside them.

Lots of many people are drawn by one call of AES: a tenth of what a hash for each would take.
"""

from bisect import bisect
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from struct import pack, unpack

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

FULL = 1 << 64
_KEY = 16  # octets


class Lots:
    """The lots of one campaign. Keys: 16 to 64 octets that only this installation knows, one of
    the store and one of the campaign."""

    __slots__ = ("_bounds", "_campaign", "_held_below", "_store")

    def __init__(
        self, store_key: bytes, campaign_key: bytes, holdout_percent: int, shares: Sequence[int]
    ) -> None:
        self._store, self._campaign = cipher(store_key), cipher(campaign_key)
        self._held_below = FULL * holdout_percent // 100
        total = sum(shares)
        self._bounds = [FULL * upto // total for upto in accumulate(shares)][:-1]

    def are_held(self, contact_ids: Sequence[int]) -> list[bool]:
        """Whether each is left alone, to see what the campaign earned; in their order."""
        below = self._held_below
        if not below:
            return [False] * len(contact_ids)
        return [lot < below for lot in drawn(self._store, contact_ids)[::2]]

    def deal(self, contact_ids: Sequence[int]) -> list[tuple[int, float]]:
        """Each one's variant, and their place in a spread from 0 to below 1; in their order."""
        lots, bounds = drawn(self._campaign, contact_ids), self._bounds
        places = [(lot >> 11) / (1 << 53) for lot in lots[1::2]]
        variants = [bisect(bounds, lot) for lot in lots[::2]]
        return list(zip(variants, places, strict=True))


@lru_cache(maxsize=64)
def cipher(key: bytes) -> Cipher[modes.ECB]:
    """To draw lots with. `key`: up to 64 octets."""
    # Used as a function of one block, no more.
    return Cipher(algorithms.AES(blake2b(key, digest_size=_KEY).digest()), modes.ECB())


def drawn(by: Cipher[modes.ECB], contact_ids: Sequence[int], turn: int = 0) -> tuple[int, ...]:
    """Two numbers below FULL for each person, one after another; others at another turn."""
    flat = [turn] * (2 * len(contact_ids))
    flat[::2] = contact_ids
    return unpack(f"<{len(flat)}Q", by.encryptor().update(pack(f"<{len(flat)}Q", *flat)))
