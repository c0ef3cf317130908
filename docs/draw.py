"""Draws the pages of docs/ that are made from code: conditions.md, facts.md, messages.md,
ready-automations.md, settings.md and steps.md.

`make docs` writes them; tests/test_docs.py fails when one is not current. It must never say
anything about a fact or a state that the code does not: words beside the tables are kept here.
"""

import types
import typing
from collections.abc import Iterator
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from ringdove import settings
from ringdove.rules import facts, messages, texts
from ringdove.rules.automations import journeys, recipes, samples
from ringdove.rules.campaigns.campaigns import Link
from ringdove.rules.scenes import Store
from ringdove.rules.segments import segments
from ringdove.rules.steps.alert import Alert
from ringdove.rules.steps.ask import Ask
from ringdove.rules.steps.branch import Branch, Where
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait

HERE = Path(__file__).parent

# ------------------------------------------------------------------ facts.md

FACTS_HEAD = """\
# Facts

The vocabulary of what happens. Drawn from `rules/facts.py`; do not edit.

Every fact has `kind`, `id` and `at`. `id` is yours: the same id again is the same fact and changes
nothing, so repeat whatever you are not sure of. Make it from what is said (`order/42/paid`), not
from when it was sent. `at` is when it happened, with its zone; a text is worth sending for a span
counted from it. Amounts are decimals in the order's currency. Unknown fields are refused, so that
typos are seen. A fact about an order that we do not know yet waits for that order, for up to three
days.
"""

_NESTED: tuple[type[BaseModel], ...] = (facts.Order, facts.Customer, facts.Consent, facts.Line)
_OF_EVERY_FACT = ("id", "at", "kind")


def facts_page() -> str:
    """Every fact with its fields and the ready texts that it can begin."""
    kinds = facts.kinds()
    outside = [kind for kind in _told_by_shops() if kind in kinds]
    own = [kind for kind in kinds if kind not in outside]
    lines = [FACTS_HEAD, "## What shops and programs tell\n"]
    lines += [_fact(kinds[kind]) for kind in outside]
    lines += ["## What is inside them\n"]
    lines += [_section(cls.__name__, cls, ()) for cls in _NESTED]
    lines += ["## What phones, pages and time tell\n", "Nobody sends these from outside.\n"]
    lines += [_fact(kinds[kind]) for kind in own]
    return "\n".join(lines)


def _told_by_shops() -> list[str]:
    union = typing.get_args(facts.OutsideFact)[0]
    return [cls.model_fields["kind"].default for cls in typing.get_args(union)]


def _fact(cls: type[facts.Fact]) -> str:
    kind = cls.model_fields["kind"].default
    section = _section(f"`{kind}`", cls, _OF_EVERY_FACT)
    begun = [
        key
        for key, journey in recipes.RECIPES.items()
        if getattr(journey.trigger, "kind", "") == kind
    ]
    if begun:
        section += "\nCan begin: " + ", ".join(f"`{key}`" for key in begun) + ".\n"
    return section


def _section(
    title: str, cls: type[BaseModel], without: tuple[str, ...], *, with_defaults: bool = False
) -> str:
    rows = [
        f"| `{name}` | {_type(field)} | {'yes' if field.is_required() else ''} "
        f"| {_cell(_meaning(field, with_defaults))} |"
        for name, field in cls.model_fields.items()
        if name not in without
    ]
    table = ["| Field | Is | Needed | Meaning |", "| --- | --- | --- | --- |", *rows, ""]
    says = " ".join((cls.__doc__ or "").split())
    return "\n".join([f"### {title}\n", says + "\n", *(table if rows else [])])


def _meaning(field: FieldInfo, with_default: bool) -> str:
    said = field.description or ""
    value = field.default
    if not with_default or not isinstance(value, str | int | time) or value in ("", 0):
        return said
    word = str(value).lower() if isinstance(value, bool) else f"{value}"
    return f"{said} By default `{word}`.".strip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _type(field: FieldInfo) -> str:
    return _word(field.annotation)


_ONE_OF: dict[Any, str] = {
    segments.Not: "[condition](#conditions)",
    journeys.Heard: "[trigger](#what-begins-it)",
    Send: "[step](#steps)",
}
_WORDS = {
    "str": "text", "int": "number", "bool": "true or false", "Decimal": "decimal",
    "datetime": "time", "date": "day", "time": "time of day",
}  # fmt: skip


