"""Facts put into drawers by person, on disk: a month of a large store is more than memory holds.

Each drawer is read whole, once, and is gone then.
"""

import contextlib
import marshal
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from ringdove.records.automations.past_facts import Past

DRAWERS = 64


class Drawers:
    """`with Drawers(folder) as drawers:` for putting in; then `in_turn`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: list[IO[bytes]] = []

    def __enter__(self) -> "Drawers":
        self._open = [self._of(n).open("wb") for n in range(DRAWERS)]
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._open:
            one.close()

    def put(self, page: Iterable[Past]) -> None:
        """Into the drawers of their people."""
        sorted_in: dict[int, list[Past]] = defaultdict(list)
        for one in page:
            sorted_in[(one.person >> 7) % DRAWERS].append(one)
        for n, some in sorted_in.items():
            rows = [(one.person, one.at.timestamp(), one.id, one.body, one.refs) for one in some]
            marshal.dump(rows, self._open[n])

    def in_turn(self) -> Iterator[list[Past]]:
        """What each holds; emptied when it was read."""
        for n in range(DRAWERS):
            found: list[Past] = []
            with self._of(n).open("rb") as file, contextlib.suppress(EOFError):
                while True:
                    found += [
                        Past(person, datetime.fromtimestamp(at, UTC), row_id, body, refs)
                        for person, at, row_id, body, refs in marshal.load(file)
                    ]
            self._of(n).unlink()
            yield found

    def _of(self, n: int) -> Path:
        return self._folder / f"{n}"
