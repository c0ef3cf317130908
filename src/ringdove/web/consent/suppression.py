"""Refusals: numbers and addresses that are not written to, whoever they belong to (P12, R5).

Only hashes are kept, so the list cannot be read out; who types the whole number finds it. A list of
up to 100,000 numbers can be pasted or uploaded. Lifting one says what it does, and why it was done
stays in the audit.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.records.consent import suppression
from ringdove.rules.people import number_lists, phones
from ringdove.rules.people.number_lists import Reading
from ringdove.rules.scenes import Held
from ringdove.web.consent import refusing
from ringdove.web.keeping import keeping_words as words
from ringdove.web.views import MarketerPage, OwnerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/suppression", include_in_schema=False)

FILE_BYTES_MAX = 8_000_000  # 100,000 lines with some columns
WRONG_SHOWN = 200
WHY_MAX = 500


@router.get("")
async def show(
    page: ViewerPage,
    q: Annotated[str, Query(max_length=200)] = "",
    before: Annotated[str, Query(max_length=120)] = "",
) -> Response:
    """The newest refusals, and whether a number that is typed whole is among them."""
    return await _render(page, q.replace("\x00", "").strip(), before)


async def _render(
    page: StorePage, q: str = "", before: str = "", status: int = 200, **more: Any
) -> Response:
    key = number_lists.read_one(q, page.store.country) if q else None
    held: Held | None = None
    async with page.transaction() as tx:
        rows = await suppression.newest(tx, page.store, place(before))
        if key:
            held = (await refusing.check(tx, page.runtime, page.store, [key])).get(key)
    last = rows[-1] if len(rows) == suppression.ROWS else None
    return page.render(
        "consent/suppression.html",
        status,
        rows=rows,
        q=q,
        key=key,
        shown=_shown(page, key) if key else "",
        held=held,
        more=f"{last['at'].isoformat()}_{last['hash']}" if last else "",
        words=words,
        lines_max=number_lists.LINES_MAX,
        **({"report": None, "error": "", "open_now": "", "typed": ""} | more),
    )


def place(text: str) -> tuple[datetime, str]:
    """Where a page of refusals goes on, as its address says it."""
    at, _, digest = text.partition("_")
    try:
        moment = datetime.fromisoformat(at.replace(" ", "+"))
    except ValueError:
        moment = suppression.END
    if moment.tzinfo is None:
        return suppression.END, suppression.END_HASH
    return moment, digest or suppression.END_HASH


def _shown(page: StorePage, key: suppression.Key) -> str:
    """As the reader may see it: viewers see numbers masked, also those that they typed."""
    if key[0] == "phone":
        return str(page.say.phone(key[1]))
    return key[1] if not page.say.masked else page.say.gettext("the address")


@router.get("/counts")
async def counts(page: ViewerPage) -> Response:
    """How many for which reason: counted beside the page, since there may be a million."""
    async with page.transaction() as tx:
        found = await suppression.counts(tx, page.store)
    by_reason: dict[str, int] = {}
    for row in found:
        by_reason[row["reason"]] = by_reason.get(row["reason"], 0) + row["n"]
    return page.render("consent/suppression_counts.html", by_reason=by_reason, words=words)


@router.post("/add")
async def add(page: MarketerPage) -> Response:
    """Refuses one number or a list of them, and says which lines were not read."""
    _ = page.say.gettext
    given = await _form(page)
    text = await _text(given)
    scope: refusing.Scope = "all" if given.get("scope") == "all" else "marketing"
    reading = await refusing.read(text, page.store.country)
    if reading.is_too_long:
        wrong = _("At most %(most)s lines at once.", most=page.say.number(number_lists.LINES_MAX))
        return await _render(page, status=422, error=wrong, open_now="add-dialog")
    if not reading.keys:
        wrong = _("No number and no address could be read.")
        return await _render(
            page, status=422, error=wrong, open_now="add-dialog", typed=text[:2_000],
            report=_report(reading, None),
        )  # fmt: skip
    source = f"page/{page.user.name}"[:60]
    done = await refusing.add(page.runtime, page.store, reading.keys, scope, source)
    async with page.transaction() as tx:
        await page.audit(
            tx, "suppression.added", str(done.new), scope=scope, unread=len(reading.wrong)
        )
    return await _render(page, report=_report(reading, done))


def _report(reading: Reading, done: refusing.Added | None) -> dict[str, Any]:
    return {
        "done": done,
        "wrong": reading.wrong[:WRONG_SHOWN],
        "wrong_more": max(0, len(reading.wrong) - WRONG_SHOWN),
    }


async def _form(page: StorePage) -> FormData:
    if int(page.request.headers.get("content-length") or FILE_BYTES_MAX * 2) > FILE_BYTES_MAX:
        raise HTTPException(413)
    return await page.request.form(max_files=1, max_fields=10, max_part_size=FILE_BYTES_MAX)


async def _text(given: FormData) -> str:
    file = given.get("file")
    octets = await file.read() if isinstance(file, UploadFile) else b""
    await given.close()
    pasted = str(given.get("list", ""))
    return "\n".join(filter(None, (pasted, octets.decode("utf-8", "replace"))))


@router.post("/lift")
async def lift(page: OwnerPage) -> Response:
    """Takes one number from the list; the reason stays in the audit."""
    _ = page.say.gettext
    given = await page.request.form(max_files=0, max_fields=10)
    typed, why = str(given.get("number", "")), str(given.get("why", "")).strip()[:WHY_MAX]
    key = number_lists.read_one(typed, page.store.country)
    if not why or key is None:
        wrong = _("Say why: it stays in the audit.") if key else _("This is no number.")
        return await _render(page, typed, status=422, error=wrong, open_now="lift-dialog")
    async with page.transaction() as tx:
        was = await refusing.lift(tx, page.runtime, page.store, key)
        if was:
            hidden = phones.mask(key[1]) if key[0] == "phone" else key[0]
            await page.audit(tx, "suppression.lifted", hidden, why=why)
    said = _("Lifted. Nobody is subscribed by it.") if was else _("It was not on the list.")
    return page.go(f"{page.home}/suppression", said)
