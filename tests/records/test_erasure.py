"""Erasing one person: nothing of them is left in any column of any table (P12)."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.records.consent import suppression
from ringdove.records.keeping import erasure
from ringdove.records.keeping.erasure import Wish
from ringdove.records.sending import messages, wire
from ringdove.records.sending.messages import Settled
from ringdove.records.sending.receipts import Receipt
from ringdove.records.sending.wire import Packet
from ringdove.rules import facts
from ringdove.rules.consent import ledger
from tests.flows.conftest import NOON, Shop, order, paid, parcel, text

pytestmark = pytest.mark.slow

PHONE, NATIONAL, EMAIL = "+375291119753", "8 (029) 111-97-53", "zinaida.petrovich@mail.example"
NAME = "Зинаида Петрович"
OF_HER = ("375291119753", "291119753", "111-97-53", "zinaida", "петрович", "зинаида", "zx-90817",
          "1990-05-17", "2015-03-03")  # fmt: skip
HER = {
    "phone": NATIONAL, "email": EMAIL, "name": NAME, "country": "BY", "account": "acc-zinaida-7",
    "region": "Минская", "language": "ru",
}  # fmt: skip


def life() -> list[facts.Fact]:
    """All that can happen to a person."""
    at = NOON
    return [
        order("zx-90817", customer=HER, url=f"https://x.example/o/{EMAIL}", payment_due=True,
              payment_url="https://x.example/pay/zinaida",
              consent={"marketing": True, "words": "Да, пишите мне"},
              lines=[{"name": "Кружка «Зинаида»", "price": "59.90", "sku": "mug"}]),
        paid("zx-90817", NOON + timedelta(minutes=1)),
        parcel("in_transit", "zx-90817", number="ZX-90817-T", pickup_point="Петрович, 1"),
        facts.ReturnOpened(id="zx-90817/r", at=at, order="zx-90817", return_key="zinaida-1"),
        facts.InvoiceIssued(id="zx-90817/i", at=at, order="zx-90817", number="ZX-90817",
                            url="https://x.example/zinaida"),
        facts.CartChanged(id="c1", at=at, cart="cart-zinaida", customer=HER, url="https://zinaida",
                          lines=[{"name": "Зинаида"}]),
        facts.VisitMade(id="v1", at=at, customer=HER, page="/u/zinaida"),
        facts.CustomerChanged(id=f"acc/{EMAIL}", at=at, customer=HER),
        text("Stop. Зинаида Петрович", PHONE),
        text("START", PHONE, at + timedelta(minutes=2)),
        text("where is ZX-90817?", PHONE, at + timedelta(minutes=3)),
        order("zx-90817-2", customer=HER, payment_due=True, payment_url="https://p.example"),
    ]  # fmt: skip


async def whole(shop: Shop) -> list[int]:
    """Her life, and somebody else's beside it; the ids of her contacts."""
    await shop.hear(*life(), order("7", customer={"phone": "+375291110000", "name": "Игорь"}))
    await shop.answer()
    (row,) = await shop.rows("SELECT id FROM contact WHERE phone = %(p)s", p=PHONE)
    await said(shop)
    return [row["id"]]


async def said(shop: Shop) -> None:
    """Her texts are taken, answered and received; two more are told by an operator in words."""
    runtime = shop.runtime
    for gateway in (shop.sms, shop.email):
        for bucket in await buckets(shop):
            async with db.transaction(runtime.pool) as tx:
                taken = await messages.take(tx, shop.store, bucket, gateway, shop.at, "t")
                answers = [Settled(one.message_id, "sent", provider_ids=(f"op-{one.message_id}",))
                           for one in taken]  # fmt: skip
                await messages.settle(tx, shop.store, gateway, answers, shop.at)
                hers = [one for one in taken if one.recipient in (PHONE, EMAIL)]
                told = [Receipt(f"op-{one.message_id}", "failed", f"550 no {EMAIL}", shop.at)
                        for one in hers[:2]]  # fmt: skip
                await messages.write(tx, shop.store, gateway, [], told, shop.at)
                packets = [Packet(one.message_id, shop.at, "out", "submit_sm",
                                  f"{PHONE} {NAME}".encode()) for one in hers]  # fmt: skip
                await wire.keep(tx, shop.store, gateway, packets, runtime.ids)


