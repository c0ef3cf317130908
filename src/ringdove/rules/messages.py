"""A message from the wish to say something to its final state.

`speak` makes messages one by one, rules/campaigns/campaign_texts.py by the page: both ask the
decision (P1) and make either a message that waits in the outbox or a silence with its reason (N2),
by `outcome`. LIFE is the whole life of a message.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import NamedTuple

from ringdove.rules import languages, texts
from ringdove.rules.consent import consent
from ringdove.rules.consent.hours import Part
from ringdove.rules.effects import Count, QueueMessage
from ringdove.rules.scenes import NO_HISTORY, Contact, Scene
from ringdove.rules.sending.routes import Way
from ringdove.rules.sending.senders import NoSender

# From each state to those that may follow. `unknown`: it was being submitted when the process or
# the link died; it may have been sent and is never repeated blindly (P5). A receipt can still
# settle it. A later receipt never takes `delivered` or `failed` back.
LIFE: dict[str, tuple[str, ...]] = {
    "waiting": ("sent", "failed", "dropped", "unknown", "waiting"),
    "sent": ("delivered", "failed", "expired"),
    "unknown": ("sent", "delivered", "failed"),
    "delivered": (),
    "failed": (),
    "expired": (),
    "dropped": (),
}
FINAL = tuple(state for state, follows in LIFE.items() if not follows)


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be said to whom, before anything is decided."""

    contact: Contact
    channel: str
    klass: str
    topic: str
    cause: str  # automation, reply, person
    words: Mapping[str, str]  # sms, or subject and body; Liquid
    values: Mapping[str, object]
    language: str
    why: str
    not_before: datetime
    not_after: datetime
    recipe: str = ""
    enrollment_id: int | None = None
    order_id: int | None = None
    guard: str = ""
    guard_since: datetime | None = None  # of unbought: an order placed since then is one
    in_daytime: bool = False
    gateway_id: int = 0  # over this one, whatever the routes say; 0: as they say
    category: str = ""  # of goods that it offers (R14)
    occasion: str = ""  # why now; marketing must say it (R13)
    part: Part | None = None  # its own weekdays and part of the day (R19)
    place: str = ""  # the automation's step that says it
    goods: tuple[str, ...] = ()  # that it names, by sku
    sku: str = ""  # that it is about
    links: Mapping[str, int] = field(default_factory=dict)  # values that are its own: {"link": 0}
    silent: str = ""  # why nothing is said, whatever the decision is


def draft_of(letter: Letter) -> consent.Draft:
    """What the decision needs to know of it."""
    return consent.Draft(
        letter.channel, letter.klass, letter.topic,
        letter.not_before, letter.not_after, letter.in_daytime,
        letter.category, letter.occasion, letter.part,
    )  # fmt: skip


def speak(scene: Scene, letter: Letter, now: datetime) -> QueueMessage:
    """Asks the decision and makes the message, or the silence with its reason. Raises HistoryWanted
    for marketing in a scene that was loaded without histories."""
    person = letter.contact
    draft = draft_of(letter)
    history = scene.history_of(person.id) if letter.klass == "marketing" else NO_HISTORY
    verdict = consent.decide(scene.store, person, draft, history, now)
    recipient = (person.phone if letter.channel == "sms" else person.email) or ""
    way = scene.ways.find(letter.channel, recipient, letter.klass, now.date(), letter.gateway_id)
    state, reason, due_at, window_until = outcome(verdict, max(now, letter.not_before), now)
    if state == "waiting" and not isinstance(way, Way):
        state, reason = "dropped", why_no_way(way, letter.channel)
    if state == "waiting" and letter.silent:
        state, reason = "dropped", letter.silent
    shift = way.gateway.shift if isinstance(way, Way) else ""
    message_id = scene.make_id_beside(person.id)
    values = _with_links(scene, letter, message_id) if letter.links else letter.values
    subject, body, encoding, parts = "", "", "", 1
    try:
        subject, body, encoding, parts = _write(letter, values, shift)
    except (texts.TemplateBroken, texts.TextTooLong) as error:
        # By this person's own values: what else follows from the fact does not wait for a text.
        if state == "waiting":
            is_broken = isinstance(error, texts.TemplateBroken)
            state, reason = "dropped", "broken_text" if is_broken else "too_long"
    cost = scene.ways.cost(way.gateway.id, recipient, parts) if isinstance(way, Way) else None
    made = QueueMessage(
        id=message_id,
        contact_id=person.id,
        order_id=letter.order_id,
        channel=letter.channel,
        klass=letter.klass,
        topic=letter.topic,
        cause=letter.cause,
        recipe=letter.recipe,
        enrollment_id=letter.enrollment_id,
        gateway_id=way.gateway.id if isinstance(way, Way) else 0,
        recipient=recipient,
        sender=way.sender if isinstance(way, Way) else "",
        subject=subject,
        body=body,
        language=letter.language,
        encoding=encoding,
        parts=parts,
        due_at=due_at,
        window_until=window_until,
        not_before=letter.not_before,
        not_after=letter.not_after,
        created_at=now,
        why=letter.why,
        guard=letter.guard,
        guard_since=letter.guard_since,
        place=letter.place,
        goods=letter.goods,
        sku=letter.sku,
        category=letter.category,
        occasion=letter.occasion,
        own_hours=str(letter.part or ""),
        network=way.network if isinstance(way, Way) else "",
        cost=cost.amount if cost else None,
        cost_currency=cost.currency if cost else "",
        state=state,
        reason=reason,
    )
    scene.happens(made, Count("dropped" if state == "dropped" else "queued"))
    return made


class Outcome(NamedTuple):
    """What becomes of a message as it is made."""

    state: str  # waiting, dropped
    reason: str
    due_at: datetime
    window_until: datetime


def outcome(verdict: consent.Verdict, start: datetime, now: datetime) -> Outcome:
    """What follows from the decision; `start`: from when on it could have gone."""
    match verdict:
        case consent.Drop(reason):
            return Outcome("dropped", reason, start, now)
        case consent.Send(window_until):
            return Outcome("waiting", "", start, window_until)
        case consent.Wait(due_at, window_until, reason):
            return Outcome("waiting", reason, due_at, window_until)


def why_no_way(way: NoSender | None, channel: str) -> str:
    """The reason of a silence for want of a gateway or of a sender."""
    return way.reason if way else f"no_gateway_{channel}"


def _with_links(scene: Scene, letter: Letter, message_id: int) -> dict[str, object]:
    """The values, with the message's own links: each is made when a text asks for it."""
    values = dict(letter.values)
    for path, number in letter.links.items():
        noun, _, name = path.partition(".")
        url = partial(scene.link_url, message_id, number)
        if not name:
            values[noun] = url
        elif isinstance(known := values.get(noun), Mapping):  # no goods, no link to them
            values[noun] = {**known, name: url}
    return values


def _write(letter: Letter, values: Mapping[str, object], shift: str) -> tuple[str, str, str, int]:
    if letter.channel == "email":
        subject = texts.render(letter.words["subject"], values)
        return subject, texts.render(letter.words["body"], values), "", 1
    body = texts.render(letter.words["sms"], values)
    measure = texts.measure(body, shift)
    return "", body, measure.encoding, measure.parts


def language_of(scene: Scene, person: Contact) -> str:
    """The language that this person is spoken to in."""
    return languages.choose(person.language, person.country, scene.store.languages)
