"""N5, issue 5: clicks are never lost by a crash beyond the last 200 ms. A real `ringdove serve` is
killed while phones open links; what it leaves is counted."""

import asyncio
import http.client
import os
import signal
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime

import pytest

from ringdove.bench.latency import free_port
from ringdove.kit import db
from ringdove.kit.children import Child
from ringdove.records import bulk
from ringdove.records.campaigns import campaigns
from ringdove.records.store import stores
from ringdove.rules.campaigns.campaigns import Link, Plan
from ringdove.rules.links import links
from tests.flows.conftest import Shop
from tests.web.linked import PHONE

pytestmark = pytest.mark.slow

LOST_S_MAX = 0.2
OPENED_EVERY_S = 0.005
MESSAGES = 400
COLUMNS = (
    "bucket store_id id contact_id channel class topic cause gateway_id recipient body not_before"
    " not_after created_at why state campaign_id"
).split()


async def filled(shop: Shop) -> list[str]:
    """The paths of links that have gone to people."""
    bucket = stores.buckets(shop.store)[0]
    ids = shop.runtime.ids.make_many(bucket, MESSAGES)
    now = datetime.now(UTC)
    async with db.transaction(shop.runtime.pool) as tx:
        plan = Plan(links=(Link(url="https://linden.example/"),))
        campaign = await campaigns.create(tx, shop.store.id, "Sale", plan, None, now)
        rows = [
            (bucket, shop.store.id, one, one, "sms", "marketing", "offers", "campaign", 1,
             "+375291112233", "Sale", now, now, now, "campaign", "sent", campaign) for one in ids
        ]  # fmt: skip
        await bulk.copy(tx, "message", COLUMNS, rows)
    return [f"/l/{one}" for one in links.tokens(shop.store.id, ids, 0, shop.runtime.link_key)]


def open_until_killed(port: int, paths: list[str], pid: int) -> list[float]:
    """Opens links one after another and kills the server after half of them, between two clicks;
    when each was answered, and last when it was killed."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    answered = []
    for path in paths[: MESSAGES // 2]:
        link.request("GET", path, headers=PHONE)
        response = link.getresponse()
        response.read()
        assert response.status == 302
        answered.append(time.monotonic())
        time.sleep(OPENED_EVERY_S)
    os.kill(pid, signal.SIGKILL)
    link.close()
    return [*answered, time.monotonic()]


def test_a_kill_loses_the_clicks_of_its_last_moment_at_most(play) -> None:
    """N5, P5. And the next start tells the facts of what was clicked just before."""

    async def story(shop: Shop) -> None:
        paths = await filled(shop)
        settings, port = shop.runtime.settings, free_port()
        environ = {
            "RINGDOVE_HOME": str(settings.home), "RINGDOVE_DATABASE_URL": settings.database_url,
            "RINGDOVE_LISTEN_PORT": str(port), "RINGDOVE_LOG_LEVEL": "warning",
        }  # fmt: skip
        with tempfile.TemporaryFile() as log:
            child = Child("serve", environ, log)
            await asyncio.to_thread(_ready, port)
            times = await asyncio.to_thread(open_until_killed, port, paths, child.pid)
            while child.ended is None:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(child.end)  # what is left of it here
            killed = times.pop()
            due = sum(killed - at > LOST_S_MAX for at in times)
            (row,) = await shop.rows("SELECT count(*) AS n FROM link_click WHERE kind = 'person'")
            assert due <= row["n"] <= len(times), (due, row["n"], len(times))
            again = Child("serve", environ, log)
            try:
                await asyncio.to_thread(_ready, port)
                end = time.monotonic() + 10
                while time.monotonic() < end:
                    (told,) = await shop.rows(
                        "SELECT count(*) AS n FROM fact WHERE kind = 'link.opened'"
                    )
                    if told["n"] == row["n"]:
                        break
                    await asyncio.sleep(0.1)
                assert told["n"] == row["n"]
            finally:
                again.let_go()
                await asyncio.to_thread(again.end)

    play(story)


def _ready(port: int) -> None:
    end = time.monotonic() + 25
    while time.monotonic() < end:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as link:
                link.request("GET", "/l/-")
                link.getresponse().read()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("`ringdove serve` did not become ready")
