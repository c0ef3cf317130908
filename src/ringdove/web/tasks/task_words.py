"""Tasks and calls in the reader's words."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from ringdove.web.menu import N_
from ringdove.web.reasons import REASONS, reason_words
from ringdove.web.speech import Speech

Table = Mapping[str, tuple[str, str]]

RESULTS: Table = {  # of tasks: words, tone
    "done": (N_("It was done"), "ok"),
    "failed": (N_("It did not work"), "bad"),
    "not_needed": (N_("Not needed any more"), ""),
    "told": (N_("The shop's program took it"), "ok"),
    "erased": (N_("The person was erased"), ""),
}
CALLS: Table = {  # what a call came to
    "confirmed": (N_("Confirmed"), "ok"),
    "changed": (N_("Order changed"), "ok"),
    "cancelled": (N_("Wants it no more"), "bad"),
    "no_answer": (N_("Nobody answered"), "wait"),
    "call_again": (N_("Asked to call later"), "wait"),
    "wrong_number": (N_("Wrong number"), "bad"),
}
TROUBLES: Mapping[str, str] = {
    "no_address": N_("No address for alerts is set."),
    "nobody_to_tell": N_("Nobody with an account could be written to."),
    "no_staff_phone": N_("Nobody of the staff has set a phone under their own name."),
    "no_email_gateway": N_("The store has no gateway for e-mail."),
    "seal_broken": N_("Its secret cannot be read any more: enter the address again."),
}


def options(
    say: Speech, table: Mapping[str, tuple[str, str]], *known: str
) -> list[tuple[str, str]]:
    """For a list to choose from."""
    return [(word, say.gettext(table[word][0])) for word in known]


def pair(say: Speech, table: Table, word: str) -> tuple[str, str]:
    """A word and its tone."""
    text, tone = table.get(word, (word, ""))
    return say.gettext(text), tone


def trouble(say: Speech, word: str) -> str:
    """Why somebody could not be told; what a server said is shown as it came."""
    if word in TROUBLES:
        return say.gettext(TROUBLES[word])
    return reason_words(say, word) if word in REASONS else word


def who(say: Speech, by: str) -> str:
    """Who did something: page/Anna, api/till, webhook."""
    if by == "webhook":
        return say.gettext("the shop's program")
    kind, _, name = by.partition("/")
    return say.gettext("a program: %(name)s", name=name) if kind == "api" else name


def clock_to(say: Speech, at: datetime) -> str:
    """A moment as a field for day and time holds it."""
    return at.astimezone(say.zone).strftime("%Y-%m-%dT%H:%M")


def clock_from(zone: ZoneInfo, typed: str) -> datetime | None:
    """What such a field held, by the store's clock; None: no moment."""
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=zone) if typed else None
    except ValueError:
        return None
