"""Ways in over the API: what programs tell, forms and rewards, and may this code be used?"""

from datetime import timedelta
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.rules.consent.ways_in import Reward
from tests.web.conftest import Answer, Site
from tests.web.test_api import Program
from tests.web.test_sign_up import answer, given, rows

BASE = "/api/stores/1"


@pytest.fixture
def program(site: Site) -> Program:
    """With an owner's key."""
    owner = site.set_up()
    page = owner.post("/stores/1/team/keys", {"name": "Shop", "role": "owner"}).text
    return Program(site, page.partition('<code id="secret">')[2].partition("<")[0])


def told(**more: Any) -> dict[str, Any]:
    return {
        "customer": {"phone": "+375291112233", "language": "ru"},
        "words": "Да, до 4 в месяц, СТОП отменяет.", **more,
    }  # fmt: skip


def post(program: Program, path: str, body: Any = None) -> Answer:
    return program.ask("POST", f"{BASE}/{path}", body or {})


@pytest.mark.parametrize(("confirmed", "state"), [(True, "in"), (False, "asked")])
def test_a_sign_up_is_told_with_its_words(program: Program, confirmed: bool, state: str) -> None:
    """R1, R3: what is not confirmed is asked; the same id again is the same sign-up."""
    body = told(confirmed=confirmed, id="7", ip="10.0.0.1")
    assert post(program, "sign-ups", body).json() == {"accepted": True}
    assert post(program, "sign-ups", body).json() == {"accepted": False}
    answer(program.site)
    (person,) = rows(program.site, "SELECT marketing, origin FROM contact")
    assert person == {"marketing": state, "origin": "api"}
    (row,) = rows(program.site, "SELECT words, source, ip FROM consent_event")
    assert row == {"words": body["words"], "source": "api/Shop", "ip": "10.0.0.1"}


def test_a_sign_up_comes_by_the_events_door_too(program: Program) -> None:
    """R114: `consent.given` is a fact that shops may tell."""
    event = told(confirmed=True, source="app") | {
        "kind": "consent.given", "id": "s1", "at": program.site.runtime.clock().isoformat(),
    }  # fmt: skip
    assert post(program, "events", event).json()["accepted"] == 1
    answer(program.site)
    (row,) = rows(program.site, "SELECT change, source FROM consent_event")
    assert row == {"change": "in", "source": "app"}


def test_a_sign_up_of_nobody_is_refused(program: Program) -> None:
    assert post(program, "sign-ups", told(customer={"name": "Anna"})).status == 422
    assert post(program, "sign-ups", told(words="")).status == 422


def test_a_sign_up_by_a_form_that_is_none_is_refused(program: Program) -> None:
    """R3: its welcome and reward would never come, and nobody would learn of it."""
    refused = post(program, "sign-ups", told(form=99))
    assert refused.status == 422 and "no form with this number" in refused.json()["detail"]
    assert not rows(program.site, "SELECT id FROM fact WHERE kind = 'consent.given'")


def test_forms_and_keywords_are_made_over_the_api(program: Program) -> None:
    """R3: published only while it says how often and how to refuse; R118."""
    wish = {"name": "App", "words": {"ru": {"frequency": ""}}}
    made = post(program, "forms", wish).json()
    assert made["state"] == "draft" and "/join/" in made["address"]
    refused = post(program, f"forms/{made['id']}/publish")
    assert refused.status == 422 and "words.ru.frequency" in refused.json()["detail"]
    changed = program.ask("PUT", f"{BASE}/forms/{made['id']}", {"name": "App", "colour": "ffd400"})
    assert changed.status == 200, changed.text
    assert post(program, f"forms/{made['id']}/publish").json()["state"] == "open"
    word = {"word": "TEA", "form": made["id"], "language": "ru"}
    assert post(program, "keywords", word).status == 201
    assert post(program, "keywords", word).status == 422
    assert post(program, "keywords", word | {"word": "СТОП"}).status == 422
    assert program.ask("GET", f"{BASE}/keywords").json()[0]["word"] == "TEA"
    assert program.ask("DELETE", f"{BASE}/keywords/tea").json() == {"accepted": True}
    assert program.ask("DELETE", f"{BASE}/keywords/tea").status == 404
    assert post(program, f"forms/{made['id']}/retire").json()["state"] == "retired"
    assert [one["id"] for one in program.ask("GET", f"{BASE}/forms").json()] == [made["id"]]


def test_rewards_and_their_lists_are_made_over_the_api(program: Program) -> None:
    made = post(program, "offers", {"name": "Ten", "kind": "code", "source": "pool"}).json()
    there = f"offers/{made['id']}"
    assert post(program, f"{there}/codes", {"codes": ["a-1", "A-1", "b-2"]}).json() == {"added": 2}
    assert post(program, f"{there}/codes", {"codes": ["a-1"]}).json() == {"added": 0}
    assert post(program, f"{there}/codes", {"codes": ["!"]}).status == 422
    assert post(program, "offers", {"name": "No", "kind": "points"}).status == 422
    changed = program.ask(
        "PUT", f"{BASE}/{there}",
        {"name": "Ten!", "kind": "code", "source": "pool", "valid_until": "2027-01-31"},
    )  # fmt: skip
    assert changed.status == 200
    (one,) = program.ask("GET", f"{BASE}/offers").json()
    assert (one["name"], one["left"], one["counts"]["given"]) == ("Ten!", 2, 0)
    assert one["valid_until"].startswith("2027-01-31T")
    assert post(program, f"{there}/retire").json() == {"accepted": True}


