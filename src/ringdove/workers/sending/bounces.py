"""Reads the mailboxes to which undeliverable letters return, and records what they say.

A mail is marked as read only after what it said is committed, so a crash repeats it and changes
nothing (P8). Mails that are no bounces of ours are left as they are, unread: the mailbox may be one
that people read. Nothing is ever deleted.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from ringdove.gateways import smtp
from ringdove.gateways.edge import ReceiptHeard
from ringdove.kit import db, imap, mail
from ringdove.kit.buckets import id_of
from ringdove.records import leases
from ringdove.records.consent import complaints
from ringdove.records.sending import gateways, messages
from ringdove.records.sending.gateways import Gateway
from ringdove.records.sending.receipts import Receipt
from ringdove.records.store import stores
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.workers.sending.send import KIND, settings_of

log = structlog.get_logger(__name__)

EVERY_S: Final = 60.0
MAILS_MAX: Final = 500  # of one mailbox in one round
BATCH: Final = 50
OCTETS_MAX: Final = 512_000
SINCE: Final = timedelta(days=7)
MAILBOXES_MAX: Final = 10  # at the same time


@dataclass(slots=True)
class _Place:
    """How far a mailbox was read: only spares a second look at other people's mails."""

    validity: int = 0
    uid: int = 0


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Reads until told to stop."""
    places: dict[int, _Place] = {}
    stopped = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            reading = asyncio.create_task(read_all(runtime, places))
            await asyncio.wait((reading, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                reading.cancel()  # what was committed and not yet marked is read once more
            for error in await asyncio.gather(reading, return_exceptions=True):
                if isinstance(error, Exception):
                    log.error("bounces.failed", error=repr(error))
            await asyncio.wait((stopped,), timeout=EVERY_S)
    finally:
        stopped.cancel()


async def read_all(runtime: Runtime, places: dict[int, _Place]) -> None:
    """One round over all mailboxes."""
    async with db.transaction(runtime.pool) as tx:
        ours = [g for g in await gateways.speaking(tx) if g.kind == KIND]
    door = asyncio.Semaphore(MAILBOXES_MAX)

    async def look(gateway: Gateway) -> None:
        async with door:
            try:
                await _read(runtime, gateway, places.setdefault(gateway.id, _Place()))
            except Exception:
                log.exception("bounces.gateway_failed", gateway=gateway.id)

    with_mailbox = [gateway for gateway in ours if gateway.settings.get("imap_host")]
    await asyncio.gather(*(look(gateway) for gateway in with_mailbox))


async def _read(runtime: Runtime, gateway: Gateway, place: _Place) -> None:
    settings = await settings_of(runtime, gateway)
    if settings is None or not settings.imap_host:
        return
    async with leases.leased(runtime.pool, f"bounces/{gateway.id}", runtime.name) as lost:
        if lost is None:
            return
        async with db.transaction(runtime.pool) as tx:
            store = await stores.find(tx, gateway.store_id)
        assert store is not None
        try:
            async with imap.opened(
                settings.imap_host,
                settings.imap_port,
                settings.imap_security,
                settings.imap_user,
                settings.imap_password.get_secret_value(),
                settings.imap_folder,
            ) as mailbox:
                await _empty(runtime, store, gateway, settings, mailbox, place, lost)
        except imap.TROUBLES as error:
            log.warning("bounces.no_mailbox", gateway=gateway.id, why=trouble(error))


def trouble(error: BaseException) -> str:
    """What is wrong with a mailbox, as a word that pages know."""
    if isinstance(error, imap.Refused):
        return f"{'login_refused' if error.at_login else 'server_refuses'}: {error}"
    if isinstance(error, EOFError):
        return "server_hung_up"
    return mail.trouble(error)


async def _empty(
    runtime: Runtime,
    store: Store,
    gateway: Gateway,
    settings: smtp.Settings,
    mailbox: imap.Mailbox,
    place: _Place,
    lost: asyncio.Event,
) -> None:
    if mailbox.validity != place.validity:
        place.validity, place.uid = mailbox.validity, 0
    since = (runtime.clock() - SINCE).strftime("%d-%b-%Y")
    uids = (await mailbox.unseen(since, place.uid))[:MAILS_MAX]
    for first in range(0, len(uids), BATCH):
        if lost.is_set():
            return
        batch = uids[first : first + BATCH]
        found: dict[int, ReceiptHeard] = {}
        for uid in batch:
            octets = await mailbox.fetch(uid, OCTETS_MAX)
            if heard := smtp.told(settings, octets, runtime.clock()):
                found[uid] = heard
        await record(runtime, store, gateway.id, list(found.values()))
        await mailbox.mark_seen(list(found))
        place.uid = batch[-1]
        if found:
            log.info("bounces.read", gateway=gateway.id, bounces=len(found))


async def record(
    runtime: Runtime, store: Store, gateway_id: int, heard: Sequence[ReceiptHeard]
) -> None:
    """Writes what mails said; a complaint of a person ends their marketing, and an address that
    does not exist gets no more letters."""
    if not heard:
        return
    now = runtime.clock()
    told = [Receipt(one.provider_id, one.state, one.error, one.at) for one in heard]
    complained = [one.provider_id for one in heard if one.opted_out]
    dead = [id_of(one.provider_id) for one in heard if complaints.is_hard(one.error)]

    async def work(tx: db.Tx) -> None:
        await messages.write(tx, store, gateway_id, [], told, now)
        await complaints.write(tx, store, complained, now, runtime.ids)
        await complaints.write_dead(tx, store, filter(None, dead), now, runtime.ids)

    await db.retried(runtime.pool, work)
