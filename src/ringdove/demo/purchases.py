"""Orders of the past: what was in them, what became of them, what was said and answered."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ringdove.demo.asking import Arrived, Asking
from ringdove.demo.chance import Chance, Weighed
from ringdove.demo.goods import Good
from ringdove.demo.hearing import About, Hearing
from ringdove.demo.letters import money
from ringdove.demo.people import Person
from ringdove.demo.rows import Known, Rows, Word
from ringdove.demo.stories import Moment, story
from ringdove.rules.automations import wording
from ringdove.rules.automations.journeys import Heard, Journey
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.facts import Fact, read

FIRST_KEY = 1001
CONSENT_WORDS = "Да, присылайте мне новости и предложения по SMS. Отписаться можно в любой момент."
CARRIERS = {
    "BY": "Белпочта", "RU": "Липа Экспресс", "IT": "Corriere Tiglio", "ES": "Tilo Envíos",
    "PL": "Lipa Kurier", "GB": "Linden Post",
}  # fmt: skip
TRACKING = "https://track.example/"
AGREES = 0.44
QUESTION = 2  # "where is my order?": its place in ANSWERS
EASED = timedelta(days=70)  # since then people are told where the parcel is, and ask less
LATELY = timedelta(days=2)  # more texts than usual: so that some wait for an answer
_COUNT = Weighed({1: 46.0, 2: 30.0, 3: 14.0, 4: 7.0, 5: 3.0})
_STATES = {
    "payment.received": "paid", "parcel.moved": "shipped", "order.cancelled": "cancelled",
    "return.accepted": "returned", "refund.sent": "returned",
}  # fmt: skip
_RETURN_STATES = {
    "return.opened": "opened", "return.accepted": "accepted", "refund.sent": "refunded",
}  # fmt: skip
ANSWERS = {
    "ru": ("Спасибо!", "спасибо, всё пришло", "где мой заказ?", "5", "Очень понравилось", "ок",
           "А можно поменять адрес?", "Кружка пришла разбитая"),
    "be": ("Дзякуй!", "дзякуй, атрымала", "дзе мой заказ?", "5", "Вельмі прыгожа",
           "кубак прыйшоў пабіты"),
    "it": ("Grazie!", "grazie mille", "dov'è il mio ordine?", "5/5", "arrivato rotto"),
    "es": ("¡Gracias!", "gracias", "¿dónde está mi pedido?", "5", "muy bonito", "ha llegado roto"),
    "en": ("Thank you!", "thanks, got it", "where is my order?", "5", "can I change the address?",
           "the cup arrived broken"),
}  # fmt: skip
STOPS = {
    "ru": ("СТОП", "стоп", "Стоп. Спасибо", "отпишите меня", "STOP"),
    "be": ("СТОП", "стоп", "спыніць"),
    "it": ("STOP", "basta", "Stop grazie"),
    "es": ("BAJA", "stop", "ALTO"),
    "en": ("STOP", "Stop. Thank you", "unsubscribe"),
}


@dataclass
class Order:
    """An order as it is being told."""

    key: str
    id: int
    total: Decimal
    items: str
    moments: list[Moment]
    values: dict[str, str] = field(default_factory=dict)
    parcel_at: datetime | None = None
    sku: str = ""  # of its first line


@dataclass
class Shop:
    """Tells orders into rows."""

    rows: Rows
    goods: Sequence[Good]
    chance: Chance
    connection: int
    asking: Asking | None = None

    def __post_init__(self) -> None:
        self._zone = ZoneInfo(self.rows.store.time_zone)
        self._currency = self.rows.store.currency
        self._hearing = Hearing(self.rows)

    def order(self, who: Known, person: Person, at: datetime, number: int) -> int:
        """One order from its first moment to as far as it has come by now; its id."""
        kind, moments = story(self.chance, at, self._zone, self.chance.happens(0.17))
        moments = sorted((m for m in moments if m.at < self.rows.now), key=lambda m: m.at)
        order = Order(str(number), self.rows.id_at(who.bucket, at), Decimal(0), "", moments)
        self._lines(who, order)
        self.rows.refer("order", order.key, who, order.id)
        order.values = {
            "order.number": order.key,
            "order.total": money(order.total, self._currency, who.language),
            "order.items": order.items,
            "order.payment_url": f"{self.rows.store.website}/pay/{order.key}",
        }
        if kind != "cancelled" and who.marketing == "none" and self.chance.happens(AGREES):
            self._agree(who, at)
        for moment in moments:
            self._tell(who, person, order, moment)
        self._keep(who, order)
        self._keep_parcel(who, order)
        self._keep_return(who, order)
        self._answer(who, order)
        if self.asking and (arrived := _arrived(who, order)):
            self.asking.about(who, arrived)
        return order.id

    def stop_by_text(self, who: Known, at: datetime) -> None:
        """The person answers that they want no more, unless that is still to come."""
        if at < self.rows.now:
            words = self.chance.one_of(STOPS[who.language])
            self._hearing.hear(who, words, at)
            self._stop(who, words, at)

    # ------------------------------------------------------------------ what is in it

    def _lines(self, who: Known, order: Order) -> None:
        named = []
        for line in range(self.chance.weighed(_COUNT)):
            good = self.goods[int(self.chance.random() ** 1.5 * len(self.goods))]
            count = 2 if self.chance.happens(0.12) else 1
            name = good.name(who.language)
            order.sku = order.sku or good.sku
            order.total += good.price * count
            named.append(f"{name} x{count}" if count > 1 else name)
            self.rows.put("order_line", who.bucket, order.id, line, good.sku, name, count,
                          good.price, good.categories[self.rows.store.languages[0]])  # fmt: skip
        more = f" +{len(named) - 3}" if len(named) > 3 else ""
        order.items = ", ".join(named[:3]) + more

    def _keep(self, who: Known, order: Order) -> None:
        moments = {moment.fact: moment for moment in order.moments}
        cancelled, paid = moments.get("order.cancelled"), moments.get("payment.received")
        promise, invoice = moments.get("delivery.promised"), moments.get("invoice.issued")
        first, last = order.moments[0].at, max(moment.at for moment in order.moments)
        self.rows.put(
            "purchase_order", who.bucket, order.id, who.id, order.key, order.key, _state(order),
            first, last, paid.at if paid else None, cancelled.at if cancelled else None,
            order.total, self._currency, who.country, False,
            promise.more["promised_from"] if promise else None,
            promise.more["promised_until"] if promise else None, promise.at if promise else None,
            _invoice(order) if invoice else "", self._invoice_url(order) if invoice else "",
        )  # fmt: skip
        if cancelled is None:
            who.orders += 1
            who.spent += order.total
            who.last_order_at = first

    def _keep_parcel(self, who: Known, order: Order) -> None:
        moves = [moment for moment in order.moments if moment.fact == "parcel.moved"]
        if not moves:
            return
        parcel_id = self.rows.id_at(who.bucket, moves[0].at)
        key, number = f"order/{order.key}", _tracking(order)
        self.rows.refer("parcel", key, who, parcel_id)
        self.rows.put(
            "parcel", who.bucket, parcel_id, order.id, who.id, key, number, CARRIERS[who.country],
            TRACKING + number, moves[-1].more["state"], moves[-1].at, _point(who),
        )  # fmt: skip

    def _keep_return(self, who: Known, order: Order) -> None:
        moves = [moment for moment in order.moments if moment.fact in _RETURN_STATES]
        if not moves:
            return
        return_id, key = self.rows.id_at(who.bucket, moves[0].at), f"{order.key}/"
        self.rows.refer("return", key, who, return_id)
        self.rows.put(
            "order_return", who.bucket, return_id, order.id, who.id, key, "return",
            _RETURN_STATES[moves[-1].fact], moves[-1].at, order.total,
        )  # fmt: skip

    # ------------------------------------------------------------------ what is said

    def _tell(self, who: Known, person: Person, order: Order, moment: Moment) -> None:
        recipe = RECIPES[moment.recipe]
        run_id = None
        if moment.fact:
            self.rows.count(moment.at, "facts")
        if moment.at >= self.rows.kept_since:
            fact = self._hear(person, order, moment) if moment.fact else None
            run_id = self._enroll(who, order, moment, fact)
        values = order.values | self._values(who, order, moment)
        common: dict[str, Any] = {
            "topic": recipe.topic, "cause": "automation", "recipe": recipe.key,
            "why": f"automation/{recipe.key}/{_kind_of(recipe)}", "enrollment_id": run_id,
            "order_id": order.id, "valid_for": recipe.span,
        }  # fmt: skip
        at = moment.at + timedelta(milliseconds=600)
        if recipe.key == "order_accepted" and who.email:
            letter = values | {"customer.name": who.name}
            self.rows.say(who, "recipes.order_accepted_email", letter, at, channel="email",
                          **common)  # fmt: skip
        self.rows.say(who, f"recipes.{recipe.key}.sms", values, at, **common)

    def _enroll(self, who: Known, order: Order, moment: Moment, fact: Fact | None) -> int:
        """The run of the automation that spoke, under the subject that makes it happen once."""
        recipe = RECIPES[moment.recipe]
        fields = vars(fact) if fact else {}
        trigger = wording.trigger_values(fact) if fact else {"kind": _kind_of(recipe)}
        run_id = self.rows.id_at(who.bucket, moment.at)
        self.rows.put(
            "enrollment", who.bucket, run_id, recipe.key,
            f"order/{order.key}/" + recipe.about.format_map(fields), who.id, order.id, 0,
            "", "done", json.dumps(trigger, ensure_ascii=False), moment.at, "",
        )  # fmt: skip
        self.rows.count(moment.at, "enrolled")
        return run_id

    def _values(self, who: Known, order: Order, moment: Moment) -> dict[str, str]:
        letters, more = self.rows.letters, moment.more
        if moment.fact == "parcel.moved":
            return {
                "parcel.carrier": CARRIERS[who.country],
                "parcel.url": TRACKING + _tracking(order),
                "parcel.shipped_on": letters.day(moment.at, who.language),
                "parcel.pickup_point": _point(who),
            }
        if moment.fact == "delivery.promised":
            said = {
                "delivery.day": letters.day(more["promised_from"], who.language),
                "delivery.hours": letters.hours(
                    more["promised_from"], more["promised_until"], who.language
                ),
            }
            if "before_from" in more:
                said["delivery.old_day"] = letters.day(more["before_from"], who.language)
                said["delivery.old_hours"] = letters.hours(
                    more["before_from"], more["before_until"], who.language
                )
            return said
        if moment.fact == "refund.sent":
            return {"refund.amount": order.values["order.total"]}
        if moment.fact == "invoice.issued":
            return {"invoice.number": _invoice(order), "invoice.url": self._invoice_url(order)}
        return {}

    def _invoice_url(self, order: Order) -> str:
        return f"{self.rows.store.website}/invoices/{order.key}"

    def _hear(self, person: Person, order: Order, moment: Moment) -> Fact:
        """The fact that the shop told, as its connection writes it."""
        root = f"order/{order.key}"
        what, body = _fact(order, moment)
        if moment.fact == "order.placed":
            body["order"] = self._placed(person, order, moment.at)
        key = f"{root}/{what}".rstrip("/")
        body |= {"id": key, "kind": moment.fact, "at": moment.at.isoformat()}
        bucket = self.rows.bucket(root)
        heard_at = moment.at + timedelta(milliseconds=400)
        written = json.dumps(body, ensure_ascii=False, default=str)
        self.rows.put("fact", bucket, self.rows.id_at(bucket, heard_at), self.connection, key,
                      moment.fact, moment.at, heard_at, written)  # fmt: skip
        return read(written)

    def _placed(self, person: Person, order: Order, at: datetime) -> dict[str, Any]:
        customer = {
            "phone": person.typed_phone, "email": person.email, "name": person.name,
            "language": person.language, "country": person.country, "region": person.state,
        }  # fmt: skip
        return {
            "key": order.key, "number": order.key, "placed_at": at.isoformat(),
            "total": str(order.total), "currency": self._currency, "customer": customer,
        }  # fmt: skip

    # ------------------------------------------------------------------ what people answer

    def _agree(self, who: Known, at: datetime) -> None:
        who.marketing, who.marketing_at = "in", at
        who.said.append(Word(at, "marketing", "in", "checkout", CONSENT_WORDS, "ru"))

    def _answer(self, who: Known, order: Order) -> None:
        at = order.moments[-1].at + self.chance.span(60, 20_000)
        if not who.phone or at >= self.rows.now:
            return
        if who.marketing == "in" and self.chance.happens(0.022):
            self.stop_by_text(who, at)
        elif self.chance.happens(0.085 if at < self.rows.now - LATELY else 0.3):
            said = ANSWERS[who.language]
            asks = at < self.rows.now - EASED and self.chance.happens(0.45)
            body = said[QUESTION] if asks else self.chance.one_of(said)
            self._hearing.hear(who, body, at, _about(who, order))

    def _stop(self, who: Known, words: str, at: datetime) -> None:
        who.marketing, who.marketing_at = "out", at
        who.said.append(Word(at, "marketing", "out", "reply", words, ""))
        self.rows.count(at, "stops")
        said_at = at + timedelta(milliseconds=700)
        self.rows.say(who, "answers.stop_confirmed", {}, said_at, topic="stop_confirmation",
                      why="reply/stop_confirmed")  # fmt: skip


def _about(who: Known, order: Order) -> About:
    tracking = TRACKING + _tracking(order)
    return About(order.id, order.key, _state(order), CARRIERS[who.country], tracking)


def _arrived(who: Known, order: Order) -> Arrived | None:
    """None: it has not come, or went back."""
    delivered = [one for one in order.moments if one.more.get("state") == "delivered"]
    facts_heard = {one.fact for one in order.moments}
    if not delivered or facts_heard & {"return.opened", "order.cancelled"}:
        return None
    moved = sum(one.fact == "delivery.promised" for one in order.moments) > 1
    missed = any(one.more.get("state") == "delivery_failed" for one in order.moments)
    waited = any(one.more.get("state") == "at_pickup_point" for one in order.moments)
    return Arrived(
        order.id, order.key, delivered[-1].at, CARRIERS[who.country],
        _point(who) if waited else "", order.sku, not (moved or missed),
    )  # fmt: skip


def _state(order: Order) -> str:
    state = "placed"
    for moment in order.moments:
        state = _STATES.get(moment.fact, state)
        if moment.more.get("state") == "delivered":
            state = "delivered"
    return state


def _fact(order: Order, moment: Moment) -> tuple[str, dict[str, Any]]:
    """The fact's natural id within its order, and its own fields: stores/woocommerce/orders.py."""
    more = moment.more
    body: dict[str, Any] = {"order": order.key, **{k: v for k, v in more.items() if v}}
    match moment.fact:
        case "order.placed":
            return "placed", body
        case "payment.received":
            return "paid", body | {"amount": str(order.total)}
        case "invoice.issued":
            return f"invoice/{_invoice(order)}", body | {"number": _invoice(order)}
        case "delivery.promised":
            times = ("promised_from", "promised_until", "before_from")
            stamps = (f"{more[name]:%Y%m%dT%H%M}" if name in more else "-" for name in times)
            return "/".join(["delivery", *stamps]).rstrip("/-"), body
        case "parcel.moved":
            return f"parcel/{more['state']}/{_tracking(order)}", body
        case _:
            return moment.fact.removeprefix("order.").replace(".", "/"), body


def _invoice(order: Order) -> str:
    return f"LC-{order.key}"


def _tracking(order: Order) -> str:
    return f"LC{int(order.key):09}BY"


def _point(who: Known) -> str:
    return f"№ {len(who.name) + 3}, {who.city}"


def _kind_of(recipe: Journey) -> str:
    return recipe.trigger.kind if isinstance(recipe.trigger, Heard) else "automation.due"
