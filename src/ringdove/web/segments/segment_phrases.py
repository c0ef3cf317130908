"""The words of each condition of a segment: one short phrase a leaf, about "them".

Ranges and spans have their words in segment_amounts; how phrases are joined, in segment_words.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ringdove.rules.segments import segments
from ringdove.rules.segments.segments import Goods, Range, Span
from ringdove.web.menu import N_
from ringdove.web.people.people_words import ORIGINS
from ringdove.web.segments import segment_amounts as amounts
from ringdove.web.segments.segment_amounts import amount, counted, span
from ringdove.web.segments.segment_names import CHANNELS, Names
from ringdove.web.speech import Speech
from ringdove.web.store.places import language_name

NAMED_MAX = 8

RFM: Mapping[str, str] = {
    "best": N_("best customers"),
    "loyal": N_("loyal customers"),
    "promising": N_("promising customers"),
    "new": N_("new customers"),
    "fading": N_("buy less than they did"),
    "at_risk": N_("good customers who are about to leave"),
    "lost": N_("lost customers"),
    "never_bought": N_("never bought"),
}
SEXES: Mapping[str, str] = {
    "f": N_("are women"),
    "m": N_("are men"),
    "unknown": N_("did not say whether they are women or men"),
}
TEXTS: Mapping[str, tuple[str, str]] = {  # so it was; so it never was
    "sent": (N_("were sent an offer"), N_("were sent no offer")),
    "delivered": (N_("received an offer"), N_("received no offer")),
    "failed": (N_("could not be reached by an offer"), N_("were never missed by an offer")),
    "clicked": (N_("tapped a link of an offer"), N_("tapped no link of an offer")),
    "replied": (N_("answered an offer"), N_("did not answer an offer")),
}
STATES: Mapping[str, str] = {
    "in": N_("said yes"),
    "asked": N_("not confirmed yet"),
    "out": N_("said no"),
    "none": N_("never asked"),
}
REACH: Mapping[str, str] = {
    "sms": N_("have a phone number"),
    "email": N_("have an e-mail address"),
}


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks, of which store; of what is left out "ever" is said."""

    speech: Speech
    names: Names
    is_denied: bool

    def _(self, text: str, **values: Any) -> str:
        return self.speech.gettext(text, **values)

    def either(self, words: Iterable[str]) -> str:
        """ "a, b or c"; of a long list only the first."""
        named = list(words)
        more = len(named) - NAMED_MAX
        if more > 1:
            rest = self.speech.ngettext("%(num)s more", "%(num)s more", more)
            named = [*named[:NAMED_MAX], rest]
        head = ", ".join(named[:-1])
        return f"{head}{self._(' or ')}{named[-1]}" if head else named[-1]

    def quoted(self, words: Iterable[str]) -> str:
        return self.either(self._("“%(name)s”", name=one) for one in words)

    def when(self, when: Span) -> str:
        return span(self.speech, when) or (self._("ever") if self.is_denied else "")

    def times(self, times: Range) -> str:
        """Once is what the verb says already, and never too."""
        if times == segments.ONCE or _never(times):
            return ""
        return counted(self.speech, times, amounts.TIMES)

    def money(self, number: Range | None) -> str:
        return amount(self.speech, number, self.names.currency) if number else ""

    def goods(self, goods: Goods) -> str:
        """ "from “Shoes”, of the brand “Nike” or the goods “A-1”"."""
        ngettext = self.speech.ngettext
        kinds = [
            ngettext("from %(what)s", "from %(what)s", len(goods.categories),
                     what=self.quoted(goods.categories)) if goods.categories else "",
            ngettext("of the brand %(what)s", "of the brands %(what)s", len(goods.brands),
                     what=self.quoted(goods.brands)) if goods.brands else "",
            ngettext("the product %(what)s", "the products %(what)s", len(goods.skus),
                     what=self.quoted(goods.skus)) if goods.skus else "",
        ]  # fmt: skip
        return self._(" or ").join(one for one in kinds if one)

    def channels(self, channels: tuple[str, ...]) -> str:
        named = [self._(CHANNELS[one]) if one in CHANNELS else one for one in channels]
        return self._("over %(channels)s", channels=self.either(named)) if named else ""


