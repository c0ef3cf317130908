"""A shop's past year, made up: who came, what they looked at, bought, answered and were told.

Pure and deterministic: the same plan and moment give the same rows on every machine. Writing them
is demo/world.py.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from ringdove.demo import befriending, joining, letters, purchases
from ringdove.demo.asking import Asking
from ringdove.demo.chance import Chance, Rhythm, Weighed
from ringdove.demo.goods import Good, catalogue
from ringdove.demo.people import COUNTRIES, Person, everybody
from ringdove.demo.reminding import Reminding
from ringdove.demo.rows import Keyed, Known, Rows, Word
from ringdove.demo.selling import ORDERS_MAX, Selling
from ringdove.demo.talking import Talking
from ringdove.rules.consent import ways_in
from ringdove.rules.facts import read
from ringdove.rules.people import phones
from ringdove.rules.policy import READY_TOPICS
from ringdove.rules.scenes import Store
from ringdove.rules.sending.prices import PriceList

PHONE = "Mozilla/5.0 (Linux; Android 16; Pixel 9) Chrome/144.0 Mobile"
BUYERS = 0.93  # of all customers; the others have only made an account
Tables = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Plan:
    """How much past a store has."""

    seed: str
    people: int
    orders: int
    visits: int
    carts: int
    homes: Weighed[str]
    goods: int = 300
    days: int = 365
    parks_one: bool = False
    ways_in: bool = False  # with forms, keyword, fields of joining.py, campaigns of selling.py


def make_past(
    plan: Plan, store: Store, keyed: Keyed, *, connection: int, sms: int, email: int,
    now: datetime, prices: PriceList | None = None, link_key: bytes = b"", address: str = "",
    site: int = 0, staff: Sequence[int] = (),
) -> Tables:  # fmt: skip
    """The rows of every table. `address`: under which people reach our pages; `site`: the
    connection that tells visits and carts; 0: nobody told them; `staff`: who answers people."""
    rows = Rows(store, now, sms, email, prices)
    goods = catalogue()[: plan.goods]
    _goods(rows, goods)
    people = everybody(plan.seed, plan.people, plan.homes)
    chance = Chance(plan.seed, "past")
    rhythm = Rhythm(store.time_zone, now, plan.days)
    bought = list(_buyers(chance, rhythm.moments(chance, plan.orders), plan.people))
    known = _meet(rows, people, bought, rhythm, Chance(plan.seed, "joined"))
    asking = Asking(rows, address) if plan.ways_in else None
    shop = purchases.Shop(rows, goods, Chance(plan.seed, "orders"), connection, asking)
    for place, (at, n) in enumerate(bought):
        shop.order(known[n], people[n], at, purchases.FIRST_KEY + place)
    tells = Site(rows, site) if site else None
    _visits(rows, plan, known, people, goods, rhythm, tells)
    after = purchases.FIRST_KEY + plan.orders + ORDERS_MAX
    reminding = Reminding(rows, shop, keyed, link_key, address, after) if plan.ways_in else None
    _carts(rows, plan, known, people, goods, rhythm, tells, reminding)
    if plan.parks_one:
        _park_one(rows, connection)
    if plan.ways_in:
        _permissions(rows, known, Chance(plan.seed, "permissions"))
        orders: dict[int, list[datetime]] = defaultdict(list)
        for at, n in bought:
            orders[known[n].id].append(at)
        first_key = purchases.FIRST_KEY + plan.orders
        Selling(rows, shop, keyed, link_key, address, orders, first_key).tell(known, people)
    Talking(rows, staff).tell(known)
    if plan.ways_in:
        befriending.invite(rows, keyed, known)
    for who in known:
        rows.chain(who, keyed)
    _people(rows, plan, people, known)
    return rows.close()


def _buyers(
    chance: Chance, moments: Sequence[datetime], people: int
) -> Iterator[tuple[datetime, int]]:
    """Who orders when: a steady stream of new customers, and those who come back."""
    loyal: list[float] = []
    for at in moments:
        if not loyal or (len(loyal) < people and chance.happens(BUYERS * people / len(moments))):
            loyal.append(chance.random())
            yield at, len(loyal) - 1
        else:
            one, other, third = (chance.below(len(loyal)) for _ in range(3))
            yield at, max(one, other, third, key=loyal.__getitem__)


def _goods(rows: Rows, goods: Sequence[Good]) -> None:
    language = rows.store.languages[0]
    changed_at = rows.now - timedelta(days=40)
    for good in goods:
        rows.put(
            "product", rows.bucket(f"product/{good.sku}"), good.sku, good.name(language),
            good.categories[language], good.brand, good.price,
            f"{rows.store.website}/p/{good.product_id}", good.stock, changed_at,
        )  # fmt: skip


def _meet(
    rows: Rows, people: Sequence[Person], bought: Sequence[tuple[datetime, int]],
    rhythm: Rhythm, chance: Chance,
) -> list[Known]:  # fmt: skip
    """Everybody, from their first order on, or from some day when they only made an account."""
    first: dict[int, datetime] = {}
    for at, n in bought:
        first.setdefault(n, at)
    others = rhythm.moments(chance, len(people))
    zones: dict[tuple[str, str], list[str]] = {}
    known = []
    for n, person in enumerate(people):
        at = first.get(n) or others[chance.below(len(others))]
        zones.setdefault(
            (person.country, person.state),
            list(phones.zones(person.phone, person.country, person.state)),
        )
        known.append(_known(rows, person, at, "order" if n in first else "account", zones))
    return known


def _known(
    rows: Rows, person: Person, at: datetime, origin: str, zones: dict[tuple[str, str], list[str]]
) -> Known:
    account = "" if person.is_guest and origin == "order" else str(person.number)
    keys = [
        (kind, value)
        for kind, value in (
            ("phone", person.phone), ("account", account), ("email", person.email),
        )
        if value
    ]  # fmt: skip
    bucket = rows.bucket("/".join(keys[0]))
    who = Known(
        id=rows.id_at(bucket, at),
        bucket=bucket,
        name=person.name,
        phone=person.phone or None,
        phone_doubt=None if person.phone else person.typed_phone,
        email=person.email or None,
        wish=person.language,
        language=letters.spoken(person.language, person.country, rows.store.languages),
        country=person.country,
        region=person.state,
        city=person.city,
        zones=zones[person.country, person.state] if person.phone else [],
        created_at=at,
        origin=origin,
        account=account,
    )
    for kind, value in keys:
        rows.refer(kind, value, who)
    return who


@dataclass(frozen=True)
class Site:
    """Writes what the shop's site told: the facts behind visits and carts, as long as facts are
    kept, so that one can see what an automation would have made of them."""

    rows: Rows
    connection: int

    def tell(self, kind: str, key: str, person: Person, at: datetime, **more: Any) -> None:
        """One fact about somebody's doing."""
        if at < self.rows.kept_since:
            return
        customer = {"phone": person.typed_phone, "email": person.email, "country": person.country}
        body = {"id": key, "kind": kind, "at": at.isoformat(), "customer": customer} | more
        subject = read(json.dumps(body)).subject()
        bucket, heard_at = self.rows.bucket(subject), at + timedelta(milliseconds=300)
        written = json.dumps(body, ensure_ascii=False)
        self.rows.put("fact", bucket, self.rows.id_at(bucket, heard_at), self.connection, key, kind,
                      at, heard_at, written)  # fmt: skip
        self.rows.count(at, "facts")


