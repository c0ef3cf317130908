"""Surveys on the real database: asked by automations and campaigns, answered by text and by form,
rewarded with a code that works, a low score to its task and second question."""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of
from ringdove.records.automations import automations
from ringdove.records.surveys import surveys as records
from ringdove.records.tasks import alerts, tasks
from ringdove.rules import facts
from ringdove.rules.automations.plans import Automation
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.campaigns.campaigns import Plan, Variant, Words
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.links import links
from ringdove.rules.surveys.surveys import READY
from ringdove.web.answering import answer_now
from tests.flows.campaign import begun, fill, gathered
from tests.flows.conftest import Shop, open_shop, order, parcel, text
from tests.records.test_offer_codes import made

Play = Callable[..., None]
YES = {"marketing": True, "words": "Yes"}
TEN = Reward(0, "r1", "Ten", "code", source="own", prefix="TEN", valid_days=14)


async def asking(shop: Shop, reward: int = 0) -> dict[str, Any]:
    """A store that asks two days after a parcel came, and its first asking."""
    async with db.transaction(shop.runtime.pool) as tx:
        for key in ("survey", "low_score"):
            plan = RECIPES[key].model_copy(update={"holdout_percent": 0})
            own = Automation(True, 1, plan=plan)
            assert await automations.save(tx, shop.store.id, key, own, shop.at, None)
        survey = READY["delivery"].model_copy(update={"reward": reward})
        await records.save(tx, shop.store.id, survey, shop.at)
    await shop.hear(order("7", consent=YES), parcel(
        "delivered", "7", at=shop.at, carrier="Europost", pickup_point="Lenina 5"
    ))  # fmt: skip
    await shop.answer()
    shop.later(days=2, hours=1)
    await shop.answer()
    return (await answers(shop))[0]


async def answers(shop: Shop) -> list[dict[str, Any]]:
    return await shop.rows("SELECT * FROM survey_answer ORDER BY id")


async def write(shop: Shop, body: str, **span: float) -> None:
    shop.later(**span or {"minutes": 5})
    await shop.hear(text(body, at=shop.at))
    await shop.answer()


async def machine(shop: Shop) -> list[str]:
    return [row["body"] for row in await shop.messages() if row["cause"] == "reply"]


def test_a_score_by_text_with_its_code_task_and_second_question(play: Play) -> None:
    """R80, R81, R83, R84, N9: the alert is written in the transaction that hears the score."""

    async def story(shop: Shop) -> None:
        offer = await made(shop, TEN)
        one = await asking(shop, offer.id)
        assert (one["survey"], one["carrier"], one["pickup_point"]) == (
            "delivery", "Europost", "Lenina 5",
        )  # fmt: skip
        await write(shop, "2")
        one = (await answers(shop))[0]
        assert (one["score"], one["way"], one["rewarded_at"]) == (2, "reply", shop.at)
        (code,) = await shop.rows("SELECT code, contact_id FROM promo_code")
        assert code["code"] in (await machine(shop))[-1] and code["code"].startswith("TEN-")
        (task,) = await shop.rows("SELECT * FROM task")
        assert task["created_at"] == shop.at and "2 of 6" in task["said"] and task["order_id"]
        await write(shop, "курьер опоздал на день")
        one = (await answers(shop))[0]
        assert (one["reason"], one["comment"]) == ("delivery", "курьер опоздал на день")
        shop.later(hours=3)
        async with db.transaction(shop.runtime.pool) as tx:
            closing = (task["id"], "done", "", "page/Olga", shop.at, shop.runtime.ids)
            assert await tasks.finish(tx, shop.store, *closing)
            assert not await tasks.finish(tx, shop.store, *closing)
        await shop.answer()
        assert [row["recipe"] for row in await shop.messages() if row["recipe"]][-1] == "low_score"
        shop.later(days=2, hours=1)
        await shop.answer()
        second = (await answers(shop))[1]
        assert (second["survey"], second["after_id"]) == ("second", one["id"])
        await write(shop, "6")
        assert [row["score"] for row in await answers(shop)] == [2, 6]
        assert len(await shop.rows("SELECT FROM task")) == 1
        kinds = await shop.rows("SELECT intent, handled FROM inbound ORDER BY id")
        assert [row["handled"] for row in kinds] == ["survey"] * 3

    play(story, languages=["ru"])


def test_what_a_program_was_told_is_done_when_it_says_so(play: Play) -> None:
    """R84, N9: an alert to the store's own program leaves the list when it was told; the customer
    hears that all is well when the program says so, and once."""

    async def story(shop: Shop) -> None:
        await asking(shop)
        await write(shop, "1")
        (task,) = await shop.rows("UPDATE task SET tell = 'webhook', tell_at = now() RETURNING id")
        row = {"id": task["id"], "store_id": shop.store.id}
        closing = (task["id"], "done", "", "api/CRM", shop.at, shop.runtime.ids)
        async with db.transaction(shop.runtime.pool) as tx:
            await alerts.told(tx, row, shop.at)
        async with db.transaction(shop.runtime.pool) as tx:
            assert await tasks.finish(tx, shop.store, *closing)
            assert not await tasks.finish(tx, shop.store, *closing)
        await shop.answer()
        assert [row["recipe"] for row in await shop.messages() if row["recipe"]][-1] == "low_score"

    play(story, languages=["ru"])


