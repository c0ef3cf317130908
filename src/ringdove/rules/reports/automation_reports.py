"""What the figures of an automation say: texts, what came of them, what it changed (R101, N3).

An automation has no end, so it is looked at over a time. Whom chance left alone is compared with
whom it was begun for, whatever became of their run: who bought while it waited counts too. Counting
is done in records/reports/automation_reports.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from ringdove.rules.reports.reports import Day, Lift, Line
from ringdove.rules.reports.trials import Group

LOOKED_ON = timedelta(days=365)  # for so long it may go on being looked at


@dataclass(frozen=True, slots=True)
class AutomationReport:
    """All figures of an automation from `since` on, as they stand at `at`. `began` and `alone` are
    people: begun for, and left alone by chance. `steps` by id, `days` of the store's clock."""

    recipe: str
    at: datetime
    since: datetime
    began: int
    alone: int
    total: Line
    steps: Mapping[str, Line]
    channels: Mapping[str, Line]
    languages: Mapping[str, Line]
    days: Sequence[Day]
    reasons: Mapping[str, int]  # why a text was not made or not sent
    lift: Lift | None  # None: nobody was left alone, or nobody begun for
    foreign: int  # claimed orders in other currencies, which are in no sum of money
    newest: Sequence[Mapping[str, Any]]  # of the orders that it claims, with the text and why
    took_s: float

    @property
    def until(self) -> datetime:
        """It goes on."""
        return self.at + LOOKED_ON

    @property
    def is_final(self) -> bool:
        """It never is."""
        return False


@dataclass(slots=True)
class Crowd:
    """People whom chance put together, while they are summed up."""

    people: int = 0
    buyers: int = 0
    total: Decimal = Decimal(0)
    squares: Decimal = Decimal(0)

    def add(self, people: int, buyers: int, total: Decimal, squares: Decimal) -> None:
        """So many more."""
        self.people += people
        self.buyers += buyers
        self.total += total
        self.squares += squares

    @property
    def group(self) -> Group:
        """For the comparison."""
        return Group(self.people, self.buyers, float(self.total), float(self.squares))
