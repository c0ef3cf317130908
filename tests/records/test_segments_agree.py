"""A tree of conditions in SQL and in Python, asked about the same people, means the same ones."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from ringdove.kit import db
from ringdove.kit.buckets import INDEX_OF, bucket_of, bucket_of_id, id_floor
from ringdove.records import scenes
from ringdove.records.segments import figures, pictures
from ringdove.records.segments import segments as records
from ringdove.records.segments.segments import Count
from ringdove.rules.segments import segments
from ringdove.rules.segments.pictures import Picture, holds
from ringdove.rules.segments.segments import TREE, Node
from tests.flows.conftest import Shop, open_shop

Told = dict[str, Any]
DAY = timedelta(days=1)
# A plain day; a leap day; the last of February, in Paris already March; the clock goes back.
NOWS = [
    datetime(2026, 11, 18, 12, 0, tzinfo=UTC),
    datetime(2028, 2, 29, 9, 30, tzinfo=UTC),
    datetime(2027, 2, 28, 23, 30, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
]
SKUS = {f"s{n}": ["", "Acme", "Ünique"][n % 3] for n in range(9)}
CATEGORIES = ["shoes", "tea", "books"]
CITIES = ["Минск", "минск", "МИНСК", "Málaga", "malaga", "MÁLAGA ", "Орёл", "Орел", "", "a.c"]
PAGES = ["/sale", "https://shop.example/sale/1", "/new?x=1", "/s.le", "", "sale"]
CAMPAIGNS = [None, 1, 2]
OFFERS = [1, 2]
PEOPLE = 70

PUT = """
INSERT INTO {table} ({names})
SELECT {names} FROM jsonb_populate_recordset(NULL::{table}, %s) r
"""


class World:
    """A store with random people and a random past."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop = shop
        self.chance = random.Random(seed)
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.heard = 0

    def add(self, table: str, person: dict[str, Any], **row: Any) -> int:
        """A row about a person, in their bucket; its id."""
        row = {"bucket": person["bucket"], "store_id": self.shop.store.id} | row
        row["contact_id"] = person["id"]
        self.rows.setdefault(table, []).append(row)
        return int(row.get("id", 0))

    def id_beside(self, person: dict[str, Any], at: datetime | None = None) -> int:
        """An id of when somebody heard of it: a little later."""
        if at is None:
            return self.shop.runtime.ids.make(person["bucket"])
        self.heard += 1
        floor = id_floor(at + timedelta(minutes=5))
        return floor + (self.heard << 7) | INDEX_OF[person["bucket"]]

    def moment(self) -> datetime:
        """Near where a rule draws a line."""
        days = self.chance.choice([0, 0, 1, 1, 2, 3, 7, 30, 45, 400])
        jitter = self.chance.choice([0, 0, 1, -1, 3_600_000_000, -3_600_000_000, 40_000_000_000])
        return self.chance.choice(NOWS) - days * DAY - timedelta(microseconds=jitter)

    def birth(self) -> date:
        now = self.chance.choice(NOWS).date()
        year = now.year - self.chance.choice([0, 1, 2, 3, 18, 19, 30, 60])
        if self.chance.random() < 0.2:
            return date(2024 if year > 2000 else 1996, 2, 29)
        return date(year, now.month, min(now.day, 28)) + self.chance.randint(-3, 9) * DAY

    def people(self) -> list[dict[str, Any]]:
        """Random people, some of them one person with others."""
        some = [self._person(n) for n in range(PEOPLE)]
        rest = self.chance.sample(some, PEOPLE // 3)
        for main, one, two in zip(rest[::3], rest[1::3], rest[2::3], strict=False):
            main["also"] = [one["id"], two["id"]]
            one["merged_into"] = two["merged_into"] = main["id"]
        self.rows["contact"] = some
        return some

    def _person(self, n: int) -> dict[str, Any]:
        chance, key = self.chance, f"phone/+375291{n:06}"
        store = self.shop.store
        bucket = bucket_of(store.bucket_base, store.bucket_span, key)
        scopes = {
            scope: [chance.choice(["in", "out"]), "2026-01-01T00:00:00+00:00"]
            for scope in ("topic/a", "category/tea") if chance.random() < 0.4
        }  # fmt: skip
        fields = {
            "size": chance.choice(["XL", "xl", "Größe", "a|b"]),
            "pets": chance.choice([0, 1, 2, 1.5]),
            "until": (self.moment().date() + chance.randint(0, 5) * DAY).isoformat(),
            "vip": chance.random() < 0.5,
        }  # fmt: skip
        return {
            "bucket": bucket, "store_id": store.id, "id": self.shop.runtime.ids.make(bucket),
            "phone": f"+375291{n:06}" if chance.random() < 0.8 else None,
            "email": "a@example.com" if chance.random() < 0.5 else None, "name": f"P{n}",
            "language": chance.choice(["ru", "en", None]),
            "country": chance.choice(["BY", "ES", None]),
            "region": chance.choice(["Орловская", "орловская", None]),
            "zones": [], "marketing": chance.choice(["in", "out", "none", "asked"]),
            "service": "in", "origin": chance.choice(["order", "form"]),
            "origin_note": chance.choice(["form/1", ""]),
            "created_at": self.moment(), "orders": 0, "spent": 0, "city": chance.choice(CITIES),
            "sex": chance.choice(["", "f", "m"]),
            "birthday": self.birth() if chance.random() < 0.7 else None,
            "children": sorted(self.birth() for _ in range(chance.choice([0, 0, 1, 2]))),
            "fields": {k: v for k, v in fields.items() if chance.random() < 0.6},
            "scopes": scopes, "merged_into": None, "also": [],
            "erased_at": NOWS[0] if chance.random() < 0.04 else None, "agreed_phones": [],
            "ledger_seq": 0, "ledger_hash": "",
        }  # fmt: skip

    def past(self, who: dict[str, Any]) -> None:
        """What somebody did, under one of their names."""
        chance = self.chance
        for _ in range(chance.choice([0, 0, 1, 1, 2, 5])):
            self._order(who)
        for _ in range(chance.choice([0, 0, 1, 3])):
            at = self.moment()
            self.add(
                "visit", who, id=self.id_beside(who, at), at=at, page=chance.choice(PAGES),
                channel=chance.choice(["web", "app"]), sku=chance.choice(["", *SKUS]),
                category=chance.choice(["", *CATEGORIES]),
            )  # fmt: skip
        for _ in range(chance.choice([0, 0, 1, 2])):
            items = [
                {"name": "x", "quantity": 1, "price": 1, "sku": chance.choice(["", *SKUS]),
                 "category": chance.choice(["", *CATEGORIES])}
                for _ in range(chance.choice([1, 2]))
            ]  # fmt: skip
            self.add(
                "cart", who, id=self.id_beside(who), key=str(len(self.rows)), url="",
                state=chance.choice(["open", "open", "ordered"]), changed_at=self.moment(),
                total=chance.choice([5, 10]), items=items,
            )  # fmt: skip
        for _ in range(chance.choice([0, 0, 1, 3])):
            self._message(who)
        for _ in range(chance.choice([0, 1])):
            self._text(who, self.moment())
        for offer in OFFERS:
            if chance.random() < 0.3:
                self.add("reward_given", who, id=self.id_beside(who), reward_id=offer,
                         at=self.moment(), code="", points=0, is_welcome=False)  # fmt: skip
            if chance.random() < 0.2:
                self.add("offer_use", who, reward_id=offer, order_id=self.id_beside(who), code="",
                         at=self.moment(), freed_at=chance.choice([None, NOWS[0]]))  # fmt: skip

    def _order(self, who: dict[str, Any]) -> None:
        chance = self.chance
        order_id, state = (
            self.id_beside(who),
            chance.choice(["placed", "paid", "cancelled", "returned"]),
        )
        at = self.moment()
        self.add(
            "purchase_order", who, id=order_id, key=str(order_id), number="", state=state,
            channel=chance.choice(["web", "app"]), placed_at=at, changed_at=at,
            cancelled_at=at if state in ("cancelled", "returned") else None,
            total=chance.choice([10, 20, 30]),
            currency=chance.choice(["BYN", "BYN", "", "EUR"]), payment_due=False, payment_url="",
            url="", invoice_number="", invoice_url="",
        )  # fmt: skip
        for n in range(chance.choice([0, 1, 2, 3])):
            self.rows.setdefault("order_line", []).append({
                "bucket": who["bucket"], "store_id": self.shop.store.id, "order_id": order_id,
                "line": n, "sku": chance.choice(["", *SKUS]), "name": "x",
                "quantity": chance.choice([1, 2, 0.5]), "price": chance.choice([5, 10]),
                "category": chance.choice(["", *CATEGORIES]),
            })  # fmt: skip

    def _message(self, who: dict[str, Any]) -> None:
        chance, at = self.chance, self.moment()
        state = chance.choice(["sent", "delivered", "failed", "expired", "dropped", "waiting"])
        sent = at if state not in ("dropped", "waiting") else None
        done = at + timedelta(minutes=5) if state not in ("sent", "waiting") else None
        message_id = self.add(
            "message", who, id=self.id_beside(who), channel="sms", topic="offers", cause="campaign",
            recipe="", gateway_id=1, recipient="", sender="", subject="", body="", language="",
            encoding="", parts=1, not_before=at, not_after=at, created_at=at, why="", state=state,
            reason="", sent_at=sent, done_at=done, campaign_id=chance.choice(CAMPAIGNS),
            parts_delivered=0, parts_failed=0, guard="", network="", cost_currency="", attempts=0,
            category="", occasion="", own_hours="", variant=0, place="", goods=[], sku="",
            **{"class": chance.choice(["marketing", "marketing", "service"])},
        )  # fmt: skip
        for _ in range(chance.choice([0, 0, 1, 2])):
            clicked = at + chance.choice([0, 1, 2]) * DAY
            self.add(
                "link_click", who, id=self.id_beside(who, clicked), message_id=message_id,
                number=0, at=clicked, kind=chance.choice(["person", "robot"]), device="",
            )  # fmt: skip
        if chance.random() < 0.5:
            late = chance.choice([timedelta(0), DAY, 3 * DAY, -DAY])
            self._text(who, at + late)

    def _text(self, who: dict[str, Any], at: datetime) -> None:
        self.add("inbound", who, id=self.id_beside(who, at), gateway_id=1, sender="", recipient="",
                 body="", intent="", at=at)  # fmt: skip

    async def write(self) -> None:
        """All of it, with the figures that are kept of it."""
        shop, store = self.shop, self.shop.store
        everyone = self.people()
        for who in everyone:
            self.past(who)
        self.rows["product"] = [
            {"bucket": bucket_of(store.bucket_base, store.bucket_span, f"product/{sku}"),
             "store_id": store.id, "sku": sku, "name": "", "category": "", "brand": brand,
             "url": "", "changed_at": NOWS[0]}
            for sku, brand in SKUS.items()
        ]  # fmt: skip
        self.rows["campaign"] = [
            {"store_id": store.id, "id": n, "name": "", "state": "done", "plan": {"offer": offer},
             "created_at": NOWS[0], "changed_at": NOWS[0], "version": 1}
            for n, offer in ((1, 1), (2, 0))
        ]  # fmt: skip
        self.rows["rhythm"] = [
            {"store_id": store.id, "category": category, "people": 9, "gap_days": gap,
             "weight": 1.7, "spent": 25, "learnt_at": NOWS[0]}
            for category, gap in (("", 6.3), ("tea", 2.1))
        ]  # fmt: skip
        async with db.transaction(shop.runtime.pool) as tx:
            for table, rows in self.rows.items():
                names = sql.SQL(", ").join(map(sql.Identifier, rows[0]))
                put = sql.SQL(PUT).format(table=sql.Identifier(table), names=names)
                await tx.execute(put, [db.document(rows)])
            cursor = await tx.execute("SELECT * FROM contact")
            people = [scenes.contact_of(row) for row in await cursor.fetchall()]
            living = [one for one in people if not (one.merged_into or one.erased_at)]
            await figures.count_anew(tx, store, living)
            for n, tree in enumerate(NAMED, 1):
                assert await records.create(tx, store, f"S{n}", tree, NOWS[0]) == n


# ------------------------------------------------------------------ trees

small = st.integers(-2, 6).map(Decimal) | st.sampled_from(
    [Decimal("0.5"), Decimal(10), Decimal(30)]
)


@st.composite
def ranges(draw: st.DrawFn, numbers: Any = small) -> dict[str, Any]:
    ends = sorted(draw(st.lists(numbers, min_size=0, max_size=2)))
    found = {}
    if len(ends) == 2:
        found = {"at_least": ends[0], "at_most": ends[1]}
    elif ends:
        found = {draw(st.sampled_from(["at_least", "at_most"])): ends[0]}
    return found


days = st.sampled_from([0, 1, 2, 3, 7, 30, 45])
dates = st.sampled_from([now.date() - n * DAY for now in NOWS for n in (0, 1, 2, 30)])
spans = st.fixed_dictionaries(
    {}, optional={"within_days": days, "before_days": days, "since": dates, "until": dates}
)


def some(values: Any, most: int = 3) -> Any:
    return st.lists(st.sampled_from(values), max_size=most, unique=True)


def leaf_of(name: str, needs: dict[str, Any] | None = None, **may: Any) -> Any:
    return st.fixed_dictionaries({"leaf": st.just(name), **(needs or {})}, optional=may)


goods = st.fixed_dictionaries(
    {}, optional={"categories": some(CATEGORIES), "brands": some(["Acme", "Ünique", "None"]),
                  "skus": some(list(SKUS))},
)  # fmt: skip
some_goods = st.fixed_dictionaries(
    {"categories": st.lists(st.sampled_from(CATEGORIES), min_size=1, max_size=2)}
)
channels = some(["web", "app"], 1)
LEAVES = [
    leaf_of("bought", goods=goods, when=spans, times=ranges(), pieces=ranges(), spent=ranges(),
            channels=channels),
    leaf_of("bought", {"goods": some_goods, "times": ranges()}, when=spans),
    leaf_of("bought", goods=goods, when=spans),
    leaf_of("orders", times=ranges(), spent=ranges(), average=ranges(), first=spans, last=spans),
    leaf_of("visited", goods=goods, when=spans, times=ranges(), channels=channels,
            pages=some(["/sale", "/new", "https://shop", "/s.le"])),
    leaf_of("visited", goods=goods, when=spans),
    leaf_of("cart", goods=goods, total=ranges(),
            hours=ranges(st.sampled_from([0, 1, 24, 72, 200]))),
    leaf_of("place", countries=some(["by", "ES"]), regions=some(["орловская"]),
            cities=some(["МинСК", "malaga", "Málaga ", "орел", "a.c", "abc"])),
    leaf_of("age", {"years": ranges(st.sampled_from([0, 1, 2, 17.5, 18, 30, 500, -1]))}),
    leaf_of("sex", {"sex": st.sampled_from(["f", "m", "unknown"])}),
    leaf_of("birthday", {"in_days": ranges(st.integers(-4, 9) | st.just(400))}),
    leaf_of("children", years=ranges(st.integers(0, 4)),
            birthday_in_days=ranges(st.integers(0, 9)), number=ranges(st.integers(0, 2))),
    leaf_of("language", {"languages": some(["ru", "en", ""])}),
    leaf_of("origin", origins=some(["order", "form"]), notes=some(["form/1"]), when=spans),
    leaf_of("field", {"key": st.sampled_from(["size", "pets", "until", "vip", "none"])},
            words=some(["xl", "GRÖSSE", "größe", "a|b", "a"]), number=ranges(), when=spans,
            in_days=ranges(st.integers(-3, 6)), yes=st.booleans()),
    leaf_of("field", {"key": st.sampled_from(["pets"])}, number=ranges()),
    leaf_of("field", {"key": st.sampled_from(["until"])}, in_days=ranges(st.integers(-3, 6))),
    leaf_of("texts",
            {"what": st.sampled_from(["sent", "delivered", "failed", "clicked", "replied"])},
            campaign=st.sampled_from([1, 2]), when=spans, times=ranges()),
    leaf_of("permission", {"states": st.lists(st.sampled_from(["none", "asked", "in", "out"]),
            min_size=1, max_size=2)}, scope=st.sampled_from(["marketing", "service", "topic/a"])),
    leaf_of("reach", {"channel": st.sampled_from(["sms", "email"])}),
    leaf_of("offer", {"offer": st.sampled_from(OFFERS)}, used=st.booleans()),
    leaf_of("rfm", {"classes": st.lists(st.sampled_from(segments.RfmClass.__args__), min_size=1,
            max_size=3)}),
    leaf_of("due", {"in_days": ranges(st.integers(-9, 9))},
            category=st.sampled_from(["", "tea", "shoes"])),
    leaf_of("segment", {"segment": st.sampled_from([1, 2, 3])}),
]  # fmt: skip
leaves = st.one_of(LEAVES)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda of: {"leaf": "all", "of": of}),
        st.lists(inner, max_size=4).map(lambda of: {"leaf": "any", "of": of}),
        inner.map(lambda of: {"leaf": "not", "of": of}),
    ),
    max_leaves=8,
)
NAMED = [
    TREE.validate_python({"leaf": "bought", "goods": {"categories": ["tea"]}}),
    TREE.validate_python({"leaf": "not", "of": {"leaf": "segment", "segment": 1}}),
    TREE.validate_python({"leaf": "any", "of": [
        {"leaf": "segment", "segment": 2}, {"leaf": "sex", "sex": "f"}]}),
]  # fmt: skip

