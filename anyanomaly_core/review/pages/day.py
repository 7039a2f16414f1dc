"""A day of every camera as strips of scores."""

from datetime import date

from fastapi import APIRouter
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response

from anyanomaly_core.errors import StorageError
from anyanomaly_core.review.access import Database, Viewer
from anyanomaly_core.review.day_strips import DAY_WIDTH, ROW_HEIGHT, draw_day
from anyanomaly_core.review.queries.day import days_with_footage, load_day
from anyanomaly_core.review.rendering import render_page

router = APIRouter()
_DEFAULT_RULES = 4  # strips for each camera when none was chosen


@router.get("/day")
def day(request: Request, visitor: Viewer, engine: Database) -> Response:
    """Strips of one day; without a choice the newest day and the first active rules."""
    query = request.query_params
    with engine.connect() as connection:
        days = days_with_footage(connection)
        names = connection.execute(text("SELECT name FROM rules ORDER BY state, name")).scalars().all()
        cameras = connection.execute(text("SELECT camera_id FROM cameras ORDER BY camera_id")).scalars().all()
        chosen_rules = [name for name in query.getlist("rule") if name in names] or list(names[:_DEFAULT_RULES])
        chosen_cameras = [camera for camera in query.getlist("camera") if camera in cameras]
        chosen = _parse_day(query.get("day", "")) or (days[0] if days else None)
        loaded = load_day(connection, chosen, chosen_cameras, chosen_rules) if chosen else []
    return render_page(
        request,
        "day.jinja",
        visitor,
        day=chosen,
        days=days,
        rules=names,
        cameras=cameras,
        chosen_rules=chosen_rules,
        chosen_cameras=chosen_cameras,
        pictures=[(camera, draw_day(camera)) for camera in loaded],
        notices=sorted({notice for camera in loaded for notice in camera.notices}),
        dated_by_change=any(camera.dated_by_change for camera in loaded),
        box=(DAY_WIDTH, ROW_HEIGHT),
    )


def _parse_day(stated: str) -> date | None:
    try:
        return date.fromisoformat(stated) if stated else None
    except ValueError:
        raise StorageError("A day is written like 2026-03-01.") from None
