"""The short domain of a store's links: page, API, and whether it leads here (R28)."""

from typing import Any

import pytest

from ringdove.rules.campaigns.campaigns import Link
from ringdove.rules.links.links import host_of
from ringdove.web.links import link_host
from ringdove.web.links.links import CHECK, answer_of
from tests.web.conftest import Site
from tests.web.linked import PHONE, send


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("go.linden.example", "go.linden.example"),
        (" HTTPS://Go.Linden.example/ ", "go.linden.example"),
        ("", ""), ("лавка.рф", "xn--80aaf1b3c.xn--p1ai"), ("localhost", None), ("10.0.0.1", None),
        ("go.linden.example:80", None), ("a b.example", None), ("go.example/path", None),
        ("x" * 300 + ".example", None), ("-a.example", None), ("a.example\r\nX: 1", None),
    ],
)  # fmt: skip
def test_what_is_typed_is_a_domain_or_none(typed: str, host: str | None) -> None:
    found = host_of(typed)
    assert found == host or (
        host is not None and host.startswith("xn--") and str(found).startswith("xn--")
    )


def test_an_owner_sets_a_domain_that_is_nobody_elses_and_checks_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R28: on the page and by the API; links of texts stand on it from then on."""
    owner = site.set_up()
    home = "/stores/1/settings/links"
    assert site.add_member(owner, "marketer").get(home).status == 403
    page = owner.get(home)
    assert page.status == 200 and f"http://127.0.0.1:{site.port}" not in page.text
    for wrong in ("localhost", "a b", "127.0.0.1"):
        answer = owner.post(home, {"host": wrong})
        assert answer.status == 422 and "A domain like" in answer.text
    answer = owner.post(home, {"host": "go.linden.example"})  # it leads nowhere
    assert answer.status == 422 and "would open for nobody" in answer.text
    assert "https://go.linden.example/4fK9xTq2Lm7W" not in owner.get(home).text
    assert owner.post(home, {"host": "go.linden.example", "anyway": "true"}).status == 303
    page = owner.get(home)
    assert "https://go.linden.example/4fK9xTq2Lm7W" in page.text
    assert "Set a short domain" not in owner.get("/stores/1/settings").text

    answer = owner.post("/stores/1/team/keys", {"name": "till", "role": "owner"})
    key = answer.text.partition('<code id="secret">')[2].partition("<")[0]
    bearer = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    api = "/api/stores/1/links/domain"
    told = owner.ask("GET", api, None, bearer).json()
    assert told == {"host": "go.linden.example", "prefix": "https://go.linden.example/"}
    assert owner.ask("PUT", api, '{"host": "nothing"}', bearer).status == 422
    asked: list[str] = []

    async def reached(runtime: Any, host: str) -> link_host.Reached:
        asked.append(host)
        return link_host.Reached(False, link_host.WRONG)

    monkeypatch.setattr(link_host, "reaches", reached)
    assert (
        "does not lead here yet" in owner.post(f"{home}/check", {"host": "go.linden.example"}).text
    )
    assert owner.post(f"{home}/check", {"host": ""}).status == 422
    assert asked == ["go.linden.example"]
    nonce = "0123456789abcdef01234567"
    heard = site.visitor().get(f"{CHECK}?{nonce}", host="go.linden.example")
    assert heard.text == answer_of(site.runtime, nonce) != answer_of(site.runtime, "0")
    assert owner.ask("PUT", api, '{"host": ""}', bearer).json()["host"] == ""

    sent = site.run(send(site, [Link(url="https://linden.example/")]))
    site.visitor().ask("GET", f"/l/{sent.token()}", None, PHONE)
    site.run(_written(site))
    path = f"/api/stores/1/messages/{sent.message_id}/clicks"
    (click,) = owner.ask("GET", path, None, bearer).json()
    assert (click["kind"], click["device"], click["link"]) == ("person", "phone", 0)
    assert owner.ask("GET", "/api/stores/1/messages/999/clicks", None, bearer).status == 404
    assert "A person opened its link" in owner.get(f"/stores/1/messages/{sent.message_id}").text
    line = owner.get(f"/stores/1/customers/{sent.contact_id}").text
    assert "The customer opened a link" in line


async def _written(site: Site) -> None:
    await site.app.state.links.clicks.close()
