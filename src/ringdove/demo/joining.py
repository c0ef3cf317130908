"""How people come to the demo's list, forms, keyword, rewards, fields of its own, and into which
segments they fall."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from ringdove.kit.crypto import new_token
from ringdove.kit.db import Tx
from ringdove.records.consent import forms
from ringdove.records.offers import rewards
from ringdove.records.people import own_fields
from ringdove.records.segments import segments
from ringdove.rules.consent.ways_in import Form, Keyword, Reward
from ringdove.rules.people.own_fields import OwnField
from ringdove.rules.scenes import Store
from ringdove.rules.segments.segments import (
    All,
    Any,
    Bought,
    Goods,
    InSegment,
    Node,
    Not,
    Orders,
    Place,
    Range,
    Reach,
    Span,
    Visited,
)

TOKEN_BYTES = 9
Way = TypeVar("Way", Form, Reward)
SITE = Form(1, "", "Page of the shop", fields=("name", "birthday"), reward=1, colour="5b7f3a")
TILL = Form(2, "", "Poster at the till", reward=2, double=False)
TOPICS = Form(3, "", "Choose what you hear of", topics=("offers", "new_goods", "social"))
WORD = Keyword(2, "LINDEN", "en")
REWARDS = (
    Reward(
        1, "", "10 % for new subscribers", "code", source="own", prefix="TILIA", valid_days=30
    ),
    Reward(
        2, "", "The garden book", "page", title="A year under the linden tree",
        text="Twelve small gifts to make yourself, one for each month.\n\nOnly for subscribers.",
        url="https://linden.example/book", phones_only=True,
    ),
)  # fmt: skip
OFFER = Reward(3, "", "15 % for those we miss", "code", source="own", prefix="LIPA", valid_days=14)
FIELDS = (
    OwnField("ring_size", "Ring size", "number"),
    OwnField("likes", "Likes", "choice", ("candles", "ceramics", "linen", "tea")),
    OwnField("club", "Member of the garden club", "yes_no"),
)

SEGMENTS: tuple[tuple[str, Node], ...] = (
    (
        "Tea drinkers",
        Bought(goods=Goods(categories=("Tea", "Mugs")), when=Span(within_days=365)),
    ),
    (
        "Looked at lamps, bought none",
        All(of=(
            Visited(goods=Goods(categories=("Lamps",)), when=Span(within_days=60)),
            Not(of=Bought(goods=Goods(categories=("Lamps",)))),
        )),
    ),
    (
        "Minsk and Grodno, twice or more",
        All(of=(
            Place(cities=("Минск", "Гродно")),
            Orders(times=Range(at_least=Decimal(2))),
            Reach(channel="sms"),
        )),
    ),
    (
        "Tea drinkers and soap lovers",
        Any(of=(InSegment(segment=1), Bought(goods=Goods(categories=("Soap",))))),
    ),
)  # fmt: skip


async def name_segments(tx: Tx, store: Store, at: datetime) -> None:
    """Those that the shop has saved."""
    for name, tree in SEGMENTS:
        await segments.create(tx, store, name, tree, at)


async def open_ways_in(tx: Tx, store: Store, at: datetime) -> None:
    """All of them, published."""
    for field in FIELDS:
        await own_fields.save(tx, store, field, at)
    for reward in (*REWARDS, OFFER):
        await rewards.create(tx, store.id, _named(reward), at)
    for form in (SITE, TILL, TOPICS):
        form_id = await forms.create(tx, store.id, _named(form), at)
        await forms.publish(tx, store.id, form_id, at)
    await forms.add_keyword(tx, store.id, WORD, "A year under the linden tree, free", at)


def _named(way: Way) -> Way:
    return replace(way, token=new_token(TOKEN_BYTES))
