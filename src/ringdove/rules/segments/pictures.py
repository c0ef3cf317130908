"""Is this person in a segment, and why: the tree of conditions asked of one person (N2).

A picture holds all that a tree can ask of somebody, with the rows of those who were merged into
them. `holds` goes through the whole tree, also where the answer is clear already, so that a page
can show what was found for every condition. records/segments/segment_sql.py asks the same of
everybody.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, singledispatch
from typing import Any, NamedTuple

from ringdove.rules.consent import permissions
from ringdove.rules.scenes import Contact, Item
from ringdove.rules.segments import rfm, rhythm, segments
from ringdove.rules.segments import segment_times as times
from ringdove.rules.segments.rhythm import Paces
from ringdove.rules.segments.segments import Goods, Node

REPLY_WITHIN = timedelta(days=3)  # of a marketing text: later, a text from them is about another
PAST_MAX = 20_000  # rows of a kind that one person's picture holds
NO_LINES: tuple[Item, ...] = ()


class Purchase(NamedTuple):
    """An order that was not cancelled, returned or removed."""

    id: int
    at: datetime
    channel: str
    total: Decimal
    lines: tuple[Item, ...] = NO_LINES


class Look(NamedTuple):
    """A page that they looked at."""

    at: datetime
    channel: str
    page: str
    sku: str
    category: str


class Basket(NamedTuple):
    """A cart that waits. Its lines may be forgotten after their time."""

    changed_at: datetime
    total: Decimal
    lines: tuple[Item, ...]


class Spoken(NamedTuple):
    """A marketing message to them that is or was on its way."""

    id: int
    campaign: int | None
    state: str
    sent_at: datetime | None
    done_at: datetime | None
    offer: int | None = None  # that its campaign makes


class Click(NamedTuple):
    """They opened a link of ours."""

    at: datetime
    campaign: int | None


class Gift(NamedTuple):
    """An offer that they were given."""

    offer: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Figures:
    """What is kept of their past (table contact_figure)."""

    orders: int = 0
    days: int = 0
    spent: Decimal = Decimal(0)
    first_order_at: datetime | None = None
    last_order_at: datetime | None = None


class Habit(NamedTuple):
    """What is kept of a category that they bought of (table contact_category)."""

    days: int
    first_at: datetime
    bought_at: datetime


@dataclass(frozen=True, slots=True)
class Picture:
    """All that a tree can ask of one person."""

    person: Contact
    zone: str  # of the store: by whose clock days are counted
    figures: Figures = Figures()
    purchases: Sequence[Purchase] = ()
    looks: Sequence[Look] = ()
    cart: Basket | None = None  # the newest that waits
    spoken: Sequence[Spoken] = ()
    clicks: Sequence[Click] = ()
    texts: Sequence[datetime] = ()  # from them
    gifts: Sequence[Gift] = ()
    used: frozenset[int] = frozenset()  # offers whose code they used
    habits: Mapping[str, Habit] = field(default_factory=dict)  # by category
    paces: Paces = field(default_factory=dict)  # of the store
    brands: Mapping[str, str] = field(default_factory=dict)  # of goods, by sku
    segments: Mapping[int, Node] = field(default_factory=dict)  # of the store, also retired ones


class Found(NamedTuple):
    """Whether a condition holds, and what was found, by names that are the leaf's own."""

    holds: bool
    value: Mapping[str, Any]


class Reason(NamedTuple):
    """A condition of the tree with its answer; a group or segment with those of its parts."""

    node: Node
    holds: bool
    value: Mapping[str, Any]
    of: tuple["Reason", ...] = ()


def holds(tree: Node, picture: Picture, now: datetime) -> tuple[bool, Reason]:
    """Whether this person is meant, and why. Who was erased or merged away is in no segment; ask of
    living people only. Raises NoSegment."""
    reason = _asked(tree, picture, now, ())
    return reason.holds, reason


