"""The ledger as evidence: chained, sealed, kept by the database, proved to strangers (N1)."""

import asyncio
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ringdove.kit import db
from ringdove.kit.buckets import bucket_of_id, made_at
from ringdove.records import migrate
from ringdove.records.consent import ledger as ledger_records
from ringdove.records.consent import proof, verify
from ringdove.rules import facts
from ringdove.rules.consent import ledger as ledger_rules
from ringdove.workers import doctor
from ringdove.workers.consent import evidence, seal
from tests.conftest import _database
from tests.flows.conftest import Shop, open_shop, order, text
from tests.stores.test_woocommerce import found

Play = Callable[..., None]
WORDS = "Да, присылайте предложения «Linden», до 4 в месяц. Отказ: STOP"


async def past(shop: Shop, people: int = 3) -> None:
    """Some people who said yes at the checkout; one stops, and starts again."""
    told: list[facts.Fact] = []
    for n in range(people):
        customer = {"phone": f"+37529111220{n}", "name": f"Анна {n}", "country": "BY"}
        agreed = {"marketing": True, "words": WORDS, "language": "ru"}
        told.append(order(str(n), customer=customer, consent=agreed))
    await shop.hear(*told)
    await shop.answer()
    for body in ("STOP", "START"):
        shop.later(minutes=1)
        await shop.hear(text(body, "+375291112200", shop.at))
        await shop.answer()


async def far(shop: Shop) -> None:
    """Long after everything was written by the machine's own clock."""
    shop.later(days=4000)


async def packed(shop: Shop, **wish: Any) -> bytes:
    pieces = [
        piece
        async for piece in proof.pack(
            shop.runtime.pool, shop.store, proof.Wish(**wish), keyed=shop.runtime.keyed,
            readme={"README.txt": "Прочтите"}, now=shop.at, newest_id=shop.runtime.ids.make(298),
        )
    ]  # fmt: skip
    return b"".join(pieces)


def unpacked(body: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(body)) as file:
        file.extractall(folder)
    return folder


def verdict(folder: Path) -> tuple[int, str]:
    """What the script in the proof says, run as a stranger would."""
    told = subprocess.run(
        [sys.executable, "-I", folder / "verify.py"], capture_output=True, text=True, timeout=60
    )
    assert not told.stderr, told.stderr
    return told.returncode, told.stdout


@pytest.fixture(scope="module")
def proofs(
    cluster_url: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Path]]:
    """Proofs of one shop, unpacked: of everybody, of one person, of the time after the yeses."""
    home = tmp_path_factory.mktemp("proofs")

    async def make(url: str) -> dict[str, Path]:
        async with open_shop(url, home, span=3) as shop:
            await old_row(shop)
            await past(shop, people=5)
            real = shop.at
            fresh = unpacked(await packed(shop), home / "fresh")
            await far(shop)
            await seal.seal(shop.runtime)
            shop.at = real + timedelta(minutes=5)
            await shop.hear(text("STOP", "+375291112201", shop.at))
            await shop.answer()  # not sealed yet
            rows = await shop.rows("SELECT * FROM consent_event ORDER BY id")
            first = made_at(rows[-3]["id"])
            person = next(row["contact_id"] for row in rows if row["seq"] == 3)
            return {
                "fresh": fresh,
                "all": unpacked(await packed(shop), home / "all"),
                "person": unpacked(await packed(shop, contacts=(person,)), home / "person"),
                "span": unpacked(await packed(shop, since=first), home / "span"),
            }

    for url in _database(cluster_url, template_database):
        yield asyncio.run(make(url))


async def old_row(shop: Shop) -> None:
    """A person of before the chain, with what the migration made of them; they say more since."""
    await shop.hear(order("old", customer={"phone": "+375291119999", "country": "BY"}))
    await shop.answer()
    (person,) = await shop.rows("SELECT * FROM contact")
    given = {"id": shop.runtime.ids.make(bucket_of_id(person["id"])), "at": shop.at} | {
        key: person[key] for key in ("bucket", "store_id")
    }
    await shop.rows(
        """INSERT INTO consent_event
             (bucket, store_id, id, contact_id, at, scope, change, source, words, language)
           VALUES (%(bucket)s, %(store_id)s, %(id)s, %(person)s, %(at)s, 'marketing', 'out',
                   'reply', 'стоп', '') RETURNING id""",
        **given, person=person["id"],
    )  # fmt: skip
    rows = await shop.rows("SELECT * FROM consent_event")
    await shop.rows(
        """UPDATE contact SET marketing = 'out', ledger_hash = %(hash)s WHERE id = %(id)s
           RETURNING id""",
        hash=ledger_rules.of_before(rows), id=person["id"],
    )  # fmt: skip
    await shop.hear(text("START", "+375291119999", shop.later(minutes=1)))
    await shop.answer()


