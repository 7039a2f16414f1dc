"""Trying again what was given up: after the cause of a failure is mended, nothing stays out for good."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import array

from anyanomaly_core.results.schema import rules, scorings, units, video_cameras, video_files, videos

UNKNOWN = -1.0  # a time of change that no file has


@dataclass(frozen=True, slots=True)
class RetryCounts:
    """What the next ingest and scan will try again."""

    files: int  # unreadable ones; the ingest decodes them again
    videos: int  # with scores that failed, wholly or in part
    units: int  # of a video and a rule each


def retry_failed(connection: Connection, *, uri: str = "*", camera: str = "*", rule: str | None = None) -> RetryCounts:
    """Forget all tries but one, so that it is tried again; results and reasons stay until then.

    Args:
        connection: in a transaction, with the writer's rights.
        uri: pattern of file names relative to the archive root, ``*`` and ``?``.
        camera: pattern of camera ids.
        rule: only this rule's failures; None: of all rules, and unreadable files, which are of no rule.
    """
    v = videos.c
    place = video_cameras.c
    of_camera = select(place.video_id).where(func.glob_matches(place.camera_id, array([camera])))
    chosen = func.glob_matches(v.uri, array([uri])) & v.video_id.in_(of_camera)
    failed = select(units.c.video_id, units.c.scoring_id).join(videos).join(scorings).join(rules)
    failed = failed.where(chosen, units.c.state != "done", units.c.certificate_id.is_(None))
    if rule is not None:
        failed = failed.where(rules.c.name == rule)
    again = update(units).where(tuple_(units.c.video_id, units.c.scoring_id).in_(failed), units.c.state != "done")
    again = again.where(units.c.certificate_id.is_(None))  # a backfill of the rule asks for these
    found = connection.execute(again.values(attempts=1).returning(units.c.video_id, units.c.scoring_id)).all()
    unreadable = _retry_files(connection, chosen) if rule is None else 0
    return RetryCounts(unreadable, len({row.video_id for row in found}), len({tuple(row) for row in found}))


def _retry_files(connection: Connection, chosen: ColumnElement[bool]) -> int:
    """Make the next ingest take unreadable files for changed ones."""
    v, f = videos.c, video_files.c
    found = connection.execute(
        update(videos).where(chosen, v.state == "unreadable").values(indexed_at=None).returning(v.video_id)
    )
    ids = list(found.scalars())
    connection.execute(update(video_files).where(f.video_id.in_(ids)).values(modified=UNKNOWN))
    return len(ids)
