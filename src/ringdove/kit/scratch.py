"""A database of one's own on somebody's server, gone afterwards: for checks that must not meet
other people's rows.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import errors, sql

MAKE = "CREATE DATABASE {name}"
DROP = "DROP DATABASE IF EXISTS {name} WITH (FORCE)"


class NotAllowed(RuntimeError):
    """The user of this address may not make databases; the text says what to do."""


@contextmanager
def database(url: str) -> Iterator[str]:
    """The address of a new, empty database on the server of `url`. Raises NotAllowed."""
    name = f"ringdove_check_{os.urandom(6).hex()}"
    try:
        _run(url, MAKE, name)
    except errors.InsufficientPrivilege as error:
        raise NotAllowed(
            "a database of its own: give the user of RINGDOVE_DATABASE_URL the right CREATEDB,"
            " or leave the variable empty"
        ) from error
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        _run(url, DROP, name)


def _run(url: str, statement: str, name: str) -> None:
    with psycopg.connect(url, autocommit=True) as link:
        link.execute(sql.SQL(statement).format(name=sql.Identifier(name)))
