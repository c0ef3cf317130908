"""How a row of a list joins a person, known or new: what it fills in, and what it may allow.

A person is held as a plain dict of Contact's fields, since a million of them are made. An import
never turns out into in, whatever the file says; of two rows about one person the stricter counts;
what the person said after the file's date stays (P1, R11). Rows of the ledger come out chained,
the same as rules/consent/ledger.py makes them (tests/flows/test_importing.py).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any

from ringdove.rules.consent import ledger, suppression
from ringdove.rules.lists.people_rows import Plan, Row
from ringdove.rules.people import phones
from ringdove.rules.scenes import Contact, Held

Values = dict[str, Any]  # of a Contact, by field
NAMES: tuple[str, ...] = Contact.__slots__
UNDONE = "The import that allowed this was undone."
NO = "In the list “{name}” stands that this person refuses."
TOUCHED = (
    "phone", "phone_doubt", "email", "name", "language", "country", "region", "zones", "city",
    "sex", "birthday", "children", "fields",
)  # fmt: skip


@dataclass(slots=True, eq=False)
class Person:
    """Somebody of a list, on the way into the database."""

    values: Values
    is_new: bool
    before: Values = field(default_factory=dict)  # what was changed: as it was
    refs: list[tuple[str, str]] = field(default_factory=list)  # new ways to this person
    allowed: dict[str, str] = field(default_factory=dict)  # scope → when: let in by this import
    rows: list[Values] = field(default_factory=list)  # of the ledger

    @property
    def is_changed(self) -> bool:
        """Whether anything is to be written."""
        return bool(self.is_new or self.before or self.refs or self.rows)


def blank(contact_id: int, now: datetime, origin_note: str) -> Values:
    """Somebody of whom nothing is known yet."""
    return {
        **_BLANK, "id": contact_id, "created_at": now, "origin": "import",
        "origin_note": origin_note, "fields": {}, "scopes": {},
    }  # fmt: skip


_BLANK: Values = dict.fromkeys(NAMES) | {
    "name": "", "zones": (), "marketing": "none", "service": "in", "orders": 0, "spent": 0,
    "city": "", "sex": "", "children": (), "also": (), "ledger_seq": 0, "ledger_hash": "",
}  # fmt: skip


def join(person: Person, row: Row, plan: Plan, *, has_email: bool) -> None:
    """Takes over what the row tells. `has_email`: its address leads to nobody else."""
    values, is_over = person.values, plan.on_known == "overwrite"
    told = dict(row.told)
    if row.phone:
        if values["phone"] is None:
            told["phone"] = row.phone
            if values["phone_doubt"]:
                _set(person, "phone_doubt", None)
        if "country" not in told and not values["country"]:
            told["country"] = row.phone_country
    elif row.doubt and values["phone"] is None and not values["phone_doubt"]:
        told["phone_doubt"] = row.doubt
    if row.email and (not values["email"] or is_over) and has_email:
        told["email"] = row.email
    for name, value in told.items():
        if is_over or not values[name]:
            _set(person, name, value)
    if row.fields:
        known = values["fields"]
        new = {k: v for k, v in row.fields.items() if is_over or known.get(k) in (None, "")}
        _set(person, "fields", {**known, **new})
    if values["phone"] and (person.is_new or person.before):
        zones = phones.zones(values["phone"], values["country"], values["region"])
        _set(person, "zones", tuple(zones))


def _set(person: Person, name: str, value: Any) -> None:
    was = person.values[name]
    if was == value:
        return
    if not person.is_new:
        person.before.setdefault(name, was)
    person.values[name] = value


# ------------------------------------------------------------------ what is allowed


@dataclass(slots=True)
class Chain:
    """Makes rows of the ledger for one import."""

    store_id: int
    import_id: int
    name: str  # of the file
    plan: Plan
    keyed: Callable[[str], str]
    make_id: Callable[[int], int]  # beside this contact
    is_dry: bool = False  # only to count: rows without hashes
    _fixed: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """What the rows name as their source."""
        return f"import/{self.import_id}"

    def hear(self, person: Person, row: Row, held: list[tuple[str, Held]]) -> str:
        """What the row and the list of refusals say about permission; in a word what came of the
        row's: allowed, refused, known, "" where it says nothing."""
        for kind, refusal in held:
            self._honour(person, kind, refusal)
        if row.said == "out":
            self._refuse(person, row)
            return "refused"
        if row.said != "in" or row.said_on is None:
            return ""
        values = person.values
        if "out" in (values["marketing"], values["service"]) or _is_held(held):
            return "stopped"
        scopes = [f"topic/{key}" for key in row.topics] or ["marketing"]
        if values["marketing"] != "none" or values["paused_until"]:
            return "known"
        heard = "known"
        for scope in scopes:
            said = values["scopes"].get(scope)
            if scope != "marketing" and said and said[0] in ("in", "out"):
                continue
            language = self.plan.words_language
            self.write(person, row.said_on, scope, "in", self.source, self.plan.words, language)
            person.allowed[scope] = _iso(row.said_on)
            heard = "allowed"
        return heard

    def _refuse(self, person: Person, row: Row) -> None:
        values, at = person.values, row.said_on
        assert at is not None
        if is_left(values, "marketing"):
            return
        said = values["marketing_at"]
        if said and said >= at:
            if said > at and "marketing" not in person.allowed:
                return  # they have said otherwise since
            at = said + timedelta(microseconds=1)
        self.write(person, at, "marketing", "out", self.source, NO.format(name=self.name))

    def _honour(self, person: Person, kind: str, held: Held) -> None:
        """As suppression.honour."""
        values, at = person.values, held.at
        if kind == "email" and held.scope == "all":
            closed = {**values["scopes"], suppression.EMAIL: ["out", at.isoformat()]}
            if values["scopes"].get(suppression.EMAIL, "-")[0] != "out":
                _set(person, "scopes", closed)
        scopes = [] if held.reason == "bounced" else ["marketing"]
        if kind == "phone" and held.scope == "all":
            scopes.append("service")
        for scope in scopes:
            if not is_left(values, scope):
                words = suppression.WORDS.format(reason=held.reason)
                self.write(person, at, scope, "out", suppression.SOURCE, words)

    def take_back(self, person: Person, scope: str, at: datetime) -> None:
        """What this import allowed is allowed no more; nor is it refused."""
        self.write(person, at, scope, "none", f"{self.source}/undone", UNDONE)

    def write(
        self, person: Person, at: datetime, scope: str, change: str, source: str, words: str,
        language: str = "",
    ) -> None:  # fmt: skip
        """The next row of this person, as ledger.entry makes it, and what it changes."""
        values = person.values
        if self.is_dry:
            person.rows.append({})
            heard(values, scope, change, at)
            return
        contact_id, seq, prev = values["id"], values["ledger_seq"] + 1, values["ledger_hash"]
        words = words[: ledger.WORDS_MAX] or "(empty)"
        salt = self.keyed(f"salt/{contact_id}")
        who = sha256(f"{salt}/{values['phone'] or values['email'] or ''}".encode()).hexdigest()
        first, middle, scoped, last, told = self._texts(change, language, scope, source, words)
        text = (
            f'{{"at":"{_moment(at)}",{first}{contact_id}{middle}"prev":"{prev}",'
            f'{scoped}{seq},{last}{who}","words":"{told}"}}'
        )
        digest = sha256(text.encode()).hexdigest()
        person.rows.append({
            "id": self.make_id(contact_id), "contact_id": contact_id, "at": at, "scope": scope,
            "change": change, "source": source, "words": words, "language": language,
            "who": who, "seq": seq, "prev": prev, "hash": digest,
        })  # fmt: skip
        values["ledger_seq"], values["ledger_hash"] = seq, digest
        heard(values, scope, change, at)

    def _texts(self, change: str, language: str, scope: str, source: str, words: str) -> Any:
        """What is the same in the canonical text of many rows."""
        key = (change, language, scope, source, words)
        if key not in self._fixed:
            told = [json.dumps(one, ensure_ascii=False) for one in key[:4]]
            self._fixed[key] = (
                f'"change":{told[0]},"contact_id":',
                f',"device":"","ip":"","language":{told[1]},',
                f'"scope":{told[2]},"seq":',
                f'"source":{told[3]},"store_id":{self.store_id},"until":null,"who":"',
                ledger.digest(words),
            )
        return self._fixed[key]


