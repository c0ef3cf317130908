"""What one customer allows, and the story of it: each change with what they saw, as a line over
time (N1). Viewers see neither addresses on the internet nor devices.

The card of the customer's page and the page of the whole story are drawn from the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.consent import ledger
from ringdove.records.consent.confirming import question
from ringdove.records.people import lookups
from ringdove.rules.consent import permissions
from ringdove.rules.scenes import Contact
from ringdove.web.people import past_words as words
from ringdove.web.views import StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/customers/{contact_id}", include_in_schema=False)

ContactId = Annotated[int, Path(ge=1, le=lookups.NO_END)]
WIDTH = 320  # of the line over time
LANES_MAX = 8


@dataclass(frozen=True, slots=True)
class Change:
    """A row of the ledger as a person reads it."""

    scope: str
    name: str
    said: tuple[str, str]
    at: datetime
    until: datetime | None
    words: str
    source: str
    language: str
    ip: str
    device: str
    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of the line: from when to when a scope was how."""

    x: float
    width: float
    tone: str
    says: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One scope over time."""

    name: str
    stretches: Sequence[Stretch]


@dataclass(frozen=True, slots=True)
class Story:
    """All that the pages show of one person's permissions."""

    now: Sequence[Mapping[str, Any]]
    changes: Sequence[Change]  # newest first
    lanes: Sequence[Lane]
    begins: datetime | None
    paused_until: datetime | None
    awaits: datetime | None  # a confirmation counts until then
    scopes: Sequence[tuple[str, str]]


async def load(tx: Tx, page: StorePage, contact_id: int) -> Story:
    """The story of a person, those who were merged into them included."""
    rows = await ledger.of_person(tx, page.store, contact_id)
    person = await ledger.person(tx, page.store, contact_id)
    for other in person.also if person else ():
        rows += await ledger.of_person(tx, page.store, other)
    rows.sort(key=lambda row: (row["at"], row["id"]))
    asked = await question(tx, page.store, contact_id, "confirm")
    now = page.say.now
    is_asked = asked is not None and asked.state == "open" and asked.until > now
    changes = [_change(page, row) for row in rows]
    paused = person.paused_until if person else None
    return Story(
        now=_now(page, person, changes) if person else (),
        changes=changes[::-1],
        lanes=_lanes(page, rows, now),
        begins=rows[0]["at"] if rows else None,
        paused_until=paused if paused and paused > now else None,
        awaits=asked.until if asked and is_asked else None,
        scopes=list({change.scope: change.name for change in changes}.items()),
    )


def _change(page: StorePage, row: Mapping[str, Any]) -> Change:
    say, masked = page.say, page.say.masked
    return Change(
        scope=row["scope"],
        name=words.scope_words(say, row["scope"], page.store.policy),
        said=words.named(say, words.SAID, row["change"]),
        at=row["at"],
        until=row["until"],
        words=row["words"],
        source=words.source_words(say, row["source"]),
        language=words.language_words(say, row["language"]),
        ip="" if masked else row["ip"],
        device="" if masked else row["device"],
        number=row["seq"],
        hash=row["hash"],
    )


def _now(page: StorePage, person: Contact, changes: Sequence[Change]) -> list[Mapping[str, Any]]:
    """Each scope as it stands, since when and on which words."""
    last = {change.scope: change for change in changes}
    tables = {"marketing": words.MARKETING, "service": words.SERVICE}
    return [
        {
            "name": words.scope_words(page.say, scope, page.store.policy),
            "pill": words.named(
                page.say, tables.get(scope, words.SAID), permissions.state_of(person, scope)
            ),
            "since": permissions.said_at(person, scope),
            "last": last.get(scope),
        }
        for scope in ("marketing", "service", *sorted(person.scopes))
    ]


def _lanes(page: StorePage, rows: Sequence[Mapping[str, Any]], now: datetime) -> list[Lane]:
    """From the first word until now: a lane a scope, each stretch in the tone of what was said."""
    if not rows:
        return []
    begins: datetime = rows[0]["at"]
    span = max((now - begins).total_seconds(), 1.0)

    def x(at: datetime) -> float:
        return round(min(max((at - begins).total_seconds() / span, 0), 1) * WIDTH, 1)

    lanes: list[Lane] = []
    for scope in list(dict.fromkeys(row["scope"] for row in rows))[:LANES_MAX]:
        own = [row for row in rows if row["scope"] == scope]
        ends = [*(row["at"] for row in own[1:]), now]
        stretches = [
            Stretch(
                x(row["at"]),
                max(x(end) - x(row["at"]), 2),
                row["change"],
                words.named(page.say, words.SAID, row["change"])[0],
            )
            for row, end in zip(own, ends, strict=True)
        ]
        name = words.scope_words(page.say, scope, page.store.policy)
        lanes.append(Lane(name, stretches))
    return lanes


@router.get("/consent")
async def show(
    page: ViewerPage, contact_id: ContactId, scope: Annotated[str, Query(max_length=100)] = ""
) -> Response:
    """Every change with all that is known of it: what they saw, through what, from where."""
    async with page.transaction() as tx:
        row = await lookups.customer(tx, page.store, contact_id)
        if row is None:
            raise HTTPException(404)
        story = await load(tx, page, contact_id)
    name = row["name"] or page.say.phone(row["phone"]) or page.say.gettext("no name")
    shown = [one for one in story.changes if not scope or one.scope == scope]
    return page.render(
        "consent/consent_story.html", name=name, contact_id=contact_id, story=story, shown=shown,
        scope=scope,
    )  # fmt: skip
