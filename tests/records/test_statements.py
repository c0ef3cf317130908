"""Every statement of records/ is prepared and planned on a migrated database, and is proved to keep
to one store and its buckets.

The proof reads PostgreSQL's own plan, not the text: each scan of a table that grows must be bounded
by store_id and bucket, whatever aliases and joins say. What may look wider is named below.
"""

import importlib
import json
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from ringdove import records
from ringdove.records.campaigns import audiences
from tests.conftest import _database

# Workers' questions about all that waits, and nothing else. Each must be index-only or read a
# table that is nearly empty when it is asked.
OVER_ALL_STORES = {
    "facts.DUE": "a worker asks when each bucket has its next fact due",
    "facts.TAKE": "a batch of one bucket, of whichever stores live in it; each row names its store",
    "outbox.DUE": "a worker asks when each gateway has its next message due",
    "messages.FORSAKEN": "a worker asks what a dead process left half said",
    "health.UNANSWERED": "the doctor asks whether anybody answers at all",
    "messages.ORPHANED": "once a minute: what was left half said where nobody speaks any more",
    "gateways.LEFT_BEHIND": "once a minute: what waits for gateways that are removed",
    "outbox.OVERDUE": "once a minute: where is anything past its time",
    "erasure.UNDER_WAY": "a worker asks which erasures are under way: a handful, by an index",
    "imports.DUE": "a worker asks which lists wait anywhere; its partial index is nearly empty",
    "rehearsals.ASKED": "a worker asks which rehearsals are asked for: one row a campaign at most",
    "automation_rehearsals.ASKED": "the same of automations: one row each at most",
    "inbox.DUE": "a worker asks who was put off until now; its partial index holds nobody else",
    "partitions.IN_DEFAULT": "a month is made only while no row of anybody lies in it",
}
# An inverted index has no first column; each of its signs begins with the store.
BY_SIGNS = {"contact_search_signs"}
# What stands in the braces of statements that psycopg.sql completes.
FILLED = {
    "partitions.IN_DEFAULT": {"rest": "message_rest"},
    "deciding.VERDICTS": {"narrow": "true"},
    "segments.COUNT": {"narrow": "true"},
    "segment_choices.SAMPLED": {"table": "contact", "value": "t.city", "label": "t.city"},
    "segments.COUNT_KEPT": {"narrow": "true"},
    "segments.PEOPLE": {"narrow": "true"},
    **{
        f"segment_parts.{name}": {"rows": "SELECT 1 AS who", "asked": "true", "having": "true"}
        for name in ("WITHIN", "WHO", "WHO_IN_ALL")
    },
    **{
        f"segment_parts.{name}": {
            "columns": "t.at",
            "table": "visit t",
            "where": "true",
            "store": "%(store_id)s",
            "people": "%(people)s",
        }
        for name in ("OWN", "THEIRS")
    },
    "segment_people.AMONG": {"rows": "SELECT 1 AS who", "asked": "true"},
    "segment_people.REPLIED": {
        "texts": "SELECT 1 AS who, now() AS at",
        "ours": "SELECT 1 AS who, now() AS sent_at",
        "within": "'1 day'",
        "asked": "true",
    },
    "pictures.OF_PEOPLE": {
        "table": "visit",
        "columns": "t.at",
        "asked": "true",
        "newest": "id",
        "most": 9,
    },
    "audiences.MEMBERS": {"condition": "true"},
    "audiences.PEOPLE": {
        "own_hour": "f.own_hour",
        "bought": "k.bought_at",
        "fields": "c.fields",
        "joins": audiences.OWN_HOUR.as_string() + audiences.BOUGHT.as_string(),
        "among": audiences.AMONG.as_string(),
    },
    **{
        f"fills.{name}": {"table": "figure_fill"}
        for name in ("ASK", "TAKE", "MOVE", "DONE", "LEFT")
    },
    **{
        f"shelves.{name}": {"table": "reward", "columns": "id, name"}
        for name in ("ALL", "ONE", "BY_TOKEN", "RETIRE")
    },
    **{
        f"triggers.{name}": {"narrow": "true"}
        for name in (
            "EVERYBODY",
            "BIRTHDAYS",
            "CHILDREN",
            "FIELDS",
            "ORDERED",
            "DUE",
            "NEWS",
            "ENTER",
        )
    },
    "answers_found.FIND": {"narrow": ""},
    "deciding.COUNTS": {"verdicts": "SELECT '' AS verdict, '' AS reason"},
    **{
        f"report_counts.{name}": {"narrow": "true"}
        for name in ("TEXTS", "PEOPLE", "CLICKS", "REPLIES", "STOPS", "AMONG")
    },
}
# Not a plan: a lock, or what Alembic's own table says.
NOT_PLANNED = re.compile(r"\s*(LOCK|CREATE|DROP)\b")
STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH|LOCK|CREATE|DROP)\b")
CONDITIONS = (
    "Index Cond", "Recheck Cond", "Filter", "Hash Cond", "Join Filter", "Merge Cond", "TID Cond",
    "One-Time Filter",
)  # fmt: skip


