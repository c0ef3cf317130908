"""A campaign: one message to many, at one occasion, as its merchant planned it (R13, R18, R19).

`Plan` is the document that pages, API and rehearsals share. LIFE is the whole life of a campaign.
Nothing here decides who may be spoken to: rules/consent/consent.py does, of every person.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from ringdove.rules.segments import segments

# `waiting`: a second person has to approve. `sold_out` and `cancelled` take back what waits.
LIFE: dict[str, tuple[str, ...]] = {
    "draft": ("waiting", "scheduled", "running", "cancelled"),
    "waiting": ("draft", "scheduled", "running", "cancelled"),
    "scheduled": ("draft", "running", "cancelled"),
    "running": ("paused", "done", "cancelled", "sold_out"),
    "paused": ("running", "cancelled", "sold_out"),
    "done": (),
    "cancelled": (),
    "sold_out": (),
}
VARIANTS_MAX = 10
LINKS_MAX = 4  # in one message: rules/links/links.py has two bits for it

Key = Annotated[str, Field(min_length=1, max_length=120)]
Address = Annotated[str, Field(max_length=2000)]


class Said(BaseModel):
    """Base: unknown fields are refused, so that typos are seen."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    _clean = field_validator("*", mode="after")(segments.storable)


class Words(Said):
    """What is said in one language; Liquid. An empty sms or body: nothing by that channel."""

    sms: Annotated[str, Field(max_length=2000)] = ""
    subject: Annotated[str, Field(max_length=300)] = ""
    body: Annotated[str, Field(max_length=10_000)] = Field("", description="The e-mail's.")


class Variant(Said):
    """One of the texts that are compared; shares are weights."""

    name: Annotated[str, Field(max_length=60)] = "A"
    share: Annotated[int, Field(ge=1, le=1000)] = 1
    words: dict[str, Words] = Field(default_factory=dict, description="By language.")


class CartLine(Said):
    """What a cart link puts into the cart (R31)."""

    sku: Key
    quantity: Annotated[Decimal, Field(gt=0, max_digits=8, decimal_places=3)] = Decimal(1)


class Link(Said):
    """Where {{ link }} leads ({{ link2 }}: the second one …); rules/links/links.py opens it."""

    kind: Literal["page", "product", "cart", "own_cart"] = Field(
        "page", description="own_cart: the cart that this person left."
    )
    url: Address = Field("", description="A page or section; empty: the shop's home page.")
    sku: Annotated[str, Field(max_length=120)] = ""
    lines: Annotated[tuple[CartLine, ...], Field(max_length=50)] = ()
    phones_only: bool = Field(False, description="On a desktop a QR code is shown instead.")
    ends_at: AwareDatetime | None = Field(None, description="None: it works for ever.")
    utm: bool = True


class When(Said):
    """When it goes. `own_hour`: each person at the hour at which they are usually seen (R16)."""

    mode: Literal["now", "at", "own_hour"] = "now"
    at: datetime | None = Field(None, description="Without a zone: the store's own.")
    local: bool = Field(False, description="`at` is by each recipient's own clock.")
    spread_minutes: Annotated[int, Field(ge=0, le=14 * 24 * 60)] = 0
    weekdays: Annotated[tuple[int, ...], Field(max_length=7)] = Field(
        (), description="Monday is 0; none: every day (R19)."
    )
    begins: time | None = Field(None, description="Of the part of the day, recipient's time.")
    ends: time | None = None
    until: AwareDatetime | None = Field(
        None, description="The offer's end: nothing is delivered after it (R18)."
    )
    for_hours: Annotated[int, Field(ge=1, le=24 * 30)] = Field(
        48, description="Without an end: dropped when it could not go for so long."
    )


class Stop(Said):
    """Ends the campaign when so much was sold since its beginning (R43)."""

    skus: Annotated[tuple[Key, ...], Field(min_length=1, max_length=200)]
    pieces: Annotated[Decimal, Field(gt=0, max_digits=10, decimal_places=3)]


