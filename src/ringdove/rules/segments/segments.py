"""Which people: a tree of conditions, said once for pages, API and files (R20 to R24).

A leaf asks one thing of a person; `all`, `any` and `not` join leaves. The tree is data that
pydantic checks. records/segments/segments.py asks it of everybody in SQL,
rules/segments/pictures.py:holds of one person in Python; tests hold the two equal. Days are whole
and counted back from the moment of asking; dates are in the store's own zone. A person who was
merged is asked with all that belongs to both names.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, get_args
from typing import Any as Anything

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator

KEPT = r"^[^\x00]*$"  # PostgreSQL keeps no NUL
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=KEPT)]
Words = Annotated[tuple[Word, ...], Field(max_length=500)]
Days = Annotated[int, Field(ge=0, le=36_500)]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 1, 1))]
Number = Annotated[Decimal, Field(ge=-(10**12), le=10**12, decimal_places=6)]
Id = Annotated[int, Field(ge=1, le=2**31 - 1)]
DEPTH_MAX = 8  # of groups within groups
LEAVES_MAX = 100
NODES_MAX = 200  # of a level, groups too
WHOLE_MAX = 500  # with those of all segments that it names
NESTED_MAX = 16  # segments that name segments, one within the other


def storable(value: Anything) -> Anything:
    """Words as PostgreSQL keeps them; anything else as it is."""
    return value.replace("\x00", " ") if isinstance(value, str) else value


class Said(BaseModel):
    """Base of all that is said in a tree: unknown fields are refused, so that typos are seen."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Range(Said):
    """A number between two ends, both included; an end that is not given does not bind."""

    at_least: Number | None = None
    at_most: Number | None = None

    @model_validator(mode="after")
    def _has_room(self) -> "Range":
        if None not in (self.at_least, self.at_most) and self.at_least > self.at_most:  # type: ignore[operator]
            raise ValueError("at_least is more than at_most: nothing lies between them.")
        return self

    def has(self, number: Decimal | int) -> bool:
        """Whether a number lies between the ends."""
        return (self.at_least is None or number >= self.at_least) and (
            self.at_most is None or number <= self.at_most
        )


class Span(Said):
    """When something happened: all that is given must hold; nothing given: whenever."""

    within_days: Days | None = Field(None, description="At most so many days ago.")
    before_days: Days | None = Field(None, description="At least so many days ago.")
    since: Day | None = None
    until: Day | None = Field(None, description="Including this day.")


class Goods(Said):
    """Any of these; none given: whatever it is."""

    categories: Words = ()
    brands: Words = ()
    skus: Words = ()


ALL_GOODS = Goods()
ONCE = Range(at_least=Decimal(1))
EVER = Span()


# ------------------------------------------------------------------ what people buy and look at


class Bought(Said):
    """Bought goods, in orders that were not cancelled, returned or removed (R20, R21)."""

    leaf: Literal["bought"] = "bought"
    goods: Goods = ALL_GOODS
    when: Span = EVER
    times: Range = Field(ONCE, description="In so many orders.")
    pieces: Range | None = Field(None, description="Of these goods, in all these orders.")
    spent: Range | None = Field(
        None, description="On these goods; of whatever goods, what the orders came to."
    )
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
    """Looked at pages of the shop or app, so many times in all (R20)."""

    leaf: Literal["visited"] = "visited"
    goods: Goods = Field(ALL_GOODS, description="Brands are those of the catalogue.")
    pages: Words = Field((), description="Beginnings of addresses: /sale")
    when: Span = EVER
    times: Range = ONCE
    channels: Words = ()


class CartLeft(Said):
    """Has a cart that waits: open, and nothing was ordered since its last change; of several the
    newest (R20)."""

    leaf: Literal["cart"] = "cart"
    goods: Goods = ALL_GOODS
    total: Range | None = None
    hours: Range | None = Field(None, description="Since its last change.")


# ------------------------------------------------------------------ who they are


class Place(Said):
    """Lives there; any of each list that is given. Case and accents of regions and cities do not
    count."""

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
    languages: Annotated[
        tuple[Annotated[str, Field(max_length=12, pattern=KEPT)], ...], Field(max_length=50)
    ]


