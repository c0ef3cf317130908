"""What a journey listens to must be something that can be heard."""

from decimal import Decimal

import pytest
from pydantic import ValidationError

from ringdove.rules import facts
from ringdove.rules.automations import hearing
from ringdove.rules.automations.occasions import Occasion
from tests.rules.scene import NOON
from tests.rules.steps.walk import journey

SAY = {"do": "send", "id": "a", "text": "hello"}


def wait_for(*words: str) -> dict[str, object]:
    return {"do": "wait", "id": "w", "seconds": 3600, "until": words}


@pytest.mark.parametrize(("told", "said"), [
    ({"stopped_by": ["parcel.movd"]}, "no fact is called parcel.movd"),
    ({"stopped_by_any": ["order.placed/new"]}, "order.placed has no state new: it has none"),
    ({"steps": [wait_for("parcel.moved/arrived"), SAY]}, "parcel.moved has no state arrived"),
    ({"steps": [{"do": "branch", "id": "b", "heard": ["cart.changed/full"]}]}, "filled, emptied"),
    ({"trigger": {"on": "fact", "kind": "order.come"}}, "no fact is called order.come"),
    ({"trigger": {"on": "fact", "kind": "complaint.moved", "where": {"states": ["open"]}}},
     "complaint.moved has no state open: opened, answered"),
])  # fmt: skip
def test_a_typo_is_told_with_what_there_is(told: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        journey(**{"steps": [SAY], **told})
    journey(steps=[wait_for("parcel.moved/delivered", "payment.received"), SAY],
            stopped_by=["cart.changed/emptied"])  # fmt: skip


def test_each_state_is_one_that_facts_have() -> None:
    """What is said of carts and visits is what occasions say of them."""
    line = {"name": "Kettle", "quantity": Decimal(1)}
    who = {"phone": "+375291112233"}
    carts = [facts.CartChanged(id="c", at=NOON, cart="b", customer=who, lines=lines)
             for lines in ([line], [])]  # fmt: skip
    visits = [facts.VisitMade(id="v", at=NOON, customer=who, sku=sku) for sku in ("K", "")]
    for kind, told in (("cart.changed", carts), ("visit.made", visits)):
        assert tuple(Occasion(one, 1, "").state for one in told) == hearing.STATES[kind]
    assert hearing.STATES.keys() <= hearing.KINDS
