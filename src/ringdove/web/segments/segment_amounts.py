"""How many, how much and when, as the words of a segment say it: with the plural forms of the
language, and without a word for an end that does not bind.
"""

from decimal import Decimal
from math import ceil

from ringdove.rules.segments.segments import Range, Span
from ringdove.web.menu import N_
from ringdove.web.speech import Speech

Pair = tuple[str, str]


def NN_(one: str, many: str) -> Pair:
    """Marks a text that counts for the translators."""
    return one, many


# What is counted: at least, at most, exactly, between. %(num)s is the number that decides the form,
# %(low)s the lower end.
Unit = tuple[Pair, Pair, Pair, Pair]
TIMES: Unit = (
    NN_("at least %(num)s time", "at least %(num)s times"),
    NN_("at most %(num)s time", "at most %(num)s times"),
    NN_("exactly %(num)s time", "exactly %(num)s times"),
    NN_("%(low)s to %(num)s time", "%(low)s to %(num)s times"),
)
PIECES: Unit = (
    NN_("at least %(num)s piece", "at least %(num)s pieces"),
    NN_("at most %(num)s piece", "at most %(num)s pieces"),
    NN_("exactly %(num)s piece", "exactly %(num)s pieces"),
    NN_("%(low)s to %(num)s piece", "%(low)s to %(num)s pieces"),
)
YEARS: Unit = (
    NN_("at least %(num)s year old", "at least %(num)s years old"),
    NN_("at most %(num)s year old", "at most %(num)s years old"),
    NN_("exactly %(num)s year old", "exactly %(num)s years old"),
    NN_("%(low)s to %(num)s year old", "%(low)s to %(num)s years old"),
)
CHILDREN: Unit = (
    NN_("at least %(num)s child", "at least %(num)s children"),
    NN_("at most %(num)s child", "at most %(num)s children"),
    NN_("exactly %(num)s child", "exactly %(num)s children"),
    NN_("%(low)s to %(num)s child", "%(low)s to %(num)s children"),
)
HOURS_AGO: Unit = (
    NN_("at least %(num)s hour ago", "at least %(num)s hours ago"),
    NN_("at most %(num)s hour ago", "at most %(num)s hours ago"),
    NN_("exactly %(num)s hour ago", "exactly %(num)s hours ago"),
    NN_("%(low)s to %(num)s hour ago", "%(low)s to %(num)s hours ago"),
)
DAYS_AHEAD: Unit = (
    NN_("in %(num)s day or later", "in %(num)s days or later"),
    NN_("in the next %(num)s day", "in the next %(num)s days"),
    NN_("in exactly %(num)s day", "in exactly %(num)s days"),
    NN_("in %(low)s to %(num)s day", "in %(low)s to %(num)s days"),
)
DAYS_LATE: Unit = (
    NN_("overdue by %(num)s day or more", "overdue by %(num)s days or more"),
    NN_("overdue by at most %(num)s day", "overdue by at most %(num)s days"),
    NN_("overdue by exactly %(num)s day", "overdue by exactly %(num)s days"),
    NN_("overdue by %(low)s to %(num)s day", "overdue by %(low)s to %(num)s days"),
)
DAYS_AGO: Unit = (
    NN_("at least %(num)s day ago", "at least %(num)s days ago"),
    NN_("in the last %(num)s day", "in the last %(num)s days"),
    NN_("exactly %(num)s day ago", "exactly %(num)s days ago"),
    NN_("%(low)s to %(num)s day ago", "%(low)s to %(num)s days ago"),
)
AMOUNT = (
    N_("at least %(high)s"),
    N_("at most %(high)s"),
    N_("exactly %(high)s"),
    N_("%(low)s to %(high)s"),
)


def counted(say: Speech, number: Range, unit: Unit) -> str:
    """ "at least 2 times"; nothing where neither end binds."""
    if (ends := _ends(number)) is None:
        return ""
    form, top, low = ends
    values = {"num": say.number(top), "low": say.number(low)}
    return say.ngettext(*unit[form], ceil(abs(top)), **values)


def amount(say: Speech, number: Range, currency: str | None = None) -> str:
    """ "at least 100 Br"; without a currency the plain number."""
    if (ends := _ends(number)) is None:
        return ""
    form, *both = ends
    top, low = (say.number(one) if currency is None else say.money(one, currency) for one in both)
    return say.gettext(AMOUNT[form], high=top, low=low)


def _ends(number: Range) -> tuple[int, Decimal, Decimal] | None:
    """Which of the forms says a range, the end that it names last, and the lower one."""
    low, high = number.at_least, number.at_most
    if low is None and high is None:
        return None
    form = 0 if high is None else 1 if low is None else 2 if low == high else 3
    return form, (low if high is None else high) or Decimal(0), low or Decimal(0)


def ahead(say: Speech, days: Range) -> str:
    """Days from now: "in the next 7 days", "overdue by 3 days or more"."""
    low, high = days.at_least, days.at_most
    if high is not None and high < 0:
        late = Range(at_least=-high, at_most=None if low is None else -low)
        return counted(say, late, DAYS_LATE)
    if low is not None and low < 0:
        overdue = counted(say, Range(at_most=-low), DAYS_LATE)
        if high is None:
            return say.gettext("%(late)s, or any time later", late=overdue)
        return say.gettext(
            "%(late)s, or due %(soon)s", late=overdue, soon=ahead(say, Range(at_most=high))
        )
    if high == 0:
        return say.gettext("today")
    if not low:
        return counted(say, Range(at_most=high), DAYS_AHEAD)
    return counted(say, days, DAYS_AHEAD)


def span(say: Speech, when: Span) -> str:
    """ "in the last 90 days", "30 to 90 days ago", "since 1 March"; whenever: nothing."""
    said = []
    if when.within_days == 0 and not when.before_days:
        said.append(say.gettext("today"))
    elif when.within_days is not None or when.before_days is not None:
        high = None if when.within_days is None else Decimal(when.within_days)
        low = None if not when.before_days else Decimal(when.before_days)
        said.append(counted(say, Range(at_least=low, at_most=high), DAYS_AGO))
    if when.since and when.since == when.until:
        said.append(say.gettext("on %(day)s", day=say.day(when.since)))
    else:
        if when.since:
            said.append(say.gettext("since %(day)s", day=say.day(when.since)))
        if when.until:
            said.append(say.gettext("until %(day)s", day=say.day(when.until)))
    return ", ".join(one for one in said if one)
