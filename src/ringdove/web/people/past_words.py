"""How the pages name what a customer's past is made of: states of orders and parcels, consent."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError, dates

from ringdove.rules.policy import DEFAULT, Policy
from ringdove.rules.scenes import Contact, Store
from ringdove.web.menu import N_
from ringdove.web.speech import Speech

# Each word with the tone of its pill.
ORDER_STATES: Mapping[str, tuple[str, str]] = {
    "placed": (N_("placed"), ""),
    "paid": (N_("paid"), "ok"),
    "shipped": (N_("shipped"), "info"),
    "delivered": (N_("delivered"), "ok"),
    "cancelled": (N_("cancelled"), "bad"),
    "returned": (N_("returned"), "wait"),
    "removed": (N_("removed"), "bad"),
}
PARCEL_STATES: Mapping[str, tuple[str, str]] = {
    "label_made": (N_("label made"), ""),
    "accepted": (N_("taken by the carrier"), "info"),
    "in_transit": (N_("on its way"), "info"),
    "customs": (N_("at customs"), "wait"),
    "out_for_delivery": (N_("out for delivery"), "info"),
    "at_pickup_point": (N_("at the pickup point"), "wait"),
    "delivery_failed": (N_("could not be handed over"), "bad"),
    "delivered": (N_("handed over"), "ok"),
    "returning": (N_("on its way back"), "wait"),
    "returned": (N_("back at the shop"), "wait"),
    "lost": (N_("lost"), "bad"),
    "unknown": (N_("state unknown"), ""),
}
RETURN_STATES: Mapping[str, tuple[str, str]] = {
    "opened": (N_("begun"), "wait"),
    "accepted": (N_("accepted"), "ok"),
    "refused": (N_("refused"), "bad"),
    "refunded": (N_("money sent back"), "ok"),
}
RETURN_KINDS = {"return": N_("Return"), "exchange": N_("Exchange"), "refund": N_("Refund")}
MARKETING: Mapping[str, tuple[str, str]] = {
    "in": (N_("yes"), "ok"),
    "out": (N_("no"), "bad"),
    "none": (N_("no consent yet"), ""),
    "asked": (N_("not confirmed yet"), "wait"),
}
SERVICE: Mapping[str, tuple[str, str]] = {
    "in": (N_("yes"), "ok"),
    "out": (N_("no texts at all"), "bad"),
}
CHANGES = {
    ("marketing", "in"): N_("Said yes to offers"),
    ("marketing", "out"): N_("Said no to offers"),
    ("service", "in"): N_("Wants texts about orders"),
    ("service", "out"): N_("Wants no texts at all"),
}
SOURCES = {
    "reply": N_("by a text"),
    "operator": N_("told by the operator, who carries no more texts to this number"),
    "checkout": N_("at the checkout"),
    "account": N_("in the shop's account"),
    "number": N_("the number is another one"),
    "parted": N_("a merge was undone"),
    "import": N_("imported"),
    "api": N_("told by a program"),
    "page": N_("written down here"),
    "link": N_("on the page behind their personal link"),
    "site": N_("by the form of the shop's site"),
    "silence": N_("no answer to our question"),
    "suppression": N_("on the list of refusals"),
    "form": N_("by a sign-up form"),
    "keyword": N_("by a keyword"),
}
TOPICS = {
    "offers": N_("Sales and special offers"),
    "new_goods": N_("New goods"),
    "loyalty": N_("Points and rewards"),
    "social": N_("Social projects"),
    "surveys": N_("Short questions"),
}
SAID = {
    "in": (N_("yes"), "ok"),
    "out": (N_("no"), "bad"),
    "asked": (N_("not confirmed yet"), "wait"),
    "paused": (N_("paused"), "wait"),
}
ORIGINS = {
    "order": N_("met by an order"),
    "cart": N_("met by a cart"),
    "account": N_("registered in the shop"),
    "visit": N_("met by a visit"),
    "wish": N_("asked to be told of goods"),
    "text": N_("wrote a text first"),
    "api": N_("brought by a program or a text by hand"),
    "import": N_("imported"),
    "test": N_("got the test of a campaign"),
    "staff": N_("of your staff, told of a task"),
    "friend": N_("invited by a friend"),
}
INTENTS = {
    "stop": (N_("understood as STOP"), "bad"),
    "start": (N_("understood as START"), "ok"),
    "help": (N_("understood as HELP"), "info"),
    "rating": (N_("understood as a score"), "info"),
    "order_status": (N_("asks where the order is"), "info"),
    "complaint": (N_("understood as a complaint"), "wait"),
    "rules": (N_("asks for the rules"), "info"),
    "contest": (N_("understood as an entry in a contest"), "info"),
    "unsure": (N_("not understood"), "wait"),
}


def named(say: Speech, words: Mapping[str, tuple[str, str]], word: str) -> tuple[str, str]:
    """A state in the reader's words, and its tone; one that nobody listed as it is."""
    text, tone = words.get(word, (word, ""))
    return (say.gettext(text) if text else ""), tone


