"""Which gateway carries a text: routes by country, operator, class and kind of sender; failover.

The first route that fits names all gateways that may be used; without one, every gateway of the
channel by its rank. Of those the first that is well is used and the rest are the failover. What is
paused is left out while anything else is left; what is down stands behind what is well.

Nothing here sends. A text may only be given to another gateway while it surely was not sent (P5).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal, TypeAlias

from ringdove.rules.people import networks, phones
from ringdove.rules.sending.prices import Cost, PriceList, price_of
from ringdove.rules.sending.senders import NoSender, Own, Sender, choose_sender

Again: TypeAlias = Literal["permanent", "later", "throttled"]  # as in gateways/edge.py

LATER_ATTEMPTS_MAX = 3  # "later" so often at one gateway: the next one is tried
WAYS_KEPT_MAX = 4_096


@dataclass(frozen=True, slots=True)
class Gateway:
    """A way out for a channel."""

    id: int
    channel: str
    kind: str
    sender: str = ""
    rank: int = 100
    is_paused: bool = False
    is_down: bool = False
    shift: str = ""  # language whose national tables it takes: fewer parts


@dataclass(frozen=True, slots=True)
class Route:
    """One line of a store's rules. Empty conditions fit everything."""

    id: int
    rank: int
    gateway_ids: tuple[int, ...]
    countries: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()  # BY/MTS
    classes: frozenset[str] = frozenset()
    pick: str = "order"  # order; price: the cheapest first; delivery: the best first
    sender: str = ""  # number, name: only under such a sender

    def fits(self, country: str, network: str, klass: str) -> bool:
        """Whether it speaks of such a text."""
        return (
            (not self.countries or country in self.countries)
            and (not self.networks or network in self.networks)
            and (not self.classes or klass in self.classes)
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """Ids of gateways in the order of their use, and what decided: route/3, rank, none."""

    order: tuple[int, ...]
    reason: str
    sender: str = ""  # the kind that the route asks for


def choose(
    routes: Sequence[Route],
    gateways: Sequence[Gateway],
    country: str,
    network: str,
    klass: str,
    per_part: Mapping[int, Decimal] | None = None,
    shares: Mapping[tuple[int, str], float] | None = None,
) -> Choice:
    """The gateways for a text, of those given (one channel). `routes` come in their order;
    `per_part`: what a part costs over each, for routes that pick by price; `shares`: what each
    delivers by country (rules/sending/quality.py), for those that pick by delivery."""
    known = {one.id: one for one in gateways}
    for route in routes:
        named = [known[one] for one in route.gateway_ids if one in known]
        if named and route.fits(country, network, klass):
            if route.pick == "price":
                named = _cheapest_first(named, per_part or {})
            elif route.pick == "delivery":
                named = _best_first(named, country, shares or {})
            return Choice(_order(named), f"route/{route.id}", route.sender)
    by_rank = sorted(gateways, key=lambda one: (one.rank, one.id))
    return Choice(_order(by_rank), "rank" if by_rank else "none")


def _order(named: Sequence[Gateway]) -> tuple[int, ...]:
    """What is down behind what is well; what is paused only when there is nothing else."""
    in_use = [one for one in named if not one.is_paused] or list(named)
    return tuple(one.id for one in sorted(in_use, key=lambda one: one.is_down))


def _cheapest_first(named: Sequence[Gateway], per_part: Mapping[int, Decimal]) -> list[Gateway]:
    # An unknown price is not a cheap one.
    return sorted(named, key=lambda one: (one.id not in per_part, per_part.get(one.id, Decimal())))


def _best_first(
    named: Sequence[Gateway], country: str, shares: Mapping[tuple[int, str], float]
) -> list[Gateway]:
    # Of those that nobody has used there yet, the route's own order is what its owner believes.
    known = [shares[one.id, country] for one in named if (one.id, country) in shares]
    unseen = sum(known) / len(known) if known else 0.0
    return sorted(named, key=lambda one: -shares.get((one.id, country), unseen))


@dataclass(frozen=True, slots=True)
class Way:
    """How a text goes: over which gateway, under which sender, and what a part of it costs."""

    gateway: Gateway
    sender: str
    country: str
    network: str
    reason: str
    order: tuple[int, ...]  # the failover included


@dataclass(slots=True)
class Ways:
    """All ways out of one store, as they are just now; made by records/sending/routes.load."""

    gateways: tuple[Gateway, ...] = ()  # of all channels, those that are not removed
    routes: tuple[Route, ...] = ()  # by rank; for texts only
    senders: tuple[Own, ...] = ()
    lists: Mapping[int, PriceList] = field(default_factory=dict)  # by gateway
    shares: Mapping[tuple[int, str], float] = field(default_factory=dict)  # delivered, by country
    _kept: dict[tuple[object, ...], Way | NoSender] = field(default_factory=dict)
    _by_channel: dict[str, tuple[Gateway, ...]] = field(default_factory=dict)

    def find(
        self, channel: str, recipient: str, klass: str, today: date, gateway_id: int = 0
    ) -> Way | NoSender | None:
        """The way of a text; None: there is no gateway for the channel; NoSender: none of them has
        a sender that may be used in that country. `gateway_id`: over this one and no other."""
        if gateway_id:
            return self._over(gateway_id, channel, recipient, klass, today)
        if channel != "sms":
            return self._kept_way((channel,), "", "", klass, today, None)
        country = phones.country_of(recipient)
        network = networks.network_of(country, self._operator(recipient))
        # Only prices tell two numbers of one network apart.
        per_part = self.per_part(recipient) if self._by_price else None
        return self._kept_way((channel, network, klass), country, network, klass, today, per_part)

    def _over(
        self, gateway_id: int, channel: str, recipient: str, klass: str, today: date
    ) -> Way | NoSender | None:
        """Whatever the routes say; a paused one carries nothing."""
        there = {one.id: one for one in self.of_channel(channel) if not one.is_paused}
        one = there.get(gateway_id)
        if one is None:
            return None
        if channel != "sms":
            return Way(one, one.sender, "", "", "chosen", (one.id,))
        country = phones.country_of(recipient)
        sender = self.sender_of(one, country, klass, today)
        if isinstance(sender, NoSender):
            return sender
        network = networks.network_of(country, self._operator(recipient))
        return Way(one, sender.text, country, network, "chosen", (one.id,))

    def _kept_way(
        self,
        key: tuple[str, ...],
        country: str,
        network: str,
        klass: str,
        today: date,
        per_part: Mapping[int, Decimal] | None,
    ) -> Way | NoSender | None:
        """Asked once for all texts that are alike: facts come by the thousand."""
        if per_part is not None:
            return self._find(key[0], country, network, klass, today, per_part)
        found = self._kept.get((*key, today))
        if found is None:
            if len(self._kept) >= WAYS_KEPT_MAX:
                self._kept.clear()
            found = self._find(key[0], country, network, klass, today, None)
            if found is not None:
                self._kept[(*key, today)] = found
        return found

    def _find(
        self,
        channel: str,
        country: str,
        network: str,
        klass: str,
        today: date,
        per_part: Mapping[int, Decimal] | None,
    ) -> Way | NoSender | None:
        there = self.of_channel(channel)
        if not there:
            return None
        if channel != "sms":
            chosen = choose((), there, "", "", klass)
            first = self.gateway(chosen.order[0])
            return Way(first, first.sender, "", "", chosen.reason, chosen.order)
        chosen = choose(self.routes, there, country, network, klass, per_part, self.shares)
        why: NoSender | None = None
        for gateway_id in chosen.order:
            one = self.gateway(gateway_id)
            sender = self.sender_of(one, country, klass, today, chosen.sender)
            if isinstance(sender, NoSender):
                why = why or sender
                continue
            return Way(one, sender.text, country, network, chosen.reason, chosen.order)
        return why

    def sender_of(
        self, gateway: Gateway, country: str, klass: str, today: date, wanted: str = ""
    ) -> Sender | NoSender:
        """The sender over this gateway; virtual phones take any."""
        if gateway.kind == "sandbox":
            return Sender(gateway.sender)
        return choose_sender(
            self.senders, country, gateway.id, gateway.sender, klass, today, wanted
        )

    def cost(self, gateway_id: int, recipient: str, parts: int) -> Cost | None:
        """What a text costs over a gateway; None: its list does not say."""
        listed = self.lists.get(gateway_id)
        return price_of(listed, recipient, parts) if listed else None

    @property
    def telling_digits(self) -> int:
        """How many first digits of a number tell its way and its price, beside its country."""
        priced = max((one.prefix_digits for one in self.lists.values()), default=0)
        routed = networks.longest_prefix() if any(one.networks for one in self.routes) else 0
        return max(priced, routed)

    @property
    def _by_price(self) -> bool:
        return any(route.pick == "price" for route in self.routes)

    def per_part(self, recipient: str) -> dict[int, Decimal]:
        """By gateway, where its list has the number."""
        found = {one: listed.price(recipient) for one, listed in self.lists.items()}
        return {one: price.per_part for one, price in found.items() if price}

    def of_channel(self, channel: str) -> tuple[Gateway, ...]:
        """Its gateways, paused ones included."""
        if not self._by_channel:
            for one in self.gateways:
                self._by_channel[one.channel] = (*self._by_channel.get(one.channel, ()), one)
        return self._by_channel.get(channel, ())

    def gateway(self, gateway_id: int) -> Gateway:
        """One of them. Raises KeyError for another."""
        for one in self.gateways:
            if one.id == gateway_id:
                return one
        raise KeyError(gateway_id)

    def _operator(self, recipient: str) -> str:
        # Only a route for an operator makes it worth while to look (see rules/people/networks.py).
        if any(route.networks for route in self.routes):
            return networks.operator_of(recipient)
        return ""


# ------------------------------------------------------------------ failover


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a gateway answered to a text that it surely did not send."""

    reason: str
    again: Again
    attempts: int = 1  # at this gateway, this one included
    opted_out: bool = False


# Refused for what it is, not for where it went: another gateway would have to refuse it too.
OF_THE_TEXT = ("ESME_RINVMSGLEN", "unsayable: ")


def after_refusal(order: Iterable[int], tried: set[int], refusal: Refusal) -> int | None:
    """The gateway that a refused text goes to next; None: it stays where it is.

    `order` is Choice.order, `tried` holds the gateways that have refused it, this one included.
    An operator's "for ever" often means "not over me" (no route, sender unknown), so it is asked
    of the next; a person's own stop and a text that nobody can carry are not.
    """
    if refusal.opted_out or refusal.reason.startswith(OF_THE_TEXT):
        return None
    if refusal.again == "throttled":
        return None  # slow down, then the same again: it is well
    if refusal.again == "later" and refusal.attempts < LATER_ATTEMPTS_MAX:
        return None
    return next((one for one in order if one not in tried), None)
