"""Forms that subscribe, and the keywords that lead to them: small tables, rarely written."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ringdove.kit.db import Tx
from ringdove.records.shelves import Shelf
from ringdove.rules.consent import ways_in
from ringdove.rules.consent.ways_in import Form, Keyword

KEYWORDS_MAX = 500

SHELF = Shelf(
    "sign_up_form", "id, token, name, settings, published_at, retired_at", ways_in.form_of
)
of_store, find, by_token, retire = SHELF.of_store, SHELF.find, SHELF.by_token, SHELF.retire

GIVES = """
SELECT FROM sign_up_form
WHERE store_id = %(store_id)s AND settings ->> 'reward' = %(reward_id)s::text LIMIT 1
"""


async def gives(tx: Tx, store_id: int, reward_id: int) -> bool:
    """Whether any form gives this reward, or did once."""
    given = {"store_id": store_id, "reward_id": str(reward_id)}
    return (await tx.execute(GIVES, given)).rowcount > 0


CREATE = """
INSERT INTO sign_up_form (store_id, id, token, name, settings, created_at, changed_at)
SELECT %(store_id)s, coalesce(max(id), 0) + 1, %(token)s, %(name)s, %(settings)s, %(now)s, %(now)s
FROM sign_up_form WHERE store_id = %(store_id)s
RETURNING id
"""
CHANGE = """
UPDATE sign_up_form SET name = %(name)s, settings = %(settings)s, changed_at = %(now)s
WHERE store_id = %(store_id)s AND id = %(form_id)s
"""
PUBLISH = """
UPDATE sign_up_form SET published_at = coalesce(published_at, %(now)s), retired_at = NULL
WHERE store_id = %(store_id)s AND id = %(form_id)s
"""


async def create(tx: Tx, store_id: int, form: Form, now: datetime) -> int:
    """A new form, not published yet; its number."""
    return await SHELF.create(tx, CREATE, _given(store_id, form, now))


async def change(tx: Tx, store_id: int, form: Form, now: datetime) -> None:
    """Its words and settings; who signed before keeps the words that they were shown."""
    await tx.execute(CHANGE, _given(store_id, form, now))


def _given(store_id: int, form: Form, now: datetime) -> dict[str, Any]:
    return {
        "store_id": store_id, "form_id": form.id, "token": form.token, "name": form.name,
        "settings": Jsonb(ways_in.settings_of(form)), "now": now,
    }  # fmt: skip


async def publish(tx: Tx, store_id: int, form_id: int, now: datetime) -> None:
    """From now on people can sign up by it."""
    await tx.execute(PUBLISH, {"store_id": store_id, "form_id": form_id, "now": now})


# ------------------------------------------------------------------ keywords


@dataclass(frozen=True, slots=True)
class Poster:
    """A keyword with what stands on its poster."""

    word: str
    keyword: Keyword
    offer: str


KEYWORDS = f"""
SELECT word, shown, form_id, language, offer FROM keyword WHERE store_id = %(store_id)s
ORDER BY created_at, word LIMIT {KEYWORDS_MAX}
"""
PUT_KEYWORD = """
INSERT INTO keyword (store_id, word, shown, form_id, language, offer, created_at)
SELECT %(store_id)s, %(word)s, %(shown)s, %(form_id)s, %(language)s, %(offer)s, %(now)s
ON CONFLICT (store_id, word) DO NOTHING
"""
END_KEYWORD = "DELETE FROM keyword WHERE store_id = %(store_id)s AND word = %(word)s"


async def posters(tx: Tx, store_id: int) -> list[Poster]:
    """A store's keywords, the oldest first."""
    rows = await (await tx.execute(KEYWORDS, {"store_id": store_id})).fetchall()
    return [Poster(row["word"], _keyword(row), row["offer"]) for row in rows]


async def keywords(tx: Tx, store_id: int) -> dict[str, Keyword]:
    """The same by their folded words, as rules ask for them."""
    return {poster.word: poster.keyword for poster in await posters(tx, store_id)}


def _keyword(row: Mapping[str, Any]) -> Keyword:
    return Keyword(row["form_id"], row["shown"], row["language"])


async def add_keyword(tx: Tx, store_id: int, keyword: Keyword, offer: str, now: datetime) -> bool:
    """False: the store has this word already."""
    cursor = await tx.execute(
        PUT_KEYWORD,
        {
            "store_id": store_id, "word": ways_in.fold(keyword.shown), "shown": keyword.shown,
            "form_id": keyword.form_id, "language": keyword.language, "offer": offer, "now": now,
        },
    )  # fmt: skip
    return cursor.rowcount > 0


async def end_keyword(tx: Tx, store_id: int, word: str) -> bool:
    """The word means nothing any more; False: there was none."""
    cursor = await tx.execute(END_KEYWORD, {"store_id": store_id, "word": word})
    return cursor.rowcount > 0


# ------------------------------------------------------------------ how many came

# Every name is asked at once: a store has some hundreds of them, each one row a bucket.
COUNTS = """
SELECT c.name, sum(c.n)::bigint AS n FROM way_count c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s GROUP BY c.name
"""
COUNT = """
INSERT INTO way_count AS c (bucket, store_id, name, n)
SELECT %(bucket)s, %(store_id)s, r.name, r.n
FROM jsonb_to_recordset(%(rows)s) AS r(name text, n bigint)
ORDER BY r.name
ON CONFLICT (bucket, store_id, name) DO UPDATE SET n = c.n + EXCLUDED.n
"""


async def counts(tx: Tx, store_id: int, buckets: list[int]) -> dict[str, int]:
    """How many were seen, signed, confirmed, given and used, by name."""
    given = {"buckets": buckets, "store_id": store_id}
    rows = await (await tx.execute(COUNTS, given)).fetchall()
    return {row["name"]: row["n"] for row in rows}


async def count(tx: Tx, store_id: int, bucket: int, news: Mapping[str, int]) -> None:
    """Adds to them."""
    rows = [{"name": name, "n": n} for name, n in news.items() if n]
    if rows:
        given = {"bucket": bucket, "store_id": store_id, "rows": Jsonb(rows)}
        await tx.execute(COUNT, given)
