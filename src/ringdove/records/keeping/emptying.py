"""What is taken from the rows of erased people, table by table (P12).

Figures stay: that a text was sent and arrived, that an order was worth 59.90. Who it was does not:
the rows lead to a contact of which nothing is left but its number here. The ledger's rows stay as
the proof of consent; words in them that name the person give way to the digest by which they were
chained. A test fills every table of the schema and then looks for the person in every column, so
that a new table cannot be forgotten: its line belongs here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ringdove.kit import db
from ringdove.kit.db import Tx
from ringdove.rules.scenes import Store

# In one order everywhere. `people`: contacts of this bucket; each statement says how many rows.
EMPTY: dict[str, str] = {}

OF_PEOPLE = """{0}.bucket = %(bucket)s AND {0}.store_id = %(store_id)s
  AND {0}.contact_id = ANY(%(people)s::bigint[])"""

# Under a mark it settles without a word of whom it was for; in the outbox it is not sent.
OUTBOX = EMPTY["queued"] = f"""
WITH gone AS (
  DELETE FROM outbox o WHERE {OF_PEOPLE.format("o")} RETURNING o.message_id
)
UPDATE message m SET state = 'dropped', reason = 'erased', done_at = %(now)s
FROM gone
WHERE m.bucket = %(bucket)s AND m.store_id = %(store_id)s AND m.id = gone.message_id
  AND m.state = 'waiting'
"""
WIRE = EMPTY["packets"] = f"""
DELETE FROM wire w USING message m
WHERE {OF_PEOPLE.format("m")} AND w.bucket = %(bucket)s AND w.store_id = %(store_id)s
  AND w.message_id = m.id
"""
RECEIPTS = EMPTY["receipts"] = f"""
DELETE FROM receipt r USING message m
WHERE {OF_PEOPLE.format("m")} AND r.bucket = %(bucket)s AND r.store_id = %(store_id)s
  AND r.message_id = m.id
"""
# An operator's or a mail server's own words may hold the address: the code before them stays.
MESSAGES = EMPTY["messages"] = f"""
UPDATE message m SET recipient = '', subject = '', body = '',
  reason = coalesce(substring(m.reason from '^[A-Za-z0-9_.]+( [0-9][0-9A-Za-z.]*)*'), ''),
  done_at = CASE m.state WHEN 'unknown' THEN coalesce(m.done_at, %(now)s) ELSE m.done_at END
WHERE {OF_PEOPLE.format("m")} AND (m.recipient <> '' OR m.body <> '' OR m.subject <> '')
"""
INBOUND = EMPTY["texts_from_them"] = f"""
UPDATE inbound i SET sender = '', body = '', value = '' WHERE {OF_PEOPLE.format("i")}
  AND (i.sender <> '' OR i.body <> '' OR i.value <> '')
"""
CONVERSATIONS = EMPTY["conversations"] = f"""
DELETE FROM conversation c WHERE {OF_PEOPLE.format("c")}
"""
NOTES = EMPTY["notes_of_the_talk"] = f"""
DELETE FROM conversation_note n WHERE {OF_PEOPLE.format("n")}
"""
# A score stays counted; what was said, and under which name, does not.
ANSWERS = EMPTY["survey_answers"] = f"""
UPDATE survey_answer a SET comment = '', answers = '{{}}', shown_as = '', shop_reply = '',
  pickup_point = '', may_publish = false, published = '', until = least(a.until, %(now)s)
WHERE {OF_PEOPLE.format("a")} AND (a.comment <> '' OR a.answers <> '{{}}' OR a.shown_as <> ''
  OR a.shop_reply <> '' OR a.pickup_point <> '' OR a.published <> '' OR a.until > %(now)s)
"""
# How many there were of which kind stays.
COMPLAINTS = EMPTY["complaints"] = f"""
UPDATE complaint c SET said = '', note = '', number = '', owner = NULL,
  closed_at = coalesce(c.closed_at, %(now)s), state = 'closed'
WHERE {OF_PEOPLE.format("c")} AND c.number <> ''
"""
COMPLAINT_MOVES = EMPTY["complaint_histories"] = f"""
DELETE FROM complaint_move v WHERE {OF_PEOPLE.format("v")}
"""
# A closed list stays whole, or its draw could not be repeated: a ticket without anybody behind it.
ENTRIES = EMPTY["contest_entries"] = f"""
DELETE FROM contest_entry e WHERE {OF_PEOPLE.format("e")} AND NOT e.listed
"""
LISTED = EMPTY["contest_tickets"] = f"""
UPDATE contest_entry e SET contact_id = NULL, order_id = NULL, word = ''
WHERE {OF_PEOPLE.format("e")} AND e.listed
"""
ENROLLMENTS = EMPTY["automations"] = f"""
UPDATE enrollment e SET subject = 'erased/' || e.id, trigger = '{{}}', memory = '{{}}',
  wake_at = NULL,
  reason = CASE WHEN e.state IN ('running', 'waiting') THEN 'erased' ELSE e.reason END,
  state = CASE WHEN e.state IN ('running', 'waiting') THEN 'stopped' ELSE e.state END
WHERE {OF_PEOPLE.format("e")} AND e.subject <> 'erased/' || e.id
"""
# That there was something to do stays, and whose it was.
TASKS = EMPTY["tasks"] = f"""
UPDATE task t SET said = '', note = '', trouble = '', tell_at = NULL,
  result = CASE WHEN t.done_at IS NULL THEN 'erased' ELSE t.result END,
  done_at = coalesce(t.done_at, %(now)s)
