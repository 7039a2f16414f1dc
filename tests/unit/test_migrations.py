"""Two changes that land side by side may each follow the same revision; then no database can be made any more."""

from pathlib import Path

from anyanomaly_core.results import migrate

VERSIONS = Path(__file__).resolve().parents[2] / "sql" / "migrations" / "versions"


def test_the_revisions_are_one_line() -> None:
    assert any(VERSIONS.glob(f"{migrate.newest_revision()}_*.py"))
