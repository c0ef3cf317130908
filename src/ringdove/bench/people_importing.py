"""How long a list of people takes to come in, and how much memory: parsed, checked, written.

The list is as dirty as real ones are: numbers in eight forms and some that are none, names in three
alphabets, people who stand in it twice, yes and no in a column. `measure` takes an open ground; the
module can also be run by itself: `python -m ringdove.bench.people_importing --rows 1000000`.
"""

import argparse
import asyncio
import os
import random
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ringdove.bench.ground import Shop, machine, machine_line, meter, open_shop, temporary_home
from ringdove.kit import db
from ringdove.records.lists import imports
from ringdove.rules.lists import people_columns, people_files
from ringdove.rules.lists.people_rows import Plan
from ringdove.workers.lists import importing
from ringdove.workers.people import finding

ROWS = 1_000_000
GOAL_S = 120.0
FIRST = "Анна Олег Мария Иван Ольга Алесь Giulia Marco Łukasz Zofia Carmen José Anna John".split()
LAST = "Коваль Иванова Петров Сидорчук Rossi Bianchi Kowalska García Smith Müller".split()
CITIES = "Минск Брест Гродно Гомель Москва Roma Madrid Kraków".split()
SAID = ("да", "да", "да", "да", "yes", "", "нет", "1")


def lines(rows: int, seed: int = 7) -> Iterator[str]:
    """A list, line by line."""
    chance = random.Random(seed)
    yield "Телефон;Имя;E-mail;Город;Дата рождения;Согласие на рассылку;Дата согласия\r\n"
    for n in range(rows):
        # One in thirty stands in the list a second time.
        who = n if chance.random() > 0.033 else chance.randrange(n + 1)
        name = f"{FIRST[who % 14]} {LAST[who // 14 % 10]}"
        email = f"person{who}@example.com" if who % 3 else ""
        born = f"{1 + who % 28:02}.{1 + who % 12:02}.{1950 + who % 55}" if who % 4 else ""
        agreed = f"{1 + who % 28:02}.{1 + who % 12:02}.2025"
        yield (
            f"{_phone(who, chance)};{name};{email};{CITIES[who % 8]};{born};"
            f"{SAID[who % 8]};{agreed}\r\n"
        )


