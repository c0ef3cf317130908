"""Segments over the API: kept, counted, tested on one person, listed, and carried as files.

A tree is the same JSON everywhere: here, in the page's form field, in a campaign's plan. An error
says where in the tree it is (`of.0.when.since`) and what to do.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, ValidationError, WrapValidator
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from ringdove.kit import db
from ringdove.kit.db import Tx
from ringdove.records.people.lookups import NO_END
from ringdove.records.segments import pictures, segments
from ringdove.records.segments.segments import Segment
from ringdove.rules.consent.consent import Draft
from ringdove.rules.segments import pictures as rules
from ringdove.rules.segments import segment_files
from ringdove.rules.segments import segments as trees
from ringdove.rules.segments.pictures import Reason
from ringdove.rules.segments.segment_recipes import RECIPES
from ringdove.rules.segments.segments import InSegment, Node, NoSegment, TooLarge
from ringdove.web.api.ask import Listed, Most, Shown, shown
from ringdove.web.api.callers import Caller, MarketerKey, SupportKey, ViewerKey
from ringdove.web.api.tell import Taken, Told
from ringdove.web.lists.imports import csv_line
from ringdove.web.segments import segment_checks

router = APIRouter(prefix="/api/stores/{store_id}/segments", tags=["Segments"])

COUNT_S_MAX = 10.0
ERRORS_MAX = 5
COLUMNS = (
    "id", "name", "phone", "email", "language", "country", "region", "city", "marketing", "orders",
    "spent", "last_order_at", "created_at",
)  # fmt: skip
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


def _where(told: Any, read: Any) -> Any:
    """Says of each error where in the tree it is, as its JSON is written."""
    try:
        return read(told)
    except ValidationError as error:
        wrong = [f"{trees.path_of(one['loc']) or 'the tree'}: {one['msg']}"
                 for one in error.errors()[:ERRORS_MAX]]  # fmt: skip
        raise ValueError("; ".join(wrong)) from None


Tree = Annotated[Node, WrapValidator(_where)]


class Asked(Told):
    """Whom is it about? A saved segment is `{"leaf": "segment", "segment": 4}`."""

    tree: Tree = Field(description="Conditions, see docs/segments.md.")


class SegmentWish(Asked):
    """A segment to be kept."""

    name: str = Field(min_length=1, max_length=120)


# ------------------------------------------------------------------ kept


@router.get("", summary="Segments")
async def list_segments(caller: ViewerKey) -> list[Shown]:
    """By name, retired ones last."""
    async with caller.transaction() as tx:
        return [_shown(one) for one in await segments.of_store(tx, caller.store)]


def _shown(one: Segment) -> Shown:
    return {
        "id": one.id, "name": one.name, "tree": trees.plain(one.tree),
        "created_at": one.created_at, "changed_at": one.changed_at,
        "retired": one.retired_at is not None,
    }  # fmt: skip


@router.post("", status_code=201, summary="Keep a segment")
async def make_segment(wish: SegmentWish, caller: MarketerKey) -> Shown:
    """It is answered anew whenever it is used; nobody is a member of it."""
    async with caller.transaction() as tx:
        await _demand_known(tx, caller, wish.tree)
        with _answered(wish.tree):
            made = await segments.create(tx, caller.store, wish.name, wish.tree, caller.now)
        await caller.audit(tx, "segment.created", wish.name, id=made)
        return _shown(await _known(tx, caller, made))


async def _known(tx: Tx, caller: Caller, segment_id: int) -> Segment:
    one = await segments.find(tx, caller.store, segment_id)
    if one is None:
        raise HTTPException(404, "No segment has this id.")
    return one


async def _demand_known(tx: Tx, caller: Caller, tree: Node) -> None:
    """Refuses fields, offers and campaigns that there are not: they would silently mean nobody."""
    if wrong := await segment_checks.missing(tx, caller.store, tree):
        raise HTTPException(422, ".".join(filter(None, ("tree", *wrong))))


def _place(tree: Node, error: Exception) -> str:
    """The error with where the segment stands that it is about."""
    if isinstance(error, NoSegment):
        asked = error.path[1] if len(error.path) > 2 else error.segment
        for at, leaf in trees.placed(tree):
            if isinstance(leaf, InSegment) and leaf.segment in (asked, error.segment):
                return f"{'.'.join(filter(None, ('tree', at, 'segment')))}: {error}"
    return f"tree: {error}"


@router.get("/recipes", summary="Ready segments")
async def ready_segments(
    caller: ViewerKey,
    category: Annotated[str, Query(max_length=200, description="For those about goods.")] = "",
) -> list[Shown]:
    """Trees to start from: post one to keep it."""
    return [
        {"key": one.key, "asks_category": one.asks_category,
         "tree": trees.plain(one.tree(category))}
        for one in RECIPES.values()
    ]  # fmt: skip


# ------------------------------------------------------------------ asked


class CountWish(Asked):
    """What to count."""

    within_s: float = Field(
        COUNT_S_MAX, gt=0, le=COUNT_S_MAX, description="The answer comes after so many seconds."
    )


class Counted(BaseModel):
    """How many people."""

    people: int
    is_whole: bool = Field(description="false: the time was up, there are at least so many.")


@router.post("/count", summary="How many people is that?")
async def count(wish: CountWish, caller: ViewerKey) -> Counted:
    """Asked of everybody, now. Who was merged into somebody, or erased, is nobody."""
    with _answered(wish.tree):
        found = await segments.count(
            caller.runtime.pool, caller.store, wish.tree, caller.now, within_s=wish.within_s
        )
    return Counted(people=found.people, is_whole=found.is_whole)


@contextmanager
def _answered(tree: Node) -> Iterator[None]:
    """A tree that cannot be answered, or kept, is told with the place of what is wrong."""
    try:
        yield
    except (NoSegment, TooLarge, segments.TooMany) as error:
        raise HTTPException(422, _place(tree, error)) from None


class ReachWish(Asked):
    """An offer to them, as far as it decides who may get it."""

    channel: Literal["sms", "email"] = "sms"
    topic: str = Field("offers", min_length=1, max_length=80)
    category: str = Field("", max_length=200)
    occasion: str = Field("sale", max_length=120)
    for_hours: int = Field(48, ge=1, le=24 * 30)


class Reached(BaseModel):
    """People by what the decision says of them."""

    verdict: Literal["send", "wait", "drop"]
    reason: str
    people: int


@router.post("/reach", summary="How many of them may be sent an offer now?")
async def reach(wish: ReachWish, caller: ViewerKey) -> list[Reached]:
    """By verdict and reason, see docs/decision.md."""
    until = caller.now + timedelta(hours=wish.for_hours)
    draft = Draft(
        wish.channel, "marketing", wish.topic, caller.now, until,
        category=wish.category, occasion=wish.occasion,
    )  # fmt: skip
    with _answered(wish.tree):
        counts = await segments.count_reachable(
            caller.runtime.pool, caller.store, wish.tree, draft, caller.now
        )
    return [
        Reached.model_validate({"verdict": verdict, "reason": reason, "people": n})
        for (verdict, reason), n in counts.most_common()
    ]


class TestWish(Asked):
    """One person, by id."""

    customer: int = Field(ge=1, le=NO_END, description="As text or number.")


class Tested(BaseModel):
    """Whether somebody is in it, and why: every condition with what was found."""

    holds: bool
    why: Shown = Field(description="path, leaf, holds, found; of: the same of its parts.")


@router.post("/test", summary="Is this person in it, and why?")
async def test(wish: TestWish, caller: SupportKey) -> Tested:
    """Goes through all conditions, also where the answer is clear already."""
    async with caller.transaction() as tx:
        try:
            picture = await segments.picture(tx, caller.store, wish.customer)
        except pictures.NobodyThere:
            raise HTTPException(404, "No customer has this id.") from None
    with _answered(wish.tree):
        is_in, reason = rules.holds(wish.tree, picture, caller.now)
    return Tested(holds=is_in, why=_why(reason, ""))


def _why(reason: Reason, at: str) -> Shown:
    of = [
        _why(one, f"{at}.{step}" if at else step)
        for step, one in zip(_steps(reason.node), reason.of, strict=True)
    ]
    told = {"path": at, "leaf": reason.node.leaf, "holds": reason.holds, "found": reason.value}
    return told | ({"of": of} if of else {})


def _steps(node: Node) -> list[str]:
    match node:
        case trees.All(of=of) | trees.Any(of=of):
            return [f"of.{n}" for n in range(len(of))]
        case trees.Not():
            return ["of"]
        case trees.InSegment(segment=number):
            return [f"segment {number}"]
    return []


After = Annotated[int, Query(ge=0, le=NO_END, description="`next` of the page before this one.")]


class People(Listed):
    """A page of people, in no order that means anything."""

    next: str | None = Field(description="Give it as `after` for the next page; null: the end.")


@router.post("/people", summary="Who is that?")
async def people(wish: Asked, caller: ViewerKey, after: After = 0, most: Most = 50) -> People:
    """Some at a time."""
    return await _people(wish.tree, caller, after, most)


async def _people(tree: Node, caller: Caller, after: int, most: int) -> People:
    with _answered(tree):
        async with caller.transaction() as tx:
            page = await segments.people(tx, caller.store, tree, caller.now, after, most)
    rows = [shown(row, caller) for row in page.rows]
    return People(items=rows, next=None if page.next is None else str(page.next))


# ------------------------------------------------------------------ files


class Document(Told):
    """A file of segments, as GET …/{segment_id}/file gives it."""

    format: Literal["ringdove/segments/1"] = segment_files.FORMAT
    segments: list[dict[str, Any]] = Field(min_length=1, max_length=segment_files.SEGMENTS_MAX)
    replace: bool = Field(
        False, description="Segments of the same names are changed; false: that is refused."
    )


@router.post("/file", status_code=201, summary="Take segments from a file")
async def take_file(wish: Document, caller: MarketerKey) -> list[Shown]:
    """All of them or none. They name each other by name."""
    async with caller.transaction() as tx:
        mine = {one.name: one for one in await segments.of_store(tx, caller.store)}
        numbers = {name: one.id for name, one in mine.items()}
        document = wish.model_dump(exclude={"replace"})
        made = []
        try:
            for name, raw in segment_files.from_file(document, numbers):
                tree = _read(name, segment_files.with_numbers(raw, numbers))
                await _demand_known(tx, caller, tree)
                numbers[name] = await _keep(tx, caller, wish, mine.get(name), name, tree)
                made.append(await _known(tx, caller, numbers[name]))
        except (segment_files.FileWrong, NoSegment, TooLarge, segments.TooMany) as error:
            raise HTTPException(422, str(error)) from None
    return [_shown(one) for one in made]


def _read(name: str, raw: Mapping[str, Any]) -> Node:
    try:
        return trees.TREE.validate_python(raw)
    except ValidationError as error:
        one = error.errors()[0]
        raise HTTPException(422, f"{name}, {trees.path_of(one['loc'])}: {one['msg']}") from None


async def _keep(
    tx: Tx, caller: Caller, wish: Document, known: Segment | None, name: str, tree: Node
) -> int:
    if known is None:
        made = await segments.create(tx, caller.store, name, tree, caller.now)
        await caller.audit(tx, "segment.created", name, id=made)
        return made
    if known.tree != tree:
        if not wish.replace:
            raise HTTPException(
                409, f"The store has another segment {name!r}: rename one, or say replace."
            )
        await segments.change(tx, caller.store, known.id, name, tree, caller.now)
        await caller.audit(tx, "segment.changed", name, id=known.id)
    return known.id


# ------------------------------------------------------------------ one segment


@router.get("/{segment_id}", summary="One segment")
async def one_segment(segment_id: Number, caller: ViewerKey) -> Shown:
    """Its name and its tree."""
    async with caller.transaction() as tx:
        return _shown(await _known(tx, caller, segment_id))


@router.put("/{segment_id}", summary="Change a segment")
async def change_segment(segment_id: Number, wish: SegmentWish, caller: MarketerKey) -> Shown:
    """From now on, also where other segments and campaigns that have not begun name it."""
    async with caller.transaction() as tx:
        await _known(tx, caller, segment_id)
        await _demand_known(tx, caller, wish.tree)
        with _answered(wish.tree):
            await segments.change(tx, caller.store, segment_id, wish.name, wish.tree, caller.now)
        await caller.audit(tx, "segment.changed", wish.name, id=segment_id)
        return _shown(await _known(tx, caller, segment_id))


@router.delete("/{segment_id}", summary="Retire a segment")
async def retire_segment(segment_id: Number, caller: MarketerKey) -> Taken:
    """It is offered no more; what names it goes on."""
    return await _retire(segment_id, caller, again=False)


@router.post("/{segment_id}/restore", summary="Offer a retired segment again")
async def restore_segment(segment_id: Number, caller: MarketerKey) -> Taken:
    """As it was."""
    return await _retire(segment_id, caller, again=True)


async def _retire(segment_id: int, caller: Caller, *, again: bool) -> Taken:
    async with caller.transaction() as tx:
        one = await _known(tx, caller, segment_id)
        await segments.retire(tx, caller.store, segment_id, caller.now, again=again)
        deed = "segment.restored" if again else "segment.retired"
        await caller.audit(tx, deed, one.name, id=one.id)
    return Taken(accepted=(one.retired_at is not None) == again)


@router.get("/{segment_id}/people", summary="Who is in a segment")
async def segment_people(
    segment_id: Number, caller: ViewerKey, after: After = 0, most: Most = 50
) -> People:
    """Some at a time."""
    async with caller.transaction() as tx:
        one = await _known(tx, caller, segment_id)
    return await _people(one.tree, caller, after, most)


@router.get("/{segment_id}/table", summary="Everybody in a segment as CSV", response_model=None)
async def segment_table(segment_id: Number, caller: SupportKey) -> Response:
    """Leaves a line in the audit."""
    async with caller.transaction() as tx:
        one = await _known(tx, caller, segment_id)
        with _answered(one.tree):
            await segments.condition(tx, caller.store, one.tree, caller.now)
        await caller.audit(tx, "people.exported", f"segment/{one.id}", columns=list(COLUMNS))

    async def lines() -> AsyncIterator[str]:
        yield csv_line(COLUMNS)
        async with db.transaction(caller.runtime.pool) as tx:
            async for rows in segments.everybody(tx, caller.store, one.tree, caller.now):
                yield "".join(csv_line([row[name] for name in COLUMNS]) for row in rows)

    named = {"content-disposition": f'attachment; filename="segment-{one.id}.csv"'}
    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=named)


@router.get("/{segment_id}/file", summary="A segment as a file")
async def segment_file(segment_id: Number, caller: ViewerKey) -> Shown:
    """With the segments that it names, to be carried to another store."""
    async with caller.transaction() as tx:
        known = {one.id: (one.name, one.tree) for one in await segments.of_store(tx, caller.store)}
    if segment_id not in known:
        raise HTTPException(404, "No segment has this id.")
    try:
        return segment_files.to_file(segment_id, known)
    except NoSegment as error:
        raise HTTPException(422, str(error)) from None
