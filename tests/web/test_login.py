"""Signing in and out, guessing, languages, and a person's own page."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from ringdove.kit import db
from ringdove.kit.crypto import hash_token
from ringdove.records.store import users
from ringdove.web.security import TRIES_MAX
from ringdove.web.views import safe_next
from tests.web.conftest import OWNER, Looker, Site


def test_signing_in_leads_back_to_where_one_wanted(site: Site) -> None:
    site.set_up()
    visitor = site.visitor()
    answer = visitor.get("/stores/1/team?x=1")
    assert answer.headers["location"] == "/login?next=/stores/1/team%3Fx%3D1"
    form = {"email": " ANNA@example.com", "password": OWNER["password"], "next": "/stores/1/team"}
    assert visitor.post("/login", form).headers["location"] == "/stores/1/team"
    assert visitor.get("/stores/1/team").status == 200


def test_a_stranger_and_a_wrong_password_get_the_same_answer(site: Site) -> None:
    site.set_up()
    wrong = site.visitor().post("/login", {"email": OWNER["email"], "password": "not this one"})
    nobody = site.visitor().post("/login", {"email": "eve@example.com", "password": "not this one"})
    assert wrong.status == nobody.status == 422
    assert wrong.text.replace(OWNER["email"], "eve@example.com") == nobody.text


def test_guessing_is_stopped_and_the_right_password_with_it(site: Site) -> None:
    site.set_up()
    for _ in range(TRIES_MAX):
        site.visitor().post("/login", {"email": OWNER["email"], "password": "a guess"})
    right = {"email": OWNER["email"], "password": OWNER["password"]}
    assert site.visitor().post("/login", right).status == 429


def test_signing_out_ends_the_session_on_the_server(site: Site) -> None:
    owner = site.set_up()
    stolen = site.visitor()
    stolen.cookies = dict(owner.cookies)
    assert owner.post("/logout").headers["location"] == "/login"
    assert "ringdove_session" not in owner.cookies
    assert stolen.get("/stores/1/team").status == 303


def test_signing_out_everywhere_ends_other_browsers(site: Site) -> None:
    owner, phone = site.set_up(), site.visitor().sign_in()
    owner.post("/me/sessions/end")
    assert phone.get("/me").headers["location"] == "/login?next=/me"


def test_a_new_password_ends_other_browsers_and_not_this_one(site: Site) -> None:
    owner, phone = site.set_up(), site.visitor().sign_in()
    form = {"old_password": OWNER["password"], "password": "another quiet day"}
    assert owner.post("/me/password", form | {"old_password": "no"}).status == 422
    assert owner.post("/me/password", form).status == 303
    assert owner.get("/me").status == 200
    assert phone.get("/me").status == 303
    site.visitor().sign_in(password="another quiet day")


def test_a_session_slides_and_ends(site: Site) -> None:
    owner = site.set_up()
    token = owner.cookies["ringdove_session"]

    async def known(days: float) -> bool:
        async with db.transaction(site.runtime.pool) as tx:
            now = site.runtime.clock() + timedelta(days=days)
            return await users.signed_in(tx, hash_token(token), now) is not None

    assert site.run(known(29))  # and now it lasts 30 days more
    assert site.run(known(58))
    assert not site.run(known(89))


def test_the_password_is_on_no_page_and_the_token_in_no_table(site: Site) -> None:
    owner = site.set_up()
    token = owner.cookies["ringdove_session"]

    async def found() -> int:
        async with db.transaction(site.runtime.pool) as tx:
            rows = await (await tx.execute("SELECT session::text AS t FROM session")).fetchall()
            people = await (await tx.execute("SELECT app_user::text AS t FROM app_user")).fetchall()
        text = "".join(row["t"] for row in rows + people)
        return text.count(token) + text.count(token.encode().hex()) + text.count(OWNER["password"])

    assert site.run(found()) == 0


@pytest.mark.parametrize(
    ("asked", "gone_to"),
    [
        ("/stores/1", "/stores/1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_going_on_stays_on_our_own_pages(asked: str, gone_to: str) -> None:
    assert safe_next(asked) == gone_to


def test_pages_speak_the_reader_s_language(site: Site) -> None:
    visitor = site.visitor()
    assert "Добро пожаловать" in visitor.get("/setup", **{"accept-language": "ru-BY,en;q=0.5"}).text
    assert "Welcome" in visitor.get("/setup", **{"accept-language": "pl"}).text
    visitor.post("/language", {"language": "ru", "next": "/setup"})
    assert 'lang="ru"' in visitor.get("/setup").text
    owner = site.set_up()
    owner.post("/me/language", {"language": "ru"})
    assert "Команда и ключи" in owner.get("/stores/1/team").text


@pytest.mark.browser
def test_the_login_and_one_s_own_page_are_clean(look: Callable[..., Looker], site: Site) -> None:
    site.set_up()
    looker = look(phone=True, dark=True, language="ru")
    looker.go("/login")
    looker.assert_clean()
    looker.page.fill("#f-email", OWNER["email"])
    looker.page.fill("#f-password", OWNER["password"])
    looker.page.click("main form button[type=submit]")
    looker.page.wait_for_url(lambda url: "/login" not in url)
    looker.go("/me")
    looker.trouble.clear()
    looker.assert_clean()
