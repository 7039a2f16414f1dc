"""Rights on the function videos_in_partition. The SQL beside this file is never edited once released."""

from pathlib import Path

from alembic import op

from anyanomaly_core.results.sql_files import run_sql_file

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql_file(op.get_bind(), Path(__file__).with_suffix(".sql"))
