"""The team of a store, its keys, its settings, and who did what."""

import re
from collections.abc import Callable

import pytest

from ringdove.kit import db
from ringdove.kit.crypto import hash_token
from ringdove.records.store import api_keys
from tests.web.conftest import STORE, Looker, Site


def test_a_one_time_password_is_shown_once_and_opens(site: Site) -> None:
    owner = site.set_up()
    viewer = site.add_member(owner, "viewer")
    assert viewer.get("/stores/1/audit").status == 403
    assert '<code id="secret">' not in owner.get("/stores/1/team").text


def test_access_ends_at_once_and_can_come_back(site: Site) -> None:
    owner = site.set_up()
    support = site.add_member(owner, "support")
    assert owner.post("/stores/1/team/2/access/end").status == 303
    assert support.get("/me").status == 303
    assert "No access" in owner.get("/stores/1/team").text
    owner.post("/stores/1/team/2/access")
    assert "No access" not in owner.get("/stores/1/team").text


def test_a_store_keeps_an_owner(site: Site) -> None:
    owner = site.set_up()
    owner.post("/stores/1/team/1/role", {"role": "viewer"})
    owner.post("/stores/1/team/1/access/end")
    assert owner.get("/stores/1/team").status == 200


def test_a_forgotten_password_is_replaced(site: Site) -> None:
    owner = site.set_up()
    support = site.add_member(owner, "support")
    answer = owner.post("/stores/1/team/2/password")
    password = re.search(r'<code id="secret">([^<]+)<', answer.text)
    assert password
    assert support.get("/me").status == 303
    site.visitor().sign_in("support@example.com", password[1])


def test_a_role_is_changed(site: Site) -> None:
    owner = site.set_up()
    support = site.add_member(owner, "support")
    assert support.get("/stores/1/team").status == 403
    owner.post("/stores/1/team/2/role", {"role": "owner"})
    assert support.get("/stores/1/team").status == 200
    assert owner.post("/stores/1/team/2/role", {"role": "emperor"}).status == 422


def test_a_key_opens_until_it_is_revoked(site: Site) -> None:
    owner = site.set_up()
    answer = owner.post("/stores/1/team/keys", {"name": "Script", "role": "support"})
    found = re.search(r'<code id="secret">(rd_[\w-]+)<', answer.text)
    assert found
    token = found[1]

    async def holder() -> str | None:
        async with db.transaction(site.runtime.pool) as tx:
            key = await api_keys.holder(tx, hash_token(token))
            return key and key.role

    assert site.run(holder()) == "support"
    assert token not in owner.get("/stores/1/team").text
    assert token[-4:] in owner.get("/stores/1/team").text
    owner.post("/stores/1/team/keys/1/end")
    assert site.run(holder()) is None


def test_the_settings_are_changed_and_the_audit_tells(site: Site) -> None:
    owner = site.set_up()
    changed = STORE | {"website": "https://volk.example", "languages": ["be", "ru"]}
    assert owner.post("/stores/1/settings", changed | {"phone": "8 (029) 111-22-33"}).status == 303
    page = owner.get("/stores/1/settings").text
    assert "https://volk.example" in page and "8 (029) 111-22-33" in page
    assert page.index('value="be"') < page.index('value="ru"')
    assert owner.post("/stores/1/settings", STORE | {"website": "volk"}).status == 422
    audit = owner.get("/stores/1/audit").text
    assert "Changed the store settings" in audit and "Opened the store" in audit


@pytest.mark.browser
def test_owner_pages_in_a_browser(look: Callable[..., Looker], site: Site) -> None:
    owner = site.set_up()
    site.add_member(owner, "support")
    looker = look()
    looker.sign_in()
    page = looker.page
    for path in ("/stores/1/team", "/stores/1/settings", "/stores/1/audit"):
        looker.go(path)
        looker.trouble.clear()
        looker.assert_clean()
    looker.go("/stores/1/team")
    page.get_by_role("button", name="Add a person").click()
    dialog = page.get_by_role("dialog", name="Add a person")
    dialog.get_by_label("Name").fill("Nina")
    dialog.get_by_label("E-mail").fill("nina@example.com")
    looker.assert_clean()
    dialog.get_by_role("button", name="Add").click()
    page.get_by_text("Copy it now").wait_for()
    looker.assert_clean()


@pytest.mark.browser
def test_the_menu_of_a_phone_opens_and_closes(look: Callable[..., Looker], site: Site) -> None:
    site.set_up()
    looker = look(phone=True)
    looker.sign_in()
    looker.go("/stores/1/team")
    looker.trouble.clear()
    page = looker.page
    link = page.get_by_role("link", name="Customers")
    assert not link.is_visible()
    page.get_by_role("button", name="Menu").click()
    link.wait_for(state="visible")
    looker.assert_clean()
    page.keyboard.press("Escape")
    link.wait_for(state="hidden")
