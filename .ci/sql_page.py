"""Write ``docs/sql.md`` anew from the migrations and the ready queries, over a throw-away database."""

import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from anyanomaly_core.embedded.postgres import PostgresServer  # noqa: E402
from anyanomaly_core.results.engine import make_engine  # noqa: E402
from anyanomaly_core.results.migrate import upgrade  # noqa: E402
from anyanomaly_core.results.sql_page import render_sql_page  # noqa: E402


def main() -> None:
    """Start, migrate, describe, stop."""
    folder = Path(tempfile.mkdtemp(prefix="anyanomaly-docs-"))
    folder.chmod(0o755)  # as root the server runs as nobody, who must get in
    server = PostgresServer(folder / "pg")
    try:
        server.start()
        upgrade(server.url())
        engine = make_engine(server.url(user="reader"))
        with engine.connect() as connection:
            (ROOT / "docs" / "sql.md").write_text(render_sql_page(connection), encoding="utf-8")
        engine.dispose()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
