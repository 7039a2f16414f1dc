"""What is recorded of an event: when and where, which rule and models, who said what of it; as plain JSON."""

import json
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, Executable, select

from anyanomaly_core.results.schema import (
    cameras,
    legal_holds,
    rule_versions,
    scan_runs,
    scorers,
    units,
    verdicts,
    video_files,
    videos,
)
from anyanomaly_core.review.event_record import EventRecord


def event_facts(engine: Engine, event: EventRecord) -> dict[str, Any]:
    """Everything the database knows of an event, in sections."""
    zone = ZoneInfo(event.video.time_zone)
    with engine.connect() as connection:
        facts = {
            "event": {
                "event_id": str(event.event_id),
                "started_at": _moment(event.started_at, zone),
                "ended_at": _moment(event.ended_at, zone),
                "peak_at": _moment(event.peak_at, zone),
                "first_frame": event.first_frame,
                "last_frame": event.last_frame,
                "peak_frame": event.peak_frame,
                "peak_score": event.peak_score,
                "mean_score": event.mean_score,
                "winning_text": event.winning_text,
                "rationale": event.rationale,
            },
            "camera": _row(connection, select(cameras).where(cameras.c.camera_id == event.video.camera_id)),
            "source": _source(connection, event, zone),
            "rule": _rule(connection, event),
            "scorer": _scorer(connection, event),
            "scoring": _scoring(connection, event),
            "verdicts": _rows(
                connection,
                select(verdicts).where(verdicts.c.event_id == event.event_id).order_by(verdicts.c.verdict_id),
            ),
            "legal_holds": _rows(
                connection,
                select(legal_holds).where(legal_holds.c.event_id == event.event_id).order_by(legal_holds.c.hold_id),
            ),
        }
    plain: dict[str, Any] = json.loads(json.dumps(facts, default=_plain))
    return plain


def _moment(moment: datetime, zone: ZoneInfo) -> dict[str, str]:
    local = moment.astimezone(zone)
    return {
        "utc": moment.isoformat(timespec="microseconds"),
        "local": local.isoformat(timespec="microseconds"),
        "time_zone": zone.key,
        "abbreviation": local.tzname() or "",
    }


def _source(connection: Connection, event: EventRecord, zone: ZoneInfo) -> dict[str, Any]:
    v = videos.c
    row = _row(connection, select(videos).where(v.video_id == event.video.video_id))
    names = select(video_files.c.uri).where(video_files.c.video_id == event.video.video_id).order_by(video_files.c.uri)
    return {
        "file": row["uri"],
        "all_names": list(connection.execute(names).scalars()),
        "sha256": row["content_sha256"],
        "recorded_at": _moment(row["recorded_at"], zone),
        "recorded_at_stated_by": row["recorded_at_source"],
        "state": row["state"],
        "damage": row["damage"],
        "frames": row["frame_count"],
        "duration_s": row["duration_s"],
        "frames_per_second": f"{row['fps_num']}/{row['fps_den']}",
        "width": row["width"],
        "height": row["height"],
        "rotation": row["rotation"],
        "codec": row["codec"],
        "decoder": row["decoder"],
        "registered_at": row["registered_at"],
    }


def _rule(connection: Connection, event: EventRecord) -> dict[str, Any]:
    r = rule_versions.c
    query = select(r.version, r.definition, r.digest, r.author, r.created_at)
    return {"name": event.rule} | _row(connection, query.where(r.rule_version_id == event.rule_version_id))


def _scorer(connection: Connection, event: EventRecord) -> dict[str, Any]:
    s = scorers.c
    query = select(s.profile_name, s.profile, s.profile_digest, s.revisions, s.digest, s.code_version, s.notice)
    return _row(connection, query.where(s.scorer_id == event.scorer_id))


def _scoring(connection: Connection, event: EventRecord) -> dict[str, Any]:
    u, run = units.c, scan_runs.c
    query = (
        select(u.state, u.attempts, u.finished_at, u.mask_digest, run.kind, run.external_id, run.code_version)
        .outerjoin(scan_runs, run.run_id == u.run_id)
        .where(u.video_id == event.video.video_id, u.scoring_id == event.scoring_id, u.scorer_id == event.scorer_id)
    )
    return _row(connection, query)


def _row(connection: Connection, query: Executable) -> dict[str, Any]:
    return dict(connection.execute(query).mappings().one())


def _rows(connection: Connection, query: Executable) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
