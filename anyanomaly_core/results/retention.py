"""How long results are kept: days by camera, and removing what is past them. Footage is never removed.

Expiry has three steps, each safe to stop after: a video's events, verdicts, ledger and segments go and the video is
marked (``expire_video``); partitions all of whose videos are marked are dropped whole; what scores of marked videos
are left in other partitions is deleted row by row. Marked videos are not scored again. Parquet files of marked
videos are orphans, see :mod:`anyanomaly_core.results.orphans`.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    RowMapping,
    Select,
    column,
    func,
    insert,
    select,
    table,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.event_store import lock_video, rederive_without
from anyanomaly_core.results.schema import cameras, retention_changes, segment_scores, units, video_cameras, videos

log = logging.getLogger(__name__)

_DUE = "SELECT video_id, camera, uri, recorded_at, retention_days, due_at, held FROM retention_due ORDER BY due_at"
_PARTITIONS = """SELECT inhrelid::regclass::text FROM pg_inherits
                 WHERE inhparent = 'segment_scores'::regclass ORDER BY 1"""
_EXPIRED_THERE = """SELECT v.video_id, d.held IS FALSE AND :due OR v.expired_at IS NOT NULL AND NOT EXISTS (
                        SELECT FROM legal_holds h WHERE h.video_id = v.video_id AND h.released_at IS NULL)
                    FROM videos_in_partition(:partition) AS p(id) JOIN videos v ON v.video_id = p.id
                    LEFT JOIN retention_due d ON d.video_id = v.video_id"""


@dataclass(frozen=True, slots=True)
class DueVideo:
    """A video whose camera's retention has passed."""

    video_id: int
    camera: str
    uri: str
    recorded_at: datetime
    retention_days: int
    due_at: datetime
    held: bool  # then nothing of it goes


@dataclass(frozen=True, slots=True)
class ExpiredScores:
    """Scores of expired videos that are still in a partition."""

    partition: str
    whole: bool  # nothing else is in it
    video_ids: tuple[int, ...]


def set_retention(engine: Engine, camera_id: str, days: int | None, *, person: str) -> int:
    """Keep the results of a camera for so many days, None: for ever; what is past them goes with the next maintenance.

    Longer days do not bring back what was removed, but make the footage wanted again: its videos are indexed and
    scored anew once ingest is told to look again at known files.

    Args:
        engine: of a user with the owner's rights.
        camera_id: as in ``cameras``.
        days: at least 1.
        person: who decides it; kept in ``retention_changes``.

    Returns:
        How many expired videos are wanted again.

    Raises:
        StorageError: when there is no such camera, or the user may not.
    """
    if days is not None and days < 1:
        raise StorageError("Results are kept for at least one day; leave the days out to keep them for ever.")
    mine = cameras.c.camera_id == camera_id
    try:
        with engine.begin() as connection:
            if not connection.execute(update(cameras).where(mine).values(retention_days=days)).rowcount:
                known = ", ".join(
                    connection.execute(select(cameras.c.camera_id).order_by(cameras.c.camera_id)).scalars()
                )
                raise StorageError(f"There is no camera {camera_id!r}; there are {known or 'none'}.")
            change = {"camera_id": camera_id, "retention_days": days, "changed_by": person}
            connection.execute(insert(retention_changes).values(**change))
            return _restore_videos(connection, camera_id, days)
    except DBAPIError as error:
        said = str(error.orig).strip().splitlines()[0]
        raise StorageError(
            f"The retention of {camera_id} cannot be set: {said}. It takes the owner of the results database."
        ) from None


def _restore_videos(connection: Connection, camera_id: str, days: int | None) -> int:
    v = videos.c
    own = select(video_cameras.c.video_id).where(video_cameras.c.camera_id == camera_id)
    lost = v.video_id.in_(own) & v.expired_at.is_not(None)
    if days is not None:
        end = v.recorded_at + func.make_interval(0, 0, 0, days, 0, 0, func.coalesce(v.duration_s, 0))
        lost &= end >= func.now()
    anew = {"expired_at": None, "indexed_at": None, "state": "registered", "error": None}
    return connection.execute(update(videos).where(lost).values(**anew)).rowcount


def list_retention(connection: Connection) -> list[RowMapping]:
    """A row for each camera: id, name, retention_days (None: for ever), and who set it when, if anybody did."""
    r = retention_changes.c
    newest = select(func.max(r.change_id)).group_by(r.camera_id)
    set_by = select(r.camera_id, r.changed_by, r.changed_at).where(r.change_id.in_(newest)).subquery()
    query = (
        select(cameras.c.camera_id, cameras.c.name, cameras.c.retention_days, set_by.c.changed_by, set_by.c.changed_at)
        .select_from(cameras)
        .outerjoin(set_by, set_by.c.camera_id == cameras.c.camera_id)
        .order_by(cameras.c.camera_id)
    )
    return list(connection.execute(query).mappings())


def past_retention() -> Select[int]:
    """Ids of the videos that are due, held ones included, for conditions."""
    return select(column("video_id", BigInteger)).select_from(table("retention_due"))


def due_videos(connection: Connection) -> list[DueVideo]:
    """Videos past their retention whose results are still there, held ones included, the longest due first."""
    return [DueVideo(**row) for row in connection.execute(text(_DUE)).mappings()]


def expire(engine: Engine, due: DueVideo) -> bool:
    """Remove the results of a video but for its scores; False: it is held, or not due any more.

    An event that goes on in files that stay is derived again from these, and keeps its verdicts.
    """
    with engine.connect() as connection, connection.begin() as transaction:
        lock_video(connection, due.video_id)
        mine = units.c.video_id == due.video_id
        scorings = connection.execute(select(units.c.scoring_id).where(mine, units.c.is_current)).scalars().all()
        connection.execute(update(units).where(mine, units.c.is_current).values(is_current=False))
        rederive_without(connection, [due.video_id], scorings, keep=True)
        expired = bool(connection.execute(text("SELECT expire_video(:id)"), {"id": due.video_id}).scalar_one())
        if not expired:
            transaction.rollback()
        return expired


def expired_scores(connection: Connection, *, as_if_expired: bool = False) -> list[ExpiredScores]:
    """Partitions that hold scores of expired videos; ``as_if_expired`` counts those that are due among them."""
    found = []
    for partition in connection.execute(text(_PARTITIONS)).scalars().all():
        there = connection.execute(text(_EXPIRED_THERE), {"partition": partition, "due": as_if_expired}).all()
        expired = tuple(sorted(video_id for video_id, gone in there if gone))
        if expired:
            found.append(ExpiredScores(partition, len(expired) == len(there), expired))
    return found


def remove_scores(engine: Engine, scores: ExpiredScores) -> str:
    """Drop the partition if nothing else is in it, else delete the rows video by video; says which it was.

    Raises:
        StorageError: when the database refuses.
    """
    try:
        if scores.whole and _drop(engine, scores.partition):
            return "dropped"
        for video_id in scores.video_ids:
            with engine.begin() as connection:
                s = segment_scores.c
                connection.execute(segment_scores.delete().where(s.video_id == video_id))
    except DBAPIError as error:
        raise StorageError(f"{scores.partition} could not be cleared: {str(error.orig).strip()}") from error
    return "rows deleted"


def _drop(engine: Engine, partition: str) -> bool:
    try:
        with engine.begin() as connection:
            return bool(
                connection.execute(text("SELECT drop_expired_partition(:name)"), {"name": partition}).scalar_one()
            )
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) != "55P03":  # lock_not_available
            raise
        log.warning("%s is being read for longer; its rows are deleted one by one instead.", partition)
        return False
