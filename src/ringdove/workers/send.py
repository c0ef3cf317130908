"""Sends e-mail: take from the outbox, hand over to the SMTP server, settle.

One process speaks for a gateway at a time (its lease). Letters go one after the other over one
connection; the answers of a batch are settled together. SMPP has workers/binds.py.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import aiosmtplib
import structlog

from ringdove.gateways import smtp
from ringdove.kit import db, mail
from ringdove.kit.buckets import token_of
from ringdove.records import gateways, leases, messages, stores
from ringdove.records.gateways import Gateway
from ringdove.records.messages import Settled, Taken
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime

log = structlog.get_logger()

BATCH = 10  # what a crash can leave with an unknown outcome
RETRY_AFTER = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 20, 60, 180))
SERVER_REST_S = 30.0  # after a server could not be reached


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Sends e-mail until told to stop."""
    rested_until: dict[int, float] = {}
    async with db.Bell(runtime.database_url, ["outbox"]) as bell:
        while not stop.is_set():
            try:
                sleep_s = await send_due(runtime, rested_until)
            except Exception:
                log.exception("send.failed")
                sleep_s = 1.0
            waits = [
                asyncio.create_task(bell.wait(min(sleep_s, runtime.settings.idle_poll_s))),
                asyncio.create_task(stop.wait()),
            ]
            _, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()


async def send_due(runtime: Runtime, rested_until: dict[int, float]) -> float:
    """Sends what is due over all e-mail gateways; the seconds until more will be."""
    loop = asyncio.get_running_loop()
    async with db.transaction(runtime.pool) as tx:
        ours = {g.id: g for g in await gateways.speaking(tx) if g.channel == "email"}
        due = [row for row in await messages.due(tx) if row["gateway_id"] in ours]
        forsaken = await messages.forsaken(tx, runtime.clock())
    for row in forsaken:
        if row["gateway_id"] in ours:
            await _give_up(runtime, ours[row["gateway_id"]], row["bucket"])
    now, sleep_s = runtime.clock(), 3600.0
    for row in due:
        gateway = ours[row["gateway_id"]]
        wait_s = (row["due_at"] - now).total_seconds()
        rest_s = rested_until.get(gateway.id, 0) - loop.time()
        if wait_s > 0 or rest_s > 0:
            sleep_s = min(sleep_s, max(wait_s, rest_s))
            continue
        async with leases.leased(runtime.pool, f"gateway/{gateway.id}", runtime.name) as lost:
            if lost is None:
                sleep_s = min(sleep_s, 1.0)
                continue
            reached = await _send_bucket(runtime, gateway, row["bucket"], lost)
        if not reached:
            rested_until[gateway.id] = loop.time() + SERVER_REST_S
        sleep_s = min(sleep_s, 0.05)
    return max(sleep_s, 0.01)


async def _give_up(runtime: Runtime, gateway: Gateway, bucket: int) -> None:
    """What a dead process was handing over has an unknown outcome, though nothing else be due."""
    async with leases.leased(runtime.pool, f"gateway/{gateway.id}", runtime.name) as lost:
        if lost is not None:
            await _find_lost(runtime, await _store(runtime, gateway), gateway, bucket)


async def _send_bucket(
    runtime: Runtime, gateway: Gateway, bucket: int, lost: asyncio.Event
) -> bool:
    """Sends what is due in one bucket; False when the server could not be reached, in which case
    nothing was taken."""
    settings = settings_of(runtime, gateway)
    try:
        async with _server(settings) as server:
            await _tell_state(runtime, gateway, "bound", "")
            store = await _store(runtime, gateway)
            await _find_lost(runtime, store, gateway, bucket)
            while not lost.is_set():
                taken = await _take(runtime, store, gateway, bucket)
                if not taken:
                    break
                await _send_batch(runtime, store, gateway, settings, server, taken)
        return True
    except (OSError, aiosmtplib.SMTPException, TimeoutError) as error:
        await _tell_state(runtime, gateway, "refused", str(error)[:300])
        log.warning("send.server_unreachable", gateway=gateway.id, error=str(error))
        return False


