"""The vocabulary of what happens outside: every fact that Ringdove can hear.

A fact enters by a door, is written once (its source key is unique per connection) and is never
changed. Shops, couriers, gateways and our own timers all speak these words, and the events API is
documented from them. Amounts are decimals in the order's currency; times carry their zone. Nothing
here decides anything: rules/answers.py does.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    model_validator,
)

Text = Annotated[str, Field(max_length=500)]
Key = Annotated[str, Field(min_length=1, max_length=120)]
Address = Annotated[str, Field(max_length=2000)]
Amount = Annotated[Decimal, Field(max_digits=14, decimal_places=2)]
OwnKey = Annotated[str, Field(max_length=40)]
OwnValue = bool | Decimal | Text | None
Scope = Annotated[
    str, Field(pattern=r"^(marketing|service|(topic|category)/[^\x00]{1,80})$", max_length=90)
]


def _in_our_times(at: datetime) -> datetime:
    """The moment in UTC. Raises ValueError for a year that no shop means (and no database keeps
    with every zone)."""
    if not 1970 <= at.year <= 2200:
        raise ValueError("give a time between the years 1970 and 2200")
    return at.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_our_times)]

ParcelState = Literal[
    "label_made", "accepted", "in_transit", "customs", "out_for_delivery", "at_pickup_point",
    "delivery_failed", "delivered", "returning", "returned", "lost", "unknown",
]  # fmt: skip


class Said(BaseModel):
    """Base of all that is said in a fact: unknown fields are refused, so that typos are seen."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Customer(Said):
    """A person as the shop knows them. At least one of phone, email, account, or an order of
    theirs lets us find who it is (P9: a phone may come without an e-mail and the other way)."""

    phone: Text = Field("", description="As the customer typed it; read with `country`.")
    email: Text = ""
    account: Annotated[str, Field(max_length=120)] = Field("", description="The shop's own id.")
    name: Text = ""
    language: Annotated[str, Field(max_length=12)] = Field("", description="en, ru, be, it, es …")
    country: Annotated[str, Field(max_length=2)] = Field("", description="ISO 3166-1 alpha-2")
    region: Text = Field("", description="State or province of the delivery address.")
    city: Text = ""
    sex: Literal["", "f", "m"] = ""
    birthday: date | None = None
    children: Annotated[tuple[date, ...], Field(max_length=20)] = Field(
        (), description="Their birth dates."
    )
    fields: Annotated[dict[OwnKey, OwnValue], Field(max_length=100)] = Field(
        default_factory=dict,
        description="The store's own fields by key; what the store has not defined is not kept.",
    )


class Consent(Said):
    """What the customer agreed to or refused at a checkout or form, in the words shown (R3)."""

    marketing: bool
    words: Annotated[str, Field(min_length=1, max_length=2000)] = Field(
        description="The exact sentence beside the box."
    )
    language: Annotated[str, Field(max_length=12)] = ""
    ip: Annotated[str, Field(max_length=60)] = Field("", description="The customer's, as evidence.")
    device: Annotated[str, Field(max_length=300)] = ""


class Line(Said):
    """One line of an order or cart."""

    name: Text
    quantity: Annotated[Decimal, Field(max_digits=12, decimal_places=3, gt=0)] = Decimal(1)
    price: Amount = Field(Decimal(0), description="Of one piece.")
    sku: Annotated[str, Field(max_length=120)] = ""
    category: Text = ""


class Order(Said):
    """An order as it stands in the shop. `key` is the shop's own id, `number` what people see."""

    key: Key
    number: Annotated[str, Field(max_length=60)] = ""
    placed_at: Moment
    changed_at: Moment | None = Field(None, description="Decides which snapshot is newer.")
    total: Amount = Decimal(0)
    currency: Annotated[str, Field(pattern="^([A-Z]{3})?$")] = ""
    customer: Customer = Customer()
    lines: Annotated[tuple[Line, ...], Field(max_length=500)] = ()
    channel: Annotated[str, Field(max_length=40)] = "web"
    payment_due: bool | None = Field(
        None,
        description="Whether money is awaited now (not: pay on delivery). Empty: if payment_url.",
    )
    payment_url: Address = ""
    url: Address = Field("", description="The order's page for the customer.")
    consent: Consent | None = None
    cart: Annotated[str, Field(max_length=120)] = Field(
        "", description="Key of the cart that it was made of."
    )
    codes: Annotated[tuple[Annotated[str, Field(max_length=60)], ...], Field(max_length=20)] = (
        Field((), description="Promo codes that it was paid with.")
    )
    cancelled: bool | None = Field(
        None,
        description="In order.changed: whether it is cancelled as it stands; false brings a"
        " cancelled order back to life. Empty: as it was.",
    )


