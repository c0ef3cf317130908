"""Alerts: tells the staff by letter or text, and the store's own program by a signed POST, what is
to be done (R84). Tried again for a day; a task that could not be told stays on the list with the
reason.

A letter to the staff is no text to a customer: it asks no permission and stands in no report. Cut
off between telling and noting it, an alert is told twice: a task keeps its id, so that a program
knows it again.
"""

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from pydantic import ValidationError

from ringdove.gateways import smtp
from ringdove.gateways.smtp import letters
from ringdove.kit import db, http, mail
from ringdove.kit.buckets import token_of
from ringdove.kit.crypto import SealBroken
from ringdove.records import leases
from ringdove.records.sending import gateways
from ringdove.records.store import stores
from ringdove.records.tasks import alerts
from ringdove.records.tasks.alerts import Row
from ringdove.rules import languages
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.stores import events
from ringdove.workers import staff_texts

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 5.0
ANSWER_S_MAX: Final = 10.0
REPLY_BYTES_MAX: Final = 100_000  # nobody reads it
SUBJECT_MAX: Final = 150


class NotTold(Exception):
    """Why not: a word that the page of tasks knows, or what the other side said. `for_good`: trying
    again would not help; `of_all`: it is so for all that goes the same way."""

    def __init__(self, why: str, *, for_good: bool = False, of_all: bool = True) -> None:
        super().__init__(why)
        self.why, self.for_good, self.of_all = why, for_good, of_all


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Tells whatever is to be told, until told to stop."""
    while not stop.is_set():
        try:
            await tell_all(runtime)
        except Exception:
            log.exception("alerts.failed")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)


async def tell_all(runtime: Runtime, ask: http.Ask | None = None) -> int:
    """One round: how many were told."""
    async with db.transaction(runtime.pool) as tx:
        if not await alerts.untold(tx, runtime.clock(), 1):
            return 0
    async with leases.leased(runtime.pool, "alerts", runtime.name) as lost:
        if lost is None:
            return 0
        async with contextlib.AsyncExitStack() as stack:
            if ask is None:
                opened = http.opened(ANSWER_S_MAX, reply_bytes_max=REPLY_BYTES_MAX)
                ask = await stack.enter_async_context(opened)
            told = 0
            while not lost.is_set() and (n := await _round(runtime, ask)):
                told += n
            return told


async def _round(runtime: Runtime, ask: http.Ask) -> int:
    """One program that does not answer holds up nobody else's alerts."""
    async with db.transaction(runtime.pool) as tx:
        rows = await alerts.untold(tx, runtime.clock())
    ways: dict[tuple[int, str], list[Row]] = defaultdict(list)
    for row in rows:
        ways[row["store_id"], row["tell"]].append(row)
    told = await asyncio.gather(*(_tell(runtime, some, ask) for some in ways.values()))
    return sum(told)


async def _tell(runtime: Runtime, rows: Sequence[Row], ask: http.Ask) -> int:
    """All of one store and way, one after the other."""
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, rows[0]["store_id"])
    assert store is not None
    told, trouble = 0, None
    for row in rows:
        if trouble is None or not trouble.of_all:
            try:
                trouble = None
                if row["tell"] == "webhook":
                    await _post(runtime, store, row, ask)
                elif row["tell"] == "text":
                    await _text(runtime, store, row)
                else:
                    await _write(runtime, store, row)
            except NotTold as error:
                trouble = error
                log.warning("alerts.not_told", task=row["id"], why=error.why)
            except Exception as error:  # this one, whatever it is, holds up no other (P11)
                log.exception("alerts.broken", task=row["id"])
                trouble = NotTold(type(error).__name__, of_all=False)
        now = runtime.clock()
        async with db.transaction(runtime.pool) as tx:
            if trouble is None:
                await alerts.told(tx, row, now)
                told += 1
            else:
                await alerts.failed(tx, row, trouble.why, now, for_good=trouble.for_good)
    return told


# ------------------------------------------------------------------ the store's program


async def _post(runtime: Runtime, store: Store, row: Row, ask: http.Ask) -> None:
    async with db.transaction(runtime.pool) as tx:
        address = await alerts.address(tx, store.id)
    if address is None:
        raise NotTold("no_address")
    try:
        secret = runtime.sealer.open(address.secret)
    except SealBroken:
        raise NotTold("seal_broken") from None
    now = runtime.clock()
    body = json.dumps(told_of(store, row), ensure_ascii=False).encode()
    headers = {
        "content-type": "application/json",
        events.SIGNATURE_HEADER: events.sign(body, secret, now),
    }
    try:
        reply = await ask("POST", address.url, headers, body)
    except http.TROUBLES as error:
        why = str(error) if isinstance(error, http.NotConnected) else type(error).__name__
        raise NotTold(why) from error
    except ValueError:
        raise NotTold("no_address") from None
    if not 200 <= reply.status < 300:
        raise NotTold(f"HTTP {reply.status}", of_all=reply.status >= 500)


