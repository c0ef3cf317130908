"""Facts as a shop tells them: orders of many people at different stages of their lives, at once.

Deterministic for a seed. Each order is placed, mostly paid, packed, moved and delivered; some are
cancelled, promised anew or sent back; between them people fill carts, look at pages and write. The
facts of one order lie hours apart, so a batch is about many orders, most of them known already.
"""

import heapq
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ringdove.rules import facts

GOODS = (
    ("Kettle with thermometer", "59.90"), ("Чайник со свистком", "44.50"), ("Cutting board", "18"),
    ("Набор ножей, 5 шт.", "129.00"), ("Tazza da tè", "9.80"), ("Cuchara de madera", "4.20"),
)  # fmt: skip
PEOPLE_PER_ORDER = 0.6  # so that many orders are from people who are known
FACTS_PER_ORDER = 4  # at least; a little more are made than asked for
TOLD_IN = timedelta(hours=1)  # ten days of a shop's life: nothing is too late to be said
HOUR = TOLD_IN / 240
STAGES = (  # (kind, share of orders, hours after the order)
    ("payment", 0.85, 0.1), ("changed", 0.50, 0.2), ("accepted", 0.92, 20), ("promised", 0.30, 22),
    ("moved", 0.15, 40), ("out_for_delivery", 0.80, 44), ("delivered", 0.88, 48),
    ("cancelled", 0.05, 3), ("return", 0.04, 90), ("cart", 0.25, -0.5), ("visit", 0.60, -0.4),
    ("text", 0.02, 49), ("invoice", 0.20, 0.3),
)  # fmt: skip


def told(count: int, now: datetime, seed: int = 1) -> list[facts.Fact]:
    """The first `count` facts of ten days of a shop that end `now`, as they happened. No fact is
    about an order that was not told."""
    chance = random.Random(seed)
    orders = count // FACTS_PER_ORDER + 20
    begins, every = now - TOLD_IN, TOLD_IN / orders
    lives = (_life(n, begins + n * every, orders, chance) for n in range(orders))
    merged = heapq.merge(*lives, key=lambda fact: fact.at)
    return [fact for fact in merged if fact.at <= now][:count]


def _life(n: int, at: datetime, orders: int, chance: random.Random) -> list[facts.Fact]:
    """All that is told of one order and its customer, in order."""
    person = _person(chance.randrange(max(1, int(orders * PEOPLE_PER_ORDER))))
    made = [_order(n, at, person, chance)]
    for kind, share, hours in STAGES:
        if chance.random() < share:
            when = at + hours * chance.uniform(0.8, 1.2) * HOUR
            made.append(_stage(kind, n, when, person, made[0]))
    return sorted(made, key=lambda fact: fact.at)


def _person(n: int) -> dict[str, Any]:
    """Belarusians with national forms, Italians, and some without e-mail."""
    if n % 5 == 4:
        phone, country, name = f"+39 333 {1_000_000 + n}", "IT", f"Luca Rossi {n}"
    else:
        phone, country, name = f"8 (029) {1_000_000 + n}", "BY", f"Анна Коваль {n}"
    email = f"person{n}@example.com" if n % 5 < 3 else ""
    return {"phone": phone, "country": country, "name": name, "email": email}


def _order(n: int, at: datetime, person: dict[str, Any], chance: random.Random) -> facts.Fact:
    lines = tuple(
        facts.Line(name=name, price=Decimal(price), sku=f"sku-{name[:3]}")
        for name, price in chance.sample(GOODS, chance.randint(1, 4))
    )
    order = facts.Order.model_validate({
        "key": f"{n}", "number": f"L-{n}", "placed_at": at, "currency": "BYN", "customer": person,
        "total": sum((line.price for line in lines), Decimal(0)), "lines": lines,
        "payment_url": f"https://linden.example/pay/{n}" if n % 4 == 0 else "",
        "url": f"https://linden.example/orders/{n}",
    })  # fmt: skip
    return facts.OrderPlaced(id=f"order/{n}/placed", at=at, order=order)


def _stage(
    kind: str, n: int, at: datetime, person: dict[str, Any], placed: facts.Fact
) -> facts.Fact:
    base: dict[str, Any] = {"id": f"order/{n}/{kind}", "at": at}
    of_order = base | {"order": f"{n}"}
    who = facts.Customer(**person)
    match kind:
        case "payment":
            return facts.PaymentReceived(**of_order)
        case "changed":
            assert isinstance(placed, facts.OrderPlaced)
            newer = placed.order.model_copy(update={"changed_at": at})
            return facts.OrderChanged(**base, order=newer)
        case "cancelled":
            return facts.OrderCancelled(**of_order)
        case "promised":
            day = at + timedelta(hours=24)
            return facts.DeliveryPromised(
                **of_order, promised_from=day, promised_until=day + timedelta(hours=2)
            )
        case "return":
            return facts.ReturnOpened(**of_order, return_key=f"r{n}")
        case "invoice":
            return facts.InvoiceIssued(**of_order, number=f"F-{n}")
        case "cart":
            lines = (facts.Line(name=GOODS[n % 6][0], price=Decimal(GOODS[n % 6][1])),)
            return facts.CartChanged(**base, cart=f"c{n}", customer=who, lines=lines)
        case "visit":
            return facts.VisitMade(**base, customer=who, page="/kettles", category="kettles")
        case "text":
            return facts.TextReceived(
                **base, gateway=1, sender=_e164(person), body="Спасибо, всё пришло"
            )
        case "moved":
            kind = "in_transit"
    return facts.ParcelMoved.model_validate(
        of_order | {"state": kind, "number": f"RR{n:09}BY", "carrier": "Belpost"}
    )


def _e164(person: dict[str, Any]) -> str:
    digits = "".join(letter for letter in person["phone"] if letter.isdigit())
    return f"+375{digits[2:]}" if person["country"] == "BY" else f"+{digits}"


def kinds(of: list[facts.Fact]) -> Iterator[tuple[str, int]]:
    """How many facts of each kind, the commonest first: shown beside the figures."""
    counts: dict[str, int] = {}
    for fact in of:
        word: str = fact.kind  # type: ignore[attr-defined]
        counts[word] = counts.get(word, 0) + 1
    yield from sorted(counts.items(), key=lambda item: -item[1])
