"""Logs never hold a whole phone number, and a machine can read them."""

import json
import subprocess
import sys

CODE = """
import structlog
from ringdove.kit import logs
logs.configure("info", {style!r})
log = structlog.get_logger()
log.debug("unheard")
log.warning("stopped", phone="+375291112233", all=["+39 is no number", "+447700900123"])
try:
    raise ValueError("no way to +48501234567")
except ValueError:
    log.exception("broke", secret_local="kept")
"""


def written(style: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", CODE.format(style=style)], capture_output=True, text=True, check=True
    )
    return run.stderr


def test_numbers_are_masked_and_lines_are_json() -> None:
    stopped, broke = map(json.loads, written("json").splitlines())
    assert stopped["phone"] == "+375•••33" and stopped["all"][1] == "+447•••23"
    assert stopped["event"] == "stopped" and stopped["level"] == "warning"
    assert "ValueError" in broke["exception"] and "501234567" not in broke["exception"]


def test_people_read_text() -> None:
    text = written("text")
    assert "stopped" in text and "112233" not in text and "unheard" not in text
    assert "Traceback" in text and "501234567" not in text
