"""The command line as people use it: quick, in plain words, with honest exit codes."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from ringdove.kit import db, postgres
from ringdove.kit.crypto import hash_password, verify_password
from ringdove.records.store import users
from ringdove.settings import Settings, manual

ROOT = Path(__file__).parent.parent
RINGDOVE = [sys.executable, "-m", "ringdove"]


def environment(**knobs: str) -> dict[str, str]:
    return os.environ | {f"RINGDOVE_{name.upper()}": value for name, value in knobs.items()}


def ringdove(*words: str, said: str = "", **knobs: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RINGDOVE, *words], input=said, env=environment(**knobs), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def test_the_settings_page_is_current() -> None:
    """Run `ringdove settings > docs/settings.md` after a change."""
    assert (ROOT / "docs" / "settings.md").read_text() == manual()
    assert ringdove("settings").stdout == manual()


@pytest.mark.slow
def test_help_answers_at_once() -> None:
    times = []
    for _ in range(3):
        began = time.monotonic()
        answer = ringdove("--help")
        times.append(time.monotonic() - began)
    assert answer.returncode == 0
    for command in ("demo", "serve", "work", "migrate", "doctor", "inspect", "stop", "bench"):
        assert command in answer.stdout
    assert min(times) < 0.5


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, ringdove.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert not {"psycopg", "fastapi", "aiohttp", "sqlalchemy", "structlog"} & set(loaded.split())


def test_a_wrong_setting_is_named_in_plain_words() -> None:
    answer = ringdove("doctor", listen_port="many")
    assert answer.returncode == 1
    assert "RINGDOVE_LISTEN_PORT='many'" in answer.stderr and "Traceback" not in answer.stderr


@pytest.mark.slow
def test_a_database_that_is_away_is_said_plainly(tmp_path: Path) -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    answer = ringdove("work", home=str(tmp_path), database_url=url)
    assert answer.returncode == 1
    assert "does not answer" in answer.stderr and "Traceback" not in answer.stderr
    answer = ringdove("work", home=str(tmp_path), database_url="mysql://ann:secret@db/none")
    assert answer.returncode == 1 and "RINGDOVE_DATABASE_URL" in answer.stderr
    assert "secret" not in answer.stderr


@pytest.mark.slow
def test_an_old_schema_is_refused_and_migrate_mends_it(
    empty_database_url: str, tmp_path: Path
) -> None:
    knobs = {"home": str(tmp_path), "database_url": empty_database_url}
    refused = ringdove("work", **knobs)
    assert refused.returncode == 1 and "Run: ringdove migrate" in refused.stderr
    assert "ready" in ringdove("migrate", **knobs).stdout
    assert "nothing to do" in ringdove("migrate", **knobs).stdout
    seen = ringdove("doctor", **knobs)
    assert "ok    schema" in seen.stdout
    # The tests' own database does without fsync, which is bad enough for an exit code.
    assert seen.returncode == (1 if "\nbad " in seen.stdout else 0)


@pytest.mark.slow
def test_a_taken_port_is_said_plainly(database_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        served = ringdove("serve", home=str(tmp_path), database_url=database_url, listen_port=port)
        shown = ringdove("demo", "--home", str(tmp_path / "demo"), "--port", port)
    assert served.returncode == 1 and "RINGDOVE_LISTEN_PORT" in served.stderr
    assert shown.returncode == 1 and "ringdove demo --port" in shown.stderr
    assert "Traceback" not in served.stderr + shown.stderr
    assert not (tmp_path / "demo").exists()


@pytest.mark.slow
def test_fresh_empties_only_what_a_demo_has_made(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear to somebody")
    answer = ringdove("demo", "--fresh", "--home", str(tmp_path), "--port", free_port())
    assert answer.returncode == 1 and "not emptied" in answer.stderr
    assert (tmp_path / "letters.txt").exists()


@contextmanager
def running(command: str, **knobs: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [*RINGDOVE, command], env=environment(**knobs), stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_line(process: "subprocess.Popen[str]", word: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if word in line:
            return
    raise AssertionError(f"it ended without saying {word}")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_work_stops_gracefully(database_url: str, tmp_path: Path, number: signal.Signals) -> None:
    with running(
        "work", home=str(tmp_path), database_url=database_url, sandbox_port=free_port()
    ) as process:
        wait_for_line(process, "work.begun")
        process.send_signal(number)
        began = time.monotonic()
        wait_for_line(process, "work.ended")
        assert process.wait(10) == 0
        assert time.monotonic() - began < 10


@pytest.mark.slow
def test_serve_brings_its_workers_and_takes_them_along(database_url: str, tmp_path: Path) -> None:
    knobs = {"home": str(tmp_path), "database_url": database_url, "listen_port": free_port()}
    process = subprocess.Popen(
        [*RINGDOVE, "serve", "--with-workers"], stderr=subprocess.PIPE, text=True,
        env=environment(**knobs, sandbox_port=free_port()),
    )  # fmt: skip
    try:
        assert process.stderr is not None
        worker = int(process.stderr.readline().rpartition(" ")[2])
        wait_for_line(process, "work.begun")
        process.terminate()
        process.communicate(timeout=20)
        assert process.returncode == 0
        assert not Path(f"/proc/{worker}").exists()
    finally:
        process.kill()


@pytest.mark.slow
def test_serve_does_not_go_on_without_its_workers(database_url: str, tmp_path: Path) -> None:
    """A page that takes orders which nobody answers is worse than one that is started anew."""
    knobs = {"home": str(tmp_path), "database_url": database_url, "listen_port": free_port()}
    process = subprocess.Popen(
        [*RINGDOVE, "serve", "--with-workers"], stderr=subprocess.PIPE, text=True,
        env=environment(**knobs, sandbox_port=free_port()),
    )  # fmt: skip
    try:
        assert process.stderr is not None
        worker = int(process.stderr.readline().rpartition(" ")[2])
        wait_for_line(process, "Ringdove listens")
        os.kill(worker, signal.SIGKILL)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 1
        assert "The workers have ended by themselves" in said and "Traceback" not in said
    finally:
        process.kill()


@pytest.mark.slow
def test_idle_work_costs_next_to_nothing(database_url: str, tmp_path: Path) -> None:
    """Nothing polls hot: less than 2 % of one core when nothing happens."""
    with running(
        "work", home=str(tmp_path), database_url=database_url, sandbox_port=free_port()
    ) as process:
        wait_for_line(process, "work.begun")
        time.sleep(1)
        before = cpu_s(process.pid)
        time.sleep(4)
        assert cpu_s(process.pid) - before < 0.08


def cpu_s(pid: int) -> float:
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.slow
def test_a_new_password_from_the_console(database_url: str, tmp_path: Path) -> None:
    knobs = {"home": str(tmp_path), "database_url": database_url}

    async def make(url: str) -> None:
        pool = await db.open_pool(url, size_max=1)
        async with db.transaction(pool) as tx:
            await users.create(
                tx, email="vera@shop.example", name="Vera", language="en",
                password_hash=hash_password("what she forgot"), now=datetime.now(UTC),
            )  # fmt: skip
        await pool.close()

    asyncio.run(make(database_url))
    nobody = ringdove("user", "password", "who@shop.example", said="linden tree 7\n", **knobs)
    assert nobody.returncode == 1 and "Nobody signs in as" in nobody.stderr
    weak = ringdove("user", "password", "vera@shop.example", said="1111111111\n", **knobs)
    assert weak.returncode == 1
    done = ringdove("user", "password", "Vera@shop.example", said="linden tree 7\n", **knobs)
    assert done.returncode == 0, done.stderr
    with psycopg.connect(database_url) as link:
        row = link.execute("SELECT password_hash FROM app_user").fetchone()
    assert row and verify_password(row[0], "linden tree 7")


@pytest.mark.slow
def test_stop_ends_the_embedded_database() -> None:
    # Not in tmp_path: other runs of pytest as root lock the database's own user out of it.
    home = tempfile.mkdtemp(prefix="ringdove-home-")
    os.chmod(home, 0o711)
    try:
        nothing = ringdove("stop", home=home)
        assert nothing.returncode == 0 and "No database runs" in nothing.stdout
        assert ringdove("migrate", home=home).returncode == 0
        assert "No database runs" in ringdove("stop", home=home).stdout  # migrate left last
        url = postgres.ensure(Path(home) / "postgres")
        assert "has stopped" in ringdove("stop", home=home).stdout
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
    finally:
        postgres.leave(Path(home) / "postgres")
        shutil.rmtree(home)


@pytest.mark.slow
def test_inspect_answers_a_line_for_a_line() -> None:
    lines = ringdove("inspect", "pdu", said='{"hex": "00000010000000150000000000000001"}\nno\n')
    enquired, wrong = map(json.loads, lines.stdout.splitlines())
    assert enquired["command"] == "enquire_link" and "error" in wrong
    unknown = ringdove("inspect", "webhook", "--store", "stall", "--secret", "s", "--country", "BY")
    assert unknown.returncode == 1 and "woocommerce" in unknown.stderr


def test_every_setting_can_be_read_from_the_environment() -> None:
    assert Settings(home=Path("/x")).listen_port == 8000
    assert "RINGDOVE_SANDBOX_PORT" in manual()
