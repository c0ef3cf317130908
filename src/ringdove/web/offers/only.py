"""What a subscriber was given, behind their own link: /only/<token> (R7, R8, R9, R36, R37).

The link carries a seal, so nobody makes another's of it. Whoever has left our texts, or comes with
the address alone, is told politely how to join, until the day on which it opens to everybody. What
is for phones only shows a desktop a QR code with the same address. Looking is no deed: previews and
robots may look.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

import segno
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id
from ringdove.records import clicks
from ringdove.records.consent import forms, ways_out
from ringdove.records.offers import codes, rewards
from ringdove.records.store import stores
from ringdove.rules import languages
from ringdove.rules.consent.ways_in import Reward
from ringdove.rules.effects import GiveReward
from ringdove.rules.friends.sharing import Way
from ringdove.rules.links.links import OFFER_NUMBER, Claim
from ringdove.rules.offers import offers
from ringdove.rules.offers import rewards as rules
from ringdove.rules.scenes import Contact, Store
from ringdove.runtime import Runtime
from ringdove.web import public
from ringdove.web.friends import share_pieces
from ringdove.web.links.link_clicks import ClickBuffer, visitor_of
from ringdove.web.views import runtime_of

Given = dict[str, Any]
# What a campaign promised is noted when it is looked at, not for each who was told.
NOT_NOTED: Final[Given] = {"id": 0, "code": "", "points": 0, "valid_until": None}


async def show(request: Request) -> Response:
    """The reward, or why not."""
    runtime = runtime_of(request)
    token = request.path_params["token"]
    link = rules.read_token(token)
    if link is None or not rules.is_ours(link, partial(runtime.keyed, link.store_id)):
        return await _without_a_link(request, runtime, token)
    async with db.transaction(runtime.pool) as tx:
        store = await stores.find(tx, link.store_id)
        reward = await rewards.find(tx, link.store_id, link.reward_id)
        if store is None or reward is None:
            return Response("There is nothing here.", 404)
        person = await ways_out.person(tx, store, link.contact_id)
        given = await _given(tx, runtime, store, link.contact_id, reward, person)
        join = await _join(tx, store)
        text = await clicks.says(tx, store, link.contact_id, token)
    if text and request.method == "GET" and "lang" not in request.query_params:
        _tapped(
            request, Claim(store.id, text["id"], OFFER_NUMBER), link.contact_id, text["sent_at"]
        )
    visit = Visit(request, runtime, store, reward, _language(request, store, person), join)
    now = runtime.clock()
    is_theirs = bool(given) and rules.may_open(person)
    if not is_theirs and not _is_public(reward, now):
        return visit.refused(left=bool(given))
    given = given if is_theirs else _public(reward)
    begins = offers.begins_for(reward, person)
    if reward.early_from and begins and now < begins:
        return visit.early(begins, theirs=True)
    if shut := visit.shut(given, f"{runtime.settings.outside_url}/only/{token}"):
        return shut
    if is_theirs:
        async with db.transaction(runtime.pool) as tx:
            await _opened(tx, visit, link.contact_id, given)
    return visit.content(given)


def _tapped(request: Request, claim: Claim, contact_id: int, sent_at: datetime | None) -> None:
    """A text's link to an offer was opened, as any other link of a text is."""
    buffer: ClickBuffer = request.app.state.links.clicks
    visitor = visitor_of(dict(request.scope["headers"]))
    buffer.came(request.scope, visitor, claim, contact_id, sent_at, runtime_of(request).clock())


def _is_public(reward: Reward, now: datetime) -> bool:
    return offers.opens_to_all(reward, now) and not reward.has_own_codes


def _public(reward: Reward) -> Given:
    return NOT_NOTED | {"code": reward.code if reward.kind == "code" else ""}


async def _without_a_link(request: Request, runtime: Runtime, token: str) -> Response:
    """The reward's own address: what a subscriber passed on, a link that lost a letter, or what is
    open to everybody."""
    async with db.transaction(runtime.pool) as tx:
        found = await rewards.by_token(tx, token[:60])
        store = await stores.find(tx, found[0]) if found else None
        if found is None or store is None:
            return Response("There is nothing here.", 404)
        join = await _join(tx, store)
    reward = found[1]
    visit = Visit(request, runtime, store, reward, _language(request, store, None), join)
    if not _is_public(reward, runtime.clock()):
        return visit.refused(left=False)
    given = _public(reward)
    address = f"{runtime.settings.outside_url}/only/{reward.token}"
    return visit.shut(given, address) or visit.content(given)


# ------------------------------------------------------------------ what they were given


