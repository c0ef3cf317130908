"""What one part of a text costs in the store's own country: shown beside the size of a text.

Asked of the routes and price lists that real texts are asked of; unknown without a list.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import phonenumbers

from ringdove.kit.db import Tx
from ringdove.records.sending import routes
from ringdove.rules.scenes import Store
from ringdove.rules.sending.routes import Way


@dataclass(frozen=True, slots=True)
class PartPrice:
    """Of a text to a mobile phone of that country."""

    amount: Decimal
    currency: str
    country: str


async def part_price(tx: Tx, store: Store, today: date) -> PartPrice | None:
    """None: no gateway, or no list that says."""
    mobile = phonenumbers.PhoneNumberType.MOBILE
    example = phonenumbers.example_number_for_type(store.country, mobile)
    if example is None:
        return None
    phone = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    ways = await routes.load(tx, store)
    way = ways.find("sms", phone, "service", today)
    cost = ways.cost(way.gateway.id, phone, 1) if isinstance(way, Way) else None
    return PartPrice(cost.amount, cost.currency, store.country) if cost else None
