"""A cascade judges what it says it judges, whatever is killed and however the footage is cut into batches."""

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray

from anyanomaly_core.engine import batches, segment_scores
from anyanomaly_core.engine.cascade import Cascade
from anyanomaly_core.engine.journal import Journal
from anyanomaly_core.engine.segment_scores import KnownScores, iter_segment_scores, sort_by_segment
from anyanomaly_core.engine.video import SegmentedVideo
from anyanomaly_core.errors import ModelServerError
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.models.protocols import Embeddings, Image
from anyanomaly_core.profile import CascadeSpec
from anyanomaly_core.scoring.ranking import Ranker
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames, SegmentScore, SelectionReason, Status
from tests.steady import steady_segments

SEGMENTS, N = 60, 4
BRIGHT, DARK, BOTH = (RuleTexts(1, "b", ("1.5",)), RuleTexts(2, "d", ("0.0",)), RuleTexts(3, "bd", ("1.5", "0.0")))
SPEC = CascadeSpec(share=0.2, motion=4.0, audit=0.1)


class Angle:
    """An encoder: brightness is an angle between 0 and 1.5, a text is one in words."""

    name, revision, logit_scale, image_size = "angle", "1", 1.0, 8

    def __init__(self) -> None:
        self.images = 0

    def encode_images(self, images: Sequence[Image]) -> Embeddings:
        self.images += len(images)
        return self._rows([float(image.mean()) / 255 * 1.5 for image in images])

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        return self._rows([float(text) for text in texts])

    def encode_pixels(self, pixels: NDArray[np.float32]) -> Embeddings:
        raise NotImplementedError

    def text_features(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise NotImplementedError

    def _rows(self, angles: Sequence[float]) -> Embeddings:
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


class Brightness:
    """Scores a segment by its brightness for every rule; dies after some calls when told to."""

    def __init__(self, calls: int = 10**9) -> None:
        self.calls, self.asked = calls, []  # type: ignore[var-annotated]

    def score(self, segments: Sequence[SegmentFrames], rules: Sequence[RuleTexts]) -> list[SegmentScore]:
        self.calls -= 1
        if self.calls < 0:
            raise ModelServerError("killed")
        pairs = [(segment, rule.rule_version_id) for segment in segments for rule in rules]
        self.asked += [(segment.segment.index, rule) for segment, rule in pairs]
        assert all(len(segment.images) == len(segment.segment.sampled) for segment in segments)
        means = [float(np.mean([image.mean() for image in segment.images])) / 255 for segment, _ in pairs]
        return [
            SegmentScore(segment.segment.index, rule, Status.SCORED, score=mean)
            for (segment, rule), mean in zip(pairs, means, strict=True)
        ]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> SegmentedVideo:
    """60 segments of 4: each of another grey, 20 to 29 stand still, in 45 a square flies through."""
    target = tmp_path_factory.mktemp("footage") / "greys.mp4"
    greys = np.random.default_rng(3).permutation(SEGMENTS) * 3 + 40
    greys[20:30] = greys[20]
    frames = np.repeat(greys, N).astype(np.uint8)[:, None, None, None] * np.ones((1, 96, 128, 3), np.uint8)
    for n in range(45 * N, 46 * N):
        frames[n, 20:60, 10 + 25 * (n % N) : 35 + 25 * (n % N)] = 255
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    command = [ffmpeg, "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "128x96", "-r", "10", "-i", "-"]
    subprocess.run([*command, "-qp", "2", "-pix_fmt", "yuv444p", str(target)], input=frames.tobytes(), check=True)
    return SegmentedVideo(target, tuple(steady_segments(len(frames), N)), None, static_level=6.0)


def scored(
    film: SegmentedVideo,
    folder: Path,
    *,
    rules: Sequence[RuleTexts] = (BRIGHT, DARK),
    scorer: Brightness | None = None,
    spec: CascadeSpec | None = SPEC,
    known: KnownScores | None = None,
) -> list[SegmentScore]:
    """Rows without their timings."""
    cascade = None if spec is None else Cascade(spec, Ranker(Angle()), "ab" * 32, "cd" * 32)
    with Journal(folder, "k") as journal:
        batches = iter_segment_scores(
            film, rules, scorer or Brightness(), journal, limits=Limits(), cascade=cascade, known=known
        )
        rows = sort_by_segment(film, batches)
    return [replace(row, timings_ms={}) for row in rows]


def of(rows: Sequence[SegmentScore], rule: RuleTexts) -> list[SegmentScore]:
    return [row for row in rows if row.rule_version_id == rule.rule_version_id]


def test_what_ranks_high_or_moves_strangely_is_judged_and_the_rest_has_no_score(
    film: SegmentedVideo, tmp_path: Path
) -> None:
    scorer = Brightness()
    rows = scored(film, tmp_path, scorer=scorer)
    whole = {(row.segment_index, row.rule_version_id): row for row in scored(film, tmp_path / "w", spec=None)}
    looked_at = [s for s in range(SEGMENTS) if whole[s, 1].status is Status.SCORED]
    assert not {*range(21, 30)} & {*looked_at}
    for rule, sign in ((BRIGHT, -1), (DARK, 1)):
        own = of(rows, rule)
        best = sorted(looked_at, key=lambda s: sign * (whole[s, 1].score or 0))[: -(-len(looked_at) // 5)]
        judged = {
            row.segment_index for row in own if row.chosen is SelectionReason.RANK and row.status is Status.SCORED
        }
        assert judged == set(best)
        assert [row.segment_index for row in own if row.chosen is SelectionReason.MOTION] == [45]
        audited = [row for row in own if row.chosen is SelectionReason.AUDIT and row.status is Status.SCORED]
        assert 0 < len(audited) < 15  # a tenth of what is left
        for row in own:
            if row.status is Status.PRUNED:
                assert row.score is None
                assert row.chosen is None
                assert (row.reason or "").startswith("left out by the cascade: the encoder ranks it ")
            else:
                assert row.score == pytest.approx(whole[row.segment_index, 1].score, abs=0.03)  # static_level 6 of 255
    asked = {(row.segment_index, row.rule_version_id) for row in rows if row.status is Status.SCORED}
    assert sorted(scorer.asked) == sorted(asked)
    assert len(asked) < len(rows) / 2


def test_the_choice_depends_neither_on_batches_nor_on_other_rules(
    film: SegmentedVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = scored(film, tmp_path / "all", rules=(BRIGHT, DARK, BOTH))
    assert of(rows, BOTH) == scored(film, tmp_path / "alone", rules=(BOTH,))
    monkeypatch.setattr(batches, "MAX_BATCH_SEGMENTS", 3)
    monkeypatch.setattr(segment_scores, "MAX_BATCH_SEGMENTS", 1)
    assert scored(film, tmp_path / "small", rules=(BOTH, DARK, BRIGHT)) == [
        row for s in range(SEGMENTS) for rule in (BOTH, DARK, BRIGHT) for row in [of(rows, rule)[s]]
    ]


@pytest.mark.parametrize("calls", [0, 1, 2, 4])
def test_a_killed_try_is_taken_over_with_the_same_sample(
    film: SegmentedVideo, tmp_path: Path, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_scores, "MAX_BATCH_SEGMENTS", 4)
    whole = scored(film, tmp_path / "whole")
    first, second = Brightness(calls), Brightness()
    with pytest.raises(ModelServerError):
        scored(film, tmp_path / "cut", scorer=first)
    assert scored(film, tmp_path / "cut", scorer=second) == whole
    repeated = {asked for asked in first.asked if asked in second.asked}
    assert len(repeated) <= 8  # of the batch that was being judged


def test_switched_off_only_what_was_pruned_is_asked_and_all_is_as_without(film: SegmentedVideo, tmp_path: Path) -> None:
    pruned = scored(film, tmp_path / "pruned")
    known = {(row.segment_index, row.rule_version_id): row for row in pruned if row.status is Status.SCORED}
    scorer, whole = Brightness(), Brightness()
    rows = scored(film, tmp_path / "off", scorer=scorer, spec=None, known=known)
    assert [replace(row, chosen=None) for row in rows] == scored(film, tmp_path / "w", scorer=whole, spec=None)
    assert set(scorer.asked) == set(whole.asked) - known.keys()


def test_a_rule_that_cannot_be_ranked_is_left_to_the_scorer(film: SegmentedVideo, tmp_path: Path) -> None:
    rows = scored(film, tmp_path, rules=(RuleTexts(4, "empty", ()), BRIGHT))
    assert {row.status for row in of(rows, RuleTexts(4, "empty", ()))} <= {Status.SCORED, Status.CARRIED}
    assert of(rows, BRIGHT) == scored(film, tmp_path / "alone", rules=(BRIGHT,))
