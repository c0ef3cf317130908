"""What happens in a shop, in words: as what begins an automation, and as what ends a wait or a run.

Facts that nobody begins an automation with (receipts, merges, our own wake-ups) are not offered.
"""

from collections.abc import Mapping, Sequence

from ringdove.rules.automations.journeys import (
    ClockStrikes,
    DateComes,
    Enters,
    GoodsNew,
    Heard,
    PurchaseDue,
    Trigger,
    WishGranted,
)
from ringdove.rules.steps.branch import Where
from ringdove.web.automations.spans import span_s
from ringdove.web.menu import N_
from ringdove.web.segments import segment_words
from ringdove.web.segments.segment_amounts import amount
from ringdove.web.segments.segment_names import Names
from ringdove.web.segments.segment_names import label as name_of
from ringdove.web.speech import Speech

# A fact: as a beginning, and after "if" or "until".
FACTS: Mapping[str, tuple[str, str]] = {
    "order.placed": (N_("An order is placed"), N_("they order")),
    "payment.received": (N_("An order is paid"), N_("the order is paid")),
    "payment.failed": (N_("A payment fails"), N_("a payment fails")),
    "order.cancelled": (N_("An order is cancelled"), N_("the order is cancelled")),
    "order.removed": (N_("An order is put in the trash"), N_("the order is put in the trash")),
    "invoice.issued": (N_("An invoice is issued"), N_("an invoice is issued")),
    "parcel.moved": (N_("A parcel moves"), N_("the parcel moves")),
    "delivery.promised": (N_("A delivery gets its time"), N_("the delivery gets a time")),
    "return.opened": (N_("A return is opened"), N_("a return is opened")),
    "return.accepted": (N_("A return is accepted"), N_("the return is accepted")),
    "return.refused": (N_("A return is refused"), N_("the return is refused")),
    "refund.sent": (N_("Money is sent back"), N_("money is sent back")),
    "complaint.moved": (N_("A complaint moves"), N_("the complaint moves")),
    "cart.changed": (N_("A cart changes"), N_("the cart changes")),
    "visit.made": (N_("Somebody looks at a page of the shop"), N_("they look at the shop again")),
    "link.opened": (N_("A link of a text is opened"), N_("they open a link")),
    "stock.asked": (N_("Somebody asks for goods that are not there"), N_("they ask for goods")),
    "text.received": (N_("A text arrives from a customer"), N_("they write back")),
    "consent.given": (N_("Somebody subscribes"), N_("they subscribe")),
    "friend.bought": (N_("An invited friend buys"), N_("the invited friend buys")),
    "contest.won": (N_("A contest is drawn"), N_("a contest is drawn")),
    "survey.answered": (N_("A survey is answered"), N_("they answer a survey")),
    "task.closed": (N_("A task about somebody is closed"), N_("the task is closed")),
    "customer.changed": (N_("A customer registers or changes"), N_("their data changes")),
}
# They end runs; of an order in the trash none begins.
ONLY_ENDS = ("order.removed",)
# A fact in one state, the same two ways.
STATES: Mapping[str, tuple[str, str]] = {
    "parcel.moved/accepted": (N_("The carrier has taken the parcel"), N_("the carrier has it")),
    "parcel.moved/in_transit": (N_("The parcel is on its way"), N_("the parcel is on its way")),
    "parcel.moved/customs": (N_("The parcel is at customs"), N_("the parcel is at customs")),
    "parcel.moved/out_for_delivery": (
        N_("The courier is out with the parcel"), N_("the courier is out with it"),
    ),
    "parcel.moved/at_pickup_point": (
        N_("The parcel waits at a pickup point"), N_("the parcel waits at a pickup point"),
    ),
    "parcel.moved/delivery_failed": (
        N_("The parcel could not be handed over"), N_("the parcel could not be handed over"),
    ),
    "parcel.moved/delivered": (N_("The parcel is delivered"), N_("the parcel is delivered")),
    "parcel.moved/returning": (
        N_("The parcel goes back to the shop"), N_("the parcel goes back"),
    ),
    "parcel.moved/returned": (N_("The parcel is back at the shop"), N_("the parcel is back")),
    "parcel.moved/lost": (N_("The parcel is lost"), N_("the parcel is lost")),
    "cart.changed/filled": (N_("Goods are put in a cart"), N_("goods are put in the cart")),
    "cart.changed/emptied": (N_("A cart is emptied"), N_("the cart is emptied")),
    "visit.made/goods": (N_("Somebody looks at goods"), N_("they look at goods")),
    "visit.made/page": (N_("Somebody looks at a page without goods"), N_("they look at a page")),
    "friend.bought/inviter": (
        N_("A friend whom they invited has paid for an order"), N_("a friend of theirs has paid"),
    ),
    "friend.bought/friend": (
        N_("They came by a friend and have paid for an order"), N_("they have paid, invited"),
    ),
    "friend.bought/cancelled": (
        N_("The order of an invited friend is no more"), N_("the friend's order is no more"),
    ),
    "contest.won/won": (N_("Somebody wins in a contest"), N_("they win in a contest")),
    "contest.won/substitute": (
        N_("Somebody is a substitute in a contest"), N_("they are a substitute in a contest"),
    ),
    "survey.answered/low": (N_("Somebody gives a low score"), N_("they give a low score")),
    "survey.answered/low_again": (
        N_("The score is low again after it was put right"), N_("the score is low again"),
    ),
    "survey.answered/middle": (
        N_("Somebody gives a middling score"), N_("they give a middling score"),
    ),
    "survey.answered/good": (N_("Somebody gives a good score"), N_("they give a good score")),
    "task.closed/done": (N_("A task about somebody is done"), N_("the task is done")),
    "task.closed/failed": (N_("A task about somebody did not work"), N_("the task did not work")),
    "task.closed/not_needed": (
        N_("A task about somebody is not needed any more"), N_("the task is not needed any more"),
    ),
    "complaint.moved/opened": (N_("A complaint is opened"), N_("a complaint is opened")),
    "complaint.moved/answered": (N_("A complaint is answered"), N_("the complaint is answered")),
    "complaint.moved/accepted": (N_("A complaint is accepted"), N_("the complaint is accepted")),
    "complaint.moved/refused": (N_("A complaint is refused"), N_("the complaint is refused")),
    "complaint.moved/closed": (N_("A complaint is closed"), N_("the complaint is closed")),
}  # fmt: skip
ONLY: Mapping[str, str] = {
    "": N_("any"),
    "money_awaited": N_("that is to be paid before it ships"),
    "first_order": N_("the person's first"),
    "later_order": N_("not the person's first"),
    "first_promise": N_("the first time it gets one"),
    "new_promise": N_("when it moves to another one"),
    "registered": N_("somebody who was not known before"),
}
# Which of them can be asked of which fact; of the rest: any.
ONLY_OF: Mapping[str, Sequence[str]] = {
    "order.placed": ("", "money_awaited", "first_order", "later_order"),
    "payment.received": ("", "first_order", "later_order"),
    "delivery.promised": ("", "first_promise", "new_promise"),
    "customer.changed": ("", "registered"),
    "consent.given": ("", "registered"),
}
OTHERS: Mapping[str, str] = {
    "date": N_("A date of the person comes"),
    "segment": N_("A person comes into a group"),
    "clock": N_("A time comes, for a group"),
    "due": N_("A person is about to need something again"),
    "wish": N_("Goods that somebody asked for"),
    "new_goods": N_("New goods where a person buys"),
}
DATES: Mapping[str, str] = {
    "birthday": N_("the birthday"),
    "children": N_("a child's birthday"),
    "first_order": N_("the first order"),
    "last_order": N_("the last order"),
    "field": N_("a date of your own fields"),
}
EVERY: Mapping[str, str] = {
    "day": N_("every day"), "week": N_("every week"), "month": N_("every month"),
}  # fmt: skip
WISHES: Mapping[str, str] = {
    "stock": N_("Goods that somebody waits for are there again"),
    "price": N_("Goods that somebody waits for cost less"),
}


