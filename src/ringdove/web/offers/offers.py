"""Offers: what is given for subscribing and offered by campaigns, and what became of each.

An offer is typed on one page, whichever it is for; its lists of codes and what the shop has still
to learn of them stand below it, with what it brought.
"""

import csv
import io
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints, field_validator
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.consent import forms
from ringdove.records.offers import code_lists, offers, rewards
from ringdove.records.store import connections, stores
from ringdove.rules.consent.ways_in import DayGood, Reward
from ringdove.rules.lists.people_files import FileWrong
from ringdove.rules.offers import offer_checks
from ringdove.rules.offers import offers as words
from ringdove.rules.offers.offer_checks import Listed
from ringdove.runtime import STORES
from ringdove.web.consent.ways_in import Number, short_token
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.offers import code_files
from ringdove.web.offers.offer_words import PROBLEMS, WRONG
from ringdove.web.views import MarketerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/offers", include_in_schema=False)

Kind = Literal["code", "points", "page"]
NAME_MAX = 80
MADE_MAX = 100_000
SWITCHES = ("phones_only", "registered_only", "subscribers_only", "frees")


class Typed(Filled):
    """An offer as it is typed; which fields count depends on its kind."""

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
    discount: Literal["", "percent", "amount", "delivery", "gift", "words"] = ""
    worth: Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)] = Decimal(0)
    gift: Annotated[str, StringConstraints(max_length=200)] = ""
    goods_of: Literal["", "skus", "categories", "brands"] = ""
    goods: Annotated[str, StringConstraints(max_length=20_000)] = ""
    channel: Annotated[str, StringConstraints(max_length=40)] = ""
    phones_only: Literal["", "yes"] = ""
    registered_only: Literal["", "yes"] = ""
    subscribers_only: Literal["", "yes"] = ""
    frees: Literal["", "yes"] = ""
    valid_days: Annotated[int, Field(ge=0, le=3650)] = 0
    valid_from: date | None = None
    valid_until: date | None = None
    early_from: date | None = None
    daily: Annotated[str, StringConstraints(max_length=100_000)] = ""
    uses_each: Annotated[int, Field(ge=0, le=1000)] = 0
    uses_total: Annotated[int, Field(ge=0, le=100_000_000)] = 0
    shop: Literal["", "coupons", "file"] = ""
    connection: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0

    @field_validator(
        "points", "valid_days", "uses_each", "uses_total", "connection", "worth", mode="before"
    )
    @classmethod
    def _no_number(cls, value: Any) -> Any:
        return value.replace(",", ".") if isinstance(value, str) and value.strip() else value or 0

    @field_validator("valid_from", "valid_until", "early_from", mode="before")
    @classmethod
    def _no_day(cls, value: Any) -> Any:
        return value or None


@router.get("")
async def show(page: ViewerPage) -> Response:
    """All offers, and what came of each."""
    async with page.transaction() as tx:
        every = await rewards.of_store(tx, page.store.id)
        counts = await forms.counts(tx, page.store.id, stores.buckets(page.store))
        listed = await code_lists.listed(tx, page.store)
    return page.render(
        "offers/offers.html", offers=every, counts=counts, listed=listed, discount=_discount(page)
    )


@router.get("/new")
async def new(page: MarketerPage, kind: Annotated[Kind, Query()] = "code") -> Response:
    """An empty one of a kind."""
    return await _form(page, Form({"kind": kind, "source": "own", "frees": "yes"}), None)


@router.post("")
async def create(page: MarketerPage) -> Response:
    """A new offer; forms and campaigns can give it from now on."""
    form = await read_form(page.request, Typed, page.say)
    offer = _read(page, form, 0, short_token())
    if offer is None:
        return await _form(page, form, None, 422)
    async with page.transaction() as tx:
        made = await offers.save(tx, page.store, offer, page.runtime.clock())
        await page.audit(tx, "reward.saved", offer.name)
    return page.go(f"{page.home}/offers/{made}", page.say.gettext("Saved."))


@router.get("/{offer_id}")
async def edit(page: MarketerPage, offer_id: Number) -> Response:
    """One of them, and what came of it."""
    async with page.transaction() as tx:
        offer = await _find(tx, page, offer_id)
    return await _form(page, Form(_values(page, offer)), offer)


@router.post("/{offer_id}")
async def save(page: MarketerPage, offer_id: Number) -> Response:
    """What is given from now on; what was given stays as it was."""
    form = await read_form(page.request, Typed, page.say)
    async with page.transaction() as tx:
        known = await _find(tx, page, offer_id)
        offer = _read(page, form, offer_id, known.token)
        if offer is not None:
            await offers.save(tx, page.store, offer, page.runtime.clock())
            await page.audit(tx, "reward.saved", offer.name)
    if offer is None:
        return await _form(page, form, known, 422)
    return page.go(f"{page.home}/offers/{offer_id}", page.say.gettext("Saved."))


