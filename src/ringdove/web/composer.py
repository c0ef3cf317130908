"""What a text written by hand will be: its size as it is typed, and what the decision says of it.

Nothing is sent from here; customer_deeds.py does, and the decision is asked again there (P1).
"""

from dataclasses import dataclass

from ringdove.rules import consent, texts
from ringdove.rules.scenes import Contact
from ringdove.web import handwork
from ringdove.web.counting import Size, size_of
from ringdove.web.reasons import reason_words
from ringdove.web.views import StorePage


@dataclass(frozen=True, slots=True)
class Look:
    """A text on its way."""

    typed: str
    size: Size
    calls: bool  # False: an offer with nothing to do (R27)
    goes: str  # now, later, never
    verdict: str  # in words

    @property
    def tone(self) -> str:
        """Of the verdict, as ui.alert shows it."""
        return {"now": "ok", "later": "wait", "never": "bad"}[self.goes]


def look(page: StorePage, person: Contact, typed: str, klass: str) -> Look:
    """How big the text is, and whether and when it would go."""
    latin = texts.in_latin(typed, page.store.languages[0])
    size = size_of(typed, [*texts.swaps(typed), *([latin] if latin else [])])
    calls = klass != "marketing" or not typed or texts.has_call(typed)
    return Look(typed, size, calls, *_decided(page, person, klass))


def _decided(page: StorePage, person: Contact, klass: str) -> tuple[str, str]:
    _, now = page.say.gettext, page.runtime.clock()
    draft = consent.Draft("sms", klass, "by_hand", now, now + handwork.VALID_FOR)
    match consent.decide(page.store, person, draft, now):
        case consent.Send():
            return "now", _("It goes out at once.")
        case consent.Wait(until, _window, reason):
            at = f"{page.say.day(until)}, {page.say.clock(until)}"
            why = reason_words(page.say, reason)
            return "later", _("It waits until %(time)s. %(why)s", time=at, why=why)
        case consent.Drop(reason):
            why = reason_words(page.say, reason)
            return "never", _("It would not be sent. %(why)s", why=why)