async def buckets(shop: Shop) -> list[int]:
    return [row["bucket"] for row in await shop.rows("SELECT DISTINCT bucket FROM outbox")]


async def erase(shop: Shop, contact_id: int, wish: Wish = Wish("page/test")) -> Any:
    async with db.transaction(shop.runtime.pool) as tx:
        return await erasure.begin(tx, shop.store, contact_id, wish, shop.at, shop.runtime.keyed)


async def to_the_end(shop: Shop) -> int:
    """As the worker does; how many steps it took."""
    steps = 0
    while True:
        async with db.transaction(shop.runtime.pool) as tx:
            rows = await erasure.under_way(tx, shop.at)
        if not rows:
            return steps
        for row in rows:
            async with db.transaction(shop.runtime.pool) as tx:
                await erasure.step(tx, shop.store, row["contact_id"], shop.at, shop.runtime.keyed)
            steps += 1


COLUMNS = """
SELECT table_name AS t, column_name AS c, data_type AS kind FROM information_schema.columns
JOIN pg_class ON relname = table_name AND NOT relispartition
WHERE table_schema = 'public' AND (data_type IN ('text', 'jsonb', 'bytea', 'ARRAY', 'json',
  'character varying', 'date', 'tsvector') OR udt_name = 'tsvector')
"""


async def found(shop: Shop, needles: Iterable[str]) -> list[str]:
    """Every column of every table in which one of these stands."""
    seen, wanted = [], {"needles": list(needles)}
    columns = await shop.rows(COLUMNS)
    async with db.transaction(shop.runtime.pool) as tx:
        for row in columns:
            name = row["c"]
            value = {"bytea": f"encode({name}, 'escape')"}.get(row["kind"], f'"{name}"::text')
            cursor = await tx.execute(
                f"""SELECT DISTINCT n FROM (SELECT lower({value}) AS said FROM "{row["t"]}") t
                    JOIN unnest(%(needles)s::text[]) n ON strpos(said, n) > 0 ORDER BY n""",
                wanted,
            )
            seen += [f"{row['t']}.{name}: {one['n']}" for one in await cursor.fetchall()]
    return seen


WITH_CONTACT = """
SELECT c.table_name AS t FROM information_schema.columns c
JOIN pg_class p ON p.relname = c.table_name AND NOT p.relispartition
WHERE c.table_schema = 'public' AND c.column_name = 'contact_id' ORDER BY 1
"""


@pytest.mark.slow
@pytest.mark.parametrize("span", [1, 128])
def test_nothing_is_left_of_an_erased_person(play, span):
    """P12. Every text, document and octet of every table, walked by the schema itself."""

    async def story(shop: Shop) -> None:
        (contact_id,) = await whole(shop)
        await more(shop, contact_id)
        bare = [row["t"] for row in await shop.rows(WITH_CONTACT)
                if not await shop.rows(f"SELECT FROM {row['t']} WHERE contact_id = %(c)s LIMIT 1",
                                       c=contact_id) and row["t"] != "erasure"]  # fmt: skip
        assert not bare, f"fill these for her, and say in emptying.py what goes: {bare}"
        before = await found(shop, OF_HER)
        assert len(before) > 30, before
        row = await erase(shop, contact_id)
        assert row["state"] == "keys" and row["counts"]["people"] == 1
        await to_the_end(shop)
        shop.later(minutes=20)
        await to_the_end(shop)
        left = await found(shop, OF_HER)
        assert not left, "\n".join(left)
        assert await found(shop, ["игорь", "375291110000"])  # the neighbour is as before
        (row,) = await shop.rows("SELECT * FROM erasure")
        assert (row["state"], row["known"]) == ("done", {}) and row["counts"]["facts"] > 10
        await proof_stands(shop, contact_id)

    play(story, span=span)