IDS = sql.SQL("""
SELECT c.id FROM contact c WHERE c.bucket = %(bucket)s AND c.store_id = %(store_id)s
  AND c.merged_into IS NULL AND c.erased_at IS NULL AND {narrow}
""")


async def _in_sql(
    shop: Shop, trees: list[Node], now: datetime, buckets: list[int]
) -> list[set[int]]:
    found = []
    async with db.transaction(shop.runtime.pool) as tx:
        for tree in trees:
            meant = await records.condition(tx, shop.store, tree, now)
            statement = IDS.format(narrow=meant.sql)
            asked = [{**meant.params, "bucket": one, "store_id": shop.store.id} for one in buckets]
            cursors = await db.execute_each(tx, statement, asked)  # type: ignore[arg-type]
            found.append({row["id"] for one in cursors for row in await one.fetchall()})
    return found


def _or_not(leaf: st.SearchStrategy[Told]) -> st.SearchStrategy[Told]:
    return leaf | leaf.map(lambda of: {"leaf": "not", "of": of})


@contextmanager
def _living(url: str, home: Path, span: int) -> Iterator[tuple[Any, Shop, dict[int, Picture]]]:
    with asyncio.Runner() as runner:
        opened = open_shop(url, home, span=span, time_zone="Europe/Paris")
        shop = runner.run(opened.__aenter__())
        try:
            world = World(shop, seed=span)
            runner.run(world.write())

            async def load() -> dict[int, Picture]:
                async with db.transaction(shop.runtime.pool) as tx:
                    ids = [row["id"] for row in world.rows["contact"]]
                    return await pictures.load(
                        tx, shop.store, ids, await records.trees(tx, shop.store)
                    )

            yield runner, shop, runner.run(load())
        finally:
            runner.run(opened.__aexit__(None, None, None))


