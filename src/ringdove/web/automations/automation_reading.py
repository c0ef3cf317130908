"""A form that is read field by field into data: the journey of the editor.

A field that was not in the form stays as it was; one that cannot be understood too, and what was
typed is kept beside it with what is wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from decimal import Decimal, InvalidOperation
from typing import Any

from starlette.datastructures import FormData

from ringdove.rules.automations.arranging import Raw
from ringdove.web.automations.spans import MINUTE_S
from ringdove.web.segments import segment_editor
from ringdove.web.speech import Speech

SPAN_S_MAX = 400 * 86_400


@dataclass(slots=True)
class Reading:
    """A form on its way into the data."""

    given: FormData
    typed: dict[str, str]
    errors: dict[str, str]
    say: Speech

    def text(self, name: str, into: Raw, key: str, *, most: int = 500, empty: bool = True) -> None:
        """Words; empty ones are left out, or kept to be asked for."""
        if (typed := self._typed(name)) is None:
            return
        typed = typed.replace("\x00", "").replace("\r\n", "\n").strip()[:most]
        put(into, key, typed if typed or not empty else None)

    def flag(self, name: str, into: Raw, key: str, *, usual: bool = False) -> None:
        """A box that is ticked or not; what is usual is not said."""
        is_set = name in self.given
        put(into, key, is_set if is_set != usual else None)

    def one(self, name: str, into: Raw, key: str, usual: str = "") -> None:
        """One of a list; pydantic says whether it is of it."""
        if (typed := self._typed(name)) is not None:
            put(into, key, typed if typed != usual else None)

    def some(self, name: str, into: Raw, key: str) -> None:
        """Several of a list, none where no box is ticked; the same ones in the order as before."""
        ticked = [str(one) for one in self.given.getlist(name)][:40]
        if {*ticked} != {*into.get(key, ())}:
            put(into, key, ticked or None)

    def words(self, name: str, into: Raw, key: str) -> None:
        """One a line."""
        if (typed := self._typed(name)) is not None:
            lines = [line.strip()[:200] for line in typed.replace("\x00", "").splitlines()]
            put(into, key, [line for line in lines if line][:100] or None)

    def whole(
        self, name: str, into: Raw, key: str, least: int, most: int, usual: int | None = None
    ) -> None:
        """A whole number between two ends."""

        def read(typed: str) -> Any:
            if not typed and usual is not None:
                return usual
            number = int(typed)
            if not least <= number <= most:
                raise ValueError(
                    self.say.gettext("From %(least)s to %(most)s.", least=least, most=most)
                )
            return number

        self._take(name, into, key, read, self.say.gettext("A whole number, please."))

    def span(self, name: str, into: Raw, key: str, *, optional: bool = False) -> None:
        """A number and its unit, in seconds."""

        def read(typed: str) -> Any:
            if not typed and optional:
                return None
            unit = str(self.given.get(f"{name}-unit", MINUTE_S))
            seconds = int(typed or 0) * (int(unit) if unit.isdigit() else MINUTE_S)
            if not 0 <= seconds <= SPAN_S_MAX:
                raise ValueError(self.say.gettext("This is too long."))
            return seconds

        self._take(name, into, key, read, self.say.gettext("A whole number, please."))

    def clock(self, name: str, into: Raw, key: str, *, optional: bool = True) -> None:
        """A time of the day."""

        def read(typed: str) -> Any:
            return time.fromisoformat(typed).isoformat() if typed or not optional else None

        self._take(name, into, key, read, self.say.gettext("A time like 21:00, please."))

    def range(self, name: str, into: Raw, key: str) -> None:
        """Two ends, of which one is enough."""
        if f"{name}-low" not in self.given and f"{name}-high" not in self.given:
            return
        ends: Raw = {}
        for letter, end in (("low", "at_least"), ("high", "at_most")):
            self._take(
                f"{name}-{letter}", ends, end, _amount, self.say.gettext("A number, please.")
            )
        low, high = ends.get("at_least"), ends.get("at_most")
        if low and high and Decimal(low) > Decimal(high):
            self.errors[f"{name}-low"] = self.say.gettext(
                "The first must not be more than the second."
            )
        put(into, key, ends or None)

    def tree(self, name: str, into: Raw, key: str, *, empty: Any = None) -> None:
        """A condition of the segment editor. `empty`: what stands for everybody."""
        if (typed := self._typed(name)) is None:
            return
        drawn = segment_editor.read(typed, self.say)
        if drawn.tree is None:
            self.typed[name] = typed
            self.errors[name] = drawn.trouble or self.say.gettext("This does not look right.")
            return
        asks = drawn.raw.get("leaf") not in ("all", "any") or drawn.raw.get("of")
        put(into, key, drawn.raw if asks else empty)

    def _typed(self, name: str) -> str | None:
        return str(self.given[name]) if name in self.given else None

    def _take(self, name: str, into: Raw, key: str, read: Callable[[str], Any], why: str) -> None:
        typed = self._typed(name)
        if typed is None:
            return
        try:
            put(into, key, read(typed.strip().replace("\x00", "")))
        except (ValueError, InvalidOperation) as wrong:
            is_ours = type(wrong) is ValueError and not str(wrong).startswith(
                ("invalid", "Invalid")
            )
            self.typed[name] = typed[:200]
            self.errors[name] = str(wrong) if is_ours else why


def put(into: Raw, key: str, value: Any) -> None:
    """Sets a field; None takes it away, so that the usual counts."""
    if value is None:
        into.pop(key, None)
    else:
        into[key] = value


def _amount(typed: str) -> str | None:
    if not typed:
        return None
    number = Decimal(typed.replace(",", ".").replace(" ", ""))
    if not number.is_finite() or abs(number) > 10**9:
        raise InvalidOperation
    return str(number)
