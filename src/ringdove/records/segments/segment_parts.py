"""Conditions as SQL that can be joined: over the contact's own row, or over rows about people.

What stands in the contact's own row (alias c) is asked there. All else is asked of whole tables at
once, as `c.id IN (SELECT …)`: hashed, read once however many people there are. Conditions that are
joined and ask the same rows share one sub-select. What was merged into a person is counted for
them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil, floor
from typing import Any, Final, Literal

from psycopg import sql

from ringdove.kit import db
from ringdove.kit.buckets import id_floor
from ringdove.rules.scenes import Store
from ringdove.rules.segments import segment_times as times
from ringdove.rules.segments import segments
from ringdove.rules.segments.rhythm import Paces
from ringdove.rules.segments.segment_times import Dates, Moments
from ringdove.rules.segments.segments import Node, Range

EARLY: Final = timedelta(days=1)  # as far as a shop's clock may be ahead of ours
SQL = sql.SQL
Sql = sql.Composable
TRUE, FALSE = SQL("true"), SQL("false")


@dataclass(frozen=True, slots=True)
class Source:
    """Rows about people: `table` whose alias is t, and what else is asked of all of them. `kept`:
    figures, which lie with the main row of a person: one row each, or many."""

    columns: str
    table: str
    where: str = "true"
    kept: Literal["", "one", "many"] = ""


@dataclass(frozen=True, slots=True)
class Plain:
    """A condition over the contact's own row."""

    text: Sql


@dataclass(frozen=True, slots=True)
class Rows:
    """A condition over somebody's rows of a source (alias r). `having` is what they must add up to,
    of those that a filter lets in; `without`: what it says of who has none. Where it only asks
    whether there is such a row, `one` says so: True there is, False there is none."""

    source: Source
    filters: tuple[Sql, ...]
    having: Sql
    without: bool
    one: bool | None = None


Part = Plain | Rows


@dataclass(slots=True)
class Writer:
    """What a tree is written with: the moment, the store, what had to be looked up before. Collects
    the parameters, whose names begin with `prefix`."""

    store: Store
    now: datetime
    prefix: str
    trees: Mapping[int, Node]  # segments that are asked for
    skus: Mapping[str, Sequence[str]]  # by brand
    merged: Sequence[Mapping[str, Any]]
    paces: Paces
    params: dict[str, Any] = field(default_factory=dict)
    path: tuple[int, ...] = ()  # of segments within segments
    beside: bool = False  # contact c stands for a row of contact_figure, whose alias is r
    in_parts: bool = False  # asked of ids from %(first)s to before %(after)s, not of all at once

    def put(self, value: Any) -> Sql:
        """A parameter of its own."""
        name = f"{self.prefix}{len(self.params)}"
        self.params[name] = value
        return sql.Placeholder(name)

    def words(self, words: Sequence[str]) -> Sql:
        """A list of texts."""
        return SQL("{}::text[]").format(self.put(db.words(words)))

    def when(self, column: str, when: Moments) -> Sql:
        """A moment that lies between two; one that is not there does not."""
        return self._between(column, when.begins, when.ends, "<", "timestamptz")

    def happened(self, column: str, when: Moments) -> list[Sql]:
        """Rows of what was heard of: their ids are made then, so older rows need not be read."""
        asked = [] if when == times.EVER else [self.when(column, when)]
        if when.begins is not None:
            asked.append(SQL("r.id >= {}").format(self.put(id_floor(when.begins - EARLY))))
        return asked

    def dates(self, column: str, dates: Dates) -> Sql:
        """A date that lies between two."""
        return self._between(column, dates.first, dates.last, "<=", "date")

    def range(self, column: str, range_: Range) -> Sql:
        """A number that lies in a range."""
        return self._between(column, range_.at_least, range_.at_most, "<=", "numeric")

    def whole(self, column: str, range_: Range) -> Sql:
        """A whole number that lies in a range: compared as such, a third of the time."""
        least = None if range_.at_least is None else ceil(range_.at_least)
        most = None if range_.at_most is None else floor(range_.at_most)
        return self._between(column, least, most, "<=", "bigint")

    def _between(self, column: str, least: Any, most: Any, less: str, kind: str) -> Sql:
        asked: list[Sql] = [SQL(f"{column} IS NOT NULL")]
        for end, sign in ((least, ">="), (most, less)):
            if end is not None:
                asked.append(SQL(f"{column} {sign} {{}}::{kind}").format(self.put(end)))
        return both(asked[1:] or asked)


def both(some: Iterable[Sql]) -> Sql:
    """All of these."""
    return _joined(some, " AND ", TRUE)


def either(some: Iterable[Sql]) -> Sql:
    """One of these."""
    return _joined(some, " OR ", FALSE)


def _joined(some: Iterable[Sql], word: str, none: Sql) -> Sql:
    asked = list(some)
    if len(asked) < 2:
        return asked[0] if asked else none
    return SQL("({})").format(SQL(word).join(asked))


def is_not(text: Sql) -> Sql:
    """What is unknown is not so."""
    return SQL("({}) IS NOT TRUE").format(text)


