"""Campaigns as they are kept: made, changed, approved, begun, held and ended (R13, R23).

Every verb locks the campaign's row and refuses what its state does not allow
(rules/campaigns/campaigns.py). What waits of a campaign follows its state:
records/sending/outbox.take asks it before a text leaves, so a pause holds at once, however many
texts wait. Who did what is written by the caller (page.audit).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, buckets_of_store
from ringdove.kit.db import Tx
from ringdove.records.segments import segments as segment_records
from ringdove.records.store import stores
from ringdove.rules.campaigns import approving, schedules
from ringdove.rules.campaigns.campaigns import LIFE, Campaign, Plan, campaigns_in, segments_in
from ringdove.rules.scenes import Store

CAMPAIGNS_MAX = 5_000  # of a store
PAGE = 100
ID_MAX = 2**31 - 1


class CampaignRefused(ValueError):
    """What cannot be done with the campaign now; the text says why and what to do."""


COLUMNS = """id, name, state, plan, version, created_at, changed_at, reason, created_by,
  approved_at, approved_by, approved_version, begin_at, began_at, ended_at, changed_by, asked_by,
  tries, tried_at, trouble"""
ONE = f"SELECT {COLUMNS} FROM campaign WHERE store_id = %(store_id)s AND id = %(campaign_id)s"
LOCKED = f"{ONE} FOR UPDATE"
OF_STORE = f"""
SELECT {COLUMNS} FROM campaign
WHERE store_id = %(store_id)s AND id < %(before)s
  AND (%(states)s::text[] IS NULL OR state = ANY(%(states)s::text[]))
ORDER BY id DESC LIMIT %(most)s
"""
BETWEEN = f"""
SELECT {COLUMNS} FROM campaign
WHERE store_id = %(store_id)s AND state <> 'cancelled'
  AND (coalesce(began_at, begin_at) >= %(since)s AND coalesce(began_at, begin_at) < %(until)s
    OR began_at IS NULL AND begin_at IS NULL
      AND (plan ->> 'key_date')::date >= %(since)s::date
      AND (plan ->> 'key_date')::date < %(until)s::date)
ORDER BY coalesce(began_at, begin_at, (plan ->> 'key_date')::date), id LIMIT %(most)s
"""


async def find(tx: Tx, store_id: int, campaign_id: int) -> Campaign | None:
    """One of a store's campaigns."""
    given = {"store_id": store_id, "campaign_id": campaign_id}
    row = await (await tx.execute(ONE, given)).fetchone()
    return _campaign(row) if row else None


async def of_store(
    tx: Tx, store_id: int, *, states: Sequence[str] | None = None, before: int = ID_MAX,
    most: int = PAGE,
) -> list[Campaign]:  # fmt: skip
    """A page of a store's campaigns, the newest first, those with an id below `before`."""
    given = {
        "store_id": store_id, "before": before, "most": most,
        "states": list(states) if states is not None else None,
    }  # fmt: skip
    return [_campaign(row) for row in await (await tx.execute(OF_STORE, given)).fetchall()]


async def between(tx: Tx, store_id: int, since: datetime, until: datetime) -> list[Campaign]:
    """What begins or began in a time, and drafts whose key date lies in it: for the calendar."""
    given = {"store_id": store_id, "since": since, "until": until, "most": CAMPAIGNS_MAX}
    return [_campaign(row) for row in await (await tx.execute(BETWEEN, given)).fetchall()]


def _campaign(row: dict[str, Any]) -> Campaign:
    return Campaign(**{**row, "plan": Plan.model_validate(row["plan"])})


# ------------------------------------------------------------------ drafts

