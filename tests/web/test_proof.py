"""Consent on the pages and over the API: the story, the proof, the page behind a confirmation."""

import io
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ringdove.records.consent import verify
from ringdove.rules import facts
from ringdove.rules.consent import confirming, stop_links
from ringdove.workers.consent import seal
from tests.web.conftest import Answer, Looker, Site
from tests.web.test_api import key
from tests.web.test_customers import rows, tell

PHONE = "+375291112233"
WORDS = "Yes, send me offers from Volk & Sons, 4 a month at most. STOP ends them."
DEVICE = "Mozilla/5.0 (a phone of the customer)"


def signed(site: Site, **more: Any) -> facts.SignedUp:
    told = {
        "customer": {"phone": PHONE, "name": "Anna Volk", "country": "BY", "language": "ru"},
        "words": WORDS, "language": "en", "source": "api/shop", "ip": "192.0.2.77",
        "device": DEVICE,
    } | more  # fmt: skip
    at = site.runtime.clock()
    return facts.SignedUp(id=f"signed/{at}", at=at, **told)


def person(site: Site) -> int:
    (row,) = rows(site, "SELECT id FROM contact")
    return int(row["id"])


def link(site: Site, contact_id: int, phone: str = PHONE) -> str:
    keyed = partial(site.runtime.keyed, 1)
    return f"/y/{stop_links.token_of(1, contact_id, confirming.sealed_by(keyed, phone))}"


def holds(answer: Answer, folder: Path) -> str:
    """What the script in a download says of it."""
    assert answer.status == 200 and answer.headers["content-type"] == "application/zip"
    assert "attachment" in answer.headers["content-disposition"]
    path = folder / "proof.zip"
    path.write_bytes(answer.raw)
    assert zipfile.ZipFile(io.BytesIO(answer.raw)).testzip() is None
    return verify.verify(str(path))


def test_the_story_shows_what_the_customer_saw(site: Site) -> None:
    """N1: words, source, language, address and device; the last two not to viewers."""
    owner = site.set_up()
    tell(site, signed(site))
    home = f"/stores/1/customers/{person(site)}"
    card = owner.get(home).text
    assert "not confirmed yet" in card and "We asked the number to confirm" in card
    story = owner.get(f"{home}/consent").text
    for shown in (WORDS.partition(" & ")[0], "192.0.2.77", DEVICE, "Entry 1", "told by a program"):
        assert shown in story, shown
    viewer = site.add_member(owner, "viewer")
    hidden = viewer.get(f"{home}/consent").text
    assert "192.0.2.77" not in hidden and DEVICE not in hidden and "Entry 1" in hidden
    assert owner.get("/stores/1/customers/999999/consent").status == 404
    assert "Entry 1" not in owner.get(f"{home}/consent?scope=service").text


def test_a_press_behind_the_link_confirms(site: Site) -> None:
    """R1: looking changes nothing, the button does, once; the page's words are the evidence."""
    owner = site.set_up()
    tell(site, signed(site))
    contact_id = person(site)
    stranger, path = site.visitor(), link(site, person(site))
    (text,) = rows(site, "SELECT body FROM message WHERE topic = 'confirm_request'")
    assert path in text["body"]
    for _look in range(2):
        page = stranger.get(path)
        assert page.status == 200 and "Это ваш номер?" in page.text
    assert stranger.post(path, {"answer": "no"}).status == 200
    assert [row["change"] for row in rows(site, "SELECT change FROM consent_event")] == ["asked"]
    done = stranger.post(f"{path}?lang=be", {"answer": "yes"}, user_agent="A phone")
    assert "Пацверджана" in done.text
    (row,) = rows(site, "SELECT * FROM consent_event WHERE change = 'in'")
    assert row["source"] == "link/confirms/1" and row["language"] == "be"
    assert row["words"].endswith("[Так, дасылайце]") and row["device"] == "A phone"
    stranger.post(path, {"answer": "yes"})
    assert len(rows(site, "SELECT id FROM consent_event")) == 2
    stop = f"/y/{stop_links.token_of(1, contact_id, partial(site.runtime.keyed, 1))}"
    assert stranger.get(stop).status == 404
    assert stranger.get("/y/nothing").status == 404
    story = owner.get(f"/stores/1/customers/{contact_id}/consent").text
    assert "confirming entry 1" in story


