"""The box in which an answer is written: its size and price, whether it would wake somebody, and
ready answers.

Nothing is sent from here: answering.py does, and the decision is asked again there (P1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from ringdove.kit.crypto import new_token
from ringdove.kit.db import Tx
from ringdove.records.conversations import canned
from ringdove.records.sending import routes
from ringdove.rules import texts
from ringdove.rules.consent import consent
from ringdove.rules.conversations import by_hand
from ringdove.rules.conversations.canned import Canned
from ringdove.rules.scenes import NO_HISTORY, Contact
from ringdove.rules.sending.routes import Way
from ringdove.web.reasons import reason_words
from ringdove.web.sending.counting import Size, size_of
from ringdove.web.views import StorePage


@dataclass(frozen=True, slots=True)
class Wakes:
    """It is night where they are: the time there, and when a text would wake nobody."""

    clock: str
    opens: str


@dataclass(frozen=True, slots=True)
class Box:
    """An answer on its way."""

    key: str
    typed: str
    size: Size
    price: str  # of all its parts; "": not known
    refused: str  # why it would not be sent, in words; "": it would
    wakes: Wakes | None
    canned: Sequence[Canned]
    asks: bool = False  # whether to send it now or in the morning
    wrong: str = ""
    said: str = ""  # what became of the one before

    @property
    def shortcuts(self) -> dict[str, int]:
        """Ready answers by what is typed after /."""
        return {one.shortcut: one.id for one in self.canned if one.shortcut}


async def box(
    tx: Tx, page: StorePage, who: Contact, typed: str = "", key: str = "", **more: Any
) -> Box:
    """Of an answer to this living person; `more`: asks, wrong, said."""
    now = page.runtime.clock()
    size, price = await _size(tx, page, who, typed, now)
    draft = consent.Draft("sms", "service", by_hand.TOPIC, now, now + by_hand.VALID_FOR)
    verdict = consent.decide(page.store, who, draft, NO_HISTORY, now)
    refused = reason_words(page.say, verdict.reason) if isinstance(verdict, consent.Drop) else ""
    return Box(
        key or new_token(), typed, size, price, refused, wakes(page, who, now),
        await canned.of_store(tx, page.store.id), **more,
    )  # fmt: skip


async def _size(
    tx: Tx, page: StorePage, who: Contact, typed: str, now: datetime
) -> tuple[Size, str]:
    latin = texts.in_latin(typed, page.store.languages[0])
    size = size_of(typed, [*texts.swaps(typed), *([latin] if latin else [])])
    ways = await routes.load(tx, page.store)
    phone = who.phone or ""
    way = ways.find("sms", phone, "service", now.date()) if phone else None
    cost = ways.cost(way.gateway.id, phone, size.parts) if isinstance(way, Way) else None
    return size, page.say.price(cost.amount, cost.currency) if cost else ""


def wakes(page: StorePage, who: Contact, now: datetime) -> Wakes | None:
    """Whether a text that goes now might wake them; by the clock of a place where it is night."""
    until = by_hand.day_begins(page.store, who, now)
    if until is None:
        return None
    zones = who.zones or (page.store.time_zone,)
    clocks = [now.astimezone(ZoneInfo(zone)) for zone in zones]
    # Of several places the one where it is latest in the night, or earliest in the morning.
    quiet = [one for one in clocks if _is_quiet(page, one)] or clocks
    return Wakes(f"{quiet[0]:%H:%M}", f"{until.astimezone(quiet[0].tzinfo):%H:%M}")


def _is_quiet(page: StorePage, local: datetime) -> bool:
    begins, ends, now = page.store.quiet_from, page.store.quiet_until, local.time()
    return begins <= now < ends if begins < ends else now >= begins or now < ends
