"""Segments: consecutive runs of N sampled frames that together cover every frame of a file."""

from dataclasses import dataclass

from anyanomaly_core.errors import FootageError


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of source frames ``first_frame..last_frame`` (inclusive), of which ``sampled`` are looked at."""

    index: int
    first_frame: int
    last_frame: int
    sampled: range  # source frame numbers, 1 to N of them; a range, because ten hours of segments are held at once

    @property
    def frame_count(self) -> int:
        """Source frames this segment stands for."""
        return self.last_frame - self.first_frame + 1


def split_into_segments(frame_count: int, segment_frames: int, step: int = 1) -> list[Segment]:
    """Split ``frame_count`` source frames into segments of ``segment_frames`` sampled frames.

    Frames 0, step, 2*step ... are sampled. A segment also stands for the frames that follow its samples,
    so every frame belongs to exactly one segment; the last segment may be shorter (paper section 3.1
    drops it, we do not).

    Raises:
        FootageError: when an argument is not positive.
    """
    if frame_count < 0 or segment_frames < 1 or step < 1:
        raise FootageError(
            f"Cannot split {frame_count} frames into segments of {segment_frames} at every {step}th frame."
        )
    span = segment_frames * step
    segments = []
    for index, first in enumerate(range(0, frame_count, span)):
        end = min(first + span, frame_count)
        segments.append(Segment(index, first, end - 1, range(first, end, step)))
    return segments
