"""Spellings that cost less."""

from dataclasses import dataclass

from ringdove.rules import gsm
from ringdove.rules.texts.sizes import measure


@dataclass(frozen=True, slots=True)
class Swap:
    """A spelling that looks the same and costs less: `text` is the whole text after it."""

    changes: tuple[tuple[str, str], ...]  # (“, ") and so on
    text: str
    parts_saved: int


_TYPOGRAPHIC = {
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"',
    "«": '"', "»": '"', "‹": "'", "›": "'", "–": "-", "—": "-", "‑": "-", "−": "-", "…": "...",
    "•": "-", "·": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u200b": "", "\u2060": "",
    "\ufeff": "", "\u00ad": "", "\t": " ", "№": "No.", "×": "x", "™": "", "®": "", "©": "(c)",
}  # fmt: skip
# Cyrillic and Greek letters that no eye tells from Latin ones.
LOOK_ALIKES = dict(
    zip(
        "АВЕКМНОРСТУХаеорсухіІјЈѕЅԁһΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",
        "ABEKMHOPCTYXaeopcyxiIjJsSdhABEZHIKMNOPTYXo",
        strict=True,
    )
)
_ACCENTED = dict(
    zip(
        "áíóúâêîôûãõÁÍÓÚÀÈÌÒÙçëïąćęłńśźżĄĆĘŁŃŚŹŻ",
        "aiouaeiouaoAIOUAEIOUceiacelnszzACELNSZZ",
        strict=True,
    )
)


def plain(text: str) -> str:
    """Without typographic letters: quotes, dashes and invisible spaces as a keyboard has them."""
    return "".join(_TYPOGRAPHIC.get(letter, letter) for letter in text)


def to_gsm(text: str) -> str:
    """The nearest spelling inside the GSM alphabet; letters without one stay as they are."""
    if gsm.fits(text):
        return text
    nearest = _TYPOGRAPHIC | _ACCENTED
    return "".join(x if x in gsm.LETTERS else nearest.get(x, x) for x in text)


def swaps(text: str) -> list[Swap]:
    """Spellings that save a part, the least change first; none when the text is cheap already."""
    before = measure(text).parts
    proposals: list[Swap] = []
    changes: tuple[tuple[str, str], ...] = ()
    cheaper = text
    for table in (_TYPOGRAPHIC, LOOK_ALIKES, _ACCENTED):
        costly = {letter: table[letter] for letter in table.keys() & set(cheaper) - gsm.LETTERS}
        changes += tuple(sorted(costly.items()))
        cheaper = cheaper.translate({ord(a): b for a, b in costly.items()})
        saved = before - measure(cheaper).parts
        if costly and saved > (proposals[-1].parts_saved if proposals else 0):
            proposals.append(Swap(changes, cheaper, saved))
    return proposals
