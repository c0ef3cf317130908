"""The vocabulary of what follows: every change that an answer can ask for.

An effect is data. `show` makes it visible in the scene for the facts that come after it in the same
batch; records/scenes.py writes all effects of a batch in one transaction. Nothing else changes
anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from ringdove.rules.consent import permissions
from ringdove.rules.consent.ways_in import Use, Welcome
from ringdove.rules.contests.contests import Entry
from ringdove.rules.scenes import (
    Cart,
    Complaint,
    Contact,
    Conversation,
    Enrollment,
    Held,
    Invitation,
    Merge,
    Order,
    Parcel,
    Question,
    Ref,
    Return,
    Scene,
    SurveyAnswer,
)
from ringdove.rules.wants import Queued


@dataclass(frozen=True, slots=True)
class SaveContact:
    """A contact is new or has changed."""

    contact: Contact

    def show(self, scene: Scene) -> None:
        scene.keep(self.contact)


@dataclass(frozen=True, slots=True)
class PointTo:
    """From now on a natural key leads to this contact (and row)."""

    kind: str
    value: str
    contact_id: int
    row_id: int | None = None

    def show(self, scene: Scene) -> None:
        scene.refs[self.kind, self.value] = Ref(self.contact_id, self.row_id)


@dataclass(frozen=True, slots=True)
class MoveKey:
    """A natural key leads to another contact (and row) from now on."""

    kind: str
    value: str
    contact_id: int
    row_id: int | None = None

    def show(self, scene: Scene) -> None:
        scene.refs[self.kind, self.value] = Ref(self.contact_id, self.row_id)


@dataclass(frozen=True, slots=True)
class ReleaseKey:
    """A natural key leads to nobody any more: the number belongs to somebody we do not know."""

    kind: str
    value: str

    def show(self, scene: Scene) -> None:
        scene.refs.pop((self.kind, self.value), None)


@dataclass(frozen=True, slots=True)
class SaveMerge:
    """Two contacts are one person; or were parted again."""

    merge: Merge

    def show(self, scene: Scene) -> None:
        scene.merges[self.merge.id] = self.merge


@dataclass(frozen=True, slots=True)
class SaveOrder:
    """An order is new or has changed."""

    order: Order

    def show(self, scene: Scene) -> None:
        scene.orders[self.order.id] = self.order
        scene.tell(self.order.contact_id, self.order)


@dataclass(frozen=True, slots=True)
class BuyFrom:
    """A new order brought goods of these categories (R15), or of none that is known."""

    contact_id: int
    at: datetime
    categories: tuple[str, ...]

    def show(self, scene: Scene) -> None:
        if scene.histories is not None:
            known = scene.history_of(self.contact_id)
            newer = {key: max(self.at, known.bought.get(key, self.at)) for key in self.categories}
            bought = {**known.bought, **newer}
            whose = scene.contacts[self.contact_id].merged_into or self.contact_id
            scene.histories[whose] = replace(known, bought=bought)


@dataclass(frozen=True, slots=True)
class CountBought:
    """An order was cancelled, changed or came back: what this person has bought is counted anew
    from their orders (records/segments/figures.py)."""

    contact_id: int

    def show(self, scene: Scene) -> None:
        """A purchase taken back holds nothing up in the batch that tells of it; the next sees."""


@dataclass(frozen=True, slots=True)
class SaveParcel:
    """A parcel is new or has moved."""

    parcel: Parcel

    def show(self, scene: Scene) -> None:
        scene.parcels[self.parcel.id] = self.parcel


@dataclass(frozen=True, slots=True)
class SaveReturn:
    """A return is new or has moved."""

    back: Return

    def show(self, scene: Scene) -> None:
        scene.returns[self.back.id] = self.back


@dataclass(frozen=True, slots=True)
class SaveCart:
    """A cart as it stands now."""

    cart: Cart

    def show(self, scene: Scene) -> None:
        scene.carts[self.cart.id] = self.cart
        scene.tell(self.cart.contact_id, self.cart)


@dataclass(frozen=True, slots=True)
class SaveVisit:
    """A known customer was seen."""

    id: int
    contact_id: int
    at: datetime
    channel: str
    page: str
    sku: str
    category: str

    def show(self, scene: Scene) -> None:
        scene.tell(self.contact_id, self)


@dataclass(frozen=True, slots=True)
class SaveWish:
    """Somebody wants to be told when goods are there again, or cost less."""

    id: int
    contact_id: int
    sku: str
    wish: str  # stock, price
    at: datetime
    price: Decimal | None = None  # as they saw it; None: what the catalogue says

    def show(self, scene: Scene) -> None:
        """Granted later, by a worker."""


@dataclass(frozen=True, slots=True)
class SaveProduct:
    """A product of the catalogue is new or has changed."""

    sku: str
    name: str
    category: str
    brand: str
    price: Decimal | None
    url: str
    stock: int | None
    changed_at: datetime
    key: str = ""

    def show(self, scene: Scene) -> None:
        """Nothing later in a batch depends on a product."""


@dataclass(frozen=True, slots=True)
class RecordConsent:
    """A row of the consent ledger, and what it makes of the contact. rules/consent/ledger.py makes
    it."""

    id: int
    contact_id: int
    at: datetime
    scope: str  # marketing, service, topic/offers, category/shoes
    change: str  # in, out, asked, paused
    source: str
    words: str
    language: str
    ip: str
    device: str
    who: str
    seq: int
    prev: str
    hash: str
    until: datetime | None = None  # of a pause

    def show(self, scene: Scene) -> None:
        contact = permissions.after(scene.contacts[self.contact_id], self)
        scene.keep(replace(contact, ledger_seq=self.seq, ledger_hash=self.hash))


@dataclass(frozen=True, slots=True)
class SaveQuestion:
    """A person was asked something by text, or has answered. rules/consent/confirming.py makes
    it."""

    question: Question

    def show(self, scene: Scene) -> None:
        scene.questions[self.question.contact_id, self.question.kind] = self.question


@dataclass(frozen=True, slots=True)
class CancelQueued:
    """What waits in the outbox for this person and has not left is taken back, with the reason."""

    contact_id: int
    classes: tuple[str, ...]
    reason: str
    at: datetime
    topic: str = ""  # of this topic only; "": of every one

    def show(self, scene: Scene) -> None:
        for n, effect in enumerate(scene.effects):
            if (
                isinstance(effect, QueueMessage)
                and effect.contact_id == self.contact_id
                and effect.state == "waiting"
                and effect.klass in self.classes
                and self.topic in ("", effect.topic)
                and effect.topic != "stop_confirmation"
            ):
                scene.effects[n] = replace(effect, state="dropped", reason=self.reason)


@dataclass(frozen=True, slots=True)
class TakeBack:
    """One message that waits in the outbox and has not left is taken back, with the reason."""

    message_id: int
    contact_id: int  # under which of their names it waits
    reason: str
    at: datetime

    def show(self, scene: Scene) -> None:
        scene.queued.get(scene.person(self.contact_id).id, {}).pop(self.message_id, None)
        for n in range(len(scene.effects) - 1, -1, -1):
            effect = scene.effects[n]
            if isinstance(effect, QueueMessage) and effect.id == self.message_id:
                scene.effects[n] = replace(effect, state="dropped", reason=self.reason)
                break


@dataclass(frozen=True, slots=True)
class CancelAddressed:
    """What waits for this person and is addressed to a number or address that is not theirs is
    taken back, whatever it says."""

    contact_id: int
    recipients: tuple[str, ...]
    reason: str
    at: datetime

    def show(self, scene: Scene) -> None:
        for n, effect in enumerate(scene.effects):
            if (
                isinstance(effect, QueueMessage)
                and effect.contact_id == self.contact_id
                and effect.state == "waiting"
                and effect.recipient in self.recipients
            ):
                scene.effects[n] = replace(effect, state="dropped", reason=self.reason)


@dataclass(frozen=True, slots=True)
class Suppress:
    """A number or address is refused, whoever it leads to; it is kept as a keyed hash."""

    kind: str  # phone, email
    value: str
    scope: str  # marketing, all
    reason: str
    at: datetime
    contact_id: int | None = None

    def show(self, scene: Scene) -> None:
        scene.suppressed[self.kind, self.value] = Held(self.scope, self.reason, self.at)


@dataclass(frozen=True, slots=True)
class Forget:
    """A fact about somebody who was erased: it is not kept either."""

    source_key: str
    subject: str
    contact: int | None  # whom it names itself: it lies with them

    def show(self, scene: Scene) -> None:
        """Nothing of it is in the scene."""


@dataclass(frozen=True, slots=True)
class SaveEnrollment:
    """A run of an automation began, waits, ended or was stopped."""

    enrollment: Enrollment

    def show(self, scene: Scene) -> None:
        scene.keep_run(self.enrollment)


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A message is made: state `waiting` puts it into the outbox, `dropped` is silence with its
    reason."""

    id: int
    contact_id: int
    order_id: int | None
    channel: str
    klass: str  # service, marketing
    topic: str
    cause: str
    recipe: str
    enrollment_id: int | None
    gateway_id: int
    recipient: str
    sender: str
    subject: str
    body: str
    language: str
    encoding: str
    parts: int
    due_at: datetime
    window_until: datetime
    not_before: datetime
    not_after: datetime
    created_at: datetime
    why: str
    guard: str = ""
    guard_since: datetime | None = None  # of unbought: an order placed since then is one
    place: str = ""  # the automation's step
    goods: tuple[str, ...] = ()  # that it names, by sku
    sku: str = ""  # that it is about
    category: str = ""
    occasion: str = ""
    own_hours: str = ""  # rules/hours.Part
    network: str = ""  # BY, or BY/MTS where the operator is known
    cost: Decimal | None = None  # expected, of all parts; None: no price list says
    cost_currency: str = ""
    state: str = "waiting"
    reason: str = ""

    def show(self, scene: Scene) -> None:
        """Kept in scene.effects, where CancelQueued finds it; an automation's offer also where a
        higher one does."""
        if (self.state, self.klass, self.cause) == ("waiting", "marketing", "automation"):
            whose = scene.queued.setdefault(scene.person(self.contact_id).id, {})
            whose[self.id] = Queued(self.id, self.contact_id, self.recipe, self.due_at)


