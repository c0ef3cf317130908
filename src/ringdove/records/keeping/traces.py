"""What is left of an erased person outside their own rows: facts, operators' ids, the audit (P12).

Facts hold whole orders, with names and numbers, and lie where their subject does. They are looked
through page by page: by the keys that they name, and by number and address in whatever form a shop
wrote them. A fact goes whole: what it changed was changed long ago.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import phonenumbers

from ringdove.kit import db
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

Known = Mapping[str, Sequence[str]]

FACTS_MOST: Final = 10_000  # a statement
DIGITS_MIN: Final = 7  # of a number, to be looked for inside of texts
NAME_MIN: Final = 3
NOTHING: Final = "(?!)"  # a pattern that nothing fits
BETWEEN: Final = "[ ().+/-]{0,3}"
LOOSE: Final = " ().+-/"  # signs that people write into numbers; as translate() takes them out

PAGE = """
WITH page AS MATERIALIZED (
  SELECT f.id, f.heard_at, f.body FROM fact f
  WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.id > %(after)s
  ORDER BY f.id LIMIT %(most)s
)
SELECT count(*) AS n, max(p.id) AS last, array_agg(p.id) FILTER (
  WHERE p.heard_at <= %(asked_at)s AND (
    p.body ->> 'contact' = ANY(%(people)s::text[])
    OR p.body ->> 'order' = ANY(%(orders)s::text[])
    OR p.body #>> '{order,key}' = ANY(%(orders)s::text[])
    OR p.body ->> 'cart' = ANY(%(carts)s::text[])
    OR p.body #>> '{customer,account}' = ANY(%(accounts)s::text[])
    OR p.body #>> '{order,customer,account}' = ANY(%(accounts)s::text[])
    OR p.body::text ~* %(pattern)s
  )
) AS ids FROM page p
"""
FACTS_GONE = """
DELETE FROM fact f
WHERE f.bucket = %(bucket)s AND f.store_id = %(store_id)s AND f.id = ANY(%(ids)s::bigint[])
"""
PENDING_GONE = """
DELETE FROM pending_fact p
WHERE p.bucket = %(bucket)s AND p.store_id = %(store_id)s AND p.fact_id = ANY(%(ids)s::bigint[])
"""
PROVIDER_IDS = """
DELETE FROM provider_ref p
WHERE p.bucket = %(bucket)s AND p.store_id = %(store_id)s
  AND p.message_id = ANY(%(messages)s::bigint[])
"""
SANDBOX = """
DELETE FROM sandbox_text t
WHERE t.bucket = %(bucket)s AND t.store_id = %(store_id)s AND t.phone = ANY(%(phones)s::text[])
"""

# A welcome is given once a number, for ever: its keyed hash stays, whose it was does not.
WELCOMES = """
UPDATE welcome w SET contact_id = 0, asked_at = NULL
WHERE w.bucket = %(bucket)s AND w.store_id = %(store_id)s
  AND w.contact_id = ANY(%(contacts)s::bigint[])
"""
CODES = """
UPDATE promo_code c SET contact_id = NULL, used_order = ''
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s
  AND c.contact_id = ANY(%(contacts)s::bigint[])
"""
REJECTS = """
DELETE FROM people_import_reject r
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s
  AND translate(lower(r.cells::text), ' ().+-/', '') ~ %(named)s
"""
# Nobody can take one person out of a file. What became of its rows is known without it.
FILES = """
DELETE FROM people_import_piece p USING people_import i
WHERE i.bucket = %(bucket)s AND i.store_id = %(store_id)s
  AND i.state IN ('done', 'cancelled', 'undone', 'failed')
  AND p.bucket = i.bucket AND p.store_id = i.store_id AND p.import_id = i.id
