"""P4: late is dropped and counted, never delivered late; what missed its allowed hours waits for
the next ones, on the days of clock changes too."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.flows.conftest import NOON, Shop, order, parcel
from tests.records.test_messages import take


async def _counted(shop: Shop, name: str) -> int:
    (row,) = await shop.rows(
        "SELECT coalesce(sum(n), 0) AS n FROM counter WHERE name = %(n)s", n=name
    )
    return int(row["n"])


async def _ends(shop: Shop) -> dict[str, tuple[str, str]]:
    return {m["recipe"]: (m["state"], m["reason"]) for m in await shop.messages()}


def test_a_text_that_was_queued_too_long_is_dropped_and_counted(play):
    """P4, R18: the gateway was away for a day; "with the courier today" is not said tomorrow."""

    async def story(shop: Shop) -> None:
        await shop.hear(order(), parcel("out_for_delivery"), parcel("at_pickup_point"))
        await shop.answer()
        shop.later(hours=26)
        assert [t.recipient for t in await take(shop)] == ["+375291112233"]  # the pickup point
        assert await _ends(shop) == {
            "order_accepted": ("dropped", "too_late"),
            "parcel_out_for_delivery": ("dropped", "too_late"),
            "parcel_at_pickup": ("waiting", ""),
        }
        assert await _counted(shop, "dropped") == 2
        assert not await shop.rows("SELECT FROM outbox")
        assert len(await shop.rows("SELECT FROM submission")) == 1

    play(story)


def test_the_last_second_is_in_time_and_the_next_is_not(play):
    """P4: not_after itself is the last moment."""

    async def story(shop: Shop) -> None:
        await shop.hear(order("1"), order("2", customer={"phone": "+375291112244"}))
        await shop.answer()
        first, second = await shop.messages()
        shop.at = first["not_after"]
        assert [t.message_id for t in await take(shop, most=1)] == [first["id"]]
        shop.later(seconds=1)
        assert not await take(shop)
        made = {m["id"]: m["reason"] for m in await shop.messages()}
        assert made[second["id"]] == "too_late"

    play(story)


def test_a_fact_that_is_heard_too_late_makes_a_silence_with_its_reason(play):
    """P4, N2: the shop tells of yesterday's courier today."""

    async def story(shop: Shop) -> None:
        yesterday = NOON - timedelta(days=1)
        await shop.hear(order(at=yesterday), parcel("out_for_delivery", at=yesterday))
        await shop.answer()
        ends = await _ends(shop)
        assert ends["parcel_out_for_delivery"] == ("dropped", "too_late")
        assert await _counted(shop, "dropped") >= 1

    play(story)


def _unpaid(at: datetime, phone: str, country: str) -> Any:
    customer = {"phone": phone, "country": country}
    return order(at=at, payment_due=True, customer=customer)


# The shop's quiet hours are 21 to 9. Each reminder is due two hours after its order.
NIGHTS = [
    # (ordered at, phone, country, due at): plain days
    ("2026-11-18T12:00Z", "+375291112233", "BY", "2026-11-18T14:00Z"),
    ("2026-11-18T16:30Z", "+375291112233", "BY", "2026-11-19T06:00Z"),  # 21:30 in Minsk
    ("2026-11-18T19:30Z", "+393331234567", "IT", "2026-11-19T08:00Z"),  # 22:30 in Rome
    # Rome puts its clocks forward in the night to 2027-03-28, and back in that to 2026-10-25.
    ("2027-03-27T19:30Z", "+393331234567", "IT", "2027-03-28T07:00Z"),
    ("2026-10-24T19:30Z", "+393331234567", "IT", "2026-10-25T08:00Z"),
]


@pytest.mark.parametrize(("ordered", "phone", "country", "due"), NIGHTS)
def test_a_reminder_due_at_night_waits_for_nine_in_the_morning(play, ordered, phone, country, due):
    """P4, R17: in the recipient's own time, also when the clocks are changed that night."""

    async def story(shop: Shop) -> None:
        shop.at = datetime.fromisoformat(ordered)
        await shop.hear(_unpaid(shop.at, phone, country))
        await shop.answer()
        await shop.rows("WITH gone AS (DELETE FROM outbox) SELECT 1")
        shop.later(hours=2)
        await shop.answer()
        (row,) = await shop.rows("SELECT due_at FROM outbox")
        assert row["due_at"] == datetime.fromisoformat(due)
        shop.at = row["due_at"] - timedelta(seconds=1)
        assert not await take(shop)
        shop.later(seconds=1)
        assert len(await take(shop)) == 1

    play(story)


@pytest.mark.parametrize(("ordered", "phone", "country", "due"), NIGHTS[2:])
def test_a_text_that_missed_its_hours_waits_for_the_next(play, ordered, phone, country, due):
    """P4: it was due in the afternoon, the gateway came back in the night: it is not said at night,
    and not lost."""

    async def story(shop: Shop) -> None:
        shop.at = datetime.fromisoformat(ordered) - timedelta(hours=5)
        await shop.hear(_unpaid(shop.at, phone, country))
        await shop.answer()
        await shop.rows("WITH gone AS (DELETE FROM outbox) SELECT 1")
        shop.later(hours=2)
        await shop.answer()
        (row,) = await shop.rows("SELECT due_at, window_until FROM outbox")
        assert row["due_at"] == shop.at < row["window_until"]
        shop.at = row["window_until"] + timedelta(minutes=1)
        assert not await take(shop)
        (row,) = await shop.rows("SELECT due_at, window_until FROM outbox")
        assert row["due_at"] == datetime.fromisoformat(due)
        assert row["window_until"] - row["due_at"] == timedelta(hours=12)
        shop.at = row["due_at"]
        assert len(await take(shop)) == 1

    play(story)


def test_what_would_be_too_late_in_the_next_hours_is_dropped_at_once(play):
    """P4, N2: its end comes before the next morning; the silence is told as soon as it is known."""

    async def story(shop: Shop) -> None:
        shop.at = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
        await shop.hear(_unpaid(shop.at, "+375291112233", "BY"))
        await shop.answer()
        await shop.rows("WITH gone AS (DELETE FROM outbox) SELECT 1")
        shop.later(hours=2)
        await shop.answer()
        (row,) = await shop.rows("SELECT window_until FROM outbox")
        ends = row["window_until"] + timedelta(hours=3)
        for table in ("outbox", "message"):
            await shop.rows(f"UPDATE {table} SET not_after = %(e)s RETURNING 1", e=ends)
        shop.at = row["window_until"] + timedelta(minutes=1)
        assert not await take(shop)
        assert (await _ends(shop))["order_unpaid"] == ("dropped", "no_hour_left")
        assert await _counted(shop, "dropped") == 1

    play(story)
