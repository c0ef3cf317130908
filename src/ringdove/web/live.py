"""Tells open pages that there is news: one stream a page, one database listener a process.

News are hints: "store 7 has news about messages". The page fetches what it shows again, through
its own route with its own rights; nothing of a customer travels here. Streams are counted and
end at shutdown, so that they never hold the server.

Channel `live`, payload "<store id>" for everything or "<store id> <topic>". A pulse of a gateway
("<store id> pulse {…}", workers/sending/pulse.py) is passed on as an event of its own: figures
only.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from ringdove.kit.db import Bell
from ringdove.web.views import ViewerPage

router = APIRouter(prefix="/stores/{store_id}", include_in_schema=False)

CHANNEL = "live"
EVERYTHING = "*"
PULSE = "pulse "
STREAMS_MAX = 500
PING_S = 20.0
BELL_S = 60.0


class Streams:
    """The open pages of this process, by store."""

    def __init__(self) -> None:
        self._open: defaultdict[int, set[asyncio.Queue[str | None]]] = defaultdict(set)
        self._is_closing = False

    @property
    def count(self) -> int:
        return sum(map(len, self._open.values()))

    def tell(self, store_id: int, topic: str) -> None:
        """News for the pages of one store; a page that lags gets them folded into everything."""
        for queue in self._open.get(store_id, ()):
            if queue.qsize() < 8:
                queue.put_nowait(topic)
            elif topic.startswith(PULSE):
                continue  # the next one comes within a second
            elif queue.qsize() == 8:
                queue.put_nowait(EVERYTHING)

    def close(self) -> None:
        """Ends every stream, so that the server can stop."""
        self._is_closing = True
        for queues in self._open.values():
            for queue in queues:
                queue.put_nowait(None)

    @asynccontextmanager
    async def opened(self, store_id: int) -> AsyncIterator[asyncio.Queue[str | None]]:
        """A page's place, given back when it leaves."""
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._open[store_id].add(queue)
        if self._is_closing:
            queue.put_nowait(None)
        try:
            yield queue
        finally:
            self._open[store_id].discard(queue)
            if not self._open[store_id]:
                del self._open[store_id]


async def hear(url: str, streams: Streams) -> None:
    """Passes the database's bell on to the streams, until it is cancelled."""
    async with Bell(url, [CHANNEL]) as bell:
        while True:
            for channel, payload in await bell.wait(BELL_S):
                store_id, _, topic = payload.partition(" ")
                if channel == CHANNEL and store_id.isdigit():
                    streams.tell(int(store_id), topic or EVERYTHING)


async def _lines(streams: Streams, store_id: int) -> AsyncIterator[str]:
    async with streams.opened(store_id) as queue:
        yield "retry: 3000\n\n"
        while True:
            topic: str | None = ""
            with suppress(TimeoutError):
                topic = await asyncio.wait_for(queue.get(), PING_S)
            if topic is None:
                return
            if topic.startswith(PULSE):
                yield f"event: pulse\ndata: {topic.removeprefix(PULSE)}\n\n"
            else:
                yield f"event: news\ndata: {topic}\n\n" if topic else ": still here\n\n"


@router.get("/live")
async def listen(page: ViewerPage) -> Response:
    """An event stream of this store's news."""
    streams: Streams = page.request.app.state.streams
    if streams.count >= STREAMS_MAX:
        raise HTTPException(503)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    lines = _lines(streams, page.store.id)
    return StreamingResponse(lines, media_type="text/event-stream", headers=headers)
