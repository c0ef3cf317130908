"""Ready answers: written once, said often, with the person's own values filled in (R79).

What is filled in is shown before anybody sends it, so a value that a person lacks is simply empty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ringdove.rules import languages, texts
from ringdove.rules.automations import wording
from ringdove.rules.messages import language_of
from ringdove.rules.scenes import Contact, Order, Parcel, Scene

TITLE_MAX = 80
TEXT_MAX = 1_000
ANSWERS_MAX = 200
READY = ("thanks", "where", "sorry", "call")  # keys of [canned] in locales/<language>/phrases.toml

# What is known of somebody who writes: who they are, their newest order and where it is.
KNOWN = frozenset(
    one
    for one in texts.KNOWN_VARIABLES
    if one.partition(".")[0] in ("shop", "customer", "order", "invoice", "parcel")
) | {"delivery.day", "stop_url", "field"}


@dataclass(frozen=True, slots=True)
class Canned:
    """One of them. `shortcut`: typed after / it stands in the answer; "": none."""

    id: int
    title: str
    shortcut: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)  # by language

    def in_language(self, language: str, offered: Sequence[str]) -> tuple[str, str]:
        """A language and the words in it for somebody who reads this one: those, else those in the
        store's first that there are."""
        for one in (language, *offered):
            if self.texts.get(one):
                return one, self.texts[one]
        return next(iter(self.texts.items()), (language, ""))


def ready(offered: Sequence[str]) -> list[Canned]:
    """What a store can begin with, in its languages; titles are in the first."""
    return [
        Canned(
            0,
            languages.phrases(offered[0])["canned"][key]["title"],
            key,
            {one: languages.phrases(one)["canned"][key]["text"] for one in offered},
        )
        for key in READY
    ]


def filled(scene: Scene, person: Contact, canned: Canned, now: datetime) -> str:
    """The answer to this person, to be looked at before it is sent. Raises TemplateBroken, and
    what wording.values_of raises; asks for the person's dealings."""
    language, template = canned.in_language(language_of(scene, person), scene.store.languages)
    dealings = scene.chosen.dealings_of(person.id)
    order = dealings.orders[0] if dealings.orders else None
    parcels = [one for one in dealings.parcels if order and one.order_id == order.id]
    values = wording.values_of(scene, person, order, None, language)
    values["parcel"] = _parcel(scene, person, parcels, language)
    values["delivery"] = {"day": _day(scene, person, order, language, now)}
    return texts.render(template, values)


def _parcel(
    scene: Scene, person: Contact, parcels: Sequence[Parcel], language: str
) -> Mapping[str, str]:
    """Of the one that moved last."""
    if not parcels:
        return {}
    last = max(parcels, key=lambda one: one.state_at)
    until = last.pickup_until
    zone = wording.zone_of(scene.store, person)
    return {
        "number": last.number, "carrier": last.carrier, "url": last.url,
        "pickup_point": last.pickup_point,
        "pickup_until": languages.say_day(until.astimezone(zone).date(), language) if until else "",
    }  # fmt: skip


def _day(scene: Scene, person: Contact, order: Order | None, language: str, now: datetime) -> str:
    """The day that was promised; "" when it is over: it would be no news."""
    until = order.promised_until or order.promised_from if order else None
    if until is None or until < now:
        return ""
    return languages.say_day(
        until.astimezone(wording.zone_of(scene.store, person)).date(), language
    )
