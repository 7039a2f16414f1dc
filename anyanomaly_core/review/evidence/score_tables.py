"""The scores behind an event as CSV: one row per frame of the clip, one row per segment it touches."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Engine, Row, select

from anyanomaly_core.results.moments import frame_moments, to_datetime
from anyanomaly_core.results.schema import segment_scores
from anyanomaly_core.review.clips.clip import ClipSpan
from anyanomaly_core.review.event_record import EventRecord

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_FRAME_COLUMNS = ("frame", "at_utc", "at_local", "in_event", "status", "score", "segment", "reason")
_SEGMENT_COLUMNS = (
    "segment", "first_frame", "last_frame", "started_utc", "started_local", "ended_utc", "status", "score", "key_score",
    "position_score", "temporal_score", "key_frame", "grid_frames", "winning_window", "winning_text", "rationale",
    "reason", "raw_answer",
)  # fmt: skip


def score_tables(engine: Engine, event: EventRecord, span: ClipSpan) -> dict[str, bytes]:
    """``frame_scores.csv`` and ``segment_scores.csv`` of the clip's frames. An empty score means *not scored*."""
    zone = ZoneInfo(event.video.time_zone)
    rows = _segments(engine, event, span)
    return {
        "frame_scores.csv": table(_FRAME_COLUMNS, _frames(event, span, rows, zone)),
        "segment_scores.csv": table(_SEGMENT_COLUMNS, [_segment(row, zone) for row in rows]),
    }


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A CSV file (RFC 4180, UTF-8). Text that a spreadsheet would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value


def _segments(engine: Engine, event: EventRecord, span: ClipSpan) -> Sequence[Row[Any]]:
    s = segment_scores.c
    of_video = (s.video_id == event.video.video_id) & (s.scoring_id == event.scoring_id)
    touched = [
        part.index
        for part in event.segments.segments
        if part.last_frame >= span.first_frame and part.first_frame <= span.last_frame
    ]
    query = select(segment_scores).where(of_video, s.scorer_id == event.scorer_id, s.segment_index.in_(touched))
    with engine.connect() as connection:
        return connection.execute(query.order_by(s.segment_index)).all()


def _frames(event: EventRecord, span: ClipSpan, rows: Sequence[Row[Any]], zone: ZoneInfo) -> Iterable[Sequence[Any]]:
    for row in rows:
        moments = frame_moments(event.video.recorded_at, event.segments.rows[row.segment_index])
        for place, (score, micros) in enumerate(zip(row.frame_scores, moments, strict=True)):
            number = row.first_frame + place
            if span.first_frame <= number <= span.last_frame:
                at = to_datetime(micros)
                inside = "yes" if event.first_frame <= number <= event.last_frame else "no"
                shortest = None if score is None else str(np.float32(score))
                yield (
                    number,
                    _utc(at),
                    _utc(at.astimezone(zone)),
                    inside,
                    row.status,
                    shortest,
                    row.segment_index,
                    row.reason,
                )


def _segment(row: Row[Any], zone: ZoneInfo) -> Sequence[Any]:
    last = row.first_frame + len(row.frame_scores) - 1
    times = _utc(row.started_at), _utc(row.started_at.astimezone(zone)), _utc(row.ended_at)
    scores = [None if x is None else str(np.float32(x)) for x in (row.score, row.key_score, row.position_score)]
    more = None if row.temporal_score is None else str(np.float32(row.temporal_score))
    seen = row.key_frame, _list(row.grid_frames), _list(row.winning_window)
    texts = row.winning_text, row.rationale, row.reason, row.raw_answer
    return row.segment_index, row.first_frame, last, *times, row.status, *scores, more, *seen, *texts


def _list(values: Sequence[int] | None) -> str | None:
    return None if values is None else " ".join(map(str, values))


def _utc(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
