"""How long: said in the largest unit that needs no fraction, typed as a number and its unit."""

from datetime import timedelta

from babel.units import format_unit

from ringdove.web.speech import Speech

DAY_S, HOUR_S, MINUTE_S = 86_400, 3_600, 60


def span(say: Speech, delay: timedelta) -> str:
    """ "90 minutes"."""
    return span_s(say, int(delay.total_seconds()))


def span_s(say: Speech, seconds: int) -> str:
    """The same of seconds."""
    amount, unit = divided_s(seconds)
    name = {DAY_S: "day", HOUR_S: "hour", MINUTE_S: "minute"}[unit]
    return format_unit(amount, f"duration-{name}", locale=say.locale)


def divided_s(seconds: int) -> tuple[int, int]:
    """As people set it: a number, and the seconds of its unit."""
    unit = next(unit for unit in (DAY_S, HOUR_S, MINUTE_S) if seconds % unit == 0 or unit == 60)
    return seconds // unit, unit


def units(say: Speech) -> list[tuple[int, str]]:
    """What a delay is counted in."""
    _ = say.gettext
    return [(MINUTE_S, _("minutes")), (HOUR_S, _("hours")), (DAY_S, _("days"))]
