"""What people buy and look at, as SQL, and what is worked out of it.

Where the figures that are kept of each person say enough they are asked
(records/segments/figures.py), else the rows themselves. rules/segments/pictures.py says the same in
Python.
"""

from typing import Final

from ringdove.records.segments.segment_parts import (
    SQL,
    TRUE,
    Part,
    Rows,
    Source,
    Sql,
    Writer,
    both,
    counted,
    either,
    together,
)
from ringdove.rules.segments import rfm, rhythm, segments
from ringdove.rules.segments import segment_times as times
from ringdove.rules.segments.segment_times import Moments
from ringdove.rules.segments.segments import Goods

COUNTS: Final = "t.state NOT IN ('cancelled', 'returned', 'removed')"
ORDERS: Final = Source(
    "t.id, t.placed_at, t.channel, t.currency, t.total", "purchase_order t", COUNTS
)
LINES: Final = Source(
    "t.id, t.placed_at, t.channel, t.currency, l.sku, l.category, l.quantity, l.price",
    "purchase_order t JOIN order_line l"
    " ON l.bucket = t.bucket AND l.store_id = t.store_id AND l.order_id = t.id",
    COUNTS,
)
VISITS: Final = Source("t.id, t.at, t.channel, t.page, t.sku, t.category", "visit t")
CARTS: Final = Source("t.id, t.changed_at, t.items", "cart t", "t.state = 'open'")
FIGURES: Final = Source(
    "t.orders, t.days, t.spent, t.first_order_at, t.last_order_at, t.visits, t.visited_at,"
    " t.cart_at, t.cart_total",
    "contact_figure t", kept="one",
)  # fmt: skip
CATEGORIES: Final = Source(
    "t.category, t.orders, t.days, t.spent, t.pieces, t.first_at, t.bought_at, t.visits, t.seen_at",
    "contact_category t", kept="many",
)  # fmt: skip


def bought(one: segments.Bought, writer: Writer) -> Part:
    when = times.moments(one.when, writer.now, writer.store.time_zone)
    kept = None if one.channels else _bought_as_kept(one, when, writer)
    if kept is not None:
        return kept
    # Not by ids: the orders of a month may lie all over the table where they came from a history.
    asked = [writer.when("r.placed_at", when)] if when != times.EVER else []
    if one.channels:
        asked.append(SQL("r.channel = ANY({})").format(writer.words(one.channels)))
    if one.goods == segments.ALL_GOODS:
        amounts = [("count(*){}", one.times), ("coalesce(sum(r.total){ours}, 0)", one.spent)]
        whole: Part = counted(ORDERS, both(asked), writer, amounts)
        if one.pieces is None:
            return whole
        pieces = counted(LINES, both(asked), writer, [(PIECES, one.pieces)])
        return together([whole, pieces], writer, is_all=True)
    asked.append(goods(one.goods, writer))
    many = "count(*){}" if one.times == segments.ONCE else "count(DISTINCT r.id){}"
    amounts = [(many, one.times), (PIECES, one.pieces), (SPENT, one.spent)]
    return counted(LINES, both(asked), writer, amounts)


PIECES: Final = "coalesce(sum(r.quantity){}, 0)"
SPENT: Final = "coalesce(sum(r.quantity * r.price){ours}, 0)"


def _bought_as_kept(one: segments.Bought, when: Moments, writer: Writer) -> Part | None:
    """From what is kept of each person and category, where that says enough."""
    if one.goods.brands or one.goods.skus:
        return None
    of_all = one.goods == segments.ALL_GOODS
    if when == times.EVER:
        if of_all and one.pieces is None:
            asked = [writer.whole("r.orders", one.times)]
            if one.spent is not None:
                asked.append(writer.range("r.spent", one.spent))
            is_none = one.times.has(0) and (one.spent is None or one.spent.has(0))
            return _kept(both(asked), is_none)
        if of_all or (len(one.goods.categories) > 1 and one.times != segments.ONCE):
            return None
        amounts = [
            ("coalesce(sum(r.orders){}, 0)", one.times),
            ("coalesce(sum(r.pieces){}, 0)", one.pieces),
            ("coalesce(sum(r.spent){}, 0)", one.spent),
        ]
        bought = SQL("({} AND r.orders > 0)").format(goods(one.goods, writer))
        return counted(CATEGORIES, bought, writer, amounts)
    return _at_a_time(
        one, when, writer, ("r.last_order_at", "r.first_order_at"), ("r.bought_at", "r.first_at")
    )


