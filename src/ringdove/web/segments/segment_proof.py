"""Why a person is in a segment, or is not: each condition in words with yes or no and what was
found of them (N2). Viewers see neither numbers nor addresses here either.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ringdove.rules.segments import segments
from ringdove.rules.segments.pictures import Reason
from ringdove.web.menu import N_
from ringdove.web.segments.segment_names import Names, label
from ringdove.web.segments.segment_phrases import RFM, STATES
from ringdove.web.segments.segment_words import lines
from ringdove.web.speech import Speech

_SEXES: Mapping[str, str] = {"f": N_("woman"), "m": N_("man"), "unknown": N_("not known")}
_SAID_MAX = 6


@dataclass(frozen=True, slots=True)
class Proof:
    """A condition or group: whether it holds, what was found, and the same of its parts."""

    text: str
    holds: bool
    found: str = ""
    join: str = ""  # all, any; segment: what the named segment asks
    parts: tuple["Proof", ...] = ()


def proof(reason: Reason, say: Speech, names: Names) -> Proof:
    """What the page shows of an answer of rules/segments/pictures.holds."""
    parts = tuple(proof(one, say, names) for one in reason.of)
    match reason.node:
        case segments.All():
            return Proof(say.gettext("all of this"), reason.holds, "", "all", parts)
        case segments.Any():
            return Proof(say.gettext("at least one of this"), reason.holds, "", "any", parts)
        case segments.Not():
            inner = parts[0]
            text = say.gettext("not: %(what)s", what=inner.text)
            return Proof(text, reason.holds, inner.found, inner.join, inner.parts)
    text = lines(reason.node, say, names).text
    join = "segment" if isinstance(reason.node, segments.InSegment) else ""
    return Proof(text, reason.holds, _found(reason, say, names), join, parts)


def _found(reason: Reason, say: Speech, names: Names) -> str:
    said = [
        _one(name, value, say, names)
        for name, value in reason.value.items()
        if _is_asked(reason.node, name)
    ]
    some = [text for text in said if text]
    return ", ".join(some) if some or not reason.value else say.gettext("nothing")


# What a condition looks at only when it is asked for: the name of what was found and of the field.
_ASKED: Mapping[type, Mapping[str, str]] = {
    segments.Bought: {"pieces": "pieces", "spent": "spent"},
    segments.Orders: {one: one for one in ("times", "spent", "average", "first", "last")},
    segments.Place: {"country": "countries", "region": "regions", "city": "cities"},
    segments.CartLeft: {"goods": "goods"},
}


def _is_asked(leaf: segments.Node, name: str) -> bool:
    fields = _ASKED.get(type(leaf), {})
    return name not in fields or getattr(leaf, fields[name]) not in (None, (), segments.Goods())


def _one(name: str, value: Any, say: Speech, names: Names) -> str:
    if value is None or value == "" or value == ():
        return ""
    if name in _WORDS:
        return _WORDS[name](value, say, names)
    if isinstance(value, bool):
        return say.gettext("yes") if value else say.gettext("no")
    if isinstance(value, datetime | date):
        return say.day(value)
    if isinstance(value, int | float | Decimal):
        return say.number(value)
    if isinstance(value, tuple | list):
        return ", ".join(str(one) for one in value[:_SAID_MAX])
    return str(value)


def _times(value: int, say: Speech, names: Names) -> str:
    return say.ngettext("%(num)s time", "%(num)s times", value)


def _pieces(value: Decimal, say: Speech, names: Names) -> str:
    return say.ngettext("%(num)s piece", "%(num)s pieces", int(value), num=say.number(value))


def _years(value: int, say: Speech, names: Names) -> str:
    return say.ngettext("%(num)s year old", "%(num)s years old", value)


def _money(value: Decimal, say: Speech, names: Names) -> str:
    return say.money(value, names.currency) if value else ""


def _average(value: Decimal, say: Speech, names: Names) -> str:
    return say.gettext("%(sum)s an order", sum=say.money(value, names.currency))


def _first(value: datetime, say: Speech, names: Names) -> str:
    return say.gettext("first %(day)s", day=say.day(value))


def _key(value: str, say: Speech, names: Names) -> str:
    if say.masked:
        return say.gettext("there is one")
    return value if "@" in value else str(say.phone(value))


def _last(value: datetime, say: Speech, names: Names) -> str:
    return say.gettext("last %(day)s", day=say.day(value))


def _days(value: tuple[date, ...], say: Speech, names: Names) -> str:
    return ", ".join(say.day(one) for one in value[:_SAID_MAX])


def _used(value: bool, say: Speech, names: Names) -> str:
    return say.gettext("used") if value else ""


def _fitting(value: Any, say: Speech, names: Names) -> str:
    return ""  # they are among the children


_WORDS: Mapping[str, Callable[[Any, Speech, Names], str]] = {
    "times": _times,
    "pieces": _pieces,
    "years": _years,
    "spent": _money,
    "total": _money,
    "average": _average,
    "first": _first,
    "key": _key,
    "last": _last,
    "children": _days,
    "fitting": _fitting,
    "used": _used,
    "country": lambda value, say, names: label("countries", value, say),
    "language": lambda value, say, names: label("languages", value, say),
    "origin": lambda value, say, names: label("origins", value, say),
    "state": lambda value, say, names: say.gettext(STATES[value]),
    "class": lambda value, say, names: say.gettext(RFM[value]),
    "sex": lambda value, say, names: say.gettext(_SEXES[value]),
}
