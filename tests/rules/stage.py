"""A scene for ready automations: a store of one language with all that a database would have chosen
(goods, codes, links), and some of its automations switched on."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ringdove.rules.automations.journeys import Journey
from ringdove.rules.automations.plans import Automation, Plans
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.people.own_fields import OwnField
from ringdove.rules.scenes import NO_HISTORY, Scene
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.step import Step
from ringdove.rules.surveys.surveys import READY
from ringdove.rules.wants import Chosen, Good
from tests.rules.scene import scene

ADDRESS = "https://lnd.by"
OFFER = Reward(7, "t", "Ten", "code", "own", prefix="LIN", discount="percent", worth=Decimal(10),
               valid_days=7)  # fmt: skip
KETTLE = Good("K1", "Kettle", "https://linden.example/kettle", "Kettles", Decimal("59.90"))
CUPS = (
    Good("C1", "Cup", "https://linden.example/cup", "Cups"),
    Good("C2", "Tea", "https://linden.example/tea", "Tea"),
    Good("C3", "Tray", "https://linden.example/tray", "Trays"),
)


class Always(dict[Any, Any]):
    """A mapping that has whatever it is asked for."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        super().__init__()
        self.make = make

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: Any) -> Any:
        return self.make(key)

    def get(self, key: Any, default: Any = None) -> Any:
        return self.make(key)


def stage(language: str = "en", goods: tuple[Good, ...] = CUPS, **changes: Any) -> Scene:
    """A store that speaks one language, with an offer, a catalogue and links."""
    place = scene(languages=(language,), **changes)
    place.address = ADDRESS
    place.own_link = lambda message, number: f"{ADDRESS}/{number:02}{'x' * 10}"
    place.histories = Always(lambda who: NO_HISTORY)
    place.pictures = {}
    place.own_hours = {}
    place.products = {KETTLE.sku: KETTLE}
    place.own_fields = {"points": OwnField("points", "Points", "number")}
    place.knows_fields = True
    place.surveys = dict(READY)
    place.chosen = Chosen(
        goods=Always(lambda wish: goods),
        codes=Always(lambda wish: "LIN-8FK2QPZ"),
        offers=Always(lambda number: OFFER if number == OFFER.id else None),
    )
    return place


def switch_on(place: Scene, *keys: str, offer: int = 0, all_steps: bool = False) -> Scene:
    """These automations, and none other; nobody is left alone by chance."""
    off = {key: [Automation(is_on=False, version=1)] for key in RECIPES}
    on = {
        key: [Automation(is_on=True, version=1, plan=_tuned(RECIPES[key], offer, all_steps))]
        for key in keys
    }
    place.plans = Plans(off | on)
    return place


def _tuned(journey: Journey, offer: int, all_steps: bool) -> Journey:
    def tuned(step: Step) -> Step:
        changes: dict[str, Any] = {"is_on": step.is_on or all_steps}
        gives = isinstance(step, Send) and (
            step.klass == "marketing" or step.text.startswith("friend_")
        )
        if offer and gives:
            changes["offer"] = offer
        for branch in ("then", "otherwise"):
            if hasattr(step, branch):
                changes[branch] = tuple(map(tuned, getattr(step, branch)))
        return step.model_copy(update=changes)

    told = journey.model_copy(update={"steps": tuple(map(tuned, journey.steps))})
    return Journey.model_validate(told.model_dump() | {"holdout_percent": 0})
