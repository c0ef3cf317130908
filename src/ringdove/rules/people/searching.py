"""What a person is found by, and what somebody asks for: words, numbers and filters as signs.

Both sides are folded alike: letters without case and accents, Cyrillic as Latin. A sign begins with
its store, so that one index holds all stores and no search meets another's people (P10). The words
of signs are those of PostgreSQL's tsvector; records/people/search.py keeps and asks for them.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from ringdove.rules.people import phones
from ringdove.rules.scenes import Contact

WORDS_MAX = 12  # of a name or address, and of what is typed
LETTERS_MAX = 40  # of a word
FIELDS_MAX = 40
BEGIN_DIGITS = 5  # of a number, kept as its beginning: the country and the operator
DIGITS_MIN = 3  # of a number, before parts of numbers are looked for
SURE_WORDS = 2
SURE_LETTERS = 3  # of a word that an index may be asked for: shorter ones are too many people's

_LATIN = str.maketrans(
    dict(zip("абвгдезийклмнопрстуфхыэіў", "abvgdezijklmnoprstufhyeiu", strict=True))
    | {"ё": "e", "ж": "zh", "ц": "c", "ч": "ch", "ш": "sh", "щ": "sch", "ю": "yu", "я": "ya"}
    | {"ь": "", "ъ": "", "ł": "l", "ø": "o", "ß": "ss", "æ": "ae", "đ": "d", "ı": "i"}
    | {"'": "", "’": "", "ʼ": "", "`": ""}
)  # fmt: skip
_BETWEEN_WORDS = re.compile(r"[^\w]+|_")
_DIAL = re.compile(r"[\s().+\-\u2010-\u2015/]")
# How numbers begin at home: 8 (029) … and 029 …
_TRUNK = re.compile(r"^(?:80|0+|8(?=9))")


@lru_cache(65_536)
def fold(text: str) -> str:
    """Letters as they are compared: "Алёна Ковáль" is "alena koval"."""
    text = text.lower().translate(_LATIN)
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def words_in(text: str) -> list[str]:
    """The words of a name or of what was typed, folded, each once."""
    found = (word[:LETTERS_MAX] for word in _BETWEEN_WORDS.split(fold(text)) if word)
    return list(dict.fromkeys(found))[:WORDS_MAX]


# ------------------------------------------------------------------ what a person is found by


def signs(store_id: int, person: Contact) -> str:
    """All signs of a person as PostgreSQL reads a tsvector; none (empty) once they are merged or
    erased. The words of the name have a weight, so that those who may not see addresses find
    nobody by them."""
    if person.merged_into is not None or person.erased_at is not None:
        return ""
    named = words_in(person.name)
    mail = words_in(person.email) if person.email else ()
    found = [f"'{store_id}:{word}':1A" for word in named]
    # With a place too: a word without one would fit any weight.
    found += [f"'{store_id}:{word}':1" for word in mail if word not in named]
    if number := digits(person):
        found.append(f"'{store_id}^{number[:BEGIN_DIGITS]}'")
        found += [f"'{store_id}#{part}'" for part in _parts(number)]
    found += [f"'{store_id}={trait}'" for trait in _traits(person)]
    return " ".join(found)


def digits(person: Contact) -> str:
    """The digits of the number, also of one that is still to be settled."""
    written = person.phone or person.phone_doubt or ""
    if written[:1] == "+" and written[1:].isascii() and written[1:].isdigit():
        return written[1 : LETTERS_MAX + 1]
    return "".join(sign for sign in written if sign.isascii() and sign.isdigit())[:LETTERS_MAX]


def _parts(number: str) -> list[str]:
    return list(dict.fromkeys(number[n : n + DIGITS_MIN] for n in range(len(number) - 2)))


def _traits(person: Contact) -> Iterator[str]:
    """What filters ask for, as far as it changes rarely: what changes with every order (when it
    was, how much) stands in the contact alone, or each order would be written here too."""
    yield f"offers/{person.marketing}"
    yield f"origin/{_plain(person.origin)}"
    if person.service == "out":
        yield "service/out"
    if person.country:
        yield f"country/{_plain(person.country)}"
    if person.language:
        yield f"language/{_plain(person.language)}"
    if person.city:
        yield f"city/{_plain(person.city)}"
    if person.origin_note:
        yield f"note/{_plain(person.origin_note)}"
    if person.orders:
        yield "ordered"
    if person.paused_until:
        yield "paused"
    if person.phone_doubt and not person.phone:
        yield "doubtful"
    for scope, said in person.scopes.items():
        yield f"{_plain(scope)}/{said[0]}"
    for name, value in list(person.fields.items())[:FIELDS_MAX]:
        if isinstance(value, str | int | float | bool):
            yield f"field/{_plain(name)}/{_plain(value)}"


@lru_cache(65_536, typed=True)
def _plain(value: Any) -> str:
    """A value as it is compared; without signs that mean something in a tsvector."""
    text = fold(str(value)).strip().replace("'", " ").replace("\\", "/").replace("\x00", "")
    return text[:LETTERS_MAX]


# What of a contact changes its signs: the same objects, the same signs.
_SEEN = (
    "name", "email", "phone", "phone_doubt", "marketing", "service", "origin", "origin_note",
    "country", "language", "city", "paused_until", "scopes", "fields", "merged_into", "erased_at",
)  # fmt: skip


def is_found_otherwise(before: Contact | None, after: Contact) -> bool:
    """Whether the signs of a person may be others now."""
    if before is None or bool(before.orders) != bool(after.orders):
        return True
    return any(getattr(before, name) != getattr(after, name) for name in _SEEN)


# ------------------------------------------------------------------ what is asked for


@dataclass(frozen=True, slots=True)
class Filters:
    """Which people of a store; empty: all. Words are compared as `fold` has them."""

    offers: str = ""  # in, asked, out, none
    topic: str = ""  # topic/loyalty, category/shoes: those who left it
    language: str = ""
    country: str = ""
    city: str = ""
    origin: str = ""
    note: str = ""  # import/12, form/3
    ordered: str = ""  # yes, no
    ordered_since: datetime | None = None
    not_ordered_since: datetime | None = None  # those who did before
    seen_since: datetime | None = None
    doubtful: bool = False
    paused: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)  # the shop's own

    @property
    def is_empty(self) -> bool:
        """Whether it leaves nobody out."""
        return self == NO_FILTERS

    @property
    def asks_contact(self) -> bool:
        """Whether signs alone cannot tell."""
        times = (self.ordered_since, self.not_ordered_since, self.seen_since)
        return self.paused or any(at is not None for at in times)


NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True)
class Needle:
    """What is asked for, as the database is asked: a query over all signs, those parts of it that
    the index may be asked for (none: too many would be found by it), and parts of the number."""

    query: str
    sure: tuple[str, ...]
    numbers: tuple[str, ...]  # patterns of LIKE, one of which must fit; none: any number

    @property
    def is_nothing(self) -> bool:
        """Whether what was typed holds neither a word nor a number."""
        return not self.query and not self.numbers


def needle(store_id: int, typed: str, filters: Filters, *, masked: bool) -> Needle:
    """What a line of words asks for. `masked`: by somebody who may see neither numbers nor
    addresses, and so finds nobody by parts of them."""
    number = "" if masked else number_in(typed)
    words = [] if number else words_in(typed)
    of_words = {word: _word(store_id, word, masked) for word in words}
    of_filters = [f"'{store_id}={trait}'" for trait in _wanted(filters)]
    numbers, of_number = _number(store_id, number) if number else ((), "")
    besides = [f"!'{store_id}=ordered'"] if filters.ordered == "no" else []
    if filters.ordered == "yes" or filters.ordered_since or filters.not_ordered_since:
        besides = [f"'{store_id}=ordered'"]  # too many for the index to be asked
    sure = [of_words[word] for word in _sure(typed, words, bool(of_filters))]
    parts = [*of_words.values(), *of_filters, *([of_number] if of_number else [])]
    sure += [*of_filters, *([of_number] if of_number else [])]
    return Needle(" & ".join(parts + besides), tuple(sure), numbers)


def _sure(typed: str, words: list[str], has_filters: bool) -> list[str]:
    """The words that the index is asked for: the longest, who are the fewest people's. What stands
    behind an at sign is everybody's."""
    local = words_in(typed.partition("@")[0]) if "@" in typed else []
    longest = sorted(local or words, key=len, reverse=True)[:SURE_WORDS]
    sure = [word for word in longest if len(word) >= SURE_LETTERS]
    if len(sure) < 2 and not has_filters:
        sure = [word for word in longest if len(word) > 1]
    return [word for word in sure if word in words]


