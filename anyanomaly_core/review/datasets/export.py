"""Events with some of their frames as pictures, and the labels in the format that is asked for."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from PIL import Image as Pictures
from sqlalchemy import Engine, text

from anyanomaly_core.archive.footage import footage_mask
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import ConfigurationError, FootageError, StorageError
from anyanomaly_core.footage.nearby import read_nearby
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.results.found_events import EventFilter, load_events
from anyanomaly_core.review.clips.original import original_file
from anyanomaly_core.review.datasets.formats import FORMATS
from anyanomaly_core.review.datasets.labelled import LabelledEvent, Picture
from anyanomaly_core.review.event_record import EventRecord, load_event_record

_QUALITY = 92  # of JPEG
_VERDICTS = text("""
SELECT verdict, reviewer, note, profile, notice, content_sha256
FROM event_list l JOIN videos v USING (video_id) WHERE l.event_id = :event AND l.is_current_version""")


@dataclass(slots=True)
class DatasetExport:
    """What was written."""

    labels: Path
    events: int = 0
    pictures: int = 0
    problems: dict[UUID, str] = field(default_factory=dict)  # events left out, and why


def export_events(
    engine: Engine,
    settings: Settings,
    choice: EventFilter,
    out: Path,
    *,
    dataset_format: str,
    frames: int = 5,
    most: int = 1000,
    advance: Callable[[int, int], None] = lambda _done, _total: None,
) -> DatasetExport:
    """Write ``data/`` with pictures and the labels beside it. An event without usable footage is left out, and told.

    Args:
        engine: a read is enough.
        settings: of the installation.
        choice: which events.
        out: folder, new or empty.
        dataset_format: a name of ``FORMATS``.
        frames: pictures of each event: its first, its last, its peak, and others evenly in between.
        most: events, the newest first.
        advance: told how many of how many events are done.

    Raises:
        ConfigurationError: the folder holds something, or there is no such format.
        StorageError: when there is no such event.
    """
    if dataset_format not in FORMATS:
        raise ConfigurationError(f"{dataset_format!r} is not a format; there are {', '.join(FORMATS)}.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigurationError(f"{out} is not an empty folder; name a new one.")
    with engine.connect() as connection:
        chosen = load_events(connection, choice, most=most)
    if not chosen:
        raise StorageError("No event fits that choice; `anyanomaly events` shows them.")
    name, write = FORMATS[dataset_format]
    (out / "data").mkdir(parents=True, exist_ok=True)
    done, labelled = DatasetExport(out / name), []
    for place, event in enumerate(chosen):
        advance(place, len(chosen))
        try:
            labelled.append(_labelled_event(engine, settings, event.event_id, out, frames))
        except (FootageError, StorageError) as error:
            done.problems[event.event_id] = str(error)
    advance(len(chosen), len(chosen))
    done.events, done.pictures = len(labelled), sum(len(event.pictures) for event in labelled)
    done.labels.write_bytes(write(labelled))
    return done


def frames_of(first: int, last: int, peak: int, count: int) -> list[int]:
    """Up to ``count`` frame numbers, at least the peak: first and last, and others evenly in between."""
    for evenly in (count, count - 1):
        chosen = set(np.linspace(first, last, evenly).round().astype(int).tolist()) | {peak}
        if len(chosen) <= count:
            break
    return sorted(chosen)


def _labelled_event(engine: Engine, settings: Settings, event_id: UUID, out: Path, count: int) -> LabelledEvent:
    event = load_event_record(engine, event_id)
    with engine.connect() as connection:
        said = connection.execute(_VERDICTS, {"event": event_id}).mappings().one()
    numbers = frames_of(event.first_frame, event.last_frame, event.peak_frame, count)
    pictures = _pictures(settings, event, numbers, out)
    return LabelledEvent(event, pictures, {str(name): value for name, value in said.items()})


def _pictures(settings: Settings, event: EventRecord, numbers: Sequence[int], out: Path) -> tuple[Picture, ...]:
    path, times_s = original_file(settings, event.video), event.segments.times_s()
    mask = footage_mask(settings, event.video)
    as_stated, limits = event.video.times_as_stated, Limits.of(settings)
    found: Mapping[int, Any] = read_nearby(path, times_s, numbers, mask=mask, as_stated=as_stated, limits=limits)
    camera = re.sub(r"[^A-Za-z0-9-]+", "-", event.video.camera_id)[:40]
    pictures = []
    for number in numbers:
        image = found[number]
        name = f"{camera}-{event.event_id.hex[:12]}-{number:07d}.jpg"
        Pictures.fromarray(image).save(out / "data" / name, quality=_QUALITY)
        pictures.append(Picture(name, number, float(times_s[number]), image.shape[1], image.shape[0]))
    return tuple(pictures)
