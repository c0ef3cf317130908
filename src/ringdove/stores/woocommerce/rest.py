"""Asking a WooCommerce shop by REST: addresses, signatures, and what a refusal means.

Over https the keys travel as they are, over http they only sign.
"""

import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from ringdove.stores import values
from ringdove.stores.edge import KeysWrong, Refusal, Request, Response, StoreBusy, StoreRefused
from ringdove.stores.woocommerce.settings import Settings


def request(
    settings: Settings, path: str, query: Mapping[str, str], now: datetime, body: Any = None
) -> Request:
    """A question at wc/v3/<path>; with a body (to be JSON) it is a POST."""
    address = settings.store_url.strip().rstrip("/")
    url = f"{address if '://' in address else 'https://' + address}/wp-json/wc/v3/{path}"
    method = "GET" if body is None else "POST"
    octets = b"" if body is None else json.dumps(body).encode()
    headers = {} if body is None else {"content-type": "application/json"}
    if urlsplit(url).scheme == "https":
        keys = b64encode(f"{settings.rest_key}:{settings.rest_secret}".encode()).decode()
        headers["authorization"] = f"Basic {keys}"
    else:
        query = _signed(method, url, dict(query), octets, settings, now)
    return Request(f"{url}?{urlencode(query)}" if query else url, headers, method, octets)


def _signed(
    method: str, url: str, query: dict[str, str], body: bytes, settings: Settings, now: datetime
) -> dict[str, str]:
    """OAuth 1.0a with one leg (RFC 5849 §3.4). The nonce is made of what differs every time."""
    stamp = now.timestamp()
    said = f"{settings.rest_secret}/{stamp:.6f}/{query.get('page', '')}".encode() + body
    signed = query | {
        "oauth_consumer_key": settings.rest_key,
        "oauth_nonce": sha256(said).hexdigest()[:32],
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_timestamp": str(int(stamp)),
    }
    pairs = "&".join(f"{quote(k, '~')}={quote(v, '~')}" for k, v in sorted(signed.items()))
    base = f"{method}&{quote(url, '~')}&{quote(pairs, '~')}"
    digest = hmac.new(f"{settings.rest_secret}&".encode(), base.encode(), sha256).digest()
    return signed | {"oauth_signature": b64encode(digest).decode()}


def refusal_of(response: Response, permission: str) -> Refusal | None:
    """Why the shop did not answer; None: look into its body. `permission`: what keys must have."""
    if response.status in (401, 403):
        return KeysWrong(f"The shop refused the REST keys: make new ones with {permission}.")
    if response.status == 404:
        return StoreRefused(
            "No WooCommerce REST API at this address: correct it, or set permalinks in WordPress."
        )
    if response.status in (301, 302, 307, 308):
        there = values.text(response.headers.get("location"), 200).partition("?")[0]
        return StoreRefused(f"The shop moved to {there}: enter that address here.")
    if response.status == 429 or response.status >= 500:
        return StoreBusy(f"The shop answered {response.status}: it is asked again later.")
    return None
