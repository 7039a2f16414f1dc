"""Vectors of footage, which a sentence or a picture is compared with, and who compared what with them."""

from pathlib import Path

from alembic import op

from anyanomaly_core.results.sql_files import run_sql_file

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql_file(op.get_bind(), Path(__file__).with_suffix(".sql"))
