"""Lists of people as ad networks ask for them: normalised, hashed, under their column names (R52).

A network learns which of its users are meant, and nothing else; whom it does not know it cannot
read. What each asks for is written beside it, with what could not be confirmed (docs/import.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import md5, sha256
from typing import Final


@dataclass(frozen=True, slots=True)
class Network:
    """How one network wants its lists."""

    name: str
    header: tuple[str, ...]  # empty: one value a line, without a title
    rows_min: int  # it takes no shorter list
    email: Callable[[str], str]
    phone: Callable[[str], str]
    digest: Callable[[str], str]
    one_kind: bool = False  # phones and addresses in files of their own

    def row(self, phone: str | None, email: str | None) -> tuple[str, str]:
        """The hashes of a person: e-mail, phone."""
        return (
            self.digest(self.email(email)) if email else "",
            self.digest(self.phone(phone)) if phone else "",
        )


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def _plain(email: str) -> str:
    return email.strip().lower()


def _google(email: str) -> str:
    """Points before gmail.com and googlemail.com mean nothing there."""
    name, _, domain = _plain(email).rpartition("@")
    if domain in ("gmail.com", "googlemail.com"):
        name = name.replace(".", "")
    return f"{name}@{domain}"


def _without_tag(email: str) -> str:
    """TikTok: what follows a plus is not looked at."""
    name, _, domain = _plain(email).rpartition("@")
    return f"{name.partition('+')[0]}@{domain}"


def _digits(phone: str) -> str:
    return phone.removeprefix("+")


def _as_is(phone: str) -> str:
    return phone


NETWORKS: Final[dict[str, Network]] = {
    "meta": Network(
        "Meta (Facebook, Instagram)", ("email", "phone"), 100, _plain, _digits, _sha256
    ),
    "google": Network("Google Ads", ("Email", "Phone"), 100, _google, _as_is, _sha256),
    "tiktok": Network(
        "TikTok", ("Email_SHA256", "Phone_SHA256"), 1_000, _without_tag, _as_is, _sha256
    ),
    "yandex": Network("Yandex Audience", ("email", "phone"), 100, _plain, _digits, _sha256),
    # myTarget's lists, which VK took over: MD5, one kind of key in a file.
    "vk": Network("VK", (), 2_000, _plain, _digits, _md5, one_kind=True),
}


def lines(
    network: Network, people: Sequence[tuple[str | None, str | None]], kind: str
) -> list[str]:
    """Lines of a file about some people (phone, e-mail), each with its end. `kind`: phone or
    email, where the network wants one of them in a file."""
    found = []
    for phone, email in people:
        mail, number = network.row(phone, email)
        if network.one_kind:
            if value := number if kind == "phone" else mail:
                found.append(f"{value}\r\n")
        elif mail or number:
            found.append(f"{mail},{number}\r\n")
    return found
