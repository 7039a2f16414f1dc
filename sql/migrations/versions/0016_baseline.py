"""Tables, functions, triggers and rights as of 0.1.0, from ``sql/baseline``.

It takes the place of the sixteen revisions made while 0.1.0 was developed and makes the same schema, so it has the
number of the last of them: a database that they built needs nothing more.
"""

from alembic import op

from anyanomaly_core.results.sql_files import run_sql_file, sql_folder

revision = "0016"
down_revision = None
branch_labels = None
depends_on = None

# In this order: what comes later refers to what comes before.
PARTS = ("footage", "rules", "scores", "events", "retention", "cascades", "evaluations", "rights")


def upgrade() -> None:
    """Run the files of ``sql/baseline``; views are made afterwards (results/migrate.py)."""
    for part in PARTS:
        run_sql_file(op.get_bind(), sql_folder() / "baseline" / f"{part}.sql")
