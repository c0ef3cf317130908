"""Who opens a link while nobody looks any up is looked up all the same (N5)."""

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from ringdove.web.links import link_book
from ringdove.web.links.link_book import LinkBook


class Book(LinkBook):
    """Knows nothing, and fails once where it is told to."""

    fails = False

    async def _answer(self, link: Any, batch: Any) -> None:
        await asyncio.sleep(0.02)
        if self.fails:
            self.fails = False
            raise ValueError("this one only")
        for waiting in batch.values():
            for one in waiting:
                one.set_result(None)


@asynccontextmanager
async def slow_to_go() -> Any:
    async def set_autocommit(_: bool) -> None:
        await asyncio.sleep(0)

    yield SimpleNamespace(set_autocommit=set_autocommit, closed=False)
    await asyncio.sleep(0.1)  # the connection goes back to its pool


def test_nobody_waits_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_book, "CONNECTION_KEPT_S", 0.01)

    async def story() -> None:
        runtime: Any = SimpleNamespace(link_key=b"k", pool=SimpleNamespace(connection=slow_to_go))
        book = Book(runtime)
        await book._opened("a")
        await asyncio.sleep(0.06)  # the look-up is over, its connection on the way back
        assert await asyncio.wait_for(book._opened("b"), 1) is None
        await asyncio.sleep(0.2)
        monkeypatch.setattr(link_book, "LOOK_UPS_MAX", 1)
        book.fails = True
        first = asyncio.create_task(book._opened("c"))
        await asyncio.sleep(0.01)
        assert await asyncio.wait_for(book._opened("d"), 1) is None  # c fails, d came meanwhile
        with pytest.raises(ValueError, match="only"):
            await first

    asyncio.run(story())
