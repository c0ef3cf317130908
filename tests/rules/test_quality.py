"""N7: who delivers best, without believing in ten texts."""

import pytest

from ringdove.rules.sending.quality import UNSEEN, Seen, shares


def test_few_texts_are_like_all_and_many_are_their_own():
    found = shares({
        (1, "BY"): Seen(10_000, 9_500, 500),
        (2, "BY"): Seen(10_000, 8_000, 2_000),
        (3, "BY"): Seen(5, 0, 5),
        (4, "BY"): Seen(5_000, 0, 0),
        (5, "IT"): Seen(1, 0, 0),
    })  # fmt: skip
    assert found[1, "BY"] == pytest.approx(0.95, abs=0.001)
    assert found[2, "BY"] == pytest.approx(0.80, abs=0.001)
    assert 0.7 < found[3, "BY"] < 0.8, "five bad ones are not a verdict"
    assert found[4, "BY"] == pytest.approx(17_500 / 20_005, abs=0.001), "without receipts: as all"
    assert found[5, "IT"] == UNSEEN


def test_what_is_still_under_way_counts_as_not_delivered_but_never_more_than_all():
    found = shares({(1, "BY"): Seen(1_000, 900, 0), (2, "BY"): Seen(100, 110, 5)})
    assert found[1, "BY"] < 0.91
    assert found[2, "BY"] < 1