async def more(shop: Shop, contact_id: int) -> None:
    """Rows of tables that no fact of hers fills."""
    bucket, store = bucket_of_id(contact_id), shop.store
    base = {"bucket": bucket, "store_id": store.id, "contact_id": contact_id}
    row_id = shop.runtime.ids.make(bucket)
    await every_column(shop, contact_id)
    async with db.transaction(shop.runtime.pool) as tx:
        for statement in SEED:
            await tx.execute(
                statement,  # type: ignore[arg-type]
                base | {"id": row_id, "at": shop.at, "phone": PHONE, "name": NAME,
                        "email": EMAIL, "doc": Jsonb({"who": NAME, "phone": PHONE})},
            )  # fmt: skip


OWN = """
SELECT column_name AS c, data_type AS kind, udt_name AS of FROM information_schema.columns
WHERE table_name = 'contact' AND column_name NOT IN
  ('phone', 'email', 'marketing', 'service', 'sex', 'origin', 'ledger_hash', 'scopes')
"""
VALUES = {"text": f"'{NAME}'", "_text": f"ARRAY['{NAME}']", "date": "'1990-05-17'::date",
          "_date": "ARRAY['2015-03-03'::date]", "jsonb": "'{}'"}  # fmt: skip
VALUES["jsonb"] = f"""'{{"pet": "{NAME}"}}'"""


async def every_column(shop: Shop, contact_id: int) -> None:
    """Her name in every column of her row that can hold one, also in those that come later."""
    columns = [(row["c"], VALUES[row["of"]]) for row in await shop.rows(OWN) if row["of"] in VALUES]
    assert len(columns) > 10
    changes = ", ".join(f"{name} = {value}" for name, value in columns)
    await shop.rows(f"UPDATE contact SET {changes} WHERE id = %(c)s RETURNING id", c=contact_id)


