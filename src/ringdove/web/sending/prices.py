"""The price list of a gateway: a file is read, shown with what cannot be taken, then replaces all.

Between the two steps the file stays in the form itself: nothing half read is kept anywhere.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from ringdove.kit import db
from ringdove.kit.db import Tx
from ringdove.records.sending import gateways, prices
from ringdove.records.sending.gateways import Gateway
from ringdove.records.store import stores
from ringdove.rules.sending import price_files
from ringdove.rules.sending.price_files import COLUMNS, Column, Reading, Sheet, SheetWrong
from ringdove.web.sending import route_words
from ringdove.web.store import places
from ringdove.web.views import OwnerPage, StorePage

router = APIRouter(
    prefix="/stores/{store_id}/connections/gateways/{gateway_id}/prices", include_in_schema=False
)

FILE_BYTES_MAX = 8_000_000
REJECTED_SHOWN = 100
EXAMPLES = 8


@router.get("")
async def show(page: OwnerPage, gateway_id: int) -> Response:
    """The list as it stands, and the form for another."""
    return await _render(page, gateway_id)


async def _render(
    page: StorePage,
    gateway_id: int,
    status: int = 200,
    wrong: str = "",
    currency: str = "",
    **read: Any,
) -> Response:
    async with page.transaction() as tx:
        way = await _find(tx, page, gateway_id)
        listed = (await prices.of_store(tx, page.store.id)).get(gateway_id)
        some = await prices.first(tx, gateway_id, EXAMPLES) if listed else []
    return page.render(
        "sending/prices.html",
        status,
        way=way,
        listed=listed,
        some=some,
        words=route_words,
        wrong=wrong,
        currency=currency or (listed.currency if listed else page.store.currency),
        currencies=places.currencies(page.say.language),
        **{"reading": None, **read},
    )


async def _find(tx: Tx, page: StorePage, gateway_id: int) -> Gateway:
    way = await gateways.find(tx, page.store.id, gateway_id) if 0 < gateway_id < 2**31 else None
    if way is None or way.channel != "sms":
        raise HTTPException(404)
    return way


@router.post("/look")
async def look(page: OwnerPage, gateway_id: int) -> Response:
    """What a file says, before anything is changed; again with other columns."""
    async with page.transaction() as tx:
        await _find(tx, page, gateway_id)
    given = await _form(page)
    currency = _currency(given)
    try:
        text, sheet = await _sheet(given)
    except SheetWrong as error:
        return await _render(page, gateway_id, 422, str(error), currency)
    columns = _columns(given, sheet)
    reading = await asyncio.to_thread(price_files.read, sheet, columns, currency)
    return await _render(
        page,
        gateway_id,
        currency=currency,
        reading=reading,
        text=text,
        columns=columns,
        titles=_titles(page, sheet),
        column_names=_column_names(page),
        rejected=reading.rejected[:REJECTED_SHOWN],
        examples=reading.prices[:EXAMPLES],
        reasons=route_words.REJECTED,
    )


async def _form(page: StorePage) -> FormData:
    if int(page.request.headers.get("content-length") or FILE_BYTES_MAX * 2) > FILE_BYTES_MAX:
        raise HTTPException(413)
    return await page.request.form(max_files=1, max_fields=20, max_part_size=FILE_BYTES_MAX)


def _currency(given: FormData) -> str:
    currency = str(given.get("currency", ""))
    return currency if currency in dict(places.currencies("en")) else "EUR"


async def _sheet(given: FormData) -> tuple[str, Sheet]:
    """The file, or what it was when it was looked at before."""
    file, kept = given.get("file"), str(given.get("list", ""))
    octets = await file.read() if isinstance(file, UploadFile) else kept.encode()
    await given.close()
    sheet = await asyncio.to_thread(price_files.open_sheet, octets)
    return price_files.decoded(octets), sheet


def _columns(given: FormData, sheet: Sheet) -> dict[Column, int]:
    """As chosen; as guessed at first sight."""
    if "column-price" not in given:
        return price_files.guess(sheet)
    chosen: dict[Column, int] = {}
    for name in COLUMNS:
        place = str(given.get(f"column-{name}", ""))
        if place.isascii() and place.isdigit() and int(place) < sheet.width:
            chosen[name] = int(place)
    return chosen


def _titles(page: StorePage, sheet: Sheet) -> list[tuple[str, str]]:
    """The file's columns, by their titles or numbers."""
    found = [("", "–")]
    for n in range(sheet.width):
        title = sheet.header[n] if n < len(sheet.header) else ""
        number = page.say.gettext("column %(number)s", number=n + 1)
        found.append((str(n), f"{title[:40]} ({number})" if title else number))
    return found


def _column_names(page: StorePage) -> dict[Column, str]:
    _ = page.say.gettext
    return {
        "prefix": _("Prefix"),
        "country": _("Country"),
        "network": _("Operator"),
        "price": _("Price of a part"),
        "currency": _("Currency"),
    }


@router.post("")
async def replace(page: OwnerPage, gateway_id: int) -> Response:
    """These prices from now on, instead of all that were there."""
    given = await _form(page)
    try:
        _text, sheet = await _sheet(given)
    except SheetWrong as error:
        return await _render(page, gateway_id, 422, str(error), _currency(given))
    reading = await asyncio.to_thread(
        price_files.read, sheet, _columns(given, sheet), _currency(given)
    )
    if not reading.prices:
        _ = page.say.gettext
        return await _render(page, gateway_id, 422, _("No price was found in it."))
    async with page.transaction() as tx:
        way = await _find(tx, page, gateway_id)
        await _replace(tx, page, gateway_id, reading)
        await page.audit(tx, "prices.loaded", way.name, lines=len(reading.prices))
    said = page.say.ngettext(
        "%(num)s price is in use.", "%(num)s prices are in use.", len(reading.prices)
    )
    return page.go(f"{page.home}/connections/gateways/{gateway_id}/prices", said)


async def _replace(tx: Tx, page: StorePage, gateway_id: int, reading: Reading) -> None:
    version = page.runtime.ids.make(stores.buckets(page.store)[0])
    now = page.runtime.clock()
    lines = reading.prices
    await prices.replace(tx, page.store.id, gateway_id, reading.currency, lines, version, now)


@router.post("/end")
async def remove(page: OwnerPage, gateway_id: int) -> Response:
    """What texts over this gateway cost is unknown from now on."""
    async with page.transaction() as tx:
        way = await _find(tx, page, gateway_id)
        await prices.forget(tx, page.store.id, gateway_id)
        await page.audit(tx, "prices.removed", way.name)
    said = page.say.gettext("The price list is removed.")
    return page.go(f"{page.home}/connections/gateways/{gateway_id}/prices", said)


@router.get("/export.csv")
async def export(page: OwnerPage, gateway_id: int) -> Response:
    """The list as a file that can be loaded again."""
    async with page.transaction() as tx:
        await _find(tx, page, gateway_id)
        listed = (await prices.of_store(tx, page.store.id)).get(gateway_id)
    if listed is None:
        raise HTTPException(404)
    name = f'attachment; filename="prices-{gateway_id}.csv"'
    lines = _lines(page, gateway_id, listed.currency)
    return StreamingResponse(lines, media_type="text/csv", headers={"content-disposition": name})


async def _lines(page: StorePage, gateway_id: int, currency: str) -> AsyncIterator[str]:
    async with db.transaction(page.runtime.pool) as tx:
        head = True
        async for price in prices.lines(tx, gateway_id):
            for line in list(price_files.write([price], currency))[0 if head else 1 :]:
                yield line
            head = False
