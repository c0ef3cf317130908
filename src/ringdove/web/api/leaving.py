"""Ways out over the API: the store's form, what people may reply, and one person's own link."""

from functools import partial

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ringdove.records.consent import ways_out as records
from ringdove.rules.consent import stop_links
from ringdove.web.api.ask import RowId, Shown
from ringdove.web.api.callers import SupportKey, ViewerKey
from ringdove.web.consent import ways_out

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Consent"])


class Ways(BaseModel):
    """How people leave."""

    form_url: str = Field(description="Who types a number there gets no more offers.")
    script: str = Field(description="The same form within a page of the shop.")
    topics: list[Shown] = Field(description="Each with its code and what people may reply.")
    left: dict[str, int] = Field(description="People of the last 30 days, by the way they took.")


class Link(BaseModel):
    """A person's own way out."""

    stop_url: str


@router.get("/ways-out", summary="Ways out")
async def show(caller: ViewerKey) -> Ways:
    """The store's form and its line of script, the replies that leave one topic, and how many left
    by which way."""
    url = ways_out.form_url(caller.runtime, caller.store)
    async with caller.transaction() as tx:
        left = await ways_out.counted(tx, caller.runtime, caller.store)
    return Ways(
        form_url=url,
        script=f'<script src="{url}.js" async></script>',
        topics=ways_out.topics_of(caller.store, caller.store.languages[0]),
        left=left,
    )


@router.get("/customers/{contact_id}/stop-link", summary="A customer's own way out")
async def link(caller: SupportKey, contact_id: RowId) -> Link:
    """The link that ends offers without a login; it never expires. Give it to this person only."""
    async with caller.transaction() as tx:
        if await records.person(tx, caller.store, contact_id) is None:
            raise HTTPException(404, "There is no such customer in this store.")
    keyed = partial(caller.runtime.keyed, caller.store.id)
    address = caller.runtime.settings.outside_url
    return Link(stop_url=stop_links.url_of(address, caller.store.id, contact_id, keyed))
