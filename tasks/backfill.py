"""Tasks of the DAG ``backfill_rule``: one rule over stored footage, quoted first, within a budget."""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from anyanomaly_core import __version__
from anyanomaly_core.alerts.connections import Connections, connection_from_environment
from anyanomaly_core.alerts.sender import AlertSender
from anyanomaly_core.archive.backfill import MAX_TASKS, BackfillPlan, CameraDays, compare_with_ledger
from anyanomaly_core.archive.certified import CertifiedTarget, certified_backfill, describe_certificate
from anyanomaly_core.archive.missing import FootageSelection, missing_work
from anyanomaly_core.archive.quote import Quote
from anyanomaly_core.archive.scan import Budget, ScanResult, scan, segment_progress
from anyanomaly_core.archive.scorer import load_scorer
from anyanomaly_core.config import Settings, get_settings
from anyanomaly_core.engine.certificate import Level
from anyanomaly_core.engine.progress import LoggedProgress
from anyanomaly_core.errors import AnyAnomalyError, RuleError
from anyanomaly_core.results import scorer_store
from anyanomaly_core.results.cascades import bounds_of_run, describe_bound
from anyanomaly_core.results.planning import Unit
from anyanomaly_core.results.rule_store import list_rules, load_rule
from anyanomaly_core.results.spending import Meter, Spending, spending_of
from anyanomaly_core.results.waiting import with_database_retry
from tasks.context import database, stall_watchdog
from tasks.failures import describe_reasons, record_failure, require_reasons

log = logging.getLogger(__name__)

Form = dict[str, Any]
Work = dict[str, Any]


def quote_backfill(form: Form, *, day: str | None = None) -> dict[str, Any]:
    """What a backfill will take, from what the same scorer took before. Writes nothing.

    Args:
        form: ``rule``, ``cameras``, ``from``, ``to``, ``newest_first``, ``gpu_hours``, ``segments``.
        day: the only day, instead of ``from`` and ``to``; of a run of ``airflow backfill``.

    Raises:
        RuleError: when there is no such rule, it is retired, or the days make no sense.
    """
    settings = get_settings()
    engine = database(settings)
    with engine.begin() as connection:
        plan = _plan(connection, settings, form, day)
    engine.dispose()
    rule, quote = plan.rule, plan.quote()
    profile = rule.definition.profile or settings.profile
    said = {"rule": rule.name, "version": rule.version, "profile": profile, **quote.as_dict()}
    log.info("%s version %d: %s", rule.name, rule.version, describe_quote(quote))
    return said


def plan_backfill(
    form: Form, quote: dict[str, Any], *, day: str | None = None, external_id: str | None = None
) -> list[Work]:
    """Camera-days for :func:`score_days`, as far as the budget reaches; none for a dry run.

    A run that is cleared, and so planned again, goes on with what is left of its budget.
    """
    if form["dry_run"]:
        log.info("Dry run: nothing is scored.")
        return []
    settings = get_settings()
    if form.get("recall") is not None:
        if form["gpu_hours"] is not None:
            raise RuleError("A certified backfill has no limit in GPU hours; limit its segments.")
        return _plan_certificate(settings, form, quote, day=day, external_id=external_id)
    engine = database(settings)
    budget = Budget(form["gpu_hours"], form["segments"])
    with engine.begin() as connection:
        plan = _plan(connection, settings, form, day)
        days = plan.days
        if not days:
            log.info("Nothing is missing.")
            return []
        params = {**form, "day": day, "quote": quote}
        run_id = scorer_store.start_run(
            connection, "backfill", code_version=__version__, external_id=external_id, params=params
        )
        spent = spending_of(connection, run_id)
        work = [_work(part, plan, budget, run_id) for part in plan.days_within(budget, spent)[:MAX_TASKS]]
        if not work:
            log.warning("The budget is used up, or the next video alone is more than it.")
            scorer_store.finish_run(connection, run_id, "success", {})
    engine.dispose()
    if len(work) < len(days):
        log.warning("%d of %d camera-days are planned; another run goes on.", len(work), len(days))
    return work


def score_days(
    work: Work, *, started_at: datetime | None = None, connections: Connections = connection_from_environment
) -> dict[str, Any]:
    """Score what a camera still lacks of its days, video by video, until the budget is used up.

    Raises:
        ModelError: when a model is not to be had or breaks as a whole.
        FootageError: at the end, when videos failed as a whole; it names all of them.
    """
    settings = get_settings()
    engine = database(settings)
    with stall_watchdog(settings), record_failure(engine, work["run_id"], work["name"]):
        certified = work.get("certified") is not None
        score = _certify if certified else _score_days
        result = score(engine, settings, work, started_at, connections)
        result.raise_failures()
    engine.dispose()
    return {"name": work["name"], "counts": {**result.counts, "videos_left": len(result.left)}}


