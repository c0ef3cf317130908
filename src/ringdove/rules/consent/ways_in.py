"""What a store offers to who subscribes: forms, keywords and rewards, as data.

A form states how often texts come and how to refuse before anybody agrees; one that does not can
not be published (R3). What a visitor is shown is made in one place, `shown`, so that the ledger
keeps exactly those words. A keyword by text leads to a form, whose words stand on the poster.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ringdove.rules import languages, replies
from ringdove.rules.policy import Policy

EDITABLE = ("title", "intro", "agree", "frequency", "refusal", "button", "thanks", "welcome")
LETTERS_MAX = {
    "title": 120, "intro": 400, "agree": 400, "frequency": 160, "refusal": 240, "button": 40,
    "thanks": 300, "welcome": 600,
}  # fmt: skip
ASKABLE = ("name", "email", "birthday", "language")
OWN_FIELD = "field/"  # what a field of the shop's own is called in a form: field/size
KEYWORD_MAX = 20
BODY_MAX = 100  # letters; a longer text is no keyword
ASKED_AT_MOST = timedelta(days=1)  # one text a number and day, whatever is typed into forms


@dataclass(frozen=True, slots=True)
class Form:
    """A way in: on its own page, in the shop's pages, behind a keyword."""

    id: int
    token: str
    name: str
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # language → EDITABLE
    topics: tuple[str, ...] = ()  # offered one by one; none: all marketing with one tick
    fields: tuple[str, ...] = ()  # ASKABLE or the shop's own; the phone always
    reward: int = 0
    double: bool | None = None  # None: as the store's policy says
    colour: str = ""
    theme: str = ""  # light, dark; "": as the phone has it
    published: bool = False
    retired: bool = False


@dataclass(frozen=True, slots=True)
class DayGood:
    """A product of one day, in the order of its list (R37)."""

    title: str
    url: str = ""
    price: str = ""  # as it is shown, with its currency
    text: str = ""


@dataclass(frozen=True, slots=True)
class Reward:
    """What is given for subscribing (R6 to R10), and what campaigns offer (R34 to R37, R42)."""

    id: int
    token: str
    name: str
    kind: str  # code, points, page
    source: str = "common"  # of codes: common, own (made for each), pool (imported)
    code: str = ""  # the common one
    prefix: str = ""  # of own ones
    points: int = 0
    only_for: str = ""  # goods that points can be spent on, in the shop's words
    title: str = ""  # of the page
    text: str = ""
    url: str = ""
    phones_only: bool = False  # R9
    registered_only: bool = False  # R8
    valid_days: int = 0  # from the giving; 0: no such end
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    discount: str = ""  # percent, amount, delivery, gift, words; "": nothing is said of it
    worth: Decimal = Decimal(0)  # per cent, or money of the store
    gift: str = ""  # what is given, or the words
    goods_of: str = ""  # skus, categories, brands; "": the whole shop
    goods: tuple[str, ...] = ()
    channel: str = ""  # web, app, social or a marketplace's name; "": wherever they buy (R42)
    subscribers_only: bool = False  # R35
    early_from: datetime | None = None  # for subscribers; all others wait until valid_from (R36)
    daily: tuple[DayGood, ...] = ()  # of a page: one a day, from its first day (R37)
    uses_each: int = 0  # by one person; 0: once for a code of one's own, a common one always
    uses_total: int = 0  # 0: no limit
    frees: bool = False  # a cancelled order gives its code back
    shop: str = ""  # how it knows codes: "" it asks us, coupons we make them in it, file by hand
    connection: int = 0  # in which shop coupons are made
    retired: bool = False

    def ends(self, given_at: datetime) -> datetime | None:
        """When what was given then is over (R34)."""
        own = given_at + timedelta(days=self.valid_days) if self.valid_days else None
        ends = [end for end in (own, self.valid_until) if end]
        return min(ends) if ends else None

    @property
    def by_link(self) -> bool:
        """Whether its text carries a personal link and not the code itself."""
        return self.kind == "page" or self.phones_only

    @property
    def from_list(self) -> bool:
        """Whether its codes are made or imported before they are given."""
        is_made_ahead = self.source == "own" and self.shop != ""
        return self.kind == "code" and (self.source == "pool" or is_made_ahead)

    @property
    def has_own_codes(self) -> bool:
        """Whether a code of it belongs to one person."""
        return self.kind == "code" and self.source != "common"


