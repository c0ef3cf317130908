"""What a rehearsal of an automation came to: counted while it goes on (N2, N6).

Who, when, money, and why everyone else is out. Some texts are kept to read, the rest is numbers.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ringdove.rules.automations.rehearsing import Happened
from ringdove.rules.effects import QueueMessage

SAMPLES = 60
SAMPLES_OF_A_KIND = 12  # of one step, language and channel
REASONS_SHOWN = 40


class Sums:
    """All that is counted. `document` is what pages and programs read."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self.facts = self.people = self.broken = 0
        self._runs: Counter[str] = Counter()  # began, held_out, waits, ended
        self._steps: dict[str, Counter[str]] = defaultdict(Counter)
        self._left: dict[str, Counter[str]] = defaultdict(Counter)
        self._silent: Counter[str] = Counter()
        self._days: Counter[date] = Counter()
        self._channels: Counter[str] = Counter()
        self._languages: Counter[str] = Counter()
        self._gateways: Counter[str] = Counter()
        self._money: dict[str, Decimal] = defaultdict(Decimal)
        self._parts = self._unpriced = 0
        self._spoken_to: set[int] = set()
        self._open: set[int] = set()
        self._kinds: Counter[tuple[str, str, str]] = Counter()
        self._samples: list[dict[str, Any]] = []
        self._gifts: Counter[str] = Counter()
        self._tasks = 0

    def add(self, one: Happened) -> None:
        """Counts this."""
        match one.what:
            case "began" | "held_out":
                self._runs[one.what] += 1
                if one.what == "began":
                    self._open.add(one.run)
            case "passed":
                self._steps[one.place]["passed"] += 1
            case "ended":
                self._open.discard(one.run)
                self._runs["done" if not one.place else "ended"] += 1
                if one.place:
                    self._left[one.place][one.reason or "left"] += 1
            case "said" if one.message:
                self._said(one, one.message)
            case "silent":
                self._silent[one.reason] += 1
                self._steps[one.place]["silent"] += 1
            case "gave" if one.gift:
                self._gifts[str(one.gift.reward_id)] += 1
            case "task":
                self._tasks += 1

    def _said(self, one: Happened, message: QueueMessage) -> None:
        self._steps[one.place]["said"] += 1
        self._days[one.at.astimezone(self._zone).date()] += 1
        self._channels[message.channel] += 1
        self._languages[message.language] += 1
        self._gateways[str(message.gateway_id)] += 1
        self._spoken_to.add(message.contact_id)
        if message.channel == "sms":
            self._parts += message.parts
            if message.cost is None:
                self._unpriced += 1
            else:
                self._money[message.cost_currency] += message.cost
        kind = (one.place, message.language, message.channel)
        if len(self._samples) < SAMPLES and self._kinds[kind] < SAMPLES_OF_A_KIND:
            self._kinds[kind] += 1
            self._samples.append({
                "contact_id": message.contact_id, "at": one.at.isoformat(), "step": one.place,
                "language": message.language, "channel": message.channel,
                "subject": message.subject, "text": message.body, "parts": message.parts,
                "encoding": message.encoding,
                "cost": None if message.cost is None else str(message.cost),
                "currency": message.cost_currency,
            })  # fmt: skip

    def document(self) -> dict[str, Any]:
        """As it is stored and shown: counts by name, money as text with its currency beside it.
        `waiting`: runs that were under way when the time was over."""
        runs = self._runs
        samples = sorted(self._samples, key=lambda one: str(one["at"]))
        return {
            "facts": self.facts,
            "people": self.people,
            "broken": self.broken,
            "began": runs["began"],
            "held_out": runs["held_out"],
            "done": runs["done"],
            "ended": runs["ended"],
            "waiting": len(self._open),
            "texts": sum(self._channels.values()),
            "spoken_to": len(self._spoken_to),
            "silent": dict(self._silent.most_common(REASONS_SHOWN)),
            "steps": {
                place: {
                    "passed": self._steps[place]["passed"], "said": self._steps[place]["said"],
                    "silent": self._steps[place]["silent"],
                    "left": dict(self._left[place].most_common(REASONS_SHOWN)),
                }
                for place in sorted({*self._steps, *self._left})
            },
            "days": {day.isoformat(): n for day, n in sorted(self._days.items())},
            "channels": _plain(self._channels),
            "languages": _plain(self._languages),
            "gateways": _plain(self._gateways),
            "parts_total": self._parts,
            "unpriced": self._unpriced,
            "money": {name: str(amount) for name, amount in sorted(self._money.items())},
            "gifts": _plain(self._gifts),
            "tasks": self._tasks,
            "samples": samples,
        }  # fmt: skip


def _plain(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))
