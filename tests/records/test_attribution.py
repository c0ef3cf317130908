"""Which text claims which order: the rule has two forms, for one person in Python and for everybody
in SQL. Here both are asked about the same random people, and must say the same of every order."""

import random
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.kit.buckets import INDEX_OF, id_floor
from ringdove.records.reports import attribution
from ringdove.records.reports.attribution import Cohort
from ringdove.records.store import stores
from ringdove.rules.reports import revenue
from tests.flows.conftest import Shop

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SINCE, UNTIL = NOON - 100 * HOUR, NOON + HOUR


async def put(shop: Shop, table: str, rows: list[dict[str, Any]]) -> None:
    """Rows of a table, all with the same columns."""
    if not rows:
        return
    columns = ", ".join(rows[0])
    await shop.rows(
        f"INSERT INTO {table} ({columns}) SELECT {columns}"
        f" FROM jsonb_populate_recordset(NULL::{table}, %(rows)s) r RETURNING 1",
        rows=db.document(rows),
    )


class Past:
    """People, what was said to them, and what they did. Times are whole hours: they meet."""

    def __init__(self, shop: Shop, people: int, seed: int) -> None:
        self.shop, self.chance, self.made = shop, random.Random(seed), 0
        self.rows: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for n in range(people):
            self._person(n)
        self._merge()
        for who in list(self.rows["contact"]):
            self._said(who)

    def _id(self, at: datetime, bucket: int) -> int:
        self.made += 1
        return id_floor(at) + (self.made << 7) + INDEX_OF[bucket]

    def _person(self, n: int) -> None:
        bucket = stores.of_key(self.shop.store, f"phone/+375291{n:06}")
        self.rows["contact"].append({
            "bucket": bucket, "store_id": self.shop.store.id,
            "id": self.shop.runtime.ids.make(bucket), "created_at": NOON - 2000 * HOUR,
            "zones": [], "also": [], "merged_into": None,
        })  # fmt: skip

    def _merge(self) -> None:
        some = self.chance.sample(self.rows["contact"], len(self.rows["contact"]) // 4)
        for main, other in zip(some[::2], some[1::2], strict=False):
            main["also"], other["merged_into"] = [other["id"]], main["id"]

    def _said(self, who: dict[str, Any]) -> None:
        chance, base = self.chance, {"bucket": who["bucket"], "store_id": who["store_id"]}
        for _ in range(chance.choice([0, 1, 2, 3, 5])):
            made = NOON - chance.randrange(0, 130) * HOUR
            sent = made + chance.randrange(0, 6) * HOUR if chance.random() < 0.8 else None
            message = base | {
                "id": self._id(made, who["bucket"]), "contact_id": who["id"], "channel": "sms",
                "class": chance.choices(["marketing", "service"], [4, 1])[0], "topic": "offers",
                "cause": "campaign", "recipe": chance.choice(["", "cart_left"]), "gateway_id": 1,
                "recipient": "+1", "body": "x", "not_before": made, "not_after": made,
                "created_at": made, "why": "", "sent_at": sent,
                "state": chance.choice(["sent", "delivered", "failed", "dropped", "unknown"]),
                "reason": chance.choice(["", "holdout"]),
                "campaign_id": chance.choice([None, 1, 1, 2]), "variant": chance.randrange(2),
            }  # fmt: skip
            early = message["state"] == "dropped" and chance.random() < 0.7
            message["done_at"] = made if early else made + HOUR
            if message["class"] == "service":
                message["campaign_id"] = None
            self.rows["message"].append(message)
            for _ in range(chance.choice([0, 0, 1, 2])):
                at = made + chance.randrange(0, 30) * HOUR
                self.rows["link_click"].append(base | {
                    "id": self._id(at, who["bucket"]), "message_id": message["id"],
                    "contact_id": who["id"], "number": 0, "at": at,
                    "kind": chance.choice(["person", "person", "robot"]),
                })  # fmt: skip
        for _ in range(chance.choice([0, 1, 1, 2])):
            self._order(who, base)

    def _order(self, who: dict[str, Any], base: dict[str, Any]) -> None:
        chance, at = self.chance, NOON - self.chance.randrange(-3, 110) * HOUR
        said = [one for one in self.rows["message"] if one["contact_id"] == who["id"]]
        if said and chance.random() < 0.6:  # just in time, and just not
            text = chance.choice(said)
            at = (text["sent_at"] or text["created_at"]) + chance.choice([0, 1, 71, 72, 73]) * HOUR
        order_id = self._id(at, who["bucket"])
        self.rows["purchase_order"].append(base | {
            "id": order_id, "contact_id": who["id"], "key": str(order_id), "number": "7",
            "state": chance.choice(["placed", "paid", "delivered", "cancelled", "returned"]),
            "placed_at": at, "changed_at": at, "total": 100, "currency": "BYN",
        })  # fmt: skip
        for n in range(chance.choice([0, 0, 0, 1, 2])):
            kind = chance.choice(["return", "refund", "exchange"])
            state = chance.choice(["refunded", "opened", "accepted"])
            self.rows["order_return"].append(base | {
                "id": self._id(at, who["bucket"]), "order_id": order_id, "contact_id": who["id"],
                "key": f"{order_id}/{n}", "kind": kind, "state": state, "state_at": at,
                "amount": chance.choice([30, 130]),
            })  # fmt: skip
        for reward in (7, 8):
            if chance.random() < 0.4:
                self.rows["offer_use"].append(base | {
                    "reward_id": reward, "order_id": order_id, "contact_id": who["id"],
                    "code": "A", "at": at, "freed_at": chance.choice([None, None, at]),
                })  # fmt: skip

    async def write(self) -> None:
        for n, offer in ((1, 7), (2, 0)):
            await self.shop.rows(
                "INSERT INTO campaign (store_id, id, name, state, plan, created_at, changed_at)"
                " VALUES (%(store_id)s, %(n)s, 'x', 'done', %(plan)s, %(now)s, %(now)s)"
                " RETURNING 1",
                store_id=self.shop.store.id, n=n, plan=db.document({"offer": offer}), now=NOON,
            )  # fmt: skip
        for table in ("contact", "message", "link_click", "purchase_order", "order_return",
                      "offer_use"):  # fmt: skip
            await put(self.shop, table, self.rows[table])

    def back(self, order_id: int) -> int:
        """What was taken off an order: what came back, or what was paid back if it is more."""
        some = [one for one in self.rows["order_return"]
                if one["order_id"] == order_id and one["state"] != "opened"]  # fmt: skip
        paid = sum(one["amount"] for one in some if one["state"] == "refunded")
        return max(paid, sum(one["amount"] for one in some if one["kind"] == "return"))

    def expected(self) -> dict[int, tuple[int, str] | None]:
        """By order, what the rule says of each; orders out of the time are left out."""
        main = {who["id"]: who["merged_into"] or who["id"] for who in self.rows["contact"]}
        rule = self.shop.store.policy
        found: dict[int, tuple[int, str] | None] = {}
        for order in self.rows["purchase_order"]:
            if (
                self.back(order["id"]) >= 100
                or order["state"] in revenue.TAKEN_BACK
                or not SINCE <= order["placed_at"] < UNTIL
            ):
                continue
            texts = [
                revenue.Text(
                    one["id"], one["sent_at"] or one["created_at"], one["class"], one["state"],
                    7 if one["campaign_id"] == 1 else 0,
                )
                for one in self.rows["message"]
                if main[one["contact_id"]] == main[order["contact_id"]]
            ]  # fmt: skip
            clicks = [
                revenue.Click(one["message_id"], one["at"])
                for one in self.rows["link_click"]
                if one["kind"] == "person" and main[one["contact_id"]] == main[order["contact_id"]]
            ]
            offers = frozenset(
                one["reward_id"] for one in self.rows["offer_use"]
                if one["order_id"] == order["id"] and one["freed_at"] is None
            )  # fmt: skip
            asked = revenue.Order(order["id"], order["placed_at"], order["state"], offers)
            claim = revenue.claim(asked, texts, clicks, rule.attribution, rule.attribution_days)
            found[order["id"]] = claim and (claim.message_id, claim.why)
        return found


@pytest.mark.slow
@pytest.mark.parametrize("rule", revenue.RULES)
@pytest.mark.parametrize(("seed", "span"), [(1, 1), (2, 5)])
def test_what_sql_claims_the_rule_claims(play: Any, rule: str, seed: int, span: int) -> None:
    """R101. Every order of 900 people, a quarter of them merged, once in the list, once among the
    campaign's people, once in the sums."""

    async def story(shop: Shop) -> None:
        shop.store = replace(shop.store, policy=replace(shop.store.policy, attribution=rule))
        past = Past(shop, 900, seed)
        await past.write()
        expected = past.expected()
        wanted = {order: claim for order, claim in expected.items() if claim}
        assert len(wanted) > 80
        main = {who["id"]: who["merged_into"] or who["id"] for who in past.rows["contact"]}
        mine = [one for one in past.rows["message"] if one["campaign_id"] == 1]
        ids = [one["id"] for one in mine]
        cohort = Cohort(1, min(ids), max(ids))
        async with db.transaction(shop.runtime.pool) as tx:
            rows = await attribution.claimed(tx, shop.store, SINCE, UNTIL)
            sums = await attribution.sums(tx, shop.store, SINCE, UNTIL)
            own = await attribution.of_campaign(tx, shop.store, cohort, SINCE, UNTIL)
        assert {row["order_id"]: (row["message_id"], row["why"]) for row in rows} == wanted
        assert len(rows) == len(wanted), "an order was claimed twice"
        assert sum(row["orders"] for row in sums) == len(wanted)
        assert sum(row["amount"] for row in sums) == sum(row["amount"] for row in rows)
        for row in rows:
            assert row["amount"] == 100 - past.back(row["order_id"])
        people = {main[one["contact_id"]] for one in mine}
        of_people = {
            one["id"] for one in past.rows["purchase_order"]
            if main[one["contact_id"]] in people and one["id"] in expected
        }  # fmt: skip
        assert {row["order_id"] for row in own} == of_people and len(own) == len(of_people)
        for row in own:
            told = row["message_id"] and (row["message_id"], row["why"])
            assert told == expected[row["order_id"]]
            first = min(
                (one for one in mine if main[one["contact_id"]] == main[row["contact_id"]]),
                key=lambda one: (attribution.was_left_out(one), one["id"]),
            )
            assert row["own_id"] == first["id"]

    play(story, span=span)


def test_of_one_person_all_names_count(play: Any) -> None:
    """R101. Written to under one name, bought under the other: one person, one claim."""

    async def story(shop: Shop) -> None:
        past = Past(shop, 2, 1)
        past.rows.clear()
        for n in range(2):
            past._person(n)
        one, other = past.rows["contact"]
        one["also"], other["merged_into"] = [other["id"]], one["id"]
        past.chance = random.Random(3)
        while not past.rows["link_click"]:
            past.rows["message"].clear()
            past._said(one)
            past.rows["purchase_order"].clear()
        message, click = past.rows["message"][-1], past.rows["link_click"][-1]
        sent = NOON - 5 * HOUR
        message |= {"class": "marketing", "state": "sent", "sent_at": sent, "created_at": sent}
        click |= {"at": NOON - 4 * HOUR, "kind": "person", "message_id": message["id"]}
        past.rows["message"], past.rows["link_click"] = [message], [click]
        past.rows["order_return"].clear()
        past.rows["offer_use"].clear()
        past._order(other, {"bucket": other["bucket"], "store_id": other["store_id"]})
        past.rows["purchase_order"][0] |= {"placed_at": NOON, "state": "paid"}
        await past.write()
        async with db.transaction(shop.runtime.pool) as tx:
            found = await attribution.of_person(
                tx, shop.store, [one["id"], other["id"]], SINCE, UNTIL
            )
        assert [row["why"] for row in found] == ["click"]
        assert found[0]["contact_id"] == one["id"]

    play(story, span=8)
