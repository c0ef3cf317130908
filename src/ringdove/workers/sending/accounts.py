"""What the binds of one gateway share in a process: its pace, and the ids it lately got.

An operator allows so many messages a second for the account, whatever number of binds it allows.
Each bind is leased to one process and brings its share; the binds of one process spend theirs
together.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from ringdove.gateways import smpp
from ringdove.records.sending.messages import Known
from ringdove.rules.scenes import Store
from ringdove.smpp import ids
from ringdove.smpp.ids import Form, Rule
from ringdove.workers.sending.pace import Allowance

PACKETS_KEPT_PER_S: Final = 200
KNOWN_MAX: Final = 100_000
"""Ids in memory: the receipts of the last seconds, or of the last day of a small shop, find their
message without asking the database."""


@dataclass(slots=True)
class Account:
    """`hungry` is called whenever more could be said than is known of."""

    gateway_id: int
    store: Store
    settings: smpp.Settings
    hungry: Callable[[], None]
    known: Known = field(default_factory=dict)
    allowance: Allowance = field(init=False)
    binds_held: int = 0
    sent_id: Form = field(init=False)
    receipt_id: Form = field(init=False)

    def __post_init__(self) -> None:
        self._read_rule()
        self.allowance = Allowance(self.throughput_per_s)

    @property
    def throughput_per_s(self) -> float:
        """What the binds that are ours may say together."""
        return self.settings.throughput_per_s * max(1, self.binds_held) / self.settings.binds

    @property
    def keeps_packets(self) -> bool:
        return self.settings.keep_packets and self.settings.throughput_per_s <= PACKETS_KEPT_PER_S

    @property
    def is_ours(self) -> bool:
        """All its ids come to this process: what it knows of them is all there is."""
        return self.binds_held >= self.settings.binds

    def learned(self, rule: Rule) -> None:
        """From now on ids are made comparable by this rule."""
        self.settings = self.settings.model_copy(update={"id_rule": rule})
        self._read_rule()

    def _read_rule(self) -> None:
        rule = self.settings.id_rule
        self.sent_id, self.receipt_id = ids.sent_form(rule), ids.receipt_form(rule)

    def hold(self, change: int) -> None:
        """One more bind is ours (1), or one less (-1)."""
        if change > 0:
            self.known.clear()  # another process may have got the same ids since
        self.binds_held += change
        self.allowance.pace(self.throughput_per_s)

    def forget_old(self) -> None:
        """Keeps what is remembered within bounds."""
        if len(self.known) > KNOWN_MAX:
            for provider_id in list(islice(self.known, KNOWN_MAX // 2)):
                del self.known[provider_id]