def change_words(say: Speech, scope: str, change: str, policy: Policy = DEFAULT) -> str:
    """What a consent event changed."""
    text = CHANGES.get((scope, change))
    if text:
        return say.gettext(text)
    return f"{scope_words(say, scope, policy)}: {named(say, SAID, change)[0]}"


def source_words(say: Speech, source: str) -> str:
    """Where it was said; what people here wrote down names them (page/Anna)."""
    kind, _, who = source.partition("/")
    if kind == "page" and who:
        return say.gettext("written down by %(name)s", name=who)
    if who.startswith("confirms/"):
        number = who.removeprefix("confirms/")
        return say.gettext(
            "%(how)s, confirming entry %(num)s", how=source_words(say, kind), num=number
        )
    if kind in SOURCES:
        return f"{say.gettext(SOURCES[kind])} ({who})" if who else say.gettext(SOURCES[kind])
    return source


def scope_words(say: Speech, scope: str, policy: Policy) -> str:
    """What a permission is about."""
    kind, _, key = scope.partition("/")
    if kind == "topic":
        topic = policy.topic(key)
        own = topic.names.get(say.language, "") if topic else ""
        return own or (say.gettext(TOPICS[key]) if key in TOPICS else key)
    if kind == "category":
        return say.gettext("Category %(name)s", name=key)
    if kind == "channel":
        return say.gettext("Letters by e-mail")
    return (
        say.gettext("Texts about orders") if scope == "service" else say.gettext("Offers and news")
    )


def origin_words(say: Speech, origin: str) -> str:
    """How we came to know somebody."""
    return say.gettext(ORIGINS[origin]) if origin in ORIGINS else origin


def language_words(say: Speech, code: str | None) -> str:
    """A language by its name."""
    try:
        return Locale.parse(code or "").get_display_name(say.locale) or (code or "")
    except (UnknownLocaleError, ValueError):
        return code or ""


def country_words(say: Speech, code: str | None) -> str:
    """A country by its name."""
    return str(say.locale.territories.get(code or "", code or ""))


ZONES_NAMED_MAX = 4


def zone_words(say: Speech, person: Contact, store: Store) -> str:
    """Where the person may be, each place with its clock: what is sent must suit them all."""
    zones = person.zones or (store.time_zone,)
    places = [
        f"{dates.get_timezone_location(zone, locale=say.locale, return_city=True)} "
        f"{say.now.astimezone(ZoneInfo(zone)):%H:%M}"
        for zone in zones[:ZONES_NAMED_MAX]
    ]
    if more := len(zones) - ZONES_NAMED_MAX:
        if more > 0:
            places.append(say.ngettext("and %(num)s more", "and %(num)s more", more))
    return ", ".join(places)
