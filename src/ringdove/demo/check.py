"""`ringdove demo --check`: the main job from a signed webhook to a receipt, with real processes.

A home and a database of its own, `serve` and `work` as processes, orders through the door, texts
over SMPP to the sandbox, a STOP from a virtual phone. One line of JSON on standard output says what
was seen; it ends every process that it started, however it ends.
"""

import asyncio
import json
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import time as wall_time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp

from ringdove.demo import mailbox, scenario, world
from ringdove.demo.scenario import CHANGES, Play
from ringdove.demo.shop import Webhooks
from ringdove.kit import db, postgres, scratch
from ringdove.kit.children import Child
from ringdove.kit.scratch import NotAllowed
from ringdove.records import migrate
from ringdove.records.automations import automations
from ringdove.records.sending import gateways, phones
from ringdove.records.store import connections, stores, tally, users
from ringdove.rules.automations.plans import Automation
from ringdove.rules.automations.recipes import RECIPES
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime, open_runtime
from ringdove.settings import Settings

SPAN = 4  # buckets: more than one, so that all that is per bucket is tried
UNPAID_DELAY_S = 2
READY_S_MAX = 25.0
SAID_S_MAX = 25.0
LOOK_EVERY_S = 0.25
STOP_WORDS = "Стоп. Спасибо"


class NotSeen(Exception):
    """What did not happen in time."""


def check_demo(settings: Settings) -> int:
    """Runs the check; its exit code. The line of JSON is the only thing on standard output."""
    began = time.monotonic()
    home = Path(tempfile.mkdtemp(prefix="ringdove-check-"))
    home.chmod(0o711)  # started by root, the database runs as somebody else who has to pass
    ours = replace(settings, home=home, listen_port=_free_port(), sandbox_port=_free_port())
    try:
        with _database(ours) as url:
            # The embedded one is left unnamed: then serve and work hold it too, and whoever
            # ends last, even after a kill -9 of ours, stops it.
            own = replace(ours, database_url=url) if ours.database_url else ours
            seen = asyncio.run(_checked(own, url))
    except (NotSeen, NotAllowed) as error:
        seen = {"missing": [str(error)]}
    except Exception as error:
        traceback.print_exc()
        seen = {"missing": [f"the end: {error}"]}
    finally:
        shutil.rmtree(home, ignore_errors=True)
    seen["seconds"] = round(time.monotonic() - began, 1)
    print(json.dumps(seen, ensure_ascii=False), flush=True)
    return 1 if seen.get("missing") else 0


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """Empty and ours alone: embedded, or a new one on the server of RINGDOVE_DATABASE_URL."""
    if settings.database_url:
        with scratch.database(settings.database_url) as url:
            yield url
        return
    folder = settings.home / "postgres"
    try:
        yield postgres.ensure(folder)
    finally:
        postgres.leave(folder)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def _checked(settings: Settings, url: str) -> dict[str, Any]:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        migrate.migrate(url)
        async with open_runtime(settings) as runtime, mailbox.opened() as letters:
            stage = await _stage(runtime, letters.port)
            with _crew(settings):
                return await _play(stage, letters)
    except asyncio.CancelledError:
        raise NotSeen("the end: the check was interrupted") from None


@contextmanager
def _crew(settings: Settings) -> Iterator[None]:
    """`serve` and `work`, as an installation runs them; what they log goes to standard error."""
    environ = {
        "RINGDOVE_HOME": str(settings.home),
        "RINGDOVE_DATABASE_URL": settings.database_url,
        "RINGDOVE_LISTEN_HOST": settings.listen_host,
        "RINGDOVE_LISTEN_PORT": str(settings.listen_port),
        "RINGDOVE_SANDBOX_PORT": str(settings.sandbox_port),
        "RINGDOVE_SANDBOX": "true",
        "RINGDOVE_LOG_LEVEL": "warning",
    }
    with open(sys.stderr.fileno(), "wb", closefd=False) as words:
        with Child("serve", environ, words) as serve, Child("work", environ, words) as work:
            try:
                yield
            finally:
                serve.let_go()
                work.let_go()


# ------------------------------------------------------------------ the stage


@dataclass(frozen=True, slots=True)
class Stage:
    """A store that nobody else uses, with its ways in and out."""

    runtime: Runtime
    store: Store
    ways: world.Ways


async def _stage(runtime: Runtime, mail_port: int) -> Stage:
    settings = replace(
        world.LINDEN,
        name=f"Linden check {runtime.name[-8:]}",
        quiet_from=wall_time(0),  # equal hours: none are quiet, so any time of day will do
        quiet_until=wall_time(0),
    )
    now = runtime.clock()
    async with db.transaction(runtime.pool) as tx:
        owner = await users.create(
            tx, email=f"{runtime.name[-8:]}@ringdove.local", name="Check", password_hash="",
            language="en", now=now,
        )  # fmt: skip
        store, ways = await world.open_shop(tx, runtime, settings, SPAN, owner, mail_port)
        for recipe in (RECIPES[key] for key in CHANGES):
            steps = {"s0": {"delay_s": UNPAID_DELAY_S}} if recipe.key == "order_unpaid" else {}
            if steps or not recipe.starts_on:
                own = Automation(is_on=True, version=1, steps=steps)
                await automations.save(tx, store.id, recipe.key, own, now, owner)
    return Stage(runtime, store, ways)


# ------------------------------------------------------------------ the play


