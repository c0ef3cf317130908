"""Processes of our own that this one starts: `ringdove serve`, `ringdove work`.

A child is on a leash: it ends when its standard input ends, so it never outlives us, however we
die. It has a session of its own: Ctrl-C in our terminal is ours to pass on, once.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import IO, Self

END_S_MAX = 12.0
KILL_S_MAX = 5.0


class Child:
    """`with Child("work", {"RINGDOVE_HOME": …}) as child:` runs it for as long as the body."""

    def __init__(
        self,
        command: str,
        environ: Mapping[str, str] | None = None,
        output: IO[bytes] | None = None,
    ) -> None:
        self.command = command
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ringdove", command, "--leashed"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environ or {})},
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def ended(self) -> int | None:
        """Its exit code, or None while it runs."""
        return self._process.poll()

    def let_go(self) -> None:
        """Tells it to finish; `end` waits for that."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def end(self) -> int:
        """Waits until it has finished, and kills it if that takes too long; its exit code."""
        self.let_go()
        try:
            return self._process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait(KILL_S_MAX)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