def _joined(*said: str, by: str = " ") -> str:
    return by.join(one for one in said if one)


def _never(times: Range) -> bool:
    return times.at_most == 0


def _bought(one: segments.Bought, to: Voice) -> str:
    verb = to._("did not buy") if _never(one.times) else to._("bought")
    pieces = counted(to.speech, one.pieces, amounts.PIECES) if one.pieces else ""
    spent = to.money(one.spent)
    return _joined(
        verb, pieces, to.goods(one.goods), to._("for %(sum)s", sum=spent) if spent else "",
        to.times(one.times), to.channels(one.channels),
        to.when(one.when),
    )  # fmt: skip


def _orders(one: segments.Orders, to: Voice) -> str:
    spent, average = to.money(one.spent), to.money(one.average)
    times = counted(to.speech, one.times, amounts.TIMES) if one.times else ""
    if one.times and _never(one.times):
        ordered = to._("never ordered")
    else:
        ordered = to._("ordered %(times)s in all", times=times) if times else ""
    first, last = (span(to.speech, when) if when else "" for when in (one.first, one.last))
    said = _joined(
        ordered,
        to._("spent %(sum)s in all", sum=spent) if spent else "",
        to._("spend %(sum)s an order", sum=average) if average else "",
        to._("ordered first %(when)s", when=first) if first else "",
        to._("ordered last %(when)s", when=last) if last else "",
        by=", ",
    )
    return said or to._("whatever they ordered")


def _visited(one: segments.Visited, to: Voice) -> str:
    goods, pages = to.goods(one.goods), one.pages
    never = _never(one.times)
    if goods:
        verb = to._("did not look at goods") if never else to._("looked at goods")
    else:
        verb = to._("did not visit the shop") if never else to._("visited the shop")
    return _joined(
        verb, goods,
        to._("on pages that begin with %(pages)s", pages=to.either(pages)) if pages else "",
        to.times(one.times), to.channels(one.channels), to.when(one.when),
    )  # fmt: skip


def _cart(one: segments.CartLeft, to: Voice) -> str:
    goods, total = to.goods(one.goods), to.money(one.total)
    hours = counted(to.speech, one.hours, amounts.HOURS_AGO) if one.hours else ""
    return _joined(
        to._("left a cart"), to._("with goods %(goods)s", goods=goods) if goods else "",
        to._("worth %(sum)s", sum=total) if total else "", hours,
    )  # fmt: skip


def _place(one: segments.Place, to: Voice) -> str:
    ngettext, known = to.speech.ngettext, to.speech.locale.territories
    countries = [known.get(code.upper(), code) for code in one.countries]
    said = _joined(
        ngettext("live in %(what)s", "live in %(what)s", len(one.cities),
                 what=to.either(one.cities)) if one.cities else "",
        ngettext("live in the region %(what)s", "live in the regions %(what)s", len(one.regions),
                 what=to.either(one.regions)) if one.regions else "",
        ngettext("live in the country %(what)s", "live in the countries %(what)s",
                 len(countries), what=to.either(countries)) if countries else "",
        by=", ",
    )  # fmt: skip
    return said or to._("live anywhere")


def _age(one: segments.Age, to: Voice) -> str:
    years = counted(to.speech, one.years, amounts.YEARS)
    return to._("are %(years)s", years=years) if years else to._("told their birthday")


def _birthday(one: segments.Birthday, to: Voice) -> str:
    days = amounts.ahead(to.speech, one.in_days)
    return to._("have their birthday %(when)s", when=days) if days else to._("told their birthday")


def _children(one: segments.Children, to: Voice) -> str:
    number = counted(to.speech, one.number, amounts.CHILDREN) if one.number else ""
    years = counted(to.speech, one.years, amounts.YEARS) if one.years else ""
    days = amounts.ahead(to.speech, one.birthday_in_days) if one.birthday_in_days else ""
    child = _joined(
        years,
        to._("whose birthday is %(when)s", when=days) if days else "",
        by=", ",
    )
    said = _joined(
        to._("have %(number)s", number=number) if number else "",
        to._("have a child %(child)s", child=child) if child else "",
        by=", ",
    )
    return said or to._("have children")


