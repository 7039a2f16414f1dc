"""Rows of ``segment_scores`` in PostgreSQL's binary COPY format.

Format: PostgreSQL documentation, COPY, "Binary Format"; arrays as ``array_send`` writes them. Everything is
big-endian, each field preceded by its length, -1 for NULL.
"""

import io
import json
import struct
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.results.rows import RuleRows, SegmentRow

# Order of the fields below.
COLUMNS = (
    "video_id", "scoring_id", "scorer_id", "layout_id", "segment_index", "first_frame", "started_at", "ended_at",
    "status", "score", "key_score", "position_score", "temporal_score", "peak", "frame_scores", "key_frame",
    "grid_frames", "winning_window", "winning_text", "rationale", "reason", "raw_answer", "timings",
)  # fmt: skip
_JSON = json.JSONEncoder(sort_keys=True, allow_nan=False)
_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
_NULL = struct.pack(">i", -1)
_FIXED = struct.Struct(">h iq ii ii ih ii ii iq iq")  # number of fields, then the eight that are never NULL
_REAL = struct.Struct(">if")
_INT = struct.Struct(">ii")
_ARRAY = struct.Struct(">i iii ii")  # length, dimensions, has NULLs, element type, elements, lower bound
_OID_INT2, _OID_INT4, _OID_FLOAT4 = 21, 23, 700
_TO_2000_US = 946_684_800_000_000  # PostgreSQL counts from 2000


def copy_stream(video_id: int, scorer_id: int, layout_id: int, rules: Iterable[RuleRows]) -> io.BytesIO:
    """All rows of a unit, ready for ``COPY segment_scores (COLUMNS) FROM STDIN (FORMAT binary)``."""
    parts = [_HEADER]
    for of_rule in rules:
        key = (video_id, of_rule.rule.scoring_id, scorer_id, layout_id)
        arrays = real_arrays([row.frames for row in of_rule.rows])
        for row, array in zip(of_rule.rows, arrays, strict=True):
            _append_row(parts, key, row, array)
    parts.append(_TRAILER)
    return io.BytesIO(b"".join(parts))


def _append_row(parts: list[bytes], key: tuple[int, int, int, int], row: SegmentRow, frames: bytes) -> None:
    video_id, scoring_id, scorer_id, layout_id = key
    segment, score = row.stored.segment, row.score
    parts.append(
        _FIXED.pack(
            len(COLUMNS), 8, video_id, 4, scoring_id, 4, scorer_id, 2, layout_id, 4, segment.index,
            4, segment.first_frame, 8, row.started_us - _TO_2000_US, 8, row.ended_us - _TO_2000_US,
        )
    )  # fmt: skip
    parts.append(_text(score.status.value))
    reals = (score.score, score.key_score, score.position_score, score.temporal_score, row.peak)
    parts.extend(_NULL if value is None else _REAL.pack(4, value) for value in reals)
    parts.append(frames)
    parts.append(_NULL if score.key_frame is None else _INT.pack(4, score.key_frame))
    parts.append(_int_array(score.grid_frames, _OID_INT4, "i") if score.grid_frames else _NULL)
    parts.append(_int_array(score.window, _OID_INT2, "h") if score.window else _NULL)
    parts.extend(map(_text, (row.winning_text, row.rationale, row.reason, row.raw_answer)))
    parts.append(_jsonb(score.timings_ms))


def real_arrays(rows: Sequence[NDArray[np.float32]]) -> list[bytes]:
    """One ``real[]`` field per row of values, NaN as NULL."""
    if not rows:
        return []
    values = np.concatenate(rows)  # [F]
    missing = np.isnan(values)
    pairs = np.empty((len(values), 2), dtype=">i4")  # length, value
    pairs[:, 0] = 4
    pairs[:, 1] = values.astype(">f4").view(">i4")
    body = pairs.tobytes()  # of all rows at once: eight bytes per value, which NULLs have four of
    fields, first = [], 0
    for row in rows:
        end = first + len(row)
        part = body[8 * first : 8 * end]
        gone = missing[first:end]
        has_nulls = bool(gone.any())
        if has_nulls:
            part = b"".join(_NULL if null else part[8 * i : 8 * i + 8] for i, null in enumerate(gone))
        fields.append(_ARRAY.pack(len(part) + 20, 1, int(has_nulls), _OID_FLOAT4, len(row), 1) + part)
        first = end
    return fields


def _int_array(values: Sequence[int], oid: int, code: str) -> bytes:
    size = 2 if code == "h" else 4
    body = struct.pack(">" + f"i{code}" * len(values), *(part for value in values for part in (size, value)))
    return _ARRAY.pack(len(body) + 20, 1, 0, oid, len(values), 1) + body


def _text(text: str | None) -> bytes:
    if text is None:
        return _NULL
    raw = text.encode("utf-8")
    return struct.pack(">i", len(raw)) + raw


def _jsonb(value: dict[str, float]) -> bytes:
    if not value:
        return _NULL
    raw = b"\x01" + _JSON.encode(value).encode("utf-8")  # version 1, then the text
    return struct.pack(">i", len(raw)) + raw
