"""Offers over the API, and the checkout's question whether a promo code may be used (R8, R34)."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.exceptions import HTTPException

from ringdove.kit.db import Tx
from ringdove.records.consent import forms, ways_out
from ringdove.records.offers import code_lists, offer_uses
from ringdove.records.offers import codes as code_records
from ringdove.records.offers import offers as offer_records
from ringdove.records.offers import rewards as reward_records
from ringdove.records.people import lookups
from ringdove.records.store import stores
from ringdove.rules.consent import ways_in
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.offers import offer_checks, offers, rewards
from ringdove.rules.offers.offer_checks import Listed
from ringdove.rules.people import phones
from ringdove.rules.scenes import Contact
from ringdove.web.api.callers import Caller, MarketerKey, SupportKey, ViewerKey
from ringdove.web.api.tell import Taken, Told
from ringdove.web.consent.ways_in import short_token
from ringdove.web.offers.offer_words import PROBLEMS, WRONG

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Offers"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Shown = dict[str, Any]
Named = Annotated[list[Annotated[str, Field(max_length=200)]], Query(max_length=100)]
MADE_MAX = 100_000


# ------------------------------------------------------------------ may this code be used?


class CodeVerdict(Told):
    """Whether a promo code may be used now."""

    valid: bool
    reason: str = Field(description="Why not; empty: it may. One of: " + ", ".join(offers.REASONS))
    code: str
    offer: str = Field(description="The name of what it stands for; empty: unknown.")
    offer_id: int | None
    until: datetime | None
    discount: str = Field("", description="percent, amount, delivery, gift, words; empty: unsaid.")
    worth: Decimal = Field(Decimal(0), description="Per cent, or money of the store.")
    gift: str = ""
    goods_of: str = Field("", description="skus, categories, brands; empty: the whole shop.")
    goods: tuple[str, ...] = ()


@router.get("/codes/{code}", summary="May this promo code be used?")
async def may_use_code(
    code: Annotated[str, Path(min_length=1, max_length=60)],
    caller: SupportKey,
    account: Annotated[
        str, Query(max_length=120, description="The shop's id of who is signed in; empty: a guest.")
    ] = "",
    phone: Annotated[str, Query(max_length=40, description="What a guest typed.")] = "",
    channel: Annotated[str, Query(max_length=40, description="Where they buy: web, app …")] = "",
    sku: Named = [],  # noqa: B006
    category: Named = [],  # noqa: B006
    brand: Named = [],  # noqa: B006
) -> CodeVerdict:
    """Ask it at the checkout, before the code is taken, with what lies in the cart. That it was
    used you tell with the order (`codes`)."""
    goods = {"skus": frozenset(sku), "categories": frozenset(category), "brands": frozenset(brand)}
    asked = offers.Asked(account, phone, channel, goods)
    spelled = rewards.spelled(code.replace("\x00", ""))
    async with caller.transaction() as tx:
        known = (await code_records.find(tx, caller.store, [spelled])).get(spelled)
        ids = [known.reward_id] if known else []
        every = await reward_records.of_codes(tx, caller.store.id, ids, [spelled])
        offer = every.get(known.reward_id) if known else offers.common_of(every.values(), spelled)
        if offer is None:
            return CodeVerdict(
                valid=False, reason="unknown", code=spelled, offer="", offer_id=None, until=None
            )
        who = await _who(tx, caller, asked)
        uses = await _uses(tx, caller, offer, who)
    verdict = offers.may_use(offer, known, who, asked, uses, caller.now)
    return CodeVerdict(
        valid=verdict.valid, reason=verdict.reason, code=spelled, offer=offer.name,
        offer_id=offer.id, until=verdict.until, discount=offer.discount, worth=offer.worth,
        gift=offer.gift, goods_of=offer.goods_of, goods=offer.goods,
    )  # fmt: skip


async def _who(tx: Tx, caller: Caller, asked: offers.Asked) -> Contact | None:
    kind, value = ("account", asked.account) if asked.account else ("phone", asked.phone)
    if kind == "phone":
        read = phones.parse(value, caller.store.country) if value else None
        value = read.e164 if isinstance(read, phones.Phone) else ""
    if not value:
        return None
    row = await lookups.customer_behind(tx, caller.store, kind, value)
    return await ways_out.person(tx, caller.store, row["id"]) if row else None


async def _uses(tx: Tx, caller: Caller, offer: Reward, who: Contact | None) -> offers.Uses:
    """How often it was used; asked only where it is limited."""
    total = by_person = 0
    if offer.uses_total:
        counts = await forms.counts(tx, caller.store.id, stores.buckets(caller.store))
        total = counts.get(f"reward/{offer.id}/used", 0)
    if offer.uses_each and who:
        every = await offer_uses.of_people(tx, caller.store, {who.id, *who.also})
        mine = [use for use in every.values() if use.reward_id == offer.id]
        by_person = sum(use.freed_at is None for use in mine)
    return offers.Uses(by_person, total)


# ------------------------------------------------------------------ offers


class DayGoodWish(Told):
    """A product of one day."""

    title: str = Field(min_length=1, max_length=120)
    url: str = Field("", max_length=500, pattern=r"^(https?://\S+)?$")
    price: str = Field("", max_length=40, description="As it is shown, with its currency.")
    text: str = Field("", max_length=500)


class OfferWish(Told):
    """What is given for subscribing, or offered by campaigns."""

    name: str = Field(min_length=1, max_length=80)
    kind: Literal["code", "points", "page"]
    source: Literal["common", "own", "pool"] = Field(
        "common", description="Of codes: one for all, made for each, from a list."
    )
    code: str = Field("", max_length=40)
    prefix: str = Field("", max_length=12)
    points: int = Field(0, ge=0, le=1_000_000)
    only_for: str = Field("", max_length=300)
    title: str = Field("", max_length=120)
    text: str = Field("", max_length=2000)
    url: str = Field("", max_length=500, pattern=r"^(https?://\S+)?$")
    discount: Literal["", "percent", "amount", "delivery", "gift", "words"] = ""
    worth: Decimal = Field(Decimal(0), ge=0, max_digits=12, decimal_places=2)
    gift: str = Field("", max_length=200, description="What is given, or the words.")
    goods_of: Literal["", "skus", "categories", "brands"] = Field(
        "", description="Empty: the whole shop."
    )
    goods: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=list, max_length=offer_checks.GOODS_MAX
    )
    channel: str = Field("", max_length=40, description="web, app, social, a marketplace.")
    phones_only: bool = False
    registered_only: bool = False
    subscribers_only: bool = False
    valid_days: int = Field(0, ge=0, le=3650)
    valid_from: date | None = Field(None, description="Its first day, by the store's clock.")
    valid_until: date | None = Field(None, description="Its last day.")
    early_from: date | None = Field(None, description="The first day for subscribers.")
    daily: list[DayGoodWish] = Field(
        default_factory=list, max_length=offer_checks.DAYS_MAX,
        description="Goods of the day, from the first day on.",
    )  # fmt: skip
    uses_each: int = Field(0, ge=0, le=1000, description="0: own codes once, common ones always.")
    uses_total: int = Field(0, ge=0, le=100_000_000, description="0: no limit.")
    frees: bool = Field(False, description="A cancelled order gives its code back.")
    shop: Literal["", "coupons", "file"] = Field(
        "", description="How it knows codes. Empty: it asks us; coupons: we make them in it."
    )
    connection: int = Field(0, ge=0, le=2**31 - 1, description="In which shop coupons are made.")


@router.get("/offers", summary="Offers")
async def list_offers(caller: ViewerKey) -> list[Shown]:
    """Each with how many were given and used, and how many codes are left."""
    async with caller.transaction() as tx:
        every = await reward_records.of_store(tx, caller.store.id)
        counts = await forms.counts(tx, caller.store.id, stores.buckets(caller.store))
        listed = await code_lists.listed(tx, caller.store)
    return [
        _shown(one, listed.get(one.id, Listed()))
        | {
            "counts": {
                what: counts.get(f"reward/{one.id}/{what}", 0) for what in offer_records.COUNTED
            }
        }
        for one in every
    ]


def _shown(offer: Reward, listed: Listed) -> Shown:
    return {
        "id": offer.id, "name": offer.name, "kind": offer.kind, "retired": offer.retired,
        **ways_in.reward_settings(offer),
        "left": listed.knows if offer.from_list else None,
        "to_be_told": listed.waiting, "refused_by_shop": listed.failed,
    }  # fmt: skip


@router.get("/offers/{offer_id}", summary="One offer, and what came of it")
async def one_offer(
    offer_id: Number,
    caller: ViewerKey,
    people: Annotated[
        int, Query(ge=0, le=100_000_000, description="Whom a campaign would reach.")
    ] = 0,
) -> Shown:
    """With its figures: orders that used it, their revenue by currency, uses by day, and
    `problems`: why a campaign to so many people cannot begin with it."""
    async with caller.transaction() as tx:
        offer = await _known(tx, caller, offer_id)
        found = await offer_records.figures(tx, caller.store, offer, caller.now)
    problems = offer_checks.problems(offer, found.listed, people, caller.now)
    return _shown(offer, found.listed) | {
        "counts": found.counts, "orders": found.brought.orders, "freed": found.brought.freed,
        "revenue": {name: str(sum) for name, sum in found.brought.revenue.items()},
        "days": found.days, "problems": {name: PROBLEMS[name] for name in problems},
    }  # fmt: skip


@router.post("/offers", status_code=201, summary="Make an offer")
async def make_offer(wish: OfferWish, caller: MarketerKey) -> Shown:
    """Campaigns can offer and forms can give it from now on."""
    offer = _read(wish, caller, 0, short_token())
    async with caller.transaction() as tx:
        made = await offer_records.save(tx, caller.store, offer, caller.now)
        await caller.audit(tx, "reward.saved", offer.name)
    return {"id": made, "name": offer.name, "kind": offer.kind}


def _read(wish: OfferWish, caller: Caller, offer_id: int, token: str) -> Reward:
    offer = offer_checks.read(wish.model_dump(), caller.store.time_zone, offer_id, token)
    if wrong := offer_checks.wrong(offer):
        raise HTTPException(422, "; ".join(f"{field}: {WRONG[why]}" for field, why in wrong))
    return offer


@router.put("/offers/{offer_id}", summary="Change an offer")
async def change_offer(offer_id: Number, wish: OfferWish, caller: MarketerKey) -> Shown:
    """What is given from now on; what was given stays as it was."""
    async with caller.transaction() as tx:
        known = await _known(tx, caller, offer_id)
        offer = _read(wish, caller, offer_id, known.token)
        await offer_records.save(tx, caller.store, offer, caller.now)
        await caller.audit(tx, "reward.saved", offer.name)
    return {"id": offer_id, "name": offer.name, "kind": known.kind}


async def _known(tx: Tx, caller: Caller, offer_id: int) -> Reward:
    offer = await reward_records.find(tx, caller.store.id, offer_id)
    if offer is None:
        raise HTTPException(404, "No offer has this id.")
    return offer


@router.post("/offers/{offer_id}/retire", summary="Retire an offer")
async def retire_offer(offer_id: Number, caller: MarketerKey) -> Taken:
    """Nobody is given it any more; what was given stays good until its end."""
    async with caller.transaction() as tx:
        offer = await _known(tx, caller, offer_id)
        await reward_records.retire(tx, caller.store.id, offer_id, caller.now)
        await caller.audit(tx, "reward.retired", offer.name)
    return Taken(accepted=True)


# ------------------------------------------------------------------ lists of codes


class CodesWish(Told):
    """Codes for an offer's list."""

    codes: list[str] = Field(min_length=1, max_length=10_000)


