"""Kannel, which we did not write, as a client of our SMSC's end (its bearerbox binds to SMSCs)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.smpp import kannel

ROOT = Path(__file__).parents[2]
WHY_NOT = kannel.why_not() or (
    "" if os.geteuid() == 0 else "only root may shut Kannel off from the network"
)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]


def test_kannel_as_a_client(tmp_path: Path) -> None:
    """R33, R79: texts in one part and in many, receipts, texts of people, and a polite end."""
    apart = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    done = subprocess.run(
        [*apart, sys.executable, "-m", "tests.smpp.kannel", str(tmp_path)],
        capture_output=True, text=True, timeout=120, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    heard = json.loads(done.stdout.splitlines()[-1])
    assert heard["bind"] == ["BindTransceiver", "shop", "secret", "SMPP"]
    for said, (text, _) in zip(heard["texts"], kannel.TEXTS, strict=True):
        assert said["text"] == text
        assert (said["from"], said["to"]) == ("Shop", "+375291112233")
        assert set(said["receipts"]) == {0}
        assert said["told"]["state"] == "1"  # delivered, in Kannel's numbers
    assert [said["parts"] for said in heard["texts"]] == [1, 1, 3]
    stop, question = heard["inbound"]
    assert stop == {
        "acknowledged": [0],
        "told": {"path": "/text", "from": "+375291112233", "text": "STOP"},
    }
    assert question["acknowledged"] == [0, 0]
    assert question["told"]["text"] == kannel.WRITTEN[1]
    assert heard["closed"] == "the peer unbound"
