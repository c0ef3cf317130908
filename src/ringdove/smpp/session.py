"""One SMPP link as a conversation, for either end of it: we as ESME, our sandbox as SMSC.

Octets go in, events come out; what is to be said is returned as octets. Time is an argument
(seconds of any clock that only goes forward), so nothing here sleeps and tests take no time.
Never decides what a refusal means for a message: it reports what was answered to which token.

    open ─bind──────────► binding ─bind_accepted─► bound ─unbind──► unbinding
      │                      │                       │                  │
      └─lost──► closed ◄─────┴─bind_refused──────────┴─unbind_asked─────┴─unbind_answered

The same words serve both ends: who says them differs, where they lead does not.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from ringdove.smpp import quick
from ringdove.smpp.codec import ProtocolError, encode, read_body
from ringdove.smpp.pdu import (
    RESPONSE,
    SEQUENCE_MAX,
    AlertNotification,
    BindReceiver,
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    Body,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Other,
    Pdu,
    QuerySm,
    QuerySmResp,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)
from ringdove.smpp.receipts import State
from ringdove.smpp.statuses import ESME_RINVBNDSTS, ESME_RINVCMDID

Phase: TypeAlias = Literal["open", "binding", "bound", "unbinding", "closed"]
Word: TypeAlias = Literal[
    "bind", "bind_accepted", "bind_refused", "unbind", "unbind_asked", "unbind_answered", "lost"
]
Side: TypeAlias = Literal["esme", "smsc"]

TRANSITIONS: Final[dict[Phase, dict[Word, Phase]]] = {
    "open": {"bind": "binding", "lost": "closed"},
    "binding": {"bind_accepted": "bound", "bind_refused": "closed", "lost": "closed"},
    "bound": {"unbind": "unbinding", "unbind_asked": "closed", "lost": "closed"},
    # Both ends may ask at once: the other's wish ends it as well as its answer.
    "unbinding": {"unbind_answered": "closed", "unbind_asked": "closed", "lost": "closed"},
    "closed": {},
}

OVERDUE_KEPT_MAX: Final = 1_000
"""So many late answers are still waited for; an older one is a stranger."""


@dataclass(frozen=True)
class Timers:
    """Seconds (SMPP 3.4 §7.2). `window`: requests that may wait for an answer at once."""

    window: int = 10
    enquire_link_s: float = 30.0
    response_timeout_s: float = 30.0
    session_init_s: float = 10.0


# ── Events ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class BindAsked:
    """To an SMSC: answer with `accept` or `refuse`."""

    bind: BindReceiver


@dataclass(frozen=True, slots=True)
class Bound:
    system_id: str


@dataclass(slots=True)
class Answered:
    """The peer's answer to our request. `late`: its Overdue was reported before. `body`: of an
    answer that is more than an id."""

    token: object
    status: int
    message_id: str = ""
    late: bool = False
    body: Body | None = None


@dataclass(frozen=True, slots=True)
class Overdue:
    """No answer in time: the outcome is UNKNOWN, the message may have been sent."""

    token: object


@dataclass(frozen=True, slots=True)
class Asked:
    """The peer's request (deliver_sm, submit_sm, data_sm): answer it with `answer(asked)`."""

    sequence: int
    body: SubmitSm | DataSm


