"""Alerts: who is told of new events, whether it works, and what became of the last ones."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, HTTPException
from sqlalchemy import Connection, RowMapping, text
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from anyanomaly_core.config import Settings
from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.results.alert_outbox import target_states
from anyanomaly_core.review.access import Configuration, Database, RuleWriter, Viewer
from anyanomaly_core.review.host import Host
from anyanomaly_core.review.rendering import base_path, render_page
from anyanomaly_core.rules.alerts import AlertFile, Target, load_alerts
from anyanomaly_core.rules.cameras import matches

router = APIRouter()
SEND = "send_alerts"
_LAST = text("""
    SELECT a.target, a.rule, a.camera_id AS camera, a.event_id, a.state, a.queued_at, a.settled_at, a.attempts,
           left(a.problem, 400) AS problem, a.started_at AT TIME ZONE coalesce(c.time_zone, 'UTC') AS started_local,
           EXISTS (SELECT FROM events e WHERE e.event_id = a.event_id) AS is_there
    FROM alerts a LEFT JOIN cameras c USING (camera_id)
    ORDER BY coalesce(a.settled_at, a.queued_at) DESC, a.alert_id DESC LIMIT 50""")


@router.get("/alerts")
def alerts(request: Request, visitor: Viewer, engine: Database, settings: Configuration) -> Response:
    """Targets, and the last deliveries and failures."""
    query = request.query_params
    host: Host = request.app.state.host
    file, problem = _read(settings)
    with engine.connect() as connection:
        states = target_states(connection)
        last = last_alerts(connection)
    run = host.find_run(visitor, query.get("dag", ""), query.get("run", ""))
    tested = query.get("target", "")
    values: dict[str, Any] = {"run": run, "is_waiting": run is not None and not run.is_over, "tested": tested}
    known = {target.name for target in file.targets}
    gone = [state for name, state in sorted(states.items()) if name not in known]
    return render_page(
        request,
        "alerts.jinja",
        visitor,
        targets=file.targets,
        review_url=file.review_url,
        has_file=settings.alerts is not None,
        problem=problem,
        states=states,
        gone=gone,
        last=last,
        **values,
    )


@router.post("/alerts/test")
def send_test(
    request: Request, visitor: RuleWriter, settings: Configuration, target: Annotated[str, Form()]
) -> Response:
    """Have the DAG ``send_alerts`` send a made-up alert: tasks know the connections, the web server does not."""
    load_alerts(settings.alerts).target(target)  # says so when there is none
    host: Host = request.app.state.host
    if not host.may_start(visitor, SEND):
        raise HTTPException(403, "Your account may look but not start runs.")
    run = host.start(visitor, SEND, {"test": target})
    started = urlencode({"dag": run.dag_id, "run": run.run_id, "target": target})
    return RedirectResponse(f"{base_path(request)}/alerts?{started}#outcome", 303)


def targets_of_rule(settings: Settings, rule: str) -> tuple[list[Target], str]:
    """Who is told of a rule's events, and what is wrong with the file of alerts, if anything is."""
    file, problem = _read(settings)
    return [target for target in file.targets if matches(rule, target.rules)], problem


def last_alerts(connection: Connection) -> list[RowMapping]:
    """The fifty that were queued or settled last."""
    return list(connection.execute(_LAST).mappings())


def _read(settings: Settings) -> tuple[AlertFile, str]:
    try:
        return load_alerts(settings.alerts), ""
    except ConfigurationError as error:
        return AlertFile(), str(error)
