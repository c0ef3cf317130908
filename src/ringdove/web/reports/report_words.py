"""How reports speak: what a comparison allows to be said, why an order counts, what the rule is.

Nothing here is said more surely than rules/reports/trials.py allows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from babel import dates, numbers

from ringdove.rules.policy import Policy
from ringdove.rules.reports import trials
from ringdove.rules.reports.automation_reports import AutomationReport
from ringdove.rules.reports.reports import Lift, Report
from ringdove.rules.reports.trials import HITS_MIN, Contest, Difference
from ringdove.web.menu import N_
from ringdove.web.reasons import title
from ringdove.web.speech import Speech

Looked = Report | AutomationReport

CHANNELS: Mapping[str, str] = {"sms": N_("By text"), "email": N_("By e-mail")}
RULES: Mapping[str, str] = {
    "last_click": N_("The last text whose link was tapped, or whose code was used"),
    "last_text": N_("The last text that arrived, tapped or not"),
}
SOURCES: Mapping[str, str] = {
    "reply": N_("By a text"),
    "keyword": N_("By a keyword"),
    "form": N_("On a form"),
    "checkout": N_("At the checkout"),
    "import": N_("With a list"),
    "api": N_("Told by a program"),
    "page": N_("Written down by the team"),
    "link": N_("Behind a link"),
}
SENT_BY_TEXT = ("reply", "keyword")


@dataclass(frozen=True, slots=True)
class Told:
    """What a comparison says: in one line, and what to make of it."""

    tone: str  # ok, wait, bad
    title: str
    text: str


def signed(say: Speech, value: float, digits: int = 1) -> str:
    """+1.4, −0.2, 0.0."""
    if not round(value, digits):
        value = 0.0
    form = "#,##0." + "0" * digits
    said = numbers.format_decimal(abs(value), form, locale=say.locale)
    return said if not value else f"{'+' if value > 0 else '−'}{said}"


def signed_money(say: Speech, value: float, currency: str) -> str:
    """+1.40 €."""
    said = say.money(Decimal(str(round(abs(value), 2))), currency)
    return said if round(value, 2) == 0 else f"{'+' if value > 0 else '−'}{said}"


def short_money(say: Speech, amount: Decimal, currency: str) -> str:
    """A sum for the head of a page: of a thousand and more, without cents."""
    if abs(amount) < 1000 or not currency:
        return say.money(amount, currency)
    pattern = say.locale.currency_formats["standard"].pattern.replace(".00", "")
    return numbers.format_currency(
        round(amount), currency, pattern, locale=say.locale, currency_digits=False
    )


# ------------------------------------------------------------------ the comparison


def lift(say: Speech, report: Looked, found: Lift) -> Told:
    """Whether more people bought, and what to do while that is not known."""
    one, _ = found.hits, say.gettext
    if one.low is None or one.high is None:
        n = found.alone.hits + found.written.hits
        return Told("wait", _("Not enough data yet"), f"{_few(say, n)} {ahead(say, report, one)}")
    between = _(
        "Between %(low)s and %(high)s of 100 people.",
        low=signed(say, one.low * 100), high=signed(say, one.high * 100),
    )  # fmt: skip
    if one.is_sure and one.value > 0:
        return Told("ok", _("It made people buy"), f"{between} {_('This is not by chance.')}")
    if one.is_sure:
        sad = _("Fewer bought than among those left alone. This is not by chance.")
        return Told("bad", _("It kept people from buying"), f"{between} {sad}")
    return Told("wait", _("Not known yet"), f"{between} {ahead(say, report, one)}")


def _few(say: Speech, n: int) -> str:
    return say.ngettext(
        "%(num)s person bought so far; below %(least)s nothing can be said.",
        "%(num)s people bought so far; below %(least)s nothing can be said.", n,
        least=say.number(HITS_MIN),
    )  # fmt: skip


def ahead(say: Speech, report: Looked, one: Difference) -> str:
    """How long it takes to know; once nothing counts any more, how large it would have to be."""
    _ = say.gettext
    wait = one.wait
    if report.is_final:
        if wait is None or wait.hits is None:
            return _("So small a difference would take far more people than this campaign had.")
        return _(
            "Its time is over. To see a difference like this, about %(n)s people have to buy:"
            " send to more people, or leave more of them alone.", n=say.number(wait.hits),
        )  # fmt: skip
    if wait is None or wait.weeks is None:
        return _("At this pace it will not be known: the two groups buy about alike.")
    return _pace(say, report, wait.weeks)


def _pace(say: Speech, report: Looked, many: float) -> str:
    _, span = say.gettext, weeks(say, many)
    if report.at + timedelta(weeks=many) > report.until:
        return _("At this pace it would take %(span)s, longer than its orders count.", span=span)
    return _("Not enough yet: about %(span)s.", span=span)


def weeks(say: Speech, many: float) -> str:
    """3 weeks; below one, days."""
    span = timedelta(weeks=many)
    if span < timedelta(days=10):
        whole = max(1, round(span / timedelta(days=1)))
        return say.ngettext("%(num)s day", "%(num)s days", whole)
    return say.ngettext("%(num)s week", "%(num)s weeks", max(1, round(many)))


def contest(say: Speech, report: Looked, names: Sequence[str], found: Contest) -> Told:
    """Which text does best, or that it is not known."""
    _ = say.gettext
    if found.leader is None:
        return Told("wait", _("Not enough data yet"), "")
    name = names[found.leader]
    if found.is_sure:
        return Told("ok", _("%(name)s is the best", name=name), _("This is not by chance."))
    others = [one for one in found.ahead if one and not (one.is_sure and one.value > 0)]
    spans = [one.wait.weeks for one in others if one.wait and one.wait.weeks]
    text = _("The others may be as good: do not choose yet.")
    if spans and len(spans) == len(others) and not report.is_final:
        text = f"{text} {_pace(say, report, max(spans))}"
    return Told("wait", _("%(name)s is ahead, by chance perhaps", name=name), text)


def sees(say: Speech, people: int, holdout_percent: int, rate: float | None) -> str:
    """Before a campaign: the least lift that it will see. `people`: written to and left alone;
    `rate`: of them who buy anyway, None: not known."""
    _ = say.gettext
    if not holdout_percent:
        return _("Nobody is left alone: it will not be known what it changed.")
    if rate is None:
        return _("Too little is bought yet to say what can be seen.")
    found = trials.smallest_lift(people, holdout_percent / 100, min(rate, 0.9))
    if found.lift is None:
        return _("Too few people: whatever it changes, it cannot be seen.")
    return _(
        "With %(people)s people you will see lifts above %(lift)s of 100 people; %(rate)s of 100"
        " buy anyway in that time.",
        people=say.number(people), lift=say.number(round(found.lift * 100, 1)),
        rate=say.number(round(rate * 100, 1)),
    )  # fmt: skip


# ------------------------------------------------------------------ why an order counts


def why(say: Speech, row: Mapping[str, Any]) -> str:
    """Why this order is claimed: the text of a row of records/reports/attribution.py."""
    _, at = say.gettext, row["claimed_at"]
    span = before(say, row["placed_at"] - at)
    if row["why"] == "code":
        return _("It was paid with the code of this text.")
    if row["why"] == "text":
        return _(
            "The last text before it was sent on %(day)s at %(clock)s, %(span)s before the order.",
            day=say.day(at), clock=say.clock(at), span=span,
        )  # fmt: skip
    return _(
        "The link was tapped on %(day)s at %(clock)s, %(span)s before the order.",
        day=say.day(at), clock=say.clock(at), span=span,
    )  # fmt: skip


def before(say: Speech, span: timedelta) -> str:
    """2 hours."""
    return dates.format_timedelta(max(span, timedelta(seconds=1)), locale=say.locale)


def rule(say: Speech, policy: Policy) -> str:
    """The rule by which orders are claimed, in full."""
    _ = say.gettext
    days = say.ngettext("%(num)s day", "%(num)s days", policy.attribution_days)
    if policy.attribution == "last_text":
        return _(
            "An order counts for the last offer that reached its customer in the %(days)s before"
            " it, tapped or not. Orders that would have come anyway are among them.", days=days,
        )  # fmt: skip
    return _(
        "An order counts for the offer whose link its customer tapped last, or whose code they"
        " used, if it was sent in the %(days)s before the order. What nobody tapped claims"
        " nothing.", days=days,
    )  # fmt: skip


def subject(say: Speech, names: Mapping[int, str], campaign_id: int, recipe: str) -> str:
    """What a campaign or an automation is called."""
    if campaign_id:
        return names.get(campaign_id, f"#{campaign_id}")
    return title(recipe, say.language, say.own) if recipe else say.gettext("Written by hand")
