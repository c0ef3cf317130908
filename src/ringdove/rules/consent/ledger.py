"""The consent ledger: each row is chained to the person's row before by a hash (N1).

A row says who (a salted hash of the number or address), when, what scope, which change, through
what, and the exact words. `canonical` is what is hashed; the script in every proof computes the
same without us. A person's rows are made one after the other, since their contact row is locked.

The words enter the hash as their own digest, so that a reply which names its writer can be emptied
when the person is erased, and the chain still verifies (`redacted`, P12).
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from ringdove.rules.effects import RecordConsent
from ringdove.rules.scenes import Contact, Scene

WORDS_MAX = 2_000
REDACTED = "(erased) sha256:"
HASHED = (
    "store_id", "contact_id", "seq", "at", "scope", "change", "source", "words", "language", "ip",
    "device", "who", "until", "prev",
)  # fmt: skip


def entry(
    scene: Scene, contact_id: int, at: datetime, scope: str, change: str, source: str, words: str,
    *, language: str = "", ip: str = "", device: str = "", until: datetime | None = None,
) -> RecordConsent:  # fmt: skip
    """The next row about this person; give it to scene.happens at once, before making another."""
    person = scene.contacts[contact_id]
    row: dict[str, Any] = {
        "store_id": scene.store.id,
        "contact_id": contact_id,
        "seq": person.ledger_seq + 1,
        "at": at,
        "scope": scope,
        "change": change,
        "source": source,
        "words": words[:WORDS_MAX] or "(empty)",
        "language": language,
        "ip": ip,
        "device": device,
        "who": who(person, scene.keyed(f"salt/{contact_id}")),
        "until": until,
        "prev": person.ledger_hash,
    }
    new_id = scene.make_id_beside(contact_id)
    digest = hash_of(row)
    del row["store_id"]
    return RecordConsent(id=new_id, hash=digest, **row)


def who(person: Contact, salt: str) -> str:
    """The person's number or address, hashed with a salt that only a proof tells."""
    return sha256(f"{salt}/{person.phone or person.email or ''}".encode()).hexdigest()


def hash_of(row: Mapping[str, Any]) -> str:
    """The hash of a row, over all that HASHED names."""
    return sha256(canonical(row).encode()).hexdigest()


def canonical(row: Mapping[str, Any]) -> str:
    """A row as the one text that is hashed: JSON, sorted keys, UTC times to the microsecond."""
    return json.dumps(
        {name: plain(row[name]) for name in HASHED} | {"words": digest(row["words"])},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )


def digest(words: str) -> str:
    """The words as the chain knows them; the same for words that were emptied since."""
    if words.startswith(REDACTED) and len(words) == len(REDACTED) + 64:
        return words.removeprefix(REDACTED)
    return sha256(words.encode()).hexdigest()


def redacted(words: str) -> str:
    """What is kept of words that name an erased person."""
    return REDACTED + digest(words)


def of_before(rows: Iterable[Mapping[str, Any]]) -> str:
    """The digest of a person's rows of before there was a chain, in order of id: what the first
    row of the chain follows on. The migration that began the chain wrote the same by SQL."""
    fields = (
        (str(row["id"]), plain(row["at"]), row["scope"], row["change"], row["source"],
         digest(row["words"]), row["language"])
        for row in rows
    )  # fmt: skip
    text = "".join(f"{len(value)}:{value}" for row in fields for value in row)
    return sha256(text.encode()).hexdigest() if text else ""


def plain(value: Any) -> Any:
    """A value as JSON has it: UTC times to the microsecond."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value
