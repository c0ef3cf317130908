"""How well accessories are guessed: `ringdove bench accessories`.

Shops are made of which it is known what leads to what (accessories_ground.py); their last two
months are held out. For everybody who bought something new then, goods are put in order by what was
known before, and it is looked where the first stands that they did buy: among the first five (hit),
and one by its place (MRR). Ours is compared on the same people with item-item cosine, of all that
somebody bought and of what they bought lately, with what is popular, and with who knows all of the
shop but its dice. What can be set was set on shops of other seeds, never on these.

Then what it costs: a store is learnt, and goods are chosen for people in batches.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Final

from ringdove.bench import accessories_ground, ground, segments, segments_ground
from ringdove.bench.accessories_ground import KINDS, Kind, World
from ringdove.bench.segments_ground import Size
from ringdove.kit import db
from ringdove.records.goods import goods_choice, goods_lists
from ringdove.rules.goods import accessories
from ringdove.rules.goods.accessories import Had, Learnt
from ringdove.rules.wants import GoodsWish
from ringdove.workers import goods

FIRST: Final = 5  # of so many one is to be right
LOOKED_AT: Final = 50
LATELY_DAYS: Final = 180.0
BATCH: Final = 500  # people whose goods are chosen together
BATCHES: Final = 10
# Of Student's t, both sides together 5 %, by degrees of freedom from 1.
T: Final = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14,
            2.13, 2.12, 2.11, 2.10, 2.09)  # fmt: skip

BUYERS: Final = """
SELECT DISTINCT o.contact_id AS id FROM purchase_order o WHERE o.store_id = %(store_id)s
LIMIT %(most)s
"""

Order = Callable[[int], Sequence[str]]
"""Goods for a person, the likeliest first."""
Table = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is measured."""

    seeds: int
    people: int  # of the store that is learnt; 0: none is
    lines: int
    span: int


def guessed(seeds: int) -> dict[str, Any]:
    """Of each kind of shop, of each way, the means of all seeds; what ours is better by, with an
    interval over the seeds."""
    found = {}
    for kind in KINDS:
        runs = [of_shop(kind, seed) for seed in range(seeds)]
        ways = {
            way: {name: round(mean(run[way][name] for run in runs), 4) for name in ("hit", "mrr")}
            for way in runs[0]
        }
        found[kind.name] = {"ways": ways, "better": _better(runs, ways)}
    return found


def _better(runs: Sequence[Mapping[str, Mapping[str, float]]], ways: Any) -> dict[str, Any]:
    """Than the better cosine, seed by seed: the mean and its 95 % interval."""
    told: dict[str, Any] = {}
    for name in ("hit", "mrr"):
        than = max(("cosine", "cosine lately"), key=lambda way: ways[way][name])
        ahead = [run["ours"][name] - run[than][name] for run in runs]
        wide = T[min(len(ahead) - 1, len(T)) - 1] * stdev(ahead) / sqrt(len(ahead))
        told[name] = {
            "than": than, "by": round(mean(ahead), 4),
            "from": round(mean(ahead) - wide, 4), "to": round(mean(ahead) + wide, 4),
        }  # fmt: skip
    return told


def of_shop(kind: Kind, seed: int) -> dict[str, dict[str, float]]:
    """Of one shop, of each way, how often it was right."""
    world = accessories_ground.made(kind, seed)
    sold = {
        str(thing): str(world.category[thing])
        for thing, (begins, ends) in enumerate(world.sold)
        if begins <= world.cut < ends
    }
    learnt = Learnt(accessories.counted(world.before), sold)
    lists = dict(learnt.lists())
    near = cosine(world)

    def ours(person: int) -> list[str]:
        had = [
            Had(str(thing), str(world.category[thing]), world.cut - day)
            for thing, day in world.last[person].items()
        ]
        return [one.sku for one in accessories.wanted(lists, had)]

    def known(person: int) -> list[str]:
        truth = world.truth[person]
        return [str(thing) for thing in sorted(truth, key=lambda one: (-truth[one], one))]

    ways: dict[str, Order] = {
        "ours": ours,
        "cosine": lambda person: _by_cosine(world, near, sold, person, accessories_ground.DAYS),
        "cosine lately": lambda person: _by_cosine(world, near, sold, person, LATELY_DAYS),
        "popular": lambda person: _popular(world, lists, person),
        "all known": known,
    }
    return {name: _judged(world, order) for name, order in ways.items()}


def _judged(world: World, order: Order) -> dict[str, float]:
    places = []
    for person, new in world.after.items():
        right = {str(thing) for thing in new}
        some = order(person)[:LOOKED_AT]
        places.append(next((n for n, sku in enumerate(some, 1) if sku in right), 0))
    return {
        "hit": mean(0 < place <= FIRST for place in places),
        "mrr": mean(1 / place if place else 0.0 for place in places),
    }


