"""The third way: a text from a person. STOP, START and HELP are answered at once, in one go.

A stop writes the ledger, takes queued marketing back, ends automations that would still sell
something, and queues the one confirmation (P1, P2). Everything else is kept for people to read.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from ringdove.rules import facts, languages, replies
from ringdove.rules.automations import automations, occasions, wording
from ringdove.rules.consent import confirming, ledger, permissions, sign_ups, suppression
from ringdove.rules.effects import (
    CancelQueued,
    Count,
    HearInbound,
    PointTo,
    SaveContact,
    Suppress,
)
from ringdove.rules.messages import Letter, language_of, speak
from ringdove.rules.people import people, phones
from ringdove.rules.scenes import Contact, Scene, Store

ANSWER_VALID_FOR = timedelta(hours=12)
DAY = timedelta(days=1)
PAUSE = 30 * DAY


def text_received(scene: Scene, fact: facts.TextReceived, now: datetime) -> None:
    """Keeps the text with what it means, and answers it: a stop comes before all else."""
    person = people.seen(scene, _sender(scene, fact, now), fact.at)
    topics = scene.store.policy.topics
    awaiting = "question" if automations.awaits_answer(scene, person.id) else None
    reply = replies.read(fact.body, awaiting=awaiting, language=person.language, topics=topics)
    intent = reply.intent
    asked = confirming.awaits_yes(scene, person.id, fact.at)
    is_own = _is_their_number(scene, person, fact)
    if reply.value == "yes" and person.marketing != "out" and not asked:
        intent = "other"  # a yes subscribes only who had stopped, or was asked for it lately
    if intent == "start" and not is_own:
        intent = "other"  # a no counts from every number that was theirs, a yes is of its own
    scene.happens(
        HearInbound(
            scene.make_id_beside(person.id), person.id, fact.gateway, fact.sender, fact.recipient,
            fact.body, fact.at, intent,
        ),
        Count("inbound"),
    )  # fmt: skip
    if intent != "stop" and is_own and _answers_a_question(scene, person, fact, reply, now):
        return
    if intent == "stop":
        _stop(scene, person, fact, reply.scope, now)
    elif intent == "start" and reply.scope:
        _start_topic(scene, person, fact, reply.scope, now)
    elif intent == "start":
        _start(scene, person, fact, now)
    elif intent == "help":
        _reply(scene, person, "help", "help", now)
    elif intent == "other" and not (is_own and sign_ups.keyword_heard(scene, person, fact, now)):
        automations.hear(scene, occasions.of_person(fact, person.id), now)


def _answers_a_question(
    scene: Scene, person: Contact, fact: facts.TextReceived, reply: replies.Reply, now: datetime
) -> bool:
    """A yes to what we asked by text; any other text is at least a sign of life."""
    is_yes = reply.value == "yes" or (reply.intent == "start" and not reply.scope)
    if is_yes and sign_ups.confirmed(scene, person.id, fact.at, "reply", fact.body, now):
        return True
    return confirming.heard(scene, person.id, fact.at, fact.body, is_yes=is_yes)


def number_of(fact: facts.TextReceived, store_country: str) -> str:
    """The sender's number as E.164, or as it came (a short code, a name)."""
    phone = phones.parse(fact.sender, store_country)
    return phone.e164 if isinstance(phone, phones.Phone) else fact.sender


def _is_their_number(scene: Scene, person: Contact, fact: facts.TextReceived) -> bool:
    """Whether it came from the number at which they are reached, and not from an earlier one or
    the other number of two people who are one."""
    return fact.sender == person.phone_doubt or (
        person.phone == number_of(fact, scene.store.country)
    )


def _sender(scene: Scene, fact: facts.TextReceived, now: datetime) -> Contact:
    phone = phones.parse(fact.sender, scene.store.country)
    e164 = number_of(fact, scene.store.country)
    ref = scene.refs.get(("phone", e164))
    if ref:
        return main_of(scene, ref.contact_id)
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


def main_of(scene: Scene, contact_id: int) -> Contact:
    """The person behind a contact: who was merged into another is that one."""
    person = scene.contacts[contact_id]
    while person.merged_into in scene.contacts:
        person = scene.contacts[person.merged_into]
    return person


