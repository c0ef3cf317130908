"""What a text costs: an operator's price list, asked by the number it goes to.

A list has a price a part for prefixes ("375", "37529") and for whole countries. The longest prefix
that fits counts, since operators bill by it; a country's price counts where no prefix fits. What
the list does not say stays unknown (None): a guessed price is worse than none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ringdove.rules.people import phones

PRICES_MAX = 200_000
PREFIX_DIGITS_MAX = 15  # ITU-T E.164: no number is longer


class PriceWrong(ValueError):
    """A line that cannot be a price; the message is for the person who brought the list."""


@dataclass(frozen=True, slots=True)
class Price:
    """One line of a list. Without a prefix it is the price of the whole country."""

    prefix: str  # digits without a plus: "37529"; "" with a country
    per_part: Decimal
    country: str = ""  # ISO 3166, "BY"; "": as the number says
    network: str = ""  # the operator's name, as the list has it

    def __post_init__(self) -> None:
        is_prefix = self.prefix.isascii() and self.prefix.isdigit()
        if self.prefix and not (is_prefix and len(self.prefix) <= PREFIX_DIGITS_MAX):
            raise PriceWrong(f"“{self.prefix}” is no prefix: write digits only, such as 37529.")
        if not self.prefix and not self.country:
            raise PriceWrong("A price needs a prefix or a country.")
        if not self.per_part.is_finite() or self.per_part < 0:
            raise PriceWrong(f"“{self.per_part}” is no price.")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one text to one number, all its parts together."""

    amount: Decimal
    currency: str
    country: str
    network: str


class PriceList:
    """Built once, asked for every number of an audience."""

    __slots__ = ("_by_country", "_by_prefix", "_lengths", "currency")

    def __init__(self, prices: Iterable[Price], currency: str) -> None:
        self.currency = currency
        self._by_prefix: dict[str, dict[str, Price]] = {}
        self._by_country: dict[str, Price] = {}
        for number, price in enumerate(prices, 1):
            if number > PRICES_MAX:
                raise PriceWrong(f"More than {PRICES_MAX} prices.")
            if price.prefix:
                _keep(self._by_prefix.setdefault(price.prefix, {}), price)
            else:
                _keep(self._by_country, price)
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix}, reverse=True)

    @property
    def prefix_digits(self) -> int:
        """How many digits of a number decide its price at most, whole countries aside."""
        return self._lengths[0] if self._lengths else 0

    def price(self, phone: str) -> Price | None:
        """The line that this number (E.164, with its +) is billed by."""
        digits = phone.removeprefix("+")
        for length in self._lengths:
            if (lines := self._by_prefix.get(digits[:length])) and length <= len(digits):
                if len(lines) == 1:
                    return next(iter(lines.values()))
                if found := lines.get(phones.country_of(phone)) or lines.get(""):
                    return found
        return self._by_country.get(phones.country_of(phone)) if self._by_country else None


def _keep(lines: dict[str, Price], price: Price) -> None:
    """Of several networks behind one prefix the dearest: numbers are ported, and what is promised
    before sending must not be too little."""
    known = lines.get(price.country)
    if known is None or price.per_part > known.per_part:
        lines[price.country] = price


def price_of(prices: PriceList, phone: str, parts: int) -> Cost | None:
    """What so many parts to this number cost; None: the list does not say."""
    found = prices.price(phone)
    if found is None:
        return None
    country = found.country or phones.country_of(phone)
    return Cost(found.per_part * parts, prices.currency, country, found.network)
