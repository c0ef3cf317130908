"""Customers: found as one types, their whole past with its reasons, and what support does there."""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records.people.timeline import Point, point_of
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.workers import react

from .conftest import Looker, Site, Visitor
from .test_api import key

ANNA = {"phone": "+375291112233", "email": "anna@mail.example", "name": "Анна Волк"}
LIST = "/stores/1/customers"


@pytest.fixture
def owner(site: Site) -> Visitor:
    return site.set_up()


def tell(site: Site, *told: facts.Fact) -> None:
    """Facts of a shop, answered."""

    async def write() -> None:
        runtime = site.runtime
        async with db.transaction(runtime.pool) as tx:
            store = await stores.find(tx, 1)
            assert store
            await fact_records.write(tx, store, 0, told, runtime.clock(), runtime.ids)
        await react.answer_due(runtime)

    site.run(write())


def ordered(site: Site, key: str = "42", **customer: str) -> facts.OrderPlaced:
    at = site.runtime.clock()
    return facts.OrderPlaced(
        id=f"order/{key}",
        at=at,
        order=facts.Order(
            key=key,
            number=f"N-{key}",
            placed_at=at,
            total=Decimal("31.90"),
            currency="BYN",
            customer=facts.Customer(**(customer or ANNA)),
            lines=(facts.Line(name="A blue teapot", price=Decimal("31.90")),),
        ),
    )


def address(visitor: Visitor, name: str = "") -> str:
    """The page of the only customer, or of the one with this name."""
    found = re.findall(rf'href="({LIST}/\d+)"', visitor.get(f"{LIST}?q={quote(name)}").text)
    assert len(found) == 1, found
    return str(found[0])


def rows(site: Site, statement: str) -> list[dict[str, Any]]:
    async def ask() -> list[dict[str, Any]]:
        async with db.transaction(site.runtime.pool) as tx:
            return list(await (await tx.execute(statement)).fetchall())  # type: ignore[arg-type]

    return site.run(ask())


# ------------------------------------------------------------------ the list


def test_a_customer_is_found_as_one_types(site: Site, owner: Visitor) -> None:
    """R91, P9."""
    other = {"phone": "+375447778899", "name": "Boris", "email": "boris@else.example"}
    tell(site, ordered(site), ordered(site, "77", **other))
    for typed in (
        "анна", "ВОЛК", "mail.exam", "anna@mail.example", "+375 29 111-22-33", "8 (029) 111-22-33",
        "0291112233", "1112", "029 111", "42", "N-42", "#N-42",
    ):  # fmt: skip
        found = owner.get(f"{LIST}?q={quote(typed)}").text
        assert "Анна Волк" in found and "Boris" not in found, typed
    assert "Nobody found" in owner.get(f"{LIST}?q=zzz%00").text


def test_the_list_goes_on_page_by_page(site: Site, owner: Visitor) -> None:
    people = [
        facts.CustomerChanged(
            id=f"c{n}", at=site.runtime.clock(),
            customer=facts.Customer(phone=f"+37529{1_000_000 + n}", name=f"Person {n:02}"),
        )
        for n in range(85)
    ]  # fmt: skip
    tell(site, *people)
    seen: list[str] = []
    path = LIST
    for _page in range(3):
        text = owner.get(path).text
        seen += re.findall(r"Person (\d\d)", text)
        more = re.search(r'href="([^"]+before=\d+)"', text)
        path = more[1].replace("&amp;", "&") if more else ""
    assert len(seen) == len(set(seen)) == 85 and not path
    fresh = re.search(r'data-live-url="([^"]+down_to=\d+)"', owner.get(LIST).text)
    assert fresh
    again = owner.get(fresh[1].replace("&amp;", "&")).text
    assert len(re.findall(r"Person \d\d", again)) == 40


def test_viewers_see_no_number_and_no_address(site: Site, owner: Visitor) -> None:
    """Masked on the list and on the page, and parts of numbers find nobody."""
    viewer = site.add_member(owner, "viewer")
    doubtful = {"phone": "8O29 1112244", "name": "Ivan"}
    tell(site, ordered(site), ordered(site, "43", **doubtful))
    for path in (LIST, f"{LIST}?doubtful=1", address(owner, "анна"), address(owner, "ivan")):
        text = viewer.get(path).text
        assert "111-22-33" not in text and "8O29" not in text, path
        assert "anna@" not in text and "Write a text" not in text, path
    assert "•••" in viewer.get(address(owner, "анна")).text
    assert "Nobody found" in viewer.get(f"{LIST}?q=1112").text
    assert "Анна" in owner.get(f"{LIST}?q=1112").text


