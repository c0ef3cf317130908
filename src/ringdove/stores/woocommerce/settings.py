"""What a merchant says about a WooCommerce shop, and what its order statuses mean.

The page draws its form from these lines. Status slugs are a table since plug-ins invent them; a
shop that uses a word in its own way overrides it.
"""

from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, ValidationInfo, field_validator

# "parcel:x" is a stage of rules.facts.ParcelState; "nothing" is understood and tells nothing.
STATUSES: dict[str, str] = {
    "checkout-draft": "draft", "auto-draft": "draft", "draft": "draft",
    "trash": "removed", "deleted": "removed",
    "pending": "awaiting", "on-hold": "awaiting", "pending-payment": "awaiting",
    "processing": "accepted", "packing": "accepted", "packed": "accepted",
    "paid": "paid",
    "cancelled": "cancelled", "canceled": "cancelled",
    "failed": "failed",
    "refunded": "refunded",
    "completed": "completed",
    "label-printed": "parcel:label_made", "awaiting-shipment": "parcel:label_made",
    "shipped": "parcel:accepted", "partial-shipped": "parcel:accepted",
    "partially-shipped": "parcel:accepted", "dispatched": "parcel:accepted",
    "updated-tracking": "parcel:accepted", "sent": "parcel:accepted",
    "in-transit": "parcel:in_transit", "transit": "parcel:in_transit",
    "customs": "parcel:customs", "in-customs": "parcel:customs",
    "out-for-delivery": "parcel:out_for_delivery", "driver-assigned": "parcel:out_for_delivery",
    "ready-for-pickup": "parcel:at_pickup_point", "ready-pickup": "parcel:at_pickup_point",
    "pickup": "parcel:at_pickup_point", "at-pickup-point": "parcel:at_pickup_point",
    "delivery-failed": "parcel:delivery_failed", "failed-delivery": "parcel:delivery_failed",
    "delivered": "parcel:delivered", "picked-up": "parcel:delivered",
    "returning": "parcel:returning", "return-to-sender": "parcel:returning",
    "lost": "parcel:lost",
    "return-requested": "return.opened", "return-request": "return.opened",
    "return-approved": "return.accepted", "returned": "return.accepted",
    "return-accepted": "return.accepted",
    "return-refused": "return.refused", "return-rejected": "return.refused",
}  # fmt: skip
MEANINGS = frozenset({*STATUSES.values(), "nothing"})


def _names(*default: str, title: str, description: str) -> Any:
    return Field(default, title=title, description=description, max_length=30)


def _secret(title: str, description: str, generate: bool = False) -> Any:
    extra: dict[str, Any] = {"secret": True, "generate": generate}
    return Field("", title=title, description=description, max_length=200, json_schema_extra=extra)


