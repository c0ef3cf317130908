"""The short domain of a store's links: set, explained, and looked at from outside (R28).

A link costs fewer letters on a short domain, and people know the shop by it. The domain must lead
to this server; whether it does is asked by opening an address of it and hearing what only this
installation can answer.
"""

import secrets
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter
from psycopg.errors import UniqueViolation
from pydantic import StringConstraints
from starlette.responses import Response

from ringdove.kit import db, http
from ringdove.records.store import stores
from ringdove.rules.links import links
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.web.forms import Filled, Form, read_form
from ringdove.web.links.links import CHECK, answer_of
from ringdove.web.menu import N_
from ringdove.web.views import OwnerPage, StorePage

router = APIRouter(prefix="/stores/{store_id}/settings/links", include_in_schema=False)

CHECK_S_MAX = 8.0
TOKEN_SHOWN = "4fK9xTq2Lm7W"  # of the example


@dataclass(frozen=True, slots=True)
class Reached:
    """What opening the domain from here has shown."""

    ok: bool
    why: str = ""  # in English, of the pages' texts


class HostForm(Filled):
    host: Annotated[str, StringConstraints(max_length=200)] = ""
    anyway: bool = False  # although it does not lead here yet


@router.get("")
async def show(page: OwnerPage) -> Response:
    """The domain, what is to be done for it, and how a link looks."""
    return _page(page, Form({"host": page.store.link_host}))


@router.post("")
async def save(page: OwnerPage) -> Response:
    """Links of texts that are made from now on stand on this domain. One that does not lead here is
    saved only when that was said: nobody could open them."""
    form = await read_form(page.request, HostForm, page.say)
    if form.filled is None:
        return _page(page, form, 422)
    host = links.host_of(form.filled.host)
    why = wrong_host(page.runtime, host)
    is_new = host and host != page.store.link_host
    if is_new and not why and not form.filled.anyway:
        reached = await reaches(page.runtime, host or "")
        if not reached.ok:
            form.values["host"] = host
            return _page(page, form, 422, reached=reached, is_asked=True)
    if not why:
        try:
            async with page.transaction() as tx:
                await set_host(tx, page.store, host)
                await page.audit(tx, "link_host.changed", host or page.store.link_host)
        except UniqueViolation:
            why = TAKEN
    if why:
        form.refuse("host", page.say.gettext(why))
        return _page(page, form, 422)
    return page.go(f"{page.home}/settings/links", page.say.gettext("Saved."))


@router.post("/check")
async def check(page: OwnerPage) -> Response:
    """Whether the domain that was typed leads here, seen from this server; nothing is changed."""
    form = await read_form(page.request, HostForm, page.say)
    host = links.host_of(form.filled.host) if form.filled else None
    if why := wrong_host(page.runtime, host) or ("" if host else WRONG):
        form.refuse("host", page.say.gettext(why))
        return _page(page, form, 422)
    form.values["host"] = host
    return _page(page, form, reached=await reaches(page.runtime, host or ""))


def _page(
    page: StorePage, form: Form[HostForm], status: int = 200, *, reached: Reached | None = None,
    is_asked: bool = False,
) -> Response:  # fmt: skip
    outside = page.runtime.settings.outside_url
    bare = replace(page.store, link_host="")
    return page.render(
        "links/link_host.html", status, form=form, reached=reached, is_asked=is_asked,
        outside=outside, server=urlsplit(outside).hostname or "",
        is_public=bool(page.runtime.settings.public_url), now_as=links.url_of(page.store, outside,
        TOKEN_SHOWN), else_as=links.url_of(bare, outside, TOKEN_SHOWN), )  # fmt: skip


# ------------------------------------------------------------------ also of the API

WRONG = N_("A domain like go.shop.example, please: letters, digits and hyphens, with a dot.")
OURS = N_("This is the domain of these pages: they could not be opened any more. Take another one.")
TAKEN = N_("Another store has this domain.")


def wrong_host(runtime: Runtime, host: str | None) -> str:
    """Why this cannot be a short domain, in English; "": it can. "" takes it away."""
    if host is None:
        return WRONG
    return OURS if host and host == urlsplit(runtime.settings.outside_url).hostname else ""


async def set_host(tx: db.Tx, store: Store, host: str | None) -> None:
    """From now on. Raises UniqueViolation when it is another store's."""
    await stores.set_link_host(tx, store.id, host or "")


async def reaches(runtime: Runtime, host: str) -> Reached:
    """Opens an address of the domain as a phone would, and hears whether it was us."""
    nonce = secrets.token_hex(12)
    url = f"https://{host}{CHECK}?{nonce}"
    try:
        async with http.opened(CHECK_S_MAX, reply_bytes_max=1_000) as ask:
            reply = await ask("GET", url, {"accept": "text/plain"})
    except (*http.TROUBLES, ValueError):
        return Reached(
            False,
            N_("It does not answer over https. Check the DNS record, then the certificate: new"
               " records take up to an hour."),
        )  # fmt: skip
    if reply.status == 200 and reply.body.decode("ascii", "replace") == answer_of(runtime, nonce):
        return Reached(True)
    return Reached(
        False,
        N_("Something answers there, but not this server: let the proxy pass all requests of this"
           " domain on, with the header Host unchanged."),
    )  # fmt: skip
