"""What is missing: videos that no current score exists for, rule by rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection, and_, exists, func, or_, select

from anyanomaly_core.results.catalog import SCORABLE, StoredVideo, load_videos
from anyanomaly_core.results.retention import past_retention
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.schema import rule_versions, units, video_cameras, videos

MAX_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Unit:
    """A video and the rules it is to be scored for, in one pass."""

    video: StoredVideo
    rules: tuple[StoredRule, ...]


def missing_units(
    connection: Connection,
    rules: Sequence[StoredRule],
    scorer_id: int | None,
    *,
    max_attempts: int = MAX_ATTEMPTS,
    camera_ids: Sequence[str] | None = None,
    recorded_from: datetime | None = None,
    recorded_before: datetime | None = None,
    newest_first: bool = False,
    certified_too: bool = False,
) -> list[Unit]:
    """Videos that can be scored and are not, each with the rules it lacks, oldest first.

    Those past their camera's retention are not wanted any more.
    Videos whose scoring failed, wholly or for some segments, are tried ``max_attempts`` times in all.

    Args:
        connection: a read is enough.
        rules: versions to score, all of one profile; a version serves every other with the same scoring.
        scorer_id: that of the profile; None: it never scored anything, so everything is missing.
        max_attempts: tries per video and rule.
        camera_ids: only these cameras.
        recorded_from: only videos that start at or after this moment.
        recorded_before: only videos that start before this moment.
        newest_first: order of the units.
        certified_too: also videos of which a certificate left segments out.
    """
    v, u, rv = videos.c, units.c, rule_versions.c
    place = video_cameras.c  # a content may lie under several cameras; a rule wants it that looks at any of them
    wanted = exists().where(place.video_id == v.video_id, func.glob_matches(place.camera_id, rv.cameras))
    tried = and_(u.video_id == v.video_id, u.scoring_id == rv.scoring_id, u.scorer_id == (scorer_id or 0))
    # What a certificate left out is done, until somebody asks for all of it.
    again = and_(u.state != "done", u.attempts < max_attempts, u.certificate_id.is_(None))
    if certified_too:
        again = or_(again, u.certificate_id.is_not(None))
    query = (
        select(v.video_id, rv.rule_version_id)
        .select_from(videos)
        .join(rule_versions, wanted)
        .outerjoin(units, tried)
        .where(v.expired_at.is_(None), v.video_id.not_in(past_retention()))
        .where(v.state.in_(SCORABLE), rv.rule_version_id.in_([rule.rule_version_id for rule in rules]))
        .where(or_(u.video_id.is_(None), again))
        .order_by(v.recorded_at.desc() if newest_first else v.recorded_at, v.video_id, rv.rule_version_id)
    )
    if camera_ids is not None:
        query = query.where(v.video_id.in_(select(place.video_id).where(place.camera_id.in_(camera_ids))))
    if recorded_from is not None:
        query = query.where(v.recorded_at >= recorded_from)
    if recorded_before is not None:
        query = query.where(v.recorded_at < recorded_before)
    pairs = connection.execute(query).all()
    by_version = {rule.rule_version_id: rule for rule in rules}
    by_id = {video.video_id: video for video in load_videos(connection, sorted({pair.video_id for pair in pairs}))}
    found = []
    for video_id, group in groupby(pairs, key=lambda pair: pair.video_id):
        # Versions that ask the models the same are asked once.
        asked = {by_version[pair.rule_version_id].scoring_id: by_version[pair.rule_version_id] for pair in group}
        found.append(Unit(by_id[video_id], tuple(asked.values())))
    return found
