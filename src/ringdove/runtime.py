"""What a process has open while it runs: database, clock, ids, sealer; and the plug-in catalogues.

The only file that names gateways and stores. A new one is a file in its folder, its cases in
tests/, and one word here.
"""

import socket
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import ModuleType

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from ringdove.gateways import (
    africas_talking,
    bird,
    infobip,
    kannel,
    labsmobile,
    plivo,
    sinch,
    smpp,
    sms_ru,
    smsapi,
    smsc_ru,
    smtp,
    telnyx,
    template,
    twilio,
    vonage,
)
from ringdove.kit import db, postgres
from ringdove.kit.buckets import Ids
from ringdove.kit.crypto import Sealer, sign, sign_hex
from ringdove.records import keys, migrate, slots
from ringdove.settings import Settings
from ringdove.stores import events, woocommerce

GATEWAYS: dict[str, ModuleType] = {
    "smpp": smpp,
    "sandbox": smpp,
    "smtp": smtp,
    "africas_talking": africas_talking,
    "bird": bird,
    "infobip": infobip,
    "kannel": kannel,
    "labsmobile": labsmobile,
    "plivo": plivo,
    "sinch": sinch,
    "sms_ru": sms_ru,
    "smsapi": smsapi,
    "smsc_ru": smsc_ru,
    "telnyx": telnyx,
    "twilio": twilio,
    "vonage": vonage,
    "template": template,
}
STORES: dict[str, ModuleType] = {"woocommerce": woocommerce, "events": events}

Clock = Callable[[], datetime]


def door_of_gateway(settings: Settings, token: str) -> str:
    """Where an operator tells this gateway receipts and texts, as its owner is shown."""
    return f"{settings.outside_url}/in/gateways/{token}"


def callback_url(settings: Settings, token: str) -> str:
    """The same as the operator is told with each text; "" while nobody said under which address we
    are reached: many operators refuse a text that names an address of this machine."""
    return door_of_gateway(settings, token) if settings.public_url else ""


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Runtime:
    """Passed to workers and pages; nothing is global."""

    settings: Settings
    database_url: str
    pool: AsyncConnectionPool[AsyncConnection[dict[str, object]]]
    clock: Clock
    ids: Ids
    sealer: Sealer
    name: str  # of this process, as leases show it
    hash_key: bytes

    def keyed(self, store_id: int, text: str) -> str:
        """A hash, in hexadecimal, that only this installation can make; another in every store."""
        return sign_hex(self.hash_key, f"{store_id}/{text}".encode())

    @property
    def link_key(self) -> bytes:
        """What rules/links/links.py enciphers with: one for all stores, since a token names its
        store."""
        return sign(self.hash_key, b"links")[:16]


@asynccontextmanager
async def open_runtime(
    settings: Settings, clock: Clock = wall_clock, plans_once: bool = False
) -> AsyncIterator[Runtime]:
    """Opens everything and closes it again. Raises migrate.SchemaIsOld on an older schema."""
    url = settings.database_url or postgres.ensure(settings.home / "postgres")
    migrate.demand_current(url)
    size_max = settings.database_connections_max
    pool = await db.open_pool(url, size_max=size_max, plans_once=plans_once)
    name = f"{socket.gethostname()}/{uuid.uuid4().hex[:8]}"
    try:
        async with slots.leased(pool, name) as ids:
            sealer = Sealer.from_settings(settings.secrets_key, settings.key_file)
            async with db.transaction(pool) as tx:
                hash_key = await keys.hash_key(tx, sealer)
            yield Runtime(settings, url, pool, clock, ids, sealer, name, hash_key)
    finally:
        await pool.close()
