"""How trouble is told: RFC 9457 to programs, a friendly page to people, a reference to both.

Programs are whoever calls a door or the API. An unexpected error shows a short reference that the
log holds too, and never its own text: that may carry a customer's data.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from ringdove.web.drawing import draw
from ringdove.web.security import WITHOUT_COOKIES
from ringdove.web.speech import Speech, choose_language, plain_speech

log = structlog.get_logger()

PROBLEM_TYPE = "application/problem+json"


def problem(
    status: int,
    detail: str = "",
    *,
    title: str = "",
    headers: dict[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """An RFC 9457 answer."""
    body = {"type": "about:blank", "title": title or HTTPStatus(status).phrase, "status": status}
    if detail:
        body["detail"] = detail
    return JSONResponse(body | more, status, headers, media_type=PROBLEM_TYPE)


def is_program(request: Request) -> bool:
    """Whether the caller reads problems rather than pages."""
    return request.url.path.startswith(WITHOUT_COOKIES)


@dataclass(frozen=True, slots=True)
class Words:
    """What a page of trouble says."""

    title: str
    advice: str


def _words(status: int, say: Speech) -> Words:
    _ = say.gettext
    known: dict[int, Callable[[], Words]] = {
        403: lambda: Words(
            _("This is not open to you"),
            _("Your role in this store does not allow it. An owner of the store can change that."),
        ),
        404: lambda: Words(
            _("Nothing is here"),
            _("The address may be mistyped, or what was here belongs to another store."),
        ),
        405: lambda: Words(_("Not this way"), _("Go back and use the button on the page.")),
        429: lambda: Words(_("Too many tries"), _("Please wait a few minutes and try again.")),
        503: lambda: Words(_("Just a moment"), _("Too much is going on. Try again in a minute.")),
    }
    if status in known:
        return known[status]()
    if status < 500:
        return Words(_("That did not work"), _("Go back, check what was entered and try again."))
    return Words(
        _("Something broke on our side"),
        _("Nothing you did is lost. If it happens again, tell the operator this reference."),
    )


def trouble_page(request: Request, status: int, reference: str = "") -> Response:
    """The friendly page, in the language of its reader."""
    say = getattr(request.state, "say", None) or plain_speech(choose_language(request))
    words = _words(status, say)
    html = draw(
        "trouble.html", say, request=request, status=status, words=words, reference=reference
    )
    return HTMLResponse(html, status)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Errors that we raised on purpose."""
    assert isinstance(error, HTTPException)
    if is_program(request):
        detail = "" if error.detail == HTTPStatus(error.status_code).phrase else str(error.detail)
        return problem(error.status_code, detail, headers=dict(error.headers or {}))
    return trouble_page(request, error.status_code)


def on_crash(request: Request, error: Exception) -> Response:
    """Errors that nobody foresaw."""
    reference = secrets.token_hex(4)
    log.error("page.crashed", reference=reference, path=request.url.path, exc_info=error)
    if is_program(request):
        return problem(500, f"Reference {reference}", reference=reference)
    return trouble_page(request, 500, reference)


def refuse_forged(request: Request) -> Response:
    """A change that does not come from our own pages."""
    return trouble_page(request, 403)
