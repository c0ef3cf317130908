"""The hour at which a person is usually there, from their visits (R16).

Hours are those of the store's clock, 0 to 23. Whoever lives elsewhere and comes at eight in their
evening comes at the same hour of the store's clock too; their night is kept by
rules/consent/hours.py. An hour counts once however many pages were looked at in it, so one long
look is one visit here. Nothing is told of who came seldom or evenly: then the whole shop's hour is
the better guess.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

HOURS: Final = 24
COUNT_MAX: Final = 255  # an octet each: past it an hour is not told from another as often used
NONE: Final = b""
# A visit speaks for its hour, and half as loud for the hour before and after: at 19:58 and 20:02 is
# the same habit. In halves, so that all stays in whole numbers.
OWN_VOICE: Final = 2
ENOUGH: Final = 3 * OWN_VOICE  # as three visits in one hour; fewer may be chance
EVEN_TIMES: Final = 2  # as loud as an even spread over the day would be


def begin_of(at: datetime, zone: ZoneInfo) -> datetime:
    """When the hour of the store's clock began in which this moment lies."""
    local = at.astimezone(zone)
    return at - timedelta(
        minutes=local.minute, seconds=local.second, microseconds=local.microsecond
    )


def hour_of(at: datetime, zone: ZoneInfo) -> int:
    """Which hour the store's clock shows."""
    return at.astimezone(zone).hour


def counted(hours: Iterable[int]) -> bytes:
    """As they are kept: an octet for each hour of the clock."""
    return added(NONE, hours)


def added(kept: bytes, hours: Iterable[int]) -> bytes:
    """With some more hours in which the person was there."""
    counts = bytearray(kept or bytes(HOURS))
    for hour in hours:
        counts[hour] = min(COUNT_MAX, counts[hour] + 1)
    return bytes(counts) if any(counts) else NONE


def own(kept: bytes) -> int | None:
    """The hour of the person's own; None: nothing says one, take the shop's.

    Of equally loud ones the earlier."""
    voices = _voices(kept)
    loudest = max(voices, default=0)
    even = sum(kept) * 2 * OWN_VOICE / HOURS
    if loudest < ENOUGH or loudest < EVEN_TIMES * even:
        return None
    return voices.index(loudest)


def of_shop(visits: Mapping[int, int]) -> int | None:
    """The loudest hour of all who came, from visits by hour; None: nobody came yet."""
    if not visits:
        return None
    voices = _voices([visits.get(hour, 0) for hour in range(HOURS)])
    return voices.index(max(voices))


def _voices(counts: Sequence[int]) -> list[int]:
    around = range(len(counts))
    return [OWN_VOICE * counts[n] + counts[n - 1] + counts[(n + 1) % len(counts)] for n in around]
