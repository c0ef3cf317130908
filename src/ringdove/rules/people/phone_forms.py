"""The common written forms of a number, read in a twentieth of the time that phones.parse takes.

For lists of a million people. `quick` answers only where one whole number stands in the field and
its country's tables leave no doubt; for all else it says None, and phones.parse is asked. It never
answers otherwise than phones.parse: tests/rules/test_phone_forms.py holds the two together.
"""

import re
from dataclasses import dataclass
from functools import cache

import phonenumbers
from phonenumbers import PhoneMetadata
from phonenumbers.phonemetadata import PhoneNumberDesc

from ringdove.rules.people import phones
from ringdove.rules.people.phones import Doubtful, Kind, Phone

_PLAIN = re.compile(r"\+?[0-9(][0-9 ().-]*[0-9]").fullmatch
_NOT_DIGITS = str.maketrans("", "", "+ ().-")
DIGITS_MIN, DIGITS_MAX = 8, 15

# Judged by phones.parse as a whole: hardly anybody's phone, and their order matters.
_OTHER = (
    "premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan",
    "voicemail",
)  # fmt: skip


def read(raw: str, country: str | None) -> Phone | Doubtful:
    """As phones.parse."""
    return quick(raw, country) or phones.parse(raw, country)


def quick(raw: str, country: str | None) -> Phone | None:
    """The one number of a field in its usual form; None: look closer."""
    if not _PLAIN(raw):
        return None
    digits = raw.translate(_NOT_DIGITS)
    if not DIGITS_MIN <= len(digits) <= DIGITS_MAX:
        return None
    if raw[0] == "+":
        return _international(digits)
    if digits.startswith("00"):
        return _international(digits[2:])
    home = _tables(country) if country else None
    national = home and _national(digits, home)
    return _known(home.code, national) if home and national else None


def _international(digits: str) -> Phone | None:
    if digits[0] == "0":
        return None
    for length in (1, 2, 3):
        code = int(digits[:length])
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            national = digits[length:]
            tables = _tables(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code][0])
            if tables is None or (tables.prefix and tables.prefix.match(national)):
                return None
            return _known(code, national)
    return None


def _national(digits: str, home: "_Tables") -> str | None:
    """What is left of a home form without the sign that it is one."""
    if home.exit and home.exit.match(digits):
        return None
    if digits.startswith(str(home.code)):
        rest = digits[len(str(home.code)) :]
        if home.general.fullmatch(digits) or (home.prefix and home.prefix.match(rest)):
            return None
        return rest if home.general.fullmatch(rest) else None
    found = home.prefix and home.prefix.match(digits)
    if not found or not found.end():
        return digits
    if home.has_rule or home.general.fullmatch(digits):
        return None
    return digits[found.end() :]


def _known(code: int, national: str) -> Phone | None:
    if not national or national[0] == "0":
        return None
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
    for region in regions:
        tables = _tables(region)
        if tables is None:
            return None
        if len(regions) > 1 and tables.leading:
            if not tables.leading.match(national):
                continue
            kind = tables.kind(national)
        else:
            kind = tables.kind(national)
            if kind == "" and len(regions) > 1:
                continue
        return Phone(f"+{code}{national}", region, kind) if kind else None  # type: ignore[arg-type]
    return None


@dataclass(frozen=True, slots=True)
class _Tables:
    """What a country's numbers look like, as patterns that are made once."""

    code: int
    exit: re.Pattern[str] | None
    prefix: re.Pattern[str] | None
    has_rule: bool
    leading: re.Pattern[str] | None
    general: re.Pattern[str]
    lengths: frozenset[int]
    other: re.Pattern[str] | None
    fixed: re.Pattern[str] | None
    fixed_lengths: frozenset[int]
    mobile: re.Pattern[str] | None
    mobile_lengths: frozenset[int]
    are_same: bool

    def kind(self, national: str) -> Kind | str | None:
        """As phonenumbers.number_type says; "": no number; None: look closer."""
        length = len(national)
        if length not in self.lengths or not self.general.fullmatch(national):
            return ""
        if self.other and self.other.fullmatch(national):
            return None
        is_mobile = _fits(self.mobile, self.mobile_lengths, national, length)
        if _fits(self.fixed, self.fixed_lengths, national, length):
            return "unknown" if self.are_same or is_mobile else "landline"
        return "mobile" if is_mobile and not self.are_same else ""


def _fits(
    pattern: re.Pattern[str] | None, lengths: frozenset[int], national: str, length: int
) -> bool:
    return pattern is not None and length in lengths and pattern.fullmatch(national) is not None


@cache
def _tables(region: str) -> _Tables | None:
    about = PhoneMetadata.metadata_for_region(region.upper(), None)
    if about is None or about.country_code is None or about.general_desc is None:
        return None
    lengths = frozenset(about.general_desc.possible_length)
    others = [_text(getattr(about, name)) for name in _OTHER]
    fixed, mobile = about.fixed_line, about.mobile
    return _Tables(
        code=about.country_code,
        exit=_pattern(about.international_prefix),
        prefix=_pattern(about.national_prefix_for_parsing),
        has_rule=about.national_prefix_transform_rule is not None,
        leading=_pattern(about.leading_digits),
        general=re.compile(_text(about.general_desc) or ""),
        lengths=lengths,
        other=_pattern("|".join(f"(?:{one})" for one in others if one)),
        fixed=_pattern(_text(fixed)),
        fixed_lengths=_lengths(fixed, lengths),
        mobile=_pattern(_text(mobile)),
        mobile_lengths=_lengths(mobile, lengths),
        are_same=about.same_mobile_and_fixed_line_pattern,
    )


def _text(kind: PhoneNumberDesc | None) -> str | None:
    return kind.national_number_pattern if kind else None


def _pattern(text: str | None) -> re.Pattern[str] | None:
    return re.compile(text) if text else None


def _lengths(kind: PhoneNumberDesc | None, general: frozenset[int]) -> frozenset[int]:
    # None said: the same as of all numbers of the country.
    return frozenset(kind.possible_length) or general if kind else frozenset()
