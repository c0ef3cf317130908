"""Questions by text: is this number yours, and do you still want our offers?

A yes from the web is `asked` until the number itself says it (R1): by a text, or by the button
behind a personal link. It is asked once a day and three times at most, never somebody who had
stopped or whose number is on the list of refusals; after a week without an answer it stays
unconfirmed. Who has given no sign of life for months is asked once whether they still want offers;
two weeks without an answer end them. The workers find whom (workers/consent/reconfirm.py).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from ringdove.rules import facts, languages
from ringdove.rules.automations import automations, wording
from ringdove.rules.consent import ledger, stop_links, suppression
from ringdove.rules.effects import CancelQueued, QueueMessage, RecordConsent, SaveQuestion
from ringdove.rules.messages import Letter, language_of, speak
from ringdove.rules.scenes import Contact, Question, Scene, Store

ASKED_MAX = 3  # without an answer, ever
ASK_AGAIN_AFTER = timedelta(hours=20)  # once a day, whatever the hour
CONFIRM_WITHIN = timedelta(days=7)
STILL_WITHIN = timedelta(days=14)
TEXT_VALID_FOR = timedelta(hours=24)
STILL_VALID_FOR = timedelta(days=3)  # its hours are those of the day
MONTH = timedelta(days=30)
CLOCKS_DIFFER = timedelta(minutes=2)  # an operator's and ours
NO_ROW = 0  # of what is asked since the number changed, and not by a row of this kind


# ------------------------------------------------------------------ is this number yours?


def ask(scene: Scene, contact_id: int, now: datetime) -> None:
    """One text that asks the number itself, for all that is asked of this person and not answered.
    Call it when the ledger has the rows."""
    person = scene.contacts[contact_id]
    scopes = asked_scopes(person)
    if not scopes or not person.phone or suppression.holds(scene, person):
        return
    known = scene.questions.get((contact_id, "confirm"))
    old = known if known and known.state == "open" else None
    about = {scope: seq for scope, seq in (old.about if old else {}).items() if scope in scopes}
    rows = _rows_asked(scene, contact_id, scopes)
    if old and (old.asked >= ASKED_MAX or (old.asked_at and now - old.asked_at < ASK_AGAIN_AFTER)):
        # The text that went out asked for no more than it named; all offers hold every part.
        named_then = [scope for scope in rows if scope in about or "marketing" in about]
        about |= {scope: rows[scope] for scope in named_then}
        scene.happens(SaveQuestion(replace(old, about=about)))
        return
    about = {scope: rows.get(scope, about.get(scope, NO_ROW)) for scope in scopes}
    more = {
        "url": confirm_url(scene, contact_id),
        "about": named(scene.store, person, scopes, language_of(scene, person)),
    }
    message = _say(scene, person, "confirm_request", more, now, now + TEXT_VALID_FOR)
    if message.state == "waiting":
        asked = (old.asked if old else 0) + 1
        until = now + CONFIRM_WITHIN
        question = Question(contact_id, "confirm", "open", asked, now, until, message.id, about)
        scene.happens(SaveQuestion(question))


def asked_scopes(person: Contact) -> list[str]:
    """What this person said yes to without the number itself having said it."""
    scopes = ["marketing"] if person.marketing == "asked" else []
    return scopes + [scope for scope, said in person.scopes.items() if said[0] == "asked"]


def may_answer(person: Contact, question: Question | None, at: datetime) -> list[str]:
    """What a yes of this moment confirms: what the question named and is asked still. Nothing when
    it came before the question, or a week after it."""
    if question is None or question.state != "open" or at >= question.until:
        return []
    if question.asked_at and at < question.asked_at - CLOCKS_DIFFER:
        return []
    return [scope for scope in asked_scopes(person) if scope in question.about]


def answered(
    scene: Scene, contact_id: int, at: datetime, source: str, words: str,
    *, language: str = "", ip: str = "", device: str = "",
) -> bool:  # fmt: skip
    """The number itself said yes: a row for each thing asked, which names the row it confirms.
    False: nothing is asked, or it was a week ago."""
    question = scene.questions.get((contact_id, "confirm"))
    scopes = may_answer(scene.contacts[contact_id], question, at)
    if question is None or not scopes:
        return False
    for scope in sorted(scopes, key=lambda one: question.about.get(one, 0)):
        confirms = question.about.get(scope)
        scene.happens(
            ledger.entry(
                scene, contact_id, at, scope, "in",
                f"{source}/confirms/{confirms}" if confirms else source, words,
                language=language, ip=ip, device=device,
            )
        )  # fmt: skip
    scene.happens(SaveQuestion(replace(question, state="yes", asked=0)))
    return True


def awaits_yes(scene: Scene, contact_id: int, at: datetime) -> bool:
    """Whether a yes from this number is the answer to a question of ours."""
    known = (scene.questions.get((contact_id, kind)) for kind in ("confirm", "still"))
    return any(one.state == "open" and at < one.until for one in known if one)


def confirm_url(scene: Scene, contact_id: int) -> str:
    """The person's own link to the button that says yes; "" while nobody reaches our pages."""
    if not scene.address:
        return ""
    return f"{scene.address}/y/{token_of(scene, contact_id)}"


