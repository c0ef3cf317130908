"""Catch-up by REST: what a webhook missed. A conversation without a socket.

WooCommerce does not repeat a webhook that failed and switches it off after a run of failures, so
the orders changed since the last look are asked for. history() yields requests and is sent their
responses; workers/sync.py carries both.
"""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

from ringdove.rules.facts import Fact
from ringdove.stores import values
from ringdove.stores.edge import Caught, Refusal, Request, Response, StoreRefused, parse
from ringdove.stores.woocommerce import rest
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
    """One page of orders."""
    query = {
        "modified_after": f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
        "dates_are_gmt": "true",
        "orderby": "modified",
        "order": "asc",
        "per_page": str(PAGE_SIZE),
        "page": str(page),
    }
    return rest.request(settings, "orders", query, now)


def _orders_of(response: Response) -> list[Any] | Refusal:
    if refusal := rest.refusal_of(response, "permission Read"):
        return refusal
    told = parse(response.body)
    if response.status != 200 or not isinstance(told, list):
        return StoreRefused(f"The shop answered {response.status} without a list of orders.")
    return told
