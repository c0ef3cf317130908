"""Offers by tables: may a code be used, what is open to whom, what no campaign begins with."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringdove.rules.consent.ways_in import Code, DayGood, Reward, reward_of, reward_settings
from ringdove.rules.offers import offer_checks, offers, rewards
from ringdove.rules.offers.offer_checks import Listed
from ringdove.rules.offers.offers import Asked, Uses
from ringdove.rules.scenes import Contact

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OWN = Reward(1, "t", "Teas", "code", source="own", prefix="TEA")
COMMON = Reward(2, "t", "Teas", "code", code="HELLO10")
ANNA = Contact(128, None, None, created_at=NOW, marketing="in")
LEFT = replace(ANNA, marketing="out")
HERS = Code("TEA-1", 1, 128, NOW, None)
ACCOUNT = Asked(account="17")


def cart(**goods: str) -> Asked:
    return Asked(account="17", goods={name: frozenset({one}) for name, one in goods.items()})


@pytest.mark.parametrize(
    ("offer", "code", "who", "asked", "uses", "reason"),
    [
        (OWN, HERS, ANNA, ACCOUNT, Uses(), ""),
        (OWN, HERS, None, Asked(), Uses(), ""),
        (replace(OWN, valid_from=NOW + DAY), HERS, ANNA, ACCOUNT, Uses(), "not_yet"),
        (OWN, replace(HERS, valid_until=NOW), ANNA, ACCOUNT, Uses(), "ended"),
        (replace(COMMON, valid_until=NOW), None, None, Asked(), Uses(), "ended"),
        (OWN, replace(HERS, used_at=NOW), ANNA, ACCOUNT, Uses(), "used"),
        (replace(COMMON, uses_total=5), None, None, Asked(), Uses(0, 5), "used_up"),
        (replace(COMMON, uses_total=5), None, None, Asked(), Uses(0, 4), ""),
        (replace(COMMON, uses_each=1), None, None, Asked(), Uses(), "guest"),
        (replace(COMMON, uses_each=1), None, ANNA, ACCOUNT, Uses(1, 1), "used"),
        (replace(COMMON, uses_each=2), None, ANNA, ACCOUNT, Uses(1, 1), ""),
        (replace(OWN, registered_only=True), HERS, None, Asked(phone="+1"), Uses(), "guest"),
        (OWN, HERS, None, ACCOUNT, Uses(), "account_unknown"),
        (OWN, HERS, replace(ANNA, id=256), ACCOUNT, Uses(), "other_person"),
        (OWN, HERS, replace(ANNA, id=256, also=(128,)), ACCOUNT, Uses(), ""),
        (OWN, replace(HERS, contact_id=None), replace(ANNA, id=256), ACCOUNT, Uses(), ""),
        (replace(COMMON, subscribers_only=True), None, None, Asked(), Uses(), "guest"),
        (replace(COMMON, subscribers_only=True), None, LEFT, ACCOUNT, Uses(), "left"),
        (replace(COMMON, subscribers_only=True), None, ANNA, Asked(phone="+1"), Uses(), ""),
        (replace(COMMON, channel="app"), None, None, Asked(), Uses(), "wrong_channel"),
        (replace(COMMON, channel="app"), None, None, Asked(channel=" App "), Uses(), ""),
        (replace(COMMON, goods_of="skus", goods=("T-1",)), None, None, Asked(), Uses(),
         "wrong_goods"),
        (replace(COMMON, goods_of="skus", goods=("T-1",)), None, ANNA, cart(skus="t-1"), Uses(),
         ""),
        (replace(COMMON, goods_of="brands", goods=("Oolong",)), None, ANNA, cart(skus="oolong"),
         Uses(), "wrong_goods"),
    ],
)  # fmt: skip
def test_whether_a_code_may_be_used(
    offer: Reward, code: Code | None, who: Contact | None, asked: Asked, uses: Uses, reason: str
) -> None:
    """R8, R34, R35, R42: the first reason counts."""
    verdict = offers.may_use(offer, code, who, asked, uses, NOW)
    assert (verdict.valid, verdict.reason) == (not reason, reason)


def test_subscribers_enter_before_the_public_start() -> None:
    """R36: with the code and on the page; who left waits like all others."""
    offer = replace(COMMON, early_from=NOW - DAY, valid_from=NOW + DAY)
    for who, reason in ((ANNA, ""), (LEFT, "not_yet"), (None, "not_yet")):
        assert offers.may_use(offer, None, who, ACCOUNT, Uses(), NOW).reason == reason
    assert not offers.opens_to_all(offer, NOW)
    assert offers.opens_to_all(offer, NOW + DAY)
    assert not offers.opens_to_all(replace(offer, subscribers_only=True), NOW + DAY)
    assert not offers.opens_to_all(Reward(1, "t", "Closed", "page", text="x"), NOW)


def test_a_product_a_day_by_the_clock_of_the_store() -> None:
    """R37: the day changes at the store's midnight, not at that of UTC."""
    begins = datetime(2026, 11, 17, 21, tzinfo=UTC)  # the 18th in Minsk
    goods = (DayGood("Kettle"), DayGood("Cup"))
    offer = Reward(1, "t", "Day", "page", daily=goods, valid_from=begins)

    def title(at: datetime) -> str:
        good = offers.good_of(offer, at, "Europe/Minsk")
        return good.title if good else ""

    said = [title(begins + timedelta(hours=hours)) for hours in (-1, 0, 23.9, 24, 47.9, 48)]
    assert said == ["", "Kettle", "Kettle", "Cup", "Cup", ""]


