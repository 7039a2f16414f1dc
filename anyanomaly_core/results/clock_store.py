"""Moving a video in time: its rows, events and Parquet files follow, its scores stay. Nothing is decoded or scored."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, insert, select, text, update

from anyanomaly_core.config import ParquetCodec
from anyanomaly_core.footage.clocks import Correction, correction_of, describe_correction
from anyanomaly_core.result_folder import ResultFolder, is_bucket
from anyanomaly_core.results import parquet
from anyanomaly_core.results.catalog import StoredVideo, load_video
from anyanomaly_core.results.event_store import lock_video, replace_events, versions_of
from anyanomaly_core.results.ledger import record_files
from anyanomaly_core.results.orphans import RELATIONS, remove_result
from anyanomaly_core.results.region_store import frame_regions
from anyanomaly_core.results.rule_store import list_rules
from anyanomaly_core.results.schema import (
    event_parts,
    legal_holds,
    scorers,
    segment_scores,
    units,
    videos,
)
from anyanomaly_core.results.scored_video import load_scored
from anyanomaly_core.results.scorer_store import StoredScorer

log = logging.getLogger(__name__)
ZoneOfTimes = Callable[[str, str], str]  # camera, path -> IANA name of the zone that its times are written in
_PAGE = 5000  # videos in memory at a time


@dataclass(frozen=True, slots=True)
class TimeCorrection:
    """A video whose recording time is not what it should be by now."""

    video_id: int
    camera: str
    uri: str
    recorded_at: datetime  # what is stored
    stated_at: datetime  # by the footage
    add: timedelta  # to the stated time
    why: str
    held: bool  # an event of it is under legal hold: it stays where it is

    @property
    def target_time(self) -> datetime:
        """The recording time it should have."""
        return self.stated_at + self.add


def find_corrections(
    connection: Connection, clocks: Sequence[Correction], zone: ZoneOfTimes, *only: ColumnElement[bool]
) -> list[TimeCorrection]:
    """Videos whose stored correction is not the one that ``clocks`` has for them, oldest first; ``only`` some."""
    v, h = videos.c, legal_holds.c
    parts = select(event_parts.c.event_id).where(event_parts.c.video_id == v.video_id)
    here = (h.video_id == v.video_id) | h.event_id.in_(parts)
    held = select(h.hold_id).where(here, h.released_at.is_(None)).exists()
    query = select(v.video_id, v.camera_id, v.uri, v.recorded_at, v.clock_offset, held.label("held")).where(*only)
    if not clocks:
        query = query.where(v.clock_offset != timedelta(0))
    found = []
    for row in connection.execute(query.order_by(v.recorded_at, v.video_id), execution_options={"yield_per": _PAGE}):
        stated = row.recorded_at - row.clock_offset
        wanted = correction_of(tuple(clocks), row.camera_id, row.uri, stated, partial(zone, row.camera_id, row.uri))
        if wanted.add != row.clock_offset:
            found.append(
                TimeCorrection(
                    row.video_id, row.camera_id, row.uri, row.recorded_at, stated, wanted.add, wanted.why, row.held
                )
            )
    return found


def correct_time(
    engine: Engine,
    wanted: TimeCorrection,
    clocks: Sequence[Correction],
    zone: ZoneOfTimes,
    root: ResultFolder,
    *,
    compression: ParquetCodec,
) -> bool:
    """Move a video with everything that was found in it, in one transaction; returns whether it was moved.

    As with a commit of scores, new Parquet files get their names just before the commit, so that a crash leaves the
    old rows, and the next try finds what is to be done. Old files whose folder is another go afterwards.

    Args:
        engine: of a user with the writer's rights.
        wanted: as found.
        clocks: asked once more under the video's lock.
        zone: of the times that footage states.
        root: folder of the Parquet files.
        compression: their codec.

    Raises:
        StorageError: a file cannot be written; nothing was changed.
    """
    _make_partitions(engine, wanted)
    staged: list[parquet.StagedFile] = []
    try:
        with engine.begin() as connection:
            lock_video(connection, wanted.video_id)
            current = find_corrections(connection, clocks, zone, videos.c.video_id == wanted.video_id)
            if current != [wanted] or wanted.held:
                return False
            before = load_video(connection, wanted.video_id)
            files = _files(connection, root, before, replace(before, recorded_at=wanted.target_time))
            for file in files:
                if (source := file.old if file.old.exists() else file.new).exists():
                    to = file.new, wanted.target_time
                    staged.append(parquet.stage_with_new_time(source, *to, unit=file.unit, compression=compression))
            _move_video(connection, wanted)
            _move_scores(connection, wanted)
            _derive(connection, wanted.video_id)
            parquet.publish(staged)
            record_files(connection, wanted.video_id, parquet.names(staged, root))
    finally:
        parquet.discard(staged)
    stay = {file.final for file in staged}
    for old in {file.old for file in files} - stay:
        remove_result(old, root)
    return True


def _move_video(connection: Connection, correction: TimeCorrection) -> None:
    source = func.split_part(videos.c.recorded_at_source, ", ", 1)
    because = f": {correction.why}" if correction.why else ""
    note = f", {describe_correction(correction.add)} because of its clock{because}"
    values = {
        "recorded_at": correction.target_time,
        "clock_offset": correction.add,
        "recorded_at_source": source + note if correction.add else source,
    }
    connection.execute(update(videos).where(videos.c.video_id == correction.video_id).values(**values))


def _make_partitions(engine: Engine, correction: TimeCorrection) -> None:
    """Make partitions in a short transaction of their own, so that nobody waits for the move's."""
    s, by = segment_scores.c, correction.target_time - correction.recorded_at
    with engine.begin() as connection:
        months = select(func.date_trunc("month", s.started_at + by, "UTC")).where(s.video_id == correction.video_id)
        for month in connection.execute(months.distinct()).scalars().all():
            connection.execute(text("SELECT ensure_score_partition(:moment)"), {"moment": month})
        f = frame_regions.c
        months = select(func.date_trunc("month", f.frame_at + by, "UTC")).where(f.video_id == correction.video_id)
        for month in connection.execute(months.distinct()).scalars().all():
            connection.execute(text("SELECT ensure_region_partition(:moment)"), {"moment": month})


