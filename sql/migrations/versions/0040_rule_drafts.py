"""Drafts of rules that were written on the pages, and which definition a file said last."""

from pathlib import Path

from alembic import op

from anyanomaly_core.results.sql_files import run_sql_file

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file of the same name."""
    run_sql_file(op.get_bind(), Path(__file__).with_suffix(".sql"))
