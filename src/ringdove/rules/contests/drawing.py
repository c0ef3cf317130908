"""The draw, as anybody can repeat it: a published rule over a seed that was promised beforehand.

Before the first entry the SHA-256 of a secret seed is published; when the time is over, the list of
tickets and its hash; with the draw the seed. Who wins follows from these by RULE and nothing else:
no seed can be chosen once the list is known, no entry added once the seed is. A public number of a
later day ("beacon"), if one was announced, keeps even whoever could see the seed from knowing.

The file that is published is all that `verify` needs. Another program can do the same: the rule is
eight lines of any language.
"""

import hashlib
import heapq
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from ringdove.rules.contests.contests import Contest

RULE: Final = "ringdove-draw-1"
RULE_SAID: Final = (
    "Tickets are sorted by their letters and written one a line, each line ended by a line feed "
    "(U+000A); list_sha256 is the SHA-256 of that text. The lot of a ticket is the SHA-256 of "
    '"seed/list_sha256/beacon/ticket", in lower-case hexadecimal; beacon is empty where none was '
    "announced. The tickets with the smallest lots win, the smallest first; those behind them are "
    "the substitutes, in that order."
)
_HASH = re.compile(r"[0-9a-f]{64}")


def commitment_of(seed: str) -> str:
    """What is published of a seed before anybody enters."""
    return hashlib.sha256(seed.encode()).hexdigest()


def list_hash(tickets: Sequence[str]) -> str:
    """The hash of a sorted list of tickets."""
    whole = hashlib.sha256()
    for ticket in tickets:
        whole.update(f"{ticket}\n".encode())
    return whole.hexdigest()


def drawn(tickets: Iterable[str], seed: str, hashed: str, beacon: str, places: int) -> list[str]:
    """The winning tickets, the first first, then the substitutes; `hashed`: the list's hash. Fewer
    than `places` where fewer took part."""
    begun = hashlib.sha256(f"{seed}/{hashed}/{beacon}/".encode())

    def lot(ticket: str) -> str:
        whole = begun.copy()
        whole.update(ticket.encode())
        return whole.hexdigest()

    return heapq.nsmallest(places, tickets, key=lot)


def document_of(
    contest: Contest, shop: str, tickets: Sequence[str], winning: Sequence[str]
) -> dict[str, Any]:
    """What is published once the list is closed: all that the draw follows from. Before the draw
    the seed in it is empty, and nothing is drawn."""
    return {
        "rule": RULE,
        "rule_said": RULE_SAID,
        "shop": shop,
        "contest": contest.name,
        "opened_at": _said(contest.opened_at),
        "closed_at": _said(contest.closed_at),
        "drawn_at": _said(contest.drawn_at),
        "commitment": contest.commitment,
        "entries": contest.entries,
        "list_sha256": contest.list_hash,
        "winners": contest.winners,
        "substitutes": contest.substitutes,
        "beacon": {"announced": contest.beacon, "value": contest.beacon_value},
        "seed": contest.seed,
        "drawn": list(winning),
        "tickets": list(tickets),
    }


def _said(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else ""


def verify(document: Any) -> list[str]:
    """What is wrong with a published draw, in plain words; []: it was drawn by the rule."""
    if not isinstance(document, Mapping):
        return ["This is not a published draw: it must be a JSON object."]
    if wrong := _unreadable(document):
        return wrong
    tickets, seed, found = document["tickets"], document["seed"], []
    if tickets != sorted(set(tickets)):
        found.append("The tickets are not sorted, or one is on the list twice.")
    if document["entries"] != len(tickets):
        found.append(f"The list has {len(tickets)} tickets, not {document['entries']} as it says.")
    if list_hash(tickets) != document["list_sha256"]:
        found.append("The list is not the one whose hash was published when entries were closed.")
    if commitment_of(seed) != document["commitment"]:
        found.append("The seed is not the one that was promised before entries were taken.")
    places = document["winners"] + document["substitutes"]
    by_rule = drawn(tickets, seed, document["list_sha256"], document["beacon"]["value"], places)
    if by_rule != document["drawn"]:
        found.append("The rule draws other tickets: " + (", ".join(by_rule) or "none") + ".")
    return found


def _unreadable(document: Mapping[str, Any]) -> list[str]:
    if document.get("rule") != RULE:
        return [f"The rule must be {RULE}; this file has {str(document.get('rule'))[:40]!r}."]
    if not document.get("seed"):
        return ["The seed is not published yet: the contest is not drawn."]
    kinds = {
        "seed": str, "commitment": str, "list_sha256": str, "entries": int, "winners": int,
        "substitutes": int, "tickets": list, "drawn": list, "beacon": Mapping,
    }  # fmt: skip
    wrong = [
        f"{name} is missing, or is not what it should be."
        for name, kind in kinds.items()
        if not isinstance(document.get(name), kind)
    ]
    if wrong:
        return wrong
    for name in ("tickets", "drawn"):
        if not all(isinstance(one, str) and one.isalnum() for one in document[name]):
            wrong.append(f"{name} must hold tickets: letters and digits.")
    if not isinstance(document["beacon"].get("value"), str):
        wrong.append("beacon.value is missing; it is empty where no public number was announced.")
    if not all(_HASH.fullmatch(document[name]) for name in ("commitment", "list_sha256")):
        wrong.append("commitment and list_sha256 are 64 hexadecimal digits each.")
    return wrong