# ------------------------------------------------------------------ one customer's past


def test_the_past_says_why_of_every_text_and_every_silence(site: Site, owner: Visitor) -> None:
    """N2, R78."""
    at = site.runtime.clock()
    tell(site, ordered(site))
    tell(
        site,
        facts.PaymentReceived(id="p", at=at, order="42"),
        facts.ParcelMoved(id="m", at=at, order="42", state="in_transit", carrier="Post"),
        facts.TextReceived(id="t", at=at, gateway=1, sender="+375291112233", body="Где заказ?"),
        facts.ReturnOpened(id="r", at=at, order="42", return_key="R1"),
    )
    page = owner.get(address(owner)).text
    for said in (
        "Order N-42", "A blue teapot", "shipped", "Parcel of order N-42", "Где заказ?", "Return",
        "because the payment of order N-42 arrived: automation “Payment received”",
        "The automation is switched off.", "“Parcel on its way”",
        "There is no gateway for e-mail.", "Minsk",
    ):  # fmt: skip
        assert said in page, said
    assert owner.get(f"{address(owner)}?before=x").status == 200
    assert owner.get(f"{LIST}/1").status == 404
    assert owner.get(f"{LIST}/{2**63}").status == 404


def test_a_waiting_reminder_shows_until_when(site: Site, owner: Visitor) -> None:
    placed = ordered(site)
    order = placed.order.model_copy(update={"payment_due": True})
    tell(site, placed.model_copy(update={"order": order}))
    page = owner.get(address(owner)).text
    assert "“Payment reminder” waits" in page and "waits for its payment" in page
    tell(site, facts.PaymentReceived(id="p", at=site.runtime.clock(), order="42"))
    page = owner.get(address(owner)).text
    assert "“Payment reminder”" in page and "The payment arrived." in page


