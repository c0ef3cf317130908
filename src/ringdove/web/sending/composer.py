"""What a text written by hand will be: its size as it is typed, and what the decision says of it.

Nothing is sent from here; customer_deeds.py does, and the decision is asked again there (P1).
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from ringdove.kit.db import Tx
from ringdove.records.segments import histories
from ringdove.rules import languages, texts
from ringdove.rules.consent import consent, stop_links
from ringdove.rules.scenes import NO_HISTORY, Contact, History
from ringdove.web.reasons import reason_words
from ringdove.web.sending import handwork
from ringdove.web.sending.counting import Size, size_of
from ringdove.web.views import StorePage


@dataclass(frozen=True, slots=True)
class Offer:
    """What an offer by hand says of itself, beside its words."""

    topic: str = "offers"
    category: str = ""
    occasion: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """A text on its way."""

    typed: str
    size: Size
    calls: bool  # False: an offer with nothing to do (R27)
    goes: str  # now, later, never
    verdict: str  # in words
    with_way_out: str = ""  # an offer that says no way out (R5): the text with one
    needs_occasion: bool = False  # an offer without an occasion goes, though nobody knows why (R13)

    @property
    def tone(self) -> str:
        """Of the verdict, as ui.alert shows it."""
        return {"now": "ok", "later": "wait", "never": "bad"}[self.goes]


def look(
    page: StorePage, person: Contact, typed: str, klass: str,
    history: History = NO_HISTORY, offer: Offer | None = None,
) -> Look:  # fmt: skip
    """How big the text is, and whether and when it would go."""
    offer = offer or Offer()
    latin = texts.in_latin(typed, page.store.languages[0])
    said = handwork.with_link(typed, _own_link(page, person))
    size = size_of(said, [*texts.swaps(typed), *([latin] if latin else [])])
    calls = klass != "marketing" or not typed or texts.has_call(typed)
    warns = klass == "marketing" and not offer.occasion and page.store.policy.occasion == "warn"
    language = languages.choose(person.language, person.country, page.store.languages)
    added = with_way_out(typed, language) if klass == "marketing" else ""
    verdict = _decided(page, person, klass, history, offer)
    return Look(typed, size, calls, *verdict, added, warns)


def _own_link(page: StorePage, person: Contact) -> str:
    """The person's own way out, so that it is counted as long as it will be."""
    runtime, store_id = page.runtime, page.store.id
    address = runtime.settings.outside_url
    return stop_links.url_of(address, store_id, person.id, partial(runtime.keyed, store_id))


def with_way_out(typed: str, language: str) -> str:
    """An offer with the way out at its end; "" when it has one, or is none yet."""
    if not typed.strip() or texts.has_way_out(typed):
        return ""
    word: str = languages.phrases(language)["public"]["leave"]["ending"]
    return f"{typed.rstrip()} {word} {{{{ stop_url }}}}"


async def past_of(tx: Tx, page: StorePage, person: Contact) -> History:
    """What earlier offers and purchases say of the next offer."""
    found = await histories.load(tx, page.store, [person], page.runtime.clock())
    return found.get(person.id, NO_HISTORY)


def draft_of(klass: str, offer: Offer, now: datetime) -> consent.Draft:
    """What the decision is asked of a text by hand."""
    is_offer = klass == "marketing"
    return consent.Draft(
        "sms", klass, offer.topic if is_offer else "by_hand", now, now + handwork.VALID_FOR,
        category=offer.category if is_offer else "", occasion=offer.occasion if is_offer else "",
    )  # fmt: skip


def _decided(
    page: StorePage, person: Contact, klass: str, history: History, offer: Offer
) -> tuple[str, str]:
    _, now = page.say.gettext, page.runtime.clock()
    match consent.decide(page.store, person, draft_of(klass, offer, now), history, now):
        case consent.Send():
            return "now", _("It goes out at once.")
        case consent.Wait(until, _window, reason):
            at = f"{page.say.day(until)}, {page.say.clock(until)}"
            why = reason_words(page.say, reason)
            return "later", _("It waits until %(time)s. %(why)s", time=at, why=why)
        case consent.Drop(reason):
            why = reason_words(page.say, reason)
            return "never", _("It would not be sent. %(why)s", why=why)
