"""Automations whose time comes: dates, segments, a clock, expected purchases, new goods."""

import asyncio
from datetime import date, time, timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records.automations import automations
from ringdove.records.segments import rhythms
from ringdove.records.store import stores
from ringdove.records.store.stores import StoreSettings
from ringdove.rules import facts
from ringdove.rules.automations.journeys import (
    ClockStrikes,
    DateComes,
    Enters,
    GoodsNew,
    Journey,
    PurchaseDue,
)
from ringdove.rules.automations.plans import Automation
from ringdove.rules.segments import segments
from ringdove.rules.steps.send import Send
from ringdove.workers.automations import triggers
from tests.flows.conftest import NOON, Shop, order

TODAY = NOON.date()
DAY = timedelta(days=1)
PHONES = {name: f"+37529111220{n}" for n, name in enumerate(("Anna", "Boris", "Clara", "Daria"))}


async def switch(
    shop: Shop, trigger: Any, key: str = "own_1", version: int = 1, is_on: bool = True, **more: Any
) -> None:
    """A store's own automation that says one text."""
    journey = Journey.model_validate(
        {"key": key, "trigger": trigger, "topic": "wishes", "about": "{occasion}",
         "steps": (Send(id="say", text="wish"),)} | more
    )  # fmt: skip
    own = Automation(is_on, version, texts={"ru": {"wish": {"sms": "Это вам"}}}, plan=journey)
    async with db.transaction(shop.runtime.pool) as tx:
        assert await automations.save(tx, shop.store.id, key, own, shop.at, None)


async def met(shop: Shop, **people: dict[str, Any]) -> None:
    """People that the shop tells of."""
    told = [
        facts.CustomerChanged.model_validate(
            {"id": f"{name}/{shop.at}/{more}", "at": shop.at,
             "customer": {"name": name, "phone": PHONES[name], "country": "BY"} | more}
        )
        for name, more in people.items()
    ]  # fmt: skip
    await shop.hear(*told)
    await shop.answer()


async def look(shop: Shop, rests: triggers.Rests | None = None) -> list[str]:
    """Who is told of at this look."""
    before = {row["id"] for row in await due(shop)}
    await triggers.look(shop.runtime, rests)
    return sorted(row["name"] for row in await due(shop) if row["id"] not in before)


async def due(shop: Shop) -> list[dict[str, Any]]:
    return await shop.rows(
        """SELECT f.id, f.at, f.body, c.name FROM fact f
           JOIN contact c ON c.id = (f.body ->> 'contact')::bigint
           WHERE f.kind = 'automation.due' ORDER BY f.id"""
    )


async def said(shop: Shop) -> list[str]:
    """To whom something was said."""
    await shop.answer()
    rows = await shop.rows(
        """SELECT c.name FROM message m JOIN contact c ON c.id = m.contact_id
           WHERE m.recipe LIKE 'own%%' AND m.state = 'waiting'"""
    )
    return sorted(row["name"] for row in rows)


@pytest.mark.parametrize("span", [1, 3])
def test_birthdays_are_told_once_and_late_rather_than_never(play, span):
    """R75, R76, R117: whatever dies and whenever it is looked; the merged are one person."""

    async def story(shop: Shop) -> None:
        tomorrow, leap = TODAY + DAY, date(2020, 2, 29)
        await met(
            shop,
            Anna={"birthday": TODAY.replace(year=1990)},
            Boris={"birthday": tomorrow.replace(year=1985), "children": [TODAY.replace(year=2020)]},
            Clara={"birthday": leap},
            Daria={"fields": {}},
        )
        shop.later(days=-1)
        await switch(shop, DateComes(at=time(10)))
        await switch(shop, DateComes(what="children", at=time(10)), "own_2")
        assert await look(shop) == []
        shop.later(days=1)
        assert await look(shop) == ["Anna", "Boris"]
        (mark,) = await shop.rows("SELECT DISTINCT until FROM trigger_mark")
        assert mark["until"] == shop.at.replace(hour=7), "until then all is told: not again"
        assert await look(shop) == []
        await shop.rows("DELETE FROM trigger_mark RETURNING 1")  # as if it had died before
        assert await look(shop) == []
        assert await said(shop) == ["Anna", "Boris"]
        shop.later(days=3)  # nobody worked on the day itself
        assert await look(shop) == ["Boris"]
        assert await said(shop) == ["Anna", "Boris", "Boris"]
        (row,) = [row for row in await due(shop) if row["at"] == shop.at.replace(hour=7) - 2 * DAY]
        assert row["body"]["day"] == tomorrow.isoformat()
        shop.later(days=(date(2027, 2, 28) - shop.at.date()).days)
        assert await look(shop) == ["Clara"], "born on 29 February"

    play(story, span=span)