def is_left(values: Values, scope: str) -> bool:
    """As permissions.is_left."""
    joined = scope == "marketing" and any(
        said[0] in ("in", "asked") for said in values["scopes"].values()
    )
    return bool(values[scope] == "out" and not joined)


@lru_cache(16_384)
def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


@lru_cache(16_384)
def _iso(at: datetime) -> str:
    return at.isoformat()


def heard(values: Values, scope: str, change: str, at: datetime) -> None:
    """As permissions.after, for marketing, service and topics."""
    if scope == "service":
        values["service"], values["service_at"] = change, at
    elif scope == "marketing":
        values["marketing"], values["marketing_at"] = change, at
        if change == "out":
            values["scopes"] = {k: v for k, v in values["scopes"].items() if v[0] == "out"}
        if change in ("in", "out"):
            values["paused_until"] = None
    else:
        values["scopes"] = {**values["scopes"], scope: [change, at.isoformat()]}


def _is_held(held: list[tuple[str, Held]]) -> bool:
    return any(one.reason != "bounced" for _, one in held)


def keys_of(row: Row) -> list[tuple[str, str]]:
    """The natural keys that can lead to a row's person, the strongest first."""
    keys = []
    if row.phone:
        keys.append(("phone", row.phone))
    if row.account:
        keys.append(("account", row.account))
    if row.email:
        keys.append(("email", row.email))
    return keys


def is_same(values: Mapping[str, Any], kind: str, row: Row) -> bool:
    """Whether whom a key leads to is whom the row means: by an e-mail or account only somebody
    whose phone is not another (P9: somebody may have registered for their mother)."""
    return kind in ("phone", "doubt") or row.phone is None or values["phone"] in (None, row.phone)
