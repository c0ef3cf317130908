"""How a tree is drawn as conditions with fields: what stands in each, and what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ringdove.web.segments.segment_editor import JOINS, At, Drawing, Raw, below, value_at
from ringdove.web.segments.segment_leaves import GROUPS, LEAVES, Field, Leaf, Mode
from ringdove.web.segments.segment_names import Choices, label
from ringdove.web.speech import Speech


@dataclass(frozen=True, slots=True)
class FieldView:
    """A field of a condition with what is in it."""

    about: Field
    mode: Mode | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)  # a to d: as typed
    words: Sequence[tuple[str, str]] = ()  # value and what it is called
    chosen: frozenset[str] = frozenset()
    options: Sequence[tuple[str, str]] = ()
    wrong: str = ""
    is_open: bool = True
    is_fitting: bool = True  # of an own field: whether this one belongs to its kind


@dataclass(frozen=True, slots=True)
class NodeView:
    """A group of conditions, or one."""

    join: str = ""  # all, any; "": one condition
    is_left_out: bool = False
    nodes: tuple["NodeView", ...] = ()
    leaf: Leaf | None = None
    fields: tuple[FieldView, ...] = ()
    wrong: str = ""


def view(drawn: Drawing, say: Speech, choices: Choices) -> NodeView:
    """The tree as the page draws it: the root is always a group."""
    raw = drawn.raw
    if raw.get("leaf") not in JOINS:
        raw = {"leaf": "all", "of": [raw]}
        moved = {((0, *at), path): why for (at, path), why in drawn.wrong.items()}
        drawn = Drawing(raw, drawn.tree, moved)
    return _node(raw, (), drawn, say, choices, is_left_out=False)


def shared(say: Speech, choices: Choices) -> dict[str, Any]:
    """What a page with editors is drawn with besides: all conditions by groups, as new ones."""
    return {
        "segment_choices": choices,
        "segment_groups": kit(say, choices),
        "segment_new_group": NodeView("all"),
    }


def fresh(leaf: Leaf, say: Speech, choices: Choices) -> NodeView:
    """A new condition, as it is added."""
    return _node({"leaf": leaf.leaf, **leaf.start}, (), Drawing({}), say, choices,
                 is_left_out=False)  # fmt: skip


def kit(say: Speech, choices: Choices) -> list[tuple[str, list[tuple[Leaf, NodeView]]]]:
    """All conditions by their groups, as a page offers them."""
    return [(title, [(leaf, fresh(leaf, say, choices)) for leaf in some]) for title, some in GROUPS]


def _node(
    raw: Raw, at: At, drawn: Drawing, say: Speech, choices: Choices, *, is_left_out: bool
) -> NodeView:
    if raw.get("leaf") == "not" and isinstance(raw.get("of"), dict):
        return _node(raw["of"], at, drawn, say, choices, is_left_out=not is_left_out)
    wrong = drawn.wrong.get((at, ""), "")
    if raw.get("leaf") in JOINS:
        inside = tuple(
            _node(one if isinstance(one, dict) else {}, (*at, n), drawn, say, choices,
                  is_left_out=False)
            for n, one in enumerate(below(raw))
        )  # fmt: skip
        return NodeView(str(raw["leaf"]), is_left_out, inside, wrong=wrong)
    leaf = LEAVES.get(str(raw.get("leaf")))
    if leaf is None:
        return NodeView(wrong=wrong or say.gettext("Nobody knows this condition."))
    kind = choices.names.fields[raw["key"]].kind if raw.get("key") in choices.names.fields else ""
    fields = tuple(
        _field(one, value_at(raw, one.path), drawn.wrong.get((at, one.path), ""), say, choices,
               kind if leaf.leaf == "field" else "")
        for one in leaf.fields
    )  # fmt: skip
    return NodeView("", is_left_out, (), leaf, fields, wrong)


def _field(
    about: Field, value: Any, wrong: str, say: Speech, choices: Choices, own_kind: str
) -> FieldView:
    drawn = FieldView(
        about,
        wrong=wrong,
        is_open=not about.is_more or bool(value) or bool(wrong),
        is_fitting=not about.of or own_kind in about.of,
    )
    if about.kind == "number":
        mode, inputs = _mode(about, value)
        return replace(drawn, mode=mode, inputs=inputs)
    some = [str(one) for one in value] if isinstance(value, list) else []
    if about.kind == "words":
        return replace(drawn, words=[(one, label(about.source, one, say)) for one in some])
    options = [(key, say.gettext(text)) for key, text in about.options.items()]
    options = options or choices.options(about.source, say)
    if about.kind == "choices":
        return replace(drawn, options=options, chosen=frozenset(some))
    text = "yes" if value is True else "no" if value is False else str(value or "")
    if text and all(text != key for key, _label in options):
        options = [*options, (text, text)]
    return replace(drawn, options=options, chosen=frozenset({text}))


def _mode(about: Field, value: Any) -> tuple[Mode, dict[str, str]]:
    """Which of the modes says these ends, and what stands in its inputs."""
    ends = {name: end for name, end in value.items() if end is not None} if isinstance(
        value, dict) else {}  # fmt: skip
    if not ends and (value is None or about.modes[0].ends == {}):
        return about.modes[0], {}
    for mode in about.modes:
        inputs = _inputs(mode, ends)
        if inputs is not None:
            return mode, inputs
    widest = about.modes[-1]
    return widest, {str(key): _typed(ends.get(end, "")) for end, key in widest.ends.items()}


def _inputs(mode: Mode, ends: Mapping[str, Any]) -> dict[str, str] | None:
    if set(ends) != set(mode.ends):
        return None
    inputs: dict[str, str] = {}
    for end, key in mode.ends.items():
        typed = _typed(ends[end])
        if isinstance(key, int):
            if typed != str(key):
                return None
        elif inputs.setdefault(key, typed) != typed:
            return None
    return inputs


def _typed(value: Any) -> str:
    """A number as one types it; JSON may hold 2, 2.0 or "2.00"."""
    text = str(value)
    head, dot, tail = text.partition(".")
    return head if dot and not tail.strip("0") else text
