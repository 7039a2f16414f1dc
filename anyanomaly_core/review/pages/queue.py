"""The queue, and the verdicts given in it."""

from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from fastapi import APIRouter, Form
from sqlalchemy import Connection, Engine, RowMapping, text
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from anyanomaly_core.review import verdicts
from anyanomaly_core.review.access import Database, Reviewer, Viewer
from anyanomaly_core.review.cases import open_cases
from anyanomaly_core.review.host import Visitor
from anyanomaly_core.review.queries import queue as queries
from anyanomaly_core.review.queries.event import load_event
from anyanomaly_core.review.queries.filters import ORDERS, REPEATS, VERDICTS, Filters, Incident
from anyanomaly_core.review.queries.queue import PAGE_SIZE
from anyanomaly_core.review.rendering import base_path, is_partial, render_page

router = APIRouter()
_UNDOABLE = text("""
    SELECT d.verdict_id, d.event_id, d.verdict, d.reviewer, l.rule, l.started_local, l.camera_name,
           (SELECT count(*) - 1 FROM verdicts o WHERE (o.reviewer, o.created_at) = (d.reviewer, d.created_at)
               AND o.carried_from IS NOT DISTINCT FROM d.carried_from AND o.withdraws IS NULL) AS others
    FROM verdicts d JOIN event_list l USING (event_id)
    WHERE d.verdict_id = :verdict AND NOT EXISTS (SELECT FROM verdicts w WHERE w.withdraws = d.verdict_id)
    ORDER BY l.is_current_version DESC LIMIT 1""")
# Z pressed again takes back the one before, but nothing that was said hours ago.
_EARLIER = text("""
    SELECT d.verdict_id FROM verdicts d
    WHERE d.reviewer = :reviewer AND d.withdraws IS NULL AND d.created_at > now() - interval '1 hour'
      AND NOT EXISTS (SELECT FROM verdicts w WHERE w.withdraws = d.verdict_id)
    ORDER BY d.created_at DESC, d.verdict_id DESC LIMIT 1""")


@router.get("/")
def start(request: Request) -> Response:
    """The queue is the first page."""
    return RedirectResponse(f"{base_path(request)}/queue", 307)


@router.get("/queue")
def queue(request: Request, visitor: Viewer, engine: Database) -> Response:
    """Incidents to look at, and filters."""
    filters = Filters.parse(request.query_params)
    with engine.connect() as connection:
        found = queries.find_incidents(connection, filters, limit=PAGE_SIZE + 1)
        choices = queries.filter_choices(connection)
        has_events = bool(connection.execute(text("SELECT EXISTS (SELECT FROM events)")).scalar())
        undoable = undoable_verdict(connection, request.query_params.get("given", ""))
        cases = open_cases(connection)
    incidents = found.incidents[:PAGE_SIZE]
    has_more = len(found.incidents) > PAGE_SIZE
    return render_page(
        request,
        "queue.jinja",
        visitor,
        filters=filters,
        incidents=incidents,
        total=found.total,
        events=found.events,
        next_page=filters.query_string(after=queries.cursor_of(incidents[-1], filters.order)) if has_more else "",
        notices=sorted({incident["notice"] for incident in incidents if incident["notice"]}),
        orders=ORDERS,
        repeats=REPEATS,
        verdict_kinds=VERDICTS,
        has_events=has_events,
        undoable=undoable,
        open_cases=cases,
        **choices,
    )


@router.post("/verdict")
def give_verdict(
    request: Request,
    visitor: Reviewer,
    engine: Database,
    event: Annotated[list[str], Form()],
    verdict: Annotated[str, Form()],
    note: Annotated[str, Form()] = "",
    listed: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "queue",
) -> Response:
    """Keep a verdict on all events of these incidents, then go on: back to the list, or to the next event of it."""
    filters = Filters.parse(dict(parse_qsl(listed)))
    chosen = [Incident.parse(stated) for stated in event]
    with engine.connect() as connection:
        events = dict.fromkeys(found for one in chosen for found in queries.member_ids(connection, one, filters))
    given = verdicts.add_verdicts(engine, list(events), verdict, reviewer=visitor.name, note=note)
    if is_partial(request) and len(chosen) == 1:
        return _changed_card(request, visitor, engine, filters, chosen[0], undoable_id=given, message="")
    if to == "event" and (following := next_event(engine, filters, chosen[0].event_id)):
        return _redirect(request, f"event/{following}", filters.query_string(after=""), given)
    return _redirect(request, "queue", filters.query_string(), given)


@router.post("/undo")
def undo(
    request: Request,
    visitor: Reviewer,
    engine: Database,
    verdict_id: Annotated[int, Form()],
    listed: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "event",
) -> Response:
    """Take one's verdict back, with all given by the same press, and show the event again."""
    filters = Filters.parse(dict(parse_qsl(listed)))
    event = verdicts.withdraw_verdict(engine, verdict_id, reviewer=visitor.name)
    if is_partial(request):
        with engine.connect() as connection:
            earlier = connection.execute(_EARLIER, {"reviewer": visitor.name}).scalar()
            incident = queries.incident_of(connection, event, verdict_id)
        return _changed_card(request, visitor, engine, filters, incident, undoable_id=earlier, message="Taken back.")
    if to == "queue":
        return _redirect(request, "queue", filters.query_string())
    return _redirect(request, f"event/{event}", filters.query_string(after=""))


def next_event(engine: Engine, filters: Filters, event_id: UUID) -> UUID | None:
    """The event that comes after this one in the list."""
    with engine.connect() as connection:
        cursor = queries.cursor_of(load_event(connection, event_id), filters.order)
        following = Filters.parse(dict(parse_qsl(filters.query_string(after=cursor))))
        found = queries.find_incidents(connection, following, limit=1).incidents
    return found[0]["event_id"] if found else None


def undoable_verdict(connection: Connection, verdict_id: str) -> RowMapping | None:
    """The verdict just given, as the address states it, which can be taken back."""
    if not verdict_id.isdecimal() or len(verdict_id) > 18:  # noqa: PLR2004  (bigint)
        return None
    return connection.execute(_UNDOABLE, {"verdict": int(verdict_id)}).mappings().first()


def _changed_card(
    request: Request,
    visitor: Visitor,
    engine: Engine,
    filters: Filters,
    incident: Incident,
    *,
    undoable_id: int | None,
    message: str,
) -> Response:
    """The incident's card as it is now, with the status bar and what is left."""
    with engine.connect() as connection:
        left = queries.find_incidents(connection, filters, limit=0)
        values: dict[str, Any] = {
            "event": queries.find_incident(connection, incident),
            "total": left.total,
            "undoable": undoable_verdict(connection, str(undoable_id or "")),
        }
    return render_page(request, "changed_card.jinja", visitor, filters=filters, message=message, **values)


def _redirect(request: Request, path: str, query: str, given: int | None = None) -> Response:
    queries_ = [part for part in (query, urlencode({"given": given}) if given is not None else "") if part]
    return RedirectResponse(f"{base_path(request)}/{path}?{'&'.join(queries_)}", 303)