class Fact(Said):
    """Base of all facts. `id` is yours: the same id again is the same fact and changes nothing."""

    id: Key
    at: Moment = Field(description="When it happened.")

    about: ClassVar[str] = ""  # attribute that says whom or what it is about, for subject()
    in_crowds: ClassVar[bool] = False  # a timer of ours: many at one time, and none urgent

    def subject(self) -> str:
        """What the fact is about, as a natural key: facts of one subject are answered in order."""
        return f"{self.about.partition('.')[0]}/{_dig(self, self.about)}"

    def told(self, name: str) -> Any:
        """A field that not every fact has; None: this one has not. (A missing attribute costs a
        pydantic model six times as much, and every fact is asked a dozen times.)"""
        return self.__dict__.get(name)

    def people(self) -> tuple[int, ...]:
        """Ids of the contacts that it names itself."""
        contact = self.told("contact")
        return () if contact is None else (contact,)


def _dig(fact: BaseModel, path: str) -> str:
    value: Any = fact
    for name in path.split("."):
        value = getattr(value, name)
    return str(value)


class _OfOrder(Fact):
    order: Key = Field(description="The order's key.")
    about: ClassVar[str] = "order"


# ------------------------------------------------------------------ orders and payments


class OrderPlaced(Fact):
    """The customer has placed an order."""

    kind: Literal["order.placed"] = "order.placed"
    order: Order
    about: ClassVar[str] = "order.key"


class OrderChanged(Fact):
    """The order's contents, customer or promises changed: no text by itself."""

    kind: Literal["order.changed"] = "order.changed"
    order: Order
    about: ClassVar[str] = "order.key"


class OrderCancelled(_OfOrder):
    """The shop or the customer cancelled the order."""

    kind: Literal["order.cancelled"] = "order.cancelled"
    reason: Text = ""


class OrderRemoved(_OfOrder):
    """The order went to the trash or was deleted: nothing more is said about it."""

    kind: Literal["order.removed"] = "order.removed"


class PaymentReceived(_OfOrder):
    """The money is there (or a payment on delivery was made)."""

    kind: Literal["payment.received"] = "payment.received"
    amount: Amount | None = None


class PaymentFailed(_OfOrder):
    """A payment was tried and refused."""

    kind: Literal["payment.failed"] = "payment.failed"


class InvoiceIssued(_OfOrder):
    """An invoice exists, with a number, a link or both (R59)."""

    kind: Literal["invoice.issued"] = "invoice.issued"
    number: Text = ""
    url: Address = ""


# ------------------------------------------------------------------ parcels and delivery


class ParcelMoved(_OfOrder):
    """A parcel reached a stage. Earlier scans may come late; a final stage is final (R57, R58)."""

    kind: Literal["parcel.moved"] = "parcel.moved"
    state: ParcelState
    parcel: Annotated[str, Field(max_length=120)] = Field(
        "", description="Its key or tracking number. Empty: the order's only parcel."
    )
    number: Text = ""
    carrier: Text = ""
    url: Address = ""
    pickup_point: Text = ""
    pickup_until: Moment | None = None


class DeliveryPromised(_OfOrder):
    """The day and hours of delivery, said for the first time or anew (R60, R61)."""

    kind: Literal["delivery.promised"] = "delivery.promised"
    promised_from: Moment
    promised_until: Moment | None = None
    before_from: Moment | None = Field(None, description="What was promised before.")
    before_until: Moment | None = None


# ------------------------------------------------------------------ returns, money back, complaints


class ReturnOpened(_OfOrder):
    """A return or exchange began (R68)."""

    kind: Literal["return.opened"] = "return.opened"
    return_key: Annotated[str, Field(max_length=120)] = ""
    wish: Literal["return", "exchange"] = "return"
    label_url: Address = ""
    instructions: Text = ""


class ReturnAccepted(_OfOrder):
    """The goods came back and were accepted (R69)."""

    kind: Literal["return.accepted"] = "return.accepted"
    return_key: Annotated[str, Field(max_length=120)] = ""
    lines: Annotated[tuple[Line, ...], Field(max_length=500)] = Field(
        (), description="What came back; without a price it is the order's. Empty: all of it."
    )