class CodesTaken(Told):
    """How many of them are new."""

    added: int


@router.post("/offers/{offer_id}/codes", status_code=201, summary="Add codes to a list")
async def add_codes(offer_id: Number, wish: CodesWish, caller: MarketerKey) -> CodesTaken:
    """Each is given to one person. Those that are on a list or were given are left out."""
    told = [rewards.spelled(code) for code in wish.codes]
    for code in told:
        if not rewards.CODE.fullmatch(code):
            raise HTTPException(422, f"codes: {code!r} is none: three to forty letters and digits.")
    async with caller.transaction() as tx:
        offer = await _known(tx, caller, offer_id)
        others = await reward_records.others(tx, caller.store.id, offer_id)
        n = await code_lists.add(tx, caller.store, offer_id, told, others)
        await caller.audit(tx, "codes.imported", offer.name, count=n)
    return CodesTaken(added=n)


class MakingWish(Told):
    """How many codes are made ahead."""

    count: int = Field(ge=1, le=MADE_MAX)


@router.post("/offers/{offer_id}/made", status_code=201, summary="Make codes for the shop")
async def make_codes(offer_id: Number, wish: MakingWish, caller: MarketerKey) -> CodesTaken:
    """For an offer with codes of one's own whose shop does not ask us: they wait until the shop
    knows them (`told`), and are given then."""
    runtime = caller.runtime
    async with caller.transaction() as tx:
        offer = await _known(tx, caller, offer_id)
        if offer.source != "own" or not offer.from_list:
            raise HTTPException(422, "This offer's codes are not made ahead: see `source`, `shop`.")
        others = await reward_records.others(tx, caller.store.id, offer_id)
        keyed = partial(runtime.keyed, caller.store.id)
        n = await code_lists.make(tx, caller.store, offer, wish.count, keyed, runtime.ids, others)
        await caller.audit(tx, "codes.made", offer.name, count=n)
    return CodesTaken(added=n)


@router.get("/offers/{offer_id}/waiting", summary="Codes that the shop has to learn")
async def waiting_codes(
    offer_id: Number, caller: MarketerKey, most: Annotated[int, Query(ge=1, le=MADE_MAX)] = 10_000
) -> list[str]:
    """Bring them into the shop, then say so (`told`)."""
    async with caller.transaction() as tx:
        await _known(tx, caller, offer_id)
        return await code_lists.waiting(tx, caller.store, offer_id, most)


class ToldWish(Told):
    """Codes that the shop knows now."""

    codes: list[str] = Field(min_length=1, max_length=10_000)


@router.post("/offers/{offer_id}/told", summary="The shop knows these codes")
async def told_codes(offer_id: Number, wish: ToldWish, caller: MarketerKey) -> Taken:
    """From now on they can be given."""
    async with caller.transaction() as tx:
        offer = await _known(tx, caller, offer_id)
        said: Mapping[str, str] = {rewards.spelled(code): "" for code in wish.codes}
        await code_lists.told(tx, caller.store, offer_id, said)
        await caller.audit(tx, "codes.told", offer.name, count=len(said))
    return Taken(accepted=True)
