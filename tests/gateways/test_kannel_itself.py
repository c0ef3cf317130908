"""Kannel from Debian, which we did not write, takes our requests, and we read its calls."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CAN = (
    os.geteuid() == 0
    and all(shutil.which(one) for one in ("unshare", "ip"))
    and all(Path("/usr/sbin", box).exists() for box in ("bearerbox", "smsbox"))
)


@pytest.mark.slow
@pytest.mark.skipif(not CAN, reason="takes Kannel, root and unshare: it listens everywhere")
def test_kannel_itself(tmp_path: Path) -> None:
    """R113, R100, R79: texts of any letters and length out, receipts and answers in."""
    apart = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    done = subprocess.run(
        [*apart, sys.executable, "-m", "tests.gateways.kannel_played", str(tmp_path)],
        capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2], check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    *sent, (kind, refused) = found["outcomes"]
    assert [one["provider_ids"] for _, one in sent] == [[f"000000000000{n}"] for n in (1, 2, 3)]
    assert kind == "Refused" and refused["account"] and "Authorization" in refused["reason"]
    first, second, *parts = found["smsc"]
    assert first == "Linden +375291112233 text Hello & you + 100 %d\n"
    assert second.startswith("Linden +375291112233 ucs-2 %04%12%040%04H")
    assert len(parts) == 3 and all(" udh %05%00%03" in part for part in parts)
    # One receipt for a long text, not one for each of its parts: there is one id.
    assert found["receipts"] == [
        [f"000000000000{n}", state] for n in (1, 2, 3) for state in ("accepted", "delivered")
    ]
    assert found["texts"] == [
        ["+375291112233", "1234", "Stop + go", True],
        ["+375291112233", "1234", "Così €", True],
    ]
