"""An offer as it was typed: read, checked before it is kept and before a campaign begins."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from ringdove.rules.consent import ways_in
from ringdove.rules.consent.ways_in import DayGood, Reward
from ringdove.rules.offers import rewards
from ringdove.rules.offers.rewards import spelled

GOODS_MAX = 500
COUPON_GOODS_MAX = 100  # a shop is asked for as many at once
DAYS_MAX = 366  # goods of the day on one list
CHANNEL = re.compile(r"[a-z0-9][a-z0-9 ._-]{0,39}")
PROBLEMS = (
    "retired", "ended", "points", "no_coupons", "waiting", "failed", "few",
)  # fmt: skip


def read(told: Mapping[str, Any], time_zone: str, offer_id: int, token: str) -> Reward:
    """An offer of what was told: days by the clock of the store (a last day is over at its end),
    `daily` as documents, codes however they were spelled."""
    given = dict(told)
    begins, ends = ways_in.span_of(given["valid_from"], given["valid_until"], time_zone)
    early, _ = ways_in.span_of(given["early_from"], None, time_zone)
    given |= {"valid_from": begins, "valid_until": ends, "early_from": early}
    given |= {"code": spelled(given["code"]), "prefix": spelled(given["prefix"])}
    given |= {"channel": given["channel"].strip().lower(), "worth": Decimal(given["worth"])}
    given["goods"] = tuple(dict.fromkeys(one.strip() for one in given["goods"] if one.strip()))
    given["daily"] = tuple(DayGood(**one) for one in given["daily"])
    return Reward(id=offer_id, token=token, **given)


def wrong(offer: Reward) -> list[tuple[str, str]]:
    """What cannot be so: field and why, as web/offers/offer_words.py says it."""
    is_code = offer.kind == "code"
    is_shared = is_code and offer.source == "common"
    span = offer.valid_from and offer.valid_until and offer.valid_from > offer.valid_until
    is_late = offer.early_from and (not offer.valid_from or offer.early_from >= offer.valid_from)
    found = {
        ("code", "code"): is_shared and not rewards.CODE.fullmatch(offer.code),
        ("prefix", "prefix"): is_code and not rewards.PREFIX.fullmatch(offer.prefix),
        ("points", "number"): offer.kind == "points" and not offer.points,
        ("text", "page"): offer.kind == "page" and not (offer.text or offer.url or offer.daily),
        ("valid_until", "span"): bool(span),
        ("early_from", "early"): bool(is_late),
        ("worth", "percent"): offer.discount == "percent" and not 0 < offer.worth <= 100,
        ("worth", "number"): offer.discount == "amount" and offer.worth <= 0,
        ("gift", "gift"): offer.discount in ("gift", "words") and not offer.gift,
        ("goods", "goods"): bool(offer.goods_of) != bool(offer.goods),
        ("goods", "many"): len(offer.goods)
        > (COUPON_GOODS_MAX if offer.shop == "coupons" else GOODS_MAX),
        ("daily", "many"): len(offer.daily) > DAYS_MAX,
        ("channel", "channel"): bool(offer.channel) and not CHANNEL.fullmatch(offer.channel),
        ("shop", "coupon"): offer.shop == "coupons"
        and offer.discount not in ("percent", "amount", "delivery"),
        ("shop", "pool"): is_code and offer.source == "pool" and offer.shop != "",
        ("goods_of", "brands"): offer.shop == "coupons" and offer.goods_of == "brands",
        ("connection", "connection"): offer.shop == "coupons" and not offer.connection,
    }
    return [where for where, is_wrong in found.items() if is_wrong]


# ------------------------------------------------------------------ before a campaign begins


@dataclass(frozen=True, slots=True)
class Listed:
    """How many codes of a list wait: known to the shop, to be told to it, refused by it."""

    knows: int = 0
    waiting: int = 0
    failed: int = 0


def problems(offer: Reward, listed: Listed, people: int, now: datetime) -> list[str]:
    """Why a campaign to so many people must not begin with it, words of PROBLEMS; []: it may."""
    of_shop = offer.kind == "code" and offer.shop != ""
    is_short = offer.from_list and listed.knows < people
    found = {
        "retired": offer.retired,
        "ended": offer.valid_until is not None and now >= offer.valid_until,
        "points": offer.kind == "points",
        "no_coupons": of_shop and offer.source == "common" and listed == Listed(),
        "waiting": listed.waiting > 0 and (is_short or offer.source == "common"),
        "failed": listed.failed > 0 and (is_short or offer.source == "common"),
        "few": is_short,
    }
    return [name for name in PROBLEMS if found[name]]
