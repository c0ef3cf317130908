"""What the ready segments are called, and what each is good for."""

from collections.abc import Mapping
from dataclasses import dataclass

from ringdove.rules.segments.segment_recipes import RECIPES
from ringdove.web.menu import N_
from ringdove.web.speech import Speech

WORDS: Mapping[str, tuple[str, str]] = {
    "reachable_by_sms": (
        N_("May be texted"),
        N_("Have a number and said yes to offers: the widest audience of a campaign."),
    ),
    "new": (
        N_("New customers"),
        N_("Ordered for the first time in the last 30 days: a welcome, a hint for the next order."),
    ),
    "best": (
        N_("Best customers"),
        N_("Buy often and for much: first at a sale, a thank-you without a discount."),
    ),
    "fading": (
        N_("About to leave"),
        N_("Good customers who buy less than they did: ask what they miss."),
    ),
    "lost": (
        N_("Lost customers"),
        N_("Have not bought for very long: one strong offer, or peace."),
    ),
    "never_bought": (
        N_("Signed up, never bought"),
        N_("Are known to you but have no order: a reason for the first one."),
    ),
    "left_a_cart": (
        N_("Left a cart"),
        N_("Something waits in it for 3 hours to 3 days: remind them once."),
    ),
    "birthday_next_week": (
        N_("Birthday next week"),
        N_("Of those who told their birthday: a gift that has an end."),
    ),
    "bought_of_a_category": (
        N_("Bought from a category"),
        N_("Choose the category: news and accessories for what they have."),
    ),
    "due_in_a_category": (
        N_("Will need it again"),
        N_("By the rhythm of their purchases they buy again within two weeks."),
    ),
    "looked_and_did_not_buy": (
        N_("Looked and did not buy"),
        N_("Looked twice in two weeks and bought none of it: help them to decide."),
    ),
    "clicked_lately": (
        N_("Tap our links"),
        N_("Opened a link of an offer in the last 90 days: they read what you send."),
    ),
    "never_clicks": (
        N_("Never tap our links"),
        N_("Got five offers and more and opened none: leave them out, it saves money."),
    ),
}


@dataclass(frozen=True, slots=True)
class Ready:
    """A ready segment as the page offers it."""

    key: str
    title: str
    about: str


def ready(say: Speech) -> list[Ready]:
    """All of them, in the order in which they are offered."""
    return [Ready(key, *map(say.gettext, WORDS[key])) for key in RECIPES]
