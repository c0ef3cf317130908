"""A million people by COPY, the same for a seed: names in five languages, numbers of six countries,
addresses, permissions with their ledger, places, and orders for a third of them.

What other measurements of people stand on. Rows are written as the text that COPY reads, in chunks,
so that memory does not grow with their number.
"""

import asyncio
import random
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate, islice
from zlib import crc32

from psycopg import AsyncConnection, sql

from ringdove.bench.people_names import COUNTRIES, Country
from ringdove.kit.buckets import BUCKETS, id_floor
from ringdove.rules.consent import ledger
from ringdove.rules.scenes import Store

CHUNK = 20_000
BEGINS = timedelta(days=900)  # ago, the first of them was met
MAIL = ("gmail.com", "mail.ru", "yandex.by", "tut.by", "libero.it", "icloud.com", "example.org")
FORM_WORDS = "Yes, tell me of offers by text, at most four a month. I can stop at any time."
TOPICS = ("topic/loyalty", "topic/social", "topic/new_goods")
SLOT = 63  # of the ids: none of a process that runs beside
NONE = r"\N"


@dataclass(frozen=True, slots=True)
class Person:
    """One of them, as all the tables have it."""

    n: int
    id: int
    bucket: int
    phone: str
    email: str
    account: str
    name: str
    language: str
    country: str
    city: str
    zones: str  # as an array is written
    marketing: str
    said_at: datetime
    origin: str
    created_at: datetime
    orders: int
    spent: float
    last_order_at: datetime | None
    sex: str
    birthday: str
    fields: str
    scopes: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Filled:
    """How many rows there are now."""

    people: int
    orders: int
    consents: int


def people(store: Store, count: int, now: datetime, seed: int = 1) -> Iterator[Person]:
    """The people of a store, the oldest first; the same each time."""
    chance = random.Random(seed)
    roll, below = chance.random, chance.randrange
    shares = list(accumulate(country.share for country in COUNTRIES))
    every = BEGINS / count
    for n in range(count):
        country = COUNTRIES[bisect(shares, roll() * shares[-1])]
        is_woman = roll() < 0.58
        first, family = _name(country, is_woman, roll)
        phone = _phone(country, n)
        index = (store.bucket_base + crc32(f"phone/{phone}".encode()) % store.bucket_span) % 128
        created = now - BEGINS + n * every
        new_id = id_floor(created) | SLOT << 16 | (n & 511) << 7 | index
        orders = 0 if roll() > 1 / 3 else 1 + int(roll() ** 4 * 8)
        last = created + (now - created) * roll() if orders else None
        says = roll()
        marketing = (
            "in" if says < 0.55 else "out" if says < 0.64 else "asked" if says < 0.67 else "none"
        )
        language = country.languages[below(len(country.languages))]
        yield Person(
            n=n,
            id=new_id,
            bucket=BUCKETS[index],
            phone=phone,
            email=_email(first, family, n) if roll() < 0.7 else "",
            account=f"u{n}" if roll() < 0.5 else "",
            name=f"{first} {family}" if roll() < 0.97 else "",
            language=language,
            country=country.code,
            city=country.cities[int(roll() ** 2 * len(country.cities))] if roll() < 0.8 else "",
            zones=f"{{{','.join(country.zones)}}}",
            marketing=marketing,
            said_at=created + (now - created) * (0 if marketing == "in" else roll() * 0.5),
            origin=("order", "form", "import", "app")[int(roll() ** 2 * 4)],
            created_at=created,
            orders=orders,
            spent=orders * (9 + below(9000) / 100),
            last_order_at=last,
            sex=("f" if is_woman else "m") if roll() < 0.6 else "",
            birthday=f"{1950 + below(55)}-{1 + below(12):02}-{1 + below(28):02}"
            if roll() < 0.3
            else NONE,
            fields=f'{{"size": "{36 + below(14)}"}}' if roll() < 0.2 else "{}",
            scopes=f'{{"{TOPICS[below(3)]}": ["out", "{created.isoformat()}"]}}'
            if roll() < 0.04
            else "{}",
            seen_at=(last or created).replace(hour=0, minute=0, second=0, microsecond=0),
        )


