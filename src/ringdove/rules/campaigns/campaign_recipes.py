"""Campaigns to start from: what is said, to whom, and when it goes; the words lie in phrases.toml.

A recipe makes a draft and nothing else: the merchant changes what they like, and every check and
decision is asked of the draft as of any other campaign. Pure: today is an argument.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from ringdove.rules import languages
from ringdove.rules.campaigns.campaigns import Link, Plan, Variant, When, Words
from ringdove.rules.segments import segments

MORNING = time(11)


@dataclass(frozen=True, slots=True)
class CampaignRecipe:
    """One campaign to start from. `wants_offer`: its words say a code, so an offer is to be chosen;
    `channel`: of the sale it is about (R42)."""

    key: str
    topic: str = "offers"
    audience: segments.Node = segments.EVERYBODY
    without: segments.Node | None = None
    links: tuple[Link, ...] = (Link(),)
    wants_offer: bool = False
    wants_stop: bool = False  # it ends when the goods are sold (R43)
    when: Mapping[str, Any] = field(default_factory=dict)


def _lately(days: int) -> segments.Node:
    return segments.Orders(last=segments.Span(within_days=days))


HAS_BOUGHT = segments.Orders(times=segments.ONCE)

RECIPES: dict[str, CampaignRecipe] = {
    one.key: one
    for one in (
        CampaignRecipe("sale"),
        CampaignRecipe("black_friday"),
        CampaignRecipe("cyber_monday"),
        CampaignRecipe("new_goods", "new_goods", without=_lately(7)),  # R38
        CampaignRecipe("goods_of_day"),  # R37
        CampaignRecipe(  # R36: for those who are with us
            "early_access", audience=segments.Permission(states=("in",)),
        ),
        CampaignRecipe("app_only", wants_offer=True),  # R42
        CampaignRecipe("loyalty_start", "loyalty", audience=HAS_BOUGHT),  # R39
        CampaignRecipe("social", "social"),  # R44
        CampaignRecipe(
            "birthday_month",
            audience=segments.Birthday(in_days=segments.Range(at_most=Decimal(30))),
            links=(), wants_offer=True,
        ),
        CampaignRecipe(  # R54
            "win_back",
            audience=segments.Orders(last=segments.Span(before_days=180)),
            links=(), wants_offer=True, when={"mode": "own_hour"},
        ),
        CampaignRecipe("last_pieces", wants_stop=True),  # R43
        CampaignRecipe("follow_up"),
        CampaignRecipe("gifts"),
        CampaignRecipe("back_to_school", audience=segments.Any(of=(
            segments.Children(number=segments.ONCE), HAS_BOUGHT))),
    )
}  # fmt: skip


def words_of(key: str, language: str) -> Mapping[str, str]:
    """What the recipe says in a language, in English where that has no words; with its `title`,
    `about` and `occasion` for pages."""
    found: Mapping[str, str] = languages.phrases(language)["campaigns"][key]
    return found


def plan_of(
    recipe: CampaignRecipe,
    offered: Sequence[str],
    *,
    topics: Sequence[str],
    occasion: str,
    day: date | None = None,
    lead_days: int = 0,
    today: date | None = None,
) -> Plan:
    """The draft of a recipe in the languages of a store. `day`: the key date that it is for; it
    then goes `lead_days` before it in the morning, or at once where that is past."""
    return Plan(
        topic=recipe.topic if recipe.topic in topics else "offers",
        occasion=occasion,
        audience=recipe.audience,
        without=recipe.without,
        variants=(Variant(words={one: _written(recipe.key, one) for one in offered}),),
        links=recipe.links,
        when=_when(recipe, day, lead_days, today),
        key_date=day,
    )


def _written(key: str, language: str) -> Words:
    """The text, and the same as a letter: its way out stands by itself there (R40)."""
    said = words_of(key, language)
    text, stop, rest = said["sms"].rpartition("{{ stop_url }}")
    words, _, ending = text.rstrip().rpartition(" ")
    return Words(sms=said["sms"], subject=said["subject"], body=f"{words}\n\n{ending} {stop}{rest}")


def _when(recipe: CampaignRecipe, day: date | None, lead_days: int, today: date | None) -> When:
    if day is None:
        return When(**recipe.when)
    goes = day - timedelta(days=lead_days)
    if today and goes <= today:
        return When(**recipe.when)
    at = datetime.combine(goes, MORNING)
    return When(**{"mode": "at", **recipe.when, "at": at, "local": True})
