"""Both ends of a link as tables: no socket, no sleeping, a clock that is a number."""

import pytest

from ringdove.smpp import pdu as kinds
from ringdove.smpp.codec import Decoder, encode
from ringdove.smpp.pdu import Pdu
from ringdove.smpp.session import (
    TRANSITIONS,
    Answered,
    Asked,
    BindAsked,
    Bound,
    Closed,
    NotNow,
    Overdue,
    Session,
    Timers,
)

TIMERS = Timers(window=3, enquire_link_s=30, response_timeout_s=10, session_init_s=5)
TEXT = kinds.SubmitSm(destination_addr="375291112233", short_message=b"hi")


def esme(bound: bool = True) -> Session:
    session = Session("esme", TIMERS, 0.0)
    if bound:
        session.bind(kinds.BindTransceiver("shop", "pw"), 0.0)
        session.receive(encode(Pdu(kinds.BindTransceiverResp("smsc"), 1)), 0.0)
        assert session.state == "bound"
    return session


def smsc(bound: bool = True) -> Session:
    session = Session("smsc", TIMERS, 0.0)
    if bound:
        session.receive(encode(Pdu(kinds.BindTransceiver("shop", "pw"), 1)), 0.0)
        session.accept("smsc", 0.0)
    return session


def read(data: bytes) -> list[Pdu]:
    decoder = Decoder()
    decoder.feed(data)
    return list(iter(decoder.next_pdu, None))


def test_the_table_names_only_its_own_states_and_ends() -> None:
    assert {to for row in TRANSITIONS.values() for to in row.values()} <= set(TRANSITIONS)
    assert all("lost" in row for state, row in TRANSITIONS.items() if state != "closed")
    assert TRANSITIONS["closed"] == {}


def test_a_whole_conversation() -> None:
    """bind, submit, answer, receipt, unbind: our two ends understand each other."""
    us, them = esme(bound=False), smsc(bound=False)
    bind = kinds.BindTransceiver("shop", "pw")
    assert them.receive(us.bind(bind, 0.0), 0.0) == ([BindAsked(bind)], b"")
    assert us.receive(them.accept("smsc", 0.0), 0.0) == ([Bound("smsc")], b"")

    (asked,), _ = them.receive(us.ask(TEXT, "text 1", 1.0), 1.0)
    assert isinstance(asked, Asked) and asked.body == TEXT
    assert us.receive(them.answer(asked, "id 1"), 1.5) == (
        [Answered("text 1", 0, "id 1")],
        b"",
    )
    receipt = kinds.DeliverSm(esm_class=4, short_message=b"id:1 stat:DELIVRD")
    (came,), _ = us.receive(them.ask(receipt, "receipt 1", 2.0), 2.0)
    assert isinstance(came, Asked) and came.body == receipt
    assert them.receive(us.answer(came), 2.0) == (
        [Answered("receipt 1", 0)],
        b"",
    )
    events, answer = them.receive(us.unbind(3.0), 3.0)
    assert events == [Closed("the peer unbound")]
    assert us.receive(answer, 3.0) == ([Closed("unbound")], b"")
    assert us.state == them.state == "closed"


@pytest.mark.parametrize("status", [0x05, 0x0D, 0x0E])
def test_a_refused_bind(status: int) -> None:
    us, them = esme(bound=False), smsc(bound=False)
    them.receive(us.bind(kinds.BindTransceiver("shop", "no"), 0.0), 0.0)
    events, _ = us.receive(them.refuse(status), 0.0)
    assert events == [Closed("the bind was refused", (), status)]
    assert us.state == them.state == "closed"


def test_a_bind_refused_by_generic_nack() -> None:
    us = esme(bound=False)
    us.bind(kinds.BindTransceiver("shop", "no"), 0.0)
    events, _ = us.receive(encode(Pdu(kinds.GenericNack(), 1, 0)), 0.0)
    assert events == [Closed("the bind was refused", (), 3)]


def test_the_window() -> None:
    us = esme()
    for n in range(3):
        us.ask(TEXT, n, 0.0)
    assert us.room == 0
    with pytest.raises(NotNow):
        us.ask(TEXT, 3, 0.0)
    us.receive(encode(Pdu(kinds.SubmitSmResp("x"), 3)), 0.0)  # answers in any order
    assert (us.room, us.unanswered) == (1, 2)


def test_a_text_that_cannot_be_written_takes_no_room() -> None:
    us = esme()
    with pytest.raises(ValueError):
        us.ask(kinds.SubmitSm(short_message=b"x" * 300), 1, 0.0)
    assert us.unanswered == 0


