"""Lists of promo codes as people bring them: pasted, as CSV of any dialect, or as a spreadsheet.

What cannot be a code is left out and told with its line; nothing is guessed right. Which column has
the codes says its title, else it is the first one.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ringdove.records.offers.code_lists import ADDED_MAX
from ringdove.rules.lists import people_files
from ringdove.rules.lists.people_files import FileWrong
from ringdove.rules.offers.rewards import CODE, spelled
from ringdove.web.lists import import_files
from ringdove.web.speech import Speech

FILE_BYTES_MAX = 20_000_000
WRONG_SHOWN = 10
WRONG_LETTERS = 40
TITLES = frozenset(
    ("code", "codes", "coupon", "coupon code", "coupons", "promo code", "promocode", "voucher",
     "код", "коды", "купон", "купоны", "промокод", "промокоды", "промо-код", "ваучер")
)  # fmt: skip


@dataclass(slots=True)
class Read:
    """What a list says: its codes, each once, and what of it is no code, with its line."""

    codes: dict[str, None] = field(default_factory=dict)
    repeated: int = 0
    wrong: list[tuple[int, str]] = field(default_factory=list)

    def take(self, line: int, typed: str) -> None:
        """One of them, as it stands in this line."""
        code = spelled(typed.strip().strip('"'))
        if not code:
            return
        if not CODE.fullmatch(code):
            self.wrong.append((line, typed.strip()[:WRONG_LETTERS]))
        elif code in self.codes:
            self.repeated += 1
        else:
            self.codes[code] = None


async def read(request: Request, say: Speech) -> tuple[str, Read]:
    """What was typed and what it means, with the file that came along. Raises FileWrong."""
    if int(request.headers.get("content-length") or FILE_BYTES_MAX + 1) > FILE_BYTES_MAX:
        raise HTTPException(413)
    given: FormData = await request.form(max_files=1, max_fields=10, max_part_size=FILE_BYTES_MAX)
    typed, file, found = str(given.get("codes", "")), given.get("file"), Read()
    try:
        pasted(typed, found)
        if isinstance(file, UploadFile) and file.filename:
            await _file(file.file, found)
    finally:
        await given.close()
    if len(found.codes) > ADDED_MAX:
        most = f"{ADDED_MAX:,}"
        raise FileWrong(say.gettext("At most %(most)s codes at once: cut the list.", most=most))
    return typed, found


def pasted(text: str, found: Read) -> None:
    """Codes one a line, or parted by commas; of a table from a sheet, its columns."""
    lines = [(n, line.split("\t")) for n, line in enumerate(text.splitlines(), 1)]
    for n, cell in _column(lines):
        for piece in cell.replace(",", ";").split(";"):
            found.take(n, piece)


async def _file(file: IO[bytes], found: Read) -> None:
    with tempfile.TemporaryDirectory(prefix="ringdove-codes-") as folder:
        with await import_files.as_table(file, Path(folder)) as table:
            octets = table.read()
    seen = people_files.look(octets[: people_files.SAMPLE_BYTES])
    for n, cell in _column(people_files.rows([octets], seen.dialect)):
        found.take(n, cell)


def _column(rows: Iterable[tuple[int, Sequence[str]]]) -> Iterator[tuple[int, str]]:
    place, is_first = 0, True
    for n, cells in rows:
        titles = [cell.strip().strip('"').casefold() for cell in cells] if is_first else []
        is_first = False
        named = next((at for at, title in enumerate(titles) if title in TITLES), None)
        if named is not None:
            place = named
        elif place < len(cells):
            yield n, cells[place]


def account(say: Speech, found: Read, new: int) -> str:
    """What became of a list, in sentences."""
    told = [say.ngettext("%(num)s code is new.", "%(num)s codes are new.", new)]
    if known := len(found.codes) - new:
        told.append(say.ngettext(
            "%(num)s was on a list or given already.", "%(num)s were on a list or given already.",
            known,
        ))  # fmt: skip
    if found.repeated:
        told.append(say.ngettext(
            "%(num)s stood there once more.", "%(num)s stood there once more.", found.repeated
        ))  # fmt: skip
    if found.wrong:
        told.append(say.ngettext(
            "%(num)s cannot be a code and was left out.",
            "%(num)s cannot be codes and were left out.", len(found.wrong),
        ))  # fmt: skip
    return " ".join(told)
