"""Seals over the whole ledger: a person's chain does not miss a person, or a tail, that is gone.

Each hour the rows that came into a bucket are sealed in order of their ids: how many, the first and
the last, a digest over all their hashes, and the hash of the seal before. Who keeps the fingerprint
of all seals can prove years later that nothing was taken out since. `find_break` reads one person's
rows; records/consent/ledger.py walks all of them. rules/consent/ledger.py makes the rows.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from ringdove.rules.consent import ledger

ROWS_MAX = 1_000  # a proof about one person tells the hashes of all rows under the same seals
MARGIN = timedelta(hours=1)  # no transaction lasts longer: no row comes in below a seal
HASHED = ("store_id", "bucket", "seq", "first_id", "last_id", "rows", "digest", "prev", "at")


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the ledger is not as it was written."""

    kind: str  # changed, gap, tail, gone, sealed, seal
    place: str  # person 17 row 3, seal 298/4

    def __str__(self) -> str:
        return f"{self.kind} {self.place}"


def make(
    store_id: int, bucket: int, before: Mapping[str, Any] | None, rows: Sequence[Mapping[str, Any]],
    at: datetime,
) -> dict[str, Any]:  # fmt: skip
    """The next seal of a bucket, over these rows of the ledger."""
    seal = {
        "store_id": store_id,
        "bucket": bucket,
        "seq": before["seq"] + 1 if before else 1,
        "first_id": rows[0]["id"],
        "last_id": rows[-1]["id"],
        "rows": len(rows),
        "digest": digest(map(mark, rows)),
        "prev": before["hash"] if before else "",
        "at": at,
    }
    return seal | {"hash": hash_of(seal)}


def mark(row: Mapping[str, Any]) -> str:
    """A row as its seal knows it; one of before the chain by the hash that it would have."""
    return f"{row['id']} {row['hash'] or ledger.hash_of(row)}"


def digest(marks: Iterable[str]) -> str:
    """Over the marks of rows in order."""
    return sha256("\n".join(marks).encode()).hexdigest()


def hash_of(seal: Mapping[str, Any]) -> str:
    """The hash of a seal, over all that HASHED names."""
    return sha256(canonical(seal).encode()).hexdigest()


def canonical(seal: Mapping[str, Any]) -> str:
    """A seal as the one text that is hashed."""
    return json.dumps(
        {name: ledger.plain(seal[name]) for name in HASHED}, sort_keys=True, separators=(",", ":")
    )


def fingerprint(newest: Iterable[Mapping[str, Any]]) -> str:
    """Of all seals of a store, by the newest of each bucket; empty while there is none."""
    lines = sorted(f"{seal['bucket']} {seal['seq']} {seal['hash']}" for seal in newest)
    return sha256("\n".join(lines).encode()).hexdigest() if lines else ""


def find_break(
    contact_id: int, rows: Sequence[Mapping[str, Any]], seq: int, last: str
) -> Break | None:
    """Where one person's rows are not as they were written. `seq` and `last`: the newest row's
    number and hash as the person's own record has them."""
    before = ledger.of_before(row for row in rows if not row["seq"])
    number = 0
    for row in sorted((row for row in rows if row["seq"]), key=lambda row: int(row["seq"])):
        number += 1
        place = f"person {contact_id} row {number}"
        if row["seq"] != number:
            return Break("gap", place)
        if ledger.hash_of(row) != row["hash"]:
            return Break("changed", place)
        if row["prev"] != before:
            return Break("gap", place)
        before = row["hash"]
    if (number, before) != (seq, last):
        return Break("tail", f"person {contact_id} row {number + 1}")
    return None


def find_broken_seal(
    seal: Mapping[str, Any], before: Mapping[str, Any] | None, marks: Sequence[str]
) -> Break | None:
    """Whether a seal is broken, or the rows under it are not those that were sealed."""
    place = f"seal {seal['bucket']}/{seal['seq']}"
    follows = before["hash"] if before else ""
    number = before["seq"] + 1 if before else 1
    if hash_of(seal) != seal["hash"] or seal["prev"] != follows or seal["seq"] != number:
        return Break("seal", place)
    if len(marks) != seal["rows"] or digest(marks) != seal["digest"]:
        return Break("sealed", place)
    return None
