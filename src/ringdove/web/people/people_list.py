"""The list of people: found as one types, narrowed by filters, newest first, page by page.

The address holds all that was asked. Viewers see neither numbers nor addresses, and find nobody by
parts of them. What is searched in steps says how far it has come and goes on by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_date
from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from ringdove.kit.buckets import made_at
from ringdove.kit.db import Tx
from ringdove.records.people import customers, people_counts, search, search_fill, search_traits
from ringdove.records.people.lookups import NO_END, Row
from ringdove.records.people.search import Found
from ringdove.records.people.search_traits import Traits
from ringdove.rules.people import searching
from ringdove.rules.people.searching import Filters
from ringdove.rules.scenes import Store
from ringdove.web.people import people_words
from ringdove.web.store.places import language_name
from ringdove.web.views import StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/customers", include_in_schema=False)

Id = Annotated[int, Query(ge=0, le=NO_END)]
Word = Annotated[str, Query(max_length=80)]
OPTIONS_MAX = 40
WEEKS = 12
MORE = (
    "country", "city", "language", "origin", "note", "topic", "ordered_since", "not_ordered_since",
    "seen_since", "field", "doubtful", "paused",
)  # fmt: skip


# ------------------------------------------------------------------ what is asked


@dataclass(frozen=True, slots=True)
class Asked:
    """All that the address says; also what the API takes."""

    q: Annotated[str, Query(max_length=200, description="As one types: a name, a number, …")] = ""
    offers: Annotated[str, Query(pattern="^(in|asked|out|none)?$")] = ""
    topic: Annotated[
        str, Query(max_length=80, description="Those who left it: topic/loyalty, category/shoes.")
    ] = ""
    language: Word = ""
    country: Word = ""
    city: Word = ""
    origin: Word = ""
    note: Annotated[str, Query(max_length=80, description="import/12, form/3")] = ""
    ordered: Annotated[str, Query(pattern="^(yes|no)?$")] = ""
    ordered_since: Annotated[str, Query(max_length=10, description="A day: 2026-11-22.")] = ""
    not_ordered_since: Annotated[
        str, Query(max_length=10, description="A day: who ordered before it and not since.")
    ] = ""
    seen_since: Annotated[str, Query(max_length=10, description="A day.")] = ""
    doubtful: bool = False
    paused: bool = False
    field: Annotated[str, Query(max_length=80, description="A field of the shop's own.")] = ""
    value: Annotated[str, Query(max_length=80, description="What it equals.")] = ""

    @property
    def typed(self) -> str:
        """What was typed, without what no text holds."""
        return self.q.replace("\x00", "").strip()

    def filters(self, store: Store) -> Filters:
        """What of it are filters; a day that is none is left out."""
        return Filters(
            offers=self.offers, topic=_clean(self.topic), language=_clean(self.language),
            country=_clean(self.country), city=_clean(self.city), origin=_clean(self.origin),
            note=_clean(self.note), ordered=self.ordered,
            ordered_since=_day(self.ordered_since, store),
            not_ordered_since=_day(self.not_ordered_since, store),
            seen_since=_day(self.seen_since, store), doubtful=self.doubtful, paused=self.paused,
            fields={_clean(self.field): _clean(self.value)} if self.field and self.value else {},
        )  # fmt: skip

    def query(self) -> str:
        """The same as an address has it, without what is empty."""
        given = {name: getattr(self, name) for name in self.__slots__}
        return urlencode({n: "1" if v is True else v for n, v in given.items() if v})


def _clean(text: str) -> str:
    return text.replace("\x00", "").strip()


def _day(text: str, store: Store) -> datetime | None:
    """The beginning of a day at the store."""
    try:
        day = date.fromisoformat(text)
        return datetime.combine(day, time(), ZoneInfo(store.time_zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


async def find(
    tx: Tx, store: Store, asked: Asked, now: datetime, before: int, most: int, *, masked: bool
) -> tuple[Found, dict[int, str]]:
    """A page of people, and by which order some were found. Those whom a whole number, address,
    account or order names come first."""
    filters, typed = asked.filters(store), asked.typed
    if not typed and filters.is_empty:
        ids = await customers.newest(tx, store, before, most)
        rows = await search.rows(tx, store, ids)
        return Found(rows, ids[-1] if len(ids) == most else None), {}
    first: list[Row] = []
    by_order: dict[int, str] = {}
    if typed and before == NO_END:
        by_order = await search.of_orders(tx, store, typed)
        named = list(dict.fromkeys([*await customers.behind(tx, store, typed), *by_order]))
        first = await search.rows(tx, store, await search.of_these(tx, store, named, filters, now))
    needle = searching.needle(store.id, typed, filters, masked=masked)
    if typed and needle.is_nothing:
        return Found(first), by_order
    found = await search.find(tx, store, needle, filters, now, before, most)
    if not first:
        return found, by_order
    shown = {row["id"] for row in first}
    rest = [row for row in found.rows if row["id"] not in shown]
    return Found([*first, *rest], found.next, found.looked_to), by_order


# ------------------------------------------------------------------ the page


@router.get("")
async def show(
    page: ViewerPage,
    asked: Annotated[Asked, Depends()],
    before: Id = NO_END,
    down_to: Id = 0,
) -> Response:
    """People, newest first; `down_to` draws again what was shown."""
    store, now = page.store, page.runtime.clock()
    is_part = "hx-request" in page.request.headers
    most = customers.ROWS_MAX if down_to else customers.ROWS
    async with page.transaction() as tx:
        found, by_order = await find(
            tx, store, asked, now, before or NO_END, most, masked=page.say.masked
        )
        around = {} if is_part else await _around(tx, page, asked, now)
        filling = await search_fill.left_before(tx, store) if asked.query() else None
    rows = [row for row in found.rows if row["id"] >= down_to]
    query = asked.query()
    answer = page.render(
        "people/customers.html",
        rows=rows,
        by_order=by_order,
        asked=asked,
        query=query,
        total=found.total,
        more=found.next if not down_to else None,
        looked_to=made_at(found.looked_to) if found.looked_to else None,
        filling=filling,
        now=now,
        offers={word: _said(page, one) for word, one in people_words.OFFERS.items()},
        is_part=is_part,
        **around,
    )
    if is_part and before == NO_END and not down_to:
        answer.headers["HX-Replace-Url"] = f"{page.home}/customers{'?' if query else ''}{query}"
    return answer


def _said(page: StorePage, one: tuple[str, str, str]) -> tuple[str, str, str]:
    return page.say.gettext(one[0]), one[1], one[2]


async def _around(tx: Tx, page: StorePage, asked: Asked, now: datetime) -> dict[str, Any]:
    """What stands beside the list: filters with their counts, and how it went week by week."""
    traits = await search_traits.traits(tx, page.store)
    since = _monday(now, page.store) - timedelta(weeks=WEEKS - 1)
    begins = datetime.combine(since, time(), ZoneInfo(page.store.time_zone))
    counts = await people_counts.by_week(tx, page.store, begins)
    weeks = [since + timedelta(weeks=n) for n in range(WEEKS)]
    return {
        "people": traits.people,
        "is_about": traits.is_about,
        "options": _options(page, traits, asked),
        "weeks": [format_date(week, "d MMM", locale=page.say.locale) for week in weeks],
        "series": [[counts.get((week, name), 0) for week in weeks] for name in people_counts.NAMES],
        "has_weeks": bool(counts),
        "has_more": any(getattr(asked, name) for name in MORE),
    }


def _monday(now: datetime, store: Store) -> date:
    today = now.astimezone(ZoneInfo(store.time_zone)).date()
    return today - timedelta(days=today.weekday())


Options = dict[str, list[tuple[str, str, int]]]


def _options(page: StorePage, traits: Traits, asked: Asked) -> Options:
    """Of each filter its values with their words and how many people have them."""
    say = page.say.gettext
    options: Options = {
        "offers": [(w, say(text), traits.counts.get(f"offers/{w}", 0))
                   for w, text in people_words.OFFERS_FILTER.items()],
        "ordered": [("yes", say(people_words.ORDERED["yes"]), traits.counts.get("ordered", 0)),
                    ("no", say(people_words.ORDERED["no"]),
                     max(0, traits.people - traits.counts.get("ordered", 0)))],
        "topic": [(t.removesuffix("/out"), t.split("/")[1], n) for t, n in traits.counts.items()
                  if t.startswith(("topic/", "category/")) and t.endswith("/out")],
    }  # fmt: skip
    named: dict[str, Callable[[str], str]] = {
        "country": lambda code: page.say.locale.territories.get(code.upper(), code.upper()),
        "language": lambda code: language_name(code, page.say.language),
        "city": str.title,
        "origin": lambda word: say(people_words.ORIGINS.get(word, word)),
        "note": str,
    }
    for kind, name in named.items():
        values = traits.of(kind)[:OPTIONS_MAX]
        options[kind] = [(value, name(value), n) for value, n in values]
    for kind, some in options.items():
        chosen = searching.fold(getattr(asked, kind))
        if chosen and all(value != chosen for value, _, _ in some):
            some.append((chosen, getattr(asked, kind), 0))
    return options
