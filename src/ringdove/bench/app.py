"""Measurements: `ringdove bench react`, `send`, `crash`. Each runs on a PostgreSQL of its own,
prints a table for people and one line of JSON for programs, and never touches a database in use.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="Measure this machine.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)


@app.callback()
def _measure() -> None:
    """Measure this machine, on a database made for it and thrown away."""


LIST_SHOWN_MAX = 100  # the whole of it is in the file of --save
Save = Annotated[str, typer.Option(help="Write the figures to this file as well.")]


@app.command()
def react(
    facts: Annotated[int, typer.Option(help="Facts of one run.")] = 20_000,
    runs: Annotated[int, typer.Option(help="Runs, of which the median is told.")] = 3,
    seconds: Annotated[float, typer.Option(help="How long events are sent; 0: not.")] = 20.0,
    per_s: Annotated[int, typer.Option(help="Events a second.")] = 100,
    idle_s: Annotated[float, typer.Option(help="How long nothing happens; 0: not.")] = 20.0,
    save: Save = "",
) -> None:
    """Facts heard and answered, the time from an event to the operator's wire, and idle CPU."""
    from ringdove.bench import report

    found = report.react(facts, runs, seconds, per_s, idle_s)
    _tell(report.table(found), found, save)


def _tell(table: str, found: dict[str, Any], save: str) -> None:
    from ringdove.bench import drawing

    drawing.save(found, save)
    print(table)
    shown = {k: v[:LIST_SHOWN_MAX] if isinstance(v, list) else v for k, v in found.items()}
    print(json.dumps(shown))


def _demand_compiler() -> None:
    from ringdove.bench import counterpart

    try:
        counterpart.compiler()
    except counterpart.NoCompiler as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


@app.command()
def send(
    messages: Annotated[int, typer.Option(help="Texts of one run.")] = 1_000_000,
    span: Annotated[int, typer.Option(help="Buckets of the store, 1 to 128.")] = 1,
    stored: Annotated[int, typer.Option(help="Delivered texts that are there before.")] = 0,
    receipt_delay_ms: Annotated[int, typer.Option(help="How late receipts come.")] = 0,
    receipt_window: Annotated[int, typer.Option(help="Receipts told at once a link.")] = 1_000,
    gateways: Annotated[int, typer.Option(help="Accounts that the texts go over.")] = 1,
    workers: Annotated[int, typer.Option(help="Processes of `ringdove work`.")] = 1,
    runs: Annotated[int, typer.Option(help="Runs, of which the median is told.")] = 1,
    profile: Annotated[str, typer.Option(help="Write the workers' cProfile to this file.")] = "",
    kannel: Annotated[bool, typer.Option(help="Measure Kannel beside it if installed.")] = True,
    save: Save = "",
) -> None:
    """A full outbox sent over SMPP and all receipts persisted; the floor; Kannel."""
    from ringdove.bench import send as one
    from ringdove.bench import sending

    _demand_compiler()
    wish = one.Wish(
        messages, span, stored, receipt_delay_ms, receipt_window, gateways, workers, profile
    )
    found = sending.measure(wish, runs, kannel)
    _tell(sending.table(found), found, save)


@app.command()
def crash(
    rounds: Annotated[int, typer.Option(help="Things struck, one after another.")] = 200,
    messages: Annotated[int, typer.Option(help="Texts queued in each round.")] = 800,
    seconds_per_round: Annotated[float, typer.Option(help="Within which it is struck.")] = 0.8,
    seed: Annotated[int, typer.Option(help="The same seed, the same fate.")] = 1,
    save: Save = "",
) -> None:
    """Processes, SMSC, database and links killed at random moments; then every text accounted for.

    Ends with 1 when a text is lost or an offer came twice."""
    from ringdove.bench import crash as crashing
    from ringdove.bench import ground, report

    _demand_compiler()
    report.quiet()
    with ground.temporary_home() as home:
        wish = crashing.Wish(rounds, messages, seconds_per_round, seed)
        found = report.run(crashing.measure(home, wish))
    _tell(crashing.table(found), found, save)
    if found["lost"] or found["marketing_doubled"]:
        raise typer.Exit(1)


@app.command()
def pieces(save: Save = "") -> None:
    """What the pure pieces of sending cost, one by one."""
    from ringdove.bench import pieces as piecewise

    found = piecewise.measure()
    _tell(piecewise.table(found), found, save)


@app.command()
def people(
    people: Annotated[int, typer.Option(help="People of the store.")] = 1_000_000,
    span: Annotated[int, typer.Option(help="Buckets of the store, 1 to 128.")] = 1,
    deciding: Annotated[bool, typer.Option(help="Decide for all of them as a set.")] = True,
    importing: Annotated[bool, typer.Option(help="Import as many from a list.")] = True,
    save: Save = "",
) -> None:
    """People found as one types and by filters, decided for as a set, imported."""
    from ringdove.bench import ground, report
    from ringdove.bench import people as peopled

    report.quiet()
    found: dict[str, Any] = {"machine": ground.machine()}
    with ground.temporary_home() as home:
        wish = peopled.Wish(people, span, deciding=deciding, importing=importing)
        found |= report.run(peopled.measure(home, wish))
    _tell(peopled.table(found), found, save)


