"""The editor of segments as a piece: a form field that holds a tree as JSON, drawn as conditions.

What came is kept even when it means nothing yet, with what is wrong beside it: segment_view makes
of it what templates/segments/segment_bits.html draws, static/js/segment_editor.js changes that and
writes the JSON back into its field. A page that embeds it takes `drawing` for what it shows first
and `read` for what comes back.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from ringdove.rules.segments.segments import DEPTH_MAX, LEAVES_MAX, TREE, Node
from ringdove.web.forms import WRONG, WRONG_SOMEHOW
from ringdove.web.menu import N_
from ringdove.web.segments.segment_leaves import LEAVES
from ringdove.web.speech import Speech

JSON_MAX = 100_000
JOINS = ("all", "any")

Raw = dict[str, Any]
At = tuple[int, ...]  # where a node is: its place in each group from the root on

_WRONG: Mapping[str, str] = {
    "decimal_parsing": N_("A number, please."),
    "decimal_type": N_("A number, please."),
    "int_parsing": N_("A whole number, please."),
    "int_from_float": N_("A whole number, please."),
    "int_type": N_("Choose one of the list."),
    "greater_than_equal": N_("Not below 0, please."),
    "less_than_equal": N_("This is too much."),
    "date_from_datetime_parsing": N_("A day, please."),
    "date_parsing": N_("A day, please."),
    "too_long": N_("These are too many."),
    "literal_error": N_("Choose one of the list."),
    "value_error": N_("The first must not be more than the second."),
    "extra_forbidden": N_("It says something that this condition does not ask."),
    "union_tag_invalid": N_("Nobody knows this condition."),
}


@dataclass(slots=True)
class Drawing:
    """A tree on its way: what was typed, what it means (None: nothing yet), what is wrong with it
    by the place of the node and the path of the field ("": the node itself)."""

    raw: Raw
    tree: Node | None = None
    wrong: dict[tuple[At, str], str] = field(default_factory=dict)
    trouble: str = ""  # with the whole of it
    typed: str = ""  # what could not even be read as a tree

    @property
    def json(self) -> str:
        """The value of the form field."""
        return self.typed or json.dumps(self.raw, ensure_ascii=False, indent=2)

    def saved_segment(self) -> int | None:
        """The saved segment that all of it is, if so."""
        number = self.raw.get("segment") if self.raw.get("leaf") == "segment" else None
        return number if isinstance(number, int) else None


def drawing(tree: Node) -> Drawing:
    """A tree that is right, to be shown."""
    return Drawing(TREE.dump_python(tree, mode="json", exclude_defaults=False), tree)


def read(typed: str, say: Speech) -> Drawing:
    """What came in the form field, and what is wrong with it in the reader's words."""
    _ = say.gettext
    if len(typed) > JSON_MAX:
        return Drawing({"leaf": "all", "of": []}, trouble=_("This is too long."))
    try:
        raw = json.loads(typed) if typed.strip() else {"leaf": "all", "of": []}
    except (ValueError, RecursionError):
        raw = None
    if not isinstance(raw, dict) or not isinstance(raw.get("leaf"), str):
        why = _("This is no segment: it must be JSON as the page shows it.")
        return Drawing({"leaf": "all", "of": []}, trouble=why, typed=typed)
    drawn = Drawing(raw)
    if trouble := _size_trouble(raw, say):
        return Drawing({"leaf": "all", "of": []}, trouble=trouble, typed=typed)
    try:
        drawn.tree = TREE.validate_json(json.dumps(raw))
    except ValidationError as error:
        for one in error.errors():
            at, path = _place(raw, list(one["loc"]))
            text = _WRONG.get(one["type"]) or WRONG.get(one["type"], WRONG_SOMEHOW)
            drawn.wrong.setdefault((at, path), _(text))
    _demand(raw, say, drawn)
    if drawn.wrong:
        drawn.tree = None
        drawn.trouble = say.ngettext(
            "%(num)s condition is not right yet: see what is said beside it.",
            "%(num)s conditions are not right yet: see what is said beside them.",
            len({at for at, _path in drawn.wrong}),
        )
    return drawn


def _size_trouble(raw: Raw, say: Speech) -> str:
    depth, leaves, waiting = 0, 0, [(raw, 1)]
    while waiting:
        node, level = waiting.pop()
        depth = max(depth, level)
        inside = [one for one in below(node) if isinstance(one, dict)]
        leaves += not inside
        waiting += [(one, level + 1) for one in inside]
        if depth > DEPTH_MAX:
            return say.gettext("Groups lie too deep in each other: %(most)s levels are the most.",
                               most=DEPTH_MAX)  # fmt: skip
        if leaves > LEAVES_MAX:
            return say.gettext("%(most)s conditions are the most.", most=LEAVES_MAX)
    return ""


def below(node: Raw) -> list[Any]:
    """What lies in a node, whatever it is."""
    of = node.get("of")
    if node.get("leaf") == "not":
        return [of]
    return of if isinstance(of, list) else []


def _place(node: Raw, loc: list[Any]) -> tuple[At, str]:
    """Where an error of pydantic belongs; it names the kind of a node before what is in it."""
    at: list[int] = []
    rest = loc[1:]
    while rest and rest[0] == "of":
        if node.get("leaf") == "not":
            node, rest = node.get("of") or {}, rest[2:]
            continue
        if len(rest) < 2 or not isinstance(rest[1], int):
            break
        at.append(rest[1])
        inner = below(node)[rest[1]]
        node, rest = inner if isinstance(inner, dict) else {}, rest[3:]
    # The end of a range or a place in a list belongs to the field that holds it.
    names = [str(one) for one in rest if isinstance(one, str)]
    known = {one.path for one in LEAVES[node["leaf"]].fields} if node.get("leaf") in LEAVES else ()
    while names and ".".join(names) not in known:
        names.pop()
    return tuple(at), ".".join(names)


def _demand(raw: Raw, say: Speech, drawn: Drawing) -> None:
    """A condition in which nothing is said would hold for everybody: that is asked about."""
    for at, node in _leaves(raw, ()):
        about = LEAVES.get(str(node.get("leaf")))
        if (
            about is None
            or not about.needs
            or any(path == "" for a, path in drawn.wrong if a == at)
        ):
            continue
        if not any(value_at(node, path) not in (None, [], "", {}) for path in about.needs):
            drawn.wrong.setdefault((at, about.needs[0]), say.gettext("Please say which."))


def _leaves(node: Raw, at: At) -> Iterator[tuple[At, Raw]]:
    if node.get("leaf") == "not":
        if isinstance(node.get("of"), dict):
            yield from _leaves(node["of"], at)
    elif node.get("leaf") in JOINS:
        for n, one in enumerate(below(node)):
            if isinstance(one, dict):
                yield from _leaves(one, (*at, n))
    else:
        yield at, node


def value_at(node: Raw, path: str) -> Any:
    """What a condition holds at a path; None: nothing."""
    found: Any = node
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found