def cosine(world: World) -> Table:
    """Item by item: of those who bought either, how many bought both."""
    theirs: dict[int, set[str]] = defaultdict(set)
    for one in world.before:
        theirs[one.person].add(one.sku)
    buyers: dict[str, int] = defaultdict(int)
    both: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for some in theirs.values():
        for sku in some:
            buyers[sku] += 1
            for other in some - {sku}:
                both[sku][other] += 1
    return {
        sku: {other: n / sqrt(buyers[sku] * buyers[other]) for other, n in some.items()}
        for sku, some in both.items()
    }


def _by_cosine(
    world: World, near: Table, sold: Mapping[str, str], person: int, days: float
) -> list[str]:
    scores: dict[str, float] = defaultdict(float)
    for thing, day in world.last[person].items():
        if world.cut - day <= days:
            for other, score in near.get(str(thing), {}).items():
                scores[other] += score
    return sorted(_new(world, scores, person, sold), key=lambda one: (-scores[one], one))


def _popular(world: World, lists: accessories.Lists, person: int) -> list[str]:
    return _new(world, [one.sku for one in lists[accessories.OF_SHOP]], person)


def _new(world: World, skus: Any, person: int, sold: Any = None) -> list[str]:
    theirs = {str(thing) for thing in world.last[person]}
    return [one for one in skus if one not in theirs and (sold is None or one in sold)]


# ------------------------------------------------------------------ what it costs


async def cost(home: Path, wish: Wish) -> dict[str, Any]:
    """Of learning a store, and of choosing for a batch of people."""
    found: dict[str, Any] = {"people": wish.people, "lines": wish.lines, "span": wish.span}
    async with ground.open_shop(home, "accessories", wish.span) as shop:
        now = datetime.now(UTC)
        async with db.transaction(shop.runtime.pool) as tx:
            await segments_ground.fill(tx, shop, Size(wish.people, wish.lines, 0), now)
        await segments.vacuum(shop, segments_ground.TABLES)
        with ground.meter(home) as spent:
            await goods.learn(shop.runtime, shop.store)
        found["learnt"] = _told(spent)
        async with db.transaction(shop.runtime.pool) as tx:
            learnt = await goods_lists.learnt(tx, shop.store)
            given = {"store_id": shop.store.id, "most": BATCH * BATCHES}
            people = [row["id"] async for row in await tx.execute(BUYERS, given)]
        assert learnt is not None
        found |= {"goods": learnt.goods, "lists": learnt.lists}
        took = []
        with ground.meter(home) as spent:
            for n in range(0, len(people), BATCH):
                wishes = [GoodsWish(one, "accessories", (), "") for one in people[n : n + BATCH]]
                began = time.perf_counter()
                async with db.transaction(shop.runtime.pool) as tx:
                    await goods_choice.choose(tx, shop.store, wishes, now)
                took.append(time.perf_counter() - began)
        found["chosen"] = _told(spent) | {"people": len(people), "batch_ms": _ms(mean(took))}
    return found


def _told(spent: Any) -> dict[str, float]:
    return {
        "wall_s": round(spent.wall_s, 2), "ours_s": round(spent.ours_s, 2),
        "postgres_s": round(spent.postgres_s, 2),
    }  # fmt: skip


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def table(found: Mapping[str, Any]) -> str:
    """The same for people."""
    lines = [
        ground.machine_line(found["machine"]),
        f"{found['seeds']} shops of each kind; two months held out; goods new to the customer",
        "",
        f"{'':12}{'':16}{'hit of 5':>10}{'MRR':>8}   ours better than the better cosine, 95 %",
    ]
    for kind, told in found["guessed"].items():
        for way, one in told["ways"].items():
            better = _says_better(told["better"]) if way == "ours" else ""
            named = kind if way == "ours" else ""
            lines.append(f"{named:12}{way:16}{one['hit']:>10.3f}{one['mrr']:>8.3f}{better}")
    if cost := found.get("cost"):
        learnt, chosen = cost["learnt"], cost["chosen"]
        cpu = chosen["ours_s"] + chosen["postgres_s"]
        lines += [
            "",
            f"learnt from {cost['lines']:,} lines of {cost['people']:,} people, {cost['goods']:,}"
            f" goods: {learnt['wall_s']} s (CPU: ours {learnt['ours_s']} s, PostgreSQL's"
            f" {learnt['postgres_s']} s), {cost['lists']:,} lists",
            f"chosen for {chosen['people']:,} people, {BATCH} at once: {chosen['batch_ms']} ms a"
            f" batch, {cpu / chosen['people'] * 1e6:.0f} µs of CPU a person",
        ]
    return "\n".join(lines)


def _says_better(better: Mapping[str, Any]) -> str:
    hit, mrr = better["hit"], better["mrr"]
    return (
        f"   hit +{hit['by']:.3f} ({hit['from']:.3f} to {hit['to']:.3f}),"
        f" MRR +{mrr['by']:.3f} ({mrr['from']:.3f} to {mrr['to']:.3f})"
    )