def _visits(
    rows: Rows, plan: Plan, known: Sequence[Known], people: Sequence[Person],
    goods: Sequence[Good], rhythm: Rhythm, tells: Site | None,
) -> None:  # fmt: skip
    chance = Chance(plan.seed, "visits")
    curious = Weighed({n: 0.2 + chance.random() ** 3 * 5 for n in range(len(known))})
    language = rows.store.languages[0]
    for n, at in enumerate(rhythm.moments(chance, plan.visits)):
        place = chance.weighed(curious)
        if at < known[place].created_at:  # nobody knew them yet: somebody else came
            place = chance.weighed(curious)
        who = known[place]
        if at < who.created_at:
            continue
        who.seen(at)
        good = goods[int(chance.random() ** 1.6 * len(goods))]
        channel = "app" if chance.happens(0.22) else "web"
        rows.put("visit", who.bucket, rows.id_at(who.bucket, at), who.id, at, channel,
                 f"/p/{good.product_id}", good.sku, good.categories[language])  # fmt: skip
        if tells:
            tells.tell("visit.made", f"visit/{n}", people[place], at, sku=good.sku,
                       page=f"/p/{good.product_id}", channel=channel)  # fmt: skip


def _carts(
    rows: Rows, plan: Plan, known: Sequence[Known], people: Sequence[Person],
    goods: Sequence[Good], rhythm: Rhythm, tells: Site | None, reminding: Reminding | None,
) -> None:  # fmt: skip
    chance = Chance(plan.seed, "carts")
    for n, at in enumerate(rhythm.moments(chance, plan.carts)):
        place = chance.below(len(known))
        who = known[place]
        if at < who.created_at:
            continue
        some = [chance.one_of(goods) for _ in range(1 + chance.below(3))]
        items = [
            {
                "name": good.name(who.language),
                "quantity": "1",
                "price": str(good.price),
                "sku": good.sku,
            }
            for good in some
        ]
        key, cart_id = f"c{n:05}", rows.id_at(who.bucket, at)
        state = "emptied" if chance.happens(0.3) else "open"
        rows.refer("cart", key, who, cart_id)
        rows.put(
            "cart", who.bucket, cart_id, who.id, key, state, at, sum(good.price for good in some),
            f"{rows.store.website}/cart/{key}", json.dumps(items, ensure_ascii=False),
        )  # fmt: skip
        if tells:
            total = str(sum(good.price for good in some))
            tells.tell("cart.changed", f"cart/{key}/0", people[place], at, cart=key, lines=items,
                       total=total, currency=rows.store.currency,
                       url=f"{rows.store.website}/cart/{key}")  # fmt: skip
            if state == "emptied":
                tells.tell("cart.changed", f"cart/{key}/1", people[place],
                           at + chance.span(600, 9_000), cart=key)  # fmt: skip
        if reminding:
            fact = {"kind": "cart.changed", "at": at.isoformat(), "cart": key, "lines": items}
            reminding.cart(who, people[place], fact, at, state == "emptied")