class Origin(Said):
    """Where they came from and when (R2): order, form, app, import …"""

    leaf: Literal["origin"] = "origin"
    origins: Words = ()
    notes: Words = Field((), description="Which form, keyword, import, connection.")
    when: Span = EVER


class OwnFieldIs(Said):
    """A field of the store's own (R22). Of text and choices `words`; of numbers `number`; of dates
    `when` or, looking forward, `in_days`; of yes and no `yes`; none of these: it is filled in."""

    leaf: Literal["field"] = "field"
    key: Word
    words: Words = ()
    number: Range | None = None
    when: Span | None = None
    in_days: Range | None = Field(
        None, description="Days until that date; below 0: it is past. Only at_most: from today on."
    )
    yes: bool | None = None


# ------------------------------------------------------------------ how they take our texts


# States of a message in which it has so ended.
ENDS = {"delivered": ("delivered",), "failed": ("failed", "expired")}


class Texts(Said):
    """What came of marketing texts and letters: sent to them, arrived, opened, answered (a text
    from them within three days)."""

    leaf: Literal["texts"] = "texts"
    what: Literal["sent", "delivered", "failed", "clicked", "replied"]
    campaign: Id | None = Field(None, description="Of this campaign only.")
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
    """Was given this offer, also in a campaign's text; used it; was given it and has not used it
    yet."""

    leaf: Literal["offer"] = "offer"
    offer: Id
    used: bool | None = None


# ------------------------------------------------------------------ what is worked out of them

RfmClass = Literal["best", "loyal", "promising", "new", "fading", "at_risk", "lost", "never_bought"]


class Rfm(Said):
    """Recency, frequency and money in one word: rules/segments/rfm.py says which."""

    leaf: Literal["rfm"] = "rfm"
    classes: Annotated[tuple[RfmClass, ...], Field(min_length=1, max_length=8)]


class Due(Said):
    """Is expected to buy again, of a category or at all ("") (N4). Days from now: below 0, the
    purchase is overdue; at_most alone: from today on."""

    leaf: Literal["due"] = "due"
    category: Annotated[str, Field(max_length=200, pattern=KEPT)] = ""
    in_days: Range


class InSegment(Said):
    """Is in another saved segment."""

    leaf: Literal["segment"] = "segment"
    segment: Id


# ------------------------------------------------------------------ joined


class All(Said):
    """Every one of these; none: everybody."""

    leaf: Literal["all"] = "all"
    of: tuple["Inner", ...] = ()


class Any(Said):
    """At least one of these; none: nobody."""

    leaf: Literal["any"] = "any"
    of: tuple["Inner", ...] = ()


class Not(Said):
    """Who is left when these are taken out (R24)."""

    leaf: Literal["not"] = "not"
    of: "Inner"


Inner = Annotated[
    All | Any | Not | Bought | Orders | Visited | CartLeft | Place | Age | Sex | Birthday
    | Children | Language | Origin | OwnFieldIs | Texts | Permission | Reach | Offered | Rfm
    | Due | InSegment,
    Field(discriminator="leaf"),
]  # fmt: skip

KINDS = frozenset(
    str(kind.model_fields["leaf"].default) for kind in get_args(get_args(Inner)[0])
)  # what `leaf` can say

All.model_rebuild()
Any.model_rebuild()
Not.model_rebuild()


def _of_bounded_size(tree: Anything) -> Anything:
    """Refuses what is too deep or too large before it is looked into."""
    level, leaves = [tree], 0
    for _ in range(DEPTH_MAX + 1):
        inside = [_inside(node) for node in level]
        leaves += sum(not some for some in inside)
        if leaves > LEAVES_MAX or sum(map(len, inside)) > NODES_MAX:
            raise ValueError(
                f"Too many conditions: {LEAVES_MAX} at most. Save a part of them as a segment of"
                " its own and ask for that."
            )
        level = [inner for some in inside for inner in some]
        if not level:
            return tree
    raise ValueError(
        f"Groups within groups, {DEPTH_MAX} deep at most. Save an inner group as a segment of its"
        " own and ask for that."
    )


