"""Committing a unit of work: rows, ledger, events and Parquet replace what was there, all at once.

What is found after a crash: before the commit, the old rows and either the old or (between rename and commit) the
new Parquet files; running the unit again gives the same new rows and bytes. After the commit, everything.
"""

import logging
from collections.abc import Sequence
from typing import cast

import numpy as np
import psycopg2
from psycopg2 import extensions as pg
from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, select, text, update
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.config import ParquetCodec
from anyanomaly_core.errors import StorageError
from anyanomaly_core.result_folder import ResultFolder, remove
from anyanomaly_core.results import parquet
from anyanomaly_core.results.alert_outbox import queue_alerts
from anyanomaly_core.results.binary_copy import COLUMNS, copy_stream
from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.event_store import lock_video, rederive_without, replace_events, versions_of
from anyanomaly_core.results.holds import held_scorings
from anyanomaly_core.results.leases import Lease
from anyanomaly_core.results.ledger import record_files, record_unit
from anyanomaly_core.results.moments import to_datetime
from anyanomaly_core.results.region_store import make_region_partitions, replace_regions
from anyanomaly_core.results.rows import RuleRows, RuleScores, UnitResult, UnitScores, check_unit, make_rows
from anyanomaly_core.results.rule_store import StoredRule, hold_rules
from anyanomaly_core.results.schema import segment_scores, units, videos
from anyanomaly_core.results.scored_video import from_unit
from anyanomaly_core.results.scorer_store import StoredScorer
from anyanomaly_core.results.segment_store import VideoSegments
from anyanomaly_core.rules.alerts import Target
from anyanomaly_core.scoring.types import SegmentScore, Status

log = logging.getLogger(__name__)

_COPY = f"COPY segment_scores ({', '.join(COLUMNS)}) FROM STDIN (FORMAT binary)"


def commit_unit(
    engine: Engine,
    result: UnitResult,
    parquet_root: ResultFolder,
    *,
    compression: ParquetCodec = "zstd",
    alerts: Sequence[Target] = (),
    lease: Lease | None = None,
) -> int:
    """Write a unit; returns the number of events its rules now have in the video.

    Committing the same result again leaves the same rows and the same bytes. Two workers with the same video take
    turns. Scores that an event under legal hold was derived from stay as they are; only the try is counted.

    Args:
        engine: of a user with the writer's rights.
        result: one outcome per segment and rule, failed ones included.
        parquet_root: folder, or bucket, that ``frame_scores/`` and ``segment_scores/`` lie in.
        compression: codec of the Parquet files.
        alerts: who is to be told of new events; what they are told is queued with the events.
        lease: of the video and scorer; None: nobody else can be at it.

    Raises:
        LeaseLostError: another worker took the video over meanwhile; nothing was changed.
        StorageError: nothing was changed, and why.
    """
    unit = check_unit(result)
    rules = _replaceable_rules(engine, unit)
    try:
        # Files are packed and flushed to disk while the server takes in the rows.
        with parquet.Staging(parquet_root, result.video, result.scorer, compression=compression) as staging:
            return _commit(engine, unit, rules, staging, root=parquet_root, alerts=alerts, lease=lease)
    except (DBAPIError, psycopg2.Error, OSError) as error:  # the driver's own come out of COPY
        video = result.video.video_id
        raise StorageError(f"Results of video {video} could not be written: {_database_message(error)}") from error


def _commit(
    engine: Engine,
    unit: UnitScores,
    rules: Sequence[RuleScores],
    staging: parquet.Staging,
    *,
    root: ResultFolder,
    alerts: Sequence[Target],
    lease: Lease | None,
) -> int:
    _make_partitions(engine, unit)
    with engine.begin() as connection:
        lock_video(connection, unit.result.video.video_id)
        if lease is not None:
            lease.require(connection)
        _refuse_expired(connection, unit.result.video)
        _replace_scores(connection, unit, rules, staging)
        hold_rules(connection)
        shown = record_unit(connection, unit.result, rules)
        events = _derive(connection, unit, [of_rule for of_rule in rules if of_rule.rule.scoring_id in shown])
        _take_over(connection, unit)
        queue_alerts(connection, alerts, unit.result.video.video_id, list(shown))
        files = staging.finish()
        parquet.publish(files)
        parquet.remove_regions_of_before(root, unit.result.video, unit.result.scorer, rules)
        replaced = record_files(connection, unit.result.video.video_id, parquet.names(files, root))
    for name in replaced:
        remove(root / name)
    return events


def _take_over(connection: Connection, unit: UnitScores) -> None:
    """What this content replaces becomes history, rule by rule; verdicts on it are carried over."""
    video_id = unit.result.video.video_id
    query = select(videos.c.video_id).where(videos.c.replaced_by == video_id)
    replaced = connection.execute(query).scalars().all()
    if not replaced:
        return
    scorings = [of_rule.rule.scoring_id for of_rule in unit.rules if of_rule.state != "failed"]
    rederive_without(connection, replaced, scorings)
    for scoring_id in scorings:
        connection.execute(select(func.take_over_results(video_id, scoring_id)))


