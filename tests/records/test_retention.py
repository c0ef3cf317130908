"""What is past its time goes, and nothing else (P12)."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of, id_floor
from ringdove.records import partitions
from ringdove.records.keeping import erasure, retention
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.rules.keeping import retention as rules
from ringdove.rules.policy import Policy
from ringdove.workers import retention as worker
from tests.flows.conftest import NOON, Shop, order, paid, text
from tests.records.test_erasure import EMAIL, HER, NATIONAL, PHONE, found
from tests.records.test_reports import BEGAN, sale, told

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_days_have_bounds_and_only_people_stay_for_good() -> None:
    policy = Policy(keep_days={"facts": 1, "visits": 9_999, "people": 0})
    assert rules.days(policy, "facts") == 14 and rules.days(policy, "visits") == 1_825
    assert rules.before(policy, "people", NOW) is None
    assert rules.before(Policy(), "facts", NOW) == NOW - timedelta(days=90)
    assert rules.checked({"facts": 90, "visits": 30, "people": 0}) == {"visits": 30}
    for kind, days in (("facts", 13), ("packets", 91), ("messages", 0), ("people", 179)):
        with pytest.raises(rules.OutOfBounds, match=kind):
            rules.checked({kind: days})
    with pytest.raises(KeyError):
        rules.checked({"secrets": 30})


async def settle(shop: Shop, **days: int) -> None:
    """The owner's days; the store as it is read from then on."""
    async with db.transaction(shop.runtime.pool) as tx:
        await retention.change(tx, shop.store, rules.checked(days))
        found = await stores.find(tx, shop.store.id)
        assert found is not None
        shop.store = found


@pytest.mark.slow
def test_what_is_past_goes_and_figures_stay(play):
    """P12. Texts lose their words and keep their outcome; facts that wait are not touched."""

    async def story(shop: Shop) -> None:
        shop.at = datetime.now(UTC)  # ids carry the machine's time
        at = shop.at
        await shop.hear(
            order("1", customer=HER, at=at), paid("1", at), text("the kettle is broken", PHONE, at),
            paid("nobody-knows", at),
        )  # fmt: skip
        await shop.answer()
        await shop.rows("UPDATE message SET state = 'delivered' RETURNING id")
        assert (await worker.forget(shop.runtime)).total() == 0
        ways = ("INSERT INTO survey_answer (bucket, store_id, id, contact_id, survey, asked_at,"
                " until, answered_at, way, published, comment) SELECT bucket, store_id, n,"
                " contact_id, 's', at, at, at, (ARRAY['reply', 'link', 'reply'])[n],"
                " (ARRAY['', '', 'shown'])[n], 'slow' FROM inbound, generate_series(1, 3) n"
                " RETURNING id")  # fmt: skip
        await shop.rows(ways)
        shop.later(days=91)
        gone = await worker.forget(shop.runtime)
        kept = await shop.rows("SELECT kind FROM fact")
        assert gone["facts"] >= 3 and [row["kind"] for row in kept] == ["payment.received"]
        assert all(row["body"] for row in await shop.messages())
        (talk,) = await shop.rows("SELECT last_said FROM conversation")
        assert talk["last_said"], "the inbox shows the last text"
        told = "SELECT c.said || m.said AS said FROM complaint c, complaint_move m"
        assert (await shop.rows(told))[0]["said"]
        await settle(shop, messages=100, inbound=100)
        shop.later(days=20)
        async with db.transaction(shop.runtime.pool) as tx:
            count = await retention.would_go(tx, shop.store, {"messages": 100}, shop.at)
        made = await shop.messages()
        assert count["messages"] == len(made) > 0 and count["people"] == 0
        gone = await worker.forget(shop.runtime)
        assert gone["messages"] == len(made) and gone["inbound"] == 1
        assert {row["state"] for row in await shop.messages()} == {"delivered"}
        assert not any(row["body"] + row["recipient"] for row in await shop.messages())
        (talk,) = await shop.rows("SELECT last_said FROM conversation")
        assert not talk["last_said"]
        assert await shop.rows(told) == [{"said": ""}]
        rows = await shop.rows("SELECT comment FROM survey_answer ORDER BY id")
        assert [row["comment"] for row in rows] == ["", "slow", "slow"]  # by text; form; shown
        assert (await worker.forget(shop.runtime)).total() == 0
        (order_row,) = await shop.rows("SELECT total FROM purchase_order")
        assert order_row["total"] > 0 and await found(shop, ["зинаида"])

    play(story, span=4)