def test_the_form_answers_the_same_row_and_is_changed_for_a_day(play: Play) -> None:
    """R73, R81: told twice, a day later, and again when the person is another's other name."""

    async def story(shop: Shop) -> None:
        offer = await made(shop, TEN)
        one = await asking(shop, offer.id)

        def told(score: int) -> facts.SurveyAnswered:
            return facts.SurveyAnswered(
                id=f"form/{shop.at}/{score}", at=shop.at, contact=one["contact_id"],
                answer=one["id"], survey="delivery", score=score, comment="Ok",
            )  # fmt: skip

        await answer_now(shop.runtime, shop.store, [told(6)])
        await answer_now(shop.runtime, shop.store, [told(6)])
        shop.later(hours=20)
        await answer_now(shop.runtime, shop.store, [told(1)])
        shop.later(hours=20)
        await answer_now(shop.runtime, shop.store, [told(5)])
        (row,) = await answers(shop)
        assert (row["score"], row["way"], row["answered_at"]) == (
            1, "link", shop.at - timedelta(hours=40),
        )  # fmt: skip
        assert len(await shop.rows("SELECT FROM promo_code")) == 1
        assert len(await shop.rows("SELECT FROM task")) == 1
        assert await machine(shop) == []
        # Asked once more a year later under another name of theirs: no second code.
        other = order("8", customer={"phone": "+375291112299", "name": "Anna"}, at=shop.at)
        await shop.hear(other)
        await shop.answer()
        people = await shop.rows("SELECT id FROM contact ORDER BY id")
        stays, goes = people[1]["id"], people[0]["id"]
        await shop.hear(facts.PeopleMerged(id="m", at=shop.at, contact=stays, other=goes))
        await shop.answer()
        async with db.transaction(shop.runtime.pool) as tx:
            await tx.execute(
                "UPDATE survey_answer SET answered_at = NULL, score = NULL, asked_at = %(at)s,"
                " until = %(at)s + interval '9 days', id = id + 128, rewarded_at = NULL",
                {"at": shop.at},
            )
            await tx.execute(
                "INSERT INTO survey_answer SELECT (r).* FROM (SELECT jsonb_populate_record(a,"
                " jsonb_build_object('id', a.id - 128, 'rewarded_at', a.asked_at, 'until',"
                " a.asked_at, 'answered_at', a.asked_at - interval '1 year')) AS r"
                " FROM survey_answer a) s"
            )
        shop.later(minutes=1)
        await shop.hear(text("6", sender="+375291112299", at=shop.at))
        await shop.answer()
        assert [row["score"] for row in await answers(shop)] == [None, 6]
        assert len(await shop.rows("SELECT FROM promo_code")) == 1

    play(story, languages=["ru"])


RU = "{{ survey.question }} {{ survey.link }} СТОП"
SURVEY = Plan(
    occasion="opinion", topic="surveys", holdout_percent=0, survey="service",
    variants=(
        Variant(name="A", words={"ru": Words(sms=RU), "en": Words(sms=RU)}),
        Variant(name="B", share=1, words={"ru": Words(sms="Привет! СТОП")}),
    ),
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("span", [1, 128])
def test_a_campaign_asks_by_the_page(database_url: str, tmp_path: Any, span: int) -> None:
    """R88: each text that asks has its asking; its link leads to it; a reply answers it; what is
    made anew asks anew; who was silent is not asked."""

    async def story() -> None:
        async with open_shop(database_url, tmp_path, span, languages=["ru", "en"]) as shop:
            await fill(shop, 400)
            campaign = await begun(shop, SURVEY)
            await gathered(shop, campaign)
            rows = await answers(shop)
            told = {row["id"]: row for row in await shop.messages()}
            asked = [row for row in told.values() if "/s/" in row["body"]]
            assert len(asked) > 100 and {row["id"] for row in asked} == {row["id"] for row in rows}
            assert all(row["state"] == "waiting" for row in asked)
            for row in rows[:20]:
                message = told[row["id"]]
                token = re.search(r"/s/(\w+)", message["body"])
                assert token and "{" not in message["body"]
                claim = links.read(token[1], shop.runtime.link_key)
                assert claim == links.Claim(shop.store.id, row["id"], links.OF_FORM)
                assert row["contact_id"] == message["contact_id"] and row["survey"] == "service"
                assert row["language"] == message["language"]
            shop.later(hours=2)
            first = told[rows[0]["id"]]
            sender = first["recipient"]
            bucket = bucket_of(shop.store.bucket_base, span, f"phone/{sender}")
            async with db.transaction(shop.runtime.pool) as tx:
                await tx.execute(
                    "INSERT INTO contact_ref (bucket, store_id, kind, value, contact_id)"
                    " VALUES (%s, 1, 'phone', %s, %s)", (bucket, sender, first["contact_id"]),
                )  # fmt: skip
            await shop.hear(text("5", sender=sender, at=shop.at))
            await shop.answer()
            found = {row["id"]: row for row in await answers(shop)}
            assert found[first["id"]]["score"] == 5
            assert sum(row["score"] is not None for row in found.values()) == 1

    asyncio.run(story())
