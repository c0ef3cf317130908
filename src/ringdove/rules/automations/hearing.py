"""The words with which a journey listens: a kind of fact, or a kind in one state.

A word that no fact can have would wait for ever without a word: it is refused as a typo.
"""

from collections.abc import Iterable, Mapping
from typing import Final, get_args

from ringdove.rules import facts

KINDS: Final = frozenset(facts.kinds())
# Of carts and visits it is said by rules/automations/occasions.py; of the others by the fact.
STATES: Final[Mapping[str, tuple[str, ...]]] = {
    "parcel.moved": get_args(facts.ParcelState),
    "complaint.moved": get_args(facts.ComplaintMoved.model_fields["state"].annotation),
    "survey.answered": tuple(state for state in get_args(facts.AnswerState) if state),
    "task.closed": get_args(facts.TaskClosed.model_fields["result"].annotation),
    "friend.bought": get_args(facts.FriendBought.model_fields["state"].annotation),
    "contest.won": get_args(facts.ContestWon.model_fields["state"].annotation),
    "cart.changed": ("filled", "emptied"),
    "visit.made": ("goods", "page"),
}


def mistake(words: Iterable[str]) -> str:
    """What is wrong with the first wrong one of them, for who wrote it; "": nothing."""
    for word in words:
        kind, slash, state = word.partition("/")
        if kind not in KINDS:
            return f"no fact is called {kind}: docs/facts.md lists them all"
        if slash and state not in STATES.get(kind, ()):
            known = ", ".join(STATES.get(kind, ())) or "it has none"
            return f"{kind} has no state {state}: {known}"
    return ""
