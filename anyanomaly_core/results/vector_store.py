"""The index: vectors of footage, committed video by video, and the videos that lack them."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import numpy as np
import psycopg2
from numpy.typing import NDArray
from psycopg2 import extensions as pg
from sqlalchemy import Connection, Engine, delete, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.engine.embeddings import encoding_digest
from anyanomaly_core.engine.footage_vectors import SegmentVectors
from anyanomaly_core.errors import StorageError
from anyanomaly_core.profile import Profile
from anyanomaly_core.results.catalog import SCORABLE, StoredVideo, load_videos
from anyanomaly_core.results.event_store import lock_video
from anyanomaly_core.results.moments import segment_bounds, to_datetime
from anyanomaly_core.results.planning import MAX_ATTEMPTS
from anyanomaly_core.results.retention import past_retention
from anyanomaly_core.results.schema import NOW, video_cameras, videos
from anyanomaly_core.results.search_tables import encoders, footage_vectors, indexed_videos
from anyanomaly_core.results.segment_store import VideoSegments

_COLUMNS = "video_id, started_at, encoder_id, segment_index, frame, part, x0, y0, x1, y1, embedding"
_COPY = f"COPY footage_vectors ({_COLUMNS}) FROM STDIN (FORMAT binary)"
_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TO_2000_US = 946_684_800_000_000  # PostgreSQL counts from 2000
_KEY = ("video_id", "encoder_id")


@dataclass(frozen=True, slots=True)
class StoredEncoder:
    """An encoder that vectors were made by."""

    encoder_id: int
    dimensions: int


@dataclass(frozen=True, slots=True)
class VectorRows:
    """Rows of ``footage_vectors`` of one video and encoder."""

    started_us: NDArray[np.int64]  # [n] microseconds since 1970
    segment_index: NDArray[np.int32]  # [n]
    frame: NDArray[np.int32]  # [n]
    part: NDArray[np.int16]  # [n]
    boxes: NDArray[np.int16]  # [n, 4] x0, y0, x1, y1
    embeddings: NDArray[np.float16]  # [n, d]


@dataclass(frozen=True, slots=True)
class IndexedVideo:
    """What indexing a video resulted in."""

    video: StoredVideo
    segments: VideoSegments
    mask_digest: str | None
    vectors: Sequence[SegmentVectors]  # of the segments that could be decoded, in order
    error: str | None  # why the others are missing
    work_ms: float
    run_id: int | None


def register_encoder(connection: Connection, profile: Profile, revision: str, dimensions: int) -> StoredEncoder:
    """The encoder of a profile whose model is loaded; the same model, windows and picture size are the same encoder."""
    digest = encoding_digest(profile, revision, None)
    row = insert(encoders).values(
        digest=digest,
        model=profile.encoder.model,
        pretrained=profile.encoder.pretrained,
        revision=revision,
        dimensions=dimensions,
    )
    connection.execute(row.on_conflict_do_nothing(index_elements=["digest"]))
    found = find_encoder(connection, profile, revision)
    if found is None:
        raise StorageError("The encoder that was just registered is not there.")
    return found


def find_encoder(connection: Connection, profile: Profile, revision: str) -> StoredEncoder | None:
    """The encoder, if it ever made vectors; a read is enough."""
    e = encoders.c
    query = select(e.encoder_id, e.dimensions).where(e.digest == encoding_digest(profile, revision, None))
    found = connection.execute(query).first()
    return None if found is None else StoredEncoder(*found)


def unindexed_videos(
    connection: Connection,
    encoder_id: int | None,
    *,
    camera_ids: Sequence[str] | None = None,
    recorded_from: datetime | None = None,
    recorded_before: datetime | None = None,
) -> list[StoredVideo]:
    """Videos that the index of an encoder lacks, or has wrongly since a clock was corrected; oldest first.

    Videos that could not be decoded to their end are tried ``MAX_ATTEMPTS`` times in all.

    Args:
        connection: a read is enough.
        encoder_id: None: it never made a vector, so everything is missing.
        camera_ids: only these cameras.
        recorded_from: only videos that start at or after this moment.
        recorded_before: only videos that start before this moment.
    """
    v, i = videos.c, indexed_videos.c
    mine = (i.video_id == v.video_id) & (i.encoder_id == (encoder_id or 0))
    again = i.error.is_not(None) & (i.attempts < MAX_ATTEMPTS)
    query = (
        select(v.video_id)
        .select_from(videos)
        .outerjoin(indexed_videos, mine)
        .where(v.expired_at.is_(None), v.replaced_by.is_(None), v.state.in_(SCORABLE))
        .where(v.video_id.not_in(past_retention()))
        .where(or_(i.video_id.is_(None), i.recorded_at != v.recorded_at, again))
    )
    if camera_ids is not None:
        place = video_cameras.c
        query = query.where(v.video_id.in_(select(place.video_id).where(place.camera_id.in_(camera_ids))))
    if recorded_from is not None:
        query = query.where(v.recorded_at >= recorded_from)
    if recorded_before is not None:
        query = query.where(v.recorded_at < recorded_before)
    found = load_videos(connection, list(connection.execute(query).scalars()))
    return sorted(found, key=lambda video: (video.recorded_at, video.video_id))


def masks_of_index(connection: Connection, encoder_id: int) -> Iterator[tuple[int, frozenset[str], str | None]]:
    """Id, cameras and the digest of the privacy mask at indexing, for every video of an index."""
    i, p = indexed_videos.c, video_cameras.c
    others = select(func.array_agg(p.camera_id)).where(p.video_id == i.video_id).scalar_subquery()
    query = select(i.video_id, videos.c.camera_id, others, i.mask_digest).join_from(indexed_videos, videos)
    query = query.where(i.encoder_id == encoder_id).execution_options(yield_per=10_000)
    for video_id, camera, found_under, digest in connection.execute(query):
        yield video_id, frozenset({camera, *(found_under or ())}), digest


def commit_vectors(engine: Engine, encoder: StoredEncoder, result: IndexedVideo) -> int:
    """Write a video into the index, in the place of what was there; returns the number of vectors.

    Raises:
        StorageError: nothing was changed, and why.
    """
    rows = _rows(result, encoder.dimensions)
    try:
        _make_partitions(engine, rows)
        with engine.begin() as connection:
            lock_video(connection, result.video.video_id)
            _refuse_changed(connection, result.video)
            f = footage_vectors.c
            mine = (f.video_id == result.video.video_id) & (f.encoder_id == encoder.encoder_id)
            connection.execute(delete(footage_vectors).where(mine))
            copy_vectors(connection, result.video.video_id, encoder, rows)
            _record(connection, encoder, result, len(rows.part))
    except (DBAPIError, psycopg2.Error) as error:
        said = str(getattr(error, "orig", None) or error).strip()
        raise StorageError(f"Vectors of video {result.video.video_id} could not be written: {said}") from error
    return len(rows.part)


def copy_vectors(connection: Connection, video_id: int, encoder: StoredEncoder, rows: VectorRows) -> None:
    """Add rows with COPY; their partitions must be there."""
    cursor = cast("pg.cursor", connection.connection.cursor())
    try:
        cursor.copy_expert(_COPY, io.BytesIO(_binary(video_id, encoder, rows)), size=1 << 18)
    finally:
        cursor.close()


def _binary(video_id: int, encoder: StoredEncoder, rows: VectorRows) -> bytes:
    """PostgreSQL's binary COPY format; a halfvec is its dimensions, an unused number and the halves, big-endian."""
    d = encoder.dimensions
    fields = [("video", ">i8"), ("started", ">i8"), ("encoder", ">i4"), ("segment", ">i4"), ("frame", ">i4")]
    fields += [(name, ">i2") for name in ("part", "x0", "y0", "x1", "y1")]
    layout: list[tuple[str, str] | tuple[str, str, tuple[int]]] = [("fields", ">i2")]
    for name, kind in fields:
        layout += [(f"{name}_bytes", ">i4"), (name, kind)]
    layout += [("vector_bytes", ">i4"), ("dimensions", ">i2"), ("unused", ">i2"), ("vector", ">f2", (d,))]
    table = np.zeros(len(rows.part), np.dtype(layout))
    table["fields"] = len(fields) + 1
    for name, kind in fields:
        table[f"{name}_bytes"] = np.dtype(kind).itemsize
    table["video"], table["started"], table["encoder"] = video_id, rows.started_us - _TO_2000_US, encoder.encoder_id
    table["segment"], table["frame"], table["part"] = rows.segment_index, rows.frame, rows.part
    for column, name in enumerate(("x0", "y0", "x1", "y1")):
        table[name] = rows.boxes[:, column]
    table["vector_bytes"], table["dimensions"], table["vector"] = 4 + 2 * d, d, rows.embeddings
    return _HEADER + table.tobytes() + b"\xff\xff"


