"""Imports of people: bring a file, say what is what, see what would happen, run it, take it back.

Everything lies with the import in the database, so any step can be left and found again. What each
state of an import offers is told by records/imports.STEPS; a page that is drawn from an older state
changes nothing.
"""

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, cast

from fastapi import APIRouter, Path
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from ringdove.kit import db, sheets
from ringdove.kit.db import Tx
from ringdove.records.lists import import_rows, import_undo, imports
from ringdove.records.lists.imports import Import
from ringdove.records.people import own_fields
from ringdove.rules.lists import people_columns, people_files, people_rows
from ringdove.rules.lists.people_columns import FIELD, TARGETS
from ringdove.rules.lists.people_files import Dialect, FileWrong, Look
from ringdove.rules.lists.people_rows import Plan, Row
from ringdove.web.lists import import_files, import_words
from ringdove.web.store import places
from ringdove.web.views import MarketerPage, StorePage

router = APIRouter(prefix="/stores/{store_id}/imports", include_in_schema=False)

ImportId = Annotated[int, Path(ge=1, le=2**63 - 1)]

PREVIEW_ROWS = 8
PREVIEW_LOOKED_AT = 200
FIELDS_MAX = people_files.CELLS_MAX + 40
WORDS_MAX, PROVENANCE_MAX = 2_000, 500
REJECTED_SHOWN = 20
EXAMPLE = (
    "Phone,Name,E-mail,Birthday,City,Consent,Consent date\r\n"
    "+375 29 111-22-33,Anna Koval,anna@example.com,1990-02-14,Minsk,yes,2026-01-15\r\n"
    "8 (033) 765-43-21,Oleg,,,,no,\r\n"
    "+39 347 123 4567,Giulia Rossi,giulia@example.com,,Roma,,\r\n"
)


# ------------------------------------------------------------------ the list


@router.get("")
async def show_all(page: MarketerPage) -> Response:
    """All imports, the newest first, and the form for another file."""
    return await _show_all(page)


async def _show_all(page: StorePage, status: int = 200, wrong: str = "") -> Response:
    async with page.transaction() as tx:
        listed = await imports.listed(tx, page.store)
    return page.render(
        "lists/imports.html", status, listed=listed, wrong=wrong, words=import_words,
        most_mb=import_files.FILE_BYTES_MAX // 1_000_000, now=page.runtime.clock(),
    )  # fmt: skip


@router.get("/example.csv")
async def example(page: MarketerPage) -> Response:
    """A file as it may look."""
    return _file("people.csv", "text/csv; charset=utf-8", "﻿" + EXAMPLE)


def _file(name: str, kind: str, content: str) -> Response:
    return Response(content, media_type=kind, headers=_named(name))


def _named(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}


@router.post("")
async def upload(page: MarketerPage) -> Response:
    """A file comes; nothing is made of it yet."""
    _ = page.say.gettext
    if int(page.request.headers.get("content-length") or 0) > import_files.FILE_BYTES_MAX:
        most = import_files.FILE_BYTES_MAX // 1_000_000
        wrong = _("The file is larger than %(most)s MB: divide it into several.", most=most)
        return await _show_all(page, 413, wrong)
    given = await page.request.form(max_files=1, max_fields=10)
    file = given.get("file")
    try:
        if not isinstance(file, UploadFile) or not file.filename:
            return await _show_all(page, 422, _("Choose a file first."))
        new_id = await import_files.take_in(
            page.runtime, page.store, file.filename, file.file, page.user.id
        )
    except FileWrong as wrong_file:
        return await _show_all(page, 422, _(str(wrong_file)))
    finally:
        await given.close()
    async with page.transaction() as tx:
        await page.audit(tx, "import.brought", file.filename or "")
    return page.go(f"{page.home}/imports/{new_id}")


# ------------------------------------------------------------------ one import


async def _find(tx: Tx, page: StorePage, import_id: int, *, lock: bool = False) -> Import:
    one = None
    if imports.is_here(page.store, import_id):
        one = await imports.find(tx, page.store, import_id, lock=lock)
    if one is None:
        raise HTTPException(404)
    return one


