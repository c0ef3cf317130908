"""The step that waits: for a time, until an hour or weekday, until a fact; the engine makes a
wake-up fact of it."""

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from ringdove.rules.steps.step import Kinds, Seconds, Step

Weekday = Annotated[int, Field(ge=0, le=6)]


class Wait(Step):
    """Wait `seconds`, then until `at` on one of `weekdays` by the person's clock. With `until`, go
    on as soon as one of these facts happens, and at the latest when the time is over."""

    do: Literal["wait"] = "wait"
    seconds: Seconds = 0
    after_promise: bool = Field(
        False, description="Counted from the end of the promised delivery, not from now (N9)."
    )
    at: time | None = Field(None, description="Then until it is this time of their day.")
    weekdays: Annotated[tuple[Weekday, ...], Field(max_length=7)] = Field(
        (), description="Then until one of these days; Monday is 0."
    )
    until: Kinds = Field((), description="Facts that end the wait at once.")

    def over_at(self, now: datetime, zone: ZoneInfo) -> datetime:
        """When the time is over, in UTC. An hour that a change of clocks leaves out counts as the
        one after it; one that comes twice, as the first."""
        over = now + timedelta(seconds=self.seconds)
        if self.at is None and not self.weekdays:
            return over
        local = over.astimezone(zone)
        day, clock = local.date(), self.at or local.time().replace(microsecond=0)
        for _ in range(8):
            # Through UTC: what the clock shows after a gap is a time that there is.
            moment = datetime.combine(day, clock, zone).astimezone(UTC)
            if moment >= over - timedelta(seconds=1) and self._is_its_day(day.weekday()):
                return max(moment, over)
            day += timedelta(days=1)
            clock = self.at or time(0)
        return over

    def _is_its_day(self, weekday: int) -> bool:
        return not self.weekdays or weekday in self.weekdays
