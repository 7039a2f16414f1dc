"""A scan that is planned after somebody replaced a model's files, before anything has loaded the new ones."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from anyanomaly_core.config import get_settings
from anyanomaly_core.models.local_revisions import known_revisions
from anyanomaly_core.profile import load_profile
from tasks import scan
from tests.integration.archive.conftest import World
from tests.integration.archive.test_scan import ingest_all, rows, scan_all


def test_changed_weights_are_noticed_before_they_are_loaded(
    world: World, profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    shutil.copytree(profile.parent, models)
    mine = yaml.safe_load((models / "tiny.yaml").read_text())
    mine["encoder"]["path"], mine["lvlm"]["path"] = str(models / "encoder"), str(models / "lvlm")
    (models / "tiny.yaml").write_text(yaml.safe_dump(mine))
    monkeypatch.setenv("ANYANOMALY_PROFILE", str(models / "tiny.yaml"))
    get_settings.cache_clear()
    ingest_all(world)
    scan_all(scan.plan_units())
    assert scan.plan_units() == []

    chat = models / "lvlm" / "generation_config.json"  # as good as weights: it changes what the model answers
    content = json.loads(chat.read_text()) if chat.exists() else {}
    chat.write_text(json.dumps(content | {"repetition_penalty": 1.1}))
    units = scan.plan_units()
    assert sum(len(unit["videos"]) for unit in units) == 3
    scan_all(units)
    assert scan.plan_units() == []
    assert rows(world.engine, "SELECT count(DISTINCT scorer_id), count(*) FROM units") == [(2, 12)]


def test_models_that_lie_elsewhere_keep_no_scan_from_being_planned(world: World, profile: Path) -> None:
    ingest_all(world)
    scan_all(scan.plan_units())
    moved = profile.parent / "lvlm"
    away = moved.rename(profile.parent / "away")
    try:
        known = known_revisions(load_profile(str(profile)), get_settings())
        assert list(known) == ["encoder"]
        assert scan.plan_units() == []
    finally:
        away.rename(moved)
