"""Ways out: what a merchant shows to customers who want fewer texts or none, and how many left how.

The link in the text and the reply need no setting up. The shop's own form is one line of script or
an address; the codes of topics stand in the rules of sending.
"""

from datetime import timedelta
from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from ringdove.kit.db import Tx
from ringdove.records.consent import ways_out
from ringdove.rules import languages
from ringdove.rules.consent import stop_links
from ringdove.rules.consent.stopping import topic_name
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.web.speech import Speech
from ringdove.web.views import ViewerPage

router = APIRouter(prefix="/stores/{store_id}/ways-out", include_in_schema=False)

SHOWN_FOR = timedelta(days=30)


@router.get("")
async def show(page: ViewerPage) -> Response:
    """The ways, what to put where, and who left by which."""
    async with page.transaction() as tx:
        counts = await counted(tx, page.runtime, page.store)
    return page.render(
        "consent/ways_out.html",
        form_url=form_url(page.runtime, page.store),
        topics=topics_of(page.store, page.store.languages[0]),
        counts=[(way_words(page.say, way), n) for way, n in counts.items()],
    )


def form_url(runtime: Runtime, store: Store) -> str:
    """The store's own form, for anybody."""
    token = stop_links.form_token_of(store.id, partial(runtime.keyed, store.id))
    return f"{runtime.settings.outside_url}/leave/{token}"


async def counted(tx: Tx, runtime: Runtime, store: Store) -> dict[str, int]:
    """How many left by each way lately, the most used first."""
    return await ways_out.counts(tx, store, runtime.clock() - SHOWN_FOR)


def topics_of(store: Store, language: str) -> list[dict[str, Any]]:
    """Each topic with what people may write to leave it."""
    replies = languages.phrases(language)["replies"]
    ready, stop = replies.get("topics", {}), replies["stop"][0].upper()
    found = []
    for one in store.policy.topics:
        words = [one.code, one.names.get(language, ""), *ready.get(one.key, ())[:1]]
        said = [f"{stop} {word.upper()}" for word in words if word]
        name = topic_name(store, one.key, language)
        found.append({"key": one.key, "name": name, "code": one.code, "replies": said})
    return found


def way_words(say: Speech, way: str) -> str:
    """A way in words; one that we do not know as it is."""
    _ = say.gettext
    known = {
        "link": _("Link in the text"),
        "reply": _("Reply"),
        "site": _("Form of the shop's site"),
        "operator": _("At the operator"),
        "page": _("Written down by staff"),
        "api": _("Over the API"),
        "suppression": _("List of refusals"),
        "complaint": _("Complaint about a letter"),
    }
    return known.get(way, way)
