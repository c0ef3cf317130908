"""Steps of a journey on their way: added, moved, doubled and taken out, in branches too.

Works on steps as plain data, so that a journey that is not right yet can be arranged all the same.
Pure: every verb gives new lists and leaves what it was given as it is. A place is written
`<list>/<number>`: "root/0" is the beginning, "b1.then/2" behind the second step of that branch.
"""

from collections.abc import Iterator, Sequence
from typing import Any

Raw = dict[str, Any]
Steps = list[Raw]

ROOT = "root"
SIDES = ("then", "otherwise")


class NoPlace(ValueError):
    """There is no such step or place."""


def walk(steps: Sequence[Raw], name: str = ROOT) -> Iterator[tuple[str, int, Raw]]:
    """Every step in reading order, with its list and number."""
    for number, step in enumerate(steps):
        yield name, number, step
        if step.get("do") == "branch":
            for side in SIDES:
                yield from walk(step.get(side, ()), f"{step['id']}.{side}")


def find(steps: Sequence[Raw], step_id: str) -> tuple[str, int, Raw]:
    """A step with its list and number. Raises NoPlace."""
    for found in walk(steps):
        if found[2].get("id") == step_id:
            return found
    raise NoPlace(step_id)


def ids(steps: Sequence[Raw]) -> list[str]:
    """The ids of all steps in reading order."""
    return [str(step.get("id")) for _name, _number, step in walk(steps)]


def new_id(steps: Sequence[Raw], kind: str) -> str:
    """An id that no step has: wait1, wait2."""
    taken, number = {*ids(steps)}, 1
    while f"{kind}{number}" in taken:
        number += 1
    return f"{kind}{number}"


# ------------------------------------------------------------------ verbs


def added(steps: Sequence[Raw], place: str, step: Raw) -> Steps:
    """With a step put in. Raises NoPlace."""
    name, _, typed = place.partition("/")
    if not (typed.isascii() and typed.isdigit() and len(typed) < 6):
        raise NoPlace(place)
    within = _list(steps, name)
    number = min(int(typed), len(within))
    return _with_list(steps, name, [*within[:number], step, *within[number:]])


def removed(steps: Sequence[Raw], step_id: str) -> Steps:
    """Without a step and all that is in it. Raises NoPlace."""
    name, number, _step = find(steps, step_id)
    within = _list(steps, name)
    return _with_list(steps, name, [*within[:number], *within[number + 1 :]])


def moved(steps: Sequence[Raw], step_id: str, place: str) -> Steps:
    """With a step at another place, as the places were before it left its own. Raises NoPlace, for
    a place within the step itself too."""
    name, number, step = find(steps, step_id)
    where, _, typed = place.partition("/")
    if where in {f"{one}.{side}" for one in ids([step]) for side in SIDES}:
        raise NoPlace(place)
    if where == name and typed.isdigit() and int(typed) > number:
        place = f"{where}/{int(typed) - 1}"
    return added(removed(steps, step_id), place, step)


def shifted(steps: Sequence[Raw], step_id: str, *, up: bool) -> Steps:
    """One place up or down as one reads them: into a branch, over to its other side and out again.
    At the end of all it stays. Raises NoPlace."""
    name, number, step = find(steps, step_id)
    rest = removed(steps, step_id)
    within = _list(rest, name)
    beside = number - 1 if up else number
    if 0 <= beside < len(within):
        other = within[beside]
        if other.get("do") == "branch":
            side = SIDES[1] if up else SIDES[0]
            last = len(other.get(side, ())) if up else 0
            return added(rest, f"{other['id']}.{side}/{last}", step)
        return added(rest, f"{name}/{beside if up else beside + 1}", step)
    if name == ROOT:
        return list(steps)
    branch, _, side = name.rpartition(".")
    if up and side == SIDES[1]:
        first = find(rest, branch)[2].get(SIDES[0], ())
        return added(rest, f"{branch}.{SIDES[0]}/{len(first)}", step)
    if not up and side == SIDES[0]:
        return added(rest, f"{branch}.{SIDES[1]}/0", step)
    around, at, _branch = find(rest, branch)
    return added(rest, f"{around}/{at if up else at + 1}", step)


def doubled(steps: Sequence[Raw], step_id: str) -> tuple[Steps, dict[str, str]]:
    """With a twin behind the step, and the new ids by the old ones. Raises NoPlace."""
    name, number, step = find(steps, step_id)
    named: dict[str, str] = {}
    twin = _renamed(step, [*steps], named)
    return added(steps, f"{name}/{number + 1}", twin), named


def _renamed(step: Raw, all_steps: Steps, named: dict[str, str]) -> Raw:
    taken = [*all_steps, *({"id": one} for one in named.values())]
    new = new_id(taken, str(step["do"]))
    named[str(step["id"])] = new
    twin = {**step, "id": new}
    if step.get("do") == "branch":
        for side in SIDES:
            twin[side] = [_renamed(one, all_steps, named) for one in step.get(side, ())]
    return twin


# ------------------------------------------------------------------ lists


def _list(steps: Sequence[Raw], name: str) -> Steps:
    if name == ROOT:
        return list(steps)
    step_id, _, side = name.rpartition(".")
    step = find(steps, step_id)[2]
    if side not in SIDES or step.get("do") != "branch":
        raise NoPlace(name)
    return list(step.get(side, ()))


def _with_list(steps: Sequence[Raw], name: str, wanted: Steps) -> Steps:
    if name == ROOT:
        return wanted
    step_id, _, side = name.rpartition(".")
    return [_with_side(step, step_id, side, wanted) for step in steps]


def _with_side(step: Raw, step_id: str, side: str, wanted: Steps) -> Raw:
    if step.get("do") != "branch":
        return step
    if step.get("id") == step_id:
        return {**step, side: wanted}
    return step | {
        one: [_with_side(below, step_id, side, wanted) for below in step.get(one, ())]
        for one in SIDES
    }
