"""Which text claims which order, asked of the rows as they are: nothing of it is ever stored.

The rule is rules/reports/revenue.py:claim, and the statements here are the same for everybody at
once; a property test holds them equal. People who were merged have rows under several names and in
several buckets: theirs are few, and are asked of the rule itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, buckets_of_store, id_floor
from ringdove.kit.db import Tx
from ringdove.rules.reports import revenue
from ringdove.rules.scenes import Store

Row = Mapping[str, Any]

# Ids are made when something is heard of: an order at most so long before its own time (clocks
# differ), a text at most so long before it is sent (it waits for its hour).
HEARD_EARLY = timedelta(days=1)
WAITED = timedelta(days=60)

SALE = """o.bucket, o.id AS order_id, o.contact_id, o.key, o.number, o.placed_at, o.state,
  o.currency, greatest(o.total - coalesce(b.amount, 0), 0) AS amount"""
# Goods that came back are mostly paid back too, under another key: the larger of both is taken off.
BACK = """greatest(sum(r.amount) FILTER (WHERE r.state = 'refunded'),
    sum(r.amount) FILTER (WHERE r.kind = 'return'))"""
REFUNDED = f"""(
  SELECT r.bucket, r.order_id, {BACK} AS amount FROM order_return r
  WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s AND r.id >= %(first_order)s
    AND r.state IN ('refunded', 'accepted') GROUP BY r.bucket, r.order_id)"""
# What was paid back piece by piece until nothing was left is returned too.
COUNTED = """o.state NOT IN ('cancelled', 'returned', 'removed')
    AND NOT coalesce(b.amount >= o.total AND o.total > 0, false)"""
BOUGHT = f"""(
  SELECT {SALE} FROM purchase_order o
  LEFT JOIN b ON b.bucket = o.bucket AND b.order_id = o.id
  WHERE o.bucket = ANY(%(buckets)s) AND o.store_id = %(store_id)s AND o.id >= %(first_order)s
    AND o.placed_at >= %(since)s AND o.placed_at < %(until)s AND {COUNTED}
    AND o.contact_id <> ALL(%(merged)s::bigint[]))"""

# A text of the order's person, sent in time.
MAY = """m.bucket = o.bucket AND m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s
      AND m.contact_id = o.contact_id AND m.id >= %(first_text)s AND m.class = 'marketing'
      AND coalesce(m.sent_at, m.created_at) <= o.placed_at
      AND coalesce(m.sent_at, m.created_at) >= o.placed_at - make_interval(days => %(days)s)"""
CLAIM = "m.id AS message_id, m.campaign_id, m.variant, m.recipe, m.channel"
BY_CLICK = f"""(
    SELECT {CLAIM}, w.why, w.at AS claimed_at FROM message m
    LEFT JOIN campaign k ON k.store_id = m.store_id AND k.id = m.campaign_id
    CROSS JOIN LATERAL (
      SELECT 'click' AS why, max(l.at) AS at FROM link_click l
      WHERE l.bucket = m.bucket AND l.store_id = %(store_id)s AND l.message_id = m.id
        AND l.kind = 'person' AND l.at <= o.placed_at AND m.state NOT IN ('waiting', 'dropped')
      HAVING count(*) > 0
      UNION ALL
      SELECT 'code', o.placed_at FROM offer_use u
      WHERE u.bucket = o.bucket AND u.store_id = %(store_id)s AND u.order_id = o.order_id
        AND u.reward_id = (k.plan ->> 'offer')::integer AND u.freed_at IS NULL
        AND m.state IN ('sent', 'delivered')
    ) w
    WHERE {MAY}
    ORDER BY w.at DESC, coalesce(m.sent_at, m.created_at) DESC, m.id DESC, w.why DESC LIMIT 1)"""
BY_TEXT = f"""(
    SELECT {CLAIM}, 'text' AS why, coalesce(m.sent_at, m.created_at) AS claimed_at
    FROM message m
    WHERE {MAY} AND m.state IN ('sent', 'delivered')
    ORDER BY claimed_at DESC, m.id DESC LIMIT 1)"""


SOLD = f"b AS MATERIALIZED {REFUNDED}, o AS MATERIALIZED {BOUGHT}"
CLAIMED_BY_CLICK = f"""
WITH {SOLD} SELECT o.*, e.* FROM o CROSS JOIN LATERAL {BY_CLICK} e
"""
CLAIMED_BY_TEXT = f"""
WITH {SOLD} SELECT o.*, e.* FROM o CROSS JOIN LATERAL {BY_TEXT} e
"""

# What the campaign had for them is their own text: of two (by both channels) the one that was not
# left out by the decision, and then the first.
OWN = """(
    SELECT m.id AS own_id, m.variant AS own_variant, m.state AS own_state, m.reason AS own_reason,
      m.done_at AS own_done_at, m.created_at AS own_created_at, m.channel AS own_channel,
      m.language AS own_language, m.network AS own_network, m.sent_at AS own_sent_at
    FROM message m
    WHERE m.bucket = o.bucket AND m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s
      AND m.contact_id = o.contact_id AND m.id >= %(first)s AND m.id <= %(last)s
      AND m.campaign_id = %(campaign_id)s
    ORDER BY m.state = 'dropped' AND m.reason <> 'holdout' AND m.done_at <= m.created_at, m.id
    LIMIT 1)"""


CAMPAIGN_BY_CLICK = f"""
WITH {SOLD} SELECT o.*, own.*, e.* FROM o
CROSS JOIN LATERAL {OWN} own LEFT JOIN LATERAL {BY_CLICK} e ON true
"""
CAMPAIGN_BY_TEXT = f"""
WITH {SOLD} SELECT o.*, own.*, e.* FROM o
CROSS JOIN LATERAL {OWN} own LEFT JOIN LATERAL {BY_TEXT} e ON true
"""
SUMMED = """date_trunc('month', o.placed_at AT TIME ZONE %(zone)s)::date AS month,
  coalesce(e.campaign_id, 0) AS campaign_id, e.recipe, e.channel, o.currency,
  count(*)::integer AS orders, sum(o.amount) AS amount"""
SUMS_BY_CLICK = f"""
WITH {SOLD} SELECT {SUMMED} FROM o CROSS JOIN LATERAL {BY_CLICK} e GROUP BY 1, 2, 3, 4, 5
"""
SUMS_BY_TEXT = f"""
WITH {SOLD} SELECT {SUMMED} FROM o CROSS JOIN LATERAL {BY_TEXT} e GROUP BY 1, 2, 3, 4, 5
"""


RECIPE = "e.recipe = %(recipe)s AND e.campaign_id IS NULL"
RECIPE_BY_CLICK = f"""
WITH {SOLD} SELECT o.*, e.* FROM o CROSS JOIN LATERAL {BY_CLICK} e WHERE {RECIPE}
"""
RECIPE_BY_TEXT = f"""
WITH {SOLD} SELECT o.*, e.* FROM o CROSS JOIN LATERAL {BY_TEXT} e WHERE {RECIPE}
"""


@dataclass(frozen=True, slots=True)
class Cohort:
    """The people of a campaign: its texts lie between these ids."""

    campaign_id: int
    first: int
    last: int


async def claimed(tx: Tx, store: Store, since: datetime, until: datetime) -> list[Row]:
    """Every order of a time that a text claims, with the text and why. For short times: an order
    a row."""
    families = await _families(tx, store)
    statement = CLAIMED_BY_CLICK if _by_click(store) else CLAIMED_BY_TEXT
    given = _given(store, since, until, families)
    rows: list[Row] = list(await (await tx.execute(statement, given)).fetchall())
    of_merged = await _of_merged(tx, store, since, until, families)
    return rows + [row for row in of_merged if row["message_id"]]


async def of_campaign(
    tx: Tx, store: Store, cohort: Cohort, since: datetime, until: datetime
) -> list[Row]:
    """Every order that the campaign's people placed in a time, those left alone too: with what the
    campaign had for them (own_…), and the text that claims it, if any (message_id …)."""
    families = await _families(tx, store)
    statement = CAMPAIGN_BY_CLICK if _by_click(store) else CAMPAIGN_BY_TEXT
    given = _given(store, since, until, families) | {
        "campaign_id": cohort.campaign_id, "first": cohort.first, "last": cohort.last,
    }  # fmt: skip
    rows: list[Row] = list(await (await tx.execute(statement, given)).fetchall())
    return rows + await _of_merged(tx, store, since, until, families, cohort)


async def of_recipe(
    tx: Tx, store: Store, recipe: str, since: datetime, until: datetime
) -> list[Row]:
    """Every order of a time that a text of this automation claims, with the text and why."""
    families = await _families(tx, store)
    statement = RECIPE_BY_CLICK if _by_click(store) else RECIPE_BY_TEXT
    given = _given(store, since, until, families) | {"recipe": recipe}
    rows: list[Row] = list(await (await tx.execute(statement, given)).fetchall())
    of_merged = await _of_merged(tx, store, since, until, families)
    return rows + [
        row for row in of_merged if row["recipe"] == recipe and not row["campaign_id"]
    ]  # fmt: skip


async def sums(tx: Tx, store: Store, since: datetime, until: datetime) -> list[Row]:
    """Claimed orders of a time by month (of the store's zone), campaign (0: none), recipe, channel
    and currency."""
    families = await _families(tx, store)
    statement = SUMS_BY_CLICK if _by_click(store) else SUMS_BY_TEXT
    given = _given(store, since, until, families) | {"zone": store.time_zone}
    rows: list[Row] = list(await (await tx.execute(statement, given)).fetchall())
    return rows + [
        {
            "month": row["placed_at"].astimezone(ZoneInfo(store.time_zone)).date().replace(day=1),
            "campaign_id": row["campaign_id"] or 0, "recipe": row["recipe"],
            "channel": row["channel"], "currency": row["currency"], "orders": 1,
            "amount": row["amount"],
        }
        for row in await _of_merged(tx, store, since, until, families)
        if row["message_id"]
    ]  # fmt: skip


def _by_click(store: Store) -> bool:
    return store.policy.attribution != "last_text"


def _given(
    store: Store, since: datetime, until: datetime, families: Mapping[int, int]
) -> dict[str, Any]:
    return _of(store, since) | {
        "since": since, "until": until, "days": store.policy.attribution_days,
        "merged": db.numbers({*families, *families.values()}),
    }  # fmt: skip


def _of(store: Store, since: datetime) -> dict[str, Any]:
    days = timedelta(days=store.policy.attribution_days)
    return {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span),
        "store_id": store.id,
        "first_order": id_floor(since - HEARD_EARLY),
        "first_text": id_floor(since - days - WAITED),
    }


# ------------------------------------------------------------------ of some people, by the rule

FAMILIES = """
SELECT c.id, c.merged_into FROM contact c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s AND c.merged_into IS NOT NULL
"""
ORDERS = f"""
SELECT {SALE}, array(
    SELECT u.reward_id FROM offer_use u
    WHERE u.bucket = o.bucket AND u.store_id = %(store_id)s AND u.contact_id = o.contact_id
      AND u.order_id = o.id AND u.freed_at IS NULL) AS offers
FROM purchase_order o
CROSS JOIN LATERAL (
  SELECT {BACK} AS amount FROM order_return r
  WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s
    AND r.contact_id = ANY(%(people)s::bigint[]) AND r.order_id = o.id
    AND r.state IN ('refunded', 'accepted')
) b
WHERE o.bucket = ANY(%(buckets)s) AND o.store_id = %(store_id)s
  AND o.contact_id = ANY(%(people)s::bigint[]) AND o.id >= %(first_order)s
  AND o.placed_at >= %(since)s AND o.placed_at < %(until)s AND {COUNTED}
ORDER BY o.id
"""
TEXTS = """
SELECT m.contact_id, m.id, coalesce(m.sent_at, m.created_at) AS at, m.class, m.state, m.reason,
  m.campaign_id, m.variant, m.recipe, m.channel, m.language, m.network, m.sent_at, m.done_at,
  m.created_at,
  coalesce((k.plan ->> 'offer')::integer, 0) AS offer
FROM message m LEFT JOIN campaign k ON k.store_id = m.store_id AND k.id = m.campaign_id
WHERE m.bucket = ANY(%(buckets)s) AND m.store_id = %(store_id)s
  AND m.contact_id = ANY(%(people)s::bigint[]) AND m.id >= %(first_text)s
  AND m.class = 'marketing'
ORDER BY m.id
"""
CLICKS = """
SELECT l.contact_id, l.message_id, l.at FROM link_click l
WHERE l.bucket = ANY(%(buckets)s) AND l.store_id = %(store_id)s
  AND l.contact_id = ANY(%(people)s::bigint[]) AND l.id >= %(first_text)s AND l.kind = 'person'
"""
NO_CLAIM = dict.fromkeys(
    ("message_id", "campaign_id", "variant", "recipe", "channel", "why", "claimed_at")
)


async def _families(tx: Tx, store: Store) -> dict[int, int]:
    """Who was merged, and into whom."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
    }  # fmt: skip
    rows = await (await tx.execute(FAMILIES, given)).fetchall()
    return {row["id"]: row["merged_into"] for row in rows}