def test_proofs_are_downloaded_and_audited(site: Site, tmp_path: Path) -> None:
    """N1: one click, for a person and for all; support may prove one, marketers everything."""
    owner = site.set_up()
    tell(site, signed(site))
    contact_id = person(site)
    support = site.add_member(owner, "support")
    one = support.post(f"/stores/1/customers/{contact_id}/proof")
    assert "HOLDS: 1 rows about 1 people" in holds(one, tmp_path)
    assert support.post("/stores/1/proof").status == 403
    marketer = site.add_member(owner, "marketer")
    everything = marketer.post("/stores/1/proof", {"since": "", "until": ""})
    assert "HOLDS: 1 rows" in holds(everything, tmp_path)
    names = zipfile.ZipFile(io.BytesIO(everything.raw)).namelist()
    assert {"README.txt", "README.ru.txt", "README.be.txt", "README.en.txt"} <= set(names)
    old = marketer.post("/stores/1/proof", {"since": "2020-01-01", "until": "2020-02-01"})
    assert "HOLDS: 0 rows" in holds(old, tmp_path)
    wrong = marketer.post("/stores/1/proof", {"since": "2026-02-01", "until": "2026-01-01"})
    assert wrong.status == 422 and "The end lies before the beginning." in wrong.text
    audit = owner.get("/stores/1/audit").text
    assert audit.count("Downloaded a proof of consent") == 3
    assert owner.post("/stores/1/customers/999999/proof").status == 404


def test_the_page_says_whether_the_ledger_is_whole(site: Site) -> None:
    """N1: a look on demand, and the first broken place in words."""
    owner = site.set_up()
    tell(site, signed(site))
    assert "The first look comes" in owner.get("/stores/1/proof").text
    assert owner.post("/stores/1/proof/check").status == 303
    assert "A look was asked for" in owner.get("/stores/1/proof").text
    assert site.run(seal.check_due(site.runtime)) == 1
    page = owner.get("/stores/1/proof").text
    assert "The ledger is whole" in page and "A look was asked for" not in page
    rows(
        site,
        "UPDATE consent_check SET broken = 'gap person 17 row 3' RETURNING rows",
    )
    page = owner.get("/stores/1/proof").text
    assert "An entry before this one is missing or was changed: person 17 row 3." in page


def test_programs_can_do_what_the_pages_can(site: Site, tmp_path: Path) -> None:
    """The same over the API: permissions with their story, changes with their words, proofs."""
    site.set_up()
    tell(site, signed(site))
    contact_id = person(site)
    viewer, support, marketer = (key(site, role) for role in ("viewer", "support", "marketer"))
    path = f"/api/stores/1/customers/{contact_id}/consent"
    told = viewer.ask("GET", path).json()
    assert told["marketing"]["state"] == "asked" and told["confirm_until"]
    assert told["story"][0]["ip"] is None and told["story"][0]["words"] == WORDS
    change = {
        "scope": "topic/loyalty", "change": "out", "words": "said at the till", "language": "en",
        "source": "till 3", "ip": "192.0.2.9", "device": "till",
    }  # fmt: skip
    assert support.ask("POST", path, change).status == 202
    tell(site)
    told = support.ask("GET", path).json()
    assert told["scopes"]["topic/loyalty"]["state"] == "out"
    assert told["story"][0]["source"] == "api/till 3" and told["story"][0]["ip"] == "192.0.2.9"
    pause = {"change": "paused", "words": "on holiday", "until": "2030-01-01T00:00:00Z"}
    assert support.ask("POST", path, pause).status == 202
    assert support.ask("POST", path, pause | {"until": None}).status == 422
    assert support.ask("POST", path, pause | {"scope": "service"}).status == 422
    one = support.ask("GET", f"/api/stores/1/customers/{contact_id}/proof")
    assert "HOLDS: 3 rows" in holds(one, tmp_path) or "HOLDS: 2 rows" in holds(one, tmp_path)
    few = marketer.ask("GET", f"/api/stores/1/proof?customer={contact_id}")
    assert "about 1 people" in holds(few, tmp_path)
    assert marketer.ask("GET", "/api/stores/1/ledger").json()["checked_at"] is None
    assert marketer.ask("POST", "/api/stores/1/ledger/check").status == 202


@pytest.mark.browser
def test_the_pages_are_clean(site: Site, look: Callable[..., Looker]) -> None:
    """Keyboard and screen reader, phone width, dark: the card, the story, the proof, the ask."""
    owner = site.set_up()
    tell(site, signed(site, scopes=("marketing", "topic/loyalty")))
    contact_id = person(site)
    site.visitor().post(link(site, contact_id), {"answer": "yes"})
    support = key(site, "support")
    path = f"/api/stores/1/customers/{contact_id}/consent"
    support.ask("POST", path, {"change": "out", "words": "Rang up and wanted an end of it."})
    tell(site)
    site.run(seal.check_due(site.runtime))
    owner.post("/me/language", {"language": "ru"})
    looker = look(phone=True, dark=True, language="ru")
    looker.sign_in()
    for path in (
        f"/stores/1/customers/{contact_id}", f"/stores/1/customers/{contact_id}/consent",
        "/stores/1/proof",
    ):  # fmt: skip
        looker.go(path)
        looker.assert_clean()
    tell(site, signed(site, customer={"phone": "+375291112244", "country": "BY"}))
    (other,) = rows(site, "SELECT id FROM contact WHERE phone = '+375291112244'")
    looker.go(link(site, other["id"], "+375291112244"))
    looker.assert_clean()
