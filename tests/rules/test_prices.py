"""A price list asked by the number (N6)."""

from decimal import Decimal

import pytest

from ringdove.rules.people import phones
from ringdove.rules.sending.prices import Cost, Price, PriceList, PriceWrong, price_of


def made(*lines: tuple[str, str, str, str]) -> PriceList:
    return PriceList((Price(p, Decimal(a), c, n) for p, a, c, n in lines), "EUR")


LIST = made(
    ("375", "0.090", "BY", ""),
    ("37529", "0.085", "BY", "A1 and MTS"),
    ("375292", "0.080", "BY", "MTS"),
    ("7", "0.050", "RU", ""),
    ("7", "0.120", "KZ", ""),
    ("39", "0.040", "", "TIM"),
    ("39", "0.045", "", "Vodafone"),
    ("", "0.030", "ES", ""),
    ("", "0.010", "US", ""),
)


@pytest.mark.parametrize(
    ("phone", "per_part", "country", "network"),
    [
        ("+375291112233", "0.085", "BY", "A1 and MTS"),
        ("+375292112233", "0.080", "BY", "MTS"),
        ("+375331112233", "0.090", "BY", ""),
        ("+79161234567", "0.050", "RU", ""),
        ("+77011234567", "0.120", "KZ", ""),  # one code, two countries
        ("+393331234567", "0.045", "IT", "Vodafone"),  # ported numbers: the dearest
        ("+34612345678", "0.030", "ES", ""),
        ("+12025550123", "0.010", "US", ""),
    ],
)
def test_the_longest_prefix_counts(phone: str, per_part: str, country: str, network: str) -> None:
    """N6."""
    assert price_of(LIST, phone, 1) == Cost(Decimal(per_part), "EUR", country, network)
    three = price_of(LIST, phone, 3)
    assert three is not None and three.amount == 3 * Decimal(per_part)


@pytest.mark.parametrize("phone", ["+14165550123", "+48601234567", "+3", "", "Anna", "+٣٧٥"])
def test_what_the_list_does_not_say_is_unknown(phone: str) -> None:
    assert price_of(LIST, phone, 1) is None
    assert price_of(PriceList((), "EUR"), phone, 1) is None


@pytest.mark.parametrize(
    ("prefix", "per_part", "country"),
    [("", "1", ""), ("+375", "1", ""), ("37 5", "1", ""), ("1" * 16, "1", ""),
     ("375", "-1", ""), ("375", "NaN", ""), ("٣", "1", "")],
)  # fmt: skip
def test_a_line_that_cannot_be_a_price(prefix: str, per_part: str, country: str) -> None:
    with pytest.raises(PriceWrong):
        Price(prefix, Decimal(per_part), country)


@pytest.mark.parametrize(
    ("phone", "country"),
    [("+375291112233", "BY"), ("+79161234567", "RU"), ("+77011234567", "KZ"), ("+447400123456",
      "GB"), ("+14165550123", "CA"), ("+10000000000", "US"), ("+999", ""), ("", ""), ("x", "")],
)  # fmt: skip
def test_the_country_of_a_number(phone: str, country: str) -> None:
    assert phones.country_of(phone) == country
