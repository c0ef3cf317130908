"""Reads a list of numbers and addresses as people paste it: one a line, in whatever form.

A line may hold other columns; the first field that is a number or an address counts. What cannot be
read is named by its line, with the reason, and nothing is guessed.
"""

import re
from dataclasses import dataclass
from typing import Final

from ringdove.rules.people import phone_forms
from ringdove.rules.people.phones import Phone

LINES_MAX: Final = 100_000
SHOWN_MAX: Final = 60  # signs of a line that could not be read
EMAIL: Final = re.compile(r"[^\s@,;<>\"']{1,64}@[^\s@,;<>\"']{1,180}\.[^\s@,;<>\"'.]{2,24}")
FIELDS: Final = re.compile(r"[;,\t]")

Key = tuple[str, str]  # phone or email, and its value


@dataclass(frozen=True, slots=True)
class Wrong:
    """A line that says no number and no address."""

    line: int
    typed: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a list says: keys without repeats, and the lines that were not read."""

    keys: tuple[Key, ...]
    wrong: tuple[Wrong, ...]
    is_too_long: bool = False


def read(text: str, country: str) -> Reading:
    """The list; `country` reads national numbers."""
    keys: dict[Key, None] = {}
    wrong = []
    lines = text.replace("\x00", " ").lstrip("\ufeff").splitlines()
    for n, line in enumerate(lines[:LINES_MAX], 1):
        if not line.strip():
            continue
        key = read_one(line, country)
        if key:
            keys[key] = None
        else:
            wrong.append(Wrong(n, line.strip()[:SHOWN_MAX]))
    return Reading(tuple(keys), tuple(wrong), len(lines) > LINES_MAX)


def read_one(line: str, country: str) -> Key | None:
    """The number or address of a line."""
    if found := EMAIL.search(line):
        return "email", found[0].lower()
    for field in (line, *FIELDS.split(line)):
        phone = phone_forms.read(field.strip().strip("\"'"), country)
        if isinstance(phone, Phone):
            return "phone", phone.e164
    return None
