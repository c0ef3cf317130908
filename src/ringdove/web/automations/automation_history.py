"""The versions of an automation as its page shows them, with what each made another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ringdove.records.automations.automations import Version
from ringdove.rules.automations import revisions
from ringdove.rules.automations.plans import Automation, plan_of
from ringdove.rules.automations.recipes import RECIPES
from ringdove.web.automations import step_words
from ringdove.web.automations.step_words import Named
from ringdove.web.speech import Speech


@dataclass(frozen=True, slots=True)
class Past:
    """One version on the page: who, when, and what became another by it."""

    version: Version
    changes: tuple[tuple[str, revisions.Difference], ...]
    is_now: bool


def history(say: Speech, key: str, versions: Sequence[Version], named: Named) -> list[Past]:
    """Newest first; the oldest that is known only as what the next one is compared with."""
    found = []
    for place, version in enumerate(versions):
        is_first = version.own.version == 1
        if place + 1 == len(versions) and not is_first:
            break  # what it changed would need the one before it
        ready = RECIPES.get(key)
        begun = Automation(ready.starts_on) if ready else replace(version.own, version=0)
        before = begun if is_first else versions[place + 1].own
        old, new = plan_of(key, before), plan_of(key, version.own)
        changes = revisions.differences(old, new) if old and new else []
        said = tuple((step_words.difference(say, one, named), one) for one in changes)
        found.append(Past(version, said, place == 0))
    return found
