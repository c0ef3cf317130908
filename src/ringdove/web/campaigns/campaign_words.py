"""How the pages name what a campaign is, does and lacks."""

import re
from collections.abc import Mapping
from datetime import datetime

from ringdove.rules import languages
from ringdove.rules.campaigns.campaign_problems import Problem
from ringdove.rules.campaigns.campaigns import Plan
from ringdove.web.menu import N_
from ringdove.web.speech import Speech
from ringdove.web.store import policy_words
from ringdove.web.store.places import LANGUAGE_NAMES

STATES: Mapping[str, tuple[str, str]] = {  # words, tone
    "draft": (N_("Draft"), ""),
    "waiting": (N_("Waits for approval"), "wait"),
    "scheduled": (N_("Scheduled"), "info"),
    "running": (N_("Running"), "ok"),
    "paused": (N_("Paused"), "wait"),
    "done": (N_("Done"), ""),
    "cancelled": (N_("Cancelled"), ""),
    "sold_out": (N_("Sold out"), "info"),
}
CHANNELS: Mapping[str, str] = {
    "sms": N_("By text"),
    "email": N_("By e-mail"),
    "sms_or_email": N_("By text; by e-mail to who chose it or has no number"),
    "both": N_("By text and by e-mail, each to those subscribed to it"),
}
LINK_KINDS: Mapping[str, str] = {
    "page": N_("A page of the shop"),
    "product": N_("A product"),
    "cart": N_("A cart filled with goods"),
    "own_cart": N_("The cart that the person left"),
}
MODES: Mapping[str, str] = {
    "now": N_("At once"),
    "at": N_("On a day, at a time"),
    "own_hour": N_("Each at their own hour"),
}
KEY_DATES: Mapping[str, str] = {
    "new_year": N_("New Year"),
    "winter_sale": N_("Winter sales"),
    "epiphany": N_("Epiphany"),
    "orthodox_christmas": N_("Orthodox Christmas"),
    "valentines": N_("Valentine's Day"),
    "defenders_day": N_("Defender of the Fatherland Day"),
    "womens_day": N_("Women's Day"),
    "fathers_day": N_("Father's Day"),
    "mothers_day": N_("Mother's Day"),
    "easter": N_("Easter"),
    "orthodox_easter": N_("Orthodox Easter"),
    "summer_sale": N_("Summer sales"),
    "back_to_school": N_("Back to school"),
    "halloween": N_("Halloween"),
    "singles_day": N_("Singles' Day"),
    "black_friday": N_("Black Friday"),
    "cyber_monday": N_("Cyber Monday"),
    "saint_nicholas": N_("Saint Nicholas Day"),
    "christmas": N_("Christmas"),
    "boxing_day": N_("Boxing Day"),
}
OCCASIONS = (
    N_("Sale"), N_("Special discount"), N_("New goods"), N_("Goods of the day"), N_("Birthday"),
    N_("Holiday"), N_("Start of the loyalty programme"), N_("Social project"),
)  # fmt: skip
PROBLEMS: Mapping[str, str] = {
    "no_occasion": N_("Say the occasion: why do people get it now?"),
    "unknown_topic": N_("The store has no topic “%(detail)s”."),
    "no_words": N_("Nothing is said in %(detail)s."),
    "no_subject": N_("The letter in %(detail)s has no subject."),
    "some_words": N_("Nothing is said in %(detail)s: its people get the first language's words."),
    "broken": "%(detail)s",
    "offer": "%(detail)s",
    "no_call": N_("It asks for nothing: add a link or a code, so that readers can do something."),
    "no_way_out": N_(
        "It does not say how to get no more offers. Readers who cannot leave complain to their"
        " operator."
    ),
    "link_missing": N_("It says %(detail)s, and there is no such link: add it above."),
    "link_unsaid": N_("No text says %(detail)s."),
    "link_empty": N_("Say where %(detail)s leads."),
    "no_page": N_("No page of “%(detail)s” is known: the link leads to the shop's home page."),
    "not_known": N_("The shop has told of no “%(detail)s”: the cart may open without it."),
    "survey_missing": N_("It asks the question of a survey, and no survey is chosen."),
    "survey_unsaid": N_("A survey is chosen, and no text asks its question or says its link."),
    "survey_unknown": N_("The survey is not there any more."),
    "offer_missing": N_("It says the code of an offer, and no offer is chosen."),
    "offer_unsaid": N_("An offer is chosen, and no text says its code: {{ offer.code }}."),
    "offer_unknown": N_("The offer is not there any more."),
    "segment_unknown": N_("A segment that it asks for is not there any more."),
    "one_name": N_("Two variants are named “%(detail)s”."),
    "time_over": N_("This time is over: it would begin at once."),
    "end_over": N_("The end of the offer is over."),
    "ends_first": N_("It ends before it begins."),
    "no_time": N_("Say when."),
    "no_stock_named": N_("Name the goods that it ends with."),
    "long": N_("The text in %(detail)s takes more than four parts."),
}
OF_A_LANGUAGE = frozenset(("no_words", "no_subject", "some_words", "long"))
# What records/campaigns/campaigns.py refuses, as far as it says no numbers.
REFUSALS = (
    N_("Pause the campaign first."),
    N_("It has ended: copy it to plan it anew."),
    N_("Nobody asks for its approval."),
    N_("A second person has to approve it: you planned it yourself."),
    N_("It was changed meanwhile: look at it again."),
    N_("Rehearse it first: its cost decides whether a second person has to approve it."),
    N_("Not all of its texts have a known price: a second person has to approve it."),
    N_("It is not paused."),
    N_("It was changed, and costs much: a second person has to resume it."),
    N_("A person approves a campaign, on its page."),
    N_("A key planned it of which nobody knows whose it is: a person has to ask for approval."),
    N_("A key changed it of which nobody knows whose it is: change it on its page."),
    N_("It cannot be about itself: choose a campaign that went before it."),
    N_(
        "A campaign that has begun keeps its links: texts that have left lead to them. Change where"
        " a link leads, or leave it unsaid."
    ),
    N_("This store has no such campaign."),
)


