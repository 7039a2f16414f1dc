"""Through the tasks and into the database: a known frame is not encoded again, a static scene is not judged again."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

from anyanomaly_core.archive.rules import apply_rule_files
from anyanomaly_core.config import get_settings
from anyanomaly_core.models.open_clip_encoder import OpenClipEncoder
from anyanomaly_core.models.protocols import Embeddings, Image
from tasks import scan
from tests.integration.archive.conftest import World
from tests.integration.archive.small_archive import DAY
from tests.integration.archive.test_scan import FRAMES, as_xcom, ingest_all, rows, scan_all

BARS = f"hall/{DAY}/11-00-00.mp4"  # 4 segments of a test picture that stands still
ROWS = """
SELECT v.uri, r.name, s.segment_index, s.status::text, s.score, s.reason, s.key_frame
FROM segment_scores s JOIN videos v USING (video_id)
JOIN rule_versions rv USING (scoring_id) JOIN rules r USING (rule_id) ORDER BY 1, 2, 3"""


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Height and width of every image that went to the encoder."""
    seen: list[tuple[int, int]] = []
    original = OpenClipEncoder.encode_images

    def counting(encoder: OpenClipEncoder, images: Sequence[Image]) -> Embeddings:
        seen.extend((image.shape[0], image.shape[1]) for image in images)
        return original(encoder, images)

    monkeypatch.setattr(OpenClipEncoder, "encode_images", counting)
    return seen


def test_a_new_rule_encodes_no_frame_and_scores_as_in_a_first_pass(
    world: World, encoded: list[tuple[int, int]]
) -> None:
    ingest_all(world)
    scan_all(as_xcom(scan.plan_units()))
    frames = encoded.count((48, 64))
    assert frames == sum(FRAMES.values())
    assert (world.parquet.parent / "embeddings").is_dir()

    (world.rules / "dog.yaml").write_text("name: dog\ntexts: [a dog]\n")
    apply_rule_files(world.engine, world.rules, author="test")
    scan_all(as_xcom(scan.plan_units()))
    assert encoded.count((48, 64)) == frames
    known = [row for row in rows(world.engine, ROWS) if row[1] == "dog"]

    shutil.rmtree(world.parquet.parent / "embeddings")
    (world.rules / "dog.yaml").write_text("name: dog\ntexts: [a dog]\nexcluded: []\nprofile: " + again(world) + "\n")
    apply_rule_files(world.engine, world.rules, author="test")
    scan_all(as_xcom(scan.plan_units()))
    assert encoded.count((48, 64)) == 2 * frames
    fresh = [row for row in rows(world.engine, ROWS) if row[1] == "dog"]
    assert sorted(fresh) == sorted(known * 2)  # of two scorers, which differ by their profile's name


def again(world: World) -> str:
    """The profile under another name: another scorer, the same scores."""
    profile = yaml.safe_load(Path(get_settings().profile).read_text(encoding="utf-8"))
    path = world.parquet.parent / "again.yaml"
    path.write_text(yaml.safe_dump({**profile, "name": "again"}))
    return str(path)


def test_a_static_scene_is_judged_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = yaml.safe_load(Path(get_settings().profile).read_text(encoding="utf-8"))
    profile["scoring"]["static_level"] = 6
    path = world.parquet.parent / "static.yaml"
    path.write_text(yaml.safe_dump(profile))
    monkeypatch.setenv("ANYANOMALY_PROFILE", str(path))
    get_settings.cache_clear()
    ingest_all(world)
    summary = scan_all(as_xcom(scan.plan_units()))
    assert summary["rows_scored"] + summary["rows_carried"] == 32

    by_rule: dict[str, list[tuple[str, float, str | None, int | None]]] = {}
    for uri, rule, _, status, score, reason, key in rows(world.engine, ROWS):
        if uri == BARS:
            by_rule.setdefault(rule, []).append((status, score, reason, key))
    assert set(by_rule) == {"car", "running"}
    for own in by_rule.values():
        assert [status for status, *_ in own] == ["scored", "carried", "carried", "carried"]
        assert len({score for _, score, _, _ in own}) == 1
        assert all((reason, key) == ("static scene: taken over from segment 0", None) for _, _, reason, key in own[1:])
    everything = rows(world.engine, "SELECT uri, state, sum(seconds) FROM coverage GROUP BY 1, 2")
    covered = [(state, seconds) for uri, state, seconds in everything if uri == BARS]
    assert {state: round(float(np.float64(seconds)), 1) for state, seconds in covered} == {
        "scored": 2 * 0.8,
        "carried": 2 * 2.2,
    }
    per_video = rows(world.engine, "SELECT uri, count(*) FROM frame_scores WHERE score IS NOT NULL GROUP BY uri")
    assert dict(per_video) == {uri: 2 * frames for uri, frames in FRAMES.items()}
