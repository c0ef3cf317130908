"""The figures of docs/benchmarks.md, drawn from what the measurements saved: `make bench`.

Each measurement saves its JSON in one folder; a page has places for them, `<!-- send -->` to
`<!-- /send -->`. What was not measured keeps the figures that the page has.
"""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from ringdove.bench import ground, redirect
from ringdove.bench.sending import ratio

Figures = dict[str, Any]


def draw(folder: Path, page: Path) -> list[str]:
    """Writes the figures into the page; the names of what was drawn."""
    words, drawn = page.read_text("utf-8"), list[str]()
    for name, section in SECTIONS.items():
        saved = sorted(folder.glob(f"{name}*.json"))
        place = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.S)
        if not saved or not place.search(words):
            continue
        text = section([json.loads(one.read_text("utf-8")) for one in saved])
        words = place.sub(lambda found, text=text: f"{found[1]}{text}{found[2]}", words)  # type: ignore[misc]
        drawn.append(name)
    page.write_text(words, "utf-8")
    return drawn


def save(found: Figures, path: str) -> None:
    """For a later drawing; an empty path: not."""
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(json.dumps(found) + "\n", "utf-8")


def _table(head: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    rule = ["---", *("---:" for _ in head[1:])]
    cells = [head, rule, *lines]
    return "".join(f"| {' | '.join(_cell(one) for one in line)} |\n" for line in cells)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


# ------------------------------------------------------------------ one measurement each


def _react(all_found: list[Figures]) -> str:
    found = all_found[0]
    one, wide = found["buckets_1"], found["buckets_128"]
    lines = [
        (words, one[name], wide[name])
        for name, words in (
            ("answered_per_s", "facts answered a second, one process"),
            ("us_ours", "our CPU a fact, µs"),
            ("us_postgres", "PostgreSQL's CPU a fact, µs"),
            ("heard_per_s", "facts heard a second, 500 at once"),
            ("floor_per_s", "floor: bare COPY, a second"),
            ("times_the_floor", "times the floor"),
        )
    ]
    text = f"{ground.machine_line(found['machine'])}. Medians of {one['runs']} runs of"
    text += f" {one['facts']:,} facts ({one['messages']:,} texts).\n\n"
    text += _table(("", "1 bucket", "128 buckets"), lines)
    if late := found.get("latency"):
        times = f"{late['p50_ms']} / {late['p99_ms']} / {late['max_ms']} ms"
        cpu = f"{late['cpu_serve']} / {late['cpu_work']} / {late['cpu_postgres']}"
        text += "\n" + _table(
            (f"at {late['per_s']} events a second (aim: p99 below a second)", ""),
            [
                ("event to submit_sm, p50 / p99 / worst", times),
                ("CPU of `serve` / `work` / PostgreSQL, per cent of a core", cpu),
            ],
        )
    if idle := found.get("idle"):
        cpu = f"{idle['cpu_serve']} / {idle['cpu_work']} / {idle['cpu_postgres']}"
        text += "\n" + _table(
            (f"idle, {idle['seconds']:g} s (aim: below 1)", ""),
            [("CPU of `serve` / `work` / PostgreSQL, per cent of a core", cpu)],
        )
    return text


def _send(all_found: list[Figures]) -> str:
    text = f"{ground.machine_line(all_found[0]['machine'])}.\n\n"
    sent = [found["send"] for found in all_found]
    head = ("", *(_title(one) for one in sent))
    rows: list[tuple[str, Callable[[Figures], object]]] = [
        ("messages a second, receipts persisted", lambda f: f["send"]["per_s"]),
        ("every run", lambda f: ", ".join(f"{n:,}" for n in f["every_per_s"])),
        ("slowest and fastest tenth", lambda f: _span(f["send"]["rates"])),
        ("our CPU a message, µs", lambda f: f["send"]["us"]["ringdove"]),
        ("PostgreSQL's CPU a message, µs", lambda f: f["send"]["us"]["postgres"]),
        ("the SMSC's CPU a message, µs", lambda f: f["send"]["us"]["smsc"]),
        ("write-ahead log a message, bytes", lambda f: f["send"]["wal_bytes"]),
        ("memory at a tenth, at most, MB", lambda f: _memory(f["send"]["memory_mb"])),
        ("floor: COPY, UPDATE, wire; µs", lambda f: _floor(f["send"]["floor_us"])),
        ("floor, messages a second", lambda f: f["send"]["floor_per_s"]),
        ("of the floor", lambda f: f"{ratio(f['send']):.2f}"),
        ("floor with map and receipt rows too, µs", lambda f: f["send"]["floor_us"]["receipts"]),
        ("of that floor", lambda f: f"{ratio(f['send'], 'whole_floor_per_s'):.2f}"),
        ("Kannel, messages a second", lambda f: _kannel(f, "per_s")),
        ("Kannel's CPU a message, µs", lambda f: _kannel(f, "us_kannel")),
        ("times Kannel", lambda f: _times(f)),
        ("each delivered once", lambda f: "yes" if f["verified"] else "NO"),
    ]
    return text + _table(head, [(words, *(of(f) for f in all_found)) for words, of in rows])


def _title(one: Figures) -> str:
    words = f"{one['messages']:,} messages, {one['span']} bucket{'s' * (one['span'] > 1)}"
    return words + (f", {one['stored']:,} stored before" if one["stored"] else "")


def _span(rates: list[int]) -> str:
    return f"{min(rates):,} to {max(rates):,}"


def _memory(memory: Figures) -> str:
    return f"{memory['at_a_tenth']:g}, {memory['peak']:g}"


def _floor(us: Figures) -> str:
    return f"{us['copy']:g} + {us['update']:g} + {us['wire']:g}"


def _kannel(found: Figures, name: str) -> object:
    return found.get("kannel", {}).get(name, "not measured")


def _times(found: Figures) -> str:
    beside = _kannel(found, "per_s")
    return f"{found['send']['per_s'] / beside:.1f}" if isinstance(beside, int) else ""


def _crash(all_found: list[Figures]) -> str:
    found = all_found[0]
    struck = [(name, n) for name, n in sorted(found["strikes"].items())]
    became = [
        ("messages", found["messages"]),
        ("lost, or told other than it was", found["lost"]),
        ("marketing texts doubled", found["marketing_doubled"]),
        ("service texts doubled", found["service_doubled"]),
        ("outcome unknown, each listed", found["unknown"]),
        ("of these arrived, by the SMSC's ledger", found["unknown_that_came"]),
    ]
    return _table(("struck", "rounds"), struck) + "\n" + _table(("what became of it", ""), became)


def _pieces(all_found: list[Figures]) -> str:
    return _table(
        ("in one process", "µs", "a second"),
        [(name, f"{us:.2f}", round(1e6 / us)) for name, us in all_found[0]["pieces"].items()],
    )


def _people(all_found: list[Figures]) -> str:
    first = all_found[0]
    head = [f"{f['people']:,} people, {f['span']} bucket{'s' * (f['span'] > 1)}" for f in all_found]

    def times(of: Callable[[Figures], Figures]) -> list[str]:
        return [
            f"{of(f)['p50_ms']:g} / {of(f)['p99_ms']:g} / {of(f)['max_ms']:g}" for f in all_found
        ]

    rows: list[tuple[object, ...]] = [("forty by their keys", *times(lambda f: f["probe"]))]
    for kind in first["typed"]:
        rows.append((f"typed: {kind}", *times(lambda f, kind=kind: f["typed"][kind])))  # type: ignore[misc]
    rows.append(("**all that was typed**", *times(lambda f: f["typed_all"])))
    rows.append(("times the forty, p99 of CPU", *(_of_probe(f, "typed_all") for f in all_found)))
    for kind in first["filters"]:
        rows.append((f"filter: {kind}", *times(lambda f, kind=kind: f["filters"][kind])))  # type: ignore[misc]
    rows.append(("**all filters**", *times(lambda f: f["filters_all"])))
    text = f"{ground.machine_line(first['machine'])}.\n\n"
    text += _table(("milliseconds, p50 / p99 / worst", *head), rows)
    return text + "\n" + _table(("", *head), _people_as_sets(all_found))


def _of_probe(found: Figures, name: str) -> str:
    return f"{found[name]['p99_cpu_ms'] / found['probe']['p99_cpu_ms']:.1f}"


def _of_bare_rows(found: Figures) -> str:
    return f"{found['importing']['run']['wall_s'] / found['floor']['copy_s']:.1f}"


def _people_as_sets(all_found: list[Figures]) -> list[tuple[object, ...]]:
    def each(of: Callable[[Figures], object], name: str = "") -> list[object]:
        return [of(f) if not name or name in f else "not measured" for f in all_found]

    return [
        ("searches that were typed", *each(lambda f: f["typed_all"]["n"])),
        ("CPU of one, ours and PostgreSQL's, ms",
         *each(lambda f: f"{f['typed_cpu_ms']['ours']} + {f['typed_cpu_ms']['postgres']}")),
        ("bytes a person to be found, rows and index",
         *each(lambda f: f"{f['bytes_each']['rows']} + {f['bytes_each']['index']}")),
        ("made findable later, people a second", *each(lambda f: f["findable_per_s"])),
        ("floor: as bare rows by COPY, s", *each(lambda f: f["floor"]["copy_s"])),
        ("floor: all read once, s", *each(lambda f: f["floor"]["read_s"])),
        ("decided for all as a set, s", *each(lambda f: f["deciding"]["set_s"], "deciding")),
        ("times the reading",
         *each(lambda f: f"{f['deciding']['set_s'] / f['floor']['read_s']:.1f}", "deciding")),
        ("decided for one in Python, µs", *each(lambda f: f["deciding"]["python_us"], "deciding")),
        ("list checked, s", *each(lambda f: f["importing"]["check"]["wall_s"], "importing")),
        ("list imported, s", *each(lambda f: f["importing"]["run"]["wall_s"], "importing")),
        ("times the bare rows", *each(_of_bare_rows, "importing")),
        ("memory it grew by, MB", *each(lambda f: f["importing"]["run"]["grew_mb"], "importing")),
    ]  # fmt: skip


def _redirect(all_found: list[Figures]) -> str:
    found = all_found[0]
    head = ("", "a second", "p50 / p99, ms", "our CPU, µs", "of Starlette", "stolen, %")
    lines = []
    for name, words in redirect.KINDS.items():
        one = found[name]
        bare = found["starlette_paced" if "paced" in name else "starlette"]
        lines.append(
            (words, one["per_s"], f"{one['p50_ms']:g} / {one['p99_ms']:g}", f"{one['us_ours']:g}",
             redirect.ratio(one, bare), f"{one['stolen_percent']:g}")
        )  # fmt: skip
    told = found["written"]
    text = f"{ground.machine_line(found['machine'])}. {found['messages']:,} messages lie there;"
    text += f" {told['clicks']:,} of {told['opened']:,} clicks and {told['facts']:,} of"
    return text + f" {told['links']:,} facts were written.\n\n" + _table(head, lines)


def _automations(all_found: list[Figures]) -> str:
    found = all_found[0]
    on, off = found["on"], found["off"]
    lines = [
        (words, on[name], off[name])
        for name, words in (
            ("answered_per_s", "facts answered a second"),
            ("us_ours", "our CPU a fact, µs"),
            ("us_postgres", "PostgreSQL's CPU a fact, µs"),
            ("floor_per_s", "floor: bare COPY, a second"),
            ("times_the_floor", "times the floor"),
        )
    ]
    text = f"{ground.machine_line(found['machine'])}. {found['processes']} processes answer."
    text += f" Medians of {on['runs']} runs of {on['facts']:,} facts, which make"
    text += f" {on['messages']:,} texts.\n\n" + _table(("", "20 on", "all off"), lines)
    crowd: list[tuple[str, object]] = []
    if woken := found.get("wake"):
        cpu = f"{woken['us_ours']} / {woken['us_postgres']}"
        times = f"{woken['order_p50_ms']} / {woken['order_worst_ms']} ms"
        crowd = [
            ("runs that wait", woken["waiting"]),
            ("due at one time (aim: answered in a minute)", woken["due"]),
            ("seconds until all are answered", woken["seconds"]),
            ("our / PostgreSQL's CPU each, µs", cpu),
            (f"{woken['orders']} orders meanwhile, p50 / worst", times),
        ]
    if struck := found.get("strike"):
        crowd.append(("told a second that their time has come", struck["told_per_s"]))
    if late := found.get("latency"):
        times = f"{late['p50_ms']} / {late['p99_ms']} / {late['max_ms']} ms"
        crowd.append((f"event to submit_sm at {late['per_s']} a second, p50 / p99 / worst", times))
    return text + ("\n" + _table(("a crowd", ""), crowd) if crowd else "")


SECTIONS: Final[dict[str, Callable[[list[Figures]], str]]] = {
    "react": _react,
    "send": _send,
    "crash": _crash,
    "pieces": _pieces,
    "people": _people,
    "redirect": _redirect,
    "automations": _automations,
}
