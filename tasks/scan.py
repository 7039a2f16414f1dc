"""Tasks of the DAG ``scan_archive``."""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from anyanomaly_core import __version__
from anyanomaly_core.alerts.connections import Connections, connection_from_environment
from anyanomaly_core.alerts.sender import AlertSender
from anyanomaly_core.archive.missing import FootageSelection, missing_work
from anyanomaly_core.archive.names import write_names
from anyanomaly_core.archive.scan import ScanResult, scan, segment_progress
from anyanomaly_core.archive.scorer import load_scorer
from anyanomaly_core.config import Settings, get_settings
from anyanomaly_core.engine.progress import LoggedProgress
from anyanomaly_core.errors import AnyAnomalyError, RuleError
from anyanomaly_core.models.local_revisions import known_revisions
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results import scorer_store
from anyanomaly_core.results.cascades import bounds_of_run, describe_bound
from anyanomaly_core.results.catalog import load_videos
from anyanomaly_core.results.planning import Unit
from anyanomaly_core.results.rule_store import StoredRule, list_rules
from anyanomaly_core.results.spending import Meter
from anyanomaly_core.results.waiting import with_database_retry
from anyanomaly_core.rules.alerts import load_alerts
from tasks.context import database, stall_watchdog
from tasks.failures import describe_reasons, record_failure, require_reasons

log = logging.getLogger(__name__)

MAX_TASKS = 1000  # Airflow maps at most 1024

Work = dict[str, Any]


def plan_units(
    *,
    rules: Sequence[str] = (),
    cameras: Sequence[str] = (),
    first_day: str | None = None,
    last_day: str | None = None,
    profile: str | None = None,
    limit: int | None = None,
    external_id: str | None = None,
) -> list[Work]:
    """What is missing, packed into units of work for :func:`scan_unit`; each becomes one mapped task.

    A unit holds about ``unit_seconds`` of footage of one camera and day, and the rules each video lacks.

    Args:
        rules: names; none: every active rule.
        cameras: ids or patterns; none: all.
        first_day: of footage, yyyy-mm-dd in the camera's time zone, inclusive.
        last_day: likewise.
        profile: for rules that name none; none: the installation's.
        limit: at most so many units.
        external_id: Airflow's run id.

    Raises:
        RuleError: when a named rule does not exist or is retired, or the days make no sense.
        ConfigurationError: when the file of alerts is wrong.
    """
    settings = get_settings()
    load_alerts(settings.alerts)  # what is wrong with the file is told before anything is scored
    engine = database(settings)
    selection = FootageSelection.parse(cameras=cameras, first_day=first_day, last_day=last_day)
    with engine.begin() as connection:
        chosen = _chosen_rules(connection, rules)
        work: list[Work] = []
        for name, group in _by_profile(chosen, profile or settings.profile).items():
            of_group = load_profile(name)
            stored = scorer_store.latest_scorer(connection, of_group, known_revisions(of_group, settings))
            missing = missing_work(connection, group, None if stored is None else stored.scorer_id, selection)
            work += _pack(missing, name, settings.unit_seconds)
        if work:  # a run that writes nothing is not noted
            params = {"rules": [*rules], "cameras": [*cameras], "from": first_day, "to": last_day, "profile": profile}
            run_id = scorer_store.start_run(
                connection, "scan", code_version=__version__, external_id=external_id, params=params
            )
            work = [{**item, "run_id": run_id} for item in work]
    write_names(engine, settings.state_dir)
    engine.dispose()
    seconds = sum(item["seconds"] for item in work)
    log.info("%d rules; %d units of work with %.0f s of footage are missing", len(chosen), len(work), seconds)
    most = min(limit or MAX_TASKS, MAX_TASKS)
    if len(work) > most:
        log.warning("Only the first %d of %d units are planned in this run; the next run goes on.", most, len(work))
    return work[:most]


def scan_unit(
    unit: Work, *, started_at: datetime | None = None, connections: Connections = connection_from_environment
) -> dict[str, Any]:
    """Score the videos of a unit, one after the other, and commit each; the models are loaded once.

    What another worker or an earlier try has committed is left alone. A video that fails does not keep the others
    from being scored.

    Args:
        unit: as planned.
        started_at: when the task was started; quotes of backfills learn from it what a start takes.
        connections: looks up addresses and secrets of those who are told of new events.

    Raises:
        ModelError: when a model is not to be had or breaks as a whole.
        FootageError: at the end, when a video failed as a whole; it names all of them.
    """
    settings = get_settings()
    engine = database(settings)
    with stall_watchdog(settings), record_failure(engine, unit["run_id"], unit["name"]):
        result = _scan_unit(engine, settings, unit, started_at, connections)
        result.raise_failures()
    engine.dispose()
    return {"name": unit["name"], "counts": dict(result.counts)}


