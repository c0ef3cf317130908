"""Rewards over the API, and the checkout's question whether a promo code may be used (R8, R34)."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.exceptions import HTTPException

from ringdove.kit.db import Tx
from ringdove.records import codes as code_records
from ringdove.records import forms, lookups, stores, ways_out
from ringdove.records import rewards as reward_records
from ringdove.rules import rewards, ways_in
from ringdove.rules.ways_in import Reward
from ringdove.web.api.callers import Caller, MarketerKey, SupportKey, ViewerKey
from ringdove.web.api.tell import Taken, Told
from ringdove.web.ways_in import short_token

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Ways in"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Shown = dict[str, Any]


# ------------------------------------------------------------------ may this code be used?


class CodeVerdict(Told):
    """Whether a promo code may be used now."""

    valid: bool
    reason: str = Field(
        description="Why not: unknown, not_yet, ended, used, guest (registered customers only), "
        "account_unknown, other_person. Empty: it may."
    )
    code: str
    reward: str = Field(description="The name of what it stands for; empty: unknown.")
    reward_id: int | None
    until: datetime | None


@router.get("/codes/{code}", summary="May this promo code be used?")
async def may_use_code(
    code: Annotated[str, Path(min_length=1, max_length=60)],
    caller: SupportKey,
    account: Annotated[
        str, Query(max_length=120, description="The shop's id of who is signed in; empty: a guest.")
    ] = "",
) -> CodeVerdict:
    """Ask it at the checkout, before the code is taken. That it was used you tell with the order
    (`codes`)."""
    spelled = rewards.spelled(code.replace("\x00", ""))
    async with caller.transaction() as tx:
        known = (await code_records.find(tx, caller.store, [spelled])).get(spelled)
        every = await reward_records.of_store(tx, caller.store.id)
        who = None
        if account:
            row = await lookups.customer_behind(tx, caller.store, "account", account)
            who = await ways_out.person(tx, caller.store, row["id"]) if row else None
    reward = next((one for one in every if known and one.id == known.reward_id), None)
    if known is None:
        reward = next((one for one in every if _is_common(one, spelled)), None)
    if reward is None:
        return CodeVerdict(
            valid=False, reason="unknown", code=spelled, reward="", reward_id=None, until=None
        )
    verdict = rewards.may_use(reward, known, who, account, caller.now)
    return CodeVerdict(
        valid=verdict.valid, reason=verdict.reason, code=spelled, reward=reward.name,
        reward_id=reward.id, until=verdict.until,
    )  # fmt: skip


def _is_common(reward: Reward, code: str) -> bool:
    return reward.kind == "code" and reward.source == "common" and reward.code == code


# ------------------------------------------------------------------ rewards


class RewardWish(Told):
    """What is given for subscribing, once a number."""

    name: str = Field(min_length=1, max_length=80)
    kind: Literal["code", "points", "page"]
    source: Literal["common", "own", "pool"] = Field(
        "common", description="Of codes: one for all, made for each, from a list."
    )
    code: str = Field("", pattern="^([A-Z0-9][A-Z0-9_-]{2,39})?$")
    prefix: str = Field("", pattern="^[A-Z0-9]{0,12}$")
    points: int = Field(0, ge=0, le=1_000_000)
    only_for: str = Field("", max_length=300)
    title: str = Field("", max_length=120)
    text: str = Field("", max_length=2000)
    url: str = Field("", max_length=500, pattern=r"^(https?://\S+)?$")
    phones_only: bool = False
    registered_only: bool = False
    valid_days: int = Field(0, ge=0, le=3650)
    valid_from: date | None = None
    valid_until: date | None = Field(None, description="Its last day, by the store's clock.")


@router.get("/rewards", summary="Rewards")
async def list_rewards(caller: ViewerKey) -> list[Shown]:
    """Each with how many were given and used, and how many codes are left."""
    async with caller.transaction() as tx:
        every = await reward_records.of_store(tx, caller.store.id)
        counts = await forms.counts(tx, caller.store.id, stores.buckets(caller.store))
        left = await code_records.left(tx, caller.store)
    return [
        {
            "id": one.id, "name": one.name, "kind": one.kind, "retired": one.retired,
            **{name: getattr(one, name) for name in ways_in.REWARD_SETTINGS},
            "left": left.get(one.id, 0) if one.source == "pool" else None,
            "counts": {
                what: counts.get(f"reward/{one.id}/{what}", 0) for what in ("given", "used", "owed")
            },
        }
        for one in every
    ]  # fmt: skip


@router.post("/rewards", status_code=201, summary="Make a reward")
async def make_reward(wish: RewardWish, caller: MarketerKey) -> Shown:
    """Forms can give it from now on."""
    reward = _reward(wish, caller, 0, short_token())
    async with caller.transaction() as tx:
        made = await reward_records.create(tx, caller.store.id, reward, caller.now)
        await caller.audit(tx, "reward.saved", reward.name)
    return {"id": made, "name": reward.name, "kind": reward.kind}


def _reward(wish: RewardWish, caller: Caller, reward_id: int, token: str) -> Reward:
    if wish.kind == "code" and wish.source == "common" and not wish.code:
        raise HTTPException(422, "code: give the one that all share.")
    if wish.kind == "points" and not wish.points:
        raise HTTPException(422, "points: how many?")
    if wish.kind == "page" and not (wish.text or wish.url):
        raise HTTPException(422, "text or url: what do subscribers see?")
    begins, ends = ways_in.span_of(wish.valid_from, wish.valid_until, caller.store.time_zone)
    told = wish.model_dump() | {"valid_from": begins, "valid_until": ends}
    return Reward(id=reward_id, token=token, **told)


@router.put("/rewards/{reward_id}", summary="Change a reward")
async def change_reward(reward_id: Number, wish: RewardWish, caller: MarketerKey) -> Shown:
    """What is given from now on; what was given stays as it was."""
    async with caller.transaction() as tx:
        known = await _known_reward(tx, caller, reward_id)
        reward = _reward(wish, caller, reward_id, known.token)
        await reward_records.change(tx, caller.store.id, reward)
        await caller.audit(tx, "reward.saved", reward.name)
    return {"id": reward_id, "name": reward.name, "kind": known.kind}


async def _known_reward(tx: Tx, caller: Caller, reward_id: int) -> Reward:
    reward = await reward_records.find(tx, caller.store.id, reward_id)
    if reward is None:
        raise HTTPException(404, "No reward has this id.")
    return reward


@router.post("/rewards/{reward_id}/retire", summary="Retire a reward")
async def retire_reward(reward_id: Number, caller: MarketerKey) -> Taken:
    """Nobody is given it any more; what was given stays good until its end."""
    async with caller.transaction() as tx:
        reward = await _known_reward(tx, caller, reward_id)
        await reward_records.retire(tx, caller.store.id, reward_id, caller.now)
        await caller.audit(tx, "reward.retired", reward.name)
    return Taken(accepted=True)


class CodesWish(Told):
    """Codes for a reward's list."""

    codes: list[str] = Field(min_length=1, max_length=10_000)


class CodesTaken(Told):
    """How many of them are new."""

    added: int


@router.post("/rewards/{reward_id}/codes", status_code=201, summary="Add codes to a list")
async def add_codes(reward_id: Number, wish: CodesWish, caller: MarketerKey) -> CodesTaken:
    """Each is given to one person. Those that are on a list or were given are left out."""
    told = [rewards.spelled(code) for code in wish.codes]
    for code in told:
        if not rewards.CODE.fullmatch(code):
            raise HTTPException(422, f"codes: {code!r} is none: three to forty letters and digits.")
    async with caller.transaction() as tx:
        reward = await _known_reward(tx, caller, reward_id)
        every = await reward_records.of_store(tx, caller.store.id)
        others = {one.id for one in every} - {reward_id}
        n = await code_records.add(tx, caller.store, reward_id, told, others)
        await caller.audit(tx, "codes.imported", reward.name, count=n)
    return CodesTaken(added=n)
