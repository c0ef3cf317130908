"""Which gateway carries a text, and where it goes when that one refuses or is away (R113, N7)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from ringdove.rules import messages
from ringdove.rules.messages import Letter
from ringdove.rules.people import networks
from ringdove.rules.scenes import Contact
from ringdove.rules.sending.prices import Price, PriceList
from ringdove.rules.sending.routes import (
    LATER_ATTEMPTS_MAX,
    Gateway,
    Refusal,
    Route,
    Way,
    Ways,
    after_refusal,
    choose,
)
from ringdove.rules.sending.senders import NoSender, Own
from tests.rules import scene as scenes

TODAY = date(2026, 11, 22)
A = Gateway(1, "sms", "smpp", "LINDEN", rank=10)
B = Gateway(2, "sms", "smpp", "+375296660000", rank=20)
C = Gateway(3, "sms", "smpp", "1234", rank=30)
MAIL = Gateway(9, "email", "smtp", "Linden <hello@linden.example>")


def _down(one: Gateway) -> Gateway:
    return Gateway(one.id, one.channel, one.kind, one.sender, one.rank, is_down=True)


def _paused(one: Gateway) -> Gateway:
    return Gateway(one.id, one.channel, one.kind, one.sender, one.rank, is_paused=True)


def route(number: int, *gateway_ids: int, **more: object) -> Route:
    given = {
        name: frozenset(value) if isinstance(value, (tuple, set)) else value
        for name, value in more.items()
    }
    return Route(number, number, gateway_ids, **given)  # type: ignore[arg-type]


BY_MTS = route(1, 3, 2, countries=("BY",), networks=("BY/MTS",))
BY = route(2, 2, 1, countries=("BY",))
ITALY = route(3, 1, countries=("IT",), classes=("marketing",))


@pytest.mark.parametrize(
    ("country", "network", "klass", "order", "reason"),
    [
        ("BY", "BY/MTS", "service", (3, 2), "route/1"),
        ("BY", "BY/life:)", "service", (2, 1), "route/2"),
        ("BY", "BY", "marketing", (2, 1), "route/2"),
        ("IT", "IT", "marketing", (1,), "route/3"),
        ("IT", "IT", "service", (1, 2, 3), "rank"),
        ("", "", "service", (1, 2, 3), "rank"),
    ],
)
def test_the_first_route_that_fits_decides(country, network, klass, order, reason):
    """R113: without a route the gateways' own ranks do, whatever order they are given in."""
    chosen = choose([BY_MTS, BY, ITALY], [C, A, B], country, network, klass)
    assert (chosen.order, chosen.reason) == (order, reason)


@pytest.mark.parametrize(
    ("gateways", "order"),
    [
        ([A, B, C], (2, 1)),
        ([A, _paused(B), C], (1,)),  # paused: left out
        ([A, _down(B), C], (1, 2)),  # away: behind what is well
        ([_down(A), _down(B), C], (2, 1)),  # nothing is better: it waits where it belongs
        ([_paused(A), _paused(B), C], (2, 1)),  # all paused: it waits until one is resumed
        ([A, C], (1,)),  # removed
        ([C], (3,)),  # nothing is left of the route: as if it were not there
    ],
)
def test_what_is_paused_away_or_removed(gateways, order):
    """N7: a route names all that may be used; only when none of them is left, the ranks decide."""
    assert choose([BY], gateways, "BY", "BY", "service").order == order


def test_the_cheapest_first_where_a_route_says_so():
    """N6, N7: an unknown price is not a cheap one."""
    cheap = route(1, 1, 2, 3, pick="price")
    prices = {2: Decimal("0.02"), 3: Decimal("0.01")}
    assert choose([cheap], [A, B, C], "BY", "BY", "service", prices).order == (3, 2, 1)
    assert choose([cheap], [A, B, _down(C)], "BY", "BY", "service", prices).order == (2, 1, 3)
    lists = {
        1: PriceList([Price("375", Decimal("0.03"))], "EUR"),
        2: PriceList([Price("37529", Decimal("0.01")), Price("375", Decimal("0.09"))], "EUR"),
    }
    ways = Ways((A, B, C), (cheap,), lists=lists)
    assert found(ways, "+375291112233").order == (2, 1, 3)
    assert found(ways, "+375251112233").order == (1, 2, 3)


def test_the_one_that_delivers_best_first_where_a_route_says_so():
    """N7: by country; who is unseen stands among the others, not before or behind them."""
    best = route(1, 1, 2, 3, pick="delivery")
    seen = {(1, "BY"): 0.80, (2, "BY"): 0.97, (1, "IT"): 0.99, (2, "IT"): 0.5, (3, "IT"): 0.98}

    def order(country: str) -> tuple[int, ...]:
        return choose([best], [A, B, C], country, country, "service", shares=seen).order

    assert order("BY") == (2, 3, 1)
    assert order("IT") == (1, 3, 2)
    assert order("PL") == (1, 2, 3)


def found(ways: Ways, phone: str, klass: str = "service") -> Way:
    way = ways.find("sms", phone, klass, TODAY)
    assert isinstance(way, Way)
    return way


