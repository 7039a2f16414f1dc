"""Scoring a labelled archive with variants of a profile: through the product's own path, resumable at any segment.

What was scored lies in journals in the state folder, one for each video, scorer and set of texts. They are kept: a
second run, another protocol or a further variant takes over all that is there.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from anyanomaly_core.config import LibrarySettings
from anyanomaly_core.engine.journal import Journal
from anyanomaly_core.engine.scorer import with_models
from anyanomaly_core.engine.video import SegmentedVideo
from anyanomaly_core.errors import FootageError
from anyanomaly_core.evaluation.labels.frame_folders import frames_to_video
from anyanomaly_core.evaluation.labels.ground_truth import LabelledArchive, LabelledVideo
from anyanomaly_core.evaluation.model_cache import CachedEncoder, CachedLvlm
from anyanomaly_core.evaluation.predictions import VideoPredictions
from anyanomaly_core.evaluation.variants import Variant
from anyanomaly_core.footage.content import sha256
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.probe import probe
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.segments import split_into_segments
from anyanomaly_core.models.loading import load_encoder, load_lvlm
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.types import RuleTexts, SegmentScore, Status

log = logging.getLogger(__name__)

FOLDER = "evaluation"  # in the state folder
Progress = Callable[[int, int], None]  # (video, variant) pairs done, in all


class BenchmarkRun:
    """An archive, a profile's models and the journals. Models are loaded when first needed, and once."""

    def __init__(self, archive: LabelledArchive, profile: Profile, settings: LibrarySettings) -> None:
        self._archive, self._profile, self._settings = archive, profile, settings
        self._folder = settings.state_dir / FOLDER
        self._lengths = _Lengths(self._folder / "frame-counts.json", settings)
        self._digests: dict[Path, str] = {}
        self._answers: dict[str, dict[tuple[int, int], SegmentScore]] = {}  # of the video at hand, by what was asked

    @cached_property
    def encoder(self) -> CachedEncoder:
        """The profile's; raises ModelError when it is not to be had."""
        return CachedEncoder(load_encoder(self._profile, self._settings))

    @cached_property
    def lvlm(self) -> CachedLvlm:
        """The profile's; raises ModelError when it is not to be had."""
        return CachedLvlm(load_lvlm(self._profile, self._settings))

    def revisions(self, variant: Variant) -> dict[str, str]:
        """Of the models that a variant uses; they are part of its scorer's digest."""
        encoder, lvlm = self._models(variant)
        used = (("encoder", encoder), ("lvlm", lvlm))
        return {name: model.revision for name, model in used if model is not None}

    def predict(
        self, variants: Sequence[Variant], *, videos: Sequence[LabelledVideo] | None = None, progress: Progress
    ) -> Iterator[tuple[LabelledVideo, list[VideoPredictions]]]:
        """Each video with its scores under every variant; equal profiles are scored once.

        Raises:
            ModelError: when a model breaks as a whole. What was finished stays in the journals.
        """
        chosen = self._archive.videos if videos is None else videos
        keys = [variant.profile.model_dump_json() for variant in variants]
        total, done = len(chosen) * len(set(keys)), 0
        for video in chosen:
            scored: dict[str, VideoPredictions] = {}
            for key, variant in zip(keys, variants, strict=True):
                if key not in scored:
                    scored[key] = self._predict(video, variant)
                    done += 1
                    progress(done, total)
            self._forget(variants)
            yield video, [scored[key] for key in keys]

    def _predict(self, video: LabelledVideo, variant: Variant) -> VideoPredictions:
        classes = self._archive.scored_classes(video)
        try:
            path = frames_to_video(video.path, self._folder / "frame-folders")
            frame_count = self._lengths.of(path)
            plan = _plan(path, frame_count, variant.profile, self._content(path))
            segments = plan.segments
        except FootageError as error:
            log.warning("%s has no scores: %s", video.name, error)
            return VideoPredictions(0, {}, problem=str(error))
        rules = [RuleTexts(number, name, self._archive.texts[name]) for number, name in enumerate(classes)]
        models = with_models(variant.profile, *self._models(variant))
        key = self._key(path, variant, rules)
        with Journal(self._folder / "scores", key) as journal:
            # A cascade chooses segments; what is answered about them is known from the variant without it.
            known = self._answers.setdefault(variant.profile.answers_digest(self.revisions(variant)), {})
            rows = models.score(plan, rules, limits=Limits.of(self._settings), journal=journal, known=known)
            known |= {(r.segment_index, r.rule_version_id): r for r in rows if r.status is Status.SCORED}
            if any(row.status is Status.FAILED for row in rows):
                journal.discard()
        if any(row.status is Status.FAILED for row in rows):
            self._keep_scored(key, rows)
        return VideoPredictions.from_rows(segments, rows, rules, frame_count)

    def _keep_scored(self, key: str, rows: Sequence[SegmentScore]) -> None:
        """Segments with a failed row are asked again by the next run; the others stay in the journal."""
        failed = {row.segment_index for row in rows if row.status is Status.FAILED}
        with Journal(self._folder / "scores", key) as journal:
            journal.append([row for row in rows if row.segment_index not in failed])

    def _content(self, path: Path) -> str:
        if path not in self._digests:
            self._digests[path] = sha256(path)
        return self._digests[path]

    def _key(self, path: Path, variant: Variant, rules: Sequence[RuleTexts]) -> str:
        texts = json.dumps([(rule.name, rule.texts) for rule in rules]).encode()
        digest = variant.profile.digest(self.revisions(variant))
        return f"{self._content(path)[:24]}-{digest[:16]}-{hashlib.sha256(texts).hexdigest()[:16]}"

    def _models(self, variant: Variant) -> tuple[CachedEncoder | None, CachedLvlm | None]:
        kind = variant.profile.scoring.scorer
        return None if kind == "baseline" else self.encoder, None if kind == "clip" else self.lvlm

    def _forget(self, variants: Sequence[Variant]) -> None:
        self._answers.clear()
        for variant in variants:
            for model in self._models(variant):
                if model is not None:
                    model.forget()


class _Lengths:
    """Decoded frames of files, counted once per state of a file."""

    def __init__(self, path: Path, settings: LibrarySettings) -> None:
        self._path, self._limits = path, Limits.of(settings)
        try:
            self._known: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # a cache: losing it costs a decoding pass
            self._known = {}

    def of(self, path: Path) -> int:
        """How many frames can be decoded; raises FootageError when none can."""
        state = path.stat()
        key = f"{path.resolve()} {state.st_size} {state.st_mtime_ns}"
        if key not in self._known:
            self._known[key] = index_frames(path, limits=self._limits).frame_count
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part = self._path.with_suffix(".part")
            part.write_text(json.dumps(self._known), encoding="utf-8")
            part.replace(self._path)
        return self._known[key]


def _plan(path: Path, frame_count: int, profile: Profile, content_sha256: str) -> SegmentedVideo:
    step = profile.sampling.step(float(probe(path).fps))
    segments = split_into_segments(frame_count, profile.sampling.segment_frames, step)
    return SegmentedVideo.of(path, tuple(segments), step, profile, content_sha256=content_sha256)
