"""Cases: events that belong together, and what people do about them."""

from pathlib import Path

from alembic import op

from anyanomaly_core.results.sql_files import run_sql_file

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql_file(op.get_bind(), Path(__file__).with_suffix(".sql"))
