"""What a text written by hand will be: its size as it is typed, and what the decision says of it.

Nothing is sent from here; customer_deeds.py does, and the decision is asked again there (P1).
"""

from dataclasses import dataclass

from ringdove.rules import consent, texts
from ringdove.rules.scenes import Contact
from ringdove.web import handwork
from ringdove.web.reasons import reason_words
from ringdove.web.views import StorePage


@dataclass(frozen=True, slots=True)
class Look:
    """A text on its way."""

    typed: str
    encoding: str
    units: int
    room: int
    parts: int
    cheaper: texts.Swap | None
    goes: str  # now, later, never
    verdict: str  # in words

    @property
    def tone(self) -> str:
        """Of the verdict, as ui.alert shows it."""
        return {"now": "ok", "later": "wait", "never": "bad"}[self.goes]


def look(page: StorePage, person: Contact, typed: str, klass: str) -> Look:
    """How big the text is, and whether and when it would go."""
    size = texts.measure(typed)
    room = (texts.SINGLE_UNITS_MAX if size.parts == 1 else texts.PART_UNITS_MAX)[size.encoding]
    swaps = texts.swaps(typed)
    goes, verdict = _decided(page, person, klass)
    return Look(
        typed, size.encoding, size.units, room * size.parts, size.parts,
        swaps[0] if swaps else None, goes, verdict,
    )  # fmt: skip


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