def test_openings_of_links_are_forgotten_and_reports_say_so(play):
    """P12, R101. By their own time, which their ids carry."""

    async def story(shop: Shop) -> None:
        made = sale(shop)
        await made.write()
        before = (await told(shop)).total.clicked
        shop.at = BEGAN + timedelta(days=100)
        assert before and (await worker.forget(shop.runtime))["clicks"] == 0
        await settle(shop, clicks=90)
        async with db.transaction(shop.runtime.pool) as tx:
            count = await retention.would_go(tx, shop.store, {"clicks": 90}, shop.at)
        gone = await worker.forget(shop.runtime)
        assert gone["clicks"] == count["clicks"] == len(made.rest["link_click"])
        assert await shop.rows("SELECT FROM message") and not await shop.rows(
            "SELECT FROM link_click"
        )

    play(story, span=3)


@pytest.mark.slow
def test_people_without_a_sign_of_life_are_erased_like_who_asked(play):
    """P12. Never by itself; what they had refused stays refused, and nothing else is left."""

    async def story(shop: Shop) -> None:
        at = shop.at = datetime.now(UTC)
        await shop.hear(
            order("1", customer=HER, at=at), text("Stop", PHONE, at),
            order("2", customer={"phone": "+375291110000", "name": "Игорь"}, at=at),
        )  # fmt: skip
        await shop.answer()
        await shop.rows("UPDATE message SET state = 'delivered' RETURNING id")
        await shop.rows("DELETE FROM outbox RETURNING message_id")
        shop.later(days=900)
        await shop.hear(order("3", customer={"phone": "+375291110000"}, at=shop.at))
        await shop.answer()
        await worker.forget(shop.runtime)
        assert not await shop.rows("SELECT FROM erasure")
        await settle(shop, people=800)
        assert (await worker.forget(shop.runtime))["people"] == 1
        shop.later(minutes=20)
        await worker.erase(shop.runtime)
        assert await found(shop, [NATIONAL, EMAIL, "зинаида", "291119753"]) == []
        assert await found(shop, ["игорь"])
        held = await shop.rows("SELECT scope, reason FROM suppression")
        assert held == [{"scope": "marketing", "reason": "inactive"}] * 2
        (row,) = await shop.rows("SELECT state, asked_by FROM erasure")
        assert row == {"state": "done", "asked_by": "retention"}

    play(story)


@pytest.mark.slow
def test_who_was_two_records_is_erased_as_one(play):
    """P12, R91: no record that was merged into them stays behind, and no number comes back."""

    async def story(shop: Shop) -> None:
        at = shop.at = datetime.now(UTC)
        second = {"phone": "+375291110000", "name": "Зинаида Вторая", "country": "BY"}
        await shop.hear(order("1", customer=HER, at=at), order("2", customer=second, at=at))
        await shop.answer()
        one, two = (row["id"] for row in await shop.rows("SELECT id FROM contact ORDER BY id"))
        await shop.hear(facts.PeopleMerged(id="m", at=at, contact=one, other=two))
        await shop.hear(text("Stop", PHONE, at + timedelta(minutes=1)))
        await shop.answer()
        await shop.rows("UPDATE message SET state = 'delivered' RETURNING id")
        await shop.rows("DELETE FROM outbox RETURNING message_id")
        shop.later(days=900)
        await settle(shop, people=800)
        await worker.forget(shop.runtime)
        shop.later(minutes=20)
        await worker.erase(shop.runtime)
        assert await found(shop, [NATIONAL, EMAIL, "зинаида", "291110000"]) == []
        assert not await shop.rows("SELECT FROM contact WHERE erased_at IS NULL")
        refs = await shop.rows("SELECT kind FROM contact_ref WHERE kind IN ('phone', 'email')")
        assert refs == []
        held = await shop.rows("SELECT scope FROM suppression")
        assert len(held) >= 3  # both numbers, and her address
        buy = {"phone": "+375291110000", "country": "BY"}
        yes = {"marketing": True, "words": "Yes"}
        await shop.hear(order("9", customer=buy, at=shop.at, consent=yes))
        await shop.answer()
        (new,) = await shop.rows("SELECT marketing FROM contact WHERE erased_at IS NULL")
        assert new["marketing"] == "out"

    play(story)