# The row of the store is locked, so that two new campaigns do not take one number.
LOCK_STORE = "SELECT id FROM store WHERE id = %(store_id)s FOR NO KEY UPDATE"
CREATE = """
INSERT INTO campaign (store_id, id, name, state, plan, created_at, created_by, changed_at,
  changed_by, copied_from)
SELECT %(store_id)s, coalesce(max(id), 0) + 1, %(name)s, 'draft', %(plan)s, %(now)s, %(user_id)s,
  %(now)s, %(user_id)s, %(copied_from)s
FROM campaign WHERE store_id = %(store_id)s
HAVING count(*) < %(most)s
RETURNING id
"""
CHANGE = """
UPDATE campaign SET name = %(name)s, plan = %(plan)s, version = version + 1,
  state = %(state)s, changed_at = %(now)s, changed_by = %(user_id)s
WHERE store_id = %(store_id)s AND id = %(campaign_id)s
RETURNING version
"""
# A name is the merchant's own: it asks for no approval, moves no clock and no state.
RENAME = """
UPDATE campaign SET name = %(name)s WHERE store_id = %(store_id)s AND id = %(campaign_id)s
"""


async def create(
    tx: Tx, store_id: int, name: str, plan: Plan, user_id: int | None, now: datetime,
    *, copied_from: int | None = None,
) -> int:  # fmt: skip
    """A new draft; its number. `user_id`: of a program, who made its key."""
    await tx.execute(LOCK_STORE, {"store_id": store_id})
    given = {
        "store_id": store_id, "name": name, "plan": Jsonb(plan.model_dump(mode="json")),
        "now": now, "user_id": user_id, "copied_from": copied_from, "most": CAMPAIGNS_MAX,
    }  # fmt: skip
    row = await (await tx.execute(CREATE, given)).fetchone()
    if row is None:
        raise CampaignRefused(f"A store keeps {CAMPAIGNS_MAX:,} campaigns at most.")
    _demand_others(int(row["id"]), plan)
    return int(row["id"])


def _demand_others(campaign_id: int, plan: Plan) -> None:
    if campaign_id in campaigns_in(plan):
        raise CampaignRefused("It cannot be about itself: choose a campaign that went before it.")


async def change(
    tx: Tx, store_id: int, campaign_id: int, name: str, plan: Plan, user_id: int | None,
    now: datetime,
) -> int:  # fmt: skip
    """It is planned otherwise; its version then. A draft may change in all, a paused campaign in
    what those who still wait will read and when: words, links, time. A scheduled or waiting one
    becomes a draft again. Another name alone changes nothing else. Raises CampaignRefused."""
    kept = await _locked(tx, store_id, campaign_id)
    if plan == kept.plan:
        given = {"store_id": store_id, "campaign_id": campaign_id, "name": name}
        await tx.execute(RENAME, given)
        return kept.version
    _demand_others(campaign_id, plan)
    state = kept.state
    if state in ("waiting", "scheduled"):
        state = "draft"
    elif state == "paused":
        if other := _changed_beyond_words(kept.plan, plan):
            raise CampaignRefused(
                f"A campaign that has begun keeps its {other}: only words, links and time of"
                " what is not yet sent can change. Copy it to send something else."
            )
        if len(plan.links) < len(kept.plan.links):
            raise CampaignRefused(
                "A campaign that has begun keeps its links: texts that have left lead to them."
                " Change where a link leads, or leave it unsaid."
            )
    elif state != "draft":
        raise CampaignRefused(
            "Pause the campaign first." if state == "running"
            else "It has ended: copy it to plan it anew."
        )  # fmt: skip
    given = {
        "store_id": store_id, "campaign_id": campaign_id, "name": name, "now": now,
        "plan": Jsonb(plan.model_dump(mode="json")), "user_id": user_id, "state": state,
    }  # fmt: skip
    row = await (await tx.execute(CHANGE, given)).fetchone()
    assert row is not None
    return int(row["version"])


# Of a campaign that has begun: whom it speaks to, and as what, was decided of everybody.
KEPT_ONCE_BEGUN = (
    "topic", "category", "audience", "without", "channels", "offer", "holdout_percent", "follows",
)  # fmt: skip


def _changed_beyond_words(before: Plan, after: Plan) -> str | None:
    for name in KEPT_ONCE_BEGUN:
        if getattr(before, name) != getattr(after, name):
            return name.replace("_", " ")
    shares = [[one.share for one in plan.variants] for plan in (before, after)]
    return None if shares[0] == shares[1] else "variants and their shares"


