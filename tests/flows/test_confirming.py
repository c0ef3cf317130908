"""Double opt-in and the question after long silence, from the fact to the ledger (R1, R3, N1)."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records.consent import confirming as records
from ringdove.rules import facts
from ringdove.rules.consent import confirming, stop_links
from ringdove.web.consent.reconfirm import rehearse
from ringdove.workers.consent import reconfirm
from tests.flows.conftest import Shop, order, text

Play = Callable[..., None]
PHONE = "+375291112233"
WORDS = "Да, присылайте. До 4 в месяц. Отказ: STOP"


def signed(shop: Shop, n: int = 1, **more: Any) -> facts.SignedUp:
    """A sign-up on the web."""
    told = {
        "customer": {"phone": PHONE, "name": "Анна", "country": "BY", "language": "ru"},
        "words": WORDS, "language": "ru", "source": "api/shop", "ip": "192.0.2.7",
    } | more  # fmt: skip
    return facts.SignedUp(id=f"signed/{n}", at=shop.at, **told)


async def ledger(shop: Shop) -> list[tuple[str, str, str]]:
    rows = await shop.rows("SELECT scope, change, source FROM consent_event ORDER BY id")
    return [(row["scope"], row["change"], row["source"]) for row in rows]


async def questions(shop: Shop) -> list[str]:
    return [m["topic"] for m in await shop.messages() if m["topic"].endswith("_request")]


async def marketing(shop: Shop) -> str:
    (row,) = await shop.rows("SELECT marketing FROM contact")
    return str(row["marketing"])


def test_a_yes_counts_when_the_number_says_it(play: Play) -> None:
    """R1: asked, one text, YES in the person's own words, and the row that is confirmed is named.
    The text may go at once: the person waits for it."""

    async def story(shop: Shop) -> None:
        await shop.hear(signed(shop))
        await shop.answer()
        assert await ledger(shop) == [("marketing", "asked", "api/shop")]
        (message,) = await shop.messages()
        assert message["class"] == "service" and message["state"] == "waiting"
        assert message["body"].startswith("Linden: это ваш номер? Ответьте ДА")
        assert "/y/" in message["body"]
        shop.later(minutes=3)
        await shop.hear(text("да!", PHONE, shop.at))
        await shop.answer()
        assert await ledger(shop) == [
            ("marketing", "asked", "api/shop"), ("marketing", "in", "reply/confirms/1"),
        ]  # fmt: skip
        assert await marketing(shop) == "in"
        (question,) = await shop.rows("SELECT * FROM consent_question")
        assert question["state"] == "yes"

    play(story)


def test_it_is_asked_once_a_day_and_three_times_at_most(play: Play) -> None:
    """Anybody can type anybody's number: the owner of it gets three texts, ever."""

    async def story(shop: Shop) -> None:
        for n in range(12):
            await shop.hear(signed(shop, n, scopes=("marketing", f"topic/t{n}")))
            await shop.answer()
            shop.later(hours=8)
        assert await questions(shop) == ["confirm_request"] * 3
        shop.later(days=8)
        await shop.hear(signed(shop, 50, scopes=("topic/loyalty",)))
        await shop.answer()
        assert await questions(shop) == ["confirm_request"] * 3

    play(story)


def test_after_a_week_a_yes_to_the_question_counts_no_more(play: Play) -> None:
    """It stays unconfirmed, and nothing more is sent; START subscribes all the same."""

    async def story(shop: Shop) -> None:
        await shop.hear(signed(shop))
        await shop.answer()
        shop.later(days=7)
        await shop.hear(text("да", PHONE, shop.at))
        await shop.answer()
        assert await marketing(shop) == "asked"
        shop.later(minutes=1)
        await shop.hear(text("START", PHONE, shop.at))
        await shop.answer()
        assert await marketing(shop) == "in"

    play(story)