class Plan(Said):
    """All that a merchant decides of a campaign before it begins."""

    topic: Annotated[str, Field(min_length=1, max_length=80)] = "offers"
    category: Annotated[str, Field(max_length=200)] = Field("", description="Its gap is kept.")
    occasion: Annotated[str, Field(max_length=120)] = Field("", description="Why now (R13).")
    audience: segments.Node = segments.EVERYBODY
    without: segments.Node | None = Field(None, description="Who is left out of it (R24).")
    channels: Literal["sms", "email", "sms_or_email", "both"] = Field(
        "sms",
        description="sms_or_email: by e-mail to who chose it or has no number; both: each to those"
        " subscribed to it (R40).",
    )
    variants: Annotated[tuple[Variant, ...], Field(min_length=1, max_length=VARIANTS_MAX)] = (
        Variant(),
    )
    links: Annotated[tuple[Link, ...], Field(max_length=LINKS_MAX)] = ()
    offer: int = Field(0, description="The offer whose code {{ offer.code }} says; 0: none.")
    survey: Annotated[str, Field(pattern=r"^[a-z0-9_]{0,40}$")] = Field(
        "",
        description="Key of the survey that it asks: {{ survey.question }} is answered by reply,"
        " {{ survey.link }} by a form.",
    )
    holdout_percent: Annotated[int, Field(ge=0, le=50)] = Field(
        10, description="Left alone by chance, to see what the campaign earned (N3)."
    )
    when: When = When()
    stop: Stop | None = None
    follows: int | None = Field(None, description="The campaign that this one follows up.")
    key_date: date | None = Field(None, description="Of the calendar that it was drafted from.")


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as it is stored."""

    id: int
    name: str
    state: str
    plan: Plan
    version: int
    created_at: datetime
    changed_at: datetime
    reason: str = ""
    created_by: int | None = None
    approved_at: datetime | None = None
    approved_by: int | None = None
    approved_version: int | None = None
    begin_at: datetime | None = None
    began_at: datetime | None = None
    ended_at: datetime | None = None
    changed_by: int | None = None  # of a program: who made its key; None: not known
    asked_by: int | None = None  # who asked for approval
    tries: int = 0  # in a row that wrote nothing
    tried_at: datetime | None = None
    trouble: str = ""  # what stopped the last try

    @property
    def clock(self) -> datetime:
        """The moment at which its decisions are asked: when it began, or when it was changed while
        it was paused. A pause alone moves nothing, so what goes on is decided as before it."""
        return max(self.began_at or self.created_at, self.changed_at)


TRIES_MAX = 6  # then it is paused, with its reason


def may_be_tried(tries: int, tried_at: datetime | None, now: datetime) -> bool:
    """Whether it need not rest after tries that wrote nothing: the longer, the more there were."""
    return tries < 2 or tried_at is None or now >= tried_at + timedelta(seconds=2**tries)


# ------------------------------------------------------------------ what a plan says and asks


def segments_in(tree: segments.Node) -> Iterator[int]:
    """The saved segments that a tree asks for by itself."""
    if isinstance(tree, segments.InSegment):
        yield tree.segment
    elif isinstance(tree, segments.Not):
        yield from segments_in(tree.of)
    elif isinstance(tree, segments.All | segments.Any):
        for one in tree.of:
            yield from segments_in(one)


def skus_in(plan: Plan) -> set[str]:
    """The goods that its links lead to."""
    of_carts = {line.sku for link in plan.links if link.kind == "cart" for line in link.lines}
    return of_carts | {link.sku for link in plan.links if link.kind == "product" and link.sku}


def campaigns_in(plan: Plan) -> set[int]:
    """The campaigns that a plan is about: whom they reached, or whom it follows up."""
    trees = [plan.audience, *([plan.without] if plan.without else [])]
    asked = [leaf for tree in trees for _, leaf in segments.placed(tree)]
    found = {one.campaign for one in asked if isinstance(one, segments.Texts)}
    return {one for one in (*found, plan.follows) if isinstance(one, int)}


VARIABLES = frozenset(
    ("customer.first_name", "customer.name", "shop.name", "shop.url", "shop.phone", "shop.email",
     "offer.code", "offer.until", "offer.link", "offer.name", "offer.discount", "stop_url",
     "survey.question", "survey.link", "survey.low", "survey.high")
)  # fmt: skip


def variables_of(fields: Collection[str] = ()) -> frozenset[str]:
    """What campaign texts may ask for; `fields`: keys of the store's own."""
    links = (link_name(n) for n in range(LINKS_MAX))
    return VARIABLES | frozenset(links) | frozenset(f"field.{key}" for key in fields)


def link_name(number: int) -> str:
    """The name of a link of the plan in its texts: link, link2 …"""
    return f"link{number + 1}" if number else "link"


def channels_of(plan: Plan) -> tuple[str, ...]:
    """Over what it can go."""
    return {"sms": ("sms",), "email": ("email",)}.get(plan.channels, ("sms", "email"))


def templates_of(plan: Plan) -> Iterator[tuple[str, str, str, str]]:
    """All texts that can be said: where, language, channel, template; a letter's subject and body
    are one."""
    for n, variant in enumerate(plan.variants):
        for language, words in variant.words.items():
            where = f"variants.{n}.{language}"
            if "sms" in channels_of(plan) and words.sms:
                yield f"{where}.sms", language, "sms", words.sms
            if "email" in channels_of(plan) and words.body:
                yield f"{where}.body", language, "email", f"{words.subject}\n{words.body}"