async def copy(
    tx: Tx, store_id: int, campaign_id: int, name: str, user_id: int | None, now: datetime
) -> int:
    """A new draft with the same plan; its number. Raises CampaignRefused for an unknown one."""
    kept = await _locked(tx, store_id, campaign_id)
    return await create(tx, store_id, name, kept.plan, user_id, now, copied_from=campaign_id)


# ------------------------------------------------------------------ approval (four eyes)

ASK = """
UPDATE campaign SET state = 'waiting', asked_by = %(user_id)s, changed_at = %(now)s
WHERE store_id = %(store_id)s AND id = %(campaign_id)s
"""
APPROVE = """
UPDATE campaign SET state = 'draft', approved_at = %(now)s, approved_by = %(user_id)s,
  approved_version = version
WHERE store_id = %(store_id)s AND id = %(campaign_id)s
"""
BACK_TO_DRAFT = """
UPDATE campaign SET state = 'draft', begin_at = NULL, reason = %(reason)s
WHERE store_id = %(store_id)s AND id = %(campaign_id)s
"""


async def ask_approval(
    tx: Tx, store_id: int, campaign_id: int, user_id: int | None, now: datetime
) -> None:
    """It waits for a second person. Raises CampaignRefused."""
    await _moving(tx, store_id, campaign_id, "waiting")
    given = {"store_id": store_id, "campaign_id": campaign_id, "user_id": user_id, "now": now}
    await tx.execute(ASK, given)


async def approve(
    tx: Tx, store_id: int, campaign_id: int, version: int, user_id: int | None, now: datetime
) -> None:
    """This version of it may begin. Never by who asked or last changed it, nor by a program; never
    another version than the one that was shown. Raises CampaignRefused."""
    kept = await _locked(tx, store_id, campaign_id)
    if kept.state != "waiting":
        raise CampaignRefused("Nobody asks for its approval.")
    if why := approving.against(kept, user_id):
        raise CampaignRefused(why)
    if version != kept.version:
        raise CampaignRefused("It was changed meanwhile: look at it again.")
    given = {"store_id": store_id, "campaign_id": campaign_id, "user_id": user_id, "now": now}
    await tx.execute(APPROVE, given)


async def refuse(tx: Tx, store_id: int, campaign_id: int, reason: str) -> None:
    """The second person says no: it is a draft again. Raises CampaignRefused."""
    kept = await _locked(tx, store_id, campaign_id)
    if kept.state != "waiting":
        raise CampaignRefused("Nobody asks for its approval.")
    given = {"store_id": store_id, "campaign_id": campaign_id, "reason": reason}
    await tx.execute(BACK_TO_DRAFT, given)


# ------------------------------------------------------------------ beginning

SCHEDULE = """
UPDATE campaign SET state = 'scheduled', begin_at = %(begin_at)s, reason = ''
WHERE store_id = %(store_id)s AND id = %(campaign_id)s
"""
REHEARSED = """
SELECT r.version, r.asked_at, r.result FROM rehearsal r
WHERE r.bucket = %(bucket)s AND r.store_id = %(store_id)s AND r.campaign_id = %(campaign_id)s
  AND r.state = 'done'
"""
# Only where recipients' own clocks say when: a look at every person.
ZONES = """
SELECT DISTINCT unnest(c.zones) AS zone FROM contact c
WHERE c.bucket = ANY(%(buckets)s) AND c.store_id = %(store_id)s
"""


