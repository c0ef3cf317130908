"""The command line: each command is one function, and says in plain words what went wrong.

Nothing heavy is imported above: `ringdove --help` must answer at once. Exit codes: 0 done, 1 it
could not be done (the reason is on standard error), 2 the command was not understood.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ringdove.kit import memory
from ringdove.settings import Settings, SettingWrong, manual, read_settings

if TYPE_CHECKING:
    from ringdove.kit.children import Child
    from ringdove.runtime import Runtime

WORKERS_LOOKED_AT_EVERY_S = 1.0
BEHIND_OTHERS = 10  # niceness of what nobody waits for with a text in hand

app = typer.Typer(
    name="ringdove",
    help="The SMS desk of an online store.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
inspect_app = typer.Typer(
    name="inspect",
    help="What would Ringdove make of this? JSON lines in, JSON lines out.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
user_app = typer.Typer(
    name="user", help="People who sign in.", no_args_is_help=True, rich_markup_mode=None
)
ledger_app = typer.Typer(
    name="ledger", help="The consent ledger as evidence.", no_args_is_help=True,
    rich_markup_mode=None,
)  # fmt: skip
contest_app = typer.Typer(
    name="contest", help="Contests by text.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(contest_app)
app.add_typer(inspect_app)
app.add_typer(ledger_app)
app.add_typer(user_app)


class CannotGoOn(Exception):
    """Something that a person has to put right; the text says what."""


def main() -> None:
    """What the installed command runs."""
    # To look for rings among what is being loaded took a twelfth of the start.
    gc.set_threshold(*memory.COLLECT_AFTER)
    try:
        app()
    except Exception as error:
        words = _in_plain_words(error)
        if words is None:
            raise
        print(words, file=sys.stderr)
        sys.exit(1)


def _in_plain_words(error: Exception) -> str | None:
    """What a person should read; None: a fault of ours, whose traceback is wanted."""
    import psycopg

    from ringdove.kit.crypto import KeyWrong
    from ringdove.kit.postgres import PostgresWillNotStart
    from ringdove.records.migrate import SchemaDiffers
    from ringdove.records.slots import NoSlotFree

    known = (CannotGoOn, SettingWrong, KeyWrong, PostgresWillNotStart, SchemaDiffers, NoSlotFree)
    if isinstance(error, known):
        return str(error)
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return f"The database does not answer: {error}\nCheck RINGDOVE_DATABASE_URL."
    if isinstance(error, psycopg.ProgrammingError) and "connection info" in str(error):
        return (  # the error shows the address, and with it the password
            "RINGDOVE_DATABASE_URL cannot be read: write postgresql://user:password@host/database."
        )
    return None


# ------------------------------------------------------------------ running


@app.command(short_help="Two pretend shops to look at, on this machine only.")
def demo(
    home: Annotated[
        Path | None, typer.Option(help="Folder of the demo's own database and key.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port of the page; 0: any free one.")] = 8000,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin again from an empty home.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Run the main job for half a minute, without a page.")
    ] = False,
) -> None:
    """A shop with a year of past and a life that goes on, on this machine only."""
    settings = read_settings()
    if check:
        from ringdove.demo.check import check_demo

        sys.exit(check_demo(settings))
    from ringdove.demo.show import show_demo

    _set_up_logs(settings)
    try:
        show_demo(settings, home or _demo_home(settings), port, fresh=fresh)
    except OSError as error:
        raise CannotGoOn(str(error)) from error


def _demo_home(settings: Settings) -> Path:
    here = Path.cwd()
    is_checkout = (here / "pyproject.toml").is_file() and (here / "src" / "ringdove").is_dir()
    return here / ".demo" if is_checkout else settings.home / "demo"


Leashed = Annotated[
    bool, typer.Option("--leashed", hidden=True, help="End when standard input ends.")
]


@app.command()
def serve(
    with_workers: Annotated[
        bool, typer.Option("--with-workers", help="Also start `ringdove work`, and end it.")
    ] = False,
    leashed: Leashed = False,
) -> None:
    """The page, the doors for shops and the API."""
    settings = read_settings()
    _set_up_logs(settings)
    listener = _listen(settings)
    child: Child | None = None

    async def work(runtime: "Runtime", stop: asyncio.Event) -> None:
        from ringdove.web.app import Server, create_app

        server = Server(
            create_app(runtime), settings.listen_host, settings.listen_port,
            settings.trusted_proxies,
        )  # fmt: skip
        memory.settle()
        # Signals are heard in _run; uvicorn would raise each once more when it has finished.
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        if not leashed:
            print(f"Ringdove listens on {_address(settings)}", file=sys.stderr)
        ends: list[asyncio.Task[Any]] = [serving, asyncio.create_task(stop.wait())]
        if child:
            ends.append(asyncio.create_task(_until_ended(child)))
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        is_alone = child is not None and child.ended is not None and not stop.is_set()
        server.should_exit = True
        await serving
        for one in ends:
            one.cancel()
        if is_alone:  # whoever supervises us starts both anew
            raise CannotGoOn(
                "The workers have ended by themselves. Nothing is answered or sent without them:"
                " start again."
            )

    with contextlib.ExitStack() as stack:
        if with_workers:
            from ringdove.kit import children

            child = stack.enter_context(children.Child("work"))
            print(f"Workers run as process {child.pid}", file=sys.stderr)
        _run(settings, work, leashed)


async def _until_ended(child: "Child") -> None:
    while child.ended is None:
        await asyncio.sleep(WORKERS_LOOKED_AT_EVERY_S)


def _listen(settings: Settings) -> socket.socket:
    try:
        return socket.create_server((settings.listen_host, settings.listen_port), backlog=2048)
    except OSError as error:
        raise CannotGoOn(
            f"{_address(settings)} cannot be used ({error.strerror or error}): set"
            " RINGDOVE_LISTEN_PORT to a port that is free."
        ) from error


def _address(settings: Settings) -> str:
    return f"http://{settings.listen_host}:{settings.listen_port}"


@app.command(short_help="All that happens by itself: answers, texts, receipts.")
def work(leashed: Leashed = False) -> None:
    """Answer facts, send and receive texts, look at shops: all that happens by itself."""
    settings = read_settings()
    _set_up_logs(settings)

    async def staff_run(runtime: "Runtime", stop: asyncio.Event) -> None:
        from ringdove.workers import staff

        await staff.run(runtime, stop)

    _run(settings, staff_run, leashed, plans_once=True)


def _run(
    settings: Settings,
    body: Callable[["Runtime", asyncio.Event], Coroutine[Any, Any, None]],
    leashed: bool,
    plans_once: bool = False,
) -> None:
    """Runs until SIGINT or SIGTERM, or until whoever started us is gone. A second signal ends at
    once."""

    async def until_stopped() -> None:
        from ringdove.runtime import open_runtime

        stop = asyncio.Event()
        _stop_on_signals(stop)
        if leashed:
            _stop_at_end_of_input(stop)
        async with open_runtime(settings, plans_once=plans_once) as runtime:
            await body(runtime, stop)

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(until_stopped())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not made for this platform
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def heard(number: int) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, heard, number)


def _stop_at_end_of_input(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def readable() -> None:
        if not os.read(0, 1024):
            loop.remove_reader(0)
            stop.set()

    loop.add_reader(0, readable)


def _set_up_logs(settings: Settings) -> None:
    from ringdove.kit import logs

    logs.configure(settings.log_level, settings.log_format)


# ------------------------------------------------------------------ keeping


@app.command()
def migrate() -> None:
    """Bring the database to the schema that this version needs."""
    settings = read_settings()
    from ringdove.kit import postgres
    from ringdove.records import migrate as migrations

    url = settings.database_url or postgres.ensure(settings.home / "postgres")
    before = migrations.current(url)
    after = migrations.migrate(url)
    print(f"Schema {after}: " + ("nothing to do." if before == after else "ready."))


@app.command()
def doctor() -> None:
    """What is wrong with this installation, and what to do."""
    settings = read_settings()
    from ringdove.workers.doctor import examine

    findings = asyncio.run(examine(settings))
    for one in findings:
        print(f"{one.level:<5} {one.area:<9} {one.says}")
        if one.do:
            print(f"{'':<15} {one.do}")
    sys.exit(any(one.level == "bad" for one in findings))


@app.command()
def stop(
    home: Annotated[Path | None, typer.Option(help="Folder of the embedded database.")] = None,
) -> None:
    """Stop the embedded database, whoever still uses it."""
    settings = read_settings()
    if settings.database_url and home is None:
        print("RINGDOVE_DATABASE_URL names a server that is not ours to stop.")
        return
    from ringdove.kit import postgres

    folder = (home or settings.home) / "postgres"
    if not folder.exists() or not postgres.is_running(folder):
        print(f"No database runs in {folder}.")
        return
    postgres.stop(folder)
    print(f"The database in {folder} has stopped.")


@app.command()
def settings() -> None:
    """Every setting with its meaning, as docs/settings.md shows them."""
    print(manual(), end="")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def bench(context: typer.Context) -> None:
    """Measure this machine; `ringdove bench --help` lists what."""
    import importlib

    importlib.import_module("ringdove.bench.app").app(args=context.args, prog_name="ringdove bench")


@user_app.command("password")
def user_password(email: str) -> None:
    """Set a new password, asked for or read from standard input; signs the person out."""
    settings = read_settings()
    from ringdove.kit.crypto import hash_password
    from ringdove.web.store.passwords import weakness

    if sys.stdin.isatty():
        password = typer.prompt("New password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    if why := weakness(password, email):
        raise CannotGoOn(why)
    password_hash = hash_password(password)

    async def change() -> None:
        from ringdove.kit import db
        from ringdove.records.store import users
        from ringdove.runtime import open_runtime

        async with open_runtime(settings) as runtime, db.transaction(runtime.pool) as tx:
            user = await users.by_email(tx, email)
            if user is None:
                raise CannotGoOn(f"Nobody signs in as {email}.")
            await users.set_password(tx, user.id, password_hash)
            await users.close_sessions(tx, user.id)

    asyncio.run(change())
    print(f"{email} signs in with the new password.")


# ------------------------------------------------------------------ evidence


@ledger_app.command("check")
def ledger_check() -> None:
    """Look at every row and every seal; 1 and the first broken place if one was changed."""
    settings = read_settings()

    async def look() -> bool:
        from ringdove.runtime import open_runtime
        from ringdove.workers.consent import evidence

        async with open_runtime(settings) as runtime:
            found = await evidence.check(runtime)
        for store, told in found:
            print(evidence.says(store, told))
        return any(told.broken for _, told in found)

    sys.exit(asyncio.run(look()))


@ledger_app.command("proof")
def ledger_proof(
    store: Annotated[int, typer.Argument(help="Number of the store.")],
    file: Annotated[Path, typer.Argument(help="The zip to write.")],
    customer: Annotated[
        list[int] | None, typer.Option(help="Only this customer; may be said again.")
    ] = None,
    since: Annotated[datetime | None, typer.Option(help="Written down from then on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Written down before, UTC.")] = None,
) -> None:
    """Write the proof of consent: a zip with verify.py, which verifies it without us."""
    settings = read_settings()

    async def write() -> int | None:
        from ringdove.runtime import open_runtime
        from ringdove.workers.consent import evidence

        span = [at.replace(tzinfo=UTC) if at else None for at in (since, until)]
        async with open_runtime(settings) as runtime:
            return await evidence.write_proof(runtime, store, file, customer or (), *span)

    size = asyncio.run(write())
    if size is None:
        raise CannotGoOn(f"There is no store {store}.")
    print(f"{file}: {size} bytes. It says whether it holds: python3 -I verify.py, unpacked.")


@contest_app.command("verify")
def contest_verify(
    file: Annotated[Path, typer.Argument(help="The published draw: draw.json of its page.")],
) -> None:
    """Draw a published contest once more: exit code 1 and the reasons if it comes out otherwise."""
    import json

    from ringdove.rules.contests import drawing

    try:
        document = json.loads(file.read_bytes())
    except OSError as wrong:
        raise CannotGoOn(f"{file} cannot be read: {wrong.strerror}.") from None
    except ValueError:
        raise CannotGoOn(
            f"{file} is not JSON: save the file of the contest's page again."
        ) from None
    found = drawing.verify(document)
    if found:
        raise CannotGoOn(" ".join(found))
    print(f"It was drawn by the rule from {document['entries']} tickets:")
    for n, ticket in enumerate(document["drawn"], 1):
        print(f"{n}. {ticket} {'winner' if n <= document['winners'] else 'substitute'}")


# ------------------------------------------------------------------ lists of people


@app.command(hidden=True)
def imports(leashed: Leashed = False) -> None:
    """Work on imports that wait, then end; `ringdove work` starts it by itself."""
    settings = read_settings()
    _set_up_logs(settings)

    async def all_due(runtime: "Runtime", stop: asyncio.Event) -> None:
        from ringdove.workers.lists import imports as worker

        await worker.all_due(runtime, stop)

    _run(settings, all_due, leashed)


@app.command(hidden=True)
def campaigns(leashed: Leashed = False) -> None:
    """Gather the people of campaigns that run, then end; `ringdove work` starts it by itself."""
    settings = read_settings()
    _set_up_logs(settings)

    async def all_due(runtime: "Runtime", stop: asyncio.Event) -> None:
        from ringdove.workers.campaigns import campaigns as worker

        memory.settle()
        await worker.all_due(runtime, stop)

    _run(settings, all_due, leashed)


@app.command(hidden=True)
def rehearsals(leashed: Leashed = False) -> None:
    """Rehearse automations as asked for, then end; `ringdove work` starts it by itself."""
    settings = read_settings()
    _set_up_logs(settings)

    async def all_asked(runtime: "Runtime", stop: asyncio.Event) -> None:
        from ringdove.workers.automations import rehearsing

        os.nice(BEHIND_OTHERS)
        memory.settle()
        await rehearsing.all_asked(runtime, stop)

    _run(settings, all_asked, leashed)


@app.command(name="import", short_help="People from a CSV or XLSX file.")
def import_people(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    store: Annotated[int, typer.Option(help="Number of the store, as in the page's address.")],
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", help="phone=<title or number of a column>; may be repeated."),
    ] = None,
    country: Annotated[str, typer.Option(help="Of local numbers, as BY.")] = "",
    dates: Annotated[str, typer.Option(help="dmy or mdy.")] = "",
    on_known: Annotated[str, typer.Option(help="fill or overwrite.")] = "",
    doubtful: Annotated[str, typer.Option(help="keep or reject unreadable phones.")] = "",
    whence: Annotated[str, typer.Option(help="customers, agreed or bought.")] = "",
    provenance: Annotated[str, typer.Option(help="Where and how they agreed.")] = "",
    words: Annotated[str, typer.Option(help="Exactly what they agreed to.")] = "",
    words_language: Annotated[str, typer.Option(help="As ru.")] = "",
    agreed_on: Annotated[str, typer.Option(help="Day they agreed: 2026-01-15.")] = "",
    dry: Annotated[bool, typer.Option("--dry", help="Count only, write nothing.")] = False,
) -> None:
    """People from a file: columns are guessed, counted, then written. Who refused stays refused."""
    settings = read_settings()
    options = {
        "country": country.upper(), "dates": _one_of("dates", dates, "dmy mdy"),
        "on_known": _one_of("on-known", on_known, "fill overwrite"),
        "doubtful": _one_of("doubtful", doubtful, "keep reject"),
        "whence": _one_of("whence", whence, "customers agreed bought"),
        "provenance": provenance, "words": words, "words_language": words_language,
        "agreed_on": agreed_on,
    }  # fmt: skip

    async def bring(runtime: "Runtime", stop: asyncio.Event) -> None:
        from ringdove import lists

        try:
            await lists.bring(runtime, store, file, columns or [], options, is_dry=dry)
        except lists.CannotBeDone as why:
            raise CannotGoOn(str(why)) from None

    _run(settings, bring, False)


def _one_of(name: str, given: str, words: str) -> str:
    if given and given not in words.split():
        raise CannotGoOn(f"--{name} is one of {', '.join(words.split())}.")
    return given


@app.command(name="export", short_help="People as CSV or XLSX, or an audience for an ad network.")
def export_people(
    out: Annotated[Path, typer.Argument(help="people.csv, people.xlsx", dir_okay=False)],
    store: Annotated[int, typer.Option(help="Number of the store, as in the page's address.")],
    columns: Annotated[str, typer.Option(help="Names with commas.")] = "",
    search: Annotated[str, typer.Option(help="As one types on the page Customers.")] = "",
    audience: Annotated[str, typer.Option(help="meta, google, tiktok, yandex or vk.")] = "",
    use: Annotated[str, typer.Option(help="exclude or include.")] = "exclude",
    who: Annotated[str, typer.Option(help="bought or not_bought.")] = "bought",
    whose: Annotated[str, typer.Option(help="agreed, or all (to exclude only).")] = "agreed",
    since: Annotated[str, typer.Option(help="Bought since this day.")] = "",
    key: Annotated[str, typer.Option(help="phone or email, for vk.")] = "phone",
) -> None:
    """People as a table; with --audience, hashes as an ad network asks for them."""
    settings = read_settings()

    async def take_out(runtime: "Runtime", stop: asyncio.Event) -> None:
        from pydantic import ValidationError

        from ringdove import lists
        from ringdove.web.lists import exports
        from ringdove.web.people.people_list import Asked

        try:
            if audience:
                given = exports.Audience.model_validate(
                    {"network": audience, "use": use, "who": who, "whose": whose, "since": since,
                     "key": key, "do": "file"}
                )  # fmt: skip
                n = await lists.take_out_audience(runtime, store, out, given)
            else:
                names = [one.strip() for one in columns.split(",") if one.strip()]
                wanted = names or list(exports.USUAL)
                n = await lists.take_out(runtime, store, out, wanted, Asked(q=search))
        except lists.CannotBeDone as why:
            raise CannotGoOn(str(why)) from None
        except ValidationError as wrong:
            name = wrong.errors()[0]["loc"][0]
            raise CannotGoOn(f"--{name} is not understood: see ringdove export --help.") from None
        print(f"{n} people are in {out}.", file=sys.stderr)

    _run(settings, take_out, False)


# ------------------------------------------------------------------ asking


@inspect_app.command("webhook")
def inspect_webhook(
    store: Annotated[str, typer.Option(help="Kind of shop: woocommerce, events …")],
    secret: Annotated[str, typer.Option(help="What its webhooks are signed with.")],
    country: Annotated[str, typer.Option(help="Country of the store, as BY.")],
) -> None:
    """Facts in a shop's webhooks: {"headers": {}, "body_base64": ""} a line."""
    from ringdove import inspect

    try:
        _answer(inspect.webhook(sys.stdin, store, secret, country))
    except inspect.LineWrong as wrong:
        raise CannotGoOn(str(wrong)) from None


