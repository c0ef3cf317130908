"""The merchant's side of ways in: forms with a preview, keywords with posters, rewards."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from ringdove.kit import db
from tests.web.conftest import Looker, Site, Visitor
from tests.web.test_sign_up import PAGE, form_of, given, rows

HOME = "/stores/1/ways-in"


def new_form(owner: Visitor, name: str = "Footer") -> str:
    answer = owner.post(f"{HOME}/forms", {"name": name})
    assert answer.status == 303
    return answer.headers["location"]


def typed(**more: str) -> dict[str, str]:
    """A form as the editor sends it, little changed."""
    return {"name": "Footer", "title_ru": "Скидки", **more}


def test_a_form_that_does_not_state_frequency_and_refusal_is_not_published(site: Site) -> None:
    """R3: it says what is missing, in which language, and is published once it is there."""
    owner = site.set_up()
    address = new_form(owner)
    blank = typed(frequency_ru=" ", refusal_be="")
    assert owner.post(address, blank).status == 303
    refused = owner.post(f"{address}/publish")
    assert refused.status == 422
    assert 'id="f-frequency_ru-wrong"' in refused.text and 'id="f-refusal_be-wrong"' in refused.text
    (row,) = rows(site, "SELECT token, published_at FROM sign_up_form")
    assert row["published_at"] is None
    assert site.visitor().get(f"/join/{row['token']}").status == 410
    assert owner.post(address, typed(frequency_ru="Раз в неделю")).status == 303
    assert owner.post(f"{address}/publish").status == 303
    page = site.visitor().get(f"/join/{row['token']}?lang=ru").text
    assert "Скидки" in page and "Раз в неделю" in page
    assert owner.post(address, blank).status == 422, "an open form keeps saying both"


def test_words_that_were_not_changed_follow_the_policy(site: Site) -> None:
    """What is stored is what the merchant wrote: the cap in the ready words stays true."""
    owner = site.set_up()
    address = new_form(owner)
    owner.post(address, typed())
    (row,) = rows(site, "SELECT settings FROM sign_up_form")
    assert row["settings"]["words"] == {"ru": {"title": "Скидки"}}


def test_the_preview_is_the_visitors_page_of_what_is_typed(site: Site) -> None:
    owner = site.set_up()
    address = new_form(owner)
    shown = owner.post(f"{address}/preview?lang=be", typed(title_be="Зніжкі", topics="social"))
    assert "Зніжкі" in shown.text and "нашы сацыяльныя праекты" in shown.text
    assert rows(site, "SELECT settings FROM sign_up_form")[0]["settings"]["words"] == {}


def test_a_keyword_means_nothing_else(site: Site) -> None:
    """R118, P2: a stop, a start, help, a yes or a rating is no keyword."""
    owner = site.set_up()
    form = form_of(site)
    told = {"form": str(form.id), "language": "ru", "offer": "Ten off"}
    for word in ("stop", "Help", "да", "5", "S", "ABCDEFGHIJKLMNOPQRSTU"):
        answer = owner.post(f"{HOME}/keywords", told | {"word": word})
        assert answer.status == 422 and 'data-open-now="new-keyword"' in answer.text, word
    assert owner.post(f"{HOME}/keywords", told | {"word": "SALE"}).status == 303
    assert owner.post(f"{HOME}/keywords", told | {"word": "ЅАLЕ!"}).status == 422


def test_a_poster_says_what_is_kept_as_consent(site: Site) -> None:
    """R3, R118: the words on the sheet are the words of the ledger."""
    owner = site.set_up()
    form = form_of(site)
    told = {"word": "ЧАЙ", "form": str(form.id), "language": "ru", "offer": "Скидка 10 %"}
    owner.post(f"{HOME}/keywords", told)
    (row,) = rows(site, "SELECT word FROM keyword")
    sheet = owner.get(f"{HOME}/keywords/{quote(row['word'])}/poster?size=a5")
    assert sheet.status == 200 and "Скидка 10 %" in sheet.text
    assert "Отправляя ЧАЙ" in sheet.text and "Не чаще 8 SMS" in sheet.text
    assert owner.get(f"{HOME}/keywords/NONE/poster").status == 404


@pytest.mark.browser
@pytest.mark.slow
def test_a_merchant_makes_a_form_sees_it_and_prints_a_poster(
    site: Site, look: Callable[..., Looker]
) -> None:
    """R118: from nothing to a poster, by hand; the preview follows what is typed."""
    site.set_up()
    site.run(_number(site))
    owner = look()
    page = owner.page
    owner.sign_in()
    owner.go(HOME)
    owner.assert_clean()
    page.click("[data-opens=new-form] >> nth=0")
    page.fill("#f-form-name", "On the counter")
    page.click("#new-form button[type=submit]")
    frame = page.frame_locator("#preview")
    expect(frame.locator("h1")).to_contain_text("Новости и скидки")
    owner.assert_clean()
    page.fill("#f-title_ru", "Чай по пятницам")
    expect(frame.locator("h1")).to_have_text("Чай по пятницам")
    page.check("input[name=topics][value=social]")
    expect(frame.locator("input[name=topic]")).to_have_count(1)
    page.click("[data-look=be]")
    expect(frame.locator("html")).to_have_attribute("lang", "be")
    page.click("text=Save >> nth=-1")
    page.click("text=Publish")
    owner.go(HOME)
    page.click("[data-opens=new-keyword]")
    page.fill("#f-word", "ЧАЙ")
    page.fill("#f-offer", "Скидка 10 % на первый заказ")
    owner.assert_clean()
    page.click("#new-keyword button[type=submit]")
    owner.assert_clean()
    page.click("a[aria-label='Poster of ЧАЙ']")
    expect(page.locator("h1")).to_have_text("Скидка 10 % на первый заказ")
    expect(page.locator(".codes img")).to_have_count(2)
    expect(page.locator(".consent")).to_contain_text("Отправляя ЧАЙ")
    owner.assert_clean()
    page.emulate_media(media="print")
    expect(page.locator(".tools")).to_be_hidden()
    for size in ("a4", "a5"):
        page.goto(f"{page.url.partition('?')[0]}?size={size}")
        pdf = page.pdf(prefer_css_page_size=True)
        assert pdf.count(b"/Type /Page\n") == 1, "it fits on one sheet"


async def _number(site: Site) -> None:
    async with db.transaction(site.runtime.pool) as tx:
        await tx.execute(
            'UPDATE gateway SET settings = settings || \'{"sender": "+375296660000"}\''
        )


@pytest.mark.browser
@pytest.mark.slow
def test_the_pages_on_a_phone_in_the_dark(site: Site, look: Callable[..., Looker]) -> None:
    site.set_up().post("/me/language", {"language": "ru"})
    given(site, PAGE)
    owner = look(phone=True, dark=True, language="ru")
    owner.sign_in()
    for path in ("", "/forms/1"):
        owner.go(HOME + path)
        owner.assert_clean()
