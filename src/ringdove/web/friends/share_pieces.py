"""What a shop puts on its own pages by one line of script: the form that invites, and buttons that
pass the shop on (R95, R97).

Of no network's making: the buttons are plain links that the visitor's browser opens when they press
one. /friends/<token>.js draws the form of its token (the shop's, or a customer's own for who is
signed in); /share/<token>.js draws the buttons, as on a page that thanks for an order.
"""

import json
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringdove.kit import db
from ringdove.records.store import stores
from ringdove.rules import languages
from ringdove.rules.consent import stop_links
from ringdove.rules.friends import friend_links, sharing
from ringdove.rules.friends.sharing import Way
from ringdove.rules.scenes import Store
from ringdove.runtime import Runtime
from ringdove.web import public
from ringdove.web.consent.leave import store_of
from ringdove.web.views import runtime_of

SCRIPT_KEPT_S = 3600
NOT_WHOLE = "// This address is not whole: copy it again."


def form_url(runtime: Runtime, store: Store) -> str:
    """The shop's own form, for anybody."""
    return f"{runtime.settings.outside_url}/friends/{_token(runtime, store)}"


def buttons_url(runtime: Runtime, store: Store) -> str:
    """The script that draws buttons."""
    return f"{runtime.settings.outside_url}/share/{_token(runtime, store)}.js"


def _token(runtime: Runtime, store: Store) -> str:
    return stop_links.form_token_of(store.id, partial(runtime.keyed, store.id))


def ways(store: Store, url: str, language: str, words: str) -> list[Way]:
    """How a visitor of one of our pages passes `url` on; `words`: offer or shop, of
    [public.share]. The last way is the link itself. No address, no ways."""
    if not url:
        return []
    said = languages.phrases(language)["public"]["share"][words].replace("{shop}", store.name)
    return [*sharing.ways(url, said), Way("link", url)]


def ways_of_customer(runtime: Runtime, store: Store, contact_id: int, language: str) -> list[Way]:
    """How a customer passes the shop on: by a link of their own where friends are invited, so that
    a friend who buys counts; else by the shop's address."""
    if not store.policy.friends.is_on:
        return ways(store, store.website, language, "shop")
    link = shared_link(runtime, store, contact_id)
    return [*sharing.ways(link, words_of(store, language)), Way("link", link)]


def words_of(store: Store, language: str) -> str:
    """What a customer says of the shop, before the link."""
    said: str = languages.phrases(language)["public"]["friends"]["words"]
    return said.replace("{shop}", store.name)


def page_link(runtime: Runtime, store: Store, contact_id: int) -> str:
    """This customer's own page."""
    keyed = partial(runtime.keyed, store.id)
    return friend_links.page_of(runtime.settings.outside_url, store.id, contact_id, keyed)


def shared_link(runtime: Runtime, store: Store, contact_id: int) -> str:
    """What this customer passes on."""
    keyed = partial(runtime.keyed, store.id)
    return friend_links.shared_of(runtime.settings.outside_url, store.id, contact_id, keyed)


async def form_script(request: Request) -> Response:
    """The form of this token within a page of the shop; it opens our answer."""
    runtime = runtime_of(request)
    token = request.path_params["token"]
    claim = stop_links.read(token)
    if claim is None:
        return Response(NOT_WHOLE, 404)
    keyed = partial(runtime.keyed, claim.store_id)
    is_own = friend_links.kind_of(claim, keyed) == friend_links.PAGE
    if not is_own and (claim.contact_id or not stop_links.is_ours(claim, keyed)):
        return Response(NOT_WHOLE, 404)
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, claim.store_id)
    if store is None or not store.policy.friends.is_on:
        return Response("// This shop takes no invitations at the moment.", 404)
    language = public.language_of(request, store.languages)
    w = languages.phrases(language)["public"]["friends"]
    action = f"{runtime.settings.outside_url}/friends/{token}?lang={language}"
    fields = [{"name": "phone", "type": "tel", "label": w["ask_label"]}]
    if is_own:
        if not store.policy.friends.writes:
            return Response("// This shop writes no invitations: give the customer's link.", 404)
        fields = [
            {"name": "phone", "type": "tel", "label": w["number_label"]},
            {"name": "name", "type": "text", "label": w["name_label"]},
            {"name": "agree", "type": "checkbox", "label": w["agree"]},
        ]
    said = {
        "action": action, "title": w["title"], "fields": fields,
        "button": w["button"] if is_own else w["ask_button"],
    }  # fmt: skip
    return _script(_FORM, said)


async def buttons_script(request: Request) -> Response:
    """Buttons within a page of the shop. data-url: what is passed on, else the shop's address."""
    runtime = runtime_of(request)
    claim = stop_links.read(request.path_params["token"])
    store = await store_of(runtime, claim) if claim and not claim.contact_id else None
    if store is None:
        return Response(NOT_WHOLE, 404)
    language = public.language_of(request, store.languages)
    w = languages.phrases(language)["public"]["share"]
    said = {
        "url": store.website, "text": w["shop"].replace("{shop}", store.name), "title": w["title"],
        "ways": [[w[key], pattern] for key, pattern in sharing.WAYS],
    }  # fmt: skip
    return _script(_BUTTONS, said)


def _script(source: str, said: dict[str, Any]) -> Response:
    made = source.replace("{said}", json.dumps(said).replace("<", "\\u003c"))
    headers = {"cache-control": f"public, max-age={SCRIPT_KEPT_S}", "vary": "accept-language"}
    return Response(made, media_type="text/javascript", headers=headers)


_FORM = """(function () {
  const said = {said}, here = document.currentScript;
  const make = (name, has) => Object.assign(document.createElement(name), has);
  const form = make("form", { action: said.action, method: "post", target: "_blank" });
  form.append(make("strong", { textContent: said.title }));
  for (const { label, ...field } of said.fields) {
    const line = make("label", { textContent: label + " " });
    const input = make("input", { ...field, required: true, maxLength: 60 });
    if (field.type === "checkbox") input.value = "yes";
    line.append(input);
    form.append(" ", line);
  }
  form.append(" ", make("button", { type: "submit", textContent: said.button }));
  form.className = "ringdove-friends";
  here.after(form);
})();
"""
_BUTTONS = """(function () {
  const said = {said}, here = document.currentScript;
  const url = here.dataset.url || said.url || location.origin;
  const text = here.dataset.text || said.text;
  const filled = { url, text, both: text + " " + url };
  const list = document.createElement("ul");
  list.className = "ringdove-share";
  list.setAttribute("aria-label", said.title);
  for (const [name, pattern] of said.ways) {
    const link = document.createElement("a");
    link.textContent = name;
    link.href = pattern.replace(/\\{(\\w+)\\}/g, (_, part) => encodeURIComponent(filled[part]));
    if (link.protocol === "https:") link.target = "_blank";
    link.rel = "noopener noreferrer";
    const item = document.createElement("li");
    item.append(link);
    list.append(item);
  }
  here.after(list);
})();
"""


ROUTES: list[BaseRoute] = [
    Route("/friends/{token}.js", form_script),
    Route("/share/{token}.js", buttons_script),
]