def number_in(typed: str) -> str:
    """The digits of what is a part of a number and nothing else, a leading plus kept."""
    bare = _DIAL.sub("", typed)
    is_number = bare.isascii() and bare.isdigit() and DIGITS_MIN <= len(bare) <= LETTERS_MAX
    return ("+" if typed.lstrip().startswith("+") else "") + bare if is_number else ""


def _word(store_id: int, word: str, masked: bool) -> str:
    return f"'{store_id}:{word}':*{'A' if masked else ''}"


def _number(store_id: int, number: str) -> tuple[tuple[str, ...], str]:
    """With a plus it is the beginning; else any part, also as it is dialled at home."""
    if number.startswith("+"):
        bare = number[1:]
        begins = f"'{store_id}^{bare[:BEGIN_DIGITS]}'{'' if len(bare) >= BEGIN_DIGITS else ':*'}"
        return (f"{bare}%",), f"{begins} & {_all_parts(store_id, bare)}"
    forms = [number]
    for at_home in (_TRUNK.sub("", number), number.removeprefix("00")):
        if at_home not in forms and len(at_home) >= DIGITS_MIN:
            forms.append(at_home)
    query = " | ".join(f"({_all_parts(store_id, form)})" for form in forms)
    return tuple(f"%{form}%" for form in forms), f"({query})"