@router.get("/{import_id}")
async def show(page: MarketerPage, import_id: ImportId) -> Response:
    """Where it stands, and what can be done next."""
    async with page.transaction() as tx:
        one = await _find(tx, page, import_id)
        if one.state == "mapping":
            return await _show_mapping(tx, page, one)
        back = None
        if one.may("undo", page.runtime.clock()):
            back = await import_undo.forecast(tx, page.store, one.id)
        rejected = await imports.rejected(tx, page.store, one.id, most=REJECTED_SHOWN)
    return page.render(
        "lists/import.html", one=one, words=import_words, back=back, rejected=rejected,
        now=page.runtime.clock(), lines=import_words.lines(page.say, one),
    )  # fmt: skip


async def _show_mapping(
    tx: Tx, page: StorePage, one: Import, status: int = 200, plan: Plan | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    plan = plan or one.plan
    try:
        seen = await import_files.look(tx, page.store, one, plan.dialect)
    except FileWrong as wrong:
        return page.render(
            "lists/import_gone.html", 410, one=one, wrong=page.say.gettext(str(wrong))
        )
    known = await import_rows.known(tx, page.store)
    fields = await own_fields.of_store(tx, page.store)
    return page.render(
        "lists/import_map.html",
        status,
        one=one,
        plan=plan,
        errors=errors or {},
        columns=_columns(page, seen, plan),
        targets=_targets(page, {k: f.title for k, f in fields.items() if not f.is_retired}),
        people=_preview(page, seen, plan, known),
        words=import_words,
        names=import_words.target_names(page.say),
        countries=places.countries(page.say.language),
        languages=[(code, places.LANGUAGE_NAMES.get(code, code)) for code in places.TEXT_LANGUAGES],
    )


def _columns(page: StorePage, seen: Look, plan: Plan) -> list[dict[str, Any]]:
    chosen = {place: target for target, place in plan.columns.items()}
    some = people_columns.examples(seen)
    return [
        {
            "n": n,
            "title": seen.header[n] if n < len(seen.header) and seen.header[n] else
            page.say.gettext("column %(number)s", number=n + 1),
            "examples": some[n],
            "target": chosen.get(n, ""),
        }
        for n in range(seen.width)
    ]  # fmt: skip


def _targets(page: StorePage, own: Mapping[str, str]) -> list[tuple[str, str]]:
    names = import_words.target_names(page.say)
    return [
        ("", page.say.gettext("leave out")),
        *((target, names[target]) for target in TARGETS),
        *((FIELD + key, title) for key, title in own.items()),
    ]


def _preview(
    page: StorePage, seen: Look, plan: Plan, known: people_rows.Known
) -> list[dict[str, Any]]:
    now, found = page.runtime.clock(), []
    for n, cells in enumerate(seen.rows[:PREVIEW_ROWS]):
        line = n + (2 if plan.dialect.has_header else 1)
        row = people_rows.judge(line, cells, plan, known, now)
        is_row = isinstance(row, Row)
        found.append({"line": line, "row": row if is_row else None, "wrong": "" if is_row else row})
    return found


# ------------------------------------------------------------------ what is what


@router.post("/{import_id}/plan")
async def decide(page: MarketerPage, import_id: ImportId) -> Response:
    """What each column is, and where the list comes from; then a look, or the count of it all."""
    given = await page.request.form(max_files=0, max_fields=FIELDS_MAX)
    async with page.transaction() as tx:
        one = await _find(tx, page, import_id, lock=True)
        if one.state != "mapping":
            return page.go(f"{page.home}/imports/{one.id}")
        plan, errors = _plan(page, one.plan, given)
        is_count = given.get("do") == "check"
        if is_count and not errors:
            errors = _missing(page, plan)
        if errors:
            return await _show_mapping(tx, page, one, 422, plan, errors)
        if not await imports.save_plan(tx, page.store, one.id, plan):
            raise HTTPException(409)
        if is_count:
            await imports.step(tx, page.store, one, "check", page.runtime.clock())
    return page.go(f"{page.home}/imports/{one.id}" + ("" if is_count else "#preview"))


def _plan(page: StorePage, was: Plan, given: FormData) -> tuple[Plan, dict[str, str]]:
    _ = page.say.gettext
    errors: dict[str, str] = {}
    columns: dict[str, int] = {}
    for n in range(people_files.CELLS_MAX):
        target = _text(given, f"c{n}", 80)
        if not target or (target not in TARGETS and not target.startswith(FIELD)):
            continue
        if target in columns:
            errors[f"c{n}"] = _("Another column is this already.")
        columns[target] = n
    encoding = _text(given, "encoding", 20)
    delimiter = str(given.get("delimiter", ""))
    dialect = Dialect(
        encoding if encoding in (*people_files.ENCODINGS, "utf-16-le", "utf-16-be")
        else was.dialect.encoding,
        delimiter if len(delimiter) == 1 else was.dialect.delimiter,
        "has_header" in given,
    )  # fmt: skip
    agreed_on = _text(given, "agreed_on", 10)
    if agreed_on:
        try:
            if date.fromisoformat(agreed_on) > page.runtime.clock().date():
                errors["agreed_on"] = _("This day is still to come.")
        except ValueError:
            errors["agreed_on"], agreed_on = _("A day like 2026-01-15, please."), ""
    country = _text(given, "country", 2)
    plan = replace(
        was,
        dialect=dialect,
        columns=columns,
        country=country if country in dict(places.countries("en")) else "",
        dates="mdy" if given.get("dates") == "mdy" else "dmy",
        on_known="overwrite" if given.get("on_known") == "overwrite" else "fill",
        doubtful="reject" if given.get("doubtful") == "reject" else "keep",
        whence=cast(Any, _one_of(given, "whence", ("customers", "agreed", "bought"))),
        provenance=_text(given, "provenance", PROVENANCE_MAX),
        words=_text(given, "words", WORDS_MAX),
        words_language=_one_of(given, "words_language", ("", *places.TEXT_LANGUAGES)),
        agreed_on=agreed_on,
    )
    return plan, errors


def _text(given: FormData, name: str, most: int) -> str:
    return str(given.get(name, "")).replace("\x00", "").replace("\r\n", "\n").strip()[:most]


def _one_of(given: FormData, name: str, words: Sequence[str]) -> str:
    word = str(given.get(name, ""))
    return word if word in words else words[0]


def _missing(page: StorePage, plan: Plan) -> dict[str, str]:
    _ = page.say.gettext
    errors = {}
    if not {"phone", "email", "account"} & set(plan.columns):
        errors["columns"] = _("Say which column holds the phone, the e-mail or the account.")
    if plan.whence == "agreed":
        if not plan.provenance:
            errors["provenance"] = _("Say where the list comes from.")
        if not plan.words:
            errors["words"] = _("Copy here the exact words that people agreed to.")
        if not plan.agreed_on and "consent_date" not in plan.columns:
            errors["agreed_on"] = _("Say when they agreed, or which column tells it.")
    return errors


# ------------------------------------------------------------------ going on


@router.post("/{import_id}/{step}")
async def go_on(page: MarketerPage, import_id: ImportId, step: str) -> Response:
    """Count, run, pause, resume, cancel, undo, or back to the columns."""
    if step not in imports.STEPS:
        raise HTTPException(404)
    async with page.transaction() as tx:
        one = await _find(tx, page, import_id, lock=True)
        if await imports.step(tx, page.store, one, step, page.runtime.clock()):
            if step in ("run", "cancel", "undo"):
                await page.audit(tx, f"import.{step}", one.name, rows=one.row_count)
            return page.go(f"{page.home}/imports/{one.id}")
    said = page.say.gettext("It has changed meanwhile: look again.")
    return page.go(f"{page.home}/imports/{one.id}", said)


@router.get("/{import_id}/rejected.csv")
async def rejected(page: MarketerPage, import_id: ImportId) -> Response:
    """Rows that were not taken, with the reason; can be corrected and brought again."""
    async with page.transaction() as tx:
        one = await _find(tx, page, import_id)
        try:
            header = list((await import_files.look(tx, page.store, one)).header)
        except FileWrong:
            header = []
    _ = page.say.gettext
    names = {key: _(text) for key, text in import_words.REJECTED.items()}
    lines = _rejected_lines(page, one, [*header, _("Why it was not taken")], names)
    return StreamingResponse(
        lines, media_type="text/csv; charset=utf-8", headers=_named(f"rejected-{one.id}.csv")
    )


async def _rejected_lines(
    page: StorePage, one: Import, header: list[str], names: Mapping[str, str]
) -> AsyncIterator[str]:
    yield "﻿" + csv_line(header)
    width = len(header) - 1
    async with db.transaction(page.runtime.pool) as tx:
        async for row in imports.all_rejected(tx, page.store, one.id):
            cells = [*row["cells"], *[""] * (width - len(row["cells"]))]
            yield csv_line([*cells, names.get(row["reason"], row["reason"])])


def csv_line(cells: Sequence[Any]) -> str:
    """A line of CSV in which no cell is a formula."""
    line = io.StringIO()
    csv.writer(line).writerow([sheets.harmless("" if c is None else str(c)) for c in cells])
    return line.getvalue()
