"""A text with a contest's word: the number takes part once, or is told why not.

It is a service: whoever takes part has agreed to nothing else. Who sends the word again is told
once that they are in, and then no more.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ringdove.rules import facts, languages
from ringdove.rules.automations import automations, occasions, wording
from ringdove.rules.consent.ways_in import fold
from ringdove.rules.contests import contests
from ringdove.rules.contests.contests import Asked, Contest, Entry
from ringdove.rules.conversations.heard import Heard, reply_with
from ringdove.rules.effects import Count, SaveEntry
from ringdove.rules.messages import Letter, language_of, speak
from ringdove.rules.people import phones
from ringdove.rules.scenes import Contact, Scene, Store

TOPIC = "contest"
TOLD_WITHIN = timedelta(days=3)  # winners hear of it by day; later the shop has to call them


def enters(scene: Scene, heard: Heard, now: datetime) -> bool:
    """Whether a text was a contest's word; then its sender takes part, or hears why not."""
    person, at = heard.person, heard.fact.at
    if not scene.contests.known or not heard.is_own or person.phone is None:
        return False
    found = contests.asked(scene.contests.known.values(), heard.fact.body, at)
    if found is None:
        return False
    if found.rules:
        _answer(scene, person, found, "contest_rules", now)
        return True
    if why_not := _not_now(found.contest, at):
        _answer(scene, person, found, why_not, now)
    elif known := entry_of(scene, found.contest, person):
        _say_again(scene, person, found, known, now)
    elif why_not := _not_they(scene, person, found):
        _answer(scene, person, found, why_not, now)
    else:
        _enter(scene, person, found, at, now)
    return True


def words_in(scene: Scene, fact: facts.TextReceived) -> tuple[str, ...]:
    """The words of the contest that a text is about; (): about none. Whoever understands texts
    needs no others: an everyday word at the head of a sentence is no entry."""
    found = contests.asked(scene.contests.known.values(), fact.body, fact.at)
    return found.contest.words if found else ()


def entry_of(scene: Scene, contest: Contest, person: Contact) -> Entry | None:
    """The entry of their number, or of another number of theirs."""
    names = {person.id, *person.also}
    ticket = contests.ticket_of(contest, person.phone or "") if contest.ticket_key else ""
    for (contest_id, known), entry in scene.contests.entries.items():
        if contest_id == contest.id and (known == ticket or entry.contact_id in names):
            return entry
    return None


def _not_now(contest: Contest, at: datetime) -> str:
    """The key of the answer that says why nobody can take part; "": they can."""
    if at < contest.begins:
        return "contest_early"
    return "contest_over" if at > contest.ends or contest.closed_at else ""


def _not_they(scene: Scene, person: Contact, found: Asked) -> str:
    """The same of this person and text."""
    contest = found.contest
    phone = phones.parse(person.phone or "", scene.store.country)
    country = phone.country if isinstance(phone, phones.Phone) else ""
    if contest.countries and country not in contest.countries:
        return "contest_abroad"
    if contest.with_order and not found.number:
        return "contest_order"
    if contest.with_order and _order(scene, person, found) is None:
        return "contest_no_order"
    return ""


def _order(scene: Scene, person: Contact, found: Asked) -> int | None:
    """The order that they named, when it is theirs and of the contest's time."""
    for name in (person.id, *person.also):
        known = scene.contests.bought.get((name, found.number))
        if known and found.contest.begins <= known[1] <= found.contest.ends:
            return known[0]
    return None


def _enter(scene: Scene, person: Contact, found: Asked, at: datetime, now: datetime) -> None:
    contest, number = found.contest, person.phone or ""
    # The entry lies where the number does, also when that is a name merged into another.
    ref = scene.refs.get(("phone", number))
    ticket = contests.ticket_of(contest, number)
    entry = Entry(
        contest.id, ticket, ref.contact_id if ref else person.id, at, found.word,
        _order(scene, person, found) if contest.with_order else None,
    )  # fmt: skip
    scene.happens(SaveEntry(entry, is_new=True), Count("contest_entries"))
    _answer(scene, person, found, "contest_entered", now, ticket)


def _say_again(scene: Scene, person: Contact, found: Asked, entry: Entry, now: datetime) -> None:
    if entry.said_again_at is None:
        scene.happens(SaveEntry(replace(entry, said_again_at=now), is_new=False))
        _answer(scene, person, found, "contest_again", now, entry.ticket)


def _answer(
    scene: Scene, person: Contact, found: Asked, text: str, now: datetime, ticket: str = ""
) -> None:
    language = language_of(scene, person)
    values = _values(scene, found.contest, person, language, ticket, found.word)
    reply_with(scene, person, text, TOPIC, now, {"contest": values})


def values_of(
    store: Store, contest: Contest, zone: ZoneInfo, language: str, address: str, ticket: str = "",
    word: str = "",
) -> dict[str, str]:  # fmt: skip
    """What texts say of a contest: {{ contest.… }}. `word`: folded, as it was texted; `address`: of
    our pages."""
    first = store.languages[0] if store.languages else language
    named = next((one for one in contest.words if fold(one) == word), "")
    return {
        "name": contest.name,
        "word": named or next(iter(contest.words), ""),
        "prize": contest.prize.get(language) or contest.prize.get(first, ""),
        "brief": contest.brief.get(language) or contest.brief.get(first, ""),
        "ticket": contests.shown_ticket(ticket),
        "begins": _day(contest.begins, zone, language),
        "until": _day(contest.ends, zone, language),
        "link": address_of(address, contest) if address else "",
    }


def _values(
    scene: Scene, contest: Contest, person: Contact, language: str, ticket: str, word: str = ""
) -> dict[str, str]:
    zone = wording.zone_of(scene.store, person)
    return values_of(scene.store, contest, zone, language, scene.address, ticket, word)


def _day(at: datetime, zone: ZoneInfo, language: str) -> str:
    return languages.say_day(at.astimezone(zone).date(), language)


def address_of(address: str, contest: Contest) -> str:
    """The page of a contest, where its rules and its draw can be read."""
    return f"{address}/win/{contest.token}"


# ------------------------------------------------------------------ who has won


def won(scene: Scene, fact: facts.ContestWon, now: datetime) -> None:
    """The draw, or somebody's silence, made them a winner or a substitute: they are told."""
    contest = scene.contests.known.get(fact.contest)
    if fact.contact not in scene.contacts:
        return
    person = scene.person(fact.contact)
    automations.hear(scene, occasions.of_person(fact, person.id), now)
    if contest is None:
        return  # it was called off meanwhile, or is only pretended
    language = language_of(scene, person)
    more = {"contest": _values(scene, contest, person, language, fact.ticket)}
    text = "contest_won" if fact.state == "won" else "contest_substitute"
    speak(
        scene,
        Letter(
            contact=person,
            channel="sms",
            klass="service",
            topic=TOPIC,
            cause="person",
            words={"sms": languages.phrases(language)["answers"][text]},
            values=wording.values_of(scene, person, None, None, language) | more,
            language=language,
            why=f"contest/{contest.id}",
            not_before=now,
            not_after=now + TOLD_WITHIN,
            in_daytime=True,
        ),
        now,
    )
