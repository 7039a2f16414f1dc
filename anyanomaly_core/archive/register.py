"""Registering one file of the archive: what it is, its frames, its segments, in one transaction."""

import dataclasses
import logging
from dataclasses import dataclass
from enum import Enum
from functools import partial

import imageio_ffmpeg
from sqlalchemy import Connection, Engine, select

from anyanomaly_core.archive.clocks import correct_clocks
from anyanomaly_core.archive.footage import local_footage
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import FootageError
from anyanomaly_core.footage import sources
from anyanomaly_core.footage.content import sha256
from anyanomaly_core.footage.examine import VideoFile, examine
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.local_time import Zones
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.types import FoundFile
from anyanomaly_core.profile import SamplingSpec
from anyanomaly_core.results import catalog
from anyanomaly_core.results.event_store import rederive_video
from anyanomaly_core.results.schema import videos
from anyanomaly_core.results.segment_store import store_segments

log = logging.getLogger(__name__)


class RegistrationOutcome(Enum):
    """What registering a file came to."""

    NEW = "new"
    DAMAGED = "damaged"  # new; decodes with complaints or only in part
    DUPLICATE = "duplicate"  # its content is known under another name, or was indexed before
    UNREADABLE = "unreadable"  # no frame decodes; in the ledger with the reason
    PROBLEM = "problem"  # not even a video of the archive: no camera, no time, cannot be opened


@dataclass(frozen=True, slots=True)
class Registration:
    """The result for one file."""

    uri: str
    outcome: RegistrationOutcome
    reason: str | None = None
    frames: int = 0


def register_file(
    engine: Engine,
    found: FoundFile,
    *,
    settings: Settings,
    sampling: SamplingSpec,
    again: bool = False,
) -> Registration:
    """Make a file known. It is there afterwards whole or, when this is killed, not at all.

    Args:
        engine: of the results database.
        found: what the archive says of it.
        settings: of the installation.
        sampling: how the video is split into segments at first.
        again: decode although the content was indexed before.
    """
    if found.problem is not None:
        return _remember_problem(engine, found, found.problem)
    try:
        path = local_footage(settings, found.uri)
        limits, fps = Limits.of(settings), settings.fps_without_clock
        index = partial(index_frames, limits=limits, fps_without_clock=fps)  # decoded once: examine asks for it again
        found = sources.with_recording_time(found, path, settings.recorded_at_default, index)
        if found.problem is not None:
            return _remember_problem(engine, found, found.problem)
        digest = sha256(path)
        if not again and _is_indexed(engine, digest):
            return _register_duplicate(engine, found, digest, Zones.of_settings(settings))
        examined = examine(path, digest, limits, fps)
    except FootageError as error:
        return _remember_problem(engine, found, str(error))
    registered = _store(engine, found, examined, zones=Zones.of_settings(settings), sampling=sampling)
    if settings.clocks is not None:
        correct_clocks(engine, settings, content_sha256=digest)
    return registered


def _store(
    engine: Engine, found: FoundFile, examined: VideoFile, *, zones: Zones, sampling: SamplingSpec
) -> Registration:
    with engine.begin() as connection:
        video_id = _register(connection, found, examined.content_sha256, zones)
        if examined.index is None or examined.probe is None:
            reason = examined.error or "nothing could be decoded"
            catalog.mark_unreadable(connection, video_id, reason, examined.probe)
            return Registration(found.uri, RegistrationOutcome.UNREADABLE, reason)
        probe = dataclasses.replace(examined.probe, fps=examined.frames_per_second)
        catalog.store_index(
            connection, video_id, probe, examined.index, decoder=f"ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}"
        )
        store_segments(connection, video_id, sampling, examined.index)
    damage = examined.index.damage
    if damage or not examined.index.complete:
        reason = damage[-1] if damage else "decoding stopped before the end of the file"
        return Registration(found.uri, RegistrationOutcome.DAMAGED, reason, examined.index.frame_count)
    return Registration(found.uri, RegistrationOutcome.NEW, None, examined.index.frame_count)


def _register(connection: Connection, found: FoundFile, digest: str, zones: Zones) -> int:
    """File, camera and video; what was found in a known content is found under its new camera as well."""
    before = catalog.cameras_of(connection, digest)
    catalog.register_camera(connection, str(found.camera), zones.of(found.camera))
    video_id = catalog.store_file(connection, found, digest)
    assert video_id is not None  # noqa: S101  (found has no problem)
    if before and found.camera not in before:
        rederive_video(connection, video_id)
    return video_id


def _register_duplicate(engine: Engine, found: FoundFile, digest: str, zones: Zones) -> Registration:
    with engine.begin() as connection:
        _register(connection, found, digest, zones)
    return Registration(found.uri, RegistrationOutcome.DUPLICATE)


def _remember_problem(engine: Engine, found: FoundFile, reason: str) -> Registration:
    with engine.begin() as connection:
        catalog.store_file(connection, dataclasses.replace(found, problem=reason), None)
    return Registration(found.uri, RegistrationOutcome.PROBLEM, reason)


def _is_indexed(engine: Engine, digest: str) -> bool:
    query = select(videos.c.video_id).where(videos.c.content_sha256 == digest, videos.c.indexed_at.is_not(None))
    with engine.connect() as connection:
        return connection.execute(query).first() is not None
