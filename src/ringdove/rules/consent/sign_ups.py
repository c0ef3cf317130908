"""Ways in: a form, a keyword, a program. A yes is written with its words; then comes the welcome.

With double opt-in a yes from the web is `asked` until the number itself confirms it (R1, R3). A
form alone never lifts a stop or a refusal: anybody can type anybody's number, so only the number's
own word does (START, a keyword). The welcome and its reward wait until the yes counts (R10).
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ringdove.rules import facts, languages
from ringdove.rules.automations import wording
from ringdove.rules.consent import confirming, ledger, permissions, suppression, ways_in
from ringdove.rules.consent.ways_in import ASKED_AT_MOST, Form, Welcome
from ringdove.rules.effects import CountWay, GiveReward, SaveContact, SaveWelcome
from ringdove.rules.messages import Letter, language_of, speak
from ringdove.rules.offers import rewards
from ringdove.rules.people import people, phones
from ringdove.rules.scenes import Contact, Scene

WELCOME_VALID_FOR = timedelta(hours=12)


def signed_up(scene: Scene, fact: facts.SignedUp, now: datetime) -> None:
    """Meets the person and writes what they agreed to, unless something newer was said."""
    kind = fact.source.partition("/")[0]
    customer = _believed(scene, fact) if kind == "form" and not fact.confirmed else fact.customer
    person = people.meet(scene, customer, kind, now, fact.subject())
    if person.origin == kind and person.created_at == now and not person.ledger_seq:
        scene.happens(SaveContact(replace(person, origin_note=fact.source)))
    form = scene.ways_in.forms.get(fact.form)
    change = "in" if fact.confirmed or not must_confirm(scene, person, form) else "asked"
    if change == "asked" and person.marketing == "out":
        return  # who stopped is not even asked: the page tells them to text START
    news = _write(scene, person.id, fact, fact.scopes, change)
    if not news:
        return
    scene.happens(CountWay(f"{_way(fact.source, fact.form)}/signed"))
    if change == "asked":
        _remember(scene, scene.contacts[person.id], fact.form, fact.at)
        confirming.ask(scene, person.id, now)
    else:
        welcome(scene, person.id, fact.form, now)


def _believed(scene: Scene, fact: facts.SignedUp) -> facts.Customer:
    """What a form that anybody can fill in tells: never an address or number of who is known. Else
    a stranger who types theirs would have the letters and texts that are meant for them. What is
    not known of them yet it may tell: a name, a birthday, fields of the shop's own."""
    customer = fact.customer
    phone = people.read_phone(customer, scene.store.country)
    ref = scene.refs.get(("phone", phone.e164)) if isinstance(phone, phones.Phone) else None
    if ref:
        known = scene.person(ref.contact_id)
        return facts.Customer(
            phone=known.phone or customer.phone,
            country=known.country or customer.country,
            name="" if known.name else customer.name,
            language="" if known.language else customer.language,
            birthday=None if known.birthday else customer.birthday,
            fields={k: v for k, v in customer.fields.items() if not known.fields.get(k)},
        )
    told: dict[str, Any] = {"account": ""}
    if ("email", customer.email.lower()) in scene.refs:
        told["email"] = ""
    return customer.model_copy(update=told)


def must_confirm(scene: Scene, person: Contact, form: Form | None) -> bool:
    """Whether the number itself must say the yes of a form before it counts."""
    if person.marketing == "out" or suppression.holds(scene, person):
        return True
    own = form.double if form else None
    return scene.store.policy.double_opt_in if own is None else own


def keyword_heard(scene: Scene, person: Contact, fact: facts.TextReceived, now: datetime) -> bool:
    """Whether a text is one of the store's keywords and nothing else; then its sender subscribes:
    the number itself said it, to the words of the poster (R118). Ask after stop, start, help."""
    ways = scene.ways_in
    word = ways_in.keyword_of(ways.keywords, fact.body)
    keyword = ways.keywords.get(word)
    form = ways.forms.get(keyword.form_id) if keyword else None
    if keyword is None or form is None or form.retired or not form.published:
        return False
    number = phones.pretty(fact.recipient or ways.number)
    said = poster_words(scene, form, keyword.shown, keyword.language, number)
    scopes = [f"topic/{key}" for key in form.topics] or ["marketing"]
    source = f"keyword/{keyword.shown}"
    if _write(
        scene, person.id, fact, scopes, "in",
        source=source, words=f"{said}\n> {fact.body}", language=keyword.language,
    ):  # fmt: skip
        scene.happens(CountWay(f"keyword/{word}/signed"))
    here = scene.contacts[person.id]
    if any(permissions.state_of(here, scope) == "in" for scope in ("marketing", *scopes)):
        welcome(scene, person.id, form.id, now)  # and not who has stopped since they wrote it
    return True


def poster_words(scene: Scene, form: Form, word: str, language: str, number: str) -> str:
    """What the poster of a keyword says of consent."""
    store = scene.store
    return ways_in.poster_words(form, store.name, store.policy, word, language, number)


def confirmed(
    scene: Scene, contact_id: int, at: datetime, source: str, words: str, now: datetime,
    *, language: str = "", ip: str = "", device: str = "",
) -> bool:  # fmt: skip
    """The number itself said yes to what it was asked: everything asked counts from now on, and the
    welcome follows. False: nothing was asked."""
    if not confirming.answered(
        scene, contact_id, at, source, words, language=language, ip=ip, device=device
    ):
        return False
    known = scene.ways_in.welcomes.get(scene.contacts[contact_id].phone or "")
    welcome(scene, contact_id, known.form_id if known else 0, now)
    return True


