"""Asks a function of the pages' own JavaScript, in node: what it says must be what Python says."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
MODULES = HERE.parents[1] / "src/ringdove/web/static/js"


def ask(
    module: str,
    function: str,
    asked: Sequence[Sequence[Any]],
    same: Mapping[str, Any] | None = None,
) -> list[Any]:
    """One answer for each list of arguments. An argument {"same": name} stands for same[name]."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    ran = subprocess.run(
        [node, str(HERE / "browser.mjs"), str(MODULES / module), function],
        input=json.dumps({"asked": asked, "same": same or {}}),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    answers: list[Any] = json.loads(ran.stdout)
    return answers