def states_of(kind: str) -> list[str]:
    """The states of a fact that can be told apart."""
    return [one.partition("/")[2] for one in STATES if one.partition("/")[0] == kind]


def clause(say: Speech, kind: str) -> str:
    """A fact after "until": "the order is paid"."""
    known = STATES.get(kind) or FACTS.get(kind.partition("/")[0])
    return say.gettext(known[1]) if known else kind


def clauses(say: Speech, kinds: Sequence[str]) -> str:
    """Several facts, of which one is enough."""
    return say.gettext(" or ").join(clause(say, kind) for kind in kinds)


def began(say: Speech, trigger: Trigger, names: Names) -> str:
    """What begins an automation, as one line."""
    _ = say.gettext
    match trigger:
        case Heard(kind=kind, where=where):
            if len(where.states) == 1 and f"{kind}/{where.states[0]}" in STATES:
                first = _(STATES[f"{kind}/{where.states[0]}"][0])
            else:
                first = _(FACTS[kind][0]) if kind in FACTS else kind
            return ", ".join((first, *about(say, where, names, kind)))
        case DateComes(what=what, field=field, days=days, at=at):
            title = names.fields[field].title if field in names.fields else field
            date = _(DATES[what]) if what != "field" else f"“{title}”"
            return _("%(when)s, at %(time)s", when=days_from(say, days, date), time=f"{at:%H:%M}")
        case Enters(who=who):
            return _("Somebody comes to be among: %(who)s", who=segment_words.say(who, say, names))
        case ClockStrikes(every=every, weekday=weekday, day=day, at=at, who=who):
            who_said = segment_words.say(who, say, names)
            when = {
                "day": _("Every day"),
                "week": _("Every week on %(day)s", day=weekdays(say)[weekday]),
                "month": _("Every month on day %(day)s", day=day),
            }[every]
            return _("%(when)s at %(time)s, for %(who)s", when=when, time=f"{at:%H:%M}",
                     who=who_said)  # fmt: skip
        case PurchaseDue(categories=categories, days=days):
            goods = ", ".join(categories) or _("any category that they buy of")
            due = _("the day on which they usually buy again")
            return f"{days_from(say, days, due)}: {goods}"
        case WishGranted(wish=wish):
            return _(WISHES[wish])
        case GoodsNew(every_days=every_days):
            return _(
                "Goods are new in a category of theirs, at most once in %(span)s",
                span=span_s(say, every_days * 86_400),
            )