class ReturnRefused(_OfOrder):
    """The goods came back and were not accepted."""

    kind: Literal["return.refused"] = "return.refused"
    return_key: Annotated[str, Field(max_length=120)] = ""
    reason: Text = ""


class RefundSent(_OfOrder):
    """Money is on its way back (R70)."""

    kind: Literal["refund.sent"] = "refund.sent"
    refund_key: Annotated[str, Field(max_length=120)] = ""
    amount: Amount | None = None
    expected_on: date | None = None


ComplaintState = Literal["opened", "answered", "accepted", "refused", "closed"]


class ComplaintMoved(Fact):
    """A complaint was opened or changed its state (R71). It is about an order, or else names the
    customer."""

    kind: Literal["complaint.moved"] = "complaint.moved"
    order: Annotated[str, Field(max_length=120)] = Field(
        "", description="The order's key. Empty: it is about none, and `customer` says whose it is."
    )
    complaint: Key = Field(description="Its number, as the customer is told.")
    state: ComplaintState
    note: Text = Field("", description="What the customer is told of it.")
    customer: Customer | None = None
    about: ClassVar[str] = "order"

    @model_validator(mode="after")
    def _is_of_somebody(self) -> Self:
        if not self.order and self.customer is None:
            raise ValueError("name the order, or the customer")
        return self

    def subject(self) -> str:
        if self.order or self.customer is None:
            return f"order/{self.order}"
        who = self.customer
        return f"customer/{who.account or who.phone or who.email}"


# ------------------------------------------------------------------ carts, visits, customers, goods


class CartChanged(Fact):
    """A cart as it stands now; empty lines: it was emptied (R46)."""

    kind: Literal["cart.changed"] = "cart.changed"
    cart: Key
    customer: Customer
    lines: Annotated[tuple[Line, ...], Field(max_length=500)] = ()
    total: Amount = Decimal(0)
    currency: Annotated[str, Field(pattern="^([A-Z]{3})?$")] = ""
    url: Address = Field("", description="Opens this very cart.")
    about: ClassVar[str] = "cart"


class _OfCustomer(Fact):
    customer: Customer
    about: ClassVar[str] = "customer"

    def subject(self) -> str:
        who = self.customer
        return f"customer/{who.account or who.phone or who.email}"


class CustomerChanged(_OfCustomer):
    """A customer registered, changed their data, or agreed to something."""

    kind: Literal["customer.changed"] = "customer.changed"
    consent: Consent | None = None
    birthday: date | None = None


class VisitMade(_OfCustomer):
    """A known customer looked at a page in the shop or app (R16, R50)."""

    kind: Literal["visit.made"] = "visit.made"
    page: Address = ""
    sku: Annotated[str, Field(max_length=120)] = ""
    category: Text = ""
    channel: Annotated[str, Field(max_length=40)] = "web"


class StockAsked(_OfCustomer):
    """A customer wants to be told, once, when goods are there again or cost less (R62)."""

    kind: Literal["stock.asked"] = "stock.asked"
    sku: Key
    wish: Literal["stock", "price"] = "stock"
    price: Amount | None = Field(
        None, description="What it costs now; empty: what the catalogue says."
    )


class ProductChanged(Fact):
    """A product of the catalogue, with its price and stock."""

    kind: Literal["product.changed"] = "product.changed"
    sku: Key
    name: Text
    category: Text = ""
    brand: Text = ""
    price: Amount | None = None
    url: Address = ""
    stock: int | None = None
    key: Annotated[str, Field(max_length=120)] = Field(
        "", description="The shop's own id, where links into its cart need it."
    )
    about: ClassVar[str] = "sku"


# ------------------------------------------------------------------ what phones and time say


class TextReceived(Fact):
    """A person sent a text to one of our numbers."""

    kind: Literal["text.received"] = "text.received"
    gateway: int
    sender: Text
    recipient: Text = ""
    body: Annotated[str, Field(max_length=40_000)]
    about: ClassVar[str] = "sender"

    def subject(self) -> str:
        return f"phone/{self.sender}"


class StoppedAtOperator(Fact):
    """An operator refuses texts to a number: its owner stopped us there."""

    kind: Literal["operator.stopped"] = "operator.stopped"
    gateway: int
    phone: Text = Field(description="The whole number, as +375291112233.")
    words: Annotated[str, Field(min_length=1, max_length=2000)] = Field(
        description="What the operator said."
    )
    about: ClassVar[str] = "phone"


