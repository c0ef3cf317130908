"""The page of parked events: shown with their error, tried again, or left (P11)."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from ringdove.kit import db
from ringdove.records import facts
from ringdove.records.store import stores
from ringdove.rules.facts import PaymentReceived
from tests.web.conftest import Looker, Site

PAGE = "/stores/1/parked"


def park(site: Site, count: int = 1, error: str = "waits for order/1001") -> list[int]:
    """Events that nobody could answer; their ids, newest first."""

    async def work() -> list[int]:
        now = datetime.now(UTC)
        told = [PaymentReceived(id=f"p/{n}", at=now, order=f"{n}") for n in range(count)]
        async with db.transaction(site.runtime.pool) as tx:
            store = await stores.find(tx, 1)
            assert store
            await facts.write(tx, store, 0, told, now, site.runtime.ids)
            for bucket in stores.buckets(store):
                for row in await facts.take(tx, bucket, now):
                    row = {**row, "attempts": 99}
                    assert await facts.postpone(tx, row, now, error)
            return [row["fact_id"] for row in await facts.parked(tx, store)]

    return site.run(work())


def left(site: Site) -> int:
    async def count() -> int:
        async with db.transaction(site.runtime.pool) as tx:
            store = await stores.find(tx, 1)
            assert store
            return len(await facts.parked(tx, store))

    return site.run(count())


def test_one_is_tried_again_and_one_is_left(site: Site) -> None:
    """P11. Shown with its error, and can be retried."""
    owner = site.set_up()
    assert "All is answered" in owner.get(PAGE).text
    first, second, third = park(site, 3)
    page = owner.get(PAGE).text
    assert "payment.received" in page and "of which nothing was heard" in page
    assert "waits for order/1001" in page and "&#34;order&#34;: &#34;1&#34;" in page
    assert owner.post(f"{PAGE}/{first}/retry").status == 303
    assert left(site) == 2
    assert owner.post(f"{PAGE}/{first}/retry").status == 404, "it is in the queue again"
    assert owner.post(f"{PAGE}/{second}/end").status == 303
    assert left(site) == 1 and str(third) in owner.get(PAGE).text
    audit = owner.get("/stores/1/audit").text
    assert "Tried an event again" in audit and "Left an event unanswered" in audit


def test_all_are_tried_again(site: Site) -> None:
    owner = site.set_up()
    park(site, 4)
    assert owner.post(f"{PAGE}/retry").status == 303
    assert left(site) == 0


def test_rights(site: Site) -> None:
    """P10. A body holds phone numbers: viewers, who see them masked, do not read it."""
    owner = site.set_up()
    (fact_id,) = park(site)
    viewer, support = site.add_member(owner, "viewer"), site.add_member(owner, "support")
    assert viewer.get(PAGE).status == 403
    assert support.get(PAGE).status == 200
    assert "Try again" not in support.get(PAGE).text
    for path in ("/retry", f"/{fact_id}/retry", f"/{fact_id}/end"):
        assert support.post(PAGE + path).status == 403
    assert left(site) == 1


@pytest.mark.browser
def test_parked_in_a_browser(look: Callable[..., Looker], site: Site) -> None:
    site.set_up()
    looker = look(phone=True, dark=True)
    looker.sign_in()
    looker.go(PAGE)
    looker.trouble.clear()
    looker.assert_clean()
    park(site, 3)
    looker.go(PAGE)
    page = looker.page
    page.get_by_text("What was heard, and the error").first.click()
    looker.assert_clean()
    page.get_by_role("button", name="Leave it").first.click()
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    looker.assert_clean()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    page.get_by_role("button", name="Leave it").first.click()
    dialog.get_by_role("button", name="Leave it").click()
    page.get_by_text("It is left unanswered.").wait_for()
    page.get_by_role("button", name="Try all again").click()
    page.get_by_text("All is answered").wait_for()
    looker.assert_clean()
