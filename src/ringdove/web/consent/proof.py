"""Proof of consent: the state of the whole ledger, and the zip that proves it to strangers (N1).

One person's proof is for support, who answer complaints; everybody's is for marketers and owners.
Each download leaves its line in the audit before its first byte.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from ringdove.records.consent import ledger, proof
from ringdove.records.people import lookups
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.menu import N_
from ringdove.web.speech import Speech
from ringdove.web.views import MarketerPage, StorePage, SupportPage

router = APIRouter(prefix="/stores/{store_id}", include_in_schema=False)

ContactId = Annotated[int, Path(ge=1, le=lookups.NO_END)]
BREAKS = {
    "changed": N_("An entry says something else than when it was written"),
    "gap": N_("An entry before this one is missing or was changed"),
    "tail": N_("The person's last entries are missing"),
    "gone": N_("All entries of a person are missing"),
    "sealed": N_("Entries under this seal are missing or were added"),
    "seal": N_("A seal was changed, or the one before it is missing"),
}


class Span(Filled):
    """From and until, as days of UTC; both may be empty."""

    since: date | None = Field(None)
    until: date | None = Field(None)

    @model_validator(mode="before")
    @classmethod
    def _emptied(cls, given: dict[str, object]) -> dict[str, object]:
        return {name: value or None for name, value in given.items()}

    @model_validator(mode="after")
    def _in_order(self) -> "Span":
        if self.since and self.until and self.since > self.until:
            raise PydanticCustomError("said.span", N_("The end lies before the beginning."))
        return self


@router.get("/proof")
async def show(page: MarketerPage) -> Response:
    """Whether the ledger is whole, and its proof to download."""
    return await _render(page, Form[Span]())


async def _render(page: StorePage, form: Form[Span], status: int = 200) -> Response:
    async with page.transaction() as tx:
        found = await ledger.found(tx, page.store)
    return page.render(
        "consent/proof.html", status, form=form, found=found,
        broken=break_words(page.say, found["broken"]) if found else "",
    )  # fmt: skip


def break_words(say: Speech, broken: str) -> str:
    """The first broken place in the reader's words."""
    kind, _, place = broken.partition(" ")
    return f"{say.gettext(BREAKS[kind])}: {place}." if kind in BREAKS else broken


@router.post("/proof/check")
async def check(page: MarketerPage) -> Response:
    """Asks for a look at all of it; a worker takes it within a minute."""
    async with page.transaction() as tx:
        await ledger.ask(tx, page.store, page.runtime.clock())
        await page.audit(tx, "ledger.check_asked")
    return page.go(f"{page.home}/proof", page.say.gettext("It will be checked within a minute."))


@router.post("/proof")
async def download_all(page: MarketerPage) -> Response:
    """Everybody's proof, of all time or of some days."""
    form = await read_form(page.request, Span, page.say)
    if form.filled is None:
        return await _render(page, form, 422)
    since, until = form.filled.since, form.filled.until
    wish = proof.Wish(
        since=_begin(since) if since else None,
        until=_begin(until + timedelta(days=1)) if until else None,
    )
    async with page.transaction() as tx:
        await page.audit(tx, "proof.exported", _days(since, until))
    return download(page.runtime, page.store, wish)


@router.post("/customers/{contact_id}/proof")
async def download_one(page: SupportPage, contact_id: ContactId) -> Response:
    """One person's proof, with that of those who were merged into them."""
    async with page.transaction() as tx:
        person = await ledger.person(tx, page.store, contact_id)
        if person is None:
            raise HTTPException(404)
        await page.audit(tx, "proof.exported", person.name or str(contact_id))
    return download(page.runtime, page.store, proof.Wish((contact_id, *person.also)))


def download(runtime: Runtime, store: Store, wish: proof.Wish) -> StreamingResponse:
    """The zip as it is packed."""
    now = runtime.clock()
    newest_id = runtime.ids.make(ledger.bucket_of_store(store))
    pieces = proof.pack(
        runtime.pool, store, wish, keyed=runtime.keyed, readme=proof.readme_of(store, now),
        now=now, newest_id=newest_id,
    )  # fmt: skip
    name = proof.file_name(store, now, wish.contacts)
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _days(since: date | None, until: date | None) -> str:
    return f"{since or '…'} – {until or '…'}" if since or until else ""
