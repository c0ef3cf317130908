"""The nouns that rules speak about, and the scene: what a batch of facts is about, in memory.

records/scenes.py loads a scene for one store and commits what came out of it. Rules read it and
add effects with `happens()`, which shows later facts of the same batch what earlier ones changed.
No row of another store can be in it (P10).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from ringdove.rules import policy
from ringdove.rules.automations.plans import Plans
from ringdove.rules.consent import stop_links
from ringdove.rules.consent.ways_in import WaysIn
from ringdove.rules.contests.contests import Contests
from ringdove.rules.people.own_fields import OwnField
from ringdove.rules.policy import Policy
from ringdove.rules.sending.routes import Gateway as Gateway
from ringdove.rules.sending.routes import Ways
from ringdove.rules.wants import Chosen, Good, HistoryWanted, PictureWanted, Queued

if TYPE_CHECKING:
    from ringdove.rules.segments.pictures import Picture
    from ringdove.rules.segments.segments import Node
    from ringdove.rules.surveys.surveys import Survey


@dataclass(frozen=True, slots=True)
class Store:
    """One merchant brand."""

    id: int
    name: str
    country: str
    time_zone: str
    languages: tuple[str, ...]
    currency: str
    quiet_from: time
    quiet_until: time
    website: str = ""
    phone: str = ""
    email: str = ""
    bucket_base: int = 0
    bucket_span: int = 1
    policy: Policy = policy.DEFAULT
    link_host: str = ""  # short domain of its links; "": our own address


@dataclass(frozen=True, slots=True)
class Contact:
    """A person as this store knows them."""

    id: int
    phone: str | None
    email: str | None
    created_at: datetime
    phone_doubt: str | None = None
    name: str = ""
    language: str | None = None
    country: str | None = None
    region: str | None = None
    zones: tuple[str, ...] = ()
    marketing: str = "none"  # none, asked (a yes to be confirmed), in, out
    service: str = "in"  # in, out
    marketing_at: datetime | None = None
    service_at: datetime | None = None
    origin: str = "order"
    orders: int = 0
    spent: Decimal = Decimal(0)
    last_order_at: datetime | None = None
    city: str = ""
    sex: str = ""  # f, m
    birthday: date | None = None
    children: tuple[date, ...] = ()  # their birth dates
    fields: Mapping[str, Any] = field(default_factory=dict)  # the shop's own
    scopes: Mapping[str, Sequence[str]] = field(
        default_factory=dict
    )  # rules/consent/permissions.py
    paused_until: datetime | None = None
    seen_at: datetime | None = None  # last sign of life, to a day
    origin_note: str = ""
    merged_into: int | None = None
    also: tuple[int, ...] = ()
    ledger_seq: int = 0
    ledger_hash: str = ""
    erased_at: datetime | None = None
    agreed_phones: tuple[str, ...] = ()  # earlier numbers that a yes was given at
    rekeyed_at: datetime | None = None  # when a key was taken from them: who waited reads it anew
    talking_until: datetime | None = None  # somebody of the store talks with them: no offers


# What a contact that was merged into another shows of them: who they are and what they allow, so
# that what still hangs on its own rows (orders, texts that wait) is said to the one person.
MIRRORED = (
    "phone", "phone_doubt", "email", "name", "language", "country", "region", "zones", "marketing",
    "service", "marketing_at", "service_at", "city", "sex", "birthday", "children", "fields",
    "scopes", "paused_until", "agreed_phones", "talking_until",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Merge:
    """Two contacts were found to be one person; with what each of them was before."""

    id: int
    contact_id: int  # who stays
    other_id: int
    at: datetime
    by: str
    before: Mapping[str, Any]  # rules/people/merging.py
    parted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A line of an order."""

    name: str
    quantity: Decimal
    price: Decimal
    sku: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the newest snapshot tells it."""

    id: int
    contact_id: int
    key: str
    number: str
    state: str
    placed_at: datetime
    changed_at: datetime
    channel: str = "web"
    paid_at: datetime | None = None
    cancelled_at: datetime | None = None
    total: Decimal = Decimal(0)
    currency: str = ""
    country: str | None = None
    payment_due: bool = False
    payment_url: str = ""
    url: str = ""
    promised_from: datetime | None = None
    promised_until: datetime | None = None
    promised_said_at: datetime | None = None
    invoice_number: str = ""
    invoice_url: str = ""
    lines: tuple[Item, ...] | None = None  # None: not loaded, leave the stored ones alone


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel and the newest thing that is known of it."""

    id: int
    order_id: int
    contact_id: int
    key: str
    state: str
    state_at: datetime
    number: str = ""
    carrier: str = ""
    url: str = ""
    pickup_point: str = ""
    pickup_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Return:
    """A return, exchange or refund of an order."""

    id: int
    order_id: int
    contact_id: int
    key: str
    kind: str
    state: str
    state_at: datetime
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something went wrong for somebody, and what becomes of it."""

    id: int
    contact_id: int  # under which of their names
    number: str  # what they are told; the shop's own where it told of it
    state: str  # opened, answered, accepted, refused, closed
    opened_at: datetime
    changed_at: datetime
    due_at: datetime
    order_id: int | None = None  # that it is about
    reason: str = ""  # rules/complaints/complaints.REASONS; "": nobody has said
    said: str = ""  # by them, as it was opened
    note: str = ""  # what they were told last
    opened_by: str = ""  # text, shop, page/Anna, api/till
    owner: int | None = None  # number of a user; None: whoever
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Cart:
    """A cart as it stands."""

    id: int
    contact_id: int
    key: str
    state: str
    changed_at: datetime
    total: Decimal = Decimal(0)
    url: str = ""
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Enrollment:
    """One run of an automation for one subject; its (recipe, subject) happens once."""

    id: int
    recipe: str
    subject: str
    contact_id: int
    order_id: int | None
    version: int
    place: str  # id of the step at which it stands; "": behind the last one
    state: str  # running, waiting, done, stopped
    trigger: Mapping[str, Any]
    started_at: datetime
    wake_at: datetime | None = None
    reason: str = ""
    memory: Mapping[str, Any] = field(default_factory=dict)  # heard, answer, code: for its steps


class Ref(NamedTuple):
    """What a natural key leads to."""

    contact_id: int
    row_id: int | None


@dataclass(frozen=True, slots=True)
class Question:
    """What a person was asked by text (rules/consent/confirming.py), and what became of it."""

    contact_id: int
    kind: str  # confirm: is this number yours; still: do you still want our offers
    state: str  # open, yes, silence, unreached
    asked: int  # how often without an answer
    asked_at: datetime | None
    until: datetime  # an answer counts before this
    message_id: int | None = None
    about: Mapping[str, int] = field(default_factory=dict)  # scope → seq of the ledger's row
    words: str = ""


@dataclass(frozen=True, slots=True)
class Invitation:
    """A number that a customer invited, whether we wrote to it or a link was passed on."""

    id: int
    hash: str
    inviter_id: int
    at: datetime
    bought_at: datetime | None = None
    order_id: int | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a person and the store say to each other by text, as it stands; one a person."""

    contact_id: int  # the living person's
    state: str = "closed"  # open: somebody is to look; snoozed; closed
    owner: int | None = None  # number of the user who takes care of it; None: whoever
    snoozed_until: datetime | None = None
    waiting_since: datetime | None = None  # they wait for an answer of a person since then
    new_since: datetime | None = None  # it was opened then and no person has answered it yet
    unread: int = 0  # their texts since somebody last looked
    last_at: datetime | None = None  # of the last text, whoever's
    last_by: str = "them"  # them, us, machine
    last_said: str = ""  # its first letters
    intent: str = ""  # what their last text was understood as
    asking: Mapping[str, Any] = field(default_factory=dict)  # what a machine asked: which order …
    machine_day: date | None = None  # answers by themselves on this day (UTC): no endless loops
    machine_said: int = 0


