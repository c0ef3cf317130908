"""One person with all their keys, the chained ledger, suppression, and what hangs on them."""

from alembic import op

from ringdove.records.migrate import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """See the SQL file of the same number."""
    run_sql(op, "0005_people.sql")
