"""Keeping offers, whether a campaign may begin with one, and what became of it so far."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ringdove.kit.db import Tx
from ringdove.records.consent import forms
from ringdove.records.offers import code_lists, offer_uses, rewards
from ringdove.records.offers.offer_uses import Brought
from ringdove.records.store import stores
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.offers import offer_checks
from ringdove.rules.offers.offer_checks import Listed
from ringdove.rules.scenes import Store

DAYS_SHOWN = 30
COUNTED = ("given", "opened", "used", "owed")


async def save(tx: Tx, store: Store, offer: Reward, now: datetime) -> int:
    """Keeps a new offer (its id is 0) or what an old one is from now on; its number."""
    if offer.id:
        await rewards.change(tx, store.id, offer)
    else:
        offer = replace(offer, id=await rewards.create(tx, store.id, offer, now))
    await code_lists.put_common(tx, store, offer)
    return offer.id


async def problems(
    tx: Tx, store: Store, offer: Reward | None, people: int, now: datetime
) -> Sequence[str]:
    """Why a campaign to so many people must not begin with it: words of
    rules/offer_checks.PROBLEMS, which web/offer_words.PROBLEMS says; []: it may. None, an offer
    that is not there, is retired."""
    if offer is None:
        return ["retired"]
    listed = (await code_lists.listed(tx, store)).get(offer.id, Listed())
    return offer_checks.problems(offer, listed, people, now)


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of an offer: `counts` by COUNTED, codes on its list, its orders, by day."""

    counts: dict[str, int]
    listed: Listed
    brought: Brought
    days: dict[str, int]


async def figures(tx: Tx, store: Store, offer: Reward, now: datetime) -> Figures:
    """All of it, as its page shows it."""
    counts = await forms.counts(tx, store.id, stores.buckets(store))
    listed = (await code_lists.listed(tx, store)).get(offer.id, Listed())
    brought = await offer_uses.brought(tx, store, offer.id)
    days = await offer_uses.by_day(tx, store, offer.id, now - timedelta(days=DAYS_SHOWN))
    said = {what: counts.get(f"reward/{offer.id}/{what}", 0) for what in COUNTED}
    return Figures(said, listed, brought, days)
