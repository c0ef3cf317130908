"""Kannel, where it is installed, measured against the same SMSC: `python -m ringdove.bench.kannel`.

Texts go in over its HTTP door, receipts come out as its HTTP calls: what a shop would have that
uses it. Its own memory keeps its receipts (dlr-storage internal) and nothing is stored on disk, so
this is Kannel at its fastest. It listens on every address of a machine: it is only ever run where
there is no network but loopback, in a namespace of its own, which takes root.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from ringdove.bench import counterpart, ground
from ringdove.bench.counterpart import FIRST_NUMBER, Smsc

BOXES: Final = ("bearerbox", "smsbox")
PATH: Final = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
ADMIN, BEARER, HTTP, HEAR = 13_000, 13_001, 13_013, 18_080
CONNECTIONS: Final = 64
WINDOW: Final = 100  # its CPU a message is the same from 10 to 300
OPEN_S_MAX: Final = 20.0
TEXT: Final = (
    "Anna%2C+new+autumn+coats+came+in+today.+Use+code+0012ab7+until+Sunday+for+-15+%25."
    "+Tap+here%3A+https%3A%2F%2Flinden.example%2Fa"
)
BEFORE: Final = "/cgi-bin/sendsms?username=bench&password=bench&from=Linden&to="
AFTER: Final = (
    f"&text={TEXT}&dlr-mask=3&dlr-url=http%3A%2F%2F127.0.0.1%3A{HEAR}%2Fdlr%3Fs%3D%25d%26to%3D%25p"
)
CONFIGURED = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = bench
smsbox-port = {bearer}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
log-level = 4
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = bench
host = 127.0.0.1
port = {smsc}
transceiver-mode = true
smsc-username = bench
smsc-password = bench
system-type = ""
max-pending-submits = {window}
source-addr-autodetect = true
dest-addr-ton = 1
dest-addr-npi = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {http}
sendsms-interface = 127.0.0.1
log-level = 4

group = sendsms-user
username = bench
password = bench
max-messages = 1
"""


def why_not() -> str:
    """Why it cannot be measured here; empty: it can."""
    missing = [box for box in BOXES if shutil.which(box, path=PATH) is None]
    if missing:
        return "Kannel is not installed (Debian: apt-get install kannel)."
    if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("ip") is None:
        return "Kannel listens on every address: it is measured as root only, with unshare and ip."
    return ""


def measure(home: Path, messages: int) -> dict[str, Any]:
    """One run in a namespace of its own."""
    programs = home / "programs"
    for name in ("smsc", "shop"):
        counterpart.build(programs, name)
    apart = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    command = [*apart, sys.executable, "-m", __name__, str(home), str(messages)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"Kannel could not be measured: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# ------------------------------------------------------------------ inside the namespace


def _run(home: Path, messages: int) -> dict[str, Any]:
    programs, folder = home / "programs", home / "kannel"
    folder.mkdir(exist_ok=True)
    options = ["--receipts", "--first-number", FIRST_NUMBER, "--numbers", messages]
    with counterpart.smsc(programs, options) as smsc, _boxes(folder, smsc) as pids:
        before = {name: ground.cpu_s(pid) for name, pid in pids.items()}
        words = [HTTP, CONNECTIONS, messages, HEAR, FIRST_NUMBER, BEFORE, AFTER]
        done = subprocess.run(
            [str(programs / "shop"), *(str(word) for word in words)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        shop, seen = json.loads(done.stdout), smsc.counters()
        spent = {name: ground.cpu_s(pid) - before[name] for name, pid in pids.items()}
        peak_mb = sum(counterpart.peak_mb(pids[box]) for box in BOXES)
    began = shop["first_ask"]
    ours = spent["bearerbox"] + spent["smsbox"]
    return {
        "messages": messages,
        "per_s": round(seen["receipts_acked"] / max(1e-9, seen["last_ack"] - began)),
        "told_per_s": round(shop["heard"] / max(1e-9, shop["last_heard"] - began)),
        "us": {name: round(one / messages * 1e6, 1) for name, one in spent.items()},
        "us_kannel": round(ours / messages * 1e6, 1),
        "peak_mb": peak_mb,
        "arrived": seen["unique"],
        "receipts": seen["receipts_acked"],
        "told": shop["heard"],
    }


@contextmanager
def _boxes(folder: Path, smsc: Smsc) -> Iterator[dict[str, int]]:
    """Both of Kannel's processes, and the SMSC's, by name."""
    conf = folder / "kannel.conf"
    conf.write_text(
        CONFIGURED.format(admin=ADMIN, bearer=BEARER, http=HTTP, smsc=smsc.port, window=WINDOW)
    )
    running: list[subprocess.Popen[bytes]] = []
    with (folder / "log").open("ab") as log:
        try:
            for box, port in zip(BOXES, (BEARER, HTTP), strict=True):
                program = shutil.which(box, path=PATH)
                assert program is not None
                running.append(
                    subprocess.Popen(
                        [program, "-v", "4", str(conf)], cwd=folder, stdout=log, stderr=log
                    )
                )
                _until_open(port)
            _until_bound(smsc)
            yield {
                **{box: one.pid for box, one in zip(BOXES, running, strict=True)},
                "smsc": smsc.pid,
            }
        finally:
            for one in reversed(running):
                one.terminate()
                with suppress(subprocess.TimeoutExpired):
                    one.wait(5)
                one.kill()
                one.wait()


def _until_open(port: int) -> None:
    end = time.monotonic() + OPEN_S_MAX
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def _until_bound(smsc: Smsc) -> None:
    end = time.monotonic() + OPEN_S_MAX
    while not smsc.counters()["binds"]:
        if time.monotonic() > end:
            raise TimeoutError("Kannel did not bind")
        time.sleep(0.05)
    time.sleep(0.5)


if __name__ == "__main__":
    print(json.dumps(_run(Path(sys.argv[1]), int(sys.argv[2]))))