async def of_merged(
    tx: Tx, store: Store, since: datetime, until: datetime
) -> tuple[dict[int, int], list[Row]]:
    """Who was merged, and into whom; and the orders of a time of all of these, under the name of
    the one person."""
    families = await _families(tx, store)
    return families, await _of_merged(tx, store, since, until, families)


async def _of_merged(
    tx: Tx, store: Store, since: datetime, until: datetime, families: Mapping[int, int],
    cohort: Cohort | None = None,
) -> list[Row]:  # fmt: skip
    if not families:
        return []
    names = {main: main for main in families.values()} | dict(families)
    return await _of_names(tx, store, names, since, until, cohort)


async def of_person(
    tx: Tx, store: Store, contact_ids: Sequence[int], since: datetime, until: datetime
) -> list[Row]:
    """One person's orders of a time, under all their names (the main one first), each with the text
    that claims it, if any."""
    names = dict.fromkeys(contact_ids, contact_ids[0])
    return await _of_names(tx, store, names, since, until)


async def _of_names(
    tx: Tx, store: Store, names: Mapping[int, int], since: datetime, until: datetime,
    cohort: Cohort | None = None,
) -> list[Row]:  # fmt: skip
    """Orders of these people as the statements tell them; `names`: under which name is who."""
    given = _of(store, since) | {
        "people": db.numbers(names), "since": since, "until": until,
        "buckets": sorted({bucket_of_id(contact_id) for contact_id in names}),
    }  # fmt: skip
    orders = await (await tx.execute(ORDERS, given)).fetchall()
    if not orders:
        return []
    wanted = {names[row["contact_id"]] for row in orders}
    given["people"] = db.numbers(one for one, main in names.items() if main in wanted)
    texts: defaultdict[int, list[Row]] = defaultdict(list)
    for row in await (await tx.execute(TEXTS, given)).fetchall():
        texts[names[row["contact_id"]]].append(row)
    clicks: defaultdict[int, list[revenue.Click]] = defaultdict(list)
    for row in await (await tx.execute(CLICKS, given)).fetchall():
        clicks[names[row["contact_id"]]].append(revenue.Click(row["message_id"], row["at"]))
    found: list[Row] = []
    for order in orders:
        main = names[order["contact_id"]]
        own = _own(texts[main], cohort) if cohort else {}
        if own is not None:
            claim = _claim(store, order, texts[main], clicks[main])
            found.append({**order, **own, **claim, "contact_id": main})
    return found


