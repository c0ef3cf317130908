"""The examples of docs/ are run as they stand, against a running site."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest

from ringdove.kit import db
from ringdove.kit.crypto import hash_token
from ringdove.records.store import api_keys, connections
from ringdove.rules import facts
from ringdove.workers import react

from .conftest import Site

DOCS = Path(__file__).parents[2] / "docs"
SECRET, KEY = "geheim", "rd_example"


def blocks(name: str, language: str) -> list[str]:
    """The fenced examples of a page in one language."""
    text = (DOCS / name).read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def house(site: Site) -> Site:
    site.set_up()

    async def furnish() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            now = site.runtime.clock()
            sealed = site.runtime.sealer.seal({"webhook_secret": SECRET})
            await connections.create(
                tx, store_id=1, kind="events", name="Own", token="token", settings={},
                secrets=sealed, now=now,
            )  # fmt: skip
            await api_keys.create(
                tx, store_id=1, name="example", role="marketer", token_hash=hash_token(KEY),
                hint="mple", now=now,
            )  # fmt: skip

    site.run(furnish())
    return site


def shell(script: str, **given: str) -> Any:
    told = subprocess.run(
        ["bash", "-eu", "-c", script], env={"PATH": "/usr/bin:/bin", **given},
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def test_a_self_written_shop_is_connected_by_the_page(house: Site) -> None:
    """R111: curl, then Python, then the rest of the order's life; each as the page shows it."""
    url = f"{house.url}/in/token"
    (curl,) = blocks("shops/events.md", "sh")
    assert shell(curl, URL=url, SECRET=SECRET) == {"accepted": 1, "repeated": 0}
    assert shell(curl, URL=url, SECRET=SECRET) == {"accepted": 0, "repeated": 1}
    space: dict[str, Any] = {"URL": url, "SECRET": SECRET}
    for block in blocks("shops/events.md", "python"):
        exec(compile(block, "docs/shops/events.md", "exec"), space)
    house.run(react.answer_due(house.runtime))

    async def order() -> Any:
        async with db.transaction(house.runtime.pool) as tx:
            asked = await tx.execute("SELECT state, paid_at, promised_from FROM purchase_order")
            return await asked.fetchone()

    row = house.run(order())
    assert row["paid_at"] and row["promised_from"]


def test_the_api_page_is_true(house: Site) -> None:
    """R114."""
    text, events, search, campaign = blocks("api.md", "sh")
    given = {"BASE": f"{house.url}/api/stores/1", "KEY": KEY}
    made = shell(text, **given)
    assert made["state"] in ("waiting", "dropped") and made["parts"] == 1
    assert shell(text, **given)["repeated"] is True
    assert shell(events, **given) == {"accepted": 1, "repeated": 0}
    assert shell(search, **given)["items"][0]["phone"] == "+375291112233"
    planned = shell(campaign, **given)
    assert planned["state"] == "draft" and shell(campaign, **given)["id"] == planned["id"]


def test_the_pages_name_every_problem_and_every_kind() -> None:
    page = (DOCS / "shops/events.md").read_text("utf-8")
    for fact in get_args(get_args(facts.OutsideFact)[0]):  # those that shops may send
        kind = fact.model_fields["kind"].default
        assert f"`{kind}`" in page, kind
