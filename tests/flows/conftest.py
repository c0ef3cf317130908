"""A store with a sandbox gateway, an e-mail gateway and a shop, on a clock that stands still."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from ringdove.kit import db
from ringdove.records import facts as fact_records
from ringdove.records.sending import gateways
from ringdove.records.store import stores
from ringdove.rules import facts
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime, open_runtime
from ringdove.settings import Settings
from ringdove.workers import react

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)  # a Wednesday, in the daytime of all Europe


@dataclass
class Shop:
    """A store as a test sees it."""

    runtime: Runtime
    store: Store
    sms: int
    email: int
    at: datetime = NOON

    def later(self, **span: float) -> datetime:
        """Moves the clock on."""
        self.at += timedelta(**span)
        return self.at

    async def hear(self, *told: facts.Fact) -> int:
        """Writes facts as a door does."""
        async with db.transaction(self.runtime.pool) as tx:
            return await fact_records.write(tx, self.store, 1, told, self.at, self.runtime.ids)

    async def answer(self) -> None:
        """Lets the workers answer all that is due."""
        await react.answer_due(self.runtime)

    async def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """What a query finds."""
        async with db.transaction(self.runtime.pool) as tx:
            cursor = await tx.execute(statement, values)  # type: ignore[arg-type]
            return list(await cursor.fetchall())

    async def messages(self) -> list[dict[str, Any]]:
        """All messages, in the order they were made."""
        return await self.rows("SELECT * FROM message ORDER BY id")


@asynccontextmanager
async def open_shop(
    database_url: str, home: Path, span: int = 1, **changes: Any
) -> AsyncIterator[Shop]:
    """A shop in Minsk on this database."""
    settings = Settings(home=home, database_url=database_url, database_connections_max=10)
    moment: list[Shop] = []
    async with open_runtime(settings, clock=lambda: moment[0].at if moment else NOON) as runtime:
        wishes = stores.StoreSettings(
            **{
                "name": "Linden", "country": "BY", "time_zone": "Europe/Minsk",
                "languages": ["ru", "be", "en", "it", "es"], "currency": "BYN",
                "quiet_from": time(21), "quiet_until": time(9), "website": "https://linden.example",
                "phone": "+375 17 200-00-00", "email": "hello@linden.example",
            } | changes
        )  # fmt: skip
        async with db.transaction(runtime.pool) as tx:
            store = await stores.create(tx, wishes, NOON, bucket_span=span)
            sealed = runtime.sealer.seal({"password": "sandbox"})
            sms = await gateways.create(
                tx, store_id=store.id, kind="sandbox", channel="sms", name="Virtual phones",
                settings={"sender": "+375296660000"}, secrets=sealed, now=NOON,
            )  # fmt: skip
            email = await gateways.create(
                tx, store_id=store.id, kind="smtp", channel="email", name="Mail",
                settings={"host": "127.0.0.1", "port": 1, "security": "none",
                          "sender": "Linden <orders@linden.example>"},
                secrets=runtime.sealer.seal({}), now=NOON,
            )  # fmt: skip
        shop = Shop(runtime, store, sms, email)
        moment.append(shop)
        yield shop


@pytest.fixture
def play(
    database_url: str, tmp_path: Path
) -> Callable[[Callable[[Shop], Coroutine[Any, Any, None]]], None]:
    """play(story): runs an async story(shop) in a fresh shop."""

    def run(story: Callable[[Shop], Coroutine[Any, Any, None]], **changes: Any) -> None:
        async def whole() -> None:
            async with open_shop(database_url, tmp_path, **changes) as shop:
                await story(shop)

        asyncio.run(whole())

    return run


def order(key: str = "42", **more: Any) -> facts.OrderPlaced:
    """An order placed at noon by Anna in Minsk."""
    at = more.pop("at", NOON)
    told = {
        "key": key, "number": key, "placed_at": at, "total": "59.90", "currency": "BYN",
        "customer": {"phone": "8 (029) 111-22-33", "name": "Анна Коваль", "country": "BY"},
        "lines": [{"name": "Чайник", "price": "59.90"}],
    } | more  # fmt: skip
    return facts.OrderPlaced(id=f"order/{key}/placed", at=at, order=told)


def paid(key: str = "42", at: datetime = NOON) -> facts.PaymentReceived:
    """The money for an order."""
    return facts.PaymentReceived(id=f"order/{key}/paid", at=at, order=key)


def parcel(state: str, key: str = "42", at: datetime = NOON, **more: Any) -> facts.ParcelMoved:
    """A stage of delivery."""
    return facts.ParcelMoved(
        id=f"order/{key}/parcel/{state}", at=at, order=key, state=state, **more
    )


def text(body: str, sender: str = "+375291112233", at: datetime = NOON) -> facts.TextReceived:
    """A text from a phone."""
    return facts.TextReceived(id=f"text/{body}/{at}", at=at, gateway=1, sender=sender, body=body)
