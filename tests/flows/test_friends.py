"""R95, R96: friends are invited once, forgotten afterwards, and both are thanked when they buy."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records.automations import automations
from ringdove.records.offers import rewards
from ringdove.records.store import policies, stores
from ringdove.rules.automations.plans import Automation
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.facts import CustomerChanged, OrderCancelled, OrderPlaced
from ringdove.rules.policy import Friends
from ringdove.rules.steps.step import Step
from ringdove.web.friends.inviting import Outcome, Wish, come, write_to
from ringdove.workers import retention
from tests.flows.conftest import Shop, order, paid, text

Play = Callable[..., None]

ANNA, BEN, FRIEND = "+375291112233", "+375291110000", "+375297654321"
ON = Friends(is_on=True, writes=True)


async def opened(shop: Shop, settings: Friends = ON) -> int:
    """Anna has bought, and friends can be invited; her contact."""
    async with db.transaction(shop.runtime.pool) as tx:
        await policies.change(tx, shop.store, lambda was: replace(was, friends=settings), shop.at)
    await again(shop)
    await shop.hear(order())
    await shop.answer()
    (anna,) = await shop.rows("SELECT id FROM contact WHERE phone = %(p)s", p=ANNA)
    return int(anna["id"])


async def again(shop: Shop) -> None:
    """The store as it is now."""
    async with db.transaction(shop.runtime.pool) as tx:
        found = await stores.find(tx, shop.store.id)
    assert found is not None
    shop.store = found


async def invite(shop: Shop, who: int, phone: str = FRIEND, **more: Any) -> Outcome:
    return await write_to(shop.runtime, shop.store, Wish(who, phone, "Анна Коваль", **more))


def bought(key: str, phone: str, shop: Shop) -> OrderPlaced:
    return order(key, at=shop.at, customer={"phone": phone, "name": "Олег", "country": "BY"})


async def invitations(shop: Shop) -> list[dict[str, Any]]:
    return await shop.rows("SELECT * FROM friend_invitation ORDER BY at")


@pytest.mark.parametrize("span", [1, 128])
def test_a_friend_is_written_to_once_and_their_number_is_forgotten(play: Play, span: int) -> None:
    """R95, R96: the words, the hour of offers, no permission; three days later the number is in
    nothing that is kept, and still nobody can invite it again."""

    async def story(shop: Shop) -> None:
        anna = await opened(shop)
        shop.later(hours=8)  # 23:00 in Minsk: nobody is texted at night
        assert (await invite(shop, anna)).reason == ""
        (sent,) = [m for m in await shop.messages() if m["topic"] == "friend"]
        assert "Ваш друг Анна Коваль приглашает вас в Linden" in sent["body"]
        assert "/f/" in sent["body"] and (sent["class"], sent["state"]) == ("service", "waiting")
        assert sent["not_before"] > shop.at + timedelta(hours=9)
        (friend,) = await shop.rows("SELECT * FROM contact WHERE phone = %(p)s", p=FRIEND)
        assert (friend["marketing"], friend["origin"]) == ("none", "friend")
        assert (await invite(shop, anna)).reason == "invited"
        shop.later(days=3, hours=1)
        gone = await retention.forget(shop.runtime)
        assert gone["friends"] == 1
        await retention.erase(shop.runtime)
        tables = await shop.rows("SELECT tablename AS name FROM pg_tables WHERE schemaname = %(s)s",
                                 s="public")  # fmt: skip
        assert len(tables) > 60
        for name in (one["name"] for one in tables):
            found = await shop.rows(f"SELECT * FROM {name} t WHERE t::text LIKE '%%7654321%%'")
            assert found == [], name
        assert await shop.rows("SELECT * FROM suppression") == []
        assert (await invite(shop, anna)).reason == "invited"
        (row,) = await invitations(shop)
        assert row["friend_id"] is None and row["ip_hash"] == ""

    play(story, span=span)


def test_a_hundred_who_invite_one_friend_at_once_give_one_text(play: Play) -> None:
    """R96: one message ever for each friend and shop."""

    async def story(shop: Shop) -> None:
        await opened(shop)
        some = [bought(f"n{n}", f"+3752911{n:05}", shop) for n in range(100)]
        await shop.hear(*some)
        await shop.answer()
        rows = await shop.rows("SELECT id FROM contact WHERE phone LIKE '+3752911000%%'")
        assert len(rows) == 100
        outcomes = await asyncio.gather(*(invite(shop, row["id"]) for row in rows))
        reasons = [one.reason for one in outcomes]
        assert reasons.count("") == 1 and reasons.count("invited") == 99
        assert len([m for m in await shop.messages() if m["topic"] == "friend"]) == 1
        assert len(await invitations(shop)) == 1

    play(story)


def test_who_may_not_be_invited_and_who_may_not_invite(play: Play) -> None:
    """R96: bounds by inviter, address and day; refusals, customers and oneself are left alone."""

    async def story(shop: Shop) -> None:
        anna = await opened(shop, replace(ON, by_inviter_day=2, by_address_day=3))
        assert (await invite(shop, anna, ANNA)).reason == "yourself"
        await shop.hear(bought("7", BEN, shop), text("СТОП", "+375293334455"))
        await shop.answer()
        assert (await invite(shop, anna, BEN)).reason == "customer"
        assert (await invite(shop, anna, "+375293334455")).reason == "refused"
        (ben,) = await shop.rows("SELECT id FROM contact WHERE phone = %(p)s", p=BEN)
        assert (await invite(shop, ben["id"], FRIEND, ip="1.2.3.4")).reason == ""
        (guest,) = await shop.rows("SELECT id FROM contact WHERE phone = %(p)s", p=FRIEND)
        assert (await invite(shop, guest["id"], "+375297000000")).reason == "unknown"
        for n in (1, 2):
            assert (await invite(shop, anna, f"+37529700000{n}", ip="1.2.3.4")).reason == ""
        assert (await invite(shop, anna, "+375297000003")).reason == "too_many"
        assert (await invite(shop, ben["id"], "+375297000003", ip="1.2.3.4")).reason == "busy"
        shop.later(hours=25)
        assert (await invite(shop, anna, "+375297000003", ip="1.2.3.4")).reason == ""

    play(story)


def test_stop_takes_an_invitation_back_and_is_final(play: Play) -> None:
    """R96, P1: the friend refuses before the text leaves; nobody can invite the number again, also
    when nothing else is left of it."""

    async def story(shop: Shop) -> None:
        anna = await opened(shop)
        shop.later(hours=8)
        await invite(shop, anna)
        await shop.hear(text("СТОП", FRIEND, shop.at))
        await shop.answer()
        made = [m for m in await shop.messages() if m["topic"] == "friend"]
        assert [(m["state"], m["reason"]) for m in made] == [("dropped", "stopped")]
        shop.later(days=4)
        await retention.forget(shop.runtime)
        assert await shop.rows("SELECT * FROM contact WHERE phone = %(p)s", p=FRIEND) == []
        await shop.rows("DELETE FROM friend_invitation RETURNING 1")  # as if it had never been
        assert (await invite(shop, anna)).reason == "refused"

    play(story)


def test_who_becomes_a_customer_is_not_forgotten(play: Play) -> None:
    """R96: they bought by themselves, so they are a customer like others; nothing subscribed
    them. Who had registered before they were invited stays too."""

    async def story(shop: Shop) -> None:
        anna = await opened(shop)
        who = {"phone": BEN, "account": "7"}
        await shop.hear(CustomerChanged(id="r", at=shop.at, customer=who))
        await shop.answer()
        assert (await invite(shop, anna, BEN)).reason == ""
        await invite(shop, anna)
        shop.later(hours=5)
        await shop.hear(bought("9", FRIEND, shop))
        await shop.answer()
        shop.later(days=4)
        await retention.forget(shop.runtime)
        (friend,) = await shop.rows("SELECT * FROM contact WHERE phone = %(p)s", p=FRIEND)
        assert (friend["marketing"], friend["orders"]) == ("none", 1)
        assert len(await shop.rows("SELECT 1 FROM contact WHERE phone = %(p)s", p=BEN)) == 1

    play(story)


async def rewarded(shop: Shop) -> None:
    """Both automations are on and give an offer."""
    async with db.transaction(shop.runtime.pool) as tx:
        offer = Reward(0, "t1", "Friends", "code", source="own", prefix="DRUG")
        number = await rewards.create(tx, shop.store.id, offer, shop.at)

        def tuned(step: Step) -> Step:
            return step.model_copy(update={"offer": number} if step.id == "say" else {})

        for key in ("friend_inviter", "friend_friend"):
            plan = RECIPES[key].with_steps([tuned(one) for one in RECIPES[key].steps])
            own = Automation(is_on=True, version=1, plan=plan)
            await automations.save(tx, shop.store.id, key, own, shop.at, None)


async def thanked(shop: Shop) -> dict[str, str]:
    """Who was thanked, and with which words."""
    return {
        m["recipe"]: m["body"]
        for m in await shop.messages()
        if m["recipe"] and m["recipe"].startswith("friend_")
    }


@pytest.mark.parametrize("way", ["text", "link"])
def test_both_are_thanked_once_when_the_friend_has_paid(play: Play, way: str) -> None:
    """R95: by a text of ours or the inviter's own link; two weeks after the money, a code each; the
    second order brings nothing."""

    async def story(shop: Shop) -> None:
        anna = await opened(shop)
        await rewarded(shop)
        ask = write_to if way == "text" else come
        assert (await ask(shop.runtime, shop.store, Wish(anna, FRIEND, "Анна"))).reason == ""
        shop.later(hours=5)
        await shop.hear(bought("9", FRIEND, shop), paid("9", shop.at))
        await shop.answer()
        shop.later(days=3)
        await shop.hear(bought("10", FRIEND, shop), paid("10", shop.at))
        await shop.answer()
        assert await thanked(shop) == {}
        shop.later(days=12)
        await shop.answer()
        bodies = await thanked(shop)
        assert sorted(bodies) == ["friend_friend", "friend_inviter"]
        assert all("DRUG-" in body for body in bodies.values())
        shop.later(days=20)
        await shop.answer()
        assert len([m for m in await shop.messages() if "DRUG-" in m["body"]]) == 2

    play(story, span=128)


def test_nobody_is_thanked_for_what_is_cancelled_and_the_next_order_counts(play: Play) -> None:
    """R95: paid and not cancelled; two friends of one inviter are told apart."""

    async def story(shop: Shop) -> None:
        anna = await opened(shop)
        await rewarded(shop)
        other = "+375297000009"
        for phone in (FRIEND, other):
            assert (await invite(shop, anna, phone)).reason == ""
        shop.later(hours=5)
        await shop.hear(bought("9", FRIEND, shop), paid("9", shop.at))
        await shop.hear(bought("11", other, shop), paid("11", shop.at))
        await shop.answer()
        shop.later(days=2)
        await shop.hear(OrderCancelled(id="c9", at=shop.at, order="9"))
        await shop.answer()
        shop.later(days=13)
        await shop.answer()
        made = [m for m in await shop.messages() if "DRUG-" in m["body"]]
        assert len(made) == 2
        (oleg,) = await shop.rows("SELECT id FROM contact WHERE phone = %(p)s", p=other)
        assert {m["contact_id"] for m in made} == {anna, oleg["id"]}
        await shop.hear(bought("12", FRIEND, shop), paid("12", shop.at))
        await shop.answer()
        rows = await invitations(shop)
        assert all(row["bought_at"] for row in rows)

    play(story)
