"""Measurements: `ringdove bench react`. Each runs on a PostgreSQL of its own, prints a table for
people and one line of JSON for programs, and never touches a database that is in use.
"""

import json
from typing import Annotated

import typer

app = typer.Typer(
    help="Measure this machine.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)


@app.callback()
def _measure() -> None:
    """Measure this machine, on a database made for it and thrown away."""


@app.command()
def react(
    facts: Annotated[int, typer.Option(help="Facts of one run.")] = 20_000,
    runs: Annotated[int, typer.Option(help="Runs, of which the median is told.")] = 3,
    seconds: Annotated[float, typer.Option(help="How long events are sent; 0: not.")] = 20.0,
    per_s: Annotated[int, typer.Option(help="Events a second.")] = 100,
    idle_s: Annotated[float, typer.Option(help="How long nothing happens; 0: not.")] = 20.0,
) -> None:
    """Facts heard and answered, the time from an event to the operator's wire, and idle CPU."""
    from ringdove.bench import report

    found = report.react(facts, runs, seconds, per_s, idle_s)
    print(report.table(found))
    print(json.dumps(found))
