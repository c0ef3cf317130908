"""What the pages call states and reasons: one sentence for each word that rules and records use.

Every text and every silence has a reason (N2); here it gets its words, in one table for all pages.
A word that nobody listed, such as an operator's own, is shown as it is: nothing is hidden or
guessed.
"""

import re
from collections.abc import Mapping

from ringdove.rules import languages
from ringdove.rules.automations.recipes import RECIPES
from ringdove.web.menu import N_
from ringdove.web.speech import Speech

STATES: Mapping[str, tuple[str, str]] = {  # of messages; the word, and the tone of its pill
    "waiting": (N_("waiting"), "wait"),
    "sent": (N_("sent"), "info"),
    "delivered": (N_("delivered"), "ok"),
    "failed": (N_("failed"), "bad"),
    "expired": (N_("expired"), "bad"),
    "unknown": (N_("unknown"), "wait"),
    "dropped": (N_("not sent"), ""),
}

REASONS: Mapping[str, str] = {
    # The decision, when a message is made and when it is taken (rules/consent/consent,
    # records/sending/messages).
    "too_late": N_("Its time was over before it could leave."),
    "stopped": N_("The customer said STOP."),
    "parted": N_("A merge was undone: this would have reached the other customer."),
    "number_passed_on": N_("The number belongs to somebody else now."),
    "silent": N_("They did not answer whether they still want offers, so offers ended."),
    "topic_left": N_("The customer left this topic."),
    "category_left": N_("The customer wants nothing about this category."),
    "unconfirmed": N_("The customer's yes is not confirmed yet."),
    "no_occasion": N_("It is an offer and names no occasion."),
    "paused": N_("The customer paused offers."),
    "talking": N_("Somebody of the shop is talking with the customer: offers wait."),
    "cap_day": N_("The customer had as many offers in 24 hours as one may have."),
    "cap_week": N_("The customer had as many offers in 7 days as one may have."),
    "cap_month": N_("The customer had as many offers in 30 days as one may have."),
    "category_gap": N_("The last offer of this category is not long enough ago."),
    "bought_lately": N_("The customer has bought from this category lately."),
    "own_hours": N_("It waits for its own weekdays and part of the day."),
    "no_hour_left": N_("No allowed hour is left before its time is over."),
    "number_changed": N_("The customer has another number by now, or none."),
    "merged": N_("It was queued for a record that is part of another customer by now."),
    "twice": N_("They got this campaign already, under a record that is part of them by now."),
    "no_consent": N_("It is marketing, and the customer never said yes to it."),
    "answered_enough": N_("They were answered by a machine often enough on this day."),
    # What a campaign says beside it (rules/campaigns/campaign_decisions,
    # records/campaigns/campaign_waiting).
    "holdout": N_("Left alone by chance, to see what it earns."),
    "campaign_cancelled": N_("The campaign was cancelled before it left."),
    "sold_out": N_("The goods were sold before it left."),
    "left_audience": N_("The campaign was changed meanwhile, and no more means them so."),
    "no_survey": N_("The survey that it asks is not there any more."),
    "no_words": N_("It says nothing in their language and channel."),
    "no_code": N_("The offer had no code to give any more."),
    "too_long": N_("With their own values the text is too long for any phone."),
    "broken_text": N_("With their own values the text cannot be made."),
    "no_phone": N_("The customer has no phone number."),
    "phone_doubtful": N_("The phone number could not be read for sure: somebody must settle it."),
    "no_email": N_("The customer has no e-mail address."),
    "email_closed": N_("The customer's e-mail address does not exist, or is refused."),
    "erased": N_("The customer was erased."),
    "no_gateway_sms": N_("There is no gateway for texts."),
    "no_gateway_email": N_("There is no gateway for e-mail."),
    "no_sender": N_("There is no sender for this country."),
    "sender_not_ready": N_("The sender for this country is not registered yet, or was refused."),
    "sender_needs_number": N_("This country carries no names as senders: add a number for it."),
    "sender_cannot_be_answered": N_(
        "Advertising to this country needs a number that can be told STOP, and there is none."
    ),
    "sender_not_registered": N_(
        "This country blocks names that its register does not have: add the one that is registered."
    ),
    "sender_no_number": N_("The rule asks for a number as the sender, and there is none."),
    "sender_no_name": N_("The rule asks for a name as the sender, and there is none."),
    "rerouted": N_("Its gateway was away for too long: it goes over the next one."),
    "spending_limit": N_("It waits for money: a limit is reached."),
    "no_allowed_hour": N_("No hour suits every time zone in which the customer may be."),
    "paid": N_("The order was paid meanwhile."),
    "cancelled": N_("The order was cancelled meanwhile."),
    "not_due": N_("Nothing is to be paid for the order any more, or only at its delivery."),
    "quiet_hours": N_("It waits for the end of the quiet hours."),
    "not_yet": N_("Its own time has not come."),
    "past_window": N_("The allowed hours ended before it could leave: it waits for the next."),
    # Why a campaign or its rehearsal does not get on (records/campaigns/campaign_tries).
    "too_slow": N_("The database did not find its people in time."),
    "database_away": N_("The database was away, or too busy."),
    "process_ended": N_("The process that gathers its people ended in the middle of it."),
    # What became of it on its way (workers, gateways, receipts).
    "process_lost": N_("Ringdove stopped while it was being sent: it may have left."),
    "no_answer": N_("The operator did not answer in time: it may have left."),
    "link_broke": N_("The connection broke before the answer came: it may have left."),
    "link_lost": N_("The connection to the operator was lost before it could leave."),
    "undeliverable": N_("The operator could not deliver it."),
    "rejected": N_("The operator or the phone refused it."),
    "failed": N_("The operator says that delivery failed."),
    "expired": N_("The phone could not be reached until its time was over."),
    "deleted": N_("The operator deleted it."),
    "ESME_RINVDSTADR": N_("The operator says that there is no such number."),
    "ESME_RINVSRCADR": N_("The operator does not allow this sender."),
    "ESME_RTHROTTLED": N_("The operator was asked for too much at once."),
    "ESME_RMSGQFUL": N_("The operator's queue was full."),
    "ESME_RSYSERR": N_("The operator had an error of its own."),
    "ESME_RINVMSGLEN": N_("The operator says that the text is too long."),
    # What is wrong with a mail server (kit/mail.trouble).
    "server_unknown": N_("Nobody knows a server of this name: look at the settings for a mistake."),
    "server_away": N_("Nobody answers at this address and port."),
    "server_silent": N_("The server did not answer in time."),
    "server_hung_up": N_("The server ended the connection."),
    "server_speaks_no_tls": N_(
        "The server speaks no TLS at this port: choose another encryption or port."
    ),
    "seal_broken": N_("The passwords cannot be opened with this server's key: enter them again."),
    # Why an automation kept silent, or its run ended before its text.
    "no_goods": N_("There were no goods that it could name."),
    "outranked": N_("A more important offer went to them at that time."),
    "bought": N_("They have ordered meanwhile."),
    "anew": N_("They began it anew."),
    "gone": N_("This version of the automation is not known any more."),
    "left": N_("It ended at a step that says so."),
    "order.placed": N_("They have ordered."),
    "cart.changed": N_("The cart changed."),
    "parcel.moved": N_("The parcel is where it was to go, or does not come."),
    "return.opened": N_("They send something back."),
    "complaint.moved": N_("They have a complaint."),
    "switched_off": N_("The automation is switched off."),
    "payment.received": N_("The payment arrived."),
    "order.cancelled": N_("The order was cancelled."),
    "order.removed": N_("The order was removed from the shop."),
    "payment.failed": N_("A payment was refused."),
    "invoice.issued": N_("The invoice was issued."),
    "delivery.promised": N_("The delivery got its time."),
    "return.accepted": N_("The return was accepted."),
    "return.refused": N_("The return was not accepted."),
    "refund.sent": N_("The money was sent back."),
    "visit.made": N_("They looked at the shop again."),
    "link.opened": N_("They opened a link."),
    "contest.won": N_("A contest was drawn."),
    "survey.answered": N_("They answered a survey."),
    "task.closed": N_("A task about them was closed."),
    "stock.asked": N_("They asked to be told of goods."),
    "friend.bought": N_("The order of the invited friend is no more."),
    "text.received": N_("They wrote back."),
    "consent.given": N_("They subscribed."),
    "customer.changed": N_("They registered, or their data changed."),
    # Why a link to an SMSC ended (smpp/session.py, workers/sending/bind.py).
    "the peer closed the link": N_("The other side closed the connection."),
    "the peer unbound": N_("The other side ended the connection."),
    "no answer to enquire_link": N_(
        "The other side was silent when it was asked whether it lives."
    ),
    "no answer to the connection": N_("Nobody answered at this address in time."),
}

