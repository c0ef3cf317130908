"""What is wrong with a campaign's plan, told before it begins: the same to pages and programs.

What blocks must be mended; the rest is told and left to the merchant (R13, R23, R27).
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ringdove.rules import texts
from ringdove.rules.campaigns.campaigns import (
    LINKS_MAX,
    Plan,
    Words,
    channels_of,
    link_name,
    segments_in,
    templates_of,
    variables_of,
)
from ringdove.rules.links.link_targets import Goods
from ringdove.rules.scenes import Store


class Problem(NamedTuple):
    """One thing that is wrong with a plan. `where`: a field, as occasion or variants.0.en.sms."""

    where: str
    what: str  # a word of SAYS
    detail: str = ""  # what it is about: a language, a value
    blocks: bool = True  # False: it may begin all the same

    @property
    def said(self) -> str:
        """In English."""
        return SAYS[self.what].format(detail=self.detail)


SAYS: dict[str, str] = {
    "no_occasion": "Say the occasion: why do people get it now?",
    "unknown_topic": "The store has no topic “{detail}”.",
    "no_words": "Nothing is said in {detail}.",
    "no_subject": "The letter in {detail} has no subject.",
    "some_words": "Nothing is said in {detail}: its people get the first language's words.",
    "broken": "{detail}",
    "offer": "{detail}",
    "no_call": "It asks for nothing: add a link or a code.",
    "no_way_out": "It does not say how to get no more of them: add {{{{ stop_url }}}} or “STOP”.",
    "link_missing": "It says {detail}, and there is no such link.",
    "link_unsaid": "No text says {detail}.",
    "link_empty": "Say where {detail} leads.",
    "no_page": "No page of “{detail}” is known: the link leads to the shop's home page.",
    "not_known": "The shop has told of no “{detail}”: the cart may open without it.",
    "offer_missing": "It says an offer's code, and no offer is chosen.",
    "offer_unsaid": "An offer is chosen, and no text says its code: {{{{ offer.code }}}}.",
    "offer_unknown": "The offer is not there any more.",
    "survey_missing": "It asks a survey's question, and no survey is chosen.",
    "survey_unsaid": "A survey is chosen, and no text asks it: {{{{ survey.question }}}} or"
    " {{{{ survey.link }}}}.",
    "survey_unknown": "The survey is not there any more.",
    "segment_unknown": "A segment that it asks for is not there any more.",
    "one_name": "Two variants are named “{detail}”.",
    "time_over": "The time to begin is over.",
    "end_over": "The end of the offer is over.",
    "ends_first": "It ends before it begins.",
    "no_time": "Say when.",
    "no_stock_named": "A stop needs goods.",
    "long": "The text in {detail} takes more than four parts.",
}
LONG_PARTS = 4


def problems(
    plan: Plan, store: Store, now: datetime, *, known_segments: Collection[int] | None = None,
    known_offers: Collection[int] | None = None, known_fields: Collection[str] = (),
    known_goods: Mapping[str, Goods] | None = None, known_surveys: Collection[str] | None = None,
) -> list[Problem]:  # fmt: skip
    """All that is wrong with it, in the order of the form; used by page and API. Segments, offers,
    own fields, the goods of its links, surveys: those that are there (None: not asked)."""
    return [
        *_about(plan, store, known_segments, known_offers),
        *_of_survey(plan, known_surveys),
        *_of_words(plan, store, known_fields),
        *_of_links(plan, known_goods),
        *_of_time(plan, store, now),
    ]


def _about(
    plan: Plan, store: Store, known_segments: Collection[int] | None,
    known_offers: Collection[int] | None,
) -> Iterator[Problem]:  # fmt: skip
    if not plan.occasion:
        yield Problem("occasion", "no_occasion", blocks=store.policy.occasion == "demand")
    if store.policy.topic(plan.topic) is None:
        yield Problem("topic", "unknown_topic", plan.topic)
    for where, tree in (("audience", plan.audience), ("without", plan.without)):
        if tree is None or known_segments is None:
            continue
        if any(one not in known_segments for one in segments_in(tree)):
            yield Problem(where, "segment_unknown")
    if plan.offer and known_offers is not None and plan.offer not in known_offers:
        yield Problem("offer", "offer_unknown")
    names = [one.name for one in plan.variants]
    for n, name in enumerate(names):
        if name in names[:n]:
            yield Problem(f"variants.{n}", "one_name", name)


def _of_words(plan: Plan, store: Store, fields: Collection[str]) -> Iterator[Problem]:
    yield from _missing_words(plan, store)
    known = variables_of(fields)
    said: set[str] = set()
    for where, language, channel, template in templates_of(plan):
        wrong = texts.check(template, known)
        yield from (Problem(where, "broken", one) for one in wrong)
        if wrong:
            continue
        asked = texts.variables(template)
        said |= asked
        calls = any(one.startswith(("link", "offer.", "survey.")) for one in asked)
        if not (calls or texts.has_call(template)):
            yield Problem(where, "no_call", blocks=False)
        if not texts.has_way_out(template):
            yield Problem(where, "no_way_out", blocks=False)
        if channel == "sms" and texts.measure(template[:5_000]).parts > LONG_PARTS:
            yield Problem(where, "long", language, blocks=False)
        for number in range(len(plan.links), LINKS_MAX):
            if link_name(number) in asked:
                yield Problem(where, "link_missing", "{{ " + link_name(number) + " }}")
        if not plan.offer and any(_needs_offer(one, template) for one in asked):
            yield Problem(where, "offer_missing")
    if plan.offer and not any(one.startswith("offer") for one in said):
        yield Problem("offer", "offer_unsaid", blocks=False)
    for number in range(len(plan.links)):
        if link_name(number) not in said:
            name = "{{ " + link_name(number) + " }}"
            yield Problem(f"links.{number}", "link_unsaid", name, blocks=False)


def _of_survey(plan: Plan, known: Collection[str] | None) -> Iterator[Problem]:
    if plan.survey and known is not None and plan.survey not in known:
        yield Problem("survey", "survey_unknown")
    asking = []
    for where, _, _, template in templates_of(plan):
        if not texts.check(template, variables_of()):
            asks = any(one.startswith("survey.") for one in texts.variables(template))
            asking += [where] if asks else []
    if plan.survey and not asking:
        yield Problem("survey", "survey_unsaid")
    for where in asking if not plan.survey else ():
        yield Problem(where, "survey_missing")


def _needs_offer(path: str, template: str) -> bool:
    """Whether a text says what only an offer has, and does not ask first whether it is there."""
    is_asked = path not in ("offer.code", "offer.link") and f"if {path} " in template
    return path.startswith("offer.") and not is_asked


def _missing_words(plan: Plan, store: Store) -> Iterator[Problem]:
    for n, variant in enumerate(plan.variants):
        for place, language in enumerate(store.languages):
            words = variant.words.get(language, Words())
            for channel in channels_of(plan):
                where = f"variants.{n}.{language}.{'sms' if channel == 'sms' else 'body'}"
                if not (words.sms if channel == "sms" else words.body):
                    what = "some_words" if place else "no_words"
                    yield Problem(where, what, language, blocks=not place)
                elif channel == "email" and not words.subject:
                    yield Problem(f"variants.{n}.{language}.subject", "no_subject", language)


def _of_links(plan: Plan, known: Mapping[str, Goods] | None) -> Iterator[Problem]:
    for n, link in enumerate(plan.links):
        if (link.kind == "product" and not link.sku) or (link.kind == "cart" and not link.lines):
            yield Problem(f"links.{n}", "link_empty", "{{ " + link_name(n) + " }}")
        elif known is not None and link.kind == "product":
            goods = known.get(link.sku)
            if not link.url and not (goods and goods.url):
                yield Problem(f"links.{n}", "no_page", link.sku, blocks=False)
        elif known is not None and link.kind == "cart":
            for line in link.lines:
                if line.sku not in known:
                    yield Problem(f"links.{n}", "not_known", line.sku, blocks=False)


def _of_time(plan: Plan, store: Store, now: datetime) -> Iterator[Problem]:
    when = plan.when
    at = when.at
    if when.mode == "at" and at is None:
        yield Problem("when.at", "no_time")
    if at is not None and at.tzinfo is None:
        at = at.replace(tzinfo=ZoneInfo(store.time_zone)).astimezone(UTC)
    if when.mode == "at" and at is not None and at < now:
        yield Problem("when.at", "time_over", blocks=False)
    if when.until is not None:
        if when.until <= now:
            yield Problem("when.until", "end_over")
        elif when.mode != "now" and at is not None and when.until <= at:
            yield Problem("when.until", "ends_first")
