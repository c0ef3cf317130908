"""From a form or a keyword to the welcome and its reward, once a number for ever."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records.consent import forms
from ringdove.records.offers import code_lists, codes, rewards
from ringdove.rules import facts
from ringdove.rules.consent.ways_in import Form, Keyword, Reward
from ringdove.rules.effects import GiveReward
from ringdove.stores import woocommerce
from ringdove.workers import react
from tests.flows.conftest import NOON, Shop, order, text

ANNA, ZHANNA = "+375291112233", "+375291112244"


async def ways(shop: Shop, reward: Reward | None = None, **form: Any) -> tuple[int, int]:
    """A published form (double opt-in off unless told) with a reward, and the keyword SALE."""
    at = shop.at
    async with db.transaction(shop.runtime.pool) as tx:
        given = await rewards.create(tx, shop.store.id, reward, at) if reward else 0
        told = {"double": False, "reward": given} | form
        made = await forms.create(tx, shop.store.id, Form(0, f"f{given}", "Footer", **told), at)
        await forms.publish(tx, shop.store.id, made, at)
        await forms.add_keyword(tx, shop.store.id, Keyword(made, "SALE", "en"), "", at)
    return made, given


def sign_up(form: int, phone: str = ANNA, at: datetime = NOON, **more: Any) -> facts.SignedUp:
    return facts.SignedUp(
        id=f"sign-up/{phone}/{at:%d%H%M%S}", at=at, customer={"phone": phone, "language": "en"},
        words="Yes. At most 4 a month. STOP ends them.", source=f"form/{form}", form=form, **more,
    )  # fmt: skip


COMMON = Reward(0, "r1", "Ten off", "code", code="HELLO10")
OWN = replace(COMMON, token="r2", source="own", code="", prefix="TEA", valid_days=14)
POOL = replace(COMMON, token="r3", source="pool", code="")


async def welcomes(shop: Shop) -> list[str]:
    return [row["body"] for row in await shop.messages() if row["topic"] == "welcome"]


async def again(shop: Shop, form: int, **more: Any) -> None:
    """A sign-up now, answered."""
    await shop.hear(sign_up(form, at=shop.at, **more))
    await shop.answer()


def test_a_form_welcomes_with_a_code_of_ones_own(play: Any) -> None:
    """R6, R34: the code is in the text, belongs to the person and says until when it is good."""

    async def story(shop: Shop) -> None:
        form, _ = await ways(shop, OWN)
        await again(shop, form)
        (said,) = await welcomes(shop)
        (code,) = await shop.rows("SELECT * FROM promo_code")
        assert code["code"].startswith("TEA-") and code["code"] in said
        assert code["valid_until"] == NOON + timedelta(days=14)
        assert "STOP" in said and "month" in said  # R3
        (row,) = await shop.rows("SELECT * FROM consent_event")
        assert (row["scope"], row["change"], row["source"]) == ("marketing", "in", f"form/{form}")
        (person,) = await shop.rows("SELECT * FROM contact")
        assert (person["origin"], person["origin_note"]) == ("form", f"form/{form}")
        counts = {row["name"]: row["n"] for row in await shop.rows("SELECT * FROM way_count")}
        assert counts == {
            f"form/{form}/signed": 1, f"form/{form}/confirmed": 1, "reward/1/given": 1,
        }  # fmt: skip

    play(story)


def test_the_welcome_offer_comes_once_a_number(play: Any) -> None:
    """R10: not again after STOP and a new sign-up, nor by START, nor by a keyword."""

    async def story(shop: Shop) -> None:
        form, _ = await ways(shop, OWN)
        await again(shop, form)
        shop.later(days=2)
        await shop.hear(text("STOP", at=shop.at))
        await shop.answer()
        shop.later(days=2)
        await shop.hear(text("START", at=shop.at))
        await shop.answer()
        shop.later(days=2)
        await shop.hear(text("STOP", at=shop.at))
        await shop.answer()
        shop.later(days=2)
        await shop.hear(text("Sale!", at=shop.at))
        await shop.answer()
        (person,) = await shop.rows("SELECT marketing FROM contact")
        assert person["marketing"] == "in"
        first, second = await welcomes(shop)
        assert "TEA-" in first and "TEA-" not in second
        assert len(await shop.rows("SELECT FROM promo_code")) == 1

    play(story)


def test_the_welcome_offer_comes_once_though_the_person_was_erased(play: Any) -> None:
    """R10, P12: what remains is a keyed hash; it holds no number and no name."""

    async def story(shop: Shop) -> None:
        form, _ = await ways(shop, OWN)
        await again(shop, form)
        async with db.transaction(shop.runtime.pool) as tx:
            await tx.execute("DELETE FROM contact_ref")
            await tx.execute("DELETE FROM reward_given")
            await tx.execute("UPDATE welcome SET contact_id = 0")
        shop.later(days=40)
        await again(shop, form)
        first, second = await welcomes(shop)
        assert "TEA-" in first and "TEA-" not in second
        (row,) = await shop.rows("SELECT * FROM welcome")
        assert ANNA.lstrip("+") not in str(row) and len(row["hash"]) == 64

    play(story)


def test_who_changed_the_number_is_not_rewarded_anew(play: Any) -> None:
    """R10: the reward follows the person as well as the number."""

    async def story(shop: Shop) -> None:
        form, _ = await ways(shop, OWN)
        await shop.hear(order(at=shop.at, customer={"phone": ANNA, "account": "7"}))
        await again(shop, form)
        shop.later(days=30)
        async with db.transaction(shop.runtime.pool) as tx:
            await tx.execute(
                "UPDATE contact SET phone = %(phone)s, marketing = 'none'", {"phone": ZHANNA}
            )
            await tx.execute(
                "UPDATE contact_ref SET value = %(phone)s WHERE kind = 'phone'", {"phone": ZHANNA}
            )
        await again(shop, form, phone=ZHANNA)
        assert sum("TEA-" in said for said in await welcomes(shop)) == 1

    play(story)


def test_double_opt_in_waits_for_the_number(play: Any) -> None:
    """R1, R3: a yes from the web gives nothing and no reward until the number says it itself."""

    async def story(shop: Shop) -> None:
        form, _ = await ways(shop, OWN, double=True)
        await again(shop, form)
        (person,) = await shop.rows("SELECT marketing FROM contact")
        assert person["marketing"] == "asked"
        assert not await welcomes(shop) and not await shop.rows("SELECT FROM promo_code")
        (row,) = await shop.rows("SELECT * FROM welcome")
        assert row["form_id"] == form and row["welcomed_at"] is None

    play(story)


def test_a_form_alone_does_not_lift_a_stop(play: Any) -> None:
    """P1: anybody can type anybody's number; the number itself must say it."""

    async def story(shop: Shop) -> None:
        form, _ = await ways(shop, OWN)
        await shop.hear(text("STOP", at=shop.at))
        await shop.answer()
        shop.later(days=1)
        await again(shop, form)
        (person,) = await shop.rows("SELECT marketing FROM contact")
        assert person["marketing"] == "out" and not await welcomes(shop)
        assert len(await shop.messages()) == 1  # the stop's own

    play(story)


