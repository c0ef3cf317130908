"""How many parts a text has over the people who will get it, exactly: everybody's own text counted.

Names and totals differ from person to person, and with them parts and price (N6). Nothing is kept
but the sums and one example of the longest.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from ringdove.rules.sending.prices import PriceList, price_of
from ringdove.rules.texts.sizes import TextTooLong, measure
from ringdove.rules.texts.templates import render


@dataclass(frozen=True, slots=True)
class AudienceMeasure:
    people: int  # who have a text; `too_long` and `empty` are not among them
    typical: int  # parts: half of the people have no more
    worst: int
    worst_text: str  # an example of the longest
    distribution: Mapping[int, int]  # parts → people
    dear: int  # people whose text is UCS-2
    parts: int  # of all together
    too_long: int = 0  # more parts than a phone joins
    empty: int = 0  # nothing would be said
    cost: Mapping[str, Decimal] = field(default_factory=dict)  # currency → sum
    unpriced: int = 0  # people whose number the price list does not know


def audience_parts(
    template: str,
    values: Iterable[Mapping[str, object]],
    shift: str = "",
    prices: PriceList | None = None,
    phones: Iterable[str] = (),
) -> AudienceMeasure:
    """Counts every person's text. With `prices`, `phones` are their numbers in the same order.

    Raises TemplateBroken where the template cannot be filled.
    """
    counted: Counter[int] = Counter()
    worst, worst_text, dear, too_long, empty = 0, "", 0, 0, 0
    cost, unpriced = Decimal(0), 0
    numbers = iter(phones)
    for known in values:
        phone = next(numbers, "")
        text = render(template, known)
        if not text:
            empty += 1
            continue
        parts, is_dear = _size(text, shift)
        if not parts:
            too_long += 1
            continue
        counted[parts] += 1
        dear += is_dear
        if (parts, len(text)) > (worst, len(worst_text)):
            worst, worst_text = parts, text
        if prices:
            found = price_of(prices, phone, parts)
            cost, unpriced = (cost + found.amount, unpriced) if found else (cost, unpriced + 1)
    return AudienceMeasure(
        people=counted.total(),
        typical=_median(counted),
        worst=worst,
        worst_text=worst_text,
        distribution=dict(sorted(counted.items())),
        dear=dear,
        parts=sum(parts * people for parts, people in counted.items()),
        too_long=too_long,
        empty=empty,
        cost={prices.currency: cost} if prices else {},
        unpriced=unpriced,
    )


def _size(text: str, shift: str) -> tuple[int, bool]:
    try:
        found = measure(text, shift)
    except TextTooLong:
        return 0, False
    return found.parts, found.encoding == "UCS-2"


def _median(counted: Counter[int]) -> int:
    half, seen = (counted.total() + 1) // 2, 0
    for parts in sorted(counted):
        seen += counted[parts]
        if seen >= half:
            return parts
    return 0
