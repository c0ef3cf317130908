"""The waiting step: from a scene to the wake-up fact, and on."""

from datetime import timedelta

from ringdove.rules import facts
from ringdove.rules.automations import recipes
from ringdove.rules.automations.plans import Automation, Plans
from ringdove.rules.effects import HearLater
from ringdove.rules.steps.wait import Wait
from tests.rules.scene import NOON, hear, messages, scene
from tests.rules.test_recipes import TRIGGERS


def test_waiting_ends_in_one_fact_of_our_own_at_its_time():
    """R117: every wake-up is a fact."""
    place = hear(scene(), TRIGGERS["order_unpaid"])
    (later,) = [effect for effect in place.effects if isinstance(effect, HearLater)]
    (run,) = [run for run in place.enrollments.values() if run.state == "waiting"]
    assert later.at == run.wake_at == NOON + timedelta(hours=2)
    assert later.body == {"enrollment": run.id, "contact": run.contact_id, "place": run.place}


def test_a_run_finishes_on_the_version_it_began_with():
    """Decided in design: a change reaches those who begin after it."""
    place = scene()
    place.plans = Plans({"order_unpaid": [Automation(True, 1, {"s0": {"delay_s": 600}})]})
    hear(place, TRIGGERS["order_unpaid"])
    (run,) = [run for run in place.enrollments.values() if run.state == "waiting"]
    assert run.version == 1 and run.wake_at == NOON + timedelta(minutes=10)
    newer = Automation(True, 2, {"s1": {"is_on": False}})
    place.plans = Plans({"order_unpaid": [newer, *place.plans.versions["order_unpaid"]]})
    woken = facts.WokenUp(
        id="w", at=run.wake_at, enrollment=run.id, contact=run.contact_id, place=run.place
    )
    hear(place, woken, now=run.wake_at)
    assert "order_unpaid" in {m.recipe for m in messages(place)}


def test_a_wake_up_that_comes_twice_is_heard_once():
    place = hear(scene(), TRIGGERS["order_unpaid"])
    (run,) = [run for run in place.enrollments.values() if run.state == "waiting"]
    woken = facts.WokenUp(
        id="w", at=run.wake_at, enrollment=run.id, contact=run.contact_id, place=run.place
    )
    hear(place, woken, woken, now=run.wake_at)
    assert [m.recipe for m in messages(place)].count("order_unpaid") == 1


def test_a_wait_that_is_off_is_passed():
    recipe = recipes.RECIPES["order_unpaid"]
    assert isinstance(recipe.steps[0], Wait)
    place = scene()
    place.plans = Plans({"order_unpaid": [Automation(True, 1, {"s0": {"is_on": False}})]})
    hear(place, TRIGGERS["order_unpaid"])
    assert "order_unpaid" in {m.recipe for m in messages(place)}
