"""P9, P1, R91: whatever happens to people, a text goes to nobody else's number, every key leads to
one living person, and the sums are those of the orders. Random histories, tried by the thousand."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringdove.rules import facts
from ringdove.rules.people import merging
from ringdove.rules.scenes import Scene
from tests.rules.scene import NOON, hear, messages, scene

PHONES = [f"+3752911122{n:02}" for n in range(4)]
EMAILS = ["", "", "a@x.by"]
ACCOUNTS = ["", "1", "2"]
KEYS = ("phone", "email", "account")

who = st.fixed_dictionaries(
    {
        "phone": st.sampled_from(["", "8 029 ???", *PHONES]),
        "email": st.sampled_from(EMAILS),
        "account": st.sampled_from(ACCOUNTS),
    }
)
any_two = st.tuples(st.integers(0, 9), st.integers(0, 9))
step = st.one_of(
    st.tuples(st.just("order"), st.integers(0, 9), who, st.integers(0, 3), st.booleans()),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
    st.tuples(st.just("paid"), st.integers(0, 9)),
    st.tuples(st.just("account"), who),
    st.tuples(st.just("cart"), st.integers(0, 3), who),
    st.tuples(st.just("merge"), any_two),
    st.tuples(st.just("merge"), any_two),
    st.tuples(st.just("part"), st.integers(0, 9)),
    st.tuples(st.just("number"), st.integers(0, 9), st.sampled_from(["", *PHONES])),
    st.tuples(st.just("passed_on"), st.integers(0, 9), st.sampled_from(["", *PHONES])),
    st.tuples(st.just("said"), st.sampled_from(PHONES), st.sampled_from(["STOP", "START"])),
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(step, min_size=6, max_size=25))
def test_nobody_is_mixed_up(steps: list[tuple]) -> None:  # type: ignore[type-arg]
    """R91, P9, P1."""
    place = scene()
    yes_at: set[str | None] = set()
    numberless: set[int] = set()
    for n, one in enumerate(steps):
        at = NOON + timedelta(minutes=n)
        fact = _fact(place, one, n, at)
        if fact is None:
            continue
        hear(place, fact, now=at)
        yes_at |= _agreed(place, fact)
        _look(place)
        _look_at_yes(place, fact, yes_at, numberless)


def _look_at_yes(
    place: Scene, fact: facts.Fact, yes_at: set[str | None], numberless: set[int]
) -> None:
    """A yes counts at the numbers that it was given at. Who said it before they had a number has it
    at their first one, but not at one that another had when the two became one."""
    if isinstance(fact, facts.PeopleParted):
        merge = place.merges[fact.merge]
        for name, contact_id in (("main", merge.contact_id), ("other", merge.other_id)):
            if merge.before[name]["marketing"] == "in" and not merge.before[name]["phone"]:
                numberless.add(contact_id)
    for person in place.contacts.values():
        if person.merged_into is not None or person.marketing != "in":
            continue
        names = {person.id, *person.also}
        if person.phone is None:
            numberless |= names
            continue
        if numberless & names and not isinstance(fact, facts.PeopleMerged):
            yes_at.add(person.phone)
            numberless -= names
        assert person.phone in yes_at, "a yes of another number"


def _agreed(place: Scene, fact: facts.Fact) -> set[str | None]:
    """The numbers at which somebody may have said yes by this."""
    if isinstance(fact, facts.OrderPlaced) and fact.order.consent:
        order = place.order_of(fact.order.key)
        assert order
        return {fact.order.customer.phone, place.person(order.contact_id).phone}
    if isinstance(fact, facts.TextReceived) and fact.body == "START":
        ref = place.refs["phone", fact.sender]
        return {fact.sender, place.person(ref.contact_id).phone}
    return set()


def _fact(place: Scene, one: tuple, n: int, at):  # type: ignore[no-untyped-def, type-arg]
    kind = one[0]
    ids = sorted(place.contacts)
    if kind == "order":
        key = str(one[1])
        told = {
            "key": key, "placed_at": at, "changed_at": at, "total": 10 + one[3],
            "cart": str(one[3]),
            "customer": {"country": "BY", **one[2]},
        }  # fmt: skip
        if one[4]:
            told["consent"] = {"marketing": True, "words": "Yes, offers."}
        known = place.order_of(key) is not None
        made = facts.OrderChanged if known else facts.OrderPlaced
        return made(id=f"o{n}", at=at, order=told)
    if kind in ("cancel", "paid"):
        if place.order_of(str(one[1])) is None:
            return None
        made = facts.OrderCancelled if kind == "cancel" else facts.PaymentReceived
        return made(id=f"{kind}{n}", at=at, order=str(one[1]))
    if kind == "account":
        return facts.CustomerChanged(id=f"a{n}", at=at, customer={"country": "BY", **one[1]})
    if kind == "cart":
        return facts.CartChanged(
            id=f"c{n}", at=at, cart=str(one[1]), customer={"country": "BY", **one[2]},
            lines=[{"name": "Kettle"}],
        )  # fmt: skip
    if kind == "said":
        return facts.TextReceived(id=f"t{n}", at=at, gateway=1, sender=one[1], body=one[2])
    if not ids:
        return None
    if kind == "merge":
        main, other = ids[one[1][0] % len(ids)], ids[one[1][1] % len(ids)]
        return facts.PeopleMerged(id=f"m{n}", at=at, contact=main, other=other)
    if kind == "part":
        open_ones = [merge for merge in place.merges.values() if merge.parted_at is None]
        if not open_ones:
            return None
        merge = open_ones[one[1] % len(open_ones)]
        own = [o.placed_at for o in place.orders.values() if o.contact_id == merge.contact_id]
        place.last_orders[merge.contact_id] = max(own, default=None)
        return facts.PeopleParted(id=f"p{n}", at=at, contact=merge.contact_id, merge=merge.id)
    contact = ids[one[1] % len(ids)]
    if kind == "number":
        return facts.PhoneChanged(id=f"n{n}", at=at, contact=contact, phone=one[2])
    if kind == "passed_on":
        given_up = place.person(contact).phone or ""
        return facts.PhoneChanged(
            id=f"n{n}", at=at, contact=contact, phone=one[2], released=given_up
        )
    return None


def _look(place: Scene) -> None:
    living = {c.id: c for c in place.contacts.values() if c.merged_into is None}
    for contact in place.contacts.values():
        if contact.merged_into is not None:
            assert contact.id in living[contact.merged_into].also, "a name of somebody living"
            assert not contact.also
            main = living[contact.merged_into]
            assert (contact.phone, contact.marketing) == (main.phone, main.marketing)
        for other in contact.also:
            assert place.contacts[other].merged_into == contact.id
    for (kind, value), ref in place.refs.items():
        assert place.person(ref.contact_id).id in living
        if kind in KEYS:
            holders = {p.id for p in living.values() if p.phone == value}
            assert kind != "phone" or holders <= {place.person(ref.contact_id).id}
    for person in living.values():
        if person.phone:
            owner = place.refs.get(("phone", person.phone))
            assert owner and place.person(owner.contact_id).id == person.id, "somebody else's"
        names = {person.id, *person.also}
        bought = [o for o in place.orders.values() if o.contact_id in names]
        kept = [o for o in bought if o.cancelled_at is None]
        assert person.orders == len(kept)
        assert person.spent == sum((o.total for o in kept), Decimal(0))
        assert person.last_order_at == max((o.placed_at for o in bought), default=None)
    for message in messages(place):
        if message.state == "waiting" and message.channel == "sms":
            owner = place.refs.get(("phone", message.recipient))
            mine = place.person(message.contact_id).id
            assert owner is not None, "to a number that was given up"
            assert place.person(owner.contact_id).id == mine, "to somebody else's number"


def test_a_merge_is_undone_for_a_day_only() -> None:
    """After it, what both did since is too much to tell apart."""
    place = scene()
    for n, phone in enumerate(PHONES[:2]):
        order = {"key": str(n), "placed_at": NOON, "customer": {"phone": phone}}
        hear(place, facts.OrderPlaced(id=f"o{n}", at=NOON, order=order))
    main, other = sorted(place.contacts)
    hear(place, facts.PeopleMerged(id="m", at=NOON, contact=main, other=other))
    (merge,) = place.merges.values()
    late = NOON + merging.UNDO_WITHIN + timedelta(seconds=1)
    parted = facts.PeopleParted(id="p", at=late, contact=main, merge=merge.id)
    hear(place, parted, now=late)
    assert place.contacts[other].merged_into == main
    hear(place, parted, now=NOON + merging.UNDO_WITHIN)
    assert place.contacts[other].merged_into is None


def test_a_yes_does_not_come_back_at_a_number_that_was_changed_while_they_were_one() -> None:
    """P1: the number changes between a merge and its undoing; the yes was of the number before."""
    place = scene()
    for n, phone in enumerate(PHONES[:2]):
        order = {"key": str(n), "placed_at": NOON, "customer": {"phone": phone}}
        consent = {"marketing": True, "words": "Yes"}
        hear(place, facts.OrderPlaced(id=f"o{n}", at=NOON, order=order | {"consent": consent}))
    main, other = sorted(place.contacts)
    hear(place, facts.PeopleMerged(id="m", at=NOON, contact=main, other=other))
    hear(place, facts.PhoneChanged(id="n", at=NOON, contact=main, phone=PHONES[2]))
    (merge,) = place.merges.values()
    hear(place, facts.PeopleParted(id="p", at=NOON, contact=main, merge=merge.id))
    assert place.contacts[main].phone == PHONES[2]
    assert place.contacts[main].marketing == "asked"
    assert (place.contacts[other].phone, place.contacts[other].marketing) == (PHONES[1], "in")


def test_a_text_to_a_number_that_came_and_went_while_they_were_one_is_taken_back() -> None:
    """P9: the other one's order told a number, the main one's account the next; after the parting
    the first is the other one's, and an answer to it under the main one's name goes to nobody."""
    place = scene()
    account = facts.Customer(account="1")
    hear(place, facts.CustomerChanged(id="a", at=NOON, customer=account))
    hear(place, facts.OrderPlaced(id="o", at=NOON, order={"key": "0", "placed_at": NOON}))
    main, other = sorted(place.contacts)
    hear(place, facts.PeopleMerged(id="m", at=NOON, contact=main, other=other))
    later = NOON + timedelta(minutes=1)
    order = {"key": "0", "placed_at": NOON, "changed_at": later, "customer": {"phone": PHONES[0]}}
    hear(place, facts.OrderChanged(id="c", at=later, order=order))
    hear(place, facts.TextReceived(id="t", at=NOON, gateway=1, sender=PHONES[0], body="STOP"))
    account = facts.Customer(account="1", phone=PHONES[1])
    hear(place, facts.CustomerChanged(id="n", at=later, customer=account))
    answer = messages(place)[-1]
    assert (answer.contact_id, answer.recipient, answer.state) == (main, PHONES[0], "waiting")
    (merge,) = place.merges.values()
    hear(place, facts.PeopleParted(id="p", at=later, contact=main, merge=merge.id))
    assert place.refs["phone", PHONES[0]].contact_id == other
    assert (messages(place)[-1].state, messages(place)[-1].reason) == ("dropped", "parted")
    _look(place)


def test_a_yes_before_the_first_number_is_everybodys_who_was_merged() -> None:
    """P1, R91: who said yes without a number has it at their first one, under all their names."""
    place = scene()
    hear(place, facts.CustomerChanged(id="a", at=NOON, customer={"name": "Anna"}))
    order = {
        "key": "0", "placed_at": NOON, "customer": {"account": "1"},
        "consent": {"marketing": True, "words": "Yes"},
    }  # fmt: skip
    hear(place, facts.OrderPlaced(id="o", at=NOON, order=order))
    account = facts.Customer(account="1", phone=PHONES[0])
    hear(place, facts.CustomerChanged(id="n", at=NOON, customer=account))
    main, yes = sorted(place.contacts)
    assert (place.contacts[yes].phone, place.contacts[yes].marketing) == (PHONES[0], "in")
    hear(place, facts.PeopleMerged(id="m", at=NOON, contact=main, other=yes))
    hear(place, facts.CustomerChanged(id="b", at=NOON, customer={"name": "Anna K"}))
    third = max(place.contacts)
    hear(place, facts.PeopleMerged(id="m2", at=NOON, contact=main, other=third))
    for one in (main, yes, third):
        assert place.person(one).id == main
        assert (place.contacts[one].phone, place.contacts[one].marketing) == (PHONES[0], "in")
    _look(place)
