"""How long data is kept, kind by kind: what the owner says, and what would go by it (P12)."""

from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.records.keeping import retention as records
from ringdove.rules.keeping import retention
from ringdove.web.forms import FORM_BYTES_MAX
from ringdove.web.keeping import keeping_words as words
from ringdove.web.views import OwnerPage, StorePage

router = APIRouter(prefix="/stores/{store_id}/retention", include_in_schema=False)

DAYS_SIGNS_MAX = 5


@router.get("")
async def show(page: OwnerPage) -> Response:
    """The days of each kind."""
    typed = {kind.key: str(retention.days(page.store.policy, kind.key)) for kind in retention.KINDS}
    return _render(page, typed)


def _render(page: StorePage, typed: dict[str, str], status: int = 200, **more: Any) -> Response:
    return page.render(
        "keeping/retention.html",
        status,
        kinds=retention.KINDS,
        typed=typed,
        words=words,
        counted_most=records.COUNTED_MOST,
        **({"wrong": {}, "would_go": None} | more),
    )


@router.post("/look")
async def look(page: OwnerPage) -> Response:
    """What would go at once by these days; nothing is changed."""
    typed = await _typed(page)
    days, wrong = _read(page, typed)
    if wrong:
        return _render(page, typed, 422, wrong=wrong)
    async with page.transaction() as tx:
        found = await records.would_go(tx, page.store, days, page.runtime.clock())
    return _render(page, typed, would_go=found)


@router.post("")
async def save(page: OwnerPage) -> Response:
    """From now on these days count; what is past goes within the hour."""
    typed = await _typed(page)
    days, wrong = _read(page, typed)
    if wrong:
        return _render(page, typed, 422, wrong=wrong)
    async with page.transaction() as tx:
        await records.change(tx, page.store, days)
        await page.audit(tx, "retention.changed", "", **days)
    said = page.say.gettext("Saved. What is past its time goes within the hour.")
    return page.go(f"{page.home}/retention", said)


async def _typed(page: StorePage) -> dict[str, str]:
    if int(page.request.headers.get("content-length") or FORM_BYTES_MAX + 1) > FORM_BYTES_MAX:
        raise HTTPException(413)
    given = await page.request.form(max_files=0, max_fields=30)
    return {kind.key: str(given.get(kind.key, "")).strip() for kind in retention.KINDS}


def _read(page: StorePage, typed: dict[str, str]) -> tuple[dict[str, int], dict[str, str]]:
    _ = page.say.gettext
    days: dict[str, int] = {}
    wrong: dict[str, str] = {}
    for kind in retention.KINDS:
        text = typed[kind.key] or "0"
        is_number = text.isascii() and text.isdigit() and len(text) <= DAYS_SIGNS_MAX
        try:
            days |= retention.checked({kind.key: int(text) if is_number else -1})
        except retention.OutOfBounds:
            least, most = page.say.number(kind.least), page.say.number(kind.most)
            said = _("Between %(least)s and %(most)s days.", least=least, most=most)
            if kind.may_never:
                said += " " + _("0: for good.")
            wrong[kind.key] = said
    return days, wrong