def summarize_backfill(
    form: Form,
    quote: dict[str, Any] | None,
    units: Sequence[Work] | None,
    results: Sequence[dict[str, Any] | None],
    *,
    day: str | None = None,
) -> dict[str, Any]:
    """Say what was scored, what it took against the quote, and what remains.

    Raises:
        AnyAnomalyError: when a task failed, so that the run is seen to have failed.
    """
    if quote is None or units is None:
        raise AnyAnomalyError("The backfill was not quoted or planned; the log of that task says why.")
    finished = [result for result in results if result is not None]
    counts: Counter[str] = Counter()
    for result in finished:
        counts.update(result["counts"])
    failed = len(units) - len(finished)
    settings = get_settings()
    engine = database(settings)
    reasons: dict[str, str] = {}
    with engine.begin() as connection:
        remaining = _plan(connection, settings, form, day).quote()
        summary: dict[str, Any] = {"tasks": len(units), "tasks_failed": failed, **dict(sorted(counts.items()))}
        limited = form.get("recall") is None and (form["gpu_hours"] is not None or form["segments"] is not None)
        summary |= {"quoted": quote, "remaining": remaining.as_dict()}
        summary["stopped_at_budget"] = limited and remaining.videos > 0 and not failed and not form["dry_run"]
        if units:
            missing = {unit["name"] for unit in units} - {result["name"] for result in finished}
            reasons = require_reasons(connection, units[0]["run_id"], missing)
            spent = spending_of(connection, units[0]["run_id"])
            summary["took"] = {"gpu_hours": round(spent.seconds / 3600, 6), "segments": spent.segments}
            if bounds := bounds_of_run(connection, units[0]["run_id"]):
                summary["cascade"] = bounds
                log.info("%s", "; ".join(map(describe_bound, bounds)))
            outcome = "failed" if failed else "success"
            scorer_store.finish_run(connection, units[0]["run_id"], outcome, summary)
    engine.dispose()
    log.info("%s", summary)
    log.info(
        "%s: %s", "Stopped at the budget" if summary["stopped_at_budget"] else "Remaining", describe_quote(remaining)
    )
    if failed:
        raise AnyAnomalyError(f"{failed} of {len(units)} camera-days failed: {describe_reasons(reasons)}")
    return summary


def describe_quote(quote: Quote) -> str:
    """One line for a log."""
    if quote.videos == 0:
        return "nothing is missing."
    hours = _hours(quote.gpu_hours)
    return (
        f"{quote.videos} videos, {quote.footage_s / 3600:.2f} h of footage, {quote.segments} segments, "
        f"{quote.lvlm_calls} LVLM calls, {hours} in {quote.tasks} tasks; as long as that with one slot in the pool "
        f"`backfill`, half as long with two. Measured on {quote.measured}."
        f"{_describe_prices(quote)}"
    )


def _describe_prices(quote: Quote) -> str:
    pruned, whole = quote.with_cascade, quote.without_cascade
    if pruned is None:
        return ""
    return (
        f" With a cascade: {pruned.lvlm_calls} LVLM calls (for {pruned.judged:.0%} of the segments), "
        f"{_hours(pruned.gpu_hours)}; without: {whole.lvlm_calls}, {_hours(whole.gpu_hours)}."
    )


def _hours(gpu_hours: float | None) -> str:
    return "an unknown time" if gpu_hours is None else f"{gpu_hours:.3f} GPU hours"


