"""Codes for a page of a campaign: one each, the same one again, and nobody has another's (P7)."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.kit.buckets import BUCKETS
from ringdove.records.consent import forms
from ringdove.records.offers import code_lists, codes, rewards
from ringdove.rules.consent.ways_in import Form, Reward
from ringdove.rules.effects import GiveReward, UseCode
from ringdove.rules.offers import offers
from tests.flows.conftest import NOON, Shop

OWN = Reward(0, "o1", "Teas", "code", source="own", prefix="TEA", valid_days=14)
POOL = replace(OWN, token="o2", source="pool", prefix="")
COMMON = replace(OWN, token="o3", source="common", code="HELLO10")


async def made(shop: Shop, offer: Reward) -> Reward:
    async with db.transaction(shop.runtime.pool) as tx:
        number = await rewards.create(tx, shop.store.id, offer, NOON)
    return replace(offer, id=number)


async def page(tx: db.Tx, shop: Shop, offer: Reward, people: list[int]) -> list[str]:
    runtime = shop.runtime
    keyed = partial(runtime.keyed, shop.store.id)
    return await codes.for_page(tx, shop.store, offer, people, shop.at, keyed, runtime.ids)


async def given(shop: Shop, offer: Reward, people: list[int]) -> list[str]:
    async with db.transaction(shop.runtime.pool) as tx:
        return await page(tx, shop, offer, people)


async def counts(shop: Shop) -> dict[str, int]:
    rows = await shop.rows("SELECT name, sum(n)::integer AS n FROM way_count GROUP BY name")
    return {row["name"]: row["n"] for row in rows}


async def use(shop: Shop, code: str) -> None:
    async with db.transaction(shop.runtime.pool) as tx:
        await codes.use(tx, shop.store, [UseCode(code, "42", shop.at)])


def people_of(shop: Shop, n: int) -> list[int]:
    bucket = BUCKETS[shop.store.bucket_base]
    return shop.runtime.ids.make_many(bucket, n)


def test_a_page_gets_codes_and_the_same_ones_again(play: Any) -> None:
    """P7, R34: repeats, follow-ups and changes burn no codes; a used one is followed by another."""

    async def story(shop: Shop) -> None:
        people = people_of(shop, 300)
        for offer, listed in ((OWN, 0), (POOL, 301)):
            offer = await made(shop, offer)
            async with db.transaction(shop.runtime.pool) as tx:
                await code_lists.add(tx, shop.store, offer.id, [f"L{n}" for n in range(listed)], [])
            first = await given(shop, offer, people)
            assert len(set(first)) == 300 and all(first)
            assert first == await given(shop, offer, people)
            await use(shop, first[0])
            shop.later(days=3)
            again = await given(shop, offer, people)
            assert again[1:] == first[1:] and again[0] != first[0] and again[0]
            rows = await shop.rows(
                "SELECT code, contact_id, given_at, valid_until FROM promo_code"
                " WHERE reward_id = %(id)s", id=offer.id,
            )  # fmt: skip
            assert len(rows) == 301
            # What is said of the end is true: it moves on with what was said last.
            ends = {row["code"]: row["valid_until"] for row in rows}
            assert ends[first[1]] == shop.at + timedelta(days=14) == ends[again[0]]
            assert (await counts(shop))[f"reward/{offer.id}/given"] == 301

    play(story)


def test_a_large_page_is_given_at_once_and_by_chance_taken_codes_are_seen(play: Any) -> None:
    """P7: a COPY; where one of its codes is somebody else's, they are asked one by one."""

    async def story(shop: Shop) -> None:
        people = people_of(shop, codes.COPIED_FROM * 2)
        offer = await made(shop, replace(OWN, valid_days=0))
        half = await given(shop, offer, people[: codes.COPIED_FROM])
        assert half == await given(shop, offer, people[: codes.COPIED_FROM])
        # By chance: the last one's code is another person's already, and no probe meets it.
        secret = shop.runtime.keyed(shop.store.id, f"offer/{offer.id}")
        (taken,) = offers.own_codes(offer.prefix, secret, people[-1:], 0)
        last = replace(offer, id=offer.id + 1)
        async with db.transaction(shop.runtime.pool) as tx:
            await codes.give(tx, shop.store, [
                GiveReward(1, people[0], last.id, NOON, taken, True, False, 0, None)
            ])  # fmt: skip
        rest = await given(shop, offer, people[codes.COPIED_FROM :])
        assert len({*half, *rest, taken}) == len(people) + 1 and all(rest)
        rows = await shop.rows("SELECT contact_id, code FROM promo_code WHERE reward_id = %(id)s",
                               id=offer.id)  # fmt: skip
        assert {row["contact_id"]: row["code"] for row in rows} == dict(
            zip(people, [*half, *rest], strict=True)
        )

    play(story)


def test_a_list_that_ends_gives_nothing_more_and_counts_what_is_owed(play: Any) -> None:
    """P7: an empty word for who gets none, and the merchant sees how many."""

    async def story(shop: Shop) -> None:
        people = people_of(shop, 5)
        offer = await made(shop, POOL)
        async with db.transaction(shop.runtime.pool) as tx:
            await code_lists.add(tx, shop.store, offer.id, ["A-1", "A-2", "A-3"], [])
        assert await given(shop, offer, people) == ["A-1", "A-2", "A-3", "", ""]
        assert (await counts(shop)) == {"reward/1/given": 3, "reward/1/owed": 2}
        rows = await shop.rows("SELECT contact_id, code, is_welcome FROM reward_given ORDER BY id")
        assert [(row["contact_id"], row["code"]) for row in rows] == list(
            zip(people, ["A-1", "A-2", "A-3"], strict=False)
        )
        assert not any(row["is_welcome"] for row in rows)  # R10 is about welcomes

    play(story)


