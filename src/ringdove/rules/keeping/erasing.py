"""Who is erased stays erased: what a shop tells later of an erased person is not taken in (P12).

The keys of their orders, carts and accounts are remembered as keyed hashes alone. A fact about one
of them is forgotten instead of answered. A new order is new: it makes a new person, who begins as
refused (rules/consent/suppression.py).
"""

from ringdove.rules import facts
from ringdove.rules.scenes import Scene

KINDS = ("order", "cart", "account")
"""Natural keys that lead to an erased person's past, and that the shop will name again."""


def concerns(scene: Scene, fact: facts.Fact) -> bool:
    """Whether a fact is about somebody who was erased."""
    people = [scene.contacts.get(contact_id) for contact_id in fact.people()]
    if any(person is not None and person.erased_at for person in people):
        return True
    return any(key in scene.erased and key not in scene.refs for key in _keys(fact))


def _keys(fact: facts.Fact) -> list[tuple[str, str]]:
    keys = []
    order, cart = fact.told("order"), fact.told("cart")
    if isinstance(order, facts.Order):
        keys.append(("order", order.key))
    elif isinstance(order, str):
        keys.append(("order", order))
    if isinstance(cart, str):
        keys.append(("cart", cart))
    if isinstance(fact, facts.CustomerChanged) and fact.customer.account:
        keys.append(("account", fact.customer.account))
    return keys
