"""Passing something on by one's own phone: links that open a messenger with the words in it (R97).

Plain addresses: no script of a network runs on our pages or the shop's, and no network hears of a
visitor who shares nothing.
"""

from typing import NamedTuple
from urllib.parse import quote


class Way(NamedTuple):
    """A way to share. `key`: its icon and its name in [public.share]."""

    key: str
    href: str


# {url} and {text} are the quoted ones; {both}: the text with the address behind it.
WAYS = (
    ("sms", "sms:?&body={both}"),  # “?&” is read by iOS and Android alike
    ("whatsapp", "https://wa.me/?text={both}"),
    ("telegram", "https://t.me/share/url?url={url}&text={text}"),
    ("viber", "viber://forward?text={both}"),
    ("vk", "https://vk.com/share.php?url={url}&title={text}"),
    ("facebook", "https://www.facebook.com/sharer/sharer.php?u={url}"),
    ("x", "https://twitter.com/intent/tweet?url={url}&text={text}"),
    ("email", "mailto:?subject={text}&body={both}"),
)  # fmt: skip


def ways(url: str, text: str, keys: tuple[str, ...] = ()) -> list[Way]:
    """All ways to pass `url` on, or those named, in our order."""
    said = {"url": quote(url, ""), "text": quote(text, ""), "both": quote(f"{text} {url}", "")}
    return [Way(key, pattern.format_map(said)) for key, pattern in WAYS if not keys or key in keys]