# Reasons that carry an operator's own words behind them.
_WITH_MORE: tuple[tuple[str, str], ...] = (
    (
        "no_headway: ",
        N_(
            "It was tried several times and did not get on: %(why)s Resume it to have it tried"
            " again: nobody gets it twice. If that does not help, cancel it and copy it with an"
            " audience that asks less of single orders and visits."
        ),
    ),
    ("broke: ", N_("It broke: %(why)s")),
    ("in part: ", N_("A part of it had left when another was refused: %(why)s")),
    ("unsayable: ", N_("The gateway cannot carry it: %(why)s")),
    ("connection broke: ", N_("The connection broke within, so it may have left: %(why)s")),
    ("login_refused: ", N_("The user name or password was refused: %(why)s")),
    ("server_refuses: ", N_("The server refuses: %(why)s")),
    ("server_not_trusted: ", N_("The server's certificate is not to be trusted: %(why)s")),
    ("sender_refused: ", N_("The server does not let us write as this sender: %(why)s")),
    ("settings_wrong: ", N_("These settings are wrong: %(why)s")),
    # Why a letter came back (gateways/smtp/bounces.reason).
    ("no_such_address: ", N_("There is no such address: %(why)s")),
    ("no_such_domain: ", N_("Nobody receives mail under this domain: %(why)s")),
    ("mailbox_full: ", N_("The mailbox is full: %(why)s")),
    ("not_in_time: ", N_("The other server could not be reached in time: %(why)s")),
    ("unwanted: ", N_("The other server does not want it: %(why)s")),
)
# Why a link cannot be made, in the words of the machine (errno and getaddrinfo's numbers).
_ERRNO = re.compile(r"\[Errno (-?\d+)\].*", re.DOTALL)
_NAME_UNKNOWN = N_("Nobody knows a server of this name: see whether it is written right.")
_NO_WAY = N_("There is no way to this address: see whether it is right, and whether we may leave.")
_ERRNO_WORDS: Mapping[str, str] = {
    "-2": _NAME_UNKNOWN,
    "-3": N_("The name of the server cannot be looked up now."),
    "-5": _NAME_UNKNOWN,
    "8": _NAME_UNKNOWN,  # macOS
    "101": _NO_WAY,
    "110": N_("Nobody answered at this address in time."),
    "111": N_("Nobody listens there: see whether the address and the port are right."),
    "61": N_("Nobody listens there: see whether the address and the port are right."),  # macOS
    "113": _NO_WAY,
}
_RECEIPT = re.compile(r"(undeliverable|rejected|failed|expired|deleted) (\S.*)", re.DOTALL)


