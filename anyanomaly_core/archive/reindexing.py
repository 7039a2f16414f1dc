"""A video whose packets stated other frames than the decoder gives: indexed anew by decoding it."""

import dataclasses
import logging
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from sqlalchemy import Connection, Engine, delete, update

from anyanomaly_core.config import Settings
from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage.examine import examine
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.types import FrameIndex
from anyanomaly_core.profile import SamplingSpec
from anyanomaly_core.results import catalog
from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.holds import is_held
from anyanomaly_core.results.schema import segments, units, video_stretches
from anyanomaly_core.results.segment_store import load_segments, store_segments

log = logging.getLogger(__name__)

_SAME_S = 2e-3  # evenly spaced times are kept to a millisecond


def index_by_decoding(
    engine: Engine, video: StoredVideo, path: Path, *, settings: Settings, sampling: SamplingSpec, why: str
) -> bool:
    """Replace the index of a video by what decoding it gives.

    Args:
        engine: of the results database.
        video: as stored.
        path: its file, with the content that was registered.
        settings: of the installation.
        sampling: how the video is split into segments.
        why: what did not agree.

    Returns:
        Whether frames or times are others than before. Then the segments are new, and every rule has to be scored.

    Raises:
        FootageError: nothing can be decoded, or the frames are others and an event of the video is under hold.
    """
    log.warning("%s: %s; it is indexed anew by decoding it", video.uri, why)
    examined = examine(path, video.content_sha256, Limits.of(settings), settings.fps_without_clock, from_packets=False)
    index, header = examined.index, examined.probe
    if index is None or header is None:
        raise FootageError(examined.error or f"No frame of {video.uri} can be decoded.")
    probe = dataclasses.replace(header, fps=examined.frames_per_second)
    with engine.begin() as connection:
        differs = _differs(connection, video, sampling, index)
        if differs:
            if is_held(connection, video.video_id):
                raise FootageError(
                    f"{video.uri} has other frames than its packets state, and an event of it is under legal hold: "
                    "it is not indexed anew, and not scored, until the hold is released (`anyanomaly holds`)."
                )
            stated = (
                f"the packets stated {video.frame_count} frames, {index.frame_count} were decoded; times are theirs"
            )
            index = dataclasses.replace(index, damage=(stated, *index.damage))
            _forget_segments(connection, video.video_id, stated)
        decoder = f"ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}"
        catalog.store_index(connection, video.video_id, probe, index, decoder=decoder)
        store_segments(connection, video.video_id, sampling, index)
    return differs


def _forget_segments(connection: Connection, video_id: int, why: str) -> None:
    """What was scored stays until it is replaced, but counts as undone."""
    for table in (segments, video_stretches):
        connection.execute(delete(table).where(table.c.video_id == video_id))
    undone = update(units).where(units.c.video_id == video_id, units.c.state == "done")
    connection.execute(undone.values(state="partial", last_error=why))


def _differs(connection: Connection, video: StoredVideo, sampling: SamplingSpec, index: FrameIndex) -> bool:
    if index.frame_count != video.frame_count:
        return True
    known = load_segments(connection, video.video_id, sampling).times_s()
    return bool(np.abs(known - index.times_s).max() > _SAME_S)
