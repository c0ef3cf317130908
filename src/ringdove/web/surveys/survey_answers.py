"""Answers to surveys one by one: what was said, by whom, about what, and the task that it led to
(R83, R84, R89); as a file too."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from ringdove.kit import db
from ringdove.kit.db import Tx
from ringdove.records import clicks
from ringdove.records.surveys import answers_found
from ringdove.records.surveys.answers_found import NO_END, Place, Wanted
from ringdove.records.surveys.surveys import Kept
from ringdove.rules.surveys import surveys
from ringdove.rules.surveys.surveys import READY, Further, Survey
from ringdove.web.lists.exports import as_file
from ringdove.web.surveys import score_words as words
from ringdove.web.surveys.surveys import known
from ringdove.web.views import StorePage, SupportPage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/surveys/answers", include_in_schema=False)

Given = Literal["", "low", "good"]
DAYS = (30, 90, 365)
Text = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for, as it stands in the address."""

    survey: Annotated[str, Query(pattern=r"^[a-z0-9_]{0,40}$")] = ""
    given: Given = ""
    reason: Text = ""
    sku: Text = ""
    carrier: Text = ""
    pickup_point: Text = ""
    said: Literal["", "yes"] = ""
    days: Annotated[int, Query(ge=0, le=3650)] = 0

    def query(self, **more: Any) -> str:
        """The same as an address."""
        names = ("survey", "given", "reason", "sku", "carrier", "pickup_point", "said", "days")
        kept = {name: getattr(self, name) for name in names}
        return urlencode({name: value for name, value in (kept | more).items() if value})

    def wanted(self, every: Mapping[str, Kept], now: datetime) -> Wanted:
        """As the database is asked. Low and good are what each survey calls so: without a survey,
        those whose scale is usual."""
        survey = every[self.survey].survey if self.survey in every else None
        found = Wanted(
            surveys=(self.survey,) if self.survey else (), reason=self.reason, sku=self.sku,
            carrier=self.carrier, pickup_point=self.pickup_point, has_words=self.said == "yes",
        )  # fmt: skip
        if self.days:
            found = replace(found, since=now - timedelta(days=self.days))
        if self.given:
            which = survey or READY["delivery"]
            is_it = which.is_low if self.given == "low" else which.is_good
            found = replace(found, scores=tuple(one for one in which.scores if is_it(one)))
            if survey is None:
                same = [key for key, one in every.items() if _same_scale(one.survey, which)]
                found = replace(found, surveys=tuple(same))
        return found


def _same_scale(one: Survey, other: Survey) -> bool:
    parts = ("low", "high", "low_until", "good_from")
    return all(getattr(one, name) == getattr(other, name) for name in parts)


@router.get("")
async def show(
    page: ViewerPage,
    asked: Annotated[Asked, Depends()],
    before: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    """The newest answers, of all or of those looked for."""
    async with page.transaction() as tx:
        every = await known(tx, page.store.id)
        wanted = asked.wanted(every, page.runtime.clock())
        rows, more = await answers_found.find(tx, page.store, wanted, place_of(before))
        tasks = await answers_found.tasks(tx, page.store, rows)
        goods = await clicks.products(tx, page.store, [row["sku"] for row in rows])
    of = {key: one.survey for key, one in every.items()}
    return page.render(
        "surveys/answers.html",
        asked=asked,
        rows=rows,
        more=more and f"{page.home}/surveys/answers?{asked.query(before=address_of(more))}",
        tasks=tasks,
        goods={sku: one.name for sku, one in goods.items()},
        surveys=of,
        reasons=reasons_of(page, of, asked.survey),
        spans=[(n, page.say.ngettext("%(num)s day", "%(num)s days", n)) for n in DAYS],
        further=lambda row: further_of(page.say.language, of.get(row["survey"]), row["answers"]),
        is_late=lambda row: _is_late(of.get(row["survey"]), row),
        words=words,
    )


def place_of(typed: str) -> Place:
    """From where to go on; what is none is the beginning."""
    at, _, number = typed.partition("~")
    try:
        when = datetime.fromisoformat(at)
        return (when, int(number)) if when.tzinfo and 0 <= int(number) < 2**63 else NO_END
    except ValueError:
        return NO_END


def address_of(place: Place) -> str:
    """The same in an address, of signs that need no spelling there."""
    return f"{place[0].astimezone(UTC):%Y%m%dT%H%M%S.%fZ}~{place[1]}"


def reasons_of(page: StorePage, every: Mapping[str, Survey], key: str) -> list[tuple[str, str]]:
    """The reasons of one survey, or of all, with their names."""
    found = {
        reason.key: words.reason(page.say, survey, reason.key)
        for survey in every.values()
        for reason in survey.reasons
        if key in ("", survey.key)
    }
    return sorted(found.items(), key=lambda one: one[1])


def further_of(
    language: str, survey: Survey | None, answers: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Further questions with what was answered; one that the survey has no more by its id."""
    questions: dict[str, Further] = {one.id: one for one in survey.further} if survey else {}
    told = []
    for name, value in answers.items():
        question, said = questions.get(name), str(value)
        for choice in question.choices if question else ():
            if choice.key == said:
                said = surveys.named(choice.names, language)
        told.append((surveys.named(question.names, language) if question else name, said))
    return told


def _is_late(survey: Survey | None, row: answers_found.Row) -> bool:
    if survey is None:
        return False
    return bool(row["answered_at"] > row["asked_at"] + timedelta(seconds=survey.within))


# ------------------------------------------------------------------ as a file

COLUMNS = (
    "survey", "score", "reason", "comment", "answers", "answered_at", "asked_at", "way", "name",
    "phone", "order", "sku", "carrier", "pickup_point", "language", "may_publish", "published",
    "shown_as", "shop_reply",
)  # fmt: skip


@router.get("/file")
async def file(
    page: SupportPage,
    asked: Annotated[Asked, Depends()],
    kind: Literal["csv", "xlsx"] = "csv",
) -> Response:
    """All that were looked for, as a table whose columns never change their names."""
    async with page.transaction() as tx:
        every = await known(tx, page.store.id)
        await page.audit(tx, "surveys.exported", asked.query(), kind=kind)
    wanted = asked.wanted(every, page.runtime.clock())
    return await as_file(_cells(page, wanted), COLUMNS, kind, "answers")


async def _cells(page: StorePage, wanted: Wanted) -> AsyncIterator[list[Any]]:
    async with db.transaction(page.runtime.pool) as tx:
        async for row in _rows(tx, page, wanted):
            yield row


async def _rows(tx: Tx, page: StorePage, wanted: Wanted) -> AsyncIterator[list[Any]]:
    async for row in answers_found.every(tx, page.store, wanted):
        yield [
            row["survey"], "" if row["score"] is None else row["score"], row["reason"],
            row["comment"], "; ".join(f"{name}: {said}" for name, said in row["answers"].items()),
            *(row[name].astimezone(page.say.zone).isoformat(timespec="seconds")
              for name in ("answered_at", "asked_at")),
            row["way"], row["name"], row["phone"] or "", row["order_number"] or "", row["sku"],
            row["carrier"], row["pickup_point"], row["language"],
            "yes" if row["may_publish"] else "no", row["published"], row["shown_as"],
            row["shop_reply"],
        ]  # fmt: skip
