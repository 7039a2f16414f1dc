"""Scoring videos from Python: models are loaded once, no database and no archive is needed."""

import hashlib
import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from anyanomaly_core.config import LibrarySettings
from anyanomaly_core.engine.progress import Progress, no_progress, terminal_stages
from anyanomaly_core.engine.scorer import LoadedProfile, load_models
from anyanomaly_core.engine.video import SegmentedVideo
from anyanomaly_core.engine.video_scores import VideoScores
from anyanomaly_core.errors import FootageError, FrameIndexError, RuleError
from anyanomaly_core.footage import bucket
from anyanomaly_core.footage.content import sha256
from anyanomaly_core.footage.examine import VideoFile, examine
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.segments import split_into_segments
from anyanomaly_core.footage.types import FrameIndex
from anyanomaly_core.profile import Profile, load_profile
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.rules.files import load_rule, load_rules
from anyanomaly_core.scoring.smoothing import frame_scores
from anyanomaly_core.scoring.types import RuleTexts, SegmentScore

log = logging.getLogger(__name__)

Video = str | os.PathLike[str]  # a path, or an fsspec URL such as s3://bucket/gate.mp4
Rules = str | os.PathLike[str] | RuleDefinition | Sequence[str | RuleDefinition]
_ANY_SIZE = 1 << 62  # a copy from a bucket goes into a folder of its own


class VideoScorer:
    """Scores many videos with the same models.

    Example:
        scorer = VideoScorer("demo")
        for scores in scorer.score_many(["gate.mp4", "yard.mp4"], ["a person lying on the ground"]):
            print(scores.video, scores.events(threshold=0.6))

    Args:
        profile: a built-in name, a YAML file or a :class:`Profile`.
        settings: of models and decoding; None: those of the environment variables ``ANYANOMALY_*``, or the defaults.

    Raises:
        ConfigurationError: when there is no such profile.
        ModelError: when a model is not to be had.
    """

    def __init__(
        self, profile: str | os.PathLike[str] | Profile = "default", settings: LibrarySettings | None = None
    ) -> None:
        chosen = profile if isinstance(profile, Profile) else load_profile(os.fspath(profile))
        settings = LibrarySettings() if settings is None else settings
        self._models: LoadedProfile = load_models(chosen, settings)
        self._limits, self._fps_without_clock = Limits.of(settings), settings.fps_without_clock
        if chosen.notice:
            log.warning("Profile %s: %s", chosen.name, chosen.notice)

    @property
    def profile(self) -> Profile:
        """Models and parameters; its ``notice`` says what the scores are not good for."""
        return self._models.profile

    def score(self, video: Video, rules: Rules, *, progress: bool | Progress = True) -> VideoScores:
        """Score one video.

        Args:
            video: a path or an fsspec URL.
            rules: a text or a list of texts, each a rule of its own; a rule file or a folder of rule files; or rules.
            progress: a bar in a terminal; False: none; or a function of (segments done, segments in all).

        Raises:
            FootageError: when the video cannot be opened or no frame of it can be decoded.
            ModelError: when a model breaks as a whole. A segment that alone cannot be scored is NaN with a reason.
            RuleError: when a rule is wrong or there is none.
        """
        chosen = read_rules(rules)
        with _local_file(video) as path, _progress(progress, os.fspath(video)) as advance:
            segmented, file, index = self._open(path)
            try:
                rows = self._models.score(segmented, _texts(chosen), limits=self._limits, progress=advance)
            except FrameIndexError:
                segmented, file, index = self._open(path, from_packets=False)
                rows = self._models.score(segmented, _texts(chosen), limits=self._limits, progress=advance)
        pace, smoothing = file.pace, self.profile.scoring.smoothing
        curves = [
            frame_scores(segmented.segments, rows[place :: len(chosen)], pace, smoothing)
            for place in range(len(chosen))
        ]
        return VideoScores(
            video=os.fspath(video),
            profile=self.profile,
            scorer_digest=self._models.digest,
            rules=tuple(chosen),
            frame_scores=np.stack(curves),
            frame_times_s=index.times_s,
            duration_s=pace.stretches[-1].end_s,
            segments=segmented.segments,
            segment_scores=tuple(rows),
            notes=index.damage,
        )

    def score_many(
        self,
        videos: Iterable[Video],
        rules: Rules,
        *,
        progress: bool | Progress = True,
        on_error: Callable[[Video, FootageError], None] | None = None,
    ) -> Iterator[VideoScores]:
        """Score videos one after the other; each is yielded as soon as it is done.

        Args:
            videos: paths or URLs.
            rules: as for :meth:`score`.
            progress: likewise, for each video.
            on_error: told of a video that cannot be read, which is then left out; None: the error is raised.
        """
        chosen = read_rules(rules)
        for video in videos:
            try:
                yield self.score(video, chosen, progress=progress)
            except FootageError as error:
                if on_error is None:
                    raise
                on_error(video, error)

    def iter_segments(self, video: Video, rules: Rules) -> Iterator[SegmentScore]:
        """Scores of a video's segments as they are made, before smoothing; for footage of many hours.

        ``rule_version_id`` of a score is the place of its rule in the list. Raises as :meth:`score`.
        """
        chosen = read_rules(rules)
        with _local_file(video) as path:
            # Rows leave before decoding could confirm what packets state.
            segmented, _, _ = self._open(path, from_packets=False)
            for batch in self._models.iter_scores(segmented, _texts(chosen), limits=self._limits):
                yield from batch

    def _open(self, path: Path, *, from_packets: bool = True) -> tuple[SegmentedVideo, VideoFile, FrameIndex]:
        """The video split into segments, what the file is, and its frames."""
        content = sha256(path)
        file = examine(path, content, self._limits, self._fps_without_clock, from_packets=from_packets)
        if file.index is None:
            raise FootageError(file.error or f"{path} has no frame that can be decoded.")
        segments = tuple(split_into_segments(file.pace, self.profile.sampling))
        segmented = SegmentedVideo.of(
            path, segments, self.profile, content_sha256=content, from_packets=file.index.from_packets
        )
        return segmented, file, file.index


