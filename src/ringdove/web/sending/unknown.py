"""Unknown: messages that may or may not have left, why nobody knows, and what can be done.

Nothing here happens by itself. Having a text said again may make it arrive twice, and every button
says so before; marketing is only said again when that is asked for in so many words.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.records.sending import unknown as records
from ringdove.records.sending.unknown import AT_ONCE_MOST, SHOWN_MOST
from ringdove.web.forms import FORM_BYTES_MAX
from ringdove.web.views import MarketerPage, StorePage, SupportPage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/unknown", include_in_schema=False)

ID_MAX = 2**63 - 1
FIELDS_MAX = AT_ONCE_MOST + 10


@router.get("")
async def show(
    page: ViewerPage, before: Annotated[int, Query(ge=0, le=ID_MAX)] = ID_MAX
) -> Response:
    """Those that nobody has decided about, the newest first."""
    now = page.runtime.clock()
    async with page.transaction() as tx:
        rows = await records.listed(tx, page.store, now, before)
        total = await records.count(tx, page.store, now) if rows else 0
    return page.render(
        "sending/unknown.html",
        rows=rows,
        total=total,
        most=AT_ONCE_MOST,
        more=rows[-1]["id"] if len(rows) == SHOWN_MOST else None,
        advice=lambda row: advice(page, row),
        now=now,
    )


def advice(page: StorePage, row: Mapping[str, Any]) -> str:
    """What can be done about one of them."""
    _ = page.say.gettext
    if row["not_after"] <= page.runtime.clock():
        return _("Its time is over: it cannot be said again.")
    if row["class"] == "marketing":
        return _("Marketing: better left alone.")
    return _("Say it again if arriving twice does less harm than not at all.")


@router.post("/again")
async def say_again(page: MarketerPage) -> Response:
    """The chosen ones wait to be said again; each is asked anew whether it may go."""
    form = await _form(page)
    now = page.runtime.clock()
    async with page.transaction() as tx:
        ids = await _chosen(page, form, tx)
        again, marketing, late = await records.say_again(
            tx, page.store, ids, now, also_marketing=form.get("also_marketing") == "yes"
        )
        if again:
            await page.audit(tx, "unknown.said_again", str(again), messages=_few(ids))
    return page.go(f"{page.home}/unknown", _said_again(page, again, marketing, late))


def _said_again(page: StorePage, again: int, marketing: int, late: int) -> str:
    ngettext = page.say.ngettext
    said = []
    if again or not (marketing or late):
        said.append(ngettext("%(num)s is said again.", "%(num)s are said again.", again))
    if marketing:
        said.append(
            ngettext(
                "%(num)s is marketing and was left.", "%(num)s are marketing and were left.",
                marketing,
            )
        )  # fmt: skip
    if late:
        said.append(
            ngettext("%(num)s is too late to be said.", "%(num)s are too late to be said.", late)
        )
    return " ".join(said)


@router.post("/left")
async def leave(page: SupportPage) -> Response:
    """The chosen ones stay as they are and leave the list."""
    form = await _form(page)
    async with page.transaction() as tx:
        ids = await _chosen(page, form, tx)
        left = await records.leave(tx, page.store, ids, page.runtime.clock())
        if left:
            await page.audit(tx, "unknown.left", str(left), messages=_few(ids))
    said = page.say.ngettext("%(num)s is left as it is.", "%(num)s are left as they are.", left)
    return page.go(f"{page.home}/unknown", said)


async def _form(page: StorePage) -> FormData:
    if int(page.request.headers.get("content-length") or FORM_BYTES_MAX + 1) > FORM_BYTES_MAX:
        raise HTTPException(413)
    return await page.request.form(max_files=0, max_fields=FIELDS_MAX)


async def _chosen(page: StorePage, form: FormData, tx: Any) -> list[int]:
    """What is ticked, or all that there are; at most AT_ONCE_MOST."""
    if form.get("which") == "all":
        now = page.runtime.clock()
        rows = await records.listed(tx, page.store, now, most=AT_ONCE_MOST)
        return [row["id"] for row in rows]
    told = [str(one) for one in form.getlist("message")]
    return [int(one) for one in told if one.isdecimal() and int(one) <= ID_MAX][:AT_ONCE_MOST]


def _few(ids: Sequence[int]) -> list[str]:
    """For the audit: enough to find them, not a page of numbers."""
    return [str(one) for one in ids[:20]]