def token_of(scene: Scene, contact_id: int) -> str:
    """As the token of a stop link, under another seal: neither opens the other's page."""
    phone = scene.contacts[contact_id].phone or ""
    return stop_links.token_of(scene.store.id, contact_id, sealed_by(scene.keyed, phone))


def sealed_by(keyed: stop_links.Keyed, phone: str) -> stop_links.Keyed:
    """The seal of these links: of a person at a number, so that one that went to an earlier number
    confirms nothing for the present one."""
    return lambda text: keyed(f"confirm/{phone}/{text}")


def _rows_asked(scene: Scene, contact_id: int, scopes: list[str]) -> dict[str, int]:
    return {
        effect.scope: effect.seq
        for effect in scene.effects
        if isinstance(effect, RecordConsent)
        and effect.contact_id == contact_id
        and effect.change == "asked"
        and effect.scope in scopes
    }


def named(store: Store, person: Contact, scopes: list[str], language: str) -> str:
    """What is asked for, as a text says it: the topics by name; "" for all offers and news."""
    if "marketing" in scopes:
        return ""
    ready: Mapping[str, str] = languages.phrases(language)["public"]["topics"]
    names = []
    for scope in scopes:
        key = scope.partition("/")[2]
        own = store.policy.topic(key) if scope.startswith("topic/") else None
        names.append((own.names.get(language) if own else "") or ready.get(key, key))
    return ", ".join(names)


# ------------------------------------------------------------------ do you still want them?


def ask_still(scene: Scene, fact: facts.LongSilent, now: datetime) -> None:
    """Asks once, if it is still true that nobody heard of the person for so long."""
    person = scene.contacts.get(fact.contact)
    months = scene.store.policy.reconfirm_months
    if person is None or not months or person.marketing != "in" or person.merged_into:
        return
    before = now - months * MONTH
    known = scene.questions.get((person.id, "still"))
    if alive_at(person) >= before or (known and known.asked_at and known.asked_at >= before):
        return
    message = _say(scene, person, "still_request", {}, now, now + STILL_VALID_FOR, in_daytime=True)
    about = {"marketing": person.ledger_seq}
    state = "open" if message.state == "waiting" else "unreached"
    question = Question(
        person.id, "still", state, 1, now, now + STILL_WITHIN, message.id, about, message.body
    )
    scene.happens(SaveQuestion(question))


def alive_at(person: Contact) -> datetime:
    """The last sign of life."""
    signs = (person.seen_at, person.marketing_at, person.last_order_at)
    return max((at for at in signs if at), default=person.created_at)


def heard(scene: Scene, contact_id: int, at: datetime, body: str, *, is_yes: bool) -> bool:
    """A text came from somebody who was asked whether they still want offers: any text is a sign
    of life, a yes is a new consent. True: it was that answer."""
    question = scene.questions.get((contact_id, "still"))
    if question is None or question.state != "open":
        return False
    scene.happens(SaveQuestion(replace(question, state="yes")))
    if not is_yes or scene.contacts[contact_id].marketing != "in":
        return False
    source = f"reply/confirms/{question.about['marketing']}"
    scene.happens(ledger.entry(scene, contact_id, at, "marketing", "in", source, body))
    return True


def fall_silent(scene: Scene, fact: facts.LeftUnanswered, now: datetime) -> None:
    """Two weeks without an answer to a question that did arrive: offers end, with their reason."""
    person = scene.contacts.get(fact.contact)
    question = scene.questions.get((fact.contact, "still"))
    if person is None or question is None or question.state != "open":
        return
    if not fact.reached:
        scene.happens(SaveQuestion(replace(question, state="unreached")))
        return
    since = question.asked_at
    if person.marketing != "in" or (since and alive_at(person) >= since):
        scene.happens(SaveQuestion(replace(question, state="yes")))
        return
    days = STILL_WITHIN.days
    words = f"No answer within {days} days to: {question.words}"
    scene.happens(
        ledger.entry(scene, person.id, fact.at, "marketing", "out", "silence", words),
        SaveQuestion(replace(question, state="silence")),
        CancelQueued(person.id, ("marketing",), "silent", now),
    )
    automations.leave_marketing(scene, person.id, "silent")


def _say(
    scene: Scene, person: Contact, text: str, more: Mapping[str, object], now: datetime,
    not_after: datetime, *, in_daytime: bool = False,
) -> QueueMessage:  # fmt: skip
    language = language_of(scene, person)
    values = wording.values_of(scene, person, None, None, language)
    letter = Letter(
        contact=person,
        channel="sms",
        klass="service",
        topic=text,
        cause="consent",
        words={"sms": languages.phrases(language)["answers"][text]},
        values={**values, "confirm": more},
        language=language,
        why=f"consent/{text}",
        not_before=now,
        not_after=not_after,
        in_daytime=in_daytime,
    )
    speak(scene, letter, now)
    return next(one for one in reversed(scene.effects) if isinstance(one, QueueMessage))
