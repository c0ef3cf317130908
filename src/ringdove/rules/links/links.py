"""The personal short links of texts: https://<short domain>/<token>, else <our address>/l/<token>.

A token names a message and one of its links, and so the store, the person and where it leads. It
needs no table, works for ever, and says nothing to whoever sees it: the numbers are enciphered, so
that two tokens made one after another have nothing in common and none can be counted up to find
other people's. Letters and digits only: phones cut a link where it ends with another sign.

Bits: 7 of the store, 62 of the message, 2 of the link are 71, and 12 signs of 62 hold 71. Stores
above 127 (and ids after the year 2058) take 17 signs. The cipher is a Feistel network of four
rounds over exactly these bits, its round function AES: one call for all tokens of a page, so that
a million take a second or two. To hit any of a thousand million messages by guessing takes 10**12
requests.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import pack, unpack

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ringdove.rules.scenes import Store

_SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES = {sign: value for value, sign in enumerate(_SIGNS)}
_PAIRS = tuple(one + other for one in _SIGNS for other in _SIGNS)
_TWO, _SIX = 62**2, 62**6
NUMBER_BITS = 2
OFFER_NUMBER = 1 << NUMBER_BITS  # of {{ offer.link }}, which has an address of its own
OF_STEP, OF_GOODS = 0, 1  # in the text of an automation: {{ link }}, {{ goods.link }}
OF_FORM = 3  # of {{ survey.link }}, which has an address of its own: an asking has its text's id
_ROUNDS = 4
_PLACE = 16  # octets: a block of AES; one half holds a side, the other the round


@dataclass(frozen=True, slots=True)
class _Form:
    """How many signs a token has, and what they hold."""

    signs: int
    store_bits: int
    message_bits: int

    @property
    def bits(self) -> int:
        return self.store_bits + self.message_bits + NUMBER_BITS

    @property
    def right_bits(self) -> int:
        return self.bits // 2

    @property
    def left_bits(self) -> int:
        return self.bits - self.right_bits


SHORT = _Form(12, 7, 62)
LONG = _Form(17, 31, 63)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a token says. Guessed ones say something too: only the message's own row is proof."""

    store_id: int
    message_id: int
    number: int  # which of the message's links, from 0


def token_of(store_id: int, message_id: int, number: int, key: bytes) -> str:
    """The token of a link of a message; `number`: which one, from 0 to 3."""
    return tokens(store_id, (message_id,), number, key)[0]


def tokens(store_id: int, message_ids: Sequence[int], number: int, key: bytes) -> list[str]:
    """The same for many messages of one store, in their order: some 1.5 µs each."""
    if not message_ids:
        return []
    form = SHORT
    if store_id >> SHORT.store_bits or max(message_ids) >> SHORT.message_bits:
        form = LONG
    said = [(store_id << form.message_bits | one) << NUMBER_BITS | number for one in message_ids]
    low = (1 << form.right_bits) - 1
    shift = form.right_bits
    mixed = _mixed(form, key, [one >> shift for one in said], [one & low for one in said])
    if form is SHORT:
        return [_spelled_short(left << shift | right) for left, right in mixed]
    return [_spelled(left << shift | right, form.signs) for left, right in mixed]


def read(token: str, key: bytes) -> Claim | None:
    """What a token says; None: it is none that we can have made."""
    return read_all((token,), key)[0]


def read_all(tokens: Sequence[str], key: bytes) -> list[Claim | None]:
    """The same of many, in their order."""
    found: dict[str, Claim] = {}
    for form in (SHORT, LONG):
        said = {one: _value(one) for one in tokens if len(one) == form.signs}
        said = {one: value for one, value in said.items() if 0 <= value < 1 << form.bits}
        if said:
            found.update(zip(said, _read(form, key, list(said.values())), strict=True))
    return [claim if (claim := found.get(one)) and _can_be(claim) else None for one in tokens]


def _read(form: _Form, key: bytes, values: Sequence[int]) -> Iterator[Claim]:
    shift, low = form.right_bits, (1 << form.right_bits) - 1
    lefts, rights = [one >> shift for one in values], [one & low for one in values]
    for left, right in _mixed(form, key, lefts, rights, back=True):
        rest = left << shift | right
        yield Claim(
            rest >> NUMBER_BITS + form.message_bits,
            rest >> NUMBER_BITS & (1 << form.message_bits) - 1,
            rest & (1 << NUMBER_BITS) - 1,
        )


