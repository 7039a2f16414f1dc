"""Rows of ``segment_scores`` in PostgreSQL's binary COPY format.

Format: PostgreSQL documentation, COPY, "Binary Format"; arrays as ``array_send`` writes them. Everything is
big-endian, each field preceded by its length, -1 for NULL.
"""

import io
import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.results.rows import RuleRows, SegmentRow
from anyanomaly_core.scoring.types import Status

# Order of the fields below.
COLUMNS = (
    "video_id", "scoring_id", "scorer_id", "layout_id", "segment_index", "first_frame", "started_at", "ended_at",
    "status", "score", "key_score", "position_score", "temporal_score", "peak", "frame_scores", "key_frame",
    "grid_frames", "winning_window", "winning_text", "rationale", "reason", "raw_answer", "timings",
)  # fmt: skip
_ROWS_AT_ONCE = 1024  # of which the bytes are held; ten hours have 18,000 of each rule
_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
_NULL = struct.pack(">i", -1)
_HEAD = struct.Struct(">h iq ii ii ih")  # number of fields, then the four that all rows of a rule have in common
_PLACE = struct.Struct(">ii ii iq iq")  # the four that a segment has in common with itself under other rules
_REAL = struct.Struct(">if")
_FIVE_REALS = struct.Struct(">" + "if" * 5)
_INT = struct.Struct(">ii")
_LENGTH = struct.Struct(">i")
_ARRAY = struct.Struct(">i iii ii")  # length, dimensions, has NULLs, element type, elements, lower bound
_OID_INT2, _OID_INT4, _OID_FLOAT4 = 21, 23, 700
_TO_2000_US = 946_684_800_000_000  # PostgreSQL counts from 2000


def copy_stream(video_id: int, scorer_id: int, layout_id: int, rules: Iterable[RuleRows]) -> "CopyStream":
    """All rows of a unit, ready for ``COPY segment_scores (COLUMNS) FROM STDIN (FORMAT binary)``.

    They are made rule by rule while the server already takes in those before.
    """
    return CopyStream(_chunks((video_id, scorer_id, layout_id), rules))


class CopyStream(io.RawIOBase):
    """Bytes that are made as they are read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, target: Any) -> int:  # noqa: ANN401  (any writable buffer)
        """Fill ``target`` as far as one chunk goes; 0 at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _chunks(unit: tuple[int, int, int], rules: Iterable[RuleRows]) -> Iterator[bytes]:
    yield _HEADER
    fields = _Fields()
    # Nothing here keeps a rule's rows while those of the next are made.
    yield from chain.from_iterable(map(partial(_of_rule, unit, fields), rules))
    yield _TRAILER


def _of_rule(unit: tuple[int, int, int], fields: "_Fields", of_rule: RuleRows) -> Iterator[bytes]:
    video_id, scorer_id, layout_id = unit
    head = _HEAD.pack(len(COLUMNS), 8, video_id, 4, of_rule.rule.scoring_id, 4, scorer_id, 2, layout_id)
    for start in range(0, len(of_rule.rows), _ROWS_AT_ONCE):
        rows = of_rule.rows[start : start + _ROWS_AT_ONCE]
        frames = of_rule.frames[rows[0].segment.first_frame : rows[-1].segment.last_frame + 1]
        parts: list[bytes] = []
        for row, array in zip(rows, real_arrays(frames, [row.segment.frame_count for row in rows]), strict=True):
            _append_row(parts, head, row, array, fields)
        yield b"".join(parts)


def _append_row(parts: list[bytes], head: bytes, row: SegmentRow, frames: bytes, fields: "_Fields") -> None:
    score = row.score
    parts += (
        head,
        fields.place(row),
        _SCORED if score.status is Status.SCORED else _text(score.status.value),
        _reals((score.score, score.key_score, score.position_score, score.temporal_score, row.peak)),
        frames,
        _NULL if score.key_frame is None else _INT.pack(4, score.key_frame),
        fields.ints(score.grid_frames, _OID_INT4) if score.grid_frames else _NULL,
        fields.ints(score.window, _OID_INT2) if score.window else _NULL,
        fields.text(row.winning_text),
        _NULL if row.rationale is None else _text(row.rationale),
        _NULL if row.reason is None else fields.text(row.reason),
        _NULL if row.raw_answer is None else _text(row.raw_answer),
        fields.jsonb(score.timings_ms),
    )


# An enum's value takes longer to look up than everything else of a row.
_SCORED = _LENGTH.pack(len(Status.SCORED.value)) + Status.SCORED.value.encode()


class _Fields:
    """Fields that come again in row after row, made once for all rules of a video."""

    def __init__(self) -> None:
        self._texts: dict[str | None, bytes] = {}
        self._ints: dict[tuple[int, tuple[int, ...]], bytes] = {}
        self._places: dict[int, bytes] = {}
        self._objects: dict[tuple[str, ...], str] = {}

    def place(self, row: SegmentRow) -> bytes:
        """Index, first frame, start and end of a segment."""
        segment = row.segment
        field = self._places.get(segment.index)
        if field is None:
            started, ended = row.started_us - _TO_2000_US, row.ended_us - _TO_2000_US
            field = self._places[segment.index] = _PLACE.pack(
                4, segment.index, 4, segment.first_frame, 8, started, 8, ended
            )
        return field

    def jsonb(self, value: dict[str, float]) -> bytes:
        """An object of numbers; PostgreSQL refuses what is none."""
        if not value:
            return _NULL
        names = tuple(value)
        pattern = self._objects.get(names)
        if pattern is None:
            members = (json.dumps(name).replace("%", "%%") + ":%r" for name in names)
            pattern = self._objects[names] = "\x01{" + ",".join(members) + "}"  # version 1, then the text
        raw = (pattern % tuple(map(float, value.values()))).encode()
        return _LENGTH.pack(len(raw)) + raw

    def text(self, text: str | None) -> bytes:
        field = self._texts.get(text)
        if field is None:
            field = self._texts[text] = _text(text)
        return field

    def ints(self, values: tuple[int, ...], oid: int) -> bytes:
        field = self._ints.get((oid, values))
        if field is None:
            field = self._ints[oid, values] = _int_array(values, oid, "h" if oid == _OID_INT2 else "i")
        return field


def _reals(values: tuple[float | None, ...]) -> bytes:
    if None in values:
        return b"".join(_NULL if value is None else _REAL.pack(4, value) for value in values)
    one, two, three, four, five = values
    return _FIVE_REALS.pack(4, one, 4, two, 4, three, 4, four, 4, five)


def real_arrays(values: NDArray[np.float32], lengths: Sequence[int]) -> list[bytes]:
    """[F] values as ``real[]`` fields of these lengths, one after the other, NaN as NULL."""
    missing = np.isnan(values)
    some_missing = bool(missing.any())
    pairs = np.empty((len(values), 2), dtype=">i4")  # length, value
    pairs[:, 0] = 4
    pairs[:, 1] = values.astype(">f4").view(">i4")
    body = pairs.tobytes()  # of all fields at once: eight bytes per value, which NULLs have four of
    fields, first = [], 0
    for length in lengths:
        end = first + length
        part = body[8 * first : 8 * end]
        has_nulls = some_missing and bool(missing[first:end].any())
        if has_nulls:
            nulls = missing[first:end].tolist()
            part = b"".join(_NULL if null else part[8 * i : 8 * i + 8] for i, null in enumerate(nulls))
        fields.append(_ARRAY.pack(len(part) + 20, 1, int(has_nulls), _OID_FLOAT4, length, 1) + part)
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
    return _LENGTH.pack(len(raw)) + raw
