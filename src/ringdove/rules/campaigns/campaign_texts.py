"""The words of a campaign for each of its people: name, code, own link, parts counted (R25, R29).

Whatever render() makes one by one is made here by the page: where a template only names values, it
becomes a form whose words are fixed, and filling it costs half a microsecond. Both say the same;
tests hold them equal.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import repeat
from operator import itemgetter
from typing import NamedTuple

from ringdove.rules import texts
from ringdove.rules.campaigns import campaigns
from ringdove.rules.campaigns.campaign_decisions import Told, Wish, silent
from ringdove.rules.campaigns.campaigns import Plan, link_name
from ringdove.rules.consent import stop_links
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.links import links
from ringdove.rules.offers import offers, rewards
from ringdove.rules.scenes import Store
from ringdove.rules.surveys import asking
from ringdove.rules.surveys.surveys import Survey

Keyed = Callable[[str], str]


class Text(NamedTuple):
    """What is said to one person, and what it takes to say it."""

    subject: str
    body: str
    encoding: str
    parts: int


SILENCE = Text("", "", "", 1)


class Made(NamedTuple):
    """A message with its words, or a silence (then `text` is SILENCE)."""

    id: int
    wish: Wish
    told: Told
    text: Text


@dataclass(slots=True, eq=False)
class Words:
    """What is said in one variant, language and channel."""

    subject: str
    body: str
    asked: frozenset[str]  # paths of values
    numbers: tuple[int, ...] = ()  # of the plan's links that it names
    constant: Mapping[str, str] = field(default_factory=dict)  # values that all people share
    # By whether the person has a name: how the body is put together; None: only render() can.
    quick: dict[bool, "Quick | None"] = field(default_factory=dict)

    @property
    def asks_fields(self) -> bool:
        return any(path.startswith("field.") for path in self.asked)


class Quick(NamedTuple):
    """A body whose words are fixed: `said % pick(values)`, values as in Writer._quickly."""

    said: str
    pick: Callable[[tuple[str, ...]], tuple[str, ...]]
    asks_name: bool
    asks_urls: bool  # the way out, or the offer's address


FORM_LINK = "survey.link"
# The values of a quick body, in their order; behind them the plan's links.
PATHS = ("customer.first_name", "customer.name", "offer.code", "stop_url", "offer.link")


@dataclass(slots=True)
class Writer:
    """Says one campaign's words. `address`: under which people reach us; `keyed`: the store's."""

    store: Store
    plan: Plan
    address: str
    link_key: bytes
    keyed: Keyed
    offer: Reward | None = None
    gathered_at: datetime | None = None  # what an offer's end is counted from
    survey: Survey | None = None  # that it asks
    words: dict[tuple[int, str, str], Words] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, variant in enumerate(self.plan.variants):
            for language, said in variant.words.items():
                if said.sms:
                    self._learn(number, language, "sms", "", said.sms)
                if said.body:
                    self._learn(number, language, "email", said.subject, said.body)

    def _learn(self, variant: int, language: str, channel: str, subject: str, body: str) -> None:
        if channel not in campaigns.channels_of(self.plan):
            return
        asked = frozenset(texts.variables(subject) | texts.variables(body))
        numbers = tuple(n for n, name in enumerate(self.link_names) if name in asked)
        constant = {path: v for path, v in self._constant(language).items() if path in asked and v}
        self.words[variant, language, channel] = Words(subject, body, asked, numbers, constant)

    def _constant(self, language: str) -> dict[str, str]:
        store, told = self.store, dict[str, str]()
        if self.offer and self.gathered_at:
            told = offers.values(
                self.offer, language, store.currency, store.time_zone, self.gathered_at
            )
        return {
            "shop.name": store.name, "shop.url": store.website, "shop.phone": store.phone,
            "shop.email": store.email, **{f"offer.{name}": said for name, said in told.items()},
            **{f"survey.{name}": said for name, said in self._asked(language).items()},
        }  # fmt: skip

    def _asked(self, language: str) -> dict[str, str]:
        return asking.values(self.survey, language) if self.survey else {}

    @property
    def link_names(self) -> list[str]:
        """What a message's own links are called in its texts, those of the plan first."""
        names = [link_name(number) for number in range(len(self.plan.links))]
        return [*names, FORM_LINK] if self.survey else names

    def asks(self, variant: int, language: str, channel: str) -> bool:
        """Whether these words ask the campaign's survey."""
        words = self.words.get((variant, language, channel))
        asked = words.asked if words else ()
        return self.survey is not None and any(path.startswith("survey.") for path in asked)

    @property
    def asks_fields(self) -> bool:
        """Whether any text names a field of the store's own."""
        return any(one.asks_fields for one in self.words.values())

    @property
    def asks_code(self) -> bool:
        """Whether any text names an offer's code."""
        return any("offer.code" in one.asked for one in self.words.values())

    def _links_of(self, message_ids: Sequence[int]) -> list[list[str]]:
        """By name of the link, those of these messages; "" where no text names it."""
        said = {n for one in self.words.values() for n in one.numbers}
        store, found = self.store, []
        for n, name in enumerate(self.link_names):
            number, prefix = n, links.prefix_of(store, self.address)
            if name == FORM_LINK:
                number, prefix = links.OF_FORM, links.form_prefix_of(store, self.address)
            tokens = links.tokens(store.id, message_ids, number, self.link_key) if n in said else ()
            found.append([prefix + one for one in tokens] or [""] * len(message_ids))
        return found

    def write(self, wish: Wish, own_links: Iterable[str], code: str) -> Text:
        """The text of one wish that is said. `own_links`: of all links of the plan; `code`: of the
        offer. Raises texts.TextTooLong."""
        words = self.words[wish.variant, wish.language, wish.channel]
        body = self._quickly(words, wish, own_links, code)
        if body is None or wish.channel == "email":
            values = self._values(words, wish, own_links, code)
            body = filled(words.body, values)
            if wish.channel == "email":
                return Text(filled(words.subject, values), body, "", 1)
        way = wish.carrier.way
        encoding, _, parts, _ = texts.measure(body, way.gateway.shift if way else "")
        return tuple.__new__(Text, ("", body, encoding, parts))

    def _quickly(self, words: Words, wish: Wish, own_links: Iterable[str], code: str) -> str | None:
        """The body where it is put together by a form; None: it has to be rendered."""
        person = wish.person
        name = person.name
        has_name = bool(name)
        if has_name not in words.quick:
            words.quick[has_name] = self._quick(words, has_name)
        quick = words.quick[has_name]
        if quick is None:
            return None
        first = _calm_first(name) if quick.asks_name else name
        if first is None:
            return None
        stop_url = offer_link = ""
        if quick.asks_urls:
            stop_url, offer_link = self._own_urls(words, person.id)
        return quick.said % quick.pick((first, name, code, stop_url, offer_link, *own_links))

    def _quick(self, words: Words, has_name: bool) -> Quick | None:
        """How bodies of people with a name, or without, are put together."""
        if words.asks_fields or not all(map(texts.is_calm, words.constant.values())):
            return None
        if "offer.code" in words.asked and not (self.offer and _has_calm_codes(self.offer)):
            return None
        asks_urls = bool({"stop_url", "offer.link"} & words.asked)
        if asks_urls and not self.address:
            return None
        paths = [*PATHS, *self.link_names]
        there = {path for path in paths if path in words.asked}
        if not has_name:
            there -= {"customer.first_name", "customer.name"}
        form = texts.form_of(words.body, frozenset(there | words.constant.keys()))
        if form is None:
            return None
        # What all people share is said now; signs of per cent stay doubled.
        said = form.said.replace("%%", "%%%%") % tuple(
            words.constant[path].replace("%", "%%") if path in words.constant else "%s"
            for path in form.names
        )
        names = [path for path in form.names if path not in words.constant]
        asks_name = any(path.startswith("customer.") for path in names)
        return Quick(said, _picker([paths.index(path) for path in names]), asks_name, asks_urls)

    def _own_urls(self, words: Words, contact_id: int) -> tuple[str, str]:
        stop_url = offer_link = ""
        if "stop_url" in words.asked and self.address:
            stop_url = stop_links.url_of(self.address, self.store.id, contact_id, self.keyed)
        if "offer.link" in words.asked and self.offer and self.address:
            offer_link = rewards.link_of(
                self.address, self.store.id, self.offer.id, contact_id, self.keyed
            )
        return stop_url, offer_link

    def made(
        self, wishes: Sequence[Wish], ids: Sequence[int], codes: Mapping[int, str]
    ) -> Iterator["Made"]:
        """Messages and silences of a page, in its order. `ids`: theirs; `codes`: of the offer, by
        person."""
        said = [one for one, wish in zip(ids, wishes, strict=True) if wish.told.is_said]
        own_links = zip(*self._links_of(said), strict=True) if self.link_names else repeat(())
        needs_code = self.asks_code
        new = tuple.__new__
        for wish, message_id in zip(wishes, ids, strict=True):
            told = wish.told
            if not told.is_said:
                yield new(Made, (message_id, wish, told, SILENCE))
                continue
            own, code = next(own_links), codes.get(wish.person.id, "")
            if needs_code and not code:
                yield Made(message_id, wish, silent(told, "no_code"), SILENCE)
                continue
            try:
                text = self.write(wish, own, code)
            except texts.TextTooLong:
                yield Made(message_id, wish, silent(told, "too_long"), SILENCE)
                continue
            except texts.TemplateBroken:  # by this person's own values; the others go on (P11)
                yield Made(message_id, wish, silent(told, "broken_text"), SILENCE)
                continue
            yield new(Made, (message_id, wish, told, text))

    def _values(
        self, words: Words, wish: Wish, own_links: Iterable[str], code: str
    ) -> dict[str, str]:
        """Paths of what is there and asked for."""
        asked, person = words.asked, wish.person
        values = dict(words.constant)
        if person.name:
            if "customer.first_name" in asked:
                values["customer.first_name"] = person.name.partition(" ")[0]
            if "customer.name" in asked:
                values["customer.name"] = person.name
        if words.numbers:
            for name, link in zip(self.link_names, own_links, strict=True):
                if link:
                    values[name] = link
        if code:
            values["offer.code"] = code
        stop_url, offer_link = self._own_urls(words, person.id)
        if stop_url:
            values["stop_url"] = stop_url
        if offer_link:
            values["offer.link"] = offer_link
        if person.fields:
            for key, value in person.fields.items():
                if (path := f"field.{key}") in asked and value not in (None, ""):
                    values[path] = str(value)
        return values


def filled(template: str, values: dict[str, str]) -> str:
    """A template with values by their paths."""
    return texts.render(template, nested(values)) if template else ""


@lru_cache(65_536)
def _calm_first(name: str) -> str | None:
    """The first name of a calm name; None: it is not."""
    first = name.partition(" ")[0]
    return first if texts.is_calm(first) and texts.is_calm(name) else None


def _has_calm_codes(offer: Reward) -> bool:
    """Whether we made the codes: letters and digits with a hyphen between, see
    rules/offers/rewards.py."""
    return not offer.from_list and (offer.source != "common" or texts.is_calm(offer.code))


def _picker(places: list[int]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    if len(places) > 1:
        return itemgetter(*places)
    return (lambda values: (values[places[0]],)) if places else (lambda values: ())


def nested(values: Mapping[str, str]) -> dict[str, object]:
    """Paths as Liquid wants them: {"customer.name": …} is {"customer": {"name": …}}."""
    found: dict[str, object] = {}
    for path, value in values.items():
        noun, _, name = path.partition(".")
        if name:
            known = found.setdefault(noun, {})
            assert isinstance(known, dict)
            known[name] = value
        else:
            found[noun] = value
    return found
