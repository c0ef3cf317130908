"""The catalogue of conditions that the editor of segments offers: of each its words and fields.

A field lies at a path of its leaf (`goods.categories`). One that holds numbers or times has modes:
each says in one choice which ends are given, an end being an input ("a" to "d") or a fixed number.
The page draws from this, static/js/segment_editor.js reads the same modes from the page.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ringdove.web.menu import N_
from ringdove.web.segments.segment_phrases import RFM, STATES

Kind = Literal["words", "number", "choice", "choices"]


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to give ends: `ends` leads from the end's name to an input or a number; `words`
    stand between the inputs."""

    key: str
    text: str
    ends: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Field:
    """What one can say in a condition. `source`: where its words are suggested from, or what is
    listed; `is_more`: folded away until it is used; `of`: only for own fields of these kinds."""

    path: str
    label: str
    kind: Kind
    source: str = ""
    modes: tuple[Mode, ...] = ()
    unit: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""
    is_more: bool = False
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A condition: what it is called, what it asks, what a new one begins with. `needs`: one of
    these must be filled in, else it would hold for everybody."""

    leaf: str
    icon: str
    title: str
    about: str
    fields: tuple[Field, ...]
    start: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()


# ------------------------------------------------------------------ numbers and times

_ANY = Mode("any", N_("any"))
_AT_LEAST = Mode("at_least", N_("at least"), {"at_least": "a"})
_AT_MOST = Mode("at_most", N_("at most"), {"at_most": "a"})
_EXACTLY = Mode("exactly", N_("exactly"), {"at_least": "a", "at_most": "a"})
_BETWEEN = Mode("between", N_("between"), {"at_least": "a", "at_most": "b"})
_ENDS = (_AT_LEAST, _AT_MOST, _EXACTLY, _BETWEEN)
NUMBER = (_ANY, *_ENDS)
TIMES = (
    Mode("once", N_("at least once"), {"at_least": 1}),
    Mode("never", N_("never"), {"at_most": 0}),
    *_ENDS,
)
AHEAD = (
    Mode("today", N_("today"), {"at_least": 0, "at_most": 0}),
    Mode("next", N_("in the next"), {"at_least": 0, "at_most": "a"}),
    Mode("between", N_("in from … to …"), {"at_least": "a", "at_most": "b"}),
)
MAYBE_AHEAD = (_ANY, *AHEAD)
DUE = (
    Mode("next", N_("in the next"), {"at_least": 0, "at_most": "a"}),
    Mode("by", N_("overdue, or in the next"), {"at_most": "a"}),
    Mode("late", N_("overdue"), {"at_most": -1}),
    Mode("between", N_("in from … to …"), {"at_least": "a", "at_most": "b"}),
)
WHEN = (
    Mode("ever", N_("at any time")),
    Mode("last", N_("in the last"), {"within_days": "a"}),
    Mode("ago", N_("longer ago than"), {"before_days": "a"}),
    Mode("between", N_("from … to … days ago"), {"before_days": "a", "within_days": "b"}),
    Mode("since", N_("since"), {"since": "c"}),
    Mode("until", N_("until"), {"until": "d"}),
    Mode("dates", N_("between the days"), {"since": "c", "until": "d"}),
    Mode("all", N_("all of these"),
         {"before_days": "a", "within_days": "b", "since": "c", "until": "d"}),
)  # fmt: skip
DAYS = N_("days")


def _number(path: str, label: str, modes: tuple[Mode, ...] = NUMBER, unit: str = "",
            **more: Any) -> Field:  # fmt: skip
    return Field(path, label, "number", modes=modes, unit=unit, **more)


def _when(path: str = "when", label: str = N_("When"), **more: Any) -> Field:
    return Field(path, label, "number", modes=WHEN, unit=DAYS, **more)


def _goods(*, is_more: bool) -> tuple[Field, ...]:
    return (
        Field("goods.categories", N_("Categories"), "words", "categories", is_more=is_more,
              hint=N_("None: any. Several: any of them.")),
        Field("goods.brands", N_("Brands"), "words", "brands", is_more=True),
        Field("goods.skus", N_("Products"), "words", "products", is_more=True,
              hint=N_("By name or article number.")),
    )  # fmt: skip


_CHANNELS = Field("channels", N_("Where"), "words", "channels", is_more=True)
_TIMES = _number("times", N_("How often"), TIMES, N_("times"))
MONEY = "money"  # the store's currency stands beside it
_MONTHS_3 = {"within_days": 90}

# ------------------------------------------------------------------ the conditions

_BUYING = (
    Leaf("bought", "receipt", N_("Bought goods"),
         N_("What, how often, when and for how much; or what they never bought."),
         (*_goods(is_more=False), _TIMES, _when(),
          _number("spent", N_("Spent on it"), unit=MONEY, is_more=True),
          _number("pieces", N_("Pieces"), unit=N_("pieces"), is_more=True), _CHANNELS),
         {"when": _MONTHS_3}),
    Leaf("orders", "package", N_("Orders in all"),
         N_("Number and sum of all orders, the first and the last one."),
         (_number("times", N_("Number of orders")),
          _number("spent", N_("Spent in all"), unit=MONEY),
          _when("last", N_("Last order")),
          _when("first", N_("First order"), is_more=True),
          _number("average", N_("An order on average"), unit=MONEY, is_more=True)),
         {"times": {"at_least": 2}}, ("times", "spent", "last", "first", "average")),
    Leaf("visited", "eye", N_("Visited"),
         N_("Looked at goods or pages of the website or the app."),
         (*_goods(is_more=False),
          Field("pages", N_("Addresses that begin with"), "words", is_more=True,
                hint=N_("Such as /sale.")),
          _TIMES, _when(), _CHANNELS),
         {"when": {"within_days": 30}}),
    Leaf("cart", "shopping-cart", N_("Left a cart"),
         N_("Something lies in it and waits."),
         (*_goods(is_more=True), _number("total", N_("Worth"), unit=MONEY),
          _number("hours", N_("Left"), unit=N_("hours ago")))),
    Leaf("rfm", "star", N_("Kind of customer"),
         N_("Worked out of how lately, how often and for how much they buy."),
         (Field("classes", N_("Any of these"), "choices", options=RFM),),
         {"classes": ["best"]}, ("classes",)),
    Leaf("due", "clock", N_("Will buy again"),
         N_("When their next purchase is expected, from the rhythm of the earlier ones."),
         (Field("category", N_("Category"), "choice", "categories",
                hint=N_("Empty: anything.")),
          _number("in_days", N_("Expected"), DUE, DAYS)),
         {"in_days": {"at_least": 0, "at_most": 7}}),
)  # fmt: skip
_PERSON = (
    Leaf("place", "map-pin", N_("Place"), N_("City, region or country."),
         (Field("cities", N_("Cities"), "words", "cities"),
          Field("regions", N_("Regions"), "words", "regions", is_more=True),
          Field("countries", N_("Countries"), "words", "countries", is_more=True)),
         needs=("cities", "regions", "countries")),
    Leaf("age", "user", N_("Age"), N_("Of those who told their birthday."),
         (_number("years", N_("Age"), _ENDS, N_("years")),),
         {"years": {"at_least": 18, "at_most": 35}}),
    Leaf("sex", "users", N_("Women or men"), N_("Of those who said it."),
         (Field("sex", N_("They are"), "choice",
                options={"f": N_("women"), "m": N_("men"), "unknown": N_("not known")}),),
         {"sex": "f"}),
    Leaf("birthday", "gift", N_("Birthday"), N_("Is soon, by the store's calendar."),
         (_number("in_days", N_("Birthday"), AHEAD, DAYS),),
         {"in_days": {"at_least": 0, "at_most": 7}}),
    Leaf("children", "users", N_("Children"), N_("Their age, their birthdays, how many."),
         (_number("years", N_("Age of a child"), unit=N_("years")),
          _number("birthday_in_days", N_("Birthday of a child"), MAYBE_AHEAD, DAYS),
          _number("number", N_("How many"), unit=N_("children"), is_more=True))),
    Leaf("language", "language", N_("Language"), N_("Which they chose for our texts."),
         (Field("languages", N_("Languages"), "words", "languages"),), needs=("languages",)),
    Leaf("origin", "login", N_("Came by"), N_("An order, a form, an import, and when."),
         (Field("origins", N_("Came through"), "words", "origins"),
          Field("notes", N_("Which one"), "words", "notes", is_more=True,
                hint=N_("Which form, keyword, import or connection: form/3.")),
          _when())),
    Leaf("field", "list-check", N_("Own field"), N_("What you keep of a customer besides."),
         (Field("key", N_("Field"), "choice", "fields"),
          Field("words", N_("Is one of"), "words", "field", of=("text", "choice"),
                hint=N_("None: it is filled in.")),
          _number("number", N_("It is"), of=("number",)),
          _when("when", N_("Was"), of=("date",)),
          _number("in_days", N_("Will be"), MAYBE_AHEAD, DAYS, of=("date",)),
          Field("yes", N_("It is"), "choice", of=("yes_no",),
                options={"": N_("filled in"), "yes": N_("yes"), "no": N_("no")})),
         needs=("key",)),
)  # fmt: skip
_TEXTS = (
    Leaf("texts", "message", N_("Our offers"),
         N_("Got them, tapped a link, answered; or did not."),
         (Field("what", N_("They"), "choice",
                options={"clicked": N_("tapped a link"), "replied": N_("answered"),
                         "delivered": N_("received one"), "sent": N_("were sent one"),
                         "failed": N_("could not be reached")}),
          _TIMES, _when(), Field("campaign", N_("Campaign"), "choice", "campaigns", is_more=True)),
         {"what": "clicked", "when": _MONTHS_3}),
    Leaf("permission", "shield-check", N_("Permission"),
         N_("What they said of offers, of a topic or of a category."),
         (Field("scope", N_("About"), "choice", "scopes"),
          Field("states", N_("They"), "choices", options=STATES)),
         {"scope": "marketing", "states": ["in"]}, ("states",)),
    Leaf("reach", "phone", N_("Can be reached"), N_("By text or by e-mail."),
         (Field("channel", N_("They have"), "choice",
                options={"sms": N_("a phone number"), "email": N_("an e-mail address")}),),
         {"channel": "sms"}),
    Leaf("offer", "gift", N_("Promo code"), N_("Was given one of your offers; used it, or not."),
         (Field("offer", N_("Offer"), "choice", "offers"),
          Field("used", N_("And"), "choice",
                options={"": N_("whether used or not"), "yes": N_("used it"),
                         "no": N_("have not used it yet")})),
         needs=("offer",)),
    Leaf("segment", "filter", N_("Saved segment"), N_("Are in another segment."),
         (Field("segment", N_("Segment"), "choice", "segments"),), needs=("segment",)),
)  # fmt: skip
GROUPS: tuple[tuple[str, tuple[Leaf, ...]], ...] = (
    (N_("What they buy"), _BUYING),
    (N_("Who they are"), _PERSON),
    (N_("Offers and segments"), _TEXTS),
)
LEAVES: Mapping[str, Leaf] = {one.leaf: one for _, some in GROUPS for one in some}
