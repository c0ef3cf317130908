"""Where the links of a message lead: what its campaign says now, or its automation's step.

Nothing of it stands in the message but which campaign or step it was, and what the text is about:
a mended link leads where it should from then on, also in texts that went before. What depends on
the person (their cart, their code, the goods that their text named) is read as it is opened.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

import structlog
from pydantic import ValidationError

from ringdove.kit import db
from ringdove.kit.crypto import SealBroken
from ringdove.records import clicks
from ringdove.records.automations import automations
from ringdove.records.campaigns import campaigns
from ringdove.records.consent import ways_out
from ringdove.records.offers import rewards
from ringdove.records.store import connections, stores
from ringdove.rules.automations.plans import Plans, plan_of
from ringdove.rules.campaigns.campaigns import Link
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.links import link_targets, links
from ringdove.rules.links.link_targets import Ground, OpensCart, Target
from ringdove.rules.links.links import Claim
from ringdove.rules.scenes import Store
from ringdove.rules.steps.send import Send
from ringdove.runtime import STORES, Runtime
from ringdove.stores.edge import united

log = structlog.get_logger()


class Step(NamedTuple):
    """A step of an automation, by its key and the step's id."""

    recipe: str
    place: str


Source = int | Step
"""What said a link: a campaign by its number, or a step."""


@dataclass(slots=True)
class Opened:
    """A link of a message that somebody has."""

    claim: Claim
    contact_id: int
    source: Source
    variant: int
    channel: str
    language: str
    sent_at: datetime | None
    is_known: bool  # False: of somebody erased, nothing more is noted
    kept_until: float
    sku: str = ""  # what an automation's text is about
    goods: tuple[str, ...] = ()  # and which goods it named
    run_id: int | None = None
    target: Target | None = None  # of a personal one
    target_until: float = 0.0


def opened(claim: Claim, row: clicks.Row, until: float) -> Opened | None:
    """The message behind a claim; None: it never had links."""
    source: Source
    if row["campaign_id"] is not None:
        source = int(row["campaign_id"])
    elif row["place"]:
        source = Step(row["recipe"], row["place"])
    else:
        return None
    return Opened(
        claim, row["contact_id"], source, row["variant"], row["channel"], row["language"],
        row["sent_at"], row["is_known"], until, row["sku"], tuple(row["goods"]),
        row["enrollment_id"],
    )  # fmt: skip


@dataclass(slots=True)
class Aims:
    """A campaign or a step, as far as its links need it."""

    store: Store
    name: str
    links: tuple[Link, ...]
    variants: tuple[str, ...]  # names of the texts that are compared
    ground: Ground
    offer: Reward | None
    read_s: float
    is_step: bool = False
    targets: dict[tuple[int, str, int], Target] = field(default_factory=dict)

    def link(self, number: int) -> Link:
        """What a token names; the shop's first page where there is no such link now."""
        return self.links[number] if number < len(self.links) else Link()

    def tags(self, one: Opened) -> dict[str, str]:
        """utm parameters."""
        several = len(self.variants) > 1 and one.variant < len(self.variants)
        variant = self.variants[one.variant] if several else ""
        return link_targets.tags_of(one.channel, self.name, variant)

    def is_personal(self, number: int) -> bool:
        """Whether it depends on the person, or on what their text is about."""
        link = self.link(number)
        if self.is_step and (number == links.OF_GOODS or (link.kind == "product" and not link.sku)):
            return True
        return link_targets.is_personal(link)