def test_a_way_says_gateway_sender_network_and_cost():
    """N6: parts times the price of the longest prefix; unknown without a list."""
    lists = {2: PriceList([Price("37529", Decimal("0.0125"))], "BYN")}
    ways = Ways((A, B, MAIL), (route(1, 2, countries=("BY",)),), lists=lists)
    way = found(ways, "+375291112233")
    assert (way.gateway, way.sender, way.network, way.reason) == (B, B.sender, "BY", "route/1")
    cost = ways.cost(2, "+375291112233", 3)
    assert cost and (cost.amount, cost.currency) == (Decimal("0.0375"), "BYN")
    assert ways.cost(2, "+390000000000", 3) is None and ways.cost(1, "+375291112233", 1) is None
    mail = ways.find("email", "anna@linden.example", "service", TODAY)
    assert isinstance(mail, Way) and mail.gateway == MAIL and mail.sender == MAIL.sender
    assert Ways((MAIL,)).find("sms", "+375291112233", "service", TODAY) is None


def test_operators_have_the_names_that_people_know():
    assert networks.operator_of("+375291112233") == "A1"
    assert networks.operator_of("+375292112233") == "MTS"
    assert networks.operator_of("+999") == ""
    assert {"A1", "MTS", "life:)"} <= set(networks.operators_in("BY"))


def test_the_operator_is_only_looked_up_for_a_route_that_asks_for_it():
    """The table of prefixes is large; with such a route BY becomes BY/MTS."""
    assert found(Ways((A, B)), "+375292112233").network == "BY"
    ways = Ways((A, B), (route(1, 2, networks=("BY/MTS",)),))
    assert found(ways, "+375292112233").network == "BY/MTS"
    assert found(ways, "+375292112233").gateway == B
    assert found(ways, "+375251112233").gateway == A


def test_a_gateway_without_a_sender_for_the_country_gives_way_to_the_next():
    """R113: names do not go to the US; a number does."""
    assert found(Ways((A, B)), "+12025550123").gateway == B
    assert Ways((A,)).find("sms", "+12025550123", "service", TODAY) == NoSender(
        "sender_needs_number"
    )
    allowed = Ways((A,), senders=(Own("LINDEN", "US"),))
    assert found(allowed, "+12025550123").sender == "LINDEN"


def test_a_chosen_gateway_carries_it_whatever_the_routes_say():
    """A gateway that is not first is tested before it is; a paused one carries nothing."""
    ways = Ways((A, B, _paused(C)), (route(1, 1),), lists={})
    way = ways.find("sms", "+375291112233", "service", TODAY, B.id)
    assert isinstance(way, Way)
    assert (way.gateway, way.sender, way.network, way.order) == (B, B.sender, "BY", (B.id,))
    assert ways.find("sms", "+375291112233", "service", TODAY, C.id) is None
    assert ways.find("sms", "+12025550123", "service", TODAY, A.id) == NoSender(
        "sender_needs_number"
    )


def test_a_route_can_ask_for_a_sender_that_can_be_answered():
    """R79: a number over the first of its gateways that has one."""
    ways = Ways((A, B, C), (route(1, 1, 2, 3, sender="number"),))
    assert found(ways, "+375291112233").gateway == B
    only = Ways((A,), (route(1, 1, sender="number"),))
    assert only.find("sms", "+375291112233", "service", TODAY) == NoSender("sender_no_number")


@pytest.mark.parametrize(
    ("tried", "refusal", "goes_to"),
    [
        ({1}, Refusal("ESME_RINVSRCADR", "permanent"), 2),
        ({1, 2}, Refusal("ESME_RINVDSTADR", "permanent"), 3),
        ({1, 2, 3}, Refusal("ESME_RINVDSTADR", "permanent"), None),
        ({1}, Refusal("ESME_RINVMSGLEN", "permanent"), None),
        ({1}, Refusal("unsayable: no such letter", "permanent"), None),
        ({1}, Refusal("21610", "permanent", opted_out=True), None),
        ({1}, Refusal("ESME_RTHROTTLED", "throttled", attempts=99), None),
        ({1}, Refusal("ESME_RSYSERR", "later", attempts=LATER_ATTEMPTS_MAX - 1), None),
        ({1}, Refusal("ESME_RSYSERR", "later", attempts=LATER_ATTEMPTS_MAX), 2),
        (set(), Refusal("no_route", "permanent"), 1),
    ],
)
def test_where_a_refused_text_goes_next(tried, refusal, goes_to):
    """N7, P5: only what was surely refused, never to one that has refused it, never for ever."""
    assert after_refusal((1, 2, 3), tried, refusal) == goes_to


@pytest.mark.parametrize(("shift", "parts"), [("", 2), ("tr", 1)])
def test_parts_are_counted_as_the_gateway_writes_them(shift: str, parts: int) -> None:
    """N6: a gateway that takes Turkish tables needs fewer parts for the same words."""
    place = scenes.scene()
    place.ways = Ways(gateways=(Gateway(1, "sms", "smpp", "1234", shift=shift),))
    person = Contact(7, "+375291112233", None, scenes.NOON, zones=("Europe/Minsk",))
    letter = Letter(
        person, "sms", "service", "order", "person", {"sms": "ğışç " * 20}, {}, "tr", "test",
        scenes.NOON, scenes.NOON + timedelta(days=1),
    )  # fmt: skip
    messages.speak(place, letter, scenes.NOON)
    (made,) = scenes.messages(place)
    assert made.parts == parts
