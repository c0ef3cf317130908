"""What `ringdove doctor` and the status page ask of the database. Reads only."""

from dataclasses import dataclass, field
from datetime import datetime

from ringdove.kit.db import Tx

SERVER = """
SELECT current_setting('server_version_num')::integer AS version_num,
       current_setting('server_version') AS version,
       current_setting('server_encoding') AS encoding,
       current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on' AS is_safe,
       clock_timestamp() AS clock
"""


@dataclass(frozen=True, slots=True)
class Server:
    """The PostgreSQL that we talk to."""

    version_num: int
    version: str
    encoding: str
    is_safe: bool  # what it acknowledged survives a power cut
    clock: datetime


async def server(tx: Tx) -> Server:
    """Version, encoding, safety and clock of the server."""
    row = await (await tx.execute(SERVER)).fetchone()
    assert row is not None
    return Server(**row)


STORES = "SELECT count(*) AS n FROM store"


async def stores(tx: Tx) -> int:
    """How many stores there are."""
    row = await (await tx.execute(STORES)).fetchone()
    assert row is not None
    return int(row["n"])


@dataclass(frozen=True, slots=True)
class Edge:
    """A gateway or a shop connection of any store, as far as its health goes."""

    store: str
    kind: str
    name: str
    secrets: bytes = field(repr=False)
    paused_at: datetime | None
    state: str | None
    detail: str | None
    at: datetime | None


GATEWAYS = """
SELECT s.name AS store, g.kind, g.name, g.secrets, g.paused_at, t.state, t.detail,
       t.changed_at AS at
  FROM gateway g
  JOIN store s ON s.id = g.store_id
  LEFT JOIN gateway_state t ON t.gateway_id = g.id
 WHERE g.removed_at IS NULL
 ORDER BY g.store_id, g.rank, g.id
"""


async def gateways(tx: Tx) -> list[Edge]:
    """Every gateway in use with what its bind last said."""
    return [Edge(**row) for row in await (await tx.execute(GATEWAYS)).fetchall()]


CONNECTIONS = """
SELECT s.name AS store, c.kind, c.name, c.secrets, c.paused_at,
       CASE WHEN y.connection_id IS NULL THEN NULL
            WHEN y.error = '' THEN 'reached' ELSE 'failing' END AS state,
       y.error AS detail, y.checked_at AS at
  FROM connection c
  JOIN store s ON s.id = c.store_id
  LEFT JOIN sync_cursor y ON y.connection_id = c.id
 WHERE c.removed_at IS NULL
 ORDER BY c.store_id, c.id
"""


async def connections(tx: Tx) -> list[Edge]:
    """Every shop connection in use with how the last catch-up went."""
    return [Edge(**row) for row in await (await tx.execute(CONNECTIONS)).fetchall()]


# Over all buckets and stores on purpose: is anybody answering at all?
UNANSWERED = """
SELECT count(*) AS n FROM pending_fact
WHERE parked_at IS NULL AND waits_for IS NULL AND attempts = 0 AND due_at < %(before)s
"""


async def unanswered(tx: Tx, before: datetime) -> int:
    """How many facts were due before then and have not been looked at."""
    row = await (await tx.execute(UNANSWERED, {"before": before})).fetchone()
    assert row is not None
    return int(row["n"])