@app.command()
def inbox(
    talks: Annotated[int, typer.Option(help="Conversations of the store.")] = 100_000,
    span: Annotated[int, typer.Option(help="Buckets of the store, 1 to 128.")] = 1,
    save: Save = "",
) -> None:
    """The inbox: lists, counts, people found, one talk."""
    from ringdove.bench import ground, report
    from ringdove.bench import inbox as inboxes

    report.quiet()
    found: dict[str, Any] = {"machine": ground.machine()}
    with ground.temporary_home() as home:
        found |= report.run(inboxes.measure(home, inboxes.Wish(talks, span)))
    _tell(inboxes.table(found), found, save)


@app.command()
def texts(
    texts: Annotated[int, typer.Option(help="That wait to be answered.")] = 10_000,
    people: Annotated[int, typer.Option(help="Who write them; all have orders.")] = 10_000,
    span: Annotated[int, typer.Option(help="Buckets of the store, 1 to 128.")] = 1,
    per_s: Annotated[int, typer.Option(help="The even pace at which times are taken.")] = 50,
    seconds: Annotated[float, typer.Option(help="How long that pace is kept; 0: not.")] = 20.0,
    save: Save = "",
) -> None:
    """Texts from people answered: where is my order, scores, complaints, and what else they say."""
    from ringdove.bench import ground, report
    from ringdove.bench import texts as written

    report.quiet()
    found: dict[str, Any] = {"machine": ground.machine()}
    with ground.temporary_home() as home:
        wish = written.Wish(texts, people, span, per_s, seconds)
        found |= report.run(written.measure(home, wish))
    _tell(written.table(found), found, save)


@app.command()
def segments(
    people: Annotated[int, typer.Option(help="People of the store.")] = 1_000_000,
    lines: Annotated[int, typer.Option(help="Lines of their orders.")] = 5_000_000,
    visits: Annotated[int, typer.Option(help="Pages that they looked at.")] = 20_000_000,
    span: Annotated[int, typer.Option(help="Buckets of the store, 1 to 128.")] = 1,
    save: Save = "",
) -> None:
    """Selections of people counted: by what is kept of each, and by rows."""
    from ringdove.bench import ground, report
    from ringdove.bench import segments as segmented
    from ringdove.bench.segments_ground import Size

    report.quiet()
    found: dict[str, Any] = {"machine": ground.machine()}
    with ground.temporary_home() as home:
        wish = segmented.Wish(Size(people, lines, visits), span)
        found |= report.run(segmented.measure(home, wish))
    _tell(segmented.table(found), found, save)


@app.command()
def campaign(
    people: Annotated[int, typer.Option(help="Of the store, all of them meant.")] = 1_000_000,
    span: Annotated[int, typer.Option(help="Buckets of the store, 1 to 128.")] = 16,
    code: Annotated[bool, typer.Option(help="With a code for each.")] = True,
    asks: Annotated[bool, typer.Option(help="Each asks for an opinion, by a link.")] = False,
    save: Save = "",
) -> None:
    """From the start of a campaign to its outbox; a raw COPY of the same rows; memory."""
    from ringdove.bench import campaign as one
    from ringdove.bench import report

    report.quiet()
    found = one.run(people, span, with_code=code, asks=asks)
    _tell(one.table(found), found, save)


@app.command()
def redirect(
    messages: Annotated[int, typer.Option(help="Messages whose links are there.")] = 100_000,
    openings: Annotated[int, typer.Option(help="Links opened from memory.")] = 100_000,
    per_s: Annotated[int, typer.Option(help="The even pace at which times are taken.")] = 500,
    seconds: Annotated[float, typer.Option(help="How long that pace is kept, three times.")] = 5.0,
    span: Annotated[int, typer.Option(help="Buckets of the store, 1 to 128.")] = 1,
    save: Save = "",
) -> None:
    """Links opened: from the database, from memory, at an even pace; a plain Starlette 302."""
    from ringdove.bench import ground, report
    from ringdove.bench import redirect as opening

    _demand_compiler()
    report.quiet()
    found: dict[str, Any] = {"machine": ground.machine()}
    with ground.temporary_home() as home:
        wish = opening.Wish(messages, openings, per_s, seconds, span)
        found |= report.run(opening.measure(home, wish))
    _tell(opening.table(found), found, save)


