"""Journeys played in memory: facts at their times, wake-ups in between, as the workers would."""

import heapq
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from ringdove.rules import answers, effects, facts
from ringdove.rules.automations.journeys import Journey
from ringdove.rules.automations.plans import Automation, Plans
from ringdove.rules.scenes import Scene
from ringdove.rules.surveys.surveys import READY
from ringdove.rules.wants import Good
from tests.rules.scene import NOON, scene

SPANS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
CUSTOMER = {"phone": "+375291112233", "email": "anna@example.by", "name": "Anna Koval"}
WORDS = {
    "hello": {
        "sms": "Hello {{ order.number }}", "subject": "Hello", "body": "Dear {{ order.number }}",
    },
    "ask": {"sms": "How was it, 1 to 5?", "subject": "How was it", "body": "1 to 5?"},
    "code": {"sms": "Yours: {{ offer.code }}"},
    "goods": {"sms": "See {{ goods.names }}"},
    "broken": {"sms": "{{ customer.name | nosuch }}"},
    "said": {"sms": "You said {{ answer.text }}"},
}  # fmt: skip


def moment(told: str) -> datetime:
    """+90m is ninety minutes after noon; else the time itself."""
    if told.startswith(("+", "-")):
        span = timedelta(**{SPANS[told[-1]]: int(told[1:-1])})
        return NOON + span if told[0] == "+" else NOON - span
    return datetime.fromisoformat(told)


def fact(told: dict[str, Any], default_at: datetime = NOON) -> facts.Fact:
    """A fact as a case tells it: `at` in words, the order's key and the person left out."""
    at = moment(told["at"]) if "at" in told else default_at
    given = {"id": f"{told['kind']}/{at}", **told, "at": at}
    match told["kind"]:
        case "order.placed" | "order.changed":
            order = {
                "key": "1042", "number": "1042", "placed_at": at, "total": "59.90",
                "currency": "BYN", "customer": CUSTOMER,
                "consent": {"marketing": True, "words": "Yes"},
                "lines": [{"name": "Kettle", "sku": "K1", "category": "kettles", "price": "59.90"}],
            }  # fmt: skip
            given["order"] = order | told.get("order", {})
        case "cart.changed":
            line = {"name": "Kettle", "sku": "K1", "category": "kettles", "price": "59.90"}
            given = {"cart": "c1", "customer": CUSTOMER, "lines": [line], "total": "59.90"} | given
        case "visit.made" | "customer.changed" | "stock.asked":
            given = {"customer": CUSTOMER} | given
        case "text.received":
            given = {"gateway": 1, "sender": CUSTOMER["phone"]} | given
        case kind if kind in ORDERS:
            given = {"order": "1042"} | given
    return facts.ANY.validate_python(given)


ORDERS = {
    "order.cancelled", "order.removed", "payment.received", "payment.failed", "invoice.issued",
    "parcel.moved", "delivery.promised", "return.opened", "refund.sent", "complaint.moved",
}  # fmt: skip


def journey(**told: Any) -> Journey:
    """A store's own, which begins with an order unless it says otherwise."""
    ready = {
        "key": "own_1", "trigger": {"on": "fact", "kind": "order.placed"}, "topic": "order",
        "about": "x",
    }  # fmt: skip
    return Journey.model_validate(ready | told)


def store_of(*journeys: Journey, **changes: Any) -> Scene:
    """A store in English that has these and nothing else switched on, all of whose scenes are
    loaded with everything."""
    made = scene(**({"languages": ("en",), "country": "BY"} | changes))
    own = {
        one.key: [Automation(True, 1, {}, {"en": WORDS}, one)] for one in journeys
    }  # fmt: skip
    made.plans = Plans(own)
    quiet = {key: [Automation(False, 1)] for key in made.plans.newest if key not in own}
    made.plans = Plans({**quiet, **own})
    made.histories, made.pictures, made.own_hours, made.brands = {}, {}, {}, {}
    made.products = {"K": Good("K", "Kettle", ""), "C": Good("C", "Cup", "")}
    made.knows_fields = True
    made.surveys = dict(READY)
    return made


def play(place: Scene, told: Iterable[facts.Fact], until: datetime) -> Scene:
    """Facts when they happen, wake-ups when they are due."""
    return play_as_told(place, [(one.at, one) for one in told], until)


def play_as_told(
    place: Scene, told: Iterable[tuple[datetime, facts.Fact]], until: datetime
) -> Scene:
    """The same, each fact when it is told of. One that waits for its order comes after that."""
    order = count()
    queue: list[tuple[datetime, int, facts.Fact]] = [(at, next(order), one) for at, one in told]
    heapq.heapify(queue)
    parked: list[facts.Fact] = []
    seen = 0
    while queue and queue[0][0] <= until:
        now, _, one = heapq.heappop(queue)
        try:
            answers.answer(place, one, now)
        except effects.WaitFor:
            parked.append(one)
        for effect in place.effects[seen:]:
            if isinstance(effect, effects.HearLater):
                woken = facts.ANY.validate_python(
                    {"id": effect.id, "kind": effect.kind, "at": effect.at, **effect.body}
                )
                heapq.heappush(queue, (max(now, effect.at), next(order), woken))
            elif isinstance(effect, effects.AnswerWaiting):
                for one in parked:
                    heapq.heappush(queue, (now, next(order), one))
                parked = []
        seen = len(place.effects)
    return place
