"""The same as the page Imports, for programs: bring a file, decide, count, run, undo."""

import tempfile
from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import StreamingResponse

from ringdove.kit import db
from ringdove.kit.db import Tx
from ringdove.records.lists import import_undo, imports
from ringdove.records.lists.imports import Import
from ringdove.rules.lists import people_columns
from ringdove.rules.lists.people_columns import FIELD, TARGETS
from ringdove.rules.lists.people_files import CELLS_MAX, ENCODINGS, Dialect, FileWrong
from ringdove.rules.lists.people_rows import Plan
from ringdove.web.api.callers import Caller, MarketerKey
from ringdove.web.lists import import_files
from ringdove.web.lists.imports import csv_line

router = APIRouter(prefix="/api/stores/{store_id}/imports", tags=["Imports"])

ImportId = Annotated[int, Path(ge=1, le=2**63 - 1, description="As text or number.")]
Shown = dict[str, Any]


class PlanGiven(BaseModel):
    """What each column is, and where the list comes from."""

    model_config = ConfigDict(extra="forbid")

    columns: dict[str, Annotated[int, Field(ge=0, lt=CELLS_MAX)]] = Field(
        description="Which column (from 0) holds what: " + ", ".join(TARGETS) + ", field/<key>."
    )
    country: Annotated[str, Field(pattern="^([A-Z]{2})?$")] = ""
    dates: Literal["dmy", "mdy"] = "dmy"
    on_known: Literal["fill", "overwrite"] = "fill"
    doubtful: Literal["keep", "reject"] = "keep"
    whence: Literal["customers", "agreed", "bought"] = "customers"
    provenance: Annotated[str, Field(max_length=500)] = ""
    words: Annotated[
        str,
        Field(max_length=2_000, description="Exactly what people agreed to; needed for offers."),
    ] = ""
    words_language: Annotated[str, Field(pattern="^([a-z]{2})?$")] = ""
    agreed_on: date | None = None
    encoding: Annotated[str, Field(max_length=20)] = ""
    delimiter: Annotated[str, Field(max_length=1)] = ""
    has_header: bool | None = None


@router.get("", summary="Imports")
async def listed(caller: MarketerKey) -> list[Shown]:
    """The newest first."""
    async with caller.transaction() as tx:
        return [_shown(one, caller) for one in await imports.listed(tx, caller.store)]


@router.post(
    "",
    summary="Bring a list",
    status_code=201,
    openapi_extra={"requestBody": {"required": True, "content": {
        kind: {"schema": {"type": "string", "format": "binary"}}
        for kind in ("text/csv", "application/octet-stream")
    }}},
)  # fmt: skip
async def bring(
    caller: MarketerKey,
    request: Request,
    name: Annotated[str, Query(min_length=1, max_length=120)] = "list.csv",
) -> Shown:
    """The file itself as the body: CSV or XLSX. The answer holds its columns with examples and a
    guess of what is what; nothing is written of people yet."""
    with tempfile.TemporaryFile() as file:
        async for some in request.stream():
            file.write(some)
            if file.tell() > import_files.FILE_BYTES_MAX:
                raise HTTPException(413, "The file is too large: divide it into several.")
        file.seek(0)
        try:
            new_id = await import_files.take_in(caller.runtime, caller.store, name, file, None)
        except FileWrong as wrong:
            raise HTTPException(422, str(wrong)) from None
    async with caller.transaction() as tx:
        await caller.audit(tx, "import.brought", name)
        one = await _find(tx, caller, new_id)
        return _shown(one, caller) | await _columns(tx, caller, one)


@router.get("/{import_id}", summary="One import")
async def show(import_id: ImportId, caller: MarketerKey) -> Shown:
    """Its state (mapping, checking, checked, running, paused, done, cancelled, undoing, undone,
    failed), its plan, what the count said (`forecast`) and what came of it (`counts`)."""
    async with caller.transaction() as tx:
        one = await _find(tx, caller, import_id)
        shown = _shown(one, caller)
        if one.state == "mapping":
            shown |= await _columns(tx, caller, one)
        if one.may("undo", caller.now):
            back = await import_undo.forecast(tx, caller.store, one.id)
            shown["undo"] = {"until": one.undo_until, **back}
    return shown