def test_no_answer_in_time_is_an_unknown_outcome_and_a_late_one_is_still_told() -> None:
    """P5: a forgotten response is a state of its own."""
    us = esme()
    us.ask(TEXT, "a", 1.0)
    us.ask(TEXT, "b", 2.0)
    assert us.next_deadline == 11.0
    assert us.tick(10.9) == ([], b"")
    assert us.tick(11.0) == ([Overdue("a")], b"")
    assert us.receive(encode(Pdu(kinds.SubmitSmResp("late"), 2)), 11.5) == (
        [Answered("a", 0, "late", late=True)],
        b"",
    )
    assert us.receive(encode(Pdu(kinds.SubmitSmResp("late"), 2)), 11.6) == ([], b"")  # twice
    assert us.receive(b"", 11.7) == ([Closed("the peer closed the link", ("b",))], b"")


def test_a_refused_and_a_nacked_submit() -> None:
    us = esme()
    us.ask(TEXT, "a", 0.0)
    us.ask(TEXT, "b", 0.0)
    events, _ = us.receive(
        encode(Pdu(kinds.SubmitSmResp(), 2, 0x58)) + encode(Pdu(kinds.GenericNack(), 3, 0)), 0.0
    )
    assert [(e.token, e.status) for e in events if isinstance(e, Answered)] == [("a", 88), ("b", 3)]


def test_silence_is_asked_about_and_ends_the_link() -> None:
    us = esme()
    assert us.next_deadline == 30.0
    events, said = us.tick(30.0)
    assert events == [] and read(said) == [Pdu(kinds.EnquireLink(), 2)]
    assert us.next_deadline == 40.0
    us.receive(encode(Pdu(kinds.EnquireLinkResp(), 2)), 31.0)
    assert us.next_deadline == 61.0
    us.tick(61.0)
    assert us.tick(71.0) == ([Closed("no answer to enquire_link")], b"")
    assert us.next_deadline is None


def test_anything_heard_puts_the_check_off() -> None:
    us = esme()
    us.receive(encode(Pdu(kinds.EnquireLink(), 77)), 20.0)
    assert us.tick(30.0) == ([], b"")
    assert us.next_deadline == 50.0


def test_enquire_link_is_answered_even_before_the_bind() -> None:
    for session in (esme(), smsc(), smsc(bound=False)):
        _, said = session.receive(encode(Pdu(kinds.EnquireLink(), 77)), 1.0)
        assert read(said) == [Pdu(kinds.EnquireLinkResp(), 77)]


@pytest.mark.parametrize(
    ("session", "after_s", "reason"),
    [(smsc(bound=False), 5.0, "open"), (esme(bound=False), 5.0, "open")],
)
def test_who_connects_and_says_nothing(session: Session, after_s: float, reason: str) -> None:
    assert session.next_deadline == after_s
    assert session.tick(after_s)[0] == [Closed(f"no progress while {reason}")]


def test_a_bind_and_an_unbind_without_an_answer() -> None:
    us = esme(bound=False)
    us.bind(kinds.BindTransceiver("shop"), 1.0)
    assert us.tick(11.0)[0] == [Closed("no progress while binding")]
    us = esme()
    us.ask(TEXT, "a", 1.0)
    us.unbind(1.0)
    assert us.tick(11.0)[0] == [Overdue("a"), Closed("no progress while unbinding")]


def test_requests_under_way_are_answered_while_unbinding() -> None:
    us = esme()
    us.ask(TEXT, "a", 1.0)
    us.unbind(1.0)
    assert us.room == 0
    answers = encode(Pdu(kinds.SubmitSmResp("x"), 2)) + encode(Pdu(kinds.UnbindResp(), 3))
    events, _ = us.receive(answers, 1.1)
    assert events == [Answered("a", 0, "x"), Closed("unbound")]


def test_both_unbind_at_once() -> None:
    us, them = esme(), smsc()
    ours, theirs = us.unbind(1.0), them.unbind(1.0)
    assert us.receive(theirs, 1.0)[0] == [Closed("the peer unbound")]
    assert them.receive(ours, 1.0)[0] == [Closed("the peer unbound")]


@pytest.mark.parametrize(
    ("session", "pdu", "answer"),
    [
        (esme(), kinds.SubmitSm(), Pdu(kinds.GenericNack(), 5, 3)),
        (smsc(), kinds.DeliverSm(), Pdu(kinds.GenericNack(), 5, 3)),
        (esme(), kinds.QuerySm("1"), Pdu(kinds.GenericNack(), 5, 3)),
        (esme(), kinds.Other(0x0110), Pdu(kinds.GenericNack(), 5, 3)),
        (smsc(bound=False), kinds.SubmitSm(), Pdu(kinds.SubmitSmResp(), 5, 4)),
        (smsc(), kinds.BindReceiver(), Pdu(kinds.BindReceiverResp(), 5, 4)),
        (esme(), kinds.BindTransceiver(), Pdu(kinds.BindTransceiverResp(), 5, 4)),
        (smsc(bound=False), kinds.Unbind(), Pdu(kinds.UnbindResp(), 5, 4)),
    ],
    ids=lambda value: type(value.body).__name__ if isinstance(value, Pdu) else None,
)
def test_what_may_not_be_asked_is_refused(session: Session, pdu: kinds.Body, answer: Pdu) -> None:
    state = session.state
    events, said = session.receive(encode(Pdu(pdu, 5)), 1.0)
    assert (events, read(said), session.state) == ([], [answer], state)