@dataclass(frozen=True, slots=True)
class HearInbound:
    """A text from a person, kept with what it was understood to mean."""

    id: int
    contact_id: int
    gateway_id: int
    sender: str
    recipient: str
    body: str
    at: datetime
    intent: str
    value: str = ""  # rules/replies/replies.Reply.value, or the score that was heard
    handled: str = ""  # what answered it: stop, survey, order, contest …; "": a person is to

    def show(self, scene: Scene) -> None:
        """Nothing later in a batch depends on it."""


@dataclass(frozen=True, slots=True)
class SaveAnswer:
    """Somebody was asked, asked again, or has answered."""

    answer: SurveyAnswer

    def show(self, scene: Scene) -> None:
        scene.keep_asking(self.answer)


@dataclass(frozen=True, slots=True)
class SaveInvitation:
    """An invited friend has bought, or that order is no more. rules/friends/buying.py makes it."""

    invitation: Invitation

    def show(self, scene: Scene) -> None:
        for phone, one in scene.friends.items():
            if one.id == self.invitation.id:
                scene.friends[phone] = self.invitation


@dataclass(frozen=True, slots=True)
class SaveConversation:
    """Something was said in a conversation, or it is to be looked at by somebody else."""

    conversation: Conversation

    def show(self, scene: Scene) -> None:
        scene.conversations[self.conversation.contact_id] = self.conversation


