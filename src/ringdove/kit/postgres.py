"""The embedded PostgreSQL: the wheel's binaries on a cluster of our own, no server to install.

`ensure(folder)` starts the cluster or joins the one that runs, and returns its address. Every
process that uses it holds a shared file lock, which the kernel drops however the process
dies; whoever leaves last stops the server. Reachable over a socket file only, in a folder
that only we may enter; there is no network port.

It must never stop a server that another process uses, unless told to by `stop`.
"""

import atexit
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from ringdove.kit import cluster as clusters
from ringdove.kit.cluster import Cluster, PostgresWillNotStart

__all__ = ["PostgresWillNotStart", "ensure", "is_running", "is_used", "leave", "stop"]

ANSWER_S_MAX = 20

_seats: dict[Path, int] = {}  # folder → descriptor that holds this process's shared lock


def ensure(data_dir: Path, *, throwaway: bool = False) -> str:
    """Start or join the cluster in data_dir; the address of its database.

    `throwaway` is for tests: no fsync, so a power cut may cost the whole cluster.
    """
    cluster = Cluster(data_dir.absolute().resolve(), throwaway)
    _make_folder(cluster.folder)
    with _door(cluster.folder):
        if not (cluster.data / "PG_VERSION").exists():
            clusters.initialise(cluster)
        url = _serve(cluster)
        _take_seat(cluster.folder)
    return url


def _serve(cluster: Cluster) -> str:
    """The address once the server answers; one that is just dying still looks alive."""
    deadline = time.monotonic() + ANSWER_S_MAX
    while True:
        socket_dir = clusters.running(cluster) or clusters.start(cluster)
        try:
            clusters.make_database(socket_dir)
            return clusters.url(socket_dir)
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                words = f"The database in {cluster.folder} runs but does not answer: {error}"
                raise PostgresWillNotStart(words) from error
            time.sleep(0.1)


def leave(data_dir: Path) -> None:
    """Give up this process's use; the last one to leave stops the server."""
    folder = data_dir.absolute().resolve()
    seat = _seats.pop(folder, None)
    if seat is None or not folder.exists():
        return
    with _door(folder):
        os.close(seat)
        if _nobody_seated(folder):
            clusters.stop(Cluster(folder, throwaway=False))


def stop(data_dir: Path) -> None:
    """Stop the server, whoever uses it. Does nothing if it does not run."""
    folder = data_dir.absolute().resolve()
    seat = _seats.pop(folder, None)
    if seat is not None:
        os.close(seat)
    if folder.exists():
        with _door(folder):
            clusters.stop(Cluster(folder, throwaway=False))


def is_used(data_dir: Path) -> bool:
    """Whether any process, this one included, has joined and not left."""
    folder = data_dir.absolute().resolve()
    with _door(folder):
        return not _nobody_seated(folder)


def is_running(data_dir: Path) -> bool:
    """Whether a server works on data_dir now."""
    return clusters.running(Cluster(data_dir.absolute().resolve(), throwaway=False)) is not None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PostgresWillNotStart(
            f"The folder {folder} cannot be made ({error.strerror}): set RINGDOVE_HOME to one"
            " that can."
        ) from error


@contextmanager
def _door(folder: Path) -> Iterator[None]:
    """One process at a time starts, stops, joins or leaves."""
    descriptor = _open_lock(folder / "door.lock")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _take_seat(folder: Path) -> None:
    if folder in _seats:
        return
    seat = _open_lock(folder / "seats.lock")
    fcntl.flock(seat, fcntl.LOCK_SH)
    _seats[folder] = seat
    atexit.register(_leave_at_exit, folder, os.getpid())


def _leave_at_exit(folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # a forked child inherits this function but not the seat
        leave(folder)


def _nobody_seated(folder: Path) -> bool:
    descriptor = _open_lock(folder / "seats.lock")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


def _open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except PermissionError:
        owner = path.parent.owner()
        raise PostgresWillNotStart(
            f"{path.parent} belongs to {owner}: run as that user, or set RINGDOVE_HOME to a"
            " folder of your own."
        ) from None