def _language(one: segments.Language, to: Voice) -> str:
    own = to.speech.language
    named = [language_name(code, own) if code else to._("none chosen") for code in one.languages]
    return to._("chose a language: %(languages)s", languages=to.either(named or ["–"]))


def _origin(one: segments.Origin, to: Voice) -> str:
    origins = [to._(ORIGINS[one]) if one in ORIGINS else one for one in one.origins]
    return _joined(
        to._("came by %(origins)s", origins=to.either(origins)) if origins else to._("came"),
        f"({to.either(one.notes)})" if one.notes else "",
        span(to.speech, one.when),
    )


def _field(one: segments.OwnFieldIs, to: Voice) -> str:
    known = to.names.fields.get(one.key)
    what = _joined(
        to.quoted(one.words) if one.words else "",
        amount(to.speech, one.number) if one.number else "",
        span(to.speech, one.when) if one.when else "",
        amounts.ahead(to.speech, one.in_days) if one.in_days else "",
        "" if one.yes is None else to._("yes") if one.yes else to._("no"),
        by=", ",
    )
    said = what or to._("is filled in")
    return f"{known.title if known else one.key}: {said}"


def _texts(one: segments.Texts, to: Voice) -> str:
    name = None if one.campaign is None else to.names.campaigns.get(one.campaign, one.campaign)
    return _joined(
        to._(TEXTS[one.what][_never(one.times)]),
        "" if name is None else to._("of the campaign “%(name)s”", name=name),
        to.times(one.times), to.when(one.when),
    )  # fmt: skip


def _permission(one: segments.Permission, to: Voice) -> str:
    kind, _, key = one.scope.partition("/")
    if kind == "topic" and key:
        what = to._("Topic “%(name)s”", name=to.names.topics.get(key, key))
    elif kind == "category" and key:
        what = to._("Offers about “%(name)s”", name=key)
    else:
        what = to._("Offers")
    return f"{what}: {to.either(to._(STATES[state]) for state in one.states)}"


def _offer(one: segments.Offered, to: Voice) -> str:
    name = to.names.offers.get(one.offer, str(one.offer))
    if one.used is None:
        return to._("were given “%(name)s”", name=name)
    if one.used:
        return to._("used “%(name)s”", name=name)
    return to._("were given “%(name)s” and have not used it yet", name=name)


def _rfm(one: segments.Rfm, to: Voice) -> str:
    return to._(
        "by their purchases: %(classes)s",
        classes=to.either(to._(RFM[kind]) for kind in one.classes),
    )


def _due(one: segments.Due, to: Voice) -> str:
    goods = to.goods(Goods(categories=(one.category,))) if one.category else ""
    days = amounts.ahead(to.speech, one.in_days)
    return _joined(to._("are expected to buy again"), goods, days or to._("some day"))


def _segment(one: segments.InSegment, to: Voice) -> str:
    name = to.names.segments.get(one.segment)
    if name is None:
        return to._("are in a segment that is no more")
    return to._("are in the segment “%(name)s”", name=name)


_PHRASES: Mapping[type, Callable[[Any, Voice], str]] = {
    segments.Bought: _bought,
    segments.Orders: _orders,
    segments.Visited: _visited,
    segments.CartLeft: _cart,
    segments.Place: _place,
    segments.Age: _age,
    segments.Sex: lambda one, to: to._(SEXES[one.sex]),
    segments.Birthday: _birthday,
    segments.Children: _children,
    segments.Language: _language,
    segments.Origin: _origin,
    segments.OwnFieldIs: _field,
    segments.Texts: _texts,
    segments.Permission: _permission,
    segments.Reach: lambda one, to: to._(REACH[one.channel]),
    segments.Offered: _offer,
    segments.Rfm: _rfm,
    segments.Due: _due,
    segments.InSegment: _segment,
}


def phrase(leaf: segments.Node, to: Voice) -> str:
    """One condition in words."""
    return _PHRASES[type(leaf)](leaf, to)
