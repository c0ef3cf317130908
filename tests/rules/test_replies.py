"""What people answer (P2, N8): several hundred replies in eight languages."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.bench import replies as measuring
from ringdove.demo.goods import LANGUAGES, catalogue
from ringdove.rules import replies
from ringdove.rules.policy import Topic
from ringdove.rules.replies import Intent, Reply, Scale

CASES = json.loads(Path(__file__).with_name("replies.json").read_text("utf-8"))


@pytest.mark.parametrize(("text", "language", "intent", "scope"), CASES)
def test_a_reply_is_understood(text: str, language: str, intent: str, scope: str) -> None:
    """P2."""
    assert _heard(text, language, intent) == (intent, scope)


def _heard(text: str, language: str, intent: str) -> tuple[str, str]:
    """These lists are about stop, start and help: the rest of what people write is `other` here."""
    read = replies.read(text, language=language)
    if intent == "other" and read.intent not in ("stop", "start", "help"):
        return "other", ""
    return read.intent, read.scope


FOLDER = Path(__file__).parent
MORE = json.loads((FOLDER / "replies_more.json").read_text("utf-8"))
HELD_OUT = json.loads((FOLDER / "replies_heldout.json").read_text("utf-8"))
Case = tuple[str, str, str, str]  # text, language, intent, scope


def _cases(tables: dict[str, dict[str, list[Any]]]) -> list[Case]:
    found: list[Case] = []
    for language, groups in tables.items():
        for group, said in groups.items():
            for one in said:
                text, key = one if isinstance(one, list) else (one, "")
                meant = {
                    "topics": ("stop", f"topic/{key}"), "pause": ("stop", "pause"),
                    "marketing": ("stop", "marketing"), "all": ("stop", "all"),
                }  # fmt: skip
                found.append((text, language, *meant.get(group, (group, ""))))
    return found


@pytest.mark.parametrize(("text", "language", "intent", "scope"), _cases(MORE))
def test_what_people_write_in_six_languages(
    text: str, language: str, intent: str, scope: str
) -> None:
    """P2, N8: stop, one topic, a pause, start and help, and what is none of these."""
    assert _heard(text, language, intent) == (intent, scope)


def test_of_replies_that_were_held_out_few_are_missed() -> None:
    """P2, N8: written before the lists were looked at; docs/ways-out.md has the figures."""
    cases = _cases(HELD_OUT)
    read = [(case, replies.read(case[0], language=case[1])) for case in cases]
    stops = [(case, heard) for case, heard in read if case[2] == "stop"]
    missed = [case[0] for case, heard in stops if heard.intent != "stop"]
    falsely = [case[0] for case, heard in read if case[2] != "stop" and heard.intent == "stop"]
    assert len(missed) <= len(stops) * 0.04, missed
    assert len(falsely) <= 1, falsely


@pytest.mark.slow
def test_the_sets_are_understood() -> None:
    """N8: of all stops 99 of 100 are heard, nothing else is taken for one; docs/replies.md says how
    each set was understood before anything was learnt from it."""
    found = measuring.measure(FOLDER / "replies_eval")["parts"]
    each = [one for figures in found.values() for one in figures["languages"].values()]
    assert sum(one["stops_heard"] for one in each) >= 0.99 * sum(one["stops"] for one in each)
    for part, figures in found.items():
        assert figures["right"] >= figures["texts"] * 0.98, part
        for language, one in figures["languages"].items():
            assert one["texts"] < 80 or one["stops"] >= 18, (part, language)
            assert one["stops_heard"] >= one["stops"] * 0.99, (part, language)
            assert not one["stops_falsely"] and not one["orders_as_stops"], (part, language)


def test_what_is_no_reply_is_hardly_ever_a_stop() -> None:
    """N8: guessing by letters once took every fifteenth sentence for one ("another time")."""
    names = {good.name(language) for good in catalogue() for language in LANGUAGES}
    stops = [name for name in names if replies.read(name).intent == "stop"]
    assert len(stops) <= len(names) * 0.01, stops
    for text in ("text 12", "another time", "Any of these", "Вы говорите по-польски?"):
        assert replies.read(text).intent != "stop", text


def test_what_a_text_names_comes_with_it() -> None:
    """N8: an order's number, a contest's word, what became of a complaint, which rules."""
    for text, reply in (
        ("where is order #A-2291?", Reply("order_status", "", "A-2291")),
        ("Где заказ №1042", Reply("order_status", "", "1042")),
        ("заказ 1042?", Reply("order_status", "", "1042")),
        ("any news on my parcel", Reply("order_status")),
        ("order 4410 came broken", Reply("complaint", "", "4410")),
        ("what about my complaint 77?", Reply("complaint", "status", "77")),
        ("come faccio il reso?", Reply("rules", "complaint")),
        ("як аплаціць", Reply("rules", "order")),
        ("W1N", Reply("other")),
        ("gràcias!!", Reply("thanks")),
        ("please don't send the courier today", Reply("other")),
        ("Stop asking about it", Reply("unsure")),
        ("А можно поменять адрес?", Reply("other")),
        ("пришла с трещиной, что делать?", Reply("complaint")),
        ("запішыце новы нумар", Reply("other")),
        ("🛑", Reply("stop", "marketing")),
        ("how many times do I have to tell you", Reply("stop", "marketing")),
        ("Stop ignoring me, where is my parcel", Reply("order_status")),
        ("стоп! забыл добавить лампу", Reply("unsure")),
    ):
        assert replies.read(text) == reply, text
    for text in ("win", "WIN!", "please WIN", "W I N", "WІN Anna Rossi", "win 1042"):
        assert replies.read(text, contests=["WIN", "TEA"]) == Reply("contest", value="WIN"), text
    assert replies.read("I win nothing at all from you ever", contests=["WIN"]).intent != "contest"
    assert replies.read("STOP", contests=["STOP"]).intent == "stop"


def test_a_number_rates_only_where_one_was_asked_for() -> None:
    """N8, R80: outside the scale, or two of them, is unsure; a question is a question."""
    for text, scale, reply in (
        ("5", Scale(), Reply("rating", value="5")),
        ("0", Scale(0, 10), Reply("rating", value="0")),
        ("10", Scale(), Reply("unsure")),
        ("2 or 5", Scale(), Reply("unsure")),
        ("where is my order 5", Scale(), Reply("order_status", "", "5")),
        ("6. Where is my second parcel?", Scale(), Reply("rating", value="6")),
        ("great", Scale(), Reply("other")),
        ("stop 5", Scale(), Reply("stop", "5")),
    ):
        assert replies.read(text, awaiting="rating", scale=scale) == reply, text
    assert replies.read("5").intent == "other"


def test_a_topic_is_left_by_its_code_and_by_the_shops_own_name() -> None:
    """P2: “STOP 12345” stops only what has that number; a number of nothing stops all offers."""
    topics = (
        Topic("loyalty", code="3"),
        Topic("vip", {"en": "VIP club", "ru": "Клуб гурманов"}, "12345"),
    )
    for text, scope in (
        ("STOP 3", "topic/loyalty"), ("stop 3 please", "topic/loyalty"),
        ("STOP 12345", "topic/vip"), ("Стоп клуб гурманов!", "topic/vip"),
        ("stop vip club", "topic/vip"), ("СТОП 3", "topic/loyalty"), ("STOP 4", "4"),
        ("stop 3. Stop everything", "all"), ("stop loyalty, stop", "marketing"),
    ):  # fmt: skip
        assert replies.read(text, topics=topics) == Reply("stop", scope), text
    assert replies.read("START 3", topics=topics) == Reply("start", "topic/loyalty")
    assert replies.read("start club", topics=topics).intent == "other"


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
    assert replies.read(text, language=language, awaiting="rating").intent in get_args(Intent)


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
