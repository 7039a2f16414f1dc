"""Which segments are not looked at because their scene has not changed, and what they take over."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from anyanomaly_core.footage.stillness import StillScene, still_scene
from anyanomaly_core.scoring.regions import FrameRegion
from anyanomaly_core.scoring.types import SegmentFrames, SegmentScore, Status

_NONE: dict[str, float] = {}  # of every row that took no time; nobody adds to a row's timings


@dataclass(frozen=True, slots=True)
class DecodedSegment:
    """A decoded segment, and whether its scene is one that was looked at before."""

    frames: SegmentFrames
    same_as: int | None  # index of the segment whose scene it continues; None: it must be looked at


def follow_scenes(batches: Iterable[Sequence[SegmentFrames]], level: float) -> Iterator[list[DecodedSegment]]:
    """Compare each segment with the last one that had to be looked at; segments of one video, in order, from its first.

    It depends on the pictures alone, so every rule, and every try, sees the same segments.

    Args:
        batches: with their images.
        level: see ``stillness.still_scene``; 0: every segment must be looked at.
    """
    scene: StillScene | None = None
    looked_at = -1
    for batch in batches:
        decoded = []
        for segment in batch:
            pictures = segment.cells() if level > 0 else None
            if pictures is not None and scene is not None and scene.goes_on(pictures):
                decoded.append(DecodedSegment(segment, looked_at))
                continue
            scene = None if pictures is None else still_scene(pictures, level)
            looked_at = segment.segment.index
            decoded.append(DecodedSegment(segment, None))
        yield decoded


def carried_score(row: SegmentScore, segment: SegmentFrames) -> SegmentScore:
    """The row of a segment that was not looked at, from that of the segment whose scene it continues."""
    return replace(
        row,
        segment_index=segment.segment.index,
        status=Status.CARRIED,
        reason=_reason(row.segment_index),
        key_frame=None,  # nothing was looked at here
        grid_frames=(),
        window=None,
        frame_scores=(),
        regions=_carried_regions(row, segment),
        timings_ms=_NONE,
    )


def _carried_regions(row: SegmentScore, segment: SegmentFrames) -> tuple[FrameRegion, ...]:
    """The region of the key frame, at the segment's first one: the scene is the same."""
    key = (region for region in row.regions if region.frame == row.key_frame)
    return tuple(replace(region, frame=segment.segment.first_frame) for region in key)


@lru_cache(maxsize=16)
def _reason(segment: int) -> str:
    """One string for all rows of a scene: ten hours of an empty yard are 18,000 a rule."""
    return f"static scene: taken over from segment {segment}"
