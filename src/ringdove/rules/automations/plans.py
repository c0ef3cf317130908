"""A store's automations as they count now, by what begins them and what their runs listen to.

Made of the ready recipes and of what the store changed or wrote itself; worked out once for a set
of versions (records/automations/automations.py keeps it), since every batch of facts asks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ringdove.rules.automations.journeys import Heard, Journey
from ringdove.rules.automations.recipes import RECIPES


@dataclass(frozen=True, slots=True)
class Automation:
    """What a store made of a recipe, or an automation of its own: switched on or off, with texts
    of its own and, where more than texts was changed, a whole plan."""

    is_on: bool
    version: int = 0
    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # before there were plans
    texts: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    plan: Journey | None = None  # None: the recipe's own
    is_gone: bool = False  # one of the store's own that was taken off the list


@dataclass(frozen=True, slots=True)
class Plan:
    """A journey with the store's switch and texts."""

    journey: Journey
    own: Automation


@dataclass(frozen=True, slots=True)
class Plans:
    """All of a store, by key; versions newest first."""

    versions: Mapping[str, Sequence[Automation]] = field(default_factory=dict)
    newest: Mapping[str, Plan] = field(init=False)
    by_fact: Mapping[str, Sequence[Plan]] = field(init=False)
    _old: dict[tuple[str, int], Plan] = field(init=False)

    def __post_init__(self) -> None:
        keys = (*RECIPES, *(key for key in self.versions if key not in RECIPES))
        newest = {
            key: plan
            for key in keys
            if (plan := plan_of(key, next(iter(self.versions.get(key, ())), None)))
        }
        by_fact: dict[str, list[Plan]] = {}
        for plan in newest.values():
            if isinstance(plan.journey.trigger, Heard) and not plan.own.is_gone:
                by_fact.setdefault(plan.journey.trigger.kind, []).append(plan)
        for name, value in (("newest", newest), ("by_fact", by_fact), ("_old", {})):
            object.__setattr__(self, name, value)

    @classmethod
    def of_one(cls, plan: Plan) -> "Plans":
        """This one and no other: what a rehearsal walks."""
        found, trigger = cls(), plan.journey.trigger
        by_fact = {trigger.kind: (plan,)} if isinstance(trigger, Heard) else {}
        for name, value in (("newest", {plan.journey.key: plan}), ("by_fact", by_fact)):
            object.__setattr__(found, name, value)
        return found

    def of(self, key: str, version: int) -> Plan | None:
        """The plan that a run of this version walks; None: it is not known any more."""
        plan = self.newest.get(key)
        if plan is None or plan.own.version == version:
            return plan
        if (key, version) not in self._old:
            own = next((one for one in self.versions.get(key, ()) if one.version == version), None)
            found = plan_of(key, own)
            if found is None:
                return None
            self._old[key, version] = found
        return self._old[key, version]


def plan_of(key: str, own: Automation | None) -> Plan | None:
    """The store's form of a recipe, or its own journey."""
    ready = RECIPES.get(key)
    if own is None:
        return Plan(ready, Automation(is_on=ready.starts_on)) if ready else None
    if own.plan is not None:
        return Plan(own.plan, own)
    return Plan(_changed(ready, own), own) if ready else None


def _changed(ready: Journey, own: Automation) -> Journey:
    """A recipe with a store's switches and delays of single steps, as they were kept before whole
    plans were."""
    if not own.steps:
        return ready
    steps = []
    for step in ready.steps:
        told = own.steps.get(step.id, {})
        update = {"is_on": told["is_on"]} if "is_on" in told else {}
        if "delay_s" in told:
            update["seconds"] = told["delay_s"]
        steps.append(step.model_copy(update=update))
    return ready.with_steps(tuple(steps))
