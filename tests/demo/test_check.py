"""`ringdove demo --check` as a person runs it: real processes, sockets and database."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def check(folder: Path, output: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ringdove", "demo", "--check"], stdout=output, stderr=output,
        text=True, env={**os.environ, "TMPDIR": str(folder)},
    )  # fmt: skip


def test_the_main_job_runs(roomy_path: Path) -> None:
    """Way 1 and 3 of design.md over real sockets; P2, P8: one text each, whatever is repeated."""
    run = check(roomy_path, subprocess.PIPE)
    out, errors = run.communicate(timeout=90)
    assert run.returncode == 0, out + errors
    seen = json.loads(out)
    assert set(seen) == {"facts", "texts", "delivered", "stops", "seconds"}
    assert seen["stops"] == 1 and seen["texts"] == seen["delivered"] > 30
    assert seen["seconds"] < 60
    assert list(roomy_path.glob("ringdove-check-*")) == []


def test_a_killed_check_leaves_no_process(roomy_path: Path) -> None:
    """Its children notice that it is gone, even after kill -9, and stop the database."""
    # No pipes: the children hold their ends for as long as they take to stop the database.
    run = check(roomy_path, subprocess.DEVNULL)
    deadline = time.monotonic() + 40
    while not (children := ours(run.pid)) and time.monotonic() < deadline:
        time.sleep(0.2)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert children
    deadline = time.monotonic() + 40
    while living_in(roomy_path) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert living_in(roomy_path) == []


def living_in(folder: Path) -> list[str]:
    """Programs, the database among them, that were started with this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words and int(process.name) != os.getpid():
            found.append(process.name)
    return found


def ours(parent: int) -> list[int]:
    """`serve` and `work` of this check."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            is_child = int(stat[1]) == parent and b"--leashed" in (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if is_child:
            found.append(int(folder.name))
    return found if len(found) == 2 else []