@router.post("/{offer_id}/retire")
async def retire(page: MarketerPage, offer_id: Number) -> Response:
    """Nobody is given it any more."""
    async with page.transaction() as tx:
        offer = await _find(tx, page, offer_id)
        await rewards.retire(tx, page.store.id, offer_id, page.runtime.clock())
        await page.audit(tx, "reward.retired", offer.name)
    return page.go(f"{page.home}/offers", page.say.gettext("Retired."))


# ------------------------------------------------------------------ its list of codes


@router.post("/{offer_id}/codes")
async def add_codes(page: MarketerPage, offer_id: Number) -> Response:
    """Puts codes on its list, pasted or of a file. What cannot be one is told and left out, as are
    those that are known already; told again, a list changes nothing."""
    async with page.transaction() as tx:
        offer = await _find(tx, page, offer_id)
        others = await rewards.others(tx, page.store.id, offer_id)
    adding = Form[Any]()
    try:
        adding.values["codes"], found = await code_files.read(page.request, page.say)
    except FileWrong as wrong:
        adding.refuse("codes", page.say.gettext(str(wrong)))
        return await _form(page, Form(_values(page, offer)), offer, 422, adding=adding)
    if not found.codes:
        why = page.say.gettext("There is no code in it: three to forty letters and digits each.")
        adding.refuse("codes", why)
        return await _form(page, Form(_values(page, offer)), offer, 422, adding=adding, read=found)
    async with page.transaction() as tx:
        n = await code_lists.add(tx, page.store, offer_id, found.codes, others)
        await page.audit(tx, "codes.imported", offer.name, count=n)
    said = code_files.account(page.say, found, n)
    if not found.wrong:
        return page.go(f"{page.home}/offers/{offer_id}#list", said)
    return await _form(page, Form(_values(page, offer)), offer, read=found, said=said)


class Making(Filled):
    count: Annotated[int, Field(ge=1, le=MADE_MAX)]


@router.post("/{offer_id}/made")
async def make_codes(page: MarketerPage, offer_id: Number) -> Response:
    """Makes codes that the shop has to learn before they are given."""
    form = await read_form(page.request, Making, page.say)
    runtime = page.runtime
    async with page.transaction() as tx:
        offer = await _find(tx, page, offer_id)
        if not offer.from_list or offer.source != "own":
            raise HTTPException(404)
        if form.filled is not None:
            others = await rewards.others(tx, page.store.id, offer_id)
            keyed = partial(runtime.keyed, page.store.id)
            n = await code_lists.make(
                tx, page.store, offer, form.filled.count, keyed, runtime.ids, others
            )
            await page.audit(tx, "codes.made", offer.name, count=n)
    if form.filled is None:
        return await _form(page, Form(_values(page, offer)), offer, 422, making=form)
    said = page.say.ngettext("%(num)s code is made.", "%(num)s codes are made.", n)
    return page.go(f"{page.home}/offers/{offer_id}#shop", said)


@router.get("/{offer_id}/codes.csv")
async def codes_file(page: MarketerPage, offer_id: Number) -> Response:
    """Codes that the shop has to learn, as shops import coupons."""
    async with page.transaction() as tx:
        offer = await _find(tx, page, offer_id)
        waiting = await code_lists.waiting(tx, page.store, offer_id, MADE_MAX)
        await page.audit(tx, "codes.exported", offer.name, count=len(waiting))
    headers = {
        "content-disposition": f'attachment; filename="codes-{offer_id}.csv"',
        "cache-control": "no-store",
    }
    return Response(coupon_file(offer, waiting, page.store.time_zone), headers=headers,
                    media_type="text/csv; charset=utf-8")  # fmt: skip


COLUMNS = (
    "code", "discount_type", "amount", "free_shipping", "expiry_date", "individual_use",
    "usage_limit", "usage_limit_per_user", "skus", "categories", "description",
)  # fmt: skip


def coupon_file(offer: Reward, codes: list[str], time_zone: str) -> str:
    """A table that shops' importers of coupons read; days by the clock of the store."""
    ends = offer.valid_until.astimezone(ZoneInfo(time_zone)) if offer.valid_until else None
    kind = "percent" if offer.discount == "percent" else "fixed_cart"
    is_own = offer.has_own_codes
    rest = (
        kind, offer.worth if offer.discount in ("percent", "amount") else 0,
        "yes" if offer.discount == "delivery" else "no", f"{ends:%Y-%m-%d}" if ends else "", "yes",
        max(1, offer.uses_each) if is_own else offer.uses_total or "",
        "" if is_own else offer.uses_each or "",
        "|".join(offer.goods) if offer.goods_of == "skus" else "",
        "|".join(offer.goods) if offer.goods_of == "categories" else "", offer.name,
    )  # fmt: skip
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    table.writerows((code, *rest) for code in codes)
    return out.getvalue()


class Sure(Filled):
    deed: Literal["known", "again"]


