"""What is measured must be what a shop tells, and the same each time."""

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime

import pytest

from ringdove.bench import mix
from ringdove.rules import answers

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


def test_the_mix_is_the_same_each_time_and_holds_each_fact_once() -> None:
    told = mix.told(3_000, NOW)
    assert told == mix.told(3_000, NOW)
    assert len(told) == len({fact.id for fact in told}) == 3_000
    assert [fact.at for fact in told] == sorted(fact.at for fact in told)
    assert all(type(fact) in answers.ANSWERS for fact in told)


def test_the_mix_is_about_orders_of_people_who_come_again() -> None:
    told = mix.told(3_000, NOW)
    kinds = dict(mix.kinds(told))
    assert kinds["order.placed"] > 500 and kinds["parcel.moved"] > 900 and len(kinds) >= 11
    phones = Counter(
        fact.order.customer.phone
        for fact in told
        if fact.kind == "order.placed"  # type: ignore[attr-defined]
    )
    assert max(phones.values()) > 2


@pytest.mark.slow
def test_bench_react_prints_a_table_and_json() -> None:
    """In small: real processes, a real socket, everything arrives."""
    command = ["bench", "react", "--facts", "400", "--runs", "1", "--seconds", "1", "--idle-s", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "ringdove", *command, "--per-s", "40"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["latency"]["arrived"] == found["latency"]["events"] == 40
    assert found["buckets_1"]["facts"] == found["buckets_128"]["facts"] == 400
    assert found["buckets_1"]["messages"] > 200
    assert "facts answered a second" in done.stdout
