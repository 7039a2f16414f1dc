"""The index of footage: what every segment shows, as the encoder sees it, so that a question is answered at once."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection, Engine, select

from anyanomaly_core.archive.footage import cameras_mask, footage_mask, verified_footage
from anyanomaly_core.archive.missing import FootageSelection
from anyanomaly_core.archive.reindexing import index_by_decoding
from anyanomaly_core.archive.unit import profile_segments, segment_video
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.embeddings import open_embeddings
from anyanomaly_core.engine.footage_vectors import SegmentVectors, iter_segment_vectors
from anyanomaly_core.engine.progress import Progress
from anyanomaly_core.errors import FootageError, FrameIndexError
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.models.loading import load_encoder
from anyanomaly_core.models.local_revisions import known_revisions
from anyanomaly_core.models.protocols import ImageTextEncoder
from anyanomaly_core.profile import Profile
from anyanomaly_core.results.catalog import StoredVideo, load_video, load_videos
from anyanomaly_core.results.names import require_cameras
from anyanomaly_core.results.search_tables import encoders
from anyanomaly_core.results.vector_store import (
    IndexedVideo,
    StoredEncoder,
    commit_vectors,
    find_encoder,
    masks_of_index,
    register_encoder,
    unindexed_videos,
)
from anyanomaly_core.results.waiting import with_database_retry

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IndexEncoder:
    """An encoder in memory, known to the results database."""

    profile: Profile
    model: ImageTextEncoder
    stored: StoredEncoder


@dataclass(slots=True)
class IndexResult:
    """What indexing some videos came to."""

    counts: Counter[str] = field(default_factory=Counter)  # videos, segments, vectors
    failures: dict[str, str] = field(default_factory=dict)  # uri -> why segments are missing

    def raise_failures(self) -> None:
        """Raise FootageError that names every video that is not wholly in the index, if one is not."""
        if self.failures:
            listed = "; ".join(f"{uri}: {reason}" for uri, reason in self.failures.items())
            raise FootageError(
                f"{len(self.failures)} of {self.counts['videos']} videos are not wholly indexed: {listed}"
            )


def load_index_encoder(engine: Engine, profile: Profile, settings: Settings) -> IndexEncoder:
    """Load a profile's encoder and register it.

    Raises:
        ModelError: when it is not to be had.
    """
    return register_index_encoder(engine, profile, load_encoder(profile, settings), settings)


def register_index_encoder(
    engine: Engine, profile: Profile, model: ImageTextEncoder, settings: Settings
) -> IndexEncoder:
    """As ``load_index_encoder``, of a model that is in memory."""
    dimensions = int(model.encode_texts(["a picture"]).shape[1])

    def register() -> StoredEncoder:
        with engine.begin() as connection:
            return register_encoder(connection, profile, model.revision, dimensions)

    return IndexEncoder(profile, model, with_database_retry(engine, settings.database_patience_s, register))


def missing_from_index(
    connection: Connection, settings: Settings, profile: Profile, selection: FootageSelection
) -> list[StoredVideo]:
    """Videos of a selection that the index of a profile's encoder lacks; no model is loaded.

    A video that was seen through another privacy mask than today's is missing too.

    Raises:
        ConfigurationError: when the archive has no camera of the selection, or the masks cannot be read.
    """
    encoder_id = _latest_encoder(connection, profile, known_revisions(profile, settings).get("encoder"))
    day = timedelta(days=1)  # recordings are stored in UTC: of a camera's day, some lie a day before or after
    first, last = selection.first_day, selection.last_day
    cameras = require_cameras(connection, selection.cameras) if selection.cameras else None
    videos = unindexed_videos(
        connection,
        encoder_id,
        camera_ids=cameras,
        recorded_from=None if first is None else datetime(first.year, first.month, first.day, tzinfo=UTC) - day,
        recorded_before=None if last is None else datetime(last.year, last.month, last.day, tzinfo=UTC) + 2 * day,
    )
    videos += _outdated_videos(connection, settings, encoder_id, {video.video_id for video in videos})
    return [
        video
        for video in videos
        if selection.has_day(video) and (cameras is None or {video.camera_id, *video.cameras} & {*cameras})
    ]


def _outdated_videos(
    connection: Connection, settings: Settings, encoder_id: int | None, known: set[int]
) -> list[StoredVideo]:
    if encoder_id is None:
        return []
    today: dict[frozenset[str], str | None] = {}  # digests, by the cameras of a video
    wanted = []
    for video_id, cameras, digest in masks_of_index(connection, encoder_id):
        if cameras not in today:
            mask = cameras_mask(settings, cameras)
            today[cameras] = None if mask is None else mask.digest
        if digest != today[cameras] and video_id not in known:
            wanted.append(video_id)
    return load_videos(connection, wanted) if wanted else []


def _latest_encoder(connection: Connection, profile: Profile, revision: str | None) -> int | None:
    """The encoder that a profile's vectors were last made by; None: none were, or its revision cannot be known."""
    e = encoders.c
    revisions = [revision] if revision is not None else []
    if not revisions:
        query = select(e.revision).where(e.model == profile.encoder.model).order_by(e.encoder_id.desc())
        revisions = list(connection.execute(query).scalars())
    for one in revisions:
        if (found := find_encoder(connection, profile, one)) is not None:
            return found.encoder_id
    return None


