"""Days that a store keeps in its calendar beside the ready ones (R41)."""

from dataclasses import dataclass
from datetime import date

from ringdove.kit.db import Tx

DATES_MAX = 200

OF_STORE = "SELECT id, name, day, yearly FROM own_date WHERE store_id = %(store_id)s ORDER BY day"
# The row of the store is locked, so that two new days do not take one number.
LOCK_STORE = "SELECT id FROM store WHERE id = %(store_id)s FOR NO KEY UPDATE"
ADD = """
INSERT INTO own_date (store_id, id, name, day, yearly)
SELECT %(store_id)s, coalesce(max(id), 0) + 1, %(name)s, %(day)s, %(yearly)s
FROM own_date WHERE store_id = %(store_id)s
HAVING count(*) < %(most)s
RETURNING id
"""
REMOVE = "DELETE FROM own_date WHERE store_id = %(store_id)s AND id = %(date_id)s RETURNING id"


@dataclass(frozen=True, slots=True)
class OwnDate:
    """A day of the store's own: its birthday, the start of a season."""

    id: int
    name: str
    day: date
    yearly: bool

    def between(self, first: date, last: date) -> list[date]:
        """The days on which it comes from the first to the last, both included. 29 February comes
        on the 28th in other years."""
        if not self.yearly:
            return [self.day] if first <= self.day <= last else []
        years = range(max(first.year, self.day.year), last.year + 1)
        return [day for day in map(self._in, years) if first <= day <= last]

    def _in(self, year: int) -> date:
        try:
            return self.day.replace(year=year)
        except ValueError:
            return date(year, 2, 28)


async def of_store(tx: Tx, store_id: int) -> list[OwnDate]:
    """A store's own days."""
    rows = await (await tx.execute(OF_STORE, {"store_id": store_id})).fetchall()
    return [OwnDate(**row) for row in rows]


async def add(tx: Tx, store_id: int, name: str, day: date, yearly: bool) -> int | None:
    """One more; its number. None: there are too many."""
    await tx.execute(LOCK_STORE, {"store_id": store_id})
    given = {"store_id": store_id, "name": name, "day": day, "yearly": yearly, "most": DATES_MAX}
    row = await (await tx.execute(ADD, given)).fetchone()
    return int(row["id"]) if row else None


async def remove(tx: Tx, store_id: int, date_id: int) -> bool:
    """It is kept no more; False: there is none."""
    given = {"store_id": store_id, "date_id": date_id}
    return await (await tx.execute(REMOVE, given)).fetchone() is not None
