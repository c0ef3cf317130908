"""Values for looking at a text before anybody gets it: one order as a shop would have it.

Pure: the day is an argument. Every value of rules/texts.KNOWN_VARIABLES has a sample, said in the
language of the text, so that a preview is as long and as dear as the real thing.
"""

from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from ringdove.rules import languages
from ringdove.rules.automations.journeys import Heard, Journey
from ringdove.rules.consent import stop_links
from ringdove.rules.links import links
from ringdove.rules.scenes import Store
from ringdove.rules.steps.ask import Ask
from ringdove.rules.steps.send import Send
from ringdove.rules.surveys import asking, surveys
from ringdove.rules.texts import KNOWN_VARIABLES

TOTAL = Decimal("129.90")
NAMES = {
    "ru": ("Анна Волк", "Чайник, Заварка x2"),
    "be": ("Ганна Воўк", "Чайнік, Гарбата x2"),
    "it": ("Maddalena Rossi", "Teiera, Tè verde x2"),
    "es": ("Juan García", "Tetera, Té verde x2"),
    "en": ("Anna Wolf", "Teapot, Green tea x2"),
}
CATEGORIES = {"ru": "Чай", "be": "Гарбата", "it": "Tè", "es": "Té"}
PLACES = {"ru": "Ленина 5", "be": "Леніна 5", "it": "Via Roma 5", "es": "Calle Mayor 5"}


DUE = "automation.due"

# What a text can know depends on the fact that it speaks of (rules/automations/wording.values_of).
ALWAYS = ("shop", "customer", "stop_url", "field")
OF_ORDER = ("order", "invoice")
BY_TRIGGER = {
    "order.placed": OF_ORDER,
    "order.changed": OF_ORDER,
    "order.cancelled": OF_ORDER,
    "payment.received": OF_ORDER,
    "payment.failed": OF_ORDER,
    "invoice.issued": OF_ORDER,
    "parcel.moved": (*OF_ORDER, "parcel"),
    "delivery.promised": (*OF_ORDER, "delivery"),
    "return.opened": (*OF_ORDER, "return"),
    "return.accepted": (*OF_ORDER, "return"),
    "return.refused": (*OF_ORDER, "return"),
    "refund.sent": (*OF_ORDER, "refund"),
    "complaint.moved": (*OF_ORDER, "complaint"),
    "cart.changed": ("cart",),
    "visit.made": ("product", "due"),
    "stock.asked": ("product",),
    "automation.due": ("product", "due"),
    "survey.answered": (*OF_ORDER, "survey"),
}


def known_in(journey: Journey) -> frozenset[str]:
    """The values that texts of this automation can use, by what begins it and by what its steps
    give: an offer, goods, a link, an answer."""
    trigger, steps = journey.trigger, [place.step for place in journey.course.values()]
    nouns = {*ALWAYS, *BY_TRIGGER.get(trigger.kind if isinstance(trigger, Heard) else DUE, ())}
    if any(isinstance(step, Send) for step in steps):
        nouns.add("offer")  # which one is chosen later than the words
    if any(isinstance(step, Send) and step.link for step in steps):
        nouns.add("link")
    if any(isinstance(step, Send) and step.goods for step in steps):
        nouns.add("goods")
    if any(isinstance(step, Ask) for step in steps):
        nouns.add("answer")
    if any(isinstance(step, Send) and step.survey for step in steps):
        nouns.add("survey")
    return frozenset(name for name in KNOWN_VARIABLES if name.partition(".")[0] in nouns)


def values(
    store: Store, language: str, today: date, address: str = "https://shop.example"
) -> dict[str, Any]:
    """A sample of every value, in this language. `address`: under which Ringdove is reached, so
    that a personal link is as long as it will be."""
    name, items = NAMES.get(language, NAMES["en"])
    soon, later = (
        languages.say_day(today + timedelta(days=days), language) for days in (2, 5)
    )  # fmt: skip
    money = languages.say_money(TOTAL, store.currency, language)
    site = (store.website or "https://shop.example").rstrip("/")
    first, second = (one.removesuffix(" x2") for one in items.split(", "))
    link = links.prefix_of(store, address) + "0" * links.SHORT.signs
    return {
        "shop": {
            "name": store.name,
            "url": store.website,
            "phone": store.phone,
            "email": store.email,
        },
        "customer": {"name": name, "first_name": name.partition(" ")[0]},
        "order": {
            "number": "1042",
            "total": money,
            "items": items,
            "payment_url": f"{site}/pay/1042",
            "url": f"{site}/orders/1042",
        },
        "parcel": {
            "number": "BY080012345678",
            "carrier": "Europost",
            "url": f"{site}/t/1042",
            "shipped_on": languages.say_day(today, language),
            "pickup_point": PLACES.get(language, "5 High Street"),
            "pickup_until": later,
        },
        "delivery": {
            "day": later,
            "hours": languages.say_hours(time(14), time(18), language),
            "old_day": soon,
            "old_hours": languages.say_hours(time(10), time(14), language),
        },
        "return": {"number": "77", "label_url": f"{site}/r/77", "instructions": "", "reason": ""},
        "refund": {"amount": money, "expected_on": later},
        "invoice": {"number": "2026-1042", "url": f"{site}/i/1042"},
        "reward": {
            "code": "HELLO-8FK2QP",
            "link": f"{address}/only/1-{'0' * 21}",
            "until": later,
            "points": "100",
        },
        "form": {"frequency": ""},
        "complaint": {"number": "77", "note": ""},
        "cart": {"items": f"{first} +1", "total": money, "url": f"{site}/cart"},
        "product": {"name": first, "price": money, "url": f"{site}/p/1"},
        "goods": {"names": second, "link": link},
        "offer": {
            "code": "HELLO-8FK2QPZ",
            "until": later,
            "discount": languages.phrases(language)["offers"]["percent"].format(n=10),
            "name": "",
            "link": f"{address}/only/1-{'0' * 21}",
        },
        "due": {"category": CATEGORIES.get(language, "Tea")},
        "field": {"points": "350"},
        "answer": {"text": "5"},
        "survey": _survey(language, links.form_prefix_of(store, address)),
        "link": link,
        "stop_url": stop_links.url_of(address, store.id, _NOBODY, lambda text: "0" * 64),
    }


def _survey(language: str, prefix: str) -> dict[str, str]:
    survey = surveys.READY["delivery"]
    return asking.values_of_answer(
        survey, {"score": survey.low + 1, "comment": "", "reason": "delivery"}, language
    ) | {"link": prefix + "0" * links.SHORT.signs}  # fmt: skip


def said(sample: Mapping[str, Any], path: str) -> str:
    """The sample of one value, by its dotted path."""
    noun, _, name = path.partition(".")
    value: str = sample[noun][name] if name else sample[noun]
    return value


_NOBODY = 1  # whose seal is wrong: the sample leads nowhere, and is as long as a true one
