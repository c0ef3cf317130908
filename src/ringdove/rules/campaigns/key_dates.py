"""The days around which shops speak: sales set by law or custom, feasts, gifts, school (R41).

A key date is a rule, so that no year has to be added, and it is kept in some countries. Each names
where its day is written; what is custom says so. Pure: today is an argument. Public holidays, on
which marketing may be silent, are in rules/consent/holidays.py.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from ringdove.rules.consent.holidays import easter, orthodox_easter

AHEAD = timedelta(days=45)  # so long before a day it is worth a reminder
MONDAY, WEDNESDAY, THURSDAY, SATURDAY, SUNDAY = 0, 2, 3, 5, 6
Rule = Callable[[int], date]
EVERYWHERE = ""


@dataclass(frozen=True, slots=True)
class KeyDate:
    """A day that comes back every year. `lead_days`: texts usually begin so long before it;
    `long_days`: it lasts so many days; `recipe`: of rules/campaigns/campaign_recipes.py."""

    key: str
    recipe: str
    rules: Mapping[str, Rule]  # by country; "": everywhere else
    lead_days: int = 0
    long_days: int = 1

    def day(self, country: str, year: int) -> date | None:
        """When it is there; None: it is not kept there."""
        rule = self.rules.get(country) or self.rules.get(EVERYWHERE)
        return rule(year) if rule else None


@dataclass(frozen=True, slots=True)
class Day:
    """A key date of one year, with the countries that keep it on this day."""

    key: str
    day: date
    countries: tuple[str, ...]
    recipe: str
    lead_days: int
    long_days: int


def between(countries: Collection[str], first: date, last: date) -> list[Day]:
    """The key dates of these countries from the first to the last day, both included."""
    found: dict[tuple[date, str], list[str]] = {}
    for country in dict.fromkeys(countries):
        for one in KEY_DATES.values():
            for year in range(first.year, last.year + 1):
                day = one.day(country, year)
                if day and first <= day <= last:
                    found.setdefault((day, one.key), []).append(country)
    return [_made(KEY_DATES[key], day, tuple(kept)) for (day, key), kept in sorted(found.items())]


def coming(countries: Collection[str], today: date, ahead: timedelta = AHEAD) -> list[Day]:
    """What is ahead, the nearest first."""
    return between(countries, today, today + ahead)


def on(countries: Collection[str], day: date) -> list[Day]:
    """What is kept on one day."""
    return between(countries, day, day)


def _made(one: KeyDate, day: date, countries: tuple[str, ...]) -> Day:
    return Day(one.key, day, countries, one.recipe, one.lead_days, one.long_days)


# ------------------------------------------------------------------ rules of days


def _fixed(month: int, day: int) -> Rule:
    return lambda year: date(year, month, day)


def _nth(month: int, weekday: int, n: int) -> Rule:
    """The n-th such weekday of a month."""

    def rule(year: int) -> date:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))

    return rule


def _last(month: int, weekday: int) -> Rule:
    def rule(year: int) -> date:
        end = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
        return end - timedelta(days=(end.weekday() - weekday) % 7)

    return rule


def _after(rule: Rule, days: int) -> Rule:
    return lambda year: rule(year) + timedelta(days=days)


def _italian_winter_sales(year: int) -> date:
    """The first working day before Epiphany; a Monday gives way to the Saturday before it."""
    day = date(year, 1, 5)
    if day.weekday() == SUNDAY:
        return date(year, 1, 4)
    return day - timedelta(days=2) if day.weekday() == MONDAY else day


def _french_winter_sales(year: int) -> date:
    """The second Wednesday of January; the first one where the second is later than the 12th."""
    second = _nth(1, WEDNESDAY, 2)(year)
    return second if second.day <= 12 else second - timedelta(days=7)


def _french_summer_sales(year: int) -> date:
    """The last Wednesday of June; the one before where that is later than the 28th."""
    last = _last(6, WEDNESDAY)(year)
    return last if last.day <= 28 else last - timedelta(days=7)


def _french_mothers_day(year: int) -> date:
    """The last Sunday of May; the first of June where that is Whit Sunday."""
    last = _last(5, SUNDAY)(year)
    return last + timedelta(days=7) if last == easter(year) + timedelta(days=49) else last


THANKSGIVING = _nth(11, THURSDAY, 4)
ORTHODOX = ("RU", "UA", "BG", "RO", "GR", "CY", "RS", "MD", "GE", "MK", "ME", "KZ")
JULIAN = ("BY", "RU", "RS", "GE", "MK", "ME", "KZ")  # Christmas on 7 January
EASTERN = ("BY", "RU", "KZ", "KG", "AM", "AZ", "UZ", "TJ")


def _in(countries: Collection[str], rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(countries, rule)


KEY_DATES: dict[str, KeyDate] = {
    one.key: one
    for one in (
        KeyDate("new_year", "gifts", {EVERYWHERE: _fixed(1, 1)}, 14),
        # Italy: Conferenza delle Regioni, 24.3.2011. France: Code de commerce, D310-15-2. Belgium:
        # Code de droit économique, VI.25. Spain (Real Decreto-ley 20/2012) and Germany (UWG 2004)
        # leave the day to the shop: what is customary.
        KeyDate(
            "winter_sale", "sale",
            {"IT": _italian_winter_sales, "FR": _french_winter_sales, "BE": _fixed(1, 3),
             "ES": _fixed(1, 7), "PT": _fixed(1, 7), "DE": _last(1, MONDAY), "AT": _fixed(1, 2),
             "PL": _fixed(1, 2), **_in(EASTERN, _fixed(1, 9)), "UA": _fixed(1, 9)},
            2, 28,
        ),
        KeyDate("epiphany", "gifts", _in(("ES", "IT"), _fixed(1, 6)), 14),
        KeyDate("orthodox_christmas", "gifts", _in(JULIAN, _fixed(1, 7)), 10),
        KeyDate("valentines", "gifts", {EVERYWHERE: _fixed(2, 14)}, 9),
        # Russia: Трудовой кодекс, ст. 112. Belarus: Указ № 157.
        KeyDate("defenders_day", "gifts", _in(("BY", "RU", "KG", "TJ"), _fixed(2, 23)), 9),
        # United Nations, resolution 32/142; where gifts are given.
        KeyDate(
            "womens_day", "gifts",
            _in((*EASTERN, "UA", "MD", "GE", "BG", "RO", "RS", "PL", "IT", "LT", "LV"),
                _fixed(3, 8)), 9,
        ),
        # Spain and Italy: Saint Joseph. United States: 36 U.S.C. 109, and most others. Poland:
        # custom. Russia: Указ № 573 of 2021. Belarus: since 2022. Germany: Ascension Day, custom.
        KeyDate(
            "fathers_day", "gifts",
            {**_in(("IT", "ES", "PT"), _fixed(3, 19)), "PL": _fixed(6, 23),
             "DE": _after(easter, 39), "RU": _nth(10, SUNDAY, 3), "BY": _fixed(10, 21),
             **_in(("GB", "IE", "US", "CA", "FR", "NL", "CZ", "SK", "UA"), _nth(6, SUNDAY, 3))},
            9,
        ),
        # Spain: the first Sunday of May. France: Code de l'action sociale, D215-1. Poland: 26 May.
        # Belarus: Указ № 157. Russia: Указ № 120 of 1998. Britain: the fourth Sunday of Lent.
        # United States: 36 U.S.C. 117, and most others.
        KeyDate(
            "mothers_day", "gifts",
            {"ES": _nth(5, SUNDAY, 1), "PT": _nth(5, SUNDAY, 1), "LT": _nth(5, SUNDAY, 1),
             "FR": _french_mothers_day, "PL": _fixed(5, 26), "BY": _fixed(10, 14),
             "RU": _last(11, SUNDAY), "GB": _after(easter, -21), "IE": _after(easter, -21),
             **_in(("IT", "DE", "AT", "CH", "BE", "NL", "US", "CA", "UA", "LV", "EE", "CZ", "SK"),
                   _nth(5, SUNDAY, 2))},
            9,
        ),
        # Belarus keeps both: Указ № 157 names the days after each of them.
        KeyDate(
            "easter", "gifts",
            {EVERYWHERE: easter, **_in(ORTHODOX, orthodox_easter)}, 10,
        ),
        KeyDate("orthodox_easter", "gifts", {"BY": orthodox_easter}, 10),
        KeyDate(
            "summer_sale", "sale",
            {"IT": _nth(7, SATURDAY, 1), "FR": _french_summer_sales, "BE": _fixed(7, 1),
             "ES": _fixed(7, 1), "PT": _fixed(7, 1), "DE": _last(7, MONDAY), "AT": _fixed(7, 1),
             "PL": _fixed(7, 1), **_in(EASTERN, _fixed(7, 1)), "UA": _fixed(7, 1)},
            2, 28,
        ),
        # The first day of school in the East; elsewhere it differs by region: when most begin.
        KeyDate(
            "back_to_school", "back_to_school",
            {EVERYWHERE: _fixed(9, 8),
             **_in((*EASTERN, "UA", "PL", "LT", "LV", "EE", "MD", "CZ", "SK"), _fixed(9, 1)),
             "FR": _fixed(9, 1), "IT": _fixed(9, 12)},
            18,
        ),
        KeyDate(
            "halloween", "sale", _in(("US", "GB", "IE", "CA"), _fixed(10, 31)), 7,
        ),
        KeyDate("singles_day", "sale", {EVERYWHERE: _fixed(11, 11)}, 1),  # custom
        # The day after Thanksgiving (5 U.S.C. 6103), and the Monday that follows it.
        KeyDate("black_friday", "black_friday", {EVERYWHERE: _after(THANKSGIVING, 1)}, 0, 3),
        KeyDate("cyber_monday", "cyber_monday", {EVERYWHERE: _after(THANKSGIVING, 4)}),
        KeyDate(
            "saint_nicholas", "gifts",
            {**_in(("PL", "DE", "AT", "BE", "CZ", "SK", "HU", "UA"), _fixed(12, 6)),
             "NL": _fixed(12, 5)}, 10,
        ),
        KeyDate("christmas", "gifts", {EVERYWHERE: _fixed(12, 25)}, 14),
        KeyDate(
            "boxing_day", "sale", _in(("GB", "IE", "CA", "AU", "NZ"), _fixed(12, 26)), 0, 6,
        ),
    )
}  # fmt: skip