class StoppedOnSite(Fact):
    """Somebody typed their number or address into the form of a shop's site: no more offers."""

    kind: Literal["site.stopped"] = "site.stopped"
    phone: Annotated[str, Field(max_length=200)] = Field(
        "", description="The whole number, as +375291112233."
    )
    email: Annotated[str, Field(max_length=320)] = ""
    words: Annotated[str, Field(min_length=1, max_length=2000)]
    language: Annotated[str, Field(max_length=12)] = ""
    ip: Annotated[str, Field(max_length=60)] = ""
    device: Annotated[str, Field(max_length=300)] = ""
    about: ClassVar[str] = "phone"

    def subject(self) -> str:
        """The number, or the address where that was typed."""
        return f"phone/{self.phone}" if self.phone else f"email/{self.email.lower()}"


class WokenUp(Fact):
    """The time came that an automation was waiting for."""

    kind: Literal["automation.woken"] = "automation.woken"
    enrollment: int
    contact: int
    place: Annotated[str, Field(max_length=30)] = Field("", description="The step that waits.")
    step: int = Field(0, description="The number of the step behind it, as it was told before.")
    about: ClassVar[str] = "contact"
    in_crowds: ClassVar[bool] = True


class DueCame(Fact):
    """The time came for an automation to begin for somebody: a date of theirs, a purchase that is
    due, a wish that can be granted, a segment that they came into."""

    kind: Literal["automation.due"] = "automation.due"
    automation: Annotated[str, Field(max_length=60)]
    contact: int
    occasion: Annotated[str, Field(max_length=120)] = Field(
        "", description="birthday/2026: what makes it once."
    )
    sku: Annotated[str, Field(max_length=120)] = ""
    category: Text = ""
    day: date | None = Field(None, description="The date that it is about.")
    about: ClassVar[str] = "contact"
    in_crowds: ClassVar[bool] = True


class ConsentChanged(Fact):
    """A known person's permission changed on a page of ours, by staff or by the customer."""

    kind: Literal["consent.changed"] = "consent.changed"
    contact: int
    scope: Scope
    change: Literal["in", "out", "paused"]
    until: Moment | None = Field(None, description="Of a pause: no marketing before.")
    words: Annotated[str, Field(min_length=1, max_length=2000)]
    language: Annotated[str, Field(max_length=12)] = ""
    source: Annotated[str, Field(max_length=60)] = "page"
    ip: Annotated[str, Field(max_length=60)] = ""
    device: Annotated[str, Field(max_length=300)] = ""
    about: ClassVar[str] = "contact"


class SignedUp(_OfCustomer):
    """Somebody subscribed by a form, a keyword or a program, in the words that were shown (R3)."""

    kind: Literal["consent.given"] = "consent.given"
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=50)] = ("marketing",)
    words: Annotated[str, Field(min_length=1, max_length=2000)] = Field(
        description="All that was shown beside the button: what, how often, how to refuse."
    )
    language: Annotated[str, Field(max_length=12)] = ""
    source: Annotated[str, Field(max_length=60)] = Field(
        description="form/3, keyword/SALE, api/<key's name>"
    )
    form: int = Field(0, description="The sign-up form behind it, with its reward; 0: none.")
    confirmed: bool = Field(
        False, description="The number itself said it (a text from it, a code sent to it)."
    )
    ip: Annotated[str, Field(max_length=60)] = ""
    device: Annotated[str, Field(max_length=300)] = ""


class Confirmed(Fact):
    """Somebody pressed the button behind the personal link that went to their number."""

    kind: Literal["consent.confirmed"] = "consent.confirmed"
    contact: int
    words: Annotated[str, Field(min_length=1, max_length=2000)]
    language: Annotated[str, Field(max_length=12)] = ""
    ip: Annotated[str, Field(max_length=60)] = ""
    device: Annotated[str, Field(max_length=300)] = ""
    about: ClassVar[str] = "contact"


class LongSilent(Fact):
    """Nobody heard of somebody for months who once wanted offers."""

    kind: Literal["consent.silent"] = "consent.silent"
    contact: int
    about: ClassVar[str] = "contact"
    in_crowds: ClassVar[bool] = True


class LeftUnanswered(Fact):
    """They were asked whether they still want offers, and two weeks have passed."""

    kind: Literal["consent.unanswered"] = "consent.unanswered"
    contact: int
    reached: bool = Field(description="The question did arrive at an operator.")
    about: ClassVar[str] = "contact"
    in_crowds: ClassVar[bool] = True


class AddressBounced(Fact):
    """A letter came back for good: the address does not exist, or belongs to nobody any more."""

    kind: Literal["email.bounced"] = "email.bounced"
    contact: int
    email: Text
    about: ClassVar[str] = "contact"


