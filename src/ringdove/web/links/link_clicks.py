"""Clicks on their way to the database: gathered for a moment, then written together (N5, R100).

What was heard is written within 200 ms; a kill in between loses those and no others. The first
opening by a person becomes a fact a second later, when it is clear that no machine on the text's
way opened the same link from elsewhere in that second. A start tells the facts of the last minutes
that were not told.
"""

import asyncio
import time
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import psycopg
import structlog
from starlette.types import Scope

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.records import clicks, facts
from ringdove.records.clicks import Click
from ringdove.records.store import stores
from ringdove.rules.facts import LinkOpened
from ringdove.rules.links import link_visitors
from ringdove.rules.links.link_visitors import SEVERAL_WITHIN_S, Asked, Visitor
from ringdove.rules.links.links import Claim
from ringdove.runtime import Runtime

log = structlog.get_logger()

WRITTEN_EVERY_S = 0.15
TOLD_AFTER_S = SEVERAL_WITHIN_S + 0.2
CLICKS_MAX = 100_000  # waiting while the database is away; more are not noted
NOTED_MAX = 200  # openings of one link within NOTED_S: more are a program's that fills the disk
NOTED_S = 60.0
TOLD_MAX = 100_000  # links whose first opening this process has told
TOLD_AT_ONCE = 200  # facts: links that are opened meanwhile wait for no more of them than these
TOLD_AGAIN = timedelta(minutes=5)
AGAIN_AFTER_S = 1.0
HEADER_MAX = 500  # octets of each that are looked at


@dataclass(slots=True)
class _Lately:
    """The last opening of a link by a person."""

    click: Click
    address: str
    at_s: float


Key = tuple[int, int]  # message, which of its links