@pytest.mark.parametrize(
    ("told", "en", "ru"),
    [
        ({"discount": "percent", "worth": Decimal("15")}, "15 % off", "скидка 15 %"),
        ({"discount": "percent", "worth": Decimal("7.50")}, "7.5 % off", "скидка 7.5 %"),
        ({"discount": "delivery"}, "free delivery", "бесплатная доставка"),
        ({"discount": "gift", "gift": "a cup"}, "a gift: a cup", "подарок: a cup"),
        ({"discount": "words", "gift": "2 for 1"}, "2 for 1", "2 for 1"),
        ({}, "", ""),
    ],
)
def test_texts_say_the_discount(told: dict[str, Any], en: str, ru: str) -> None:
    offer = replace(COMMON, **told)
    assert offers.discount(offer, "en", "BYN") == en
    assert offers.discount(offer, "ru", "BYN") == ru


@pytest.mark.parametrize(
    ("told", "listed", "people", "words"),
    [
        ({}, Listed(), 9, []),
        ({"retired": True}, Listed(), 9, ["retired"]),
        ({"valid_until": NOW}, Listed(), 9, ["ended"]),
        ({"kind": "points"}, Listed(), 9, ["points"]),
        ({"source": "pool"}, Listed(8), 9, ["few"]),
        ({"source": "pool"}, Listed(9), 9, []),
        ({"source": "own"}, Listed(), 9, []),
        ({"source": "own", "shop": "coupons"}, Listed(8, 5, 1), 9, ["waiting", "failed", "few"]),
        ({"source": "own", "shop": "coupons"}, Listed(9, 5, 1), 9, []),
        ({"shop": "file"}, Listed(), 9, ["no_coupons"]),
        ({"shop": "file"}, Listed(0, 1), 9, ["waiting"]),
        ({"shop": "coupons"}, Listed(0, 0, 1), 9, ["failed"]),
        ({"shop": "coupons"}, Listed(1), 9, []),
    ],
)
def test_why_a_campaign_must_not_begin(
    told: dict[str, Any], listed: Listed, people: int, words: list[str]
) -> None:
    """P7: with codes that the shop does not know, or fewer than people."""
    assert offer_checks.problems(replace(COMMON, **told), listed, people, NOW) == words


@given(st.lists(st.integers(0, 2**63 - 1), unique=True, max_size=50), st.integers(0, 99))
def test_codes_of_ones_own_follow_from_the_person(people: list[int], turn: int) -> None:
    """P7: the same again for the same person, spelled as codes are; another at another turn."""
    found = offers.own_codes("TEA", "secret", people, turn)
    assert found == [offers.own_codes("TEA", "secret", [one], turn)[0] for one in people]
    assert all(rewards.CODE.fullmatch(code) and code == rewards.spelled(code) for code in found)
    assert len(set(found)) == len(people)
    assert not set(found) & set(offers.own_codes("TEA", "secret", people, turn + 1))
    assert not set(found) & set(offers.own_codes("TEA", "another", people, turn))


def test_codes_are_spread_over_all_signs() -> None:
    """So that nobody guesses: each sign at each place, about as often."""
    found = offers.own_codes("", "secret", range(0, 128 * 5600, 128), 0)
    for place in range(rewards.CODE_SIGNS):
        counts = [sum(code[place] == sign for code in found) for sign in rewards.CODE_ALPHABET]
        assert min(counts) > 140 and max(counts) < 265


def test_an_offer_is_kept_as_it_was() -> None:
    offer = replace(
        OWN, worth=Decimal("7.50"), discount="percent", goods_of="skus", goods=("A", "B"),
        early_from=NOW, valid_from=NOW + DAY, daily=(DayGood("Kettle", price="9 BYN"),),
    )  # fmt: skip
    row = {"id": 1, "token": "t", "name": "Teas", "kind": "code", "retired_at": None}
    assert reward_of(row | {"settings": reward_settings(offer)}) == offer
    assert reward_of(row | {"settings": {"source": "own", "prefix": "TEA"}}) == OWN