def _can_be(claim: Claim) -> bool:
    return claim.store_id > 0 and claim.message_id > 0


def _value(token: str) -> int:
    """The number that a token spells; below zero: other signs are in it."""
    value = 0
    for sign in token:
        place = _VALUES.get(sign, -1)
        if place < 0:
            return -1
        value = value * 62 + place
    return value


def prefix_of(store: Store, address: str) -> str:
    """What stands before the token; `address`: under which we are reached from outside."""
    return f"https://{store.link_host}/" if store.link_host else f"{address}/l/"


def form_prefix_of(store: Store, address: str) -> str:
    """The same of the form of a survey."""
    return f"https://{store.link_host}/s/" if store.link_host else f"{address}/s/"


def url_of(store: Store, address: str, token: str) -> str:
    """The link as a text has it."""
    return prefix_of(store, address) + token


_HOST = re.compile(r"(?=.{4,80}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}")


def host_of(typed: str) -> str | None:
    """A short domain as it is kept, from what somebody typed or pasted; "": none; None: it is no
    domain. Other letters are kept as the wire has them: a text stays in the short alphabet."""
    text = typed.strip().lower().removeprefix("https://").removeprefix("http://").rstrip("/.")
    try:
        host = text if text.isascii() else text.encode("idna").decode()
    except UnicodeError:
        return None
    return host if not host or _HOST.fullmatch(host) else None


# ------------------------------------------------------------------ the cipher


def _mixed(
    form: _Form, key: bytes, lefts: Sequence[int], rights: Sequence[int], *, back: bool = False
) -> Iterator[tuple[int, int]]:
    """Both sides after the rounds of a Feistel network, of many at once: each side is one large
    number with a place of 16 octets for each token, so a round is one call of AES and a few
    operations on large numbers. `back`: the rounds the other way, which undoes them."""
    n = len(lefts)
    sides = [_packed(lefts), _packed(rights)]
    masks = [_repeated((1 << bits) - 1, n) for bits in (form.left_bits, form.right_bits)]
    aes = _cipher(key).encryptor()
    for step in reversed(range(_ROUNDS)) if back else range(_ROUNDS):
        changed, by = step % 2, 1 - step % 2
        asked = sides[by] | _repeated((form.signs << 8 | step) << 64, n)
        answer = aes.update(asked.to_bytes(n * _PLACE, "little"))
        sides[changed] ^= int.from_bytes(answer, "little") & masks[changed]
    return zip(*(_unpacked(side, n) for side in sides), strict=True)


@lru_cache(maxsize=4)
def _cipher(key: bytes) -> Cipher[modes.ECB]:
    return Cipher(algorithms.AES(key), modes.ECB())  # used as a function of one block, no more


def _packed(values: Sequence[int]) -> int:
    flat = [0] * (2 * len(values))
    flat[::2] = values
    return int.from_bytes(pack(f"<{len(flat)}Q", *flat), "little")


def _unpacked(side: int, n: int) -> tuple[int, ...]:
    return unpack(f"<{2 * n}Q", side.to_bytes(n * _PLACE, "little"))[::2]


@lru_cache(maxsize=64)  # pages of a campaign are of one size
def _repeated(value: int, n: int) -> int:
    return int.from_bytes(value.to_bytes(_PLACE, "little") * n, "little")


def _spelled_short(value: int) -> str:
    # A campaign makes a million of them: written out, it takes two thirds of the time.
    high, low = divmod(value, _SIX)
    e, f = divmod(low, _TWO)
    d, e = divmod(e, _TWO)
    b, c = divmod(high, _TWO)
    a, b = divmod(b, _TWO)
    pairs = _PAIRS
    return pairs[a] + pairs[b] + pairs[c] + pairs[d] + pairs[e] + pairs[f]


def _spelled(value: int, signs: int) -> str:
    high, low = divmod(value, _SIX)
    a, b = divmod(low, _TWO)
    c, a = divmod(a, _TWO)
    last = _PAIRS[c] + _PAIRS[a] + _PAIRS[b]
    if signs > 6:
        return _spelled(high, signs - 6) + last
    return last[6 - signs :]
