"""The pretend WooCommerce speaks as the real one: our reader understands every recipe's order."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ringdove.demo import scenario
from ringdove.rules.automations import recipes
from ringdove.rules.automations.journeys import Heard
from ringdove.rules.facts import Fact
from ringdove.stores import woocommerce
from ringdove.stores.edge import Nothing, Refusal

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
MINSK = ZoneInfo("Europe/Minsk")
PLAYS = {play.recipe: play for play in scenario.plays(NOW, MINSK, "https://linden.example", 500)}


def test_every_recipe_has_an_order_that_tries_it() -> None:
    """A new recipe needs a line in demo/scenario.CHANGES: else the check misses it."""
    of_orders = {
        one.key for one in recipes.RECIPES.values()
        if one.starts_on and isinstance(one.trigger, Heard)
        and one.trigger.where.wish != "exchange"  # WooCommerce knows returns only
        and one.trigger.kind != "survey.answered"  # a customer's word, no order's
    }  # fmt: skip
    assert of_orders <= set(PLAYS) == set(scenario.CHANGES)


@pytest.mark.parametrize("recipe", PLAYS)
def test_the_last_snapshot_tells_what_its_recipe_speaks_of(recipe: str) -> None:
    kinds = {fact.kind for fact in told(PLAYS[recipe].snapshots[-1])}  # type: ignore[attr-defined]
    assert recipes.RECIPES[recipe].trigger.kind in kinds  # type: ignore[union-attr]


def test_bodies_are_signed_as_woocommerce_signs_them() -> None:
    body = PLAYS["order_paid"].snapshots[0]
    headers = {"x-wc-webhook-topic": "order.created"}
    headers["x-wc-webhook-signature"] = woocommerce.sign(body, "words")
    assert woocommerce.verify(headers, body, {"webhook_secret": "words"}, NOW) is None
    assert woocommerce.verify(headers, body + b" ", {"webhook_secret": "words"}, NOW)


def told(body: bytes) -> list[Fact]:
    answer = woocommerce.read(
        {"x-wc-webhook-topic": "order.updated"}, body, woocommerce.Settings(), "BY", NOW
    )
    assert not isinstance(answer, Refusal | Nothing)
    return answer
