"""Each gateway has a door of its own, where its operator tells receipts and people's texts."""

from alembic import op

from ringdove.records.migrate import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """See the SQL file of the same number."""
    run_sql(op, "0002_gateway_token.sql")