def _rows(result: IndexedVideo, dimensions: int) -> VectorRows:
    bounds = {row.segment.index: segment_bounds(result.video.recorded_at, row)[0] for row in result.segments.rows}
    started, index, frame, part, boxes = [], [], [], [], []
    embeddings: list[NDArray[np.float16]] = []
    for segment in result.vectors:
        if segment.vectors is None:
            continue
        embeddings.append(segment.vectors)
        for number, box in enumerate(segment.boxes):
            started.append(bounds[segment.segment.index])
            index.append(segment.segment.index)
            frame.append(segment.frame)
            part.append(number)
            boxes.append(box)
    return VectorRows(
        np.array(started, np.int64),
        np.array(index, np.int32),
        np.array(frame, np.int32),
        np.array(part, np.int16),
        np.array(boxes, np.int16).reshape(-1, 4),
        np.concatenate([np.zeros((0, dimensions), np.float16), *embeddings]),
    )


def make_partitions(engine: Engine, started_us: Iterable[int]) -> None:
    """Make the partitions of these months in a short transaction of their own, so that nobody waits for a video's."""
    months = {to_datetime(moment).replace(day=1).date() for moment in started_us}
    with engine.begin() as connection:
        for month in sorted(months):
            connection.execute(text("SELECT ensure_vector_partition(:moment)"), {"moment": f"{month} 00:00:00+00"})