def button_pressed(scene: Scene, fact: facts.Confirmed, now: datetime) -> None:
    """The same by the button behind the link that went to the number."""
    if fact.contact in scene.contacts:
        confirmed(
            scene, scene.person(fact.contact).id, fact.at, "link", fact.words, now,
            language=fact.language, ip=fact.ip, device=fact.device,
        )  # fmt: skip


# ------------------------------------------------------------------ the welcome


def welcome(scene: Scene, contact_id: int, form_id: int, now: datetime) -> None:
    """A yes counts: the person is welcomed, the first time with the form's reward."""
    person = scene.contacts[contact_id]
    if person.phone is None:
        return
    known = scene.ways_in.welcomes.get(person.phone)
    last = known.welcomed_at if known else None
    if last and now - last < ASKED_AT_MOST:
        return  # whoever sends a keyword again and again is answered once a day
    form = scene.ways_in.forms.get(form_id)
    given = None
    if last is None and not scene.ways_in.rewarded & {person.id, *person.also}:
        reward = scene.ways_in.rewards.get(form.reward) if form else None
        given = rewards.give(scene, person, reward, now) if reward else None
    old = known or Welcome(person.phone, contact_id, form_id)
    new = replace(old, contact_id=contact_id, form_id=form_id, welcomed_at=now)
    if given:
        new = replace(new, reward_id=given.reward_id, given_at=now)
    scene.happens(SaveWelcome(new, known is None))
    if form:
        scene.happens(CountWay(f"form/{form.id}/confirmed"))
        _say(scene, person, form, given, now)


def _remember(scene: Scene, person: Contact, form_id: int, at: datetime) -> None:
    """Which form is behind a yes that is still to be confirmed."""
    if person.phone:
        known = scene.ways_in.welcomes.get(person.phone)
        old = known or Welcome(person.phone, person.id, form_id)
        new = replace(old, contact_id=person.id, form_id=form_id, asked_at=at)
        scene.happens(SaveWelcome(new, known is None))


def _say(
    scene: Scene, person: Contact, form: Form, given: GiveReward | None, now: datetime
) -> None:
    language = language_of(scene, person)
    values = wording.values_of(scene, person, None, None, language)
    values |= welcome_values(scene, person, form, given, language)
    speak(
        scene,
        Letter(
            contact=person,
            channel="sms",
            klass="service",
            topic="welcome",
            cause="reply",
            words={"sms": ways_in.welcome_words(form, language)},
            values=values,
            language=language,
            why=f"welcome/{form.id}",
            not_before=now,
            not_after=now + WELCOME_VALID_FOR,
        ),
        now,
    )


def welcome_values(
    scene: Scene, person: Contact, form: Form, given: GiveReward | None, language: str
) -> dict[str, object]:
    """What a welcome can say beside the usual: {{ reward.… }} and {{ form.frequency }}."""
    store = scene.store
    said = ways_in.shown(form, store.name, store.policy, language)
    values: dict[str, object] = {"form": {"frequency": said.frequency}}
    if given is None:
        return values
    reward = scene.ways_in.rewards[given.reward_id]
    link = rewards.link_of(scene.address, store.id, reward.id, person.id, scene.keyed)
    zone = ZoneInfo(person.zones[0] if len(person.zones) == 1 else store.time_zone)
    ends = given.valid_until
    values["reward"] = {
        "code": "" if reward.by_link else given.code,
        "link": link if reward.by_link and scene.address else "",
        "until": languages.say_day(ends.astimezone(zone).date(), language) if ends else "",
        "points": str(given.points) if given.points and not reward.by_link else "",
    }
    return values


# ------------------------------------------------------------------ the ledger


def _write(
    scene: Scene,
    contact_id: int,
    fact: facts.SignedUp | facts.TextReceived,
    scopes: Iterable[str],
    change: str,
    *,
    source: str = "",
    words: str = "",
    language: str = "",
) -> list[str]:
    """Writes what is news; a word that is older than the last one about the same changes nothing,
    so that a sign-up told late never subscribes who has stopped since (P1)."""
    news = []
    is_own_word = not isinstance(fact, facts.SignedUp) or fact.confirmed
    for scope in scopes:
        person = scene.contacts[contact_id]
        since = permissions.said_at(person, scope)
        stopped = person.marketing_at if person.marketing == "out" else None
        state = permissions.state_of(person, scope)
        if state == "in" or _not_after(fact.at, since) or _not_after(fact.at, stopped):
            continue
        if state == "out" and not is_own_word:
            continue  # what was left is not even asked again: anybody could have typed the number
        if state == change == "asked" and since and fact.at - since < ASKED_AT_MOST:
            continue
        if scope != "marketing" and person.marketing == "in":
            if state != "out":
                continue  # all marketing is more than a part of it
        scene.happens(
            ledger.entry(
                scene, contact_id, fact.at, scope, change,
                source or getattr(fact, "source", "reply"), words or getattr(fact, "words", ""),
                language=language or getattr(fact, "language", ""),
                ip=getattr(fact, "ip", ""), device=getattr(fact, "device", ""),
            )
        )  # fmt: skip
        news.append(scope)
    return news


def _not_after(at: datetime, since: datetime | None) -> bool:
    return since is not None and since >= at


def _way(source: str, form_id: int) -> str:
    return f"form/{form_id}" if form_id else source.partition("/")[0]
