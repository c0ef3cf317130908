"""What a text says of an order: how it stands, where the goods are, when they come (R86, R32).

As much as one text holds: first the link is left out, then where it is.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta

from ringdove.rules import languages, texts
from ringdove.rules.automations import wording
from ringdove.rules.conversations import purchases
from ringdove.rules.conversations.heard import reply_with
from ringdove.rules.conversations.purchases import Purchase
from ringdove.rules.messages import language_of
from ringdove.rules.scenes import Contact, Parcel, Scene

TOPIC = "order_status"
LATE_AFTER = timedelta(hours=1)  # carriers' last scans come late
CYRILLIC_PARTS = 2
AT_ITS_END = frozenset({"delivered", "returned", "lost"})


def is_short(said: str, language: str) -> bool:
    """Whether an answer is as short as they are to be: one part, in Cyrillic two."""
    most = CYRILLIC_PARTS if language in languages.CYRILLIC else 1
    return texts.measure(said).parts <= most


def tell(scene: Scene, person: Contact, about: Purchase, now: datetime) -> bool:
    """Says how it stands; False: so that a person is to look at it."""
    language = language_of(scene, person)
    values = _fitting(scene, person, about, language, now)
    reply_with(scene, person, "order_status", TOPIC, now, values)
    parcel = _parcel(about)
    is_lost = parcel is not None and parcel.state in ("lost", "delivery_failed")
    return not (is_lost or _is_late(about, now))


def _fitting(
    scene: Scene, person: Contact, about: Purchase, language: str, now: datetime
) -> Mapping[str, object]:
    words = languages.phrases(language)["answers"]["order_status"]
    usual = wording.values_of(scene, person, about.order, None, language)
    values: Mapping[str, object] = {}
    for values in _values(scene, person, about, language, now):
        if is_short(texts.render(words, usual | dict(values)), language):
            break
    return values


def _values(
    scene: Scene, person: Contact, about: Purchase, language: str, now: datetime
) -> Iterator[Mapping[str, object]]:
    say = languages.phrases(language)["order_states"]
    parcel = _parcel(about)
    key = _state(about, parcel)
    status = {
        "state": say[key],
        "where": _where(scene, person, about, parcel, say, language),
        "when": _when(scene, person, about, parcel, say, language, now),
        "link": _link(about, parcel, key),
    }
    order = {"number": about.order.number}
    for left_out in ((), ("link",), ("link", "where")):
        kept = {name: value for name, value in status.items() if name not in left_out}
        yield {"status": kept, "order": order}


def _parcel(about: Purchase) -> Parcel | None:
    """Of several the one that is still to come."""
    coming = [one for one in about.parcels if one.state not in AT_ITS_END]
    return max(coming or about.parcels, key=lambda one: one.state_at, default=None)


def _state(about: Purchase, parcel: Parcel | None) -> str:
    order = about.order
    if order.cancelled_at:
        return "cancelled"
    if about.returns:
        back = max(about.returns, key=lambda one: one.state_at)
        return f"return_{back.state}"
    if parcel and parcel.state != "unknown":
        return f"parcel_{parcel.state}"
    if order.payment_due and not order.paid_at:
        return "unpaid"
    return order.state


def _where(
    scene: Scene, person: Contact, about: Purchase, parcel: Parcel | None,
    say: Mapping[str, str], language: str,
) -> str:  # fmt: skip
    if parcel is None or about.returns or about.order.cancelled_at:
        return ""
    if parcel.state == "at_pickup_point":
        until = _day(scene, person, parcel.pickup_until, language)
        form = say["pickup_until"] if until else say["pickup"]
        return form.format(place=parcel.pickup_point, until=until) if parcel.pickup_point else ""
    if parcel.state in AT_ITS_END:
        return _day(scene, person, parcel.state_at, language)
    named = " ".join(filter(None, (parcel.carrier, parcel.number)))
    done = sum(one.state == "delivered" for one in about.parcels)
    some = say["some_delivered"].format(n=done, of=len(about.parcels)) if done else ""
    return ", ".join(filter(None, (named, some)))


def _when(
    scene: Scene, person: Contact, about: Purchase, parcel: Parcel | None,
    say: Mapping[str, str], language: str, now: datetime,
) -> str:  # fmt: skip
    order = about.order
    if order.promised_from is None or not _is_coming(about, parcel):
        return ""
    day = _day(scene, person, order.promised_from, language)
    if _is_late(about, now):
        return say["late"].format(day=day)
    hours = ""
    if order.promised_until:
        zone = wording.zone_of(scene.store, person)
        at, until = (one.astimezone(zone) for one in (order.promised_from, order.promised_until))
        if at.date() == until.date():
            hours = languages.say_hours(at.time(), until.time(), language)
    return say["expected"].format(day=" ".join(filter(None, (day, hours))))


def _is_coming(about: Purchase, parcel: Parcel | None) -> bool:
    has_end = parcel is not None and parcel.state in (*AT_ITS_END, "at_pickup_point", "returning")
    order = about.order
    closed = order.cancelled_at or order.state in purchases.CLOSED
    return not (closed or has_end or about.returns)


def _is_late(about: Purchase, now: datetime) -> bool:
    until = about.order.promised_until or about.order.promised_from
    if until is None or not _is_coming(about, _parcel(about)):
        return False
    return now > until + LATE_AFTER


def _link(about: Purchase, parcel: Parcel | None, key: str) -> str:
    if key == "unpaid":
        return about.order.payment_url
    return (parcel.url if parcel else "") or about.order.url


def _day(scene: Scene, person: Contact, at: datetime | None, language: str) -> str:
    if at is None:
        return ""
    day: date = at.astimezone(wording.zone_of(scene.store, person)).date()
    return languages.say_day(day, language)
