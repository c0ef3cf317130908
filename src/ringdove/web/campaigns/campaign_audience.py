"""Who a draft is for: how many, how many can be reached, what it takes, and who reads along.

Counted while one composes: quick, bounded in time, and of money by a sample. What is exact is the
rehearsal (campaign_review.py).
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

from fastapi import APIRouter
from psycopg.errors import QueryCanceled
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.offers import rewards
from ringdove.records.people import people
from ringdove.records.segments import segments
from ringdove.records.sending import routes
from ringdove.rules import languages, texts
from ringdove.rules.campaigns.campaigns import Plan, Variant, channels_of
from ringdove.rules.consent import consent
from ringdove.rules.segments import segments as trees
from ringdove.rules.sending.routes import Way
from ringdove.web.campaigns.campaign_previews import Reader, values_of
from ringdove.web.campaigns.campaigns_found import CampaignId, find
from ringdove.web.reasons import reason_words
from ringdove.web.views import StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/campaigns", include_in_schema=False)

READERS = 20  # people of the audience whose texts one can look at
GOLDEN = 0.6180339887498949  # whose multiples fall evenly, however many there are
SAMPLE = 300  # people of whom parts and prices are counted
COUNTED_S = 2.0
AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a sample of the audience takes."""

    people: int = 0
    typical: int = 0  # parts
    worst: int = 0
    money: Decimal | None = None  # of one text, on average
    money_worst: Decimal | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Audience:
    """How many a draft is for."""

    people: int
    is_whole: bool
    reachable: int = 0
    later: int = 0  # of them, who wait for an hour or a gap
    left_out: Sequence[tuple[str, int]] = field(default=())  # reason in words, the most first
    measured: Measured = Measured()
    holdout_percent: int = 0

    @property
    def cost(self) -> Decimal | None:
        """Of those who can be reached and are not left alone by chance."""
        each, written = self.measured.money, self.reachable * (100 - self.holdout_percent)
        return each * written / 100 if each is not None else None

    @property
    def cost_worst(self) -> Decimal | None:
        """If everybody who can be reached took the dearest text of the sample."""
        each = self.measured.money_worst
        return each * self.reachable if each is not None else None


def tree_of(plan: Plan) -> trees.Node:
    """The audience without those who are left out."""
    if plan.without is None:
        return plan.audience
    return trees.All(of=(plan.audience, trees.Not(of=plan.without)))


@router.get("/{campaign_id}/audience")
async def show(page: ViewerPage, campaign_id: CampaignId) -> Response:
    """How many, how many can be reached, and what a text takes: a part of the composer."""
    async with page.transaction() as tx:
        found = await find(tx, page, campaign_id)
    try:
        told = await audience(page, found.plan)
    except (trees.NoSegment, trees.TooLarge) as error:
        return page.render("campaigns/campaign_audience.html", told=None, trouble=str(error))
    return page.render("campaigns/campaign_audience.html", told=told, trouble="")


async def audience(page: Any, plan: Plan) -> Audience:
    """Counts the audience of a plan. `page`: also a Caller. Raises NoSegment, TooLarge."""
    now, pool, tree = page.runtime.clock(), page.runtime.pool, tree_of(plan)
    counted = await segments.count(pool, page.store, tree, now, within_s=COUNTED_S)
    if not counted.is_whole:
        return Audience(counted.people, False)
    draft = consent.Draft(
        channels_of(plan)[0], "marketing", plan.topic, now, now + AHEAD, category=plan.category,
        occasion=plan.occasion or "draft",  # the missing occasion is told beside its field
    )  # fmt: skip
    try:
        counts = await segments.count_reachable(pool, page.store, tree, draft, now)
    except* QueryCanceled:  # the rehearsal has all the time that it takes
        counts = None
    if counts is None:
        return Audience(counted.people, False)
    by_verdict = {"send": 0, "wait": 0}
    reasons: dict[str, int] = {}
    for (verdict, reason), n in counts.items():
        if verdict == "drop":
            reasons[reason] = reasons.get(reason, 0) + n
        else:
            by_verdict[verdict] += n
    told = [(reason_words(page.say, word), n) for word, n in reasons.items()]
    async with page.transaction() as tx:
        measured = await _measured(tx, page, plan, tree)
    return Audience(
        counted.people, True, sum(by_verdict.values()), by_verdict["wait"],
        sorted(told, key=lambda one: -one[1]), measured, plan.holdout_percent,
    )  # fmt: skip


async def _measured(tx: Tx, page: Any, plan: Plan, tree: trees.Node) -> Measured:
    """Parts and price of a sample of those who may be written to, each with their own values."""
    if "sms" not in channels_of(plan):
        return Measured()
    store, now = page.store, page.runtime.clock()
    offer = await rewards.find(tx, store.id, plan.offer) if plan.offer else None
    rows = (await segments.people(tx, store, _may_be_written(tree), now, most=SAMPLE)).rows
    ways = await routes.load(tx, store)
    parts: list[int] = []
    prices: list[Decimal] = []
    currency = ""
    for n, row in enumerate(rows):
        if not row["phone"]:
            continue
        language = languages.choose(row["language"], row["country"], store.languages)
        said = variant_in_turn(plan, n).words.get(language)
        template = said.sms if said else ""
        if not template:
            continue
        reader = Reader(row["id"], row["name"] or "", row["phone"], language)
        try:
            text = texts.render(template, values_of(page, plan, offer, reader, language))
            count = texts.measure(text).parts
        except (texts.TemplateBroken, texts.TextTooLong):
            continue
        parts.append(count)
        way = ways.find("sms", row["phone"], "marketing", now.date())
        cost = ways.cost(way.gateway.id, row["phone"], count) if isinstance(way, Way) else None
        if cost:
            prices.append(cost.amount)
            currency = cost.currency
    if not parts:
        return Measured()
    return Measured(
        len(parts), sorted(parts)[(len(parts) - 1) // 2], max(parts),
        sum(prices, Decimal(0)) / len(prices) if prices else None, 
        max(prices, default=None), currency,
    )  # fmt: skip


def variant_in_turn(plan: Plan, n: int) -> Variant:
    """Which text the n-th of a sample reads: each as often as its share, evenly mixed."""
    ends = list(accumulate(one.share for one in plan.variants))
    return plan.variants[bisect_right(ends, n * GOLDEN % 1 * ends[-1])]


def _may_be_written(tree: trees.Node) -> trees.Node:
    return trees.All(of=(tree, trees.Permission(states=("in",))))


# ------------------------------------------------------------------ who reads along


async def reader(tx: Tx, page: StorePage, plan: Plan, asked: int) -> tuple[Reader, tuple[int, int]]:
    """One of the audience, and which of how many; somebody made up where it has nobody."""
    try:
        tree = tree_of(plan)
        now = page.runtime.clock()
        rows = (
            await segments.people(tx, page.store, _may_be_written(tree), now, most=READERS)
        ).rows
        if not rows:
            rows = (await segments.people(tx, page.store, tree, now, most=READERS)).rows
    except (trees.NoSegment, trees.TooLarge):
        rows = []
    if not rows:
        return Reader(), (0, 0)
    place = asked % len(rows)
    row = rows[place]
    language = languages.choose(row["language"], row["country"], page.store.languages)
    known = await people.find(tx, page.store, row["id"])
    fields = known.fields if known else {}
    phone = page.say.phone(row["phone"]) if row["phone"] else ""
    return Reader(row["id"], row["name"] or "", phone, language, fields), (place, len(rows))