def _stop(
    scene: Scene, person: Contact, fact: facts.TextReceived, scope: str, now: datetime
) -> None:
    if scope == "pause":
        _pause(scene, person, fact, now)
        return
    if scope.startswith("topic/"):
        _leave_topic(scene, person, fact, scope, now)
        return
    everything = scope == "all"
    scopes = ("marketing", "service") if everything else ("marketing",)
    news = [one for one in scopes if not permissions.is_left(person, one)]
    for one in news:
        _record(scene, person, fact, one, "out")
    take_back(scene, person, scopes, "stopped", now)
    if news:  # one confirmation for one stop, not for every repetition
        text = "stop_all_confirmed" if everything else "stop_confirmed"
        _reply(scene, person, text, "stop_confirmation", now)


def _leave_topic(
    scene: Scene, person: Contact, fact: facts.TextReceived, scope: str, now: datetime
) -> None:
    take_back(scene, person, ("marketing",), "topic_left", now, scope.removeprefix("topic/"))
    if permissions.state_of(person, scope) != "out":
        _record(scene, person, fact, scope, "out")
        more = {"topic": _topic_values(scene, person, scope)}
        _reply(scene, person, "topic_left", "stop_confirmation", now, more)


def _pause(scene: Scene, person: Contact, fact: facts.TextReceived, now: datetime) -> None:
    """No offers for a while; who refused them for ever needs no pause."""
    until = fact.at + PAUSE
    is_paused = person.paused_until and person.paused_until > fact.at
    is_left = permissions.is_left(person, "marketing")
    if is_left or (is_paused and until - (person.paused_until or until) < DAY):
        return
    _record(scene, person, fact, "marketing", "paused", until)
    take_back(scene, person, ("marketing",), "paused", now)
    language = language_of(scene, person)
    day = languages.say_day(until.astimezone(wording.zone_of(scene.store, person)).date(), language)
    _reply(scene, person, "pause_confirmed", "stop_confirmation", now, {"pause": {"until": day}})


def _start(scene: Scene, person: Contact, fact: facts.TextReceived, now: datetime) -> None:
    """Offers again, or for the first time; topics that were left one by one stay left."""
    is_paused = bool(person.paused_until and person.paused_until > fact.at)
    news = []
    if person.marketing != "in" or is_paused:
        news.append("marketing")
    if person.service == "out":
        news.append("service")
    news = [one for one in news if not permissions.is_outdated(person, one, fact.at)]
    for one in news:
        _record(scene, person, fact, one, "in")
    if news:
        language = language_of(scene, person)
        left = [
            topic_name(scene.store, one.key, language)
            for one in scene.store.policy.topics
            if permissions.state_of(person, f"topic/{one.key}") == "out"
        ]
        more = {"left": ", ".join(left)}
        _reply(scene, scene.contacts[person.id], "start_confirmed", "start_confirmation", now, more)


def _start_topic(
    scene: Scene, person: Contact, fact: facts.TextReceived, scope: str, now: datetime
) -> None:
    is_in = permissions.state_of(person, scope) == "in"
    if is_in or permissions.is_outdated(person, scope, fact.at):
        return
    if person.service == "out" and not permissions.is_outdated(person, "service", fact.at):
        _record(scene, person, fact, "service", "in")  # after STOP ALL it would come to nothing
    _record(scene, person, fact, scope, "in")
    more = {"topic": _topic_values(scene, person, scope)}
    _reply(scene, scene.contacts[person.id], "topic_joined", "start_confirmation", now, more)


def take_back(
    scene: Scene, person: Contact, classes: tuple[str, ...], reason: str, now: datetime,
    topic: str = "",
) -> None:  # fmt: skip
    """What waits and may not go any more, under whichever of their names; "": of every topic."""
    for contact_id in (person.id, *person.also):
        scene.happens(CancelQueued(contact_id, classes, reason, now, topic))
        if reason == "stopped":
            automations.leave_marketing(scene, contact_id, reason)
    scene.happens(Count("stops"))


def topic_name(store: Store, key: str, language: str) -> str:
    """What a topic is called in a language: the store's own name, else the ready one."""
    topic = store.policy.topic(key)
    own = topic.names.get(language, "") if topic else ""
    ready: str = languages.phrases(language)["public"]["topic_names"].get(key, key)
    return own or ready


