"""A place in a list that is read page by page, as an address holds it: a moment and an id."""

from datetime import UTC, datetime

from ringdove.records.people.lookups import NO_END


def place(at: datetime, row_id: int) -> str:
    """Behind this row the next page begins."""
    return f"{at.astimezone(UTC).isoformat().replace('+00:00', 'Z')},{row_id}"


def place_of(told: str) -> tuple[datetime, int] | None:
    """The place that an address names; None: the list's beginning, or none that is."""
    at, _, number = told.partition(",")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    if not number.isdecimal() or int(number) > NO_END or moment.tzinfo is None:
        return None
    return moment, int(number)