@dataclass(frozen=True, slots=True)
class SurveyAnswer:
    """One asking of one person, answered or not."""

    id: int
    contact_id: int  # under which of their names they were asked
    survey: str  # key of the survey
    asked_at: datetime
    until: datetime  # a text before this can be its answer
    order_id: int | None = None  # that it is about
    message_id: int | None = None  # by which they were asked
    enrollment_id: int | None = None
    after_id: int | None = None  # a second question: the answer that it follows
    sku: str = ""  # the product that it is about
    carrier: str = ""  # who brought the order, and where to
    pickup_point: str = ""
    language: str = ""
    re_asked_at: datetime | None = None
    answered_at: datetime | None = None
    way: str = ""  # reply, link, api, page: how it was answered
    score: int | None = None  # on the survey's scale
    reason: str = ""  # delivery, offer, service …: what a score is about
    comment: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)  # of further questions, by id
    rewarded_at: datetime | None = None
    may_publish: bool = False  # they agreed that the shop shows it
    shown_as: str = ""  # under which name


class Touch(NamedTuple):
    """A marketing text that went to a person, as far as later ones depend on it."""

    message_id: int
    at: datetime
    topic: str
    category: str


@dataclass(frozen=True, slots=True)
class History:
    """What of a person's past the decision asks for: lately touched by what, what was bought."""

    touches: Sequence[Touch] = ()  # newest first
    bought: Mapping[str, datetime] = field(default_factory=dict)  # category → the last time

    def without(self, message_id: int) -> "History":
        """The same but for one message: it never stands in its own way."""
        if not any(one.message_id == message_id for one in self.touches):
            return self
        rest = tuple(one for one in self.touches if one.message_id != message_id)
        return History(rest, self.bought)


