"""Today and Messages: the day in figures, what waits for a person, and every message's story."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records.campaigns import campaigns
from ringdove.records.sending import messages
from ringdove.records.sending.messages import Settled
from ringdove.records.sending.receipts import Receipt
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.rules.campaigns.campaigns import Plan
from ringdove.workers import react
from tests.web.conftest import Looker, Site
from tests.web.test_api import key


async def _live(site: Site, orders: int) -> list[int]:
    """Orders come in; the first text is delivered, the second failed, the third unknown."""
    runtime = site.runtime
    now = runtime.clock()
    told: list[facts.Fact] = []
    for n in range(orders):
        phone = "12" if n == 3 else f"+37529111{n:04d}"
        told.append(
            facts.OrderPlaced(
                id=f"order/{n}/placed", at=now - timedelta(minutes=1),
                order={
                    "key": str(n), "number": f"A-{n}", "placed_at": now, "total": "59.90",
                    "customer": {"phone": phone, "name": f"Анна {n}", "country": "BY"},
                    "lines": [{"name": "Чайник", "price": "59.90"}],
                },
            )
        )  # fmt: skip
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, 1)
        assert store is not None
        await fact_records.write(tx, store, 0, told, now, runtime.ids)
    await react.answer_due(runtime)
    bucket = stores.buckets(store)[0]
    async with db.transaction(runtime.pool) as tx:
        taken = await messages.take(tx, store, bucket, 1, runtime.clock(), "test", 3)
        made = [t.message_id for t in taken]
        answers = [
            Settled(made[0], "sent", "", ("p1",)),
            Settled(made[1], "failed", "ESME_RINVDSTADR"),
            Settled(made[2], "unknown", "no_answer"),
        ]
        await messages.settle(tx, store, 1, answers, runtime.clock())
        told_receipts = [Receipt("p1", "delivered", "000", runtime.clock())]
        await messages.write(tx, store, 1, [], told_receipts, runtime.clock())
    return made


def test_today_says_what_came_in_and_what_waits(site: Site) -> None:
    """The first page: figures, the drawn day with its words, and what somebody must settle."""
    owner = site.set_up()
    empty = owner.get("/stores/1/today")
    assert empty.status == 200 and "Nothing has been said yet" in empty.text
    site.run(_live(site, 5))
    page = owner.get("/stores/1/today").text
    assert "1 phone number cannot be read." in page
    assert "1 message may or may not have been sent." in page
    assert "<caption>Messages by hour</caption>" in page


def test_each_state_can_be_looked_for_and_each_story_read(site: Site) -> None:
    """N2, R100: the reason of every text and every silence, in words."""
    owner = site.set_up()
    delivered, failed, unknown = site.run(_live(site, 5))
    found = {
        state: owner.get(f"/stores/1/messages?state={state}").text
        for state in ("delivered", "failed", "unknown", "dropped", "waiting")
    }
    assert f"/messages/{delivered}" in found["delivered"]
    assert f"/messages/{delivered}" not in found["failed"]
    assert "there is no such number" in found["failed"]
    assert "somebody must settle it" in found["dropped"]
    story = owner.get(f"/stores/1/messages/{delivered}").text
    assert "Receipt: delivered" in story and "Taken by Virtual phones" in story
    assert "there is no such number" in owner.get(f"/stores/1/messages/{failed}").text
    assert "not sent again by itself" in owner.get(f"/stores/1/messages/{unknown}").text
    assert owner.get("/stores/1/messages/7").status == 404
    assert owner.get("/stores/1/messages/-1").status == 404
    assert owner.get("/stores/1/messages?day=yesterday").status == 200


def test_a_viewer_sees_numbers_masked(site: Site) -> None:
    """P10 and privacy: who only looks on reads no number."""
    owner = site.set_up()
    delivered, *_ = site.run(_live(site, 5))
    viewer = site.add_member(owner, "viewer")
    for path in ("today", "messages", f"messages/{delivered}"):
        assert "111-00-00" not in viewer.get(f"/stores/1/{path}").text
        assert "1110000" not in viewer.get(f"/stores/1/{path}").text


def test_a_long_list_goes_on_where_it_stopped(site: Site) -> None:
    """Keyset paging: the next rows begin after the last one shown."""
    owner = site.set_up()
    site.run(_live(site, 50))
    first = owner.get("/stores/1/messages").text
    assert first.count('<th scope="row">') == 40
    before = first.rpartition("before=")[2].partition('"')[0]
    second = owner.get(f"/stores/1/messages?before={before}").text
    assert second.count('<th scope="row">') == 10


def test_a_campaigns_messages_are_asked_for_alone(site: Site) -> None:
    """By the run's range of ids. What nobody reads is refused, not answered with everything."""
    site.set_up()
    program, path = key(site, "support"), "/api/stores/1/messages"
    for n in range(5):
        wish = {"phone": "+375291112233", "text": f"n {n}", "class": "marketing"}
        program.ask("POST", "/api/stores/1/texts", wish)

    async def gathered() -> int:
        async with db.transaction(site.runtime.pool) as tx:
            made = await campaigns.create(tx, 1, "Sale", Plan(), None, site.runtime.clock())
            await tx.execute(GATHERED, {"campaign_id": made})
            return made

    made = site.run(gathered())
    for query, bodies in (
        (f"campaign={made}", ["n 3", "n 1"]), (f"campaign={made}&most=1", ["n 3"]),
        (f"campaign={made}&state=sent", []),
    ):  # fmt: skip
        found = program.ask("GET", f"{path}?{query}").json()["items"]
        assert [one["body"] for one in found] == bodies, query
    assert program.ask("GET", f"{path}?campaign=99").status == 404
    refused = program.ask("GET", f"{path}?campain=1")
    assert refused.status == 422
    assert "campain: not a parameter of this call; it has before, campaign, most" in refused.text


GATHERED = """
WITH mine AS (
  UPDATE message SET campaign_id = %(campaign_id)s WHERE body IN ('n 1', 'n 3')
  RETURNING bucket, id
)
INSERT INTO campaign_run (bucket, store_id, campaign_id, version, first_message, last_message,
  changed_at)
SELECT bucket, 1, %(campaign_id)s, 1, min(id), max(id), now() FROM mine GROUP BY bucket
"""


@pytest.mark.browser
def test_the_pages_are_sound(site: Site, look: Callable[..., Looker]) -> None:
    """Axe, width and console."""
    site.set_up().post("/me/language", {"language": "ru"})
    made: list[Any] = site.run(_live(site, 12))
    looker = look(phone=True, language="ru", dark=True)
    looker.sign_in()
    for path in ("today", "messages", f"messages/{made[0]}", f"messages/{made[2]}"):
        looker.page.goto(f"{site.url}/stores/1/{path}")
        looker.assert_clean()
