"""What a campaign may cost at most: it decides whether a second person has to approve it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ringdove.rules import texts
from ringdove.rules.campaigns import Plan, templates_of

# Silences that other words or another time can turn into texts.
MAY_BE_SAID = (
    "too_late", "no_hour_left", "no_allowed_hour", "no_words", "no_code", "too_long", "broken_text",
)  # fmt: skip
TEMPLATE_MEASURED = 5_000  # signs of it
MORE_BY_VALUES = 1  # parts that names, codes and links can add to a template


def worst(rehearsed: Mapping[str, Any], changed: Plan | None = None) -> Decimal | None:
    """The most that it may cost by its rehearsal (campaign_sums.document); None: of some texts the
    price is not known. Of several currencies the largest sum: none may hide behind another.
    `changed`: the plan that came after the rehearsal, whose texts are taken to be all as long as
    the longest."""
    if rehearsed["unpriced"]:
        return None
    most = max(map(Decimal, rehearsed["money_worst"].values()), default=Decimal(0))
    if changed is None or not rehearsed["queued"]:
        return most if changed is None else None
    silent = sum(rehearsed["reasons"].get(reason, 0) for reason in MAY_BE_SAID)
    parts = [
        texts.measure(template[:TEMPLATE_MEASURED]).parts + MORE_BY_VALUES
        for _, _, channel, template in templates_of(changed)
        if channel == "sms"
    ]
    said = int(rehearsed["queued"] + silent) * max(parts, default=1)
    return most * said / int(rehearsed["parts_total"])
