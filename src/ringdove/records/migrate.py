"""The schema's way from version to version, and the refusal to run on a wrong one.

Revisions are files of plain SQL in migrations/, carried out by Alembic in one transaction.
schema.sql beside this file is the present truth; tests/records/test_migrations.py proves that
the migrations lead to it. A new revision: `rNNNN_name.py` (copy the newest) and `NNNN_name.sql`.

It must never change a schema unasked: only `ringdove migrate` (and the demo) calls `migrate`.
"""

import re
from pathlib import Path
from typing import Any

import psycopg

FOLDER = Path(__file__).parent / "migrations"
SCHEMA = Path(__file__).parent / "schema.sql"
REVISION_FILE = re.compile(r"r(\d{4})_\w+\.py")

VERSION_TABLE = """
CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(32) PRIMARY KEY)
"""
# Whoever migrates second waits here, then finds nothing left to do.
LOCK_VERSION = "LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"
HAS_VERSION = "SELECT to_regclass('alembic_version') IS NOT NULL"
READ_VERSION = "SELECT max(version_num) FROM alembic_version"
FORGET_VERSION = "DELETE FROM alembic_version"
WRITE_VERSION = "INSERT INTO alembic_version VALUES (%(version)s)"


class SchemaDiffers(RuntimeError):
    """This program and this database do not fit; the text says what to do."""

    def __init__(self, words: str, found: str | None, wanted: str) -> None:
        super().__init__(words)
        self.found, self.wanted = found, wanted


class SchemaIsOld(SchemaDiffers):
    """The database has to be brought up first."""

    def __init__(self, found: str | None, wanted: str) -> None:
        state = f"is at schema {found}" if found else "holds no schema yet"
        words = f"The database {state}, this Ringdove needs {wanted}. Run: ringdove migrate"
        super().__init__(words, found, wanted)


class SchemaIsNewer(SchemaDiffers):
    """A later Ringdove has been here."""

    def __init__(self, found: str, wanted: str) -> None:
        words = (
            f"The database is at schema {found}, this Ringdove knows only {wanted}: it was"
            " upgraded by a newer Ringdove. Start that one."
        )
        super().__init__(words, found, wanted)


def revisions() -> list[str]:
    """All that this program knows, oldest first; one line without branches."""
    return sorted(m[1] for f in FOLDER.iterdir() if (m := REVISION_FILE.fullmatch(f.name)))


def head() -> str:
    """The revision that this program needs."""
    return revisions()[-1]


def current(url: str) -> str | None:
    """The revision that the database is at; None: it is empty."""
    with psycopg.connect(url, autocommit=True) as link:
        known = link.execute(HAS_VERSION).fetchone()
        if known is None or not known[0]:
            return None
        row = link.execute(READ_VERSION).fetchone()
        return str(row[0]) if row and row[0] else None


def demand_current(url: str) -> None:
    """Raises SchemaIsOld or SchemaIsNewer unless program and database fit."""
    found, wanted = current(url), head()
    if found is None or found < wanted:
        raise SchemaIsOld(found, wanted)
    if found > wanted:
        raise SchemaIsNewer(found, wanted)


def migrate(url: str, to: str = "head") -> str | None:
    """Bring the database up, all or nothing; the revision it is at then.

    Raises SchemaIsNewer when a later Ringdove has been here.
    """
    # Here and not above: SQLAlchemy costs every process 20 MB, and only this needs it.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from sqlalchemy import NullPool, create_engine

    found = current(url)
    if found is not None and found > head():
        raise SchemaIsNewer(found, head())
    _make_version_table(url)
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("version_locations", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    script = ScriptDirectory.from_config(config)

    def upgrade(revision: Any, context: Any) -> Any:
        return script._upgrade_revs(to, revision)

    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool
    )
    with engine.begin() as link, EnvironmentContext(config, script, fn=upgrade) as environment:
        link.exec_driver_sql(LOCK_VERSION)
        environment.configure(connection=link)
        environment.run_migrations()
    return current(url)


def create(url: str) -> None:
    """The present schema in an empty database at once, without the way there: for tests."""
    with psycopg.connect(url) as link:
        link.execute(SCHEMA.read_bytes())
        link.execute(VERSION_TABLE)
        link.execute(FORGET_VERSION)
        link.execute(WRITE_VERSION, {"version": head()})


def _make_version_table(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as link:
        try:
            link.execute(VERSION_TABLE)
        except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable):
            pass  # IF NOT EXISTS does not hold against somebody who does the same just now


def run_sql(operations: Any, name: str) -> None:
    """For revisions: carry out migrations/<name> as it stands, every statement of it."""
    # Past SQLAlchemy, which would read percent signs and colons as parameters.
    link = operations.get_bind().connection.driver_connection
    link.execute((FOLDER / name).read_bytes())
