"""What asking the long silent would mean, before it is switched on: how many people, what money.

The page of rules shows it beside the field, and the API tells the same.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.consent import confirming as records
from ringdove.records.sending import routes
from ringdove.rules import languages, texts
from ringdove.rules.consent import confirming
from ringdove.rules.scenes import Store
from ringdove.rules.sending.routes import Way
from ringdove.web.views import MarketerPage

router = APIRouter(prefix="/stores/{store_id}", include_in_schema=False)

MONTHS_MAX = 120


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Who would be asked now, and the money in each currency; without a price list none."""

    people: int
    parts: int
    money: dict[str, Decimal]


@router.get("/policy/reconfirm")
async def would_ask(
    page: MarketerPage, reconfirm_months: Annotated[str, Query(max_length=5)] = ""
) -> Response:
    """One line for the page of rules."""
    typed = reconfirm_months
    wished = int(typed) if typed.isascii() and typed.isdigit() else 0
    would = None
    if 0 < wished <= MONTHS_MAX:
        async with page.transaction() as tx:
            would = await rehearse(tx, page.store, wished, page.runtime.clock())
    return page.render("consent/reconfirm.html", would=would)


async def rehearse(tx: Tx, store: Store, months: int, now: datetime) -> Rehearsal:
    """Counts everybody; parts and money by a sample of them."""
    before = now - months * confirming.MONTH
    people, some = await records.how_many_silent(tx, store, before)
    ways = await routes.load(tx, store)
    parts = 0
    money: dict[str, Decimal] = {}
    for one in some:
        language = languages.choose(one["language"], one["country"], store.languages)
        template = languages.phrases(language)["answers"]["still_request"]
        measure = texts.measure(texts.render(template, {"shop": {"name": store.name}}))
        parts += measure.parts
        way = ways.find("sms", one["phone"], "service", now.date())
        if not isinstance(way, Way):
            continue
        cost = ways.cost(way.gateway.id, one["phone"], measure.parts)
        if cost:
            money[cost.currency] = money.get(cost.currency, Decimal(0)) + cost.amount
    share = Decimal(people) / len(some) if some else Decimal(0)
    cents = Decimal("0.01")
    return Rehearsal(
        people,
        int(parts * share),
        {currency: (amount * share).quantize(cents) for currency, amount in money.items()},
    )
