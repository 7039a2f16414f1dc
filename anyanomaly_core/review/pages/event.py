"""One event: the clip, why it was found, and where it comes from."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from anyanomaly_core.review.access import Configuration, Database, Viewer
from anyanomaly_core.review.cases import cases_of_event, open_cases
from anyanomaly_core.review.charts import score_chart
from anyanomaly_core.review.clips.outline import has_region
from anyanomaly_core.review.clips.stills import still_exists
from anyanomaly_core.review.event_record import load_event_record
from anyanomaly_core.review.pages.queue import next_event, undoable_verdict
from anyanomaly_core.review.queries import event as queries
from anyanomaly_core.review.queries.filters import Filters
from anyanomaly_core.review.rendering import local_time, render_page
from anyanomaly_core.review.verdicts import verdict_history

router = APIRouter()


@router.get("/event/{event_id}")
def event(
    request: Request,
    visitor: Viewer,
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
        values: dict[str, Any] = {
            "provenance": queries.load_provenance(connection, found),
            "segment": queries.load_segment(connection, found),
            "nearby": queries.nearby_events(connection, found),
            "open_cases": open_cases(connection),
            "in_cases": cases_of_event(connection, event_id),
            "elsewhere": queries.other_cameras(connection, found),
            "history": verdict_history(connection, event_id),
            "undoable": undoable_verdict(connection, request.query_params.get("given", "")),
        }
    record = load_event_record(engine, event_id)
    moments = {
        name: (found[column] - curve.begin).total_seconds()
        for name, column in (("start", "started_at"), ("peak", "peak_at"), ("end", "ended_at"))
    }
    return render_page(
        request,
        "event.jinja",
        visitor,
        event=found,
        curve=curve,
        chart=score_chart(
            curve.at_s,
            curve.scores,
            length_s=curve.length_s,
            event=(moments["start"], moments["end"]),
            peak_s=moments["peak"],
            threshold=found["threshold"],
        ),
        moments=moments,
        peak_local=local_time(found["peak_at"], found["time_zone"]),
        has_outline=has_region(engine, record),
        has_attention=still_exists(settings, record, "attention"),
        event_id=event_id,
        problem="",
        clip_begins=local_time(curve.begin, found["time_zone"]),
        filters=filters,
        is_signed=settings.evidence_key is not None or settings.evidence_key_file is not None,
        following=next_event(engine, filters, event_id) if version is None else None,
        **values,
    )
