"""Routes, price lists, sender names, limits of spending; what a message costs and where it goes."""

from alembic import op

from ringdove.records.migrate import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """See the SQL file of the same number."""
    run_sql(op, "0003_routes.sql")
