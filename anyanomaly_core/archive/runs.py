"""Whole runs in this process, without Airflow: a scan of the archive, a backfill of a rule."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from anyanomaly_core import __version__
from anyanomaly_core.archive.backfill import compare_with_ledger, profile_name
from anyanomaly_core.archive.certified import CertifiedBackfill, CertifiedTarget, certified_backfill
from anyanomaly_core.archive.discovery import find_new_files
from anyanomaly_core.archive.footage_index import IndexResult, index_videos, load_index_encoder, missing_from_index
from anyanomaly_core.archive.missing import FootageSelection, missing_work
from anyanomaly_core.archive.quote import Quote
from anyanomaly_core.archive.register import Registration, register_file
from anyanomaly_core.archive.rules import apply_rule_files
from anyanomaly_core.archive.scan import Budget, ScanResult, scan, segment_progress
from anyanomaly_core.archive.scorer import load_scorer
from anyanomaly_core.config import Settings
from anyanomaly_core.engine.progress import Stages
from anyanomaly_core.errors import AnyAnomalyError, RuleError
from anyanomaly_core.profile import Profile, load_profile
from anyanomaly_core.results import scorer_store
from anyanomaly_core.results.cascades import bounds_of_run
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.spending import Meter, Spending, spending_of


@dataclass(slots=True)
class ArchiveScan:
    """What a scan of the archive did."""

    registered: list[Registration] = field(default_factory=list)
    result: ScanResult = field(default_factory=ScanResult)


@dataclass(frozen=True, slots=True)
class RuleBackfill:
    """What a backfill did."""

    result: ScanResult
    spent: Spending
    bounds: list[dict[str, Any]]  # of a cascade; see results.cascades
    remaining: Quote


def scan_archive(
    engine: Engine,
    settings: Settings,
    rules: Path,
    *,
    author: str,
    stages: Stages,
    committed: Callable[[], None] = lambda: None,
) -> ArchiveScan:
    """Apply the rules of a folder, register new footage, score what is missing.

    Args:
        engine: with the writer's rights.
        settings: of the installation.
        rules: folder of rule files.
        author: stands with new rule versions.
        stages: is told each long step and how far it is.
        committed: called after each commit of a unit; see :func:`anyanomaly_core.archive.scan.scan`.

    Raises:
        RuleError: when a rule file is wrong; then nothing was applied.
        FootageError: when the archive is not there.
        ModelError: when a model is not to be had or breaks as a whole.
    """
    active = [item.rule for item in apply_rule_files(engine, rules, author=author) if item.rule.state == "active"]
    done = ArchiveScan(registered=_register(engine, settings, stages))
    with engine.begin() as connection:
        run_id = scorer_store.start_run(connection, "cli", code_version=__version__)
    by_profile: dict[str, list[StoredRule]] = {}
    for rule in active:
        by_profile.setdefault(profile_name(rule, settings), []).append(rule)
    with _record_failure(engine, run_id):
        for name, group in by_profile.items():
            run = _ScanRun(engine, settings, run_id, load_profile(name), stages, committed)
            result = run.score(group, FootageSelection(), Budget())
            done.result.counts.update(result.counts)
            done.result.failures |= result.failures
    _finish(engine, run_id, done.result)
    return done


def backfill_rule(
    engine: Engine,
    settings: Settings,
    rule: StoredRule,
    selection: FootageSelection,
    budget: Budget,
    *,
    stages: Stages,
    committed: Callable[[], None] = lambda: None,
) -> RuleBackfill:
    """Score what a rule lacks of a selection of footage, within a budget; ``committed`` as for scans.

    Raises:
        ModelError: when a model is not to be had or breaks as a whole.
    """
    with engine.begin() as connection:
        run_id = scorer_store.start_run(connection, "cli", code_version=__version__)
    run = _ScanRun(engine, settings, run_id, load_profile(profile_name(rule, settings)), stages, committed)
    with _record_failure(engine, run_id):
        result = run.score([rule], selection, budget, certified_too=True)
    bounds = _finish(engine, run_id, result)
    with engine.connect() as connection:
        spent = spending_of(connection, run_id)
    return RuleBackfill(result, spent, bounds, quote_missing(engine, settings, rule, selection))


def certify_rule(
    engine: Engine,
    settings: Settings,
    rule: StoredRule,
    selection: FootageSelection,
    wanted: CertifiedTarget,
    *,
    stages: Stages,
    committed: Callable[[], None] = lambda: None,
) -> CertifiedBackfill:
    """Judge a rule over a selection of footage until a stated share is found; see ``archive.certified``.

    Raises:
        RuleError: when the rule is retired.
        ModelError: when a model is not to be had or breaks as a whole. The next try goes on.
    """
    if rule.state == "retired":
        raise RuleError(f"Rule {rule.name!r} is retired; `anyanomaly rules state {rule.name} active` brings it back.")
    with engine.begin() as connection:
        run_id = scorer_store.start_run(connection, "cli", code_version=__version__)
    with _record_failure(engine, run_id):
        done = certified_backfill(
            engine,
            settings,
            rule,
            selection,
            wanted=wanted,
            run_id=run_id,
            started_at=datetime.now(UTC),
            stages=stages,
            committed=committed,
        )
    _finish(engine, run_id, done.result)
    return done


def index_archive(
    engine: Engine, settings: Settings, selection: FootageSelection, *, profile: str = "", stages: Stages
) -> IndexResult:
    """Put a selection of footage into the index of a profile's encoder; empty: the installation's profile.

    Raises:
        ModelError: when the encoder is not to be had or breaks.
    """
    chosen = load_profile(profile or settings.profile)
    with engine.connect() as connection:
        videos = missing_from_index(connection, settings, chosen, selection)
    if not videos:
        return IndexResult()
    with engine.begin() as connection:
        run_id = scorer_store.start_run(connection, "index", code_version=__version__)
    told = segment_progress(videos, chosen, stages(f"indexing by the encoder of {chosen.name}", "segments"))
    with _record_failure(engine, run_id):
        encoder = load_index_encoder(engine, chosen, settings)
        result = index_videos(engine, videos, encoder, settings=settings, run_id=run_id, progress=told)
    with engine.begin() as connection:
        outcome = "failed" if result.failures else "success"
        scorer_store.finish_run(connection, run_id, outcome, dict(result.counts))
    return result


def quote_missing(engine: Engine, settings: Settings, rule: StoredRule, selection: FootageSelection) -> Quote:
    """What scoring all that is missing would take, in this one process."""
    with engine.connect() as connection:
        plan = compare_with_ledger(connection, settings, rule, selection)
    return plan.quote(tasks=min(1, len(plan.work)))


@dataclass(frozen=True, slots=True)
class _ScanRun:
    engine: Engine
    settings: Settings
    run_id: int
    profile: Profile
    stages: Stages
    committed: Callable[[], None]

    def score(
        self,
        rules: Sequence[StoredRule],
        selection: FootageSelection,
        budget: Budget,
        *,
        certified_too: bool = False,
    ) -> ScanResult:
        started = datetime.now(UTC)
        scorer = load_scorer(self.engine, self.profile, self.settings)
        meter = Meter(
            self.engine,
            self.run_id,
            scorer.stored.scorer_id,
            started,
            patience_s=self.settings.database_patience_s,
        )
        meter.record_start()
        with self.engine.connect() as connection:
            scorer_id = scorer.stored.scorer_id
            work = missing_work(connection, rules, scorer_id, selection, certified_too=certified_too)
        videos = [unit.video for unit in work]
        progress = segment_progress(videos, self.profile, self.stages(f"scoring by {self.profile.name}", "segments"))
        return scan(
            self.engine,
            work,
            scorer,
            settings=self.settings,
            meter=meter,
            budget=budget,
            progress=progress,
            committed=self.committed,
        )


def _register(engine: Engine, settings: Settings, stages: Stages) -> list[Registration]:
    """Register what is new in the archive."""
    sampling = load_profile(settings.profile).sampling
    new = find_new_files(engine, settings)
    progress = stages("reading new footage", "files")
    registered: list[Registration] = []
    for found in new:
        progress(len(registered), len(new))
        registered.append(register_file(engine, found, settings=settings, sampling=sampling))
    if new:
        progress(len(new), len(new))
    return registered


@contextmanager
def _record_failure(engine: Engine, run_id: int) -> Iterator[None]:
    """An error that ends the run stands with it."""
    try:
        yield
    except AnyAnomalyError as error:
        with engine.begin() as connection:
            scorer_store.finish_run(connection, run_id, "failed", {"error": str(error)})
        raise


def _finish(engine: Engine, run_id: int, result: ScanResult) -> list[dict[str, Any]]:
    """Note how the run ended; returns the bounds of a cascade."""
    with engine.begin() as connection:
        bounds = bounds_of_run(connection, run_id)
        summary = {**result.counts, **({"cascade": bounds} if bounds else {})}
        scorer_store.finish_run(connection, run_id, "failed" if result.failures else "success", summary)
    return bounds
