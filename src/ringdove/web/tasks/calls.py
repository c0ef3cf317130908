"""Orders to call: fresh ones with whom to ring, what each call came to, and the word that it is
time to let automations do it (R116).

A page for shops that are small still. It calls nobody by itself and changes nothing of an order.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.records.automations import automations
from ringdove.records.people import lookups
from ringdove.records.tasks import calls
from ringdove.records.tasks.calls import NO_END, PAGE, RESULTS, VISITS_WITHIN, Call, Result, Which
from ringdove.rules.automations.recipes import RECIPES
from ringdove.web.forms import Filled, read_form
from ringdove.web.tasks import task_words as words
from ringdove.web.tasks.tasks import NOTE_MAX
from ringdove.web.views import StorePage, SupportPage

router = APIRouter(prefix="/stores/{store_id}/calls", include_in_schema=False)

# From about 300 visitors a day calls by hand take more than they bring (R116); so many orders
# nobody can call beside other work either.
VISITS_A_DAY = 300
ORDERS_A_DAY = 20
AGAIN_IN = {"hour": timedelta(hours=1), "evening": timedelta(hours=4), "day": timedelta(days=1)}
OrderId = Annotated[int, Path(ge=1, le=lookups.NO_END)]


class CallForm(Filled):
    result: Result
    note: Annotated[str, StringConstraints(max_length=NOTE_MAX)] = ""
    again: Literal["hour", "evening", "day"] = "hour"


@dataclass(frozen=True, slots=True)
class Growth:
    """How much there is to do by hand a day, and which automations could do it."""

    visits: int
    orders: int
    asleep: list[str]  # keys of automations about orders that are off

    @property
    def is_past_hands(self) -> bool:
        """Whether the page says so."""
        return bool(self.asleep) and (self.visits >= VISITS_A_DAY or self.orders >= ORDERS_A_DAY)


@router.get("")
async def show(
    page: SupportPage,
    which: Which = "to_call",
    before: Annotated[int, Query(ge=1, le=NO_END)] = NO_END,
) -> Response:
    """Fresh orders that nobody has spoken about yet; or those that were called, or all."""
    now = page.runtime.clock()
    async with page.transaction() as tx:
        rows = await calls.fresh(tx, page.store, which, now, before)
        growth = await growth_of(tx, page)
    return page.render(
        "tasks/calls.html",
        rows=rows,
        which=which,
        more=rows[-1].id if len(rows) == PAGE else None,
        growth=growth,
        words=words,
        results=words.options(page.say, words.CALLS, *RESULTS),
        again=[
            ("hour", page.say.gettext("In an hour")),
            ("evening", page.say.gettext("In four hours")),
            ("day", page.say.gettext("Tomorrow at this time")),
        ],
        now=now,
    )


async def growth_of(tx: Tx, page: StorePage) -> Growth:
    """Of the last week, a day on average."""
    days, now = VISITS_WITHIN.days, page.runtime.clock()
    visits = await calls.visits(tx, page.store, now, VISITS_A_DAY * days)
    orders = await calls.orders(tx, page.store, now, ORDERS_A_DAY * days)
    own = await automations.newest(tx, page.store.id)
    asleep = [
        key
        for key, ready in RECIPES.items()
        if not (own[key].is_on if key in own else ready.starts_on)
    ]
    return Growth(visits // days, orders // days, asleep)


@router.post("/{order_id}")
async def note(page: SupportPage, order_id: OrderId) -> Response:
    """What a call came to. The order stays as it is in the shop."""
    form = await read_form(page.request, CallForm, page.say)
    now = page.runtime.clock()
    async with page.transaction() as tx:
        if await calls.of_order(tx, page.store, order_id) is None:
            raise HTTPException(404)
        if form.filled is None:
            raise HTTPException(422)
        given = form.filled
        again_at = now + AGAIN_IN[given.again]
        call = Call(given.result, f"page/{page.user.name}", given.note, again_at)
        row_id = page.runtime.ids.make(bucket_of_id(order_id))
        await calls.write(tx, page.store, order_id, row_id, call, now)
        await page.audit(tx, "order.called", str(order_id), result=given.result)
    return page.go(f"{page.home}/calls", page.say.gettext("The call is noted."))
