"""The catalogue of footage: cameras, files and videos; registering again changes nothing. Callers commit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Double,
    RowMapping,
    Text,
    any_,
    case,
    exists,
    func,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert

from anyanomaly_core.errors import StorageError
from anyanomaly_core.footage.pace import Pace, Stretch
from anyanomaly_core.footage.types import FoundFile, FrameIndex, Probe
from anyanomaly_core.results.schema import NOW, cameras, video_cameras, video_files, video_stretches, videos
from anyanomaly_core.results.segment_store import load_pace, store_pace

SCORABLE = ("ready", "damaged")
_MAX_DAMAGE = 50
_STORED = (
    "video_id", "content_sha256", "camera_id", "time_zone", "uri", "recorded_at", "state", "frame_count", "duration_s",
    "times_as_stated",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredVideo:
    """A video as the database knows it."""

    video_id: int
    content_sha256: str
    camera_id: str
    time_zone: str  # of the camera
    uri: str
    recorded_at: datetime  # aware, UTC
    state: str
    frame_count: int | None  # None: not decoded yet, or unreadable
    duration_s: float | None
    fps: Fraction  # 0 when unknown
    times_as_stated: bool = True  # as in FrameIndex
    from_packets: bool = False  # its frames were counted by its packets; no decoder has confirmed it
    cameras: tuple[str, ...] = ()  # all that its content was ever found under
    pace: Pace = field(default_factory=Pace)  # of its frames; empty: not decoded

    @property
    def local_date(self) -> str:
        """Day of the recording's start in the camera's time zone, yyyy-mm-dd."""
        return self.recorded_at.astimezone(ZoneInfo(self.time_zone)).date().isoformat()


def register_camera(connection: Connection, camera_id: str, time_zone: str) -> None:
    """Make a camera known with the zone of its installation; a known one keeps its own zone."""
    row = insert(cameras).values(camera_id=camera_id, name=camera_id, time_zone=time_zone)
    connection.execute(row.on_conflict_do_nothing(index_elements=["camera_id"]))


def changed_files(connection: Connection, files: Sequence[FoundFile]) -> list[FoundFile]:
    """Files that are new, had another size or time of change, or a problem; all others need no new hash."""
    f = video_files.c
    arrays = (
        literal([found.uri for found in files], ARRAY(Text)),
        literal([found.size for found in files], ARRAY(BigInteger)),
        literal([found.modified for found in files], ARRAY(Double)),
    )
    listed = func.unnest(*arrays).table_valued("uri", "size", "modified", with_ordinality="number").render_derived()
    same = (f.uri == listed.c.uri) & (f.size == listed.c.size) & (f.modified == listed.c.modified) & f.problem.is_(None)
    query = select(listed.c.number).where(~exists().where(same)).order_by(listed.c.number)
    return [files[number - 1] for number in connection.execute(query).scalars()]


def store_file(connection: Connection, found: FoundFile, content_sha256: str | None) -> int | None:
    """Register a file and, when its content is new, its video, whose camera and time are those the first file states.

    Args:
        connection: in a transaction.
        found: its camera must be registered when it has no problem.
        content_sha256: of the whole file; not used when the file has a problem.

    Returns:
        Id of the video, or None for a file with a problem, which is remembered with it.

    Raises:
        StorageError: when camera, recording time or content are missing although the file has no problem.
    """
    if found.problem is not None:
        _upsert_file(connection, found, None)
        return None
    if content_sha256 is None or found.camera is None or found.recorded_at is None or found.recorded_at_source is None:
        raise StorageError(f"{found.uri} cannot be registered: camera, recording time and content hash must be known.")
    row = insert(videos).values(
        content_sha256=content_sha256,
        camera_id=found.camera,
        uri=found.uri,
        recorded_at=found.recorded_at,
        recorded_at_source=found.recorded_at_source,
    )
    connection.execute(row.on_conflict_do_nothing(index_elements=["content_sha256"]))
    same = videos.c.content_sha256 == content_sha256
    video_id = int(connection.execute(select(videos.c.video_id).where(same)).scalar_one())
    place = insert(video_cameras).values(video_id=video_id, camera_id=found.camera)
    connection.execute(place.on_conflict_do_nothing())
    _upsert_file(connection, found, video_id)
    _restore_found(connection, video_id, found.uri)
    _replace(connection, found.uri, video_id)
    return video_id


def _replace(connection: Connection, uri: str, video_id: int) -> None:
    """Another content may have lain under this name before: what no other name has any more is replaced.

    The recording was looked at while it was written, was repaired, or exported again. Until the new content is scored,
    the results of the old one stay as they are.
    """
    v = videos.c
    _settle_names(connection, (v.uri == uri) & (v.video_id != video_id))
    before = (v.uri == uri) & (v.video_id != video_id) & (v.state == "missing") & v.replaced_by.is_(None)
    earlier = v.replaced_by.in_(select(v.video_id).where(before))  # it had replaced others itself
    connection.execute(update(videos).where(earlier).values(replaced_by=video_id))
    connection.execute(update(videos).where(before).values(replaced_by=video_id))
    connection.execute(update(videos).where(v.video_id == video_id).values(replaced_by=None))


def cameras_of(connection: Connection, content_sha256: str) -> dict[str, str]:
    """Cameras that a content was ever found under, each with its time zone; none: it is new."""
    p = video_cameras.c
    query = select(cameras.c.camera_id, cameras.c.time_zone).join(video_cameras, p.camera_id == cameras.c.camera_id)
    query = query.join(videos, videos.c.video_id == p.video_id).where(videos.c.content_sha256 == content_sha256)
    rows = connection.execute(query.order_by(cameras.c.camera_id))
    return {row.camera_id: row.time_zone for row in rows}


def touch_files(connection: Connection, uris: Sequence[str]) -> int:
    """Note that these files are still there; returns how many of them are known."""
    f = video_files.c
    seen = f.uri == any_(literal(list(uris), ARRAY(Text)))
    back = (
        select(videos.c.video_id, func.min(f.uri))
        .join(video_files, f.video_id == videos.c.video_id)
        .where(seen, f.missing_since.is_not(None), videos.c.state == "missing")
        .group_by(videos.c.video_id)
    )
    for video_id, uri in connection.execute(back).all():
        _restore_found(connection, video_id, uri)
    return connection.execute(update(video_files).where(seen).values(seen_at=NOW, missing_since=None)).rowcount


def mark_missing(connection: Connection, seen_before: datetime) -> int:
    """Files not seen since ``seen_before`` are missing, and videos that have no file left; returns how many files."""
    f = video_files.c
    gone = update(video_files).where(f.seen_at < seen_before, f.missing_since.is_(None)).values(missing_since=NOW)
    count = connection.execute(gone).rowcount
    _settle_names(connection)
    return count


def store_index(connection: Connection, video_id: int, probe: Probe, index: FrameIndex, *, decoder: str) -> None:
    """Keep what packets or decoding say; the video becomes ``ready``, or ``damaged`` when the decoder complained.

    Times of a video that was read before stay as they are: its segments and scores have them.
    """
    whole = not index.damage and index.complete
    times: dict[str, object] = {}
    if not load_pace(connection, video_id).stretches:
        pace = Pace.of(index.times_s, probe.fps)
        store_pace(connection, video_id, pace)
        end = pace.stretches[-1].end_s
        times = {
            "frame_count": index.frame_count,
            "duration_s": end,
            "no_footage_s": round(max(0.0, end - pace.recorded_s), 6),
            "times_as_stated": index.as_stated,
        }
    connection.execute(
        update(videos)
        .where(videos.c.video_id == video_id)
        .values(
            state="ready" if whole else "damaged",
            error=None,
            damage=list(index.damage[:_MAX_DAMAGE]),
            complete=index.complete,
            decoder=None if index.from_packets else decoder,
            indexed_at=NOW,
            **_header(probe),
            **times,
        )
    )


def mark_unreadable(connection: Connection, video_id: int, error: str, probe: Probe | None = None) -> None:
    """No frame of the video can be decoded, and why; the length is the header's word for it, if there is one."""
    header = {} if probe is None else {**_header(probe), "duration_s": probe.duration_s}
    connection.execute(
        update(videos)
        .where(videos.c.video_id == video_id)
        .values(state="unreadable", error=error[:2000], indexed_at=NOW, **header)
    )