@pytest.mark.slow
@pytest.mark.parametrize(("span", "examples"), [(1, 40), (128, 4)])
def test_sql_and_python_mean_the_same_people(
    database_url: str, tmp_path: Path, span: int, examples: int
) -> None:
    """R20–R22, R24, N2: of random trees about random people, many of them merged."""
    met: dict[str, list[int]] = {}
    with _living(database_url, tmp_path, span) as (runner, shop, known):
        buckets = sorted({bucket_of_id(one) for one in known})

        @settings(
            max_examples=examples, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(
            st.tuples(*map(_or_not, LEAVES)),
            st.lists(trees, min_size=3, max_size=6),
            st.sampled_from(NOWS),
        )
        def agree(each: list[Told], joined: list[Told], now: datetime) -> None:
            asked = [TREE.validate_python(told) for told in (*each, *joined)]
            in_sql = runner.run(_in_sql(shop, asked, now, buckets))
            for tree, meant in zip(asked, in_sql, strict=True):
                one_by_one = {who: holds(tree, picture, now) for who, picture in known.items()}
                differ = {
                    who: reason for who, (is_in, reason) in one_by_one.items()
                    if is_in != (who in meant)
                }  # fmt: skip
                assert not differ, (tree, now, dict(list(differ.items())[:2]))
                for leaf in segments.leaves(tree):
                    met.setdefault(leaf.leaf, []).append(len(meant))
            counted = runner.run(records.count(shop.runtime.pool, shop.store, tree, now))
            assert counted == Count(len(meant)), (tree, now)

        agree()
    if span == 1:  # every kind of condition was met where it tells people apart
        telling = {kind for kind, sizes in met.items() if any(0 < n < len(known) for n in sizes)}
        assert telling >= segments.KINDS - {"all", "any", "not"}, segments.KINDS - telling
