"""Journeys: automations with branches, of the store's own too, and what they stand on."""

from alembic import op

from ringdove.records.migrate import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """See the SQL file of the same number."""
    run_sql(op, "0007_automations.sql")
