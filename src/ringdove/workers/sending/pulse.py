"""The pulse of a gateway's connection: how fast it speaks now, told to whoever looks at its page.

A hint, not stored: at most once a second while something moves, and once when it stands still. It
is told in a transaction of its own, so that no message waits for it; when it cannot be told nothing
happens. It must never name a person or a text.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

import psycopg

from ringdove.kit import db
from ringdove.runtime import Runtime

EVERY_S: Final = 1.0


class Beat(NamedTuple):
    """What a connection does now: said since it began, waiting for an answer, allowed to wait for
    one, and taken but not said."""

    said: int
    unanswered: int
    window: int
    queued: int


async def run(
    runtime: Runtime, store_id: int, gateway_id: int, bind: int, look: Callable[[], Beat]
) -> None:
    """Tells the pulse until it is cancelled."""
    loop = asyncio.get_running_loop()
    before, before_at, was_quiet = look(), loop.time(), True
    while True:
        await asyncio.sleep(EVERY_S)
        beat, now = look(), loop.time()
        is_quiet = beat.said == before.said and not beat.unanswered and not beat.queued
        if not (is_quiet and was_quiet):
            told = {
                "gateway": gateway_id,
                "bind": bind,
                "per_s": round((beat.said - before.said) / max(now - before_at, 0.001), 1),
                "unanswered": beat.unanswered,
                "window": beat.window,
                "queued": beat.queued,
            }
            with suppress(psycopg.Error):
                async with db.transaction(runtime.pool) as tx:
                    words = json.dumps(told, separators=(",", ":"))
                    await db.notify(tx, "live", f"{store_id} pulse {words}")
        before, before_at, was_quiet = beat, now, is_quiet
