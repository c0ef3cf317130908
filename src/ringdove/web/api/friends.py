"""Friends over the API: who may invite, a customer's own links, an invitation, what came of it.

For a shop whose customers are signed in: its program knows who asks, so no number has to be shown
first (R95). Bounds and refusals are the same as on our pages (R96).
"""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ringdove.kit.db import Tx
from ringdove.records.friends import invitations
from ringdove.records.people import lookups, people
from ringdove.rules import languages
from ringdove.rules.facts import Customer
from ringdove.rules.friends import inviting, sharing
from ringdove.rules.people import people as readings
from ringdove.rules.people import phones
from ringdove.rules.policy import Friends
from ringdove.rules.scenes import Contact
from ringdove.web.api.callers import Caller, MarketerKey, SupportKey, ViewerKey
from ringdove.web.api.tell import Told
from ringdove.web.friends import friends, promises, share_pieces
from ringdove.web.friends.friends import END, LIMIT_MAX, SHOWN_FOR, WORDS_MAX, WRONG, state_of
from ringdove.web.friends.inviting import Wish, write_to

router = APIRouter(prefix="/api/stores/{store_id}/friends", tags=["Offers"])

Limit = Annotated[int, Field(ge=0, le=LIMIT_MAX)]
Words = Annotated[str, Field(min_length=1, max_length=WORDS_MAX)]


class FriendRules(Told):
    """Whether customers can invite friends, and how many."""

    is_on: bool = Field(description="Customers can invite, from pages of their own.")
    writes: bool = Field(description="We write to the friend too: one text, once for ever.")
    by_inviter_day: Limit = Field(3, description="Friends of one customer in 24 hours.")
    by_inviter_month: Limit = Field(20, description="And in 30 days.")
    by_address_day: Limit = Field(10, description="From one internet address in 24 hours.")
    by_store_day: Limit = Field(200, description="Of all customers in 24 hours.")
    words: dict[Annotated[str, Field(max_length=12)], Words] = Field(
        default_factory=dict,
        description="By language what we write; values friend.name, friend.link, shop.name. A"
        " language that is not here has the ready words.",
    )


class FriendFigures(BaseModel):
    """Of the last 90 days."""

    inviters: int
    written: int = Field(description="Friends that we wrote to.")
    came: int = Field(description="Numbers that friends typed on the page of a link.")
    bought: int = Field(description="Of both, who has paid for a first order.")
    refused: int


class FriendProgram(BaseModel):
    """Who may invite, what both get, what came of it, and where the form stands."""

    rules: FriendRules
    rewards: dict[str, str] = Field(description="By inviter and friend, the offer's name.")
    figures: FriendFigures
    form_url: str = Field(description="A customer types their number and gets their link by text.")
    share_script: str = Field(description="Draws buttons that share the shop.")


@router.get("", summary="Friends who are invited")
async def show(caller: ViewerKey) -> FriendProgram:
    """The rules, the rewards that the two automations give, and the figures."""
    store = caller.store
    async with caller.transaction() as tx:
        figures = await invitations.figures(tx, store, caller.now - SHOWN_FOR)
        given = await promises.offered(tx, store)
    return FriendProgram(
        rules=_told(store.policy.friends),
        rewards={role: offer.name for role, offer in given.items()},
        figures=FriendFigures(**figures),
        form_url=share_pieces.form_url(caller.runtime, store),
        share_script=share_pieces.buttons_url(caller.runtime, store),
    )


def _told(rules: Friends) -> FriendRules:
    return FriendRules(**{name: getattr(rules, name) for name in FriendRules.model_fields})


@router.put("", summary="Replace the rules of inviting")
async def replace_rules(wish: FriendRules, caller: MarketerKey) -> FriendRules:
    """From now on; what was invited stays so."""
    for language, words in wish.words.items():
        if language not in languages.languages_present():
            raise HTTPException(422, f"words.{language}: Ringdove does not speak this language.")
        if wrong := inviting.mistake(words):
            raise HTTPException(422, f"words.{language}: {WRONG[wrong]}")
    meant = Friends(**wish.model_dump())
    async with caller.transaction() as tx:
        await friends.change(tx, caller.store, meant, caller.now)
        await caller.audit(tx, "friends.changed", caller.store.name, on=meant.is_on)
    return _told(meant)


# ------------------------------------------------------------------ a customer's own links


class Inviter(Told):
    """Who invites: a customer by phone, account or e-mail."""

    customer: Customer


