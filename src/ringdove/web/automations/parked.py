"""Parked facts: what could not be answered, with its error, to be tried again or left (P11).

A parked fact stops nothing but itself. Trying again puts it back into the queue; giving up leaves
it unanswered for good, and the fact itself stays.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.records import facts
from ringdove.records.store import connections
from ringdove.rules.facts import kinds
from ringdove.web.speech import Speech
from ringdove.web.views import MarketerPage, StorePage, SupportPage

router = APIRouter(prefix="/stores/{store_id}/parked", include_in_schema=False)

SHOWN_MAX = 100


@dataclass(frozen=True, slots=True)
class Parked:
    """One fact on the page."""

    fact_id: int
    kind: str
    about: str
    source: str
    at: datetime
    parked_at: datetime
    why: str
    error: str
    body: str


@router.get("")
async def show(page: SupportPage) -> Response:
    """What lies here, newest first."""
    async with page.transaction() as tx:
        rows = await facts.parked(tx, page.store, SHOWN_MAX)
        shops = {one.id: one.name for one in await connections.of_store(tx, page.store.id)}
    found = [_shown(page, row, shops) for row in rows]
    return page.render("automations/parked.html", found=found, most=SHOWN_MAX)


def _shown(page: StorePage, row: Mapping[str, Any], shops: Mapping[int, str]) -> Parked:
    known = kinds().get(row["kind"])
    connection_id = int(row["connection_id"])
    source = shops.get(connection_id, page.say.gettext("A removed shop"))
    return Parked(
        row["fact_id"],
        row["kind"],
        (known.__doc__ or "").partition("\n")[0] if known else "",
        source if connection_id else "Ringdove",
        row["at"],
        row["parked_at"],
        why(page.say, row["error"]),
        row["error"],
        json.dumps(row["body"], ensure_ascii=False, indent=2, sort_keys=True),
    )


def why(say: Speech, error: str) -> str:
    """The error in words for who runs the shop; the error itself stands below."""
    _ = say.gettext
    if waits := re.match(r"waits for (\S+)$", error):
        return _("It speaks of %(what)s, of which nothing was heard.", what=waits[1])
    if "Validation" in error or "validation error" in error:
        return _("A field of it cannot be read.")
    if "Template" in error or "Liquid" in error:
        return _("The text of an automation could not be filled with it.")
    return _("Ringdove could not answer it: an error of its own.")


async def _retry(page: StorePage, ids: list[int]) -> int:
    tried = 0
    async with page.transaction() as tx:
        for fact_id in ids:
            if await facts.retry(tx, page.store, fact_id, page.runtime.clock()):
                await page.audit(tx, "fact.retried", str(fact_id))
                tried += 1
    return tried


@router.post("/retry")
async def retry_all(page: MarketerPage) -> Response:
    """All of them back into the queue."""
    async with page.transaction() as tx:
        rows = await facts.parked(tx, page.store, SHOWN_MAX)
    tried = await _retry(page, [row["fact_id"] for row in rows])
    said = page.say.ngettext("%(num)s is tried again.", "%(num)s are tried again.", tried)
    return page.go(f"{page.home}/parked", said)


@router.post("/{fact_id}/retry")
async def retry(page: MarketerPage, fact_id: int) -> Response:
    """Back into the queue; if it fails again it comes back here."""
    if not await _retry(page, [fact_id]):
        raise HTTPException(404)
    _ = page.say.gettext
    return page.go(f"{page.home}/parked", _("It is tried again; if it fails it comes back here."))


@router.post("/{fact_id}/end")
async def give_up(page: MarketerPage, fact_id: int) -> Response:
    """Left unanswered for good."""
    async with page.transaction() as tx:
        if not await facts.give_up(tx, page.store, fact_id):
            raise HTTPException(404)
        await page.audit(tx, "fact.given_up", str(fact_id))
    return page.go(f"{page.home}/parked", page.say.gettext("It is left unanswered."))
