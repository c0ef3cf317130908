"""Messages of a campaign as COPY reads them: put together from what many of them share.

They go in PostgreSQL's binary form: it takes two thirds of the time that text takes to be read, and
nothing is to be escaped. A column of another type would be found by the server only.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from struct import Struct, pack
from typing import Final, NamedTuple

from psycopg.types.numeric import dump_decimal_to_numeric_binary as numeric

from ringdove.rules.campaigns.campaign_decisions import Carrier, Told
from ringdove.rules.campaigns.campaign_texts import Made
from ringdove.rules.campaigns.campaigns import Campaign
from ringdove.rules.scenes import Store

KEPT_MAX = 100_000

# Columns in groups: the message's own between those that many share.
COPY_MESSAGES = """
COPY message (id, contact_id, recipient, subject, body,
  not_before, not_after, done_at, window_until, state, reason,
  encoding, parts, gateway_id, sender, network, cost, cost_currency, channel, language, variant,
  bucket, store_id, class, topic, cause, created_at, why, category, occasion, own_hours,
  campaign_id) FROM STDIN (FORMAT binary)
"""
COPY_OUTBOX = """
COPY outbox (message_id, contact_id, gateway_id, due_at, window_until, not_after,
  bucket, store_id, urgency, class, topic, campaign_id) FROM STDIN (FORMAT binary)
"""
BEGINS: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
ENDS: Final = b"\xff\xff"
# A row says how many columns it has; each has its length before it.
_MESSAGE = Struct(">HIqIqI").pack
_LENGTH = Struct(">I").pack
_QUEUED = Struct(">HIqIqIi").pack
_NULL: Final = pack(">i", -1)
_EPOCH, _MICROSECOND = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
MESSAGE_COLUMNS, OUTBOX_COLUMNS = 32, 12
QUEUED = "queued"


class _When(NamedTuple):
    """What messages with one outcome share."""

    message: bytes
    outbox: bytes  # b"": they do not wait
    counted: str  # as what: queued, or the reason of a silence


@dataclass(slots=True)
class Lines:
    """Rows of one campaign in one bucket."""

    store: Store
    campaign: Campaign
    bucket: int
    own_hours: str
    now: datetime  # when they are made
    counts: Counter[tuple[int, str]] = field(default_factory=Counter)  # variant, queued or reason
    outbox: list[bytes] = field(default_factory=list)  # rows of those that wait, by slice
    gateways: set[int] = field(default_factory=set)
    _when: dict[Told, _When] = field(default_factory=dict)
    _carried: dict[tuple[Carrier, str, int, str, str, int], bytes] = field(default_factory=dict)
    _message: bytes = b""
    _queued: bytes = b""

    def __post_init__(self) -> None:
        plan = self.campaign.plan
        ours = _int(self.bucket) + _int(self.store.id)
        shared = _text("marketing") + _text(plan.topic)
        campaign_id = _int(self.campaign.id)
        self._message = b"".join((
            ours, shared, _text("campaign"), _time(self.now),
            _text(f"campaign/{self.campaign.name}"), _text(plan.category), _text(plan.occasion),
            _text(self.own_hours), campaign_id,
        ))  # fmt: skip
        self._queued = ours + _small(1) + shared + campaign_id

    def begin_page(self, now: datetime) -> None:
        """What is counted and queued from here on is another transaction's."""
        self.counts, self.outbox, self.gateways = Counter(), [], set()
        if len(self._when) + len(self._carried) > KEPT_MAX:
            self._when.clear()
            self._carried.clear()

    def of(self, made: Iterable[Made]) -> bytes:
        """The rows of these messages; `outbox` gets those that wait."""
        rows: list[bytes] = []
        outbox: list[bytes] = []
        counts, gateways = self.counts, self.gateways
        when_of, carried_of, queued = self._when, self._carried, self._queued
        for message_id, wish, told, (subject, body, encoding, parts) in made:
            person, channel, recipient, language, variant, carrier, _ = wish
            when = when_of.get(told) or self._alike(told)
            group = (carrier, encoding, parts, channel, language, variant)
            carried = carried_of.get(group) or self._alike_carried(*group)
            to, body_said = recipient.encode(), body.encode()
            rows += (
                _MESSAGE(MESSAGE_COLUMNS, 8, message_id, 8, person.id, len(to)), to,
                _text(subject) if subject else _EMPTY, _LENGTH(len(body_said)), body_said,
                when.message, carried,
            )  # fmt: skip
            if when.outbox:
                assert carrier.way is not None
                gateway_id = carrier.way.gateway.id
                gateways.add(gateway_id)
                outbox += (
                    _QUEUED(OUTBOX_COLUMNS, 8, message_id, 8, person.id, 4, gateway_id),
                    when.outbox, queued,
                )  # fmt: skip
            counts[variant, when.counted] += 1
        self.outbox.append(b"".join(outbox))
        return b"".join(rows)

    def _alike(self, told: Told) -> _When:
        state, reason, due_at, window_until = told.outcome
        is_waiting = state == "waiting"
        not_after = _time(told.not_after)
        found = self._when[told] = _When(
            b"".join((
                _time(told.not_before), not_after, _time(None if is_waiting else self.now),
                _time(window_until), _text(state), _text(reason),
            )),
            _time(due_at) + _time(window_until) + not_after if is_waiting else b"",
            QUEUED if is_waiting else reason,
        )  # fmt: skip
        return found

    def _alike_carried(
        self, carrier: Carrier, encoding: str, parts: int, channel: str, language: str, variant: int
    ) -> bytes:
        way = carrier.way
        per_part = carrier.per_part if encoding else None  # silences and letters cost nothing
        said = self._carried[carrier, encoding, parts, channel, language, variant] = b"".join((
            _text(encoding), _small(parts), _int(way.gateway.id if way else 0),
            _text(way.sender if way else ""), _text(way.network if way else ""),
            _NULL if per_part is None else _sized(bytes(numeric(per_part * parts))),
            _text("" if per_part is None else carrier.currency),
            _text(channel), _text(language), _small(variant), self._message,
        ))  # fmt: skip
        return said


def _sized(octets: bytes) -> bytes:
    return _LENGTH(len(octets)) + octets


def _text(said: str) -> bytes:
    return _sized(said.encode())


def _int(number: int) -> bytes:
    return pack(">Ii", 4, number)


def _small(number: int) -> bytes:
    return pack(">Ih", 2, number)


def _time(at: datetime | None) -> bytes:
    return _NULL if at is None else pack(">Iq", 8, (at - _EPOCH) // _MICROSECOND)


_EMPTY: Final = _text("")
