"""Values out of loose JSON: what shops send is typed by people, plug-ins and three decades of PHP.

Each function takes anything at all and gives a clean value or an empty one. None raises.
"""

import re
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from html import unescape
from typing import Any

from ringdove.stores.edge import clean

AMOUNT_MAX = Decimal(10) ** 11
_CENT = Decimal("0.01")
_HOUR = re.compile(r"(\d{1,2})(?:[:.](\d{2})(?::\d{2})?)?\s*([ap]\.?m\.?)?(?![\d:])", re.IGNORECASE)
_DAY_FIRST = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4})(.*)", re.DOTALL)
_ZONE_SECONDS_MAX = 14 * 3600


def text(value: Any, length_max: int) -> str:
    """Words on one line, entities resolved; numbers count as words, all else is empty."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    try:
        return clean(unescape(str(value)))[:length_max].strip()
    except ValueError:  # an int of more than 4,300 digits
        return ""


def key(value: Any) -> str:
    """An id: a positive number or a short word."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    word = text(value, 80)
    return "" if word == "0" else word


def amount(value: Any) -> Decimal:
    """Money; what is no number is nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return Decimal(0)
    try:
        number = Decimal(str(value).strip() or "0")
        sane = number.is_finite() and abs(number) < AMOUNT_MAX
        return number.quantize(_CENT) if sane else Decimal(0)
    except (InvalidOperation, ValueError):
        return Decimal(0)


def quantity(value: Any) -> Decimal:
    """How many pieces, to a thousandth."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return Decimal(0)
    try:
        number = Decimal(str(value).strip() or "0")
        sane = number.is_finite() and abs(number) < 10**8
        return number.quantize(Decimal("0.001")) if sane else Decimal(0)
    except (InvalidOperation, ValueError):
        return Decimal(0)


def currency(value: Any) -> str:
    """An ISO 4217 code, or nothing."""
    word = text(value, 10).upper()
    return word if re.fullmatch("[A-Z]{3}", word) else ""


def country(value: Any) -> str:
    """An ISO 3166-1 code, or nothing."""
    word = text(value, 10).upper()
    return word if re.fullmatch("[A-Z]{2}", word) else ""


def language(value: Any) -> str:
    """`ru` out of ru, ru_RU, ru-RU or Ru."""
    found = re.match(r"[a-z]{2,3}(?![a-z])", text(value, 20).lower())
    return found[0] if found else ""


def url(value: Any) -> str:
    """A web address, or nothing."""
    word = text(value, 2001)
    plain = len(word) <= 2000 and word.startswith(("https://", "http://")) and " " not in word
    return word if plain else ""


def utc(value: Any) -> datetime | None:
    """An ISO time; without a zone it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if 1970 <= moment.year < 2200 else None


def unix(value: Any) -> datetime | None:
    """A unix time in seconds, as number or digits."""
    word = text(value, 20)
    if not re.fullmatch(r"\d{9,11}", word):
        return None
    return datetime.fromtimestamp(int(word), UTC)


def offset(local: Any, gmt: Any) -> tzinfo:
    """The zone in which the same moment is written as `local` where UTC writes `gmt`."""
    here, there = utc(local), utc(gmt)
    if here is None or there is None or abs((here - there).total_seconds()) > _ZONE_SECONDS_MAX:
        return UTC
    return timezone(timedelta(minutes=round((here - there).total_seconds() / 60)))


def hours(*values: Any) -> list[time]:
    """The times of day in these words: "10:00 - 14:00", "10", "2 pm"."""
    found = []
    for value in values:
        for hour, minute, half in _HOUR.findall(text(value, 60)):
            whole = int(hour) % 12 + 12 * half.lower().startswith("p") if half else int(hour)
            if whole < 24 and int(minute or 0) < 60:
                found.append(time(whole, int(minute or 0)))
    return found


def delivery(
    day: Any, between: tuple[Any, ...], zone: tzinfo
) -> tuple[datetime | None, datetime | None]:
    """From when until when delivery was promised: a day with hours beside it, or a moment."""
    word = text(day, 60)
    moment = unix(word) if word.isdigit() and len(word) != 8 else _written(word, zone)
    if moment is None or not 1971 <= moment.year < 2200:
        return None, None
    moment = moment.astimezone(zone)
    times = hours(*between)
    if not times:
        return moment, None
    first = datetime.combine(moment.date(), times[0], zone)
    last = datetime.combine(moment.date(), times[1], zone) if len(times) > 1 else None
    return first, last if last is None or last > first else None


def _written(word: str, zone: tzinfo) -> datetime | None:
    if found := _DAY_FIRST.fullmatch(word):
        word = f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}{found[4]}"
    try:
        moment = datetime.fromisoformat(word)
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)
    except ValueError:
        return None
