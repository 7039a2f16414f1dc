"""Pictures and stretches of any video at any time, event or not: what the timeline shows and plays."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from sqlalchemy import Engine, select

from anyanomaly_core.archive.footage import footage_mask
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.batches import scaled_size
from anyanomaly_core.errors import StorageError
from anyanomaly_core.footage.cut import ClipPart, cut
from anyanomaly_core.footage.nearby import read_nearby
from anyanomaly_core.footage.probe import probe
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.results.catalog import StoredVideo, load_video
from anyanomaly_core.results.schema import segments
from anyanomaly_core.results.segment_store import load_layout
from anyanomaly_core.review.clips.clip import clip_limits, mask_label, review_cache
from anyanomaly_core.review.clips.original import original_file

STRETCH_S = 10.0  # of a video that is cut at once for playing; the next is cut while this one plays
_SIDE = 480  # of a picture, pixels
_VERSION = 1  # of how both are made; part of their names
_EDGE_S = 1e-6


@dataclass(frozen=True, slots=True)
class TimedVideo:
    """A video with the time of each of its frames."""

    video: StoredVideo
    times_s: NDArray[np.float64]  # [F] since the first frame


def load_timed_video(engine: Engine, video_id: int) -> TimedVideo:
    """A registered video; raises StorageError when there is none of this id, or it was never decoded."""
    known = select(segments.c.layout_id).where(segments.c.video_id == video_id).limit(1)
    with engine.connect() as connection:
        layout = connection.execute(known).scalar()
        if layout is None:
            raise StorageError(f"There is no video {video_id}, or it could not be decoded.")
        return TimedVideo(load_video(connection, video_id), load_layout(connection, video_id, layout).times_s())


def moment_still(engine: Engine, settings: Settings, video_id: int, second: float) -> Path:
    """A JPEG of at most 480 pixels: the frame that is on the screen ``second`` seconds after the first.

    Raises:
        StorageError: there is no such video.
        FootageError: the footage is gone, holds another content than at ingest, or cannot be decoded.
        ConfigurationError: the file of privacy masks is wrong.
    """
    found = load_timed_video(engine, video_id)
    frame = max(int(np.searchsorted(found.times_s, second + _EDGE_S)) - 1, 0)
    mask = footage_mask(settings, found.video)
    name = f"{found.video.content_sha256}-{frame}-moment-{mask_label(mask)}-{_VERSION}.jpg"

    def make(target: Path) -> None:
        path = original_file(settings, found.video)
        header = probe(path)
        size = scaled_size(header.width, header.height, _SIDE)
        as_stated, limits = found.video.times_as_stated, Limits.of(settings)
        images = read_nearby(path, found.times_s, [frame], size=size, mask=mask, as_stated=as_stated, limits=limits)
        [image] = images.values()
        Pictures.fromarray(image).save(target, quality=80)

    return review_cache(settings, "stills").get(name, make)


def stretch_clip(engine: Engine, settings: Settings, video_id: int, number: int) -> Path:
    """An MP4 of the seconds from ``number * STRETCH_S`` on, STRETCH_S of them or what is left.

    Raises:
        StorageError: there is no such video, or it is shorter.
        FootageError, ConfigurationError: as :func:`moment_still`.
    """
    found = load_timed_video(engine, video_id)
    first, end = np.searchsorted(found.times_s, np.array([number, number + 1]) * STRETCH_S - _EDGE_S)
    if number < 0 or first >= end:
        raise StorageError(f"There is no stretch {number} of video {video_id}.")
    mask = footage_mask(settings, found.video)
    name = f"{found.video.content_sha256}-{first}-{end - 1}-{mask_label(mask)}-{_VERSION}.mp4"

    def make(target: Path) -> None:
        part = ClipPart(found.times_s, int(first), int(end) - 1, mask, found.video.times_as_stated)
        cut(original_file(settings, found.video), part, target, limits=clip_limits(settings))

    return review_cache(settings, "clips").get(name, make)
