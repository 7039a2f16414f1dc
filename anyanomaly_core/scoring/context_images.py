"""The images of one segment for one text: key frame, position context, temporal context."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.contexts import position, temporal, windows
from anyanomaly_core.contexts.keyframes import KeyFrames, select
from anyanomaly_core.contexts.windows import WindowScale
from anyanomaly_core.models.protocols import Embeddings, Image
from anyanomaly_core.profile import ContextSpec
from anyanomaly_core.scoring.resized_frames import ResizedFrames
from anyanomaly_core.scoring.texts import TextEmbeddings
from anyanomaly_core.scoring.types import EncodedSegment, SegmentFrames


@dataclass(frozen=True, slots=True)
class ContextImages:
    """The images of one segment for one text; positions count within the segment."""

    text: str
    frames: KeyFrames
    key_image: Image  # the key frame as decoded
    position_image: Image | None  # uint8 [224, 224, 3]; None: switched off
    temporal_image: Image | None  # uint8 [224, 224, 3]; None: switched off
    window: tuple[int, int, int, int] | None  # box of the temporal context in a 240x240 frame


@dataclass(frozen=True, slots=True)
class ContextBuilder:
    """Makes the context images the way a profile says."""

    contexts: ContextSpec
    scales: tuple[WindowScale, ...]
    logit_scale: float  # of the encoder; 1 under reference preprocessing, which softmaxes raw cosines
    reference: bool

    def key_frames(self, segment: SegmentFrames, frames: Embeddings, text: TextEmbeddings) -> KeyFrames:
        """Key and grid frames of a segment for a text; the random strategy draws anew in each segment."""
        seed = (self.contexts.seed, segment.segment.index)
        return select(frames @ text.plain, self.contexts.strategy, seed, reference=self.reference)

    def window_positions(self, segment: SegmentFrames, frames: Embeddings, texts: Iterable[TextEmbeddings]) -> set[int]:
        """Positions of the frames whose windows some of the texts need; ``frames`` is [n, d]."""
        positions: set[int] = set()
        for text in texts:
            chosen = self.key_frames(segment, frames, text)
            positions |= {chosen.key} if self.contexts.position else set()
            positions |= set(chosen.grid) if self.contexts.temporal else set()
        return positions

    def images(self, resized: ResizedFrames, encoded: EncodedSegment, text: TextEmbeddings) -> ContextImages:
        """The images of a segment for a text."""
        chosen = self.key_frames(resized.segment, encoded.frames, text)
        position_image = temporal_image = window = None
        if self.contexts.position:
            position_image = self.position_image(resized, chosen.key, self.attention(encoded.windows[chosen.key], text))
        if self.contexts.temporal:
            window = self.window([encoded.windows[p] for p in chosen.grid], text)
            temporal_image = self.temporal_image(resized, chosen.grid, window)
        return ContextImages(
            text.text, chosen, resized.segment.images[chosen.key], position_image, temporal_image, window
        )

    def attention(self, key_windows: Embeddings, text: TextEmbeddings) -> NDArray[np.float32]:
        """[224, 224] in 0..1: where the windows [K, d] of the key frame match the text."""
        matches = position.class_probabilities(key_windows, text.classes, self.logit_scale)
        return position.attention(position.similarity_map(matches, self.scales))

    def position_image(self, resized: ResizedFrames, key: int, attention: NDArray[np.float32]) -> Image:
        """uint8 [224, 224, 3]: the position context of the frame at place ``key``."""
        if self.reference:
            return position.reference_context_image(resized.reference_frame224(key), attention)
        return position.context_image(resized.frame224(key), attention)

    def window(self, grid_windows: Sequence[Embeddings], text: TextEmbeddings) -> tuple[int, int, int, int]:
        """Box of the winning window, from the windows [K, d] of each of the four grid frames."""
        best = temporal.winning_window(np.stack([rows @ text.plain for rows in grid_windows]))
        x0, y0, x1, y1 = (int(edge) for edge in windows.all_boxes(self.scales)[best])
        return x0, y0, x1, y1

    def temporal_image(self, resized: ResizedFrames, grid: Sequence[int], window: tuple[int, int, int, int]) -> Image:
        """uint8 [224, 224, 3]: the temporal context of the frames at the places ``grid``."""
        if self.reference:
            return temporal.reference_grid_image([resized.reference_frame240(place) for place in grid], window)
        return temporal.grid_image([resized.frame240(place) for place in grid], window)
