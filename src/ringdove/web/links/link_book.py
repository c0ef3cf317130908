"""What is known of links that are opened: which message a token names, and where it leads.

Tokens seen lately are answered from memory. Others that arrive in the same moment are looked up by
one statement. What a campaign or an automation's step says (web/links/link_aims.py) is
read again every few seconds. All of it has a bound.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

import psycopg

from ringdove.kit import db
from ringdove.kit.buckets import made_at
from ringdove.records import clicks
from ringdove.records.store import stores
from ringdove.rules.links import link_targets, links
from ringdove.rules.links.link_targets import Target
from ringdove.rules.links.links import Claim
from ringdove.runtime import Runtime
from ringdove.web.links import link_aims
from ringdove.web.links.link_aims import Aims, Opened, Source

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

TOKENS_MAX = 50_000
TOKEN_KEPT_S = 60.0
SOURCES_MAX = 2_000
FRESH_S = 5.0  # what a campaign or step says, where a person's cart is
STALE_S = 600.0  # answered from memory while it is read anew, or the database is away
AHEAD = timedelta(hours=1)  # ids may run ahead of the clock a little
BATCH_MAX = 500
LOOK_UPS_MAX = 2  # statements at once; what arrives meanwhile goes with the next
CONNECTION_KEPT_S = 1.0  # for look-ups, after the last one


class Hosts(NamedTuple):
    """The stores there are, and their short domains."""

    homes: Mapping[int, str]  # each store's website
    by_name: Mapping[str, int]  # of a short domain, its store


class Known(NamedTuple):
    """All that is asked of a link when it is opened."""

    opened: Opened
    aims: Aims
    hosts: Hosts
    target: Target


class Kept(Generic[K, V]):
    """Values by key, the oldest forgotten when there are too many; one that is being made is made
    once, however many wait for it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[K, V] = OrderedDict()
        self._making: dict[K, asyncio.Task[V]] = {}

    def get(self, key: K) -> V | None:
        return self._values.get(key)

    def put(self, key: K, value: V) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._most:
            self._values.popitem(last=False)

    def start(self, key: K, make: Callable[[], Coroutine[Any, Any, V]]) -> "asyncio.Task[V]":
        """Begins to make it anew, unless somebody does."""
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.create_task(self._make(key, make))
            making.add_done_callback(lambda task: task.cancelled() or task.exception())
        return making

    async def _make(self, key: K, make: Callable[[], Coroutine[Any, Any, V]]) -> V:
        try:
            value = await make()
            self.put(key, value)
            return value
        finally:
            del self._making[key]


Waiting = dict[str, list["asyncio.Future[Opened | None]"]]
"""By token, who waits to know what it names."""


