"""STOP and START, by whichever way they come: by text, at the operator, on the site, on a page.

A stop writes the ledger, takes queued marketing back, ends automations that would still sell
something, and queues the one confirmation (P1, P2).
"""

from datetime import datetime, timedelta

from ringdove.rules import facts, languages
from ringdove.rules.automations import automations, wording
from ringdove.rules.consent import ledger, permissions, suppression
from ringdove.rules.conversations.heard import Heard, reply_with
from ringdove.rules.effects import CancelQueued, Count, Suppress
from ringdove.rules.friends import inviting
from ringdove.rules.messages import language_of
from ringdove.rules.people.people import main_of
from ringdove.rules.scenes import Contact, Scene, Store

DAY = timedelta(days=1)
PAUSE = 30 * DAY


def stop(scene: Scene, heard: Heard, now: datetime) -> None:
    """They have had enough: of all, of offers, of one topic, for a while."""
    person, fact, scope = heard.person, heard.fact, heard.reply.scope
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
        reply_with(scene, person, text, "stop_confirmation", now)


def _leave_topic(
    scene: Scene, person: Contact, fact: facts.TextReceived, scope: str, now: datetime
) -> None:
    take_back(scene, person, ("marketing",), "topic_left", now, scope.removeprefix("topic/"))
    if permissions.state_of(person, scope) != "out":
        _record(scene, person, fact, scope, "out")
        more = {"topic": _topic_values(scene, person, scope)}
        reply_with(scene, person, "topic_left", "stop_confirmation", now, more)


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
    reply_with(
        scene, person, "pause_confirmed", "stop_confirmation", now, {"pause": {"until": day}}
    )


def start(scene: Scene, heard: Heard, now: datetime) -> None:
    """One topic again, or all offers."""
    if heard.reply.scope:
        _start_topic(scene, heard.person, heard.fact, heard.reply.scope, now)
    else:
        _start(scene, heard.person, heard.fact, now)


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
        reply_with(
            scene, scene.contacts[person.id], "start_confirmed", "start_confirmation", now, more
        )


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
    reply_with(scene, scene.contacts[person.id], "topic_joined", "start_confirmation", now, more)


def take_back(
    scene: Scene, person: Contact, classes: tuple[str, ...], reason: str, now: datetime,
    topic: str = "",
) -> None:  # fmt: skip
    """What waits and may not go any more, under whichever of their names; "": of every topic."""
    for contact_id in (person.id, *person.also):
        scene.happens(CancelQueued(contact_id, classes, reason, now, topic))
        if reason == "stopped":
            scene.happens(CancelQueued(contact_id, ("service",), reason, now, inviting.TOPIC))
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
    reply_with(scene, person, "stop_confirmed", "stop_confirmation", now)


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
