"""What both are given when the friend has paid: as the automations that are on give it."""

from ringdove.kit.db import Tx
from ringdove.records.automations import automations
from ringdove.records.offers import rewards
from ringdove.rules.automations.plans import Plan
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.friends.inviting import RECIPES
from ringdove.rules.offers import offers
from ringdove.rules.scenes import Store
from ringdove.rules.steps.give import Give
from ringdove.rules.steps.send import Send

Promises = dict[
    str, str
]  # inviter, friend: the offer in a few words; who gets nothing is not there


async def promised(tx: Tx, store: Store, language: str) -> Promises:
    """In the words of a language."""
    return {
        role: offers.discount(offer, language, store.currency) or offer.title or offer.name
        for role, offer in (await offered(tx, store)).items()
    }


async def offered(tx: Tx, store: Store) -> dict[str, Reward]:
    """By role the offer that is given; one that has ended or is not chosen yet is not there."""
    plans = await automations.plans(tx, store.id)
    found: dict[str, Reward] = {}
    for role, recipe in RECIPES.items():
        number = _offer_of(plans.newest[recipe])
        offer = await rewards.find(tx, store.id, number) if number else None
        if offer and not offer.retired:
            found[role] = offer
    return found


def _offer_of(plan: Plan) -> int:
    """The first offer that a step of it gives; 0: it is off, or gives none."""
    if not plan.own.is_on:
        return 0
    steps = [place.step for place in plan.journey.course.values() if place.step.is_on]
    given = (one.offer for one in steps if isinstance(one, Send | Give))
    return next((one for one in given if one), 0)