class LinkBook:
    """One a process. Raises psycopg.OperationalError while the database is away."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._key = runtime.link_key
        self._tokens: Kept[str, Opened] = Kept(TOKENS_MAX)
        self._aims: Kept[tuple[int, Source], Aims | None] = Kept(SOURCES_MAX)
        self._hosts: Kept[str, Hosts] = Kept(1)
        self._hosts_read_s = -STALE_S
        self._queue: Waiting = {}
        self._rung = asyncio.Event()
        self._is_busy = False
        self._looking = 0
        self._workers: set[asyncio.Task[None]] = set()

    # ---------------------------------------------------------------- one link

    def at_hand(self, token: str) -> Known | None:
        """What was read lately, without waiting; None: ask `known`."""
        opened, hosts, now_s = self._tokens.get(token), self._hosts.get(""), time.monotonic()
        if opened is None or hosts is None or now_s >= opened.kept_until:
            return None
        aims = self._aims.get((opened.claim.store_id, opened.source))
        if aims is None or now_s - min(aims.read_s, self._hosts_read_s) >= FRESH_S:
            return None
        target = _target_at_hand(opened, aims, now_s)
        return Known(opened, aims, hosts, target) if target is not None else None

    async def known(self, token: str) -> Known | None:
        """The same, read where it must be; None: it leads nowhere, or did not for long."""
        opened = self.seen(token) or await self._opened(token)
        aims = await self._aims_of(opened) if opened else None
        if opened is None or aims is None:
            return None
        hosts = await self.hosts()
        target = _target_at_hand(opened, aims, time.monotonic())
        return Known(opened, aims, hosts, target or await self._target(opened, aims))

    # ---------------------------------------------------------------- short domains

    async def hosts(self) -> Hosts:
        """All stores and short domains, as they were a few seconds ago."""
        now_s = time.monotonic()
        known = self._hosts.get("")
        if known is not None and now_s - self._hosts_read_s < FRESH_S:
            return known
        self._hosts_read_s = now_s if known is not None else self._hosts_read_s
        reading = self._hosts.start("", self._read_hosts)
        return known if known is not None else await asyncio.shield(reading)

    async def _read_hosts(self) -> Hosts:
        async with db.transaction(self._runtime.pool) as tx:
            rows = await stores.link_hosts(tx)
        self._hosts_read_s = time.monotonic()
        names = {row["link_host"]: row["id"] for row in rows if row["link_host"]}
        return Hosts({row["id"]: row["website"] for row in rows}, names)

    # ---------------------------------------------------------------- tokens

    def seen(self, token: str) -> Opened | None:
        """What was opened lately, without waiting."""
        known = self._tokens.get(token)
        return known if known is not None and time.monotonic() < known.kept_until else None

    async def _opened(self, token: str) -> Opened | None:
        """What a token names; None: no message that was ever made."""
        try:
            return await self._looked_up(token)
        except psycopg.OperationalError:  # perhaps only the connection was lost
            return await self._looked_up(token)

    async def _looked_up(self, token: str) -> Opened | None:
        waiting: asyncio.Future[Opened | None] = asyncio.get_running_loop().create_future()
        self._queue.setdefault(token, []).append(waiting)
        self._rung.set()
        if self._looking < LOOK_UPS_MAX and (self._is_busy or not self._looking):
            self._start()
        return await waiting

    def _start(self) -> None:
        self._looking += 1
        worker = asyncio.create_task(self._look_up())
        self._workers.add(worker)
        worker.add_done_callback(self._workers.discard)

    async def _look_up(self) -> None:
        """Looks up what waits; keeps its connection as long as links keep coming."""
        batch: Waiting = {}
        try:
            async with self._runtime.pool.connection() as link:
                await link.set_autocommit(True)  # each statement stands for itself
                try:
                    while batch := await self._next_batch():
                        self._is_busy = True
                        await self._answer(link, batch)
                        self._is_busy = False
                finally:
                    if not link.closed:
                        await link.set_autocommit(False)
        except Exception as error:  # whoever waits is told, and asks anew
            if not batch:
                batch, self._queue = self._queue, {}
            for one in (each for waiting in batch.values() for each in waiting):
                if not one.done():
                    one.set_exception(error)
        finally:
            self._is_busy = False
            self._looking -= 1
            if self._queue and not self._looking:  # came while this one was on its way out
                self._start()

    async def _next_batch(self) -> "Waiting":
        """What arrived by now; nothing when for a while nothing came."""
        if not self._queue:
            self._rung.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._rung.wait(), CONNECTION_KEPT_S)
        await asyncio.sleep(0)  # whoever arrives in the same round comes along
        batch = dict(islice(self._queue.items(), BATCH_MAX))
        for token in batch:
            del self._queue[token]
        return batch

    async def _answer(self, link: db.Tx, batch: "Waiting") -> None:
        claims = await self._possible(list(batch))
        rows = await clicks.opened(link, list(claims.values())) if claims else {}
        until = time.monotonic() + TOKEN_KEPT_S
        found = {
            token: named
            for n, (token, claim) in enumerate(claims.items())
            if (row := rows.get(n)) and (named := link_aims.opened(claim, row, until))
        }
        for token, waiting in batch.items():
            if token in found:
                self._tokens.put(token, found[token])
            for one in waiting:
                if not one.done():
                    one.set_result(found.get(token))

    async def _possible(self, tokens: list[str]) -> dict[str, Claim]:
        """What these tokens say, where it can be: most guesses speak of stores that there are not,
        or of the years to come."""
        ahead = self._runtime.clock() + AHEAD
        read = zip(tokens, links.read_all(tokens, self._key), strict=True)
        claims = {one: claim for one, claim in read if claim and made_at(claim.message_id) < ahead}
        known = (await self.hosts()).homes
        if any(claim.store_id not in known for claim in claims.values()):  # perhaps it is new
            known = (await asyncio.shield(self._hosts.start("", self._read_hosts))).homes
        return {one: claim for one, claim in claims.items() if claim.store_id in known}

    # ---------------------------------------------------------------- where they lead

    async def _aims_of(self, opened: Opened) -> Aims | None:
        """What said a link; None: there is none any more."""
        key = (opened.claim.store_id, opened.source)
        known, now_s = self._aims.get(key), time.monotonic()
        if known is not None and now_s - known.read_s < FRESH_S:
            return known
        reading = self._aims.start(key, partial(link_aims.read, self._runtime, *key))
        if known is not None and now_s - known.read_s < STALE_S:
            return known
        return await asyncio.shield(reading)

    async def _target(self, one: Opened, aims: Aims) -> Target:
        """Where it leads this person."""
        number = one.claim.number
        if not aims.is_personal(number):
            found = link_targets.leads_to(aims.link(number), aims.ground, aims.tags(one))
            aims.targets[number, one.channel, one.variant] = found
            return found
        one.target = await link_aims.target(self._runtime, one, aims)
        one.target_until = time.monotonic() + FRESH_S
        return one.target


def _target_at_hand(opened: Opened, aims: Aims, now_s: float) -> Target | None:
    known = aims.targets.get((opened.claim.number, opened.channel, opened.variant))
    return opened.target if known is None and opened.target_until > now_s else known