def reason_words(say: Speech, code: str) -> str:
    """The sentence of a reason; a word that nobody listed comes back as it is."""
    if code in REASONS:
        return say.gettext(REASONS[code])
    for begins, text in _WITH_MORE:
        if code.startswith(begins):
            return say.gettext(text, why=reason_words(say, code.removeprefix(begins)))
    if (link := _ERRNO.fullmatch(code)) and link[1] in _ERRNO_WORDS:
        return say.gettext(_ERRNO_WORDS[link[1]])
    if told := _RECEIPT.fullmatch(code):
        return f"{say.gettext(REASONS[told[1]])} ({reason_words(say, told[2])})"
    return code


def state_words(say: Speech, state: str) -> str:
    """The state of a message in one word."""
    return say.gettext(STATES[state][0]) if state in STATES else state


def state_tone(state: str) -> str:
    """The tone in which ui.pill shows it."""
    return STATES[state][1] if state in STATES else ""


# ------------------------------------------------------------------ why it was made

# What began an automation: without, and with the number of the order it is about.
BECAUSE: Mapping[str, tuple[str, str]] = {
    "order.placed": (
        N_("because an order was placed"),
        N_("because order %(order)s was placed"),
    ),
    "payment.received": (
        N_("because a payment arrived"),
        N_("because the payment of order %(order)s arrived"),
    ),
    "order.cancelled": (
        N_("because an order was cancelled"),
        N_("because order %(order)s was cancelled"),
    ),
    "invoice.issued": (
        N_("because an invoice was issued"),
        N_("because the invoice of order %(order)s was issued"),
    ),
    "parcel.moved": (
        N_("because a parcel moved"),
        N_("because the parcel of order %(order)s moved"),
    ),
    "delivery.promised": (
        N_("because a delivery got its time"),
        N_("because the delivery of order %(order)s got its time"),
    ),
    "return.opened": (
        N_("because a return was opened"),
        N_("because a return of order %(order)s was opened"),
    ),
    "return.accepted": (
        N_("because a return was accepted"),
        N_("because the return of order %(order)s was accepted"),
    ),
    "refund.sent": (
        N_("because money was sent back"),
        N_("because the money of order %(order)s was sent back"),
    ),
    "payment.failed": (
        N_("because a payment was refused"),
        N_("because the payment of order %(order)s was refused"),
    ),
    "return.refused": (
        N_("because a return was not accepted"),
        N_("because a return of order %(order)s was not accepted"),
    ),
    "complaint.moved": (
        N_("because a complaint moved"),
        N_("because the complaint about order %(order)s moved"),
    ),
    "order.changed": (
        N_("because an order changed"),
        N_("because order %(order)s changed"),
    ),
}
# What is about no order.
BECAUSE_THEY: Mapping[str, str] = {
    "cart.changed": N_("because something was left in a cart"),
    "visit.made": N_("because the customer looked at goods"),
    "customer.changed": N_("because the customer registered, or told of themselves"),
    "consent.given": N_("because the customer subscribed"),
    "link.opened": N_("because the customer opened a link"),
    "contest.won": N_("because a contest was drawn"),
    "text.received": N_("because the customer wrote"),
    "stock.asked": N_("because the customer asked to be told of goods"),
    "survey.answered": N_("because the customer answered a survey"),
    "task.closed": N_("because a task about the customer was closed"),
    "friend.bought": N_("because an invited friend has paid for an order"),
    "automation.due": N_("because its time had come"),
}
REPLIES: Mapping[str, str] = {
    "confirm_request": N_("because somebody signed this number up, and it must say so itself"),
    "still_request": N_("because nobody heard of the customer for months"),
    "stop_confirmed": N_("because the customer said STOP: the one confirmation"),
    "stop_all_confirmed": N_("because the customer said STOP ALL: the one confirmation"),
    "start_confirmed": N_("because the customer said START"),
    "topic_left": N_("because the customer left a topic: the one confirmation"),
    "topic_joined": N_("because the customer asked for a topic again"),
    "pause_confirmed": N_("because the customer paused offers"),
    "welcome": N_("because the customer signed up: the welcome"),
    "help": N_("because the customer asked for HELP"),
    "survey_thanks": N_("because the customer answered a survey: thanks"),
    "survey_why": N_("because the customer gave a low score: the question why"),
    "survey_again": N_("because the answer to a survey was no score: asked once more"),
    "survey_heard": N_("because the customer said why a score was low"),
    "order_status": N_("because they asked where their order is"),
    "which_order": N_("because they asked for an order and have several"),
    "order_unknown": N_("because they asked for an order that is none of theirs"),
    "no_order": N_("because they asked for an order and have none"),
    "order_rules": N_("because they asked how to order"),
    "complaint_rules": N_("because they asked how to complain"),
    "complaint_heard": N_("because they complained"),
    "complaint_added": N_("because they said more of their complaint"),
    "complaint_status": N_("because they asked for their complaint"),
    "no_complaint": N_("because they asked for a complaint and there is none"),
    "contest_entered": N_("because the customer entered a contest"),
    "contest_again": N_("because the customer entered a contest once more"),
    "contest_early": N_("because the customer entered a contest before it began"),
    "contest_over": N_("because the customer entered a contest after its end"),
    "contest_abroad": N_("because the customer's country may not enter the contest"),
    "contest_order": N_("because an entry in the contest lacked the number of an order"),
    "contest_no_order": N_("because an entry in the contest named no order of theirs"),
    "contest_rules": N_("because the customer asked for the rules of a contest"),
    "contest_won": N_("because the customer won a contest"),
    "contest_substitute": N_("because the customer is a substitute in a contest"),
    "friend_invitation": N_("because a customer invited this friend, once for ever"),
    "friend_link": N_("because the customer asked for their page, to invite friends"),
}