def _word(kind: Any) -> str:
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        return _word(typing.get_args(kind)[0])
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in typing.get_args(kind) if value != "")
    if origin is dict:
        return "table"
    if origin is tuple:
        return f"list of {_word(typing.get_args(kind)[0])}"
    if origin in (typing.Union, types.UnionType):
        for one, name in _ONE_OF.items():
            if one in typing.get_args(kind):
                return name
        told = [part for part in typing.get_args(kind) if part is not type(None)]
        return " or ".join(_word(part) for part in told)
    if kind is AwareDatetime:
        return "time"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    return _WORDS[kind.__name__]


# ------------------------------------------------------------------ messages.md

MESSAGES_HEAD = """\
# The life of a message

Drawn from `rules/messages.py`; do not edit.

A message is made by `rules/messages.py:speak` and nowhere else. It asks the decision
(`rules/consent/consent.py:decide`): send, wait until, or drop. A dropped one is kept too, as a
silence with its reason. The decision is asked again in the transaction that takes the message for
sending.
"""

STATES = {
    "waiting": "in the outbox: due now, or due later (quiet hours, a step that waits); or just "
    "being said",
    "sent": "the gateway took it; the receipt is awaited",
    "unknown": "it was being submitted when the process or link was lost; it may have been sent "
    "and is never said again by itself; a receipt can still settle it",
    "delivered": "all its parts are on the phone (e-mail: where servers tell of it, else it stays "
    "`sent`)",
    "failed": "it did not arrive: refused for good, tried too often, or a part failed",
    "expired": "kept for gateways that say so; an SMPP receipt that says it makes the message "
    "`failed` with the reason `expired`",
    "dropped": "it was not said, on purpose; the reason says why",
}

