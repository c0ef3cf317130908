"""What customers and their friends see: /friends/<token> and /f/<token> (R95, R96).

/friends/ with the shop's token asks for a number and texts its customer the link to a page of their
own; nobody learns who is known. With that link they invite: first from their own phone, else by us.
/f/ is what the friend opens: who invites, what both get, and the way to refuse for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringdove.kit import db
from ringdove.records.consent import suppression, ways_out
from ringdove.records.friends import invitations
from ringdove.records.people import lookups
from ringdove.records.store import stores
from ringdove.rules import languages, texts
from ringdove.rules.consent import stop_links
from ringdove.rules.facts import ConsentChanged, Customer
from ringdove.rules.friends import friend_links, inviting
from ringdove.rules.people import phones
from ringdove.rules.scenes import Contact, Store
from ringdove.runtime import Runtime
from ringdove.web import public
from ringdove.web.answering import answer_now
from ringdove.web.automations.tell_me import read_number
from ringdove.web.consent.leave import limits_of, typed_form, whence, wrong_link
from ringdove.web.friends import promises, share_pieces
from ringdove.web.friends.inviting import Wish, come, write_to
from ringdove.web.sending import handwork
from ringdove.web.views import runtime_of

log = structlog.get_logger()

Words = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody looks at one of these pages."""

    request: Request
    runtime: Runtime
    store: Store
    claim: stop_links.Claim
    kind: str  # PAGE, SHARED, WRITTEN; "": the shop's own form
    language: str

    @property
    def words(self) -> Words:
        """The words of these pages, with the shop's name in them."""
        said = languages.phrases(self.language)["public"]
        ready = {
            **said["friends"], "busy": said["link"]["busy"],
            "wrong_phone": said["join"]["wrong_phone"].replace(
                "{example}", phones.example(self.store.country)
            ),
        }  # fmt: skip
        return {name: text.replace("{shop}", self.store.name) for name, text in ready.items()}

    def page(self, template: str, status: int = 200, **context: Any) -> Response:
        """A page in the visitor's language; its address is theirs alone."""
        response = public.render(
            self.request, f"friends/{template}", self.store, self.language, status=status,
            offered=self.store.languages, w=self.words, here=_here(self.request), **context,
        )  # fmt: skip
        response.headers["referrer-policy"] = "no-referrer"
        return response

    def closed(self) -> Response:
        """Nobody can invite now."""
        return self.page("closed.html", 410)


async def friends(request: Request) -> Response:
    """The shop's form, or a customer's own page."""
    visit = await _visit(request)
    if visit is None or visit.kind not in ("", friend_links.PAGE):
        return wrong_link(request)
    if not visit.store.policy.friends.is_on:
        return visit.closed()
    return await (_invite(visit) if visit.kind else _ask(visit))


async def friend(request: Request) -> Response:
    """What an invited friend opens."""
    visit = await _visit(request)
    if visit is None or visit.kind not in (friend_links.SHARED, friend_links.WRITTEN):
        return wrong_link(request)
    return await _friend(visit)


async def _visit(request: Request) -> Visit | None:
    runtime = runtime_of(request)
    claim = stop_links.read(request.path_params["token"])
    if claim is None:
        return None
    keyed = partial(runtime.keyed, claim.store_id)
    kind = friend_links.kind_of(claim, keyed)
    if not kind and (claim.contact_id or not stop_links.is_ours(claim, keyed)):
        return None
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, claim.store_id)
    if store is None:
        return None
    language = public.language_of(request, store.languages)
    return Visit(request, runtime, store, claim, kind, language)