SEED = (
    """INSERT INTO contest_entry (bucket, store_id, contest_id, ticket, contact_id, at, word,
         listed)
       SELECT %(bucket)s, %(store_id)s, n, 'T' || %(id)s, %(contact_id)s, %(at)s, %(name)s, n = 2
       FROM generate_series(1, 2) n""",
    """INSERT INTO conversation_note (bucket, store_id, id, contact_id, at, by, body)
       VALUES (%(bucket)s, %(store_id)s, %(id)s, %(contact_id)s, %(at)s, 'page/Anna', %(name)s)""",
    """INSERT INTO complaint (bucket, store_id, id, contact_id, number, state, opened_at,
       changed_at, due_at, said, note, opened_by, owner)
       VALUES (%(bucket)s, %(store_id)s, %(id)s, %(contact_id)s, %(name)s, 'opened', %(at)s,
         %(at)s, %(at)s, %(name)s, %(name)s, 'text', 1)""",
    """INSERT INTO complaint_move (bucket, store_id, id, contact_id, complaint_id, at, by, state,
       said, note) VALUES (%(bucket)s, %(store_id)s, %(id)s, %(contact_id)s, %(id)s, %(at)s,
         'text', 'opened', %(name)s, %(name)s)""",
    """INSERT INTO survey_answer (bucket, store_id, id, contact_id, survey, asked_at, until,
       answered_at, way, score, comment, answers, shown_as, shop_reply, pickup_point, published)
       VALUES (%(bucket)s, %(store_id)s, %(id)s, %(contact_id)s, 'delivery', %(at)s, %(at)s,
         %(at)s, 'reply', 5, %(name)s, %(doc)s, %(name)s, %(name)s, %(name)s, 'shown')""",
    """UPDATE enrollment SET memory = jsonb_build_object('answer', %(name)s::text)
       WHERE bucket = %(bucket)s AND contact_id = %(contact_id)s""",
    """UPDATE contact SET sex = 'f', paused_until = %(at)s,
       scopes = '{"topic/loyalty": ["in", "2026-01-01T00:00:00+00:00"]}'
       WHERE bucket = %(bucket)s AND id = %(contact_id)s""",
    """INSERT INTO sandbox_text (bucket, store_id, id, gateway_id, phone, direction, body, at,
       handed_over) SELECT (SELECT r.bucket FROM contact_ref r WHERE r.kind = 'phone'
         AND r.value = %(phone)s), %(store_id)s, %(id)s, 1, %(phone)s, 'to_phone', %(name)s, %(at)s,
         true""",
    """INSERT INTO audit (store_id, id, at, action, subject, detail)
       VALUES (%(store_id)s, %(id)s, %(at)s, 'consent.changed', %(name)s, %(doc)s)""",
    """INSERT INTO link_click (bucket, store_id, id, message_id, contact_id, number, at, kind,
       device) SELECT %(bucket)s, %(store_id)s, %(id)s, 1, %(contact_id)s, 0, %(at)s, 'person',
       'phone of ' || %(name)s""",
    """INSERT INTO consent_question (bucket, store_id, contact_id, kind, state, asked, until, about)
       SELECT %(bucket)s, %(store_id)s, %(contact_id)s, 'confirm', 'open', 1, %(at)s, '{}'""",
    """INSERT INTO outbox (bucket, store_id, message_id, gateway_id, contact_id, urgency, class,
         topic, due_at, window_until, not_after)
       SELECT %(bucket)s, %(store_id)s, (SELECT min(id) FROM message
         WHERE contact_id = %(contact_id)s), 1, %(contact_id)s, 1, 'marketing', 'offers', %(at)s,
         %(at)s, %(at)s""",
    """INSERT INTO contact_merge (bucket, store_id, id, contact_id, other_id, at, before)
       SELECT %(bucket)s, %(store_id)s, %(id)s, %(contact_id)s, 1, %(at)s, %(doc)s""",
    """INSERT INTO touch (bucket, store_id, contact_id, message_id, at, topic)
       SELECT %(bucket)s, %(store_id)s, %(contact_id)s, %(id)s, %(at)s, 'offers'
       ON CONFLICT DO NOTHING""",
    """INSERT INTO contact_category (bucket, store_id, contact_id, category, bought_at, orders)
       SELECT %(bucket)s, %(store_id)s, %(contact_id)s, 'kettles', %(at)s, 1
       ON CONFLICT DO NOTHING""",
    """INSERT INTO contact_search (bucket, store_id, contact_id, digits, signs)
       SELECT %(bucket)s, %(store_id)s, %(contact_id)s, '375291119753', 'зинаида'
       ON CONFLICT DO NOTHING""",
    """INSERT INTO reward_given (bucket, store_id, id, contact_id, reward_id, at, code)
       SELECT %(bucket)s, %(store_id)s, %(id)s, %(contact_id)s, 1, %(at)s, 'ZINAIDA-10'""",
    """INSERT INTO promo_code (bucket, store_id, code, reward_id, contact_id, given_at, used_order)
       SELECT %(bucket)s, %(store_id)s, 'SPRING-1', 1, %(contact_id)s, %(at)s, 'zx-90817'""",
    """INSERT INTO offer_use (bucket, store_id, reward_id, order_id, contact_id, code, at)
       SELECT %(bucket)s, %(store_id)s, 1, %(id)s, %(contact_id)s, 'ZINAIDA-10', %(at)s""",
    """INSERT INTO wish (bucket, store_id, id, contact_id, sku, kind, state, asked_at, until)
       SELECT %(bucket)s, %(store_id)s, %(id)s, %(contact_id)s, 'A-1', 'stock', 'waiting', %(at)s,
         %(at)s""",
    """INSERT INTO task (bucket, store_id, id, contact_id, said, due_at, created_at, note, tell,
         tell_at) SELECT %(bucket)s, %(store_id)s, %(id)s, %(contact_id)s, 'Call ' || %(name)s,
         %(at)s, %(at)s, 'at ' || %(phone)s, 'webhook', %(at)s""",
    """INSERT INTO order_call (bucket, store_id, id, order_id, contact_id, at, by, result, note)
       SELECT %(bucket)s, %(store_id)s, %(id)s, 1, %(contact_id)s, %(at)s, 'page/Anna',
         'confirmed', 'spoke to ' || %(name)s""",
    """INSERT INTO automation_member (bucket, store_id, recipe, contact_id)
       SELECT %(bucket)s, %(store_id)s, 'own_1', %(contact_id)s""",
    """INSERT INTO welcome (bucket, store_id, hash, contact_id, form_id)
       SELECT %(bucket)s, %(store_id)s, 'h', %(contact_id)s, 1 ON CONFLICT DO NOTHING""",
    """INSERT INTO people_import (bucket, store_id, id, name, octets, state, plan, created_at)
       SELECT %(bucket)s, %(store_id)s, %(id)s, 'people.csv', 9, 'done', '{}', %(at)s""",
    """INSERT INTO people_import_piece (bucket, store_id, import_id, n, octets)
       SELECT %(bucket)s, %(store_id)s, %(id)s, 1, convert_to(%(phone)s, 'UTF8')""",
    """INSERT INTO people_import_reject (bucket, store_id, import_id, line, reason, cells)
       SELECT %(bucket)s, %(store_id)s, %(id)s, 1, 'twice', %(doc)s""",
    """INSERT INTO people_import_touch (bucket, store_id, import_id, contact_id, after)
       SELECT %(bucket)s, %(store_id)s, %(id)s, %(contact_id)s, %(doc)s""",
    """INSERT INTO suppression (bucket, store_id, hash, scope, reason, at, contact_id)
       VALUES (%(bucket)s, %(store_id)s, 'x', 'marketing', 'by_hand', %(at)s, %(contact_id)s)""",
)