NO_HISTORY = History()


class Held(NamedTuple):
    """What is refused for a number or address, whoever it leads to
    (rules/consent/suppression.py)."""

    scope: str  # marketing, all
    reason: str
    at: datetime


@dataclass(slots=True)
class Scene:
    """All that a batch of facts of one store is about."""

    store: Store
    make_id: Callable[[str], int]  # a new id in the bucket of a natural key of this store
    make_id_beside: Callable[[int], int]  # a new id in the bucket of another row
    keyed: Callable[[str], str]  # a hash that only this installation can make, of this store
    refs: dict[tuple[str, str], Ref] = field(default_factory=dict)
    contacts: dict[int, Contact] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    parcels: dict[int, Parcel] = field(default_factory=dict)
    returns: dict[int, Return] = field(default_factory=dict)
    carts: dict[int, Cart] = field(default_factory=dict)
    enrollments: dict[tuple[str, str], Enrollment] = field(default_factory=dict)
    plans: Plans = field(default_factory=Plans)
    pictures: "dict[int, Picture] | None" = None  # None: not loaded, see PictureWanted
    segments: "Mapping[int, Node]" = field(default_factory=dict)  # with pictures
    told: dict[int, list[Any]] = field(default_factory=dict)  # orders, carts, visits, by contact
    chosen: Chosen = field(default_factory=Chosen)  # goods, codes: as far as asked for
    # None: not loaded, see rules/wants.py.
    own_hours: dict[int, int] | None = None  # of people who have one, by the store's clock
    brands: dict[str, str] | None = None  # of goods, by sku
    products: dict[str, Good] | None = None  # of the catalogue, by sku
    queued: dict[int, dict[int, Queued]] = field(default_factory=dict)  # with histories; by person
    ways: Ways = field(default_factory=Ways)
    ways_in: WaysIn = field(default_factory=WaysIn)
    categories: dict[str, str] = field(default_factory=dict)  # of products, by sku
    known_lines: dict[int, tuple[Item, ...]] = field(default_factory=dict)  # as stored
    known_people: dict[int, Contact] = field(default_factory=dict)  # likewise
    effects: list[Any] = field(default_factory=list)
    suppressed: dict[tuple[str, str], Held] = field(default_factory=dict)  # of new keys
    erased: set[tuple[str, str]] = field(default_factory=set)  # orders, carts … of the erased
    histories: dict[int, History] | None = None  # None: not loaded, see HistoryWanted
    questions: dict[tuple[int, str], Question] = field(default_factory=dict)  # by person and kind
    surveys_open: dict[int, SurveyAnswer] = field(default_factory=dict)  # of who writes, by id
    surveys: "dict[str, Survey] | None" = None  # the store's, by key; None: see SurveysWanted
    conversations: dict[int, Conversation] = field(default_factory=dict)  # of who writes, by person
    complaints: dict[int, Complaint] = field(default_factory=dict)  # that this batch has moved
    contests: Contests = field(default_factory=Contests)  # when somebody writes one of their words
    friends: dict[str, Invitation] = field(default_factory=dict)  # of who pays, by number
    address: str = ""  # under which people reach our pages; "": texts hold no personal link
    # The address of one of a message's own links, by its number; None: texts hold none.
    own_link: Callable[[int, int], str] | None = None
    own_fields: dict[str, OwnField] = field(default_factory=dict)  # the shop's own, by key
    knows_fields: bool = False  # whether those were looked up
    merges: dict[int, Merge] = field(default_factory=dict)  # those that a fact speaks about
    last_orders: dict[int, datetime | None] = field(default_factory=dict)  # of who is parted
    _waiting: dict[int, dict[tuple[str, str], Enrollment]] = field(default_factory=dict)
    _asked: dict[int, dict[int, SurveyAnswer]] = field(default_factory=dict)  # by person and id
    skus: frozenset[str] = frozenset()  # of goods that the batch names
    ids_again: Callable[[], None] = lambda: None  # make_id begins anew: the same ids once more
    told_by: int = 0  # the connection that tells the fact at hand; 0: we ourselves

    def happens(self, *effects: Any) -> None:
        """Notes effects and lets what follows in this batch see them."""
        for effect in effects:
            effect.show(self)
            self.effects.append(effect)

    def person(self, contact_id: int) -> Contact:
        """The living person behind a contact: who was merged into another is that one."""
        person = self.contacts[contact_id]
        return self.contacts.get(person.merged_into or 0, person)

    def keep(self, person: Contact) -> None:
        """The person as they are now, also under the names that were merged into them."""
        self.contacts[person.id] = person
        for other_id in person.also:
            if other := self.contacts.get(other_id):
                shown = {name: getattr(person, name) for name in MIRRORED}
                self.contacts[other_id] = replace(other, **shown)

    def history_of(self, contact_id: int) -> History:
        """What the decision needs of a person's past. Raises HistoryWanted."""
        if self.histories is None:
            raise HistoryWanted(contact_id)
        return self.histories.get(self._main_id(contact_id), NO_HISTORY)

    def picture_of(self, contact_id: int) -> "Picture | None":
        """All that a condition could ask of the living person before this batch; None: they are
        new. rules/segments/picture_news.py adds what the batch tells. Raises PictureWanted."""
        if self.pictures is None:
            raise PictureWanted(contact_id)
        main_id = self._main_id(contact_id)
        return self.pictures[main_id] if main_id in self.pictures else None

    def tell(self, contact_id: int, noun: Any) -> None:
        """An order, cart or visit of this batch, for conditions that are asked later in it."""
        self.told.setdefault(contact_id, []).append(noun)

    def keep_run(self, run: Enrollment) -> None:
        """A run as it is now."""
        key = (run.recipe, run.subject)
        self.enrollments[key] = run
        waiting = self._waiting.setdefault(run.contact_id, {})
        if run.state == "waiting":
            waiting[key] = run
        else:
            waiting.pop(key, None)

    def waiting_runs(self, contact_ids: Iterable[int]) -> list[Enrollment]:
        """The runs of these that wait, in the order of their ids."""
        found = [run for one in contact_ids for run in self._waiting.get(one, {}).values()]
        return sorted(found, key=attrgetter("id"))

    def keep_asking(self, asking: SurveyAnswer) -> None:
        """What somebody was asked, as it is now."""
        self.surveys_open[asking.id] = asking
        self._asked.setdefault(asking.contact_id, {})[asking.id] = asking

    def askings_of(self, contact_ids: Iterable[int]) -> list[SurveyAnswer]:
        """What these were asked, of `surveys_open`."""
        return [asked for one in contact_ids for asked in self._asked.get(one, {}).values()]

    def _main_id(self, contact_id: int) -> int:
        return self.person(contact_id).id if contact_id in self.contacts else contact_id

    def stop_url(self, contact_id: int) -> str:
        """The person's own link out of all that is commercial."""
        if not self.address:
            return ""
        return stop_links.url_of(self.address, self.store.id, contact_id, self.keyed)

    def link_url(self, message_id: int, number: int) -> str:
        """The personal short link of a message that is being made (rules/links/links.py)."""
        return self.own_link(message_id, number) if self.own_link else ""

    def row_of(self, kind: str, value: str) -> int | None:
        """The id of the order, parcel, return or cart with this natural key."""
        ref = self.refs.get((kind, value))
        return ref.row_id if ref else None

    def order_of(self, key: str) -> Order | None:
        """The order with the shop's key."""
        row_id = self.row_of("order", key)
        return self.orders.get(row_id) if row_id is not None else None
