"""The demo's past: the same everywhere, and shaped as the records shape it."""

import asyncio
import hashlib
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest

from ringdove.demo import world
from ringdove.demo.chance import Chance, Rhythm, Weighed
from ringdove.demo.goods import LANGUAGES, catalogue
from ringdove.demo.letters import Letters
from ringdove.demo.past import Plan, Tables, make_past
from ringdove.demo.people import COUNTRIES, HOME, everybody
from ringdove.demo.rows import COLUMNS
from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, made_at
from ringdove.records import counters
from ringdove.records import facts as fact_records
from ringdove.records.store import stores, tally
from ringdove.rules import facts, languages, messages, texts
from ringdove.rules.people import phones
from ringdove.rules.scenes import Store
from ringdove.runtime import open_runtime
from ringdove.settings import Settings

NOW = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)
STORE = Store(
    3, "Linden & Co", "BY", "Europe/Minsk", ("en", "ru", "be", "it", "es"), "BYN", time(21),
    time(9), "https://linden.example", "+375 17 200 00 00", "hello@linden.example", 7, 4,
)  # fmt: skip
SMALL = Plan("small", 120, 400, 900, 30, HOME, goods=60, parks_one=True)


def past(now: datetime = NOW) -> Tables:
    return make_past(
        SMALL, STORE, lambda store_id, text: text, connection=1, sms=1, email=2, now=now
    )


def column(rows: Tables, table: str, name: str) -> list[Any]:
    place = COLUMNS[table].index(name)
    return [row[place] for row in rows[table]]


def test_the_past_is_the_same_on_every_machine() -> None:
    """These marks were made elsewhere: another Python or machine must come to the same."""
    assert past() == past()
    totals = column(past(), "purchase_order", "total")
    assert mark(everybody("linden", 500)) == "d96be8bd4f47ceae"
    assert mark(catalogue()) == "b3f9a5adbd0f2ba2"
    assert mark(totals) == "a78c848ba4234139"


def mark(made: object) -> str:
    return hashlib.sha256(repr(made).encode()).hexdigest()[:16]


def test_nothing_of_the_past_is_still_to_come() -> None:
    rows = past()
    for table, name in (
        ("purchase_order", "placed_at"), ("message", "created_at"), ("visit", "at"),
        ("inbound", "at"), ("fact", "heard_at"), ("parcel", "state_at"),
    ):  # fmt: skip
        assert max(column(rows, table, name)) <= NOW
    assert len(column(rows, "purchase_order", "id")) == 400


def test_ids_tell_their_time_and_bucket_and_differ() -> None:
    rows = past()
    for table in ("contact", "purchase_order", "message", "visit", "fact"):
        ids = column(rows, table, "id")
        assert len(ids) == len(set(ids))
        assert [bucket_of_id(one) for one in ids] == column(rows, table, "bucket")
    made, at = column(rows, "message", "id"), column(rows, "message", "created_at")
    assert all(abs(made_at(m) - a).total_seconds() < 0.01 for m, a in zip(made, at, strict=True))


def test_facts_of_the_past_can_be_read_again() -> None:
    for body in column(past(), "fact", "body"):
        assert facts.read(body).id == json.loads(body)["id"]


def test_texts_are_those_that_the_recipes_would_write() -> None:
    letters = Letters(STORE)
    values = {"order.number": "42", "parcel.shipped_on": "Wed", "parcel.carrier": "Lipa"}
    nouns = {
        "shop": {"name": STORE.name, "url": STORE.website, "phone": STORE.phone},
        "order": {"number": "42"},
        "parcel": {"shipped_on": "Wed", "carrier": "Lipa", "url": ""},
    }
    for language in STORE.languages:
        words = languages.phrases(language)["recipes"]["order_shipped"]["sms"]
        written = letters.write("recipes.order_shipped.sms", language, values)
        assert written == texts.render(words, nouns)
        with_url = letters.write(
            "recipes.order_shipped.sms", language, values | {"parcel.url": "https://t.example"}
        )
        assert with_url.startswith(written.rstrip(".")) and "https://t.example" in with_url