async def begin(tx: Tx, store: Store, campaign_id: int, now: datetime) -> datetime:
    """It is to begin as its plan says; when its people are gathered (`now`: at once). Raises
    CampaignRefused, also while the approval that the store asks for is missing."""
    kept = await _moving(tx, store.id, campaign_id, "scheduled")
    if needs := await needs_approval(tx, store, kept):
        raise CampaignRefused(needs)
    zones: tuple[str, ...] = ()
    if kept.plan.when.local:
        zones = await zones_of(tx, store)
    begin_at = schedules.gathers_at(kept.plan.when, store.time_zone, zones, now)
    given = {"store_id": store.id, "campaign_id": campaign_id, "begin_at": begin_at}
    await tx.execute(SCHEDULE, given)
    await db.notify(tx, "campaigns", str(store.id))
    return begin_at


async def needs_approval(tx: Tx, store: Store, campaign: Campaign) -> str:
    """What is still missing before it may begin, to be told; "": nothing."""
    above = store.policy.approval_above
    if not above:
        return ""
    changed_at = await _segments_changed_at(tx, store, campaign.plan)
    if campaign.approved_version == campaign.version and campaign.approved_at:
        # Who is meant may be many more than the second person saw.
        if changed_at is None or changed_at <= campaign.approved_at:
            return ""
    told = await _rehearsed(tx, store, campaign)
    is_fresh = told is not None and told["version"] == campaign.version
    if told is None or not is_fresh or (changed_at and changed_at > told["asked_at"]):
        return "Rehearse it first: its cost decides whether a second person has to approve it."
    worst = approving.worst(told["result"])
    if worst is None:
        return "Not all of its texts have a known price: a second person has to approve it."
    if worst <= above:
        return ""
    return f"It may cost more than {above} {store.currency}: a second person has to approve it."


async def _rehearsed(tx: Tx, store: Store, campaign: Campaign) -> dict[str, Any] | None:
    given = {
        "bucket": bucket_of_campaign(store, campaign.id), "store_id": store.id,
        "campaign_id": campaign.id,
    }  # fmt: skip
    return await (await tx.execute(REHEARSED, given)).fetchone()


async def _segments_changed_at(tx: Tx, store: Store, plan: Plan) -> datetime | None:
    """When one of the segments that it asks for, themselves or through others, was changed last."""
    asked = [*segments_in(plan.audience), *(segments_in(plan.without) if plan.without else ())]
    if not asked:
        return None
    known = {one.id: one for one in await segment_records.of_store(tx, store)}
    found: dict[int, datetime] = {}
    while asked:
        one = known.get(asked.pop())
        if one and one.id not in found:
            found[one.id] = one.changed_at
            asked += segments_in(one.tree)
    return max(found.values(), default=None)


def bucket_of_campaign(store: Store, campaign_id: int) -> int:
    """Where its rehearsal lies."""
    return bucket_of(store.bucket_base, store.bucket_span, f"campaign/{campaign_id}")


async def zones_of(tx: Tx, store: Store) -> tuple[str, ...]:
    """Every time zone that one of the store's people may be in."""
    given = {
        "buckets": buckets_of_store(store.bucket_base, store.bucket_span), "store_id": store.id,
    }  # fmt: skip
    rows = await (await tx.execute(ZONES, given)).fetchall()
    return tuple(sorted(row["zone"] for row in rows))


# ------------------------------------------------------------------ while it runs

MOVE = """
UPDATE campaign SET state = %(state)s, reason = %(reason)s, tries = 0, trouble = '',
  began_at = CASE WHEN %(state)s = 'running' THEN coalesce(began_at, %(now)s) ELSE began_at END,
  ended_at = CASE WHEN %(is_end)s THEN %(now)s::timestamptz END,
  begin_at = CASE WHEN %(state)s = 'draft' THEN NULL ELSE begin_at END
WHERE store_id = %(store_id)s AND id = %(campaign_id)s
"""


# Texts may have been held while they were taken, by a pause that was over before a worker saw it.
LOOK_FOR_HELD = """
UPDATE campaign_run r SET is_held = true
WHERE r.bucket = ANY(%(buckets)s) AND r.store_id = %(store_id)s AND r.campaign_id = %(campaign_id)s
"""
IS_IN = """
SELECT FROM campaign
WHERE store_id = %(store_id)s AND id = %(campaign_id)s AND state = %(state)s FOR SHARE
"""