def why_words(say: Speech, why: str, language: str = "", order: str = "") -> str:
    """Why a message was made. `language`: of the automation's title, the reader's when left out;
    `order`: the number of the order that it is about."""
    cause, _, rest = why.partition("/")
    if cause == "automation":
        return _of_automation(say, why, rest, language or say.language, order)
    if cause == "reply" and rest in REPLIES:
        return say.gettext(REPLIES[rest])
    if cause == "welcome":
        return say.gettext("because somebody subscribed: the welcome")
    if cause == "campaign" and rest:
        return say.gettext("because of the campaign “%(name)s”", name=rest)
    if cause == "page" and rest:
        return say.gettext("because %(name)s wrote it by hand", name=rest)
    if cause == "consent" and rest in REPLIES:
        return say.gettext(REPLIES[rest])
    if cause == "contest" and rest:
        return say.gettext("because a contest was drawn")
    if cause == "api" and rest:
        return say.gettext("because the program “%(name)s” asked for it", name=rest)
    return why


def _of_automation(say: Speech, why: str, rest: str, language: str, order: str) -> str:
    key, _, kind = rest.partition("/")
    if key not in RECIPES and not key.startswith("own_"):
        return why
    if kind in BECAUSE:
        anonymous, about_order = BECAUSE[kind]
        because = say.gettext(about_order, order=order) if order else say.gettext(anonymous)
    elif kind in BECAUSE_THEY:
        because = say.gettext(BECAUSE_THEY[kind])
    else:
        return why
    return say.gettext(
        "%(because)s: automation “%(name)s”", because=because, name=title(key, language, say.own)
    )


def title(recipe: str, language: str, own: Mapping[str, str] | None = None) -> str:
    """What an automation is called, one of a store's `own` as it calls it; one that is no more by
    its own word."""
    known = languages.phrases(language)["recipes"].get(recipe)
    return str(known["title"]) if known else (own or {}).get(recipe, recipe)
