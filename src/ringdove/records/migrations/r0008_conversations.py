"""Conversations, surveys, contests, friends, complaints."""

from alembic import op

from ringdove.records.migrate import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """See the SQL file of the same number."""
    run_sql(op, "0008_conversations.sql")
