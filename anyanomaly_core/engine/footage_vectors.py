"""What the index keeps of a video: a few vectors for each segment in which something happens.

The frame in the middle of a segment has a vector. So has each of up to ``WINDOWS`` windows of it that differ from what
was at their place before, the newest first: what stands still is in the index once, what comes is in it when it comes.
A segment that continues a static scene adds nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.contexts.windows import SIDE, WindowScale, all_boxes, window_scales
from anyanomaly_core.engine.batches import prefetch, segment_batches
from anyanomaly_core.engine.embeddings import VideoEmbeddings
from anyanomaly_core.engine.static_scenes import follow_scenes
from anyanomaly_core.engine.video import SegmentedVideo
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.models.protocols import Embeddings, ImageTextEncoder
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.encoding import STORED_DTYPE, encode_windows, round_to_stored
from anyanomaly_core.scoring.resized_frames import ResizedFrames
from anyanomaly_core.scoring.types import SegmentFrames

WINDOWS = 3  # of a segment, at most
NEW_BELOW = 0.95  # cosine of a window and what was at its place before, under which it shows something new

_WHOLE = (0, 0, SIDE, SIDE)


@dataclass(frozen=True, slots=True)
class SegmentVectors:
    """The vectors of a segment; none when it continues a static scene."""

    segment: Segment
    same_as: int  # index of the segment whose scene it continues, or its own
    frame: int  # source frame number
    boxes: tuple[tuple[int, int, int, int], ...] = ()  # x0, y0, x1, y1 in a 240x240 frame; the whole frame first
    vectors: NDArray[np.float16] | None = None  # [len(boxes), d], each of length 1


def iter_segment_vectors(
    video: SegmentedVideo,
    encoder: ImageTextEncoder,
    profile: Profile,
    *,
    limits: Limits,
    embeddings: VideoEmbeddings | None = None,
) -> Iterator[SegmentVectors]:
    """The vectors of a video, segment by segment in order; what a scan has kept is not encoded again.

    Raises:
        FrameIndexError: when decoding gives other frames than the file's packets had stated.
        FootageError: when decoding breaks off; what was decoded before has been yielded.
        ModelError: when the encoder breaks.
    """
    scales = window_scales(profile.contexts.window_sizes, profile.contexts.half_strides)
    choice = _NewWindows(all_boxes(scales))
    batches = segment_batches(
        video.path,
        video.segments,
        size=video.size,
        limits=limits,
        mask=video.mask,
        stated_frames=video.stated_frames,
    )
    for batch in prefetch(follow_scenes(batches, video.static_level)):
        looked_at = [decoded.frames for decoded in batch if decoded.same_as is None]
        known = [embeddings.known(frames.segment) if embeddings is not None else frames.encoded for frames in looked_at]
        rows = iter(_encode(encoder, [replace(f, encoded=k) for f, k in zip(looked_at, known, strict=True)], scales))
        for decoded in batch:
            segment = decoded.frames.segment
            if decoded.same_as is not None:
                yield SegmentVectors(segment, decoded.same_as, segment.first_frame)
                continue
            place, frame, windows = next(rows)
            boxes, vectors = choice.of(frame, windows)
            yield SegmentVectors(segment, segment.index, segment.sampled[place], boxes, vectors)


def _encode(
    encoder: ImageTextEncoder, segments: Sequence[SegmentFrames], scales: Sequence[WindowScale]
) -> list[tuple[int, Embeddings, Embeddings]]:
    """For each segment: place of the frame that stands for it, that frame [d], its windows [K, d]."""
    if not segments:
        return []
    places = [_place(segment) for segment in segments]
    unknown = [segment.images[place] for segment, place in zip(segments, places, strict=True) if not _knows(segment)]
    fresh = iter(round_to_stored(encoder.encode_images(unknown)) if unknown else ())
    frames = [
        segment.encoded.frames[place] if _knows(segment) else next(fresh)
        for segment, place in zip(segments, places, strict=True)
    ]
    resized = [ResizedFrames(segment) for segment in segments]
    windows = encode_windows(encoder, resized, [[place] for place in places], scales)
    return [(place, frame, rows[place]) for place, frame, rows in zip(places, frames, windows, strict=True)]


def _place(segment: SegmentFrames) -> int:
    """The frame in the middle, unless a scan has kept the windows of another."""
    middle = len(segment.images) // 2
    kept = segment.encoded.windows
    return min(kept, key=lambda place: abs(place - middle)) if kept else middle


def _knows(segment: SegmentFrames) -> bool:
    return len(segment.encoded.frames) > 0


class _NewWindows:
    """Chooses the windows of each segment of one video that show what was not there before."""

    def __init__(self, boxes: NDArray[np.int64]) -> None:
        self._boxes = [(int(x0), int(y0), int(x1), int(y1)) for x0, y0, x1, y1 in boxes]
        self._last: Embeddings | None = None  # [K, d] what is in the index of each place; zeros: nothing

    def of(
        self, frame: Embeddings, windows: Embeddings
    ) -> tuple[tuple[tuple[int, int, int, int], ...], NDArray[np.float16]]:
        """Boxes and vectors of a segment, the whole frame first.

        Args:
            frame: [d].
            windows: [K, d].
        """
        if self._last is None:
            self._last = np.zeros_like(windows)
        # What was there before at its place, and what the whole frame says already, is not new.
        alike = np.maximum((windows * self._last).sum(1), windows @ frame)  # [K]
        new = [k for k in np.argsort(alike, kind="stable")[:WINDOWS].tolist() if alike[k] < NEW_BELOW]
        self._last[new] = windows[new]
        boxes = (_WHOLE, *(self._boxes[k] for k in new))
        return boxes, np.concatenate([frame[None], windows[new]]).astype(STORED_DTYPE)
