"""One customer invites one number: asked, written and remembered in one transaction (R95, R96).

The inviter's row is locked, so their own bounds hold however many ask at once; the number's row is
unique, so of a hundred inviters one is the first. The friend's number is in nothing that is kept:
their contact is forgotten some days later, unless they become a customer (workers/retention.py).
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from psycopg.errors import UniqueViolation

from ringdove.kit import db
from ringdove.records import scenes, wants
from ringdove.records.consent.suppression import hash_of
from ringdove.records.friends import invitations
from ringdove.records.friends.invitations import Way
from ringdove.rules import facts
from ringdove.rules.effects import Count, QueueMessage
from ringdove.rules.friends import friend_links, inviting
from ringdove.rules.messages import speak
from ringdove.rules.people import people
from ringdove.rules.scenes import Contact, Invitation, Scene, Store
from ringdove.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Wish:
    """Who invites which number. `ip`: of who asks; "": a program, which is not counted by it."""

    inviter_id: int
    phone: str  # E.164
    name: str = ""  # as the friend is to read it; rules/friends/inviting.shown_name has cleaned it
    ip: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it. `reason`: why nothing was written, one of inviting.REASONS or of a
    message's silences; "": it was."""

    reason: str = ""
    message_id: int = 0
    invitation_id: int = 0


async def write_to(runtime: Runtime, store: Store, wish: Wish) -> Outcome:
    """We write to the friend, once for ever."""
    return await _in_turn(runtime, store, wish, "text")


async def come(runtime: Runtime, store: Store, wish: Wish) -> Outcome:
    """A friend typed their own number on the page of the inviter's link: nothing is written to
    anybody; their first order counts for both."""
    return await _in_turn(runtime, store, wish, "link")


async def _in_turn(runtime: Runtime, store: Store, wish: Wish, way: Way) -> Outcome:
    work = _write if way == "text" else _note

    async def once(tx: db.Tx) -> Outcome:
        asked = await _ask(tx, runtime, store, wish, way)
        return asked if isinstance(asked, Outcome) else await work(tx, runtime, store, wish, asked)

    return await db.retried(runtime.pool, once, also=(UniqueViolation,))


@dataclass(frozen=True, slots=True)
class Asked:
    """Nothing is against it so far."""

    scene: Scene
    inviter: Contact
    invitation: Invitation
    ip_hash: str


async def _ask(tx: db.Tx, runtime: Runtime, store: Store, wish: Wish, way: Way) -> Asked | Outcome:
    now, settings = runtime.clock(), store.policy.friends
    if way == "text" and not settings.writes:
        return Outcome("off")
    who = facts.Customer(phone=wish.phone)
    about: list[facts.Fact] = [
        facts.LinkOpened(id="friend-page", at=now, contact=wish.inviter_id, message=0),
        facts.CustomerChanged(id="friend", at=now, customer=who),
    ]
    down_before = now - timedelta(seconds=runtime.settings.reroute_after_s)
    address = runtime.settings.outside_url
    scene = await scenes.load(
        tx, store, about, runtime.ids, runtime.keyed, down_before, address=address
    )
    inviter = scene.person(wish.inviter_id) if wish.inviter_id in scene.contacts else None
    if reason := inviting.why_no_inviter(settings, inviter):
        return Outcome(reason)
    assert inviter is not None
    ref = scene.refs.get(("phone", wish.phone))
    friend = scene.person(ref.contact_id) if ref else None
    held = scene.suppressed.get(("phone", wish.phone))
    ip_hash = runtime.keyed(store.id, f"friend-ip/{wish.ip}")[:32] if wish.ip else ""
    known = {inviter.id, *inviter.also}
    invited = await invitations.invited(tx, store, known, ip_hash, now)
    reason = inviting.why_no_friend(inviter, wish.phone, friend, held)
    if reason != "yourself":
        reason = inviting.why_too_many(settings, invited) or reason
    if reason:
        return Outcome(reason)
    digest = hash_of(store, runtime.keyed, "phone", wish.phone)
    new_id = scene.make_id(f"friend/{digest}")
    return Asked(scene, inviter, Invitation(new_id, digest, inviter.id, now), ip_hash)


async def _write(tx: db.Tx, runtime: Runtime, store: Store, wish: Wish, asked: Asked) -> Outcome:
    now, address = runtime.clock(), runtime.settings.outside_url
    loaded, one = asked.scene, asked.invitation
    customer = facts.Customer(phone=wish.phone)
    friend = people.meet(loaded, customer, "friend", now, "friend")
    keyed = partial(runtime.keyed, store.id)
    link = friend_links.written_of(address, store.id, one.id, keyed)
    made = inviting.letter(loaded, asked.inviter, wish.name, friend, link, now)
    if made is None:
        return Outcome("no_allowed_hour")

    def say(scene: Scene) -> None:
        speak(scene, made, now)
        scene.happens(Count("friends_invited"))

    scene, _ = await wants.decided(tx, loaded, say, now, runtime.ids)
    text = next(one for one in scene.effects if isinstance(one, QueueMessage))
    if text.state == "dropped":
        return Outcome(text.reason)  # nothing of it is kept: another day may be better
    if not await invitations.claim(tx, store, one, "text", asked.ip_hash, friend.id):
        return Outcome("invited")
    await scenes.commit(tx, scene, now, runtime.ids)
    return Outcome("", text.id, one.id)


async def _note(tx: db.Tx, runtime: Runtime, store: Store, wish: Wish, asked: Asked) -> Outcome:
    one = asked.invitation
    if not await invitations.claim(tx, store, one, "link", asked.ip_hash, None):
        return Outcome("invited")
    return Outcome("", 0, one.id)
