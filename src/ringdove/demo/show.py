"""`ringdove demo`: an own database with two pretend shops, the page, the workers, and the life.

Everything lies in one folder and listens on this machine only. Ctrl-C ends all of it; the next time
it goes on where it was.
"""

import asyncio
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp

from ringdove.demo import life, mailbox, world
from ringdove.kit import db, postgres
from ringdove.kit.children import Child
from ringdove.records import migrate
from ringdove.records.sending import gateways
from ringdove.records.store import stores
from ringdove.runtime import Runtime, open_runtime
from ringdove.settings import Settings

MARK = "ringdove-demo"  # a folder with this file is ours to empty
READY_S_MAX = 30.0
LOOK_EVERY_S = 0.2
HOST = "127.0.0.1"


class DemoCannotRun(OSError):
    """Something that a person has to put right; the text says what."""


def show_demo(settings: Settings, home: Path, port: int, *, fresh: bool) -> None:
    """Runs until Ctrl-C."""
    home = home.absolute()
    port = port or _free_port()
    _demand_free(port)
    if fresh:
        _empty(home)
    home.mkdir(parents=True, exist_ok=True)
    (home / MARK).touch()
    sandbox_port = settings.sandbox_port if _is_free(settings.sandbox_port) else _free_port()
    ours = replace(
        settings,
        home=home,
        listen_host=HOST,
        listen_port=port,
        sandbox_port=sandbox_port,
        sandbox=True,
        public_url="",
        sign_in_hint=f"{world.EMAIL} / {world.PASSWORD}",
    )
    try:
        asyncio.run(_shown(ours))
    finally:
        postgres.leave(home / "postgres")


def _demand_free(port: int) -> None:
    if not _is_free(port):
        raise DemoCannotRun(
            f"Port {port} is taken by another program (perhaps another demo): end that one, or"
            f" choose another port: ringdove demo --port {port + 1}"
        )


def _is_free(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def _empty(home: Path) -> None:
    """Only what a demo has made is thrown away."""
    if not home.exists():
        return
    if not (home / MARK).exists():
        raise DemoCannotRun(f"{home} is not a demo's folder: it is not emptied. Name another.")
    postgres.stop(home / "postgres")
    shutil.rmtree(home)


async def _shown(settings: Settings) -> None:
    stop = asyncio.Event()
    _stop_on_signals(stop)
    began = time.monotonic()
    _say("Starting the database …")
    url = settings.database_url or postgres.ensure(settings.home / "postgres")
    migrate.migrate(url)
    # The page takes a moment to load: it does so while the world is made.
    with _crew(settings) as crew:
        crew.begin("serve")
        async with open_runtime(settings) as runtime, mailbox.opened() as letters:
            if not await world.is_there(runtime):
                _say("Making two pretend shops with a year of past; this takes some ten seconds …")
                await world.make_world(runtime, _say)
            await _find_mailbox(runtime, letters.port)
            crew.begin("work")
            await _ready(settings, crew, stop)
            if not stop.is_set():
                _welcome(settings, time.monotonic() - began)
                await _live(runtime, crew, stop)
            _say("Ending …")
            # Before the mailbox closes: letters on their way still arrive.
            await asyncio.to_thread(crew.end)
    _say("The demo has ended; its data stays in " + str(settings.home))


async def _live(runtime: Runtime, crew: "Crew", stop: asyncio.Event) -> None:
    """The life goes on until we are stopped, or one of the crew has ended by itself."""
    living = asyncio.create_task(life.live(runtime, runtime.settings.home / "shop.json", stop))
    try:
        while not stop.is_set():
            crew.demand_alive()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1.0)
    finally:
        stop.set()
        await living


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def heard(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)  # the children notice, and end by themselves
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, heard, number)


async def _find_mailbox(runtime: Runtime, port: int) -> None:
    """The mailbox listens on another port each time: its gateways are told."""
    async with db.transaction(runtime.pool) as tx:
        for store in await stores.every(tx):
            for one in await gateways.of_store(tx, store.id):
                if one.kind == "smtp" and one.settings.get("host") == mailbox.HOST:
                    await gateways.change(
                        tx, store_id=store.id, gateway_id=one.id, name=one.name, rank=one.rank,
                        settings={**one.settings, "port": port},
                    )  # fmt: skip


@dataclass
class Crew:
    """The processes that run beside us."""

    environ: dict[str, str]
    stack: ExitStack
    children: list[Child] = field(default_factory=list)

    def begin(self, command: str) -> None:
        """Starts `ringdove serve` or `ringdove work`."""
        self.children.append(self.stack.enter_context(Child(command, self.environ)))

    def end(self) -> None:
        """Tells all of them to finish, then waits for each."""
        for child in self.children:
            child.let_go()
        self.stack.close()

    def demand_alive(self) -> None:
        """Raises DemoCannotRun when one has ended by itself."""
        for child in self.children:
            if child.ended is not None:
                raise DemoCannotRun(
                    f"`ringdove {child.command}` has ended (code {child.ended});"
                    " what it said is above."
                )


@contextmanager
def _crew(settings: Settings) -> Iterator[Crew]:
    environ = {
        "RINGDOVE_HOME": str(settings.home),
        "RINGDOVE_LISTEN_HOST": settings.listen_host,
        "RINGDOVE_LISTEN_PORT": str(settings.listen_port),
        "RINGDOVE_SANDBOX_PORT": str(settings.sandbox_port),
        "RINGDOVE_SANDBOX": "true",
        "RINGDOVE_PUBLIC_URL": "",
        "RINGDOVE_SIGN_IN_HINT": settings.sign_in_hint,
        "RINGDOVE_LOG_LEVEL": os.environ.get("RINGDOVE_LOG_LEVEL", "warning"),
    }
    with ExitStack() as stack:
        crew = Crew(environ, stack)
        try:
            yield crew
        finally:
            crew.end()


async def _ready(settings: Settings, crew: Crew, stop: asyncio.Event) -> None:
    deadline = time.monotonic() + READY_S_MAX
    async with aiohttp.ClientSession() as session:
        while not stop.is_set() and not await _answers(session, settings.outside_url):
            crew.demand_alive()
            if time.monotonic() > deadline:
                raise DemoCannotRun(f"The page does not answer at {settings.outside_url}.")
            await asyncio.sleep(LOOK_EVERY_S)


async def _answers(session: aiohttp.ClientSession, address: str) -> bool:
    try:
        async with session.get(f"{address}/login") as answer:
            return answer.status < 500
    except aiohttp.ClientError:
        return False


def _welcome(settings: Settings, seconds: float) -> None:
    _say(
        f"\n  Ringdove's demo is ready ({seconds:.0f} s): {settings.outside_url}\n\n"
        f"  E-mail    {world.EMAIL}\n"
        f"  Password  {world.PASSWORD}\n\n"
        "  Orders come while you look; every text stays on virtual phones. Ctrl-C ends it.\n"
    )


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