@pytest.mark.parametrize("scope", ["marketing", "topic/social"])
def test_an_older_yes_than_a_stop_changes_nothing(play: Any, scope: str) -> None:
    """P1: told late, as by a program that was away."""

    async def story(shop: Shop) -> None:
        form, _ = await ways(shop, OWN)
        await shop.hear(text("STOP", at=shop.at))
        await shop.answer()
        at = NOON - timedelta(minutes=1)
        await shop.hear(sign_up(form, at=at, confirmed=True, scopes=(scope,)))
        await shop.answer()
        assert len(await shop.rows("SELECT FROM consent_event")) == 1
        (person,) = await shop.rows("SELECT marketing FROM contact")
        assert person["marketing"] == "out" and not await welcomes(shop)

    play(story)


@pytest.mark.parametrize("body", ["sale", "SALE!", "ЅАLЕ", "Sale please", "s a l e"])
def test_a_keyword_subscribes_who_texts_it(play: Any, body: str) -> None:
    """R118: with the poster's words and the text itself as proof; once answered a day."""

    async def story(shop: Shop) -> None:
        await ways(shop, COMMON, double=True)
        await shop.hear(text(body, at=shop.at), text(body + " ", at=shop.at))
        await shop.answer()
        (row,) = await shop.rows("SELECT * FROM consent_event")
        assert (row["change"], row["source"]) == ("in", "keyword/SALE")
        assert "texts a month" in row["words"] and row["words"].endswith(f"> {body}")
        (said,) = await welcomes(shop)
        assert "HELLO10" in said

    play(story)


def test_who_can_be_texted_nothing_of_a_list_gets_none(play: Any) -> None:
    """P7: the list is empty: counted as owed, and the welcome promises nothing."""

    async def story(shop: Shop) -> None:
        form, given = await ways(shop, POOL)
        await again(shop, form)
        (said,) = await welcomes(shop)
        assert "code" not in said
        (row,) = await shop.rows("SELECT n FROM way_count WHERE name = 'reward/1/owed'")
        assert row["n"] == 1 and given == 1

    play(story)


def test_codes_of_a_list_go_to_one_person_each(play: Any) -> None:
    """P7 through the whole way: a batch of people, one list, no code twice."""

    async def story(shop: Shop) -> None:
        form, given = await ways(shop, POOL)
        async with db.transaction(shop.runtime.pool) as tx:
            listed = [f"LIST-{n}" for n in range(25)]
            assert await code_lists.add(tx, shop.store, given, [*listed, "LIST-1"], []) == 25
        people = [f"+37529111{n:04}" for n in range(20)]
        await shop.hear(*(sign_up(form, phone) for phone in people))
        await asyncio.gather(*(react.answer_due(shop.runtime) for _ in range(4)))
        await shop.answer()
        rows = await shop.rows("SELECT code, contact_id FROM promo_code")
        assert len({row["code"] for row in rows}) == len({row["contact_id"] for row in rows}) == 20
        async with db.transaction(shop.runtime.pool) as tx:
            assert (await code_lists.listed(tx, shop.store))[given].knows == 5
            assert await code_lists.add(tx, shop.store, given, listed, []) == 0
            assert await code_lists.add(tx, shop.store, 99, listed, [given]) == 0

    play(story, span=128)


