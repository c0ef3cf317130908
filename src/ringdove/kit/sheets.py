"""Spreadsheets: XLSX to CSV in a process of its own, and rows to XLSX as they come.

Reading holds a whole sheet in memory, so it is done by a process that ends with it. Nothing that is
written can become a formula in somebody's spreadsheet program.
"""

import asyncio
import csv
import sys
import zipfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, Any

CONVERT_S_MAX = 300.0
UNPACKED_BYTES_MAX = 2_000_000_000
ROWS_MAX = 1_048_576  # of a sheet, by the format itself
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


class SheetWrong(ValueError):
    """Not a spreadsheet that can be read; the message is for the person who brought it."""


async def to_csv(sheet: Path, out: Path) -> None:
    """Writes the first sheet that holds anything as CSV in UTF-8. Raises SheetWrong."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ringdove.kit.sheets", str(sheet), str(out), stdout=PIPE
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), CONVERT_S_MAX)
    except (TimeoutError, asyncio.CancelledError):
        process.kill()
        await process.wait()
        raise
    if wrong := said.decode().strip():
        raise SheetWrong(wrong)
    if process.returncode:
        raise SheetWrong("This spreadsheet is too large for this machine: save it as CSV.")


def _convert(sheet: str, out: str) -> str:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        with zipfile.ZipFile(sheet) as packed:
            if sum(one.file_size for one in packed.infolist()) > UNPACKED_BYTES_MAX:
                return "This spreadsheet is too large: save it as CSV."
        book = CalamineWorkbook.from_path(sheet)
        for name in book.sheet_names:
            rows = book.get_sheet_by_name(name).iter_rows()
            if _write(rows, out):
                return ""
    except PasswordError:
        return "This spreadsheet is locked with a password: save it without one."
    except (CalamineError, zipfile.BadZipFile, OSError):
        return "This spreadsheet cannot be read: save it anew as .xlsx, or as CSV."
    return "There is nothing in this spreadsheet."


def _write(rows: Iterable[Sequence[Any]], out: str) -> bool:
    is_empty = True
    with open(out, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        for row in rows:
            cells = [_text(cell) for cell in row]
            is_empty = is_empty and not any(cells)
            writer.writerow(cells)
    return not is_empty


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # a number of a phone, which the program took for a quantity
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    if isinstance(cell, (date, datetime)):
        return cell.isoformat()
    return "" if cell is None else str(cell)


# ------------------------------------------------------------------ out


def harmless(text: str) -> str:
    """A cell that no spreadsheet program takes for a formula. A phone number keeps its plus: it is
    digits, and nothing else."""
    if text.startswith(FORMULA_SIGNS) and not (text[0] == "+" and text[1:].isdigit()):
        return "'" + text
    return text


async def write_xlsx(rows: AsyncIterator[Sequence[Any]], file: IO[bytes]) -> None:
    """Writes rows as a sheet, with the memory of one row."""
    from xlsxwriter import Workbook  # type: ignore[import-untyped]

    options = {
        "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
        "strings_to_numbers": False, "default_date_format": "yyyy-mm-dd",
    }  # fmt: skip
    book = Workbook(file, options)
    sheet = book.add_worksheet()
    n = 0
    async for row in rows:
        if n >= ROWS_MAX:
            break
        for column, cell in enumerate(row):
            sheet.write_string(n, column, str(cell)) if isinstance(cell, str) else sheet.write(
                n, column, cell
            )
        n += 1
    await asyncio.to_thread(book.close)


if __name__ == "__main__":
    print(_convert(sys.argv[1], sys.argv[2]))