def _statements() -> dict[str, str]:
    found = {}
    for module in pkgutil.walk_packages(records.__path__, "ringdove.records."):
        loaded = importlib.import_module(module.name)
        for name, value in vars(loaded).items():
            if isinstance(value, sql.Composable):
                value = value.as_string()
            if name.isupper() and isinstance(value, str) and STATEMENT.match(value):
                key = f"{module.name.rpartition('.')[2]}.{name}"
                found[key] = value.format(**FILLED[key]) if key in FILLED else value
    return found


STATEMENTS = _statements()
PLANNED = [name for name, text in STATEMENTS.items() if not NOT_PLANNED.match(text)]


@pytest.fixture(scope="module")
def link(cluster_url: str, template_database: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a database of the present schema, all joins by nested loops: so that a
    condition between two tables is seen where the second is read."""
    for url in _database(cluster_url, template_database):
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as link:
            for way in ("hashjoin", "mergejoin", "material", "seqscan"):
                link.execute(f"SET enable_{way} = off".encode())
            link.execute("SET plan_cache_mode = force_generic_plan")
            yield link


@pytest.fixture(scope="module")
def growing(link: psycopg.Connection[Any]) -> frozenset[str]:
    """The tables that are spread by bucket, with their partitions."""
    rows = link.execute(
        """SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
           WHERE a.attname = 'bucket' AND c.relkind IN ('r', 'p')
             AND c.relnamespace = 'public'::regnamespace"""
    )
    return frozenset(row[0] for row in rows)


def test_statements_are_found() -> None:
    """The other tests look at what this finds."""
    assert len(STATEMENTS) > 90
    assert {"facts.WRITE", "outbox.JUDGE", "scene_rows.PUT_ORDERS"} <= set(STATEMENTS)


def test_every_table_that_grows_has_bucket_and_store_first_in_every_key(
    link: psycopg.Connection[Any], growing: frozenset[str]
) -> None:
    """design.md, "Bucket": first in the primary key and in every unique index. An index that goes
    on with store_id as the primary key does is a trap, see the head of schema.sql."""
    assert len(growing) > 18
    rows = link.execute(
        """SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, i.indisprimary,
                  i.indisunique, i.indpred IS NOT NULL,
                  (SELECT array_agg(a.attname::text ORDER BY k.n)
                   FROM unnest(i.indkey) WITH ORDINALITY k(attnum, n)
                   JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum)
           FROM pg_index i"""
    )
    keys = [(table, *rest) for table, *rest in rows if table in growing]
    assert {table for table, _, is_primary, *_ in keys if is_primary} == growing
    for _table, index, is_primary, is_unique, is_partial, columns in keys:
        if index in BY_SIGNS:
            continue
        assert columns[0] == "bucket", index
        assert not is_unique or "store_id" in columns, index
        if is_primary:
            assert columns[1] == "store_id", index
        elif not is_partial:
            assert columns[1] != "store_id", index


def _prepared(text: str) -> tuple[str, int]:
    """The statement with $1, $2 … for its named parameters, and how many there are."""
    places: dict[str, int] = {}

    def place(match: re.Match[str]) -> str:
        return f"${places.setdefault(match[1], len(places) + 1)}"

    return re.sub(r"%\((\w+)\)s", place, text).replace("%%", "%"), len(places)


def _plan(link: psycopg.Connection[Any], text: str) -> dict[str, Any]:
    statement, parameters = _prepared(text)
    link.execute("DEALLOCATE ALL")
    link.execute(f"PREPARE probe AS {statement}".encode())
    given = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
    row = link.execute(f"EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE probe{given}".encode()).fetchone()
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


EQUAL = re.compile(r"(\w+\.\w+) = (?:ANY \()?(\w+\.\w+|\$\d+)|(\$\d+) = (\w+\.\w+)")


def unbounded(plan: dict[str, Any], growing: frozenset[str]) -> list[str]:
    """Scans that no condition binds to a store and to buckets: "outbox o: store_id".

    A column is bound when equalities lead from it to a parameter, or to a row that the caller
    gave (a set made of JSON, or what another statement of the same WITH found).
    """
    nodes = list(_nodes(plan))
    scans = [
        node
        for node in nodes
        if node["Node Type"] != "ModifyTable" and node.get("Relation Name") in growing
    ]
    ours = {node["Alias"] for node in scans}
    equal: dict[str, set[str]] = defaultdict(set)
    for node in nodes:
        for kind in CONDITIONS:
            for match in EQUAL.finditer(str(node.get(kind, ""))):
                one, other = [side for side in match.groups() if side]
                equal[one].add(other)
                equal[other].add(one)

    def is_bound(column: str, seen: set[str]) -> bool:
        if column.partition(".")[0] not in ours:
            return True
        return any(is_bound(other, seen | {column}) for other in equal[column] - seen)

    return [
        f"{node['Relation Name']} {node['Alias']}: {column}"
        for node in scans
        for column in ("store_id", "bucket")
        if not is_bound(f"{node['Alias']}.{column}", set())
    ]


def _writes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for node in _nodes(plan):
        if node["Node Type"] == "ModifyTable" and node["Operation"] == "Insert":
            yield node


@pytest.mark.parametrize("name", PLANNED)
def test_a_statement_is_bound_to_a_store_and_its_buckets(
    link: psycopg.Connection[Any], growing: frozenset[str], name: str
) -> None:
    """P10, design.md "SQL rules" 1: every scan of a table that grows names store_id and bucket."""
    wider = unbounded(_plan(link, STATEMENTS[name]), growing)
    if name in OVER_ALL_STORES:
        assert wider, f"{name} keeps to its store: take it off the list of exceptions"
    else:
        assert not wider, f"{name} reads past its store or bucket: {wider}"


@pytest.mark.parametrize("name", PLANNED)
def test_what_is_inserted_says_its_bucket_and_store(
    link: psycopg.Connection[Any], growing: frozenset[str], name: str
) -> None:
    """P10: the first two columns come from parameters, or from rows that were filtered by them."""
    plan = _plan(link, STATEMENTS[name])
    for node in _writes(plan):
        if node["Relation Name"] not in growing:
            continue
        source = json.dumps(node["Plans"])
        text = STATEMENTS[name]
        named = re.search(
            rf"INSERT INTO {node['Relation Name']}( AS \w+)?\s*\(bucket, store_id,", text
        ) and re.search(r"SELECT\s+(%\(bucket\)s|r\.bucket), %\(store_id\)s", text)
        by_bucket = "SELECT r.bucket" not in text or re.search(r"r\.bucket = ANY \(\$\d", source)
        filtered = re.search(r"r\.bucket = (ANY \()?\$\d", source) and re.search(
            r"r\.store_id = \$\d", source
        )
        assert (named and by_bucket) or filtered, f"{name} inserts into {node['Relation Name']}"


def test_the_proof_sees_a_missing_bucket(
    link: psycopg.Connection[Any], growing: frozenset[str]
) -> None:
    """What would slip through is caught: a join without the bucket, a store that is not named."""
    for text, missing in [
        ("SELECT id FROM contact WHERE bucket = %(b)s", ["contact contact: store_id"]),
        ("DELETE FROM outbox WHERE store_id = %(s)s", ["outbox outbox: bucket"]),
        (
            """SELECT m.body FROM contact c JOIN message m ON m.contact_id = c.id
               WHERE c.bucket = %(b)s AND c.store_id = %(s)s AND m.store_id = c.store_id""",
            ["message_rest m: bucket"],
        ),
        (
            """SELECT m.body FROM contact c JOIN message m
                 ON m.store_id = c.store_id AND m.bucket = c.bucket
               WHERE c.bucket = %(b)s""",
            ["contact c: store_id", "message_rest m: store_id"],
        ),
        ("SELECT id FROM contact WHERE bucket = %(b)s AND store_id = %(s)s", []),
        (
            """SELECT m.body FROM contact c JOIN message m
                 ON m.bucket = c.bucket AND m.store_id = c.store_id AND m.contact_id = c.id
               WHERE c.bucket = ANY(%(b)s) AND c.store_id = %(s)s""",
            [],
        ),
    ]:
        assert unbounded(_plan(link, text), growing) == missing
