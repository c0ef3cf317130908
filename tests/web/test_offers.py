"""Offers: typed, listed, told to the shop, asked about at the checkout, opened by link."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records import code_lists, codes, rewards, stores
from ringdove.rules import rewards as rules
from ringdove.rules.ways_in import DayGood, Reward
from tests.web.conftest import STORE, Answer, Looker, Site
from tests.web.test_sign_up import given, rows

HOME = f"{STORE}/offers"


def test_a_list_of_codes_is_read_and_known_ones_are_left_out(site: Site) -> None:
    owner = site.set_up()
    told = {"kind": "code", "name": "Ten", "source": "pool"}
    address = owner.post(HOME, told).headers["location"]

    def add(codes: str) -> Answer:
        return owner.post(f"{address}/codes", {"codes": codes})

    assert add("one-1\nTWO 2;three3").status == 303
    assert add("ONE-1, four4").status == 303
    assert add("жёлтый").status == 422
    found = rows(site, "SELECT code FROM free_code ORDER BY code")
    assert [row["code"] for row in found] == ["FOUR4", "ONE-1", "THREE3", "TWO2"]


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"kind": "code", "source": "common", "code": "!"}, "code"),
        ({"kind": "points", "points": ""}, "points"),
        ({"kind": "page"}, "text"),
        ({"kind": "page", "text": "x", "url": "javascript:alert(1)"}, "url"),
        ({"kind": "page", "text": "x", "valid_from": "2026-12-02", "valid_until": "2026-12-01"},
         "valid_until"),
    ],
)  # fmt: skip
def test_a_reward_that_is_none_is_refused(site: Site, told: dict[str, str], field: str) -> None:
    owner = site.set_up()
    answer = owner.post(HOME, {"name": "Ten"} | told)
    assert answer.status == 422 and f'id="f-{field}-wrong"' in answer.text
    assert not rows(site, "SELECT FROM reward")