def _asked(tree: Node, picture: Picture, now: datetime, path: tuple[int, ...]) -> Reason:
    match tree:
        case segments.All(of=of):
            parts = tuple(_asked(one, picture, now, path) for one in of)
            return Reason(tree, all(part.holds for part in parts), {}, parts)
        case segments.Any(of=of):
            parts = tuple(_asked(one, picture, now, path) for one in of)
            return Reason(tree, any(part.holds for part in parts), {}, parts)
        case segments.Not(of=inner):
            part = _asked(inner, picture, now, path)
            return Reason(tree, not part.holds, {}, (part,))
        case segments.InSegment(segment=number):
            inner = segments.named(picture.segments, number, path)
            part = _asked(inner, picture, now, (*path, number))
            return Reason(tree, part.holds, {}, (part,))
        case _:
            found = _leaf(tree, picture, now)
            return Reason(tree, found.holds, found.value)


@singledispatch
def _leaf(leaf: Any, picture: Picture, now: datetime) -> Found:
    raise TypeError(f"No condition is asked so: {leaf!r}")


# ------------------------------------------------------------------ what they buy and look at


@_leaf.register
def _bought(leaf: segments.Bought, picture: Picture, now: datetime) -> Found:
    when = times.moments(leaf.when, now, picture.zone)
    some: list[tuple[Purchase, list[Item]]] = []
    for one in picture.purchases:
        if when.have(one.at) and (not leaf.channels or one.channel in leaf.channels):
            lines = [item for item in one.lines if _fits(leaf.goods, item, picture)]
            if lines or leaf.goods == segments.ALL_GOODS:
                some.append((one, lines))
    pieces = sum((item.quantity for _, lines in some for item in lines), Decimal(0))
    if leaf.goods == segments.ALL_GOODS:
        spent = sum((one.total for one, _ in some), Decimal(0))
    else:
        spent = sum((i.quantity * i.price for _, lines in some for i in lines), Decimal(0))
    return Found(
        leaf.times.has(len(some))
        and (leaf.pieces is None or leaf.pieces.has(pieces))
        and (leaf.spent is None or leaf.spent.has(spent)),
        {"times": len(some), "pieces": pieces, "spent": spent,
         "last": max((one.at for one, _ in some), default=None)},
    )  # fmt: skip


def _fits(goods: Goods, one: Item | Look, picture: Picture) -> bool:
    return goods == segments.ALL_GOODS or (
        (one.category != "" and one.category in goods.categories)
        or (one.sku != "" and one.sku in goods.skus)
        or (one.sku != "" and picture.brands.get(one.sku, "") in goods.brands)
    )


@_leaf.register
def _orders(leaf: segments.Orders, picture: Picture, now: datetime) -> Found:
    kept = picture.figures
    average = kept.spent / kept.orders if kept.orders else None
    ranges = ((leaf.times, kept.orders), (leaf.spent, kept.spent))
    spans = ((leaf.first, kept.first_order_at), (leaf.last, kept.last_order_at))
    is_so = (
        all(range_ is None or range_.has(number) for range_, number in ranges)
        and (leaf.average is None or (average is not None and leaf.average.has(average)))
        and all(
            span is None or times.moments(span, now, picture.zone).have(at) for span, at in spans
        )
    )
    return Found(
        is_so,
        {"times": kept.orders, "spent": kept.spent, "average": average,
         "first": kept.first_order_at, "last": kept.last_order_at},
    )  # fmt: skip


@_leaf.register
def _visited(leaf: segments.Visited, picture: Picture, now: datetime) -> Found:
    when = times.moments(leaf.when, now, picture.zone)
    page = re.compile(times.page_pattern(leaf.pages)) if leaf.pages else None
    some = [
        look.at
        for look in picture.looks
        if when.have(look.at)
        and (not leaf.channels or look.channel in leaf.channels)
        and (page is None or page.match(look.page))
        and _fits(leaf.goods, look, picture)
    ]
    return _counted(leaf.times, some)


def _counted(range_: segments.Range, some: Sequence[datetime]) -> Found:
    return Found(range_.has(len(some)), {"times": len(some), "last": max(some, default=None)})