@dataclass(frozen=True, slots=True)
class Keyword:
    """A word by text that subscribes to what its poster says (R118)."""

    form_id: int
    shown: str  # as the poster has it: SALE
    language: str  # of the poster


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a number was welcomed with: once for ever, by its keyed hash (R10)."""

    phone: str  # never stored: its hash is
    contact_id: int
    form_id: int
    asked_at: datetime | None = None
    welcomed_at: datetime | None = None
    reward_id: int = 0
    given_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """A promo code that was given to a person."""

    code: str
    reward_id: int
    contact_id: int | None
    given_at: datetime
    valid_until: datetime | None
    used_at: datetime | None = None
    used_order: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """An order that was paid with an offer's code."""

    reward_id: int
    order_id: int
    contact_id: int
    code: str
    at: datetime
    freed_at: datetime | None = None  # it was cancelled, and the offer gives codes back


@dataclass(slots=True)
class WaysIn:
    """Those of a store, and what was given of them already to the people at hand."""

    forms: Mapping[int, Form] = field(default_factory=dict)
    keywords: Mapping[str, Keyword] = field(default_factory=dict)  # by folded word
    rewards: Mapping[int, Reward] = field(default_factory=dict)
    welcomes: dict[str, Welcome] = field(default_factory=dict)  # by phone
    rewarded: set[int] = field(default_factory=set)  # people who were given a welcome's reward
    free: dict[int, list[str]] = field(default_factory=dict)  # codes kept for this batch, by reward
    codes: dict[str, Code] = field(default_factory=dict)  # those that orders at hand were paid with
    uses: dict[tuple[int, int], Use] = field(default_factory=dict)  # by reward and order
    number: str = ""  # to which people text


# ------------------------------------------------------------------ what a visitor is shown


@dataclass(frozen=True, slots=True)
class Shown:
    """A form's words in one language, as they stand on the page."""

    title: str
    intro: str
    agree: str
    topics: tuple[tuple[str, str], ...]  # key and words
    frequency: str
    refusal: str
    button: str
    thanks: str

    def words(self, ticked: Sequence[str] = ()) -> str:
        """All of it as the ledger keeps it, with what was ticked (R3)."""
        lines = [self.title, self.intro]
        lines += [f"[x] {self.agree}"] if not self.topics else [self.agree]
        lines += [f"[{'x' if key in ticked else ' '}] {said}" for key, said in self.topics]
        lines += [self.frequency, self.refusal, f"({self.button})"]
        return "\n".join(line for line in lines if line)


def shown(form: Form, shop: str, policy: Policy, language: str) -> Shown:
    """The form in a language: its own words, else the ready ones."""
    own = form.words.get(language, {})
    said = {name: own.get(name, ready) for name, ready in ready_words(form, shop, policy, language)}
    names = languages.phrases(language)["public"]["topics"]
    topics = tuple(
        (key, topic.names.get(language) or names.get(key, key))
        for key in form.topics
        if (topic := policy.topic(key))
    )
    said.pop("welcome")
    return Shown(**said, topics=topics)


def ready_words(form: Form, shop: str, policy: Policy, language: str) -> list[tuple[str, str]]:
    """The words that a form begins with."""
    phrases = languages.phrases(language)
    ready = phrases["public"]["join"]
    most = policy.cap_month or policy.cap_week * 4 or policy.cap_day * 30
    found = dict.fromkeys(EDITABLE, "")
    for name in ("title", "intro", "button", "thanks", "refusal"):
        found[name] = ready[name].replace("{shop}", shop)
    found["agree"] = ready["topics" if form.topics else "agree"].replace("{shop}", shop)
    found["frequency"] = ready["frequency"].replace("{n}", str(most)) if most else ""
    found["welcome"] = phrases["answers"]["welcome"]
    return list(found.items())


def welcome_words(form: Form | None, language: str) -> str:
    """The welcome's template in a language."""
    own = form.words.get(language, {}) if form else {}
    ready: str = languages.phrases(language)["answers"]["welcome"]
    return own.get("welcome", "").strip() or ready


def missing(form: Form, shop: str, policy: Policy, offered: Sequence[str]) -> list[tuple[str, str]]:
    """What must be said before the form may be published: pairs of language and field (R3)."""
    found = []
    for language in offered:
        said = shown(form, shop, policy, language)
        for name in ("title", "agree", "frequency", "refusal", "button"):
            if not getattr(said, name).strip():
                found.append((language, name))
    return found


