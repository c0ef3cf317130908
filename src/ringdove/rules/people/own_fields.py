"""Fields of the shop's own: a size, a pet's name, a membership. Each has a type (R22).

The owner defines them; what a shop tells under another key, or what does not fit the type, is not
kept: no data about people without somebody who decided to have it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, get_args

Kind = Literal["text", "number", "date", "yes_no", "choice"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

FIELDS_MAX: Final = 50
TEXT_MAX: Final = 500
CHOICES_MAX: Final = 100
KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")

_YES: Final = frozenset({"yes", "true", "1", "on", "да", "так", "sì", "si", "sí", "tak"})
_NO: Final = frozenset({"no", "false", "0", "off", "нет", "не", "nie"})


@dataclass(frozen=True, slots=True)
class OwnField:
    """A field that a store keeps of its customers."""

    key: str
    title: str
    kind: Kind
    choices: tuple[str, ...] = ()
    is_retired: bool = False  # its values are kept but neither shown nor taken


def kept(own: Mapping[str, OwnField], told: Mapping[str, Any]) -> dict[str, Any]:
    """Of what was told that which this store keeps, as it is stored; None: it is to be emptied."""
    found: dict[str, Any] = {}
    for key, value in told.items():
        field = own.get(key)
        if field and not field.is_retired:
            try:
                found[key] = read(field, value)
            except ValueError:
                continue
    return found


def read(field: OwnField, value: Any) -> str | int | float | bool | None:
    """A value as it is stored: JSON, dates as 2026-11-22; None: no value. Raises ValueError, whose
    word says why: number, date, yes_no, choice, long."""
    typed = "" if value is None else str(value).replace("\x00", "").strip()
    if not typed:
        return None
    match field.kind:
        case "number":
            return _number(typed)
        case "date":
            return _date(typed)
        case "yes_no":
            return _yes_no(typed)
        case "choice":
            for choice in field.choices:
                if choice.casefold() == typed.casefold():
                    return choice
            raise ValueError("choice")
    if len(typed) > TEXT_MAX:
        raise ValueError("long")
    return typed


def _number(typed: str) -> int | float:
    try:
        number = Decimal(re.sub(r"[\s\u00a0\u202f]", "", typed).replace(",", "."))
    except InvalidOperation:
        raise ValueError("number") from None
    if not number.is_finite() or abs(number) >= 10**15:
        raise ValueError("number")
    return int(number) if number == number.to_integral_value() else float(number)


def _date(typed: str) -> str:
    """As 2026-11-22 or 22.11.2026; which of two the month is, is not guessed."""
    if found := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", typed):
        day, month, year = map(int, found.groups())
    elif found := re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})(?:T.*)?", typed):
        year, month, day = map(int, found.groups())
    else:
        raise ValueError("date")
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        raise ValueError("date") from None


def _yes_no(typed: str) -> bool:
    word = typed.casefold()
    if word in _YES or word in _NO:
        return word in _YES
    raise ValueError("yes_no")


def mistake(fields: Iterable[OwnField], new: OwnField) -> str | None:
    """Why a field cannot be defined so: key, title, choices, many. `fields`: the others."""
    others = list(fields)
    if not KEY.fullmatch(new.key):
        return "key"
    if not new.title.strip() or len(new.title) > 80:
        return "title"
    if new.kind == "choice" and not 1 <= len(set(new.choices)) <= CHOICES_MAX:
        return "choices"
    if any(len(one) > TEXT_MAX for one in new.choices):
        return "choices"
    is_new = all(one.key != new.key for one in others)
    return "many" if is_new and len(others) >= FIELDS_MAX else None
