"""What a campaign does or would do, counted while its messages are made (N2, N6).

The same messages as those of the run, only counted: how many by reason, variant, language, hour,
gateway, parts and price, and some texts to read. Memory does not grow with the audience.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from ringdove.rules.campaigns.campaign_texts import Made

SAMPLES = 20
SAMPLES_OF_A_KIND = 4  # of one variant, language and channel
QUEUED = "queued"


@dataclass(slots=True)
class Sums:
    """All that is counted. `document` is what pages and programs read."""

    people: int = 0
    _outcomes: Counter[tuple[int, str, str, str]] = field(default_factory=Counter)
    _hours: Counter[datetime] = field(default_factory=Counter)
    # Gateway, currency, price and dearest price of a part, parts: texts.
    _carried: Counter[tuple[int, str, Decimal | None, Decimal | None, int]] = field(
        default_factory=Counter
    )
    _unpriced: int = 0  # texts to places that no list names; letters cost nothing
    _kinds: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    _samples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, made: Iterable[Made]) -> None:
        """Counts these."""
        for _, wish, told, text in made:
            state, reason, due_at, _ = told.outcome
            what = QUEUED if state == "waiting" else reason
            self._outcomes[wish.variant, wish.language, wish.channel, what] += 1
            if state != "waiting":
                continue
            carrier = wish.carrier
            assert carrier.way is not None
            self._hours[due_at.replace(minute=0, second=0, microsecond=0)] += 1
            priced = (carrier.per_part, carrier.dearest) if text.encoding else (None, None)
            self._unpriced += bool(text.encoding) and carrier.per_part is None
            key = (carrier.way.gateway.id, carrier.currency, *priced, text.parts)
            self._carried[key] += 1
            kind = (wish.variant, wish.language, wish.channel)
            if len(self._samples) < SAMPLES and self._kinds[kind] < SAMPLES_OF_A_KIND:
                self._kinds[kind] += 1
                self._samples.append({
                    "contact_id": wish.person.id, "variant": wish.variant,
                    "language": wish.language, "channel": wish.channel, "subject": text.subject,
                    "text": text.body, "parts": text.parts, "encoding": text.encoding,
                    "due_at": due_at.isoformat(),
                })  # fmt: skip

    def document(self, store_currency: str) -> dict[str, Any]:
        """As it is stored and shown: counts by name, money as text with its currency beside it."""
        typical, worst = self._money()
        most = [worst[store_currency]] if store_currency in worst else list(worst.values())
        carried = self._carried.items()
        return {
            "people": self.people,
            "queued": sum(n for (*_, what), n in self._outcomes.items() if what == QUEUED),
            "reasons": _summed((what, n) for (*_, what), n in self._outcomes.items()
                               if what != QUEUED),
            "variants": self._by(0),
            "languages": self._by(1),
            "channels": self._by(2),
            "hours": {at.isoformat(): n for at, n in sorted(self._hours.items())},
            "gateways": _summed((str(gateway), n) for (gateway, *_), n in carried),
            "parts": _summed((str(parts), n) for (*_, parts), n in carried),
            "parts_total": sum(parts * n for (*_, parts), n in carried),
            "unpriced": self._unpriced,
            "money": {currency: str(amount) for currency, amount in sorted(typical.items())},
            "money_worst": {currency: str(amount) for currency, amount in sorted(worst.items())},
            "worst": str(max(most, default=Decimal(0))),
            "samples": self._samples,
        }  # fmt: skip

    def _by(self, place: int) -> dict[str, dict[str, int]]:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for key, n in self._outcomes.items():
            found[str(key[place])][key[3]] += n
        return {name: dict(sorted(counts.items())) for name, counts in sorted(found.items())}

    def _money(self) -> tuple[Mapping[str, Decimal], Mapping[str, Decimal]]:
        """Expected, and if every text went over the dearest gateway that may be asked."""
        typical: dict[str, Decimal] = defaultdict(Decimal)
        worst: dict[str, Decimal] = defaultdict(Decimal)
        for (_, currency, price, dearest, parts), n in self._carried.items():
            if price is not None:
                typical[currency] += price * parts * n
                worst[currency] += (dearest if dearest is not None else price) * parts * n
        return typical, worst


def _summed(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for name, n in pairs:
        found[name] += n
    return dict(sorted(found.items()))
