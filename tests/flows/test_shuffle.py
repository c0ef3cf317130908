"""P8: repeats, shuffles and batches of the same facts give the same texts as once and in order."""

import asyncio
import random
from pathlib import Path

import pytest

from ringdove.rules import facts
from tests.flows.conftest import NOON, open_shop, order, paid, parcel

LIFE = [
    order("1"),
    paid("1"),
    parcel("accepted", "1"),
    parcel("out_for_delivery", "1"),
    parcel("delivered", "1"),
    order("2", payment_due=True, payment_url="https://linden.example/pay/2"),
    facts.OrderCancelled(id="order/2/cancelled", at=NOON, order="2"),
    order("3", customer={"email": "luca@example.it", "phone": "333 1234567", "country": "IT"}),
    facts.DeliveryPromised(
        id="order/3/promised", at=NOON, order="3", promised_from="2026-11-20T10:00:00Z",
        promised_until="2026-11-20T12:00:00Z", before_from="2026-11-19T10:00:00Z",
        before_until="2026-11-19T12:00:00Z",
    ),
    facts.ReturnOpened(id="order/3/return", at=NOON, order="3", return_key="r1"),
    facts.ReturnAccepted(id="order/3/returned", at=NOON, order="3", return_key="r1"),
    facts.RefundSent(id="order/3/refund", at=NOON, order="3", amount="10.00"),
    facts.InvoiceIssued(id="order/3/invoice", at=NOON, order="3", number="F-3"),
]  # fmt: skip


async def _texts(url: str, home: Path, batches: list[list[facts.Fact]], span: int) -> set:
    async with open_shop(url, home, span=span) as shop:
        for batch in batches:
            await shop.hear(*batch)
            await shop.answer()
            shop.later(seconds=6)  # facts that came before their order are tried again
            await shop.answer()
        for _ in range(3):
            shop.later(seconds=70)
            await shop.answer()
        assert not await shop.rows("SELECT FROM pending_fact WHERE parked_at IS NOT NULL")
        made = await shop.messages()
        texts = [(m["recipient"], m["recipe"], m["channel"], m["body"]) for m in made]
        assert len(texts) == len(set(texts)), "a text was made twice"
        return set(texts)


def _one_by_one(told: list[facts.Fact]) -> list[list[facts.Fact]]:
    return [[fact] for fact in told]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_shuffled_doubled_and_batched_facts_give_the_same_texts(
    database_url, another_database_url, tmp_path, seed
):
    """P8, R56: exactly one text per state of an order, whatever the shop repeats or shuffles; in
    one bucket and spread over all."""
    chance = random.Random(seed)
    shuffled = LIFE * 2
    chance.shuffle(shuffled)
    batches = _one_by_one(shuffled)
    if seed % 2:
        batches = [shuffled[n : n + 5] for n in range(0, len(shuffled), 5)]
    plain = asyncio.run(_texts(database_url, tmp_path / "a", _one_by_one(LIFE), 1))
    other = asyncio.run(
        _texts(another_database_url, tmp_path / "b", batches, 128 if seed % 3 else 1)
    )
    assert other == plain
    assert len(plain) == 5 + 2 + 7