def _topic_values(scene: Scene, person: Contact, scope: str) -> dict[str, str]:
    key = scope.removeprefix("topic/")
    language = language_of(scene, person)
    topic = scene.store.policy.topic(key)
    words = languages.phrases(language)["replies"].get("topics", {}).get(key, ())
    said = (topic.code if topic else "") or next(iter(words), "")
    return {"name": topic_name(scene.store, key, language), "word": said.upper()}


def _record(
    scene: Scene, person: Contact, fact: facts.TextReceived, scope: str, change: str,
    until: datetime | None = None,
) -> None:  # fmt: skip
    scene.happens(
        ledger.entry(scene, person.id, fact.at, scope, change, "reply", fact.body, until=until)
    )


def _reply(
    scene: Scene, person: Contact, text: str, topic: str, now: datetime,
    more: Mapping[str, object] | None = None,
) -> None:  # fmt: skip
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
            values=wording.values_of(scene, person, None, None, language) | dict(more or {}),
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
    whose = ref.contact_id if ref else None
    scene.happens(Suppress("phone", fact.phone, "marketing", "operator", fact.at, whose))
    if ref is None:
        return
    person = main_of(scene, ref.contact_id)
    is_older = permissions.is_outdated(person, "marketing", fact.at)
    if permissions.is_left(person, "marketing") or is_older:
        return  # known already, or they have written START since
    scene.happens(
        ledger.entry(scene, person.id, fact.at, "marketing", "out", "operator", fact.words)
    )
    take_back(scene, person, ("marketing",), "stopped", now)


def stopped_on_site(scene: Scene, fact: facts.StoppedOnSite, now: datetime) -> None:
    """Somebody typed a number or address into the shop's form. It is left at once: that somebody
    else's number was typed is undone with one word, not being able to stop is not. Who is unknown
    here is refused before we ever meet them."""
    kind, value = ("phone", fact.phone) if fact.phone else ("email", fact.email.lower())
    ref = scene.refs.get((kind, value))
    if ref is None:
        scene.happens(Suppress(kind, value, "marketing", "site", fact.at), Count("stops"))
        return
    person = main_of(scene, ref.contact_id)
    take_back(scene, person, ("marketing",), "stopped", now)
    if permissions.is_left(person, "marketing"):
        return
    scene.happens(
        ledger.entry(
            scene, person.id, fact.at, "marketing", "out", "site", fact.words,
            language=fact.language, ip=fact.ip, device=fact.device,
        )
    )  # fmt: skip
    _reply(scene, person, "stop_confirmed", "stop_confirmation", now)


def consent_changed(scene: Scene, fact: facts.ConsentChanged, now: datetime) -> None:
    """Permission changed on a page or over the API; the words say by whom and why."""
    person = main_of(scene, fact.contact)
    if fact.change == "paused":
        if person.paused_until == fact.until:
            return
    elif fact.change == "out" and permissions.is_left(person, fact.scope):
        return
    elif fact.change == "in" and permissions.state_of(person, fact.scope) == "in":
        return
    if fact.change == "in" and permissions.is_outdated(person, fact.scope, fact.at):
        return
    if fact.change == "in" and fact.source.startswith("api") and suppression.holds(scene, person):
        return  # only the number's own word lifts it, not a program that copies a box
    if fact.source == "complaint":
        suppression.refuse(scene, person, "email", "complaint", fact.at)
    scene.happens(
        ledger.entry(
            scene, person.id, fact.at, fact.scope, fact.change, fact.source, fact.words,
            language=fact.language, ip=fact.ip, device=fact.device, until=fact.until,
        )
    )  # fmt: skip
    if fact.change == "paused":
        take_back(scene, person, ("marketing",), "paused", now)
    elif fact.change == "out" and fact.scope.startswith("topic/"):
        topic = fact.scope.removeprefix("topic/")
        take_back(scene, person, ("marketing",), "topic_left", now, topic)
    elif fact.change == "out" and fact.scope in ("marketing", "service"):
        classes = ("marketing", "service") if fact.scope == "service" else ("marketing",)
        take_back(scene, person, classes, "stopped", now)