VISIT = """
INSERT INTO visit (bucket, store_id, id, contact_id, at)
SELECT %(bucket)s, %(store_id)s, %(floor)s + n * 128, 1, %(at)s FROM generate_series(1, %(n)s) n
"""


async def visits(shop: Shop, at: datetime, n: int) -> None:
    bucket = bucket_of(shop.store.bucket_base, 1, "")
    given = {"bucket": bucket, "store_id": shop.store.id, "floor": id_floor(at), "at": at, "n": n}
    async with db.transaction(shop.runtime.pool) as tx:
        await tx.execute(VISIT, given)


def test_a_month_that_is_past_in_every_store_is_dropped_whole(play):
    """P12. And nobody waits for it: where somebody is in the way, it is left for the next round."""

    async def story(shop: Shop) -> None:
        shop.at = NOW
        async with db.transaction(shop.runtime.pool) as tx:
            await partitions.ensure(tx, NOW, months_before=16)
        await visits(shop, datetime(2025, 8, 5, tzinfo=UTC), 5_000)
        await visits(shop, datetime(2026, 2, 5, tzinfo=UTC), 5_000)
        every = [shop.store, replace(shop.store, policy=Policy(keep_days={"visits": 1_000}))]
        async with db.transaction(shop.runtime.pool) as tx:
            assert await retention.drop_month(tx, every, NOW) == ""
        async with shop.runtime.pool.connection() as reader:
            await reader.execute("SELECT count(*) FROM visit")  # a long report is being read
            began = time.monotonic()
            async with db.transaction(shop.runtime.pool) as tx:
                assert await retention.drop_month(tx, [shop.store], NOW) == ""
            assert time.monotonic() - began < 2
            await reader.rollback()
        gone = await worker.forget(shop.runtime)
        assert gone["months"] >= 1
        names = {row["name"] for row in await shop.rows(retention.MONTHS)}
        assert "visit_2025_08" not in names and "visit_2026_02" in names
        (left,) = await shop.rows("SELECT count(*) AS n FROM visit")
        assert left["n"] == 5_000

    play(story)


@pytest.mark.slow
def test_the_hot_path_does_not_wait_for_what_goes(play):
    """P12. While 60,000 visits and facts go, an order is heard and answered as before."""

    async def story(shop: Shop) -> None:
        shop.at = datetime.now(UTC)
        await visits(shop, shop.at - timedelta(days=500), 60_000)
        going = asyncio.create_task(worker.forget(shop.runtime))
        took = []
        for n in _counted(going):
            began = time.monotonic()
            await shop.hear(order(f"h{n}", at=shop.at))
            await shop.answer()
            took.append(time.monotonic() - began)
            await asyncio.sleep(0.01)
        assert (await going)["visits"] == 60_000
        took.sort()
        assert took[len(took) // 2] < 0.5, took

    play(story)


def _counted(task: "asyncio.Task[object]") -> Iterator[int]:
    n = 0
    while not task.done() and n < 500:
        yield n
        n += 1


def test_erasures_are_found_by_an_index_only_while_under_way(play):
    async def story(shop: Shop) -> None:
        async with db.transaction(shop.runtime.pool) as tx:
            assert list(await erasure.under_way(tx, NOON)) == []

    play(story)