KINDS = ("all", "person", "span")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_an_untouched_proof_holds(proofs: dict[str, Path], kind: str) -> None:
    """N1: as a folder and as it was packed, run alone and without our code."""
    code, says = verdict(proofs[kind])
    assert code == 0 and says.startswith("HOLDS"), says
    packed_again = shutil.make_archive(str(proofs[kind]), "zip", proofs[kind])
    assert verify.verify(packed_again) == says.strip()
    rows = {"all": "10 rows about 6 people", "person": "3 rows about 1", "span": "3 rows about"}
    assert rows[kind] in says


def files_of(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


def changed(folder: Path, scratch: Path, name: str, body: bytes) -> str:
    """What verify.py of ours says of the proof with this one file changed."""
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(folder, scratch)
    (scratch / name).write_bytes(body)
    try:
        return verify.verify(str(scratch))
    except verify.Broken as broken:
        return f"BROKEN: {broken}"


@pytest.mark.slow
@settings(max_examples=250, deadline=None)
@given(kind=some.sampled_from(KINDS), where=some.integers(0, 10**9), bit=some.integers(0, 7))
def test_one_changed_byte_breaks_it(
    proofs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory,
    kind: str, where: int, bit: int,
) -> None:  # fmt: skip
    """N1: one changed byte of any file fails it."""
    folder = proofs[kind]
    names = files_of(folder)
    name = names[where % len(names)]
    body = bytearray((folder / name).read_bytes())
    body[where % len(body)] ^= 1 << bit
    says = changed(folder, tmp_path_factory.getbasetemp() / "flipped", name, bytes(body))
    assert says.startswith("BROKEN"), f"{name} byte {where % len(body)}: {says}"


def forged(folder: Path, scratch: Path, name: str, line: int, document: Any) -> str:
    """The same by somebody who knows how it works: another line, with the list of files made anew;
    None takes the line out."""
    lines = (folder / name).read_text().splitlines(keepends=True)
    if document is None:
        del lines[line]
    else:
        lines[line] = verify.plain(document) + "\n"
    body = "".join(lines).encode()
    old = sha256((folder / name).read_bytes()).hexdigest()
    manifest = (folder / "MANIFEST").read_text().replace(old, sha256(body).hexdigest())
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(folder, scratch)
    (scratch / name).write_bytes(body)
    (scratch / "MANIFEST").write_text(manifest)
    try:
        return verify.verify(str(scratch))
    except verify.Broken as broken:
        return f"BROKEN: {broken}"


def other(value: Any) -> Any:
    """Something else of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return value[:-1] if value else ["x"]
    return f"{value}x" if value else "x"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["ledger.jsonl", "people.jsonl", "seals.jsonl"])
def test_a_forger_who_knows_the_format_is_found_out(
    proofs: dict[str, Path], tmp_path: Path, kind: str, name: str
) -> None:
    """N1: every field of every line, and every line taken out, with the list of files made anew:
    the chain, the salted hash or the seal tells the line."""
    folder, tried = proofs[kind], 0
    lines = [json.loads(line) for line in (folder / name).read_text().splitlines()]
    for number, line in enumerate(lines):
        assert "BROKEN" in forged(folder, tmp_path / "x", name, number, None)
        for field in line:
            if field == "erased":
                continue  # only told, so that the empty numbers are understood
            if field == "bucket" and "row" in line and line["row"]["words"] == "STOP":
                continue  # where it lies is sealed with it, within the hour; what it says is not
            if isinstance(line[field], dict):
                for inner in line[field]:
                    told = line[field] | {inner: other(line[field][inner])}
                    says = forged(folder, tmp_path / "x", name, number, line | {field: told})
                    assert f"{name} line {number + 1}" in says, (inner, says)
                    tried += 1
                continue
            says = forged(folder, tmp_path / "x", name, number, line | {field: other(line[field])})
            assert says.startswith("BROKEN"), (number, field, says)
            tried += 1
    assert tried >= 6


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fresh", "all", "person"])
def test_a_forger_who_hashes_anew_is_found_out(
    proofs: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    """N1: a row that was changed together with its own hash does not fit the person's next row,
    their end, or the seal: before the first seal as well as after it."""
    folder = proofs[kind]
    lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]
    for number, line in enumerate(lines):
        row = line["row"] | {"words": "I agree to everything"}
        told = line | {"row": row, "hash": line["hash"] and verify.hash_of_row(row)}
        says = forged(folder, tmp_path / "x", "ledger.jsonl", number, told)
        assert says.startswith("BROKEN") and "MANIFEST" not in says, (number, says)


def test_whole_proof_holds(play: Play, tmp_path: Path) -> None:
    """N1: everything that was said, sealed and not yet sealed, holds before a stranger."""

    async def story(shop: Shop) -> None:
        await past(shop)
        body = await packed(shop)
        code, says = verdict(unpacked(body, tmp_path / "fresh"))
        assert (code, says.startswith("HOLDS: 5 rows about 3 people under 0 seals (5 newest")) == (
            0, True,
        ), says  # fmt: skip
        await far(shop)
        assert await seal.seal(shop.runtime) == 5
        assert await seal.seal(shop.runtime) == 0
        folder = unpacked(await packed(shop), tmp_path / "sealed")
        code, says = verdict(folder)
        assert code == 0 and "(0 newest rows are not sealed yet; 0 numbers" in says, says
        (words,) = (folder / "words" / "ru").iterdir()
        assert words.read_text() == WORDS and words.stem == sha256(WORDS.encode()).hexdigest()
        people = (folder / "people.jsonl").read_text().splitlines()
        assert json.loads(people[0])["numbers"] == ["+375291112200"]

    play(story)


def break_it(shop: Shop, statement: str, **given: Any) -> None:
    """Changes the ledger as somebody with all rights over the database can."""
    with psycopg.connect(shop.runtime.database_url) as link:
        link.execute("SET session_replication_role = replica")  # no trigger
        link.execute(statement.encode(), given)


@pytest.mark.slow
def test_the_first_broken_place_is_named(play: Play) -> None:
    """N1: a changed row, one that is gone, a person who is gone, a tail, a seal."""
    every = "SELECT * FROM consent_event ORDER BY id"

    async def story(shop: Shop) -> None:
        await past(shop)
        await far(shop)
        await seal.seal(shop.runtime)
        found = await ledger_records.check(shop.runtime.pool, shop.store)
        assert (found.broken, found.rows, found.people, found.seals) == (None, 5, 3, 1)
        assert len(found.fingerprint) == 64
        rows = await shop.rows(every)
        person = rows[0]["contact_id"]
        assert [row["contact_id"] for row in rows].count(person) == 3
        middle = [row for row in rows if row["contact_id"] == person][1]
        other_person = rows[1]["contact_id"]
        for statement, place in (
            ("UPDATE consent_event SET words = 'yes' WHERE id = %(middle)s", "changed person"),
            ("UPDATE consent_event SET at = at - interval '1 s' WHERE id = %(middle)s", "changed"),
            ("DELETE FROM consent_event WHERE id = %(middle)s", "gap"),
            ("DELETE FROM consent_event WHERE id = %(last)s", "tail"),
            ("DELETE FROM consent_event WHERE contact_id = %(other)s", "sealed seal"),
            ("UPDATE consent_seal SET rows = 4", "seal seal"),
        ):
            with psycopg.connect(shop.runtime.database_url) as keep:
                kept = {
                    table: keep.execute(f"SELECT * FROM {table}".encode()).fetchall()
                    for table in ("consent_event", "consent_seal", "contact")
                }
            break_it(shop, statement, middle=middle["id"], other=other_person, last=rows[-1]["id"])
            found = await ledger_records.check(shop.runtime.pool, shop.store)
            assert str(found.broken).startswith(place), (statement, found.broken)
            with psycopg.connect(shop.runtime.database_url) as link:
                link.execute("SET session_replication_role = replica")
                for table, was in kept.items():
                    link.execute(f"DELETE FROM {table}".encode())
                    marks = ", ".join(["%s"] * len(was[0]))
                    for row in was:
                        values = [json.dumps(v) if isinstance(v, dict) else v for v in row]
                        link.execute(f"INSERT INTO {table} VALUES ({marks})".encode(), values)
            found = await ledger_records.check(shop.runtime.pool, shop.store)
            assert found.broken is None
        await seal.check_due(shop.runtime)
        (kept_row,) = await shop.rows("SELECT * FROM consent_check")
        assert kept_row["rows"] == 5 and kept_row["broken"] == ""

    play(story)


def test_the_database_refuses_to_change_the_ledger(play: Play) -> None:
    """N1: append-only in fact. Only the words of an erased person give way to their digest (P12),
    and the chain still holds."""

    async def story(shop: Shop) -> None:
        await past(shop)
        for statement in (
            "UPDATE consent_event SET change = 'in' RETURNING id",
            "UPDATE consent_event SET words = 'x' RETURNING id",
            "UPDATE consent_event SET words = '(erased) sha256:' || repeat('0', 64) RETURNING id",
            "DELETE FROM consent_event RETURNING id",
            "TRUNCATE consent_event",
        ):
            with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
                await shop.rows(statement)
        (row, *_) = await shop.rows("SELECT * FROM consent_event ORDER BY id")
        redacted = ledger_rules.redacted(row["words"])
        again = "UPDATE consent_event SET words = %(words)s WHERE id = %(id)s RETURNING id"
        await shop.rows(again, words=redacted, id=row["id"])
        await shop.rows(again, words=redacted, id=row["id"])
        found = await ledger_records.check(shop.runtime.pool, shop.store)
        assert found.broken is None
        async with db.transaction(shop.runtime.pool) as tx:
            kept = await ledger_records.of_person(tx, shop.store, row["contact_id"])
        assert kept[0]["words"] == redacted

    play(story)


def test_the_migration_digests_old_rows_as_the_rules_do(play: Play) -> None:
    """Rows of before the chain: the SQL of the migration and rules/consent/ledger.py agree."""
    sql = migrate.FOLDER / "0005_people.sql"
    update = (
        "UPDATE contact c SET ledger_hash"
        + sql.read_text().partition("UPDATE contact c SET ledger_hash")[2].partition(";")[0]
    )

    async def story(shop: Shop) -> None:
        await old_row(shop)
        (old,) = await shop.rows("SELECT * FROM consent_event WHERE seq = 0")
        with psycopg.connect(shop.runtime.database_url) as link:
            link.execute("SET session_replication_role = replica")
            link.execute("DELETE FROM consent_event WHERE seq > 0")
            link.execute(update.encode())
        (person,) = await shop.rows("SELECT * FROM contact")
        assert person["ledger_hash"] == ledger_rules.of_before([old])

    play(story)


def test_the_command_line_checks_and_proves(play: Play, tmp_path: Path) -> None:
    """N1: what `ringdove ledger check` says, and the file of `ringdove ledger proof`."""

    async def story(shop: Shop) -> None:
        await past(shop)
        ((store, found),) = await evidence.check(shop.runtime)
        assert evidence.says(store, found).startswith(
            "Store 1, Linden: 5 rows about 3 people under 0 seals are as they were written."
        )
        rows = await shop.rows("SELECT * FROM consent_event ORDER BY id")
        file = tmp_path / "proof.zip"
        size = await evidence.write_proof(
            shop.runtime, 1, file, [rows[0]["contact_id"]], None, None
        )
        assert size == file.stat().st_size and verify.verify(str(file)).startswith("HOLDS: 3 rows")
        assert await evidence.write_proof(shop.runtime, 9, file, [], None, None) is None
        break_it(
            shop, "UPDATE consent_event SET source = 'form/3' WHERE id = %(id)s", id=rows[0]["id"]
        )
        ((store, found),) = await evidence.check(shop.runtime)
        assert "BROKEN at person" in evidence.says(store, found)
        async with db.transaction(shop.runtime.pool) as tx:
            broken = await ledger_records.broken_stores(tx)
        (finding,) = doctor.evidence(broken)
        assert finding.level == "bad" and "Linden" in finding.says

    play(story)


def test_a_tick_at_the_shops_checkout_is_kept_with_its_words(play: Play) -> None:
    """R1, R3: a real body of a shop's webhook, with the words of the connection, into the ledger:
    source, words, and the address that the shop saw."""
    words = "Да, присылайте акции по SMS, до 4 в месяц"

    async def story(shop: Shop) -> None:
        await shop.hear(*found("order_pending", consent_words=words).values())
        await shop.answer()
        (row,) = await shop.rows("SELECT * FROM consent_event")
        assert (row["change"], row["source"], row["words"]) == ("in", "checkout", words)
        assert row["ip"] == "192.0.2.7" and row["seq"] == 1

    play(story)
