"""The ledger is append-only in every statement and in every line of the program (N1)."""

import re
from pathlib import Path

from tests.records.test_statements import STATEMENTS

SOURCE = Path(__file__).parents[2] / "src" / "ringdove"
KEPT = ("consent_event", "consent_seal")
CHANGES = re.compile(
    rf"(UPDATE\s+(ONLY\s+)?|DELETE\s+FROM\s+(ONLY\s+)?|TRUNCATE\s+(TABLE\s+)?|MERGE\s+INTO\s+)"
    rf"({'|'.join(KEPT)})\b",
    re.I,
)
ON_CONFLICT = re.compile(rf"INSERT\s+INTO\s+({'|'.join(KEPT)})\b.*ON\s+CONFLICT.*DO\s+UPDATE", re.S)
# The words of an erased person give way to their digest (P12); the database lets nothing else pass.
REDACTS = {"emptying": "words"}


def test_no_statement_changes_the_ledger() -> None:
    """N1: every statement of records/, and every other line that a database could be told."""
    found = {name for name, text in STATEMENTS.items() if CHANGES.search(text)}
    assert {name.partition(".")[0] for name in found} <= REDACTS.keys(), found
    assert not any(ON_CONFLICT.search(text) for text in STATEMENTS.values())
    for name in found:
        clause = re.split(r"\bWHERE\b", re.split(r"\bSET\b", STATEMENTS[name])[1])[0]
        changed = re.findall(r"(\w+)\s*=", clause)
        assert set(changed) == {"words"}, name
    for path in SOURCE.rglob("*.py"):
        if path.stem not in REDACTS:
            assert not CHANGES.search(path.read_text("utf-8")), path
    for path in (SOURCE / "records" / "migrations").glob("*.sql"):
        assert not CHANGES.search(path.read_text("utf-8")), path


def test_the_test_would_see_it() -> None:
    """What would slip through is caught."""
    for text in (
        "UPDATE consent_event e SET words = ''", "delete from consent_seal",
        "TRUNCATE consent_event", "DELETE FROM ONLY consent_event",
    ):  # fmt: skip
        assert CHANGES.search(text)
