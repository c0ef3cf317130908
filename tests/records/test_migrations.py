"""The migrations lead to schema.sql, and nobody runs on another schema than his own."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from ringdove.records import migrate

CATALOGUE = {
    "columns": """
        SELECT c.relname, row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum),
               a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated
        FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
    """,
    "tables": """
        SELECT relname, relkind, reloptions, pg_get_expr(relpartbound, oid),
               CASE WHEN relkind = 'p' THEN pg_get_partkeydef(oid) END,
               (SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = pg_class.oid)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    """,
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "functions": """
        SELECT proname, pg_get_functiondef(oid)
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    """,
    "comments": """
        SELECT objoid::regclass::text, objsubid, description
        FROM pg_description WHERE classoid = 'pg_class'::regclass AND objoid > 16383
    """,
    "slots": "SELECT slot, owner, until::text FROM process_slot",
}


def catalogue(url: str) -> dict[str, list[str]]:
    """All that makes a schema, without the version table and without the order of columns."""
    with psycopg.connect(url) as link:
        return {
            name: sorted(
                str(row)
                for row in link.execute(query.encode())
                if not str(row[0]).startswith("alembic_version")
            )
            for name, query in CATALOGUE.items()
        }


def test_all_migrations_together_make_schema_sql(
    empty_database_url: str, another_empty_database_url: str
) -> None:
    migrate.migrate(empty_database_url)
    migrate.create(another_empty_database_url)
    migrated, wanted = catalogue(empty_database_url), catalogue(another_empty_database_url)
    assert wanted["columns"]
    assert wanted["functions"]
    for part, lines in wanted.items():
        assert migrated[part] == lines, f"{part}: schema.sql and the migrations differ"


def test_an_empty_database_is_refused_with_the_command(empty_database_url: str) -> None:
    with pytest.raises(migrate.SchemaIsOld, match=r"no schema yet.*Run: ringdove migrate"):
        migrate.demand_current(empty_database_url)


def test_an_old_schema_is_refused_with_the_command(database_url: str) -> None:
    set_version(database_url, "0000")
    with pytest.raises(migrate.SchemaIsOld, match="ringdove migrate") as refusal:
        migrate.demand_current(database_url)
    assert (refusal.value.found, refusal.value.wanted) == ("0000", migrate.head())


def test_a_schema_from_the_future_is_refused_and_not_touched(database_url: str) -> None:
    set_version(database_url, "9999")
    with pytest.raises(migrate.SchemaIsNewer, match="newer Ringdove"):
        migrate.demand_current(database_url)
    with pytest.raises(migrate.SchemaIsNewer):
        migrate.migrate(database_url)
    assert migrate.current(database_url) == "9999"


def set_version(url: str, version: str) -> None:
    with psycopg.connect(url) as link:
        link.execute("UPDATE alembic_version SET version_num = %s", [version])


@pytest.mark.slow
def test_migrating_twice_and_at_once_is_migrating_once(empty_database_url: str) -> None:
    assert migrate.current(empty_database_url) is None
    with ProcessPoolExecutor(3, multiprocessing.get_context("spawn")) as pool:
        reached = list(pool.map(migrate.migrate, [empty_database_url] * 3))
    assert reached == [migrate.head()] * 3
    assert migrate.migrate(empty_database_url) == migrate.head()
    migrate.demand_current(empty_database_url)


def test_the_revisions_are_one_line_and_alembic_sees_the_same_end() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.FOLDER))
    config.set_main_option("version_locations", str(migrate.FOLDER))
    config.set_main_option("path_separator", "newline")
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [migrate.head()]
    assert [r.revision for r in script.walk_revisions()] == migrate.revisions()[::-1]


@pytest.mark.slow
def test_journeys_of_before_surveys_say_and_hear_what_they_did(empty_database_url: str) -> None:
    """P9: a store's own journey keeps the words that are of surveys now; who was asked by the ready
    one answers the survey."""
    old = '{"key": "survey", "steps": [{"id": "ask", "do": "ask", "text": "survey"}]}'
    new = '{"key": "own", "steps": [{"id": "ask", "text": "survey", "survey": "nps"}]}'
    assert migrate.migrate(empty_database_url, "0007") == "0007"
    with psycopg.connect(empty_database_url) as link:
        link.execute(
            "INSERT INTO store (id, name, country, time_zone, languages, currency, quiet_from,"
            " quiet_until, created_at, bucket_base, bucket_span)"
            " VALUES (1, 'L', 'BY', 'UTC', '{ru}', 'BYN', '21:00', '9:00', now(), 0, 1)"
        )
        for recipe, version, plan, texts in (
            ("survey", 1, old, '{"en": {"survey_low": {"sms": "Ours"}}, "pl": {"x": {}}}'),
            ("own/1", 1, new, "{}"), ("survey", 2, None, "{}"),
            ("review_request", 1, None, '{"en": {"review_request": {"sms": "{{link}} {{ links"}}}'),
        ):  # fmt: skip
            link.execute(
                "INSERT INTO automation (store_id, recipe, is_on, version, texts, plan, changed_at)"
                " VALUES (1, %s, true, %s, %s, %s, now())", [recipe, version, texts, plan],
            )  # fmt: skip
        for n in (1, 2):  # of a store's own journey, and of the ready one
            link.execute(
                "INSERT INTO enrollment (bucket, store_id, id, recipe, subject, contact_id,"
                " version, state, trigger, started_at, place, memory) VALUES (0, 1, %s, 'survey',"
                " %s, 7, %s, 'waiting', '{}', now(), 'ask', '{\"asked_at\": \"2026-11-20\"}')",
                [n, f"s{n}", n],
            )
            link.execute(
                "INSERT INTO message (bucket, store_id, id, contact_id, channel, class, cause,"
                " enrollment_id, body, state, created_at, language, topic, why, not_before,"
                " not_after, gateway_id, recipient)"
                " VALUES (0, 1, %s, 7, 'sms', 'marketing', 'automation', %s, '?', 'delivered',"
                " now(), 'ru', '', '', now(), now(), 1, '')", [10 + n, n],
            )  # fmt: skip
    assert migrate.migrate(empty_database_url) == migrate.head()
    with psycopg.connect(empty_database_url) as link:
        rows = link.execute("SELECT recipe, version, texts FROM automation").fetchall()
        asked = link.execute("SELECT id, survey, language FROM survey_answer").fetchall()
    texts = {(recipe, version): said for recipe, version, said in rows}
    kept = texts["survey", 1]
    assert set(kept) == {"en", "ru", "be", "it", "es", "pl"} and kept["pl"] == {"x": {}}
    assert kept["en"]["survey_low"]["sms"] == "Ours" and "цифрой" in kept["ru"]["survey"]["sms"]
    assert "review_request" not in kept["en"] and "subject" in kept["ru"]["survey_high"]
    assert texts["own/1", 1] == texts["survey", 2] == {}
    changed = texts["review_request", 1]["en"]["review_request"]["sms"]
    assert changed == "{{ survey.link}} {{ links"
    assert asked == [(12, "delivery", "ru")]
