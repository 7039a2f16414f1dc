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
from anyanomaly_core.review.host import Visitor
from anyanomaly_core.review.queries import queue as queries
from anyanomaly_core.review.queries.event import load_event
from anyanomaly_core.review.queries.queue import PAGE_SIZE, Filters
from anyanomaly_core.review.rendering import base_path, is_partial, render_page

router = APIRouter()
_UNDOABLE = text("""
    SELECT d.verdict_id, d.event_id, d.verdict, d.reviewer, l.rule, l.started_local, l.camera_name
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
    """Events to look at, and filters."""
    filters = Filters.parse(request.query_params)
    with engine.connect() as connection:
        found = queries.find_events(connection, filters, limit=PAGE_SIZE + 1)
        total = queries.count_events(connection, filters)
        choices = queries.filter_choices(connection)
        has_events = bool(connection.execute(text("SELECT EXISTS (SELECT FROM events)")).scalar())
        undoable = undoable_verdict(connection, request.query_params.get("given", ""))
    events = found[:PAGE_SIZE]
    has_more = len(found) > PAGE_SIZE
    return render_page(
        request,
        "queue.jinja",
        visitor,
        filters=filters,
        events=events,
        total=total,
        max_counted=queries.MAX_COUNTED,
        next_page=filters.query_string(after=queries.cursor_of(events[-1], filters.order)) if has_more else "",
        notices=sorted({event["notice"] for event in events if event["notice"]}),
        orders=queries.ORDERS,
        verdict_kinds=queries.VERDICTS,
        has_events=has_events,
        undoable=undoable,
        **choices,
    )


@router.post("/verdict")
def give_verdict(
    request: Request,
    visitor: Reviewer,
    engine: Database,
    event: Annotated[UUID, Form()],
    verdict: Annotated[str, Form()],
    note: Annotated[str, Form()] = "",
    listed: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "queue",
) -> Response:
    """Keep a verdict, then go on: back to the list, or to the next event of it."""
    filters = Filters.parse(dict(parse_qsl(listed)))
    given = verdicts.add_verdict(engine, event, verdict, reviewer=visitor.name, note=note)
    if is_partial(request):
        return _changed_card(request, visitor, engine, filters, event, undoable_id=given, message="")
    if to == "event" and (following := next_event(engine, filters, event)):
        return _redirect(request, f"event/{following}", filters.query_string(after=""), given)
    return _redirect(request, "queue", filters.query_string(), given)


@router.post("/undo")
def undo(
    request: Request,
    visitor: Reviewer,
    engine: Database,
    verdict_id: Annotated[int, Form()],
    listed: Annotated[str, Form()] = "",
) -> Response:
    """Take one's verdict back and show its event again."""
    filters = Filters.parse(dict(parse_qsl(listed)))
    event = verdicts.withdraw_verdict(engine, verdict_id, reviewer=visitor.name)
    if is_partial(request):
        with engine.connect() as connection:
            earlier = connection.execute(_EARLIER, {"reviewer": visitor.name}).scalar()
        return _changed_card(request, visitor, engine, filters, event, undoable_id=earlier, message="Taken back.")
    return _redirect(request, f"event/{event}", filters.query_string(after=""))


def next_event(engine: Engine, filters: Filters, event_id: UUID) -> UUID | None:
    """The event that comes after this one in the list."""
    with engine.connect() as connection:
        cursor = queries.cursor_of(load_event(connection, event_id), filters.order)
        following = Filters.parse(dict(parse_qsl(filters.query_string(after=cursor))))
        found = queries.find_events(connection, following, limit=1)
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
    event_id: UUID,
    *,
    undoable_id: int | None,
    message: str,
) -> Response:
    """The event's card as it is now, with the status bar and the number of events left."""
    with engine.connect() as connection:
        values: dict[str, Any] = {
            "event": queries.find_event(connection, event_id),
            "total": queries.count_events(connection, filters),
            "undoable": undoable_verdict(connection, str(undoable_id or "")),
        }
    return render_page(
        request,
        "changed_card.jinja",
        visitor,
        filters=filters,
        max_counted=queries.MAX_COUNTED,
        message=message,
        **values,
    )


def _redirect(request: Request, path: str, query: str, given: int | None = None) -> Response:
    queries_ = [part for part in (query, urlencode({"given": given}) if given is not None else "") if part]
    return RedirectResponse(f"{base_path(request)}/{path}?{'&'.join(queries_)}", 303)
