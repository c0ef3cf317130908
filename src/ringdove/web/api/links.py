"""Links in texts: their short domain, and who opened those of a message; as on the pages."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from psycopg.errors import UniqueViolation
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from ringdove.records import clicks
from ringdove.records.people.lookups import NO_END
from ringdove.records.sending import message_story
from ringdove.rules.links import links
from ringdove.web.api.callers import Caller, OwnerKey, ViewerKey
from ringdove.web.links.link_host import TAKEN, reaches, set_host, wrong_host

router = APIRouter(prefix="/api/stores/{store_id}", tags=["Links"])


class LinkDomain(BaseModel):
    """Where the links of texts stand."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    host: str = Field(
        "",
        max_length=200,
        pattern="^[^\\x00]*$",
        description="Like go.shop.example; empty: the address of this server.",
    )


class LinkDomainTold(LinkDomain):
    """The domain, and what stands before a token."""

    prefix: str = Field(description="A link is this and a token of 12 or 17 letters and digits.")


class LinkReach(BaseModel):
    """Whether the domain leads to this server."""

    reaches: bool
    why: str = Field("", description="What is wrong, and what to do.")


class ClickTold(BaseModel):
    """One opening of a link."""

    at: datetime
    link: int = Field(description="Which of the message's links, from 0.")
    kind: Literal["person", "robot", "preview"]
    device: str = Field(description="phone, tablet, desktop; empty: its person was erased.")


@router.get("/links/domain", summary="The short domain of links")
async def get_link_domain(caller: OwnerKey) -> LinkDomainTold:
    """As it is now."""
    return _told(caller, caller.store.link_host)


@router.put("/links/domain", summary="Set the short domain of links")
async def put_link_domain(wish: LinkDomain, caller: OwnerKey) -> LinkDomainTold:
    """Texts that are made from now on use it. Check it first with a link of this server: see
    `POST /links/domain/check`."""
    host = links.host_of(wish.host)
    why = wrong_host(caller.runtime, host)
    if host is None or why:
        raise HTTPException(422, f"host: {why}")
    try:
        async with caller.transaction() as tx:
            await set_host(tx, caller.store, host)
            await caller.audit(tx, "link_host.changed", host or caller.store.link_host)
    except UniqueViolation:
        raise HTTPException(422, f"host: {TAKEN}") from None
    return _told(caller, host)


@router.post("/links/domain/check", summary="Ask whether the short domain leads here")
async def check_link_domain(caller: OwnerKey) -> LinkReach:
    """Opens an address of it from this server."""
    if not caller.store.link_host:
        return LinkReach(reaches=False, why="There is no short domain: set one first.")
    found = await reaches(caller.runtime, caller.store.link_host)
    return LinkReach(reaches=found.ok, why=found.why)


@router.get("/messages/{message_id}/clicks", summary="Who opened the links of a message")
async def get_clicks(
    message_id: Annotated[int, Path(ge=0, le=NO_END)], caller: ViewerKey
) -> list[ClickTold]:
    """People, previews and robots, the first first; at most 100."""
    async with caller.transaction() as tx:
        if await message_story.story(tx, caller.store, message_id) is None:
            raise HTTPException(404)
        rows = await clicks.of_message(tx, caller.store, message_id)
    return [
        ClickTold(at=row["at"], link=row["number"], kind=row["kind"], device=row["device"])
        for row in rows
    ]


def _told(caller: Caller, host: str) -> LinkDomainTold:
    store, outside = replace(caller.store, link_host=host), caller.runtime.settings.outside_url
    return LinkDomainTold(host=host, prefix=links.prefix_of(store, outside))
