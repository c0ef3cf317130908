"""People out of the store: as a table, or as an audience for an ad network (R52).

Each export says before how many it will be, and leaves a line in the audit. It streams: a million
people need no more memory than a page of them. Viewers, who see no numbers, export nothing.
"""

import io
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from ringdove.kit import db, sheets
from ringdove.kit.db import Tx
from ringdove.records.lists import people_export
from ringdove.records.people import own_fields
from ringdove.records.people.lookups import NO_END, Row
from ringdove.rules.lists import ad_audiences
from ringdove.rules.lists.ad_audiences import NETWORKS, Network
from ringdove.rules.lists.people_columns import FIELD
from ringdove.rules.scenes import Store
from ringdove.web.forms import Filled, read_form
from ringdove.web.lists.imports import csv_line
from ringdove.web.menu import N_
from ringdove.web.people import people_list
from ringdove.web.people.people_list import Asked
from ringdove.web.views import MarketerPage, StorePage, SupportPage

router = APIRouter(prefix="/stores/{store_id}/exports", include_in_schema=False)

FOUND_PAGE = 1_000
COUNTED_MAX = 20_000  # of a search, before it is told
COLUMNS: Mapping[str, str] = {
    "phone": N_("Phone"), "email": N_("E-mail"), "name": N_("Name"), "language": N_("Language"),
    "country": N_("Country"), "region": N_("Region"), "city": N_("City"), "sex": N_("Sex"),
    "birthday": N_("Birthday"), "children": N_("Children's birth dates"),
    "marketing": N_("Offers"), "marketing_at": N_("Said so on"), "service": N_("Service texts"),
    "origin": N_("Came by"), "origin_note": N_("Came with"), "created_at": N_("Known since"),
    "orders": N_("Orders"), "spent": N_("Spent"), "last_order_at": N_("Last order"),
    "seen_at": N_("Last seen"), "phone_doubt": N_("Phone to be settled"),
}  # fmt: skip
USUAL = ("phone", "email", "name", "language", "city", "birthday", "marketing", "orders", "spent")


class People(Filled):
    columns: tuple[Annotated[str, StringConstraints(max_length=80)], ...] = ()
    kind: Literal["csv", "xlsx"] = "csv"


class Audience(Filled):
    network: Annotated[str, StringConstraints(pattern="^[a-z]+$", max_length=20)]
    use: Literal["exclude", "include"] = "exclude"
    who: Literal["bought", "not_bought"] = "bought"
    whose: Literal["agreed", "all"] = "agreed"
    since: Annotated[str, StringConstraints(max_length=10)] = ""
    key: Literal["phone", "email"] = "phone"
    do: Literal["count", "file"] = "count"


# ------------------------------------------------------------------ the page


@router.get("")
async def show(page: SupportPage, asked: Annotated[Asked, Depends()]) -> Response:
    """What can be taken out, and how many it would be."""
    return await _show(page, asked)


async def _show(page: StorePage, asked: Asked, status: int = 200, **more: Any) -> Response:
    async with page.transaction() as tx:
        fields = await own_fields.of_store(tx, page.store)
        if asked.query():
            n, is_more = await _counted(tx, page.store, asked, page.runtime.clock())
        else:
            n, is_more = await people_export.count(tx, page.store), False
    _ = page.say.gettext
    columns = [(name, _(words)) for name, words in COLUMNS.items()]
    columns += [(FIELD + key, one.title) for key, one in fields.items() if not one.is_retired]
    return page.render(
        "lists/exports.html", status, n=n, is_more=is_more, columns=columns, usual=USUAL,
        networks=NETWORKS, network_names=[(key, one.name) for key, one in NETWORKS.items()],
        query=asked.query(),
        **{"audience": None, "given": Audience.model_construct(network="meta"), "wrong": ""} | more,
    )  # fmt: skip


async def _counted(tx: Tx, store: Store, asked: Asked, now: datetime) -> tuple[int, bool]:
    n = 0
    async for ids in found(tx, store, asked, now):
        n += len(ids)
        if n >= COUNTED_MAX:
            return n, True
    return n, False


async def found(tx: Tx, store: Store, asked: Asked, now: datetime) -> AsyncIterator[list[int]]:
    """Ids of the people whom a search finds, some at a time, the newest first."""
    before: int | None = NO_END
    seen: set[int] = set()  # of the first page: whole keys come first there
    while before is not None:
        one, _ = await people_list.find(tx, store, asked, now, before, FOUND_PAGE, masked=False)
        ids = [row["id"] for row in one.rows if row["id"] not in seen]
        if before == NO_END:
            seen = set(ids)
        if ids:
            yield ids
        before = one.next


# ------------------------------------------------------------------ people


