"""Writing a rule: the form, what it would find, a trial on a moment of footage, and its adoption."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Engine, text
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from anyanomaly_core.archive.names import read_names
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import RuleError, StorageError
from anyanomaly_core.results.rule_drafts import RuleDraft, note_draft
from anyanomaly_core.results.rule_store import StoredRule, load_rule
from anyanomaly_core.review.access import Configuration, Database, RuleWriter, Viewer
from anyanomaly_core.review.charts import histogram_chart
from anyanomaly_core.review.drafts.form import RuleForm
from anyanomaly_core.review.drafts.rehearsal import RehearsalReport, rehearse_stored
from anyanomaly_core.review.drafts.trial import TrialReport, moments_to_try, trial_picture
from anyanomaly_core.review.host import DagRun, Host, Visitor
from anyanomaly_core.review.pages.media import file_response
from anyanomaly_core.review.rendering import base_path, render_page
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.rules.files import rule_yaml

router = APIRouter()
TRY, ADOPT = "try_rule", "adopt_rule"
SAMPLE = 20  # videos that a rehearsal scores
_REPORT: TypeAdapter[TrialReport | RehearsalReport] = TypeAdapter(TrialReport | RehearsalReport)
_CAMERAS = text("SELECT camera_id, coalesce(name, camera_id) AS name FROM cameras ORDER BY camera_id LIMIT 500")


async def sent_fields(request: Request) -> dict[str, str]:
    """What a form sent, without files."""
    sent = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    if sent.get("moment") == "other":
        sent["moment"] = f"{sent.get('other_camera', '')}|{sent.get('other_time', '').replace('T', ' ')}"
    return sent


@router.get("/rules/_new")
def new_rule(request: Request, visitor: Viewer, engine: Database, settings: Configuration) -> Response:
    """The form of a rule that is not there yet."""
    return _page(request, visitor, engine, settings, RuleForm().changed(request.query_params), None)


@router.get("/rules/_trial/{name}")
def picture(settings: Configuration, name: str) -> Response:
    """A picture of what a trial looked at."""
    return file_response(trial_picture(settings, name), "image/png", None)


@router.get("/rules/{name}/edit")
def edit_rule(request: Request, visitor: Viewer, engine: Database, settings: Configuration, name: str) -> Response:
    """The form of a rule there is, as its current version says or as the address does."""
    rule = _known_rule(engine, name)
    form = RuleForm.of(rule.definition, based_on=rule.version, active=rule.state == "active")
    return _page(request, visitor, engine, settings, form.changed(request.query_params), rule)


@router.get("/rules/{name}/rule.yaml")
def rule_file(visitor: Viewer, engine: Database, name: str, version: int | None = None) -> Response:  # noqa: ARG001
    """A rule as a file."""
    return _yaml(_known_rule(engine, name, version).definition)


@router.post("/rules/_draft")
def act(
    request: Request,
    visitor: RuleWriter,
    engine: Database,
    settings: Configuration,
    sent: Annotated[dict[str, str], Depends(sent_fields)],
) -> Response:
    """What the form's buttons do: rehearse, score a sample, try a moment, adopt, or give the file."""
    form, does = RuleForm().changed(sent), sent.get("do", "")
    rule = _known_rule(engine, sent["rule"]) if sent.get("rule") else None
    try:
        draft = _checked(form, rule, settings)
        place = form.place()
    except RuleError:
        return _go(request, form, rule)
    match does:
        case "yaml":
            return _yaml(draft)
        case "rehearse":
            return _go(request, form, rule)
        case "try" if place is None:
            return _go(request, form, rule, try_="1")
        case "try" | "score":
            run = _start_trial(request, visitor, draft, place if does == "try" else None)
        case "adopt":
            draft_id = note_draft(engine, RuleDraft(draft, form.version(), visitor.name))
            run = _host(request).start(visitor, ADOPT, {"draft": str(draft_id)})
        case _:
            raise RuleError("The form has no such button.")
    return _go(request, form, rule, dag=run.dag_id, run=run.run_id)