def test_the_past_goes_on_page_by_page(site: Site, owner: Visitor) -> None:
    at = site.runtime.clock() - timedelta(hours=2)
    tell(site, ordered(site))
    wrote = [
        facts.TextReceived(
            id=f"t{n}", at=at + timedelta(seconds=n // 2), gateway=1, sender="+375291112233",
            body=f"text {n:02}",
        )
        for n in range(70)
    ]  # fmt: skip
    tell(site, *wrote)
    seen: list[str] = []
    path = here = address(owner)
    pages = 0
    while path:
        text = owner.get(path).text
        seen += re.findall(r"text (\d\d)", text)
        more = re.search(r'href="([^"]+\?before=[\d-]+)"', text)
        path = more[1] if more else ""
        pages += 1
    assert pages == 3 and seen == [f"{n:02}" for n in range(69, -1, -1)]
    fresh = re.search(rf'data-live-url="({here}\?down_to=[\d-]+)"', owner.get(here).text)
    assert fresh and owner.get(fresh[1]).text.count('<li class="moment">') == 30


def test_a_point_survives_its_address(site: Site) -> None:
    point = Point(site.runtime.clock(), 2**62)
    assert point_of(str(point)) == point
    for wrong in ("", "1", "a-b", "1-", "-1", f"{'9' * 18}-1", f"1-{2**63}"):
        assert point_of(wrong) is None


# ------------------------------------------------------------------ what support does


def test_a_consent_is_written_down_with_its_words(site: Site, owner: Visitor) -> None:
    """N1, P1."""
    tell(site, ordered(site))
    here = address(owner)
    given = {"scope": "marketing", "change": "in", "words": "Yes, on the phone\x00"}
    assert owner.post(f"{here}/consent", given).status == 303
    site.run(react.answer_due(site.runtime))
    page = owner.get(here).text
    assert "Yes, on the phone" in page and "written down by Anna Volk" in page
    assert rows(site, "SELECT scope, change, words FROM consent_event") == [
        given | {"words": "Yes, on the phone"}
    ]
    answer = owner.post(f"{here}/consent", {"scope": "marketing", "change": "out", "words": " "})
    assert answer.status == 422 and "Please fill this in." in answer.text
    assert "Changed a customer&#39;s consent" in owner.get("/stores/1/audit").text


def test_a_doubtful_phone_is_settled_and_the_next_text_goes(site: Site, owner: Visitor) -> None:
    """P9."""
    tell(site, ordered(site), ordered(site, "43", phone="8O29 1112244", name="Ivan"))
    here = address(owner, "ivan")
    assert "somebody must settle it" in owner.get(here).text
    assert "Ivan" in owner.get(f"{LIST}?doubtful=1").text
    for wrong, why in (("12", "too short"), ("hello", "cannot be read"), ("80291112233", "Анна")):
        answer = owner.post(f"{here}/phone", {"phone": wrong})
        assert answer.status == 422 and why in answer.text, wrong
    assert owner.post(f"{here}/phone", {"phone": "8029 111-22-44"}).status == 303
    site.run(react.answer_due(site.runtime))
    assert "+375 29 111-22-44" in owner.get(here).text
    assert "Every number could be read" in owner.get(f"{LIST}?doubtful=1").text
    tell(site, facts.PaymentReceived(id="p", at=site.runtime.clock(), order="43"))
    sent = rows(site, "SELECT recipient, state FROM message WHERE recipe = 'order_paid'")
    assert sent == [{"recipient": "+375291112244", "state": "waiting"}]
    assert owner.post(f"{here}/phone", {"phone": "80297776655"}).status == 303
    site.run(react.answer_due(site.runtime))
    assert "+375 29 111-22-44" in owner.get(here).text


def test_two_people_who_get_one_number_stay_two(site: Site, owner: Visitor) -> None:
    """P9. The number was taken between the page and the answer: nothing is changed."""
    tell(site, ordered(site, "43", phone="8O29 1112233", name="Ivan"))
    ivan = int(address(owner).rpartition("/")[2])
    tell(site, ordered(site))
    at = site.runtime.clock()
    tell(site, facts.PhoneSettled(id="s", at=at, contact=ivan, phone="+375291112233"))
    assert "Ivan" in owner.get(f"{LIST}?doubtful=1").text


def test_a_text_by_hand_goes_through_the_decision_and_once(site: Site, owner: Visitor) -> None:
    """P1."""
    tell(site, ordered(site))
    here = address(owner)
    wish = {"text": "Добрый день!\r\nВаш заказ готов.", "klass": "service", "key": "k" * 20}
    for _press in range(2):
        assert owner.post(f"{here}/text", wish).status == 303
    made = rows(site, "SELECT body, state, why FROM message WHERE cause = 'person'")
    assert made == [
        {"body": "Добрый день!\nВаш заказ готов.", "state": "waiting", "why": "page/Anna Volk"}
    ]
    assert "because Anna Volk wrote it by hand" in owner.get(here).text
    offer = wish | {"klass": "marketing", "key": "m" * 20}
    assert "never said yes" in owner.post(f"{here}/measure", offer).text
    assert owner.post(f"{here}/text", offer).status == 303
    dropped = rows(site, "SELECT reason FROM message WHERE class = 'marketing'")
    assert dropped == [{"reason": "no_consent"}]
    assert owner.post(f"{here}/text", wish | {"text": ""}).status == 422


def test_the_composer_counts(site: Site, owner: Visitor) -> None:
    """R26."""
    tell(site, ordered(site))
    path = f"{address(owner)}/measure"
    for text, size in (
        ("hello", "5 of 160"), ("привет", "6 of 70"), ("x" * 161, "161 of 306"), ("", "0 of 160")
    ):  # fmt: skip
        answer = owner.post(path, {"text": text, "klass": "service"})
        assert answer.status == 200 and size in answer.text, text
        assert "It goes out at once." in answer.text, text


def test_a_viewer_changes_nothing_and_an_id_of_nobody_is_no_page(
    site: Site, owner: Visitor
) -> None:
    """P10."""
    viewer = site.add_member(owner, "viewer")
    tell(site, ordered(site))
    here = address(owner)
    for deed in ("consent", "phone", "text", "measure"):
        assert viewer.post(f"{here}/{deed}").status == 403
        assert owner.post(f"{LIST}/999/{deed}").status == 404


# ------------------------------------------------------------------ in a browser


@pytest.mark.browser
def test_the_customer_pages_in_a_browser(
    look: Callable[..., Looker], site: Site, owner: Visitor
) -> None:
    looker = look(phone=True, dark=True)
    looker.sign_in()
    page = looker.page
    looker.go(LIST)
    looker.trouble.clear()
    expect(page.get_by_text("No customers yet")).to_be_visible()
    looker.assert_clean()
    tell(site, ordered(site), ordered(site, "43", phone="8O29 1112244", name="Ivan"))
    page.get_by_role("link", name="Анна Волк").wait_for()  # by itself
    page.get_by_role("searchbox").fill("ыв")
    expect(page.get_by_text("Nobody found")).to_be_visible()
    page.get_by_role("searchbox").fill("8029 111-22-33")
    expect(page.get_by_role("link", name="Ivan")).to_have_count(0)
    looker.assert_clean()
    page.get_by_role("link", name="Анна Волк").click()
    page.get_by_role("heading", name="Анна Волк").wait_for()
    looker.assert_clean()
    tell(site, facts.PaymentReceived(id="p", at=site.runtime.clock(), order="42"))
    page.get_by_text("because the payment of order N-42 arrived").wait_for()
    page.get_by_role("button", name="Write a text").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Text", exact=True).fill("Ваш заказ “готов”")
    expect(dialog.get_by_text("17 of 70 characters")).to_be_visible()
    dialog.get_by_label("an offer").check()
    expect(dialog.get_by_text("never said yes")).to_be_visible()
    looker.assert_clean()
    dialog.get_by_label("about their order").check()
    expect(dialog.get_by_text("It goes out at once.")).to_be_visible()
    dialog.get_by_role("button", name="Send").click()
    page.get_by_text("It is on its way.").wait_for()
    page.get_by_text("because Anna Volk wrote it by hand").wait_for()
    looker.assert_clean()


@pytest.mark.browser
def test_a_consent_is_written_down_by_keyboard(
    look: Callable[..., Looker], site: Site, owner: Visitor
) -> None:
    tell(site, ordered(site))
    looker = look()
    looker.sign_in()
    looker.go(address(owner))
    looker.trouble.clear()
    page = looker.page
    page.get_by_role("button", name="Write down a consent").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Write down a consent")
    dialog.wait_for()
    page.get_by_label("Yes, send them").focus()
    page.keyboard.press("Space")
    dialog.get_by_label("Their words").focus()
    page.keyboard.type("I agree")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Written down.").wait_for()
    site.run(react.answer_due(site.runtime))
    page.get_by_text("“I agree”").first.wait_for()
    looker.assert_clean()


@pytest.mark.browser
def test_older_moments_are_fetched_in_place(
    look: Callable[..., Looker], site: Site, owner: Visitor
) -> None:
    tell(site, ordered(site))
    at = site.runtime.clock() - timedelta(hours=1)
    wrote = [
        facts.TextReceived(id=f"t{n}", at=at, gateway=1, sender="+375291112233", body=f"text {n}")
        for n in range(45)
    ]
    tell(site, *wrote)
    looker = look()
    looker.sign_in()
    looker.go(address(owner))
    looker.trouble.clear()
    page = looker.page
    moments = page.locator("li.moment")
    expect(moments).to_have_count(30)
    page.get_by_role("link", name="Show more").click()
    expect(page.get_by_text(re.compile(r"text 0$"))).to_be_visible()
    all_of_them = moments.count()
    tell(site, facts.PaymentReceived(id="p", at=site.runtime.clock(), order="42"))
    page.get_by_text("because the payment of order N-42 arrived").wait_for()
    assert moments.count() > all_of_them  # what was fetched stays while news come
    looker.assert_clean()


def test_habits_are_told_on_the_page_and_over_the_api(site: Site, owner: Visitor) -> None:
    """R16, R20, N4: what kind of customer, when they are expected again, when they are there, and
    what texts would name to them."""
    now = site.runtime.clock()
    tea = {"name": "Tea", "quantity": 1, "price": "9.00", "category": "tea", "sku": "T1"}
    tell(site, facts.ProductChanged(id="t1", at=now, sku="T1", name="Green <tea>", category="tea"))
    for n, days in enumerate((90, 60, 30, 2)):
        tell(site, facts.OrderPlaced(
            id=f"h{n}", at=now - timedelta(days=days), order=facts.Order(
                key=f"h{n}", placed_at=now - timedelta(days=days), customer=ANNA, lines=[tea],
                total=Decimal(9), currency="BYN")))  # fmt: skip
    evening = now.replace(hour=17, minute=5) - timedelta(days=9)
    tell(site, *(facts.VisitMade(id=f"v{n}", at=evening + timedelta(days=n), customer=ANNA)
                 for n in range(3)))  # fmt: skip
    page = owner.get(address(owner, "анна"))
    for words in ("a regular", "Expected again", "tea: ", "20:00 to 21:00 by the shop",
                  "The same again", "Green &lt;tea&gt;"):  # fmt: skip
        assert words in page.text, words
    asked = key(site, "viewer").ask("GET", f"/api{address(owner, 'анна')}/habits").json()
    assert (asked["kind"], asked["orders"], asked["own_hour"]) == ("loyal", 4, 20)
    assert [one["category"] for one in asked["expected"]] == ["", "tea"]
    assert asked["goods"]["accessories"] == []
    assert [one["sku"] for one in asked["goods"]["again"]] == ["T1"]