def state(say: Speech, word: str) -> str:
    """A state in words."""
    return say.gettext(STATES[word][0])


def problem(say: Speech, one: Problem) -> str:
    """What is wrong, in the reader's words."""
    detail = one.detail
    if one.what in OF_A_LANGUAGE:
        detail = LANGUAGE_NAMES.get(detail, detail)
    return say.gettext(PROBLEMS.get(one.what, one.said), detail=detail)


def by_place(say: Speech, found: list[Problem]) -> dict[str, list[tuple[str, bool]]]:
    """All that is wrong by the place where it is shown: words, and whether it blocks."""
    told: dict[str, list[tuple[str, bool]]] = {}
    for one in found:
        told.setdefault(one.where, []).append((problem(say, one), one.blocks))
    return told


def refusal(say: Speech, error: Exception) -> str:
    """Why something cannot be done now."""
    told = str(error)
    if dear := _DEAR.fullmatch(told):
        return say.gettext(
            "It may cost more than %(money)s: a second person has to approve it.",
            money=f"{dear[1]} {dear[2]}",
        )
    return say.gettext(told)


_DEAR = re.compile(r"It may cost more than (\S+) (\S+): a second person has to approve it\.")


def key_date(say: Speech, key: str) -> str:
    """A day of the calendar."""
    return say.gettext(KEY_DATES[key])


def languages_of(codes: tuple[str, ...]) -> list[tuple[str, str]]:
    """Codes and names of languages, as they call themselves."""
    return [(code, LANGUAGE_NAMES.get(code, code)) for code in codes]


def recipe(say: Speech, key: str) -> Mapping[str, str]:
    """A campaign to start from: title, about, occasion."""
    found: Mapping[str, str] = languages.phrases(say.language)["campaigns"][key]
    return found


def when(say: Speech, plan: Plan, begin_at: datetime | None) -> str:
    """When it goes, in a few words."""
    _ = say.gettext
    own = plan.when
    if own.mode == "now" or (own.at is None and begin_at is None):
        said = _("at once") if own.mode != "own_hour" else _("each at their own hour")
    else:
        at = own.at or begin_at
        assert at is not None
        clock = at.strftime("%H:%M") if at.tzinfo is None else say.clock(at)
        day = say.day(at.date() if at.tzinfo is None else at)
        if own.mode == "own_hour":
            said = _("from %(day)s on, each at their own hour", day=day)
        elif own.local:
            said = _("%(day)s, %(time)s by each one's own clock", day=day, time=clock)
        else:
            said = _("%(day)s, %(time)s", day=day, time=clock)
    if own.weekdays:
        names = policy_words.weekdays(say)
        said += ", " + _("only on %(days)s", days=" ".join(names[n] for n in sorted(own.weekdays)))
    if own.begins or own.ends:
        begins, ends = (f"{one:%H:%M}" if one else "0:00" for one in (own.begins, own.ends))
        said += ", " + _("from %(begins)s to %(ends)s", begins=begins, ends=ends)
    if own.spread_minutes:
        said += ", " + say.ngettext(
            "spread over %(num)s hour", "spread over %(num)s hours",
            max(1, round(own.spread_minutes / 60)),
        )  # fmt: skip
    if own.until:
        said += ", " + _(
            "until %(day)s, %(time)s", day=say.day(own.until), time=say.clock(own.until)
        )
    return said