def _page(
    request: Request, visitor: Visitor, engine: Engine, settings: Settings, form: RuleForm, rule: StoredRule | None
) -> Response:
    query = request.query_params
    run = _host(request).find_run(visitor, query.get("dag", ""), query.get("run", ""))
    if run is not None and (run.dag_id, run.state) == (ADOPT, "success"):
        place = _adopted(_result(request, visitor, run))
        return RedirectResponse(f"{base_path(request)}/rules{place}", 303)
    problems: list[str] = []
    draft = None
    if "texts" in query or rule is not None:
        try:
            draft = _checked(form, rule, settings)
            form.place()
        except RuleError as error:
            problems = str(error).split("\n")
    rehearsal, unscored = _rehearsal(engine, draft) if draft and run is None else (None, "")
    trial = None
    if run is not None and run.state == "success":
        trial, rehearsal = _outcome(_result(request, visitor, run))
    with engine.connect() as connection:
        cameras = connection.execute(_CAMERAS).mappings().all()
    patterns = list(draft.cameras) if draft else ["*"]
    return render_page(
        request,
        "rule_form.jinja",
        visitor,
        form=form,
        rule=rule,
        draft=draft,
        problems=problems,
        no_moment="try_" in query,
        run=run,
        is_waiting=run is not None and not run.is_over,
        trial=trial,
        rehearsal=rehearsal,
        unscored=unscored,
        chart=None if rehearsal is None or draft is None else histogram_chart(rehearsal.histogram, draft.threshold),
        cameras=cameras,
        moments=moments_to_try(engine, patterns),
        profiles=_profiles(settings, rule),
        default_profile=settings.profile,
        sample=SAMPLE,
    )


def _adopted(result: Any) -> str:  # noqa: ANN401  (any JSON)
    """Where the rule that a run of ``adopt_rule`` made is seen; the list of rules if its outcome is gone."""
    match result:
        case {"rule": str(name), "version": int(version)}:
            return f"/{quote(name, safe='')}?adopted={version}"
        case _:
            return ""


def _rehearsal(engine: Engine, draft: RuleDefinition) -> tuple[RehearsalReport | None, str]:
    """What stored scores say of a draft, or why they say nothing."""
    try:
        return rehearse_stored(engine, draft), ""
    except RuleError:
        return None, "No footage was scored with these words yet."


def _start_trial(
    request: Request, visitor: Visitor, draft: RuleDefinition, place: tuple[str, datetime] | None
) -> DagRun:
    """Try a draft on a moment; None: on a sample of the footage."""
    conf: dict[str, Any] = {"draft": draft.model_dump(mode="json", exclude_defaults=True), "videos": SAMPLE}
    if place is not None:
        conf |= {"camera": place[0], "moment": place[1].isoformat(sep=" ")}
    return _host(request).start(visitor, TRY, conf)


def _outcome(result: Any) -> tuple[TrialReport | None, RehearsalReport | None]:  # noqa: ANN401  (any JSON)
    """What a run of ``try_rule`` returned, which may be that of another version of it."""
    try:
        found = _REPORT.validate_python(result)
    except ValidationError:
        raise StorageError("What the run found is gone; try the rule again.") from None
    return (found, None) if isinstance(found, TrialReport) else (None, found)


def _result(request: Request, visitor: Visitor, run: DagRun) -> Any:  # noqa: ANN401  (any JSON)
    task = "adopt" if run.dag_id == ADOPT else "try_draft"
    return _host(request).result_of(visitor, run, task)


def _checked(form: RuleForm, rule: StoredRule | None, settings: Settings) -> RuleDefinition:
    """The rule that the form states; raises RuleError, a line for each mistake."""
    draft = form.definition()
    if rule is not None and draft.name != rule.name:
        raise RuleError(f"name: this is the page of {rule.name}; a rule of another name is a new one.")
    if draft.profile is not None and draft.profile not in _profiles(settings, rule):
        raise RuleError(f"profile: there is no {draft.profile[:80]!r}.")
    form.version()
    return draft


def _profiles(settings: Settings, rule: StoredRule | None) -> list[str]:
    """Profiles to choose from: those built in, those that rules name, and the one that this rule has."""
    own = rule.definition.profile if rule else None
    return sorted({*read_names(settings.state_dir).profiles, *([own] if own else [])})


def _known_rule(engine: Engine, name: str, version: int | None = None) -> StoredRule:
    with engine.connect() as connection:
        try:
            return load_rule(connection, name, version)
        except RuleError:
            raise StorageError(f"There is no rule {name[:80]!r}{f' version {version}' if version else ''}.") from None


def _yaml(definition: RuleDefinition) -> Response:
    name = {"Content-Disposition": f'attachment; filename="{definition.name}.yaml"'}
    return Response(rule_yaml(definition), media_type="application/yaml", headers=name)


def _go(request: Request, form: RuleForm, rule: StoredRule | None, **more: str) -> Response:
    path = f"{quote(rule.name, safe='')}/edit" if rule else "_new"
    return RedirectResponse(f"{base_path(request)}/rules/{path}?{form.query_string(**more)}#outcome", 303)


def _host(request: Request) -> Host:
    host: Host = request.app.state.host
    return host
