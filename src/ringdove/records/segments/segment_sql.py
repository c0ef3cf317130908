"""A tree of conditions as SQL: a condition over contact c within one bucket."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ringdove.records.segments import segment_past, segment_people
from ringdove.records.segments.segment_parts import Part, Sql, Writer, opposite, text, together
from ringdove.rules.segments import segments
from ringdove.rules.segments.segments import Node


def write(tree: Node, writer: Writer) -> Sql:
    """The condition. Raises NoSegment."""
    return text(part(tree, writer), writer)


def part(tree: Node, writer: Writer) -> Part:
    """A node, in a form that others can be joined to."""
    match tree:
        case segments.All(of=of):
            return together([part(one, writer) for one in of], writer, is_all=True)
        case segments.Any(of=of):
            return together([part(one, writer) for one in of], writer, is_all=False)
        case segments.Not(of=inner):
            return opposite(part(inner, writer))
        case segments.InSegment(segment=number):
            inner, path = segments.named(writer.trees, number, writer.path), writer.path
            writer.path = (*path, number)
            found = part(inner, writer)
            writer.path = path
            return found
        case _:
            return LEAVES[type(tree)](tree, writer)


def asks_contact(leaves: Iterable[Node]) -> bool:
    """Whether one of these asks for what stands in the contact's own row."""
    return any(isinstance(one, OF_CONTACT) for one in leaves)


OF_CONTACT = (
    segments.Place, segments.Age, segments.Sex, segments.Birthday, segments.Children,
    segments.Language, segments.Origin, segments.OwnFieldIs, segments.Permission, segments.Reach,
)  # fmt: skip
LEAVES: Mapping[type[Any], Callable[[Any, Writer], Part]] = {
    segments.Bought: segment_past.bought,
    segments.Orders: segment_past.orders,
    segments.Visited: segment_past.visited,
    segments.CartLeft: segment_past.cart,
    segments.Rfm: segment_past.rfm_class,
    segments.Due: segment_past.due,
    segments.Place: segment_people.place,
    segments.Age: segment_people.age,
    segments.Sex: segment_people.sex,
    segments.Birthday: segment_people.birthday,
    segments.Children: segment_people.children,
    segments.Language: segment_people.language,
    segments.Origin: segment_people.origin,
    segments.OwnFieldIs: segment_people.own_field,
    segments.Texts: segment_people.texts,
    segments.Permission: segment_people.permission,
    segments.Reach: segment_people.reach,
    segments.Offered: segment_people.offered,
}
