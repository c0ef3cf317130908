"""Segments, offers, links and campaigns, and the figures that they ask of people."""

from alembic import op

from ringdove.records.migrate import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """See the SQL file of the same number."""
    run_sql(op, "0006_campaigns.sql")