def settings_of(runtime: Runtime, gateway: Gateway) -> smtp.Settings:
    """The gateway's settings with its secrets opened."""
    secrets = runtime.sealer.open(gateway.secrets) if gateway.secrets else {}
    return smtp.Settings.model_validate(gateway.settings | secrets)


def _server(settings: smtp.Settings) -> aiosmtplib.SMTP:
    return mail.server(
        settings.host,
        settings.port,
        settings.security,
        settings.username,
        settings.password.get_secret_value(),
        smtp.TIMEOUT_S,
    )


async def _store(runtime: Runtime, gateway: Gateway) -> Store:
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, gateway.store_id)
    assert store is not None
    return store


async def _find_lost(runtime: Runtime, store: Store, gateway: Gateway, bucket: int) -> None:
    async with db.transaction(runtime.pool) as tx:
        await messages.find_lost(tx, store, bucket, gateway.id, runtime.name, runtime.clock())


async def _tell_state(runtime: Runtime, gateway: Gateway, state: str, detail: str) -> None:
    if (gateway.state, gateway.state_detail) != (state, detail):
        async with db.transaction(runtime.pool) as tx:
            await gateways.say_state(tx, gateway.id, state, detail, runtime.clock())


async def _take(runtime: Runtime, store: Store, gateway: Gateway, bucket: int) -> Sequence[Taken]:
    return await db.retried(
        runtime.pool,
        lambda tx: messages.take(
            tx, store, bucket, gateway.id, runtime.clock(), runtime.name, BATCH
        ),
    )


async def _send_batch(
    runtime: Runtime, store: Store, gateway: Gateway, settings: smtp.Settings,
    server: aiosmtplib.SMTP, taken: Sequence[Taken],
) -> None:  # fmt: skip
    results = []
    for message in taken:
        results.append(await _send_one(settings, server, message, runtime.clock()))
    await db.retried(
        runtime.pool,
        lambda tx: messages.settle(tx, store, gateway.id, results, runtime.clock()),
    )


async def _send_one(
    settings: smtp.Settings, server: aiosmtplib.SMTP, message: Taken, now: datetime
) -> Settled:
    token = token_of(message.message_id)
    try:
        letter = smtp.request(
            settings,
            recipient=message.recipient,
            subject=message.subject,
            body=message.body,
            token=token,
            now=now,
        )
    except ValueError as error:
        return Settled(message.message_id, "failed", str(error))
    provider_id = smtp.message_id(settings, token)
    try:
        if not server.is_connected:
            await server.connect()
        await server.send_message(letter)
        answer: smtp.Sent | smtp.Refused = smtp.Sent(provider_id)
    except aiosmtplib.SMTPRecipientsRefused as error:
        first = error.recipients[0]
        answer = smtp.outcome(first.code, first.message, provider_id)
    except aiosmtplib.SMTPResponseException as error:
        answer = smtp.outcome(error.code, error.message, provider_id)
    except (aiosmtplib.SMTPConnectError, ConnectionRefusedError) as error:
        answer = smtp.Refused(str(error), "later")
    except (OSError, aiosmtplib.SMTPException, TimeoutError) as error:
        # The connection broke somewhere within: the server may have taken the letter.
        return Settled(message.message_id, "unknown", f"connection broke: {error}"[:300])
    return _settled(message, answer, now)


def _settled(message: Taken, answer: smtp.Sent | smtp.Refused, now: datetime) -> Settled:
    if isinstance(answer, smtp.Sent):
        return Settled(message.message_id, "sent", "", (answer.provider_id,))
    if answer.again == "later" and message.attempts <= len(RETRY_AFTER):
        retry_at = now + RETRY_AFTER[message.attempts - 1]
        return Settled(message.message_id, "retry", answer.reason, (), retry_at)
    return Settled(message.message_id, "failed", answer.reason)
