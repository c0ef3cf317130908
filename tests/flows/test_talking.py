"""Customers are answered by people, and offers wait meanwhile (R79), over real PostgreSQL."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records.automations import automations
from ringdove.records.conversations import canned, conversations
from ringdove.records.sending import outbox
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.rules.automations.journeys import JOURNEY
from ringdove.rules.automations.plans import Automation
from ringdove.rules.conversations import canned as rules
from ringdove.rules.conversations import care
from ringdove.rules.conversations.by_hand import Said, day_begins
from ringdove.rules.scenes import Contact
from ringdove.web.conversations import answers
from ringdove.web.sending import handwork
from tests.flows.conftest import NOON, Shop, order, paid, parcel, text
from tests.rules.scene import store

Play = Callable[..., None]
PHONE = "+375291112233"
HOUR = timedelta(hours=1)


async def _anna(shop: Shop) -> int:
    """She has said yes to offers, has an order and asks something."""
    await shop.hear(order(), text("START"), text("А вы работаете в воскресенье?"))
    await shop.answer()
    (row,) = await shop.rows("SELECT id FROM contact")
    return int(row["id"])


async def _say(shop: Shop, who: int, said: str, key: str, *, in_daytime: bool = False) -> Any:
    wish = answers.Wish(Said(said, "page/Olga", in_daytime), key, owner=7)
    return await answers.answer(shop.runtime, shop.store, who, wish)


async def _offer(shop: Shop, key: str) -> Any:
    wish = handwork.Wish(
        facts.Customer(phone=PHONE), "Sale {{ stop_url }}", "marketing", "page/Olga", key,
        topic="offers", occasion="sale", not_after=shop.at + 3 * timedelta(days=1),
    )  # fmt: skip
    return await handwork.send(shop.runtime, shop.store, wish)


async def _talk(shop: Shop) -> dict[str, Any]:
    (row,) = await shop.rows("SELECT * FROM conversation")
    return row


async def _until(shop: Shop) -> set[Any]:
    return {row["talking_until"] for row in await shop.rows("SELECT talking_until FROM contact")}


async def _taken(shop: Shop) -> list[str]:
    """What goes out now."""
    async with db.transaction(shop.runtime.pool) as tx:
        taken = [
            await outbox.take(tx, shop.store, bucket, shop.sms, shop.at, "test")
            for bucket in stores.buckets(shop.store)
        ]
    return [one.body for some in taken for one in some]


def test_an_answer_goes_once_and_offers_wait_until_the_talk_is_closed(play: Play) -> None:
    """R79, P1. The same key from two windows at once is one text; news about an order goes; what
    waited is decided anew when somebody closes the conversation."""

    async def story(shop: Shop) -> None:
        who = await _anna(shop)
        talk = await _talk(shop)
        assert (talk["state"], talk["waiting_since"], talk["unread"]) == ("open", NOON, 1)
        await _taken(shop)
        shop.later(minutes=10)
        twice = await asyncio.gather(*(_say(shop, who, "Да, {{ 10 }}–18", "k1") for _ in range(3)))
        assert [one["repeated"] for one in twice].count(False) == 1
        assert await _taken(shop) == ["Да, {{ 10 }}–18"], "braces of a person are no template"
        talk = await _talk(shop)
        assert (talk["state"], talk["last_by"], talk["owner"]) == ("open", "us", 7)
        assert talk["waiting_since"] is None and talk["unread"] == 0
        assert await _until(shop) == {shop.at + 24 * HOUR}

        shop.later(hours=1)
        waits = await _offer(shop, "offer/1")
        assert (waits["state"], waits["reason"]) == ("waiting", "talking")
        await shop.hear(paid(at=shop.at))
        await shop.answer()
        assert len(await _taken(shop)) == 1, "news about the order goes"
        async with db.transaction(shop.runtime.pool) as tx:
            await conversations.change(tx, shop.store, who, care.closed)
        assert await _until(shop) == {None}
        (gone,) = await _taken(shop)
        assert gone.startswith("Sale")

        # What is queued already is held back when it is taken.
        shop.later(days=2)
        await _offer(shop, "offer/2")
        await _say(shop, who, "Чем ещё помочь?", "k2")
        assert await _taken(shop) == ["Чем ещё помочь?"]
        (row,) = await shop.rows("SELECT due_at FROM outbox")
        assert row["due_at"] == shop.at + 24 * HOUR
        shop.at = row["due_at"]
        assert len(await _taken(shop)) == 1

    play(story, languages=["ru", "en"])


def test_who_is_asleep_is_answered_in_the_morning_and_a_merge_keeps_the_talk(play: Play) -> None:
    """R79, R115. Both names of one person are the same talk; it is nine where she may be."""

    async def story(shop: Shop) -> None:
        who = await _anna(shop)
        shop.at = datetime(2026, 11, 18, 20, 40, tzinfo=UTC)  # 23:40 in Minsk
        made = await _say(shop, who, "Доброе утро!", "k1", in_daytime=True)
        assert (made["state"], made["reason"]) == ("waiting", "quiet_hours")
        morning = datetime(2026, 11, 19, 6, tzinfo=UTC)
        assert await _until(shop) == {morning + 24 * HOUR}
        other = order("77", customer={"phone": "+375293334455", "name": "Анна"}, at=shop.at)
        await shop.hear(other)
        await shop.answer()
        rows = await shop.rows("SELECT id FROM contact WHERE id <> %(who)s", who=who)
        merged = facts.PeopleMerged(id="m", at=shop.at, contact=rows[0]["id"], other=who, by="x")
        await shop.hear(merged)
        await shop.answer()
        assert await _until(shop) == {morning + 24 * HOUR}, "under both names"
        assert (await _say(shop, who, "Ещё раз", "k2"))["state"] == "waiting"
        said = await shop.rows("SELECT contact_id FROM message WHERE cause = 'person'")
        assert {row["contact_id"] for row in said} == {who, rows[0]["id"]}
        async with db.transaction(shop.runtime.pool) as tx:
            await conversations.change(tx, shop.store, who, care.closed)
        assert await _until(shop) == {None}
        with pytest.raises(answers.NobodyThere):
            await _say(shop, 999_999, "?", "k3")
        # A store that lets offers go on says so once.
        await shop.rows("""UPDATE store SET policy = '{"talk_hours": 0}' RETURNING 1""")
        async with db.transaction(shop.runtime.pool) as tx:
            found = await stores.find(tx, shop.store.id)
            assert found is not None
        shop.store = found
        await _say(shop, who, "И снова", "k4")
        assert await _until(shop) == {None}

    play(story, span=16)


def test_a_question_of_a_survey_waits_as_offers_do_and_news_goes(play: Play) -> None:
    """R79, R80. Also where a store made it a service text: nobody is asked "how was it" then."""

    async def story(shop: Shop) -> None:
        who = await _anna(shop)
        steps = [
            {"id": "ask", "do": "ask", "text": "survey", "survey": "delivery"},
        ]  # fmt: skip
        journey = JOURNEY.validate_python(
            {"key": "own_1", "name": "Ask", "trigger": {"on": "fact", "kind": "payment.received"},
             "topic": "order", "steps": steps}
        )  # fmt: skip
        async with db.transaction(shop.runtime.pool) as tx:
            own = Automation(is_on=True, version=1, plan=journey)
            await automations.save(tx, shop.store.id, "own_1", own, shop.at, None)
        await _say(shop, who, "Смотрю", "k1")
        await _taken(shop)
        await shop.hear(paid(at=shop.at))
        await shop.answer()
        made = {one["recipe"]: one for one in await shop.messages()}
        assert (made["own_1"]["state"], made["own_1"]["reason"]) == ("waiting", "not_yet")
        assert made["own_1"]["not_before"] == shop.at + 24 * HOUR
        assert made["order_paid"]["reason"] == ""
        assert len(await _taken(shop)) == 1

    play(story)


def test_a_ready_answer_says_what_is_known_of_whom_it_is_for(play: Play) -> None:
    """R79. In their language, with the newest order and where it is; what is not known is empty."""

    async def story(shop: Shop) -> None:
        who = await _anna(shop)
        await shop.hear(parcel("in_transit", number="BY01", carrier="DHL", url="https://t.by/1"))
        await shop.answer()
        async with db.transaction(shop.runtime.pool) as tx:
            await canned.create(tx, shop.store.id, rules.ready(shop.store.languages), shop.at)
            known = {one.shortcut: one for one in await canned.of_store(tx, shop.store.id)}
        said = {
            word: await answers.fill(shop.runtime, shop.store, who, one)
            for word, one in known.items()
        }
        assert said["where"] == "Linden: ваш заказ 42 в пути, посылка BY01: https://t.by/1"
        assert said["thanks"] == "Linden: спасибо, что написали, Анна! Рады помочь."
        own = rules.Canned(0, "x", "", {"en": "{{ order.total }} {{ delivery.day }}."})
        assert await answers.fill(shop.runtime, shop.store, who, own) == "BYN 59.90."

    play(story)


@pytest.mark.parametrize(
    ("clock", "zones", "expected"),
    [
        (12, ("Europe/Minsk",), None),
        (20, ("Europe/Minsk",), 6),  # 23:00 there
        (3, ("Europe/Minsk",), 6),
        (20, ("Europe/Lisbon",), None),
        (20, ("Europe/Lisbon", "Europe/Minsk"), 9),  # it wakes nobody at either place
        (20, (), 6),
    ],
)
def test_night_is_where_they_may_be(clock: int, zones: tuple[str, ...], expected: Any) -> None:
    """R115."""
    who = Contact(1, PHONE, None, NOON, zones=zones)
    found = day_begins(store(), who, datetime(2026, 11, 18, clock, 30, tzinfo=UTC))
    assert (found and found.hour) == expected
