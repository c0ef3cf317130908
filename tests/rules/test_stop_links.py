"""The personal link: short, unguessable, never somebody else's (R5)."""

import re
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules import texts
from ringdove.rules.consent import stop_links
from tests.rules.scene import keyed, scene

STORES = st.integers(1, 2**31 - 1)
PEOPLE = st.integers(1, 2**63 - 1)


@given(STORES, PEOPLE)
def test_a_token_leads_to_its_person(store_id: int, contact_id: int) -> None:
    """R5."""
    token = stop_links.token_of(store_id, contact_id, keyed)
    claim = stop_links.read(token)
    assert claim and (claim.store_id, claim.contact_id) == (store_id, contact_id)
    assert stop_links.is_ours(claim, keyed)
    assert re.fullmatch(r"[0-9A-Za-z]+", token)
    assert len(token) == (20 if store_id < 256 else 24)
    form = stop_links.read(stop_links.form_token_of(store_id, keyed))
    assert form and (form.store_id, form.contact_id) == (store_id, 0)
    assert stop_links.is_ours(form, keyed)


@given(st.integers(1, 255), PEOPLE, st.integers(0, 19), st.sampled_from("0aZ9kQ"))
def test_a_changed_token_is_nobodys(store_id: int, person: int, place: int, sign: str) -> None:
    """R5: a link cannot be turned into another person's."""
    token = stop_links.token_of(store_id, person, keyed)
    changed = token[:place] + sign + token[place + 1 :]
    claim = stop_links.read(changed)
    assert changed == token or claim is None or not stop_links.is_ours(claim, keyed)


def test_a_key_of_another_store_or_installation_makes_another_seal() -> None:
    def other(text: str) -> str:
        return sha256(f"other/{text}".encode()).hexdigest()

    claim = stop_links.read(stop_links.token_of(1, 77, other))
    assert claim and not stop_links.is_ours(claim, keyed)


@given(st.text(max_size=30))
def test_any_words_are_read_without_harm(words: str) -> None:
    claim = stop_links.read(words)
    assert claim is None or not stop_links.is_ours(claim, keyed)


@pytest.mark.parametrize("token", ["z" * 20, "z" * 24, "z" * 14, "0" * 20, "", "é" * 20])
def test_what_no_token_can_be(token: str) -> None:
    claim = stop_links.read(token)
    assert claim is None or not stop_links.is_ours(claim, keyed)


def test_texts_say_it_by_its_name() -> None:
    place = scene()
    assert place.stop_url(5) == ""
    assert texts.render("Sale! Stop: {{ stop_url }}", {"stop_url": ""}) == "Sale! Stop:"
    place.address = "https://l.example"
    url = place.stop_url(5)
    assert texts.render("Sale! {{stop_url}}", {"stop_url": lambda: url}) == f"Sale! {url}"
    assert texts.check("{{ stop_url }}") == []
