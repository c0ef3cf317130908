"""The embedded PostgreSQL: shared, reused, stopped cleanly, and started again after any crash."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from ringdove.kit import postgres

pytestmark = pytest.mark.slow

USER = """
import os, signal, sys
from pathlib import Path
from ringdove.kit import postgres
print(postgres.ensure(Path(sys.argv[1])), flush=True)
if sys.argv[2] == "die":
    os.kill(os.getpid(), signal.SIGKILL)
sys.stdin.read()
"""


@contextmanager
def emptied() -> Iterator[Path]:
    """Not pytest's tmp_path: root's is closed to the user that the server runs as."""
    path = Path(tempfile.mkdtemp(prefix="ringdove-test-"))
    path.chmod(0o711)
    try:
        yield path / "postgres"
    finally:
        postgres.stop(path / "postgres")
        shutil.rmtree(path)


@pytest.fixture
def empty_folder() -> Iterator[Path]:
    with emptied() as folder:
        yield folder


@pytest.fixture(scope="module")
def stopped() -> Iterator[Path]:
    """Where a cluster was made and has ended."""
    with emptied() as folder:
        postgres.ensure(folder)
        postgres.stop(folder)
        yield folder


@pytest.fixture
def folder(stopped: Path) -> Iterator[Path]:
    """Its copy: to make one takes longer than most of what is tried with it."""
    with emptied() as folder:
        subprocess.run(["cp", "-a", stopped, folder], check=True)
        yield folder


def user_of(folder: Path, then: str = "stay") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(folder), then],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(user: subprocess.Popen[str]) -> str:
    assert user.stdout is not None
    return user.stdout.readline().strip()


def go_home(user: subprocess.Popen[str]) -> None:
    user.communicate(timeout=60)
    assert user.returncode == 0


def server_pid(folder: Path) -> int:
    return int((folder / "cluster/postmaster.pid").read_text().splitlines()[0])


def write_down(url: str) -> None:
    with psycopg.connect(url) as link:
        link.execute("CREATE TABLE kept (n integer)")
        link.execute("INSERT INTO kept VALUES (42)")


def read_back(url: str) -> object:
    with psycopg.connect(url) as link:
        row = link.execute("SELECT n FROM kept").fetchone()
    return row and row[0]


def kill_server(folder: Path) -> None:
    os.kill(server_pid(folder), signal.SIGKILL)


def test_starts_quickly_joins_and_keeps_what_was_written(folder: Path) -> None:
    url = postgres.ensure(folder)
    write_down(url)
    pid = server_pid(folder)
    assert postgres.ensure(folder) == url
    assert server_pid(folder) == pid
    postgres.leave(folder)
    assert not postgres.is_running(folder)
    began = time.monotonic()
    assert read_back(postgres.ensure(folder)) == 42
    assert time.monotonic() - began < 5


def test_writes_safely_and_listens_on_no_network_port(empty_folder: Path) -> None:
    with psycopg.connect(postgres.ensure(empty_folder)) as link:
        for name, wanted in {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "listen_addresses": "",
            "server_encoding": "UTF8",
            "TimeZone": "UTC",
        }.items():
            row = link.execute("SELECT current_setting(%s)", [name]).fetchone()
            assert row is not None
            assert row[0] == wanted, name
    assert (empty_folder / "socket").stat().st_mode & 0o077 == 0


def test_starts_at_once_share_one_server_and_the_last_to_leave_stops_it(empty_folder: Path) -> None:
    users = [user_of(empty_folder) for _ in range(4)]
    urls = {said(user) for user in users}
    assert len(urls) == 1
    first, *others = users
    for user in others:
        go_home(user)
    assert read_only(urls.pop()) == 1
    go_home(first)
    assert not postgres.is_running(empty_folder)


def read_only(url: str) -> object:
    with psycopg.connect(url) as link:
        row = link.execute("SELECT 1").fetchone()
    return row and row[0]


def test_a_killed_user_holds_nothing(folder: Path) -> None:
    victim = user_of(folder, then="die")
    url = said(victim)
    victim.communicate(timeout=60)
    assert victim.returncode == -signal.SIGKILL
    assert postgres.is_running(folder)
    assert postgres.ensure(folder) == url
    postgres.leave(folder)
    assert not postgres.is_running(folder)


def test_a_killed_server_comes_back_with_what_was_committed(folder: Path) -> None:
    write_down(postgres.ensure(folder))
    old = server_pid(folder)
    kill_server(folder)
    assert read_back(postgres.ensure(folder)) == 42
    assert server_pid(folder) != old


def test_server_and_user_killed_together(folder: Path) -> None:
    victim = user_of(folder)
    write_down(said(victim))
    kill_server(folder)
    victim.kill()
    victim.communicate(timeout=60)
    assert read_back(postgres.ensure(folder)) == 42


def test_the_old_number_now_belongs_to_a_stranger(folder: Path) -> None:
    write_down(postgres.ensure(folder))
    kill_server(folder)
    wait_for_orphans(folder)
    pid_file = folder / "cluster/postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    (folder / "socket/.s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    assert read_back(postgres.ensure(folder)) == 42


def wait_for_orphans(folder: Path) -> None:
    time.sleep(0.5)
    assert not postgres.is_running(folder)


@pytest.mark.parametrize("leftover", ["", "\n", "rubbish\n"])
def test_a_pid_file_torn_by_a_crash(folder: Path, leftover: str) -> None:
    write_down(postgres.ensure(folder))
    postgres.stop(folder)
    (folder / "cluster/postmaster.pid").write_text(leftover)
    assert read_back(postgres.ensure(folder)) == 42


def test_a_crash_while_the_cluster_was_being_made(empty_folder: Path) -> None:
    (empty_folder / "cluster.new/base").mkdir(parents=True)
    (empty_folder / "cluster.new/PG_VERSION").write_text("18\n")
    assert read_only(postgres.ensure(empty_folder)) == 1
    assert not (empty_folder / "cluster.new").exists()


def test_a_swept_socket_is_made_again(folder: Path) -> None:
    write_down(postgres.ensure(folder))
    (folder / "socket/.s.PGSQL.5432").unlink()
    assert read_back(postgres.ensure(folder)) == 42


def test_a_folder_too_deep_for_a_socket(empty_folder: Path) -> None:
    deep = empty_folder / ("a" * 60) / ("b" * 60)
    try:
        assert read_only(postgres.ensure(deep)) == 1
    finally:
        postgres.stop(deep)


def test_data_of_another_version_are_refused_in_words(folder: Path) -> None:
    postgres.ensure(folder)
    postgres.stop(folder)
    (folder / "cluster/PG_VERSION").write_text("12\n")
    with pytest.raises(postgres.PostgresWillNotStart, match="written by PostgreSQL 12"):
        postgres.ensure(folder)


def test_a_throwaway_cluster_does_not_wait_for_the_disk(empty_folder: Path) -> None:
    with psycopg.connect(postgres.ensure(empty_folder, throwaway=True)) as link:
        row = link.execute("SELECT current_setting('fsync')").fetchone()
    assert row == ("off",)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_folder_of_somebody_else_is_refused_in_words(folder: Path) -> None:
    postgres.ensure(folder)
    postgres.stop(folder)
    folder.parent.chmod(0o755)
    assert "RINGDOVE_HOME" in words_to_nobody(folder)


def words_to_nobody(folder: Path) -> str:
    """In a fork, since nobody may not be able to start this interpreter."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        try:
            postgres.ensure(folder)
        except postgres.PostgresWillNotStart as error:
            os.write(writer, str(error).encode())
        os._exit(0)
    os.close(writer)
    os.wait()
    with os.fdopen(reader) as pipe:
        return pipe.read()
