"""Two contacts that may be one person: what speaks for it, in one word.

Only an offer to look: nobody is ever merged for being alike. A shared address or a shared name is
often a family.
"""

from collections.abc import Iterator
from typing import Final

from ringdove.rules.people.searching import fold
from ringdove.rules.scenes import Contact

SLIPPED_DIGITS: Final = 9  # at the end of a number, where slips of the finger happen


def likeness(one: Contact, other: Contact) -> str | None:
    """email, slip, name: what makes them look like one; None: nothing does."""
    if one.id == other.id or other.merged_into or other.erased_at:
        return None
    same_name = bool(_words(one.name) & _words(other.name))
    if one.email and one.email == other.email:
        return "email"
    if one.phone and other.phone and same_name and is_slip(one.phone, other.phone):
        return "slip"
    whole = _words(one.name) == _words(other.name) and len(_words(one.name)) > 1
    place = (one.region, one.city), (other.region, other.city)
    same_place = any(place[0]) and fold(str(place[0])) == fold(str(place[1]))
    if whole and (same_place or not (one.phone and other.phone)):
        return "name"
    return None


def _words(name: str) -> frozenset[str]:
    return frozenset(word for word in fold(name).split() if len(word) > 1)


def is_slip(one: str, other: str) -> bool:
    """Whether one number is the other with one digit wrong, or two changed about."""
    if len(one) != len(other) or one == other:
        return False
    wrong = [n for n, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    if len(wrong) == 1:
        return True
    if len(wrong) != 2 or wrong[1] != wrong[0] + 1:
        return False
    n = wrong[0]
    return one[n] == other[n + 1] and one[n + 1] == other[n]


def slips_of(phone: str) -> Iterator[str]:
    """All numbers that are one slip away from this one."""
    digits = phone.removeprefix("+")
    for n in range(max(1, len(digits) - SLIPPED_DIGITS), len(digits)):
        for digit in "0123456789":
            if digit != digits[n]:
                yield f"+{digits[:n]}{digit}{digits[n + 1 :]}"
        if n + 1 < len(digits) and digits[n] != digits[n + 1]:
            yield f"+{digits[:n]}{digits[n + 1]}{digits[n]}{digits[n + 2 :]}"
