"""What a row of a list says about a person, and whether it can be taken.

`judge` reads one row by a Plan (columns, country, provenance, choices) and answers with a Row or
with the one reason why not. Consent is what R11 asks: without provenance and the words that people
agreed to, nobody enters for offers; a no in the file counts always.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from ringdove.rules.lists.people_columns import FIELD
from ringdove.rules.lists.people_files import Dialect
from ringdove.rules.people import phone_forms
from ringdove.rules.people.phones import Doubtful
from ringdove.rules.sending.price_files import country_named

Whence: TypeAlias = Literal["agreed", "customers", "bought"]
Reason: TypeAlias = Literal["no_key", "phone_unreadable", "email_unreadable"]
REASONS: tuple[Reason, ...] = ("no_key", "phone_unreadable", "email_unreadable")

NAME_MAX, PLACE_MAX, ACCOUNT_MAX, FIELD_MAX, EMAIL_MAX = 120, 80, 100, 500, 254
TOPICS_MAX, CHILDREN_MAX = 20, 12
OLDEST = date(1900, 1, 1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What somebody decided about a file."""

    dialect: Dialect = field(default_factory=Dialect)
    columns: Mapping[str, int] = field(default_factory=dict)
    country: str = ""
    dates: Literal["dmy", "mdy"] = "dmy"  # 03/04/1990: the third of April, or the fourth of March
    on_known: Literal["fill", "overwrite"] = "fill"
    doubtful: Literal["keep", "reject"] = "keep"
    whence: Whence = "customers"
    provenance: str = ""  # where the list comes from
    words: str = ""  # exactly what people agreed to
    words_language: str = ""
    agreed_on: str = ""  # ISO date; counts where no column tells

    @property
    def lets_in(self) -> bool:
        """Whether a yes of this file is one (R11)."""
        told = self.provenance.strip() and self.words.strip()
        when = self.agreed_on or "consent_date" in self.columns
        return bool(self.whence == "agreed" and told and when)

    def document(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)


def plan_of(document: Mapping[str, Any]) -> Plan:
    """A plan as it was stored."""
    told = dict(document)
    if "dialect" in told:
        told["dialect"] = Dialect(**told["dialect"])
    return Plan(**told)


@dataclass(slots=True)
class Row:
    """A person as a row tells of them. None or empty: not told."""

    line: int
    phone: str | None = None
    phone_country: str = ""
    doubt: str | None = None
    email: str | None = None
    account: str = ""
    told: dict[str, Any] = field(default_factory=dict)  # attributes of Contact
    fields: dict[str, Any] = field(default_factory=dict)
    said: str = ""  # in, out
    topics: tuple[str, ...] = ()  # a yes to these alone
    said_on: datetime | None = None
    notes: tuple[str, ...] = ()  # what of the row could not be used


@dataclass(frozen=True, slots=True)
class Known:
    """What a store knows that rows are read with."""

    topics: Mapping[str, str] = field(default_factory=dict)  # what it may be called → its key
    fields: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)  # None: unreadable
    languages: Sequence[str] = ()


def judge(line: int, cells: Sequence[str], plan: Plan, known: Known, now: datetime) -> Row | Reason:
    """What the row says, or why it cannot be taken."""
    got: dict[str, str] = {}
    width = len(cells)
    for target, place in plan.columns.items():
        if place < width and cells[place]:
            got[target] = cells[place]
    row = Row(line)
    notes: list[str] = []
    if wrong := _keys(row, got, plan, notes):
        return wrong
    for target, text in got.items():
        if target in _READ:
            name, read = _READ[target]
            value = read(text, plan)
            if value:
                row.told[name] = value
            else:
                notes.append(target)
        elif target.startswith(FIELD):
            _own_field(row, target.removeprefix(FIELD), text, known, notes)
    if "name" not in got and ("first_name" in got or "last_name" in got):
        both = f"{got.get('first_name', '')} {got.get('last_name', '')}"
        row.told["name"] = both.strip()[:NAME_MAX]
    elif "name" in got:
        row.told["name"] = got["name"][:NAME_MAX]
    _consent(row, got, plan, known, now, notes)
    row.notes = tuple(notes)
    return row


def _keys(row: Row, got: Mapping[str, str], plan: Plan, notes: list[str]) -> Reason | None:
    country = country_of(got.get("country", "")) or plan.country
    if told := got.get("phone"):
        phone = phone_forms.read(told, country or None)
        if not isinstance(phone, Doubtful):
            row.phone, row.phone_country = phone.e164, phone.country
        elif plan.doubtful == "reject":
            return "phone_unreadable"
        else:
            row.doubt = told[:FIELD_MAX]
    if told := got.get("email"):
        email = told.removeprefix("mailto:").strip("<>;, ").lower()
        if len(email) <= EMAIL_MAX and _is_email(email):
            row.email = email
        elif "phone" in got or "account" in got:
            notes.append("email")
        else:
            return "email_unreadable"
    row.account = got.get("account", "")[:ACCOUNT_MAX]
    return None if row.phone or row.doubt or row.email or row.account else "no_key"


_is_email = re.compile(
    r"[^@\s,;<>\"()]{1,64}@(?:[^@\s.,;<>\"()]{1,63}\.)+[^\W\d_][\w-]{1,62}"
).fullmatch


# ------------------------------------------------------------------ what cells mean


@lru_cache(1_024)
def country_of(text: str) -> str:
    """The ISO code of a country as lists name it."""
    return country_named(text) if text else ""


def _language(text: str, plan: Plan) -> str:
    return _language_named(text)


