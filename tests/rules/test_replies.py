"""What people answer (P2, N8): several hundred replies in eight languages."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules import replies
from ringdove.rules.replies import Reply

CASES = json.loads(Path(__file__).with_name("replies.json").read_text("utf-8"))


@pytest.mark.parametrize(("text", "language", "intent", "scope"), CASES)
def test_a_reply_is_understood(text: str, language: str, intent: str, scope: str) -> None:
    """P2."""
    read = replies.read(text, language=language)
    assert (read.intent, read.scope) == (intent, scope)


@pytest.mark.parametrize("case", [case for case in CASES if case[2] == "stop"])
def test_a_stop_outranks_a_running_survey(case: list[str]) -> None:
    """P2."""
    assert replies.read(case[0], awaiting="rating", language=case[1]).intent == "stop"


def test_a_yes_subscribes_only_when_nothing_else_was_asked() -> None:
    """P2: the caller lets it count only for someone who had stopped."""
    assert replies.read("YES!") == Reply("start", value="yes")
    assert replies.read("Да", awaiting="rating") == Reply("other", value="yes")
    assert replies.read("START", awaiting="rating") == Reply("start")


def test_some_words_stop_only_in_their_own_language() -> None:
    assert replies.read("fine", language="it-IT").intent == "stop"
    assert replies.read("fine", language="en").intent == "other"
    assert replies.read("para", language=None).intent == "other"


@given(st.text(max_size=300), st.sampled_from(["en", "ru", "xx", "", None]))
def test_no_text_raises(text: str, language: str | None) -> None:
    assert replies.read(text, language=language).intent in {"stop", "start", "help", "other"}


@given(
    st.sampled_from(["stop", "стоп", "basta", "baja", "unsubscribe", "адпіска", "wypisz"]),
    st.lists(st.booleans(), min_size=12, max_size=12),
    st.text(alphabet=" .!?\n,;…", max_size=5),
)
def test_case_and_punctuation_hide_no_stop(word: str, upper: list[bool], tail: str) -> None:
    """P2."""
    typed = "".join(x.upper() if up else x for x, up in zip(word, upper, strict=False))
    assert replies.read(tail + typed + tail).intent == "stop"


@given(st.lists(st.booleans(), min_size=4, max_size=4))
def test_letters_of_another_alphabet_hide_no_stop(swapped: list[bool]) -> None:
    """P2."""
    for word, alike in (("STOP", "SТОР"), ("СТОП", "CTOП")):
        typed = "".join(b if swap else a for a, b, swap in zip(word, alike, swapped, strict=True))
        assert replies.read(typed).intent == "stop"