def _at_a_time(
    one: segments.Bought | segments.Visited, when: Moments, writer: Writer,
    of_all: tuple[str, str], of_category: tuple[str, str],
) -> Part | None:  # fmt: skip
    """At all since a moment, or before one: the last time, or the first one, tells."""
    is_plain = one.times == segments.ONCE and (
        isinstance(one, segments.Visited) or (one.pieces is None and one.spent is None)
    )
    place = 0 if when.ends is None else 1
    if not is_plain or (when.begins and when.ends) or not of_all[place]:
        return None
    if one.goods == segments.ALL_GOODS:
        return _kept(writer.when(of_all[place], when), without=False)
    asked = both([goods(one.goods, writer), writer.when(of_category[place], when)])
    return Rows(CATEGORIES, (asked,), _some(asked), without=False, one=True)


def _some(asked: Sql) -> Sql:
    return SQL("count(*) FILTER (WHERE {}) >= 1").format(asked)


def goods(what: Goods, writer: Writer, row: str = "r") -> Sql:
    """Rows with sku and category that are of these goods."""
    some: list[Sql] = []
    if what.categories:
        words = writer.words(what.categories)
        text = f"({row}.category <> '' AND {row}.category = ANY({{}}))"
        some.append(SQL(text).format(words))
    skus = {*what.skus, *(sku for brand in what.brands for sku in writer.skus.get(brand, ()))}
    if skus:
        words = writer.words(sorted(skus))
        text = f"({row}.sku <> '' AND {row}.sku = ANY({{}}))"
        some.append(SQL(text).format(words))
    return either(some)


def orders(one: segments.Orders, writer: Writer) -> Part:
    zone = writer.store.time_zone
    asked: list[Sql] = []
    if one.times is not None:
        asked.append(writer.whole("r.orders", one.times))
    if one.spent is not None:
        asked.append(writer.range("r.spent", one.spent))
    if one.average is not None:
        asked.append(writer.range("r.spent / nullif(r.orders, 0)", one.average))
    for column, span in (("r.first_order_at", one.first), ("r.last_order_at", one.last)):
        if span is not None:
            asked.append(writer.when(column, times.moments(span, writer.now, zone)))
    is_none = all(range_ is None or range_.has(0) for range_ in (one.times, one.spent))
    return _kept(both(asked), is_none and {one.average, one.first, one.last} == {None})


def visited(one: segments.Visited, writer: Writer) -> Part:
    when = times.moments(one.when, writer.now, writer.store.time_zone)
    kept = None if one.channels or one.pages else _visited_as_kept(one, when, writer)
    if kept is not None:
        return kept
    asked = writer.happened("r.at", when)
    if one.channels:
        asked.append(SQL("r.channel = ANY({})").format(writer.words(one.channels)))
    if one.pages:
        asked.append(SQL("r.page ~ {}").format(writer.put(times.page_pattern(one.pages))))
    if one.goods != segments.ALL_GOODS:
        asked.append(goods(one.goods, writer))
    return counted(VISITS, both(asked), writer, [("count(*){}", one.times)])


def _visited_as_kept(one: segments.Visited, when: Moments, writer: Writer) -> Part | None:
    if one.goods.brands or one.goods.skus:
        return None
    if when == times.EVER:
        if one.goods == segments.ALL_GOODS:
            return _kept(writer.whole("r.visits", one.times), one.times.has(0))
        looked = SQL("({} AND r.visits > 0)").format(goods(one.goods, writer))
        return counted(CATEGORIES, looked, writer, [("coalesce(sum(r.visits){}, 0)", one.times)])
    return _at_a_time(one, when, writer, ("r.visited_at", ""), ("r.seen_at", ""))


