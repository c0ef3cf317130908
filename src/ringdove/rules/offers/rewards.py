"""Rewards for subscribing: what is given, to whom, and behind which links (R6 to R10).

A number is welcomed with a reward once for ever, however often it leaves and comes back and
whichever form it comes by; a person who changed the number is not rewarded anew either. A code
belongs to one person (P7). Links are personal: they carry a seal as links out do.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.effects import CountWay, GiveReward
from ringdove.rules.scenes import Contact, Scene

_SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
STORE_BITS, REWARD_BITS, PERSON_BITS, SEAL_BITS = 31, 20, 63, 40
LINK_SIGNS = 26  # 154 bits in signs of 62
CODE_SIGNS = 7  # behind the prefix: 34 billion, and no vowel to make a word of
CODE_ALPHABET = "23456789BCDFGHJKLMNPQRSTVWXZ"
CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{2,39}")
PREFIX = re.compile(r"[A-Z0-9]{0,12}")

Keyed = Callable[[str], str]


def give(scene: Scene, person: Contact, reward: Reward, now: datetime) -> GiveReward | None:
    """The person is given the reward; None: there is none to give any more. Its pool may be empty:
    that is counted, so that the merchant sees what is owed."""
    if not may_be_given(reward, now):
        return None
    code = _code_for(scene, reward, person)
    if reward.kind == "code" and not code:
        scene.happens(CountWay(f"reward/{reward.id}/owed"))
        return None
    given = GiveReward(
        id=scene.make_id_beside(person.id),
        contact_id=person.id,
        reward_id=reward.id,
        at=now,
        code=code,
        is_own=reward.has_own_codes,
        from_pool=reward.from_list,
        points=reward.points if reward.kind == "points" else 0,
        valid_until=reward.ends(now),
    )
    scene.happens(given, CountWay(f"reward/{reward.id}/given"))
    return given


def may_be_given(reward: Reward, now: datetime) -> bool:
    """Whether it is still offered."""
    return not reward.retired and (reward.valid_until is None or now < reward.valid_until)


def _code_for(scene: Scene, reward: Reward, person: Contact) -> str:
    if reward.kind != "code":
        return ""
    if reward.source == "common":
        return reward.code
    if reward.from_list:
        kept = scene.ways_in.free.get(reward.id)
        return kept[0] if kept else ""
    # Another id each time a batch is answered: two that met by chance do not meet again.
    return own_code(reward.prefix, scene.keyed(f"code/{scene.make_id_beside(person.id)}"))


def own_code(prefix: str, digest: str) -> str:
    """A code that nobody guesses, made of a hash."""
    value, signs = int(digest[:24], 16), []
    for _ in range(CODE_SIGNS):
        value, sign = divmod(value, len(CODE_ALPHABET))
        signs.append(CODE_ALPHABET[sign])
    return f"{prefix}-{''.join(signs)}" if prefix else "".join(signs)


def spelled(code: str) -> str:
    """A code as it is kept and compared, however somebody typed it."""
    return re.sub(r"[\s–—]+", "", code.replace("–", "-").replace("—", "-")).upper()


# ------------------------------------------------------------------ who may look


def may_open(person: Contact | None) -> bool:
    """Whether a page for subscribers opens: to who gets our texts, all or a part of them (R7)."""
    if person is None or person.erased_at or person.service == "out":
        return False
    some = any(
        said[0] == "in" for scope, said in person.scopes.items() if scope.startswith("topic/")
    )
    return person.marketing == "in" or some


# ------------------------------------------------------------------ personal links


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says, not yet believed."""

    store_id: int
    reward_id: int
    contact_id: int
    seal: int


def link_of(address: str, store_id: int, reward_id: int, contact_id: int, keyed: Keyed) -> str:
    """Where a person finds what they were given."""
    return f"{address}/only/{token_of(store_id, reward_id, contact_id, keyed)}"


def token_of(store_id: int, reward_id: int, contact_id: int, keyed: Keyed) -> str:
    """The token of this person and reward."""
    value = (store_id << REWARD_BITS | reward_id) << PERSON_BITS | contact_id
    value = value << SEAL_BITS | _seal(reward_id, contact_id, keyed)
    signs = []
    for _ in range(LINK_SIGNS):
        value, sign = divmod(value, len(_SIGNS))
        signs.append(_SIGNS[sign])
    return "".join(reversed(signs))


def read_token(token: str) -> Link | None:
    """What a token says; None: it is none."""
    if len(token) != LINK_SIGNS or not set(token) <= set(_SIGNS):
        return None
    value = 0
    for sign in token:
        value = value * len(_SIGNS) + _SIGNS.index(sign)
    rest, seal = value >> SEAL_BITS, value & ((1 << SEAL_BITS) - 1)
    rest, contact_id = rest >> PERSON_BITS, rest & ((1 << PERSON_BITS) - 1)
    store_id, reward_id = rest >> REWARD_BITS, rest & ((1 << REWARD_BITS) - 1)
    return Link(store_id, reward_id, contact_id, seal) if store_id < 1 << STORE_BITS else None


def is_ours(link: Link, keyed: Keyed) -> bool:
    """Whether this installation made it."""
    right = _seal(link.reward_id, link.contact_id, keyed)
    return compare_digest(link.seal.to_bytes(5, "big"), right.to_bytes(5, "big"))


def _seal(reward_id: int, contact_id: int, keyed: Keyed) -> int:
    return int(keyed(f"only/{reward_id}/{contact_id}")[: SEAL_BITS // 4], 16)


# ------------------------------------------------------------------ which device


_PHONE = re.compile(r"iPhone|iPod|Windows Phone|Android(?=.*\bMobile\b)|\bMobile\b.*Firefox", re.I)


def is_phone(user_agent: str, mobile_hint: str) -> bool:
    """Whether a page is looked at on a mobile phone (R9). The client hint Sec-CH-UA-Mobile decides
    where a browser sends it (?1 a phone, ?0 none); else what it calls itself. Tablets are none, and
    neither is a phone that asks for the desktop's page."""
    if mobile_hint in ("?0", "?1"):
        return mobile_hint == "?1"
    return bool(_PHONE.search(user_agent))
