"""Settings are checked at start, and every wrong one is named at once."""

from pathlib import Path

import pytest

from anyanomaly_core.config import get_settings
from anyanomaly_core.errors import ConfigurationError

NEEDED = {"ARCHIVE_ROOT": "/a", "DATABASE_URL": "postgresql://h/d", "PARQUET_ROOT": "/p", "STATE_DIR": "/s"}


@pytest.fixture(autouse=True)
def _needed(monkeypatch: pytest.MonkeyPatch) -> None:
    get_settings.cache_clear()
    for name, value in NEEDED.items():
        monkeypatch.setenv(f"ANYANOMALY_{name}", value)


def test_the_needed_ones_are_enough() -> None:
    assert get_settings().time_zone == "UTC"
    get_settings.cache_clear()


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "Europe"])
def test_an_unknown_time_zone_is_named(monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setenv("ANYANOMALY_TIME_ZONE", zone)
    monkeypatch.setenv("ANYANOMALY_UNIT_SECONDS", "0")
    with pytest.raises(ConfigurationError, match=r"ANYANOMALY_TIME_ZONE.*ANYANOMALY_UNIT_SECONDS"):
        get_settings()


def test_a_url_is_refused_where_a_folder_of_this_machine_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYANOMALY_STATE_DIR", "s3://bucket/state")
    monkeypatch.setenv("ANYANOMALY_RULES_DIR", "file:///rules")
    with pytest.raises(ConfigurationError, match=r"STATE_DIR: .*is a URL.*RULES_DIR: .*is a URL"):
        get_settings()


def test_results_may_go_to_a_bucket_whose_client_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYANOMALY_PARQUET_ROOT", "memory://bucket/parquet/")
    found = get_settings()
    assert str(found.parquet_root / "a=1") == "memory://bucket/parquet/a=1"
    assert str(found.embeddings_folder) == "memory://bucket/embeddings"
    get_settings.cache_clear()
    monkeypatch.setenv("ANYANOMALY_PARQUET_ROOT", "nosuchstore://bucket/parquet")
    with pytest.raises(ConfigurationError, match=r"PARQUET_ROOT: .*cannot be used"):
        get_settings()
    monkeypatch.setenv("ANYANOMALY_PARQUET_ROOT", "file:///results/parquet")
    assert get_settings().parquet_root == Path("/results/parquet")
