"""P11: a fact that breaks its answer stops nothing but itself."""

from datetime import datetime
from typing import Any

import psycopg
import pytest

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records import scenes
from ringdove.records.automations import automations
from ringdove.rules import answers, facts
from ringdove.rules.automations.plans import Automation
from ringdove.rules.automations.recipes import RECIPES
from tests.flows.conftest import Shop, order, paid

POISON = ("13", "31")


@pytest.fixture
def broken_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Payments of two orders break whatever answers them."""
    real = answers.ANSWERS[facts.PaymentReceived]

    def answer(scene: Any, fact: facts.PaymentReceived, now: datetime) -> None:
        if fact.order in POISON:
            raise LookupError(f"no rate for order {fact.order}")
        real(scene, fact, now)

    monkeypatch.setitem(answers.ANSWERS, facts.PaymentReceived, answer)


async def _let_attempts_pass(shop: Shop) -> None:
    for _ in range(fact_records.ATTEMPTS_MAX):
        await shop.answer()
        shop.later(hours=2)


async def _parked(shop: Shop) -> list[dict[str, Any]]:
    async with db.transaction(shop.runtime.pool) as tx:
        return [dict(row) for row in await fact_records.parked(tx, shop.store)]


@pytest.mark.slow
@pytest.mark.parametrize("span", [1, 128])
def test_the_others_of_its_batch_are_answered(play, broken_answers, span):
    """P11: 40 orders and payments in one batch, two of them poison."""

    async def story(shop: Shop) -> None:
        told: list[facts.Fact] = []
        for n in range(40):
            told += [order(f"{n}", customer={"phone": f"+37529111{n:04}"}), paid(f"{n}")]
        await shop.hear(*told)
        await shop.answer()
        made = await shop.messages()
        assert len([m for m in made if m["recipe"] == "order_accepted"]) == 40
        assert len([m for m in made if m["recipe"] == "order_paid"]) == 38
        assert not await _parked(shop), "it is tried again before a person is asked"
        await _let_attempts_pass(shop)
        parked = await _parked(shop)
        assert {row["body"]["order"] for row in parked} == set(POISON)
        assert all("no rate for order" in row["error"] for row in parked)
        (row,) = await shop.rows("SELECT sum(n) AS n FROM counter WHERE name = 'parked'")
        assert row["n"] == 2

    play(story, span=span)


def test_a_parked_fact_is_answered_when_it_is_retried(play, monkeypatch):
    """P11: after the fault is gone; what was answered in between is not said again."""

    async def story(shop: Shop) -> None:
        real = answers.ANSWERS[facts.PaymentReceived]

        def broken(scene: Any, fact: facts.Fact, now: datetime) -> None:
            raise ValueError("a fault of ours")

        monkeypatch.setitem(answers.ANSWERS, facts.PaymentReceived, broken)
        await shop.hear(order(), paid())
        await _let_attempts_pass(shop)
        (row,) = await _parked(shop)
        async with db.transaction(shop.runtime.pool) as tx:
            assert await fact_records.retry(tx, shop.store, row["fact_id"], shop.at)
        await _let_attempts_pass(shop)
        (row,) = await _parked(shop)  # still broken: parked again, not lost
        monkeypatch.setitem(answers.ANSWERS, facts.PaymentReceived, real)
        async with db.transaction(shop.runtime.pool) as tx:
            assert await fact_records.retry(tx, shop.store, row["fact_id"], shop.at)
        await shop.answer()
        assert not await _parked(shop)
        (bought,) = await shop.rows("SELECT state, paid_at FROM purchase_order")
        assert bought["state"] == "paid" and bought["paid_at"]
        assert [m["recipe"] for m in await shop.messages()] == ["order_accepted", "order_paid"]

    play(story)


def test_a_fact_that_can_no_longer_be_read_is_parked_with_its_field(play):
    """P11: a body of an older version, say; the words name the field."""

    async def story(shop: Shop) -> None:
        await shop.hear(order("1"), order("2"))
        await shop.rows(
            """UPDATE fact SET body = body #- '{order,placed_at}'
               WHERE source_key = 'order/1/placed' RETURNING 1"""
        )
        await _let_attempts_pass(shop)
        (row,) = await _parked(shop)
        assert "placed_at" in row["error"] and "required" in row["error"].lower()
        assert len(await shop.messages()) == 1

    play(story)


def test_what_the_database_refuses_is_parked_too(play, monkeypatch):
    """P11: the answer is fine, its rows are not."""

    async def story(shop: Shop) -> None:
        real = scenes.commit

        async def commit(tx: Any, scene: Any, now: datetime, ids: Any) -> None:
            if any(bought.key == "13" for bought in scene.orders.values()):
                raise psycopg.errors.NumericValueOutOfRange("numeric field overflow")
            await real(tx, scene, now, ids)

        monkeypatch.setattr(scenes, "commit", commit)
        await shop.hear(*(order(f"{n}") for n in range(10, 16)))
        await _let_attempts_pass(shop)
        (row,) = await _parked(shop)
        assert row["error"] == "NumericValueOutOfRange: numeric field overflow"
        assert len(await shop.messages()) == 5

    play(story)


def test_an_automation_that_cannot_be_read_stops_no_other(play):
    """P11, R117: as when another version of the program has written it. It is off."""

    async def story(shop: Shop) -> None:
        plan = RECIPES["order_paid"].model_copy(update={"key": "own_1"})
        async with db.transaction(shop.runtime.pool) as tx:
            for key in ("own_1", "order_paid"):
                own = Automation(True, 1, plan=plan)
                await automations.save(tx, shop.store.id, key, own, shop.at, None)
        await shop.rows("UPDATE automation SET plan = jsonb_set(plan, '{steps}', '[]') RETURNING 1")
        await shop.hear(order(), paid())
        await shop.answer()
        said = {row["recipe"] for row in await shop.messages()}
        assert "order_accepted" in said
        assert not said & {"own_1", "order_paid"}
        assert not await shop.rows("SELECT FROM pending_fact WHERE error <> ''")

    play(story)
