"""Where in a frame the object of a rule is."""

from pathlib import Path

from alembic import op

from anyanomaly_core.results.sql_files import run_sql_file

revision = "0037"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql_file(op.get_bind(), Path(__file__).with_suffix(".sql"))
