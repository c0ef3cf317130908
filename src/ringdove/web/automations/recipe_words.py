"""How the pages name what recipes are made of: topics, triggers, values, mistakes, differences."""

from datetime import timedelta

from babel.units import format_unit

from ringdove.rules.automations.journeys import Heard, Journey
from ringdove.rules.automations.revisions import PARTS_MAX, Mistake
from ringdove.web.speech import Speech

DAY_S, HOUR_S, MINUTE_S = 86_400, 3_600, 60


def topic_names(say: Speech) -> dict[str, str]:
    """The groups of the page, in its order."""
    _ = say.gettext
    return {
        "order": _("Orders"),
        "payment": _("Payment and invoices"),
        "delivery": _("Delivery"),
        "return": _("Returns and refunds"),
    }


def trigger(say: Speech, recipe: Journey) -> str:
    """What begins it."""
    _ = say.gettext
    kind = recipe.trigger.kind if isinstance(recipe.trigger, Heard) else recipe.trigger.on
    if kind == "parcel.moved":
        return {
            "accepted": _("The carrier has taken the parcel"),
            "in_transit": _("The parcel is on its way"),
            "customs": _("The parcel is at customs"),
            "out_for_delivery": _("The courier is out with the parcel"),
            "at_pickup_point": _("The parcel waits at a pickup point"),
            "delivery_failed": _("The parcel could not be handed over"),
            "delivered": _("The parcel is delivered"),
            "returning": _("The parcel goes back to the shop"),
        }.get(recipe.about.rpartition("/")[2], kind)
    if kind == "delivery.promised":
        is_new = recipe.about.startswith("moved")
        return _("The delivery gets another time") if is_new else _("The delivery gets its time")
    if recipe.key == "order_unpaid":
        return _("An order is placed that is to be paid before it ships")
    return {
        "order.placed": _("An order is placed"),
        "payment.received": _("An order is paid"),
        "order.cancelled": _("An order is cancelled"),
        "return.opened": _("A return is opened"),
        "return.accepted": _("A return is accepted"),
        "refund.sent": _("Money is sent back"),
        "invoice.issued": _("An invoice is issued"),
    }.get(kind, kind)


def endings(say: Speech, recipe: Journey) -> list[str]:
    """What ends a run that waits."""
    _ = say.gettext
    named = {
        "payment.received": _("the order is paid"),
        "order.cancelled": _("the order is cancelled"),
        "order.removed": _("the order is put in the trash"),
    }
    return [named.get(kind, kind) for kind in recipe.stopped_by]


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
        "invoice.url": _("Link to the invoice"),
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
        case _:
            return _("This is longer than %(most)s parts.", most=PARTS_MAX)


def span(say: Speech, delay: timedelta) -> str:
    """ "90 minutes": exact, in the largest unit that needs no fraction."""
    amount, unit = divided(delay)
    name = {DAY_S: "day", HOUR_S: "hour", MINUTE_S: "minute"}[unit]
    return format_unit(amount, f"duration-{name}", locale=say.locale)


def divided(delay: timedelta) -> tuple[int, int]:
    """A delay as people set it: a number, and the seconds of its unit."""
    seconds = int(delay.total_seconds())
    unit = next(unit for unit in (DAY_S, HOUR_S, MINUTE_S) if seconds % unit == 0 or unit == 60)
    return seconds // unit, unit


def units(say: Speech) -> list[tuple[int, str]]:
    """What a delay is counted in."""
    _ = say.gettext
    return [(MINUTE_S, _("minutes")), (HOUR_S, _("hours")), (DAY_S, _("days"))]


def field_names(say: Speech) -> dict[str, str]:
    """The words of a message, by their part in it."""
    _ = say.gettext
    return {"sms": _("Text"), "subject": _("Subject"), "body": _("Letter")}
