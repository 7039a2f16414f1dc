"""Pictures of an event: thumbnail, key frame, grid and attention image, made on demand and cached."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from sqlalchemy import Engine, RowMapping, select

from anyanomaly_core.archive.footage import footage_mask
from anyanomaly_core.config import Settings
from anyanomaly_core.contexts import temporal, windows
from anyanomaly_core.contexts.resampling import shrink_or_grow
from anyanomaly_core.engine.batches import scaled_size
from anyanomaly_core.errors import ModelError, StorageError
from anyanomaly_core.footage.nearby import Look, read_nearby
from anyanomaly_core.footage.probe import probe
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.profile import Profile
from anyanomaly_core.results.schema import scorers, segment_scores
from anyanomaly_core.review.blurring.blur import Covering
from anyanomaly_core.review.clips import attention
from anyanomaly_core.review.clips.original import original
from anyanomaly_core.review.event_record import FoundEvent, find_event
from anyanomaly_core.review.file_cache import made_once
from anyanomaly_core.scoring.types import SegmentFrames

Kind = Literal["thumbnail", "key", "grid", "attention"]
KINDS: tuple[Kind, ...] = ("thumbnail", "key", "grid", "attention")
THUMBNAIL_SIDE = 320
_VERSION = 1  # of how stills are made; part of their names


def event_still(engine: Engine, settings: Settings, event_id: UUID, kind: Kind, *, load_models: bool = False) -> Path:
    """A picture of an event: ``thumbnail`` is a JPEG of at most 320 pixels, the others are PNG.

    ``thumbnail``, ``key`` (as it was filmed) and ``grid`` (the temporal context that the language model was shown)
    come from recorded frame numbers and need no model. ``attention`` (the position context that it was shown) needs
    the profile's encoder: with ``load_models`` it is made here, otherwise only returned when it was made before
    (``anyanomaly evidence export`` and the morning report make it).

    Raises:
        StorageError: there is no such event, or its scorer looked at no such picture.
        ModelError: ``attention`` was never made and ``load_models`` is not set; or the encoder is not to be had, or
            is another one than then.
        FootageError: the footage is gone, holds another content than at ingest, or cannot be decoded.
        ConfigurationError: the file of privacy masks is wrong.
    """
    event = find_event(engine, event_id)
    mask = footage_mask(settings, event.video)
    seen = "open" if mask is None else mask.digest[:12]
    what = f"{event.scoring_id}-{event.scorer_id}-{event.segment_index}-{event.peak_frame}"
    ending = "jpg" if kind == "thumbnail" else "png"
    name = f"{event.video.content_sha256}-{what}-{kind}-{seen}-{_VERSION}.{ending}"
    folder = settings.state_dir / "stills"
    if kind == "attention" and not load_models and not (folder / name).exists():
        raise ModelError(
            f"The attention image of event {event_id} was not made yet; `anyanomaly evidence export` makes it."
        )
    return made_once(
        folder,
        name,
        lambda target: _save(_make(engine, settings, event, kind), target),
        most_mb=settings.review_cache_mb,
    )


def covered_still(
    engine: Engine, settings: Settings, event: FoundEvent, kind: Kind, covering: Covering, *, load_models: bool = False
) -> bytes:
    """A picture as :func:`event_still` makes it, covered as the clip is, as PNG; not cached. Raises as event_still."""
    if kind == "attention":
        path = event_still(engine, settings, event.event_id, kind, load_models=load_models)
        number = _key_frame(event, _peak_segment(engine, event))
        [frame] = _frames(settings, event, original(settings, event.video), [number], None)
        with Pictures.open(path) as picture:  # the whole key frame, darkened and stretched to a square
            image = covering.cover(number, frame, np.asarray(picture.convert("RGB")))
    else:
        image = _make(engine, settings, event, kind, covering)
    content = io.BytesIO()
    Pictures.fromarray(image).save(content, "PNG")
    return content.getvalue()


def _make(
    engine: Engine, settings: Settings, event: FoundEvent, kind: Kind, covering: Covering | None = None
) -> NDArray[np.uint8]:
    """[H, W, 3] RGB."""
    peak = _peak_segment(engine, event)
    path = original(settings, event.video)
    if kind in {"thumbnail", "key"}:
        header = probe(path)
        size = scaled_size(header.width, header.height, THUMBNAIL_SIDE) if kind == "thumbnail" else None
        return _covered(
            _frames(settings, event, path, [_key_frame(event, peak)], size), [_key_frame(event, peak)], covering
        )[0]
    profile = Profile.model_validate(peak["profile"])
    header = probe(path)
    size = scaled_size(header.width, header.height, profile.sampling.max_side)
    if kind == "grid":
        if peak["grid_frames"] is None or peak["winning_window"] is None:
            raise StorageError(f"The scorer {profile.name} looked at no grid for event {event.event_id}.")
        numbers = [int(number) for number in peak["grid_frames"]]
        images = _covered(_frames(settings, event, path, numbers, size), numbers, covering)
        return _grid(images, peak["winning_window"], profile)
    segment = event.segments.segments[event.segment_index]
    frames = SegmentFrames(segment, tuple(_frames(settings, event, path, segment.sampled, size)))
    return attention.image(engine, settings, event, frames, profile=profile, recorded=peak)


def _covered(
    images: Sequence[NDArray[np.uint8]], numbers: Sequence[int], covering: Covering | None
) -> list[NDArray[np.uint8]]:
    if covering is None:
        return list(images)
    return [covering.cover(number, image) for number, image in zip(numbers, images, strict=True)]


def _key_frame(event: FoundEvent, peak: RowMapping) -> int:
    return event.peak_frame if peak["key_frame"] is None else int(peak["key_frame"])


def _peak_segment(engine: Engine, event: FoundEvent) -> RowMapping:
    """What is recorded of the segment that the event's peak lies in, and its scorer."""
    s = segment_scores.c
    query = (
        select(s.key_frame, s.grid_frames, s.winning_window, s.winning_text, scorers.c.profile, scorers.c.revisions)
        .join(scorers, scorers.c.scorer_id == s.scorer_id)
        .where(s.video_id == event.video.video_id, s.scoring_id == event.scoring_id)
        .where(s.scorer_id == event.scorer_id, s.segment_index == event.segment_index)
    )
    with engine.connect() as connection:
        row = connection.execute(query).mappings().first()
    if row is None:
        raise StorageError(f"The scores of event {event.event_id} are gone; only the event itself is left.")
    return row


def _frames(
    settings: Settings, event: FoundEvent, path: Path, numbers: Sequence[int], size: tuple[int, int] | None
) -> list[NDArray[np.uint8]]:
    """Images [H, W, 3] in the order of ``numbers``."""
    look = Look(size, footage_mask(settings, event.video))
    found = read_nearby(path, event.segments.times_s(), numbers, look, limits=Limits.of(settings))
    return [found[number] for number in numbers]


def _grid(images: Sequence[NDArray[np.uint8]], window: Sequence[int], profile: Profile) -> NDArray[np.uint8]:
    """[224, 224, 3] the temporal context, as the scorer made it from the same frames and window.

    To a grey level: the scorer shrinks with torch, which a web server does without.
    """
    if profile.encoder.reference_preprocessing:
        return temporal.reference_grid_image([windows.reference_frame240(image) for image in images], window)
    return temporal.grid_image([shrink_or_grow(image, windows.SIDE, windows.SIDE) for image in images], window)


def _save(image: NDArray[np.uint8], target: Path) -> None:
    options: dict[str, Any] = {"quality": 82} if target.suffix == ".jpg" else {}
    Pictures.fromarray(image).save(target, **options)
