"""Asks an operator over HTTP what became of a message, when a person wants to know now.

Only where the operator's file can ask (gateways/edge.py) and an id of the operator's is known: the
answer is taken as a receipt, and settles the message as one. Nothing is ever sent by asking.
"""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Literal, TypeAlias

import structlog
from pydantic import ValidationError

from ringdove.gateways.edge import ReceiptHeard, Reply
from ringdove.kit import db, http
from ringdove.kit.crypto import SealBroken
from ringdove.records.sending import messages
from ringdove.records.sending.gateways import Gateway
from ringdove.records.sending.receipts import Receipt
from ringdove.rules.scenes import Store
from ringdove.runtime import GATEWAYS, Runtime

log = structlog.get_logger(__name__)

Answer: TypeAlias = Literal["told", "not_known", "away", "settings"]
"""told: it is written as a receipt. not_known: the operator does not say. away: no answer in time.
settings: the account's keys cannot be used."""

ANSWERS_S_MAX = 10.0
ASKED_MOST = 10
REPLY_BYTES_MAX = 1_000_000


def can_ask(kind: str | None) -> bool:
    """Whether this kind of gateway can be asked at all."""
    module = GATEWAYS.get(kind or "")
    is_http = getattr(module, "TRANSPORT", "") == "http"
    return is_http and hasattr(module, "ask") and hasattr(module, "told")


def ids_to_ask(message: Mapping[str, Any], receipts: Sequence[Mapping[str, Any]]) -> list[str]:
    """The operator's ids of a message that is not settled, where it can be asked."""
    if message["state"] not in ("sent", "unknown") or not can_ask(message["gateway_kind"]):
        return []
    return sorted({one["provider_id"] for one in receipts if one["provider_id"]})


async def ask(runtime: Runtime, store: Store, way: Gateway, ids: Sequence[str]) -> Answer:
    """Asks about each id, and writes what the operator says."""
    module = GATEWAYS[way.kind]
    try:
        secrets = runtime.sealer.open(way.secrets) if way.secrets else {}
        settings = module.Settings.model_validate(way.settings | secrets)
    except (ValidationError, SealBroken):
        return "settings"
    try:
        heard = await _heard(module, settings, ids[:ASKED_MOST])
    except (*http.TROUBLES, ValueError) as error:  # never its words: an address may hold a key
        log.warning("asking.failed", gateway=way.id, error=type(error).__name__)
        return "away"
    told = [
        Receipt(_kept(one.provider_id), one.state, _kept(one.error), one.at)
        for one in heard
        if one.provider_id
    ]
    if not told:
        return "not_known"
    now = runtime.clock()
    await db.retried(runtime.pool, lambda tx: messages.write(tx, store, way.id, [], told, now))
    return "told"


async def _heard(module: ModuleType, settings: Any, ids: Sequence[str]) -> list[ReceiptHeard]:
    found = []
    async with http.opened(ANSWERS_S_MAX, reply_bytes_max=REPLY_BYTES_MAX) as said:
        for provider_id in ids:
            request = module.ask(settings, provider_id)
            reply = await said(request.method, request.url, request.headers, request.body)
            known: Mapping[str, str] = reply.headers
            told: ReceiptHeard | None = module.told(
                settings, Reply(reply.status, known, reply.body)
            )
            if told is not None:
                found.append(told)
    return found


def _kept(words: str) -> str:
    return words.replace("\0", " ")[:200]
