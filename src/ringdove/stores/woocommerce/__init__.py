"""WooCommerce: signed webhooks and catch-up by REST, read as facts.

A webhook body is a snapshot, queued and sent late: an order may first be heard of when it is long
completed. So one body yields every fact that it implies, each under a natural id (`order/42/paid`),
and any shuffle, repeat or batch of bodies gives the same facts. X-WC-Webhook-Delivery-ID is never
looked at: it repeats across different deliveries of one second.

What can come out: facts, Nothing (ping, draft, foreign topic), or a Refusal of stores/edge.py:
SignatureWrong, BodyUnreadable, TopicUnknown. Whatever the bytes are, nothing is raised.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from ringdove.rules.facts import Fact
from ringdove.stores.edge import Answer, BodyUnreadable, Nothing, Refusal, SignatureWrong, parse
from ringdove.stores.woocommerce.carts import cart_url
from ringdove.stores.woocommerce.coupons import coupons
from ringdove.stores.woocommerce.history import history
from ringdove.stores.woocommerce.reading import read_object
from ringdove.stores.woocommerce.settings import Settings

__all__ = [
    "HELP", "ICON", "OWN_KEYS", "TITLE", "Settings", "cart_url", "coupons", "history", "read",
    "sign", "steps", "verify",
]  # fmt: skip

TITLE = "WooCommerce"
HELP = "WordPress shops: webhooks bring orders at once, REST keys fetch what a webhook missed."
ICON = "building-store"

OWN_KEYS = True  # every WooCommerce counts its orders and accounts from 1
BATCH_MAX = 1_000
TOPICS = ("Order created", "Order updated", "Order deleted", "Order restored", "Customer updated")


def sign(body: bytes, secret: str) -> str:
    """The value of X-WC-Webhook-Signature for this body."""
    return b64encode(hmac.new(secret.encode(), body, sha256).digest()).decode()


def verify(
    headers: Mapping[str, str], body: bytes, secrets: Mapping[str, str], now: datetime
) -> Refusal | None:
    """None when the body is from who knows the secret, or is the ping that nobody signs."""
    if _is_ping(headers, body):
        return None
    secret = secrets.get("webhook_secret", "")
    if not secret:
        return SignatureWrong("This connection has no webhook secret: set one on its page.")
    given = headers.get("x-wc-webhook-signature", "")
    if not given:
        return SignatureWrong(
            "The header X-WC-Webhook-Signature is missing: fill in Secret in the webhook."
        )
    try:
        digest = b64decode(given, validate=True)
    except ValueError:
        digest = b""
    if hmac.compare_digest(digest, hmac.new(secret.encode(), body, sha256).digest()):
        return None
    return SignatureWrong(
        "The signature does not fit: copy the secret of this connection into the webhook again."
    )


def _is_ping(headers: Mapping[str, str], body: bytes) -> bool:
    # WooCommerce posts a bare form when a webhook is saved: unsigned, without a topic.
    name, _, number = body[:64].strip().partition(b"=")
    is_form = name == b"webhook_id" and number.isdigit() and len(body) < 64
    return is_form and not headers.get("x-wc-webhook-topic")


def read(
    headers: Mapping[str, str], body: bytes, settings: Settings, country: str, heard_at: datetime
) -> Answer:
    """The facts of a webhook's body. `country` is the store's, for orders that name none."""
    if _is_ping(headers, body):
        return Nothing("ping: WooCommerce asks whether anybody is here")
    told = parse(body)
    if isinstance(told, Refusal):
        return told
    batch = told if isinstance(told, list) else [told]
    if len(batch) > BATCH_MAX:
        return BodyUnreadable(f"{len(batch)} objects at once; send at most {BATCH_MAX}.")
    topic = headers.get("x-wc-webhook-topic", "").strip().lower()
    found: dict[str, Fact] = {}
    silence = Nothing("an empty list")
    for one in batch:
        answer = read_object(topic, one, settings, country, heard_at)
        if isinstance(answer, Refusal):
            return answer
        if isinstance(answer, Nothing):
            silence = answer
        else:
            for fact in answer:
                found.setdefault(fact.id, fact)
    return list(found.values()) or silence


def steps(url: str) -> list[str]:
    """What is to be done on the shop's side."""
    return [
        "In WordPress open WooCommerce → Settings → Advanced → Webhooks.",
        "Add a webhook for each of these topics: " + ", ".join(TOPICS) + ".",
        f"Status: Active. Delivery URL: {url}",
        "Secret: the webhook secret of this connection. API version: WP REST API Integration v3.",
        "Under Advanced → REST API add a key with permission Read; enter both halves here: what a "
        "webhook misses is then fetched every few minutes.",
        "Place a test order: it appears on Today within seconds.",
    ]
