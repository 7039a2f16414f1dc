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
from anyanomaly_core.footage.nearby import read_nearby
from anyanomaly_core.footage.probe import probe
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.profile import Profile
from anyanomaly_core.results.schema import scorers, segment_scores
from anyanomaly_core.review.blurring.blur import BlurRegions
from anyanomaly_core.review.clips.attention import attention_image
from anyanomaly_core.review.clips.clip import mask_label, review_cache
from anyanomaly_core.review.clips.original import original_file
from anyanomaly_core.review.clips.outline import best_region, draw_outline
from anyanomaly_core.review.event_record import EventRecord, load_event_record
from anyanomaly_core.scoring.types import SegmentFrames

StillKind = Literal["thumbnail", "card", "key", "outline", "grid", "attention"]
THUMBNAIL_SIDE = 320
_SIDES = {"thumbnail": THUMBNAIL_SIDE, "card": 640}  # longest, in pixels; a key frame is as it was filmed
_VERSION = 1  # of how stills are made; part of their names


def event_still(
    engine: Engine, settings: Settings, event_id: UUID, kind: StillKind, *, load_models: bool = False
) -> Path:
    """A picture of an event: ``thumbnail`` and ``card`` are JPEGs of at most 320 and 640 pixels, the others are PNG.

    ``outline`` is the frame where a scorer that marks pixels was most certain, with the border of the mark drawn on it.
    ``thumbnail``, ``card``, ``key`` (as it was filmed) and ``grid`` (the temporal context that the language model
    saw) come from recorded frame numbers and need no model. ``attention`` (the position context that it saw) needs
    the profile's encoder. With ``load_models`` it is made here, otherwise it is returned only if it was made before, by
    ``anyanomaly evidence export`` or the morning report.

    Raises:
        StorageError: there is no such event, or its scorer used no such picture.
        ModelError: ``attention`` was never made and ``load_models`` is not set, or the encoder is missing or is not
            the one that scored the event.
        FootageError: the footage is gone, holds another content than at ingest, or cannot be decoded.
        ConfigurationError: the file of privacy masks is wrong.
    """
    return still_of(engine, settings, load_event_record(engine, event_id), kind, load_models=load_models)


def still_of(
    engine: Engine, settings: Settings, event: EventRecord, kind: StillKind, *, load_models: bool = False
) -> Path:
    """As ``event_still``, of an event that is read already."""
    name = _file_name(settings, event, kind)
    if kind == "attention" and not load_models and not (settings.state_dir / "stills" / name).exists():
        raise ModelError(
            f"The attention image of event {event.event_id} was not made yet; `anyanomaly evidence export` makes it."
        )
    return review_cache(settings, "stills").get(
        name, lambda target: _save(_render(engine, settings, event, kind), target)
    )


def still_exists(settings: Settings, event: EventRecord, kind: StillKind) -> bool:
    """Whether a picture is there already."""
    return (settings.state_dir / "stills" / _file_name(settings, event, kind)).exists()


def _file_name(settings: Settings, event: EventRecord, kind: StillKind) -> str:
    """Name in the cache: everything that the picture depends on."""
    mask = mask_label(footage_mask(settings, event.video))
    peak = f"{event.scoring_id}-{event.scorer_id}-{event.segment_index}-{event.peak_frame}"
    suffix = "jpg" if kind in _SIDES else "png"
    return f"{event.video.content_sha256}-{peak}-{kind}-{mask}-{_VERSION}.{suffix}"


def blurred_still(
    engine: Engine,
    settings: Settings,
    event: EventRecord,
    kind: StillKind,
    regions: BlurRegions,
    *,
    load_models: bool = False,
) -> bytes:
    """A picture as :func:`event_still` makes it, blurred as the clip is, as PNG. Not cached. Raises as event_still."""
    if kind == "attention":
        path = event_still(engine, settings, event.event_id, kind, load_models=load_models)
        number = _key_frame(event, _peak_segment(engine, event))
        [frame] = _frames(settings, event, original_file(settings, event.video), [number], None)
        with Pictures.open(path) as picture:  # the whole key frame, darkened and stretched to a square
            image = regions.apply(number, frame, np.asarray(picture.convert("RGB")))
    else:
        image = _render(engine, settings, event, kind, regions)
    content = io.BytesIO()
    Pictures.fromarray(image).save(content, "PNG")
    return content.getvalue()


