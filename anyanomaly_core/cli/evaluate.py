"""``anyanomaly evaluate`` and ``anyanomaly calibrate``: how good a profile is, and what its scores mean."""

import os
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from anyanomaly_core.cli.site import note, site
from anyanomaly_core.config import LibrarySettings, Settings
from anyanomaly_core.embedded.installation import LOCAL, for_footage
from anyanomaly_core.evaluation.evaluate import evaluate
from anyanomaly_core.evaluation.labels.formats import open_archive
from anyanomaly_core.evaluation.labels.ground_truth import LabelledArchive
from anyanomaly_core.evaluation.measures import AUC, MEAN
from anyanomaly_core.evaluation.metrics import Interval
from anyanomaly_core.evaluation.reliability import Method, calibration_error, reliability
from anyanomaly_core.evaluation.report.tables import footage_gaps
from anyanomaly_core.evaluation.store import judged_events, learn_map
from anyanomaly_core.evaluation.summary import Summary
from anyanomaly_core.evaluation.variants import GROUPS, UNCHANGED
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results.engine import make_engine

Row = tuple[Any, ...]
COLUMNS = [
    "variant", "class", "metric", "protocol", "value", "low", "high", "difference", "videos", "positives",
    "unscored_positives", "at_worst",
]  # fmt: skip
HELPS = ["group", "variant", "mean roc_auc", "low", "high", "difference", "difference low", "difference high"]
ALL, NONE = "all", "none"
LINE_EVERY_S = 30.0


def open_labelled(
    root: Path,
    labels: Path | None,
    label_format: str,
    texts: Path | None,
    *,
    classes: Sequence[str],
    most_videos: int,
) -> LabelledArchive:
    """The labelled archive, and a word about what was found."""
    archive = open_archive(root, labels=labels, label_format=label_format, texts=texts)
    if classes:
        archive = archive.only(classes)
    if most_videos:
        archive = archive.first(most_videos)
    note(f"{archive.name}: {len(archive.videos)} videos, {len(archive.classes)} classes: {', '.join(archive.classes)}.")
    for line in footage_gaps(archive, most_names=5):
        note(line)
    return archive


def run_evaluation(
    archive: LabelledArchive,
    root: Path,
    *,
    profile: str,
    ablate: str,
    protocols: list[str],
    resamples: int,
    out: Path,
    store: bool,
) -> Summary:
    """Evaluate, write the report, and keep the figures in the archive's installation if asked to."""
    groups = {ALL: list(GROUPS), NONE: []}.get(ablate, [name.strip() for name in ablate.split(",") if name.strip()])
    chosen = load_profile(profile)
    place: AbstractContextManager[LibrarySettings] = nullcontext(settings_without_database(root))
    if store:
        place = site(root, "", configure=_remembered(root))
    with place as settings:
        engine = make_engine(settings.database_url.get_secret_value()) if isinstance(settings, Settings) else None
        try:
            return evaluate(
                archive,
                chosen,
                settings,
                groups=groups,
                protocols=protocols,
                resamples=resamples,
                out=out,
                engine=engine,
                stages=_Lines,
            )
        finally:
            if engine is not None:
                engine.dispose()


class _Lines:
    """A line now and then of how far a stage is."""

    def __init__(self, name: str, unit: str) -> None:
        self._name, self._unit = name, unit
        self._began = self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last < LINE_EVERY_S and done < total:
            return
        self._last = now
        left = f", about {(now - self._began) / done * (total - done) / 60:.0f} minutes left" if done else ""
        note(f"{self._name}: {done} of {total} {self._unit}{left}.")


def ablation_rows(summary: Summary) -> list[Row]:
    """The mean ROC-AUC of every variant; none where the profile alone was judged."""
    found = [summary.find(variant.name, MEAN, AUC) for variant in summary.variants[1:]]
    return [
        (m.group, m.variant, m.value, *_ends(m.interval), m.difference, *_ends(m.difference_interval))
        for m in found
        if m is not None
    ]


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else (interval.low, interval.high)


def measure_rows(summary: Summary) -> list[Row]:
    """The figures as a relation."""
    return [
        (
            m.variant,
            m.label,
            m.metric,
            m.protocol,
            m.value,
            *_ends(m.interval),
            m.difference,
            m.basis.videos,
            m.basis.positives,
            m.basis.unscored_positives,
            m.worst,
        )
        for m in summary.measures
    ]


def failed_rows(summary: Summary) -> str | None:
    """How much could not be scored under the profile as it is, in a sentence; None: nothing."""
    counts = summary.counts[UNCHANGED]
    if summary.complete:
        return None
    return (
        f"{counts.rows_failed:,} of {counts.rows:,} segment rows failed, {len(summary.problems)} of "
        f"{len(summary.archive.videos)} videos have no scores at all. They are in no figure; the same command tries "
        "them again."
    )


def calibrate(rule: str, method: Method, stack: str) -> list[Row]:
    """Learn a rule's map from its verdicts; one row per bar of the reliability curve, before and after."""
    found: list[Row] = []
    with site(None, stack) as settings:
        engine = make_engine(settings.database_url.get_secret_value())
        with engine.begin() as connection:
            for scorer, (scores, real) in judged_events(connection, rule).items():
                learned = learn_map(connection, rule, scorer, method)
                for bar in reliability(scores, real):
                    probability = float(learned(scores[(scores >= bar.low) & (scores <= bar.high)]).mean())
                    found.append((scorer, bar.low, bar.high, bar.count, bar.mean_score, bar.share_right, probability))
                before = calibration_error(reliability(scores, real))
                after = calibration_error(reliability(learned(scores), real))
                note(
                    f"Scorer {scorer}: calibration error {before:.3f} before, {after:.3f} after, on the same verdicts."
                )
        engine.dispose()
    return found


def _remembered(root: Path) -> dict[str, str]:
    """What the archive's installation remembers already; a new one needs to know its archive. Nothing is scanned."""
    installation = for_footage(LOCAL, root)
    known = installation.settings if (installation.folder / "installation.json").exists() else {}
    return {**known, "ARCHIVE_ROOT": str(root.resolve())}


def settings_without_database(root: Path) -> LibrarySettings:
    """Settings without a database: the state folder is the environment's, or that of the archive's installation.

    So what was scored with ``--no-store`` is there without it, and the other way round.
    """
    state = Path(os.environ.get("ANYANOMALY_STATE_DIR", for_footage(LOCAL, root).folder / "state")).resolve()
    state.mkdir(parents=True, exist_ok=True)
    return LibrarySettings(state_dir=state)
