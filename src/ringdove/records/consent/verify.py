"""Verifies a proof of consent. It needs Python 3.9 or later, nothing else, and no network.

    python3 -I verify.py            checks the folder that this file lies in
    python3 -I verify.py proof.zip  checks a proof that is still packed

Each row of ledger.jsonl carries a hash over all that it says and over the person's row before. A
row that was changed, added or taken out does not fit any more. seals.jsonl holds hashes over rows
of all people in the order in which they were written. It prints HOLDS and ends with 0, or BROKEN
with the file and line and ends with 1.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

ERASED = "(erased) sha256:"
SEALED = ("store_id", "bucket", "seq", "first_id", "last_id", "rows", "digest", "prev", "at")
BEFORE = ("at", "scope", "change", "source")
Root = Any  # a folder, or a zip as one


class Broken(Exception):
    """The proof does not hold; the text names the place."""


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def plain(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def words_digest(words: str) -> str:
    """Words that were emptied when a person was erased stand as their own digest."""
    is_erased = words.startswith(ERASED) and len(words) == len(ERASED) + 64
    return words[len(ERASED) :] if is_erased else hashed(words)


def hash_of_row(row: dict[str, Any]) -> str:
    return hashed(plain({**row, "words": words_digest(row["words"])}))


def lines(root: Root, name: str) -> Iterator[tuple[str, Any]]:
    """Each line of a file with its place."""
    with root.joinpath(name).open("rb") as file:
        for number, raw in enumerate(file, 1):
            place = f"{name} line {number}"
            try:
                text = raw.decode()
                said = json.loads(text)
            except ValueError:
                raise Broken(f"{place}: it cannot be read") from None
            if plain(said) + "\n" != text:
                raise Broken(f"{place}: it is not written as we write")
            yield place, said


class Seals:
    """Walks the seals beside the rows: both are in order of bucket and id."""

    def __init__(self, root: Root, ids: list[int], is_whole: bool) -> None:
        self.told = lines(root, "seals.jsonl")
        self.ids, self.is_whole = ids, is_whole
        self.now: dict[str, Any] | None = None
        self.left: set[str] = set()  # sealed, and not met yet
        self.place, self.count = "", 0
        self.newest: dict[int, dict[str, Any]] = {}
        self.go_on()

    def go_on(self) -> None:
        """To the next seal, after the rows of this one."""
        low, high = self.ids
        for mark in self.left if self.is_whole else ():
            if low <= int(mark.split()[0]) < high:
                raise Broken(f"{self.place}: row {mark.split()[0]} was sealed and is missing here")
        self.place, self.now = next(self.told, ("", None))
        if self.now is None:
            return
        self.count += 1
        seal = self.now
        if hashed(plain({name: seal[name] for name in SEALED})) != seal["hash"]:
            raise Broken(f"{self.place}: the seal is not what was hashed")
        before = self.newest.get(seal["bucket"], {"seq": 0, "hash": ""})
        if (seal["seq"], seal["prev"]) != (before["seq"] + 1, before["hash"]):
            raise Broken(f"{self.place}: the seal before it is missing or another")
        self.newest[seal["bucket"]] = seal
        marks = seal.get("marks")
        self.left = set(marks or ())
        if marks is not None and (
            hashed("\n".join(marks)) != seal["digest"] or len(marks) != seal["rows"]
        ):
            raise Broken(f"{self.place}: the rows under the seal are not those that were sealed")

    def take(self, place: str, bucket: int, row_id: int, digest: str) -> bool:
        """Whether the row is sealed. One that should be and is not breaks the proof."""
        while self.now and (self.now["bucket"], self.now["last_id"]) < (bucket, row_id):
            self.go_on()
        if self.now is None or self.now["bucket"] > bucket:
            return False
        if f"{row_id} {digest}" not in self.left:
            raise Broken(f"{place}: it is not among the rows that were sealed then")
        self.left.remove(f"{row_id} {digest}")
        return True

    def fingerprint(self, elsewhere: list[str]) -> str:
        """Over the newest seal of every bucket; `elsewhere`: of those that are not in the proof."""
        while self.now:
            self.go_on()
        told = [f"{bucket} {seal['seq']} {seal['hash']}" for bucket, seal in self.newest.items()]
        told += elsewhere
        return hashed("\n".join(sorted(told))) if told else ""


def check_rows(root: Root, proof: dict[str, Any], words: set[str]) -> tuple[dict[int, Any], Seals]:
    """Every row by itself, in its person's chain, and under its seal."""
    low, high = proof["ids"]
    seals = Seals(root, proof["ids"], proof["scope"] == "all")
    people: dict[int, Any] = {}  # [newest seq, its hash, hashes of numbers, rows ahead, old rows]
    last, unsealed, count = (-1, -1), 0, 0
    for place, line in lines(root, "ledger.jsonl"):
        row, count = line["row"], count + 1
        if not low <= line["id"] < high or (line["bucket"], line["id"]) <= last:
            raise Broken(f"{place}: it is not in its place")
        is_beside = (line["id"] ^ row["contact_id"]) & 127 == 0  # the same low bits: one bucket
        if row["store_id"] != proof["store"]["id"] or not is_beside:
            raise Broken(f"{place}: it is of another store or bucket")
        last = (line["bucket"], line["id"])
        digest = hash_of_row(row)
        if digest != (line["hash"] or digest) or bool(row["seq"]) != bool(line["hash"]):
            raise Broken(f"{place}: what it says is not what was hashed")
        words.discard(words_digest(row["words"]))
        unsealed += not seals.take(place, line["bucket"], line["id"], digest)
        person = people.setdefault(row["contact_id"], [0, "", set(), {}, ""])
        if not row["seq"]:
            told = [str(line["id"]), *(row[name] for name in BEFORE)]
            told += [words_digest(row["words"]), row["language"]]
            person[4] += "".join(f"{len(one)}:{one}" for one in told)
            continue
        person[2].add(row["who"])
        if person[0] == 0:
            start = hashed(person[4]) if person[4] else ""
            person[:2] = (row["seq"] - 1, row["prev"]) if low else (0, start)
        person[3][row["seq"]] = (row["prev"], digest, place)
        while person[0] + 1 in person[3]:
            prev, digest, place = person[3].pop(person[0] + 1)
            if prev != person[1]:
                raise Broken(f"{place}: it does not follow on the person's row before")
            person[:2] = person[0] + 1, digest
    for person in people.values():
        for _, _, place in person[3].values():
            raise Broken(f"{place}: the person's row before it is missing")
    told_mark = seals.fingerprint(proof["elsewhere"])
    if (count, unsealed, seals.count, told_mark) != (
        proof["rows"], proof["unsealed"], proof["seals"], proof["fingerprint"],
    ):  # fmt: skip
        raise Broken("proof.json: it tells other numbers than there are")
    return people, seals


