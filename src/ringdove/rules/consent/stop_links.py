"""The personal address that ends every marketing text: <public address>/u/<token>, for ever.

A token needs no table: it carries the store, the person and a seal that only this installation can
make, so it works from a phone without a login, and none can be turned into somebody else's. Letters
and digits only: phones cut a link where it ends with a hyphen or a low line.

Bits: 63 of the person's id, 8 of the store's, 48 of the seal are 119, and 20 signs of 62 hold 119.
Stores above 255 take 31 bits and 24 signs. To hit one person by guessing takes 2**47 requests.
A store's own form (/leave/<token>) is named by 31 bits of store and the seal: 14 signs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest

_SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES = {sign: value for value, sign in enumerate(_SIGNS)}
PERSON_BITS, SEAL_BITS = 63, 48
SHORT, LONG, FORM = 20, 24, 14  # signs
_STORE_BITS = {SHORT: 8, LONG: 31}
STORES_SHORT = 1 << _STORE_BITS[SHORT]

Keyed = Callable[[str], str]  # of one store: Scene.keyed, or Runtime.keyed with its store


@dataclass(frozen=True, slots=True)
class Claim:
    """What a token says, not yet believed."""

    store_id: int
    contact_id: int  # 0: the store's own form
    seal: int


def token_of(store_id: int, contact_id: int, keyed: Keyed) -> str:
    """The token of a person of this store."""
    length = SHORT if store_id < STORES_SHORT else LONG
    said = (store_id << PERSON_BITS | contact_id) << SEAL_BITS | _seal(contact_id, keyed)
    return _spelled(said, length)


def url_of(address: str, store_id: int, contact_id: int, keyed: Keyed) -> str:
    """Where a person leaves; `address`: under which we are reached from outside."""
    return f"{address}/u/{token_of(store_id, contact_id, keyed)}"


def form_token_of(store_id: int, keyed: Keyed) -> str:
    """The token of the form with which anybody leaves this store by typing a number."""
    return _spelled(store_id << SEAL_BITS | _seal(0, keyed), FORM)


def read(token: str) -> Claim | None:
    """What a token says; None: it is none, perhaps a letter was lost on its way."""
    if len(token) not in (SHORT, LONG, FORM) or not set(token) <= _VALUES.keys():
        return None
    said = 0
    for sign in token:
        said = said * len(_SIGNS) + _VALUES[sign]
    rest, seal = said >> SEAL_BITS, said & ((1 << SEAL_BITS) - 1)
    if len(token) == FORM:
        return Claim(rest, 0, seal) if rest < 1 << _STORE_BITS[LONG] else None
    store_id, contact_id = rest >> PERSON_BITS, rest & ((1 << PERSON_BITS) - 1)
    if not contact_id or store_id >= 1 << _STORE_BITS[len(token)]:
        return None
    return Claim(store_id, contact_id, seal)


def is_ours(claim: Claim, keyed: Keyed) -> bool:
    """Whether this installation made it."""
    right = _seal(claim.contact_id, keyed)
    return compare_digest(claim.seal.to_bytes(6, "big"), right.to_bytes(6, "big"))


def _seal(contact_id: int, keyed: Keyed) -> int:
    return int(keyed(f"stop-link/{contact_id}")[: SEAL_BITS // 4], 16)


def _spelled(value: int, length: int) -> str:
    signs = []
    for _ in range(length):
        value, sign = divmod(value, len(_SIGNS))
        signs.append(_SIGNS[sign])
    return "".join(reversed(signs))
