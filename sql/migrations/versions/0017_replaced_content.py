"""A file that holds another content than before replaces what it held: its results, not its history."""

from pathlib import Path

from alembic import op

from anyanomaly_core.results.sql_files import run_sql_file

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file beside this one."""
    run_sql_file(op.get_bind(), Path(__file__).with_suffix(".sql"))
