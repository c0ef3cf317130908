"""Automations as files: one read out of its page, and one taken in as a new one of the store's own,
switched off, so that a file never changes what is there.
"""

import json
from typing import Any

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.rules.automations import revisions
from ringdove.rules.automations.automation_files import FileWrong
from ringdove.rules.automations.plans import Automation
from ringdove.web.automations import automation_checks
from ringdove.web.automations.automations_found import find, keep, next_own
from ringdove.web.views import MarketerPage, StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/automations", include_in_schema=False)

FILE_BYTES_MAX = 400_000


@router.get("/{key}/file")
async def file(page: ViewerPage, key: str) -> Response:
    """The automation as a file to keep, with the segments that it asks for."""
    async with page.transaction() as tx:
        plan = await find(tx, page, key)
        told = await automation_checks.file_of(tx, page.store, plan, page.say.language)
    name = f"ringdove-{plan.journey.key}.json"
    return Response(
        json.dumps(told, ensure_ascii=False, indent=2) + "\n",
        media_type="application/json",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


@router.post("/file")
async def take(page: MarketerPage) -> Response:
    """A file as a new automation, off; or what is wrong with it."""
    _, home = page.say.gettext, f"{page.home}/automations"
    if int(page.request.headers.get("content-length") or FILE_BYTES_MAX + 1) > FILE_BYTES_MAX:
        raise HTTPException(413)
    async with page.request.form(max_files=1, max_fields=10) as form:
        given = form.get("file")
        octets = await given.read() if isinstance(given, UploadFile) else b""
    try:
        document = json.loads(octets)
    except (ValueError, RecursionError):
        return page.refuse(
            home, _("This is no file of an automation: choose one that was saved here.")
        )
    try:
        async with page.transaction() as tx:
            key = await _taken(tx, page, document)
    except FileWrong as error:
        return page.refuse(home, _("The file was not taken: %(why)s", why=error))
    said = _("This is what the file holds. It is off until you switch it on.")
    return page.go(f"{home}/{key}", said)


async def _taken(tx: Tx, page: StorePage, document: Any) -> str:
    """Its key. Raises FileWrong: then nothing of it is kept."""
    told, named = await automation_checks.taken(
        tx, page.store, document, page.runtime.clock(), page.audit
    )
    key, before = await next_own(tx, page.store.id), Automation(is_on=False)
    unnamed = page.say.gettext("From a file")
    journey = automation_checks.as_own(told, key, named, unnamed)
    if not await keep(tx, page, key, revisions.kept(key, journey, told.texts, before), before):
        raise FileWrong(page.say.gettext("Somebody else has just changed it: look again."))
    return key