async def proof_stands(shop: Shop, contact_id: int) -> None:
    """The chain of her consents verifies as before, also where words gave way."""
    rows = await shop.rows(
        "SELECT * FROM consent_event WHERE contact_id = %(c)s ORDER BY seq", c=contact_id
    )
    assert len(rows) >= 3 and [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert any(row["words"].startswith(ledger.REDACTED) for row in rows)
    assert any(row["words"] == "Да, пишите мне" for row in rows)
    prev = ""
    for row in rows:
        assert row["prev"] == prev and ledger.hash_of(row) == row["hash"]
        prev = row["hash"]


def test_nothing_queued_leaves_and_what_is_in_hand_settles_without_a_word(play):
    """P12, P1. A text in the outbox is dropped; one under the mark is counted and says nothing of
    whom it was for, even when it is put back to be tried again."""

    async def story(shop: Shop) -> None:
        await shop.hear(*life())
        await shop.answer()
        (row,) = await shop.rows("SELECT id FROM contact WHERE phone = %(p)s", p=PHONE)
        (bucket,) = set(await buckets(shop))
        async with db.transaction(shop.runtime.pool) as tx:
            held = await messages.take(tx, shop.store, bucket, shop.sms, shop.at, "t", 2)
        assert len(held) == 2
        await erase(shop, row["id"])
        assert await shop.rows("SELECT FROM outbox") == []
        one, other = held
        async with db.transaction(shop.runtime.pool) as tx:
            answers = [
                Settled(one.message_id, "sent", provider_ids=("op-1",), mark=one.mark),
                Settled(other.message_id, "retry", "later", retry_at=shop.at, mark=other.mark),
            ]
            await messages.settle(tx, shop.store, shop.sms, answers, shop.at)
            packet = Packet(one.message_id, shop.at, "out", "submit_sm", PHONE.encode())
            await wire.keep(tx, shop.store, shop.sms, [packet], shop.runtime.ids)
        async with db.transaction(shop.runtime.pool) as tx:
            assert await messages.take(tx, shop.store, bucket, shop.sms, shop.at, "t") == []
        shop.later(minutes=1)
        await to_the_end(shop)
        shop.later(minutes=20)
        await to_the_end(shop)
        assert await found(shop, OF_HER) == []
        states = {row["id"]: (row["state"], row["reason"], row["body"] + row["recipient"])
                  for row in await shop.messages()}  # fmt: skip
        assert states[one.message_id] == ("sent", "", "")
        assert states[other.message_id][:2] == ("dropped", "erased")
        assert all(not said for _, _, said in states.values())

    play(story)


def test_a_new_order_is_a_new_person_and_the_old_one_is_gone_for_good(play):
    """P12. What the shop still tells of the old order, cart and account is not kept; whoever orders
    anew begins as refused, with the reason in the ledger, and gets texts of that order only when
    they left marketing alone."""

    async def story(shop: Shop) -> None:
        (old,) = await whole(shop)
        await erase(shop, old, Wish("page/test", scope="marketing"))
        await to_the_end(shop)
        shop.later(days=1)
        await to_the_end(shop)
        at = shop.at
        late = [
            facts.OrderChanged(id="late", at=at, order={
                "key": "zx-90817", "placed_at": NOON, "changed_at": at, "customer": HER}),
            paid("zx-90817-2", at), life()[0],
            facts.CartChanged(id="late-cart", at=at, cart="cart-zinaida", customer=HER),
            facts.CustomerChanged(id="late-account", at=at, customer=HER,
                                  consent={"marketing": True, "words": "yes"}),
        ]  # fmt: skip
        await shop.hear(*late)
        await shop.answer()
        assert await found(shop, OF_HER) == []
        assert not await shop.rows("SELECT FROM pending_fact")
        await shop.hear(order("new-1", customer=HER, at=at,
                              consent={"marketing": True, "words": "Да"}))  # fmt: skip
        await shop.answer()
        (new,) = await shop.rows("SELECT * FROM contact WHERE phone = %(p)s", p=PHONE)
        assert new["id"] != old and (new["marketing"], new["service"]) == ("out", "in")
        (said,) = await shop.rows(
            "SELECT * FROM consent_event WHERE contact_id = %(c)s", c=new["id"]
        )
        assert (said["source"], said["change"]) == ("suppression", "out")
        (first,) = await shop.rows(
            "SELECT * FROM message WHERE contact_id = %(c)s AND channel = 'email'", c=new["id"]
        )
        assert first["state"] == "waiting"
        await shop.hear(text("START", PHONE, shop.later(minutes=1)))
        await shop.answer()
        (new,) = await shop.rows("SELECT * FROM contact WHERE phone = %(p)s", p=PHONE)
        assert new["marketing"] == "in"  # the number's own word
        assert len(await shop.rows("SELECT FROM suppression")) == 0

    play(story)


def test_all_of_it_refused_is_refused_for_service_too(play):
    """P12. By default nothing at all goes to the number again."""

    async def story(shop: Shop) -> None:
        (old,) = await whole(shop)
        await erase(shop, old)
        await to_the_end(shop)
        await shop.hear(order("new-1", customer={"phone": NATIONAL, "country": "BY"}, at=NOON))
        await shop.answer()
        (new,) = await shop.rows("SELECT * FROM contact WHERE phone = %(p)s", p=PHONE)
        assert (new["marketing"], new["service"]) == ("out", "out")
        made = await shop.rows("SELECT * FROM message WHERE contact_id = %(c)s", c=new["id"])
        assert made == [] or {row["state"] for row in made} == {"dropped"}

    play(story)


@pytest.mark.slow
@pytest.mark.parametrize("done", [0, 1, 9, 30])
def test_killed_in_the_middle_another_process_finishes(play, done):
    """P12, P5. After any step the row says how far it has come; nobody is half erased."""

    async def story(shop: Shop) -> None:
        (contact_id,) = await whole(shop)
        row = await erase(shop, contact_id)
        for _ in range(done):
            async with db.transaction(shop.runtime.pool) as tx:
                await erasure.step(tx, shop.store, contact_id, shop.at, shop.runtime.keyed)
        with pytest.raises(RuntimeError):
            async with db.transaction(shop.runtime.pool) as tx:
                await erasure.step(tx, shop.store, contact_id, shop.at, shop.runtime.keyed)
                raise RuntimeError  # what a killed process had done is not there
        again = await erase(shop, contact_id)
        assert again["asked_at"] == row["asked_at"]
        await asyncio.gather(to_the_end(shop), to_the_end(shop))
        shop.later(minutes=20)
        await to_the_end(shop)
        assert await found(shop, OF_HER) == []
        assert len(await shop.rows("SELECT FROM erasure WHERE state = 'done'")) == 1

    play(story, span=32)


def test_who_was_merged_goes_with_them(play):
    """P12, P9. Erasing either of two that are one person erases both."""

    async def story(shop: Shop) -> None:
        await shop.hear(*life(), order("7", customer={"email": "z.old@mail.example", "name": NAME}))
        await shop.answer()
        (main,) = await shop.rows("SELECT id FROM contact WHERE phone = %(p)s", p=PHONE)
        (other,) = await shop.rows("SELECT id FROM contact WHERE phone IS NULL")
        await shop.rows(
            "UPDATE contact SET merged_into = CASE WHEN id = %(o)s THEN %(m)s::bigint END, "
            "also = CASE WHEN id = %(m)s THEN ARRAY[%(o)s::bigint] ELSE '{}' END RETURNING id",
            m=main["id"], o=other["id"],
        )  # fmt: skip
        row = await erase(shop, other["id"])
        assert row["contact_id"] == main["id"] and row["counts"]["people"] == 2
        await to_the_end(shop)
        shop.later(minutes=20)
        await to_the_end(shop)
        assert await found(shop, [*OF_HER, "z.old"]) == []

    play(story, span=128)


def test_nobody_of_another_store_is_erased(play):
    """P10."""

    async def story(shop: Shop) -> None:
        (contact_id,) = await whole(shop)
        stranger = shop.store.__class__(
            **{name: getattr(shop.store, name) for name in shop.store.__slots__} | {"id": 99}
        )
        async with db.transaction(shop.runtime.pool) as tx:
            assert await erasure.begin(
                tx, stranger, contact_id, Wish("x"), shop.at, shop.runtime.keyed
            ) is None  # fmt: skip
        assert await found(shop, ["зинаида"])

    play(story)


def test_refusals_are_asked_of_thousands_at_once_and_listed_newest_first(play):
    """P12. What imports ask, and the page: over every bucket, in the order of time."""

    async def story(shop: Shop) -> None:
        keyed, store = shop.runtime.keyed, shop.store
        keys = [("phone", f"+3752911{n:05d}") for n in range(5_000)]
        rows = [
            suppression.Row(suppression.hash_of(store, keyed, *key), "marketing", "by_hand",
                            NOON + timedelta(seconds=n))
            for n, key in enumerate(keys[:3_000])
        ]  # fmt: skip
        async with db.transaction(shop.runtime.pool) as tx:
            assert await suppression.put(tx, store, rows) == 3_000
            assert await suppression.put(tx, store, rows) == 0
            held = await suppression.held_of(tx, store, keyed, keys)
            assert set(held) == set(keys[:3_000])
            first = await suppression.newest(tx, store)
            last = first[-1]
            second = await suppression.newest(tx, store, (last["at"], last["hash"]))
            shown = [row["hash"] for row in (*first, *second)]
            assert shown == [row.hash for row in reversed(rows)][:80]
            assert await suppression.lift(tx, store, [rows[0].hash]) == 1
            wider = rows[1]._replace(scope="all", reason="erased")
            bounced = rows[2]._replace(scope="all", reason="bounced")
            await suppression.put(tx, store, [wider, bounced])
            held = await suppression.held(tx, store, [row.hash for row in rows[:3]])
            assert {(one.scope, one.reason) for one in held.values()} == {
                ("all", "erased"), ("marketing", "by_hand"),
            }  # fmt: skip
            (counted, *_) = await suppression.counts(tx, store)
            assert (counted["reason"], counted["n"]) == ("by_hand", 2_998)

    play(story, span=128)