def _park_one(rows: Rows, connection: int) -> None:
    """A fact about an order that nobody has ever told: a person has to look at it (P11)."""
    heard_at = rows.now - timedelta(days=3, hours=2)
    bucket, key = rows.bucket("order/99871"), "99871"
    fact_id = rows.id_at(bucket, heard_at)
    body = {"id": f"order/{key}/parcel/delivered", "kind": "parcel.moved", "order": key}
    body |= {"at": heard_at.isoformat(), "state": "delivered"}
    rows.put("fact", bucket, fact_id, connection, body["id"], "parcel.moved", heard_at, heard_at,
             json.dumps(body))  # fmt: skip
    parked_at = heard_at + timedelta(days=3)
    rows.put("pending_fact", bucket, fact_id, parked_at, 71, f"waits for order/{key}",
             f"order/{key}", parked_at)  # fmt: skip
    rows.count(parked_at, "parked")


def _people(rows: Rows, plan: Plan, people: Sequence[Person], known: Sequence[Known]) -> None:
    chance = Chance(plan.seed, "births")
    for person, who in zip(people, known, strict=True):
        is_woman = person.first_name in COUNTRIES[person.country].women
        birthday, children = _births(rows, chance)
        if who.last_order_at:
            who.seen(who.last_order_at)
        rows.put(
            "contact", who.bucket, who.id, who.phone, who.phone_doubt, who.email, who.name,
            who.wish, who.country, who.region, who.zones, who.marketing, "in", who.marketing_at,
            None, who.origin, who.created_at, who.orders, who.spent, who.last_order_at, who.city,
            ("f" if is_woman else "m") if chance.happens(0.6) else "", birthday, children,
            json.dumps(_own(chance) if plan.ways_in else {}), json.dumps(who.scopes),
            who.paused_until, who.seen_at, who.origin_note, len(who.said), who.ledger_hash,
        )  # fmt: skip


def _own(chance: Chance) -> dict[str, Any]:
    """Values of the shop's own fields."""
    own: dict[str, Any] = {}
    if chance.happens(0.2):
        own["likes"] = chance.one_of(joining.FIELDS[1].choices)
    if chance.happens(0.1):
        own["club"] = True
    return own


def _permissions(rows: Rows, known: Sequence[Known], chance: Chance) -> None:
    """Some came by the shop's form or its poster, some left one topic or took a pause."""
    store = rows.store
    for who in known:
        at = who.created_at + chance.span(3_600, 90 * 86_400)
        if who.phone and who.marketing == "none" and at < rows.now and chance.happens(0.08):
            by_text = chance.happens(0.3)
            form = joining.TILL if by_text else joining.SITE
            said = ways_in.shown(form, store.name, store.policy, who.language).words()
            source = f"keyword/{joining.WORD.shown}" if by_text else f"form/{form.id}"
            ip, device = ("", "") if by_text else (f"203.0.113.{chance.below(250)}", PHONE)
            who.marketing, who.marketing_at, who.origin_note = "in", at, source
            who.said.append(Word(at, "marketing", "in", source, said, who.language, ip, device))
        if who.marketing != "in" or who.marketing_at is None:
            continue
        at = who.marketing_at + chance.span(86_400, 200 * 86_400)
        if at < rows.now and chance.happens(0.05):
            topic = f"topic/{chance.one_of(READY_TOPICS)}"
            who.scopes[topic] = ["out", at.isoformat()]
            who.said.append(Word(at, topic, "out", "link", f"[ ] {topic}", who.language))
        soon = rows.now - chance.span(3_600, 20 * 86_400)
        if who.marketing_at < soon and chance.happens(0.01):
            who.paused_until = soon + timedelta(days=30)
            who.said.append(
                Word(
                    soon,
                    "marketing",
                    "paused",
                    "link",
                    "30 d",
                    who.language,
                    until=who.paused_until,
                )
            )


def _births(rows: Rows, chance: Chance) -> tuple[date | None, list[date]]:
    """What some tell of themselves in an account: the birthday, the children's."""
    today = rows.now.date()
    birthday = today - timedelta(days=int(chance.between(19 * 365, 70 * 365)))
    children = [
        today - timedelta(days=int(chance.between(30, 15 * 365)))
        for _ in range(1 + chance.below(3))
    ]
    return birthday if chance.happens(0.35) else None, children if chance.happens(0.15) else []
