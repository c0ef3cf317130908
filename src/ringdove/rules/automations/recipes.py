"""The ready automations by their keys, and by what they are for.

Texts lie in locales/<language>/phrases.toml under [recipes]; a store may change them, the steps,
and switch each on or off (table automation). Their journeys: order_recipes.py, offer_recipes.py.
"""

from collections.abc import Mapping
from typing import Final

from ringdove.rules.automations import offer_recipes, order_recipes
from ringdove.rules.automations.journeys import Journey

# In the order of the page.
PURPOSES: Final[Mapping[str, tuple[Journey, ...]]] = {
    "orders": order_recipes.ORDERS,
    "delivery": order_recipes.DELIVERY,
    "returns": order_recipes.RETURNS,
    "carts": offer_recipes.CARTS,
    "after": offer_recipes.AFTER,
    "goods": offer_recipes.GOODS,
    "people": offer_recipes.PEOPLE,
}
RECIPES: Final[Mapping[str, Journey]] = {
    journey.key: journey for journeys in PURPOSES.values() for journey in journeys
}
