"""All that is kept of one person, by kind: what they may ask for, and what an erasure will take.

Every table that names a contact is either here or in LEFT_OUT with its reason; a test walks the
schema. Rows come as the database has them, without what only leads from one table to another.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

ROWS_MOST: Final = 100_000  # of a kind
LEFT_OUT: Final[Mapping[str, str]] = {
    "contact_ref": "their numbers, accounts and orders once more, as keys",
    "contact_search": "their name, number and orders once more, for searching",
    "outbox": "which of the messages still wait; the messages themselves are in it",
    "suppression": "a hash of the number; what was refused stands in their consents",
    "welcome": "a hash of the number; what was given stands among the rewards",
    "promo_code": "the same codes as among the rewards and in the messages",
    "people_import_touch": "how to undo an import; what it brought stands with the person",
    "erasure": "there is one only when nothing is left to be told",
}

OF_PEOPLE = """t.bucket = %(bucket)s AND t.store_id = %(store_id)s
  AND t.contact_id = ANY(%(people)s::bigint[])"""
ROW = "to_jsonb(t) - ARRAY['bucket', 'store_id', 'trigger', 'guard', 'enrollment_id', 'also']"

PERSON = f"""
SELECT {ROW} AS row FROM contact t
WHERE t.bucket = %(bucket)s AND t.store_id = %(store_id)s AND t.id = ANY(%(people)s::bigint[])
"""
CONSENTS = f"""
SELECT {ROW} AS row FROM consent_event t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s
"""
QUESTIONS = f"""
SELECT {ROW} AS row FROM consent_question t WHERE {OF_PEOPLE} LIMIT %(most)s
"""
ORDERS = f"""
SELECT {ROW} || jsonb_build_object('lines', (
  SELECT coalesce(jsonb_agg(jsonb_build_object('name', l.name, 'sku', l.sku, 'quantity', l.quantity,
    'price', l.price, 'category', l.category) ORDER BY l.line), '[]')
  FROM order_line l
  WHERE l.bucket = t.bucket AND l.store_id = t.store_id AND l.order_id = t.id)) AS row
FROM purchase_order t WHERE {OF_PEOPLE} ORDER BY t.placed_at LIMIT %(most)s
"""
PARCELS = f"SELECT {ROW} AS row FROM parcel t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s"
RETURNS = f"SELECT {ROW} AS row FROM order_return t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s"
CARTS = f"SELECT {ROW} AS row FROM cart t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s"
VISITS = f"SELECT {ROW} AS row FROM visit t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s"
WISHES = f"SELECT {ROW} AS row FROM wish t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s"
MESSAGES = f"SELECT {ROW} AS row FROM message t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s"
INBOUND = f"SELECT {ROW} AS row FROM inbound t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s"
CONVERSATIONS = f"SELECT {ROW} AS row FROM conversation t WHERE {OF_PEOPLE} LIMIT %(most)s"
NOTES = f"""
SELECT {ROW} AS row FROM conversation_note t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s
"""
ANSWERS = f"SELECT {ROW} AS row FROM survey_answer t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s"
COMPLAINTS = f"SELECT {ROW} AS row FROM complaint t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s"
COMPLAINT_MOVES = f"""
SELECT {ROW} AS row FROM complaint_move t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s
"""
ENTRIES = f"SELECT {ROW} AS row FROM contest_entry t WHERE {OF_PEOPLE} ORDER BY t.at LIMIT %(most)s"
CLICKS = f"SELECT {ROW} AS row FROM link_click t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s"
RUNS = f"SELECT {ROW} AS row FROM enrollment t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s"
TASKS = f"SELECT {ROW} AS row FROM task t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s"
CALLS = f"SELECT {ROW} AS row FROM order_call t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s"
REWARDS = f"SELECT {ROW} AS row FROM reward_given t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s"
OFFERS_USED = f"SELECT {ROW} AS row FROM offer_use t WHERE {OF_PEOPLE} ORDER BY t.at LIMIT %(most)s"
MERGES = f"SELECT {ROW} AS row FROM contact_merge t WHERE {OF_PEOPLE} ORDER BY t.id LIMIT %(most)s"
OFFERS = f"SELECT {ROW} AS row FROM touch t WHERE {OF_PEOPLE} ORDER BY t.at LIMIT %(most)s"
CATEGORIES = f"SELECT {ROW} AS row FROM contact_category t WHERE {OF_PEOPLE} LIMIT %(most)s"
MEMBERS = f"SELECT {ROW} AS row FROM automation_member t WHERE {OF_PEOPLE} LIMIT %(most)s"
FIGURES = f"""
SELECT {ROW} || jsonb_build_object('hours', (
  SELECT coalesce(jsonb_agg(get_byte(t.hours, n) ORDER BY n), '[]')
  FROM generate_series(0, length(t.hours) - 1) n)) AS row
