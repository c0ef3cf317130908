"""Unknown: the list of messages that may or may not have left, and what can be done about them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records.sending import messages, unknown
from ringdove.records.sending.messages import Settled
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.workers import react
from tests.web.conftest import Looker, Site
from tests.web.test_api import key

HERE = "/stores/1/unknown"


async def lose(site: Site, count: int, marketing: int = 0) -> list[int]:
    """So many service texts of unknown outcome, and so many of marketing."""
    runtime = site.runtime
    now = runtime.clock()
    told: list[facts.Fact] = [
        facts.OrderPlaced(
            id=f"order/{n}/placed", at=now - timedelta(minutes=1),
            order={
                "key": str(n), "number": f"A-{n}", "placed_at": now, "total": "59.90",
                "customer": {"phone": f"+37529111{n:04d}", "name": f"Анна {n}", "country": "BY"},
                "lines": [{"name": "Чайник", "price": "59.90"}],
            },
        )
        for n in range(count + marketing)
    ]  # fmt: skip
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, 1)
        assert store is not None
        await fact_records.write(tx, store, 0, told, now, runtime.ids)
    await react.answer_due(runtime)
    (bucket,) = stores.buckets(store)
    made: list[int] = []
    async with db.transaction(runtime.pool) as tx:
        while taken := await messages.take(tx, store, bucket, 1, runtime.clock(), "test", 500):
            made += [one.message_id for one in taken]
            answers = [Settled(one.message_id, "unknown", "no_answer") for one in taken]
            await messages.settle(tx, store, 1, answers, runtime.clock())
        if marketing:
            await tx.execute(
                "UPDATE message SET class = 'marketing' WHERE id = ANY(%s)", [made[-marketing:]]
            )
    return made


def states(site: Site) -> dict[int, tuple[str, bool]]:
    async def ask() -> Any:
        async with db.transaction(site.runtime.pool) as tx:
            rows = await tx.execute("SELECT id, state, done_at FROM message WHERE channel = 'sms'")
            return await rows.fetchall()

    return {row["id"]: (row["state"], row["done_at"] is not None) for row in site.run(ask())}


def test_the_list_says_why_and_what_can_be_done(site: Site) -> None:
    """P5. Every unknown one is listed, with its reason, and Today leads there."""
    owner = site.set_up()
    assert "Every outcome is known" in owner.get(HERE).text
    site.run(lose(site, 3))
    page = owner.get(HERE).text
    assert page.count('name="message"') == 3
    assert "did not answer in time" in page
    assert f'href="{HERE}"' in owner.get("/stores/1/today").text


def test_said_again_only_what_was_chosen_and_marketing_only_in_so_many_words(site: Site) -> None:
    """P5. Marketing is never repeated by itself, nor by a click that did not say so."""
    owner = site.set_up()
    made = site.run(lose(site, 3, marketing=1))
    first, marketing = made[0], made[-1]
    answer = owner.post(f"{HERE}/again", {"message": [first, marketing], "which": "ticked"})
    assert answer.status == 303
    page = owner.get(HERE).text
    assert "1 is said again." in page and "1 is marketing and was left." in page
    found = states(site)
    assert found[first][0] == "waiting" and found[marketing] == ("unknown", False)
    owner.post(f"{HERE}/again", {"message": marketing, "also_marketing": "yes"})
    assert states(site)[marketing][0] == "waiting"
    assert "said again" in owner.get("/stores/1/audit").text


def test_left_ones_leave_the_list_and_nothing_is_sent(site: Site) -> None:
    owner = site.set_up()
    made = site.run(lose(site, 3))
    assert owner.post(f"{HERE}/left", {"message": made[0]}).status == 303
    assert states(site)[made[0]] == ("unknown", True)
    assert owner.get(HERE).text.count('name="message"') == 2
    owner.post(f"{HERE}/left", {"which": "all"})
    assert "Every outcome is known" in owner.get(HERE).text
    assert "may or may not have been sent" not in owner.get("/stores/1/today").text


def test_a_thousand_are_decided_at_once(site: Site) -> None:
    owner = site.set_up()
    site.run(lose(site, 1000))
    page = owner.get(HERE).text
    assert page.count('name="message"') == unknown.SHOWN_MOST
    assert "1,000" in page and "before=" in page
    owner.post(f"{HERE}/again", {"which": "all"})
    assert {state for state, _ in states(site).values()} == {"waiting"}


def test_what_is_too_late_stays_as_it_is(site: Site) -> None:
    """P4. Saying it again would only make it "dropped", which it may not have been."""
    owner = site.set_up()
    (one,) = site.run(lose(site, 1))

    async def end() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            await tx.execute("UPDATE message SET not_after = created_at WHERE id = %s", [one])

    site.run(end())
    owner.post(f"{HERE}/again", {"message": one})
    assert states(site)[one] == ("unknown", False)
    page = owner.get(HERE).text
    assert "1 is too late to be said." in page and "cannot be said again" in page


def test_roles_see_what_they_may_do(site: Site) -> None:
    """P10. A viewer reads, support may leave, a marketer may have it said again."""
    owner = site.set_up()
    (one,) = site.run(lose(site, 1))
    viewer, support = site.add_member(owner, "viewer"), site.add_member(owner, "support")
    assert 'name="message"' not in viewer.get(HERE).text
    assert viewer.post(f"{HERE}/left", {"message": one}).status == 403
    assert "Leave as they are" in support.get(HERE).text
    assert "Say again" not in support.get(HERE).text
    assert support.post(f"{HERE}/again", {"message": one}).status == 403


@pytest.mark.browser
def test_the_page_is_sound_and_works_by_keyboard(site: Site, look: Callable[..., Looker]) -> None:
    owner = site.set_up()
    owner.post("/me/language", {"language": "ru"})
    made = site.run(lose(site, 5, marketing=2))
    looker = look(phone=True, language="ru", dark=True)
    looker.sign_in()
    looker.go(HERE)
    looker.assert_clean()
    page = looker.page
    page.locator("input[name=message]").nth(4).focus()
    page.keyboard.press("Space")
    page.locator("[data-opens=again]").focus()
    page.keyboard.press("Enter")
    page.locator("#again[open]").wait_for()
    looker.assert_clean()
    page.locator("#again .btn-danger").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.locator("input[name=message]").count() == len(made) - 1


def test_programs_do_the_same_over_the_api(site: Site) -> None:
    """P5, R114. The list, saying again, leaving, and a message's story."""
    site.set_up()
    made = site.run(lose(site, 3, marketing=1))
    program, viewer = key(site, "owner"), key(site, "viewer")
    base = "/api/stores/1"
    listed = program.ask("GET", f"{base}/unknown").json()
    assert [int(one["id"]) for one in listed] == sorted(made, reverse=True)
    assert "•" in viewer.ask("GET", f"{base}/unknown").json()[0]["recipient"]
    told = {"ids": [str(one) for one in made[1:]]}
    answer = program.ask("POST", f"{base}/unknown/again", told).json()
    assert answer == {"again": 2, "marketing_left": 1, "too_late": 0}
    assert program.ask("POST", f"{base}/unknown/left", {"ids": made}).json() == {"left": 2}
    assert program.ask("GET", f"{base}/unknown").json() == []
    assert viewer.ask("POST", f"{base}/unknown/left", {"ids": made}).status == 403
    story = program.ask("GET", f"{base}/messages/{made[0]}/story").json()
    assert story["state"] == "unknown" and story["packets"] == []
    assert viewer.ask("GET", f"{base}/messages/{made[0]}/story").status == 403
