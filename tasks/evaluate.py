"""Tasks of the DAG ``evaluate_scorer``."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anyanomaly_core.config import Settings, get_settings
from anyanomaly_core.engine.progress import LoggedProgress
from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.benchmark_run import BenchmarkRun
from anyanomaly_core.evaluation.evaluate import evaluate
from anyanomaly_core.evaluation.labels.formats import open_archive
from anyanomaly_core.evaluation.labels.ground_truth import LabelledArchive
from anyanomaly_core.evaluation.measures import AUC, MEAN
from anyanomaly_core.evaluation.protocols import HONEST, REFERENCE
from anyanomaly_core.evaluation.report.tables import exclusions, footage_gaps, unscored_classes
from anyanomaly_core.evaluation.variants import UNCHANGED, ablation
from anyanomaly_core.profile import load_profile
from tasks.context import database, stall_watchdog

log = logging.getLogger(__name__)

MAX_TASKS = 500  # Airflow maps at most 1024
VIDEOS_PER_TASK = 4

Work = dict[str, Any]


def plan_evaluation(
    *,
    archive: str,
    label_format: str = "auto",
    classes: Sequence[str] = (),
    profile: str | None = None,
    ablate: Sequence[str] = (),
) -> list[Work]:
    """The videos of a labelled archive in parts for :func:`score_part`.

    Args:
        archive: folder under the setting ``evaluation_root``.
        label_format: as ``anyanomaly evaluate --format``.
        classes: of the labels; none: all.
        profile: built-in name or YAML file; none: the installation's.
        ablate: groups of variants.

    Raises:
        ConfigurationError: when there is no such archive or class, its labels cannot be read, or a group is unknown.
    """
    settings = get_settings()
    labelled = _open(settings, archive, label_format, classes)
    name = profile or settings.profile
    variants = ablation(load_profile(name), list(ablate))
    log.info("%s: %d videos, %d variants", labelled.name, len(labelled.videos), len(variants))
    for line in footage_gaps(labelled, most_names=20):
        log.warning("%s", line)
    size = max(VIDEOS_PER_TASK, -(-len(labelled.videos) // MAX_TASKS))
    common = {"archive": archive, "label_format": label_format, "classes": list(classes), "profile": name}
    common |= {"ablate": list(ablate)}
    return [
        {**common, "first": start, "count": len(part), "name": f"{part[0].name} and {len(part) - 1} more"}
        for start in range(0, len(labelled.videos), size)
        if (part := labelled.videos[start : start + size])
    ]


def score_part(part: Work) -> dict[str, int]:
    """Score some videos under every variant into the journals; what is there already is left alone.

    Raises:
        ModelError: when a model is not to be had or breaks as a whole.
    """
    settings = get_settings()
    labelled = _open(settings, part["archive"], part["label_format"], part["classes"])
    profile = load_profile(part["profile"])
    variants = ablation(profile, part["ablate"])
    chosen = labelled.videos[part["first"] : part["first"] + part["count"]]
    counts: Counter[str] = Counter()
    run = BenchmarkRun(labelled, profile, settings)
    with stall_watchdog(settings):
        for _, versions in run.predict(variants, videos=chosen, stages=LoggedProgress):
            counts.update(versions[0].statuses)
            counts["videos"] += 1
            counts["videos_without_scores"] += versions[0].problem is not None
    return dict(counts)


def measure(parts: Sequence[Work], *, run_name: str) -> dict[str, Any]:
    """Compute the figures from the journals, write the report and keep the figures in the database.

    Returns:
        Where the report lies, and the mean ROC-AUC of the profile.
    """
    settings = get_settings()
    first = parts[0]
    labelled = _open(settings, first["archive"], first["label_format"], first["classes"])
    out = (
        settings.state_dir
        / "evaluation"
        / "reports"
        / f"{first['archive'].replace('/', '-')}-{_as_file_name(run_name)}"
    )
    engine = database(settings)
    with stall_watchdog(settings):
        summary = evaluate(
            labelled,
            load_profile(first["profile"]),
            settings,
            groups=first["ablate"],
            protocols=(HONEST, REFERENCE),
            out=out,
            engine=engine,
            stages=LoggedProgress,
        )
    engine.dispose()
    mean = summary.find(UNCHANGED, MEAN, AUC)
    for line in (*unscored_classes(summary), *exclusions(summary, most_names=20)):
        log.warning("%s", line)
    log.info("Report: %s", out / "report.html")
    counts = summary.counts[UNCHANGED]
    return {
        "report": str(out / "report.html"),
        "roc_auc": None if mean is None else round(mean.value, 4),
        "videos": len(labelled.videos),
        "videos_without_scores": len(summary.problems),
        "rows": counts.rows,
        "rows_failed": counts.rows_failed,
    }


def _open(settings: Settings, archive: str, label_format: str, classes: Sequence[str]) -> LabelledArchive:
    if settings.evaluation_root is None:
        raise ConfigurationError("Set ANYANOMALY_EVALUATION_ROOT to the folder that holds labelled archives.")
    root = settings.evaluation_root.resolve()
    folder = (root / archive).resolve()
    if not folder.is_relative_to(root):
        raise ConfigurationError(f"{archive!r} leaves {root}, where the labelled archives lie.")
    if not folder.is_dir():
        known = ", ".join(sorted(path.name for path in root.iterdir() if path.is_dir())) if root.is_dir() else "none"
        raise ConfigurationError(f"There is no folder {archive!r} under {root}; there are: {known}.")
    texts = folder / "_labels" / "classes.csv"
    labelled = open_archive(folder, label_format=label_format, texts=texts if texts.exists() else None)
    return labelled.only(classes) if classes else labelled


def _as_file_name(name: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in Path(name).name)