"""

ELSEWHERE: Final = {
    "virtual_phone": SANDBOX,
    "welcomes": WELCOMES,
    "codes": CODES,
    "import_rejects": REJECTS,
    "import_files": FILES,
}


async def take(
    tx: Tx, store: Store, bucket: int, people: Sequence[int], known: Known, asked_at: datetime
) -> dict[str, int]:
    """Deletes what one bucket holds of them; by kind, how many rows. What was heard after they were
    erased is not theirs any more, or is forgotten by its own answer."""
    base = {"bucket": bucket, "store_id": store.id}
    given = {
        **base,
        "people": db.words([str(one) for one in people]),
        **{name: db.words(list(known[name])) for name in ("orders", "carts", "accounts")},
        "pattern": _written(known),
        "asked_at": asked_at,
        "most": FACTS_MOST,
    }
    after = facts = 0
    while True:
        page = await (await tx.execute(PAGE, given | {"after": after})).fetchone()
        assert page is not None
        if page["ids"]:
            ids = base | {"ids": db.numbers(page["ids"])}
            await tx.execute(PENDING_GONE, ids)
            facts += (await tx.execute(FACTS_GONE, ids)).rowcount
        if page["n"] < FACTS_MOST:
            break
        after = page["last"]
    elsewhere = base | {
        "phones": db.words(list(known["phones"])),
        "contacts": db.numbers(people),
        "named": _named(known),
    }
    counts = {"facts": facts}
    for kind, statement in ELSEWHERE.items():
        counts[kind] = (await tx.execute(statement, elsewhere)).rowcount
    counts["operators_ids"] = await take_provider_ids(tx, store, bucket, known["messages"])
    return {kind: n for kind, n in counts.items() if n}


async def take_provider_ids(tx: Tx, store: Store, bucket: int, messages: Sequence[str]) -> int:
    """Deletes the operators' ids of these messages."""
    if not messages:
        return 0
    given = {"bucket": bucket, "store_id": store.id, "messages": db.numbers(map(int, messages))}
    return (await tx.execute(PROVIDER_IDS, given)).rowcount


AUDIT = """
UPDATE audit a SET subject = '(erased)', detail = '{}'
WHERE a.store_id = %(store_id)s AND (
  lower(a.subject) = ANY(%(exact)s::text[])
  OR translate(lower(a.subject), ' ().+-/', '') ~ %(pattern)s
  OR translate(lower(a.detail::text), ' ().+-/', '') ~ %(named)s)
"""


async def take_audit(tx: Tx, store: Store, people: Iterable[int], known: Known) -> dict[str, int]:
    """Who did what stays; to whom does not."""
    ids = [str(one) for one in people]
    exact = [*(one.lower() for one in known["names"]), *ids, *known["messages"]]
    given: dict[str, Any] = {
        "store_id": store.id,
        "exact": db.words(exact),
        "pattern": _pattern(needles(known)),
        "named": f"{_named(known)}|{_pattern(ids)}",
    }
    return {"audit": (await tx.execute(AUDIT, given)).rowcount}


def needles(known: Known, with_names: bool = False) -> list[str]:
    """By what a text names them: numbers as people write them at home, addresses, and parts of
    names; all as they are when loose signs are taken out."""
    found = {_loose(one) for one in known.get("emails", ())}
    for phone in known.get("phones", ()):
        digits = _at_home(phone)
        if len(digits) >= DIGITS_MIN:
            found.add(digits)
    if with_names:
        parts = (part for name in known.get("names", ()) for part in name.split())
        found.update(part for one in parts if len(part := _loose(one)) >= NAME_MIN)
    return sorted(one for one in found if one)


def _named(known: Known) -> str:
    names = (_loose(one) for one in known["names"] if len(one) >= NAME_MIN)
    return _pattern([*needles(known), *names])


def _at_home(phone: str) -> str:
    """A number without its country, as it stands within every way to write it."""
    try:
        return str(phonenumbers.parse(phone).national_number)
    except phonenumbers.NumberParseException:
        return "".join(sign for sign in phone if sign.isdigit())


def _loose(text: str) -> str:
    return text.lower().translate({ord(sign): None for sign in LOOSE})


def _written(known: Known) -> str:
    """The same within texts as they are: taking the loose signs out of every fact, and making it
    lower case, cost four times as much as looking past them."""
    digits = (_at_home(phone) for phone in known["phones"])
    numbers = (BETWEEN.join(one) for one in digits if len(one) >= DIGITS_MIN)
    return "|".join([*numbers, *(_escaped(one) for one in known["emails"])]) or NOTHING


def _pattern(some: Sequence[str]) -> str:
    """One expression for all of them."""
    return "|".join(_escaped(one) for one in some if one) or NOTHING


def _escaped(text: str) -> str:
    """Signs with a meaning of their own stand for themselves."""
    return "".join(sign if sign.isalnum() else f"\\{sign}" for sign in text)