async def read(runtime: Runtime, store_id: int, source: Source) -> Aims | None:
    """What it says now; None: there is none any more."""
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, store_id)
        if store is None:
            return None
        told: tuple[Link, ...]
        variants: tuple[str, ...] = ()
        if isinstance(source, Step):
            step = _step(await automations.plans(tx, store_id), source)
            told, name = (step.link or Link(),), source.recipe
            offer_id = step.offer
        else:
            campaign = await campaigns.find(tx, store_id, source)
            if campaign is None:
                return None
            plan = campaign.plan
            told, variants = plan.links, tuple(one.name for one in plan.variants)
            name, offer_id = campaign.name, plan.offer
        skus = [sku for one in told for sku in (one.sku, *(line.sku for line in one.lines))]
        products = await clicks.products(tx, store, skus)
        shops = await connections.of_store(tx, store_id)
        offer = await rewards.find(tx, store_id, offer_id) if offer_id else None
    opens = tuple(found for shop in shops if (found := _opens_carts(runtime, store, shop)))
    ground = Ground(store.website, products, opens)
    is_step = isinstance(source, Step)
    return Aims(store, name, told, variants, ground, offer, time.monotonic(), is_step)


def _step(plans: Plans, source: Step) -> Send:
    """As it is now; where it is no more, as it was last. A link is never lost with its step."""
    newest = plans.newest.get(source.recipe)
    older = (plan_of(source.recipe, own) for own in plans.versions.get(source.recipe, ()))
    for plan in (newest, *older, plan_of(source.recipe, None)):
        place = plan.journey.course.get(source.place) if plan else None
        if place and isinstance(place.step, Send):
            return place.step
    return Send(id="gone", text="gone")


def _opens_carts(runtime: Runtime, store: Store, shop: connections.Connection) -> OpensCart | None:
    module = STORES.get(shop.kind)
    if shop.paused_at or not hasattr(module, "cart_url") or module is None:
        return None
    try:
        secrets = runtime.sealer.open(shop.secrets)
        settings = united(module.Settings, shop.settings, secrets, store.time_zone)
    except (SealBroken, ValidationError) as error:
        log.error("link.shop_broken", connection=shop.id, error=type(error).__name__)
        return None
    return partial(module.cart_url, settings)


# ------------------------------------------------------------------ one person's


async def target(runtime: Runtime, one: Opened, aims: Aims) -> Target:
    """Where a personal link leads this person."""
    number = one.claim.number
    link, tags = aims.link(number), aims.tags(one)
    async with db.transaction(runtime.pool) as tx:
        person = await ways_out.person(tx, aims.store, one.contact_id)
        people = [person.id, *person.also] if person else []
        if not aims.is_step:
            code = await _code(tx, aims, people)
            own = None
            if link.kind == "own_cart" and people:
                own = await clicks.own_cart(tx, aims.store, people)
            return link_targets.leads_to(link, aims.ground, tags, code, own)
        skus = one.goods if number == links.OF_GOODS else (one.sku,)
        products = await clicks.products(tx, aims.store, skus)
        ground = replace(aims.ground, products={**aims.ground.products, **products})
        if number == links.OF_GOODS:
            return link_targets.leads_to_goods(one.goods, ground, tags)
        run = await clicks.run_of(tx, aims.store, one.run_id) if people and one.run_id else None
        code = str(run.memory.get("code", "")) if run else ""
        code = code or await _code(tx, aims, people)
        own = None
        if link.kind == "own_cart" and people:
            # The cart of the reminder; where it is none any more, the one that they left last.
            if run and run.cart:
                own = await clicks.cart(tx, aims.store, run.cart, people)
            own = own or await clicks.own_cart(tx, aims.store, people)
        if link.kind == "product" and not link.sku:
            link = link.model_copy(update={"sku": one.sku})
        return link_targets.leads_to(link, ground, tags, code, own)


async def _code(tx: db.Tx, aims: Aims, people: list[int]) -> str:
    """The person's code of the offer, under whichever name it was given; "": none."""
    offer = aims.offer
    if offer is None or not people:
        return ""
    if offer.source == "common":
        return offer.code
    given: Mapping[int, str] = await rewards.codes_of(tx, aims.store, offer.id, people)
    return next((given[one] for one in people if one in given), "")