def load_videos(connection: Connection, video_ids: Sequence[int] | None = None) -> list[StoredVideo]:
    """Videos by id, or all, ordered by recording time."""
    p = video_cameras.c
    places = select(func.array_agg(aggregate_order_by(p.camera_id, p.camera_id))).where(p.video_id == videos.c.video_id)
    s = video_stretches.c
    stretch = func.json_build_array(s.first_frame, s.frame_count, s.start_s, s.end_s)
    stretches = select(func.json_agg(aggregate_order_by(stretch, s.first_frame))).where(s.video_id == videos.c.video_id)
    query = select(videos, cameras.c.time_zone, places.scalar_subquery().label("cameras")).join(cameras)
    query = query.add_columns(stretches.scalar_subquery().label("stretches"))
    query = query.order_by(videos.c.recorded_at, videos.c.video_id)
    if video_ids is not None:
        query = query.where(videos.c.video_id.in_(video_ids))
    return [_stored_video(row) for row in connection.execute(query).mappings()]


def load_video(connection: Connection, video_id: int) -> StoredVideo:
    """One video; raises StorageError when there is none with this id."""
    found = load_videos(connection, [video_id])
    if not found:
        raise StorageError(f"There is no video {video_id} in the results database.")
    return found[0]


def _stored_video(v: RowMapping) -> StoredVideo:
    fps = Fraction(v["fps_num"], v["fps_den"]) if v["fps_den"] else Fraction(0)
    pace = Pace(tuple(Stretch(*row) for row in v["stretches"] or ()))
    return StoredVideo(
        **{name: v[name] for name in _STORED},
        fps=fps,
        from_packets=v["decoder"] is None,
        cameras=tuple(v["cameras"] or ()),
        pace=pace,
    )