# Word → what a merchant should know, and what can be done.
REASONS = {
    "no_phone": ("The person has no phone number.", "Ask for one; e-mail may still go."),
    "phone_doubtful": ("The number could not be read for sure.", "Ask them; correct the order."),
    "no_email": ("The person has no e-mail address.", "Nothing: the SMS that follows says it."),
    "email_closed": ("Letters to the address came back, or it is refused.", "Ask for another."),
    "erased": ("The person was erased while it waited.", "Nothing."),
    "stopped": ("The person said STOP, before or after it was queued.", "Only they begin again."),
    "parted": ("A merge was undone and it would have reached the other.", "Write to them again."),
    "number_passed_on": ("The number belongs to somebody else now.", "Ask for the new one."),
    "no_consent": ("It is marketing and there is no stored yes.", "Ask at the checkout."),
    "silent": ("No answer in 14 days to “do you still want our offers?”.", "A new yes."),
    "topic_left": ("The person left this topic.", "Only they join it again."),
    "category_left": ("The person wants nothing about this category.", "Only they take it back."),
    "unconfirmed": ("A form's yes is not confirmed by the number yet.", "Wait for the answer."),
    "no_occasion": ("It is marketing and names no occasion.", "Say why it comes now."),
    "paused": ("The person paused marketing past its end, or until then.", "It waits if it may."),
    "talking": ("Somebody answered them by hand: no offers for a while.", "It waits if it may."),
    "answered_enough": ("Eight answers by machine on one day.", "A person is asked to look."),
    "cap_day": ("As many marketing texts in 24 hours as the policy allows.", "It waits if it may."),
    "cap_week": ("As many in 7 days.", "It waits if it may."),
    "cap_month": ("As many in 30 days.", "It waits if it may."),
    "category_gap": ("The last offer of this category is too near.", "It waits if it may."),
    "bought_lately": ("The person bought from this category lately.", "Offer what goes with it."),
    "no_hour_left": ("No allowed hour before its end.", "Give it more time."),
    "number_changed": ("The number it was made for is not the person's any more.", ""),
    "merged": ("The record it was made for is part of another person by now.", ""),
    "twice": ("They got this campaign already, under a record merged into theirs.", ""),
    "holdout": ("Left alone by chance, to see what it earns.", ""),
    "campaign_cancelled": ("The campaign was cancelled before it left.", ""),
    "sold_out": ("The goods were sold before it left.", ""),
    "left_audience": ("The campaign was changed and does not mean them so any more.", ""),
    "no_survey": ("The survey that it asks is not there any more.", "Choose another one."),
    "no_words": ("It says nothing in their language and channel.", "Add its words."),
    "no_code": ("The offer had no code to give any more.", "Add codes to the offer."),
    "no_goods": ("There were no goods that it could name.", "Tell of the catalogue and orders."),
    "outranked": ("An offer of a higher priority went to them at that time.", ""),
    "bought": ("They have ordered since it began (P3).", ""),
    "too_long": ("With their own values no phone can join the text.", "Shorten it."),
    "broken_text": ("With their own values the text cannot be made.", "Look at its {{ field }}s."),
    "too_late": ("Its time was over before it could go.", "Look for what was late."),
    "no_allowed_hour": ("No hour suits every zone the person may be in.", "Learn the region."),
    "paid": ("A payment reminder whose order was paid meanwhile.", ""),
    "cancelled": ("A payment reminder whose order was cancelled meanwhile.", ""),
    "not_due": ("Nothing is to be paid for the order any more before it is delivered.", ""),
    "no_gateway_sms": ("There is no gateway for SMS.", "Add one on the page Connections."),
    "no_gateway_email": ("There is no gateway for e-mail.", "Add one on the page Connections."),
    "no_sender": ("No sender may be used in this country.", "Add one on Routes and money."),
    "sender_not_ready": ("Its sender's registration is not through.", "Say so when it is."),
    "sender_needs_number": ("The country carries no names as senders.", "Add a number for it."),
    "sender_cannot_be_answered": ("Its advertising must take STOP as a reply.", "Add a number."),
    "sender_not_registered": ("The country blocks unregistered names.", "Add the registered one."),
    "sender_no_number": ("The rule asks for a number, and there is none.", "Add one."),
    "sender_no_name": ("The rule asks for a name, and there is none.", "Add one."),
    "no_answer": ("The operator did not answer in time.", "Look for the receipt; ask them."),
    "link_broke": ("The link broke before the answer came.", "Look for the receipt; ask them."),
    "process_lost": ("The process died while it was submitting.", "Look for the receipt."),
}
# The same for letters: in a reason a mail server's own words follow after a colon.
LETTERS = {
    "no_such_address": ("Nobody has this address.", "Ask for another; the SMS still goes."),
    "no_such_domain": ("What stands after the @ receives no mail.", "Ask for another."),
    "mailbox_full": ("The mailbox takes no more.", "Nothing: it may have room later."),
    "not_in_time": ("Their server could not be reached for days.", "Nothing."),
    "unwanted": (
        "Their server refused it as unwanted.",
        "Let the sender's domain name this server (SPF, DKIM, DMARC).",
    ),
    "connection broke": (
        "The connection broke after the letter was given and before the answer.",
        "Look for the bounce, or let service letters be repeated (a setting of the gateway).",
    ),
}
WAITS = {
    "quiet_hours": "It is night, or another quiet hour, in a zone where the person may be.",
    "own_hours": "It waits for its own weekdays and part of the day.",
    "not_yet": "Its own time has not come.",
    "paused": "The person paused marketing until then.",
    "talking": "Somebody of the shop answered them by hand and talks with them.",
    "cap_day": "The person had as many marketing texts in 24 hours as the policy allows.",
    "cap_week": "The same in 7 days.",
    "cap_month": "The same in 30 days.",
    "category_gap": "The last offer of the category is too near.",
    "bought_lately": "The person bought from the category lately.",
}


