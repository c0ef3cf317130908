"""Offers: rewards that campaigns carry, and the codes of one's own that are made for them.

An offer is a reward (rules/ways_in.Reward) whose settings say more: what the discount is, on which
goods, where, for whom. A code of one's own follows from the person and the offer, so that the same
person meets the same code again however often an offer is said, and two campaigns that say it at
the same time agree without asking each other.
"""

from collections.abc import Sequence
from hashlib import blake2b

from ringdove.rules.rewards import CODE_ALPHABET

_N = len(CODE_ALPHABET)
# Three signs at once: a page of codes is made in a third of the time.
_THREE = [a + b + c for a in CODE_ALPHABET for b in CODE_ALPHABET for c in CODE_ALPHABET]
_THREES = len(_THREE)


def own_codes(prefix: str, secret: str, people: Sequence[int], turn: int) -> list[str]:
    """For each person the code of their own at this turn: the next turn is for who has used the
    code of this one, or whose code somebody else has by chance. `secret`: of the offer, at most 64
    signs."""
    begin = f"{prefix}-" if prefix else ""
    key, turned = secret.encode(), turn << 64
    found = []
    for person in people:
        said = blake2b((turned | person).to_bytes(12), key=key, digest_size=8).digest()
        value = int.from_bytes(said)
        first, second = value // _THREES, value // (_THREES * _THREES)
        found.append(
            begin + _THREE[value % _THREES] + _THREE[first % _THREES] + CODE_ALPHABET[second % _N]
        )
    return found
