"""Through real models: a privacy mask keeps what it covers from every score, and stills show what the models saw."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import text

from anyanomaly_core.archive.rules import apply_rule_files
from anyanomaly_core.config import get_settings
from anyanomaly_core.errors import ConfigurationError, ModelError
from anyanomaly_core.footage.decode import read_frames
from anyanomaly_core.footage.masks import load_masks
from anyanomaly_core.models.loading import load_encoder
from anyanomaly_core.profile import SamplingSpec, load_profile
from anyanomaly_core.results.segment_store import load_segments
from anyanomaly_core.review.clips.stills import event_still
from anyanomaly_core.scoring.explain import explain
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames
from tasks import ingest, scan
from tests.integration.archive.conftest import World
from tests.integration.archive.small_archive import DAY, aged
from tests.integration.footage.test_footage_masks import TRIANGLE, lossless

SCORES = """SELECT v.uri, s.segment_index, s.score, s.key_score, s.position_score, s.temporal_score, s.key_frame
            FROM segment_scores s JOIN videos v USING (video_id) WHERE v.uri LIKE '%.mkv' ORDER BY 1, 2"""


def scan_everything(world: World) -> None:
    for chunk in ingest.discover_files():
        ingest.register_files(chunk)
    apply_rule_files(world.engine, world.rules, author="test")
    for unit in scan.plan_units():
        scan.scan_unit(unit)


def only_rule(world: World, definition: str) -> None:
    for path in world.rules.iterdir():
        path.unlink()
    (world.rules / "all.yaml").write_text(f"name: all\n{definition}")


def rows(world: World, statement: str) -> list[tuple[object, ...]]:
    with world.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def test_what_a_mask_covers_changes_no_score(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in world.archive.rglob("*.mp4"):
        path.unlink()
    for hour, inside in (("12", "smptebars"), ("13", "mandelbrot")):
        for camera in ("gate", "hall"):
            folder = world.archive / camera / DAY
            aged(lossless(folder / f"{hour}-00-00.mkv", inside, extra=("-metadata", f"title={camera}")))
    masks = tmp_path / "masks.yaml"
    masks.write_text(f"cameras: {{gate: [{{polygon: {[list(point) for point in TRIANGLE.polygons[0]]}}}]}}")
    monkeypatch.setenv("ANYANOMALY_PRIVACY_MASKS", str(masks))
    get_settings.cache_clear()
    only_rule(world, "texts: [a person]\nthreshold: 0.0\n")
    scan_everything(world)
    found = {str(uri): tuple(scores) for uri, *scores in rows(world, SCORES)}
    masked = [found[f"gate/{DAY}/{hour}-00-00.mkv"] for hour in ("12", "13")]
    open_to_view = [found[f"hall/{DAY}/{hour}-00-00.mkv"] for hour in ("12", "13")]
    assert masked[0] == masked[1]
    assert open_to_view[0] != open_to_view[1]
    noted = dict(rows(world, "SELECT camera_id, mask_digest FROM units JOIN videos USING (video_id)"))  # type: ignore[arg-type]
    mask = load_masks(masks).of("gate")
    assert mask is not None
    assert noted == {"gate": mask.digest, "hall": None}


def test_a_mask_file_that_is_wrong_stops_the_scan(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANYANOMALY_PRIVACY_MASKS", str(tmp_path / "none.yaml"))
    get_settings.cache_clear()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        scan_everything(world)
    assert rows(world, "SELECT * FROM segment_scores") == []


def test_grid_and_attention_are_what_the_scorer_made(world: World) -> None:
    only_rule(world, "texts: [a person running, a dog]\nthreshold: 0.0\nmin_duration_s: 0\n")
    scan_everything(world)
    settings = get_settings()
    profile = load_profile(settings.profile)
    query = """SELECT e.event_id, e.uri, s.winning_text, s.first_frame, s.segment_index FROM event_list e
               JOIN segment_scores s USING (video_id, segment_index) WHERE e.uri LIKE 'gate%'"""
    with world.engine.connect() as connection:
        event = connection.execute(text(query)).one()
        video_id = connection.execute(
            text("SELECT video_id FROM videos WHERE uri = :uri"), {"uri": event.uri}
        ).scalar_one()
        segment = load_segments(connection, video_id, SamplingSpec(segment_frames=8)).segments[event.segment_index]
    with pytest.raises(ModelError, match="was not made yet"):
        event_still(world.engine, settings, event.event_id, "attention")
    attention = event_still(world.engine, settings, event.event_id, "attention", load_models=True)
    grid = event_still(world.engine, settings, event.event_id, "grid")
    images = read_frames(world.archive / event.uri, segment.sampled)
    frames = SegmentFrames(segment, tuple(images[number] for number in segment.sampled))
    rule = RuleTexts(0, "all", ("a person running", "a dog"))
    expected = explain(frames, rule, profile=profile, encoder=load_encoder(profile, settings), text=event.winning_text)
    assert (np.asarray(Image.open(grid)) == expected.grid_image).all()
    assert (np.asarray(Image.open(attention)) == expected.position_image).all()
    assert event_still(world.engine, settings, event.event_id, "attention") == attention  # from now on without a model
