"""The clip of an event: MP4 with H.264 that every browser plays, cut at exact frames on demand, and cached."""

import dataclasses
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Literal
from uuid import UUID

import numpy as np
from sqlalchemy import Engine

from anyanomaly_core.archive.footage import footage_mask
from anyanomaly_core.config import Settings
from anyanomaly_core.file_cache import FileCache
from anyanomaly_core.footage.cut import ClipPart, cut
from anyanomaly_core.footage.join import JoinedPart, join
from anyanomaly_core.footage.masks import Mask
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.review.clips.original import original_file
from anyanomaly_core.review.event_record import EventRecord, load_event_record, load_event_records

_VERSION = 1  # of how clips are made; part of their names
PREVIEW_S = 5.0
_EDGE_S = 1e-6
ENCODER_MB = 1024  # beside what decoding may take


@dataclass(frozen=True, slots=True)
class ClipSpan:
    """The frames of a video that a clip shows. Both ends belong to it."""

    first_frame: int
    last_frame: int
    started_at: datetime  # of the first frame, aware, UTC
    ended_at: datetime  # of the last frame's end
    is_whole: bool  # False: the event is longer than a clip may be


def event_clip(
    engine: Engine, settings: Settings, event_id: UUID, *, before_s: float = 3.0, after_s: float = 3.0
) -> Path:
    """The event with seconds before and after it, as far as its files have them, without sound.

    Of an event longer than ``clip_seconds`` it shows the first so many seconds. Over several files every picture keeps
    the time at which it was recorded.

    Raises:
        StorageError: there is no such event, or the clip cannot be kept.
        FootageError: the footage is gone, holds another content than at ingest, or cannot be decoded.
        ConfigurationError: the file of privacy masks is wrong.
    """
    records = load_event_records(engine, event_id)
    if len(records) > 1:
        return _clip_over_files(settings, records, before_s=before_s, after_s=after_s)
    [event] = records
    span = span_around(event, before_s=before_s, after_s=after_s, max_s=settings.clip_seconds)
    name = _file_name(settings, event, span)
    return review_cache(settings, "clips").get(name, lambda target: cut_clip(settings, event, span, target))


def _clip_over_files(settings: Settings, records: Sequence[EventRecord], *, before_s: float, after_s: float) -> Path:
    spans = spans_over_files(records, before_s=before_s, after_s=after_s, max_s=settings.clip_seconds)
    parts = list(zip(records, spans, strict=False))
    names = "".join(_file_name(settings, event, span) for event, span in parts)
    # The first file is the first to expire, and its clips go with it.
    name = f"{records[0].video.content_sha256}-files-{sha256(names.encode()).hexdigest()}.mp4"

    def make(target: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="clip-", dir=settings.state_dir) as folder:
            joined = []
            for number, (event, span) in enumerate(parts):
                clip = Path(folder) / f"{number}.mp4"
                cut_clip(settings, event, span, clip)
                at_s = (span.started_at - spans[0].started_at).total_seconds()
                joined.append(JoinedPart(clip, at_s, span.last_frame - span.first_frame + 1))
            join(joined, target, limits=clip_limits(settings))

    return review_cache(settings, "clips").get(name, make)


def event_preview(engine: Engine, settings: Settings, event_id: UUID) -> Path:
    """A few seconds around the event's peak, to be looped small. Raises as :func:`event_clip`."""
    event = load_event_record(engine, event_id)
    around = dataclasses.replace(event, first_frame=event.peak_frame, last_frame=event.peak_frame)
    span = span_around(around, before_s=PREVIEW_S / 2, after_s=PREVIEW_S / 2, max_s=PREVIEW_S)
    name = _file_name(settings, event, span)
    return review_cache(settings, "clips").get(name, lambda target: cut_clip(settings, event, span, target))


def spans_over_files(
    records: Sequence[EventRecord], *, before_s: float, after_s: float, max_s: float
) -> list[ClipSpan]:
    """Of each of an event's files what the clip shows: from the event's begin on, to its end, at most ``max_s``.

    Where a file overlaps the next, the next is shown. Fewer spans than files: the others lie behind ``max_s``.
    """
    spans: list[ClipSpan] = []
    for place, event in enumerate(records):
        first, last = event.first_frame, event.last_frame
        left = max_s - (event.video.recorded_at - spans[0].started_at).total_seconds() if spans else max_s
        if left <= 0:
            break
        if place > 0:
            first = 0
        if place < len(records) - 1:
            length_s = (records[place + 1].video.recorded_at - event.video.recorded_at).total_seconds()
            last = int(np.searchsorted(event.segments.times_s(), length_s - _EDGE_S)) - 1
        span = span_around(
            dataclasses.replace(event, first_frame=first, last_frame=max(first, last)),
            before_s=0.0 if place > 0 else before_s,
            after_s=0.0 if place < len(records) - 1 else after_s,
            max_s=left,
        )
        spans.append(span)
    return spans


def span_around(event: EventRecord, *, before_s: float, after_s: float, max_s: float | None) -> ClipSpan:
    """The frames from ``before_s`` seconds before an event to ``after_s`` after it, at most ``max_s`` (None: all)."""
    times = event.segments.times_s()  # [F]
    ends = event.segments.ends_s()  # [F]
    begin = float(times[event.first_frame]) - before_s
    until = float(ends[event.last_frame]) + after_s
    bound = until if max_s is None else min(until, max(begin, 0.0) + max_s)
    first = min(int(np.searchsorted(times, begin - _EDGE_S)), event.first_frame)
    last = max(int(np.searchsorted(times, bound - _EDGE_S)) - 1, first)
    recorded = event.video.recorded_at
    return ClipSpan(
        first,
        last,
        recorded + timedelta(seconds=float(times[first])),
        recorded + timedelta(seconds=float(ends[last])),
        is_whole=last >= event.last_frame,
    )


def cut_clip(settings: Settings, event: EventRecord, span: ClipSpan, target: Path) -> Literal["copied", "encoded"]:
    """Write a clip with today's privacy mask. Returns whether packets were copied. Raises as :func:`event_clip`."""
    path = original_file(settings, event.video)
    mask = footage_mask(settings, event.video)
    times, as_stated = event.segments.times_s(), event.video.times_as_stated
    part = ClipPart(times, span.first_frame, span.last_frame, mask, as_stated)
    return cut(path, part, target, limits=clip_limits(settings))


def clip_limits(settings: Settings) -> Limits:
    """What decoding a clip and encoding it again may use."""
    limits = Limits.of(settings)
    return dataclasses.replace(limits, memory_mb=limits.memory_mb + ENCODER_MB, written_mb=settings.review_cache_mb)


def _file_name(settings: Settings, event: EventRecord, span: ClipSpan) -> str:
    mask = mask_label(footage_mask(settings, event.video))
    return f"{event.video.content_sha256}-{span.first_frame}-{span.last_frame}-{mask}-{_VERSION}.mp4"


def review_cache(settings: Settings, folder: Literal["clips", "stills"]) -> FileCache:
    """The cache of clips or of stills."""
    return FileCache(settings.state_dir / folder, settings.review_cache_mb << 20, setting="ANYANOMALY_REVIEW_CACHE_MB")


def mask_label(mask: Mask | None) -> str:
    """What names of cached files say of the privacy mask."""
    return "open" if mask is None else mask.digest[:12]
