"""Refusals, erasures and kinds of data in the reader's words: one table for their pages."""

from collections.abc import Mapping

from ringdove.web.menu import N_
from ringdove.web.speech import Speech

REASONS: Mapping[str, str] = {
    "by_hand": N_("Added by hand"),
    "imported": N_("From an imported list"),
    "operator": N_("Stopped at the operator"),
    "complaint": N_("Called a letter spam"),
    "bounced": N_("The address does not exist"),
    "erased": N_("The person was erased"),
    "inactive": N_("Erased without a sign of life"),
    "site": N_("Stopped on the shop's site"),
}
SCOPES: Mapping[str, tuple[str, str]] = {
    "marketing": (N_("No offers"), "wait"),
    "all": (N_("Nothing at all"), "bad"),
}
ERASURES: Mapping[str, tuple[str, str]] = {
    "keys": (N_("under way"), "wait"),
    "facts": (N_("under way"), "wait"),
    "late": (N_("erased; looked through once more"), "ok"),
    "done": (N_("erased"), "ok"),
}
WENT: Mapping[str, str] = {
    "people": N_("the person's own data"),
    "orders": N_("orders: numbers and links; amounts stay"),
    "order_lines": N_("names of what was ordered"),
    "parcels": N_("parcels: numbers, links and places"),
    "returns": N_("returns: keys"),
    "carts": N_("carts: what was in them"),
    "visits": N_("visits"),
    "clicks": N_("openings of links: by which device"),
    "messages": N_("texts and letters: recipient and words"),
    "texts_from_them": N_("texts from the person"),
    "conversations": N_("what the inbox knew of the talk with them"),
    "notes_of_the_talk": N_("notes of colleagues beside the talk"),
    "survey_answers": N_("answers to surveys: words; scores stay"),
    "complaints": N_("complaints: words; that there was one stays"),
    "complaint_histories": N_("complaints: what happened to each"),
    "contest_entries": N_("entries to contests"),
    "contest_tickets": N_("drawn tickets: whose they were"),
    "queued": N_("texts that were waiting"),
    "packets": N_("what went over the wire"),
    "receipts": N_("receipts"),
    "automations": N_("runs of automations"),
    "automation_members": N_("which segments automations knew the person in"),
    "tasks": N_("tasks: what was to be done, and notes"),
    "calls": N_("calls: notes"),
    "facts": N_("events as they were heard"),
    "keys": N_("keys that led to the person"),
    "words_in_the_ledger": N_("words in the ledger that named the person"),
    "audit": N_("names in the audit"),
}
# Each kind that has a time: what it is, and why it is kept at all.
KINDS: Mapping[str, tuple[str, str]] = {
    "visits": (
        N_("Visits to the shop"),
        N_("They say at what hour somebody likes to be written to. Then they are deleted."),
    ),
    "clicks": (
        N_("Openings of links"),
        N_("Reports count them. Then they are deleted, and reports of that time say so."),
    ),
    "carts": (
        N_("Contents of carts"),
        N_("For reminders. Then a cart keeps its amount and what became of it."),
    ),
    "messages": (
        N_("Words of texts and letters"),
        N_("To answer who asks what was sent. Then only when, over what and with what success."),
    ),
    "inbound": (
        N_("Words of people's texts"),
        N_("To answer them. Then only when, and what was understood."),
    ),
    "receipts": (
        N_("Receipts and operators' ids"),
        N_("To settle a bill with an operator. What they add up to stays."),
    ),
    "packets": (
        N_("What went over the wire"),
        N_("To find out what is wrong with a gateway."),
    ),
    "facts": (
        N_("Events as the shop told them"),
        N_("A shop repeats itself for days. What followed from them stays."),
    ),
    "people": (
        N_("People without a sign of life"),
        N_("No order, visit, reply or click. Then they are erased like who asked for it."),
    ),
}


def reason(say: Speech, word: str) -> str:
    """Why a number is refused."""
    return say.gettext(REASONS[word]) if word in REASONS else word


def pair(say: Speech, table: Mapping[str, tuple[str, str]], word: str) -> tuple[str, str]:
    """A word and its tone."""
    text, tone = table.get(word, (word, ""))
    return say.gettext(text), tone


def went(say: Speech, kind: str) -> str:
    """What was erased."""
    return say.gettext(WENT[kind]) if kind in WENT else kind.replace("_", " ")