def index_videos(
    engine: Engine,
    videos: Sequence[StoredVideo],
    encoder: IndexEncoder,
    *,
    settings: Settings,
    run_id: int | None,
    progress: Callable[[StoredVideo], Progress],
) -> IndexResult:
    """Put videos into the index, each committed before the next begins.

    A video that cannot be decoded to its end is in the index as far as it can.

    Raises:
        ModelError: when the encoder breaks.
        StorageError: when vectors cannot be written, or the database stays away.
    """
    result = IndexResult()
    for video in videos:
        job = partial(_index, engine, video, encoder, settings=settings, run_id=run_id, progress=progress(video))
        indexed = with_database_retry(engine, settings.database_patience_s, job)
        result.counts["videos"] += 1
        result.counts["segments"] += len(indexed.segments.rows)
        result.counts["vectors"] += sum(len(segment.boxes) for segment in indexed.vectors)
        if indexed.error is not None:
            result.failures[video.uri] = indexed.error
            log.error("%s: %s", video.uri, indexed.error)
    return result


def _index(
    engine: Engine,
    video: StoredVideo,
    encoder: IndexEncoder,
    *,
    settings: Settings,
    run_id: int | None,
    progress: Progress,
) -> IndexedVideo:
    start = time.monotonic()
    with engine.connect() as connection:
        video = load_video(connection, video.video_id)
    mask = footage_mask(settings, video)
    segments = profile_segments(engine, video, encoder.profile)
    found: list[SegmentVectors] = []
    error = None
    try:
        path = verified_footage(settings, video)
        _, segmented = segment_video(engine, video, path, encoder.profile, mask)
        content, revision = video.content_sha256, encoder.model.revision
        with open_embeddings(settings, content, encoder.profile, revision, mask) as embeddings:
            rows = iter_segment_vectors(
                segmented, encoder.model, encoder.profile, limits=Limits.of(settings), embeddings=embeddings
            )
            for row in rows:
                found.append(row)
                progress(len(found), len(segments.rows))
    except FrameIndexError as failure:
        sampling = encoder.profile.sampling
        try:
            index_by_decoding(engine, video, path, settings=settings, sampling=sampling, why=str(failure))
        except FootageError as undecodable:
            error = str(undecodable)
        else:
            return _index(engine, video, encoder, settings=settings, run_id=run_id, progress=progress)
    except FootageError as failure:
        error = str(failure)
    if error is None and len(found) < len(segments.rows):
        error = f"decoding gave {len(found)} of {len(segments.rows)} segments"
    took_ms = (time.monotonic() - start) * 1000
    digest = None if mask is None else mask.digest
    indexed = IndexedVideo(video, segments, digest, found, error, took_ms, run_id)
    commit_vectors(engine, encoder.stored, indexed)
    return indexed