@dataclass(frozen=True, slots=True)
class SaveComplaint:
    """A complaint is new or has changed."""

    complaint: Complaint

    def show(self, scene: Scene) -> None:
        scene.complaints[self.complaint.id] = self.complaint


@dataclass(frozen=True, slots=True)
class NoteComplaint:
    """What happened to a complaint: a line of its history."""

    id: int
    contact_id: int
    complaint_id: int
    at: datetime
    by: str  # text, shop, page/Anna, api/till
    state: str = ""  # that it came to; "": it stayed as it was
    said: str = ""  # to the customer; by them, where `by` is text
    note: str = ""  # among colleagues

    def show(self, scene: Scene) -> None:
        """Nothing later in a batch depends on it."""


@dataclass(frozen=True, slots=True)
class SaveEntry:
    """A number takes part in a contest, or was told that it does already."""

    entry: Entry
    is_new: bool

    def show(self, scene: Scene) -> None:
        scene.contests.entries[self.entry.contest_id, self.entry.ticket] = self.entry


@dataclass(frozen=True, slots=True)
class HearLater:
    """A fact of our own that becomes due at a later time: how automations wait."""

    id: str
    kind: str
    subject: str
    at: datetime
    body: Mapping[str, Any]

    def show(self, scene: Scene) -> None:
        """It comes back as a fact."""


