"""What `ringdove import` and `ringdove export` do: lists of people in and out, without a page.

The same steps as on the page Imports, one after the other in this process; the import is seen there
too, and can be undone there.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from ringdove.kit import db, sheets
from ringdove.records.lists import imports, people_export
from ringdove.records.lists.imports import Import
from ringdove.records.store import audit, stores
from ringdove.rules.lists import people_columns
from ringdove.rules.lists.ad_audiences import NETWORKS, lines
from ringdove.rules.lists.people_columns import FIELD, TARGETS
from ringdove.rules.lists.people_files import FileWrong
from ringdove.rules.lists.people_rows import Plan
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.web.lists import exports, import_files
from ringdove.web.lists.imports import csv_line
from ringdove.web.people.people_list import Asked
from ringdove.workers.lists import importing

TOLD_EVERY_S = 2.0
PLAN_OPTIONS = (
    "country", "dates", "on_known", "doubtful", "whence", "provenance", "words", "words_language",
    "agreed_on",
)  # fmt: skip


class CannotBeDone(Exception):
    """Something that a person has to put right; the text says what."""


async def bring(
    runtime: Runtime, store_id: int, path: Path, columns: list[str], options: Mapping[str, str],
    *, is_dry: bool, say: TextIO = sys.stderr,
) -> Import:  # fmt: skip
    """Takes a file in, counts it, and runs it unless it is only to be counted."""
    store = await _store(runtime, store_id)
    try:
        with open(path, "rb") as file:
            new_id = await import_files.take_in(runtime, store, path.name, file, None)
    except (FileWrong, OSError) as wrong:
        raise CannotBeDone(str(wrong)) from None
    one = await _decided(runtime, store, new_id, columns, options)
    for target, place in sorted(one.plan.columns.items(), key=lambda pair: pair[1]):
        print(f"  column {place + 1:>2} is {target}", file=say)
    if not one.plan.lets_in:
        print(
            "Nobody enters for offers: give --whence agreed, --provenance, --words and --agreed-on"
            " if they agreed.",
            file=say,
        )
    one = await _step(runtime, store, one, "check", say)
    _tell(one.forecast, say)
    if is_dry or one.state != "checked":
        if one.error:
            raise CannotBeDone(one.error)
        return one
    one = await _step(runtime, store, one, "run", say)
    if one.state != "done":
        raise CannotBeDone(one.error or f"The import is {one.state}: look at the page Imports.")
    print(
        f"Import {one.id} is done; for three days it can be undone on the page Imports.", file=say
    )
    return one


async def _store(runtime: Runtime, store_id: int) -> Store:
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, store_id)
    if store is None:
        raise CannotBeDone(f"There is no store {store_id}.")
    return store


async def _decided(
    runtime: Runtime, store: Store, import_id: int, columns: list[str], options: Mapping[str, str]
) -> Import:
    async with db.transaction(runtime.pool) as tx:
        one = await imports.find(tx, store, import_id, lock=True)
        assert one is not None
        seen = await import_files.look(tx, store, one)
        chosen = dict(one.plan.columns)
        for given in columns:
            target, _, title = given.partition("=")
            if target not in TARGETS and not target.startswith(FIELD):
                raise CannotBeDone(f"--map {given}: {target} is none of {', '.join(TARGETS)}.")
            named = [n for n, text in enumerate(seen.header) if text.casefold() == title.casefold()]
            if title.isdigit() and 0 < int(title) <= seen.width:
                named.append(int(title) - 1)
            if not named:
                titles = ", ".join(seen.header) or f"1 to {seen.width}"
                raise CannotBeDone(f"--map {given}: there is no such column. There are: {titles}.")
            chosen = {t: n for t, n in chosen.items() if n != named[0]} | {target: named[0]}
        if not {"phone", "email", "account"} & set(chosen):
            raise CannotBeDone(
                "Which column is the phone is not clear: say --map phone=<title>. Seen: "
                + "; ".join(", ".join(some) for some in people_columns.examples(seen))[:300]
            )
        told: dict[str, Any] = {name: options[name] for name in PLAN_OPTIONS if options.get(name)}
        plan: Plan = replace(one.plan, columns=chosen, **told)
        if plan.whence == "agreed" and not plan.lets_in:
            raise CannotBeDone(
                "--whence agreed needs --provenance, --words, and --agreed-on or a column with"
                " the date of consent."
            )
        await imports.save_plan(tx, store, import_id, plan)
        return replace(one, plan=plan)


async def _step(runtime: Runtime, store: Store, one: Import, step: str, say: TextIO) -> Import:
    async with db.transaction(runtime.pool) as tx:
        await imports.step(tx, store, one, step, runtime.clock())
        if step == "run":
            await audit.write(
                tx, store_id=store.id, row_id=runtime.ids.make(stores.buckets(store)[0]),
                user_id=None, at=runtime.clock(), action="import.run", subject=one.name,
                detail={"by": "command line"},
            )  # fmt: skip
    # A worker of this installation may have begun already: then this only looks on.
    working = asyncio.create_task(importing.work_through(runtime, store.id, one.id))
    while True:
        await asyncio.wait([working], timeout=TOLD_EVERY_S)
        async with db.transaction(runtime.pool) as tx:
            now = await imports.find(tx, store, one.id)
        assert now is not None
        if now.state not in imports.WORKED_ON:
            await working
            return now
        speed = now.speed(runtime.clock())
        rows = f"{now.row_at:,}" + (f" of {now.row_count:,}" if now.row_count else "")
        print(f"{now.state}: {rows} rows, {speed:,.0f} a second", file=say)
        if working.done():
            working.result()
            await asyncio.sleep(TOLD_EVERY_S)


def _tell(counts: Mapping[str, int], say: TextIO) -> None:
    for name in ("new", "updated", "same", "again", "rejected"):
        print(f"  {counts.get(name, 0):>10,} {name}", file=say)
    for name, n in sorted(counts.items()):
        if "." in name or name == "doubt":
            print(f"  {n:>10,} {name}", file=say)


# ------------------------------------------------------------------ out


async def take_out(
    runtime: Runtime, store_id: int, out: Path, columns: list[str], asked: Asked
) -> int:
    """Writes people as CSV, or as XLSX where the file is called so; how many."""
    store = await _store(runtime, store_id)
    unknown = [c for c in columns if c not in exports.COLUMNS and not c.startswith(FIELD)]
    if unknown:
        known = ", ".join(exports.COLUMNS)
        raise CannotBeDone(f"--columns {', '.join(unknown)}: known are {known}, field/<key>.")
    await _audited(runtime, store, "people.exported", {"columns": columns})
    n = 0

    async def rows() -> AsyncIterator[list[Any]]:
        nonlocal n
        found = exports.people_rows(runtime.pool, store, asked, columns, runtime.clock())
        async for row in found:
            n += 1
            yield row

    if out.suffix.lower() == ".xlsx":

        async def with_titles() -> AsyncIterator[list[Any]]:
            yield list(columns)
            async for row in rows():
                yield row

        with open(out, "wb") as file:
            await sheets.write_xlsx(with_titles(), file)
        return n
    with open(out, "w", encoding="utf-8", newline="") as text:
        text.write("﻿" + csv_line(columns))
        async for row in rows():
            text.write(csv_line(row))
    return n


async def take_out_audience(
    runtime: Runtime, store_id: int, out: Path, given: exports.Audience
) -> int:
    """Writes an audience for an ad network; how many people."""
    store = await _store(runtime, store_id)
    if given.network not in NETWORKS:
        raise CannotBeDone(f"--audience is one of {', '.join(NETWORKS)}.")
    if given.use == "include" and given.whose == "all":
        raise CannotBeDone("To show ads, only those who agreed to offers: leave --whose out.")
    network, meant = NETWORKS[given.network], exports.meant_by(given, runtime.clock())
    await _audited(runtime, store, "audience.exported", {"network": given.network})
    n = 0
    with open(out, "w", encoding="utf-8", newline="") as text:
        if network.header:
            text.write(",".join(network.header) + "\r\n")
        async with db.transaction(runtime.pool) as tx:
            async for rows in people_export.audience(tx, store, **meant):
                some = lines(network, [(row["phone"], row["email"]) for row in rows], given.key)
                text.writelines(some)
                n += len(some)
    return n


async def _audited(runtime: Runtime, store: Store, action: str, detail: dict[str, Any]) -> None:
    async with db.transaction(runtime.pool) as tx:
        await audit.write(
            tx, store_id=store.id, row_id=runtime.ids.make(stores.buckets(store)[0]), user_id=None,
            at=runtime.clock(), action=action, subject="", detail={"by": "command line", **detail},
        )  # fmt: skip
