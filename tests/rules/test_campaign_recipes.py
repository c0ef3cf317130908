"""Campaigns to start from: complete in every language, short, with something to do (R36–R44)."""

from datetime import date, datetime

import pytest

from ringdove.rules import languages, texts
from ringdove.rules.campaigns import campaign_recipes
from ringdove.rules.campaigns.campaign_recipes import RECIPES

WRITTEN = ("en", "ru", "be", "it", "es")
TITLED = ("en", "ru")
OF_CAMPAIGNS = {"link", "offer.code", "offer.until"}
SHOPS = {"ru": "Чайная лавка", "be": "Чайная крама"}
NAMES = {"ru": "Маргарита", "be": "Маргарыта", "it": "Maddalena"}
PARTS_MAX = 2


def values(language: str) -> dict[str, object]:
    """As long as they usually are: a short domain of the shop, a code of ours, a day."""
    return {
        "shop": {"name": SHOPS.get(language, "Tea House")},
        "customer": {"first_name": NAMES.get(language, "Margarita")},
        "link": "https://tea.by/" + "x" * 12,
        "offer": {
            "code": "TEA-8FK2QPZ",
            "until": languages.say_day(date(2026, 11, 24), language),
        },
        "stop_url": "https://tea.by/u/" + "x" * 20,
    }


@pytest.mark.parametrize("language", WRITTEN)
@pytest.mark.parametrize("key", RECIPES)
def test_a_recipe_is_short_calls_to_do_something_and_says_the_way_out(
    key: str, language: str
) -> None:
    """R5, R26, R27."""
    own = languages.phrases_of(language)["campaigns"][key]
    template = own["sms"]
    assert texts.check(template, texts.KNOWN_VARIABLES | OF_CAMPAIGNS) == []
    english = languages.phrases_of("en")["campaigns"][key]["sms"]
    asked = texts.variables(template)
    assert asked - {"offer.until"} == texts.variables(english) - {"offer.until"}
    assert texts.has_call(template) and "stop_url" in asked
    assert ("offer.code" in asked) is RECIPES[key].wants_offer
    assert ("link" in asked) is bool(RECIPES[key].links)
    said = texts.render(template, values(language))
    assert texts.measure(said).parts <= PARTS_MAX, (said, texts.measure(said))
    if language not in languages.CYRILLIC:
        assert texts.measure(said).encoding == "GSM-7", said
    assert SHOPS.get(language, "Tea House") in said and own["subject"]


@pytest.mark.parametrize("language", WRITTEN)
@pytest.mark.parametrize("key", RECIPES)
def test_a_recipe_reads_well_when_nothing_optional_is_known(key: str, language: str) -> None:
    """R25."""
    known = values(language) | {"customer": {}, "offer": {"code": "TEA-8FK2QPZ", "until": ""}}
    said = texts.render(languages.phrases_of(language)["campaigns"][key]["sms"], known)
    assert said[0].isupper() and "  " not in said and " ," not in said and " ." not in said


@pytest.mark.parametrize("language", TITLED)
def test_a_recipe_says_what_it_is_for(language: str) -> None:
    for key in RECIPES:
        own = languages.phrases_of(language)["campaigns"][key]
        assert own["title"] and own["about"] and own["occasion"]


def test_a_draft_speaks_the_languages_of_the_store_and_goes_before_its_day() -> None:
    """R13, R41."""
    plan = campaign_recipes.plan_of(
        RECIPES["gifts"], ["it", "ru"], topics=["offers"], occasion="Valentine's Day",
        day=date(2027, 2, 14), lead_days=9, today=date(2027, 1, 20),
    )  # fmt: skip
    assert set(plan.variants[0].words) == {"it", "ru"} and plan.occasion == "Valentine's Day"
    assert (plan.when.mode, plan.when.at) == ("at", datetime(2027, 2, 5, 11))
    assert plan.when.local and plan.key_date == date(2027, 2, 14)
    letter = plan.variants[0].words["it"].body
    assert "\n\nStop: {{ stop_url }}" in letter and "{{ link }}" in letter
    late = campaign_recipes.plan_of(
        RECIPES["gifts"], ["it"], topics=[], occasion="x", day=date(2027, 2, 14), lead_days=9,
        today=date(2027, 2, 8),
    )  # fmt: skip
    assert late.when.mode == "now"


def test_a_topic_that_the_store_does_not_have_becomes_offers() -> None:
    """R44."""
    recipe = RECIPES["social"]
    given = {"topics": ["offers", "social"], "occasion": "x"}
    assert campaign_recipes.plan_of(recipe, ["en"], **given).topic == "social"  # type: ignore[arg-type]
    given["topics"] = ["offers"]
    assert campaign_recipes.plan_of(recipe, ["en"], **given).topic == "offers"  # type: ignore[arg-type]
