"""A picture of a person as it was at an earlier moment, as far as its rows tell.

Orders, visits, texts, clicks and gifts carry their time. What people said of themselves and what
they allow does not: that is as it is now. A cart that still waits has been waiting since it last
changed.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from ringdove.rules.segments.pictures import Figures, Habit, Picture, Purchase


def as_of(picture: Picture, moment: datetime) -> Picture:
    """The same person, without what came later."""
    purchases = [one for one in picture.purchases if one.at <= moment]
    cart = picture.cart
    return replace(
        picture,
        figures=_figures(purchases, picture.zone),
        habits=_habits(purchases, picture.zone),
        purchases=purchases,
        looks=[one for one in picture.looks if one.at <= moment],
        cart=cart if cart and cart.changed_at <= moment else None,
        spoken=[one for one in picture.spoken if one.sent_at and one.sent_at <= moment],
        clicks=[one for one in picture.clicks if one.at <= moment],
        texts=[at for at in picture.texts if at <= moment],
        gifts=[one for one in picture.gifts if one.at <= moment],
    )


def _figures(purchases: Sequence[Purchase], zone: str) -> Figures:
    if not purchases:
        return Figures()
    times = [one.at for one in purchases]
    return Figures(
        len(purchases), _days(times, zone), sum((one.total for one in purchases), Decimal(0)),
        min(times), max(times),
    )  # fmt: skip


def _habits(purchases: Sequence[Purchase], zone: str) -> dict[str, Habit]:
    times: dict[str, list[datetime]] = {}
    for one in purchases:
        for category in {line.category for line in one.lines if line.category}:
            times.setdefault(category, []).append(one.at)
    return {
        category: Habit(_days(some, zone), min(some), max(some)) for category, some in times.items()
    }


def _days(times: Sequence[datetime], zone: str) -> int:
    clock = ZoneInfo(zone)
    return len({at.astimezone(clock).date() for at in times})
