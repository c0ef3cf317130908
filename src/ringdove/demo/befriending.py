"""Customers of the past who told a friend, and friends who came and bought."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ringdove.demo.chance import Chance
from ringdove.demo.rows import Keyed, Known, Rows
from ringdove.rules.consent import suppression

LATELY = timedelta(days=85)
INVITERS, SHARE, ONLY_LOOKED = 60, 0.1, 25


def invite(rows: Rows, keyed: Keyed, known: Sequence[Known]) -> None:
    """Some of the newest customers came because somebody sent them a link."""
    chance, since = Chance("befriending"), rows.now - LATELY
    old = [who for who in known if who.created_at < since and who.orders > 1 and who.phone]
    inviters = [chance.one_of(old) for _ in range(INVITERS)] if old else []
    if not inviters:
        return
    for who in known:
        if who.created_at >= since and who.phone and who.last_order_at and chance.happens(SHARE):
            at = who.created_at - chance.span(600, 3 * 86_400)
            _put(rows, keyed, chance.one_of(inviters), who.phone, at, who)
    for n in range(ONLY_LOOKED):
        at = rows.now - chance.span(3_600, LATELY.total_seconds())
        _put(rows, keyed, chance.one_of(inviters), f"+3752500{n:05}", at, None)


def _put(
    rows: Rows, keyed: Keyed, inviter: Known, phone: str, at: datetime, friend: Known | None
) -> None:
    digest = keyed(rows.store.id, suppression.hashed("phone", phone))
    bucket = rows.bucket(f"friend/{digest}")
    bought_at = friend.created_at if friend else None
    rows.put(
        "friend_invitation", bucket, digest, rows.id_at(bucket, at), inviter.id, "link", at,
        bought_at,
    )  # fmt: skip
