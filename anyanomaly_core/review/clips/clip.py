"""The clip of an event: MP4 with H.264 that every browser plays, from the exact frame on, cut on demand and cached."""

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from uuid import UUID

import numpy as np
from sqlalchemy import Engine

from anyanomaly_core.archive.footage import footage_mask
from anyanomaly_core.config import Settings
from anyanomaly_core.footage.cut import Part, cut
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.review.clips.original import original
from anyanomaly_core.review.event_record import FoundEvent, find_event
from anyanomaly_core.review.file_cache import made_once

_VERSION = 1  # of how clips are made; part of their names
_EDGE_S = 1e-6
_ENCODER_MB = 1024  # beside what decoding may take


@dataclass(frozen=True, slots=True)
class Span:
    """What of a file a clip shows."""

    first_frame: int  # numbers in the file; both ends belong to the clip
    last_frame: int
    started_at: datetime  # of the first frame, aware, UTC
    ended_at: datetime  # of the last frame's end
    whole: bool  # False: the event is longer than clips may be, the clip ends before it does


def event_clip(
    engine: Engine, settings: Settings, event_id: UUID, *, before_s: float = 3.0, after_s: float = 3.0
) -> Path:
    """The event with seconds before and after it, as far as its file has them, without sound.

    Of an event longer than ``clip_seconds`` the first so many seconds; :func:`clip_span` says what is shown.

    Raises:
        StorageError: there is no such event.
        FootageError: the footage is gone, holds another content than at ingest, or cannot be decoded.
        ConfigurationError: the file of privacy masks is wrong.
    """
    event = find_event(engine, event_id)
    shown = span(event, before_s=before_s, after_s=after_s, most_s=settings.clip_seconds)
    mask = footage_mask(settings, event.video)
    seen = "open" if mask is None else mask.digest[:12]
    name = f"{event.video.content_sha256}-{shown.first_frame}-{shown.last_frame}-{seen}-{_VERSION}.mp4"
    return made_once(
        settings.state_dir / "clips",
        name,
        lambda target: cut_clip(settings, event, shown, target),
        most_mb=settings.review_cache_mb,
    )


def clip_span(
    engine: Engine, settings: Settings, event_id: UUID, *, before_s: float = 3.0, after_s: float = 3.0
) -> Span:
    """What :func:`event_clip` with the same arguments shows; raises StorageError."""
    event = find_event(engine, event_id)
    return span(event, before_s=before_s, after_s=after_s, most_s=settings.clip_seconds)


def span(event: FoundEvent, *, before_s: float, after_s: float, most_s: float | None) -> Span:
    """The frames shown in ``before_s`` seconds before an event until ``after_s`` after it; ``most_s`` None: all."""
    times = event.segments.times_s()  # [F]
    duration = event.segments.duration_s
    ends = np.append(times[1:], duration)  # [F]
    begin = float(times[event.first_frame]) - before_s
    until = float(ends[event.last_frame]) + after_s
    bound = until if most_s is None else min(until, max(begin, 0.0) + most_s)
    first = min(int(np.searchsorted(times, begin - _EDGE_S)), event.first_frame)
    last = max(int(np.searchsorted(times, bound - _EDGE_S)) - 1, first)
    recorded = event.video.recorded_at
    return Span(
        first,
        last,
        recorded + timedelta(seconds=float(times[first])),
        recorded + timedelta(seconds=float(ends[last])),
        whole=last >= event.last_frame,
    )


def cut_clip(settings: Settings, event: FoundEvent, shown: Span, target: Path) -> Literal["copied", "encoded"]:
    """Write a clip, masked as its footage is now; returns whether packets were copied. Raises as event_clip."""
    path = original(settings, event.video)
    mask = footage_mask(settings, event.video)
    part = Part(event.segments.times_s(), shown.first_frame, shown.last_frame, mask)
    return cut(path, part, target, limits=clip_limits(settings))


def clip_limits(settings: Settings) -> Limits:
    """What cutting may use: as decoding, with room for the encoder and for the clip."""
    limits = Limits.of(settings)
    return dataclasses.replace(limits, memory_mb=limits.memory_mb + _ENCODER_MB, written_mb=settings.review_cache_mb)
