"""Contests on the store's pages, on the page for everybody and over the API (R85)."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

from ringdove.cli import app
from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.rules.contests import drawing
from ringdove.workers import react
from ringdove.workers.contests import closing
from tests.web.conftest import Looker, Site, Visitor
from tests.web.test_api import Program

HOME = "/stores/1/contests"
SAID = {
    f"{name}_{language}": text
    for language in ("ru", "be")
    for name, text in (
        ("prize", "Чайный сервиз"), ("brief", "Пришлите WIN, один номер - одна заявка."),
        ("rules", "Проводит Volk & Sons.\nОдин номер - одна заявка."),
    )
}  # fmt: skip


def filled(site: Site, **changes: Any) -> dict[str, Any]:
    """A form that begins an hour ago and ends in one, by the clock of Minsk."""
    now = site.runtime.clock() + timedelta(hours=3)
    return SAID | {
        "name": "Сервиз за слово", "words": "WIN, ЧАЙ", "winners": "1", "substitutes": "2",
        "begins": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "ends": f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M}", "beacon": "Лотерея 5 декабря",
    } | changes  # fmt: skip


async def texts(site: Site, *told: tuple[str, str]) -> None:
    """Texts come from these numbers, and are answered."""
    now = site.runtime.clock()
    async with db.transaction(site.runtime.pool) as tx:
        store = await stores.find(tx, 1)
        assert store
        heard = [
            facts.TextReceived(id=f"{now}/{n}", at=now, gateway=1, sender=sender, body=body)
            for n, (sender, body) in enumerate(told)
        ]
        await fact_records.write(tx, store, 1, heard, now, site.runtime.ids)
    await react.answer_due(site.runtime)


async def end(site: Site) -> None:
    """The contest's time is over since an hour, and its list is closed."""
    async with db.transaction(site.runtime.pool) as tx:
        await tx.execute("UPDATE contest SET ends = now() - interval '1 hour'")
    await closing.look(site.runtime)


def token_of(owner: Visitor) -> str:
    found = re.search(r"/win/(\w+)", owner.get(f"{HOME}/1").text)
    assert found
    return found[1]