class Settings(BaseModel):
    """A WooCommerce shop as its merchant describes it."""

    store_url: str = Field(
        "", title="Address of the shop", description="https://shop.example", max_length=300
    )
    webhook_secret: str = _secret(
        "Webhook secret",
        "The same words stand in the field Secret of the webhooks in WooCommerce.",
        generate=True,
    )
    rest_key: str = _secret(
        "Consumer key",
        "ck_…: WooCommerce → Settings → Advanced → REST API, permission Read. Offers that make"
        " coupons in the shop need Read/Write.",
    )
    rest_secret: str = _secret("Consumer secret", "cs_…: shown there once beside the consumer key.")
    completed_means: Literal["shipped", "delivered"] = Field(
        "shipped",
        title='What "Completed" means',
        description="Most shops complete an order when the parcel leaves.",
    )
    statuses: dict[str, str] = Field(
        default_factory=dict,
        title="Other order statuses",
        description="Only where your shop differs, a line each: my-status = parcel:delivered. "
        "Meanings: " + ", ".join(sorted(MEANINGS)) + ".",
    )
    cart_links: Literal["checkout", "one", "none"] = Field(
        "checkout",
        title="Links that fill the cart",
        description="checkout: WooCommerce 10.0 or newer, with any permalinks but Plain. one: older"
        " shops, a single product without a code. Else a page of ours shows the goods one by one.",
    )
    pay_on_delivery: tuple[str, ...] = _names(
        "cod",
        title="Payment on delivery",
        description="Payment methods whose money comes with the parcel, not before.",
    )
    time_zone: str = Field(
        "",
        title="Time zone of delivery dates",
        description="IANA name. Empty: the store's.",
        max_length=60,
    )
    delivery_date_meta: tuple[str, ...] = _names(
        "_delivery_date", "delivery_date", "_orddd_timestamp",
        title="Delivery date",
        description="Order fields that hold it: a date, date and time, or a unix time.",
    )  # fmt: skip
    delivery_from_meta: tuple[str, ...] = _names(
        "_delivery_time_from", "_delivery_time", "delivery_time",
        title="Delivery from",
        description="Order fields with the first hour, or both: 10:00 - 14:00.",
    )  # fmt: skip
    delivery_until_meta: tuple[str, ...] = _names(
        "_delivery_time_until", "_delivery_time_to",
        title="Delivery until",
        description="Order fields with the last hour.",
    )  # fmt: skip
    delivery_before_meta: tuple[str, ...] = _names(
        "_delivery_date_before",
        title="Delivery date before",
        description="Order fields with the date that was promised before.",
    )
    pickup_point_meta: tuple[str, ...] = _names(
        "_pickup_point", "pickup_point", "_pickup_location", "_shipping_pickup_point",
        title="Pickup point",
        description="Order fields that name where the parcel waits.",
    )  # fmt: skip
    invoice_number_meta: tuple[str, ...] = _names(
        "_wcpdf_invoice_number", "_invoice_number", "invoice_number",
        title="Invoice number",
        description="Order fields that hold it.",
    )  # fmt: skip
    invoice_url_meta: tuple[str, ...] = _names(
        "_invoice_url", "_invoice_link", "invoice_url",
        title="Invoice link",
        description="Order fields that hold it.",
    )  # fmt: skip
    language_meta: tuple[str, ...] = _names(
        "wpml_language", "_wpml_language", "pll_language", "_pll_language", "trp_language",
        title="Customer's language",
        description="Fields of orders and customers that hold it.",
    )  # fmt: skip
    consent_meta: tuple[str, ...] = _names(
        "_sms_marketing_consent", "sms_marketing_consent", "_marketing_opt_in", "sms_optin",
        title="Consent to marketing",
        description="The box of your checkout that the customer ticks, by its field name.",
    )  # fmt: skip
    consent_words: str = Field(
        "",
        title="Words beside that box",
        description="Exactly as shown. Without them a tick is no proof and is not taken.",
        max_length=2000,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _from_form(cls, value: Any, info: ValidationInfo) -> Any:
        """A form sends lines of text where the settings hold names or a table."""
        kind = cls.model_fields[info.field_name or ""].annotation
        if not isinstance(value, str) or kind not in (tuple[str, ...], dict[str, str]):
            return value
        words = [word.strip() for word in value.replace("\n", ",").split(",") if word.strip()]
        if kind == tuple[str, ...]:
            return words
        pairs = (word.partition("=") for word in words)
        return {slug.strip(): meaning.strip() for slug, _, meaning in pairs}

    @field_validator("statuses")
    @classmethod
    def _known_meanings(cls, statuses: dict[str, str]) -> dict[str, str]:
        for slug, meaning in statuses.items():
            if meaning not in MEANINGS:
                raise ValueError(f"{slug} = {meaning}: this meaning is not known")
        return {slug.lower().removeprefix("wc-"): meaning for slug, meaning in statuses.items()}

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            return ZoneInfo(name).key if name else name
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{name}: this time zone is not known") from None

    def meaning(self, status: str) -> str:
        """What an order status means in this shop."""
        slug = status.lower().removeprefix("wc-")
        means = self.statuses.get(slug) or STATUSES.get(slug, "nothing")
        if means != "completed":
            return means
        return "parcel:delivered" if self.completed_means == "delivered" else "parcel:accepted"

    @property
    def can_catch_up(self) -> bool:
        """Whether there is all that history() needs."""
        return bool(self.store_url and self.rest_key and self.rest_secret)