def _phone(who: int, chance: random.Random) -> str:
    operator = ("29", "33", "44", "25")[who % 4] + ("1", "6", "7", "5")[who // 4 % 4]
    if operator[:2] == "25":
        operator = "255" if who % 2 else "259"
    rest = f"{who % 1_000_000:06}"
    full = operator + rest
    match chance.randrange(100):
        case n if n < 40:
            return f"+375{full}"
        case n if n < 60:
            return f"8 (0{full[:2]}) {full[2:5]}-{full[5:7]}-{full[7:]}"
        case n if n < 75:
            return f"375{full}"
        case n if n < 85:
            return f"80{full}"
        case n if n < 90:
            return f"+375 {full[:2]} {full[2:5]} {full[5:7]} {full[7:]}"
        case n if n < 94:
            return f"+7 916 {rest[:3]}-{rest[2:4]}-{rest[4:]}"
        case n if n < 96:
            return f"моб. {full}, дом. 8 017 2{rest}"
        case n if n < 97:
            return f"{full} (после 18)"
        case n if n < 99:
            return rest[:5]
        case _:
            return ""


async def measure(shop: Shop, home: Path, rows: int = ROWS) -> dict[str, Any]:
    """A list of so many rows: seconds and rows a second of the check and of the run, and by how
    much this process grew."""
    with tempfile.TemporaryFile() as file:
        for line in lines(rows):
            file.write(line.encode())
        octets = file.tell()
        file.seek(0)
        sample = file.read(people_files.SAMPLE_BYTES)
        seen = people_files.look(sample, is_all=False)
        plan = Plan(
            dialect=seen.dialect, columns=people_columns.guess(seen, "BY"), country="BY",
            whence="agreed", provenance="Bench", words="Да, присылайте мне предложения по SMS",
            words_language="ru", agreed_on="2026-01-01",
        )  # fmt: skip
        file.seek(0)
        pieces = iter(lambda: file.read(imports.PIECE_BYTES), b"")
        async with db.transaction(shop.runtime.pool) as tx:
            now, ids = shop.runtime.clock(), shop.runtime.ids
            new_id = await imports.create(tx, shop.store, ids, "b.csv", pieces, plan, None, now)
    found: dict[str, Any] = {"rows": rows, "octets": octets}
    for step, name in (("check", "check"), ("run", "run")):
        rss, before = _reset_peak(), _ours_s()
        with meter(home) as spent:
            one = await _go(shop, new_id, step)
        found[name] = {
            "wall_s": round(spent.wall_s, 2),
            "rows_per_s": round(rows / spent.wall_s),
            "ours_s": round(_ours_s() - before, 2),
            "postgres_s": round(spent.postgres_s, 2),
            "grew_mb": round((_status("VmHWM") - rss) / 1024, 1),
            "reader_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, 1),
        }
        found["state"] = one.state
    with meter(home) as spent:  # as `ringdove work` does it afterwards
        steps = await finding.fill(shop.runtime, shop.store)
    found["findable"] = {
        "wall_s": round(spent.wall_s, 2), "ours_s": round(spent.ours_s, 2),
        "postgres_s": round(spent.postgres_s, 2), "steps": steps,
    }  # fmt: skip
    found |= {"forecast": dict(one.forecast), "counts": dict(one.counts)}
    return found


async def _go(shop: Shop, import_id: int, step: str) -> imports.Import:
    async with db.transaction(shop.runtime.pool) as tx:
        one = await imports.find(tx, shop.store, import_id, lock=True)
        assert one is not None
        await imports.step(tx, shop.store, one, step, shop.runtime.clock())
    await importing.work_through(shop.runtime, shop.store.id, import_id)
    async with db.transaction(shop.runtime.pool) as tx:
        one = await imports.find(tx, shop.store, import_id)
    assert one is not None
    return one


def _ours_s() -> float:
    """CPU seconds of this process and of those that read for it and have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _reset_peak() -> int:
    """Begins a new look at the largest memory; what it is now, in KB."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as out:
        out.write("5")
    return _status("VmRSS")


def _status(name: str) -> int:
    with open("/proc/self/status", encoding="ascii") as lines_of:
        return next(int(line.split()[1]) for line in lines_of if line.startswith(name + ":"))


def text(found: dict[str, Any]) -> str:
    """The figures in words."""
    said = [f"{found['rows']:,} rows, {found['octets'] / 1e6:.0f} MB ({found['state']})"]
    for name in ("check", "run"):
        one = found[name]
        said.append(
            f"{name:<6} {one['wall_s']:7.1f} s  {one['rows_per_s']:8,} rows/s  ours"
            f" {one['ours_s']:.1f} s  PostgreSQL {one['postgres_s']:.1f} s  grew"
            f" {one['grew_mb']:.0f} MB, a reader {one['reader_mb']:.0f} MB"
        )
    one = found["findable"]
    said.append(
        f"findable afterwards {one['wall_s']:.1f} s  ours {one['ours_s']:.1f} s  PostgreSQL"
        f" {one['postgres_s']:.1f} s"
    )
    return "\n".join(said)


def main() -> None:
    """By itself, on a PostgreSQL of its own."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--rows", type=int, default=ROWS)
    asked.add_argument("--span", type=int, default=128)
    given = asked.parse_args()

    async def run(home: Path) -> None:
        async with open_shop(home, "Import", span=given.span) as shop:
            found = await measure(shop, home, given.rows)
        print(text(found))
        print(found["counts"])

    print(machine_line(machine()), f"pid {os.getpid()}")
    with temporary_home() as home:
        asyncio.run(run(home))


if __name__ == "__main__":
    main()
