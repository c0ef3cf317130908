"""The house: people, orders, facts, automations, messages."""

from alembic import op

from ringdove.records.migrate import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """See the SQL file of the same number."""
    run_sql(op, "0001_house.sql")
