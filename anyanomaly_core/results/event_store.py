"""Events in the database: derived with the scores, and again when only thresholds change."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from uuid import UUID

import numpy as np
from sqlalchemy import ColumnElement, Connection, Engine, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from anyanomaly_core.results.catalog import StoredVideo, cameras_of, load_video, load_videos
from anyanomaly_core.results.events import FrameRun, counted_frames, find_events
from anyanomaly_core.results.holds import open_holds
from anyanomaly_core.results.rule_store import StoredRule, list_rules
from anyanomaly_core.results.schema import event_parts, events, rules, units
from anyanomaly_core.results.scored_video import ScoredVideo, load_scored
from anyanomaly_core.results.streams import Neighbour, StreamEvent, linked_video, stream_events
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.scoring.events import outside_holes


def lock_video(connection: Connection, video_id: int) -> None:
    """Until the transaction ends, nobody else writes results of this video."""
    key = f"anyanomaly video {video_id}"
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def versions_of(connection: Connection, scoring_ids: Sequence[int]) -> list[StoredRule]:
    """Every rule version that these scorings serve."""
    return list_rules(connection, all_versions=True, scoring_ids=scoring_ids)


def replace_events(
    connection: Connection, wanted: Sequence[tuple[ScoredVideo, StoredRule]], *, keep: Collection[UUID] = ()
) -> dict[int, int]:
    """Derive the events of rule versions in a video, in place of those there; returns how many each version has.

    Content that was found under several cameras has its events under each that the version looks at. Events that reach
    into the files before and after are derived over these. The video must be locked. Equal scores and definitions give
    equal rows; those under legal hold stay as they were.

    Args:
        connection: in a transaction.
        wanted: scores of the one video, each with a version that they serve.
        keep: events that stay beside what takes their place.
    """
    if not wanted:
        return {}
    video = wanted[0][0].video
    # Asked under the lock: a name under another camera may have come since the video was loaded.
    places = cameras_of(connection, video.content_sha256)
    _lock_cameras(connection, places)
    found = {rule.rule_version_id: 0 for _, rule in wanted}
    for scored, rule in wanted:
        for camera, zone in places.items():
            found[rule.rule_version_id] += _replace(connection, scored.with_camera(camera, zone), rule, keep)
    return found


def _lock_cameras(connection: Connection, cameras: Iterable[str]) -> None:
    """Until the transaction ends, nobody else derives events of these cameras: they may lie in several videos."""
    for camera in sorted(cameras):
        key = f"anyanomaly camera {camera}"
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


def _replace(connection: Connection, scored: ScoredVideo, rule: StoredRule, keep: Collection[UUID]) -> int:
    """Events of one rule version under one camera that a video has a part in; returns how many."""
    derived = _derive(connection, scored, rule)
    there = _overlapping(connection, scored, rule, derived)
    _put(connection, derived, there, rule.rule_version_id, keep)
    done = [*derived]
    # What an event had in other videos is an event of its own now, or none.
    for _, video_id, first, last in there:
        if video_id == scored.video.video_id or _has(done, video_id, first, last):
            continue
        other = load_scored(connection, load_video(connection, video_id), rule.scoring_id)
        if other is not None:
            here = other.with_camera(scored.video.camera_id, scored.video.time_zone)
            left = _derive(connection, here, rule)
            _put(connection, left, _overlapping(connection, here, rule, left), rule.rule_version_id, keep)
            done += left
    return len(derived)


def _derive(connection: Connection, scored: ScoredVideo, rule: StoredRule) -> list[StreamEvent]:
    if not rule.definition.matches_camera(scored.video.camera_id):
        return []
    return stream_events(scored, rule, _neighbours(connection, rule, scored))


def _neighbours(connection: Connection, rule: StoredRule, own: ScoredVideo) -> Neighbour:
    camera, zone, gap = own.video.camera_id, own.video.time_zone, rule.definition.max_gap_s

    def neighbour(video: StoredVideo, after: bool) -> ScoredVideo | None:
        found = linked_video(connection, video, rule.scoring_id, gap, after=after)
        if found is None:
            return None
        other = load_video(connection, found)
        place = replace(other, camera_id=camera)
        if linked_video(connection, place, rule.scoring_id, gap, after=not after) != video.video_id:
            return None  # it goes on from, or with, another file
        scored = load_scored(connection, other, rule.scoring_id)
        return None if scored is None else scored.with_camera(camera, zone)

    return neighbour


Found = tuple[UUID, int, int, int]  # an event's id, and what it has of one of its videos: first and last frame


def _overlapping(
    connection: Connection, scored: ScoredVideo, rule: StoredRule, derived: Sequence[StreamEvent]
) -> list[Found]:
    """Parts, in all videos, of the stored events that have one in the video or share frames with derived ones."""
    videos = {scored.video.video_id} | {part.scored.video.video_id for event in derived for part in event.parts}
    rows = connection.execute(
        _PARTS,
        {"version": rule.rule_version_id, "camera": scored.video.camera_id, "videos": sorted(videos)},
    ).all()
    parts = [(row.event_id, row.video_id, row.first_frame, row.last_frame) for row in rows]
    own = {event for event, video_id, *_ in parts if video_id == scored.video.video_id}
    own |= {event for event, video_id, first, last in parts if _has(derived, video_id, first, last)}
    return [part for part in parts if part[0] in own]


_PARTS = text("""
    WITH mine AS (
        SELECT event_id FROM events
        WHERE rule_version_id = :version AND camera_id = :camera AND video_id = ANY(CAST(:videos AS bigint[]))
        UNION
        SELECT e.event_id FROM event_parts p JOIN events e USING (event_id, rule_version_id)
        WHERE p.rule_version_id = :version AND e.camera_id = :camera AND p.video_id = ANY(CAST(:videos AS bigint[]))
    )
    SELECT e.event_id, coalesce(p.video_id, e.video_id) AS video_id,
           coalesce(p.first_frame, e.first_frame) AS first_frame, coalesce(p.last_frame, e.last_frame) AS last_frame
    FROM mine JOIN events e ON e.event_id = mine.event_id AND e.rule_version_id = :version
    LEFT JOIN event_parts p ON (p.event_id, p.rule_version_id) = (e.event_id, e.rule_version_id)""")


def _has(derived: Sequence[StreamEvent], video_id: int, first: int, last: int) -> bool:
    """Whether derived events share frames of a video with this span."""
    return any(
        part.scored.video.video_id == video_id and part.first <= last and first <= part.last
        for event in derived
        for part in event.parts
    )


def _put(
    connection: Connection,
    derived: Sequence[StreamEvent],
    there: Sequence[Found],
    version: int,
    keep: Collection[UUID],
) -> None:
    """Derived events in place of those there; verdicts on one that has another id now are carried where files meet."""
    old, new = {event for event, *_ in there}, {event.event_id for event in derived}
    mine = events.c.rule_version_id == version
    free = mine & events.c.event_id.not_in(open_holds())
    if old & new:
        connection.execute(delete(events).where(free, events.c.event_id.in_(old & new)))
    if derived:
        rows = [event.row() for event in derived]
        kept = insert(events).on_conflict_do_nothing().returning(events.c.event_id)  # with the held ones
        inserted = set(connection.execute(kept, rows).scalars())
        parts = [row for event in derived if event.event_id in inserted for row in event.part_rows()]
        if parts:
            connection.execute(insert(event_parts), parts)
    if gone := old - new:
        if len(there) > len(old) or any(len(event.parts) > 1 for event in derived):
            names = {"version": version, "gone": sorted(map(str, gone)), "new": sorted(map(str, new))}
            connection.execute(_CARRY, names)
        connection.execute(delete(events).where(free, events.c.event_id.in_(gone.difference(keep))))


_CARRY = text("SELECT carry_verdicts(:version, CAST(:gone AS uuid[]), CAST(:new AS uuid[]))")


def rederive_video(connection: Connection, video_id: int) -> None:
    """Derive all events of a video from its current scores: it was found under another camera."""
    lock_video(connection, video_id)
    _rederive(connection, video_id, units.c.is_current)


def rederive_without(
    connection: Connection, video_ids: Sequence[int], scoring_ids: Sequence[int], *, keep: bool = False
) -> None:
    """Derive events over several files again of which some no longer count: replaced, or about to expire.

    Verdicts are carried to what is left. The cameras are locked here; the scores of the files that count stay as they
    are, so their videos need not be.

    Args:
        connection: in a transaction.
        video_ids: what no longer counts.
        scoring_ids: of the events.
        keep: the events as they were stay too: somebody else removes them, and what was said of them.
    """
    shared = connection.execute(_SHARED, {"videos": list(video_ids)}).all()
    kept = {row.event_id for row in shared} if keep else set()
    for video_id in sorted({row.video_id for row in shared}):
        _rederive(connection, video_id, units.c.is_current & units.c.scoring_id.in_(scoring_ids), keep=kept)


_SHARED = text("""
    SELECT o.event_id, o.video_id FROM event_parts p JOIN event_parts o USING (event_id, rule_version_id)
    WHERE p.video_id = ANY(CAST(:videos AS bigint[])) AND o.video_id <> ALL(CAST(:videos AS bigint[]))""")


def _rederive(
    connection: Connection, video_id: int, wanted_units: ColumnElement[bool], *, keep: Collection[UUID] = ()
) -> None:
    video = load_video(connection, video_id)
    mine = (units.c.video_id == video_id) & wanted_units
    scored = {
        scoring_id: load_scored(connection, video, scoring_id)
        for scoring_id in connection.execute(select(units.c.scoring_id).where(mine)).scalars().all()
    }
    wanted = [(of, version) for version in versions_of(connection, list(scored)) if (of := scored[version.scoring_id])]
    replace_events(connection, wanted, keep=keep)


def derive_events(scored: ScoredVideo, definition: RuleDefinition) -> list[tuple[FrameRun, int]]:
    """Events that a definition finds in a video by itself, in order, each with the moment its last frame ends."""
    if not definition.matches_camera(scored.video.camera_id):
        return []
    ends = outside_holes(scored.starts, np.append(scored.starts[1:], scored.end))
    counted = counted_frames(definition, scored.video, scored.starts)
    runs = find_events(scored.scores, scored.starts, ends, definition, counted)
    return [(run, int(ends[run.last])) for run in runs]


def rederive_rule(engine: Engine, rule: StoredRule) -> int:
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


def count_events(connection: Connection, rule_version_id: int) -> int:
    """How many events a rule version has."""
    mine = events.c.rule_version_id == rule_version_id
    return int(connection.execute(select(func.count()).select_from(events).where(mine)).scalar_one())
