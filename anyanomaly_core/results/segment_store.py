"""Segments of a video and the time of each of its frames.

Times are kept per segment, and frame by frame only where frames are not evenly spaced. From one layout any other
can be derived without decoding the video again.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects.postgresql import insert

from anyanomaly_core.errors import StorageError
from anyanomaly_core.footage.segments import Segment, split_into_segments
from anyanomaly_core.footage.types import FrameIndex
from anyanomaly_core.results.schema import segment_layouts, segments, videos

_EVEN_S = 1e-3
_AT_ONCE = 1000  # rows that are statement parameters at a time; ten hours have 18,000


@dataclass(frozen=True, slots=True)
class StoredSegment:
    """A segment with its place in time, seconds from the first frame of the video."""

    segment: Segment
    start_s: float
    end_s: float  # start of the next segment, or end of the video
    motion: float | None
    offsets_s: tuple[float, ...] | None  # of each frame after start_s; None: evenly spaced

    def times_s(self) -> NDArray[np.float64]:
        """[frames of the segment] seconds from the first frame of the video."""
        count = self.segment.frame_count
        if self.offsets_s is None:
            step = (self.end_s - self.start_s) / count
            return self.start_s + np.arange(count, dtype=np.float64) * step
        return self.start_s + np.asarray(self.offsets_s, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class VideoSegments:
    """All segments of a video in one layout, in order."""

    layout_id: int
    segment_frames: int
    step: int
    rows: tuple[StoredSegment, ...]

    @property
    def segments(self) -> list[Segment]:
        """What the footage and scoring rooms work with."""
        return [row.segment for row in self.rows]

    @property
    def frame_count(self) -> int:
        """Frames of the video."""
        return self.rows[-1].segment.last_frame + 1 if self.rows else 0

    @property
    def duration_s(self) -> float:
        """End of the last segment."""
        return self.rows[-1].end_s if self.rows else 0.0

    def times_s(self) -> NDArray[np.float64]:
        """[F] time of each frame of the video, seconds from the first."""
        return np.concatenate([row.times_s() for row in self.rows]) if self.rows else np.zeros(0)


def store_segments(
    connection: Connection, video_id: int, segment_frames: int, step: int, index: FrameIndex
) -> VideoSegments:
    """Split a video that was just decoded; storing the same layout again changes nothing.

    ``catalog.store_index`` must have run before: it fixes the video's length.
    """
    times = index.times_s - index.times_s[0]
    return _store(connection, video_id, (segment_frames, step), times, index.motion)


def load_segments(connection: Connection, video_id: int, segment_frames: int, step: int) -> VideoSegments:
    """Segments of a video in a layout, derived from another layout when this one is new.

    Raises:
        StorageError: when the video has no segments at all, so was never decoded.
    """
    layout_id = _layout_id(connection, segment_frames, step)
    rows = _load_rows(connection, video_id, layout_id, step)
    if rows:
        return VideoSegments(layout_id, segment_frames, step, rows)
    known = connection.execute(
        select(segments.c.layout_id, segment_layouts.c.segment_frames, segment_layouts.c.step)
        .join(segment_layouts)
        .where(segments.c.video_id == video_id, segments.c.segment_index == 0)
        .order_by(segment_layouts.c.segment_frames * segment_layouts.c.step)  # the finest knows motion best
        .limit(1)
    ).first()
    if known is None:
        raise StorageError(f"Video {video_id} has no segments yet; run ingest on it first.")
    other = _load_rows(connection, video_id, known.layout_id, known.step)
    times = np.concatenate([row.times_s() for row in other])  # [F]
    motion = np.concatenate([np.full(row.segment.frame_count, row.motion or 0.0, np.float32) for row in other])  # [F]
    return _store(connection, video_id, (segment_frames, step), times, motion)


def _store(
    connection: Connection,
    video_id: int,
    layout: tuple[int, int],
    times_s: NDArray[np.float64],
    motion: NDArray[np.float32],
) -> VideoSegments:
    segment_frames, step = layout
    layout_id = _layout_id(connection, segment_frames, step)
    found = connection.execute(select(videos.c.frame_count, videos.c.duration_s).where(videos.c.video_id == video_id))
    frame_count, duration_s = found.one()
    if frame_count != len(times_s):
        raise StorageError(f"Video {video_id} has {frame_count} frames, not {len(times_s)}; run ingest on it again.")
    parts = split_into_segments(frame_count, segment_frames, step)
    rows = tuple(_place(part, times_s, motion, duration_s) for part in parts)
    for first in range(0, len(rows), _AT_ONCE):
        values = [_values(video_id, layout_id, row) for row in rows[first : first + _AT_ONCE]]
        connection.execute(insert(segments).on_conflict_do_nothing(), values)
    return VideoSegments(layout_id, segment_frames, step, rows)


def _place(
    part: Segment, times_s: NDArray[np.float64], motion: NDArray[np.float32], duration_s: float
) -> StoredSegment:
    first, beyond = part.first_frame, part.last_frame + 1
    start = float(times_s[first])
    end = float(times_s[beyond]) if beyond < len(times_s) else duration_s
    offsets = times_s[first:beyond] - start  # [frames]
    even = np.arange(part.frame_count) * ((end - start) / part.frame_count)
    uneven = bool(np.max(np.abs(offsets - even)) > _EVEN_S)
    kept = tuple(float(offset) for offset in offsets.astype(np.float32)) if uneven else None
    return StoredSegment(part, start, end, float(motion[first:beyond].mean()), kept)


def _values(video_id: int, layout_id: int, row: StoredSegment) -> dict[str, Any]:
    return {
        "video_id": video_id,
        "layout_id": layout_id,
        "segment_index": row.segment.index,
        "first_frame": row.segment.first_frame,
        "last_frame": row.segment.last_frame,
        "start_s": row.start_s,
        "end_s": row.end_s,
        "motion": row.motion,
        "frame_offsets": None if row.offsets_s is None else list(row.offsets_s),
    }


def _layout_id(connection: Connection, segment_frames: int, step: int) -> int:
    wanted = (segment_layouts.c.segment_frames == segment_frames) & (segment_layouts.c.step == step)
    query = select(segment_layouts.c.layout_id).where(wanted)
    found = connection.execute(query).scalar()
    if found is None:
        connection.execute(
            insert(segment_layouts).values(segment_frames=segment_frames, step=step).on_conflict_do_nothing()
        )
        found = connection.execute(query).scalar_one()
    return int(found)


def _load_rows(connection: Connection, video_id: int, layout_id: int, step: int) -> tuple[StoredSegment, ...]:
    s = segments.c
    query = select(s.segment_index, s.first_frame, s.last_frame, s.start_s, s.end_s, s.motion, s.frame_offsets)
    found = connection.execute(query.where(s.video_id == video_id, s.layout_id == layout_id).order_by(s.segment_index))
    return tuple(_stored(step, row) for row in found)


def _stored(step: int, row: Row[*tuple[Any, ...]]) -> StoredSegment:
    part = Segment(row.segment_index, row.first_frame, row.last_frame, range(row.first_frame, row.last_frame + 1, step))
    # A real arrives as the shortest decimal; as float32 it is the number that SQL computes with.
    offsets = None if row.frame_offsets is None else tuple(float(np.float32(offset)) for offset in row.frame_offsets)
    motion = None if row.motion is None else float(np.float32(row.motion))
    return StoredSegment(part, row.start_s, row.end_s, motion, offsets)
