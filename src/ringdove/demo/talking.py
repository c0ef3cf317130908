"""What people wrote and nobody but a person could answer: conversations of the past, most of them
answered by the shop's two people, some of the last days still waiting.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ringdove.demo.chance import Chance
from ringdove.demo.rows import COLUMNS, Known, Rows
from ringdove.rules.conversations import inbox, waits

RECENT = timedelta(hours=30)  # of these not everybody has been answered
ANSWERED_LATELY = 0.55
BY = (("Vera", 0.7), ("Demo", 0.3))
SAID: Mapping[str, Sequence[str]] = {
    "en": ("Thank you for writing! I have looked it up and will call you today.",
           "Yes, of course, I have changed it.", "I am sorry! A new one is on its way to you."),
    "ru": ("Спасибо, что написали! Я всё проверила и сегодня позвоню.", "Да, конечно, поменяла.",
           "Простите! Новую уже отправляем."),
    "be": ("Дзякуй, што напісалі! Сёння патэлефаную.", "Так, вядома, памяняла."),
    "it": ("Grazie del messaggio! Ho controllato, la chiamo oggi.", "Certo, fatto.",
           "Ci scusi! Ne spediamo subito un altro."),
    "es": ("Gracias por escribir. Lo he mirado y le llamo hoy.", "Claro, ya lo he cambiado.",
           "Disculpe. Ya le enviamos otra."),
}  # fmt: skip
_FIELDS = COLUMNS["inbound"]


@dataclass
class Talking:
    """Tells conversations into rows. `staff`: ids of the shop's people, as in BY."""

    rows: Rows
    staff: Sequence[int]

    def __post_init__(self) -> None:
        self._chance = Chance("talking")

    def tell(self, known: Sequence[Known]) -> None:
        """All conversations, from the texts that people wrote."""
        texts: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
        for row in self.rows.tables["inbound"]:
            text = dict(zip(_FIELDS, row, strict=True))
            texts[text["contact_id"]].append(text)
        for who in known:
            if who.id in texts:
                self._talk(who, sorted(texts[who.id], key=lambda text: text["at"]))

    def _talk(self, who: Known, texts: Sequence[Mapping[str, Any]]) -> None:
        last_at, last_by, last_said = texts[-1]["at"], "them", texts[-1]["body"]
        waiting: list[datetime] = []
        owner = None
        for text in texts:
            if text["handled"] or text["intent"] in inbox.QUIET:
                continue
            name, person = self._somebody()
            answered_at = text["at"] + self._chance.span(240, 5_400)
            is_recent = text["at"] > self.rows.now - RECENT
            if answered_at >= self.rows.now or (
                is_recent and not self._chance.happens(ANSWERED_LATELY)
            ):
                waiting.append(text["at"])
                continue
            waited = answered_at - text["at"]
            self.rows.count(answered_at, waits.name_of("reply", waited))
            self.rows.count(answered_at, waits.name_of("first", waited))
            waiting, owner = [], person
            body = self._chance.one_of(SAID[who.language])
            self.rows.tell(who, body, answered_at, topic="by_hand", cause="person",
                           why=f"page/{name}")  # fmt: skip
            if answered_at > last_at:
                last_at, last_by, last_said = answered_at, "us", body
        is_open = bool(waiting)
        if is_open and self._chance.happens(0.6):
            owner = None
        state = "open" if is_open else "closed"
        snoozed = self.rows.now + self._chance.span(7_200, 2 * 86_400)
        if is_open and self._chance.happens(0.2):
            state = "snoozed"
        self.rows.put(
            "conversation", who.bucket, who.id, state, owner,
            snoozed if state == "snoozed" else None,
            waiting[0] if is_open else None, len(waiting), last_at, last_by, last_said[:160],
            texts[-1]["intent"],
        )  # fmt: skip

    def _somebody(self) -> tuple[str, int | None]:
        place = 0 if self._chance.happens(BY[0][1]) else 1
        return BY[place][0], self.staff[place] if self.staff else None