@_leaf.register
def _cart(leaf: segments.CartLeft, picture: Picture, now: datetime) -> Found:
    changed = times.ago(leaf.hours, now) if leaf.hours else times.Moments()
    cart = picture.cart
    if cart is None:
        return Found(False, {"total": None, "at": None, "goods": ()})
    is_so = (
        (leaf.total is None or leaf.total.has(cart.total))
        and changed.have(cart.changed_at)
        and (
            leaf.goods == segments.ALL_GOODS
            or any(_fits(leaf.goods, item, picture) for item in cart.lines)
        )
    )
    goods = tuple(item.name or item.sku for item in cart.lines)
    return Found(is_so, {"total": cart.total, "at": cart.changed_at, "goods": goods})


# ------------------------------------------------------------------ who they are


@_leaf.register
def _place(leaf: segments.Place, picture: Picture, now: datetime) -> Found:
    who = picture.person
    is_so = (
        (not leaf.countries or (who.country or "") in _upper(leaf.countries))
        and (not leaf.regions or _is_one_of(leaf.regions, who.region or ""))
        and (not leaf.cities or _is_one_of(leaf.cities, who.city))
    )
    return Found(is_so, {"country": who.country, "region": who.region, "city": who.city})


def _upper(words: Iterable[str]) -> list[str]:
    return [word.upper() for word in words]


