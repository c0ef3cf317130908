"""Messages of a campaign as COPY reads them: lines put together from what many of them share.

Those of the outbox hold hardly more than numbers and times, and go in PostgreSQL's binary form: it
takes three quarters of the time that text takes to be read and written into three indexes.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from struct import Struct, pack
from typing import Any, Final

from ringdove.records.import_chunks import escaped
from ringdove.rules.campaign_decisions import Carrier, Told
from ringdove.rules.campaign_texts import Made
from ringdove.rules.campaigns import Campaign
from ringdove.rules.scenes import Store

KEPT_MAX = 100_000
NULL: Final = r"\N"

# Columns in groups: the message's own, then those that many share.
COPY_MESSAGES = """
COPY message (id, contact_id, recipient, subject, body,
  encoding, parts, gateway_id, sender, network, cost, cost_currency,
  not_before, not_after, state, reason, done_at, window_until,
  channel, language, variant,
  bucket, store_id, class, topic, cause, created_at, why, category, occasion, own_hours,
  campaign_id) FROM STDIN
"""
COPY_OUTBOX = """
COPY outbox (message_id, contact_id, gateway_id, due_at, window_until, not_after,
  bucket, store_id, urgency, class, topic, campaign_id) FROM STDIN (FORMAT binary)
"""
OUTBOX_BEGINS: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
OUTBOX_ENDS: Final = b"\xff\xff"
_COLUMNS = 12
_OWN = Struct(">HIqIqIi")  # how many columns; then each with its length before it
_TIMES = Struct(">IqIqIq")
_EPOCH, _MICROSECOND = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
QUEUED = "queued"


@dataclass(slots=True)
class Lines:
    """Lines of one campaign in one bucket."""

    store: Store
    campaign: Campaign
    bucket: int
    own_hours: str
    now: datetime  # when they are made
    counts: Counter[str] = field(default_factory=Counter)  # variant/queued, variant/reason
    outbox: list[bytes] = field(default_factory=list)
    gateways: set[int] = field(default_factory=set)
    _carried: dict[tuple[Carrier, str, int], str] = field(default_factory=dict)
    _told: dict[Told, str] = field(default_factory=dict)
    _due: dict[Told, bytes] = field(default_factory=dict)
    _names: dict[tuple[int, str], str] = field(default_factory=dict)
    _message: str = ""
    _queued: bytes = b""

    def __post_init__(self) -> None:
        plan, store = self.campaign.plan, self.store
        shared: list[Any] = [self.bucket, store.id, "marketing", escaped(plan.topic)]
        self._message = "\t".join(map(str, (
            *shared, "campaign", self.now, escaped(f"campaign/{self.campaign.name}"),
            escaped(plan.category), escaped(plan.occasion), self.own_hours,
            f"{self.campaign.id}\n",
        )))  # fmt: skip
        klass, topic = b"marketing", plan.topic.encode()
        self._queued = b"".join((
            pack(">IiIiIh", 4, self.bucket, 4, store.id, 2, 1),
            pack(">I", len(klass)), klass, pack(">I", len(topic)), topic,
            pack(">Ii", 4, self.campaign.id),
        ))  # fmt: skip

    def begin_page(self, now: datetime) -> None:
        """What is counted and queued from here on is another transaction's."""
        self.counts, self.outbox, self.gateways = Counter(), [], set()
        if len(self._told) + len(self._due) > KEPT_MAX:
            self._told.clear()
            self._due.clear()

    def of(self, made: Iterable[Made]) -> str:
        """The lines of these messages; `outbox` gets those that wait."""
        lines: list[str] = []
        counts, outbox, gateways = self.counts, self.outbox, self.gateways
        carried_of, when_of, due_of, tail = self._carried, self._told, self._due, self._message
        own, queued = _OWN.pack, self._queued
        for message_id, wish, told, (subject, body, encoding, parts) in made:
            carrier = wish.carrier
            carried = carried_of.get((carrier, encoding, parts)) or self._carry(
                carrier, encoding, parts
            )
            when = when_of.get(told) or self._when(told)
            person_id, recipient = wish.person.id, wish.recipient
            if wish.channel == "email":  # a number has nothing to escape
                recipient, subject = escaped(recipient), escaped(subject)
            lines.append(
                f"{message_id}\t{person_id}\t{recipient}\t{subject}\t{escaped(body)}\t{carried}"
                f"\t{when}\t{wish.channel}\t{wish.language}\t{wish.variant}\t{tail}"
            )
            state, reason, _, _ = told.outcome
            if state == "waiting":
                due = due_of.get(told) or self._when_due(told)
                assert carrier.way is not None
                gateway_id = carrier.way.gateway.id
                gateways.add(gateway_id)
                ids = own(_COLUMNS, 8, message_id, 8, person_id, 4, gateway_id)
                outbox.append(ids + due + queued)
                reason = QUEUED
            name = self._names.get((wish.variant, reason)) or self._name(wish.variant, reason)
            counts[name] += 1
        return "".join(lines)

    def _name(self, variant: int, reason: str) -> str:
        name = self._names[variant, reason] = f"{variant}/{reason}"
        return name

    def _carry(self, carrier: Carrier, encoding: str, parts: int) -> str:
        way = carrier.way
        per_part = carrier.per_part if encoding else None  # silences and letters cost nothing
        cost = NULL if per_part is None else str(per_part * parts)
        said = "\t".join((
            encoding, str(parts), str(way.gateway.id if way else 0),
            escaped(way.sender) if way else "", escaped(way.network) if way else "", cost,
            "" if per_part is None else carrier.currency,
        ))  # fmt: skip
        if len(self._carried) >= KEPT_MAX:
            self._carried.clear()
        self._carried[carrier, encoding, parts] = said
        return said

    def _when(self, told: Told) -> str:
        state, reason, _, window_until = told.outcome
        done_at = NULL if state == "waiting" else self.now
        said = self._told[told] = "\t".join(map(str, (
            told.not_before, told.not_after, state, reason, done_at, window_until
        )))  # fmt: skip
        return said

    def _when_due(self, told: Told) -> bytes:
        _, _, due_at, window_until = told.outcome
        times = [(at - _EPOCH) // _MICROSECOND for at in (due_at, window_until, told.not_after)]
        said = self._due[told] = _TIMES.pack(8, times[0], 8, times[1], 8, times[2])
        return said