WHERE {OF_PEOPLE.format("t")} AND t.said <> ''
"""
CALLS = EMPTY["calls"] = f"""
UPDATE order_call k SET note = '' WHERE {OF_PEOPLE.format("k")} AND k.note <> ''
"""
LINES = EMPTY["order_lines"] = f"""
UPDATE order_line l SET name = ''
FROM purchase_order o
WHERE {OF_PEOPLE.format("o")} AND l.bucket = %(bucket)s AND l.store_id = %(store_id)s
  AND l.order_id = o.id AND l.name <> ''
"""
ORDERS = EMPTY["orders"] = f"""
UPDATE purchase_order o SET key = 'erased/' || o.id, number = '', payment_url = '', url = '',
  invoice_number = '', invoice_url = ''
WHERE {OF_PEOPLE.format("o")} AND o.key <> 'erased/' || o.id
"""
PARCELS = EMPTY["parcels"] = f"""
UPDATE parcel p SET key = 'erased/' || p.id, number = '', url = '', pickup_point = ''
WHERE {OF_PEOPLE.format("p")} AND p.key <> 'erased/' || p.id
"""
RETURNS = EMPTY["returns"] = f"""
UPDATE order_return r SET key = 'erased/' || r.id
WHERE {OF_PEOPLE.format("r")} AND r.key <> 'erased/' || r.id
"""
CARTS = EMPTY["carts"] = f"""
UPDATE cart c SET key = 'erased/' || c.id, url = '', items = '[]',
  state = CASE c.state WHEN 'open' THEN 'emptied' ELSE c.state END
WHERE {OF_PEOPLE.format("c")} AND c.key <> 'erased/' || c.id
"""
WISHES = EMPTY["wishes"] = f"""
DELETE FROM wish w WHERE {OF_PEOPLE.format("w")}
"""
VISITS = EMPTY["visits"] = f"""
DELETE FROM visit v WHERE {OF_PEOPLE.format("v")}
"""
# That a link of a message was opened stays counted.
CLICKS = EMPTY["clicks"] = f"""
UPDATE link_click c SET device = '' WHERE {OF_PEOPLE.format("c")} AND c.device <> ''
"""
MERGES = EMPTY["merges"] = f"""
DELETE FROM contact_merge g WHERE {OF_PEOPLE.format("g")}
"""
TOUCHES = EMPTY["offers_counted"] = f"""
DELETE FROM touch t WHERE {OF_PEOPLE.format("t")}
"""
CATEGORIES = EMPTY["categories"] = f"""
DELETE FROM contact_category c WHERE {OF_PEOPLE.format("c")}
"""
FIGURES = EMPTY["figures"] = f"""
DELETE FROM contact_figure f WHERE {OF_PEOPLE.format("f")}
"""
MEMBERS = EMPTY["automation_members"] = f"""
DELETE FROM automation_member a WHERE {OF_PEOPLE.format("a")}
"""
SEARCH = EMPTY["search"] = f"""
DELETE FROM contact_search s WHERE {OF_PEOPLE.format("s")}
"""
IMPORTED = EMPTY["import_undo"] = f"""
DELETE FROM people_import_touch t WHERE {OF_PEOPLE.format("t")}
"""
# That something was given stays counted; a code may hold a name.
REWARDS = EMPTY["rewards"] = f"""
UPDATE reward_given g SET code = '', points = 0
WHERE {OF_PEOPLE.format("g")} AND (g.code <> '' OR g.points <> 0)
"""
OFFERS_USED = EMPTY["offers_used"] = f"""
UPDATE offer_use u SET code = '' WHERE {OF_PEOPLE.format("u")} AND u.code <> ''
"""
QUESTIONS = EMPTY["questions"] = f"""
DELETE FROM consent_question q WHERE {OF_PEOPLE.format("q")}
"""
# The same as rules/consent/ledger.redacted, which the trigger of the table proves.
LEDGER = EMPTY["words_in_the_ledger"] = f"""
UPDATE consent_event e
SET words = '(erased) sha256:' || encode(sha256(convert_to(e.words, 'UTF8')), 'hex')
WHERE {OF_PEOPLE.format("e")} AND e.words NOT LIKE '(erased) sha256:%%' AND EXISTS (
  SELECT FROM unnest(%(needles)s::text[]) n
  WHERE strpos(translate(lower(e.words), ' ().+-/', ''), n) > 0)
"""
PEOPLE = EMPTY["people"] = """
UPDATE contact c SET phone = NULL, phone_doubt = NULL, email = NULL, name = '', language = NULL,
  country = NULL, region = NULL, zones = '{}', city = '', sex = '', birthday = NULL,
  children = '{}', fields = '{}', scopes = '{}', paused_until = NULL, seen_at = NULL,
  last_order_at = NULL, origin_note = '', agreed_phones = '{}', rekeyed_at = NULL,
  talking_until = NULL,
  marketing = 'out', service = 'out',
  marketing_at = %(now)s, service_at = %(now)s, erased_at = %(now)s
WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s
  AND c.id = ANY(%(people)s::bigint[]) AND c.erased_at IS NULL
"""


async def empty(
    tx: Tx, store: Store, bucket: int, people: Sequence[int], needles: Sequence[str], now: datetime
) -> dict[str, int]:
    """Empties all that lies with these people in their bucket; by kind, how many rows. Again, it
    finds only what came since."""
    given: Mapping[str, Any] = {
        "bucket": bucket,
        "store_id": store.id,
        "people": db.numbers(people),
        "needles": db.words(list(needles)),
        "now": now,
    }
    return {kind: (await tx.execute(text, given)).rowcount for kind, text in EMPTY.items()}