@dataclass(slots=True)
class Told:
    """A receipt of the plain kind, read at once: acknowledge it with `acknowledge(sequence)`."""

    sequence: int
    provider_id: str
    state: State
    complaint: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The last event. `unanswered`: tokens whose outcome is unknown."""

    reason: str
    unanswered: tuple[object, ...] = ()
    status: int = 0


Event: TypeAlias = BindAsked | Bound | Answered | Overdue | Asked | Told | Closed


class NotNow(Exception):
    """We asked for something that this state, or a full window, does not allow."""


BIND_ANSWERS: Final[dict[type[BindReceiver], type[BindReceiverResp]]] = {
    BindReceiver: BindReceiverResp,
    BindTransmitter: BindTransmitterResp,
    BindTransceiver: BindTransceiverResp,
}
ANSWERS: Final[dict[type[SubmitSm | DataSm], type[SubmitSmResp]]] = {
    SubmitSm: SubmitSmResp,
    DeliverSm: DeliverSmResp,
    DataSm: DataSmResp,
}
MAY_ASK: Final[dict[Side, tuple[type[Body], ...]]] = {
    "esme": (DeliverSm, DataSm),
    "smsc": (SubmitSm, DataSm),
}
"""What each side accepts from the other."""


class Session:
    def __init__(
        self, side: Side, timers: Timers, now: float, *, reads_quickly: bool = True
    ) -> None:
        """`reads_quickly`: plain receipts are Told; else all of them are Asked, with their body."""
        self.state: Phase = "open"
        self._side: Side = side
        self._tells = reads_quickly and side == "esme"
        self._timers = timers
        self._rest = b""
        self._sequence = 0
        self._bind: tuple[int, BindReceiver] | None = None
        # Token and deadline, in the order of their deadlines.
        self._waiting: dict[int, tuple[object, float]] = {}
        self._overdue: dict[int, object] = {}
        self._state_deadline: float | None = now + timers.session_init_s
        self._heard_at = now
        self._enquired: tuple[int, float] | None = None

    # ── what we say ──────────────────────────────────────────────────────────

    def bind(self, bind: BindReceiver, now: float) -> bytes:
        self._move("bind")
        self._bind = (self._next_sequence(), bind)
        self._state_deadline = now + self._timers.response_timeout_s
        return encode(Pdu(bind, self._bind[0]))

    def accept(self, system_id: str, now: float) -> bytes:
        """An SMSC's yes to BindAsked."""
        self._move("bind_accepted")
        return self._bind_answer(system_id, 0)

    def refuse(self, status: int) -> bytes:
        """An SMSC's no to BindAsked; the link is to be closed after these octets."""
        self._move("bind_refused")
        return self._bind_answer("", status)

    @property
    def room(self) -> int:
        """How many requests may be sent now."""
        return self._timers.window - len(self._waiting) if self.state == "bound" else 0

    @property
    def unanswered(self) -> int:
        return len(self._waiting)

    def ask(self, body: SubmitSm | DataSm | QuerySm, token: object, now: float) -> bytes:
        """A request; its Answered or Overdue (or Closed) will carry `token`."""
        return self.say(encode(Pdu(body, 0)), token, now)

    def say(self, octets: bytes, token: object, now: float) -> bytes:
        """A request that is written already, under whatever number."""
        if self.room <= 0:
            raise NotNow(f"no room to ask: {self.state}, {len(self._waiting)} unanswered")
        sequence = self._next_sequence()
        self._waiting[sequence] = token, now + self._timers.response_timeout_s
        return quick.numbered(octets, sequence)

    def answer(self, asked: Asked, message_id: str = "", status: int = 0) -> bytes:
        if self.state in ("closed", "open"):
            raise NotNow("nobody is there to hear the answer")
        return encode(Pdu(ANSWERS[type(asked.body)](message_id), asked.sequence, status))

    def acknowledge(self, sequences: Iterable[int]) -> bytes:
        """Answers to Told."""
        if self.state in ("closed", "open"):
            raise NotNow("nobody is there to hear the answer")
        return b"".join(map(quick.deliver_sm_resp, sequences))

    def unbind(self, now: float) -> bytes:
        """A polite end; requests under way may still be answered before it."""
        self._move("unbind")
        self._state_deadline = now + self._timers.response_timeout_s
        return encode(Pdu(Unbind(), self._next_sequence()))

    # ── what we hear ─────────────────────────────────────────────────────────

    def receive(self, data: bytes, now: float) -> tuple[list[Event], bytes]:
        """Octets of the peer (b"" = it hung up) → what happened, and our own short answers."""
        events: list[Event] = []
        if not data:
            self._close("the peer closed the link", events)
            return events, b""
        self._heard_at = now
        data, at = self._rest + data, 0
        said: list[bytes] = []
        while self.state != "closed":
            try:
                frames, at = quick.frames(data, at)
            except ProtocolError as error:
                said.append(self._garbled(error, events))
                break
            if not frames:
                break
            self._hear_frames(data, frames, events, said)
        self._rest = data[at:]
        return events, b"".join(said)

    def _hear_frames(
        self, data: bytes, frames: list[quick.Frame], events: list[Event], said: list[bytes]
    ) -> None:
        """The two kinds that come by the million are read without making packets of them."""
        waiting, tells = self._waiting, self._tells
        for command_id, status, sequence, start, end in frames:
            if self.state == "closed":
                return
            if command_id == quick.SUBMIT_SM_RESP and sequence in waiting:
                token, _ = waiting.pop(sequence)
                events.append(Answered(token, status, quick.message_id(data, start, end)))
            elif (
                command_id == quick.DELIVER_SM
                and tells
                and self.state == "bound"
                and (told := quick.receipt(data, start, end))
            ):
                events.append(Told(sequence, *told))
            else:
                said.append(self._hear_frame(command_id, status, sequence, data[start:end], events))

    def _hear_frame(
        self, command_id: int, status: int, sequence: int, octets: bytes, events: list[Event]
    ) -> bytes:
        try:
            pdu = Pdu(read_body(command_id, sequence, octets), sequence, status)
        except ProtocolError as error:
            return self._garbled(error, events)
        if pdu.command_id & RESPONSE:
            return self._hear_answer(pdu, events)
        return HEARD.get(type(pdu.body), Session._hear_unknown)(self, pdu, events)

    def _hear_answer(self, pdu: Pdu, events: list[Event]) -> bytes:
        if self._enquired and pdu.sequence == self._enquired[0]:
            self._enquired = None  # a generic_nack says "I am here" as well
        elif self._bind and self.state == "binding" and pdu.sequence == self._bind[0]:
            self._hear_bind_answer(pdu, events)
        elif isinstance(pdu.body, UnbindResp) and self.state == "unbinding":
            self._move("unbind_answered")
            self._close("unbound", events)
        elif waiting := self._waiting.pop(pdu.sequence, None):
            events.append(_answered(waiting[0], pdu))
        elif pdu.sequence in self._overdue:
            events.append(_answered(self._overdue.pop(pdu.sequence), pdu, late=True))
        return b""  # an answer to nothing of ours: ignored, as it may be twice the same

    def _hear_bind_answer(self, pdu: Pdu, events: list[Event]) -> None:
        if isinstance(pdu.body, BindReceiverResp) and pdu.status == 0 and self._side == "esme":
            self._move("bind_accepted")
            self._state_deadline = None
            events.append(Bound(pdu.body.system_id))
        else:
            self._move("bind_refused")
            self._close("the bind was refused", events, _refusal(pdu))

    def _hear_bind(self, pdu: Pdu, events: list[Event]) -> bytes:
        assert isinstance(pdu.body, BindReceiver)
        if self._side != "smsc" or self.state != "open":
            answer = BIND_ANSWERS[type(pdu.body)]()
            return encode(Pdu(answer, pdu.sequence, ESME_RINVBNDSTS))
        self._move("bind")
        self._bind = (pdu.sequence, pdu.body)
        events.append(BindAsked(pdu.body))
        return b""

    def _hear_request(self, pdu: Pdu, events: list[Event]) -> bytes:
        assert isinstance(pdu.body, SubmitSm | DataSm)
        # Exact types: DeliverSm is a SubmitSm to Python, but not to the protocol.
        if type(pdu.body) not in MAY_ASK[self._side]:
            return encode(Pdu(GenericNack(), pdu.sequence, ESME_RINVCMDID))
        if self.state not in ("bound", "unbinding"):
            return encode(Pdu(ANSWERS[type(pdu.body)](), pdu.sequence, ESME_RINVBNDSTS))
        events.append(Asked(pdu.sequence, pdu.body))
        return b""

    def _hear_enquire_link(self, pdu: Pdu, events: list[Event]) -> bytes:
        return encode(Pdu(EnquireLinkResp(), pdu.sequence))

    def _hear_alert(self, pdu: Pdu, events: list[Event]) -> bytes:
        return b""  # nobody answers it (§4.12)

    def _hear_unbind(self, pdu: Pdu, events: list[Event]) -> bytes:
        if self.state in ("open", "binding"):
            return encode(Pdu(UnbindResp(), pdu.sequence, ESME_RINVBNDSTS))
        self._move("unbind_asked")
        self._close("the peer unbound", events)
        return encode(Pdu(UnbindResp(), pdu.sequence))

    def _hear_unknown(self, pdu: Pdu, events: list[Event]) -> bytes:
        return encode(Pdu(GenericNack(), pdu.sequence, ESME_RINVCMDID))

    def _garbled(self, error: ProtocolError, events: list[Event]) -> bytes:
        if error.fatal:
            self._close(f"not SMPP: {error}", events, error.status)
        elif error.command_id & RESPONSE:
            return b""  # never nack an answer (§3.3): its request becomes overdue
        return encode(Pdu(GenericNack(), error.sequence & SEQUENCE_MAX, error.status))

    # ── time ─────────────────────────────────────────────────────────────────

    @property
    def next_deadline(self) -> float | None:
        """When `tick` has something to do; None once closed."""
        if self.state == "closed":
            return None
        first = next(iter(self._waiting.values()), None)
        candidates = [
            self._state_deadline,
            first[1] if first else None,
            self._enquired[1] if self._enquired else None,
            self._enquire_at() if self.state == "bound" and not self._enquired else None,
        ]
        return min((at for at in candidates if at is not None), default=None)

    def tick(self, now: float) -> tuple[list[Event], bytes]:
        events: list[Event] = []
        if self.state == "closed":
            return events, b""
        self._expire(now, events)
        if self._state_deadline is not None and now >= self._state_deadline:
            self._close(f"no progress while {self.state}", events)
        elif self._enquired and now >= self._enquired[1]:
            self._close("no answer to enquire_link", events)
        elif self.state == "bound" and not self._enquired and now >= self._enquire_at():
            self._enquired = (self._next_sequence(), now + self._timers.response_timeout_s)
            return events, encode(Pdu(EnquireLink(), self._enquired[0]))
        return events, b""

    def _enquire_at(self) -> float:
        return self._heard_at + self._timers.enquire_link_s

    def _expire(self, now: float, events: list[Event]) -> None:
        while self._waiting:
            sequence, (token, deadline) = next(iter(self._waiting.items()))
            if now < deadline:
                return
            del self._waiting[sequence]
            self._overdue[sequence] = token
            if len(self._overdue) > OVERDUE_KEPT_MAX:
                del self._overdue[next(iter(self._overdue))]
            events.append(Overdue(token))

    # ── within ───────────────────────────────────────────────────────────────

    def _move(self, word: Word) -> None:
        state = TRANSITIONS[self.state].get(word)
        if state is None:
            raise NotNow(f"{word} while {self.state}")
        self.state = state

    def _close(self, reason: str, events: list[Event], status: int = 0) -> None:
        """Called once the table has led to closed, or leads there itself by `lost`."""
        if self.state != "closed":
            self._move("lost")
        elif reason == "the peer closed the link":
            return  # we knew already
        unanswered = tuple(token for token, _ in self._waiting.values())
        self._waiting.clear()
        events.append(Closed(reason, unanswered, status))

    def _bind_answer(self, system_id: str, status: int) -> bytes:
        assert self._bind is not None
        self._state_deadline = None
        sequence, bind = self._bind
        answer = replace(BIND_ANSWERS[type(bind)](), system_id=system_id)
        return encode(Pdu(answer, sequence, status))

    def _next_sequence(self) -> int:
        self._sequence = self._sequence % SEQUENCE_MAX + 1
        while self._sequence in self._waiting:
            self._sequence = self._sequence % SEQUENCE_MAX + 1
        return self._sequence


def _refusal(pdu: Pdu) -> int:
    """A generic_nack refuses whatever its status says."""
    return pdu.status or (ESME_RINVCMDID if isinstance(pdu.body, GenericNack) else 0)


def _answered(token: object, pdu: Pdu, late: bool = False) -> Answered:
    is_more = isinstance(pdu.body, QuerySmResp)
    message_id = getattr(pdu.body, "message_id", "")
    return Answered(token, _refusal(pdu), message_id, late, pdu.body if is_more else None)


_Hearing: TypeAlias = Callable[[Session, Pdu, list[Event]], bytes]
HEARD: Final[dict[type[Body], _Hearing]] = {
    BindReceiver: Session._hear_bind,
    BindTransmitter: Session._hear_bind,
    BindTransceiver: Session._hear_bind,
    SubmitSm: Session._hear_request,
    DeliverSm: Session._hear_request,
    DataSm: Session._hear_request,
    AlertNotification: Session._hear_alert,
    EnquireLink: Session._hear_enquire_link,
    Unbind: Session._hear_unbind,
    Other: Session._hear_unknown,
}
