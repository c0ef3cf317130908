"""Pretend customers read what came to their phones, and some of them answer a question."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from ringdove.demo.asking import OF_DELIVERY, SAYS_WHY, WENT_BADLY, WENT_WELL
from ringdove.demo.chance import Chance
from ringdove.demo.rows import SHOP_NUMBER
from ringdove.kit import db
from ringdove.records.sending import phones, tries
from ringdove.rules.scenes import Store
from ringdove.rules.surveys import surveys
from ringdove.rules.surveys.surveys import READY
from ringdove.runtime import Runtime

LOOK_EVERY_S = 5.0
LATELY = timedelta(minutes=2)
PHONES_MAX = 60
ANSWERS, CONTENT = 0.6, 0.75
LOW = READY["delivery"].low_until


@dataclass
class Repliers:
    """The people behind the phones of one shop."""

    runtime: Runtime
    store: Store
    sms: int
    stop: asyncio.Event
    _read: set[int] = field(default_factory=set)  # ids of texts that were read

    def __post_init__(self) -> None:
        self._chance = Chance("repliers", self.runtime.clock())
        asked = READY["delivery"], READY["second"]
        self._questions = {
            surveys.question_of(one, language): language
            for one in asked
            for language in self.store.languages
        }

    async def go_on(self) -> None:
        """Until told to stop."""
        while not self.stop.is_set():
            await self._look()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stop.wait(), LOOK_EVERY_S)

    async def _look(self) -> None:
        now = self.runtime.clock()
        async with db.transaction(self.runtime.pool) as tx:
            for phone in await phones.every(tx, self.store, PHONES_MAX):
                is_new = phone.last_id not in self._read and now - phone.last_at < LATELY
                if phone.last_direction != "to_phone" or not is_new:
                    continue
                self._read.add(phone.last_id)
                if await self._is_tried(tx, phone.phone):
                    continue
                if body := self._answer(phone.last_body):
                    await phones.write(
                        tx, self.store, self.sms, phone=phone.phone, shop_number=SHOP_NUMBER,
                        body=body, now=now, ids=self.runtime.ids,
                    )  # fmt: skip

    async def _is_tried(self, tx: db.Tx, number: str) -> bool:
        """Whether somebody orders as this customer, on Virtual phones: then they answer, too."""
        owner = (await tries.people(tx, self.store, [number])).get(number)
        return bool(owner and await tries.orders(tx, self.store, owner[0]))

    def _answer(self, read: str) -> str:
        """What somebody writes who has read this; "": nothing."""
        language = next((of for asked, of in self._questions.items() if asked in read), "")
        if not language or not self._chance.happens(ANSWERS):
            return ""
        scores = WENT_WELL if self._chance.happens(CONTENT) else WENT_BADLY
        score = self._chance.weighed(scores)
        if not self._chance.happens(SAYS_WHY):
            return str(score)
        said = OF_DELIVERY[language]
        why = said[""] if score > LOW else said["delivery"] + said["service"]
        return f"{score}. {self._chance.one_of(why)}"
