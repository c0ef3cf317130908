"""Pages for a shop's customers: light, without scripts, in their own language, on any phone.

They know nobody by a cookie and show nothing but what their address already knows. The words lie
in locales/<code>/phrases.toml under [public]; `?lang=it` chooses, else the browser's own wish.
A shop's colour comes as a tiny stylesheet of its own (/look/1f6feb.css), since nothing is inline.
"""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from ringdove.kit import i18n
from ringdove.rules import languages
from ringdove.rules.scenes import Store
from ringdove.web.drawing import draw
from ringdove.web.security import POLICY
from ringdove.web.speech import plain_speech
from ringdove.web.store.places import LANGUAGE_NAMES

COLOUR = re.compile(r"[0-9a-f]{6}")
DEFAULT_COLOUR = ""
DARK_INK, LIGHT_INK = "#111418", "#ffffff"
KEPT_S = 24 * 3600
EVERYWHERE = POLICY.replace("frame-ancestors 'none'", "frame-ancestors *")


def language_of(request: Request, offered: Sequence[str]) -> str:
    """The language of a visitor: what they picked, what their browser asks for, the first."""
    picked = request.query_params.get("lang", "")
    if picked in offered:
        return picked
    accept = request.headers.get("accept-language", "")[:500]
    best = i18n.best_language(accept, list(offered))
    return best if best in offered else (offered[0] if offered else languages.FALLBACK)


def render(
    request: Request,
    template: str,
    store: Store,
    language: str,
    *,
    status: int = 200,
    offered: Sequence[str] = (),
    colour: str = DEFAULT_COLOUR,
    theme: str = "",
    framed: bool = False,
    **context: Any,
) -> Response:
    """A page that extends public.html. `offered`: languages to switch between; `framed`: other
    sites may show it in a frame. Templates find their words in `t`."""
    html = draw(
        template,
        plain_speech(language),
        request=request,
        store=store,
        t=languages.phrases(language)["public"],
        switches=[(code, LANGUAGE_NAMES[code], _address(request, code)) for code in offered],
        colour=colour if COLOUR.fullmatch(colour) else "",
        theme=theme,
        **context,
    )
    headers = {"content-language": language, "vary": "accept-language"}
    if framed:
        headers["content-security-policy"] = EVERYWHERE
    return HTMLResponse(html, status, headers)


def _address(request: Request, language: str) -> str:
    """The same page in another language."""
    kept = {name: value for name, value in request.query_params.items() if name != "lang"}
    return "?" + urlencode(kept | {"lang": language})


# ------------------------------------------------------------------ the shop's colour


async def look(request: Request) -> Response:
    """A shop's colour as a stylesheet: buttons in it, with the ink that can be read on it."""
    colour = request.path_params["colour"]
    if not COLOUR.fullmatch(colour):
        return Response(status_code=404)
    css = f":root{{--shop:#{colour};--shop-ink:{ink_on(colour)}}}"
    headers = {"cache-control": f"public, max-age={KEPT_S}"}
    return Response(css, media_type="text/css", headers=headers)


def ink_on(colour: str) -> str:
    """Black or white, whichever stands out more (WCAG 2.2, relative luminance)."""
    light = _luminance(colour)
    return DARK_INK if (light + 0.05) / 0.05 > 1.05 / (light + 0.05) else LIGHT_INK


def _luminance(colour: str) -> float:
    red, green, blue = (int(colour[n : n + 2], 16) / 255 for n in (0, 2, 4))
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


ROUTES: list[BaseRoute] = [Route("/look/{colour}.css", look)]