def test_dates_of_fields_and_orders(play):
    """R22, R54: a field of the shop's own every year; so long after the last order."""

    async def story(shop: Shop) -> None:
        await shop.rows(
            """INSERT INTO own_field (store_id, key, title, kind, created_at)
               VALUES (1, 'wedding', 'Wedding', 'date', now()) RETURNING 1"""
        )
        await met(shop, Anna={"fields": {"wedding": "2019-11-20"}}, Boris={"fields": {}},
                  Clara={"fields": {"wedding": "2027-11-20"}})  # fmt: skip
        who = {"phone": PHONES["Boris"], "name": "Boris", "country": "BY"}
        await shop.hear(order("1", customer=who, at=NOON - 29 * DAY))
        await shop.answer()
        await switch(shop, DateComes(what="field", field="wedding", days=-1, at=time(10)))
        await switch(shop, DateComes(what="last_order", days=30, at=time(10)), "own_2")
        await switch(shop, DateComes(what="first_order", days=30, at=time(11)), "own_3")
        shop.later(days=1)
        assert await look(shop) == ["Anna", "Boris", "Boris"]
        shop.later(days=1)
        assert await look(shop) == []

    play(story)


def test_who_enters_a_segment_is_told_of_each_time_they_do(play):
    """R117. Who was in it before is not; who leaves may enter again; switched off, nobody is."""

    async def story(shop: Shop) -> None:
        who = segments.Place(cities=("Гродно",))
        await met(shop, Anna={"city": "Гродно"}, Boris={"city": "Минск"})
        await switch(shop, Enters(who=who))
        await switch(shop, Enters(who=who, also_now=True), "own_2")
        assert await look(shop) == ["Anna"], "own_2 alone"
        shop.later(minutes=5)
        await met(shop, Boris={"city": "Гродно"}, Clara={"city": "Гродно"})
        assert await look(shop) == ["Boris", "Boris", "Clara", "Clara"]
        assert await look(shop) == []
        shop.later(minutes=5)
        await met(shop, Boris={"city": "Брест"})
        assert await look(shop) == []
        shop.later(minutes=5)
        await met(shop, Boris={"city": "Гродно"})
        assert await look(shop) == ["Boris", "Boris"]
        await switch(shop, Enters(who=who), version=2, is_on=False)
        await switch(shop, Enters(who=who), "own_2", version=2, is_on=False)
        await met(shop, Daria={"city": "Гродно"})
        assert await look(shop) == []
        shop.later(minutes=5)
        await switch(shop, Enters(who=who), version=3)
        assert await look(shop) == [], "from now on"

    play(story)