@cache
def _compiled(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(times.pattern(words))


def _is_one_of(words: tuple[str, ...], word: str) -> bool:
    return bool(_compiled(words).match(word))


@_leaf.register
def _age(leaf: segments.Age, picture: Picture, now: datetime) -> Found:
    birthday, today = picture.person.birthday, times.today_of(now, picture.zone)
    is_so = birthday is not None and times.born(leaf.years, today).have(birthday)
    years = None
    if birthday:
        had = (today.month, today.day) >= (birthday.month, birthday.day)
        years = today.year - birthday.year - (0 if had else 1)
    return Found(is_so, {"years": years})


@_leaf.register
def _sex(leaf: segments.Sex, picture: Picture, now: datetime) -> Found:
    sex = picture.person.sex or "unknown"
    return Found(sex == leaf.sex, {"sex": sex})


@_leaf.register
def _birthday(leaf: segments.Birthday, picture: Picture, now: datetime) -> Found:
    birthday = picture.person.birthday
    days = times.days_of_year(leaf.in_days, times.today_of(now, picture.zone))
    return Found(
        birthday is not None and times.day_of_year(birthday) in days, {"birthday": birthday}
    )


@_leaf.register
def _children(leaf: segments.Children, picture: Picture, now: datetime) -> Found:
    children, today = picture.person.children, times.today_of(now, picture.zone)
    born = times.born(leaf.years, today) if leaf.years else times.Dates()
    days = times.days_of_year(leaf.birthday_in_days, today) if leaf.birthday_in_days else None
    some = [
        child for child in children
        if born.have(child) and (days is None or times.day_of_year(child) in days)
    ]  # fmt: skip
    asks = leaf.years is not None or days is not None or leaf.number is None
    is_so = (bool(some) or not asks) and (leaf.number is None or leaf.number.has(len(children)))
    return Found(is_so, {"children": children, "fitting": tuple(some)})


@_leaf.register
def _language(leaf: segments.Language, picture: Picture, now: datetime) -> Found:
    language = picture.person.language or ""
    return Found(language in leaf.languages, {"language": language})


@_leaf.register
def _origin(leaf: segments.Origin, picture: Picture, now: datetime) -> Found:
    who = picture.person
    is_so = (
        (not leaf.origins or who.origin in leaf.origins)
        and (not leaf.notes or who.origin_note in leaf.notes)
        and times.moments(leaf.when, now, picture.zone).have(who.created_at)
    )
    return Found(is_so, {"origin": who.origin, "note": who.origin_note, "at": who.created_at})


@_leaf.register
def _field(leaf: segments.OwnFieldIs, picture: Picture, now: datetime) -> Found:
    value = picture.person.fields.get(leaf.key)
    text = value if isinstance(value, str) else ""
    today = times.today_of(now, picture.zone)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_so = (
        value is not None
        and (not leaf.words or _is_one_of(leaf.words, text))
        and (leaf.number is None or (is_number and leaf.number.has(Decimal(str(value)))))
        and (leaf.when is None or _is_date_in(text, times.dates(leaf.when, today)))
        and (leaf.in_days is None or _is_date_in(text, times.ahead(leaf.in_days, today)))
        and (leaf.yes is None or value is leaf.yes)
    )
    return Found(is_so, {"value": value})


def _is_date_in(text: str, days: times.Dates) -> bool:
    """Dates are stored as 2026-11-22, which are in order as they are written."""
    return bool(re.fullmatch(times.A_DATE, text)) and not (
        (days.first and text < days.first.isoformat())
        or (days.last and text > days.last.isoformat())
    )


# ------------------------------------------------------------------ how they take our texts


@_leaf.register
def _texts(leaf: segments.Texts, picture: Picture, now: datetime) -> Found:
    when = times.moments(leaf.when, now, picture.zone)
    return _counted(leaf.times, [at for at in _happened(leaf, picture) if when.have(at)])


def _happened(leaf: segments.Texts, picture: Picture) -> Iterable[datetime]:
    spoken = [m for m in picture.spoken if leaf.campaign in (None, m.campaign)]
    match leaf.what:
        case "sent":
            return [m.sent_at for m in spoken if m.sent_at]
        case "delivered" | "failed":
            states = segments.ENDS[leaf.what]
            return [m.done_at for m in spoken if m.state in states and m.done_at]
        case "clicked":
            return [one.at for one in picture.clicks if leaf.campaign in (None, one.campaign)]
        case "replied":
            return [
                at for at in picture.texts
                if any(m.sent_at and m.sent_at <= at < m.sent_at + REPLY_WITHIN for m in spoken)
            ]  # fmt: skip


@_leaf.register
def _permission(leaf: segments.Permission, picture: Picture, now: datetime) -> Found:
    state = permissions.state_of(picture.person, leaf.scope)
    return Found(
        state in leaf.states,
        {"state": state, "at": permissions.said_at(picture.person, leaf.scope)},
    )


@_leaf.register
def _reach(leaf: segments.Reach, picture: Picture, now: datetime) -> Found:
    who = picture.person
    key = who.phone if leaf.channel == "sms" else who.email
    return Found(key is not None, {"key": key})


@_leaf.register
def _offered(leaf: segments.Offered, picture: Picture, now: datetime) -> Found:
    given = [gift.at for gift in picture.gifts if gift.offer == leaf.offer]
    given += [m.sent_at for m in picture.spoken if m.sent_at and m.offer == leaf.offer]
    used = leaf.offer in picture.used
    is_so = used if leaf.used else bool(given) and not (leaf.used is False and used)
    return Found(is_so, {"given": max(given, default=None), "used": used})


# ------------------------------------------------------------------ what is worked out of them


@_leaf.register
def _rfm(leaf: segments.Rfm, picture: Picture, now: datetime) -> Found:
    kept = picture.figures
    lines = rfm.lines(rhythm.pace_of(picture.paces, rhythm.ALL))
    is_called = rfm.class_of(kept.orders, kept.spent, kept.last_order_at, lines, now)
    return Found(is_called in leaf.classes, {"class": is_called})


@_leaf.register
def _due(leaf: segments.Due, picture: Picture, now: datetime) -> Found:
    pace, kept = rhythm.pace_of(picture.paces, leaf.category), picture.figures
    if leaf.category == rhythm.ALL:
        at = rhythm.due_at(pace, kept.days, kept.first_order_at, kept.last_order_at)
    else:
        habit = picture.habits.get(leaf.category)
        at = habit and rhythm.due_at(pace, *habit)
    return Found(times.at_days(leaf.in_days, now, picture.zone).have(at), {"at": at})
