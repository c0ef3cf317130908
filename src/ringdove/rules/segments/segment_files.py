"""Segments as a file, to be carried from one store to another: one JSON document.

Inside it segments name each other by their names, since numbers are a store's own. Numbers of
campaigns and offers stay as they are: in another store they must be set anew.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ringdove.rules.segments.segments import Node, NoSegment, plain

FORMAT: Final = "ringdove/segments/1"
SEGMENTS_MAX: Final = 100
Raw = dict[str, Any]


class FileWrong(ValueError):
    """The document cannot be taken; says why and what to do."""


def to_file(segment_id: int, known: Mapping[int, tuple[str, Node]]) -> Raw:
    """A segment with all that it asks for, each after those that it names. `known`: names and
    trees of the store. Raises NoSegment."""
    raw = {number: plain(tree) for number, (_, tree) in known.items()}
    told: dict[int, Raw] = {}

    def tell(number: int, path: tuple[int, ...]) -> None:
        if number in path:
            raise NoSegment(number, path)
        if number not in known:
            raise NoSegment(number)
        if number in told:
            return
        for leaf in _named(raw[number]):
            tell(leaf["segment"], (*path, number))
        name = known[number][0]
        for leaf in _named(raw[number]):
            leaf["segment"] = known[leaf["segment"]][0]
        told[number] = {"name": name, "tree": raw[number]}

    tell(segment_id, ())
    return {"format": FORMAT, "segments": list(told.values())}


def from_file(document: Any, known: Mapping[str, int]) -> list[tuple[str, Raw]]:
    """Names and trees of a file in the order in which they can be made; trees name each other still
    by names. `known`: the store's own segments. Raises FileWrong."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise FileWrong(f'This is no file of segments: it must say "format": "{FORMAT}".')
    told = document.get("segments")
    if not isinstance(told, list) or not 0 < len(told) <= SEGMENTS_MAX:
        raise FileWrong(f"segments: a list of 1 to {SEGMENTS_MAX}, please.")
    trees: dict[str, Raw] = {}
    for n, one in enumerate(told):
        name, tree = (one.get("name"), one.get("tree")) if isinstance(one, dict) else (None, None)
        if not isinstance(name, str) or not name.strip() or not isinstance(tree, dict):
            raise FileWrong(f"segments.{n}: give each a name and a tree.")
        if name in trees:
            raise FileWrong(f"segments.{n}: {name!r} is there twice: give one another name.")
        trees[name] = tree
    for name, tree in trees.items():
        for leaf in _named(tree):
            asked = leaf.get("segment")
            if not isinstance(asked, str) or (asked not in trees and asked not in known):
                raise FileWrong(
                    f"{name!r} asks for {asked!r}, which is neither in the file nor in the store:"
                    " add it or make it first."
                )
    return list(_in_order(trees))


def _in_order(trees: Mapping[str, Raw]) -> Iterator[tuple[str, Raw]]:
    done: set[str] = set()
    while len(done) < len(trees):
        waiting = trees.keys() - done
        ready = [
            name
            for name, tree in trees.items()
            if name in waiting and not any(leaf["segment"] in waiting for leaf in _named(tree))
        ]
        if not ready:
            ring = ", ".join(repr(name) for name in trees if name not in done)
            raise FileWrong(f"These ask for each other in a ring: {ring}. Take one condition out.")
        for name in ready:
            done.add(name)
            yield name, trees[name]


def with_numbers(tree: Raw, numbers: Mapping[str, int]) -> Raw:
    """The tree with the store's numbers for the names of other segments."""
    for leaf in _named(tree):
        leaf["segment"] = numbers[leaf["segment"]]
    return tree


def _named(tree: Any) -> list[Raw]:
    """The leaves that name a segment."""
    found, rest = [], [tree]
    while rest:
        node = rest.pop()
        if isinstance(node, list):
            rest += node
        elif isinstance(node, dict):
            if node.get("leaf") == "segment":
                found.append(node)
            rest += [node["of"]] if "of" in node else []
    return found
