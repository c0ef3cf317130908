"""The steps of a journey in words: each as one line, and what became another by a version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any

from ringdove.rules.automations.journeys import Step
from ringdove.rules.automations.revisions import Difference
from ringdove.rules.segments.segments import Range
from ringdove.rules.steps.alert import Alert
from ringdove.rules.steps.ask import Ask
from ringdove.rules.steps.branch import Branch, Where
from ringdove.rules.steps.give import Give
from ringdove.rules.steps.leave import Leave
from ringdove.rules.steps.send import Send
from ringdove.rules.steps.wait import Wait
from ringdove.web.automations import fact_words, recipe_words
from ringdove.web.automations.spans import span_s
from ringdove.web.menu import N_
from ringdove.web.segments import segment_words
from ringdove.web.segments.segment_amounts import amount
from ringdove.web.segments.segment_names import Names
from ringdove.web.speech import Speech
from ringdove.web.store.places import LANGUAGE_NAMES

# Every kind of step: its drawing, its tone, what it is called, and what a button says of it.
KINDS: Mapping[str, tuple[str, str, str, str]] = {
    "send": ("message", "ok", N_("Send"), N_("A text or a letter, with an offer or a link")),
    "wait": ("clock", "info", N_("Wait"), N_("For a time, until an hour, until something happens")),
    "branch": ("arrows-split-2", "brand-tone", N_("Two ways"),
               N_("One way for some, another for the rest")),
    "ask": ("message-question", "ok", N_("Ask"), N_("A question whose answer comes back")),
    "give": ("gift", "wait", N_("Give"), N_("A code, points, a mark, a field")),
    "alert": ("bell", "wait", N_("Tell the staff"), N_("A task, a letter or text, a program")),
    "leave": ("logout", "", N_("End here"), N_("Nothing more happens for this person")),
}  # fmt: skip
# What a step still leaves out (rules/automations/hints.py).
HINTS: Mapping[str, str] = {
    "offer_missing": N_("Its text gives a code when an offer is chosen here; now it says none."),
    "offer_unsaid": N_("An offer is chosen, and no text says {{ offer.code }}."),
    "link_missing": N_("Its text says {{ link }}, and this step leads nowhere."),
    "link_unsaid": N_("A link is set, and no text says {{ link }}."),
    "goods_missing": N_("Its text names goods, and none are chosen here."),
}
FIELDS: Mapping[str, str] = {
    "is_on": N_("Do this step"),
    "seconds": N_("How long"),
    "after_promise": N_("Counted from the promised delivery"),
    "at": N_("Until this time of their day"),
    "weekdays": N_("On these days"),
    "until": N_("Goes on at once when"),
    "channel": N_("Goes out"),
    "klass": N_("What it is"),
    "guard": N_("Asked again as it leaves"),
    "in_daytime": N_("Waits for the day"),
    "own_hour": N_("At the hour at which they are usually seen"),
    "valid_for": N_("Dropped when it could not go for"),
    "offer": N_("Offer"),
    "link": N_("Where {{ link }} leads"),
    "goods": N_("Goods that it names"),
    "goods_needed": N_("Without such goods nothing is said"),
    "within": N_("Waits for the answer"),
    "keep_in": N_("The answer is kept in"),
    "person": N_("Who"),
    "heard": N_("If it has happened"),
    "about": N_("What it is about"),
    "percent": N_("By chance, of a hundred"),
    "answer": N_("Words of the answer"),
    "answer_number": N_("The number in the answer"),
    "points": N_("Points"),
    "tag": N_("Mark"),
    "field": N_("Field"),
    "value": N_("Value"),
    "to": N_("Who is told"),
    "owner": N_("Whose task"),
    "said": N_("What is to be done"),
    "due": N_("To be done within"),
    "reason": N_("Reason"),
    # of the journey
    "name": N_("Name"),
    "trigger": N_("What begins it"),
    "topic": N_("Topic"),
    "category": N_("Category of goods"),
    "when": N_("Who begins"),
    "stopped_by": N_("Ends at once when"),
    "stopped_by_any": N_("Ends when of any order"),
    "again_after": N_("May begin again after"),
    "restarts": N_("Begun again while it waits, it starts anew"),
    "priority": N_("Precedence"),
    "holdout_percent": N_("Left alone by chance, of a hundred"),
}
CHANNELS: Mapping[str, str] = {
    "sms": N_("By text"),
    "email": N_("By e-mail"),
    "either": N_("By text; by e-mail to who chose it or has no number"),
}
KLASSES: Mapping[str, str] = {
    "service": N_("About an order or a request of theirs"),
    "marketing": N_("An offer: only to who agreed to offers"),
}
GUARDS: Mapping[str, str] = {
    "": N_("Nothing"),
    "unpaid": N_("The order is still to be paid"),
    "unbought": N_("They have ordered nothing since"),
    "in_stock": N_("The goods are there"),
}
CHOICES: Mapping[str, str] = {
    "": N_("None"),
    "similar": N_("Similar to what they left or saw"),
    "accessories": N_("Accessories to what they bought"),
    "new": N_("New in the category"),
    "again": N_("The same again"),
}
TOLD: Mapping[str, str] = {
    "task": N_("A task on the list"),
    "person": N_("A task, and a letter to its owner"),
    "text": N_("A task, and a text to its owner's phone"),
    "webhook": N_("A program, by a signed call"),
}


@dataclass(frozen=True, slots=True)
class Named:
    """What a store calls the things that steps name: `members` by number, surveys."""

    names: Names = field(default_factory=Names)
    members: Mapping[int, str] = field(default_factory=dict)
    surveys: Mapping[str, str] = field(default_factory=dict)  # by key


def title(say: Speech, step: Step, named: Named) -> str:
    """A step as one line."""
    _ = say.gettext
    match step:
        case Wait():
            return _wait(say, step)
        case Ask(within=within):
            return _("Ask, and wait for the answer at most %(span)s", span=span_s(say, within))
        case Send(channel="email"):
            return _("Send an e-mail")
        case Send(channel="either"):
            return _("Send a text, or an e-mail")
        case Send():
            return _("Send a text")
        case Branch():
            return _branch(say, step, named)
        case Give():
            return _give(say, step, named)
        case Alert(to="webhook"):
            return _("Call the store's program")
        case Alert(owner=owner, due=due) if owner in named.members:
            return _("A task for %(name)s, within %(span)s", name=named.members[owner],
                     span=span_s(say, due))  # fmt: skip
        case Alert(due=due):
            return _("A task for the staff, within %(span)s", span=span_s(say, due))
        case Leave():
            return _("End here")


def _wait(say: Speech, step: Wait) -> str:
    _ = say.gettext
    said = []
    if step.after_promise:
        said.append(_("Wait until %(span)s after the promised delivery",
                      span=span_s(say, step.seconds)))  # fmt: skip
    elif step.seconds:
        said.append(_("Wait %(long)s", long=span_s(say, step.seconds)))
    if step.at is not None or step.weekdays:
        begin = _("then until") if said else _("Wait until")
        said.append(f"{begin} {_moment(say, step)}")
    if step.until:
        what = fact_words.clauses(say, step.until)
        if not said:
            return _("Wait until %(what)s", what=what)
        said.append(_("or until %(what)s", what=what))
    return ", ".join(said) or _("Wait")


def _moment(say: Speech, step: Wait) -> str:
    days = say.gettext(" or ").join(fact_words.weekdays(say)[day] for day in sorted(step.weekdays))
    clock = f"{step.at:%H:%M}" if step.at is not None else ""
    return ", ".join(one for one in (days, clock) if one)


def _branch(say: Speech, step: Branch, named: Named) -> str:
    _ = say.gettext
    if step.person is not None:
        return _("If they: %(what)s", what=segment_words.say(step.person, say, named.names))
    if step.heard:
        return _("If since the beginning %(what)s", what=fact_words.clauses(say, step.heard))
    if step.about is not None:
        what = ", ".join(fact_words.about(say, step.about, named.names))
        return _("If it is: %(what)s", what=what or _("any"))
    if step.percent is not None:
        return _("By chance: %(percent)s of a hundred people", percent=step.percent)
    if step.answer:
        return _("If the answer has: %(words)s", words=", ".join(step.answer))
    assert step.answer_number is not None  # a branch asks exactly one thing
    return _("If the number in the answer is %(range)s", range=amount(say, step.answer_number))


def _give(say: Speech, step: Give, named: Named) -> str:
    _ = say.gettext
    if step.offer is not None:
        return _("Give a code of “%(name)s”", name=named.names.offers.get(step.offer, step.offer))
    if step.points is not None:
        return say.ngettext("Give %(num)s point", "Give %(num)s points", step.points)
    if step.tag is not None:
        return _("Mark with “%(name)s”", name=_field(named, step.tag))
    return _("Set “%(name)s” to “%(value)s”", name=_field(named, step.field or ""),
             value=step.value)  # fmt: skip


def _field(named: Named, key: str) -> str:
    known = named.names.fields.get(key)
    return known.title if known else key


# ------------------------------------------------------------------ what became another


def difference(say: Speech, found: Difference, named: Named) -> str:
    """One change between two versions."""
    _ = say.gettext
    step = found.step
    what = title(say, step, named) if step else ""
    match found.kind:
        case "is_on":
            return _("Switched on") if found.after else _("Switched off")
        case "added":
            return _("New: %(step)s", step=what)
        case "removed":
            return _("Taken out: %(step)s", step=what)
        case "moved":
            return _("Moved: %(step)s", step=what)
        case "text":
            language = LANGUAGE_NAMES.get(found.language, found.language)
            return f"{_(WORDS[found.field])}, {language}"
        case "changed" if found.field == "is_on":
            return _is_on(say, found)
        case "changed" if isinstance(step, Wait) and found.field == "seconds":
            before, after = span_s(say, found.before), span_s(say, found.after)
            return _("Waits %(after)s instead of %(before)s", after=after, before=before)
    name = _(FIELDS.get(found.field, found.field))
    before, after = (value(say, found, one, named) for one in (found.before, found.after))
    said = _("%(name)s: %(after)s instead of %(before)s", name=name, after=after, before=before)
    return f"{what} — {said}" if what and not isinstance(step, Branch) else said


WORDS: Mapping[str, str] = {"sms": N_("Text"), "subject": N_("Subject"), "body": N_("Letter")}


def _is_on(say: Speech, found: Difference) -> str:
    _ = say.gettext
    match found.step:
        case Wait():
            return _("Waits again") if found.after else _("No longer waits")
        case Send():
            return _("Sends again") if found.after else _("No longer sends")
    name = KINDS[found.step.do if found.step else "leave"][2]
    on, off = _("%(step)s: done again", step=_(name)), _("%(step)s: passed over", step=_(name))
    return on if found.after else off


def value(say: Speech, found: Difference, told: Any, named: Named) -> str:
    """What a field held, as one reads it."""
    _ = say.gettext
    tables = {"channel": CHANNELS, "klass": KLASSES, "guard": GUARDS, "goods": CHOICES, "to": TOLD}
    match found.field, told:
        case ("offer", int(number)):
            return named.names.offers.get(number, _("none") if not number else str(number))
        case ("owner", int(number)):
            return named.members.get(number, _("whoever"))
        case (_field_name, None | () | ""):
            return _("none")
        case (_field_name, bool(is_so)):
            return _("yes") if is_so else _("no")
        case ("seconds" | "within" | "due" | "valid_for" | "again_after", int(seconds)):
            return span_s(say, seconds)
        case ("weekdays", tuple(days)):
            return ", ".join(fact_words.weekdays(say)[day] for day in days)
        case ("until" | "heard" | "stopped_by" | "stopped_by_any", tuple(kinds)):
            return fact_words.clauses(say, kinds)
        case ("when" | "person", tree):
            return segment_words.say(tree, say, named.names)
        case ("trigger", trigger):
            return fact_words.began(say, trigger, named.names)
        case (str(name), str(key)) if name in tables and key in tables[name]:
            return _(tables[name][key])
        case ("topic", str(key)):
            return recipe_words.topic(say, named.names.topics, key)
        case (_field_name, time()):
            return f"{told:%H:%M}"
        case (_field_name, Where()):
            return ", ".join(fact_words.about(say, told, named.names)) or _("any")
        case (_field_name, Range()):
            return amount(say, told)
        case (_field_name, tuple(words)):
            return ", ".join(map(str, words))
    return str(told)
