"""The four stages of a customer: purchase, delivery, after the sale, long term (R78).

What happened belongs to the stage that it is about; what is about no order is long term.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from ringdove.rules.automations.recipes import RECIPES

STAGES: Final = ("purchase", "delivery", "after", "long")

# What a message or a run is about, by its topic; every other topic is long term.
TOPICS: Final[Mapping[str, tuple[str, ...]]] = {
    "purchase": ("order", "payment", "cart"),
    "delivery": ("delivery",),
    "after": ("return", "complaint", "surveys"),
}
ELSEWHERE: Final = tuple(topic for topics in TOPICS.values() for topic in topics)

# Which kinds of moments a stage can hold (records/people/timeline.py).
KINDS: Final[Mapping[str, frozenset[str]]] = {
    "purchase": frozenset({"order", "message", "run", "call"}),
    "delivery": frozenset({"parcel", "message", "run"}),
    "after": frozenset({"return", "message", "run", "task", "complaint"}),
    "long": frozenset({"inbound", "consent", "merge", "message", "run", "click"}),
}


def recipes_of(topics: Iterable[str]) -> list[str]:
    """The automations that speak about these."""
    wanted = set(topics)
    return [key for key, recipe in RECIPES.items() if recipe.topic in wanted]
