"""Routes, senders, limits and prices in the reader's words: what the page Routes and money says."""

from collections.abc import Mapping, Sequence
from datetime import date

from ringdove.rules.sending import senders
from ringdove.rules.sending.routes import Gateway, Route, Way
from ringdove.rules.sending.senders import NoSender, Own
from ringdove.rules.sending.spending import Limit
from ringdove.web.menu import N_
from ringdove.web.reasons import reason_words
from ringdove.web.speech import Speech
from ringdove.web.store import places

REJECTED: Mapping[str, str] = {  # rules/price_files.Reason
    "no_price": N_("There is no price."),
    "price_unreadable": N_("The price is no number."),
    "price_impossible": N_("No text can cost that: look for a misplaced point."),
    "no_target": N_("Neither a prefix nor a country."),
    "prefix_unreadable": N_("The prefix is not made of digits."),
    "country_unknown": N_("No country is called so."),
    "other_currency": N_("Another currency than the other rows."),
    "twice": N_("Another price for the same stands above."),
}


def country(say: Speech, code: str) -> str:
    """A country by its name."""
    if not code:
        return say.gettext("everywhere else")
    return dict(places.countries(say.language)).get(code, code)


def whom(say: Speech, route: Route) -> str:
    """Which texts a route is for: "Belarus: MTS, life:)"."""
    if route.networks:
        code = next(iter(route.countries), "")
        names = ", ".join(sorted(network.partition("/")[2] for network in route.networks))
        return f"{country(say, code)}: {names}"
    if route.countries:
        return ", ".join(sorted(country(say, code) for code in route.countries))
    return say.gettext("All countries")


def classes(say: Speech, names: Sequence[str] | frozenset[str]) -> str:
    """Service, marketing, or both."""
    if set(names) == {"marketing"}:
        return say.gettext("Marketing")
    return say.gettext("Service") if set(names) == {"service"} else ""


def order(say: Speech, named: Sequence[str], pick: str = "order") -> str:
    """ "A, then B", or "the cheapest of A, B"."""
    if pick == "price" and len(named) > 1:
        return say.gettext("the cheapest of %(names)s", names=", ".join(named))
    if pick == "delivery" and len(named) > 1:
        return say.gettext("the one that delivers best of %(names)s", names=", ".join(named))
    return say.gettext(", then ").join(named)


def sender_kinds(say: Speech) -> dict[str, str]:
    """What a route may ask of the sender."""
    _ = say.gettext
    return {
        "": _("Any sender"),
        "number": _("Only under a number: it can be answered"),
        "name": _("Only under a name"),
    }


def rule(say: Speech, code: str, today: date) -> str:
    """What a country asks of senders; "" when nothing."""
    _ = say.gettext
    found = senders.rule_of(code, today)
    said = {
        "none": _("Names are not carried there: a number is needed."),
        "blocked": _("Names that are not in the country's register are blocked."),
        "registered": _("Operators ask for names to be registered before they are used."),
        "free": "",
    }[found.names]
    if found.must_answer:
        said += " " + _("Advertising must come from a number that can be told STOP.")
    ahead = senders.COUNTRIES.get(code)
    if ahead and ahead.since and ahead.since > today:
        day = say.day(ahead.since)
        said = _("From %(day)s on, names must be in the country's register.", day=day)
    return said.strip()


def sender_states(say: Speech) -> dict[str, tuple[str, str]]:
    """The states of a sender: a word and its tone."""
    _ = say.gettext
    return {
        "ready": (_("in use"), "ok"),
        "asked": (_("registration asked"), "wait"),
        "refused": (_("refused there"), "bad"),
    }


def sender_kind(say: Speech, own: Own) -> str:
    """A number or a name, and what that means."""
    try:
        kind = senders.kind_of(own.sender)
    except senders.SenderWrong:
        return ""
    number, name = say.gettext("number"), say.gettext("name, cannot be answered")
    return number if kind == "number" else name


def limit(say: Speech, one: Limit) -> str:
    """What a limit is called."""
    _ = say.gettext
    return {
        ("day", "marketing"): _("Marketing, a day"),
        ("day", "all"): _("All texts, a day"),
        ("month", "marketing"): _("Marketing, a month"),
        ("month", "all"): _("All texts, a month"),
    }[one.period, one.classes]


def why_way(say: Speech, way: Way | NoSender | None, routes: Sequence[Route]) -> str:
    """Why a text goes this way, in a sentence."""
    _ = say.gettext
    if way is None:
        return _("There is no gateway for texts.")
    if isinstance(way, NoSender):
        return reason_words(say, way.reason)
    kind, _slash, number = way.reason.partition("/")
    if kind == "route":
        place = next((n for n, one in enumerate(routes, 1) if str(one.id) == number), 0)
        return _("Rule %(number)s says so.", number=place)
    return _("No rule speaks of it: the gateways in their own order.")


def names_of(gateway_ids: Sequence[int], named: Mapping[int, str]) -> list[str]:
    """Gateways by their names, without those that are gone."""
    return [named[one] for one in gateway_ids if one in named]


def state_of(say: Speech, gateway: Gateway) -> str:
    """Why a gateway is passed over just now; "" when it is not."""
    if gateway.is_paused:
        return say.gettext("paused")
    return say.gettext("not connected") if gateway.is_down else ""
