"""How the id of a receipt is made comparable with the id of the response it belongs to.

Operators write the same number in two ways: hexadecimal here, decimal there, padded with zeros, in
capitals. A rule says which; `learn` finds it from what was sent and what came back, and rather says
nothing than what could match two messages to one receipt.
"""

from collections.abc import Callable, Iterable
from typing import Final, Literal, TypeAlias

Rule: TypeAlias = Literal[
    "exact", "ignore_case", "strip_zeros", "strip_zeros_ignore_case", "hex_to_dec", "dec_to_hex"
]
Form: TypeAlias = Callable[[str], str]


def _exact(number: str) -> str:
    return number


def _strip_zeros(number: str) -> str:
    return number.lstrip("0") or number[-1:]


def _bare(number: str) -> str:
    return _strip_zeros(number.lower())


def _hexadecimal(number: str) -> str:
    return _decimal(number, 16)


def _plain(number: str) -> str:
    return _decimal(number, 10)


def _decimal(number: str, base: int) -> str:
    # int() would take 1_000, +7 and other alphabets' digits as well; none of them is the same id.
    # What is not a number of that base can match only the same.
    digits = number.isascii() and number.isalnum() and len(number) <= DIGITS_MAX
    try:
        return str(int(number, base)) if digits else number
    except ValueError:
        return number


DIGITS_MAX: Final = 64
CHARS_MAX: Final = 200
"""An id is 64 octets at most (SMPP 3.4 §5.2.23). What is longer is cut, there and here."""

FORMS: Final[dict[Rule, tuple[Form, Form]]] = {
    "exact": (_exact, _exact),
    "ignore_case": (str.lower, str.lower),
    "strip_zeros": (_strip_zeros, _strip_zeros),
    "strip_zeros_ignore_case": (_bare, _bare),
    "hex_to_dec": (_hexadecimal, _plain),
    "dec_to_hex": (_plain, _hexadecimal),
}
"""Of each rule: what is made of a response's id, and of a receipt's, so that equal ones are the
same message."""


def sent_form(rule: Rule | Literal["learn"]) -> Form:
    """What to make of a response's id; nothing while the rule is still to be learned."""
    return _exact if rule == "learn" else FORMS[rule][0]


def receipt_form(rule: Rule | Literal["learn"]) -> Form:
    return _exact if rule == "learn" else FORMS[rule][1]


# ── Learning ─────────────────────────────────────────────────────────────────

MATCHES_MIN: Final = 3
"""So many receipts must agree before a rule is believed."""
RIVAL_SHARE_MAX: Final = 0.75
"""A rule that would give receipts to other messages may explain so much of what the best one does:
counting in tens, six of ten small numbers are hexadecimal ids of somebody else as well."""


def learn(sent_ids: Iterable[str], receipt_ids: Iterable[str]) -> Rule | None:
    """The only rule under which receipts belong to what was sent; None: not to be told yet.

    A rule that makes two sent ids one is out: it would give one receipt to two messages. Rules that
    lead to the same messages are the same, and the simplest is taken. Rules that lead to different
    messages (counting in hexadecimal, 16 is a number too) must be told apart by more receipts.
    """
    sent, receipts = set(sent_ids), set(receipt_ids)
    found = {rule: pairs for rule in FORMS if (pairs := _pairs(rule, sent, receipts))}
    if not found:
        return None
    best = max(found, key=lambda rule: len(found[rule]))  # of equals the first, the simplest
    pairs = found[best]
    rivals = [
        len(other)
        for other in found.values()
        if any(pairs.get(receipt, owner) != owner for receipt, owner in other.items())
    ]
    if len(pairs) < MATCHES_MIN or max(rivals, default=0) > RIVAL_SHARE_MAX * len(pairs):
        return None
    return best


def _pairs(rule: Rule, sent: set[str], receipts: set[str]) -> dict[str, str]:
    """Receipt → sent id; none at all if the rule cannot keep apart what was sent."""
    of_sent, of_receipt = FORMS[rule]
    owners = {of_sent(one): one for one in sent}
    if len(owners) < len(sent):
        return {}
    return {one: owners[form] for one in receipts if (form := of_receipt(one)) in owners}
