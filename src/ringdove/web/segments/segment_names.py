"""What a store calls the things that a segment names, and what can be chosen of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ringdove.kit.db import Tx
from ringdove.records.people import own_fields
from ringdove.records.segments import segment_choices
from ringdove.rules.people.own_fields import OwnField
from ringdove.rules.scenes import Store
from ringdove.web.menu import N_
from ringdove.web.people.people_words import ORIGINS
from ringdove.web.speech import Speech
from ringdove.web.store import places, policy_words

CATEGORIES_MAX = 200
CHANNELS: Mapping[str, str] = {
    "web": N_("the website"),
    "app": N_("the app"),
    "social": N_("social networks"),
    "marketplace": N_("marketplaces"),
    "shop": N_("the shop itself"),
    "phone": N_("the phone"),
}


@dataclass(frozen=True, slots=True)
class Names:
    """What a store calls the things that a tree names by number or key."""

    currency: str = ""
    segments: Mapping[int, str] = field(default_factory=dict)
    campaigns: Mapping[int, str] = field(default_factory=dict)
    offers: Mapping[int, str] = field(default_factory=dict)
    topics: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, OwnField] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choices:
    """What the lists of the editor hold. `besides`: a segment that cannot be put into itself;
    `of_campaign`: one that cannot be about itself."""

    names: Names = Names()
    categories: Sequence[str] = ()
    besides: int | None = None
    of_campaign: int | None = None

    def options(self, source: str, say: Speech) -> list[tuple[str, str]]:
        """Values and words of a list."""
        _ = say.gettext
        match source:
            case "segments":
                known = {n: name for n, name in self.names.segments.items() if n != self.besides}
                return [("", _("Choose …")), *_numbered(known)]
            case "offers":
                return [("", _("Choose …")), *_numbered(self.names.offers)]
            case "campaigns":
                others = {n: name for n, name in self.names.campaigns.items()
                          if n != self.of_campaign}  # fmt: skip
                return [("", _("any")), *_numbered(others)]
            case "categories":
                return [("", _("any")), *((one, one) for one in self.categories)]
            case "scopes":
                return [
                    ("marketing", _("all offers")),
                    *((f"topic/{key}", _("topic “%(name)s”", name=name))
                      for key, name in self.names.topics.items()),
                    *((f"category/{one}", _("category “%(name)s”", name=one))
                      for one in self.categories),
                ]  # fmt: skip
        in_use = [one for one in self.names.fields.values() if not one.is_retired]
        return [("", _("Choose …")), *((one.key, one.title) for one in in_use)]


def _numbered(names: Mapping[int, str]) -> list[tuple[str, str]]:
    return [(str(number), name) for number, name in names.items()]


def label(source: str, value: str, say: Speech) -> str:
    """The name of a value that is a code."""
    match source:
        case "countries":
            return str(say.locale.territories.get(value.upper(), value))
        case "languages":
            return places.language_name(value, say.language) if value else say.gettext("none")
        case "origins":
            return say.gettext(ORIGINS[value]) if value in ORIGINS else value
        case "channels":
            return say.gettext(CHANNELS[value]) if value in CHANNELS else value
    return value


async def names_of(tx: Tx, store: Store, say: Speech) -> Names:
    """What this store's trees may name, in the reader's words."""
    return Names(
        store.currency,
        await segment_choices.named(tx, store, "segments"),
        await segment_choices.named(tx, store, "campaigns"),
        await segment_choices.named(tx, store, "offers"),
        dict(policy_words.topics(say, store)),
        await own_fields.of_store(tx, store),
    )


async def choices_of(
    tx: Tx, store: Store, say: Speech, besides: int | None = None, of_campaign: int | None = None
) -> Choices:
    """What the editor of this store offers."""
    known = await segment_choices.suggest(tx, store, "categories", "", most=CATEGORIES_MAX)
    return Choices(
        await names_of(tx, store, say), [one.value for one in known], besides, of_campaign
    )