def _name(country: Country, is_woman: bool, roll: Callable[[], float]) -> tuple[str, str]:
    """The first of each list are the commonest, as in life."""
    firsts = country.women if is_woman else country.men
    first = firsts[int(roll() ** 1.7 * len(firsts))]
    begin = country.begins[int(roll() ** 1.3 * len(country.begins))]
    return first, begin + country.ends[int(roll() ** 1.3 * len(country.ends))][not is_woman]


def _phone(country: Country, n: int) -> str:
    """Another for every n: the multiplier shares no factor with the number of places."""
    places = len(country.prefixes) * 10**country.digits
    prefix, rest = divmod(n * 7_654_321 % places, 10**country.digits)
    return f"+{country.dial}{country.prefixes[prefix]}{rest:0{country.digits}}"


_LATIN = str.maketrans(
    dict(zip("абвгдезийклмнопрстуфхцыэ", "abvgdezijklmnoprstufhcye", strict=True))
    | {"ё": "e", "ж": "zh", "ч": "ch", "ш": "sh", "щ": "sch", "ю": "yu"}
    | {"я": "ya", "ь": "", "ъ": ""}
    | dict(zip("áéíóúñłżśńęąóćźëò", "aeiounlzsneaoczeo", strict=True))
    | {"'": ""}
)  # fmt: skip


@lru_cache(100_000)
def _latin(name: str) -> str:
    return name.lower().translate(_LATIN)


def _email(first: str, family: str, n: int) -> str:
    """In the ways in which people make them."""
    one, two = _latin(first), _latin(family)
    local = (f"{one}.{two}{n}", f"{one[:1]}{two}{n}", f"{one}{n}", f"{two}_{one}{n}")[n % 4]
    return f"{local}@{MAIL[n * 7 % len(MAIL)]}"


# ------------------------------------------------------------------ into the tables

COPY = "COPY {table} ({columns}) FROM STDIN"
CONTACT = (
    "bucket", "store_id", "id", "phone", "email", "name", "language", "country", "city", "zones",
    "marketing", "marketing_at", "origin", "created_at", "orders", "spent", "last_order_at", "sex",
    "birthday", "fields", "scopes", "seen_at", "ledger_seq", "ledger_hash",
)  # fmt: skip
REF = ("bucket", "store_id", "kind", "value", "contact_id", "row_id")
EVENT = (
    "bucket", "store_id", "id", "contact_id", "at", "scope", "change", "source", "words",
    "language", "who", "seq", "prev", "hash",
)  # fmt: skip
ORDER = (
    "bucket", "store_id", "id", "contact_id", "key", "number", "state", "placed_at", "changed_at",
    "paid_at", "total", "currency",
)  # fmt: skip
TABLES = ("contact", "contact_ref", "consent_event", "purchase_order")
FRESH = "VACUUM (ANALYZE) contact, contact_ref, consent_event, purchase_order"


async def fill(
    url: str,
    store: Store,
    count: int,
    now: datetime,
    *,
    seed: int = 1,
    keyed: Callable[[str], str] | None = None,
    orders: bool = True,
) -> Filled:
    """Writes the people of a store and all that hangs on them. `keyed`: the hash of this store
    (Runtime.keyed), with which the ledger's rows are as real ones; without, there are none."""
    made = orders_made = consents = 0
    links = [await AsyncConnection.connect(url) for _ in TABLES]
    try:
        source = people(store, count, now, seed)
        while chunk := list(islice(source, CHUNK)):
            said = {one.id: _said(store, one, keyed) for one in chunk if keyed and _has_said(one)}
            bought = [_order(store, one, k) for one in chunk if orders for k in range(one.orders)]
            lines = (
                (CONTACT, [_contact(store, one, said.get(one.id)) for one in chunk]),
                (REF, [line for one in chunk for line in _refs(store, one, orders)]),
                (EVENT, [event for _, event in said.values()]),
                (ORDER, bought),
            )
            await asyncio.gather(
                *(
                    _copy(link, table, columns, some)
                    for link, table, (columns, some) in zip(links, TABLES, lines, strict=True)
                )
            )
            made, orders_made = made + len(chunk), orders_made + len(bought)
            consents += len(said)
    finally:
        for link in links:
            await link.close()
    async with await AsyncConnection.connect(url, autocommit=True) as link:
        await link.execute(FRESH)
    return Filled(made, orders_made, consents)


