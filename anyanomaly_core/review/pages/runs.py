"""What the last nights did: runs that wrote results, and what failed and why."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter
from sqlalchemy import Connection, RowMapping, text
from starlette.requests import Request
from starlette.responses import Response

from anyanomaly_core.review.access import Database, Viewer
from anyanomaly_core.review.host import Host
from anyanomaly_core.review.rendering import render_page

router = APIRouter()
PERIODS = {1: "last night", 7: "a week", 31: "a month"}

_RUNS = text("""
    SELECT s.run_id, s.kind, s.external_id, s.started_at, s.finished_at, s.outcome, s.summary, s.code_version,
           (SELECT count(DISTINCT video_id) FROM units u WHERE u.run_id = s.run_id) AS videos,
           (SELECT sum(work_ms) / 1000 FROM units u WHERE u.run_id = s.run_id) AS work_s,
           ARRAY(SELECT DISTINCT c.notice FROM units u JOIN scorers c USING (scorer_id)
                 WHERE u.run_id = s.run_id AND c.notice IS NOT NULL ORDER BY c.notice) AS notices
    FROM scan_runs s WHERE s.started_at >= :since ORDER BY s.started_at DESC LIMIT 50""")
# Each reason once, what it hit most first.
_REASONS = text("""
    SELECT coalesce(left(u.last_error, 400), '') AS reason, count(DISTINCT u.video_id) AS videos,
           sum(u.segments_failed)::bigint AS segments, sum(u.seconds_failed)::double precision AS seconds,
           array_agg(DISTINCT r.name ORDER BY r.name) AS rules, min(v.uri) AS example
    FROM units u JOIN videos v USING (video_id) JOIN scorings g USING (scoring_id) JOIN rules r USING (rule_id)
    WHERE u.is_current AND u.state <> 'done' AND u.finished_at >= :since
    GROUP BY 1 ORDER BY segments DESC, reason LIMIT 101""")
_FAILED = text("""
    SELECT r.name AS rule, v.uri, v.camera_id AS camera, u.state::text AS state, left(u.last_error, 400) AS last_error,
           u.attempts, u.segments_failed, u.seconds_failed, u.finished_at
    FROM units u JOIN videos v USING (video_id) JOIN scorings g USING (scoring_id) JOIN rules r USING (rule_id)
    WHERE u.is_current AND u.state <> 'done' AND u.finished_at >= :since
    ORDER BY u.finished_at DESC, v.uri LIMIT 101""")
_UNUSABLE = text("""
    SELECT uri, camera, state, left(problem, 400) AS problem FROM footage_problems
    WHERE seen_at >= :since OR missing_since >= :since ORDER BY state, uri LIMIT 101""")
_WAITING = text("""
    SELECT count(*) AS videos, coalesce(sum(video_seconds), 0)::double precision AS seconds
    FROM (SELECT DISTINCT video_id, video_seconds FROM coverage
          WHERE is_current_version AND rule_state = 'active' AND state = 'not_yet'
            AND video_state IN ('ready', 'damaged')) AS w""")


@router.get("/runs")
def runs(request: Request, visitor: Viewer, engine: Database, days: int = 1) -> Response:
    """Runs of the last days, and what failed and why."""
    chosen = days if days in PERIODS else 1
    since = datetime.now(UTC) - timedelta(days=chosen)
    host: Host = request.app.state.host
    with engine.connect() as connection:
        values: dict[str, Any] = {
            "results": result_runs(connection, since),
            "waiting": waiting(connection),
            **failures(connection, since),
        }
    started = host.recent_runs(visitor, since)
    return render_page(request, "runs.jinja", visitor, days=chosen, periods=PERIODS, runs=started, **values)


def result_runs(connection: Connection, since: datetime) -> Sequence[RowMapping]:
    """Runs noted in the results database, newest first."""
    return connection.execute(_RUNS, {"since": since}).mappings().all()


def failures(connection: Connection, since: datetime) -> dict[str, Sequence[RowMapping]]:
    """Videos that could not be scored completely, and files that could not be used, noted since then."""
    return {
        "reasons": connection.execute(_REASONS, {"since": since}).mappings().all(),
        "failed": connection.execute(_FAILED, {"since": since}).mappings().all(),
        "unusable": connection.execute(_UNUSABLE, {"since": since}).mappings().all(),
    }


def waiting(connection: Connection) -> dict[str, Any]:
    """Footage that some active rule has not looked at yet."""
    return dict(connection.execute(_WAITING).mappings().one())
