"""Where the SQL of the project lies, and how a file of it is run."""

import re
from graphlib import TopologicalSorter
from pathlib import Path

from sqlalchemy import Connection

from anyanomaly_core.errors import StorageError

_READ_BY_A_VIEW = re.compile(r"\b(?:FROM|JOIN) (\w+)")


def sql_folder() -> Path:
    """The folder ``sql``: in a checkout a link to the one at its top, in an installed wheel a copy of that."""
    folder = Path(__file__).resolve().parents[1] / "sql"
    if not (folder / "migrations").is_dir():
        raise StorageError(f"{folder} is missing: this copy of the package is not whole. Install it again.")
    return folder.resolve()


def view_files() -> list[Path]:
    """The files of all views; a view stands after those that it reads."""
    files = {path.stem: path for path in sorted((sql_folder() / "views").glob("*.sql"))}
    read = {
        name: set(_READ_BY_A_VIEW.findall(path.read_text(encoding="utf-8"))) & (files.keys() - {name})
        for name, path in files.items()
    }
    return [files[name] for name in TopologicalSorter(read).static_order()]


def run_sql_file(connection: Connection, path: Path) -> None:
    """Run all statements of a file in the connection's transaction, exactly as written."""
    # Through the driver's own cursor: the text holds % and : that SQLAlchemy would take for parameters.
    cursor = connection.connection.cursor()
    cursor.execute(path.read_text(encoding="utf-8"))
    cursor.close()
