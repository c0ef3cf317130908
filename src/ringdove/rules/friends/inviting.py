"""May this customer invite this number, and in which words (R95, R96).

An inviter is a customer whose phone has shown itself: their page opens by a link that was texted
to them. What they can do is bounded by inviter, by address and by store and day; a number is
invited once for ever, and never one that has refused or buys already. What we write is no offer: it
makes no permission, and says that it is the only one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ringdove.rules import languages, texts
from ringdove.rules.automations import wording
from ringdove.rules.consent import hours, permissions
from ringdove.rules.messages import Letter, language_of
from ringdove.rules.policy import Friends
from ringdove.rules.scenes import Contact, Held, Scene

TOPIC = "friend"
RECIPES = {"inviter": "friend_inviter", "friend": "friend_friend"}  # who is thanked by which
VALID_FOR = timedelta(hours=12)
# For an hour in which strangers may be written to: over a weekend. With VALID_FOR within
# records/friends/invitations.py:FORGET_AFTER, when their number is forgotten.
LOOK_AHEAD = timedelta(days=2, hours=12)
WORDS_MAX, WORD_MAX, NAME_MAX = 3, 20, 40

KNOWN = frozenset(("shop.name", "friend.name", "friend.link"))
SAMPLE = {"name": "Anna Rossi", "link": "https://shop.example/f/" + "x" * 19}
PARTS_MAX = 3

# Why nothing is written, in the order in which it is asked. A customer is told the first six only:
# the rest would tell what this shop knows of somebody else.
REASONS = (
    "off", "unknown", "left", "yourself", "too_many", "busy",
    "refused", "customer", "invited", "no_allowed_hour",
)  # fmt: skip
TOLD = frozenset(REASONS[:6])


@dataclass(frozen=True, slots=True)
class Invited:
    """How many numbers were invited lately, whether we wrote or a link was passed on."""

    by_inviter_day: int = 0
    by_inviter_month: int = 0
    by_address_day: int = 0
    by_store_day: int = 0


def why_no_inviter(settings: Friends, inviter: Contact | None) -> str:
    """Why this person cannot invite; "": they can."""
    if not settings.is_on:
        return "off"
    if inviter is None or inviter.erased_at or not (inviter.orders or inviter.marketing == "in"):
        return "unknown"
    return "left" if inviter.service == "out" else ""


def why_too_many(settings: Friends, invited: Invited) -> str:
    """Which bound is reached; "": none."""
    if invited.by_inviter_day >= settings.by_inviter_day:
        return "too_many"
    if invited.by_inviter_month >= settings.by_inviter_month:
        return "too_many"
    if invited.by_address_day >= settings.by_address_day:
        return "busy"
    return "busy" if invited.by_store_day >= settings.by_store_day else ""


def why_no_friend(inviter: Contact, phone: str, friend: Contact | None, held: Held | None) -> str:
    """Why this number is not invited; "": it may be. `friend`: whom it leads to here."""
    if phone in (inviter.phone, *inviter.agreed_phones):
        return "yourself"
    if friend and friend.id in (inviter.id, *inviter.also):
        return "yourself"
    if held and held.reason != "bounced":
        return "refused"
    if friend is None:
        return ""
    if friend.service == "out" or permissions.is_left(friend, "marketing"):
        return "refused"
    return "customer" if friend.orders or friend.marketing == "in" else ""


def shown_name(name: str) -> str:
    """A name as a friend is shown it: up to three words of letters. "": it is none, and may be a
    message of its own (an address, a number, a shout)."""
    words = name.split()
    is_name = 0 < len(words) <= WORDS_MAX and len(" ".join(words)) <= NAME_MAX
    return " ".join(words) if is_name and all(_is_word(one) for one in words) else ""


def _is_word(word: str) -> bool:
    letters = word.translate({ord(sign): None for sign in "-'’."})
    has_inner_dot = "." in word[:-1]
    return len(word) <= WORD_MAX and letters.isalpha() and not has_inner_dot


def letter(
    scene: Scene, inviter: Contact, name: str, friend: Contact, link: str, now: datetime
) -> Letter | None:
    """What is written to the friend, in the inviter's language where theirs is not known, at an
    hour at which offers may go; None: there is none in the next days."""
    store = scene.store
    country = friend.country or store.country
    limits = hours.of_country(store.policy, store.quiet_from, store.quiet_until, country, None)
    zones = friend.zones or (store.time_zone,)
    window = hours.first(limits, zones, now, now + LOOK_AHEAD)
    if window is None:
        return None
    language = language_of(scene, friend if friend.language else inviter)
    return Letter(
        contact=friend,
        channel="sms",
        klass="service",
        topic=TOPIC,
        cause="person",
        words={"sms": words_of(store.policy.friends, language)},
        values=wording.values_of(scene, friend, None, None, language)
        | {"friend": {"name": name, "link": link}},
        language=language,
        why="reply/friend_invitation",
        not_before=window[0],
        not_after=window[0] + VALID_FOR,
        in_daytime=True,
    )


def mistake(template: str) -> str:
    """What is wrong with a text of the store's own: unknown (it cannot be read, or asks for what it
    cannot know), no_link, too_long; "": nothing is."""
    if texts.check(template, KNOWN):
        return "unknown"
    if "friend.link" not in texts.variables(template):
        return "no_link"
    said = texts.render(template, {"shop": {"name": "Shop"}, "friend": SAMPLE})
    return "too_long" if texts.measure(said).parts > PARTS_MAX else ""


def words_of(settings: Friends, language: str) -> str:
    """The store's own words, else the ready ones; Liquid."""
    own = settings.words.get(language, "")
    ready: str = languages.phrases(language)["answers"]["friend_invitation"]
    return own or ready
