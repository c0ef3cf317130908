"""Rules of sending: how often, when, about what. Marketers read them, the owner changes them.

Every rule is shown with what it would have done to the texts of the last month, and the hours as a
picture of the week. Offers that wait already follow a change when they are due.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import time, timedelta
from itertools import zip_longest
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints
from starlette.responses import Response

from ringdove.records.consent import deciding
from ringdove.records.consent.deciding import Counts
from ringdove.records.store import policies
from ringdove.rules.consent import hours, rehearsal
from ringdove.rules.consent.consent import Draft
from ringdove.rules.consent.holidays import CALENDARS
from ringdove.rules.policy import Gap, Hours, Policy, Topic
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.reasons import reason_words
from ringdove.web.reports import report_words
from ringdove.web.sending.composer import Offer
from ringdove.web.store import places, policy_words
from ringdove.web.views import MarketerPage, OwnerPage, StorePage

router = APIRouter(prefix="/stores/{store_id}/policy", include_in_schema=False)

CAP_MAX, DAYS_MAX, MONTHS_MAX, TALK_HOURS_MAX = 100, 1_000, 120, 720
CATEGORIES_MAX, COUNTRIES_MAX, TOPICS_MAX = 200, 60, 30
DRAWN_MAX = 4  # countries in the picture of the week
REHEARSED_FOR = timedelta(days=1)

Cap = Annotated[int, Field(ge=0, le=CAP_MAX)]
Day = Annotated[int, Field(ge=0, le=6)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=80)]


class RulesForm(Filled):
    cap_day: Cap
    cap_week: Cap
    cap_month: Cap
    weekdays: Annotated[list[Day], Field(min_length=1)]
    occasion: Literal["demand", "warn"] = "demand"
    double_opt_in: Literal["yes", ""] = ""
    reconfirm_months: Annotated[int, Field(ge=0, le=MONTHS_MAX)] = 0
    talk_hours: Annotated[int, Field(ge=0, le=TALK_HOURS_MAX)] = 24
    staff_by_night: Literal["yes", ""] = ""


class CountryForm(Filled):
    country: Annotated[str, StringConstraints(min_length=2, max_length=2)]
    quiet_from: time
    quiet_until: time
    days: Annotated[list[Day], Field(min_length=1)]
    holidays: Literal["yes", ""] = ""


class CategoryForm(Filled):
    category: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    days: Annotated[int, Field(ge=0, le=DAYS_MAX)] = 0
    after_purchase_days: Annotated[int, Field(ge=0, le=DAYS_MAX)] = 0


class TopicForm(Filled):
    key: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]
    name: Annotated[str, StringConstraints(max_length=60)] = ""  # where a language has none
    names: tuple[Annotated[str, StringConstraints(max_length=60)], ...] = ()  # by languages
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,3}$")] = ""


class Gone(Filled):
    key: Annotated[str, StringConstraints(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class Week:
    """The hours of a country as a picture: of each weekday the allowed minutes."""

    country: str
    people: int
    source: str  # own, law, store
    holidays: bool
    days: list[tuple[tuple[int, int], ...]]


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """Everybody, asked about one offer now: how many, by verdict and reason."""

    counts: Counts

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def lines(self) -> list[tuple[str, str, int]]:
        """Verdict, reason and number: who gets it first, then the largest."""
        rank = ("send", "wait", "drop")
        found = [(verdict, reason, n) for (verdict, reason), n in self.counts.items()]
        return sorted(found, key=lambda one: (rank.index(one[0]), -one[2]))


Asked = Annotated[str, Query(max_length=200)]


@router.get("")
async def show(
    page: MarketerPage, rehearse: bool = False, about: Asked = "offers", goods: Asked = ""
) -> Response:
    """The rules; and, when asked, what they would say of everybody about an offer now."""
    rehearsed = None
    if rehearse:
        rehearsed = Rehearsed(await count(page, Offer(about, goods, "rehearsal")))
    asked = Form[Any]({"about": about, "goods": goods})
    return await render(page, rehearsed=rehearsed, asked=asked)


async def count(page: StorePage, offer: Offer) -> Counts:
    """What the decision says of everybody about an offer by text that would go now."""
    now = page.runtime.clock()
    draft = Draft(
        "sms", "marketing", offer.topic, now, now + REHEARSED_FOR, category=offer.category,
        occasion=offer.occasion,
    )  # fmt: skip
    async with page.transaction() as tx:
        question = await deciding.ask(tx, page.store, draft, now)
    return await deciding.counts(page.runtime.pool, question)


async def render(page: StorePage, status: int = 200, **more: Any) -> Response:
    """The page; `more`: a form that came back, or a rehearsal."""
    now, rule = page.runtime.clock(), page.store.policy
    async with page.transaction() as tx:
        known = await policies.categories(tx, page.store)
        people = await policies.countries(tx, page.store)
        sent = await policies.last_month(tx, page.store, now)
    forms = {
        "rules": Form[Any](_typed(rule)), "country": Form[Any](_NEW_COUNTRY),
        "category": Form[Any]({"days": 0, "after_purchase_days": 0}), "topic": Form[Any](),
        "asked": Form[Any]({"about": "offers"}), "rehearsed": None, "open_now": "",
    }  # fmt: skip
    return page.render(
        "store/policy.html",
        status,
        policy=rule,
        known=known,
        people=people,
        total=len(sent),
        held=rehearsal.held_back(page.store, rule, sent),
        weeks=_weeks(page, people),
        words=policy_words,
        topics=policy_words.topics(page.say, page.store),
        days=list(enumerate(policy_words.weekdays(page.say))),
        day_options=[(str(n), d) for n, d in enumerate(policy_words.weekdays(page.say))],
        category_options=[("", page.say.gettext("none")), *((one, one) for one in known)],
        countries=places.countries(page.say.language),
        languages=[(code, places.LANGUAGE_NAMES.get(code, code)) for code in page.store.languages],
        calendars=CALENDARS,
        reason_words=reason_words,
        earned=report_words.rule(page.say, rule),
        may_change=page.may("owner"),
        **(forms | more),
    )


_NEW_COUNTRY = {
    "quiet_from": "21:00", "quiet_until": "09:00", "days": [str(n) for n in range(7)],
    "holidays": "yes",
}  # fmt: skip


def _typed(rule: Policy) -> dict[str, Any]:
    return {
        "cap_day": rule.cap_day, "cap_week": rule.cap_week, "cap_month": rule.cap_month,
        "weekdays": [str(day) for day in sorted(rule.weekdays)], "occasion": rule.occasion,
        "double_opt_in": rule.double_opt_in, "reconfirm_months": rule.reconfirm_months,
        "talk_hours": rule.talk_hours, "staff_by_night": rule.staff_by_night,
    }  # fmt: skip


def _weeks(page: StorePage, people: dict[str, int]) -> list[Week]:
    store, rule = page.store, page.store.policy
    drawn = list(dict.fromkeys([store.country, *people]))[:DRAWN_MAX]
    drawn += [code for code in rule.countries if code not in drawn]
    weeks = []
    for code in drawn:
        limits = hours.of_country(rule, store.quiet_from, store.quiet_until, code)
        source = "own" if code in rule.countries else "law" if code in hours.COUNTRIES else "store"
        is_silent = bool(limits.holidays_of)
        weeks.append(Week(code, people.get(code, 0), source, is_silent, hours.week(limits)))
    return weeks


# ------------------------------------------------------------------ the owner changes them


async def _change(page: StorePage, to: Callable[[Policy], Policy], **detail: Any) -> Response:
    async with page.transaction() as tx:
        before, after = await policies.change(tx, page.store, to, page.runtime.clock())
        if before != after:
            await page.audit(tx, "policy.changed", page.store.name, **detail)
    return page.go(f"{page.home}/policy", page.say.gettext("Saved."))


@router.post("")
async def save(page: OwnerPage) -> Response:
    """How often, on which days, and what is demanded of an offer."""
    form = await read_form(page.request, RulesForm, page.say)
    if form.filled is None:
        return await render(page, 422, rules=form)
    given = form.filled
    return await _change(
        page,
        lambda known: replace(
            known,
            cap_day=given.cap_day,
            cap_week=given.cap_week,
            cap_month=given.cap_month,
            weekdays=frozenset(given.weekdays),
            occasion=given.occasion,
            double_opt_in=bool(given.double_opt_in),
            reconfirm_months=given.reconfirm_months,
            talk_hours=given.talk_hours,
            staff_by_night=bool(given.staff_by_night),
        ),
        what="rules",
    )


@router.post("/countries")
async def put_country(page: OwnerPage) -> Response:
    """Other hours for a country, in place of its law's and the store's own."""
    form = await read_form(page.request, CountryForm, page.say)
    _ = page.say.gettext
    code = str(form.values.get("country", "")).upper()
    if form.filled and code not in dict(places.countries("en")):
        form.refuse("country", _("Choose one of the list."))
    elif form.filled and not form.filled.holidays and code not in CALENDARS:
        form.refuse("holidays", _("We know no calendar of public holidays of this country."))
    elif form.filled and len(page.store.policy.countries) >= COUNTRIES_MAX:
        form.refuse("country", _("These are too many."))
    if form.filled is None:
        return await render(page, 422, country=form, open_now="country-dialog")
    given = form.filled
    own = Hours(
        given.quiet_from, given.quiet_until, frozenset(given.days), holidays=bool(given.holidays)
    )
    return await _change(
        page,
        lambda known: replace(known, countries={**known.countries, code: own}),
        country=code,
    )


@router.post("/countries/end")
async def end_country(page: OwnerPage) -> Response:
    """The country's own rule counts again."""
    return await _without(page, "countries")


