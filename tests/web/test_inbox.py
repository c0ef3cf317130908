"""The inbox: lists, one talk, what is done with it, two people in it at once (R79, R115)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.workers import react
from ringdove.workers.conversations import waking
from tests.web.conftest import Looker, Site

HERE = "/stores/1/inbox"
ANNA, BORIS = "+375291112233", "+375291112244"
ASKS = "Вы говорите по-польски?"  # no machine answers it


async def told(site: Site, *some: facts.Fact) -> None:
    runtime = site.runtime
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, 1)
        assert store is not None
        await fact_records.write(tx, store, 0, list(some), runtime.clock(), runtime.ids)
    await react.answer_due(runtime)


def wrote(site: Site, key: str, phone: str, body: str, ago_s: int = 0) -> facts.TextReceived:
    at = site.runtime.clock() - timedelta(seconds=ago_s)
    return facts.TextReceived(id=key, at=at, gateway=1, sender=phone, body=body)


def ordered(site: Site, key: str, phone: str, name: str) -> facts.OrderPlaced:
    at = site.runtime.clock() - timedelta(hours=2)
    return facts.OrderPlaced(
        id=f"order/{key}", at=at,
        order={
            "key": key, "number": f"A-{key}", "placed_at": at, "total": "59.90", "currency": "BYN",
            "customer": {"phone": phone, "name": name, "country": "BY"},
            "lines": [{"name": "Чайник", "price": "59.90"}],
        },
    )  # fmt: skip


async def rows(site: Site, query: str) -> list[dict[str, Any]]:
    async with db.transaction(site.runtime.pool) as tx:
        return await (await tx.execute(query)).fetchall()  # type: ignore[arg-type]


def person(site: Site, phone: str) -> int:
    found = site.run(rows(site, f"SELECT id FROM contact WHERE phone = '{phone}'"))
    return int(found[0]["id"])


def talk_of(site: Site, contact_id: int) -> dict[str, Any]:
    found = site.run(rows(site, f"SELECT * FROM conversation WHERE contact_id = {contact_id}"))
    return found[0] if found else {}


def test_a_text_waits_is_read_taken_put_off_closed_and_opened_again(site: Site) -> None:
    """R79. Whoever waits longest stands in front; each deed moves the talk to its list."""
    owner = site.set_up()
    assert "Nobody waits for an answer" in owner.get(HERE).text
    site.run(told(site, ordered(site, "1", ANNA, "Анна Ковáль")))
    site.run(told(site, wrote(site, "t1", BORIS, "Ёлки зелёные, отзовитесь", 7200)))
    site.run(told(site, wrote(site, "t2", ANNA, ASKS, 60)))
    anna, boris = person(site, ANNA), person(site, BORIS)
    page = owner.get(HERE).text
    assert page.index(f"talk-{boris}") < page.index(f"talk-{anna}"), "the longest wait in front"
    assert "waits 2 hours" in page and ASKS in page
    assert ">2<" in owner.get(f"{HERE}/unread").text
    viewer = site.add_member(owner, "viewer")
    seen = viewer.get(f"{HERE}/{anna}").text
    assert ASKS in seen and "Order A-1" in seen and ANNA[-4:] not in seen
    assert talk_of(site, anna)["unread"] == 1, "who may not answer has not read it"
    assert ASKS in owner.get(f"{HERE}/{anna}").text
    assert talk_of(site, anna)["unread"] == 0
    assert owner.post(f"{HERE}/{anna}/unread").status == 303
    assert talk_of(site, anna)["unread"] == 1

    assert owner.post(f"{HERE}/{anna}/owner", {"owner": "1"}).status == 303
    assert f"talk-{anna}" in owner.get(f"{HERE}?which=mine").text
    assert f"talk-{boris}" not in owner.get(f"{HERE}?which=mine").text
    over = {"until": "at", "at": "2020-01-01T10:00"}
    assert owner.post(f"{HERE}/{anna}/snooze", over).status == 303
    assert talk_of(site, anna)["state"] == "open", "a time that is over puts nothing off"
    assert owner.post(f"{HERE}/{anna}/snooze", {"until": "hour"}).status == 303
    assert f"talk-{anna}" not in owner.get(HERE).text
    assert f"talk-{anna}" in owner.get(f"{HERE}?which=snoozed").text
    late = "UPDATE conversation SET snoozed_until = now() - interval '1 day'"
    site.run(rows(site, f"{late} WHERE state = 'snoozed' RETURNING 1"))
    assert site.run(waking.wake_all(site.runtime)) == 1, "a worker brings it back"
    assert f"talk-{anna}" in owner.get(HERE).text

    assert "Nobody was answered" in owner.get(f"{HERE}/times").text
    answer = {"text": "Да, говорим", "key": "once-and-only", "when": "now"}
    assert owner.post(f"{HERE}/{anna}/answer", answer).status == 303
    assert f"talk-{anna}" in owner.get(f"{HERE}?which=answered").text
    assert f"talk-{anna}" not in owner.get(HERE).text
    times = owner.get(f"{HERE}/times").text
    assert "Half within" in times and "Nobody was answered" not in times
    assert "Да, говорим" in owner.get(f"{HERE}/{anna}").text

    assert owner.post(f"{HERE}/{anna}/close").status == 303
    assert f"talk-{anna}" in owner.get(f"{HERE}?which=closed").text
    assert talk_of(site, anna)["waiting_since"] is None
    site.run(told(site, wrote(site, "t3", ANNA, "Так говорите или нет?")))
    assert f"talk-{anna}" in owner.get(HERE).text, "a new text opens it again"
    assert owner.post(f"{HERE}/{anna}/close").status == 303
    assert owner.post(f"{HERE}/{anna}/open").status == 303
    assert f"talk-{anna}" in owner.get(HERE).text
    by_hand = {"text": "Позвоним завтра", "klass": "service", "key": "by-hand-once"}
    assert owner.post(f"/stores/1/customers/{anna}/text", by_hand).status == 303
    assert talk_of(site, anna)["waiting_since"] is None, "written elsewhere, it is an answer too"

    found = owner.get(f"{HERE}?q=koval").text
    assert f"talk-{anna}" in found and f"talk-{boris}" not in found
    assert f"talk-{anna}" in owner.get(f"{HERE}?q=%2B375291112233").text
    assert f"talk-{anna}" in owner.get(f"{HERE}?q=112233").text
    assert f"talk-{anna}" not in viewer.get(f"{HERE}?q=112233").text
    assert owner.post(f"{HERE}/999999/close").status == 404


def test_a_text_is_put_right_and_a_stop_that_was_not_understood_counts(site: Site) -> None:
    """N8. What a machine took a text for is corrected by hand; its first reading is kept."""
    owner = site.set_up()
    site.run(told(site, wrote(site, "t1", ANNA, "фырк, и это всё")))
    anna = person(site, ANNA)
    (text,) = site.run(rows(site, "SELECT id, intent FROM inbound"))
    at = f"{HERE}/{anna}/texts/{text['id']}/meant"
    assert owner.post(at, {"intent": "nonsense"}).status == 422
    assert owner.post(at, {"intent": "complaint"}).status == 303
    assert talk_of(site, anna)["intent"] == "complaint"
    assert "put right; it was taken for" in owner.get(f"{HERE}/{anna}").text
    assert owner.post(at, {"intent": "stop"}).status == 303
    site.run(react.answer_due(site.runtime))
    (now,) = site.run(rows(site, "SELECT marketing FROM contact"))
    assert now["marketing"] == "out", "the stop counts, in their words"
    (text_now,) = site.run(rows(site, "SELECT intent, read_as FROM inbound"))
    assert text_now == {"intent": "stop", "read_as": text["intent"]}
    assert owner.post(at, {"intent": "other"}).status == 303
    site.run(react.answer_due(site.runtime))
    (now,) = site.run(rows(site, "SELECT marketing FROM contact"))
    assert now["marketing"] == "out", "nobody is signed up again by a correction"
    assert owner.post(f"{HERE}/{anna}/notes", {"body": "Звонила вчера"}).status == 303
    assert "Звонила вчера" in owner.get(f"{HERE}/{anna}").text
    (note,) = site.run(rows(site, "SELECT by FROM conversation_note"))
    assert note["by"] == "page/Anna Volk"


def test_two_who_are_found_to_be_one_have_one_talk(site: Site) -> None:
    """R79. Texts of both stand in it, and nobody who waits is lost with the name that is gone."""
    owner = site.set_up()
    site.run(told(site, wrote(site, "t1", ANNA, "Первый вопрос: где вы находитесь?", 7200)))
    site.run(told(site, wrote(site, "t2", BORIS, "Второй вопрос: а до скольки вы?", 60)))
    anna, boris = person(site, ANNA), person(site, BORIS)
    assert owner.post(f"{HERE}/{boris}/owner", {"owner": "1"}).status == 303
    assert owner.post(f"{HERE}/{anna}/notes", {"body": "Просила позвонить"}).status == 303
    site.run(told(site, merge_fact(site, anna, boris)))
    (row,) = site.run(rows(site, "SELECT * FROM conversation"))
    main, other = (anna, boris) if row["contact_id"] == anna else (boris, anna)
    assert row["unread"] == 2 and row["owner"] == 1
    assert row["last_said"].startswith("Второй")
    assert site.runtime.clock() - row["waiting_since"] > timedelta(hours=1), "the earlier wait"
    page = owner.get(f"{HERE}/{main}").text
    assert "Первый вопрос" in page and "Второй вопрос" in page and "Просила позвонить" in page
    assert owner.get(f"{HERE}/{other}").headers["location"].startswith(f"{HERE}/{main}")


def merge_fact(site: Site, stays: int, goes: int) -> facts.Fact:
    return facts.PeopleMerged(
        id="merge/1", at=site.runtime.clock(), contact=stays, other=goes, by="page/Anna"
    )


@pytest.mark.browser
@pytest.mark.slow
def test_two_people_work_in_the_inbox_at_once(look: Callable[..., Looker], site: Site) -> None:
    """R79, R115. What one does the other sees without a reload; keys; a phone as a messenger."""
    owner = site.set_up()
    site.run(told(site, ordered(site, "1", ANNA, "Anna Kovalenko")))
    site.run(told(site, wrote(site, "t1", ANNA, ASKS, 600)))
    site.run(told(site, wrote(site, "t2", BORIS, "У вас есть кофейня рядом?", 300)))
    anna = person(site, ANNA)
    ben = site.add_member(owner, "support")
    first, second = look(), look(phone=True, dark=True)
    first.sign_in()
    second.context.add_cookies(
        [{"name": n, "value": v, "url": site.url} for n, v in ben.cookies.items()]
    )
    first.go(HERE)
    one, two = first.page, second.page
    expect(one.locator("#unread")).to_contain_text("2")
    expect(one.locator("#talks .talk-line")).to_have_count(2)
    first.assert_clean()
    one.keyboard.press("j")
    one.keyboard.press("Enter")
    expect(one.locator(".talk-who h1")).to_have_text("Anna Kovalenko")
    expect(one.locator("#thread")).to_contain_text(ASKS)
    expect(one.locator("#beside")).to_contain_text("Order A-1")
    expect(one.locator("#unread")).to_contain_text("1")

    second.go(f"{HERE}/{anna}")
    expect(two.locator(".inbox-list")).to_be_hidden()
    two.locator("#answer textarea").press_sequentially("Да, за")
    expect(one.locator("#typing")).to_contain_text("Support is writing an answer", timeout=1_500)
    expect(two.locator("#typing")).to_be_empty()
    second.assert_clean()
    site.run(told(site, wrote(site, "t3", ANNA, "И ещё: а по-чешски?")))
    expect(one.locator("#thread")).to_contain_text("И ещё: а по-чешски?")
    expect(two.locator("#thread")).to_contain_text("И ещё: а по-чешски?")
    assert two.locator("#answer textarea").input_value() == "Да, за", "news take nothing typed"
    two.get_by_role("button", name="Take it").click()
    expect(one.locator("#f-owner option:checked")).to_have_text("Support")
    expect(two.locator("#f-owner option:checked")).to_have_text("Support")
    expect(two.locator("#answer textarea")).to_have_value("Да, за")  # nor does taking it
    two.locator("#answer textarea").fill("")
    expect(one.locator("#typing")).not_to_contain_text("Support", timeout=1_500)
    one.keyboard.press("?")
    expect(one.locator("#keys-dialog")).to_be_visible()
    one.keyboard.press("Escape")
    expect(one.locator("#keys-dialog")).to_be_hidden()
    one.keyboard.press("r")
    expect(one.locator("#answer textarea")).to_be_focused()
    one.keyboard.type("e")
    expect(one.locator("#answer textarea")).to_have_value("e")
    one.locator("#answer textarea").fill("")
    one.locator("#thread").focus()
    first.assert_clean()
    one.keyboard.press("e")
    expect(one).to_have_url(f"{site.url}{HERE}?which=waiting")
    expect(one.locator("#talks .talk-line")).to_have_count(1)
    expect(two.locator(".talk-head .pill")).to_have_text("closed")
    two.get_by_role("link", name="All conversations").click()
    expect(two.locator("#talks .talk-line")).to_have_count(1)
    first.go(f"{HERE}/times")
    first.assert_clean()
