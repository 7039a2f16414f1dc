"""Scoring a labelled archive with variants of a profile: through the product's own path, resumable at any segment.

What was scored lies in journals in the state folder, one for each video and scorer, row by row for each class and its
texts. They are kept: a second run, another protocol, a further variant, class or text takes over all that is there.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from anyanomaly_core.config import LibrarySettings
from anyanomaly_core.engine.journal import Journal
from anyanomaly_core.engine.progress import Progress, no_progress
from anyanomaly_core.engine.scorer import with_models
from anyanomaly_core.errors import FootageError
from anyanomaly_core.evaluation.footage_facts import FootageFacts, VideoFacts
from anyanomaly_core.evaluation.labels.frame_folders import frames_to_video
from anyanomaly_core.evaluation.labels.ground_truth import LabelledArchive, LabelledVideo
from anyanomaly_core.evaluation.model_cache import CachedEncoder, CachedLvlm
from anyanomaly_core.evaluation.predictions import VideoPredictions
from anyanomaly_core.evaluation.provenance import ModelVersion
from anyanomaly_core.evaluation.variants import Variant
from anyanomaly_core.footage.pace import Pace
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.models.loading import load_encoder, load_lavida, load_lvlm
from anyanomaly_core.models.protocols import ClipModel
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.types import RuleTexts, SegmentScore, Status

log = logging.getLogger(__name__)

FOLDER = "evaluation"  # in the state folder
Stages = Callable[[str, str], Progress]  # (name, what is counted): a long step begins


def no_stages(_name: str, _unit: str) -> Progress:
    """No progress is shown."""
    return no_progress


@dataclass(frozen=True, slots=True)
class _OpenedVideo:
    path: Path  # the video, or the one that its images were joined into
    facts: VideoFacts


class BenchmarkRun:
    """An archive, a profile's models and the journals. Models are loaded when first needed, and once."""

    def __init__(self, archive: LabelledArchive, profile: Profile, settings: LibrarySettings) -> None:
        self._archive, self._profile, self._settings = archive, profile, settings
        self._folder = settings.state_dir / FOLDER
        self._limits = Limits.of(settings)
        self._facts = FootageFacts(self._folder / "footage-facts.json", self._limits)
        self._answers: dict[str, dict[tuple[int, int], SegmentScore]] = {}  # of the video at hand, by what was asked

    @cached_property
    def encoder(self) -> CachedEncoder:
        """The profile's; raises ModelError when it is not to be had."""
        return CachedEncoder(load_encoder(self._profile, self._settings))

    @cached_property
    def lvlm(self) -> CachedLvlm:
        """The profile's; raises ModelError when it is not to be had."""
        return CachedLvlm(load_lvlm(self._profile, self._settings))

    @cached_property
    def lavida(self) -> ClipModel:
        """The profile's; raises ModelError when it is not to be had."""
        return load_lavida(self._profile, self._settings)

    def models(self, variant: Variant) -> dict[str, ModelVersion]:
        """The models that a variant uses, by part of the profile."""
        encoder, lvlm, lavida = self._models(variant)
        used = (("encoder", encoder), ("lvlm", lvlm), ("lavida", lavida))
        return {part: ModelVersion(model.name, model.revision) for part, model in used if model is not None}

    def revisions(self, variant: Variant) -> dict[str, str]:
        """Revisions of these models; they are part of the scorer's digest."""
        return {part: model.revision for part, model in self.models(variant).items()}

    def predict(
        self,
        variants: Sequence[Variant],
        *,
        videos: Sequence[LabelledVideo] | None = None,
        stages: Stages = no_stages,
    ) -> Iterator[tuple[LabelledVideo, list[VideoPredictions]]]:
        """Each video with its scores under every variant; equal profiles are scored once.

        All files are looked at before the first is scored, so that what cannot be read and how long it takes are known.

        Args:
            variants: of the profile.
            videos: some of the archive's; None: all.
            stages: is told of each long step, and how far it is.

        Raises:
            ModelError: when a model breaks as a whole. What was finished stays in the journals.
        """
        chosen = self._archive.videos if videos is None else videos
        keys = [variant.profile.model_dump_json() for variant in variants]
        scorers = dict(zip(keys, variants, strict=True))
        opened = self._open_all(chosen, stages("reading footage", "videos"))
        total = sum(
            file.facts.segment_count(variant.profile)
            for file in opened
            if isinstance(file, _OpenedVideo)
            for variant in scorers.values()
        )
        progress, before = stages("scoring", "segments"), 0
        for video, file in zip(chosen, opened, strict=True):
            found: dict[str, VideoPredictions] = {}
            for key, variant in scorers.items():
                if isinstance(file, _OpenedVideo):
                    found[key] = self._score(video, variant, file, _part_of(progress, before, total))
                    before += file.facts.segment_count(variant.profile)
                else:
                    found[key] = VideoPredictions(Pace(), {}, problem=file)
            self._clear(variants)
            yield video, [found[key] for key in keys]

    def _open_all(self, videos: Sequence[LabelledVideo], progress: Progress) -> list["_OpenedVideo | str"]:
        """What is known of each video, or why it cannot be scored."""
        opened: list[_OpenedVideo | str] = []
        for place, video in enumerate(videos):
            progress(place, len(videos))
            try:
                path = frames_to_video(video.path, self._folder / "frame-folders")
                opened.append(_OpenedVideo(path, self._facts.of(path)))
            except FootageError as error:
                log.warning("%s has no scores: %s", video.name, error)
                opened.append(str(error))
        progress(len(videos), len(videos))
        return opened

    def _score(
        self, video: LabelledVideo, variant: Variant, opened: "_OpenedVideo", progress: Progress
    ) -> VideoPredictions:
        file = opened.facts.segmented_video(opened.path, variant.profile)
        classes = [_rule(name, self._archive.texts[name]) for name in self._archive.scored_classes(video)]
        models = with_models(variant.profile, *self._models(variant))
        key = f"{file.content_sha256[:24]}-{models.digest[:16]}"
        # A cascade chooses segments; what is answered about them is known from the variant without it.
        known = self._answers.setdefault(variant.profile.answers_digest(models.revisions), {})
        with Journal(self._folder / "scores", key) as journal:
            known |= _scored_rows(journal.read())
            rows = models.score(file, classes, limits=self._limits, journal=journal, known=known, progress=progress)
            known |= _scored_rows(rows)
            written = journal.read()
            if lost := any(row.status is Status.FAILED for row in written):
                journal.discard()
        if lost:  # what failed is asked again by the next run
            with Journal(self._folder / "scores", key) as journal:
                journal.append([row for row in written if row.status is not Status.FAILED])
        return VideoPredictions.from_rows(file.segments, rows, classes, opened.facts.pace)

    def _models(self, variant: Variant) -> tuple[CachedEncoder | None, CachedLvlm | None, ClipModel | None]:
        parts = variant.profile.parts
        return (
            self.encoder if "encoder" in parts else None,
            self.lvlm if "lvlm" in parts else None,
            self.lavida if "lavida" in parts else None,
        )

    def _clear(self, variants: Sequence[Variant]) -> None:
        self._answers.clear()
        for variant in variants:
            for model in self._models(variant)[:2]:  # those that keep answers
                if model is not None:
                    model.clear()


def _part_of(progress: Progress, before: int, total: int) -> Progress:
    """The progress of one video as part of the whole run."""
    return lambda done, _: progress(before + done, total)


def _rule(name: str, texts: tuple[str, ...]) -> RuleTexts:
    """A class as a rule. Its number follows from its name and texts, so that its rows are found in any journal."""
    digest = hashlib.sha256(json.dumps([name, texts]).encode()).digest()
    return RuleTexts(int.from_bytes(digest[:7], "big"), name, texts)


def _scored_rows(rows: Sequence[SegmentScore]) -> dict[tuple[int, int], SegmentScore]:
    return {(row.segment_index, row.rule_version_id): row for row in rows if row.status is Status.SCORED}