def check_people(root: Root, people: dict[int, Any]) -> int:
    """Whose rows these are: the hash of each number, salted, stands in the person's rows."""
    untold = 0
    for place, told in lines(root, "people.jsonl"):
        person = people.pop(told["contact"], None)
        if person is None or (told["seq"], told["last"]) != (person[0], person[1]):
            raise Broken(f"{place}: the person's rows are not all there, or others")
        if told["before"] != (hashed(person[4]) if person[4] else ""):
            raise Broken(f"{place}: the person's oldest rows are not all there, or others")
        whose = {hashed(f"{told['salt']}/{number}") for number in told["numbers"]}
        if len(whose) != len(told["numbers"]) or not whose <= person[2]:
            raise Broken(f"{place}: a number is not the one that the rows are about")
        if bool(told["salt"]) != bool(whose):
            raise Broken(f"{place}: a salt without a number")
        untold += len(person[2] - whose)
    for contact in people:
        raise Broken(f"people.jsonl: person {contact} of the ledger is missing")
    return untold


def check_files(root: Root, words: set[str]) -> None:
    """Every file byte by byte, and no other than those that were packed."""
    seen = []
    for raw in root.joinpath("MANIFEST").read_bytes().splitlines(keepends=True):
        digest, _, name = raw.decode().rstrip("\n").partition("  ")
        told = sha256()
        with root.joinpath(name).open("rb") as file:
            for block in iter(lambda file=file: file.read(1 << 20), b""):  # type: ignore[misc]
                told.update(block)
        if raw.decode() != f"{told.hexdigest()}  {name}\n":
            raise Broken(f"{name}: it is not the file that was packed")
        if name.startswith("words/") and not name.endswith(f"/{digest}.txt"):
            raise Broken(f"{name}: these are not the words of its name")
        seen.append(name)
    for digest in words:
        raise Broken(f"words: no row has the words {digest}")
    present = {f"words/{one.parts[-2]}/{one.parts[-1]}" for one in _words(root)}
    if len(set(seen)) != len(seen) or present != {n for n in seen if n.startswith("words/")}:
        raise Broken("MANIFEST: other files are here than were packed")


def _words(root: Root) -> list[Path]:
    folder = root.joinpath("words")
    if not folder.exists():
        return []
    return [Path(str(one)) for some in folder.iterdir() for one in some.iterdir()]


def verify(where: str) -> str:
    """The verdict in one line. Raises Broken."""
    root: Root = zipfile.Path(where) if where.endswith(".zip") else Path(where)
    try:
        proof = json.loads(root.joinpath("proof.json").read_bytes())
        words = {one.stem for one in _words(root)}
        people, seals = check_rows(root, proof, words)
        number = len(people)
        if number != proof["people"]:
            raise Broken("proof.json: it tells another number of people")
        untold = check_people(root, people)
        check_files(root, words)
    except (OSError, KeyError, ValueError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise Broken(f"a file is missing or cannot be read: {error!r}") from None
    return (
        f"HOLDS: {proof['rows']} rows about {number} people under {seals.count} seals"
        f" ({proof['unsealed']} newest rows are not sealed yet; {untold} numbers are not told).\n"
        f"Store {proof['store']['id']}, {proof['store']['name']}; made {proof['made_at']}.\n"
        f"Fingerprint of all seals: {proof['fingerprint'] or 'none yet'}"
    )


if __name__ == "__main__":
    try:
        print(verify(sys.argv[1] if len(sys.argv) > 1 else str(Path(__file__).parent)))
    except Broken as broken:
        print(f"BROKEN: {broken}")
        sys.exit(1)