def commit_failure(
    engine: Engine,
    video: StoredVideo,
    segments: VideoSegments,
    rules: Sequence[StoredRule],
    scorer: StoredScorer,
    *,
    reason: str,
    parquet_root: ResultFolder,
    run_id: int | None = None,
    lease: Lease | None = None,
) -> None:
    """Record that nothing of a unit could be scored: every segment becomes ``failed`` with this reason.

    A result of this scorer that is done, or partly, stays as it is; only the try is counted.
    """
    with engine.begin() as connection:
        lock_video(connection, video.video_id)
        if lease is not None:
            lease.require(connection)
        good = _units(video, rules, scorer) & (units.c.state != "failed")
        counted = update(units).where(good, units.c.state != "done").values(attempts=units.c.attempts + 1)
        connection.execute(counted)
        kept = set(connection.execute(select(units.c.scoring_id).where(good)).scalars())
    lost = tuple(rule for rule in rules if rule.scoring_id not in kept)
    if not lost:
        return
    said = reason.strip() or "unknown"
    scores = [
        SegmentScore(segment.index, rule.rule_version_id, Status.FAILED, reason=said)
        for rule in lost
        for segment in segments.segments
    ]
    nothing = np.full(segments.frame_count, np.nan, dtype=np.float32)
    frames = {rule.rule_version_id: nothing for rule in lost}
    commit_unit(engine, UnitResult(video, segments, lost, scorer, scores, frames, run_id), parquet_root, lease=lease)


def _replaceable_rules(engine: Engine, unit: UnitScores) -> list[RuleScores]:
    """Rules whose scores of this video may be replaced. A hold that comes later makes the transaction fail."""
    video, scorer = unit.result.video, unit.result.scorer
    with engine.begin() as connection:
        held = held_scorings(connection, video.video_id, scorer.scorer_id)
        if held:
            frozen = _units(video, [rule for rule in unit.result.rules if rule.scoring_id in held], scorer)
            connection.execute(update(units).where(frozen).values(attempts=units.c.attempts + 1))
            log.warning("Scores of %s under legal hold stay as they are: %d rules", video.uri, len(held))
    return [of_rule for of_rule in unit.rules if of_rule.rule.scoring_id not in held]


def _refuse_expired(connection: Connection, video: StoredVideo) -> None:
    """A scan that began before the results expired must not bring them back, nor an old recording time."""
    now = select(videos.c.expired_at, videos.c.recorded_at).where(videos.c.video_id == video.video_id)
    expired_at, recorded_at = connection.execute(now).one()
    if expired_at is not None:
        raise StorageError(
            f"{video.uri} is past the retention of its camera and its results were removed; nothing was written."
        )
    if recorded_at != video.recorded_at:
        raise StorageError(
            f"The recording time of {video.uri} was corrected while it was scored; nothing was written. "
            "The next try goes on from its journal."
        )


def _database_message(error: Exception) -> str:
    """PostgreSQL's own message, without the statement and its parameters."""
    return str(getattr(error, "orig", None) or error).strip()


def _units(video: StoredVideo, rules: Sequence[StoredRule], scorer: StoredScorer) -> ColumnElement[bool]:
    u = units.c
    scoring_ids = [rule.scoring_id for rule in rules]
    return and_(u.video_id == video.video_id, u.scorer_id == scorer.scorer_id, u.scoring_id.in_(scoring_ids))


def _make_partitions(engine: Engine, unit: UnitScores) -> None:
    """Make partitions in a short transaction of their own, so that nobody waits for a unit's."""
    months = {to_datetime(started_us).replace(day=1).date() for started_us, _ in unit.bounds_us}
    with engine.begin() as connection:
        for month in sorted(months):
            connection.execute(text("SELECT ensure_score_partition(:moment)"), {"moment": f"{month} 00:00:00+00"})
        make_region_partitions(connection, unit)


def _replace_scores(
    connection: Connection, unit: UnitScores, rules: Sequence[RuleScores], staging: parquet.Staging
) -> None:
    s, result = segment_scores.c, unit.result
    scorings = [of_rule.rule.scoring_id for of_rule in rules]
    # Without a condition on time: rows of a recording time that was corrected since must go as well.
    mine = and_(s.video_id == result.video.video_id, s.scorer_id == result.scorer.scorer_id, s.scoring_id.in_(scorings))
    connection.execute(delete(segment_scores).where(mine))

    def rows(of_rule: RuleScores) -> RuleRows:
        made = make_rows(unit, of_rule)
        staging.add(made)
        return made

    # Rule by rule, as the server takes them in: those of all rules of a long video would fill the memory.
    place = result.video.video_id, result.scorer.scorer_id, result.segments.layout_id
    stream = copy_stream(*place, map(rows, rules))
    cursor = cast("pg.cursor", connection.connection.cursor())
    try:
        cursor.copy_expert(_COPY, stream, size=1 << 18)
    finally:
        cursor.close()
    replace_regions(connection, unit, rules)


def _derive(connection: Connection, unit: UnitScores, rules: Sequence[RuleScores]) -> int:
    """Events of every version that these scores serve; returns how many the unit's own versions have."""
    scored = {of_rule.rule.scoring_id: from_unit(unit, of_rule) for of_rule in rules}
    versions = versions_of(connection, list(scored))
    found = replace_events(connection, [(scored[version.scoring_id], version) for version in versions])
    return sum(found.get(of_rule.rule.rule_version_id, 0) for of_rule in rules)