def test_a_contest_is_made_opened_entered_drawn_and_verified_by_anybody(
    site: Site, tmp_path: Path
) -> None:
    """R85 from the form to `ringdove contest verify`."""
    owner = site.set_up()
    wrong = filled(site, words="STOP", ends="2020-01-01T00:00", countries="XX", winners="0")
    answer = owner.post(HOME, wrong)
    assert answer.status == 422 and "means something else" in answer.text
    for field in ("ends", "countries", "winners"):
        assert f'id="f-{field}-wrong"' in answer.text, field
    bare = filled(site, **{"words": "", "rules_be": ""})
    assert owner.post(HOME, bare).status == 303
    assert site.visitor().get("/win/none").status == 404
    answer = owner.post(f"{HOME}/1/open")
    assert answer.status == 422
    assert 'id="f-words-wrong"' in answer.text and 'id="f-rules_be-wrong"' in answer.text
    assert owner.post(f"{HOME}/1/edit", filled(site)).status == 303
    draft = owner.get(f"{HOME}/1").text
    assert "7F3A-92C1-K2MN" in draft and "part" in draft  # what people will read
    assert owner.post(f"{HOME}/1/open").status == 303
    assert owner.post(f"{HOME}/1/edit", filled(site)).status == 404  # promised is promised

    token = token_of(owner)
    page = site.visitor().get(f"/win/{token}?lang=ru").text
    (commitment,) = re.findall(r"<code>([0-9a-f]{64})</code>", page)
    assert "Чайный сервиз" in page and "Лотерея 5 декабря" in page
    assert site.visitor().get(f"/win/{token}/draw.json").status == 404
    # Its word is nobody else's now: no keyword, no other contest.
    assert owner.post("/stores/1/ways-in/forms", {"name": "Form"}).status == 303
    keyword = {"word": "win", "form": "1", "language": "ru"}
    assert owner.post("/stores/1/ways-in/keywords", keyword).status == 422
    assert owner.post(HOME, filled(site, words="W1N WIN")).status == 422

    numbers = [f"+37529{n:07}" for n in range(3000001, 3000006)]
    site.run(texts(site, *((one, "win") for one in numbers), (numbers[0], "WIN")))
    shown = owner.get(f"{HOME}/1").text
    tickets = sorted(set(re.findall(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b", shown)))
    assert len(tickets) == 5
    plain = [one.replace("-", "") for one in tickets]
    out = {"ticket": plain[0], "why": "works for us"}
    assert owner.post(f"{HOME}/1/refuse", out).status == 303
    assert "works for us" in owner.get(f"{HOME}/1?ticket={tickets[0].lower()}").text
    assert owner.post(f"{HOME}/1/draw", {"beacon": "4"}).status == 303  # nothing to draw yet
    site.run(end(site))
    assert owner.post(f"{HOME}/1/refuse", out | {"ticket": plain[1]}).status == 303
    assert owner.post(f"{HOME}/1/draw").status == 422  # the number that was announced
    listed = site.visitor().get(f"/win/{token}/draw.json").json()
    assert listed["tickets"] == plain[1:] and listed["seed"] == "" and listed["drawn"] == []
    assert owner.post(f"{HOME}/1/draw", {"beacon": "4 8 15"}).status == 303

    published = site.visitor().get(f"/win/{token}/draw.json")
    document = published.json()
    assert document["commitment"] == commitment and document["beacon"]["value"] == "4 8 15"
    assert document["list_sha256"] == listed["list_sha256"] and len(document["drawn"]) == 3
    assert "+37529" not in published.text and "29300" not in published.text
    file = tmp_path / "draw.json"
    file.write_text(published.text)
    verified = CliRunner().invoke(app, ["contest", "verify", str(file)])
    assert verified.exit_code == 0 and document["drawn"][0] in verified.output
    file.write_text(json.dumps(document | {"drawn": document["drawn"][::-1]}))
    assert CliRunner().invoke(app, ["contest", "verify", str(file)]).exit_code == 1

    won = document["drawn"][0]
    found = site.visitor().get(f"/win/{token}?lang=ru&ticket={won[:4]}-{won[4:].lower()}").text
    assert "выиграл" in found
    table = owner.get(f"{HOME}/1/entries.csv").text
    assert table.count("\n") == 6 and numbers[0] in table
    assert owner.post(f"{HOME}/1/lapsed", {"ticket": won}).status == 303
    assert "moved up" in owner.get(f"{HOME}/1").text
    audit = owner.get("/stores/1/audit").text
    for deed in ("Opened a contest", "Drew a contest", "Took an entry out", "does not come"):
        assert deed in audit, deed


@pytest.mark.browser
@pytest.mark.slow
def test_a_shopkeeper_leads_a_contest_through_its_life(
    site: Site, look: Callable[..., Looker]
) -> None:
    """R85: every page of a contest in each of its states, for the store and for everybody."""
    owner = site.set_up()
    eye = look(phone=True, dark=True)
    eye.sign_in()

    def sound(path: str) -> None:
        eye.go(path)
        eye.assert_clean()

    sound(HOME)
    sound(f"{HOME}/new")
    owner.post(HOME, filled(site, name="A tea set for a word " * 3))
    sound(f"{HOME}/1")
    eye.page.get_by_role("button", name="Open it").first.click()
    eye.page.get_by_role("dialog").get_by_role("button", name="Open it").click()
    eye.page.wait_for_url(f"**{HOME}/1")
    eye.page.get_by_text("It is open").wait_for()
    site.run(texts(site, *((f"+37529{n:07}", "win") for n in range(3000001, 3000009))))
    token = token_of(owner)
    sound(f"{HOME}/1")
    sound(f"/win/{token}?lang=ru")
    site.run(end(site))
    eye.go(f"{HOME}/1")
    eye.page.get_by_role("button", name="Draw").first.click()
    dialog = eye.page.get_by_role("dialog")
    dialog.get_by_text("From 8 tickets: 1 winner, 2 substitutes. 3 texts tell them").wait_for()
    dialog.get_by_label("Лотерея").fill("4 8 15")
    eye.assert_clean()
    dialog.get_by_role("button", name="Draw").click()
    eye.page.get_by_role("heading", name="Winners and substitutes").wait_for()
    eye.assert_clean()
    sound(f"/win/{token}?lang=be")
    eye.page.get_by_label("Білет").fill("0000-0000-0000")
    eye.page.get_by_role("button", name="Паглядзець").click()
    eye.page.get_by_role("status").wait_for()
    sound(HOME)


def test_a_program_leads_a_contest_too(site: Site) -> None:
    """R85: everything that the page can do, and what is wrong is said."""
    owner = site.set_up()
    page = owner.post("/stores/1/team/keys", {"name": "Shop", "role": "marketer"}).text
    program = Program(site, page.partition('<code id="secret">')[2].partition("<")[0])
    base, now = "/api/stores/1/contests", site.runtime.clock()
    said = {"ru": "Сервиз", "be": "Сервіз"}
    wish: dict[str, Any] = {
        "name": "Сервиз", "words": ["WIN"], "prize": said, "brief": said, "rules": said,
        "begins": (now - timedelta(hours=1)).isoformat(), "winners": 1, "substitutes": 1,
        "ends": (now + timedelta(hours=1)).isoformat(),
    }  # fmt: skip

    def post(path: str, body: Any = None) -> Any:
        return program.ask("POST", f"{base}{path}", body or {})

    for bad in ({"words": ["STOP"]}, {"countries": ["XX"]}, {"ends": wish["begins"]},
                {"prize": {"ru": "x" * 61}}):  # fmt: skip
        assert post("", wish | bad).status == 422, bad
    made = post("", wish | {"rules": {"ru": "Сервиз"}}).json()
    assert made["state"] == "draft" and "rules.be" in post("/1/open").text
    assert program.ask("PUT", f"{base}/1", wish).json()["rules"] == said
    opened = post("/1/open").json()
    assert opened["state"] == "running" and len(opened["commitment"]) == 64
    assert program.ask("PUT", f"{base}/1", wish).status == 409
    assert post("/1/open").status == 409 and post("/1/close").status == 409
    site.run(texts(site, *((f"+37529{n:07}", "win") for n in range(3000001, 3000005))))
    rows = program.ask("GET", f"{base}/1/entries?most=3").json()
    more = program.ask("GET", f"{base}/1/entries?after={quote(rows['next'])}").json()["items"]
    tickets = [one["ticket"] for one in [*rows["items"], *more]]
    assert len(set(tickets)) == 4
    assert post(f"/1/entries/{tickets[0]}/refuse", {"why": "ours"}).json()["refused"] == "ours"
    site.run(end(site))
    assert post(f"/1/entries/{tickets[1]}/refuse", {"why": "ours"}).status == 409
    assert post("/1/draw", {"beacon": "4"}).status == 422
    assert post("/1/draw").json()["state"] == "drawn" and post("/1/draw").status == 409
    assert drawing.verify(program.ask("GET", f"{base}/1/draw").json()) == []
    first, second = program.ask("GET", f"{base}/1/winners").json()
    assert post(f"/1/winners/{second['ticket']}", {"outcome": "given"}).status == 409
    assert post(f"/1/winners/{first['ticket']}", {"outcome": "lapsed"}).status == 200
    assert post(f"/1/winners/{second['ticket']}", {"outcome": "given"}).status == 200
    assert post("/1/call-off").status == 409
    assert [one["state"] for one in program.ask("GET", base).json()] == ["drawn"]
