"""People found on a real PostgreSQL: kept with the contact, newest first, page by page."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records.people import fills, search, search_fill, search_traits
from ringdove.records.people.lookups import NO_END
from ringdove.records.people.search import Found
from ringdove.rules import facts
from ringdove.rules.people import searching
from ringdove.rules.people.searching import NO_FILTERS, Filters
from ringdove.workers.people import finding
from tests.flows.conftest import NOON, Shop, order, text

Play = Callable[..., None]


def registered(n: int, name: str, **more: Any) -> facts.CustomerChanged:
    told = {"phone": f"+37529{1_000_000 + n}", "name": name, "country": "BY"} | more
    return facts.CustomerChanged(id=f"c{n}", at=NOON, customer=facts.Customer(**told))


async def found(
    shop: Shop,
    typed: str = "",
    filters: Filters = NO_FILTERS,
    before: int = NO_END,
    most: int = 40,
    masked: bool = False,
) -> Found:
    async with db.transaction(shop.runtime.pool) as tx:
        needle = searching.needle(shop.store.id, typed, filters, masked=masked)
        return await search.find(tx, shop.store, needle, filters, shop.at, before, most)


async def names(
    shop: Shop, typed: str = "", filters: Filters = NO_FILTERS, **more: Any
) -> set[str]:
    return {row["name"] for row in (await found(shop, typed, filters, **more)).rows}


@pytest.mark.parametrize("span", [1, 128])
def test_people_are_found_by_parts_in_any_order_and_alphabet(play: Play, span: int) -> None:
    """Issue 4, item 8; R91."""

    async def story(shop: Shop) -> None:
        await shop.hear(
            order(), registered(1, "Łukasz Kowalski", email="luke.sky@mail.example"),
            registered(2, "Anna-Maria Rossi"),
        )  # fmt: skip
        await shop.answer()
        for typed in ("анна", "ANNA KOV", "коваль ан", "2233", "8 (029) 1112", "+37529111"):
            assert "Анна Коваль" in await names(shop, typed), typed
        assert await names(shop, "коваль ан") == {"Анна Коваль"}
        for typed in ("lukasz", "kow lu", "sky", "luke.sk", "1000001"):
            assert await names(shop, typed) == {"Łukasz Kowalski"}, typed
        assert await names(shop, "maria") == {"Anna-Maria Rossi"}
        assert await names(shop, "zzz") == await names(shop, "+44") == set()
        assert (
            await names(shop, "sky", masked=True) == await names(shop, "2233", masked=True) == set()
        )
        assert await names(shop, "kowalski", masked=True) == {"Łukasz Kowalski"}

    play(story, span=span)


def test_a_change_is_found_at_once_and_what_was_is_not(play: Play) -> None:
    """Kept in the transaction that changes the contact."""

    async def story(shop: Shop) -> None:
        await shop.hear(order())
        await shop.answer()
        before = await shop.rows("SELECT xmin::text AS at FROM contact_search")
        await shop.hear(order("43"))
        await shop.answer()
        assert await shop.rows("SELECT xmin::text AS at FROM contact_search") == before
        customer = facts.Customer(phone="+375291112233", name="Ганна Ліс")
        await shop.hear(facts.CustomerChanged(id="c", at=NOON, customer=customer), text("Stop"))
        await shop.answer()
        assert await names(shop, "коваль") == set()
        assert await names(shop, "ганна", Filters(offers="out")) == {"Ганна Ліс"}
        assert await names(shop, "ганна", Filters(offers="in")) == set()

    play(story)


def test_filters_narrow_alone_and_together(play: Play) -> None:
    """R20, R22: by what is kept of a person, and by when."""

    async def story(shop: Shop) -> None:
        await shop.hear(order(), registered(1, "Marco Rossi", country="IT", language="it"))
        await shop.answer()
        both = {"Анна Коваль", "Marco Rossi"}
        day = timedelta(days=1)
        for filters, who in (
            (Filters(country="it"), {"Marco Rossi"}),
            (Filters(language="IT", ordered="no"), {"Marco Rossi"}),
            (Filters(ordered="yes"), {"Анна Коваль"}),
            (Filters(ordered_since=NOON - day), {"Анна Коваль"}),
            (Filters(ordered_since=NOON + day), set()),
            (Filters(not_ordered_since=NOON + day), {"Анна Коваль"}),
            (Filters(offers="none"), both),
            (Filters(paused=True), set()),
            (Filters(doubtful=True), set()),
            (Filters(fields={"size": "42"}), set()),
            (Filters(country="BY", ordered="no"), set()),
        ):
            assert await names(shop, "", filters) == who, filters

    play(story)


@pytest.mark.parametrize("span", [1, 128])
@pytest.mark.parametrize("far", [False, True])
def test_pages_hold_everybody_once_newest_first(
    play: Play, monkeypatch: pytest.MonkeyPatch, span: int, far: bool
) -> None:
    """Whatever path finds them: the newest, the index, or step by step."""
    for name, n in (("GLANCE", 5), ("LOOK", 10), ("FAR_LOOK", 15)):
        monkeypatch.setattr(search, name, n)
    monkeypatch.setattr(search, "FEW_MAX", 3 if far else 500)

    async def story(shop: Shop) -> None:
        people = [registered(n, f"Anna {'Rare' if n % 9 == 0 else 'Often'}") for n in range(60)]
        await shop.hear(*people)
        await shop.answer()
        for typed, n in (
            ("anna", 60),
            ("rare", 7),
            ("often", 53),
            ("a", 60),
            ("100001", 10),
            ("anna r", 7),
        ):
            seen: list[int] = []
            before = NO_END
            for _ in range(80):
                page = await found(shop, typed, before=before, most=4)
                seen += [row["id"] for row in page.rows]
                if page.next is None:
                    break
                assert page.next < before
                before = page.next
            assert len(seen) == len(set(seen)) == n, typed
            assert seen == sorted(seen, reverse=True)

    play(story, span=span)


def test_orders_are_found_by_the_beginning_of_their_number(play: Play) -> None:
    """The shortest that fits comes first; what stands before the digits need not be typed."""

    async def story(shop: Shop) -> None:
        await shop.hear(*(order(key, number=f"L-{key}") for key in ("1042", "104", "77")))
        await shop.answer()
        async with db.transaction(shop.runtime.pool) as tx:
            for typed in ("104", "L-104", "#l-104", "№104"):
                found = await search.of_orders(tx, shop.store, typed)
                assert list(found.values()) == ["L-104"], typed  # one person, once
            assert await search.of_orders(tx, shop.store, "105") == {}
            assert await search.of_orders(tx, shop.store, "anna") == {}

    play(story)


def test_who_came_by_copy_is_made_findable_and_nobody_else_is_touched(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step by step, the newest first; killed at any moment, the next one goes on."""
    monkeypatch.setattr(fills, "STEP", 7)

    async def story(shop: Shop) -> None:
        await shop.hear(*(registered(n, f"Person {n:02}") for n in range(20)))
        await shop.answer()
        await shop.rows("DELETE FROM contact_search RETURNING contact_id")
        assert await names(shop, "person") == set()
        async with db.transaction(shop.runtime.pool) as tx:
            await search_fill.ask(tx, shop.store)
        async with db.transaction(shop.runtime.pool) as tx:
            assert await search_fill.step(tx, shop.store)
            assert await search_fill.left_before(tx, shop.store)
        assert len(await names(shop, "person")) == 7
        await finding.fill(shop.runtime, shop.store)
        assert len(await names(shop, "person")) == 20
        async with db.transaction(shop.runtime.pool) as tx:
            assert await search_fill.left_before(tx, shop.store) is None

    play(story)


def test_traits_are_counted_where_they_are_few(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact below the limit; above it what ANALYZE knows, said to be about."""

    async def story(shop: Shop) -> None:
        await shop.hear(order(), registered(1, "Marco Rossi", country="IT"))
        await shop.answer()
        async with db.transaction(shop.runtime.pool) as tx:
            traits = await search_traits.traits(tx, shop.store)
            assert traits.people == 2 and not traits.is_about
            assert dict(traits.of("country")) == {"by": 1, "it": 1}
        monkeypatch.setattr(search_traits, "COUNTED_MAX", 1)
        async with db.transaction(shop.runtime.pool) as tx:
            await tx.execute("ANALYZE contact_search")
        async with db.transaction(shop.runtime.pool) as tx:
            traits = await search_traits.traits(tx, shop.store)
            assert traits.is_about and traits.people == 2

    play(story)
