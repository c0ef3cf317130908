"""Trees that cannot be answered are refused where they are said."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from ringdove.rules.scenes import Contact
from ringdove.rules.segments.pictures import Basket, Picture, holds
from ringdove.rules.segments.segments import NESTED_MAX, TREE, CartLeft, Goods, TooLarge, whole

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("tree", [
    {"leaf": "place", "cities": ["a\x00b"]},
    {"leaf": "bought", "goods": {"skus": ["\x00"]}},
    {"leaf": "field", "key": "a\x00"},
    {"leaf": "permission", "scope": "topic/\x00", "states": ["in"]},
    {"leaf": "language", "languages": ["\x00"]},
    {"leaf": "due", "category": "a\x00", "in_days": {}},
    {"leaf": "orders", "spent": {"at_least": "1E-99999"}},
])  # fmt: skip
def test_what_the_database_cannot_be_asked_is_no_tree(tree: dict[str, Any]) -> None:
    """R20, P10: not an error of the server in the midst of a campaign."""
    with pytest.raises(ValidationError):
        TREE.validate_python(tree)


def test_segments_name_each_other_only_so_deep() -> None:
    """R24: a long chain of them is refused when it is made, whatever lies between."""
    known = {1: TREE.validate_python({"leaf": "reach", "channel": "sms"})}
    for n in range(1, 400):
        known[n + 1] = TREE.validate_python(
            {"leaf": "not", "of": {"leaf": "segment", "segment": n}}
        )
    assert len(list(whole(known[NESTED_MAX], known))) == NESTED_MAX
    with pytest.raises(TooLarge):
        list(whole(known[400], known))


def test_a_cart_whose_goods_are_forgotten_waits_all_the_same() -> None:
    """R20, P12: retention empties the lines of a cart; the kept figures know it still."""
    who = Contact(1, "+375291112233", None, NOON)
    picture = Picture(who, "Europe/Minsk", cart=Basket(NOON, Decimal(20), ()))
    assert holds(CartLeft(), picture, NOON)[0]
    assert not holds(CartLeft(goods=Goods(skus=("a",))), picture, NOON)[0]
