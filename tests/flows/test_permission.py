"""Whatever happens to people, no offer is taken for sending without a valid consent (P1, R1).

Random histories of yes, no, topics, pauses, orders, merges and erasures run on a real database;
offers are put into the outbox past the decision, again and again. What is taken is compared with a
model that knows nothing of contacts: it only remembers the words in the order they were said.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records.keeping import erasure
from ringdove.records.sending import outbox
from ringdove.records.store import policies
from ringdove.rules import facts
from ringdove.rules.policy import Policy
from tests.flows.conftest import NOON, Shop, order, text
from tests.flows.test_stop import _queue_offer

STEPS = 120
PHONES = [f"+3752911122{n:02}" for n in range(6)]
LOOSE = Policy(cap_day=0, cap_week=0, cap_month=0)


@dataclass
class Words:
    """What was said from each phone, newest last; a merge makes two phones one person."""

    said: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)
    person: dict[str, str] = field(default_factory=dict)  # phone → who speaks for it
    paused: dict[str, datetime] = field(default_factory=dict)
    topic: dict[str, str] = field(default_factory=dict)

    def who(self, phone: str) -> str:
        return self.person.get(phone, phone)

    def say(self, phone: str, word: str, at: datetime) -> None:
        who = self.who(phone)
        self.said.setdefault(who, []).append((at, word))
        if word != "pause":
            self.paused.pop(who, None)
        if word in ("out", "erased"):
            self.topic.pop(who, None)  # it ends what stood beside it

    def why_not(self, phone: str, at: datetime) -> str:
        """Why an offer must not go to this phone; "": it may."""
        who = self.who(phone)
        words = [word for _, word in sorted(self.said.get(who, []), key=lambda one: one[0])]
        spoken = [word for word in words if word in ("in", "out", "erased")]
        is_joined = self.topic.get(who) == "in"
        if not is_joined and (not spoken or spoken[-1] != "in"):
            return f"last word {spoken[-1:]}"
        if self.topic.get(who) == "out":
            return "the topic was left"
        if self.paused.get(who, NOON) > at:
            return "paused"
        return ""


@dataclass
class Life:
    """One random history."""

    shop: Shop
    chance: random.Random
    words: Words = field(default_factory=Words)
    orders: int = 0
    taken: int = 0
    done: list[str] = field(default_factory=list)

    async def step(self) -> None:
        deed = self.chance.choice(DEEDS)
        phone = self.chance.choice(PHONES)
        self.shop.later(minutes=self.chance.randint(5, 90))
        if 17 <= self.shop.at.hour or self.shop.at.hour < 7:
            self.shop.later(hours=14)  # nothing is told by what waits for the morning
        self.done.append(f"{self.shop.at:%d %H:%M} {deed} {phone[-2:]}")
        await getattr(self, f"_{deed}")(phone)
        await self.shop.answer()
        await self._offers()

    async def _known(self, phone: str) -> dict[str, Any] | None:
        rows = await self.shop.rows(
            "SELECT c.* FROM contact_ref r JOIN contact c ON c.id = r.contact_id"
            " WHERE r.kind = 'phone' AND r.value = %(phone)s", phone=phone,
        )  # fmt: skip
        return rows[0] if rows else None

    async def _order(self, phone: str) -> None:
        self.orders += 1
        agrees = self.chance.random() < 0.6
        known = await self._known(phone)
        told = order(
            str(self.orders), at=self.shop.at, customer={"phone": phone, "country": "BY"},
            **({"consent": {"marketing": True, "words": "Yes"}} if agrees else {}),
        )  # fmt: skip
        await self.shop.hear(told)
        gone = known is not None and known["erased_at"] is not None
        if agrees and not gone:
            self.words.say(phone, "in", self.shop.at)

    async def _stop(self, phone: str) -> None:
        if await self._known(phone):
            await self.shop.hear(text("STOP", phone, self.shop.at))
            self.words.say(phone, "out", self.shop.at)

    async def _start(self, phone: str) -> None:
        if await self._known(phone):
            await self.shop.hear(text("START", phone, self.shop.at))
            self.words.say(phone, "in", self.shop.at)

    async def _tell(self, phone: str, scope: str, change: str, **more: Any) -> bool:
        known = await self._known(phone)
        if known is None or known["erased_at"]:
            return False
        await self.shop.hear(
            facts.ConsentChanged(
                id=f"c/{self.shop.at}/{phone}", at=self.shop.at, contact=known["id"], scope=scope,
                change=change, words="said so", **more,
            )
        )  # fmt: skip
        return True

    async def _leave_topic(self, phone: str) -> None:
        if await self._tell(phone, "topic/offers", "out"):
            self.words.topic[self.words.who(phone)] = "out"

    async def _join_topic(self, phone: str) -> None:
        if await self._tell(phone, "topic/offers", "in"):
            self.words.topic[self.words.who(phone)] = "in"

    async def _pause(self, phone: str) -> None:
        until = self.shop.at + timedelta(days=2)
        if await self._tell(phone, "marketing", "paused", until=until):
            self.words.paused[self.words.who(phone)] = until

    async def _merge(self, phone: str) -> None:
        other = self.chance.choice(PHONES)
        one, two = await self._known(phone), await self._known(other)
        if not one or not two or one["id"] == two["id"]:
            return
        if any(row["erased_at"] or row["merged_into"] or row["also"] for row in (one, two)):
            return
        await self.shop.hear(
            facts.PeopleMerged(
                id=f"m/{self.shop.at}", at=self.shop.at, contact=one["id"], other=two["id"], by="x"
            )
        )
        mine, theirs = self.words.who(phone), self.words.who(other)
        self.words.said.setdefault(mine, []).extend(self.words.said.pop(theirs, []))
        for speaker in [*PHONES, theirs]:
            if self.words.who(speaker) == theirs:
                self.words.person[speaker] = mine
        # Which pause and which topic of the two counts is the merge's own business: both may.
        self.words.topic.pop(theirs, None)
        self.words.topic.pop(mine, None)
        self.words.paused.pop(theirs, None)
        self.words.paused.pop(mine, None)

    async def _erase(self, phone: str) -> None:
        known = await self._known(phone)
        if known is None or known["erased_at"] or self.chance.random() < 0.5:
            return
        shop = self.shop
        async with db.transaction(shop.runtime.pool) as tx:
            wish = erasure.Wish("page/x", "all")
            keyed = shop.runtime.keyed
            await erasure.begin(tx, shop.store, known["id"], wish, shop.at, keyed)
        self.words.say(phone, "erased", shop.at)

    async def _offers(self) -> None:
        """Offers for everybody who has a number, past the decision; then they are taken."""
        shop = self.shop
        for row in await shop.rows("SELECT * FROM contact WHERE phone IS NOT NULL"):
            await _queue_offer(shop, row)
        for bucket in {row["bucket"] for row in await shop.rows("SELECT bucket FROM outbox")}:
            async with db.transaction(shop.runtime.pool) as tx:
                taken = await outbox.take(tx, shop.store, bucket, shop.sms, shop.at, "test", 500)
            for one in taken:
                if one.klass == "marketing":
                    self.taken += 1
                    why = self.words.why_not(one.recipient, shop.at)
                    assert not why, (one.recipient, why, self.done[-12:])
        await shop.rows("WITH gone AS (DELETE FROM outbox) SELECT 1")


DEEDS = (
    "order", "order", "order", "stop", "start", "leave_topic", "join_topic", "pause", "merge",
    "erase",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_no_offer_is_taken_without_a_valid_consent_whatever_happens(play, seed):
    """P1, R1, P12: two lives of six phones; a thousand offers queued, few may go."""

    async def story(shop: Shop) -> None:
        async with db.transaction(shop.runtime.pool) as tx:
            await policies.change(tx, shop.store, lambda known: LOOSE, shop.at)
        shop.store = await _again(shop)
        life = Life(shop, random.Random(seed))
        for _ in range(STEPS):
            await life.step()
        assert life.taken > 20  # it is no proof to send nothing

    play(story, span=[1, 128][seed % 2])


async def _again(shop: Shop) -> Any:
    from ringdove.records.store import stores

    async with db.transaction(shop.runtime.pool) as tx:
        return await stores.find(tx, shop.store.id)
