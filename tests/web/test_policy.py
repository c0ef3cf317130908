"""Rules of sending and the page that says why: what they show, who changes them, what follows."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.rules.policy import Gap

from .conftest import Looker, Site, Visitor
from .test_api import key
from .test_customers import tell

POLICY = "/stores/1/policy"
RULES = {
    "cap_day": "2", "cap_week": "4", "cap_month": "9", "weekdays": ["0", "1", "2"],
    "occasion": "warn", "double_opt_in": "yes", "reconfirm_months": "6",
}  # fmt: skip


@pytest.fixture
def owner(site: Site) -> Visitor:
    return site.set_up()


def _ask(site: Site, statement: str, **values: Any) -> list[dict[str, Any]]:
    async def ask() -> list[dict[str, Any]]:
        async with db.transaction(site.runtime.pool) as tx:
            return list(await (await tx.execute(statement, values)).fetchall())  # type: ignore[arg-type]

    return site.run(ask())


def _store(site: Site) -> Any:
    async def find() -> Any:
        async with db.transaction(site.runtime.pool) as tx:
            return await stores.find(tx, 1)

    return site.run(find())


def _shop(site: Site) -> int:
    """Anna agreed, bought kettles, and got two offers; the id of her record."""
    now = site.runtime.clock()
    order = {
        "key": "1", "number": "1", "placed_at": now - timedelta(hours=1), "total": "9.90",
        "customer": {"phone": "+375291112233", "name": "Анна Коваль", "country": "BY"},
        "lines": [{"name": "Kettle", "price": "9.90", "category": "kettles"}],
        "consent": {"marketing": True, "words": "Yes."},
    }  # fmt: skip
    tell(site, facts.OrderPlaced(id="o", at=now - timedelta(hours=1), order=order))
    (anna,) = _ask(site, "SELECT * FROM contact")
    for n, hours in enumerate((2, 30)):
        at, message_id = now - timedelta(hours=hours), site.runtime.ids.make(anna["bucket"])
        _ask(
            site,
            """WITH m AS (INSERT INTO message (bucket, store_id, id, contact_id, channel, class,
                 topic, category, occasion, cause, gateway_id, recipient, body, not_before,
                 not_after, created_at, why, state, sent_at)
               VALUES (%(b)s, 1, %(id)s, %(c)s, 'sms', 'marketing', 'offers', %(cat)s, 'sale',
                 'person', 1, '+375291112233', 'Sale!', %(at)s, %(at)s, %(at)s, 'page/Anna',
                 'sent', %(at)s) RETURNING *)
               INSERT INTO touch SELECT bucket, 1, contact_id, id, sent_at, topic, category FROM m
               RETURNING 1""",
            b=anna["bucket"], id=message_id, c=anna["id"], at=at, cat="kettles" if n else "",
        )  # fmt: skip
    return int(anna["id"])


def test_the_owner_changes_how_often_and_the_store_follows(site: Site, owner: Visitor) -> None:
    """R12, R13: saved, told in the audit, and shown again."""
    assert owner.post(POLICY, RULES).status == 303
    rule = _store(site).policy
    assert (rule.cap_day, rule.cap_week, rule.cap_month) == (2, 4, 9)
    assert (rule.occasion, rule.reconfirm_months, rule.weekdays) == ("warn", 6, {0, 1, 2})
    assert "Changed the rules of sending" in owner.get("/stores/1/audit").text
    answer = owner.post(POLICY, RULES | {"cap_day": "many"})
    assert answer.status == 422 and "A whole number, please." in answer.text
    answer = owner.post(POLICY, {k: v for k, v in RULES.items() if k != "weekdays"})
    assert answer.status == 422 and "Choose at least one." in answer.text


def test_a_country_a_category_and_a_topic_come_and_go(site: Site, owner: Visitor) -> None:
    """R14, R15, R17, R44."""
    france = {
        "country": "FR", "quiet_from": "20:00", "quiet_until": "10:00", "days": ["0", "1"],
        "holidays": "yes",
    }  # fmt: skip
    assert owner.post(f"{POLICY}/countries", france).status == 303
    assert "your own rule" in owner.get(POLICY).text
    gap = {"category": "kettles", "days": "7", "after_purchase_days": "90"}
    assert owner.post(f"{POLICY}/categories", gap).status == 303
    topic = {"key": "sushi", "name": "Sushi", "names": ["", "Суши"], "code": "7"}
    assert owner.post(f"{POLICY}/topics", topic).status == 303
    again = {"key": "tea", "name": "Tea", "code": "7"}
    refused = owner.post(f"{POLICY}/topics", again)
    assert refused.status == 422 and "Another topic has this number." in refused.text
    no_calendar = {k: v for k, v in france.items() if k != "holidays"} | {"country": "JP"}
    assert owner.post(f"{POLICY}/countries", no_calendar).status == 422
    rule = _store(site).policy
    assert rule.countries["FR"].weekdays == {0, 1} and rule.categories["kettles"] == Gap(7, 90)
    assert rule.topic("sushi").code == "7"
    first, second = _store(site).languages[:2]
    assert rule.topic("sushi").names[first] == "Sushi"
    assert rule.topic("sushi").names[second] == "Суши"
    for what, gone in (("countries", "FR"), ("categories", "kettles"), ("topics", "sushi")):
        assert owner.post(f"{POLICY}/{what}/end", {"key": gone}).status == 303
    rule = _store(site).policy
    assert not rule.countries and not rule.categories and rule.topic("sushi") is None


def test_each_rule_says_what_it_would_have_done_to_last_month(site: Site, owner: Visitor) -> None:
    """N2: “would have held back 1 of the 2”."""
    _shop(site)
    assert "Would have held back none of the 2 offers" in owner.get(POLICY).text
    owner.post(POLICY, RULES | {"cap_week": "1"})
    assert "Would have held back 1 of the 2 offers of the last 30 days." in owner.get(POLICY).text


def test_everybody_is_counted_by_what_the_rules_say(site: Site, owner: Visitor) -> None:
    """N2: the first rehearsal; nothing is sent."""
    _shop(site)
    text = owner.get(f"{POLICY}?rehearse=true&about=offers&goods=").text
    assert "0 of 1 would get it at once." in text
    assert "The customer had as many offers in 24 hours as one may have." in text


def test_the_page_of_a_person_says_why_with_the_texts_behind_it(site: Site, owner: Visitor) -> None:
    """N2, R12: Anna did not get it since an earlier offer fills the day."""
    anna = _shop(site)
    answer = owner.get(f"/stores/1/customers/{anna}/decision?occasion=sale")
    assert answer.status == 200
    assert "The customer had as many offers in 24 hours as one may have." in answer.text
    (message,) = _ask(site, "SELECT id FROM message WHERE category = 'kettles'")
    of_message = owner.get(f"/stores/1/customers/{anna}/decision?message={message['id']}")
    assert of_message.status == 200 and "The rules when it was made" in of_message.text
    assert (
        f"decision?message={message['id']}" in owner.get(f"/stores/1/messages/{message['id']}").text
    )
    assert owner.get(f"/stores/1/customers/{anna}/decision?message=77").status == 404
    assert owner.get("/stores/1/customers/77/decision").status == 404


def test_a_pause_and_a_left_topic_are_seen(site: Site, owner: Visitor) -> None:
    """N2, R44: what the person said to one topic stands on this page."""
    anna = _shop(site)
    _ask(site, """UPDATE contact SET scopes = '{"topic/loyalty": ["out", ""]}' RETURNING 1""")
    there = f"/stores/1/customers/{anna}/decision?occasion=x&topic="
    assert "The customer left this topic." in owner.get(there + "loyalty").text
    assert "The customer left this topic." not in owner.get(there + "offers").text


def test_an_offer_by_hand_names_its_topic_and_occasion(site: Site, owner: Visitor) -> None:
    """R13: without an occasion it is a silence with its reason."""
    anna = _shop(site)
    _ask(site, "WITH gone AS (DELETE FROM touch) SELECT 1")
    here = f"/stores/1/customers/{anna}"
    text = {"text": "Sale! https://x.example", "klass": "marketing", "key": "k" * 10}
    assert "names no occasion" in owner.post(f"{here}/measure", text).text
    owner.post(f"{here}/text", text)
    owner.post(f"{here}/text", text | {"key": "j" * 10, "occasion": "sale", "topic": "loyalty"})
    made = _ask(site, "SELECT * FROM message WHERE cause = 'person' AND strpos(body, 'x.ex') > 0")
    told = {(one["topic"], one["occasion"], one["reason"] == "no_occasion") for one in made}
    assert told == {("offers", "", True), ("loyalty", "sale", False)}


def test_offers_that_wait_are_decided_anew_after_a_change(site: Site, owner: Visitor) -> None:
    """P1: their window is asked of the new rules."""
    anna = _shop(site)
    _ask(
        site,
        """INSERT INTO outbox (bucket, store_id, message_id, gateway_id, contact_id, urgency, class,
             topic, due_at, window_until, not_after)
           SELECT bucket, 1, 5, 1, id, 1, 'marketing', 'offers', now(), now() + interval '1 day',
             now() + interval '1 day' FROM contact WHERE id = %(id)s RETURNING 1""",
        id=anna,
    )
    owner.post(POLICY, RULES)
    (row,) = _ask(site, "SELECT window_until < now() AS is_over FROM outbox WHERE urgency = 1")
    assert row["is_over"]


def test_programs_read_and_change_the_rules_and_ask_why(site: Site, owner: Visitor) -> None:
    """Everything that the pages can do, the API can do."""
    anna = _shop(site)
    there = "/api/stores/1"
    told = key(site, "marketer").ask("GET", f"{there}/policy").json()
    assert told["sent"] == 2 and told["country_defaults"]["FR"]["holidays"] is False
    wish = told["policy"] | {"cap_day": 5, "categories": {"kettles": {"after_purchase_days": 60}}}
    assert key(site, "support").ask("PUT", f"{there}/policy", wish).status == 403
    boss = key(site, "owner")
    assert boss.ask("PUT", f"{there}/policy", wish).json()["cap_day"] == 5
    assert _store(site).policy.categories == {"kettles": Gap(0, 60)}
    wrong = wish | {"countries": {"JP": {
        "quiet_from": "21:00", "quiet_until": "09:00", "holidays": False}}}  # fmt: skip
    assert boss.ask("PUT", f"{there}/policy", wrong).status == 422
    dear = boss.ask("PUT", f"{there}/policy", wish | {"approval_above": 500}).json()
    assert dear["approval_above"] == _store(site).policy.approval_above == 500
    older = {name: said for name, said in wish.items() if name != "approval_above"}
    assert boss.ask("PUT", f"{there}/policy", older).json()["approval_above"] == 500
    twice = wish | {"topics": [{"key": "a"}, {"key": "a"}]}
    assert boss.ask("PUT", f"{there}/policy", twice).status == 422
    rehearsed = boss.ask("GET", f"{there}/policy/rehearsal?category=kettles").json()
    assert rehearsed["total"] == 1 and rehearsed["answers"][0]["reason"] == "bought_lately"
    why = boss.ask("GET", f"{there}/people/{anna}/decision?category=kettles&occasion=sale").json()
    assert (why["verdict"], why["reason"]) == ("drop", "bought_lately")
    steps = {one["rule"]: one for one in why["steps"]}
    assert steps["bought_lately"]["bought_at"] and steps["consent"]["state"] == "ok"
    assert boss.ask("GET", f"{there}/people/77/decision").status == 404


@pytest.mark.browser
def test_the_rules_and_the_reasons_are_clean_pages(
    look: Callable[..., Looker], site: Site, owner: Visitor
) -> None:
    """Keyboard, screen reader, phone width, dark."""
    anna = _shop(site)
    gap = {"category": "kettles", "days": "7", "after_purchase_days": "90"}
    owner.post(f"{POLICY}/categories", gap)
    owner.post("/me/language", {"language": "ru"})
    looker = look(phone=True, dark=True, language="ru")
    looker.sign_in()
    for path in (
        f"{POLICY}?rehearse=true",
        f"/stores/1/customers/{anna}/decision?occasion=sale&category=kettles",
    ):
        looker.go(path)
        looker.assert_clean()
    owner.post("/me/language", {"language": "en"})
    looker.go(POLICY)
    looker.page.get_by_role("button", name="A gap for a category").click()
    looker.page.get_by_role("dialog").get_by_label("Category").fill("tea")
    looker.page.get_by_role("dialog").get_by_role("button", name="Save").click()
    looker.page.get_by_role("rowheader", name="tea").wait_for()