class PhoneSettled(Fact):
    """Somebody of the store read a doubtful phone number and says which one it is (P9)."""

    kind: Literal["phone.settled"] = "phone.settled"
    contact: int
    phone: Text = Field("", description="The whole number, as +375291112233. Empty: it is none.")
    raw: Text = Field("", description="As it came: what is no number is not asked about again.")
    about: ClassVar[str] = "contact"


class PhoneChanged(Fact):
    """Somebody of the store, or a program, says that a customer has another number now."""

    kind: Literal["phone.changed"] = "phone.changed"
    contact: int
    phone: Text = Field("", description="The whole new number. Empty: none is known.")
    released: Text = Field("", description="A number of theirs that belongs to somebody else now.")
    by: Annotated[str, Field(max_length=60)] = ""
    about: ClassVar[str] = "contact"


class PersonEdited(Fact):
    """Somebody of the store, or a program, wrote down what is known of a customer. What is not
    given stays as it was; an empty text, or a name in `cleared`, empties it."""

    kind: Literal["person.edited"] = "person.edited"
    contact: int
    name: Text | None = None
    email: Text | None = None
    language: Annotated[str, Field(max_length=12)] | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    region: Text | None = None
    city: Text | None = None
    sex: Literal["", "f", "m"] | None = None
    birthday: date | None = None
    children: Annotated[tuple[date, ...], Field(max_length=20)] | None = None
    zones: Annotated[tuple[Key, ...], Field(max_length=40)] | None = None
    fields: Annotated[dict[OwnKey, OwnValue], Field(max_length=100)] | None = None
    cleared: tuple[Literal["birthday"], ...] = ()
    by: Annotated[str, Field(max_length=60)] = ""
    about: ClassVar[str] = "contact"


class ComplaintHandled(Fact):
    """Somebody of the store, or a program, opened a complaint (`complaint` is 0), moved it, or
    changed what is known of it. What is not given stays as it was."""

    kind: Literal["complaint.handled"] = "complaint.handled"
    contact: int
    complaint: int = Field(0, description="Its id; 0: a new one.")
    about_order: int | None = Field(None, description="Id of the order; 0: of none.")
    state: ComplaintState | None = None
    said: Text = Field("", description="To the customer; of a new one: what they complain of.")
    note: Annotated[str, Field(max_length=2000)] = Field("", description="Among colleagues.")
    reason: Annotated[str, Field(max_length=40)] | None = None
    owner: int | None = Field(None, description="Number of a user; 0: whoever.")
    due_at: Moment | None = None
    by: Annotated[str, Field(max_length=60)] = ""
    about: ClassVar[str] = "contact"


class LinkOpened(Fact):
    """A person opened a link of a message for the first time; robots and previews do not count."""

    kind: Literal["link.opened"] = "link.opened"
    contact: int
    message: int
    number: int = Field(0, description="Which of the message's links, from 0; 4: {{ offer.link }}.")
    about: ClassVar[str] = "contact"


class FriendBought(Fact):
    """A friend whom a customer invited has paid for an order, or that order is no more. Told twice:
    of the inviter, and of the friend."""

    kind: Literal["friend.bought"] = "friend.bought"
    contact: int
    state: Literal["inviter", "friend", "cancelled"]
    invitation: int
    about: ClassVar[str] = "contact"


AnswerState = Literal["", "low", "low_again", "middle", "good"]


class SurveyAnswered(Fact):
    """A person answered a survey, or changed their answer within a day: by text, by the form behind
    their link, on a page of the store's, or through a program."""

    kind: Literal["survey.answered"] = "survey.answered"
    contact: int
    answer: int = Field(description="The asking that it answers.")
    survey: Annotated[str, Field(max_length=40)]
    way: Literal["reply", "link", "api", "page"] = "link"
    state: AnswerState = Field(
        "",
        description="By the survey's own thresholds; low_again: of a question that was asked after"
        " a low score. Ringdove says it, whatever is told.",
    )
    score: Annotated[int, Field(ge=0, le=10)] | None = None
    reason: OwnKey = Field("", description="What the score is about: a reason of the survey.")
    comment: Annotated[str, Field(max_length=2000)] = ""
    answers: Annotated[dict[OwnKey, int | Text], Field(max_length=20)] = Field(
        default_factory=dict, description="To further questions, by their ids."
    )
    may_publish: bool = Field(False, description="They agreed that the shop shows it.")
    shown_as: Annotated[str, Field(max_length=60)] = ""
    about: ClassVar[str] = "contact"


