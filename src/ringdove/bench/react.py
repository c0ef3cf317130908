"""How fast facts are heard and answered, and what one costs: `ringdove bench react`.

Everything is measured on a PostgreSQL of its own with the product's own functions: facts written
as a door writes them, answered by workers/react, recipes on. The median of several runs is told.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from ringdove.bench import floor, ground, mix
from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.rules import facts
from ringdove.workers import react

HEARD_AT_ONCE = 500  # as many as a busy door or a catch-up writes in one transaction


@dataclass(frozen=True, slots=True)
class Answered:
    """One run."""

    facts: int
    messages: int
    heard: ground.Spent
    answered: ground.Spent
    bare: ground.Spent


async def answer(home: Path, span: int, count: int, name: str) -> Answered:
    """Hears `count` facts of a new store, then answers them all."""
    told = mix.told(count, datetime.now(UTC))
    async with ground.open_shop(home, name, span) as shop:
        with ground.meter(home) as heard:
            await hear(shop, told)
        with ground.meter(home) as answered:
            await react.answer_due(shop.runtime)
        messages = await floor.messages_made(shop)
        bare = await floor.measure(shop, told, messages, home)
    return Answered(len(told), messages, heard, answered, bare)


async def hear(shop: ground.Shop, told: list[facts.Fact]) -> None:
    """Writes facts as a door does."""
    runtime = shop.runtime
    for start in range(0, len(told), HEARD_AT_ONCE):
        some = told[start : start + HEARD_AT_ONCE]
        async with db.transaction(runtime.pool) as tx:
            await fact_records.write(tx, shop.store, 1, some, runtime.clock(), runtime.ids)


def summed_up(runs: list[Answered]) -> dict[str, Any]:
    """The medians of some runs, per fact."""

    def of(figure: Any) -> float:
        return float(median(figure(run) for run in runs))

    def us(figure: Any) -> float:
        return round(of(lambda run: figure(run) / run.facts * 1e6), 1)

    return {
        "facts": runs[0].facts,
        "messages": runs[0].messages,
        "runs": len(runs),
        "heard_per_s": round(of(lambda r: r.facts / r.heard.wall_s)),
        "answered_per_s": round(of(lambda r: r.facts / r.answered.wall_s)),
        "us_ours": us(lambda r: r.answered.ours_s),
        "us_postgres": us(lambda r: r.answered.postgres_s),
        "us_hear_ours": us(lambda r: r.heard.ours_s),
        "us_hear_postgres": us(lambda r: r.heard.postgres_s),
        "floor_per_s": round(of(lambda r: r.facts / r.bare.wall_s)),
        "times_the_floor": round(of(lambda r: r.answered.wall_s / r.bare.wall_s), 1),
    }
