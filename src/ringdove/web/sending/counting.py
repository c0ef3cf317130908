"""The size of a text as a page shows it: units, parts, its dear letters, what would be cheaper.

The same for a text that is filled in and for one written by hand; static/js/composer.js shows it
while one types, and what is answered from here a moment later says the same.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from ringdove.rules import texts

LETTERS_NAMED_MAX = 8
DEAR_SHARE_MAX = 3  # one letter of so many; a text that is dear throughout needs no names


@dataclass(frozen=True, slots=True)
class Size:
    """How big a text is."""

    text: str
    encoding: str
    units: int
    room: int
    parts: int
    costly: tuple[str, ...]  # letters without which it would be cheap
    offers: tuple[texts.Swap, ...]

    @property
    def costly_names(self) -> str:
        """Seen by the eye, or by number."""
        return " ".join(map(letter_name, self.costly))

    @property
    def marked(self) -> Markup:
        """The text with its dear letters marked."""
        if not self.costly:
            return escape(self.text)
        dear = set(self.costly)
        return Markup("").join(
            Markup("<mark>{}</mark>").format(letter) if letter in dear else escape(letter)
            for letter in self.text
        )

    @staticmethod
    def name(letter: str) -> str:
        """One side of a change."""
        return letter_name(letter) if len(letter) == 1 else letter


def size_of(text: str, offers: Sequence[texts.Swap]) -> Size:
    """Of the text as the phone will show it."""
    found = texts.measure(text)
    return Size(
        text, found.encoding, found.units, found.room, found.parts, dear_letters(text),
        tuple(offers),
    )  # fmt: skip


def dear_letters(text: str) -> tuple[str, ...]:
    """The letters that make it dear, where they are few."""
    costly = texts.costly(text)
    if len(costly) > LETTERS_NAMED_MAX:
        return ()
    times = sum(text.count(letter) for letter in costly)
    return tuple(costly) if times * DEAR_SHARE_MAX < len(text) else ()


def letter_name(letter: str) -> str:
    """An invisible one by its number: nobody finds a no-break space by looking."""
    is_seen = unicodedata.category(letter)[0] not in "ZCM"
    return letter if is_seen else f"U+{ord(letter):04X}"
