"""Which people: a tree of conditions, said once for pages, API and files (R20 to R24).

A leaf asks one thing of a person; `all`, `any` and `not` join leaves. The tree is data that
pydantic checks. records/segments.py asks it of everybody in SQL, `holds` of one person in Python;
tests hold the two equal. Days are whole and counted back from the moment of asking; dates are in
the store's own zone. A person who was merged is asked with all that belongs to both names.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

Word = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[tuple[Word, ...], Field(max_length=500)]
Days = Annotated[int, Field(ge=0, le=36_500)]
DEPTH_MAX = 8
LEAVES_MAX = 100


class Said(BaseModel):
    """Base of all that is said in a tree: unknown fields are refused, so that typos are seen."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Range(Said):
    """A number between two ends, both included; an end that is not given does not bind."""

    at_least: Decimal | None = None
    at_most: Decimal | None = None


class Span(Said):
    """When something happened: all that is given must hold; nothing given: whenever."""

    within_days: Days | None = Field(None, description="At most so many days ago.")
    before_days: Days | None = Field(None, description="At least so many days ago.")
    since: date | None = None
    until: date | None = Field(None, description="Including this day.")


class Goods(Said):
    """Any of these; none given: whatever it is."""

    categories: Words = ()
    brands: Words = ()
    skus: Words = ()


ONCE = Range(at_least=Decimal(1))
EVER = Span()


# ------------------------------------------------------------------ what people buy and look at


class Bought(Said):
    """Bought goods, in orders that were not cancelled, returned or removed (R20, R21)."""

    leaf: Literal["bought"] = "bought"
    goods: Goods = Goods()
    when: Span = EVER
    times: Range = Field(ONCE, description="In so many orders.")
    pieces: Range | None = None
    spent: Range | None = Field(None, description="On these goods, in the store's currency.")
    channels: Words = Field((), description="web, app, social, marketplace …; none: any.")


class Orders(Said):
    """All orders of a person together, as they are kept beside them."""

    leaf: Literal["orders"] = "orders"
    times: Range | None = None
    spent: Range | None = None
    average: Range | None = None
    first: Span | None = None
    last: Span | None = None


class Visited(Said):
    """Looked at pages of the shop or app (R20)."""

    leaf: Literal["visited"] = "visited"
    goods: Goods = Field(Goods(), description="Brands are those of the catalogue.")
    pages: Words = Field((), description="Beginnings of addresses: /sale")
    when: Span = EVER
    times: Range = ONCE
    channels: Words = ()


class CartLeft(Said):
    """Has a cart that waits, with something in it (R20)."""

    leaf: Literal["cart"] = "cart"
    goods: Goods = Goods()
    total: Range | None = None
    hours: Range | None = Field(None, description="Since its last change.")


# ------------------------------------------------------------------ who they are


class Place(Said):
    """Lives there; any of each list that is given."""

    leaf: Literal["place"] = "place"
    countries: Words = ()
    regions: Words = ()
    cities: Words = ()


class Age(Said):
    """Whole years; who gave no birthday has no age."""

    leaf: Literal["age"] = "age"
    years: Range


class Sex(Said):
    """f, m; unknown: nobody said."""

    leaf: Literal["sex"] = "sex"
    sex: Literal["f", "m", "unknown"]


class Birthday(Said):
    """Has their birthday within the next days (0: today), in the store's zone (R22)."""

    leaf: Literal["birthday"] = "birthday"
    in_days: Range


class Children(Said):
    """Has a child of such an age, or whose birthday is within the next days (R22, R76)."""

    leaf: Literal["children"] = "children"
    years: Range | None = None
    birthday_in_days: Range | None = None
    number: Range | None = None


class Language(Said):
    """Is spoken to in one of these by their own choice; "": none was said."""

    leaf: Literal["language"] = "language"
    languages: Annotated[tuple[Annotated[str, Field(max_length=12)], ...], Field(max_length=50)]


class Origin(Said):
    """Where they came from and when (R2): order, form, app, import …"""

    leaf: Literal["origin"] = "origin"
    origins: Words = ()
    notes: Words = Field((), description="Which form, keyword, import, connection.")
    when: Span = EVER


class OwnFieldIs(Said):
    """A field of the store's own (R22). Of text and choices `words`; of numbers `number`; of dates
    `when`; of yes and no `yes`; none of these: it is filled in."""

    leaf: Literal["field"] = "field"
    key: Word
    words: Words = ()
    number: Range | None = None
    when: Span | None = None
    yes: bool | None = None


# ------------------------------------------------------------------ how they take our texts


class Texts(Said):
    """What came of marketing texts and letters: sent to them, arrived, opened, answered."""

    leaf: Literal["texts"] = "texts"
    what: Literal["sent", "delivered", "failed", "clicked", "replied"]
    campaign: int | None = Field(None, description="Of this campaign only.")
    when: Span = EVER
    times: Range = ONCE


class Permission(Said):
    """What they allow: all marketing (scope `marketing`), a topic, a category."""

    leaf: Literal["permission"] = "permission"
    scope: Word = "marketing"
    states: Annotated[
        tuple[Literal["none", "asked", "in", "out"], ...], Field(min_length=1, max_length=4)
    ]


class Reach(Said):
    """Can be reached so: has a number, has an address."""

    leaf: Literal["reach"] = "reach"
    channel: Literal["sms", "email"]


class Offered(Said):
    """Was given this offer; used it, or not yet."""

    leaf: Literal["offer"] = "offer"
    offer: int
    used: bool | None = None


# ------------------------------------------------------------------ what is worked out of them

RfmClass = Literal["best", "loyal", "promising", "new", "fading", "at_risk", "lost", "never_bought"]


class Rfm(Said):
    """Recency, frequency and money in one word: rules/rfm.py says which."""

    leaf: Literal["rfm"] = "rfm"
    classes: Annotated[tuple[RfmClass, ...], Field(min_length=1, max_length=8)]


class Due(Said):
    """Is expected to buy again, of a category or at all ("") (N4). Days from now: below 0, the
    purchase is overdue."""

    leaf: Literal["due"] = "due"
    category: Annotated[str, Field(max_length=200)] = ""
    in_days: Range


class InSegment(Said):
    """Is in another saved segment."""

    leaf: Literal["segment"] = "segment"
    segment: int


# ------------------------------------------------------------------ joined


class All(Said):
    """Every one of these; none: everybody."""

    leaf: Literal["all"] = "all"
    of: tuple["Node", ...] = ()


class Any(Said):
    """At least one of these; none: nobody."""

    leaf: Literal["any"] = "any"
    of: tuple["Node", ...] = ()


class Not(Said):
    """Who is left when these are taken out (R24)."""

    leaf: Literal["not"] = "not"
    of: "Node"


Node = Annotated[
    All | Any | Not | Bought | Orders | Visited | CartLeft | Place | Age | Sex | Birthday
    | Children | Language | Origin | OwnFieldIs | Texts | Permission | Reach | Offered | Rfm
    | Due | InSegment,
    Field(discriminator="leaf"),
]  # fmt: skip

All.model_rebuild()
Any.model_rebuild()
Not.model_rebuild()

TREE: TypeAdapter[Node] = TypeAdapter(Node)
EVERYBODY = All()
