"""What "within 30 days", "aged 20 to 30" and "Minsk" mean, once for SQL and for Python.

Everything becomes plain bounds before anybody is looked at: moments, dates, days of the year, and
patterns that PostgreSQL and Python read alike.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from math import ceil, floor
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ringdove.rules.segments.segments import Range, Span

DAYS_MAX = 40_000
HOURS_MAX = 24 * DAYS_MAX
YEARS_MAX = 200
YEAR_DAYS = 366
A_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"  # as fields of the store's own hold them
TICK = timedelta(microseconds=1)


class Moments(NamedTuple):
    """From `begins` on, before `ends`; None: open."""

    begins: datetime | None = None
    ends: datetime | None = None

    def have(self, at: datetime | None) -> bool:
        """Whether something of this moment lies in it; what never happened does not."""
        return at is not None and not (
            (self.begins and at < self.begins) or (self.ends and at >= self.ends)
        )


EVER = Moments()


class Dates(NamedTuple):
    """Both included; None: open."""

    first: date | None = None
    last: date | None = None

    def have(self, day: date) -> bool:
        """Whether a date lies in it."""
        return not ((self.first and day < self.first) or (self.last and day > self.last))


def today_of(now: datetime, zone: str) -> date:
    """The date by the store's clock."""
    return now.astimezone(ZoneInfo(zone)).date()


def moments(span: Span, now: datetime, zone: str) -> Moments:
    """When something must have happened to lie in a span."""
    begins, ends = [], []
    if span.within_days is not None:
        begins.append(now - timedelta(days=span.within_days))
    if span.before_days is not None:
        ends.append(now - timedelta(days=span.before_days) + TICK)
    if span.since:
        begins.append(_midnight(span.since, zone))
    if span.until:
        ends.append(_midnight(span.until + timedelta(days=1), zone))
    return Moments(max(begins, default=None), min(ends, default=None))


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))


def ago(hours: Range, now: datetime) -> Moments:
    """When something happened that is so many hours past."""
    least, most = _bounded(hours, HOURS_MAX)
    return Moments(
        None if most is None else now - timedelta(hours=float(most)),
        None if least is None else now - timedelta(hours=float(least)) + TICK,
    )


def dates(span: Span, today: date) -> Dates:
    """A date that lies in a span; what lies ahead is not "within 30 days" of the past."""
    first, last = [], []
    if span.within_days is not None:
        first.append(today - timedelta(days=span.within_days))
        last.append(today)
    if span.before_days is not None:
        last.append(today - timedelta(days=span.before_days))
    if span.since:
        first.append(span.since)
    if span.until:
        last.append(span.until)
    return Dates(max(first, default=None), min(last, default=None))


def ahead(days: Range, today: date) -> Dates:
    """A date so many days from today; below 0: past. "At most 14" begins today, as with birthdays:
    what is years past is meant by who says so."""
    least, most = _whole(days, DAYS_MAX)
    if least is None and most is not None and most >= 0:
        least = 0
    return Dates(
        None if least is None else today + timedelta(days=least),
        None if most is None else today + timedelta(days=most),
    )


def at_days(days: Range, now: datetime, zone: str) -> Moments:
    """A moment whose date is so many days from today; below 0: past."""
    found = ahead(days, today_of(now, zone))
    return Moments(
        None if found.first is None else _midnight(found.first, zone),
        None if found.last is None else _midnight(found.last + timedelta(days=1), zone),
    )


def born(years: Range, today: date) -> Dates:
    """The birth dates of who is so many whole years old today."""
    least, most = _whole(years, YEARS_MAX)
    first = None
    if most is not None:
        first = _years_before(today, most + 1) + timedelta(days=1) if most >= 0 else date.max
    return Dates(first, today if least is None else _years_before(today, max(least, 0)))


def _years_before(today: date, years: int) -> date:
    """The last day on which who is so old today can have been born."""
    try:
        return today.replace(year=today.year - years)
    except ValueError:  # 29 February
        return date(today.year - years, 2, 28)


def days_of_year(days: Range, today: date) -> tuple[int, ...]:
    """Birthdays that come so many days from today, as 100 × month + day: 0 is today, at most a
    year is looked ahead. Who was born on 29 February celebrates on the 28th in other years."""
    least, most = _whole(days, YEAR_DAYS)
    found: set[int] = set()
    for n in range(0 if least is None else least, (YEAR_DAYS if most is None else most) + 1):
        day = today + timedelta(days=n)
        found.add(100 * day.month + day.day)
        if (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).month == 3:
            found.add(229)
    return tuple(sorted(found))


def day_of_year(day: date) -> int:
    """100 × month + day."""
    return 100 * day.month + day.day


def _whole(range_: Range, most: int) -> tuple[int | None, int | None]:
    """The whole numbers in a range, no further than dates can be reckoned with."""
    least, highest = _bounded(range_, most)
    return None if least is None else ceil(least), None if highest is None else floor(highest)


def _bounded(range_: Range, most: int) -> tuple[Decimal | None, Decimal | None]:
    def cut(end: Decimal | None) -> Decimal | None:
        return None if end is None else min(max(end, Decimal(-most)), Decimal(most))

    return cut(range_.at_least), cut(range_.at_most)


# ------------------------------------------------------------------ words


def pattern(words: Sequence[str]) -> str:
    """One of these words, whole, whatever its case and accents: Málaga, MALAGA; Алёна, алена. For
    PostgreSQL's `~` and for Python's re alike."""
    return rf"^(?:{'|'.join(map(_letters, words))})\Z"


def _letters(word: str) -> str:
    return "".join(_letter(_FOLDED.get(sign, sign)) for sign in word)


@cache
def _letter(plain: str) -> str:
    others = _UNFOLDED.get(plain, "")
    return f"[{plain}{others}]" if others else quoted(plain)


def _fold(sign: str) -> str:
    apart = unicodedata.normalize("NFKD", sign.casefold())
    plain = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return plain if len(plain) == 1 and plain.isalpha() else sign


# Letters of the alphabets in which our stores write; one letter for one, so that SQL can follow.
_ALPHABETS = (range(0x41, 0x5B), range(0xC0, 0x250), range(0x370, 0x530), range(0x1E00, 0x2000))
_FOLDED = {
    chr(code): _fold(chr(code))
    for codes in _ALPHABETS
    for code in codes
    if chr(code).isalpha() and _fold(chr(code)) != chr(code)
}
_UNFOLDED: dict[str, str] = {}
for _sign, _plain in _FOLDED.items():
    _UNFOLDED[_plain] = _UNFOLDED.get(_plain, "") + _sign


def quoted(text: str) -> str:
    """A text as a pattern that means nothing but itself."""
    return re.sub(r"([^\w])", r"\\\1", text)


def page_pattern(beginnings: Sequence[str]) -> str:
    """Addresses that begin so; "/sale" also under whatever host and protocol."""
    some = (
        f"(?:[a-z]+://[^/]+)?{quoted(one)}" if one.startswith("/") else quoted(one)
        for one in beginnings
    )
    return f"^(?:{'|'.join(some)})"
