"""One event: the clip, why it was found, and where it comes from."""

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from anyanomaly_core.review import verdicts
from anyanomaly_core.review.access import Configuration, Database, Looking
from anyanomaly_core.review.charts import HEIGHT, WIDTH, draw_curve
from anyanomaly_core.review.pages.queue import next_event, said_of
from anyanomaly_core.review.queries import event as queries
from anyanomaly_core.review.queries.queue import Filters
from anyanomaly_core.review.rendering import local, page

router = APIRouter()


@router.get("/event/{event_id}")
def event(
    request: Request,
    visitor: Looking,
    engine: Database,
    settings: Configuration,
    event_id: UUID,
    version: int | None = None,
) -> Response:
    """Everything about an event on one page."""
    filters = Filters.parse(request.query_params)
    with engine.connect() as connection:
        found = queries.load_event(connection, event_id, version)
        curve = queries.load_curve(connection, found)
        values = {
            "origin": queries.load_origin(connection, found),
            "segment": queries.load_segment(connection, found),
            "neighbours": queries.neighbours(connection, found),
            "history": verdicts.history(connection, event_id),
            "said": said_of(connection, request),
        }
    span = ((found["started_at"] - curve.begin).total_seconds(), (found["ended_at"] - curve.begin).total_seconds())
    return page(
        request,
        "event.jinja",
        visitor,
        event=found,
        curve=curve,
        picture=draw_curve(curve.at_s, curve.scores, curve.length_s, span, found["threshold"]),
        box=(WIDTH, HEIGHT),
        clip_begins=local(curve.begin, found["time_zone"]),
        filters=filters,
        signed=settings.evidence_key is not None or settings.evidence_key_file is not None,
        following=next_event(engine, filters, event_id) if version is None else None,
        **values,
    )