@dataclass(frozen=True, slots=True)
class SaveTask:
    """Something that staff is to do, or to be told of (rules/steps/alert.py): a row of table task,
    written once by the step that asks for it."""

    id: int
    contact_id: int
    order_id: int | None
    recipe: str  # key of the automation
    enrollment_id: int
    said: str  # what is to be done, filled in
    owner: int  # number of a user; 0: whoever
    due_at: datetime
    created_at: datetime
    tell: str  # task: on the list; person, text: and in a letter, a text to them; webhook: a POST

    def show(self, scene: Scene) -> None:
        """Nothing later in a batch depends on it."""


@dataclass(frozen=True, slots=True)
class AnswerWaiting:
    """Facts that waited for this subject (order/42) can be answered now."""

    subject: str

    def show(self, scene: Scene) -> None:
        """The waiting facts are in later batches."""


@dataclass(frozen=True, slots=True)
class Count:
    """One more of something, for the roll-ups."""

    name: str
    n: int = 1

    def show(self, scene: Scene) -> None:
        """Only summed."""


# ------------------------------------------------------------------ ways in


@dataclass(frozen=True, slots=True)
class SaveWelcome:
    """What a number was welcomed with, or which form's yes it is to confirm."""

    welcome: Welcome
    is_new: bool

    def show(self, scene: Scene) -> None:
        scene.ways_in.welcomes[self.welcome.phone] = self.welcome


@dataclass(frozen=True, slots=True)
class GiveReward:
    """A person is given a reward, with a code that is theirs alone (P7)."""

    id: int
    contact_id: int
    reward_id: int
    at: datetime
    code: str
    is_own: bool  # the code is theirs, not one that all share
    from_pool: bool
    points: int
    valid_until: datetime | None
    is_welcome: bool = True  # once a number for ever; what a campaign gives does not count there

    def show(self, scene: Scene) -> None:
        if self.is_welcome:
            scene.ways_in.rewarded.add(self.contact_id)
        if self.from_pool:
            scene.ways_in.free[self.reward_id].remove(self.code)


@dataclass(frozen=True, slots=True)
class UseCode:
    """An order was paid with a code, or is no more: then it is free again."""

    code: str
    order: str
    at: datetime | None

    def show(self, scene: Scene) -> None:
        known = scene.ways_in.codes[self.code]
        scene.ways_in.codes[self.code] = replace(known, used_at=self.at, used_order=self.order)


@dataclass(frozen=True, slots=True)
class UseOffer:
    """An order was paid with an offer's code, a common one too; or gives it back."""

    use: Use

    def show(self, scene: Scene) -> None:
        scene.ways_in.uses[self.use.reward_id, self.use.order_id] = self.use


@dataclass(frozen=True, slots=True)
class CountWay:
    """One more came through a way in: kept for ever, not per hour."""

    name: str  # form/3/signed, keyword/SALE/signed, reward/2/given
    n: int = 1

    def show(self, scene: Scene) -> None:
        """Only summed."""


class WaitFor(Exception):
    """Raised by an answer: the fact is about something not known yet (order/42)."""

    def __init__(self, subject: str) -> None:
        super().__init__(subject)
        self.subject = subject
