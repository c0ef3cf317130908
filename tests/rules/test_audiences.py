"""What a text is over many people, exactly (R26, N6)."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules import texts
from ringdove.rules.sending.prices import Price, PriceList

TEMPLATE = "{{ customer.first_name }}, " + "a" * 150


def people(*names: str) -> list[dict[str, object]]:
    return [{"customer": {"first_name": name}} for name in names]


def test_worst_and_typical_over_people() -> None:
    found = texts.audience_parts(TEMPLATE, people("Anna", "Maddalena Rossi", "Ян", "", "Eva"))
    assert found.people == 5 and found.distribution == {1: 3, 2: 1, 3: 1}
    assert (found.typical, found.worst, found.dear, found.parts) == (1, 3, 1, 8)
    assert found.worst_text.startswith("Ян, aaa")


def test_nobody_and_nothing() -> None:
    none = texts.audience_parts(TEMPLATE, [])
    assert (none.people, none.typical, none.worst, none.parts) == (0, 0, 0, 0)
    silent = texts.audience_parts("{{ customer.first_name }}", people("", "Anna"))
    assert (silent.people, silent.empty) == (1, 1)
    huge = texts.audience_parts("{{ customer.first_name }}", people("я" * 20_000, "Anna"))
    assert (huge.people, huge.too_long, huge.worst) == (1, 1, 1)


def test_money_by_each_number() -> None:
    prices = PriceList(
        (Price("375", Decimal("0.09"), "BY"), Price("39", Decimal("0.04"), "IT")), "EUR"
    )
    found = texts.audience_parts(
        TEMPLATE, people("Anna", "Ян", "Eva"), prices=prices,
        phones=["+375291112233", "+393331234567", "+34612345678"],
    )  # fmt: skip
    assert found.cost == {"EUR": Decimal("0.09") + 3 * Decimal("0.04")} and found.unpriced == 1


def test_a_national_table_counts_here_too() -> None:
    found = texts.audience_parts("ş" * 150, people("a", "b"), "tr")
    assert found.distribution == {1: 2} and found.dear == 0


def test_a_broken_template_is_not_counted() -> None:
    with pytest.raises(texts.TemplateBroken):
        texts.audience_parts("{{ a", people("Anna"))


@given(st.lists(st.text(st.sampled_from("aя€ "), max_size=200), max_size=12))
def test_it_is_what_counting_one_by_one_gives(names: list[str]) -> None:
    said = [text for one in people(*names) if (text := texts.render(TEMPLATE, one))]
    parts = Counter(texts.measure(text).parts for text in said)
    found = texts.audience_parts(TEMPLATE, people(*names))
    assert found.distribution == parts
    assert found.worst == max(parts, default=0)
    assert texts.measure(found.worst_text).parts == max(parts, default=1)
    middle = sorted(parts.elements())
    assert found.typical == (middle[(len(middle) - 1) // 2] if middle else 0)
