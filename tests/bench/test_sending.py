"""`ringdove bench send` and `crash` in small: real processes, real sockets, everything counted."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ringdove.bench import drawing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler"),
]


def bench(*words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "ringdove", "bench", *words],
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_bench_send_delivers_each_once_and_draws_its_figures(tmp_path: Path) -> None:
    saved = tmp_path / "figures" / "send-1.json"
    words = ("--messages", "600", "--stored", "2000", "--span", "128", "--no-kannel")
    found = bench("send", *words, "--save", str(saved))
    assert found["verified"] and found["send"]["states"] == {"marketing delivered": 600}
    assert found["send"]["us"]["ringdove"] > 0 and found["send"]["wal_bytes"] > 0
    assert len(found["send"]["rates"]) == 10
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- send -->\nold\n<!-- /send -->\nafter\n<!-- crash -->\nkept\n")
    assert drawing.draw(saved.parent, page) == ["send"]
    text = page.read_text("utf-8")
    assert "old" not in text and "kept" in text and text.startswith("before\n<!-- send -->\n")
    assert f"{found['send']['per_s']:,}" in text and "600 messages, 128 buckets" in text


def test_whatever_is_struck_nothing_is_lost_and_no_offer_doubled(tmp_path: Path) -> None:
    """P5. A few rounds of `ringdove bench crash`, which does two hundred."""
    saved = tmp_path / "crash.json"
    # A seed that strikes the worker, the SMSC, the database and the links, once each.
    words = ("--rounds", "4", "--messages", "200", "--seconds-per-round", "0.4", "--seed", "123")
    bench("crash", *words, "--save", str(saved))
    found = json.loads(saved.read_text("utf-8"))
    assert sum(found["strikes"].values()) == 4 and len(found["strikes"]) == 4
    assert found["lost_list"] == [] and found["lost"] == 0
    assert found["marketing_doubled"] == 0
    assert sum(found["states"].values()) == found["messages"] == 800
    assert found["unknown"] == len(found["unknown_list"])