def poster_words(
    form: Form, shop: str, policy: Policy, word: str, language: str, number: str
) -> str:
    """All that the poster of a keyword says of consent: what, how often, how to refuse (R3)."""
    said = shown(form, shop, policy, language)
    ready: str = languages.phrases(language)["public"]["poster"]["consent"]
    consent = ready.replace("{word}", word).replace("{number}", number).replace("{shop}", shop)
    lines = [said.title, said.intro, consent, *(f"- {text}" for _, text in said.topics)]
    return "\n".join(line for line in [*lines, said.frequency, said.refusal] if line)


# ------------------------------------------------------------------ keywords


def fold(text: str) -> str:
    """A keyword as it is compared: "Sale!", "ЅАLЕ" and "s a l e" are one word."""
    return replies.alike(text)


def keyword_of(keywords: Mapping[str, Keyword], body: str) -> str:
    """The keyword that a text is, courtesies aside, when it is nothing else; "": none."""
    if not keywords or len(body) > BODY_MAX:
        return ""
    courtesies = replies.words_of_all_languages().courtesies
    rest = [word for word in body.split() if word.strip(".,!?;:").lower() not in courtesies]
    for said in (body, " ".join(rest)):
        if (folded := fold(said)) in keywords:
            return folded
    return ""


def wrong_keyword(word: str, taken: Collection[str]) -> str:
    """Why this cannot be a keyword: empty, long, means, taken; "": it can. `taken`: folded."""
    folded = fold(word)
    if len(folded) < 2:
        return "empty"
    if len(word) > KEYWORD_MAX:
        return "long"
    said = replies.read(word)
    if said.intent != "other" or said.value or not any(map(str.isalpha, word)):
        return "means"  # stop, start, help, yes, a rating, or the number of an order
    return "taken" if folded in taken else ""


def form_of(row: Mapping[str, Any]) -> Form:
    """A form from its stored row."""
    told = dict(row["settings"])
    return Form(
        id=row["id"],
        token=row["token"],
        name=row["name"],
        words=told.get("words", {}),
        topics=tuple(told.get("topics", ())),
        fields=tuple(told.get("fields", ())),
        reward=told.get("reward", 0),
        double=told.get("double"),
        colour=told.get("colour", ""),
        theme=told.get("theme", ""),
        published=row["published_at"] is not None,
        retired=row["retired_at"] is not None,
    )


def settings_of(form: Form) -> dict[str, Any]:
    """What of a form is stored as one document."""
    return {
        "words": {language: dict(said) for language, said in form.words.items()},
        "topics": list(form.topics),
        "fields": list(form.fields),
        "reward": form.reward,
        "double": form.double,
        "colour": form.colour,
        "theme": form.theme,
    }


def span_of(
    first: date | None, last: date | None, time_zone: str
) -> tuple[datetime | None, datetime | None]:
    """From the beginning of a first day to the end of a last one, by the clock of a store."""
    zone = ZoneInfo(time_zone)
    begins = datetime.combine(first, time(), zone) if first else None
    ends = datetime.combine(last, time(23, 59, 59), zone) if last else None
    return begins, ends


_IDENTITY = frozenset({"id", "token", "name", "kind", "retired"})
REWARD_SETTINGS = tuple(one.name for one in fields(Reward) if one.name not in _IDENTITY)
_MOMENTS = ("valid_from", "valid_until", "early_from")


def reward_settings(reward: Reward) -> dict[str, Any]:
    """What of a reward is stored as one document."""
    told = {name: getattr(reward, name) for name in REWARD_SETTINGS}
    for name in _MOMENTS:
        told[name] = told[name].isoformat() if told[name] else None
    told["daily"] = [asdict(one) for one in reward.daily]
    return told | {"worth": str(reward.worth), "goods": list(reward.goods)}


def reward_of(row: Mapping[str, Any]) -> Reward:
    """A reward from its stored row."""
    told = dict(row["settings"])
    for name in _MOMENTS:
        if told.get(name):
            told[name] = datetime.fromisoformat(told[name])
    told["worth"] = Decimal(told.get("worth", 0))
    told["goods"] = tuple(told.get("goods", ()))
    told["daily"] = tuple(DayGood(**one) for one in told.get("daily", ()))
    return Reward(
        id=row["id"], token=row["token"], name=row["name"], kind=row["kind"],
        retired=row["retired_at"] is not None, **told,
    )  # fmt: skip