def was_left_out(text: Row, prefix: str = "") -> bool:
    """Whether the decision left a person out when the campaign gathered its people: what is dropped
    later was on its way, and counts with those who were written to."""
    if text[f"{prefix}state"] != "dropped" or text[f"{prefix}reason"] == "holdout":
        return False
    done_at = text[f"{prefix}done_at"]
    return done_at is not None and bool(done_at <= text[f"{prefix}created_at"])


def _own(texts: Iterable[Row], cohort: Cohort) -> Row | None:
    mine = [
        one
        for one in texts
        if one["campaign_id"] == cohort.campaign_id and cohort.first <= one["id"] <= cohort.last
    ]
    if not mine:
        return None
    own = min(mine, key=lambda one: (was_left_out(one), one["id"]))
    told = ("id", "variant", "state", "reason", "done_at", "created_at", "channel", "language",
            "network", "sent_at")  # fmt: skip
    return {f"own_{name}": own[name] for name in told}


def _claim(store: Store, order: Row, texts: Sequence[Row], clicks: Sequence[revenue.Click]) -> Row:
    rule = store.policy
    asked = revenue.Order(
        order["order_id"], order["placed_at"], order["state"], frozenset(order["offers"])
    )
    may = [
        revenue.Text(one["id"], one["at"], one["class"], one["state"], one["offer"])
        for one in texts
    ]
    found = revenue.claim(asked, may, clicks, rule.attribution, rule.attribution_days)
    if found is None:
        return NO_CLAIM
    text = next(one for one in texts if one["id"] == found.message_id)
    told = {name: text[name] for name in ("campaign_id", "variant", "recipe", "channel")}
    return told | {
        "message_id": found.message_id, "why": found.why, "claimed_at": found.at,
    }  # fmt: skip
