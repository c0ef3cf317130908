"""The page of a contest for everybody: /win/<token>, with all that makes its draw a fair one.

Before its end it says how to take part, the rules, and the hash of the seed; after it the tickets
and who has won. No number stands on it: a ticket leads to nobody but who has it in a text.
"""

import asyncio
import json
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringdove.kit import db
from ringdove.records.contests import contests, draws
from ringdove.records.store import stores
from ringdove.rules import languages
from ringdove.rules.contests import contests as rules
from ringdove.rules.contests import drawing
from ringdove.rules.contests.contests import Contest
from ringdove.rules.people import phones
from ringdove.rules.scenes import Store
from ringdove.web import public
from ringdove.web.consent import sign_up
from ringdove.web.offers.only import qr_of
from ringdove.web.store.places import countries
from ringdove.web.views import runtime_of

KEPT_S = 60  # how long caches keep a file that will not change before the next deed


async def show(request: Request) -> Response:
    """The page."""
    runtime = runtime_of(request)
    found = await _found(request)
    if found is None:
        return Response("There is nothing here.", 404)
    store, contest = found
    asked = rules.read_ticket(request.query_params.get("ticket", "").replace("\x00", "")[:60])
    async with db.transaction(runtime.pool) as tx:
        number = await sign_up.number_of(tx, store.id)
        placed = await draws.placed(tx, store, contest.id) if contest.drawn_at else []
        one = await draws.one(tx, store, contest.id, asked) if asked else None
    language = public.language_of(request, store.languages)
    w = languages.phrases(language)["public"]["win"]
    now = runtime.clock()
    state = contest.state(now)
    text = _text_to(contest, number) if number and state in ("coming", "running") else ""
    return public.render(
        request, "contests/win.html", store, language, offered=store.languages, w=w,
        contest=contest, state=state, text=text, qr=qr_of(text) if text else "",
        said=_said(store, contest, number, language, w), rule=drawing.RULE_SAID,
        prize=_in(contest.prize, store, language), rules=_in(contest.rules, store, language),
        winning=[one.ticket for one in placed[: contest.winners]],
        spare=[one.ticket for one in placed[contest.winners :]], shown=rules.shown_ticket,
        asked=asked, answer=_answer(w, contest, one, asked) if asked else "",
    )  # fmt: skip


async def draw_file(request: Request) -> Response:
    """All that the draw follows from, once the list is closed: for `ringdove contest verify`."""
    runtime = runtime_of(request)
    found = await _found(request)
    if found is None or found[1].closed_at is None:
        return Response("There is nothing here yet: the list is not closed.", 404)
    store, contest = found
    async with db.transaction(runtime.pool) as tx:
        listed = await draws.tickets(tx, store, contest.id)
        placed = await draws.placed(tx, store, contest.id)
    document = drawing.document_of(contest, store.name, listed, [one.ticket for one in placed])
    return Response(
        await asyncio.to_thread(json.dumps, document, ensure_ascii=False),
        media_type="application/json",
        headers={
            "cache-control": f"public, max-age={KEPT_S}",
            "content-disposition": 'attachment; filename="draw.json"',
            "access-control-allow-origin": "*",
        },
    )


async def _found(request: Request) -> tuple[Store, Contest] | None:
    """What was opened; a draft is nobody's business yet."""
    runtime = runtime_of(request)
    async with db.transaction(runtime.pool) as tx:
        found = await contests.by_token(tx, request.path_params["token"][:60])
        store = await stores.find(tx, found[0]) if found else None
    if found is None or store is None or found[1].opened_at is None:
        return None
    return store, found[1]


def _text_to(contest: Contest, number: str) -> str:
    return f"sms:{number}?body={quote(contest.words[0])}"


def _in(said: Any, store: Store, language: str) -> str:
    text: str = said.get(language) or said.get(store.languages[0], "")
    return text


def _said(
    store: Store, contest: Contest, number: str, language: str, w: dict[str, str]
) -> dict[str, str]:
    """The page's own sentences with their values."""
    zone = ZoneInfo(store.time_zone)

    def moment(at: Any) -> str:
        local = at.astimezone(zone)
        return f"{languages.say_day(local.date(), language)}, {local:%H:%M}"

    names = dict(countries(language))
    values = {
        "word": contest.words[0] if contest.words else "", "number": phones.pretty(number),
        "begins": moment(contest.begins), "ends": moment(contest.ends), "zone": store.time_zone,
        "countries": ", ".join(names.get(one, one) for one in contest.countries),
        "beacon": contest.beacon, "n": str(contest.entries),
        "day": moment(contest.drawn_at) if contest.drawn_at else "",
    }  # fmt: skip

    def filled(text: str) -> str:
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    own = {"winners": contest.winners, "substitutes_n": contest.substitutes}
    return {
        name: text.replace("{n}", str(own[name])) if name in own else filled(text)
        for name, text in w.items()
    }


def _answer(w: dict[str, str], contest: Contest, one: draws.Taking | None, asked: str) -> str:
    if one is None or one.refused:
        key = "found_no"
    elif one.place is None:
        key = "found"
    else:
        key = "found_won" if one.place <= contest.winners else "found_sub"
    return w[key].replace("{ticket}", rules.shown_ticket(asked))


ROUTES: list[BaseRoute] = [
    Route("/win/{token}", show, methods=["GET"]),
    Route("/win/{token}/draw.json", draw_file, methods=["GET"]),
]
