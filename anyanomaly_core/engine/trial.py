"""A sentence tried on a stretch of footage before anything is stored: scores, reason, what the method looked at."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from anyanomaly_core.config import LibrarySettings, ModelSettings
from anyanomaly_core.engine.progress import Progress, no_progress
from anyanomaly_core.engine.scorer import with_models
from anyanomaly_core.engine.video import SegmentedVideo
from anyanomaly_core.errors import ConfigurationError, FootageError
from anyanomaly_core.footage.decode import read_frames
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.pace import Pace
from anyanomaly_core.footage.probe import probe
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.segments import Segment, split_into_segments
from anyanomaly_core.footage.timeline import frame_ends
from anyanomaly_core.models.loading import load_encoder, load_lavida, load_lvlm
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.explain import Explanation, explain
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames, SegmentScore

Span = tuple[Segment, float, float]  # begin and end in seconds from the file's beginning


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What a sentence scored on a stretch of a video. Scores are those of segments, before smoothing."""

    source: str  # which footage, for people
    text: str
    profile: Profile
    spans: tuple[Span, ...]  # segments that were looked at, in order
    scores: tuple[SegmentScore, ...]  # one for each
    best: int | None  # place of the highest; None: none could be scored
    explanation: Explanation | None  # of the best

    @property
    def best_score(self) -> SegmentScore | None:
        """The outcome of the highest segment."""
        return None if self.best is None else self.scores[self.best]


class TrialScorer:
    """The models of a profile, loaded once, for one trial after another.

    Every segment is judged, where a cascade would leave some out; the highest says why, whatever its score.

    Raises:
        ModelError: when a model is not to be had.
    """

    def __init__(self, profile: Profile, settings: ModelSettings) -> None:
        thorough = profile.scoring.model_copy(update={"cascade": None, "static_level": 0.0})
        self.profile = profile.model_copy(update={"scoring": thorough})
        talking = thorough.model_copy(update={"rationale_threshold": 0.0})
        self._encoder = load_encoder(profile, settings)  # the pictures need it, whatever scores
        lvlm = load_lvlm(profile, settings) if "lvlm" in profile.parts else None
        lavida = load_lavida(profile, settings) if "lavida" in profile.parts else None
        models = self._encoder if "encoder" in self.profile.parts else None, lvlm, lavida
        self._models = with_models(self.profile, *models)
        self._talking = with_models(profile.model_copy(update={"scoring": talking}), *models)

    def score(
        self,
        video: SegmentedVideo,
        spans: Sequence[Span],
        rule: RuleTexts,
        *,
        source: str,
        limits: Limits,
        progress: Progress = no_progress,
    ) -> Trial:
        """Score consecutive segments of a video for the texts of a rule, and explain the highest.

        Raises:
            FootageError: when none of them can be decoded.
            RuleError: when the text cannot be used.
        """
        part = replace(video, segments=tuple(segment for segment, _, _ in spans))
        scores = self._models.score(part, [rule], limits=limits, progress=progress)
        scored = [place for place, row in enumerate(scores) if row.score is not None]
        best = max(scored, key=lambda place: scores[place].score or 0.0, default=None)
        explanation = None
        if best is not None:
            segment = spans[best][0]
            if scores[best].rationale is None and "lvlm" in self.profile.parts:
                [again] = self._talking.score(replace(video, segments=(segment,)), [rule], limits=limits)
                scores[best] = replace(scores[best], rationale=again.rationale)
            images = read_frames(video.path, segment.sampled, size=video.size, mask=video.mask, limits=limits)
            if missing := [number for number in segment.sampled if number not in images]:
                raise FootageError(f"Frame {missing[0]} of {source} cannot be decoded any more.")
            frames = SegmentFrames(segment, tuple(images[number] for number in segment.sampled))
            explanation = explain(frames, rule, profile=self.profile, encoder=self._encoder)
        return Trial(source, " | ".join(rule.texts), self.profile, tuple(spans), tuple(scores), best, explanation)

    def score_file(
        self,
        path: Path,
        text: str,
        settings: LibrarySettings,
        *,
        around_s: float | None = None,
        seconds: float = 30.0,
        progress: Progress = no_progress,
    ) -> Trial:
        """Score a file, or ``seconds`` of it around a moment.

        Args:
            path: of the file.
            text: the sentence.
            settings: of decoding.
            around_s: the moment, in seconds from the file's beginning; None: the whole file.
            seconds: length of the stretch around it.
            progress: of the segments.

        Raises:
            ConfigurationError: when the file is shorter.
            FootageError: when it cannot be decoded.
        """
        limits = Limits.of(settings)
        index = index_frames(path, limits=limits, fps_without_clock=settings.fps_without_clock)
        segments = split_into_segments(Pace.of(index.times_s, probe(path).fps), self.profile.sampling)
        ends_s = frame_ends(index.times_s)
        spans = [
            (segment, float(index.times_s[segment.first_frame]), float(ends_s[segment.last_frame]))
            for segment in segments
        ]
        if around_s is not None:
            spans = segments_around(spans, around_s, seconds, str(path))
        video = SegmentedVideo.of(path, tuple(segments), self.profile)
        return self.score(video, spans, one_sentence(text), source=path.name, limits=limits, progress=progress)


def one_sentence(text: str) -> RuleTexts:
    """A rule that asks for a sentence and nothing else."""
    return RuleTexts(0, "trial", (text,))


def segments_around(spans: Sequence[Span], around_s: float, seconds: float, name: str) -> list[Span]:
    """The consecutive segments that lie, at least in part, in ``seconds`` around a moment.

    Raises:
        ConfigurationError: when no segment does.
    """
    begin, end = around_s - seconds / 2, around_s + seconds / 2
    inside = [span for span in spans if span[1] <= end and span[2] >= begin]
    if not inside or not spans[0][1] <= around_s <= spans[-1][2]:
        last = spans[-1][2] if spans else 0.0
        raise ConfigurationError(f"{name} has no second {around_s:g}; it ends at {last:.1f}.")
    return inside


def trial_pictures(explanation: Explanation) -> dict[str, NDArray[np.uint8]]:
    """Key frame, attention, position context and grid by name, each [H, W, 3] RGB."""
    return {
        "key": explanation.key_image,
        "attention": np.repeat((explanation.attention[..., None] * 255).astype(np.uint8), 3, axis=2),
        "position": explanation.position_image,
        "grid": explanation.grid_image,
    }


def write_pictures(trial: Trial, out: Path, stem: str) -> list[Path]:
    """Write the pictures of the highest segment as PNG; returns their paths, none without a score."""
    if trial.explanation is None or trial.best is None:
        return []
    out.mkdir(parents=True, exist_ok=True)
    number = trial.spans[trial.best][0].index
    paths = []
    for name, image in trial_pictures(trial.explanation).items():
        path = out / f"{stem}-segment{number}-{name}.png"
        Pictures.fromarray(image).save(path)
        paths.append(path)
    return paths
