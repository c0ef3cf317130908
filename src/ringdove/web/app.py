"""The one web application: pages for people, doors for shops, the API for programs.

Everything passes security.Guard. Pages are listed in PAGES, so that a test can walk them all as
the wrong person (P10). Nothing here knows of workers; cli.py decides what runs together.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from ringdove.runtime import Runtime
from ringdove.web import api, doors, live, public
from ringdove.web.automations import (
    automation_files,
    automation_rehearsals,
    automation_reports,
    automations,
    editor,
    parked,
    tell_me,
    try_outs,
    wishes,
)
from ringdove.web.campaigns import (
    calendar,
    campaign_audience,
    campaign_compose,
    campaign_results,
    campaign_review,
    campaign_running,
    campaign_start,
    campaigns,
)
from ringdove.web.complaints import complaints, rules_told
from ringdove.web.consent import (
    confirm,
    consent,
    leave,
    leave_site,
    posters,
    proof,
    reconfirm,
    sign_up,
    suppression,
    ways_in,
    ways_out,
)
from ringdove.web.contests import contest, contests, win
from ringdove.web.conversations import answering, canned, inbox, inbox_deeds
from ringdove.web.drawing import STATIC
from ringdove.web.errors import is_program, on_crash, on_http_error, problem, refuse_forged
from ringdove.web.friends import friend_pages, friends, share_pieces
from ringdove.web.goods import goods
from ringdove.web.keeping import erasing, retention
from ringdove.web.links import link_host, link_protocol, links
from ringdove.web.lists import exports, imports
from ringdove.web.offers import offers, only
from ringdove.web.people import (
    customer_deeds,
    customer_edits,
    customer_merges,
    customers,
    decision,
    own_fields,
    people_list,
)
from ringdove.web.reports import order_questions, reports
from ringdove.web.security import Guard, Throttle
from ringdove.web.segments import segment_asking, segments
from ringdove.web.sending import (
    gateway_doors,
    gateways,
    messages,
    money,
    phones,
    prices,
    routes,
    traffic,
    unknown,
)
from ringdove.web.store import connections, login, policy, setup, store, team, today
from ringdove.web.surveys import (
    answer_form,
    opinions,
    opinions_shown,
    survey_answers,
    survey_editor,
    surveys,
)
from ringdove.web.tasks import calls, tasks
from ringdove.web.views import SignInFirst, on_sign_in_first

PAGES: tuple[APIRouter, ...] = (
    login.router,
    setup.router,
    store.router,
    link_host.router,
    team.router,
    today.router,
    people_list.router,
    segment_asking.router,  # before segments, whose ids would take its words
    segments.router,
    customers.router,
    imports.router,
    exports.router,
    customer_deeds.router,
    customer_edits.router,
    customer_merges.router,
    own_fields.router,
    erasing.router,
    suppression.router,
    retention.router,
    consent.router,
    proof.router,
    reconfirm.router,
    messages.router,
    policy.router,
    decision.router,
    unknown.router,
    automations.router,
    automation_files.router,  # before the editor, who would take its word for a key
    editor.router,
    automation_rehearsals.router,
    automation_reports.router,
    try_outs.router,
    wishes.router,
    campaigns.router,
    campaign_compose.router,
    campaign_audience.router,
    campaign_results.router,
    campaign_review.router,
    campaign_start.router,
    campaign_running.router,
    calendar.router,
    connections.router,
    gateways.router,
    traffic.router,
    prices.router,
    routes.router,
    money.router,
    parked.router,
    inbox.router,
    inbox_deeds.router,
    answering.router,
    canned.router,
    complaints.router,
    rules_told.router,
    tasks.router,
    calls.router,
    phones.router,
    live.router,
    ways_in.router,
    ways_out.router,
    posters.router,
    goods.router,
    friends.router,  # before offers, whose numbers would take its word
    offers.router,
    contests.router,
    contest.router,
    reports.router,
    order_questions.router,
    survey_answers.router,  # before surveys, who would take its word for a key
    opinions.router,
    survey_editor.router,
    surveys.router,
)
SHUTDOWN_S = 5
KEPT_FOR_EVER = "public, max-age=31536000, immutable"
ASKED_AGAIN = "public, max-age=3600"


class Assets(StaticFiles):
    """Our own files; an address with a hash in it never changes its content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        has_hash = scope["query_string"].startswith(b"v=")
        response.headers["cache-control"] = KEPT_FOR_EVER if has_hash else ASKED_AGAIN
        return response


class Application(FastAPI):
    """FastAPI, but links are opened before it looks at anything: see web/links/links.py."""

    opens: links.Redirector

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.opens(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(runtime: Runtime) -> FastAPI:
    """The application on an open Runtime."""
    app = Application(
        title="Ringdove", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_life
    )
    app.state.runtime = runtime
    app.state.streams = live.Streams()
    app.state.tries = Throttle()
    app.state.links = links.Links(runtime)
    app.state.callers = Throttle(tries_max=login.CALLER_TRIES_MAX)
    # Not include_router(): that would build every route a second time, at its first request.
    for router in (*PAGES, *api.ROUTERS, api.pages):
        app.router.routes.extend(router.routes)
    for routes_of in (
        doors,
        gateway_doors,
        public,
        leave,
        leave_site,
        tell_me,
        answer_form,
        opinions_shown,
        confirm,
        sign_up,
        only,
        win,
        share_pieces,
        friend_pages,
        links,
    ):
        app.router.routes.extend(routes_of.ROUTES)
    app.mount("/static", Assets(directory=STATIC), name="static")
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, _on_bad_address)
    app.add_exception_handler(SignInFirst, on_sign_in_first)
    app.add_middleware(Guard, refuse=refuse_forged, crashed=on_crash)
    app.opens = links.Redirector(partial(FastAPI.__call__, app), app.state.links)
    return app


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    hearing = asyncio.create_task(live.hear(app.state.runtime.database_url, app.state.streams))
    telling = asyncio.create_task(app.state.links.clicks.tell_again())
    try:
        yield
    finally:
        app.state.streams.close()
        for task in (hearing, telling):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await app.state.links.clicks.close()


async def _on_bad_address(request: Request, error: Exception) -> Response:
    """An address whose numbers are none: there is no such page; a program is told what is wrong."""
    assert isinstance(error, RequestValidationError)
    if not is_program(request):
        return await on_http_error(request, HTTPException(404))
    wrong = [{"at": ".".join(map(str, one["loc"])), "why": one["msg"]} for one in error.errors()]
    return problem(422, "; ".join(f"{w['at']}: {w['why']}" for w in wrong), errors=wrong)


class Server(uvicorn.Server):
    """uvicorn, which ends the open event streams before it waits for connections to close."""

    def __init__(self, app: FastAPI, host: str, port: int, trusted_proxies: str) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                http=link_protocol.protocol(app.state.links, trusted_proxies),
                forwarded_allow_ips=trusted_proxies,
                timeout_graceful_shutdown=SHUTDOWN_S,
                server_header=False,
                log_config=None,
                access_log=False,
            )
        )
        self._streams: live.Streams = app.state.streams

    async def shutdown(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        self._streams.close()
        await super().shutdown(sockets)  # type: ignore[arg-type]