def _move_scores(connection: Connection, correction: TimeCorrection) -> None:
    """Rows go and come back: the time is what they are partitioned by."""
    s, by = segment_scores.c, correction.target_time - correction.recorded_at
    gone = delete(segment_scores).where(s.video_id == correction.video_id).returning(*s).cte("gone")
    moved = [gone.c[c.name] + by if c.name in {"started_at", "ended_at"} else gone.c[c.name] for c in s]
    connection.execute(insert(segment_scores).from_select([c.name for c in s], select(*moved)))
    f = frame_regions.c
    old = delete(frame_regions).where(f.video_id == correction.video_id).returning(*f).cte("gone")
    regions = [old.c[c.name] + by if c.name == "frame_at" else old.c[c.name] for c in f]
    connection.execute(insert(frame_regions).from_select([c.name for c in f], select(*regions)))


def _derive(connection: Connection, video_id: int) -> None:
    """Events anew: hours of rules are hours of the camera."""
    video = load_video(connection, video_id)
    mine = (units.c.video_id == video_id) & units.c.is_current
    scoring_ids = connection.execute(select(units.c.scoring_id).where(mine)).scalars().all()
    scored = {scoring_id: load_scored(connection, video, scoring_id) for scoring_id in scoring_ids}
    wanted = [(of, version) for version in versions_of(connection, list(scored)) if (of := scored[version.scoring_id])]
    replace_events(connection, wanted)


@dataclass(frozen=True, slots=True)
class _ResultFile:
    """A Parquet file of a video that moves."""

    unit: tuple[int, int]
    old: ResultFolder  # where it lies
    new: ResultFolder  # where it belongs


def _files(connection: Connection, root: ResultFolder, before: StoredVideo, after: StoredVideo) -> list[_ResultFile]:
    u, s = units.c, scorers.c
    query = select(u.scoring_id, u.parquet_files, s.scorer_id, s.digest, s.profile_name, s.code_version)
    rules = {rule.scoring_id: rule for rule in list_rules(connection, all_versions=True)}
    found = []
    for row in connection.execute(query.join_from(units, scorers).where(u.video_id == before.video_id)):
        scorer, rule = StoredScorer(*row[2:]), rules[row.scoring_id]
        old = [parquet.file_path(root, relation, rule, before, scorer) for relation in RELATIONS]
        if is_bucket(root):
            old = [root / name for name in row.parquet_files or ()]
        for path in (path for path in old if is_bucket(root) or path.exists()):  # few units have regions
            relation = str(path)[len(str(root)) + 1 :].partition("/")[0]
            new = parquet.file_path(root, relation, rule, after, scorer)
            found.append(_ResultFile((row.scoring_id, scorer.scorer_id), path, new))
    return found