def test_a_process_that_dies_while_people_enter_tells_nobody_twice(play, monkeypatch):
    """P5: the page of people and what is told of them are one transaction."""

    async def story(shop: Shop) -> None:
        monkeypatch.setattr(triggers.records, "ENTER_MAX", 2)
        monkeypatch.setattr(triggers.records.enter, "__defaults__", (2,))
        await met(shop, **{name: {"city": "Гродно"} for name in PHONES})
        await switch(shop, Enters(who=segments.Place(cities=("Гродно",)), also_now=True))

        async def dies(*_: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as broken:
            broken.setattr(triggers, "_keep_mark", dies)
            with pytest.raises(KeyboardInterrupt):
                await triggers.look(shop.runtime)
        assert len(await due(shop)) == 4
        shop.later(minutes=1)
        assert await look(shop) == []
        assert await said(shop) == sorted(PHONES)

    play(story)


def test_a_clock_strikes_for_all_who_are_meant(play):
    """R19, P11: an automation that cannot be looked at stops no other."""

    async def story(shop: Shop) -> None:
        await met(shop, Anna={"city": "Гродно"}, Boris={"city": "Минск"}, Clara={"sex": "f"})
        broken = ClockStrikes(every="day", who=segments.InSegment(segment=99))
        await switch(shop, broken, "own_1")
        meant = segments.Not(of=segments.Place(cities=("Минск",)))
        await switch(shop, ClockStrikes(weekday=4, at=time(16), who=meant), "own_2",
                     when=segments.Sex(sex="f"))  # fmt: skip
        assert await look(shop) == []
        shop.at = NOON + 2 * DAY  # a Friday, three in the afternoon in Minsk
        assert await look(shop) == []
        shop.later(hours=1)
        assert await look(shop) == ["Clara"]
        assert await said(shop) == ["Clara"]
        shop.later(days=21)
        assert await look(shop) == ["Clara"], "once for the three that were missed"

    play(story)


def test_a_purchase_is_expected_once_however_its_day_is_reckoned(play):
    """N4, R14, R15: by the person's own rhythm; learnt anew each night, told once a purchase."""

    async def story(shop: Shop) -> None:
        who = {"phone": PHONES["Anna"], "name": "Anna", "country": "BY"}
        bought = [
            order(str(days), customer=who, at=NOON - days * DAY,
                  lines=[{"name": "Корм", "price": "20", "category": "food"},
                         {"name": "Миска", "price": "20", "category": "bowls"}])
            for days in (50, 40, 30, 20, 10)
        ]  # fmt: skip
        await shop.hear(*bought)
        await shop.answer()
        await switch(shop, PurchaseDue(categories=("food",), days=-1, at=time(10)))
        async with db.transaction(shop.runtime.pool) as tx:
            await rhythms.learn(tx, shop.store, shop.at)
        (pace,) = await shop.rows("SELECT gap_days, weight FROM rhythm WHERE category = 'food'")
        gap = (40 + pace["weight"] * pace["gap_days"]) / (4 + pace["weight"])
        expected = (NOON - 10 * DAY + timedelta(days=gap)).date()
        found = []
        for _ in range(60):
            found += [(name, shop.at.date()) for name in await look(shop)]
            shop.later(days=1)
        assert found == [("Anna", expected - DAY)]
        await shop.rows("UPDATE rhythm SET gap_days = gap_days - 3 RETURNING 1")
        shop.at = NOON + (expected - TODAY)
        await shop.rows("UPDATE trigger_mark SET until = %(at)s RETURNING 1", at=shop.at - 2 * DAY)
        assert await look(shop) == [], "of this purchase it was told"

    play(story)


def test_who_is_expected_earlier_than_was_thought_is_told_of_late(play):
    """N4: a rhythm that is learnt to be quicker leaves nobody out."""

    async def story(shop: Shop) -> None:
        who = {"phone": PHONES["Anna"], "name": "Anna", "country": "BY"}
        lines = [{"name": "Корм", "price": "20", "category": "food"}]
        await shop.hear(order("1", customer=who, at=NOON - 10 * DAY, lines=lines))
        await shop.answer()
        shop.later(days=-8)
        await switch(shop, PurchaseDue(at=time(10)))
        shop.at = NOON
        assert await look(shop) == []
        await shop.rows(
            """INSERT INTO rhythm (store_id, category, people, gap_days, weight, spent, learnt_at)
               VALUES (1, 'food', 9, 8, 4, 1, now()) RETURNING 1"""
        )
        shop.later(days=1)
        assert await look(shop) == ["Anna"]

    play(story)


def test_new_goods_are_told_to_who_buys_of_the_category_once_in_a_while(play):
    """R38."""

    async def story(shop: Shop) -> None:
        people = {name: {"phone": PHONES[name], "name": name, "country": "BY"} for name in PHONES}
        lines = [{"name": "Чай", "price": "20", "category": "tea"}]
        await shop.hear(
            order("1", customer=people["Anna"], lines=lines),
            order("2", customer=people["Boris"],
                  lines=[{"name": "Нож", "price": "9", "category": "knives"}]),
            *(facts.VisitMade(id=f"v{n}", at=NOON, customer=people["Clara"], category="tea")
              for n in range(2)),
            facts.VisitMade(id="v9", at=NOON, customer=people["Daria"], category="tea"),
            product("old", NOON - 100 * DAY), product("older", NOON - DAY),
        )  # fmt: skip
        await shop.answer()
        await switch(shop, GoodsNew(at=time(10)), when=segments.EVERYBODY)
        shop.later(days=1)
        assert await look(shop) == [], "it was known before it was switched on"
        await shop.hear(product("green", shop.at), product("sold", shop.at, stock=0))
        await shop.answer()
        shop.later(days=1)
        assert await look(shop) == ["Anna", "Clara"]
        assert await said(shop) == ["Anna", "Clara"]
        await shop.hear(product("black", shop.at), product("green", shop.at, name="Зелёный"))
        await shop.answer()
        for days in (1, 11):
            shop.later(days=days)
            assert await look(shop) == [], "less than two weeks ago"
        shop.later(days=2)
        assert await look(shop) == ["Anna", "Clara"], "the black one"
        assert len(await said(shop)) == 4
        shop.later(days=20)
        assert await look(shop) == []

    play(story)


def product(sku: str, at: Any, **more: Any) -> facts.ProductChanged:
    told = {"name": sku, "category": "tea", "price": "5"} | more
    return facts.ProductChanged.model_validate({"id": f"{sku}/{at}", "at": at, "sku": sku} | told)


def test_what_a_dead_process_left_untold_the_next_one_tells(play, monkeypatch):
    """P5, R117: also when two look at once."""

    async def story(shop: Shop) -> None:
        monkeypatch.setattr(triggers.records, "PAGE_MAX", 1)
        await met(shop, **{name: {"birthday": TODAY.replace(year=1990)} for name in PHONES})
        shop.later(days=-1)
        await switch(shop, DateComes(at=time(10)))
        shop.later(days=1)
        tell, told = triggers._tell, []

        async def dies(*given: Any) -> int:
            if len(told) == 2:
                raise ConnectionError
            told.append(given)
            return await tell(*given)

        with monkeypatch.context() as broken:
            broken.setattr(triggers, "_tell", dies)
            await triggers.look(shop.runtime)
        assert len(await due(shop)) == 2
        await asyncio.gather(triggers.look(shop.runtime), triggers.look(shop.runtime))
        assert len(await due(shop)) == 4
        assert await said(shop) == sorted(PHONES)

    play(story)


def test_a_store_that_cannot_be_looked_at_stops_no_other(play, monkeypatch):
    """P11."""

    async def story(shop: Shop) -> None:
        async with db.transaction(shop.runtime.pool) as tx:
            wishes = StoreSettings(
                name="Ash", country="BY", time_zone="Europe/Minsk", languages=["ru"],
                currency="BYN", quiet_from=time(21), quiet_until=time(9),
            )  # fmt: skip
            another = await stores.create(tx, wishes, NOON)
        plans, looked = triggers.automations.plans, []

        async def breaks(tx: Any, store_id: int) -> Any:
            looked.append(store_id)
            if store_id == shop.store.id:
                raise ValueError
            return await plans(tx, store_id)

        monkeypatch.setattr(triggers.automations, "plans", breaks)
        await triggers.look(shop.runtime)
        assert sorted(looked) == [shop.store.id, another.id]

    play(story)
