"""Settings are checked at start, and every wrong one is named at once."""

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