def test_the_checkout_asks_whether_a_code_may_be_used(program: Program) -> None:
    """R8, R34, R35, P7: its person, once, in its time, and no guest where that is so."""
    site = program.site
    reward = Reward(
        0, "r", "Ten", "code", source="own", prefix="TEA", valid_days=7, registered_only=True
    )
    given(site, reward)
    (row,) = rows(site, "SELECT code, contact_id FROM promo_code")

    def ask(code: str = row["code"], account: str = "") -> tuple[bool, str]:
        found = program.ask("GET", f"{BASE}/codes/{code}?account={account}").json()
        return found["valid"], found["reason"]

    event = {
        "kind": "customer.changed", "id": "c1", "at": site.runtime.clock().isoformat(),
        "customer": {"phone": "+375291112233", "account": "17"},
    }  # fmt: skip
    other = event | {"id": "c2", "customer": {"phone": "+375291112244", "account": "18"}}
    assert post(program, "events", [event, other]).status == 200
    answer(site)
    assert ask() == (False, "guest")
    assert ask(account="17") == (True, "")
    assert ask(row["code"].lower(), "17") == (True, "")
    assert ask(account="18") == (False, "other_person")
    assert ask(account="99") == (False, "account_unknown")
    assert ask("NONE") == (False, "unknown")
    later = site.runtime.clock() + timedelta(days=8)
    _put(site, f"UPDATE promo_code SET valid_until = '{later - timedelta(days=9)}'")
    assert ask(account="17") == (False, "ended")
    _put(site, "UPDATE promo_code SET valid_until = NULL, used_at = now()")
    assert ask(account="17") == (False, "used")


def _put(site: Site, statement: str) -> None:
    async def run() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            await tx.execute(statement)  # type: ignore[arg-type]

    site.run(run())


def test_a_code_that_all_share_has_its_time_only(program: Program) -> None:
    wish = {"name": "All", "kind": "code", "code": "HELLO10", "valid_from": "2099-01-01"}
    made = post(program, "offers", wish).json()
    found = program.ask("GET", f"{BASE}/codes/hello10").json()
    assert (found["valid"], found["reason"], found["offer_id"]) == (False, "not_yet", made["id"])
    program.ask("PUT", f"{BASE}/offers/{made['id']}", wish | {"valid_from": None})
    assert program.ask("GET", f"{BASE}/codes/HELLO10").json()["valid"] is True


def test_the_checkout_tells_where_and_what_is_bought(program: Program) -> None:
    """R35, R36, R42: only in the app, on these goods, by subscribers; the answer says the rest."""
    wish = {
        "name": "App Friday", "kind": "code", "code": "APP10", "discount": "percent", "worth": 10,
        "channel": "app", "goods_of": "skus", "goods": ["T-1"], "subscribers_only": True,
        "uses_each": 1, "uses_total": 2, "frees": True,
    }  # fmt: skip
    made = post(program, "offers", wish).json()

    def ask(more: str) -> str:
        return str(program.ask("GET", f"{BASE}/codes/APP10?{more}").json()["reason"])

    given(program.site, Reward(0, "w", "Welcome", "code", code="WELCOME"))
    answer(program.site)
    hers = "phone=8029111-22-33"
    assert ask("channel=app&sku=T-1") == "guest"
    assert ask(f"{hers}&channel=web&sku=T-1") == "wrong_channel"
    assert ask(f"{hers}&channel=app&sku=T-2&sku=T-3") == "wrong_goods"
    assert ask(f"{hers}&channel=App&sku=T-2&sku=t-1") == ""
    found = program.ask("GET", f"{BASE}/codes/app10?{hers}").json()
    assert (found["offer"], found["offer_id"]) == ("App Friday", made["id"])
    assert (found["discount"], float(found["worth"]), found["goods"]) == ("percent", 10, ["T-1"])
    at = program.site.runtime.clock().isoformat()
    bought = {
        "kind": "order.placed", "id": "o1", "at": at,
        "order": {
            "key": "1", "placed_at": at, "total": "20.00", "currency": "BYN", "codes": ["app10"],
            "customer": {"phone": "+375291112233"},
        },
    }  # fmt: skip
    assert post(program, "events", [bought]).status == 200
    answer(program.site)
    assert ask(f"{hers}&channel=app&sku=T-1") == "used"
    one = program.ask("GET", f"{BASE}/offers/{made['id']}").json()
    assert (one["orders"], one["revenue"], one["problems"]) == (1, {"BYN": "20.00"}, {})
    assert one["counts"]["used"] == 1 and list(one["days"].values()) == [1]


def test_codes_are_made_for_a_shop_and_told_over_the_api(program: Program) -> None:
    """R34: they wait until a program says that the shop has them."""
    wish = {"name": "Shop", "kind": "code", "source": "own", "prefix": "TEA", "shop": "file"}
    there = f"offers/{post(program, 'offers', wish).json()['id']}"
    assert post(program, f"{there}/made", {"count": 3}).json() == {"added": 3}
    assert list(program.ask("GET", f"{BASE}/{there}?people=3").json()["problems"]) == [
        "waiting", "few",
    ]  # fmt: skip
    waiting = program.ask("GET", f"{BASE}/{there}/waiting").json()
    assert len(waiting) == 3 and all(code.startswith("TEA-") for code in waiting)
    assert post(program, f"{there}/told", {"codes": waiting}).json() == {"accepted": True}
    one = program.ask("GET", f"{BASE}/{there}?people=3").json()
    assert (one["left"], one["to_be_told"], one["problems"]) == (3, 0, {})
    assert post(program, "offers", wish | {"source": "pool"}).status == 422
    common = post(program, "offers", {"name": "All", "kind": "code", "code": "ALL1"}).json()
    assert post(program, f"offers/{common['id']}/made", {"count": 3}).status == 422
