"""The decision has three forms: Python, SQL for sets, and SQL in the transaction that takes texts
for sending. Here they are asked about the same random people, and must say the same of each."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from psycopg import sql

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.records.consent import anew, deciding
from ringdove.records.segments import histories
from ringdove.records.sending import outbox
from ringdove.records.store import stores
from ringdove.rules.consent import consent
from ringdove.rules.consent.consent import Draft, Drop, Send, Wait
from ringdove.rules.consent.hours import Part
from ringdove.rules.policy import Gap, Hours, Policy
from ringdove.rules.scenes import Contact, Store
from tests.flows.conftest import Shop

PEOPLE = 10_000
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
PLACES = [
    ("BY", ("Europe/Minsk",)), ("FR", ("Europe/Paris",)), ("IT", ("Europe/Rome",)),
    ("US", ("America/New_York", "America/Los_Angeles")), ("US", ("America/Chicago",)),
    ("RU", ("Europe/Kaliningrad", "Europe/Moscow", "Asia/Yekaterinburg", "Asia/Kamchatka")),
    (None, ()), ("", ()), ("IN", ("Asia/Kolkata",)),
    ("BR", ("Pacific/Honolulu", "Asia/Tokyo", "UTC")),
]  # fmt: skip
RARE = Policy(
    cap_day=1, cap_week=2, cap_month=0, weekdays=frozenset({0, 1, 2, 3, 4, 6}),
    categories={"fridges": Gap(20, 90), "shoes": Gap(3, 0), "tea": Gap(0, 14)},
    countries={"IT": Hours(time(20, 30), time(10), frozenset(range(5)), False)},
)  # fmt: skip
LOOSE = Policy(cap_day=3, cap_week=0, cap_month=4, occasion="warn")
SUMMER = datetime(2026, 3, 28, 22, 17, 3, tzinfo=UTC)  # Europe puts its clocks forward that night
WINTER = datetime(2026, 10, 24, 23, 59, 59, tzinfo=UTC)  # and back; America a week later
NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
LUNCH = Part(frozenset({0, 1, 2, 3, 4}), time(11, 30), time(13))


def _offer(now: datetime, days: float, **more: Any) -> Draft:
    draft = Draft("sms", "marketing", "offers", now, now + days * DAY, occasion="sale")
    return replace(draft, **more)


CASES: list[tuple[Policy, Draft, datetime]] = [
    (RARE, _offer(NOON, 2), NOON),
    (RARE, _offer(NOON, 0.1), NOON),
    (RARE, _offer(SUMMER, 3, category="fridges"), SUMMER),
    (RARE, _offer(WINTER, 3, category="shoes", topic="new_goods"), WINTER),
    (RARE, _offer(WINTER, 60, category="tea"), WINTER),
    (RARE, _offer(NOON, 7, part=LUNCH), NOON),
    (RARE, _offer(NOON, 2, not_before=NOON + 9 * HOUR), NOON),
    (RARE, _offer(NOON, 2, occasion=""), NOON),
    (RARE, _offer(NOON, 2), NOON + 3 * DAY),
    (LOOSE, _offer(SUMMER, 5, occasion=""), SUMMER),
    (LOOSE, _offer(WINTER, 1, channel="email"), WINTER),
    (LOOSE, replace(_offer(NOON, 2), klass="service", topic="order"), NOON),
    (LOOSE, replace(_offer(WINTER, 2), klass="service", topic="order", in_daytime=True), WINTER),
    (LOOSE, replace(_offer(WINTER, 2), klass="service", topic="stop_confirmation"), WINTER),
]

COLUMNS = (
    "bucket, store_id, id, phone, phone_doubt, email, created_at, country, zones, scopes,"
    " marketing, service, paused_until, talking_until, erased_at, also, merged_into"
)
PUT_CONTACTS = f"""
INSERT INTO contact ({COLUMNS})
SELECT {COLUMNS} FROM jsonb_populate_recordset(NULL::contact, %(rows)s) r RETURNING 1
"""
PUT_TOUCHES = """
INSERT INTO touch SELECT r.* FROM jsonb_populate_recordset(NULL::touch, %(rows)s) r RETURNING 1
"""
PUT_BOUGHT = """
INSERT INTO contact_category (bucket, store_id, contact_id, category, bought_at, orders)
SELECT r.bucket, r.store_id, r.contact_id, r.category, r.bought_at, r.orders
FROM jsonb_populate_recordset(NULL::contact_category, %(rows)s) r RETURNING 1
"""


def _person(shop: Shop, n: int, chance: random.Random) -> dict[str, Any]:
    key = f"phone/+375291{n:06}"
    country, zones = chance.choice(PLACES)
    scopes = {
        scope: [chance.choice(["in", "out"]), "2026-01-01T00:00:00+00:00"]
        for scope in ("topic/offers", "topic/new_goods", "category/shoes", "channel/email")
        if chance.random() < 0.12
    }
    paused = chance.choice([SUMMER, WINTER, NOON]) + chance.uniform(-3, 6) * DAY
    talking = chance.choice([SUMMER, WINTER, NOON]) + chance.uniform(-2, 3) * DAY
    has_phone = chance.random() < 0.95
    return {
        "bucket": stores.of_key(shop.store, key), "store_id": shop.store.id,
        "id": shop.runtime.ids.make(stores.of_key(shop.store, key)),
        "phone": f"+375291{n:06}" if has_phone else None, "created_at": NOON,
        "phone_doubt": "12" if not has_phone and chance.random() < 0.5 else None,
        "email": f"p{n}@example.com" if chance.random() < 0.7 else None,
        "country": country, "zones": zones, "scopes": scopes,
        "marketing": chance.choices(["in", "out", "asked", "none"], [75, 9, 8, 8])[0],
        "service": "out" if chance.random() < 0.04 else "in",
        "paused_until": paused if chance.random() < 0.15 else None,
        "talking_until": talking if chance.random() < 0.15 else None,
        "erased_at": NOON if chance.random() < 0.01 else None, "also": [], "merged_into": None,
    }  # fmt: skip


def _merge(people: list[dict[str, Any]], chance: random.Random) -> None:
    """Some are one person with another, who is spoken to instead."""
    rest = chance.sample(people, len(people) // 20)
    for main, other in zip(rest[::2], rest[1::2], strict=False):
        main["also"], other["merged_into"] = [other["id"]], main["id"]
        for name in ("phone", "marketing", "service", "scopes", "paused_until", "talking_until",
                     "erased_at"):  # fmt: skip
            other[name] = main[name]


async def _populate(shop: Shop, count: int, seed: int) -> list[dict[str, Any]]:
    """Random people with a random past."""
    chance = random.Random(seed)
    people = [_person(shop, n, chance) for n in range(count)]
    _merge(people, chance)
    touches, bought = [], []
    for who in people:
        base = {"bucket": who["bucket"], "store_id": shop.store.id, "contact_id": who["id"]}
        for n in range(chance.choice([0, 0, 1, 1, 2, 3, 6])):
            at = chance.choice([SUMMER, WINTER, NOON]) - chance.uniform(0, 33) * DAY
            category = chance.choice(["", "fridges", "shoes", "tea"])
            touches.append(
                base | {"message_id": n + 1, "at": at, "topic": "offers", "category": category}
            )
        for category in ("fridges", "tea", "shoes"):
            if chance.random() < 0.2:
                at = chance.choice([SUMMER, WINTER, NOON]) - chance.uniform(0, 100) * DAY
                bought.append(base | {"category": category, "bought_at": at, "orders": 1})
    await shop.rows(PUT_CONTACTS, rows=db.document(people))
    await shop.rows(PUT_TOUCHES, rows=db.document(touches))
    await shop.rows(PUT_BOUGHT, rows=db.document(bought))
    return people


def _contact(row: dict[str, Any]) -> Contact:
    names = ("id", "phone", "email", "created_at", "phone_doubt", "country", "zones", "marketing",
             "service", "scopes", "paused_until", "talking_until", "erased_at", "also",
             "merged_into")  # fmt: skip
    return Contact(**{name: row[name] for name in names})


def _told(verdict: consent.Verdict, now: datetime, draft: Draft) -> tuple[str, str, Any]:
    match verdict:
        case Send():
            return "send", "", max(now, draft.not_before)
        case Wait(until, _, reason):
            return "wait", reason, until
        case Drop(reason):
            return "drop", reason, None


async def _by_set(shop: Shop, store: Store, draft: Draft, now: datetime) -> dict[int, Any]:
    found = {}
    async with db.transaction(shop.runtime.pool) as tx:
        question = await deciding.ask(tx, store, draft, now)
        for bucket in stores.buckets(store):
            async for one in deciding.each(tx, question, bucket):
                at = one.at and max(now, one.at)
                found[one.contact_id] = (one.verdict, one.reason, at if one.at else None)
    return found


async def _one_by_one(
    shop: Shop, store: Store, people: list[Contact], draft: Draft, now: datetime
) -> dict[int, Any]:
    async with db.transaction(shop.runtime.pool) as tx:
        pasts = await histories.load(tx, store, people, now)
    return {
        who.id: _told(consent.decide(store, who, draft, pasts[who.id], now), now, draft)
        for who in people
    }


@pytest.mark.slow
def test_sql_and_python_decide_the_same_about_ten_thousand_random_people(play):
    """N2, R12–R17, P4: every verdict, reason and moment, around the days that clocks change."""

    async def story(shop: Shop) -> None:
        rows = await _populate(shop, PEOPLE, seed=16)
        people = [_contact(row) for row in rows if not row["merged_into"]]
        seen = set()
        for rule, draft, now in CASES:
            store = replace(shop.store, policy=rule)
            by_set = await _by_set(shop, store, draft, now)
            one_by_one = await _one_by_one(shop, store, people, draft, now)
            differ = {
                who: (by_set.get(who), told)
                for who, told in one_by_one.items()
                if by_set.get(who) != told
            }
            assert not differ, (rule, draft, now, dict(list(differ.items())[:3]))
            assert len(by_set) == len(people)
            seen |= {told[:2] for told in one_by_one.values()}
            async with db.transaction(shop.runtime.pool) as tx:
                question = await deciding.ask(tx, store, draft, now)
            counts = await deciding.counts(shop.runtime.pool, question)
            assert sum(counts.values()) == len(people)
        reasons = {reason for _, reason in seen}
        assert reasons >= {
            "", "erased", "no_phone", "phone_doubtful", "no_email", "email_closed", "stopped",
            "topic_left", "category_left", "unconfirmed", "no_consent", "no_occasion", "paused",
            "talking", "cap_day", "cap_week", "cap_month", "category_gap", "bought_lately",
            "quiet_hours", "own_hours", "not_yet", "too_late", "no_hour_left", "no_allowed_hour",
        }  # fmt: skip

    play(story, span=16)


QUEUE = """
WITH made AS (
  INSERT INTO message (bucket, store_id, id, contact_id, channel, class, topic, category, occasion,
    own_hours, cause, gateway_id, recipient, body, not_before, not_after, created_at, why, state)
  SELECT r.bucket, %(store_id)s, r.id, r.contact_id, %(channel)s, 'marketing', %(topic)s,
    %(category)s, %(occasion)s, %(own_hours)s, 'person', %(gateway)s, r.recipient, 'Sale',
    %(not_before)s, %(not_after)s, %(now)s, 'x', 'waiting'
  FROM jsonb_to_recordset(%(rows)s) AS r(
    bucket integer, id bigint, contact_id bigint, recipient text) RETURNING *
)
INSERT INTO outbox (bucket, store_id, message_id, gateway_id, contact_id, urgency, class, topic,
  due_at, window_until, not_after)