# ------------------------------------------------------------------ joined


def together(parts: Sequence[Part], writer: Writer, *, is_all: bool) -> Part:
    join, test = (both, all) if is_all else (either, any)
    by_source: dict[Source, list[Rows]] = {}
    for one in parts:
        if isinstance(one, Rows):
            by_source.setdefault(one.source, []).append(one)
    shared: list[Part] = []
    for source, some in by_source.items():
        filters = tuple(one for rows in some for one in rows.filters)
        # One of any of these rows, or none of all of them: still a plain question.
        is_one = (not is_all) if all(rows.one is (not is_all) for rows in some) else None
        having, without = join(rows.having for rows in some), test(rows.without for rows in some)
        shared.append(some[0] if len(some) == 1 else Rows(source, filters, having, without, is_one))
    plain = [one for one in parts if isinstance(one, Plain)]
    if len(shared) == 1 and not plain:
        return shared[0]
    return Plain(join(text(one, writer) for one in (*plain, *shared)))


def opposite(one: Part) -> Part:
    if isinstance(one, Plain):
        return Plain(is_not(one.text))
    turned = None if one.one is None else not one.one
    return replace(one, having=is_not(one.having), without=not one.without, one=turned)


WITHIN = SQL("SELECT r.* FROM ({rows}) r WHERE r.who >= %(first)s AND r.who < %(after)s")
WHO = SQL("SELECT r.who FROM ({rows}) r WHERE {asked}")
WHO_IN_ALL = SQL("SELECT r.who FROM ({rows}) r WHERE {asked} GROUP BY r.who HAVING {having}")


def text(one: Part, writer: Writer) -> Sql:
    if isinstance(one, Plain):
        return one.text
    if writer.beside and one.source.kept == "one" and one.one is None:
        return SQL("({}) IS TRUE").format(one.having)
    rows, having = rows_of(one.source, writer), one.having
    if writer.in_parts:
        rows = WITHIN.format(rows=rows)
    lets_in = TRUE if TRUE in one.filters else either(one.filters)
    if one.without and one.one is None:
        having = is_not(having)
    if one.source.kept == "one":
        text = WHO.format(rows=rows, asked=having)
    elif one.one is not None:
        text = WHO.format(rows=rows, asked=lets_in)
    else:
        text = WHO_IN_ALL.format(rows=rows, asked=lets_in, having=having)
    return SQL("c.id {} ({})").format(SQL("NOT IN" if one.without else "IN"), text)


OWN = SQL("""SELECT t.contact_id AS who, {columns} FROM {table}
WHERE t.bucket = %(bucket)s AND t.store_id = {store} AND {where}""")
THEIRS = SQL("""SELECT g.main AS who, t.* FROM jsonb_to_recordset({people})
  AS g(place integer, bucket integer, id bigint, main bigint)
CROSS JOIN LATERAL (
  SELECT {columns} FROM {table}
  WHERE t.bucket = g.bucket AND t.store_id = {store} AND t.contact_id = g.id AND {where} OFFSET 0
) t
WHERE g.place = %(bucket)s""")


def rows_of(source: Source, writer: Writer) -> Sql:
    """All rows of a source with the person (who) that each counts for."""
    given = {
        "columns": SQL(source.columns), "table": SQL(source.table), "where": SQL(source.where),
        "store": writer.put(writer.store.id),
    }  # fmt: skip
    own = OWN.format(**given)
    if source.kept or not writer.merged:
        return own
    people = writer.put(db.document(writer.merged))
    return SQL("{} UNION ALL {}").format(own, THEIRS.format(**given, people=people))


# ------------------------------------------------------------------ added up


def counted(
    source: Source, asked: Sql, writer: Writer, amounts: Sequence[tuple[str, Range | None]]
) -> Rows:
    """What the rows that `asked` lets in add up to: pairs of a sum and the range it must lie in. A
    sum says {} where its filter belongs, one of money {ours}: other currencies than the store's
    cannot be added. Without rows it is 0."""
    some = [(text, range_) for text, range_ in amounts if range_ is not None]
    lets_in = ours = SQL(" FILTER (WHERE {})").format(asked)
    if any("{ours}" in text for text, _ in some):
        known = writer.words(["", writer.store.currency])
        ours = SQL(" FILTER (WHERE {} AND r.currency = ANY({}))").format(asked, known)
    having = both(
        in_range(SQL(text).format(lets_in, ours=ours), range_, writer) for text, range_ in some
    )
    without = all(range_.has(0) for _, range_ in some)
    is_one = [range_ for _, range_ in some] == [segments.ONCE]  # a row counts for one at least
    return Rows(source, (asked,), having, without, True if is_one else None)


def in_range(text: Sql, range_: Range, writer: Writer) -> Sql:
    ends = ((range_.at_least, ">="), (range_.at_most, "<="))
    return both(
        SQL(f"{{}} {sign} {{}}::numeric").format(text, writer.put(end))
        for end, sign in ends
        if end is not None
    )
