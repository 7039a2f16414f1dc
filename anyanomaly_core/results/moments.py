"""When each frame was recorded, in whole microseconds: one rule for tables, views, Parquet and events.

The view ``frame_scores`` computes the same moments in SQL; a test compares them.
"""

from datetime import UTC, datetime, timedelta

import numpy as np

from anyanomaly_core.results.segment_store import StoredSegment
from anyanomaly_core.scoring.events import Micros

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 of an aware moment, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def to_datetime(micros: int) -> datetime:
    """The aware UTC moment."""
    return _EPOCH + timedelta(microseconds=int(micros))


def segment_bounds(recorded_at: datetime, segment: StoredSegment) -> tuple[int, int]:
    """Start and end of a segment."""
    start = to_micros(recorded_at)
    return start + round(segment.start_s * 1e6), start + round(segment.end_s * 1e6)


def frame_moments(recorded_at: datetime, segment: StoredSegment) -> Micros:
    """[frames of the segment] when each was recorded."""
    started, ended = segment_bounds(recorded_at, segment)
    if segment.offsets_s is None:
        count = segment.segment.frame_count
        seconds = np.arange(count, dtype=np.float64) * ((ended - started) / 1e6) / count
    else:
        seconds = np.asarray(segment.offsets_s, dtype=np.float64)
    return started + np.rint(seconds * 1e6).astype(np.int64)
