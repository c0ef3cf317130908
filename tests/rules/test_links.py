"""Tokens of links: what goes in comes out, nothing else does, and old ones keep their meaning."""

import string
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules.links import links
from ringdove.rules.links.links import Claim
from ringdove.rules.scenes import Store

KEY = bytes(range(16))
STORES = st.integers(1, 2**31 - 1) | st.integers(1, 127)
IDS = st.integers(1, 2**63 - 1) | st.integers(1, 2**62 - 1)
NUMBERS = st.integers(0, 3)
SIGNS = string.digits + string.ascii_letters

# Texts with these are on people's phones: they must mean the same for ever (N5).
RECORDED = {
    "WKHYGq5SjtX7": Claim(1, 1, 0),
    "0P05XxloUR99": Claim(1, 389150215143424042, 0),
    "THojB5ai0W5K": Claim(1, 389150215143424042, 1),
    "6dTjq8HhZjr1": Claim(2, 389150215143424042, 0),
    "RPCeiFgozG4l": Claim(127, 4611686018427387903, 3),
    "1F9usRqK0QTd3YQ7T": Claim(128, 389150215143424042, 0),
    "0Risqj1YTJuN1BMb3": Claim(70000, 5, 2),
    "01RIAxqiWTp3ongKA": Claim(2147483647, 9223372036854775807, 3),
}  # fmt: skip


@given(STORES, IDS, NUMBERS)
def test_what_a_token_says_is_what_was_put_into_it(store: int, message: int, number: int) -> None:
    """R29."""
    token = links.token_of(store, message, number, KEY)
    assert links.read(token, KEY) == Claim(store, message, number)
    short = store < 128 and message < 2**62
    assert len(token) == (12 if short else 17) and token.isascii() and token.isalnum()


@given(st.integers(1, 127), st.lists(st.integers(1, 2**62 - 1), unique=True, max_size=50), NUMBERS)
def test_many_at_once_are_the_same_and_no_two_messages_share_one(
    store: int, messages: list[int], number: int
) -> None:
    """R29."""
    made = links.tokens(store, messages, number, KEY)
    assert made == [links.token_of(store, one, number, KEY) for one in messages]
    assert len(set(made)) == len(messages)


def test_tokens_recorded_long_ago_lead_where_they_led() -> None:
    """N5: a link works for ever."""
    for token, claim in RECORDED.items():
        assert links.read(token, KEY) == claim
        assert links.token_of(claim.store_id, claim.message_id, claim.number, KEY) == token


@given(st.text(SIGNS, min_size=12, max_size=12))
def test_a_guessed_token_is_none_or_names_a_message_that_nobody_made(token: str) -> None:
    """What can be read at all was made from exactly what it says: there is no second spelling."""
    claim = links.read(token, KEY)
    if claim:
        assert links.token_of(claim.store_id, claim.message_id, claim.number, KEY) == token


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a",
        "zzzzzzzzzzzz",
        "z" * 17,
        "0" * 11,
        "0" * 13,
        "0000-0000000",
        "0" * 11 + "é",
        "\x00" * 12,
    ],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    assert links.read(token, KEY) is None


def test_another_installation_reads_nothing_from_our_tokens() -> None:
    """And nobody who has many of our links makes another from them."""
    real = range(2**61, 2**61 + 2_000)
    read = [links.read(one, bytes(16)) for one in links.tokens(1, real, 0, KEY)]
    assert not [one for one in read if one and one.message_id in real]


def test_tokens_made_one_after_another_have_nothing_in_common() -> None:
    """Nobody counts up to the next person's link."""
    made = links.tokens(1, range(2**61, 2**61 + 1_000), 0, KEY)
    for place in range(12):
        seen = {one[place] for one in made}
        # The first sign spans three quarters of the alphabet: 2**71 of 62**12 are used.
        assert len(seen) >= (45 if place == 0 else 62), place


def test_a_link_stands_on_the_short_domain_if_there_is_one() -> None:
    """R28."""
    store = Store(1, "Linden", "BY", "UTC", ("en",), "BYN", time(21), time(9))
    assert links.url_of(store, "https://sms.example", "t") == "https://sms.example/l/t"
    store = Store(1, "Linden", "BY", "UTC", ("en",), "BYN", time(21), time(9), link_host="go.by")
    assert links.url_of(store, "https://sms.example", "t") == "https://go.by/t"
