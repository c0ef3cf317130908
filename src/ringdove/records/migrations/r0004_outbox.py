"""Taking a message removes it from the outbox; one row marks a whole batch as being on its way."""

from alembic import op

from ringdove.records.migrate import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """See the SQL file of the same number."""
    run_sql(op, "0004_outbox.sql")
