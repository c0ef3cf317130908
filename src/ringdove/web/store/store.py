"""A store's own pages: where it begins, its settings, and who did what."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from ringdove.records.store import audit, policies, stores
from ringdove.records.store.audit import NO_END, PAGE_ROWS
from ringdove.rules.scenes import Store
from ringdove.web.forms import Form, read_form
from ringdove.web.store.deeds import deed_names
from ringdove.web.store.setup import StoreForm, choices
from ringdove.web.views import STORE_COOKIE, STORE_COOKIE_S, OwnerPage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}", include_in_schema=False)


@router.get("")
async def begin(page: ViewerPage) -> Response:
    """To today; the browser remembers which store it looked at last."""
    response = page.go(f"{page.home}/today")
    response.set_cookie(
        STORE_COOKIE,
        str(page.store.id),
        max_age=STORE_COOKIE_S,
        httponly=True,
        samesite="lax",
    )
    return response


@router.get("/settings")
async def show_settings(page: OwnerPage) -> Response:
    """What the store is called, where it is, how it may be reached, when it is quiet."""
    form = Form[StoreForm](_typed(page.store))
    return page.render("store/settings.html", form=form, **choices(page.say))


def _typed(store: Store) -> dict[str, object]:
    return {
        "name": store.name,
        "country": store.country,
        "time_zone": store.time_zone,
        "languages": list(store.languages),
        "currency": store.currency,
        "quiet_from": store.quiet_from.strftime("%H:%M"),
        "quiet_until": store.quiet_until.strftime("%H:%M"),
        "website": store.website,
        "phone": store.phone,
        "email": store.email,
    }


@router.post("/settings")
async def save_settings(page: OwnerPage) -> Response:
    """Changes them; texts that are made from now on follow."""
    form = await read_form(page.request, StoreForm, page.say)
    if form.filled is None:
        return page.render("store/settings.html", 422, form=form, **choices(page.say))
    before, after = _typed(page.store), form.filled.settings()
    async with page.transaction() as tx:
        await stores.change(tx, page.store.id, after)
        changed = [name for name, value in before.items() if _differs(value, getattr(after, name))]
        if changed:
            await page.audit(tx, "store.changed", after.name, fields=changed)
        if {"quiet_from", "quiet_until", "time_zone", "country"} & set(changed):
            await policies.ask_anew(tx, page.store, page.runtime.clock())
    return page.go(f"{page.home}/settings", page.say.gettext("Saved."))


def _differs(before: object, after: object) -> bool:
    return before != (after.strftime("%H:%M") if hasattr(after, "strftime") else after)


@router.get("/audit")
async def show_audit(
    page: OwnerPage, before: Annotated[int, Query(ge=0, le=NO_END)] = NO_END
) -> Response:
    """Every change that people and programs made, newest first."""
    async with page.transaction() as tx:
        entries = await audit.newest(tx, page.store.id, before)
    more = entries[-1].id if len(entries) == PAGE_ROWS else None
    return page.render(
        "store/audit.html", entries=entries, more=more, deed_names=deed_names(page.say)
    )
