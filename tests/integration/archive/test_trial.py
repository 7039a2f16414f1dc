"""A sentence tried on a file and on a moment of the archive: the scores of a scan, and nothing stored."""

import json
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import text
from typer.testing import CliRunner

from anyanomaly_core import VideoScorer
from anyanomaly_core.cli.app import app
from anyanomaly_core.errors import ConfigurationError
from tests.integration.archive.conftest import World
from tests.integration.archive.small_archive import DAY
from tests.integration.archive.test_scan import ingest_all

TEXT = "a <b>person</b> running"


def run(*arguments: object) -> dict[str, object]:
    done = CliRunner().invoke(app, ["show", "--json", "--text", TEXT, *map(str, arguments)])
    assert done.exit_code == 0, done.exception
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_a_sentence_is_tried_on_a_file_and_on_a_moment(world: World, profile: Path, tmp_path: Path) -> None:
    file = world.archive / "hall" / DAY / "10-00-00.mp4"
    whole = run(file, "--profile", profile, "--out", tmp_path / "out")
    expected = [row.score for row in VideoScorer(profile).iter_segments(file, [TEXT])]
    assert [part["score"] for part in whole["segments"]] == pytest.approx(expected, abs=1e-5)  # type: ignore[attr-defined]
    best = whole["best"]
    assert best["score"] == pytest.approx(max(expected), abs=1e-5)  # type: ignore[index]
    assert best["rationale"]  # type: ignore[index]  # asked for whatever the score
    sizes = {Path(path).stem.rpartition("-")[2]: Image.open(path).size for path in whole["pictures"]}  # type: ignore[attr-defined]
    assert sizes == {"key": (64, 48), "attention": (224, 224), "position": (224, 224), "grid": (224, 224)}
    page = Path(str(whole["page"])).read_text(encoding="utf-8")
    assert "a &lt;b&gt;person&lt;/b&gt; running" in page
    assert page.count("data:image/png;base64,") == 4
    assert page.count("<rect") == 5

    ingest_all(world)
    # 40 frames at 10 a second in segments of 8: the third is 1.6 to 2.4 s.
    moment = run("--camera", "hall", "--at", f"{DAY} 10:00:02", "--seconds", 0.1, "--out", tmp_path / "out")
    [part] = moment["segments"]  # type: ignore[misc]
    assert (part["from_s"], part["to_s"]) == pytest.approx((1.6, 2.4))
    assert part["score"] == pytest.approx(expected[2], abs=1e-5)
    with world.engine.connect() as connection:
        stored = "SELECT (SELECT count(*) FROM segment_scores) + (SELECT count(*) FROM units) + count(*) FROM scorers"
        assert connection.execute(text(stored)).scalar_one() == 0

    from_nowhere = CliRunner().invoke(app, ["show", "--text", TEXT, "--camera", "hall", "--at", f"{DAY} 12:00:00"])
    assert isinstance(from_nowhere.exception, ConfigurationError)
    assert "Camera hall has no footage of 2026-03-01 12:00:00" in str(from_nowhere.exception)