def test_who_stopped_or_is_on_the_list_is_not_asked(play: Play) -> None:
    """P2: a form that anybody fills in sends nothing to a number that stopped."""

    async def story(shop: Shop) -> None:
        await shop.hear(text("STOP", PHONE))
        await shop.answer()
        shop.later(days=1)
        await shop.hear(signed(shop))
        await shop.answer()
        assert await questions(shop) == []
        assert await marketing(shop) == "out"

    play(story)


def test_a_stop_is_the_answer_no(play: Play) -> None:
    """Who answers STOP to the question is out, and is not asked again."""

    async def story(shop: Shop) -> None:
        await shop.hear(signed(shop))
        await shop.answer()
        await shop.hear(text("СТОП", PHONE, shop.later(minutes=1)))
        await shop.answer()
        assert await marketing(shop) == "out"
        await shop.hear(text("да", PHONE, shop.later(days=2)))

    play(story)


def test_without_double_opt_in_a_yes_counts_at_once(play: Play) -> None:
    """It is the store's choice."""

    async def story(shop: Shop) -> None:
        await shop.rows("""UPDATE store SET policy = '{"double_opt_in": false}' RETURNING id""")
        await shop.hear(signed(shop))
        await shop.answer()
        assert await marketing(shop) == "in" and await questions(shop) == []

    play(story)


def test_the_topics_asked_for_are_named_and_confirmed_one_by_one(play: Play) -> None:
    """N1: a row a scope, each naming the row that it confirms."""

    async def story(shop: Shop) -> None:
        await shop.hear(signed(shop, scopes=("topic/loyalty", "topic/social")))
        await shop.answer()
        (message,) = await shop.messages()
        assert "на темы: " in message["body"]
        (person,) = await shop.rows("SELECT id FROM contact")
        fact = facts.Confirmed(
            id="press", at=shop.later(minutes=1), contact=person["id"], words="[Да]", language="ru",
            ip="192.0.2.8",
        )  # fmt: skip
        await shop.hear(fact)
        await shop.answer()
        assert (await ledger(shop))[2:] == [
            ("topic/loyalty", "in", "link/confirms/1"), ("topic/social", "in", "link/confirms/2"),
        ]  # fmt: skip
        assert await marketing(shop) == "none"

    play(story)


def test_the_link_is_sealed_apart_from_the_stop_link(play: Play) -> None:
    """Neither link opens the other's page, nor one that went to another number this one's."""

    async def story(shop: Shop) -> None:
        keyed = partial(shop.runtime.keyed, shop.store.id)
        token = stop_links.token_of(shop.store.id, 1234567, confirming.sealed_by(keyed, PHONE))
        claim = stop_links.read(token)
        assert claim and claim.contact_id == 1234567
        assert stop_links.is_ours(claim, confirming.sealed_by(keyed, PHONE))
        assert not stop_links.is_ours(claim, confirming.sealed_by(keyed, PHONE[:-1] + "4"))
        assert not stop_links.is_ours(claim, keyed)

    play(story)


# ------------------------------------------------------------------ long silence


async def silent_shop(shop: Shop, months: int = 12) -> None:
    """Two people said yes at noon; thirteen months later one of them has bought again."""
    agreed = {"marketing": True, "words": WORDS, "language": "ru"}
    for n, phone in enumerate((PHONE, "+375291112244")):
        customer = {"phone": phone, "country": "BY"}
        await shop.hear(order(str(n), customer=customer, consent=agreed))
    await shop.answer()
    await shop.rows(
        "UPDATE store SET policy = jsonb_build_object('reconfirm_months', %(n)s::int) RETURNING id",
        n=months,
    )
    shop.later(days=395)
    again = {"phone": "+375291112244", "country": "BY"}
    await shop.hear(order("again", customer=again, placed_at=shop.at, at=shop.at))
    await shop.answer()


async def round_of(shop: Shop) -> list[str]:
    await reconfirm.look(shop.runtime)
    await shop.answer()
    return await questions(shop)


