"""Rules: what each finds, covers and costs, and what can be done with it."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, HTTPException
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from anyanomaly_core.errors import ConfigurationError, RuleError
from anyanomaly_core.results.binomial import binomial_interval
from anyanomaly_core.review.access import Configuration, Database, FormSender, Viewer
from anyanomaly_core.review.backfill_form import BackfillForm, quote_backfill
from anyanomaly_core.review.charts import precision_chart
from anyanomaly_core.review.host import Host, Visitor
from anyanomaly_core.review.labels import evaluation_labels, labelled_events, labels_csv, labels_zip
from anyanomaly_core.review.pages.alerts import targets_of_rule
from anyanomaly_core.review.queries import rules as queries
from anyanomaly_core.review.rendering import base_path, render_page
from anyanomaly_core.review.thresholds import suggest

router = APIRouter()
BACKFILL, STATE = "backfill_rule", "change_rule_state"
DEFAULT_TARGET = 0.9


@router.get("/rules")
def rules(request: Request, visitor: Viewer, engine: Database) -> Response:
    """All rules side by side."""
    with engine.connect() as connection:
        found = [{**rule, **_precision(rule)} for rule in queries.load_rules(connection)]
    return render_page(request, "rules.jinja", visitor, rules=found)


@router.get("/rules/{name}")
def rule(request: Request, visitor: Viewer, engine: Database, settings: Configuration, name: str) -> Response:
    """One rule: versions, suggestion, and the forms to backfill, pause and resume it."""
    query = request.query_params
    with engine.connect() as connection:
        found = queries.load_rule_page(connection, name)
        versions = queries.rule_versions(connection, name)
        peaks, real = queries.judged_peaks(connection, name)
    target = _target(query.get("target", ""))
    suggestion = suggest(peaks, real, target=target, now=found["threshold"])
    host: Host = request.app.state.host
    form = BackfillForm.parse(query)
    quote, problem = None, ""
    targets, alert_problem = targets_of_rule(settings, name)
    adopted = query.get("adopted", "")
    if "quote" in query:
        try:
            quote = quote_backfill(engine, settings, name, form)
        except (RuleError, ConfigurationError) as error:
            problem = str(error)
    return render_page(
        request,
        "rule.jinja",
        visitor,
        rule={**found, **_precision(found)},
        versions=versions,
        suggestion=suggestion,
        target=target,
        chart=precision_chart(
            suggestion.points, found["threshold"], suggestion.point.threshold if suggestion.point else None
        ),
        form=form,
        quote=quote,
        problem=problem,
        targets=targets,
        alert_problem=alert_problem,
        adopted=adopted if adopted == str(found["current_version"]) else "",
        started=host.find_run(visitor, query.get("dag", ""), query.get("run", "")),
        may_backfill=host.may_start(visitor, BACKFILL),
        may_change=host.may_start(visitor, STATE),
    )


@router.post("/rules/{name}/backfill")
def backfill(
    request: Request,
    visitor: FormSender,
    engine: Database,
    name: str,
    cameras: Annotated[str, Form()] = "",
    first_day: Annotated[str, Form()] = "",
    last_day: Annotated[str, Form()] = "",
    newest_first: Annotated[str, Form()] = "",
    gpu_hours: Annotated[str, Form()] = "",
    segments: Annotated[str, Form()] = "",
) -> Response:
    """Start the DAG ``backfill_rule`` with the form."""
    given = {"cameras": cameras, "first_day": first_day, "last_day": last_day, "newest_first": newest_first}
    form = BackfillForm.parse(given | {"gpu_hours": gpu_hours, "segments": segments})
    return _start(request, visitor, engine, name, BACKFILL, form.conf(name, dry_run=False))


@router.post("/rules/{name}/state")
def change_state(
    request: Request, visitor: FormSender, engine: Database, name: str, state: Annotated[str, Form()]
) -> Response:
    """Start the DAG ``change_rule_state``."""
    if state not in {"active", "paused", "retired"}:
        raise RuleError("A rule is active, paused or retired.")
    return _start(request, visitor, engine, name, STATE, {"rule": name, "state": state})


@router.get("/labels.csv")
def labels(engine: Database, rule: str = "") -> Response:
    """The judged events of a rule, or of all."""
    with engine.connect() as connection:
        body = labels_csv(labelled_events(connection, rule or None))
    return Response(body, media_type="text/csv", headers={"Content-Disposition": 'attachment; filename="labels.csv"'})


@router.get("/labels.zip")
def labels_archive(engine: Database, rule: str = "") -> Response:
    """The judged events of a rule as an archive for `anyanomaly evaluate`."""
    with engine.connect() as connection:
        body = labels_zip(evaluation_labels(connection, labelled_events(connection, rule or None)))
    name = {"Content-Disposition": 'attachment; filename="labels.zip"'}
    return Response(body, media_type="application/zip", headers=name)


def _start(
    request: Request, visitor: Visitor, engine: Engine, name: str, dag_id: str, conf: Mapping[str, Any]
) -> Response:
    host: Host = request.app.state.host
    if not host.may_start(visitor, dag_id):
        raise HTTPException(403, "Your account may look but not start runs.")
    with engine.connect() as connection:
        queries.load_rule_page(connection, name)  # says so when there is none
    run = host.start(visitor, dag_id, conf)
    return RedirectResponse(
        f"{base_path(request)}/rules/{name}?{urlencode({'dag': run.dag_id, 'run': run.run_id})}", 303
    )


def _precision(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Share of real events among those with a yes or no, and its interval."""
    real, judged = rule["hits"]["real"], rule["hits"]["real"] + rule["hits"]["false_alarms"]
    return {
        "judged": judged,
        "precision": real / judged if judged else None,
        "precision_interval": binomial_interval(real, judged) if judged else None,
    }


def _target(stated: str) -> float:
    """The wanted precision, stated in percent; 90 % unless that makes sense."""
    return int(stated) / 100 if stated.isdecimal() and 1 <= int(stated) <= 100 else DEFAULT_TARGET  # noqa: PLR2004