def _all_parts(store_id: int, number: str) -> str:
    """Every third part and the last hold all of its digits; the number itself is compared later."""
    starts = dict.fromkeys([*range(0, len(number) - 2, DIGITS_MIN), len(number) - DIGITS_MIN])
    parts = dict.fromkeys(number[n : n + DIGITS_MIN] for n in starts)
    return " & ".join(f"'{store_id}#{part}'" for part in parts)


def _wanted(filters: Filters) -> Iterator[str]:
    for name in ("offers", "language", "country", "city", "origin", "note"):
        if value := getattr(filters, name):
            yield f"{name}/{_plain(value)}"
    if filters.topic:
        yield f"{_plain(filters.topic)}/out"
    if filters.doubtful:
        yield "doubtful"
    if filters.paused:
        yield "paused"
    for name, value in filters.fields.items():
        yield f"field/{_plain(name)}/{_plain(value)}"


# ------------------------------------------------------------------ whole keys


def keys_in(typed: str, country: str) -> list[tuple[str, str]]:
    """The natural keys that a line can be as a whole, the likeliest first."""
    if not typed:
        return []
    phone = phones.parse(typed, country)
    keys = [("phone", phone.e164)] if isinstance(phone, phones.Phone) else []
    return [*keys, ("email", typed.lower()), ("order", typed.lstrip("#№ ")), ("account", typed)]


# ------------------------------------------------------------------ numbers of orders

_BEFORE_DIGITS = re.compile(r"^[^0-9]+(?=[0-9])")


def order_in(typed: str) -> str:
    """The beginning of an order's number as it is kept for looking up (without what stands before
    its digits); empty: what was typed is none."""
    number = typed.strip().lstrip("#№ ").lower()
    if " " in number or not any(letter.isascii() and letter.isdigit() for letter in number):
        return ""
    return _BEFORE_DIGITS.sub("", number)[:LETTERS_MAX]