async def _given(
    tx: db.Tx, runtime: Runtime, store: Store, contact_id: int, reward: Reward,
    person: Contact | None,
) -> Given:  # fmt: skip
    """What of this reward the link's person was given, also before they were merged."""
    whose = [contact_id, *sorted({person.id, *person.also} - {contact_id} if person else ())]
    for one in whose:
        for row in await rewards.given(tx, store, one):
            if row["reward_id"] == reward.id:
                return dict(row)
    if reward.kind == "points" or not rules.may_open(person):
        return {}
    if not reward.has_own_codes:
        return _public(reward)
    for one in whose:
        code = await codes.of_person(tx, store, reward, one, partial(runtime.keyed, store.id))
        if code:
            return NOT_NOTED | {"code": code.code, "valid_until": code.valid_until}
    return {}


async def _opened(tx: db.Tx, visit: "Visit", contact_id: int, given: Given) -> None:
    """The first time counts."""
    store, now, bucket = visit.store, visit.runtime.clock(), bucket_of_id(contact_id)
    given_id = given["id"]
    if not given_id:
        given_id = visit.runtime.ids.make(bucket)
        noted = GiveReward(
            given_id, contact_id, visit.reward.id, now, given["code"], False, False, 0,
            given["valid_until"], is_welcome=False,
        )  # fmt: skip
        await rewards.put_given(tx, store, [noted])
    if await rewards.opened(tx, store, given_id, now):
        await forms.count(tx, store.id, bucket, {f"reward/{visit.reward.id}/opened": 1})


async def _join(tx: db.Tx, store: Store) -> str:
    """Where one can join: the store's newest form that is open."""
    for form in await forms.of_store(tx, store.id):
        if form.published and not form.retired:
            return f"/join/{form.token}"
    return ""


# ------------------------------------------------------------------ the pages


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody looks at a reward's page: what all answers need."""

    request: Request
    runtime: Runtime
    store: Store
    reward: Reward
    language: str
    join: str

    def shut(self, given: Given, address: str) -> Response | None:
        """Why what is given cannot be shown now: it has ended, or this is no phone."""
        ends = given["valid_until"] or self.reward.valid_until
        if ends and self.runtime.clock() >= ends:
            return self.page("offers/only_ended.html", 410, day=self.day(ends))
        if self.reward.phones_only and not on_phone(self.request):
            return self.page("offers/only_desktop.html", qr=qr_of(address))
        return None

    def content(self, given: Given) -> Response:
        """What is behind the link: a code, a page, the product of this day."""
        day = self.day(given["valid_until"] or self.reward.valid_until)
        if not self.reward.daily:
            return self.page("offers/only.html", given=given, day=day)
        now, zone = self.runtime.clock(), self.store.time_zone
        if (good := offers.good_of(self.reward, now, zone)) is None:
            return self.page("offers/only_ended.html", 410, day=day)
        more = offers.good_of(self.reward, now + timedelta(days=1), zone)
        return self.page("offers/only_day.html", good=good, more=more)

    def early(self, begins: datetime, *, theirs: bool) -> Response:
        """It has not begun: for them, or for all who do not subscribe (R36)."""
        return self.page("offers/only_early.html", 403, day=self.day(begins), theirs=theirs)

    def refused(self, *, left: bool) -> Response:
        """It is for subscribers, or not yet for others."""
        begins = self.reward.valid_from
        if self.reward.early_from and begins and self.runtime.clock() < begins:
            return self.early(begins, theirs=False)
        return self.page("offers/only_refused.html", 403, left=left)

    def ways(self) -> list[Way]:
        """How to pass it on: never the personal address, which opens to nobody else."""
        url = f"{self.runtime.settings.outside_url}/only/{self.reward.token}"
        return share_pieces.ways(self.store, url, self.language, "offer")

    def day(self, at: datetime | None) -> str:
        """A day in words."""
        zone = ZoneInfo(self.store.time_zone)
        return languages.say_day(at.astimezone(zone), self.language) if at else ""

    def page(self, template: str, status: int = 200, **context: Any) -> Response:
        """A page in the visitor's language."""
        w = languages.phrases(self.language)["public"]["only"]
        response = public.render(
            self.request, template, self.store, self.language, status=status,
            offered=self.store.languages, w=w, reward=self.reward, join=self.join,
            ways=self.ways(), **context,
        )  # fmt: skip
        # Browsers that say so unasked need no second look; others are told that it matters.
        response.headers["vary"] = "accept-language, user-agent, sec-ch-ua-mobile"
        response.headers["referrer-policy"] = "no-referrer"  # the address is the person's own
        return response


def on_phone(request: Request) -> bool:
    """Whether this request comes from a mobile phone."""
    return rules.is_phone(
        request.headers.get("user-agent", "")[:1000], request.headers.get("sec-ch-ua-mobile", "")
    )


def qr_of(text: str) -> str:
    """A QR code as the address of a picture."""
    code = segno.make(text, error="m", micro=False)
    return str(code.svg_data_uri(scale=6, border=2, dark="#111418", light="#ffffff"))


def _language(request: Request, store: Store, person: Contact | None) -> str:
    own = person.language if person else None
    if own in store.languages and "lang" not in request.query_params:
        return own or ""
    return public.language_of(request, store.languages)


ROUTES: list[BaseRoute] = [Route("/only/{token}", show, methods=["GET"])]