@router.put("/{import_id}/plan", summary="Say what is what")
async def decide(import_id: ImportId, caller: MarketerKey, given: PlanGiven) -> Shown:
    """Then POST …/check to have it counted, and …/run to have it written."""
    if wrong := [t for t in given.columns if t not in TARGETS and not t.startswith(FIELD)]:
        raise HTTPException(422, f"columns: {', '.join(wrong)[:200]} is unknown.")
    if given.encoding and given.encoding not in ENCODINGS:
        raise HTTPException(422, f"encoding: one of {', '.join(ENCODINGS)}.")
    async with caller.transaction() as tx:
        one = await _find(tx, caller, import_id, lock=True)
        was = one.plan.dialect
        plan = Plan(
            Dialect(
                given.encoding or was.encoding,
                given.delimiter or was.delimiter,
                was.has_header if given.has_header is None else given.has_header,
            ),
            given.columns, given.country or caller.store.country, given.dates, given.on_known,
            given.doubtful, given.whence, given.provenance.strip(), given.words.strip(),
            given.words_language, given.agreed_on.isoformat() if given.agreed_on else "",
        )  # fmt: skip
        if plan.whence == "agreed" and not plan.lets_in:
            raise HTTPException(
                422, "whence: agreed needs provenance, words, and agreed_on or a consent_date."
            )
        if one.state != "mapping" or not await imports.save_plan(tx, caller.store, one.id, plan):
            raise HTTPException(409, "It is past that: POST …/remap first.")
        return _shown(await _find(tx, caller, import_id), caller)


Step = Literal["check", "remap", "run", "pause", "resume", "cancel", "undo"]


@router.post("/{import_id}/{step}", summary="Go on with an import")
async def go_on(import_id: ImportId, step: Step, caller: MarketerKey) -> Shown:
    """check: count the file without writing. run: write it. undo: within three days. 409 where the
    import is not in the state for it."""
    async with caller.transaction() as tx:
        one = await _find(tx, caller, import_id, lock=True)
        if step == "check" and not {"phone", "email", "account"} & set(one.plan.columns):
            raise HTTPException(422, "Say first which column holds the phone, e-mail or account.")
        if not await imports.step(tx, caller.store, one, step, caller.now):
            raise HTTPException(409, f"An import that is {one.state} cannot do that.")
        if step in ("run", "cancel", "undo"):
            await caller.audit(tx, f"import.{step}", one.name, rows=one.row_count)
        return _shown(await _find(tx, caller, import_id), caller)


@router.get("/{import_id}/rejected", summary="Rows that were not taken", response_model=None)
async def rejected(import_id: ImportId, caller: MarketerKey) -> StreamingResponse:
    """As CSV: the row's number, the reason, and the cells as they came."""
    async with caller.transaction() as tx:
        one = await _find(tx, caller, import_id)
    return StreamingResponse(_lines(caller, one), media_type="text/csv; charset=utf-8")


async def _lines(caller: Caller, one: Import) -> AsyncIterator[str]:
    yield csv_line(["row", "reason", "cells"])
    async with db.transaction(caller.runtime.pool) as tx:
        async for row in imports.all_rejected(tx, caller.store, one.id):
            yield csv_line([row["line"], row["reason"], *row["cells"]])


async def _find(tx: Tx, caller: Caller, import_id: int, *, lock: bool = False) -> Import:
    one = None
    if imports.is_here(caller.store, import_id):
        one = await imports.find(tx, caller.store, import_id, lock=lock)
    if one is None:
        raise HTTPException(404, "No import has this id.")
    return one


async def _columns(tx: Tx, caller: Caller, one: Import) -> Shown:
    try:
        seen = await import_files.look(tx, caller.store, one)
    except FileWrong as wrong:
        raise HTTPException(410, str(wrong)) from None
    some = people_columns.examples(seen)
    return {
        "columns": [
            {"n": n, "title": seen.header[n] if n < len(seen.header) else "", "examples": some[n]}
            for n in range(seen.width)
        ]
    }


def _shown(one: Import, caller: Caller) -> Shown:
    return {
        "id": str(one.id),
        "name": one.name,
        "state": one.state,
        "plan": one.plan.document(),
        "row_at": one.row_at,
        "row_count": one.row_count,
        "rows_per_s": round(one.speed(caller.now)),
        "forecast": one.forecast,
        "counts": one.counts,
        "error": one.error,
        "created_at": one.created_at,
        "done_at": one.done_at,
    }
