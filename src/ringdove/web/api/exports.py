"""People out of the store, for programs: a table, or an audience for an ad network (R52)."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.records.lists import people_export
from ringdove.records.people import own_fields
from ringdove.rules.lists.ad_audiences import NETWORKS
from ringdove.rules.lists.people_columns import FIELD
from ringdove.web.api.callers import MarketerKey, SupportKey
from ringdove.web.lists import exports
from ringdove.web.people.people_list import Asked

router = APIRouter(prefix="/api/stores/{store_id}/exports", tags=["Exports"])


@router.get("/people", summary="People as a table", response_model=None)
async def people(
    caller: SupportKey,
    asked: Annotated[Asked, Depends()],
    columns: Annotated[
        str, Query(max_length=2_000, description="Names with commas: phone,name,field/size.")
    ] = ",".join(exports.USUAL),
    kind: Literal["csv", "xlsx"] = "csv",
) -> Response:
    """All people, or those of a search as in GET …/people. Leaves a line in the audit."""
    wanted = [name.strip() for name in columns.split(",") if name.strip()]
    async with caller.transaction() as tx:
        own = {FIELD + key for key in await own_fields.of_store(tx, caller.store)}
        unknown = [name for name in wanted if name not in exports.COLUMNS and name not in own]
        if unknown or not wanted:
            raise HTTPException(422, f"columns: {', '.join(unknown)[:200] or 'none'} is unknown.")
        await caller.audit(tx, "people.exported", asked.query(), columns=wanted, kind=kind)
    rows = exports.people_rows(caller.runtime.pool, caller.store, asked, wanted, caller.now)
    return await exports.as_file(rows, wanted, kind, "people")


@router.get("/audience", summary="An audience for an ad network", response_model=None)
async def audience(
    caller: MarketerKey,
    network: Literal["meta", "google", "tiktok", "yandex", "vk"],
    use: Literal["exclude", "include"] = "exclude",
    who: Literal["bought", "not_bought"] = "bought",
    whose: Annotated[
        Literal["agreed", "all"],
        Query(description="all: also who has not agreed to offers; to exclude only."),
    ] = "agreed",
    since: Annotated[str, Query(max_length=10, description="Bought since this day.")] = "",
    key: Literal["phone", "email"] = "phone",
) -> Response:
    """Hashes as the network asks for them. Leaves a line in the audit."""
    if use == "include" and whose == "all":
        raise HTTPException(422, "whose: to show ads, only those who agreed to offers.")
    given = exports.Audience(
        network=network, use=use, who=who, whose=whose, since=since, key=key, do="file"
    )
    meant = exports.meant_by(given, caller.now)
    async with caller.transaction() as tx:
        n = await people_export.audience_count(tx, caller.store, **meant)
        await caller.audit(tx, "audience.exported", network, use=use, whose=whose, people=n)
    pool = caller.runtime.pool
    return exports.audience_file(pool, caller.store, NETWORKS[network], key, meant, use)
