"""What people answer to "from 1 to 6?" (N8, R80): any form of a number, and what only looks so."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules import replies
from ringdove.rules.replies import Rating, Scale

EVALUATION = sorted((Path(__file__).parent / "replies_eval").glob("*.json"))
SIX, TEN, FIVE = Scale(), Scale(0, 10), Scale(1, 5)


def test_a_rating_is_read_in_any_form() -> None:
    """N8, R80: the score, why there is none, and the comment as it was written."""
    for text, scale, score, why_not, comment in (
        ("5", SIX, 5, "", ""),
        ("5/6", SIX, 5, "", ""),
        ("5!", SIX, 5, "", ""),
        ("пять", SIX, 5, "", ""),
        ("cinque, ma lento", SIX, 5, "", "ma lento"),
        ("Пятёрка! Всё понравилось", SIX, 5, "", "Всё понравилось"),
        ("доставка за 3 дня, 4", SIX, 4, "", "доставка за 3 дня"),
        ("Order 1042 came in 2 days. 6", SIX, 6, "", "Order 1042 came in 2 days"),
        ("⭐⭐⭐⭐ quick", SIX, 4, "", "quick"),
        ("★★★☆☆☆", SIX, 3, "", ""),
        ("5️⃣", SIX, 5, "", ""),
        ("５", SIX, 5, "", ""),
        ("③", SIX, 3, "", ""),
        ("5-ка", SIX, 5, "", ""),
        ("5 с плюсом", SIX, 5, "", ""),
        ("5 - супер", SIX, 5, "", "супер"),
        ("2 small scratches but I give 4 anyway", SIX, 4, "", "2 small scratches but I anyway"),
        ("5, 5, 5", SIX, 5, "", "5, 5"),
        ("IV", SIX, 4, "", ""),
        ("З", SIX, 3, "", ""),
        ("пятЬ", SIX, 5, "", ""),
        ("СEMЬ", TEN, 7, "", ""),
        ("5.0", SIX, 5, "", ""),
        ("0", TEN, 0, "", ""),
        ("10", TEN, 10, "", ""),
        ("9 / 10", TEN, 9, "", ""),
        ("10", SIX, None, "outside", ""),
        ("0", SIX, None, "outside", ""),
        ("-1", SIX, None, "outside", ""),
        ("6 of 6", FIVE, None, "outside", ""),
        ("4 of 5", SIX, None, "outside", ""),
        ("100%", SIX, None, "none", "100%"),
        ("4-5", SIX, None, "several", "4-5"),
        ("2 or 5", SIX, None, "several", "2 or 5"),
        ("4,5", SIX, None, "several", "4,5"),
        ("4½", SIX, None, "several", "4½"),
        ("три с половиной", SIX, None, "several", "три с половиной"),
        ("not a 5", SIX, None, "several", "not a 5"),
        ("1. 6", SIX, None, "several", "1. 6"),
        ("", SIX, None, "none", ""),
        ("everything was great", SIX, None, "none", "everything was great"),
        ("where is order 5", SIX, None, "none", "where is order 5"),
        ("arrived at 18:05", SIX, None, "none", "arrived at 18:05"),
        ("on 12.11", SIX, None, "none", "on 12.11"),
        ("3 days late", SIX, None, "none", "3 days late"),
        ("this one is fine", SIX, None, "none", "this one is fine"),
        ("sei gentile", SIX, None, "none", "sei gentile"),
        ("I bought 2 of these lamps for my two sisters", SIX, None, "none",
         "I bought 2 of these lamps for my two sisters"),
    ):  # fmt: skip
        rating = replies.read_rating(text, scale)
        assert rating == Rating(score, why_not, comment), text  # type: ignore[arg-type]


@pytest.mark.parametrize("part", ["tuning", "held_out"])
def test_ratings_of_six_languages_are_read(part: str) -> None:
    """N8: texts written before the lists; what is on no scale or says two numbers has no score."""
    said = [
        (text, score)
        for file in EVALUATION
        for text, score in json.loads(file.read_text("utf-8"))[part]["rating"]
    ]
    read = [(text, score, replies.read_rating(text, SIX)) for text, score in said]
    wrong = [one for one in read if one[2].score != one[1] or one[2].why_not == "none"]
    wrongly_scored = [one for one in wrong if one[2].score is not None]
    assert len(wrong) <= len(said) * 0.03, wrong
    assert not wrongly_scored


@given(st.text(max_size=200), st.sampled_from([SIX, TEN, FIVE]))
def test_no_rating_raises_or_leaves_the_scale(text: str, scale: Scale) -> None:
    rating = replies.read_rating(text, scale)
    assert rating.score is None or scale.low <= rating.score <= scale.high
    assert (rating.score is None) == bool(rating.why_not)


@given(st.integers(1, 6), st.sampled_from(["", " ", "!", ".", "\n", " :)", " 👍"]))
def test_what_stands_around_a_number_hides_it_not(score: int, tail: str) -> None:
    """R80."""
    assert replies.read_rating(f"{tail}{score}{tail}", SIX).score == score
