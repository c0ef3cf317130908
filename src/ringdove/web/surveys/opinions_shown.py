"""Opinions for the world: /opinions/<token>/<survey>, a page that frames may show; the same with
.json for programs; with .js one line of script for a page of the shop (R82).

Nothing is set and nobody is known: no cookie, no counting. What the script draws came with it, so a
shop's own policy has to allow its address for scripts and nothing else. `?sku=` is one product.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ringdove.kit import db
from ringdove.records import clicks
from ringdove.records.surveys import opinions
from ringdove.records.surveys import surveys as survey_records
from ringdove.rules import languages
from ringdove.rules.consent import stop_links
from ringdove.rules.links.link_targets import Goods
from ringdove.rules.scenes import Store
from ringdove.rules.surveys import surveys
from ringdove.rules.surveys.opinions import Shown, schema_org
from ringdove.runtime import Runtime
from ringdove.web import public
from ringdove.web.consent.leave import store_of, wrong_link
from ringdove.web.drawing import STATIC
from ringdove.web.views import runtime_of

SKU_MAX = 120
DRAWN_MAX = 20  # by the script and on the page, unless less is asked for
KEPT = {
    "cache-control": "public, max-age=120",
    "vary": "accept-language",
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
}


def url_of(runtime: Runtime, store: Store, key: str) -> str:
    """Where a survey's opinions are; `?sku=` and endings are added to it."""
    token = stop_links.form_token_of(store.id, partial(runtime.keyed, store.id))
    return f"{runtime.settings.outside_url}/opinions/{token}/{key}"


@dataclass(frozen=True, slots=True)
class There:
    """A store's opinions of a survey, as somebody looks at them; `goods` by article."""

    store: Store
    shown: Shown
    sku: str
    goods: Mapping[str, Goods]
    language: str

    @property
    def about(self) -> str:
        """The product's name; "": they are about many, or about the shop."""
        return (self.goods[self.sku].name if self.sku in self.goods else "") or self.sku

    @property
    def words(self) -> Mapping[str, str]:
        """All that stands around the opinions."""
        ready = languages.phrases(self.language)["public"]["opinions"]
        shown, rating = self.shown, self.shown.rating
        mean = f"{rating.mean.value:.1f}" if rating.mean else ""
        values = {
            "value": mean if self.language == "en" else mean.replace(".", ","),
            "high": str(shown.survey.high), "n": str(rating.n), "agreed": str(shown.agreed),
            "shown": str(shown.shown), "low": str(shown.low_left_out), "shop": self.store.name,
        }  # fmt: skip
        return {name: _filled(text, values) for name, text in ready.items()}

    @property
    def json_ld(self) -> dict[str, Any] | None:
        """For search engines; None: nothing to tell."""
        if not self.sku:
            return schema_org(self.shown, self.store.name, self.store.website)
        url = self.goods[self.sku].url if self.sku in self.goods else ""
        return schema_org(self.shown, self.about, url, self.sku)

    @property
    def names(self) -> dict[str, str]:
        """Of goods that opinions are about, where they are about many."""
        return {} if self.sku else {sku: one.name for sku, one in self.goods.items() if one.name}


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


async def _there(request: Request) -> There | None:
    runtime = runtime_of(request)
    claim = stop_links.read(request.path_params["token"])
    store = await store_of(runtime, claim) if claim and not claim.contact_id else None
    if store is None:
        return None
    sku = request.query_params.get("sku", "").replace("\x00", "").strip()[:SKU_MAX]
    async with db.transaction(runtime.pool) as tx:
        survey = (await survey_records.load(tx, store.id)).get(request.path_params["key"])
    if survey is None:
        return None
    found = await opinions.public(runtime.pool, store, survey, sku)
    async with db.transaction(runtime.pool) as tx:
        goods = await clicks.products(tx, store, [sku, *(one.sku for one in found.opinions)])
    return There(store, found, sku, goods, public.language_of(request, store.languages))


# ------------------------------------------------------------------ a page, a document, a script


async def page(request: Request) -> Response:
    """The opinions as a page without scripts."""
    there = await _there(request)
    if there is None:
        return wrong_link(request)
    response = public.render(
        request, "surveys/opinions_shown.html", there.store, there.language,
        offered=there.store.languages, framed=True, shown=there.shown, w=there.words,
        opinions=there.shown.opinions[:DRAWN_MAX], about=there.about, names=there.names,
        question=surveys.question_of(there.shown.survey, there.language),
    )  # fmt: skip
    response.headers["cache-control"] = KEPT["cache-control"]
    return response


async def document(request: Request) -> Response:
    """The same for programs, with the document for search engines."""
    there = await _there(request)
    if there is None:
        return JSONResponse({"detail": "No survey has this address."}, 404, headers=KEPT)
    said = _written(told(there) | {"json_ld": there.json_ld})
    return Response(said, media_type="application/json", headers=KEPT)


def _written(said: dict[str, Any]) -> str:
    """As JSON that ends no script, wherever a shop puts it: a customer can write </script>."""
    written = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    return written.replace("<", "\\u003c").replace("\u2028", "\\u2028")


def told(there: There) -> dict[str, Any]:
    """What is public of a survey, or of it about one product."""
    shown = there.shown
    rating = None
    if shown.has_rating and shown.rating.mean:
        rating = {
            "value": round(shown.rating.mean.value, 2), "answers": shown.rating.n,
            "given": {str(one): shown.rating.given.get(one, 0) for one in shown.survey.scores},
        }  # fmt: skip
    return {
        "survey": shown.survey.key, "sku": there.sku,
        "scale": {"low": shown.survey.low, "high": shown.survey.high}, "rating": rating,
        "agreed": shown.agreed, "shown": shown.shown, "left_out": shown.left_out,
        "low_left_out": shown.low_left_out,
        "opinions": [asdict(one) | {"day": one.day.isoformat()} for one in shown.opinions],
    }  # fmt: skip


async def script(request: Request) -> Response:
    """The same drawn where its line of script stands, in the page of another site."""
    there = await _there(request)
    if there is None:
        return Response("// This address is not whole: copy it again.", 404)
    said = told(there) | {
        "words": there.words, "lang": there.language, "json_ld": there.json_ld,
        "most": DRAWN_MAX, "names": there.names,
        "days": {
            one.day.isoformat(): languages.say_day(one.day, there.language)
            for one in there.shown.opinions
        },
    }  # fmt: skip
    source = (STATIC / "js" / "opinions.js").read_text("utf-8")
    source = source.replace("null /* OPINIONS */", _written(said), 1)
    return Response(source, media_type="text/javascript", headers=KEPT)


ROUTES: list[BaseRoute] = [
    Route("/opinions/{token}/{key}.js", script),
    Route("/opinions/{token}/{key}.json", document),
    Route("/opinions/{token}/{key}", page),
]
