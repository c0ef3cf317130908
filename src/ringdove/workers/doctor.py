"""What is wrong with this installation, in words that say what to do.

`examine` looks at the database, its schema, the clock, the disk, the secrets key, the gateways
and the shop connections. It changes nothing, except that it starts the embedded database.
A check that cannot be made because an earlier one failed is left out, not guessed.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import dict_row

from ringdove.kit import db, postgres
from ringdove.kit.crypto import KeyWrong, SealBroken, Sealer
from ringdove.records import health, migrate
from ringdove.records.consent import ledger
from ringdove.settings import Settings

Level = Literal["ok", "warn", "bad"]

POSTGRES_MIN = 150000
CLOCK_S_WARN = 2.0
CLOCK_S_BAD = 30.0
DISK_BYTES_WARN = 2 * 2**30
DISK_BYTES_BAD = 300 * 2**20


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report; `do` is empty when nothing is to be done."""

    area: str  # settings, database, schema, clock, disk, secrets, gateway, shop
    level: Level
    says: str
    do: str = ""


WAITS_TOO_LONG = timedelta(minutes=1)


async def examine(
    settings: Settings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> list[Finding]:
    """Every finding, in the order in which a person would mend them."""
    findings = [public_address(settings.public_url, settings.outside_url), disk(settings.home)]
    sealer, key = secrets_key(settings)
    findings.append(key)
    url, reach = await _reach(settings)
    findings.append(reach)
    if url is None:
        return findings
    fit = await asyncio.to_thread(schema, url)
    findings.append(fit)
    async with await db.Tx.connect(url, row_factory=dict_row) as tx:
        server = await health.server(tx)
        findings += [engine(server), clocks(clock(), server.clock)]
        if fit.level == "ok":
            findings += await _edges(tx, sealer)
            findings += evidence(await ledger.broken_stores(tx))
            findings += backlog(await health.unanswered(tx, server.clock - WAITS_TOO_LONG))
    return findings


def evidence(broken: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Ledgers of consent that were found changed, each by its first broken place."""
    do = "Find out who had access; restore from the last good copy: ringdove ledger check."
    says = "The consent ledger of {name} is not as it was written: {broken}."
    return [Finding("ledger", "bad", says.format(**one), do) for one in broken]


def backlog(unanswered: int) -> list[Finding]:
    """Events that nobody answers: the workers are not there, or not fast enough."""
    if not unanswered:
        return []
    says = f"{unanswered} events wait for an answer for longer than a minute."
    return [Finding("workers", "bad", says, "Start the workers: ringdove work.")]


def public_address(public_url: str, outside_url: str) -> Finding:
    """Whether shops and phones can find us at all."""
    if not public_url:
        return Finding(
            "settings",
            "warn",
            f"Shops and phones are told {outside_url}, which works on this machine only.",
            "Set RINGDOVE_PUBLIC_URL to the address under which this server is reached.",
        )
    parts = urlsplit(public_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return Finding(
            "settings",
            "bad",
            f"RINGDOVE_PUBLIC_URL={public_url} is not a web address.",
            "Write it whole, such as https://sms.example.com",
        )
    if parts.scheme == "http":
        return Finding(
            "settings",
            "warn",
            f"{public_url} is not encrypted: customers' numbers and logins can be read on the way.",
            "Put a proxy with a certificate in front and set RINGDOVE_PUBLIC_URL to https://…",
        )
    return Finding("settings", "ok", f"Shops and phones reach us at {public_url}")


def disk(home: Path) -> Finding:
    """Room for the database and the logs."""
    place = home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    says = f"{free / 2**30:.1f} GB are free at {home}"
    if free < DISK_BYTES_BAD:
        return Finding("disk", "bad", f"{says}: writing will soon fail.", "Free some space now.")
    if free < DISK_BYTES_WARN:
        return Finding("disk", "warn", f"{says}.", "Free some space soon.")
    return Finding("disk", "ok", f"{says}.")


def secrets_key(settings: Settings) -> tuple[Sealer | None, Finding]:
    """The sealer if there is a key; a missing file is no fault before the first start."""
    if not settings.secrets_key and not settings.key_file.exists():
        says = f"There is no secrets key yet; the first start makes {settings.key_file}."
        return None, Finding("secrets", "ok", says)
    try:
        sealer = Sealer.from_settings(settings.secrets_key, settings.key_file)
    except KeyWrong as error:
        return None, Finding("secrets", "bad", "The secrets key cannot be used.", str(error))
    except OSError as error:
        says = f"{settings.key_file} cannot be read: {error.strerror}."
        return None, Finding("secrets", "bad", says, "Let the user that runs Ringdove own it.")
    where = "RINGDOVE_SECRETS_KEY" if settings.secrets_key else str(settings.key_file)
    return sealer, Finding("secrets", "ok", f"The secrets key is in {where}; keep a copy of it.")


async def _reach(settings: Settings) -> tuple[str | None, Finding]:
    if not settings.database_url:
        return await asyncio.to_thread(_reach_embedded, settings.home / "postgres")
    try:
        async with await psycopg.AsyncConnection.connect(
            settings.database_url, connect_timeout=db.CONNECT_S_MAX
        ) as link:
            host = link.info.host or "the socket"
            return settings.database_url, Finding("database", "ok", f"PostgreSQL answers at {host}")
    except psycopg.ProgrammingError:  # its text repeats the address, password and all
        return None, Finding(
            "database",
            "bad",
            "RINGDOVE_DATABASE_URL cannot be read as an address.",
            "Write postgresql://user:password@host/name.",
        )
    except psycopg.Error as error:
        return None, Finding(
            "database",
            "bad",
            f"PostgreSQL does not answer: {str(error).strip()}",
            "Check that the server runs and that RINGDOVE_DATABASE_URL names it.",
        )


def _reach_embedded(folder: Path) -> tuple[str | None, Finding]:
    try:
        url = postgres.ensure(folder)
    except (postgres.PostgresWillNotStart, psycopg.Error, OSError) as error:
        says = "The embedded database does not start."
        return None, Finding("database", "bad", says, str(error))
    return url, Finding("database", "ok", f"The embedded database runs in {folder}")


def schema(url: str) -> Finding:
    """Whether program and database fit."""
    try:
        migrate.demand_current(url)
    except migrate.SchemaDiffers as error:
        says, _, do = str(error).rpartition(". ")
        return Finding("schema", "bad", says + ".", do)
    return Finding("schema", "ok", f"The schema is at {migrate.head()}, as this Ringdove needs.")


def engine(server: health.Server) -> Finding:
    """Version, encoding and durability of the server."""
    says = f"PostgreSQL {server.version}, {server.encoding}"
    if server.version_num < POSTGRES_MIN:
        return Finding("database", "bad", f"{says} is too old.", "Use PostgreSQL 15 or newer.")
    if server.encoding != "UTF8":
        do = "Make the database anew with ENCODING 'UTF8'."
        return Finding("database", "bad", f"{says}: names would be lost.", do)
    if not server.is_safe:
        return Finding(
            "database",
            "bad",
            f"{says} with fsync or full_page_writes off: a power cut may destroy everything.",
            "Switch both on in postgresql.conf and restart PostgreSQL.",
        )
    return Finding("database", "ok", says)


def clocks(here: datetime, there: datetime) -> Finding:
    """Quiet hours and expiry are reckoned here, leases too: the clocks must agree."""
    apart_s = abs((here - there).total_seconds())
    if apart_s < CLOCK_S_WARN:
        return Finding("clock", "ok", f"The clock is {here:%Y-%m-%d %H:%M} UTC here and there.")
    return Finding(
        "clock",
        "bad" if apart_s >= CLOCK_S_BAD else "warn",
        f"This machine's clock and the database's are {apart_s:.0f} seconds apart.",
        "Set both by NTP (chrony or systemd-timesyncd); else texts leave at wrong hours.",
    )


async def _edges(tx: db.Tx, sealer: Sealer | None) -> list[Finding]:
    if await health.stores(tx) == 0:
        return [Finding("shop", "warn", "There is no store yet.", "Open the page and set one up.")]
    findings = []
    for area, read, word in _EDGES:
        edges = await read(tx)
        if not edges:
            findings.append(Finding(area, "warn", f"There is no {word} yet.", f"Add a {word}."))
        findings += [edge(area, one, sealer) for one in edges]
    return findings


_EDGES: list[tuple[str, Callable[[db.Tx], Awaitable[list[health.Edge]]], str]] = [
    ("gateway", health.gateways, "gateway"),
    ("shop", health.connections, "shop connection"),
]
_SICK = {
    "refused": "Check its user name and password, and whether the operator lets this address in.",
    "lost": "It reconnects by itself; if this stays, ask the operator.",
    "failing": "Check the shop's address and its REST keys.",
}


def edge(area: str, one: health.Edge, sealer: Sealer | None) -> Finding:
    """One gateway or shop connection: can its credentials be opened, what did it last say."""
    name = f"{one.store}: {one.name} ({one.kind})"
    if one.paused_at is not None:
        return Finding(area, "warn", f"{name} is paused.", "Switch it on again when you want it.")
    if broken := _seal_trouble(one, sealer):
        return Finding(area, "bad", f"{name}: its credentials cannot be opened.", broken)
    if one.state in _SICK:
        since = f" since {one.at:%Y-%m-%d %H:%M} UTC" if one.at else ""
        says = f"{name} is {one.state}{since}: {one.detail or 'no reason given'}"
        return Finding(area, "warn" if one.state == "lost" else "bad", says, _SICK[one.state])
    if one.state is None and area == "gateway":
        return Finding(area, "ok", f"{name} is set up, and has not been used yet.")
    return Finding(area, "ok", f"{name} is {one.state or 'set up'}.")


def _seal_trouble(one: health.Edge, sealer: Sealer | None) -> str:
    if not one.secrets:
        return ""
    if sealer is None:
        return "Give RINGDOVE_SECRETS_KEY or the key file back, or enter the credentials again."
    try:
        sealer.open(one.secrets)
    except SealBroken as error:
        return str(error)
    return ""
