"""Small charts as numbers that a template draws in SVG: bars of a day, a line without axes.

Pure: no clock, no request. Every chart is also readable as text (see chart macros in ui.html), so
that nothing is told by a picture alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """One column: stacked pieces from the bottom up, each (series index, y, height, value)."""

    x: float
    width: float
    label: str
    total: float
    pieces: tuple[tuple[int, float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """A chart of columns in a box of `width` × `height` units."""

    width: int
    height: int
    top: float
    marks: tuple[tuple[float, float], ...]  # (y, value) of the grid lines
    bars: tuple[Bar, ...]


GAP = 0.28
NICE = (1, 2, 3, 4, 5, 10)


def bars(
    labels: Sequence[str],
    series: Sequence[Sequence[float]],
    width: int = 720,
    height: int = 160,
) -> Bars:
    """Stacked columns, one per label; `series` are stacked in their order from the bottom."""
    totals = [sum(values) for values in zip(*series, strict=True)]
    top = nice_top(max(totals, default=0))
    step = width / max(1, len(labels))
    columns = []
    for n, label in enumerate(labels):
        pieces, y = [], float(height)
        for index, values in enumerate(series):
            tall = values[n] / top * height
            y -= tall
            if values[n]:
                pieces.append((index, round(y, 2), round(tall, 2), values[n]))
        x = round(n * step + step * GAP / 2, 2)
        columns.append(Bar(x, round(step * (1 - GAP), 2), label, totals[n], tuple(pieces)))
    marks = tuple((round(height - height * part / 2, 2), top * part / 2) for part in (1, 2))
    return Bars(width, height, top, marks, tuple(columns))


def nice_top(value: float) -> float:
    """The smallest of 2, 4, 6, 8, 10, 20 … that holds the value: grid lines are round numbers."""
    size = 1.0
    while True:
        for nice in NICE:
            if value <= 2 * nice * size:
                return 2 * nice * size
        size *= 10


def spark(values: Sequence[float], width: int = 96, height: int = 28) -> str:
    """The points of a polyline through the values, for a line without axes."""
    if not values:
        return ""
    low, high = min(values), max(values)
    reach = (high - low) or 1
    step = width / max(1, len(values) - 1)
    points = (
        f"{n * step:.1f},{height - 2 - (value - low) / reach * (height - 4):.1f}"
        for n, value in enumerate(values)
    )
    return " ".join(points)


@dataclass(frozen=True, slots=True)
class Span:
    """An interval on a line from `least` to `most`, in a box of `width` units: where its ends, its
    value and nought are."""

    width: int
    low: float
    high: float
    value: float
    nought: float
    least: float
    most: float


def span(low: float, value: float, high: float, width: int = 640) -> Span:
    """An interval around its value, with nought in the picture and a little room at both ends."""
    least, most = min(low, 0.0), max(high, 0.0)
    room = (most - least or 1.0) * 0.06
    least, most = least - room, most + room

    def place(number: float) -> float:
        return round((number - least) / (most - least) * width, 2)

    return Span(width, place(low), place(high), place(value), place(0.0), least, most)


@dataclass(frozen=True, slots=True)
class Dot:
    """A value and its interval above a label; `y` is None where there is no value."""

    x: float
    label: str
    y: float | None = None
    high: float = 0.0
    low: float = 0.0


@dataclass(frozen=True, slots=True)
class Dots:
    """Values with their intervals, side by side in a box of `width` × `height` units."""

    width: int
    height: int
    marks: tuple[tuple[float, float], ...]  # (y, value) of the grid lines
    dots: tuple[Dot, ...]


def dots(
    labels: Sequence[str],
    values: Sequence[tuple[float, float, float] | None],
    least: float,
    most: float,
    width: int = 720,
    height: int = 160,
) -> Dots:
    """One a label, each (low, value, high) on a scale from `least` to `most`."""
    step = width / max(1, len(labels))

    def place(value: float) -> float:
        return round(height - (value - least) / (most - least) * height, 2)

    found = []
    for n, (label, value) in enumerate(zip(labels, values, strict=True)):
        x = round((n + 0.5) * step, 2)
        if value is None:
            found.append(Dot(x, label))
        else:
            low, middle, high = value
            found.append(Dot(x, label, place(middle), place(high), place(low)))
    ends = (least, (least + most) / 2, most)
    return Dots(width, height, tuple((place(one), one) for one in ends), tuple(found))