class FriendLinks(BaseModel):
    """What a customer can pass on. Show `page_url` to nobody else: who has it invites by their
    name."""

    page_url: str = Field(description="Their own page; with .js behind it the form as a script.")
    share_url: str = Field(description="What they pass on.")
    ways: dict[str, str] = Field(description="Links that open a messenger with the words in it.")


@router.post("/links", summary="A customer's own links")
async def links_of(wish: Inviter, caller: SupportKey) -> FriendLinks:
    """For who is signed in at your shop. 404: not a customer; 409: they cannot invite."""
    async with caller.transaction() as tx:
        person = await _inviter(tx, caller, wish.customer)
    runtime, store = caller.runtime, caller.store
    share = share_pieces.shared_link(runtime, store, person.id)
    language = languages.choose(person.language, person.country, store.languages)
    words = share_pieces.words_of(store, language)
    return FriendLinks(
        page_url=share_pieces.page_link(runtime, store, person.id), share_url=share,
        ways={way.key: way.href for way in sharing.ways(share, words)},
    )  # fmt: skip


async def _inviter(tx: Tx, caller: Caller, told: Customer) -> Contact:
    found = None
    for kind, value in readings.keys_of(told, caller.store.country):
        row = await lookups.customer_behind(tx, caller.store, kind, value)
        found = await people.living(tx, caller.store, row["id"]) if row else None
        if found:
            break
    if found is None:
        raise HTTPException(404, "There is no such customer: give their phone, account or e-mail.")
    if reason := inviting.why_no_inviter(caller.store.policy.friends, found):
        raise HTTPException(409, f"{reason}: {WHY_NOT[reason]}")
    return found


WHY_NOT = {
    "off": "friends cannot be invited in this store: switch it on first.",
    "unknown": "only who has bought or subscribed can invite.",
    "left": "this customer has ended all texts.",
}


# ------------------------------------------------------------------ an invitation


class InvitationWish(Inviter):
    """One customer invites one number."""

    friend: str = Field(min_length=1, max_length=60, description="The friend's mobile number.")
    name: str = Field(
        "", max_length=60,
        description="As the friend knows the customer, letters only; empty: as the shop does.",
    )  # fmt: skip
    ip: str = Field("", max_length=60, description="Of the customer, to count by it.")


class InvitationMade(BaseModel):
    """What became of it. Tell the customer the same whatever it is: the reasons say what the shop
    knows of somebody else."""

    state: Literal["written", "silent"]
    reason: str = Field(
        description="Why nothing was written: " + ", ".join(inviting.REASONS)
        + ", or what dropped the text. Empty: it was."
    )  # fmt: skip
    message_id: str = Field("", description="Of the text; empty: there is none.")


@router.post("/invitations", summary="Invite a friend")
async def invite(wish: InvitationWish, caller: SupportKey) -> InvitationMade:
    """One text, once for ever for each friend and store, at an hour for offers. The number is
    forgotten three days later; no permission comes of it."""
    read = phones.parse(wish.friend, caller.store.country)
    if isinstance(read, phones.Doubtful):
        raise HTTPException(422, f"friend: {read.reason}")
    async with caller.transaction() as tx:
        person = await _inviter(tx, caller, wish.customer)
    name = inviting.shown_name(wish.name or person.name)
    if wish.name and not name:
        raise HTTPException(422, "name: name and surname, letters only.")
    asked = Wish(person.id, read.e164, name, wish.ip)
    made = await write_to(caller.runtime, caller.store, asked)
    return InvitationMade(
        state="silent" if made.reason else "written", reason=made.reason,
        message_id=str(made.message_id or ""),
    )  # fmt: skip


class Invitation(BaseModel):
    """A number that was invited; which one, nobody knows any more."""

    id: str
    inviter: str = Field(description="The customer's id.")
    way: str = Field(description="text: we wrote; link: they came by the customer's own link.")
    at: datetime
    state: str = Field(description="text, link, refused, bought")
    bought_at: datetime | None


@router.get("/invitations", summary="Friends, the newest first")
async def newest(
    caller: ViewerKey,
    before: Annotated[datetime | None, Query(description="Older than this.")] = None,
) -> list[Invitation]:
    """50 at a time."""
    async with caller.transaction() as tx:
        rows = await invitations.newest(tx, caller.store, (before or END, 0))
    return [
        Invitation(
            id=str(row["id"]), inviter=str(row["inviter_id"]), way=row["way"], at=row["at"],
            state=state_of(row), bought_at=row["bought_at"],
        )
        for row in rows
    ]  # fmt: skip