def cart(one: segments.CartLeft, writer: Writer) -> Part:
    asked: list[Sql] = [SQL("r.cart_at IS NOT NULL")]
    if one.total is not None:
        asked.append(writer.range("r.cart_total", one.total))
    if one.hours is not None:
        asked.append(writer.when("r.cart_at", times.ago(one.hours, writer.now)))
    kept = _kept(both(asked), without=False)
    if one.goods == segments.ALL_GOODS:
        return kept
    # Of several carts that wait the newest counts, as in the kept figures.
    in_it = SQL(
        "(SELECT bool_or({}) FROM jsonb_to_recordset("
        "(array_agg(r.items ORDER BY r.changed_at DESC, r.id))[1]) AS i(sku text, category text))"
    ).format(goods(one.goods, writer, "i"))
    return together([kept, Rows(CARTS, (TRUE,), in_it, without=False)], writer, is_all=True)


# ------------------------------------------------------------------ what is worked out of them


def rfm_class(one: segments.Rfm, writer: Writer) -> Part:
    """As rules/segments/rfm.class_of."""
    lines = rfm.lines(rhythm.pace_of(writer.paces, rhythm.ALL))
    lost, around = writer.put(writer.now - lines.lost), writer.put(writer.now - lines.around)
    is_around = SQL("r.last_order_at >= {}").format(around)
    is_away = SQL("r.last_order_at < {} AND r.last_order_at >= {}").format(around, lost)
    regular = SQL("r.orders >= {}").format(writer.put(rfm.REGULAR_ORDERS))
    buyer = SQL("r.orders > 0 AND r.orders < {}").format(writer.put(rfm.REGULAR_ORDERS))
    much = writer.put(lines.much)
    said: dict[str, list[Sql]] = {
        "never_bought": [SQL("(r.orders = 0 OR r.last_order_at IS NULL)")],
        "lost": [SQL("r.orders > 0"), SQL("r.last_order_at < {}").format(lost)],
        "at_risk": [regular, is_away],
        "fading": [buyer, is_away],
        "best": [regular, is_around, SQL("r.spent >= {}").format(much)],
        "loyal": [regular, is_around, SQL("r.spent < {}").format(much)],
        "new": [SQL("r.orders = 1"), is_around],
        "promising": [SQL("r.orders > 1"), buyer, is_around],
    }
    return _kept(either(both(said[one]) for one in one.classes), "never_bought" in one.classes)


def due(one: segments.Due, writer: Writer) -> Part:
    """As rules/segments/rhythm.due_at."""
    pace = rhythm.pace_of(writer.paces, one.category)
    when = times.at_days(one.in_days, writer.now, writer.store.time_zone)
    of_all = one.category == rhythm.ALL
    first, last = (
        ("r.first_order_at", "r.last_order_at") if of_all else ("r.first_at", "r.bought_at")
    )
    text = SQL(
        f"{last} + floor((extract(epoch FROM {last} - {first})::float8 / {{day}}::float8"
        " + {usual}::float8) / (r.days - 1 + {weight}::float8) * {day}::float8)"
        " * interval '1 second'"
    ).format(
        day=writer.put(rhythm.DAY_S), usual=writer.put(pace.weight * pace.gap_days),
        weight=writer.put(pace.weight),
    )  # fmt: skip
    asked: list[Sql] = [SQL("r.days > 0")]
    for end, sign in ((when.begins, ">="), (when.ends, "<")):
        if end is not None:
            asked.append(SQL(f"{{}} {sign} {{}}").format(text, writer.put(end)))
    if of_all:
        return _kept(both(asked), without=False)
    asked.append(SQL("r.category = {}").format(writer.put(one.category)))
    return Rows(CATEGORIES, (both(asked),), _some(both(asked)), without=False, one=True)


def _kept(having: Sql, without: bool) -> Rows:
    """A condition over kept figures."""
    return Rows(FIGURES, (TRUE,), having, without)