def told_of(store: Store, row: Row) -> dict[str, Any]:
    """An alert as a program gets it (docs/automations.md)."""
    customer = order = None
    if row["contact_id"]:
        customer = {"id": str(row["contact_id"])} | {
            name: row[name] or "" for name in ("name", "phone", "email", "language")
        }
    if row["order_id"]:
        order = {
            "key": row["order_key"], "number": row["order_number"], "total": str(row["total"]),
            "currency": row["currency"],
        }  # fmt: skip
    return {
        "kind": "alert",
        "id": str(row["id"]),
        "store": store.id,
        "at": row["created_at"].isoformat(),
        "automation": row["recipe"],
        "said": row["said"],
        "due_at": row["due_at"].isoformat(),
        "customer": customer,
        "order": order,
    }


# ------------------------------------------------------------------ a text


async def _text(runtime: Runtime, store: Store, row: Row) -> None:
    """In the transaction that notes it as told: a text costs money, so it is made once."""
    phone, language = row["owner_phone"], row["owner_language"]
    async with db.transaction(runtime.pool) as tx:
        if not phone or row["owner_gone"]:
            house = await alerts.house(tx, store.id, by_text=True)
            if house is None:
                raise NotTold("no_staff_phone")
            phone, language = house["phone"], house["language"]
        made = await staff_texts.queue(tx, runtime, store, row, phone, language)
        if made.state == "dropped":
            raise NotTold(made.reason, of_all=False)
        await alerts.told(tx, row, runtime.clock())


# ------------------------------------------------------------------ a letter


async def _write(runtime: Runtime, store: Store, row: Row) -> None:
    async with db.transaction(runtime.pool) as tx:
        house = await alerts.house(tx, store.id)
        ways = await gateways.of_store(tx, store.id)
    is_known = row["owner_email"] and not row["owner_gone"]
    to, language = (
        (row["owner_email"], row["owner_language"])
        if is_known
        else (house["email"], house["language"])
        if house
        else ("", "")
    )
    if not to:
        raise NotTold("nobody_to_tell")
    way = next((one for one in ways if one.kind == "smtp" and one.paused_at is None), None)
    if way is None:
        raise NotTold("no_email_gateway")
    try:
        secrets = runtime.sealer.open(way.secrets)
        settings = smtp.Settings.model_validate(way.settings | secrets)
    except (SealBroken, ValidationError):
        raise NotTold("seal_broken") from None
    now, token = runtime.clock(), token_of(row["id"])
    subject, body = letter(store, row, language, runtime.settings.outside_url)
    outgoing = smtp.Outgoing(token, to, subject, body, language, "service", now)
    server = mail.server(
        settings.host, settings.port, settings.security, settings.username,
        settings.password.get_secret_value(), ANSWER_S_MAX,
    )  # fmt: skip
    try:
        octets, recipient = smtp.request(settings, outgoing), letters.wire_address(to)
        await mail.connect(server, ANSWER_S_MAX)
        await mail.hand_over(
            server, smtp.envelope(settings, token), recipient, octets,
            needs_utf8=letters.needs_utf8(to),
        )  # fmt: skip
    except mail.NotTaken as error:
        is_theirs = error.of == "recipient" and 500 <= error.code < 600
        raise NotTold(error.said[:250], for_good=is_theirs, of_all=not is_theirs) from error
    except mail.NobodyKnows as error:
        raise NotTold(str(error)) from error
    except ValueError as error:
        raise NotTold(str(error)[:250], for_good=True, of_all=False) from error
    except mail.TROUBLES as error:
        raise NotTold(mail.trouble(error)) from error
    finally:
        with contextlib.suppress(*mail.TROUBLES):
            await server.quit(timeout=2)


def letter(store: Store, row: Row, language: str, address: str) -> tuple[str, str]:
    """Subject and body of the letter about a task, in the reader's language."""
    say = languages.phrases(language)["alerts"]
    due: datetime = row["due_at"].astimezone(ZoneInfo(store.time_zone))
    subject = say["subject"].format(said=" ".join(row["said"].split()))
    lines = [row["said"], ""]
    who = ", ".join(filter(None, (row["name"], row["phone"], row["email"])))
    if who:
        lines.append(say["customer"].format(customer=who))
    if row["order_number"]:
        lines.append(say["order"].format(order=row["order_number"]))
    day = languages.say_day(due.date(), language)
    lines += [say["due"].format(day=day, clock=f"{due:%H:%M}"), ""]
    lines.append(f"{say['all']}: {address}/stores/{store.id}/tasks")
    return subject[:SUBJECT_MAX], "\n".join(lines)
