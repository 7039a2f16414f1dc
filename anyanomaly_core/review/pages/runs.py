"""What the last nights did."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from anyanomaly_core.review.access import Database, Looking
from anyanomaly_core.review.asking import runs as asking
from anyanomaly_core.review.host import Host
from anyanomaly_core.review.rendering import page

router = APIRouter()
SPANS = {1: "last night", 7: "a week", 31: "a month"}


@router.get("/runs")
def runs(request: Request, visitor: Looking, engine: Database, days: int = 1) -> Response:
    """Runs of the last days, and what failed and why."""
    chosen = days if days in SPANS else 1
    since = datetime.now(UTC) - timedelta(days=chosen)
    host: Host = request.app.state.host
    with engine.connect() as connection:
        values: dict[str, Any] = {
            "noted": asking.result_runs(connection, since),
            "waiting": asking.waiting(connection),
            **asking.failures(connection, since),
        }
    started = host.recent_runs(visitor, since)
    return page(request, "runs.jinja", visitor, days=chosen, spans=SPANS, runs=started, **values)
