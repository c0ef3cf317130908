"""What is bought after what, what is like what, and which of it a text names."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.bench import accessories as guessing
from ringdove.bench.accessories_ground import KINDS
from ringdove.rules.goods import accessories, alike, choosing
from ringdove.rules.goods.accessories import AFTER, OF_SHOP, Bought, Had, Learnt, Pair, Sums
from ringdove.rules.goods.alike import Product
from ringdove.rules.goods.choosing import Past, Shelf
from ringdove.rules.wants import Good, GoodsWish

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
KINDS_OF = {"bike": "bikes", "racer": "bikes", "tube": "parts", "case": "bags", "tea": "tea"}


def _bought(person: int, sku: str, day: float, order: int = 0) -> Bought:
    return Bought(person, sku, KINDS_OF[sku], day, order or person * 1000 + int(day))


# Half of those with a bicycle buy its tube later; all of them had bought tea before.
SHOP = [
    *(_bought(n, "bike", 10) for n in range(40)),
    *(_bought(n, "tube", 20) for n in range(20)),
    *(_bought(n, "tea", 1) for n in range(60)),
    *(_bought(100 + n, "racer", 5) for n in range(3)),
    *(_bought(200 + n, "case", 3) for n in range(30)),
]


def _lists(*without: str) -> dict[str, list[Pair]]:
    sold = {sku: kind for sku, kind in KINDS_OF.items() if sku not in without}
    return dict(Learnt(accessories.counted(SHOP), sold).lists())


def _wanted(lists: dict[str, list[Pair]], *had: str) -> list[str]:
    some = [Had(sku, KINDS_OF.get(sku, ""), 5.0) for sku in had]
    return [one.sku for one in accessories.wanted(lists, some)]


def test_the_tube_follows_the_bicycle_and_not_the_other_way_round():
    """R53, R74: in the order of time."""
    assert _wanted(_lists(), "bike")[0] == "tube"
    assert "bike" not in _wanted(_lists(), "tube")


def test_no_second_bicycle():
    """R15: nobody who bought one bought another."""
    assert "racer" not in _wanted(_lists(), "bike")


def test_what_few_or_nobody_bought_leads_where_its_category_does():
    """R53: goods of which nothing is known yet."""
    assert _wanted(_lists(), "racer")[0] == "tube"
    unknown = [Had("brand-new", "bikes", 0.0)]
    assert accessories.wanted(_lists(), unknown)[0].sku == "tube"


def test_what_is_not_sold_is_in_no_list():
    """R62: nothing that cannot be bought."""
    lists = _lists("tube")
    assert lists and all(one.sku != "tube" for some in lists.values() for one in some)


def test_what_was_bought_long_ago_leads_less_than_what_was_bought_now():
    """R53: the last purchase is what it is about."""
    lists = {AFTER + "a": [Pair("to-a", 0.3)], AFTER + "b": [Pair("to-b", 0.2)], OF_SHOP: []}
    old = accessories.wanted(lists, [Had("a", "x", 90.0), Had("b", "y", 1.0)])
    assert [one.sku for one in old] == ["to-b", "to-a"]


@given(
    st.lists(
        st.builds(
            Bought, st.integers(0, 6), st.sampled_from("abcdefgh"), st.just(""),
            st.floats(0, 300, allow_nan=False), st.integers(1, 9),
        ),
        max_size=40, unique_by=lambda one: (one.person, one.sku),
    ),
    st.sets(st.sampled_from("abcdefgh")),
)  # fmt: skip
def test_chances_are_chances(bought: list[Bought], had: set[str]):
    """Whatever was bought: between 0 and 1, in order, nothing twice, nothing that they have; and
    sums of parts are the sums of the whole."""
    kinds = {sku: "first" if sku in "abcd" else "second" for sku in "abcdefgh"}
    bought = [one._replace(category=kinds[one.sku]) for one in bought]
    whole = accessories.counted(bought)
    lists = dict(Learnt(whole, kinds).lists())
    for about, some in lists.items():
        assert [one.chance for one in some] == sorted((one.chance for one in some), reverse=True)
        assert len({one.sku for one in some}) == len(some) <= accessories.KEPT
        # What may be bought is counted several times a person, hence no more than so many.
        assert all(0 < one.chance <= len(kinds) or about == OF_SHOP for one in some)
    found = accessories.wanted(lists, [Had(sku, kinds[sku], 3.0) for sku in sorted(had)])
    assert not had & {one.sku for one in found}
    assert accessories.asked([Had(sku, kinds[sku], 3.0) for sku in had]) >= {OF_SHOP}
    parts = Sums()
    for who in range(7):
        parts.add(accessories.counted(one for one in bought if one.person == who))
    assert parts.buyers == whole.buyers and parts.after_any == pytest.approx(whole.after_any)


@pytest.mark.slow
def test_accessories_are_guessed_better_than_by_cosine():
    """R53, R74: of goods new to the customer, in a shop of gear; the whole of it is measured by
    `ringdove bench accessories`."""
    found = guessing.of_shop(replace(KINDS[0], people=800), 1)
    assert found["ours"]["hit"] > found["cosine"]["hit"] > 0
    assert found["ours"]["mrr"] > found["cosine"]["mrr"]
    assert found["all known"]["mrr"] > found["ours"]["mrr"]


# ------------------------------------------------------------------ what is like what


def test_like_is_what_is_called_and_costs_about_the_same():
    """R49: a cup like a cup, not like a kettle of its category."""
    cups = [
        Product("a", "Blue cup", "cups", "Lipa", Decimal(10)),
        Product("b", "Red cup", "cups", "Lipa", Decimal(12)),
        Product("c", "Red cup", "cups", "Lipa", Decimal(90)),
        Product("d", "Kettle", "cups", "Other", Decimal(11)),
        Product("e", "Blue cup", "plates", "Lipa", Decimal(10)),
        Product("f", "Nothing is known of it", ""),
    ]
    lists = dict(alike.lists(cups, {"d": 5}))
    assert [one.sku for one in lists["like/a"]] == ["b", "d", "c"]
    assert "like/e" not in lists and "like/f" not in lists  # nothing else is of their category


def test_a_large_category_is_compared_with_its_best_sold_and_newest():
    """A list is made in the same time however many goods there are."""
    many = [Product(f"s{n:04}", f"Cup {n}", "cups", "", Decimal(5)) for n in range(600)]
    lists = dict(alike.lists(many, {f"s{n:04}": 10 for n in range(300, 400)}))
    named = {one.sku for some in lists.values() for one in some}
    assert len(lists) == 600 and len(named) <= alike.AMONG


# ------------------------------------------------------------------ choosing


def _past(*skus: str, ago: float = 10.0, times: int = 1) -> list[Past]:
    at = NOON - timedelta(days=ago)
    return [Past(sku, KINDS_OF.get(sku, "parts"), at, times) for sku in skus]


@pytest.mark.parametrize(
    ("choice", "skus", "category", "past", "wish"),
    [
        ("accessories", ("bike",), "bikes", [], ["tube"]),
        ("accessories", ("bike",), "bikes", _past("tube"), []),
        ("accessories", (), "", _past("bike"), ["tube"]),
        ("similar", ("bike",), "bikes", [], ["racer"]),
        ("similar", ("bike", "racer"), "bikes", [], []),
        ("similar", ("unheard",), "parts", [], ["pump", "chain"]),
        ("new", (), "parts", [], ["chain", "pump"]),
        ("new", (), "parts", _past("chain"), ["pump"]),
        ("new", (), "", _past("tube"), ["chain", "pump"]),
        ("new", (), "", [], []),
        ("again", (), "parts", [*_past("pump", ago=5), *_past("chain", times=3)],
         ["chain", "pump"]),
        ("again", ("pump",), "parts", [*_past("pump"), *_past("chain", times=3)], ["pump"]),
        ("again", (), "tea", _past("pump", times=2), []),
        ("again", (), "bikes", _past("bike"), []),
        ("again", (), "", [*_past("bike"), *_past("tea", times=2)], ["tea"]),
        ("", ("bike",), "bikes", _past("tube"), []),
    ],
)  # fmt: skip
def test_what_is_chosen(choice, skus, category, past, wish):
    """R49, R53, R38, N4: each choice, of what is known of the person and the goods."""
    lists = {
        "after/bike": [Pair("tube", 0.4)], "like/bike": [Pair("racer", 1.0)],
        "like/racer": [Pair("bike", 1.0)], "of/parts": [Pair("pump", 0.2), Pair("chain", 0.1)],
        "shop": [Pair("tea", 0.5)],
    }  # fmt: skip
    shelf = Shelf({1: past}, {"bike": "bikes"}, lists, {"parts": ["chain", "pump"]})
    asked = GoodsWish(1, choice, skus, category)
    found = choosing.chosen(asked, shelf, NOON)
    assert found == wish
    # What was loaded for it is enough: lists that were not asked for change nothing.
    some = {name: lists[name] for name in choosing.asked(asked, shelf, NOON) & lists.keys()}
    new = {kind: shelf.new.get(kind, ()) for kind in choosing.new_kinds(asked, shelf)}
    assert choosing.chosen(asked, replace(shelf, lists=some, new=new), NOON) == found


def test_only_what_is_there_is_named_and_no_more_than_fits():
    """R62: the next best where one is sold out."""
    there = {sku: Good(sku, sku.upper(), "") for sku in "bcde"}
    assert [one.sku for one in choosing.named("abcde", there)] == ["b", "c"]
