"""`ringdove bench send`: the runs one after another, Kannel beside them, and a table of it all."""

from pathlib import Path
from typing import Any, Final

from ringdove.bench import ground, kannel, send
from ringdove.bench.report import quiet, run

KANNEL_MESSAGES_MAX: Final = 50_000  # it is slow, and its rate does not change with the number
WARM: Final = 2_000


def measure(wish: send.Wish, runs: int, with_kannel: bool) -> dict[str, Any]:
    """All figures, by name: the run of the median rate, and every run's rate."""
    quiet()
    found: dict[str, Any] = {"machine": ground.machine()}
    done: list[dict[str, Any]] = []
    for n in range(runs):
        # Each on a database of its own: a run must not pay for the one before.
        with ground.temporary_home() as home:
            done.append(_one(home, wish, f"run {n}"))
    found["send"] = sorted(done, key=lambda one: int(one["per_s"]))[len(done) // 2]
    found["every_per_s"] = [one["per_s"] for one in done]
    found["verified"] = all(one["verified"] for one in done)
    if with_kannel:
        found["kannel"] = _beside(wish)
    return found


def _one(home: Path, wish: send.Wish, name: str) -> dict[str, Any]:
    try:
        return run(send.measure(home, wish, name))
    except (RuntimeError, TimeoutError) as error:
        log = home / "processes.log"
        words = log.read_text(errors="replace")[-2000:] if log.exists() else ""
        raise RuntimeError(f"{error}\n{words}".strip()) from error


def _beside(wish: send.Wish) -> dict[str, Any]:
    if why_not := kannel.why_not():
        return {"skipped": why_not}
    with ground.temporary_home(database=False) as home:
        return kannel.measure(home, min(wish.messages, KANNEL_MESSAGES_MAX))


# ------------------------------------------------------------------ for people


def table(found: dict[str, Any]) -> str:
    """The same for people."""
    one, us = found["send"], found["send"]["us"]
    memory = one["memory_mb"]
    lines = [
        ground.machine_line(found["machine"]),
        "",
        f"{one['messages']:,} messages, {one['span']} buckets"
        + (f", after {one['stored']:,} stored before" if one["stored"] else ""),
        "",
        _line("messages a second, receipts persisted", f"{one['per_s']:,}"),
        _line("every run", ", ".join(f"{n:,}" for n in found["every_per_s"])),
        _line("by tenths of the run", f"{min(one['rates']):,} to {max(one['rates']):,}"),
        _line("our CPU a message, µs", us["ringdove"]),
        _line("PostgreSQL's CPU a message, µs", us["postgres"]),
        _line("the SMSC's CPU a message, µs", us["smsc"]),
        _line("write-ahead log a message, bytes", f"{one['wal_bytes']:,}"),
        _line("memory at a tenth / at most, MB", f"{memory['at_a_tenth']} / {memory['peak']}"),
        _line("floor: COPY + UPDATE + wire, a second", f"{one['floor_per_s']:,}"),
        _line("of the floor", f"{ratio(one):.2f}"),
        _line("floor with receipt rows too, a second", f"{one['whole_floor_per_s']:,}"),
        _line("of that floor", f"{ratio(one, 'whole_floor_per_s'):.2f}"),
        _line("each delivered once", "yes" if found["verified"] else f"NO: {one['states']}"),
    ]
    if beside := found.get("kannel"):
        lines += ["", *_kannel_lines(beside, one)]
    return "\n".join(lines)


def ratio(one: dict[str, Any], floor: str = "floor_per_s") -> float:
    """How much of the floor's rate was reached."""
    return float(one["per_s"] / one[floor])


def _line(words: str, figure: object) -> str:
    return f"{words:44}{figure!s:>24}"


def _kannel_lines(beside: dict[str, Any], one: dict[str, Any]) -> list[str]:
    if "skipped" in beside:
        return [f"Kannel: skipped. {beside['skipped']}"]
    return [
        _line("Kannel, messages a second with receipts", f"{beside['per_s']:,}"),
        _line("Kannel's CPU a message, µs", beside["us_kannel"]),
        _line("times Kannel", f"{one['per_s'] / beside['per_s']:.1f}"),
    ]
