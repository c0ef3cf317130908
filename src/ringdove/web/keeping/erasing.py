"""A customer's data: all of it as a file, and its erasure in two steps that say what they do (P12).

Support may hand a person their data, since support sees all of it anyhow. Erasing cannot be undone:
it is for owners, and the page before it says what goes, what stays, and why.
"""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import StringConstraints
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit import db
from ringdove.records.keeping import erasure, person_export
from ringdove.records.keeping.erasure import Wish
from ringdove.web.forms import Filled, read_form
from ringdove.web.keeping import keeping_words as words
from ringdove.web.keeping import person_files
from ringdove.web.people.customers import ContactId, known
from ringdove.web.views import OwnerPage, StorePage, SupportPage

router = APIRouter(prefix="/stores/{store_id}", include_in_schema=False)

SHOWN = (
    "orders", "parcels", "returns", "carts", "visits", "messages", "texts_from_them", "rewards",
    "consents",
)  # fmt: skip


class Erase(Filled):
    scope: Literal["marketing", "all"] = "all"
    sure: Annotated[str, StringConstraints(pattern="^yes$")]


@router.get("/customers/{contact_id}/data")
async def export(page: SupportPage, contact_id: ContactId) -> Response:
    """All that is kept of one person, as a zip for them."""
    async with page.transaction() as tx:
        packed = await person_files.pack(tx, page.store, contact_id, page.runtime.clock())
        if packed is None:
            raise HTTPException(404)
        await page.audit(tx, "customer.exported", str(contact_id))
    return zipped(*packed)


def zipped(name: str, octets: bytes) -> Response:
    """A download that no cache keeps."""
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "no-store",
    }
    return Response(octets, media_type="application/zip", headers=headers)


@router.get("/customers/{contact_id}/erase")
async def ask(page: OwnerPage, contact_id: ContactId) -> Response:
    """What would go, what would stay, and why."""
    return await _ask(page, contact_id)


async def _ask(page: StorePage, contact_id: int, wrong: str = "", status: int = 200) -> Response:
    async with page.transaction() as tx:
        who = await known(tx, page, contact_id)
        people = await person_export.group(tx, page.store, contact_id)
        if not people:
            raise HTTPException(404)
        found = await person_export.collect(tx, page.store, people)
    return page.render(
        "keeping/erase.html",
        status,
        who=who.person,
        name=who.name or page.say.phone(who.person.phone) or page.say.gettext("no name"),
        counts={kind: len(found[kind]) for kind in SHOWN},
        merged=len(people) - 1,
        wrong=wrong,
    )


@router.post("/customers/{contact_id}/erase")
async def erase(page: OwnerPage, contact_id: ContactId) -> Response:
    """Erases the person: their own rows now, what lies elsewhere within moments."""
    _ = page.say.gettext
    async with page.transaction() as tx:
        await known(tx, page, contact_id)
    form = await read_form(page.request, Erase, page.say)
    if form.filled is None:
        return await _ask(page, contact_id, _("Tick the box if you are sure."), 422)
    wish = Wish(f"page/{page.user.name}", form.filled.scope)
    runtime, now = page.runtime, page.runtime.clock()

    async def work(tx: db.Tx) -> erasure.Row | None:
        return await erasure.begin(tx, page.store, contact_id, wish, now, runtime.keyed)

    row = await db.retried(runtime.pool, work)
    if row is None:
        raise HTTPException(404)
    async with page.transaction() as tx:
        await page.audit(tx, "customer.erased", "", scope=row["scope"])
    return page.go(f"{page.home}/erased", _("Erased. What lies elsewhere follows within moments."))


@router.get("/erased")
async def erased(page: OwnerPage) -> Response:
    """Who was erased, as far as that can be told: when, by whom, and how much it was."""
    async with page.transaction() as tx:
        rows = await erasure.newest(tx, page.store)
    return page.render("keeping/erased.html", rows=rows, words=words)
