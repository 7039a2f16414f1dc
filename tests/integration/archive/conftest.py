from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from sqlalchemy import Engine

from anyanomaly_core.config import get_settings
from tests.conftest import TestDatabase
from tests.integration.archive.small_archive import DAY, aged, film, make_models

RULES = {"running": "texts: [a person running]\nthreshold: 0.1\n", "car": "texts: [a car, a van]\nexcluded: [a bus]\n"}


@pytest.fixture(scope="session")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return make_models(tmp_path_factory.mktemp("models"))


@dataclass(frozen=True)
class World:
    """An archive, its rules and the environment of the tasks."""

    archive: Path
    rules: Path
    parquet: Path
    journal: Path
    engine: Engine


@pytest.fixture
def world(
    tmp_path: Path, profile: Path, database: TestDatabase, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """Three good files of 40, 30 and 50 frames and a text file; two rules; settings in the environment."""
    archive, rules = tmp_path / "archive", tmp_path / "rules"
    film(archive / "hall" / DAY / "10-00-00.mp4", 40)
    film(archive / "hall" / DAY / "11-00-00.mp4", 30, pattern="smptebars")
    film(archive / "gate" / DAY / "10-00-00.mp4", 50, pattern="rgbtestsrc")
    (archive / "gate" / DAY / "11-00-00.mp4").write_text("this is no video\n" * 100)
    aged(archive / "gate" / DAY / "11-00-00.mp4")
    rules.mkdir()
    for name, content in RULES.items():
        (rules / f"{name}.yaml").write_text(f"name: {name}\n{content}")
    settings = {"ARCHIVE_ROOT": archive, "DATABASE_URL": database.url(), "PARQUET_ROOT": tmp_path / "parquet"}
    settings |= {"STATE_DIR": tmp_path / "state", "PROFILE": profile, "DEVICE": "cpu"}
    for key, value in settings.items():
        monkeypatch.setenv(f"ANYANOMALY_{key}", str(value))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    get_settings.cache_clear()
    yield World(archive, rules, tmp_path / "parquet", tmp_path / "state" / "journal", engine)
    get_settings.cache_clear()