@pytest.mark.slow
def test_two_thousand_races_give_no_code_twice(play: Any) -> None:
    """P7: real connections, all at once, on one list that is just long enough."""

    async def story(shop: Shop) -> None:
        _, given = await ways(shop, POOL)
        wishes = 2_000  # ten thousand, with campaigns among them, are in tests/records
        async with db.transaction(shop.runtime.pool) as tx:
            await code_lists.add(tx, shop.store, given, [f"L{n}" for n in range(wishes)], [])
        got: list[str] = []
        waiting = list(range(wishes))

        async def one(tx: db.Tx) -> list[str]:
            kept = await codes.keep(tx, shop.store, given, 5)
            await codes.give(
                tx, shop.store,
                [
                    GiveReward(shop.runtime.ids.make(298), 128 * n, given, NOON, code, True, True,
                               0, None)
                    for n, code in enumerate(kept)
                ],
            )  # fmt: skip
            return kept

        async def worker() -> None:
            while waiting:
                del waiting[-5:]
                got.extend(await db.retried(shop.runtime.pool, one))

        await asyncio.gather(*(worker() for _ in range(8)))
        assert len(got) == len(set(got)) == wishes
        (row,) = await shop.rows("SELECT count(*) AS n FROM promo_code")
        assert row["n"] == wishes

    play(story)


def test_an_order_marks_its_code_as_used(play: Any) -> None:
    """R34: the first order that names it has it."""

    async def story(shop: Shop) -> None:
        form, _ = await ways(shop, OWN)
        await again(shop, form)
        (code,) = await shop.rows("SELECT code FROM promo_code")
        told = code["code"].lower()
        await shop.hear(order("1", codes=[told]), order("2", codes=[told, "NONE"]))
        await shop.answer()
        (row,) = await shop.rows("SELECT used_at, used_order FROM promo_code")
        assert row == {"used_at": NOON, "used_order": "1"}
        (row,) = await shop.rows("SELECT n FROM way_count WHERE name = 'reward/1/used'")
        assert row["n"] == 1

    play(story)


def test_a_link_comes_instead_of_a_code_that_is_for_phones_only(play: Any) -> None:
    """R9: the text carries the personal link; what it opens decides by the device."""

    async def story(shop: Shop) -> None:
        form, _ = await ways(shop, replace(OWN, phones_only=True))
        await again(shop, form)
        (said,) = await welcomes(shop)
        (code,) = await shop.rows("SELECT code FROM promo_code")
        assert "/only/" in said and code["code"] not in said

    play(story)


def test_points_are_recorded_as_owed(play: Any) -> None:
    """R6, R94: with the goods that they are for; their ledger comes with loyalty."""

    async def story(shop: Shop) -> None:
        form, _ = await ways(shop, Reward(0, "r5", "Points", "points", points=100))
        await again(shop, form)
        (row,) = await shop.rows("SELECT points, code FROM reward_given")
        assert row == {"points": 100, "code": ""}
        assert "100" in (await welcomes(shop))[0]

    play(story)


def test_topics_are_what_was_ticked_and_no_more(play: Any) -> None:
    """R44: a yes to social projects is none to sales."""

    async def story(shop: Shop) -> None:
        form, _ = await ways(shop, topics=("offers", "social"))
        await again(shop, form, scopes=("topic/social",))
        (person,) = await shop.rows("SELECT marketing, scopes FROM contact")
        assert person["marketing"] == "none" and list(person["scopes"]) == ["topic/social"]

    play(story)


def test_the_box_of_a_checkout_reaches_the_ledger(play: Any) -> None:
    """R2, R3: a webhook of WooCommerce as it was recorded, with the words beside the box."""
    words = "Да, присылайте акции, до 4 SMS в месяц. СТОП отменяет."
    body = (Path(__file__).parents[1] / "stores/woocommerce/order_pending.json").read_bytes()
    headers = {"x-wc-webhook-topic": "order.updated"}
    settings = woocommerce.Settings(consent_words=words)

    async def story(shop: Shop) -> None:
        told = woocommerce.read(headers, body, settings, "BY", shop.at)
        assert isinstance(told, list)
        await shop.hear(*told)
        await shop.answer()
        (row,) = await shop.rows("SELECT scope, change, source, words FROM consent_event")
        assert row["words"] == words and row["source"].startswith("checkout")
        (person,) = await shop.rows("SELECT marketing FROM contact")
        assert person["marketing"] == "in" and row["change"] == "in"

    play(story)
