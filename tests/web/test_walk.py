"""P10, with real ids: the owner of one store asks for everything of another by its own numbers.

test_security.py and test_api.py show that a store's address opens to its people only. Here the
address is the neighbour's own, only the ids in it are not; both stores lie in one bucket, so that
nothing but store_id stands between them. Neither a word may be shown nor a row be changed.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi.routing import APIRoute

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.kit.crypto import hash_token
from ringdove.records import facts as fact_records
from ringdove.records.campaigns import campaigns
from ringdove.records.complaints import complaints
from ringdove.records.consent import forms
from ringdove.records.contests import contests
from ringdove.records.conversations import canned
from ringdove.records.lists import imports
from ringdove.records.offers import code_lists, rewards
from ringdove.records.segments import segments
from ringdove.records.sending import gateways, phones, routes, senders
from ringdove.records.store import api_keys, connections, own_dates, stores
from ringdove.records.tasks import tasks
from ringdove.rules import facts
from ringdove.rules.campaigns import campaigns as campaign_rules
from ringdove.rules.consent import ways_in
from ringdove.rules.consent.ways_in import Form, Keyword, Reward
from ringdove.rules.contests.contests import Contest
from ringdove.rules.conversations.canned import Canned
from ringdove.rules.effects import NoteComplaint, SaveComplaint
from ringdove.rules.lists.people_rows import Plan
from ringdove.rules.scenes import Complaint
from ringdove.rules.segments.segments import EVERYBODY
from ringdove.rules.sending.routes import Route
from ringdove.rules.sending.senders import Own
from ringdove.web import api
from ringdove.web.app import PAGES
from ringdove.workers import react
from tests.records import test_survey_reports
from tests.web.conftest import STORE, Site, Visitor

SECRET = "Zinaida"  # stands in every text, name and address of the store that is asked for
KEY = "rd_neighbour"
WAYS = 7
# Bodies that would do something if the id were theirs.
FORM = {
    "role": "viewer", "scope": "marketing", "change": "in", "words": "yes",
    "phone": "+375291112299", "text": "hello", "body": "STOP", "deed": "paid",
    "name": "Ours", "klass": "service", "version": "0", "is_on": "yes",
    "said": "Ours", "result": "confirmed", "intent": "thanks", "until": "hour",
}  # fmt: skip
PRICES = {"currency": "EUR", "prices": [{"prefix": "375", "price": "0.02"}]}
TOLD = {"scope": "marketing", "change": "in", "words": "yes"}
# Bodies of calls that refuse what does not fit before they look whose the id is.
FITTING: dict[str, Any] = {
    "plan": {"columns": {"phone": 0}},
    "forms": {"name": "Ours"},
    "offers": {"name": "Ours", "kind": "points", "points": 1},
    "codes": {"codes": ["OURS1"]},
    "told": {"codes": ["OURS1"]},
    "made": {"count": 1},
    "merges": {"other": "1"},
    "segments": {"name": "Ours", "tree": {"leaf": "all"}},
    "campaigns": {"name": "Ours", "plan": {}, "version": 1},
    "start": {"version": 1},
    "tasks": {"said": "Ours"},
    "moves": {"note": "Ours"},
    "complaints": {},
    "done": {},
    "calls": {"result": "confirmed"},
    "contests": {"name": "Ours", "begins": "2026-01-01T00:00Z", "ends": "2027-01-01T00:00Z"},
    "draw": {"beacon": ""},
    "opinions": {"state": "hidden"},
    "askings": {"score": 5},
    "refuse": {"why": "Ours"},
    "winners": {"outcome": "given"},
    "answer": {"text": "Ours", "key": "ours-0001", "night": "now"},
    "owner": {},
    "snooze": {"until": (datetime.now(UTC) + timedelta(hours=1)).isoformat()},
    "notes": {"body": "Ours"},
    "typing": {},
    "meant": {"intent": "thanks"},
    "canned": {"title": "Ours", "texts": {"en": "Ours"}},
    "fill": {"customer": 1},
    "restore": {"version": 1},
    "automations": {"is_on": False},
    "rehearsal": {},
    "address": {"url": ""},
    "test": {"phone": "+375291112299"},
    "number": {"phone": "+375291112299"},
    "phone": {"phone": "+375291112299"},
    "PATCH": {"name": "Ours"},
}


def _routes(routers: Any) -> Iterator[tuple[str, str]]:
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute) and "{store_id}" in route.path:
                for method in sorted(route.methods):
                    yield method, route.path


def test_the_ids_of_another_store_mean_nothing(site: Site) -> None:
    """P10. Every page and every call with an id in its address, as the wrong store."""
    neighbour = _two_stores(site)
    ids = site.run(_life(site))
    before = site.run(_everything(site))
    walked = 0
    for method, path in _routes((*PAGES, *api.ROUTERS)):
        address = path.replace("{store_id}", "2")
        names = re.findall(r"\{(\w+)\}", address)
        unknown = set(names) - set(ids)
        assert not unknown, f"say in _life what {unknown} of {path} is, so that it is walked"
        for name in names:
            address = address.replace("{" + name + "}", str(ids[name]))
        if address.endswith("/live"):
            continue  # an open stream; it tells topics only, see test_live.py
        status, text = _ask(neighbour, method, address)
        assert SECRET not in text, f"{method} {path} shows another store"
        if names and not {"key", "recipe", "code"} >= set(names):
            assert status == 404, f"{method} {path}: {status}"
            walked += 1
    assert walked > 15
    assert site.run(_everything(site)) == before


def _two_stores(site: Site) -> Visitor:
    site.set_up()
    object.__setattr__(site.runtime.settings, "signup_open", True)
    other = site.visitor()
    form = {"name": "Ben", "email": "ben@example.com", "password": "a loud evening"}
    assert other.post("/setup", form).status == 303
    assert other.post("/setup/store", STORE | {"name": "Ben's"}).status == 303

    async def one_bucket() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            await tx.execute("UPDATE store SET bucket_base = 7")
            await api_keys.create(
                tx, store_id=2, name="theirs", role="owner", token_hash=hash_token(KEY),
                hint="abcd", now=site.runtime.clock(),
            )  # fmt: skip

    site.run(one_bucket())
    return other


def _ask(visitor: Visitor, method: str, address: str) -> tuple[int, str]:
    if address.startswith("/api/"):
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        told = PRICES if address.endswith("/prices") else TOLD
        nouns = [piece for piece in (method, *address.split("/")) if piece in FITTING]
        told = FITTING[nouns[-1]] if nouns else told
        told = FITTING["askings"] if "/askings/" in address else told  # answered otherwise
        body = None if method == "GET" else json.dumps(told)
        answer = visitor.ask(method, address, body, headers)
    elif method == "GET":
        answer = visitor.get(address)
    else:
        answer = visitor.post(address, FORM)
    return answer.status, answer.text


async def _life(site: Site) -> dict[str, int | str]:
    """One of everything in store 1; by the names that addresses use, their ids."""
    runtime, now = site.runtime, site.runtime.clock()
    order = {
        "key": "try-1", "number": SECRET, "placed_at": now, "total": "59.90",
        "customer": {"phone": "+375291112233", "name": SECRET, "email": f"{SECRET}@example.com"},
        "lines": [{"name": SECRET, "price": "59.90"}],
    }  # fmt: skip
    told: list[facts.Fact] = [
        facts.OrderPlaced(id="1", at=now, order=order),
        facts.PaymentReceived(id="2", at=now - timedelta(minutes=1), order=SECRET),
        facts.TextReceived(id="3", at=now, gateway=1, sender="+375291112233", body=SECRET),
    ]
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, 1)
        assert store is not None
        await fact_records.write(tx, store, 0, told, now, runtime.ids)
        texts = [("+375291112233", "1234", SECRET)]
        await phones.receive(tx, store, 1, texts, now, runtime.ids)
        sealed = runtime.sealer.seal({})
        connection = await connections.create(
            tx, store_id=1, kind="events", name=SECRET, token=SECRET, settings={}, secrets=sealed,
            now=now,
        )  # fmt: skip
        gateway = await gateways.create(
            tx, store_id=1, kind="smtp", channel="email", name=SECRET, settings={}, secrets=sealed,
            now=now,
        )  # fmt: skip
        await routes.save(tx, 1, [Route(1, 1, (gateway,))])
        await senders.put(tx, 1, Own(SECRET))
        await api_keys.create(
            tx, store_id=1, name=SECRET, role="owner", token_hash=b"1", hint="abcd", now=now
        )
    await react.answer_due(runtime)
    async with db.transaction(runtime.pool) as tx:
        await tx.execute("UPDATE pending_fact SET parked_at = due_at, error = 'Zinaida'")

        async def one(query: str) -> int:
            row = await (await tx.execute(query)).fetchone()  # type: ignore[arg-type]
            assert row is not None, query
            return int(row["id"])

        return {
            "contact_id": await one("SELECT id FROM contact"),
            "contact": await one("SELECT id FROM contact"),
            "merge_id": await one("SELECT id FROM contact"),  # no merge of anybody's
            "task_id": await _task(site, tx, store),
            "complaint_id": await _complaint(site, tx, store, await one("SELECT id FROM contact")),
            "answer_id": (asked := await _asking(tx, store, await one("SELECT id FROM contact"))),
            "asking_id": asked,
            "contest_id": WAYS,
            "ticket": "ZINAIDA",
            "order_id": await one("SELECT id FROM purchase_order"),
            "message_id": await one("SELECT id FROM message ORDER BY id LIMIT 1"),
            "fact_id": await one("SELECT fact_id AS id FROM pending_fact LIMIT 1"),
            "text_id": await one("SELECT id FROM sandbox_text"),
            "said_id": await one("SELECT id FROM inbound"),
            "key_id": await one("SELECT id FROM api_key WHERE store_id = 1"),
            "user_id": await one("SELECT user_id AS id FROM user_role WHERE store_id = 1"),
            "shop_id": connection,
            "gateway_id": gateway,
            "way_id": gateway,
            "route_id": 1,
            "import_id": await imports.create(
                tx, store, runtime.ids, SECRET, [f"phone\n{SECRET}\n".encode()], Plan(), None, now
            ),
            "step": "check",
            "canned_id": await _canned(site, tx),
            "form_id": await _way_in(site, tx),
            "offer_id": WAYS,
            "segment_id": WAYS,
            "campaign_id": WAYS,
            "day_id": WAYS,
            "word": ways_in.fold(SECRET),
            "code": "ZINAIDA-1",
            "key": "order_paid",
            "recipe": "order_paid",
            "version": 7,
            "kind": "events",
        }


async def _complaint(site: Site, tx: Any, store: Any, contact_id: int) -> int:
    """Something that went wrong for somebody there."""
    now, made = site.runtime.clock(), site.runtime.ids.make(bucket_of_id(contact_id))
    row = Complaint(made, contact_id, "100001", "opened", now, now, now, said=SECRET, note=SECRET)
    told = NoteComplaint(made, contact_id, made, now, f"page/{SECRET}", "opened", SECRET, SECRET)
    await complaints.write(tx, store, [SaveComplaint(row)], [told])
    return made


async def _canned(site: Site, tx: Any) -> int:
    """An answer that they have ready; several, as with ways in."""
    one = Canned(0, SECRET, "", {"ru": SECRET})
    return (await canned.create(tx, 1, [one] * WAYS, site.runtime.clock()))[-1]


async def _asking(tx: Any, store: Any, contact_id: int) -> int:
    """What a customer of theirs answered, and let be shown."""
    asked = test_survey_reports.Asked(store)
    said = {"comment": SECRET, "shown_as": SECRET, "may_publish": True, "contact_id": contact_id}
    made = asked.ask("delivery", 1, 5, **said)
    names = ", ".join(asked.answers[0])
    await tx.execute(
        f"INSERT INTO survey_answer ({names}) SELECT {names}"
        " FROM jsonb_populate_recordset(NULL::survey_answer, %(rows)s)",
        {"rows": db.document(asked.answers)},
    )
    return made


async def _task(site: Site, tx: Any, store: Any) -> int:
    """Something that somebody there is to do."""
    now = site.runtime.clock()
    made = site.runtime.ids.make(tasks.bucket_of_task(store, None))
    await tasks.create(tx, store, tasks.Wish(made, SECRET, now, f"page/{SECRET}"), now)
    return made


async def _way_in(site: Site, tx: Any) -> int:
    """A form, its keyword and its reward with a code."""
    now, store = site.runtime.clock(), await stores.find(tx, 1)
    assert store is not None
    reward = Reward(0, "secretreward", SECRET, "code", source="pool", text=SECRET)
    # Several: they are numbered in each store, and the neighbour makes the first of their own.
    for n in range(WAYS):
        await rewards.create(tx, 1, replace(reward, token=f"secretreward{n}"), now)
        await segments.create(tx, store, SECRET, EVERYBODY, now)
        await campaigns.create(tx, 1, SECRET, campaign_rules.Plan(occasion=SECRET), None, now)
        await own_dates.add(tx, 1, SECRET, now.date(), yearly=True)
        await _contest(site, tx, n)
        form = Form(0, f"secretform{n}", SECRET, words={"ru": {"title": SECRET}}, reward=WAYS)
        made = await forms.create(tx, 1, form, now)
        await forms.publish(tx, 1, made, now)
    assert await code_lists.add(tx, store, WAYS, ["ZINAIDA-1"], [])
    await forms.add_keyword(tx, 1, Keyword(made, SECRET, "ru"), SECRET, now)
    return made


async def _contest(site: Site, tx: Any, n: int) -> None:
    """A contest that has just ended."""
    now, said = site.runtime.clock(), {"ru": SECRET}
    wish = Contest(0, f"secretwin{n}", SECRET, now, now, (SECRET,), said, said, said)
    made = await contests.create(tx, 1, wish, now - timedelta(days=1))
    await contests.open_now(tx, 1, made, site.runtime.sealer, now - timedelta(days=1))


async def _everything(site: Site) -> str:
    """All rows of store 1, and of what hangs on its people."""
    async with db.transaction(site.runtime.pool) as tx:
        cursor = await tx.execute(
            "SELECT table_name FROM information_schema.columns JOIN information_schema.tables"
            " USING (table_schema, table_name) WHERE column_name = 'store_id'"
            " AND table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1"
        )
        tables = [row["table_name"] for row in await cursor.fetchall()]
        found: dict[str, Any] = {}
        for table in tables:
            rows = await tx.execute(
                f"SELECT to_jsonb(t)::text AS row FROM {table} t"  # type: ignore[arg-type]
                " WHERE store_id = 1 ORDER BY 1"
            )
            found[table] = [row["row"] for row in await rows.fetchall()]
        assert len(found["contact"]) == 1 and found["pending_fact"] and found["sandbox_text"]
        return json.dumps(found)
