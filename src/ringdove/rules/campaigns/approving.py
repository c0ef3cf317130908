"""What a campaign may cost at most: it decides whether a second person has to approve it; and who
that can be. A key counts as the person who made it: nobody is two people by having a program.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ringdove.rules import texts
from ringdove.rules.campaigns.campaigns import Campaign, Plan, templates_of

# Silences that other words or another time can turn into texts.
MAY_BE_SAID = (
    "too_late", "no_hour_left", "no_allowed_hour", "no_words", "no_code", "too_long", "broken_text",
)  # fmt: skip
TEMPLATE_MEASURED = 5_000  # signs of it
MORE_BY_VALUES = 1  # parts that names, codes and links can add to a template


def against(campaign: Campaign, user_id: int | None) -> str:
    """Why this person cannot approve it; "": they can. `user_id` is None for a program."""
    if user_id is None:
        return "A person approves a campaign, on its page."
    if campaign.asked_by is None and campaign.changed_by is None:
        return (
            "A key planned it of which nobody knows whose it is: a person has to ask for approval."
        )
    if user_id in (campaign.asked_by, campaign.changed_by):
        return "A second person has to approve it: you planned it yourself."
    return ""


def against_resuming(campaign: Campaign, user_id: int | None) -> str:
    """The same of a dear one that was changed in a pause."""
    if campaign.changed_by is None:
        return "A key changed it of which nobody knows whose it is: change it on its page."
    if user_id is None or user_id == campaign.changed_by:
        return "It was changed, and costs much: a second person has to resume it."
    return ""


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
