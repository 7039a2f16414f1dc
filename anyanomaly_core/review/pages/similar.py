"""Similar events: what the index of footage finds most like an event, and which events lie there."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, HTTPException
from starlette.requests import Request
from starlette.responses import Response

from anyanomaly_core.archive.search import search_like_event
from anyanomaly_core.errors import FootageError, SearchRefusedError
from anyanomaly_core.review.access import Configuration, Database, Viewer, is_same_site
from anyanomaly_core.review.queries import similar as queries
from anyanomaly_core.review.queries.event import load_event
from anyanomaly_core.review.rendering import local_time, render_page

router = APIRouter()
MOST = 200  # segments


@router.get("/event/{event_id}/similar")
def similar(
    request: Request, visitor: Viewer, engine: Database, settings: Configuration, event_id: UUID, case: str = ""
) -> Response:
    """Events like this one, by their pictures; where the index cannot say, what the rule found on this camera.

    Whoever asks, and why, is noted as for every search.
    """
    if not is_same_site(request):
        raise HTTPException(403, "A search is noted in your name, so it is not started from another site.")
    with engine.connect() as connection:
        event = load_event(connection, event_id)
    needs_case = settings.search_needs_case and not case.strip()
    answer, why = None, ""
    if not visitor.may_judge:
        why = "Your account may look but not search footage."
    elif not needs_case:
        try:
            answer = search_like_event(
                engine, settings, event_id, person=visitor.name, case_number=case.strip()[:200] or None, most=MOST
            )
        except (FootageError, SearchRefusedError) as error:
            why = str(error)
    with engine.connect() as connection:
        values: dict[str, Any] = {
            "events": queries.same_place(connection, event)
            if answer is None
            else queries.events_in(connection, answer.segments, event_id),
            "others": [] if answer is None else queries.without_event(connection, answer.segments),
        }
    return render_page(
        request,
        "similar.jinja",
        visitor,
        event=event,
        needs_case=needs_case and visitor.may_judge,
        case=case,
        why=why,
        search_id=None if answer is None else answer.search_id,
        local_time=local_time,
        **values,
    )
