"""Texts of the past as a machine heard them: a question about an order was answered at once, a
complaint opened, the rest left to people (demo/talking.py).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ringdove.demo.chance import Chance
from ringdove.demo.rows import SHOP_NUMBER, Known, Rows
from ringdove.rules import languages, replies
from ringdove.rules.replies import Reply

ANSWER_WITHIN = timedelta(days=2)
SETTLED = (("accepted", 0.55), ("answered", 0.25), ("refused", 0.2))
NOTES = {
    "accepted": "We send a new one, you need not send it back.",
    "answered": "The carrier looks for it, we write again on Friday.",
    "refused": "The glass was broken after the delivery, as your photo shows.",
}


@dataclass(frozen=True, slots=True)
class About:
    """The order that somebody writes about, as far as answers need it."""

    id: int
    number: str
    state: str
    carrier: str
    tracking: str


@dataclass
class Hearing:
    """Tells texts from people and machines' answers into rows."""

    rows: Rows

    def __post_init__(self) -> None:
        self._chance = Chance("hearing")

    def hear(self, who: Known, body: str, at: datetime, about: About | None = None) -> None:
        """One text."""
        rows, reply = self.rows, replies.read(body, language=who.language)
        handled = self._answer(who, reply, body, at, about)
        who.seen(at)
        rows.put("inbound", who.bucket, rows.id_at(who.bucket, at), who.id, rows.sms_gateway,
                 who.phone, SHOP_NUMBER, body, at, reply.intent, reply.value, handled)  # fmt: skip
        for name in ("inbound", f"inbound/{reply.intent}", "facts"):
            rows.count(at, name)
        if at >= rows.shown_since:
            rows.show(who.phone or "", "from_phone", body, at)

    def _answer(
        self, who: Known, reply: Reply, body: str, at: datetime, about: About | None
    ) -> str:
        """What answered it; "": a person is to."""
        if reply.intent in ("stop", "start", "help"):
            return reply.intent  # their answers are the past's own
        if about and reply.intent == "order_status":
            self._say_status(who, about, at + timedelta(seconds=1))
            return "status"
        if about and reply.intent == "complaint":
            self._complain(who, about, body, at)
            return "complaint"
        return ""

    def _say_status(self, who: Known, about: About, at: datetime) -> None:
        states = languages.phrases(who.language)["order_states"]
        state = states.get(about.state, states["shipped"])
        said = {"order.number": about.number, "status.state": state}
        if about.state == "shipped":
            said["status.link"] = about.tracking
        self.rows.say(who, "answers.order_status", said, at, topic="order_status",
                      why="reply/order_status", order_id=about.id)  # fmt: skip

    def _complain(self, who: Known, about: About, body: str, at: datetime) -> None:
        rows, number = self.rows, str(100_000 + int(about.number) * 7 % 900_000)
        row_id, due_at = rows.id_at(who.bucket, at), at + ANSWER_WITHIN
        until = rows.letters.day(due_at, who.language)
        said = {"complaint.number": number, "status.until": until}
        rows.say(who, "answers.complaint_heard", said, at + timedelta(seconds=1),
                 topic="complaint", why="reply/complaint_heard", order_id=about.id)  # fmt: skip
        self._note(who, row_id, at, "text", "opened", body)
        moved_at = at + self._chance.span(3_600, 40 * 3_600)
        state, note, changed_at = "opened", "", at
        if moved_at < rows.now:
            state, changed_at = self._outcome(), moved_at
            note = NOTES[state]
            self._note(who, row_id, moved_at, "page/Vera", state, note)
            if state != "answered":
                changed_at += timedelta(hours=3)
        is_closed = state in ("accepted", "refused") and changed_at < rows.now - timedelta(days=3)
        rows.put("complaint", who.bucket, row_id, who.id, about.id, number,
                 "closed" if is_closed else state, at, changed_at, due_at, "damaged", body, note,
                 "text", changed_at if is_closed else None)  # fmt: skip

    def _outcome(self) -> str:
        place = self._chance.random()
        for state, share in SETTLED:
            place -= share
            if place < 0:
                return state
        return SETTLED[0][0]

    def _note(
        self, who: Known, of: int, at: datetime, by: str, state: str, said: str
    ) -> None:  # fmt: skip
        row_id = self.rows.id_at(who.bucket, at)
        self.rows.put("complaint_move", who.bucket, row_id, who.id, of, at, by, state, said)
