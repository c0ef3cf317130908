"""Runs the measurements of `ringdove bench react` one after another and tells them."""

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from ringdove.bench import ground, latency
from ringdove.bench import react as answering

T = TypeVar("T")
SPANS = (1, 128)  # a small shop, and a merchant spread over all buckets
WARM_FACTS = 500


def react(facts: int, runs: int, seconds: float, per_s: int, idle_s: float) -> dict[str, Any]:
    """All figures, by name."""
    quiet()
    found: dict[str, Any] = {"machine": ground.machine()}
    with ground.temporary_home() as home:
        run(answering.answer(home, 1, WARM_FACTS, "warm"))
        for span in SPANS:
            done = [
                run(answering.answer(home, span, facts, f"span {span} run {n}"))
                for n in range(runs)
            ]
            found[f"buckets_{span}"] = answering.summed_up(done)
    with ground.temporary_home() as home:
        if seconds:
            found["latency"] = run(latency.measure(home, per_s, seconds, "latency"))
        if idle_s:
            found["idle"] = run(latency.idle(home, idle_s, "idle"))
    return found


def quiet() -> None:
    """As workers/staff.py runs: what is loaded stays, rings are looked for rarely; no log lines."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def run(work: Coroutine[Any, Any, T]) -> T:
    """On the loop that the product runs on."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def table(found: dict[str, Any]) -> str:
    """The same for people."""
    lines = [
        ground.machine_line(found["machine"]),
        "",
        f"{'':34}{'1 bucket':>12}{'128 buckets':>14}",
    ]
    one, wide = found["buckets_1"], found["buckets_128"]
    for name, words in (
        ("answered_per_s", "facts answered a second"),
        ("us_ours", "our CPU a fact, µs"),
        ("us_postgres", "PostgreSQL's CPU a fact, µs"),
        ("heard_per_s", "facts heard a second (500 at once)"),
        ("floor_per_s", "floor: bare COPY, a second"),
        ("times_the_floor", "times the floor"),
    ):
        lines.append(f"{words:34}{one[name]:>12,}{wide[name]:>14,}")
    lines.append(
        f"({one['facts']:,} facts make {one['messages']:,} texts; median of {one['runs']})"
    )
    if late := found.get("latency"):
        lines += [
            "",
            f"event to submit_sm at {late['per_s']} a second: p50 {late['p50_ms']} ms,"
            f" p99 {late['p99_ms']} ms, worst {late['max_ms']} ms"
            f" ({late['arrived']} of {late['events']} arrived)",
            f"CPU meanwhile: serve {late['cpu_serve']} %, work {late['cpu_work']} %,"
            f" postgres {late['cpu_postgres']} %",
        ]
    if idle := found.get("idle"):
        lines.append(
            f"idle over {idle['seconds']:g} s: serve {idle['cpu_serve']} %, work"
            f" {idle['cpu_work']} %, postgres {idle['cpu_postgres']} %"
        )
    return "\n".join(lines)
