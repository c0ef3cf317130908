"""The rows of a past that is being made up: tables, ids from their own time, counters, texts.

Rows have the shape that records/ give them; tests/demo reads them back through the same records.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ringdove.demo.letters import Letters
from ringdove.kit.buckets import (
    BUCKET_BITS,
    INDEX_OF,
    SEQUENCE_BITS,
    SLOT_BITS,
    bucket_of,
    id_floor,
)
from ringdove.rules import texts
from ringdove.rules.consent import ledger
from ringdove.rules.scenes import Contact, Store
from ringdove.rules.sending.prices import Cost, PriceList, price_of

Keyed = Callable[[int, str], str]  # store, text: as Runtime.keyed

COLUMNS: dict[str, list[str]] = {
    table: columns.split()
    for table, columns in {
        "contact": "bucket store_id id phone phone_doubt email name language country region zones"
        " marketing service marketing_at service_at origin created_at orders spent last_order_at"
        " city sex birthday children fields scopes paused_until seen_at origin_note ledger_seq"
        " ledger_hash",
        "contact_ref": "bucket store_id kind value contact_id row_id",
        "consent_event": "bucket store_id id contact_id at scope change source words language ip"
        " device who seq prev hash until",
        "product": "bucket store_id sku name category brand price url stock changed_at",
        "purchase_order": "bucket store_id id contact_id key number state placed_at changed_at"
        " paid_at cancelled_at total currency country payment_due promised_from promised_until"
        " promised_said_at invoice_number invoice_url",
        "order_line": "bucket store_id order_id line sku name quantity price category",
        "parcel": "bucket store_id id order_id contact_id key number carrier url state state_at"
        " pickup_point",
        "order_return": "bucket store_id id order_id contact_id key kind state state_at amount",
        "cart": "bucket store_id id contact_id key state changed_at total url items",
        "visit": "bucket store_id id contact_id at channel page sku category",
        "fact": "bucket store_id id connection_id source_key kind at heard_at body",
        "pending_fact": "bucket store_id fact_id due_at attempts error waits_for parked_at",
        "enrollment": "bucket store_id id recipe subject contact_id order_id version place state"
        " trigger started_at reason",
        "message": "bucket store_id id contact_id order_id channel class topic cause recipe"
        " enrollment_id gateway_id recipient subject body language encoding parts not_before"
        " not_after created_at why state reason sent_at done_at parts_delivered parts_failed cost"
        " cost_currency campaign_id variant occasion",
        "receipt": "bucket store_id message_id gateway_id provider_id part state error at heard_at",
        "inbound": "bucket store_id id contact_id gateway_id sender recipient body at intent"
        " value handled",
        "conversation": "bucket store_id contact_id state owner snoozed_until waiting_since unread"
        " last_at last_by last_said intent",
        "friend_invitation": "bucket store_id hash id inviter_id way at bought_at",
        "complaint": "bucket store_id id contact_id order_id number state opened_at changed_at"
        " due_at reason said note opened_by closed_at",
        "complaint_move": "bucket store_id id contact_id complaint_id at by state said",
        "survey_answer": "bucket store_id id contact_id survey asked_at until order_id sku carrier"
        " pickup_point language answered_at way score reason comment answers may_publish shown_as"
        " published published_at published_by",
        "counter": "bucket store_id hour name n",
        "touch": "bucket store_id contact_id message_id at topic category",
        "campaign": "store_id id name state plan created_at created_by changed_at changed_by"
        " begin_at began_at ended_at",
        "campaign_run": "bucket store_id campaign_id version next_id is_done first_message"
        " last_message counts changed_at total",
        "link_click": "bucket store_id id message_id contact_id number at kind device",
        "promo_code": "bucket store_id code reward_id contact_id given_at valid_until used_at"
        " used_order",
        "offer_use": "bucket store_id reward_id order_id contact_id code at",
        "way_count": "bucket store_id name n",
        "sandbox_text": "bucket store_id id gateway_id phone direction shop_number body at"
        " handed_over",
    }.items()
}
SHOWN_FOR = timedelta(days=2)  # on virtual phones
KEPT_FOR = timedelta(days=40)  # runs of automations, receipts as they came, facts, roll-ups
SHOP_NUMBER = "1234"  # of the sandbox, see gateways/smpp.sandbox
RECEIPT_S_MAX = 40


class Word(NamedTuple):
    """A yes or no, as the ledger keeps it."""

    at: datetime
    scope: str
    change: str
    source: str
    words: str
    language: str
    ip: str = ""
    device: str = ""
    until: datetime | None = None


@dataclass(slots=True)
class Known:
    """A customer as the store has come to know them."""

    id: int
    bucket: int
    name: str
    phone: str | None
    phone_doubt: str | None
    email: str | None
    wish: str  # the language they chose
    language: str  # the language they are written to in
    country: str
    region: str
    city: str
    zones: list[str]
    created_at: datetime
    origin: str
    account: str
    marketing: str = "none"
    marketing_at: datetime | None = None
    orders: int = 0
    spent: Any = 0
    last_order_at: datetime | None = None
    seen_at: datetime | None = None
    said: list[Word] = field(default_factory=list)
    scopes: dict[str, list[str]] = field(default_factory=dict)
    paused_until: datetime | None = None
    origin_note: str = ""
    ledger_hash: str = ""

    def seen(self, at: datetime) -> None:
        """A sign of life."""
        self.seen_at = max(at, self.seen_at) if self.seen_at else at


def refusal(who: Known, at: datetime) -> str:
    """Why nobody wrote an offer to them then; "": somebody did."""
    if not who.phone:
        return "phone_doubtful" if who.phone_doubt else "no_phone"
    said = who.marketing_at is not None and who.marketing_at < at
    if who.marketing == "in" and said:
        return ""
    if who.marketing == "out":
        return "stopped" if said else ""
    return "no_consent"


@dataclass
class Rows:
    """All tables of one store, as they are filled."""

    store: Store
    now: datetime
    sms_gateway: int
    email_gateway: int
    prices: PriceList | None = None
    tables: dict[str, list[tuple[Any, ...]]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[tuple[datetime, str]] = field(default_factory=Counter)
    _ticks: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.letters = Letters(self.store)
        self.shown_since = self.now - SHOWN_FOR
        self.kept_since = self.now - KEPT_FOR

    def put(self, table: str, bucket: int, *values: Any) -> None:
        """One more row; the values follow bucket and store_id."""
        self.tables[table].append((bucket, self.store.id, *values))

    def bucket(self, key: str) -> int:
        """Where a natural key lives."""
        return bucket_of(self.store.bucket_base, self.store.bucket_span, key)

    def id_at(self, bucket: int, at: datetime) -> int:
        """An id that was made at this moment."""
        floor = id_floor(at)
        self._ticks[floor] += 1
        sequence = self._ticks[floor] - 1
        assert sequence < 1 << (SLOT_BITS + SEQUENCE_BITS)
        return floor | sequence << BUCKET_BITS | INDEX_OF[bucket]

    def count(self, at: datetime, name: str, n: int = 1) -> None:
        """Adds to the roll-up of the hour, unless that is long ago."""
        if at < self.kept_since:
            return
        self.counts[at.replace(minute=0, second=0, microsecond=0), name] += n

    def refer(self, kind: str, value: str, who: Known, row_id: int | None = None) -> None:
        """From now on this key leads to this person (and row)."""
        self.put("contact_ref", self.bucket(f"{kind}/{value}"), kind, value, who.id, row_id)

    def say(
        self, who: Known, words: str, values: Mapping[str, str], at: datetime, *,
        channel: str = "sms", **more: Any,
    ) -> None:  # fmt: skip
        """A message of these words of a language that was made at `at`; `more`: see `tell`."""
        if channel == "sms":
            self.tell(who, self.letters.write(words, who.language, values), at, **more)
            return
        subject = self.letters.write(f"{words}.subject", who.language, values)
        body = self.letters.write(f"{words}.body", who.language, values)
        self.tell(who, body, at, subject=subject, channel=channel, **more)

    def tell(
        self,
        who: Known,
        body: str,
        at: datetime,
        *,
        subject: str = "",
        channel: str = "sms",
        klass: str = "service",
        topic: str = "reply",
        cause: str = "reply",
        why: str = "",
        recipe: str = "",
        enrollment_id: int | None = None,
        order_id: int | None = None,
        valid_for: timedelta = timedelta(hours=12),
    ) -> None:
        """A message that was made at `at`, with what became of it."""
        recipient = who.phone if channel == "sms" else who.email
        encoding, parts = "", 1
        if channel == "sms":
            measure = texts.measure(body)
            encoding, parts = measure.encoding, measure.parts
        message_id = self.id_at(who.bucket, at)
        fate = self.fate(who, channel, recipient, at, parts, message_id)
        cost = self.cost(recipient or "", parts) if channel == "sms" else None
        self.put(
            "message", who.bucket, message_id, who.id, order_id, channel, klass, topic, cause,
            recipe, enrollment_id, self.sms_gateway if channel == "sms" else self.email_gateway,
            recipient or "", subject, body, who.language, encoding, parts, at, at + valid_for, at,
            why, *fate, cost.amount if cost else None, cost.currency if cost else "", None, 0, "",
        )  # fmt: skip
        if channel == "sms" and recipient and at >= self.shown_since:
            self.show(recipient, "to_phone", body, at)

    def fate(
        self, who: Known, channel: str, recipient: str | None, at: datetime, parts: int,
        message_id: int,
    ) -> tuple[Any, ...]:  # fmt: skip
        """state, reason, sent_at, done_at, parts_delivered, parts_failed: as phones do in the
        sandbox, by their last digits."""
        if not recipient:
            self.count(at, "dropped")
            return "dropped", "phone_doubtful" if who.phone_doubt else "no_phone", None, at, 0, 0
        spread = message_id >> BUCKET_BITS + SEQUENCE_BITS + SLOT_BITS
        sent_at = at + timedelta(milliseconds=300 + spread % 2000)
        self.count(at, "queued")
        self.count(sent_at, "sent")
        if channel == "email" or recipient.endswith("01"):
            return "sent", "", sent_at, None, 0, 0
        done_at = sent_at + timedelta(seconds=1 + spread % RECEIPT_S_MAX)
        if done_at >= self.now:
            return "sent", "", sent_at, None, 0, 0
        failed = recipient.endswith("00")
        word, state = ("failed", "undeliverable") if failed else ("delivered", "delivered")
        for part in range(parts if at >= self.kept_since else 0):
            provider_id = f"{message_id:x}-{part}"
            self.put("receipt", who.bucket, message_id, self.sms_gateway, provider_id, part, state,
                     "UNDELIV" if failed else "", done_at, done_at)  # fmt: skip
        self.count(done_at, "undelivered" if failed else "delivered")
        split = (0, parts) if failed else (parts, 0)
        return word, f"{state} UNDELIV" if failed else "", sent_at, done_at, *split

    def cost(self, phone: str, parts: int) -> Cost | None:
        """Of all parts of a text to this number; None: no price is known."""
        return price_of(self.prices, phone, parts) if self.prices and phone else None

    def chain(self, who: Known, keyed: Keyed) -> None:
        """The ledger's rows of a person, each chained to the one before."""
        person = Contact(who.id, who.phone, who.email, who.created_at)
        name = ledger.who(person, keyed(self.store.id, f"salt/{who.id}"))
        for seq, word in enumerate(sorted(who.said, key=lambda word: word.at), 1):
            row = word._asdict() | {
                "store_id": self.store.id, "contact_id": who.id, "seq": seq, "who": name,
                "prev": who.ledger_hash,
            }  # fmt: skip
            row["hash"] = who.ledger_hash = ledger.hash_of(row)
            row["id"] = self.id_at(who.bucket, word.at)
            values = (row[column] for column in COLUMNS["consent_event"][2:])
            self.put("consent_event", who.bucket, *values)

    def show(self, phone: str, direction: str, body: str, at: datetime) -> None:
        """A text on a virtual phone."""
        bucket = self.bucket(f"phone/{phone}")
        self.put("sandbox_text", bucket, self.id_at(bucket, at), self.sms_gateway, phone, direction,
                 SHOP_NUMBER, body, at, True)  # fmt: skip

    def close(self) -> dict[str, list[tuple[Any, ...]]]:
        """All tables, with the roll-ups as rows."""
        bucket = self.bucket_of_counters()
        for (hour, name), n in sorted(self.counts.items()):
            self.put("counter", bucket, hour, name, n)
        return self.tables

    def bucket_of_counters(self) -> int:
        """The store's first bucket, as records/counters takes it."""
        return bucket_of(self.store.bucket_base, 1, "")
