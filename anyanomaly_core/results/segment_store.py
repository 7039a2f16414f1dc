"""Segments of a video and the time of each of its frames.

Times are kept per segment, and frame by frame only where frames are not evenly spaced. From one layout any other
can be derived without decoding the video again: what frames a layout samples follows from the video's pace.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, func, select
from sqlalchemy.dialects.postgresql import insert

from anyanomaly_core.errors import NoSegmentsError, StorageError
from anyanomaly_core.footage.pace import Pace, Stretch
from anyanomaly_core.footage.segments import Segment, split_into_segments
from anyanomaly_core.footage.timeline import frame_ends
from anyanomaly_core.footage.types import FrameIndex
from anyanomaly_core.profile import SamplingSpec
from anyanomaly_core.results.schema import segment_layouts, segments, video_stretches

_EVEN_S = 1e-3
_AT_ONCE = 1000  # rows that are statement parameters at a time; ten hours have 18,000


@dataclass(frozen=True, slots=True)
class StoredSegment:
    """A segment with its place in time, seconds from the beginning of the video."""

    segment: Segment
    start_s: float
    end_s: float  # start of the next segment or of a hole, or end of the video
    motion: float | None  # None: the video was not decoded when it was stored
    offsets_s: tuple[float, ...] | None  # of each frame after start_s; None: evenly spaced

    def times_s(self) -> NDArray[np.float64]:
        """[frames of the segment] seconds from the beginning of the video."""
        count = self.segment.frame_count
        if self.offsets_s is None:
            step = (self.end_s - self.start_s) / count
            return self.start_s + np.arange(count, dtype=np.float64) * step
        return self.start_s + np.asarray(self.offsets_s, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class VideoSegments:
    """All segments of a video in one layout, in order."""

    layout_id: int
    rows: tuple[StoredSegment, ...]

    @property
    def segments(self) -> list[Segment]:
        """Without their times."""
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
        """[F] time of each frame of the video, seconds from its beginning."""
        return np.concatenate([row.times_s() for row in self.rows]) if self.rows else np.zeros(0)

    def ends_s(self) -> NDArray[np.float64]:
        """[F] end of each frame: where the next one or a hole begins, or the video ends."""
        ends = np.append(self.times_s()[1:], self.duration_s)
        for row in self.rows:
            ends[row.segment.last_frame] = row.end_s
        return ends


def store_pace(connection: Connection, video_id: int, pace: Pace) -> None:
    """Store how the frames of a video follow each other."""
    values = [
        {"video_id": video_id, "first_frame": s.first_frame, "frame_count": s.frame_count, "start_s": s.start_s}
        | {"end_s": s.end_s}
        for s in pace.stretches
    ]
    for first in range(0, len(values), _AT_ONCE):
        connection.execute(insert(video_stretches), values[first : first + _AT_ONCE])


def load_pace(connection: Connection, video_id: int) -> Pace:
    """How the frames of a video follow each other."""
    s = video_stretches.c
    query = select(s.first_frame, s.frame_count, s.start_s, s.end_s).where(s.video_id == video_id)
    return Pace(tuple(Stretch(*row) for row in connection.execute(query.order_by(s.first_frame))))


def store_segments(connection: Connection, video_id: int, sampling: SamplingSpec, index: FrameIndex) -> VideoSegments:
    """Split a video that was just decoded; storing the same layout again changes nothing.

    ``catalog.store_index`` must have run before: it fixes the video's pace.
    """
    return _store(
        connection,
        video_id,
        sampling,
        times_s=index.times_s,
        ends_s=frame_ends(index.times_s),
        motion=index.motion,
    )


def load_segments(connection: Connection, video_id: int, sampling: SamplingSpec) -> VideoSegments:
    """Segments of a video in a layout, derived from another layout when this one is new.

    Raises:
        NoSegmentsError: when the video has no segments at all, so was never decoded.
    """
    layout_id = _layout_id(connection, sampling)
    known = select(segments.c.layout_id, func.count().label("parts")).where(segments.c.video_id == video_id)
    known = known.group_by(segments.c.layout_id).order_by(func.count().desc())  # the finest knows motion best
    layouts = [row.layout_id for row in connection.execute(known)]
    if layout_id in layouts:
        return load_layout(connection, video_id, layout_id)
    if not layouts:
        raise NoSegmentsError(f"Video {video_id} has no segments yet; run ingest on it first.")
    other = load_layout(connection, video_id, layouts[0])
    moved = [np.nan if row.motion is None else row.motion for row in other.rows]
    motion = np.repeat(np.array(moved, np.float32), [row.segment.frame_count for row in other.rows])  # [F]
    return _store(connection, video_id, sampling, times_s=other.times_s(), ends_s=other.ends_s(), motion=motion)


def load_layout(connection: Connection, video_id: int, layout_id: int) -> VideoSegments:
    """Segments of a video in a layout that is stored."""
    layout = connection.execute(select(segment_layouts).where(segment_layouts.c.layout_id == layout_id)).one()
    sampling = SamplingSpec(segment_frames=layout.segment_frames, segment_s=layout.segment_s, fps=layout.fps)
    pace = load_pace(connection, video_id)
    if layout.step is not None:  # of an earlier version
        pace, sampling = Pace.steady(pace.frame_count, layout.step), sampling.model_copy(update={"fps": 1.0})
    parts = split_into_segments(pace, sampling)
    s = segments.c
    query = select(s.segment_index, s.first_frame, s.last_frame, s.start_s, s.end_s, s.motion, s.frame_offsets)
    found = connection.execute(query.where(s.video_id == video_id, s.layout_id == layout_id).order_by(s.segment_index))
    return VideoSegments(layout_id, tuple(_stored_segment(*pair) for pair in zip(parts, found, strict=True)))


def _store(
    connection: Connection,
    video_id: int,
    sampling: SamplingSpec,
    *,
    times_s: NDArray[np.float64],
    ends_s: NDArray[np.float64],
    motion: NDArray[np.float32] | None,
) -> VideoSegments:
    """Store segments from begin, end and motion [F] of each frame."""
    layout_id = _layout_id(connection, sampling)
    pace = load_pace(connection, video_id)
    if pace.frame_count != len(times_s):
        raise StorageError(
            f"Video {video_id} had {pace.frame_count} frames when it was first read and has {len(times_s)} now: "
            "another decoder? What is stored of it stays."
        )
    ends_s = np.append(ends_s[:-1], pace.stretches[-1].end_s)  # a single frame's length is in the header alone
    rows = tuple(_place(part, times_s, ends_s, motion) for part in split_into_segments(pace, sampling))
    for first in range(0, len(rows), _AT_ONCE):
        values = [_values(video_id, layout_id, row) for row in rows[first : first + _AT_ONCE]]
        connection.execute(insert(segments).on_conflict_do_nothing(), values)
    return VideoSegments(layout_id, rows)


def _place(
    part: Segment, times_s: NDArray[np.float64], ends_s: NDArray[np.float64], motion: NDArray[np.float32] | None
) -> StoredSegment:
    first, beyond = part.first_frame, part.last_frame + 1
    start, end = float(times_s[first]), float(ends_s[part.last_frame])
    offsets = times_s[first:beyond] - start  # [frames]
    even = np.arange(part.frame_count) * ((end - start) / part.frame_count)
    uneven = bool(np.max(np.abs(offsets - even)) > _EVEN_S)
    kept = tuple(float(offset) for offset in offsets.astype(np.float32)) if uneven else None
    moved = np.nan if motion is None else float(motion[first:beyond].mean())
    return StoredSegment(part, start, end, None if np.isnan(moved) else moved, kept)


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


def _layout_id(connection: Connection, sampling: SamplingSpec) -> int:
    columns = segment_layouts.c
    layout = {"segment_frames": sampling.segment_frames, "segment_s": sampling.segment_s, "fps": sampling.fps}
    same = [columns[name].is_not_distinct_from(value) for name, value in {**layout, "step": None}.items()]
    query = select(columns.layout_id).where(*same)
    found = connection.execute(query).scalar()
    if found is None:
        connection.execute(insert(segment_layouts).values(layout).on_conflict_do_nothing())
        found = connection.execute(query).scalar_one()
    return int(found)


def _stored_segment(part: Segment, row: Row[*tuple[Any, ...]]) -> StoredSegment:
    if (part.first_frame, part.last_frame) != (row.first_frame, row.last_frame):
        raise StorageError(
            f"Segment {row.segment_index} is stored as frames {row.first_frame} to {row.last_frame}, where "
            f"{part.first_frame} to {part.last_frame} are due: another version split the video. Please report it."
        )
    # A real arrives as the shortest decimal; as float32 it is the number that SQL computes with.
    offsets = None if row.frame_offsets is None else tuple(float(np.float32(offset)) for offset in row.frame_offsets)
    motion = None if row.motion is None else float(np.float32(row.motion))
    return StoredSegment(part, row.start_s, row.end_s, motion, offsets)
