"""Scores of pixels: LAVIDA's masks, and what AnyAnomaly has of that kind, the map behind its position context."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.contexts import position
from anyanomaly_core.evaluation.pixel_metrics import Map
from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.models.protocols import ClipModel, ClipScores, Embeddings, Image, ImageTextEncoder
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.anyanomaly import make_context_builder
from anyanomaly_core.scoring.encoding import encode_windows
from anyanomaly_core.scoring.resized_frames import ResizedFrames
from anyanomaly_core.scoring.texts import TextBank, TextEmbeddings, clean_rule
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames

CLIP = 8  # frames that LAVIDA looks at together
MOST = 30.0  # logits beyond it are as sure as can be


@dataclass(frozen=True, slots=True)
class FrameScores:
    """What a method says of T frames for some texts."""

    frames: NDArray[np.float32]  # [T] in 0..1
    maps: Sequence[Map]  # T maps [h, w] in 0..1


class PixelScorer(Protocol):
    """A method that says where."""

    @property
    def name(self) -> str:
        """For the tables."""

    def score_each(self, frames: Sequence[Image], lists: Sequence[Sequence[str]]) -> list[FrameScores]:
        """Scores of at most ``CLIP`` frames [H, W, 3] for the union of the texts of each list.

        What the clip alone determines is computed once.
        """


class LavidaMaps:
    """A pixel's score is the probability of its frame times that of its mask."""

    name = "LAVIDA"

    def __init__(self, model: ClipModel) -> None:
        self._model = model

    def score_each(self, frames: Sequence[Image], lists: Sequence[Sequence[str]]) -> list[FrameScores]:
        """One pass for all texts of a list together; a short clip is filled up as in a scan."""
        padded = [*frames, *[frames[-1]] * (CLIP - len(frames))]
        all_scores = [frame_scores(found) for found in self._model.score(padded, lists)]
        return [FrameScores(one.frames[: len(frames)], one.maps[: len(frames)]) for one in all_scores]


def frame_scores(found: ClipScores) -> FrameScores:
    """Probabilities of a clip's frames and pixels."""
    masks = 1 / (1 + np.exp(-found.pixels.clip(-MOST, MOST)))  # [T, h, w]
    maps = found.frames[:, None, None] * masks
    return FrameScores(np.asarray(found.frames, np.float32), list(maps.astype(np.float32)))


class AttentionMaps:
    """How much the windows at a place match a text rather than its contrast classes, before the map is stretched.

    Stretched to 0..1, as the position context shows it, every frame would have a pixel of 1, and pixels of different
    frames could not be compared. A frame's score is its map's highest value.
    """

    name = "AnyAnomaly attention"

    def __init__(self, profile: Profile, encoder: ImageTextEncoder) -> None:
        """Use a profile's windows and contrast classes."""
        self._profile, self._encoder = profile, encoder
        contexts = profile.contexts.model_copy(update={"position": True})
        self._builder = make_context_builder(profile.model_copy(update={"contexts": contexts}), encoder)
        self._texts = TextBank(encoder, contexts, reference=self._builder.reference)

    def score_each(self, frames: Sequence[Image], lists: Sequence[Sequence[str]]) -> list[FrameScores]:
        """The best of several texts counts at each place; windows are encoded once."""
        builder = self._builder
        numbers = tuple(range(len(frames)))
        segment = SegmentFrames(Segment(0, 0, len(frames) - 1, numbers), tuple(frames))
        windows = encode_windows(
            self._encoder,
            [ResizedFrames(segment)],
            [numbers],
            builder.scales,
            same_level=self._profile.contexts.same_level,
            reference=builder.reference,
        )[0]
        rules = [clean_rule(RuleTexts(1, "pixels", tuple(texts))) for texts in lists]
        found = []
        for own in self._texts.embed(rules):
            maps = [np.max([self._map(windows[number], text) for text in own], axis=0) for number in numbers]
            found.append(FrameScores(np.array([one.max() for one in maps], np.float32), maps))
        return found

    def _map(self, windows: Embeddings, text: TextEmbeddings) -> Map:
        matches = position.class_probabilities(windows, text.classes, self._builder.logit_scale)
        return position.similarity_map(matches, self._builder.scales).clip(0, 1)


def stretch_maps(scored: FrameScores) -> FrameScores:
    """The same maps as the position context shows them."""
    maps = [position.attention(drawn) for drawn in scored.maps]
    return FrameScores(np.array([one.max() for one in maps], np.float32), maps)
