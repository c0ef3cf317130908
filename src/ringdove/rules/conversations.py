"""The third way: a text from a person. STOP, START and HELP are answered at once, in one go.

A stop writes the ledger, takes queued marketing back, ends automations that would still sell
something, and queues the one confirmation (P1, P2). Everything else is kept for people to read.
"""

from datetime import datetime, timedelta

from ringdove.rules import (
    automations,
    facts,
    languages,
    ledger,
    permissions,
    phones,
    replies,
    wording,
)
from ringdove.rules.effects import (
    CancelQueued,
    Count,
    HearInbound,
    PointTo,
    SaveContact,
)
from ringdove.rules.messages import Letter, language_of, speak
from ringdove.rules.scenes import Contact, Scene

ANSWER_VALID_FOR = timedelta(hours=12)


def text_received(scene: Scene, fact: facts.TextReceived, now: datetime) -> None:
    """Keeps the text with what it means, and answers stop, start and help."""
    person = _sender(scene, fact, now)
    reply = replies.read(fact.body, language=person.language)
    intent = reply.intent
    if reply.value == "yes" and person.marketing != "out":
        intent = "other"  # a yes subscribes again only who had stopped
    scene.happens(
        HearInbound(
            scene.make_id_beside(person.id), person.id, fact.gateway, fact.sender, fact.recipient,
            fact.body, fact.at, intent,
        ),
        Count("inbound"),
    )  # fmt: skip
    if intent == "stop":
        _stop(scene, person, fact, reply.scope == "all", now)
    elif intent == "start":
        _start(scene, person, fact, now)
    elif intent == "help":
        _reply(scene, person, "help", "help", now)


def number_of(fact: facts.TextReceived, store_country: str) -> str:
    """The sender's number as E.164, or as it came (a short code, a name)."""
    phone = phones.parse(fact.sender, store_country)
    return phone.e164 if isinstance(phone, phones.Phone) else fact.sender


def _sender(scene: Scene, fact: facts.TextReceived, now: datetime) -> Contact:
    phone = phones.parse(fact.sender, scene.store.country)
    e164 = number_of(fact, scene.store.country)
    ref = scene.refs.get(("phone", e164))
    if ref:
        return scene.contacts[ref.contact_id]
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
    return person


def _stop(
    scene: Scene, person: Contact, fact: facts.TextReceived, everything: bool, now: datetime
) -> None:
    scopes = ("marketing", "service") if everything else ("marketing",)
    news = [scope for scope in scopes if getattr(person, scope) != "out"]
    for scope in news:
        _record(scene, person, fact, scope, "out")
    scene.happens(
        CancelQueued(person.id, scopes, "stopped", now),
        Count("stops"),
    )
    automations.leave_marketing(scene, person.id, "stopped")
    if news:  # one confirmation for one stop, not for every repetition
        text = "stop_all_confirmed" if everything else "stop_confirmed"
        _reply(scene, person, text, "stop_confirmation", now)


def _start(scene: Scene, person: Contact, fact: facts.TextReceived, now: datetime) -> None:
    news = []
    if person.marketing != "in":
        news.append("marketing")
    if person.service == "out":
        news.append("service")
    for scope in news:
        _record(scene, person, fact, scope, "in")
    if news:
        _reply(scene, scene.contacts[person.id], "start_confirmed", "start_confirmation", now)


def _record(
    scene: Scene, person: Contact, fact: facts.TextReceived, scope: str, change: str
) -> None:
    scene.happens(ledger.entry(scene, person.id, fact.at, scope, change, "reply", fact.body))


def _reply(scene: Scene, person: Contact, text: str, topic: str, now: datetime) -> None:
    language = language_of(scene, person)
    speak(
        scene,
        Letter(
            contact=person,
            channel="sms",
            klass="service",
            topic=topic,
            cause="reply",
            words={"sms": languages.phrases(language)["answers"][text]},
            values=wording.values_of(scene, person, None, None, language),
            language=language,
            why=f"reply/{text}",
            not_before=now,
            not_after=now + ANSWER_VALID_FOR,
        ),
        now,
    )


def stopped_at_operator(scene: Scene, fact: facts.StoppedAtOperator, now: datetime) -> None:
    """Who stopped us at the operator wants no more offers, from whichever gateway. Service texts
    stay allowed here: that operator will not carry them, another may, and the person said nothing
    of them. No confirmation: the operator has given its own, and would not carry ours."""
    ref = scene.refs.get(("phone", fact.phone))
    if ref is None:
        return
    person = scene.contacts[ref.contact_id]
    if person.marketing == "out" or (person.marketing_at and person.marketing_at > fact.at):
        return  # known already, or they have written START since
    scene.happens(
        ledger.entry(scene, person.id, fact.at, "marketing", "out", "operator", fact.words),
        CancelQueued(person.id, ("marketing",), "stopped", now),
        Count("stops"),
    )
    automations.leave_marketing(scene, person.id, "stopped")


def consent_changed(scene: Scene, fact: facts.ConsentChanged, now: datetime) -> None:
    """Permission changed on a page or over the API; the words say by whom and why."""
    person = scene.contacts[fact.contact]
    if permissions.state_of(person, fact.scope) == fact.change:
        return
    scene.happens(
        ledger.entry(
            scene, person.id, fact.at, fact.scope, fact.change, fact.source, fact.words,
            language=fact.language, ip=fact.ip, device=fact.device, until=fact.until,
        )
    )  # fmt: skip
    if fact.change == "out":
        classes = ("marketing", "service") if fact.scope == "service" else ("marketing",)
        scene.happens(CancelQueued(person.id, classes, "stopped", now), Count("stops"))
        automations.leave_marketing(scene, person.id, "stopped")