def test_what_everybody_shares_and_what_has_no_code(play: Any) -> None:
    """R35: the common code for all; a closed page has none; an offer that is over gives none."""

    async def story(shop: Shop) -> None:
        people = people_of(shop, 2)
        common = await made(shop, COMMON)
        assert await given(shop, common, people) == ["HELLO10"] * 2
        closed = replace(COMMON, id=common.id, kind="page", code="")
        assert await given(shop, closed, people) == ["", ""]
        over = replace(common, valid_until=NOON - timedelta(days=1))
        assert await given(shop, over, people) == ["", ""]

    play(story)


def test_a_code_that_somebody_has_by_chance_is_not_given_again(play: Any) -> None:
    """P7: of a list of the shop's as of those made here."""

    async def story(shop: Shop) -> None:
        people = people_of(shop, 2)
        offer = await made(shop, OWN)
        mine = await given(shop, offer, people)
        pool = await made(shop, POOL)
        await shop.rows(
            "INSERT INTO free_code SELECT %(bucket)s, %(store)s, %(id)s, c"
            " FROM unnest(%(codes)s::text[]) c RETURNING code",
            bucket=codes.list_bucket(shop.store, pool.id), store=shop.store.id, id=pool.id,
            codes=db.words([mine[1], "TEA-ZZZ", "TEA-ZZZZ"]),
        )  # fmt: skip
        assert sorted(await given(shop, pool, people)) == ["TEA-ZZZ", "TEA-ZZZZ"]
        await shop.rows("UPDATE promo_code SET contact_id = 128 WHERE code = %(c)s RETURNING 1",
                        c=mine[0])  # fmt: skip
        (other, same) = await given(shop, offer, people)
        assert same == mine[1] and other not in (mine[0], "")

    play(story)


async def welcome(shop: Shop, offer: Reward, people: list[int], tx: db.Tx) -> list[str]:
    """Codes of a list as answers give them."""
    kept = await codes.keep(tx, shop.store, offer.id, len(people))
    ids = shop.runtime.ids.make_many(BUCKETS[shop.store.bucket_base], len(kept))
    news = [
        GiveReward(one, whose, offer.id, NOON, code, True, True, 0, None)
        for one, whose, code in zip(ids, people, kept, strict=True)
    ]
    await codes.give(tx, shop.store, news)
    return kept


def test_what_was_given_for_subscribing_is_said_again_by_a_campaign(play: Any) -> None:
    """R6, P7: the welcome's code while it is unused, though it was made another way."""

    async def story(shop: Shop) -> None:
        offer, (anna, boris) = await made(shop, OWN), people_of(shop, 2)
        async with db.transaction(shop.runtime.pool) as tx:
            form = Form(0, "f", "Footer", reward=offer.id)
            await forms.create(tx, shop.store.id, form, NOON)
            id = shop.runtime.ids.make(BUCKETS[shop.store.bucket_base])
            news = [GiveReward(id, anna, offer.id, NOON, "TEA-HELLO", True, False, 0, NOON)]
            await codes.give(tx, shop.store, news)
            await rewards.put_given(tx, shop.store, news)
        first, second = await given(shop, offer, [anna, boris])
        assert first == "TEA-HELLO" and second.startswith("TEA-")
        await use(shop, first)
        assert (await given(shop, offer, [anna, boris]))[0] not in (first, second, "")

    play(story)


@pytest.mark.slow
def test_ten_thousand_races_of_pages_and_welcomes(play: Any) -> None:
    """P7: pages of campaigns, welcomes and redemptions on real connections, all on one list that is
    just long enough, and two campaigns at once for the same people."""

    async def story(shop: Shop) -> None:
        pool, own = await made(shop, POOL), await made(shop, OWN)
        wishes = 10_000
        async with db.transaction(shop.runtime.pool) as tx:
            await code_lists.add(tx, shop.store, pool.id, [f"L{n}" for n in range(wishes)], [])
        people = people_of(shop, wishes)
        got: list[str] = []
        tried = partial(db.retried, shop.runtime.pool)
        twice: dict[int, list[str]] = {one: [] for one in people}
        left = list(people)

        async def pages() -> None:
            while left:
                mine = [left.pop() for _ in range(min(10, len(left)))]
                got.extend(await tried(partial(page, shop=shop, offer=pool, people=mine)))

        async def answers() -> None:
            while left:
                mine = [left.pop() for _ in range(min(3, len(left)))]
                got.extend(await tried(partial(welcome, shop, pool, mine)))

        async def same_people(begin: int) -> None:
            for at in range(begin, begin + wishes, 500):
                mine = [people[(at + n) % wishes] for n in range(500)]
                found = await tried(partial(page, shop=shop, offer=own, people=mine))
                for whose, code in zip(mine, found, strict=True):
                    twice[whose].append(code)

        async def redeem() -> None:
            while left:
                for code in got[-20:]:
                    await use(shop, code)
                await asyncio.sleep(0)

        await asyncio.gather(
            pages(), pages(), pages(), answers(), answers(), redeem(),
            same_people(0), same_people(250), same_people(250),
        )  # fmt: skip
        assert Counter(got).most_common(1)[0][1] == 1 and "" not in got
        assert len(got) == wishes
        assert all(len(set(said)) == 1 and len(said) == 3 for said in twice.values())
        assert len({said[0] for said in twice.values()}) == wishes
        rows = await shop.rows("SELECT reward_id, count(*) AS n FROM promo_code GROUP BY 1")
        assert {row["reward_id"]: row["n"] for row in rows} == {pool.id: wishes, own.id: wishes}

    play(story)
