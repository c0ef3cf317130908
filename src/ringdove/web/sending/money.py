"""What owners change on the page Routes and money beside its routes: senders and limits."""

from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from ringdove.records.sending import gateways, senders, spending
from ringdove.rules.sending.senders import Own, SenderWrong, kind_of
from ringdove.rules.sending.spending import Limit
from ringdove.web.forms import Filled, read_form
from ringdove.web.menu import N_
from ringdove.web.sending import route_words
from ringdove.web.sending.routes import render
from ringdove.web.store import places
from ringdove.web.views import OwnerPage

router = APIRouter(prefix="/stores/{store_id}", include_in_schema=False)

SENDERS_MAX = 500
LIMITS_MAX = 40
NOT_MONEY = N_("An amount like 25 or 25.50, please.")
NO_SENDER = N_("A number, or a name of at most 11 Latin letters, digits and spaces.")


class SenderForm(Filled):
    sender: Annotated[str, StringConstraints(min_length=1, max_length=20)]
    country: Annotated[str, StringConstraints(max_length=2)] = ""
    gateway: int = 0
    state: Literal["ready", "asked", "refused"] = "ready"

    @field_validator("sender")
    @classmethod
    def _shown(cls, value: str) -> str:
        try:
            kind_of(value)
        except SenderWrong:
            raise PydanticCustomError("said.sender", NO_SENDER) from None
        return value

    def own(self) -> Own:
        return Own(self.sender, self.country, self.gateway, self.state)


@router.post("/senders")
async def put_sender(page: OwnerPage) -> Response:
    """A sender for a country, or what became of its registration."""
    form = await read_form(page.request, SenderForm, page.say)
    _ = page.say.gettext
    if form.filled is None:
        return await render(page, 422, sender=form)
    given = form.filled
    if given.country and given.country not in dict(places.countries("en")):
        return await render(page, 422, sender=form.refuse("country", _("Choose one of the list.")))
    async with page.transaction() as tx:
        own = {one.id for one in await gateways.of_store(tx, page.store.id)}
        is_full = len(await senders.of_store(tx, page.store.id)) >= SENDERS_MAX
        if (not given.gateway or given.gateway in own) and not is_full:
            await senders.put(tx, page.store.id, given.own())
            await page.audit(tx, "sender.saved", given.sender, country=given.country)
            return page.go(f"{page.home}/routes#senders", _("Saved."))
    return await render(page, 422, sender=form.refuse("gateway", _("Choose one of the list.")))


@router.post("/senders/end")
async def remove_sender(page: OwnerPage) -> Response:
    """It is not used any more."""
    form = await read_form(page.request, SenderForm, page.say)
    if form.filled is not None:
        async with page.transaction() as tx:
            if await senders.remove(tx, page.store.id, form.filled.own()):
                await page.audit(tx, "sender.removed", form.filled.sender)
    return page.go(f"{page.home}/routes#senders", page.say.gettext("Removed."))


class LimitForm(Filled):
    period: Literal["day", "month"]
    classes: Literal["marketing", "all"]
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
    amount: Annotated[Decimal, Field(ge=0, le=10**9, decimal_places=2)]

    @field_validator("amount", mode="before")
    @classmethod
    def _amount(cls, value: object) -> Decimal:
        try:
            amount = Decimal(str(value).replace(" ", "").replace("\xa0", "").replace(",", "."))
        except ArithmeticError:
            raise PydanticCustomError("said.amount", NOT_MONEY) from None
        if not amount.is_finite() or amount != amount.quantize(Decimal("0.01")) or amount < 0:
            raise PydanticCustomError("said.amount", NOT_MONEY)
        return amount

    def limit(self) -> Limit:
        return Limit(self.period, self.classes, self.currency, self.amount)


@router.post("/limits")
async def put_limit(page: OwnerPage) -> Response:
    """A limit, or another amount for it; what waited is asked again at once."""
    form = await read_form(page.request, LimitForm, page.say)
    _ = page.say.gettext
    if form.filled is None:
        return await render(page, 422, limit=form)
    limit = form.filled.limit()
    async with page.transaction() as tx:
        there = await spending.limits(tx, page.store.id)
        is_new = all(_what(one) != _what(limit) for one in there)
        if is_new and len(there) >= LIMITS_MAX:
            return await render(page, 422, limit=form.refuse("", _("There are too many limits.")))
        released = await spending.put(tx, page.store, limit, page.runtime.clock())
        what = route_words.limit(page.say, limit)
        amount = f"{limit.amount} {limit.currency}"
        await page.audit(tx, "limit.saved", what, amount=amount)
    return page.go(f"{page.home}/routes#limits", _released(page, released))


def _what(limit: Limit) -> tuple[str, str, str]:
    return limit.period, limit.classes, limit.currency


def _released(page: OwnerPage, released: int) -> str:
    if not released:
        return page.say.gettext("Saved.")
    return page.say.ngettext(
        "Saved: %(num)s text goes on.", "Saved: %(num)s texts go on.", released
    )


class LimitEnd(Filled):
    period: Literal["day", "month"]
    classes: Literal["marketing", "all"]
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]


@router.post("/limits/end")
async def remove_limit(page: OwnerPage) -> Response:
    """There is no such limit any more."""
    form = await read_form(page.request, LimitEnd, page.say)
    released = 0
    if form.filled is not None:
        gone = form.filled
        limit = Limit(gone.period, gone.classes, gone.currency, Decimal())
        async with page.transaction() as tx:
            released = await spending.remove(tx, page.store, limit, page.runtime.clock())
            await page.audit(tx, "limit.removed", route_words.limit(page.say, limit))
    return page.go(f"{page.home}/routes#limits", _released(page, released))