def score_video(
    video: Video,
    rules: Rules,
    *,
    profile: str | os.PathLike[str] | Profile = "default",
    settings: LibrarySettings | None = None,
    progress: bool | Progress = True,
) -> VideoScores:
    """Score one video for texts; for several videos make a :class:`VideoScorer`, which loads the models once.

    Example:
        scores = score_video("gate.mp4", ["a person lying on the ground"], profile="demo")
        scores.events(threshold=0.6)

    Arguments and errors are those of :class:`VideoScorer` and :meth:`VideoScorer.score`.
    """
    return VideoScorer(profile, settings).score(video, rules, progress=progress)


def read_rules(rules: Rules) -> list[RuleDefinition]:
    """Rules from whatever a caller gives: texts, a rule file, a folder of them, or rules.

    Raises:
        RuleError: when a rule is wrong, two have one name, or there is none.
    """
    if isinstance(rules, RuleDefinition):
        return [rules]
    if isinstance(rules, str | os.PathLike):
        path = Path(rules)
        if path.suffix in {".yaml", ".yml"}:
            return [load_rule(path)]
        if isinstance(rules, os.PathLike) or path.is_dir():
            return load_rules(path)
        rules = [rules]
    chosen = [rule if isinstance(rule, RuleDefinition) else _rule_of(rule) for rule in rules]
    if not chosen:
        raise RuleError("There is no rule; give at least one text, such as 'a person lying on the ground'.")
    names = [rule.name for rule in chosen]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RuleError(f"Two rules are called {', '.join(twice)}; give each a name of its own.")
    return chosen


def _rule_of(text: str) -> RuleDefinition:
    """A rule of one text, named like it."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if not words or len(words) > 63:  # noqa: PLR2004  (the longest name of a rule)
        words = f"{words[:50].strip('-')}-{hashlib.sha256(text.encode()).hexdigest()[:8]}".strip("-")
    try:
        return RuleDefinition(name=words, texts=(text,))
    except ValueError as error:
        raise RuleError(f"{text!r} cannot be the text of a rule: {error}") from None


def _texts(rules: Sequence[RuleDefinition]) -> list[RuleTexts]:
    return [RuleTexts(place, rule.name, rule.texts, rule.excluded) for place, rule in enumerate(rules)]


@contextmanager
def _local_file(video: Video) -> Iterator[Path]:
    """The file itself, or a copy of a URL's that is removed afterwards."""
    address = os.fspath(video)
    if not bucket.is_url(address):
        yield Path(address)
        return
    root, _, name = address.rpartition("/")
    with tempfile.TemporaryDirectory(prefix="anyanomaly-") as folder:
        yield bucket.fetch(root, name, Path(folder), _ANY_SIZE)


@contextmanager
def _progress(wanted: bool | Progress, name: str) -> Iterator[Progress]:
    """A bar on the terminal, if there is one and it is wanted."""
    if callable(wanted):
        yield wanted
        return
    if not wanted:
        yield no_progress
        return
    with terminal_stages() as stages:
        yield stages(Path(name).name, "segments")
