"""The figures of a campaign: few people, counted by hand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.kit.buckets import INDEX_OF, id_floor
from ringdove.records.campaigns import campaigns
from ringdove.records.reports import report_sums, reports
from ringdove.records.store import stores
from ringdove.rules.reports.reports import Report
from tests.flows.conftest import Shop
from tests.records.test_attribution import put

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
BEGAN = NOON - 50 * HOUR


class Sale:
    """A campaign of two texts to thirty people, made by hand."""

    def __init__(self, shop: Shop, campaign_id: int = 1) -> None:
        self.shop, self.made, self.campaign_id = shop, 0, campaign_id
        self.people: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        self.rest: dict[str, list[dict[str, Any]]] = {}

    def id(self, at: datetime, bucket: int) -> int:
        self.made += 1
        return id_floor(at) + (self.made << 7) + INDEX_OF[bucket]

    def somebody(self, state: str, variant: int = 0, reason: str = "", **more: Any) -> int:
        """A person with a message of the campaign."""
        n = len(self.people)
        bucket = stores.of_key(self.shop.store, f"phone/+375291{n:06}")
        base = {"bucket": bucket, "store_id": self.shop.store.id}
        contact_id = self.id(BEGAN - 900 * HOUR, bucket)
        self.people.append(base | {
            "id": contact_id, "created_at": BEGAN, "zones": [], "also": [], "merged_into": None,
            "name": f"P{n}", "language": "ru", "country": "BY", "phone": f"+375291{n:06}",
            "marketing": "in",
        })  # fmt: skip
        is_sent = state not in ("dropped", "waiting")
        self.messages.append(base | {
            "id": self.id(BEGAN, bucket), "contact_id": contact_id, "channel": "sms", "recipe": "",
            "class": "marketing", "topic": "offers", "cause": "campaign", "gateway_id": 1,
            "recipient": "+1", "body": "x", "not_before": BEGAN, "not_after": NOON,
            "created_at": BEGAN, "why": "", "sent_at": BEGAN + HOUR if is_sent else None,
            "state": state, "reason": reason, "variant": variant, "language": "ru",
            "network": "BY/MTS" if is_sent else "", "campaign_id": self.campaign_id,
            "cost": "0.05" if is_sent else None, "cost_currency": "BYN" if is_sent else "",
            "done_at": BEGAN if state == "dropped" else None,
        } | more)  # fmt: skip
        return n

    def add(self, table: str, n: int, when: datetime, **more: Any) -> None:
        who = self.people[n]
        row = {"bucket": who["bucket"], "store_id": who["store_id"],
               "id": self.id(when, who["bucket"]), "contact_id": who["id"]}  # fmt: skip
        self.rest.setdefault(table, []).append(row | more)

    def click(self, n: int, hours: float, kind: str = "person") -> None:
        at = BEGAN + hours * HOUR
        self.add("link_click", n, at, message_id=self.messages[n]["id"], number=0, at=at, kind=kind)

    def order(self, n: int, hours: float, total: str, state: str = "paid",
              currency: str = "BYN") -> None:  # fmt: skip
        at = BEGAN + hours * HOUR
        self.add(
            "purchase_order", n, at, key=f"{n}/{self.made}", number=str(1000 + self.made),
            state=state, placed_at=at, changed_at=at, total=total, currency=currency,
        )  # fmt: skip

    async def write(self, plan: dict[str, Any] | None = None, state: str = "done") -> None:
        """Everything, as the workers leave it."""
        shop = self.shop
        await shop.rows(
            "INSERT INTO campaign (store_id, id, name, state, plan, created_at, changed_at,"
            " began_at, ended_at) VALUES (%(store_id)s, %(id)s, 'Sale', %(state)s, %(plan)s,"
            " %(at)s, %(at)s, %(at)s, %(ended)s) RETURNING 1",
            store_id=shop.store.id, id=self.campaign_id, state=state, at=BEGAN,
            ended=BEGAN + 2 * HOUR if state == "done" else None,
            plan=db.document(plan or {"variants": [{"name": "A"}, {"name": "B"}]}),
        )  # fmt: skip
        ranges: dict[int, list[int]] = {}
        for one in self.messages:
            ranges.setdefault(one["bucket"], []).append(one["id"])
        await put(shop, "campaign_run", [
            {"bucket": bucket, "store_id": shop.store.id, "campaign_id": self.campaign_id,
             "version": 1, "next_id": 0, "is_done": True, "first_message": min(ids),
             "last_message": max(ids), "counts": {}, "changed_at": BEGAN, "total": len(ids),
             "remade_id": 0}
            for bucket, ids in ranges.items()
        ])  # fmt: skip
        for table, rows in ({"contact": self.people, "message": self.messages} | self.rest).items():
            await put(shop, table, rows)


async def told(shop: Shop, segment: int = 0, campaign_id: int = 1) -> Report:
    async with db.transaction(shop.runtime.pool) as tx:
        campaign = await campaigns.find(tx, shop.store.id, campaign_id)
    assert campaign
    found = await reports.of_campaign(shop.runtime.pool, shop.store, campaign, NOON, segment)
    assert found
    return found


def sale(shop: Shop) -> Sale:
    """Ten got text A, eight text B, four were left alone, others for other reasons."""
    made = Sale(shop)
    for _ in range(10):
        made.somebody("delivered")
    for _ in range(7):
        made.somebody("sent", 1)
    made.somebody("failed", 1)
    for _ in range(4):
        made.somebody("dropped", 0, "holdout")
    made.somebody("dropped", 0, "no_consent")  # 22
    made.somebody("dropped", 1, "cap_week")  # 23
    made.somebody("dropped", 1, "too_late", done_at=BEGAN + 3 * HOUR)  # 24: on its way before
    for n, hours in ((0, 2), (0, 3), (1, 2), (10, 2)):
        made.click(n, hours)
    made.click(11, 2, "robot")
    made.order(0, 4, "100")
    made.order(1, 4, "60")
    made.order(1, 30, "40")
    made.order(10, 1.5, "500")  # before the click
    made.order(10, 5, "20", state="cancelled")
    made.order(4, 6, "70")  # never tapped: nobody's merit
    made.order(18, 7, "80")  # left alone
    made.order(22, 8, "90")  # left out
    made.order(23, 9, "50")  # would have been written to, had they not been before
    made.order(2, 90, "33")  # too late to count
    made.add("inbound", 2, BEGAN + 5 * HOUR, gateway_id=1, sender="+1", body="?", intent="other",
             at=BEGAN + 5 * HOUR)  # fmt: skip
    made.add("inbound", 19, BEGAN + 5 * HOUR, gateway_id=1, sender="+1", body="?", intent="other",
             at=BEGAN + 5 * HOUR)  # fmt: skip
    for n in (3, 3, 20):
        made.add("consent_event", n, BEGAN + 6 * HOUR, at=BEGAN + 6 * HOUR, scope="marketing",
                 change="out", source="link", words="no")  # fmt: skip
    return made


@pytest.mark.parametrize("span", [1, 4])
def test_every_figure_is_the_one_counted_by_hand(play: Callable[..., None], span: int) -> None:
    """R100, R101, N3."""

    async def story(shop: Shop) -> None:
        await sale(shop).write()
        found = await told(shop)
        assert (found.people, found.alone, found.left_out) == (25, 4, 2)
        total = found.total
        assert (total.queued, total.sent, total.delivered, total.failed) == (19, 18, 10, 1)
        assert (total.dropped, total.clicked, total.replied, total.stopped) == (1, 3, 1, 1)
        assert (total.bought, total.orders, total.revenue) == (2, 3, Decimal(200))
        assert total.cost == Decimal("0.90") and total.conversion == pytest.approx(2 / 18)
        for parts in (found.languages, found.countries, found.hours):
            assert sum(line.cost for line in parts.values()) == total.cost
        assert found.reasons == {
            "holdout": 4, "no_consent": 1, "cap_week": 1, "too_late": 1,
        }  # fmt: skip
        a, b = found.variants
        assert (a.sent, a.clicked, a.bought, a.revenue) == (10, 2, 2, 200)
        assert (b.sent, b.clicked, b.bought, b.failed) == (8, 1, 0, 1)
        assert found.channels["sms"].revenue == found.languages["ru"].revenue == 200
        assert found.countries["BY"].clicked == 3
        (hour,) = found.hours
        assert hour == (BEGAN + HOUR + 3 * HOUR).hour, "by the clock of Minsk"
        assert sum(day.sent for day in found.days) == 18
        assert sum(day.orders for day in found.days) == 3
        lift = found.lift
        assert lift and (lift.alone.people, lift.alone.hits, lift.alone.total) == (4, 1, 80)
        # Sent, failed, dropped at the last moment and capped: all whom chance had chosen.
        assert (lift.written.people, lift.written.hits) == (20, 5)
        assert lift.written.total == 100 + 100 + 500 + 70 + 50
        assert not lift.hits.is_sure and lift.hits.low is None
        assert found.best_by_clicks and found.best_by_clicks.leader == 0
        assert found.until == BEGAN + HOUR + timedelta(days=3)

    play(story, span=span)


def test_who_gets_a_text_and_a_letter_is_one_person(play: Callable[..., None]) -> None:
    """R40, R99. By both channels: messages are counted twice, people once."""

    async def story(shop: Shop) -> None:
        made = sale(shop)
        for one in [m for m in made.messages if m["state"] == "delivered"][:5]:
            row_id = one["id"] + (5000 << 7)
            made.messages.append(one | {"id": row_id, "channel": "email", "cost": None})
        out = made.messages[22]  # no yes to texts, but to letters
        made.messages.append(made.messages[0] | {
            "bucket": out["bucket"], "id": out["id"] + (5000 << 7), "channel": "email",
            "contact_id": out["contact_id"], "cost": None,
        })  # fmt: skip
        await made.write({"channels": "both", "variants": [{"name": "A"}, {"name": "B"}]})
        found = await told(shop)
        assert (found.people, found.alone, found.left_out) == (25, 4, 1)
        assert found.total.sent == 24 and found.channels["email"].sent == 6
        assert found.lift and (found.lift.written.people, found.lift.written.hits) == (21, 6)
        assert found.total.unpriced == 0, "a letter has no price"

    play(story, span=2)


def test_what_was_counted_is_kept_for_a_time_that_its_cost_decides(
    play: Callable[..., None],
) -> None:
    async def story(shop: Shop) -> None:
        made = sale(shop)
        await made.write()
        first = await told(shop)
        again = await told(shop)
        assert again is first

    play(story)


def test_a_report_of_a_segment_counts_and_compares_its_people(
    play: Callable[..., None],
) -> None:
    """R101, N3. All that they bought, claimed or not. Who may be in a segment because of what they
    did since is compared with nobody."""

    async def story(shop: Shop) -> None:
        made = sale(shop)
        for n in (0, 4, 10, 12, 18, 19):
            made.people[n]["country"] = "PL"
        await made.write()
        place = {"leaf": "place", "countries": ["PL"]}
        some = {"leaf": "any", "of": [{"leaf": "segment", "segment": 5},
                                      {"leaf": "orders", "times": {"at_least": 1}}]}  # fmt: skip
        for n, tree in ((5, place), (6, {"leaf": "segment", "segment": 5}), (7, some)):
            await shop.rows(
                "INSERT INTO segment (store_id, id, name, tree, created_at, changed_at)"
                " VALUES (1, %(n)s, 'Poland', %(tree)s, %(at)s, %(at)s) RETURNING 1",
                n=n, tree=db.document(tree), at=NOON,
            )  # fmt: skip
        for segment in (5, 6):
            found = await told(shop, segment=segment)
            assert (found.people, found.total.sent, found.total.clicked) == (6, 4, 2)
            assert (found.total.bought, found.total.revenue) == (1, 100)
            assert found.lift and (found.lift.written.people, found.lift.written.hits) == (4, 3)
            assert (found.lift.alone.people, found.lift.alone.hits) == (2, 1)
            assert found.lift.hits.low is None, "so few say nothing"
        assert (await told(shop, segment=7)).lift is None

    play(story, span=4)


def test_the_list_says_why_each_order_counts(play: Callable[..., None]) -> None:
    """R101."""

    async def story(shop: Shop) -> None:
        await sale(shop).write()
        async with db.transaction(shop.runtime.pool) as tx:
            campaign = await campaigns.find(tx, shop.store.id, 1)
            assert campaign
            rows = await reports.sales(tx, shop.store, campaign, NOON)
        assert [row["amount"] for row in rows] == [40, 100, 60] or [
            row["amount"] for row in rows
        ] == [40, 60, 100]
        assert {row["why"] for row in rows} == {"click"}
        assert rows[0]["placed_at"] > rows[-1]["placed_at"]

    play(story)


def test_the_overview_adds_up_what_all_offers_brought(play: Callable[..., None]) -> None:
    """R101, R107. A campaign, an automation's reminder, and how people were won."""

    async def story(shop: Shop) -> None:
        made = sale(shop)
        n = made.somebody("delivered", campaign_id=None, recipe="cart_left", cause="automation")
        made.click(n, 2)
        made.order(n, 3, "11")
        for source in ("form/3", "form/4", "reply"):
            made.add("consent_event", n, BEGAN, at=BEGAN, scope="marketing", change="in",
                     source=source, words="yes")  # fmt: skip
        await made.write()
        await put(shop, "consent_event", [
            {"bucket": who["bucket"], "store_id": shop.store.id, "contact_id": who["id"],
             "id": made.id(at, who["bucket"]), "at": at, "scope": scope, "change": "out",
             "source": "page", "words": "no"}
            for n, scope, at in (
                (n, "topic/offers", BEGAN + 5 * HOUR), (n, "topic/news", BEGAN + 5 * HOUR),
                (11, "all", BEGAN + 90 * HOUR),
            ) if (who := made.people[n])
        ])  # fmt: skip
        since, until = BEGAN - 10 * HOUR, NOON + 100 * HOUR
        found = await report_sums.overview(shop.runtime.pool, shop.store, since, until)
        by = {(one.campaign_id, one.recipe): one.line for one in found.subjects}
        assert by.keys() == {(1, ""), (0, "cart_left")}
        assert (by[1, ""].sent, by[1, ""].orders, by[1, ""].revenue) == (18, 3, 200)
        assert (by[0, "cart_left"].clicked, by[0, "cart_left"].revenue) == (1, 11)
        of_campaign = (await told(shop)).total
        assert of_campaign.replied and of_campaign.stopped
        assert (by[1, ""].replied, by[1, ""].stopped) == (
            of_campaign.replied, of_campaign.stopped,
        )  # fmt: skip
        assert (by[0, "cart_left"].replied, by[0, "cart_left"].stopped) == (0, 1)
        assert found.total.stopped == of_campaign.stopped + 1
        assert (found.total.sent, found.total.revenue, found.total.cost) == (
            19, 211, Decimal("0.95"),
        )  # fmt: skip
        assert list(found.months) == [BEGAN.date().replace(day=1)]
        assert found.won == {BEGAN.date().replace(day=1): {"form": 1, "reply": 1}}

    play(story, span=3)