class ClickBuffer:
    """One a process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._news: list[Click] = []
        self._robots: list[Click] = []
        self._lately: OrderedDict[Key, _Lately] = OrderedDict()
        self._noted: Counter[Key] = Counter()
        self._noted_until = 0.0
        self._to_tell: dict[Key, tuple[float, Click]] = {}
        self._told: OrderedDict[Key, None] = OrderedDict()
        self._writer: asyncio.Task[None] | None = None
        self._ends = asyncio.Event()

    def note(
        self, store_id: int, message_id: int, contact_id: int, number: int, at: datetime,
        kind: str, device: str, address: str,
    ) -> None:  # fmt: skip
        """A link was opened; `address`: of who did, which is compared for a second and not kept."""
        if len(self._news) >= CLICKS_MAX or self._is_flood((message_id, number)):
            return
        click_id = self._runtime.ids.make(bucket_of_id(message_id))  # beside its message
        click = Click(click_id, store_id, message_id, contact_id, number, at, kind, device)
        self._news.append(click)
        if kind == "person":
            self._compare(click, address)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())

    def came(
        self, scope: Scope, visitor: Visitor, claim: Claim, contact_id: int,
        sent_at: datetime | None, now: datetime,
    ) -> None:  # fmt: skip
        """The same of whoever asks for it now."""
        kind = visitor.kind
        if kind == "person" and link_visitors.came_unread(sent_at, now):
            kind = "robot"
        self.note(
            claim.store_id, claim.message_id, contact_id, claim.number, now, kind, visitor.device,
            address_of(scope),
        )  # fmt: skip

    def _is_flood(self, key: Key) -> bool:
        """Whether somebody opens one link again and again; they are led on all the same."""
        now_s = time.monotonic()
        if now_s >= self._noted_until or len(self._noted) >= CLICKS_MAX:
            self._noted.clear()
            self._noted_until = now_s + NOTED_S
        self._noted[key] += 1
        return self._noted[key] > NOTED_MAX

    def _compare(self, click: Click, address: str) -> None:
        """Two addresses within a second: neither is the person."""
        now_s, key = time.monotonic(), (click.message_id, click.number)
        before = self._lately.pop(key, None)
        if before and now_s - before.at_s < SEVERAL_WITHIN_S and before.address != address:
            click.kind = before.click.kind = "robot"
            self._robots.append(before.click)  # if it is among the news still, this changes nothing
            self._to_tell.pop(key, None)
            self._lately[key] = _Lately(click, "", now_s)  # whoever comes next is compared too
            return
        self._lately[key] = _Lately(click, address, now_s)
        if key not in self._told and key not in self._to_tell:
            self._to_tell[key] = (now_s, click)

    async def _write_all(self) -> None:
        """Writes until nothing waits."""
        try:
            next_s = time.monotonic()
            while self._news or self._robots or self._to_tell:
                next_s = max(next_s + WRITTEN_EVERY_S, time.monotonic())
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._ends.wait(), next_s - time.monotonic())
                try:
                    await self._write()
                except psycopg.Error as error:
                    log.error("clicks.not_written", error=type(error).__name__)
                    if self._ends.is_set():
                        return
                    await asyncio.sleep(AGAIN_AFTER_S)
        finally:
            self._writer = None

    async def _write(self) -> None:
        news, robots = self._news, self._robots
        self._news, self._robots = [], []
        if news or robots:
            try:
                async with db.transaction(self._runtime.pool) as tx:
                    await clicks.write(tx, news, robots)
            except BaseException:
                self._news, self._robots = news + self._news, robots + self._robots
                raise
        now_s = time.monotonic()
        while self._lately:
            key, last = next(iter(self._lately.items()))
            if now_s - last.at_s < SEVERAL_WITHIN_S:
                break
            del self._lately[key]
        due = [
            click for at_s, click in self._to_tell.values()
            if self._ends.is_set() or now_s - at_s >= TOLD_AFTER_S
        ]  # fmt: skip
        await self._tell_all(due)

    async def _tell_all(self, due: list[Click]) -> None:
        for at in range(0, len(due), TOLD_AT_ONCE):
            await self._tell(due[at : at + TOLD_AT_ONCE])

    async def _tell(self, due: list[Click]) -> None:
        by_store: dict[int, list[LinkOpened]] = defaultdict(list)
        for click in due:
            by_store[click.store_id].append(
                fact_of(click.contact_id, click.message_id, click.number, click.at)
            )
        now = self._runtime.clock()
        async with db.transaction(self._runtime.pool) as tx:
            await tx.execute(clicks.NOT_AWAITED)
            for store_id, told in sorted(by_store.items()):
                store = await stores.find(tx, store_id)
                if store is not None:
                    await facts.write(tx, store, 0, told, now, self._runtime.ids)
        for click in due:
            key = (click.message_id, click.number)
            self._to_tell.pop(key, None)
            self._told[key] = None
        while len(self._told) > TOLD_MAX:
            self._told.popitem(last=False)

    async def tell_again(self) -> None:
        """What people opened in the last minutes, in case the process before us was killed between
        a click and its fact."""
        since = self._runtime.clock() - TOLD_AGAIN
        with suppress(psycopg.Error):
            async with db.transaction(self._runtime.pool) as tx:
                due = [
                    click for store in await stores.every(tx)
                    for click in await clicks.untold(tx, store, stores.buckets(store), since)
                ]  # fmt: skip
            await self._tell_all(due)

    async def close(self) -> None:
        """Writes what waits, at the end of the process."""
        self._ends.set()
        if self._writer is not None:
            await self._writer
        if self._news:
            log.error("clicks.lost", clicks=len(self._news))


def visitor_of(headers: Mapping[bytes, bytes]) -> Visitor:
    """Who asks for a page, as their headers tell."""
    get = headers.get
    return _seen(
        get(b"user-agent", b"")[:HEADER_MAX], get(b"accept", b"")[:HEADER_MAX],
        get(b"accept-language", b"")[:HEADER_MAX],
        (get(b"sec-purpose") or get(b"purpose") or get(b"x-purpose") or get(b"x-moz") or b"")[:99],
        get(b"sec-fetch-mode", b"")[:99], get(b"sec-ch-ua-mobile", b"")[:99],
    )  # fmt: skip


@lru_cache(maxsize=10_000)
def _seen(*said: bytes) -> Visitor:
    return link_visitors.seen(Asked(*(one.decode("latin-1") for one in said)))


def address_of(scope: Scope) -> str:
    """Who asks, as the proxies that we trust say it."""
    client = scope.get("client")
    return client[0] if client else ""


def fact_of(contact_id: int, message_id: int, number: int, at: datetime) -> LinkOpened:
    """The first opening of a link by a person; the same again is the same fact."""
    told = f"link/{message_id}/{number}"
    return LinkOpened(id=told, at=at, contact=contact_id, message=message_id, number=number)
