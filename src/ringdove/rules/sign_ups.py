"""Ways in: a form, a keyword, a program. A yes is written with its words; then comes the welcome.

With double opt-in a yes from the web is `asked` until the number itself confirms it (R1, R3).
"""

from datetime import datetime

from ringdove.rules import facts, ledger, people, permissions
from ringdove.rules.scenes import Scene


def signed_up(scene: Scene, fact: facts.SignedUp, now: datetime) -> None:
    """Meets the person and writes what they agreed to, unless something newer was said."""
    person = people.meet(scene, fact.customer, "form", now, fact.subject())
    change = "in" if fact.confirmed or not scene.store.policy.double_opt_in else "asked"
    for scope in fact.scopes:
        person = scene.contacts[person.id]
        since = permissions.said_at(person, scope)
        if permissions.state_of(person, scope) == "in" or (since and since >= fact.at):
            continue
        scene.happens(
            ledger.entry(
                scene, person.id, fact.at, scope, change, fact.source, fact.words,
                language=fact.language, ip=fact.ip, device=fact.device,
            )
        )  # fmt: skip