def about(say: Speech, where: Where, names: Names, kind: str = "") -> list[str]:
    """What is asked of a fact, piece by piece."""
    _ = say.gettext
    said = []
    if where.only:
        said.append(_(ONLY[where.only]))
    if where.states and not (len(where.states) == 1 and f"{kind}/{where.states[0]}" in STATES):
        named = (
            _(STATES[f"{kind}/{one}"][0]) if f"{kind}/{one}" in STATES else one
            for one in where.states
        )
        said.append(_(" or ").join(named))
    if where.wish:
        said.append(_("for an exchange") if where.wish == "exchange" else _("for the money"))
    goods = (*where.goods.categories, *where.goods.brands, *where.goods.skus)
    if goods:
        said.append(_("with goods of: %(what)s", what=", ".join(goods)))
    if where.total is not None:
        said.append(_("total %(range)s", range=amount(say, where.total, names.currency)))
    if where.channels:
        named = (name_of("channels", one, say) for one in where.channels)
        said.append(_("through %(channels)s", channels=_(" or ").join(named)))
    return said


def days_from(say: Speech, days: int, date: str) -> str:
    """ "3 days before the birthday"."""
    _ = say.gettext
    if not days:
        return _("On %(date)s", date=date)
    span = span_s(say, abs(days) * 86_400)
    if days < 0:
        return _("%(span)s before %(date)s", span=span, date=date)
    return _("%(span)s after %(date)s", span=span, date=date)


def weekdays(say: Speech) -> list[str]:
    """Monday first."""
    named = say.locale.days["stand-alone"]["wide"]
    return [str(named[n]) for n in range(7)]