async def is_in(tx: Tx, store_id: int, campaign_id: int, state: str) -> bool:
    """Whether it is in this state, and stays in it until the transaction ends."""
    given = {"store_id": store_id, "campaign_id": campaign_id, "state": state}
    return await (await tx.execute(IS_IN, given)).fetchone() is not None


async def pause(tx: Tx, store_id: int, campaign_id: int, now: datetime, reason: str = "") -> None:
    """Nothing of it leaves from now on until it is resumed. Raises CampaignRefused."""
    await move(tx, store_id, campaign_id, "paused", now, reason)


# What was changed is approved with it: it may be held and let go again.
APPROVED_AGAIN = """
UPDATE campaign SET approved_at = %(now)s, approved_by = %(user_id)s, approved_version = version
WHERE store_id = %(store_id)s AND id = %(campaign_id)s
"""


async def resume(
    tx: Tx, store_id: int, campaign_id: int, now: datetime, user_id: int | None = None
) -> None:
    """It goes on, by its plan as it is now. Where it was changed and what is left may cost more
    than one person decides, a second one lets it go on; `user_id` is None for a program. Raises
    CampaignRefused."""
    kept = await _locked(tx, store_id, campaign_id)
    if kept.state != "paused":
        raise CampaignRefused("It is not paused.")
    store = await stores.find(tx, store_id)
    if store and await _takes_two(tx, store, kept):
        if why := approving.against_resuming(kept, user_id):
            raise CampaignRefused(why)
        given = {"store_id": store_id, "campaign_id": campaign_id, "user_id": user_id, "now": now}
        await tx.execute(APPROVED_AGAIN, given)
    await move(tx, store_id, campaign_id, "running", now)
    if store:
        about = {"buckets": stores.buckets(store), "store_id": store_id}
        await tx.execute(LOOK_FOR_HELD, about | {"campaign_id": campaign_id})


async def _takes_two(tx: Tx, store: Store, campaign: Campaign) -> bool:
    above = store.policy.approval_above
    if not above or campaign.approved_version == campaign.version:
        return False
    told = await _rehearsed(tx, store, campaign)
    if told is None:
        return True
    is_same = told["version"] == campaign.version
    most = approving.worst(told["result"], None if is_same else campaign.plan)
    return most is None or most > above


async def unschedule(tx: Tx, store_id: int, campaign_id: int, now: datetime) -> None:
    """It is a draft again, before it began. Raises CampaignRefused."""
    await move(tx, store_id, campaign_id, "draft", now)


async def cancel(tx: Tx, store_id: int, campaign_id: int, now: datetime, reason: str = "") -> None:
    """It ends; what is not yet sent is taken back. Raises CampaignRefused."""
    await move(tx, store_id, campaign_id, "cancelled", now, reason)


async def move(
    tx: Tx, store_id: int, campaign_id: int, state: str, now: datetime, reason: str = ""
) -> None:
    """Into another state. Raises CampaignRefused when its life does not lead there."""
    await _moving(tx, store_id, campaign_id, state)
    given = {
        "store_id": store_id, "campaign_id": campaign_id, "state": state, "now": now,
        "reason": reason, "is_end": not LIFE[state],
    }  # fmt: skip
    await tx.execute(MOVE, given)
    await db.notify(tx, "campaigns", str(store_id))
    await db.notify(tx, "live", str(store_id))


async def _moving(tx: Tx, store_id: int, campaign_id: int, state: str) -> Campaign:
    kept = await _locked(tx, store_id, campaign_id)
    if state not in LIFE[kept.state]:
        raise CampaignRefused(f"It is {kept.state}: that cannot be done with it now.")
    return kept


async def _locked(tx: Tx, store_id: int, campaign_id: int) -> Campaign:
    given = {"store_id": store_id, "campaign_id": campaign_id}
    row = await (await tx.execute(LOCKED, given)).fetchone()
    if row is None:
        raise CampaignRefused("This store has no such campaign.")
    return _campaign(row)
