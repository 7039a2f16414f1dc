"""Events in the database: derived with the scores, and again when only thresholds change."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from anyanomaly_core.results.catalog import StoredVideo, cameras_of, load_video, load_videos
from anyanomaly_core.results.events import FrameRun, counted_frames, event_id, find_events
from anyanomaly_core.results.holds import open_holds
from anyanomaly_core.results.moments import frame_moments, to_datetime, to_micros
from anyanomaly_core.results.rows import RuleScores, UnitScores, storable_text
from anyanomaly_core.results.rule_store import StoredRule, list_rules
from anyanomaly_core.results.schema import events, rules, segment_scores, units
from anyanomaly_core.results.segment_store import load_layout
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.scoring.events import Micros, outside_holes


@dataclass(frozen=True, slots=True)
class ScoredSegment:
    """What an event takes from the segment of its peak."""

    index: int
    first_frame: int
    last_frame: int
    score: float | None
    winning_text: str | None
    rationale: str | None


@dataclass(frozen=True, slots=True)
class ScoredVideo:
    """The scores of a video for one scoring, wherever they come from."""

    video: StoredVideo
    scorer_id: int
    scores: NDArray[np.float32]  # [F], NaN where unscored
    starts: Micros  # [F]
    end: int  # of the last frame
    segments: Callable[[], tuple[ScoredSegment, ...]]  # few videos have an event that asks for them


def lock_video(connection: Connection, video_id: int) -> None:
    """Until the transaction ends, nobody else writes results of this video."""
    key = f"anyanomaly video {video_id}"
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def from_unit(unit: UnitScores, of_rule: RuleScores) -> ScoredVideo:
    """Scores that are about to be written."""
    video, scorer = unit.result.video, unit.result.scorer

    def segments() -> tuple[ScoredSegment, ...]:
        pairs = zip(unit.result.segments.segments, of_rule.scores, strict=True)
        return tuple(
            ScoredSegment(
                s.index,
                s.first_frame,
                s.last_frame,
                score.score,
                storable_text(score.text),
                storable_text(score.rationale),
            )
            for s, score in pairs
        )

    return ScoredVideo(video, scorer.scorer_id, of_rule.frames, unit.moments, unit.bounds_us[-1][1], segments)


def versions_of(connection: Connection, scoring_ids: Sequence[int]) -> list[StoredRule]:
    """Every rule version that these scorings serve."""
    return list_rules(connection, all_versions=True, scoring_ids=scoring_ids)


def replace_events(connection: Connection, wanted: Sequence[tuple[ScoredVideo, StoredRule]]) -> dict[int, int]:
    """Derive the events of rule versions in a video, in place of those there; returns how many each version has.

    Content that was found under several cameras has its events under each that the version looks at. The video must be
    locked. Equal scores and definitions give equal rows; those under legal hold stay as they were.

    Args:
        connection: in a transaction.
        wanted: scores of the one video, each with a version that they serve.
    """
    if not wanted:
        return {}
    video = wanted[0][0].video
    versions = [rule.rule_version_id for _, rule in wanted]
    old = (events.c.video_id == video.video_id) & events.c.rule_version_id.in_(versions)
    connection.execute(delete(events).where(old, events.c.event_id.not_in(open_holds())))
    # Asked under the lock: a name under another camera may have come since the video was loaded.
    places = cameras_of(connection, video.content_sha256)
    seen_as = [replace(video, camera_id=camera, time_zone=zone) for camera, zone in places.items()]
    found = dict.fromkeys(versions, 0)
    values = []
    for scored, rule in wanted:
        for place in seen_as:
            here = replace(scored, video=place)
            if runs := derive(here, rule.definition):
                segments = scored.segments()
                values += [_values(here, segments, rule, run, end) | _id(video, rule, run, place) for run, end in runs]
                found[rule.rule_version_id] += len(runs)
    if values:
        connection.execute(insert(events).on_conflict_do_nothing(), values)  # with the held ones
    return found


def derive_again(connection: Connection, video_id: int) -> None:
    """Derive all events of a video from its current scores: it was found under another camera."""
    lock_video(connection, video_id)
    video = load_video(connection, video_id)
    mine = (units.c.video_id == video_id) & units.c.is_current
    scored = {
        scoring_id: load_scored(connection, video, scoring_id)
        for scoring_id in connection.execute(select(units.c.scoring_id).where(mine)).scalars().all()
    }
    wanted = [(of, version) for version in versions_of(connection, list(scored)) if (of := scored[version.scoring_id])]
    replace_events(connection, wanted)


def derive(scored: ScoredVideo, definition: RuleDefinition) -> list[tuple[FrameRun, int]]:
    """Events that a definition finds in a video, in order, each with the moment its last frame ends."""
    if not definition.matches_camera(scored.video.camera_id):
        return []
    ends = outside_holes(scored.starts, np.append(scored.starts[1:], scored.end))
    counted = counted_frames(definition, scored.video, scored.starts)
    runs = find_events(scored.scores, scored.starts, ends, definition, counted)
    return [(run, int(ends[run.last])) for run in runs]


def rederive(engine: Engine, rule: StoredRule) -> int:
    """Derive a rule version's events from the scores that are there, video by video; returns how many there are.

    Nothing is scored. Safe to stop and run again, and beside running scans: units that these commit derive events for
    every version, this one included.
    """
    with engine.connect() as connection:
        mine = (units.c.scoring_id == rule.scoring_id) & units.c.is_current
        videos = load_videos(connection, connection.execute(select(units.c.video_id).where(mine)).scalars().all())
    count = 0
    for video in videos:
        with engine.begin() as connection:
            lock_video(connection, video.video_id)
            scored = load_scored(connection, video, rule.scoring_id)
            count += 0 if scored is None else replace_events(connection, [(scored, rule)])[rule.rule_version_id]
    with engine.begin() as connection:
        current = (rules.c.rule_id == rule.rule_id) & (rules.c.current_version == rule.version)
        connection.execute(update(rules).where(current).values(events_version=rule.version))
    return count


def load_scored(connection: Connection, video: StoredVideo, scoring_id: int) -> ScoredVideo | None:
    """The current scores of a video, or None."""
    unit = connection.execute(
        select(units.c.scorer_id, units.c.layout_id).where(
            units.c.video_id == video.video_id, units.c.scoring_id == scoring_id, units.c.is_current
        )
    ).first()
    if unit is None:
        return None
    s = segment_scores.c
    rows = connection.execute(
        select(s.segment_index, s.first_frame, s.score, s.winning_text, s.rationale, s.frame_scores)
        .where(s.video_id == video.video_id, s.scoring_id == scoring_id, s.scorer_id == unit.scorer_id)
        .order_by(s.segment_index)
    ).all()
    layout = load_layout(connection, video.video_id, unit.layout_id)
    segments = tuple(
        ScoredSegment(
            r[0], r.first_frame, r.first_frame + len(r.frame_scores) - 1, r.score, r.winning_text, r.rationale
        )
        for r in rows
    )
    scores = np.array([np.nan if x is None else x for row in rows for x in row.frame_scores], dtype=np.float32)
    starts = np.concatenate([frame_moments(video.recorded_at, row) for row in layout.rows])
    end = to_micros(video.recorded_at) + round(layout.duration_s * 1e6)
    return ScoredVideo(video, unit.scorer_id, scores, starts, end, lambda: segments)


def _values(
    scored: ScoredVideo, segments: Sequence[ScoredSegment], rule: StoredRule, run: FrameRun, end: int
) -> dict[str, Any]:
    inside = scored.scores[run.first : run.last + 1]
    peak_segment, told = _explain(segments, run)
    return {
        "rule_version_id": rule.rule_version_id,
        "video_id": scored.video.video_id,
        "scorer_id": scored.scorer_id,
        "camera_id": scored.video.camera_id,
        "first_frame": run.first,
        "last_frame": run.last,
        "started_at": to_datetime(int(scored.starts[run.first])),
        "ended_at": to_datetime(end),
        "peak_score": float(scored.scores[run.peak]),
        "peak_frame": run.peak,
        "peak_at": to_datetime(int(scored.starts[run.peak])),
        "mean_score": float(np.nanmean(inside.astype(np.float64))),
        "segment_index": peak_segment.index,
        "winning_text": told.winning_text,
        "rationale": told.rationale,
    }


def _id(video: StoredVideo, rule: StoredRule, run: FrameRun, place: StoredVideo) -> dict[str, Any]:
    other = None if place.camera_id == video.camera_id else place.camera_id
    return {"event_id": event_id(rule.name, video.content_sha256, run.peak, other)}


def _explain(segments: Sequence[ScoredSegment], run: FrameRun) -> tuple[ScoredSegment, ScoredSegment]:
    """The segment of the peak, and the one whose words explain the event: the same if it has any."""
    # Segments lie in order, without gaps: the one that a frame belongs to is the last that begins at or before it.
    at_first, at_last, at_peak = (
        bisect_right(segments, frame, key=lambda s: s.first_frame) - 1 for frame in (run.first, run.last, run.peak)
    )
    inside, peak = segments[at_first : at_last + 1], segments[at_peak]
    if peak.rationale is not None:
        return peak, peak
    speaking = [s for s in inside if s.rationale is not None]
    return peak, max(speaking, key=lambda s: (s.score or 0.0, -s.index), default=peak)


def count_events(connection: Connection, rule_version_id: int) -> int:
    """How many events a rule version has."""
    mine = events.c.rule_version_id == rule_version_id
    return int(connection.execute(select(func.count()).select_from(events).where(mine)).scalar_one())