@inspect_app.command("text")
def inspect_text() -> None:
    """The size of texts and their parts: {"text": ""} a line; "shift": "tr" for national tables."""
    from ringdove import inspect

    _answer(inspect.text(sys.stdin))


@inspect_app.command("pdu")
def inspect_pdu() -> None:
    """SMPP packets in words: {"hex": ""} a line."""
    from ringdove import inspect

    _answer(inspect.pdu(sys.stdin))


@inspect_app.command("receipt")
def inspect_receipt() -> None:
    """Delivery receipts in words: {"text": "", "tlvs": {}} a line, TLVs as inspect pdu has them."""
    from ringdove import inspect

    _answer(inspect.receipt(sys.stdin))


@inspect_app.command("reply")
def inspect_reply() -> None:
    """What people mean: {"text": "", "awaiting": null, "language": null} a line."""
    from ringdove import inspect

    _answer(inspect.reply(sys.stdin))


@inspect_app.command("callback")
def inspect_callback(
    gateway: Annotated[str, typer.Option(help="Kind of gateway: twilio, vonage, kannel …")],
    secret: Annotated[
        str, typer.Option(help="What its calls are proved with: a signing secret or token.")
    ] = "",
    settings: Annotated[
        str, typer.Option(help='The gateway\'s settings as JSON: {"auth_token": "…"}.')
    ] = "{}",
) -> None:
    """Receipts and texts in an operator's calls: {"method", "url", "headers", "body"} a line."""
    import json

    from ringdove import inspect

    try:
        known = json.loads(settings)
    except ValueError as wrong:
        raise CannotGoOn(f"--settings is not JSON: {wrong}") from None
    if not isinstance(known, dict):
        raise CannotGoOn("--settings is a JSON object of names and values.")
    try:
        _answer(inspect.callback(sys.stdin, gateway, secret, known))
    except inspect.LineWrong as wrong:
        raise CannotGoOn(str(wrong)) from None


def _answer(answers: Iterable[dict[str, Any]] | Iterator[dict[str, Any]]) -> None:
    import json

    encode = json.JSONEncoder(ensure_ascii=False, default=str).encode
    for one in answers:
        # Half a surrogate pair is no UTF-8: say it as JSON does, by its number.
        sys.stdout.buffer.write(encode(one).encode("utf-8", "backslashreplace") + b"\n")
        sys.stdout.buffer.flush()
