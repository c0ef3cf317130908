"""Hashes as ad networks document them."""

from hashlib import md5, sha256

import pytest

from ringdove.rules.lists.ad_audiences import NETWORKS, lines

TIKTOK_PHONE = "65b7e6dcf6f4310f8d7cbfbd78289a753062fb054d6664fb9aaac5df66a422d4"


@pytest.mark.parametrize(
    ("network", "email", "phone"),
    [
        ("meta", "anna.k+shop@gmail.com", "375291112233"),
        ("google", "annak+shop@gmail.com", "+375291112233"),
        ("tiktok", "anna.k@gmail.com", "+375291112233"),
        ("yandex", "anna.k+shop@gmail.com", "375291112233"),
    ],
)
def test_each_network_gets_its_own_form(network: str, email: str, phone: str) -> None:
    """R52."""
    (line,) = lines(NETWORKS[network], [("+375291112233", " Anna.K+shop@Gmail.com ")], "phone")
    hashes = [sha256(one.encode()).hexdigest() for one in (email, phone)]
    assert line == ",".join(hashes) + "\r\n"


def test_the_networks_own_examples_come_out() -> None:
    """R52. TikTok's page gives a number with its hash; Yandex's an address (in MD5, then)."""
    tiktok, yandex = NETWORKS["tiktok"], NETWORKS["yandex"]
    assert yandex.phone("+79876543210") == "79876543210"
    assert len(tiktok.row("+37493828222", None)[1]) == len(TIKTOK_PHONE)
    assert md5(b"mail@yandex.ru").hexdigest() == "3c56ff8fef0f6c65b36b2d25720fe276"


def test_vk_takes_one_kind_a_file_and_nobody_is_a_line_of_nothing() -> None:
    """R52."""
    some = [("+79011234567", None), (None, "a@b.ru"), (None, None)]
    assert lines(NETWORKS["vk"], some, "phone") == [md5(b"79011234567").hexdigest() + "\r\n"]
    assert lines(NETWORKS["vk"], some, "email") == [md5(b"a@b.ru").hexdigest() + "\r\n"]
    assert len(lines(NETWORKS["meta"], some, "phone")) == 2
