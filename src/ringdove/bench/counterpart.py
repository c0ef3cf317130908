"""The other end of the wire in measurements: smsc.c and blast.c, made with the machine's own C
compiler when a measurement begins, and run as processes of their own.

A Python SMSC would be what is measured. Both listen on 127.0.0.1 or call there, and nowhere else.
"""

import json
import shutil
import signal
import struct
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

SOURCES: Final = Path(__file__).parent
FLAGS: Final = ("-O2", "-std=gnu11", "-Wall")
COMPILERS: Final = ("cc", "gcc", "clang")
LINE_S_MAX: Final = 20.0
FIRST_NUMBER: Final = 375_290_000_000


class NoCompiler(RuntimeError):
    """This machine cannot make the SMSC; the text says what to install."""


def build(folder: Path, name: str) -> Path:
    """The program of `name`.c, made in `folder` unless it is there."""
    made = folder / name
    if made.exists():
        return made
    folder.mkdir(parents=True, exist_ok=True)
    command = [compiler(), *FLAGS, "-o", str(made), str(SOURCES / f"{name}.c")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoCompiler(f"{name}.c cannot be compiled here: {done.stderr.strip()[:2000]}")
    return made


def compiler() -> str:
    """The machine's own."""
    found = next((path for one in COMPILERS if (path := shutil.which(one))), None)
    if found is None:
        raise NoCompiler(
            "Measuring needs a C compiler for the SMSC that it talks to: install gcc or clang"
            " (Debian, Ubuntu: apt-get install gcc libc6-dev)."
        )
    return found


class Smsc:
    """One running smsc.c. `options` are its own: see read_wishes() there."""

    def __init__(self, program: Path, options: Sequence[object]):
        command = [str(program), *(str(one) for one in options)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.port = int(self._line()["port"])

    @property
    def pid(self) -> int:
        return self._process.pid

    def counters(self) -> dict[str, Any]:
        """What it has seen since it began."""
        self._process.send_signal(signal.SIGUSR1)
        return self._line()

    def cut(self) -> None:
        """Ends every link without a word; what was under way on them is gone."""
        self._process.send_signal(signal.SIGUSR2)

    def kill(self) -> None:
        """As a power cut would."""
        self._process.kill()
        self._process.wait()
        self._close()

    def end(self) -> None:
        """The ordinary end."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(LINE_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> None:
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the SMSC ended with {self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def smsc(folder: Path, options: Sequence[object]) -> Iterator[Smsc]:
    """Runs one for as long as the body."""
    one = Smsc(build(folder, "smsc"), options)
    try:
        yield one
    finally:
        one.end()


def blast(folder: Path, port: int, count: int, window: int, octets: int) -> dict[str, Any]:
    """What the wire takes when nothing is decided or stored: packets made beforehand, one bind."""
    program = build(folder, "blast")
    words = [port, count, window, FIRST_NUMBER, octets]
    done = subprocess.run(
        [str(program), *(str(word) for word in words)], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# ------------------------------------------------------------------ the ledger, read afterwards

HEAD: Final = struct.Struct("=QQQ1536s")
ENTRY: Final = struct.Struct("=QQdI8B22s6x")


def taken_by_number(ledger: Path) -> Counter[int]:
    """How many texts each number got, by the SMSC's own ledger."""
    taken: Counter[int] = Counter()
    with ledger.open("rb") as file:
        count, *_ = HEAD.unpack(file.read(HEAD.size))
        for _ in range(count):
            taken[ENTRY.unpack(file.read(ENTRY.size))[1]] += 1
    return taken


def peak_mb(pid: int) -> float:
    """The most memory that a process ever held."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0