def _make_partitions(engine: Engine, rows: VectorRows) -> None:
    make_partitions(engine, np.unique(rows.started_us).tolist())


def _refuse_changed(connection: Connection, video: StoredVideo) -> None:
    """What expired or was corrected meanwhile must not come back."""
    v = videos.c
    query = select(v.expired_at, v.replaced_by, v.recorded_at).where(v.video_id == video.video_id)
    expired_at, replaced_by, recorded_at = connection.execute(query).one()
    if expired_at is not None or replaced_by is not None or recorded_at != video.recorded_at:
        raise StorageError(f"{video.uri} expired, was replaced or got another recording time while it was indexed.")


def _record(connection: Connection, encoder: StoredEncoder, result: IndexedVideo, vectors: int) -> None:
    row = insert(indexed_videos).values(
        video_id=result.video.video_id,
        encoder_id=encoder.encoder_id,
        layout_id=result.segments.layout_id,
        recorded_at=result.video.recorded_at,
        mask_digest=result.mask_digest,
        segments=len(result.segments.rows),
        same_as=[segment.same_as for segment in result.vectors],
        vectors=vectors,
        error=result.error,
        work_ms=result.work_ms,
        run_id=result.run_id,
    )
    given = {column.name for column in indexed_videos.columns} - {*_KEY, "attempts", "finished_at"}
    again: dict[str, Any] = {name: row.excluded[name] for name in given}
    again |= {"attempts": indexed_videos.c.attempts + 1, "finished_at": NOW}
    connection.execute(row.on_conflict_do_update(index_elements=list(_KEY), set_=again))


def index_size(connection: Connection) -> int:
    """Bytes of the vectors of all encoders, with their keys."""
    size = text("SELECT coalesce(sum(pg_total_relation_size(relid)), 0) FROM pg_partition_tree('footage_vectors')")
    return int(connection.execute(size).scalar_one())
