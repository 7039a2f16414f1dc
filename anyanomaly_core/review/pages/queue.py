"""The queue, and the verdicts given in it."""

from typing import Annotated, Any
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import APIRouter, Form
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from anyanomaly_core.review import verdicts
from anyanomaly_core.review.access import Database, Judging, Looking
from anyanomaly_core.review.queries import queue as queries
from anyanomaly_core.review.queries.event import load_event
from anyanomaly_core.review.queries.queue import PAGE, Filters
from anyanomaly_core.review.rendering import page

router = APIRouter()
_SAID = text("""
    SELECT d.verdict_id, d.event_id, d.verdict, d.reviewer, l.rule, l.started_local, l.camera_name
    FROM verdicts d JOIN event_list l USING (event_id)
    WHERE d.verdict_id = :said AND NOT EXISTS (SELECT FROM verdicts w WHERE w.withdraws = d.verdict_id)
    ORDER BY l.is_current_version DESC LIMIT 1""")


@router.get("/")
def start(request: Request) -> Response:
    """The queue is where one begins."""
    return RedirectResponse(f"{request.scope.get('root_path', '').rstrip('/')}/queue", 307)


@router.get("/queue")
def queue(request: Request, visitor: Looking, engine: Database) -> Response:
    """Events to look at, and what can be chosen."""
    filters = Filters.parse(request.query_params)
    with engine.connect() as connection:
        events = queries.find_events(connection, filters, most=PAGE + 1)
        total = queries.count_events(connection, filters)
        choices = queries.choices(connection)
        there_are_any = bool(connection.execute(text("SELECT EXISTS (SELECT FROM events)")).scalar())
        said = said_of(connection, request)
    shown = events[:PAGE]
    return page(
        request,
        "queue.jinja",
        visitor,
        filters=filters,
        events=shown,
        total=total,
        most_counted=queries.MOST_COUNTED,
        more=filters.address(after=queries.place_of(shown[-1], filters.order)) if len(events) > PAGE else "",
        notices=sorted({row["notice"] for row in shown if row["notice"]}),
        orders=queries.ORDERS,
        kinds=queries.VERDICTS,
        there_are_any=there_are_any,
        said=said,
        **choices,
    )


@router.post("/verdict")
def give_verdict(
    request: Request,
    visitor: Judging,
    engine: Database,
    event: Annotated[UUID, Form()],
    verdict: Annotated[str, Form()],
    note: Annotated[str, Form()] = "",
    listed: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "queue",
) -> Response:
    """Keep a verdict, then go on: back to the list, or to the next event of it."""
    filters = Filters.parse(dict(parse_qsl(listed)))
    given = verdicts.give(engine, event, verdict, reviewer=visitor.name, note=note)
    if _wants_json(request):
        return JSONResponse({"verdict_id": given, "verdict": verdict, "reviewer": visitor.name})
    base = request.scope.get("root_path", "").rstrip("/")
    if to == "event" and (following := next_event(engine, filters, event)):
        return RedirectResponse(f"{base}/event/{following}?{_joined(filters.address(after=''), given)}", 303)
    return RedirectResponse(f"{base}/queue?{_joined(filters.address(), given)}", 303)


@router.post("/undo")
def undo(
    request: Request,
    visitor: Judging,
    engine: Database,
    verdict_id: Annotated[int, Form()],
    listed: Annotated[str, Form()] = "",
) -> Response:
    """Take one's verdict back and show its event again."""
    filters = Filters.parse(dict(parse_qsl(listed)))
    event = verdicts.withdraw(engine, verdict_id, reviewer=visitor.name)
    if _wants_json(request):
        return JSONResponse({"event_id": str(event)})
    base = request.scope.get("root_path", "").rstrip("/")
    return RedirectResponse(f"{base}/event/{event}?{filters.address(after='')}", 303)


def next_event(engine: Any, filters: Filters, event_id: UUID) -> UUID | None:  # noqa: ANN401  (Engine)
    """The event that comes after this one in the list."""
    with engine.connect() as connection:
        place = queries.place_of(load_event(connection, event_id), filters.order)
        following = Filters.parse(dict(parse_qsl(filters.address(after=place))))
        found = queries.find_events(connection, following, most=1)
    return found[0]["event_id"] if found else None


def said_of(connection: Any, request: Request) -> Any:  # noqa: ANN401  (Connection -> RowMapping or None)
    """The verdict just given, which can be taken back."""
    said = request.query_params.get("said", "")
    if not said.isdecimal() or len(said) > 18:  # noqa: PLR2004  (bigint)
        return None
    return connection.execute(_SAID, {"said": int(said)}).mappings().first()


def _joined(address: str, said: int) -> str:
    return f"{address}&said={said}" if address else f"said={said}"


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")
