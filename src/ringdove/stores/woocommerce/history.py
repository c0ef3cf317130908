"""Catch-up by REST: what a webhook missed. A conversation without a socket.

WooCommerce does not repeat a webhook that failed and switches it off after a run of failures, so
the orders changed since the last look are asked for. history() yields requests and is sent their
responses; workers/sync.py carries both.
"""

import hmac
from base64 import b64encode
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from ringdove.rules.facts import Fact
from ringdove.stores import values
from ringdove.stores.edge import (
    Caught,
    KeysWrong,
    Refusal,
    Request,
    Response,
    StoreBusy,
    StoreRefused,
    parse,
)
from ringdove.stores.woocommerce.reading import read_object
from ringdove.stores.woocommerce.settings import Settings

PAGE_SIZE = 100
PAGES_MAX = 20  # of one run; the next begins where it stopped


def history(
    settings: Settings, seen_until: datetime, country: str, heard_at: datetime
) -> Generator[Request, Response, Caught | Refusal]:
    """Orders changed since `seen_until`, oldest first."""
    found: dict[str, Fact] = {}
    latest, unreadable, page = seen_until, 0, 0
    while True:
        page += 1
        orders = _orders_of((yield page_request(settings, seen_until, page, heard_at)))
        if isinstance(orders, Refusal):
            return orders
        for told in orders:
            answer = read_object("order.updated", told, settings, country, heard_at)
            unreadable += isinstance(answer, Refusal)
            for fact in answer if isinstance(answer, list) else ():
                found.setdefault(fact.id, fact)
            if isinstance(told, dict):
                latest = max(latest, values.utc(told.get("date_modified_gmt")) or latest)
        # Past the limit we go on while all changed in one second: else we would stand still.
        is_far = page >= PAGES_MAX and latest > seen_until + timedelta(seconds=1)
        if is_far or len(orders) < PAGE_SIZE:
            return Caught(list(found.values()), latest, len(orders) >= PAGE_SIZE, unreadable)


def page_request(settings: Settings, since: datetime, page: int, now: datetime) -> Request:
    """One page of orders. Over https the keys travel as they are, over http they only sign."""
    address = settings.store_url.strip().rstrip("/")
    url = f"{address if '://' in address else 'https://' + address}/wp-json/wc/v3/orders"
    query = {
        "modified_after": f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
        "dates_are_gmt": "true",
        "orderby": "modified",
        "order": "asc",
        "per_page": str(PAGE_SIZE),
        "page": str(page),
    }
    if urlsplit(url).scheme == "https":
        keys = b64encode(f"{settings.rest_key}:{settings.rest_secret}".encode()).decode()
        return Request(f"{url}?{urlencode(query)}", {"authorization": f"Basic {keys}"})
    return Request(f"{url}?{urlencode(_signed(url, query, settings, now))}")


def _signed(url: str, query: dict[str, str], settings: Settings, now: datetime) -> dict[str, str]:
    """OAuth 1.0a with one leg (RFC 5849 §3.4). The nonce is made of what differs every time."""
    stamp = now.timestamp()
    nonce = sha256(f"{settings.rest_secret}/{stamp:.6f}/{query['page']}".encode()).hexdigest()[:32]
    signed = query | {
        "oauth_consumer_key": settings.rest_key,
        "oauth_nonce": nonce,
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_timestamp": str(int(stamp)),
    }
    pairs = "&".join(f"{quote(k, '~')}={quote(v, '~')}" for k, v in sorted(signed.items()))
    base = f"GET&{quote(url, '~')}&{quote(pairs, '~')}"
    digest = hmac.new(f"{settings.rest_secret}&".encode(), base.encode(), sha256).digest()
    return signed | {"oauth_signature": b64encode(digest).decode()}


def _orders_of(response: Response) -> list[Any] | Refusal:
    if response.status in (401, 403):
        return KeysWrong("The shop refused the REST keys: make new ones with permission Read.")
    if response.status == 404:
        return StoreRefused(
            "No WooCommerce REST API at this address: correct it, or set permalinks in WordPress."
        )
    if response.status in (301, 302, 307, 308):
        there = values.text(response.headers.get("location"), 200).partition("?")[0]
        return StoreRefused(f"The shop moved to {there}: enter that address here.")
    if response.status == 429 or response.status >= 500:
        return StoreBusy(f"The shop answered {response.status}: it is asked again later.")
    told = parse(response.body)
    if response.status != 200 or not isinstance(told, list):
        return StoreRefused(f"The shop answered {response.status} without a list of orders.")
    return told
