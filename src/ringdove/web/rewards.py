"""Rewards: what a store gives for subscribing, its lists of codes, and what became of them."""

from datetime import date
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints, field_validator
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records import codes, forms, rewards, stores
from ringdove.rules import rewards as rules
from ringdove.rules.ways_in import Reward, span_of
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.views import MarketerPage, StorePage
from ringdove.web.ways_in import Number, short_token

router = APIRouter(prefix="/stores/{store_id}/ways-in/rewards", include_in_schema=False)

Kind = Literal["code", "points", "page"]
NAME_MAX = 80


class Typed(Filled):
    """A reward as it is typed; which fields count depends on its kind."""

    kind: Kind = "code"
    name: Annotated[str, StringConstraints(min_length=1, max_length=NAME_MAX)]
    source: Literal["common", "own", "pool"] = "common"
    code: Annotated[str, StringConstraints(max_length=40)] = ""
    prefix: Annotated[str, StringConstraints(max_length=12)] = ""
    points: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    only_for: Annotated[str, StringConstraints(max_length=300)] = ""
    title: Annotated[str, StringConstraints(max_length=120)] = ""
    text: Annotated[str, StringConstraints(max_length=2000)] = ""
    url: Annotated[str, StringConstraints(max_length=500, pattern=r"^(https?://\S+)?$")] = ""
    phones_only: Literal["", "yes"] = ""
    registered_only: Literal["", "yes"] = ""
    valid_days: Annotated[int, Field(ge=0, le=3650)] = 0
    valid_from: date | None = None
    valid_until: date | None = None

    @field_validator("points", "valid_days", "valid_from", "valid_until", mode="before")
    @classmethod
    def _left_empty(cls, value: Any) -> Any:
        return (0 if value == "" else value) if not isinstance(value, date) else value

    @field_validator("valid_from", "valid_until", mode="before")
    @classmethod
    def _no_day(cls, value: Any) -> Any:
        return None if value in ("", 0) else value


@router.get("/new")
async def new(page: MarketerPage, kind: Annotated[Kind, Query()] = "code") -> Response:
    """An empty one of a kind."""
    return await _form(page, Form({"kind": kind, "source": "common"}), None)


@router.post("")
async def create(page: MarketerPage) -> Response:
    """A new reward; forms can give it from now on."""
    form = await read_form(page.request, Typed, page.say)
    check(page, form)
    if form.filled is None:
        return await _form(page, form, None, 422)
    reward = reward_of(page, form.filled, 0, short_token())
    async with page.transaction() as tx:
        made = await rewards.create(tx, page.store.id, reward, page.runtime.clock())
        await page.audit(tx, "reward.saved", reward.name)
    return page.go(f"{page.home}/ways-in/rewards/{made}", page.say.gettext("Saved."))


@router.get("/{reward_id}")
async def edit(page: MarketerPage, reward_id: Number) -> Response:
    """One of them."""
    async with page.transaction() as tx:
        reward = await _find(tx, page, reward_id)
    return await _form(page, Form(_values(page, reward)), reward)


@router.post("/{reward_id}")
async def save(page: MarketerPage, reward_id: Number) -> Response:
    """What is given from now on; what was given stays as it was."""
    form = await read_form(page.request, Typed, page.say)
    check(page, form)
    async with page.transaction() as tx:
        known = await _find(tx, page, reward_id)
        if form.filled is not None:
            reward = reward_of(page, form.filled, reward_id, known.token)
            await rewards.change(tx, page.store.id, reward)
            await page.audit(tx, "reward.saved", reward.name)
    if form.filled is None:
        return await _form(page, form, known, 422)
    return page.go(f"{page.home}/ways-in/rewards/{reward_id}", page.say.gettext("Saved."))


class Codes(Filled):
    codes: Annotated[str, StringConstraints(min_length=3, max_length=190_000)]