def messages_page() -> str:
    """States and their order from LIFE, reasons, and how long each ready text is worth sending."""
    lines = [MESSAGES_HEAD, "## States\n", "```", *_life(), "```\n"]
    lines += ["| State | Means | Can become |", "| --- | --- | --- |"]
    for state, follows in messages.LIFE.items():
        becomes = ", ".join(f"`{s}`" for s in follows if s != state) or "nothing more: final"
        lines.append(f"| `{state}` | {STATES[state]} | {becomes} |")
    lines += ["\nA message that must be tried again stays `waiting`.\n", "## Reasons\n"]
    lines += ["| Reason | Means | What to do |", "| --- | --- | --- |"]
    lines += [f"| `{word}` | {means} | {do} |" for word, (means, do) in REASONS.items()]
    lines += [
        "\nAny other reason is the operator's own word, such as `ESME_RINVDSTADR` or an error of a"
        "\nreceipt. `in part: …` says that some parts of a long text had left when another was"
        "\nrefused; `unsayable: …` that a sender or text does not fit what the gateway carries.\n",
        "## Waiting\n", "| Reason | Means |", "| --- | --- |",
        *(f"| `{word}` | {means} |" for word, means in WAITS.items()),
        "\n## Letters\n",
        "A letter can come back after it was `sent`: see [bounces](email.md).\n",
        "| Reason begins with | Means | What to do |", "| --- | --- | --- |",
        *(f"| `{word}:` | {means} | {do} |" for word, (means, do) in LETTERS.items()),
        "\n## How long a text is worth sending\n",
        "Counted from the time of its fact; later it is dropped as `too_late`.\n",
        "| Text | Begun by | Worth sending for | As it comes |", "| --- | --- | --- | --- |",
    ]  # fmt: skip
    for recipe in recipes.RECIPES.values():
        on = "on" if recipe.starts_on else "off"
        begun = getattr(recipe.trigger, "kind", recipe.trigger.on)
        lines.append(f"| `{recipe.key}` | `{begun}` | {_span(recipe.span)} | {on} |")
    return "\n".join(lines) + "\n"


def _life() -> list[str]:
    width = max(len(state) for state in messages.LIFE)
    return [
        f"{state:<{width}} --> {', '.join(s for s in follows if s != state)}"
        for state, follows in messages.LIFE.items()
        if follows
    ]


def _span(span: timedelta) -> str:
    if span < timedelta(hours=1):
        return f"{span // timedelta(minutes=1)} minutes"
    if span < timedelta(days=1):
        hours = span // timedelta(hours=1)
        return "1 hour" if hours == 1 else f"{hours} hours"
    days = span // timedelta(days=1)
    return "1 day" if days == 1 else f"{days} days"


# ------------------------------------------------------------------ conditions.md

CONDITIONS_HEAD = """\
# Conditions

All that a segment can ask of a person. Drawn from `rules/segments/segments.py`; do not edit.
[Segments](segments.md) says how they are used.

A condition is JSON with a `leaf` that says which one it is. What is not given does not bind; of
lists, any one is enough; of several fields, all must hold. Unknown fields are refused, so that
typos are seen.
"""


def conditions_page() -> str:
    """The vocabulary of segments."""
    kinds = typing.get_args(typing.get_args(segments.Inner)[0])
    shared = (segments.Range, segments.Span, segments.Goods)
    drawn = [
        *(_section(f"`{one.model_fields['leaf'].default}`", one, ("leaf",)) for one in kinds),
        "## Used in them\n",
        *(_section(one.__name__, one, ()) for one in shared),
    ]
    return "\n".join([CONDITIONS_HEAD, *drawn])


# ------------------------------------------------------------------ steps.md

STEPS_HEAD = """\
# Journeys and their steps

All that an automation can be made of. Drawn from `rules/automations/journeys.py` and
`rules/steps/`; do not edit. [Automations](automations.md) says how they are used.

A journey is JSON. A step says by `do` which one it is, a trigger by `on`. What is not given is as
it is by default; unknown fields are refused, so that typos are seen. Spans are in seconds. Ids of
steps are the journey's own (letters a-z, digits, _): they stay when steps are moved, so that who
waits at one is found there.
"""


def steps_page() -> str:
    """The vocabulary of journeys."""
    triggers = typing.get_args(typing.get_args(journeys.Trigger)[0])
    steps = typing.get_args(typing.get_args(journeys.AnyStep)[0])
    shared = (Where, Link, segments.Goods, segments.Range)
    drawn = [
        STEPS_HEAD,
        _section("Journey", journeys.Journey, ("key", "starts_on"), with_defaults=True),
        "## What begins it\n",
        *(
            _section(f"`{one.model_fields['on'].default}`", one, ("on",), with_defaults=True)
            for one in triggers
        ),
        "## Steps\n",
        *(
            _section(f"`{one.model_fields['do'].default}`", one, ("do",), with_defaults=True)
            for one in steps
        ),
        "## Used in them\n",
        *(_section(one.__name__, one, ()) for one in shared),
    ]
    return "\n".join(drawn).replace("(#conditions)", "(conditions.md)")


