"""Where the SQL of the project lies, and how a file of it is run."""

from pathlib import Path

from sqlalchemy import Connection

from anyanomaly_core.errors import StorageError


def sql_folder() -> Path:
    """The folder ``sql``: in a checkout a link to the one at its top, in an installed wheel a copy of that."""
    folder = Path(__file__).resolve().parents[1] / "sql"
    if not (folder / "migrations").is_dir():
        raise StorageError(f"{folder} is missing: this copy of the package is not whole. Install it again.")
    return folder.resolve()


def run_sql_file(connection: Connection, path: Path) -> None:
    """Run all statements of a file in the connection's transaction, exactly as written."""
    # Through the driver's own cursor: the text holds % and : that SQLAlchemy would take for parameters.
    cursor = connection.connection.cursor()
    cursor.execute(path.read_text(encoding="utf-8"))
    cursor.close()
