"""LAVIDA as a scorer, from a model directory and a file to a score for every frame; its weights are not trained."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import torch

from anyanomaly_core.config import LibrarySettings
from anyanomaly_core.engine.journal import from_line, to_line
from anyanomaly_core.engine.video_scorer import VideoScorer
from anyanomaly_core.errors import ModelSetupError
from anyanomaly_core.models.protocols import ClipScores, Image
from anyanomaly_core.profile import Profile, load_profile
from anyanomaly_core.scoring.lavida import EXCLUDED, LavidaScorer
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames, Status
from anyanomaly_core.training.demo_model import demo_lavida
from tests.steady import steady_segments

torch.set_num_threads(1)  # small matrices: more threads only wait for each other
RULES = ["a person lying on the ground", "a cloud of smoke"]


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    folder = tmp_path_factory.mktemp("lavida")
    demo_lavida(3).save_pretrained(folder, torch.float16)
    return changed(load_profile("demo-lavida"), lavida={"path": folder})


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2.1 seconds of 10 frames a second: a pattern that moves for a segment and then stands still."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    moving = "testsrc2=size=160x120:rate=10:duration=0.8,tpad=stop_mode=clone:stop_duration=1.3"
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([ffmpeg, "-v", "error", "-f", "lavfi", "-i", moving, str(path)], check=True)
    return path


def changed(profile: Profile, **parts: dict[str, object]) -> Profile:
    body = profile.model_dump()
    return Profile.model_validate({**body, **{part: {**(body[part] or {}), **new} for part, new in parts.items()}})


def test_every_frame_of_a_file_has_a_score_of_its_own(profile: Profile, clip: Path, tmp_path: Path) -> None:
    settings = LibrarySettings(state_dir=tmp_path)
    found = VideoScorer(changed(profile, scoring={"smoothing_s": 0}), settings).score(clip, RULES, progress=False)
    assert found.frame_scores.shape == (2, 21)  # 8 + 8 + 5: the last clip is filled up, its five frames are scored
    assert np.isfinite(found.frame_scores).all()
    assert len(np.unique(found.frame_scores[0])) > 7
    statuses = [row.status for row in found.segment_scores]
    assert statuses == [Status.SCORED] * 4 + [Status.CARRIED] * 2  # the scene of the last one is still
    first = found.segment_scores[0]
    assert first.key_frame == np.argmax(np.array(first.frame_scores, float))
    assert first.score == first.frame_scores[first.key_frame]
    assert from_line(to_line(found.segment_scores)) == list(found.segment_scores)


def test_a_cascade_hands_it_what_the_encoder_flags(profile: Profile, clip: Path, tmp_path: Path) -> None:
    cascaded = changed(profile, scoring={"cascade": {"share": 0.3, "audit": 1e-9, "motion": None}, "static_level": 0.0})
    found = VideoScorer(cascaded, LibrarySettings(state_dir=tmp_path)).score(clip, RULES[:1], progress=False)
    statuses = sorted(row.status.value for row in found.segment_scores)
    assert statuses == ["pruned", "pruned", "scored"]
    assert np.isfinite(found.frame_scores).sum() in {5, 8}


def test_a_profile_without_its_weights_says_where_they_come_from(profile: Profile, tmp_path: Path) -> None:
    missing = changed(profile, lavida={"path": None, "model": "lavida-7b"})
    with pytest.raises(ModelSetupError, match=r"anyanomaly train lavida.*ANYANOMALY_MODELS_DIR/lavida-7b"):
        VideoScorer(missing, LibrarySettings(state_dir=tmp_path, models_dir=tmp_path))
    with pytest.raises(ValueError, match="need each other"):
        Profile.model_validate({**profile.model_dump(), "lavida": None})


class _Numbers:
    """A model of given numbers."""

    name, revision = "numbers", "1"

    def __init__(self, *frames: float) -> None:
        self.frames = np.array(frames, np.float32)
        self.lengths: list[int] = []

    def score(self, frames: Sequence[Image], lists: Sequence[Sequence[str]]) -> list[ClipScores]:
        self.lengths.append(len(frames))
        pixels = np.zeros((len(frames), 4, 4), np.float32)
        return [ClipScores(np.resize(self.frames, len(frames)), pixels) for _ in lists]


def test_what_is_no_number_is_failed_and_a_clip_has_the_length_of_training(profile: Profile) -> None:
    segments = [
        SegmentFrames(segment, tuple(np.full((8, 8, 3), n, np.uint8) for n in segment.sampled))
        for segment in steady_segments(11, 8, 1)
    ]
    broken = _Numbers(0.2, float("nan"))
    rows = LavidaScorer(profile, broken).score(segments, [RuleTexts(1, "one", ("smoke",))])
    assert broken.lengths == [8, 8]
    assert [row.status for row in rows] == [Status.FAILED] * 2
    assert "no number" in (rows[0].reason or "")
    rules = [RuleTexts(1, "one", ("smoke", "fire"), ("steam",)), RuleTexts(2, "two", ("\x00",))]
    rows = LavidaScorer(profile, _Numbers(0.1, 0.7, 0.2)).score(segments, rules)
    assert [row.status for row in rows] == [Status.SCORED, Status.FAILED] * 2
    assert rows[0].reason == EXCLUDED
    assert rows[2].frame_scores == pytest.approx((0.1, 0.7, 0.2))
    assert rows[2].key_frame == 9
