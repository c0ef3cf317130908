"""One throwaway PostgreSQL a run, one template database, one fresh clone a test.

The cluster is shared by all xdist workers and stops with the last of them, however they end. It
lives in memory where there is room (a clone takes 8 ms instead of 160), else in the temporary
folder; in both, apart from every real database.
"""

import asyncio
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import structlog

from ringdove.kit import postgres
from ringdove.records import migrate

T = TypeVar("T")
MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 2 * 2**30  # containers often have 64 MB there

# Containers often forbid it; every program that a test starts would compile all that it imports.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# As kit/logs.py: drawn with all local variables, a traceback takes a second of CPU.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ]
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What opens a whole site is slow (`make check` leaves it to `make test`). Browser tests last:
    from the first of them on, Playwright keeps an event loop running in the main thread, in which
    no other test can start its own."""
    for item in items:
        if "site" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture(scope="session")
def cluster_url() -> Iterator[str]:
    """Address of the run's PostgreSQL: RINGDOVE_TEST_DATABASE_URL, else one made for it."""
    given = os.environ.get("RINGDOVE_TEST_DATABASE_URL")
    if given:
        yield given
        return
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    folder = _roomy_folder() / f"ringdove-tests-{run}"
    _sweep(folder.parent)
    folder.mkdir(mode=0o711, exist_ok=True)
    try:
        yield postgres.ensure(folder, throwaway=True)
    finally:
        postgres.leave(folder)
        if not postgres.is_running(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _roomy_folder() -> Path:
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK):
        if shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN:
            return MEMORY
    return Path(tempfile.gettempdir())


def _sweep(parent: Path) -> None:
    """What runs that were killed have left; a young folder may not have its user yet."""
    for folder in parent.glob("ringdove-tests-*"):
        if time.time() - folder.stat().st_mtime > 60 and not postgres.is_used(folder):
            postgres.stop(folder)
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template_database(cluster_url: str) -> str:
    """Name of a database made from schema.sql, once a run and schema."""
    mark = hashlib.sha256(migrate.SCHEMA.read_bytes()).hexdigest()[:12]
    name = f"template_{mark}"
    with psycopg.connect(cluster_url, autocommit=True) as link:
        # The other xdist workers wait here; the lock goes with the connection.
        link.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
        if not _exists(link, name):
            link.execute(f"DROP DATABASE IF EXISTS {name}_new WITH (FORCE)")
            link.execute(f"CREATE DATABASE {name}_new")
            migrate.create(address(cluster_url, f"{name}_new"))
            link.execute(f"ALTER DATABASE {name}_new RENAME TO {name}")
    return name


def _exists(link: psycopg.Connection[Any], name: str) -> bool:
    found = link.execute("SELECT FROM pg_database WHERE datname = %s", [name])
    return found.fetchone() is not None


def address(url: str, database: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


@pytest.fixture
def database_url(cluster_url: str, template_database: str) -> Iterator[str]:
    """A fresh database with the present schema, gone after the test."""
    yield from _database(cluster_url, template_database)


@pytest.fixture
def another_database_url(cluster_url: str, template_database: str) -> Iterator[str]:
    """A second one, for tests that compare two."""
    yield from _database(cluster_url, template_database)


@pytest.fixture
def empty_database_url(cluster_url: str) -> Iterator[str]:
    """A fresh database without any schema."""
    yield from _database(cluster_url, "template1")


@pytest.fixture
def another_empty_database_url(cluster_url: str) -> Iterator[str]:
    """For tests that compare two."""
    yield from _database(cluster_url, "template1")


def _database(cluster_url: str, template: str) -> Iterator[str]:
    name = f"test_{os.urandom(8).hex()}"
    with psycopg.connect(cluster_url, autocommit=True) as link:
        # The files are copied as they are: no checkpoint, no WAL of every page.
        link.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield address(cluster_url, name)
        finally:
            link.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, T]], T]:
    """run(coroutine): its result, on an event loop of its own."""
    return asyncio.run