async def _play(stage: Stage, letters: mailbox.Mailbox) -> dict[str, Any]:
    runtime, now = stage.runtime, stage.runtime.clock()
    zone = ZoneInfo(stage.store.time_zone)
    first_id = int(now.timestamp()) % 1_000_000_000
    plays = list(scenario.plays(now, zone, stage.store.website, first_id))
    async with aiohttp.ClientSession() as session:
        await _until("the page", READY_S_MAX, lambda: _answers(session, runtime.settings))
        await _until("an SMPP bind", READY_S_MAX, lambda: _is_bound(stage))
        door = await _webhooks(stage, session)
        refused = await _tell(door, plays)
    seen = await _watch(stage, plays, letters)
    return seen | ({"missing": [*seen.get("missing", []), *refused]} if refused else {})


async def _until(what: str, within_s: float, is_so: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + within_s
    while not await is_so():
        if time.monotonic() > deadline:
            raise NotSeen(what)
        await asyncio.sleep(LOOK_EVERY_S)


async def _answers(session: aiohttp.ClientSession, settings: Settings) -> bool:
    try:
        async with session.get(f"{settings.outside_url}/login") as answer:
            return answer.status < 500
    except aiohttp.ClientError:
        return False


async def _is_bound(stage: Stage) -> bool:
    async with db.transaction(stage.runtime.pool) as tx:
        gateway = await gateways.find(tx, stage.store.id, stage.ways.sms)
    return gateway is not None and gateway.state == "bound"


async def _webhooks(stage: Stage, session: aiohttp.ClientSession) -> Webhooks:
    async with db.transaction(stage.runtime.pool) as tx:
        shop = await connections.find(tx, stage.store.id, stage.ways.connection)
    assert shop is not None
    secret = stage.runtime.sealer.open(shop.secrets)["webhook_secret"]
    settings = stage.runtime.settings
    door = f"http://{settings.listen_host}:{settings.listen_port}/in/{shop.token}"
    return Webhooks(session, door, secret, stage.store.website)


async def _tell(door: Webhooks, plays: Sequence[Play]) -> list[str]:
    """All snapshots as a shop tells them: doubled, every second life backwards, and all of it once
    more; what the door refused."""
    refused = set()
    for again in (False, True):
        for n, play in enumerate(plays):
            for snapshot in play.snapshots[:: -1 if n % 2 or again else 1]:
                for topic in ("order.created", "order.updated"):
                    status = await door.post(topic, snapshot)
                    if status != 200:
                        refused.add(f"{play.recipe}: the door answered {status}")
    return sorted(refused)


# ------------------------------------------------------------------ what is seen


async def _watch(stage: Stage, plays: Sequence[Play], letters: mailbox.Mailbox) -> dict[str, Any]:
    deadline = time.monotonic() + SAID_S_MAX
    stopper = plays[0].order.person.phone
    has_stopped = False
    while True:
        async with db.transaction(stage.runtime.pool) as tx:
            said = await tally.said(tx, stage.store)
            stopped = await tally.stopped(tx, stage.store)
            facts = await tally.facts(tx, stage.store)
            errors = await tally.unanswered(tx, stage.store)
        missing = _missing(plays, said)
        if letters.received < len(plays):
            missing.append(f"e-mail: {letters.received} of {len(plays)} letters")
        if not missing and not has_stopped:
            await _write_stop(stage, stopper)
            has_stopped = True
        missing += _missing_stop(said, stopper in stopped)
        if not missing or time.monotonic() > deadline:
            texts = [one for one in said if one.channel == "sms" and one.state != "dropped"]
            seen: dict[str, Any] = {
                "facts": facts,
                "texts": sum(one.n for one in texts),
                "delivered": sum(one.n for one in texts if one.state == "delivered"),
                "stops": len(stopped),
            }
            return seen | ({"missing": [*missing, *errors]} if missing else {})
        await asyncio.sleep(LOOK_EVERY_S)


def _missing(plays: Sequence[Play], said: Sequence[tally.Said]) -> list[str]:
    """What is wrong with the texts: each recipe's own order has been told of it once, delivered;
    nothing has been said twice."""
    told: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in said:
        root = "/".join(one.subject.split("/")[:2]) + "/"
        if one.channel == "sms" and one.recipe:
            told[one.recipe, root][one.state + (f" ({one.reason})" if one.reason else "")] += one.n
    wrong = [f"{recipe}: no order tries it" for recipe in CHANGES if not _is_played(recipe, plays)]
    for play in plays:
        for recipe in {"order_accepted", play.recipe}:
            states = dict(told.get((recipe, play.root), {}))
            if states != {"delivered": 1}:
                wrong.append(f"{recipe} of order {play.order.id}: {states or 'no text'}")
    twice = [key for key, states in told.items() if sum(states.values()) > 1]
    return sorted(wrong) + [f"{recipe} of {root}: said more than once" for recipe, root in twice]


def _is_played(recipe: str, plays: Sequence[Play]) -> bool:
    return any(play.recipe == recipe for play in plays)


async def _write_stop(stage: Stage, phone: str) -> None:
    """A pretend customer types it; the sandbox hands it over by SMPP."""
    runtime = stage.runtime
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, stage.store.id)
        assert store is not None
        await phones.write(
            tx, store, stage.ways.sms, phone=phone, shop_number="1234", body=STOP_WORDS,
            now=runtime.clock(), ids=runtime.ids,
        )  # fmt: skip


def _missing_stop(said: Sequence[tally.Said], is_heard: bool) -> list[str]:
    if not is_heard:
        return ["a STOP from a virtual phone"]
    confirmed = [one for one in said if one.topic == "stop_confirmation"]
    if [(one.state, one.n) for one in confirmed] != [("delivered", 1)]:
        return [f"the one confirmation of the STOP: {[(c.state, c.n) for c in confirmed]}"]
    return []