@lru_cache(256)
def _language_named(text: str) -> str:
    word = text.casefold()
    for code, names in _LANGUAGES.items():
        if word in names:
            return code
    short = re.fullmatch(r"([a-z]{2})(?:[-_][a-z]{2,4})?", word)
    return short[1] if short else ""


_LANGUAGES: dict[str, frozenset[str]] = {
    code: frozenset(names.split())
    for code, names in {
        "ru": "русский рус rus russian russo ruso rosyjski руская",
        "be": "белорусский бел беларуская by bel belarusian bielorusso bielorruso białoruski",
        "en": "английский англ eng english inglese inglés ingles angielski англійская",
        "it": "итальянский ita italian italiano włoski італьянская",
        "es": "испанский spa spanish spagnolo español espanol castellano hiszpański іспанская",
        "pl": "польский pol polish polacco polaco polski польская",
        "uk": "украинский укр ukr ukrainian українська ukraiński",
        "de": "немецкий нем deu ger german tedesco alemán deutsch niemiecki",
    }.items()
}


def _sex(text: str, plan: Plan) -> str:
    return _SEXES.get(text.casefold().rstrip("."), "")


_SEXES = {word: "f" for word in
          "f female w woman ж жен женский женщина жанчына жаночы donna femmina mujer femenino k"
          " kobieta żeńska mrs ms".split()}  # fmt: skip
_SEXES |= {word: "m" for word in
           "m male man м муж мужской мужчина мужчына мужчынскі uomo maschio hombre masculino"
           " mężczyzna męska mr".split()}  # fmt: skip


@lru_cache(65_536)
def date_of(text: str, order: str) -> date | None:
    """A date as lists write it, with a time behind it or not."""
    found = _ISO.match(text) or _COMPACT.fullmatch(text)
    if found:
        return _date(int(found[1]), int(found[2]), int(found[3]))
    if not (found := _OTHER.match(text)):
        return None
    first, second, year = int(found[1]), int(found[2]), int(found[3])
    if year < 100:
        year += 2000 if year < 30 else 1900
    day, month = (first, second) if order == "dmy" else (second, first)
    if month > 12 >= day and "." not in text:  # only one of both readings is a date
        day, month = month, day
    return _date(year, month, day)


_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")
_OTHER = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d\d)(?!\d)")


def _date(year: int, month: int, day: int) -> date | None:
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found if found >= OLDEST else None


def _birthday(text: str, plan: Plan) -> date | None:
    return date_of(text, plan.dates)


def _children(text: str, plan: Plan) -> tuple[date, ...]:
    found = (date_of(part.strip(), plan.dates) for part in re.split(r"[,;|]|\s{2,}", text))
    return tuple(sorted({one for one in found if one}))[:CHILDREN_MAX]


_READ: dict[str, tuple[str, Callable[[str, Plan], Any]]] = {
    "language": ("language", _language),
    "country": ("country", lambda text, plan: country_of(text)),
    "region": ("region", lambda text, plan: text[:PLACE_MAX]),
    "city": ("city", lambda text, plan: text[:PLACE_MAX]),
    "sex": ("sex", _sex),
    "birthday": ("birthday", _birthday),
    "children": ("children", _children),
}


def _own_field(row: Row, key: str, text: str, known: Known, notes: list[str]) -> None:
    read = known.fields.get(key)
    value = read(text[:FIELD_MAX]) if read else None
    if value is None:
        notes.append(FIELD + key)
    else:
        row.fields[key] = value


# ------------------------------------------------------------------ what people allow


YES = frozenset(
    "yes y true t 1 on x ✓ ✔ + v in opt-in optin subscribed accepted agreed da да д ага истина так"
    " подписан подписана согласен согласна есть si sì sí s vero iscritto iscritta accetto verdadero"
    " suscrito suscrita acepto tak prawda zgoda true() wahr ja 1.0".split()
)
NO = frozenset(
    "no n false f 0 off - – out opt-out optout unsubscribed declined refused stop нет н не ложь ні"
    " няма отписан отписана отказ отказался отказалась против falso disiscritto disiscritta rifiuto"
    " baja nie fałsz false() falsch nein 0.0".split()
)


def _consent(
    row: Row, got: Mapping[str, str], plan: Plan, known: Known, now: datetime, notes: list[str]
) -> None:
    told = got.get("consent", "").casefold()
    if told in NO:
        # The day on which others agreed says nothing about when this one refused.
        dated = "consent_date" in got and _when(got, plan, now, notes)
        row.said, row.said_on = "out", dated or now
        return
    if told and told not in YES:
        notes.append("consent")
    is_yes = told in YES or "consent" not in plan.columns
    topics = _topics(got.get("topics", ""), known, notes)
    if not plan.lets_in or not is_yes:
        return
    if "topics" in got and not topics:
        return  # they agreed to something that the shop does not have
    when = _when(got, plan, now, notes)
    if when is not None:
        row.said, row.topics, row.said_on = "in", topics, when


def _when(got: Mapping[str, str], plan: Plan, now: datetime, notes: list[str]) -> datetime | None:
    """When it was said: never later than now. None: nobody knows."""
    if text := got.get("consent_date"):
        found = date_of(text, plan.dates)
        if found is None:
            notes.append("consent_date")
            return None
    else:
        found = date.fromisoformat(plan.agreed_on) if plan.agreed_on else None
    return None if found is None else min(_noon(found), now)


@lru_cache(16_384)
def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def _topics(text: str, known: Known, notes: list[str]) -> tuple[str, ...]:
    found = []
    for name in re.split(r"[,;|/]", text)[:TOPICS_MAX]:
        if word := name.strip().casefold():
            if key := known.topics.get(word):
                found.append(key)
            else:
                notes.append("topics")
    return tuple(dict.fromkeys(found))
