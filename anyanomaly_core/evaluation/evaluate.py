"""The whole of an evaluation: score what is missing, measure, write the report, keep the figures."""

import json
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine

from anyanomaly_core.config import LibrarySettings
from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.benchmark_run import BenchmarkRun, Progress
from anyanomaly_core.evaluation.labels.ground_truth import LabelledArchive
from anyanomaly_core.evaluation.protocols import HONEST, REFERENCE
from anyanomaly_core.evaluation.report import page, tables
from anyanomaly_core.evaluation.report.frames_file import write_frames
from anyanomaly_core.evaluation.store import store_summary
from anyanomaly_core.evaluation.summary import Summary, summarize
from anyanomaly_core.evaluation.variants import ablation
from anyanomaly_core.profile import Profile

RESAMPLES = 1000


def evaluate(
    archive: LabelledArchive,
    profile: Profile,
    settings: LibrarySettings,
    *,
    groups: Sequence[str] = (),
    protocols: Sequence[str] = (HONEST, REFERENCE),
    resamples: int = RESAMPLES,
    out: Path,
    engine: Engine | None = None,
    progress: Progress,
) -> Summary:
    """Evaluate a profile on a labelled archive; what was scored before is taken over.

    Args:
        archive: as ``open_archive`` reads it.
        profile: whose scores are judged.
        settings: for models, decoding limits and the state folder, where the scores are kept.
        groups: of ablations, see ``variants.GROUPS``.
        protocols: honest, reference.
        resamples: for the intervals.
        out: folder for report.md, measures.csv, report.html and frames.parquet, made if absent.
        engine: of the results database, for a writer; none: figures go into files only.
        progress: (video, variant) pairs done and in all.

    Raises:
        ConfigurationError: for an unknown group, a profile that cannot be used, or a folder that cannot be made.
        ModelError: when a model is not to be had or breaks; the next run goes on from there.
        OSError: when the report cannot be written.
    """
    variants = ablation(profile, list(groups))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:  # now, not after hours
        raise ConfigurationError(
            f"The folder {out} for the report cannot be made: {error}. Name another one."
        ) from None
    bench = BenchmarkRun(archive, profile, settings)
    scored = list(bench.predict(variants, progress=progress))
    summary = summarize(archive, variants, scored, chosen=protocols, resamples=resamples)
    write_report(summary, out)
    if engine is not None:
        revisions = {variant.name: bench.revisions(variant) for variant in variants}
        with engine.begin() as connection:
            store_summary(connection, summary, revisions, resamples=resamples)
    return summary


def write_report(summary: Summary, out: Path) -> None:
    """Write report.md, measures.csv, report.html, frames.parquet and the profile behind them."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.md").write_text(tables.markdown(summary), encoding="utf-8")
    tables.write_csv(summary, out / "measures.csv")
    write_frames(summary.curves, out / "frames.parquet")
    (out / "report.html").write_text(page.render(summary), encoding="utf-8")
    profile = summary.variants[0].profile.model_dump(mode="json")
    (out / "profile.json").write_text(json.dumps(profile, indent=1), encoding="utf-8")