FROM contact_figure t WHERE {OF_PEOPLE} LIMIT %(most)s
"""

KINDS: Final[Mapping[str, tuple[str, str]]] = {  # by kind: the table, and how to ask it
    "person": ("contact", PERSON),
    "consents": ("consent_event", CONSENTS),
    "questions": ("consent_question", QUESTIONS),
    "orders": ("purchase_order", ORDERS),
    "parcels": ("parcel", PARCELS),
    "returns": ("order_return", RETURNS),
    "carts": ("cart", CARTS),
    "visits": ("visit", VISITS),
    "wishes": ("wish", WISHES),
    "messages": ("message", MESSAGES),
    "texts_from_them": ("inbound", INBOUND),
    "conversations": ("conversation", CONVERSATIONS),
    "notes_of_the_talk": ("conversation_note", NOTES),
    "survey_answers": ("survey_answer", ANSWERS),
    "complaints": ("complaint", COMPLAINTS),
    "complaint_histories": ("complaint_move", COMPLAINT_MOVES),
    "contest_entries": ("contest_entry", ENTRIES),
    "clicks": ("link_click", CLICKS),
    "automations": ("enrollment", RUNS),
    "tasks": ("task", TASKS),
    "calls": ("order_call", CALLS),
    "rewards": ("reward_given", REWARDS),
    "offers": ("touch", OFFERS),
    "categories": ("contact_category", CATEGORIES),
    "figures": ("contact_figure", FIGURES),
    "automation_members": ("automation_member", MEMBERS),
    "offers_used": ("offer_use", OFFERS_USED),
    "merges": ("contact_merge", MERGES),
}

WHO = """
SELECT c.id, c.merged_into, c.also, c.erased_at FROM contact c
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s AND c.id = %(contact_id)s
"""

Rows = list[dict[str, Any]]


async def group(tx: Tx, store: Store, contact_id: int) -> list[int]:
    """The person with all who were merged into them, the main one first; []: nobody, or erased."""
    row = await _who(tx, store, contact_id)
    if row and row["merged_into"]:
        row = await _who(tx, store, row["merged_into"])
    if row is None or row["erased_at"]:
        return []
    return [row["id"], *row["also"]]


async def _who(tx: Tx, store: Store, contact_id: int) -> Mapping[str, Any] | None:
    given = {"bucket": bucket_of_id(contact_id), "store_id": store.id, "contact_id": contact_id}
    found: Mapping[str, Any] | None = await (await tx.execute(WHO, given)).fetchone()
    return found


async def collect(tx: Tx, store: Store, people: Sequence[int]) -> dict[str, Rows]:
    """All that is kept of these, who are one person; kinds without rows are empty lists."""
    by_bucket: dict[int, list[int]] = defaultdict(list)
    for one in people:
        by_bucket[bucket_of_id(one)].append(one)
    found: dict[str, Rows] = {kind: [] for kind in KINDS}
    for bucket in sorted(by_bucket):
        given = {
            "bucket": bucket, "store_id": store.id, "people": db.numbers(by_bucket[bucket]),
            "most": ROWS_MOST,
        }  # fmt: skip
        for kind, (_, statement) in KINDS.items():
            rows = await (await tx.execute(statement, given)).fetchall()
            found[kind] += [row["row"] for row in rows]
    return found
