"""kill -9 of a process that is submitting: nothing accepted is lost, nothing is said twice. P5."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from ringdove.kit import db
from ringdove.workers.sending import bind as binding
from tests.flows.conftest import Shop, open_shop
from tests.workers.test_binds import (
    Smsc,
    accept,
    eventually,
    operator,
    queue,
    speaking,
    states,
    until,
)

WORKER = """
import asyncio, sys
from pathlib import Path
from ringdove.runtime import open_runtime
from ringdove.settings import Settings
from ringdove.workers.sending import binds
from tests.flows.conftest import NOON

async def work():
    settings = Settings(home=Path(sys.argv[1]), database_url=sys.argv[2])
    async with open_runtime(settings, clock=lambda: NOON) as runtime:
        await binds.run(runtime, asyncio.Event(), 1)

asyncio.run(work())
"""
COUNT = 300


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 150])
def test_killed_while_submitting(
    database_url: str, tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binding, "LEASE_AGAIN_S", 0.1)

    def slowly(smsc: Smsc, link: object, asked: object) -> None:
        asyncio.get_running_loop().call_later(0.03, accept, smsc, link, asked)

    async def story(shop: Shop) -> None:
        async with operator(shop, *[slowly] * (COUNT * 2), window=20) as (smsc, gateway_id):  # type: ignore[list-item]
            wanted = ((f"+37529111{n:04}7", f"No {n}") for n in range(COUNT))
            await queue(shop, *wanted, gateway_id=gateway_id)
            with subprocess.Popen(
                [sys.executable, "-c", WORKER, str(tmp_path), database_url],
                cwd=Path(__file__).parents[2],
            ) as worker:
                try:
                    await eventually(lambda: len(smsc.heard) >= after)
                finally:
                    os.kill(worker.pid, signal.SIGKILL)
            await eventually(lambda: not smsc.links)
            said_before = len(smsc.heard)
            async with db.transaction(shop.runtime.pool) as tx:
                await tx.execute("DELETE FROM lease")  # as fifteen seconds would do
            async with speaking(shop, 1):
                rows = await until(shop, lambda rows: "waiting" not in states(rows))
            assert set(states(rows)) <= {"sent", "unknown"}
            assert "unknown" in states(rows)
            assert said_before < COUNT
            times = Counter(f"+{phone}" for phone in smsc.heard)
            # What was taken ahead and never said: two batches of two windows, and the window. How
            # many of those that were said had their answers settled is a matter of speed.
            unknown = [row["recipient"] for row in rows if row["state"] == "unknown"]
            assert sum(phone not in times for phone in unknown) <= 100
            assert set(times.values()) == {1}
            assert {row["recipient"] for row in rows if row["state"] == "sent"} <= set(times)

    async def whole() -> None:
        async with open_shop(database_url, tmp_path) as shop:
            await story(shop)

    asyncio.run(whole())