@router.post("/people")
async def people(page: SupportPage, asked: Annotated[Asked, Depends()]) -> Response:
    """All people or those of a search, as CSV or XLSX."""
    form = await read_form(page.request, People, page.say)
    given = form.filled or People()
    async with page.transaction() as tx:
        own = await own_fields.of_store(tx, page.store)
        known = [*COLUMNS, *(FIELD + key for key, one in own.items() if not one.is_retired)]
        columns = [name for name in known if name in given.columns]
        if not columns:
            return await _show(
                page, asked, 422, wrong=page.say.gettext("Choose at least one column.")
            )
        await page.audit(tx, "people.exported", asked.query(), columns=columns, kind=given.kind)
    _ = page.say.gettext
    titles = [
        own[name.removeprefix(FIELD)].title if name.startswith(FIELD) else _(COLUMNS[name])
        for name in columns
    ]
    rows = people_rows(page.runtime.pool, page.store, asked, columns, page.runtime.clock())
    return await as_file(rows, titles, given.kind, "people")


async def people_rows(
    pool: db.Pool, store: Store, asked: Asked, columns: Sequence[str], now: datetime
) -> AsyncIterator[list[Any]]:
    """The cells of people, one after the other."""
    async with db.transaction(pool) as tx:
        async for rows in _people_pages(tx, store, asked, now):
            for row in rows:
                yield [cell(row, name) for name in columns]


async def _people_pages(
    tx: Tx, store: Store, asked: Asked, now: datetime
) -> AsyncIterator[Sequence[Row]]:
    if asked.query():
        async for ids in found(tx, store, asked, now):
            yield await people_export.these(tx, store, ids)
    else:
        async for rows in people_export.everybody(tx, store):
            yield rows


def cell(row: Row, name: str) -> Any:
    """What stands in a column about a person."""
    if name.startswith(FIELD):
        return row["fields"].get(name.removeprefix(FIELD), "")
    value = row[name]
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return "" if value is None else str(value) if isinstance(value, date) else value


async def as_file(
    rows: AsyncIterator[list[Any]], titles: Sequence[str], kind: str, name: str
) -> Response:
    """Rows as a file that streams."""
    headers = {"content-disposition": f'attachment; filename="{name}.{kind}"'}
    if kind == "csv":

        async def lines() -> AsyncIterator[str]:
            yield "﻿" + csv_line(titles)
            async for row in rows:
                yield csv_line(row)

        return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)
    file = tempfile.TemporaryFile()

    async def with_titles() -> AsyncIterator[Sequence[Any]]:
        yield titles
        async for row in rows:
            yield row

    await sheets.write_xlsx(with_titles(), file)
    file.seek(0)

    async def octets() -> AsyncIterator[bytes]:
        with file:
            while some := file.read(io.DEFAULT_BUFFER_SIZE * 8):
                yield some

    media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return StreamingResponse(octets(), media_type=media, headers=headers)


# ------------------------------------------------------------------ audiences


@router.post("/audience")
async def audience(page: MarketerPage) -> Response:
    """How many people an audience has; then its file."""
    form = await read_form(page.request, Audience, page.say)
    given = form.filled
    if given is None or given.network not in NETWORKS:
        raise HTTPException(422)
    _ = page.say.gettext
    if given.use == "include" and given.whose == "all":
        wrong = _("Ads may be shown to those only who agreed to offers: choose them.")
        return await _show(page, Asked(), 422, wrong=wrong, given=given)
    network, meant = NETWORKS[given.network], meant_by(given, page.runtime.clock())
    if given.do == "count":
        async with page.transaction() as tx:
            n = await people_export.audience_count(tx, page.store, **meant)
        return await _show(page, Asked(), audience=n, given=given)
    async with page.transaction() as tx:
        await page.audit(tx, "audience.exported", network.name, use=given.use, whose=given.whose)
    return audience_file(page.runtime.pool, page.store, network, given.key, meant, given.use)


def meant_by(given: Audience, now: datetime) -> dict[str, Any]:
    """Whom an audience means, as the database is asked."""
    since = None
    if given.since:
        try:
            since = datetime.combine(date.fromisoformat(given.since), time(), UTC)
        except ValueError:
            raise HTTPException(422, "since: a day like 2026-01-15.") from None
    return {
        "have_bought": given.who == "bought",
        "since": since,
        "only_agreed": given.whose == "agreed",
        "now": now,
    }


def audience_file(
    pool: db.Pool, store: Store, network: Network, key: str, meant: dict[str, Any], use: str
) -> Response:
    """The audience as the network takes it."""

    async def lines() -> AsyncIterator[str]:
        if network.header:
            yield ",".join(network.header) + "\r\n"
        async with db.transaction(pool) as tx:
            async for rows in people_export.audience(tx, store, **meant):
                some = [(row["phone"], row["email"]) for row in rows]
                yield "".join(ad_audiences.lines(network, some, key))

    kind = "txt" if network.one_kind else "csv"
    headers = {"content-disposition": f'attachment; filename="audience-{use}.{kind}"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=headers)
