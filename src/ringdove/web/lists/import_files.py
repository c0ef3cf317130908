"""Takes a list of people in: CSV as it is, XLSX as CSV, in pieces into the database."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from ringdove.kit import db, sheets
from ringdove.records.lists import imports
from ringdove.records.people import own_fields
from ringdove.rules.lists import people_columns, people_files
from ringdove.rules.lists.people_files import Dialect, FileWrong, Look
from ringdove.rules.lists.people_rows import Plan
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime

FILE_BYTES_MAX = 400_000_000
NAME_MAX = 120
COPIED = 1 << 20
MONTH_FIRST = ("US", "PH", "FM", "PW")  # 12/31/1990


async def take_in(
    runtime: Runtime, store: Store, name: str, file: IO[bytes], user_id: int | None
) -> int:
    """A new import of this file, with a guess of what is what; its id. Raises FileWrong."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="ringdove-import-"))
        file = stack.enter_context(await as_table(file, Path(folder)))
        sample = file.read(people_files.SAMPLE_BYTES)
        seen = people_files.look(sample, is_all=len(sample) < people_files.SAMPLE_BYTES)
        file.seek(0)
        async with db.transaction(runtime.pool) as tx:
            fields = await own_fields.of_store(tx, store)
            called = {key: (one.title,) for key, one in fields.items() if not one.is_retired}
            plan = Plan(
                dialect=seen.dialect,
                columns=people_columns.guess(seen, store.country, called),
                country=store.country,
                dates="mdy" if store.country in MONTH_FIRST else "dmy",
                words_language=store.languages[0],
            )
            return await imports.create(
                tx, store, runtime.ids, name[:NAME_MAX] or "list.csv", _pieces(file), plan,
                user_id, runtime.clock(),
            )  # fmt: skip


async def as_table(file: IO[bytes], folder: Path) -> IO[bytes]:
    """A file as it is, or what a spreadsheet says as CSV in this folder. Raises FileWrong."""
    start = file.read(4)
    file.seek(0)
    if not start.startswith(b"PK\x03\x04"):
        return file
    sheet, table = folder / "sheet.xlsx", folder / "sheet.csv"
    with open(sheet, "wb") as out:
        while some := await asyncio.to_thread(file.read, COPIED):
            out.write(some)
    try:
        await sheets.to_csv(sheet, table)
    except sheets.SheetWrong as wrong:
        raise FileWrong(str(wrong)) from None
    return open(table, "rb")


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(imports.PIECE_BYTES):
        yield piece


async def look(
    tx: db.Tx, store: Store, one: imports.Import, dialect: Dialect | None = None
) -> Look:
    """The beginning of an import's file, read as decided. Raises FileWrong when it is gone."""
    sample = await imports.piece(tx, store, one.id, 0)
    if sample is None:
        raise FileWrong("The file is kept no longer: bring it again.")
    is_all = len(sample) < imports.PIECE_BYTES
    sample = sample[: people_files.SAMPLE_BYTES]
    is_all = is_all and len(sample) < people_files.SAMPLE_BYTES
    return people_files.seen_as(sample, dialect or one.plan.dialect, is_all=is_all)
