"""Where the SQL of the project lies, and how a file of it is run."""

from pathlib import Path

from sqlalchemy import Connection

from anyanomaly_core.errors import StorageError


def sql_folder() -> Path:
    """The folder ``sql`` of this installation; raises StorageError when it is not beside the package."""
    folder = Path(__file__).resolve().parents[2] / "sql"
    if not (folder / "migrations").is_dir():
        raise StorageError(f"{folder} is missing: install the project from its repository with `pip install -e .`.")
    return folder


def run_sql_file(connection: Connection, path: Path) -> None:
    """Run all statements of a file in the connection's transaction, exactly as written."""
    # Through the driver's own cursor: the text holds % and : that SQLAlchemy would take for parameters.
    cursor = connection.connection.cursor()
    cursor.execute(path.read_text(encoding="utf-8"))
    cursor.close()
