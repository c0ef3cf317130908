"""The form of a shop's site for goods that are not there, or cost too much: /tell-me/<token>?sku=…,
or one line of script on the page of a product (R62).

Somebody types a number, and it gets one text when the goods are there again (`wish=price`: cost
less), and nothing else: no yes to offers is made of it. The answer is the same whoever is known. A
number asks for the same goods once a day, and one person waits for so many goods at a time.
"""

import json
from functools import partial
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringdove.kit import db
from ringdove.records import clicks
from ringdove.records import facts as fact_records
from ringdove.rules import languages
from ringdove.rules.consent import stop_links
from ringdove.rules.facts import Customer, StockAsked
from ringdove.rules.links.link_targets import Goods
from ringdove.rules.people import phones
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.web import public
from ringdove.web.consent.leave import limits_of, store_of, typed_form, whence, wrong_link
from ringdove.web.store.places import country_of
from ringdove.web.views import runtime_of

SCRIPT_KEPT_S = 3600
SKU_MAX = 120

Wish = Literal["stock", "price"]


def url_of(runtime: Runtime, store: Store) -> str:
    """The store's own form, for anybody; `?sku=` names the goods."""
    token = stop_links.form_token_of(store.id, partial(runtime.keyed, store.id))
    return f"{runtime.settings.outside_url}/tell-me/{token}"


def script_of(url: str, sku: str = "SKU") -> str:
    """The line for the page of a product."""
    return f'<script src="{url}.js" data-sku="{sku}" async></script>'


async def form(request: Request) -> Response:
    """A number is typed, and one text will come."""
    runtime = runtime_of(request)
    store = await _store(request, runtime)
    sku = request.query_params.get("sku", "").replace("\x00", "").strip()[:SKU_MAX]
    goods = await _goods(runtime, store, sku) if store else None
    if store is None or goods is None:
        return wrong_link(request)
    wish: Wish = "price" if request.query_params.get("wish") == "price" else "stock"
    language = public.language_of(request, store.languages)
    w = _words(language, store, goods)
    typed = done = wrong = ""
    status = 200
    if request.method == "POST":
        typed = (await typed_form(request)).get("phone", "").strip()[:60]
        caller, now = whence(request)["ip"], runtime.clock()
        phone = read_number(typed, store, request)
        if limits_of(request).forms.is_closed(caller, now.timestamp()):
            wrong, status = w["busy"], 429
        elif phone is None:
            wrong, status = w["wrong_phone"], 422
        else:
            limits_of(request).forms.failed(caller, now.timestamp())
            whose = runtime.keyed(store.id, f"wish/{phone.e164}/{sku}/{wish}")[:32]
            fact = StockAsked(
                id=f"wish/{whose}/{now:%Y-%m-%d}", at=now, sku=sku, wish=wish,
                customer=Customer(phone=phone.e164, language=language),
            )  # fmt: skip
            async with db.transaction(runtime.pool) as tx:
                await fact_records.write(tx, store, 0, [fact], now, runtime.ids)
            done = w[f"done_{wish}"].replace("{phone}", phones.pretty(phone.e164))
    return public.render(
        request, "automations/tell_me.html", store, language, status=status,
        offered=store.languages, w=w, wish=wish, typed=typed, done=done, wrong=wrong,
        here=f"{request.url.path}?{request.url.query}", )  # fmt: skip


async def _store(request: Request, runtime: Runtime) -> Store | None:
    claim = stop_links.read(request.path_params["token"])
    return await store_of(runtime, claim) if claim and not claim.contact_id else None


async def _goods(runtime: Runtime, store: Store, sku: str) -> Goods | None:
    """Only what the catalogue knows can be asked for: else nobody would ever hear."""
    async with db.transaction(runtime.pool) as tx:
        return (await clicks.products(tx, store, [sku])).get(sku)


def _words(language: str, store: Store, goods: Goods) -> dict[str, str]:
    said = languages.phrases(language)["public"]
    ready: dict[str, str] = {
        **said["wish"], "busy": said["link"]["busy"],
        "wrong_phone": said["join"]["wrong_phone"].replace(
            "{example}", phones.example(store.country)
        ),
    }  # fmt: skip
    return {
        name: text.replace("{shop}", store.name).replace("{goods}", goods.name or goods.sku)
        for name, text in ready.items()
    }


def read_number(typed: str, store: Store, request: Request) -> phones.Phone | None:
    """Read with the store's country, else with the browser's."""
    read = phones.parse(typed, store.country)
    if isinstance(read, phones.Doubtful):
        abroad = country_of(request.headers.get("accept-language", ""))
        read = phones.parse(typed, abroad) if abroad else read
    return read if isinstance(read, phones.Phone) else None


async def script(request: Request) -> Response:
    """The same form within the page of a product; it opens our answer."""
    runtime = runtime_of(request)
    store = await _store(request, runtime)
    if store is None:
        return Response("// This address is not whole: copy it again.", 404)
    language = public.language_of(request, store.languages)
    w = languages.phrases(language)["public"]["wish"]
    action = f"{runtime.settings.outside_url}/tell-me/{request.path_params['token']}"
    said = {
        "action": action, "lang": language, "label": w["label"], "button": w["button"],
        "title": {"stock": w["title_stock"], "price": w["title_price"]},
    }  # fmt: skip
    source = _SCRIPT.replace("{said}", json.dumps(said).replace("<", "\\u003c"))
    headers = {"cache-control": f"public, max-age={SCRIPT_KEPT_S}", "vary": "accept-language"}
    return Response(source, media_type="text/javascript", headers=headers)


_SCRIPT = """(function () {
  const said = {said}, here = document.currentScript, about = here.dataset;
  const wish = about.wish === "price" ? "price" : "stock";
  const query = new URLSearchParams({ sku: about.sku || "", wish, lang: said.lang });
  const make = (name, has) => Object.assign(document.createElement(name), has);
  const form = make("form", { action: said.action + "?" + query, method: "post" });
  form.target = "_blank";
  const label = make("label", { textContent: said.title[wish] + ". " + said.label + " " });
  label.append(make("input", { name: "phone", type: "tel", required: true, maxLength: 60 }));
  form.append(label, " ", make("button", { type: "submit", textContent: said.button }));
  form.className = "ringdove-tell-me";
  here.after(form);
})();
"""


ROUTES: list[BaseRoute] = [
    Route("/tell-me/{token}.js", script),
    Route("/tell-me/{token}", form, methods=["GET", "POST"]),
]
