"""A part of a page that keeps itself fresh, in a real browser."""

from collections.abc import Callable
from itertools import count

import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import expect
from starlette.responses import HTMLResponse, Response

from ringdove.kit import db
from ringdove.web.drawing import environment
from ringdove.web.views import ViewerPage
from tests.web.conftest import Looker, Site

PAGE = """
{% extends "base.html" %}
{% block title %}Live{% endblock %}
{% block content %}
<h1>Live</h1>
<ul id="rows" data-live="messages"><li id="a">{{ n }}</li></ul>
<div id="other" data-live="phones"><p>{{ n }}</p><input id="typing" aria-label="Typing"></div>
{% endblock %}
"""


@pytest.mark.browser
def test_news_redraw_their_part_and_no_other(look: Callable[..., Looker], site: Site) -> None:
    site.set_up()
    numbers = count(1)

    async def show(page: ViewerPage) -> Response:
        template = environment("en").from_string(PAGE)
        known = {"say": page.say, "page": page, "request": page.request}
        return HTMLResponse(template.render(n=next(numbers), **known))

    site.app.router.routes.insert(0, APIRoute("/stores/{store_id}/today", show))
    looker = look()
    looker.sign_in()
    looker.go("/stores/1/today")
    page = looker.page
    expect(page.locator("#a")).to_have_text("1")
    ring(site, "1 messages")
    expect(page.locator("#a")).to_have_text("2")
    expect(page.locator("#other p")).to_have_text("1")
    ring(site, "2")
    ring(site, "1 phones")
    expect(page.locator("#other p")).to_have_text("3")
    page.fill("#typing", "half a word")
    ring(site, "1")
    expect(page.locator("#a")).to_have_text("4")
    page.wait_for_timeout(900)
    assert page.input_value("#typing") == "half a word"
    expect(page.locator("#other p")).to_have_text("3")
    page.locator("#typing").blur()
    expect(page.locator("#other p")).to_have_text("5")
    looker.assert_clean()


def ring(site: Site, payload: str) -> None:
    async def tell() -> None:
        async with db.transaction(site.runtime.pool) as tx:
            await db.notify(tx, "live", payload)

    site.run(tell())