def test_campaigns_of_the_past_agree_with_themselves() -> None:
    """Only whom one might write to is left alone, taps need a link, codes are counted."""
    plan = replace(SMALL, people=300, orders=700, ways_in=True)
    made = make_past(
        plan, STORE, lambda store_id, text: hashlib.sha256(text.encode()).hexdigest(),
        connection=1, sms=1, email=2, now=NOW, link_key=bytes(16),
    )  # fmt: skip
    reasons = Counter(
        row[COLUMNS["message"].index("reason")] for row in made["message"]
        if row[COLUMNS["message"].index("campaign_id")]
    )  # fmt: skip
    assert 0 < reasons["holdout"] < 0.15 * (reasons[""] + reasons["holdout"])
    bodies = dict(zip(column(made, "message", "id"), column(made, "message", "body"), strict=True))
    assert all("/l/" in bodies[told] for told in column(made, "link_click", "message_id"))
    counted = dict(
        zip(column(made, "way_count", "name"), column(made, "way_count", "n"), strict=True)
    )
    assert counted["reward/3/given"] == len(made["promo_code"]) > 0


def test_no_text_has_a_hole_in_it() -> None:
    bodies = column(past(), "message", "body")
    assert not [body for body in bodies if "{{" in body or "  " in body or "\ue000" in body]
    assert set(column(past(), "message", "state")) <= set(messages.LIFE)


def test_phones_are_read_as_they_were_meant() -> None:
    """P9: of all the ways in which they are typed."""
    people = everybody("linden", 3_000)
    for person in people:
        read = phones.parse(person.typed_phone, person.country)
        if person.phone:
            assert isinstance(read, phones.Phone) and read.e164 == person.phone, person
            assert read.kind == "mobile"
        else:
            assert isinstance(read, phones.Doubtful), person
    assert {person.country for person in people} == set(COUNTRIES)
    assert 10 < sum(not person.phone for person in people) < 100
    assert all(person.email.isascii() for person in people)


def test_the_catalogue_is_named_in_every_language() -> None:
    goods = catalogue()
    assert len(goods) == 300 and len({good.sku for good in goods}) == 300
    assert len({good.categories["en"] for good in goods}) == 15
    for language in LANGUAGES:
        assert len({good.name(language) for good in goods}) > 290


def test_days_have_a_rhythm() -> None:
    moments = Rhythm("Europe/Minsk", NOW, 365).moments(Chance("rhythm"), 4_000)
    hours = Counter((moment.hour + 3) % 24 for moment in moments)
    assert hours[20] > 10 * hours[4]
    months = Counter(moment.month for moment in moments)
    assert months[12] > 1.3 * months[7]


def test_chance_weighs() -> None:
    chance, coins = Chance("coins"), Weighed({"often": 9.0, "rarely": 1.0})
    drawn = Counter(chance.weighed(coins) for _ in range(2_000))
    assert 1_700 < drawn["often"] < 1_900


@pytest.mark.slow
def test_the_world_fits_the_database(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rows pass the constraints, both shops are there and apart, today is alive."""
    less = tuple(
        (settings, replace(plan, people=min(plan.people, 300), orders=min(plan.orders, 700)), span)
        for settings, plan, span in world.SHOPS
    )
    monkeypatch.setattr(world, "SHOPS", less)

    async def look() -> None:
        settings = Settings(home=tmp_path, database_url=database_url)
        async with open_runtime(settings, clock=lambda: NOW) as runtime:
            assert not await world.is_there(runtime)
            await world.make_world(runtime, lambda words: None)
            assert await world.is_there(runtime)
            async with db.transaction(runtime.pool) as tx:
                linden, foxglove = await stores.every(tx)
                said = await tally.said(tx, linden)
                assert sum(one.n for one in said if one.state == "delivered") > 1_000
                today = await counters.by_hour(tx, linden, NOW.replace(hour=0, minute=0), NOW)
                assert {"facts", "queued", "sent"} <= {row["name"] for row in today}
                assert len(await fact_records.parked(tx, linden)) == 1
                assert await fact_records.parked(tx, foxglove) == []
                assert 0 < await tally.facts(tx, foxglove) < await tally.facts(tx, linden)

    asyncio.run(look())