def summarize_scan(units: Sequence[Work] | None, results: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
    """Say what was scored, skipped and failed, and close the run; raises AnyAnomalyError when a unit failed."""
    if units is None:
        raise AnyAnomalyError("The scan was not planned; the log of plan_units says why.")
    finished = [result for result in results if result is not None]
    counts: Counter[str] = Counter()
    for result in finished:
        counts.update(result["counts"])
    failed = len(units) - len(finished)
    reasons: dict[str, str] = {}
    summary: dict[str, Any] = {"units": len(units), "units_failed": failed, **dict(sorted(counts.items()))}
    log.info("%s", "Nothing was missing." if not units else summary)
    if units:
        engine = database()
        with engine.begin() as connection:
            if bounds := bounds_of_run(connection, units[0]["run_id"]):
                summary["cascade"] = bounds
            missing = {unit["name"] for unit in units} - {result["name"] for result in finished}
            reasons = require_reasons(connection, units[0]["run_id"], missing)
            outcome = "failed" if failed else "success"
            scorer_store.finish_run(connection, units[0]["run_id"], outcome, summary)
        engine.dispose()
        for bound in bounds:
            log.info("%s", describe_bound(bound))
    if failed:
        raise AnyAnomalyError(f"{failed} of {len(units)} units of work failed: {describe_reasons(reasons)}")
    return summary


def _scan_unit(
    engine: Engine, settings: Settings, unit: Work, started_at: datetime | None, connections: Connections
) -> ScanResult:
    patience_s = settings.database_patience_s
    with LoggedProgress(unit["name"]) as progress, AlertSender(engine, settings, connections) as alerts:
        scorer = load_scorer(engine, load_profile(unit["profile"]), settings)
        meter = Meter(engine, unit["run_id"], scorer.stored.scorer_id, started_at, patience_s=patience_s)
        meter.record_start()
        work = with_database_retry(engine, patience_s, lambda: _load(engine, unit))
        return scan(
            engine,
            work,
            scorer,
            settings=settings,
            meter=meter,
            progress=segment_progress([part.video for part in work], scorer.profile, progress),
            committed=alerts.wake,
        )


def _load(engine: Engine, work: Work) -> list[Unit]:
    """The planned videos and rules, as they are now."""
    with engine.connect() as connection:
        rules = {rule.rule_version_id: rule for rule in list_rules(connection, all_versions=True)}
        videos = {video.video_id: video for video in load_videos(connection, [i["video_id"] for i in work["videos"]])}
    return [Unit(videos[i["video_id"]], tuple(rules[version] for version in i["rules"])) for i in work["videos"]]


def _chosen_rules(connection: Connection, names: Sequence[str]) -> list[StoredRule]:
    rules = list_rules(connection)
    if not names:
        return [rule for rule in rules if rule.state == "active"]
    usable = {rule.name: rule for rule in rules if rule.state != "retired"}
    if unknown := [name for name in names if name not in usable]:
        raise RuleError(f"No rule is called {', '.join(unknown)}. There are: {', '.join(sorted(usable)) or 'none'}.")
    return [usable[name] for name in names]


def _by_profile(rules: Sequence[StoredRule], default: str) -> dict[str, list[StoredRule]]:
    groups: dict[str, list[StoredRule]] = {}
    for rule in rules:
        groups.setdefault(rule.definition.profile or default, []).append(rule)
    return groups


def _pack(missing: Sequence[Unit], profile: str, unit_seconds: float) -> list[Work]:
    """Units of one camera and day each, up to ``unit_seconds`` of footage, longer when there are very many."""
    total = sum(unit.video.duration_s or 0.0 for unit in missing)
    most = max(unit_seconds, 2 * total / MAX_TASKS)
    work: list[Work] = []
    in_order = sorted(missing, key=lambda unit: (unit.video.local_date, unit.video.camera_id))  # stable: by time within
    for (day, camera), group in groupby(in_order, key=lambda unit: (unit.video.local_date, unit.video.camera_id)):
        part: list[Unit] = []
        for unit in group:
            if part and sum(u.video.duration_s or 0.0 for u in [*part, unit]) > most:
                work.append(_work(part, camera, day, profile))
                part = []
            part.append(unit)
        work.append(_work(part, camera, day, profile))
    return work


def _work(part: Sequence[Unit], camera: str, day: str, profile: str) -> Work:
    start = part[0].video.recorded_at.astimezone(ZoneInfo(part[0].video.time_zone))
    rules = len({rule.rule_version_id for unit in part for rule in unit.rules})
    return {
        "name": f"{camera} {day} {start:%H:%M:%S}, {len(part)} videos, {rules} rules",
        "profile": profile,
        "seconds": sum(unit.video.duration_s or 0.0 for unit in part),
        "videos": [
            {"video_id": unit.video.video_id, "rules": [rule.rule_version_id for rule in unit.rules]} for unit in part
        ],
    }