def test_who_was_silent_for_long_is_asked_once_and_silence_ends_it(play: Play) -> None:
    """A consent does not live for ever: one text in the daytime, two weeks, and marketing is out
    with its reason. Who bought lately is not asked."""

    async def story(shop: Shop) -> None:
        await silent_shop(shop)
        async with db.transaction(shop.runtime.pool) as tx:
            before = shop.at - 12 * confirming.MONTH
            n, some = await records.how_many_silent(tx, shop.store, before)
        assert n == len(some) == 1
        assert await round_of(shop) == ["still_request"]
        assert await round_of(shop) == ["still_request"]
        (message,) = [m for m in await shop.messages() if m["topic"] == "still_request"]
        assert message["recipient"] == PHONE and message["class"] == "service"
        await shop.rows(
            """UPDATE message SET state = 'delivered', sent_at = %(at)s
               WHERE id = %(id)s RETURNING id""",
            id=message["id"],
            at=shop.at,
        )
        shop.later(days=13)
        await round_of(shop)
        assert ("marketing", "out", "silence") not in await ledger(shop)
        shop.later(days=2)
        await round_of(shop)
        rows = await shop.rows("SELECT * FROM consent_event WHERE source = 'silence'")
        assert [row["change"] for row in rows] == ["out"]
        assert rows[0]["words"].startswith("No answer within 14 days to: Linden: ")
        assert await round_of(shop) == ["still_request"]
        states = await shop.rows("SELECT phone, marketing FROM contact ORDER BY phone")
        assert [row["marketing"] for row in states] == ["out", "in"]

    play(story)


@pytest.mark.parametrize(("answer", "rows"), [("ДА", 1), ("где мой заказ?", 0)])
def test_any_answer_is_a_sign_of_life(play: Play, answer: str, rows: int) -> None:
    """A yes is a new consent, with its words; whatever else they write keeps the old one."""

    async def story(shop: Shop) -> None:
        await silent_shop(shop)
        await round_of(shop)
        await shop.hear(text(answer, PHONE, shop.later(days=1)))
        await shop.answer()
        said = [one for one in await ledger(shop) if one[2].startswith("reply/confirms/")]
        assert len(said) == rows
        await shop.rows("UPDATE message SET state = 'delivered' RETURNING id")
        shop.later(days=30)
        await round_of(shop)
        assert ("marketing", "out", "silence") not in await ledger(shop)

    play(story)


def test_a_question_that_never_arrived_ends_nothing(play: Play) -> None:
    """A gateway that was away is no silence of the customer's."""

    async def story(shop: Shop) -> None:
        await silent_shop(shop)
        await round_of(shop)
        await shop.rows("UPDATE message SET state = 'failed' WHERE state = 'waiting' RETURNING id")
        shop.later(days=15)
        await round_of(shop)
        assert ("marketing", "out", "silence") not in await ledger(shop)
        (question,) = await shop.rows("SELECT * FROM consent_question")
        assert question["state"] == "unreached"

    play(story)


def test_it_waits_for_the_day(play: Play) -> None:
    """R17: nobody is asked at night."""

    async def story(shop: Shop) -> None:
        await silent_shop(shop)
        shop.later(hours=9)  # midnight in Minsk
        await round_of(shop)
        rows = await shop.rows("SELECT due_at FROM outbox WHERE topic = 'still_request'")
        assert [row["due_at"] - shop.at for row in rows] == [timedelta(hours=9)]

    play(story)


def test_it_is_rehearsed_before_it_is_switched_on(play: Play) -> None:
    """How many people, how many parts, and what money, by their own languages and prices."""

    async def story(shop: Shop) -> None:
        await silent_shop(shop, months=0)
        assert await round_of(shop) == []
        async with db.transaction(shop.runtime.pool) as tx:
            would = await rehearse(tx, shop.store, 12, shop.at)
            nobody = await rehearse(tx, shop.store, 24, shop.at)
        assert (would.people, would.parts, would.money) == (1, 2, {})
        assert nobody.people == 0

    play(story)
