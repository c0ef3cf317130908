"""The form of a shop's site: /leave/<token>, or one line of script in a page of the shop.

Somebody types a number or address and its offers end at once; the answer is the same whoever is
known. Nobody is asked for a proof: docs/decisions/0029-leaving-is-never-asked-back.md says why.
"""

import json
import re
import secrets
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringdove.rules.consent import stop_links
from ringdove.rules.facts import StoppedOnSite
from ringdove.rules.people import phones
from ringdove.rules.scenes import Store
from ringdove.web import public
from ringdove.web.answering import answer_now
from ringdove.web.consent.leave import (
    here_of,
    limits_of,
    store_of,
    typed_form,
    whence,
    words_of,
    wrong_link,
)
from ringdove.web.views import runtime_of

SCRIPT_KEPT_S = 3600

_EMAIL = re.compile(r"[^@\s,;<>]{1,64}@[^@\s,;<>]+\.[^@\s,;<>]{2,}")


async def form(request: Request) -> Response:
    """A number or address is typed, and its offers end. The answer is the same whoever is known."""
    runtime = runtime_of(request)
    claim = stop_links.read(request.path_params["token"])
    store = await store_of(runtime, claim) if claim and not claim.contact_id else None
    if store is None:
        return wrong_link(request)
    language = public.language_of(request, store.languages)
    w = words_of(language, store)
    typed = done = wrong = ""
    status = 200
    if request.method == "POST":
        typed = (await typed_form(request)).get("address", "").strip()[:200]
        caller, now_s = whence(request)["ip"], runtime.clock().timestamp()
        fact = _left(request, store, typed, language, runtime.clock())
        if limits_of(request).forms.is_closed(caller, now_s):
            wrong, status = w["busy"], 429
        elif fact is None:
            wrong, status = w["form_wrong"], 422
        else:
            limits_of(request).forms.failed(caller, now_s)
            await answer_now(runtime, store, [fact])
            done = w["form_done"].format(address=typed)
    return public.render(
        request, "consent/leave_form.html", store, language, status=status, offered=store.languages,
        w=w, typed=typed, done=done, wrong=wrong, here=here_of(request), )  # fmt: skip


def _left(
    request: Request, store: Store, typed: str, language: str, now: datetime
) -> StoppedOnSite | None:
    w = words_of(language, store)
    phone = phones.parse(typed, store.country)
    email = _EMAIL.fullmatch(typed)
    if not email and not isinstance(phone, phones.Phone):
        return None
    return StoppedOnSite(
        id=f"site/{now:%Y%m%dT%H%M%S%f}/{secrets.token_hex(4)}",
        at=now,
        phone="" if email or not isinstance(phone, phones.Phone) else phone.e164,
        email=typed.lower() if email else "",
        words="\n".join((w["form_intro"], w["stop_hint"], f"[{w['stop']}]")),
        language=language,
        **whence(request),
    )


async def script(request: Request) -> Response:
    """The same form within a page of the shop, by one line of script; it opens our answer."""
    runtime = runtime_of(request)
    claim = stop_links.read(request.path_params["token"])
    store = await store_of(runtime, claim) if claim and not claim.contact_id else None
    if store is None:
        return Response("// This address is not whole: copy it again.", 404)
    language = public.language_of(request, store.languages)
    w = words_of(language, store)
    action = f"{runtime.settings.outside_url}/leave/{request.path_params['token']}?lang={language}"
    said = {"action": action, "label": w["form_label"], "button": w["stop"]}
    source = _SCRIPT.replace("{said}", json.dumps(said).replace("<", "\\u003c"))
    headers = {"cache-control": f"public, max-age={SCRIPT_KEPT_S}", "vary": "accept-language"}
    return Response(source, media_type="text/javascript", headers=headers)


_SCRIPT = """(function () {
  const said = {said}, here = document.currentScript;
  const make = (name, about) => Object.assign(document.createElement(name), about);
  const form = make("form", { action: said.action, method: "post", target: "_blank" });
  const label = make("label", { textContent: said.label + " " });
  const field = { name: "address", type: "text", required: true, maxLength: 200 };
  label.append(make("input", field));
  form.append(label, " ", make("button", { type: "submit", textContent: said.button }));
  form.className = "ringdove-leave";
  here.after(form);
})();
"""


ROUTES: list[BaseRoute] = [
    Route("/leave/{token}.js", script),
    Route("/leave/{token}", form, methods=["GET", "POST"]),
]