def _render(
    engine: Engine, settings: Settings, event: EventRecord, kind: StillKind, regions: BlurRegions | None = None
) -> NDArray[np.uint8]:
    """[H, W, 3] RGB."""
    peak = _peak_segment(engine, event)
    path = original_file(settings, event.video)
    header = probe(path)
    if kind in {*_SIDES, "key"}:
        size = scaled_size(header.width, header.height, _SIDES[kind]) if kind in _SIDES else None
        numbers = [_key_frame(event, peak)]
        return _blur_images(_frames(settings, event, path, numbers, size), numbers, regions)[0]
    if kind == "outline":
        region = best_region(engine, event)
        numbers = [int(region["frame"])]
        [frame] = _blur_images(_frames(settings, event, path, numbers, None), numbers, regions)
        return draw_outline(frame, region)
    profile = Profile.model_validate(peak["profile"])
    size = scaled_size(header.width, header.height, profile.sampling.max_side)
    if kind == "grid":
        if peak["grid_frames"] is None or peak["winning_window"] is None:
            raise StorageError(f"The scorer {profile.name} looked at no grid for event {event.event_id}.")
        numbers = [int(number) for number in peak["grid_frames"]]
        images = _blur_images(_frames(settings, event, path, numbers, size), numbers, regions)
        return _grid(images, peak["winning_window"], profile)
    segment = event.segments.segments[event.segment_index]
    frames = SegmentFrames(segment, tuple(_frames(settings, event, path, segment.sampled, size)))
    return attention_image(engine, settings, event, frames, profile=profile, recorded=peak)


def _blur_images(
    images: Sequence[NDArray[np.uint8]], numbers: Sequence[int], regions: BlurRegions | None
) -> list[NDArray[np.uint8]]:
    if regions is None:
        return list(images)
    return [regions.apply(number, image) for number, image in zip(numbers, images, strict=True)]


def _key_frame(event: EventRecord, peak: RowMapping) -> int:
    return event.peak_frame if peak["key_frame"] is None else int(peak["key_frame"])


def _peak_segment(engine: Engine, event: EventRecord) -> RowMapping:
    """What is recorded of the segment with the event's peak, and of its scorer."""
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
    settings: Settings, event: EventRecord, path: Path, numbers: Sequence[int], size: tuple[int, int] | None
) -> list[NDArray[np.uint8]]:
    """Images [H, W, 3] in the order of ``numbers``."""
    mask, limits = footage_mask(settings, event.video), Limits.of(settings)
    times, as_stated = event.segments.times_s(), event.video.times_as_stated
    found = read_nearby(path, times, numbers, size=size, mask=mask, as_stated=as_stated, limits=limits)
    return [found[number] for number in numbers]


def _grid(images: Sequence[NDArray[np.uint8]], window: Sequence[int], profile: Profile) -> NDArray[np.uint8]:
    """[224, 224, 3] the temporal context, as the scorer made it from the same frames and window.

    It is the same to one grey level: the scorer shrinks with torch, which a web server does not load.
    """
    if profile.encoder.reference_preprocessing:
        return temporal.reference_grid_image([windows.reference_frame240(image) for image in images], window)
    return temporal.grid_image([shrink_or_grow(image, windows.SIDE, windows.SIDE) for image in images], window)


def _save(image: NDArray[np.uint8], target: Path) -> None:
    options: dict[str, Any] = {"quality": 82} if target.suffix == ".jpg" else {}
    Pictures.fromarray(image).save(target, **options)