@router.post("/categories")
async def put_category(page: OwnerPage) -> Response:
    """How long between two offers of a category, and after a purchase from it."""
    form = await read_form(page.request, CategoryForm, page.say)
    if form.filled and len(page.store.policy.categories) >= CATEGORIES_MAX:
        form.refuse("category", page.say.gettext("These are too many."))
    if form.filled is None:
        return await render(page, 422, category=form, open_now="category-dialog")
    given = form.filled
    gap = Gap(given.days, given.after_purchase_days)
    return await _change(
        page,
        lambda known: replace(known, categories={**known.categories, given.category: gap}),
        category=given.category,
    )


@router.post("/categories/end")
async def end_category(page: OwnerPage) -> Response:
    """No gap of its own any more."""
    return await _without(page, "categories")


@router.post("/topics")
async def put_topic(page: OwnerPage) -> Response:
    """A kind of offers that a person can leave alone."""
    form = await read_form(page.request, TopicForm, page.say)
    others = [one for one in page.store.policy.topics if one.key != form.values.get("key")]
    if form.filled and form.filled.code and any(one.code == form.filled.code for one in others):
        form.refuse("code", page.say.gettext("Another topic has this number."))
    elif form.filled and len(others) >= TOPICS_MAX:
        form.refuse("key", page.say.gettext("These are too many."))
    if form.filled is None:
        return await render(page, 422, topic=form, open_now="topic-dialog")
    given = form.filled
    own = zip_longest(page.store.languages, given.names[: len(page.store.languages)], fillvalue="")
    named = {code: name or given.name for code, name in own if name or given.name}
    topic = Topic(given.key, named, given.code)

    def put(known: Policy) -> Policy:
        rest = [topic if one.key == topic.key else one for one in known.topics]
        return replace(known, topics=tuple(rest if topic in rest else [*rest, topic]))

    return await _change(page, put, topic=given.key)


@router.post("/topics/end")
async def end_topic(page: OwnerPage) -> Response:
    """No topic any more; who left it stays out of it."""
    return await _without(page, "topics")


async def _without(page: StorePage, what: str) -> Response:
    form = await read_form(page.request, Gone, page.say)
    if form.filled is None:
        return page.go(f"{page.home}/policy")
    key = form.filled.key

    def cut(known: Policy) -> Policy:
        if what == "topics":
            rest = tuple(one for one in known.topics if one.key != key)
            return replace(known, topics=rest)
        kept = {name: one for name, one in getattr(known, what).items() if name != key}
        changed: dict[str, Any] = {what: kept}
        return replace(known, **changed)

    return await _change(page, cut, removed=key)
