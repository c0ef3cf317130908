"""Facts that are answered while their sender waits: a page that says "stopped" must be true.

The same as workers/react.py does with a batch, in one transaction and without a queue: what the
fact ends is taken back before the page answers, however busy the workers are (P1).
"""

from collections.abc import Sequence
from datetime import timedelta

from psycopg.errors import UniqueViolation

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records import scenes, wants
from ringdove.rules import answers
from ringdove.rules.facts import Fact
from ringdove.rules.scenes import Scene, Store
from ringdove.runtime import Runtime


async def answer_now(runtime: Runtime, store: Store, told: Sequence[Fact]) -> None:
    """Writes these facts and all that follows from them; what was known already changes nothing."""

    async def work(tx: db.Tx) -> None:
        now = runtime.clock()
        down_before = now - timedelta(seconds=runtime.settings.reroute_after_s)
        loaded = await scenes.load(
            tx,
            store,
            told,
            runtime.ids,
            runtime.keyed,
            down_before,
            address=runtime.settings.outside_url,
            link_key=runtime.link_key,
        )
        new = [one for one in told if await fact_records.keep(tx, store, one, now, runtime.ids)]

        def answer(scene: Scene) -> None:
            for fact in new:
                answers.answer(scene, fact, now)

        scene, _ = await wants.decided(tx, loaded, answer, now, runtime.ids)
        await scenes.commit(tx, scene, now, runtime.ids)

    await db.retried(runtime.pool, work, also=(UniqueViolation,))
