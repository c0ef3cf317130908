"""A pretend WooCommerce: orders with the fields its REST API shows, and webhooks signed as its own.

It knows nothing of Ringdove but the address of its door and the secret of the webhook.
"""

import hmac
import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp

from ringdove.demo.goods import Good
from ringdove.demo.people import Person
from ringdove.demo.purchases import CARRIERS, TRACKING

TIMEOUT_S = 15.0
SECOND = timedelta(seconds=1)


@dataclass
class ShopOrder:
    """An order as the shop keeps it. Every change has a time of its own, a second apart."""

    id: int
    person: Person
    goods: Sequence[tuple[Good, int]]
    placed_at: datetime
    shop: str  # https://linden.example
    zone: ZoneInfo
    currency: str = "BYN"
    on_delivery: bool = False
    status: str = "pending"
    agrees: bool = False
    paid_at: datetime | None = None
    completed_at: datetime | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    refunds: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.placed_at = self.placed_at.replace(microsecond=0)
        self.changed_at = self.placed_at
        self.meta["_shop_language"] = self.person.language
        self.meta["pll_language"] = self.person.language
        if self.agrees:
            self.meta["_sms_marketing_consent"] = "1"
        if self.on_delivery:
            self.status = "processing"

    @property
    def total(self) -> Decimal:
        """What is to be paid."""
        return sum((good.price * count for good, count in self.goods), Decimal(0))

    # ------------------------------------------------------------------ what happens to it

    def becomes(self, status: str, now: datetime) -> None:
        """A status of WooCommerce or of one of its plug-ins."""
        self._change(now)
        self.status = status
        if status == "completed":
            self.completed_at = self.changed_at

    def is_paid(self, now: datetime) -> None:
        """The payment provider called back."""
        self._change(now)
        self.paid_at, self.status = self.changed_at, "processing"

    def has_invoice(self, now: datetime) -> None:
        """The invoice plug-in has made one."""
        self._change(now)
        self.meta["_wcpdf_invoice_number"] = f"LC-{self.id}"
        self.meta["_invoice_url"] = f"{self.shop}/invoices/{self.id}.pdf"

    def is_promised(self, day: datetime, now: datetime) -> None:
        """The delivery date plug-in holds a day; an earlier one is kept as the day before."""
        self._change(now)
        local = day.astimezone(self.zone)
        if "_delivery_date" in self.meta:
            self.meta["_delivery_date_before"] = self.meta["_delivery_date"]
        self.meta["_delivery_date"] = f"{local:%Y-%m-%d}"
        self.meta["_delivery_time"] = "10:00 - 14:00"

    def is_shipped(self, now: datetime) -> None:
        """A tracking number was typed in and the parcel handed over."""
        self._change(now)
        self.status = "shipped"
        number = f"LC{self.id:09}BY"
        self.meta["_wc_shipment_tracking_items"] = [
            {
                "tracking_provider": "",
                "custom_tracking_provider": CARRIERS[self.person.country],
                "custom_tracking_link": TRACKING + number,
                "tracking_number": number,
                "date_shipped": str(int(self.changed_at.timestamp())),
            }
        ]

    def waits_at(self, point: str, now: datetime) -> None:
        """The parcel can be fetched."""
        self.becomes("ready-for-pickup", now)
        self.meta["_pickup_point"] = point

    def is_refunded(self, now: datetime) -> None:
        """The money goes back."""
        self.becomes("refunded", now)
        self.refunds.append({"id": self.id * 10, "reason": "", "total": f"-{self.total}"})

    def _change(self, now: datetime) -> None:
        self.changed_at = max(now.replace(microsecond=0), self.changed_at + SECOND)

    # ------------------------------------------------------------------ how the API shows it

    def body(self) -> dict[str, Any]:
        """The order as GET /wp-json/wc/v3/orders/{id} would answer now."""
        return {
            "id": self.id,
            "parent_id": 0,
            "status": self.status,
            "currency": self.currency,
            "version": "9.4.2",
            "prices_include_tax": True,
            **self._date("date_created", self.placed_at),
            **self._date("date_modified", self.changed_at),
            **self._date("date_paid", self.paid_at),
            **self._date("date_completed", self.completed_at),
            "discount_total": "0.00",
            "shipping_total": "0.00",
            "total": str(self.total),
            "total_tax": "0.00",
            "customer_id": 0 if self.person.is_guest else self.person.number,
            "order_key": f"wc_order_{self.id:x}",
            "billing": self._address(True),
            "shipping": self._address(False),
            "payment_method": "cod" if self.on_delivery else "card",
            "payment_method_title": "Cash on delivery" if self.on_delivery else "Card",
            "created_via": "checkout",
            "customer_note": "",
            "number": str(self.id),
            "meta_data": [
                {"id": self.id * 100 + n, "key": key, "value": value}
                for n, (key, value) in enumerate(self.meta.items())
            ],
            "line_items": [self._line(n, *line) for n, line in enumerate(self.goods)],
            "shipping_lines": [
                {"id": self.id * 100 + 90, "method_id": "flat_rate", "total": "0.00"}
            ],
            "fee_lines": [],
            "coupon_lines": [],
            "refunds": self.refunds,
            "payment_url": f"{self.shop}/checkout/order-pay/{self.id}/?pay_for_order=true",
            "needs_payment": self.status in ("pending", "failed"),
            "needs_processing": True,
        }

    def _date(self, name: str, at: datetime | None) -> dict[str, str | None]:
        if at is None:
            return {name: None, f"{name}_gmt": None}
        local, gmt = at.astimezone(self.zone), at.astimezone(UTC)
        return {name: f"{local:%Y-%m-%dT%H:%M:%S}", f"{name}_gmt": f"{gmt:%Y-%m-%dT%H:%M:%S}"}

    def _address(self, is_billing: bool) -> dict[str, str]:
        person = self.person
        found = {
            "first_name": person.first_name,
            "last_name": person.last_name,
            "company": "",
            "address_1": person.street,
            "address_2": "",
            "city": person.city,
            "state": person.state,
            "postcode": person.postcode,
            "country": person.country,
        }
        if is_billing:
            found |= {"email": person.email, "phone": person.typed_phone}
        return found

    def _line(self, n: int, good: Good, count: int) -> dict[str, Any]:
        total = str(good.price * count)
        return {
            "id": self.id * 100 + n,
            "name": good.name(self.person.language),
            "product_id": good.product_id,
            "variation_id": 0,
            "quantity": count,
            "subtotal": total,
            "total": total,
            "total_tax": "0.00",
            "sku": good.sku,
            "price": float(good.price),
            "meta_data": [],
        }


@dataclass
class Webhooks:
    """Posts what changed to a door."""

    session: aiohttp.ClientSession
    door: str  # http://127.0.0.1:8000/in/<token>
    secret: str
    shop: str

    async def tell(self, topic: str, order: ShopOrder) -> int:
        """One delivery of an order as it is now; the status of the answer."""
        return await self.post(topic, json.dumps(order.body(), ensure_ascii=False).encode())

    async def post(self, topic: str, body: bytes) -> int:
        """A signed delivery; 0 when nobody answered. WooCommerce does not try again either."""
        digest = hmac.new(self.secret.encode(), body, sha256).digest()
        resource, _, event = topic.partition(".")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "WooCommerce/9.4.2 Hookshot (WordPress/6.7)",
            "X-WC-Webhook-Source": f"{self.shop}/",
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Resource": resource,
            "X-WC-Webhook-Event": event,
            "X-WC-Webhook-Signature": b64encode(digest).decode(),
            "X-WC-Webhook-ID": "7",
            "X-WC-Webhook-Delivery-ID": sha256(body).hexdigest()[:32],
        }
        try:
            async with self.session.post(
                self.door, data=body, headers=headers, timeout=aiohttp.ClientTimeout(TIMEOUT_S)
            ) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0
