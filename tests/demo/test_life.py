"""The life that goes on: whatever happens to its orders, a shop tells it and we understand."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import psycopg
import pytest

from ringdove.demo import life, scenario, world
from ringdove.demo.chance import Chance
from ringdove.demo.goods import catalogue
from ringdove.demo.life import Life
from ringdove.demo.people import everybody
from ringdove.demo.shop import ShopOrder
from ringdove.kit import postgres
from ringdove.stores import woocommerce
from ringdove.stores.edge import Nothing, Refusal

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
# `ringdove demo` with fewer people and orders of the past; its page and workers are as they are.
DEMO = """
from dataclasses import replace
from ringdove.cli import main
from ringdove.demo import world
world.SHOPS = tuple(
    (settings, replace(plan, people=min(plan.people, 400), orders=min(plan.orders, 900)), span)
    for settings, plan, span in world.SHOPS
)
main()
"""
HEADERS = {"x-wc-webhook-topic": "order.updated"}


def a_life(tmp_path: Path) -> Life:
    runtime = cast(Any, SimpleNamespace(clock=lambda: NOW))
    store = cast(Any, SimpleNamespace(website="https://linden.example"))
    return Life(runtime, store, 1, cast(Any, None), tmp_path / "shop.json", asyncio.Event())


@pytest.mark.slow
def test_every_turn_of_an_order_is_understood(tmp_path: Path) -> None:
    one, goods, kinds = a_life(tmp_path), [(catalogue()[7], 2)], set()
    for n, person in enumerate(everybody("linden", 300)):
        order = ShopOrder(
            n + 1, person, goods, NOW, "https://linden.example", ZoneInfo("Europe/Minsk"),
            on_delivery=n % 7 == 0, agrees=n % 2 == 0,
        )  # fmt: skip
        for _, change in [(0.0, lambda order, at: None), *one._steps(order)]:
            change(order, NOW)
            body = json.dumps(order.body()).encode()
            told = woocommerce.read(HEADERS, body, woocommerce.Settings(), "BY", NOW)
            assert not isinstance(told, Refusal | Nothing), told
            kinds |= {fact.kind for fact in told}  # type: ignore[attr-defined]
    assert kinds >= {
        "order.placed", "order.changed", "order.cancelled", "payment.received", "invoice.issued",
        "parcel.moved", "delivery.promised", "return.opened", "return.accepted", "refund.sent",
    }  # fmt: skip


def test_the_shop_counts_its_orders_on(tmp_path: Path) -> None:
    book = tmp_path / "shop.json"
    first = life._next_number(book)
    assert life._next_number(book) == first + 1
    assert first > world.LINDEN_PAST.orders


def test_customers_of_the_check_can_be_reached() -> None:
    chance = Chance("reached")
    for n in range(200):
        person = scenario._reachable(chance, n, "BY")
        assert person.phone and person.email and person.phone[-2:] not in ("00", "01")


@pytest.mark.slow
def test_the_demo_lives_and_ends(roomy_path: Path) -> None:
    """One command; facts come by themselves; one Ctrl-C ends every process; data stay."""
    home = roomy_path / "demo"
    for again in (False, True):
        run = subprocess.Popen(
            [sys.executable, "-c", DEMO, "demo", "--home", str(home), "--port", "0"],
            stderr=subprocess.PIPE, text=True, env=os.environ | {"RINGDOVE_DATABASE_URL": ""},
        )  # fmt: skip
        try:
            assert run.stderr is not None
            said = []
            for line in run.stderr:
                said.append(line)
                if "Ctrl-C" in line:
                    break
            else:
                raise AssertionError("".join(said))
            assert any("pretend shops" in line for line in said) is not again
            if not again:
                assert wait_for_facts(home)
            run.send_signal(signal.SIGINT)
            run.communicate(timeout=30)
            assert run.returncode == 0
            assert not postgres.is_running(home / "postgres")
        finally:
            run.kill()


def wait_for_facts(home: Path) -> bool:
    """Whether something is heard that the past did not hold."""
    statement = "SELECT count(*) FROM message WHERE state = 'delivered' AND created_at > now() - %s"
    began = datetime.now(UTC)
    url = postgres.ensure(home / "postgres")
    try:
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            with psycopg.connect(url) as link:
                row = link.execute(statement, [datetime.now(UTC) - began]).fetchone()
            if row and row[0]:
                return True
            time.sleep(0.2)
        return False
    finally:
        postgres.leave(home / "postgres")