@pytest.mark.parametrize("command", [0x80000004, 0x80000000, 0x80000077, 0x80000015])
def test_answers_to_nothing_are_ignored(command: int) -> None:
    us = esme()
    answer = encode(Pdu(kinds.Other(command, b"x\0"), 999))
    assert us.receive(answer, 1.0) == ([], b"")
    assert us.state == "bound"


def test_a_garbled_packet_is_nacked_and_the_next_one_read() -> None:
    us = esme()
    broken = encode(Pdu(kinds.Other(0x5, b"no nul"), 41))
    events, said = us.receive(broken + encode(Pdu(kinds.DeliverSm(), 42)), 1.0)
    assert read(said) == [Pdu(kinds.GenericNack(), 41, 2)]
    assert events == [Asked(42, kinds.DeliverSm())]


def test_a_peer_that_does_not_speak_smpp() -> None:
    us = esme()
    us.ask(TEXT, "a", 1.0)
    events, said = us.receive(b"HTTP/1.1 400 Bad Request\r\n\r\n", 1.0)
    (closed,) = events
    assert isinstance(closed, Closed) and closed.reason.startswith("not SMPP")
    assert closed.unanswered == ("a",)
    assert read(said)[0].body == kinds.GenericNack()
    assert us.receive(b"more", 1.0) == ([], b"")
    assert us.receive(b"", 1.0) == ([], b"")


@pytest.mark.parametrize("word", ["ask", "unbind", "bind"])
def test_what_we_may_not_say_now(word: str) -> None:
    us = esme(bound=word == "bind")
    says = {
        "ask": lambda: us.ask(TEXT, 1, 0.0),
        "unbind": lambda: us.unbind(0.0),
        "bind": lambda: us.bind(kinds.BindTransceiver(), 0.0),
    }
    with pytest.raises(NotNow):
        says[word]()


def test_sequence_numbers_wrap_past_those_still_waiting() -> None:
    us = esme()
    us.ask(TEXT, "old", 0.0)  # has number 2
    us._sequence = 0x7FFFFFFF - 1
    numbers = [read(us.ask(TEXT, n, 0.0))[0].sequence for n in range(2)]
    assert numbers == [0x7FFFFFFF, 1]
    us.receive(encode(Pdu(kinds.SubmitSmResp("x"), 1)), 0.0)
    assert read(us.ask(TEXT, 9, 0.0))[0].sequence == 3


def test_late_answers_are_remembered_within_bounds() -> None:
    us = Session("esme", Timers(window=5000, response_timeout_s=1), 0.0)
    us.bind(kinds.BindTransceiver(), 0.0)
    us.receive(encode(Pdu(kinds.BindTransceiverResp(), 1)), 0.0)
    for n in range(3000):
        us.ask(TEXT, n, 0.0)
    assert len(us.tick(1.0)[0]) == 3000
    assert us.receive(encode(Pdu(kinds.SubmitSmResp("x"), 2)), 1.0) == ([], b"")
    ((answered,), _) = us.receive(encode(Pdu(kinds.SubmitSmResp("x"), 3001)), 1.0)
    assert isinstance(answered, Answered) and answered.late


def test_nobody_hears_an_answer_after_the_end() -> None:
    us = esme()
    ((asked,), _) = us.receive(encode(Pdu(kinds.DeliverSm(), 7)), 0.0)
    assert isinstance(asked, Asked)
    us.receive(b"", 1.0)
    with pytest.raises(NotNow):
        us.answer(asked)
    assert us.tick(100.0) == ([], b"")


def test_a_garbled_answer_is_never_nacked() -> None:
    us = esme()
    broken = encode(Pdu(kinds.Other(0x80000003, b"id\0date\0"), 2))  # query_sm_resp, cut short
    assert us.receive(broken, 1.0) == ([], b"")


def test_a_phone_that_is_back_is_not_answered() -> None:
    """§4.12: alert_notification has no response, and a generic_nack would be one."""
    assert esme().receive(encode(Pdu(kinds.AlertNotification(), 7)), 1.0) == ([], b"")
