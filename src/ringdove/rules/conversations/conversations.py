"""A text from a person: a stop comes before all else, then whoever can answer it, then a person.

ANSWERERS are asked in their order; the first that says yes has answered it, and the inbox shows it
as done. What none of them can answer opens the conversation: somebody of the store is to look.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from ringdove.rules import facts, replies
from ringdove.rules.automations import automations, occasions
from ringdove.rules.complaints import complaining
from ringdove.rules.consent import confirming, sign_ups, stopping, suppression
from ringdove.rules.contests import entering
from ringdove.rules.conversations import inbox, order_status, shop_rules, which
from ringdove.rules.conversations.heard import Heard, reply_with
from ringdove.rules.effects import Count, HearInbound, PointTo, SaveContact
from ringdove.rules.people import people, phones
from ringdove.rules.scenes import Contact, Scene
from ringdove.rules.surveys import answering


def text_received(scene: Scene, fact: facts.TextReceived, now: datetime) -> None:
    """Keeps the text with what it means, and answers it."""
    heard = _understood(scene, fact, now)
    row_id = scene.make_id_beside(heard.person.id)
    inbox.received(scene, heard)
    before = len(scene.effects)
    handled = next((name for name, answers in ANSWERERS if answers(scene, heard, now)), "")
    scene.happens(
        HearInbound(
            row_id, heard.person.id, fact.gateway, fact.sender, fact.recipient, fact.body, fact.at,
            heard.reply.intent, heard.reply.value, handled,
        ),
        Count("inbound"),
        Count(f"inbound/{heard.reply.intent}"),
    )  # fmt: skip
    inbox.settled(scene, heard, handled, scene.effects[before:], now)


def _understood(scene: Scene, fact: facts.TextReceived, now: datetime) -> Heard:
    person = people.seen(scene, _sender(scene, fact, now), fact.at)
    topics = scene.store.policy.topics
    awaiting = "question" if automations.awaits_answer(scene, person.id) else None
    scale = answering.awaited_scale(scene, person, fact.at)
    reply = replies.read(
        fact.body, awaiting="rating" if scale else awaiting, language=person.language,
        topics=topics, scale=scale or replies.Scale(),
        contests=entering.words_in(scene, fact),
    )  # fmt: skip
    is_own = _is_their_number(scene, person, fact)
    asked = confirming.awaits_yes(scene, person.id, fact.at)
    is_answer = reply.value == "yes" and person.marketing != "out" and not asked
    if reply.intent == "start" and (is_answer or not is_own):
        # A yes subscribes only who had stopped or was asked for it lately; a no counts from every
        # number that was theirs, a yes is of its own.
        reply = replace(reply, intent="other")
    return Heard(fact, person, reply, is_own)


# ------------------------------------------------------------------ who answers it


def _stops(scene: Scene, heard: Heard, now: datetime) -> bool:
    if heard.reply.intent != "stop":
        return False
    stopping.stop(scene, heard, now)
    return True


def _confirms(scene: Scene, heard: Heard, now: datetime) -> bool:
    """A yes to what we asked by text; any other text is at least a sign of life."""
    if not heard.is_own:
        return False
    fact, reply, person_id = heard.fact, heard.reply, heard.person.id
    is_yes = reply.value == "yes" or (reply.intent == "start" and not reply.scope)
    if is_yes and sign_ups.confirmed(scene, person_id, fact.at, "reply", fact.body, now):
        return True
    return confirming.heard(scene, person_id, fact.at, fact.body, is_yes=is_yes)


def _starts(scene: Scene, heard: Heard, now: datetime) -> bool:
    if heard.reply.intent != "start":
        return False
    stopping.start(scene, heard, now)
    return True


def _helps(scene: Scene, heard: Heard, now: datetime) -> bool:
    if heard.reply.intent != "help":
        return False
    reply_with(scene, heard.person, "help", "help", now)
    return True


def _subscribes(scene: Scene, heard: Heard, now: datetime) -> bool:
    return heard.is_own and sign_ups.keyword_heard(scene, heard.person, heard.fact, now)


def _goes_on(scene: Scene, heard: Heard, now: datetime) -> bool:
    """Automations hear it: a question of theirs may be answered by it."""
    is_asked = automations.awaits_answer(scene, heard.person.id)
    automations.hear(scene, occasions.of_person(heard.fact, heard.person.id), now)
    return is_asked


Answerer = Callable[[Scene, Heard, datetime], bool]
ANSWERERS: tuple[tuple[str, Answerer], ...] = (
    ("stop", _stops),
    ("confirm", _confirms),
    ("start", _starts),
    ("help", _helps),
    ("which", which.answers),  # "the teapot" is the order's, though a contest may ask for the word
    ("contest", entering.enters),
    ("keyword", _subscribes),
    ("survey", answering.heard),
    ("status", order_status.answers),
    ("status", complaining.asks_status),
    ("complaint", complaining.opens),
    ("rules", shop_rules.answers),
    ("automation", _goes_on),
)


# ------------------------------------------------------------------ who it is


def number_of(fact: facts.TextReceived, store_country: str) -> str:
    """The sender's number as E.164, or as it came (a short code, a name)."""
    phone = phones.parse(fact.sender, store_country)
    return phone.e164 if isinstance(phone, phones.Phone) else fact.sender


def _is_their_number(scene: Scene, person: Contact, fact: facts.TextReceived) -> bool:
    return fact.sender == person.phone_doubt or (
        person.phone == number_of(fact, scene.store.country)
    )


def _sender(scene: Scene, fact: facts.TextReceived, now: datetime) -> Contact:
    phone = phones.parse(fact.sender, scene.store.country)
    e164 = number_of(fact, scene.store.country)
    ref = scene.refs.get(("phone", e164))
    if ref:
        return people.main_of(scene, ref.contact_id)
    known = isinstance(phone, phones.Phone)
    person = Contact(
        id=scene.make_id(f"phone/{e164}"),
        phone=e164 if known else None,
        phone_doubt=None if known else fact.sender,
        email=None,
        created_at=now,
        country=phone.country if isinstance(phone, phones.Phone) else None,
        zones=tuple(phones.zones(e164, None)) if known else (),
        origin="text",
    )
    scene.happens(SaveContact(person), PointTo("phone", e164, person.id))
    suppression.honour(scene, person.id, "phone", e164)
    return scene.contacts[person.id]