def _header(probe: Probe) -> dict[str, object]:
    return {
        "fps_num": probe.fps.numerator,
        "fps_den": probe.fps.denominator,
        "width": probe.width,
        "height": probe.height,
        "rotation": probe.rotation,
        "codec": probe.codec,
    }


def _upsert_file(connection: Connection, found: FoundFile, video_id: int | None) -> None:
    row = insert(video_files).values(
        uri=found.uri,
        video_id=video_id,
        camera_id=None if video_id is None else found.camera,
        recorded_at=found.recorded_at,
        size=found.size,
        modified=found.modified,
        problem=found.problem,
        seen_at=NOW,
        missing_since=None,
    )
    new = {column.name: row.excluded[column.name] for column in video_files.c if column.name != "uri"}
    connection.execute(row.on_conflict_do_update(index_elements=["uri"], set_=new))


def _settle_names(connection: Connection, only: ColumnElement[bool] | None = None) -> None:
    """Videos without a file are missing; others are read under a name that still has their content."""
    f, v = video_files.c, videos.c
    mine = (f.video_id == v.video_id) & f.missing_since.is_(None)
    some = true() if only is None else only
    connection.execute(update(videos).where(some, ~exists().where(mine), v.state != "missing").values(state="missing"))
    first = select(func.min(f.uri)).where(mine).scalar_subquery()
    wrong = exists().where(mine) & ~exists().where(mine, f.uri == v.uri)
    connection.execute(update(videos).where(some, wrong).values(uri=first))


def _restore_found(connection: Connection, video_id: int, uri: str) -> None:
    """A missing video whose content has been found again is what it was before."""
    v = videos.c
    whole = v.complete & (func.cardinality(v.damage) == 0)
    before = case(
        (v.error.is_not(None), "unreadable"),
        (v.frame_count.is_(None), "registered"),
        (whole, "ready"),
        else_="damaged",
    )
    missing = (v.video_id == video_id) & (v.state == "missing")
    connection.execute(update(videos).where(missing).values(state=before.cast(v.state.type), uri=uri, replaced_by=None))
