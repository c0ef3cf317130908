"""Two contacts are one person: made so, and for a day undone again.

Nothing moves. The other contact keeps its rows, its keys and its own sums; it only shows the main
one's name, number and permission (Scene.keep), and whoever is led to it means the main one
(Scene.person). So a merge is undone by giving both back what they were. The newest word about a
scope counts for the one person; at the same time, or at no known time, a no does. A yes counts at
the number that it was given for (number_changes.py).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from ringdove.rules import facts
from ringdove.rules.automations import automations
from ringdove.rules.consent import ledger, permissions
from ringdove.rules.effects import CancelAddressed, CancelQueued, Count, SaveContact, SaveMerge
from ringdove.rules.people.number_changes import permission_follows
from ringdove.rules.scenes import MIRRORED, Contact, Merge, Scene

UNDO_WITHIN = timedelta(hours=24)
ALSO_MAX = 20  # contacts of one person: all are locked together
SOURCE = "parted"
NO_SINCE = "Said while this was one person with another contact."
YES_SINCE = "A yes came while this was one person with another contact: whose it was is not known."

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
Said = tuple[str, datetime | None]


def merge(scene: Scene, fact: facts.PeopleMerged, now: datetime) -> None:
    """The two go on as one. What waits to be offered to the other is taken back: it was chosen for
    somebody else, as we thought."""
    main, other = _living(scene, fact.contact), _living(scene, fact.other)
    if main is None or other is None or main.id == other.id:
        return
    group = (other.id, *other.also)
    if len(main.also) + len(group) > ALSO_MAX:
        return
    one = joined(main, other)
    scene.happens(SaveContact(_own_only(scene, other, main.id)))
    for contact_id in other.also:
        if past := scene.contacts.get(contact_id):
            scene.happens(SaveContact(replace(past, merged_into=main.id)))
    scene.happens(SaveContact(replace(one, also=(*main.also, *group))))
    for contact_id in group:
        scene.happens(CancelQueued(contact_id, ("marketing",), "merged", now))
    if one.marketing != "in":
        scene.happens(CancelQueued(main.id, ("marketing",), "stopped", now))
    if one.marketing == "out":
        for contact_id in (main.id, *main.also, *group):
            automations.leave_marketing(scene, contact_id, "stopped")
    before = {
        "main": shown(main),
        "other": shown(other),
        "after": shown(scene.contacts[main.id]),
        "also": list(other.also),
    }
    merge_id = scene.make_id_beside(main.id)
    scene.happens(SaveMerge(Merge(merge_id, main.id, other.id, now, fact.by, before)))
    scene.happens(Count("merged"))


def _living(scene: Scene, contact_id: int) -> Contact | None:
    if contact_id not in scene.contacts:
        return None
    person = scene.person(contact_id)
    return None if person.erased_at else person


def _own_only(scene: Scene, other: Contact, main_id: int) -> Contact:
    """The other one as a name of the main one: with the sums of its own rows alone."""
    past = [scene.contacts[one] for one in other.also if one in scene.contacts]
    return replace(
        other,
        merged_into=main_id,
        also=(),
        orders=other.orders - sum(one.orders for one in past),
        spent=other.spent - sum((one.spent for one in past), Decimal(0)),
    )


def joined(main: Contact, other: Contact) -> Contact:
    """The one person: the main one, with what only the other knew."""
    phone = main.phone or other.phone
    agreed = {
        number
        for one in (main, other)
        for number in ((*one.agreed_phones, one.phone) if one.marketing == "in" else ())
        if number
    } | set(main.agreed_phones)
    marketing, marketing_at = _newest(
        (main.marketing, main.marketing_at), (other.marketing, other.marketing_at)
    )
    if marketing == "in" and phone and phone not in agreed:
        marketing = "asked"
    service, service_at = _newest(
        (main.service, main.service_at), (other.service, other.service_at)
    )
    pauses = [until for until in (main.paused_until, other.paused_until) if until]
    return replace(
        main,
        phone=phone,
        phone_doubt=None if phone else main.phone_doubt or other.phone_doubt,
        email=main.email or other.email,
        name=main.name or other.name,
        language=main.language or other.language,
        country=main.country or other.country,
        region=main.region or other.region,
        zones=main.zones or other.zones,
        city=main.city or other.city,
        sex=main.sex or other.sex,
        birthday=main.birthday or other.birthday,
        children=main.children or other.children,
        fields={**other.fields, **main.fields},
        seen_at=_latest(main.seen_at, other.seen_at),
        last_order_at=_latest(main.last_order_at, other.last_order_at),
        orders=main.orders + other.orders,
        spent=main.spent + other.spent,
        marketing=marketing,
        marketing_at=marketing_at,
        service=service,
        service_at=service_at,
        scopes=_scopes(main, other, marketing, phone, marketing_at),
        paused_until=max(pauses) if pauses and marketing != "out" else None,
        agreed_phones=() if marketing == "out" else tuple(sorted(agreed - {phone})),
        talking_until=_latest(main.talking_until, other.talking_until),
    )


def _newest(one: Said, two: Said) -> Said:
    """Of two words the one that counts."""
    firm = [said for said in (one, two) if said[0] in ("in", "out") and _is_word(said)]
    if firm:
        return max(firm, key=_weight)
    return max((one, two), key=lambda said: (said[0] == "asked", said[1] or _EVER))


def _is_word(said: Said) -> bool:
    return said[0] == "out" or said[1] is not None or said[0] == "in"


def _weight(said: Said) -> tuple[datetime, bool]:
    change, at = said
    return at or (_NEVER if change == "out" else _EVER), change == "out"


def _scopes(
    main: Contact, other: Contact, marketing: str, phone: str | None, since: datetime | None
) -> dict[str, Any]:
    """Scope by scope; what was joined before a stop of the other one ended with it."""
    found: dict[str, Any] = {}
    for scope in {*main.scopes, *other.scopes}:
        if scope.startswith("channel/"):  # of an address, not of a person
            whose = main if main.email else other
            if scope in whose.scopes:
                found[scope] = list(whose.scopes[scope])
            continue
        words = [
            (said[0], datetime.fromisoformat(said[1]), one)
            for one in (main, other)
            if (said := one.scopes.get(scope))
        ]
        firm = [word for word in words if word[0] != "asked"]  # who asks undoes no word
        change, at, whose = max(firm or words, key=lambda word: _weight((word[0], word[1])))
        if change == "in" and whose.phone != phone:
            change = "asked"
        if change == "out" or marketing != "out" or (since and at > since):
            found[scope] = [change, at.isoformat()]
    return found


def _latest(*moments: datetime | None) -> datetime | None:
    return max((one for one in moments if one), default=None)


# ------------------------------------------------------------------ parting


def part(scene: Scene, fact: facts.PeopleParted, now: datetime) -> None:
    """Both are again who they were. What they did since stays with the name under which they did
    it; a no said since holds for both, a yes for neither: whose it was is not known."""
    known = scene.merges.get(fact.merge)
    if known is None or known.parted_at or now - known.at > UNDO_WITHIN:
        return
    main, other = scene.contacts.get(known.contact_id), scene.contacts.get(known.other_id)
    if main is None or other is None or main.merged_into or main.erased_at:
        return
    group = (other.id, *known.before["also"])
    if not set(group) <= set(main.also):
        return
    was, was_other, after = (_read(known.before[name]) for name in ("main", "other", "after"))
    numbers = _addresses(was, was_other, after, shown_of(main))
    theirs = [scene.contacts[one] for one in group if one in scene.contacts]
    one = replace(
        main,
        **_back(scene, main, group, was, after),
        also=tuple(one for one in main.also if one not in group),
        orders=main.orders - sum(some.orders for some in theirs),
        spent=main.spent - sum((some.spent for some in theirs), Decimal(0)),
        last_order_at=_last_order(scene, main, group),
        rekeyed_at=now,
    )
    two = replace(
        other,
        **(was_other | _number_since(scene, main, group, was_other, after)),
        merged_into=None,
        also=tuple(known.before["also"]),
        orders=sum(some.orders for some in theirs),
        spent=sum((some.spent for some in theirs), Decimal(0)),
        last_order_at=_latest(*(some.last_order_at for some in theirs)),
    )
    scene.happens(SaveContact(one))
    for contact_id in known.before["also"]:
        if past := scene.contacts.get(contact_id):
            scene.happens(SaveContact(replace(past, merged_into=two.id)))
    scene.happens(SaveContact(two))
    _say_since(scene, main, after, one.id, two.id, now)
    for person, before in ((one, was["phone"]), (two, was_other["phone"])):
        if before and person.phone != before:  # changed while they were one: a yes is of a number
            permission_follows(scene, person.id, before, now)
    mine = (one.id, *one.also)
    _take_back(scene, mine, numbers | _reach(scene, group), now)
    _take_back(scene, group, numbers | _reach(scene, mine), now)
    scene.happens(SaveMerge(replace(known, parted_at=now)), Count("parted"))


def _back(
    scene: Scene, main: Contact, group: Iterable[int], was: Mapping[str, Any],
    after: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """What the main one has again: as it was before, but for what was told of them since."""
    found = {}
    for name in MIRRORED:
        is_new = getattr(main, name) != after[name]
        found[name] = getattr(main, name) if is_new else was[name]
    if _leads_to(scene, "phone", main.phone, group):
        found |= {name: was[name] for name in ("phone", "phone_doubt", "zones")}
    mine = [main.id, *(one for one in main.also if one not in group)]
    if not _leads_to(scene, "phone", found["phone"], mine):
        found["phone"] = None  # it was given up meanwhile
    if _leads_to(scene, "email", main.email, group):
        found["email"] = was["email"]
    found |= {name: was[name] for name in PERMISSION}
    return found


def _leads_to(scene: Scene, kind: str, value: str | None, group: Iterable[int]) -> bool:
    ref = scene.refs.get((kind, value or ""))
    return bool(ref and ref.contact_id in group)


def _number_since(
    scene: Scene, main: Contact, group: Iterable[int], was: Mapping[str, Any],
    after: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """A number that was given up meanwhile, or learnt, is so for the other as well."""
    if main.phone != after["phone"] and _leads_to(scene, "phone", main.phone, group):
        return {"phone": main.phone, "zones": main.zones, "phone_doubt": None}
    return {} if _leads_to(scene, "phone", was["phone"], group) else {"phone": None}


def _last_order(scene: Scene, main: Contact, group: tuple[int, ...]) -> datetime | None:
    past = [scene.contacts[one] for one in main.also if one not in group and one in scene.contacts]
    return _latest(scene.last_orders.get(main.id), *(one.last_order_at for one in past))


def _say_since(
    scene: Scene, main: Contact, after: Mapping[str, Any], one: int, two: int, now: datetime
) -> None:
    """What was said of a scope while they were one; the ledger says why it is so for both."""
    scopes = {"marketing", "service", *main.scopes, *after["scopes"]}
    then = replace(main, **after)
    for scope in sorted(scopes):
        said = permissions.state_of(main, scope), permissions.said_at(main, scope)
        if said == (permissions.state_of(then, scope), permissions.said_at(then, scope)):
            continue
        for contact_id in (one, two):
            before = permissions.state_of(scene.contacts[contact_id], scope)
            if said[0] == "out":
                _write(scene, contact_id, scope, "out", NO_SINCE, now)
            elif contact_id == one and scope == "marketing" and before in ("none", "asked"):
                _write(scene, contact_id, scope, "asked", YES_SINCE, now)
            elif contact_id == one and before in ("out", "none"):
                _write(scene, contact_id, scope, before, YES_SINCE, now)
    if main.paused_until and main.paused_until != after["paused_until"]:
        for contact_id in (one, two):
            if scene.contacts[contact_id].marketing != "out":
                entry = ledger.entry(
                    scene, contact_id, now, "marketing", "paused", SOURCE, NO_SINCE,
                    until=main.paused_until,
                )  # fmt: skip
                scene.happens(entry)


def _write(
    scene: Scene, contact_id: int, scope: str, change: str, words: str, now: datetime
) -> None:
    scene.happens(ledger.entry(scene, contact_id, now, scope, change, SOURCE, words))
    if change == "out":
        classes = ("marketing", "service") if scope == "service" else ("marketing",)
        topic = scope.removeprefix("topic/") if scope.startswith("topic/") else ""
        if scope in ("marketing", "service") or topic:
            for whose in (contact_id, *scene.contacts[contact_id].also):
                scene.happens(CancelQueued(whose, classes, "stopped", now, topic))


def _addresses(*states: Mapping[str, Any]) -> set[str]:
    return {state[name] for state in states for name in ("phone", "email") if state[name]}


def _reach(scene: Scene, names: Sequence[int]) -> set[str]:
    """What leads to these, also a number that came and went while they were one."""
    return {
        value
        for (kind, value), ref in scene.refs.items()
        if kind in ("phone", "email") and ref.contact_id in names
    }


def _take_back(scene: Scene, names: Sequence[int], numbers: set[str], now: datetime) -> None:
    """What waits under these names and would reach the other of the two."""
    for contact_id in names:
        person = scene.contacts[contact_id]
        strange = tuple(sorted(numbers - {person.phone, person.email}))
        if strange:
            scene.happens(CancelAddressed(contact_id, strange, "parted", now))


# ------------------------------------------------------------------ as it is kept

PERMISSION = (
    "marketing", "marketing_at", "service", "service_at", "scopes", "paused_until",
    "agreed_phones",
)  # fmt: skip


def shown_of(person: Contact) -> dict[str, Any]:
    """What of a person a merge changes."""
    return {name: getattr(person, name) for name in MIRRORED}


def shown(person: Contact) -> dict[str, Any]:
    """The same as JSON keeps it."""
    return {name: _plain(value) for name, value in shown_of(person).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _read(kept: Mapping[str, Any]) -> dict[str, Any]:
    # What a person is told by has grown: an old merge knows less of who they were.
    return {name: READERS.get(name, _as_is)(kept.get(name)) for name in MIRRORED}


def _as_is(value: Any) -> Any:
    return value


def _moment(value: Any) -> Any:
    return datetime.fromisoformat(value) if value else None


READERS: dict[str, Callable[[Any], Any]] = {
    "marketing_at": _moment,
    "service_at": _moment,
    "paused_until": _moment,
    "talking_until": _moment,
    "birthday": lambda value: date.fromisoformat(value) if value else None,
    "children": lambda value: tuple(date.fromisoformat(one) for one in value),
    "zones": tuple,
    "agreed_phones": tuple,
}
