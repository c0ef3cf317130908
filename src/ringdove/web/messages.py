"""Messages: what was said, what was not and why, and the whole story of each (N2)."""

from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ringdove.records import message_story
from ringdove.records.message_story import ROWS, Wish
from ringdove.rules.messages import LIFE
from ringdove.rules.recipes import RECIPES
from ringdove.web.reasons import state_words, title
from ringdove.web.views import StorePage, ViewerPage

router = APIRouter(prefix="/stores/{store_id}/messages", include_in_schema=False)

ID_MAX = 2**63 - 1
Id = Annotated[int, Query(ge=0, le=ID_MAX)]
Word = Annotated[str, Query(max_length=40)]


@router.get("")
async def show(
    page: ViewerPage,
    state: Word = "",
    channel: Word = "",
    recipe: Word = "",
    day: Word = "",
    before: Id = ID_MAX,
) -> Response:
    """Messages and silences, newest first, filtered."""
    wish = _wish(page, state, channel, recipe, day)
    async with page.transaction() as tx:
        rows = await message_story.newest(tx, page.store, wish, page.runtime.clock(), before)
    kept = {"state": state, "channel": channel, "recipe": recipe, "day": day}
    return page.render(
        "messages.html",
        rows=rows,
        kept=kept,
        more=rows[-1]["id"] if len(rows) == ROWS else None,
        states=[(word, state_words(page.say, word)) for word in LIFE],
        recipes=[(key, title(key, page.say.language)) for key in RECIPES],
        is_filtered=any(kept.values()),
    )


def _wish(page: StorePage, state: str, channel: str, recipe: str, day: str) -> Wish:
    try:
        asked = date.fromisoformat(day) if day else None
    except ValueError:
        asked = None
    since = datetime.combine(asked, time(), page.say.zone) if asked else None
    return Wish(
        state=state,
        channel=channel,
        recipe=recipe,
        since=since,
        until=since + timedelta(days=1) if since else None,
    )


@router.get("/{message_id}")
async def story(page: ViewerPage, message_id: int) -> Response:
    """The whole life of one message."""
    if not 0 <= message_id <= ID_MAX:
        raise HTTPException(404)
    async with page.transaction() as tx:
        found = await message_story.story(tx, page.store, message_id)
    if found is None:
        raise HTTPException(404)
    message, receipts = found
    return page.render("message.html", message=message, receipts=receipts)
