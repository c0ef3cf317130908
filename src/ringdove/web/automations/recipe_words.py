"""How the pages name automations: purposes, titles, the values of texts, and their mistakes."""

from collections.abc import Mapping, Sequence

from ringdove.rules import languages
from ringdove.rules.automations.journeys import Journey
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.automations.revisions import PARTS_MAX, Mistake
from ringdove.web.automations.spans import span
from ringdove.web.menu import N_
from ringdove.web.speech import Speech

# The groups of the list in its order: their topics, or the ready automations that belong to them.
PURPOSES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "order": (N_("Orders and payment"), ("order", "payment")),
    "delivery": (N_("Delivery"), ("delivery",)),
    "return": (N_("Returns, exchanges and complaints"), ("return", "complaint")),
    "left": (N_("Left behind"), ("cart", "browse_left")),
    "after": (
        N_("After a purchase"),
        ("thanks", "review_request", "survey", "surveys", "accessories", "replenish",
         "category_due"),
    ),
    "goods": (N_("Goods that come, or cost less"), ("stock", "new_goods")),
    "people": (N_("People and their days"), ()),
    "own": (N_("Your own"), ()),
}  # fmt: skip


# Topics of texts that are no offers: nobody leaves them by a topic of the store's.
TOPICS: Mapping[str, str] = {
    "order": N_("Orders"),
    "payment": N_("Payment"),
    "delivery": N_("Delivery"),
    "return": N_("Returns and exchanges"),
    "complaint": N_("Complaints"),
    "cart": N_("Carts that were left"),
    "stock": N_("Goods people wait for"),
    "friend": N_("Friends"),
}


def topic(say: Speech, named: Mapping[str, str], key: str) -> str:
    """What a topic is called. `named`: the store's own ones."""
    ready: Mapping[str, str] = languages.phrases(say.language)["public"]["topic_names"]
    return named.get(key) or (say.gettext(TOPICS[key]) if key in TOPICS else ready.get(key, key))


def purpose_of(journey: Journey) -> str:
    """The group of the list that an automation stands in."""
    if journey.key not in RECIPES:
        return "own"
    for purpose, (_title, members) in PURPOSES.items():
        if journey.key in members or journey.topic in members:
            return purpose
    return "people"


def named(say: Speech, journey: Journey) -> tuple[str, str]:
    """What an automation is called, and what it is for; a store's own has only its name."""
    known = languages.phrases(say.language)["recipes"].get(journey.key, {})
    return journey.name or known.get("title", ""), known.get("about", "")


def value_names(say: Speech) -> dict[str, str]:
    """What a text can know, in words."""
    _ = say.gettext
    return {
        "shop.name": _("Name of the shop"),
        "shop.url": _("Address of the shop"),
        "shop.phone": _("Phone of the shop"),
        "shop.email": _("E-mail of the shop"),
        "customer.first_name": _("First name"),
        "customer.name": _("Whole name"),
        "order.number": _("Order number"),
        "order.total": _("Total"),
        "order.items": _("Goods"),
        "order.payment_url": _("Link to pay"),
        "order.url": _("Link to the order"),
        "parcel.number": _("Parcel number"),
        "parcel.carrier": _("Carrier"),
        "parcel.url": _("Link to track"),
        "parcel.shipped_on": _("Day of shipping"),
        "parcel.pickup_point": _("Pickup point"),
        "parcel.pickup_until": _("Last day of pickup"),
        "delivery.day": _("Day of delivery"),
        "delivery.hours": _("Hours of delivery"),
        "delivery.old_day": _("Day before the change"),
        "delivery.old_hours": _("Hours before the change"),
        "return.number": _("Return number"),
        "return.label_url": _("Link to the label"),
        "return.instructions": _("How to send it back"),
        "refund.amount": _("Money sent back"),
        "refund.expected_on": _("When it should arrive"),
        "invoice.number": _("Invoice number"),
        "return.reason": _("Why it was refused"),
        "invoice.url": _("Link to the invoice"),
        "complaint.number": _("Complaint number"),
        "survey.question": _("Question of the survey"),
        "survey.link": _("Personal link to the survey's form"),
        "survey.low": _("Lowest score"),
        "survey.high": _("Highest score"),
        "survey.score": _("The score that they gave"),
        "survey.comment": _("What they said beside it"),
        "survey.reason": _("What the score is about"),
        "complaint.note": _("What was said to it"),
        "cart.items": _("Goods in the cart"),
        "cart.total": _("What the cart comes to"),
        "cart.url": _("The shop's own link to the cart"),
        "product.name": _("The goods that it is about"),
        "product.price": _("Their price now"),
        "product.url": _("Link to these goods"),
        "goods.names": _("Goods that were chosen for them"),
        "goods.link": _("Link to the chosen goods"),
        "due.category": _("What they are about to need"),
        "link": _("Link that says who opened it"),
        "offer.code": _("Their own code"),
        "offer.name": _("Name of the offer"),
        "offer.discount": _("What the offer takes off"),
        "offer.until": _("Last day of the offer"),
        "offer.link": _("Page with the code"),
        "reward.code": _("Code of the reward"),
        "reward.link": _("Page with the reward"),
        "reward.until": _("Last day of the reward"),
        "reward.points": _("Points of the reward"),
        "answer": _("What they answered"),
        "form.frequency": _("How often offers come, of the form"),
        "field": _("A field of your own: field.name"),
        "stop_url": _("Link to stop offers, each person their own"),
    }


def mistake(say: Speech, found: Mistake) -> str:
    """What is wrong with a text, for who wrote it."""
    _ = say.gettext
    match found.kind:
        case "unknown" if found.near:
            return _(
                "“%(name)s” is not a value that this text can know: did you mean “%(near)s”?",
                name=found.what,
                near=found.near,
            )
        case "unknown":
            return _("“%(name)s” is not a value that this text can know.", name=found.what)
        case "broken":
            said = _("Line %(line)s cannot be read: %(why)s", line=found.line, why=found.what)
            return said.rstrip(".") + "."
        case "empty":
            return _("This text says nothing.")
        case "late":
            return _("It waits for nothing, or for too long.")
        case _:
            return _("This is longer than %(most)s parts.", most=PARTS_MAX)


def not_there(say: Speech, missing: Sequence[str]) -> str:
    """Why it cannot be on: what it names is not there (automation_checks.missing)."""
    return say.gettext(
        "It cannot be on: it names what the store does not have. %(what)s", what=missing[0]
    )


def too_late(say: Speech, journey: Journey) -> str:
    """Why a wait cannot be so long, or so short (P4)."""
    return say.gettext(
        "From one minute to less than %(most)s: later nobody wants to hear it.",
        most=span(say, journey.span),
    )
