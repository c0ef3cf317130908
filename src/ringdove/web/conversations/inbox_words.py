"""Conversations in the reader's words: what a text was understood as, how long somebody waits."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from babel.dates import format_timedelta

from ringdove.rules.scenes import Conversation
from ringdove.web.menu import N_
from ringdove.web.speech import Speech

# Each with the tone of its pill; the keys are those of rules/replies.
INTENTS: Mapping[str, tuple[str, str]] = {
    "stop": (N_("stop"), "bad"),
    "start": (N_("start again"), "ok"),
    "help": (N_("help"), "info"),
    "rating": (N_("a score"), "info"),
    "order_status": (N_("where is my order"), "info"),
    "complaint": (N_("a complaint"), "wait"),
    "rules": (N_("asks for the rules"), "info"),
    "contest": (N_("a contest"), "info"),
    "thanks": (N_("thanks"), "ok"),
    "other": (N_("something else"), ""),
    "unsure": (N_("not understood"), "wait"),
}
# What answered a text by itself.
HANDLED: Mapping[str, str] = {
    "stop": N_("offers were stopped"),
    "confirm": N_("a yes was written down"),
    "start": N_("offers were started"),
    "help": N_("help was sent"),
    "contest": N_("the contest answered"),
    "keyword": N_("signed up"),
    "which": N_("an order was chosen"),
    "survey": N_("a survey was answered"),
    "status": N_("told how it stands"),
    "complaint": N_("a complaint was opened"),
    "rules": N_("the rules were sent"),
    "thanks": N_("nothing to do"),
    "automation": N_("an automation went on"),
}
TABS: Mapping[str, str] = {
    "waiting": N_("Waiting for us"),
    "mine": N_("Mine"),
    "answered": N_("Answered"),
    "snoozed": N_("For later"),
    "closed": N_("Closed"),
    "all": N_("All"),
}
NOTHING: Mapping[str, tuple[str, str]] = {
    "waiting": (
        N_("Nobody waits for an answer"),
        N_("A text that no automation can answer opens a conversation here."),
    ),
    "mine": (N_("Nothing is yours"), N_("Take a conversation, and it stands here.")),
    "answered": (
        N_("Nothing is open"),
        N_("Conversations that were answered stand here until somebody closes them."),
    ),
    "snoozed": (
        N_("Nothing is put off"),
        N_("A conversation that is put off comes back by itself, or when they write again."),
    ),
    "closed": (N_("Nothing is closed yet"), N_("What needs no answer any more stands here.")),
    "all": (
        N_("Nobody has written yet"),
        N_("When customers answer to your number, their texts stand here."),
    ),
}
LATE_AFTER = timedelta(hours=1)


def meant(say: Speech, intent: str) -> tuple[str, str]:
    """What a text was understood as, and the tone of its pill."""
    text, tone = INTENTS.get(intent, (intent, ""))
    return (say.gettext(text) if text else ""), tone


def intents(say: Speech) -> list[tuple[str, str]]:
    """To choose from, where somebody puts it right."""
    return [(word, say.gettext(text)) for word, (text, _) in INTENTS.items()]


def handled(say: Speech, word: str) -> str:
    """What a machine made of a text; "": it left it to people."""
    return say.gettext(HANDLED[word]) if word in HANDLED else word


def span(say: Speech, lasting: timedelta) -> str:
    """A time as it is said: 12 minutes."""
    return format_timedelta(lasting, locale=say.locale, granularity="second")


def waited(say: Speech, since: datetime) -> tuple[str, str]:
    """How long they wait by now, and its tone."""
    lasting = say.now - since
    tone = "bad" if lasting > LATE_AFTER else "wait"
    return say.gettext("waits %(time)s", time=span(say, lasting)), tone


def state(say: Speech, known: Conversation) -> tuple[str, str]:
    """How a conversation stands, and the tone of its pill."""
    if known.state == "closed":
        return say.gettext("closed"), ""
    if known.state == "snoozed" and known.snoozed_until:
        until = f"{say.day(known.snoozed_until)}, {say.clock(known.snoozed_until)}"
        return say.gettext("put off until %(time)s", time=until), "info"
    if known.waiting_since:
        return waited(say, known.waiting_since)
    return say.gettext("answered"), "ok"