# ------------------------------------------------------------------ ready-automations.md

READY_HEAD = """\
# Ready automations

Drawn from `rules/automations/recipes.py` and `locales/en/phrases.toml`; do not edit.
[Automations](automations.md) says how they are used. Each is switched on with one press; all of it
can be changed. Those that offer something are said to who allows it, and leave one in ten alone to
see what they earn. The texts are there in English, Russian, Belarusian, Italian and Spanish; with a
short domain and a name of usual length each is one part in Latin letters and two in Cyrillic ones.
"""
LINDEN = Store(
    1, "Linden", "GB", "Europe/London", ("en",), "EUR", time(21), time(9),
    website="https://linden.example", phone="+44 20 7946 0000", link_host="lnd.example",
)  # fmt: skip


def ready_page() -> str:
    """Every ready automation: what begins it, its steps, what it says in English."""
    drawn = [READY_HEAD, "| Automation | Begins with | As it comes |", "| --- | --- | --- |"]
    for key, journey in recipes.RECIPES.items():
        title = recipes.words_of(key, "en")["title"]
        on = "on" if journey.starts_on else "off"
        drawn.append(f"| [{title}](#{key}) | {_begins(journey)} | {on} |")
    said = samples.values(LINDEN, "en", date(2026, 11, 22), "https://lnd.example")
    for key, journey in recipes.RECIPES.items():
        words = recipes.words_of(key, "en")
        drawn += [f"\n### {key}\n", f"{words['title']}. {words['about']}\n"]
        drawn += _steps(journey.steps, said, "")
        ends = sorted({*journey.stopped_by, *journey.stopped_by_any})
        if ends:
            drawn.append(f"\nEnds with {', '.join(f'`{one}`' for one in ends)}.")
    return "\n".join(drawn) + "\n"


def _begins(journey: journeys.Journey) -> str:
    trigger = journey.trigger
    if not isinstance(trigger, journeys.Heard):
        return f"[{trigger.on}](steps.md#{trigger.on})"
    where = trigger.where
    which = ", ".join(filter(None, (*where.states, where.only, where.wish)))
    return f"`{trigger.kind}`" + (f" ({which})" if which else "")


def _steps(some: tuple[journeys.Step, ...], said: Any, indent: str) -> Iterator[str]:
    for step in some:
        off = "" if step.is_on else " (off as it comes)"
        match step:
            case Wait():
                until = f", or until {' or '.join(f'`{one}`' for one in step.until)}"
                after = " after the promised time" if step.after_promise else ""
                waits = _span(timedelta(seconds=step.seconds)) + after
                yield f"{indent}1. Waits {waits}{until if step.until else ''}{off}."
            case Send():
                words = recipes.words_of(step.text, "en")
                text = texts.render(words.get("sms") or words["subject"], said)
                what = "Asks" if isinstance(step, Ask) else "Says"
                by = " by e-mail" if step.channel == "email" else ""
                yield f"{indent}1. {what}{by}{off}: “{text}”"
            case Branch(answer_number=asked) if asked:
                yield f"{indent}1. If the answer is {asked.at_least} to {asked.at_most}:"
                yield from _steps(step.then, said, indent + "   ")
                if step.otherwise:
                    yield f"{indent}1. If not:"
                    yield from _steps(step.otherwise, said, indent + "   ")
            case Alert():
                yield f"{indent}1. A task for you: “{texts.render(step.said, said)}”"


# ------------------------------------------------------------------ all of them


def pages() -> dict[str, str]:
    """Each drawn page by its file name."""
    return {
        "conditions.md": conditions_page(),
        "facts.md": facts_page(),
        "messages.md": messages_page(),
        "ready-automations.md": ready_page(),
        "settings.md": settings.manual(),
        "steps.md": steps_page(),
    }


def main() -> None:
    """Writes the pages."""
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