class TaskClosed(Fact):
    """Something that somebody of the store was to do is done, or given up."""

    kind: Literal["task.closed"] = "task.closed"
    contact: int
    task: int
    result: Literal["done", "failed", "not_needed"] = "done"
    automation: Annotated[str, Field(max_length=60)] = Field("", description="That asked for it.")
    enrollment: int = Field(0, description="The run that asked for it; 0: none did.")
    about: ClassVar[str] = "contact"


class PeopleMerged(Fact):
    """Two contacts are one person; `contact` is who stays."""

    kind: Literal["people.merged"] = "people.merged"
    contact: int
    other: int
    by: Annotated[str, Field(max_length=60)] = ""
    about: ClassVar[str] = "contact"

    def people(self) -> tuple[int, ...]:
        """Both."""
        return (self.contact, self.other)


class PeopleParted(Fact):
    """A merge was a mistake: they are two again."""

    kind: Literal["people.parted"] = "people.parted"
    contact: int
    merge: int
    by: Annotated[str, Field(max_length=60)] = ""
    about: ClassVar[str] = "contact"


class ContestWon(Fact):
    """The draw of a contest, or the silence of who won before them, gave somebody a prize; or made
    them a substitute, who may have it yet."""

    kind: Literal["contest.won"] = "contest.won"
    contact: int
    contest: int
    ticket: Key = Field(description="As the published list has it.")
    state: Literal["won", "substitute"] = "won"
    about: ClassVar[str] = "contact"


def scoped(fact: Fact, scope: str) -> Fact:
    """The fact with its shop's own keys set apart from those of a store's other shops: order 42 of
    one shop is not order 42 of another. Ids and what people see stay as they are."""
    if not scope:
        return fact
    told: dict[str, Any] = {}
    order, cart, customer = (getattr(fact, name, None) for name in ("order", "cart", "customer"))
    if isinstance(order, Order):
        told["order"] = order.model_copy(
            update={
                "key": scope + order.key,
                "cart": order.cart and scope + order.cart,
                "number": order.number or order.key[:60],
                "customer": _account_scoped(order.customer, scope),
            }
        )
    elif isinstance(order, str) and order:
        told["order"] = scope + order
    if isinstance(cart, str):
        told["cart"] = scope + cart
    if isinstance(customer, Customer):
        told["customer"] = _account_scoped(customer, scope)
    return fact.model_copy(update=told)


def _account_scoped(customer: Customer, scope: str) -> Customer:
    account = customer.account and scope + customer.account
    return customer.model_copy(update={"account": account})


OutsideFact = Annotated[
    OrderPlaced
    | OrderChanged
    | OrderCancelled
    | OrderRemoved
    | PaymentReceived
    | PaymentFailed
    | InvoiceIssued
    | ParcelMoved
    | DeliveryPromised
    | ReturnOpened
    | ReturnAccepted
    | ReturnRefused
    | RefundSent
    | ComplaintMoved
    | CartChanged
    | CustomerChanged
    | VisitMade
    | StockAsked
    | ProductChanged
    | SignedUp,
    Field(discriminator="kind"),
]
AnyFact = Annotated[
    OutsideFact
    | TextReceived
    | StoppedAtOperator
    | StoppedOnSite
    | WokenUp
    | DueCame
    | ConsentChanged
    | Confirmed
    | LongSilent
    | LeftUnanswered
    | AddressBounced
    | PhoneSettled
    | PhoneChanged
    | PersonEdited
    | ComplaintHandled
    | LinkOpened
    | ContestWon
    | FriendBought
    | SurveyAnswered
    | TaskClosed
    | PeopleMerged
    | PeopleParted,
    Field(discriminator="kind"),
]

OUTSIDE: TypeAdapter[OutsideFact] = TypeAdapter(OutsideFact)
ANY: TypeAdapter[AnyFact] = TypeAdapter(AnyFact)


def read(body: str | bytes) -> Fact:
    """A fact from its stored JSON. Raises pydantic.ValidationError."""
    return ANY.validate_json(body)


def kinds() -> dict[str, type[Fact]]:
    """Every kind of fact by its word, for documents and tests."""
    found: dict[str, type[Fact]] = {}
    pending = [Fact]
    while pending:
        for cls in pending.pop().__subclasses__():
            pending.append(cls)
            if "kind" in cls.model_fields:
                found[cls.model_fields["kind"].default] = cls
    return found
