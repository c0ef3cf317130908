"""WooCommerce bodies as facts: every status, every repeat, every kind of dirt."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules.facts import Fact
from ringdove.stores import woocommerce
from ringdove.stores.edge import BodyUnreadable, Nothing, SignatureWrong, TopicUnknown
from ringdove.stores.woocommerce import Settings

PAYLOADS = {
    path.stem: path.read_bytes() for path in (Path(__file__).parent / "woocommerce").glob("*.json")
}
NOW = datetime(2026, 3, 20, tzinfo=UTC)
SECRETS = {"webhook_secret": "geheim"}


def heard(name: str, body: bytes | None = None, topic: str = "", **settings: Any) -> Any:
    topic = topic or name.partition("_")[0] + ".updated"
    headers = {"x-wc-webhook-topic": topic}
    return woocommerce.read(headers, body or PAYLOADS[name], Settings(**settings), "BY", NOW)


def found(name: str, **settings: Any) -> dict[str, Fact]:
    answer = heard(name, **settings)
    assert isinstance(answer, list), answer
    return {fact.id: fact for fact in answer}


SAID = {
    "order_pending": ["order/42/placed"],
    "order_processing": [
        "order/42/placed", "order/42/changed/2026-03-10T09:17:40", "order/42/paid",
    ],
    "order_promised": [
        "order/42/placed", "order/42/changed/2026-03-10T13:02:00", "order/42/paid",
        "order/42/invoice/2026-0042", "order/42/delivery/20260312T1000/20260312T1400",
    ],
    "order_promise_moved": [
        "order/42/placed", "order/42/changed/2026-03-11T07:00:00", "order/42/paid",
        "order/42/invoice/2026-0042",
        "order/42/delivery/20260313T1000/20260313T1400/20260312T1000",
    ],
    "order_completed": [
        "order/42/placed", "order/42/changed/2026-03-11T08:30:00", "order/42/paid",
        "order/42/invoice/2026-0042",
        "order/42/delivery/20260313T1000/20260313T1400/20260312T1000",
        "order/42/parcel/accepted/PC123456789BY",
    ],
    "order_out_for_delivery": [
        "order/42/placed", "order/42/changed/2026-03-13T06:10:00", "order/42/paid",
        "order/42/invoice/2026-0042",
        "order/42/delivery/20260313T1000/20260313T1400/20260312T1000",
        "order/42/parcel/out_for_delivery/PC123456789BY",
    ],
    "order_delivered": [
        "order/42/placed", "order/42/changed/2026-03-13T10:41:00", "order/42/paid",
        "order/42/invoice/2026-0042",
        "order/42/delivery/20260313T1000/20260313T1400/20260312T1000",
        "order/42/parcel/delivered/PC123456789BY",
    ],
    "order_return_requested": [
        "order/42/placed", "order/42/changed/2026-03-15T08:00:00", "order/42/paid",
        "order/42/invoice/2026-0042",
        "order/42/delivery/20260313T1000/20260313T1400/20260312T1000",
        "order/42/return/opened",
    ],
    "order_refunded": [
        "order/42/placed", "order/42/changed/2026-03-18T11:00:00", "order/42/paid",
        "order/42/invoice/2026-0042",
        "order/42/delivery/20260313T1000/20260313T1400/20260312T1000",
        "order/42/refund/77", "order/42/refund/78",
    ],
    "order_cod": ["order/43/placed", "order/43/changed/2026-03-10T09:15:05"],
    "order_on_hold": ["order/44/placed"],
    "order_failed": [
        "order/45/placed", "order/45/changed/2026-03-10T09:16:30", "order/45/payment-failed",
    ],
    "order_cancelled": [
        "order/46/placed", "order/46/changed/2026-03-10T10:16:00", "order/46/cancelled",
    ],
    "order_pickup": [
        "order/47/placed", "order/47/changed/2026-03-12T09:00:00", "order/47/paid",
        "order/47/parcel/at_pickup_point",
    ],
    "order_guest_italy": ["order/48/placed", "order/48/paid"],
    "order_trash": ["order/50/removed"],
    "customer_updated": ["customer/17/2026-03-10T09:14:00"],
    "product_updated": ["product/301/2026-03-09T07:00:00"],
}  # fmt: skip
SILENT = {"order_draft", "order_deleted"}


@pytest.mark.parametrize("name", sorted(SAID))
def test_a_body_tells_all_that_it_implies(name: str) -> None:
    """R55-R61, R63, R64, R69, R70."""
    assert list(found(name)) == SAID[name]


def test_every_recorded_body_has_its_case() -> None:
    assert set(PAYLOADS) == set(SAID) | SILENT


def test_an_order_is_read_whole() -> None:
    """R91: the phone as it was typed, with the country that reads it."""
    order: Any = found("order_pending", consent_words="Да, присылайте акции")["order/42/placed"]
    assert order.at == datetime(2026, 3, 10, 9, 15, 4, tzinfo=UTC)
    order = order.order
    assert (order.number, order.currency, str(order.total)) == ("42", "BYN", "126.90")
    assert order.customer.phone == "8 (029) 111-22-33"
    assert (order.customer.country, order.customer.language) == ("BY", "ru")
    assert (order.customer.name, order.customer.account) == ("Анна Ковалёва", "17")
    assert [(line.name, str(line.price), line.sku) for line in order.lines] == [
        ("Чайник «Утро» & ситечко", "79.90", "TEA-301"),
        ("Кружка", "20.00", "302"),
    ]
    assert order.payment_due and order.payment_url.startswith("https://shop.example/checkout/")
    assert order.consent.marketing and order.consent.words == "Да, присылайте акции"


def test_a_tick_without_its_words_is_no_consent() -> None:
    """R1, R3."""
    placed: Any = found("order_pending")["order/42/placed"]
    assert placed.order.consent is None


def test_a_guest_without_email_is_read_with_the_orders_country() -> None:
    """P9."""
    customer: Any = found("order_guest_italy")["order/48/placed"]
    customer = customer.order.customer
    assert (customer.phone, customer.country, customer.email) == ("333 1234567", "IT", "")
    assert customer.account == "" and customer.language == "it"


def test_payment_on_delivery_is_neither_paid_nor_awaited() -> None:
    """R64: WooCommerce dates such an order as paid; nobody has paid, and nobody is to be asked."""
    placed: Any = found("order_cod")["order/43/placed"]
    assert not placed.order.payment_due and not placed.order.payment_url


def test_a_bank_transfer_is_awaited() -> None:
    placed: Any = found("order_on_hold")["order/44/placed"]
    assert placed.order.payment_due


def test_money_of_a_payment_on_delivery_comes_with_the_parcel() -> None:
    body = json.loads(PAYLOADS["order_cod"]) | {"status": "delivered"}
    kinds = [fact.kind for fact in heard("order_cod", json.dumps(body).encode())]
    assert kinds[-2:] == ["payment.received", "parcel.moved"]


def test_the_parcel_carries_number_carrier_and_link() -> None:
    """R57."""
    moved: Any = found("order_completed")["order/42/parcel/accepted/PC123456789BY"]
    assert (moved.state, moved.parcel, moved.number) == ("accepted", "", "PC123456789BY")
    assert (moved.carrier, moved.url) == (
        "Белпочта", "https://track.example/?n=PC123456789BY",
    )  # fmt: skip
    assert moved.at == datetime(2026, 3, 11, 8, 30, tzinfo=UTC)


def test_completed_can_mean_delivered_and_statuses_can_be_taught() -> None:
    moved = found("order_completed", completed_means="delivered")
    assert "order/42/parcel/delivered/PC123456789BY" in moved
    taught = found("order_failed", statuses="wc-failed = parcel:customs\nx=nothing")
    assert "order/45/parcel/customs" in taught


@pytest.mark.parametrize("statuses", [{"a": "flown away"}, "a = flown away", "just words"])
def test_an_unknown_meaning_is_refused(statuses: Any) -> None:
    with pytest.raises(ValueError, match="not known"):
        Settings(statuses=statuses)


def test_an_order_fetched_in_the_shop_is_not_shipped() -> None:
    body = json.loads(PAYLOADS["order_completed"])
    body["shipping_lines"][0]["method_id"] = "local_pickup"
    ids = [fact.id for fact in heard("order_completed", json.dumps(body).encode())]
    assert "order/42/parcel/delivered/PC123456789BY" in ids
    body |= {"shipping_lines": [], "needs_processing": False}
    ids = [fact.id for fact in heard("order_completed", json.dumps(body).encode())]
    assert not any("parcel" in one for one in ids)


def test_the_promise_is_read_in_the_shops_own_time() -> None:
    """R60, R61."""
    promise: Any = found("order_promise_moved")[SAID["order_promise_moved"][-1]]
    assert promise.promised_from == datetime(2026, 3, 13, 7, tzinfo=UTC)
    assert promise.promised_until == datetime(2026, 3, 13, 11, tzinfo=UTC)
    assert promise.before_from == datetime(2026, 3, 12, 7, tzinfo=UTC)
    zoned: Any = next(
        fact
        for fact in heard("order_promised", time_zone="Europe/Madrid")
        if fact.kind == "delivery.promised"
    )
    assert zoned.promised_from == datetime(2026, 3, 12, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "hours", "expected"),
    [
        ("2026-03-12", "", "2026-03-11T21:00+00:00"),
        ("12.03.2026", "9", "2026-03-12T06:00+00:00"),
        ("12/03/2026", "2 pm", "2026-03-12T11:00+00:00"),
        ("20260312", "09:30:00", "2026-03-12T06:30+00:00"),
        ("2026-03-12T18:00:00+01:00", "", "2026-03-12T17:00+00:00"),
        (1773306000, "", "2026-03-12T09:00+00:00"),
        ("1773306000", "", "2026-03-12T09:00+00:00"),
        ("soon", "", None),
        ("0000-00-00", "", None),
        ({"value": "2026-03-12 10:00"}, "", "2026-03-12T07:00+00:00"),
    ],
)
def test_delivery_dates_come_in_many_forms(value: Any, hours: str, expected: str | None) -> None:
    body = json.loads(PAYLOADS["order_pending"])
    body["meta_data"] += [
        {"key": "_orddd_timestamp", "value": value},
        {"key": "_delivery_time_from", "value": hours},
    ]
    promises = [
        fact.promised_from.astimezone(UTC).isoformat(timespec="minutes")
        for fact in heard("order_pending", json.dumps(body).encode())
        if fact.kind == "delivery.promised"
    ]
    assert promises == ([expected] if expected else [])


def test_the_number_typed_in_later_is_the_same_parcel() -> None:
    body = json.loads(PAYLOADS["order_completed"])
    body["meta_data"] = [
        one for one in body["meta_data"] if one["key"] != "_wc_shipment_tracking_items"
    ]
    bare = heard("order_completed", json.dumps(body).encode())[-1]
    tracked: Any = found("order_completed")["order/42/parcel/accepted/PC123456789BY"]
    assert (bare.id, bare.parcel) == ("order/42/parcel/accepted", "")
    assert (bare.subject(), bare.at, bare.parcel) == (
        tracked.subject(), tracked.at, tracked.parcel,
    )  # fmt: skip


def test_what_says_nothing() -> None:
    """Field notes: a ping, a draft, a deletion, a topic of others."""
    settings = Settings()
    ping = woocommerce.read({}, b"webhook_id=3", settings, "BY", NOW)
    assert isinstance(ping, Nothing) and "ping" in ping.reason
    assert woocommerce.verify({}, b"webhook_id=3", SECRETS, NOW) is None
    assert isinstance(heard("order_draft"), Nothing)
    assert isinstance(heard("order_draft", topic="coupon.created"), Nothing)
    (removed,) = heard("order_deleted", topic="order.deleted")
    assert (removed.id, removed.kind, removed.at) == ("order/42/removed", "order.removed", NOW)


def test_customers_and_products() -> None:
    (customer,) = heard("customer_updated", consent_words="Акции по SMS")
    assert customer.customer.account == "17" and customer.consent.marketing
    (product,) = heard("product_updated")
    assert (product.sku, product.category, product.stock) == ("TEA-301", "Посуда", 8)


# ------------------------------------------------------------------ P8

LIFE = [name for name in SAID if name.startswith("order_") and SAID[name][0].startswith("order/42")]


def told(bodies: Iterable[bytes]) -> dict[str, Fact]:
    """What is written when each id is written once, as records/facts.write does."""
    written: dict[str, Fact] = {}
    for body in bodies:
        answer = heard("order", body)
        assert isinstance(answer, list), answer
        for fact in answer:
            written.setdefault(fact.id, fact)
    return written


def newest(written: dict[str, Fact]) -> Any:
    snapshots = [fact.order for fact in written.values() if hasattr(fact.order, "lines")]  # type: ignore[attr-defined]
    return max(snapshots, key=lambda order: order.changed_at)


@pytest.mark.slow
@given(st.data())
def test_shuffled_doubled_and_batched_bodies_tell_the_same(data: st.DataObject) -> None:
    """P8."""
    in_order = told(PAYLOADS[name] for name in LIFE)
    names = data.draw(st.permutations(LIFE)) + data.draw(st.lists(st.sampled_from(LIFE)))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(names) - 1))))
    batches = [names[a:b] for a, b in zip([0, *cuts], [*cuts, len(names)], strict=True)]
    bodies = [b"[" + b",".join(PAYLOADS[name] for name in batch) + b"]" for batch in batches]
    mixed = told(bodies)
    assert set(mixed) == set(in_order)
    assert newest(mixed) == newest(in_order)
    for key, fact in in_order.items():
        if "placed" not in key and "delivery" not in key and "invoice" not in key:
            assert mixed[key] == fact, key


# ------------------------------------------------------------------ whatever the bytes are

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner),
    max_leaves=20,
)
FIELDS = sorted(json.loads(PAYLOADS["order_completed"]))
TOPICS = ["order.created", "order.deleted", "customer.updated", "product.updated", "", "x", "order"]


@pytest.mark.slow
@given(st.sampled_from(TOPICS), JSON | st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_json_is_read_or_refused(topic: str, body: Any) -> None:
    """P11: nothing is raised, whatever comes."""
    answer = woocommerce.read(
        {"x-wc-webhook-topic": topic}, json.dumps(body).encode(), Settings(), "BY", NOW
    )
    assert isinstance(answer, list | Nothing | BodyUnreadable | TopicUnknown)


@given(st.sampled_from(FIELDS), JSON, st.sampled_from(FIELDS), JSON)
def test_an_order_with_any_field_spoilt_is_read_or_refused(
    one: str, first: Any, two: str, second: Any
) -> None:
    """P11, and what is read can be written: no NUL, no half signs, and it reads back."""
    spoilt = json.loads(PAYLOADS["order_completed"]) | {one: first, two: second}
    answer = heard("order", json.dumps(spoilt).encode())
    assert isinstance(answer, list | Nothing | BodyUnreadable)
    for fact in answer if isinstance(answer, list) else []:
        assert type(fact).model_validate_json(fact.model_dump_json()) == fact
        assert "\\u0000" not in fact.model_dump_json()


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"null", b"[1]", b"[" * 100_000, b'{"id": NaN}', b'{"id": 7}',
     b'{"id": 0, "status": "pending"}', b'{"id": "\\u0000", "status": "pending"}'],
)  # fmt: skip
def test_garbage_is_refused_in_words(body: bytes) -> None:
    answer = woocommerce.read({"x-wc-webhook-topic": "order.created"}, body, Settings(), "BY", NOW)
    assert isinstance(answer, BodyUnreadable) and answer.detail.endswith(".")


def test_signs_that_a_database_cannot_keep_are_taken_out() -> None:
    body = json.loads(PAYLOADS["order_pending"])
    body["billing"]["first_name"] = "An\x00na\ud83d"
    placed = heard("order", json.dumps(body).encode())[0]
    assert placed.order.customer.name == "An na Ковалёва"


def test_a_body_without_topic_is_known_by_its_shape() -> None:
    bare = woocommerce.read({}, PAYLOADS["order_pending"], Settings(), "BY", NOW)
    assert isinstance(bare, list) and bare[0].id == "order/42/placed"
    unknown = woocommerce.read({}, b'{"id": 4}', Settings(), "BY", NOW)
    assert isinstance(unknown, TopicUnknown)


# ------------------------------------------------------------------ who says it


def test_the_signature_is_checked_and_fails_closed() -> None:
    """P8."""
    body = PAYLOADS["order_pending"]
    right = {"x-wc-webhook-signature": woocommerce.sign(body, "geheim")}
    assert woocommerce.verify(right, body, SECRETS, NOW) is None
    for headers, text, secrets in (
        (right, body + b" ", SECRETS),
        (right, body, {"webhook_secret": "other"}),
        (right, body, {"webhook_secret": ""}),
        (right, body, {}),
        ({}, body, SECRETS),
        ({"x-wc-webhook-signature": "é not base64"}, body, SECRETS),
        ({"x-wc-webhook-topic": "order.created"}, b"webhook_id=3", SECRETS),
        ({}, b"webhook_id=3&id=4", SECRETS),
    ):
        assert isinstance(woocommerce.verify(headers, text, secrets, NOW), SignatureWrong)


def test_the_signature_is_what_woocommerce_makes() -> None:
    # printf '{"id":42}' | openssl dgst -sha256 -hmac geheim -binary | base64
    assert woocommerce.sign(b'{"id":42}', "geheim") == EXPECTED_SIGNATURE


EXPECTED_SIGNATURE = "VwwfI3eq/ZwP/TQ/vezWcIu3Wv4fYMkopS1RD3XGVp0="


def test_orders_of_long_ago_keep_their_time() -> None:
    body = json.loads(PAYLOADS["order_pending"]) | {"date_created_gmt": "2019-01-01T00:00:00"}
    placed = heard("order", json.dumps(body).encode())[0]
    assert placed.at < NOW - timedelta(days=2000)