async def _copy(
    link: AsyncConnection[tuple[object, ...]], table: str, columns: Sequence[str], lines: list[str]
) -> None:
    if not lines:
        return
    statement = sql.SQL(COPY).format(
        table=sql.Identifier(table), columns=sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    async with link.cursor().copy(statement) as out:
        await out.write("".join(lines))
    await link.commit()


def _contact(store: Store, one: Person, said: tuple[str, str] | None) -> str:
    said_at = one.said_at if one.marketing != "none" else NONE
    return (
        f"{one.bucket}\t{store.id}\t{one.id}\t{one.phone}\t{one.email or NONE}\t{one.name}\t"
        f"{one.language}\t{one.country}\t{one.city}\t{one.zones}\t{one.marketing}\t{said_at}\t"
        f"{one.origin}\t{one.created_at}\t{one.orders}\t{one.spent:.2f}\t"
        f"{one.last_order_at or NONE}\t{one.sex}\t{one.birthday}\t{one.fields}\t{one.scopes}\t"
        f"{one.seen_at}\t{1 if said else 0}\t{said[0] if said else ''}\n"
    )


def _refs(store: Store, one: Person, orders: bool) -> Iterator[str]:
    keys = [("phone", one.phone), ("email", one.email), ("account", one.account)]
    found = [(kind, value, NONE) for kind, value in keys if value]
    if orders:
        found += [("order", _key(one, k), str(_order_id(one, k))) for k in range(one.orders)]
    for kind, value, row_id in found:
        place = crc32(f"{kind}/{value}".encode()) % store.bucket_span
        bucket = BUCKETS[(store.bucket_base + place) % 128]
        yield f"{bucket}\t{store.id}\t{kind}\t{value}\t{one.id}\t{row_id}\n"


def _has_said(one: Person) -> bool:
    return one.marketing != "none"


def _said(store: Store, one: Person, keyed: Callable[[str], str] | None) -> tuple[str, str]:
    """The hash of the person's one row of the ledger, and the row."""
    assert keyed is not None
    salt = keyed(f"salt/{one.id}")
    row = {
        "store_id": store.id, "contact_id": one.id, "seq": 1, "at": one.said_at,
        "scope": "marketing", "change": one.marketing, "source": "form/1", "words": FORM_WORDS,
        "language": one.language, "ip": "", "device": "", "until": None, "prev": "",
        "who": sha256(f"{salt}/{one.phone or one.email}".encode()).hexdigest(),
    }  # fmt: skip
    digest = ledger.hash_of(row)
    return digest, (
        f"{one.bucket}\t{store.id}\t{one.id + (1 << 16)}\t{one.id}\t{one.said_at}\tmarketing\t"
        f"{one.marketing}\tform/1\t{FORM_WORDS}\t{one.language}\t{row['who']}\t1\t\t{digest}\n"
    )


def _key(one: Person, k: int) -> str:
    return f"{one.n * 9 + k}"


def _order_id(one: Person, k: int) -> int:
    """In the person's bucket, behind the person."""
    return one.id + ((k + 2) << 22)


def _order(store: Store, one: Person, k: int) -> str:
    assert one.last_order_at is not None
    at = one.created_at + (one.last_order_at - one.created_at) * (k + 1) / one.orders
    return (
        f"{one.bucket}\t{store.id}\t{_order_id(one, k)}\t{one.id}\t{_key(one, k)}\t"
        f"L-{one.n * 9 + k}\tdelivered\t{at}\t{at}\t{at}\t{one.spent / one.orders:.2f}\tBYN\n"
    )


def now() -> datetime:
    """The present, to the second, so that a chunk looks alike."""
    return datetime.now(UTC).replace(microsecond=0)