@router.post("/{reward_id}/codes")
async def add_codes(page: MarketerPage, reward_id: Number) -> Response:
    """Puts codes on its list, one a line; those that are known already are left out."""
    _ = page.say.gettext
    form = await read_form(page.request, Codes, page.say)
    async with page.transaction() as tx:
        reward = await _find(tx, page, reward_id)
        told = read_codes(form.filled.codes) if form.filled else []
        wrong = [one for one in told if not rules.CODE.fullmatch(one)]
        if wrong:
            why = _(
                "“%(code)s” cannot be a code: three to forty letters and digits.", code=wrong[0]
            )
            form.refuse("codes", why)
        if form.filled is not None:
            others = {one.id for one in await rewards.of_store(tx, page.store.id)} - {reward_id}
            n = await codes.add(tx, page.store, reward_id, told, others)
            await page.audit(tx, "codes.imported", reward.name, count=n)
    if form.filled is None:
        return await _form(page, Form(_values(page, reward)), reward, 422, listed=form)
    said = page.say.ngettext("%(num)s code is new.", "%(num)s codes are new.", n)
    return page.go(f"{page.home}/ways-in/rewards/{reward_id}", said)


def read_codes(text: str) -> list[str]:
    """The codes of a list, as they are kept."""
    pieces = text.replace(",", "\n").replace(";", "\n").splitlines()
    return [code for piece in pieces if (code := rules.spelled(piece.strip().strip('"')))]


@router.post("/{reward_id}/retire")
async def retire(page: MarketerPage, reward_id: Number) -> Response:
    """Nobody is given it any more."""
    async with page.transaction() as tx:
        reward = await _find(tx, page, reward_id)
        await rewards.retire(tx, page.store.id, reward_id, page.runtime.clock())
        await page.audit(tx, "reward.retired", reward.name)
    return page.go(f"{page.home}/ways-in#rewards", page.say.gettext("Retired."))


async def _find(tx: Tx, page: StorePage, reward_id: int) -> Reward:
    reward = await rewards.find(tx, page.store.id, reward_id)
    if reward is None:
        raise HTTPException(404)
    return reward


def check(page: StorePage, form: Form[Typed]) -> None:
    """What a model alone cannot see."""
    _ = page.say.gettext
    given = form.filled
    if given is None:
        return
    if given.kind == "code" and given.source == "common":
        if not rules.CODE.fullmatch(rules.spelled(given.code)):
            form.refuse("code", _("Three to forty letters and digits."))
    if given.kind == "code" and not rules.PREFIX.fullmatch(rules.spelled(given.prefix)):
        form.refuse("prefix", _("Latin letters and digits only."))
    if given.kind == "points" and not given.points:
        form.refuse("points", _("A whole number, please."))
    if given.kind == "page" and not (given.text or given.url):
        form.refuse("text", _("Write what subscribers see, or give an address."))
    if given.valid_from and given.valid_until and given.valid_from > given.valid_until:
        form.refuse("valid_until", _("The end lies before the beginning."))


def reward_of(page: StorePage, given: Typed, reward_id: int, token: str) -> Reward:
    """What was typed, by the clock of the store: a last day is over at its end."""
    begins, ends = span_of(given.valid_from, given.valid_until, page.store.time_zone)
    told = given.model_dump(exclude={"valid_from", "valid_until", "phones_only", "registered_only"})
    told |= {"code": rules.spelled(given.code), "prefix": rules.spelled(given.prefix)}
    return Reward(
        id=reward_id, token=token, **told, phones_only=given.phones_only == "yes",
        registered_only=given.registered_only == "yes", valid_from=begins, valid_until=ends,
    )  # fmt: skip


def _values(page: StorePage, reward: Reward) -> dict[str, Any]:
    zone = ZoneInfo(page.store.time_zone)
    values = {name: getattr(reward, name) for name in Typed.model_fields}
    for name in ("valid_from", "valid_until"):
        at = values[name]
        values[name] = at.astimezone(zone).date().isoformat() if at else ""
    return values


async def _form(
    page: StorePage,
    form: Form[Any],
    reward: Reward | None,
    status: int = 200,
    listed: Form[Codes] | None = None,
) -> Response:
    async with page.transaction() as tx:
        left = await codes.left(tx, page.store)
        counts = await forms.counts(tx, page.store.id, stores.buckets(page.store))
    outside = page.runtime.settings.outside_url
    return page.render(
        "reward.html", status, form=form, reward=reward, left=left, counts=counts,
        listed=listed or Form[Codes](), outside=outside,
    )  # fmt: skip