def _here(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


# ------------------------------------------------------------------ a number asks for its page


async def _ask(visit: Visit) -> Response:
    request, w = visit.request, visit.words
    if request.method != "POST":
        return visit.page("ask.html", typed="", wrong="")
    typed = (await typed_form(request)).get("phone", "").strip()[:60]
    caller, now_s = whence(request)["ip"], visit.runtime.clock().timestamp()
    phone = read_number(typed, visit.store, request)
    if limits_of(request).forms.is_closed(caller, now_s):
        return visit.page("ask.html", 429, typed=typed, wrong=w["busy"])
    if phone is None:
        return visit.page("ask.html", 422, typed=typed, wrong=w["wrong_phone"])
    limits_of(request).forms.failed(caller, now_s)
    said = w["ask_done"].replace("{phone}", phones.pretty(phone.e164))
    response = visit.page("said.html", said=said)
    # Behind the answer, so that it takes as long for a number that nobody knows.
    response.background = BackgroundTask(text_page, visit.runtime, visit.store, phone.e164)
    return response


async def text_page(runtime: Runtime, store: Store, phone: str) -> None:
    """The link to their own page, to a customer's number: once a day."""
    async with db.transaction(runtime.pool) as tx:
        row = await lookups.customer_behind(tx, store, "phone", phone)
        person = await ways_out.person(tx, store, row["id"]) if row else None
    if person is None or person.phone != phone:
        return
    if reason := inviting.why_no_inviter(store.policy.friends, person):
        log.info("friends.no_page", store=store.id, why=reason)
        return
    link = share_pieces.page_link(runtime, store, person.id)
    language = languages.choose(person.language, person.country, store.languages)
    values = {"shop": {"name": store.name}, "friend": {"link": link}}
    text = texts.render(languages.phrases(language)["answers"]["friend_link"], values)
    wish = handwork.Wish(
        customer=Customer(phone=phone), text=text, klass="service", why="reply/friend_link",
        key=f"friends/{runtime.clock():%Y-%m-%d}", topic=inviting.TOPIC,
    )  # fmt: skip
    await handwork.send(runtime, store, wish)


# ------------------------------------------------------------------ a customer's own page


async def _invite(visit: Visit) -> Response:
    runtime, store = visit.runtime, visit.store
    settings = store.policy.friends
    async with db.transaction(runtime.pool) as tx:
        person = await ways_out.person(tx, store, visit.claim.contact_id)
    if person is None or inviting.why_no_inviter(settings, person):
        return visit.closed()
    empty = {"phone": "", "agree": "", "name": inviting.shown_name(person.name)}
    typed = empty
    wrong: dict[str, str] = {}
    done, status = "", 200
    if visit.request.method == "POST" and settings.writes:
        given = await typed_form(visit.request)
        typed = {name: given.get(name, "").strip()[:60] for name in empty}
        wrong = await _write(visit, person, typed)
        done, status = ("", 422) if wrong else (visit.words["done"], 200)
        if done:
            typed = empty | {"name": typed["name"]}
    ways = share_pieces.ways_of_customer(runtime, store, person.id, visit.language)
    async with db.transaction(runtime.pool) as tx:
        invited = await invitations.of_inviter(tx, store, {person.id, *person.also})
        promised = await promises.promised(tx, store, visit.language)
    return visit.page(
        "invite.html", status, typed=typed, wrong=wrong, done=done, settings=settings,
        promise=_promise(visit.words, "promise", promised), ways=ways,
        invited=len(invited), bought=sum(row["bought_at"] is not None for row in invited),
    )  # fmt: skip


async def _write(visit: Visit, person: Contact, typed: dict[str, str]) -> dict[str, str]:
    """Writes to the friend; what is wrong, by field. What the shop knows of the friend's number is
    not told."""
    w, store = visit.words, visit.store
    phone = read_number(typed["phone"], store, visit.request)
    name = inviting.shown_name(typed["name"])
    wrong = {
        field: said
        for field, is_wrong, said in (
            ("phone", phone is None, w["wrong_phone"]), ("name", not name, w["wrong_name"]),
            ("agree", not typed["agree"], w["wrong_agree"]),
        )
        if is_wrong
    }  # fmt: skip
    if wrong or phone is None:
        return wrong
    wish = Wish(person.id, phone.e164, name, whence(visit.request)["ip"])
    outcome = await write_to(visit.runtime, store, wish)
    log.info("friends.invited", store=store.id, why_not=outcome.reason)
    said = w.get(outcome.reason, "") if outcome.reason in ("yourself", "too_many", "busy") else ""
    return {"phone": said} if said else {}


def _promise(w: Words, name: str, promised: promises.Promises) -> str:
    """What both get, in a sentence; "": nobody gets anything."""
    if not promised:
        return ""
    which = "both" if len(promised) == 2 else next(iter(promised))
    said = w[f"{name}_{which}"]
    for role, words in promised.items():
        said = said.replace(f"{{{role}}}", words)
    return said


# ------------------------------------------------------------------ what the friend sees


async def _friend(visit: Visit) -> Response:
    runtime, store, w = visit.runtime, visit.store, visit.words
    written = visit.kind == friend_links.WRITTEN
    async with db.transaction(runtime.pool) as tx:
        row = await invitations.of_id(tx, store, visit.claim.contact_id) if written else None
        if written and row is None:
            return wrong_link(visit.request)
        inviter_id = row["inviter_id"] if row else visit.claim.contact_id
        inviter = await ways_out.person(tx, store, inviter_id)
        promised = await promises.promised(tx, store, visit.language)
    settings = store.policy.friends
    is_open = settings.is_on and not inviting.why_no_inviter(settings, inviter)
    given = await typed_form(visit.request) if visit.request.method == "POST" else {}
    if row and given.get("deed") == "refuse":
        await _refuse(visit, row)
        return visit.page("said.html", said=w["refused"])
    name = inviting.shown_name(inviter.name) if inviter and is_open else ""
    title = w["friend_title"].replace("{name}", name) if name else w["friend_title_bare"]
    typed, wrong, status, thanks = "", "", 200, ""
    if given.get("deed") == "count" and is_open and not row:
        typed = given.get("phone", "").strip()[:60]
        phone = read_number(typed, store, visit.request)
        wrong, status = ("", 200) if phone else (w["wrong_phone"], 422)
        if phone:
            wish = Wish(inviter_id, phone.e164, "", whence(visit.request)["ip"])
            outcome = await come(runtime, store, wish)
            log.info("friends.came", store=store.id, why_not=outcome.reason)
            thanks = w["thanks"]
    return visit.page(
        "friend.html", status, title=title, typed=typed, wrong=wrong, thanks=thanks,
        promise=_promise(w, "friend", promised) if is_open else "",
        counts=bool(promised) and is_open and not row and not thanks,
        refuses=bool(row and not row["refused_at"]),
    )  # fmt: skip


async def _refuse(visit: Visit, row: Mapping[str, Any]) -> None:
    """For ever: the number by its hash, and whom it leads to while that is still known."""
    runtime, store, w, now = visit.runtime, visit.store, visit.words, visit.runtime.clock()
    held = suppression.Row(row["hash"], "marketing", "site", now, row["friend_id"])
    async with db.transaction(runtime.pool) as tx:
        await suppression.put(tx, store, [held])
        await invitations.refused(tx, store, row["id"], now)
    if row["friend_id"]:
        said = "\n".join((w["refuse_title"], f"[{w['refuse_button']}]"))
        no = ConsentChanged(
            id=f"friend/{row['id']}/refused", at=now, contact=row["friend_id"], scope="marketing",
            change="out", words=said, language=visit.language, source="link",
            **whence(visit.request),
        )  # fmt: skip
        await answer_now(runtime, store, [no])


ROUTES: list[BaseRoute] = [
    Route("/friends/{token}", friends, methods=["GET", "POST"]),
    Route("/f/{token}", friend, methods=["GET", "POST"]),
]