@router.post("/{offer_id}/shop")
async def tell_shop(page: MarketerPage, offer_id: Number) -> Response:
    """The merchant brought the codes into the shop; or those that it refused are told again."""
    form = await read_form(page.request, Sure, page.say)
    async with page.transaction() as tx:
        offer = await _find(tx, page, offer_id)
        if form.filled is None:
            raise HTTPException(422)
        deed = form.filled.deed
        work = code_lists.all_known if deed == "known" else code_lists.again
        n = await work(tx, page.store, offer_id)
        if deed == "known":
            await page.audit(tx, "codes.told", offer.name, count=n)
    return page.go(f"{page.home}/offers/{offer_id}#shop", page.say.gettext("Saved."))


# ------------------------------------------------------------------ reading and showing


async def _find(tx: Tx, page: StorePage, offer_id: int) -> Reward:
    offer = await rewards.find(tx, page.store.id, offer_id)
    if offer is None:
        raise HTTPException(404)
    return offer


def _read(page: StorePage, form: Form[Typed], offer_id: int, token: str) -> Reward | None:
    """What was typed; None: something in it is wrong, and the form says what."""
    given = form.filled
    if given is None:
        return None
    told = given.model_dump() | {name: getattr(given, name) == "yes" for name in SWITCHES}
    told["goods"] = given.goods.replace(",", "\n").splitlines()
    lines = [line for line in given.daily.splitlines() if line.strip()]
    told["daily"] = list(map(_good, lines))
    offer = offer_checks.read(told, page.store.time_zone, offer_id, token)
    for field, why in offer_checks.wrong(offer):
        form.refuse(field, page.say.gettext(WRONG[why]))
    if any(
        one["url"] and not one["url"].startswith(("https://", "http://")) for one in told["daily"]
    ):
        form.refuse("daily", page.say.gettext("An address begins with https://"))
    if bare := next((one.strip() for one in lines if "|" not in one), ""):
        form.refuse("daily", page.say.gettext(
            "“%(line)s” has no “|”: write each line as Title | price | address.", line=bare[:60]
        ))  # fmt: skip
    return offer if form.filled is not None else None


def _good(line: str) -> dict[str, str]:
    """A product of one day from its line: title | price | address."""
    title, price, url = (*(piece.strip() for piece in line.split("|", 2)), "", "")[:3]
    return {"title": title[:120], "price": price[:40], "url": url[:500]}


def _line(good: DayGood) -> str:
    line = " | ".join((good.title, good.price, good.url)).rstrip(" |")
    return line if "|" in line else f"{line} |"


def _values(page: StorePage, offer: Reward) -> dict[str, Any]:
    zone = ZoneInfo(page.store.time_zone)
    values = {name: getattr(offer, name) for name in Typed.model_fields}
    for name in ("valid_from", "valid_until", "early_from"):
        at = values[name]
        values[name] = at.astimezone(zone).date().isoformat() if at else ""
    values |= {name: "yes" if values[name] else "" for name in SWITCHES}
    values["worth"] = f"{offer.worth.normalize():f}" if offer.worth else ""
    values["goods"] = "\n".join(offer.goods)
    values["daily"] = "\n".join(map(_line, offer.daily))
    return values


async def _form(
    page: StorePage,
    form: Form[Any],
    offer: Reward | None,
    status: int = 200,
    adding: Form[Any] | None = None,
    making: Form[Making] | None = None,
    read: code_files.Read | None = None,
    said: str = "",
) -> Response:
    now = page.runtime.clock()
    async with page.transaction() as tx:
        found = await offers.figures(tx, page.store, offer, now) if offer else None
        shops = [
            (one.id, one.name)
            for one in await connections.of_store(tx, page.store.id)
            if hasattr(STORES[one.kind], "coupons")
        ]
        why = await code_lists.why_not(tx, page.store, offer.id) if offer else []
    listed = found.listed if found else Listed()
    problems = offer_checks.problems(offer, listed, 1, now) if offer else []
    days = _days(page, found.days if found else {})
    return page.render(
        "offers/offer.html", status, form=form, offer=offer, found=found, listed=listed,
        shops=shops, adding=adding or Form[Any](), making=making or Form[Making](), why=why,
        days=days, problems=[page.say.gettext(PROBLEMS[one]) for one in problems],
        outside=page.runtime.settings.outside_url, wrong=read.wrong[: code_files.WRONG_SHOWN] if
        read else [], account=said, wrong_more=max(0, len(read.wrong) - code_files.WRONG_SHOWN) if
        read else 0, )  # fmt: skip


def _discount(page: StorePage) -> Callable[[Reward], str]:
    return partial(words.discount, language=page.say.language, currency=page.store.currency)


def _days(page: StorePage, found: dict[str, int]) -> dict[str, list[Any]]:
    """The last days with none left out, for a drawing."""
    last = page.runtime.clock().astimezone(ZoneInfo(page.store.time_zone)).date()
    days = [last - timedelta(days=n) for n in reversed(range(offers.DAYS_SHOWN))]
    labels = [f"{day:%d.%m}" for day in days]
    return {"labels": labels, "values": [found.get(day.isoformat(), 0) for day in days]}
