"""The JSON API: what programs may do, its OpenAPI description, and a page to read and try it.

`/api/stores/{store_id}/…` with a bearer key; tell.py holds what programs tell, ask.py what they
ask, money.py routes and prices. The description is made from the routes and from the very models of
rules/facts.py, so it cannot say anything else than the program does. The page loads nothing from
elsewhere.
"""

from functools import cache
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from ringdove.rules.facts import OutsideFact
from ringdove.web.api import (
    ask,
    askings,
    automation_looks,
    automations,
    calendar,
    campaign_runs,
    campaigns,
    canned,
    complaints,
    consent,
    contests,
    conversations,
    customers,
    exports,
    friends,
    goods,
    imports,
    keeping,
    leaving,
    links,
    money,
    offers,
    order_questions,
    people,
    policy,
    reports,
    segments,
    surveys,
    tasks,
    tell,
    traffic,
    ways_in,
    wishes,
)
from ringdove.web.api.callers import KeyNeeds
from ringdove.web.drawing import static_url

ROUTERS: tuple[APIRouter, ...] = (
    tell.router,
    ask.router,
    automations.router,
    automation_looks.router,
    tasks.router,
    askings.router,
    surveys.router,
    conversations.router,
    canned.router,
    complaints.router,
    wishes.router,
    goods.router,
    customers.router,
    people.router,
    consent.router,
    imports.router,
    exports.router,
    money.router,
    policy.router,
    traffic.router,
    ways_in.router,
    offers.router,
    contests.router,
    friends.router,
    segments.router,
    keeping.router,
    leaving.router,
    links.router,
    reports.router,
    order_questions.router,
    campaigns.router,
    campaign_runs.router,
    calendar.router,
)

VERSION = "1"
SUMMARY = """
Tell Ringdove what happens in your shop, and ask what became of it.

Two ways in: **signed events** at a connection's own address `/in/{token}` (nothing else is needed
to connect a self-written shop), or an **API key** in `Authorization: Bearer …` for everything
below. Keys are made on the page *Team and keys*.

Errors are `application/problem+json` (RFC 9457): `title`, `detail` with what to do, and a `type`
that never changes. Ids are 64-bit numbers, written as text.
"""
CURL = """\
BODY='{"kind": "payment.received", "id": "order/1001/paid",
       "at": "2026-03-20T10:00:00+03:00", "order": "1001"}'
T=$(date +%s)
V1=$(printf '%s.%s' "$T" "$BODY" | openssl dgst -sha256 -hmac "$SECRET" | sed 's/.*= //')
curl -sS "$URL" -H "Ringdove-Signature: t=$T,v1=$V1" -d "$BODY"
"""
PYTHON = """\
import hashlib, hmac, json, time, urllib.request

def tell(url, secret, *events):
    body = json.dumps(events).encode()
    t = int(time.time())
    v1 = hmac.new(secret.encode(), b"%d.%s" % (t, body), hashlib.sha256).hexdigest()
    request = urllib.request.Request(
        url, body, {"Ringdove-Signature": f"t={t},v1={v1}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
"""

pages = APIRouter(prefix="/api", include_in_schema=False)


@cache
def description() -> dict[str, Any]:
    """OpenAPI 3.1, once a process."""
    routes = [route for router in ROUTERS for route in router.routes]
    told = get_openapi(title="Ringdove", version=VERSION, description=SUMMARY, routes=routes)
    schemas = told.setdefault("components", {}).setdefault("schemas", {})
    body = _events_body(schemas)
    schemas["Problem"] = PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    told["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key of the store."}
    }
    told["security"] = [{"key": []}]
    for route in routes:
        _document_problems(route, told)
    told["paths"]["/api/stores/{store_id}/events"]["post"]["requestBody"] = body
    told["paths"]["/in/{token}"] = {"post": _door(body)}
    return told


PROBLEM = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/event-wrong"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, and what to do."},
    },
}
_A_PROBLEM = {
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
}


def _document_problems(route: Any, told: dict[str, Any]) -> None:
    """Every call can refuse; `x-role` is the lowest role that it asks of a key."""
    needs = (one.call for one in route.dependant.dependencies)
    role = next(one.role for one in needs if isinstance(one, KeyNeeds))
    for method in route.methods:
        operation = told["paths"][route.path][method.lower()]
        operation["x-role"] = role
        operation["responses"].pop("422", None)
        for status, meaning in (
            ("401", "No key, or an unknown one"),
            ("403", f"The key's role is not enough: {role}"),
            ("404", "Nothing here has this id"),
            ("422", "A field cannot be taken"),
        ):
            operation["responses"][status] = {"description": meaning, **_A_PROBLEM}


def _events_body(schemas: dict[str, Any]) -> dict[str, Any]:
    """The body of events, in the words of rules/facts.py."""
    fact = TypeAdapter(OutsideFact).json_schema(ref_template="#/components/schemas/{model}")
    schemas |= fact.pop("$defs")
    schemas["Event"] = {"title": "Event", **fact}
    one = {"$ref": "#/components/schemas/Event"}
    many = {"type": "array", "maxItems": 1000, "items": one}
    envelope = {"type": "object", "required": ["events"], "properties": {"events": many}}
    schema = {"anyOf": [one, many, envelope]}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _door(body: dict[str, Any]) -> dict[str, Any]:
    """The signed door: no key, a signature instead."""
    heard = {"schema": {"$ref": "#/components/schemas/Heard"}}
    return {
        "tags": ["Tell"],
        "summary": "Tell signed events",
        "operationId": "tell_signed_events",
        "description": "With curl:\n\n```sh\n" + CURL + "```\n\nIn Python:\n\n```python\n"
        + PYTHON + "```\n",
        "security": [],
        "parameters": [
            {"name": "token", "in": "path", "required": True, "schema": {"type": "string"}},
            {
                "name": "Ringdove-Signature",
                "in": "header",
                "required": True,
                "description": "t=<unix time>,v1=<hex HMAC-SHA256 of `<t>.<raw body>`>",
                "schema": {"type": "string"},
            },
        ],
        "requestBody": body,
        "responses": {
            "200": {"description": "Committed", "content": {"application/json": heard}},
            **{
                status: {"description": meaning, **_A_PROBLEM}
                for status, meaning in (
                    ("400", "Not JSON"),
                    ("401", "The signature is wrong or older than five minutes"),
                    ("404", "No connection has this address"),
                    ("410", "The connection is paused or removed"),
                    ("413", "The body is too large"),
                    ("422", "An event cannot be taken: index, field and detail say which"),
                    ("503", "Not now: send the same again"),
                )
            },
        },
    }  # fmt: skip


@pages.get("/openapi.json")
async def openapi() -> Response:
    """The description for programs."""
    return JSONResponse(description())


# Swagger UI is started by a file of ours: the policy allows no script inside a page.
DOCS = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ringdove API</title>
<link rel="icon" href="{mark}">
<link rel="stylesheet" href="{css}">
<body>
<main id="docs"></main>
<script src="{bundle}"></script>
<script src="{start}"></script>
"""


@pages.get("/docs")
async def docs(request: Request) -> Response:
    """The description for people, with a button to try each call."""
    return HTMLResponse(
        DOCS.format(
            mark=static_url("mark.svg"),
            css=static_url("vendor/swagger-ui.css"),
            bundle=static_url("vendor/swagger-ui.js"),
            start=static_url("js/api-docs.js"),
        )
    )
