"""Tasks of the DAG ``scan_archive``."""

import fnmatch
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, select

from anyanomaly_core import __version__
from anyanomaly_core.archive.unit import LoadedScorer, load_scorer, scan_video
from anyanomaly_core.config import Settings, get_settings
from anyanomaly_core.engine.progress import LoggedProgress
from anyanomaly_core.errors import AnyAnomalyError, FootageError, RuleError
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.models.expected import known_revisions
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results import scorer_store
from anyanomaly_core.results.cascades import bounds_of_run, say_bound
from anyanomaly_core.results.catalog import StoredVideo, load_videos
from anyanomaly_core.results.patience import patiently
from anyanomaly_core.results.planning import Unit, missing_units
from anyanomaly_core.results.rule_store import StoredRule, list_rules
from anyanomaly_core.results.schema import cameras as camera_table
from anyanomaly_core.results.spending import Meter
from anyanomaly_core.scoring.types import Status
from tasks.context import database

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
        first_day: of footage, yyyy-mm-dd in the installation's time zone, inclusive.
        last_day: likewise.
        profile: for rules that name none; none: the installation's.
        limit: at most so many units.
        external_id: Airflow's run id.

    Raises:
        RuleError: when a named rule does not exist or is retired.
    """
    settings = get_settings()
    engine = database(settings)
    zone = ZoneInfo(settings.time_zone)
    with engine.begin() as connection:
        chosen = _chosen_rules(connection, rules)
        work: list[Work] = []
        for name, group in _by_profile(chosen, profile or settings.profile).items():
            of_group = load_profile(name)
            stored = scorer_store.latest_scorer(connection, of_group, known_revisions(of_group, settings))
            missing = missing_units(
                connection,
                group,
                None if stored is None else stored.scorer_id,
                camera_ids=_camera_ids(connection, cameras) if cameras else None,
                recorded_from=_start_of(first_day, zone, 0),
                recorded_before=_start_of(last_day, zone, 1),
            )
            work += _pack(missing, name, settings.unit_seconds)
        if work:  # a run that writes nothing is not noted
            params = {"rules": [*rules], "cameras": [*cameras], "from": first_day, "to": last_day, "profile": profile}
            run_id = scorer_store.start_run(
                connection, "scan", code_version=__version__, external_id=external_id, params=params
            )
            work = [{**item, "run_id": run_id} for item in work]
    engine.dispose()
    seconds = sum(item["seconds"] for item in work)
    log.info("%d rules; %d units of work with %.0f s of footage are missing", len(chosen), len(work), seconds)
    most = min(limit or MAX_TASKS, MAX_TASKS)
    if len(work) > most:
        log.warning("Only the first %d of %d units are planned in this run; the next run goes on.", most, len(work))
    return work[:most]


def scan_unit(unit: Work, *, started_at: datetime | None = None) -> dict[str, Any]:
    """Score the videos of a unit, one after the other, and commit each; the models are loaded once.

    What another worker or an earlier try has committed is left alone. A video that fails does not keep the others
    from being scored.

    Args:
        unit: as planned.
        started_at: when the task was started; quotes of backfills learn from it what a start takes.

    Raises:
        ModelError: when a model is not to be had or breaks as a whole.
        FootageError: at the end, when a video failed as a whole; it names all of them.
    """
    settings = get_settings()
    engine = database(settings)
    loaded = load_scorer(engine, load_profile(unit["profile"]), settings)
    patience_s = settings.database_patience_s
    meter = Meter(engine, unit["run_id"], loaded.stored.scorer_id, started_at, patience_s=patience_s)
    meter.started()
    rules, videos = patiently(engine, patience_s, lambda: _load(engine, unit))
    counts: Counter[str] = Counter()
    failures: dict[str, str] = {}
    for item in unit["videos"]:
        video = videos[item["video_id"]]
        wanted = [rules[version] for version in item["rules"]]
        try:
            counts.update(_scan(engine, Unit(video, tuple(wanted)), loaded, settings, meter))
        except FootageError as error:
            failures[video.uri] = str(error)
            log.error("%s: %s", video.uri, error)  # noqa: TRY400  (the message is the finding)
    engine.dispose()
    if failures:
        listed = "; ".join(f"{uri}: {reason}" for uri, reason in failures.items())
        raise FootageError(f"{len(failures)} of {len(videos)} videos could not be scored: {listed}")
    return {"name": unit["name"], "counts": dict(counts)}


def summarize_scan(units: Sequence[Work], results: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
    """Say what was scored, skipped and failed, and close the run; raises AnyAnomalyError when a unit failed."""
    finished = [result for result in results if result is not None]
    counts: Counter[str] = Counter()
    for result in finished:
        counts.update(result["counts"])
    failed = len(units) - len(finished)
    summary: dict[str, Any] = {"units": len(units), "units_failed": failed, **dict(sorted(counts.items()))}
    log.info("%s", "Nothing was missing." if not units else summary)
    if units:
        engine = database()
        with engine.begin() as connection:
            if bounds := bounds_of_run(connection, units[0]["run_id"]):
                summary["cascade"] = bounds
            outcome = "failed" if failed else "success"
            scorer_store.finish_run(connection, units[0]["run_id"], outcome, summary)
        engine.dispose()
        for bound in bounds:
            log.info("%s", say_bound(bound))
    if failed:
        names = ", ".join(sorted({unit["name"] for unit in units} - {result["name"] for result in finished})[:20])
        raise AnyAnomalyError(f"{failed} of {len(units)} units of work failed: {names}. Their logs say why.")
    return summary


def _load(engine: Engine, work: Work) -> tuple[dict[int, StoredRule], dict[int, StoredVideo]]:
    with engine.connect() as connection:
        rules = {rule.rule_version_id: rule for rule in list_rules(connection, all_versions=True)}
        videos = {video.video_id: video for video in load_videos(connection, [i["video_id"] for i in work["videos"]])}
    return rules, videos


def _scan(engine: Engine, unit: Unit, loaded: LoadedScorer, settings: Settings, meter: Meter) -> dict[str, int]:
    """Score one video; counts for the summary."""
    committed = scan_video(
        engine,
        unit.video,
        unit.rules,
        loaded,
        settings=settings,
        limits=Limits.of(settings),
        run_id=meter.run_id,
        progress=LoggedProgress(unit.video.uri),
    )
    if committed is None:
        return {"videos_done_before": 1}
    rows = sum(count for status, count in committed.segments.items() if status is not Status.FAILED)
    meter.scored(rows, len(unit.rules), committed.work_s)
    if committed.failure is not None:
        raise FootageError(committed.failure)
    counted = {f"rows_{status.value}": count for status, count in committed.segments.items()}
    return {"videos": 1, "events": committed.events, **counted}


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


def _camera_ids(connection: Connection, patterns: Sequence[str]) -> list[str]:
    ids = connection.execute(select(camera_table.c.camera_id)).scalars()
    return [camera for camera in ids if any(fnmatch.fnmatchcase(camera, pattern) for pattern in patterns)]


def _start_of(day: str | None, zone: ZoneInfo, days_later: int) -> datetime | None:
    if day is None:
        return None
    moment = date.fromisoformat(day) + timedelta(days=days_later)
    return datetime(moment.year, moment.month, moment.day, tzinfo=zone)


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