def _inside(node: Anything) -> list[Anything]:
    of = node.get("of") if isinstance(node, dict) else getattr(node, "of", None)
    if of is None:
        return []
    return list(of) if isinstance(of, list | tuple) else [of]


Node = Annotated[Inner, BeforeValidator(_of_bounded_size)]
TREE: TypeAdapter[Node] = TypeAdapter(Node)
EVERYBODY = All()


def leaves(tree: Node) -> Iterator[Node]:
    """All leaves of a tree, left to right; not those of segments that it names."""
    inside = _inside(tree)
    if not inside and not isinstance(tree, All | Any):
        yield tree
    for node in inside:
        yield from leaves(node)


def placed(tree: Node, at: str = "") -> Iterator[tuple[str, Node]]:
    """All leaves with where they stand: "of.0.of", as errors name it; "": the tree itself."""
    inside = _inside(tree)
    if not inside and not isinstance(tree, All | Any):
        yield at, tree
    for n, node in enumerate(inside):
        step = "of" if isinstance(tree, Not) else f"of.{n}"
        yield from placed(node, f"{at}.{step}" if at else step)


def path_of(place: Sequence[int | str]) -> str:
    """Where in a tree an error of pydantic is: of.0.when.since. It also says the kind of each node,
    which is left out here."""
    path: list[str] = []
    before: int | str = "of"
    for step in place:
        is_kind = step in KINDS and (before == "of" or isinstance(before, int))
        if not is_kind:
            path.append(str(step))
        before = "" if is_kind else step
    return ".".join(path)


# ------------------------------------------------------------------ segments within segments


class TooLarge(ValueError):
    """A tree with all that it asks for is more than can be answered."""

    def __init__(self) -> None:
        super().__init__(
            f"With the segments that it names this asks {WHOLE_MAX} conditions and more, or they"
            f" name each other more than {NESTED_MAX} deep: ask for less at once."
        )


class NoSegment(LookupError):
    """A tree names a segment that there is not, or that asks for itself."""

    def __init__(self, segment: int, path: Sequence[int] = ()) -> None:
        self.segment = segment
        self.path = (*path, segment)
        super().__init__(
            f"Segment {segment} asks for itself (by {' → '.join(map(str, self.path))}): take one of"
            " these conditions out."
            if path
            else f"No segment has the number {segment}: choose another."
        )


def named(known: Mapping[int, Node], number: int, path: tuple[int, ...]) -> Node:
    """The tree of a segment that is asked for inside those of `path`. Raises NoSegment."""
    if number in path:
        raise NoSegment(number, path)
    if number not in known:
        raise NoSegment(number)
    return known[number]


def whole(tree: Node, known: Mapping[int, Node], path: tuple[int, ...] = ()) -> Iterator[Node]:
    """All leaves, also those of the segments that the tree asks for, at any depth. `path`: the
    segments that it stands in itself. Raises NoSegment, TooLarge."""
    count = 0
    for node in _whole(tree, known, path):
        count += 1
        if count > WHOLE_MAX:
            raise TooLarge
        yield node


def _whole(tree: Node, known: Mapping[int, Node], path: tuple[int, ...]) -> Iterator[Node]:
    for node in leaves(tree):
        yield node
        if isinstance(node, InSegment):
            inner = named(known, node.segment, path)
            if len(path) >= NESTED_MAX:
                raise TooLarge
            yield from _whole(inner, known, (*path, node.segment))


# What people are, and not what they do: no text makes them so.
STEADY = (Place, Age, Sex, Birthday, Children, Language, Origin, InSegment)


def is_steady(found: Iterable[Node]) -> bool:
    """Whether people are in it whatever they were sent: these are all leaves of a tree."""
    return all(isinstance(one, STEADY) for one in found)


def plain(tree: Node) -> dict[str, Anything]:
    """A tree as JSON."""
    told: dict[str, Anything] = TREE.dump_python(tree, mode="json", exclude_none=True)
    return told
