"""Committing a unit of work: rows, ledger, events and Parquet replace what was there, all at once.

What is found after a crash: before the commit, the old rows and either the old or (between rename and commit) the
new Parquet files; running the unit again gives the same new rows and bytes. After the commit, everything.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import cast

import numpy as np
import psycopg2
from psycopg2 import extensions as pg
from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, select, text, update
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results import parquet
from anyanomaly_core.results.binary_copy import COLUMNS, copy_stream
from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.event_store import from_rows, lock_video, replace_events, versions_of
from anyanomaly_core.results.holds import held_scorings
from anyanomaly_core.results.ledger import record
from anyanomaly_core.results.moments import to_datetime
from anyanomaly_core.results.rows import RuleRows, UnitResult, make_rows
from anyanomaly_core.results.rule_store import StoredRule, hold_rules
from anyanomaly_core.results.schema import segment_scores, units, videos
from anyanomaly_core.results.scorer_store import StoredScorer
from anyanomaly_core.results.segment_store import VideoSegments
from anyanomaly_core.scoring.types import SegmentScore, Status

log = logging.getLogger(__name__)

_COPY = f"COPY segment_scores ({', '.join(COLUMNS)}) FROM STDIN (FORMAT binary)"


def commit_unit(engine: Engine, result: UnitResult, parquet_root: Path, *, compression: str = "zstd") -> int:
    """Write a unit; returns the number of events its rules now have in the video.

    Committing the same result again leaves the same rows and the same bytes. Two workers with the same video take
    turns. Scores that an event under legal hold was derived from stay as they are; only the try is counted.

    Args:
        engine: of a user with the writer's rights.
        result: one outcome per segment and rule, failed ones included.
        parquet_root: folder that ``frame_scores/`` and ``segment_scores/`` lie in.
        compression: codec of the Parquet files.

    Raises:
        StorageError: nothing was changed, and why.
    """
    rules = _not_held(engine, result, make_rows(result))
    # Files are packed and flushed to disk while the server takes in the rows.
    with ThreadPoolExecutor(1) as beside:
        staging = beside.submit(
            parquet.stage, parquet_root, result.video, result.scorer, rules, compression=compression
        )
        try:
            return _commit(engine, result, rules, staging)
        except (DBAPIError, psycopg2.Error, OSError) as error:  # the driver's own come out of COPY
            video = result.video.video_id
            raise StorageError(f"Results of video {video} could not be written: {_said(error)}") from error
        finally:
            if staging.exception() is None:
                parquet.discard(staging.result())


def _commit(
    engine: Engine, result: UnitResult, rules: Sequence[RuleRows], staging: "Future[list[parquet.StagedFile]]"
) -> int:
    _make_partitions(engine, rules)
    with engine.begin() as connection:
        lock_video(connection, result.video.video_id)
        _refuse_expired(connection, result.video)
        _replace_scores(connection, result, rules)
        hold_rules(connection)
        shown = record(connection, result, rules)
        events = _derive(connection, result, [of_rule for of_rule in rules if of_rule.rule.scoring_id in shown])
        parquet.publish(staging.result())
    return events


def commit_failure(
    engine: Engine,
    video: StoredVideo,
    segments: VideoSegments,
    rules: Sequence[StoredRule],
    scorer: StoredScorer,
    *,
    reason: str,
    parquet_root: Path,
    run_id: int | None = None,
) -> None:
    """Record that nothing of a unit could be scored: every segment becomes ``failed`` with this reason.

    A result of this scorer that is done, or partly, stays as it is; only the try is counted.
    """
    with engine.begin() as connection:
        lock_video(connection, video.video_id)
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
    commit_unit(engine, UnitResult(video, segments, lost, scorer, scores, frames, run_id), parquet_root)


def _not_held(engine: Engine, result: UnitResult, rules: list[RuleRows]) -> list[RuleRows]:
    """Rules whose scores of this video may be replaced. A hold that comes later makes the transaction fail."""
    with engine.begin() as connection:
        held = held_scorings(connection, result.video.video_id, result.scorer.scorer_id)
        if held:
            frozen = _units(result.video, [r.rule for r in rules if r.rule.scoring_id in held], result.scorer)
            connection.execute(update(units).where(frozen).values(attempts=units.c.attempts + 1))
            log.warning("Scores of %s under legal hold stay as they are: %d rules", result.video.uri, len(held))
    return [of_rule for of_rule in rules if of_rule.rule.scoring_id not in held]


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


def _said(error: Exception) -> str:
    """PostgreSQL's own message, without the statement and its parameters."""
    return str(getattr(error, "orig", None) or error).strip()


def _units(video: StoredVideo, rules: Sequence[StoredRule], scorer: StoredScorer) -> ColumnElement[bool]:
    u = units.c
    scoring_ids = [rule.scoring_id for rule in rules]
    return and_(u.video_id == video.video_id, u.scorer_id == scorer.scorer_id, u.scoring_id.in_(scoring_ids))


def _make_partitions(engine: Engine, rules: Sequence[RuleRows]) -> None:
    """In their own short transaction, so that nobody waits for a unit's."""
    segments = rules[0].rows if rules else ()  # those of every rule
    months = {to_datetime(row.started_us).replace(day=1).date() for row in segments}
    with engine.begin() as connection:
        for month in sorted(months):
            connection.execute(text("SELECT ensure_score_partition(:moment)"), {"moment": f"{month} 00:00:00+00"})


def _replace_scores(connection: Connection, result: UnitResult, rules: Sequence[RuleRows]) -> None:
    s = segment_scores.c
    scorings = [of_rule.rule.scoring_id for of_rule in rules]
    # Without a condition on time: rows of a recording time that was corrected since must go as well.
    mine = and_(s.video_id == result.video.video_id, s.scorer_id == result.scorer.scorer_id, s.scoring_id.in_(scorings))
    connection.execute(delete(segment_scores).where(mine))
    stream = copy_stream(result.video.video_id, result.scorer.scorer_id, result.segments.layout_id, rules)
    cursor = cast("pg.cursor", connection.connection.cursor())
    try:
        cursor.copy_expert(_COPY, stream, size=1 << 18)
    finally:
        cursor.close()


def _derive(connection: Connection, result: UnitResult, rules: Sequence[RuleRows]) -> int:
    """Events of every version that these scores serve; returns how many the unit's own versions have."""
    scored = {r.rule.scoring_id: from_rows(result.video, result.scorer.scorer_id, r) for r in rules}
    versions = versions_of(connection, list(scored))
    found = replace_events(connection, [(scored[version.scoring_id], version) for version in versions])
    return sum(found.get(of_rule.rule.rule_version_id, 0) for of_rule in rules)
