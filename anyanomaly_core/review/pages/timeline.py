"""The timeline: a lane for each camera, from a day to seconds, played at any moment."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from sqlalchemy import Connection, RowMapping, text
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from anyanomaly_core.errors import StorageError
from anyanomaly_core.review.access import Configuration, Database, Viewer
from anyanomaly_core.review.clips.moments import STRETCH_S, moment_still
from anyanomaly_core.review.pages.media import file_response, produce
from anyanomaly_core.review.queries import timeline as queries
from anyanomaly_core.review.queries.timeline import TimelineSpan
from anyanomaly_core.review.rendering import base_path, local_time, render_page

router = APIRouter()
_MOST_PLAYED = 4  # cameras, unless more are chosen
_MARGIN = 0.03  # beside the footage of a day
_RULES = text("SELECT name FROM rules ORDER BY state, name")


@router.get("/timeline")
def timeline(request: Request, visitor: Viewer, engine: Database, settings: Configuration) -> Response:
    """The lanes of a day, on the clock of the installation; without a choice, of the newest footage."""
    query = request.query_params
    zone = ZoneInfo(settings.time_zone)
    with engine.connect() as connection:
        cameras, rules = queries.load_cameras(connection), connection.execute(_RULES).scalars().all()
        newest = queries.newest_footage(connection)
        at = _moment(query["at"]) if query.get("at") else None
        day = _day(query.get("day", "")) or (at or newest or datetime.now(UTC)).astimezone(zone).date()
        begin, end = day_bounds(day, zone)
        lanes = queries.load_lanes(connection, _span(connection, query, begin, end))
    wanted = query.getlist("camera")
    recorded = {row["camera"] for row in lanes.stretches if row["kind"] == "recorded"}
    played = [one["id"] for one in cameras if one["id"] in (wanted or recorded)]
    return render_page(
        request,
        "timeline.jinja",
        visitor,
        day=day,
        day_before=day - timedelta(days=1),
        day_after=day + timedelta(days=1),
        newest=newest.astimezone(zone).date() if newest else None,
        zone=settings.time_zone,
        cameras=cameras,
        played=played if wanted else played[:_MOST_PLAYED],
        rules=rules,
        recorded=[
            (row, local_time(row["begin"], settings.time_zone), local_time(row["end"], settings.time_zone))
            for row in lanes.stretches
        ],
        events=lanes.events,
        notices=sorted({event["notice"] for event in lanes.events if event["notice"]}),
        stretch_s=STRETCH_S,
        window=_window(at, begin, end, lanes.stretches),
        at=at or (lanes.events[0]["started_at"] if lanes.events else min(newest or begin, end)),
    )


@router.get("/day")
def redirect_old_address(request: Request) -> Response:
    """Redirect from the address that the timeline had before."""
    return RedirectResponse(f"{base_path(request)}/timeline?{request.url.query}", 307)


@router.get("/timeline/lanes")
def lanes_of_span(request: Request, engine: Database, begin: str, end: str) -> Response:
    """Stretches and events of a span, for the script; moments in milliseconds since 1970."""
    with engine.connect() as connection:
        lanes = queries.load_lanes(connection, _span(connection, request.query_params, _moment(begin), _moment(end)))
    stretches = [
        {"camera": row["camera"], "kind": row["kind"], "begin": _ms(row["begin"]), "end": _ms(row["end"])}
        for row in lanes.stretches
    ]
    events = [
        {
            "id": str(row["event_id"]),
            **{name: row[name] for name in ("rule", "camera", "verdict")},
            "score": round(row["peak_score"], 2),
            "noticed": row["notice"] is not None,
            "begin": _ms(row["started_at"]),
            "end": _ms(row["ended_at"]),
        }
        for row in lanes.events
    ]
    return JSONResponse({"stretches": stretches, "events": events, "total": lanes.total})


@router.get("/timeline/video")
def video(engine: Database, camera: str, at: str) -> Response:
    """The video that a camera recorded at a moment, or when it recorded again."""
    moment = _moment(at)
    with engine.connect() as connection:
        found = queries.video_at(connection, camera, moment)
        following = queries.next_recording(connection, camera, found["begin"] if found else moment)
    body = {"next": _ms(following) if following else None}
    if found:
        body |= {"video": found["video_id"], "begin": _ms(found["begin"]), "end": _ms(found["end"])}
    return JSONResponse(body)


@router.get("/timeline/picture.jpg")
async def picture(engine: Database, settings: Configuration, camera: str, at: str) -> Response:
    """What a camera saw at a moment."""
    moment = _moment(at)
    with engine.connect() as connection:
        found = queries.video_at(connection, camera, moment)
    if found is None:
        return Response("The camera recorded nothing at this moment.", 404, media_type="text/plain")
    second = (moment - found["begin"]).total_seconds()
    made = await produce(partial(moment_still, engine, settings, found["video_id"], second))
    return file_response(made, "image/jpeg", None)


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Local midnights around a day, in UTC: 23 to 25 hours."""
    midnight = datetime.min.time()
    begin, end = (datetime.combine(one, midnight, zone).astimezone(UTC) for one in (day, day + timedelta(days=1)))
    return begin, end


def _window(
    at: datetime | None, begin: datetime, end: datetime, stretches: Sequence[RowMapping]
) -> tuple[datetime, datetime]:
    """What is shown first: two minutes around a moment that was asked for, or all footage of the day."""
    if at is not None:
        return at - timedelta(minutes=2), at + timedelta(minutes=2)
    if not stretches:
        return begin, end
    first, last = max(begin, min(row["begin"] for row in stretches)), min(end, max(row["end"] for row in stretches))
    margin = max((last - first) * _MARGIN, timedelta(seconds=30))
    return first - margin, last + margin


def _span(connection: Connection, query: QueryParams, begin: datetime, end: datetime) -> TimelineSpan:
    """The span with the cameras and rules that the address names, or all."""
    cameras = query.getlist("camera") or [one["id"] for one in queries.load_cameras(connection)]
    rules = query.getlist("rule") or list(connection.execute(_RULES).scalars())
    return TimelineSpan(begin, end, cameras, rules)


def _day(stated: str) -> date | None:
    try:
        found = date.fromisoformat(stated) if stated else None
        return found if found is None or 2 < found.year < 9998 else date(2000, 1, 1)  # noqa: PLR2004
    except ValueError:
        raise StorageError("A day is written like 2026-03-01.") from None


def _moment(stated: str) -> datetime:
    """ISO 8601, or milliseconds since 1970."""
    try:
        if stated.lstrip("-").isdecimal():
            return datetime.fromtimestamp(int(stated) / 1000, UTC)
        found = datetime.fromisoformat(stated)
    except (ValueError, OverflowError, OSError):
        raise StorageError("A moment is written like 2026-03-01T22:00:00Z.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
