"""The ``lavida`` scorer: one pass over a clip scores each of its frames, for all texts of a rule together."""

from collections.abc import Sequence

import numpy as np

from anyanomaly_core.errors import ModelError
from anyanomaly_core.models.protocols import ClipModel, ClipScores
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.outcomes import Stopwatch, check_batch, failed_row
from anyanomaly_core.scoring.regions import frame_region
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames, SegmentScore, Status

EXCLUDED = "excluded texts are not read by LAVIDA"


class LavidaScorer:
    """Each sampled frame has its own score. The segment has that of its best frame, its key frame.

    A segment is a clip: its last frame is repeated where it is shorter than the profile's ``segment_frames``, so that
    every clip has the length of those in training; repetitions have no score.
    """

    def __init__(self, profile: Profile, model: ClipModel) -> None:
        self._model, self._clip_frames = model, profile.sampling.segment_frames

    def score(self, segments: Sequence[SegmentFrames], rules: Sequence[RuleTexts]) -> list[SegmentScore]:
        """One row per (segment, rule), segments outer; what the model makes no number of is FAILED.

        Raises:
            ModelError: when the model breaks as a whole.
        """
        batch, watch = check_batch(segments, rules), Stopwatch()
        lists = [rule.texts for rule in batch.usable_rules]
        rows: list[SegmentScore] = []
        for place in batch.usable_segments if lists else ():
            images = segments[place].images
            padding = max(0, self._clip_frames - len(images))
            with watch.stage("clips"):
                found = self._model.score([*images, *[images[-1]] * padding], lists)
            if len(found) != len(lists):
                raise ModelError(f"{self._model.name} gave {len(found)} answers to {len(lists)} lists of words.")
            rows += [_row(segments[place], *pair) for pair in zip(batch.usable_rules, found, strict=True)]
        return watch.share_among(batch.in_order(rows))


def _row(segment: SegmentFrames, rule: RuleTexts, found: ClipScores) -> SegmentScore:
    scores = found.frames[: len(segment.images)].astype(np.float64)
    if not (np.isfinite(scores).all() and len(scores) == len(segment.images)):
        return failed_row(segment, rule, f"the model gave no number for some of {len(segment.images)} frames")
    best = int(scores.argmax())
    return SegmentScore(
        segment_index=segment.segment.index,
        rule_version_id=rule.rule_version_id,
        status=Status.SCORED,
        score=float(scores[best]),
        reason=EXCLUDED if rule.excluded else None,
        key_score=float(scores[best]),
        key_frame=segment.segment.sampled[best],
        text=rule.texts[0] if len(rule.texts) == 1 else None,  # of several it says nothing but that one of them shows
        frame_scores=tuple(scores.tolist()),
        regions=tuple(filter(None, map(frame_region, segment.segment.sampled, scores.tolist(), found.pixels))),
    )
