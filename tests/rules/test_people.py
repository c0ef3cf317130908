"""Who a fact is about: one person by phone, account or e-mail, with several numbers over time."""

from dataclasses import replace

from ringdove.rules import facts
from tests.rules.scene import NOON, hear, messages, scene


def _placed(key: str, **customer: str) -> facts.OrderPlaced:
    told = {"key": key, "placed_at": NOON, "customer": {"country": "BY", **customer}}
    return facts.OrderPlaced(id=f"{key}/placed", at=NOON, order=told)


def _corrected(key: str, minute: int, **customer: str) -> facts.OrderChanged:
    at = NOON.replace(minute=minute)
    told = {
        "key": key, "placed_at": NOON, "changed_at": at, "customer": {"country": "BY", **customer},
    }  # fmt: skip
    return facts.OrderChanged(id=f"{key}/changed/{minute}", at=at, order=told)


def test_a_number_corrected_in_the_order_is_where_its_texts_go():
    """P9: the shop mends a typing mistake; the next text goes to the right phone."""
    place = hear(scene(), _placed("1", phone="+375291112233"))
    hear(place, _corrected("1", 5, phone="+375291112234"))
    hear(place, facts.PaymentReceived(id="p", at=NOON, order="1"))
    (person,) = place.contacts.values()
    assert person.phone == "+375291112234"
    assert messages(place)[-1].recipient == "+375291112234"


def test_an_older_snapshot_does_not_bring_the_old_number_back():
    """P8: shuffled."""
    place = hear(scene(), _placed("1", phone="+375291112233"))
    hear(place, _corrected("1", 9, phone="+375291112234"))
    hear(place, _corrected("1", 5, phone="+375291112235"))
    assert [person.phone for person in place.contacts.values()] == ["+375291112234"]


def test_a_number_of_somebody_else_is_never_taken_from_them():
    """P1: their stop must reach every text to it."""
    place = hear(scene(), _placed("1", phone="+375291112233"), _placed("2", phone="+375291112234"))
    hear(place, _corrected("1", 5, phone="+375291112234"))
    assert {person.phone for person in place.contacts.values()} == {
        "+375291112233", "+375291112234",
    }  # fmt: skip


def test_who_orders_with_an_old_number_of_theirs_is_reached_there():
    """P9: several phones over time; the one told last counts, and permission stays the person's."""
    place = hear(scene(), _placed("1", phone="+375291112233"))
    hear(place, _corrected("1", 5, phone="+375291112234"))
    (person,) = place.contacts.values()
    place.contacts[person.id] = replace(person, marketing="out")
    hear(place, _placed("2", phone="+375291112233"))
    (person,) = place.contacts.values()
    assert (person.phone, person.marketing) == ("+375291112233", "out")


def test_an_email_first_and_a_phone_later_are_one_person():
    """R91, P9: a contact without a phone gets one."""
    place = hear(scene(), _placed("1", email="anna@example.by"))
    hear(place, _placed("2", email="Anna@example.by", phone="8 029 111-22-33"))
    (person,) = place.contacts.values()
    assert (person.phone, person.orders) == ("+375291112233", 2)
