"""The ready automations by their keys, in the order of the page.

Texts lie in locales/<language>/phrases.toml under [recipes]; a store may change them, the steps,
and switch each on or off (table automation). Their journeys: order_recipes.py, offer_recipes.py.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from ringdove.rules import languages
from ringdove.rules.automations import friend_recipes, offer_recipes, order_recipes
from ringdove.rules.automations.journeys import Journey

RECIPES: Final[Mapping[str, Journey]] = {
    journey.key: journey
    for journey in (
        *order_recipes.ORDERS,
        *order_recipes.DELIVERY,
        *order_recipes.RETURNS,
        *offer_recipes.CARTS,
        *offer_recipes.AFTER,
        *offer_recipes.GOODS,
        *offer_recipes.PEOPLE,
        *friend_recipes.FRIENDS,
    )
}


@lru_cache(1_024)
def words_of(text: str, language: str) -> Mapping[str, str]:
    """The ready words of a text: title, about, sms, subject, body; of a text that does not come
    with Ringdove none. A letter says what the text message does, its way out by itself (R40)."""
    found: Mapping[str, str] = languages.phrases(language)["recipes"].get(text, {})
    if "subject" not in found or "body" in found:
        return found
    words, _, stop = found["sms"].rpartition("{{ stop_url }}")[0].rstrip().rpartition(" ")
    return {**found, "body": f"{words}\n\n{stop} {{{{ stop_url }}}}"}
