"""A day of every camera as strips of scores."""

from datetime import date

from fastapi import APIRouter
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response

from anyanomaly_core.errors import StorageError
from anyanomaly_core.review.access import Database, Looking
from anyanomaly_core.review.charts import DAY_WIDTH, ROW_HEIGHT, draw_day
from anyanomaly_core.review.queries.day import days_with_footage, load_day
from anyanomaly_core.review.rendering import page

router = APIRouter()
MOST_RULES = 4  # strips that are shown when none was chosen


@router.get("/day")
def day(request: Request, visitor: Looking, engine: Database) -> Response:
    """Strips of one day; without a choice the newest day and the first active rules."""
    asked = request.query_params
    with engine.connect() as connection:
        days = days_with_footage(connection)
        names = connection.execute(text("SELECT name FROM rules ORDER BY state, name")).scalars().all()
        cameras = connection.execute(text("SELECT camera_id FROM cameras ORDER BY camera_id")).scalars().all()
        chosen_rules = [name for name in asked.getlist("rule") if name in names] or list(names[:MOST_RULES])
        chosen_cameras = [camera for camera in asked.getlist("camera") if camera in cameras]
        shown = _day_of(asked.get("day", "")) or (days[0] if days else None)
        found = load_day(connection, shown, chosen_cameras, chosen_rules) if shown else []
    return page(
        request,
        "day.jinja",
        visitor,
        day=shown,
        days=days,
        rules=names,
        cameras=cameras,
        chosen_rules=chosen_rules,
        chosen_cameras=chosen_cameras,
        pictures=[(one, draw_day(one)) for one in found],
        box=(DAY_WIDTH, ROW_HEIGHT),
    )


def _day_of(text_: str) -> date | None:
    try:
        return date.fromisoformat(text_) if text_ else None
    except ValueError:
        raise StorageError("A day is written like 2026-03-01.") from None
