"""Who may invite whom, names that are shown, links, ways to share (R95, R96, R97)."""

from dataclasses import replace
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from ringdove.records.friends.invitations import FORGET_AFTER
from ringdove.rules.consent import stop_links
from ringdove.rules.friends import friend_links, inviting, sharing
from ringdove.rules.friends.inviting import Invited
from ringdove.rules.policy import DEFAULT, Friends, read, write
from ringdove.rules.scenes import Contact, Held
from tests.rules.scene import NOON

ON = Friends(is_on=True, writes=True)
ANNA = Contact(7, "+375291112233", None, NOON, orders=1, agreed_phones=("+375290000000",))
FRIEND = Contact(9, "+375297654321", None, NOON)


def keyed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def test_a_name_is_shown_and_a_message_in_its_place_is_not() -> None:
    """R96: what stands in for a name may be an advertisement or an insult with a link in it."""
    for name in ("Анна Коваль", "Anna-Maria O'Neill", "J. Smith", "José García López", "Ли", " A "):
        assert inviting.shown_name(name) == " ".join(name.split()), name
    for name in (
        "", "casino.com", "Win 500 now", "http://x.by", "t.me/spam", "Anna <b>",
        "buy cheap shoes now", "+375291112233", "Anna\nKoval STOP all", "x" * 21, "Анна!",
        "{{ shop }}", "@anna", "ann.a",
    ):  # fmt: skip
        assert inviting.shown_name(name) == "", name


@given(st.text(max_size=60))
def test_whatever_is_typed_a_shown_name_holds_no_address(typed: str) -> None:
    shown = inviting.shown_name(typed)
    assert not set(shown) & set("/:@<>{}&%0123456789\n") and len(shown) <= inviting.NAME_MAX
    assert all("." not in word[:-1] for word in shown.split())


def test_who_may_invite() -> None:
    """R96."""
    cases = (
        (Friends(), ANNA, "off"), (ON, None, "unknown"), (ON, replace(ANNA, orders=0), "unknown"),
        (ON, replace(ANNA, orders=0, marketing="in"), ""), (ON, ANNA, ""),
        (ON, replace(ANNA, service="out"), "left"), (ON, replace(ANNA, marketing="out"), ""),
        (ON, replace(ANNA, erased_at=NOON), "unknown"),
    )  # fmt: skip
    for settings, inviter, why in cases:
        assert inviting.why_no_inviter(settings, inviter) == why


def test_how_many_may_be_invited() -> None:
    """R96: by inviter, by address, by day; 0 lets nobody."""
    cases = (
        (Invited(), ""), (Invited(by_inviter_day=2), ""), (Invited(by_inviter_day=3), "too_many"),
        (Invited(by_inviter_month=20), "too_many"), (Invited(by_address_day=10), "busy"),
        (Invited(by_store_day=200), "busy"), (Invited(2, 19, 9, 199), ""),
    )  # fmt: skip
    for invited, why in cases:
        assert inviting.why_too_many(ON, invited) == why
    assert inviting.why_too_many(replace(ON, by_store_day=0), Invited()) == "busy"


def test_who_may_be_invited() -> None:
    """R96: refusals are final, customers are left alone, nobody invites themselves."""
    phone = "+375297654321"
    refused, bounced = Held("marketing", "site", NOON), Held("all", "bounced", NOON)
    cases = (
        (phone, None, None, ""), (phone, FRIEND, None, ""), (phone, None, bounced, ""),
        (phone, None, refused, "refused"), (phone, replace(FRIEND, orders=1), None, "customer"),
        (phone, replace(FRIEND, marketing="in"), None, "customer"),
        (phone, replace(FRIEND, marketing="out"), None, "refused"),
        (phone, replace(FRIEND, service="out"), None, "refused"),
        ("+375291112233", ANNA, None, "yourself"), ("+375290000000", None, None, "yourself"),
        (phone, ANNA, None, "yourself"), (phone, replace(ANNA, id=8, also=(7,)), None, "customer"),
    )  # fmt: skip
    for number, friend, held, why in cases:
        assert inviting.why_no_friend(ANNA, number, friend, held) == why, (number, friend)
    one_of_two = replace(ANNA, also=(8,))
    assert inviting.why_no_friend(one_of_two, phone, replace(FRIEND, id=8), None) == "yourself"


@given(store=st.integers(1, 2**31 - 1), row=st.integers(1, 2**63 - 1))
def test_a_link_is_of_one_kind_alone(store: int, row: int) -> None:
    """R96: who was sent an invitation, or was passed a link, cannot act as the inviter."""
    for kind, make in (
        (friend_links.PAGE, friend_links.page_of), (friend_links.SHARED, friend_links.shared_of),
        (friend_links.WRITTEN, friend_links.written_of),
    ):  # fmt: skip
        claim = stop_links.read(make("https://x", store, row, keyed).rpartition("/")[2])
        assert claim and (claim.store_id, claim.contact_id) == (store, row)
        assert friend_links.kind_of(claim, keyed) == kind
        assert not stop_links.is_ours(claim, keyed)  # and it is no way out of the offers
    stop = stop_links.read(stop_links.token_of(store, row, keyed))
    assert stop and friend_links.kind_of(stop, keyed) == ""


def test_every_way_to_share_carries_the_words_and_the_address() -> None:
    """R97: quoted, so that nothing is cut off; plain addresses, and no script of a network."""
    url, text = "https://linden.example/f/x?a=1&b=2#c", "Купила & советую: 100%"
    for way in sharing.ways(url, text):
        parts = urlsplit(way.href)
        assert parts.scheme in ("https", "sms", "viber", "mailto")
        said = parse_qs(parts.query.lstrip("&")) if "?" in way.href else {}
        assert url in " ".join(value for values in said.values() for value in values), way
    assert [way.key for way in sharing.ways(url, text, ("viber", "sms"))] == ["sms", "viber"]


def test_own_words_need_a_link_and_know_little() -> None:
    """R95."""
    cases = (
        ("{{ friend.name }}: {{ shop.name }} {{ friend.link }}", ""), ("Come!", "no_link"),
        ("{{ friend.link }} {{ customer.name }}", "unknown"), ("{{ friend.link", "unknown"),
        ("{{ friend.link }}" + "я" * 200, "too_long"),
    )  # fmt: skip
    for words, wrong in cases:
        assert inviting.mistake(words) == wrong, words


def test_the_settings_are_kept_whole() -> None:
    own = replace(DEFAULT, friends=replace(ON, by_store_day=7, words={"ru": "{{ friend.link }}"}))
    assert read(write(own)) == own
    assert read({}).friends == Friends()


def test_nobody_is_forgotten_before_their_invitation_went() -> None:
    """R95: invited on a Friday night before a holiday, a number can never be invited again."""
    assert inviting.LOOK_AHEAD + inviting.VALID_FOR <= FORGET_AFTER
