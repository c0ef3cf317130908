"""Taking what is due for one gateway, by whoever holds it: the only way to a wire (P1, P5).

A link to the database may break while a take is committed: whether it was, nobody knows, and what
it took would lie under its mark unsaid for as long as this process lives. So a take has a name of
its own, and the next one in that bucket first puts back what a take of that name has left.
"""

from datetime import datetime

from ringdove.kit import db
from ringdove.records.sending import messages, outbox
from ringdove.records.sending.outbox import Place, Taken
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime


class Taker:
    """`take` for one gateway; whoever calls it says it all, or puts it back."""

    def __init__(self, runtime: Runtime, store: Store, gateway_id: int) -> None:
        self._runtime = runtime
        self._store = store
        self._gateway_id = gateway_id
        self._in_doubt: dict[int, int] = {}  # by bucket, the mark of a take that nobody confirmed

    async def take(
        self, bucket: int, owner: str, most: int, *, bind: int = 0, after: Place | None = None
    ) -> tuple[list[Taken], Place | None]:
        """What is due, and from where to go on. Raises psycopg.Error while the database is away."""
        now: datetime = self._runtime.clock()
        mark = self._in_doubt.get(bucket) or outbox.new_mark()
        store, gateway_id = self._store, self._gateway_id

        async def work(tx: db.Tx) -> tuple[list[Taken], Place | None]:
            if bucket in self._in_doubt:
                await messages.untake(tx, store, bucket, gateway_id, mark, now)
            self._in_doubt[bucket] = mark
            return await outbox.take_on(
                tx, store, bucket, gateway_id, now, owner, most, bind=bind, after=after, mark=mark
            )

        found = await db.retried(self._runtime.pool, work)
        del self._in_doubt[bucket]
        return found