SELECT m.bucket, m.store_id, m.id, m.gateway_id, m.contact_id, 1, 'marketing', m.topic,
  m.not_before, m.not_after, m.not_after FROM made m RETURNING 1
"""


async def _queue(shop: Shop, draft: Draft, rows: list[dict[str, Any]], now: datetime) -> None:
    """Texts of this draft wait for these people, whatever the decision says of them."""
    messages = [
        {"bucket": row["bucket"], "id": shop.runtime.ids.make(row["bucket"]),
         "contact_id": row["id"], "recipient": row["phone"] or ""} for row in rows
    ]  # fmt: skip
    await shop.rows(
        QUEUE, rows=db.document(messages), store_id=shop.store.id, gateway=shop.sms,
        channel=draft.channel, topic=draft.topic, category=draft.category,
        occasion=draft.occasion, own_hours=str(draft.part or ""), not_before=draft.not_before,
        not_after=draft.not_after, now=now,
    )  # fmt: skip


async def _take_all(shop: Shop, store: Store, now: datetime) -> set[int]:
    """Takes until nothing more is due; who gets a text."""
    gone: set[int] = set()
    for bucket in stores.buckets(store):
        while await shop.rows("SELECT FROM outbox WHERE due_at <= %(now)s LIMIT 1", now=now):
            async with db.transaction(shop.runtime.pool) as tx:
                taken = await outbox.take(tx, store, bucket, shop.sms, now, "test", 500)
            gone |= {one.contact_id for one in taken}
    return gone


@pytest.mark.slow
@pytest.mark.parametrize("case", range(6))
def test_what_is_taken_is_what_the_decision_lets_go_at_that_moment(play, case):
    """P1, R12, R14, R15: asked in the sending transaction; the rest waits for the moment that the
    decision names, or is dropped with its reason."""

    async def story(shop: Shop) -> None:
        rule, draft, now = CASES[case]
        store = replace(shop.store, policy=rule)
        rows = await _populate(shop, 800, seed=case)
        people = [_contact(row) for row in rows if not row["merged_into"]]
        told = await _one_by_one(shop, store, people, draft, now)
        async with db.transaction(shop.runtime.pool) as tx:
            pasts = await histories.load(tx, store, people, now)
        await _queue(shop, draft, [row for row in rows if not row["merged_into"]], now)
        gone = await _take_all(shop, store, now)
        # Whether the hours have ended stands in the outbox; here all windows are open until the
        # end, so who waits for hours alone goes at once.
        only_hours = {"quiet_hours", "own_hours", "no_hour_left", "no_allowed_hour"}
        held = {
            who.id for who in people
            if any(b.until > now for b in consent.barriers(rule, who, draft, pasts[who.id]))
        }  # fmt: skip
        several = {row["id"] for row in rows if row["also"]}  # of these Python decides
        expected = {
            who for who, (verdict, reason, _) in told.items()
            if verdict == "send" or (reason in only_hours and who not in held | several)
        }  # fmt: skip
        assert gone == expected
        states = {
            m["contact_id"]: m for m in await shop.rows(
                "SELECT m.contact_id, m.state, m.reason, o.due_at FROM message m"
                " LEFT JOIN outbox o ON o.bucket = m.bucket AND o.message_id = m.id"
            )
        }  # fmt: skip
        renamed = {"no_phone": "number_changed", "phone_doubtful": "number_changed"}
        for who, (verdict, reason, at) in told.items():
            if verdict == "drop" and who not in gone:
                wanted = {reason, renamed.get(reason, reason)}
                assert states[who]["state"] == "dropped" and states[who]["reason"] in wanted
            elif who not in gone:
                assert (states[who]["state"], states[who]["reason"]) == ("waiting", reason)
                assert states[who]["due_at"] == at

    play(story)


def test_hours_are_asked_again_when_the_window_of_a_queued_offer_has_ended(play):
    """P4, R19: it waits for its own part of the day again."""

    async def story(shop: Shop) -> None:
        rows = await _populate(shop, 1, seed=1)
        await shop.rows(
            "UPDATE contact SET marketing = 'in', service = 'in', scopes = '{}', erased_at = NULL,"
            " paused_until = NULL, talking_until = NULL, phone = '+375291112233', country = 'BY',"
            " zones = '{Europe/Minsk}' RETURNING 1"
        )
        await shop.rows("WITH gone AS (DELETE FROM touch) SELECT 1")
        draft = _offer(NOON, 7, part=LUNCH)
        await _queue(shop, draft, [rows[0] | {"phone": "+375291112233"}], NOON)
        await shop.rows("UPDATE outbox SET window_until = %(at)s RETURNING 1", at=NOON - HOUR)
        assert not await _take_all(shop, shop.store, NOON)
        (row,) = await shop.rows("SELECT due_at, window_until FROM outbox")
        assert row["due_at"] == datetime(2026, 11, 19, 8, 30, tzinfo=UTC)
        assert row["window_until"] == datetime(2026, 11, 19, 10, tzinfo=UTC)
        assert await _take_all(shop, shop.store, row["due_at"])

    play(story)


# ------------------------------------------------------------------ one place, two offers


async def _anna(shop: Shop, offers: int, gateways: tuple[int, ...]) -> dict[str, Any]:
    """Somebody who may get one offer a day, and so many that wait for her over some gateways."""
    (row,) = await _populate(shop, 1, seed=2)
    await shop.rows(
        "UPDATE contact SET marketing = 'in', service = 'in', scopes = '{}', erased_at = NULL,"
        " paused_until = NULL, talking_until = NULL, phone = '+375291112233', country = 'BY',"
        " zones = '{Europe/Minsk}' RETURNING 1"
    )
    await shop.rows("WITH gone AS (DELETE FROM touch) SELECT 1")
    row["phone"] = "+375291112233"
    for _ in range(offers):
        await _queue(shop, _offer(NOON, 5), [row], NOON)
    for n, one in enumerate(await shop.rows("SELECT id FROM message ORDER BY id")):
        for table, key in (("message", "id"), ("outbox", "message_id")):
            await shop.rows(
                f"UPDATE {table} SET gateway_id = %(g)s WHERE {key} = %(id)s RETURNING 1",
                g=gateways[n % len(gateways)], id=one["id"],
            )  # fmt: skip
    return row


def test_two_campaigns_that_race_for_one_place_send_one(play):
    """R12: two gateways take at the same moment, again and again; exactly one offer goes."""

    async def story(shop: Shop) -> None:
        row = await _anna(shop, 8, (101, 102, 103, 104))
        bucket = bucket_of_id(row["id"])

        async def take(gateway: int) -> int:
            async with db.transaction(shop.runtime.pool) as tx:
                return len(await outbox.take(tx, shop.store, bucket, gateway, NOON, "test", 10))

        taken = 0
        for _ in range(5):
            taken += sum(await asyncio.gather(*(take(g) for g in (101, 102, 103, 104))))
        assert taken == 1
        waits = await shop.rows("SELECT due_at FROM outbox")
        assert [one["due_at"] for one in waits] == [NOON + DAY] * 7
        assert len(await shop.rows("SELECT FROM touch")) == 1

    play(story)


def test_what_was_surely_not_sent_gives_its_place_back(play):
    """R12: a refused text is no text; one that waits to be tried again does not hold others."""

    async def story(shop: Shop) -> None:
        from ringdove.records.sending import messages
        from ringdove.records.sending.messages import Settled

        row = await _anna(shop, 1, (shop.sms,))
        bucket = bucket_of_id(row["id"])
        for state, left in (("retry", 0), ("failed", 0)):
            async with db.transaction(shop.runtime.pool) as tx:
                (taken,) = await outbox.take(tx, shop.store, bucket, shop.sms, NOON, "test")
            assert len(await shop.rows("SELECT FROM touch")) == 1
            told = Settled(taken.message_id, state, "ESME_RSYSERR", retry_at=NOON, mark=taken.mark)
            async with db.transaction(shop.runtime.pool) as tx:
                await messages.settle(tx, shop.store, shop.sms, [told], NOON)
            assert len(await shop.rows("SELECT FROM touch")) == left

    play(story)


def test_somebody_whom_another_transaction_holds_is_passed_over(play):
    """P1: a stop that is being written wins; the offer is asked again after it."""

    async def story(shop: Shop) -> None:
        row = await _anna(shop, 1, (shop.sms,))
        bucket = bucket_of_id(row["id"])
        async with db.transaction(shop.runtime.pool) as stopping:
            await stopping.execute("UPDATE contact SET marketing = 'out'")
            async with db.transaction(shop.runtime.pool) as tx:
                assert not await outbox.take(tx, shop.store, bucket, shop.sms, NOON, "test")
        async with db.transaction(shop.runtime.pool) as tx:
            assert not await outbox.take(tx, shop.store, bucket, shop.sms, NOON, "test")
        (message,) = await shop.messages()
        assert (message["state"], message["reason"]) == ("dropped", "stopped")

    play(story)


def test_a_condition_narrows_who_is_asked(play):
    """R20: segments come with a condition over contact."""

    async def story(shop: Shop) -> None:
        await _populate(shop, 300, seed=3)
        async with db.transaction(shop.runtime.pool) as tx:
            narrow = sql.SQL("c.country = %(country)s")
            question = await deciding.ask(
                tx, shop.store, _offer(NOON, 1), NOON, narrow, {"country": "FR"}
            )
        counts = await deciding.counts(shop.runtime.pool, question)
        (row,) = await shop.rows(
            "SELECT count(*) AS n FROM contact WHERE country = 'FR' AND merged_into IS NULL"
        )
        assert sum(counts.values()) == row["n"]

    play(story)


def test_the_judge_words_are_the_decisions_words() -> None:
    """N2: a word of the judge that the decision does not know would have no sentence."""
    assert "'held'" in anew.JUDGE and "bought_lately" not in anew.JUDGE