def _score_days(
    engine: Engine, settings: Settings, work: Work, started_at: datetime | None, connections: Connections
) -> ScanResult:
    budget = Budget(work["gpu_hours"], work["segments"])
    patience_s = settings.database_patience_s

    def read() -> tuple[BackfillPlan, Spending]:
        with engine.connect() as connection:
            return _plan_of_task(connection, settings, work), spending_of(connection, work["run_id"])

    plan, spent = with_database_retry(engine, patience_s, read)
    if not plan.begins_within(budget, spent):  # then no model need be loaded
        log.info("%s", "The budget is used up." if plan.work else "Nothing is missing any more.")
        return ScanResult(left=[unit.video for unit in plan.work])
    with LoggedProgress(work["name"]) as progress, AlertSender(engine, settings, connections) as alerts:
        scorer = load_scorer(engine, plan.profile, settings)
        meter = Meter(engine, work["run_id"], scorer.stored.scorer_id, started_at, patience_s=patience_s)
        meter.record_start()

        def missing() -> list[Unit]:
            with engine.connect() as connection:
                return missing_work(
                    connection, [plan.rule], scorer.stored.scorer_id, plan.selection, certified_too=True
                )

        units = with_database_retry(engine, patience_s, missing)
        result = scan(
            engine,
            units,
            scorer,
            settings=settings,
            meter=meter,
            budget=budget,
            progress=segment_progress([unit.video for unit in units], scorer.profile, progress),
            committed=alerts.wake,
        )
    if result.left:
        log.warning("The budget is used up; %d videos are left.", len(result.left))
    return result


def _plan_certificate(
    settings: Settings, form: Form, quote: dict[str, Any], *, day: str | None, external_id: str | None
) -> list[Work]:
    """One task: what is enough shows only over all of the footage."""
    engine = database(settings)
    with engine.begin() as connection:
        plan = _plan(connection, settings, form, day)
        if not plan.work:
            log.info("Nothing is missing.")
            return []
        params = {**form, "day": day, "quote": quote}
        run_id = scorer_store.start_run(
            connection, "backfill", code_version=__version__, external_id=external_id, params=params
        )
    engine.dispose()
    return [
        {
            "name": f"certificate of {plan.rule.name}",
            "rule_version_id": plan.rule.rule_version_id,
            "cameras": [*plan.selection.cameras],
            "first_day": day or form["from"],
            "last_day": day or form["to"],
            "certified": {name: form[name] for name in ("recall", "confidence", "level")}
            | {"budget": form["segments"]},
            "run_id": run_id,
        }
    ]


def _certify(
    engine: Engine, settings: Settings, work: Work, started_at: datetime | None, connections: Connections
) -> ScanResult:
    asked = work["certified"]
    wanted = CertifiedTarget(asked["recall"], asked["confidence"], Level(asked["level"]), asked["budget"])
    selection = FootageSelection.parse(cameras=work["cameras"], first_day=work["first_day"], last_day=work["last_day"])
    with engine.connect() as connection:
        versions = list_rules(connection, all_versions=True)
    rule = next(rule for rule in versions if rule.rule_version_id == work["rule_version_id"])
    with AlertSender(engine, settings, connections) as alerts:
        done = certified_backfill(
            engine,
            settings,
            rule,
            selection,
            wanted=wanted,
            run_id=work["run_id"],
            started_at=started_at,
            stages=lambda title, unit: LoggedProgress(f"{work['name']}: {title}", unit),
            committed=alerts.wake,
        )
    if done.document is not None:
        log.info("%s", describe_certificate(done.document))
    return done.result


def _plan(connection: Connection, settings: Settings, form: Form, day: str | None) -> BackfillPlan:
    if not form["rule"]:
        raise RuleError("Say which rule is to be backfilled: the name of one of `anyanomaly rules list`.")
    selection = FootageSelection.parse(
        cameras=form["cameras"],
        first_day=day or form["from"],
        last_day=day or form["to"],
        newest_first=form["newest_first"],
    )
    return compare_with_ledger(connection, settings, load_rule(connection, form["rule"]), selection)


def _plan_of_task(connection: Connection, settings: Settings, work: Work) -> BackfillPlan:
    """What a task's camera-days lack now: late footage comes along, and what another try did is left out."""
    versions = list_rules(connection, all_versions=True)
    rule = next(rule for rule in versions if rule.rule_version_id == work["rule_version_id"])
    selection = FootageSelection.parse(
        cameras=[work["camera"]],
        first_day=work["first_day"],
        last_day=work["last_day"],
        newest_first=work["newest_first"],
    )
    return compare_with_ledger(connection, settings, rule, selection)


def _work(part: CameraDays, plan: BackfillPlan, budget: Budget, run_id: int) -> Work:
    days = part.first_day if part.first_day == part.last_day else f"{part.first_day} to {part.last_day}"
    return {
        "name": f"{part.camera} {days}, {len(part.videos)} videos",
        "rule_version_id": plan.rule.rule_version_id,
        "camera": part.camera,
        "first_day": part.first_day,
        "last_day": part.last_day,
        "newest_first": plan.selection.newest_first,
        "gpu_hours": budget.gpu_hours,
        "segments": budget.segments,
        "run_id": run_id,
    }