@app.command()
def reports(
    messages: Annotated[int, typer.Option(help="Messages of the campaign.")] = 1_000_000,
    span: Annotated[int, typer.Option(help="Buckets of the store, 1 to 128.")] = 1,
    save: Save = "",
) -> None:
    """The report of a large campaign, its orders, and all offers; a bare count of its rows."""
    from ringdove.bench import ground, report
    from ringdove.bench import reports as reported

    report.quiet()
    found: dict[str, Any] = {"machine": ground.machine()}
    with ground.temporary_home() as home:
        found |= report.run(reported.measure(home, reported.Wish(messages, span)))
    _tell(reported.table(found), found, save)


@app.command()
def rehearsal(
    facts: Annotated[int, typer.Option(help="Facts of the month.")] = 1_000_000,
    waiting: Annotated[int, typer.Option(help="Runs that wait, to be counted; 0: none.")] = (
        1_000_000
    ),
    recipe: Annotated[list[str] | None, typer.Option(help="These only.")] = None,
    span: Annotated[int, typer.Option(help="Buckets of the store, 1 to 128.")] = 1,
    save: Save = "",
) -> None:
    """What automations would have done over a month of facts; the numbers on their steps."""
    from ringdove.bench import ground, report
    from ringdove.bench import rehearsal as one

    report.quiet()
    found: dict[str, Any] = {"machine": ground.machine()}
    wish = one.Wish(facts, tuple(recipe or one.RECIPES), waiting, span)
    with ground.temporary_home() as home:
        found |= report.run(one.measure(home, wish))
    _tell(one.table(found), found, save)


@app.command()
def automations(
    facts: Annotated[int, typer.Option(help="Facts of one run.")] = 20_000,
    runs: Annotated[int, typer.Option(help="Runs, of which the median is told.")] = 3,
    waiting: Annotated[int, typer.Option(help="Runs that wait.")] = 1_000_000,
    due: Annotated[int, typer.Option(help="Of these, due at one time; 0: not.")] = 100_000,
    people: Annotated[int, typer.Option(help="For whom a clock strikes; 0: not.")] = 200_000,
    seconds: Annotated[float, typer.Option(help="How long events are sent; 0: not.")] = 20.0,
    per_s: Annotated[int, typer.Option(help="Events a second.")] = 100,
    processes: Annotated[int, typer.Option(help="That answer facts.")] = 2,
    span: Annotated[int, typer.Option(help="Buckets of the store, 1 to 128.")] = 1,
    save: Save = "",
) -> None:
    """Facts answered with twenty automations on and with none; a crowd that is due at one time."""
    from ringdove.bench import automations as one
    from ringdove.bench import ground, report

    report.quiet()
    found: dict[str, Any] = {"machine": ground.machine()}
    wish = one.Wish(facts, waiting, due, people, seconds, per_s, span, runs, processes)
    with ground.temporary_home() as home:
        found |= report.run(one.measure(home, wish))
    if seconds:
        with ground.temporary_home() as home:
            found["latency"] = report.run(one.measure_latency(home, wish))
    _tell(one.table(found), found, save)


@app.command()
def accessories(
    seeds: Annotated[int, typer.Option(help="Shops of each kind, 2 at least.")] = 10,
    people: Annotated[int, typer.Option(help="Of the store that is learnt; 0: none.")] = 200_000,
    lines: Annotated[int, typer.Option(help="Lines of their orders.")] = 1_000_000,
    span: Annotated[int, typer.Option(help="Buckets of the store, 1 to 128.")] = 1,
    save: Save = "",
) -> None:
    """What is bought after what, guessed for goods new to the customer, beside cosine; its cost."""
    from ringdove.bench import accessories as guessing
    from ringdove.bench import ground, report

    report.quiet()
    found: dict[str, Any] = {"machine": ground.machine(), "seeds": seeds}
    found["guessed"] = guessing.guessed(seeds)
    if people:
        with ground.temporary_home() as home:
            wish = guessing.Wish(seeds, people, lines, span)
            found["cost"] = report.run(guessing.cost(home, wish))
    _tell(guessing.table(found), found, save)


@app.command()
def draw(folder: Path, page: Path) -> None:
    """Write what was saved in a folder into the page of benchmarks."""
    from ringdove.bench import drawing

    print("drawn:", ", ".join(drawing.draw(folder, page)) or "nothing")


@app.command()
def replies(
    texts: Annotated[str, typer.Option(help="The folder of texts with what they mean.")] = "",
    train: Annotated[str, typer.Option(help="Write weights learnt from them to this file.")] = "",
    save: Save = "",
) -> None:
    """What people write back: how much of it is understood, by language and intent."""
    from ringdove.bench import replies as one

    folder = Path(texts) if texts else one.TEXTS
    try:
        if train:
            print(f"{one.train(folder, Path(train)):,} pieces of words have weights.")
        found = one.measure(folder)
    except FileNotFoundError as wrong:
        print(wrong, file=sys.stderr)
        raise typer.Exit(1) from None
    _tell(one.table(found), found, save)
