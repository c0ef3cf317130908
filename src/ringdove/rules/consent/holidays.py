"""Public holidays, for countries where marketing is silent on them (R17).

Only whole-country holidays by law, as rules, so that no year has to be added. Holidays that are
decreed year by year (days moved for a long weekend, feasts of the moon) are not here.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache

Fixed = tuple[int, int]  # month, day

# Fixed days; days from Easter Sunday; whether that is the Orthodox one.
CALENDARS: Mapping[str, tuple[tuple[Fixed, ...], tuple[int, ...], bool]] = {
    # Code du travail, L3133-1
    "FR": (
        ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)), (1, 39, 50), False,
    ),
    # Legge 260/1949; 4 October since Legge 151/2025
    "IT": (
        ((1, 1), (1, 6), (4, 25), (5, 1), (6, 2), (8, 15), (10, 4), (11, 1), (12, 8), (12, 25),
         (12, 26)), (0, 1), False,
    ),
    # Estatuto de los Trabajadores, art. 37.2; Real Decreto 2001/1983
    "ES": (
        ((1, 1), (1, 6), (5, 1), (8, 15), (10, 12), (11, 1), (12, 6), (12, 8), (12, 25)), (-2,),
        False,
    ),
    # Ustawa o dniach wolnych od pracy; 24 December since 2025
    "PL": (
        ((1, 1), (1, 6), (5, 1), (5, 3), (8, 15), (11, 1), (11, 11), (12, 24), (12, 25), (12, 26)),
        (0, 1, 49, 60), False,
    ),
    # Those of all Länder
    "DE": (((1, 1), (5, 1), (10, 3), (12, 25), (12, 26)), (-2, 1, 39, 50), False),
    # Указ № 157 от 26.03.1998
    "BY": (
        ((1, 1), (1, 2), (1, 7), (3, 8), (5, 1), (5, 9), (7, 3), (11, 7), (12, 25)), (9,), True,
    ),
    # Трудовой кодекс, ст. 112
    "RU": (
        ((1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (1, 7), (1, 8), (2, 23), (3, 8), (5, 1),
         (5, 9), (6, 12), (11, 4)), (), False,
    ),
}  # fmt: skip


def is_holiday(country: str, day: date) -> bool:
    """Whether the whole country rests; False where we know no calendar."""
    return day in _of_year(country, day.year)


@lru_cache(500)
def _of_year(country: str, year: int) -> frozenset[date]:
    if country not in CALENDARS:
        return frozenset()
    fixed, from_easter, is_orthodox = CALENDARS[country]
    sunday = orthodox_easter(year) if is_orthodox else easter(year)
    days = {date(year, month, day) for month, day in fixed}
    return frozenset(days | {sunday + timedelta(days=n) for n in from_easter})


def easter(year: int) -> date:
    """Easter Sunday of the western churches (the anonymous Gregorian computus)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def orthodox_easter(year: int) -> date:
    """Easter Sunday of the eastern churches, by our calendar (Meeus; true from 1900 to 2099)."""
    d = (19 * (year % 19) + 15) % 30
    e = (2 * (year % 4) + 4 * (year % 7) - d + 34) % 7
    month, day = divmod(d + e + 114, 31)
    return date(year, month, day + 1) + timedelta(days=13)
